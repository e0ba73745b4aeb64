//! Where a release may go, for the page before the button: every environment of the project's lifecycle, whether it is
//! open, and the tenants that the project is connected to. Narrowed to what the visitor may see.

use super::outlook::{Obstacle, Outlook};
use crate::base::{
    error::Result,
    ids::{Environment, Id, Project, Tenant},
};
use crate::company::{
    access::{
        Columns, Granted, Reach, Rows,
        permissions::{ReleaseView, TenantView},
    },
    lifecycles,
    projects::TenantedMode,
};

/// Where a release may go.
#[derive(Debug, Clone)]
pub struct Choices {
    /// Whether the project is deployed for tenants.
    pub mode: TenantedMode,
    /// The environments of its lifecycle, in their order.
    pub places: Vec<Place>,
    /// The tenants connected to it, by name.
    pub tenants: Vec<Recipient>,
}

impl Choices {
    /// Where the release can go next, in the order of the phases: for somebody who does not have it there yet.
    pub fn next(&self) -> Vec<Id<Environment>> {
        self.places.iter().filter(|place| place.is_next).map(|place| place.id).collect()
    }
}

/// One environment.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its id.
    pub id: Id<Environment>,
    /// Its name.
    pub name: String,
    /// Why nothing can go there now; `None`: something can, without a tenant or for one of them.
    pub obstacle: Option<String>,
    /// The release can go there now for somebody who does not have it there yet.
    pub is_next: bool,
    /// Without a tenant; `None` where the project is deployed for tenants only.
    pub alone: Option<Verdict>,
    /// For each tenant, in the order of [`Choices::tenants`].
    pub tenants: Vec<Verdict>,
}

/// Whether a release can go to one environment for one tenant, or without one.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// Why not; `None`: it can.
    pub obstacle: Option<Obstacle>,
    /// The visitor may deploy there.
    pub may: bool,
    /// It has been there.
    pub has: bool,
}

impl Verdict {
    /// It can go there, and the visitor may send it.
    pub fn is_open(&self) -> bool {
        self.obstacle.is_none() && self.may
    }
    fn is_next(&self) -> bool {
        self.obstacle.is_none() && !self.has
    }
}

impl Place {
    /// Whether somebody has had the release there.
    pub fn has(&self) -> bool {
        self.alone.iter().chain(&self.tenants).any(|one| one.has)
    }
    /// Why nothing can go there now, in a few words: "Staging first".
    pub fn reason(&self) -> Option<&str> {
        self.obstacle.as_ref()?;
        let all = self.alone.iter().chain(&self.tenants).filter_map(|one| one.obstacle.as_ref());
        // Of those who are connected, if anybody is.
        Some(all.min_by_key(|why| why.field != "EnvironmentName").map_or("No tenant", |why| &why.reason))
    }
    /// Whether the visitor may send the release there, for anybody.
    pub fn is_open(&self) -> bool {
        self.alone.iter().chain(&self.tenants).any(Verdict::is_open)
    }
}

/// One tenant.
#[derive(Debug, Clone)]
pub struct Recipient {
    /// Its id.
    pub id: Id<Tenant>,
    /// Its name.
    pub name: String,
    /// What stands for it in addresses.
    pub slug: String,
    /// It takes no deployments.
    pub is_disabled: bool,
    /// The environments in which it is connected, of those the visitor may see.
    pub environments: Vec<Id<Environment>>,
}

/// Where the release may go.
pub fn choices(granted: &Granted<'_, ReleaseView>) -> Result<Choices> {
    let (space, release) = (granted.what().release.space_id(), granted.what().release.id());
    let tenants = granted.reach_of::<TenantView>(space);
    granted.read(|rows| {
        let outlook = Outlook::over(granted, rows, (space, release))?;
        let project = outlook.project();
        let recipients = match project.tenanted {
            TenantedMode::Untenanted => Vec::new(),
            _ => {
                let places = |tenant| outlook.ways().connected(tenant);
                recipients(rows, project.id, &tenants, outlook.seen(), places)?
            }
        };
        let mut places: Vec<Place> = Vec::new();
        for one in outlook.ways().phases.iter().flat_map(|phase| &phase.environments) {
            if outlook.seen().contains(&one.id) && places.iter().all(|other| other.id != one.id) {
                places.push(place(&outlook, (one.id, &one.name), &recipients));
            }
        }
        Ok(Choices { mode: project.tenanted, places, tenants: recipients })
    })
}

fn place(outlook: &Outlook, at: (Id<Environment>, &str), recipients: &[Recipient]) -> Place {
    let project = outlook.project();
    let verdict = |to: Option<&Recipient>| {
        let tenant = to.map(|one| one.id);
        Verdict {
            obstacle: outlook.obstacle(at, to.map(|one| (one.id, one.name.as_str(), one.is_disabled))),
            may: outlook.may(at.0, tenant),
            has: outlook.succeeded(at.0, tenant),
        }
    };
    let alone = project.tenanted.without_tenant().then(|| verdict(None));
    let tenants: Vec<Verdict> = recipients.iter().map(|one| verdict(Some(one))).collect();
    let all = || alone.iter().chain(&tenants);
    let obstacle = match all().any(|one| one.obstacle.is_none()) {
        true => None,
        false => {
            let here = recipients.iter().zip(&tenants);
            let mut here = here.filter(|(one, _)| !one.is_disabled && one.environments.contains(&at.0));
            let first = here.find_map(|(_, verdict)| verdict.obstacle.as_ref());
            let own = alone.as_ref().and_then(|verdict| verdict.obstacle.as_ref());
            Some(match (first, own) {
                // It is closed to each of them; the first stands for all.
                (Some(why), _) if recipients.len() > 1 => format!("No tenant can get it here yet. {}", why.sentence()),
                (Some(why), _) | (None, Some(why)) => why.sentence(),
                (None, None) => format!("No tenant that you can see is connected to {} in {}.", project.name, at.1),
            })
        }
    };
    let is_next = all().any(Verdict::is_next);
    Place { id: at.0, name: at.1.to_owned(), obstacle, is_next, alone, tenants }
}

/// The tenants of a reach that are connected to a project, by name, each with those of some environments in which it is.
pub(in crate::company) fn connected(
    rows: &Rows<'_>,
    project: Id<Project>,
    reach: &Reach,
    visible: &[Id<Environment>],
) -> Result<Vec<Recipient>> {
    let places = lifecycles::connected(rows, project)?;
    recipients(rows, project, reach, visible, |tenant| places.get(&tenant.0).map_or(&[], Vec::as_slice))
}

/// The same, where it is known already in which environments each is.
fn recipients<'p>(
    rows: &Rows<'_>,
    project: Id<Project>,
    reach: &Reach,
    visible: &[Id<Environment>],
    places: impl Fn(Id<Tenant>) -> &'p [Id<Environment>],
) -> Result<Vec<Recipient>> {
    let mut found = sql::recipients(rows, project, reach)?;
    for one in &mut found {
        one.environments = places(one.id).iter().copied().filter(|id| visible.contains(id)).collect();
    }
    Ok(found)
}

mod sql {
    use super::*;
    use rusqlite::params_from_iter;

    /// Without the environments in which they are.
    pub fn recipients(rows: &Rows<'_>, project: Id<Project>, reach: &Reach) -> Result<Vec<Recipient>> {
        let mut parameters = vec![project.0.into()];
        let seen = reach.condition(Columns { tenant: Some("t.id"), ..Columns::default() }, &mut parameters);
        let sql = format!(
            "SELECT t.id, t.name, t.slug, t.is_disabled FROM tenants t JOIN tenant_projects p ON p.tenant_id = t.id
             WHERE p.project_id = ?1 AND {seen} ORDER BY t.name_key"
        );
        rows.all(&sql, params_from_iter(&parameters), |row| {
            Ok(Recipient {
                id: row.get(0)?,
                name: row.get(1)?,
                slug: row.get(2)?,
                is_disabled: row.get(3)?,
                environments: Vec::new(),
            })
        })
    }
}

//! Where a release may go, for the page before the button: every environment of the project's lifecycle, whether it is
//! open, and the tenants that the project is connected to. Narrowed to what the visitor may see.

use super::deploy::Outlook;
use crate::base::{
    error::Result,
    ids::{Environment, Id, Project, Tenant},
};
use crate::company::{
    access::{
        Columns, Granted, Reach, Rows,
        permissions::{ReleaseView, TenantView},
    },
    lifecycles, projects,
    projects::TenantedMode,
    releases,
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

/// One environment.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its id.
    pub id: Id<Environment>,
    /// Its name.
    pub name: String,
    /// Why nothing can go there now; `None`: something can, without a tenant or for one of them.
    pub obstacle: Option<String>,
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
    let space = granted.what().release.space_id();
    let tenants = granted.reach_of::<TenantView>(space);
    granted.read(|rows| {
        let release = releases::by_id(rows, granted.what().release.id())?;
        let project = projects::by_id(rows, release.project)?;
        let outlook = Outlook::over(granted, rows, (space, project.id))?;
        let seen = &outlook.seen;
        let recipients = match project.tenanted {
            TenantedMode::Untenanted => Vec::new(),
            _ => sql::connected(rows, project.id, &tenants, seen)?,
        };
        let mut places = Vec::new();
        for phase in lifecycles::phases_for(rows, &project)? {
            for place in phase.environments.iter().filter(|place| seen.contains(&place.id)) {
                if places.iter().any(|other: &Place| other.id == place.id) {
                    continue;
                }
                let mut obstacle = None;
                if project.tenanted.without_tenant() {
                    obstacle = outlook.obstacle(rows, release.id, place.id, None)?;
                }
                if project.tenanted == TenantedMode::Tenanted || obstacle.is_some() {
                    let here = recipients.iter().filter(|one| !one.is_disabled && one.environments.contains(&place.id));
                    let mut first = None;
                    let mut open = false;
                    for one in here {
                        match outlook.obstacle(rows, release.id, place.id, Some(one.id))? {
                            None => {
                                open = true;
                                break;
                            }
                            why => first = first.or(why),
                        }
                    }
                    obstacle = match (open, obstacle, first) {
                        (true, ..) => None,
                        (_, Some(why), None) => Some(why),
                        // It is closed to each of them; the first stands for all.
                        (_, _, Some(why)) if recipients.len() > 1 => {
                            Some(format!("No tenant can get it here yet. {why}"))
                        }
                        (_, _, Some(why)) => Some(why),
                        (_, None, None) => {
                            Some(format!("No tenant is connected to {} in {}.", project.name, place.name))
                        }
                    };
                }
                places.push(Place { id: place.id, name: place.name.clone(), obstacle });
            }
        }
        Ok(Choices { mode: project.tenanted, places, tenants: recipients })
    })
}

/// The tenants of a reach that are connected to a project, by name, each with those of some environments in which it is.
pub(in crate::company) fn connected(
    rows: &Rows<'_>,
    project: Id<Project>,
    reach: &Reach,
    visible: &[Id<Environment>],
) -> Result<Vec<Recipient>> {
    sql::connected(rows, project, reach, visible)
}

mod sql {
    use super::*;
    use rusqlite::params_from_iter;

    pub fn connected(
        rows: &Rows<'_>,
        project: Id<Project>,
        reach: &Reach,
        visible: &[Id<Environment>],
    ) -> Result<Vec<Recipient>> {
        let mut parameters = vec![project.0.into()];
        let seen = reach.condition(Columns { tenant: Some("t.id"), ..Columns::default() }, &mut parameters);
        let sql = format!(
            "SELECT t.id, t.name, t.slug, t.is_disabled,
                    (SELECT json_group_array(e.environment_id) FROM tenant_environments e WHERE e.tenant_id = t.id AND e.project_id = ?1)
             FROM tenants t JOIN tenant_projects p ON p.tenant_id = t.id WHERE p.project_id = ?1 AND {seen} ORDER BY t.name_key"
        );
        rows.all(&sql, params_from_iter(&parameters), |row| {
            let environments: String = row.get(4)?;
            let environments: Vec<i64> = serde_json::from_str(&environments).unwrap_or_default();
            Ok(Recipient {
                id: row.get(0)?,
                name: row.get(1)?,
                slug: row.get(2)?,
                is_disabled: row.get(3)?,
                environments: environments.into_iter().map(Id::new).filter(|id| visible.contains(id)).collect(),
            })
        })
    }
}

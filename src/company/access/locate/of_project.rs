//! Where that is which belongs to a project: channels, releases, deployments, runbooks with their snapshots and runs.

use super::{Found, Locate, Scoping, Within};
use crate::{
    base::{
        error::Result,
        ids::{Channel, Deployment, Id, Kind, Release, Runbook, RunbookRun, RunbookSnapshot},
        names,
    },
    company::access::{
        permissions::{self as catalogue, Info, Permission},
        policy::{Check, Ids},
        rows::Rows,
    },
};

/// How something of a project is found: it, as `x`, in `from`; what it is called by within its project, each unique there;
/// and the columns of what else it belongs to. `None`: that is beside the point for it.
struct OfProject {
    from: &'static str,
    names: &'static [&'static str],
    environment: Option<&'static str>,
    tenant: Option<&'static str>,
    runbook: Option<&'static str>,
}

impl OfProject {
    const fn named(from: &'static str, names: &'static [&'static str]) -> OfProject {
        OfProject { from, names, environment: None, tenant: None, runbook: None }
    }

    /// By id, and within its project by what it is called too.
    fn find<T: Kind>(&self, rows: &Rows<'_>, within: Within, text: &str) -> Result<Option<Found>> {
        let id = Id::<T>::parse(text).map_or(0, |id| id.0);
        let column = |column: Option<&'static str>| column.unwrap_or("NULL");
        let mut sql = format!(
            "SELECT x.id, p.space_id, p.id, p.group_id, {}, {}, {} FROM {} JOIN projects p ON p.id = x.project_id WHERE ",
            column(self.environment),
            column(self.tenant),
            column(self.runbook),
            self.from
        );
        let read = |row: &rusqlite::Row<'_>| {
            let of = |place: usize, column: Option<&str>| match column {
                None => Ok::<_, rusqlite::Error>(Ids::Any),
                Some(_) => Ok(row.get::<_, Option<i64>>(place)?.map_or(Ids::None, Ids::One)),
            };
            Ok::<_, rusqlite::Error>(Found {
                id: row.get(0)?,
                space: Some(row.get(1)?),
                projects: Ids::One(row.get(2)?),
                groups: Ids::One(row.get(3)?),
                environments: of(4, self.environment)?,
                tenants: of(5, self.tenant)?,
                runbooks: of(6, self.runbook)?,
            })
        };
        match within {
            Within::Company => rows.one(&(sql + "x.id = ?1"), [id], read),
            Within::Space(space) => rows.one(&(sql + "x.id = ?1 AND p.space_id = ?2"), (id, space), read),
            Within::Project(project) => {
                let is = |name: &&str| format!("x.{name} = ?3");
                let called: Vec<String> = self.names.iter().map(is).collect();
                let any: String = called.iter().map(|one| format!(" OR {one}")).collect();
                let order: String = called.iter().map(|one| format!(", {one} DESC")).collect();
                sql += &format!("x.project_id = ?2 AND (x.id = ?1{any}) ORDER BY x.id = ?1 DESC{order} LIMIT 1");
                match self.names {
                    [] => rows.one(&sql, (id, project), read),
                    _ => rows.one(&sql, (id, project, names::key(text)), read),
                }
            }
        }
    }
}

macro_rules! of_project {
    ($($kind:ident $view:ident $of:expr;)*) => {$(
        impl Locate for $kind {
            fn view() -> Option<&'static Info> { Some(<catalogue::$view as Permission>::INFO) }
            fn find(rows: &Rows<'_>, within: Within, text: &str) -> Result<Option<Found>> {
                const OF: OfProject = $of;
                OF.find::<$kind>(rows, within, text)
            }
        }
    )*};
}
of_project! {
    Channel ProcessView OfProject::named("channels x", &["slug", "name_key"]);
    Release ReleaseView OfProject::named("releases x", &["version_key"]);
    Runbook RunbookView OfProject { runbook: Some("x.id"), ..OfProject::named("runbooks x", &["slug", "name_key"]) };
    RunbookSnapshot RunbookView OfProject {
        runbook: Some("x.runbook_id"),
        ..OfProject::named(
            "(SELECT s.id, s.runbook_id, r.project_id FROM runbook_snapshots s JOIN runbooks r ON r.id = s.runbook_id) x",
            &[],
        )
    };
    Deployment DeploymentView OfProject {
        environment: Some("x.environment_id"),
        tenant: Some("x.tenant_id"),
        ..OfProject::named("deployments x", &[])
    };
    RunbookRun RunbookRunView OfProject {
        environment: Some("x.environment_id"),
        tenant: Some("x.tenant_id"),
        runbook: Some("x.runbook_id"),
        ..OfProject::named("runbook_runs x", &[])
    };
}
impl Scoping for Runbook {
    fn dimension(check: &mut Check) -> &mut Ids {
        &mut check.runbooks
    }
}

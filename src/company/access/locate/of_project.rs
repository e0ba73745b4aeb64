//! Where that is which belongs to a project: channels, releases, deployments, runbooks with their snapshots and runs.

use super::{Found, Hit, Locate, Scoping, Within, Word, settle};
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
    called: Called,
    environment: Option<&'static str>,
    tenant: Option<&'static str>,
    runbook: Option<&'static str>,
}

/// What something is called by within its project.
enum Called {
    /// By its id alone.
    Nothing,
    /// By the key of its version.
    Version,
    /// By its slug and the key of its name.
    Name,
}

impl OfProject {
    const fn called(from: &'static str, called: Called) -> OfProject {
        OfProject { from, called, environment: None, tenant: None, runbook: None }
    }

    /// By id, and within its project by what it is called too.
    fn find<T: Kind>(&self, rows: &Rows<'_>, within: Within, word: Word<'_>) -> Result<Vec<Found>> {
        let id = Id::<T>::parse(word.text).map_or(0, |id| id.0);
        let column = |column: Option<&'static str>| column.unwrap_or("NULL");
        let by = |more: &str, condition: &str| {
            format!(
                "SELECT x.id, p.space_id, p.id, p.group_id, {}, {}, {}{more} FROM {} JOIN projects p ON p.id = x.project_id
                 WHERE {condition}",
                column(self.environment),
                column(self.tenant),
                column(self.runbook),
                self.from
            )
        };
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
        let project = match within {
            Within::Company => return rows.all(&by("", "x.id = ?1"), [id], read),
            Within::Space(space) => return rows.all(&by("", "x.id = ?1 AND p.space_id = ?2"), (id, space), read),
            Within::Project(project) => project,
        };
        let found = rows.all(&by("", "x.id = ?1 AND x.project_id = ?2"), (id, project), read)?;
        if !found.is_empty() {
            return Ok(found);
        }
        let key = names::key(word.text);
        let hit = |more: &str, condition: &str| {
            rows.one(&by(more, condition), (project, &key), |row| {
                let what = read(row)?;
                Ok(Hit { id: what.id, exact: word.is_spelt(&row.get::<_, String>(7)?), what })
            })
        };
        match self.called {
            Called::Nothing => Ok(Vec::new()),
            Called::Version => rows.all(&by("", "x.project_id = ?1 AND x.version_key = ?2"), (project, &key), read),
            Called::Name => settle(
                word,
                || hit(", x.slug", "x.project_id = ?1 AND x.slug = ?2"),
                || hit(", x.name", "x.project_id = ?1 AND x.name_key = ?2"),
            ),
        }
    }
}

macro_rules! of_project {
    ($($kind:ident $view:ident $of:expr;)*) => {$(
        impl Locate for $kind {
            fn view() -> Option<&'static Info> { Some(<catalogue::$view as Permission>::INFO) }
            fn find(rows: &Rows<'_>, within: Within, word: Word<'_>) -> Result<Vec<Found>> {
                const OF: OfProject = $of;
                OF.find::<$kind>(rows, within, word)
            }
        }
    )*};
}
of_project! {
    Channel ProcessView OfProject::called("channels x", Called::Name);
    Release ReleaseView OfProject::called("releases x", Called::Version);
    Runbook RunbookView OfProject { runbook: Some("x.id"), ..OfProject::called("runbooks x", Called::Name) };
    RunbookSnapshot RunbookView OfProject {
        runbook: Some("x.runbook_id"),
        ..OfProject::called(
            "(SELECT s.id, s.runbook_id, r.project_id FROM runbook_snapshots s JOIN runbooks r ON r.id = s.runbook_id) x",
            Called::Nothing,
        )
    };
    Deployment DeploymentView OfProject {
        environment: Some("x.environment_id"),
        tenant: Some("x.tenant_id"),
        ..OfProject::called("deployments x", Called::Nothing)
    };
    RunbookRun RunbookRunView OfProject {
        environment: Some("x.environment_id"),
        tenant: Some("x.tenant_id"),
        runbook: Some("x.runbook_id"),
        ..OfProject::called("runbook_runs x", Called::Nothing)
    };
}
impl Scoping for Runbook {
    fn dimension(check: &mut Check) -> &mut Ids {
        &mut check.runbooks
    }
}

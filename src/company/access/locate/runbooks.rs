//! Where a runbook is, and where it was run.

use super::{Found, Locate, Scoping, Within};
use crate::{
    base::{
        error::Result,
        ids::{Id, Runbook, RunbookRun, RunbookSnapshot},
        names,
    },
    company::access::{
        permissions::{self as catalogue, Info, Permission},
        policy::{Check, Ids},
        rows::Rows,
    },
};

impl Locate for Runbook {
    fn view() -> Option<&'static Info> {
        Some(catalogue::RunbookView::INFO)
    }
    /// By id, and within a project by slug or name too.
    fn find(rows: &Rows<'_>, within: Within, text: &str) -> Result<Option<Found>> {
        let id = Id::<Runbook>::parse(text).map_or(0, |id| id.0);
        let (condition, container) = match within {
            Within::Company => ("r.id = ?1 AND ?2 = 0 AND ?3 IS NOT NULL", 0),
            Within::Space(space) => ("r.id = ?1 AND r.space_id = ?2 AND ?3 IS NOT NULL", space),
            Within::Project(project) => {
                ("r.project_id = ?2 AND (r.id = ?1 OR r.slug = ?3 OR r.name_key = ?3)", project)
            }
        };
        let sql = format!(
            "SELECT r.id, r.space_id, r.project_id, p.group_id FROM runbooks r JOIN projects p ON p.id = r.project_id
             WHERE {condition} ORDER BY r.id = ?1 DESC, r.slug = ?3 DESC LIMIT 1"
        );
        rows.one(&sql, (id, container, names::key(text)), |row| {
            Ok(Found {
                id: row.get(0)?,
                space: Some(row.get(1)?),
                projects: Ids::One(row.get(2)?),
                groups: Ids::One(row.get(3)?),
                runbooks: Ids::One(row.get(0)?),
                ..Found::default()
            })
        })
    }
}
impl Scoping for Runbook {
    fn dimension(check: &mut Check) -> &mut Ids {
        &mut check.runbooks
    }
}

impl Locate for RunbookSnapshot {
    fn view() -> Option<&'static Info> {
        Some(catalogue::RunbookView::INFO)
    }
    fn find(rows: &Rows<'_>, within: Within, text: &str) -> Result<Option<Found>> {
        let id = Id::<RunbookSnapshot>::parse(text).map_or(0, |id| id.0);
        let space = if let Within::Space(space) = within { space } else { 0 };
        let sql = "SELECT s.id, r.space_id, r.project_id, p.group_id, r.id FROM runbook_snapshots s JOIN runbooks r ON r.id = s.runbook_id
                   JOIN projects p ON p.id = r.project_id WHERE s.id = ?1 AND (?2 = 0 OR r.space_id = ?2)";
        rows.one(sql, (id, space), |row| {
            Ok(Found {
                id: row.get(0)?,
                space: Some(row.get(1)?),
                projects: Ids::One(row.get(2)?),
                groups: Ids::One(row.get(3)?),
                runbooks: Ids::One(row.get(4)?),
                ..Found::default()
            })
        })
    }
}

impl Locate for RunbookRun {
    fn view() -> Option<&'static Info> {
        Some(catalogue::RunbookRunView::INFO)
    }
    fn find(rows: &Rows<'_>, within: Within, text: &str) -> Result<Option<Found>> {
        let id = Id::<RunbookRun>::parse(text).map_or(0, |id| id.0);
        let space = if let Within::Space(space) = within { space } else { 0 };
        let sql = "SELECT r.id, r.space_id, r.project_id, p.group_id, r.environment_id, r.tenant_id, r.runbook_id
                   FROM runbook_runs r JOIN projects p ON p.id = r.project_id WHERE r.id = ?1 AND (?2 = 0 OR r.space_id = ?2)";
        rows.one(sql, (id, space), |row| {
            Ok(Found {
                id: row.get(0)?,
                space: Some(row.get(1)?),
                projects: Ids::One(row.get(2)?),
                groups: Ids::One(row.get(3)?),
                environments: Ids::One(row.get(4)?),
                tenants: row.get::<_, Option<i64>>(5)?.map_or(Ids::None, Ids::One),
                runbooks: Ids::One(row.get(6)?),
            })
        })
    }
}

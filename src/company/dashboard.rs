//! What runs where: the latest deployment to each place, and how far it is behind. For the dashboard and for a tenant's
//! page.
//!
//! Shows only what each proof reaches; knows nothing of pages.

#[cfg(test)]
mod oracle;

use super::{
    access::{
        Columns, Granted,
        permissions::{DeploymentCreate, DeploymentView, List, ProjectView, ReleaseView},
    },
    deployments::{self, Deployment, Filter},
};
use crate::base::{
    error::Result,
    ids::{Environment, Id},
};
use std::collections::{HashMap, HashSet};

/// The latest deployment to a place.
#[derive(Debug, Clone)]
pub struct Spot {
    /// The deployment.
    pub deployment: Deployment,
    /// How many releases of the project are newer than its; 0 for who may not see releases.
    pub behind: u32,
}

/// The latest deployment to each place (project, environment, tenant) that the visitor may see.
pub fn spots(granted: &Granted<'_, List<DeploymentView>>, filter: &Filter) -> Result<Vec<Spot>> {
    let latest = deployments::latest(granted, filter)?;
    let releases: HashSet<i64> = latest.iter().map(|deployment| deployment.release.0).collect();
    let reach = granted.reach_of::<ReleaseView>(granted.what().space());
    let behind = granted.read(|rows| {
        let mut parameters = vec![serde_json::json!(releases).to_string().into()];
        let columns = Columns { group: Some("p.group_id"), project: Some("p.id"), ..Columns::default() };
        let seen = reach.condition(columns, &mut parameters);
        sql::newer(rows, &seen, &parameters)
    })?;
    let of =
        |deployment: Deployment| Spot { behind: behind.get(&deployment.release.0).copied().unwrap_or(0), deployment };
    Ok(latest.into_iter().map(of).collect())
}

/// The newest release of each of some projects: its version, by the project's number.
pub fn newest(granted: &Granted<'_, List<ReleaseView>>, projects: &[i64]) -> Result<HashMap<i64, String>> {
    let reach = granted.reach();
    granted.read(|rows| {
        let mut parameters = vec![serde_json::json!(projects).to_string().into(), granted.what().space().into()];
        let columns = Columns { group: Some("p.group_id"), project: Some("p.id"), ..Columns::default() };
        let seen = reach.condition(columns, &mut parameters);
        sql::newest(rows, &seen, &parameters)
    })
}

/// The environments that the visitor may deploy a project to, for anybody that it is deployed for: a tenant that is
/// connected there and takes deployments, or none.
pub fn open(granted: &Granted<'_, ProjectView>) -> Result<Vec<Id<Environment>>> {
    let at = &granted.what().project;
    let reach = granted.reach_of::<DeploymentCreate>(at.space_id());
    Ok(granted
        .read(|rows| sql::open(rows, at.space_id(), &[at.id().0], &reach))?
        .into_iter()
        .map(|(_, id)| Id::new(id))
        .collect())
}

/// The pairs of project and environment that the projects' lifecycles leave out (`domain §5`).
pub fn left_out(granted: &Granted<'_, List<ProjectView>>, projects: &[i64]) -> Result<HashSet<(i64, i64)>> {
    let reach = granted.reach();
    granted.read(|rows| {
        let mut parameters = vec![granted.what().space().into(), serde_json::json!(projects).to_string().into()];
        let columns = Columns { group: Some("p.group_id"), project: Some("p.id"), ..Columns::default() };
        let seen = reach.condition(columns, &mut parameters);
        sql::left_out(rows, &seen, &parameters)
    })
}

mod sql {
    use super::*;
    use crate::company::access::{Reach, Rows};
    use rusqlite::{params_from_iter, types::Value};

    pub fn newer(rows: &Rows<'_>, seen: &str, parameters: &[Value]) -> Result<HashMap<i64, u32>> {
        let sql = format!(
            "SELECT r.id, (SELECT count(*) FROM releases n WHERE n.project_id = r.project_id AND n.id > r.id)
             FROM releases r JOIN projects p ON p.id = r.project_id WHERE r.id IN (SELECT value FROM json_each(?1)) AND {seen}"
        );
        let found = rows.all(&sql, params_from_iter(parameters), |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(found.into_iter().collect())
    }

    pub fn newest(rows: &Rows<'_>, seen: &str, parameters: &[Value]) -> Result<HashMap<i64, String>> {
        let sql = format!(
            "SELECT p.id, (SELECT version FROM releases r WHERE r.project_id = p.id ORDER BY r.id DESC LIMIT 1)
             FROM projects p WHERE p.id IN (SELECT value FROM json_each(?1)) AND p.space_id = ?2 AND {seen}"
        );
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, Option<String>>(1)?));
        let found: Vec<(i64, Option<String>)> = rows.all(&sql, params_from_iter(parameters), read)?;
        Ok(found.into_iter().filter_map(|(project, version)| Some((project, version?))).collect())
    }

    pub fn open(rows: &Rows<'_>, space: i64, projects: &[i64], reach: &Reach) -> Result<HashSet<(i64, i64)>> {
        if reach.is_nothing() {
            return Ok(HashSet::new());
        }
        let mut parameters: Vec<Value> = vec![space.into(), serde_json::json!(projects).to_string().into()];
        let of = Columns { group: Some("p.group_id"), project: Some("p.id"), ..Columns::default() };
        let without = Columns { environment: Some("e.id"), tenant: Some("NULL"), ..of };
        let with = Columns { environment: Some("c.environment_id"), tenant: Some("c.tenant_id"), ..of };
        let (without, with) = (reach.condition(without, &mut parameters), reach.condition(with, &mut parameters));
        let sql = format!(
            "SELECT p.id, e.id FROM projects p JOIN environments e ON e.space_id = p.space_id
             WHERE p.space_id = ?1 AND p.id IN (SELECT value FROM json_each(?2)) AND p.tenanted <> 'Tenanted' AND {without}
             UNION SELECT p.id, c.environment_id FROM projects p JOIN tenant_projects o ON o.project_id = p.id
             JOIN tenant_environments c ON c.tenant_id = o.tenant_id AND c.project_id = o.project_id
             JOIN tenants t ON t.id = c.tenant_id AND t.is_disabled = 0
             WHERE p.space_id = ?1 AND p.id IN (SELECT value FROM json_each(?2)) AND p.tenanted <> 'Untenanted' AND {with}"
        );
        let found = rows.all(&sql, params_from_iter(&parameters), |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(found.into_iter().collect())
    }

    pub fn left_out(rows: &Rows<'_>, seen: &str, parameters: &[Value]) -> Result<HashSet<(i64, i64)>> {
        let sql = format!(
            "SELECT p.id, e.id FROM projects p JOIN environments e ON e.space_id = p.space_id
             WHERE p.space_id = ?1 AND p.id IN (SELECT value FROM json_each(?2)) AND {seen}
               AND EXISTS (SELECT 1 FROM phases f WHERE f.lifecycle_id = p.lifecycle_id)
               AND NOT EXISTS (SELECT 1 FROM phases f LEFT JOIN phase_environments x ON x.phase_id = f.id
                               WHERE f.lifecycle_id = p.lifecycle_id AND (x.environment_id IS NULL OR x.environment_id = e.id))"
        );
        let found = rows.all(&sql, params_from_iter(parameters), |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(found.into_iter().collect())
    }
}

//! Where a reach leads in one project: its environments, each for no tenant and for the tenants connected there.

use crate::{
    base::{
        error::Result,
        ids::{Environment, Id, Project, Tenant},
    },
    company::access::{Columns, Reach, Rows},
};
use rusqlite::params_from_iter;
use std::collections::HashSet;

/// An environment, and for which tenant of the project's or for none.
type Spot = (Id<Environment>, Option<Id<Tenant>>);

/// The places of a project inside a reach.
#[derive(Debug, Clone)]
pub(in crate::company) struct Places(Option<HashSet<Spot>>);

impl Places {
    /// Of one project.
    pub fn of(rows: &Rows<'_>, project: Id<Project>, reach: &Reach) -> Result<Places> {
        let listed = if reach.is_all() { None } else { Some(listed(rows, project, reach)?) };
        Ok(Places(listed))
    }
    /// Whether it is among them.
    pub fn have(&self, environment: Id<Environment>, tenant: Option<Id<Tenant>>) -> bool {
        self.0.as_ref().is_none_or(|places| places.contains(&(environment, tenant)))
    }
}

fn listed(rows: &Rows<'_>, project: Id<Project>, reach: &Reach) -> Result<HashSet<Spot>> {
    let mut parameters = vec![project.0.into()];
    let columns = Columns { group: Some("p.group_id"), project: Some("p.id"), ..Columns::default() };
    let untenanted = Columns { environment: Some("e.id"), tenant: Some("NULL"), ..columns };
    let tenanted = Columns { environment: Some("c.environment_id"), tenant: Some("c.tenant_id"), ..columns };
    let untenanted = reach.condition(untenanted, &mut parameters);
    let tenanted = reach.condition(tenanted, &mut parameters);
    let sql = format!(
        "SELECT e.id, NULL FROM projects p JOIN environments e ON e.space_id = p.space_id WHERE p.id = ?1 AND {untenanted}
         UNION ALL SELECT c.environment_id, c.tenant_id FROM projects p JOIN tenant_projects o ON o.project_id = p.id
         JOIN tenant_environments c ON c.tenant_id = o.tenant_id AND c.project_id = o.project_id
         WHERE p.id = ?1 AND {tenanted}"
    );
    Ok(rows.all(&sql, params_from_iter(&parameters), |row| Ok((row.get(0)?, row.get(1)?)))?.into_iter().collect())
}

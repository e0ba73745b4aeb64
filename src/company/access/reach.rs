//! Which rows a list may show: the same rules as [`super::policy`], as a condition in SQL, so that counts and pages
//! count and page only what the visitor may see (`access-rules §7`).

use super::{
    permissions::Info,
    policy::{Grants, Limit},
};
use crate::base::clock::Moment;
use rusqlite::types::Value;

/// Columns that a list has for each dimension. `None`: the rows have no such thing and the dimension is beside the point.
///
/// For rows with several values (a target in two environments) give a whole condition with `$` where the list of allowed
/// ids goes: `"EXISTS (SELECT 1 FROM target_environments e WHERE e.target_id = t.id AND e.environment_id IN $)"`. What
/// holds for rows without any value is then for the condition to say.
#[derive(Debug, Clone, Copy, Default)]
pub struct Columns {
    /// The project's group.
    pub group: Option<&'static str>,
    /// The project.
    pub project: Option<&'static str>,
    /// The environment.
    pub environment: Option<&'static str>,
    /// The tenant.
    pub tenant: Option<&'static str>,
    /// The runbook. Rows without one are outside a restriction, also where `null_is_any`, unless the condition says else.
    pub runbook: Option<&'static str>,
    /// Rows where a column is null are outside that dimension: the dimension is beside the point for them (tasks), and
    /// not "has no value" (untenanted deployments).
    pub null_is_any: bool,
}

/// What one visitor may see of one kind in one place.
#[derive(Debug, Clone)]
pub struct Reach {
    /// One entry a grant; empty: nothing is seen. `None`: all is seen.
    shapes: Option<Vec<Shape>>,
    explicit: bool,
}

/// `None`: all of them.
type Ids = Option<Vec<i64>>;

#[derive(Debug, Clone, PartialEq)]
struct Shape {
    groups: Option<Vec<i64>>,
    projects: Option<Vec<i64>>,
    environments: Option<Vec<i64>>,
    tenants: Option<Vec<i64>>,
    runbooks: Option<Vec<i64>>,
    /// A second restriction to groups and projects, beside the first.
    within: Option<(Ids, Ids)>,
}

impl Reach {
    /// Works out the reach of a permission in a space (`None`: at system level).
    pub(super) fn new(grants: &Grants, info: &Info, space: Option<i64>, now: Moment) -> Reach {
        let mut shapes = Vec::new();
        for grant in grants.of(info) {
            if grant.space != space || grant.until.is_some_and(|until| until <= now) {
                continue;
            }
            let ids = |honoured: bool, limit: &Limit| if honoured { limit.ids() } else { None };
            let shape = Shape {
                groups: ids(info.groups || info.projects, &grant.groups),
                projects: ids(info.projects, &grant.projects),
                environments: ids(info.environments, &grant.environments),
                tenants: ids(info.tenants, &grant.tenants),
                runbooks: ids(info.runbooks, &grant.runbooks),
                within: grant.within.as_deref().map(|within| {
                    (ids(info.groups || info.projects, &within.groups), ids(info.projects, &within.projects))
                }),
            };
            if shape.groups.is_none()
                && shape.projects.is_none()
                && shape.environments.is_none()
                && shape.tenants.is_none()
                && shape.runbooks.is_none()
                && shape.within.as_ref().is_none_or(|within| *within == (None, None))
            {
                return Reach { shapes: None, explicit: info.explicit };
            }
            if !shapes.contains(&shape) {
                shapes.push(shape);
            }
        }
        Reach { shapes: Some(shapes), explicit: info.explicit }
    }

    /// Whether every row is inside.
    pub fn is_all(&self) -> bool {
        self.shapes.is_none()
    }

    /// Whether no row can be inside.
    pub fn is_nothing(&self) -> bool {
        self.shapes.as_ref().is_some_and(Vec::is_empty)
    }

    /// A condition for `WHERE`, in brackets; what it needs is added to `parameters`, numbered after those already there.
    pub fn condition(&self, columns: Columns, parameters: &mut Vec<Value>) -> String {
        let Some(shapes) = &self.shapes else { return "(1)".into() };
        let alternatives: Vec<String> = shapes.iter().map(|shape| self.one(shape, columns, parameters)).collect();
        if alternatives.is_empty() { "(0)".into() } else { format!("({})", alternatives.join(" OR ")) }
    }

    fn one(&self, shape: &Shape, columns: Columns, parameters: &mut Vec<Value>) -> String {
        let mut parts = Vec::new();
        let mut inside = |column: &str, ids: &[i64]| {
            parameters.push(Value::Text(format!("[{}]", ids.iter().map(i64::to_string).collect::<Vec<_>>().join(","))));
            let list = format!("(SELECT value FROM json_each(?{}))", parameters.len());
            if column.contains('$') {
                format!("({})", column.replace('$', &list))
            } else {
                format!("{column} IN {list}")
            }
        };
        let nullable = |column: &str, condition: String| {
            if columns.null_is_any && !column.contains('$') {
                format!("({column} IS NULL OR {condition})")
            } else {
                condition
            }
        };
        let second = shape.within.as_ref().map(|(groups, projects)| (groups, projects));
        for (groups, projects) in [Some((&shape.groups, &shape.projects)), second].into_iter().flatten() {
            let mut project = Vec::new();
            if let (Some(ids), Some(column)) = (groups, columns.group) {
                project.push(inside(column, ids));
            }
            if let (Some(ids), Some(column)) = (projects, columns.project) {
                project.push(inside(column, ids));
            }
            if !project.is_empty() {
                let column = columns.project.or(columns.group).unwrap_or("NULL");
                parts.push(nullable(column, format!("({})", project.join(" OR "))));
            } else if columns.group.is_some() != columns.project.is_some()
                && columns.project.is_some()
                && groups.is_some()
            {
                // Limited to groups, but the rows do not say their group: nothing of this grant can be shown.
                parts.push("0".into());
            }
        }
        if let (Some(ids), Some(column)) = (&shape.environments, columns.environment) {
            parts.push(nullable(column, inside(column, ids)));
        }
        if let (Some(ids), Some(column)) = (&shape.tenants, columns.tenant) {
            let condition = inside(column, ids);
            let open = (columns.null_is_any || !self.explicit) && !column.contains('$');
            parts.push(if open { format!("({column} IS NULL OR {condition})") } else { condition });
        }
        if let (Some(ids), Some(column)) = (&shape.runbooks, columns.runbook) {
            parts.push(inside(column, ids));
        }
        if parts.is_empty() { "(1)".into() } else { format!("({})", parts.join(" AND ")) }
    }
}

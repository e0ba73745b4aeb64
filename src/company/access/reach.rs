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
    /// not "has no value". Work for no tenant is never beside the point: that is for the permission to say.
    pub null_is_any: bool,
}

/// What one visitor may see of one kind in one place.
#[derive(Debug, Clone)]
pub struct Reach {
    /// One entry a grant; empty: nothing is seen. `None`: all is seen.
    shapes: Option<Vec<Shape>>,
    explicit: bool,
}

/// Where one or several grants hold; a limit that is beside the point is none.
#[derive(Debug, Clone, PartialEq)]
struct Shape {
    projects: Projects,
    environments: Limit,
    tenants: Limit,
    runbooks: Limit,
    /// A second restriction to groups and projects, beside the first.
    within: Option<Projects>,
}

/// Project groups and projects, which are one dimension: what is listed in either is inside. None listed: all are.
#[derive(Debug, Clone, PartialEq)]
struct Projects {
    groups: Limit,
    projects: Limit,
}

impl Projects {
    fn is_all(&self) -> bool {
        self.groups.is_all() && self.projects.is_all()
    }
    fn or(&self, other: &Projects) -> Projects {
        if self.is_all() || other.is_all() {
            return Projects { groups: Limit::All, projects: Limit::All };
        }
        // Where only one of them lists something, that is listed.
        let either = |one: &Limit, two: &Limit| match (one.is_all(), two.is_all()) {
            (true, _) => two.clone(),
            (_, true) => one.clone(),
            _ => one.or(two),
        };
        Projects { groups: either(&self.groups, &other.groups), projects: either(&self.projects, &other.projects) }
    }
}

impl Shape {
    fn is_all(&self) -> bool {
        self.projects.is_all()
            && self.environments.is_all()
            && self.tenants.is_all()
            && self.runbooks.is_all()
            && self.within.as_ref().is_none_or(Projects::is_all)
    }

    /// Both as one, where they differ in one dimension at most: then whatever is inside the one has nothing to do with
    /// the rest of the other (`access-rules §3`: grants are never combined).
    fn joined(&self, other: &Shape) -> Option<Shape> {
        let same = [
            self.projects == other.projects,
            self.environments == other.environments,
            self.tenants == other.tenants,
            self.runbooks == other.runbooks,
        ];
        if self.within != other.within || same.iter().filter(|same| !**same).count() > 1 {
            return None;
        }
        Some(Shape {
            projects: self.projects.or(&other.projects),
            environments: self.environments.or(&other.environments),
            tenants: self.tenants.or(&other.tenants),
            runbooks: self.runbooks.or(&other.runbooks),
            within: self.within.clone(),
        })
    }
}

/// All rows but these few.
#[derive(Debug, PartialEq)]
pub(super) struct AllBut {
    pub column: &'static str,
    pub missing: Vec<i64>,
    /// No row beyond this one.
    pub last: i64,
}

/// One in so many is few: looking those up costs less than looking at every row.
const FEW: u32 = 16;

/// Up to so many ids are given as a list, which SQLite may begin with; more as bits, which cost no more when they are many.
const LISTED: u32 = 64;

impl Reach {
    /// Works out the reach of a permission in a space (`None`: at system level).
    pub(super) fn new(grants: &Grants, info: &Info, space: Option<i64>, now: Moment) -> Reach {
        let mut shapes = Vec::new();
        for grant in grants.of(info) {
            if grant.space != space || grant.until.is_some_and(|until| until <= now) {
                continue;
            }
            let limit = |honoured: bool, limit: &Limit| if honoured { limit.clone() } else { Limit::All };
            let projects = |groups: &Limit, projects: &Limit| Projects {
                groups: limit(info.groups || info.projects, groups),
                projects: limit(info.projects, projects),
            };
            let mut shape = Shape {
                projects: projects(&grant.groups, &grant.projects),
                environments: limit(info.environments, &grant.environments),
                tenants: limit(info.tenants, &grant.tenants),
                runbooks: limit(info.runbooks, &grant.runbooks),
                within: grant.within.as_deref().map(|within| projects(&within.groups, &within.projects)),
            };
            if shape.is_all() {
                return Reach { shapes: None, explicit: info.explicit };
            }
            while let Some(at) = shapes.iter().position(|known: &Shape| known.joined(&shape).is_some()) {
                let known = shapes.swap_remove(at);
                shape = known.joined(&shape).unwrap_or(known);
            }
            shapes.push(shape);
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

    /// Where the rows' own numbers are limited to all that there are but a few, and nothing else limits: the column and
    /// those few. Rows with a number beyond the last are outside too. For counting; [`Reach::condition`] says the same.
    pub(super) fn all_but_few(&self, columns: Columns) -> Option<AllBut> {
        let [shape] = self.shapes.as_deref()? else { return None };
        let limits = [
            (&shape.projects.groups, columns.group),
            (&shape.projects.projects, columns.project),
            (&shape.environments, columns.environment),
            (&shape.tenants, columns.tenant),
            (&shape.runbooks, columns.runbook),
        ];
        let mut limited = limits.into_iter().filter(|(limit, _)| !limit.is_all());
        let (Some((limit, Some(column))), None, true) =
            (limited.next(), limited.next(), shape.within.as_ref().is_none_or(Projects::is_all))
        else {
            return None;
        };
        // Only a table's own number is never null.
        if column != "id" && !column.ends_with(".id") {
            return None;
        }
        let (missing, last) = limit.all_but_few(FEW)?;
        Some(AllBut { column, missing, last })
    }

    fn one(&self, shape: &Shape, columns: Columns, parameters: &mut Vec<Value>) -> String {
        let mut parts = Vec::new();
        let mut inside = |column: &str, limit: &Limit| {
            if !column.contains('$')
                && let (Some(bits), Some(LISTED..)) = (limit.bytes(), limit.count())
            {
                parameters.push(Value::Blob(bits));
                return format!("among({column}, ?{})", parameters.len());
            }
            let ids = limit.ids().unwrap_or_default();
            parameters.push(Value::Text(format!("[{}]", ids.iter().map(i64::to_string).collect::<Vec<_>>().join(","))));
            let list = format!("(SELECT value FROM json_each(?{}))", parameters.len());
            if column.contains('$') {
                format!("({})", column.replace('$', &list))
            } else {
                format!("{column} IN {list}")
            }
        };
        let restricts = |limit: &Limit| !limit.is_all();
        let nullable = |column: &str, condition: String| {
            if columns.null_is_any && !column.contains('$') {
                format!("({column} IS NULL OR {condition})")
            } else {
                condition
            }
        };
        for Projects { groups, projects } in [Some(&shape.projects), shape.within.as_ref()].into_iter().flatten() {
            let mut project = Vec::new();
            if let (true, Some(column)) = (restricts(groups), columns.group) {
                project.push(inside(column, groups));
            }
            if let (true, Some(column)) = (restricts(projects), columns.project) {
                project.push(inside(column, projects));
            }
            if !project.is_empty() {
                let column = columns.project.or(columns.group).unwrap_or("NULL");
                parts.push(nullable(column, format!("({})", project.join(" OR "))));
            } else if columns.group.is_some() != columns.project.is_some()
                && columns.project.is_some()
                && restricts(groups)
            {
                // Limited to groups, but the rows do not say their group: nothing of this grant can be shown.
                parts.push("0".into());
            }
        }
        if let (true, Some(column)) = (restricts(&shape.environments), columns.environment) {
            parts.push(nullable(column, inside(column, &shape.environments)));
        }
        if let (true, Some(column)) = (restricts(&shape.tenants), columns.tenant) {
            let condition = inside(column, &shape.tenants);
            let open = !self.explicit && !column.contains('$');
            parts.push(if open { format!("({column} IS NULL OR {condition})") } else { condition });
        }
        if let (true, Some(column)) = (restricts(&shape.runbooks), columns.runbook) {
            parts.push(inside(column, &shape.runbooks));
        }
        if parts.is_empty() { "(1)".into() } else { format!("({})", parts.join(" AND ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        permissions::{Permission, ProjectView, TaskView, TenantView},
        policy::Grant,
    };
    use super::*;

    fn grant(groups: &[i64], projects: &[i64], environments: &[i64], tenants: &[i64]) -> Grant {
        Grant {
            team: 1,
            role: 1,
            space: Some(1),
            groups: Limit::to(groups),
            projects: Limit::to(projects),
            environments: Limit::to(environments),
            tenants: Limit::to(tenants),
            runbooks: Limit::All,
            until: None,
            within: None,
        }
    }

    #[test]
    fn grants_that_differ_in_one_dimension_are_one_condition_and_no_others() {
        // grants as (groups, projects, environments, tenants), the permission, conditions left
        type Given<'g> = &'g [(&'g [i64], &'g [i64], &'g [i64], &'g [i64])];
        let cases: [(Given<'_>, &Info, usize); 6] = [
            (&[(&[], &[], &[], &[1]), (&[], &[], &[], &[2]), (&[], &[], &[], &[90, 3])], TenantView::INFO, 1),
            (&[(&[], &[1], &[], &[]), (&[7], &[], &[], &[])], ProjectView::INFO, 1),
            (&[(&[], &[1], &[1], &[]), (&[], &[2], &[2], &[])], TaskView::INFO, 2),
            (&[(&[], &[1], &[1], &[]), (&[], &[2], &[1], &[])], TaskView::INFO, 1),
            (&[(&[], &[1], &[1], &[]), (&[], &[2], &[2], &[]), (&[], &[1], &[2], &[])], TaskView::INFO, 2),
            (&[(&[], &[1], &[1], &[]), (&[], &[1], &[], &[])], TaskView::INFO, 1),
        ];
        for (given, info, left) in cases {
            let grants = given.iter().map(|(g, p, e, t)| (grant(g, p, e, t), vec![info.key])).collect();
            let reach = Reach::new(&Grants::new(grants), info, Some(1), Moment(0));
            assert_eq!(reach.shapes.map(|shapes| shapes.len()), Some(left), "{given:?}");
        }
    }
}

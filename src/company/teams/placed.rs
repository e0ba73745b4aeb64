//! Roles on teams as they are written down: what each gives, whether its limits fit, and its line in the trail.

use super::{
    model::{RolePermissions, RoleSpec, Scope, ScopedRole, Settled},
    number, sql,
};
use crate::{
    base::{
        clock::Moment,
        error::{Error, Fields as Wrong, Result},
        ids::{Id, ScopedUserRole, Space, Team, UserRole as Role},
    },
    company::access::{
        Event, Gift, Gifts, Rows, Writing,
        permissions::Info,
        policy::{Dimension, Grant, Limit},
    },
};
use serde::Serialize;

impl Settled {
    pub(super) fn gifts(&self) -> Vec<Gift> {
        gifts_of(&self.permissions, self.space, &self.scope, self.until)
    }
}

impl ScopedRole {
    pub(super) fn gifts(&self) -> Vec<Gift> {
        let mut scope = Scope::default();
        for dimension in Dimension::ALL {
            *scope.of_mut(dimension) = self.scope.of(dimension).iter().map(|one| one.id).collect();
        }
        gifts_of(&self.permissions, self.space, &scope, self.until)
    }
}

/// What it gives somebody to be made a manager of a space, or (`None`) of one that is not there yet.
pub(in crate::company) fn gifts_of_managers(rows: &Rows<'_>, space: Option<Id<Space>>) -> Result<Gifts> {
    let role = sql::builtin_role(rows, "spacemanager")?;
    Gifts::new(rows, gifts_of(&role.permissions, space, &Scope::default(), None))
}

/// What a role gives in a place, for who is in a team that holds it.
pub(super) fn gifts_of(
    permissions: &RolePermissions,
    space: Option<Id<Space>>,
    scope: &Scope<i64>,
    until: Option<Moment>,
) -> Vec<Gift> {
    let keys = |infos: &[&'static Info]| infos.iter().map(|info| info.key).collect();
    let limit = |dimension: Dimension| Limit::to(scope.of(dimension));
    let outside = Grant { until, ..Grant::EVERYWHERE };
    let inside = space.map(|space| Gift {
        grant: Grant {
            space: Some(space.0),
            groups: limit(Dimension::Group),
            projects: limit(Dimension::Project),
            environments: limit(Dimension::Environment),
            tenants: limit(Dimension::Tenant),
            runbooks: limit(Dimension::Runbook),
            ..outside.clone()
        },
        permissions: keys(&permissions.space),
    });
    std::iter::once(Gift { grant: outside, permissions: keys(&permissions.system) }).chain(inside).collect()
}

pub(super) fn insert(tx: &Writing<'_>, team: Id<Team>, settled: &Settled) -> Result<(Id<ScopedUserRole>, Event)> {
    let id = sql::insert_role(tx, team, settled)?;
    let (team, told) = (sql::by_id(tx, team)?, told(tx, id)?);
    let event = Event::new("Modified")
        .say("Team ")
        .name(team.id, &team.name)
        .say(" was given the role ")
        .name(settled.role, &told.role);
    let event = event.related(id).space(number(settled.space.or(team.space)));
    Ok((id, event.difference(&serde_json::Map::new(), &told)))
}

/// Puts a role on a team inside a change that goes on, and tells of it; nothing when the team has it there already.
/// Whether it may be given was asked before ([`gifts_of_role`]), and its limits looked at ([`limits_fit`]).
pub(in crate::company) fn give(
    tx: &Writing<'_>,
    team: Id<Team>,
    role: Id<Role>,
    space: Option<Id<Space>>,
    limits: &Scope<i64>,
) -> Result<()> {
    let permissions = sql::user_role(tx, role)?.permissions;
    let held_in_space = !permissions.space.is_empty();
    let settled = Settled {
        role,
        space: space.filter(|_| held_in_space),
        scope: if held_in_space { limits.clone() } else { Scope::default() },
        permissions,
        until: None,
    };
    if sql::same_role(tx, team, &settled, None)? {
        return Ok(());
    }
    let (_, event) = insert(tx, team, &settled)?;
    tx.also(event)
}

/// What it gives somebody to hold a role in a space, or (`None`) in one that is not there yet, within these limits.
pub(in crate::company) fn gifts_of_role(
    rows: &Rows<'_>,
    role: &RoleSpec,
    space: Option<Id<Space>>,
    limits: &Scope<i64>,
) -> Result<Gifts> {
    let permissions = super::roles::permissions_of(rows, role)?;
    Gifts::new(rows, gifts_of(&permissions, space, limits, None))
}

/// Whether all limits are of the space.
///
/// # Errors
/// `Invalid` beside the dimension's field.
pub(in crate::company) fn limits_fit(rows: &Rows<'_>, space: Id<Space>, limits: &Scope<i64>) -> Result<()> {
    let mut wrong = Wrong::new();
    for dimension in Dimension::ALL {
        strange(rows, dimension, space, limits.of(dimension), &[], &mut wrong)?;
    }
    wrong.finish()
}

pub(super) fn strange(
    rows: &Rows<'_>,
    dimension: Dimension,
    space: Id<Space>,
    ids: &[i64],
    kept: &[i64],
    wrong: &mut Wrong,
) -> Result<()> {
    let strange = sql::not_in_space(rows, dimension, space, ids, kept)?;
    if let Some(id) = strange.first() {
        let (field, prefix, word) = dimension.wire();
        wrong.add(field, format!("There is no {word} {prefix}-{id} in this space. Choose another."));
    }
    Ok(())
}

/// The wire's name of a dimension's list of ids.
pub(in crate::company) fn wire(dimension: Dimension) -> &'static str {
    dimension.wire().0
}

/// A role on a team for the trail, in names.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Told {
    pub role: String,
    space: Option<String>,
    #[serde(flatten)]
    scope: Scope<String>,
    until: Option<String>,
}

pub(super) fn told(rows: &Rows<'_>, id: Id<ScopedUserRole>) -> Result<Told> {
    let role = sql::scoped_roles(rows, None, Some(id))?.pop().ok_or_else(|| Error::NotFound(id.to_string()))?;
    let mut scope = Scope::default();
    for dimension in Dimension::ALL {
        let ids: Vec<i64> = role.scope.of(dimension).iter().map(|one| one.id).collect();
        if let Some(space) = role.space {
            let names = sql::names_in(rows, dimension, space, &ids, "(1)", Vec::new())?;
            *scope.of_mut(dimension) = names.into_iter().map(|(_, name)| name).collect();
        }
    }
    Ok(Told { role: role.role_name, space: role.space_name, scope, until: role.until.map(Moment::exact) })
}

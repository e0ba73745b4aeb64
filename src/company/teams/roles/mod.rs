//! User roles: named bags of permissions. Each part of the trade has one built in; those can be changed and put back to
//! their default, never deleted.
//!
//! What a later version brings joins no role by itself: each role remembers how much of the catalogue somebody has looked
//! through for it, and the rest is offered.

mod change;

pub(in crate::company) use change::ensure_role;
pub use change::{clone_role, create_role, delete_role, edit_role, reset_role};

use super::{
    model::{RolePermissions, RoleSpec, ScopedRole, Team, UserRole},
    sql,
};
use crate::{
    base::{
        error::Result,
        ids::{Id, UserRole as Kind},
    },
    company::access::{
        At, Granted, Rows,
        permissions::{Held, TeamView, UserRoleView},
    },
};

/// The role of this name.
pub(in crate::company) fn role_named(rows: &Rows<'_>, name: &str) -> Result<Option<Id<Kind>>> {
    sql::role_named(rows, name)
}

/// What a role that is to be there allows, or will allow when it is made.
pub(super) fn permissions_of(rows: &Rows<'_>, spec: &RoleSpec) -> Result<RolePermissions> {
    match spec {
        RoleSpec::Builtin(builtin) => Ok(sql::builtin_role(rows, builtin)?.permissions),
        RoleSpec::Own(own) => match sql::role_named(rows, own.name)? {
            Some(there) => Ok(sql::user_role(rows, there)?.permissions),
            None => Ok(own.permissions()),
        },
    }
}

/// All user roles, by name.
pub fn list_roles(granted: &Granted<'_, UserRoleView>) -> Result<Vec<UserRole>> {
    let mut roles = granted.read(|rows| sql::user_roles(rows, None))?;
    roles.iter_mut().for_each(|role| keep_those_here(granted, role));
    Ok(roles)
}

/// One user role.
pub fn show_role(granted: &Granted<'_, UserRoleView>, role: &At<Kind>) -> Result<UserRole> {
    let mut role = granted.read(|rows| sql::user_role(rows, role.id()))?;
    keep_those_here(granted, &mut role);
    Ok(role)
}

/// What is about the appliance is offered in the operator's own compartment only.
fn keep_those_here(granted: &Granted<'_, UserRoleView>, role: &mut UserRole) {
    let operators = granted.visitor().company().is_operators();
    role.offered.retain(|info| operators || info.held != Held::Appliance);
}

/// Where a role is held.
#[derive(Debug, Default)]
pub struct Use {
    /// The teams that hold it, each time with its scope; those that the visitor may not see are left out.
    pub places: Vec<(Team, ScopedRole)>,
    /// How many were left out.
    pub hidden: usize,
    /// How many people and service accounts have it through these teams, seen and unseen.
    pub people: i64,
    /// Everyone holds it: all people, and those to come.
    pub everyone: bool,
}

/// Where a role is held, as far as the visitor may see the teams and the spaces.
pub fn uses_of(granted: &Granted<'_, UserRoleView>, role: &At<Kind>) -> Result<Use> {
    let visitor = granted.visitor();
    let levels: Vec<i64> = match visitor.ask_anywhere::<TeamView>(None) {
        Ok(levels) => levels.iter().map(|one| one.what().space()).collect(),
        Err(crate::base::error::Error::Denied(_)) => Vec::new(),
        Err(error) => return Err(error),
    };
    let spaces: Vec<Id<crate::base::ids::Space>> = visitor.spaces()?.into_iter().map(|space| space.id).collect();
    let (places, people) = granted.read(|rows| {
        let roles = sql::scoped_roles_of(rows, role.id())?;
        let placed = roles.into_iter().map(|one| Ok((sql::by_id(rows, one.team)?, one)));
        Ok((placed.collect::<Result<Vec<_>>>()?, sql::holders_of(rows, role.id())?))
    })?;
    let everyone = places.iter().any(|(team, role)| !team.has_members() && !role.has_ended());
    let all = places.len();
    let seen = places.into_iter().filter(|(team, role)| {
        levels.contains(&super::number(team.space)) && role.space.is_none_or(|space| spaces.contains(&space))
    });
    let (teams, mut roles): (Vec<Team>, Vec<ScopedRole>) = seen.unzip();
    super::scoped::named(granted, &mut roles)?;
    let places: Vec<_> = teams.into_iter().zip(roles).collect();
    Ok(Use { hidden: all - places.len(), places, people, everyone })
}

#[cfg(test)]
mod tests;

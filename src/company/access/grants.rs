//! A user's grants: read from teams and roles, compiled once per change, kept in memory under the file's access version.

use super::{
    memory::Memory,
    narrowing::Narrowing,
    permissions::named,
    policy::{Dimension, Grant, Grants, Limit},
    rows::Rows,
};
use crate::base::{
    clock::Moment,
    error::Result,
    ids::{Id, Space, Tenant},
};
use std::{collections::HashMap, sync::Arc};

/// The grants of one user, from memory if nothing changed since.
pub(super) fn of_user(memory: &Memory, rows: &Rows<'_>, user: i64, version: i64) -> Result<Arc<Grants>> {
    memory.of(
        version,
        |known| known.grants.get(&user).cloned(),
        || {
            let carried = load(rows, Whose::User(user))?;
            let grants = Grants::new(carried.into_iter().map(|g| (g.grant, g.permissions)).collect());
            Ok(Arc::new(grants.of_customer(customer_of(rows, user)?)))
        },
        |known, grants| drop(known.grants.insert(user, grants)),
    )
}

/// The tenants whose own people a user is among, when the user is in no other team: Everyone is chosen by nobody.
fn customer_of(rows: &Rows<'_>, user: i64) -> Result<Vec<(Id<Tenant>, Id<Space>)>> {
    let teams: Vec<Option<(Id<Tenant>, Id<Space>)>> = rows.all(
        "SELECT t.tenant_id, t.space_id FROM team_members m JOIN teams t ON t.id = m.team_id WHERE m.user_id = ?1
         ORDER BY t.tenant_id",
        [user],
        |row| Ok(row.get::<_, Option<Id<Tenant>>>(0)?.zip(row.get(1)?)),
    )?;
    Ok(teams.into_iter().collect::<Option<Vec<_>>>().unwrap_or_default())
}

/// What a narrowed key leaves of its owner's grants, which were read under the same version.
pub(super) fn of_key(rows: &Rows<'_>, key: i64, owner: &Grants) -> Result<Arc<Grants>> {
    Ok(Arc::new(narrowing(rows, key)?.of(owner)))
}

fn narrowing(rows: &Rows<'_>, key: i64) -> Result<Narrowing> {
    let listed: Vec<String> =
        rows.all("SELECT permission FROM api_key_permissions WHERE key_id = ?1", [key], |row| row.get(0))?;
    let limits: Vec<(String, i64)> =
        rows.all("SELECT dimension, target_id FROM api_key_limits WHERE key_id = ?1", [key], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let limit = |word: &str| {
        Limit::to(&limits.iter().filter(|(dimension, _)| dimension == word).map(|(_, id)| *id).collect::<Vec<_>>())
    };
    Ok(Narrowing {
        // A name that this program does not know allows nothing.
        permissions: (!listed.is_empty())
            .then(|| listed.iter().filter_map(|name| named(name)).map(|info| info.key).collect()),
        spaces: limit("space"),
        groups: limit(Dimension::Group.word()),
        projects: limit(Dimension::Project.word()),
        environments: limit(Dimension::Environment.word()),
        tenants: limit(Dimension::Tenant.word()),
        runbooks: limit(Dimension::Runbook.word()),
    })
}

/// Whose grants to read.
pub(super) enum Whose {
    /// Those of one user: of the teams they are in, and of Everyone.
    User(i64),
    /// Those of every team.
    AnyTeam,
}

/// A grant with the permissions it carries.
pub(super) struct Carried {
    /// The role on a team that it comes from.
    pub assignment: i64,
    pub grant: Grant,
    pub permissions: Vec<usize>,
}

/// Reads grants. A role's system part holds system-wide wherever the role was put; its space part in the space that
/// the assignment names (`access-rules §2`, mixed roles).
pub(super) fn load(rows: &Rows<'_>, whose: Whose) -> Result<Vec<Carried>> {
    let user = if let Whose::User(user) = whose { Some(user) } else { None };
    type Assigned = (i64, i64, i64, Option<i64>, Option<Moment>);
    let assignments: Vec<Assigned> = rows.all(
        "SELECT s.id, s.team_id, s.role_id, s.space_id, s.expires_at FROM scoped_roles s JOIN teams t ON t.id = s.team_id
         WHERE ?1 IS NULL OR t.builtin = 'everyone'
            OR EXISTS (SELECT 1 FROM team_members m WHERE m.team_id = t.id AND m.user_id = ?1)
         ORDER BY s.id",
        [user],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)),
    )?;
    let mut roles: HashMap<i64, (Vec<usize>, Vec<usize>)> = HashMap::new();
    let mut all = Vec::new();
    for (id, team, role, space, until) in assignments {
        let (system, in_space) = match roles.entry(role) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut().clone(),
            std::collections::hash_map::Entry::Vacant(new) => new.insert(permissions_of(rows, role)?).clone(),
        };
        let mut limits: HashMap<String, Vec<i64>> = HashMap::new();
        let pairs: Vec<(String, i64)> =
            rows.all("SELECT dimension, target_id FROM scoped_role_limits WHERE scoped_role_id = ?1", [id], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        for (dimension, target) in pairs {
            limits.entry(dimension).or_default().push(target);
        }
        let limit = |dimension: &str| limits.get(dimension).map_or(Limit::All, |ids| Limit::to(ids));
        if !system.is_empty() {
            let grant = Grant {
                team,
                role,
                space: None,
                groups: Limit::All,
                projects: Limit::All,
                environments: Limit::All,
                tenants: Limit::All,
                runbooks: Limit::All,
                until,
                within: None,
            };
            all.push(Carried { assignment: id, grant, permissions: system });
        }
        if let (Some(space), false) = (space, in_space.is_empty()) {
            let grant = Grant {
                team,
                role,
                space: Some(space),
                groups: limit("group"),
                projects: limit("project"),
                environments: limit("environment"),
                tenants: limit("tenant"),
                runbooks: limit("runbook"),
                until,
                within: None,
            };
            all.push(Carried { assignment: id, grant, permissions: in_space });
        }
    }
    Ok(all)
}

fn permissions_of(rows: &Rows<'_>, role: i64) -> Result<(Vec<usize>, Vec<usize>)> {
    let listed: Vec<(String, String)> =
        rows.all("SELECT level, permission FROM role_permissions WHERE role_id = ?1", [role], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let (mut system, mut in_space) = (Vec::new(), Vec::new());
    for (level, name) in listed {
        // A name that this program does not know allows nothing.
        let Some(info) = named(&name) else { continue };
        match level.as_str() {
            "system" if info.at_system() => system.push(info.key),
            "space" if info.in_space() => in_space.push(info.key),
            _ => {}
        }
    }
    Ok((system, in_space))
}

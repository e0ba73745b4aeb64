//! A user's grants: read from teams and roles, compiled once per change, kept in memory under the file's access version.

use super::{
    is_in_everyone,
    memory::Memory,
    narrowing::Narrowing,
    permissions::named,
    policy::{Dimension, Emergency, Grant, Grants, Limit},
    rows::Rows,
    uses::Uses,
};
use crate::base::{
    clock::Moment,
    error::Result,
    ids::{Id, Space, Tenant},
};
use std::{collections::HashMap, sync::Arc};

/// The grants of one user, from memory if nothing changed since.
pub(super) fn of_user(memory: &Memory, uses: &Uses, rows: &Rows<'_>, user: i64, version: i64) -> Result<Arc<Grants>> {
    memory.of(
        version,
        |known| known.grants.get(&user).cloned(),
        || {
            let carried = load(rows, Whose::User(user))?;
            let grants = Grants::new(carried.into_iter().map(|g| (g.grant, g.permissions)).collect());
            let grants = grants.of_customer(customer_of(rows, user)?).in_emergencies(emergencies(rows, user)?);
            Ok(Arc::new(grants.noting(Some(uses.of(user)))))
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

/// The emergencies of a user that were not ended; time may have ended them.
fn emergencies(rows: &Rows<'_>, user: i64) -> Result<Vec<Emergency>> {
    rows.all(
        "SELECT e.id, t.id, t.name, e.ends_at FROM emergencies e JOIN teams t ON t.id = e.team_id
         JOIN team_members m ON m.team_id = t.id AND m.user_id = e.user_id
         WHERE e.user_id = ?1 AND e.ended_at IS NULL AND t.emergency_hours IS NOT NULL ORDER BY e.ends_at",
        [user],
        |row| Ok(Emergency { id: row.get(0)?, team: row.get(1)?, name: row.get(2)?, until: row.get(3)? }),
    )
}

/// Whose grants to read.
pub(super) enum Whose {
    /// Those of one user: of the teams they are in, Everyone among them unless they are a tenant's own people. Of a team
    /// for emergencies only while one of theirs lasts.
    User(i64),
    /// Those of one team.
    Team(i64),
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

/// A role on a team as it stands in the file.
struct Assigned {
    id: i64,
    team: i64,
    role: i64,
    space: Option<i64>,
    until: Option<Moment>,
}

impl Assigned {
    const COLUMNS: &'static str = "s.id, s.team_id, s.role_id, s.space_id";

    fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Assigned> {
        Ok(Assigned { id: row.get(0)?, team: row.get(1)?, role: row.get(2)?, space: row.get(3)?, until: row.get(4)? })
    }

    /// The grant of its system part.
    fn outside(&self) -> Grant {
        Grant { team: self.team, role: self.role, until: self.until, ..Grant::EVERYWHERE }
    }

    /// The grant of its space part, within the assignment's limits.
    fn inside(&self, rows: &Rows<'_>) -> Result<Option<Grant>> {
        let Some(space) = self.space else { return Ok(None) };
        let mut limits: HashMap<String, Vec<i64>> = HashMap::new();
        let pairs: Vec<(String, i64)> = rows.all(
            "SELECT dimension, target_id FROM scoped_role_limits WHERE scoped_role_id = ?1",
            [self.id],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        for (dimension, target) in pairs {
            limits.entry(dimension).or_default().push(target);
        }
        let limit = |dimension: Dimension| limits.get(dimension.word()).map_or(Limit::All, |ids| Limit::to(ids));
        Ok(Some(Grant {
            space: Some(space),
            groups: limit(Dimension::Group),
            projects: limit(Dimension::Project),
            environments: limit(Dimension::Environment),
            tenants: limit(Dimension::Tenant),
            runbooks: limit(Dimension::Runbook),
            ..self.outside()
        }))
    }
}

/// Where a role is held: for each team that has it, the grant of its system part, and that of its space part.
pub(super) fn places_of_role(rows: &Rows<'_>, role: i64) -> Result<Vec<(Grant, Option<Grant>)>> {
    let sql = format!("SELECT {}, s.expires_at FROM scoped_roles s WHERE s.role_id = ?1", Assigned::COLUMNS);
    let assigned = rows.all(&sql, [role], Assigned::read)?;
    assigned.iter().map(|one| Ok((one.outside(), one.inside(rows)?))).collect()
}

/// Reads grants. A role's system part holds system-wide wherever the role was put; its space part in the space that
/// the assignment names (`access-rules §2`, mixed roles).
pub(super) fn load(rows: &Rows<'_>, whose: Whose) -> Result<Vec<Carried>> {
    let columns = Assigned::COLUMNS;
    let assigned = match whose {
        Whose::User(user) => rows.all(
            &format!(
                "SELECT {columns}, min(COALESCE(s.expires_at, e.ends_at), COALESCE(e.ends_at, s.expires_at))
                 FROM scoped_roles s JOIN teams t ON t.id = s.team_id
                 LEFT JOIN emergencies e ON e.team_id = t.id AND e.user_id = ?1 AND e.ended_at IS NULL
                                        AND t.emergency_hours IS NOT NULL
                 WHERE (t.builtin = 'everyone' AND {}
                    OR EXISTS (SELECT 1 FROM team_members m WHERE m.team_id = t.id AND m.user_id = ?1))
                   AND (t.emergency_hours IS NULL OR e.id IS NOT NULL)
                 ORDER BY s.id",
                is_in_everyone!("?1")
            ),
            [user],
            Assigned::read,
        )?,
        Whose::Team(team) => rows.all(
            &format!("SELECT {columns}, s.expires_at FROM scoped_roles s WHERE s.team_id = ?1 ORDER BY s.id"),
            [team],
            Assigned::read,
        )?,
        Whose::AnyTeam => {
            rows.all(&format!("SELECT {columns}, s.expires_at FROM scoped_roles s ORDER BY s.id"), [], Assigned::read)?
        }
    };
    let mut roles: HashMap<i64, (Vec<usize>, Vec<usize>)> = HashMap::new();
    let mut all = Vec::new();
    for one in assigned {
        let (system, in_space) = match roles.entry(one.role) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut().clone(),
            std::collections::hash_map::Entry::Vacant(new) => new.insert(permissions_of(rows, one.role)?).clone(),
        };
        if !system.is_empty() {
            all.push(Carried { assignment: one.id, grant: one.outside(), permissions: system });
        }
        if in_space.is_empty() {
            continue;
        }
        if let Some(grant) = one.inside(rows)? {
            all.push(Carried { assignment: one.id, grant, permissions: in_space });
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

//! The statements of roles on teams.

use super::{emergencies, json, permissions_of, teams_of_user};
use crate::{
    base::{
        clock::Moment,
        error::Result,
        ids::{Id, ScopedUserRole, Space, Team as Kind, User, UserRole as Role},
    },
    company::{
        access::{Rows, Writing, policy::Dimension},
        teams::model::{Limited, RolePermissions, Scope, ScopedRole, Settled},
    },
};
use rusqlite::{params_from_iter, types::Value};

/// Where a role is held, team by team.
pub fn scoped_roles_of(rows: &Rows<'_>, role: Id<Role>) -> Result<Vec<ScopedRole>> {
    let mut all = scoped_roles(rows, None, None)?;
    all.retain(|one| one.role == role);
    Ok(all)
}

pub fn scoped_roles(
    rows: &Rows<'_>,
    team: Option<Id<Kind>>,
    only: Option<Id<ScopedUserRole>>,
) -> Result<Vec<ScopedRole>> {
    let mut roles = rows.all(
        "SELECT s.id, s.team_id, s.role_id, r.name, s.space_id, sp.name, s.expires_at,
                r.builtin, t.builtin, (t.builtin = 'administrators' AND r.builtin = 'systemadministrator')
             OR (t.builtin = 'spacemanagers' AND r.builtin = 'spacemanager')
         FROM scoped_roles s JOIN user_roles r ON r.id = s.role_id JOIN teams t ON t.id = s.team_id
         LEFT JOIN spaces sp ON sp.id = s.space_id
         WHERE (?1 IS NULL OR s.team_id = ?1) AND (?2 IS NULL OR s.id = ?2)
         ORDER BY s.space_id IS NOT NULL, sp.name_key, r.name_key, s.id",
        (team, only),
        |row| {
            Ok(ScopedRole {
                id: row.get(0)?,
                team: row.get(1)?,
                role: row.get(2)?,
                role_name: row.get(3)?,
                permissions: RolePermissions::default(),
                space: row.get(4)?,
                space_name: row.get(5)?,
                scope: Scope::default(),
                until: row.get(6)?,
                role_builtin: row.get(7)?,
                is_fixed: row.get::<_, Option<bool>>(9)?.unwrap_or(false),
            })
        },
    )?;
    for role in &mut roles {
        role.permissions = permissions_of(rows, role.role)?;
        let limits: Vec<(String, i64)> = rows.all(
            "SELECT dimension, target_id FROM scoped_role_limits WHERE scoped_role_id = ?1 ORDER BY target_id",
            [role.id],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        for dimension in Dimension::ALL {
            let of = limits.iter().filter(|(word, _)| word == dimension.word());
            *role.scope.of_mut(dimension) = of.map(|(_, id)| Limited { id: *id, name: None }).collect();
        }
    }
    Ok(roles)
}

/// The roles of all teams of a user; those of teams for emergencies while one of theirs lasts, until that ends.
pub fn roles_of_user(rows: &Rows<'_>, user: Id<User>) -> Result<Vec<ScopedRole>> {
    let mut roles = Vec::new();
    for team in teams_of_user(rows, user)? {
        let mut of_team = scoped_roles(rows, Some(team.id), None)?;
        if team.emergency_hours.is_some() {
            let all = emergencies(rows, team.id, i64::MAX)?;
            let Some(one) = all.iter().find(|one| one.user == user && one.lasts()) else { continue };
            for role in &mut of_team {
                role.until = Some(role.until.map_or(one.until, |until| until.min(one.until)));
            }
        }
        roles.extend(of_team);
    }
    Ok(roles)
}

fn table(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Group => "project_groups",
        Dimension::Project => "projects",
        Dimension::Environment => "environments",
        Dimension::Tenant => "tenants",
        Dimension::Runbook => "runbooks",
    }
}

/// Of these ids, those of the space that fulfil the condition, with their names.
pub fn names_in(
    rows: &Rows<'_>,
    dimension: Dimension,
    space: Id<Space>,
    ids: &[i64],
    condition: &str,
    mut parameters: Vec<Value>,
) -> Result<Vec<(i64, String)>> {
    let count = parameters.len();
    parameters.push(space.0.into());
    parameters.push(json(ids));
    let sql = format!(
        "SELECT id, name FROM {} WHERE {condition} AND space_id = ?{} AND id IN (SELECT value FROM json_each(?{})) ORDER BY name_key",
        table(dimension),
        count + 1,
        count + 2
    );
    rows.all(&sql, params_from_iter(&parameters), |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Of these ids, those that are neither of the space nor kept from before.
pub fn not_in_space(
    rows: &Rows<'_>,
    dimension: Dimension,
    space: Id<Space>,
    ids: &[i64],
    kept: &[i64],
) -> Result<Vec<i64>> {
    let sql = format!(
        "SELECT value FROM json_each(?1) WHERE value NOT IN (SELECT id FROM {} WHERE space_id = ?2)
         AND value NOT IN (SELECT value FROM json_each(?3))",
        table(dimension)
    );
    rows.all(&sql, (json(ids), space, json(kept)), |row| row.get(0))
}

/// Whether the team has this role with the same space and limits in another assignment. One with an end is another.
pub fn same_role(rows: &Rows<'_>, team: Id<Kind>, settled: &Settled, but: Option<Id<ScopedUserRole>>) -> Result<bool> {
    let others = scoped_roles(rows, Some(team), None)?;
    Ok(others.iter().filter(|other| Some(other.id) != but).any(|other| {
        let same = |dimension: Dimension| {
            let ids: Vec<i64> = other.scope.of(dimension).iter().map(|one| one.id).collect();
            ids == *settled.scope.of(dimension)
        };
        other.role == settled.role
            && other.space == settled.space
            && other.until == settled.until
            && Dimension::ALL.into_iter().all(same)
    }))
}

pub fn insert_role(tx: &Writing<'_>, team: Id<Kind>, settled: &Settled) -> Result<Id<ScopedUserRole>> {
    let id = Id::new(tx.insert(
        "INSERT INTO scoped_roles (team_id, role_id, space_id, expires_at) VALUES (?1, ?2, ?3, ?4)",
        (team, settled.role, settled.space, settled.until),
    )?);
    put_limits(tx, id, settled)?;
    Ok(id)
}

pub fn update_role(tx: &Writing<'_>, id: Id<ScopedUserRole>, settled: &Settled) -> Result<()> {
    tx.run(
        "UPDATE scoped_roles SET role_id = ?2, space_id = ?3, expires_at = ?4, ending_told = 0 WHERE id = ?1",
        (id, settled.role, settled.space, settled.until),
    )?;
    tx.run("DELETE FROM scoped_role_limits WHERE scoped_role_id = ?1", [id])?;
    put_limits(tx, id, settled)
}

fn put_limits(tx: &Writing<'_>, id: Id<ScopedUserRole>, settled: &Settled) -> Result<()> {
    for dimension in Dimension::ALL {
        for target in settled.scope.of(dimension) {
            tx.run("INSERT INTO scoped_role_limits VALUES (?1, ?2, ?3)", (id, dimension.word(), target))?;
        }
    }
    Ok(())
}

pub fn roles_that_ended(rows: &Rows<'_>, now: Moment, most: i64) -> Result<Vec<Id<ScopedUserRole>>> {
    let sql = "SELECT id FROM scoped_roles WHERE expires_at <= ?1 AND ending_told = 0 ORDER BY expires_at LIMIT ?2";
    rows.all(sql, (now, most), |row| row.get(0))
}

pub fn set_ending_told(tx: &Writing<'_>, id: Id<ScopedUserRole>) -> Result<()> {
    tx.run("UPDATE scoped_roles SET ending_told = 1 WHERE id = ?1", [id])?;
    Ok(())
}

pub fn anything_ended(rows: &Rows<'_>, now: Moment) -> Result<bool> {
    rows.any(
        "SELECT 1 FROM scoped_roles WHERE expires_at <= ?1 AND ending_told = 0
         UNION ALL SELECT 1 FROM emergencies WHERE ended_at IS NULL AND ends_at <= ?1",
        [now],
    )
}

//! The statements of user roles.

use crate::{
    base::{
        error::{Error, Result},
        ids::{Id, User, UserRole as Role},
        names,
    },
    company::{
        access::{
            Rows, Writing, are_in_everyone, builtin, is_in_everyone,
            permissions::{Info, in_roles, named},
        },
        teams::model::{RoleFields, RolePermissions, UserRole},
    },
};
use std::collections::HashMap;

const SYSTEM_RIGHTS: &str = "SELECT DISTINCT p.permission FROM scoped_roles s
    JOIN role_permissions p ON p.role_id = s.role_id AND p.level = 'system'
    WHERE (s.expires_at IS NULL OR s.expires_at > unixepoch() * 1000)";

pub fn system_rights_of_user(rows: &Rows<'_>, user: Id<User>) -> Result<Vec<String>> {
    let mine = concat!(
        "AND (s.team_id IN (SELECT team_id FROM team_members WHERE user_id = ?1)
              OR s.team_id IN (SELECT id FROM teams WHERE builtin = 'everyone') AND ",
        is_in_everyone!("?1"),
        ")"
    );
    rows.all(&format!("{SYSTEM_RIGHTS} {mine} ORDER BY p.permission"), [user], |row| row.get(0))
}

pub fn user_roles(rows: &Rows<'_>, only: Option<Id<Role>>) -> Result<Vec<UserRole>> {
    let mut known_to = Vec::new();
    let mut roles = rows.all(
        "SELECT r.id, r.name, r.description, r.builtin, (SELECT count(DISTINCT s.team_id) FROM scoped_roles s WHERE s.role_id = r.id),
                r.known_to
         FROM user_roles r WHERE ?1 IS NULL OR r.id = ?1 ORDER BY r.name_key",
        [only],
        |row| {
            known_to.push(row.get::<_, i64>(5)?);
            Ok(UserRole {
                id: row.get(0)?,
                name: row.get(1)?,
                description: row.get(2)?,
                builtin: row.get(3)?,
                permissions: RolePermissions::default(),
                teams: row.get(4)?,
                offered: Vec::new(),
            })
        },
    )?;
    let known: HashMap<String, i64> = rows
        .all("SELECT name, id FROM known_permissions", [], |row| Ok((row.get(0)?, row.get(1)?)))?
        .into_iter()
        .collect();
    for (role, known_to) in roles.iter_mut().zip(known_to) {
        if let (Some(builtin), true) = (&role.builtin, role.description.is_empty()) {
            role.description = builtin::description_of(builtin).to_owned();
        }
        role.permissions = permissions_of(rows, role.id)?;
        let later = |info: &&Info| known.get(info.name).is_none_or(|number| *number > known_to);
        role.offered = in_roles(true).filter(later).filter(|info| !role.permissions.has(info.name)).collect();
    }
    Ok(roles)
}

pub fn builtin_role(rows: &Rows<'_>, builtin: &str) -> Result<UserRole> {
    let id = rows.one("SELECT id FROM user_roles WHERE builtin = ?1", [builtin], |row| row.get(0))?;
    user_role(rows, id.ok_or_else(|| Error::internal(format!("the role {builtin} is missing")))?)
}

/// How much of the known permissions somebody has looked through for a role.
pub fn known_to(rows: &Rows<'_>, role: Id<Role>) -> Result<i64> {
    rows.number("SELECT known_to FROM user_roles WHERE id = ?1", [role])
}

pub fn role_named(rows: &Rows<'_>, name: &str) -> Result<Option<Id<Role>>> {
    rows.one("SELECT id FROM user_roles WHERE name_key = ?1", [names::key(name)], |row| row.get(0))
}

pub fn insert_user_role(tx: &Writing<'_>, fields: &RoleFields, known_to: i64) -> Result<Id<Role>> {
    let id = tx.insert(
        "INSERT INTO user_roles (name, name_key, description, known_to) VALUES (?1, ?2, ?3, ?4)",
        (&fields.name, names::key(&fields.name), &fields.description, known_to),
    )?;
    Ok(Id::new(id))
}

pub fn update_user_role(tx: &Writing<'_>, id: Id<Role>, fields: &RoleFields, known_to: i64) -> Result<()> {
    tx.run(
        "UPDATE user_roles SET name = ?2, name_key = ?3, description = ?4, known_to = ?5 WHERE id = ?1",
        (id, &fields.name, names::key(&fields.name), &fields.description, known_to),
    )?;
    Ok(())
}

/// Makes these what a role holds. What this program does not know stays as it is: it is of another version.
pub fn put_permissions(tx: &Writing<'_>, role: Id<Role>, permissions: &RolePermissions) -> Result<()> {
    for (level, infos) in [("system", &permissions.system), ("space", &permissions.space)] {
        let there: Vec<String> = tx.all(
            "SELECT permission FROM role_permissions WHERE role_id = ?1 AND level = ?2",
            (role, level),
            |row| row.get(0),
        )?;
        for gone in
            there.iter().filter(|name| named(name).is_some_and(|info| infos.iter().all(|one| one.key != info.key)))
        {
            tx.run(
                "DELETE FROM role_permissions WHERE role_id = ?1 AND level = ?2 AND permission = ?3",
                (role, level, gone),
            )?;
        }
        for info in infos.iter() {
            tx.run(
                "INSERT OR IGNORE INTO role_permissions (role_id, level, permission) VALUES (?1, ?2, ?3)",
                (role, level, info.name),
            )?;
        }
    }
    Ok(())
}

/// How many people and service accounts hold a role through their teams.
pub fn holders_of(rows: &Rows<'_>, role: Id<Role>) -> Result<i64> {
    rows.number(
        concat!(
            "SELECT count(*) FROM users u WHERE EXISTS (
                SELECT 1 FROM scoped_roles o JOIN teams w ON w.id = o.team_id
                WHERE o.role_id = ?1 AND (o.expires_at IS NULL OR o.expires_at > unixepoch() * 1000)
                  AND (w.builtin = 'everyone' AND ",
            are_in_everyone!("u.id"),
            " OR EXISTS (SELECT 1 FROM team_members m WHERE m.team_id = w.id AND m.user_id = u.id)))"
        ),
        [role],
    )
}

pub fn user_role(rows: &Rows<'_>, id: Id<Role>) -> Result<UserRole> {
    user_roles(rows, Some(id))?.pop().ok_or_else(|| Error::NotFound(id.to_string()))
}

pub fn permissions_of(rows: &Rows<'_>, role: Id<Role>) -> Result<RolePermissions> {
    let sql = "SELECT level, permission FROM role_permissions WHERE role_id = ?1 ORDER BY permission";
    Ok(RolePermissions::of(&rows.all(sql, [role], |row| Ok((row.get(0)?, row.get(1)?)))?))
}

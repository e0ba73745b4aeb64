//! The statements of teams, user roles and roles on teams.

use super::{
    Builtin, Fields, Filter, Member, Team,
    emergency::Emergency,
    roles::{RoleFields, RolePermissions, UserRole},
    scoped::{Limited, Scope, ScopedRole, Settled},
};
use crate::company::naming;
use crate::{
    base::{
        clock::{self, Moment},
        error::{Error, Result},
        ids::{Id, ScopedUserRole, Space, Team as Kind, User, UserRole as Role},
        names,
        paging::{Listed, Page},
    },
    company::access::{
        Columns, Reach, Rows, Writing, are_in_everyone, builtin, customers, is_in_everyone, of_customers,
        permissions::{Info, in_roles, named},
        policy::Dimension,
    },
};
use rusqlite::{Row, params_from_iter, types::Value};
use std::collections::HashMap;

fn json<T: serde::Serialize>(list: &[T]) -> Value {
    Value::Text(serde_json::to_string(list).unwrap_or_else(|_| "[]".into()))
}

const TEAM: &str = concat!(
    "SELECT t.id, t.space_id, s.name, t.builtin, t.name, t.description,
    CASE WHEN t.builtin = 'everyone' THEN (SELECT count(*) FROM users u WHERE ",
    are_in_everyone!("u.id"),
    ") ELSE (SELECT count(*) FROM team_members m WHERE m.team_id = t.id) END, t.tenant_id, t.emergency_hours
    FROM teams t LEFT JOIN spaces s ON s.id = t.space_id"
);

fn team(row: &Row<'_>) -> rusqlite::Result<Team> {
    let builtin = match row.get_ref(3)?.as_str_or_null()? {
        Some("everyone") => Some(Builtin::Everyone),
        Some("administrators") => Some(Builtin::Administrators),
        Some("managers") => Some(Builtin::Managers),
        Some("spacemanagers") => Some(Builtin::SpaceManagers),
        _ => None,
    };
    Ok(Team {
        id: row.get(0)?,
        space: row.get(1)?,
        space_name: row.get(2)?,
        builtin,
        name: row.get(4)?,
        description: row.get(5)?,
        members: row.get(6)?,
        tenant: row.get(7)?,
        emergency_hours: row.get(8)?,
    })
}

/// `narrowed`: spaces of which the visitor sees these tenants alone.
pub fn list(
    rows: &Rows<'_>,
    levels: &[i64],
    filter: &Filter,
    narrowed: &[(i64, Reach)],
    page: Page,
) -> Result<Listed<Team>> {
    let mut parameters = vec![
        json(levels),
        names::key(&filter.partial_name).into(),
        naming::json(&filter.ids),
        filter.member.map_or(Value::Null, |user| user.0.into()),
    ];
    let mut seen = String::from("(1)");
    for (space, reach) in narrowed {
        let condition = reach.condition(Columns { tenant: Some("t.tenant_id"), ..Columns::default() }, &mut parameters);
        seen.push_str(&format!(" AND (t.tenant_id IS NULL OR t.space_id <> {space} OR {condition})"));
    }
    let wanted = format!(
        "WHERE COALESCE(t.space_id, 0) IN (SELECT value FROM json_each(?1)) AND instr(t.name_key, ?2) > 0
                  AND (?3 IS NULL OR t.id IN (SELECT value FROM json_each(?3)))
                  AND (?4 IS NULL OR t.builtin = 'everyone' AND {}
                       OR EXISTS (SELECT 1 FROM team_members m WHERE m.team_id = t.id AND m.user_id = ?4)) AND {seen}",
        is_in_everyone!("?4")
    );
    let sql = format!(
        "{TEAM} {wanted} ORDER BY t.space_id IS NOT NULL, s.name_key, t.builtin IS NULL, t.name_key, t.id LIMIT {} OFFSET {}",
        page.take, page.skip
    );
    let items = rows.all(&sql, params_from_iter(&parameters), team)?;
    Listed::of(page, items, || {
        rows.number(&format!("SELECT count(*) FROM teams t {wanted}"), params_from_iter(&parameters))
    })
}

pub fn by_id(rows: &Rows<'_>, id: Id<Kind>) -> Result<Team> {
    rows.one(&format!("{TEAM} WHERE t.id = ?1"), [id], team)?.ok_or_else(|| Error::NotFound(id.to_string()))
}

pub fn name_taken(rows: &Rows<'_>, space: Option<Id<Space>>, name: &str, but: Option<Id<Kind>>) -> Result<bool> {
    rows.any(
        "SELECT 1 FROM teams WHERE space_id IS ?1 AND name_key = ?2 AND id IS NOT ?3",
        (space, names::key(name), but),
    )
}

pub fn insert(tx: &Writing<'_>, space: Option<Id<Space>>, fields: &Fields) -> Result<Id<Kind>> {
    let id = tx.insert(
        "INSERT INTO teams (space_id, name, name_key, description) VALUES (?1, ?2, ?3, ?4)",
        (space, &fields.name, names::key(&fields.name), &fields.description),
    )?;
    Ok(Id::new(id))
}

/// For how long its members use a team for emergencies at a time; `None`: it is an ordinary one.
pub fn set_emergency_hours(tx: &Writing<'_>, id: Id<Kind>, hours: Option<i64>) -> Result<()> {
    tx.run("UPDATE teams SET emergency_hours = ?2 WHERE id = ?1", (id, hours)).map(drop)
}

pub fn update(tx: &Writing<'_>, id: Id<Kind>, fields: &Fields) -> Result<()> {
    tx.run(
        "UPDATE teams SET name = ?2, name_key = ?3, description = ?4 WHERE id = ?1",
        (id, &fields.name, names::key(&fields.name), &fields.description),
    )?;
    Ok(())
}

pub fn members(rows: &Rows<'_>, team: Id<Kind>) -> Result<Vec<Member>> {
    rows.all(
        concat!(
            "SELECT u.id, u.display_name, u.username, u.is_service, u.state = 'active', u.id IN ",
            customers!(),
            " FROM team_members m JOIN users u ON u.id = m.user_id WHERE m.team_id = ?1 ORDER BY u.display_name, u.id"
        ),
        [team],
        |row| {
            Ok(Member {
                id: row.get(0)?,
                name: Some(row.get(1)?),
                username: Some(row.get(2)?),
                is_service: row.get(3)?,
                is_active: row.get(4)?,
                is_customer: row.get(5)?,
            })
        },
    )
}

/// Team and member, by name.
pub fn members_of(rows: &Rows<'_>, teams: &[i64]) -> Result<Vec<(Id<Kind>, Id<User>)>> {
    rows.all(
        "SELECT m.team_id, u.id FROM team_members m JOIN users u ON u.id = m.user_id
         WHERE m.team_id IN (SELECT value FROM json_each(?1)) ORDER BY u.display_name, u.id",
        [json(teams)],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

pub fn put_members(tx: &Writing<'_>, team: Id<Kind>, added: &[Id<User>], removed: &[Id<User>]) -> Result<()> {
    for user in added {
        tx.run("INSERT OR IGNORE INTO team_members (team_id, user_id) VALUES (?1, ?2)", (team, user))?;
    }
    for user in removed {
        tx.run("DELETE FROM team_members WHERE team_id = ?1 AND user_id = ?2", (team, user))?;
        end_emergencies(tx, team, Some(*user), clock::now())?;
    }
    Ok(())
}

pub fn name_of_user(rows: &Rows<'_>, user: Id<User>) -> Result<Option<String>> {
    rows.one("SELECT display_name FROM users WHERE id = ?1", [user], |row| row.get(0))
}

/// Whether some person who can sign in is in the team of administrators. One who is still invited counts as long as
/// nobody has accepted yet: a new company's first administrator.
pub fn has_active_administrator(rows: &Rows<'_>) -> Result<bool> {
    rows.any(
        "SELECT 1 FROM team_members m JOIN teams t ON t.id = m.team_id JOIN users u ON u.id = m.user_id
         WHERE t.builtin = 'administrators' AND u.is_service = 0
           AND (u.state = 'active' OR (u.state = 'invited' AND NOT EXISTS (SELECT 1 FROM users WHERE password_hash IS NOT NULL)))",
        [],
    )
}

/// The team that everybody is in.
pub fn everyone(rows: &Rows<'_>) -> Result<Id<Kind>> {
    builtin_team(rows, "everyone")
}

/// Whether somebody new in these teams is one of a tenant's own people, and for that not in Everyone.
pub fn keeps_out_of_everyone(rows: &Rows<'_>, teams: &[Id<Kind>]) -> Result<bool> {
    let of = concat!(
        "SELECT 1 FROM teams t WHERE t.id = ?1 AND (SELECT customers_in_everyone FROM settings) = 0 AND ",
        of_customers!()
    );
    for team in teams {
        if !rows.any(of, [team])? {
            return Ok(false);
        }
    }
    Ok(!teams.is_empty())
}

/// How many of the company's people are tenants' own.
pub fn customers(rows: &Rows<'_>) -> Result<i64> {
    rows.number(concat!("SELECT count(*) FROM users u WHERE u.id IN ", customers!()), [])
}

pub fn builtin_team(rows: &Rows<'_>, builtin: &str) -> Result<Id<Kind>> {
    rows.one("SELECT id FROM teams WHERE builtin = ?1", [builtin], |row| row.get(0))?
        .ok_or_else(|| Error::internal(format!("the team of {builtin} is missing")))
}

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

/// Where a role is held, team by team.
pub fn scoped_roles_of(rows: &Rows<'_>, role: Id<Role>) -> Result<Vec<ScopedRole>> {
    let mut all = scoped_roles(rows, None, None)?;
    all.retain(|one| one.role == role);
    Ok(all)
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

fn permissions_of(rows: &Rows<'_>, role: Id<Role>) -> Result<RolePermissions> {
    let sql = "SELECT level, permission FROM role_permissions WHERE role_id = ?1 ORDER BY permission";
    Ok(RolePermissions::of(&rows.all(sql, [role], |row| Ok((row.get(0)?, row.get(1)?)))?))
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

/// The teams a user is in, Everyone among them.
pub fn teams_of_user(rows: &Rows<'_>, user: Id<User>) -> Result<Vec<Team>> {
    let sql = format!(
        "{TEAM} WHERE t.builtin = 'everyone' AND {} OR EXISTS (SELECT 1 FROM team_members m WHERE m.team_id = t.id AND m.user_id = ?1)
         ORDER BY t.space_id IS NOT NULL, s.name_key, t.name_key, t.id",
        is_in_everyone!("?1")
    );
    rows.all(&sql, [user], team)
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

const EMERGENCY: &str = "SELECT e.id, e.team_id, e.user_id, u.display_name, e.reason, e.began_at, e.ends_at, e.ended_at
    FROM emergencies e JOIN users u ON u.id = e.user_id";

fn read_emergency(row: &Row<'_>) -> rusqlite::Result<Emergency> {
    Ok(Emergency {
        id: row.get(0)?,
        team: row.get(1)?,
        user: row.get(2)?,
        name: Some(row.get(3)?),
        reason: row.get(4)?,
        began_at: row.get(5)?,
        until: row.get(6)?,
        ended_at: row.get(7)?,
    })
}

pub fn emergency(rows: &Rows<'_>, id: i64) -> Result<Option<Emergency>> {
    rows.one(&format!("{EMERGENCY} WHERE e.id = ?1"), [id], read_emergency)
}

/// The emergencies of a team, the newest first.
pub fn emergencies(rows: &Rows<'_>, team: Id<Kind>, most: i64) -> Result<Vec<Emergency>> {
    rows.all(&format!("{EMERGENCY} WHERE e.team_id = ?1 ORDER BY e.id DESC LIMIT ?2"), (team, most), read_emergency)
}

pub fn insert_emergency(
    tx: &Writing<'_>,
    team: Id<Kind>,
    user: Id<User>,
    reason: &str,
    now: Moment,
    until: Moment,
) -> Result<i64> {
    tx.insert(
        "INSERT INTO emergencies (team_id, user_id, reason, began_at, ends_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        (team, user, reason, now, until),
    )
}

pub fn end_emergency(tx: &Writing<'_>, id: i64, at: Moment) -> Result<()> {
    tx.run("UPDATE emergencies SET ended_at = ?2 WHERE id = ?1 AND ended_at IS NULL", (id, at))?;
    Ok(())
}

/// Ends those of a team, or of one of its members.
pub fn end_emergencies(tx: &Writing<'_>, team: Id<Kind>, user: Option<Id<User>>, now: Moment) -> Result<()> {
    tx.run(
        "UPDATE emergencies SET ended_at = min(?3, ends_at)
         WHERE team_id = ?1 AND (?2 IS NULL OR user_id = ?2) AND ended_at IS NULL",
        (team, user, now),
    )?;
    Ok(())
}

/// Those that were not ended, of a team or of somebody.
pub fn open_emergencies(rows: &Rows<'_>, team: Option<Id<Kind>>, user: Option<Id<User>>) -> Result<Vec<Emergency>> {
    let sql = format!(
        "{EMERGENCY} WHERE e.ended_at IS NULL AND (?1 IS NULL OR e.team_id = ?1) AND (?2 IS NULL OR e.user_id = ?2)"
    );
    rows.all(&sql, (team, user), read_emergency)
}

pub fn emergencies_that_ended(rows: &Rows<'_>, now: Moment, most: i64) -> Result<Vec<Emergency>> {
    let sql = format!("{EMERGENCY} WHERE e.ended_at IS NULL AND e.ends_at <= ?1 ORDER BY e.ends_at LIMIT ?2");
    rows.all(&sql, (now, most), read_emergency)
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

//! The statements of teams, user roles and roles on teams.

mod emergencies;
mod roles;
mod scoped;

pub use self::{emergencies::*, roles::*, scoped::*};

use super::model::{Builtin, Fields, Filter, Member, Team};
use crate::{
    base::{
        clock,
        error::{Error, Result},
        ids::{Id, Space, Team as Kind, User},
        names,
        paging::{Listed, Page},
    },
    company::{
        access::{Columns, Reach, Rows, Writing, are_in_everyone, customers, is_in_everyone, of_customers},
        naming,
    },
};
use rusqlite::{Row, params_from_iter, types::Value};

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

/// The teams a user is in, Everyone among them.
pub fn teams_of_user(rows: &Rows<'_>, user: Id<User>) -> Result<Vec<Team>> {
    let sql = format!(
        "{TEAM} WHERE t.builtin = 'everyone' AND {} OR EXISTS (SELECT 1 FROM team_members m WHERE m.team_id = t.id AND m.user_id = ?1)
         ORDER BY t.space_id IS NOT NULL, s.name_key, t.name_key, t.id",
        is_in_everyone!("?1")
    );
    rows.all(&sql, [user], team)
}

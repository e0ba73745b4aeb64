//! The statements of people.

use super::{
    Counts, Filter, State, User, WaysIn,
    invitations::{Open, Undelivered},
    own::Session,
};
use crate::company::naming::json;
use crate::{
    base::{
        clock::{self, Moment},
        error::{Error, Result},
        ids::{Id, Team, User as Kind},
        names,
        paging::{Listed, Page},
    },
    company::access::{Rows, Writing, is_customer},
};
use rusqlite::{Row, params_from_iter, types::Value};

const COLUMNS: &str = concat!(
    "id, username, display_name, email, state, is_service, EXISTS (SELECT 1 FROM factors f WHERE f.user_id = users.id), created_at, last_seen_at, ",
    is_customer!("users.id")
);

fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User {
        id: row.get(0)?,
        username: row.get(1)?,
        display_name: row.get(2)?,
        email_address: row.get(3)?,
        state: State::of(row.get_ref(4)?.as_str()?).unwrap_or(State::Inactive),
        is_service: row.get(5)?,
        has_second_factor: row.get(6)?,
        created_at: row.get(7)?,
        last_seen_at: row.get(8)?,
        is_customer: row.get(9)?,
    })
}

pub fn list(rows: &Rows<'_>, filter: &Filter, page: Page) -> Result<Listed<User>> {
    let parameters: [Value; 5] = [
        names::key(&filter.text).into(),
        filter.state.map_or(Value::Null, |state| state.word().to_owned().into()),
        filter.service.map_or(Value::Null, |service| i64::from(service).into()),
        i64::from(filter.without_second_factor).into(),
        json(&filter.ids),
    ];
    let from = "FROM users WHERE (instr(lower(display_name), ?1) > 0 OR instr(username_key, ?1) > 0 OR instr(COALESCE(email_key, ''), ?1) > 0)
                AND (?2 IS NULL OR state = ?2) AND (?3 IS NULL OR is_service = ?3)
                AND (?4 = 0 OR (is_service = 0 AND state = 'active' AND NOT EXISTS (SELECT 1 FROM factors f WHERE f.user_id = users.id)))
                AND (?5 IS NULL OR id IN (SELECT value FROM json_each(?5)))";
    let total = rows.number(&format!("SELECT count(*) {from}"), params_from_iter(&parameters))?;
    let sql =
        format!("SELECT {COLUMNS} {from} ORDER BY lower(display_name), id LIMIT {} OFFSET {}", page.take, page.skip);
    Ok(Listed { items: rows.all(&sql, params_from_iter(&parameters), user)?, total })
}

pub fn counts(rows: &Rows<'_>) -> Result<Counts> {
    let counted = rows.one(
        "SELECT COALESCE(sum(is_service = 0 AND state = 'active'), 0), COALESCE(sum(is_service = 0 AND state = 'invited'), 0),
                COALESCE(sum(is_service = 0 AND state = 'inactive'), 0), COALESCE(sum(is_service), 0),
                COALESCE(sum(is_service = 0 AND state = 'active' AND NOT EXISTS (SELECT 1 FROM factors f WHERE f.user_id = users.id)), 0) FROM users",
        [],
        |row| {
            Ok(Counts {
                active: row.get(0)?,
                invited: row.get(1)?,
                inactive: row.get(2)?,
                services: row.get(3)?,
                without_second_factor: row.get(4)?,
            })
        },
    )?;
    Ok(counted.unwrap_or_default())
}

pub fn password_hash(rows: &Rows<'_>, id: Id<Kind>) -> Result<Option<String>> {
    Ok(rows.one("SELECT password_hash FROM users WHERE id = ?1", [id], |row| row.get(0))?.flatten())
}

/// False when the password is not the one it was.
pub fn replace_password(tx: &Writing<'_>, id: Id<Kind>, before: &str, after: &str) -> Result<bool> {
    let sql = "UPDATE users SET password_hash = ?3 WHERE id = ?1 AND password_hash = ?2";
    Ok(tx.run(sql, (id, before, after))? > 0)
}

pub fn ways_in(rows: &Rows<'_>, id: Id<Kind>) -> Result<WaysIn> {
    let counted = rows.one(
        "SELECT (SELECT count(*) FROM sessions WHERE user_id = ?1 AND stage = 'full' AND expires_at > ?2),
                (SELECT count(*) FROM api_keys WHERE user_id = ?1 AND expires_at > ?2),
                (SELECT count(*) FROM oidc_identities WHERE user_id = ?1)",
        (id, clock::now()),
        |row| Ok(WaysIn { sessions: row.get(0)?, keys: row.get(1)?, identities: row.get(2)? }),
    )?;
    Ok(counted.unwrap_or_default())
}

pub fn by_id(rows: &Rows<'_>, id: Id<Kind>) -> Result<User> {
    rows.one(&format!("SELECT {COLUMNS} FROM users WHERE id = ?1"), [id], user)?
        .ok_or_else(|| Error::NotFound(id.to_string()))
}

pub fn set_state(tx: &Writing<'_>, id: Id<Kind>, state: State) -> Result<()> {
    tx.run("UPDATE users SET state = ?2 WHERE id = ?1", (id, state.word()))?;
    Ok(())
}

/// Notes that somebody was invited as one of a tenant's own people.
pub fn came_for_tenant(tx: &Writing<'_>, id: Id<Kind>) -> Result<()> {
    tx.run("UPDATE users SET came_for_tenant = 1 WHERE id = ?1", [id]).map(drop)
}

pub fn sessions(rows: &Rows<'_>, user: Id<Kind>) -> Result<Vec<Session>> {
    rows.all(
        "SELECT id, created_at, last_seen_at, address, agent FROM sessions
         WHERE user_id = ?1 AND stage = 'full' AND expires_at > ?2 ORDER BY last_seen_at DESC, id DESC",
        (user, clock::now()),
        |row| {
            Ok(Session {
                id: row.get(0)?,
                began_at: row.get(1)?,
                last_seen_at: row.get(2)?,
                address: row.get(3)?,
                agent: row.get(4)?,
                is_this: false,
            })
        },
    )
}

/// The open invitations that can still be used.
pub fn open_invitations(rows: &Rows<'_>) -> Result<Vec<Open>> {
    let mut open = rows.all(
        "SELECT id, inviter, created_at, expires_at FROM open_invitations WHERE used_at IS NULL AND expires_at > ?1 ORDER BY id DESC",
        [clock::now()],
        |row| {
            Ok(Open {
                id: row.get(0)?,
                inviter: row.get(1)?,
                created_at: row.get(2)?,
                until: row.get(3)?,
                teams: Vec::new(),
                hidden: 0,
            })
        },
    )?;
    for one in &mut open {
        one.teams = rows.all(
            "SELECT t.id, t.name FROM open_invitation_teams i JOIN teams t ON t.id = i.team_id WHERE i.invitation_id = ?1
             ORDER BY t.name_key",
            [one.id],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
    }
    Ok(open)
}

/// Links and codes that somebody made for others, who have not used them: what is in nobody's hands any more.
pub fn drop_what_they_handed_out(tx: &Writing<'_>, maker: Id<Kind>) -> Result<()> {
    tx.run("DELETE FROM one_time_links WHERE made_by = ?1 AND used_at IS NULL", [maker])?;
    tx.run("DELETE FROM open_invitations WHERE inviter_id = ?1 AND used_at IS NULL", [maker])?;
    Ok(())
}

pub fn add_open_team(tx: &Writing<'_>, invitation: i64, team: Id<Team>) -> Result<()> {
    tx.run("INSERT OR IGNORE INTO open_invitation_teams (invitation_id, team_id) VALUES (?1, ?2)", (invitation, team))?;
    Ok(())
}

pub fn invitation_ends(rows: &Rows<'_>, user: Id<Kind>) -> Result<Option<Moment>> {
    rows.one(
        "SELECT expires_at FROM one_time_links WHERE user_id = ?1 AND kind = 'invitation' AND used_at IS NULL AND expires_at > ?2",
        (user, clock::now()),
        |row| row.get(0),
    )
}

/// Letters with a link to come in that were not sent yet.
pub fn drop_letters(tx: &Writing<'_>, user: Id<Kind>) -> Result<()> {
    tx.run("DELETE FROM letters WHERE user_id = ?1 AND kind = 'invitation' AND state = 'waiting'", [user])?;
    Ok(())
}

/// The first administrator, while nobody of the company has accepted an invitation: id and name.
pub fn first_invited(rows: &Rows<'_>) -> Result<Option<(Id<Kind>, String)>> {
    rows.one(
        "SELECT u.id, u.display_name FROM team_members m JOIN teams t ON t.id = m.team_id JOIN users u ON u.id = m.user_id
         WHERE t.builtin = 'administrators' AND u.state = 'invited'
         AND NOT EXISTS (SELECT 1 FROM users WHERE is_service = 0 AND state <> 'invited') ORDER BY u.id LIMIT 1",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Whose latest letter with an invitation was given up, or failed and is tried again.
pub fn undelivered(rows: &Rows<'_>) -> Result<Vec<Undelivered>> {
    rows.all(
        "SELECT l.user_id, l.state, l.problem FROM letters l JOIN users u ON u.id = l.user_id
         WHERE l.id IN (SELECT max(id) FROM letters WHERE kind = 'invitation' GROUP BY user_id)
         AND l.state <> 'sent' AND l.problem <> '' AND u.state = 'invited'",
        [],
        |row| {
            Ok(Undelivered { user: row.get(0)?, given_up: row.get_ref(1)?.as_str()? == "failed", problem: row.get(2)? })
        },
    )
}

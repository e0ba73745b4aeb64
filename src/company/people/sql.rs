//! The statements of people.

use super::{Counts, Fields, Filter, State, User, keys::ApiKey, own::Session};
use crate::{
    base::{
        clock,
        error::{Error, Result},
        ids::{Id, User as Kind},
        names,
        paging::{Listed, Page},
    },
    company::{
        access::{Rows, Writing},
        standing,
    },
};
use rusqlite::{Row, params_from_iter, types::Value};

const COLUMNS: &str = "id, username, display_name, email, state, is_service, EXISTS (SELECT 1 FROM factors f WHERE f.user_id = users.id), created_at, last_seen_at";

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
    })
}

pub fn list(rows: &Rows<'_>, filter: &Filter, page: Page) -> Result<Listed<User>> {
    let parameters: [Value; 5] = [
        filter.text.trim().to_lowercase().into(),
        filter.state.map_or(Value::Null, |state| state.word().to_owned().into()),
        filter.service.map_or(Value::Null, |service| i64::from(service).into()),
        i64::from(filter.without_second_factor).into(),
        filter.ids.as_ref().map_or(Value::Null, |ids| serde_json::to_string(ids).unwrap_or_default().into()),
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

pub fn by_id(rows: &Rows<'_>, id: Id<Kind>) -> Result<User> {
    rows.one(&format!("SELECT {COLUMNS} FROM users WHERE id = ?1"), [id], user)?
        .ok_or_else(|| Error::NotFound(id.to_string()))
}

pub fn has_password(rows: &Rows<'_>, id: Id<Kind>) -> Result<bool> {
    rows.any("SELECT 1 FROM users WHERE id = ?1 AND password_hash IS NOT NULL", [id])
}

pub fn password_hash(rows: &Rows<'_>, id: Id<Kind>) -> Result<Option<String>> {
    Ok(rows.one("SELECT password_hash FROM users WHERE id = ?1", [id], |row| row.get(0))?.flatten())
}

/// False when the password is not the one it was.
pub fn replace_password(tx: &Writing<'_>, id: Id<Kind>, before: &str, after: &str) -> Result<bool> {
    let sql = "UPDATE users SET password_hash = ?3 WHERE id = ?1 AND password_hash = ?2";
    Ok(tx.run(sql, (id, before, after))? > 0)
}

pub fn word_taken(rows: &Rows<'_>, word: &str, but: Option<Id<Kind>>) -> Result<bool> {
    rows.any(
        "SELECT 1 FROM users WHERE (username_key = ?1 OR email_key = ?1) AND id IS NOT ?2",
        (names::key(word), but),
    )
}

pub fn insert(tx: &Writing<'_>, fields: &Fields, state: State, service: bool, hash: Option<&str>) -> Result<Id<Kind>> {
    if !service {
        standing::room_for_a_person(tx)?;
    }
    let id = tx.insert(
        "INSERT INTO users (username, username_key, display_name, email, email_key, state, is_service, password_hash, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        (
            &fields.username,
            names::key(&fields.username),
            &fields.display_name,
            &fields.email_address,
            email_key(fields),
            state.word(),
            service,
            hash,
            clock::now(),
        ),
    )?;
    Ok(Id::new(id))
}

pub fn update(tx: &Writing<'_>, id: Id<Kind>, fields: &Fields) -> Result<()> {
    tx.run(
        "UPDATE users SET username = ?2, username_key = ?3, display_name = ?4, email = ?5, email_key = ?6 WHERE id = ?1",
        (
            id,
            &fields.username,
            names::key(&fields.username),
            &fields.display_name,
            &fields.email_address,
            email_key(fields),
        ),
    )?;
    Ok(())
}

fn email_key(fields: &Fields) -> Option<String> {
    Some(names::key(&fields.email_address)).filter(|key| !key.is_empty())
}

pub fn set_state(tx: &Writing<'_>, id: Id<Kind>, state: State) -> Result<()> {
    tx.run("UPDATE users SET state = ?2 WHERE id = ?1", (id, state.word()))?;
    Ok(())
}

pub fn keys(rows: &Rows<'_>, user: Id<Kind>) -> Result<Vec<ApiKey>> {
    rows.all(
        "SELECT id, user_id, hint, purpose, created_at, expires_at, last_used_at FROM api_keys WHERE user_id = ?1 ORDER BY id DESC",
        [user],
        |row| {
            Ok(ApiKey {
                id: row.get(0)?,
                user: row.get(1)?,
                hint: row.get(2)?,
                purpose: row.get(3)?,
                created_at: row.get(4)?,
                expires_at: row.get(5)?,
                last_used_at: row.get(6)?,
            })
        },
    )
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

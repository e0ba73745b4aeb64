//! The statements of API keys.

use super::{ApiKey, Checked, Kind, Owner, narrowed::Narrow};
use crate::{
    base::{
        clock::{self, Moment},
        error::Result,
        ids::Id,
    },
    company::access::{Rows, Writing},
};

pub fn keys(rows: &Rows<'_>, user: Id<Owner>) -> Result<Vec<ApiKey>> {
    let mut keys = rows.all(
        "SELECT id, user_id, hint, purpose, created_at, expires_at, last_used_at, addresses
         FROM api_keys WHERE user_id = ?1 ORDER BY id DESC",
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
                addresses: serde_json::from_str(row.get_ref(7)?.as_str()?).unwrap_or_default(),
                narrow: Narrow::default(),
            })
        },
    )?;
    let permissions: Vec<(Id<Kind>, String)> = rows.all(
        "SELECT p.key_id, p.permission FROM api_key_permissions p JOIN api_keys k ON k.id = p.key_id
         WHERE k.user_id = ?1 ORDER BY p.permission",
        [user],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let limits: Vec<(Id<Kind>, String, i64)> = rows.all(
        "SELECT l.key_id, l.dimension, l.target_id FROM api_key_limits l JOIN api_keys k ON k.id = l.key_id
         WHERE k.user_id = ?1 ORDER BY l.target_id",
        [user],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    for key in &mut keys {
        let of_key = |id: &Id<Kind>| *id == key.id;
        key.narrow.permissions =
            permissions.iter().filter(|(id, _)| of_key(id)).map(|(_, name)| name.clone()).collect();
        for (_, dimension, id) in limits.iter().filter(|(id, _, _)| of_key(id)) {
            key.narrow.add(dimension, *id);
        }
    }
    Ok(keys)
}

pub fn insert(tx: &Writing<'_>, user: Id<Owner>, hash: &[u8; 32], begins: &str, checked: &Checked) -> Result<Id<Kind>> {
    let now = clock::now();
    let key = tx.insert(
        "INSERT INTO api_keys (user_id, key_hash, hint, purpose, created_at, expires_at, addresses, narrowed, warned)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        (
            user,
            &hash[..],
            format!("{begins}…"),
            &checked.purpose,
            now,
            checked.until,
            serde_json::to_string(&checked.addresses)?,
            !checked.narrow.is_empty(),
            super::ending::told_at_birth(now, checked.until),
        ),
    )?;
    for permission in &checked.narrow.permissions {
        tx.run("INSERT INTO api_key_permissions (key_id, permission) VALUES (?1, ?2)", (key, permission.name))?;
    }
    for (dimension, id) in checked.narrow.limits() {
        tx.run("INSERT INTO api_key_limits (key_id, dimension, target_id) VALUES (?1, ?2, ?3)", (key, dimension, id))?;
    }
    Ok(Id::new(key))
}

/// A key of which a warning is due.
pub struct Due {
    pub id: Id<Kind>,
    pub purpose: String,
    pub owner: Id<Owner>,
    pub owner_name: String,
    pub expires_at: Moment,
    pub warned: i64,
}

/// Keys that end before this moment and of which not every warning was told yet.
pub fn due(rows: &Rows<'_>, before: Moment, most: i64) -> Result<Vec<Due>> {
    rows.all(
        "SELECT k.id, k.purpose, k.user_id, u.display_name, k.expires_at, k.warned FROM api_keys k JOIN users u ON u.id = k.user_id
         WHERE k.warned < 3 AND k.expires_at <= ?1 ORDER BY k.expires_at LIMIT ?2",
        (before, most),
        |row| {
            Ok(Due {
                id: row.get(0)?,
                purpose: row.get(1)?,
                owner: row.get(2)?,
                owner_name: row.get(3)?,
                expires_at: row.get(4)?,
                warned: row.get(5)?,
            })
        },
    )
}

pub fn set_warned(tx: &Writing<'_>, id: Id<Kind>, warned: i64) -> Result<()> {
    tx.run("UPDATE api_keys SET warned = ?2 WHERE id = ?1", (id, warned))?;
    Ok(())
}

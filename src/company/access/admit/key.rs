//! API keys: `API-` and letters and digits, stored as a hash (`access-rules §9`).

use super::{From, Person, access_version};
use crate::{
    base::{
        clock::{self, HOUR, Moment},
        error::Result,
        secret,
    },
    company::access::{vault::Company, visitor::Visitor},
};
use sha2::{Digest, Sha256};

/// A fresh key.
pub(in crate::company) fn new_key() -> String {
    format!("API-{}", data_encoding::BASE32_NOPAD.encode(&secret::random::<20>()))
}

/// What is stored of a key.
pub(in crate::company) fn hash_key(key: &str) -> [u8; 32] {
    Sha256::digest(key.to_ascii_uppercase().as_bytes()).into()
}

/// Admits the bearer of a key; `None` for an unknown, expired or revoked one and for a disabled owner.
pub fn api_key(company: &Company, key: &str, from: &From) -> Result<Option<Visitor>> {
    let snapshot = company.snapshot()?;
    let found = snapshot.with(|rows| {
        let read = |row: &rusqlite::Row<'_>| {
            let person = Person { id: row.get(3)?, display_name: row.get(4)?, is_service: row.get(5)? };
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, Option<Moment>>(2)?, person, row.get::<_, Moment>(7)?))
        };
        let found = rows.one(
            "SELECT k.id, k.hint, k.last_used_at, u.id, u.display_name, u.is_service, u.state, k.expires_at
             FROM api_keys k JOIN users u ON u.id = k.user_id WHERE k.key_hash = ?1 AND k.expires_at > ?2 AND u.state = 'active'",
            (&hash_key(key)[..], clock::now()),
            read,
        )?;
        let Some((id, hint, last_used, person, until)) = found else { return Ok(None) };
        let version = access_version(rows)?;
        Ok(Some((company.grants_of(rows, person.id, version)?, id, hint, last_used, person, until)))
    })?;
    let Some((grants, id, hint, last_used, person, until)) = found else { return Ok(None) };
    if last_used.is_none_or(|at| clock::now().0 - at.0 > HOUR) {
        company.touch("UPDATE api_keys SET last_used_at = ?2 WHERE id = ?1", id)?;
    }
    Ok(Some(Visitor::person(company, snapshot, &person, None, format!("API key {hint}"), from, grants).until(until)))
}

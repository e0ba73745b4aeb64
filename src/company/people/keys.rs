//! API keys: made, listed, revoked (`access-rules §9`).

use crate::{
    base::{
        clock::{self, DAY},
        error::{Error, Fields, Result},
        ids::{ApiKey, Id, User},
        names,
    },
    company::access::{
        At, Event, Granted, Writing,
        admit::{hash_key, new_key},
        permissions::UserEdit,
    },
};

/// A key lives at most so many days.
pub const LONGEST_LIFE: i64 = 3650;

/// Makes a key for somebody else: for a service account, or by the operator for anybody. Gives the key, which is not
/// kept, only its hash.
///
/// # Errors
/// `Invalid` for a purpose or a life out of bounds; `Conflict` for a person, unless the operator asks.
pub fn create_for(granted: &Granted<'_, UserEdit>, user: &At<User>, purpose: &str, days: i64) -> Result<String> {
    let by_operator = granted.visitor().kind() == crate::company::access::ActorKind::Operator;
    granted.write(|tx| {
        let (name, service): (String, bool) = tx
            .one("SELECT display_name, is_service FROM users WHERE id = ?1", [user.id()], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?
            .ok_or_else(|| Error::NotFound(user.id().to_string()))?;
        if !service && !by_operator {
            return Err(Error::Conflict(format!("{name} is a person. People make their own API keys.")));
        }
        let (key, event) = store(tx, user.id(), &name, purpose, days)?;
        tx.record(event, key)
    })
}

/// Stores a fresh key; gives it and its event.
pub(in crate::company) fn store(
    tx: &Writing<'_>,
    user: Id<User>,
    name: &str,
    purpose: &str,
    days: i64,
) -> Result<(String, Event)> {
    let mut wrong = Fields::new();
    let purpose = wrong.check("Purpose", names::name(purpose, 200)).unwrap_or_default();
    if !(1..=LONGEST_LIFE).contains(&days) {
        wrong.add("Expires", format!("Choose 1 to {LONGEST_LIFE} days."));
    }
    wrong.finish()?;
    let key = new_key();
    let now = clock::now();
    let id = tx.insert(
        "INSERT INTO api_keys (user_id, key_hash, hint, purpose, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        (user, &hash_key(&key)[..], format!("{}…", &key[..8]), &purpose, now, now.plus(days * DAY)),
    )?;
    let id: Id<ApiKey> = Id::new(id);
    let event = Event::new("Created").say("An API key for ").name(user, name).say(" was made: ").name(id, &purpose);
    Ok((key, event))
}

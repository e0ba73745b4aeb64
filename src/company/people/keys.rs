//! API keys: made, listed, revoked (`access-rules §9`). One's own are in [`super::own`]; another's are a service
//! account's, or anybody's when the operator asks.

use super::{User, may_touch, sql};
use crate::{
    base::{
        clock::{self, DAY, Moment},
        error::{Error, Fields, Result},
        ids::{ApiKey as Kind, Id, User as Owner},
        names,
    },
    company::access::{
        ActorKind, At, Event, Granted, Rows, Visitor, Writing,
        admit::{hash_key, new_key},
        permissions::UserEdit,
    },
};

/// A key lives at most so many days.
pub const LONGEST_LIFE: i64 = 3650;
/// A key lives so many days unless told otherwise.
pub const USUAL_LIFE: i64 = 180;

/// A key, without the key.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// Its id.
    pub id: Id<Kind>,
    /// Whose it is.
    pub user: Id<Owner>,
    /// How it begins.
    pub hint: String,
    /// What it is for.
    pub purpose: String,
    /// When it was made.
    pub created_at: Moment,
    /// When it ends.
    pub expires_at: Moment,
    /// When it was last used, to the hour.
    pub last_used_at: Option<Moment>,
}

/// Makes a key that lives so many days, as [`create_until`]. Gives the key, which is not kept, only its hash.
///
/// # Errors
/// As [`create_until`].
pub fn create_for(granted: &Granted<'_, UserEdit>, user: &At<Owner>, purpose: &str, days: i64) -> Result<String> {
    if !(1..=LONGEST_LIFE).contains(&days) {
        return Err(Error::invalid("Expires", format!("Choose 1 to {LONGEST_LIFE} days.")));
    }
    Ok(create_until(granted, user, purpose, Some(clock::now().plus(days * DAY)))?.0)
}

/// Makes a key for somebody else: for a service account, or by the operator for anybody. Gives the key and what is kept
/// of it.
///
/// # Errors
/// `Invalid` for a purpose or an end out of bounds; `Conflict` for a person, unless the operator asks; `Denied` for an
/// account with full administration when the visitor has not got it.
pub fn create_until(
    granted: &Granted<'_, UserEdit>,
    user: &At<Owner>,
    purpose: &str,
    until: Option<Moment>,
) -> Result<(String, ApiKey)> {
    granted.fresh()?;
    let until = end(granted.visitor(), until)?;
    let rights = may_touch(granted, user.id())?;
    granted.write(|tx| {
        super::as_weak_as_before(tx, user.id(), &rights)?;
        let owner = of_service(tx, granted.visitor(), user.id())?;
        let (key, event) = store(tx, owner.id, &owner.display_name, purpose, until)?;
        let made = newest(tx, owner.id)?;
        tx.record(event, (key, made))
    })
}

/// The keys of a service account; of anybody for the operator.
///
/// # Errors
/// `Conflict` for a person.
pub fn list_for(granted: &Granted<'_, UserEdit>, user: &At<Owner>) -> Result<Vec<ApiKey>> {
    granted.read(|rows| {
        let owner = of_service(rows, granted.visitor(), user.id())?;
        sql::keys(rows, owner.id)
    })
}

/// Revokes a key of a service account; of anybody for the operator.
///
/// # Errors
/// `NotFound` when it is not a key of theirs, `Conflict` for a person.
pub fn revoke_for(granted: &Granted<'_, UserEdit>, user: &At<Owner>, id: Id<Kind>) -> Result<()> {
    granted.fresh()?;
    granted.write(|tx| {
        let owner = of_service(tx, granted.visitor(), user.id())?;
        tx.record(remove(tx, &owner, id)?, ())
    })
}

fn of_service(rows: &Rows<'_>, visitor: &Visitor, user: Id<Owner>) -> Result<User> {
    let owner = sql::by_id(rows, user)?;
    if owner.is_service || visitor.kind() == ActorKind::Operator {
        return Ok(owner);
    }
    Err(Error::Conflict(format!("{} is a person. People look after their own API keys.", owner.display_name)))
}

/// The end of a key that this visitor makes: 180 days from now unless told otherwise.
pub(super) fn end(visitor: &Visitor, wish: Option<Moment>) -> Result<Moment> {
    let now = clock::now();
    let own = visitor.key_ends();
    let usual = now.plus(USUAL_LIFE * DAY);
    let until = wish.unwrap_or_else(|| own.map_or(usual, |own| own.min(usual)));
    let wrong = if until <= now {
        "Choose an end in the future."
    } else if until > now.plus(LONGEST_LIFE * DAY + DAY) {
        "Choose an end within ten years."
    } else if own.is_some_and(|own| until > own) {
        "A key that is made with a key cannot live longer than that one. Choose an earlier end."
    } else {
        return Ok(until);
    };
    Err(Error::invalid("Expires", wrong))
}

/// Stores a fresh key; gives it and its event.
pub(super) fn store(
    tx: &Writing<'_>,
    user: Id<Owner>,
    name: &str,
    purpose: &str,
    until: Moment,
) -> Result<(String, Event)> {
    let mut wrong = Fields::new();
    let purpose = wrong.check("Purpose", names::name(purpose, 200)).unwrap_or_default();
    wrong.finish()?;
    let key = new_key();
    let id = tx.insert(
        "INSERT INTO api_keys (user_id, key_hash, hint, purpose, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        (user, &hash_key(&key)[..], format!("{}…", &key[..8]), &purpose, clock::now(), until),
    )?;
    let id: Id<Kind> = Id::new(id);
    let event = Event::new("Created").say("An API key for ").name(user, name).say(" was made: ").name(id, &purpose);
    Ok((key, event))
}

/// The key that was made last.
pub(super) fn newest(rows: &Rows<'_>, user: Id<Owner>) -> Result<ApiKey> {
    sql::keys(rows, user)?.into_iter().next().ok_or_else(|| Error::internal("a key that was made is not there"))
}

/// Deletes a key of this user; gives the event.
pub(super) fn remove(tx: &Writing<'_>, owner: &User, id: Id<Kind>) -> Result<Event> {
    let key = sql::keys(tx, owner.id)?.into_iter().find(|key| key.id == id);
    let key = key.ok_or_else(|| Error::NotFound(id.to_string()))?;
    tx.run("DELETE FROM api_keys WHERE id = ?1", [id])?;
    let event = Event::new("Deleted").say("The API key ").name(id, &key.purpose).say(" of ");
    Ok(event.name(owner.id, &owner.display_name).say(" was revoked"))
}

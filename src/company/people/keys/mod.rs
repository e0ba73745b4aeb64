//! API keys: made, listed, revoked (`access-rules §9`). One's own, always; another's are a service account's, or
//! anybody's when the operator asks. What a key leaves of its owner's rights is [`narrowed`]'s; that it ends is told by
//! [`ending`].

pub mod ending;
pub mod narrowed;
mod sql;

use super::{User, may_touch, sql as people};
use crate::{
    base::{
        clock::{self, DAY, Moment},
        error::{Error, Fields as Wrong, Result},
        ids::{ApiKey as Kind, Id, User as Owner},
        names,
    },
    company::{
        access::{
            ActorKind, At, Event, Granted, Myself, Proof, Rows, Visitor, Writing,
            admit::{hash_key, new_key},
            outbox::{Notice, notice},
            permissions::{Permission, UserEdit},
        },
        settings::{self, Rules},
    },
};
use ipnet::IpNet;
use narrowed::{Narrow, Settled};

/// So many networks can be given to a key.
const MOST_NETWORKS: usize = 50;

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
    /// The networks it may come from; none: from everywhere.
    pub addresses: Vec<String>,
    /// What it leaves of its owner's rights.
    pub narrow: Narrow,
}

/// What a person gives.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    /// What the key is for: 1–200 characters.
    pub purpose: String,
    /// When it ends; the company's usual life unless told otherwise.
    pub until: Option<Moment>,
    /// Addresses and networks it may come from (`192.0.2.0/24`); none: from everywhere.
    pub addresses: Vec<String>,
    /// What it leaves of its owner's rights.
    pub narrow: Narrow,
}

impl Fields {
    /// For this purpose, and nothing else said.
    pub fn of(purpose: &str, until: Option<Moment>) -> Fields {
        Fields { purpose: purpose.into(), until, ..Fields::default() }
    }
    /// For a key that lives so many days.
    ///
    /// # Errors
    /// `Invalid` for less than one day or more than ten years.
    pub fn living(mut self, days: i64) -> Result<Fields> {
        if !(1..=3650).contains(&days) {
            return Err(Error::invalid("Expires", "Choose 1 to 3650 days."));
        }
        self.until = Some(clock::now().plus(days * DAY));
        Ok(self)
    }
}

/// How long keys live here: usually, and at most, in days.
#[derive(Debug, Clone, Copy)]
pub struct Life {
    /// Unless told otherwise.
    pub usual: i64,
    /// At most.
    pub most: i64,
    /// Whether people may have keys at all; service accounts may always.
    pub people_may: bool,
}

/// How long keys live in this company.
pub fn life<P: Permission>(granted: &Granted<'_, P>) -> Result<Life> {
    let rules = granted.read(settings::rules)?;
    Ok(Life {
        usual: rules.key_days_usual.min(rules.key_days_max),
        most: rules.key_days_max,
        people_may: rules.people_may_have_keys,
    })
}

/// Makes a key that lives so many days, as [`create`]. Gives the key, which is not kept, only its hash.
///
/// # Errors
/// As [`create`].
pub fn create_for(granted: &Granted<'_, UserEdit>, user: &At<Owner>, purpose: &str, days: i64) -> Result<String> {
    Ok(create(granted, user, &Fields::of(purpose, None).living(days)?)?.0)
}

/// Makes a key for somebody else: for a service account, or by the operator for anybody. Gives the key and what is kept
/// of it.
///
/// # Errors
/// `Invalid` for what is out of bounds; `Conflict` for a person, unless the operator asks; `Denied` for an account
/// that may do what the visitor does not hold.
pub fn create(granted: &Granted<'_, UserEdit>, user: &At<Owner>, fields: &Fields) -> Result<(String, ApiKey)> {
    granted.fresh()?;
    let rights = may_touch(granted, user.id())?;
    let checked = check(granted, fields)?;
    let gifts = super::may_hand_out(granted, user.id(), &checked.narrow.permissions)?;
    granted.write(|tx| {
        super::as_weak_as_before(tx, user.id(), &rights)?;
        super::still_handed_out(tx, user.id(), &checked.narrow.permissions, &gifts)?;
        let owner = of_service(tx, granted.visitor(), user.id())?;
        let (key, event) = store(tx, &owner, &checked)?;
        let made = newest(tx, owner.id)?;
        tx.record(event, (key, made))
    })
}

/// Makes a key for oneself; it is shown once and stored as a hash.
///
/// # Errors
/// `Invalid` for a purpose that is missing and an end that is past, too far, or later than that of the key that asks;
/// `Conflict` for a person where people have no keys.
pub fn create_own(granted: &Granted<'_, Myself>, fields: &Fields) -> Result<(String, ApiKey)> {
    granted.fresh()?;
    let checked = check(granted, fields)?;
    granted.write_asking(Proof::Fresh, |tx| {
        let me = people::by_id(tx, granted.what().user())?;
        let (key, event) = store(tx, &me, &checked)?;
        let made = newest(tx, me.id)?;
        tx.record(event, (key, made))
    })
}

/// The keys of a service account; of anybody for the operator. The newest first.
///
/// # Errors
/// `Conflict` for a person.
pub fn list_for(granted: &Granted<'_, UserEdit>, user: &At<Owner>) -> Result<Vec<ApiKey>> {
    granted.read(|rows| {
        let owner = of_service(rows, granted.visitor(), user.id())?;
        sql::keys(rows, owner.id)
    })
}

/// One's keys, the newest first.
pub fn list_own(granted: &Granted<'_, Myself>) -> Result<Vec<ApiKey>> {
    granted.read(|rows| sql::keys(rows, granted.what().user()))
}

/// Revokes a key of a service account; of anybody for the operator.
///
/// # Errors
/// `NotFound` when it is not a key of theirs, `Conflict` for a person; `Denied` for an administrator when the visitor is none.
pub fn revoke_for(granted: &Granted<'_, UserEdit>, user: &At<Owner>, id: Id<Kind>) -> Result<()> {
    granted.fresh()?;
    let rights = may_touch(granted, user.id())?;
    granted.write(|tx| {
        super::as_weak_as_before(tx, user.id(), &rights)?;
        let owner = of_service(tx, granted.visitor(), user.id())?;
        tx.record(remove(tx, &owner, id)?, ())
    })
}

/// Revokes one of one's keys: it no longer works.
///
/// # Errors
/// `NotFound` when there is no such key of one's own.
pub fn revoke_own(granted: &Granted<'_, Myself>, id: Id<Kind>) -> Result<()> {
    granted.fresh()?;
    granted.write_asking(Proof::Fresh, |tx| {
        let me = people::by_id(tx, granted.what().user())?;
        tx.record(remove(tx, &me, id)?, ())
    })
}

fn of_service(rows: &Rows<'_>, visitor: &Visitor, user: Id<Owner>) -> Result<User> {
    let owner = people::by_id(rows, user)?;
    if owner.is_service || visitor.kind() == ActorKind::Operator {
        return Ok(owner);
    }
    Err(Error::Conflict(format!("{} is a person. People look after their own API keys.", owner.display_name)))
}

/// A key as it is written down: checked.
struct Checked {
    purpose: String,
    until: Moment,
    addresses: Vec<String>,
    narrow: Settled,
}

fn check<P: Permission>(granted: &Granted<'_, P>, fields: &Fields) -> Result<Checked> {
    let visitor = granted.visitor();
    if visitor.is_narrowed() {
        return Err(Error::Conflict(
            "A key that is narrowed makes no other keys. Make it with one that is not, or on the pages.".into(),
        ));
    }
    let rules = granted.read(settings::rules)?;
    let mut wrong = Wrong::new();
    let purpose = wrong.check("Purpose", names::name(&fields.purpose, 200)).unwrap_or_default();
    let until = wrong.check("Expires", end(visitor, &rules, fields.until)).unwrap_or_default();
    let addresses = wrong.check("AllowedAddresses", networks(&fields.addresses)).unwrap_or_default();
    let narrow = narrowed::settle(granted, &fields.narrow, &mut wrong)?;
    wrong.finish()?;
    Ok(Checked { purpose, until, addresses, narrow })
}

/// The end of a key that this visitor makes.
fn end(visitor: &Visitor, rules: &Rules, wish: Option<Moment>) -> Result<Moment, String> {
    let now = clock::now();
    let own = visitor.key_ends();
    let usual = now.plus(rules.key_days_usual.min(rules.key_days_max) * DAY);
    let until = wish.unwrap_or_else(|| own.map_or(usual, |own| own.min(usual)));
    if until <= now {
        Err("Choose an end in the future.".into())
    } else if until > now.plus(rules.key_days_max * DAY + DAY) {
        Err(format!("Choose an end within {} days.", rules.key_days_max))
    } else if own.is_some_and(|own| until > own) {
        Err("A key that is made with a key cannot live longer than that one. Choose an earlier end.".into())
    } else {
        Ok(until)
    }
}

/// Networks in one spelling; a single address is a network of one.
fn networks(typed: &[String]) -> Result<Vec<String>, String> {
    let mut networks: Vec<String> = Vec::new();
    for text in typed.iter().map(|text| text.trim()).filter(|text| !text.is_empty()) {
        let network = text
            .parse::<IpNet>()
            .or_else(|_| text.parse::<std::net::IpAddr>().map(|address| IpNet::from(address.to_canonical())))
            .map_err(|_| {
                format!("“{text}” is no address and no network. Write 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32.")
            })?;
        let network = network.trunc().to_string();
        if !networks.contains(&network) {
            networks.push(network);
        }
    }
    if networks.len() > MOST_NETWORKS {
        return Err(format!("Give at most {MOST_NETWORKS} networks."));
    }
    Ok(networks)
}

/// Stores a fresh key; gives it and its event.
fn store(tx: &Writing<'_>, owner: &User, checked: &Checked) -> Result<(String, Event)> {
    if !owner.is_service && !settings::rules(tx)?.people_may_have_keys {
        return Err(Error::Conflict(
            "In this company only service accounts have API keys. Ask an administrator for a service account.".into(),
        ));
    }
    let key = new_key();
    let id = sql::insert(tx, owner.id, &hash_key(&key), &key[..8], checked)?;
    tx.access_changed()?;
    notice(tx, owner.id.0, Notice::KeyMade(&checked.purpose, checked.until))?;
    let event = Event::new("Created").say("An API key for ").name(owner.id, &owner.display_name).say(" was made: ");
    let mut event = event.name(id, &checked.purpose).detail("Expires", checked.until.wire());
    if !checked.addresses.is_empty() {
        event = event.detail("AllowedAddresses", checked.addresses.clone());
    }
    if !checked.narrow.is_empty() {
        event = event.detail("Narrowing", checked.narrow.told());
    }
    Ok((key, event))
}

/// The key that was made last.
fn newest(rows: &Rows<'_>, user: Id<Owner>) -> Result<ApiKey> {
    sql::keys(rows, user)?.into_iter().next().ok_or_else(|| Error::internal("a key that was made is not there"))
}

/// Deletes a key of this user; gives the event.
fn remove(tx: &Writing<'_>, owner: &User, id: Id<Kind>) -> Result<Event> {
    let key = sql::keys(tx, owner.id)?.into_iter().find(|key| key.id == id);
    let key = key.ok_or_else(|| Error::NotFound(id.to_string()))?;
    tx.run("DELETE FROM api_keys WHERE id = ?1", [id])?;
    tx.access_changed()?;
    let event = Event::new("Deleted").say("The API key ").name(id, &key.purpose).say(" of ");
    Ok(event.name(owner.id, &owner.display_name).say(" was revoked"))
}

#[cfg(test)]
mod tests;

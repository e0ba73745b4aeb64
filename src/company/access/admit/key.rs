//! What programs come with: API keys (`API-` and letters and digits, `access-rules §9`) and the short-lived tokens that
//! service accounts get in exchange for a signed one. Both are stored as a hash.

use super::{From, Person, access_version, hash, stamp_of};
use crate::{
    base::{
        clock::{self, HOUR, Moment},
        error::Result,
        ids::{ApiKey, Id},
        secret,
    },
    company::access::{policy::Grants, rows::Rows, trail::Event, vault::Company, visitor::Visitor},
};
use ipnet::IpNet;
use sha2::{Digest, Sha256};
use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

/// How a token begins that was given in exchange for a signed one.
pub(super) const TOKEN: &str = "bht_";

/// A fresh key.
pub(in crate::company) fn new_key() -> String {
    format!("API-{}", data_encoding::BASE32_NOPAD.encode(&secret::random::<20>()))
}

/// What is stored of a key.
pub(in crate::company) fn hash_key(key: &str) -> [u8; 32] {
    Sha256::digest(key.to_ascii_uppercase().as_bytes()).into()
}

/// A key as it is remembered under one access version. What time does to it is looked at on each request.
pub(in crate::company::access) struct KnownKey {
    id: i64,
    means: String,
    person: Person,
    until: Moment,
    last_used: AtomicI64,
    addresses: String,
    refused_at: Option<Moment>,
    grants: Arc<Grants>,
    /// What a narrowed key leaves of them.
    left: Option<Arc<Grants>>,
}

/// Admits the bearer of a key or token; `None` for an unknown, expired or revoked one, for a disabled owner, for a person
/// where people have no keys, and for a key that comes from an address it may not come from.
pub fn api_key(company: &Company, key: &str, from: &From) -> Result<Option<Visitor>> {
    if key.starts_with(TOKEN) {
        return token(company, key, from);
    }
    let snapshot = company.snapshot()?;
    let hash = hash_key(key);
    let (version, known) = snapshot.with(|rows| {
        let version = access_version(rows)?;
        let known = company.memory().of(
            version,
            |known| known.keys.get(&hash).cloned().map(Some),
            || find(company, rows, &hash, version).map(|found| found.map(Arc::new)),
            |known, key| drop(key.map(|key| known.keys.insert(hash, key))),
        )?;
        Ok((version, known))
    })?;
    let now = clock::now();
    let Some(known) = known.filter(|known| known.until > now) else { return Ok(None) };
    if !comes_from(&known.addresses, &from.address) {
        drop(snapshot);
        tell_of_stranger(company, &known, from)?;
        return Ok(None);
    }
    if now.0 - known.last_used.load(Ordering::Relaxed) > HOUR {
        company.touch("UPDATE api_keys SET last_used_at = ?2 WHERE id = ?1", known.id)?;
        known.last_used.store(now.0, Ordering::Relaxed);
    }
    let (means, grants) = (known.means.clone(), known.grants.clone());
    let visitor = Visitor::person(company, snapshot, &known.person, None, means, from, grants);
    let visitor = visitor.until(known.until).at_version(version);
    Ok(Some(match &known.left {
        Some(left) => visitor.narrowed(left.clone()),
        None => visitor,
    }))
}

fn find(company: &Company, rows: &Rows<'_>, hash: &[u8; 32], version: i64) -> Result<Option<KnownKey>> {
    struct Row {
        hint: String,
        last_used: Option<i64>,
        narrowed: bool,
    }
    let found = rows.one(
        "SELECT k.id, k.hint, k.last_used_at, u.id, u.display_name, u.is_service, k.expires_at, k.addresses, k.narrowed, k.refused_at
         FROM api_keys k JOIN users u ON u.id = k.user_id WHERE k.key_hash = ?1 AND u.state = 'active'
           AND (u.is_service = 1 OR (SELECT people_may_have_keys FROM settings) = 1)",
        [&hash[..]],
        |row| {
            let stored = Row { hint: row.get(1)?, last_used: row.get(2)?, narrowed: row.get(8)? };
            let person = Person { id: row.get(3)?, display_name: row.get(4)?, is_service: row.get(5)? };
            Ok((row.get(0)?, stored, person, row.get(6)?, row.get(7)?, row.get(9)?))
        },
    )?;
    let Some((id, Row { hint, last_used, narrowed }, person, until, addresses, refused_at)) = found else {
        return Ok(None);
    };
    let grants = company.grants_of(rows, person.id, version)?;
    let left = if narrowed { Some(company.grants_of_key(rows, id, &grants)?) } else { None };
    let last_used = last_used.unwrap_or(0).into();
    let means = format!("API key {hint}");
    Ok(Some(KnownKey { id, means, person, until, last_used, addresses, refused_at, grants, left }))
}

/// Whether an address is in one of these networks, written as a JSON list; none of them: every address is.
fn comes_from(networks: &str, address: &str) -> bool {
    if networks == "[]" {
        return true;
    }
    let Ok(networks) = serde_json::from_str::<Vec<String>>(networks) else { return false };
    let Ok(address) = address.parse::<IpAddr>() else { return false };
    let address = address.to_canonical();
    networks.iter().filter_map(|network| network.parse::<IpNet>().ok()).any(|network| network.contains(&address))
}

/// Somebody has the key who should not: told in the trail, once an hour for each key.
fn tell_of_stranger(company: &Company, known: &KnownKey, from: &From) -> Result<()> {
    let now = clock::now();
    if known.refused_at.is_some_and(|at| now.0 - at.0 < HOUR) {
        return Ok(());
    }
    let mut stamp = stamp_of(known.person.id, &known.person.display_name, from);
    stamp.means = known.means.clone();
    company.write(stamp, |tx| {
        tx.run("UPDATE api_keys SET refused_at = ?2 WHERE id = ?1", (known.id, now))?;
        let id: Id<ApiKey> = Id::new(known.id);
        let event = Event::new("LoginFailed").say("An API key of ").say(&known.person.display_name);
        tx.record(event.say(" was used from an address it may not come from").related(id), ())
    })
}

/// Admits the bearer of a token that was given in exchange.
fn token(company: &Company, token: &str, from: &From) -> Result<Option<Visitor>> {
    let snapshot = company.snapshot()?;
    let found = snapshot.with(|rows| {
        let found = rows.one(
            "SELECT u.id, u.display_name, t.subject, t.expires_at FROM access_tokens t JOIN users u ON u.id = t.user_id
             WHERE t.token_hash = ?1 AND t.expires_at > ?2 AND u.state = 'active' AND u.is_service = 1",
            (&hash(token)[..], clock::now()),
            |row| {
                let person = Person { id: row.get(0)?, display_name: row.get(1)?, is_service: true };
                Ok((person, row.get::<_, String>(2)?, row.get::<_, Moment>(3)?))
            },
        )?;
        let Some((person, subject, until)) = found else { return Ok(None) };
        let version = access_version(rows)?;
        Ok(Some((company.grants_of(rows, person.id, version)?, person, subject, until)))
    })?;
    let Some((grants, person, subject, until)) = found else { return Ok(None) };
    let means = format!("token of {subject}");
    Ok(Some(Visitor::person(company, snapshot, &person, None, means, from, grants).until(until)))
}

#[test]
fn a_key_comes_from_its_networks_only() {
    let networks = r#"["192.0.2.0/24","2001:db8::/32"]"#;
    for (address, comes) in [
        ("192.0.2.7", true),
        ("::ffff:192.0.2.7", true),
        ("2001:db8::1", true),
        ("192.0.3.7", false),
        ("2001:db9::1", false),
        ("", false),
        ("nonsense", false),
    ] {
        assert_eq!(comes_from(networks, address), comes, "{address}");
        assert!(comes_from("[]", address));
        assert!(!comes_from("[\"nonsense\"]", address), "what cannot be read lets nobody in");
    }
}

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
    company::access::{rows::Rows, trail::Event, vault::Company, visitor::Visitor},
};
use ipnet::IpNet;
use sha2::{Digest, Sha256};
use std::net::IpAddr;

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

/// A key that was found, and whose it is.
struct Found {
    id: i64,
    hint: String,
    last_used: Option<Moment>,
    person: Person,
    until: Moment,
    addresses: String,
    narrowed: bool,
    refused_at: Option<Moment>,
}

/// Admits the bearer of a key or token; `None` for an unknown, expired or revoked one, for a disabled owner, and for a
/// key that comes from an address it may not come from.
pub fn api_key(company: &Company, key: &str, from: &From) -> Result<Option<Visitor>> {
    if key.starts_with(TOKEN) {
        return token(company, key, from);
    }
    let snapshot = company.snapshot()?;
    let found = snapshot.with(|rows| {
        let Some(found) = by_hash(rows, &hash_key(key))? else { return Ok(None) };
        let version = access_version(rows)?;
        let grants = company.grants_of(rows, found.person.id, version)?;
        let left = match found.narrowed {
            true => Some(company.grants_of_key(rows, found.id, &grants, version)?),
            false => None,
        };
        Ok(Some((found, grants, left)))
    })?;
    let Some((found, grants, left)) = found else { return Ok(None) };
    if !comes_from(&found.addresses, &from.address) {
        drop(snapshot);
        tell_of_stranger(company, &found, from)?;
        return Ok(None);
    }
    if found.last_used.is_none_or(|at| clock::now().0 - at.0 > HOUR) {
        company.touch("UPDATE api_keys SET last_used_at = ?2 WHERE id = ?1", found.id)?;
    }
    let means = format!("API key {}", found.hint);
    let visitor = Visitor::person(company, snapshot, &found.person, None, means, from, grants).until(found.until);
    Ok(Some(match left {
        Some(left) => visitor.narrowed(left),
        None => visitor,
    }))
}

fn by_hash(rows: &Rows<'_>, hash: &[u8; 32]) -> Result<Option<Found>> {
    rows.one(
        "SELECT k.id, k.hint, k.last_used_at, u.id, u.display_name, u.is_service, k.expires_at, k.addresses, k.narrowed, k.refused_at
         FROM api_keys k JOIN users u ON u.id = k.user_id WHERE k.key_hash = ?1 AND k.expires_at > ?2 AND u.state = 'active'",
        (&hash[..], clock::now()),
        |row| {
            Ok(Found {
                id: row.get(0)?,
                hint: row.get(1)?,
                last_used: row.get(2)?,
                person: Person { id: row.get(3)?, display_name: row.get(4)?, is_service: row.get(5)? },
                until: row.get(6)?,
                addresses: row.get(7)?,
                narrowed: row.get(8)?,
                refused_at: row.get(9)?,
            })
        },
    )
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
fn tell_of_stranger(company: &Company, found: &Found, from: &From) -> Result<()> {
    let now = clock::now();
    if found.refused_at.is_some_and(|at| now.0 - at.0 < HOUR) {
        return Ok(());
    }
    let mut stamp = stamp_of(found.person.id, &found.person.display_name, from);
    stamp.means = format!("API key {}", found.hint);
    company.write(stamp, |tx| {
        tx.run("UPDATE api_keys SET refused_at = ?2 WHERE id = ?1", (found.id, now))?;
        let id: Id<ApiKey> = Id::new(found.id);
        let event = Event::new("LoginFailed").say("An API key of ").say(&found.person.display_name);
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

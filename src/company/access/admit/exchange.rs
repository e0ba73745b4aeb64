//! Token exchange: a program brings a token that somebody else signed (a CI job's), and gets a short-lived one of this
//! company for a service account. Who signs for whom is written down in the account's OIDC identities; the issuer's keys
//! are fetched elsewhere and given here.
//!
//! Taken are RS256 and ES256 with a key of the issuer of that very kind, and nothing else; the token must be for the
//! identity's audience and subject, begun and not ended. An unknown account, an unknown issuer and a wrong signature get
//! the same answer.

use super::{From, TOKEN, hash, stamp_of};
use crate::{
    base::{
        clock::{self, MINUTE, Moment},
        error::Result,
        ids::{Id, OidcIdentity, User},
        names, secret,
    },
    company::access::{rows::Rows, trail::Event, vault::Company},
};
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse},
};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use url::Url;

/// A token that was given in exchange lives so long, in milliseconds.
pub const TOKEN_LIFE: i64 = 60 * MINUTE;
/// Clocks may differ by so many seconds.
const LEEWAY: u64 = 30;
/// A key of an issuer has at least so many bytes in its modulus.
const SMALLEST_RSA: usize = 256;
/// No token is longer.
const LONGEST: usize = 16 * 1024;
/// A failure is told once in so long for each account.
const TOLD_EVERY: i64 = 5 * MINUTE;

/// A token that was brought, and for whom it may be taken. Nothing of it is proved yet.
#[derive(Debug)]
pub struct Offer {
    /// Whose keys are needed.
    pub issuer: String,
    /// Which of them.
    pub key: Option<String>,
    algorithm: Algorithm,
    token: String,
    account: i64,
    name: String,
    identities: Vec<Identity>,
}

#[derive(Debug)]
struct Identity {
    id: Id<OidcIdentity>,
    subject: String,
    audience: String,
}

/// What was given in exchange.
#[derive(Debug)]
pub struct Exchanged {
    /// The token; stored only as a hash.
    pub token: String,
    /// When it ends.
    pub until: Moment,
}

/// Why a token was not taken. The sentence is for whoever brought it.
#[derive(Debug, PartialEq, Eq)]
pub struct NotTaken(pub String);

/// Said as long as nothing is proved: for whatever is wrong, the same.
pub fn unproved() -> NotTaken {
    NotTaken(
        "The token could not be exchanged: no identity of this service account takes it, or it is not rightly signed."
            .into(),
    )
}

/// What a service account is called where tokens are signed for it. Another company's account has another name.
pub(in crate::company) fn external_id(company: &Company, account: Id<User>) -> String {
    let mut digest = Sha256::new();
    digest.update(company.id().as_bytes());
    digest.update(account.0.to_be_bytes());
    let mut bytes = [0u8; 16];
    bytes.copy_from_slice(&digest.finalize()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

/// The address of an issuer: https (or http, which only the operator can allow), a host, and nothing hidden.
///
/// # Errors
/// A sentence that says what to give.
pub(in crate::company) fn issuer_address(text: &str) -> std::result::Result<Url, String> {
    let wrong = || "Give the issuer's address, such as https://token.actions.githubusercontent.com.".to_owned();
    let url = Url::parse(text).map_err(|_| wrong())?;
    let plain =
        url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    let known = matches!(url.scheme(), "https" | "http") && url.host_str().is_some_and(|host| !host.is_empty());
    if plain && known { Ok(url) } else { Err(wrong()) }
}

#[derive(Deserialize)]
struct Issuer {
    iss: String,
}

#[derive(Deserialize)]
struct Subject {
    sub: String,
}

/// Looks at what was brought, for the account named by id, external id or username: whose keys would prove it?
///
/// # Errors
/// Only for faults; whatever is wrong with the token is [`NotTaken`].
pub fn offer(company: &Company, account: &str, token: &str) -> Result<std::result::Result<Offer, NotTaken>> {
    let Some((header, issuer)) = unproved_parts(token) else { return Ok(Err(unproved())) };
    let algorithm = header.alg;
    if !matches!(algorithm, Algorithm::RS256 | Algorithm::ES256) {
        return Ok(Err(unproved()));
    }
    let found = company.snapshot()?.with(|rows| {
        let Some((id, name)) = find(rows, company, account)? else { return Ok(None) };
        let identities = rows.all(
            "SELECT id, subject, audience FROM oidc_identities WHERE user_id = ?1 AND issuer = ?2 ORDER BY id",
            (id, &issuer),
            |row| Ok(Identity { id: row.get(0)?, subject: row.get(1)?, audience: row.get(2)? }),
        )?;
        Ok(Some((id, name, identities)))
    })?;
    Ok(match found {
        Some((account, name, identities)) if !identities.is_empty() => {
            Ok(Offer { issuer, key: header.kid, algorithm, token: token.to_owned(), account, name, identities })
        }
        _ => Err(unproved()),
    })
}

fn find(rows: &Rows<'_>, company: &Company, account: &str) -> Result<Option<(i64, String)>> {
    let known: Vec<(i64, String, String)> = rows.all(
        "SELECT DISTINCT u.id, u.display_name, u.username_key FROM users u JOIN oidc_identities i ON i.user_id = u.id
         WHERE u.is_service = 1 AND u.state = 'active'",
        [],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    let asked = Id::<User>::parse(account);
    let is_meant = |id: i64, username: &str| {
        let id: Id<User> = Id::new(id);
        asked == Some(id)
            || *username == names::key(account)
            || external_id(company, id).eq_ignore_ascii_case(account.trim())
    };
    Ok(known.into_iter().find(|(id, _, username)| is_meant(*id, username)).map(|(id, name, _)| (id, name)))
}

fn unproved_parts(token: &str) -> Option<(jsonwebtoken::Header, String)> {
    if token.len() > LONGEST {
        return None;
    }
    let header = jsonwebtoken::decode_header(token).ok()?;
    let claims = token.split('.').nth(1)?;
    let claims = data_encoding::BASE64URL_NOPAD.decode(claims.as_bytes()).ok()?;
    let issuer: Issuer = serde_json::from_slice(&claims).ok()?;
    Some((header, issuer.iss))
}

/// Proves the token with the issuer's keys and gives another for it.
///
/// # Errors
/// Only for faults; whatever is wrong with the token is [`NotTaken`], and told in the trail now and then.
pub fn exchange(
    company: &Company,
    offer: &Offer,
    keys: &[Jwk],
    from: &From,
) -> Result<std::result::Result<Exchanged, NotTaken>> {
    let proved = prove(offer, keys).and_then(|subject| match taken(offer, &subject) {
        Some(identity) => Ok((identity, subject)),
        None => Err(NotTaken(format!(
            "No identity of this service account takes the subject “{subject}” with the audience of this token."
        ))),
    });
    let (identity, subject) = match proved {
        Ok(proved) => proved,
        Err(why) => {
            tell_of_failure(company, offer, from)?;
            return Ok(Err(why));
        }
    };
    let token = format!("{TOKEN}{}", secret::token());
    let now = clock::now();
    let until = now.plus(TOKEN_LIFE);
    let mut stamp = stamp_of(offer.account, &offer.name, from);
    (stamp.actor_kind, stamp.means) = ("service", format!("signed token of {}", offer.issuer));
    let given = company.write(stamp, |tx| {
        tx.run("DELETE FROM access_tokens WHERE expires_at <= ?1", [now])?;
        // Between the look and now the identity or the account may have gone.
        let used = tx.run(
            "UPDATE oidc_identities SET last_used_at = ?2 WHERE id = ?1
             AND EXISTS (SELECT 1 FROM users u WHERE u.id = user_id AND u.state = 'active' AND u.is_service = 1)",
            (identity.id, now),
        )?;
        if used == 1 {
            tx.run(
                "INSERT INTO access_tokens (token_hash, identity_id, user_id, subject, created_at, expires_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                (&hash(&token)[..], identity.id, offer.account, &subject, now, until),
            )?;
        }
        let category = if used == 1 { "LoginSucceeded" } else { "LoginFailed" };
        let id: Id<User> = Id::new(offer.account);
        let words =
            if used == 1 { " came in with a signed token of " } else { " did not come in with a signed token of " };
        let event = Event::new(category).name(id, &offer.name).say(words).say(&offer.issuer).related(identity.id);
        tx.record(event.detail("Subject", subject.as_str()), used == 1)
    })?;
    Ok(if given { Ok(Exchanged { token, until }) } else { Err(unproved()) })
}

/// The subject of the token, when a key of the issuer proves it for the audience of one of the identities.
fn prove(offer: &Offer, keys: &[Jwk]) -> std::result::Result<String, NotTaken> {
    let mut rules = Validation::new(offer.algorithm);
    rules.leeway = LEEWAY;
    rules.validate_nbf = true;
    rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    rules.set_issuer(&[&offer.issuer]);
    let audiences: Vec<&str> = offer.identities.iter().map(|identity| identity.audience.as_str()).collect();
    rules.set_audience(&audiences);
    let fitting = keys.iter().filter(|key| fits(key, offer));
    let mut said = unproved();
    for key in fitting {
        let Ok(key) = DecodingKey::from_jwk(key) else { continue };
        match jsonwebtoken::decode::<Subject>(&offer.token, &key, &rules) {
            Ok(token) => return Ok(token.claims.sub),
            Err(cause) => said = in_words(cause.kind()).unwrap_or(said),
        }
    }
    Err(said)
}

/// What is wrong with a token that is rightly signed: the signature is looked at before the claims.
fn in_words(kind: &jsonwebtoken::errors::ErrorKind) -> Option<NotTaken> {
    use jsonwebtoken::errors::ErrorKind;
    let words = match kind {
        ErrorKind::ExpiredSignature => "The token has ended.",
        ErrorKind::ImmatureSignature => "The token is not valid yet.",
        ErrorKind::InvalidAudience => "The token is for another audience than the identities of this service account.",
        ErrorKind::MissingRequiredClaim(_) => "The token lacks one of: exp, iss, aud, sub.",
        _ => return None,
    };
    Some(NotTaken(words.to_owned()))
}

/// Whether a key of the issuer is one that may have signed this token.
fn fits(key: &Jwk, offer: &Offer) -> bool {
    let named = offer.key.is_none() || key.common.key_id == offer.key;
    let signs = key.common.public_key_use.as_ref().is_none_or(|used| *used == PublicKeyUse::Signature);
    let (algorithm, strong) = match (&key.algorithm, offer.algorithm) {
        (AlgorithmParameters::RSA(rsa), Algorithm::RS256) => {
            let modulus = data_encoding::BASE64URL_NOPAD.decode(rsa.n.trim_end_matches('=').as_bytes());
            (KeyAlgorithm::RS256, modulus.is_ok_and(|bytes| bytes.len() >= SMALLEST_RSA))
        }
        (AlgorithmParameters::EllipticCurve(curve), Algorithm::ES256) => {
            (KeyAlgorithm::ES256, curve.curve == EllipticCurve::P256)
        }
        _ => return false,
    };
    named && signs && strong && key.common.key_algorithm.is_none_or(|said| said == algorithm)
}

/// The identity that takes this subject with an audience of the token.
fn taken<'o>(offer: &'o Offer, subject: &str) -> Option<&'o Identity> {
    let audiences = audiences(&offer.token);
    offer
        .identities
        .iter()
        .find(|identity| matches(&identity.subject, subject) && audiences.contains(&identity.audience))
}

/// The audiences of a token that was proved.
fn audiences(token: &str) -> Vec<String> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Audience {
        One(String),
        Several(Vec<String>),
    }
    #[derive(Deserialize)]
    struct Claims {
        aud: Audience,
    }
    let claims = token.split('.').nth(1).unwrap_or_default();
    let claims = data_encoding::BASE64URL_NOPAD.decode(claims.as_bytes()).unwrap_or_default();
    match serde_json::from_slice(&claims) {
        Ok(Claims { aud: Audience::One(one) }) => vec![one],
        Ok(Claims { aud: Audience::Several(all) }) => all,
        Err(_) => Vec::new(),
    }
}

/// Whether a subject fits a pattern: `*` is any letters, `?` is one, everything else itself.
fn matches(pattern: &str, subject: &str) -> bool {
    let (pattern, subject): (Vec<char>, Vec<char>) = (pattern.chars().collect(), subject.chars().collect());
    let (mut p, mut s) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while s < subject.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, s));
                p += 1;
            }
            Some(c) if *c == '?' || *c == subject[s] => {
                p += 1;
                s += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (p, s) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

fn tell_of_failure(company: &Company, offer: &Offer, from: &From) -> Result<()> {
    let now = clock::now();
    let Some(identity) = offer.identities.first() else { return Ok(()) };
    let due = company.snapshot()?.with(|rows| {
        rows.any(
            "SELECT 1 FROM oidc_identities WHERE id = ?1 AND (failed_at IS NULL OR failed_at < ?2)",
            (identity.id, now.plus(-TOLD_EVERY)),
        )
    })?;
    if !due {
        return Ok(());
    }
    company.write(super::nobody(from), |tx| {
        tx.run("UPDATE oidc_identities SET failed_at = ?2 WHERE id = ?1", (identity.id, now))?;
        let id: Id<User> = Id::new(offer.account);
        let event = Event::new("LoginFailed").say("A signed token of ").say(&offer.issuer).say(" for ");
        tx.record(event.name(id, &offer.name).say(" was not taken").related(identity.id), ())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_fit_patterns() {
        for (pattern, subject, fits) in [
            ("repo:acme/shop:ref:refs/heads/main", "repo:acme/shop:ref:refs/heads/main", true),
            ("repo:acme/shop:ref:refs/heads/main", "repo:acme/shop:ref:refs/heads/main2", false),
            ("repo:acme/*:ref:refs/heads/*", "repo:acme/shop:ref:refs/heads/main", true),
            ("repo:acme/*", "repo:acme-evil/shop", false),
            ("repo:acme/*:environment:Production", "repo:acme/shop:environment:Production", true),
            ("repo:acme/*:environment:Production", "repo:acme/shop:environment:Production:x", false),
            ("repo:acme/sho?:x", "repo:acme/shop:x", true),
            ("repo:acme/sho?:x", "repo:acme/shoppe:x", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXcYb", false),
            ("a", "A", false),
            ("a*", "a", true),
            ("a", "", false),
        ] {
            assert_eq!(matches(pattern, subject), fits, "{pattern} {subject}");
        }
        assert!(!matches(&"a*".repeat(200), &"b".repeat(20_000)), "and no pattern takes long");
    }

    #[test]
    fn issuers_are_plain_addresses() {
        for good in ["https://token.actions.githubusercontent.com", "https://ci.example/a/b/", "http://127.0.0.1:8080"]
        {
            assert!(issuer_address(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "ci.example",
            "ftp://ci.example",
            "https://me@ci.example",
            "https://ci.example/?a",
            "https://ci.example/#a",
            "file:///etc/passwd",
        ] {
            assert!(issuer_address(bad).is_err(), "{bad}");
        }
    }
}

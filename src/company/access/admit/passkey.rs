//! Passkeys (WebAuthn): a key in somebody's device, unlocked by their finger, face or PIN. As a second factor, or alone:
//! then the device and what unlocks it are both factors (`access-rules §9`).
//!
//! What a ceremony waits for is kept in memory, for a few minutes and one answer: it leaves the process in no form, and
//! a restart only means to begin again. A passkey is bound to the address of this server (the browser sees to it), to the
//! company and to the person: its handle is made of both, and it is sealed with the company's key.

use super::{
    From, Offered, PendingSession, Stage,
    budget::{self, Who},
    factor::By,
    session, stamp_of,
};
use crate::{
    base::{
        clock::{self, MINUTE, Moment},
        error::{Error, Result},
        ids::{Id, User},
        secret::{self, Secret},
    },
    company::access::{
        rows::{Rows, Writing},
        trail::Event,
        vault::Company,
    },
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, PoisonError},
};
use url::Url;
use uuid::Uuid;
use webauthn_rs::prelude::{
    AuthenticationResult, DiscoverableAuthentication, Passkey, PasskeyAuthentication, PasskeyRegistration,
    PublicKeyCredential, RegisterPublicKeyCredential, Webauthn, WebauthnBuilder,
};

/// A ceremony is answered within so long, in milliseconds.
const LIFE: i64 = 5 * MINUTE;
/// So many may wait at once; beyond it the oldest is forgotten.
const MOST: usize = 4096;

/// Under which address the browser sees this server. Passkeys belong to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    origin: Url,
}

impl Site {
    /// From an address such as `https://deploy.example.com`. `None` where browsers make no passkeys: an address in
    /// numbers, or one without encryption that is not this machine itself.
    pub fn of(address: &str) -> Option<Site> {
        let origin = Url::parse(address).ok()?;
        let name = origin.domain()?;
        let own = name == "localhost" || name.ends_with(".localhost");
        (origin.scheme() == "https" || own && origin.scheme() == "http").then_some(Site { origin })
    }

    fn webauthn(&self, company: &str) -> Result<Webauthn> {
        let fault = |cause| Error::internal(format!("passkeys could not be set up: {cause}"));
        let name = self.origin.domain().unwrap_or_default();
        WebauthnBuilder::new(name, &self.origin).map_err(fault)?.rp_name(company).build().map_err(fault)
    }
}

/// What a browser is asked.
#[derive(Debug, Clone)]
pub struct Challenge {
    /// Names the ceremony; comes back with the answer.
    pub ticket: String,
    /// The options for the browser, as JSON.
    pub options: String,
}

/// What is waited for.
enum What {
    Registration(PasskeyRegistration),
    Second(PasskeyAuthentication),
    Alone(DiscoverableAuthentication),
}

struct Waiting {
    company: Uuid,
    session: Option<i64>,
    user: Option<i64>,
    site: Site,
    until: Moment,
    what: What,
}

static WAITING: LazyLock<Mutex<HashMap<String, Waiting>>> = LazyLock::new(Mutex::default);

fn wait_for(waiting: Waiting, mut options: Value) -> Challenge {
    // Asked for by a button, not offered while somebody types.
    if let Some(map) = options.as_object_mut() {
        map.remove("mediation");
    }
    let ticket = secret::token();
    let now = clock::now();
    let mut all = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
    if all.len() >= MOST {
        all.retain(|_, waiting| waiting.until > now);
    }
    if all.len() >= MOST
        && let Some(oldest) = all.iter().min_by_key(|(_, waiting)| waiting.until).map(|(ticket, _)| ticket.clone())
    {
        all.remove(&oldest);
    }
    all.insert(ticket.clone(), waiting);
    Challenge { ticket, options: options.to_string() }
}

/// What this ticket waits for: once, in time, and only for the company, session and person that it was made for.
fn take(ticket: &str, company: &Company, session: Option<i64>, user: Option<i64>) -> Option<Waiting> {
    let mut all = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
    let fits =
        |w: &Waiting| w.company == company.id() && w.session == session && w.user == user && w.until > clock::now();
    all.get(ticket).is_some_and(fits).then(|| all.remove(ticket)).flatten()
}

/// How a passkey names its person: by the company and the person, in one.
fn handle(company: &Company, user: i64) -> Uuid {
    let mut digest = Sha256::new();
    digest.update(b"bulkhead passkey\0");
    digest.update(company.id().as_bytes());
    digest.update(user.to_be_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.finalize()[..16]);
    Uuid::from_bytes(bytes)
}

fn open(company: &Company, factor: i64, sealed: &[u8]) -> Result<Passkey> {
    Ok(serde_json::from_str(company.seal().open("factors", "sealed", factor, sealed)?.expose())?)
}

fn of_user(rows: &Rows<'_>, company: &Company, user: i64) -> Result<Vec<Passkey>> {
    let stored: Vec<(i64, Vec<u8>)> =
        rows.all("SELECT id, sealed FROM factors WHERE user_id = ?1 AND kind = 'passkey'", [user], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    stored.iter().map(|(id, sealed)| open(company, *id, sealed)).collect()
}

fn not_accepted() -> Error {
    Error::invalid("Passkey", "This passkey was not accepted. Try again, or use another way.")
}

/// Begins the making of a passkey for a session's person.
pub(in crate::company) fn begin_registration(
    rows: &Rows<'_>,
    company: &Company,
    (session, user): (i64, i64),
    site: &Site,
) -> Result<Challenge> {
    let names = rows.one("SELECT email, display_name FROM users WHERE id = ?1", [user], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
    })?;
    let (email, name) = names.unwrap_or_default();
    let has = of_user(rows, company, user)?.iter().map(|passkey| passkey.cred_id().clone()).collect();
    // A device shows these names where it has passkeys of several companies of one server.
    let (account, shown) = (format!("{email} ({})", company.slug()), format!("{name} ({})", company.name()));
    let (options, state) = site
        .webauthn(company.name())?
        .start_passkey_registration(handle(company, user), &account, &shown, Some(has))
        .map_err(|cause| Error::internal(format!("a passkey could not be begun: {cause}")))?;
    let mut options = serde_json::to_value(options)?;
    // Wherever the device can, the passkey names its person, so that it signs in alone.
    options["publicKey"]["authenticatorSelection"]["residentKey"] = json!("preferred");
    let what = What::Registration(state);
    let until = clock::now().plus(LIFE);
    let waiting =
        Waiting { company: company.id(), session: Some(session), user: Some(user), site: site.clone(), until, what };
    Ok(wait_for(waiting, options))
}

/// Begins the making of a passkey for somebody who is signing in and has no second factor yet.
///
/// # Errors
/// `Conflict` when they have one.
pub fn passkey_to_enrol(company: &Company, pending: &PendingSession, site: &Site) -> Result<Challenge> {
    if pending.stage != Stage::Enrol {
        return Err(Error::Conflict("This account has a second factor already.".into()));
    }
    company.snapshot()?.with(|rows| begin_registration(rows, company, (pending.id, pending.person.id), site))
}

/// The answer to [`passkey_to_enrol`]. `None`: not right, or nothing waits for it.
pub(super) fn made_to_enrol(company: &Company, pending: &PendingSession, offered: &Offered) -> Result<Option<Made>> {
    let whose = (pending.id, pending.person.id);
    match finish_registration(company, whose, &offered.ticket, &offered.passkey) {
        Ok(made) => Ok(Some(made)),
        Err(Error::Invalid(_) | Error::Conflict(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Ends the making of a passkey: what is stored of it.
///
/// # Errors
/// `Invalid` (`Passkey`) for an answer that does not fit; `Conflict` when nothing waits for it (any more).
pub(in crate::company) fn finish_registration(
    company: &Company,
    (session, user): (i64, i64),
    ticket: &str,
    answer: &str,
) -> Result<Made> {
    let late = || Error::Conflict("This took too long, or was answered already. Begin again.".into());
    let waiting = take(ticket, company, Some(session), Some(user)).ok_or_else(late)?;
    let What::Registration(state) = &waiting.what else { return Err(late()) };
    let answer: RegisterPublicKeyCredential = serde_json::from_str(answer).map_err(|_| not_accepted())?;
    let webauthn = waiting.site.webauthn(company.name())?;
    let passkey = webauthn.finish_passkey_registration(&answer, state).map_err(|_| not_accepted())?;
    Ok(Made(passkey))
}

/// A passkey that was just made.
pub(in crate::company) struct Made(Passkey);

/// Stores a passkey of somebody.
///
/// # Errors
/// `Conflict` for one that is here already.
pub(in crate::company) fn add(
    tx: &Writing<'_>,
    company: &Company,
    user: i64,
    name: &str,
    Made(passkey): &Made,
) -> Result<i64> {
    let credential: &[u8] = passkey.cred_id().as_ref();
    if tx.any("SELECT 1 FROM factors WHERE credential = ?1", [credential])? {
        return Err(Error::Conflict("This passkey is known already.".into()));
    }
    let text = serde_json::to_value(passkey)?;
    let factor = tx.insert(
        "INSERT INTO factors (user_id, kind, name, sealed, credential, counter, created_at) VALUES (?1, 'passkey', ?2, x'', ?3, ?4, ?5)",
        (user, name, credential, text["cred"]["counter"].as_i64().unwrap_or(0), clock::now()),
    )?;
    let sealed = company.seal().seal("factors", "sealed", factor, &Secret::new(text.to_string()))?;
    tx.run("UPDATE factors SET sealed = ?2 WHERE id = ?1", (factor, sealed))?;
    Ok(factor)
}

/// Asks for a passkey of a session's person: to finish signing in, or to prove once more who they are. `None` when they
/// have none.
pub(super) fn begin_second(company: &Company, session: i64, user: i64, site: &Site) -> Result<Option<Challenge>> {
    let passkeys = company.snapshot()?.with(|rows| of_user(rows, company, user))?;
    if passkeys.is_empty() {
        return Ok(None);
    }
    let (options, state) = site
        .webauthn(company.name())?
        .start_passkey_authentication(&passkeys)
        .map_err(|cause| Error::internal(format!("a passkey could not be asked for: {cause}")))?;
    let waiting = Waiting {
        company: company.id(),
        session: Some(session),
        user: Some(user),
        site: site.clone(),
        until: clock::now().plus(LIFE),
        what: What::Second(state),
    };
    Ok(Some(wait_for(waiting, serde_json::to_value(options)?)))
}

/// The answer to [`begin_second`], its signature checked. `None`: not right.
pub(super) fn check_second(
    company: &Company,
    session: i64,
    user: i64,
    ticket: &str,
    answer: &str,
) -> Result<Option<AuthenticationResult>> {
    let Some(waiting) = take(ticket, company, Some(session), Some(user)) else { return Ok(None) };
    let What::Second(state) = &waiting.what else { return Ok(None) };
    let Ok(answer) = serde_json::from_str::<PublicKeyCredential>(answer) else { return Ok(None) };
    let webauthn = waiting.site.webauthn(company.name())?;
    Ok(webauthn.finish_passkey_authentication(&answer, state).ok().filter(AuthenticationResult::user_verified))
}

/// Marks a passkey as used, if it is this person's and its count of signatures has grown since it was last seen.
pub(super) fn spend(tx: &Writing<'_>, company: &Company, user: i64, seen: &AuthenticationResult) -> Result<Option<By>> {
    let credential: &[u8] = seen.cred_id().as_ref();
    let stored = tx.one(
        "SELECT id, sealed FROM factors WHERE user_id = ?1 AND kind = 'passkey' AND credential = ?2",
        (user, credential),
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)),
    )?;
    let Some((factor, sealed)) = stored else { return Ok(None) };
    let counter = i64::from(seen.counter());
    let grown = "UPDATE factors SET counter = ?2, last_used_at = ?3 WHERE id = ?1 AND (counter < ?2 OR (counter = 0 AND ?2 = 0))";
    if tx.run(grown, (factor, counter, clock::now()))? == 0 {
        return Ok(None);
    }
    let mut passkey = open(company, factor, &sealed)?;
    if passkey.update_credential(seen) == Some(true) {
        let text = Secret::new(serde_json::to_string(&passkey)?);
        tx.run(
            "UPDATE factors SET sealed = ?2 WHERE id = ?1",
            (factor, company.seal().seal("factors", "sealed", factor, &text)?),
        )?;
    }
    Ok(Some(By::Passkey))
}

/// Asks for any passkey of a company, to sign in with it alone. The same for a company that does not exist.
pub fn begin_alone(company: Option<&Company>, site: &Site) -> Result<Challenge> {
    let (options, state) = site
        .webauthn("Bulkhead")?
        .start_discoverable_authentication()
        .map_err(|cause| Error::internal(format!("a passkey could not be asked for: {cause}")))?;
    let waiting = Waiting {
        company: company.map_or(Uuid::nil(), Company::id),
        session: None,
        user: None,
        site: site.clone(),
        until: clock::now().plus(LIFE),
        what: What::Alone(state),
    };
    Ok(wait_for(waiting, serde_json::to_value(options)?))
}

/// Signs in with a passkey alone. Gives the full session's token; `None` for whatever is wrong.
///
/// # Errors
/// `Later` when too much was tried; else only faults, never wrong input.
pub fn sign_in_with_passkey(company: &Company, ticket: &str, answer: &str, from: &From) -> Result<Option<String>> {
    let waiting = take(ticket, company, None, None);
    let answer: Option<PublicKeyCredential> = serde_json::from_str(answer).ok();
    let credential = answer.as_ref().map(|answer| answer.raw_id.to_vec()).unwrap_or_default();
    let found = company.snapshot()?.with(|rows| {
        rows.one(
            "SELECT f.id, f.sealed, u.id, u.display_name FROM factors f JOIN users u ON u.id = f.user_id
             WHERE f.credential = ?1 AND u.state = 'active' AND u.is_service = 0",
            [&credential],
            |row| {
                let person = (row.get::<_, i64>(2)?, row.get::<_, String>(3)?);
                Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?, person))
            },
        )
    })?;
    let who = found.as_ref().map_or(Who::Name("passkey"), |(_, _, (id, _))| Who::Person(*id));
    let spent = budget::spend(company, who, from)?;
    let checked = match (waiting, answer, found) {
        (Some(waiting), Some(answer), Some((factor, sealed, person))) => {
            let right = verify(company, waiting, &answer, &open(company, factor, &sealed)?, person.0)?;
            right.map(|seen| (seen, person))
        }
        _ => None,
    };
    let failed = || {
        company.write(super::nobody(from), |tx| {
            tx.record(Event::new("LoginFailed").say("A sign-in with a passkey failed"), None)
        })
    };
    let Some((seen, (user, name))) = checked else { return failed() };
    let id: Id<User> = Id::new(user);
    let token = secret::token();
    company.write(stamp_of(user, &name, from), |tx| {
        let active = tx.any("SELECT 1 FROM users WHERE id = ?1 AND state = 'active'", [user])?;
        if !active || spend(tx, company, user, &seen)?.is_none() {
            return tx.record(
                Event::new("LoginFailed").say("A sign-in with a passkey of ").name(id, &name).say(" failed"),
                None,
            );
        }
        spent.clear(tx)?;
        let session = session::store(company, tx, user, &token, super::Stage::Code, from)?;
        session::complete(tx, session, &token)?;
        tx.record(Event::new("LoginSucceeded").name(id, &name).say(" signed in with a passkey"), Some(token.clone()))
    })
}

/// Whether an answer is this passkey's, and names the person it is stored for.
fn verify(
    company: &Company,
    waiting: Waiting,
    answer: &PublicKeyCredential,
    passkey: &Passkey,
    user: i64,
) -> Result<Option<AuthenticationResult>> {
    let webauthn = waiting.site.webauthn(company.name())?;
    let What::Alone(state) = waiting.what else { return Ok(None) };
    match webauthn.identify_discoverable_authentication(answer) {
        Ok((named, _)) if named == handle(company, user) => {}
        _ => return Ok(None),
    }
    let seen = webauthn.finish_discoverable_authentication_v2(answer, state, passkey);
    Ok(seen.ok().filter(AuthenticationResult::user_verified))
}

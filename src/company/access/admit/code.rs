//! The second factor: time-based one-time codes (RFC 6238). A code is accepted once only.

use super::{
    From, PendingSession, Stage,
    budget::{self, Who},
    session, stamp_of,
};
use crate::{
    base::{
        clock,
        error::{Error, Result},
        ids::{Id, User},
        secret::{self, Secret},
    },
    company::access::{trail::Event, vault::Company},
};
use subtle::ConstantTimeEq;
use totp_rs::{Algorithm, Builder, Totp};

/// A session allows so many wrong codes before it ends. Beyond it the person's budget counts (`budget`): whoever has
/// learned a password cannot go on guessing codes by signing in anew.
pub(super) const FAILURES: i64 = 5;

/// What a person needs to set up their authenticator.
#[derive(Debug)]
pub struct Enrolment {
    /// The secret in letters, for typing.
    pub secret: String,
    /// The address that the QR code carries.
    pub address: String,
    /// The QR code, as an SVG path in a square of `size` modules.
    pub path: String,
    /// Side of the square, quiet zone included.
    pub size: i32,
}

fn totp(secret: Vec<u8>, company: &str, person: &str) -> Result<Totp> {
    let clean = |text: &str| text.replace(':', " ");
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(6)
        .with_step_duration(30)
        .with_secret(secret)
        .with_issuer(Some(clean(company)))
        .with_account_name(clean(person))
        .build()
        .map_err(|cause| Error::internal(format!("one-time codes could not be set up: {cause}")))
}

/// The step of time whose code this is: the present one or one beside it, and later than the last one used.
pub(super) fn step_of(secret: &[u8], code: &str, after: i64) -> Result<Option<i64>> {
    let totp = totp(secret.to_vec(), "Bulkhead", "somebody")?;
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let now = clock::now().0 / 1000 / 30;
    let mut found = None;
    for step in now - 1..=now + 1 {
        let right: bool = totp.generate((step * 30) as u64).to_string().as_bytes().ct_eq(code.as_bytes()).into();
        if right && step > after {
            found = Some(step);
        }
    }
    Ok(found)
}

pub(super) fn decode(secret: &Secret) -> Result<Vec<u8>> {
    data_encoding::BASE32_NOPAD
        .decode(secret.expose().as_bytes())
        .map_err(|_| Error::internal("a one-time secret is damaged"))
}

/// Begins, or shows again, the setting up of a second factor for a session that lacks one.
pub fn enrolment(company: &Company, pending: &PendingSession, from: &From) -> Result<Enrolment> {
    if pending.stage != Stage::Enrol {
        return Err(Error::Conflict("This account has a second factor already.".into()));
    }
    let stored = company.snapshot()?.with(|rows| {
        rows.one("SELECT pending_secret FROM sessions WHERE id = ?1", [pending.id], |row| {
            row.get::<_, Option<Vec<u8>>>(0)
        })
    })?;
    let secret = match stored.flatten() {
        Some(sealed) => company.seal().open("sessions", "pending_secret", pending.id, &sealed)?,
        None => {
            let secret = Secret::new(data_encoding::BASE32_NOPAD.encode(&secret::random::<20>()));
            let sealed = company.seal().seal("sessions", "pending_secret", pending.id, &secret)?;
            let event = Event::new("SecondFactorStarted").say(pending.name()).say(" began to set up a second factor");
            company.write(stamp_of(pending.person.id, pending.name(), from), |tx| {
                tx.run("UPDATE sessions SET pending_secret = ?2 WHERE id = ?1", (pending.id, sealed))?;
                tx.record(event, ())
            })?;
            secret
        }
    };
    let email = company.snapshot()?.with(|rows| {
        rows.one("SELECT email FROM users WHERE id = ?1", [pending.person.id], |row| row.get::<_, String>(0))
    })?;
    let address = totp(decode(&secret)?, company.name(), &email.unwrap_or_default())?
        .to_url()
        .map_err(|cause| Error::internal(format!("the address of a one-time secret could not be made: {cause}")))?;
    let (path, size) = qr(&address)?;
    Ok(Enrolment { secret: secret.expose().to_owned(), address, path, size })
}

fn qr(text: &str) -> Result<(String, i32)> {
    let code = qrcodegen::QrCode::encode_text(text, qrcodegen::QrCodeEcc::Medium)
        .map_err(|_| Error::internal("the address does not fit a QR code"))?;
    let mut path = String::new();
    for y in 0..code.size() {
        for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
            path.push_str(&format!("M{},{}h1v1h-1z", x + 4, y + 4));
        }
    }
    Ok((path, code.size() + 8))
}

/// Finishes the setting up with a code of the new secret; gives the full session's token.
pub fn enrol(company: &Company, pending: &PendingSession, code: &str, from: &From) -> Result<String> {
    if pending.stage != Stage::Enrol {
        return Err(Error::Conflict("This account has a second factor already.".into()));
    }
    give(company, pending, code, from, "pending_secret")
}

/// Finishes signing in with a code; gives the full session's token.
pub fn check_code(company: &Company, pending: &PendingSession, code: &str, from: &From) -> Result<String> {
    if pending.stage != Stage::Code {
        return Err(Error::Conflict("Set up a second factor first.".into()));
    }
    give(company, pending, code, from, "totp_secret")
}

fn give(company: &Company, pending: &PendingSession, code: &str, from: &From, which: &str) -> Result<String> {
    let person = &pending.person;
    let enrolling = which == "pending_secret";
    let token = secret::token();
    let id: Id<User> = Id::new(person.id);
    let spent = budget::spend(company, Who::Person(person.id), from)?;
    // The answer is decided inside the one transaction, so that of two uses of one code only the first succeeds.
    let outcome = company.write(stamp_of(person.id, &person.display_name, from), |tx| {
        let stored = tx.one(
            "SELECT s.pending_secret, u.totp_secret, u.totp_last_step FROM sessions s JOIN users u ON u.id = s.user_id
             WHERE s.id = ?1 AND s.stage <> 'full' AND s.failures < ?2 AND u.state = 'active'",
            (pending.id, FAILURES),
            |row| Ok((row.get::<_, Option<Vec<u8>>>(0)?, row.get::<_, Option<Vec<u8>>>(1)?, row.get::<_, i64>(2)?)),
        )?;
        let gone = || Error::Conflict("This sign-in took too long or failed too often. Begin again.".into());
        let Some((pending_secret, totp_secret, last_step)) = stored else { return Err(gone()) };
        if enrolling && totp_secret.is_some() {
            return Err(Error::Conflict("This account has a second factor already. Sign in again.".into()));
        }
        let (table, row, sealed) =
            if enrolling { ("sessions", pending.id, pending_secret) } else { ("users", person.id, totp_secret) };
        let sealed = sealed.ok_or_else(gone)?;
        let secret = company.seal().open(table, which, row, &sealed)?;
        let step = step_of(&decode(&secret)?, code, if enrolling { 0 } else { last_step })?;
        let Some(step) = step else {
            tx.run("UPDATE sessions SET failures = failures + 1 WHERE id = ?1", [pending.id])?;
            return tx.record(
                Event::new("LoginFailed").name(id, &person.display_name).say(" gave a wrong or used code"),
                false,
            );
        };
        if enrolling {
            let sealed = company.seal().seal("users", "totp_secret", person.id, &secret)?;
            tx.run("UPDATE users SET totp_secret = ?2, totp_last_step = ?3 WHERE id = ?1", (person.id, sealed, step))?;
            tx.also(Event::new("SecondFactorAdded").name(id, &person.display_name).say(" set up a second factor"))?;
        } else {
            tx.run("UPDATE users SET totp_last_step = ?2 WHERE id = ?1", (person.id, step))?;
        }
        spent.clear(tx)?;
        session::complete(tx, pending.id, &token)?;
        tx.record(Event::new("LoginSucceeded").name(id, &person.display_name).say(" signed in"), true)
    })?;
    if outcome { Ok(token) } else { Err(wrong()) }
}

pub(super) fn wrong() -> Error {
    Error::invalid("Code", "This code is not right, or was used already. Wait for the next one and try again.")
}

/// The code of a secret in letters, so many seconds from now.
#[cfg(test)]
pub(in crate::company) fn code_in(secret: &str, seconds: i64) -> String {
    let secret = data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
    let at = clock::now().0 / 1000 + seconds;
    totp(secret, "Bulkhead", "somebody").unwrap().generate(at as u64).to_string()
}

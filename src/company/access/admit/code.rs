//! The second factor: time-based one-time codes (RFC 6238). A code is accepted once only.

use super::{
    From, PendingSession, Stage,
    budget::{self, Who},
    factor::{self, By, Demand, Offered, demand, ways_of},
    hashing, passkey, recovery, session, stamp_of,
};
use crate::{
    base::{
        clock::{self, Moment},
        error::{Error, Result},
        ids::{Id, User},
        secret::{self, Secret},
    },
    company::access::{
        outbox::{self, Notice},
        rows::{Rows, Writing},
        trail::Event,
        vault::Company,
    },
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

/// The step of time whose code this is: the present one or one beside it, and later than the last one used. A last one
/// that is still to come is from a clock that was put back since, and does not count: nobody is locked out by that.
fn step_of(secret: &[u8], code: &str, after: i64) -> Result<Option<i64>> {
    let totp = totp(secret.to_vec(), "Bulkhead", "somebody")?;
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let now = clock::now().0 / 1000 / 30;
    let after = if after > now + 1 { 0 } else { after };
    let mut found = None;
    for step in now - 1..=now + 1 {
        let right: bool = totp.generate((step * 30) as u64).to_string().as_bytes().ct_eq(code.as_bytes()).into();
        if right && step > after {
            found = Some(step);
        }
    }
    Ok(found)
}

fn decode(secret: &Secret) -> Result<Vec<u8>> {
    data_encoding::BASE32_NOPAD
        .decode(secret.expose().as_bytes())
        .map_err(|_| Error::internal("a one-time secret is damaged"))
}

/// Begins, or shows again, the setting up of a second factor for a session that lacks one.
pub fn enrolment(company: &Company, pending: &PendingSession, from: &From) -> Result<Enrolment> {
    if pending.stage != Stage::Enrol {
        return Err(Error::Conflict("This account has a second factor already.".into()));
    }
    let stored = company.snapshot()?.with(|rows| pending_secret(rows, company, pending.id))?;
    let secret = match stored {
        Some(secret) => secret,
        None => {
            let event = Event::new("SecondFactorStarted").say(pending.name()).say(" began to set up a second factor");
            company.write(stamp_of(pending.person.id, pending.name(), from), |tx| {
                let secret = begin(tx, company, pending.id)?;
                tx.record(event, secret)
            })?
        }
    };
    let email = company.snapshot()?.with(|rows| {
        rows.one("SELECT email FROM users WHERE id = ?1", [pending.person.id], |row| row.get::<_, String>(0))
    })?;
    draw(company, &secret, &email.unwrap_or_default())
}

/// The secret that a session has pending.
pub(in crate::company) fn pending_secret(rows: &Rows<'_>, company: &Company, session: i64) -> Result<Option<Secret>> {
    let stored = rows
        .one("SELECT pending_secret FROM sessions WHERE id = ?1", [session], |row| row.get::<_, Option<Vec<u8>>>(0))?;
    stored.flatten().map(|sealed| company.seal().open("sessions", "pending_secret", session, &sealed)).transpose()
}

/// Gives a session a secret that waits for its first code.
pub(in crate::company) fn begin(tx: &Writing<'_>, company: &Company, session: i64) -> Result<Secret> {
    let secret = Secret::new(data_encoding::BASE32_NOPAD.encode(&secret::random::<20>()));
    let sealed = company.seal().seal("sessions", "pending_secret", session, &secret)?;
    tx.run("UPDATE sessions SET pending_secret = ?2 WHERE id = ?1", (session, sealed))?;
    Ok(secret)
}

/// What a person needs to take a secret into their app.
pub(in crate::company) fn draw(company: &Company, secret: &Secret, email: &str) -> Result<Enrolment> {
    let address = totp(decode(secret)?, company.name(), email)?
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

/// What finishing the setting up of a first factor gave.
#[derive(Debug)]
pub struct Enrolled {
    /// The full session's token.
    pub token: String,
    /// The recovery codes, shown this once.
    pub codes: Vec<String>,
}

/// Finishes the setting up with a code of the new secret, or with the passkey that the browser made: the factor, ten
/// recovery codes and a full session. Its person is told by mail.
///
/// # Errors
/// `Invalid` (`Code`, `Passkey`, `Password` where it is asked for) for what is wrong, `Conflict` when the sign-in is over or a
/// factor is there already.
pub fn enrol(company: &Company, pending: &PendingSession, offered: &Offered, from: &From) -> Result<Enrolled> {
    if pending.stage != Stage::Enrol {
        return Err(Error::Conflict("This account has a second factor already.".into()));
    }
    let person = &pending.person;
    let token = secret::token();
    let id: Id<User> = Id::new(person.id);
    let spent = budget::spend(company, Who::Person(person.id), from)?;
    let made = match offered.passkey.is_empty() {
        true => None,
        false => Some(passkey::made_to_enrol(company, pending, offered)?),
    };
    let known = !pending.asks_password() || fits(company, person.id, offered)?;
    let fresh = recovery::fresh(company)?;
    let outcome = company.write(stamp_of(person.id, &person.display_name, from), |tx| {
        may_go_on(tx, pending)?;
        if ways_of(tx, person.id)?.any() {
            return Err(Error::Conflict("This account has a second factor already. Sign in again.".into()));
        }
        if pending.was_whole() && demand(tx, person.id)? != Demand::Now {
            return Err(Error::Conflict("A second factor is not asked of you any more. Open the page again.".into()));
        }
        let right = known
            && match &made {
                Some(Some(made)) => passkey::add(tx, company, person.id, "Passkey", made).map(|_| true)?,
                Some(None) => false,
                None => confirm(tx, company, pending.id, person.id, &offered.code, "Authenticator app")?,
            };
        if !right {
            tx.run("UPDATE sessions SET failures = failures + 1 WHERE id = ?1", [pending.id])?;
            return tx.record(
                Event::new("LoginFailed")
                    .name(id, &person.display_name)
                    .say(" set up no second factor: it was not right"),
                None,
            );
        }
        spent.clear(tx)?;
        let codes = recovery::store(tx, person.id, fresh)?;
        let added = Event::new("SecondFactorAdded").name(id, &person.display_name).say(" set up a second factor");
        session::complete(tx, pending.id, &token)?;
        outbox::notice(tx, person.id, Notice::FactorChanged("Your first second factor was set up."))?;
        if pending.was_whole() {
            return tx.record(added, Some(codes));
        }
        tx.also(added)?;
        tx.record(Event::new("LoginSucceeded").name(id, &person.display_name).say(" signed in"), Some(codes))
    })?;
    match outcome {
        Some(codes) => Ok(Enrolled { token, codes }),
        None if !known => Err(Error::invalid("Password", "This is not your password. Type it once more.")),
        None => Err(factor::wrong(&Offered { password: None, ..offered.clone() })),
    }
}

/// Whether the password that was given is this person's.
fn fits(company: &Company, user: i64, offered: &Offered) -> Result<bool> {
    let Some(password) = &offered.password else { return Ok(false) };
    let read = |row: &rusqlite::Row<'_>| row.get::<_, Option<String>>(0);
    let stored =
        company.snapshot()?.with(|rows| rows.one("SELECT password_hash FROM users WHERE id = ?1", [user], read))?;
    stored.flatten().map_or(Ok(false), |stored| hashing::fits(company.slug(), password, &stored))
}

/// Goes on without a second factor, while the company's rule still gives time for it. Gives the full session's token.
///
/// # Errors
/// `Conflict` when one is demanded now.
pub fn later(company: &Company, pending: &PendingSession, from: &From) -> Result<String> {
    let person = &pending.person;
    let token = secret::token();
    let id: Id<User> = Id::new(person.id);
    company.write(stamp_of(person.id, &person.display_name, from), |tx| {
        may_go_on(tx, pending)?;
        if pending.stage != Stage::Enrol || ways_of(tx, person.id)?.any() || demand(tx, person.id)? == Demand::Now {
            return Err(Error::Conflict("A second factor is needed now.".into()));
        }
        session::complete(tx, pending.id, &token)?;
        tx.record(Event::new("LoginSucceeded").name(id, &person.display_name).say(" signed in by password alone"), ())
    })?;
    Ok(token)
}

/// Until when somebody may go on without the second factor that they are asked to set up; `None`: not at all.
pub fn grace(company: &Company, pending: &PendingSession) -> Result<Option<Moment>> {
    match company.snapshot()?.with(|rows| demand(rows, pending.person.id))? {
        Demand::From(moment) => Ok(Some(moment)),
        Demand::None | Demand::Now => Ok(None),
    }
}

/// Finishes signing in with a second factor: a code, a recovery code or a passkey. Gives the full session's token.
///
/// # Errors
/// `Invalid` (`Code`) for what is wrong or used, `Conflict` when the sign-in is over.
pub fn check_code(company: &Company, pending: &PendingSession, offered: &Offered, from: &From) -> Result<String> {
    if pending.stage != Stage::Code {
        return Err(Error::Conflict("Set up a second factor first.".into()));
    }
    let person = &pending.person;
    let token = secret::token();
    let id: Id<User> = Id::new(person.id);
    let spent = budget::spend(company, Who::Person(person.id), from)?;
    let attempt = factor::prepare(company, pending.id, person.id, offered)?;
    let right = company.write(stamp_of(person.id, &person.display_name, from), |tx| {
        may_go_on(tx, pending)?;
        let Some(by) = factor::settle(tx, company, person.id, &attempt)? else {
            tx.run("UPDATE sessions SET failures = failures + 1 WHERE id = ?1", [pending.id])?;
            return tx.record(
                Event::new("LoginFailed").name(id, &person.display_name).say(" gave a wrong or used code"),
                false,
            );
        };
        spent.clear(tx)?;
        session::complete(tx, pending.id, &token)?;
        tell(tx, id, &person.display_name, by)?;
        tx.record(Event::new("LoginSucceeded").name(id, &person.display_name).say(" signed in"), true)
    })?;
    if right { Ok(token) } else { Err(factor::wrong(offered)) }
}

/// Whether this sign-in can still be finished.
fn may_go_on(tx: &Writing<'_>, pending: &PendingSession) -> Result<()> {
    let alive = "SELECT 1 FROM sessions s JOIN users u ON u.id = s.user_id
                 WHERE s.id = ?1 AND (s.stage = 'full') = ?3 AND s.failures < ?2 AND u.state = 'active'";
    if !tx.any(alive, (pending.id, FAILURES, pending.was_whole()))? {
        return Err(Error::Conflict("This sign-in took too long or failed too often. Begin again.".into()));
    }
    Ok(())
}

/// Tells of what is worth its own line: a recovery code that was used up, in the trail and to whom it belongs.
pub(super) fn tell(tx: &Writing<'_>, id: Id<User>, name: &str, by: By) -> Result<()> {
    if let By::Recovery { left } = by {
        let event = Event::new("RecoveryCodeUsed").name(id, name).say(" used a recovery code").detail("Left", left);
        tx.also(event)?;
        outbox::notice(tx, id.0, Notice::RecoveryCodeUsed(left))?;
    }
    Ok(())
}

/// Makes the secret that a session has pending a factor of its person, if the code is one of it. The code is used then.
pub(in crate::company) fn confirm(
    tx: &Writing<'_>,
    company: &Company,
    session: i64,
    user: i64,
    code: &str,
    name: &str,
) -> Result<bool> {
    let sealed =
        tx.one("SELECT pending_secret FROM sessions WHERE id = ?1", [session], |row| row.get::<_, Option<Vec<u8>>>(0))?;
    let Some(sealed) = sealed.flatten() else {
        return Err(Error::Conflict("This took too long. Begin again.".into()));
    };
    let secret = company.seal().open("sessions", "pending_secret", session, &sealed)?;
    let Some(step) = step_of(&decode(&secret)?, code, 0)? else { return Ok(false) };
    let now = clock::now();
    // The row's number is part of what it is sealed for.
    let factor = tx.insert(
        "INSERT INTO factors (user_id, kind, name, sealed, counter, created_at, last_used_at) VALUES (?1, 'totp', ?2, x'', ?3, ?4, ?4)",
        (user, name, step, now),
    )?;
    let sealed = company.seal().seal("factors", "sealed", factor, &secret)?;
    tx.run("UPDATE factors SET sealed = ?2 WHERE id = ?1", (factor, sealed))?;
    tx.run("UPDATE sessions SET pending_secret = NULL WHERE id = ?1", [session])?;
    Ok(true)
}

/// Uses a code up, if it is one of this person's apps and later than the last that was used of it.
pub(super) fn spend(tx: &Writing<'_>, company: &Company, user: i64, code: &str) -> Result<bool> {
    let apps: Vec<(i64, Vec<u8>, i64)> = tx.all(
        "SELECT id, sealed, counter FROM factors WHERE user_id = ?1 AND kind = 'totp' ORDER BY id",
        [user],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    for (id, sealed, last) in apps {
        let secret = company.seal().open("factors", "sealed", id, &sealed)?;
        if let Some(step) = step_of(&decode(&secret)?, code, last)? {
            let used = tx.run(
                "UPDATE factors SET counter = ?2, last_used_at = ?3 WHERE id = ?1 AND counter = ?4",
                (id, step, clock::now(), last),
            )?;
            return Ok(used == 1);
        }
    }
    Ok(false)
}

/// The code of a secret in letters, so many seconds from now.
#[cfg(test)]
pub(in crate::company) fn code_in(secret: &str, seconds: i64) -> String {
    let secret = data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
    let at = clock::now().0 / 1000 + seconds;
    totp(secret, "Bulkhead", "somebody").unwrap().generate(at as u64).to_string()
}

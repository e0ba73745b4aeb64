//! A new password for somebody who lost theirs: by a link in a letter, which they ask for or an administrator sends. The
//! link works once, for an hour; the second factor is asked for as ever.
//!
//! Who asks learns nothing of whether there is such a person. An administrator learns no password.

use super::{From, budget, choice::check_choice, device, hash, hashing::hash_password, nobody};
use crate::{
    base::{
        clock::{self, HOUR},
        error::{Error, Result},
        ids::{Id, User},
        names,
        secret::{self, Secret},
    },
    company::access::{
        outbox::{self, Letter, LetterKind, Notice},
        rows::{Rows, Writing},
        trail::Event,
        vault::Company,
    },
};

/// How long a reset link can be used, in milliseconds.
pub const RESET_LIFE: i64 = HOUR;
/// So many links of one person can be alive; who asks for more gets no letter.
const MOST_ALIVE: i64 = 3;

/// Sends a reset link to whoever has this e-mail address or username, if it is an active person. Nothing tells whether
/// it was; the caller answers before this is done.
pub fn forgot(company: &Company, name: &str, from: &From) -> Result<()> {
    if !budget::spend_letter(company, from)? {
        return Ok(());
    }
    let found = company.snapshot()?.with(|rows| {
        rows.one(
            "SELECT id, display_name FROM users WHERE (email_key IN (?1, ?2) OR username_key IN (?1, ?2)) AND is_service = 0
             AND state = 'active' AND email <> ''",
            names::account_keys(name),
            |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)),
        )
    })?;
    let Some((user, display_name)) = found else { return Ok(()) };
    company.write(nobody(from), |tx| {
        let began = tx.changes();
        let alive = "SELECT count(*) FROM one_time_links WHERE user_id = ?1 AND kind = 'reset' AND used_at IS NULL AND expires_at > ?2";
        if tx.number(alive, (user, clock::now()))? >= MOST_ALIVE {
            return tx.unchanged(began, ());
        }
        let token = store_reset(tx, user)?;
        send_reset(tx, user, &token)?;
        let event = Event::new("PasswordResetRequested").say("A new password for ").name(Id::<User>::new(user), &display_name);
        tx.record(event.say(" was asked for: a link was sent by mail"), ())
    })
}

/// Writes a reset link down; its token. Links before it go on working until they end or one is used.
pub(in crate::company) fn store_reset(tx: &Writing<'_>, user: i64) -> Result<String> {
    let (token, now) = (secret::token(), clock::now());
    tx.run("DELETE FROM one_time_links WHERE user_id = ?1 AND kind = 'reset' AND expires_at < ?2", (user, now))?;
    tx.run(
        "INSERT INTO one_time_links (token_hash, kind, user_id, made_by, created_at, expires_at) VALUES (?1, 'reset', ?2, ?3, ?4, ?5)",
        (&hash(&token)[..], user, tx.actor_id(), now, now.plus(RESET_LIFE)),
    )?;
    Ok(token)
}

/// Puts the letter with a reset link into the outbox.
pub(in crate::company) fn send_reset(tx: &Writing<'_>, user: i64, token: &str) -> Result<()> {
    let found = tx.one(
        "SELECT u.display_name, u.email, c.name, c.slug FROM users u, company c WHERE u.id = ?1",
        [user],
        |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?, row.get::<_, String>(3)?))
        },
    )?;
    let Some((name, email, company, slug)) = found else { return Ok(()) };
    let letter = Letter::new(LetterKind::Reset, format!("A new password at {company}"))
        .to_user(user)
        .until(clock::now().plus(RESET_LIFE))
        .say(&format!("Hello {name},"))
        .say("Choose your new password here. The link works once, for one hour.")
        .link(&reset_path(&slug, token))
        .say("If you did not ask for this, there is nothing to do: your password stays as it is.");
    outbox::send(tx, &email, &letter)
}

/// Where a reset link leads.
pub fn reset_path(slug: &str, token: &str) -> String {
    format!("/{slug}/reset?token={token}")
}

/// Whom a reset link is for.
struct Person {
    id: i64,
    name: String,
    email: String,
}

fn person(rows: &Rows<'_>, token: &str) -> Result<Option<Person>> {
    rows.one(
        "SELECT u.id, u.display_name, u.email FROM one_time_links l JOIN users u ON u.id = l.user_id
         WHERE l.token_hash = ?1 AND l.kind = 'reset' AND l.used_at IS NULL AND l.expires_at > ?2
         AND u.state = 'active' AND u.is_service = 0",
        (&hash(token)[..], clock::now()),
        |row| Ok(Person { id: row.get(0)?, name: row.get(1)?, email: row.get(2)? }),
    )
}

/// For whom a reset link is, while it can be used: name and e-mail address.
pub fn reset(company: &Company, token: &str) -> Result<Option<(String, String)>> {
    Ok(company.snapshot()?.with(|rows| person(rows, token))?.map(|person| (person.name, person.email)))
}

/// Uses a reset link: sets the password, ends all sessions. It signs nobody in. The cookie makes this browser known, so
/// that others' failures do not hold its owner up.
///
/// # Errors
/// `Invalid` (`Password`) for a password that is not welcome; `NotFound` when the link cannot be used (any more).
pub fn use_reset(company: &Company, token: &str, password: &Secret, from: &From) -> Result<Option<String>> {
    let gone = || Error::NotFound("link".into());
    let person = company.snapshot()?.with(|rows| person(rows, token))?.ok_or_else(gone)?;
    let about = [company.slug(), company.name(), &person.name, &person.email];
    check_choice(password, company.rules().password_min, &about)
        .map_err(|message| Error::invalid("Password", message))?;
    let hashed = hash_password(company.slug(), password)?;
    company.write(nobody(from), |tx| {
        let now = clock::now();
        let used = "UPDATE one_time_links SET used_at = ?2 WHERE token_hash = ?1 AND kind = 'reset' AND used_at IS NULL AND expires_at > ?2";
        let changed = "UPDATE users SET password_hash = ?2, devices_since = ?3 WHERE id = ?1 AND state = 'active'";
        if tx.run(used, (&hash(token)[..], now))? == 0 || tx.run(changed, (person.id, &hashed, now))? == 0 {
            return Err(gone());
        }
        tx.run("DELETE FROM one_time_links WHERE user_id = ?1 AND kind = 'reset' AND used_at IS NULL", [person.id])?;
        tx.run("DELETE FROM sessions WHERE user_id = ?1", [person.id])?;
        tx.access_changed()?;
        outbox::notice(tx, person.id, Notice::PasswordChanged)?;
        let id = Id::<User>::new(person.id);
        let event = Event::new("PasswordChanged").name(id, &person.name).say(" chose a new password by a reset link");
        tx.record(event.secret_changed("Password"), ())
    })?;
    company.snapshot()?.with(|rows| device::remember(company, rows, person.id, from))
}

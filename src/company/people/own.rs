//! One's own account: name, sessions, keys. Everybody may, for nobody else.

use super::{Fields, User, sql};
use crate::{
    base::{
        clock::Moment,
        error::{Error, Result},
        names,
        secret::Secret,
    },
    company::access::{
        Event, From, Granted, Myself, Proof,
        admit::{
            budget::{self, Who},
            check_choice, check_names, fits, hash_password, rename_account,
        },
    },
    company::post::{self, Notice},
};

/// A place where somebody is signed in.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its number.
    pub id: i64,
    /// When it began.
    pub began_at: Moment,
    /// When it was last used.
    pub last_seen_at: Moment,
    /// From where.
    pub address: String,
    /// What the browser says it is.
    pub agent: String,
    /// Whether it is the one that asks.
    pub is_this: bool,
}

/// Oneself.
pub fn profile(granted: &Granted<'_, Myself>) -> Result<User> {
    granted.read(|rows| sql::by_id(rows, granted.what().user()))
}

/// Changes the name that others see.
///
/// # Errors
/// `Invalid` for one that is missing or too long.
pub fn rename(granted: &Granted<'_, Myself>, display_name: &str) -> Result<User> {
    let name = names::name(display_name, 64).map_err(|message| Error::invalid("DisplayName", message))?;
    granted.write_asking(Proof::Nothing, |tx| {
        let before = sql::by_id(tx, granted.what().user())?;
        tx.run("UPDATE users SET display_name = ?2 WHERE id = ?1", (before.id, &name))?;
        let after = sql::by_id(tx, before.id)?;
        let event = Event::new("Modified").say("User ").name(after.id, &after.display_name).say(" was changed");
        tx.record(event.difference(&before, &after), after)
    })
}

/// Changes one's e-mail address, by which one signs in. The address before is told of it.
///
/// # Errors
/// `Invalid` (`EmailAddress`) for one that is none or belongs to somebody else; as [`Granted::in_person`].
pub fn change_email(granted: &Granted<'_, Myself>, email: &str) -> Result<User> {
    granted.in_person()?;
    granted.write_asking(Proof::Person, |tx| {
        let before = sql::by_id(tx, granted.what().user())?;
        // A username that was the address follows it.
        let username = if before.username == before.email_address { String::new() } else { before.username.clone() };
        let wish = Fields { username, display_name: before.display_name.clone(), email_address: email.to_owned() };
        let fields = check_names(tx, &wish, Some(before.id), before.is_service)?;
        rename_account(tx, before.id, &fields)?;
        let after = sql::by_id(tx, before.id)?;
        let changed = Notice::EmailChanged(&before.email_address, &after.email_address);
        post::notice(tx, before.id.0, changed)?;
        tx.access_changed()?;
        let event = Event::new("Modified").name(after.id, &after.display_name).say(" changed their e-mail address");
        tx.record(event.difference(&before, &after), after)
    })
}

/// Where one is signed in, the last used first.
pub fn sessions(granted: &Granted<'_, Myself>) -> Result<Vec<Session>> {
    let this = granted.visitor().session();
    let mut sessions = granted.read(|rows| sql::sessions(rows, granted.what().user()))?;
    for session in &mut sessions {
        session.is_this = Some(session.id) == this;
    }
    Ok(sessions)
}

/// Ends one of one's sessions.
///
/// # Errors
/// `NotFound` when there is no such session of one's own.
pub fn end_session(granted: &Granted<'_, Myself>, id: i64) -> Result<()> {
    granted.write_asking(Proof::Nothing, |tx| {
        let me = sql::by_id(tx, granted.what().user())?;
        if tx.run("DELETE FROM sessions WHERE id = ?1 AND user_id = ?2 AND stage = 'full'", (id, me.id))? == 0 {
            return Err(Error::NotFound("session".into()));
        }
        tx.access_changed()?;
        tx.record(Event::new("Logout").name(me.id, &me.display_name).say(" ended a session"), ())
    })
}

/// Ends all of one's sessions but the one that asks. How many ended.
pub fn end_other_sessions(granted: &Granted<'_, Myself>) -> Result<usize> {
    granted.write_asking(Proof::Nothing, |tx| {
        let began = tx.changes();
        let me = sql::by_id(tx, granted.what().user())?;
        let this = granted.visitor().session();
        let ended = tx.run("DELETE FROM sessions WHERE user_id = ?1 AND id IS NOT ?2", (me.id, this))?;
        if ended == 0 {
            return tx.unchanged(began, 0);
        }
        tx.access_changed()?;
        tx.record(Event::new("Logout").name(me.id, &me.display_name).say(" ended all other sessions"), ended)
    })
}

/// Changes one's own password; all other sessions end. Asks for the present one and for a session with a fresh proof.
///
/// # Errors
/// `Invalid` (`CurrentPassword`, `NewPassword`); `Later` after too many wrong ones; `PersonNeeded` for API keys.
pub fn change_password(granted: &Granted<'_, Myself>, current: &Secret, new: &Secret) -> Result<()> {
    granted.in_person()?;
    let company = granted.visitor().company();
    let me = profile(granted)?;
    let stored = granted.read(|rows| sql::password_hash(rows, me.id))?.unwrap_or_default();
    let session = granted.visitor().session().unwrap_or_default();
    // What is wrong with the new one tells nothing of the present one, and costs no attempt.
    let about = [company.slug(), company.name(), &me.display_name, &me.email_address];
    check_choice(new, company.rules().password_min, &about)
        .map_err(|message| Error::invalid("NewPassword", message))?;
    let spent = budget::spend(company, Who::Session(session), &From::default())?;
    if !fits(company.slug(), current, &stored)? {
        let event = Event::new("LoginFailed").name(me.id, &me.display_name);
        granted.write_asking(Proof::Person, |tx| {
            tx.record(event.say(" gave a wrong present password to change it"), ())
        })?;
        return Err(Error::invalid("CurrentPassword", "This is not your present password."));
    }
    let hashed = hash_password(company.slug(), new)?;
    granted.write_asking(Proof::Person, |tx| {
        spent.clear(tx)?;
        if !sql::replace_password(tx, me.id, &stored, &hashed)? {
            return Err(Error::Conflict("Your password was changed meanwhile. Sign in again.".into()));
        }
        tx.run("DELETE FROM sessions WHERE user_id = ?1 AND id IS NOT ?2", (me.id, session))?;
        tx.run("DELETE FROM one_time_links WHERE user_id = ?1 AND kind = 'reset'", [me.id])?;
        tx.access_changed()?;
        post::notice(tx, me.id.0, Notice::PasswordChanged)?;
        let event = Event::new("PasswordChanged").name(me.id, &me.display_name).say(" changed their password");
        tx.record(event.secret_changed("Password"), ())
    })
}

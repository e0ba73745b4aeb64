//! Signing in with a password, and the invitation by which the first one is chosen.

use super::{
    From, Stage,
    budget::{self, Who},
    choice::check_choice,
    hash,
    hashing::{fits, hash_password, is_outdated, work_for_nobody},
    nobody, session, stamp_of,
};
use crate::{
    base::{
        clock,
        error::{Error, Result},
        names,
        secret::{self, Secret},
    },
    company::access::{trail::Event, vault::Company},
};

/// What signing in with a password gave: the cookie's token and what has to follow.
#[derive(Debug)]
pub struct SignedIn {
    /// The session's token, for the cookie; stored only as a hash.
    pub token: String,
    /// What the session still lacks.
    pub stage: Stage,
}

/// A sign-in at a company that does not exist: the same work, the same budget.
///
/// # Errors
/// `Later` when that budget is spent.
pub fn decoy(slug: &str, name: &str, password: &Secret, from: &From) -> Result<()> {
    budget::spend_nowhere(slug, name, from)?;
    work_for_nobody(slug, password)
}

/// Signs in with e-mail (or username) and password. `None` for whatever is wrong: the caller cannot tell what.
///
/// # Errors
/// `Later` when too much was tried; else only faults, never wrong input.
pub fn sign_in(company: &Company, name: &str, password: &Secret, from: &From) -> Result<Option<SignedIn>> {
    let found = company.snapshot()?.with(|rows| {
        rows.one(
            "SELECT id, display_name, password_hash, state FROM users
             WHERE (email_key IN (?1, ?2) OR username_key IN (?1, ?2)) AND is_service = 0",
            names::account_keys(name),
            |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get::<_, String>(1)?,
                    row.get::<_, Option<String>>(2)?,
                    row.get::<_, String>(3)?,
                ))
            },
        )
    })?;
    let who = found.as_ref().map_or(Who::Name(name), |(id, ..)| Who::Person(*id));
    let spent = budget::spend(company, who, from)?;
    let failed = |event: Event| company.write(nobody(from), |tx| tx.record(event, ()));
    let Some((id, display_name, stored, state)) = found else {
        work_for_nobody(company.slug(), password)?;
        failed(Event::new("LoginFailed").say("A sign-in failed"))?;
        return Ok(None);
    };
    let right = match &stored {
        Some(stored) => fits(company.slug(), password, stored)?,
        None => {
            work_for_nobody(company.slug(), password)?;
            false
        }
    };
    if !right || state != "active" {
        let event = Event::new("LoginFailed")
            .say("A sign-in as ")
            .name(crate::base::ids::Id::<crate::base::ids::User>::new(id), &display_name)
            .say(" failed");
        failed(event)?;
        return Ok(None);
    }
    let token = secret::token();
    // A hash of an older cost is replaced while the password is at hand.
    let renewed = match stored.filter(|stored| is_outdated(stored)) {
        Some(old) => Some((old, hash_password(company.slug(), password)?)),
        None => None,
    };
    let stage = company.write(stamp_of(id, &display_name, from), |tx| {
        if let Some((old, new)) = &renewed {
            tx.run("UPDATE users SET password_hash = ?3 WHERE id = ?1 AND password_hash = ?2", (id, old, new))?;
        }
        let stage = session::after_password(company, tx, (id, &display_name), &token, from)?;
        if stage == Stage::Full {
            spent.clear(tx)?
        } else {
            spent.give_back(tx)?
        }
        let event = Event::new("LoginPassword").say(&display_name).say(" gave the right password");
        tx.record(event.related(crate::base::ids::Id::<crate::base::ids::User>::new(id)), stage)
    })?;
    Ok(Some(SignedIn { token, stage }))
}

/// For whom an invitation is: the name and e-mail address, while it can be used.
pub fn invitation(company: &Company, token: &str) -> Result<Option<(String, String)>> {
    company.snapshot()?.with(|rows| {
        rows.one(
            "SELECT u.display_name, u.email FROM one_time_links l JOIN users u ON u.id = l.user_id
             WHERE l.token_hash = ?1 AND l.kind = 'invitation' AND l.used_at IS NULL AND l.expires_at > ?2 AND u.state = 'invited'",
            (&hash(token)[..], clock::now()),
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
    })
}

/// Uses an invitation: sets the password and makes the person active, once. Signs them in at once, up to the second factor.
///
/// # Errors
/// `Invalid` for a password out of bounds, `NotFound` when the invitation cannot be used (any more).
pub fn accept_invitation(company: &Company, token: &str, password: &Secret, from: &From) -> Result<SignedIn> {
    let gone = || Error::NotFound("invitation".into());
    let (name, email) = invitation(company, token)?.ok_or_else(gone)?;
    check_choice(password, company.rules().password_min, &[company.slug(), company.name(), &name, &email])
        .map_err(|message| Error::invalid("Password", message))?;
    let hashed = hash_password(company.slug(), password)?;
    let session_token = secret::token();
    let stage = company.write(nobody(from), |tx| {
        let now = clock::now();
        let user: i64 = tx
            .one(
                "UPDATE one_time_links SET used_at = ?2 WHERE token_hash = ?1 AND kind = 'invitation' AND used_at IS NULL AND expires_at > ?2
                 RETURNING user_id",
                (&hash(token)[..], now),
                |row| row.get(0),
            )?
            .ok_or_else(gone)?;
        if tx.run("UPDATE users SET password_hash = ?2, state = 'active' WHERE id = ?1 AND state = 'invited'", (user, &hashed))? == 0 {
            return Err(gone());
        }
        tx.access_changed()?;
        let name: String = tx.one("SELECT display_name FROM users WHERE id = ?1", [user], |row| row.get(0))?.unwrap_or_default();
        let stage = session::after_password(company, tx, (user, &name), &session_token, from)?;
        let id = crate::base::ids::Id::<crate::base::ids::User>::new(user);
        tx.record(Event::new("UserActivated").name(id, &name).say(" accepted the invitation and chose a password"), stage)
    })?;
    Ok(SignedIn { token: session_token, stage })
}

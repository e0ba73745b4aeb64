//! The password: argon2id with 19 MiB, two passes, one lane; at most as many at once as the machine has cores.

use super::{
    From, Stage,
    budget::{self, Who},
    hash, nobody, session, stamp_of,
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
use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};

/// What signing in with a password gave: the cookie's token and what has to follow.
#[derive(Debug)]
pub struct SignedIn {
    /// The session's token, for the cookie; stored only as a hash.
    pub token: String,
    /// What the session still lacks.
    pub stage: Stage,
}

fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(19_456, 2, 1, None).unwrap_or_default())
}

/// Lets as many through as there are cores, so that sign-in cannot use up the memory.
fn bounded<T>(work: impl FnOnce() -> T) -> T {
    static FREE: OnceLock<(Mutex<usize>, Condvar)> = OnceLock::new();
    let (free, bell) = FREE.get_or_init(|| {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        (Mutex::new(cores), Condvar::new())
    });
    let mut left = free.lock().unwrap_or_else(PoisonError::into_inner);
    while *left == 0 {
        left = bell.wait(left).unwrap_or_else(PoisonError::into_inner);
    }
    *left -= 1;
    drop(left);
    let answer = work();
    *free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    bell.notify_one();
    answer
}

/// The hash to store for a password.
pub fn hash_password(password: &Secret) -> Result<String> {
    let hashed = bounded(|| argon2().hash_password(password.expose().as_bytes()).map(|hash| hash.to_string()));
    hashed.map_err(|cause| Error::internal(format!("hashing a password failed: {cause}")))
}

pub(super) fn fits(password: &Secret, stored: &str) -> bool {
    PasswordHash::new(stored)
        .is_ok_and(|stored| bounded(|| argon2().verify_password(password.expose().as_bytes(), &stored).is_ok()))
}

/// The same hash as bytes, for a salt that is shared by several words.
pub(super) fn hash_raw(word: &Secret, salt: &[u8]) -> Result<Vec<u8>> {
    let mut hash = vec![0; 32];
    bounded(|| argon2().hash_password_into(word.expose().as_bytes(), salt, &mut hash))
        .map_err(|cause| Error::internal(format!("hashing a code failed: {cause}")))?;
    Ok(hash)
}

/// A sign-in at a company that does not exist: the same work, the same budget.
///
/// # Errors
/// `Later` when that budget is spent.
pub fn decoy(slug: &str, name: &str, password: &Secret, from: &From) -> Result<()> {
    budget::spend_nowhere(slug, name, from)?;
    work_for_nobody(password);
    Ok(())
}

/// The work of checking a password when there is nobody to check it for.
fn work_for_nobody(password: &Secret) {
    static HASH: OnceLock<Option<String>> = OnceLock::new();
    let hash = HASH.get_or_init(|| hash_password(&Secret::new(secret::token())).ok());
    if let Some(hash) = hash {
        fits(password, hash);
    }
}

/// Signs in with e-mail (or username) and password. `None` for whatever is wrong: the caller cannot tell what.
///
/// # Errors
/// `Later` when too much was tried; else only faults, never wrong input.
pub fn sign_in(company: &Company, name: &str, password: &Secret, from: &From) -> Result<Option<SignedIn>> {
    let found = company.snapshot()?.with(|rows| {
        rows.one(
            "SELECT id, display_name, password_hash, state FROM users
             WHERE (email_key = ?1 OR username_key = ?1) AND is_service = 0",
            [names::key(name)],
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
        work_for_nobody(password);
        failed(Event::new("LoginFailed").say("A sign-in failed"))?;
        return Ok(None);
    };
    let right = match &stored {
        Some(stored) => fits(password, stored),
        None => {
            work_for_nobody(password);
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
    let stage = company.write(stamp_of(id, &display_name, from), |tx| {
        spent.give_back(tx)?;
        let stage = session::after_password(company, tx, (id, &display_name), &token, from)?;
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
    names::password(password.expose()).map_err(|message| Error::invalid("Password", message))?;
    let gone = || Error::NotFound("invitation".into());
    if invitation(company, token)?.is_none() {
        return Err(gone());
    }
    let hashed = hash_password(password)?;
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

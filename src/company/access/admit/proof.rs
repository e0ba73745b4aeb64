//! Step-up: a session proves once more who it belongs to, before what protects an account or the company is changed
//! (`access-rules §9`).

use super::code;
use crate::{
    base::{
        clock::{self, MINUTE},
        error::{Error, Result},
        ids::{Id, User},
    },
    company::access::{trail::Event, visitor::Visitor},
};

/// A proof is fresh for so long, in milliseconds.
pub const PROOF_LIFE: i64 = 10 * MINUTE;

/// What somebody can prove themselves with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ways {
    /// A code of an authenticator app.
    pub code: bool,
}

/// What this visitor can prove themselves with.
pub fn ways(visitor: &Visitor) -> Result<Ways> {
    let code = visitor.read(|rows| {
        rows.any("SELECT 1 FROM users WHERE id = ?1 AND totp_secret IS NOT NULL", [visitor.user().map(|id| id.0)])
    })?;
    Ok(Ways { code })
}

/// Proves with a code that the session still belongs to its person. What is asked from the next request on finds it
/// fresh.
///
/// # Errors
/// `Invalid` (`Code`) for a code that is wrong or used; `NotFound` without a session. Five wrong ones end the session.
pub fn prove(visitor: &Visitor, given: &str) -> Result<()> {
    let nothing = || Error::NotFound("session".into());
    let (user, session) = visitor.user().zip(visitor.session()).ok_or_else(nothing)?;
    let seal = visitor.company().seal();
    let right = visitor.write(|tx| {
        let name = tx.actor_name().to_owned();
        let id: Id<User> = user;
        let stored = tx
            .one(
                "SELECT u.totp_secret, u.totp_last_step FROM sessions s JOIN users u ON u.id = s.user_id
                 WHERE s.id = ?1 AND u.id = ?2 AND s.stage = 'full' AND s.failures < ?3 AND u.state = 'active'",
                (session, user, code::FAILURES),
                |row| Ok((row.get::<_, Option<Vec<u8>>>(0)?, row.get::<_, i64>(1)?)),
            )?
            .ok_or_else(nothing)?;
        let step = match &stored.0 {
            Some(sealed) => {
                let secret = seal.open("users", "totp_secret", user.0, sealed)?;
                code::step_of(&code::decode(&secret)?, given, stored.1)?
            }
            None => None,
        };
        let Some(step) = step else {
            tx.run("UPDATE sessions SET failures = failures + 1 WHERE id = ?1", [session])?;
            tx.access_changed()?;
            return tx.record(Event::new("LoginFailed").name(id, &name).say(" gave a wrong or used code"), false);
        };
        tx.run("UPDATE users SET totp_last_step = ?2 WHERE id = ?1", (user, step))?;
        tx.run("UPDATE sessions SET proved_at = ?2, failures = 0 WHERE id = ?1", (session, clock::now()))?;
        tx.access_changed()?;
        tx.record(Event::new("LoginProved").name(id, &name).say(" proved once more who they are"), true)
    })?;
    if right { Ok(()) } else { Err(code::wrong()) }
}

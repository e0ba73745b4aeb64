//! Step-up: a session proves once more who it belongs to, before what protects an account or the company is changed
//! (`access-rules §9`).

use super::{
    From,
    budget::{self, Who},
    code,
    factor::{self, Offered, Ways, ways_of},
};
use crate::{
    base::{
        clock::{self, MINUTE},
        error::{Error, Result},
    },
    company::access::{trail::Event, visitor::Visitor},
};

/// A proof is fresh for so long, in milliseconds.
pub const PROOF_LIFE: i64 = 10 * MINUTE;

/// What this visitor can prove themselves with.
pub fn ways(visitor: &Visitor) -> Result<Ways> {
    visitor.read(|rows| ways_of(rows, visitor.user().map_or(0, |id| id.0)))
}

/// Proves that the session still belongs to its person: by a second factor, or by the password for who has none. What
/// is asked from the next request on finds it fresh.
///
/// # Errors
/// `Invalid` (`Code` or `Password`) for what is wrong or used; `Conflict` without a session; `Later` when too much
/// was tried. Five wrong ones end the session.
pub fn prove(visitor: &Visitor, offered: &Offered, from: &From) -> Result<()> {
    let no_session = || Error::Conflict("A session proves who it belongs to; an API key needs no proof.".into());
    let (user, session) = visitor.user().zip(visitor.session()).ok_or_else(no_session)?;
    let nothing = || Error::NotFound("session".into());
    let company = visitor.company();
    let spent = budget::spend(company, Who::Person(user.0), from)?;
    let attempt = factor::prepare(company, session, user.0, offered)?;
    let right = visitor.write(|tx| {
        let alive = "SELECT 1 FROM sessions s JOIN users u ON u.id = s.user_id
                     WHERE s.id = ?1 AND u.id = ?2 AND s.stage = 'full' AND s.failures < ?3 AND u.state = 'active'";
        if !tx.any(alive, (session, user, code::FAILURES))? {
            return Err(nothing());
        }
        let name = tx.actor_name().to_owned();
        let by = factor::settle(tx, company, user.0, &attempt)?;
        tx.access_changed()?;
        let Some(by) = by else {
            tx.run("UPDATE sessions SET failures = failures + 1 WHERE id = ?1", [session])?;
            return tx.record(Event::new("LoginFailed").name(user, &name).say(" gave a wrong or used proof"), false);
        };
        tx.run("UPDATE sessions SET proved_at = ?2, failures = 0 WHERE id = ?1", (session, clock::now()))?;
        spent.clear(tx)?;
        code::tell(tx, user, &name, by)?;
        tx.record(
            Event::new("LoginProved").name(user, &name).say(" proved once more who they are, by ").say(by.words()),
            true,
        )
    })?;
    if right { Ok(()) } else { Err(factor::wrong(offered)) }
}

//! Second factors as the door sees them: who has which, of whom one is demanded, and one attempt at giving one.
//!
//! What takes time (hashing, a signature) is done before the transaction; whether it counts is decided inside it, so that
//! of two uses of one code only the first succeeds.

use super::{
    PendingSession, code, hashing, passkey,
    passkey::{Challenge, Site},
    recovery,
};
use crate::{
    base::{
        clock::{self, Moment},
        error::{Error, Result},
        secret::Secret,
    },
    company::access::{
        grants::{self, Whose},
        permissions::named,
        rows::{Rows, Writing},
        rules::{SecondFactor, rules},
        vault::Company,
        visitor::Visitor,
    },
};
use webauthn_rs::prelude::AuthenticationResult;

/// What somebody can prove themselves with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ways {
    /// A code of an authenticator app.
    pub code: bool,
    /// A passkey.
    pub passkey: bool,
    /// How many recovery codes are left.
    pub recovery: i64,
}

impl Ways {
    /// Whether there is any second factor. Without one, the password is what can be proved.
    pub fn any(&self) -> bool {
        self.code || self.passkey
    }
}

/// What somebody has.
pub(in crate::company) fn ways_of(rows: &Rows<'_>, user: i64) -> Result<Ways> {
    let has = |kind: &str| rows.any("SELECT 1 FROM factors WHERE user_id = ?1 AND kind = ?2", (user, kind));
    let recovery = rows.number("SELECT count(*) FROM recovery_codes WHERE user_id = ?1 AND used_at IS NULL", [user])?;
    Ok(Ways { code: has("totp")?, passkey: has("passkey")?, recovery })
}

/// What somebody who is signing in can finish with.
pub fn ways_to_finish(company: &Company, pending: &PendingSession) -> Result<Ways> {
    company.snapshot()?.with(|rows| ways_of(rows, pending.person.id))
}

/// Asks somebody who is signing in for a passkey, if they have one.
pub fn passkey_to_finish(company: &Company, pending: &PendingSession, site: &Site) -> Result<Option<Challenge>> {
    passkey::begin_second(company, pending.id, pending.person.id, site)
}

/// Asks a visitor for a passkey as a fresh proof, if they have one.
pub fn passkey_to_prove(visitor: &Visitor, site: &Site) -> Result<Option<Challenge>> {
    match visitor.user().zip(visitor.session()) {
        Some((user, session)) => passkey::begin_second(visitor.company(), session, user.0, site),
        None => Ok(None),
    }
}

/// Whether a second factor is demanded of somebody who has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// No.
    None,
    /// Yes, from then on.
    From(Moment),
    /// Yes.
    Now,
}

/// Whether the company's rule demands a second factor of somebody (`access-rules §9`): of everyone, or of those who hold
/// one of the chosen permissions anywhere, by a role that has not ended.
pub(in crate::company) fn demand(rows: &Rows<'_>, user: i64) -> Result<Demand> {
    let rules = rules(rows)?;
    let demanded = match rules.second_factor {
        SecondFactor::Nobody => false,
        SecondFactor::Everyone => true,
        SecondFactor::Holders => {
            let chosen: Vec<usize> =
                rules.second_factor_permissions.iter().filter_map(|name| named(name)).map(|info| info.key).collect();
            let now = clock::now();
            // Read anew and not remembered: a transaction may see what is not committed yet.
            grants::load(rows, Whose::User(user))?.iter().any(|carried| {
                carried.grant.until.is_none_or(|until| until > now)
                    && carried.permissions.iter().any(|key| chosen.contains(key))
            })
        }
    };
    if !demanded {
        return Ok(Demand::None);
    }
    let from = demanded_from(rows, user)?;
    Ok(if from > clock::now() { Demand::From(from) } else { Demand::Now })
}

/// From when the company's rule demands a second factor of somebody whom it reaches: when their days of grace end or ended.
pub(in crate::company) fn demanded_from(rows: &Rows<'_>, user: i64) -> Result<Moment> {
    let began = rows.one("SELECT created_at FROM users WHERE id = ?1", [user], |row| row.get::<_, Moment>(0))?;
    Ok(rules(rows)?.grace_ends(began.unwrap_or_default()))
}

/// What somebody gives as a proof: the fields of a form, those left out empty.
#[derive(Debug, Clone, Default)]
pub struct Offered {
    /// Six digits of an authenticator app, or a recovery code.
    pub code: String,
    /// The name of the ceremony that a passkey answers.
    pub ticket: String,
    /// A passkey's answer, as the browser gave it.
    pub passkey: String,
    /// The password; counts only for who has no second factor.
    pub password: Option<Secret>,
}

impl Offered {
    /// A code alone.
    pub fn code(code: &str) -> Offered {
        Offered { code: code.to_owned(), ..Offered::default() }
    }
}

/// An attempt, with all the work done that takes time.
pub(super) enum Attempt {
    Code(String),
    Recovery(Vec<u8>),
    Passkey(Box<AuthenticationResult>),
    Password,
    Wrong,
}

/// By what somebody proved themselves, for the trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Code,
    Recovery { left: i64 },
    Passkey,
    Password,
}

impl By {
    pub fn words(self) -> &'static str {
        match self {
            By::Code => "a code",
            By::Recovery { .. } => "a recovery code",
            By::Passkey => "a passkey",
            By::Password => "the password",
        }
    }
}

/// Does the work. Reads for itself, outside any transaction.
pub(super) fn prepare(company: &Company, session: i64, user: i64, offered: &Offered) -> Result<Attempt> {
    if !offered.passkey.is_empty() {
        let seen = passkey::check_second(company, session, user, &offered.ticket, &offered.passkey)?;
        return Ok(seen.map_or(Attempt::Wrong, |seen| Attempt::Passkey(Box::new(seen))));
    }
    if let Some(password) = &offered.password {
        let (ways, stored) = company.snapshot()?.with(|rows| {
            let read = |row: &rusqlite::Row<'_>| row.get::<_, Option<String>>(0);
            Ok((
                ways_of(rows, user)?,
                rows.one("SELECT password_hash FROM users WHERE id = ?1", [user], read)?.flatten(),
            ))
        })?;
        let right = match stored.filter(|_| !ways.any()) {
            Some(stored) => hashing::fits(company.slug(), password, &stored)?,
            None => false,
        };
        return Ok(if right { Attempt::Password } else { Attempt::Wrong });
    }
    let given: String = offered.code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    if given.len() == recovery::LENGTH {
        return Ok(recovery::hash(company, user, &given)?.map_or(Attempt::Wrong, Attempt::Recovery));
    }
    Ok(Attempt::Code(given))
}

/// Decides, and marks as used. `None`: wrong, or used already.
pub(super) fn settle(tx: &Writing<'_>, company: &Company, user: i64, attempt: &Attempt) -> Result<Option<By>> {
    match attempt {
        Attempt::Code(given) => Ok(code::spend(tx, company, user, given)?.then_some(By::Code)),
        Attempt::Recovery(hash) => recovery::spend(tx, user, hash),
        Attempt::Passkey(seen) => passkey::spend(tx, company, user, seen),
        Attempt::Password => Ok((!ways_of(tx, user)?.any()).then_some(By::Password)),
        Attempt::Wrong => Ok(None),
    }
}

/// The answer to all that is wrong.
pub(super) fn wrong(offered: &Offered) -> Error {
    if !offered.passkey.is_empty() {
        Error::invalid("Passkey", "This passkey was not accepted. Try again, or use another way.")
    } else if offered.password.is_some() {
        Error::invalid("Password", "This is not your password. Type it once more.")
    } else {
        Error::invalid("Code", "This code is not right, or was used already. Wait for the next one and try again.")
    }
}

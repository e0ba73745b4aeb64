//! Sign-in itself: what somebody brings → a [`Visitor`]. The only reading before a visitor exists, and the only writing:
//! sessions and the used-up steps of one-time codes.
//!
//! Unknown company, unknown person and wrong password take the same work and get the same answer.

mod account;
pub(in crate::company) mod budget;
mod choice;
mod code;
mod device;
mod face;
mod form;
mod exchange;
mod factor;
mod hashing;
mod key;
mod passkey;
mod password;
mod proof;
mod recovery;
mod register;
mod reset;
mod session;

pub use account::Names;
pub use choice::check_choice;
#[cfg(test)]
pub(in crate::company) use code::code_in;
pub use code::{Enrolled, Enrolment, check_code, enrol, enrolment, grace, later};
pub use device::DEVICE_LIFE;
pub use exchange::{Exchanged, NotTaken, Offer, exchange, offer, unproved};
pub use face::logo;
pub use factor::{Offered, Ways, passkey_to_finish, passkey_to_prove, ways_to_finish};
pub use form::{drawn_for, form_mark};
pub use hashing::hash_password;
pub use key::api_key;
pub use passkey::{Challenge, Site, begin_alone, passkey_to_enrol, sign_in_with_passkey};
pub use password::{SignedIn, accept_invitation, decoy, invitation, sign_in};
pub use proof::{PROOF_LIFE, prove, ways};
pub use register::{Registered, open_invitation, register};
pub use reset::{RESET_LIFE, forgot, reset, reset_path, use_reset};
pub use session::{Entry, PendingSession, Stage, device_cookie, enter, sign_out};

pub(in crate::company) use account::{check_names, insert_account, rename_account};
pub(in crate::company) use code::{begin, confirm, draw, pending_secret};
pub(in crate::company) use exchange::{external_id, issuer_address};
pub(in crate::company) use factor::{Demand, demand, demanded_from, ways_of};
#[cfg(test)]
pub(super) use hashing::SPENT;
pub(in crate::company) use hashing::fits;
use key::TOKEN;
pub(in crate::company) use key::{hash_key, new_key};
pub(in crate::company) use passkey::{add as add_passkey, begin_registration, finish_registration};
pub(in crate::company) use recovery::{fresh as fresh_recovery_codes, store as store_recovery_codes};
pub(in crate::company) use reset::{send_reset, store_reset};
pub(in crate::company::access) use {key::KnownKey, session::KnownSession};

use super::{
    rows::{Rows, Writing},
    trail::Stamp,
    visitor::From,
};
use crate::base::{
    clock::{self, HOUR},
    error::Result,
};
use sha2::{Digest, Sha256};

/// A user as sign-in sees one.
#[derive(Debug, Clone)]
pub struct Person {
    pub(super) id: i64,
    pub(super) display_name: String,
    pub(super) is_service: bool,
}

/// How long an invitation can be used (`access-rules §9`), in milliseconds.
pub const INVITATION_LIFE: i64 = 48 * HOUR;

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn stamp_of(id: i64, name: &str, from: &From) -> Stamp {
    Stamp {
        actor_kind: "user",
        actor_id: Some(id),
        actor_name: name.to_owned(),
        means: "sign-in".into(),
        address: from.address.clone(),
        agent: from.agent.clone(),
    }
}

fn nobody(from: &From) -> Stamp {
    Stamp {
        actor_kind: "nobody",
        actor_id: None,
        actor_name: "Somebody".into(),
        means: "sign-in".into(),
        address: from.address.clone(),
        agent: from.agent.clone(),
    }
}

/// The access version of the file: everything compiled or remembered under another one is stale.
fn access_version(rows: &Rows<'_>) -> Result<i64> {
    rows.number("SELECT access_version FROM company", [])
}

/// Writes an open invitation down: for whoever has the code.
pub(in crate::company) fn store_open_invitation(tx: &Writing<'_>, token: &str) -> Result<i64> {
    let now = clock::now();
    tx.insert(
        "INSERT INTO open_invitations (token_hash, inviter, inviter_id, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        (&hash(token)[..], tx.actor_name(), tx.actor_id(), now, now.plus(INVITATION_LIFE)),
    )
}

/// Writes an invitation down, replacing earlier ones of that person.
pub(in crate::company) fn store_invitation(tx: &Writing<'_>, user: i64, token: &str) -> Result<()> {
    tx.run("DELETE FROM one_time_links WHERE user_id = ?1 AND kind = 'invitation'", [user])?;
    let now = clock::now();
    tx.run(
        "INSERT INTO one_time_links (token_hash, kind, user_id, made_by, created_at, expires_at) VALUES (?1, 'invitation', ?2, ?3, ?4, ?5)",
        (&hash(token)[..], user, tx.actor_id(), now, now.plus(INVITATION_LIFE)),
    )?;
    Ok(())
}

//! A new password for somebody else: an administrator sends them the way to choose one and learns none.

use super::{as_much_as_before, may_stand_in, sql};
use crate::{
    base::{
        error::{Error, Result},
        ids::User as Kind,
    },
    company::{
        access::{
            At, Event, Granted,
            admit::{send_reset, store_reset},
            permissions::UserEdit,
        },
        people::State,
        post,
    },
};

/// Makes a reset link for somebody who is active; it works once, for an hour. Where mail is set up, the letter goes to
/// them and nobody else sees the link; else its token is given, to hand over.
///
/// # Errors
/// `Conflict` for who is not active and for service accounts; `Denied` for somebody who holds what the visitor does not;
/// `ProofNeeded`.
pub fn send(granted: &Granted<'_, UserEdit>, user: &At<Kind>) -> Result<Option<String>> {
    granted.fresh()?;
    let held = may_stand_in(granted, user.id())?;
    granted.write(|tx| {
        as_much_as_before(tx, user.id(), &held)?;
        let user = sql::by_id(tx, user.id())?;
        if user.is_service || user.state != State::Active {
            return Err(Error::Conflict(format!("{} does not sign in with a password.", user.display_name)));
        }
        let token = store_reset(tx, user.id.0)?;
        let by_mail = post::is_set() && !user.email_address.is_empty();
        let event = Event::new("PasswordResetRequested").say("A new password for ").name(user.id, &user.display_name);
        if by_mail {
            send_reset(tx, user.id.0, &token)?;
            return tx.record(event.say(" was asked for: a link was sent to them by mail"), None);
        }
        tx.record(event.say(" was asked for: a link was made to hand over"), Some(token))
    })
}

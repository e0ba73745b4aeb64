//! People and service accounts of a company: who is here, in what state, and what is done to them (`access-rules §9`).
//! How people come in is [`invitations`]; what programs come with are [`keys`] and [`identities`]. Sign-in itself is `access::admit`'s; what somebody may do comes from their teams.
//!
//! Whoever holds full administration is changed only by those who hold it too, and never the last one who can sign in.

pub mod demanded;
pub mod factors;
pub mod identities;
pub mod invitations;
pub mod keys;
pub mod own;
pub mod reset;
mod sql;
mod states;

pub use super::access::admit::Names as Fields;
pub use states::{Next, State, Step};

use super::{
    access::{
        At, Event, Gifts, Granted, Rows,
        admit::{check_choice, check_names, hash_password, insert_account, rename_account},
        outbox::{Notice, notice},
        permissions::{Info, Permission, UserEdit, UserView},
    },
    standing, teams,
};
use crate::base::{
    clock::Moment,
    error::{Error, Result},
    ids::{Id, User as Kind},
    names,
    paging::{Listed, Page},
    secret::Secret,
};
use serde::Serialize;

/// A person or a service account.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct User {
    /// Its id.
    #[serde(skip)]
    pub id: Id<Kind>,
    /// What they sign in with, beside the e-mail address; unique.
    pub username: String,
    /// The name to show.
    pub display_name: String,
    /// Unique among people; service accounts may have none.
    pub email_address: String,
    /// Whether they can come in.
    pub state: State,
    /// A service account: for programs, with keys only.
    pub is_service: bool,
    /// One of a tenant's own people: in tenants' teams and no other.
    #[serde(skip)]
    pub is_customer: bool,
    /// Whether a second factor is set up.
    #[serde(skip)]
    pub has_second_factor: bool,
    /// When they were made.
    #[serde(skip)]
    pub created_at: Moment,
    /// When they were last seen.
    #[serde(skip)]
    pub last_seen_at: Option<Moment>,
}

/// Which people are asked for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Part of the name, username or e-mail address, ignoring case.
    pub text: String,
    /// Only those in this state.
    pub state: Option<State>,
    /// Only service accounts, or only people.
    pub service: Option<bool>,
    /// Only people without a second factor.
    pub without_second_factor: bool,
    /// Only these, by number.
    pub ids: Option<Vec<i64>>,
}

/// The people of the company, by name.
pub fn list(granted: &Granted<'_, UserView>, filter: &Filter, page: Page) -> Result<Listed<User>> {
    granted.read(|rows| sql::list(rows, filter, page))
}

/// How many people there are in each state, service accounts apart, and how many active people lack a second factor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// People who can sign in.
    pub active: i64,
    /// People who have not accepted yet.
    pub invited: i64,
    /// People who cannot sign in.
    pub inactive: i64,
    /// Service accounts, whatever their state.
    pub services: i64,
    /// Of the active people, those without a second factor.
    pub without_second_factor: i64,
}

/// Counts for the head of the list.
pub fn counts(granted: &Granted<'_, UserView>) -> Result<Counts> {
    granted.read(sql::counts)
}

/// One user.
pub fn show(granted: &Granted<'_, UserView>, user: &At<Kind>) -> Result<User> {
    granted.read(|rows| sql::by_id(rows, user.id()))
}

/// By how many ways somebody can come in at this moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WaysIn {
    /// Browsers in which they are signed in.
    pub sessions: i64,
    /// API keys that have not ended.
    pub keys: i64,
    /// OIDC identities.
    pub identities: i64,
}

/// Counts the ways in of one user.
pub fn ways_in(granted: &Granted<'_, UserEdit>, user: &At<Kind>) -> Result<WaysIn> {
    granted.read(|rows| sql::ways_in(rows, user.id()))
}

/// Makes somebody who can sign in at once, with a password that is handed to them.
///
/// # Errors
/// `Invalid` for what is missing, taken or out of bounds; `Denied` for a narrowed key that leaves out what everybody holds.
pub fn create(granted: &Granted<'_, UserEdit>, fields: &Fields, password: &Secret) -> Result<User> {
    may_add(granted)?;
    let company = granted.visitor().company();
    let about = [company.slug(), company.name(), &fields.display_name, &fields.email_address];
    check_choice(password, company.rules().password_min, &about)
        .map_err(|message| Error::invalid("Password", message))?;
    let hash = hash_password(granted.visitor().company().slug(), password)?;
    granted.write(|tx| {
        let fields = check_names(tx, fields, None, false)?;
        let id = insert_account(tx, &fields, State::Active.word(), false, Some(&hash))?;
        tx.access_changed()?;
        let event = Event::new("Created").say("User ").name(id, &fields.display_name).say(" was created");
        tx.record(event, sql::by_id(tx, id)?)
    })
}

/// Makes a service account: a name for programs, which come with its keys. It cannot sign in to the pages.
///
/// # Errors
/// `Invalid` for a name that is missing or taken.
pub fn create_service_account(granted: &Granted<'_, UserEdit>, fields: &Fields) -> Result<User> {
    may_add(granted)?;
    granted.write(|tx| {
        let fields = check_names(tx, fields, None, true)?;
        let id = insert_account(tx, &fields, State::Active.word(), true, None)?;
        tx.access_changed()?;
        let event = Event::new("Created").say("Service account ").name(id, &fields.display_name).say(" was created");
        tx.record(event, sql::by_id(tx, id)?)
    })
}

/// Changes somebody's names and e-mail address.
///
/// # Errors
/// As [`create`]; `Denied` for an administrator when the visitor is none, and for another e-mail address of somebody who
/// holds what the visitor does not: whoever has the address has the account.
pub fn edit(granted: &Granted<'_, UserEdit>, user: &At<Kind>, fields: &Fields) -> Result<User> {
    let rights = may_touch(granted, user.id())?;
    let known = granted.read(|rows| sql::by_id(rows, user.id()))?;
    let mut held = None;
    if known.email_address != fields.email_address.trim() {
        granted.fresh()?;
        held = Some(may_stand_in(granted, user.id())?);
    }
    granted.write(|tx| {
        as_weak_as_before(tx, user.id(), &rights)?;
        let before = sql::by_id(tx, user.id())?;
        let fields = check_names(tx, fields, Some(before.id), before.is_service)?;
        if fields.email_address != before.email_address {
            granted.fresh()?;
            match &held {
                Some(held) => as_much_as_before(tx, user.id(), held)?,
                None => return Err(meanwhile()),
            }
            if granted.visitor().user() == Some(before.id) {
                granted.visitor().myself()?.in_person()?;
            }
        }
        rename_account(tx, before.id, &fields)?;
        let after = sql::by_id(tx, before.id)?;
        tx.access_changed()?;
        if names::key(&before.email_address) != names::key(&after.email_address) {
            notice(tx, after.id.0, Notice::EmailChanged(&before.email_address, &after.email_address))?;
        }
        let event = Event::new("Modified").say("User ").name(after.id, &after.display_name).say(" was changed");
        tx.record(event.difference(&before, &after), after)
    })
}

/// Shuts somebody out: sessions end, keys no longer work, rights and history stay for when they come back.
///
/// # Errors
/// `Conflict` for oneself and for the last active administrator; `Denied` for an administrator when the visitor is none.
pub fn deactivate(granted: &Granted<'_, UserEdit>, user: &At<Kind>) -> Result<User> {
    let rights = may_touch(granted, user.id())?;
    not_oneself(granted, user.id(), "deactivate")?;
    granted.write(|tx| {
        as_weak_as_before(tx, user.id(), &rights)?;
        let began = tx.changes();
        let before = sql::by_id(tx, user.id())?;
        let Some(state) = led(&before, Step::Deactivate)? else { return tx.unchanged(began, before) };
        sql::set_state(tx, before.id, state)?;
        for table in ["sessions", "access_tokens", "one_time_links"] {
            tx.run(&format!("DELETE FROM {table} WHERE user_id = ?1"), [before.id])?;
        }
        sql::drop_what_they_handed_out(tx, before.id)?;
        teams::keep_an_administrator(tx)?;
        tx.access_changed()?;
        let event = Event::new("UserDeactivated").name(before.id, &before.display_name).say(" was deactivated");
        tx.record(event, sql::by_id(tx, before.id)?)
    })
}

/// Lets somebody in again; their keys work again, their sessions do not.
///
/// # Errors
/// `Conflict` for somebody who has not accepted the invitation yet; `Denied` for somebody who would hold again what the
/// visitor does not.
pub fn reactivate(granted: &Granted<'_, UserEdit>, user: &At<Kind>) -> Result<User> {
    let held = granted.read(|rows| Gifts::of_account(rows, user.id().0))?;
    granted.visitor().ask_to_give(&held)?;
    granted.write(|tx| {
        as_much_as_before(tx, user.id(), &held)?;
        let began = tx.changes();
        let before = sql::by_id(tx, user.id())?;
        let Some(state) = led(&before, Step::Reactivate)? else { return tx.unchanged(began, before) };
        if !before.is_service {
            standing::room_for_a_person(tx)?;
        }
        sql::set_state(tx, before.id, state)?;
        tx.access_changed()?;
        notice(tx, before.id.0, Notice::Reactivated)?;
        let event = Event::new("UserReactivated").name(before.id, &before.display_name).say(" was reactivated");
        tx.record(event, sql::by_id(tx, before.id)?)
    })
}

/// Deletes somebody for good, with their keys. The trail keeps their name.
///
/// # Errors
/// As [`deactivate`].
pub fn delete(granted: &Granted<'_, UserEdit>, user: &At<Kind>) -> Result<()> {
    let rights = may_touch(granted, user.id())?;
    not_oneself(granted, user.id(), "delete")?;
    granted.write(|tx| {
        as_weak_as_before(tx, user.id(), &rights)?;
        let gone = sql::by_id(tx, user.id())?;
        sql::drop_what_they_handed_out(tx, gone.id)?;
        tx.run("DELETE FROM users WHERE id = ?1", [gone.id])?;
        teams::keep_an_administrator(tx)?;
        tx.access_changed()?;
        tx.record(Event::new("Deleted").say("User ").name(gone.id, &gone.display_name).say(" was deleted"), ())
    })
}

/// Where a step leads: `None` when nothing changes.
fn led(user: &User, step: Step) -> Result<Option<State>> {
    match user.state.next(step) {
        Next::To(state) => Ok(Some(state)),
        Next::Stays | Next::Gone => Ok(None),
        Next::Refused(sentence) => Err(Error::Conflict(format!("{} {sentence}", user.display_name))),
    }
}

/// Full administration of somebody else is touched only by who holds it. Gives what was looked at.
fn may_touch(granted: &Granted<'_, UserEdit>, user: Id<Kind>) -> Result<Vec<&'static Info>> {
    let rights = granted.read(|rows| teams::system_rights_of_user(rows, user))?;
    granted.visitor().ask_to_overrule(!teams::only_administration(&rights).is_empty())?;
    Ok(rights)
}

/// Somebody new holds what everybody holds; a narrowed key may leave that out.
fn may_add(granted: &Granted<'_, UserEdit>) -> Result<()> {
    let held = granted.read(|rows| Gifts::of_newcomer(rows, &[]))?;
    granted.visitor().ask_to_give(&held)
}

/// Who decides how somebody comes in could come in as them: only who holds all that they hold. Gives what was looked at.
fn may_stand_in<P: Permission>(granted: &Granted<'_, P>, user: Id<Kind>) -> Result<Gifts> {
    let held = granted.read(|rows| Gifts::of_account(rows, user.0))?;
    let visitor = granted.visitor();
    if visitor.user() != Some(user) || visitor.is_narrowed() {
        visitor.ask_to_stand_in(&held)?;
    }
    Ok(held)
}

/// Somebody who may do more since that was asked is not touched.
fn as_much_as_before(rows: &Rows<'_>, user: Id<Kind>, before: &Gifts) -> Result<()> {
    if Gifts::of_account(rows, user.0)? == *before { Ok(()) } else { Err(meanwhile()) }
}

fn meanwhile() -> Error {
    Error::Conflict("Their rights changed meanwhile. Look at them again and repeat your change.".into())
}

/// A key or an identity of an account is a way in as that account: it is made by who holds what it may, or as much of that
/// as the key is narrowed to. Gives what was looked at.
fn may_hand_out(granted: &Granted<'_, UserEdit>, user: Id<Kind>, only: &[&'static Info]) -> Result<Gifts> {
    let gifts = granted.read(|rows| Gifts::of_user(rows, user.0, only))?;
    granted.visitor().ask_to_give(&gifts)?;
    Ok(gifts)
}

/// An account that may do more since that was asked is handed out to nobody.
fn still_handed_out(rows: &Rows<'_>, user: Id<Kind>, only: &[&'static Info], before: &Gifts) -> Result<()> {
    if Gifts::of_user(rows, user.0, only)? == *before {
        return Ok(());
    }
    Err(meanwhile())
}

/// Somebody who became an administrator since that was asked is not touched.
fn as_weak_as_before(rows: &Rows<'_>, user: Id<Kind>, before: &[&'static Info]) -> Result<()> {
    let now = teams::only_administration(&teams::system_rights_of_user(rows, user)?);
    if now.len() == teams::only_administration(before).len() {
        return Ok(());
    }
    Err(meanwhile())
}

fn not_oneself(granted: &Granted<'_, UserEdit>, user: Id<Kind>, verb: &str) -> Result<()> {
    if granted.visitor().user() == Some(user) {
        return Err(Error::Conflict(format!("You cannot {verb} yourself. Ask another administrator.")));
    }
    Ok(())
}

#[cfg(test)]
mod stronger_tests;
#[cfg(test)]
mod tests;

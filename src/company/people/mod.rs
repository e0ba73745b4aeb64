//! People and service accounts of a company: who is here, in what state, and what is done to them (`access-rules §9`).
//! Sign-in itself is `access::admit`'s; what somebody may do comes from their teams.
//!
//! Whoever holds full administration is changed only by those who hold it too, and never the last one who can sign in.

pub mod factors;
pub mod keys;
pub mod own;
pub mod reset;
mod sql;

use super::{
    access::{
        At, Event, Granted, Rows,
        admit::{check_choice, hash_password, store_invitation},
        outbox::{Notice, notice},
        permissions::{TeamEdit, UserEdit, UserInvite, UserView},
    },
    standing, teams,
};
use crate::base::{
    clock::Moment,
    error::{Error, Fields as Wrong, Result},
    ids::{Id, User as Kind},
    names,
    paging::{Listed, Page},
    secret::{self, Secret},
};
use serde::Serialize;

/// A username has at most so many characters (`access-rules §9`).
const LONGEST_USERNAME: usize = 64;

/// Whether somebody can come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum State {
    /// Has not accepted the invitation yet.
    Invited,
    /// Can sign in.
    Active,
    /// Cannot; what they did and may do is kept.
    Inactive,
}

impl State {
    /// The word for it in the file and in addresses.
    pub fn word(self) -> &'static str {
        match self {
            State::Invited => "invited",
            State::Active => "active",
            State::Inactive => "inactive",
        }
    }
    /// The state of a word.
    pub fn of(word: &str) -> Option<State> {
        [State::Invited, State::Active, State::Inactive].into_iter().find(|state| state.word() == word)
    }
}

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

/// What is given of a user.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    /// 1–64 characters, unique; empty: the e-mail address.
    pub username: String,
    /// Required, 1–64 characters.
    pub display_name: String,
    /// Required for people, unique.
    pub email_address: String,
}

/// What an invitation gave.
#[derive(Debug)]
pub struct Invited {
    /// Who was invited.
    pub user: User,
    /// The token of the link; shown once, valid 48 hours. Stored only as a hash.
    pub token: String,
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

/// Invites somebody into teams; each team needs the right to change it. They choose their password by the link.
///
/// # Errors
/// `Invalid` for what is missing or taken; `Denied` for a team with full administration when the visitor has not got it.
pub fn invite(granted: &Granted<'_, UserInvite>, into: &[Granted<'_, TeamEdit>], fields: &Fields) -> Result<Invited> {
    for team in into {
        let team = &team.what().team;
        let rights = granted.read(|rows| teams::system_rights_of_team(rows, team.team().id()))?;
        granted.visitor().ask_to_give(&teams::only_administration(&rights))?;
    }
    let token = secret::token();
    let user = granted.write(|tx| {
        let fields = check(tx, fields, None, false)?;
        let id = sql::insert(tx, &fields, State::Invited, false, None)?;
        store_invitation(tx, id.0, &token)?;
        let mut event = Event::new("Created").name(id, &fields.display_name).say(" was invited");
        for (n, team) in into.iter().enumerate() {
            let at = team.what().team.team();
            event = event.say(if n == 0 { " into " } else { ", " }).name(at.id(), &teams::join(tx, at.id(), id)?);
        }
        tx.access_changed()?;
        tx.record(event, sql::by_id(tx, id)?)
    })?;
    Ok(Invited { user, token })
}

/// Makes a new link for somebody who has not accepted yet; the old one no longer works.
///
/// # Errors
/// `Conflict` when they are not waiting for one.
pub fn invite_again(granted: &Granted<'_, UserInvite>, user: &At<Kind>) -> Result<String> {
    let rights = granted.read(|rows| teams::system_rights_of_user(rows, user.id()))?;
    granted.visitor().ask_to_give(&teams::only_administration(&rights))?;
    let token = secret::token();
    granted.write(|tx| {
        as_weak_as_before(tx, user.id(), &rights)?;
        let user = sql::by_id(tx, user.id())?;
        if user.state != State::Invited {
            return Err(Error::Conflict(format!("{} has accepted the invitation already.", user.display_name)));
        }
        store_invitation(tx, user.id.0, &token)?;
        tx.record(Event::new("Modified").name(user.id, &user.display_name).say(" was sent a new invitation"), ())
    })?;
    Ok(token)
}

/// Makes somebody who can sign in at once, with a password that is handed to them.
///
/// # Errors
/// `Invalid` for what is missing, taken or out of bounds.
pub fn create(granted: &Granted<'_, UserEdit>, fields: &Fields, password: &Secret) -> Result<User> {
    let company = granted.visitor().company();
    let about = [company.slug(), company.name(), &fields.display_name, &fields.email_address];
    check_choice(password, company.rules().password_min, &about)
        .map_err(|message| Error::invalid("Password", message))?;
    let hash = hash_password(password)?;
    granted.write(|tx| {
        let fields = check(tx, fields, None, false)?;
        let id = sql::insert(tx, &fields, State::Active, false, Some(&hash))?;
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
    granted.write(|tx| {
        let fields = check(tx, fields, None, true)?;
        let id = sql::insert(tx, &fields, State::Active, true, None)?;
        tx.access_changed()?;
        let event = Event::new("Created").say("Service account ").name(id, &fields.display_name).say(" was created");
        tx.record(event, sql::by_id(tx, id)?)
    })
}

/// Changes somebody's names and e-mail address.
///
/// # Errors
/// As [`create`]; `Denied` for an administrator when the visitor is none.
pub fn edit(granted: &Granted<'_, UserEdit>, user: &At<Kind>, fields: &Fields) -> Result<User> {
    let rights = may_touch(granted, user.id())?;
    granted.write(|tx| {
        as_weak_as_before(tx, user.id(), &rights)?;
        let before = sql::by_id(tx, user.id())?;
        let fields = check(tx, fields, Some(before.id), before.is_service)?;
        sql::update(tx, before.id, &fields)?;
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
        if before.state == State::Inactive {
            return tx.unchanged(began, before);
        }
        sql::set_state(tx, before.id, State::Inactive)?;
        tx.run("DELETE FROM sessions WHERE user_id = ?1", [before.id])?;
        teams::keep_an_administrator(tx)?;
        tx.access_changed()?;
        let event = Event::new("UserDeactivated").name(before.id, &before.display_name).say(" was deactivated");
        tx.record(event, sql::by_id(tx, before.id)?)
    })
}

/// Lets somebody in again. Who never accepted an invitation is invited again, not active.
///
/// # Errors
/// `Denied` for an administrator when the visitor is none.
pub fn reactivate(granted: &Granted<'_, UserEdit>, user: &At<Kind>) -> Result<User> {
    let rights = may_touch(granted, user.id())?;
    granted.write(|tx| {
        as_weak_as_before(tx, user.id(), &rights)?;
        let began = tx.changes();
        let before = sql::by_id(tx, user.id())?;
        if before.state != State::Inactive {
            return tx.unchanged(began, before);
        }
        if !before.is_service {
            standing::room_for_a_person(tx)?;
        }
        let ready = before.is_service || sql::has_password(tx, before.id)?;
        sql::set_state(tx, before.id, if ready { State::Active } else { State::Invited })?;
        tx.access_changed()?;
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
        tx.run("DELETE FROM users WHERE id = ?1", [gone.id])?;
        teams::keep_an_administrator(tx)?;
        tx.access_changed()?;
        tx.record(Event::new("Deleted").say("User ").name(gone.id, &gone.display_name).say(" was deleted"), ())
    })
}

/// Full administration of somebody else is touched only by who holds it. Gives what was looked at.
fn may_touch(
    granted: &Granted<'_, UserEdit>,
    user: Id<Kind>,
) -> Result<Vec<&'static super::access::permissions::Info>> {
    let rights = granted.read(|rows| teams::system_rights_of_user(rows, user))?;
    granted.visitor().ask_to_give(&teams::only_administration(&rights))?;
    Ok(rights)
}

/// Somebody who became an administrator since that was asked is not touched.
fn as_weak_as_before(
    rows: &Rows<'_>,
    user: Id<Kind>,
    before: &[&'static super::access::permissions::Info],
) -> Result<()> {
    let now = teams::only_administration(&teams::system_rights_of_user(rows, user)?);
    if now.len() == teams::only_administration(before).len() {
        return Ok(());
    }
    Err(Error::Conflict("Their rights changed meanwhile. Look at them again and repeat your change.".into()))
}

fn not_oneself(granted: &Granted<'_, UserEdit>, user: Id<Kind>, verb: &str) -> Result<()> {
    if granted.visitor().user() == Some(user) {
        return Err(Error::Conflict(format!("You cannot {verb} yourself. Ask another administrator.")));
    }
    Ok(())
}

fn check(rows: &Rows<'_>, fields: &Fields, this: Option<Id<Kind>>, service: bool) -> Result<Fields> {
    let mut wrong = Wrong::new();
    let display_name = wrong.check("DisplayName", names::name(&fields.display_name, 64)).unwrap_or_default();
    let none = service && fields.email_address.trim().is_empty();
    let email = match none {
        true => Ok(String::new()),
        false => names::visible(&fields.email_address).and_then(|email| names::email(&email)),
    };
    let email_address = wrong.check("EmailAddress", email).unwrap_or_default();
    let wish = fields.username.trim();
    let as_email = wish.is_empty() && !service || names::key(wish) == names::key(&email_address) && !none;
    let username = if as_email && email_address.chars().count() <= LONGEST_USERNAME {
        email_address.clone()
    } else if wish.is_empty() || as_email {
        let wish = names::slug_of(&display_name, if service { "service" } else { "person" });
        names::free(&wish, |word| sql::word_taken(rows, word, this))?
    } else {
        wrong
            .check("Username", names::visible(wish).and_then(|wish| names::name(&wish, LONGEST_USERNAME)))
            .unwrap_or_default()
    };
    // Somebody is found by either word, so neither may be a word of anybody else.
    for (field, word) in [("Username", &username), ("EmailAddress", &email_address)] {
        if !word.is_empty() && wrong.of("EmailAddress").is_none() && sql::word_taken(rows, word, this)? {
            wrong.add(field, format!("“{word}” belongs to somebody else already. Choose another."));
        }
    }
    wrong.finish()?;
    Ok(Fields { username, display_name, email_address })
}

#[cfg(test)]
mod tests;

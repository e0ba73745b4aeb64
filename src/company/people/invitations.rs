//! Invitations (`access-rules §9`): of a person, who then is *invited* until the link is used; and open ones, for whoever
//! has the code. Either is valid for 48 hours and works once. To invite needs the right to invite and, for each team, the
//! right to change it or its members; nobody invites to more than they hold themselves, which is stricter than Octopus Deploy.

use super::{Fields, Next, State, Step, User, as_much_as_before, as_weak_as_before, may_stand_in, sql};
use crate::{
    base::{
        clock::{self, Moment},
        error::{Error, Result},
        ids::{Id, Team, User as Kind},
        secret,
    },
    company::{
        access::{
            At, Event, Gifts, Granted, Rows, Within, Writing,
            admit::{INVITATION_LIFE, check_names, insert_account, store_invitation, store_open_invitation},
            permissions::{FileKeep, Info, TeamView, UserInvite},
        },
        post::{self, Letter, LetterKind},
        teams::{self, Joining, ScopedRole},
    },
};

/// What an invitation gave.
#[derive(Debug)]
pub struct Invited {
    /// Who was invited.
    pub user: User,
    /// The token of the link; shown once, valid 48 hours. Stored only as a hash.
    pub token: String,
    /// When it ends.
    pub until: Moment,
}

impl Invited {
    fn new(user: User, token: String) -> Invited {
        let until = user.created_at.plus(INVITATION_LIFE);
        Invited { user, token, until }
    }
}

/// An open invitation.
#[derive(Debug, Clone)]
pub struct Open {
    /// Its number.
    pub id: i64,
    /// Who invited.
    pub inviter: String,
    /// When it was made.
    pub created_at: Moment,
    /// When it ends.
    pub until: Moment,
    /// The teams it leads into, as far as whoever asks may see them.
    pub teams: Vec<(Id<Team>, String)>,
    /// So many more.
    pub hidden: usize,
}

/// What somebody will be able to do, from the roles of the teams they are invited into and of Everyone.
#[derive(Debug)]
pub struct Preview {
    /// Their roles, with the names of what the visitor may see.
    pub roles: Vec<(String, ScopedRole)>,
    /// So many more, in spaces that the visitor may not enter.
    pub hidden: usize,
}

/// Shows what an invitation into these teams will let somebody do. Changes nothing.
///
/// # Errors
/// As [`invite`], so that nothing is promised that cannot be given.
pub fn preview(granted: &Granted<'_, UserInvite>, into: &[Joining<'_>]) -> Result<Preview> {
    may_give(granted, into)?;
    let teams: Vec<Id<Team>> = into.iter().map(|team| team.team().id()).collect();
    let (roles, hidden) = teams::roles_to_come(granted, &teams)?;
    Ok(Preview { roles, hidden })
}

/// Invites somebody into teams; each team needs the right to change it. They choose their password by the link.
///
/// # Errors
/// `Invalid` for what is missing or taken; `Denied` for a team that holds what the visitor does not hold.
pub fn invite(granted: &Granted<'_, UserInvite>, into: &[Joining<'_>], fields: &Fields) -> Result<Invited> {
    let given = may_give(granted, into)?;
    let token = secret::token();
    let user = granted.write(|tx| {
        still_given(tx, into, &given)?;
        let user = write_down(tx, granted, fields, &token)?;
        let id = user.id;
        let mut event = Event::new("Created").name(id, &user.display_name).say(" was invited");
        for (n, team) in into.iter().enumerate() {
            let at = team.team();
            event = event.say(if n == 0 { " into " } else { ", " }).name(at.id(), &teams::join(tx, at.id(), id)?);
        }
        tx.access_changed()?;
        tx.record(event, user)
    })?;
    Ok(Invited::new(user, token))
}

/// Invites somebody inside a change that was granted for more than that; whoever calls it puts them into a team and tells
/// of it.
///
/// # Errors
/// `Invalid` for what is missing or taken; `Limit` when the company has as many people as it may have.
pub(in crate::company) fn invite_within(
    tx: &Writing<'_>,
    granted: &Granted<'_, UserInvite>,
    fields: &Fields,
) -> Result<Invited> {
    let token = secret::token();
    let made = write_down(tx, granted, fields, &token)?;
    sql::came_for_tenant(tx, made.id)?;
    Ok(Invited::new(made, token))
}

/// The account of somebody who is invited, the link, and the letter with it.
fn write_down(tx: &Writing<'_>, granted: &Granted<'_, UserInvite>, fields: &Fields, token: &str) -> Result<User> {
    let fields = check_names(tx, fields, None, false)?;
    let id = insert_account(tx, &fields, State::Invited.word(), false, None)?;
    store_invitation(tx, id.0, token)?;
    let user = sql::by_id(tx, id)?;
    write_letter(tx, granted, &user, token)?;
    Ok(user)
}

/// Makes an open invitation into teams: whoever has the code registers with it, under names of their own.
///
/// # Errors
/// As [`invite`].
pub fn invite_open(granted: &Granted<'_, UserInvite>, into: &[Joining<'_>]) -> Result<(String, Open)> {
    let given = may_give(granted, into)?;
    let token = secret::token();
    let made = granted.write(|tx| {
        still_given(tx, into, &given)?;
        let id = store_open_invitation(tx, &token)?;
        let mut event = Event::new("Created").say("An open invitation was made");
        for (n, team) in into.iter().enumerate() {
            let at = team.team();
            let name = teams::joinable(tx, at.id())?;
            sql::add_open_team(tx, id, at.id())?;
            event = event.say(if n == 0 { ": into " } else { ", " }).name(at.id(), &name);
        }
        let made = sql::open_invitations(tx)?.into_iter().find(|open| open.id == id);
        tx.record(event.detail("Invitation", id), made)
    })?;
    Ok((token, made.ok_or_else(|| Error::internal("an invitation that was made is not there"))?))
}

/// The open invitations that can still be used, the newest first.
pub fn list_open(granted: &Granted<'_, UserInvite>) -> Result<Vec<Open>> {
    let visitor = granted.visitor();
    let mut all = granted.read(sql::open_invitations)?;
    for one in &mut all {
        let before = one.teams.len();
        one.teams.retain(|(id, _)| {
            let team = visitor.locate::<Team>(Within::Company, &id.to_string());
            team.is_ok_and(|team| visitor.may(TeamView { team }))
        });
        one.hidden = before - one.teams.len();
    }
    Ok(all)
}

/// Takes an open invitation back: its code no longer works.
///
/// # Errors
/// `NotFound` for one that was used, has ended or never was.
pub fn revoke_open(granted: &Granted<'_, UserInvite>, id: i64) -> Result<()> {
    granted.write(|tx| {
        let gone = sql::open_invitations(tx)?.into_iter().find(|open| open.id == id);
        let gone = gone.ok_or_else(|| Error::NotFound("invitation".into()))?;
        tx.run("DELETE FROM open_invitations WHERE id = ?1", [id])?;
        let event = Event::new("Deleted").say("An open invitation of ").say(&gone.inviter).say(" was revoked");
        tx.record(event.detail("Invitation", id), ())
    })
}

/// Makes a new link for somebody who has not accepted yet; the old one no longer works.
///
/// # Errors
/// `Conflict` when they are not waiting for one; `Denied` for somebody who will hold what the visitor does not: whoever has
/// the link comes in as them.
pub fn invite_again(granted: &Granted<'_, UserInvite>, user: &At<Kind>) -> Result<Invited> {
    again(granted, user, true)
}

/// As [`invite_again`], to be handed over: no letter goes out, for where letters do not arrive.
///
/// # Errors
/// As [`invite_again`].
pub fn invite_again_by_hand(granted: &Granted<'_, UserInvite>, user: &At<Kind>) -> Result<Invited> {
    again(granted, user, false)
}

fn again(granted: &Granted<'_, UserInvite>, user: &At<Kind>, by_mail: bool) -> Result<Invited> {
    let held = may_stand_in(granted, user.id())?;
    let token = secret::token();
    let user = granted.write(|tx| {
        as_much_as_before(tx, user.id(), &held)?;
        let user = sql::by_id(tx, user.id())?;
        super::led(&user, Step::InviteAgain)?;
        store_invitation(tx, user.id.0, &token)?;
        match by_mail {
            true => write_letter(tx, granted, &user, &token)?,
            false => sql::drop_letters(tx, user.id)?,
        }
        tx.record(Event::new("Modified").name(user.id, &user.display_name).say(" was sent a new invitation"), user)
    })?;
    Ok(Invited { user, token, until: clock::now().plus(INVITATION_LIFE) })
}

/// Makes a new link for the first administrator, for the operator: only while nobody of the company has accepted an
/// invitation. The old link no longer works.
///
/// # Errors
/// `Conflict` when somebody has.
pub fn first_again(granted: &Granted<'_, FileKeep>) -> Result<String> {
    let token = secret::token();
    granted.write(|tx| {
        let (first, name) = sql::first_invited(tx)?.ok_or_else(|| {
            Error::Conflict("Somebody of this company has accepted an invitation already. Whoever manages its people invites others.".into())
        })?;
        store_invitation(tx, first.0, &token)?;
        sql::drop_letters(tx, first)?;
        tx.record(Event::new("Modified").name(first, &name).say(" was sent a new invitation"), ())
    })?;
    Ok(token)
}

/// Takes the invitation of somebody back who has not accepted yet: the link no longer works, the account goes.
///
/// # Errors
/// `Conflict` for somebody who has accepted, and for the only one who could administer the company.
pub fn revoke(granted: &Granted<'_, UserInvite>, user: &At<Kind>) -> Result<()> {
    let rights = may_touch(granted, user.id())?;
    granted.write(|tx| {
        as_weak_as_before(tx, user.id(), &rights)?;
        let gone = sql::by_id(tx, user.id())?;
        if gone.is_service || gone.state.next(Step::Revoke) != Next::Gone {
            super::led(&gone, Step::Revoke)?;
        }
        tx.run("DELETE FROM users WHERE id = ?1", [gone.id])?;
        teams::keep_an_administrator(tx)?;
        tx.access_changed()?;
        let event = Event::new("Deleted").say("The invitation of ").name(gone.id, &gone.display_name);
        tx.record(event.say(" was revoked"), ())
    })
}

/// When the present link of somebody who is invited ends; `None` without one that can be used.
pub fn ends(granted: &Granted<'_, UserInvite>, user: &At<Kind>) -> Result<Option<Moment>> {
    granted.read(|rows| sql::invitation_ends(rows, user.id()))
}

/// An invitation by mail that has not arrived.
#[derive(Debug, Clone)]
pub struct Undelivered {
    /// Whose.
    pub user: Id<Kind>,
    /// Whether it was given up; else it is tried again.
    pub given_up: bool,
    /// Why.
    pub problem: String,
}

/// The people whose latest invitation by mail has not arrived, as far as it is known.
pub fn undelivered(granted: &Granted<'_, UserInvite>) -> Result<Vec<Undelivered>> {
    granted.read(sql::undelivered)
}

/// The link by mail, where mail is set. A letter with an older link is not sent any more.
fn write_letter(tx: &Writing<'_>, granted: &Granted<'_, UserInvite>, user: &User, token: &str) -> Result<()> {
    let company = granted.visitor().company();
    sql::drop_letters(tx, user.id)?;
    let letter = Letter::new(LetterKind::Invitation, format!("Your invitation to {}", company.name()))
        .to_user(user.id.0)
        .until(clock::now().plus(INVITATION_LIFE))
        .say(&format!("{}, {} invites you to {}.", user.display_name, tx.actor_name(), company.name()))
        .say("Choose your password here. The link works once, for 48 hours:")
        .link(&format!("/{}/invitation/{token}", company.slug()))
        .say("If you do not know what this is about, leave it alone: nothing happens then.");
    post::send(tx, &user.email_address, &letter)
}

fn may_touch(granted: &Granted<'_, UserInvite>, user: Id<Kind>) -> Result<Vec<&'static Info>> {
    let rights = granted.read(|rows| teams::system_rights_of_user(rows, user))?;
    granted.visitor().ask_to_overrule(!teams::only_administration(&rights).is_empty())?;
    Ok(rights)
}

/// Whether the visitor may invite into each of these teams: nobody invites to more than they hold. Gives what was
/// looked at.
fn may_give(granted: &Granted<'_, UserInvite>, into: &[Joining<'_>]) -> Result<Gifts> {
    for team in into {
        team.whole()?;
    }
    let gifts = granted.read(|rows| gifts(rows, into))?;
    granted.visitor().ask_to_give(&gifts)?;
    Ok(gifts)
}

fn gifts(rows: &Rows<'_>, into: &[Joining<'_>]) -> Result<Gifts> {
    Gifts::of_newcomer(rows, &into.iter().map(|team| team.team().id().0).collect::<Vec<_>>())
}

/// Teams that became stronger since that was asked are not given.
fn still_given(rows: &Rows<'_>, into: &[Joining<'_>], given: &Gifts) -> Result<()> {
    if gifts(rows, into)? == *given {
        return Ok(());
    }
    Err(Error::Conflict("A team changed meanwhile. Look at it again and repeat the invitation.".into()))
}

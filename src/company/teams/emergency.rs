//! Teams for emergencies ("break-glass"): their members hold the team's roles only while an emergency of theirs lasts.
//! It is begun with a reason and a fresh proof, told to every administrator and to the trail, and ends by itself after at
//! most as many hours as the team allows; that is looked at with each request, so no clock has to ring for it.

pub use super::model::{Emergency, Standby};
use super::{model::Team, sql};
use crate::{
    base::{
        clock::{self, HOUR, Moment},
        error::{Error, Fields as Wrong, Result},
        ids::{Id, Team as Kind, User},
        names,
    },
    company::{
        access::{
            At, Event, Gifts, Granted, Myself, Proof, Recorded, Rows, Writing,
            outbox::administrators,
            permissions::{TeamEdit, TeamView, UserView},
        },
        post::{self, Letter, LetterKind},
    },
};

/// No emergency lasts longer, in hours.
pub const MOST_HOURS: i64 = 72;
/// A reason says something.
const LEAST_REASON: usize = 10;
/// So many are told of a team.
const TOLD: i64 = 50;

/// The teams for emergencies that one is in oneself.
pub fn own_standby(granted: &Granted<'_, Myself>) -> Result<Vec<Standby>> {
    let user = granted.what().user();
    granted.read(|rows| {
        let teams = sql::teams_of_user(rows, user)?.into_iter().filter(|team| team.emergency_hours.is_some());
        teams.map(|team| Ok(Standby { now: open(rows, team.id, user)?, team })).collect()
    })
}

/// The emergencies of a team, the newest first.
pub fn emergencies(granted: &Granted<'_, TeamView>) -> Result<Vec<Emergency>> {
    let visitor = granted.visitor();
    let named = visitor.may(UserView {});
    let mut all = granted.read(|rows| sql::emergencies(rows, granted.what().team.id(), TOLD))?;
    for one in all.iter_mut().filter(|one| !named && visitor.user() != Some(one.user)) {
        one.name = None;
    }
    Ok(all)
}

/// Uses a team for emergencies, for a reason, for so many hours (`None`: as many as the team allows). Every active
/// administrator of the company is told by mail.
///
/// # Errors
/// `NotFound` for a team for emergencies that one is not in, alike for what is none; `Invalid` for the reason and the
/// hours; `Conflict` while one lasts already; `PersonNeeded` for an API key; `ProofNeeded`.
pub fn begin(granted: &Granted<'_, Myself>, team: &At<Kind>, reason: &str, hours: Option<i64>) -> Result<Emergency> {
    let user = granted.what().user();
    let standby = own_standby(granted)?.into_iter().find(|one| one.team.id == team.id());
    let standby = standby.ok_or_else(|| Error::NotFound(team.id().to_string()))?;
    granted.in_person()?;
    let most = standby.team.emergency_hours.unwrap_or(1);
    let mut wrong = Wrong::new();
    let reason = wrong.check("Reason", names::text(reason, 1000)).unwrap_or_default();
    if wrong.is_empty() && reason.chars().count() < LEAST_REASON {
        wrong.add("Reason", "Say what for, in a few words: the administrators and the trail are told.");
    }
    let hours = hours.unwrap_or(most);
    if !(1..=most).contains(&hours) {
        wrong.add("Hours", format!("Choose 1 to {most} hours."));
    }
    wrong.finish()?;
    let id = granted.write_asking(Proof::Person, |tx| {
        let team = sql::by_id(tx, team.id())?;
        let still = sql::teams_of_user(tx, user)?.into_iter().any(|one| one.id == team.id);
        if team.emergency_hours != Some(most) || !still {
            return Err(super::meanwhile());
        }
        let now = clock::now();
        // One that is over and was not told of yet.
        for past in sql::emergencies_that_ended(tx, now, i64::MAX)? {
            if past.team == team.id && past.user == user {
                sql::end_emergency(tx, past.id, past.until)?;
                tx.also(ended(&past, &team, " ended by itself"))?;
            }
        }
        if open(tx, team.id, user)?.is_some() {
            return Err(Error::Conflict(format!("You use {} already. End that first to begin anew.", team.name)));
        }
        let until = now.plus(hours * HOUR);
        let id = sql::insert_emergency(tx, team.id, user, &reason, now, until)?;
        tx.access_changed()?;
        tell_administrators(tx, granted, &team, &reason, until)?;
        let event = Event::new("EmergencyBegan")
            .name(user, tx.actor_name())
            .say(" used team ")
            .name(team.id, &team.name)
            .say(" in an emergency: ")
            .say(&reason);
        let event = event.space(super::number(team.space)).detail("Reason", reason.as_str());
        tx.record(event.detail("Until", until.wire()), id)
    })?;
    granted
        .read(|rows| sql::emergency(rows, id))?
        .ok_or_else(|| Error::internal("an emergency that began is not there"))
}

/// Ends one's own emergency before its time, or (`None`) all of one's own. One that is over stays as it is.
///
/// # Errors
/// `NotFound` for one that is not one's own.
pub fn end_own(granted: &Granted<'_, Myself>, id: Option<i64>) -> Result<()> {
    let user = granted.what().user();
    granted.write_asking(Proof::Nothing, |tx| {
        let all = match id {
            Some(id) => vec![one_of(tx, id, |one| one.user == user)?],
            None => sql::open_emergencies(tx, None, Some(user))?,
        };
        end_early(tx, &all)
    })
}

/// Ends somebody's emergency before its time, or (`None`) all of the team.
///
/// # Errors
/// `NotFound` for one of another team.
pub fn end(granted: &Granted<'_, TeamEdit>, id: Option<i64>) -> Result<()> {
    super::whole(granted)?;
    let team = granted.what().team.team().id();
    granted.write(|tx| {
        let all = match id {
            Some(id) => vec![one_of(tx, id, |one| one.team == team)?],
            None => sql::open_emergencies(tx, Some(team), None)?,
        };
        end_early(tx, &all)
    })
}

fn one_of(rows: &Rows<'_>, id: i64, may: impl Fn(&Emergency) -> bool) -> Result<Emergency> {
    sql::emergency(rows, id)?.filter(may).ok_or_else(|| Error::NotFound(format!("Emergencies-{id}")))
}

fn end_early(tx: &Writing<'_>, all: &[Emergency]) -> Result<Recorded<()>> {
    let began = tx.changes();
    let mut last = None;
    for one in all.iter().filter(|one| one.lasts()) {
        let team = sql::by_id(tx, one.team)?;
        sql::end_emergency(tx, one.id, clock::now())?;
        if let Some(event) = last.replace(ended(one, &team, " ended before its time")) {
            tx.also(event)?;
        }
    }
    match last {
        Some(event) => {
            tx.access_changed()?;
            tx.record(event, ())
        }
        None => tx.unchanged(began, ()),
    }
}

/// The line of the trail for the end of an emergency.
pub(super) fn ended(one: &Emergency, team: &Team, words: &str) -> Event {
    let event = Event::new("EmergencyEnded")
        .say("The emergency for which ")
        .name(one.user, one.name.as_deref().unwrap_or("somebody"))
        .say(" used team ")
        .name(team.id, &team.name)
        .say(words);
    event.space(super::number(team.space)).detail("Reason", one.reason.as_str()).detail("Began", one.began_at.wire())
}

/// Makes a team one for emergencies, which its members use for at most so many hours at a time, or (`None`) an ordinary
/// one again: then its members hold its roles for good.
///
/// # Errors
/// `Invalid` for the hours; `Conflict` for a built-in team; `Denied` for an ordinary team again, and for one of
/// full administration, when the visitor does not hold what the team does; `ProofNeeded`.
pub fn set_emergency(granted: &Granted<'_, TeamEdit>, hours: Option<i64>) -> Result<Team> {
    super::whole(granted)?;
    granted.fresh()?;
    let id = granted.what().team.team().id();
    check_hours(hours)?;
    let (before, gifts) = granted.read(|rows| Ok((sql::by_id(rows, id)?, Gifts::of_teams(rows, &[id.0])?)))?;
    let widens = before.emergency_hours.is_some_and(|now| hours.is_none_or(|hours| hours > now));
    if widens {
        granted.visitor().ask_to_give(&gifts)?;
    }
    granted.visitor().ask_to_overrule(gifts.administers())?;
    granted.write(|tx| {
        let began = tx.changes();
        let team = sql::by_id(tx, id)?;
        if !team.is_own() {
            return Err(Error::Conflict(format!("{} is built in and is never one for emergencies.", team.name)));
        }
        if team.emergency_hours == hours {
            return tx.unchanged(began, team);
        }
        if team.emergency_hours != before.emergency_hours || Gifts::of_teams(tx, &[id.0])? != gifts {
            return Err(super::meanwhile());
        }
        sql::set_emergency_hours(tx, id, hours)?;
        if hours.is_none() {
            sql::end_emergencies(tx, id, None, clock::now())?;
        }
        tx.access_changed()?;
        let after = sql::by_id(tx, id)?;
        let words = match hours {
            Some(hours) => format!(" is for emergencies now, of at most {hours} hours each"),
            None => " is no longer for emergencies".into(),
        };
        let event = Event::new("Modified").say("Team ").name(id, &after.name).say(&words);
        tx.record(event.space(super::number(after.space)).difference(&team, &after), after)
    })
}

/// How long an emergency of a team may last.
pub(super) fn check_hours(hours: Option<i64>) -> Result<()> {
    if hours.is_some_and(|hours| !(1..=MOST_HOURS).contains(&hours)) {
        return Err(Error::invalid("EmergencyHours", format!("Choose 1 to {MOST_HOURS} hours, or none.")));
    }
    Ok(())
}

fn open(rows: &Rows<'_>, team: Id<Kind>, user: Id<User>) -> Result<Option<Emergency>> {
    Ok(sql::emergencies(rows, team, i64::MAX)?.into_iter().find(|one| one.user == user && one.lasts()))
}

fn tell_administrators(
    tx: &Writing<'_>,
    granted: &Granted<'_, Myself>,
    team: &Team,
    reason: &str,
    until: Moment,
) -> Result<()> {
    let company = granted.visitor().company();
    for (user, email) in administrators(tx)? {
        let letter = Letter::new(LetterKind::Notice, format!("{}: an emergency in {}", team.name, company.name()))
            .to_user(user)
            .say(&format!("{} uses the team {} in an emergency until {}.", tx.actor_name(), team.name, until.exact()))
            .say(&format!("The reason given: {reason}"))
            .say("What is done meanwhile stands in the trail. You can end it on the team's page:")
            .link(&format!("/{}/access/teams/{}", company.slug(), team.id));
        post::send(tx, &email, &letter)?;
    }
    Ok(())
}

//! `/api/access/review`: who may do what, when they last did, and that somebody looked it through.

use super::file;
use crate::{
    api::{
        caller::{Ask, Reply},
        resource::{self, wire},
        wire::{self as typed, All, Collection, Created, Json, Query, Sent},
    },
    base::{
        clock::{self, Moment},
        error::Result,
        ids,
    },
    company::{
        access::{
            Granted,
            permissions::{List, TeamView, UserEdit, UserRoleView, UserView},
        },
        answers::{self, Access, Proofs, Reviewed, Show, SignOff},
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which people.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::api) struct ReviewQuery {
    /// unused, no-factor, inactive, ending or administration; left out: everybody.
    show: String,
    /// Part of a name or an e-mail address.
    filter: String,
}

/// A page of people, and numbers of all.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct ReviewPage {
    #[serde(flatten)]
    #[schema(inline)]
    page: Collection<ReviewedPerson>,
    counts: ReviewCounts,
}

/// Numbers for the head of the review.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct ReviewCounts {
    people: usize,
    with_unused_permissions: usize,
    without_second_factor: usize,
    inactive: usize,
    ending: usize,
    can_give_access: usize,
}

/// Somebody, looked at.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct ReviewedPerson {
    user_id: String,
    name: String,
    username: String,
    email_address: String,
    state: String,
    is_service: bool,
    has_second_factor: bool,
    last_seen: Option<String>,
    /// Not seen for 90 days, and can still come in.
    is_inactive: bool,
    can_give_access: bool,
    /// How many different ones they hold.
    permissions: usize,
    /// Those that were not used in 90 days.
    not_used: Vec<&'static str>,
    access: Vec<ReviewedAccess>,
    /// What would take unused ones away, in words.
    suggestions: Vec<String>,
}

/// A role that somebody has through a team.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct ReviewedAccess {
    team_id: String,
    scoped_user_role_id: String,
    team_name: String,
    user_role_name: String,
    /// In words; empty: the company as a whole.
    r#where: String,
    expires_at: Option<String>,
    permissions: usize,
    /// A day.
    last_used: Option<String>,
    not_used: Vec<&'static str>,
}

/// A review that was signed off.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::api) struct ReviewSignOff {
    #[schema(read_only)]
    signed_off: String,
    #[schema(read_only)]
    signed_off_by: String,
    note: String,
    #[schema(read_only)]
    people: i64,
    #[schema(read_only)]
    people_with_unused_permissions: i64,
}

fn reviewing<T>(ask: &Ask, work: impl FnOnce(&Proofs<'_, '_>) -> Result<T>) -> Result<T> {
    let visitor = ask.visitor()?;
    let people: Granted<'_, UserView> = visitor.ask(UserView {})?;
    let roles = visitor.ask(UserRoleView {})?;
    let teams = visitor.ask(List::<TeamView>::system())?;
    work(&Proofs { people: &people, roles: &roles, teams: &teams })
}

fn draw_access(access: &Access) -> ReviewedAccess {
    ReviewedAccess {
        team_id: wire::<ids::Team>(access.team),
        scoped_user_role_id: wire::<ids::ScopedUserRole>(access.assignment),
        team_name: access.through.0.clone(),
        user_role_name: access.through.1.clone(),
        r#where: access.place.clone(),
        expires_at: access.until.map(Moment::wire),
        permissions: access.rights,
        last_used: access.last_used.map(clock::day_of),
        not_used: access.unused.clone(),
    }
}

fn draw(one: &Reviewed) -> ReviewedPerson {
    ReviewedPerson {
        user_id: wire::<ids::User>(one.who.id),
        name: one.who.name.clone(),
        username: one.username.clone(),
        email_address: one.email.clone(),
        state: one.state.clone(),
        is_service: one.who.is_service,
        has_second_factor: one.has_second_factor,
        last_seen: one.last_seen_at.map(Moment::wire),
        is_inactive: one.is_idle,
        can_give_access: one.administers,
        permissions: one.rights,
        not_used: one.unused.clone(),
        access: one.access.iter().map(draw_access).collect(),
        suggestions: one.removals.iter().map(|removal| removal.words(&one.who.name)).collect(),
    }
}

/// Who may do what and when they last did: a page of people.
pub(in crate::api) fn review(ask: &Ask, query: Query<ReviewQuery>) -> Result<Json<ReviewPage>> {
    let own = format!("{}/access/review", resource::api(ask));
    let show = Show::of(&query.show);
    let (listed, counts) = reviewing(ask, |proofs| answers::review(proofs, show, &query.filter, ask.page()))?;
    Ok(Json(ReviewPage {
        page: typed::collection(ask, &query, &own, "AccessReview", listed, ask.page(), draw),
        counts: ReviewCounts {
            people: counts.people,
            with_unused_permissions: counts.unused,
            without_second_factor: counts.no_factor,
            inactive: counts.idle,
            ending: counts.ending,
            can_give_access: counts.administer,
        },
    }))
}

/// All of it as a table.
pub(in crate::api) fn export(ask: &Ask) -> Result<Reply> {
    let bytes = reviewing(ask, answers::csv)?;
    file("text/csv; charset=utf-8", &format!("access-{}.csv", ask.company()?.slug()), bytes)
}

fn draw_sign_off(one: SignOff) -> ReviewSignOff {
    ReviewSignOff {
        signed_off: one.at.wire(),
        signed_off_by: one.reviewer,
        note: one.note,
        people: one.people,
        people_with_unused_permissions: one.unused,
    }
}

/// The last reviews that were signed off.
pub(in crate::api) fn sign_offs(ask: &Ask) -> Result<All<ReviewSignOff>> {
    let all = reviewing(ask, |proofs| answers::sign_offs(proofs.people))?;
    Ok(All(all.into_iter().map(draw_sign_off).collect()))
}

/// Signs the review off.
pub(in crate::api) fn sign_off(ask: &Ask, Sent(sent): Sent<ReviewSignOff>) -> Result<Created<ReviewSignOff>> {
    let granted = ask.visitor()?.ask(UserEdit {})?;
    let made = reviewing(ask, |proofs| answers::sign_off(&granted, proofs, &sent.note))?;
    Ok(Created(draw_sign_off(made)))
}

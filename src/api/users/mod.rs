//! `/api/users`: people, service accounts, their keys and teams.

pub(super) mod accounts;
pub(super) mod invitations;
pub(super) mod keys;

use super::{
    answers::{self as access, AccessPreviewQuery, MemberTeam, Previewed, WantedQuery},
    caller::Ask,
    resource,
    wire::{self, All, Collection, Created, Done, Json, Links, NoList, Query, Sent},
};
use crate::{
    base::{
        clock::Moment,
        error::{Error, Fields as Wrong, Result},
        ids::{self, Id},
        paging::Page,
        secret::Secret,
    },
    company::{
        access::{
            At, Visitor, Within,
            permissions::{UserEdit, UserRoleView, UserView},
        },
        answers,
        people::{self, Fields, Filter, State, User, own},
        teams,
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A person or a service account on the wire.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct UserResource {
    #[schema(read_only)]
    id: String,
    /// What they sign in with beside the e-mail address. Empty: the e-mail address.
    username: String,
    display_name: String,
    email_address: String,
    /// Left out: as it is. Somebody new is active.
    is_active: Option<bool>,
    /// A service account. Said when it is made, and for good.
    is_service: Option<bool>,
    /// Of a new person: what they sign in with. Never answered.
    #[schema(write_only)]
    #[serde(skip_serializing_if = "untold")]
    password: String,
    identities: NoList,
    #[schema(read_only)]
    is_customer: bool,
    /// Invited, Active or Inactive.
    #[schema(read_only)]
    state: String,
    #[schema(read_only)]
    has_second_factor: bool,
    #[schema(read_only)]
    can_password_be_edited: bool,
    /// Whether it is who asks.
    #[schema(read_only)]
    is_requestor: bool,
    #[schema(read_only)]
    last_seen: Option<String>,
    #[schema(read_only)]
    created: String,
    #[schema(read_only)]
    links: Links,
}

/// What comes in and never goes out.
fn untold(_: &str) -> bool {
    true
}

/// Which people.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct UserQuery {
    ids: Option<Vec<String>>,
    /// Part of the name, the username or the e-mail address.
    filter: String,
    /// As filter.
    partial_name: String,
    /// As filter.
    name: String,
}

/// A space that somebody may enter.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UserSpace {
    id: String,
    name: String,
    slug: String,
    is_default: bool,
}

fn word(state: State) -> String {
    let word = match state {
        State::Invited => "Invited",
        State::Active => "Active",
        State::Inactive => "Inactive",
    };
    word.to_owned()
}

fn draw(ask: &Ask, user: &User) -> UserResource {
    let own = format!("{}/users/{}", resource::api(ask), user.id);
    let visitor = ask.somebody();
    let me = visitor.and_then(Visitor::user) == Some(user.id);
    let mut links = Links::of(
        &own,
        &[
            ("Permissions", "/permissions"),
            ("PermissionsConfiguration", "/permissions/configuration"),
            ("Spaces", "/spaces"),
            ("Teams", "/teams{?spaces,includeSystem}"),
        ],
    );
    // A person's keys are told to nobody else but the operator.
    if me || user.is_service || visitor.is_some_and(|visitor| visitor.company().is_operators()) {
        links = links.and("ApiKeys", format!("{own}/apikeys{{/id}}{{?skip,take}}"));
    }
    UserResource {
        id: user.id.to_string(),
        username: user.username.clone(),
        display_name: user.display_name.clone(),
        email_address: user.email_address.clone(),
        is_active: Some(user.state == State::Active),
        is_service: Some(user.is_service),
        is_customer: user.is_customer,
        state: word(user.state),
        has_second_factor: user.has_second_factor,
        can_password_be_edited: !user.is_service,
        is_requestor: me,
        last_seen: user.last_seen_at.map(Moment::wire),
        created: user.created_at.wire(),
        links,
        ..UserResource::default()
    }
}

pub(super) fn is_me(ask: &Ask, text: &str) -> Result<bool> {
    let user = ask.visitor()?.user();
    Ok(user.is_some() && (text.eq_ignore_ascii_case("me") || Id::<ids::User>::parse(text) == user))
}

/// The user of the path, when it is not oneself.
fn other(ask: &Ask) -> Result<At<ids::User>> {
    ask.visitor()?.locate(Within::Company, ask.parameter("id"))
}

fn filter(query: &UserQuery) -> Filter {
    let text = [&query.filter, &query.partial_name, &query.name].into_iter().find(|text| !text.is_empty());
    Filter {
        text: text.cloned().unwrap_or_default(),
        ids: query.ids.as_deref().map(wire::numbers::<ids::User>),
        ..Filter::default()
    }
}

/// A page of them.
pub(super) fn list(ask: &Ask, query: Query<UserQuery>) -> Result<Collection<UserResource>> {
    let granted = ask.visitor()?.ask(UserView {})?;
    let own = format!("{}/users", resource::api(ask));
    let listed = people::list(&granted, &filter(&query), ask.page())?;
    Ok(wire::collection(ask, &query, &own, "User", listed, ask.page(), |user| draw(ask, user)))
}

/// All of them, as a bare array.
pub(super) fn all(ask: &Ask, query: Query<UserQuery>) -> Result<All<UserResource>> {
    let granted = ask.visitor()?.ask(UserView {})?;
    let listed = people::list(&granted, &filter(&query), Page::ALL)?;
    Ok(All(listed.items.iter().map(|user| draw(ask, user)).collect()))
}

/// Oneself.
pub(super) fn me(ask: &Ask) -> Result<Json<UserResource>> {
    Ok(Json(draw(ask, &own::profile(&ask.visitor()?.myself()?)?)))
}

/// Oneself, as somebody who has just signed in.
pub(super) fn draw_of(ask: &Ask, visitor: &Visitor) -> Result<UserResource> {
    Ok(draw(ask, &own::profile(&visitor.myself()?)?))
}

/// One. Oneself needs no permission.
pub(super) fn show(ask: &Ask) -> Result<Json<UserResource>> {
    if is_me(ask, ask.parameter("id"))? {
        return me(ask);
    }
    let granted = ask.visitor()?.ask(UserView {})?;
    Ok(Json(draw(ask, &people::show(&granted, &other(ask)?)?)))
}

/// That the user of the path is oneself, or somebody whom one may see.
pub(super) fn seen(ask: &Ask) -> Result<()> {
    if !is_me(ask, ask.parameter("id"))? {
        people::show(&ask.visitor()?.ask(UserView {})?, &other(ask)?)?;
    }
    Ok(())
}

impl UserResource {
    fn fields(&self) -> Fields {
        Fields {
            username: self.username.clone(),
            display_name: self.display_name.clone(),
            email_address: self.email_address.clone(),
        }
    }
}

/// Makes a person with a password, or a service account.
pub(super) fn create(ask: &Ask, Sent(sent): Sent<UserResource>) -> Result<Created<UserResource>> {
    let visitor = ask.visitor()?;
    let granted = visitor.ask(UserEdit {})?;
    let made = match sent.is_service {
        Some(true) if !sent.password.is_empty() => {
            let words = "A service account has no password: it comes with API keys. Leave this out.";
            return Err(Error::invalid("Password", words));
        }
        Some(true) => people::create_service_account(&granted, &sent.fields())?,
        _ => people::create(&granted, &sent.fields(), &Secret::new(sent.password.clone()))?,
    };
    // Whoever is made to come in later.
    let made = match sent.is_active {
        Some(false) => people::deactivate(&granted, &visitor.locate(Within::Company, &made.id.to_string())?)?,
        _ => made,
    };
    Ok(Created(draw(ask, &made)))
}

/// What does not change by sending the account back.
fn stays(sent: &UserResource, present: &User) -> Result<()> {
    let mut wrong = Wrong::new();
    if sent.is_service.is_some_and(|service| service != present.is_service) {
        wrong.add("IsService", "A person stays a person, and a service account one. Make a new account instead.");
    }
    if !sent.password.is_empty() {
        wrong.add("Password", "People choose their password themselves: send them a link to choose a new one.");
    }
    wrong.finish()
}

/// Changes names and address; `IsActive` shuts out and lets in again.
pub(super) fn update(
    ask: &Ask,
    query: Query<AccessPreviewQuery>,
    Sent(sent): Sent<UserResource>,
) -> Result<Previewed<Json<UserResource>>> {
    let visitor = ask.visitor()?;
    let (granted, user) = (visitor.ask(UserEdit {})?, located(ask)?);
    let before = people::show(&visitor.ask(UserView {})?, &user)?;
    stays(&sent, &before)?;
    if sent.is_active == Some(false) && before.state == State::Active && visitor.user() == Some(before.id) {
        return Err(Error::invalid("IsActive", "You cannot deactivate yourself. Ask another administrator."));
    }
    let save = || {
        let saved = people::edit(&granted, &user, &sent.fields())?;
        match sent.is_active {
            Some(false) if before.state == State::Active => people::deactivate(&granted, &user),
            Some(true) if before.state != State::Active => people::reactivate(&granted, &user),
            _ => Ok(saved),
        }
    };
    access::change(ask, &query, save, |saved| Ok(Json(draw(ask, &saved))))
}

/// Deletes one.
pub(super) fn delete(ask: &Ask, query: Query<AccessPreviewQuery>) -> Result<Previewed<Done>> {
    let granted = ask.visitor()?.ask(UserEdit {})?;
    let user = located(ask)?;
    access::change(ask, &query, || people::delete(&granted, &user), |()| Ok(Done))
}

/// The user of the path, oneself by `me` too.
fn located(ask: &Ask) -> Result<At<ids::User>> {
    match ask.visitor()?.user() {
        Some(me) if is_me(ask, ask.parameter("id"))? => ask.visitor()?.locate(Within::Company, &me.to_string()),
        _ => other(ask),
    }
}

/// The teams of a user that the caller may see; of one's own, all. `spaces` and `includeSystem` leave some out.
pub(super) fn teams(ask: &Ask, query: Query<WantedQuery>) -> Result<All<MemberTeam>> {
    let visitor = ask.visitor()?;
    let wanted = query.wanted(ask)?;
    let mut found = if is_me(ask, ask.parameter("id"))? {
        teams::own_teams(&visitor.myself()?)?
    } else {
        let granted = visitor.ask(UserView {})?;
        answers::teams_of(&granted, &other(ask)?, &wanted)?.0
    };
    found.retain(|team| wanted.has(team.space.map(|space| space.0)));
    let own = format!("{}/teams", resource::api(ask));
    Ok(All(found.iter().map(|team| MemberTeam::of(team, &own)).collect()))
}

/// The spaces one may enter oneself; of others those that the caller may enter too.
pub(super) fn spaces(ask: &Ask) -> Result<All<UserSpace>> {
    let visitor = ask.visitor()?;
    let mut spaces = visitor.spaces()?;
    if !is_me(ask, ask.parameter("id"))? {
        visitor.ask(UserView {})?;
        let (roles, _) = teams::roles_of_user(&visitor.ask(UserRoleView {})?, &other(ask)?)?;
        spaces.retain(|space| roles.iter().any(|role| role.space == Some(space.id) && !role.has_ended()));
    }
    let drawn = spaces.into_iter().map(|space| UserSpace {
        id: space.id.to_string(),
        name: space.name,
        slug: space.slug,
        is_default: space.is_default,
    });
    Ok(All(drawn.collect()))
}

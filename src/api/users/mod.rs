//! `/api/users`: people, service accounts, their keys and teams.

pub(super) mod accounts;
pub(super) mod invitations;
pub(super) mod keys;

use super::{
    caller::{Ask, Reply},
    resource,
};
use crate::{
    base::{
        clock::Moment,
        error::Result,
        ids::{self, Id},
        paging::Page,
        secret::Secret,
    },
    company::{
        access::{
            At, Within,
            permissions::{UserEdit, UserRoleView, UserView},
        },
        answers,
        people::{self, Fields, Filter, State, User, own},
        teams,
    },
};
use serde_json::{Value, json};

fn draw(ask: &Ask, user: &User) -> Value {
    let own = format!("{}/users/{}", resource::api(ask), user.id);
    let me = ask.somebody().and_then(|visitor| visitor.user()) == Some(user.id);
    json!({
        "Id": user.id.to_string(), "Username": user.username, "DisplayName": user.display_name,
        "IsActive": user.state == State::Active, "IsService": user.is_service, "EmailAddress": user.email_address,
        "IsCustomer": user.is_customer, "State": user.state, "HasSecondFactor": user.has_second_factor, "Identities": [], "CanPasswordBeEdited": !user.is_service,
        "IsRequestor": me, "LastSeen": user.last_seen_at.map(Moment::wire), "Created": user.created_at.wire(),
        "Links": resource::links(&own, &[
            ("ApiKeys", "/apikeys{/id}{?skip,take}"), ("Permissions", "/permissions"),
            ("PermissionsConfiguration", "/permissions/configuration"), ("Spaces", "/spaces"),
            ("Teams", "/teams{?spaces,includeSystem}"),
        ]),
    })
}

fn is_me(ask: &Ask, text: &str) -> Result<bool> {
    let user = ask.visitor()?.user();
    Ok(user.is_some() && (text.eq_ignore_ascii_case("me") || Id::<ids::User>::parse(text) == user))
}

/// The user of the path, when it is not oneself.
fn other(ask: &Ask) -> Result<At<ids::User>> {
    ask.visitor()?.locate(Within::Company, ask.parameter("id"))
}

fn filter(ask: &Ask) -> Filter {
    let text = ["filter", "partialName", "name"].iter().find_map(|name| ask.asked(name)).unwrap_or_default();
    Filter { text: text.to_owned(), ids: ask.asked_ids::<ids::User>("ids"), ..Filter::default() }
}

/// A page of them.
pub(super) fn list(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(UserView {})?;
    let own = format!("{}/users", resource::api(ask));
    let listed = people::list(&granted, &filter(ask), ask.page())?;
    resource::collection(ask, &own, "User", listed, ask.page(), "skip,take,ids,filter", |user| draw(ask, user))
}

/// All of them, as a bare array.
pub(super) fn all(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(UserView {})?;
    resource::bare(&people::list(&granted, &filter(ask), Page::ALL)?.items, |user| draw(ask, user))
}

/// Oneself.
pub(super) fn me(ask: &Ask) -> Result<Reply> {
    Reply::ok(draw(ask, &own::profile(&ask.visitor()?.myself()?)?))
}

/// Oneself, as somebody who has just signed in.
pub(super) fn draw_of(ask: &Ask, visitor: &crate::company::access::Visitor) -> Result<Value> {
    Ok(draw(ask, &own::profile(&visitor.myself()?)?))
}

/// One. Oneself needs no permission.
pub(super) fn show(ask: &Ask) -> Result<Reply> {
    if is_me(ask, ask.parameter("id"))? {
        return me(ask);
    }
    let granted = ask.visitor()?.ask(UserView {})?;
    Reply::ok(draw(ask, &people::show(&granted, &other(ask)?)?))
}

/// That the user of the path is oneself, or somebody whom one may see.
pub(super) fn seen(ask: &Ask) -> Result<()> {
    if !is_me(ask, ask.parameter("id"))? {
        people::show(&ask.visitor()?.ask(UserView {})?, &other(ask)?)?;
    }
    Ok(())
}

fn fields(ask: &Ask) -> Fields {
    Fields {
        username: ask.body.text("Username"),
        display_name: ask.body.text("DisplayName"),
        email_address: ask.body.text("EmailAddress"),
    }
}

/// Makes a person with a password, or a service account.
pub(super) fn create(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(UserEdit {})?;
    let made = if ask.body.bool("IsService") {
        people::create_service_account(&granted, &fields(ask))?
    } else {
        people::create(&granted, &fields(ask), &Secret::new(ask.body.text("Password")))?
    };
    Reply::created(draw(ask, &made))
}

/// Changes names and address; `IsActive` shuts out and lets in again.
pub(super) fn update(ask: &Ask) -> Result<Reply> {
    let visitor = ask.visitor()?;
    let (granted, user) = (visitor.ask(UserEdit {})?, located(ask)?);
    let before = people::show(&visitor.ask(UserView {})?, &user)?;
    let save = || {
        let saved = people::edit(&granted, &user, &fields(ask))?;
        match ask.body.has("IsActive").then(|| ask.body.bool("IsActive")) {
            Some(false) if before.state == State::Active => people::deactivate(&granted, &user),
            Some(true) if before.state == State::Inactive => people::reactivate(&granted, &user),
            _ => Ok(saved),
        }
    };
    super::answers::previewed(ask, save, |saved| Reply::ok(draw(ask, &saved)))
}

/// Deletes one.
pub(super) fn delete(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(UserEdit {})?;
    let user = located(ask)?;
    super::answers::previewed(ask, || people::delete(&granted, &user), |()| Reply::done())
}

/// The user of the path, oneself by `me` too.
fn located(ask: &Ask) -> Result<At<ids::User>> {
    match ask.visitor()?.user() {
        Some(me) if is_me(ask, ask.parameter("id"))? => ask.visitor()?.locate(Within::Company, &me.to_string()),
        _ => other(ask),
    }
}

/// The teams of a user that the caller may see; of one's own, all. `spaces` and `includeSystem` leave some out.
pub(super) fn teams(ask: &Ask) -> Result<Reply> {
    let visitor = ask.visitor()?;
    let wanted = super::answers::wanted(ask)?;
    let mut found = if is_me(ask, ask.parameter("id"))? {
        teams::own_teams(&visitor.myself()?)?
    } else {
        let granted = visitor.ask(UserView {})?;
        answers::teams_of(&granted, &other(ask)?, &wanted)?.0
    };
    found.retain(|team| wanted.has(team.space.map(|space| space.0)));
    let own = format!("{}/teams", resource::api(ask));
    Reply::ok(found.iter().map(|team| super::answers::team(team, &own)).collect())
}

/// The spaces one may enter oneself; of others those that the caller may enter too.
pub(super) fn spaces(ask: &Ask) -> Result<Reply> {
    let visitor = ask.visitor()?;
    let mut spaces = visitor.spaces()?;
    if !is_me(ask, ask.parameter("id"))? {
        visitor.ask(UserView {})?;
        let (roles, _) = teams::roles_of_user(&visitor.ask(UserRoleView {})?, &other(ask)?)?;
        spaces.retain(|space| roles.iter().any(|role| role.space == Some(space.id) && !role.has_ended()));
    }
    let drawn = spaces.iter().map(|space| {
        json!({ "Id": space.id.to_string(), "Name": space.name, "Slug": space.slug, "IsDefault": space.is_default })
    });
    Reply::ok(Value::Array(drawn.collect()))
}

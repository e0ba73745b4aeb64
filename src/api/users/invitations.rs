//! `/api/users/invitations` and `/api/users/register`: how people come in.

use super::fields;
use crate::{
    api::{
        caller::{Ask, Reply},
        resource,
    },
    base::{
        error::{Error, Result},
        ids,
        paging::Listed,
        secret::Secret,
    },
    company::{
        access::{At, Within, admit, permissions::UserInvite},
        answers,
        people::invitations::{self as people, Open},
        teams,
    },
};
use serde_json::{Value, json};

fn into<'v>(ask: &'v Ask) -> Result<Vec<teams::Joining<'v>>> {
    let visitor = ask.visitor()?;
    let mut into = Vec::new();
    for text in ask.body.texts("AddToTeamIds") {
        let team: At<ids::Team> = match visitor.locate(Within::Company, &text) {
            Err(Error::NotFound(_)) => return Err(Error::invalid("AddToTeamIds", format!("There is no team {text}."))),
            other => other?,
        };
        into.push(teams::Joining::ask(visitor, &team)?);
    }
    Ok(into)
}

fn draw_open(ask: &Ask, open: &Open) -> Value {
    let id = format!("Invitations-{}", open.id);
    let own = format!("{}/users/invitations/{id}", resource::api(ask));
    let teams: Vec<String> = open.teams.iter().map(|(team, _)| team.to_string()).collect();
    json!({
        "Id": id, "InvitationCode": null, "Expires": open.until.wire(), "Created": open.created_at.wire(),
        "InvitedBy": open.inviter, "AddToTeamIds": teams, "Links": resource::links(&own, &[]),
    })
}

/// Invites into teams: with a name and an e-mail address that person, without them whoever has the code.
pub(in crate::api) fn create(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(UserInvite {})?;
    let into = into(ask)?;
    if !ask.body.has("DisplayName") && !ask.body.has("EmailAddress") && !ask.body.has("Username") {
        if crate::api::answers::is_preview(ask) {
            return crate::api::answers::told(&answers::preview_open(&granted, &into)?);
        }
        let (code, open) = people::invite_open(&granted, &into)?;
        let mut drawn = draw_open(ask, &open);
        drawn["InvitationCode"] = json!(code);
        return Reply::created(drawn);
    }
    let company = ask.company()?.slug().to_owned();
    crate::api::answers::previewed(
        ask,
        || people::invite(&granted, &into, &fields(ask)),
        |made| {
            Reply::created(json!({
                "Id": made.user.id.to_string(), "UserId": made.user.id.to_string(), "InvitationCode": made.token,
                "Expires": made.until.wire(), "AddToTeamIds": ask.body.texts("AddToTeamIds"),
                "Links": { "Web": format!("/{company}/invitation/{}", made.token) },
            }))
        },
    )
}

/// What an invitation into these teams would let somebody do.
pub(in crate::api) fn preview(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(UserInvite {})?;
    let preview = people::preview(&granted, &into(ask)?)?;
    let roles = preview.roles.iter().map(|(team, role)| {
        let words = teams::summary(role);
        let names = |infos: &[&crate::company::access::permissions::Info]| -> Vec<&'static str> {
            infos.iter().map(|info| info.name).collect()
        };
        json!({
            "TeamId": role.team.to_string(), "TeamName": team, "UserRoleId": role.role_wire_id(), "UserRoleName": role.role_name,
            "SpaceId": role.space.map(|space| space.to_string()), "May": words.can, "Where": words.place,
            "SystemPermissions": names(&role.permissions.system), "SpacePermissions": names(&role.permissions.space),
        })
    });
    Reply::ok(json!({ "Roles": roles.collect::<Vec<Value>>(), "IsComplete": preview.hidden == 0 }))
}

/// The open invitations that can still be used.
pub(in crate::api) fn list(ask: &Ask) -> Result<Reply> {
    let all = people::list_open(&ask.visitor()?.ask(UserInvite {})?)?;
    let own = format!("{}/users/invitations", resource::api(ask));
    let page = ask.page();
    resource::collection(ask, &own, "Invitation", Listed::from_all(page, all), page, "skip,take", |open| {
        draw_open(ask, open)
    })
}

/// Takes an invitation back: an open one, or that of a person who has not accepted yet.
pub(in crate::api) fn revoke(ask: &Ask) -> Result<Reply> {
    let visitor = ask.visitor()?;
    let granted = visitor.ask(UserInvite {})?;
    let text = ask.parameter("id");
    match text.rsplit_once('-') {
        Some((kind, number)) if kind.eq_ignore_ascii_case("Invitations") => {
            let id = number.parse().map_err(|_| Error::NotFound(text.to_owned()))?;
            crate::api::answers::previewed(ask, || people::revoke_open(&granted, id), |()| Reply::done())
        }
        _ => {
            let user = visitor.locate(Within::Company, text)?;
            crate::api::answers::previewed(ask, || people::revoke(&granted, &user), |()| Reply::done())
        }
    }
}

/// Sends somebody who has not accepted yet a new link; the old one no longer works.
pub(in crate::api) fn again(ask: &Ask) -> Result<Reply> {
    let visitor = ask.visitor()?;
    let granted = visitor.ask(UserInvite {})?;
    let made = people::invite_again(&granted, &visitor.locate(Within::Company, ask.parameter("id"))?)?;
    Reply::ok(json!({
        "Id": made.user.id.to_string(), "UserId": made.user.id.to_string(), "InvitationCode": made.token,
        "Expires": made.until.wire(), "Links": { "Web": format!("/{}/invitation/{}", ask.company()?.slug(), made.token) },
    }))
}

/// Registers with the code of an invitation.
pub(in crate::api) fn register(ask: &Ask) -> Result<Reply> {
    let code = ask.body.text("InvitationCode");
    let password = Secret::new(ask.body.text("Password"));
    let made = match ask.known_company() {
        Some(company) => admit::register(company, &code, &fields(ask), &password, &ask.call.from),
        None => Err(Error::NotFound("invitation".into())),
    };
    let made = match made {
        Err(Error::NotFound(_)) => {
            return Err(Error::invalid(
                "InvitationCode",
                "This invitation cannot be used: it was used or revoked, or it has ended. Ask for a new one.",
            ));
        }
        other => other?,
    };
    Reply::created(json!({
        "Id": made.id.to_string(), "Username": made.names.username, "DisplayName": made.names.display_name,
        "EmailAddress": made.names.email_address, "IsActive": true, "IsService": false, "IsRequestor": true,
        "Links": { "Self": format!("{}/users/{}", resource::api(ask), made.id), "SignIn": format!("/{}/login", ask.company()?.slug()) },
    }))
}

//! `/api/users/invitations` and `/api/users/register`: how people come in.

use crate::{
    api::{
        answers::{self as access, AccessPreviewQuery, Previewed},
        caller::Ask,
        resource,
        wire::{self, Collection, Created, Done, Json, Links, Query, Sent, refer},
    },
    base::{
        error::{Error, Result},
        ids,
        paging::Listed,
        secret::Secret,
    },
    company::{
        access::{
            At, Within, admit,
            permissions::{Info, UserInvite},
        },
        answers,
        people::{
            Fields,
            invitations::{self as people, Invited, Open},
        },
        teams,
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An invitation on the wire: of a person, or an open one for whoever has its code.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::api) struct InvitationResource {
    #[schema(read_only)]
    id: String,
    /// Who is invited; not of an open one.
    #[schema(read_only)]
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    /// Told once, by the answer that made it.
    #[schema(read_only)]
    invitation_code: Option<String>,
    /// Set by the server, 48 hours ahead.
    expires: String,
    #[schema(read_only)]
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<String>,
    #[schema(read_only)]
    #[serde(skip_serializing_if = "Option::is_none")]
    invited_by: Option<String>,
    /// The teams that whoever accepts is put into.
    #[serde(skip_serializing_if = "Option::is_none")]
    add_to_team_ids: Option<Vec<refer::Team>>,
    /// With a name or an address a person is invited, without them whoever has the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_address: Option<String>,
    #[schema(read_only)]
    links: Links,
}

/// What an invitation would let somebody do.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct InvitationPreview {
    roles: Vec<RoleToCome>,
    is_complete: bool,
}

/// A role that somebody who accepts will have.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct RoleToCome {
    team_id: String,
    team_name: String,
    user_role_id: String,
    user_role_name: String,
    space_id: Option<String>,
    /// What it allows, in words.
    may: String,
    /// Where, in words.
    r#where: String,
    system_permissions: Vec<&'static str>,
    space_permissions: Vec<&'static str>,
}

/// What somebody registers with.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::api) struct Registration {
    invitation_code: String,
    username: String,
    display_name: String,
    email_address: String,
    #[schema(write_only)]
    password: String,
}

/// Somebody who has registered.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct Registered {
    id: String,
    username: String,
    display_name: String,
    email_address: String,
    is_active: bool,
    is_service: bool,
    is_requestor: bool,
    links: Links,
}

fn into<'v>(ask: &'v Ask, named: &[refer::Team]) -> Result<Vec<teams::Joining<'v>>> {
    let visitor = ask.visitor()?;
    let mut into = Vec::new();
    for text in named.iter().map(refer::Team::text) {
        let team: At<ids::Team> = match visitor.named(Within::Company, text) {
            Err(Error::NotFound(_)) => return Err(Error::invalid("AddToTeamIds", format!("There is no team {text}."))),
            other => other?,
        };
        into.push(teams::Joining::ask(visitor, &team)?);
    }
    Ok(into)
}

fn draw_open(ask: &Ask, open: &Open, code: Option<String>) -> InvitationResource {
    let id = format!("Invitations-{}", open.id);
    let own = format!("{}/users/invitations/{id}", resource::api(ask));
    InvitationResource {
        id,
        invitation_code: code,
        expires: open.until.wire(),
        created: Some(open.created_at.wire()),
        invited_by: Some(open.inviter.clone()),
        add_to_team_ids: Some(open.teams.iter().map(|(team, _)| refer::Team::from(*team)).collect()),
        links: Links::of(&own, &[]),
        ..InvitationResource::default()
    }
}

fn draw_personal(ask: &Ask, made: Invited, teams: Option<Vec<refer::Team>>) -> Result<InvitationResource> {
    let web = format!("{}/invitation/{}", ask.base(), made.token);
    Ok(InvitationResource {
        id: made.user.id.to_string(),
        user_id: Some(made.user.id.to_string()),
        invitation_code: Some(made.token),
        expires: made.until.wire(),
        add_to_team_ids: teams,
        links: Links::default().and("Web", web),
        ..InvitationResource::default()
    })
}

impl InvitationResource {
    fn names(&self) -> Fields {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Fields {
            username: text(&self.username),
            display_name: text(&self.display_name),
            email_address: text(&self.email_address),
        }
    }
    /// An invitation ends when the server says; clients send the first moment of their calendar for "unknown".
    fn without_an_end(&self) -> Result<()> {
        let unknown = self.expires.trim().is_empty() || self.expires.trim().starts_with("0001-01-01");
        let words = "An invitation ends 48 hours after it was made. Leave this out.";
        if unknown { Ok(()) } else { Err(Error::invalid("Expires", words)) }
    }
}

/// Invites into teams: with a name and an e-mail address that person, without them whoever has the code.
pub(in crate::api) fn create(
    ask: &Ask,
    query: Query<AccessPreviewQuery>,
    Sent(mut sent): Sent<InvitationResource>,
) -> Result<Previewed<Created<InvitationResource>>> {
    let granted = ask.visitor()?.ask(UserInvite {})?;
    sent.without_an_end()?;
    let teams = sent.add_to_team_ids.take().unwrap_or_default();
    let into = into(ask, &teams)?;
    if sent.display_name.is_none() && sent.email_address.is_none() && sent.username.is_none() {
        if query.preview {
            return access::told(&answers::preview_open(&granted, &into)?);
        }
        let (code, open) = people::invite_open(&granted, &into)?;
        return Ok(Previewed::Made(Created(draw_open(ask, &open, Some(code)))));
    }
    access::change(
        ask,
        &query,
        || people::invite(&granted, &into, &sent.names()),
        |made| Ok(Created(draw_personal(ask, made, Some(teams))?)),
    )
}

/// What an invitation into these teams would let somebody do.
pub(in crate::api) fn preview(ask: &Ask, Sent(sent): Sent<InvitationResource>) -> Result<Json<InvitationPreview>> {
    let granted = ask.visitor()?.ask(UserInvite {})?;
    let preview = people::preview(&granted, &into(ask, sent.add_to_team_ids.as_deref().unwrap_or_default())?)?;
    let names = |infos: &[&'static Info]| infos.iter().map(|info| info.name).collect();
    let roles = preview.roles.iter().map(|(team, role)| {
        let words = teams::summary(role);
        RoleToCome {
            team_id: role.team.to_string(),
            team_name: team.clone(),
            user_role_id: role.role_wire_id(),
            user_role_name: role.role_name.clone(),
            space_id: role.space.map(|space| space.to_string()),
            may: words.can,
            r#where: words.place,
            system_permissions: names(&role.permissions.system),
            space_permissions: names(&role.permissions.space),
        }
    });
    Ok(Json(InvitationPreview { roles: roles.collect(), is_complete: preview.hidden == 0 }))
}

/// The open invitations that can still be used.
pub(in crate::api) fn list(ask: &Ask, query: Query<resource::Paged>) -> Result<Collection<InvitationResource>> {
    let all = people::list_open(&ask.visitor()?.ask(UserInvite {})?)?;
    let own = format!("{}/users/invitations", resource::api(ask));
    let page = ask.page();
    let listed = Listed::from_all(page, all);
    Ok(wire::collection(ask, &query, &own, "Invitation", listed, page, |open| draw_open(ask, open, None)))
}

/// One that is open.
pub(in crate::api) fn show(ask: &Ask) -> Result<Json<InvitationResource>> {
    let missing = || Error::NotFound(ask.parameter("id").to_owned());
    let all = people::list_open(&ask.visitor()?.ask(UserInvite {})?)?;
    let found = all.iter().find(|open| format!("Invitations-{}", open.id).eq_ignore_ascii_case(ask.parameter("id")));
    Ok(Json(draw_open(ask, found.ok_or_else(missing)?, None)))
}

/// Takes an invitation back: an open one, or that of a person who has not accepted yet.
pub(in crate::api) fn revoke(ask: &Ask, query: Query<AccessPreviewQuery>) -> Result<Previewed<Done>> {
    let visitor = ask.visitor()?;
    let granted = visitor.ask(UserInvite {})?;
    let text = ask.parameter("id");
    match text.rsplit_once('-') {
        Some((kind, number)) if kind.eq_ignore_ascii_case("Invitations") => {
            let id = number.parse().map_err(|_| Error::NotFound(text.to_owned()))?;
            access::change(ask, &query, || people::revoke_open(&granted, id), |()| Ok(Done))
        }
        _ => {
            let user = visitor.locate(Within::Company, text)?;
            access::change(ask, &query, || people::revoke(&granted, &user), |()| Ok(Done))
        }
    }
}

/// Sends somebody who has not accepted yet a new link; the old one no longer works.
pub(in crate::api) fn again(ask: &Ask) -> Result<Json<InvitationResource>> {
    let visitor = ask.visitor()?;
    let granted = visitor.ask(UserInvite {})?;
    let made = people::invite_again(&granted, &visitor.locate(Within::Company, ask.parameter("id"))?)?;
    Ok(Json(draw_personal(ask, made, None)?))
}

/// Registers with the code of an invitation.
pub(in crate::api) fn register(ask: &Ask, Sent(sent): Sent<Registration>) -> Result<Created<Registered>> {
    let password = Secret::new(sent.password);
    let fields = Fields { username: sent.username, display_name: sent.display_name, email_address: sent.email_address };
    let made = match ask.known_company() {
        Some(company) => admit::register(company, &sent.invitation_code, &fields, &password, &ask.call.from),
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
    let own = format!("{}/users/{}", resource::api(ask), made.id);
    Ok(Created(Registered {
        id: made.id.to_string(),
        username: made.names.username,
        display_name: made.names.display_name,
        email_address: made.names.email_address,
        is_active: true,
        is_service: false,
        is_requestor: true,
        links: Links::of(&own, &[]).and("SignIn", format!("{}/login", ask.base())),
    }))
}

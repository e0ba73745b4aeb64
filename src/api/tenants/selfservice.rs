//! `/api/{space}/tenants/{id}/selfservice`: a tenant's own people.

use super::located;
use crate::{
    api::{
        answers::{self as access, AccessPreviewQuery, Previewed},
        caller::Ask,
        wire::{Json, Links, Made, Query, Sent},
    },
    base::{error::Result, ids::Id},
    company::{
        access::permissions::TenantView,
        tenants::selfservice::{self, Given},
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The tenant's own people, and what their role lets them do.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct SelfServiceResource {
    tenant_id: String,
    team_id: Option<String>,
    team_name: Option<String>,
    user_role_id: String,
    space_permissions: Vec<&'static str>,
    member_count: usize,
    /// Those whose names the caller may see.
    members: Vec<SelfServiceMember>,
}

/// One of a tenant's own people.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct SelfServiceMember {
    user_id: String,
    display_name: Option<String>,
    username: Option<String>,
    is_active: bool,
}

/// Who is given access to the tenant.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::api) struct SelfServiceAccess {
    /// Each perhaps as `Jo Doe <jo@contoso.example>`.
    email_addresses: Vec<String>,
}

/// What was given.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct SelfServiceGiven {
    tenant_id: String,
    team_id: String,
    team_name: String,
    /// To whoever was not in the company.
    invitations: Vec<SelfServiceInvitation>,
    /// Whoever was.
    joined: Vec<SelfServiceJoined>,
}

/// An invitation of one of a tenant's own people; its code is told once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct SelfServiceInvitation {
    user_id: String,
    email_address: String,
    invitation_code: String,
    expires: String,
    links: Links,
}

/// Somebody who has joined.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct SelfServiceJoined {
    user_id: String,
    display_name: String,
}

/// The tenant's own people, and what their role lets them do; names as far as one may see them.
pub(in crate::api) fn show(ask: &Ask) -> Result<Json<SelfServiceResource>> {
    let at = located(ask)?;
    let present = selfservice::present(&ask.visitor()?.ask(TenantView { tenant: at.clone() })?)?;
    let member_count = present.members.len();
    let members = present.members.into_iter().filter(|member| member.name.is_some()).map(|member| SelfServiceMember {
        user_id: member.id.to_string(),
        display_name: member.name,
        username: member.username,
        is_active: member.is_active,
    });
    Ok(Json(SelfServiceResource {
        tenant_id: at.id().to_string(),
        team_id: present.team.as_ref().map(|(id, _)| id.to_string()),
        team_name: present.team.map(|(_, name)| name),
        user_role_id: present.role,
        space_permissions: present.rights.iter().map(|info| info.name).collect(),
        member_count,
        members: members.collect(),
    }))
}

/// Gives people access to this tenant alone: the team, its role and the invitations in one step.
pub(in crate::api) fn give(
    ask: &Ask,
    query: Query<AccessPreviewQuery>,
    Sent(sent): Sent<SelfServiceAccess>,
) -> Result<Previewed<Made<SelfServiceGiven>>> {
    let at = located(ask)?;
    let permit = selfservice::ask(ask.visitor()?, &ask.space()?, &at)?;
    let command = || selfservice::give(&permit, &sent.email_addresses);
    access::change(ask, &query, command, |given| Ok(draw(ask, at.id(), given)))
}

fn draw(ask: &Ask, tenant: Id<crate::base::ids::Tenant>, given: Given) -> Made<SelfServiceGiven> {
    let base = ask.base();
    let invitations = given.invited.into_iter().map(|one| SelfServiceInvitation {
        user_id: one.user.id.to_string(),
        email_address: one.user.email_address,
        expires: one.until.wire(),
        links: Links::default().and("Web", format!("{base}/invitation/{}", one.token)),
        invitation_code: one.token,
    });
    let joined = given.joined.into_iter();
    let drawn = SelfServiceGiven {
        tenant_id: tenant.to_string(),
        team_id: given.team.to_string(),
        team_name: given.name,
        invitations: invitations.collect(),
        joined: joined
            .map(|(user, display_name)| SelfServiceJoined { user_id: user.to_string(), display_name })
            .collect(),
    };
    if given.is_new { Made::New(drawn) } else { Made::Known(drawn) }
}

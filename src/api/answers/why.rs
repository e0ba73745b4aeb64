//! `/api/access/why` and `/api/access/who`.

use crate::{
    api::{
        caller::Ask,
        resource::{self, wire},
        users::is_me,
        wire::{self as typed, Collection, Json, Query},
    },
    base::{
        clock::Moment,
        error::{Error, Result},
        ids,
        paging::Listed,
    },
    company::{
        access::{
            At, Locate, Spot, Within,
            permissions::{Info, UserView, in_roles, named},
            policy::{Dimension, Grant},
        },
        answers::{self, Line, Names, Where},
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is asked about, and where; what is left out means anywhere.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::api) struct AccessQuery {
    /// The permission, such as DeploymentCreate.
    permission: String,
    /// The space by id or name; left out: the company as a whole.
    space: String,
    /// A project group by id or name.
    project_group: String,
    /// A project by id or name.
    project: String,
    /// An environment by id or name.
    environment: String,
    /// A tenant by id or name; none: work for no tenant.
    tenant: String,
    /// A runbook by id, or in its project by name.
    runbook: String,
    /// Why: whom it is about, by id, name or e-mail address; left out: oneself.
    user: String,
    /// Who: part of the name.
    filter: String,
}

/// Why somebody may or may not.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct AccessExplained {
    user_id: String,
    name: String,
    permission: &'static str,
    allowed: bool,
    can_sign_in: bool,
    /// Those that allow first, then the nearest misses.
    grants: Vec<GrantExplained>,
    /// So many more in spaces that whoever asks may not enter.
    hidden_grants: usize,
}

/// A grant, and whether it allows.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct GrantExplained {
    #[serde(flatten)]
    through: AccessThrough,
    allows: bool,
    refused_by: Option<String>,
    reason: Option<String>,
}

/// A team's role that gives something, as far as it may be seen.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct AccessThrough {
    team_id: Option<String>,
    team_name: Option<String>,
    user_role_id: Option<String>,
    user_role_name: Option<String>,
    scoped_user_role_id: Option<String>,
    space_id: Option<String>,
    expires_at: Option<String>,
    /// By name; null: not limited.
    project_groups: Option<Vec<String>>,
    projects: Option<Vec<String>>,
    environments: Option<Vec<String>>,
    tenants: Option<Vec<String>>,
    runbooks: Option<Vec<String>>,
}

/// Somebody who may.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct PermissionHolder {
    user_id: String,
    name: String,
    is_service: bool,
    through: Vec<AccessThrough>,
}

fn permission(ask: &Ask, query: &AccessQuery) -> Result<&'static Info> {
    let here = |info: &&'static Info| {
        in_roles(ask.company().is_ok_and(|company| company.is_operators())).any(|one| one.key == info.key)
    };
    named(query.permission.trim()).filter(here).ok_or_else(|| {
        Error::invalid("permission", "Name a permission, such as DeploymentCreate; /api/permissions/all lists them.")
    })
}

/// The place that is asked about: each by id or, in its space, by name; `tenant=none` is work for no tenant.
fn spot(ask: &Ask, query: &AccessQuery, info: &Info) -> Result<Spot> {
    let visitor = ask.visitor()?;
    let given = |text: &'_ String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    if answers::is_system(info) {
        return Ok(Spot::default());
    }
    let Some(space) = given(&query.space) else {
        if info.at_system() {
            return Ok(Spot::default());
        }
        return Err(Error::invalid("space", "This permission is held in a space. Say in which."));
    };
    let space = visitor.locate_space(&space)?;
    fn one<T: Locate>(ask: &Ask, space: &At<ids::Space>, text: Option<String>) -> Result<Option<At<T>>> {
        text.map(|text| ask.visitor()?.named::<T>(space, &text)).transpose()
    }
    let project: Option<At<ids::Project>> = one(ask, &space, given(&query.project))?;
    let runbook = match (given(&query.runbook), &project) {
        (Some(text), Some(project)) => Some(visitor.named::<ids::Runbook>(project, &text)?),
        (text, None) => one(ask, &space, text)?,
        (None, _) => None,
    };
    let tenant = given(&query.tenant);
    let untenanted = tenant.as_deref().is_some_and(|text| text.eq_ignore_ascii_case("none"));
    Spot {
        group: one(ask, &space, given(&query.project_group))?,
        environment: one(ask, &space, given(&query.environment))?,
        tenant: one(ask, &space, tenant.filter(|_| !untenanted))?,
        untenanted,
        project,
        runbook,
        space: Some(space),
    }
    .seen_by(visitor)
}

fn through(names: &Names, line: &Line) -> AccessThrough {
    let limit = |dimension| match names.limit(&line.grant, line.permission, dimension) {
        Where::Unrelated | Where::All => None,
        Where::Only(ids) => Some(ids.into_iter().filter_map(|(_, name)| name).collect()),
    };
    let Grant { team, role, space, until, .. } = &line.grant;
    let (team, role) = (names.team(*team), names.role(*role));
    AccessThrough {
        scoped_user_role_id: (line.assignment > 0 && team.is_some())
            .then(|| wire::<ids::ScopedUserRole>(line.assignment)),
        team_id: team.map(|(wire, _)| wire.to_owned()),
        team_name: team.map(|(_, name)| name.to_owned()),
        user_role_id: role.map(|(wire, _)| wire.to_owned()),
        user_role_name: role.map(|(_, name)| name.to_owned()),
        space_id: space.map(wire::<ids::Space>),
        expires_at: until.map(Moment::wire),
        project_groups: limit(Dimension::Group),
        projects: limit(Dimension::Project),
        environments: limit(Dimension::Environment),
        tenants: limit(Dimension::Tenant),
        runbooks: limit(Dimension::Runbook),
    }
}

/// Why somebody may or may not do something somewhere.
pub(in crate::api) fn why(ask: &Ask, query: Query<AccessQuery>) -> Result<Json<AccessExplained>> {
    let visitor = ask.visitor()?;
    let user = query.user.trim();
    let mine = user.is_empty() || is_me(ask, user)?;
    let granted = if mine { None } else { Some(visitor.ask(UserView {})?) };
    let info = permission(ask, &query)?;
    let spot = spot(ask, &query, info)?;
    let found = match &granted {
        None => answers::why_me(&visitor.myself()?, info, &spot)?,
        Some(granted) => answers::why(granted, &visitor.named(Within::Company, user)?, info, &spot)?,
    };
    let asked = spot.space.as_ref().map(|space| space.id().0);
    let grants = found.verdicts.iter().map(|verdict| GrantExplained {
        through: through(&found.names, &verdict.line),
        allows: verdict.answer.is_ok(),
        refused_by: verdict.answer.err().map(|reason| answers::refusal_wire(reason).to_owned()),
        reason: verdict.answer.err().map(|reason| answers::refusal_words(reason, &verdict.line, &found.names, asked)),
    });
    Ok(Json(AccessExplained {
        user_id: found.user.to_string(),
        grants: grants.collect(),
        name: found.name.clone(),
        permission: info.name,
        allowed: found.allowed,
        can_sign_in: found.is_active,
        hidden_grants: found.hidden,
    }))
}

/// Who may do something somewhere.
pub(in crate::api) fn who(ask: &Ask, query: Query<AccessQuery>) -> Result<Collection<PermissionHolder>> {
    let granted = ask.visitor()?.ask(UserView {})?;
    let info = permission(ask, &query)?;
    let spot = spot(ask, &query, info)?;
    let found = answers::who(&granted, info, &spot, &query.filter)?;
    let own = format!("{}/access/who", resource::api(ask));
    let listed = Listed::from_all(ask.page(), found.holders);
    Ok(typed::collection(ask, &query, &own, "PermissionHolder", listed, ask.page(), |(one, lines)| PermissionHolder {
        user_id: wire::<ids::User>(one.id),
        name: one.name.clone(),
        is_service: one.is_service,
        through: lines.iter().map(|line| through(&found.names, line)).collect(),
    }))
}

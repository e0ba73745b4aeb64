//! Answers about access: test permissions (`access-rules §8`); [`why`] and who; what a change would do ([`preview`]); the
//! [`review`].

mod preview;
pub(super) mod review;
pub(super) mod why;

pub(super) use preview::{AccessPreviewQuery, Previewed, change, told};

use super::{
    caller::{Ask, Reply},
    resource::{self, wire},
    users::is_me,
    wire::{self as typed, Json, Links, NoList, Query},
};
use crate::{
    base::{
        error::Result,
        ids::{self, Kind},
    },
    company::{
        access::{At, Within, permissions::UserView, policy::Dimension},
        answers::{self, Chart, Line, Wanted, Where},
        teams,
    },
    http::download::Download,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Of which levels something is asked.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct WantedQuery {
    /// Only these spaces.
    spaces: Vec<String>,
    /// false: without the company as a whole.
    include_system: Option<bool>,
}

impl WantedQuery {
    /// The levels, or the space of the path.
    pub(super) fn wanted(&self, ask: &Ask) -> Result<Wanted> {
        wanted(ask, &self.spaces, self.include_system)
    }
}

/// `spaces`, `includeSystem`, or the space of the path.
pub(super) fn wanted(ask: &Ask, spaces: &[String], include_system: Option<bool>) -> Result<Wanted> {
    let spaces = match ask.parameter("space") {
        "" => Some(typed::numbers::<ids::Space>(spaces)).filter(|asked| !asked.is_empty()),
        _ => Some(vec![ask.space()?.id().0]),
    };
    Ok(Wanted { spaces, without_system: include_system == Some(false) })
}

/// A team that somebody is in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MemberTeam {
    id: String,
    name: String,
    space_id: Option<String>,
    is_directly_assigned: bool,
    external_group_names: NoList,
    links: Links,
}

impl MemberTeam {
    /// Of a team; `own` is the address of the teams.
    pub(super) fn of(team: &teams::Team, own: &str) -> MemberTeam {
        MemberTeam {
            id: team.wire_id(),
            name: team.name.clone(),
            space_id: team.space.map(|space| space.to_string()),
            is_directly_assigned: team.has_members(),
            external_group_names: NoList::default(),
            links: Links::of(format!("{own}/{}", team.wire_id()), &[]),
        }
    }
}

/// What a user may do.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UserPermissions {
    id: String,
    system_permissions: Vec<&'static str>,
    /// By permission: where, grant by grant.
    space_permissions: BTreeMap<String, Vec<PermissionPlace>>,
    teams: Vec<MemberTeam>,
    is_permissions_complete: bool,
    is_teams_complete: bool,
    is_narrowed_by_key: bool,
    links: Links,
}

/// Where a permission is held: ids, or `projects-all` and `projects-unrelated` and their like.
#[derive(PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PermissionPlace {
    space_id: String,
    restricted_to_project_ids: Vec<String>,
    restricted_to_project_group_ids: Vec<String>,
    restricted_to_environment_ids: Vec<String>,
    restricted_to_tenant_ids: Vec<String>,
    restricted_to_runbook_ids: Vec<String>,
}

/// A file that is made at once.
fn file(kind: &'static str, name: &str, bytes: Vec<u8>) -> Result<Reply> {
    let mut whole = Some(bytes);
    Reply::file(Download::new(kind, name, Box::new(move || Ok(whole.take()))))
}

fn chart(ask: &Ask, query: &WantedQuery) -> Result<Chart> {
    let visitor = ask.visitor()?;
    let wanted = query.wanted(ask)?;
    if is_me(ask, ask.parameter("id"))? {
        return answers::own(&visitor.myself()?, &wanted);
    }
    let granted = visitor.ask(UserView {})?;
    let user: At<ids::User> = visitor.locate(Within::Company, ask.parameter("id"))?;
    answers::of(&granted, &user, &wanted)
}

/// What a user may do, grant by grant, as the wire tells it.
pub(super) fn permissions(ask: &Ask, query: Query<WantedQuery>) -> Result<Json<UserPermissions>> {
    let chart = chart(ask, &query)?;
    let system = chart.lines.iter().filter(|line| line.grant.space.is_none());
    let mut system: Vec<&str> = system.map(|line| line.permission.name).collect();
    system.sort_unstable();
    system.dedup();
    let mut in_space: BTreeMap<String, Vec<PermissionPlace>> = BTreeMap::new();
    for line in &chart.lines {
        let Some(space) = line.grant.space else { continue };
        let places = in_space.entry(line.permission.name.to_owned()).or_default();
        let place = restriction(&chart, line, space);
        if !places.contains(&place) {
            places.push(place);
        }
    }
    let api = resource::api(ask);
    let (own, teams) = (format!("{api}/users/{}/permissions", chart.user), format!("{api}/teams"));
    Ok(Json(UserPermissions {
        id: chart.user.to_string(),
        system_permissions: system,
        space_permissions: in_space,
        teams: chart.teams.iter().map(|team| MemberTeam::of(team, &teams)).collect(),
        is_permissions_complete: chart.is_complete,
        is_teams_complete: chart.is_teams_complete,
        is_narrowed_by_key: chart.is_narrowed,
        links: Links::of(&own, &[("Export", "/export{?spaces,includeSystem}")]),
    }))
}

/// The same as a table, one line a grant.
pub(super) fn export(ask: &Ask, query: Query<WantedQuery>) -> Result<Reply> {
    let chart = chart(ask, &query)?;
    file("text/csv; charset=utf-8", &format!("permissions-{}.csv", chart.user), chart.csv()?)
}

fn restriction(chart: &Chart, line: &Line, space: i64) -> PermissionPlace {
    fn told<T: Kind>(limit: Where, own: bool, word: &str) -> Vec<String> {
        match limit {
            Where::Unrelated => vec![format!("{word}-unrelated")],
            Where::All => vec![format!("{word}-all")],
            Where::Only(ids) => {
                ids.iter().filter(|(_, name)| own || name.is_some()).map(|(id, _)| wire::<T>(*id)).collect()
            }
        }
    }
    let limit = |dimension| chart.names.limit(&line.grant, line.permission, dimension);
    // A project group stands for its projects too.
    let projects = match (limit(Dimension::Project), chart.projects(line)) {
        (Where::Unrelated, _) => vec!["projects-unrelated".to_owned()],
        (_, None) => vec!["projects-all".to_owned()],
        (_, Some(ids)) => ids.into_iter().map(wire::<ids::Project>).collect(),
    };
    PermissionPlace {
        space_id: wire::<ids::Space>(space),
        restricted_to_project_ids: projects,
        restricted_to_project_group_ids: told::<ids::ProjectGroup>(
            limit(Dimension::Group),
            chart.is_own,
            "projectgroups",
        ),
        restricted_to_environment_ids: told::<ids::Environment>(
            limit(Dimension::Environment),
            chart.is_own,
            "environments",
        ),
        restricted_to_tenant_ids: told::<ids::Tenant>(limit(Dimension::Tenant), chart.is_own, "tenants"),
        restricted_to_runbook_ids: told::<ids::Runbook>(limit(Dimension::Runbook), chart.is_own, "runbooks"),
    }
}

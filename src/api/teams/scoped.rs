//! `/api/scopeduserroles` and `/api/teams/{id}/scopeduserroles`: roles of teams, with their scope.

use super::{located, named};
use crate::{
    api::{
        answers::{self as access, AccessPreviewQuery, Previewed},
        caller::Ask,
        resource,
        wire::{self, Collection, Created, Done, Json, Links, Query, Ref, Sent, refer},
    },
    base::{
        clock::Moment,
        error::{Error, Result},
        ids::{self, Id, Kind},
        paging::Listed,
    },
    company::{
        access::{
            At, Granted, Within,
            permissions::{List, TeamEdit, TeamView},
        },
        answers::Wanted,
        teams::{self, Limited, ScopedFields, ScopedRole, Team},
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A role of a team on the wire.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::api) struct ScopedUserRoleResource {
    #[schema(read_only)]
    id: String,
    /// Its team, for good.
    team_id: refer::Team,
    user_role_id: refer::UserRole,
    /// The space that its space permissions hold in.
    space_id: Option<refer::Space>,
    project_group_ids: Vec<refer::ProjectGroup>,
    project_ids: Vec<refer::Project>,
    environment_ids: Vec<refer::Environment>,
    tenant_ids: Vec<refer::Tenant>,
    runbook_ids: Vec<refer::Runbook>,
    /// When it ends by itself.
    expires_at: Option<String>,
    #[schema(read_only)]
    links: Links,
}

/// Which roles of teams.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::api) struct ScopedUserRoleQuery {
    ids: Option<Vec<String>>,
    /// Part of the name of the team or of the user role.
    partial_name: String,
    /// Only those that hold in these spaces.
    spaces: Vec<String>,
    /// Whether those outside all spaces are wanted; below a space only when they are.
    include_system: Option<bool>,
}

fn draw(ask: &Ask, team: &Team, role: &ScopedRole) -> ScopedUserRoleResource {
    fn ids<T: Kind>(limits: &[Limited]) -> Vec<Ref<T>> {
        limits.iter().map(|one| Ref::from(Id::<T>::new(one.id))).collect()
    }
    let own = format!("{}/scopeduserroles/{}", resource::api(ask), role.id);
    ScopedUserRoleResource {
        id: role.id.to_string(),
        team_id: Ref::of(team.wire_id()),
        user_role_id: Ref::of(role.role_wire_id()),
        space_id: role.space.map(Ref::from),
        project_group_ids: ids(&role.scope.groups),
        project_ids: ids(&role.scope.projects),
        environment_ids: ids(&role.scope.environments),
        tenant_ids: ids(&role.scope.tenants),
        runbook_ids: ids(&role.scope.runbooks),
        expires_at: role.until.map(Moment::wire),
        links: Links::of(&own, &[]),
    }
}

/// The roles of one team.
pub(in crate::api) fn of_team(ask: &Ask, query: Query<resource::Paged>) -> Result<Collection<ScopedUserRoleResource>> {
    let granted = ask.visitor()?.ask(TeamView { team: located(ask)? })?;
    let (team, all, page) = (teams::show(&granted)?, teams::roles_of(&granted)?, ask.page());
    let own = format!("{}/teams/{}/scopeduserroles", resource::api(ask), team.wire_id());
    let listed = Listed::from_all(page, all);
    Ok(wire::collection(ask, &query, &own, "ScopedUserRole", listed, page, |role| draw(ask, &team, role)))
}

/// The roles of all teams that the caller may see.
pub(in crate::api) fn list(ask: &Ask, query: Query<ScopedUserRoleQuery>) -> Result<Collection<ScopedUserRoleResource>> {
    let (own, wanted) = match ask.parameter("space") {
        "" => (resource::api(ask), access::wanted(ask, &query.spaces, query.include_system)?),
        _ => {
            let space = ask.space()?.id().0;
            let without_system = query.include_system != Some(true);
            (resource::space_api(ask, space), Wanted { spaces: Some(vec![space]), without_system })
        }
    };
    let mut all = teams::roles_in(&ask.visitor()?.ask_anywhere::<TeamView>(None)?)?;
    let ids = query.ids.as_deref().map(wire::numbers::<ids::ScopedUserRole>);
    let part = query.partial_name.trim().to_lowercase();
    let named = |name: &str| name.to_lowercase().contains(&part);
    all.retain(|(team, role)| {
        (named(&team.name) || named(&role.role_name))
            && wanted.has(role.space.map(|space| space.0))
            && ids.as_ref().is_none_or(|ids| ids.contains(&role.id.0))
    });
    let (own, page) = (format!("{own}/scopeduserroles"), ask.page());
    let listed = Listed::from_all(page, all);
    Ok(wire::collection(ask, &query, &own, "ScopedUserRole", listed, page, |(team, role)| draw(ask, team, role)))
}

/// The team that has the role of the path, and the role.
fn located_role(ask: &Ask) -> Result<(At<ids::Team>, ScopedRole)> {
    let visitor = ask.visitor()?;
    let missing = || Error::NotFound(ask.parameter("id").to_owned());
    let id = Id::<ids::ScopedUserRole>::parse(ask.parameter("id")).ok_or_else(missing)?;
    let granted = visitor.ask_anywhere::<TeamView>(None)?;
    let team = teams::team_of(&granted, id).map_err(|error| match error {
        Error::NotFound(_) => missing(),
        other => other,
    })?;
    let at: At<ids::Team> = visitor.locate(Within::Company, &team.to_string())?;
    let role = teams::role(&visitor.ask(TeamView { team: at.clone() })?, id)?;
    Ok((at, role))
}

fn answer(ask: &Ask, at: &At<ids::Team>, id: Id<ids::ScopedUserRole>) -> Result<ScopedUserRoleResource> {
    let granted = ask.visitor()?.ask(TeamView { team: at.clone() })?;
    Ok(draw(ask, &teams::show(&granted)?, &teams::role(&granted, id)?))
}

/// One role of a team.
pub(in crate::api) fn show(ask: &Ask) -> Result<Json<ScopedUserRoleResource>> {
    let (at, role) = located_role(ask)?;
    Ok(Json(answer(ask, &at, role.id)?))
}

impl ScopedUserRoleResource {
    fn fields(&self, ask: &Ask) -> Result<ScopedFields> {
        fn many<T: Kind>(named: &[Ref<T>], field: &str) -> Result<Vec<Id<T>>> {
            let one = |one: &Ref<T>| {
                Id::<T>::parse(one.text()).ok_or_else(|| {
                    let words = format!("There is no {} {} in this space. Choose another.", T::WORD, one.text());
                    Error::invalid(field, words)
                })
            };
            named.iter().map(one).collect()
        }
        let role = match self.user_role_id.given() {
            Some(text) => Some(named::<ids::UserRole>(ask, "UserRoleId", text)?.id()),
            None => None,
        };
        let space = match self.space_id.as_ref().and_then(Ref::given) {
            Some(text) => match ask.visitor()?.locate_space(text) {
                Err(Error::NotFound(_)) => return Err(Error::invalid("SpaceId", format!("There is no space {text}."))),
                other => Some(other?.id()),
            },
            None => None,
        };
        Ok(ScopedFields {
            role,
            space,
            groups: many(&self.project_group_ids, "ProjectGroupIds")?,
            projects: many(&self.project_ids, "ProjectIds")?,
            environments: many(&self.environment_ids, "EnvironmentIds")?,
            tenants: many(&self.tenant_ids, "TenantIds")?,
            runbooks: many(&self.runbook_ids, "RunbookIds")?,
            until: resource::moment("ExpiresAt", self.expires_at.as_deref())?,
        })
    }
}

fn proof<'a>(ask: &'a Ask, team: &At<ids::Team>, space: Option<Id<ids::Space>>) -> Result<Granted<'a, TeamEdit>> {
    let visitor = ask.visitor()?;
    let space = match space {
        Some(space) => visitor.locate_space(&space.to_string()).ok(),
        None => None,
    };
    teams::ask_roles(visitor, team, space.as_ref())
}

/// Puts a role on a team.
pub(in crate::api) fn add(
    ask: &Ask,
    query: Query<AccessPreviewQuery>,
    Sent(sent): Sent<ScopedUserRoleResource>,
) -> Result<Previewed<Created<ScopedUserRoleResource>>> {
    let Some(team) = sent.team_id.given() else { return Err(Error::invalid("TeamId", "Choose a team.")) };
    let visitor = ask.visitor()?;
    let mut spaces = visitor.spaces()?.into_iter().filter_map(|row| visitor.locate_space(&row.id.to_string()).ok());
    if !spaces.any(|space| visitor.may_somewhere::<TeamEdit>(&space)) {
        visitor.ask(List::<TeamEdit>::system())?;
    }
    let at: At<ids::Team> = named(ask, "TeamId", team)?;
    if !visitor.may(TeamView { team: at.clone() }) {
        return Err(Error::invalid("TeamId", format!("There is no team {team}.")));
    }
    let fields = sent.fields(ask)?;
    let granted = proof(ask, &at, fields.space)?;
    let give = || teams::add_role(&granted, &fields);
    access::change(ask, &query, give, |id| Ok(Created(answer(ask, &at, id)?)))
}

/// Changes a role on a team.
pub(in crate::api) fn update(
    ask: &Ask,
    query: Query<AccessPreviewQuery>,
    Sent(sent): Sent<ScopedUserRoleResource>,
) -> Result<Previewed<Json<ScopedUserRoleResource>>> {
    let (at, role) = located_role(ask)?;
    let granted = proof(ask, &at, role.space)?;
    if let Some(team) = sent.team_id.given() {
        let there = ask.visitor()?.locate::<ids::Team>(Within::Company, team);
        if !there.is_ok_and(|there| there.id() == at.id()) {
            let words = "A role stays on its team. Take it off this one and put it on the other.";
            return Err(Error::invalid("TeamId", words));
        }
    }
    let fields = sent.fields(ask)?;
    let change = || teams::change_role(&granted, role.id, &fields);
    access::change(ask, &query, change, |()| Ok(Json(answer(ask, &at, role.id)?)))
}

/// Takes a role off a team.
pub(in crate::api) fn remove(ask: &Ask, query: Query<AccessPreviewQuery>) -> Result<Previewed<Done>> {
    let (at, role) = located_role(ask)?;
    let granted = proof(ask, &at, role.space)?;
    access::change(ask, &query, || teams::remove_role(&granted, role.id), |()| Ok(Done))
}

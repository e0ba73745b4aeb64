//! `/api/recipes`: starting points of our own, each made in one request.

use super::{
    answers::{self as access, AccessPreviewQuery, Previewed},
    caller::Ask,
    wire::{All, Created, Query, Ref, Sent, refer},
};
use crate::{
    base::{
        error::{Error, Result},
        ids::{self, Id, Kind},
    },
    company::{
        access::permissions::{List, TeamCreate, TeamEdit},
        access::{At, Level, policy::Dimension},
        recipes::{self, Fields, RECIPES, Recipe, RecipeRole, RecipeTeam, Starting},
        teams::{ScopedFields, Team},
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A starting point.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RecipeResource {
    id: &'static str,
    name: &'static str,
    description: &'static str,
    teams: Vec<RecipeTeamResource>,
    /// The limits that can be given to it.
    limits: Vec<&'static str>,
    /// The limit without which it makes no sense.
    needs: Option<&'static str>,
    /// It makes a space of its own.
    makes_space: bool,
}

/// A team that a recipe makes.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RecipeTeamResource {
    name: &'static str,
    description: &'static str,
    roles: Vec<RecipeRoleResource>,
}

/// A role of such a team: one that is built in, or one of its own.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum RecipeRoleResource {
    #[serde(rename_all = "PascalCase")]
    Builtin { user_role_id: String },
    #[serde(rename_all = "PascalCase")]
    Own {
        name: &'static str,
        granted_system_permissions: Vec<&'static str>,
        granted_space_permissions: Vec<&'static str>,
    },
}

/// What a recipe is started with.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct RecipeStart {
    name: String,
    space_id: refer::Space,
    project_group_ids: Vec<refer::ProjectGroup>,
    project_ids: Vec<refer::Project>,
    environment_ids: Vec<refer::Environment>,
    tenant_ids: Vec<refer::Tenant>,
    runbook_ids: Vec<refer::Runbook>,
}

/// What a recipe has made.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RecipeStarted {
    team_ids: Vec<String>,
    space_id: Option<String>,
}

fn draw_role(role: &RecipeRole) -> RecipeRoleResource {
    match role {
        RecipeRole::Builtin(builtin) => RecipeRoleResource::Builtin { user_role_id: format!("userroles-{builtin}") },
        RecipeRole::Own(own) => RecipeRoleResource::Own {
            name: own.name,
            granted_system_permissions: own.system.to_vec(),
            granted_space_permissions: own.space.to_vec(),
        },
    }
}

fn draw(recipe: &'static Recipe) -> RecipeResource {
    let team = |team: &'static RecipeTeam| RecipeTeamResource {
        name: if team.name.is_empty() { "Administrators" } else { team.name },
        description: team.description,
        roles: team.roles.iter().map(draw_role).collect(),
    };
    let words = |dimension: &Dimension| match dimension {
        Dimension::Group => "ProjectGroupIds",
        Dimension::Project => "ProjectIds",
        Dimension::Environment => "EnvironmentIds",
        Dimension::Tenant => "TenantIds",
        Dimension::Runbook => "RunbookIds",
    };
    RecipeResource {
        id: recipe.key,
        name: recipe.name,
        description: recipe.explanation,
        teams: recipe.teams.iter().map(team).collect(),
        limits: recipe.limits.iter().map(words).collect(),
        needs: recipe.needs.as_ref().map(words),
        makes_space: recipe.makes_space,
    }
}

/// Whoever may make teams and give them roles anywhere may look.
fn may_look(ask: &Ask) -> Result<()> {
    let visitor = ask.visitor()?;
    for row in visitor.spaces()? {
        let Ok(space) = visitor.locate_space(&row.id.to_string()) else { continue };
        if visitor.may(TeamCreate { level: Level::Space(space.clone()) }) && visitor.may(List::<TeamEdit>::of(&space)) {
            return Ok(());
        }
    }
    visitor.ask(TeamCreate { level: Level::System }).map(drop)
}

/// All of them.
pub(super) fn list(ask: &Ask) -> Result<All<RecipeResource>> {
    may_look(ask)?;
    Ok(All(RECIPES.iter().map(draw).collect()))
}

/// Starts from one.
pub(super) fn start(
    ask: &Ask,
    query: Query<AccessPreviewQuery>,
    Sent(sent): Sent<RecipeStart>,
) -> Result<Previewed<Created<RecipeStarted>>> {
    fn many<T: Kind>(named: &[Ref<T>], field: &str) -> Result<Vec<Id<T>>> {
        let wrong = |text: &str| Error::invalid(field, format!("There is no {} {text}. Choose another.", T::WORD));
        named.iter().map(|one| Id::<T>::parse(one.text()).ok_or_else(|| wrong(one.text()))).collect()
    }
    may_look(ask)?;
    let visitor = ask.visitor()?;
    let recipe = recipes::named(ask.parameter("id"))?;
    let space: Option<At<ids::Space>> = match sent.space_id.given() {
        Some(text) => match visitor.locate_space(text) {
            Err(Error::NotFound(_)) => return Err(Error::invalid("SpaceId", format!("There is no space {text}."))),
            other => Some(other?),
        },
        None => None,
    };
    let fields = Fields {
        name: sent.name,
        space: space.as_ref().map(At::id),
        limits: ScopedFields {
            groups: many(&sent.project_group_ids, "ProjectGroupIds")?,
            projects: many(&sent.project_ids, "ProjectIds")?,
            environments: many(&sent.environment_ids, "EnvironmentIds")?,
            tenants: many(&sent.tenant_ids, "TenantIds")?,
            runbooks: many(&sent.runbook_ids, "RunbookIds")?,
            ..ScopedFields::default()
        },
    };
    let starting = Starting::ask(visitor, recipe, space.as_ref())?;
    access::change(
        ask,
        &query,
        || recipes::start(&starting, &fields),
        |started| {
            Ok(Created(RecipeStarted {
                team_ids: started.teams.iter().map(Team::wire_id).collect(),
                space_id: started.space.map(|space| space.id.to_string()),
            }))
        },
    )
}

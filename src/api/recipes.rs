//! `/api/recipes`: starting points of our own, each made in one request.

use super::caller::{Ask, Reply};
use crate::{
    base::{
        error::{Error, Result},
        ids::{self, Id, Kind},
    },
    company::{
        access::permissions::{List, TeamCreate, TeamEdit},
        access::{At, Level, policy::Dimension},
        recipes::{self, Fields, RECIPES, Recipe, RecipeRole, Starting},
        teams::ScopedFields,
    },
};
use serde_json::{Value, json};

fn draw(recipe: &Recipe) -> Value {
    let role = |role: &RecipeRole| match role {
        RecipeRole::Builtin(builtin) => json!({ "UserRoleId": format!("userroles-{builtin}") }),
        RecipeRole::Own(own) => json!({
            "Name": own.name, "GrantedSystemPermissions": own.system, "GrantedSpacePermissions": own.space,
        }),
    };
    let teams = recipe.teams.iter().map(|team| {
        let name = if team.name.is_empty() { "Administrators" } else { team.name };
        json!({ "Name": name, "Description": team.description, "Roles": team.roles.iter().map(role).collect::<Vec<_>>() })
    });
    let words = |dimension: &Dimension| match dimension {
        Dimension::Group => "ProjectGroupIds",
        Dimension::Project => "ProjectIds",
        Dimension::Environment => "EnvironmentIds",
        Dimension::Tenant => "TenantIds",
        Dimension::Runbook => "RunbookIds",
    };
    json!({
        "Id": recipe.key, "Name": recipe.name, "Description": recipe.explanation, "Teams": teams.collect::<Vec<_>>(),
        "Limits": recipe.limits.iter().map(words).collect::<Vec<_>>(), "Needs": recipe.needs.as_ref().map(words),
        "MakesSpace": recipe.makes_space,
    })
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
pub(super) fn list(ask: &Ask) -> Result<Reply> {
    may_look(ask)?;
    Reply::ok(RECIPES.iter().map(draw).collect())
}

/// Starts from one: `Name`, `SpaceId`, and the limits that it takes.
pub(super) fn start(ask: &Ask) -> Result<Reply> {
    fn many<T: Kind>(ask: &Ask, field: &str) -> Result<Vec<Id<T>>> {
        let wrong = |text: &String| Error::invalid(field, format!("There is no {} {text}. Choose another.", T::WORD));
        ask.body.texts(field).iter().map(|text| Id::<T>::parse(text).ok_or_else(|| wrong(text))).collect()
    }
    may_look(ask)?;
    let visitor = ask.visitor()?;
    let recipe = recipes::named(ask.parameter("id"))?;
    let space: Option<At<ids::Space>> = match ask.body.some_text("SpaceId") {
        Some(text) => match visitor.locate_space(&text) {
            Err(Error::NotFound(_)) => return Err(Error::invalid("SpaceId", format!("There is no space {text}."))),
            other => Some(other?),
        },
        None => None,
    };
    let fields = Fields {
        name: ask.body.text("Name"),
        space: space.as_ref().map(At::id),
        limits: ScopedFields {
            groups: many(ask, "ProjectGroupIds")?,
            projects: many(ask, "ProjectIds")?,
            environments: many(ask, "EnvironmentIds")?,
            tenants: many(ask, "TenantIds")?,
            runbooks: many(ask, "RunbookIds")?,
            ..ScopedFields::default()
        },
    };
    let starting = Starting::ask(visitor, recipe, space.as_ref())?;
    super::answers::previewed(
        ask,
        || recipes::start(&starting, &fields),
        |started| {
            let teams: Vec<String> = started.teams.iter().map(crate::company::teams::Team::wire_id).collect();
            Reply::created(json!({ "TeamIds": teams, "SpaceId": started.space.map(|space| space.id.to_string()) }))
        },
    )
}

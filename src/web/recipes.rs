//! Recipes of the trade: what there is to start from, and the form that starts.

use super::{
    answers::preview::{Change, Checked, guarded},
    caller::{Answer, Visit},
    form::refuse,
    page::{Choice, FieldView, FormView, Frame, ScopePicker, count},
    people::access,
    teams::pickers,
};
use crate::{
    base::{
        error::{Error, Result},
        ids::{Id, Kind, Space},
    },
    company::{
        access::{
            At, Level,
            permissions::{List, TeamCreate, TeamEdit},
            policy::Dimension,
        },
        recipes::{self, Fields, RECIPES, Recipe, RecipeRole, Starting},
        teams::ScopedFields,
    },
    http::call::Form as Sent,
};
use askama::Template;

#[derive(Template)]
#[template(path = "recipes/list.html")]
struct ListPage {
    frame: Frame,
    recipes: Vec<Row>,
}
struct Row {
    name: &'static str,
    explanation: &'static str,
    href: String,
    teams: Vec<TeamRow>,
}
struct TeamRow {
    name: &'static str,
    roles: String,
}
#[derive(Template)]
#[template(path = "recipes/form.html")]
struct FormPage {
    frame: Frame,
    form: FormView,
    explanation: &'static str,
    teams: Vec<TeamRow>,
    pickers: Vec<ScopePicker>,
    /// Where the form goes to be drawn with the limits of another space; empty without a choice of spaces.
    limits_href: String,
}

const NAMES: [(&str, &str); 9] = [
    ("Name", "name"),
    ("SpaceManagersTeamMembers", "name"),
    ("SpaceId", "space"),
    ("ProjectGroupIds", "groups"),
    ("ProjectIds", "projects"),
    ("EnvironmentIds", "environments"),
    ("TenantIds", "tenants"),
    ("RunbookIds", "runbooks"),
    ("UserRoleId", "name"),
];
const LISTS: [(Dimension, &str); 5] = [
    (Dimension::Group, "groups"),
    (Dimension::Project, "projects"),
    (Dimension::Environment, "environments"),
    (Dimension::Tenant, "tenants"),
    (Dimension::Runbook, "runbooks"),
];

fn base(visit: &Visit) -> String {
    visit.path("/access/recipes")
}

fn team_rows(recipe: &Recipe) -> Vec<TeamRow> {
    let role = |role: &RecipeRole| match role {
        RecipeRole::Builtin(builtin) => recipes::name_of(builtin).to_owned(),
        RecipeRole::Own(own) => {
            format!("{} (custom, {})", own.name, count(own.space.len() as u64, "permission", "permissions"))
        }
    };
    let rows = recipe.teams.iter().map(|team| TeamRow {
        name: if team.name.is_empty() { "Administrators" } else { team.name },
        roles: team.roles.iter().map(role).collect::<Vec<_>>().join(", "),
    });
    rows.collect()
}

/// Whoever may make teams and give them roles anywhere may look.
fn ask(visit: &Visit) -> Result<()> {
    let visitor = &visit.visitor;
    let inside = visitor.spaces()?.into_iter().any(|row| {
        visitor.locate_space(&row.id.to_string()).is_ok_and(|space| {
            visitor.may(TeamCreate { level: Level::Space(space.clone()) }) && visitor.may(List::<TeamEdit>::of(&space))
        })
    });
    if inside { Ok(()) } else { visitor.ask(TeamCreate { level: Level::System }).map(drop) }
}

/// All of them.
pub(super) fn list(visit: &Visit) -> Result<Answer> {
    ask(visit)?;
    let rows = RECIPES.iter().map(|recipe| Row {
        name: recipe.name,
        explanation: recipe.explanation,
        href: format!("{}/{}", base(visit), recipe.key),
        teams: team_rows(recipe),
    });
    let frame = access(visit, "Start from a recipe", "teams").crumb("Teams", visit.path("/access/teams"));
    Answer::page(&ListPage { frame, recipes: rows.collect() })
}

fn chosen_space(visit: &Visit, text: &str) -> Result<Option<At<Space>>> {
    if text.is_empty() { Ok(visit.visitor.home_space()) } else { visit.visitor.locate_space(text).map(Some) }
}

/// What the button says.
fn submit(recipe: &Recipe) -> &'static str {
    if recipe.makes_space { "Make the space and its teams" } else { "Make it" }
}

fn draw(
    visit: &Visit,
    recipe: &'static Recipe,
    space: Option<&At<Space>>,
    sent: Option<&Sent>,
    error: Option<Error>,
) -> Result<Answer> {
    let own = format!("{}/{}", base(visit), recipe.key);
    let mut form = FormView::new(own.clone(), submit(recipe));
    if recipe.makes_space {
        form = form.field(
            FieldView::text("name", "Name of the department")
                .required()
                .autofocus()
                .max_length(50)
                .help("Such as: Finance."),
        );
    } else if recipe.is_one_team() {
        let name = recipe.teams.first().map(|team| team.name).unwrap_or_default();
        form = form.field(FieldView::text("name", "Name of the team").value(name).required().max_length(200));
    }
    let spaces = visit.visitor.spaces()?;
    let chosen = space.map(|space| space.id().to_string()).unwrap_or_default();
    let many = !recipe.makes_space && spaces.len() > 1;
    if many {
        let choices = spaces.into_iter().map(|row| {
            let id = row.id.to_string();
            Choice::new(id.clone(), row.name).chosen(id == chosen)
        });
        form = form.field(FieldView::select("space", "Space", choices.collect()).required());
    } else if !recipe.makes_space {
        form = form.field(FieldView::hidden("space", chosen.clone()));
    }
    form = form.cancel(base(visit));
    let list = |name: &str| sent.map(|sent| sent.all(name)).unwrap_or_default();
    let lists = LISTS.map(|(_, name)| list(name));
    let mut shown = Vec::new();
    if !recipe.makes_space && !recipe.limits.is_empty() && !chosen.is_empty() {
        shown = pickers(visit, &chosen, [&lists[0], &lists[1], &lists[2], &lists[3], &lists[4]])?;
        let offered =
            |picker: &ScopePicker| LISTS.iter().any(|(one, name)| *name == picker.name && recipe.limits.contains(one));
        shown.retain(offered);
        for picker in &mut shown {
            let dimension = LISTS.iter().find(|(_, name)| *name == picker.name).map(|(one, _)| *one);
            if dimension == Some(Dimension::Project) && !recipe.limits.contains(&Dimension::Group) {
                picker.all_label = "All projects, also those added later".into();
            }
            if dimension == recipe.needs {
                picker.all_label = "None chosen yet".into();
                picker.help = "Choose at least one: what it allows, it allows for these and no other.".into();
            }
        }
        // What has to be chosen stands first.
        shown.sort_by_key(|picker| LISTS.iter().any(|(one, name)| *name == picker.name && Some(*one) != recipe.needs));
    }
    let refused = error.is_some();
    if let Some(sent) = sent {
        form = form.typed(sent.typed().filter(|(name, _)| matches!(*name, "name" | "space")));
    }
    if let Some(error) = error {
        if let Error::Invalid(wrong) = &error {
            for picker in &mut shown {
                let wire = NAMES.iter().find(|(_, name)| *name == picker.name).map_or("", |(wire, _)| wire);
                if let Some(message) = wrong.of(wire) {
                    picker.error = message.to_owned();
                }
            }
        }
        form = refuse(form, error, &NAMES)?;
    }
    let frame =
        access(visit, recipe.name, "teams").crumb("Teams", visit.path("/access/teams")).crumb("Recipes", base(visit));
    let page = FormPage {
        frame,
        form,
        explanation: recipe.explanation,
        teams: team_rows(recipe),
        pickers: shown,
        limits_href: if many && !recipe.limits.is_empty() { own } else { String::new() },
    };
    Answer::shown(&page, refused)
}

/// The form of one.
pub(super) fn form(visit: &Visit) -> Result<Answer> {
    ask(visit)?;
    let recipe = recipes::named(visit.parameter("recipe"))?;
    let space = chosen_space(visit, visit.call.asked("space").unwrap_or_default())?;
    draw(visit, recipe, space.as_ref(), None, None)
}

fn fields(sent: &Sent, space: Option<&At<Space>>) -> Result<Fields> {
    fn ids<T: Kind>(sent: &Sent, name: &str, field: &str) -> Result<Vec<Id<T>>> {
        let wrong = |text: &String| Error::invalid(field, format!("“{text}” is not there."));
        sent.all(name).iter().map(|text| Id::parse(text).ok_or_else(|| wrong(text))).collect()
    }
    Ok(Fields {
        name: sent.text("name").into(),
        space: space.map(At::id),
        limits: ScopedFields {
            groups: ids(sent, "groups", "ProjectGroupIds")?,
            projects: ids(sent, "projects", "ProjectIds")?,
            environments: ids(sent, "environments", "EnvironmentIds")?,
            tenants: ids(sent, "tenants", "TenantIds")?,
            runbooks: ids(sent, "runbooks", "RunbookIds")?,
            ..ScopedFields::default()
        },
    })
}

/// The form of one was sent.
pub(super) fn start(visit: &Visit) -> Result<Answer> {
    ask(visit)?;
    let recipe = recipes::named(visit.parameter("recipe"))?;
    let sent = visit.form();
    let space = chosen_space(visit, sent.text("space"))?;
    let starting = Starting::ask(&visit.visitor, recipe, space.as_ref())?;
    let back = base(visit);
    let change = Change::new("What it gives", submit(recipe), &back);
    let made =
        fields(&sent, space.as_ref()).and_then(|fields| guarded(visit, change, || recipes::start(&starting, &fields)));
    match made {
        Ok(Checked::Shown(answer)) => Ok(answer),
        Ok(Checked::Done(started)) => {
            let to = match started.teams.as_slice() {
                [one] => visit.path(&format!("/access/teams/{}", one.id)),
                _ => visit.path("/access/teams"),
            };
            Answer::done(to, format!("{}: it is there. Now say who is in it.", recipe.name))
        }
        Err(error @ (Error::Invalid(_) | Error::Conflict(_))) => {
            draw(visit, recipe, space.as_ref(), Some(&sent), Some(error))
        }
        Err(error) => Err(error),
    }
}

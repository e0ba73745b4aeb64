//! User roles: what each allows, at which level, what its scope has an effect on, and where it is held.

mod edit;

pub(super) use edit::{copy, create, delete, edit, make_copy, new, reset, update};

use super::{
    caller::{Answer, Visit},
    form::removal,
    page::{Act, Chip, Choice, ConfirmDelete, FilterBar, Frame, Kv, count},
    people::access,
};
use crate::{
    base::{error::Result, ids::UserRole as Kind},
    company::{
        access::{
            At, Granted, Within,
            permissions::{Info, UserRoleEdit, UserRoleView, honoured},
            policy::Dimension,
        },
        teams::{self, RolePermissions},
    },
};
use askama::Template;

#[derive(Template)]
#[template(path = "roles/list.html")]
struct List {
    frame: Frame,
    add: Act,
    filter: FilterBar,
    rows: Vec<Row>,
}
struct Row {
    name: String,
    description: String,
    href: String,
    kind: &'static str,
    changed: bool,
    offered: String,
    system: usize,
    space: usize,
    teams: i64,
}
#[derive(Template)]
#[template(path = "roles/show.html")]
struct Show {
    frame: Frame,
    /// Puts it back to its default; not there when it holds that.
    reset: Act,
    clone: Act,
    change: Act,
    problem: String,
    /// Of the permissions that a later version brought.
    offered: Vec<One>,
    filter: FilterBar,
    about: Kv,
    levels: Vec<Level>,
    sought: bool,
    places: Vec<Place>,
    hidden: String,
    everyone: bool,
    removal: Option<ConfirmDelete>,
}
struct Level {
    title: &'static str,
    groups: Vec<Group>,
}
struct Group {
    name: String,
    permissions: Vec<One>,
}
struct One {
    name: &'static str,
    meaning: &'static str,
    scopes: String,
}
struct Place {
    team: String,
    href: String,
    place: String,
    until: String,
    ending: Option<Chip>,
}

fn base(visit: &Visit) -> String {
    visit.path("/access/roles")
}

fn located(visit: &Visit) -> Result<At<Kind>> {
    visit.visitor.locate(Within::Company, visit.parameter("role"))
}

/// All of them.
pub(super) fn list(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.ask(UserRoleView {})?;
    let address = base(visit);
    let search = visit.call.asked("q").unwrap_or_default();
    let kind = visit.call.asked("kind").unwrap_or_default();
    let wanted = search.to_lowercase();
    let mut roles = teams::list_roles(&granted)?;
    roles.retain(|role| {
        let fits = match kind {
            "builtin" => role.builtin.is_some(),
            "custom" => role.builtin.is_none(),
            "offered" => !role.offered.is_empty(),
            _ => true,
        };
        fits && role.name.to_lowercase().contains(&wanted)
    });
    let rows = roles.into_iter().map(|role| Row {
        href: format!("{address}/{}", role.id),
        kind: if role.builtin.is_some() { "Built in" } else { "Custom" },
        changed: role.differs_from_default(),
        offered: if role.offered.is_empty() { String::new() } else { format!("{} new offered", role.offered.len()) },
        system: role.permissions.system.len(),
        space: role.permissions.space.len(),
        teams: role.teams,
        description: role.description,
        name: role.name,
    });
    let choice = |value: &str, label: &str| Choice::new(value, label).chosen(kind == value);
    Answer::page(&List {
        frame: access(visit, "User roles", "roles"),
        add: visit.offer(UserRoleEdit {}, Act::link("Add a role", format!("{address}/new")).primary().icon("plus")),
        filter: FilterBar::new(&address, "Find a role", search).select(
            "kind",
            "Kind",
            vec![
                choice("", "All"),
                choice("builtin", "Built in"),
                choice("custom", "Custom"),
                choice("offered", "With new permissions offered"),
            ],
        ),
        rows: rows.collect(),
    })
}

/// One of them.
pub(super) fn show(visit: &Visit) -> Result<Answer> {
    show_page(visit, "", None)
}

fn show_page(visit: &Visit, problem: &str, removal_problem: Option<&str>) -> Result<Answer> {
    let at = located(visit)?;
    let granted = visit.visitor.ask(UserRoleView {})?;
    let role = teams::show_role(&granted, &at)?;
    let used = teams::uses_of(&granted, &at)?;
    let address = format!("{}/{}", base(visit), role.id);
    let sought = visit.call.asked("q").unwrap_or_default().trim();
    let words = sought.to_lowercase();
    let matches = |info: &&'static Info| {
        info.name.to_lowercase().contains(&words) || info.meaning.to_lowercase().contains(&words)
    };
    let one = |info: &'static Info| One { name: info.name, meaning: info.meaning, scopes: scopes(info) };
    let group = |infos: &[&'static Info]| {
        let infos: Vec<&'static Info> = infos.iter().copied().filter(matches).collect();
        let groups = RolePermissions::grouped(&infos).into_iter();
        groups
            .map(|(name, members)| Group { name, permissions: members.into_iter().map(one).collect() })
            .collect::<Vec<_>>()
    };
    let levels = [
        ("In the space it is held in", group(&role.permissions.space)),
        ("In the company as a whole", group(&role.permissions.system)),
    ];
    let levels =
        levels.into_iter().filter(|(_, groups)| !groups.is_empty()).map(|(title, groups)| Level { title, groups });
    let kind = match (&role.builtin, role.differs_from_default()) {
        (None, _) => "Custom: made here",
        (Some(_), false) => "Built in, as it came",
        (Some(_), true) => "Built in, changed here",
    };
    let about = Kv::new()
        .row("Description", &role.description)
        .row("Kind", kind)
        .row("Held by", count(role.teams.unsigned_abs(), "team", "teams"))
        .row("With it", count(used.people.unsigned_abs(), "person or service account", "people and service accounts"))
        .mono("Id", role.wire_id());
    let places = used.places.into_iter().map(|(team, scoped)| Place {
        href: visit.path(&format!("/access/teams/{}", team.id)),
        place: teams::summary(&scoped).place,
        until: scoped.until.map(|until| format!("until {}", visit.clock(until))).unwrap_or_default(),
        ending: super::teams::ending(&scoped),
        team: team.name,
    });
    let deletion = |_: &Granted<'_, UserRoleEdit>| {
        let removal = removal(format!("{address}/delete"), "role", &role.name, removal_problem);
        Ok(removal.obstacle(role.obstacle()))
    };
    let offer = |act: Act| visit.offer(UserRoleEdit {}, act);
    let page = Show {
        frame: access(visit, &role.name, "roles").crumb("User roles", base(visit)),
        reset: offer(
            Act::post("Reset to its default", format!("{address}/reset")).only_if(role.differs_from_default()),
        ),
        clone: offer(Act::link("Clone", format!("{address}/clone"))),
        change: offer(Act::link("Change", format!("{address}/edit")).icon("pencil")),
        problem: problem.to_owned(),
        offered: role.offered.iter().copied().map(one).collect(),
        filter: FilterBar::new(&address, "Find a permission", sought),
        about,
        levels: levels.collect(),
        sought: !sought.is_empty(),
        places: places.collect(),
        hidden: if used.hidden == 0 {
            String::new()
        } else {
            format!("And {} that you cannot see.", count(used.hidden as u64, "more place", "more places"))
        },
        everyone: used.everyone,
        removal: match role.builtin {
            None => visit.removal(UserRoleEdit {}, &role.name, deletion)?,
            Some(_) => None,
        },
    };
    if problem.is_empty() && removal_problem.is_none() { Answer::page(&page) } else { Answer::refused(&page) }
}

/// What a scope on a role has an effect on, for one permission; or that nothing asks for it yet.
fn scopes(info: &Info) -> String {
    if !info.is_used() {
        return "nothing asks for it yet".into();
    }
    let words: Vec<&str> = honoured(info)
        .map(|dimension| match dimension {
            Dimension::Group => "project groups",
            Dimension::Project => "projects",
            Dimension::Environment => "environments",
            Dimension::Tenant => "tenants",
            Dimension::Runbook => "runbooks",
        })
        .collect();
    words.join(", ")
}

//! User roles: what each allows, at which level, and what its scope has an effect on.

use super::{
    caller::{Answer, Visit},
    page::{FilterBar, Frame, Kv},
    people::access,
};
use crate::{
    base::error::Result,
    company::{
        access::{Within, permissions::UserRoleView},
        teams::{self, RolePermissions},
    },
};
use askama::Template;

#[derive(Template)]
#[template(path = "roles/list.html")]
struct List {
    frame: Frame,
    filter: FilterBar,
    rows: Vec<Row>,
}
struct Row {
    name: String,
    href: String,
    system: usize,
    space: usize,
    teams: i64,
}
#[derive(Template)]
#[template(path = "roles/show.html")]
struct Show {
    frame: Frame,
    about: Kv,
    levels: Vec<Level>,
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

/// All of them.
pub(super) fn list(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.ask(UserRoleView {})?;
    let address = visit.path("/access/roles");
    let search = visit.call.asked("q").unwrap_or_default();
    let wanted = search.to_lowercase();
    let rows = teams::list_roles(&granted)?.into_iter().filter(|role| role.name.to_lowercase().contains(&wanted)).map(
        |role| Row {
            href: format!("{address}/{}", role.id),
            system: role.permissions.system.len(),
            space: role.permissions.space.len(),
            teams: role.teams,
            name: role.name,
        },
    );
    Answer::page(&List {
        frame: access(visit, "User roles", "roles"),
        filter: FilterBar::new(&address, "Find a role", search),
        rows: rows.collect(),
    })
}

/// One of them.
pub(super) fn show(visit: &Visit) -> Result<Answer> {
    let at = visit.visitor.locate(Within::Company, visit.parameter("role"))?;
    let role = teams::show_role(&visit.visitor.ask(UserRoleView {})?, &at)?;
    let group = |infos: &[&'static crate::company::access::permissions::Info]| {
        let groups = RolePermissions::grouped(infos).into_iter();
        groups
            .map(|(name, members)| Group {
                name,
                permissions: members
                    .into_iter()
                    .map(|info| One { name: info.name, meaning: info.meaning, scopes: scopes(info) })
                    .collect(),
            })
            .collect::<Vec<_>>()
    };
    let levels = [
        ("In the company as a whole", group(&role.permissions.system)),
        ("In the space it is held in", group(&role.permissions.space)),
    ];
    let levels =
        levels.into_iter().filter(|(_, groups)| !groups.is_empty()).map(|(title, groups)| Level { title, groups });
    let about = Kv::new()
        .row("Description", &role.description)
        .row("Held by", if role.teams == 1 { "1 team".into() } else { format!("{} teams", role.teams) })
        .row("Kind", if role.builtin.is_some() { "Came with the company" } else { "Made here" })
        .mono("Id", role.wire_id());
    Answer::page(&Show {
        frame: access(visit, &role.name, "roles").crumb("User roles", visit.path("/access/roles")),
        about,
        levels: levels.collect(),
    })
}

/// What a scope on a role has an effect on, for one permission.
fn scopes(info: &crate::company::access::permissions::Info) -> String {
    use crate::company::access::{permissions::honoured, policy::Dimension};
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

//! Pages of deployment targets: where they stand, how they are reached, and how they are.

mod form;

use super::{
    accounts::environment_names,
    caller::{Answer, Visit},
    environments::infrastructure,
    form::{removal, remove},
    list::Asked,
    page::{Act, Chip, Choice, ConfirmDelete, FilterBar, Frame, Kv, Pager, When},
    seen,
};
use crate::{
    base::{error::Result, ids},
    company::{
        access::{
            At, Within,
            permissions::{
                AccountView, List as Listing, MachineCreate, MachineDelete, MachineEdit, MachineView, TaskCreate,
                TaskView,
            },
        },
        targets::{self, Filter, Health, Participation, Target, accounts, health},
    },
};
use askama::Template;
pub(super) use form::{create, edit, new, update};

#[derive(Template)]
#[template(path = "targets/list.html")]
struct List {
    frame: Frame,
    add: Act,
    filter: FilterBar,
    filtered: bool,
    rows: Vec<Row>,
    pager: Pager,
}
struct Row {
    name: String,
    place: String,
    href: String,
    edit_href: String,
    health_href: String,
    may_edit: bool,
    may_check: bool,
    chip: Chip,
    environments: String,
    roles: Vec<String>,
}
#[derive(Template)]
#[template(path = "targets/show.html")]
struct Show {
    frame: Frame,
    change: Act,
    check: Act,
    chip: Chip,
    sentence: String,
    trouble: String,
    note: String,
    connection: Kv,
    roles: Vec<String>,
    whom: Kv,
    about: Kv,
    removal: Option<ConfirmDelete>,
}

fn base(visit: &Visit) -> String {
    visit.space_path("/infrastructure/targets")
}
fn frame(visit: &Visit, title: &str) -> Frame {
    infrastructure(visit, title, "targets")
}
fn located(visit: &Visit) -> Result<At<ids::Target>> {
    visit.visitor.locate(&visit.space()?, visit.parameter("target"))
}

fn chip(target: &Target) -> Chip {
    if target.is_disabled {
        return Chip::for_health("Disabled");
    }
    let chip = Chip::for_health(target.health.name()).title(&target.health_note);
    match target.health_at {
        Some(at) => chip.at(When::at(at)),
        None => chip,
    }
}

/// All deployment targets.
pub(super) fn list(visit: &Visit) -> Result<Answer> {
    let space = visit.space()?;
    let granted = visit.visitor.ask(Listing::<MachineView>::of(&space))?;
    let asked = Asked::of(visit);
    let chosen = |name: &str| visit.call.asked(name).unwrap_or_default();
    let (environment, state, role) = (chosen("environment"), chosen("health"), chosen("tag"));
    let seen = seen::environments_here(visit)?;
    let place = seen.iter().find(|one| one.slug == environment);
    let filter = Filter {
        partial_name: asked.search.into(),
        environments: place.map(|one| vec![one.id.0]),
        health: Health::named(state).map(|one| one.name().to_owned()).into_iter().collect(),
        is_disabled: (state == "Disabled").then_some(true),
        roles: if role.is_empty() { Vec::new() } else { vec![role.to_owned()] },
        ..Filter::default()
    };
    let found = targets::list(&granted, &filter, asked.page())?;
    let address = base(visit);
    let mut rows = Vec::new();
    for target in &found.items {
        let at: At<ids::Target> = visit.visitor.locate(&space, &target.id.to_string())?;
        rows.push(Row {
            name: target.name.clone(),
            place: format!("{}:{}", target.host, target.port),
            href: format!("{address}/{}", target.slug),
            edit_href: format!("{address}/{}/edit", target.slug),
            health_href: format!("{address}/{}/health", target.slug),
            may_edit: visit.visitor.may(MachineEdit { target: at.clone() }),
            may_check: !target.is_disabled && visit.visitor.may(TaskCreate { target: at }),
            chip: chip(target),
            environments: environment_names(&seen, &target.environments),
            roles: target.roles.clone(),
        });
    }
    let mut places = vec![Choice::new("", "Any")];
    places.extend(seen.iter().map(|one| Choice::new(&one.slug, &one.name).chosen(one.slug == environment)));
    let states = [
        ("", "Any"),
        ("Healthy", "Healthy"),
        ("Unavailable", "Unavailable"),
        ("Unknown", "Not checked yet"),
        ("Disabled", "Disabled"),
    ];
    let states = states.map(|(value, label)| Choice::new(value, label).chosen(value == state));
    let mut tags = vec![Choice::new("", "Any")];
    tags.extend(targets::roles(&granted)?.into_iter().map(|one| Choice::new(&one, &one).chosen(one == role)));
    let filters = [("environment", environment), ("health", state), ("tag", role)];
    let mut bar = FilterBar::new(&address, "Find a deployment target", asked.search)
        .select("environment", "Environment", places)
        .select("health", "Health", states.to_vec());
    if tags.len() > 2 {
        bar = bar.select("tag", "Tag", tags);
    }
    Answer::page(&List {
        frame: frame(visit, "Deployment targets"),
        add: visit.offer(
            Listing::<MachineCreate>::of(&space),
            Act::link("Add a deployment target", format!("{address}/new")).primary().icon("plus"),
        ),
        filter: bar,
        filtered: !asked.search.is_empty() || filters.iter().any(|(_, value)| !value.is_empty()),
        rows,
        pager: asked.pager(found.total, &address, &filters),
    })
}

/// One deployment target.
pub(super) fn show(visit: &Visit) -> Result<Answer> {
    show_page(visit, &located(visit)?, None)
}

fn show_page(visit: &Visit, at: &At<ids::Target>, problem: Option<&str>) -> Result<Answer> {
    let space = visit.space()?;
    let found = targets::show(&visit.visitor.ask(MachineView { target: at.clone() })?)?;
    let address = format!("{}/{}", base(visit), found.slug);
    let account: At<ids::Account> = visit.visitor.locate(&space, &found.account.to_string())?;
    let account = if visit.visitor.may(AccountView { account: account.clone() }) {
        Some(accounts::show(&visit.visitor.ask(AccountView { account })?)?)
    } else {
        None
    };
    let connection =
        Kv::new().mono("Address", format!("{}:{}", found.host, found.port)).mono("Host key", &found.host_key);
    let connection = match account {
        Some(one) => connection
            .link("Account", &one.name, visit.space_path(&format!("/infrastructure/accounts/{}", one.slug)))
            .hint(format!("signs in as {}", one.username)),
        None => connection.row("Account", "One that you may not see"),
    };
    let whom = Kv::new().row("Takes part in", found.participation.words());
    let whom = if found.participation == Participation::Untenanted {
        whom
    } else {
        whom.row("Tenants", form::tenant_names(visit, &found.tenants)?).row("Tenant tags", found.tenant_tags.join(", "))
    };
    let removal = visit.removal(MachineDelete { target: at.clone() }, &found.name, |_| {
        Ok(removal(format!("{address}/delete"), "deployment target", &found.name, problem))
    })?;
    let trouble = if found.health == Health::Unavailable { found.health_note.clone() } else { String::new() };
    let seen = seen::environments_here(visit)?;
    let places = environment_names(&seen, &found.environments);
    let page = Show {
        frame: frame(visit, &found.name).crumb("Deployment targets", base(visit)),
        change: visit
            .offer(MachineEdit { target: at.clone() }, Act::link("Change", format!("{address}/edit")).icon("pencil")),
        check: visit.offer(
            TaskCreate { target: at.clone() },
            Act::post("Check its health now", format!("{address}/health")).icon("retry").only_if(!found.is_disabled),
        ),
        chip: chip(&found),
        sentence: if found.is_disabled {
            format!("left out of deployments to {places}")
        } else {
            format!("in {places}")
        },
        trouble,
        note: if found.health == Health::Healthy { found.health_note.clone() } else { String::new() },
        connection,
        whom,
        about: Kv::new().row("Stands in", places).mono("Id", found.id.to_string()),
        roles: found.roles,
        removal,
    };
    Answer::shown(&page, problem.is_some())
}

/// Has the engine look at one, and leads to the task that does it.
pub(super) fn check(visit: &Visit) -> Result<Answer> {
    let target = located(visit)?;
    let task = health::ask(&visit.visitor.ask(TaskCreate { target })?, &health::Limits::default())?;
    let address = format!("{}/{}", base(visit), visit.parameter("target"));
    let at: At<ids::Task> = visit.visitor.locate(Within::Company, &task.id.to_string())?;
    let to =
        if visit.visitor.may(TaskView { task: at }) { visit.path(&format!("/tasks/{}", task.id)) } else { address };
    Answer::done(to, "The health check was queued.")
}

/// Deletes one; its name must have been typed.
pub(super) fn delete(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    let granted = visit.visitor.ask(MachineDelete { target: at.clone() })?;
    let found = targets::show(&visit.visitor.ask(MachineView { target: at.clone() })?)?;
    remove(visit, &found.name, base(visit), || targets::delete(&granted), |why| show_page(visit, &at, Some(why)))
}

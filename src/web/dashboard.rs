//! The dashboard of a space: what is where, what failed, what is behind.

use super::{
    caller::{Answer, Visit, encode},
    list::Asked,
    page::{Act, Cell, Chip, Choice, FilterBar, Frame, Pager, count},
    seen, standing,
    start::{self, Item},
};
use crate::{
    base::{
        error::Result,
        ids::{self, Id},
        paging::{Listed, Page},
    },
    company::{
        access::{
            At,
            permissions::{DeploymentView, List, ProjectCreate, ProjectView, ReleaseView, TaskView},
        },
        dashboard::{self, Spot},
        deployments::{self, Choices},
        environments::Environment,
        projects::{self, Project, groups},
        tasks::{self, State},
    },
};
use askama::Template;
use std::collections::{HashMap, HashSet};

#[derive(Template)]
#[template(path = "dashboard/dashboard.html")]
struct Dashboard {
    frame: Frame,
    sentence: String,
    add: Act,
    /// What the first deployment needs; nothing when there was one.
    start: Vec<Item>,
    attention: Vec<Attention>,
    attention_href: String,
    filter: FilterBar,
    environments: Vec<Head>,
    groups: Vec<Group>,
    pager: Pager,
}
struct Attention {
    chip: Chip,
    href: String,
    title: String,
    detail: String,
    action: String,
}
struct Head {
    name: String,
    href: String,
}
struct Group {
    name: String,
    summary: String,
    rows: Vec<Row>,
}
struct Row {
    name: String,
    href: String,
    newest: String,
    cells: Vec<Cell>,
}

/// What is known of the projects of one page.
struct Board {
    environments: Vec<Environment>,
    spots: Vec<Spot>,
    newest: HashMap<i64, String>,
    left_out: HashSet<(i64, i64)>,
    /// Where the newest release of a project can go, for those that are missing somewhere.
    choices: HashMap<i64, Choices>,
    /// How many deployments are under way, and how many wait.
    under_way: (u64, u64),
}

/// `/{company}/{space}`.
pub(super) fn show(visit: &Visit) -> Result<Answer> {
    let (visitor, space) = (&visit.visitor, visit.space()?);
    let asked = Asked::of(visit);
    let group = visit.call.asked("group").unwrap_or_default();
    let groups = seen::groups(visitor, &space, &groups::Filter::default(), Page::ALL)?.items;
    let chosen = groups.iter().find(|one| one.slug == group);
    let filter = projects::Filter {
        partial_name: asked.search.into(),
        group: chosen.map(|one| one.id.0),
        ..projects::Filter::default()
    };
    let sees = visitor.may_somewhere::<ProjectView>(&space);
    let Listed { items, total } = seen::projects(visitor, &space, &filter, asked.page())?;
    let board = board(visit, &items)?;

    let mut sections: Vec<Group> = Vec::new();
    let mut of: HashMap<i64, usize> = HashMap::new();
    for project in &items {
        let place = *of.entry(project.group.0).or_insert_with(|| {
            let known = groups.iter().find(|group| group.id == project.group);
            let name = known.map_or("Other projects", |group| group.name.as_str());
            sections.push(Group { name: name.to_owned(), summary: String::new(), rows: Vec::new() });
            sections.len() - 1
        });
        sections[place].rows.push(row(visit, &board, project));
    }
    for section in &mut sections {
        section.summary = count(section.rows.len() as u64, "project", "projects");
    }
    sections.sort_by_key(|section| section.name.to_lowercase());

    let address = visit.space_path("");
    let mut bar = FilterBar::new(&address, "Find a project", asked.search);
    if groups.len() > 1 {
        let mut choices = vec![Choice::new("", "All groups")];
        choices.extend(groups.iter().map(|one| Choice::new(&one.slug, &one.name).chosen(one.slug == group)));
        bar = bar.select("group", "Group", choices);
    }
    // A project can be added when it can be added to some group; the form offers those.
    let add = visit.offer(
        List::<ProjectCreate>::of(&space),
        Act::link("Add a project", visit.space_path("/projects/new")).icon("plus"),
    );
    Answer::page(&Dashboard {
        frame: visit.frame("dashboard", "Dashboard"),
        sentence: sentence(&board, total, sees),
        add,
        start: if board.spots.is_empty() { start::items(visit)? } else { Vec::new() },
        attention: attention(visit, &board.spots),
        attention_href: visit.path("/tasks?state=failed"),
        filter: bar,
        environments: board
            .environments
            .iter()
            .map(|one| Head {
                name: one.name.clone(),
                href: visit.space_path(&format!("/infrastructure/environments/{}", one.slug)),
            })
            .collect(),
        groups: sections,
        pager: asked.pager(total, &address, &[("group", group)]),
    })
}

fn board(visit: &Visit, items: &[Project]) -> Result<Board> {
    let (visitor, space) = (&visit.visitor, visit.space()?);
    let ids: Vec<Id<ids::Project>> = items.iter().map(|project| project.id).collect();
    let numbers: Vec<i64> = ids.iter().map(|id| id.0).collect();
    let spots = if !ids.is_empty() && visitor.may_somewhere::<DeploymentView>(&space) {
        let filter = deployments::Filter { projects: Some(numbers.clone()), ..deployments::Filter::default() };
        dashboard::spots(&visitor.ask(List::<DeploymentView>::of(&space))?, &filter)?
    } else {
        Vec::new()
    };
    let left_out = match ids.is_empty() {
        true => HashSet::new(),
        false => dashboard::left_out(&visitor.ask(List::<ProjectView>::of(&space))?, &numbers)?,
    };
    let (environments, newest) = (seen::environments_here(visit)?, standing::newest(visit, &ids)?);
    let mut choices = HashMap::new();
    for project in items {
        let is_there = |environment: &Environment| {
            let here =
                |spot: &Spot| spot.deployment.project == project.id && spot.deployment.environment == environment.id;
            spots.iter().any(here) || left_out.contains(&(project.id.0, environment.id.0))
        };
        let Some(version) = newest.get(&project.id.0).filter(|_| !environments.iter().all(is_there)) else { continue };
        let at: At<ids::Project> = visitor.locate(&space, &project.id.to_string())?;
        let release: At<ids::Release> = visitor.locate(&at, version)?;
        let ask = ReleaseView { release };
        if visitor.may(ask.clone()) {
            choices.insert(project.id.0, deployments::choices(&visitor.ask(ask)?)?);
        }
    }
    let under_way = under_way(visit, &spots)?;
    Ok(Board { environments, spots, newest, left_out, choices, under_way })
}

/// How many deployments are under way and how many wait: tasks are counted, as above every page, since a place whose
/// deployment is under way may have another one waiting (findings C4).
fn under_way(visit: &Visit, spots: &[Spot]) -> Result<(u64, u64)> {
    let (visitor, space) = (&visit.visitor, visit.space()?);
    if visitor.may_somewhere::<TaskView>(&space) {
        let granted = visitor.ask(List::<TaskView>::of(&space))?;
        let filter = tasks::Filter { work: Some(tasks::Work::Deploy), ..tasks::Filter::default() };
        let counts = tasks::counts(std::slice::from_ref(&granted), &filter)?;
        let of = |state: State| counts.get(&state).copied().unwrap_or(0).unsigned_abs();
        return Ok((of(State::Executing) + of(State::Cancelling), of(State::Queued)));
    }
    let number = |wanted: fn(State) -> bool| spots.iter().filter(|spot| wanted(spot.deployment.state)).count() as u64;
    Ok((number(State::is_running), number(|state| state == State::Queued)))
}

fn row(visit: &Visit, board: &Board, project: &Project) -> Row {
    let href = visit.space_path(&format!("/projects/{}", project.slug));
    let newest = board.newest.get(&project.id.0).cloned().unwrap_or_default();
    let cells = board.environments.iter().map(|environment| {
        let here: Vec<&Spot> = board
            .spots
            .iter()
            .filter(|spot| spot.deployment.project == project.id && spot.deployment.environment == environment.id)
            .collect();
        if !here.is_empty() {
            return standing::cell(visit, &here, &href);
        }
        if board.left_out.contains(&(project.id.0, environment.id.0)) {
            return Cell::closed();
        }
        let choices = board.choices.get(&project.id.0);
        let Some(place) = choices.and_then(|all| all.places.iter().find(|place| place.id == environment.id)) else {
            return Cell::none();
        };
        match place.reason() {
            Some(why) => Cell::none().waits(why),
            None if place.is_open() => Cell::none().start(
                "Deploy…",
                format!("{href}/releases/{}/deployments/new?environment={}", encode(&newest), environment.slug),
            ),
            None => Cell::none(),
        }
    });
    let cells = cells.collect();
    Row { name: project.name.clone(), newest, cells, href }
}

/// The answer in words.
fn sentence(board: &Board, projects: i64, sees: bool) -> String {
    let spots = &board.spots;
    if !sees {
        return "You may not see projects in this space. Your administrator can give you a role that does.".into();
    }
    if projects == 0 {
        return String::new();
    }
    let number = |wanted: fn(&Spot) -> bool| spots.iter().filter(|spot| wanted(spot)).count() as u64;
    let (running, queued) = board.under_way;
    let failed = number(|spot| standing::went_wrong(&spot.deployment));
    let behind = number(|spot| spot.behind > 0);
    let mut parts = Vec::new();
    for (many, words) in [(running, "running"), (queued, "waiting to run"), (failed, "failed"), (behind, "behind")] {
        if many > 0 {
            parts.push(format!("{} {words}", count(many, "deployment", "deployments")));
        }
    }
    let projects = count(projects as u64, "project", "projects");
    match (spots.is_empty(), parts.is_empty()) {
        (true, _) => format!("{projects}, nothing deployed yet."),
        (false, true) => format!("{projects}. Everything that was deployed runs the newest release."),
        (false, false) => format!("{projects}: {}.", parts.join(", ")),
    }
}

/// What failed last and was not put right since, newest first.
fn attention(visit: &Visit, spots: &[Spot]) -> Vec<Attention> {
    let mut wrong: Vec<&Spot> = spots.iter().filter(|spot| standing::went_wrong(&spot.deployment)).collect();
    wrong.sort_by_key(|spot| std::cmp::Reverse(standing::at(&spot.deployment)));
    let draw = |spot: &&Spot| {
        let one = &spot.deployment;
        let tenant = one.tenant_name.as_ref().map(|name| format!(" for {name}")).unwrap_or_default();
        Attention {
            chip: standing::chip(one).at(standing::when(standing::at(one))),
            href: standing::log_href(visit, one),
            title: format!("{} {} to {}{tenant}", one.project_name, one.version, one.environment_name),
            detail: one.error.lines().next().unwrap_or_default().chars().take(160).collect(),
            action: "See the log".into(),
        }
    };
    wrong.iter().take(5).map(draw).collect()
}

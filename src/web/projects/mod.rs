//! Pages of projects: all of them by group, one with what its last deployments did, and its settings.
//!
//! Does not know the pages of its process and its releases; they take the frame of a project from here.

mod overview;
mod settings;

pub(super) use overview::{Ground, Spot, choices, listed, show};
pub(super) use settings::{create, delete, new, settings, update};

use super::{
    caller::{Answer, Visit, encode},
    list::{Asked, ROWS},
    page::{Act, Chip, Choice, FilterBar, Frame, Pager},
    seen,
    standing::{at, chip, log_href, when},
    start,
};
use crate::{
    base::{
        error::Result,
        ids,
        paging::{Listed, Page},
    },
    company::{
        access::{
            At,
            permissions::{
                Anywhere, DeploymentCreate, DeploymentView, List as Listing, ProcessView, ProjectCreate, ProjectDelete,
                ProjectEdit, ProjectView, ReleaseCreate, ReleaseView, RunbookView,
            },
        },
        deployments::{self, Deployment},
        projects::{
            self, Filter, Project,
            groups::{self, Group},
        },
    },
};
use askama::Template;
use std::collections::HashMap;

#[derive(Template)]
#[template(path = "projects/list.html")]
struct List {
    frame: Frame,
    sentence: String,
    add: Act,
    filter: FilterBar,
    groups: Vec<Rows>,
    pager: Pager,
}
struct Rows {
    name: String,
    rows: Vec<Row>,
}
struct Row {
    name: String,
    description: String,
    href: String,
    is_disabled: bool,
    tenants: &'static str,
    last: Option<Last>,
}
struct Last {
    chip: Chip,
    what: String,
    href: String,
}

/// `/{company}/{space}/projects`
pub(super) fn base(visit: &Visit) -> String {
    visit.space_path("/projects")
}

/// A project that the visitor may see, and where its pages are.
pub(super) struct Of {
    /// Where it is.
    pub at: At<ids::Project>,
    /// The project.
    pub project: Project,
    /// `/{company}/{space}/projects/{slug}`
    pub address: String,
}

/// The project of the path.
pub(super) fn of(visit: &Visit) -> Result<Of> {
    let at: At<ids::Project> = visit.visitor.locate(&visit.space()?, visit.parameter("project"))?;
    let project = projects::show(&visit.visitor.ask(ProjectView { project: at.clone() })?)?;
    let address = format!("{}/{}", base(visit), project.slug);
    Ok(Of { at, project, address })
}

impl Of {
    /// The frame of one of its pages, with the faces that the visitor may see.
    pub fn frame(&self, visit: &Visit, title: &str, current: &str) -> Frame {
        let mut frame = visit.frame("projects", title).crumb("Projects", base(visit));
        if title != self.project.name {
            frame = frame.crumb(&self.project.name, &self.address);
        }
        let visitor = &visit.visitor;
        frame = frame.tab("Overview", &self.address, current == "overview");
        if visitor.may(ProcessView { project: self.at.clone() }) {
            frame = frame.tab("Process", self.page("process"), current == "process");
        }
        if visit.space().is_ok_and(|space| visitor.may_somewhere::<ReleaseView>(&space)) {
            frame = frame.tab("Releases", self.page("releases"), current == "releases");
        }
        if visit.space().is_ok_and(|space| visitor.may_somewhere::<DeploymentView>(&space)) {
            frame = frame.tab("Deployments", self.page("deployments"), current == "deployments");
        }
        if visitor.may(Anywhere::<RunbookView, _>::with(&self.at)) {
            frame = frame.tab("Runbooks", self.page("runbooks"), current == "runbooks");
        }
        if visitor.may(ProjectEdit { project: self.at.clone() })
            || visitor.may(ProjectDelete { project: self.at.clone() })
        {
            frame = frame.tab("Settings", self.page("settings"), current == "settings");
        }
        frame
    }
    /// The address of one of its pages.
    pub fn page(&self, rest: &str) -> String {
        format!("{}/{rest}", self.address)
    }
    /// The address of one of its releases.
    pub fn release(&self, version: &str) -> String {
        format!("{}/releases/{}", self.address, encode(version))
    }
    /// The button that leads to a new release.
    pub fn offer_release(&self, visit: &Visit) -> Act {
        let act = Act::link("Create a release", self.page("releases/new")).icon("plus");
        match self.project.is_disabled {
            true => act.off(format!("{} is disabled and takes no new releases.", self.project.name), ""),
            false => visit.offer(ReleaseCreate { project: self.at.clone() }, act),
        }
    }
    /// The button that leads to deploying one of its releases; `open`: it may be deployed to some environment.
    pub fn offer_deploy(&self, visit: &Visit, version: &str, open: bool) -> Act {
        let act = Act::link(format!("Deploy {version}…"), self.deploy(version)).primary().icon("rocket");
        if self.project.is_disabled {
            return act.off(format!("{} is disabled and is not deployed.", self.project.name), "");
        }
        match visit.offer(Anywhere::<DeploymentCreate, _>::with(&self.at), act) {
            act if open || !act.is_open() => act,
            act => start::first_environment(visit)
                .unwrap_or_else(|| act.off("It leads to no environment that you may deploy to.", "")),
        }
    }
    /// Where one of its releases is deployed.
    pub fn deploy(&self, version: &str) -> String {
        format!("{}/deployments/new", self.release(version))
    }
}

/// "1 project", "12 projects".
pub(super) fn counted(number: usize, word: &str) -> String {
    format!("{} {word}{}", super::page::thousands(number as u64), if number == 1 { "" } else { "s" })
}

/// The project groups that the visitor may see, by name.
fn groups(visit: &Visit, space: &At<ids::Space>) -> Result<Vec<Group>> {
    Ok(seen::groups(&visit.visitor, space, &groups::Filter::default(), Page::ALL)?.items)
}

/// All projects, by group.
pub(super) fn list(visit: &Visit) -> Result<Answer> {
    let space = visit.space()?;
    let granted = visit.visitor.ask(Listing::<ProjectView>::of(&space))?;
    let (group, state) = (visit.call.asked("group").unwrap_or_default(), visit.call.asked("state").unwrap_or_default());
    let known = groups(visit, &space)?;
    let chosen = known.iter().find(|one| one.slug.eq_ignore_ascii_case(group) || one.id.to_string() == group);
    let asked = Asked::of(visit);
    let filter = Filter {
        partial_name: asked.search.into(),
        group: chosen.map(|one| one.id.0),
        is_disabled: match state {
            "enabled" => Some(false),
            "disabled" => Some(true),
            _ => None,
        },
        ..Filter::default()
    };
    let mut found = projects::list(&granted, &filter, Page::ALL)?.items;
    let name_of = |project: &Project| known.iter().find(|group| group.id == project.group).map_or("", |g| &g.name);
    // Those in a group that the visitor may not see come last, under a heading that does not name it.
    found.sort_by_cached_key(|project| {
        let group = name_of(project);
        (group.is_empty(), group.to_lowercase(), project.name.to_lowercase())
    });
    let total = found.len();
    let asked = asked.within(total as i64);
    let page: Vec<&Project> = Listed::from_all(asked.page(), found.iter().collect()).items;
    let last = last_of_each(visit, &space, &page)?;
    let mut rows: Vec<Rows> = Vec::new();
    for project in page {
        let group = Some(name_of(project)).filter(|name| !name.is_empty()).unwrap_or("Other projects");
        if rows.last().is_none_or(|rows| rows.name != group) {
            rows.push(Rows { name: group.into(), rows: Vec::new() });
        }
        if let Some(rows) = rows.last_mut() {
            rows.rows.push(row(visit, project, last.get(&project.id.0)));
        }
    }
    let option = |value: &str, label: &str| Choice::new(value, label).chosen(state == value);
    let mut bar = FilterBar::new(base(visit), "Find a project", asked.search);
    if known.len() > 1 {
        let mut choices = vec![Choice::new("", "All groups")];
        choices.extend(
            known
                .iter()
                .map(|one| Choice::new(&one.slug, &one.name).chosen(chosen.is_some_and(|chosen| chosen.id == one.id))),
        );
        bar = bar.select("group", "Group", choices);
    }
    let states = vec![option("", "Any"), option("enabled", "In use"), option("disabled", "Disabled")];
    let present = rows.len();
    Answer::page(&List {
        frame: visit.frame("projects", "Projects"),
        sentence: match (total, present) {
            (0, _) => "What is deployed, how, and in which releases.".into(),
            (total, groups) if (total as i64) <= ROWS => {
                format!("{} in {}.", counted(total, "project"), counted(groups, "group"))
            }
            (total, _) => format!("{}.", counted(total, "project")),
        },
        add: visit.offer(
            Listing::<ProjectCreate>::of(&space),
            Act::link("Add a project", format!("{}/new", base(visit))).primary().icon("plus"),
        ),
        filter: bar.select("state", "State", states),
        groups: rows,
        pager: asked.pager(total as i64, &base(visit), &[("group", group), ("state", state)]),
    })
}

fn row(visit: &Visit, project: &Project, last: Option<&Deployment>) -> Row {
    Row {
        name: project.name.clone(),
        description: project.description.lines().next().unwrap_or_default().chars().take(140).collect(),
        href: format!("{}/{}", base(visit), project.slug),
        is_disabled: project.is_disabled,
        tenants: match project.tenanted {
            projects::TenantedMode::Untenanted => "",
            projects::TenantedMode::TenantedOrUntenanted => "With or without",
            projects::TenantedMode::Tenanted => "Always",
        },
        last: last.map(|deployment| Last {
            chip: chip(deployment).at(when(at(deployment))),
            what: went(deployment),
            href: log_href(visit, deployment),
        }),
    }
}

/// "1.2.0 to Production for Contoso".
fn went(deployment: &Deployment) -> String {
    let whom = deployment.tenant_name.as_ref().map(|name| format!(" for {name}")).unwrap_or_default();
    format!("{} to {}{whom}", deployment.version, deployment.environment_name)
}

/// The newest deployment of each of some projects, of those that the visitor may see.
fn last_of_each(visit: &Visit, space: &At<ids::Space>, projects: &[&Project]) -> Result<HashMap<i64, Deployment>> {
    if projects.is_empty() || !visit.visitor.may_somewhere::<DeploymentView>(space) {
        return Ok(HashMap::new());
    }
    let granted = visit.visitor.ask(Listing::<DeploymentView>::of(space))?;
    let filter = deployments::Filter {
        projects: Some(projects.iter().map(|project| project.id.0).collect()),
        ..deployments::Filter::default()
    };
    let mut out: HashMap<i64, Deployment> = HashMap::new();
    // Newest first: the first of a project stays.
    for deployment in deployments::latest(&granted, &filter)? {
        out.entry(deployment.project.0).or_insert(deployment);
    }
    Ok(out)
}

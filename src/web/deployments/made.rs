//! Deployments that were made: the list of a project, and one of them.

use super::project_path;
use crate::{
    base::{
        clock,
        error::{Error, Result},
        ids::Tenant,
    },
    company::{
        access::permissions::{DeploymentCreate, DeploymentView, List as Listing, TaskView},
        deployments::{self, Deployment, Filter},
    },
    web::{
        caller::{Answer, Visit},
        list::Asked,
        page::{Act, Chip, FilterBar, Frame, Kv, Pager, When},
        tasks::{chip, state_choices, states, when},
    },
};
use askama::Template;

#[derive(Template)]
#[template(path = "deployments/list.html")]
struct List {
    frame: Frame,
    filter: FilterBar,
    rows: Vec<Row>,
    pager: Pager,
}

struct Row {
    href: String,
    version: String,
    to: String,
    chip: Chip,
    who: String,
    queued: When,
}

#[derive(Template)]
#[template(path = "deployments/show.html")]
struct Show {
    frame: Frame,
    chip: Chip,
    log_href: Option<String>,
    again: Act,
    failure: String,
    about: Kv,
}

/// The deployments of a project.
pub(in crate::web) fn list(visit: &Visit) -> Result<Answer> {
    let (visitor, space) = (&visit.visitor, visit.space()?);
    let of = crate::web::projects::of(visit)?;
    let granted = visitor.ask(Listing::<DeploymentView>::of(&space))?;
    let (asked, state) = (Asked::of(visit), visit.call.asked("state").unwrap_or_default());
    let filter = Filter {
        projects: Some(vec![of.at.id().0]),
        states: states(state),
        search: asked.search.into(),
        ..Filter::default()
    };
    let found = deployments::list(&granted, &filter, asked.page())?;
    let address = project_path(visit, "/deployments");
    let bar = FilterBar::new(&address, "Find by version, environment or tenant", asked.search).select(
        "state",
        "State",
        state_choices(state),
    );
    let rows = found.items.iter().map(|one| Row {
        href: format!("{address}/{}", one.id),
        version: one.version.clone(),
        to: to(one),
        chip: chip(one.state, one.warnings, one.completed_at).title(&one.error),
        who: one.created_by.clone(),
        queued: when(one.created_at),
    });
    Answer::page(&List {
        frame: of.frame(visit, &format!("Deployments of {}", of.project.name), "deployments"),
        filter: bar,
        rows: rows.collect(),
        pager: asked.pager(found.total, &address, &[("state", state)]),
    })
}

fn to(one: &Deployment) -> String {
    match &one.tenant_name {
        Some(tenant) => format!("{} for {tenant}", one.environment_name),
        None => one.environment_name.clone(),
    }
}

/// One deployment.
pub(in crate::web) fn show(visit: &Visit) -> Result<Answer> {
    let (visitor, space) = (&visit.visitor, visit.space()?);
    let granted = visitor.ask(DeploymentView { deployment: visitor.locate(&space, visit.parameter("deployment"))? })?;
    let one = deployments::show(&granted)?;
    if visit.parameter("project") != one.project_slug && visit.parameter("project") != one.project.to_string() {
        return Err(Error::NotFound(visit.parameter("deployment").to_owned()));
    }
    let task = visitor.locate(&space, &one.task.to_string())?;
    let log_href = visitor.may(TaskView { task }).then(|| visit.path(&format!("/tasks/{}", one.task)));
    let release = project_path(visit, &format!("/releases/{}", one.version));
    let tenant = one.tenant.map(|tenant| visitor.locate::<Tenant>(&space, &tenant.to_string())).transpose()?;
    let place = DeploymentCreate {
        project: visitor.locate(&space, &one.project.to_string())?,
        environment: visitor.locate(&space, &one.environment.to_string())?,
        tenant,
    };
    let again = format!(
        "{release}/deployments/new?environment={}{}",
        one.environment,
        match &one.tenant_slug {
            Some(slug) => format!("&tenant={slug}"),
            None => String::new(),
        }
    );
    let mut about = Kv::new()
        .link("Project", &one.project_name, project_path(visit, ""))
        .link("Release", &one.version, &release)
        .link(
            "Environment",
            &one.environment_name,
            visit.space_path(&format!("/infrastructure/environments/{}", one.environment)),
        );
    if let (Some(name), Some(slug)) = (&one.tenant_name, &one.tenant_slug) {
        about = about.link("Tenant", name, visit.space_path(&format!("/tenants/{slug}")));
    }
    about = course(about, (one.created_at, &one.created_by), (one.started_at, one.completed_at));
    about = asked_with(about, &one.skip_steps, &one.comments);
    about = about.mono("Id", one.id.to_string());
    Answer::page(&Show {
        frame: visit
            .frame("projects", format!("{} {} to {}", one.project_name, one.version, to(&one)))
            .crumb("Projects", visit.space_path("/projects"))
            .crumb(&one.project_name, project_path(visit, ""))
            .crumb("Deployments", project_path(visit, "/deployments")),
        chip: chip(one.state, one.warnings, one.completed_at.or(one.started_at)),
        log_href,
        again: visit.offer(place, Act::link("Deploy again…", again).primary().icon("rocket")),
        failure: one.error.clone(),
        about,
    })
}

/// Adds when a deployment or run was asked for and by whom, when it began and how long it took or has taken so far.
pub(in crate::web) fn course(
    about: Kv,
    asked: (clock::Moment, &str),
    times: (Option<clock::Moment>, Option<clock::Moment>),
) -> Kv {
    let about = about.when("Asked for", when(asked.0)).hint(format!("by {}", asked.1));
    let (Some(begun), ended) = times else { return about };
    about.when("Began", when(begun)).row("Took", clock::duration(ended.unwrap_or_else(clock::now).0 - begun.0))
}

/// Adds what was said of a deployment or run when it was asked for.
pub(in crate::web) fn asked_with(mut about: Kv, skipped: &[String], comments: &str) -> Kv {
    if !skipped.is_empty() {
        about = about.row("Left out", skipped.join(", "));
    }
    if !comments.is_empty() {
        about = about.row("Comments", comments);
    }
    about
}

//! What a task is about, and where one goes from it: its project, release or runbook, environment and tenant; again;
//! onwards (findings C14).

use crate::{
    base::{
        error::Result,
        ids::{self, Id},
    },
    company::{
        access::{
            At,
            permissions::{
                DeploymentCreate, DeploymentView, ProjectView, ReleaseView, RunbookRunCreate, RunbookRunView,
                RunbookView,
            },
        },
        deployments::{self, Deployment},
        projects,
        runbooks::{self, Run},
        tasks::{State, Task, Work},
    },
    web::{
        caller::Visit,
        page::{Act, Kv},
    },
};

/// What stands beside the log.
#[derive(Default)]
pub(super) struct WhereTo {
    pub about: Kv,
    pub acts: Vec<Act>,
}

/// For a deployment or a run that the visitor may see; nothing for other tasks.
pub(super) fn of(visit: &Visit, task: &Task) -> Result<WhereTo> {
    let Some(space) = task.space else { return Ok(WhereTo::default()) };
    let visitor = &visit.visitor;
    let space = visitor.locate_space(&space.to_string())?;
    let slug = visitor.spaces()?.into_iter().find(|row| row.id == space.id()).map(|row| row.slug).unwrap_or_default();
    let own = visit.path(&format!("/{slug}"));
    if let (Work::Deploy, Some(id)) = (task.work, task.arguments.get("DeploymentId")) {
        let ask = DeploymentView { deployment: visitor.locate(&space, id)? };
        if visitor.may(ask.clone()) {
            return of_deployment(visit, &space, &own, &deployments::show(&visitor.ask(ask)?)?);
        }
    }
    if let (Work::RunbookRun, Some(id)) = (task.work, task.arguments.get("RunbookRunId")) {
        let ask = RunbookRunView { run: visitor.locate(&space, id)? };
        if visitor.may(ask.clone()) {
            return of_run(visit, &space, &own, &runbooks::show_run(&visitor.ask(ask)?)?);
        }
    }
    Ok(WhereTo::default())
}

fn of_deployment(visit: &Visit, space: &At<ids::Space>, own: &str, one: &Deployment) -> Result<WhereTo> {
    let visitor = &visit.visitor;
    let project = format!("{own}/projects/{}", one.project_slug);
    let release = format!("{project}/releases/{}", one.version);
    let mut about = Kv::new()
        .link("Project", &one.project_name, &project)
        .link("Release", &one.version, &release)
        .link("Environment", &one.environment_name, format!("{own}/infrastructure/environments/{}", one.environment));
    if let (Some(name), Some(slug)) = (&one.tenant_name, &one.tenant_slug) {
        about = about.link("Tenant", name, format!("{own}/tenants/{slug}"));
    }
    about = about.link("Deployment", one.id.to_string(), format!("{project}/deployments/{}", one.id));
    let for_tenant = one.tenant_slug.as_ref().map(|slug| format!("&tenant={slug}")).unwrap_or_default();
    let form =
        |environment: Id<ids::Environment>| format!("{release}/deployments/new?environment={environment}{for_tenant}");
    let mut acts = Vec::new();
    if one.state.is_completed() && one.state != State::Success {
        let place = DeploymentCreate {
            project: visitor.locate(space, &one.project.to_string())?,
            environment: visitor.locate(space, &one.environment.to_string())?,
            tenant: one.tenant.map(|tenant| visitor.locate(space, &tenant.to_string())).transpose()?,
        };
        acts.push(visit.offer(place, Act::link("Try again…", form(one.environment)).primary().icon("rocket")));
    }
    if one.state == State::Success
        && let Some((environment, name)) = next(visit, space, one)?
    {
        acts.push(Act::link(format!("Deploy to {name}…"), form(environment)).icon("rocket"));
    }
    Ok(WhereTo { about, acts })
}

fn of_run(visit: &Visit, space: &At<ids::Space>, own: &str, one: &Run) -> Result<WhereTo> {
    let visitor = &visit.visitor;
    let address = format!("{own}/projects/{}", one.project_slug);
    let runbook = format!("{address}/runbooks/{}", one.runbook_slug);
    let mut about = Kv::new();
    let project = ProjectView { project: visitor.locate(space, &one.project.to_string())? };
    if visitor.may(project.clone()) {
        about = about.link("Project", projects::show(&visitor.ask(project)?)?.name, &address);
    }
    let at: At<ids::Runbook> = visitor.locate(space, &one.runbook.to_string())?;
    about = match visitor.may(RunbookView { runbook: at.clone() }) {
        true => about.link("Runbook", &one.runbook_name, &runbook).link(
            "Snapshot",
            &one.snapshot_name,
            format!("{runbook}/snapshots/{}", one.snapshot),
        ),
        false => about.row("Runbook", &one.runbook_name).row("Snapshot", &one.snapshot_name),
    };
    about = about.link(
        "Environment",
        &one.environment_name,
        format!("{own}/infrastructure/environments/{}", one.environment),
    );
    if let (Some(id), Some(name)) = (one.tenant, &one.tenant_name) {
        about = about.link("Tenant", name, format!("{own}/tenants/{id}"));
    }
    about = about.link("Run", one.id.to_string(), format!("{runbook}/runs/{}", one.id));
    let mut acts = Vec::new();
    if one.state.is_completed() {
        let label = if one.state == State::Success { "Run it again…" } else { "Try again…" };
        let for_tenant = one.tenant.map(|tenant| format!("&tenant={tenant}")).unwrap_or_default();
        let form = format!("{runbook}/run?environment={}{for_tenant}", one.environment);
        let place = RunbookRunCreate {
            runbook: at,
            environment: visitor.locate(space, &one.environment.to_string())?,
            tenant: one.tenant.map(|tenant| visitor.locate(space, &tenant.to_string())).transpose()?,
        };
        acts.push(visit.offer(place, Act::link(label, form).primary().icon("play")));
    }
    Ok(WhereTo { about, acts })
}

/// The next environment for the same tenant, where the visitor may send it.
fn next(visit: &Visit, space: &At<ids::Space>, one: &Deployment) -> Result<Option<(Id<ids::Environment>, String)>> {
    let ask = ReleaseView { release: visit.visitor.locate(space, &one.release.to_string())? };
    if !visit.visitor.may(ask.clone()) {
        return Ok(None);
    }
    let choices = deployments::choices(&visit.visitor.ask(ask)?)?;
    let number = choices.tenants.iter().position(|tenant| Some(tenant.id) == one.tenant);
    let place = choices.places.iter().find(|place| {
        let verdict = match one.tenant {
            None => place.alone.as_ref(),
            Some(_) => number.and_then(|number| place.tenants.get(number)),
        };
        verdict.is_some_and(|verdict| verdict.is_open() && !verdict.has)
    });
    Ok(place.map(|place| (place.id, place.name.clone())))
}

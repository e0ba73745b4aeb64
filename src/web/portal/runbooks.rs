//! Runbooks in the portal: those that are published and may be run for this tenant, the step before a run, and its log.

use super::{
    Happened, Here, chip,
    place::{Course, log_of},
    who,
};
use crate::{
    base::{
        error::{Error, Result},
        ids::{self, Id},
        paging::Page,
    },
    company::{
        access::{
            At, Visitor,
            permissions::{
                EnvironmentView, List as Listing, ProjectView, RunbookRunCreate, RunbookRunView, RunbookView,
                TaskCancel, TaskView, TenantView,
            },
        },
        deployments::Options,
        environments::{self, Environment},
        projects::{self, Project},
        runbooks::{self, Run, RunFilter, Runbook, Which},
        tasks,
    },
    web::{
        caller::{Answer, Visit},
        page::{Chip, Frame, When},
        standing,
    },
};
use askama::Template;

/// A runbook that may be run for the tenant.
pub(super) struct Offered {
    pub name: String,
    pub description: String,
    /// How its last run for the tenant stands, and its log.
    pub last: Option<(Chip, When, String)>,
    /// Each environment it may run in: its name, and where the run is confirmed.
    pub places: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "portal/confirm_run.html")]
struct Confirm {
    frame: Frame,
    back: String,
    back_label: String,
    runbook: String,
    project: String,
    environment: String,
    description: String,
    action: String,
    problem: String,
}

fn address(visit: &Visit, here: &Here, project: &str, runbook: &str) -> String {
    here.path(visit, &format!("/{project}/runbooks/{runbook}"))
}

fn may_run(here: &Here, visitor: &Visitor, runbook: &At<ids::Runbook>, environment: &At<ids::Environment>) -> bool {
    let (runbook, environment) = (runbook.clone(), environment.clone());
    let what = RunbookRunCreate { runbook, environment, tenant: Some(here.at.clone()) };
    !here.tenant.is_disabled && visitor.may(what)
}

/// Why it cannot be run for the tenant in an environment now.
fn obstacle(
    visit: &Visit,
    here: &Here,
    runbook: &At<ids::Runbook>,
    environment: &At<ids::Environment>,
) -> Result<Option<String>> {
    let visitor = &visit.visitor;
    let seen = visitor.ask(RunbookView { runbook: runbook.clone() })?;
    let environment = visitor.ask(EnvironmentView { environment: environment.clone() })?;
    let tenant = visitor.ask(TenantView { tenant: here.at.clone() })?;
    Ok(runbooks::preview(&seen, &environment, Some(&tenant), &Which::Published, &[])?.obstacle)
}

/// The published runbooks of a project that may be run for the tenant somewhere now.
pub(super) fn offered(
    visit: &Visit,
    here: &Here,
    project: &Project,
    connected: &[&Environment],
) -> Result<Vec<Offered>> {
    let visitor = &visit.visitor;
    if here.tenant.is_disabled
        || !visitor.may_somewhere::<RunbookView>(&here.space)
        || !visitor.may_somewhere::<RunbookRunCreate>(&here.space)
    {
        return Ok(Vec::new());
    }
    let granted = visitor.ask(Listing::<RunbookView>::of(&here.space))?;
    let filter = runbooks::Filter { projects: Some(vec![project.id.0]), ..Default::default() };
    let mut all = Vec::new();
    for one in runbooks::list(&granted, &filter, Page::ALL)?.items {
        if one.published.is_none() || !one.tenanted.with_tenant() {
            continue;
        }
        let at: At<ids::Runbook> = visitor.locate(&here.space, &one.id.to_string())?;
        let mut places = Vec::new();
        for environment in connected {
            let place = visitor.locate(&here.space, &environment.id.to_string())?;
            if may_run(here, visitor, &at, &place) && obstacle(visit, here, &at, &place)?.is_none() {
                let href = format!("{}/{}", address(visit, here, &project.slug, &one.slug), environment.slug);
                places.push((environment.name.clone(), href));
            }
        }
        if !places.is_empty() {
            let last = runs(visit, here, Some(one.id), 1)?.pop();
            let last = last.map(|run| {
                let when = standing::when(run.completed_at.or(run.started_at).unwrap_or(run.created_at));
                (chip(run.state, run.warnings), when, log_href(visit, here, &run))
            });
            all.push(Offered { name: one.name, description: one.description, last, places });
        }
    }
    Ok(all)
}

/// The newest runs for the tenant that the visitor may see, of one runbook or of all.
pub(super) fn runs(visit: &Visit, here: &Here, of: Option<Id<ids::Runbook>>, take: i64) -> Result<Vec<Run>> {
    if !visit.visitor.may_somewhere::<RunbookRunView>(&here.space) {
        return Ok(Vec::new());
    }
    let granted = visit.visitor.ask(Listing::<RunbookRunView>::of(&here.space))?;
    let filter = RunFilter {
        tenants: Some(vec![here.tenant.id.0]),
        runbooks: of.map(|runbook| vec![runbook.0]),
        ..RunFilter::default()
    };
    Ok(runbooks::list_runs(&granted, &filter, Page { skip: 0, take })?.items)
}

fn log_href(visit: &Visit, here: &Here, run: &Run) -> String {
    format!("{}/runs/{}", address(visit, here, &run.project_slug, &run.runbook_slug), run.id)
}

fn title(run: &Run) -> String {
    format!("{} in {}", run.runbook_name, run.environment_name)
}

/// A run among what happened.
pub(super) fn happened(visit: &Visit, here: &Here, run: &Run) -> Happened {
    Happened {
        chip: chip(run.state, run.warnings),
        words: title(run),
        who: who(visit, run.created_by_id),
        at: run.created_at,
        when: standing::when(run.completed_at.or(run.started_at).unwrap_or(run.created_at)),
        href: Some(log_href(visit, here, run)),
    }
}

/// A runbook in a place that the tenant is connected to.
struct Spot {
    here: Here,
    runbook: Runbook,
    at: At<ids::Runbook>,
    project: String,
    environment: At<ids::Environment>,
    environment_name: String,
    action: String,
}

/// The published runbook of the path, for tenants.
fn runbook(visit: &Visit, here: &Here) -> Result<(Project, At<ids::Runbook>, Runbook)> {
    let (visitor, text) = (&visit.visitor, visit.parameter("runbook"));
    let project: At<ids::Project> = visitor.locate(&here.space, visit.parameter("project"))?;
    let shown = projects::show(&visitor.ask(ProjectView { project: project.clone() })?)?;
    let at: At<ids::Runbook> = visitor.locate(&project, text)?;
    let found = runbooks::show(&visitor.ask(RunbookView { runbook: at.clone() })?)?;
    let connected = here.tenant.connections.iter().any(|one| one.project == shown.id);
    if connected { Ok((shown, at, found)) } else { Err(Error::NotFound(text.to_owned())) }
}

impl Spot {
    fn of(visit: &Visit) -> Result<Spot> {
        let (visitor, here) = (&visit.visitor, Here::of(visit)?);
        let (project, at, runbook) = runbook(visit, &here)?;
        let environment: At<ids::Environment> = visitor.locate(&here.space, visit.parameter("environment"))?;
        let place = environments::show(&visitor.ask(EnvironmentView { environment: environment.clone() })?)?;
        let what =
            RunbookRunCreate { runbook: at.clone(), environment: environment.clone(), tenant: Some(here.at.clone()) };
        visitor.ask(what)?;
        // What is not published, or not for tenants, is nothing to them.
        if runbook.published.is_none() || !runbook.tenanted.with_tenant() {
            return Err(Error::NotFound(visit.parameter("runbook").to_owned()));
        }
        let action = format!("{}/{}", address(visit, &here, &project.slug, &runbook.slug), place.slug);
        Ok(Spot { here, runbook, at, project: project.name, environment, environment_name: place.name, action })
    }
}

fn confirmation(visit: &Visit, spot: &Spot, problem: Option<String>) -> Result<Confirm> {
    let problem = match problem {
        Some(problem) => problem,
        None => obstacle(visit, &spot.here, &spot.at, &spot.environment)?.unwrap_or_default(),
    };
    Ok(Confirm {
        frame: spot.here.frame(visit, format!("Run {}", spot.runbook.name)),
        back: spot.here.path(visit, ""),
        back_label: spot.here.tenant.name.clone(),
        runbook: spot.runbook.name.clone(),
        project: spot.project.clone(),
        environment: spot.environment_name.clone(),
        description: spot.runbook.description.clone(),
        action: spot.action.clone(),
        problem,
    })
}

/// The step before a run.
pub(in crate::web) fn confirm_run(visit: &Visit) -> Result<Answer> {
    let spot = Spot::of(visit)?;
    Answer::page(&confirmation(visit, &spot, None)?)
}

/// It was confirmed.
pub(in crate::web) fn run(visit: &Visit) -> Result<Answer> {
    let spot = Spot::of(visit)?;
    let places = [(spot.environment.clone(), Some(spot.here.at.clone()))];
    match runbooks::run(&visit.visitor, &spot.at, &Which::Published, &places, &Options::default()) {
        Ok(made) => {
            let one = made.first().ok_or_else(|| Error::internal("nothing was run"))?;
            let say = format!("{} is about to run in {}.", one.runbook_name, one.environment_name);
            // Whoever may run it and may not see runs stays at home.
            let seen = visit.visitor.locate(&spot.here.space, &one.id.to_string());
            let sees = seen.is_ok_and(|run| visit.visitor.may(RunbookRunView { run }));
            let task = visit.visitor.locate(&spot.here.space, &one.task.to_string());
            let log = sees && task.is_ok_and(|task| visit.visitor.may(TaskView { task }));
            let to = if log { log_href(visit, &spot.here, one) } else { spot.here.path(visit, "") };
            Answer::done(to, say)
        }
        Err(Error::Conflict(problem)) => Answer::refused(&confirmation(visit, &spot, Some(problem))?),
        Err(Error::Invalid(wrong)) => {
            let words: Vec<&str> = wrong.iter().map(|(_, message)| message).collect();
            Answer::refused(&confirmation(visit, &spot, Some(words.join(" ")))?)
        }
        Err(other) => Err(other),
    }
}

/// A run for this tenant, of the runbook of the path.
fn found(visit: &Visit) -> Result<(Here, Run)> {
    let here = Here::of(visit)?;
    let (_, at, _) = runbook(visit, &here)?;
    let text = visit.parameter("run");
    let one =
        runbooks::show_run(&visit.visitor.ask(RunbookRunView { run: visit.visitor.locate(&here.space, text)? })?)?;
    let same = one.tenant == Some(here.tenant.id) && one.runbook == at.id();
    if same { Ok((here, one)) } else { Err(Error::NotFound(text.to_owned())) }
}

/// Its log, as it grows.
pub(in crate::web) fn run_log(visit: &Visit) -> Result<Answer> {
    let (here, one) = found(visit)?;
    let course = Course {
        title: title(&one),
        href: log_href(visit, &here, &one),
        task: one.task,
        state: one.state,
        warnings: one.warnings,
        who: who(visit, one.created_by_id),
        created_at: one.created_at,
        started_at: one.started_at,
        completed_at: one.completed_at,
        failure: "It did not go well. The log says where it stopped.",
    };
    log_of(visit, &here, &course)
}

/// Stops it.
pub(in crate::web) fn cancel_run(visit: &Visit) -> Result<Answer> {
    let (here, one) = found(visit)?;
    let task = visit.visitor.locate(&here.space, &one.task.to_string())?;
    tasks::cancel(&visit.visitor.ask(TaskCancel { task })?)?;
    Answer::done(log_href(visit, &here, &one), "It was told to stop.")
}

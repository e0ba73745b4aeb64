//! One place of the portal: what ran there, which versions may go there, the step before a deployment, and its log.

use super::{Happened, Here, chip, happened, log_href, who};
use crate::{
    base::{
        clock::{self, Moment},
        error::{Error, Result},
        ids,
        paging::Page,
    },
    company::{
        access::{
            At,
            permissions::{
                DeploymentCreate, DeploymentView, EnvironmentView, List as Listing, ProjectView, ReleaseView,
                TaskCancel, TaskView,
            },
        },
        deployments::{self, Deployment, Options},
        environments, projects, releases, tasks,
    },
    web::{
        caller::{Answer, Visit, encode},
        page::{Chip, Frame, LogView, Prose, When},
        standing,
    },
};
use askama::Template;

/// So many versions are offered.
const VERSIONS: i64 = 20;

#[derive(Template)]
#[template(path = "portal/place.html")]
struct Place {
    frame: Frame,
    back: String,
    back_label: String,
    now: Option<Now>,
    versions: Vec<Version>,
    history: Vec<Happened>,
}
struct Now {
    version: String,
    chip: Chip,
    when: When,
}
struct Version {
    version: String,
    notes: String,
    when: When,
    is_here: bool,
    /// Where its deployment is confirmed; empty when it cannot be deployed.
    href: String,
    obstacle: String,
}

#[derive(Template)]
#[template(path = "portal/confirm.html")]
struct Confirm {
    frame: Frame,
    back: String,
    back_label: String,
    project: String,
    environment: String,
    before: String,
    version: String,
    notes: Prose,
    action: String,
    problem: String,
}

#[derive(Template)]
#[template(path = "portal/log.html")]
struct Log {
    frame: Frame,
    back: String,
    back_label: String,
    chip: Chip,
    facts: Vec<String>,
    /// Said when it did not go well.
    failure: &'static str,
    cancel: Option<String>,
    log: LogView,
}

struct Spot {
    here: Here,
    project: At<ids::Project>,
    project_name: String,
    environment: At<ids::Environment>,
    environment_name: String,
    href: String,
}

impl Spot {
    /// From the address: a place that the tenant is connected to, or nothing.
    fn of(visit: &Visit) -> Result<Spot> {
        let (visitor, here) = (&visit.visitor, Here::of(visit)?);
        let project: At<ids::Project> = visitor.locate(&here.space, visit.parameter("project"))?;
        let environment: At<ids::Environment> = visitor.locate(&here.space, visit.parameter("environment"))?;
        let connected = here
            .tenant
            .connections
            .iter()
            .any(|one| one.project == project.id() && one.environments.contains(&environment.id()));
        if !connected {
            return Err(Error::NotFound(visit.parameter("environment").to_owned()));
        }
        let shown = projects::show(&visitor.ask(ProjectView { project: project.clone() })?)?;
        let place = environments::show(&visitor.ask(EnvironmentView { environment: environment.clone() })?)?;
        let href = here.path(visit, &format!("/{}/{}", shown.slug, place.slug));
        Ok(Spot { here, project, project_name: shown.name, environment, environment_name: place.name, href })
    }
    fn title(&self) -> String {
        format!("{} · {}", self.project_name, self.environment_name)
    }
    fn history(&self, visit: &Visit) -> Result<Vec<Deployment>> {
        if !visit.visitor.may_somewhere::<DeploymentView>(&self.here.space) {
            return Ok(Vec::new());
        }
        let granted = visit.visitor.ask(Listing::<DeploymentView>::of(&self.here.space))?;
        let filter = deployments::Filter {
            projects: Some(vec![self.project.id().0]),
            environments: Some(vec![self.environment.id().0]),
            ..self.here.filter()
        };
        Ok(deployments::list(&granted, &filter, Page { skip: 0, take: 10 })?.items)
    }
}

/// What runs in one place, and what may go there.
pub(in crate::web) fn show(visit: &Visit) -> Result<Answer> {
    let spot = Spot::of(visit)?;
    let history = spot.history(visit)?;
    let may = spot.here.may_deploy(visit, &spot.project, &spot.environment);
    let present = history.first();
    let mut versions = Vec::new();
    for release in spot.here.releases(visit, spot.project.id(), VERSIONS)? {
        let obstacle = spot.here.obstacle(visit, release.id, spot.environment.id())?;
        let open = may && obstacle.is_none();
        versions.push(Version {
            href: if open { format!("{}/{}", spot.href, encode(&release.version)) } else { String::new() },
            obstacle: if may { obstacle.unwrap_or_default() } else { "You may look, but not deploy here.".into() },
            is_here: present.is_some_and(|one| one.release == release.id),
            notes: Prose::first_line(&release.notes, 200),
            when: standing::when(release.assembled_at),
            version: release.version,
        });
    }
    Answer::page(&Place {
        frame: spot.here.frame(visit, spot.title()),
        back: spot.here.path(visit, ""),
        back_label: spot.here.tenant.name.clone(),
        now: present.map(|one| Now {
            version: one.version.clone(),
            chip: chip(one.state, one.warnings),
            when: standing::when(standing::at(one)),
        }),
        versions,
        history: history.iter().map(|one| happened(visit, &spot.here, one)).collect(),
    })
}

fn release_of(visit: &Visit, spot: &Spot) -> Result<(At<ids::Release>, releases::Release)> {
    let release: At<ids::Release> = visit.visitor.locate(&spot.project, visit.parameter("version"))?;
    let shown = releases::show(&visit.visitor.ask(ReleaseView { release: release.clone() })?)?;
    Ok((release, shown))
}

fn ask_to_deploy(visit: &Visit, spot: &Spot) -> Result<()> {
    visit.visitor.ask(DeploymentCreate {
        project: spot.project.clone(),
        environment: spot.environment.clone(),
        tenant: Some(spot.here.at.clone()),
    })?;
    Ok(())
}

fn confirmation(visit: &Visit, spot: &Spot, problem: Option<String>) -> Result<Confirm> {
    let (_, release) = release_of(visit, spot)?;
    let before = spot.history(visit)?.first().map(|one| one.version.clone()).unwrap_or_default();
    let problem = match problem {
        Some(problem) => problem,
        None => spot.here.obstacle(visit, release.id, spot.environment.id())?.unwrap_or_default(),
    };
    Ok(Confirm {
        frame: spot.here.frame(visit, format!("Deploy {} {}", spot.project_name, release.version)),
        back: spot.href.clone(),
        back_label: spot.title(),
        project: spot.project_name.clone(),
        environment: spot.environment_name.clone(),
        before,
        action: format!("{}/{}", spot.href, encode(&release.version)),
        version: release.version,
        notes: Prose::of(&release.notes),
        problem,
    })
}

/// The step before a deployment.
pub(in crate::web) fn confirm(visit: &Visit) -> Result<Answer> {
    let spot = Spot::of(visit)?;
    ask_to_deploy(visit, &spot)?;
    Answer::page(&confirmation(visit, &spot, None)?)
}

/// It was confirmed.
pub(in crate::web) fn deploy(visit: &Visit) -> Result<Answer> {
    let spot = Spot::of(visit)?;
    ask_to_deploy(visit, &spot)?;
    let (release, _) = release_of(visit, &spot)?;
    let place = [(spot.environment.clone(), Some(spot.here.at.clone()))];
    match deployments::deploy_to_many(&visit.visitor, &spot.project, &release, &place, &Options::default()) {
        Ok(made) => {
            let one = made.first().ok_or_else(|| Error::internal("nothing was deployed"))?;
            let say = format!("{} {} is on its way to {}.", one.project_name, one.version, one.environment_name);
            Answer::done(log_href(visit, &spot.here, one), say)
        }
        Err(Error::Conflict(problem)) => Answer::refused(&confirmation(visit, &spot, Some(problem))?),
        Err(Error::Invalid(wrong)) => {
            let words: Vec<&str> = wrong.iter().map(|(_, message)| message).collect();
            Answer::refused(&confirmation(visit, &spot, Some(words.join(" ")))?)
        }
        Err(other) => Err(other),
    }
}

/// A deployment for this tenant.
fn found(visit: &Visit) -> Result<(Here, Deployment)> {
    let here = Here::of(visit)?;
    let text = visit.parameter("deployment");
    let granted = visit.visitor.ask(DeploymentView { deployment: visit.visitor.locate(&here.space, text)? })?;
    let one = deployments::show(&granted)?;
    if one.tenant != Some(here.tenant.id) {
        return Err(Error::NotFound(text.to_owned()));
    }
    Ok((here, one))
}

/// What a log is of: a deployment or a run.
pub(super) struct Course {
    pub title: String,
    /// The log's address.
    pub href: String,
    pub task: ids::Id<ids::Task>,
    pub state: tasks::State,
    pub warnings: bool,
    pub who: String,
    pub created_at: Moment,
    pub started_at: Option<Moment>,
    pub completed_at: Option<Moment>,
    /// What to say when it fails.
    pub failure: &'static str,
}

/// The log of a deployment, as it grows.
pub(in crate::web) fn log(visit: &Visit) -> Result<Answer> {
    let (here, one) = found(visit)?;
    let course = Course {
        title: format!("{} {} to {}", one.project_name, one.version, one.environment_name),
        href: log_href(visit, &here, &one),
        task: one.task,
        state: one.state,
        warnings: one.warnings,
        who: who(visit, one.created_by_id),
        created_at: one.created_at,
        started_at: one.started_at,
        completed_at: one.completed_at,
        failure: "It did not go well. The log says where it stopped; what ran before goes on running unless a step had replaced it.",
    };
    log_of(visit, &here, &course)
}

/// A log, as it grows.
pub(super) fn log_of(visit: &Visit, here: &Here, one: &Course) -> Result<Answer> {
    let visitor = &visit.visitor;
    let at: At<ids::Task> = visitor.locate(&here.space, &one.task.to_string())?;
    let granted = visitor.ask(TaskView { task: at.clone() })?;
    let over = one.state.is_completed();
    let mut frame = here.frame(visit, one.title.clone()).script("log.js");
    if !over {
        frame = frame.refresh(2);
    }
    let mut facts = vec![format!("by {}, {}", one.who, one.created_at.relative())];
    if let (Some(begun), true) = (one.started_at, over) {
        let took = one.completed_at.unwrap_or_else(clock::now).0 - begun.0;
        facts.push(format!("took {}", clock::duration(took)));
    }
    let may_cancel = !over && one.state != tasks::State::Cancelling && visitor.may(TaskCancel { task: at });
    let failed = matches!(one.state, tasks::State::Failed | tasks::State::TimedOut);
    Answer::page(&Log {
        frame,
        back: here.path(visit, ""),
        back_label: here.tenant.name.clone(),
        chip: chip(one.state, one.warnings),
        facts,
        failure: if failed { one.failure } else { "" },
        cancel: may_cancel.then(|| format!("{}/cancel", one.href)),
        log: crate::web::tasks::log_for_customers(visit, &granted)?,
    })
}

/// Stops it.
pub(in crate::web) fn cancel(visit: &Visit) -> Result<Answer> {
    let (here, one) = found(visit)?;
    let task = visit.visitor.locate(&here.space, &one.task.to_string())?;
    tasks::cancel(&visit.visitor.ask(TaskCancel { task })?)?;
    Answer::done(log_href(visit, &here, &one), "It was told to stop.")
}

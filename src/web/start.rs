//! The way of a space in which nothing was deployed yet: what is there, what comes next and where it is done (findings C13).
//! It is made of what the visitor may see and may do, and is gone with the first deployment.

use super::{
    caller::{Answer, Visit, encode},
    page::Act,
    seen,
};
use crate::{
    base::{error::Result, paging::Page},
    company::{
        access::{
            At, New,
            permissions::{
                Anywhere, DeploymentCreate, DeploymentView, EnvironmentCreate, EnvironmentView, List, MachineCreate,
                MachineView, ProcessEdit, ProcessView, ProjectCreate, ProjectView, ReleaseCreate, ReleaseView,
            },
        },
        deployments,
        projects::{self, Project, process},
        releases, targets,
    },
};

/// What the address of a form carries that leads on to what comes next.
const START: &str = "start";
/// So many projects are looked at.
const PROJECTS: i64 = 20;

/// One thing that a first deployment needs.
pub(super) struct Item {
    /// It is there.
    pub is_done: bool,
    /// "An environment".
    pub title: &'static str,
    /// What it is for.
    pub text: &'static str,
    /// Where it is done; nothing for what is there, for what comes later, and for who may not.
    pub act: Act,
}

/// What a first deployment needs. Empty when there was one, and for who can do nothing of it.
pub(super) fn items(visit: &Visit) -> Result<Vec<Item>> {
    let (visitor, space) = (&visit.visitor, visit.space()?);
    if !visitor.may_somewhere::<DeploymentView>(&space) {
        return Ok(Vec::new());
    }
    let first = Page { skip: 0, take: 1 };
    let granted = visitor.ask(List::<DeploymentView>::of(&space))?;
    if deployments::list(&granted, &deployments::Filter::default(), first)?.total > 0 {
        return Ok(Vec::new());
    }
    let mut items = Vec::new();
    let mut add = |is_done: bool, title: &'static str, text: &'static str, (label, href): (&str, Option<String>)| {
        let act = href.filter(|_| !is_done).map_or_else(Act::none, |href| Act::link(label, href).small());
        items.push(Item { is_done, title, text, act });
    };
    let form = |rest: &str| visit.space_path(&format!("{rest}?{START}=yes"));
    if visitor.may_somewhere::<EnvironmentView>(&space) {
        let href =
            visitor.may(EnvironmentCreate { space: New::of(&space) }).then(|| form("/infrastructure/environments/new"));
        let text = "Where releases go, such as Test or Production.";
        add(!seen::environments_here(visit)?.is_empty(), "An environment", text, ("Add an environment", href));
    }
    let found = Found::of(visit)?;
    if visitor.may_somewhere::<ProjectView>(&space) && visitor.may_somewhere::<ProcessView>(&space) {
        let next = match &found.without_steps {
            Some(project) => ("Add its first step", Some(form(&format!("/projects/{}/process/new", project.slug)))),
            None => ("Add a project", visitor.may(List::<ProjectCreate>::of(&space)).then(|| form("/projects/new"))),
        };
        let text = "What is deployed, and the script that does it.";
        add(found.with_steps, "A project with a step", text, next);
    }
    if visitor.may_somewhere::<MachineView>(&space) {
        let granted = visitor.ask(List::<MachineView>::of(&space))?;
        let any = targets::list(&granted, &targets::Filter::default(), first)?.total > 0;
        let href = visitor.may(List::<MachineCreate>::of(&space)).then(|| form("/infrastructure/targets/new"));
        let text = "Where steps run. The built-in worker is there already; a target is a machine of your own.";
        add(any || found.on_worker, "A deployment target, or the worker", text, ("Add a deployment target", href));
    }
    if visitor.may_somewhere::<ReleaseView>(&space) {
        let href = found.to_release.as_ref().map(|project| form(&format!("/projects/{}/releases/new", project.slug)));
        add(found.has_release, "A release", "A version, with the steps as they are then.", ("Create a release", href));
    }
    let href = found.to_deploy.as_ref().map(|(project, version)| {
        visit.space_path(&format!("/projects/{}/releases/{}/deployments/new", project.slug, encode(version)))
    });
    add(false, "A deployment", "Sends the release to an environment.", ("Deploy it…", href));
    let is_of_use = items.iter().any(|item| item.act.is_open());
    Ok(if is_of_use { items } else { Vec::new() })
}

/// What the projects that the visitor may see have, and what may be done with them.
#[derive(Default)]
struct Found {
    with_steps: bool,
    on_worker: bool,
    has_release: bool,
    without_steps: Option<Project>,
    to_release: Option<Project>,
    to_deploy: Option<(Project, String)>,
}

impl Found {
    fn of(visit: &Visit) -> Result<Found> {
        let (visitor, space) = (&visit.visitor, visit.space()?);
        let page = Page { skip: 0, take: PROJECTS };
        let mut found = Found::default();
        for project in seen::projects(visitor, &space, &projects::Filter::default(), page)?.items {
            let at: At<crate::base::ids::Project> = visitor.locate(&space, &project.id.to_string())?;
            let ask = ProcessView { project: at.clone() };
            if visitor.may(ask.clone()) {
                let steps = process::show(&visitor.ask(ask)?)?.steps;
                found.with_steps |= !steps.is_empty();
                found.on_worker |= steps.iter().any(|step| {
                    let roles = step.target_roles();
                    step.actions.iter().any(|action| action.is_on_worker(&roles))
                });
                let may_add = steps.is_empty() && visitor.may(ProcessEdit { project: at.clone() });
                let may_release =
                    !steps.is_empty() && !project.is_disabled && visitor.may(ReleaseCreate { project: at.clone() });
                if may_add && found.without_steps.is_none() {
                    found.without_steps = Some(project.clone());
                }
                if may_release && found.to_release.is_none() {
                    found.to_release = Some(project.clone());
                }
            }
            found.look_for_releases(visit, &at, project)?;
        }
        Ok(found)
    }

    fn look_for_releases(&mut self, visit: &Visit, at: &At<crate::base::ids::Project>, project: Project) -> Result<()> {
        let (visitor, space) = (&visit.visitor, visit.space()?);
        if self.to_deploy.is_some() || !visitor.may_somewhere::<ReleaseView>(&space) {
            return Ok(());
        }
        let filter = releases::Filter { project: Some(project.id.0), ..releases::Filter::default() };
        let granted = visitor.ask(List::<ReleaseView>::of(&space))?;
        let newest = releases::list(&granted, &filter, Page { skip: 0, take: 1 })?.items.pop();
        let Some(newest) = newest else { return Ok(()) };
        self.has_release = true;
        if !project.is_disabled && visitor.may(Anywhere::<DeploymentCreate, _>::with(at)) {
            let release = visitor.locate(at, &newest.id.to_string())?;
            let choices = deployments::choices(&visitor.ask(ReleaseView { release })?)?;
            if choices.places.iter().any(|place| place.is_open()) {
                self.to_deploy = Some((project, newest.version));
            }
        }
        Ok(())
    }
}

/// The address that a form is sent to: it leads on as the form's own does.
pub(super) fn through(visit: &Visit, action: String) -> String {
    if is_asked(visit) { format!("{action}?{START}=yes") } else { action }
}

fn is_asked(visit: &Visit) -> bool {
    visit.call.asked(START) == Some("yes")
}

/// Something was added: back to `usual`, or on to what comes next for who came from the list.
pub(super) fn done(visit: &Visit, usual: String, say: String) -> Result<Answer> {
    if !is_asked(visit) {
        return Answer::done(usual, say);
    }
    match items(visit)?.into_iter().find(|item| item.act.is_open()) {
        Some(next) => Answer::done(next.act.href, say),
        None => Answer::done(visit.space_path(""), say),
    }
}

/// Where a space without any environment gets its first, for who may add one.
pub(super) fn first_environment(visit: &Visit) -> Option<Act> {
    let space = visit.space().ok()?;
    let may = visit.visitor.may(EnvironmentCreate { space: New::of(&space) })
        && visit.visitor.may_somewhere::<EnvironmentView>(&space)
        && seen::environments_here(visit).is_ok_and(|all| all.is_empty());
    let href = visit.space_path(&format!("/infrastructure/environments/new?{START}=yes"));
    may.then(|| Act::link("Add an environment to deploy to", href).primary().icon("plus"))
}

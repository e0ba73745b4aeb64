//! Runs of a runbook: as rows of a list, and one by itself, where it can be deleted.

use super::{Of, of};
use crate::{
    base::{
        error::{Error, Result},
        ids,
        paging::Page,
    },
    company::{
        access::{
            At, Within,
            permissions::{List as Listing, RunbookRunCreate, RunbookRunDelete, RunbookRunView, TaskView},
        },
        runbooks::{self, Run, RunFilter},
    },
    web::{
        caller::{Answer, Visit},
        deployments::{asked_with, course},
        form::{self, removal},
        page::{Chip, ConfirmDelete, Frame, Kv, When},
        projects,
        tasks::{chip, when},
    },
};
use askama::Template;

/// A run, in a list.
pub(super) struct Ran {
    pub chip: Chip,
    pub to: String,
    pub snapshot: String,
    pub who: String,
    pub queued: When,
    /// Its own page.
    pub href: String,
    /// Its task's log; empty when the visitor may not see it.
    pub log_href: String,
    pub may_delete: bool,
}

#[derive(Template)]
#[template(path = "runbooks/ran.html")]
struct Show {
    frame: Frame,
    chip: Chip,
    log_href: String,
    again_href: Option<String>,
    failure: String,
    about: Kv,
    /// For who may delete it.
    removal: Option<ConfirmDelete>,
}

fn to(run: &Run) -> String {
    match &run.tenant_name {
        Some(tenant) => format!("{} for {tenant}", run.environment_name),
        None => run.environment_name.clone(),
    }
}

fn at(visit: &Visit, run: &Run) -> Result<At<ids::RunbookRun>> {
    visit.visitor.locate(&visit.space()?, &run.id.to_string())
}

/// The address of the log, for who may see it.
fn log_href(visit: &Visit, run: &Run) -> String {
    let sees = |task: &At<ids::Task>| visit.visitor.may(TaskView { task: task.clone() });
    let task = visit.visitor.locate::<ids::Task>(Within::Company, &run.task.to_string()).ok().filter(sees);
    task.map(|_| visit.path(&format!("/tasks/{}", run.task))).unwrap_or_default()
}

/// The runs of a runbook that the visitor may see; `None`: they may see none of any.
pub(super) fn runs_of(
    visit: &Visit,
    runbook: ids::Id<ids::Runbook>,
    address: &str,
    page: Page,
) -> Result<Option<(Vec<Ran>, i64)>> {
    let space = visit.space()?;
    if !visit.visitor.may_somewhere::<RunbookRunView>(&space) {
        return Ok(None);
    }
    let granted = visit.visitor.ask(Listing::<RunbookRunView>::of(&space))?;
    let filter = RunFilter { runbooks: Some(vec![runbook.0]), ..RunFilter::default() };
    let found = runbooks::list_runs(&granted, &filter, page)?;
    let may_delete = visit.visitor.may_somewhere::<RunbookRunDelete>(&space);
    let mut rows = Vec::new();
    for run in &found.items {
        rows.push(Ran {
            chip: chip(run.state, run.warnings, run.completed_at.or(run.started_at)).title(&run.error),
            to: to(run),
            snapshot: run.snapshot_name.clone(),
            who: run.created_by.clone(),
            queued: when(run.created_at),
            href: format!("{address}/runs/{}", run.id),
            log_href: log_href(visit, run),
            may_delete: may_delete
                && run.state.is_completed()
                && visit.visitor.may(RunbookRunDelete { run: at(visit, run)? }),
        });
    }
    Ok(Some((rows, found.total)))
}

/// The run of the path, of its runbook.
fn found(visit: &Visit, of: &Of) -> Result<Run> {
    let text = visit.parameter("run");
    let run = visit.visitor.locate(&visit.space()?, text)?;
    let one = runbooks::show_run(&visit.visitor.ask(RunbookRunView { run })?)?;
    if one.runbook == of.runbook.id { Ok(one) } else { Err(Error::NotFound(text.to_owned())) }
}

/// One run.
pub(in crate::web) fn show_run(visit: &Visit) -> Result<Answer> {
    let project = projects::of(visit)?;
    let of = of(visit, &project)?;
    Answer::page(&page(visit, &project, &of, None)?)
}

fn page(visit: &Visit, project: &projects::Of, of: &Of, problem: Option<&str>) -> Result<Show> {
    let (visitor, space) = (&visit.visitor, visit.space()?);
    let one = found(visit, of)?;
    let tenant: Option<At<ids::Tenant>> =
        one.tenant.map(|tenant| visitor.locate(&space, &tenant.to_string())).transpose()?;
    let environment = visitor.locate(&space, &one.environment.to_string())?;
    let again = RunbookRunCreate { runbook: of.at.clone(), environment, tenant };
    let again_href = visitor.may(again).then(|| {
        let tenant = one.tenant.map(|tenant| format!("&tenant={tenant}")).unwrap_or_default();
        of.page(&format!("run?environment={}{tenant}", one.environment))
    });
    let mut about = Kv::new()
        .link("Runbook", &of.runbook.name, of.address.clone())
        .link("Snapshot", &one.snapshot_name, of.page(&format!("snapshots/{}", one.snapshot)))
        .link(
            "Environment",
            &one.environment_name,
            visit.space_path(&format!("/infrastructure/environments/{}", one.environment)),
        );
    if let (Some(id), Some(name)) = (one.tenant, &one.tenant_name) {
        about = about.link("Tenant", name, visit.space_path(&format!("/tenants/{id}")));
    }
    about = course(about, (one.created_at, &one.created_by), (one.started_at, one.completed_at));
    about = asked_with(about, &one.skip_steps, &one.comments);
    let remove = visitor.may(RunbookRunDelete { run: at(visit, &one)? }).then(|| {
        let action = of.page(&format!("runs/{}/delete", one.id));
        removal(action, "run", &one.id.to_string(), problem)
            .cancel(of.address.clone())
            .goes_too("Its task and its log. The trail keeps what was done.")
            .obstacle(one.obstacle())
    });
    Ok(Show {
        frame: of.frame(visit, project, &format!("{} in {}", of.runbook.name, to(&one))),
        chip: chip(one.state, one.warnings, one.completed_at.or(one.started_at)),
        log_href: log_href(visit, &one),
        again_href,
        failure: one.error.clone(),
        about: about.mono("Id", one.id.to_string()),
        removal: remove,
    })
}

/// Deletes one; its id must have been typed.
pub(in crate::web) fn delete_run(visit: &Visit) -> Result<Answer> {
    let project = projects::of(visit)?;
    let of = of(visit, &project)?;
    let one = found(visit, &of)?;
    let granted = visit.visitor.ask(RunbookRunDelete { run: at(visit, &one)? })?;
    let again = |problem: &str| Answer::refused(&page(visit, &project, &of, Some(problem))?);
    form::remove(visit, &one.id.to_string(), of.address.clone(), || runbooks::delete_run(&granted), again)
}

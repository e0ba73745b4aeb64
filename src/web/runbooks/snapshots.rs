//! Snapshots of a runbook: taking one, looking at it, publishing and deleting it.

use super::{Of, of, refused};
use crate::{
    base::error::Result,
    company::{
        access::permissions::{RunbookEdit, RunbookSnapshotCreate, RunbookView},
        runbooks::snapshots as frozen,
    },
    web::{
        caller::{Answer, Visit},
        form::{self, removal},
        page::{Act, ConfirmDelete, Frame, Kv, Prose, count},
        process::{StepView, step_views},
        projects,
        tasks::when,
    },
};
use askama::Template;

#[derive(Template)]
#[template(path = "runbooks/snapshot.html")]
struct Frozen {
    frame: Frame,
    is_published: bool,
    publish: Act,
    run: Act,
    steps: Vec<StepView>,
    notes: Prose,
    about: Kv,
    removal: Option<ConfirmDelete>,
}

/// Takes a snapshot and publishes nothing.
pub(in crate::web) fn take(visit: &Visit) -> Result<Answer> {
    let project = projects::of(visit)?;
    let of = of(visit, &project)?;
    let granted = visit.visitor.ask(RunbookSnapshotCreate { runbook: of.at.clone() })?;
    let sent = visit.form();
    let fields = frozen::Fields { name: Some(sent.text("name").to_owned()), notes: sent.text("notes").into() };
    match frozen::take(&granted, &fields, None) {
        Ok(made) => Answer::done(of.address.clone(), format!("{} was taken.", made.name)),
        Err(error) => refused(visit, error),
    }
}

/// One snapshot.
pub(in crate::web) fn snapshot(visit: &Visit) -> Result<Answer> {
    let project = projects::of(visit)?;
    let of = of(visit, &project)?;
    Answer::page(&page(visit, &project, &of, None)?)
}

fn page(visit: &Visit, project: &projects::Of, of: &Of, problem: Option<&str>) -> Result<Frozen> {
    let granted = visit.visitor.ask(RunbookView { runbook: of.at.clone() })?;
    let one = frozen::show(&granted, visit.parameter("snapshot"))?;
    let href = of.page(&format!("snapshots/{}", one.id));
    let run = Act::link("Run it…", of.page(&format!("run?snapshot={}", one.id))).primary().icon("rocket");
    // What is not published runs only for who may also change the runbook.
    let run = if one.is_published { run } else { of.offer_edit(visit, run) };
    let remove = visit.removal(RunbookEdit { runbook: of.part() }, &one.name, |granted| {
        Ok(removal(format!("{href}/delete"), "snapshot", &one.name, problem)
            .cancel(of.address.clone())
            .goes_too("Its runs and their logs, if it was run. The trail keeps what was done.")
            .obstacle(frozen::obstacle(granted, &one.id.to_string())?))
    })?;
    Ok(Frozen {
        frame: of.frame(visit, project, &format!("{} {}", of.runbook.name, one.name)),
        is_published: one.is_published,
        publish: of.offer_edit(
            visit,
            Act::post("Publish it", format!("{href}/publish")).icon("check").only_if(!one.is_published),
        ),
        run: match project.project.is_disabled {
            true => run.off(format!("{} is disabled.", project.project.name), ""),
            false => of.offer_run(visit, run),
        },
        steps: step_views(visit, &one.steps)?,
        about: Kv::new()
            .row("Steps", count(one.steps.len() as u64, "step", "steps"))
            .when("Taken", when(one.assembled_at))
            .hint(format!("by {}", one.created_by))
            .mono("Id", one.id.to_string()),
        notes: Prose::of(&one.notes),
        removal: remove,
    })
}

/// Publishes a snapshot that is there.
pub(in crate::web) fn publish_snapshot(visit: &Visit) -> Result<Answer> {
    let project = projects::of(visit)?;
    let of = of(visit, &project)?;
    let granted = visit.visitor.ask(RunbookEdit { runbook: of.part() })?;
    let made = frozen::publish(&granted, visit.parameter("snapshot"))?;
    Answer::done(of.address.clone(), format!("{} was published as {}.", of.runbook.name, made.name))
}

/// Deletes one; its name must have been typed.
pub(in crate::web) fn delete_snapshot(visit: &Visit) -> Result<Answer> {
    let project = projects::of(visit)?;
    let of = of(visit, &project)?;
    let granted = visit.visitor.ask(RunbookEdit { runbook: of.part() })?;
    let seen = visit.visitor.ask(RunbookView { runbook: of.at.clone() })?;
    let one = frozen::show(&seen, visit.parameter("snapshot"))?;
    let again = |problem: &str| Answer::refused(&page(visit, &project, &of, Some(problem))?);
    form::remove(visit, &one.name, of.address.clone(), || frozen::delete(&granted, &one.id.to_string()), again)
}

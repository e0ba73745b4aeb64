//! What a run does: for the engine, and for the page before the button. The plan is made as a deployment's is.

use super::{
    run::{self, Which},
    snapshots,
    snapshots::Snapshot,
    sql,
};
use crate::{
    base::{
        error::Result,
        ids::{Environment, Id, Tenant},
    },
    company::{
        access::{
            Granted, Rows,
            permissions::{
                EnvironmentView, MachineView, RunbookRunCreate, RunbookRunView, RunbookView, TaskExecute, TenantView,
            },
        },
        deployments::{
            self, Prepared, Preview,
            plan::{Material, Subject},
        },
        environments, lifecycles,
        projects::process::Step,
    },
};

/// The plan of the task's run, with the credentials of its targets.
///
/// # Errors
/// `Conflict` when an account has no secret.
pub fn prepare(granted: &Granted<'_, TaskExecute>) -> Result<Prepared> {
    granted.read(|rows| {
        let run = sql::runs::by_task(rows, granted.what().task.id())?;
        let snapshot = sql::snapshot(rows, run.snapshot)?;
        let mut material = material(rows, &snapshot, snapshot.steps.clone(), (run.environment, run.tenant))?;
        material.made = Some((run.id.to_string(), run.task));
        material.name = run.name;
        material.created_at = run.created_at;
        material.created_by = run.created_by;
        material.skip = run.skip_steps;
        deployments::said(rows, &mut material, ("RunbookRun", &run.comments, run.created_by_id))?;
        let company = granted.visitor().company().slug();
        let below = format!("/runbooks/{}/runs/{}", run.runbook_slug, run.id);
        let (project, link) =
            (deployments::page(company, &material, ""), deployments::page(company, &material, &below));
        material.builtins.set("Web.ProjectLink", project);
        material.builtins.set("Web.RunbookRunLink", link);
        deployments::keep_targets(&mut material, &run.only_targets, &run.not_targets);
        Prepared::of(rows, granted.seal(), &material)
    })
}

/// What running a runbook somewhere would do, and whether it could be run there now. Whether the visitor may is for
/// [`super::run()`] to ask.
///
/// # Errors
/// `NotFound` for a snapshot that it does not have, and where none is published.
pub fn preview(
    granted: &Granted<'_, RunbookView>,
    environment: &Granted<'_, EnvironmentView>,
    tenant: Option<&Granted<'_, TenantView>>,
    which: &Which,
    skip: &[String],
) -> Result<Preview> {
    let at = &granted.what().runbook;
    let environment = environment.what().environment.id();
    let tenant = tenant.map(|tenant| tenant.what().tenant.id());
    let reach = granted.reach_of::<MachineView>(at.space_id());
    let (runs, watched) =
        (granted.reach_of::<RunbookRunCreate>(at.space_id()), granted.reach_of::<RunbookRunView>(at.space_id()));
    granted.read(|rows| {
        let runbook = sql::by_id(rows, at.id())?;
        let (snapshot, steps) = match run::chosen(rows, &runbook, which)? {
            Some(snapshot) => {
                let steps = snapshot.steps.clone();
                (snapshot, steps)
            }
            // A draft: what a snapshot would freeze if it were taken now.
            None => (draft(rows, &runbook)?, sql::process(rows, runbook.id)?.1),
        };
        let mut material = material(rows, &snapshot, steps, (environment, tenant))?;
        material.skip = skip.to_vec();
        let told = [&runs, &watched].into_iter().map(|reach| lifecycles::Places::of(rows, runbook.project, reach));
        let told = told.collect::<Result<Vec<_>>>()?.iter().any(|places| places.have(environment, tenant));
        deployments::hide_unseen(rows, &reach, &mut material, told)?;
        let obstacle = run::obstacle(rows, &runbook, environment, tenant)?;
        Ok(Preview::of(&material, obstacle))
    })
}

fn draft(rows: &Rows<'_>, runbook: &super::Runbook) -> Result<Snapshot> {
    Ok(Snapshot {
        id: Id::new(0),
        runbook: runbook.id,
        project: runbook.project,
        space: runbook.space,
        name: snapshots::free_name(rows, runbook.id)?,
        notes: String::new(),
        assembled_at: crate::base::clock::now(),
        created_by: String::new(),
        is_published: false,
        steps: Vec::new(),
    })
}

fn material(
    rows: &Rows<'_>,
    snapshot: &Snapshot,
    steps: Vec<Step>,
    place: (Id<Environment>, Option<Id<Tenant>>),
) -> Result<Material> {
    let runbook = sql::by_id(rows, snapshot.runbook)?;
    let name = run::name(&runbook, &environments::by_id(rows, place.0)?);
    let subject =
        Subject::Runbook { runbook: (runbook.id, runbook.name), snapshot: (snapshot.id, snapshot.name.clone()) };
    let mut material = deployments::gather(rows, runbook.project, place, name, subject, steps)?;
    material.allows_no_targets = runbook.allows_no_targets;
    Ok(material)
}

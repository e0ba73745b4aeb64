//! Running: which snapshot may be run by whom, where it may run, and the one change that makes runs and their tasks.

use super::{EnvironmentScope, Kind, Run, Runbook, snapshots, snapshots::Snapshot, sql, told};
use crate::{
    base::{
        error::{Error, Fields as Wrong, Result},
        ids::{Environment as Place, Id, RunbookRun, Tenant},
    },
    company::{
        access::{
            At, Company, Event, Granted, Rows, RunbookPart, Visitor, Writing,
            permissions::{EnvironmentView, ProjectView, RunbookEdit, RunbookRunCreate, RunbookView, TenantView},
        },
        deployments::{self, MOST_AT_ONCE, Options, Recipient},
        environments::{self, Environment},
        lifecycles, projects,
        tasks::{self, NewTask, Work},
        tenants,
    },
};
use std::collections::BTreeMap;

/// What is run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Which {
    /// The published snapshot.
    #[default]
    Published,
    /// A snapshot by its id or name. One that is not published needs `RunbookEdit` too (`access-rules §5`).
    Snapshot(String),
    /// The process as it is now: an unpublished snapshot is taken. Needs `RunbookEdit` too.
    Draft,
}

/// Runs a runbook in one or several places: in all of them or, with every reason named, in none. Each place is asked for
/// by itself, so that different roles may cover different tenants (`access-rules §4`). Also needs to see the runbook, its
/// project, the environment and the tenant.
///
/// # Errors
/// `Denied` or `NotFound` where a right or sight is missing; `Invalid` with the field a sentence is about: `RunbookName`,
/// `Snapshot`, `EnvironmentNames`, `Tenants`, `SkipStepNames`, `RunAt`, `NoRunAfter`, `Comments`.
pub fn run(
    visitor: &Visitor,
    runbook: &At<Kind>,
    which: &Which,
    places: &[(At<Place>, Option<At<Tenant>>)],
    options: &Options,
) -> Result<Vec<Run>> {
    if places.is_empty() {
        return Err(Error::invalid("EnvironmentNames", "Name at least one environment."));
    }
    if places.len() > MOST_AT_ONCE {
        let words = format!("That are {} runs. Ask for at most {MOST_AT_ONCE} at once.", places.len());
        return Err(Error::invalid("Tenants", words));
    }
    let mut proofs = Vec::with_capacity(places.len());
    for (environment, tenant) in places {
        let (runbook, environment, tenant) = (runbook.clone(), environment.clone(), tenant.clone());
        proofs.push(visitor.ask(RunbookRunCreate { runbook, environment, tenant })?);
    }
    let seen = see(visitor, runbook, places)?;
    // Asked before anything is looked up, so that a name tells nobody which snapshots there are.
    let runbook_now = super::show(&seen)?;
    let is_published = match which {
        Which::Published => true,
        Which::Draft => false,
        Which::Snapshot(text) => runbook_now.published.as_ref().is_some_and(|published| {
            Id::parse(text) == Some(published.id)
                || crate::base::names::key(text) == crate::base::names::key(&published.name)
        }),
    };
    let edit = match is_published {
        true => None,
        false => Some(visitor.ask(RunbookEdit { runbook: RunbookPart::This(runbook.clone()) })?),
    };
    let Some(first) = proofs.first() else { return Ok(Vec::new()) };
    write(first, edit.is_some(), which, places, options)
}

fn see<'v>(
    visitor: &'v Visitor,
    runbook: &At<Kind>,
    places: &[(At<Place>, Option<At<Tenant>>)],
) -> Result<Granted<'v, RunbookView>> {
    let project = runbook.project_id().ok_or_else(|| Error::internal("a runbook without project"))?;
    let space =
        visitor.locate_space(&crate::base::ids::Id::<crate::base::ids::Space>::new(runbook.space_id()).to_string())?;
    let project = visitor.locate(&space, &Id::<crate::base::ids::Project>::new(project).to_string())?;
    visitor.ask(ProjectView { project })?;
    let seen = visitor.ask(RunbookView { runbook: runbook.clone() })?;
    for (environment, tenant) in places {
        visitor.ask(EnvironmentView { environment: environment.clone() })?;
        if let Some(tenant) = tenant {
            visitor.ask(TenantView { tenant: tenant.clone() })?;
        }
    }
    Ok(seen)
}

/// The snapshot that is meant; `None` for a draft, of which there is none yet.
pub(super) fn chosen(rows: &Rows<'_>, runbook: &Runbook, which: &Which) -> Result<Option<Snapshot>> {
    match which {
        Which::Draft => Ok(None),
        Which::Snapshot(text) => match sql::find_snapshot(rows, runbook.id, text)? {
            Some(snapshot) => Ok(Some(snapshot)),
            None => Err(Error::invalid("Snapshot", format!("{} has no snapshot “{}”.", runbook.name, text.trim()))),
        },
        Which::Published => match &runbook.published {
            Some(published) => Ok(Some(sql::snapshot(rows, published.id)?)),
            None => Err(Error::invalid(
                "Snapshot",
                format!("{} is not published yet, so there is nothing to run. Publish it first.", runbook.name),
            )),
        },
    }
}

/// INVARIANT: every place was asked for, by [`run`], with the visitor of this proof.
fn write(
    granted: &Granted<'_, RunbookRunCreate>,
    may_edit: bool,
    which: &Which,
    places: &[(At<Place>, Option<At<Tenant>>)],
    options: &Options,
) -> Result<Vec<Run>> {
    let options = deployments::check_options(options)?;
    let id = granted.what().runbook.id();
    let company = granted.visitor().company();
    let made = granted.write(|tx| {
        let runbook = sql::by_id(tx, id)?;
        let mut wrong = Wrong::new();
        let mut spots = Vec::new();
        for (environment, tenant) in places {
            match place(tx, &runbook, environment.id(), tenant.as_ref().map(At::id))? {
                Ok(place) => spots.push(place),
                Err((field, why)) => wrong.add(field, why),
            }
        }
        wrong.finish()?;
        let mut told = Vec::new();
        let snapshot = match chosen(tx, &runbook, which)? {
            // Another may have been published meanwhile.
            Some(snapshot) if !snapshot.is_published && !may_edit => {
                return Err(Error::Conflict(format!(
                    "Another snapshot of {} was published meanwhile. Look at it, then run it.",
                    runbook.name
                )));
            }
            Some(snapshot) => snapshot,
            None => {
                let (snapshot, event) = snapshots::freeze(tx, &runbook, &snapshots::Fields::default())?;
                told.push(event);
                snapshot
            }
        };
        if let Some((field, why)) = deployments::refused_skip(&snapshot.steps, &options.skip_steps, "runbook") {
            return Err(Error::invalid(field, why));
        }
        let mut made = Vec::new();
        for spot in &spots {
            let (run, event) = put(tx, company, &runbook, &snapshot, spot, &options)?;
            made.push(sql::runs::by_id(tx, run)?);
            told.push(event);
        }
        let last = told.pop().ok_or_else(|| Error::internal("no run was made"))?;
        for event in told {
            tx.also(event)?;
        }
        tx.record(last, made)
    })?;
    tasks::ring();
    Ok(made)
}

/// One place of a run, looked up.
struct Found {
    environment: Environment,
    tenant: Option<tenants::Tenant>,
}

/// The environments that a runbook may run in, in their order.
fn environments_of(rows: &Rows<'_>, runbook: &Runbook) -> Result<Vec<Environment>> {
    let all = environments::in_order(rows, runbook.space)?;
    Ok(match runbook.environment_scope {
        EnvironmentScope::All => all,
        EnvironmentScope::Specified => all.into_iter().filter(|one| runbook.environments.contains(&one.id)).collect(),
        EnvironmentScope::FromProjectLifecycles => {
            let phases = lifecycles::phases_for(rows, &projects::by_id(rows, runbook.project)?)?;
            let inside =
                |one: &Environment| phases.iter().any(|phase| phase.environments.iter().any(|p| p.id == one.id));
            all.into_iter().filter(inside).collect()
        }
    })
}

/// Whether a runbook may run in one place now; the field and the reason when not.
fn place(
    rows: &Rows<'_>,
    runbook: &Runbook,
    environment: Id<Place>,
    tenant: Option<Id<Tenant>>,
) -> Result<std::result::Result<Found, (&'static str, String)>> {
    let project = projects::by_id(rows, runbook.project)?;
    let environment = environments::by_id(rows, environment)?;
    let tenant = tenant.map(|tenant| tenants::by_id(rows, tenant)).transpose()?;
    let name = &runbook.name;
    let refused = |field, why: String| Ok(Err((field, why)));
    if project.is_disabled {
        return refused("RunbookName", format!("{} is disabled and runs no runbooks. Enable it first.", project.name));
    }
    if !environments_of(rows, runbook)?.iter().any(|one| one.id == environment.id) {
        let why = match runbook.environment_scope {
            EnvironmentScope::FromProjectLifecycles => format!(
                "{name} runs in the environments of {}'s lifecycle, and {} is none of them. Choose another.",
                project.name, environment.name
            ),
            _ => format!(
                "{name} does not run in {}. Choose another environment, or let its settings allow it.",
                environment.name
            ),
        };
        return refused("EnvironmentNames", why);
    }
    match &tenant {
        None if !runbook.tenanted.without_tenant() => {
            return refused("Tenants", format!("{name} is run for tenants only. Choose at least one tenant."));
        }
        Some(_) if !runbook.tenanted.with_tenant() => {
            return refused(
                "Tenants",
                format!("{name} is not run for tenants. Run it without a tenant, or let its settings allow tenants."),
            );
        }
        Some(tenant) if tenant.is_disabled => {
            return refused("Tenants", format!("{} is disabled: nothing is run for it. Enable it first.", tenant.name));
        }
        Some(tenant) if !tenants::is_connected(rows, tenant.id, project.id, environment.id)? => {
            return refused(
                "Tenants",
                format!(
                    "{} is not connected to {} in {}. Connect it on the tenant's page first.",
                    tenant.name, project.name, environment.name
                ),
            );
        }
        _ => {}
    }
    Ok(Ok(Found { environment, tenant }))
}

/// Why a runbook may not run in a place now; `None`: it may.
pub(super) fn obstacle(
    rows: &Rows<'_>,
    runbook: &Runbook,
    environment: Id<Place>,
    tenant: Option<Id<Tenant>>,
) -> Result<Option<String>> {
    Ok(place(rows, runbook, environment, tenant)?.err().map(|(_, why)| why))
}

/// "Run Restart in Production".
pub(super) fn name(runbook: &Runbook, environment: &Environment) -> String {
    format!("Run {} in {}", runbook.name, environment.name)
}

fn put(
    tx: &Writing<'_>,
    company: &Company,
    runbook: &Runbook,
    snapshot: &Snapshot,
    spot: &Found,
    options: &Options,
) -> Result<(Id<RunbookRun>, Event)> {
    let project = projects::by_id(tx, runbook.project)?;
    let (environment, tenant) = (&spot.environment, spot.tenant.as_ref().map(|tenant| tenant.id));
    let name = name(runbook, environment);
    let mut description = format!("Run {} of {} in {}", runbook.name, project.name, environment.name);
    if let Some(tenant) = &spot.tenant {
        description.push_str(&format!(" for {}", tenant.name));
    }
    // `domain §6`: a runbook runs once at a time in one place, for one tenant; beside deployments and other runbooks.
    let exclusive_key = match tenant {
        Some(tenant) => format!("{tenant}/{}/{}", runbook.id, environment.id),
        None => format!("{}/{}", runbook.id, environment.id),
    };
    let id = sql::runs::next_id(tx)?;
    let task = tasks::enqueue(
        tx,
        company,
        NewTask {
            space: Some(runbook.space),
            work: Work::RunbookRun,
            description,
            arguments: BTreeMap::from([("RunbookRunId".to_owned(), id.to_string())]),
            project: Some(project.id),
            environment: Some(environment.id),
            tenant,
            runbook: Some(runbook.id),
            exclusive_key,
            not_before: options.not_before,
            not_after: options.not_after,
        },
    )?;
    sql::runs::insert(tx, id, snapshot, (environment.id, tenant), task, &name, options)?;
    let mut event = told(&project, runbook, "RunbookRunQueued", "A run of ", " (").name(snapshot.id, &snapshot.name);
    event = event.say(") in ").name(environment.id, &environment.name);
    if let Some(tenant) = &spot.tenant {
        event = event.say(" for ").name(tenant.id, &tenant.name);
    }
    let event = event.say(" was queued").related(id).related(task).environment(environment.id.0);
    Ok((id, event.tenant(tenant.map(|tenant| tenant.0))))
}

/// Where a runbook may run, for the page before the button.
#[derive(Debug, Clone)]
pub struct Choices {
    /// The environments that it may run in and the visitor may see, in their order.
    pub places: Vec<Spot>,
    /// The tenants connected to its project that the visitor may see; none when it is not run for tenants.
    pub tenants: Vec<Recipient>,
}

/// One environment.
#[derive(Debug, Clone)]
pub struct Spot {
    /// Its id.
    pub id: Id<Place>,
    /// Its name.
    pub name: String,
    /// What stands for it in addresses.
    pub slug: String,
    /// Why it cannot run there now for nobody at all; `None`: it can, without a tenant or for one of them.
    pub obstacle: Option<String>,
}

/// Where the runbook may run.
pub fn choices(granted: &Granted<'_, RunbookView>) -> Result<Choices> {
    let at = &granted.what().runbook;
    let space = at.space_id();
    let (seen, recipients) = (granted.reach_of::<EnvironmentView>(space), granted.reach_of::<TenantView>(space));
    granted.read(|rows| {
        let runbook = sql::by_id(rows, at.id())?;
        let visible = lifecycles::visible(rows, space, &seen)?;
        let tenants = match runbook.tenanted.with_tenant() {
            true => deployments::connected(rows, runbook.project, &recipients, &visible)?,
            false => Vec::new(),
        };
        let mut places = Vec::new();
        for one in environments_of(rows, &runbook)?.into_iter().filter(|one| visible.contains(&one.id)) {
            let mut obstacle = None;
            if runbook.tenanted.without_tenant() {
                obstacle = self::obstacle(rows, &runbook, one.id, None)?;
            }
            let open = tenants.iter().any(|tenant| !tenant.is_disabled && tenant.environments.contains(&one.id));
            if !runbook.tenanted.without_tenant() && !open {
                obstacle = Some(format!("No tenant that you may see is connected in {}.", one.name));
            }
            places.push(Spot { id: one.id, name: one.name, slug: one.slug, obstacle });
        }
        Ok(Choices { places, tenants })
    })
}

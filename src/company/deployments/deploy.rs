//! Deploying: the rules of `domain §6`, and the one change that makes a deployment and its task.

use super::{Deployment, Options, outlook::Subject, sql};
use crate::base::{
    clock::{self, Moment},
    error::{Error, Fields as Wrong, Result},
    ids::{Deployment as Kind, Environment, Id, Project, Release, Tenant},
    names,
};
use crate::company::{
    access::{
        At, Company, Event, Granted, Visitor, Writing,
        permissions::{DeploymentCreate, EnvironmentView, ProjectView, ReleaseView, TenantView},
    },
    environments, lifecycles,
    projects::process::Step,
    tasks::{self, NewTask, Work},
    tenants,
};
use std::collections::BTreeMap;

/// A deployment may be asked for so long ahead.
const LONGEST_AHEAD: i64 = 30 * clock::DAY;
/// How many deployments one request may make.
pub const MOST_AT_ONCE: usize = 1000;

/// Deploys a release to the environment, and for the tenant, of the proof. Also needs to see the release, the project,
/// the environment and the tenant (`access-rules §5`).
///
/// # Errors
/// `Denied` or `NotFound` where sight is missing; `Invalid` for everything that `domain §6` refuses, each with its own
/// sentence under the field it is about: `ReleaseVersion`, `EnvironmentName`, `Tenants`, `ProjectName`, `SkipStepNames`,
/// `RunAt`, `NoRunAfter`, `Comments`.
pub fn deploy(granted: &Granted<'_, DeploymentCreate>, release: &At<Release>, options: &Options) -> Result<Deployment> {
    let what = granted.what();
    see(granted.visitor(), release, &what.project, &what.environment, what.tenant.as_ref())?;
    let made = write(granted, release, &[(what.environment.clone(), what.tenant.clone())], options)?;
    made.into_iter().next().ok_or_else(|| Error::internal("a deployment was made and is not there"))
}

/// Deploys a release to several places at once: all of them or, with every reason named, none. Each place is asked for by
/// itself, so that different roles may cover different tenants (`access-rules §4`).
///
/// # Errors
/// As [`deploy`]. `Invalid` when no place is given, or more than 1,000.
pub fn deploy_to_many(
    visitor: &Visitor,
    project: &At<Project>,
    release: &At<Release>,
    places: &[(At<Environment>, Option<At<Tenant>>)],
    options: &Options,
) -> Result<Vec<Deployment>> {
    if places.is_empty() {
        return Err(Error::invalid(
            "EnvironmentName",
            "Name at least one environment, and for a tenanted deployment at least one tenant.",
        ));
    }
    if places.len() > MOST_AT_ONCE {
        return Err(Error::invalid(
            "Tenants",
            format!("That are {} deployments. Ask for at most {MOST_AT_ONCE} at once.", places.len()),
        ));
    }
    let mut proofs = Vec::with_capacity(places.len());
    for (environment, tenant) in places {
        let (project, environment, tenant) = (project.clone(), environment.clone(), tenant.clone());
        proofs.push(visitor.ask(DeploymentCreate { project, environment, tenant })?);
        let what = proofs.last().map(Granted::what);
        if let Some(what) = what {
            see(visitor, release, &what.project, &what.environment, what.tenant.as_ref())?;
        }
    }
    let Some(first) = proofs.first() else { return Ok(Vec::new()) };
    write(first, release, places, options)
}

fn see(
    visitor: &Visitor,
    release: &At<Release>,
    project: &At<Project>,
    environment: &At<Environment>,
    tenant: Option<&At<Tenant>>,
) -> Result<()> {
    visitor.ask(ProjectView { project: project.clone() })?;
    visitor.ask(ReleaseView { release: release.clone() })?;
    visitor.ask(EnvironmentView { environment: environment.clone() })?;
    if let Some(tenant) = tenant {
        visitor.ask(TenantView { tenant: tenant.clone() })?;
    }
    if release.project_id() != Some(project.id().0) {
        return Err(Error::NotFound(release.id().to_string()));
    }
    Ok(())
}

/// INVARIANT: every place was asked for, by [`deploy`] or [`deploy_to_many`], with the visitor of this proof.
fn write(
    granted: &Granted<'_, DeploymentCreate>,
    release: &At<Release>,
    places: &[(At<Environment>, Option<At<Tenant>>)],
    options: &Options,
) -> Result<Vec<Deployment>> {
    let options = check_options(options)?;
    let project = granted.what().project.id();
    let company = granted.visitor().company();
    let space = granted.what().project.space_id();
    let environments = granted.reach_of::<EnvironmentView>(space);
    let made = granted.write(|tx| {
        let mut wrong = Wrong::new();
        let seen = lifecycles::visible(tx, space, &environments)?;
        let of = Subject::of(tx, release.id(), seen, None)?;
        if of.project.id != project {
            return Err(Error::NotFound(release.id().to_string()));
        }
        if let Some(why) = of.refused() {
            wrong.add(why.field, why.sentence());
        }
        if let Some((field, why)) = refused_skip(&of.release.steps, &options.skip_steps, "release") {
            wrong.add(field, why);
        }
        let (mut made, mut told) = (Vec::new(), Vec::new());
        for (environment, tenant) in
            places.iter().map(|(environment, tenant)| (environment.id(), tenant.as_ref().map(At::id)))
        {
            if !wrong.is_empty() && places.len() == 1 {
                break;
            }
            let environment = environments::by_id(tx, environment)?;
            let tenant = tenant.map(|tenant| tenants::by_id(tx, tenant)).transpose()?;
            let to = tenant.as_ref().map(|one| (one.id, one.name.as_str(), one.is_disabled));
            match of.obstacle((environment.id, &environment.name), to) {
                Some(why) => wrong.add(why.field, why.sentence()),
                None if wrong.is_empty() => {
                    let (id, event) = put(tx, company, &of, (&environment, tenant.as_ref()), &options)?;
                    made.push(sql::by_id(tx, id)?);
                    told.push(event);
                }
                None => {}
            }
        }
        wrong.finish()?;
        let last = told.pop().ok_or_else(|| Error::internal("no deployment was made"))?;
        for event in told {
            tx.also(event)?;
        }
        tx.record(last, made)
    })?;
    tasks::ring();
    Ok(made)
}

/// What is wrong with the steps that are to be left out: each must be there and not be required.
pub(in crate::company) fn refused_skip(steps: &[Step], skip: &[String], whose: &str) -> Option<(&'static str, String)> {
    for name in skip {
        let key = names::key(name);
        let mut actions = steps.iter().flat_map(|step| step.actions.iter().map(move |action| (step, action)));
        let found = actions.find(|(step, action)| {
            names::key(&step.name) == key || names::key(&action.name) == key || action.id == *name
        });
        match found {
            None => return Some(("SkipStepNames", format!("The {whose} has no step called “{}”.", name.trim()))),
            Some((step, action)) if action.is_required => {
                return Some(("SkipStepNames", format!("The step {} is required and cannot be left out.", step.name)));
            }
            Some(_) => {}
        }
    }
    None
}

fn put(
    tx: &Writing<'_>,
    company: &Company,
    of: &Subject,
    (environment, to): (&environments::Environment, Option<&tenants::Tenant>),
    options: &Options,
) -> Result<(Id<Kind>, Event)> {
    let (project, release) = (&of.project, &of.release);
    let tenant = to.map(|tenant| tenant.id);
    let mut description = format!("Deploy {} {} to {}", project.name, release.version, environment.name);
    if let Some(tenant) = to {
        description.push_str(&format!(" for {}", tenant.name));
    }
    // `domain §6`: what goes to one place, for one tenant, goes one after the other.
    let exclusive_key = match tenant {
        Some(tenant) => format!("{tenant}/{}/{}", project.id, environment.id),
        None => format!("{}/{}", project.id, environment.id),
    };
    let id = sql::next_id(tx)?;
    let task = tasks::enqueue(
        tx,
        company,
        NewTask {
            space: Some(project.space),
            work: Work::Deploy,
            description,
            arguments: BTreeMap::from([("DeploymentId".to_owned(), id.to_string())]),
            project: Some(project.id),
            environment: Some(environment.id),
            tenant,
            runbook: None,
            exclusive_key,
            not_before: options.not_before,
            not_after: options.not_after,
        },
    )?;
    sql::insert(tx, id, release, environment, tenant, task, options)?;
    let mut event = Event::new("DeploymentQueued")
        .say("Deployment of ")
        .name(project.id, &project.name)
        .say(" ")
        .name(release.id, &release.version)
        .say(" to ")
        .name(environment.id, &environment.name);
    if let Some(tenant) = to {
        event = event.say(" for ").name(tenant.id, &tenant.name);
    }
    let event = event
        .say(" was queued")
        .related(id)
        .related(task)
        .space(project.space.0)
        .project(project.id.0, Some(project.group.0))
        .environment(environment.id.0)
        .tenant(tenant.map(|tenant| tenant.0));
    Ok((id, event))
}

/// What is said beside the place, checked.
///
/// # Errors
/// `Invalid` under `Comments`, `RunAt`, `NoRunAfter`.
pub(in crate::company) fn check_options(options: &Options) -> Result<Options> {
    let now = clock::now();
    let mut wrong = Wrong::new();
    let comments = wrong.check("Comments", names::text(&options.comments, 5000)).unwrap_or_default();
    let far = |time: Option<Moment>| time.is_some_and(|time| time.0 > now.0 + LONGEST_AHEAD);
    if far(options.not_before) {
        wrong.add("RunAt", "It may be asked for at most 30 days ahead.");
    }
    if let Some(end) = options.not_after {
        if end <= now {
            wrong.add("NoRunAfter", "That time is over already. Give a later one, or none.");
        } else if options.not_before.is_some_and(|begin| end <= begin) {
            wrong.add("NoRunAfter", "It would be given up before it may begin. Give a later time.");
        }
    }
    wrong.finish()?;
    Ok(Options { comments, ..options.clone() })
}

//! Gathers what a plan is made of: for the engine, with what it takes to sign in; for the page before the button, with
//! what stands in the way.

use super::{
    builtins::{self, Before},
    outlook::Outlook,
    plan::{self, Machine, Material, Place, Plan, Recipient, Subject},
    sql,
};
use crate::base::{
    clock,
    error::Result,
    ids::{Account, Environment, Id, Project, Release, Target, Tenant},
};
use crate::company::{
    access::{
        Granted, Reach, Rows, Seal,
        permissions::{EnvironmentView, MachineView, ReleaseView, TaskExecute, TenantView},
    },
    channels, environments,
    projects::{self, process::Step},
    releases, spaces,
    targets::{self, accounts::Credential},
    tenants,
};
use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

/// What the engine needs to carry a deployment out.
#[derive(Debug)]
pub struct Prepared {
    /// What to do.
    pub plan: Plan,
    /// How to sign in, by account: those of the targets in the plan.
    pub credentials: BTreeMap<Id<Account>, Credential>,
}

/// What a deployment would do, before there is one.
#[derive(Debug)]
pub struct Preview {
    /// What would run where. Targets that the visitor may not see are called so.
    pub plan: Plan,
    /// Why it would be refused now.
    pub obstacle: Option<String>,
}

impl Preview {
    /// What some material would do; it is in the way, too, that nobody can tell what a step is limited to.
    pub(in crate::company) fn of(material: &Material, obstacle: Option<String>) -> Preview {
        let plan = plan::build(material);
        Preview { obstacle: obstacle.or_else(|| plan.refused.clone()), plan }
    }
}

/// The plan of the task's deployment, with the credentials of its targets.
///
/// # Errors
/// `Conflict` when an account has no secret, and when what a step is limited to is
/// gone.
pub fn prepare(granted: &Granted<'_, TaskExecute>) -> Result<Prepared> {
    granted.read(|rows| {
        let deployment = sql::by_task(rows, granted.what().task.id())?;
        let mut material = material(rows, deployment.release, deployment.environment, deployment.tenant)?;
        material.made = Some((deployment.id.to_string(), deployment.task));
        material.name = deployment.name;
        material.created_at = deployment.created_at;
        material.created_by = deployment.created_by;
        material.skip = deployment.skip_steps;
        let (word, by) = ("Deployment", deployment.created_by_id);
        builtins::said(rows, &mut material, (word, &deployment.comments, by))?;
        let made = releases::by_id(rows, deployment.release)?.assembled_at;
        let before = Before {
            project: deployment.project,
            environment: deployment.environment,
            tenant: deployment.tenant,
            task: deployment.task,
        };
        builtins::of_release(rows, &mut material, made, before)?;
        let company = granted.visitor().company().slug();
        builtins::links(&mut material, company, (deployment.id, deployment.release));
        keep_targets(&mut material, &deployment.only_targets, &deployment.not_targets);
        Prepared::of(rows, granted.seal(), &material)
    })
}

impl Prepared {
    /// The plan of some material, with the credentials of its targets. One that is refused is laid out, too: whoever looks at
    /// the task sees its steps, and that none ran.
    ///
    /// # Errors
    /// As [`prepare`].
    pub(in crate::company) fn of(rows: &Rows<'_>, seal: &Seal, material: &Material) -> Result<Prepared> {
        let plan = plan::build(material);
        let mut credentials = BTreeMap::new();
        for machine in machines_of(&plan) {
            if let Entry::Vacant(place) = credentials.entry(machine.account) {
                place.insert(targets::accounts::credential(rows, seal, machine.account)?);
            }
        }
        Ok(Prepared { plan, credentials })
    }
}

/// Leaves the targets that were asked for: only some, or all but some.
pub(in crate::company) fn keep_targets(material: &mut Material, only: &[Id<Target>], not: &[Id<Target>]) {
    let stays = |machine: &Machine| (only.is_empty() || only.contains(&machine.id)) && !not.contains(&machine.id);
    let (stay, excluded) = std::mem::take(&mut material.machines).into_iter().partition(stays);
    (material.machines, material.excluded) = (stay, excluded);
}

/// Targets outside the reach are told of without their names; not at all, nor their number, where whoever asks may neither
/// start such work nor see it (`told`).
pub(in crate::company) fn hide_unseen(
    rows: &Rows<'_>,
    reach: &Reach,
    material: &mut Material,
    told: bool,
) -> Result<()> {
    let ids: Vec<Id<Target>> = material.machines.iter().map(|machine| machine.id).collect();
    let seen = targets::within(rows, reach, &ids)?;
    material.machines.retain(|machine| told || seen.contains(&machine.id));
    for machine in material.machines.iter_mut().filter(|machine| !seen.contains(&machine.id)) {
        machine.name = "A deployment target that you may not see".into();
        machine.host.clear();
    }
    Ok(())
}

/// What deploying a release somewhere would do, and whether it would be allowed by the rules of `domain §6`. Whether the
/// visitor may press the button is for [`super::deploy`] to ask. `skip` names the steps to leave out.
pub fn preview(
    granted: &Granted<'_, ReleaseView>,
    environment: &Granted<'_, EnvironmentView>,
    tenant: Option<&Granted<'_, TenantView>>,
    skip: &[String],
) -> Result<Preview> {
    let release = granted.what().release.id();
    let environment = environment.what().environment.id();
    let tenant = tenant.map(|tenant| tenant.what().tenant.id());
    let space = granted.what().release.space_id();
    let reach = granted.reach_of::<MachineView>(space);
    granted.read(|rows| {
        let mut material = material(rows, release, environment, tenant)?;
        material.skip = skip.to_vec();
        let outlook = Outlook::over(granted, rows, (space, release))?;
        hide_unseen(rows, &reach, &mut material, outlook.is_told_of(environment, tenant))?;
        let to = tenant.map(|tenant| tenants::by_id(rows, tenant)).transpose()?;
        let to = to.as_ref().map(|one| (one.id, one.name.as_str(), one.is_disabled));
        let obstacle = outlook.obstacle((environment, &material.environment.1), to).map(|why| why.sentence());
        Ok(Preview::of(&material, obstacle))
    })
}

fn machines_of(plan: &Plan) -> impl Iterator<Item = &Machine> {
    plan.steps.iter().flat_map(|step| &step.places).filter_map(Place::machine)
}

fn material(
    rows: &Rows<'_>,
    release: Id<Release>,
    environment: Id<Environment>,
    tenant: Option<Id<Tenant>>,
) -> Result<Material> {
    let release = releases::by_id(rows, release)?;
    let channel = channels::by_id(rows, release.channel)?;
    let name = format!("Deploy to {}", environments::by_id(rows, environment)?.name);
    let subject =
        Subject::Release { release: (release.id, release.version, release.notes), channel: (channel.id, channel.name) };
    gather(rows, release.project, (environment, tenant), name, subject, release.steps)
}

/// The material of frozen steps of a project, at an environment and for a tenant: with all targets of that place, and not
/// made yet.
pub(in crate::company) fn gather(
    rows: &Rows<'_>,
    project: Id<Project>,
    place: (Id<Environment>, Option<Id<Tenant>>),
    name: String,
    subject: Subject,
    steps: Vec<Step>,
) -> Result<Material> {
    let project = projects::by_id(rows, project)?;
    let space = spaces::by_id(rows, project.space)?;
    let environment = environments::by_id(rows, place.0)?;
    let tenant = place.1.map(|tenant| tenants::by_id(rows, tenant)).transpose()?;
    let machines =
        targets::for_deployment(rows, project.space, environment.id, tenant.as_ref().map(|tenant| tenant.id))?;
    let mut barred = BTreeSet::new();
    for target in &machines {
        if targets::is_barred(rows, target.account, environment.id)? {
            barred.insert(target.id);
        }
    }
    let builtins = builtins::of_place(rows, &project, &space, &environment, tenant.as_ref())?;
    let gone = projects::kept::gone(rows, &project, &steps)?;
    Ok(Material {
        made: None,
        name,
        created_at: clock::now(),
        created_by: String::new(),
        space: (space.id, space.name),
        project: (project.id, project.name, project.slug),
        subject,
        environment: (environment.id, environment.name),
        tenant: tenant.map(|tenant| Recipient { id: tenant.id, name: tenant.name, tags: tenant.tags }),
        steps,
        machines: machines.into_iter().map(machine).collect(),
        excluded: Vec::new(),
        allows_no_targets: project.allows_no_targets,
        skip: Vec::new(),
        builtins,
        gone,
        barred,
    })
}

fn machine(target: targets::Target) -> Machine {
    Machine {
        id: target.id,
        name: target.name,
        host: target.host,
        port: target.port,
        host_key: target.host_key,
        account: target.account,
        roles: target.roles,
    }
}

//! What a deployment will do: frozen steps, a place and its machines become a plan of scripts. Pure: nothing is read here.

mod substitute;

pub use substitute::substitute;

use crate::base::{
    clock::Moment,
    ids::{Account, Channel, Environment, Id, Project, Release, Runbook, RunbookSnapshot, Space, Target, Task, Tenant},
    names,
};
use crate::company::deployments::builtins::Builtins;
use crate::company::projects::process::{Action, Condition, POOL, StartTrigger, Step, Syntax};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// All that a plan is made of.
#[derive(Debug, Clone)]
pub struct Material {
    /// The wire id of the deployment or run, and its task; `None` in a preview, when there is none yet.
    pub made: Option<(String, Id<Task>)>,
    /// "Deploy to Production".
    pub name: String,
    /// When it was asked for.
    pub created_at: Moment,
    /// By whom.
    pub created_by: String,
    /// Its space.
    pub space: (Id<Space>, String),
    /// The project: id, name, slug.
    pub project: (Id<Project>, String, String),
    /// What is carried out.
    pub subject: Subject,
    /// Where it goes.
    pub environment: (Id<Environment>, String),
    /// For whom.
    pub tenant: Option<Recipient>,
    /// The process as the release or the snapshot froze it.
    pub steps: Vec<Step>,
    /// The targets of this place, narrowed to those asked for.
    pub machines: Vec<Machine>,
    /// The targets of this place that whoever asked left out.
    pub excluded: Vec<Machine>,
    /// It may be carried out where there is no target for it.
    pub allows_no_targets: bool,
    /// Names of steps and actions to leave out.
    pub skip: Vec<String>,
    /// What scripts may ask for beyond the rest.
    pub builtins: Builtins,
    /// Why an action cannot be told where it runs, by its id: what it is limited to is gone.
    pub gone: BTreeMap<String, String>,
    /// Targets whose accounts may not be used in this environment.
    pub barred: BTreeSet<Id<Target>>,
}

/// What is carried out: a release is deployed, or a runbook is run.
#[derive(Debug, Clone)]
pub enum Subject {
    /// A release of a channel.
    Release {
        /// Id, version, notes.
        release: (Id<Release>, String, String),
        /// Its channel.
        channel: (Id<Channel>, String),
    },
    /// A runbook, as a snapshot froze it.
    Runbook {
        /// Id and name.
        runbook: (Id<Runbook>, String),
        /// The snapshot.
        snapshot: (Id<RunbookSnapshot>, String),
    },
}

impl Subject {
    /// What carrying it out is called.
    fn word(&self) -> &'static str {
        match self {
            Subject::Release { .. } => "deployment",
            Subject::Runbook { .. } => "run",
        }
    }
}

/// The tenant a deployment is for.
#[derive(Debug, Clone)]
pub struct Recipient {
    /// Its id.
    pub id: Id<Tenant>,
    /// Its name.
    pub name: String,
    /// Its tags, as `Set/Tag`.
    pub tags: Vec<String>,
}

/// A target, as far as a plan needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// Its id.
    #[serde(serialize_with = "as_text")]
    pub id: Id<Target>,
    /// Its name.
    pub name: String,
    /// Its address.
    pub host: String,
    /// Its SSH port.
    pub port: u16,
    /// The fingerprint its host key must have.
    pub host_key: String,
    /// The account to sign in with.
    #[serde(serialize_with = "as_text")]
    pub account: Id<Account>,
    /// Its tags.
    pub roles: Vec<String>,
}

fn as_text<T: std::fmt::Display, S: serde::Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

/// What will be done.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// The steps, in order.
    pub steps: Vec<PlannedStep>,
    /// What every script may ask for by name.
    pub variables: BTreeMap<String, String>,
    /// Why it fails before anything of it runs.
    #[serde(skip)]
    pub refused: Option<String>,
}

/// One step.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedStep {
    /// From 1.
    pub number: usize,
    /// Its name.
    pub name: String,
    /// When it runs.
    #[serde(serialize_with = "condition_word")]
    pub condition: Condition,
    /// It begins together with the step before it.
    pub with_previous: bool,
    /// On how many targets it works at a time; `None`: as many as the server allows.
    pub window: Option<usize>,
    /// The target tags that it asks for.
    #[serde(skip)]
    pub roles: Vec<String>,
    /// Where it runs; none when it is skipped.
    pub places: Vec<Place>,
    /// What it does at each place, one after the other.
    pub actions: Vec<PlannedAction>,
    /// Why it will not run.
    pub skipped: Option<String>,
}

fn condition_word<S: serde::Serializer>(condition: &Condition, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(condition.word())
}

/// One script of a step.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedAction {
    /// The action's id in the process.
    #[serde(skip)]
    pub id: String,
    /// From 1, within its step.
    pub number: usize,
    /// Its name; the step's own when it is the only one.
    pub name: String,
    /// Its language.
    #[serde(serialize_with = "syntax_word")]
    pub syntax: Syntax,
    /// It says in which language it is.
    #[serde(skip)]
    pub names_syntax: bool,
    /// The script as it was written.
    pub script: String,
    /// It runs on the built-in worker, on behalf of the place.
    pub on_worker: bool,
    /// What is said of its worker before it runs.
    #[serde(skip)]
    pub notice: Option<String>,
    /// Nobody may leave it out.
    pub is_required: bool,
    /// It is switched off in the process.
    #[serde(skip)]
    pub is_disabled: bool,
    /// Why it will not run.
    pub skipped: Option<String>,
}

fn syntax_word<S: serde::Serializer>(syntax: &Syntax, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(syntax.word())
}

/// Where a step runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Place {
    /// On the server's built-in worker.
    Worker,
    /// On a deployment target.
    Target(Machine),
}

impl Place {
    /// What it is called in the log.
    pub fn name(&self) -> &str {
        match self {
            Place::Worker => "Built-in worker",
            Place::Target(machine) => &machine.name,
        }
    }
    /// The machine, if it is one.
    pub fn machine(&self) -> Option<&Machine> {
        match self {
            Place::Worker => None,
            Place::Target(machine) => Some(machine),
        }
    }
}

/// Works out what will run where (`domain §2`, `§6`).
pub fn build(material: &Material) -> Plan {
    let mut steps: Vec<PlannedStep> = Vec::with_capacity(material.steps.len());
    let mut targets = Targets::default();
    let mut refused = None;
    for (index, step) in material.steps.iter().enumerate() {
        // What nobody can tell the limits of is not passed over: nothing of the plan is done.
        let runs = |action: &&Action| !action.is_disabled && !is_left_out(step, action, material);
        refused =
            refused.or_else(|| step.actions.iter().filter(runs).find_map(|one| material.gone.get(&one.id).cloned()));
        let roles = step.target_roles();
        let actions: Vec<PlannedAction> = step
            .actions
            .iter()
            .enumerate()
            .map(|(place, action)| PlannedAction {
                id: action.id.clone(),
                number: place + 1,
                name: if action.name.is_empty() { step.name.clone() } else { action.name.clone() },
                syntax: action.syntax(),
                names_syntax: action.names_syntax(),
                script: action.script_body().to_owned(),
                on_worker: action.is_on_worker(&roles),
                notice: action.other_pool().filter(|_| action.is_on_worker(&roles)),
                is_required: action.is_required,
                is_disabled: action.is_disabled,
                skipped: why_skipped(step, action, material),
            })
            .collect();
        let (places, nowhere) = places(step, &actions, material);
        let skipped = match actions.iter().find(|action| action.skipped.is_none()) {
            None => Some(
                actions
                    .first()
                    .and_then(|action| action.skipped.clone())
                    .unwrap_or_else(|| "It has nothing to do.".into()),
            ),
            Some(_) => {
                targets.note(&places, nowhere.as_deref());
                nowhere
            }
        };
        steps.push(PlannedStep {
            number: index + 1,
            name: step.name.clone(),
            condition: step.condition,
            with_previous: index > 0 && step.start_trigger == StartTrigger::StartWithPrevious,
            window: step.max_parallelism(),
            roles,
            places: if skipped.is_some() { Vec::new() } else { places },
            actions,
            skipped,
        });
    }
    let refused = refused.or_else(|| why_barred(&steps, material)).or_else(|| targets.why_refused(material));
    Plan { steps, variables: variables(material), refused }
}

/// A target that a step runs on, and whose account may not be used there. It is named, its account is not: not everybody who
/// reads this may see accounts.
fn why_barred(steps: &[PlannedStep], material: &Material) -> Option<String> {
    let machines = steps.iter().flat_map(|step| &step.places).filter_map(Place::machine);
    let barred = machines.into_iter().find(|machine| material.barred.contains(&machine.id))?;
    Some(format!(
        "{} signs in with an account that may not be used in {}. Change the target or its account.",
        barred.name, material.environment.1
    ))
}

/// Whether the steps that want targets have any.
#[derive(Default)]
struct Targets {
    found: bool,
    missing: Option<String>,
}

impl Targets {
    fn note(&mut self, places: &[Place], nowhere: Option<&str>) {
        self.found |= places.iter().any(|place| place.machine().is_some());
        self.missing = self.missing.take().or(nowhere.map(str::to_owned));
    }
    /// `domain §2`: nothing is deployed to no target, unless the project allows it.
    fn why_refused(self, material: &Material) -> Option<String> {
        let missing = self.missing.filter(|_| !self.found && !material.allows_no_targets)?;
        let whose = match &material.subject {
            Subject::Release { .. } => &material.project.1,
            Subject::Runbook { runbook, .. } => &runbook.1,
        };
        Some(format!(
            "There is no deployment target for this {}. {missing} Add one, or let the settings of {whose} allow deployments to no targets.",
            material.subject.word(),
        ))
    }
}

/// Whether whoever started it left an action out.
fn is_left_out(step: &Step, action: &Action, material: &Material) -> bool {
    let named = |text: &String| {
        let key = names::key(text);
        key == names::key(&step.name)
            || key == names::key(&action.name)
            || (!action.id.is_empty() && *text == action.id)
    };
    !action.is_required && material.skip.iter().any(named)
}

/// Why an action is left out of this deployment, as a sentence.
fn why_skipped(step: &Step, action: &Action, material: &Material) -> Option<String> {
    let environment = material.environment.0.to_string();
    let has = |list: &[String], id: &str| list.iter().any(|one| one.eq_ignore_ascii_case(id));
    if action.is_disabled {
        Some("It is disabled.".into())
    } else if is_left_out(step, action, material) {
        Some(format!("It was left out of this {} by hand.", material.subject.word()))
    } else if (!action.environments.is_empty() && !has(&action.environments, &environment))
        || has(&action.excluded_environments, &environment)
    {
        Some(format!("It does not run in {}.", material.environment.1))
    } else if let (false, Subject::Runbook { .. }) = (action.channels.is_empty(), &material.subject) {
        // `domain §3`: a limit to channels never matches in a runbook.
        Some("It runs only for releases of some channels, and a runbook has none.".into())
    } else if let (Subject::Release { channel, .. }, false) = (&material.subject, action.channels.is_empty())
        && !has(&action.channels, &channel.0.to_string())
    {
        Some(format!("It does not run for releases of the channel {}.", channel.1))
    } else if !action.tenant_tags.is_empty()
        && !material.tenant.as_ref().is_some_and(|tenant| carries(&tenant.tags, &action.tenant_tags))
    {
        Some(format!("It runs only for tenants with these tags: {}.", action.tenant_tags.join(", ")))
    } else {
        None
    }
}

/// For every tag set that is listed, the tenant has at least one of its listed tags (`domain §7`).
fn carries(tags: &[String], listed: &[String]) -> bool {
    let set_of = |tag: &str| names::key(tag.split_once('/').map_or(tag, |(set, _)| set));
    let has = |wanted: &str| tags.iter().any(|tag| names::key(tag) == names::key(wanted));
    listed.iter().all(|tag| listed.iter().any(|other| set_of(other) == set_of(tag) && has(other)))
}

fn places(step: &Step, actions: &[PlannedAction], material: &Material) -> (Vec<Place>, Option<String>) {
    let roles = step.target_roles();
    if roles.is_empty() && actions.iter().all(|action| action.on_worker || action.is_disabled) {
        return (vec![Place::Worker], None);
    }
    let matches = |machine: &&Machine| {
        machine.roles.iter().any(|has| roles.iter().any(|wanted| names::key(has) == names::key(wanted)))
    };
    let found: Vec<Place> = material.machines.iter().filter(matches).cloned().map(Place::Target).collect();
    let nowhere = found.is_empty().then(|| {
        let whom = material.tenant.as_ref().map(|tenant| format!(" for {}", tenant.name)).unwrap_or_default();
        let place = format!("{}{whom}", material.environment.1);
        let tags = match roles.as_slice() {
            [] => return "It names no target tag, so no deployment target matches.".to_owned(),
            [role] => format!("the tag {role}"),
            roles => format!("one of the tags {}", roles.join(", ")),
        };
        match material.excluded.iter().any(|machine| matches(&machine)) {
            true => format!(
                "Every deployment target in {place} with {tags} was excluded from this {}.",
                material.subject.word()
            ),
            false => format!("No deployment target in {place} has {tags}."),
        }
    });
    (found, nowhere)
}

/// The built-in variables that hold for the whole deployment (`domain §3`).
fn variables(material: &Material) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut set = |name: &str, value: &dyn std::fmt::Display| {
        all.insert(format!("Octopus.{name}"), value.to_string());
    };
    let work = match &material.subject {
        Subject::Release { .. } => "Deployment",
        Subject::Runbook { .. } => "RunbookRun",
    };
    if let Some((made, task)) = &material.made {
        set(&format!("{work}.Id"), made);
        set("Task.Id", task);
    }
    set(&format!("{work}.Name"), &material.name);
    set(&format!("{work}.Created"), &material.created_at.wire());
    set(&format!("{work}.CreatedBy.DisplayName"), &material.created_by);
    set("Space.Id", &material.space.0);
    set("Space.Name", &material.space.1);
    set("Project.Id", &material.project.0);
    set("Project.Name", &material.project.1);
    set("Project.Slug", &material.project.2);
    match &material.subject {
        Subject::Release { release, channel } => {
            set("Release.Id", &release.0);
            set("Release.Number", &release.1);
            set("Release.Notes", &release.2);
            set("Release.Channel.Id", &channel.0);
            set("Release.Channel.Name", &channel.1);
        }
        Subject::Runbook { runbook, snapshot } => {
            set("Runbook.Id", &runbook.0);
            set("Runbook.Name", &runbook.1);
            set("RunbookSnapshot.Id", &snapshot.0);
            set("RunbookSnapshot.Name", &snapshot.1);
        }
    }
    set("Environment.Id", &material.environment.0);
    set("Environment.Name", &material.environment.1);
    for (name, value) in material.builtins.iter() {
        set(name, value);
    }
    let mut with: BTreeMap<String, (&String, Vec<String>)> = BTreeMap::new();
    for (machine, role) in material.machines.iter().flat_map(|one| one.roles.iter().map(move |role| (one, role))) {
        with.entry(names::key(role)).or_insert((role, Vec::new())).1.push(machine.id.to_string());
    }
    for (role, ids) in with.values() {
        set(&format!("Environment.MachinesInRole[{role}]"), &ids.join(","));
    }
    if let Some(tenant) = &material.tenant {
        set("Deployment.Tenant.Id", &tenant.id);
        set("Deployment.Tenant.Name", &tenant.name);
        set("Deployment.Tenant.Tags", &tenant.tags.join(","));
    }
    all
}

impl Plan {
    /// Whether nothing is done when all goes well: every step is skipped, or waits for a failure.
    pub fn does_nothing(&self) -> bool {
        self.steps.iter().all(|step| step.skipped.is_some() || step.condition == Condition::Failure)
    }
    /// What a script may ask for at one place: the deployment's variables, and those of the machine, step and action.
    /// `error` is what failed before, if anything did.
    pub fn variables_at(
        &self,
        step: &PlannedStep,
        action: &PlannedAction,
        place: &Place,
        error: Option<&str>,
    ) -> BTreeMap<String, String> {
        let mut all = self.variables.clone();
        all.insert("Octopus.Step.Name".into(), step.name.clone());
        all.insert("Octopus.Step.Number".into(), step.number.to_string());
        all.insert("Octopus.Action.Id".into(), action.id.clone());
        all.insert("Octopus.Action.TargetRoles".into(), step.roles.join(","));
        all.insert("Octopus.Action.Name".into(), action.name.clone());
        all.insert("Octopus.Action.Number".into(), action.number.to_string());
        if let Some(machine) = place.machine() {
            all.insert("Octopus.Machine.Id".into(), machine.id.to_string());
            all.insert("Octopus.Machine.Name".into(), machine.name.clone());
            all.insert("Octopus.Machine.Hostname".into(), machine.host.clone());
            all.insert("Octopus.Machine.Roles".into(), machine.roles.join(","));
        }
        if action.on_worker {
            all.insert("Octopus.WorkerPool.Id".into(), POOL.into());
            all.insert("Octopus.WorkerPool.Name".into(), "Default Worker Pool".into());
        }
        if let Some(error) = error {
            all.insert("Octopus.Deployment.Error".into(), error.to_owned());
            all.insert("Octopus.Deployment.ErrorDetail".into(), error.to_owned());
        }
        all
    }
}

#[cfg(test)]
mod tests;

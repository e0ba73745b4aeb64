//! Health checks: asking for one, and writing down what the engine found.

use super::{
    Health, Target,
    accounts::{self, Credential},
    by_id, note_health,
};
use crate::base::{
    clock,
    error::{Error, Result},
    ids::{Id, Target as Kind, Task as TaskKind},
};
use crate::company::{
    Company,
    access::{
        Event, Granted, Writing,
        permissions::{TaskCreate, TaskExecute},
    },
    tasks::{self, NewTask, Task, Work},
};
use std::collections::BTreeMap;

/// How long a check may take, in milliseconds; as long as it takes without.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// The task.
    pub whole: Option<i64>,
    /// The machine.
    pub machine: Option<i64>,
}

/// What the limits are called among the arguments of a task.
const LIMITS: [&str; 2] = ["Timeout", "MachineTimeout"];

impl Limits {
    /// Those that a task was asked for with.
    pub fn asked(task: &Task) -> Limits {
        let of = |name: &str| clock::milliseconds_of_span(task.arguments.get(name)?);
        Limits { whole: of(LIMITS[0]), machine: of(LIMITS[1]) }
    }
    /// The shorter one of a task's.
    pub fn of(task: &Task) -> Option<i64> {
        LIMITS.iter().filter_map(|name| clock::milliseconds_of_span(task.arguments.get(*name)?)).min()
    }
}

/// Asks the engine to look at a target.
///
/// # Errors
/// `Conflict` when the target is disabled.
pub fn ask(granted: &Granted<'_, TaskCreate>, limits: &Limits) -> Result<Task> {
    let id = granted.what().target.id();
    let task = granted.write(|tx| {
        let target = by_id(tx, id)?;
        if target.is_disabled {
            return Err(Error::Conflict(format!("{} is disabled. Enable it first.", target.name)));
        }
        let (task, event) = queued(tx, granted.visitor().company(), &target, limits)?;
        tx.record(event, tasks::by_id(tx, task)?)
    })?;
    tasks::ring();
    Ok(task)
}

/// Puts a look at a target into the queue, beside the change that asks for it.
pub(super) fn queue(tx: &Writing<'_>, company: &Company, target: &Target, limits: &Limits) -> Result<()> {
    let (_, event) = queued(tx, company, target, limits)?;
    tx.also(event)
}

fn queued(tx: &Writing<'_>, company: &Company, target: &Target, limits: &Limits) -> Result<(Id<TaskKind>, Event)> {
    // A target in several environments belongs to none of them alone; all of them are written down beside.
    let environment = match target.environments.as_slice() {
        [only] => Some(*only),
        _ => None,
    };
    let mut arguments = BTreeMap::from([("MachineId".to_owned(), target.id.to_string())]);
    for (name, limit) in LIMITS.iter().zip([limits.whole, limits.machine]) {
        arguments.extend(limit.map(|limit| ((*name).to_owned(), clock::span(limit))));
    }
    let task = tasks::enqueue(
        tx,
        company,
        NewTask {
            space: Some(target.space),
            work: Work::Health,
            description: format!("Check the health of {}", target.name),
            arguments,
            project: None,
            environment,
            tenant: None,
            runbook: None,
            exclusive_key: format!("health/{}", target.id),
            not_before: None,
            not_after: None,
        },
    )?;
    tasks::scope(tx, task, &target.environments)?;
    let event = Event::new("TaskQueued").say("A health check of ").name(target.id, &target.name).say(" was queued");
    let event = event.related(task).space(target.space.0);
    let event = match environment {
        Some(environment) => event.environment(environment.0),
        None => event,
    };
    Ok((task, event))
}

/// The target that the task is to look at, and how to sign in to it.
pub fn what_to_check(granted: &Granted<'_, TaskExecute>) -> Result<(Target, Credential)> {
    granted.read(|rows| {
        let task = tasks::by_id(rows, granted.what().task.id())?;
        let id = task.arguments.get("MachineId").and_then(|text| Id::<Kind>::parse(text));
        let target = by_id(rows, id.ok_or_else(|| Error::internal("a health check names no target"))?)?;
        let credential = accounts::credential(rows, granted.seal(), target.account)?;
        Ok((target, credential))
    })
}

/// Writes down what was found. A change for better or worse goes to the trail.
pub fn note(granted: &Granted<'_, TaskExecute>, id: Id<Kind>, health: Health, said: &str) -> Result<()> {
    granted.write(|tx| {
        let before = by_id(tx, id)?;
        note_health(tx, id, health, said)?;
        let category = match health {
            Health::Healthy => "MachineHealthy",
            Health::Unavailable => "MachineUnavailable",
            Health::Unknown => "MachineHealthChanged",
        };
        let event =
            Event::new(category).say("Deployment target ").name(id, &before.name).say(" was found ").say(health.name());
        let event =
            event.detail("HealthStatus", serde_json::json!({ "from": before.health.name(), "to": health.name() }));
        tx.record(event.space(before.space.0).detail("Note", said), ())
    })
}

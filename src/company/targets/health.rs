//! Health checks: asking for one, and writing down what the engine found.

use super::{
    Health, Target,
    accounts::{self, Credential},
    by_id, note_health,
};
use crate::base::{
    error::{Error, Result},
    ids::{Id, Target as Kind},
};
use crate::company::{
    access::{
        Event, Granted,
        permissions::{TaskCreate, TaskExecute},
    },
    tasks::{self, NewTask, Task, Work},
};
use std::collections::BTreeMap;

/// Asks the engine to look at a target.
///
/// # Errors
/// `Conflict` when the target is disabled.
pub fn ask(granted: &Granted<'_, TaskCreate>) -> Result<Task> {
    let id = granted.what().target.id();
    let task = granted.write(|tx| {
        let target = by_id(tx, id)?;
        if target.is_disabled {
            return Err(Error::Conflict(format!("{} is disabled. Enable it first.", target.name)));
        }
        // A target in several environments belongs to none of them alone; all of them are written down beside.
        let environment = match target.environments.as_slice() {
            [only] => Some(*only),
            _ => None,
        };
        let task = tasks::enqueue(
            tx,
            granted.visitor().company(),
            NewTask {
                space: Some(target.space),
                work: Work::Health,
                description: format!("Check the health of {}", target.name),
                arguments: BTreeMap::from([("MachineId".to_owned(), id.to_string())]),
                project: None,
                environment,
                tenant: None,
                runbook: None,
                exclusive_key: format!("health/{id}"),
                not_before: None,
                not_after: None,
            },
        )?;
        tasks::scope(tx, task, &target.environments)?;
        let mut event =
            Event::new("TaskQueued").say("A health check of ").name(id, &target.name).say(" was queued").related(task);
        event = event.space(target.space.0);
        if let Some(environment) = environment {
            event = event.environment(environment.0);
        }
        tx.record(event, tasks::by_id(tx, task)?)
    })?;
    tasks::ring();
    Ok(task)
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

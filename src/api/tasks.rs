//! `/api/{space}/tasks`.

use super::{
    caller::{Ask, Body, Reply},
    resource,
};
use crate::{
    base::{
        clock::{self, Moment},
        error::{Error, Result},
        ids,
        paging::Page,
        terminal::Neutral,
    },
    company::{
        access::{
            At, Within,
            permissions::{List, TaskCancel, TaskCreate, TaskView},
        },
        targets::health,
        tasks::{self, Filter, Line, Most, State, Step, StepStatus, Task, Work},
    },
    http::download::Download,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// So much of a log is given with the details at most; the raw form has it all.
const MOST: Most = Most { lines: 20_000, bytes: 2 * 1024 * 1024, each: 16 * 1024 };

pub(super) fn moment(moment: Option<Moment>) -> Value {
    moment.map_or(Value::Null, |moment| Value::String(moment.wire()))
}

fn own(ask: &Ask, task: &Task) -> String {
    match task.space {
        Some(space) => format!("{}/tasks/{}", resource::space_api(ask, space.0), task.id),
        None => format!("{}/tasks/{}", resource::api(ask), task.id),
    }
}

pub(super) fn draw(ask: &Ask, task: &Task) -> Value {
    let end = task.completed_at.unwrap_or_else(clock::now);
    let took = task.started_at.map(|begun| clock::duration(end.0 - begun.0)).unwrap_or_default();
    json!({
        "Id": task.id.to_string(), "SpaceId": task.space.map(|space| space.to_string()), "Name": task.work.name(),
        "Description": task.description, "Arguments": task.arguments, "State": task.state.name(),
        "Completed": task.completed_at.map_or_else(|| task.state.word().to_owned(), Moment::relative),
        "QueueTime": moment(Some(task.not_before.unwrap_or(task.queued_at))), "QueueTimeExpiry": moment(task.not_after),
        "StartTime": moment(task.started_at), "LastUpdatedTime": moment(Some(task.updated_at)),
        "CompletedTime": moment(task.completed_at), "ServerNode": Value::Null, "Duration": took,
        "ErrorMessage": task.error, "HasBeenPickedUpByProcessor": task.started_at.is_some(),
        "IsCompleted": task.state.is_completed(), "FinishedSuccessfully": task.state == State::Success,
        "HasPendingInterruptions": false, "PendingInterruptionTypes": [], "CanRerun": false,
        "HasWarningsOrErrors": task.warnings || matches!(task.state, State::Failed | State::TimedOut),
        "ProjectId": task.project.map(|id| id.to_string()), "EnvironmentId": task.environment.map(|id| id.to_string()),
        "TenantId": task.tenant.map(|id| id.to_string()),
        "Links": resource::links(&own(ask, task), &[("Details", "/details{?verbose,tail}"), ("Raw", "/raw"), ("Cancel", "/cancel")]),
    })
}

/// By id: in the space of the path, or without one anywhere in the company, as the clients cancel and wait.
fn located(ask: &Ask) -> Result<At<ids::Task>> {
    let within = if ask.parameter("space").is_empty() { Within::Company } else { Within::from(&ask.space()?) };
    ask.visitor()?.locate(within, ask.parameter("id"))
}

fn filter(ask: &Ask) -> Filter {
    let one = |ids: Option<Vec<i64>>| ids.and_then(|ids| ids.first().copied());
    let mut states: Vec<State> = ask
        .call
        .asked_all("states")
        .iter()
        .chain(&ask.call.asked_all("taskState"))
        .filter_map(|text| State::parse(text))
        .collect();
    if ask.asked_bool("running") == Some(true) {
        states.extend([State::Executing, State::Cancelling]);
    }
    if ask.asked_bool("active") == Some(true) {
        states.extend([State::Queued, State::Executing, State::Cancelling]);
    }
    Filter {
        ids: ask.asked_ids::<ids::Task>("ids"),
        states,
        project: one(ask.asked_ids::<ids::Project>("project")),
        environment: one(ask.asked_ids::<ids::Environment>("environment")),
        tenant: one(ask.asked_ids::<ids::Tenant>("tenant")),
        runbook: one(ask.asked_ids::<ids::Runbook>("runbook")),
        work: ask.asked("name").and_then(Work::parse),
        name: ask.asked_text("partialName"),
    }
}

/// A page of them, newest first. Ids that are not there, or may not be seen, are left out; when ids are given, all of
/// them are answered whatever `skip` says (`rest-api §8`).
pub(super) fn list(ask: &Ask) -> Result<Reply> {
    let space = ask.space()?;
    let granted = ask.visitor()?.ask(List::<TaskView>::of(&space))?;
    let filter = filter(ask);
    let page = match &filter.ids {
        Some(ids) => Page { skip: 0, take: ids.len().max(1) as i64 },
        None => ask.page(),
    };
    let listed = tasks::list(&granted, &filter, page)?;
    let counts = tasks::counts(&granted, &filter)?;
    let address = format!("{}/tasks", resource::space_api(ask, space.id().0));
    let template = "skip,take,ids,partialName,states,project,environment,tenant,runbook,name,running,active";
    let mut value = resource::collection_value(ask, &address, "Task", listed, page, template, |task| draw(ask, task));
    if let Some(object) = value.as_object_mut() {
        let mut totals: Map<String, Value> =
            counts.iter().map(|(state, count)| (state.name().to_owned(), json!(count))).collect();
        totals.insert("Interrupted".into(), json!(0));
        object.insert("TotalCounts".into(), Value::Object(totals));
    }
    Reply::ok(value)
}

/// One.
pub(super) fn show(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(TaskView { task: located(ask)? })?;
    Reply::ok(draw(ask, &tasks::show(&granted)?))
}

/// Asks for a health check of deployment targets: one task each; the first is answered.
pub(super) fn create(ask: &Ask) -> Result<Reply> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    // Whoever may nowhere hears that first, whatever was sent.
    visitor.ask(List::<TaskCreate>::of(&space))?;
    if Work::parse(&ask.body.text("Name")) != Some(Work::Health) {
        return Err(Error::invalid(
            "Name",
            "Only Health can be asked for here. Deployments are made with deployments/create.",
        ));
    }
    let machines = ask.body.get("Arguments").map(Body::of).unwrap_or_default().texts("MachineIds");
    if machines.is_empty() || machines.len() > 100 {
        return Err(Error::invalid("MachineIds", "Name 1 to 100 deployment targets in Arguments.MachineIds."));
    }
    let proofs: Vec<_> = machines
        .iter()
        .map(|id| visitor.ask(TaskCreate { target: visitor.locate(&space, id)? }))
        .collect::<Result<_>>()?;
    let mut first = None;
    for proof in &proofs {
        let task = health::ask(proof)?;
        first.get_or_insert(task);
    }
    let task = first.ok_or_else(|| Error::internal("no health check was asked for"))?;
    Reply::created(draw(ask, &task))
}

/// One with its steps and what they said.
pub(super) fn details(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(TaskView { task: located(ask)? })?;
    let (task, steps) = (tasks::show(&granted)?, tasks::steps(&granted)?);
    let tail = ask.asked("tail").and_then(|text| text.trim().parse::<usize>().ok());
    let most = tail.unwrap_or(MOST.lines).min(MOST.lines);
    let mut lines = tasks::read_log(&granted, tasks::From::Tail(most), MOST)?.lines;
    let left_out = lines.first().map_or(0, |line| line.n - 1);
    // Said where every client shows it, but not to who asked for the last lines only and got them.
    if left_out > 0
        && tail.is_none_or(|tail| lines.len() < tail)
        && let Some(first) = lines.first()
    {
        let text =
            format!("… {left_out} earlier lines are left out here; the raw form of the log has all that is kept. …");
        let gap = Line::gap_before(first, text);
        lines.insert(0, gap);
    }
    let done = steps.iter().filter(|step| step.ended_at.is_some()).count();
    let percentage = if task.state.is_completed() { 100 } else { done * 100 / steps.len().max(1) };
    Reply::ok(json!({
        "Id": format!("{}-details", task.id), "Task": draw(ask, &task),
        "ActivityLogs": [activities(&task, &steps, lines)],
        "Progress": { "ProgressPercentage": percentage, "EstimatedTimeRemaining": "" },
        "PhysicalLogSize": tasks::log_size(&granted)?, "LogLinesLeftOut": left_out,
        "Links": resource::links(&format!("{}/details", own(ask, &task)), &[]),
    }))
}

/// The tree of a task: the task, its steps, and each step's machines.
fn activities(task: &Task, steps: &[Step], lines: Vec<Line>) -> Value {
    let mut of: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in lines {
        let element = json!({
            "Category": line.category.name(), "OccurredAt": line.at.wire(), "MessageText": Neutral::line(&line.text),
            "Detail": line.cut.then_some("This line is cut. The raw form of the log has all of it."), "Number": line.n,
        });
        of.entry(line.step).or_default().push(element);
    }
    let top = steps.iter().filter(|step| step.parent.is_none());
    let children: Vec<Value> = top.map(|step| activity(task, step, steps, &mut of)).collect();
    let status = match task.state {
        State::Queued => "Pending",
        State::Executing | State::Cancelling => "Running",
        State::Success if task.warnings => "SuccessWithWarning",
        State::Success => "Success",
        State::Canceled => "Canceled",
        State::Failed | State::TimedOut => "Failed",
    };
    json!({
        "Id": task.id.to_string(), "Name": task.description, "Started": moment(task.started_at), "Ended": moment(task.completed_at),
        "Status": status, "Children": children, "ShowAtSummaryLevel": true, "LogElements": of.remove("").unwrap_or_default(),
        "ProgressPercentage": if task.state.is_completed() { 100 } else { 0 }, "ProgressMessage": "",
    })
}

fn activity(task: &Task, step: &Step, all: &[Step], of: &mut BTreeMap<String, Vec<Value>>) -> Value {
    // Machines have nothing below them, so that thousands of them are not looked through for each.
    let all = if step.parent.is_none() { all } else { &[] };
    let below = all.iter().filter(|one| one.parent.as_deref() == Some(&step.number));
    let children: Vec<Value> = below.map(|one| activity(task, one, all, of)).collect();
    let name = if step.parent.is_none() { format!("Step {}: {}", step.number, step.name) } else { step.name.clone() };
    let ended = !matches!(step.status, StepStatus::Pending | StepStatus::Running);
    json!({
        "Id": format!("{}_{}", task.id, step.number), "Name": name, "Started": moment(step.started_at), "Ended": moment(step.ended_at),
        "Status": step.status.wire(), "Children": children, "ShowAtSummaryLevel": step.parent.is_none(),
        "LogElements": of.remove(&step.number).unwrap_or_default(),
        "ProgressPercentage": if ended { 100 } else { 0 }, "ProgressMessage": "",
    })
}

/// What it said, as plain text that is safe on a terminal; `ansi=true` keeps its colours.
pub(super) fn raw(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(TaskView { task: located(ask)? })?;
    let mut plain = tasks::plain(&granted, colours(ask)?)?;
    Reply::file(Download::shown("text/plain; charset=utf-8", Box::new(move || plain.piece())))
}

/// Whether the colours of a log are asked for.
fn colours(ask: &Ask) -> Result<bool> {
    match ask.asked("ansi") {
        None => Ok(false),
        Some(_) => ask.asked_bool("ansi").ok_or_else(|| Error::invalid("ansi", "Give true or false.")),
    }
}

/// Stops it.
pub(super) fn cancel(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(TaskCancel { task: located(ask)? })?;
    Reply::ok(draw(ask, &tasks::cancel(&granted)?))
}

//! A task with its steps and what they said.

use super::{TaskResource, draw, located, own};
use crate::{
    api::{
        caller::Ask,
        wire::{Json, Links},
    },
    base::{clock::Moment, error::Result, terminal::Neutral},
    company::{
        access::permissions::TaskView,
        tasks::{self, Line, Most, State, Step, StepStatus, Task},
    },
};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// So much of a log is given with the details at most; the raw form has it all.
const MOST: Most = Most { lines: 20_000, bytes: 2 * 1024 * 1024, each: 16 * 1024 };

/// How far a task is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct TaskProgress {
    progress_percentage: usize,
    estimated_time_remaining: &'static str,
}

/// A task with its steps and what they said.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct TaskDetailsResource {
    id: String,
    task: TaskResource,
    activity_logs: Vec<Activity>,
    progress: TaskProgress,
    physical_log_size: u64,
    /// So many lines were left out before the first.
    log_lines_left_out: i64,
    links: Links,
}

/// A part of a task, with its own parts.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct Activity {
    id: String,
    name: String,
    started: Option<String>,
    ended: Option<String>,
    status: &'static str,
    #[schema(no_recursion)]
    children: Vec<Activity>,
    show_at_summary_level: bool,
    log_elements: Vec<LogElement>,
    progress_percentage: u8,
    progress_message: &'static str,
}

/// A line of a log.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct LogElement {
    category: &'static str,
    occurred_at: String,
    message_text: String,
    detail: Option<&'static str>,
    number: i64,
}

/// One with its steps and what they said.
pub(in crate::api) fn details(ask: &Ask) -> Result<Json<TaskDetailsResource>> {
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
    Ok(Json(TaskDetailsResource {
        id: format!("{}-details", task.id),
        task: draw(ask, &task),
        activity_logs: vec![activities(&task, &steps, lines)],
        progress: TaskProgress { progress_percentage: percentage, estimated_time_remaining: "" },
        physical_log_size: tasks::log_size(&granted)?,
        log_lines_left_out: left_out,
        links: Links::of(format!("{}/details", own(ask, &task)), &[]),
    }))
}

/// The tree of a task: the task, its steps, and each step's machines.
fn activities(task: &Task, steps: &[Step], lines: Vec<Line>) -> Activity {
    let mut of: BTreeMap<String, Vec<LogElement>> = BTreeMap::new();
    for line in lines {
        let element = LogElement {
            category: line.category.name(),
            occurred_at: line.at.wire(),
            message_text: Neutral::line(&line.text).to_string(),
            detail: line.cut.then_some("This line is cut. The raw form of the log has all of it."),
            number: line.n,
        };
        of.entry(line.step).or_default().push(element);
    }
    let top = steps.iter().filter(|step| step.parent.is_none());
    let children = top.map(|step| activity(task, step, steps, &mut of)).collect();
    Activity {
        id: task.id.to_string(),
        name: task.description.clone(),
        started: task.started_at.map(Moment::wire),
        ended: task.completed_at.map(Moment::wire),
        status: match task.state {
            State::Queued => "Pending",
            State::Executing | State::Cancelling => "Running",
            State::Success if task.warnings => "SuccessWithWarning",
            State::Success => "Success",
            State::Canceled => "Canceled",
            State::Failed | State::TimedOut => "Failed",
        },
        children,
        show_at_summary_level: true,
        log_elements: of.remove("").unwrap_or_default(),
        progress_percentage: if task.state.is_completed() { 100 } else { 0 },
        progress_message: "",
    }
}

fn activity(task: &Task, step: &Step, all: &[Step], of: &mut BTreeMap<String, Vec<LogElement>>) -> Activity {
    // Machines have nothing below them, so that thousands of them are not looked through for each.
    let all = if step.parent.is_none() { all } else { &[] };
    let below = all.iter().filter(|one| one.parent.as_deref() == Some(&step.number));
    let children = below.map(|one| activity(task, one, all, of)).collect();
    let ended = !matches!(step.status, StepStatus::Pending | StepStatus::Running);
    Activity {
        id: format!("{}_{}", task.id, step.number),
        name: if step.parent.is_none() { format!("Step {}: {}", step.number, step.name) } else { step.name.clone() },
        started: step.started_at.map(Moment::wire),
        ended: step.ended_at.map(Moment::wire),
        status: step.status.wire(),
        children,
        show_at_summary_level: step.parent.is_none(),
        log_elements: of.remove(&step.number).unwrap_or_default(),
        progress_percentage: if ended { 100 } else { 0 },
        progress_message: "",
    }
}

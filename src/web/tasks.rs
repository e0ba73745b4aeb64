//! Pages of tasks: the list, and one task with its log as it grows.

use super::{
    caller::{Answer, Visit},
    list::Asked,
    page::{Act, Chip, Choice, FilterBar, Frame, LogLine, LogStep, LogView, Pager, When},
};
use crate::{
    base::{
        clock::{self, Moment},
        error::Result,
        ids::{self, Id},
    },
    company::{
        access::{
            At, Granted, Within,
            permissions::{DeploymentView, List as Listing, TaskCancel, TaskView},
        },
        deployments,
        tasks::{self, Filter, Line, Most, State, Step, StepStatus, Task, Work},
    },
};
use askama::Template;

pub(super) mod live;
mod whereto;

/// So much of the log stands on the page; the plain text has it all.
const SHOWN: Most = Most { lines: 2000, bytes: 1024 * 1024, each: 4 * 1024 };
/// The block of what the task itself says, beside its steps.
const ITSELF: &str = "task";

#[derive(Template)]
#[template(path = "tasks/list.html")]
struct List {
    frame: Frame,
    filter: FilterBar,
    rows: Vec<Row>,
    pager: Pager,
}
struct Row {
    href: String,
    name: String,
    space: String,
    chip: Chip,
    took: String,
    who: String,
    queued: When,
}

#[derive(Template)]
#[template(path = "tasks/show.html")]
struct Show {
    frame: Frame,
    chip: Chip,
    facts: Vec<String>,
    cancel: Act,
    whereto: whereto::WhereTo,
    waits: String,
    together: Vec<Sibling>,
    question: Option<Question>,
    failure: Option<Failure>,
    log: LogView,
}
struct Sibling {
    chip: Chip,
    href: String,
    name: String,
    current: bool,
}
struct Failure {
    text: String,
    label: String,
    href: String,
}
/// What a task asks a person; no step of this version asks anything.
struct Question {
    title: String,
    text: String,
    may_answer: bool,
    who_may: String,
    action: String,
    answers: Vec<Reply>,
}
struct Reply {
    label: String,
    value: String,
    kind: &'static str,
}

pub(super) fn when(moment: Moment) -> When {
    When::at(moment)
}

/// How a task stands, as a chip with the time of it.
pub(super) fn chip(state: State, warnings: bool, at: Option<Moment>) -> Chip {
    let name = if state == State::Success && warnings { "SuccessWithWarnings" } else { state.name() };
    let chip = Chip::for_task_state(name);
    match at {
        Some(at) => chip.at(when(at)),
        None => chip,
    }
}

fn since(task: &Task) -> Moment {
    task.completed_at.or(task.started_at).unwrap_or(task.queued_at)
}

fn took(task: &Task) -> String {
    task.started_at
        .map(|begun| clock::duration(task.completed_at.unwrap_or_else(clock::now).0 - begun.0))
        .unwrap_or_default()
}

/// All tasks that the visitor may see, whichever space they are of.
pub(super) fn list(visit: &Visit) -> Result<Answer> {
    let visitor = &visit.visitor;
    let spaces = visitor.spaces()?;
    let chosen = visit.call.asked("space").unwrap_or_default();
    let mut proofs = Vec::new();
    for row in spaces.iter().filter(|row| chosen.is_empty() || row.slug == chosen) {
        let space = visitor.locate_space(&row.id.to_string())?;
        if visitor.may_somewhere::<TaskView>(&space) {
            proofs.push(visitor.ask(Listing::<TaskView>::of(&space))?);
        }
    }
    if chosen.is_empty() && visitor.may(Listing::<TaskView>::system()) {
        proofs.push(visitor.ask(Listing::<TaskView>::system())?);
    }
    if proofs.is_empty() {
        // Nothing may be seen anywhere: the refusal says what is missing and who has it.
        match visitor.home_space() {
            Some(space) => visitor.ask(Listing::<TaskView>::of(&space))?.what().space(),
            None => visitor.ask(Listing::<TaskView>::system())?.what().space(),
        };
    }
    let asked = Asked::of(visit);
    let state = visit.call.asked("state").unwrap_or_default();
    let filter = Filter { states: states(state), name: asked.search.into(), ..Filter::default() };
    let found = tasks::list_together(&proofs, &filter, asked.page())?;
    let address = visit.path("/tasks");
    let mut bar = FilterBar::new(&address, "Find a task", asked.search).select("state", "State", state_choices(state));
    if spaces.len() > 1 {
        let mut choices = vec![Choice::new("", "All spaces").chosen(chosen.is_empty())];
        choices.extend(spaces.iter().map(|row| Choice::new(&row.slug, &row.name).chosen(row.slug == chosen)));
        bar = bar.select("space", "Space", choices);
    }
    let rows = found.items.iter().map(|task| Row {
        href: format!("{address}/{}", task.id),
        name: task.description.clone(),
        space: task
            .space
            .and_then(|id| spaces.iter().find(|row| row.id == id))
            .map(|row| row.name.clone())
            .unwrap_or_default(),
        chip: chip(task.state, task.warnings, Some(since(task))).title(&task.error),
        took: took(task),
        who: task.created_by.clone(),
        queued: when(task.queued_at),
    });
    Answer::page(&List {
        frame: visit.frame("tasks", "Tasks"),
        filter: bar,
        rows: rows.collect(),
        pager: asked.pager(found.total, &address, &[("state", state), ("space", chosen)]),
    })
}

/// The states that a list of tasks, or of what tasks carry out, can be filtered by; `chosen` as it stands in the address.
pub(super) fn state_choices(chosen: &str) -> Vec<Choice> {
    let states = [
        ("", "Any state"),
        ("running", "Running"),
        ("Queued", "Queued"),
        ("failed", "Failed"),
        ("Success", "Success"),
        ("Canceled", "Cancelled"),
    ];
    states.map(|(value, label)| Choice::new(value, label).chosen(value == chosen)).into()
}

/// What a choice of [`state_choices`] stands for; empty for all.
pub(super) fn states(chosen: &str) -> Vec<State> {
    match chosen {
        "running" => vec![State::Executing, State::Cancelling],
        "failed" => vec![State::Failed, State::TimedOut],
        other => State::parse(other).into_iter().collect(),
    }
}

fn located(visit: &Visit) -> Result<At<ids::Task>> {
    visit.visitor.locate(Within::Company, visit.parameter("task"))
}

/// One task.
pub(super) fn show(visit: &Visit) -> Result<Answer> {
    let visitor = &visit.visitor;
    let at = located(visit)?;
    let granted = visitor.ask(TaskView { task: at.clone() })?;
    let task = tasks::show(&granted)?;
    let steps = tasks::steps(&granted)?;
    let lines = tasks::read_log(&granted, tasks::From::Tail(SHOWN.lines), SHOWN)?.lines;
    let over = task.state.is_completed();
    let address = visit.path(&format!("/tasks/{}", task.id));
    let mut frame = visit.frame("tasks", &task.description).crumb("Tasks", visit.path("/tasks")).script("log.js");
    if !over {
        frame = frame.refresh(2);
    }
    let mut facts = vec![format!("asked for by {} {}", task.created_by, task.queued_at.relative())];
    match (task.started_at, task.not_before) {
        (Some(_), _) if over => facts.push(format!("took {}", took(&task))),
        (Some(begun), _) => facts.push(format!("began {}", begun.relative())),
        (None, Some(time)) if task.state == State::Queued && time > clock::now() => {
            facts.push(format!("begins {}", time.relative()))
        }
        _ => {}
    }
    let failed = matches!(task.state, State::Failed | State::TimedOut);
    let failure = failed.then(|| Failure {
        text: task.error.clone(),
        label: lines.last().map(|_| "To the last line".to_owned()).unwrap_or_default(),
        href: lines.last().map(|line| format!("#line-{}", line.n)).unwrap_or_default(),
    });
    Answer::page(&Show {
        frame,
        chip: chip(task.state, task.warnings, Some(since(&task))),
        facts,
        cancel: visit.offer(
            TaskCancel { task: at },
            Act::post("Cancel this task", format!("{address}/cancel"))
                .icon("ban")
                .only_if(!over && task.state != State::Cancelling),
        ),
        whereto: whereto::of(visit, &task)?,
        waits: tasks::waits_for(&granted)?.unwrap_or_default(),
        together: together(visit, &task)?,
        question: None,
        failure,
        log: LogView {
            stream: if over { String::new() } else { format!("{address}/events") },
            after: lines.last().map_or(0, |line| line.n.unsigned_abs()),
            raw_href: visit.path(&format!("/api/tasks/{}/raw", task.id)),
            left_out: lines.first().map_or(0, |line| line.n.unsigned_abs() - 1),
            steps: blocks(&task, &steps, lines),
        },
    })
}

/// Deployments of the same release that were asked for in the same breath: "for 20 tenants" is 20 tasks.
fn together(visit: &Visit, task: &Task) -> Result<Vec<Sibling>> {
    let (Some(space), Work::Deploy) = (task.space, task.work) else { return Ok(Vec::new()) };
    let space = visit.visitor.locate_space(&space.to_string())?;
    if !visit.visitor.may_somewhere::<DeploymentView>(&space) {
        return Ok(Vec::new());
    }
    let granted = visit.visitor.ask(Listing::<DeploymentView>::of(&space))?;
    let own = task.arguments.get("DeploymentId").and_then(|text| Id::<ids::Deployment>::parse(text));
    let Some(own) = own else { return Ok(Vec::new()) };
    let all = deployments::together(&granted, own)?;
    if all.len() < 2 {
        return Ok(Vec::new());
    }
    Ok(all
        .iter()
        .map(|one| Sibling {
            chip: chip(one.state, one.warnings, None),
            href: visit.path(&format!("/tasks/{}", one.task)),
            name: one.tenant_name.clone().unwrap_or_else(|| one.environment_name.clone()),
            current: one.task == task.id,
        })
        .collect())
}

fn status_name(status: StepStatus) -> &'static str {
    status.name()
}

fn step_took(step: &Step) -> String {
    step.started_at
        .map(|begun| clock::duration(step.ended_at.unwrap_or_else(clock::now).0 - begun.0))
        .unwrap_or_default()
}

/// The log of a task for a tenant's own people: without the names of the machines it ran on, and without the address of
/// the plain text, which has them.
pub(super) fn log_for_customers(visit: &Visit, granted: &Granted<'_, TaskView>) -> Result<LogView> {
    let task = tasks::show(granted)?;
    let steps: Vec<Step> = tasks::steps(granted)?.into_iter().filter(|step| step.parent.is_none()).collect();
    let mut lines = tasks::read_log(granted, tasks::From::Tail(SHOWN.lines), SHOWN)?.lines;
    lines.iter_mut().for_each(|line| line.step = whole_step(&line.step).to_owned());
    let over = task.state.is_completed();
    Ok(LogView {
        stream: if over { String::new() } else { visit.path(&format!("/tasks/{}/events", task.id)) },
        after: lines.last().map_or(0, |line| line.n.unsigned_abs()),
        raw_href: String::new(),
        left_out: lines.first().map_or(0, |line| line.n.unsigned_abs() - 1),
        steps: blocks(&task, &steps, lines),
    })
}

/// "2" of "2.1", which is step 2 on one machine.
fn whole_step(number: &str) -> &str {
    number.split('.').next().unwrap_or(number)
}

/// What the task says by itself, then its steps, each with its lines.
fn blocks(task: &Task, steps: &[Step], lines: Vec<Line>) -> Vec<LogStep> {
    let mut of: std::collections::BTreeMap<String, Vec<LogLine>> = std::collections::BTreeMap::new();
    for line in lines {
        let drawn =
            LogLine::new(line.n.unsigned_abs(), line.category.name(), line.at.time_of_day(), &line.text).cut(line.cut);
        of.entry(line.step).or_default().push(drawn);
    }
    let mut blocks = vec![
        LogStep::new(ITSELF, "The task itself", task.state.name())
            .duration(took(task))
            .lines(of.remove("").unwrap_or_default()),
    ];
    for step in steps {
        let mut block = LogStep::new(&step.number, label(step), status_name(step.status)).duration(step_took(step));
        if let Some(parent) = &step.parent {
            block = block.under(parent, 1);
        }
        blocks.push(block.lines(of.remove(&step.number).unwrap_or_default()));
    }
    blocks
}

fn label(step: &Step) -> String {
    match step.parent {
        None => format!("{}. {}", step.number, step.name),
        Some(_) => step.name.clone(),
    }
}

/// Stops a task.
pub(super) fn cancel(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.ask(TaskCancel { task: located(visit)? })?;
    let task = tasks::cancel(&granted)?;
    let say = match task.state {
        State::Canceled => "The task was cancelled.",
        _ => "The task was told to stop. It ends as soon as its script has.",
    };
    Answer::done(visit.path(&format!("/tasks/{}", task.id)), say)
}

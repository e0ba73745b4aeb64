//! The queue: tasks are put in by sibling features, claimed and ended by the engine, stopped by people.

use super::{State, StepStatus, Task, Work, log, sql as rows_of, steps};
use crate::base::{
    clock::{self, Moment},
    error::{Error, Result},
    ids::{Environment, Id, Project, Runbook, Space, Task as Kind, Tenant},
    secret,
};
use crate::company::access::{
    Company, Event, Granted, Recorded, Rows, Writing,
    permissions::{DeploymentCreate, QueueKeep, RunbookRunCreate, TaskCancel, TaskCreate, TaskExecute},
};
use crate::company::standing;
use std::{collections::BTreeMap, path::Path, sync::LazyLock};
use tokio::sync::watch;

/// A file of this name in a company's folder says that it has unfinished tasks, so that a starting server need not open
/// every company to find them.
pub const PENDING: &str = "pending";

/// A lease that is not renewed for so long has run out.
const LEASE: i64 = clock::MINUTE;

/// What is to be done, in the making.
pub(in crate::company) struct NewTask {
    /// Its space; `None` outside all spaces.
    pub space: Option<Id<Space>>,
    /// The kind of work.
    pub work: Work,
    /// The work in a sentence.
    pub description: String,
    /// What it works on, as wire ids.
    pub arguments: BTreeMap<String, String>,
    /// The project it concerns.
    pub project: Option<Id<Project>>,
    /// The environment it concerns.
    pub environment: Option<Id<Environment>>,
    /// The tenant it concerns.
    pub tenant: Option<Id<Tenant>>,
    /// The runbook it concerns.
    pub runbook: Option<Id<Runbook>>,
    /// Tasks with the same key never run together.
    pub exclusive_key: String,
    /// Begin no earlier.
    pub not_before: Option<Moment>,
    /// Give up when unstarted by then.
    pub not_after: Option<Moment>,
}

/// Puts a task into the queue, within the change that is its reason. Call [`ring`] when that change is committed.
pub(in crate::company) fn enqueue(tx: &Writing<'_>, company: &Company, new: NewTask) -> Result<Id<Kind>> {
    // INVARIANT: the marker is made and removed only while the one writer is held, so it is there before any commit that
    // needs it and is never removed between.
    let marker = company.folder().join(PENDING);
    if !marker.exists() {
        std::fs::File::create(&marker)?;
        sync_folder(company.folder())?;
    }
    sql::insert(tx, &new)
}

fn sync_folder(folder: &Path) -> Result<()> {
    Ok(std::fs::File::open(folder)?.sync_all()?)
}

static BELL: LazyLock<watch::Sender<u64>> = LazyLock::new(|| watch::Sender::new(0));

/// Tells the engine that there may be something new.
pub(in crate::company) fn ring() {
    BELL.send_modify(|rung| *rung += 1);
}

/// Hears every ringing: a receiver that was busy while the bell rang is told afterwards.
pub fn bell() -> watch::Receiver<u64> {
    BELL.subscribe()
}

/// Who carries tasks out: one process, from its start to its end.
#[derive(Debug, Clone)]
pub struct Lease(String);

impl Lease {
    /// An owner that nobody else is.
    pub fn new() -> Lease {
        Lease(secret::token())
    }
}
impl Default for Lease {
    fn default() -> Self {
        Lease::new()
    }
}

/// How a claimed task stands for the one who claimed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Go on.
    Ours,
    /// Somebody wants it stopped.
    Cancelling,
    /// It is no longer ours: do nothing more for it.
    Lost,
}

/// How a task ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// `Success`, `Failed`, `Canceled` or `TimedOut`.
    pub state: State,
    /// Why, for all but success.
    pub error: String,
    /// Something should be looked at.
    pub warnings: bool,
}

/// What a company still has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// Tasks that wait.
    pub queued: i64,
    /// Tasks under way.
    pub running: i64,
}

/// The task whose turn it is: the oldest whose time has come, whose space's queue runs, and of whose key none is running.
pub fn next_queued(granted: &Granted<'_, QueueKeep>) -> Result<Option<Id<Kind>>> {
    let company = granted.visitor().company();
    let next = granted.read(|rows| Ok((sql::next(rows, clock::now())?, standing::may_begin_tasks(rows)?)))?;
    match next {
        (Some(id), Ok(())) => Ok(Some(id)),
        (Some(_), Err(Some(limit))) => {
            company.note_limit(&limit);
            Ok(None)
        }
        _ => Ok(None),
    }
}

/// Takes a task over. `None`: not now, somebody else has it or its key; or whoever asked for it may not do so any more, and
/// it was ended instead. Work that the server itself asked for has nobody to be asked about.
pub fn claim(granted: &Granted<'_, TaskExecute>, lease: &Lease) -> Result<Option<Task>> {
    let id = granted.what().task.id();
    granted.write(|tx| {
        let before = tx.changes();
        let now = clock::now();
        // Asked again where it counts: a suspension or a move that came in between holds.
        if standing::may_begin_tasks(tx)?.is_err() {
            return tx.unchanged(before, None);
        }
        let task = rows_of::by_id(tx, id)?;
        if task.state == State::Queued && !still_wanted(granted, tx, &task)? {
            let sentence = format!(
                "{} asked for it and may not do that any more, so it was not started. Somebody who may can ask for it anew.",
                task.created_by
            );
            become_(tx, id, State::Queued, State::Canceled, &sentence, false)?;
            let event = told(tx, &rows_of::by_id(tx, id)?, "was not started")?;
            return tx.record(event, None);
        }
        if !sql::claim(tx, id, &lease.0, now)? {
            return tx.unchanged(before, None);
        }
        let task = rows_of::by_id(tx, id)?;
        let event = told(tx, &task, "started")?;
        tx.record(event, Some(task))
    })
}

/// Whether who asked for a task could ask for it now: a right that is lost bites on what still waits.
fn still_wanted(granted: &Granted<'_, TaskExecute>, rows: &Rows<'_>, task: &Task) -> Result<bool> {
    let Some(user) = task.created_by_id else { return Ok(true) };
    match task.work {
        Work::Deploy => granted.still_holds::<DeploymentCreate>(rows, user),
        Work::RunbookRun => granted.still_holds::<RunbookRunCreate>(rows, user),
        Work::Health => granted.still_holds::<TaskCreate>(rows, user),
    }
}

/// How a claimed task stands.
pub fn standing(granted: &Granted<'_, TaskExecute>, lease: &Lease) -> Result<Standing> {
    let id = granted.what().task.id();
    granted.read(|rows| stands(rows, id, lease))
}

/// Makes the lease last another minute.
pub fn renew(granted: &Granted<'_, TaskExecute>, lease: &Lease) -> Result<Standing> {
    let id = granted.what().task.id();
    granted.note(|tx| {
        sql::renew(tx, id, &lease.0, clock::now())?;
        stands(tx, id, lease)
    })
}

fn stands(rows: &Rows<'_>, id: Id<Kind>, lease: &Lease) -> Result<Standing> {
    let (state, owner) = sql::held(rows, id)?;
    Ok(match state {
        _ if owner.as_deref() != Some(&lease.0) => Standing::Lost,
        State::Executing => Standing::Ours,
        State::Cancelling => Standing::Cancelling,
        _ => Standing::Lost,
    })
}

/// Ends a claimed task. Steps that had begun and not ended are closed: cancelled with a cancelled task, failed otherwise;
/// those never begun were passed over.
///
/// # Errors
/// `Conflict` when the task is not held by this lease any more.
pub fn finish(granted: &Granted<'_, TaskExecute>, lease: &Lease, outcome: &Outcome) -> Result<Task> {
    let id = granted.what().task.id();
    let task = granted.write(|tx| {
        if stands(tx, id, lease)? == Standing::Lost {
            return Err(Error::Conflict(format!("{id} is carried out by somebody else now.")));
        }
        let (state, _) = sql::held(tx, id)?;
        // Whoever ended well although somebody wanted it stopped has ended as cancelled: the table knows no other way.
        let end = match outcome.state {
            State::Success | State::TimedOut if state == State::Cancelling => State::Canceled,
            State::Canceled if state == State::Executing => State::Failed,
            end => end,
        };
        become_(tx, id, state, end, &outcome.error, outcome.warnings)?;
        steps::close(tx, id, if end == State::Canceled { StepStatus::Canceled } else { StepStatus::Failed })?;
        let task = rows_of::by_id(tx, id)?;
        let event = told(tx, &task, verb(end))?;
        tx.record(event, task)
    })?;
    ring();
    Ok(task)
}

/// After a start: what another process was carrying out when it ended is failed, and says which step had begun and that
/// whether it completed is not known. What is queued goes on.
pub fn recover(granted: &Granted<'_, QueueKeep>, lease: &Lease) -> Result<Vec<Id<Kind>>> {
    let orphans = granted.read(|rows| sql::orphans(rows, &lease.0))?;
    for id in &orphans {
        let task = granted.write(|tx| fail_unknown(tx, *id))?;
        log::last_words(granted.visitor().company().folder(), &task);
    }
    Ok(orphans)
}

/// Fails a task that nobody carries out any more, though the file says that somebody does.
pub(super) fn fail_unknown(tx: &Writing<'_>, id: Id<Kind>) -> Result<Recorded<Task>> {
    let (state, _) = sql::held(tx, id)?;
    let sentence = crash_sentence(&steps::begun(tx, id)?);
    become_(tx, id, state, State::Failed, &sentence, false)?;
    steps::close(tx, id, StepStatus::Unknown)?;
    let task = rows_of::by_id(tx, id)?;
    let event = told(tx, &task, "failed")?;
    tx.record(event, task)
}

/// What is true after the server went away in the middle.
fn crash_sentence(begun: &[steps::Step]) -> String {
    // The innermost say it best: "Step 2 (Install) on web-1".
    let innermost: Vec<&steps::Step> =
        begun.iter().filter(|step| !begun.iter().any(|below| below.parent.as_deref() == Some(&step.number))).collect();
    let name = |step: &steps::Step| match begun.iter().find(|above| Some(&above.number) == step.parent.as_ref()) {
        Some(above) => format!("step {} ({}) on {}", above.number, above.name, step.name),
        None => format!("step {} ({})", step.number, step.name),
    };
    match innermost.as_slice() {
        [] => "The server stopped while this task was under way. No step had begun that had not ended; the steps after it did not run.".into(),
        [one] => format!(
            "The server stopped while {} was under way. Whether it completed is not known. Look at what it was doing before you run it again.",
            name(one)
        ),
        many => format!(
            "The server stopped while these were under way: {}. Whether they completed is not known. Look at what they were doing before you run them again.",
            many.iter().map(|step| name(step)).collect::<Vec<_>>().join(", ")
        ),
    }
}

/// Gives up what was not started in its time (`domain §11`).
pub fn expire(granted: &Granted<'_, QueueKeep>) -> Result<usize> {
    let late = granted.read(|rows| sql::late(rows, clock::now()))?;
    for id in &late {
        granted.write(|tx| {
            let before = tx.changes();
            let (state, _) = sql::held(tx, *id)?;
            if state != State::Queued {
                return tx.unchanged(before, ());
            }
            let sentence = "It was not started before its time was over, so it was not started at all.";
            become_(tx, *id, state, State::TimedOut, sentence, false)?;
            let event = told(tx, &rows_of::by_id(tx, *id)?, verb(State::TimedOut))?;
            tx.record(event, ())
        })?;
    }
    Ok(late.len())
}

/// Counts what is left to do, and removes the marker when nothing is.
pub fn settle(granted: &Granted<'_, QueueKeep>) -> Result<Left> {
    let left = granted.read(sql::left)?;
    if left != (Left { queued: 0, running: 0 }) {
        return Ok(left);
    }
    granted.write(|tx| {
        let before = tx.changes();
        let left = sql::left(tx)?;
        if left == (Left { queued: 0, running: 0 }) {
            match std::fs::remove_file(granted.visitor().company().folder().join(PENDING)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        tx.unchanged(before, left)
    })
}

/// Stops a task: one that waits ends at once, one under way is told to stop and ends when it has.
///
/// # Errors
/// `Conflict` when it has ended already.
pub fn cancel(granted: &Granted<'_, TaskCancel>) -> Result<Task> {
    let id = granted.what().task.id();
    let task = granted.write(|tx| {
        let before = tx.changes();
        let task = rows_of::by_id(tx, id)?;
        let (next, category, words) = match task.state {
            State::Queued => (State::Canceled, "TaskCanceled", " was cancelled before it began"),
            State::Executing => (State::Cancelling, "TaskCancelling", " was told to stop"),
            State::Cancelling => return tx.unchanged(before, task),
            ended => {
                return Err(Error::Conflict(format!(
                    "{id} has ended already ({}). There is nothing to cancel.",
                    ended.word()
                )));
            }
        };
        let sentence = if next == State::Canceled {
            format!("{} cancelled it before it began.", tx.actor_name())
        } else {
            String::new()
        };
        become_(tx, id, task.state, next, &sentence, false)?;
        let event = placed(tx, &task, Event::new(category).name(id, &task.description).say(words))?;
        tx.record(event, rows_of::by_id(tx, id)?)
    })?;
    ring();
    Ok(task)
}

/// The one place where a state changes.
fn become_(tx: &Writing<'_>, id: Id<Kind>, from: State, to: State, error: &str, warnings: bool) -> Result<()> {
    if !from.may_become(to) {
        return Err(Error::Conflict(format!("{id} is {} and cannot become {}.", from.word(), to.word())));
    }
    sql::set_state(tx, id, from, to, error, warnings, clock::now())
}

fn verb(state: State) -> &'static str {
    match state {
        State::Success => "succeeded",
        State::Canceled => "was stopped",
        State::TimedOut => "was given up",
        _ => "failed",
    }
}

/// The event of a change that the server made: what happened, and for whom.
fn told(rows: &Rows<'_>, task: &Task, verb: &str) -> Result<Event> {
    let category = match (task.work, task.state) {
        (_, State::Canceled) => "TaskCanceled",
        (Work::Deploy, State::Executing) => "DeploymentStarted",
        (Work::Deploy, State::Success) => "DeploymentSucceeded",
        (Work::Deploy, _) => "DeploymentFailed",
        (Work::RunbookRun, State::Executing) => "RunbookRunStarted",
        (Work::RunbookRun, State::Success) => "RunbookRunSucceeded",
        (Work::RunbookRun, _) => "RunbookRunFailed",
        (Work::Health, State::Executing) => "TaskStarted",
        (Work::Health, State::Success) => "TaskSucceeded",
        (Work::Health, _) => "TaskFailed",
    };
    let mut event =
        Event::new(category).name(task.id, &task.description).say(" ").say(verb).say(", for ").say(&task.created_by);
    if !task.error.is_empty() {
        event = event.detail("ErrorMessage", task.error.as_str());
    }
    placed(rows, task, event)
}

fn placed(rows: &Rows<'_>, task: &Task, event: Event) -> Result<Event> {
    let mut event = event.space(task.space.map_or(0, |space| space.0)).tenant(task.tenant.map(|tenant| tenant.0));
    if let Some(project) = task.project {
        event = event.project(project.0, sql::group_of(rows, task.id)?);
    }
    if let Some(environment) = task.environment {
        event = event.environment(environment.0);
    }
    if let Some(runbook) = task.runbook {
        event = event.runbook(runbook.0);
    }
    for id in task.arguments.values() {
        event = event.name_of(id, "");
    }
    Ok(event)
}

/// Says of a task that was just put in which environments it is about, where it is about several.
pub(in crate::company) fn scope(tx: &Writing<'_>, task: Id<Kind>, environments: &[Id<Environment>]) -> Result<()> {
    for id in environments {
        tx.run("INSERT INTO task_scopes VALUES (?1, 'environment', ?2)", (task, id))?;
    }
    Ok(())
}

mod sql;

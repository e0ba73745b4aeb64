//! Walks the plan of a deployment: each step is written down before it begins and when it has ended.
//!
//! Steps run in order, those that begin with the one above them together with it; within a step its places run side by
//! side, at most so many scripts at once, and one at a time on each target. After a failure only the steps that want to
//! hear of failures run, and those that always run.

use super::{
    Crew,
    book::{self, Book, Halt},
    health,
    listening::{Said, listen},
    transport::{self, Script, SshCredential, SshTarget, TransportError},
};
use crate::{
    base::{
        error::Error,
        ids::{Account, Id, Target},
        secret::Secret,
    },
    company::{
        Company,
        deployments::{
            self,
            plan::{Place, Plan, PlannedAction, PlannedStep, substitute},
        },
        projects::process::Condition,
        runbooks,
        targets::accounts::{Credential, CredentialKind},
        tasks::{Category, NewStep, Outcome, State, StepStatus, Task, Work},
    },
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
};

/// Carries out a claimed task and ends it.
pub(super) async fn carry_out(crew: Arc<Crew>, company: Company, task: Task) {
    let (book, keepers) = Book::open(crew.clone(), company.clone(), task.id);
    let work = match task.work {
        Work::Deploy | Work::RunbookRun => tokio::spawn(carry_out_plan(book.clone(), task.clone())),
        Work::Health => tokio::spawn(health::check(book.clone(), task.clone())),
    };
    let outcome = work.await.unwrap_or_else(|fault| {
        tracing::error!(task = %task.id, %fault, "a task broke off");
        failed("The task broke off because of a fault in the server. Whether the step that was under way completed is not known.".into())
    });
    if book.halted() == Some(Halt::Lost) {
        tracing::error!(task = %task.id, company = company.slug(), "a task was stopped: somebody else has it, or its company's file was replaced");
        drop(book);
        return keepers.done().await;
    }
    match outcome.state {
        State::Success => book.say("", Category::Finished, "Done.").await,
        State::Canceled => book.say("", Category::Abandoned, outcome.error.clone()).await,
        _ => book.say("", Category::Fatal, outcome.error.clone()).await,
    }
    let lost = book.halted() == Some(Halt::Lost);
    drop(book);
    keepers.done().await;
    if !lost {
        book::close(&crew, &company, task.id, outcome).await;
    }
}

pub(super) fn failed(error: String) -> Outcome {
    Outcome { state: State::Failed, error, warnings: false }
}

/// What the parts of one running deployment share.
pub(super) struct Deploying {
    pub(super) book: Arc<Book>,
    plan: Plan,
    machines: BTreeMap<Id<Target>, Arc<SshTarget>>,
    slots: Semaphore,
    pub(super) said: Mutex<Said>,
    pub(super) warned: AtomicBool,
}

impl Deploying {
    pub(super) fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a part of a deployment ended: its status, and for a failure why.
type Ended = (StepStatus, Option<String>);

/// A deployment or a run of a runbook: what is planned for it.
async fn carry_out_plan(book: Arc<Book>, task: Task) -> Outcome {
    let prepared = match task.work {
        Work::RunbookRun => book.with(runbooks::prepare).await,
        _ => book.with(deployments::prepare).await,
    };
    let prepared = match prepared {
        Ok(mut prepared) => {
            let (server, company) = (&book.crew.settings.server, book.company.slug());
            let own = book.crew.appliance.own_address(server, company);
            let own = own.unwrap_or_else(|| format!("{server}/{company}"));
            let web = [("BaseUrl", server.clone()), ("ServerUri", own)];
            prepared.plan.variables.extend(web.map(|(name, value)| (format!("Octopus.Web.{name}"), value)));
            prepared
        }
        Err(error) => return failed(fault(error)),
    };
    book.say("", Category::Info, format!("{}, asked for by {}.", task.description, task.created_by)).await;
    let secrets = secrets_of(&prepared.credentials);
    let deploying = Arc::new(Deploying {
        machines: machines_of(&prepared.plan, &prepared.credentials),
        slots: Semaphore::new(book.crew.settings.most_scripts.max(1)),
        said: Mutex::new(Said::new(secrets)),
        warned: AtomicBool::new(false),
        plan: prepared.plan,
        book,
    });
    let book = &deploying.book;
    if let Err(error) = book.lay_out(layout(&deploying.plan)).await {
        return failed(fault(error));
    }
    if let Some(why) = &deploying.plan.refused {
        return failed(why.clone());
    }
    let (mut first_failure, mut done): (Option<String>, bool) = (None, false);
    for group in groups(&deploying.plan.steps) {
        if book.halted().is_some() {
            break;
        }
        let mut together = JoinSet::new();
        for index in group {
            together.spawn(step(deploying.clone(), index, first_failure.clone()));
        }
        while let Some(ended) = together.join_next().await {
            let (status, why) = ended.unwrap_or_else(|cause| {
                tracing::error!(%cause, "a step broke off");
                (
                    StepStatus::Unknown,
                    Some(
                        "A step broke off because of a fault in the server. Whether it completed is not known.".into(),
                    ),
                )
            });
            done |= status != StepStatus::Skipped;
            first_failure = first_failure.or(why);
        }
    }
    if !done && first_failure.is_none() && book.halted().is_none() {
        deploying.warned.store(true, Ordering::Relaxed);
        book.say("", Category::Warning, "Nothing was done: no step ran.").await;
    }
    let warnings = deploying.warned.load(Ordering::Relaxed);
    match (book.halted(), first_failure) {
        (Some(Halt::Person), why) => Outcome {
            state: State::Canceled,
            error: format!(
                "It was cancelled. {} What had been done by then stays.",
                why.unwrap_or_else(|| "No step was under way.".into())
            ),
            warnings,
        },
        (Some(_), why) => failed(format!(
            "The server was stopped while this task was under way. {} What had been done by then stays; the steps that follow did not run.",
            why.unwrap_or_else(|| "No step was under way.".into())
        )),
        (None, Some(why)) => failed(why),
        (None, None) => Outcome { state: State::Success, error: String::new(), warnings },
    }
}

/// An error as a task tells it: what is our fault goes to the server's log, not to the company's.
pub(super) fn fault(error: Error) -> String {
    match error {
        Error::Internal(cause) => {
            tracing::error!(cause = format!("{cause:#}"), "a task failed by a fault of the server");
            "The task failed because of a fault in the server. The operator finds the cause in the server's log.".into()
        }
        Error::Fault(fault) => {
            tracing::error!(%fault, "a task failed by a fault of the disk");
            fault.public
        }
        other => other.to_string(),
    }
}

/// Steps that run together: each group begins with a step that waits for those before it.
fn groups(steps: &[PlannedStep]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        match groups.last_mut() {
            Some(group) if step.with_previous => group.push(index),
            _ => groups.push(vec![index]),
        }
    }
    groups
}

fn layout(plan: &Plan) -> Vec<NewStep> {
    let mut all = Vec::new();
    for step in &plan.steps {
        all.push(NewStep { number: step.number.to_string(), parent: None, name: step.name.clone() });
        for (index, place) in step.places.iter().enumerate() {
            all.push(NewStep {
                number: format!("{}.{}", step.number, index + 1),
                parent: Some(step.number.to_string()),
                name: place.name().to_owned(),
            });
        }
    }
    all
}

fn secrets_of(credentials: &BTreeMap<Id<Account>, Credential>) -> Vec<Secret> {
    let mut secrets = Vec::new();
    for credential in credentials.values() {
        match &credential.kind {
            CredentialKind::Password(password) => secrets.push(password.clone()),
            CredentialKind::Key { pem, passphrase } => {
                secrets.push(pem.clone());
                secrets.extend(passphrase.clone());
            }
        }
    }
    secrets
}

pub(super) fn ssh(host: &str, port: u16, host_key: &str, credential: &Credential) -> SshTarget {
    SshTarget {
        host: host.to_owned(),
        port,
        host_key: host_key.to_owned(),
        user: credential.username.clone(),
        credential: match &credential.kind {
            CredentialKind::Password(password) => SshCredential::Password(password.clone()),
            CredentialKind::Key { pem, passphrase } => {
                SshCredential::PrivateKey { openssh_pem: pem.clone(), passphrase: passphrase.clone() }
            }
        },
    }
}

fn machines_of(plan: &Plan, credentials: &BTreeMap<Id<Account>, Credential>) -> BTreeMap<Id<Target>, Arc<SshTarget>> {
    let machines = plan.steps.iter().flat_map(|step| &step.places).filter_map(Place::machine);
    machines
        .filter_map(|machine| {
            let credential = credentials.get(&machine.account)?;
            Some((machine.id, Arc::new(ssh(&machine.host, machine.port, &machine.host_key, credential))))
        })
        .collect()
}

/// One step at all its places.
async fn step(deploying: Arc<Deploying>, index: usize, failure: Option<String>) -> Ended {
    let (plan, book) = (&deploying.plan, &deploying.book);
    let Some(step) = plan.steps.get(index) else { return (StepStatus::Skipped, None) };
    let number = step.number.to_string();
    let passed_over = match (step.condition, &failure) {
        _ if step.skipped.is_some() => step.skipped.clone(),
        (Condition::Success, Some(_)) => Some("An earlier step failed.".into()),
        (Condition::Failure, None) => Some("It runs only when an earlier step failed.".into()),
        (Condition::Variable, _) => Some("This version cannot decide by a variable.".into()),
        _ => None,
    };
    if let Some(why) = passed_over {
        book.say(&number, Category::Info, format!("Passed over: {why}")).await;
        return match book.end(&number, StepStatus::Skipped).await {
            Ok(()) => (StepStatus::Skipped, None),
            Err(error) => (StepStatus::Failed, Some(fault(error))),
        };
    }
    // INVARIANT: nothing of a step runs before it is written down that it has begun.
    if let Err(error) = book.begin(&number).await {
        return (StepStatus::Failed, Some(fault(error)));
    }
    let window = Arc::new(Semaphore::new(step.window.unwrap_or(step.places.len()).max(1)));
    let broken = Arc::new(AtomicBool::new(false));
    let mut at_once = JoinSet::new();
    for at in 0..step.places.len() {
        at_once.spawn(place(deploying.clone(), index, at, failure.clone(), window.clone(), broken.clone()));
    }
    let (mut statuses, mut why) = (Vec::new(), None);
    while let Some(ended) = at_once.join_next().await {
        let (status, reason) = ended.unwrap_or_else(|cause| {
            tracing::error!(%cause, "a step broke off at one place");
            (
                StepStatus::Unknown,
                Some(format!("Step {number} ({}) broke off because of a fault in the server.", step.name)),
            )
        });
        statuses.push(status);
        why = why.or(reason);
    }
    let worst = [StepStatus::Unknown, StepStatus::Failed, StepStatus::Canceled, StepStatus::SuccessWithWarning];
    let status = worst.into_iter().find(|status| statuses.contains(status)).unwrap_or(StepStatus::Success);
    match book.end(&number, status).await {
        Ok(()) => (status, why),
        Err(error) => (StepStatus::Failed, why.or(Some(fault(error)))),
    }
}

/// One step at one place: its actions one after the other.
async fn place(
    deploying: Arc<Deploying>,
    index: usize,
    at: usize,
    failure: Option<String>,
    window: Arc<Semaphore>,
    broken: Arc<AtomicBool>,
) -> Ended {
    let (plan, book) = (&deploying.plan, &deploying.book);
    let Some((step, place)) = plan.steps.get(index).and_then(|step| Some((step, step.places.get(at)?))) else {
        return (StepStatus::Skipped, None);
    };
    let number = format!("{}.{}", step.number, at + 1);
    let turn = async {
        let window = window.acquire().await.ok()?;
        let slot = deploying.slots.acquire().await.ok()?;
        let hand = match place.machine() {
            Some(machine) => Some(book.crew.hands.of(book.company.slug(), machine.id.0).lock_owned().await),
            None => None,
        };
        Some((window, slot, hand))
    };
    let turn = tokio::select! {
        turn = turn => turn,
        () = book.stop.cancelled() => None,
    };
    // A step that fails at one place is not begun at another.
    let unbegun = if turn.is_none() || book.halted().is_some() {
        Some("It was not begun here: the task was stopped.")
    } else if broken.load(Ordering::Relaxed) {
        Some("It was not begun here: it had failed at another place.")
    } else {
        None
    };
    if let Some(why) = unbegun {
        book.say(&number, Category::Info, why).await;
        let _ = book.end(&number, StepStatus::Skipped).await;
        return (StepStatus::Skipped, None);
    }
    if let Err(error) = book.begin(&number).await {
        return (StepStatus::Failed, Some(fault(error)));
    }
    let (mut status, mut why) = (StepStatus::Success, None);
    for action in &step.actions {
        if let Some(reason) = &action.skipped {
            book.say(&number, Category::Info, format!("{} is passed over: {reason}", action.name)).await;
            continue;
        }
        if step.actions.len() > 1 {
            book.say(&number, Category::Highlight, action.name.clone()).await;
        }
        let (ended, reason) = run(&deploying, step, action, place, &number, failure.as_deref()).await;
        match ended {
            StepStatus::Success => {}
            StepStatus::SuccessWithWarning => status = ended,
            _ => {
                broken.store(true, Ordering::Relaxed);
                (status, why) = (ended, reason);
                break;
            }
        }
    }
    drop(turn);
    match book.end(&number, status).await {
        Ok(()) => (status, why),
        Err(error) => (StepStatus::Failed, why.or(Some(fault(error)))),
    }
}

/// One script at one place.
async fn run(
    deploying: &Deploying,
    step: &PlannedStep,
    action: &PlannedAction,
    place: &Place,
    number: &str,
    failure: Option<&str>,
) -> Ended {
    let book = &deploying.book;
    let whereabouts = match place.machine() {
        Some(machine) => format!("step {} ({}) on {}", step.number, step.name, machine.name),
        None => format!("step {} ({})", step.number, step.name),
    };
    let machine = match place.machine().filter(|_| !action.on_worker) {
        None => transport::Place::Sandbox(book.crew.sandbox.clone()),
        Some(machine) => match deploying.machines.get(&machine.id) {
            Some(target) => transport::Place::Ssh(target.clone()),
            None => return (StepStatus::Failed, Some(format!("{} has no account to sign in with.", machine.name))),
        },
    };
    let Ok(syntax) = action.syntax.word().parse() else {
        return (StepStatus::Failed, Some(format!("{} scripts cannot be run by this version.", action.syntax.word())));
    };
    if let Some(notice) = &action.notice {
        book.say(number, Category::Info, notice.clone()).await;
    }
    if !action.names_syntax {
        let words = format!("{} names no script language. It is run as {}.", action.name, action.syntax.word());
        book.say(number, Category::Warning, words).await;
    }
    let mut variables = deploying.plan.variables_at(step, action, place, failure);
    variables.extend(deploying.said().outputs().clone());
    let (most_bytes, of_the_company) = room(book).await;
    let script = Script {
        syntax,
        body: substitute(&action.script, &variables),
        variables,
        time_limit: book.crew.settings.script_limit,
        label: format!("{}-{number}", book.task),
        lane: lane(book, place),
        most_bytes,
    };
    let (lines, heard) = mpsc::channel(256);
    let warned_before = AtomicBool::new(false);
    let (outcome, ()) = tokio::join!(
        machine.run(&script, lines, book.stop.child_token()),
        listen(deploying, action, place, number, heard, &warned_before)
    );
    let sentence = match outcome {
        Ok(outcome) if outcome.succeeded() => {
            let warned = warned_before.load(Ordering::Relaxed);
            return (if warned { StepStatus::SuccessWithWarning } else { StepStatus::Success }, None);
        }
        Ok(outcome) => outcome.sentence(),
        Err(TransportError::Cancelled) => {
            let sentence = "The script was ended before it completed.";
            book.say(number, Category::Abandoned, sentence).await;
            return (
                StepStatus::Canceled,
                Some(format!("{} was under way; its script was ended before it completed.", capital(&whereabouts))),
            );
        }
        Err(error) => {
            let mut sentence = deploying.said().masker().mask_str(&error.to_string());
            if of_the_company && matches!(error, TransportError::UsedUp(_)) {
                sentence.push_str(" It is what the company's limit on the disk leaves.");
            }
            book.say(number, Category::Error, sentence.clone()).await;
            let status =
                if matches!(error, TransportError::Lost(_)) { StepStatus::Unknown } else { StepStatus::Failed };
            return (status, Some(format!("{} failed: {sentence}", capital(&whereabouts))));
        }
    };
    book.say(number, Category::Error, sentence.clone()).await;
    (StepStatus::Failed, Some(format!("{} failed: {sentence}", capital(&whereabouts))))
}

/// Whose turn it is at a place: one script at a time on each target, also over a crash of the server.
fn lane(book: &Book, place: &Place) -> String {
    let target = place.machine().map(|machine| machine.id.to_string()).unwrap_or_default();
    format!("{} {} {target}", book.company.id(), book.company.slug())
}

/// How many bytes a script may keep in its folder on the server, and whether the company's own limit says so. What a
/// company may always use is enough for a script that only reaches out.
async fn room(book: &Book) -> (u64, bool) {
    const ALWAYS: u64 = 1024 * 1024;
    let most = book.crew.settings.most_folder;
    let Some(limit) = book.company.rules().limits.disk_bytes else { return (most, false) };
    let company = book.company.clone();
    let used = tokio::task::spawn_blocking(move || company.disk_used()).await.unwrap_or_default();
    let left = limit.unsigned_abs().saturating_sub(used).max(ALWAYS);
    (most.min(left), left < most)
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests;

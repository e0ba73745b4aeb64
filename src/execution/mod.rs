//! Turns queued tasks into work on machines; uses only the company's commands.
//!
//! The engine takes tasks in turn from the companies that have any, so many at a time and no more, and each company's
//! oldest first. It promises that what it begins is written down before it begins, that a stop of the server leaves
//! every task in a state that says what is known, and that a company whose file cannot be opened delays no other.
//! It does not know pages or requests.

pub mod ending;
pub mod keeper;
pub mod issuers;
pub mod mail;
pub mod mask;
pub mod outward;
pub mod transport;

mod book;
mod health;
mod messages;
mod runner;

use crate::{
    appliance::Appliance,
    base::error::Result,
    company::{
        Company,
        access::{EngineKey, Visitor, Within, permissions::QueueKeep, permissions::TaskExecute},
        tasks::{self, Lease, Task},
    },
};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;
use transport::Sandbox;

/// How the engine works.
#[derive(Debug, Clone)]
pub struct Settings {
    /// So many tasks are carried out at once, over all companies.
    pub most_running: usize,
    /// So many scripts of one task run at once.
    pub most_scripts: usize,
    /// A script that runs longer is ended.
    pub script_limit: Duration,
    /// When the server stops, running tasks get so long to end by themselves.
    pub grace: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            most_running: 5,
            most_scripts: 10,
            script_limit: Duration::from_secs(60 * 60),
            grace: Duration::from_secs(20),
        }
    }
}

/// A company that could not be served is left alone for so long.
const LEFT_ALONE: Duration = Duration::from_secs(30);
/// After its grace, a task that does not end is left to the next start, which tells what is not known.
const LAST_WAIT: Duration = Duration::from_secs(15);

/// What all running tasks share.
struct Crew {
    key: Arc<EngineKey>,
    lease: Lease,
    sandbox: Arc<Sandbox>,
    settings: Settings,
    /// The grace is over: end what runs.
    end_now: CancellationToken,
    hands: Hands,
}

/// One script at a time on each target, whichever tasks they belong to.
#[derive(Default)]
struct Hands(Mutex<HashMap<(String, i64), Weak<Hand>>>);

/// Held while a script runs on a target.
type Hand = tokio::sync::Mutex<()>;

impl Hands {
    fn of(&self, company: &str, target: i64) -> Arc<Hand> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, lock| lock.strong_count() > 0);
        let key = (company.to_owned(), target);
        match all.get(&key).and_then(Weak::upgrade) {
            Some(lock) => lock,
            None => {
                let lock = Arc::default();
                all.insert(key, Arc::downgrade(&lock));
                lock
            }
        }
    }
}

/// Starts the engine. It ends after `stop` is cancelled, when the running tasks have ended or their grace is over.
pub fn start(
    appliance: Arc<Appliance>,
    key: Arc<EngineKey>,
    sandbox: Sandbox,
    settings: Settings,
    stop: CancellationToken,
) -> tokio::task::JoinHandle<()> {
    let crew = Arc::new(Crew {
        key,
        lease: Lease::new(),
        sandbox: Arc::new(sandbox),
        settings,
        end_now: CancellationToken::new(),
        hands: Hands::default(),
    });
    tokio::spawn(run(appliance, crew, stop))
}

async fn run(appliance: Arc<Appliance>, crew: Arc<Crew>, stop: CancellationToken) {
    if let Err(cause) = crew.sandbox.sweep() {
        tracing::warn!(%cause, "what earlier runs left in the work folder could not be removed");
    }
    let mut bell = tasks::bell();
    let mut running = JoinSet::new();
    let rounds = Arc::new(Mutex::new(Rounds::default()));
    while !stop.is_cancelled() {
        bell.borrow_and_update();
        let mut waits = true;
        while running.len() < crew.settings.most_running && !stop.is_cancelled() {
            let (appliance, hands, shared) = (appliance.clone(), crew.clone(), rounds.clone());
            let found = tokio::task::spawn_blocking(move || {
                let mut rounds = shared.lock().unwrap_or_else(PoisonError::into_inner);
                let found = rounds.find_work(&appliance, &hands);
                (found, rounds.something_waits)
            });
            match found.await {
                Ok((Some((company, task)), _)) => drop(running.spawn(runner::carry_out(crew.clone(), company, task))),
                Ok((None, some)) => {
                    waits = some;
                    break;
                }
                Err(fault) => {
                    tracing::error!(%fault, "looking for work failed");
                    break;
                }
            }
        }
        let pause = if waits { Duration::from_secs(1) } else { Duration::from_secs(15) };
        tokio::select! {
            _ = bell.changed() => {}
            Some(ended) = running.join_next(), if !running.is_empty() => report(ended),
            () = sleep(pause) => {}
            () = stop.cancelled() => {}
        }
    }
    finish(&crew, running).await;
}

/// The server stops: what runs may end by itself for a while, then is ended.
async fn finish(crew: &Crew, mut running: JoinSet<()>) {
    let grace = sleep(crew.settings.grace);
    tokio::pin!(grace);
    while !running.is_empty() {
        tokio::select! {
            Some(ended) = running.join_next() => report(ended),
            () = &mut grace, if !crew.end_now.is_cancelled() => crew.end_now.cancel(),
            () = sleep(LAST_WAIT), if crew.end_now.is_cancelled() => {
                tracing::error!(tasks = running.len(), "tasks did not end; the next start tells what is not known of them");
                return;
            }
        }
    }
}

fn report(ended: std::result::Result<(), tokio::task::JoinError>) {
    if let Err(fault) = ended {
        tracing::error!(%fault, "carrying out a task failed");
    }
}

/// Goes round the companies, so that none waits behind another's long queue.
#[derive(Default)]
struct Rounds {
    last: String,
    recovered: HashSet<String>,
    left_alone: HashMap<String, Instant>,
    something_waits: bool,
}

impl Rounds {
    /// The next task, claimed, of the next company that has one.
    fn find_work(&mut self, appliance: &Appliance, crew: &Crew) -> Option<(Company, Task)> {
        self.something_waits = false;
        let mut slugs = match appliance.with_work() {
            Ok(slugs) => slugs,
            Err(error) => {
                tracing::error!(%error, "the companies could not be looked through");
                return None;
            }
        };
        let after = slugs.iter().position(|slug| *slug > self.last).unwrap_or(0);
        slugs.rotate_left(after);
        self.left_alone.retain(|_, until| *until > Instant::now());
        for slug in slugs {
            if self.left_alone.contains_key(&slug) {
                continue;
            }
            let found = appliance.company(&slug).and_then(|company| Ok((self.serve(&company, &slug, crew)?, company)));
            match found {
                Ok((Some(task), company)) => {
                    self.last = slug;
                    return Some((company, task));
                }
                Ok((None, _)) => {}
                Err(error) => {
                    tracing::error!(company = slug, %error, "a company's tasks cannot be carried out now");
                    self.left_alone.insert(slug, Instant::now() + LEFT_ALONE);
                }
            }
        }
        None
    }

    fn serve(&mut self, company: &Company, slug: &str, crew: &Crew) -> Result<Option<Task>> {
        let engine = Visitor::engine(company, &crew.key);
        let keep = engine.ask(QueueKeep {})?;
        if !self.recovered.contains(slug) {
            for task in tasks::recover(&keep, &crew.lease)? {
                tracing::warn!(company = slug, %task, "a task was under way when the server ended");
            }
            self.recovered.insert(slug.to_owned());
        }
        tasks::expire(&keep)?;
        // Whoever is not taken at once is taken on the next round.
        if let Some(id) = tasks::next_queued(&keep)? {
            let granted = engine.ask(TaskExecute { task: engine.locate(Within::Company, &id.to_string())? })?;
            if let Some(task) = tasks::claim(&granted, &crew.lease)? {
                return Ok(Some(task));
            }
        }
        self.something_waits |= tasks::settle(&keep)?.queued > 0;
        Ok(None)
    }
}

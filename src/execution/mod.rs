//! Turns queued tasks into work on machines; uses only the company's commands.
//!
//! The engine takes tasks in turn from the companies that have any, so many at a time and no more, none of them so many
//! that others find no slot free, and each company's oldest first. It promises that what it begins is written down before it begins, that a stop of the server leaves
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
mod listening;
mod messages;
mod runner;
mod turns;

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
use turns::Holders;

/// How the engine works.
#[derive(Debug, Clone)]
pub struct Settings {
    /// So many tasks are carried out at once, over all companies; a single company gets half of them, rounded up.
    pub most_running: usize,
    /// So many scripts of one task run at once.
    pub most_scripts: usize,
    /// A script that runs longer is ended.
    pub script_limit: Duration,
    /// A script on the built-in worker that keeps more bytes in its folder is ended.
    pub most_folder: u64,
    /// The address by which people know the server.
    pub server: String,
    /// When the server stops, running tasks get so long to end by themselves.
    pub grace: Duration,
    /// Ends the grace before its time.
    pub hurry: CancellationToken,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            most_running: 8,
            most_scripts: 10,
            script_limit: Duration::from_secs(60 * 60),
            most_folder: 2 << 30,
            server: String::new(),
            grace: Duration::from_secs(20),
            hurry: CancellationToken::new(),
        }
    }
}

/// A company that could not be served is left alone for so long.
const LEFT_ALONE: Duration = Duration::from_secs(30);
/// After its grace, a task that does not end is left to the next start, which tells what is not known.
const LAST_WAIT: Duration = Duration::from_secs(15);

/// What all running tasks share.
struct Crew {
    appliance: Arc<Appliance>,
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
        appliance: appliance.clone(),
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
    let sandbox = crew.sandbox.clone();
    let swept = tokio::task::spawn_blocking(move || {
        let swept = sandbox.sweep();
        // Walked now, so that the operator learns what cannot be had before anybody needs it.
        sandbox.standing();
        swept
    });
    match swept.await {
        Ok(Ok(())) => {}
        Ok(Err(cause)) => tracing::warn!(%cause, "what earlier runs left in the work folder could not be removed"),
        Err(fault) => tracing::error!(%fault, "looking for what earlier runs left failed"),
    }
    let mut bell = tasks::bell();
    let (mut running, mut holders) = (JoinSet::new(), Holders::default());
    let rounds = Arc::new(Mutex::new(Rounds::default()));
    while !stop.is_cancelled() {
        bell.borrow_and_update();
        let mut waits = true;
        while running.len() < crew.settings.most_running && !stop.is_cancelled() {
            let (appliance, hands, shared, stop) = (appliance.clone(), crew.clone(), rounds.clone(), stop.clone());
            let slots = Slots { held: holders.counts(), free: crew.settings.most_running - running.len() };
            let found = tokio::task::spawn_blocking(move || {
                let mut rounds = shared.lock().unwrap_or_else(PoisonError::into_inner);
                let found = rounds.find_work(&appliance, &hands, &slots, &stop);
                (found, rounds.something_waits)
            });
            match found.await {
                Ok((Some((company, task)), _)) => {
                    let slug = company.slug().to_owned();
                    let task = running.spawn(runner::carry_out(crew.clone(), company, task));
                    holders.takes(task.id(), slug);
                }
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
            Some(ended) = running.join_next_with_id(), if !running.is_empty() => {
                holders.gives_back(ended.as_ref().map_or_else(tokio::task::JoinError::id, |(id, ())| *id));
                report(ended.map(|_| ()));
            }
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
            () = crew.settings.hurry.cancelled(), if !crew.end_now.is_cancelled() => crew.end_now.cancel(),
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

/// What is free, and how many slots each company holds.
struct Slots {
    held: HashMap<String, usize>,
    free: usize,
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
    fn find_work(
        &mut self,
        appliance: &Appliance,
        crew: &Crew,
        slots: &Slots,
        stop: &CancellationToken,
    ) -> Option<(Company, Task)> {
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
            if stop.is_cancelled() {
                return None;
            }
            if self.left_alone.contains_key(&slug) {
                continue;
            }
            let its_turn = turns::may_begin(slots.held.get(&slug).copied().unwrap_or_default(), slots.free);
            let served = |company: Company| Ok((self.serve(&company, &slug, crew, its_turn, stop)?, company));
            let found = appliance.company(&slug).and_then(served);
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

    fn serve(
        &mut self,
        company: &Company,
        slug: &str,
        crew: &Crew,
        its_turn: bool,
        stop: &CancellationToken,
    ) -> Result<Option<Task>> {
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
        if its_turn
            && let Some(id) = tasks::next_queued(&keep)?
            // From the moment on at which the server is to stop nothing is begun.
            && !stop.is_cancelled()
        {
            let granted = engine.ask(TaskExecute { task: engine.locate(Within::Company, &id.to_string())? })?;
            if let Some(task) = tasks::claim(&granted, &crew.lease)? {
                return Ok(Some(task));
            }
        }
        self.something_waits |= tasks::settle(&keep)?.queued > 0;
        Ok(None)
    }
}

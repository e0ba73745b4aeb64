//! The engine's pen: what it does for one task goes through the company's commands, on threads that may wait, and what
//! the task says goes to its log in the order in which it was said.

use super::Crew;
use crate::{
    base::{
        error::{Error, Result},
        ids::{Id, Task as Kind},
    },
    company::{
        Company,
        access::{FILE, Granted, Visitor, Within, permissions::TaskExecute},
        tasks::{self, Category, Log, NewStep, Outcome, Standing, StepStatus, Text},
    },
};
use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{MissedTickBehavior, interval, sleep},
};
use tokio_util::sync::CancellationToken;

/// Why a task is to stop before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Halt {
    /// A person wants it.
    Person,
    /// The server stops.
    Server,
    /// Somebody else has the task, or the company's file was replaced or taken away.
    Lost,
}

/// Everything done in the name of one task.
pub(super) struct Book {
    pub crew: Arc<Crew>,
    pub company: Company,
    pub task: Id<Kind>,
    /// Cancelled when the task is to stop; [`Book::halted`] says why.
    pub stop: CancellationToken,
    halt: OnceLock<Halt>,
    ours: Arc<Ours>,
    said: mpsc::Sender<(String, Category, Text)>,
}

impl Book {
    /// Opens the task's log and begins to watch whether somebody wants it stopped. The handles end when the book is
    /// dropped.
    pub fn open(crew: Arc<Crew>, company: Company, task: Id<Kind>) -> (Arc<Book>, Keepers) {
        let (said, heard) = mpsc::channel(1024);
        let ours = Arc::new(Ours::of(&company));
        let (stop, halt) = (CancellationToken::new(), OnceLock::new());
        let book = Arc::new(Book { crew, company, task, ours, stop, halt, said });
        let writer = {
            let (crew, company, ours) = (book.crew.clone(), book.company.clone(), book.ours.clone());
            tokio::task::spawn_blocking(move || write_log(&crew, &company, task, &ours, heard))
        };
        let watcher = tokio::spawn(watch(Arc::downgrade(&book), book.crew.end_now.clone()));
        (book, Keepers { writer, watcher })
    }

    /// Does something for the task, on a thread that may wait.
    pub async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Granted<'_, TaskExecute>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        if self.ours.lost() {
            self.halt(Halt::Lost);
            return Err(Error::Conflict("The company's file was replaced while the task was under way.".into()));
        }
        let (crew, company, task) = (self.crew.clone(), self.company.clone(), self.task);
        let done = tokio::task::spawn_blocking(move || acting(&crew, &company, task, work));
        done.await.unwrap_or_else(|fault| Err(Error::internal(format!("the engine's work failed: {fault}"))))
    }

    /// Writes into the log. Waits when the disk is slower than the script.
    pub async fn say(&self, step: &str, category: Category, text: impl Into<Text>) {
        // The writer listens until the book is dropped; when it could not open the file it has said so to the server's log.
        let _ = self.said.send((step.to_owned(), category, text.into())).await;
    }

    /// Writes down what will be done.
    pub async fn lay_out(&self, steps: Vec<NewStep>) -> Result<()> {
        self.with(move |granted| tasks::lay_out(granted, &steps)).await
    }
    /// A step begins.
    pub async fn begin(&self, number: &str) -> Result<()> {
        let number = number.to_owned();
        self.with(move |granted| tasks::begin(granted, &number)).await
    }
    /// A step ended.
    pub async fn end(&self, number: &str, status: StepStatus) -> Result<()> {
        let number = number.to_owned();
        self.with(move |granted| tasks::end(granted, &number, status)).await
    }

    /// Why the task is to stop, if it is.
    pub fn halted(&self) -> Option<Halt> {
        if self.ours.lost() {
            self.halt(Halt::Lost);
        }
        let lost = self.ours.lost.load(Ordering::Relaxed);
        self.halt.get().copied().map(|why| if lost { Halt::Lost } else { why })
    }

    fn halt(&self, why: Halt) {
        let _ = self.halt.set(why);
        self.stop.cancel();
    }
}

/// What runs beside a task.
pub(super) struct Keepers {
    writer: JoinHandle<()>,
    watcher: JoinHandle<()>,
}

impl Keepers {
    /// After the book was dropped: all that was said is in the file when this returns.
    pub async fn done(self) {
        self.watcher.abort();
        if let Err(fault) = self.writer.await {
            tracing::error!(%fault, "a task's log could not be written to its end");
        }
    }
}

/// Acts as the engine for one task.
pub(super) fn acting<T>(
    crew: &Crew,
    company: &Company,
    task: Id<Kind>,
    work: impl FnOnce(&Granted<'_, TaskExecute>) -> Result<T>,
) -> Result<T> {
    let engine = Visitor::engine(company, &crew.key);
    let task = engine.locate(Within::Company, &task.to_string())?;
    work(&engine.ask(TaskExecute { task })?)
}

/// Ends a task, trying again while the file cannot be written: an end that is not written would be told as unknown after
/// the next start.
pub(super) async fn close(crew: &Arc<Crew>, company: &Company, task: Id<Kind>, outcome: Outcome) {
    for attempt in 1..=10 {
        let (crew, company, outcome) = (crew.clone(), company.clone(), outcome.clone());
        let done = tokio::task::spawn_blocking(move || {
            acting(&crew, &company, task, |granted| tasks::finish(granted, &crew.lease, &outcome))
        });
        match done.await {
            Ok(Ok(_)) => return,
            Ok(Err(Error::Conflict(why))) => {
                tracing::error!(%task, why, "a task could not be ended");
                return;
            }
            Ok(Err(error)) => tracing::error!(%task, %error, attempt, "a task's end could not be written"),
            Err(fault) => tracing::error!(%task, %fault, attempt, "a task's end could not be written"),
        }
        sleep(Duration::from_secs(3)).await;
    }
}

fn write_log(
    crew: &Crew,
    company: &Company,
    task: Id<Kind>,
    ours: &Ours,
    mut heard: mpsc::Receiver<(String, Category, Text)>,
) {
    let mut log = match acting(crew, company, task, Log::of) {
        Ok(log) => Some(log),
        Err(error) => {
            tracing::error!(%task, %error, "a task's log could not be opened");
            None
        }
    };
    let mut well = true;
    while let Some((step, category, text)) = heard.blocking_recv() {
        if ours.lost() {
            log = None;
        }
        // What fails is tried again with the next line: the end of a log matters most.
        let written = log.as_mut().map_or(Ok(()), |log| log.write(&step, category, text));
        if let Err(error) = &written
            && well
        {
            tracing::error!(%task, %error, "a task's log cannot be written; what is missing is told in it");
        }
        well = written.is_ok();
    }
    if let Some(Err(error)) = log.as_mut().map(Log::finish) {
        tracing::error!(%task, %error, "a task's log could not be brought to the disk");
    }
}

/// The company's file as it was when the task was taken: another one may be put in its place while the task runs.
pub(super) struct Ours {
    path: PathBuf,
    file: Option<(u64, u64)>,
    lost: AtomicBool,
}

impl Ours {
    fn of(company: &Company) -> Ours {
        let path = company.folder().join(FILE);
        Ours { file: identity(&path), path, lost: AtomicBool::new(false) }
    }

    /// Whether another file lies there now, or none. Once lost is lost.
    fn lost(&self) -> bool {
        let lost = self.lost.load(Ordering::Relaxed) || identity(&self.path) != self.file;
        if lost {
            self.lost.store(true, Ordering::Relaxed);
        }
        lost
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    path.metadata().ok().map(|facts| (facts.dev(), facts.ino()))
}

/// Looks twice a second whether the task is to stop, and keeps the lease.
async fn watch(book: std::sync::Weak<Book>, end_now: CancellationToken) {
    let mut tick = interval(Duration::from_millis(500));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for round in 1u64.. {
        tokio::select! {
            _ = tick.tick() => {}
            () = end_now.cancelled() => {
                if let Some(book) = book.upgrade() {
                    book.halt(Halt::Server);
                }
                return;
            }
        }
        let Some(book) = book.upgrade() else { return };
        let lease = book.crew.lease.clone();
        let standing = book
            .with(move |granted| {
                if round.is_multiple_of(20) { tasks::renew(granted, &lease) } else { tasks::standing(granted, &lease) }
            })
            .await;
        match standing {
            Ok(Standing::Ours) => {}
            Ok(Standing::Cancelling) => return book.halt(Halt::Person),
            Ok(Standing::Lost) => return book.halt(Halt::Lost),
            Err(_) if book.halted() == Some(Halt::Lost) => return,
            Err(error) => tracing::warn!(task = %book.task, %error, "whether a task is to stop could not be seen"),
        }
    }
}

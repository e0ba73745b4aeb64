//! The one writer of a file, with group commit.
//!
//! Callers take turns on the connection, each in its own savepoint; the last in line commits for all, and nobody is
//! answered before the commit is on the disk. A job that fails undoes only itself.

use crate::base::error::{Error, Fault, Result};
use rusqlite::Connection;
use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// At most so many jobs share a commit.
const LARGEST_BATCH: usize = 64;
/// A foreign reader that holds back the folding of the log is waited for no longer than this.
const FOLD_WAIT: Duration = Duration::from_millis(250);
/// How long a statement waits for another process's lock.
pub(in crate::store) const BUSY_WAIT: Duration = Duration::from_secs(5);

/// The writing connection and the queue before it.
pub struct Writer {
    waiting: AtomicUsize,
    turn: Mutex<Turn>,
}

struct Turn {
    connection: Connection,
    /// The open transaction, if a job before this one left its commit to those behind it.
    batch: Option<Arc<Batch>>,
    jobs: usize,
}

/// Jobs that wait for one commit.
#[derive(Default)]
struct Batch {
    outcome: Mutex<Option<Result<(), Broken>>>,
    bell: Condvar,
}

/// Why a commit failed, for everyone who waited for it.
#[derive(Clone)]
enum Broken {
    Busy(String),
    Fault(Box<Fault>),
    Other(String),
}

impl From<Error> for Broken {
    fn from(error: Error) -> Broken {
        match error {
            Error::Fault(fault) => Broken::Fault(fault),
            Error::Unavailable(sentence) => Broken::Busy(sentence),
            other => Broken::Other(other.to_string()),
        }
    }
}
impl From<Broken> for Error {
    fn from(broken: Broken) -> Error {
        match broken {
            Broken::Busy(sentence) => Error::Unavailable(sentence),
            Broken::Fault(fault) => Error::Fault(fault),
            Broken::Other(cause) => Error::internal(format!("the commit failed: {cause}")),
        }
    }
}

impl Batch {
    fn finish(&self, outcome: Result<(), Broken>) {
        *lock(&self.outcome) = Some(outcome);
        self.bell.notify_all();
    }
    fn wait(&self) -> Result<()> {
        let mut outcome = lock(&self.outcome);
        loop {
            match outcome.as_ref() {
                Some(Ok(())) => return Ok(()),
                Some(Err(broken)) => return Err(broken.clone().into()),
                None => outcome = self.bell.wait(outcome).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Writer {
    /// Takes over the one writing connection of a file.
    pub(in crate::store) fn new(connection: Connection) -> Writer {
        Writer { waiting: AtomicUsize::new(0), turn: Mutex::new(Turn { connection, batch: None, jobs: 0 }) }
    }

    /// Runs `work` in a savepoint and returns when its commit is on the disk. An error or a panic of `work` undoes
    /// what it did and nothing else. `work` must not call this again: it would wait for itself.
    pub fn write<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut turn = lock(&self.turn);
        self.waiting.fetch_sub(1, Ordering::SeqCst);

        if turn.batch.is_none() {
            turn.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
            turn.batch = Some(Arc::default());
            turn.jobs = 0;
        }
        let answer = in_savepoint(&turn.connection, work);
        turn.jobs += 1;
        let Some(batch) = turn.batch.clone() else { return Err(Error::internal("a batch was lost")) };

        // INVARIANT: whoever was counted as waiting takes its turn and comes past this point, so a batch that is left
        // open here is always closed by somebody behind.
        let last = self.waiting.load(Ordering::SeqCst) == 0 || turn.jobs >= LARGEST_BATCH;
        if last || turn.connection.is_autocommit() {
            let outcome = commit(&turn.connection);
            turn.batch = None;
            batch.finish(outcome.map_err(|cause| Error::from(cause).into()));
        }
        drop(turn);
        match answer {
            Ok(Ok(value)) => batch.wait().map(|()| value),
            Ok(Err(error)) => Err(error),
            Err(panic) => resume_unwind(panic),
        }
    }

    /// Folds the write-ahead log into the file and empties it. Whether it was done: somebody who reads an older state
    /// from outside keeps it, and is not waited for longer than [`FOLD_WAIT`].
    pub(in crate::store) fn fold(&self) -> Result<bool> {
        let turn = lock(&self.turn);
        if turn.batch.is_some() {
            // Those behind close the open transaction; a later fold finds their changes, too.
            return Ok(false);
        }
        turn.connection.busy_timeout(FOLD_WAIT)?;
        let folded = turn.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        turn.connection.busy_timeout(BUSY_WAIT)?;
        match folded.map_err(Error::from) {
            Ok(busy) => Ok(busy == 0),
            Err(Error::Unavailable(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Writer {
    /// SQLite folds the log when the last connection closes; whoever wrote folds also when somebody else has the file open.
    /// Looking alone leaves no trace.
    fn drop(&mut self) {
        if lock(&self.turn).connection.total_changes() == 0 {
            return;
        }
        if let Err(error) = self.fold() {
            tracing::warn!(%error, "the write-ahead log could not be folded into its file");
        }
    }
}

fn in_savepoint<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T>,
) -> std::thread::Result<Result<T>> {
    let begun = connection.prepare_cached("SAVEPOINT job").and_then(|mut s| s.execute([]));
    if let Err(cause) = begun {
        return Ok(Err(cause.into()));
    }
    let answer = catch_unwind(AssertUnwindSafe(|| work(connection)));
    let undo = !matches!(answer, Ok(Ok(_)));
    // After a full disk or an I/O error SQLite has rolled everything back by itself; then there is no savepoint left.
    if !connection.is_autocommit() {
        let closed = if undo {
            connection.execute_batch("ROLLBACK TO job; RELEASE job")
        } else {
            connection.prepare_cached("RELEASE job").and_then(|mut s| s.execute([])).map(drop)
        };
        if let (Err(cause), false) = (closed, undo) {
            return Ok(Err(cause.into()));
        }
    }
    answer
}

fn commit(connection: &Connection) -> rusqlite::Result<()> {
    if connection.is_autocommit() {
        return Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT),
            Some("the transaction was rolled back by a fault of the disk".into()),
        ));
    }
    let done = connection.prepare_cached("COMMIT").and_then(|mut s| s.execute([])).map(drop);
    if done.is_err() && !connection.is_autocommit() {
        let _ = connection.execute_batch("ROLLBACK");
    }
    done
}

#[cfg(test)]
mod tests {
    use crate::{base::error::Error, store::Store};
    use std::sync::Arc;

    fn store() -> (tempfile::TempDir, Arc<Store>) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::create(&folder.path().join("a.db"), 2).unwrap();
        store.write(|c| Ok(c.execute_batch("CREATE TABLE t(x INTEGER PRIMARY KEY) STRICT")?)).unwrap();
        (folder, Arc::new(store))
    }
    fn count(store: &Store) -> i64 {
        store.reader().unwrap().query_row("SELECT count(*) FROM t", [], |r| r.get(0)).unwrap()
    }

    #[test]
    fn many_callers_all_commit_and_failures_undo_only_themselves() {
        let (_folder, store) = store();
        std::thread::scope(|scope| {
            for caller in 0..32i64 {
                let store = &store;
                scope.spawn(move || {
                    for n in 0..50 {
                        let x = caller * 1000 + n;
                        let answer = store.write(|c| {
                            c.execute("INSERT INTO t VALUES (?1)", [x])?;
                            if n % 5 == 0 { Err(Error::Conflict("no".into())) } else { Ok(x) }
                        });
                        assert_eq!(answer.is_ok(), n % 5 != 0);
                        if answer.is_ok() {
                            // Whoever was answered sees its row in a fresh read.
                            let seen: i64 = store
                                .reader()
                                .unwrap()
                                .query_row("SELECT count(*) FROM t WHERE x=?1", [x], |r| r.get(0))
                                .unwrap();
                            assert_eq!(seen, 1);
                        }
                    }
                });
            }
        });
        assert_eq!(count(&store), 32 * 40);
    }

    #[test]
    fn a_panic_undoes_its_job_and_the_writer_goes_on() {
        let (_folder, store) = store();
        let inner = store.clone();
        let panicked = std::thread::spawn(move || {
            inner.write(|c| {
                c.execute("INSERT INTO t VALUES (1)", [])?;
                panic!("on purpose");
                #[allow(unreachable_code)]
                Ok(())
            })
        })
        .join();
        assert!(panicked.is_err());
        assert_eq!(count(&store), 0);
        store.write(|c| Ok(c.execute("INSERT INTO t VALUES (2)", [])?)).unwrap();
        assert_eq!(count(&store), 1);
    }
}

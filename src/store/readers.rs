//! The reading connections of a file: opened when they are needed, kept for the next reader, closed before the writer.

use super::{fault, harden};
use crate::base::error::{Error, Result};
use rusqlite::{Connection, OpenFlags};
use std::{
    ops::Deref,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// A reader waits this long for a connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// A connection that nobody needed for this long is closed.
const IDLE: Duration = Duration::from_secs(60);

/// The readers of one file.
pub(in crate::store) struct Readers(Arc<Shared>);

struct Shared {
    path: PathBuf,
    most: usize,
    all: Mutex<All>,
    given_back: Condvar,
}

#[derive(Default)]
struct All {
    /// How many there are, those in use included.
    open: usize,
    /// Those that nobody uses, the most recently used last.
    idle: Vec<(Connection, Instant)>,
    /// How many wait for one: waking nobody would cost a call of the system each time.
    waiting: usize,
}

/// A connection that can only read; given back when it is dropped.
pub struct Reader {
    connection: Option<Connection>,
    shared: Arc<Shared>,
}

fn lock(mutex: &Mutex<All>) -> MutexGuard<'_, All> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Readers {
    /// None are open yet.
    pub(in crate::store) fn new(path: &Path, most: u32) -> Readers {
        let shared = Shared {
            path: path.to_owned(),
            most: most.max(1) as usize,
            all: Mutex::default(),
            given_back: Condvar::new(),
        };
        Readers(Arc::new(shared))
    }

    /// A connection; waits while all are in use.
    pub(in crate::store) fn get(&self) -> Result<Reader> {
        let until = Instant::now() + PATIENCE;
        let mut all = lock(&self.0.all);
        loop {
            if let Some((connection, _)) = all.idle.pop() {
                return Ok(self.reader(connection));
            }
            if all.open < self.0.most {
                break;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Error::Unavailable("This company is busy. Try again in a moment.".into()));
            }
            all.waiting += 1;
            all = self.0.given_back.wait_timeout(all, left).unwrap_or_else(PoisonError::into_inner).0;
            all.waiting -= 1;
        }
        all.open += 1;
        // Nobody else waits for the opening.
        drop(all);
        match open(&self.0.path) {
            Ok(connection) => Ok(self.reader(connection)),
            Err(cause) => {
                let mut all = lock(&self.0.all);
                all.open -= 1;
                let waiting = all.waiting > 0;
                drop(all);
                if waiting {
                    self.0.given_back.notify_one();
                }
                Err(fault::located(cause.into(), &self.0.path))
            }
        }
    }

    fn reader(&self, connection: Connection) -> Reader {
        Reader { connection: Some(connection), shared: self.0.clone() }
    }
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    #[allow(clippy::disallowed_methods, reason = "the one place that opens files")]
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    harden(&connection)?;
    connection.execute_batch("PRAGMA query_only=ON")?;
    Ok(connection)
}

impl Deref for Reader {
    type Target = Connection;
    fn deref(&self) -> &Connection {
        // INVARIANT: it is taken out by `drop` alone.
        match &self.connection {
            Some(connection) => connection,
            None => unreachable!("a reader that was given back"),
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        let mut all = lock(&self.shared.all);
        let now = Instant::now();
        // What a panic left in the middle of a transaction is not used again.
        let mut old = Vec::new();
        if connection.is_autocommit() {
            all.idle.push((connection, now));
        } else {
            old.push((connection, now));
        }
        while all.idle.first().is_some_and(|(_, since)| now.duration_since(*since) > IDLE) {
            old.push(all.idle.remove(0));
        }
        all.open -= old.len();
        let waiting = all.waiting > 0;
        drop(all);
        if waiting {
            self.shared.given_back.notify_one();
        }
        drop(old);
    }
}

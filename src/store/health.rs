//! Whether an open file can still be trusted. Whoever meets damage first closes the file for everybody.

use super::{Store, fault, migrate};
use crate::base::{
    error::{Error, Fault, FaultKind, Result},
    room,
};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::{
    path::Path,
    sync::{
        PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// A file whose answers are odd is looked through at most this often.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Whether any file was closed since the process began.
static ANY: AtomicBool = AtomicBool::new(false);

/// Whether any file was closed by a fault since the process began. Costs nothing to ask.
pub fn any_broken() -> bool {
    ANY.load(Ordering::Relaxed)
}

impl Store {
    /// An error that was met with this file: adds its path, and closes the file when it cannot be trusted any more.
    pub fn met(&self, error: Error) -> Error {
        let error = match fault::located(error, &self.path) {
            Error::Internal(cause) if is_odd(&cause) => match self.suspect() {
                Some(fault) => Error::Fault(Box::new(fault)),
                None => Error::Internal(cause),
            },
            other => other,
        };
        if let Error::Fault(fault) = &error {
            match fault.kind {
                FaultKind::Full => room::look_again(),
                FaultKind::Damaged | FaultKind::Device | FaultKind::Missing => self.give_up((**fault).clone()),
                _ => {}
            }
        }
        error
    }

    /// Closes the file to whoever reads or writes from now on. The first reason stays.
    pub fn give_up(&self, fault: Fault) {
        ANY.store(true, Ordering::Relaxed);
        let _ = self.broken.set(fault);
    }

    /// What closed it.
    pub fn broken(&self) -> Option<&Fault> {
        self.broken.get()
    }

    pub(super) fn usable(&self) -> Result<()> {
        self.broken().map_or(Ok(()), |fault| Err(Error::Fault(Box::new(fault.clone()))))
    }

    /// Looks through the whole file as it lies on the disk.
    ///
    /// # Errors
    /// `Fault` that says what is damaged. The file is closed then.
    pub fn look(&self) -> Result<()> {
        look_through(&self.path).map_err(|error| self.met(error))
    }

    fn suspect(&self) -> Option<Fault> {
        {
            let mut last = self.suspected.lock().unwrap_or_else(PoisonError::into_inner);
            if last.is_some_and(|at| at.elapsed() < LOOK_AGAIN) {
                return None;
            }
            *last = Some(Instant::now());
        }
        match look_through(&self.path) {
            Err(Error::Fault(fault)) => Some(*fault),
            _ => None,
        }
    }
}

/// An error that a sound file with our schema does not give: tables that are not there, values of another type.
fn is_odd(cause: &anyhow::Error) -> bool {
    cause.downcast_ref::<rusqlite::Error>().is_some_and(|error| match error {
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::Utf8Error(..) => true,
        other => other.sqlite_error_code() == Some(ErrorCode::Unknown),
    })
}

fn look_through(path: &Path) -> Result<()> {
    let damaged = |what: String| Error::fault(FaultKind::Damaged, what).at(path);
    let looked = || -> rusqlite::Result<Option<String>> {
        #[allow(clippy::disallowed_methods, reason = "the one place that opens files")]
        let connection =
            Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        super::harden(&connection)?;
        let mark: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
        if mark != migrate::APPLICATION_ID {
            return Ok(Some("the file is empty, or another one was written over it".into()));
        }
        let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        // It begins with the name of the database, on a line of its own.
        Ok((found != "ok").then(|| format!("the database is damaged: {}", found.replace('\n', " "))))
    };
    match looked() {
        Ok(None) => Ok(()),
        Ok(Some(what)) => Err(damaged(what)),
        Err(cause) => Err(fault::located(cause.into(), path)),
    }
}

//! What SQLite's errors mean: busy, a full disk, missing rights, damage, or a fault of the program.

use crate::base::error::{Error, Fault, FaultKind, Result};
use rusqlite::{ErrorCode, ffi};
use rustix::fs::{Access, StatVfsMountFlags, access, statvfs};
use std::path::Path;

/// A disk with less room than this is taken as full when SQLite says only that a write failed.
const NO_ROOM: u64 = 256 * 1024;

impl From<rusqlite::Error> for Error {
    /// The kind as far as the code alone tells it; [`located`] looks at the file for the rest.
    fn from(cause: rusqlite::Error) -> Self {
        let Some(code) = cause.sqlite_error_code() else { return Error::Internal(cause.into()) };
        let kind = match code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed => {
                return Error::Unavailable("This company is busy. Try again in a moment.".into());
            }
            ErrorCode::DiskFull => FaultKind::Full,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => FaultKind::Damaged,
            ErrorCode::SystemIoFailure => match cause.sqlite_error().map(|error| error.extended_code) {
                // Its checksum or its size is not what was written: content, not the device.
                Some(ffi::SQLITE_IOERR_CORRUPTFS | ffi::SQLITE_IOERR_DATA | ffi::SQLITE_IOERR_SHORT_READ) => {
                    FaultKind::Damaged
                }
                _ => FaultKind::Device,
            },
            ErrorCode::PermissionDenied | ErrorCode::CannotOpen => FaultKind::Denied,
            ErrorCode::ReadOnly => FaultKind::ReadOnly,
            _ => return Error::Internal(cause.into()),
        };
        match kind {
            FaultKind::Damaged => Error::fault(kind, format!("the file is damaged: {cause}")),
            _ => Error::fault(kind, cause),
        }
    }
}

/// The same error with the file it was met at, after a look at the file and its disk where SQLite's code leaves open what
/// it was. Opens nothing: closing a descriptor of a file drops the locks that SQLite holds on it.
pub(in crate::store) fn located(error: Error, path: &Path) -> Error {
    let Error::Fault(mut fault) = error else { return error };
    if fault.path.is_some() {
        return Error::Fault(fault);
    }
    let found = match fault.kind {
        FaultKind::Device if without_room(path) => Some(FaultKind::Full),
        FaultKind::Denied | FaultKind::ReadOnly => match look(path) {
            Look::Missing => Some(FaultKind::Missing),
            Look::ReadOnly => Some(FaultKind::ReadOnly),
            Look::Denied => Some(FaultKind::Denied),
            // A new file needed room, or a handle, that was not there.
            Look::Fine if without_room(path) => Some(FaultKind::Full),
            Look::Fine if fault.kind == FaultKind::Denied => Some(FaultKind::Handles),
            Look::Fine => return Error::internal(format!("{}: {}", path.display(), fault.cause)),
        },
        _ => None,
    };
    if let Some(kind) = found.filter(|kind| *kind != fault.kind) {
        *fault = Fault::new(kind, &fault.cause);
    }
    Error::Fault(Box::new(fault.at(path)))
}

/// [`located`] for a result.
pub(in crate::store) fn at<T>(answer: Result<T>, path: &Path) -> Result<T> {
    answer.map_err(|error| located(error, path))
}

enum Look {
    Fine,
    Missing,
    ReadOnly,
    Denied,
}

fn look(path: &Path) -> Look {
    let folder = path.parent().unwrap_or(Path::new("."));
    if statvfs(folder).is_ok_and(|about| about.f_flag.contains(StatVfsMountFlags::RDONLY)) {
        return Look::ReadOnly;
    }
    if access(folder, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK).is_err() {
        return Look::Denied;
    }
    let beside = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        std::path::PathBuf::from(name)
    };
    let usable = |path: &Path| {
        let met = access(path, Access::READ_OK | Access::WRITE_OK);
        !matches!(met, Err(rustix::io::Errno::ACCESS | rustix::io::Errno::PERM))
    };
    if !path.exists() {
        return Look::Missing;
    }
    if usable(path) && usable(&beside("-wal")) && usable(&beside("-shm")) { Look::Fine } else { Look::Denied }
}

fn without_room(path: &Path) -> bool {
    let folder = path.parent().unwrap_or(Path::new("."));
    statvfs(folder).is_ok_and(|about| {
        about.f_bavail.saturating_mul(about.f_frsize) < NO_ROOM || about.f_ffree == 0 && about.f_files > 0
    })
}

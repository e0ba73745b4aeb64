//! What lies in a company's folder, told by a few numbers: whether it is still what was opened.

use crate::{
    base::clock,
    company::access::{CHANGED, FILE},
};
use std::{fs, os::unix::fs::MetadataExt, path::Path};

/// A folder stands still when it was not changed for so many seconds: longer than any file system's clock ticks, so that
/// a later change gives it another time.
const STANDSTILL: i64 = 3;

/// Which file is open, and as of which change of what is remembered of it. Another one in its place means that the
/// company was restored, taken away, suspended, or that its name or its limits were changed.
#[derive(PartialEq, Eq)]
pub(super) struct Identity {
    pub file: (u64, u64),
    pub changed: Option<(u64, i64, i64)>,
    /// The log and its index, which are there and stay the same while the file is open.
    pub beside: [Option<u64>; 2],
}

/// A folder in which nothing has come, gone or been renamed for a while, and since when. Both that make an [`Identity`]
/// change by a renaming: while the folder stands still, they need not be looked at.
#[derive(PartialEq, Eq)]
pub(super) struct Standstill {
    folder: (u64, u64),
    since: (i64, i64),
}

/// Since when a folder stands still, if it does.
pub(super) fn standstill(folder: &Path) -> Option<Standstill> {
    let about = fs::metadata(folder).ok()?;
    // Not the time of its content, which whoever puts files back can put back, too.
    let since = (about.ctime(), about.ctime_nsec());
    let still = clock::now().0 / 1000 - since.0 > STANDSTILL;
    still.then(|| Standstill { folder: (about.dev(), about.ino()), since })
}

/// What lies in a company's folder now; `None` where there is no file.
pub(super) fn identity(folder: &Path) -> Option<Identity> {
    let file = fs::metadata(folder.join(FILE)).ok()?;
    let changed = fs::metadata(folder.join(CHANGED)).ok();
    let beside = |end: &str| {
        let name = format!("{FILE}{end}");
        fs::symlink_metadata(folder.join(name)).ok().map(|about| about.ino())
    };
    Some(Identity {
        file: (file.dev(), file.ino()),
        changed: changed.map(|about| (about.ino(), about.mtime(), about.mtime_nsec())),
        beside: [beside("-wal"), beside("-shm")],
    })
}

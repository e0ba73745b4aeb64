//! The reserve of the data folder: a file that takes up room while there is plenty, and gives it up when the disk is full,
//! so that signing in, deleting and backing up elsewhere still work.

use crate::base::{
    names,
    room::{self, Room},
};
use rustix::fs::{FallocateFlags, fallocate, statvfs};
use std::{
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// The file's name in the data folder.
const FILE: &str = "reserve";
/// How large the reserve is, unless the configuration says otherwise.
pub const RESERVE: u64 = 32 * 1024 * 1024;

struct Reserve {
    data: PathBuf,
    bytes: u64,
    last: Mutex<Room>,
}

/// Keeps a reserve of this size in the data folder from now on, and tells every part whether there is room. For the
/// server: one process keeps it. A size of 0 keeps none.
pub fn keep(data: &Path, bytes: u64) {
    let reserve = Reserve { data: data.to_owned(), bytes, last: Mutex::new(Room::Plenty) };
    room::measured_by(move || reserve.look());
}

impl Reserve {
    fn path(&self) -> PathBuf {
        self.data.join(FILE)
    }

    /// What others than root can still write, in bytes.
    fn free(&self) -> Option<u64> {
        let about = statvfs(&self.data).ok()?;
        Some(about.f_bavail.saturating_mul(about.f_frsize))
    }

    fn look(&self) -> Room {
        let Some(free) = self.free() else { return Room::Plenty };
        let held = fs::metadata(self.path()).map_or(0, |about| about.len());
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let room = self.decide(free, held);
        if room != *last {
            let free = names::bytes(self.free().unwrap_or_default());
            let data = self.data.display();
            match room {
                Room::Plenty => tracing::info!(%data, free, "the disk has room again: changes are accepted"),
                Room::Little => tracing::error!(%data, free,
                    "the disk is full: the reserve is in use. Nothing can be added (507) and queued tasks wait; signing in, deleting and backups to another disk work. Free some space"),
                Room::Least => tracing::error!(%data, free,
                    "the disk is full and the reserve is nearly used up. Only signing in, deleting and cancelling work. Free some space now"),
            }
            *last = room;
        }
        room
    }

    /// How much room there is; makes or gives up the file accordingly.
    fn decide(&self, free: u64, held: u64) -> Room {
        let floor = self.bytes / 4;
        if held > 0 {
            if free >= floor {
                return Room::Plenty;
            }
            // What cannot be removed is emptied: that needs no new entry of the folder.
            if fs::remove_file(self.path()).is_err() {
                let _ = fs::File::create(self.path());
            }
            return Room::Little;
        }
        // More than is let go of: the state does not swing to and fro.
        if free >= self.bytes + 2 * floor {
            self.make();
            return Room::Plenty;
        }
        if free >= self.bytes / 8 { Room::Little } else { Room::Least }
    }

    fn make(&self) {
        if self.bytes == 0 {
            return;
        }
        let made = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(self.path());
        let filled = made.and_then(|mut file| {
            if fallocate(&file, FallocateFlags::empty(), 0, self.bytes).is_ok() {
                return Ok(());
            }
            // A file system that cannot set room aside takes content.
            let block = vec![0xA5; 64 * 1024];
            let mut left = self.bytes;
            while left > 0 {
                let part = left.min(block.len() as u64);
                file.write_all(&block[..part as usize])?;
                left -= part;
            }
            Ok(())
        });
        if let Err(cause) = filled {
            let _ = fs::remove_file(self.path());
            if crate::base::told::first(FILE, "made") {
                tracing::warn!(path = %self.path().display(), %cause, "the reserve for a full disk could not be made");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Findings E2: the reserve is given up below its floor, and made again only when there is more than it takes.
    #[test]
    fn the_reserve_is_given_up_and_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let reserve = Reserve { data: folder.path().to_owned(), bytes: 64 * 1024, last: Mutex::new(Room::Plenty) };
        let held = || fs::metadata(reserve.path()).map_or(0, |about| about.len());
        assert_eq!(reserve.decide(1 << 20, held()), Room::Plenty);
        assert_eq!(held(), 64 * 1024);
        assert_eq!(reserve.decide(16 * 1024, held()), Room::Plenty, "at the floor");
        assert_eq!(reserve.decide(16 * 1024 - 1, held()), Room::Little);
        assert_eq!(held(), 0);
        assert_eq!(reserve.decide(70 * 1024, held()), Room::Little, "enough for the reserve and nothing more");
        assert_eq!(reserve.decide(8 * 1024 - 1, held()), Room::Least);
        assert_eq!(reserve.decide(96 * 1024, held()), Room::Plenty);
        assert_eq!(held(), 64 * 1024);
    }
}

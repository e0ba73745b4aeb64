//! The files of a log. The beginning is one file; when it is full, the log goes on in a ring of smaller ones, each of which
//! takes the place of the oldest. So the end is always kept, and a log never takes more room than [`Sizes`] say.

use crate::base::{
    error::Result,
    ids::{Id, Task as Kind},
};
use serde::{Deserialize, Serialize};
use std::{
    fs::File,
    io::{ErrorKind, Read},
    os::unix::fs::{FileExt, MetadataExt},
    path::{Path, PathBuf},
};

/// Where the logs of a company lie in its folder.
pub(super) const FOLDER: &str = "task-logs";
/// So many parts are in the ring.
pub(super) const RING: usize = 4;

/// How large the parts grow.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// The beginning.
    pub head: u64,
    /// Each part of the ring.
    pub part: u64,
}

impl Default for Sizes {
    /// 64 MiB in all, of which the last 12 to 16 are the end of the log.
    fn default() -> Self {
        Sizes { head: 48 << 20, part: 4 << 20 }
    }
}

/// The first line of a part of the ring.
#[derive(Serialize, Deserialize)]
pub(super) struct Head {
    /// The number of the first line that was written into it.
    pub first: i64,
    /// Bytes of the log that were written before it.
    pub before: u64,
}

/// One part, open.
pub(super) struct Part {
    pub file: File,
    pub slot: usize,
    /// Its first line's number; 0 for the beginning. No two parts of a log ever have the same.
    pub first: i64,
    /// Bytes of the log before it.
    pub before: u64,
    /// Where its lines begin.
    pub begin: u64,
    /// How long it is now.
    pub length: u64,
}

pub(super) fn path(folder: &Path, task: Id<Kind>, slot: usize) -> PathBuf {
    match slot {
        0 => folder.join(format!("{}.log", task.0)),
        slot => folder.join(format!("{}.{slot}.log", task.0)),
    }
}

/// The parts that are there, in the order in which they were written.
pub(super) fn all(folder: &Path, task: Id<Kind>) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    for slot in 0..=RING {
        let file = match File::open(path(folder, task, slot)) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error.into()),
        };
        let length = file.metadata()?.len();
        let mut part = Part { slot, first: 0, before: 0, begin: 0, length, file };
        if slot > 0 {
            let mut start = [0; 128];
            let read = Read::by_ref(&mut part.file).take(128).read(&mut start)?;
            let start = start.get(..read).unwrap_or_default();
            // Made a moment ago, or not whole after a crash: it holds no lines.
            let Some(end) = start.iter().position(|byte| *byte == b'\n') else { continue };
            let Ok(head) = serde_json::from_slice::<Head>(start.get(..end).unwrap_or_default()) else { continue };
            (part.first, part.before, part.begin) = (head.first, head.before, end as u64 + 1);
        }
        parts.push(part);
    }
    parts.sort_by_key(|part| part.first);
    Ok(parts)
}

impl Part {
    /// Whether its last line has an end.
    pub fn ends_whole(&self) -> Result<bool> {
        let Some(at) = self.length.checked_sub(1) else { return Ok(true) };
        let mut end = [0];
        self.file.read_exact_at(&mut end, at)?;
        Ok(end == *b"\n")
    }

    /// Where the last `count` whole lines of it begin that take no more than `bytes` together, and how many they are.
    pub fn tail(&self, count: usize, bytes: u64) -> Result<(u64, usize)> {
        let floor = self.begin.max(self.length.saturating_sub(bytes));
        let (mut at, mut ends, mut found) = (self.length, 0, self.length);
        let mut chunk = vec![0; 64 * 1024];
        while at > floor {
            let length = (chunk.len() as u64).min(at - floor);
            at -= length;
            let part = chunk.get_mut(..length as usize).unwrap_or_default();
            self.file.read_exact_at(part, at)?;
            for (place, _) in part.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n') {
                found = at + place as u64 + 1;
                ends += 1;
                // One end more than lines: that of the line before the first.
                if ends > count {
                    return Ok((found, count));
                }
            }
        }
        if floor == self.begin { Ok((self.begin, ends)) } else { Ok((found, ends.saturating_sub(1))) }
    }
}

/// Whether the open file is the one that lies there.
pub(super) fn same(file: &File, path: &Path) -> bool {
    let of = |facts: std::fs::Metadata| (facts.dev(), facts.ino());
    matches!((file.metadata().map(of), path.metadata().map(of)), (Ok(ours), Ok(there)) if ours == there)
}

/// Removes a file that may be there.
pub(super) fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

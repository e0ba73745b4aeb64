//! The log of a task: append-only files of JSON lines in the company's folder, `task-logs/<number>.log` and what follows it.
//!
//! A line is in the file when [`Log::write`] returns, and on the disk when [`Log::finish`] has. A half line, as a crash may
//! leave it, is passed over by readers and closed by the next writer. However much a script says, beginning and end of it
//! are kept, and readers are told between the two how much is missing.

mod parts;
mod plain;
mod reading;

pub use plain::{Plain, plain};
pub use reading::{From, Lines, Most, Place, log_size, read_log};

use crate::base::{
    clock::{self, Moment},
    error::{Error, Result},
    ids::{Id, Task as Kind},
    names,
};
use crate::company::access::{Granted, permissions::TaskExecute};
use parts::{Head, Sizes};
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
};

/// What kind of line it is, in the wire's words (`domain §11`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Category {
    Trace,
    Verbose,
    Info,
    Highlight,
    Wait,
    Gap,
    Alert,
    Warning,
    Error,
    Fatal,
    Planned,
    Updated,
    Finished,
    Abandoned,
}

impl Category {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Category::Trace => "Trace",
            Category::Verbose => "Verbose",
            Category::Info => "Info",
            Category::Highlight => "Highlight",
            Category::Wait => "Wait",
            Category::Gap => "Gap",
            Category::Alert => "Alert",
            Category::Warning => "Warning",
            Category::Error => "Error",
            Category::Fatal => "Fatal",
            Category::Planned => "Planned",
            Category::Updated => "Updated",
            Category::Finished => "Finished",
            Category::Abandoned => "Abandoned",
        }
    }
}

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its number, from 1.
    pub n: i64,
    /// When it was written, in milliseconds since 1970 UTC.
    #[serde(with = "milliseconds")]
    pub at: Moment,
    /// The number of the step it belongs to; empty for the task itself.
    pub step: String,
    /// What kind of line.
    pub category: Category,
    /// What it says, secrets masked.
    pub text: String,
    /// It is a piece of a long line; so many bytes of that line came before it.
    #[serde(default, skip_serializing_if = "is_none")]
    pub from: u64,
    /// It is a piece of a long line that goes on in the next line of this step and kind.
    #[serde(default, skip_serializing_if = "is_false")]
    pub goes_on: bool,
    /// Readers that asked for short lines did not get all of it; what it says tells so.
    #[serde(skip)]
    pub cut: bool,
}

impl Line {
    /// What stands for lines that are missing before one: its number is that of the last of them, so numbers go on rising.
    pub fn gap_before(next: &Line, text: String) -> Line {
        Line {
            n: next.n - 1,
            at: next.at,
            step: String::new(),
            category: Category::Gap,
            text,
            from: 0,
            goes_on: false,
            cut: false,
        }
    }
}

fn is_none(number: &u64) -> bool {
    *number == 0
}
fn is_false(flag: &bool) -> bool {
    !flag
}

mod milliseconds {
    use super::Moment;
    use serde::{Deserialize, Deserializer, Serializer};
    pub fn serialize<S: Serializer>(moment: &Moment, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(moment.0)
    }
    pub fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Moment, D::Error> {
        i64::deserialize(from).map(Moment)
    }
}

/// What is said: a line, or a piece of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The words.
    pub text: String,
    /// The line goes on in the next piece.
    pub goes_on: bool,
}

impl std::convert::From<String> for Text {
    fn from(text: String) -> Text {
        Text { text, goes_on: false }
    }
}
impl std::convert::From<&str> for Text {
    fn from(text: &str) -> Text {
        Text { text: text.to_owned(), goes_on: false }
    }
}

/// A single line of the file holds no more of a text than this. Scripts' lines come in smaller pieces; this is for what
/// else may be said.
const LONGEST_TEXT: usize = 256 * 1024;

/// Writes the log of a task.
pub struct Log {
    folder: PathBuf,
    task: Id<Kind>,
    sizes: Sizes,
    file: File,
    /// Which part is written: 0 the beginning, then the places of the ring.
    slot: usize,
    /// Bytes in the parts before this one, also in those that are gone.
    before: u64,
    size: u64,
    next: i64,
    /// The last write failed in its middle: the next one closes what it left.
    torn: bool,
    /// Lines that could not be written since the last that could.
    unwritten: u64,
    /// How many bytes of a long line have come, by step and kind.
    long: HashMap<(String, Category), u64>,
}

impl Log {
    /// Opens the log of the task that is carried out, to go on where it ended.
    pub fn of(granted: &Granted<'_, TaskExecute>) -> Result<Log> {
        Log::open(granted.visitor().company().folder(), granted.what().task.id())
    }

    pub(super) fn open(company: &Path, task: Id<Kind>) -> Result<Log> {
        Log::open_with(company, task, Sizes::default())
    }

    fn open_with(company: &Path, task: Id<Kind>, sizes: Sizes) -> Result<Log> {
        let folder = company.join(parts::FOLDER);
        std::fs::create_dir_all(&folder)?;
        let last = reading::read(&folder, task, From::Tail(1), Most::lines(1))?.lines.last().map_or(0, |line| line.n);
        let part = parts::all(&folder, task)?.pop();
        let (slot, before, size, first) =
            part.as_ref().map_or((0, 0, 0, 0), |part| (part.slot, part.before, part.length, part.first));
        let torn = match part {
            Some(part) => !part.ends_whole()?,
            None => false,
        };
        let file = OpenOptions::new().create(true).append(true).open(parts::path(&folder, task, slot))?;
        let next = (last + 1).max(first);
        Ok(Log { folder, task, sizes, file, slot, before, size, next, torn, unwritten: 0, long: HashMap::new() })
    }

    /// Appends a line or a piece of one. Lines that could not be written before are told of first.
    pub fn write(&mut self, step: &str, category: Category, text: impl Into<Text>) -> Result<()> {
        let Text { mut text, goes_on } = text.into();
        if text.len() > LONGEST_TEXT {
            let all = text.len() as u64;
            text.truncate(text.floor_char_boundary(LONGEST_TEXT));
            text.push_str(&format!(" … (cut: {} in all)", names::bytes(all)));
        }
        let from = if goes_on {
            let sum = self.long.entry((step.to_owned(), category)).or_default();
            let from = *sum;
            *sum += text.len() as u64;
            from
        } else {
            self.long.remove(&(step.to_owned(), category)).unwrap_or_default()
        };
        if self.unwritten > 0 {
            let sentence = format!("{} could not be written into the log here.", lines(self.unwritten));
            let gap = (String::new(), Category::Gap, sentence, 0, false);
            if let Err(error) = self.append(gap) {
                self.unwritten += 1;
                return Err(error);
            }
            self.unwritten = 0;
        }
        let written = self.append((step.to_owned(), category, text, from, goes_on));
        self.unwritten = if written.is_err() { 1 } else { 0 };
        written
    }

    fn append(&mut self, (step, category, text, from, goes_on): (String, Category, String, u64, bool)) -> Result<()> {
        let line = Line { n: self.next, at: clock::now(), step, category, text, from, goes_on, cut: false };
        let mut bytes = Vec::with_capacity(line.text.len() + 128);
        if self.torn {
            bytes.push(b'\n');
        }
        serde_json::to_writer(&mut bytes, &line)?;
        bytes.push(b'\n');
        let most = if self.slot == 0 { self.sizes.head } else { self.sizes.part };
        if self.size > 0 && self.size + bytes.len() as u64 > most {
            self.turn_over()?;
        }
        self.torn = true;
        self.file.write_all(&bytes)?;
        self.torn = false;
        self.size += bytes.len() as u64;
        self.next += 1;
        Ok(())
    }

    /// Goes on in a new part, which takes the place of the oldest of the ring.
    fn turn_over(&mut self) -> Result<()> {
        // The folder may have been exchanged for another company's: nothing of ours belongs there.
        if !parts::same(&self.file, &parts::path(&self.folder, self.task, self.slot)) {
            return Err(Error::internal("the log's folder was exchanged while it was written"));
        }
        self.file.sync_data()?;
        let slot = self.slot % parts::RING + 1;
        let path = parts::path(&self.folder, self.task, slot);
        parts::remove(&path)?;
        let mut file = OpenOptions::new().create_new(true).append(true).open(&path)?;
        let before = self.before + self.size;
        let mut head = serde_json::to_vec(&Head { first: self.next, before })?;
        head.push(b'\n');
        file.write_all(&head)?;
        (self.file, self.slot, self.before, self.size) = (file, slot, before, head.len() as u64);
        Ok(())
    }

    /// Brings what was written to the disk.
    pub fn finish(&mut self) -> Result<()> {
        Ok(self.file.sync_data()?)
    }
}

/// Closes the log of a task that nobody carries out any more. A log that cannot be written takes nothing from the task's end.
pub(super) fn last_words(company: &Path, task: &super::Task) {
    let said = Log::open(company, task.id).and_then(|mut log| {
        log.write("", Category::Fatal, task.error.as_str())?;
        log.finish()
    });
    if let Err(error) = said {
        tracing::warn!(task = %task.id, %error, "the log of a task could not be closed");
    }
}

/// "1 line", "2,000 lines"
fn lines(count: u64) -> String {
    let digits = count.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|part| std::str::from_utf8(part).ok()).collect();
    format!("{} {}", groups.join(","), if count == 1 { "line" } else { "lines" })
}

/// Removes the logs of tasks that were deleted. Called once that change stands; a file that stays is told in the
/// program's own log and read by nobody, for numbers of tasks are never used again.
pub(in crate::company) fn forget(company: &Path, tasks: &[Id<Kind>]) {
    for task in tasks {
        for slot in 0..=parts::RING {
            if let Err(cause) = parts::remove(&parts::path(&company.join(parts::FOLDER), *task, slot)) {
                tracing::warn!(%task, %cause, "the log of a deleted task could not be removed");
            }
        }
    }
}

#[cfg(test)]
mod tests;

//! The log of a task: an append-only file of JSON lines in the company's folder, `task-logs/<number>.log`.
//!
//! A line is in the file when [`Log::write`] returns, and on the disk when [`Log::finish`] has. A half line, as a crash may
//! leave it, is passed over by readers and closed by the next writer.

use crate::base::{
    clock::{self, Moment},
    error::Result,
    ids::{Id, Task as Kind},
};
use crate::company::access::{
    Granted,
    permissions::{TaskExecute, TaskView},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Read, Seek, SeekFrom, Write},
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

/// After so many bytes a log takes no more lines but the last words: a script that never stops talking must not fill
/// the disk.
pub const LARGEST: u64 = 64 * 1024 * 1024;

/// Writes the log of a task.
pub struct Log {
    file: File,
    next: i64,
    size: u64,
    full: bool,
}

impl Log {
    /// Opens the log of the task that is carried out, to go on where it ended.
    pub fn of(granted: &Granted<'_, TaskExecute>) -> Result<Log> {
        Log::open(granted.visitor().company().folder(), granted.what().task.id())
    }

    pub(super) fn open(company: &Path, task: Id<Kind>) -> Result<Log> {
        let path = path(company, task);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let last = read(&path, From::Tail(1), 1)?.lines.last().map_or(0, |line| line.n);
        let mut file = OpenOptions::new().create(true).append(true).read(true).open(&path)?;
        let mut size = file.metadata()?.len();
        if size > 0 {
            let mut end = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut end)?;
            if end != *b"\n" {
                file.write_all(b"\n")?;
                size += 1;
            }
        }
        Ok(Log { file, next: last + 1, size, full: size >= LARGEST })
    }

    /// Appends a line. Past [`LARGEST`] only last words (`Fatal`, `Finished`) are still taken.
    pub fn write(&mut self, step: &str, category: Category, text: &str) -> Result<()> {
        let last_words = matches!(category, Category::Fatal | Category::Finished);
        if self.full && !last_words {
            return Ok(());
        }
        if self.size + text.len() as u64 > LARGEST && !last_words {
            self.full = true;
            return self.append(
                step,
                Category::Warning,
                "The log has reached its limit of 64 MiB. What follows is not kept.",
            );
        }
        self.append(step, category, text)
    }

    fn append(&mut self, step: &str, category: Category, text: &str) -> Result<()> {
        let line = Line { n: self.next, at: clock::now(), step: step.into(), category, text: text.into() };
        let mut bytes = serde_json::to_vec(&line)?;
        bytes.push(b'\n');
        self.file.write_all(&bytes)?;
        self.size += bytes.len() as u64;
        self.next += 1;
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
        log.write("", Category::Fatal, &task.error)?;
        log.finish()
    });
    if let Err(error) = said {
        tracing::warn!(task = %task.id, %error, "the log of a task could not be closed");
    }
}

/// Where to begin to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// At the first line.
    Start,
    /// After the line of this number.
    After(i64),
    /// Where an earlier reading ended: [`Lines::next`].
    Offset(u64),
    /// With the last so many lines.
    Tail(usize),
}

/// Lines that were read.
#[derive(Debug, Clone, Default)]
pub struct Lines {
    /// The lines, in order.
    pub lines: Vec<Line>,
    /// Where the next reading begins.
    pub next: u64,
    /// There were more than asked for.
    pub more: bool,
}

/// Reads at most `most` whole lines of a task's log. A task that has said nothing yet has none.
pub fn read_log(granted: &Granted<'_, TaskView>, from: From, most: usize) -> Result<Lines> {
    read(&path(granted.visitor().company().folder(), granted.what().task.id()), from, most)
}

/// Lines that are read at a time for the plain form.
const CHUNK: usize = 5_000;

/// The whole log as plain text, with a head that says what it is of.
pub fn plain(granted: &Granted<'_, TaskView>) -> Result<String> {
    let task = super::show(granted)?;
    let names: BTreeMap<String, String> =
        super::steps(granted)?.into_iter().map(|step| (step.number, step.name)).collect();
    let when = |moment: Option<Moment>| moment.map_or_else(|| "-".to_owned(), Moment::exact);
    let mut text = format!(
        "Task ID:        {}\nTask:           {}\nTask status:    {}\nTask queued:    {}\nTask started:   {}\nTask completed: {}\n",
        task.id,
        task.description,
        task.state.name(),
        when(Some(task.queued_at)),
        when(task.started_at),
        when(task.completed_at)
    );
    let (mut at, mut step) = (From::Start, None);
    loop {
        let read = read_log(granted, at, CHUNK)?;
        for line in &read.lines {
            if step.as_ref() != Some(&line.step) {
                let name = names.get(&line.step).map_or("Task", String::as_str);
                text.push_str(&format!("\n== {} ==\n", format!("{} {name}", line.step).trim()));
                step = Some(line.step.clone());
            }
            text.push_str(&format!("{}   {:<9}| {}\n", line.at.time_of_day(), line.category.name(), line.text));
        }
        if !read.more {
            return Ok(text);
        }
        at = From::Offset(read.next);
    }
}

/// How large a task's log is, in bytes.
pub fn log_size(granted: &Granted<'_, TaskView>) -> Result<u64> {
    match std::fs::metadata(path(granted.visitor().company().folder(), granted.what().task.id())) {
        Ok(facts) => Ok(facts.len()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error.into()),
    }
}

/// Removes the logs of tasks that were deleted. Called once that change stands; a file that stays is told in the
/// program's own log and read by nobody, for numbers of tasks are never used again.
pub(in crate::company) fn forget(company: &Path, tasks: &[Id<Kind>]) {
    for task in tasks {
        match std::fs::remove_file(path(company, *task)) {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(%task, %cause, "the log of a deleted task could not be removed");
            }
            _ => {}
        }
    }
}

fn path(company: &Path, task: Id<Kind>) -> PathBuf {
    company.join("task-logs").join(format!("{}.log", task.0))
}

fn read(path: &Path, from: From, most: usize) -> Result<Lines> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Lines::default()),
        Err(error) => return Err(error.into()),
    };
    let begin = match from {
        From::Start | From::After(_) => 0,
        From::Offset(offset) => offset.min(file.metadata()?.len()),
        From::Tail(count) => tail(&mut file, count)?,
    };
    file.seek(SeekFrom::Start(begin))?;
    let after = if let From::After(n) = from { n } else { 0 };
    let mut reader = BufReader::with_capacity(64 * 1024, file);
    let mut out = Lines { next: begin, ..Lines::default() };
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let read = reader.read_until(b'\n', &mut bytes)?;
        if read == 0 || bytes.last() != Some(&b'\n') {
            return Ok(out);
        }
        let line = serde_json::from_slice::<Line>(&bytes).ok().filter(|line| line.n > after);
        if line.is_some() && out.lines.len() >= most {
            out.more = true;
            return Ok(out);
        }
        out.next += read as u64;
        out.lines.extend(line);
    }
}

/// Where the last `count` whole lines begin.
fn tail(file: &mut File, count: usize) -> Result<u64> {
    let mut at = file.metadata()?.len();
    let mut ends = 0;
    let mut chunk = vec![0; 64 * 1024];
    while at > 0 {
        let length = (chunk.len() as u64).min(at);
        at -= length;
        file.seek(SeekFrom::Start(at))?;
        let part = chunk.get_mut(..length as usize).unwrap_or_default();
        file.read_exact(part)?;
        for (place, _) in part.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n') {
            ends += 1;
            // One end more than lines: that of the line before the first.
            if ends > count {
                return Ok(at + place as u64 + 1);
            }
        }
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lines: &Lines) -> Vec<&str> {
        lines.lines.iter().map(|line| line.text.as_str()).collect()
    }

    #[test]
    fn lines_are_read_from_anywhere() {
        let folder = tempfile::tempdir().unwrap();
        let task = Id::new(7);
        let file = path(folder.path(), task);
        assert!(read(&file, From::Start, 10).unwrap().lines.is_empty());
        let mut log = Log::open(folder.path(), task).unwrap();
        for n in 1..=5 {
            log.write("1", Category::Info, &format!("line {n}")).unwrap();
        }
        log.finish().unwrap();
        let first = read(&file, From::Start, 2).unwrap();
        assert_eq!((texts(&first), first.more), (vec!["line 1", "line 2"], true));
        let rest = read(&file, From::Offset(first.next), 10).unwrap();
        assert_eq!((texts(&rest), rest.more), (vec!["line 3", "line 4", "line 5"], false));
        assert_eq!(texts(&read(&file, From::After(3), 10).unwrap()), ["line 4", "line 5"]);
        assert_eq!(texts(&read(&file, From::Tail(2), 10).unwrap()), ["line 4", "line 5"]);
        assert_eq!(read(&file, From::Tail(20), 10).unwrap().lines.len(), 5);
        log.write("1", Category::Error, "line 6").unwrap();
        assert_eq!(texts(&read(&file, From::Offset(rest.next), 10).unwrap()), ["line 6"]);
    }

    #[test]
    fn a_half_line_is_passed_over_and_closed() {
        let folder = tempfile::tempdir().unwrap();
        let task = Id::new(1);
        let file = path(folder.path(), task);
        Log::open(folder.path(), task).unwrap().write("", Category::Info, "whole").unwrap();
        OpenOptions::new().append(true).open(&file).unwrap().write_all(b"{\"n\":2,\"te").unwrap();
        assert_eq!(texts(&read(&file, From::Start, 10).unwrap()), ["whole"]);
        Log::open(folder.path(), task).unwrap().write("", Category::Fatal, "after").unwrap();
        let lines = read(&file, From::Start, 10).unwrap();
        assert_eq!(texts(&lines), ["whole", "after"]);
        assert_eq!(lines.lines[1].n, 2);
    }

    #[test]
    fn a_log_that_never_ends_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::open(folder.path(), Id::new(1)).unwrap();
        log.size = LARGEST - 10;
        log.write("1", Category::Info, "a line longer than ten").unwrap();
        log.write("1", Category::Info, "x").unwrap();
        log.write("", Category::Fatal, "the end").unwrap();
        let lines = read(&path(folder.path(), Id::new(1)), From::Start, 10).unwrap();
        assert_eq!(lines.lines.len(), 2);
        assert!(lines.lines[0].text.contains("limit"));
        assert_eq!(lines.lines[1].text, "the end");
    }
}

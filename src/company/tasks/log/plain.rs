//! A log as plain text, made piece by piece while it is sent: however long it is, little of it is in memory.

use super::{Category, From, Line, Most, parts, reading};
use crate::base::{
    clock::Moment,
    error::Result,
    ids::{Id, Task as Kind},
    terminal::Neutral,
};
use crate::company::{
    access::{Granted, permissions::TaskView},
    tasks,
};
use std::{collections::BTreeMap, fmt::Write as _, path::PathBuf};

/// So much is read at a time.
const PIECE: Most = Most { lines: 5_000, bytes: 256 * 1024, each: usize::MAX };

/// The text of a log, on its way.
pub struct Plain {
    folder: PathBuf,
    task: Id<Kind>,
    names: BTreeMap<String, String>,
    at: Option<From>,
    text: String,
    step: Option<String>,
    /// The last line goes on: of this step and kind.
    open: Option<(String, Category)>,
    neutral: Neutral,
}

/// The whole log as plain text, with a head that says what it is of: what there is of it now and what is added while it is
/// read. Nothing in it moves or fools a terminal ([`Neutral`]); with `colours` the colours of the output are kept.
pub fn plain(granted: &Granted<'_, TaskView>, colours: bool) -> Result<Plain> {
    let task = tasks::show(granted)?;
    let names = tasks::steps(granted)?.into_iter().map(|step| (step.number, step.name)).collect();
    let when = |moment: Option<Moment>| moment.map_or_else(|| "-".to_owned(), Moment::exact);
    let text = format!(
        "Task ID:        {}\nTask:           {}\nTask status:    {}\nTask queued:    {}\nTask started:   {}\nTask completed: {}\n",
        task.id,
        task.description,
        task.state.name(),
        when(Some(task.queued_at)),
        when(task.started_at),
        when(task.completed_at)
    );
    let folder = granted.visitor().company().folder().join(parts::FOLDER);
    Ok(Plain {
        folder,
        task: task.id,
        names,
        at: Some(From::Start),
        text,
        step: None,
        open: None,
        neutral: Neutral::new(colours),
    })
}

impl Plain {
    /// The next piece; `None` at the end.
    pub fn piece(&mut self) -> Result<Option<Vec<u8>>> {
        if let Some(at) = self.at.take() {
            let read = reading::read(&self.folder, self.task, at, PIECE)?;
            for line in read.lines {
                let open = self.open.take();
                let goes_with = line.from > 0 && open == Some((line.step.clone(), line.category));
                if !goes_with {
                    if open.is_some() {
                        self.end_line();
                    }
                    self.begin(&line);
                }
                self.neutral.add(&line.text, &mut self.text);
                if line.goes_on {
                    self.open = Some((line.step, line.category));
                } else {
                    self.end_line();
                }
            }
            self.at = read.more.then_some(From::Place(read.next));
        }
        if self.at.is_none() && self.open.take().is_some() {
            self.end_line();
        }
        let text = std::mem::take(&mut self.text);
        Ok((!text.is_empty()).then(|| text.into_bytes()))
    }

    fn end_line(&mut self) {
        self.neutral.end_of_line(&mut self.text);
        self.text.push('\n');
    }

    fn begin(&mut self, line: &Line) {
        if self.step.as_ref() != Some(&line.step) {
            let name = self.names.get(&line.step).map_or("Task", String::as_str);
            let _ = write!(self.text, "\n== {} ==\n", format!("{} {name}", line.step).trim());
            self.step = Some(line.step.clone());
        }
        let _ = write!(self.text, "{}   {:<9}| ", line.at.time_of_day(), line.category.name());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::company::tasks::{Log, Text};

    /// Findings F8: the plain text has long lines whole, and in pieces that no reader sees.
    #[test]
    fn the_pieces_of_a_long_line_are_one_line_again() {
        let company = tempfile::tempdir().unwrap();
        let task = Id::new(3);
        let mut log = Log::open(company.path(), task).unwrap();
        log.write("", Category::Info, "begun").unwrap();
        for piece in 0..20 {
            let text = Text { text: "x".repeat(50_000), goes_on: piece < 19 };
            log.write("1", Category::Info, text).unwrap();
        }
        log.write("1", Category::Info, Text { text: "torn".into(), goes_on: true }).unwrap();
        log.write("1", Category::Error, "between").unwrap();
        log.write("1", Category::Info, Text { text: "rest".into(), goes_on: false }).unwrap();
        log.write("1", Category::Info, Text { text: "no end".into(), goes_on: true }).unwrap();
        let names = BTreeMap::from([("1".to_owned(), "Work".to_owned())]);
        let folder = company.path().join(parts::FOLDER);
        let mut plain = Plain {
            folder,
            task,
            names,
            at: Some(From::Start),
            text: String::new(),
            step: None,
            open: None,
            neutral: Neutral::default(),
        };
        let (mut all, mut pieces) = (String::new(), 0);
        while let Some(piece) = plain.piece().unwrap() {
            assert!(piece.len() < 400_000);
            pieces += 1;
            all.push_str(&String::from_utf8(piece).unwrap());
        }
        assert!(pieces > 3);
        let said: Vec<&str> = all.lines().map(|line| line.rsplit("| ").next().unwrap()).collect();
        let long = "x".repeat(1_000_000);
        assert_eq!(said, ["", "== Task ==", "begun", "", "== 1 Work ==", &long, "torn", "between", "rest", "no end"]);
        assert!(all.ends_with('\n'));
    }
}

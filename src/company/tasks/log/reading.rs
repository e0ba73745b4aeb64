//! Reading a log: from any place, so many lines and so many bytes at most, long lines cut where that is asked for.

use super::{
    Line, lines,
    parts::{self, Part},
};
use crate::base::{
    error::Result,
    ids::{Id, Task as Kind},
    names,
};
use crate::company::access::{Granted, permissions::TaskView};
use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Seek, SeekFrom},
    path::Path,
};

/// No line of the file is longer; what is, is damaged and passed over.
const LONGEST: usize = 2 * 1024 * 1024;
/// For the last lines, so much of the file is looked through for each byte that is asked for: long lines are shown cut.
const LOOKED_THROUGH: usize = 4;

/// Where to begin to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// At the first line.
    Start,
    /// After the line of this number.
    After(i64),
    /// Where an earlier reading ended: [`Lines::next`].
    Place(Place),
    /// With the last so many lines.
    Tail(usize),
}

/// A place in a log, as good later on: also when what followed it is gone by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// The part's first line.
    part: i64,
    at: u64,
    /// The last line before it.
    n: i64,
}

/// How much is read at most. At least one line is, if there is any.
#[derive(Debug, Clone, Copy)]
pub struct Most {
    /// So many lines.
    pub lines: usize,
    /// So many bytes of text.
    pub bytes: usize,
    /// Of each line so many bytes: the rest is cut, and of a line in pieces only its beginning and its length are given.
    pub each: usize,
}

impl Most {
    /// So many whole lines, up to 8 MiB.
    pub fn lines(lines: usize) -> Most {
        Most { lines, bytes: 8 * 1024 * 1024, each: usize::MAX }
    }
}

/// Lines that were read.
#[derive(Debug, Clone, Default)]
pub struct Lines {
    /// The lines, in order.
    pub lines: Vec<Line>,
    /// Where the next reading begins.
    pub next: Place,
    /// There is more than was asked for.
    pub more: bool,
}

/// Reads whole lines of a task's log. A task that has said nothing yet has none. Where lines are missing because the log
/// is too long, a line of the kind `Gap` says how many.
pub fn read_log(granted: &Granted<'_, TaskView>, from: From, most: Most) -> Result<Lines> {
    read(&granted.visitor().company().folder().join(parts::FOLDER), granted.what().task.id(), from, most)
}

/// How large a task's log is, in bytes.
pub fn log_size(granted: &Granted<'_, TaskView>) -> Result<u64> {
    let folder = granted.visitor().company().folder().join(parts::FOLDER);
    Ok(parts::all(&folder, granted.what().task.id())?.iter().map(|part| part.length).sum())
}

pub(super) fn read(folder: &Path, task: Id<Kind>, from: From, most: Most) -> Result<Lines> {
    let mut parts = parts::all(folder, task)?;
    let tail = matches!(from, From::Tail(_));
    let (index, at, last) = begin(&parts, from, most)?;
    let after = if let From::After(n) = from { n } else { 0 };
    let part = parts.get(index).map_or(0, |part| part.first);
    let mut out = Lines { next: Place { part, at, n: last }, ..Lines::default() };
    let mut sum = 0;
    let mut before: Option<u64> = None;
    let mut kept = VecDeque::new();
    for (number, part) in parts.iter_mut().enumerate().skip(index) {
        // Where the part before it is gone, lines may be missing.
        let crossed = number > index || (part.first > 0 && at == u64::MAX);
        let begin = if number == index && at != u64::MAX { at } else { part.begin };
        let missing = before.map(|end| part.before.saturating_sub(end)).unwrap_or_default();
        before = Some(part.before + part.length);
        part.file.seek(SeekFrom::Start(begin))?;
        let mut reader = BufReader::with_capacity(64 * 1024, &part.file);
        let (mut bytes, mut entered, mut here) = (Vec::new(), crossed, begin);
        loop {
            let read = next_line(&mut reader, &mut bytes)?;
            if read == 0 {
                break;
            }
            here += read;
            let line = serde_json::from_slice::<Line>(&bytes).ok().filter(|line| line.n > after);
            let n = line.as_ref().map_or(0, |line| line.n);
            let gap = line.as_ref().filter(|line| entered && out.next.n > 0 && line.n > out.next.n + 1);
            let gap = gap.map(|line| gap_before(line, out.next.n, missing));
            for found in gap.into_iter().chain(line.and_then(|line| shortened(line, most.each))) {
                let size = found.text.len();
                if (kept.len() >= most.lines || sum + size > most.bytes) && !tail && !kept.is_empty() {
                    return Ok(Lines { lines: kept.into(), more: true, ..out });
                }
                sum += size;
                out.next.n = found.n;
                kept.push_back(found);
            }
            entered &= n == 0;
            // Only now: whoever goes on from before a gap must be told of it.
            out.next = Place { part: part.first, at: here, n: out.next.n.max(n) };
            // Of the last lines those that fit; the others are let go at once.
            while tail && sum > most.bytes && kept.len() > 1 {
                sum -= kept.pop_front().map_or(0, |line: Line| line.text.len());
            }
        }
    }
    Ok(Lines { lines: kept.into(), ..out })
}

/// In which part and where in it to begin, and the last line before that; `u64::MAX` for the beginning of a part whose
/// predecessor is gone.
fn begin(parts: &[Part], from: From, most: Most) -> Result<(usize, u64, i64)> {
    let start = |index: usize| parts.get(index).map_or(0, |part| part.begin);
    Ok(match from {
        From::Start => (0, start(0), 0),
        From::Place(place) => match parts.iter().position(|part| part.first >= place.part) {
            Some(index) if parts.get(index).is_some_and(|part| part.first == place.part) => {
                (index, place.at.min(parts.get(index).map_or(0, |part| part.length)), place.n)
            }
            Some(index) => (index, u64::MAX, place.n),
            None => (parts.len(), place.at, place.n),
        },
        From::After(n) => {
            let index = parts.iter().rposition(|part| part.first <= n).unwrap_or(0);
            match parts.get(index) {
                Some(part) => (index, after(part, n)?, n),
                None => (0, 0, n),
            }
        }
        From::Tail(count) => {
            let mut count = count;
            let mut bytes = most.bytes.saturating_mul(LOOKED_THROUGH) as u64;
            let mut found = (0, start(0), 0);
            for (index, part) in parts.iter().enumerate().rev() {
                let (at, lines) = part.tail(count, bytes)?;
                found = (index, at, 0);
                count -= lines.min(count);
                bytes = bytes.saturating_sub(part.length - at);
                if at > part.begin || count == 0 || bytes == 0 {
                    break;
                }
            }
            found
        }
    })
}

/// A place in a part before which all lines have numbers up to `n`, and not long before the first that has not: found by
/// halving, so that whoever comes back to a long log does not read all of it again.
fn after(part: &Part, n: i64) -> Result<u64> {
    let (mut low, mut high) = (part.begin, part.length);
    let mut bytes = Vec::new();
    while high - low > 128 * 1024 {
        let middle = low + (high - low) / 2;
        let mut file = &part.file;
        file.seek(SeekFrom::Start(middle))?;
        let mut reader = BufReader::with_capacity(16 * 1024, file);
        // What is left of the line in whose middle it is, then whole ones; one that cannot be read has no number.
        let mut at = middle + next_line(&mut reader, &mut bytes)?;
        let found = loop {
            let read = next_line(&mut reader, &mut bytes)?;
            if read == 0 || at >= high {
                break None;
            }
            if let Ok(line) = serde_json::from_slice::<Line>(&bytes) {
                break Some(line.n);
            }
            at += read;
        };
        match found {
            Some(number) if number <= n => low = at,
            _ => high = middle,
        }
    }
    Ok(low)
}

/// Takes the next whole line with its end; its length, or 0 when there is no whole line any more. Of one that is too long
/// only a part is kept.
fn next_line(reader: &mut impl BufRead, bytes: &mut Vec<u8>) -> Result<u64> {
    bytes.clear();
    let mut length = 0;
    loop {
        let there = reader.fill_buf()?;
        if there.is_empty() {
            return Ok(0);
        }
        let end = there.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        let taken = end.unwrap_or(there.len());
        if bytes.len() <= LONGEST {
            bytes.extend_from_slice(there.get(..taken).unwrap_or_default());
        }
        reader.consume(taken);
        length += taken as u64;
        if end.is_some() {
            return Ok(length);
        }
    }
}

/// What is missing because the log is too long.
fn gap_before(line: &Line, last: i64, bytes: u64) -> Line {
    let missing = lines((line.n - 1 - last).unsigned_abs());
    let size = if bytes > 0 { format!(" ({})", names::bytes(bytes)) } else { String::new() };
    let text =
        format!("… {missing}{size} left out here: of a log that is too long the beginning and the end are kept. …");
    Line::gap_before(line, text)
}

/// The line as somebody sees it who does not want more of it than `each`; `None` for a piece within a long line.
fn shortened(mut line: Line, each: usize) -> Option<Line> {
    let length = line.text.len();
    if each == usize::MAX || (line.from == 0 && !line.goes_on && length <= each) {
        return Some(line);
    }
    if line.from > 0 {
        line.text = format!("… (cut: the line above has {} in all)", names::bytes(line.from + length as u64));
        line.cut = true;
        return (!line.goes_on).then_some(line);
    }
    line.text.truncate(line.text.floor_char_boundary(each));
    let rest = if line.goes_on { "goes on".to_owned() } else { format!("has {} in all", names::bytes(length as u64)) };
    line.text.push_str(&format!(" … (cut: this line {rest})"));
    line.cut = true;
    Some(line)
}

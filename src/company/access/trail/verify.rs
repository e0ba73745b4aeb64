//! Whether the trail is what was written: event by event, archive by archive, against what the company signed.

use super::{Signer, archive, chain, checkpoint};
use crate::base::error::Result;
use checkpoint::Checkpoint;
use rusqlite::Connection;
use sha2::{Digest, Sha256};
use std::{
    collections::VecDeque,
    fmt,
    io::{BufRead, BufReader},
    path::Path,
};

/// A trail that is whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// How many events there are in all, archived ones with them.
    pub events: i64,
    /// How many of them lie in archives.
    pub archived: i64,
    /// How many checkpoints the company's own file has.
    pub checkpoints: i64,
    /// The last event that a checkpoint covers.
    pub signed_to: i64,
    /// How many checkpoints of the other file were compared.
    pub elsewhere: i64,
    /// The fingerprint of the company's signing key.
    pub key: String,
    /// The public half of the signing key, in hex.
    pub public_key: String,
}

/// The first thing that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The first event it concerns, if it is one.
    pub event: Option<i64>,
    /// What is wrong, in words.
    pub what: String,
}

impl Finding {
    fn at(event: i64, what: impl Into<String>) -> Finding {
        Finding { event: Some(event), what: what.into() }
    }
    fn beside(what: impl Into<String>) -> Finding {
        Finding { event: None, what: what.into() }
    }
}
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

/// Either the trail is whole so far, or this is wrong.
type Found<T> = std::result::Result<T, Finding>;

/// Walks the trail once, from its first event on, in constant memory. `elsewhere` is a file with checkpoints that were
/// kept in another place.
pub fn verify(
    connection: &Connection,
    folder: &Path,
    signer: &Signer,
    elsewhere: Option<&Path>,
) -> Result<Found<Verified>> {
    let (own, mut later) = own_checkpoints(folder, signer)?;
    let others = match elsewhere.map(|path| other_checkpoints(path, signer)).transpose()? {
        Some(Ok(others)) => others,
        Some(Err(finding)) => {
            later = later.or(Some(finding));
            Vec::new()
        }
        None => Vec::new(),
    };
    let verified = Verified {
        checkpoints: own.last().map_or(0, |last| last.number),
        elsewhere: others.len() as i64,
        key: signer.fingerprint(),
        public_key: data_encoding::HEXLOWER.encode(&signer.public()),
        ..Verified::default()
    };
    let mut signed: Vec<(Checkpoint, &'static str)> = own.into_iter().map(|one| (one, "checkpoint")).collect();
    signed.extend(others.into_iter().map(|one| (one, "checkpoint kept elsewhere,")));
    signed.sort_by_key(|(one, _)| one.event);
    let mut walk = Walk { hash: chain::genesis(signer.company()), last: 0, signed_to: 0, signed: signed.into() };
    let found = finish(connection, folder, signer, &mut walk, verified)?;
    let written_since = checkpoint::last(folder)?.filter(|last| last.is_signed(signer)).map_or(0, |last| last.number);
    Ok(found.and_then(|(verified, written)| match later {
        Some(finding) => Err(finding),
        // One that was written between the look at the file and the view of the database stands there now.
        None if written > verified.checkpoints.max(written_since) => Err(Finding::beside(format!(
            "checkpoint {} is missing: {written} were written, checkpoints.jsonl ends with {}",
            verified.checkpoints + 1,
            verified.checkpoints
        ))),
        None => Ok(verified),
    }))
}

/// The walk; with it how many checkpoints were written.
fn finish(
    connection: &Connection,
    folder: &Path,
    signer: &Signer,
    walk: &mut Walk,
    verified: Verified,
) -> Result<Found<(Verified, i64)>> {
    for stone in archive::tombstones(connection)? {
        if let Err(finding) = archived(folder, signer, walk, &stone)? {
            return Ok(Err(finding));
        }
    }
    let archived = walk.last;
    if let Err(finding) = stored(connection, walk)? {
        return Ok(Err(finding));
    }
    if let Some((ahead, source)) = walk.signed.back() {
        let from = walk.last + 1;
        let said =
            format!("{source} {} signed event {}, the trail ends at event {}", ahead.number, ahead.event, walk.last);
        return Ok(Err(Finding::at(from, format!("{}: {said}", missing(from, ahead.event)))));
    }
    let end = chain::end(connection, signer)?;
    if let Some(damage) = end.damage {
        return Ok(Err(Finding::at((walk.last + 1).min(end.event).max(1), damage)));
    }
    let verified = Verified { events: walk.last, archived, signed_to: walk.signed_to, ..verified };
    Ok(Ok((verified, end.checkpoints)))
}

fn missing(from: i64, to: i64) -> String {
    if from == to { format!("event {from} is missing") } else { format!("events {from} to {to} are missing") }
}

/// The company's own checkpoints up to the first that is not right, and what is wrong with that one.
fn own_checkpoints(folder: &Path, signer: &Signer) -> Result<(Vec<Checkpoint>, Option<Finding>)> {
    let path = checkpoint::path(folder);
    if !path.exists() {
        return Ok((Vec::new(), None));
    }
    let mut right: Vec<Checkpoint> = Vec::new();
    let lines = checkpoint::lines(&path)?;
    let count = lines.len();
    for (at, (number, line)) in lines.into_iter().enumerate() {
        let wrong = match line {
            // The last line may have been cut off by a crash; the end of the trail says whether it counts.
            None if at + 1 == count => break,
            None => Some("is no checkpoint"),
            Some(line) if !line.is_signed(signer) => Some("is not signed by this company"),
            Some(line) if !line.follows(right.last()) => Some("does not follow the line before"),
            Some(line) => {
                right.push(line);
                None
            }
        };
        if let Some(wrong) = wrong {
            return Ok((right, Some(Finding::beside(format!("line {number} of checkpoints.jsonl {wrong}")))));
        }
    }
    Ok((right, None))
}

/// The checkpoints of this company in a file that was kept elsewhere. Lines may be missing there, and lines of other
/// companies may stand between.
fn other_checkpoints(path: &Path, signer: &Signer) -> Result<Found<Vec<Checkpoint>>> {
    let mut own = Vec::new();
    for (number, line) in checkpoint::lines(path)? {
        let Some(line) = line.filter(|line| line.company == signer.company()) else { continue };
        if !line.is_signed(signer) {
            let what = format!("line {number} of {} is not signed by this company", path.display());
            return Ok(Err(Finding::beside(what)));
        }
        own.push(line);
    }
    if own.is_empty() {
        return Ok(Err(Finding::beside(format!("{} holds no checkpoint of this company", path.display()))));
    }
    Ok(Ok(own))
}

/// How far the walk has come.
struct Walk {
    hash: [u8; 32],
    last: i64,
    signed_to: i64,
    signed: VecDeque<(Checkpoint, &'static str)>,
}

impl Walk {
    /// One event more: its number, the hash stored with it, and the hash it must have.
    fn step(&mut self, id: i64, stored: &[u8], right: [u8; 32]) -> Found<()> {
        let expected = self.last + 1;
        if id != expected {
            let what = match id > expected {
                true => format!("{}: event {id} stands in its place", missing(expected, id - 1)),
                false => format!("event {id} stands after event {}", self.last),
            };
            return Err(Finding::at(expected.min(id), what));
        }
        if right[..] != *stored {
            return Err(Finding::at(id, format!("event {id} is not what was written")));
        }
        (self.hash, self.last) = (right, id);
        self.compare(id)
    }

    /// Compares what was signed up to here with what is here. Signed events that cannot be seen any more are passed over.
    fn compare(&mut self, id: i64) -> Found<()> {
        while let Some((signed, source)) = self.signed.front().filter(|(signed, _)| signed.event <= id) {
            if signed.event == id && signed.hash != self.hash {
                let from = self.signed_to + 1;
                let what = format!(
                    "event {id} is not the one that {source} {} signed: events from {from} to {id} were written anew",
                    signed.number
                );
                return Err(Finding::at(from, what));
            }
            if signed.event == id {
                self.signed_to = id;
            }
            self.signed.pop_front();
        }
        Ok(())
    }
}

/// What is in the table.
fn stored(connection: &Connection, walk: &mut Walk) -> Result<Found<()>> {
    let mut statement = connection.prepare(&format!("SELECT {} FROM events ORDER BY id", chain::COLUMNS))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let Ok((event, stored)) = chain::Row::read(row) else {
            let next = walk.last + 1;
            return Ok(Err(Finding::at(next, format!("event {next} cannot be read"))));
        };
        let right = event.hash(&walk.hash);
        if let Err(finding) = walk.step(event.id, stored, right) {
            return Ok(Err(finding));
        }
        // What somebody put at the end by hand can hang together; that it was found there is told by the event after it.
        if event.category == b"TrailDamaged" {
            let [.., message, _, _] = event.texts;
            let what = format!("event {} tells of damage: {}", event.id, String::from_utf8_lossy(message));
            return Ok(Err(Finding::at(event.id, what)));
        }
    }
    Ok(Ok(()))
}

/// What lies in one archive.
fn archived(folder: &Path, signer: &Signer, walk: &mut Walk, stone: &archive::Tombstone) -> Result<Found<()>> {
    let about = &stone.archive;
    if about.first != walk.last + 1 || !stone.is_signed(signer, &walk.hash) {
        let what = format!(
            "the tombstone of {} (events {} to {}) is not the one that was signed",
            about.file, about.first, about.last
        );
        return Ok(Err(Finding::at(walk.last + 1, what)));
    }
    let path = archive::path(folder, about);
    match stone.is_removed(signer) {
        Some(false) => {
            let what = format!("the tombstone of {} says that it was removed, and this is not signed", about.file);
            return Ok(Err(Finding::at(about.first, what)));
        }
        Some(true) => {
            (walk.hash, walk.last) = (stone.hash, about.last);
            return Ok(walk.compare(about.last));
        }
        None if !path.exists() => {
            let what = format!("the archive {} with events {} to {} is missing", about.file, about.first, about.last);
            return Ok(Err(Finding::at(about.first, what)));
        }
        None => {}
    }
    let mut digest = Sha256::new();
    let mut file = BufReader::new(std::fs::File::open(&path)?);
    let mut line = Vec::new();
    while file.read_until(b'\n', &mut line)? > 0 {
        digest.update(&line);
        let next = walk.last + 1;
        let changed =
            || Finding::at(next, format!("event {next} in the archive {} is not what was written", about.file));
        let Ok(event) = serde_json::from_slice::<archive::Line>(&line) else { return Ok(Err(changed())) };
        let Some((stored, right)) = event.hashes(&walk.hash) else { return Ok(Err(changed())) };
        if event.id != next || stored != right {
            return Ok(Err(changed()));
        }
        if let Err(finding) = walk.step(event.id, &stored, right) {
            return Ok(Err(finding));
        }
        line.clear();
    }
    let whole: [u8; 32] = digest.finalize().into();
    if walk.last != about.last || walk.hash != stone.hash || whole != stone.digest {
        let from = (walk.last + 1).min(about.last);
        return Ok(Err(Finding::at(from, format!("the archive {} is not what was archived", about.file))));
    }
    Ok(Ok(()))
}

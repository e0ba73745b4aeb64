//! Checkpoints: signed lines in `checkpoints.jsonl` beside the database, each saying which hash the trail had at which
//! event. Whoever rewrites the trail and its hashes cannot sign them anew; whoever keeps a copy of the lines elsewhere
//! (`bulkhead verify --checkpoints`) finds also a file that was put back to an earlier day.

use super::{Signer, chain, outside};
use crate::{
    base::{
        clock::{self, Moment},
        error::{Error, FaultKind, Result},
    },
    store::Store,
};
use data_encoding::{BASE64, HEXLOWER};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{BufRead, BufReader, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};
use uuid::Uuid;

/// So many events after a checkpoint the next one is written.
pub const EVERY: i64 = 1000;
/// The longest line that is looked for at the end of the file.
const LONGEST: u64 = 4096;

/// The file of a company's checkpoints.
pub fn path(folder: &Path) -> PathBuf {
    folder.join("checkpoints.jsonl")
}

/// One signed line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Its number, from 1.
    pub number: i64,
    /// The company's id.
    pub company: Uuid,
    /// The last event it covers.
    pub event: i64,
    /// When it was written.
    pub at: Moment,
    pub(super) hash: [u8; 32],
    before: [u8; 32],
    signature: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    checkpoint: i64,
    company: Uuid,
    event: i64,
    hash: String,
    at: String,
    before: String,
    key: String,
    signature: String,
}

impl Checkpoint {
    fn message(&self) -> Vec<u8> {
        // Fixed lengths all: nothing can be read in two ways.
        let mut message = b"bulkhead checkpoint 1\0".to_vec();
        message.extend(self.number.to_be_bytes());
        message.extend(self.company.as_bytes());
        message.extend(self.event.to_be_bytes());
        message.extend(self.hash);
        message.extend(self.at.0.to_be_bytes());
        message.extend(self.before);
        message
    }
    fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(self.message());
        digest.update(&self.signature);
        digest.finalize().into()
    }
    /// Whether this company signed it.
    pub(super) fn is_signed(&self, signer: &Signer) -> bool {
        self.company == signer.company() && signer.signed(&self.message(), &self.signature)
    }
    /// Whether it is the one after another.
    pub(super) fn follows(&self, other: Option<&Checkpoint>) -> bool {
        let (number, before) = other.map_or((0, [0; 32]), |other| (other.number, other.digest()));
        self.number == number + 1 && self.before == before
    }
    /// As it stands in the file, without the end of the line. `key` is the public half of the signing key.
    fn line(&self, signer: &Signer) -> Result<String> {
        Ok(serde_json::to_string(&Line {
            checkpoint: self.number,
            company: self.company,
            event: self.event,
            hash: HEXLOWER.encode(&self.hash),
            at: self.at.wire(),
            before: HEXLOWER.encode(&self.before),
            key: HEXLOWER.encode(&signer.public()),
            signature: BASE64.encode(&self.signature),
        })?)
    }
    /// Reads a line; what stands before the first brace is left out, so that lines of a system log can be read too.
    pub fn parse(line: &str) -> Option<Checkpoint> {
        let line: Line = serde_json::from_str(&line[line.find('{')?..]).ok()?;
        let digest = |text: &str| HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok();
        Some(Checkpoint {
            number: line.checkpoint,
            company: line.company,
            event: line.event,
            at: Moment::parse(&line.at)?,
            hash: digest(&line.hash)?,
            before: digest(&line.before)?,
            signature: BASE64.decode(line.signature.as_bytes()).ok()?,
        })
    }
}

/// The file, locked against other processes for as long as it is held. `None` when another holds it.
fn open(folder: &Path) -> Result<Option<File>> {
    let path = path(folder);
    let fresh = !path.exists();
    let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(cause)) => return Err(cause.into()),
    }
    if fresh {
        File::open(folder)?.sync_all()?;
    }
    Ok(Some(file))
}

/// The last whole line of the file; what a crash left unfinished after it is cut off.
fn tail(file: &mut File) -> Result<Option<Checkpoint>> {
    let length = file.metadata()?.len();
    let from = length.saturating_sub(LONGEST);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    if whole < bytes.len() {
        file.set_len(from + whole as u64)?;
    }
    let text = String::from_utf8_lossy(&bytes[..whole]);
    Ok(text.lines().next_back().and_then(Checkpoint::parse))
}

/// The last checkpoint that was written.
pub fn last(folder: &Path) -> Result<Option<Checkpoint>> {
    let Ok(file) = File::open(path(folder)) else { return Ok(None) };
    let length = file.metadata()?.len();
    let mut file = BufReader::new(file);
    file.seek(SeekFrom::Start(length.saturating_sub(LONGEST)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).lines().filter_map(Checkpoint::parse).next_back())
}

/// The whole lines after a number, at most a hundred of them. Reads from where they can begin: a file grows for years.
pub fn after(folder: &Path, number: i64) -> Result<Vec<(Checkpoint, String)>> {
    let newest = last(folder)?.map_or(0, |last| last.number);
    if newest <= number {
        return Ok(Vec::new());
    }
    let Ok(mut file) = File::open(path(folder)) else { return Ok(Vec::new()) };
    let most = (newest - number).unsigned_abs().saturating_add(1).saturating_mul(LONGEST);
    let start = file.metadata()?.len().saturating_sub(most);
    file.seek(SeekFrom::Start(start))?;
    let mut found = Vec::new();
    for line in BufReader::new(file).split(b'\n') {
        // The first may begin in the middle of a character.
        let line = String::from_utf8_lossy(&line?).into_owned();
        if let Some(checkpoint) = Checkpoint::parse(&line).filter(|one| one.number > number) {
            found.push((checkpoint, line));
        }
        if found.len() == 100 {
            break;
        }
    }
    Ok(found)
}

/// What a checkpoint is written of.
pub struct Trail<'a> {
    /// The company's folder.
    pub folder: &'a Path,
    /// Its file.
    pub store: &'a Store,
    /// Its hand.
    pub signer: &'a Signer,
    /// Where it is kept, outside the folder, how far the trail had come.
    pub outside: Option<&'a Path>,
}

/// Writes a checkpoint of the trail as it is now, and outside the folder how far it has come. What is missing since it was
/// last signed is told first. `None` when there is nothing new, or another process writes one. `still_here` says whether
/// the folder still holds the file that is open: another company may have taken its place.
pub fn write(trail: &Trail<'_>, still_here: impl Fn() -> bool) -> Result<Option<Checkpoint>> {
    let Trail { folder, store, signer, outside } = *trail;
    if !still_here() {
        return Ok(None);
    }
    let Some(mut file) = open(folder)? else { return Ok(None) };
    // Asked again: what was opened lies in the folder that is there now.
    if !still_here() {
        return Ok(None);
    }
    let last = tail(&mut file)?;
    let mut end = viewed(store, |view| chain::end(view, signer))?;
    if end.damage.is_some() || end.event == 0 {
        return Ok(None);
    }
    if let Some(outside) = outside {
        let behind = viewed(store, |view| outside::behind(view, signer, outside))?;
        if let Some((_, what)) = behind {
            store.write(|connection| super::tell_damage(connection, signer, &what))?;
            end = viewed(store, |view| chain::end(view, signer))?;
        }
    }
    let written = match last.as_ref().is_some_and(|last| last.event >= end.event) {
        true => None,
        false => Some(add(file, last, &end, trail)?),
    };
    if let Some(outside) = outside {
        outside::write(outside, signer, &end)?;
    }
    Ok(written)
}

/// One view: the end and the mark of the end belong together.
fn viewed<T>(store: &Store, look: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
    let reader = store.reader()?;
    look(&*reader.unchecked_transaction()?)
}

fn add(mut file: File, last: Option<Checkpoint>, end: &chain::End, trail: &Trail<'_>) -> Result<Checkpoint> {
    let signer = trail.signer;
    let mut next = Checkpoint {
        number: last.as_ref().map_or(0, |last| last.number).max(end.checkpoints) + 1,
        company: signer.company(),
        event: end.event,
        hash: end.hash,
        at: clock::now(),
        before: last.as_ref().map_or([0; 32], Checkpoint::digest),
        signature: Vec::new(),
    };
    next.signature = signer.sign(&next.message()).to_vec();
    file.write_all(format!("{}\n", next.line(signer)?).as_bytes())?;
    file.sync_data()?;
    trail.store.write(|connection| {
        let end = chain::end(connection, signer)?;
        // A damaged end keeps what it shows; the next event tells it.
        if end.damage.is_none() {
            chain::store_end(connection, signer, &chain::End { checkpoints: next.number, ..end })?;
        }
        Ok(())
    })?;
    Ok(next)
}

/// Does `work` while nobody writes a checkpoint, then copies the file as it is: never newer than a copy of the database
/// that `work` made.
///
/// # Errors
/// `Conflict` when another process writes checkpoints for longer than a moment.
pub fn copy_after(folder: &Path, to: &Path, work: impl FnOnce() -> Result<()>) -> Result<()> {
    for _ in 0..50 {
        if let Some(mut held) = open(folder)? {
            work()?;
            held.seek(SeekFrom::Start(0))?;
            let mut copy = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(to)?;
            std::io::copy(&mut held, &mut copy)?;
            copy.sync_all()?;
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    Err(Error::Conflict("Another process works on the checkpoints of this company. Try again in a moment.".into()))
}

/// The lines of a file of checkpoints, each with its number in the file; `None` for a line that is no checkpoint.
///
/// # Errors
/// `Fault` with the path when it cannot be read.
pub fn lines(path: &Path) -> Result<Vec<(usize, Option<Checkpoint>)>> {
    let read = || -> std::io::Result<Vec<(usize, Option<Checkpoint>)>> {
        let mut all = Vec::new();
        for (at, line) in BufReader::new(File::open(path)?).split(b'\n').enumerate() {
            // What is no text is no checkpoint either.
            let line = line?;
            let line = String::from_utf8_lossy(&line);
            if !line.trim().is_empty() {
                all.push((at + 1, Checkpoint::parse(&line)));
            }
        }
        Ok(all)
    };
    read().map_err(|cause| match Error::from(cause) {
        Error::Internal(cause) => Error::fault(FaultKind::Foreign, format!("this cannot be read: {cause:#}")).at(path),
        error => error.at(path),
    })
}

//! How far the trail had come when this server last signed it, kept outside the company's folder: `trails/SLUG.json` in the
//! data folder, marked with the company's key. Whoever puts an older state of the whole folder back, its own marks and
//! checkpoints with it, is found by what stands here. A missing file says nothing: it is written with the next checkpoint.

use super::{Signer, chain::End};
use crate::base::{
    clock::{self, Moment},
    error::Result,
};
use data_encoding::HEXLOWER;
use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};
use uuid::Uuid;

/// What was seen last.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    event: i64,
    hash: [u8; 32],
    at: Moment,
}

#[derive(Serialize, Deserialize)]
struct Line {
    company: Uuid,
    event: i64,
    hash: String,
    at: String,
    mark: String,
}

/// What a file says.
enum Known {
    /// Nothing of this company.
    Nothing,
    /// Of this company, but not by its key.
    Spoilt,
    Seen(Seen),
}

impl Seen {
    fn mark(&self, signer: &Signer) -> [u8; 32] {
        let mut message = b"bulkhead trail as seen 1\0".to_vec();
        message.extend(signer.company().as_bytes());
        message.extend(self.event.to_be_bytes());
        message.extend(self.hash);
        message.extend(self.at.0.to_be_bytes());
        signer.mark(&message)
    }

    fn of(line: &Line, signer: &Signer) -> Option<Seen> {
        let digest = |text: &str| -> Option<[u8; 32]> { HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok() };
        let seen = Seen { event: line.event, hash: digest(&line.hash)?, at: Moment::parse(&line.at)? };
        let genuine = subtle::ConstantTimeEq::ct_eq(&digest(&line.mark)?[..], &seen.mark(signer)[..]);
        bool::from(genuine).then_some(seen)
    }
}

fn read(path: &Path, signer: &Signer) -> Result<Known> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(Known::Nothing),
        Err(cause) => return Err(cause.into()),
    };
    Ok(match serde_json::from_slice::<Line>(&bytes) {
        // A company that had this slug before.
        Ok(line) if line.company != signer.company() => Known::Nothing,
        Ok(line) => Seen::of(&line, signer).map_or(Known::Spoilt, Known::Seen),
        Err(_) => Known::Spoilt,
    })
}

/// What ends the name of such a file that is not written to its end yet (`appliance/trails.rs` sweeps what is left of one).
const UNFINISHED: &str = "new";

/// What is missing of the trail, or was written anew, since this server last signed it: the first event it concerns, and
/// what is wrong, in words.
pub fn behind(connection: &Connection, signer: &Signer, path: &Path) -> Result<Option<(i64, String)>> {
    let seen = match read(path, signer)? {
        Known::Nothing => return Ok(None),
        Known::Spoilt => {
            let what = format!("{} was changed by hand: it says how far the trail had come", path.display());
            return Ok(Some((1, what)));
        }
        Known::Seen(seen) => seen,
    };
    let number = |sql: &str| connection.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0));
    let last = number("SELECT COALESCE(max(id), 0) FROM events")?;
    let last = last.max(number("SELECT COALESCE(max(last), 0) FROM tombstones")?);
    let when = seen.at.exact();
    if seen.event > last {
        let from = last + 1;
        let events = match from == seen.event {
            true => format!("event {from} is"),
            false => format!("events {from} to {} are", seen.event),
        };
        let what = format!(
            "{events} missing at its end: event {} was here on {when}, the trail ends at event {last}",
            seen.event
        );
        return Ok(Some((from, what)));
    }
    let of = |sql: &str| -> rusqlite::Result<Option<Vec<u8>>> {
        connection.prepare_cached(sql)?.query_row([seen.event], |row| row.get(0)).optional()
    };
    let hash = match of("SELECT hash FROM events WHERE id = ?1")? {
        Some(hash) => Some(hash),
        None => of("SELECT hash FROM tombstones WHERE last = ?1")?,
    };
    match hash {
        Some(hash) if hash[..] == seen.hash => Ok(None),
        Some(_) => {
            let what =
                format!("event {} is not the one that was here on {when}: the trail was written anew", seen.event);
            Ok(Some((seen.event, what)))
        }
        // In the middle of a day that was archived since: its file shows it.
        None if of("SELECT 1 FROM tombstones WHERE ?1 BETWEEN first AND last")?.is_some() => Ok(None),
        None => Ok(Some((seen.event, format!("event {} is missing: it was here on {when}", seen.event)))),
    }
}

/// Writes down how far the trail has come, unless that stands there already; whole or not at all. The caller holds the
/// lock of the checkpoints.
pub fn write(path: &Path, signer: &Signer, end: &End) -> Result<()> {
    if let Known::Seen(seen) = read(path, signer)?
        && (seen.event, seen.hash) == (end.event, end.hash)
    {
        return Ok(());
    }
    let seen = Seen { event: end.event, hash: end.hash, at: clock::now() };
    let line = Line {
        company: signer.company(),
        event: seen.event,
        hash: HEXLOWER.encode(&seen.hash),
        at: seen.at.wire(),
        mark: HEXLOWER.encode(&seen.mark(signer)),
    };
    let text = format!("{}\n", serde_json::to_string(&line)?);
    let aside = path.with_extension(UNFINISHED);
    for attempt in 1.. {
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
        // Whoever sweeps up what a crash left takes only what nobody holds.
        file.lock()?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        match fs::rename(&aside, path) {
            // It was swept between its making and its locking.
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound && attempt < 3 => {}
            moved => {
                moved?;
                break;
            }
        }
    }
    if let Some(folder) = path.parent() {
        fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

//! How far the trail had come when this server last signed it, kept outside the company's folder: `trails/SLUG.json` in the
//! data folder, marked with the company's key. Whoever puts an older state of the whole folder back, its own marks and
//! checkpoints with it, is found by what stands here. A missing file says nothing: it is written with the next checkpoint.
//!
//! The file has two places for a line, written in turn: what is written to a place that is there costs no change of the file
//! system, and when the power fails in the middle of one line, the other stands.

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
    os::unix::fs::{FileExt, OpenOptionsExt},
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
    /// Nothing at all.
    Blank,
    /// Something of another company.
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

/// The length of a place, in bytes: no disk writes half of it.
const PLACE: usize = 512;

/// What the places say, the first and the second.
fn places(path: &Path, signer: &Signer) -> Result<Option<[Known; 2]>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(cause.into()),
    };
    let (first, second) = bytes.split_at_checked(PLACE).unwrap_or((&bytes, &[]));
    Ok(Some([first, second].map(|place| known(place, signer))))
}

fn known(place: &[u8], signer: &Signer) -> Known {
    if place.iter().all(u8::is_ascii_whitespace) {
        return Known::Blank;
    }
    match serde_json::from_slice::<Line>(place) {
        // A company that had this slug before.
        Ok(line) if line.company != signer.company() => Known::Nothing,
        Ok(line) => Seen::of(&line, signer).map_or(Known::Spoilt, Known::Seen),
        Err(_) => Known::Spoilt,
    }
}

fn read(path: &Path, signer: &Signer) -> Result<Known> {
    Ok(match places(path, signer)? {
        None => Known::Nothing,
        Some([Known::Seen(one), Known::Seen(two)]) => Known::Seen(if one.event > two.event { one } else { two }),
        Some([Known::Seen(one), _] | [_, Known::Seen(one)]) => Known::Seen(one),
        Some([Known::Nothing, _] | [_, Known::Nothing]) => Known::Nothing,
        Some(_) => Known::Spoilt,
    })
}

/// What ends the name of such a file that is not written to its end yet (`appliance/trails.rs` sweeps what is left of one).
const UNFINISHED: &str = "new";

/// What is missing of the trail, or was written anew, since this server last signed it: the first event it concerns, and
/// what is wrong, in words.
pub fn behind(connection: &Connection, signer: &Signer, path: &Path) -> Result<Option<(i64, String)>> {
    let seen = match read(path, signer)? {
        Known::Nothing | Known::Blank => return Ok(None),
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
    let places = places(path, signer)?;
    let stands = |place: &Known| matches!(place, Known::Seen(seen) if (seen.event, seen.hash) == (end.event, end.hash));
    if places.iter().flatten().any(stands) {
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
    // Blanks up to the end of its place.
    let text = format!("{:<width$}\n", serde_json::to_string(&line)?, width = PLACE - 1);
    // What was here before goes on only where the trail does: of one that was written anew no old place stays.
    let (older, goes_on) = match &places {
        Some([Known::Seen(one), Known::Seen(two)]) if one.event > two.event => (1, one.event < seen.event),
        Some([Known::Seen(_), Known::Seen(two)]) => (0, two.event < seen.event),
        Some([Known::Seen(one), Known::Blank]) => (1, one.event < seen.event),
        Some([Known::Blank, Known::Seen(two)]) => (0, two.event < seen.event),
        _ => (0, false),
    };
    if goes_on && let Some(()) = in_place(path, older, &text)? {
        return Ok(());
    }
    anew(path, &format!("{text}{:<width$}\n", "", width = PLACE - 1))
}

/// Writes one place of a file that has both. `None` when this one has not.
fn in_place(path: &Path, place: usize, text: &str) -> Result<Option<()>> {
    let file = fs::OpenOptions::new().write(true).open(path)?;
    if file.metadata()?.len() != 2 * PLACE as u64 {
        return Ok(None);
    }
    file.write_all_at(text.as_bytes(), (place * PLACE) as u64)?;
    file.sync_data()?;
    Ok(Some(()))
}

/// Puts a new file in the place of the old one.
fn anew(path: &Path, text: &str) -> Result<()> {
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

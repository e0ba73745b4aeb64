//! Old events leave the database for one file a day, `archive/2026-11-21.jsonl`, and leave a signed tombstone in their
//! place, so that the chain goes on over the gap. The one way by which an event leaves the table: the schema lets no other
//! row go than one that a tombstone covers.

use super::{Event, Signer, Stamp, chain};
use crate::{
    base::{
        clock::{self, DAY, Moment},
        error::{Error, Result},
    },
    store::Store,
};
use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    fs,
    io::{BufWriter, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// The folder of the archives, in the company's.
pub const FOLDER: &str = "archive";

/// A day that was archived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// Its number, from 1.
    pub number: i64,
    /// The day, UTC.
    pub day: String,
    /// The file in the company's folder `archive`.
    pub file: String,
    /// The first event in it.
    pub first: i64,
    /// The last event in it.
    pub last: i64,
    /// Its size.
    pub bytes: i64,
    /// When it was made.
    pub at: Moment,
    /// When it was removed, if it was.
    pub removed_at: Option<Moment>,
}

impl Archive {
    /// What [`Archive::read`] takes from `tombstones`, first in the row.
    pub(in crate::company) const COLUMNS: &str = "id, day, file, first, last, bytes, at, removed_at";

    pub(in crate::company) fn read(row: &Row<'_>) -> rusqlite::Result<Archive> {
        Ok(Archive {
            number: row.get(0)?,
            day: row.get(1)?,
            file: row.get(2)?,
            first: row.get(3)?,
            last: row.get(4)?,
            bytes: row.get(5)?,
            at: row.get(6)?,
            removed_at: row.get(7)?,
        })
    }
}

/// What stands in the place of archived events.
pub struct Tombstone {
    pub archive: Archive,
    pub hash: [u8; 32],
    pub digest: [u8; 32],
    signature: Vec<u8>,
    removal: Option<Vec<u8>>,
}

impl Tombstone {
    /// `before` is the hash of the event before the first.
    fn message(&self, signer: &Signer, before: &[u8; 32]) -> Vec<u8> {
        let about = &self.archive;
        let mut message = b"bulkhead tombstone 1\0".to_vec();
        message.extend(signer.company().as_bytes());
        for number in [about.number, about.first, about.last, about.bytes, about.at.0] {
            message.extend(number.to_be_bytes());
        }
        for text in [&about.day, &about.file] {
            message.extend((text.len() as u64).to_be_bytes());
            message.extend(text.as_bytes());
        }
        message.extend(before);
        message.extend(self.hash);
        message.extend(self.digest);
        message
    }
    /// Whether this company signed it as standing after the event with this hash.
    pub fn is_signed(&self, signer: &Signer, before: &[u8; 32]) -> bool {
        signer.signed(&self.message(signer, before), &self.signature)
    }
    /// Whether the company removed the file itself; `None` when nothing says that it is removed.
    pub fn is_removed(&self, signer: &Signer) -> Option<bool> {
        let at = self.archive.removed_at?;
        let message = removal(signer, self.archive.number, at);
        Some(self.removal.as_ref().is_some_and(|signature| signer.signed(&message, signature)))
    }
}

fn removal(signer: &Signer, number: i64, at: Moment) -> Vec<u8> {
    let mut message = b"bulkhead removal of an archive 1\0".to_vec();
    message.extend(signer.company().as_bytes());
    message.extend(number.to_be_bytes());
    message.extend(at.0.to_be_bytes());
    message
}

/// All tombstones, the oldest first.
pub fn tombstones(connection: &Connection) -> Result<Vec<Tombstone>> {
    let columns = Archive::COLUMNS;
    let mut statement = connection
        .prepare_cached(&format!("SELECT {columns}, hash, digest, signature, removal FROM tombstones ORDER BY id"))?;
    let rows = statement.query_map([], |row| {
        Ok(Tombstone {
            archive: Archive::read(row)?,
            hash: row.get(8)?,
            digest: row.get(9)?,
            signature: row.get(10)?,
            removal: row.get(11)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// An event as a line of an archive: all its columns as they were.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Line {
    pub id: i64,
    occurred: String,
    category: String,
    space: Option<i64>,
    project_group: Option<i64>,
    project: Option<i64>,
    environment: Option<i64>,
    tenant: Option<i64>,
    runbook: Option<i64>,
    user: Option<i64>,
    actor_kind: String,
    username: String,
    means: String,
    ip_address: String,
    user_agent: String,
    message: String,
    related: String,
    details: String,
    hash: String,
}

impl Line {
    fn of(row: &chain::Row<'_>, hash: &[u8]) -> Option<Line> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        let [space, project_group, project, environment, tenant, runbook, user] = row.numbers;
        let [actor_kind, username, means, ip_address, user_agent, message, related, details] = row.texts;
        Some(Line {
            id: row.id,
            occurred: Moment(row.at).wire(),
            category: text(row.category)?,
            space,
            project_group,
            project,
            environment,
            tenant,
            runbook,
            user,
            actor_kind: text(actor_kind)?,
            username: text(username)?,
            means: text(means)?,
            ip_address: text(ip_address)?,
            user_agent: text(user_agent)?,
            message: text(message)?,
            related: text(related)?,
            details: text(details)?,
            hash: data_encoding::HEXLOWER.encode(hash),
        })
    }
    /// The stored hash, and what it must be after the event with the hash `before`.
    pub fn hashes(&self, before: &[u8; 32]) -> Option<([u8; 32], [u8; 32])> {
        let stored = data_encoding::HEXLOWER.decode(self.hash.as_bytes()).ok()?.try_into().ok()?;
        let row = chain::Row {
            id: self.id,
            at: Moment::parse(&self.occurred)?.0,
            category: self.category.as_bytes(),
            numbers: [
                self.space,
                self.project_group,
                self.project,
                self.environment,
                self.tenant,
                self.runbook,
                self.user,
            ],
            texts: [
                &self.actor_kind,
                &self.username,
                &self.means,
                &self.ip_address,
                &self.user_agent,
                &self.message,
                &self.related,
                &self.details,
            ]
            .map(|text| text.as_bytes()),
        };
        Some((stored, row.hash(before)))
    }
}

/// A file in the making: counts and digests what goes in.
struct Counted {
    file: BufWriter<fs::File>,
    digest: Sha256,
    bytes: i64,
}

impl Counted {
    fn line(&mut self, line: &Line) -> Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        self.digest.update(&bytes);
        self.bytes += bytes.len() as i64;
        Ok(self.file.write_all(&bytes)?)
    }
}

/// Puts the oldest day of the trail into its file, if all of that day lies before a moment. Gives the archive, or `None`
/// when there is nothing so old.
///
/// # Errors
/// `Conflict` when the events of that day are not what was written: they stay where they are.
pub fn oldest_day(
    folder: &Path,
    store: &Store,
    signer: &Signer,
    stamp: &Stamp,
    before: Moment,
) -> Result<Option<Archive>> {
    let reader = store.reader()?;
    let stones = tombstones(&reader)?;
    let (mut hash, mut last) =
        stones.last().map_or((chain::genesis(signer.company()), 0), |stone| (stone.hash, stone.archive.last));
    let (start, first) = (hash, last + 1);
    let oldest: Option<Moment> = reader
        .prepare("SELECT at FROM events ORDER BY id LIMIT 1")?
        .query_map([], |row| row.get(0))?
        .next()
        .transpose()?;
    let whole = |at: i64| at.div_euclid(DAY);
    let Some(oldest) = oldest.filter(|at| whole(at.0) < whole(before.0)) else { return Ok(None) };
    let day = clock::day_of(oldest);
    let archives = folder.join(FOLDER);
    if !archives.is_dir() {
        fs::DirBuilder::new().mode(0o700).create(&archives)?;
        fs::File::open(folder)?.sync_all()?;
    }
    // A clock that was put back can give a day twice.
    let file = (1..)
        .map(|n| if n == 1 { format!("{day}.jsonl") } else { format!("{day}-{n}.jsonl") })
        .find(|name| stones.iter().all(|stone| stone.archive.file != *name))
        .unwrap_or_default();
    let part = archives.join(format!("{file}.part"));
    let opened = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    let mut out = Counted { file: BufWriter::new(opened), digest: Sha256::new(), bytes: 0 };
    {
        let mut statement = reader.prepare(&format!("SELECT {} FROM events ORDER BY id", chain::COLUMNS))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (event, stored) = chain::Row::read(row)?;
            if whole(event.at) != whole(oldest.0) {
                break;
            }
            let right = event.hash(&hash);
            let line = Line::of(&event, stored).filter(|_| event.id == last + 1 && right[..] == *stored);
            let Some(line) = line else {
                return Err(Error::Conflict(format!(
                    "The trail is not archived: event {} is not what was written. Run: bulkhead verify",
                    last + 1
                )));
            };
            out.line(&line)?;
            (hash, last) = (right, event.id);
        }
    }
    drop(reader);
    out.file.flush()?;
    out.file.get_ref().sync_all()?;
    fs::rename(&part, archives.join(&file))?;
    fs::File::open(&archives)?.sync_all()?;

    let archive = Archive {
        number: stones.len() as i64 + 1,
        day,
        file,
        first,
        last,
        bytes: out.bytes,
        at: clock::now(),
        removed_at: None,
    };
    let mut stone =
        Tombstone { archive, hash, digest: out.digest.finalize().into(), signature: Vec::new(), removal: None };
    stone.signature = signer.sign(&stone.message(signer, &start)).to_vec();
    store.write(|connection| bury(connection, signer, stamp, &stone))?;
    Ok(Some(stone.archive))
}

/// The tombstone, its event, and the events gone: all or nothing.
fn bury(connection: &Connection, signer: &Signer, stamp: &Stamp, stone: &Tombstone) -> Result<()> {
    let about = &stone.archive;
    connection.execute(
        "INSERT INTO tombstones (id, day, file, first, last, bytes, at, hash, digest, signature)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        (
            about.number,
            &about.day,
            &about.file,
            about.first,
            about.last,
            about.bytes,
            about.at,
            &stone.hash[..],
            &stone.digest[..],
            &stone.signature,
        ),
    )?;
    let event = Event::new("TrailArchived")
        .say(&format!("Events {} to {} of {} were archived in {}", about.first, about.last, about.day, about.file))
        .detail("First", about.first)
        .detail("Last", about.last)
        .detail("Digest", data_encoding::HEXLOWER.encode(&stone.digest));
    super::append(connection, signer, stamp, event)?;
    connection.execute("DELETE FROM events WHERE id BETWEEN ?1 AND ?2", (about.first, about.last))?;
    Ok(())
}

/// Marks an archive as removed by the company itself, in the caller's transaction. Whether it was there.
pub fn mark_removed(connection: &Connection, signer: &Signer, number: i64, at: Moment) -> Result<bool> {
    let signature = signer.sign(&removal(signer, number, at)).to_vec();
    let changed = connection.execute(
        "UPDATE tombstones SET removed_at = ?2, removal = ?3 WHERE id = ?1 AND removed_at IS NULL",
        (number, at, signature),
    )?;
    Ok(changed > 0)
}

/// Where the file of an archive is.
pub fn path(folder: &Path, archive: &Archive) -> PathBuf {
    folder.join(FOLDER).join(&archive.file)
}

//! How one event hangs on the one before, and where the trail ends.
//!
//! The hash of an event is SHA-256 over a word that says what is hashed, the hash of the event before, and the event's
//! own fields in the order of the table, each with its length in eight bytes before it; a number is its eight bytes, and
//! no bytes when there is none. So no two events have the same encoding. Before the first event stands the company's id.

use super::Signer;
use crate::base::error::Result;
use rusqlite::{Connection, types::ValueRef};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The columns of an event as [`Row::read`] wants them; the hash is the last.
pub const COLUMNS: &str =
    "id, at, category, space_id, group_id, project_id, environment_id, tenant_id, runbook_id, actor_id, actor_kind, actor_name,
    means, address, agent, message, related, details, hash";

/// An event as its hash covers it.
pub struct Row<'a> {
    pub id: i64,
    pub at: i64,
    pub category: &'a [u8],
    /// Space, group, project, environment, tenant, runbook, actor.
    pub numbers: [Option<i64>; 7],
    /// Kind and name of the actor, means, address, agent, message, related things, details.
    pub texts: [&'a [u8]; 8],
}

impl<'a> Row<'a> {
    /// Of a row with [`COLUMNS`]: the event and its stored hash.
    pub fn read(row: &'a rusqlite::Row<'_>) -> rusqlite::Result<(Row<'a>, &'a [u8])> {
        fn bytes<'a>(row: &'a rusqlite::Row<'_>, column: usize) -> rusqlite::Result<&'a [u8]> {
            match row.get_ref(column)? {
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Ok(bytes),
                other => Err(rusqlite::Error::InvalidColumnType(column, COLUMNS.into(), other.data_type())),
            }
        }
        let mut texts: [&[u8]; 8] = [&[]; 8];
        for (at, text) in texts.iter_mut().enumerate() {
            *text = bytes(row, 10 + at)?;
        }
        let numbers = [row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?, row.get(7)?, row.get(8)?, row.get(9)?];
        let event = Row { id: row.get(0)?, at: row.get(1)?, category: bytes(row, 2)?, numbers, texts };
        Ok((event, bytes(row, 18)?))
    }

    /// Its hash after the event whose hash is `before`.
    pub fn hash(&self, before: &[u8]) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(b"bulkhead event 1\0");
        let mut add = |bytes: &[u8]| {
            digest.update((bytes.len() as u64).to_be_bytes());
            digest.update(bytes);
        };
        add(before);
        add(&self.id.to_be_bytes());
        add(&self.at.to_be_bytes());
        add(self.category);
        for number in self.numbers {
            match number {
                Some(number) => add(&number.to_be_bytes()),
                None => add(&[]),
            }
        }
        for text in self.texts {
            add(text);
        }
        digest.finalize().into()
    }
}

/// What stands before the first event of a company.
pub fn genesis(company: Uuid) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(b"bulkhead trail of company\0");
    digest.update(company.as_bytes());
    digest.finalize().into()
}

/// Begins a trail: marks its end before the first event, in the transaction that founds the company and tells that. A
/// file without events or without a mark that is met later was emptied by somebody.
pub fn begin(connection: &Connection, signer: &Signer) -> Result<()> {
    store_end(connection, signer, &End { event: 0, hash: genesis(signer.company()), checkpoints: 0, damage: None })
}

/// Where the trail ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// The last event; 0 before the first.
    pub event: i64,
    /// Its hash.
    pub hash: [u8; 32],
    /// How many checkpoints were written.
    pub checkpoints: i64,
    /// What is wrong with the end, in words; the next event tells it.
    pub damage: Option<String>,
}

impl End {
    fn mark(&self, signer: &Signer) -> [u8; 32] {
        let mut message = b"bulkhead end of the trail 1\0".to_vec();
        message.extend(signer.company().as_bytes());
        message.extend(self.event.to_be_bytes());
        message.extend(self.hash);
        message.extend(self.checkpoints.to_be_bytes());
        signer.mark(&message)
    }
}

/// The end as it is written down: `None` when it is not, or not by this company's key.
fn written(connection: &Connection, signer: &Signer) -> Result<(Option<End>, bool)> {
    let mut statement = connection.prepare_cached("SELECT event, hash, checkpoints, mark FROM trail_end")?;
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else { return Ok((None, false)) };
    let end = End { event: row.get(0)?, hash: row.get(1)?, checkpoints: row.get(2)?, damage: None };
    let mark: [u8; 32] = row.get(3)?;
    let genuine = bool::from(subtle::ConstantTimeEq::ct_eq(&mark[..], &end.mark(signer)[..]));
    Ok((genuine.then_some(end), true))
}

/// The end of the trail, and whether the last event is the one that the company's key marked as the last.
pub fn end(connection: &Connection, signer: &Signer) -> Result<End> {
    let last: Option<(i64, [u8; 32])> = {
        let mut statement = connection.prepare_cached("SELECT id, hash FROM events ORDER BY id DESC LIMIT 1")?;
        let mut rows = statement.query([])?;
        rows.next()?.map(|row| Ok::<_, rusqlite::Error>((row.get(0)?, row.get(1)?))).transpose()?
    };
    let (written, any) = written(connection, signer)?;
    let beginning = End { event: 0, hash: genesis(signer.company()), checkpoints: 0, damage: None };
    Ok(match (last, written) {
        (None, Some(end)) if end.event == 0 && end.hash == beginning.hash => end,
        (Some((event, hash)), Some(end)) if event == end.event && hash == end.hash => end,
        (last, Some(end)) if last.as_ref().is_none_or(|(event, _)| *event < end.event) => {
            let damage = match last {
                Some((event, _)) if event + 1 < end.event => {
                    format!("events {} to {} are missing at its end", event + 1, end.event)
                }
                Some(_) => format!("event {} is missing at its end", end.event),
                None => format!("all events up to {} are missing", end.event),
            };
            End { damage: Some(damage), ..end }
        }
        (last, written) => {
            let emptied = last.is_none();
            let (event, hash) = match last {
                Some(last) => last,
                None => archived(connection)?.unwrap_or((0, beginning.hash)),
            };
            let damage = match &written {
                Some(end) if event > end.event => format!("events after {} were put there by hand", end.event),
                Some(_) => format!("event {event} is not the one that was written last"),
                None if emptied && !any => "all events and what marks its end are missing".to_owned(),
                None if !any => "what marks its end is missing".to_owned(),
                None => "what marks its end was changed by hand".to_owned(),
            };
            let checkpoints = written.map_or(0, |end| end.checkpoints);
            End { event, hash, checkpoints, damage: Some(damage) }
        }
    })
}

/// The last event that was archived, and its hash: what goes on after everything else is gone.
fn archived(connection: &Connection) -> Result<Option<(i64, [u8; 32])>> {
    let mut statement = connection.prepare_cached("SELECT last, hash FROM tombstones ORDER BY last DESC LIMIT 1")?;
    let mut rows = statement.query([])?;
    Ok(rows.next()?.map(|row| Ok::<_, rusqlite::Error>((row.get(0)?, row.get(1)?))).transpose()?)
}

/// Writes down where the trail ends now.
pub fn store_end(connection: &Connection, signer: &Signer, end: &End) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO trail_end (one, event, hash, checkpoints, mark) VALUES (1, ?1, ?2, ?3, ?4)
             ON CONFLICT (one) DO UPDATE SET event = excluded.event, hash = excluded.hash,
                 checkpoints = excluded.checkpoints, mark = excluded.mark",
        )?
        .execute((end.event, &end.hash[..], end.checkpoints, &end.mark(signer)[..]))?;
    Ok(())
}

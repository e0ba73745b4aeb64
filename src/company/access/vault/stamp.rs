//! What stands on a company's file before anybody is let in: whose it is, whether it is where it belongs, and what a
//! crash left in the middle of a move.

use super::{Company, FILE, Vault};
use crate::{
    base::{
        clock::{self, Moment},
        error::{Error, Result},
    },
    company::access::trail::{Event, Stamp},
    store::{Store, glance, migrate},
};
use rusqlite::Connection;
use std::{io::Write, path::Path, sync::Arc};
use zeroize::Zeroizing;

/// A file of this name in a company's folder is renewed whenever something changed that an open company remembers: its
/// name, its limits, whether it is suspended. Whoever holds the company open sees it and opens it anew.
pub const CHANGED: &str = "changed";

/// What lies unfinished in a folder for so long is nobody's any more.
const HOUR: std::time::Duration = std::time::Duration::from_secs(3600);

/// Whether a company serves its people.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Standing {
    /// It does.
    #[default]
    Open,
    /// The operator has suspended it.
    Suspended {
        /// Since when.
        since: Moment,
        /// Why, for its people.
        why: String,
    },
}

/// What the first table of a company's file says.
#[derive(Debug, Clone)]
pub struct Label {
    /// The company's id.
    pub id: String,
    /// Its slug.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Which key it is sealed with.
    pub fingerprint: String,
    /// The slug it is on its way to.
    pub moving_to: Option<String>,
    /// Its removal has begun.
    pub removed: bool,
    /// Whether it serves its people.
    pub standing: Standing,
}

/// What a look at a company's file tells.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The company's id.
    pub id: String,
    /// Its slug.
    pub slug: String,
    /// The slug it is on its way to.
    pub moving_to: Option<String>,
}

/// What proves that a company was removed: enough to recognise its trail wherever a copy of it turns up.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// Its slug.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// When its removal began.
    pub removed: String,
    /// Which key it was sealed with.
    pub key_fingerprint: String,
    /// Events in its trail, that of the removal included.
    pub events: i64,
    /// The hash of the last of them.
    pub last_hash: String,
}

/// Reads the label; a file that is no company's is refused.
pub(super) fn label(connection: &Connection) -> Result<Label> {
    let sql = "SELECT id, slug, name, key_fingerprint, moving_to, removed_at IS NOT NULL, suspended_at, suspended_why FROM company";
    Ok(connection.query_row(sql, [], |row| {
        let since: Option<Moment> = row.get(6)?;
        let why = row.get(7)?;
        Ok(Label {
            id: row.get(0)?,
            slug: row.get(1)?,
            name: row.get(2)?,
            fingerprint: row.get(3)?,
            moving_to: row.get(4)?,
            removed: row.get(5)?,
            standing: since.map_or(Standing::Open, |since| Standing::Suspended { since, why }),
        })
    })?)
}

/// Refuses a file that is no company's; brings an older one up to date.
pub(super) fn checked(connection: &Connection) -> Result<()> {
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if application != migrate::APPLICATION_ID {
        return Err(super::opening::not_ours());
    }
    migrate::migrate(connection)
}

impl Company {
    /// Whose file lies in a folder and where it belongs, by a look that changes nothing in it: for going through many.
    ///
    /// # Errors
    /// When there is none, or when it cannot be read.
    pub fn glance(folder: &Path) -> Result<Seen> {
        glance(&folder.join(FILE), |c| {
            let sql = "SELECT id, slug, moving_to FROM company";
            Ok(c.query_row(sql, [], |row| Ok(Seen { id: row.get(0)?, slug: row.get(1)?, moving_to: row.get(2)? }))?)
        })
    }

    /// Whose file lies in a folder, wherever the folder is. Opens the file for a moment.
    ///
    /// # Errors
    /// `Fault` when there is none, or when it is no company's file.
    pub fn label(folder: &Path) -> Result<Label> {
        Company::file(folder)?.write(|c| {
            checked(c)?;
            label(c)
        })
    }

    /// The receipt of a company whose removal has begun, from its file.
    ///
    /// # Errors
    /// `Conflict` when it has not begun.
    pub fn receipt(folder: &Path) -> Result<Receipt> {
        Company::file(folder)?.write(|c| {
            let Label { id, slug, name, fingerprint, .. } = label(c)?;
            let removed: Option<Moment> = c.query_row("SELECT removed_at FROM company", [], |row| row.get(0))?;
            let removed = removed.ok_or_else(|| Error::Conflict(format!("{slug} is not being removed.")))?.wire();
            let sql = "SELECT id, hash FROM events ORDER BY id DESC LIMIT 1";
            let (events, hash): (i64, Vec<u8>) = c.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let last_hash = data_encoding::HEXLOWER.encode(&hash);
            Ok(Receipt { slug, name, id, removed, key_fingerprint: fingerprint, events, last_hash })
        })
    }

    fn file(folder: &Path) -> Result<Store> {
        Store::open(&super::opening::present(folder)?, 1)
    }

    /// Writes a slug into the file's stamp. Under another one than before every session ends: its cookie was for another
    /// address. The move or the taking in is told by whoever does it.
    pub fn restamp(folder: &Path, slug: &str) -> Result<()> {
        Company::file(folder)?.write(|c| {
            checked(c).map_err(|error| match error {
                Error::Unavailable(sentence) => Error::Conflict(sentence),
                Error::Fault(fault) => Error::Conflict(fault.to_string()),
                other => other,
            })?;
            c.execute("DELETE FROM sessions WHERE (SELECT slug FROM company) <> ?1", [slug])?;
            let sql =
                "UPDATE company SET slug = ?1, moving_to = NULL, removed_at = NULL, access_version = access_version + 1";
            Ok(c.execute(sql, [slug]).map(drop)?)
        })
    }

    /// Ends what a crash left of a move: in the folder it was going to, the stamp follows; in the one it came from, the
    /// move did not take place. Whether there was anything to end. The caller keeps everybody else from moving companies.
    pub fn end_move(folder: &Path, slug: &str, key: impl FnOnce(&str) -> Result<Zeroizing<[u8; 32]>>) -> Result<bool> {
        let found = Company::label(folder)?;
        match found.moving_to {
            Some(to) if to == slug => Company::restamp(folder, slug).map(|()| true),
            Some(to) if found.slug == slug => {
                let clear = "UPDATE company SET moving_to = NULL";
                Company::file(folder)?.write(|c| Ok(c.execute(clear, []).map(drop)?))?;
                let event = Event::new("CompanyRenameUndone")
                    .say("The company was not renamed to ")
                    .say(&to)
                    .say(": it was interrupted before its folder was moved");
                let operator = Stamp::server("operator", "The operator");
                Company::open(folder, slug, key)?.write(operator, |tx| tx.record(event, true))
            }
            _ => Ok(false),
        }
    }

    /// Makes whoever holds this company open, in whatever process, open it anew before its next request.
    pub(in crate::company) fn changed(&self) -> Result<()> {
        // A new file each time: its number differs from that of the one it takes the place of.
        let aside = self.0.folder.join(format!(".{CHANGED}-{}", uuid::Uuid::now_v7()));
        let mut file = std::fs::File::create(&aside)?;
        file.write_all(clock::now().wire().as_bytes())?;
        file.sync_all()?;
        Ok(std::fs::rename(&aside, self.0.folder.join(CHANGED))?)
    }

    /// Removes what a killed change of what is remembered left in a folder, long after it can be needed.
    pub fn tidy(folder: &Path) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        let left = format!(".{CHANGED}-");
        for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(&left)) {
            let old = entry
                .metadata()
                .and_then(|about| about.modified())
                .is_ok_and(|at| at.elapsed().is_ok_and(|age| age > HOUR));
            if old && let Err(cause) = std::fs::remove_file(entry.path()) {
                tracing::warn!(file = %entry.path().display(), %cause, "what is left of a change could not be removed");
            }
        }
    }

    /// Whether it serves its people, as of when it was opened.
    pub fn standing(&self) -> &Standing {
        &self.0.standing
    }
    /// What it had settled when it was opened; a change opens it anew.
    pub fn rules(&self) -> &super::Rules {
        &self.0.rules
    }
    /// Whether this is the operator's own compartment.
    pub fn is_operators(&self) -> bool {
        self.0.slug == crate::base::names::OPERATOR
    }
    /// Which key its secrets are sealed with.
    pub fn key_fingerprint(&self) -> &str {
        self.0.seal.fingerprint()
    }
    pub(super) fn vault(&self) -> &Arc<Vault> {
        &self.0
    }
}

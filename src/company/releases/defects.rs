//! Defects of a release: while one is unresolved, the release goes to no phase that it has not been to with success
//! (`domain §5`). The first phase stays open, and so do those that it has reached.

use super::Kind;
use crate::{
    base::{
        clock::{self, Moment},
        error::{Error, Result},
        ids::Id,
        names,
        paging::{Listed, Page},
    },
    company::{
        access::{
            Event, Granted, Writing,
            permissions::{DefectReport, DefectResolve, ReleaseView},
        },
        projects,
    },
};

/// What is wrong with a release.
#[derive(Debug, Clone)]
pub struct Defect {
    /// Its number.
    pub id: i64,
    /// What is wrong.
    pub description: String,
    /// When it was reported.
    pub reported_at: Moment,
    /// By whom.
    pub reported_by: String,
    /// When it was resolved; `None`: it is not.
    pub resolved_at: Option<Moment>,
    /// By whom.
    pub resolved_by: Option<String>,
}

/// The defects of a release, the newest first.
pub fn list(granted: &Granted<'_, ReleaseView>, page: Page) -> Result<Listed<Defect>> {
    granted.read(|rows| sql::list(rows, granted.what().release.id(), page))
}

/// Whether the release has an unresolved defect.
pub fn has_unresolved(granted: &Granted<'_, ReleaseView>) -> Result<bool> {
    granted.read(|rows| Ok(sql::unresolved(rows, granted.what().release.id())?.is_some()))
}

/// Reports a defect: it prevents the release from going further.
///
/// # Errors
/// `Invalid` without a description; `Conflict` while another is unresolved.
pub fn report(granted: &Granted<'_, DefectReport>, description: &str) -> Result<Defect> {
    let id = granted.what().release.id();
    let description = names::text(description, 2000).map_err(|message| Error::invalid("Description", message))?;
    if description.is_empty() {
        return Err(Error::invalid("Description", "Say what is wrong with the release: Description is required."));
    }
    granted.write(|tx| {
        if sql::unresolved(tx, id)?.is_some() {
            return Err(Error::Conflict("The release has an unresolved defect already. Resolve it first.".into()));
        }
        let defect = sql::insert(tx, id, &description)?;
        let event = event(tx, id, "DefectReported", "A defect was reported on ")?;
        tx.record(event.detail("Description", description), defect)
    })
}

/// Resolves the defect: the release may go further.
///
/// # Errors
/// `Conflict` when there is none.
pub fn resolve(granted: &Granted<'_, DefectResolve>) -> Result<Defect> {
    let id = granted.what().release.id();
    granted.write(|tx| {
        let Some(defect) = sql::unresolved(tx, id)? else {
            return Err(Error::Conflict("The release has no unresolved defect.".into()));
        };
        let sql = "UPDATE defects SET resolved_at = ?2, resolved_by = ?3 WHERE id = ?1";
        tx.run(sql, (defect.id, clock::now(), tx.actor_name()))?;
        let event = event(tx, id, "DefectResolved", "The defect was resolved on ")?;
        tx.record(event.detail("Description", defect.description), sql::by_id(tx, defect.id)?)
    })
}

fn event(tx: &Writing<'_>, release: Id<Kind>, category: &'static str, words: &str) -> Result<Event> {
    let release = super::by_id(tx, release)?;
    let of = projects::by_id(tx, release.project)?;
    let event = Event::new(category).say(words).name(of.id, &of.name).say(" ").name(release.id, &release.version);
    Ok(event.space(of.space.0).project(of.id.0, Some(of.group.0)))
}

mod sql {
    use super::*;
    use crate::company::access::{Conditions, Rows};
    use rusqlite::Row;

    const COLUMNS: &str = "id, description, reported_at, reported_by, resolved_at, resolved_by";

    fn read(row: &Row<'_>) -> rusqlite::Result<Defect> {
        Ok(Defect {
            id: row.get(0)?,
            description: row.get(1)?,
            reported_at: row.get(2)?,
            reported_by: row.get(3)?,
            resolved_at: row.get(4)?,
            resolved_by: row.get(5)?,
        })
    }

    pub fn list(rows: &Rows<'_>, release: Id<Kind>, page: Page) -> Result<Listed<Defect>> {
        rows.page((COLUMNS, "FROM defects", "id DESC"), &Conditions::of("release_id = $", release.0), page, read)
    }

    pub fn by_id(rows: &Rows<'_>, id: i64) -> Result<Defect> {
        let found = rows.one(&format!("SELECT {COLUMNS} FROM defects WHERE id = ?1"), [id], read)?;
        found.ok_or_else(|| Error::internal("a defect was made and is not there"))
    }

    pub fn unresolved(rows: &Rows<'_>, release: Id<Kind>) -> Result<Option<Defect>> {
        let sql = format!("SELECT {COLUMNS} FROM defects WHERE release_id = ?1 AND resolved_at IS NULL");
        rows.one(&sql, [release], read)
    }

    pub fn insert(tx: &Writing<'_>, release: Id<Kind>, description: &str) -> Result<Defect> {
        let id = tx.insert(
            "INSERT INTO defects (release_id, description, reported_at, reported_by) VALUES (?1, ?2, ?3, ?4)",
            (release, description, clock::now(), tx.actor_name()),
        )?;
        by_id(tx, id)
    }
}

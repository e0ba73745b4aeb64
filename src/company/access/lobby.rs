//! The spaces a visitor may enter. There is no permission to ask for: whoever holds anything in a space sees it, and
//! whoever may list spaces sees all (`access-rules §7`).

use super::{
    locate::At,
    permissions::{Permission, SpaceView},
    policy::Check,
    rows::Rows,
    visitor::{ActorKind, Visitor},
};
use crate::base::{
    clock,
    error::{Error, Result},
    ids::{Id, Space},
};
use rusqlite::Row;

/// A space, as everybody in it may know it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SpaceRow {
    /// Its id.
    #[serde(skip)]
    pub id: Id<Space>,
    /// Its name, unique in the company.
    pub name: String,
    /// What stands for it in addresses; kept when the name changes.
    pub slug: String,
    /// What it is for.
    pub description: String,
    /// The space meant when none is named.
    pub is_default: bool,
    /// Its tasks wait.
    pub task_queue_stopped: bool,
}

pub(in crate::company) const SPACE_COLUMNS: &str = "id, name, slug, description, is_default, task_queue_stopped";

pub(in crate::company) fn read_space(row: &Row<'_>) -> rusqlite::Result<SpaceRow> {
    Ok(SpaceRow {
        id: row.get(0)?,
        name: row.get(1)?,
        slug: row.get(2)?,
        description: row.get(3)?,
        is_default: row.get(4)?,
        task_queue_stopped: row.get(5)?,
    })
}

/// All spaces, the default one first, then by name.
pub(super) fn all_spaces(rows: &Rows<'_>) -> Result<Vec<SpaceRow>> {
    rows.all(&format!("SELECT {SPACE_COLUMNS} FROM spaces ORDER BY is_default DESC, name_key"), [], read_space)
}

impl Visitor {
    /// The spaces the visitor may enter, the default one first, then by name.
    pub fn spaces(&self) -> Result<Vec<SpaceRow>> {
        let now = clock::now();
        let every = !matches!(self.kind(), ActorKind::User | ActorKind::Service)
            || self.grants().decide(SpaceView::INFO, &Check::new(false), clock::now).is_ok();
        let rows = self.space_rows()?;
        Ok(rows.iter().filter(|row| every || self.grants().anything_in(row.id.0, now)).cloned().collect())
    }

    /// One space that the visitor has located.
    pub fn space(&self, at: &At<Space>) -> Result<SpaceRow> {
        if at.place().company != self.company().stamp() {
            return Err(Error::NotFound(at.asked().to_owned()));
        }
        let sql = format!("SELECT {SPACE_COLUMNS} FROM spaces WHERE id = ?1");
        self.read(|rows| rows.one(&sql, [at.id()], read_space))?.ok_or_else(|| Error::NotFound(at.asked().to_owned()))
    }
}

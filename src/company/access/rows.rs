//! What a feature gets to work with inside a transaction: questions and statements, never the connection itself.

use super::{
    trail::{self, Event, Stamp},
    vault::Seal,
};
use crate::base::{
    clock,
    error::{Error, Result},
};
use rusqlite::{Connection, Params, Row};
use std::{cell::Cell, ops::Deref, path::Path};

/// A consistent view of the company's file.
pub struct Rows<'c>(&'c Connection);

impl<'c> Rows<'c> {
    pub(super) fn new(connection: &'c Connection) -> Self {
        Rows(connection)
    }
    /// All rows of a query.
    pub fn all<T>(
        &self,
        sql: &str,
        parameters: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let mut statement = self.0.prepare_cached(sql)?;
        let rows = statement.query_map(parameters, read)?;
        Ok(rows.collect::<rusqlite::Result<Vec<T>>>()?)
    }
    /// The first row of a query, if there is one.
    pub fn one<T>(
        &self,
        sql: &str,
        parameters: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        let mut statement = self.0.prepare_cached(sql)?;
        let mut rows = statement.query(parameters)?;
        Ok(rows.next()?.map(read).transpose()?)
    }
    /// The number in the first column of the first row.
    pub fn number(&self, sql: &str, parameters: impl Params) -> Result<i64> {
        self.one(sql, parameters, |row| row.get(0))?.ok_or_else(|| Error::internal("a count gave no row"))
    }
    /// Whether the query has any row.
    pub fn any(&self, sql: &str, parameters: impl Params) -> Result<bool> {
        Ok(self.one(sql, parameters, |_| Ok(()))?.is_some())
    }
}

/// A change in the making. It stands when the closure it was given to returns a [`Recorded`].
pub struct Writing<'c> {
    rows: Rows<'c>,
    stamp: Stamp,
    seal: &'c Seal,
    last: Cell<i64>,
    folder: &'c Path,
    posted: Cell<bool>,
    trial: bool,
}

/// The proof that a change has its event; made by [`Writing::record`] alone.
pub struct Recorded<T> {
    pub(super) value: T,
    pub(super) _made_here: (),
}

impl<'c> Deref for Writing<'c> {
    type Target = Rows<'c>;
    fn deref(&self) -> &Rows<'c> {
        &self.rows
    }
}

impl<'c> Writing<'c> {
    pub(super) fn new(connection: &'c Connection, stamp: Stamp, seal: &'c Seal, folder: &'c Path) -> Self {
        Writing {
            rows: Rows::new(connection),
            stamp,
            seal,
            folder,
            posted: Cell::new(false),
            last: Cell::new(0),
            trial: false,
        }
    }
    /// The same, for a change that is undone again.
    pub(super) fn on_trial(self) -> Self {
        Writing { trial: true, ..self }
    }
    /// Whether this change is undone again: nothing outside the file may be touched then.
    pub(super) fn is_trial(&self) -> bool {
        self.trial
    }
    /// Seals and opens secrets of this company.
    pub(in crate::company) fn seal(&self) -> &Seal {
        self.seal
    }
    /// The company's folder.
    pub(super) fn folder(&self) -> &Path {
        self.folder
    }
    /// A letter was written: whoever sends letters is told after the commit.
    pub(super) fn ring_after(&self) {
        self.posted.set(true);
    }
    /// Whether a letter was written.
    pub(super) fn posted(&self) -> bool {
        self.posted.get()
    }
    /// The number of the last event that this change has told; 0 before the first.
    pub(super) fn last_event(&self) -> i64 {
        self.last.get()
    }
    /// Marks an archive of the trail as removed by the company itself. Whether it was there.
    pub(super) fn archive_removed(&self, number: i64) -> Result<bool> {
        trail::archive::mark_removed(self.rows.0, self.seal.signer(), number, clock::now())
    }
    /// Runs a statement; how many rows it changed.
    pub fn run(&self, sql: &str, parameters: impl Params) -> Result<usize> {
        Ok(self.rows.0.prepare_cached(sql)?.execute(parameters)?)
    }
    /// Inserts a row; its number.
    pub fn insert(&self, sql: &str, parameters: impl Params) -> Result<i64> {
        Ok(self.rows.0.prepare_cached(sql)?.insert(parameters)?)
    }
    /// Tells one more thing that this change did.
    pub fn also(&self, event: Event) -> Result<()> {
        self.last.set(trail::append(self.rows.0, self.seal.signer(), &self.stamp, event)?);
        Ok(())
    }
    /// Writes the event of this change into the trail and gives the proof that it is there.
    pub fn record<T>(&self, event: Event, value: T) -> Result<Recorded<T>> {
        self.also(event)?;
        Ok(Recorded { value, _made_here: () })
    }
    /// For a change that turned out to be none: nothing was written, so nothing is told. Refused when a row did change.
    pub fn unchanged<T>(&self, before: u64, value: T) -> Result<Recorded<T>> {
        if self.changes() != before {
            return Err(Error::internal("a change was made and not told"));
        }
        Ok(Recorded { value, _made_here: () })
    }
    /// How many rows this connection has changed so far; for [`Writing::unchanged`].
    pub fn changes(&self) -> u64 {
        self.rows.0.total_changes()
    }
    /// Every compiled grant and cached session of this company is looked up anew from the next request on.
    pub fn access_changed(&self) -> Result<()> {
        self.run("UPDATE company SET access_version = access_version + 1", [])?;
        Ok(())
    }
    /// By which means this change is made.
    pub(super) fn means(&self) -> &str {
        &self.stamp.means
    }
    /// Who makes this change, as a name: for the "created by" of what is made.
    pub fn actor_name(&self) -> &str {
        &self.stamp.actor_name
    }
    /// The number of the user who makes this change; `None` for the server's own actors.
    pub fn actor_id(&self) -> Option<i64> {
        self.stamp.actor_id
    }
}

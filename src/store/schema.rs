//! Whether a file has the schema that this program makes: its tables, indices and triggers, word for word, and nothing
//! else. A trigger that somebody added runs with the next change; one that is gone lets the trail be emptied.

#![allow(clippy::disallowed_methods, reason = "the one place that opens files")]

use crate::base::error::{Error, Result};
use rusqlite::{Connection, types::ValueRef};
use std::{collections::BTreeMap, sync::OnceLock};

/// So many differences are named; the others are counted.
const NAMED: usize = 3;
/// The longest name of a thing that is not ours, as it is told.
const LONGEST: usize = 60;

/// Kind and name of a thing, the table it belongs to, and the statement that makes it.
type Things = BTreeMap<(String, String), (String, Option<String>)>;

/// What others may add without harm: Litestream's two tables, and what `ANALYZE` in a shell leaves. By name and shape.
const GUESTS: &[(&str, &str)] = &[
    ("_litestream_seq", "CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER)"),
    ("_litestream_lock", "CREATE TABLE _litestream_lock (id INTEGER)"),
    ("sqlite_stat1", "CREATE TABLE sqlite_stat1(tbl,idx,stat)"),
    ("sqlite_stat4", "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)"),
];

/// Everything there is in a file, read without running anything of it.
fn things(connection: &Connection) -> Result<Things> {
    fn text(value: ValueRef<'_>) -> String {
        match value {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            ValueRef::Null => String::new(),
            ValueRef::Integer(number) => number.to_string(),
            ValueRef::Real(number) => number.to_string(),
        }
    }
    let mut statement = connection.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema")?;
    let mut rows = statement.query([])?;
    let mut found = Things::new();
    while let Some(row) = rows.next()? {
        let sql = match row.get_ref(3)? {
            ValueRef::Null => None,
            value => Some(text(value)),
        };
        let about = (text(row.get_ref(2)?), sql);
        let mut key = (text(row.get_ref(0)?), text(row.get_ref(1)?));
        // SQLite gives no name twice; whoever writes into the table by hand can.
        while found.contains_key(&key) {
            key.1.push_str(" (again)");
        }
        found.insert(key, about);
    }
    Ok(found)
}

/// The schema of each number that this program knows, made once; the first is that of an empty file.
fn own(steps: &[&str], number: usize) -> Result<&'static Things> {
    static OWN: OnceLock<Vec<Things>> = OnceLock::new();
    let own = match OWN.get() {
        Some(own) => own,
        None => {
            let empty = Connection::open_in_memory()?;
            let mut made = vec![things(&empty)?];
            for step in steps {
                empty.execute_batch(step)?;
                made.push(things(&empty)?);
            }
            OWN.get_or_init(|| made)
        }
    };
    own.get(number).ok_or_else(|| Error::internal("a schema of this program is not known"))
}

/// What differs between a file and what this program makes under the file's number, in words; `None` when nothing does.
pub(in crate::store) fn difference(connection: &Connection, steps: &[&str], number: usize) -> Result<Option<String>> {
    let (own, found) = (own(steps, number)?, things(connection)?);
    if *own == found {
        return Ok(None);
    }
    let mut told = Vec::new();
    for ((kind, name), about) in &found {
        let guest = kind == "table"
            && about.0 == *name
            && GUESTS.iter().any(|(guest, sql)| guest == name && about.1.as_deref() == Some(*sql));
        match own.get(&(kind.clone(), name.clone())) {
            Some(right) if right == about => {}
            Some(_) => told.push(format!("the {kind} {name} was changed")),
            None if guest => {}
            None => told.push(format!("the {} {} is not ours", shown(kind), shown(name))),
        }
    }
    told.extend(
        own.keys().filter(|key| !found.contains_key(*key)).map(|(kind, name)| format!("the {kind} {name} is missing")),
    );
    Ok((!told.is_empty()).then(|| match told.len().checked_sub(NAMED) {
        Some(more) if more > 0 => format!("{}, and {more} more", told[..NAMED].join(", ")),
        _ => told.join(", "),
    }))
}

/// A name that somebody chose, fit for a log and a page.
fn shown(name: &str) -> String {
    let plain: String = name.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
    if plain.is_ascii() { plain } else { plain.escape_default().take(LONGEST).collect() }
}

#[cfg(test)]
mod tests {
    use super::super::migrate;
    use super::*;

    fn fresh() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        migrate::migrate(&connection).unwrap();
        connection
    }

    /// Findings A9.
    #[test]
    fn what_is_added_changed_or_missing_is_named() {
        let cases = [
            ("CREATE TRIGGER spy AFTER INSERT ON api_keys BEGIN SELECT 1; END", "the trigger spy is not ours"),
            ("CREATE TABLE notes (x)", "the table notes is not ours"),
            ("CREATE VIEW seen AS SELECT * FROM users", "the view seen is not ours"),
            ("CREATE INDEX users_fast ON users (id, name)", "the index users_fast is not ours"),
            ("DROP TRIGGER events_hold", "the trigger events_hold is missing"),
            ("DROP INDEX events_by_time", "the index events_by_time is missing"),
            (
                "DROP TRIGGER events_hold; CREATE TRIGGER events_hold BEFORE UPDATE ON events BEGIN SELECT 1; END",
                "the trigger events_hold was changed",
            ),
            ("ALTER TABLE trail_end ADD COLUMN more TEXT", "the table trail_end was changed"),
            (
                "CREATE TABLE a (x); CREATE TABLE b (x); CREATE TABLE c (x); CREATE TABLE d (x); CREATE TABLE e (x)",
                "the table a is not ours, the table b is not ours, the table c is not ours, and 2 more",
            ),
            (
                "CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER, more TEXT)",
                "the table _litestream_seq is not ours",
            ),
            ("CREATE TABLE \"a\u{1b}\u{202e}b\" (x)", "the table a\\u{202e}b is not ours"),
        ];
        for (sql, told) in cases {
            let sql = sql.replace("users (id, name)", "users (id, username)");
            let connection = fresh();
            connection.execute_batch(&sql).unwrap();
            let error = migrate::migrate(&connection).unwrap_err();
            assert!(matches!(&error, Error::Fault(_)), "{error}");
            assert!(error.to_string().contains(told), "{sql}: {error}");
        }
        // Under another number it is another schema.
        let connection = fresh();
        connection.pragma_update(None, "user_version", 0).unwrap();
        assert!(migrate::migrate(&connection).is_err());
        connection.pragma_update(None, "user_version", -7).unwrap();
        assert!(migrate::migrate(&connection).is_err());
    }

    #[test]
    fn what_sqlite_and_litestream_keep_in_a_file_is_no_difference() {
        let connection = fresh();
        let guests = "CREATE TABLE IF NOT EXISTS _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER);
            CREATE TABLE IF NOT EXISTS _litestream_lock (id INTEGER); ANALYZE";
        connection.execute_batch(guests).unwrap();
        migrate::migrate(&connection).unwrap();
    }

    #[test]
    fn what_is_written_into_the_schema_by_hand_is_found() {
        let connection = fresh();
        connection
            .execute_batch(
                "PRAGMA writable_schema = ON;
                 UPDATE sqlite_schema SET sql = replace(sql, 'append-only', 'append only') WHERE name = 'events_hold';",
            )
            .unwrap();
        let error = migrate::migrate(&connection).unwrap_err();
        assert!(error.to_string().contains("the trigger events_hold was changed"), "{error}");
    }
}

//! Numbered SQL, forward only, each step in one transaction; `user_version` is the number.

use super::schema;
use crate::base::error::{Error, Fault, FaultKind, Result};
use rusqlite::Connection;

/// "BULK" as a number: the application id of every company's file.
pub const APPLICATION_ID: i32 = 0x4255_4C4B;

const STEPS: &[&str] = &[
    include_str!("migrations/0001_start.sql"),
    include_str!("migrations/0002_proof.sql"),
    include_str!("migrations/0003_customers.sql"),
    include_str!("migrations/0004_kept.sql"),
    include_str!("migrations/0005_references.sql"),
    include_str!("migrations/0006_asked.sql"),
];

/// The number that this program's files carry.
pub fn newest() -> i64 {
    STEPS.len() as i64
}

/// The number that this file carries.
pub fn number(connection: &Connection) -> Result<i64> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// Brings a file up to [`newest`], after comparing its schema with the one that this program makes: a trigger that
/// somebody added must not run with what follows. Runs inside the caller's transaction.
///
/// # Errors
/// `Fault` for a file that a newer Bulkhead wrote, and for one whose schema is not the program's own.
pub fn migrate(connection: &Connection) -> Result<()> {
    let present = number(connection)?;
    if present > newest() {
        let cause =
            format!("this file was written by a newer Bulkhead (schema {present}, this program knows {})", newest());
        return Err(Error::Fault(Box::new(Fault::new(FaultKind::Foreign, cause).remedy("Install the newer program."))));
    }
    if let Some(difference) = difference(connection)? {
        let remedy = "Undo that with the sqlite3 shell if you know who did it, or restore the company from a backup: bulkhead restore FILE.";
        let cause = format!("its structure was changed by hand: {difference}");
        return Err(Error::Fault(Box::new(Fault::new(FaultKind::Damaged, cause).remedy(remedy))));
    }
    for (done, step) in STEPS.iter().enumerate().skip(present.max(0) as usize) {
        connection.execute_batch(step)?;
        connection.pragma_update(None, "user_version", done as i64 + 1)?;
    }
    Ok(())
}

/// What differs between the schema of a file and the one that this program makes, in words.
pub fn difference(connection: &Connection) -> Result<Option<String>> {
    schema::difference(connection, STEPS, number(connection)?.max(0) as usize)
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a file of its own, in memory")]
mod tests {
    use super::*;

    #[test]
    fn findings_f2_the_tags_that_steps_name_are_kept_by_id() {
        let file = Connection::open_in_memory().unwrap();
        file.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
        for step in &STEPS[..4] {
            file.execute_batch(step).unwrap();
        }
        let steps = r#"[{"Name":"A","Actions":[{"Name":"A","TenantTags":["ring/Stable","Gone/Tag"],"Inputs":{"n":1.50}},{"Name":"B","TenantTags":[]}]},{"Name":"C","Actions":[]}]"#;
        file.execute_batch(
            "INSERT INTO tag_sets (id, space_id, name, name_key, slug) VALUES (1, 1, 'Ring', 'ring', 'ring'), (2, 2, 'Ring', 'ring', 'ring');
             INSERT INTO tags (id, tag_set_id, name, name_key) VALUES (7, 1, 'Stable', 'stable'), (8, 2, 'Stable', 'stable');
             INSERT INTO projects (id, space_id, group_id, lifecycle_id, name, name_key, slug, created_at) VALUES (5, 2, 1, 1, 'P', 'p', 'p', 0);",
        )
        .unwrap();
        let put = |sql: &str| assert_eq!(file.execute(sql, [steps]).unwrap(), 1);
        put("INSERT INTO processes (project_id, steps) VALUES (5, ?1)");
        put(
            "INSERT INTO runbooks (id, space_id, project_id, name, name_key, slug, created_at, steps) VALUES (3, 1, 5, 'R', 'r', 'r', 0, ?1)",
        );
        put(
            "INSERT INTO runbook_snapshots (runbook_id, name, name_key, assembled_at, created_by, steps) VALUES (3, 'S', 's', 0, '', ?1)",
        );
        put(
            "INSERT INTO releases (space_id, project_id, channel_id, version, version_key, assembled_at, created_by, steps) VALUES (2, 5, 1, '1', '1', 0, '', ?1)",
        );
        file.execute_batch(STEPS[4]).unwrap();
        for (table, tag) in [("processes", 8), ("runbooks", 7), ("runbook_snapshots", 7), ("releases", 8)] {
            let kept: String = file.query_row(&format!("SELECT steps FROM {table}"), (), |row| row.get(0)).unwrap();
            let wanted = steps.replace("ring/Stable", &format!("Tags-{tag}"));
            let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
            assert_eq!(read(&kept), read(&wanted), "{table}");
        }
    }
}

//! The compartment, tried from outside: who is let in where, and that nothing of one company reaches another.

mod bystander;
mod carried;
mod doors;
mod fields;
mod garbage;
mod lasting;
mod narrow;
mod narrow_places;
mod one_runbook;
mod proof;
mod roles;
mod rows;
mod sent;
mod shown;
mod strangers;
mod surroundings;
mod twins;

use std::fs;
use std::path::Path;

/// Compares a table with the one under version control, or renews that with `UPDATE_TABLES=1`.
#[track_caller]
fn kept(path: &str, table: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_TABLES").is_some() {
        fs::write(&file, table).unwrap_or_else(|e| panic!("{path}: {e}"));
        return;
    }
    let before = fs::read_to_string(&file).unwrap_or_default();
    let surplus =
        before.lines().filter(|line| !table.lines().any(|other| other == *line)).map(|line| format!("- {line}"));
    let missing =
        table.lines().filter(|line| !before.lines().any(|other| other == *line)).map(|line| format!("+ {line}"));
    let differences: Vec<String> = surplus.chain(missing).collect();
    assert!(
        before == table,
        "{path} is not what the program says. If the change is meant, run the tests with UPDATE_TABLES=1 and review:\n{}",
        differences.join("\n")
    );
}

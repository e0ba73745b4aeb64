//! Holds the shape of the house: who may use whom, where things stand, and that `ARCHITECTURE.md` tells the truth.
//! Each test gathers all that breaks its rule, so that one run shows everything.

mod documents;
mod look;
mod places;
mod source;

use source::{Source, files, root, sources, text};
use std::collections::BTreeSet;

/// The parts in order of dependence; those on one line stand beside each other and do not know each other.
const ORDER: &[&[&str]] = &[
    &["base"],
    &["store"],
    &["company"],
    &["appliance"],
    &["execution"],
    &["http"],
    &["api", "web"],
    &["app"],
    &["cli"],
    &["main"],
];

fn rank(part: &str) -> Option<usize> {
    ORDER.iter().position(|parts| parts.contains(&part))
}

/// Ends the test with every finding, and says what to do.
#[track_caller]
fn none(findings: Vec<String>, advice: &str) {
    assert!(findings.is_empty(), "{advice}\n  {}\n", findings.join("\n  "));
}

/// The names of `mod` lines, in order; those for tests left out.
fn modules_of(path: &str) -> Vec<String> {
    let source = Source::read(path, text(path));
    let name = |line: &str| Some(line.trim().strip_prefix("pub mod ").or(line.trim().strip_prefix("mod "))?.to_owned());
    source.code.lines().filter_map(name).filter_map(|rest| Some(rest.strip_suffix(';')?.to_owned())).collect()
}

fn features() -> Vec<String> {
    modules_of("src/company/mod.rs")
}

#[test]
fn each_part_uses_only_those_before_it() {
    let mut findings = Vec::new();
    for source in sources() {
        let Some(own) = rank(source.part()) else { continue };
        for (line, path) in source.paths() {
            let (Some("crate"), Some(part)) = (path.first().map(String::as_str), path.get(1)) else { continue };
            let Some(other) = rank(part) else { continue };
            if part != source.part() && other >= own {
                findings.push(format!("{}:{line} uses {}", source.path, path.join("::")));
            }
        }
    }
    none(findings, "These use a part that stands after them. Move what is shared into an earlier part:");
}

#[test]
fn the_parts_are_declared_in_order() {
    let declared = modules_of("src/lib.rs");
    let wanted: Vec<&str> = ORDER.iter().flat_map(|parts| parts.iter().copied()).filter(|p| *p != "main").collect();
    assert_eq!(declared, wanted, "src/lib.rs and the order of dependence in this test should name the same parts");
}

#[test]
fn each_feature_uses_only_those_before_it() {
    let features = features();
    let place = |name: &str| features.iter().position(|feature| feature == name);
    let mut findings = Vec::new();
    for source in sources() {
        let Some(own) = source.feature().and_then(place) else { continue };
        for (line, path) in source.paths() {
            let [first, second, third, ..] = path.as_slice() else { continue };
            if first == "crate" && second == "company" && place(third).is_some_and(|other| other > own) {
                findings.push(format!("{}:{line} uses {}", source.path, path.join("::")));
            }
        }
    }
    none(
        findings,
        "These use a feature that stands after them in src/company/mod.rs. Turn the use round, or the order:",
    );
}

/// `(what begins so, the folders or files that may, why)`
const ONLY_IN: &[(&str, &[&str], &str)] = &[
    ("rusqlite::Connection::open", &["src/store/"], "connections are opened by store alone"),
    ("crate::store", &["src/store/", "src/company/access/", "src/appliance/registry.rs"], "the door opens the file"),
    ("rusqlite", &["src/store/", "src/company/", "src/base/ids.rs"], "SQL stays in the compartment"),
    ("std::process::Command", &["src/execution/"], "processes are started by execution alone"),
    ("tokio::process", &["src/execution/"], "processes are started by execution alone"),
    ("std::time::SystemTime::now", &["src/base/clock.rs"], "the clock is read by base alone"),
    ("jiff::Timestamp::now", &["src/base/clock.rs"], "the clock is read by base alone"),
    ("jiff::Zoned::now", &["src/base/clock.rs"], "the clock is read by base alone"),
    ("axum::extract::Path", &["src/app/routes.rs", "src/http/"], "handlers get a checked request"),
    ("axum::extract::Query", &["src/http/"], "handlers get a checked request"),
    ("axum::extract::Form", &["src/http/"], "handlers get a checked request"),
    ("axum::extract::Json", &["src/http/"], "handlers get a checked request"),
    ("axum::Json", &["src/http/"], "handlers get a checked request"),
    ("axum::Form", &["src/http/"], "handlers get a checked request"),
];

#[test]
fn what_is_dangerous_is_in_one_place() {
    let mut findings = Vec::new();
    for source in sources() {
        for (line, path) in source.paths() {
            let path = path.join("::");
            for (what, places, why) in ONLY_IN {
                let inside = path
                    .strip_prefix(what)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with("::") || rest.starts_with('_'));
                if inside && !places.iter().any(|place| source.path.starts_with(place)) {
                    findings.push(format!("{}:{line} uses {path}: {why}", source.path));
                }
            }
        }
    }
    none(findings, "Ask the part whose work it is instead:");
}

/// Where a lint of the house may be allowed, in whole files or single lines.
const ALLOWED: &[(&str, &str)] = &[
    ("clippy::disallowed_methods", "src/base/clock.rs"),
    ("clippy::disallowed_methods", "src/store/"),
    ("clippy::disallowed_methods", "src/execution/"),
    ("clippy::disallowed_types", "src/app/routes.rs"),
];

/// `Sandbox::without` is for tests, which show what each layer holds back.
#[test]
fn no_layer_of_the_sandbox_is_taken_away_by_the_program() {
    let mut findings = Vec::new();
    for source in sources().iter().filter(|source| ["execution", "app", "cli"].contains(&source.part())) {
        let lines = source.code.lines().enumerate().filter(|(_, line)| line.contains(".without("));
        findings.extend(lines.map(|(number, line)| format!("{}:{} {}", source.path, number + 1, line.trim())));
    }
    none(findings, "A script runs with all layers that can be had:");
}

#[test]
fn the_bans_have_few_exceptions() {
    let lints =
        ["disallowed_methods", "disallowed_types", "unwrap_used", "expect_used", "unsafe_code", "clippy::panic"];
    let mut findings = Vec::new();
    for source in sources() {
        for (number, line) in source.code.lines().enumerate().filter(|(_, line)| line.contains("allow(")) {
            let permitted = |lint: &str| {
                ALLOWED.iter().any(|(known, place)| known.ends_with(lint) && source.path.starts_with(place))
            };
            if lints.iter().any(|lint| line.contains(lint) && !permitted(lint)) {
                findings.push(format!("{}:{} {}", source.path, number + 1, line.trim()));
            }
        }
    }
    none(findings, "The bans of clippy.toml are lifted only where the house needs it:");
}

#[test]
fn visibility_is_one_of_three() {
    let mut findings = Vec::new();
    for source in sources() {
        for (number, line) in source.code.lines().enumerate() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let sql = words.windows(3).any(|w| w[0].starts_with("pub") && w[1] == "mod" && w[2].starts_with("sql"));
            let sql_in = words.windows(2).any(|w| w[0] == "mod" && w[1].starts_with("sql")) && line.contains("pub(");
            if line.contains("pub(crate)") || line.contains("pub(in crate)") || sql || sql_in {
                findings.push(format!("{}:{} {}", source.path, number + 1, line.trim()));
            }
        }
    }
    none(
        findings,
        "`pub` is for pages, API and command line, `pub(in crate::company)` for sibling features; a module `sql` is private:",
    );
}

#[test]
fn pages_and_api_write_no_sql() {
    let parts = ["web", "api", "http", "app", "cli", "execution"];
    let mut findings = Vec::new();
    for source in sources().iter().filter(|source| parts.contains(&source.part())) {
        for (line, string) in &source.strings {
            let words: Vec<&str> = string.split_whitespace().collect();
            let has = |a: &str, b: &str| words.first() == Some(&a) && words.contains(&b);
            let sql = has("SELECT", "FROM") || has("DELETE", "FROM") || has("INSERT", "INTO") || has("UPDATE", "SET");
            if sql || words.first() == Some(&"PRAGMA") {
                findings.push(format!("{}:{line} {string}", source.path));
            }
        }
    }
    none(findings, "Ask a command of the company instead of writing SQL here:");
}

#[test]
fn every_file_says_what_it_is() {
    let mut findings = Vec::new();
    for source in sources() {
        let first = source.text.lines().next().unwrap_or_default();
        if !first.starts_with("//! ") {
            findings.push(source.path);
        }
    }
    none(findings, "Begin the file with `//!` and a sentence that says what it is and promises:");
}

#[test]
fn no_file_is_too_long() {
    let mut findings = Vec::new();
    let folders = ["src", "tests", "templates", "static", "packaging"];
    let prose_and_tables = |path: &str| {
        ["lock.json", ".lock", ".snap", ".png", ".tsv"].iter().any(|end| path.ends_with(end))
            // Printed by a test, a line for each permission and route.
            || path == "tests/isolation/roles.txt"
            || path == "tests/isolation/doors.txt"
            // The schema is one document.
            || path.starts_with("src/store/migrations/")
    };
    for path in folders.iter().flat_map(|folder| files(folder)).filter(|path| !prose_and_tables(path)) {
        let Ok(text) = std::fs::read_to_string(root().join(&path)) else { continue };
        let lines = text.lines().count();
        if lines > 500 {
            findings.push(format!("{path}: {lines} lines"));
        }
    }
    none(findings, "At most 500 lines a file: split it along the trade's seams:");
}

#[test]
fn the_map_is_true() {
    let map = text("ARCHITECTURE.md");
    let mut findings = Vec::new();
    let quoted: Vec<&str> = map.split('`').skip(1).step_by(2).collect();
    for part in ORDER.iter().flat_map(|parts| parts.iter()) {
        if !quoted.iter().any(|word| word.trim_end_matches('/') == *part) {
            findings.push(format!("it does not name the part `{part}`"));
        }
    }
    for feature in features() {
        if !quoted.contains(&format!("company/{feature}").as_str()) {
            findings.push(format!("it does not name the feature `company/{feature}`"));
        }
    }
    for word in quoted.iter().filter(|word| word.contains('/') || word.ends_with(".rs")) {
        let first = word.split('/').next().unwrap_or_default();
        let ours = rank(first).is_some() || root().join(first).exists() || root().join("src").join(first).exists();
        if !ours || word.contains(['{', '<', ' ', '*']) || word.contains("NAME") {
            continue; // an address, a pattern, a command
        }
        let place = word.trim_end_matches('/');
        let there = [place.to_owned(), format!("src/{place}"), format!("src/{place}.rs")];
        if !there.iter().any(|path| root().join(path).exists()) {
            findings.push(format!("`{word}` does not exist"));
        }
    }
    none(findings, "ARCHITECTURE.md is not true any more:");
}

#[test]
fn a_command_takes_its_proof_first() {
    let mut findings = Vec::new();
    for source in sources().iter().filter(|source| source.part() == "company" && source.feature() != Some("access")) {
        // What takes a proof takes it first; what takes rows is for siblings and not `pub`.
        for (number, line) in source.code.lines().enumerate() {
            let Some(rest) = line.trim().strip_prefix("pub fn ") else { continue };
            let Some((_, parameters)) = rest.split_once('(') else { continue };
            let late = parameters.find("Granted<").is_some_and(|at| parameters[..at].contains(','));
            if late {
                findings.push(format!("{}:{} {}", source.path, number + 1, line.trim()));
            }
        }
    }
    none(findings, "The proof stands first in a command:");
}

#[test]
fn every_kind_of_event_that_is_written_can_be_asked_for_and_the_other_way_round() {
    let known: BTreeSet<&str> = bulkhead::company::audit::CATEGORIES.iter().map(|(name, _)| *name).collect();
    let (mut findings, mut said) = (Vec::new(), BTreeSet::new());
    for source in sources().iter().filter(|source| !source.path.starts_with("src/company/audit/categories.rs")) {
        for (number, line) in source.text.lines().enumerate() {
            let named = line.split("Event::new(\"").nth(1).and_then(|rest| rest.split('"').next());
            if let Some(name) = named.filter(|name| !known.contains(name)) {
                findings.push(format!("{}:{} writes {name}, which nobody can ask for", source.path, number + 1));
            }
        }
        if source.part() == "company" || source.part() == "appliance" {
            said.extend(source.strings.iter().map(|(_, string)| string.clone()));
        }
    }
    findings.extend(known.iter().filter(|name| !said.contains(**name)).map(|name| format!("nothing writes {name}")));
    none(findings, "The kinds of events stand in src/company/audit/categories.rs, all of them and no others:");
}

#[test]
fn events_leave_the_trail_in_one_place() {
    let mut findings = Vec::new();
    for source in sources().iter().filter(|source| !source.path.starts_with("src/company/access/trail/")) {
        for (line, string) in &source.strings {
            let words: Vec<&str> = string.split_whitespace().collect();
            let touches = |table: &str| {
                words
                    .windows(2)
                    .any(|pair| matches!(pair[0], "INTO" | "UPDATE") && pair[1].trim_start_matches('(') == table)
                    || words.windows(3).any(|three| three[0] == "DELETE" && three[1] == "FROM" && three[2] == table)
            };
            if ["events", "tombstones", "trail_end"].into_iter().any(touches) {
                findings.push(format!("{}:{line} {string}", source.path));
            }
        }
    }
    none(findings, "Only the trail itself writes its tables:");
}

#[test]
fn only_a_tasks_own_book_is_written_without_an_event() {
    let mut findings = Vec::new();
    for source in sources() {
        for (number, line) in source.code.lines().enumerate() {
            let place = |call: &str, folder: &str| line.contains(call) && !source.path.starts_with(folder);
            let declared = line.contains("fn note");
            // The outbox keeps its own book on letters under way.
            let task = place("granted.note(", "src/company/tasks/") && place("granted.note(", "src/company/post.rs");
            let told = place(".note_told(", "src/company/audit/keep.rs");
            if !declared && (task || told) {
                findings.push(format!("{}:{} {}", source.path, number + 1, line.trim()));
            }
        }
    }
    none(findings, "A change without an event is for a task's lease and steps, and for whom checkpoints were told to:");
}

/// The requirements of levels 1 and 2 in the chapters that `packaging/security.md` goes through: section, and its numbers.
const ASKED_FOR: &[(&str, std::ops::RangeInclusive<u32>)] = &[
    ("V6.1", 1..=3),
    ("V6.2", 1..=12),
    ("V6.3", 1..=4),
    ("V6.4", 1..=4),
    ("V6.5", 1..=5),
    ("V6.6", 1..=3),
    ("V6.8", 1..=4),
    ("V7.1", 1..=3),
    ("V7.2", 1..=4),
    ("V7.3", 1..=2),
    ("V7.4", 1..=5),
    ("V7.5", 1..=2),
    ("V7.6", 1..=2),
    ("V8.1", 1..=2),
    ("V8.2", 1..=3),
    ("V8.3", 1..=1),
    ("V8.4", 1..=1),
    ("V16.1", 1..=1),
    ("V16.2", 1..=5),
    ("V16.3", 1..=4),
    ("V16.4", 1..=3),
    ("V16.5", 1..=3),
];

#[test]
fn what_is_asked_of_security_is_shown_by_tests_that_there_are() {
    let document = text("packaging/security.md");
    let code: String = ["src", "tests"]
        .iter()
        .flat_map(|folder| files(folder))
        .filter(|path| path.ends_with(".rs"))
        .map(|path| text(&path))
        .collect();
    let anchors: BTreeSet<String> =
        document.lines().filter_map(|line| Some(line.strip_prefix("### ")?.to_lowercase().replace(' ', "-"))).collect();
    let mut findings = Vec::new();
    let mut rows = std::collections::BTreeMap::new();
    for line in document.lines().filter(|line| line.starts_with("| V")) {
        let columns: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [number, level, asked, shown] = columns[..] else {
            findings.push(format!("four columns are expected in {line}"));
            continue;
        };
        if !matches!(level, "1" | "2") || asked.is_empty() {
            findings.push(format!("{number} has no level or says nothing"));
        }
        let (mut tests, mut other) = (0, shown.starts_with("Does not apply") || shown.starts_with("Not met"));
        for quoted in shown.split('`').skip(1).step_by(2) {
            let is_name = quoted.contains('_')
                && quoted.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
            if is_name && !code.contains(&format!("fn {quoted}(")) {
                findings.push(format!("{number} names a test that there is not: {quoted}"));
            } else if quoted.contains('/') && !root().join(quoted).exists() {
                findings.push(format!("{number} names a file that there is not: {quoted}"));
            }
            tests += usize::from(is_name || quoted.ends_with(".mjs"));
        }
        for anchor in shown.split("](#").skip(1).filter_map(|rest| rest.split(')').next()) {
            other = true;
            if !anchors.contains(anchor) {
                findings.push(format!("{number} leads to a heading that there is not: {anchor}"));
            }
        }
        if tests == 0 && !other {
            findings.push(format!("{number} is shown by nothing"));
        }
        if rows.insert(number.to_owned(), ()).is_some() {
            findings.push(format!("{number} stands there twice"));
        }
    }
    for (section, numbers) in ASKED_FOR {
        for number in numbers.clone() {
            if rows.remove(&format!("{section}.{number}")).is_none() {
                findings.push(format!("{section}.{number} is left out"));
            }
        }
    }
    findings.extend(rows.into_keys().map(|number| format!("{number} is not asked for at these levels")));
    none(findings, "packaging/security.md is not true any more:");
}

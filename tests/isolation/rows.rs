//! `doors.txt`: a row for each route, how it is filled in, and what each of five callers gets.
//!
//! `METHOD path | needs | with | outcomes`. `with` is a JSON object: values for parameters of the path, `query`, and
//! `body` (JSON for a program, the fields of a form for a page). In it, `$environments` stands for the id of the cast's
//! environment, `$environments.slug` for its slug, and `+environments` for one that is made for this row alone.
//! Parameters that are not given are guessed from the word before them. `with` is kept when the file is renewed.

use std::collections::BTreeMap;

use super::roles::{Door, Face};
use crate::support::{api::encode, cast::House};
use serde_json::{Value, json};

pub const FILE: &str = "tests/isolation/doors.txt";

/// One route, as it will be called.
#[derive(Clone)]
pub struct Row {
    pub door: Door,
    pub with: Value,
    /// As they stand in the file; "" for a new row.
    pub outcomes: String,
    /// Whether the file has the row.
    pub known: bool,
}

impl Row {
    pub fn name(&self) -> String {
        format!("{} {}", self.door.method, self.door.path)
    }
    pub fn is_page(&self) -> bool {
        self.door.face == Face::Page
    }
    pub fn line(&self, outcomes: &str) -> String {
        let with = if self.with == json!({}) { String::new() } else { self.with.to_string() };
        format!("{} | {} | {with} | {outcomes}", self.name(), self.door.needs.word())
    }

    /// The parameters of the path but company and space, each with the word before it.
    pub fn parameters(&self) -> Vec<(&str, &str)> {
        let parts: Vec<&str> = self.door.path.split('/').collect();
        let named = parts.windows(2).filter_map(|pair| Some((pair[1].strip_prefix('{')?.strip_suffix('}')?, pair[0])));
        named.filter(|(name, _)| !matches!(*name, "company" | "space")).collect()
    }

    /// The path below the company, filled in for a house.
    pub fn path(&self, house: &House) -> String {
        let mut path = self.door.path.strip_prefix("/{company}").unwrap_or(&self.door.path).to_owned();
        let space = if self.is_page() { "default" } else { "Spaces-1" };
        path = path.replace("{space}", self.with["space"].as_str().unwrap_or(space));
        for (name, before) in self.parameters() {
            let given = self.with[name].as_str().map(|value| filled(house, value));
            let value = given.unwrap_or_else(|| guessed(house, self, name, before));
            path = path.replace(&format!("{{{name}}}"), &encode(&value));
        }
        match self.with["query"].as_str() {
            Some(query) => format!("{path}?{}", filled(house, query)),
            None => path,
        }
    }

    /// As [`Row::path`], but nothing is made for the row: what it would delete is what the house has.
    pub fn path_of_present(&self, house: &House) -> String {
        let look = Row { door: Door { method: "GET".into(), ..self.door.clone() }, ..self.clone() };
        look.path(house)
    }

    pub fn body(&self, house: &House) -> Value {
        fn walk(house: &House, value: &Value) -> Value {
            match value {
                Value::String(text) => json!(filled(house, text)),
                Value::Array(list) => list.iter().map(|one| walk(house, one)).collect(),
                Value::Object(map) => map.iter().map(|(key, one)| (filled(house, key), walk(house, one))).collect(),
                other => other.clone(),
            }
        }
        match &self.with["body"] {
            Value::Null if self.door.method == "GET" || self.door.method == "DELETE" => Value::Null,
            Value::Null => json!({}),
            body => walk(house, body),
        }
    }
}

fn filled(house: &House, text: &str) -> String {
    let thing = |word: &str| {
        let (kind, slug) = word.strip_suffix(".slug").map_or((word, false), |kind| (kind, true));
        let thing = house.things.get(kind).unwrap_or_else(|| panic!("{FILE}: the cast has no {kind}"));
        if slug { thing.slug.clone() } else { thing.id.clone() }
    };
    if let Some(kind) = text.strip_prefix('+') {
        let (kind, slug) = kind.strip_suffix(".slug").map_or((kind, false), |kind| (kind, true));
        let made = house.make(kind, "");
        let text = |name: &str| made[name].as_str().map(str::to_owned);
        return if slug { text("Slug").or(text("Version")) } else { text("Id") }.expect("what was made has an id");
    }
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        let end = after.find(|c: char| !c.is_ascii_lowercase() && c != '.').unwrap_or(after.len());
        out.push_str(before);
        out.push_str(&thing(&after[..end]));
        rest = &after[end..];
    }
    out + rest
}

/// What a parameter is called in addresses, by its own name and the word before it.
const WORDS: &[(&str, &str)] = &[
    ("project", "projects"),
    ("environment", "environments"),
    ("tenant", "tenants"),
    ("lifecycle", "lifecycles"),
    ("release", "releases"),
    ("version", "releases"),
    ("deployment", "deployments"),
    ("task", "tasks"),
    ("channel", "channels"),
    ("runbook", "runbooks"),
    ("rerun", "tasks"),
    ("snapshot", "runbooksnapshots"),
    ("runbookSnapshots", "runbooksnapshots"),
    ("runbookProcesses", "runbookprocesses"),
    ("runbookRuns", "runbookruns"),
    ("run", "runbookruns"),
    ("account", "accounts"),
    ("target", "machines"),
    ("machine", "machines"),
    ("tag_set", "tagsets"),
    ("tagset", "tagsets"),
    ("set", "tagsets"),
    ("group", "projectgroups"),
    ("user", "users"),
    ("person", "users"),
    ("people", "users"),
    ("team", "teams"),
    ("role", "userroles"),
    ("roles", "userroles"),
    ("step", "steps"),
    ("scoped", "scopeduserroles"),
    ("key", "apikeys"),
    ("identity", "oidcidentities"),
    ("invitation", "invitations"),
    ("event", "events"),
    ("project-groups", "projectgroups"),
    ("tag-sets", "tagsets"),
    ("targets", "machines"),
];

fn guessed(house: &House, row: &Row, name: &str, before: &str) -> String {
    let kind_of = |word: &str| {
        WORDS.iter().find(|(known, _)| *known == word).map(|(_, kind)| *kind).or(house
            .things
            .keys()
            .find(|k| **k == word)
            .copied())
    };
    let Some(kind) = kind_of(name).or_else(|| kind_of(before)) else {
        // Nothing is called so: where the route is not open to all, the administrator's 404 will tell.
        return format!("unknown-{name}");
    };
    let last = row.parameters().last().is_some_and(|(last, _)| *last == name);
    if row.door.method == "DELETE" && last {
        return filled(house, &format!("+{kind}"));
    }
    let thing = &house.things[kind];
    if row.is_page() { thing.slug.clone() } else { thing.id.clone() }
}

/// A row for each route, and the rows of the file that no route has.
pub fn rows() -> (Vec<Row>, Vec<String>) {
    let text = std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE)).unwrap_or_default();
    let mut kept: BTreeMap<String, (Value, String)> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let columns: Vec<&str> = line.split(" | ").collect();
        let [name, _, with, outcomes] = columns[..] else { panic!("{FILE}: four columns expected in {line:?}") };
        let with = if with.trim().is_empty() {
            json!({})
        } else {
            serde_json::from_str(with).unwrap_or_else(|e| panic!("{FILE}: {e} in {line}"))
        };
        kept.insert(name.to_owned(), (with, outcomes.to_owned()));
    }
    let mut rows = Vec::new();
    for door in super::roles::doors() {
        let row = Row { door, with: json!({}), outcomes: String::new(), known: false };
        rows.push(match kept.remove(&row.name()) {
            Some((with, outcomes)) => Row { with, outcomes, known: true, ..row },
            None => row,
        });
    }
    (rows, kept.into_keys().collect())
}

/// Findings F10: what an address means by a word, no slug says.
#[test]
fn no_slug_is_a_word_of_an_address() {
    let all = crate::isolation::roles::doors();
    let parts: Vec<Vec<&str>> = all.iter().map(|door| door.path.trim_matches('/').split('/').collect()).collect();
    let mut missing = std::collections::BTreeSet::new();
    let same = |one: &str, other: &str| one == other || (one.starts_with('{') && other.starts_with('{'));
    for path in &parts {
        for (at, name) in path.iter().enumerate() {
            let reserved = match *name {
                "{space}" => bulkhead::company::access::builtin::RESERVED_SPACES,
                "{id}" | "{project}" | "{runbook}" | "{environment}" | "{tenant}" | "{lifecycle}" | "{set}"
                | "{group}" | "{target}" | "{account}" | "{channel}" => bulkhead::base::names::RESERVED_SLUGS,
                _ => continue,
            };
            // People, companies, events and tasks have ids alone.
            if *name == "{id}" && (!path.contains(&"{space}") || path[at - 1] == "tasks") {
                continue;
            }
            for other in parts.iter().filter(|other| other.len() > at) {
                let beside =
                    other[..at].iter().zip(path).all(|(one, two)| same(one, two)) && !other[at].starts_with('{');
                if beside && !reserved.contains(&other[at]) {
                    missing.insert(format!("{} beside {name} in {}", other[at], path.join("/")));
                }
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

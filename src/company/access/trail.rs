//! Appends an event to the company's hash-chained trail, inside the change's own transaction. Reading is `audit`'s.
//!
//! The hash of a row is SHA-256 over the hash of the row before and the row's own fields, each with its length before
//! it, so that no two rows have the same encoding.

use crate::base::{
    clock::{self, Moment},
    error::Result,
    ids::{Id, Kind},
};
use rusqlite::Connection;
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// Who does it, by which means, from where.
#[derive(Debug, Clone)]
pub struct Stamp {
    pub(super) actor_kind: &'static str,
    pub(super) actor_id: Option<i64>,
    pub(super) actor_name: String,
    pub(super) means: String,
    pub(super) address: String,
    pub(super) agent: String,
}

/// What an event is about, for filters; the numbers of the things.
#[derive(Debug, Clone, Default)]
struct About {
    space: Option<i64>,
    group: Option<i64>,
    project: Option<i64>,
    environment: Option<i64>,
    tenant: Option<i64>,
}

/// One line of the trail in the making.
#[derive(Debug, Clone)]
pub struct Event {
    category: &'static str,
    about: About,
    message: String,
    related: Vec<Value>,
    details: Map<String, Value>,
}

impl Event {
    /// An event of a category of `domain §14` (`Created`, `DeploymentQueued`, …).
    pub fn new(category: &'static str) -> Event {
        Event { category, about: About::default(), message: String::new(), related: Vec::new(), details: Map::new() }
    }
    /// Adds words to the message.
    pub fn say(mut self, words: &str) -> Event {
        self.message.push_str(words);
        self
    }
    /// Adds the name of a thing to the message, with a reference to it.
    pub fn name<T: Kind>(self, id: Id<T>, name: &str) -> Event {
        self.name_of(&id.to_string(), name)
    }
    /// Adds a name with the wire id of what it names.
    pub fn name_of(mut self, id: &str, name: &str) -> Event {
        let start = self.message.encode_utf16().count();
        self.message.push_str(name);
        self.related.push(json!({ "id": id, "start": start, "length": name.encode_utf16().count() }));
        self
    }
    /// The event concerns this thing without naming it.
    pub fn related<T: Kind>(mut self, id: Id<T>) -> Event {
        self.related.push(json!({ "id": id.to_string(), "start": 0, "length": 0 }));
        self
    }
    /// The space it happened in.
    pub fn space(mut self, space: i64) -> Event {
        self.about.space = (space > 0).then_some(space);
        self
    }
    /// The project it concerns, and its group.
    pub fn project(mut self, project: i64, group: Option<i64>) -> Event {
        self.about.project = Some(project);
        self.about.group = group;
        self
    }
    /// The environment it concerns.
    pub fn environment(mut self, environment: i64) -> Event {
        self.about.environment = Some(environment);
        self
    }
    /// The tenant it concerns.
    pub fn tenant(mut self, tenant: Option<i64>) -> Event {
        self.about.tenant = tenant;
        self
    }
    /// What differs between two states, field by field.
    pub fn difference(mut self, before: &impl Serialize, after: &impl Serialize) -> Event {
        let as_map = |value: serde_json::Result<Value>| match value {
            Ok(Value::Object(map)) => map,
            _ => Map::new(),
        };
        let (before, after) = (as_map(serde_json::to_value(before)), as_map(serde_json::to_value(after)));
        for (field, to) in &after {
            let from = before.get(field).unwrap_or(&Value::Null);
            if from != to {
                self.details.insert(field.clone(), json!({ "from": from, "to": to }));
            }
        }
        for (field, from) in before.iter().filter(|(field, _)| !after.contains_key(*field)) {
            self.details.insert(field.clone(), json!({ "from": from, "to": null }));
        }
        self
    }
    /// A fact about it, under a name.
    pub fn detail(mut self, field: &str, value: impl Into<Value>) -> Event {
        self.details.insert(field.to_owned(), value.into());
        self
    }
    /// A secret was set or replaced; that is all that is told.
    pub fn secret_changed(self, field: &str) -> Event {
        self.detail(field, "changed")
    }
}

/// Appends within the caller's transaction.
pub(super) fn append(connection: &Connection, stamp: &Stamp, event: Event) -> Result<()> {
    let last: Option<(i64, Vec<u8>)> = {
        let mut statement = connection.prepare_cached("SELECT id, hash FROM events ORDER BY id DESC LIMIT 1")?;
        let mut rows = statement.query([])?;
        match rows.next()? {
            Some(row) => Some((row.get(0)?, row.get(1)?)),
            None => None,
        }
    };
    let (id, before) = last.map_or((1, vec![0; 32]), |(id, hash)| (id + 1, hash));
    let row = Row {
        id,
        at: clock::now(),
        category: event.category.to_owned(),
        numbers: [
            event.about.space,
            event.about.group,
            event.about.project,
            event.about.environment,
            event.about.tenant,
            stamp.actor_id,
        ],
        actor_kind: stamp.actor_kind.to_owned(),
        actor_name: stamp.actor_name.clone(),
        means: stamp.means.clone(),
        address: stamp.address.clone(),
        agent: stamp.agent.clone(),
        message: event.message,
        related: Value::Array(event.related).to_string(),
        details: Value::Object(event.details).to_string(),
    };
    let hash = row.hash(&before);
    connection
        .prepare_cached(
            "INSERT INTO events (id, at, category, space_id, group_id, project_id, environment_id, tenant_id, actor_id,
                                 actor_kind, actor_name, means, address, agent, message, related, details, hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
        )?
        .execute(rusqlite::params![
            row.id,
            row.at,
            row.category,
            row.numbers[0],
            row.numbers[1],
            row.numbers[2],
            row.numbers[3],
            row.numbers[4],
            row.numbers[5],
            row.actor_kind,
            row.actor_name,
            row.means,
            row.address,
            row.agent,
            row.message,
            row.related,
            row.details,
            &hash[..]
        ])?;
    Ok(())
}

/// A stored event, as its hash covers it.
struct Row {
    id: i64,
    at: Moment,
    category: String,
    /// Space, group, project, environment, tenant, actor.
    numbers: [Option<i64>; 6],
    actor_kind: String,
    actor_name: String,
    means: String,
    address: String,
    agent: String,
    message: String,
    related: String,
    details: String,
}

impl Row {
    fn hash(&self, before: &[u8]) -> [u8; 32] {
        let mut digest = Sha256::new();
        let mut add = |bytes: &[u8]| {
            digest.update((bytes.len() as u64).to_be_bytes());
            digest.update(bytes);
        };
        add(before);
        add(&self.id.to_be_bytes());
        add(&self.at.0.to_be_bytes());
        add(self.category.as_bytes());
        for number in self.numbers {
            add(number.map(i64::to_be_bytes).as_ref().map_or(&[], |bytes| &bytes[..]));
        }
        for text in [
            &self.actor_kind,
            &self.actor_name,
            &self.means,
            &self.address,
            &self.agent,
            &self.message,
            &self.related,
            &self.details,
        ] {
            add(text.as_bytes());
        }
        digest.finalize().into()
    }
}

/// Walks the whole chain. `Ok(events)` when every row is what was written; `Err(sentence)` names the first that is not.
pub(super) fn verify(connection: &Connection) -> Result<std::result::Result<i64, String>> {
    let mut statement = connection.prepare(
        "SELECT id, at, category, space_id, group_id, project_id, environment_id, tenant_id, actor_id, actor_kind, actor_name,
                means, address, agent, message, related, details, hash FROM events ORDER BY id",
    )?;
    let mut rows = statement.query([])?;
    let mut before = vec![0u8; 32];
    let mut expected = 1;
    while let Some(r) = rows.next()? {
        let row = Row {
            id: r.get(0)?,
            at: r.get(1)?,
            category: r.get(2)?,
            numbers: [r.get(3)?, r.get(4)?, r.get(5)?, r.get(6)?, r.get(7)?, r.get(8)?],
            actor_kind: r.get(9)?,
            actor_name: r.get(10)?,
            means: r.get(11)?,
            address: r.get(12)?,
            agent: r.get(13)?,
            message: r.get(14)?,
            related: r.get(15)?,
            details: r.get(16)?,
        };
        if row.id != expected {
            return Ok(Err(format!("event {expected} is missing: event {} stands in its place", row.id)));
        }
        let stored: Vec<u8> = r.get(17)?;
        if row.hash(&before)[..] != stored[..] {
            return Ok(Err(format!("event {} is not what was written", row.id)));
        }
        before = stored;
        expected += 1;
    }
    Ok(Ok(expected - 1))
}

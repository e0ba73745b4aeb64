//! The company's trail: an event is appended inside the change's own transaction, chained to the one before by its hash
//! (`chain`), signed now and then in a file beside the database (`checkpoint`) with a word outside the folder that says how
//! far it had come (`outside`), and after years put into a file of its day (`archive`). `verify` tells what somebody
//! changed by hand. Reading it is `audit`'s.

pub(super) mod archive;
pub(super) mod chain;
mod checkpoint;
mod outside;
mod signer;
pub(super) mod tally;
mod verify;

pub use archive::Archive;
pub(super) use chain::{begin, end};
pub use checkpoint::Checkpoint;
pub(super) use checkpoint::{
    EVERY, Trail, after as checkpoints_after, copy_after as copy_checkpoints, last as last_checkpoint,
    write as write_checkpoint,
};
pub(super) use outside::behind;
pub(super) use signer::Signer;
pub(super) use verify::verify;
pub use verify::{Finding, Verified};

use crate::base::{
    clock,
    error::Result,
    ids::{Id, Kind},
};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::borrow::Cow;

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

impl Stamp {
    /// One of the server's own actors.
    pub(super) fn server(kind: &'static str, name: &str) -> Stamp {
        Stamp {
            actor_kind: kind,
            actor_id: None,
            actor_name: name.to_owned(),
            means: "server".into(),
            address: String::new(),
            agent: String::new(),
        }
    }
}

/// What an event is about, for filters; the numbers of the things.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct About {
    space: Option<i64>,
    group: Option<i64>,
    project: Option<i64>,
    environment: Option<i64>,
    tenant: Option<i64>,
    runbook: Option<i64>,
}

/// One line of the trail in the making.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Event {
    category: Cow<'static, str>,
    about: About,
    message: String,
    related: Vec<Value>,
    details: Map<String, Value>,
}

impl Event {
    /// An event of a category of `domain §14` (`Created`, `DeploymentQueued`, …).
    pub fn new(category: &'static str) -> Event {
        Event {
            category: Cow::Borrowed(category),
            about: About::default(),
            message: String::new(),
            related: Vec::new(),
            details: Map::new(),
        }
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
    /// The runbook it concerns.
    pub fn runbook(mut self, runbook: i64) -> Event {
        self.about.runbook = Some(runbook);
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

/// Appends within the caller's transaction; the number of the event.
pub(super) fn append(connection: &Connection, signer: &Signer, stamp: &Stamp, event: Event) -> Result<i64> {
    let mut end = chain::end(connection, signer)?;
    if let Some(damage) = end.damage.take() {
        // What goes on from here must not make the damage look whole.
        end = add(connection, signer, &Stamp::server("engine", "Bulkhead"), damaged(&damage), &end)?;
    }
    Ok(add(connection, signer, stamp, event, &end)?.event)
}

fn damaged(what: &str) -> Event {
    Event::new("TrailDamaged").say("The trail does not go on where it ended: ").say(what)
}

/// Tells of damage that the file by itself does not show.
fn tell_damage(connection: &Connection, signer: &Signer, what: &str) -> Result<()> {
    append(connection, signer, &Stamp::server("engine", "Bulkhead"), damaged(what)).map(drop)
}

/// Whether anything after an event concerns who may do what: people, keys, teams, roles, spaces, rules of sign-in, the
/// company as a whole. Signing in and out does not.
pub(super) fn touches_access(connection: &Connection, after: i64) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM events WHERE id > ?1 AND (
            category IN ('PasswordChanged', 'SecondFactorAdded', 'SecondFactorRemoved', 'RecoveryCodesMade', 'RecoveryCodeUsed',
                'UserActivated', 'UserDeactivated', 'UserReactivated', 'RoleExpired', 'EmergencyBegan', 'EmergencyEnded',
                'SettingsChanged', 'SignInRulesChanged', 'LimitsChanged', 'SecretRead', 'TrailExported', 'TrailArchiveDeleted',
                'TrailDamaged', 'Restored')
            OR (category LIKE 'Company%' AND category <> 'CompanyBackedUp')
            OR (category IN ('Created', 'Modified', 'Deleted') AND (space_id IS NULL OR related LIKE '%\"Users-%'
                OR related LIKE '%\"Teams-%' OR related LIKE '%\"UserRoles-%' OR related LIKE '%\"Spaces-%'))))";
    Ok(connection.prepare_cached(sql)?.query_row([after], |row| row.get(0))?)
}

fn add(connection: &Connection, signer: &Signer, stamp: &Stamp, event: Event, end: &chain::End) -> Result<chain::End> {
    let (related, details) = (Value::Array(event.related).to_string(), Value::Object(event.details).to_string());
    let row = chain::Row {
        id: end.event + 1,
        at: clock::now().0,
        category: event.category.as_bytes(),
        numbers: [
            event.about.space,
            event.about.group,
            event.about.project,
            event.about.environment,
            event.about.tenant,
            event.about.runbook,
            stamp.actor_id,
        ],
        texts: [
            stamp.actor_kind,
            &stamp.actor_name,
            &stamp.means,
            &stamp.address,
            &stamp.agent,
            &event.message,
            &related,
            &details,
        ]
        .map(str::as_bytes),
    };
    let hash = row.hash(&end.hash);
    connection
        .prepare_cached(
            "INSERT INTO events (id, at, category, space_id, group_id, project_id, environment_id, tenant_id, runbook_id,
                                 actor_id, actor_kind, actor_name, means, address, agent, message, related, details, hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
        )?
        .execute(rusqlite::params![
            row.id,
            row.at,
            event.category,
            row.numbers[0],
            row.numbers[1],
            row.numbers[2],
            row.numbers[3],
            row.numbers[4],
            row.numbers[5],
            row.numbers[6],
            stamp.actor_kind,
            stamp.actor_name,
            stamp.means,
            stamp.address,
            stamp.agent,
            event.message,
            related,
            details,
            &hash[..]
        ])?;
    let end = chain::End { event: row.id, hash, checkpoints: end.checkpoints, damage: None };
    chain::store_end(connection, signer, &end)?;
    Ok(end)
}

//! Reading the trail: what happened, the newest first, narrowed to what the visitor may see. The door writes it.
//!
//! What happened outside all spaces is shown by `EventView` at system level, what happened in a space by `EventView`
//! there, within its scope; an event without the thing a scope names needs a grant without that scope (`access-rules §4`).

mod categories;
pub mod export;
pub mod keep;

pub use categories::{CATEGORIES, GROUPS, category_words, group};

use super::access::{
    Columns, Granted, Rows,
    permissions::{EventView, List},
    rules,
};
use crate::base::{
    clock::Moment,
    error::{Error, Result},
    ids::{Environment, Event as Kind, Id, Project, ProjectGroup, Space, Tenant, User},
    paging::{Listed, Page},
};
use serde_json::{Map, Value};

/// One line of the trail.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its number; the next one has the next number.
    pub id: Id<Kind>,
    /// When.
    pub at: Moment,
    /// What kind of thing happened (`domain §14`).
    pub category: String,
    /// The space it happened in.
    pub space: Option<Id<Space>>,
    /// The project it concerns.
    pub project: Option<Id<Project>>,
    /// The environment it concerns.
    pub environment: Option<Id<Environment>>,
    /// The tenant it concerns.
    pub tenant: Option<Id<Tenant>>,
    /// Who did it; `None` for the server's own actors and for nobody known.
    pub actor: Option<Id<User>>,
    /// `user`, `service`, `engine`, `operator` or `nobody`.
    pub actor_kind: String,
    /// The name they had then.
    pub actor_name: String,
    /// How they came: `session`, `API key API-ABCD…`, `sign-in`, `server`.
    pub means: String,
    /// From where.
    pub address: String,
    /// With what.
    pub agent: String,
    /// What happened, in a sentence.
    pub message: String,
    /// The things named in the sentence.
    pub related: Vec<Related>,
    /// What differs, field by field.
    pub details: Vec<Detail>,
}

/// A thing that an event names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// Its wire id.
    pub id: String,
    /// Where its name begins in the message, in UTF-16 units.
    pub start: usize,
    /// How long its name is; 0 when it is not in the message.
    pub length: usize,
}

/// What an event tells of one field.
#[derive(Debug, Clone, PartialEq)]
pub struct Detail {
    /// The field.
    pub field: String,
    /// What was there before; `None` when the event tells a single fact.
    pub from: Option<Value>,
    /// What is there now, or the fact.
    pub to: Value,
}

/// Which events are asked for. Lists are alternatives; an empty one is no restriction.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only these kinds.
    pub categories: Vec<String>,
    /// Only what these kinds of actors did: `user`, `service`, `engine`, `operator`, `nobody`.
    pub agents: Vec<String>,
    /// Only what somebody did whose name contains this, ignoring the case of Latin letters.
    pub actor: String,
    /// Only what concerns projects that are in these groups now, or were when they were deleted.
    pub groups: Vec<Id<ProjectGroup>>,
    /// Only what concerns tenants with one of these tags, as `Set/Tag` or by wire id.
    pub tags: Vec<String>,
    /// Only what names a thing of one of these kinds, by the prefix of its ids.
    pub kinds: Vec<String>,
    /// Only what these users did.
    pub users: Vec<Id<User>>,
    /// Only what concerns these projects.
    pub projects: Vec<Id<Project>>,
    /// Only what concerns these environments.
    pub environments: Vec<Id<Environment>>,
    /// Only what concerns these tenants.
    pub tenants: Vec<Id<Tenant>>,
    /// Only what names one of these things, by wire id.
    pub regarding: Vec<String>,
    /// Not before this.
    pub from: Option<Moment>,
    /// Not after this.
    pub to: Option<Moment>,
    /// Part of the message or of the actor's name, ignoring the case of Latin letters.
    pub text: String,
    /// Only events with a smaller number: the next page.
    pub before: Option<i64>,
    /// Only events with a larger number.
    pub after: Option<i64>,
    /// Only these.
    pub ids: Vec<Id<Kind>>,
}

/// The newest events of the granted levels. `take` of them from `skip` on, without a total.
pub fn recent(granted: &[Granted<'_, List<EventView>>], filter: &Filter, page: Page) -> Result<Vec<Event>> {
    let Some(first) = granted.first() else { return Ok(Vec::new()) };
    let wanted = wanted(granted, filter);
    first.read(|rows| sql::list(rows, &wanted, filter, page, false))
}

/// A part of the trail on screen.
#[derive(Debug, Clone, Default)]
pub struct Part {
    /// The events, the newest first.
    pub items: Vec<Event>,
    /// Whether there are newer ones.
    pub newer: bool,
    /// Whether there are older ones.
    pub older: bool,
}

/// The events before [`Filter::before`], or else those after [`Filter::after`], or else the newest: as quick at the end
/// of a long trail as at its beginning, and without a count.
pub fn part(granted: &[Granted<'_, List<EventView>>], filter: &Filter, take: i64) -> Result<Part> {
    let Some(first) = granted.first() else { return Ok(Part::default()) };
    let upwards = filter.before.is_none() && filter.after.is_some();
    let wanted = wanted(granted, filter);
    let one_more = Page { skip: 0, take: take + 1 };
    let mut items = first.read(|rows| sql::list(rows, &wanted, filter, one_more, upwards))?;
    let more = items.len() as i64 > take;
    items.truncate(take.max(0) as usize);
    if upwards {
        items.reverse();
        return Ok(Part { items, newer: more, older: true });
    }
    Ok(Part { items, newer: filter.before.is_some(), older: more })
}

/// A page of events with how many there are in all.
pub fn list(granted: &[Granted<'_, List<EventView>>], filter: &Filter, page: Page) -> Result<Listed<Event>> {
    let Some(first) = granted.first() else { return Ok(Listed { items: Vec::new(), total: 0 }) };
    let wanted = wanted(granted, filter);
    first.read(|rows| {
        let total = sql::count(rows, &wanted, filter)?;
        Ok(Listed { items: sql::list(rows, &wanted, filter, page, false)?, total })
    })
}

/// The time zone in which the company reads its clocks, by its name in the IANA database.
pub fn time_zone(granted: &[Granted<'_, List<EventView>>]) -> Result<String> {
    match granted.first() {
        Some(first) => Ok(first.read(rules::rules)?.time_zone),
        None => Ok("UTC".into()),
    }
}

/// One event.
///
/// # Errors
/// `NotFound` also for one that the visitor may not see.
pub fn show(granted: &[Granted<'_, List<EventView>>], id: Id<Kind>) -> Result<Event> {
    let only = Filter { ids: vec![id], ..Filter::default() };
    recent(granted, &only, Page { skip: 0, take: 1 })?.pop().ok_or_else(|| Error::NotFound(id.to_string()))
}

/// What the places of an event are called now; `None` for one that it does not have, or that was deleted since.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// The space.
    pub space: Option<String>,
    /// The project.
    pub project: Option<String>,
    /// The environment.
    pub environment: Option<String>,
    /// The tenant.
    pub tenant: Option<String>,
}

/// The names of where an event took place. Whoever may see the event may see them: its message tells them too.
pub fn places(granted: &[Granted<'_, List<EventView>>], event: &Event) -> Result<Places> {
    let Some(first) = granted.first() else { return Ok(Places::default()) };
    first.read(|rows| sql::places(rows, event))
}

/// The condition for all that may be seen and is asked for.
fn wanted(granted: &[Granted<'_, List<EventView>>], filter: &Filter) -> sql::Wanted {
    let mut wanted = sql::asked(filter);
    let columns = Columns {
        // The group a project is in now; of a project that is gone, the one it was in.
        group: Some(sql::GROUP),
        project: Some("project_id"),
        environment: Some("environment_id"),
        tenant: Some("tenant_id"),
        runbook: Some("runbook_id"),
        null_is_any: false,
    };
    let levels: Vec<String> = granted
        .iter()
        .map(|one| {
            let seen = one.reach().condition(columns, &mut wanted.parameters);
            match one.what().space() {
                0 => format!("(+space_id IS NULL AND {seen})"),
                space => format!("(+space_id = {space} AND {seen})"),
            }
        })
        .collect();
    wanted.parts.push(format!("({})", levels.join(" OR ")));
    wanted
}

fn related(text: &str) -> Vec<Related> {
    let list: Vec<Map<String, Value>> = serde_json::from_str(text).unwrap_or_default();
    let number = |map: &Map<String, Value>, key: &str| map.get(key).and_then(Value::as_u64).unwrap_or(0) as usize;
    list.iter()
        .map(|one| Related {
            id: one.get("id").and_then(Value::as_str).unwrap_or_default().to_owned(),
            start: number(one, "start"),
            length: number(one, "length"),
        })
        .collect()
}

fn details(text: &str) -> Vec<Detail> {
    let map: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
    map.into_iter()
        .map(|(field, value)| match &value {
            Value::Object(change) if change.contains_key("from") && change.contains_key("to") => {
                Detail { field, from: change.get("from").cloned(), to: change.get("to").cloned().unwrap_or_default() }
            }
            _ => Detail { field, from: None, to: value },
        })
        .collect()
}

mod sql {
    use super::*;
    use rusqlite::{Row, params_from_iter, types::Value};

    /// The group of an event's project.
    pub const GROUP: &str =
        "COALESCE((SELECT p.group_id FROM projects p WHERE p.id = events.project_id), events.group_id)";

    pub fn places(rows: &Rows<'_>, event: &Event) -> Result<Places> {
        let name = |sql: &str, id: Option<i64>| -> Result<Option<String>> {
            let Some(id) = id else { return Ok(None) };
            rows.one(sql, [id], |row| row.get(0))
        };
        Ok(Places {
            space: name("SELECT name FROM spaces WHERE id = ?1", event.space.map(|id| id.0))?,
            project: name("SELECT name FROM projects WHERE id = ?1", event.project.map(|id| id.0))?,
            environment: name("SELECT name FROM environments WHERE id = ?1", event.environment.map(|id| id.0))?,
            tenant: name("SELECT name FROM tenants WHERE id = ?1", event.tenant.map(|id| id.0))?,
        })
    }

    /// Conditions that must all hold, and their parameters.
    pub struct Wanted {
        pub parts: Vec<String>,
        pub parameters: Vec<Value>,
    }

    impl Wanted {
        fn with(&mut self, value: impl Into<Value>) -> usize {
            self.parameters.push(value.into());
            self.parameters.len()
        }
        /// One value is looked up in the index of its column, which gives the events in their order. Of several values
        /// the index would have to be sorted: they are found on the way through the trail.
        fn one_of<T: serde::Serialize + Clone + Into<Value>>(&mut self, column: &str, values: &[T]) {
            let condition = match values {
                [] => return,
                [one] => format!("{column} = ?{}", self.with(one.clone())),
                all => {
                    let list = serde_json::to_string(all).unwrap_or_default();
                    format!("+{column} IN (SELECT value FROM json_each(?{}))", self.with(list))
                }
            };
            self.parts.push(condition);
        }
        fn list<T: serde::Serialize>(&mut self, values: &[T], condition: impl FnOnce(usize) -> String) {
            if !values.is_empty() {
                let at = self.with(serde_json::to_string(values).unwrap_or_default());
                self.parts.push(condition(at));
            }
        }
        fn number(&mut self, value: Option<i64>, condition: &str) {
            if let Some(value) = value {
                let at = self.with(value);
                self.parts.push(format!("{condition} ?{at}"));
            }
        }
        fn text(&mut self, text: &str, columns: &[&str]) {
            let text = text.trim().to_lowercase();
            if !text.is_empty() {
                let at = self.with(text);
                let any: Vec<String> =
                    columns.iter().map(|column| format!("instr(lower({column}), ?{at}) > 0")).collect();
                self.parts.push(format!("({})", any.join(" OR ")));
            }
        }
        fn condition(&self) -> String {
            self.parts.join(" AND ")
        }
    }

    /// What is asked for.
    pub fn asked(filter: &Filter) -> Wanted {
        fn ids<T>(list: &[Id<T>]) -> Vec<i64> {
            list.iter().map(|id| id.0).collect()
        }
        let mut wanted = Wanted { parts: Vec::new(), parameters: Vec::new() };
        wanted.one_of("category", &filter.categories);
        wanted.one_of("actor_id", &ids(&filter.users));
        wanted.one_of("project_id", &ids(&filter.projects));
        wanted.one_of("environment_id", &ids(&filter.environments));
        wanted.one_of("tenant_id", &ids(&filter.tenants));
        wanted.list(&filter.agents, |at| format!("actor_kind IN (SELECT value FROM json_each(?{at}))"));
        wanted.list(&ids(&filter.groups), |at| format!("{GROUP} IN (SELECT value FROM json_each(?{at}))"));
        wanted.list(&filter.tags, |at| {
            format!("tenant_id IN (SELECT c.tenant_id FROM tenant_tags c JOIN tags t ON t.id = c.tag_id JOIN tag_sets s ON s.id = t.tag_set_id, json_each(?{at}) w
                WHERE lower(w.value) IN (lower(s.name || '/' || t.name), 'tags-' || t.id))")
        });
        wanted.list(&filter.regarding, |at| {
            format!("EXISTS (SELECT 1 FROM json_each(events.related) r, json_each(?{at}) w WHERE lower(json_extract(r.value, '$.id')) = lower(w.value))")
        });
        wanted.list(&filter.kinds, |at| {
            format!(
                "EXISTS (SELECT 1 FROM json_each(events.related) r, json_each(?{at}) w
                WHERE lower(substr(json_extract(r.value, '$.id'), 1, length(w.value) + 1)) = lower(w.value) || '-')"
            )
        });
        wanted.text(&filter.actor, &["actor_name"]);
        wanted.text(&filter.text, &["message", "actor_name"]);
        wanted.number(filter.from.map(|at| at.0), "+at >=");
        wanted.number(filter.to.map(|at| at.0), "+at <=");
        wanted.number(filter.before, "id <");
        wanted.number(filter.after, "id >");
        wanted.one_of("id", &ids(&filter.ids));
        wanted
    }

    /// The first and the last event of a time, by the index of times: so that only these are gone through. A clock that
    /// was put back leaves others between, which the condition on the time leaves out.
    fn of_time(rows: &Rows<'_>, filter: &Filter) -> Result<Option<(i64, i64)>> {
        if filter.from.is_none() && filter.to.is_none() {
            return Ok(Some((0, i64::MAX)));
        }
        let (from, to) = (filter.from.map_or(i64::MIN, |at| at.0), filter.to.map_or(i64::MAX, |at| at.0));
        let found = rows.one(
            "SELECT min(id), max(id) FROM events INDEXED BY events_by_time WHERE at BETWEEN ?1 AND ?2",
            (from, to),
            |row| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?)),
        )?;
        Ok(found.and_then(|(first, last)| first.zip(last)))
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Event> {
        Ok(Event {
            id: row.get(0)?,
            at: row.get(1)?,
            category: row.get(2)?,
            space: row.get(3)?,
            project: row.get(4)?,
            environment: row.get(5)?,
            tenant: row.get(6)?,
            actor: row.get(7)?,
            actor_kind: row.get(8)?,
            actor_name: row.get(9)?,
            means: row.get(10)?,
            address: row.get(11)?,
            agent: row.get(12)?,
            message: row.get(13)?,
            related: related(row.get_ref(14)?.as_str()?),
            details: details(row.get_ref(15)?.as_str()?),
        })
    }

    pub fn list(rows: &Rows<'_>, wanted: &Wanted, filter: &Filter, page: Page, upwards: bool) -> Result<Vec<Event>> {
        let Some(ids) = of_time(rows, filter)? else { return Ok(Vec::new()) };
        rows.all(&page_of(wanted, ids, page, upwards), params_from_iter(&wanted.parameters), read)
    }

    /// The statement for a page: always in the order of a key, never sorted.
    pub fn page_of(wanted: &Wanted, (first, last): (i64, i64), page: Page, upwards: bool) -> String {
        let (condition, order) = (wanted.condition(), if upwards { "ASC" } else { "DESC" });
        format!(
            "SELECT id, at, category, space_id, project_id, environment_id, tenant_id, actor_id, actor_kind, actor_name, means,
                    address, agent, message, related, details
             FROM events WHERE {condition} AND id BETWEEN {first} AND {last} ORDER BY id {order} LIMIT {} OFFSET {}",
            page.take, page.skip
        )
    }

    pub fn count(rows: &Rows<'_>, wanted: &Wanted, filter: &Filter) -> Result<i64> {
        let Some((first, last)) = of_time(rows, filter)? else { return Ok(0) };
        let condition = wanted.condition();
        let sql = format!("SELECT count(*) FROM events WHERE {condition} AND id BETWEEN {first} AND {last}");
        rows.number(&sql, params_from_iter(&wanted.parameters))
    }
}

#[cfg(test)]
mod tests;

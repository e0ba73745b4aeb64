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
    /// Only this one.
    pub id: Option<Id<Kind>>,
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
    let only = Filter { id: Some(id), ..Filter::default() };
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
        wanted.number(filter.id.map(|id| id.0), "id =");
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
mod tests {
    use super::*;
    use crate::company::{
        access::{New, Visitor, permissions as ask},
        environments,
        testing::{Harbour, Scope, harbour},
    };

    fn told(visitor: &Visitor, filter: Filter) -> Vec<String> {
        let granted = visitor.ask_anywhere::<EventView>(None).unwrap();
        let found = list(&granted, &filter, Page::ALL).unwrap();
        assert_eq!(found.total as usize, found.items.len());
        found.items.into_iter().map(|event| event.message).collect()
    }

    /// An event as a feature would write it.
    fn happened(
        harbour: &Harbour,
        message: &str,
        space: i64,
        project: Option<i64>,
        environment: Option<i64>,
        tenant: Option<i64>,
    ) {
        let ada = harbour.ada();
        let at = harbour.space(&ada);
        let granted = ada.ask(ask::EnvironmentCreate { space: New::of(&at) }).unwrap();
        let mut event = crate::company::access::Event::new("Modified").say(message).space(space).tenant(tenant);
        if let Some(project) = project {
            event = event.project(project, Some(1));
        }
        if let Some(environment) = environment {
            event = event.environment(environment);
        }
        granted.write(|tx| tx.record(event, ())).unwrap();
    }

    #[test]
    fn each_sees_what_their_scope_covers_at_each_level() {
        let harbour = harbour();
        let other = harbour.another_space("Other");
        let (shop, billing) = (harbour.project("Shop", None), harbour.project("Billing", None));
        let (staging, contoso, fabrikam) =
            (harbour.environment("Staging"), harbour.tenant("Contoso"), harbour.tenant("Fabrikam"));
        for (message, space, project, environment, tenant) in [
            ("outside", 0, None, None, None),
            ("inside", 1, None, None, None),
            ("shop", 1, Some(shop), None, None),
            ("billing", 1, Some(billing), None, None),
            ("shop staging", 1, Some(shop), Some(staging), None),
            ("shop staging contoso", 1, Some(shop), Some(staging), Some(contoso)),
            ("shop staging fabrikam", 1, Some(shop), Some(staging), Some(fabrikam)),
            ("elsewhere", other, None, None, None),
        ] {
            happened(&harbour, message, space, project, environment, tenant);
        }
        harbour.role("Sees events here", &[("space", "EventView")]);
        harbour.role("Sees events outside", &[("system", "EventView")]);
        let all = Scope::EVERYWHERE;
        let mine = |name: &str, role: &str, scope: Scope<'_>| {
            let visitor = harbour.person(name, &[(role, scope)]);
            let mut told = told(&visitor, Filter::default());
            told.retain(|line| !line.starts_with("Company") && !line.starts_with("Space"));
            told.reverse();
            told
        };
        let here = "Sees events here";
        assert_eq!(
            mine("A", here, all),
            ["inside", "shop", "billing", "shop staging", "shop staging contoso", "shop staging fabrikam"]
        );
        assert_eq!(mine("B", "Sees events outside", Scope::SYSTEM), ["outside"]);
        assert_eq!(
            mine("C", here, Scope { projects: &[shop], ..all }),
            ["shop", "shop staging", "shop staging contoso", "shop staging fabrikam"]
        );
        assert_eq!(mine("D", here, Scope { tenants: &[contoso], ..all }), ["shop staging contoso"]);
        assert_eq!(
            mine("E", here, Scope { groups: &[1], environments: &[staging], ..all }),
            ["shop staging", "shop staging contoso", "shop staging fabrikam"]
        );
        let nobody = harbour.person("F", &[]);
        assert!(matches!(nobody.ask_anywhere::<EventView>(None), Err(Error::Denied(_))));
    }

    #[test]
    fn a_page_of_a_long_trail_is_read_in_the_order_of_a_key() {
        let harbour = harbour();
        harbour.another_space("Other");
        let ada = harbour.ada();
        let granted = ada.ask_anywhere::<EventView>(None).unwrap();
        let one = |id: i64| vec![Id::new(id)];
        let none = Filter::default();
        for (filter, index) in [
            (Filter { before: Some(100_000), ..none.clone() }, "PRIMARY KEY"),
            (Filter { after: Some(100_000), ..none.clone() }, "PRIMARY KEY"),
            (Filter { categories: vec!["AccessDenied".into()], ..none.clone() }, "events_by_category"),
            (Filter { categories: vec!["Created".into(), "Deleted".into()], ..none.clone() }, "PRIMARY KEY"),
            (Filter { projects: one(1), ..none.clone() }, "events_by_project"),
            (Filter { environments: vec![Id::new(1)], ..none.clone() }, "events_by_environment"),
            (Filter { tenants: vec![Id::new(1)], before: Some(7), ..none.clone() }, "events_by_tenant"),
            (Filter { users: vec![Id::new(1)], ..none.clone() }, "events_by_actor"),
            (Filter { text: "shop".into(), actor: "ada".into(), ..none.clone() }, "PRIMARY KEY"),
        ] {
            let wanted = wanted(&granted, &filter);
            let page = Page { skip: 0, take: 50 };
            let sql =
                format!("EXPLAIN QUERY PLAN {}", sql::page_of(&wanted, (0, i64::MAX), page, filter.after.is_some()));
            let plan: Vec<String> = harbour.sql(|c| {
                let mut statement = c.prepare(&sql)?;
                let rows = statement.query_map(rusqlite::params_from_iter(&wanted.parameters), |row| row.get(3))?;
                rows.collect()
            });
            let plan = plan.join("; ");
            assert!(plan.contains(index) && !plan.contains("USE TEMP B-TREE"), "{filter:?}: {plan}");
        }
    }

    #[test]
    fn events_are_filtered_paged_and_shown_with_what_differs() {
        let harbour = harbour();
        let ada = harbour.ada();
        let space = harbour.space(&ada);
        for name in ["Dev", "Staging", "Production"] {
            let granted = ada.ask(ask::EnvironmentCreate { space: New::of(&space) }).unwrap();
            environments::create(&granted, environments::Fields::named(name)).unwrap();
        }
        let granted = ada.ask(ask::EnvironmentEdit { environment: ada.locate(&space, "dev").unwrap() }).unwrap();
        environments::edit(&granted, environments::Fields::named("Test")).unwrap();
        let ada = harbour.ada();
        let granted = ada.ask_anywhere::<EventView>(Some(&harbour.space(&ada))).unwrap();
        let page = |filter: &Filter, take| recent(&granted, filter, Page { skip: 0, take }).unwrap();

        let newest = page(&Filter::default(), 2);
        assert_eq!(newest[0].message, "Environment Test was changed");
        assert_eq!(newest[0].details[0], Detail { field: "Name".into(), from: Some("Dev".into()), to: "Test".into() });
        assert_eq!(newest[0].related[0], Related { id: "Environments-1".into(), start: 12, length: 4 });
        assert_eq!((newest[0].actor_name.as_str(), newest[0].actor), ("Ada", Some(Id::new(1))));
        let next = page(&Filter { before: Some(newest[1].id.0), ..Filter::default() }, 2);
        assert_eq!(next[0].message, "Environment Staging was created");

        for (filter, count) in [
            (Filter { categories: vec!["Created".into()], ..Filter::default() }, 4),
            (Filter { categories: vec!["Created".into(), "Modified".into()], ..Filter::default() }, 5),
            (Filter { actor: "aD".into(), ..Filter::default() }, 4),
            (Filter { agents: vec!["user".into()], ..Filter::default() }, 4),
            (Filter { agents: vec!["engine".into(), "nobody".into()], ..Filter::default() }, 0),
            (Filter { kinds: vec!["environments".into()], ..Filter::default() }, 4),
            (Filter { kinds: vec!["Environment".into()], ..Filter::default() }, 0),
            (Filter { groups: vec![Id::new(1)], ..Filter::default() }, 0),
            (Filter { tags: vec!["Region/North".into()], ..Filter::default() }, 0),
            (Filter { from: Some(newest[0].at), to: Some(newest[0].at), text: "Test".into(), ..Filter::default() }, 1),
            (Filter { text: "ENVIRONMENT".into(), ..Filter::default() }, 4),
            (Filter { text: "staging".into(), ..Filter::default() }, 1),
            (Filter { environments: vec![Id::new(1)], ..Filter::default() }, 2),
            (Filter { regarding: vec!["environments-1".into()], ..Filter::default() }, 2),
            (Filter { users: vec![Id::new(1)], ..Filter::default() }, 4),
            (Filter { users: vec![Id::new(9)], ..Filter::default() }, 0),
            (Filter { to: Some(Moment(0)), ..Filter::default() }, 0),
            (Filter { from: Some(Moment(0)), after: Some(newest[1].id.0), ..Filter::default() }, 1),
        ] {
            assert_eq!(page(&filter, 50).len(), count, "{filter:?}");
        }
        assert_eq!(show(&granted, newest[0].id).unwrap().message, newest[0].message);

        let at = |filter: Filter| part(&granted, &filter, 2).unwrap();
        let ids = |part: &Part| part.items.iter().map(|event| event.id.0).collect::<Vec<_>>();
        let first = at(Filter::default());
        assert_eq!((first.newer, first.older), (false, true));
        let second = at(Filter { before: Some(ids(&first)[1]), ..Filter::default() });
        assert_eq!((second.newer, second.items.len()), (true, 2));
        let back = at(Filter { after: Some(ids(&second)[0]), ..Filter::default() });
        assert_eq!((ids(&back), back.newer, back.older), (ids(&first), false, true));
        assert!(matches!(show(&granted, Id::new(1)), Err(Error::NotFound(_))), "the founding lies outside this space");
    }
}

//! Reading the trail: what happened, the newest first, narrowed to what the visitor may see. The door writes it.
//!
//! What happened outside all spaces is shown by `EventView` at system level, what happened in a space by `EventView`
//! there, within its scope; an event without the thing a scope names needs a grant without that scope (`access-rules §4`).

pub mod keep;

use super::access::{
    Columns, Granted, Rows,
    permissions::{EventView, List},
};
use crate::base::{
    clock::Moment,
    error::{Error, Result},
    ids::{Environment, Event as Kind, Id, Project, Space, Tenant, User},
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

/// Kinds of events that pages offer to choose from, each with its words.
pub const CATEGORIES: &[(&str, &str)] = &[
    ("Created", "Created"),
    ("Modified", "Changed"),
    ("Deleted", "Deleted"),
    ("DeploymentQueued", "Deployment queued"),
    ("DeploymentStarted", "Deployment started"),
    ("DeploymentSucceeded", "Deployment succeeded"),
    ("DeploymentFailed", "Deployment failed"),
    ("TaskQueued", "Task queued"),
    ("TaskCanceled", "Task cancelled"),
    ("MachineHealthChanged", "Target's health changed"),
    ("LoginSucceeded", "Signed in"),
    ("LoginPassword", "Gave the password"),
    ("LoginFailed", "Sign-in failed"),
    ("LoginProved", "Proved once more who they are"),
    ("LoginRefused", "Sign-in refused without a look"),
    ("LetterRequested", "Trial letter asked for"),
    ("LetterFailed", "Letter could not be sent"),
    ("Logout", "Signed out"),
    ("SecondFactorStarted", "Second factor begun"),
    ("SecondFactorAdded", "Second factor set up"),
    ("SecondFactorRemoved", "Second factor removed"),
    ("RecoveryCodesMade", "Recovery codes made"),
    ("RecoveryCodeUsed", "Recovery code used"),
    ("UserActivated", "Invitation accepted"),
    ("UserDeactivated", "Deactivated"),
    ("UserReactivated", "Reactivated"),
    ("AccessDenied", "Refused"),
    ("SecretRead", "Secret read"),
    ("TrailExported", "Trail exported"),
    ("TrailArchived", "Trail archived"),
    ("TrailArchiveRead", "Archive of the trail read"),
    ("TrailArchiveDeleted", "Archive of the trail deleted"),
    ("TrailDamaged", "Trail damaged"),
    ("BackupTaken", "Backup taken"),
    ("Restored", "Restored"),
];

/// The words for a kind of event.
pub fn category_words(category: &str) -> &str {
    CATEGORIES.iter().find(|(name, _)| *name == category).map_or(category, |(_, words)| words)
}

/// The newest events of the granted levels. `take` of them from `skip` on, without a total: see [`count`].
pub fn recent(granted: &[Granted<'_, List<EventView>>], filter: &Filter, page: Page) -> Result<Vec<Event>> {
    let Some(first) = granted.first() else { return Ok(Vec::new()) };
    let (condition, parameters) = wanted(granted, filter);
    first.read(|rows| sql::list(rows, &condition, &parameters, page))
}

/// A page of events with how many there are in all.
pub fn list(granted: &[Granted<'_, List<EventView>>], filter: &Filter, page: Page) -> Result<Listed<Event>> {
    let Some(first) = granted.first() else { return Ok(Listed { items: Vec::new(), total: 0 }) };
    let (condition, parameters) = wanted(granted, filter);
    first.read(|rows| {
        let total = sql::count(rows, &condition, &parameters)?;
        Ok(Listed { items: sql::list(rows, &condition, &parameters, page)?, total })
    })
}

/// One event.
///
/// # Errors
/// `NotFound` also for one that the visitor may not see.
pub fn show(granted: &[Granted<'_, List<EventView>>], id: Id<Kind>) -> Result<Event> {
    let only = Filter { id: Some(id), ..Filter::default() };
    recent(granted, &only, Page { skip: 0, take: 1 })?.pop().ok_or_else(|| Error::NotFound(id.to_string()))
}

/// The condition for all that may be seen and is asked for.
fn wanted(granted: &[Granted<'_, List<EventView>>], filter: &Filter) -> (String, Vec<rusqlite::types::Value>) {
    let mut parameters = sql::parameters(filter);
    let columns = Columns {
        // The group a project is in now; of a project that is gone, the one it was in.
        group: Some("COALESCE((SELECT p.group_id FROM projects p WHERE p.id = events.project_id), events.group_id)"),
        project: Some("project_id"),
        environment: Some("environment_id"),
        tenant: Some("tenant_id"),
        null_is_any: false,
    };
    let levels: Vec<String> = granted
        .iter()
        .map(|one| {
            let seen = one.reach().condition(columns, &mut parameters);
            match one.what().space() {
                0 => format!("(space_id IS NULL AND {seen})"),
                space => format!("(space_id = {space} AND {seen})"),
            }
        })
        .collect();
    (format!("{} AND ({})", sql::ASKED, levels.join(" OR ")), parameters)
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

    /// What is asked for; its parameters are those of [`parameters`].
    pub const ASKED: &str = "(?1 IS NULL OR category IN (SELECT value FROM json_each(?1)))
        AND (?2 IS NULL OR actor_id IN (SELECT value FROM json_each(?2)))
        AND (?3 IS NULL OR project_id IN (SELECT value FROM json_each(?3)))
        AND (?4 IS NULL OR environment_id IN (SELECT value FROM json_each(?4)))
        AND (?5 IS NULL OR tenant_id IN (SELECT value FROM json_each(?5)))
        AND (?6 IS NULL OR EXISTS (SELECT 1 FROM json_each(events.related) r, json_each(?6) w
                                   WHERE lower(json_extract(r.value, '$.id')) = lower(w.value)))
        AND (?7 IS NULL OR at >= ?7) AND (?8 IS NULL OR at <= ?8)
        AND (?9 = '' OR instr(lower(message), ?9) > 0 OR instr(lower(actor_name), ?9) > 0)
        AND (?10 IS NULL OR id < ?10) AND (?11 IS NULL OR id > ?11) AND (?12 IS NULL OR id = ?12)";

    pub fn parameters(filter: &Filter) -> Vec<Value> {
        fn json<T: serde::Serialize>(list: &[T]) -> Value {
            if list.is_empty() { Value::Null } else { serde_json::to_string(list).unwrap_or_default().into() }
        }
        fn ids<T>(list: &[Id<T>]) -> Value {
            json(&list.iter().map(|id| id.0).collect::<Vec<_>>())
        }
        let number = |number: Option<i64>| number.map_or(Value::Null, Value::Integer);
        vec![
            json(&filter.categories),
            ids(&filter.users),
            ids(&filter.projects),
            ids(&filter.environments),
            ids(&filter.tenants),
            json(&filter.regarding),
            number(filter.from.map(|at| at.0)),
            number(filter.to.map(|at| at.0)),
            filter.text.trim().to_lowercase().into(),
            number(filter.before),
            number(filter.after),
            number(filter.id.map(|id| id.0)),
        ]
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

    pub fn list(rows: &Rows<'_>, condition: &str, parameters: &[Value], page: Page) -> Result<Vec<Event>> {
        let sql = format!(
            "SELECT id, at, category, space_id, project_id, environment_id, tenant_id, actor_id, actor_kind, actor_name, means,
                    address, agent, message, related, details
             FROM events WHERE {condition} ORDER BY id DESC LIMIT {} OFFSET {}",
            page.take, page.skip
        );
        rows.all(&sql, params_from_iter(parameters), read)
    }

    pub fn count(rows: &Rows<'_>, condition: &str, parameters: &[Value]) -> Result<i64> {
        rows.number(&format!("SELECT count(*) FROM events WHERE {condition}"), params_from_iter(parameters))
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
        assert!(matches!(show(&granted, Id::new(1)), Err(Error::NotFound(_))), "the founding lies outside this space");
    }
}

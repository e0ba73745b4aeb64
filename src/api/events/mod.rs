//! `/api/events`: the trail. What it is kept and proved with is [`keeping`].

pub(super) mod keeping;

use super::{
    caller::{Ask, Reply},
    resource,
    wire::{self, All, Answer, Collection, Described, Json, Links, Nothing, Query},
};
use crate::{
    base::{
        error::{Error, Result},
        ids::{self, Id, Kind},
    },
    company::{
        access::{
            Granted,
            permissions::{EventView, List},
        },
        audit::{
            self, CATEGORIES, Event, Filter, GROUPS,
            export::{self as out, Format},
        },
    },
    http::download::Download,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// An event on the wire.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EventResource {
    id: String,
    /// Its number; the next one has the next number.
    auto_id: i64,
    category: String,
    occurred: String,
    user_id: String,
    username: String,
    is_service: bool,
    identity_established_with: String,
    ip_address: String,
    user_agent: String,
    message: String,
    message_html: String,
    message_references: Vec<EventReference>,
    related_document_ids: Vec<String>,
    space_id: Option<String>,
    comments: Nothing,
    details: Nothing,
    #[serde(skip_serializing_if = "Option::is_none")]
    change_details: Option<ChangeDetails>,
    links: Links,
}

/// A thing that an event's message names.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EventReference {
    referenced_document_id: String,
    /// In UTF-16 units.
    start_index: usize,
    length: usize,
}

/// What differs.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ChangeDetails {
    /// By field: before and now, or a single fact.
    differences: BTreeMap<String, EventDifference>,
}

/// What an event tells of a field.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum EventDifference {
    #[serde(rename_all = "PascalCase")]
    Change {
        from: Value,
        to: Value,
    },
    Fact(Value),
}

/// Which events. Lists are alternatives.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct EventQuery {
    ids: Option<Vec<String>>,
    /// Only what names one of these things.
    regarding: Vec<String>,
    /// As regarding.
    regarding_any: Vec<String>,
    users: Option<Vec<String>>,
    /// As users.
    user: Option<Vec<String>>,
    projects: Option<Vec<String>>,
    project_groups: Option<Vec<String>>,
    environments: Option<Vec<String>>,
    tenants: Option<Vec<String>>,
    /// As `Set/Tag` or by id.
    tags: Vec<String>,
    event_groups: Vec<String>,
    event_categories: Vec<String>,
    event_agents: Vec<String>,
    document_types: Vec<String>,
    from: String,
    to: String,
    from_auto_id: Option<i64>,
    to_auto_id: Option<i64>,
    spaces: Vec<String>,
    include_system: Option<bool>,
    exclude_difference: bool,
    /// A file in place of a page.
    as_csv: bool,
    /// Part of the message or of the actor's name.
    text: String,
    /// Part of the name of whoever did it.
    actor: String,
    /// Of an export: jsonl or csv.
    format: String,
}

/// A word and what it means.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EventWord {
    id: &'static str,
    name: &'static str,
}

/// A group of kinds of events.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EventGroup {
    id: &'static str,
    name: &'static str,
    event_categories: Vec<&'static str>,
}

/// A page of the trail, or all of it as a file.
pub(super) enum EventsAnswer {
    Page(Collection<EventResource>),
    File(Reply),
}

impl Answer for EventsAnswer {
    fn reply(self) -> Result<Reply> {
        match self {
            EventsAnswer::Page(page) => page.reply(),
            EventsAnswer::File(file) => Ok(file),
        }
    }
    fn described() -> Option<(&'static str, Described)> {
        Collection::<EventResource>::described()
    }
}

fn draw(ask: &Ask, event: &Event, with_difference: bool) -> EventResource {
    let own = format!("{}/events/{}", resource::api(ask), event.id);
    let mut related: Vec<String> = event.related.iter().map(|one| one.id.clone()).collect();
    related.extend(event.project.map(|id| id.to_string()));
    related.extend(event.environment.map(|id| id.to_string()));
    related.extend(event.tenant.map(|id| id.to_string()));
    let mut seen = std::collections::HashSet::new();
    related.retain(|id| seen.insert(id.clone()));
    let references = event.related.iter().filter(|one| one.length > 0).map(|one| EventReference {
        referenced_document_id: one.id.clone(),
        start_index: one.start,
        length: one.length,
    });
    let differences = event.details.iter().map(|detail| {
        let told = match &detail.from {
            Some(from) => EventDifference::Change { from: from.clone(), to: detail.to.clone() },
            None => EventDifference::Fact(detail.to.clone()),
        };
        (detail.field.clone(), told)
    });
    EventResource {
        id: event.id.to_string(),
        auto_id: event.id.0,
        category: event.category.clone(),
        occurred: event.at.wire(),
        user_id: event.actor.map_or_else(|| format!("users-{}", event.actor_kind), |id| id.to_string()),
        username: event.actor_name.clone(),
        is_service: event.actor_kind == "service",
        identity_established_with: event.means.clone(),
        ip_address: event.address.clone(),
        user_agent: event.agent.clone(),
        message_html: escape(&event.message),
        message: event.message.clone(),
        message_references: references.collect(),
        related_document_ids: related,
        space_id: event.space.map(|space| space.to_string()),
        comments: Nothing::default(),
        details: Nothing::default(),
        change_details: with_difference.then(|| ChangeDetails { differences: differences.collect() }),
        links: Links::of(&own, &[]),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// Proofs for the levels asked for: the space of the path, or `spaces` and `includeSystem`, or all there are.
fn levels<'a>(ask: &'a Ask, query: &EventQuery) -> Result<Vec<Granted<'a, List<EventView>>>> {
    let visitor = ask.visitor()?;
    if !ask.parameter("space").is_empty() {
        return visitor.ask_anywhere::<EventView>(Some(&ask.space()?));
    }
    let mut all = visitor.ask_anywhere::<EventView>(None)?;
    let asked = wire::numbers::<ids::Space>(&query.spaces);
    if !asked.is_empty() {
        let system = query.include_system == Some(true);
        all.retain(|one| asked.contains(&one.what().space()) || (system && one.what().space() == 0));
    } else if query.include_system == Some(false) {
        all.retain(|one| one.what().space() != 0);
    }
    Ok(all)
}

impl EventQuery {
    fn filter(&self) -> Result<Filter> {
        fn many<T: Kind>(asked: Option<&Vec<String>>) -> Vec<Id<T>> {
            let Some(asked) = asked else { return Vec::new() };
            let ids: Vec<Id<T>> = wire::numbers::<T>(asked).into_iter().map(Id::new).collect();
            // Ids were given and none is one: nothing can match, and not everything.
            if ids.is_empty() && !asked.is_empty() { vec![Id::new(0)] } else { ids }
        }
        let mut users = many::<ids::User>(self.users.as_ref());
        users.extend(many::<ids::User>(self.user.as_ref()));
        let mut categories = self.event_categories.clone();
        for name in &self.event_groups {
            match audit::group(name) {
                Some(kinds) => categories.extend(kinds.iter().map(|kind| (*kind).to_owned())),
                // A group that there is not has nothing in it.
                None => categories.push(name.clone()),
            }
        }
        Ok(Filter {
            categories,
            agents: self.event_agents.clone(),
            actor: self.actor.clone(),
            groups: many(self.project_groups.as_ref()),
            tags: self.tags.clone(),
            kinds: self.document_types.clone(),
            users,
            projects: many(self.projects.as_ref()),
            environments: many(self.environments.as_ref()),
            tenants: many(self.tenants.as_ref()),
            regarding: self.regarding.iter().chain(&self.regarding_any).cloned().collect(),
            from: resource::moment("from", Some(&self.from))?,
            to: resource::moment("to", Some(&self.to))?,
            text: self.text.clone(),
            before: self.to_auto_id.map(|id| id.saturating_add(1)),
            after: self.from_auto_id.map(|id| id.saturating_sub(1)),
            ids: many(self.ids.as_ref()),
        })
    }
}

/// A page of them, the newest first.
pub(super) fn list(ask: &Ask, query: Query<EventQuery>) -> Result<EventsAnswer> {
    let own = match ask.parameter("space") {
        "" => format!("{}/events", resource::api(ask)),
        _ => format!("{}/events", resource::space_api(ask, ask.space()?.id().0)),
    };
    if query.as_csv {
        return Ok(EventsAnswer::File(export_as(ask, query, Format::Csv)?));
    }
    let listed = audit::list(&levels(ask, &query)?, &query.filter()?, ask.page())?;
    let told = !query.exclude_difference;
    let page = wire::collection(ask, &query, &own, "Event", listed, ask.page(), |event| draw(ask, event, told));
    Ok(EventsAnswer::Page(page))
}

/// Which levels, and how much of an event.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct OneEventQuery {
    exclude_difference: bool,
}

/// One.
pub(super) fn show(ask: &Ask, query: Query<OneEventQuery>) -> Result<Json<EventResource>> {
    let missing = || Error::NotFound(ask.parameter("id").to_owned());
    let id = Id::<ids::Event>::parse(ask.parameter("id")).ok_or_else(missing)?;
    let found = audit::show(&levels(ask, &EventQuery::default())?, id)?;
    Ok(Json(draw(ask, &found, !query.exclude_difference)))
}

/// The kinds of events there are.
pub(super) fn categories(_: &Ask) -> Result<All<EventWord>> {
    Ok(All(CATEGORIES.iter().map(|(id, name)| EventWord { id, name }).collect()))
}

/// Groups of kinds.
pub(super) fn groups(_: &Ask) -> Result<All<EventGroup>> {
    let groups = GROUPS.iter().map(|(id, name, kinds)| EventGroup { id, name, event_categories: kinds.to_vec() });
    Ok(All(groups.collect()))
}

/// All that is asked for as a file: `format=jsonl` or `csv`, with the filters of the list.
pub(super) fn export(ask: &Ask, query: Query<EventQuery>) -> Result<Reply> {
    let wrong = || Error::invalid("format", "Give jsonl or csv.");
    let format = match query.format.trim() {
        "" => Format::JsonLines,
        word => Format::of(word).ok_or_else(wrong)?,
    };
    export_as(ask, query, format)
}

fn export_as(ask: &Ask, query: Query<EventQuery>, format: Format) -> Result<Reply> {
    let asked = ask.call.uri.query().unwrap_or_default();
    // A key can stand in the address; it does not belong into the trail.
    let asked: Vec<&str> = asked.split('&').filter(|pair| !pair.to_ascii_lowercase().starts_with("apikey=")).collect();
    let mut export = out::begin(&levels(ask, &query)?, query.filter()?, format, &asked.join("&"))?;
    let name = format!("trail-{}.{}", ask.company()?.slug(), format.ending());
    let again = ask.again()?;
    let pieces = Box::new(move || {
        // Whoever lost the right, or the key, gets no further piece.
        again.with(|ask| out::next(&levels(ask, &query)?, &mut export))
    });
    Reply::file(Download::new(format.media_type(), &name, pieces))
}

/// By what events are caused.
pub(super) fn agents(_: &Ask) -> Result<All<EventWord>> {
    let all = [
        ("user", "A person"),
        ("service", "A service account"),
        ("engine", "Bulkhead"),
        ("operator", "The operator"),
        ("nobody", "Nobody who is known"),
    ];
    Ok(All(all.into_iter().map(|(id, name)| EventWord { id, name }).collect()))
}

/// What events are about.
pub(super) fn document_types(_: &Ask) -> Result<All<EventWord>> {
    fn one<T: Kind>() -> EventWord {
        EventWord { id: T::PREFIX, name: T::WORD }
    }
    Ok(All(vec![
        one::<ids::Space>(),
        one::<ids::User>(),
        one::<ids::Team>(),
        one::<ids::ProjectGroup>(),
        one::<ids::Environment>(),
        one::<ids::Lifecycle>(),
        one::<ids::Project>(),
        one::<ids::Channel>(),
        one::<ids::Tenant>(),
        one::<ids::TagSet>(),
        one::<ids::Release>(),
        one::<ids::Deployment>(),
        one::<ids::Task>(),
        one::<ids::Target>(),
        one::<ids::Account>(),
    ]))
}

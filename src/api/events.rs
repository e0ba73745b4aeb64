//! `/api/events`: the trail.

use super::{
    caller::{Ask, Reply},
    resource,
};
use crate::{
    base::{
        clock::Moment,
        error::{Error, Result},
        ids::{self, Id, Kind},
    },
    company::{
        access::{
            Granted,
            permissions::{EventView, List},
        },
        audit::{self, CATEGORIES, Event, Filter},
    },
};
use serde_json::{Map, Value, json};

fn draw(ask: &Ask, event: &Event) -> Value {
    let own = format!("{}/events/{}", resource::api(ask), event.id);
    let mut related: Vec<String> = event.related.iter().map(|one| one.id.clone()).collect();
    related.extend(event.project.map(|id| id.to_string()));
    related.extend(event.environment.map(|id| id.to_string()));
    related.extend(event.tenant.map(|id| id.to_string()));
    let mut seen = std::collections::HashSet::new();
    related.retain(|id| seen.insert(id.clone()));
    let references = event.related.iter().filter(|one| one.length > 0);
    let references =
        references.map(|one| json!({ "ReferencedDocumentId": one.id, "StartIndex": one.start, "Length": one.length }));
    let mut drawn = json!({
        "Id": event.id.to_string(), "AutoId": event.id.0, "Category": event.category, "Occurred": event.at.wire(),
        "UserId": event.actor.map_or_else(|| format!("users-{}", event.actor_kind), |id| id.to_string()),
        "Username": event.actor_name, "IsService": event.actor_kind == "service", "IdentityEstablishedWith": event.means,
        "IpAddress": event.address, "UserAgent": event.agent, "Message": event.message, "MessageHtml": escape(&event.message),
        "MessageReferences": references.collect::<Vec<_>>(), "RelatedDocumentIds": related,
        "SpaceId": event.space.map(|space| space.to_string()), "Comments": null, "Details": null,
        "Links": resource::links(&own, &[]),
    });
    if ask.asked_bool("excludeDifference") != Some(true) {
        let difference: Map<String, Value> = event
            .details
            .iter()
            .map(|detail| match &detail.from {
                Some(from) => (detail.field.clone(), json!({ "From": from, "To": detail.to })),
                None => (detail.field.clone(), detail.to.clone()),
            })
            .collect();
        drawn["ChangeDetails"] = json!({ "Differences": difference });
    }
    drawn
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// Proofs for the levels asked for: the space of the path, or `spaces` and `includeSystem`, or all there are.
fn levels<'a>(ask: &'a Ask) -> Result<Vec<Granted<'a, List<EventView>>>> {
    let visitor = ask.visitor()?;
    if !ask.parameter("space").is_empty() {
        return visitor.ask_anywhere::<EventView>(Some(&ask.space()?));
    }
    let mut all = visitor.ask_anywhere::<EventView>(None)?;
    if let Some(asked) = ask.asked_ids::<ids::Space>("spaces").filter(|asked| !asked.is_empty()) {
        let system = ask.asked_bool("includeSystem") == Some(true);
        all.retain(|one| asked.contains(&one.what().space()) || (system && one.what().space() == 0));
    } else if ask.asked_bool("includeSystem") == Some(false) {
        all.retain(|one| one.what().space() != 0);
    }
    Ok(all)
}

fn filter(ask: &Ask) -> Result<Filter> {
    fn many<T: Kind>(ask: &Ask, name: &str) -> Vec<Id<T>> {
        match ask.asked_ids::<T>(name) {
            // Ids were given and none is one: nothing can match, and not everything.
            Some(ids) if ids.is_empty() && ask.asked(name).is_some_and(|text| !text.trim().is_empty()) => {
                vec![Id::new(0)]
            }
            Some(ids) => ids.into_iter().map(Id::new).collect(),
            None => Vec::new(),
        }
    }
    let moment = |name: &str| match ask.asked(name).filter(|text| !text.trim().is_empty()) {
        Some(text) => {
            // A plus sign in an address reads as a blank.
            let parsed = Moment::parse(text).or_else(|| Moment::parse(&text.trim().replace(' ', "+")));
            parsed.map(Some).ok_or_else(|| Error::invalid(name, "Give a moment such as 2026-01-31T10:00:00.000+00:00."))
        }
        None => Ok(None),
    };
    let number = |name: &str| ask.asked(name).and_then(|text| text.trim().parse::<i64>().ok());
    let mut users = many::<ids::User>(ask, "users");
    users.extend(many::<ids::User>(ask, "user"));
    let mut regarding = ask.call.asked_all("regarding");
    regarding.extend(ask.call.asked_all("regardingAny"));
    regarding.retain(|id| !id.trim().is_empty());
    let mut categories = ask.call.asked_all("eventCategories");
    categories.retain(|category| !category.trim().is_empty());
    Ok(Filter {
        categories,
        users,
        projects: many(ask, "projects"),
        environments: many(ask, "environments"),
        tenants: many(ask, "tenants"),
        regarding,
        from: moment("from")?,
        to: moment("to")?,
        text: ask.asked_text("text"),
        before: number("toAutoId").map(|id| id.saturating_add(1)),
        after: number("fromAutoId").map(|id| id.saturating_sub(1)),
        id: None,
    })
}

/// A page of them, the newest first.
pub(super) fn list(ask: &Ask) -> Result<Reply> {
    let own = match ask.parameter("space") {
        "" => format!("{}/events", resource::api(ask)),
        _ => format!("{}/events", resource::space_api(ask, ask.space()?.id().0)),
    };
    let listed = audit::list(&levels(ask)?, &filter(ask)?, ask.page())?;
    let template = "skip,take,regarding,regardingAny,users,projects,environments,tenants,eventCategories,from,to,fromAutoId,toAutoId,spaces,includeSystem,excludeDifference";
    resource::collection(&own, "Event", listed, ask.page(), template, |event| draw(ask, event))
}

/// One.
pub(super) fn show(ask: &Ask) -> Result<Reply> {
    let missing = || Error::NotFound(ask.parameter("id").to_owned());
    let id = Id::<ids::Event>::parse(ask.parameter("id")).ok_or_else(missing)?;
    Reply::ok(draw(ask, &audit::show(&levels(ask)?, id)?))
}

/// The kinds of events there are.
pub(super) fn categories(_: &Ask) -> Result<Reply> {
    Reply::ok(CATEGORIES.iter().map(|(id, name)| json!({ "Id": id, "Name": name })).collect())
}

/// Groups of kinds: none yet.
pub(super) fn groups(_: &Ask) -> Result<Reply> {
    Reply::ok(json!([]))
}

/// By what events are caused.
pub(super) fn agents(_: &Ask) -> Result<Reply> {
    let all =
        [("user", "A person"), ("service", "A service account"), ("engine", "Bulkhead"), ("operator", "The operator")];
    Reply::ok(all.iter().map(|(id, name)| json!({ "Id": id, "Name": name })).collect())
}

/// What events are about.
pub(super) fn document_types(_: &Ask) -> Result<Reply> {
    fn one<T: Kind>() -> Value {
        json!({ "Id": T::PREFIX, "Name": T::WORD })
    }
    Reply::ok(json!([
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

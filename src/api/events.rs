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
        paging::{Listed, Page},
    },
    company::{
        access::{
            Archive, Granted,
            permissions::{ConfigureServer, EventRetentionDelete, EventRetentionView, EventView, List},
        },
        audit::{
            self, CATEGORIES, Event, Filter, GROUPS,
            export::{self as out, Format},
            keep,
        },
    },
    http::download::{Download, of_file},
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
    for name in ask.call.asked_all("eventGroups") {
        match audit::group(&name) {
            Some(kinds) => categories.extend(kinds.iter().map(|kind| (*kind).to_owned())),
            // A group that there is not has nothing in it.
            None => categories.push(name),
        }
    }
    Ok(Filter {
        categories,
        agents: ask.call.asked_all("eventAgents"),
        actor: ask.asked_text("actor"),
        groups: many(ask, "projectGroups"),
        tags: ask.call.asked_all("tags"),
        kinds: ask.call.asked_all("documentTypes"),
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
    if ask.asked_bool("asCsv") == Some(true) {
        return export_as(ask, Format::Csv);
    }
    let template = "skip,take,regarding,regardingAny,users,projects,projectGroups,environments,tenants,tags,eventGroups,eventCategories,eventAgents,documentTypes,from,to,fromAutoId,toAutoId,spaces,includeSystem,excludeDifference,asCsv,text,actor";
    resource::collection(ask, &own, "Event", listed, ask.page(), template, |event| draw(ask, event))
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

/// Groups of kinds.
pub(super) fn groups(_: &Ask) -> Result<Reply> {
    Reply::ok(
        GROUPS.iter().map(|(id, name, kinds)| json!({ "Id": id, "Name": name, "EventCategories": kinds })).collect(),
    )
}

/// All that is asked for as a file: `format=jsonl` or `csv`, with the filters of the list.
pub(super) fn export(ask: &Ask) -> Result<Reply> {
    let wrong = || Error::invalid("format", "Give jsonl or csv.");
    let format = match ask.asked_text("format").trim() {
        "" => Format::JsonLines,
        word => Format::of(word).ok_or_else(wrong)?,
    };
    export_as(ask, format)
}

fn export_as(ask: &Ask, format: Format) -> Result<Reply> {
    let asked = ask.call.uri.query().unwrap_or_default();
    // A key can stand in the address; it does not belong into the trail.
    let asked: Vec<&str> = asked.split('&').filter(|pair| !pair.to_ascii_lowercase().starts_with("apikey=")).collect();
    let mut export = out::begin(&levels(ask)?, filter(ask)?, format, &asked.join("&"))?;
    let name = format!("trail-{}.{}", ask.company()?.slug(), format.ending());
    let again = ask.again()?;
    let pieces = Box::new(move || {
        // Whoever lost the right, or the key, gets no further piece.
        again.with(|ask| out::next(&levels(ask)?, &mut export))
    });
    Reply::file(Download::new(format.media_type(), &name, pieces))
}

fn archive_number(ask: &Ask) -> Result<i64> {
    let text = ask.parameter("id");
    let number = text.trim_start_matches(|c: char| !c.is_ascii_digit());
    number.parse().map_err(|_| Error::NotFound(text.to_owned()))
}

/// The archives of old days.
pub(super) fn archives(ask: &Ask) -> Result<Reply> {
    let all = keep::archives(&ask.visitor()?.ask(EventRetentionView {})?)?;
    let draw = |one: &Archive| {
        let own = format!("{}/events/archives/{}", resource::api(ask), one.number);
        json!({
            "Id": one.number.to_string(), "FileName": one.file, "Day": one.day, "FirstAutoId": one.first, "LastAutoId": one.last,
            "FileBytes": one.bytes, "CreatedDate": one.at.wire(), "DeletedDate": one.removed_at.map(|at| at.wire()),
            "Links": resource::links(&own, &[]),
        })
    };
    let listed = Listed { total: all.len() as i64, items: all };
    let own = format!("{}/events/archives", resource::api(ask));
    resource::collection(ask, &own, "ArchivedEventFile", listed, Page::ALL, "", draw)
}

/// One archive as a file.
pub(super) fn archive(ask: &Ask) -> Result<Reply> {
    let number = archive_number(ask);
    let (about, file) = out::archive(&ask.visitor()?.ask(EventRetentionView {})?, number?)?;
    Reply::file(Download::new(Format::JsonLines.media_type(), &about.file, of_file(file)))
}

/// Deletes an archive.
pub(super) fn delete_archive(ask: &Ask) -> Result<Reply> {
    let number = archive_number(ask);
    out::delete_archive(&ask.visitor()?.ask(EventRetentionDelete {})?, number?)?;
    Reply::done()
}

/// What the trail can be proved with.
pub(super) fn proofs(ask: &Ask) -> Result<Reply> {
    let proofs = keep::standing(&ask.visitor()?.ask(EventRetentionView {})?)?;
    let last =
        proofs.last.map(|(number, event, at)| json!({ "Number": number, "AutoId": event, "Written": at.wire() }));
    let witness = |one: &keep::Standing| json!({ "Kind": one.kind, "Checkpoint": one.told, "Told": one.told_at.map(|at| at.wire()), "Fault": one.fault });
    Reply::ok(json!({
        "PublicKey": proofs.public_key, "Fingerprint": proofs.fingerprint, "LastCheckpoint": last,
        "RetentionDays": proofs.retention_days, "Witnesses": proofs.witnesses.iter().map(witness).collect::<Vec<_>>(),
    }))
}

/// The secret of the checkpoints' webhook.
pub(super) fn secret(ask: &Ask) -> Result<Reply> {
    let secret = keep::webhook_secret(&ask.visitor()?.ask(ConfigureServer {})?)?;
    Reply::ok(json!({ "Secret": secret }))
}

/// By what events are caused.
pub(super) fn agents(_: &Ask) -> Result<Reply> {
    let all = [
        ("user", "A person"),
        ("service", "A service account"),
        ("engine", "Bulkhead"),
        ("operator", "The operator"),
        ("nobody", "Nobody who is known"),
    ];
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

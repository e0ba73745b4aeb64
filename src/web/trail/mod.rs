//! The trail: what happened, filtered; one event with what differs; the trail taken out, its archives and its proofs.

mod filter;
mod proofs;

pub(super) use proofs::{archive, delete_archive, export, proofs, secret};

use super::{
    caller::{Answer, Visit},
    page::{Chip, DiffLine, Frame, Kv, When},
};
use crate::{
    base::{
        clock::Moment,
        error::{Error, Result},
        ids::{self, Id},
    },
    company::{
        access::permissions::{EventRetentionView, EventView},
        audit::{self, Detail, Event},
    },
};
use askama::Template;

const ROWS: i64 = 50;

#[derive(Template)]
#[template(path = "trail/list.html")]
struct List {
    frame: Frame,
    form: filter::Form,
    rows: Vec<Row>,
    newer: Option<String>,
    older: Option<String>,
    export: String,
    pairs: Vec<(&'static str, String)>,
    proofs: Option<String>,
}

struct Row {
    number: i64,
    href: String,
    when: When,
    chip: Chip,
    message: String,
    who: String,
    means: String,
    from: String,
    diff: Vec<DiffLine>,
}

/// Beside the id of what has no name any more.
const GONE: &str = "deleted since";

struct Thing {
    name: String,
    id: String,
    href: String,
}

#[derive(Template)]
#[template(path = "trail/show.html")]
struct Show {
    frame: Frame,
    chip: Chip,
    message: String,
    about: Kv,
    diff: Vec<DiffLine>,
    things: Vec<Thing>,
}

/// A time by the company's clocks: in a trail the order of things is what is read.
fn when_in(at: Moment, zone: &str) -> When {
    When::exactly(at, zone)
}

/// What happened, the newest first.
pub(super) fn list(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.ask_anywhere::<EventView>(None)?;
    let zone = audit::time_zone(&granted)?;
    let pairs = filter::pairs(|name| visit.call.asked_all(name));
    let mut wanted = filter::read(visit, &pairs, &zone)?;
    let number = |name: &str| visit.call.asked(name).and_then(|text| text.parse::<i64>().ok());
    (wanted.before, wanted.after) = (number("before"), number("after"));
    let part = audit::part(&granted, &wanted, ROWS)?;
    let query = filter::query(&pairs);
    let to = |word: &str, event: Option<&Event>| {
        let event = event?;
        let joint = if query.is_empty() { "" } else { "&" };
        Some(visit.path(&format!("/trail?{query}{joint}{word}={}", event.id.0)))
    };
    Answer::page(&List {
        newer: to("after", part.items.first()).filter(|_| part.newer),
        older: to("before", part.items.last()).filter(|_| part.older),
        frame: visit.frame("trail", "Trail"),
        form: filter::form(visit, &pairs, &zone)?,
        rows: part.items.into_iter().map(|event| row(visit, event, &zone)).collect(),
        export: visit.path("/trail/export"),
        pairs,
        proofs: visit.visitor.may(EventRetentionView {}).then(|| visit.path("/trail/proofs")),
    })
}

fn chip(category: &str) -> Chip {
    let state = match category {
        "DeploymentSucceeded"
        | "TaskSucceeded"
        | "LoginSucceeded"
        | "LoginProved"
        | "UserActivated"
        | "MachineHealthy" => "success",
        "DeploymentFailed" | "TaskFailed" | "LoginFailed" | "LoginRefused" | "AccessDenied" | "TrailDamaged"
        | "MachineUnavailable" | "LetterFailed" => "failed",
        "DeploymentQueued" | "TaskQueued" => "queued",
        "DeploymentStarted" | "TaskStarted" => "running",
        "Deleted" | "TaskCanceled" | "UserDeactivated" | "MachineDeleted" | "MachineDisabled" => "cancelled",
        _ => "info",
    };
    Chip::new(state, audit::category_words(category))
}

fn row(visit: &Visit, event: Event, zone: &str) -> Row {
    let from = if event.address.is_empty() { String::new() } else { format!("from {}", event.address) };
    Row {
        number: event.id.0,
        href: visit.path(&format!("/trail/{}", event.id)),
        when: when_in(event.at, zone),
        chip: chip(&event.category),
        message: event.message,
        who: event.actor_name,
        means: event.means,
        from,
        diff: event.details.iter().flat_map(lines).collect(),
    }
}

/// One event.
pub(super) fn show(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.ask_anywhere::<EventView>(None)?;
    let missing = || Error::NotFound(visit.parameter("event").to_owned());
    let id = Id::<ids::Event>::parse(visit.parameter("event")).ok_or_else(missing)?;
    let event = audit::show(&granted, id)?;
    let zone = audit::time_zone(&granted)?;
    let trail = |name: &str, value: &str| {
        visit.path(&format!(
            "/trail?{}",
            filter::query(&[(if name == "user" { "user" } else { "regarding" }, value.to_owned())])
        ))
    };
    let about = Kv::new().row("When", event.at.in_zone(&zone)).hint(event.at.relative());
    let about = match event.actor {
        Some(actor) => {
            about.link("Who", &event.actor_name, trail("user", &actor.to_string())).hint(actor_words(&event))
        }
        None => about.row("Who", &event.actor_name).hint(actor_words(&event)),
    };
    let mut about = about.row("By which means", &event.means).mono("From", &event.address).row("With", &event.agent);
    if let Some(space) = event.space {
        let names = audit::places(&granted, &event)?;
        about = match names.space {
            Some(name) => about.row("Space", name).hint(space.to_string()),
            None => about.mono("Space", space.to_string()).hint(GONE),
        };
        let place = |kind: &str, id: &str| visit.path(&format!("/go/{space}/{kind}/{id}"));
        for (label, kind, id, name) in [
            ("Project", "projects", event.project.map(|id| id.to_string()), names.project),
            ("Environment", "environments", event.environment.map(|id| id.to_string()), names.environment),
            ("Tenant", "tenants", event.tenant.map(|id| id.to_string()), names.tenant),
        ] {
            about = match (id, name) {
                (Some(id), Some(name)) => about.link(label, name, place(kind, &id)).hint(id),
                (Some(id), None) => about.mono(label, id).hint(GONE),
                (None, _) => about,
            };
        }
    }
    about = about.mono("Id", event.id.to_string());
    Answer::page(&Show {
        frame: visit.frame("trail", event.message.clone()).crumb("Trail", visit.path("/trail")),
        chip: chip(&event.category),
        diff: event.details.iter().flat_map(lines).collect(),
        things: event.related.iter().map(|one| thing(&event.message, one, trail("regarding", &one.id))).collect(),
        message: event.message,
        about,
    })
}

/// Something that an event names: by the name it had then, where the message has it.
fn thing(message: &str, related: &audit::Related, href: String) -> Thing {
    let letters: Vec<u16> = message.encode_utf16().skip(related.start).take(related.length).collect();
    let name = String::from_utf16_lossy(&letters);
    match name.is_empty() {
        true => Thing { name: related.id.clone(), id: String::new(), href },
        false => Thing { name, id: related.id.clone(), href },
    }
}

fn actor_words(event: &Event) -> &'static str {
    match event.actor_kind.as_str() {
        "user" => "a person",
        "service" => "a service account",
        "engine" => "the server itself",
        "operator" => "whoever runs the appliance",
        _ => "nobody who is known",
    }
}

/// One detail as lines of a difference.
fn lines(detail: &Detail) -> Vec<DiffLine> {
    let text = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Null => String::new(),
        other => other.to_string(),
    };
    let mut out = Vec::new();
    if let Some(from) = detail.from.as_ref().filter(|from| !from.is_null()) {
        out.push(DiffLine::removed(format!("{}: {}", detail.field, text(from))));
    }
    if detail.from.is_none() || !detail.to.is_null() {
        out.push(DiffLine::added(format!("{}: {}", detail.field, text(&detail.to))));
    }
    out
}

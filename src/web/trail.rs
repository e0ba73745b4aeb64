//! The trail: what happened, filtered, with the difference.

use super::{
    caller::{Answer, Visit},
    environments::encode,
    page::{Chip, Choice, DiffLine, FilterBar, Frame, Pager, When},
    tasks::when,
};
use crate::{
    base::{
        clock::Moment,
        error::Result,
        ids::{Id, User},
        paging::Page,
    },
    company::{
        access::permissions::{EventView, UserView},
        audit::{self, Detail, Event, Filter},
        people,
    },
};
use askama::Template;

const ROWS: i64 = 50;

#[derive(Template)]
#[template(path = "trail/list.html")]
struct List {
    frame: Frame,
    filter: FilterBar,
    rows: Vec<Row>,
    pager: Pager,
}

struct Row {
    number: i64,
    when: When,
    chip: Chip,
    message: String,
    who: String,
    means: String,
    from: String,
    diff: Vec<DiffLine>,
}

/// What happened, the newest first.
pub(super) fn list(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.ask_anywhere::<EventView>(None)?;
    let call = visit.call;
    let (text, category, user) = (
        call.asked("q").unwrap_or_default().trim(),
        call.asked("category").unwrap_or_default(),
        call.asked("user").unwrap_or_default(),
    );
    let (from, to) = (call.asked("from").unwrap_or_default(), call.asked("to").unwrap_or_default());
    let day = |date: &str, time: &str| Moment::parse(&format!("{date}T{time}Z"));
    let filter = Filter {
        text: text.into(),
        categories: Some(category.to_owned()).filter(|one| !one.is_empty()).into_iter().collect(),
        users: Id::<User>::parse(user).into_iter().collect(),
        regarding: call.asked_all("regarding"),
        from: day(from, "00:00:00"),
        to: day(to, "23:59:59.999"),
        ..Filter::default()
    };
    let number = call.page_number();
    let found = audit::list(&granted, &filter, Page::numbered(Some(number), ROWS))?;
    let address = visit.path("/trail");
    let with_filters = format!(
        "{address}?q={}&category={}&user={}&from={}&to={}",
        encode(text),
        encode(category),
        encode(user),
        encode(from),
        encode(to)
    );
    let categories = audit::CATEGORIES.iter().map(|(name, words)| Choice::new(*name, *words).chosen(*name == category));
    let mut bar = FilterBar::new(&address, "Find in the trail", text).select(
        "category",
        "Kind",
        std::iter::once(Choice::new("", "Any kind")).chain(categories).collect(),
    );
    if visit.visitor.may(UserView {}) {
        let all =
            people::list(&visit.visitor.ask(UserView {})?, &people::Filter::default(), Page { skip: 0, take: 500 })?;
        let people = all.items.into_iter().map(|one| {
            let id = one.id.to_string();
            Choice::new(id.clone(), one.display_name).chosen(id == user)
        });
        bar = bar.select("user", "Who", std::iter::once(Choice::new("", "Anybody")).chain(people).collect());
    }
    Answer::page(&List {
        frame: visit.frame("trail", "Trail"),
        filter: bar,
        rows: found.items.into_iter().map(row).collect(),
        pager: Pager::new(found.total as u64, ROWS as u64, number as u64, &with_filters),
    })
}

fn row(event: Event) -> Row {
    let state = match event.category.as_str() {
        "DeploymentSucceeded" | "LoginSucceeded" | "UserActivated" => "success",
        "DeploymentFailed" | "LoginFailed" | "AccessDenied" => "failed",
        "DeploymentQueued" => "queued",
        "DeploymentStarted" => "running",
        "Deleted" | "TaskCanceled" | "UserDeactivated" => "cancelled",
        _ => "info",
    };
    let from = if event.address.is_empty() { String::new() } else { format!("from {}", event.address) };
    Row {
        number: event.id.0,
        when: when(event.at),
        chip: Chip::new(state, audit::category_words(&event.category)),
        message: event.message,
        who: event.actor_name,
        means: event.means,
        from,
        diff: event.details.iter().flat_map(lines).collect(),
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

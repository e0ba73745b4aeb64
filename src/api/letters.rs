//! `/api/letters`: what became of the letters of the last 30 days; and a letter for trial. Never their text.

use super::{
    caller::Ask,
    resource,
    wire::{self, Collection, Created, Links, Query},
};
use crate::{
    base::{clock::Moment, error::Result},
    company::{
        access::permissions::ConfigureServer,
        post::{self, Row},
    },
};
use serde::Serialize;
use utoipa::ToSchema;

/// A letter on the wire.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct LetterResource {
    id: String,
    kind: String,
    receiver: String,
    user_id: Option<String>,
    subject: String,
    /// waiting, sent or failed.
    state: &'static str,
    attempts: i64,
    created: String,
    next: String,
    sent: Option<String>,
    /// Why it was not sent the last time; empty if nothing is known.
    problem: String,
    links: Links,
}

/// That a letter for trial is on its way.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TestLetter {
    links: Links,
}

fn draw(own: &str, row: &Row) -> LetterResource {
    LetterResource {
        id: format!("Letters-{}", row.id),
        kind: row.kind.clone(),
        receiver: row.receiver.clone(),
        user_id: row.user.map(|user| user.to_string()),
        subject: row.subject.clone(),
        state: row.state.word(),
        attempts: row.attempts,
        created: row.created_at.wire(),
        next: row.next_at.wire(),
        sent: row.sent_at.map(Moment::wire),
        problem: row.problem.clone(),
        links: Links::of(own, &[]),
    }
}

/// The letters, the newest first.
pub(super) fn list(ask: &Ask, query: Query<resource::Paged>) -> Result<Collection<LetterResource>> {
    let page = ask.page();
    let found = post::list(&ask.visitor()?.ask(ConfigureServer {})?, page)?;
    let own = format!("{}/letters", resource::api(ask));
    Ok(wire::collection(ask, &query, &own, "Letter", found, page, |row| draw(&own, row)))
}

/// Sends the caller a letter, to see whether mail works.
pub(super) fn send_test(ask: &Ask) -> Result<Created<TestLetter>> {
    post::send_test(&ask.visitor()?.ask(ConfigureServer {})?)?;
    let links = Links::default().and("Letters", format!("{}/letters", resource::api(ask)));
    Ok(Created(TestLetter { links }))
}

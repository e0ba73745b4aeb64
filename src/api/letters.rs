//! `/api/letters`: what became of the letters of the last 30 days; and a letter for trial. Never their text.

use super::{
    caller::{Ask, Reply},
    resource,
};
use crate::{
    base::{clock::Moment, error::Result},
    company::{
        access::permissions::ConfigureServer,
        post::{self, Row},
    },
};
use serde_json::{Value, json};

fn draw(ask: &Ask, row: &Row) -> Value {
    json!({
        "Id": format!("Letters-{}", row.id), "Kind": row.kind, "Receiver": row.receiver,
        "UserId": row.user.map(|user| user.to_string()), "Subject": row.subject, "State": row.state.word(),
        "Attempts": row.attempts, "Created": row.created_at.wire(), "Next": row.next_at.wire(),
        "Sent": row.sent_at.map(Moment::wire), "Problem": row.problem,
        "Links": { "Self": format!("{}/letters", resource::api(ask)) },
    })
}

/// The letters, the newest first.
pub(super) fn list(ask: &Ask) -> Result<Reply> {
    let page = ask.page();
    let found = post::list(&ask.visitor()?.ask(ConfigureServer {})?, page)?;
    let own = format!("{}/letters", resource::api(ask));
    resource::collection(ask, &own, "Letter", found, page, "skip,take", |row| draw(ask, row))
}

/// Sends the caller a letter, to see whether mail works.
pub(super) fn send_test(ask: &Ask) -> Result<Reply> {
    post::send_test(&ask.visitor()?.ask(ConfigureServer {})?)?;
    Reply::created(json!({ "Links": { "Letters": format!("{}/letters", resource::api(ask)) } }))
}

//! What is shown once: a key, codes, a link, a receipt. The form that makes it leads to an address, and the page is held
//! for the session that sent the form (`http/kept.rs`) until it is looked at there. Whoever loads the address again finds
//! the ordinary page, which says that this was shown and how to get a new one. Nothing is made twice.

use super::{
    caller::{Answer, Visit, draw},
    page::{Flash, Kind},
};
use crate::{base::error::Result, http::call::Call};
use askama::Template;
use std::time::Duration;

/// So long it waits to be looked at.
const LIFE: Duration = Duration::from_secs(10 * 60);
/// The parameter of the address: what is shown, and its mark.
const SHOWN: &str = "shown";

/// What is shown once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Once {
    /// Recovery codes.
    Codes,
    /// An API key.
    Key,
    /// Somebody's invitation.
    Invitation,
    /// The invitations of a tenant's people.
    Invitations,
    /// An invitation for nobody by name.
    OpenInvitation,
    /// The invitation of a company's first administrator.
    Founding,
    /// A link to choose a new password with.
    Reset,
    /// The receipt of a company that was removed.
    Receipt,
    /// The secret of a webhook.
    Webhook,
}

impl Once {
    const ALL: [(Once, &'static str, &'static str); 9] = [
        (
            Once::Codes,
            "codes",
            "The recovery codes were shown once. If you did not keep them, make new ones: the old ones stop working then.",
        ),
        (Once::Key, "key", "The API key was shown once. If you did not keep it, revoke it and make another."),
        (
            Once::Invitation,
            "invitation",
            "The link of the invitation was shown once. If you did not keep it, use “Send it again” for a new one.",
        ),
        (
            Once::Invitations,
            "invitations",
            "The links were shown once. For a new one, open the person's page and use “Send it again”.",
        ),
        (
            Once::OpenInvitation,
            "open",
            "The link of the open invitation was shown once. If you did not keep it, revoke the invitation and make another.",
        ),
        (
            Once::Founding,
            "founding",
            "The link of the invitation was shown once. If you did not keep it, invite the administrator again: that makes a new one.",
        ),
        (
            Once::Reset,
            "reset",
            "The link was shown once. If you did not keep it, use “Reset the password” for a new one.",
        ),
        (
            Once::Receipt,
            "receipt",
            "The receipt was shown once. It is kept in the folder “receipts” of the server's data folder.",
        ),
        (
            Once::Webhook,
            "webhook",
            "The secret of the webhook was shown once. Use “Show the webhook's secret” to see it again.",
        ),
    ];

    fn word(self) -> &'static str {
        Once::ALL.iter().find(|(one, ..)| *one == self).map_or("", |(_, word, _)| word)
    }
}

impl Answer {
    /// On to `to`, where the page is shown once.
    pub(super) fn once(what: Once, to: impl Into<String>, template: &impl Template) -> Result<Answer> {
        Ok(Answer::Once { what, to: to.into(), html: draw(template)? })
    }
}

/// Holds a page for a session, and says where it is shown; the page itself where it cannot be held.
pub(super) fn hold(
    call: &Call,
    token: &str,
    what: Once,
    to: &str,
    html: String,
) -> std::result::Result<String, String> {
    let company = super::caller::table_company(call);
    let Some(mark) = call.desk.kept.put(&company, token, &html, LIFE) else { return Err(html) };
    let joint = if to.contains('?') { '&' } else { '?' };
    Ok(format!("{to}{joint}{SHOWN}={}.{mark}", what.word()))
}

/// The page that is shown at this address, if it was not yet.
pub(super) fn take(visit: &Visit) -> Option<Answer> {
    let call = visit.call;
    if call.method != axum::http::Method::GET {
        return None;
    }
    let (_, mark) = call.asked(SHOWN)?.split_once('.')?;
    let token = call.cookie(super::caller::SESSION)?;
    call.desk.kept.take(visit.company().slug(), token, mark).map(Answer::Page)
}

/// What the ordinary page of such an address says.
pub(super) fn was_shown(call: &Call) -> Option<Flash> {
    let (word, _) = call.asked(SHOWN)?.split_once('.')?;
    let (_, _, text) = Once::ALL.iter().find(|(_, known, _)| *known == word)?;
    Some(Flash { kind: Kind::Warning, text: (*text).to_owned() })
}

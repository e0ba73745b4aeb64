//! Errors as pages with a way out. Nobody else turns an error into a status code or a sentence for people.

use super::{
    caller::{Answer, Visit},
    page::{Bare, Frame},
};
use crate::base::error::{Bound, Error, FaultKind, Limit};
use askama::Template;
use axum::{
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};

#[derive(Template)]
#[template(path = "errors/error.html")]
struct Page {
    frame: Frame,
    error: Shown,
}
#[derive(Template)]
#[template(path = "errors/bare.html")]
struct BarePage {
    frame: Bare,
    error: Shown,
}

/// What an error's page says.
pub struct Shown {
    /// What happened, as a heading.
    pub title: String,
    /// Why, and what to do.
    pub text: String,
    /// Further lines: what is needed, who has it.
    pub facts: Vec<String>,
    /// Ways on: what each is called, and where it leads.
    pub ways: Vec<(String, String)>,
    /// What the log calls this fault.
    pub reference: String,
}

fn shown(error: &Error, reference: &str, home: &str) -> (StatusCode, Shown) {
    let (status, title, text, lines) = match error {
        Error::Denied(denied) => {
            let place = if denied.place.is_empty() { String::new() } else { format!(" for {}", denied.place) };
            let mut lines = vec![
                format!("Missing permission: {}{place}.", denied.permission),
                format!("Why not: {}.", denied.reason),
            ];
            match &denied.teams {
                Some(teams) if teams.is_empty() => lines.push("No team has it there.".into()),
                Some(teams) => {
                    let names: Vec<&str> = teams.iter().map(|(_, name)| name.as_str()).collect();
                    lines.push(format!("Teams that have it: {}.", names.join(", ")));
                }
                None => {}
            }
            let text = format!(
                "This needs the right to: {}. Ask your administrator if you need it.",
                denied.meaning.to_lowercase()
            );
            (StatusCode::FORBIDDEN, "You may not do this", text, lines)
        }
        Error::NotFound(_) => (
            StatusCode::NOT_FOUND,
            "There is nothing here that you can see",
            "It may have been deleted or renamed, or you may have no right to see it.".into(),
            Vec::new(),
        ),
        Error::Ambiguous(sentence) => {
            (StatusCode::NOT_FOUND, "This address can mean more than one thing", sentence.clone(), Vec::new())
        }
        Error::Invalid(fields) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "Something in the request is not right",
            "Go back and put it right.".into(),
            fields.iter().map(|(field, message)| format!("{field}: {message}")).collect(),
        ),
        Error::ProofNeeded => (
            StatusCode::FORBIDDEN,
            "Is it still you?",
            "This needs a fresh proof that it is you. Open your account's page and prove it there.".into(),
            Vec::new(),
        ),
        Error::SecondFactorNeeded => (
            StatusCode::FORBIDDEN,
            "A second factor is needed now",
            "This company asks you for one. Open any page of it and set one up.".into(),
            Vec::new(),
        ),
        Error::PersonNeeded => (
            StatusCode::FORBIDDEN,
            "A person is needed",
            "Only somebody who is signed in can do this, not an API key or a token.".into(),
            Vec::new(),
        ),
        Error::Conflict(sentence) => (StatusCode::CONFLICT, "This cannot be done now", sentence.clone(), Vec::new()),
        Error::Unavailable(sentence) => {
            (StatusCode::SERVICE_UNAVAILABLE, "This company cannot be served now", sentence.clone(), Vec::new())
        }
        Error::Fault(fault) if fault.kind == FaultKind::Full => {
            (StatusCode::INSUFFICIENT_STORAGE, "The server's disk is full", fault.public.clone(), Vec::new())
        }
        Error::Fault(fault) => {
            (StatusCode::SERVICE_UNAVAILABLE, "This company cannot be served now", fault.public.clone(), Vec::new())
        }
        Error::Later { sentence, .. } => {
            (StatusCode::TOO_MANY_REQUESTS, "That was too much at once", sentence.clone(), Vec::new())
        }
        Error::Limit(limit) => (
            match limit.bound {
                Bound::Requests => StatusCode::TOO_MANY_REQUESTS,
                Bound::Disk => StatusCode::INSUFFICIENT_STORAGE,
                Bound::People | Bound::RunningTasks => StatusCode::CONFLICT,
            },
            "A limit of this company is reached",
            limit.sentence.clone(),
            Vec::new(),
        ),
        Error::Internal(cause) => {
            tracing::error!(reference, "{cause:#}");
            let text =
                "The fault is ours and has been logged. Try again; if it stays, give the operator this reference."
                    .into();
            (StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong here", text, Vec::new())
        }
    };
    let reference = if matches!(error, Error::Internal(_)) { reference.to_owned() } else { String::new() };
    let shown = Shown {
        title: title.into(),
        text,
        facts: lines,
        ways: vec![("Go to the first page".into(), home.into())],
        reference,
    };
    (status, shown)
}

/// An error within a company's pages.
pub(super) fn page(visit: &Visit, error: &Error) -> Answer {
    let (status, mut shown) = shown(error, visit.call.reference(), &visit.path(""));
    if let Error::Denied(denied) = error
        && let Some(href) = super::why::why_href(visit, denied)
    {
        shown.ways.push(("Why not?".into(), href));
    }
    let page = Page { frame: visit.frame("", shown.title.clone()), error: shown };
    let html = page.render().unwrap_or_else(|_| "Something went wrong here.".into());
    answered(error, status, html)
}

/// The answer to an error, with the time to wait where that is known.
fn answered(error: &Error, status: StatusCode, html: String) -> Answer {
    match error {
        Error::Later { seconds, .. } => Answer::Later(html, *seconds),
        Error::Limit(Limit { retry_after: Some(seconds), .. }) => Answer::Later(html, *seconds),
        _ => Answer::Error(status, html),
    }
}

/// An error before anybody is known.
pub(super) fn bare(error: &Error, reference: &str) -> Answer {
    let (status, shown) = shown(error, reference, "/login");
    let page = BarePage { frame: Bare::new(shown.title.clone()).quiet(), error: shown };
    let html = page.render().unwrap_or_else(|_| "Something went wrong here.".into());
    answered(error, status, html)
}

/// A form that carries no word of ours: it came from a foreign page, or stood open for too long.
pub(super) fn foreign() -> Answer {
    let shown = Shown {
        title: "This form cannot be taken".into(),
        text: "It stood open for too long, or it came from elsewhere. Open the page again and send it once more."
            .into(),
        facts: Vec::new(),
        ways: vec![("Go to the first page".into(), "/login".into())],
        reference: String::new(),
    };
    let page = BarePage { frame: Bare::new(shown.title.clone()).quiet(), error: shown };
    Answer::Error(StatusCode::FORBIDDEN, page.render().unwrap_or_default())
}

/// A link that does not work any more: what it was, and the ways on.
pub(super) fn dead_link(title: &str, text: &str, ways: Vec<(String, String)>) -> Answer {
    let shown = Shown { title: title.into(), text: text.into(), facts: Vec::new(), ways, reference: String::new() };
    let page = BarePage { frame: Bare::new(shown.title.clone()).quiet(), error: shown };
    Answer::Error(StatusCode::NOT_FOUND, page.render().unwrap_or_default())
}

/// A set-up link that is used or over, or that never was one.
pub(super) fn dead_set_up_link() -> Answer {
    let shown = Shown {
        title: "This set-up link does not work any more".into(),
        text: "A set-up link makes the first company of a server. It works once, for 30 minutes, and only while there is no company. Sign in if there is one; else start the server again, which prints a new link, or run “bulkhead company create” on it.".into(),
        facts: Vec::new(),
        ways: vec![("Go to the first page".into(), "/login".into())],
        reference: String::new(),
    };
    let page = BarePage { frame: Bare::new(shown.title.clone()).quiet(), error: shown };
    Answer::Error(StatusCode::NOT_FOUND, page.render().unwrap_or_default())
}

/// An answer that HTTP itself demands: too large, wrong type, wrong method.
pub(super) fn status(status: StatusCode) -> Response {
    let (title, text) = match status {
        StatusCode::PAYLOAD_TOO_LARGE => ("That was too much", "At most 2 MB can be sent here."),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            ("Wrong kind of content", "Forms are sent as application/x-www-form-urlencoded.")
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            ("This address does not do that", "It exists, but not for this kind of request.")
        }
        StatusCode::URI_TOO_LONG => ("The address is too long", "It may have 16 KiB."),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            ("The request has too many headers", "It may have 100. Deleting this site's cookies may help.")
        }
        StatusCode::REQUEST_TIMEOUT => ("What was sent came too slowly", "Send it again."),
        StatusCode::TOO_MANY_REQUESTS => {
            ("Too much is sent to this server at once", "Nothing was changed. Try again in a few seconds.")
        }
        StatusCode::SERVICE_UNAVAILABLE => (
            "The server is stopping",
            "Nothing was changed. What there is can still be read, and running tasks can be cancelled. Try again when the server is back.",
        ),
        _ => ("The request cannot be read", "Try again."),
    };
    let ways = vec![("Go to the first page".to_owned(), "/login".to_owned())];
    let shown = Shown { title: title.into(), text: text.into(), facts: Vec::new(), ways, reference: String::new() };
    let page = BarePage { frame: Bare::new(title).quiet(), error: shown };
    let mut response = (status, Html(page.render().unwrap_or_default())).into_response();
    if let Some(seconds) = crate::http::retry_after(status) {
        response.headers_mut().insert(axum::http::header::RETRY_AFTER, seconds.into());
    }
    crate::http::headers::protect(response.headers_mut());
    response
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let after = if let Answer::Later(_, seconds) = &self { Some(*seconds) } else { None };
        let (status, html) = match self {
            Answer::Page(html) | Answer::Asked(html) => (StatusCode::OK, html),
            Answer::Refused(html) => (StatusCode::UNPROCESSABLE_ENTITY, html),
            Answer::Error(status, html) => (status, html),
            Answer::Later(html, _) => (StatusCode::TOO_MANY_REQUESTS, html),
            _ => (StatusCode::SEE_OTHER, String::new()),
        };
        let mut response = (status, Html(html)).into_response();
        if let Some(seconds) = after {
            response.headers_mut().insert(axum::http::header::RETRY_AFTER, seconds.into());
        }
        crate::http::headers::protect(response.headers_mut());
        response
    }
}

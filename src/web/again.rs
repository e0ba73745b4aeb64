//! What was typed is not lost when the session ended meanwhile, or the form's word is an older session's.
//!
//! Each form carries for whom it was drawn (`company/access/admit/form.rs`). What that person sent is held for an hour
//! (`http/kept.rs`), without what is secret; sign-in leads to a page that shows it and sends it on with one press. Nobody
//! else gets there, and nothing is done before that press.

use super::{
    ROUTES,
    address::own_path,
    caller::{Answer, Visit},
    page::{FieldView, FormView, Frame, Kv},
    proof::{is_secret, words},
};
use crate::{
    base::{
        error::{Error, Result},
        ids::{Id, User},
    },
    company::{Company, access::admit},
    http::{
        call::Call,
        table::{self, Matched},
    },
};
use askama::Template;
use axum::http::{Method, StatusCode};
use std::time::Duration;

#[derive(Template)]
#[template(path = "me/typed.html")]
struct Typed {
    frame: Frame,
    lead: &'static str,
    typed: Kv,
    form: FormView,
}

/// So long it waits for whoever typed it.
const LIFE: Duration = Duration::from_secs(60 * 60);
/// More text than this is not kept.
const LARGEST: usize = 256 * 1024;
/// More of a text than this is not shown; all of it is sent.
const SHOWN: usize = 2000;

/// What a form sent.
#[derive(serde::Serialize, serde::Deserialize)]
struct Sent {
    /// Where to.
    to: String,
    /// The page it stood on.
    back: String,
    /// Its fields, without what is secret.
    fields: Vec<(String, String)>,
    /// The fields that were filled in and are secret.
    secret: Vec<String>,
}

/// What never waits anywhere: it is typed again.
fn is_withheld(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let words = ["key", "token", "current", "code", "recovery", "ticket", "passkey"];
    is_secret(&name) || name.starts_with("proof-") || words.contains(&name.as_str())
}

impl Sent {
    /// What this request sent, if a page takes it.
    fn of(call: &Call, company: &Company) -> Option<Sent> {
        let plain = call.media_type().eq_ignore_ascii_case("application/x-www-form-urlencoded");
        let segments = table::segments(call.uri.path())?;
        let taken = matches!(ROUTES.find(&Method::POST, segments.get(1..)?), Matched::Route(..));
        if call.method != Method::POST || !(plain || call.body.is_empty()) || !taken || call.body.len() > LARGEST {
            return None;
        }
        let form = call.form();
        let (secret, open): (Vec<_>, Vec<_>) = form.typed().partition(|(name, _)| is_withheld(name));
        let asked_again = |(name, value): &(&str, &str)| !value.is_empty() && !name.starts_with("proof-");
        Some(Sent {
            to: own_path(call, company.slug(), Some(&call.path_and_query())),
            back: came_from(call, company.slug()),
            fields: open.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            secret: secret.into_iter().filter(asked_again).map(|(name, _)| name.to_owned()).collect(),
        })
    }
}

/// The page that a form stood on, if it was one of this company; else its first page.
pub(super) fn came_from(call: &Call, company: &str) -> String {
    let path = call.header("referer").and_then(|address| {
        let after = address.split_once("://")?.1;
        after.find('/').map(|at| after[at..].to_owned())
    });
    own_path(call, company, path.as_deref())
}

fn whose(user: Id<User>) -> String {
    format!("typed by {user}")
}

/// Where somebody goes on who has to sign in first: to what they asked for, or to what they had typed.
pub(super) fn next(call: &Call, company: Option<&Company>, slug: &str) -> String {
    if matches!(call.method, Method::GET | Method::HEAD) {
        return call.path_and_query();
    }
    let held = company.and_then(|company| {
        let user = admit::drawn_for(company, &call.form_mark())?;
        let text = serde_json::to_string(&Sent::of(call, company)?).ok()?;
        let mark = call.desk.kept.put(company.slug(), &whose(user), &text, LIFE)?;
        Some(format!("{}/me/typed/{mark}", call.base(company.slug())))
    });
    held.unwrap_or_else(|| came_from(call, slug))
}

/// Whether a browser says that the request came from a page of another site. One that says nothing is no help to anybody:
/// it has to carry a form's mark, too.
fn is_foreign(call: &Call) -> bool {
    let elsewhere = call.header("sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none"));
    elsewhere || call.header("origin").is_some_and(|origin| origin != call.address())
}

/// A form whose word is none of this session's. It was drawn for who is signed in: what was typed is shown, to be sent
/// again. It was drawn for somebody who is signed out: they sign in first. In any other case it is not taken.
pub(super) fn stale(call: &Call, segments: &[String]) -> Answer {
    let refused = super::error::foreign;
    let (false, Some(slug)) = (is_foreign(call), segments.first()) else { return refused() };
    let Ok(company) = call.desk.appliance.enter(slug) else { return refused() };
    let Some(user) = admit::drawn_for(&company, &call.form_mark()) else { return refused() };
    match Visit::enter(call, slug) {
        Ok(visit) if visit.visitor.user() == Some(user) => match Sent::of(call, &company) {
            Some(sent) => {
                let lead = "This page stood open while you signed in anew. Nothing was done yet.";
                draw(&visit, sent, lead).map_or_else(
                    |error| super::error::page(&visit, &error),
                    |page| match Answer::page(&page) {
                        Ok(Answer::Page(html)) => Answer::Error(StatusCode::FORBIDDEN, html),
                        other => other.unwrap_or_else(|error| super::error::page(&visit, &error)),
                    },
                )
            }
            None => refused(),
        },
        Ok(_) => refused(),
        Err(elsewhere) => elsewhere,
    }
}

fn draw(visit: &Visit, sent: Sent, lead: &'static str) -> Result<Typed> {
    let mut typed = Kv::new();
    let mut form = FormView::new(sent.to, "Send it").cancel(sent.back);
    for (name, value) in sent.fields {
        if !value.trim().is_empty()
            && !matches!(name.as_str(), "confirmed" | "preview" | "step" | super::meanwhile::WAS)
        {
            let cut: String = value.chars().take(SHOWN).collect();
            let more = if cut.len() < value.len() { " …" } else { "" };
            typed = typed.row(&words(&name), [&cut, more].concat());
        }
        form = form.field(FieldView::hidden(name, value));
    }
    for name in sent.secret {
        let label = if name == "again" { "The same once more".into() } else { words(&name) };
        let field = match name.as_str() {
            "key" => FieldView::script(name, label).rows(4),
            _ => FieldView::password(name, label).autocomplete("off"),
        };
        form = form.field(field.required().help("It was not kept. Give it again."));
    }
    Ok(Typed { frame: visit.frame("", "Send it again?"), lead, typed, form })
}

/// `/me/typed/{mark}`: what somebody typed before they had to sign in.
pub(super) fn show(visit: &Visit) -> Result<Answer> {
    let user = visit.visitor.user().ok_or_else(|| Error::NotFound("what was typed".into()))?;
    let kept = &visit.call.desk.kept;
    let Some(text) = kept.look(visit.company().slug(), &whose(user), visit.parameter("mark")) else {
        let gone = "What was typed is not kept any more: it waits for an hour, for whoever typed it.";
        return Answer::done(visit.path("/me"), gone);
    };
    let sent: Sent = serde_json::from_str(&text)?;
    Answer::page(&draw(visit, sent, "You were signed out before this was sent. Nothing was done yet.")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every field of a page that takes a secret is one that is not kept, whatever it is called.
    #[test]
    fn no_field_that_takes_a_secret_is_kept() {
        let mut names = Vec::new();
        let mut folders = vec![std::path::PathBuf::from("src/web")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("the pages").map(|entry| entry.expect("a file").path()) {
                if entry.is_dir() {
                    folders.push(entry);
                    continue;
                }
                let text = std::fs::read_to_string(entry).expect("text");
                for kind in ["password", "secret", "code"] {
                    let begin = format!("FieldView::{kind}(\"");
                    let found = text.split(begin.as_str()).skip(1).filter_map(|after| after.split('"').next());
                    names.extend(found.map(str::to_owned));
                }
            }
        }
        assert!(names.len() > 10, "{names:?}");
        for name in names.iter().map(String::as_str).chain(["key", "NewPassword", "proof-code"]) {
            assert!(is_withheld(name), "{name}");
        }
        for name in ["name", "script", "description", "keywords"] {
            assert!(!is_withheld(name), "{name}");
        }
    }
}

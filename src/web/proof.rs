//! Step-up: the page that asks once more for a proof, and goes on with what was sent. It works without a script: what
//! was typed stands in hidden fields of a form that leads where the first one led; the proof is taken out before the
//! page it is for is called. Passwords are not sent back to the browser: they are typed again.

use super::{
    caller::{Answer, Visit, encode},
    page::{FieldView, FormView, Frame},
    passkey::PasskeyPart,
    signin::own_path,
};
use crate::{
    base::{
        error::{Error, Result},
        secret::Secret,
    },
    company::access::admit::{self, Offered},
    http::call::Form,
};
use askama::Template;
use axum::http::Method;

#[derive(Template)]
#[template(path = "me/proof.html")]
struct Proof {
    frame: Frame,
    lead: String,
    form: FormView,
    recovery: Option<FieldView>,
    passkey: Option<PasskeyPart>,
}

/// The fields that carry a proof; no other form has a field whose name begins like theirs.
const PREFIX: &str = "proof-";
const CODE: &str = "proof-code";
const RECOVERY: &str = "proof-recovery";
const PASSWORD: &str = "proof-password";

/// What must not come back in a page.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["password", "passphrase", "secret", "again"].iter().any(|word| name.contains(word))
}

/// What was given as a proof.
fn offered(sent: &Form) -> Offered {
    let password = Some(sent.text(PASSWORD)).filter(|password| !password.is_empty()).map(Secret::new);
    let code = [RECOVERY, CODE].into_iter().map(|name| sent.text(name)).find(|code| !code.trim().is_empty());
    Offered {
        code: code.unwrap_or_default().to_owned(),
        ticket: sent.text("proof-ticket").to_owned(),
        passkey: sent.text("proof-passkey").to_owned(),
        password,
    }
}

/// Takes the proof that was sent along, if any: the visit as it is after it, or the page once more.
pub(super) fn take<'c>(visit: Visit<'c>) -> std::result::Result<Visit<'c>, Answer> {
    if visit.call.method != Method::POST || !visit.is_form() {
        return Ok(visit);
    }
    let sent = visit.form();
    if !sent.typed().any(|(name, _)| name.starts_with(PREFIX)) {
        return Ok(visit);
    }
    match admit::prove(&visit.visitor, &offered(&sent), &visit.call.from) {
        Ok(()) => visit.again(),
        Err(Error::Invalid(wrong)) => Err(match visit.again() {
            Ok(visit) => answer(&visit, wrong.iter().next().map(|(_, message)| message.to_owned())),
            Err(elsewhere) => elsewhere,
        }),
        Err(error) => Err(super::error::page(&visit, &error)),
    }
}

/// Asks for the proof.
pub(super) fn ask(visit: &Visit) -> Answer {
    answer(visit, None)
}

fn answer(visit: &Visit, problem: Option<String>) -> Answer {
    let refused = problem.is_some();
    match page(visit, problem).and_then(|page| Answer::refused(&page)) {
        Ok(Answer::Refused(html)) if !refused => Answer::Error(axum::http::StatusCode::FORBIDDEN, html),
        Ok(answer) => answer,
        Err(error) => super::error::page(visit, &error),
    }
}

/// Where the proof is sent when there is nothing to send again.
fn elsewhere(visit: &Visit, next: &str) -> String {
    let next = encode(next);
    visit.path(&format!("/me/proof?next={next}"))
}

/// The page that a form stood on, if it was one of this company.
fn came_from(visit: &Visit) -> String {
    let path = visit.call.header("referer").and_then(|address| {
        let after = address.split_once("://")?.1;
        after.find('/').map(|at| after[at..].to_owned())
    });
    own_path(visit.company().slug(), path.as_deref())
}

fn page(visit: &Visit, problem: Option<String>) -> Result<Proof> {
    let here = visit.call.path_and_query();
    let posted = visit.call.method == Method::POST;
    let (action, sent) = match (posted, visit.is_form()) {
        (false, _) => (elsewhere(visit, &here), Form::default()),
        (true, true) => (here, visit.form()),
        (true, false) => (elsewhere(visit, &came_from(visit)), Form::default()),
    };
    let mut form = FormView::new(action, "Go on").cancel(came_from(visit));
    let mut again = false;
    for (name, value) in sent.typed().filter(|(name, _)| !name.starts_with(PREFIX) && *name != "_csrf") {
        if !is_secret(name) {
            form = form.field(FieldView::hidden(name, value));
        } else if !value.is_empty() {
            let label = if name == "again" { "The same once more".into() } else { words(name) };
            form = form.field(FieldView::password(name, label).required().autocomplete("off"));
            again = true;
        }
    }
    let ways = admit::ways(&visit.visitor)?;
    let mut field = match (ways.code, ways.passkey) {
        (true, _) => FieldView::code(CODE, "Code").help("Six digits from your authenticator app."),
        (false, true) => recovery_field(RECOVERY),
        (false, false) => FieldView::password(PASSWORD, "Your password").autocomplete("current-password"),
    };
    field = field.required().autofocus();
    if let Some(problem) = problem {
        field = field.error(problem);
    }
    form = form.field(field);
    let challenge = visit.call.site().map(|site| admit::passkey_to_prove(&visit.visitor, &site)).transpose()?.flatten();
    let passkey = challenge.map(|challenge| PasskeyPart::get(challenge, PREFIX));
    let lead = match (posted && !visit.is_form(), again) {
        (true, _) => "What you are doing needs a fresh proof that it is you. After it, send the form once more.",
        (_, true) => {
            "What you are doing needs a fresh proof that it is you. What you typed is kept, except for passwords: type them again."
        }
        _ => "What you are doing needs a fresh proof that it is you. What you typed is kept.",
    };
    Ok(Proof {
        frame: visit.frame("", "Is it still you?"),
        lead: lead.into(),
        form,
        recovery: ways.code.then(|| recovery_field(RECOVERY)),
        passkey,
    })
}

/// For one of the ten.
pub(super) fn recovery_field(name: &str) -> FieldView {
    let field =
        FieldView::text(name, "Recovery code").required().mono().short().max_length(16).placeholder("XXXXX-XXXXX");
    field.help("One of the ten that you kept.")
}

/// `new_password` → "New password".
fn words(name: &str) -> String {
    let text = name.replace(['_', '-'], " ");
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// `/me/proof`: for going on to a page that only looks.
pub(super) fn show(visit: &Visit) -> Result<Answer> {
    // Who is not fresh gets the form instead of this answer.
    visit.visitor.fresh()?;
    Ok(Answer::Go(own_path(visit.company().slug(), visit.call.asked("next"))))
}

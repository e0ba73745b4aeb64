//! Step-up: the page that asks once more for a proof, and goes on with what was sent. It works without a script: what
//! was typed stands in hidden fields of a form that leads where the first one led; the proof is taken out before the
//! page it is for is called. Passwords are not sent back to the browser: they are typed again.

use super::{
    address::own_path,
    again::came_from,
    caller::{Answer, Visit, encode},
    page::{FieldView, FormView, Frame},
    passkey::PasskeyPart,
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
    /// By a code or the password; `None` for whoever has a passkey alone.
    first: Option<FormView>,
    passkey: Option<(FormView, PasskeyPart)>,
    recovery: Option<FormView>,
    /// What whoever needs a recovery code has not at hand.
    lost: &'static str,
    /// Whether the recovery code is all that is left, or was just wrong.
    unfolded: bool,
}

/// The fields that carry a proof; no other form has a field whose name begins like theirs.
const PREFIX: &str = "proof-";
const CODE: &str = "proof-code";
const RECOVERY: &str = "proof-recovery";
const PASSWORD: &str = "proof-password";

/// What must not come back in a page.
pub(super) fn is_secret(name: &str) -> bool {
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

/// One way of proving: a form of its own, which carries what was sent. Nothing of it that is required stands anywhere
/// else, so whichever way somebody takes, their browser sends it. `id` tells its fields from those of the other ways.
fn way(visit: &Visit, action: &str, sent: &Form, id: &str) -> (FormView, bool) {
    let mut form = FormView::new(action, "Go on");
    let mut again = false;
    for (name, value) in sent.typed().filter(|(name, _)| !name.starts_with(PREFIX)) {
        if !is_secret(name) {
            form = form.field(FieldView::hidden(name, value));
        } else if !value.is_empty() {
            let label = if name == "again" { "The same once more".into() } else { words(name) };
            let field = FieldView::password(name, label).id(format!("{id}{name}"));
            form = form.field(field.required().autocomplete("off"));
            again = true;
        }
    }
    (form.cancel(came_from(visit.call, visit.company().slug())), again)
}

fn page(visit: &Visit, problem: Option<String>) -> Result<Proof> {
    let here = visit.call.path_and_query();
    let posted = visit.call.method == Method::POST;
    let typed = visit.form();
    let (action, sent) = match (posted, visit.is_form()) {
        (false, _) => (elsewhere(visit, &here), Form::default()),
        (true, true) => (here, visit.form()),
        (true, false) => (elsewhere(visit, &came_from(visit.call, visit.company().slug())), Form::default()),
    };
    let ways = admit::ways(&visit.visitor)?;
    let (first, again) = way(visit, &action, &sent, "");
    let challenge = visit.call.site().map(|site| admit::passkey_to_prove(&visit.visitor, &site)).transpose()?.flatten();
    let mut first = match (ways.code, ways.passkey) {
        (true, _) => Some(first.field(
            FieldView::code(CODE, "Code").help("Six digits from your authenticator app.").required().autofocus(),
        )),
        (false, true) => None,
        (false, false) => {
            let field = FieldView::password(PASSWORD, "Your password").autocomplete("current-password");
            Some(first.field(field.required().autofocus()))
        }
    };
    let mut recovery = ways.any().then(|| {
        let (mut form, _) = way(visit, &action, &sent, "recovery-");
        form.submit = "Use this recovery code".into();
        form.field(recovery_field(RECOVERY))
    });
    let mut passkey =
        challenge.map(|challenge| (way(visit, &action, &sent, "passkey-").0, PasskeyPart::get(challenge, PREFIX)));
    let by_recovery = !typed.text(RECOVERY).trim().is_empty();
    if let Some(problem) = problem {
        let by_passkey = !typed.text("proof-passkey").is_empty();
        match (&mut first, &mut recovery, &mut passkey) {
            (_, Some(form), _) if by_recovery => *form = form.clone().errors([(RECOVERY, problem)]),
            (_, _, Some((form, _))) if by_passkey => form.problem = problem,
            (Some(form), ..) => *form = form.clone().errors([(if ways.code { CODE } else { PASSWORD }, problem)]),
            (_, Some(form), _) => form.problem = problem,
            (None, None, _) => {}
        }
    }
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
        unfolded: by_recovery || (first.is_none() && passkey.is_none()),
        lost: if ways.code { "I cannot use my telephone" } else { "I cannot use my passkey" },
        first,
        passkey,
        recovery,
    })
}

/// For one of the ten.
pub(super) fn recovery_field(name: &str) -> FieldView {
    let field =
        FieldView::text(name, "Recovery code").required().mono().short().max_length(16).placeholder("XXXXX-XXXXX");
    field.help("One of the ten that you kept.")
}

/// `new_password` → "New password".
pub(super) fn words(name: &str) -> String {
    let text = name.replace(['_', '-'], " ");
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// `/me/proof`: for going on to a page that only looks.
pub(super) fn show(visit: &Visit) -> Result<Answer> {
    // Who is not fresh gets the form instead of this answer.
    visit.visitor.fresh()?;
    Ok(Answer::Go(own_path(visit.call, visit.company().slug(), visit.call.asked("next"))))
}

//! Passkeys on pages: what the browser is asked stands in the page, its answer comes back as a field of a form. Without
//! scripts these parts stay hidden. And the page that signs in with a passkey alone.

use super::{
    address::own_path,
    caller::{Answer, encode},
    page::Bare,
    signin::path_company,
};
use crate::{
    base::error::{Error, Result},
    company::access::admit::{self, Challenge},
    http::call::Call,
};
use askama::{Template, filters::HtmlSafe};

/// The button and the fields of its answer; stands inside a form.
#[derive(Template)]
#[template(path = "_parts/passkey.html")]
pub(super) struct PasskeyPart {
    kind: &'static str,
    prefix: &'static str,
    label: &'static str,
    challenge: Challenge,
    /// Whether it is the main way on.
    primary: bool,
    auto: bool,
}
impl HtmlSafe for PasskeyPart {}

impl PasskeyPart {
    /// Asks for one; the fields begin with `prefix`.
    pub(super) fn get(challenge: Challenge, prefix: &'static str) -> PasskeyPart {
        PasskeyPart { kind: "get", prefix, label: "Use a passkey", challenge, primary: false, auto: false }
    }
    /// Whether it is the main way on.
    pub(super) fn primary(self, primary: bool) -> PasskeyPart {
        PasskeyPart { primary, ..self }
    }
    /// Makes one.
    pub(super) fn create(challenge: Challenge) -> PasskeyPart {
        PasskeyPart { kind: "create", prefix: "", label: "Make the passkey", challenge, primary: true, auto: false }
    }
}

#[derive(Template)]
#[template(path = "signin/passkey.html")]
struct Alone {
    frame: Bare,
    problem: Option<&'static str>,
    passkey: Option<PasskeyPart>,
    action: String,
    back_href: String,
}

fn page(call: &Call, problem: Option<&'static str>) -> Result<Alone> {
    let slug = path_company(call);
    let company = match call.desk.appliance.company(&slug) {
        Ok(company) => Some(company),
        Err(Error::NotFound(_)) => None,
        Err(error) => return Err(error),
    };
    let challenge = call.site().map(|site| admit::begin_alone(company.as_ref(), &site)).transpose()?;
    let next = encode(call.asked("next").unwrap_or_default());
    let next = if next.is_empty() { next } else { format!("?next={next}") };
    Ok(Alone {
        frame: super::brand::sign_in(call, "Sign in with a passkey", &slug),
        problem,
        passkey: challenge.map(|challenge| PasskeyPart {
            primary: true,
            auto: problem.is_none(),
            ..PasskeyPart::get(challenge, "")
        }),
        action: format!("{}/passkey{next}", call.base(&slug)),
        back_href: format!("{}/login{next}", call.base(&slug)),
    })
}

/// Asks for a passkey. Companies that exist and do not look alike.
pub(super) fn alone_form(call: &Call) -> Result<Answer> {
    Answer::page(&page(call, None)?)
}

/// The passkey answered.
pub(super) fn alone_submit(call: &Call) -> Result<Answer> {
    let sent = call.form();
    let token = match call.desk.appliance.company(&path_company(call)) {
        Ok(company) => {
            let token = admit::sign_in_with_passkey(&company, sent.text("ticket"), sent.text("passkey"), &call.from)?;
            token.map(|token| (company, token))
        }
        Err(Error::NotFound(_)) => None,
        Err(error) => return Err(error),
    };
    match token {
        Some((company, token)) => Ok(Answer::SignedIn {
            company: company.slug().into(),
            token,
            to: own_path(call, company.slug(), call.asked("next")),
        }),
        None => Answer::refused(&page(
            call,
            Some("This passkey is not known here, or it took too long. Try again, or sign in with your password."),
        )?),
    }
}

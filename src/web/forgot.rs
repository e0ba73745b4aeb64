//! A lost password: asking for a link by mail, and choosing a new one with it.
//!
//! The page says the same whether there is such a company or person, and is answered before anybody looks.

use super::{
    brand,
    caller::{Answer, Visit},
    links::{self, Found, Link},
    once::Once,
    page::{Bare, FieldView, FormView, Frame},
    people,
    signin::{meant_company, path_company},
};
use crate::{
    base::{
        error::{Error, Result},
        secret::Secret,
    },
    company::{
        Company,
        access::{
            admit,
            permissions::{UserEdit, UserView},
        },
        people::reset,
    },
    http::call::Call,
};
use askama::Template;

#[derive(Template)]
#[template(path = "signin/forgot.html")]
struct Forgot {
    frame: Bare,
    form: FormView,
    asked: bool,
    by_mail: bool,
    back_href: String,
}
#[derive(Template)]
#[template(path = "signin/reset.html")]
struct ResetPage {
    frame: Bare,
    form: FormView,
    person: String,
    email: String,
}

fn forgot_page(call: &Call, asked: bool) -> Forgot {
    let company = path_company(call);
    let base = if company.is_empty() { String::new() } else { call.base(&company) };
    let mut form = FormView::new(format!("{base}/forgot"), "Send me a link");
    let field = FieldView::text("company", "Company").value(&company).required().autocomplete("organization");
    let field = field.help("The short name in your address, such as acme-corp.");
    if call.own_host.is_none() {
        form = form.field(if company.is_empty() { field.autofocus() } else { field });
    }
    let field = FieldView::email("email", "E-mail").required().autocomplete("username");
    form = form.field(if company.is_empty() { field } else { field.autofocus() });
    Forgot {
        frame: brand::sign_in(call, "A new password", &company),
        form,
        asked,
        by_mail: call.desk.mail,
        back_href: format!("{base}/login"),
    }
}

/// Asks for company and e-mail address.
pub(super) fn form(call: &Call) -> Result<Answer> {
    Answer::page(&forgot_page(call, call.asked("asked").is_some()))
}

/// Somebody asked. What comes of it is done after the answer.
pub(super) fn submit(call: &Call) -> Result<Answer> {
    let sent = call.form();
    let slug = meant_company(call, sent.text("company"));
    if call.desk.mail {
        let (appliance, from, name) = (call.desk.appliance.clone(), call.from.clone(), sent.text("email").to_owned());
        crate::http::afterwards(move || match appliance.company(&slug) {
            Ok(company) => admit::forgot(&company, &name, &from),
            Err(Error::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        });
    }
    let company = path_company(call);
    let base = if company.is_empty() { String::new() } else { call.base(&company) };
    // Loaded again, the page says the same and sends nothing.
    Ok(Answer::Go(format!("{base}/forgot?asked")))
}

fn linked(call: &Call, token: &str) -> Result<Found<(String, String)>> {
    links::find(call, Link::Reset, |company| admit::reset(company, token))
}

fn reset_page(call: &Call, company: &Company, token: &str, person: String, email: String) -> ResetPage {
    let form = FormView::new(format!("{}/reset", call.base(company.slug())), "Take this password")
        .field(FieldView::hidden("token", token))
        .field(
            FieldView::password("password", "New password")
                .required()
                .autofocus()
                .autocomplete("new-password")
                .help(password_help(company)),
        )
        .field(FieldView::password("again", "The same once more").required().autocomplete("new-password"));
    let frame = brand::bare(call, "Choose a new password", company);
    ResetPage { frame, form, person, email }
}

/// What a new password must be, in words.
pub(super) fn password_help(company: &Company) -> String {
    let shortest = company.rules().password_min;
    format!("{shortest} to 128 characters. Several words that do not belong together are fine.")
}

/// Somebody came by a link.
pub(super) fn reset_form(call: &Call) -> Result<Answer> {
    let token = call.asked("token").unwrap_or_default();
    let (company, person, email) = match linked(call, token)? {
        Found::Here(company, (person, email)) => (company, person, email),
        Found::Not(answer) => return Ok(answer),
    };
    Answer::page(&reset_page(call, &company, token, person, email))
}

/// They chose a password.
pub(super) fn reset_submit(call: &Call) -> Result<Answer> {
    let sent = call.form();
    let token = sent.text("token");
    let (company, person, email) = match linked(call, token)? {
        Found::Here(company, (person, email)) => (company, person, email),
        Found::Not(answer) => return Ok(answer),
    };
    let refused = |field: &str, message: &str| {
        let mut page = reset_page(call, &company, token, person.clone(), email.clone());
        page.form = page.form.errors([(field, message)]);
        Answer::refused(&page)
    };
    if sent.text("password") != sent.text("again") {
        return refused("again", "The two are not the same. Type it once more.");
    }
    match admit::use_reset(&company, token, &Secret::new(sent.text("password")), &call.from) {
        Ok(device) => Ok(Answer::Reset {
            // All sessions of the person have ended; one that goes on is somebody else's.
            keeps_session: links::signed_in(call, &company)?.is_some(),
            company: company.slug().into(),
            device,
            say: "Your new password is set. Sign in with it.".into(),
        }),
        Err(Error::Invalid(fields)) => refused("password", fields.of("Password").unwrap_or_default()),
        Err(error) => Err(error),
    }
}

#[derive(Template)]
#[template(path = "people/reset.html")]
struct HandOver {
    frame: Frame,
    person: String,
    link: String,
    back_href: String,
}

/// An administrator sends somebody a link to choose a new password; without mail it is shown, to hand over.
pub(super) fn send(visit: &Visit) -> Result<Answer> {
    let at = people::located(visit)?;
    let granted = visit.visitor.ask(UserEdit {})?;
    let token = reset::send(&granted, &at)?;
    let back_href = visit.path(&format!("/access/people/{}", at.id()));
    let Some(token) = token else {
        return Answer::done(back_href, "A letter with a link to choose a new password was sent.");
    };
    let person = crate::company::people::show(&visit.visitor.ask(UserView {})?, &at)?.display_name;
    let page = HandOver {
        frame: people::access(visit, "A link to a new password", "people").crumb(person.clone(), back_href.clone()),
        link: {
            let call = visit.call;
            format!("{}{}", call.address(), call.as_seen(&admit::reset_path(visit.company().slug(), &token)))
        },
        person,
        back_href: back_href.clone(),
    };
    Answer::once(Once::Reset, back_href, &page)
}

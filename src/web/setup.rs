//! A server without a company: what it says, and the one-time set-up link of its first start, which makes the first
//! company and its administrator.

use super::{
    caller::{Answer, draw},
    error,
    page::{Bare, FieldView, FormView},
};
use crate::{
    appliance::NewCompany,
    base::{
        error::{Error, Result},
        secret::Secret,
    },
    http::call::Call,
};
use askama::Template;
use axum::http::{Method, StatusCode};

#[derive(Template)]
#[template(path = "signin/setup.html")]
struct SetUp {
    frame: Bare,
    form: FormView,
}

/// Wire names of the command's fields and the names in the form.
const FIELDS: [(&str, &str); 5] = [
    ("Name", "name"),
    ("Slug", "slug"),
    ("AdminName", "admin_name"),
    ("AdminEmail", "admin_email"),
    ("AdminPassword", "password"),
];

fn page(call: &Call) -> SetUp {
    let form = FormView::new(format!("/setup/{}", call.parameter("token")), "Create the company")
        .field(FieldView::text("name", "Company name").required().autofocus().autocomplete("organization"))
        .field(FieldView::text("slug", "Short name").required().mono().help(
            "It stands in every address of the company, such as acme-corp: lower-case letters, digits and hyphens.",
        ))
        .field(FieldView::section("You", "The first administrator."))
        .field(FieldView::text("admin_name", "Your name").required().autocomplete("name"))
        .field(FieldView::email("admin_email", "Your e-mail").required().autocomplete("email"))
        .field(
            FieldView::password("password", "Password")
                .required()
                .autocomplete("new-password")
                .help("12 to 128 characters. Several words that do not belong together are fine."),
        )
        .field(FieldView::section("This server", "For whoever looks after the server itself."))
        .field(
            FieldView::checkbox("operator", "Also make the operator's pages, with an account of the same name and password", true)
                .help("At /operator: all companies with their size and health; create, suspend, rename, back up and remove them. An account of its own, with its own second factor. Can be made later: bulkhead company create operator."),
        );
    SetUp { frame: Bare::new("Set up Bulkhead"), form }
}

#[derive(Template)]
#[template(path = "signin/unused.html")]
struct Unused {
    frame: Bare,
}

/// What a server without a company says in place of sign-in and what leads to it: how the first one is made. `None` once
/// there is one, and for the set-up link itself.
pub(super) fn instead(call: &Call) -> Result<Option<Answer>> {
    if call.uri.path().starts_with("/setup/") || call.desk.appliance.has_companies()? {
        return Ok(None);
    }
    let html = draw(&Unused { frame: Bare::new("This server is not set up yet") })?;
    let looks = matches!(call.method, Method::GET | Method::HEAD);
    Ok(Some(if looks { Answer::Page(html) } else { Answer::Error(StatusCode::CONFLICT, html) }))
}

/// The form.
pub(super) fn form(call: &Call) -> Result<Answer> {
    if !call.desk.appliance.setup_open(call.parameter("token")) {
        return Ok(error::dead_set_up_link());
    }
    Answer::page(&page(call))
}

/// The form was sent.
pub(super) fn submit(call: &Call) -> Result<Answer> {
    let sent = call.form();
    let password = Secret::new(sent.text("password"));
    let new = NewCompany {
        slug: sent.text("slug"),
        name: sent.text("name"),
        person: sent.text("admin_name"),
        email: sent.text("admin_email"),
        password: Some(&password),
    };
    let made = call.desk.appliance.set_up(call.parameter("token"), &new, sent.ticked("operator"));
    let refused = |form: FormView| Answer::refused(&SetUp { frame: Bare::new("Set up Bulkhead"), form });
    match made {
        Ok(company) => Ok(Answer::Go(format!("/{}/login", company.slug()))),
        Err(Error::Invalid(fields)) => {
            let errors = FIELDS.iter().filter_map(|(wire, name)| Some((*name, fields.of(wire)?)));
            refused(page(call).form.typed(sent.typed().filter(|(name, _)| *name != "password")).errors(errors))
        }
        Err(Error::NotFound(_)) => Ok(error::dead_set_up_link()),
        Err(Error::Conflict(sentence)) => refused(page(call).form.typed(sent.typed()).problem(sentence)),
        Err(error) => Err(error),
    }
}

//! Registering with the link of an open invitation: whoever has it gives themselves a name, an address and a password, once.

use super::{
    brand,
    caller::Answer,
    forgot::password_help,
    form::refuse,
    links::{self, Found, Link},
    page::{Bare, FieldView, FormView},
};
use crate::{
    base::{
        error::{Error, Result},
        secret::Secret,
    },
    company::{
        Company,
        access::admit::{self, Names},
    },
    http::call::Call,
};
use askama::Template;

#[derive(Template)]
#[template(path = "signin/register.html")]
struct Register {
    frame: Bare,
    form: FormView,
    company: String,
}

/// What the fields are called on the wire, and here.
const NAMES: [(&str, &str); 4] =
    [("DisplayName", "name"), ("EmailAddress", "email"), ("Username", "email"), ("Password", "password")];

/// The company of an invitation that can be used. What is wrong with it is not told: a company that does not exist, a
/// code that never was and one that was used are alike.
fn invited(call: &Call) -> Result<Found<()>> {
    links::find(call, Link::Open, |company| Ok(admit::open_invitation(company, call.parameter("token"))?.then_some(())))
}

fn form_of(call: &Call, company: &Company) -> FormView {
    FormView::new(format!("{}/register/{}", call.base(company.slug()), call.parameter("token")), "Register")
        .field(FieldView::text("name", "Your name").required().autofocus().autocomplete("name").max_length(64))
        .field(FieldView::email("email", "E-mail").required().autocomplete("username").help("You sign in with it."))
        .field(
            FieldView::password("password", "Password")
                .required()
                .autocomplete("new-password")
                .help(password_help(company)),
        )
        .field(FieldView::password("again", "The same once more").required().autocomplete("new-password"))
}

fn page(call: &Call, company: &Company, form: FormView) -> Register {
    let name = brand::name(company);
    Register { frame: brand::bare(call, format!("Welcome to {name}"), company), form, company: name.to_owned() }
}

/// The form.
pub(super) fn form(call: &Call) -> Result<Answer> {
    let company = match invited(call)? {
        Found::Here(company, ()) => company,
        Found::Not(answer) => return Ok(answer),
    };
    Answer::page(&page(call, &company, form_of(call, &company)))
}

/// It was sent: they can sign in from now on.
pub(super) fn submit(call: &Call) -> Result<Answer> {
    let company = match invited(call)? {
        Found::Here(company, ()) => company,
        Found::Not(answer) => return Ok(answer),
    };
    let sent = call.form();
    let names = Names {
        display_name: sent.text("name").to_owned(),
        email_address: sent.text("email").to_owned(),
        ..Names::default()
    };
    let registered = if sent.text("password") != sent.text("again") {
        Err(Error::invalid("again", "The two are not the same. Type it once more."))
    } else {
        let password = Secret::new(sent.text("password"));
        admit::register(&company, call.parameter("token"), &names, &password, &call.from)
    };
    match registered {
        Ok(_) => Answer::done(
            format!("{}/login", call.base(company.slug())),
            "You are registered. Sign in with your password.",
        ),
        Err(error @ (Error::Invalid(_) | Error::Conflict(_))) => {
            let form = refuse(form_of(call, &company).typed(sent.typed()), error, &NAMES)?;
            Answer::refused(&page(call, &company, form))
        }
        Err(error) => Err(error),
    }
}

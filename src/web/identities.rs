//! OIDC identities of a service account: as whom a CI job comes in with a signed token, without an API key.

use super::{
    caller::{Answer, Visit},
    form::{self, FormPage},
    page::{Act, FieldView, FormView, Frame, Kv, When},
    people::access,
    tasks::when,
};
use crate::{
    base::{
        error::{Error, Result},
        ids::{self, Id},
        paging::Page,
    },
    company::{
        access::{
            At, Within,
            permissions::{UserEdit, UserView},
        },
        people::{
            self,
            identities::{self, Fields, Identity},
        },
    },
};
use askama::Template;

#[derive(Template)]
#[template(path = "identities/list.html")]
struct List {
    frame: Frame,
    lead: String,
    may_edit: bool,
    add: Act,
    about: Kv,
    rows: Vec<Row>,
}
struct Row {
    name: String,
    issuer: String,
    subject: String,
    audience: String,
    used: Option<When>,
    edit: String,
    remove: String,
}

struct Account {
    at: At<ids::User>,
    name: String,
    own: String,
    base: String,
}

fn account(visit: &Visit) -> Result<Account> {
    let granted = visit.visitor.ask(UserView {})?;
    let at = visit.visitor.locate(Within::Company, visit.parameter("user"))?;
    let user = people::show(&granted, &at)?;
    let own = visit.path(&format!("/access/people/{}", user.id));
    Ok(Account { at, name: user.display_name, base: format!("{own}/identities"), own })
}

fn frame(visit: &Visit, account: &Account, title: &str) -> Frame {
    access(visit, title, "people")
        .crumb("People", visit.path("/access/people"))
        .crumb(&account.name, account.own.clone())
}

/// The identities.
pub(super) fn list(visit: &Visit) -> Result<Answer> {
    let account = account(visit)?;
    let granted = visit.visitor.ask(UserView {})?;
    let found = identities::list(&granted, &account.at, Page::ALL)?;
    let rows = found.items.into_iter().map(|identity| Row {
        edit: format!("{}/{}/edit", account.base, identity.id),
        remove: format!("{}/{}/delete", account.base, identity.id),
        name: identity.name,
        issuer: identity.issuer,
        subject: identity.subject,
        audience: identity.audience,
        used: identity.last_used_at.map(when),
    });
    Answer::page(&List {
        rows: rows.collect(),
        lead: format!("Whose signed tokens are taken for {}.", account.name),
        may_edit: visit.visitor.may(UserEdit {}),
        add: visit
            .offer(UserEdit {}, Act::link("Add an identity", format!("{}/new", account.base)).primary().icon("plus")),
        about: Kv::new().mono("Usual audience", identities::external(&granted, &account.at)),
        frame: frame(visit, &account, "OIDC identities"),
    })
}

const NAMES: [(&str, &str); 4] =
    [("Name", "name"), ("Issuer", "issuer"), ("Subject", "subject"), ("Audience", "audience")];

fn form(account: &Account, identity: Option<&Identity>) -> FormView {
    let of = |value: fn(&Identity) -> &String| identity.map(|identity| value(identity).clone()).unwrap_or_default();
    let (action, submit) = match identity {
        Some(identity) => (format!("{}/{}", account.base, identity.id), "Save the identity"),
        None => (account.base.clone(), "Add the identity"),
    };
    FormView::new(action, submit)
        .field(
            FieldView::text("name", "Name")
                .value(of(|identity| &identity.name))
                .required()
                .autofocus()
                .max_length(200)
                .help("Such as: Shop's pipeline on main."),
        )
        .field(
            FieldView::url("issuer", "Issuer")
                .value(of(|identity| &identity.issuer))
                .required()
                .max_length(200)
                .placeholder("https://token.actions.githubusercontent.com")
                .help("Who signs the tokens, exactly as the tokens spell it."),
        )
        .field(
            FieldView::text("subject", "Subject")
                .value(of(|identity| &identity.subject))
                .required()
                .mono()
                .max_length(200)
                .placeholder("repo:acme/shop:ref:refs/heads/main")
                .help("For whom they are signed. * stands for any characters, ? for one. Say as much as you can."),
        )
        .field(
            FieldView::text("audience", "Audience")
                .value(of(|identity| &identity.audience))
                .mono()
                .max_length(200)
                .help("Empty: the usual audience of this service account."),
        )
        .cancel(account.base.clone())
}

fn identity(visit: &Visit) -> Result<Id<ids::OidcIdentity>> {
    let text = visit.parameter("identity");
    Id::parse(text).ok_or_else(|| Error::NotFound(text.to_owned()))
}

/// The form for another one.
pub(super) fn new(visit: &Visit) -> Result<Answer> {
    visit.visitor.ask(UserEdit {})?.fresh()?;
    let account = account(visit)?;
    let page = FormPage { form: form(&account, None), frame: form_frame(visit, &account, "Add an OIDC identity") };
    Answer::page(&page)
}

fn form_frame(visit: &Visit, account: &Account, title: &str) -> Frame {
    frame(visit, account, title).crumb("OIDC identities", account.base.clone())
}

fn sent(visit: &Visit) -> Fields {
    let sent = visit.form();
    Fields {
        name: sent.text("name").into(),
        issuer: sent.text("issuer").into(),
        subject: sent.text("subject").into(),
        audience: sent.text("audience").into(),
    }
}

/// The form for another one was sent.
pub(super) fn create(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.ask(UserEdit {})?;
    let account = account(visit)?;
    match identities::create(&granted, &account.at, &sent(visit)) {
        Ok(made) => Answer::done(account.base, format!("{} was added.", made.name)),
        Err(error) => form::refused(
            form_frame(visit, &account, "Add an OIDC identity"),
            form(&account, None).typed(visit.form().typed()),
            error,
            &NAMES,
        ),
    }
}

/// The form for changing one.
pub(super) fn edit(visit: &Visit) -> Result<Answer> {
    visit.visitor.ask(UserEdit {})?.fresh()?;
    let account = account(visit)?;
    let known = identities::show(&visit.visitor.ask(UserView {})?, &account.at, identity(visit)?)?;
    let frame = form_frame(visit, &account, "Change the OIDC identity");
    Answer::page(&FormPage { form: form(&account, Some(&known)), frame })
}

/// The form for changing one was sent.
pub(super) fn update(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.ask(UserEdit {})?;
    let account = account(visit)?;
    let known = identities::show(&visit.visitor.ask(UserView {})?, &account.at, identity(visit)?)?;
    match identities::edit(&granted, &account.at, known.id, &sent(visit)) {
        Ok(saved) => Answer::done(account.base, format!("{} was saved.", saved.name)),
        Err(error) => form::refused(
            form_frame(visit, &account, "Change the OIDC identity"),
            form(&account, Some(&known)).typed(visit.form().typed()),
            error,
            &NAMES,
        ),
    }
}

/// Removes one.
pub(super) fn delete(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.ask(UserEdit {})?;
    let account = account(visit)?;
    identities::delete(&granted, &account.at, identity(visit)?)?;
    Answer::done(account.base, "The identity was removed; tokens given for it have ended.")
}

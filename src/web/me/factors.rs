//! One's second factors: authenticator apps, passkeys, recovery codes; and one's e-mail address. All need a fresh proof.

use super::Codes;
use crate::{
    base::{
        error::{Error, Result},
        secret::Secret,
    },
    company::people::{factors, own},
    web::{
        caller::{Answer, Visit},
        forgot::password_help,
        form::{FormPage, refuse, sure},
        once::Once,
        page::{FieldView, FormView, Frame, Qr},
        passkey::PasskeyPart,
    },
};
use askama::Template;

#[derive(Template)]
#[template(path = "me/app.html")]
struct App {
    frame: Frame,
    form: FormView,
    qr: Qr,
    secret: String,
}
#[derive(Template)]
#[template(path = "me/passkey.html")]
struct Passkey {
    frame: Frame,
    form: FormView,
    passkey: Option<PasskeyPart>,
}
#[derive(Template)]
#[template(path = "me/recovery.html")]
struct Recovery {
    frame: Frame,
    codes: Codes,
    next: String,
}

fn frame(visit: &Visit, title: &str) -> Frame {
    visit.frame("", title).crumb("Your account", visit.path("/me"))
}

fn name_field(value: &str) -> FieldView {
    let field = FieldView::text("name", "Name").value(value).required().max_length(64);
    field.help("By which you know it again, such as: my telephone.")
}

fn done(visit: &Visit, codes: Option<Vec<String>>) -> Result<Answer> {
    let to = visit.path("/me#factors");
    match codes {
        None => Answer::done(to, "The second factor was added."),
        Some(codes) => {
            let codes = Codes::new(visit.company().name(), codes);
            let page = Recovery { frame: frame(visit, "Keep your recovery codes"), codes, next: to };
            Answer::once(Once::Codes, visit.path("/me"), &page)
        }
    }
}

fn app_form(visit: &Visit) -> FormView {
    FormView::new(visit.path("/me/factors/app"), "Add the app")
        .field(name_field("Authenticator app"))
        .field(FieldView::code("code", "Code").required().help("Six digits that the app shows."))
        .cancel(visit.path("/me"))
}

fn app_page(visit: &Visit, form: FormView) -> Result<App> {
    let enrolment = factors::begin_app(&visit.visitor.myself()?)?;
    Ok(App {
        frame: frame(visit, "Add an authenticator app"),
        form,
        qr: Qr {
            size: enrolment.size as u32,
            path: enrolment.path,
            label: "QR code for your authenticator app".into(),
        },
        secret: enrolment.secret,
    })
}

/// Shows the secret to set up.
pub(in crate::web) fn new_app(visit: &Visit) -> Result<Answer> {
    Answer::page(&app_page(visit, app_form(visit))?)
}

/// The first code of an app was sent.
pub(in crate::web) fn add_app(visit: &Visit) -> Result<Answer> {
    let sent = visit.form();
    match factors::add_app(&visit.visitor.myself()?, sent.text("name"), sent.text("code")) {
        Ok(codes) => done(visit, codes),
        Err(error) => {
            let form = refuse(app_form(visit).typed(sent.typed()), error, &[("Name", "name"), ("Code", "code")])?;
            Answer::refused(&app_page(visit, form)?)
        }
    }
}

fn passkey_form(visit: &Visit) -> FormView {
    let form = FormView::new(visit.path("/me/factors/passkey"), "Make the passkey").cancel(visit.path("/me"));
    form.field(name_field("Passkey"))
}

fn passkey_page(visit: &Visit, form: FormView) -> Result<Passkey> {
    let granted = visit.visitor.myself()?;
    granted.in_person()?;
    let challenge = visit.call.site().map(|site| factors::begin_passkey(&granted, &site)).transpose()?;
    Ok(Passkey { frame: frame(visit, "Add a passkey"), form, passkey: challenge.map(PasskeyPart::create) })
}

/// Asks the browser to make a passkey.
pub(in crate::web) fn new_passkey(visit: &Visit) -> Result<Answer> {
    Answer::page(&passkey_page(visit, passkey_form(visit))?)
}

/// The browser made one.
pub(in crate::web) fn add_passkey(visit: &Visit) -> Result<Answer> {
    let sent = visit.form();
    let granted = visit.visitor.myself()?;
    match factors::add_passkey(&granted, sent.text("name"), sent.text("ticket"), sent.text("passkey")) {
        Ok(codes) => done(visit, codes),
        Err(error) => {
            let form = refuse(passkey_form(visit).typed(sent.typed()), error, &[("Name", "name")])?;
            Answer::refused(&passkey_page(visit, form)?)
        }
    }
}

fn asked(visit: &Visit) -> Result<i64> {
    let asked = visit.parameter("factor");
    asked.parse().map_err(|_| Error::NotFound(asked.to_owned()))
}

fn rename_page(visit: &Visit, name: &str) -> Result<FormPage> {
    let form = FormView::new(visit.path(&format!("/me/factors/{}", asked(visit)?)), "Save the name");
    Ok(FormPage {
        frame: frame(visit, "Rename a second factor"),
        form: form.field(name_field(name)).cancel(visit.path("/me")),
    })
}

/// A form for another name.
pub(in crate::web) fn edit(visit: &Visit) -> Result<Answer> {
    let id = asked(visit)?;
    let found = factors::list(&visit.visitor.myself()?)?.into_iter().find(|factor| factor.id == id);
    let factor = found.ok_or_else(|| Error::NotFound("second factor".into()))?;
    Answer::page(&rename_page(visit, &factor.name)?)
}

/// Another name was sent.
pub(in crate::web) fn rename(visit: &Visit) -> Result<Answer> {
    let sent = visit.form();
    match factors::rename(&visit.visitor.myself()?, asked(visit)?, sent.text("name")) {
        Ok(()) => Answer::done(visit.path("/me#factors"), "The name was saved."),
        Err(error) => {
            let mut page = rename_page(visit, sent.text("name"))?;
            page.form = refuse(page.form, error, &[("Name", "name")])?;
            Answer::refused(&page)
        }
    }
}

/// Removes one.
pub(in crate::web) fn remove(visit: &Visit) -> Result<Answer> {
    let (granted, id) = (visit.visitor.myself()?, asked(visit)?);
    granted.in_person()?;
    let found = factors::list(&granted)?.into_iter().find(|factor| factor.id == id);
    let factor = found.ok_or_else(|| Error::NotFound("second factor".into()))?;
    let words =
        format!("“{}” no longer signs you in. Without any second factor your recovery codes go, too.", factor.name);
    let page = frame(visit, "Remove the second factor?");
    if let Some(asked) = sure(visit, page, &words, "Remove the second factor", visit.path("/me#factors")) {
        return asked;
    }
    factors::remove(&granted, id)?;
    Answer::done(visit.path("/me#factors"), "The second factor was removed.")
}

/// Makes new recovery codes and shows them, once.
pub(in crate::web) fn renew_codes(visit: &Visit) -> Result<Answer> {
    done(visit, Some(factors::renew_recovery_codes(&visit.visitor.myself()?)?))
}

fn password_page(visit: &Visit) -> FormPage {
    let choose = |name: &str, label: &str| FieldView::password(name, label).required().autocomplete("new-password");
    let form = FormView::new(visit.path("/me/password"), "Change the password")
        .field(
            FieldView::password("current", "Present password").required().autofocus().autocomplete("current-password"),
        )
        .field(choose("password", "New password").help(password_help(visit.company())))
        .field(choose("again", "The same once more"))
        .cancel(visit.path("/me"));
    FormPage { frame: frame(visit, "Change your password"), form }
}

/// A form for another password.
pub(in crate::web) fn password_form(visit: &Visit) -> Result<Answer> {
    visit.visitor.myself()?.in_person()?;
    Answer::page(&password_page(visit))
}

/// Another password was sent. All other sessions end.
pub(in crate::web) fn change_password(visit: &Visit) -> Result<Answer> {
    let sent = visit.form();
    let granted = visit.visitor.myself()?;
    let changed = if sent.text("password") != sent.text("again") {
        Err(Error::invalid("again", "The two are not the same. Type it once more."))
    } else {
        own::change_password(&granted, &Secret::new(sent.text("current")), &Secret::new(sent.text("password")))
    };
    match changed {
        Ok(()) => Answer::done(visit.path("/me"), "Your password was changed. You are signed out everywhere else."),
        Err(error) => {
            let mut page = password_page(visit);
            page.form = refuse(page.form, error, &[("CurrentPassword", "current"), ("NewPassword", "password")])?;
            Answer::refused(&page)
        }
    }
}

fn email_page(visit: &Visit, email: &str) -> FormPage {
    let field = FieldView::email("email", "E-mail").value(email).required().autofocus().autocomplete("email");
    let form = FormView::new(visit.path("/me/email"), "Change the address").cancel(visit.path("/me"));
    let help =
        "You sign in with it, and what concerns your account is sent there. The present address is told of the change.";
    FormPage { frame: frame(visit, "Change your e-mail address"), form: form.field(field.help(help)) }
}

/// A form for another e-mail address.
pub(in crate::web) fn email_form(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.myself()?;
    granted.in_person()?;
    Answer::page(&email_page(visit, &own::profile(&granted)?.email_address))
}

/// Another e-mail address was sent.
pub(in crate::web) fn change_email(visit: &Visit) -> Result<Answer> {
    let sent = visit.form();
    match own::change_email(&visit.visitor.myself()?, sent.text("email")) {
        Ok(_) => Answer::done(visit.path("/me"), "Your e-mail address was changed."),
        Err(error) => {
            let mut page = email_page(visit, sent.text("email"));
            page.form = refuse(page.form, error, &[("EmailAddress", "email")])?;
            Answer::refused(&page)
        }
    }
}

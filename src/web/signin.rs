//! Signing in: company, e-mail and password; then a code, or the setting up of one. Signing out. Using an invitation.
//!
//! Unknown company, unknown person and wrong password give the same page after the same work.

use super::{
    address::own_path,
    brand,
    caller::{Answer, SESSION, draw, encode, flash_of},
    links::{self, Found, Link},
    me::Codes,
    page::{Bare, FieldView, FormView, Kind, Qr},
    passkey::PasskeyPart,
    proof::recovery_field,
};
use crate::{
    base::{
        error::{Error, Result},
        names,
        secret::Secret,
    },
    company::{
        Company,
        access::admit::{self, Entry, Offered, PendingSession, Stage},
    },
    http::call::Call,
};
use askama::Template;

#[derive(Template)]
#[template(path = "signin/signin.html")]
struct SignIn {
    frame: Bare,
    form: FormView,
    passkey_href: String,
    reset_href: String,
}
#[derive(Template)]
#[template(path = "signin/code.html")]
struct CodePage {
    frame: Bare,
    lead: String,
    form: FormView,
    recovery: FieldView,
    passkey: Option<PasskeyPart>,
    has_code: bool,
    /// Whether the recovery code is all that is left, or was just wrong.
    unfolded: bool,
    back_href: String,
}
#[derive(Template)]
#[template(path = "signin/enrol.html")]
struct EnrolPage {
    frame: Bare,
    lead: String,
    form: FormView,
    qr: Qr,
    secret: String,
    passkey: Option<PasskeyPart>,
    later: Option<String>,
    /// Whoever was signed in already can leave instead; and may have to give the password first.
    sign_out_href: Option<String>,
    asks_password: bool,
}
#[derive(Template)]
#[template(path = "signin/recovery.html")]
struct RecoveryPage {
    frame: Bare,
    codes: Codes,
    next: String,
}
#[derive(Template)]
#[template(path = "signin/invitation.html")]
struct InvitationPage {
    frame: Bare,
    form: FormView,
    person: String,
    email: String,
    /// Who is signed in here at present.
    other: Option<String>,
}

/// `/` → sign-in.
pub(super) fn front(_: &Call) -> Result<Answer> {
    Ok(Answer::Go("/login".into()))
}

fn sign_in_page(call: &Call, company: &str, email: &str) -> SignIn {
    let known = !call.parameter("company").is_empty();
    let next = encode(call.asked("next").unwrap_or_default());
    let base = if known { format!("{}/login", call.base(&path_company(call))) } else { "/login".into() };
    let action = if next.is_empty() { base } else { format!("{base}?next={next}") };
    // Which company is meant has to be known before a passkey is asked for.
    let passkey_href = match known && call.site().is_some() {
        true => action.replacen("/login", "/passkey", 1),
        false => String::new(),
    };
    let mut form = FormView::new(action, "Sign in");
    let mut field = FieldView::text("company", "Company")
        .value(company)
        .required()
        .autocomplete("organization")
        .help("The short name in your address, such as acme-corp.");
    if !known {
        field = field.autofocus();
    }
    if call.own_host.is_none() {
        form = form.field(field);
    }
    let mut field = FieldView::email("email", "E-mail").value(email).required().autocomplete("username");
    if known {
        field = field.autofocus();
    }
    form = form
        .field(field)
        .field(FieldView::password("password", "Password").required().autocomplete("current-password"));
    let reset_href = if known { format!("{}/forgot", call.base(&path_company(call))) } else { "/forgot".into() };
    let mut frame = brand::sign_in(call, "Sign in", if known { company } else { "" });
    if let Some(text) = flash_of(call) {
        frame = frame.flash(Kind::Success, text);
    }
    SignIn { frame, form, passkey_href, reset_href }
}

/// The company of the path, as far as it could be one: nothing else gets into an address that a page leads to.
pub(super) fn path_company(call: &Call) -> String {
    call.parameter("company").chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect()
}

/// The company that a form names, else that of the path. Under a company's own host name there is no other.
pub(super) fn meant_company(call: &Call, typed: &str) -> String {
    match (&call.own_host, typed.trim()) {
        (Some(own), _) => own.slug.clone(),
        (None, "") => path_company(call).to_lowercase(),
        (None, typed) => typed.to_lowercase(),
    }
}

/// The form.
pub(super) fn form(call: &Call) -> Result<Answer> {
    Answer::page(&sign_in_page(call, &path_company(call), ""))
}

/// The form was sent.
pub(super) fn submit(call: &Call) -> Result<Answer> {
    let sent = call.form();
    let slug = meant_company(call, sent.text("company"));
    let password = Secret::new(sent.text("password"));
    let company = match call.desk.appliance.enter(&slug) {
        Ok(company) => Some(company),
        Err(Error::NotFound(_)) => None,
        Err(error) => return Err(error),
    };
    let signed_in = match &company {
        Some(company) => admit::sign_in(company, sent.text("email"), &password, &call.from),
        None => admit::decoy(&slug, sent.text("email"), &password, &call.from).map(|()| None),
    };
    let signed_in = match signed_in {
        Err(Error::Later { sentence, seconds }) => {
            let mut page = sign_in_page(call, &slug, sent.text("email"));
            page.form = page.form.problem(sentence);
            return Ok(Answer::Later(draw(&page)?, seconds));
        }
        other => other?,
    };
    match (company, signed_in) {
        (Some(company), Some(signed_in)) => {
            let next = own_path(call, company.slug(), call.asked("next"));
            let step = match signed_in.stage {
                Stage::Enrol => "enrol",
                Stage::Code => "code",
                Stage::Full => {
                    return Ok(Answer::SignedIn { company: company.slug().into(), token: signed_in.token, to: next });
                }
            };
            let next = encode(&next);
            Ok(Answer::SignedIn {
                to: format!("{}/{step}?next={next}", call.base(company.slug())),
                company: company.slug().into(),
                token: signed_in.token,
            })
        }
        _ => {
            let mut page = sign_in_page(call, &slug, sent.text("email"));
            page.form = page.form.problem("Company, e-mail or password is not right.");
            Answer::refused(&page)
        }
    }
}

enum Standing {
    Pending(Company, PendingSession),
    Elsewhere(Answer),
}

fn standing(call: &Call, stage: Stage) -> Result<Standing> {
    let slug = call.parameter("company");
    let to_login = || Standing::Elsewhere(Answer::Go("/login".into()));
    let company = match call.desk.appliance.enter(slug) {
        Ok(company) => company,
        Err(Error::NotFound(_)) => return Ok(to_login()),
        Err(error) => return Err(error),
    };
    let Some(token) = call.cookie(SESSION) else { return Ok(to_login()) };
    Ok(match admit::enter(&company, token, &call.from)? {
        Entry::Pending(pending) if pending.stage == stage => Standing::Pending(company, pending),
        Entry::Pending(pending) => Standing::Elsewhere(Answer::Go(format!(
            "{}/{}",
            call.base(slug),
            if pending.stage == Stage::Enrol { "enrol" } else { "code" }
        ))),
        Entry::Admitted(_) => Standing::Elsewhere(Answer::Go(call.as_seen(&format!("/{slug}")))),
        Entry::Nobody => to_login(),
    })
}

fn step_address(call: &Call, company: &Company, step: &str) -> String {
    let next: String = encode(&own_path(call, company.slug(), call.asked("next")));
    format!("{}/{step}?next={next}", call.base(company.slug()))
}

fn code_field() -> FieldView {
    FieldView::code("code", "Code").required().autofocus().help("Six digits from your authenticator app.")
}

fn code_page(call: &Call, company: &Company, pending: &PendingSession) -> Result<CodePage> {
    let ways = admit::ways_to_finish(company, pending)?;
    let site = call.site();
    let passkey = site.map(|site| admit::passkey_to_finish(company, pending, &site)).transpose()?.flatten();
    let (title, lead) = match (ways.code, passkey.is_some()) {
        (true, _) => ("Enter your code", "open your authenticator app and type the code it shows for"),
        (false, true) => ("Use your passkey", "use your passkey to sign in to"),
        (false, false) => {
            ("Use a recovery code", "your passkey does not work at this address. Use a recovery code for")
        }
    };
    Ok(CodePage {
        frame: brand::bare(call, title, company),
        form: FormView::new(step_address(call, company, "code"), "Sign in").field(code_field()),
        lead: format!("{}, {lead} {}.", pending.name(), company.name()),
        unfolded: !ways.code && passkey.is_none(),
        passkey: passkey.map(|challenge| PasskeyPart::get(challenge, "").primary(!ways.code)),
        recovery: recovery_field("recovery"),
        has_code: ways.code,
        back_href: format!("{}/login", call.base(company.slug())),
    })
}

/// Asks for the code.
pub(super) fn code_form(call: &Call) -> Result<Answer> {
    match standing(call, Stage::Code)? {
        Standing::Pending(company, pending) => Answer::page(&code_page(call, &company, &pending)?),
        Standing::Elsewhere(answer) => Ok(answer),
    }
}

/// The code was sent.
pub(super) fn code_submit(call: &Call) -> Result<Answer> {
    let (company, pending) = match standing(call, Stage::Code)? {
        Standing::Pending(company, pending) => (company, pending),
        Standing::Elsewhere(answer) => return Ok(answer),
    };
    let sent = call.form();
    let recovery = !sent.text("recovery").trim().is_empty();
    let offered = Offered {
        ticket: sent.text("ticket").to_owned(),
        passkey: sent.text("passkey").to_owned(),
        ..Offered::code(sent.text(if recovery { "recovery" } else { "code" }))
    };
    match admit::check_code(&company, &pending, &offered, &call.from) {
        Ok(token) => Ok(Answer::SignedIn {
            company: company.slug().into(),
            token,
            to: own_path(call, company.slug(), call.asked("next")),
        }),
        Err(Error::Invalid(fields)) => {
            let mut page = code_page(call, &company, &pending)?;
            let wrong = fields.iter().next().map(|(_, wrong)| wrong).unwrap_or_default();
            page.unfolded |= recovery;
            page.form = if recovery || !offered.passkey.is_empty() {
                page.form.problem(wrong)
            } else {
                page.form.errors([("code", wrong)])
            };
            Answer::refused(&page)
        }
        Err(Error::Conflict(sentence)) => again(call, &company, &sentence),
        Err(error) => Err(error),
    }
}

fn again(call: &Call, company: &Company, sentence: &str) -> Result<Answer> {
    let mut page = sign_in_page(call, company.slug(), "");
    page.frame = page.frame.flash(Kind::Warning, sentence);
    Answer::refused(&page)
}

fn enrol_page(call: &Call, company: &Company, pending: &PendingSession) -> Result<EnrolPage> {
    let enrolment = admit::enrolment(company, pending, &call.from)?;
    let mut form = FormView::new(step_address(call, company, "enrol"), "Turn on the second factor").field(code_field());
    if pending.asks_password() {
        let field = FieldView::password("password", "Your password").required().autocomplete("current-password");
        form = form.field(field.help("It has been a while since you last proved that it is you."));
    }
    let lead = match pending.was_whole() {
        true => "this company now asks you for a second factor. You go on where you were once it is set up.",
        false => "this company asks for a second factor beside your password.",
    };
    Ok(EnrolPage {
        frame: brand::bare(call, "Set up your second factor", company),
        form,
        lead: format!("{}, {lead}", pending.name()),
        asks_password: pending.asks_password(),
        sign_out_href: pending.was_whole().then(|| format!("{}/sign-out", call.base(company.slug()))),
        passkey: call
            .site()
            .map(|site| admit::passkey_to_enrol(company, pending, &site))
            .transpose()?
            .map(PasskeyPart::create),
        later: admit::grace(company, pending)?.map(|moment| moment.exact()),
        qr: Qr {
            size: enrolment.size as u32,
            path: enrolment.path,
            label: "QR code for your authenticator app".into(),
        },
        secret: enrolment.secret,
    })
}

/// Shows the secret to set up.
pub(super) fn enrol_form(call: &Call) -> Result<Answer> {
    match standing(call, Stage::Enrol)? {
        Standing::Pending(company, pending) => Answer::page(&enrol_page(call, &company, &pending)?),
        Standing::Elsewhere(answer) => Ok(answer),
    }
}

/// The first code of the new secret was sent.
pub(super) fn enrol_submit(call: &Call) -> Result<Answer> {
    let (company, pending) = match standing(call, Stage::Enrol)? {
        Standing::Pending(company, pending) => (company, pending),
        Standing::Elsewhere(answer) => return Ok(answer),
    };
    let sent = call.form();
    if sent.ticked("later") {
        return match admit::later(&company, &pending, &call.from) {
            Ok(token) => Ok(Answer::SignedIn {
                company: company.slug().into(),
                token,
                to: own_path(call, company.slug(), call.asked("next")),
            }),
            Err(Error::Conflict(sentence)) => again(call, &company, &sentence),
            Err(error) => Err(error),
        };
    }
    let offered = Offered {
        ticket: sent.text("ticket").to_owned(),
        passkey: sent.text("passkey").to_owned(),
        password: Some(sent.text("password")).filter(|text| !text.is_empty()).map(Secret::new),
        ..Offered::code(sent.text("code"))
    };
    match admit::enrol(&company, &pending, &offered, &call.from) {
        Ok(enrolled) => {
            let page = RecoveryPage {
                frame: brand::bare(call, "Keep your recovery codes", &company),
                codes: Codes::new(company.name(), enrolled.codes),
                next: own_path(call, company.slug(), call.asked("next")),
            };
            let to = format!("{}/me", call.base(company.slug()));
            Ok(Answer::Welcome { company: company.slug().into(), token: enrolled.token, to, html: draw(&page)? })
        }
        Err(Error::Invalid(fields)) => {
            let mut page = enrol_page(call, &company, &pending)?;
            page.form = match (fields.of("Passkey"), fields.of("Password")) {
                (Some(wrong), _) => page.form.problem(wrong),
                (None, Some(wrong)) => page.form.errors([("password", wrong)]),
                (None, None) => page.form.errors([("code", fields.of("Code").unwrap_or_default())]),
            };
            Answer::refused(&page)
        }
        Err(Error::Conflict(sentence)) => again(call, &company, &sentence),
        Err(error) => Err(error),
    }
}

/// Ends the session.
pub(super) fn sign_out(call: &Call) -> Result<Answer> {
    let slug = call.parameter("company");
    let (Ok(()), Some(token)) = (names::compartment(slug).map(drop), call.cookie(SESSION)) else {
        return Ok(Answer::Go("/login".into()));
    };
    if let Ok(company) = call.desk.appliance.enter(slug) {
        admit::sign_out(&company, token, &call.from)?;
    }
    // The same for a company that is not there.
    Ok(Answer::SignedOut { company: slug.into() })
}

fn invited(call: &Call) -> Result<Found<(String, String)>> {
    links::find(call, Link::Invitation, |company| admit::invitation(company, call.parameter("token")))
}

/// Says who is signed in and would be signed out: the invited person is somebody else, who cannot be signed in yet.
fn invitation_page(call: &Call, company: &Company, (person, email): (String, String)) -> Result<InvitationPage> {
    let other = links::signed_in(call, company)?;
    let submit = match &other {
        Some(other) => format!("Sign {other} out and go on"),
        None => "Choose this password and go on".into(),
    };
    let mut form =
        FormView::new(format!("{}/invitation/{}", call.base(company.slug()), call.parameter("token")), submit);
    if other.is_some() {
        form = form.field(FieldView::hidden("instead", "yes"));
    }
    let form = form
        .field(
            FieldView::password("password", "New password")
                .required()
                .autofocus()
                .autocomplete("new-password")
                .help(super::forgot::password_help(company)),
        )
        .field(FieldView::password("again", "The same once more").required().autocomplete("new-password"));
    let frame = brand::bare(call, format!("Welcome to {}", brand::name(company)), company);
    Ok(InvitationPage { frame, form, person, email, other })
}

/// Welcomes somebody who was invited.
pub(super) fn invitation_form(call: &Call) -> Result<Answer> {
    match invited(call)? {
        Found::Here(company, who) => Answer::page(&invitation_page(call, &company, who)?),
        Found::Not(answer) => Ok(answer),
    }
}

/// They chose a password.
pub(super) fn invitation_submit(call: &Call) -> Result<Answer> {
    let (company, who) = match invited(call)? {
        Found::Here(company, who) => (company, who),
        Found::Not(answer) => return Ok(answer),
    };
    let sent = call.form();
    let refused = |field: &str, message: &str| {
        let mut page = invitation_page(call, &company, who.clone())?;
        page.form = page.form.errors([(field, message)]);
        Answer::refused(&page)
    };
    if let (Some(other), "") = (links::signed_in(call, &company)?, sent.text("instead")) {
        return refused(
            "password",
            &format!("{other} is signed in here. Type it again to sign {other} out and go on."),
        );
    }
    if sent.text("password") != sent.text("again") {
        return refused("again", "The two are not the same. Type it once more.");
    }
    match admit::accept_invitation(&company, call.parameter("token"), &Secret::new(sent.text("password")), &call.from) {
        Ok(signed_in) => Ok(Answer::SignedIn {
            company: company.slug().into(),
            token: signed_in.token,
            to: call.as_seen(&format!(
                "/{}{}",
                company.slug(),
                if signed_in.stage == Stage::Full { "" } else { "/enrol" }
            )),
        }),
        Err(Error::Invalid(fields)) => refused("password", fields.of("Password").unwrap_or_default()),
        Err(error) => Err(error),
    }
}

//! Pages of what the company settles for itself, and the frame of all pages under Settings.

use super::{
    answers::preview::{Change, Checked, guarded},
    caller::{Answer, Visit},
    form::{self, FormPage, refuse},
    meanwhile,
    page::{Act, Chip, Choice, FieldView, FormView, Frame, Kv, count, thousands},
};
use crate::{
    base::{
        clock,
        error::{Error, Result},
        names,
    },
    company::{
        access::permissions::{ConfigureServer, SpaceView, in_roles},
        settings::{self, Brand, General, SLUG_IS_THE_OPERATORS, SecondFactor, Shades, SignIn, Trail},
    },
    http::call::Form,
};
use askama::Template;

#[derive(Template)]
#[template(path = "settings/company.html")]
struct Company {
    frame: Frame,
    form: Option<FormView>,
    about: Kv,
    address: String,
    change: Act,
    may_see_spaces: bool,
    spaces: String,
    spaces_href: String,
}
#[derive(Template)]
#[template(path = "settings/brand.html")]
struct BrandPage {
    frame: Frame,
    form: FormView,
    logo_href: Option<String>,
    removal_href: String,
    upload: FormView,
}
#[derive(Template)]
#[template(path = "settings/limits.html")]
struct Limits {
    frame: Frame,
    rows: Vec<Row>,
}
struct Row {
    name: &'static str,
    used: String,
    limit: String,
    chip: Chip,
    then: &'static str,
}

/// The frame of a page under Settings, with its tabs.
pub(super) fn settings(visit: &Visit, title: &str, current: &str) -> Frame {
    let mut frame = visit.frame("settings", title).tab("Company", visit.path("/settings"), current == "company");
    if visit.visitor.may(ConfigureServer {}) {
        for (key, label) in [
            ("sign-in", "Sign-in"),
            ("brand", "Look"),
            ("letters", "Letters"),
            ("limits", "Limits"),
            ("trail", "Trail"),
        ] {
            frame = frame.tab(label, visit.path(&format!("/settings/{key}")), current == key);
        }
    }
    if visit.visitor.may(SpaceView {}) && !visit.company().is_operators() {
        frame.tab("Spaces", visit.path("/settings/spaces"), current == "spaces")
    } else {
        frame
    }
}

/// The present settings, and whether the visitor may change them.
fn shown(visit: &Visit) -> Result<settings::Settings> {
    settings::show(&visit.visitor.ask(ConfigureServer {})?)
}

fn some(text: &str) -> Option<String> {
    Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned)
}

const GENERAL: [(&str, &str); 3] = [("Name", "name"), ("TimeZone", "time_zone"), ("FromAddress", "from_address")];

fn general_form(visit: &Visit, present: &General) -> FormView {
    let zones = settings::time_zones();
    let choices = zones.into_iter().map(|zone| {
        let chosen = zone == present.time_zone;
        Choice::new(zone.clone(), zone).chosen(chosen)
    });
    FormView::new(visit.path("/settings"), "Save the settings")
        .field(FieldView::text("name", "Name").value(&present.name).required().max_length(100))
        .field(
            FieldView::select("time_zone", "Time zone", choices.collect())
                .help("Times are shown in it, and what happens at a time of day happens by it."),
        )
        .field(
            FieldView::email("from_address", "Letters come from")
                .value(present.from_address.clone().unwrap_or_default())
                .help("Without one they come from the server's own address. Your mail provider must allow the server to send for it."),
        )
        .field(
            FieldView::checkbox("customers", "Customers' people are in Everyone too", present.customers_in_everyone)
                .help("People of tenants' own teams, and of no other. Usually roles of Everyone are for colleagues only."),
        )
}

fn company_page(visit: &Visit, form: Option<FormView>) -> Result<Company> {
    let company = visit.company();
    let spaces = visit.visitor.spaces()?.len() as u64;
    Ok(Company {
        frame: settings(visit, company.name(), "company"),
        form,
        about: Kv::new()
            .row("Name", company.name())
            .mono("Short name", company.slug())
            .hint(SLUG_IS_THE_OPERATORS)
            .mono("Id", company.id().to_string()),
        address: visit.call.address_of(company.slug()),
        change: visit.offer(ConfigureServer {}, Act::link("Change the settings", visit.path("/settings"))),
        may_see_spaces: visit.visitor.may(SpaceView {}) && !company.is_operators(),
        spaces: count(spaces, "space", "spaces"),
        spaces_href: visit.path("/settings/spaces"),
    })
}

/// The company: name, time zone, whom letters come from.
pub(super) fn company(visit: &Visit) -> Result<Answer> {
    let form = if visit.visitor.may(ConfigureServer {}) {
        Some(meanwhile::remembering(general_form(visit, &shown(visit)?.general())))
    } else {
        visit.visitor.ask(SpaceView {})?;
        None
    };
    Answer::page(&company_page(visit, form)?)
}

/// The form was sent.
pub(super) fn save_company(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.ask(ConfigureServer {})?;
    let sent = visit.form();
    let wished = General {
        name: sent.text("name").into(),
        time_zone: sent.text("time_zone").into(),
        from_address: some(sent.text("from_address")),
        customers_in_everyone: sent.ticked("customers"),
    };
    let known = shown(visit)?.general();
    let present = general_form(visit, &known);
    if let Some(form) = meanwhile::refuse(&present, general_form(visit, &wished), &sent) {
        return Answer::refused(&company_page(visit, Some(form))?);
    }
    let back = visit.path("/settings");
    let change = Change::new("What the new settings change", "Save the settings", &back);
    match guarded(visit, change, || settings::change_general(&granted, Some(&known), &wished)) {
        Ok(Checked::Shown(page)) => Ok(page),
        Ok(Checked::Done(saved)) => {
            Answer::done(visit.path("/settings"), format!("The settings of {} were saved.", saved.name))
        }
        Err(error) => {
            let form = meanwhile::carry(refuse(general_form(visit, &wished), error, &GENERAL)?, &sent);
            Answer::refused(&company_page(visit, Some(form))?)
        }
    }
}

const SIGN_IN: [(&str, &str); 10] = [
    ("SecondFactor", "second_factor"),
    ("SecondFactorPermissions", "permissions"),
    ("GraceDays", "grace_days"),
    ("PasswordMin", "password_min"),
    ("SessionIdleMinutes", "idle"),
    ("SessionAbsoluteMinutes", "absolute"),
    ("KeyDaysMax", "key_days_max"),
    ("KeyDaysUsual", "key_days_usual"),
    ("PeopleMayHaveKeys", "people_may_have_keys"),
    ("AccessByPeopleOnly", "access_by_people_only"),
];

fn sign_in_form(visit: &Visit, present: &SignIn) -> FormView {
    let who = [
        (SecondFactor::Everyone, "Everybody", "Whoever signs in with a password."),
        (SecondFactor::Holders, "Holders of the permissions chosen below", "Whoever holds one of them anywhere."),
        (SecondFactor::Nobody, "Nobody must", "Everybody may have one."),
    ];
    let who =
        who.map(|(who, label, hint)| Choice::new(who.word(), label).hint(hint).chosen(present.second_factor == who));
    let permissions = in_roles(visit.company().is_operators()).map(|info| {
        let chosen = present.second_factor_permissions.iter().any(|name| name == info.name);
        Choice::new(info.name, info.name).hint(info.meaning).chosen(chosen)
    });
    let number = |name: &str, label: &str, value: i64, least: i64, most: i64| {
        FieldView::number(name, label).value(value.to_string()).between(least, most).short().required()
    };
    FormView::new(visit.path("/settings/sign-in"), "Save the rules")
        .field(FieldView::section("Second factor", "An authenticator app or a passkey, besides the password."))
        .field(FieldView::radios("second_factor", "Who must have one", who.into()))
        .field(FieldView::checks("permissions", "Permissions whose holders must", permissions.collect()))
        .field(
            number("grace_days", "Days of grace", present.grace_days, 0, 90)
                .help("For so long after the rule became stricter, or after they came, people may sign in without."),
        )
        .field(FieldView::section(
            "Passwords",
            "Common passwords are refused in any case; no kinds of characters are asked for.",
        ))
        .field(number("password_min", "Fewest characters", present.password_min, 12, 128).help("For new passwords."))
        .field(FieldView::section("Sessions", "How long somebody stays signed in."))
        .field(
            FieldView::text("idle", "Sign out after no use for")
                .value(clock::length(present.session_idle_minutes))
                .short()
                .required()
                .help("Such as 30 minutes or 12 hours; at most 7 days."),
        )
        .field(
            FieldView::text("absolute", "Sign out in any case after")
                .value(clock::length(present.session_absolute_minutes))
                .short()
                .required()
                .help("Such as 12 hours or 14 days; at most 90 days."),
        )
        .field(FieldView::section("API keys", "Service accounts may always have keys."))
        .field(FieldView::checkbox("people_may_have_keys", "People may have keys too", present.people_may_have_keys))
        .field(number("key_days_usual", "Days a new key usually lives", present.key_days_usual, 1, 3650))
        .field(number("key_days_max", "Days a new key lives at most", present.key_days_max, 1, 3650))
        .field(
            FieldView::checkbox("access_by_people_only", "Only people change access", present.access_by_people_only)
                .help("No key or token changes people, teams, roles, keys or accounts then, whatever it holds. Rules of sign-in are changed by people only in any case."),
        )
}

/// What is said before somebody is given more: whom the company's rule then asks for a second factor, at once.
pub(super) fn factor_note(visit: &Visit) -> Option<String> {
    let rules = visit.company().rules();
    if rules.second_factor != SecondFactor::Holders {
        return None;
    }
    Some(format!(
        "Whoever comes to hold one of these permissions by it needs a second factor; somebody without one is asked to set it up on the next page they open: {}.",
        rules.second_factor_permissions.join(", ")
    ))
}

/// The rules of sign-in.
pub(super) fn sign_in(visit: &Visit) -> Result<Answer> {
    let form = meanwhile::remembering(sign_in_form(visit, &shown(visit)?.sign_in()));
    Answer::page(&FormPage { frame: settings(visit, "Sign-in", "sign-in"), form })
}

/// A number of a form; what is none is out of every bound, so that its field is named.
fn number(sent: &Form, name: &str) -> i64 {
    sent.text(name).trim().parse().unwrap_or(-1)
}

/// The form was sent.
pub(super) fn save_sign_in(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.ask(ConfigureServer {})?;
    let sent = visit.form();
    let wished = SignIn {
        second_factor: SecondFactor::of(sent.text("second_factor")),
        second_factor_permissions: sent.all("permissions"),
        grace_days: number(&sent, "grace_days"),
        password_min: number(&sent, "password_min"),
        session_idle_minutes: clock::minutes_of(sent.text("idle")).unwrap_or(-1),
        session_absolute_minutes: clock::minutes_of(sent.text("absolute")).unwrap_or(-1),
        people_may_have_keys: sent.ticked("people_may_have_keys"),
        key_days_max: number(&sent, "key_days_max"),
        key_days_usual: number(&sent, "key_days_usual"),
        access_by_people_only: sent.ticked("access_by_people_only"),
    };
    let known = shown(visit)?.sign_in();
    let present = sign_in_form(visit, &known);
    let typed = || sign_in_form(visit, &wished).typed(sent.typed());
    if let Some(form) = meanwhile::refuse(&present, typed(), &sent) {
        return Answer::refused(&FormPage { frame: settings(visit, "Sign-in", "sign-in"), form });
    }
    match settings::change_sign_in(&granted, Some(&known), &wished) {
        Ok(_) => Answer::done(visit.path("/settings/sign-in"), "The rules of sign-in were saved."),
        Err(error) => {
            form::refused(settings(visit, "Sign-in", "sign-in"), meanwhile::carry(typed(), &sent), error, &SIGN_IN)
        }
    }
}

const LOOK: [(&str, &str); 2] = [("Name", "name"), ("Accent", "accent")];

fn brand_form(visit: &Visit, present: &Brand) -> FormView {
    let shades = present.accent.as_deref().and_then(Shades::of);
    let corrected = match (&present.accent, shades) {
        (Some(accent), Some(shades)) if shades.light != *accent || shades.dark != *accent => {
            format!(" So that it can be read, it is {} on light pages and {} on dark ones.", shades.light, shades.dark)
        }
        _ => String::new(),
    };
    FormView::new(visit.path("/settings/brand"), "Save the look")
        .field(
            FieldView::text("name", "Name to show")
                .value(present.name.clone().unwrap_or_default())
                .max_length(60)
                .help("In place of the company's name."),
        )
        .field(
            FieldView::text("accent", "Colour")
                .value(present.accent.clone().unwrap_or_default())
                .mono()
                .short()
                .placeholder("#0b6478")
                .help(format!("Of links and buttons, as #rrggbb.{corrected}")),
        )
        .field(
            FieldView::checkbox("product", "Say to customers that it is made with Bulkhead", present.names_product)
                .help("At the foot of sign-in and of the portal. Without this, nothing that your customers see on the way in or there names it."),
        )
}

/// Name and colour at present.
fn look(visit: &Visit) -> Result<Brand> {
    let rules = shown(visit)?.rules;
    Ok(Brand { name: rules.brand_name, accent: rules.brand_accent, names_product: rules.names_product })
}

fn brand_page(visit: &Visit, form: Option<FormView>, problem: Option<&str>) -> Result<BrandPage> {
    let (rules, present) = (shown(visit)?.rules, look(visit)?);
    let upload = FormView::new(visit.path("/settings/brand/logo"), "Set the logo").field(
        FieldView::file("logo", "A new logo").required().help(format!(
            "A PNG picture of 16 to 1,024 dots on each side, at most {}. It is shown 24 dots high.",
            names::bytes(settings::LARGEST_LOGO as u64)
        )),
    );
    let upload = match problem {
        Some(problem) => upload.errors([("logo", problem)]),
        None => upload,
    };
    Ok(BrandPage {
        frame: settings(visit, "Look", "brand"),
        form: form.unwrap_or_else(|| meanwhile::remembering(brand_form(visit, &present))),
        logo_href: rules.brand_logo.map(|digest| visit.path(&format!("/brand/logo.png?v={digest}"))),
        removal_href: visit.path("/settings/brand/logo/delete"),
        upload,
    })
}

/// Name, logo and colour.
pub(super) fn brand(visit: &Visit) -> Result<Answer> {
    Answer::page(&brand_page(visit, None, None)?)
}

/// The form was sent.
pub(super) fn save_brand(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.ask(ConfigureServer {})?;
    let sent = visit.form();
    let wished = Brand {
        name: some(sent.text("name")),
        accent: some(sent.text("accent")),
        names_product: sent.ticked("product"),
    };
    let known = look(visit)?;
    if let Some(form) = meanwhile::refuse(&brand_form(visit, &known), brand_form(visit, &wished), &sent) {
        return Answer::refused(&brand_page(visit, Some(form), None)?);
    }
    match settings::change_brand(&granted, Some(&known), &wished) {
        Ok(_) => Answer::done(visit.path("/settings/brand"), "The look was saved."),
        Err(error) => {
            let form = meanwhile::carry(refuse(brand_form(visit, &wished), error, &LOOK)?, &sent);
            Answer::refused(&brand_page(visit, Some(form), None)?)
        }
    }
}

/// A logo was sent.
pub(super) fn save_logo(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.ask(ConfigureServer {})?;
    match settings::set_logo(&granted, visit.call.file.as_deref().unwrap_or_default()) {
        Ok(()) => Answer::done(visit.path("/settings/brand"), "The logo was set."),
        Err(Error::Invalid(wrong)) => {
            Answer::refused(&brand_page(visit, None, Some(wrong.of("Logo").unwrap_or_default()))?)
        }
        Err(error) => Err(error),
    }
}

/// Takes the logo away.
pub(super) fn delete_logo(visit: &Visit) -> Result<Answer> {
    settings::remove_logo(&visit.visitor.ask(ConfigureServer {})?)?;
    Answer::done(visit.path("/settings/brand"), "The logo was removed.")
}

/// The limits and how much of them is used.
pub(super) fn limits(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.ask(ConfigureServer {})?;
    let limits = settings::show(&granted)?.rules.limits;
    let used = settings::usage(&granted)?;
    let row = |name, used: String, limit: Option<i64>, full: bool, words: fn(u64) -> String, then| Row {
        name,
        used,
        limit: limit.map_or_else(|| "none".into(), |limit| words(limit.unsigned_abs())),
        chip: if full { Chip::new("warning", "Reached") } else { Chip::new("success", "There is room") },
        then,
    };
    let reached = |used: i64, limit: Option<i64>| limit.is_some_and(|limit| used >= limit);
    let disk = i64::try_from(used.disk_bytes).unwrap_or(i64::MAX);
    let rows = vec![
        row(
            "Room on the disk",
            names::bytes(used.disk_bytes),
            limits.disk_bytes,
            reached(disk, limits.disk_bytes),
            names::bytes,
            "Nothing can be added; what is there goes on working.",
        ),
        row(
            "People",
            thousands(used.people.unsigned_abs()),
            limits.people,
            reached(used.people, limits.people),
            thousands,
            "Nobody can be invited or made active again.",
        ),
        row(
            "Tasks at once",
            thousands(used.running_tasks.unsigned_abs()),
            limits.running_tasks,
            reached(used.running_tasks, limits.running_tasks),
            thousands,
            "Further tasks wait in the queue.",
        ),
        row(
            "Requests in a minute",
            "counted as they come".into(),
            limits.requests_per_minute,
            false,
            thousands,
            "Requests are refused until the minute has passed.",
        ),
    ];
    Answer::page(&Limits { frame: settings(visit, "Limits", "limits"), rows })
}

const TRAIL: [(&str, &str); 3] =
    [("CheckpointSyslog", "syslog"), ("CheckpointWebhook", "webhook"), ("RetentionDays", "days")];

fn trail_form(visit: &Visit, present: &Trail) -> FormView {
    FormView::new(visit.path("/settings/trail"), "Save where the trail is kept")
        .field(FieldView::section("Checkpoints", "Signed marks of the trail, written to a file beside it. Kept elsewhere too, they prove that nothing was cut off."))
        .field(FieldView::checkbox("syslog", "Write them to the system's log", present.checkpoint_syslog))
        .field(
            FieldView::url("webhook", "Send them to")
                .value(present.checkpoint_webhook.clone().unwrap_or_default())
                .placeholder("https://")
                .help("An address of another machine that keeps what it is sent."),
        )
        .field(FieldView::section("Keeping", "Older events go to a file for each day, which stays beside the trail."))
        .field(
            FieldView::number("days", "Days in the trail")
                .value(present.retention_days.to_string())
                .between(1, 3650)
                .short()
                .required(),
        )
}

/// Where the trail is kept.
pub(super) fn trail(visit: &Visit) -> Result<Answer> {
    let form = meanwhile::remembering(trail_form(visit, &shown(visit)?.trail()));
    Answer::page(&FormPage { frame: settings(visit, "Trail", "trail"), form })
}

/// The form was sent.
pub(super) fn save_trail(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.ask(ConfigureServer {})?;
    let sent = visit.form();
    let wished = Trail {
        checkpoint_syslog: sent.ticked("syslog"),
        checkpoint_webhook: some(sent.text("webhook")),
        retention_days: number(&sent, "days"),
    };
    let known = shown(visit)?.trail();
    let present = trail_form(visit, &known);
    let typed = || trail_form(visit, &wished).typed(sent.typed());
    if let Some(form) = meanwhile::refuse(&present, typed(), &sent) {
        return Answer::refused(&FormPage { frame: settings(visit, "Trail", "trail"), form });
    }
    match settings::change_trail(&granted, Some(&known), &wished) {
        Ok(_) => Answer::done(visit.path("/settings/trail"), "Where the trail is kept was saved."),
        Err(error) => form::refused(settings(visit, "Trail", "trail"), meanwhile::carry(typed(), &sent), error, &TRAIL),
    }
}

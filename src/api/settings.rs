//! `/api/serverconfiguration`: the company as a whole, which to a client is a server; `/api/settings`: what it settles.

use super::{
    caller::{Ask, Reply},
    resource, root,
};
use crate::{
    base::error::{Error, Result},
    company::{
        access::permissions::ConfigureServer,
        settings::{self, Brand, General, SecondFactor, SignIn, Trail},
    },
};
use serde_json::{Value, json};

/// Its name, address and id.
pub(super) fn show(ask: &Ask) -> Result<Reply> {
    let found = settings::show(&ask.visitor()?.ask(ConfigureServer {})?)?;
    let own = format!("{}/serverconfiguration", resource::api(ask));
    Reply::ok(json!({
        "Id": "serverconfiguration", "Name": found.name, "Slug": found.slug, "InstallationId": found.id,
        "Created": found.created_at.wire(), "Version": root::VERSION, "Links": resource::links(&own, &[]),
    }))
}

/// Everything that is settled, with the limits and their use.
pub(super) fn all(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(ConfigureServer {})?;
    let found = settings::show(&granted)?;
    let used = settings::usage(&granted)?;
    let limits = found.rules.limits;
    let limit = |limit: Option<i64>, used: Value| json!({ "Limit": limit, "Used": used });
    Reply::ok(json!({
        "Slug": found.slug, "General": found.general(), "SignIn": found.sign_in(), "Trail": found.trail(),
        "Brand": { "Name": found.rules.brand_name, "Accent": found.rules.brand_accent, "HasLogo": found.rules.brand_logo.is_some(),
            "NamesProduct": found.rules.names_product },
        "Limits": {
            "DiskBytes": limit(limits.disk_bytes, json!(used.disk_bytes)),
            "People": limit(limits.people, json!(used.people)),
            "RunningTasks": limit(limits.running_tasks, json!(used.running_tasks)),
            "RequestsPerMinute": limit(limits.requests_per_minute, Value::Null),
        },
        "Links": resource::links(&format!("{}/settings", resource::api(ask)), &[]),
    }))
}

fn some(text: String) -> Option<String> {
    Some(text).filter(|text| !text.trim().is_empty())
}

/// True or false as it was sent; what is neither is refused and never taken for no.
fn truth(ask: &Ask, name: &str, present: bool) -> Result<bool> {
    match ask.body.get(name) {
        None | Some(Value::Null) => Ok(present),
        Some(Value::Bool(truth)) => Ok(*truth),
        Some(_) => Err(Error::invalid(name, "Say true or false.")),
    }
}

/// Name, time zone, from-address, who is in Everyone.
pub(super) fn general(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(ConfigureServer {})?;
    let present = settings::show(&granted)?.general();
    let wished = General {
        name: ask.body.text("Name"),
        time_zone: ask.body.text("TimeZone"),
        from_address: some(ask.body.text("FromAddress")),
        customers_in_everyone: truth(ask, "CustomersInEveryone", present.customers_in_everyone)?,
    };
    Reply::ok(json!(settings::change_general(&granted, &wished)?))
}

/// The rules of sign-in; what is left out stays as it is.
pub(super) fn sign_in(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(ConfigureServer {})?;
    let present = settings::show(&granted)?.sign_in();
    let number = |name: &str, present: i64| ask.body.number(name).unwrap_or(present);
    let second_factor = match ask.body.text("SecondFactor").to_lowercase().as_str() {
        "" => present.second_factor,
        "nobody" => SecondFactor::Nobody,
        "holders" => SecondFactor::Holders,
        "everyone" => SecondFactor::Everyone,
        _ => return Err(Error::invalid("SecondFactor", "Say nobody, holders or everyone.")),
    };
    let given = |name: &str| ask.body.has(name);
    let wished = SignIn {
        second_factor,
        second_factor_permissions: if given("SecondFactorPermissions") {
            ask.body.texts("SecondFactorPermissions")
        } else {
            present.second_factor_permissions
        },
        grace_days: number("GraceDays", present.grace_days),
        password_min: number("PasswordMin", present.password_min),
        session_idle_minutes: number("SessionIdleMinutes", present.session_idle_minutes),
        session_absolute_minutes: number("SessionAbsoluteMinutes", present.session_absolute_minutes),
        people_may_have_keys: truth(ask, "PeopleMayHaveKeys", present.people_may_have_keys)?,
        key_days_max: number("KeyDaysMax", present.key_days_max),
        key_days_usual: number("KeyDaysUsual", present.key_days_usual),
        access_by_people_only: truth(ask, "AccessByPeopleOnly", present.access_by_people_only)?,
    };
    Reply::ok(json!(settings::change_sign_in(&granted, &wished)?))
}

/// Name and colour to show.
pub(super) fn brand(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(ConfigureServer {})?;
    let wished = Brand {
        name: some(ask.body.text("Name")),
        accent: some(ask.body.text("Accent")),
        names_product: ask.body.bool("NamesProduct"),
    };
    Reply::ok(json!(settings::change_brand(&granted, &wished)?))
}

/// The logo, as a PNG picture in base64.
pub(super) fn logo(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(ConfigureServer {})?;
    let file = data_encoding::BASE64.decode(ask.body.text("Logo").trim().as_bytes());
    let file = file.map_err(|_| Error::invalid("Logo", "Send a PNG picture in base64."))?;
    settings::set_logo(&granted, &file)?;
    Reply::done()
}

/// No logo any more.
pub(super) fn no_logo(ask: &Ask) -> Result<Reply> {
    settings::remove_logo(&ask.visitor()?.ask(ConfigureServer {})?)?;
    Reply::done()
}

/// Where the trail is kept.
pub(super) fn trail(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(ConfigureServer {})?;
    let present = settings::show(&granted)?.trail();
    let given = |name: &str| ask.body.has(name);
    let wished = Trail {
        checkpoint_syslog: truth(ask, "CheckpointSyslog", present.checkpoint_syslog)?,
        checkpoint_webhook: if given("CheckpointWebhook") {
            some(ask.body.text("CheckpointWebhook"))
        } else {
            present.checkpoint_webhook
        },
        retention_days: ask.body.number("RetentionDays").unwrap_or(present.retention_days),
    };
    Reply::ok(json!(settings::change_trail(&granted, &wished)?))
}

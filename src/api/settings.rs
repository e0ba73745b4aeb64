//! `/api/serverconfiguration`: the company as a whole, which to a client is a server; `/api/settings`: what it settles.

use super::{
    caller::Ask,
    resource, root,
    wire::{Done, Json, Links, Sent, Settable},
};
use crate::{
    base::error::{Error, Result},
    company::{
        access::permissions::ConfigureServer,
        settings::{self, Brand, General, SecondFactor, SignIn, Trail},
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The company, which to a client is a server.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ServerConfiguration {
    id: &'static str,
    name: String,
    slug: String,
    installation_id: String,
    created: String,
    version: &'static str,
    links: Links,
}

/// Everything that is settled.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CompanySettings {
    slug: String,
    general: GeneralSettings,
    sign_in: SignInSettings,
    trail: TrailSettings,
    brand: BrandSettings,
    limits: LimitsInUse,
    links: Links,
}

/// Name, time zone, from-address, who is in Everyone; what is left out stays as it is.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct GeneralSettings {
    name: Option<String>,
    /// A name of the IANA database, such as Europe/Berlin.
    time_zone: Option<String>,
    /// Whom letters come from; null: the appliance's own address.
    from_address: Settable<String>,
    customers_in_everyone: Option<bool>,
}

/// Who must have a second factor.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum SecondFactorRule {
    Nobody,
    Holders,
    Everyone,
}

/// The rules of sign-in; what is left out stays as it is.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct SignInSettings {
    second_factor: Option<SecondFactorRule>,
    /// The permissions whose holders must have one, by name.
    second_factor_permissions: Option<Vec<String>>,
    grace_days: Option<i64>,
    password_min: Option<i64>,
    session_idle_minutes: Option<i64>,
    session_absolute_minutes: Option<i64>,
    people_may_have_keys: Option<bool>,
    key_days_max: Option<i64>,
    key_days_usual: Option<i64>,
    access_by_people_only: Option<bool>,
}

/// Where the trail is kept; what is left out stays as it is.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct TrailSettings {
    checkpoint_syslog: Option<bool>,
    /// Empty: none.
    checkpoint_webhook: Option<String>,
    retention_days: Option<i64>,
}

/// Name and colour to show; what is left out stays as it is.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct BrandSettings {
    /// null: the company's own.
    name: Settable<String>,
    /// Such as #0b6478; null: the appliance's own.
    accent: Settable<String>,
    #[schema(read_only)]
    #[serde(skip_serializing_if = "Option::is_none")]
    has_logo: Option<bool>,
    names_product: Option<bool>,
}

/// A logo.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct LogoSent {
    /// A PNG picture in base64.
    logo: String,
}

/// What the company may use, and uses.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct LimitsInUse {
    disk_bytes: LimitInUse,
    people: LimitInUse,
    running_tasks: LimitInUse,
    requests_per_minute: LimitInUse,
}

/// A limit; null is none.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct LimitInUse {
    limit: Option<i64>,
    used: Option<i64>,
}

impl From<General> for GeneralSettings {
    fn from(kept: General) -> Self {
        GeneralSettings {
            name: Some(kept.name),
            time_zone: Some(kept.time_zone),
            from_address: Settable::kept(kept.from_address),
            customers_in_everyone: Some(kept.customers_in_everyone),
        }
    }
}

impl From<SignIn> for SignInSettings {
    fn from(kept: SignIn) -> Self {
        SignInSettings {
            second_factor: Some(match kept.second_factor {
                SecondFactor::Nobody => SecondFactorRule::Nobody,
                SecondFactor::Holders => SecondFactorRule::Holders,
                SecondFactor::Everyone => SecondFactorRule::Everyone,
            }),
            second_factor_permissions: Some(kept.second_factor_permissions),
            grace_days: Some(kept.grace_days),
            password_min: Some(kept.password_min),
            session_idle_minutes: Some(kept.session_idle_minutes),
            session_absolute_minutes: Some(kept.session_absolute_minutes),
            people_may_have_keys: Some(kept.people_may_have_keys),
            key_days_max: Some(kept.key_days_max),
            key_days_usual: Some(kept.key_days_usual),
            access_by_people_only: Some(kept.access_by_people_only),
        }
    }
}

impl From<Trail> for TrailSettings {
    fn from(kept: Trail) -> Self {
        TrailSettings {
            checkpoint_syslog: Some(kept.checkpoint_syslog),
            checkpoint_webhook: kept.checkpoint_webhook,
            retention_days: Some(kept.retention_days),
        }
    }
}

/// Its name, address and id.
pub(super) fn show(ask: &Ask) -> Result<Json<ServerConfiguration>> {
    let found = settings::show(&ask.visitor()?.ask(ConfigureServer {})?)?;
    let own = format!("{}/serverconfiguration", resource::api(ask));
    Ok(Json(ServerConfiguration {
        id: "serverconfiguration",
        name: found.name,
        slug: found.slug,
        installation_id: found.id,
        created: found.created_at.wire(),
        version: root::VERSION,
        links: Links::of(&own, &[]),
    }))
}

/// Everything that is settled, with the limits and their use.
pub(super) fn all(ask: &Ask) -> Result<Json<CompanySettings>> {
    let granted = ask.visitor()?.ask(ConfigureServer {})?;
    let found = settings::show(&granted)?;
    let used = settings::usage(&granted)?;
    let (limits, rules) = (found.rules.limits, &found.rules);
    let limit = |limit: Option<i64>, used: Option<i64>| LimitInUse { limit, used };
    Ok(Json(CompanySettings {
        general: found.general().into(),
        sign_in: found.sign_in().into(),
        trail: found.trail().into(),
        brand: BrandSettings {
            name: Settable::kept(rules.brand_name.clone()),
            accent: Settable::kept(rules.brand_accent.clone()),
            has_logo: Some(rules.brand_logo.is_some()),
            names_product: Some(rules.names_product),
        },
        limits: LimitsInUse {
            disk_bytes: limit(limits.disk_bytes, i64::try_from(used.disk_bytes).ok()),
            people: limit(limits.people, Some(used.people)),
            running_tasks: limit(limits.running_tasks, Some(used.running_tasks)),
            requests_per_minute: limit(limits.requests_per_minute, None),
        },
        links: Links::of(format!("{}/settings", resource::api(ask)), &[]),
        slug: found.slug,
    }))
}

fn some(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

/// Changes what was sent and leaves the rest as it is: as it is when that is written down, so that two who change two
/// things at once both get theirs.
fn merged<T>(mut change: impl FnMut() -> Result<T>) -> Result<T> {
    for _ in 0..20 {
        match change() {
            Err(Error::Conflict(_)) => {}
            done => return done,
        }
    }
    change()
}

/// Name, time zone, from-address, who is in Everyone.
pub(super) fn general(ask: &Ask, Sent(sent): Sent<GeneralSettings>) -> Result<Json<GeneralSettings>> {
    let granted = ask.visitor()?.ask(ConfigureServer {})?;
    merged(|| {
        let (present, sent) = (settings::show(&granted)?.general(), sent.clone());
        let made_from = present.clone();
        let wished = General {
            name: sent.name.unwrap_or(present.name),
            time_zone: sent.time_zone.unwrap_or(present.time_zone),
            from_address: some(sent.from_address.or(present.from_address)),
            customers_in_everyone: sent.customers_in_everyone.unwrap_or(present.customers_in_everyone),
        };
        Ok(Json(settings::change_general(&granted, Some(&made_from), &wished)?.into()))
    })
}

/// The rules of sign-in; what is left out stays as it is.
pub(super) fn sign_in(ask: &Ask, Sent(sent): Sent<SignInSettings>) -> Result<Json<SignInSettings>> {
    let granted = ask.visitor()?.ask(ConfigureServer {})?;
    merged(|| {
        let (present, sent) = (settings::show(&granted)?.sign_in(), sent.clone());
        let made_from = present.clone();
        let wished = SignIn {
            second_factor: match sent.second_factor {
                None => present.second_factor,
                Some(SecondFactorRule::Nobody) => SecondFactor::Nobody,
                Some(SecondFactorRule::Holders) => SecondFactor::Holders,
                Some(SecondFactorRule::Everyone) => SecondFactor::Everyone,
            },
            second_factor_permissions: sent.second_factor_permissions.unwrap_or(present.second_factor_permissions),
            grace_days: sent.grace_days.unwrap_or(present.grace_days),
            password_min: sent.password_min.unwrap_or(present.password_min),
            session_idle_minutes: sent.session_idle_minutes.unwrap_or(present.session_idle_minutes),
            session_absolute_minutes: sent.session_absolute_minutes.unwrap_or(present.session_absolute_minutes),
            people_may_have_keys: sent.people_may_have_keys.unwrap_or(present.people_may_have_keys),
            key_days_max: sent.key_days_max.unwrap_or(present.key_days_max),
            key_days_usual: sent.key_days_usual.unwrap_or(present.key_days_usual),
            access_by_people_only: sent.access_by_people_only.unwrap_or(present.access_by_people_only),
        };
        Ok(Json(settings::change_sign_in(&granted, Some(&made_from), &wished)?.into()))
    })
}

/// Name and colour to show.
pub(super) fn brand(ask: &Ask, Sent(sent): Sent<BrandSettings>) -> Result<Json<BrandSettings>> {
    let granted = ask.visitor()?.ask(ConfigureServer {})?;
    merged(|| {
        let (rules, sent) = (settings::show(&granted)?.rules, sent.clone());
        let present = Brand { name: rules.brand_name, accent: rules.brand_accent, names_product: rules.names_product };
        let made_from = present.clone();
        let wished = Brand {
            name: some(sent.name.or(present.name)),
            accent: some(sent.accent.or(present.accent)),
            names_product: sent.names_product.unwrap_or(present.names_product),
        };
        let kept = settings::change_brand(&granted, Some(&made_from), &wished)?;
        Ok(Json(BrandSettings {
            name: Settable::kept(kept.name),
            accent: Settable::kept(kept.accent),
            has_logo: None,
            names_product: Some(kept.names_product),
        }))
    })
}

/// The logo, as a PNG picture in base64.
pub(super) fn logo(ask: &Ask, Sent(sent): Sent<LogoSent>) -> Result<Done> {
    let granted = ask.visitor()?.ask(ConfigureServer {})?;
    let file = data_encoding::BASE64.decode(sent.logo.trim().as_bytes());
    let file = file.map_err(|_| Error::invalid("Logo", "Send a PNG picture in base64."))?;
    settings::set_logo(&granted, &file)?;
    Ok(Done)
}

/// No logo any more.
pub(super) fn no_logo(ask: &Ask) -> Result<Done> {
    settings::remove_logo(&ask.visitor()?.ask(ConfigureServer {})?)?;
    Ok(Done)
}

/// Where the trail is kept.
pub(super) fn trail(ask: &Ask, Sent(sent): Sent<TrailSettings>) -> Result<Json<TrailSettings>> {
    let granted = ask.visitor()?.ask(ConfigureServer {})?;
    merged(|| {
        let (present, sent) = (settings::show(&granted)?.trail(), sent.clone());
        let made_from = present.clone();
        let wished = Trail {
            checkpoint_syslog: sent.checkpoint_syslog.unwrap_or(present.checkpoint_syslog),
            checkpoint_webhook: match sent.checkpoint_webhook {
                None => present.checkpoint_webhook,
                sent => some(sent),
            },
            retention_days: sent.retention_days.unwrap_or(present.retention_days),
        };
        Ok(Json(settings::change_trail(&granted, Some(&made_from), &wished)?.into()))
    })
}

//! `/api/users/{id}/apikeys`: keys of oneself and of service accounts.

use super::{is_me, other};
use crate::{
    api::{
        caller::{Ask, Body, Reply},
        resource,
    },
    base::{
        clock::Moment,
        error::{Error, Result},
        ids::{self, Id, Kind},
        paging::Listed,
    },
    company::{
        access::permissions::UserEdit,
        people::keys::{self, ApiKey, Fields, narrowed::Narrow},
    },
};
use serde_json::{Value, json};

fn draw(ask: &Ask, key: &ApiKey) -> Value {
    fn wire<T: Kind>(ids: &[Id<T>]) -> Vec<String> {
        ids.iter().map(Id::to_string).collect()
    }
    let own = format!("{}/users/{}/apikeys/{}", resource::api(ask), key.user, key.id);
    let narrow = &key.narrow;
    json!({
        "Id": key.id.to_string(), "UserId": key.user.to_string(), "Purpose": key.purpose, "Created": key.created_at.wire(),
        "Expires": key.expires_at.wire(), "LastUsed": key.last_used_at.map(Moment::wire),
        "ApiKey": { "HasValue": true, "NewValue": null, "Hint": key.hint }, "AllowedAddresses": key.addresses,
        "Narrowing": {
            "Permissions": narrow.permissions, "SpaceIds": wire(&narrow.spaces), "ProjectGroupIds": wire(&narrow.groups),
            "ProjectIds": wire(&narrow.projects), "EnvironmentIds": wire(&narrow.environments),
            "TenantIds": wire(&narrow.tenants),
            "RunbookIds": wire(&narrow.runbooks),
        },
        "Links": resource::links(&own, &[]),
    })
}

fn of(ask: &Ask) -> Result<Vec<ApiKey>> {
    if is_me(ask, ask.parameter("id"))? {
        return keys::list_own(&ask.visitor()?.myself()?);
    }
    keys::list_for(&ask.visitor()?.ask(UserEdit {})?, &other(ask)?)
}

/// The keys of oneself or of a service account.
pub(in crate::api) fn list(ask: &Ask) -> Result<Reply> {
    let (page, all) = (ask.page(), of(ask)?);
    let own = format!("{}/users/{}/apikeys", resource::api(ask), ask.parameter("id"));
    resource::collection(ask, &own, "ApiKey", Listed::from_all(page, all), page, "skip,take", |key| draw(ask, key))
}

/// One key.
pub(in crate::api) fn show(ask: &Ask) -> Result<Reply> {
    let id = key_id(ask)?;
    let found = of(ask)?.into_iter().find(|key| key.id == id);
    Reply::ok(draw(ask, &found.ok_or_else(|| Error::NotFound(id.to_string()))?))
}

fn key_id(ask: &Ask) -> Result<Id<ids::ApiKey>> {
    Id::parse(ask.parameter("key")).ok_or_else(|| Error::NotFound(ask.parameter("key").to_owned()))
}

fn narrow(body: &Body) -> Result<Narrow> {
    fn ids<T: Kind>(body: &Body, field: &str) -> Result<Vec<Id<T>>> {
        let wrong = |text: &String| Error::invalid(field, format!("“{text}” is no id of a {}.", T::WORD));
        body.texts(field).iter().map(|text| Id::parse(text).ok_or_else(|| wrong(text))).collect()
    }
    Ok(Narrow {
        permissions: body.texts("Permissions"),
        spaces: ids(body, "SpaceIds")?,
        groups: ids(body, "ProjectGroupIds")?,
        projects: ids(body, "ProjectIds")?,
        environments: ids(body, "EnvironmentIds")?,
        tenants: ids(body, "TenantIds")?,
        runbooks: ids(body, "RunbookIds")?,
    })
}

/// Makes a key; this answer alone carries it.
pub(in crate::api) fn create(ask: &Ask) -> Result<Reply> {
    let until = match ask.body.some_text("Expires") {
        Some(text) => Some(Moment::parse(&text).ok_or_else(|| {
            Error::invalid("Expires", "Give a moment such as 2026-01-31T10:00:00.000+00:00, or leave it out.")
        })?),
        None => None,
    };
    let narrowing = ask.body.get("Narrowing").map(Body::of).unwrap_or_default();
    let fields = Fields {
        purpose: ask.body.text("Purpose"),
        until,
        addresses: ask.body.texts("AllowedAddresses"),
        narrow: narrow(&narrowing)?,
    };
    let (key, made) = if is_me(ask, ask.parameter("id"))? {
        keys::create_own(&ask.visitor()?.myself()?, &fields)?
    } else {
        keys::create(&ask.visitor()?.ask(UserEdit {})?, &other(ask)?, &fields)?
    };
    let mut drawn = draw(ask, &made);
    drawn["ApiKey"] = json!(key);
    Reply::created(drawn)
}

/// Revokes a key.
pub(in crate::api) fn delete(ask: &Ask) -> Result<Reply> {
    let id = key_id(ask)?;
    if is_me(ask, ask.parameter("id"))? {
        keys::revoke_own(&ask.visitor()?.myself()?, id)?;
    } else {
        keys::revoke_for(&ask.visitor()?.ask(UserEdit {})?, &other(ask)?, id)?;
    }
    Reply::done()
}

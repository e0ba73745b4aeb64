//! `/api/users/{id}/apikeys`: keys of oneself and of service accounts.

use super::{is_me, other};
use crate::{
    api::{
        caller::Ask,
        resource,
        wire::{self, Collection, Created, Done, Json, Links, Query, Sent, refer},
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
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An API key on the wire.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::api) struct ApiKeyResource {
    #[schema(read_only)]
    id: String,
    #[schema(read_only)]
    user_id: String,
    /// What it is for.
    purpose: String,
    #[schema(read_only)]
    created: String,
    /// When it ends. Left out: after as many days as is usual in the company.
    expires: Option<String>,
    #[schema(read_only)]
    last_used: Option<String>,
    /// The key itself in the answer that made it; afterwards how it begins.
    #[schema(read_only)]
    api_key: KeyValue,
    /// The networks that it may come from; none: from everywhere.
    allowed_addresses: Vec<String>,
    narrowing: Narrowing,
    #[schema(read_only)]
    links: Links,
}

/// A key: whole once, then hidden.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub(in crate::api) enum KeyValue {
    Shown(String),
    #[serde(rename_all = "PascalCase")]
    Hidden {
        has_value: bool,
        new_value: Option<String>,
        /// How it begins.
        hint: String,
    },
}
impl Default for KeyValue {
    fn default() -> Self {
        KeyValue::Shown(String::new())
    }
}

/// What a key leaves of its owner's rights. Empty lists leave all.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::api) struct Narrowing {
    permissions: Vec<String>,
    space_ids: Vec<refer::Space>,
    project_group_ids: Vec<refer::ProjectGroup>,
    project_ids: Vec<refer::Project>,
    environment_ids: Vec<refer::Environment>,
    tenant_ids: Vec<refer::Tenant>,
    runbook_ids: Vec<refer::Runbook>,
}

fn draw(ask: &Ask, key: &ApiKey, value: Option<String>) -> ApiKeyResource {
    fn wire<T: Kind>(ids: &[Id<T>]) -> Vec<wire::Ref<T>> {
        ids.iter().map(|id| wire::Ref::from(*id)).collect()
    }
    let own = format!("{}/users/{}/apikeys/{}", resource::api(ask), key.user, key.id);
    let narrow = &key.narrow;
    ApiKeyResource {
        id: key.id.to_string(),
        user_id: key.user.to_string(),
        purpose: key.purpose.clone(),
        created: key.created_at.wire(),
        expires: Some(key.expires_at.wire()),
        last_used: key.last_used_at.map(Moment::wire),
        api_key: match value {
            Some(key) => KeyValue::Shown(key),
            None => KeyValue::Hidden { has_value: true, new_value: None, hint: key.hint.clone() },
        },
        allowed_addresses: key.addresses.clone(),
        narrowing: Narrowing {
            permissions: narrow.permissions.clone(),
            space_ids: wire(&narrow.spaces),
            project_group_ids: wire(&narrow.groups),
            project_ids: wire(&narrow.projects),
            environment_ids: wire(&narrow.environments),
            tenant_ids: wire(&narrow.tenants),
            runbook_ids: wire(&narrow.runbooks),
        },
        links: Links::of(&own, &[]),
    }
}

fn of(ask: &Ask) -> Result<Vec<ApiKey>> {
    if is_me(ask, ask.parameter("id"))? {
        return keys::list_own(&ask.visitor()?.myself()?);
    }
    keys::list_for(&ask.visitor()?.ask(UserEdit {})?, &other(ask)?)
}

/// The keys of oneself or of a service account.
pub(in crate::api) fn list(ask: &Ask, query: Query<resource::Paged>) -> Result<Collection<ApiKeyResource>> {
    let (page, all) = (ask.page(), of(ask)?);
    let own = format!("{}/users/{}/apikeys", resource::api(ask), ask.parameter("id"));
    let listed = Listed::from_all(page, all);
    Ok(wire::collection(ask, &query, &own, "ApiKey", listed, page, |key| draw(ask, key, None)))
}

/// One key.
pub(in crate::api) fn show(ask: &Ask) -> Result<Json<ApiKeyResource>> {
    let id = key_id(ask)?;
    let found = of(ask)?.into_iter().find(|key| key.id == id);
    Ok(Json(draw(ask, &found.ok_or_else(|| Error::NotFound(id.to_string()))?, None)))
}

fn key_id(ask: &Ask) -> Result<Id<ids::ApiKey>> {
    Id::parse(ask.parameter("key")).ok_or_else(|| Error::NotFound(ask.parameter("key").to_owned()))
}

impl Narrowing {
    fn narrow(self) -> Result<Narrow> {
        fn ids<T: Kind>(named: &[wire::Ref<T>], field: &str) -> Result<Vec<Id<T>>> {
            let wrong = |text: &str| Error::invalid(field, format!("“{text}” is no id of a {}.", T::WORD));
            named.iter().map(|one| Id::parse(one.text()).ok_or_else(|| wrong(one.text()))).collect()
        }
        Ok(Narrow {
            spaces: ids(&self.space_ids, "SpaceIds")?,
            groups: ids(&self.project_group_ids, "ProjectGroupIds")?,
            projects: ids(&self.project_ids, "ProjectIds")?,
            environments: ids(&self.environment_ids, "EnvironmentIds")?,
            tenants: ids(&self.tenant_ids, "TenantIds")?,
            runbooks: ids(&self.runbook_ids, "RunbookIds")?,
            permissions: self.permissions,
        })
    }
}

/// Makes a key; this answer alone carries it.
pub(in crate::api) fn create(ask: &Ask, Sent(sent): Sent<ApiKeyResource>) -> Result<Created<ApiKeyResource>> {
    let fields = Fields {
        purpose: sent.purpose,
        until: resource::moment("Expires", sent.expires.as_deref())?,
        addresses: sent.allowed_addresses,
        narrow: sent.narrowing.narrow()?,
    };
    let (key, made) = if is_me(ask, ask.parameter("id"))? {
        keys::create_own(&ask.visitor()?.myself()?, &fields)?
    } else {
        keys::create(&ask.visitor()?.ask(UserEdit {})?, &other(ask)?, &fields)?
    };
    Ok(Created(draw(ask, &made, Some(key))))
}

/// Revokes a key.
pub(in crate::api) fn delete(ask: &Ask) -> Result<Done> {
    let id = key_id(ask)?;
    if is_me(ask, ask.parameter("id"))? {
        keys::revoke_own(&ask.visitor()?.myself()?, id)?;
    } else {
        keys::revoke_for(&ask.visitor()?.ask(UserEdit {})?, &other(ask)?, id)?;
    }
    Ok(Done)
}

//! `/api/{space}/workerpools` and `/workers`: the built-in worker stands in one pool, and there are no others yet.

use super::{
    caller::Ask,
    resource,
    wire::{self, All, Collection, Json, Links, Nothing, Off, Query},
};
use crate::{
    base::error::{Error, Result},
    company::{
        access::permissions::{Inside, WorkerView},
        projects::process::POOL,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// A pool of workers on the wire.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct WorkerPoolResource {
    id: &'static str,
    space_id: String,
    name: &'static str,
    slug: &'static str,
    description: &'static str,
    sort_order: i64,
    is_default: bool,
    can_add_workers: Off,
    worker_pool_type: &'static str,
    worker_type: Nothing,
    links: Links,
}

/// Which pools or workers.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct WorkerQuery {
    ids: Option<Vec<String>>,
    name: String,
    partial_name: String,
}

fn pool(ask: &Ask) -> Result<WorkerPoolResource> {
    let space = ask.space()?;
    ask.visitor()?.ask(Inside { at: space.clone() })?;
    let own = format!("{}/workerpools/{POOL}", resource::space_api(ask, space.id().0));
    Ok(WorkerPoolResource {
        id: POOL,
        space_id: space.id().to_string(),
        name: "Default Worker Pool",
        slug: "default-worker-pool",
        description: "The built-in worker of this server.",
        sort_order: 0,
        is_default: true,
        can_add_workers: Off::default(),
        worker_pool_type: "StaticWorkerPool",
        worker_type: Nothing::default(),
        links: Links::of(&own, &[]),
    })
}

fn pools_asked(ask: &Ask, query: &WorkerQuery) -> Result<Vec<WorkerPoolResource>> {
    let pool = pool(ask)?;
    let named = |part: &str| pool.name.to_lowercase().contains(&part.trim().to_lowercase());
    let among = query.ids.as_ref().is_none_or(|ids| ids.iter().any(|id| id.eq_ignore_ascii_case(POOL)));
    let asked = among && named(&query.partial_name) && named(&query.name);
    Ok(if asked { vec![pool] } else { Vec::new() })
}

/// A page of them.
pub(super) fn pools(ask: &Ask, query: Query<WorkerQuery>) -> Result<Collection<WorkerPoolResource>> {
    let found = pools_asked(ask, &query)?;
    let own = format!("{}/workerpools", resource::space_api(ask, ask.space()?.id().0));
    Ok(wire::collection_of(ask, &query, &own, "WorkerPool", found.len() as i64, ask.page(), found))
}

/// All of them, as a bare array.
pub(super) fn all_pools(ask: &Ask, query: Query<WorkerQuery>) -> Result<All<WorkerPoolResource>> {
    Ok(All(pools_asked(ask, &query)?))
}

/// One.
pub(super) fn show_pool(ask: &Ask) -> Result<Json<WorkerPoolResource>> {
    let pool = pool(ask)?;
    let spelt = ask.parameter("id");
    if [pool.id, pool.slug, pool.name].iter().any(|own| own.eq_ignore_ascii_case(spelt)) {
        return Ok(Json(pool));
    }
    Err(Error::NotFound(spelt.to_owned()))
}

/// A page of the workers that somebody has added: none.
pub(super) fn list(ask: &Ask, query: Query<WorkerQuery>) -> Result<Collection<Value>> {
    let space = ask.space()?;
    ask.visitor()?.ask(WorkerView { space: space.clone() })?;
    let own = format!("{}/workers", resource::space_api(ask, space.id().0));
    Ok(wire::collection_of(ask, &query, &own, "Worker", 0, ask.page(), Vec::new()))
}

/// All of them, as a bare array.
pub(super) fn all(ask: &Ask, _: Query<WorkerQuery>) -> Result<All<Value>> {
    ask.visitor()?.ask(WorkerView { space: ask.space()? })?;
    Ok(All(Vec::new()))
}

//! `/api/{space}/machinepolicies`: there is one policy for all machines, and it says what this version does.

use super::{
    caller::Ask,
    resource,
    wire::{self, All, Collection, Json, Links, Query},
};
use crate::{
    base::error::{Error, Result},
    company::access::permissions::MachinePolicyView,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The id of the one there is.
const POLICY: &str = "MachinePolicies-1";

/// A machine policy on the wire. Durations are `HH:MM:SS`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MachinePolicyResource {
    id: &'static str,
    space_id: String,
    name: &'static str,
    description: &'static str,
    is_default: bool,
    connection_connect_timeout: &'static str,
    connection_retry_count_limit: i64,
    connection_retry_sleep_interval: &'static str,
    connection_retry_time_limit: &'static str,
    polling_request_queue_timeout: &'static str,
    polling_request_maximum_message_processing_timeout: &'static str,
    machine_health_check_policy: HealthCheckPolicy,
    machine_connectivity_policy: ConnectivityPolicy,
    machine_cleanup_policy: CleanupPolicy,
    machine_update_policy: UpdatePolicy,
    links: Links,
}

/// How a machine is looked at.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct HealthCheckPolicy {
    health_check_type: &'static str,
    health_check_interval: Option<&'static str>,
    health_check_cron: Option<&'static str>,
    health_check_cron_timezone: &'static str,
}

/// Whether a machine has to be there.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ConnectivityPolicy {
    machine_connectivity_behavior: &'static str,
}

/// Whether a machine that is gone is deleted.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CleanupPolicy {
    delete_machines_behavior: &'static str,
    delete_machines_elapsed_time_span: &'static str,
}

/// What is brought up to date on a machine.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdatePolicy {
    calamari_update_behavior: &'static str,
    tentacle_update_behavior: &'static str,
}

/// Which policies.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct MachinePolicyQuery {
    ids: Option<Vec<String>>,
    partial_name: String,
}

fn policy(ask: &Ask) -> Result<MachinePolicyResource> {
    let space = ask.space()?;
    ask.visitor()?.ask(MachinePolicyView { space: space.clone() })?;
    let own = format!("{}/machinepolicies/{POLICY}", resource::space_api(ask, space.id().0));
    Ok(MachinePolicyResource {
        id: POLICY,
        space_id: space.id().to_string(),
        name: "Default Machine Policy",
        description: "What holds for every machine.",
        is_default: true,
        connection_connect_timeout: "00:01:00",
        connection_retry_count_limit: 5,
        connection_retry_sleep_interval: "00:00:01",
        connection_retry_time_limit: "00:05:00",
        polling_request_queue_timeout: "00:02:00",
        polling_request_maximum_message_processing_timeout: "00:10:00",
        machine_health_check_policy: HealthCheckPolicy {
            health_check_type: "OnlyConnectivity",
            // A machine is looked at when somebody asks for it.
            health_check_interval: None,
            health_check_cron: None,
            health_check_cron_timezone: "UTC",
        },
        machine_connectivity_policy: ConnectivityPolicy { machine_connectivity_behavior: "ExpectedToBeOnline" },
        machine_cleanup_policy: CleanupPolicy {
            delete_machines_behavior: "DoNotDelete",
            delete_machines_elapsed_time_span: "00:00:00",
        },
        machine_update_policy: UpdatePolicy {
            calamari_update_behavior: "UpdateOnDeployment",
            tentacle_update_behavior: "NeverUpdate",
        },
        links: Links::of(&own, &[]),
    })
}

fn asked(ask: &Ask, query: &MachinePolicyQuery) -> Result<Vec<MachinePolicyResource>> {
    let policy = policy(ask)?;
    let named = policy.name.to_lowercase().contains(&query.partial_name.trim().to_lowercase());
    let among = query.ids.as_ref().is_none_or(|ids| ids.iter().any(|id| id.eq_ignore_ascii_case(POLICY)));
    Ok(if named && among { vec![policy] } else { Vec::new() })
}

/// A page of them.
pub(super) fn list(ask: &Ask, query: Query<MachinePolicyQuery>) -> Result<Collection<MachinePolicyResource>> {
    let found = asked(ask, &query)?;
    let own = format!("{}/machinepolicies", resource::space_api(ask, ask.space()?.id().0));
    Ok(wire::collection_of(ask, &query, &own, "MachinePolicy", found.len() as i64, ask.page(), found))
}

/// All of them, as a bare array.
pub(super) fn all(ask: &Ask, query: Query<MachinePolicyQuery>) -> Result<All<MachinePolicyResource>> {
    Ok(All(asked(ask, &query)?))
}

/// One.
pub(super) fn show(ask: &Ask) -> Result<Json<MachinePolicyResource>> {
    let policy = policy(ask)?;
    let spelt = ask.parameter("id");
    if [policy.id, policy.name].iter().any(|own| own.eq_ignore_ascii_case(spelt)) {
        return Ok(Json(policy));
    }
    Err(Error::NotFound(spelt.to_owned()))
}

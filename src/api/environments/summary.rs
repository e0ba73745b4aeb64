//! Environments at a glance: how many machines stand in each, and how they are.

use super::{EnvironmentResource, located};
use crate::{
    api::{
        caller::Ask,
        machines::{self, MachineQuery},
        resource,
        wire::{self, Json, Links, NoList, NoMap, Off, Query},
    },
    base::{error::Result, ids, paging::Page},
    company::{
        access::permissions::{EnvironmentView, List, MachineView},
        environments::{self, Filter},
        targets::Target,
    },
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Which environments, and which machines are counted in them.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::api) struct SummaryQuery {
    ids: Option<Vec<String>>,
    partial_name: String,
    machine_partial_name: String,
    roles: Vec<String>,
    is_disabled: Option<bool>,
    health_statuses: Vec<String>,
    comm_styles: Vec<String>,
    deployment_target_types: Vec<String>,
    shell_names: Vec<String>,
    tenant_ids: Vec<String>,
    tenant_tags: Vec<String>,
    /// Leaves out environments in which no machine is counted.
    hide_empty_environments: bool,
}

/// How many machines there are; of how they are and of whom they serve, those that are not disabled.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct MachineCounts {
    total_machines: i64,
    total_disabled_machines: i64,
    machine_health_status_summaries: BTreeMap<String, i64>,
    machine_endpoint_summaries: BTreeMap<&'static str, i64>,
    /// By tenant that they name.
    machine_tenant_summaries: BTreeMap<String, i64>,
    /// By tag that they name, as `Set/Tag`.
    machine_tenant_tag_summaries: BTreeMap<String, i64>,
    tentacle_upgrades_required: Off,
    machine_ids_for_calamari_upgrade: NoList,
    machine_ids_for_tentacle_upgrade: NoList,
}

/// One environment at a glance.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct EnvironmentSummary {
    environment: EnvironmentResource,
    #[serde(flatten)]
    machines: MachineCounts,
}

/// All of them, each and together.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct EnvironmentsSummary {
    #[serde(flatten)]
    machines: MachineCounts,
    environment_summaries: Vec<EnvironmentSummary>,
    links: Links,
}

/// Which variables are scoped to one environment alone: none, since there are no variables yet.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct ScopedVariables {
    has_unauthorized_project_variables: Off,
    has_unauthorized_library_variable_set_variables: Off,
    variable_map: NoMap,
}

impl MachineCounts {
    fn of<'t>(machines: impl IntoIterator<Item = &'t Target>) -> MachineCounts {
        let mut counts = MachineCounts::default();
        for name in ["Healthy", "HasWarnings", "Unhealthy", "Unavailable", "Unknown"] {
            counts.machine_health_status_summaries.insert(name.to_owned(), 0);
        }
        for machine in machines {
            counts.total_machines += 1;
            if machine.is_disabled {
                counts.total_disabled_machines += 1;
                continue;
            }
            *counts.machine_health_status_summaries.entry(machine.health.name().to_owned()).or_default() += 1;
            *counts.machine_endpoint_summaries.entry("Ssh").or_default() += 1;
            for tenant in &machine.tenants {
                *counts.machine_tenant_summaries.entry(tenant.to_string()).or_default() += 1;
            }
            for tag in &machine.tenant_tags {
                *counts.machine_tenant_tag_summaries.entry(tag.clone()).or_default() += 1;
            }
        }
        counts
    }
}

/// The environments that the caller may see, with the machines that they may see.
pub(in crate::api) fn all(ask: &Ask, query: Query<SummaryQuery>) -> Result<Json<EnvironmentsSummary>> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    let granted = visitor.ask(List::<EnvironmentView>::of(&space))?;
    let filter = Filter {
        partial_name: query.partial_name.clone(),
        ids: query.ids.as_deref().map(wire::numbers::<ids::Environment>),
    };
    let listed = environments::list(&granted, &filter, Page::ALL)?.items;
    let wanted = MachineQuery {
        partial_name: query.machine_partial_name.clone(),
        roles: query.roles.clone(),
        is_disabled: query.is_disabled,
        health_statuses: query.health_statuses.clone(),
        comm_styles: query.comm_styles.clone(),
        deployment_target_types: query.deployment_target_types.clone(),
        shell_names: query.shell_names.clone(),
        tenant_ids: query.tenant_ids.clone(),
        tenant_tags: query.tenant_tags.clone(),
        ..MachineQuery::default()
    };
    let machines = match visitor.may_somewhere::<MachineView>(&space) {
        true => machines::listed(ask, &wanted, Page::ALL)?.items,
        false => Vec::new(),
    };
    let each = listed.iter().map(|environment| EnvironmentSummary {
        environment: super::draw(ask, environment),
        machines: MachineCounts::of(machines.iter().filter(|one| one.environments.contains(&environment.id))),
    });
    let each = each.filter(|one| !query.hide_empty_environments || one.machines.total_machines > 0).collect();
    // A machine in several environments is one machine.
    let together = machines.iter().filter(|one| listed.iter().any(|place| one.environments.contains(&place.id)));
    let own = format!("{}/environments/summary", resource::space_api(ask, space.id().0));
    Ok(Json(EnvironmentsSummary {
        machines: MachineCounts::of(together),
        environment_summaries: each,
        links: Links::of(&own, &[]),
    }))
}

/// The variables that are scoped to one environment alone.
pub(in crate::api) fn variables(ask: &Ask) -> Result<Json<ScopedVariables>> {
    ask.visitor()?.ask(EnvironmentView { environment: located(ask)? })?;
    Ok(Json(ScopedVariables::default()))
}

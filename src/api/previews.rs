//! What a deployment or a run of a runbook would do, before it is made.

use super::{
    caller::Ask,
    resource,
    wire::{All, Json, Links, NoList, NoMap, Off, Query, Sent, refer},
};
use crate::{
    base::{
        error::{Error, Result},
        ids::{Environment, Release, Tenant},
    },
    company::{
        access::{
            At, Granted, Visitor,
            permissions::{EnvironmentView, ProcessView, ReleaseView, TenantView},
        },
        deployments::{
            self, Preview,
            plan::{Place, PlannedAction, PlannedStep},
        },
        projects::process::{self, Step},
        releases,
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What would be done in one place.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PreviewResource {
    steps_to_execute: Vec<StepToExecute>,
    form: PreviewForm,
    package_retrieval: NoList,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<NoList>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes_markdown: Option<String>,
    use_guided_failure_mode_by_default: Off,
    missing_tenant_variables: NoList,
    /// Why it may not be done, or would fail before it begins; null: neither.
    obstacle: Option<String>,
}

/// What is asked of people first: nothing.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PreviewForm {
    values: NoMap,
    elements: NoList,
}

/// An action that would be done, and where.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct StepToExecute {
    action_id: String,
    action_name: String,
    action_number: String,
    roles: Vec<String>,
    machine_names: Vec<String>,
    machines: Vec<StepMachine>,
    can_be_skipped: bool,
    is_disabled: bool,
    has_no_applicable_machines: bool,
    unavailable_machines: NoList,
    excluded_machines: NoList,
}

/// A target, by id and name.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct StepMachine {
    id: String,
    name: String,
}

/// How a preview is asked for.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PreviewQuery {
    pub include_disabled_steps: bool,
    pub tenant: refer::Tenant,
}

/// Several places to be previewed.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct PreviewsWanted {
    pub deployment_previews: Vec<PlaceWanted>,
    pub include_disabled_steps: bool,
}

/// A place to be previewed.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct PlaceWanted {
    pub environment_id: refer::Environment,
    pub tenant_id: refer::Tenant,
}

impl PreviewsWanted {
    /// Says when that are too many.
    pub fn few(self) -> Result<PreviewsWanted> {
        let most = deployments::MOST_AT_ONCE;
        if self.deployment_previews.len() > most {
            return Err(Error::invalid("DeploymentPreviews", format!("Ask for at most {most} at once.")));
        }
        Ok(self)
    }
}

impl PreviewResource {
    /// A preview with the steps it was made of.
    pub fn of(preview: &Preview, steps: &[Step], disabled: bool) -> PreviewResource {
        let planned = preview.plan.steps.iter().flat_map(|step| step.actions.iter().map(move |action| (step, action)));
        let shown = planned.filter(|(_, action)| disabled || action.skipped.is_none()).map(|(step, action)| {
            let roles = step.number.checked_sub(1).and_then(|at| steps.get(at)).map(Step::target_roles);
            drawn(step, action, roles.unwrap_or_default())
        });
        PreviewResource {
            steps_to_execute: shown.collect(),
            obstacle: preview.obstacle.clone().or(preview.plan.refused.clone()),
            ..PreviewResource::default()
        }
    }
}

fn drawn(step: &PlannedStep, action: &PlannedAction, roles: Vec<String>) -> StepToExecute {
    let machines = || step.places.iter().filter_map(Place::machine);
    let number =
        if step.actions.len() > 1 { format!("{}.{}", step.number, action.number) } else { step.number.to_string() };
    StepToExecute {
        action_id: action.id.clone(),
        action_name: action.name.clone(),
        action_number: number,
        roles,
        machine_names: machines().map(|machine| machine.name.clone()).collect(),
        machines: machines()
            .map(|machine| StepMachine { id: machine.id.to_string(), name: machine.name.clone() })
            .collect(),
        can_be_skipped: !action.is_required,
        is_disabled: action.is_disabled,
        has_no_applicable_machines: step.skipped.is_some() && action.skipped.is_none(),
        unavailable_machines: NoList::default(),
        excluded_machines: NoList::default(),
    }
}

/// Where a release may be deployed now.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeploymentTemplate {
    is_deployment_process_modified: bool,
    is_variable_set_modified: Off,
    is_library_variable_set_modified: Off,
    deployment_notes: String,
    promote_to: Vec<PromotionTarget>,
    tenant_promotions: Vec<TenantPromotion>,
    links: Links,
}

/// An environment that a release may be deployed to.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct PromotionTarget {
    id: String,
    name: String,
    links: Links,
}

/// The environments of one tenant.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct TenantPromotion {
    id: String,
    name: String,
    promote_to: Vec<PromotionTarget>,
    links: Links,
}

/// Where a release may be deployed now, by itself and for tenants.
pub(super) fn template(ask: &Ask) -> Result<Json<DeploymentTemplate>> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    let at: At<Release> = visitor.locate(&space, ask.parameter("id"))?;
    let granted = visitor.ask(ReleaseView { release: at.clone() })?;
    let (release, choices) = (releases::show(&granted)?, deployments::choices(&granted)?);
    let project = visitor.locate(&space, &release.project.to_string())?;
    let is_deployment_process_modified = visitor.may(ProcessView { project: At::clone(&project) })
        && process::show(&visitor.ask(ProcessView { project })?)?.steps != release.steps;
    let api = resource::space_api(ask, release.space.0);
    let own = format!("{api}/releases/{}/deployments", release.id);
    let target = |place: &deployments::Place, tenant: &str| PromotionTarget {
        id: place.id.to_string(),
        name: place.name.clone(),
        links: Links::of(format!("{api}/environments/{}", place.id), &[])
            .and("Preview", format!("{own}/preview/{}{tenant}", place.id)),
    };
    let places = || choices.places.iter();
    let can = |one: &deployments::Verdict| one.obstacle.is_none();
    let promotion = |(number, tenant): (usize, &deployments::Recipient)| TenantPromotion {
        id: tenant.id.to_string(),
        name: tenant.name.clone(),
        promote_to: places()
            .filter(|place| place.tenants.get(number).is_some_and(can))
            .map(|place| target(place, &format!("/{}", tenant.id)))
            .collect(),
        links: Links::of(format!("{api}/tenants/{}", tenant.id), &[]),
    };
    Ok(Json(DeploymentTemplate {
        is_deployment_process_modified,
        is_variable_set_modified: Off::default(),
        is_library_variable_set_modified: Off::default(),
        promote_to: places()
            .filter(|place| place.alone.as_ref().is_some_and(can))
            .map(|place| target(place, ""))
            .collect(),
        tenant_promotions: choices
            .tenants
            .iter()
            .enumerate()
            .filter(|(_, tenant)| !tenant.is_disabled)
            .map(promotion)
            .collect(),
        deployment_notes: release.notes,
        links: Links::of(format!("{own}/template"), &[]).and("Release", format!("{api}/releases/{}", release.id)),
    }))
}

/// What a deployment to one environment, and for one tenant, would do.
pub(super) fn show(ask: &Ask, query: Query<PreviewQuery>) -> Result<Json<PreviewResource>> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    let release = visitor.locate(&space, ask.parameter("id"))?;
    let granted = visitor.ask(ReleaseView { release })?;
    let environment = visitor.locate(&space, ask.parameter("environment"))?;
    let tenant = match (ask.parameter("tenant"), query.tenant.given()) {
        ("", None) => None,
        ("", Some(text)) => Some(visitor.named(&space, text)?),
        (text, _) => Some(visitor.locate(&space, text)?),
    };
    Ok(Json(previewed(visitor, &granted, environment, tenant, query.include_disabled_steps)?))
}

/// The same for several places.
pub(super) fn several(ask: &Ask, Sent(sent): Sent<PreviewsWanted>) -> Result<All<PreviewResource>> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    let release = visitor.locate(&space, ask.parameter("id"))?;
    let granted = visitor.ask(ReleaseView { release })?;
    let wanted = sent.few()?;
    let drawn = wanted.deployment_previews.iter().map(|one| {
        let environment = visitor.named(&space, one.environment_id.text())?;
        let tenant = one.tenant_id.given().map(|text| visitor.named(&space, text)).transpose()?;
        previewed(visitor, &granted, environment, tenant, wanted.include_disabled_steps)
    });
    Ok(All(drawn.collect::<Result<_>>()?))
}

fn previewed(
    visitor: &Visitor,
    granted: &Granted<'_, ReleaseView>,
    environment: At<Environment>,
    tenant: Option<At<Tenant>>,
    disabled: bool,
) -> Result<PreviewResource> {
    let environment = visitor.ask(EnvironmentView { environment })?;
    let tenant = tenant.map(|tenant| visitor.ask(TenantView { tenant })).transpose()?;
    let preview = deployments::preview(granted, &environment, tenant.as_ref(), &[])?;
    Ok(PreviewResource {
        changes: Some(NoList::default()),
        changes_markdown: Some(String::new()),
        ..PreviewResource::of(&preview, &releases::show(granted)?.steps, disabled)
    })
}

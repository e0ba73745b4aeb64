//! `/api/{space}/lifecycles`.

use super::{
    caller::Ask,
    projects::{self, ProjectResource},
    resource,
    wire::{self, All, Collection, Created, Done, Json, Links, Off, Query, Sent, refer},
};
use crate::{
    base::{
        error::{Fields as Wrong, Result},
        ids::{self, Id},
        paging::Page,
        retention::{Retention, Strategy, Unit},
    },
    company::{
        access::{
            At,
            permissions::{LifecycleCreate, LifecycleDelete, LifecycleEdit, LifecycleView, List},
        },
        lifecycles::{self, Fields, Filter, Lifecycle, Phase, PhaseFields, promotion::PhaseView},
        projects::Filter as ProjectFilter,
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A lifecycle on the wire.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct LifecycleResource {
    #[schema(read_only)]
    id: String,
    #[schema(read_only)]
    space_id: String,
    name: String,
    /// Empty: made of the first name, and kept.
    slug: String,
    description: String,
    /// In order; none: each environment is one.
    phases: Vec<PhaseResource>,
    release_retention_policy: RetentionResource,
    tentacle_retention_policy: RetentionResource,
    #[schema(read_only)]
    links: Links,
}

/// A phase of a lifecycle.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct PhaseResource {
    /// The phase it was; empty: it is new.
    id: Option<String>,
    name: String,
    automatic_deployment_targets: Vec<refer::Environment>,
    optional_deployment_targets: Vec<refer::Environment>,
    minimum_environments_before_promotion: i64,
    is_optional_phase: bool,
    is_priority_phase: Off,
    /// Left out: as the nearest earlier phase, or the lifecycle, says.
    release_retention_policy: Option<RetentionResource>,
    /// Left out: as the nearest earlier phase, or the lifecycle, says.
    tentacle_retention_policy: Option<RetentionResource>,
}

/// How long something is kept. This version deletes nothing by itself, and refuses what would ask it to.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct RetentionResource {
    strategy: Option<RetentionStrategy>,
    /// As `Strategy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<RetentionStrategy>,
    /// 0: all.
    quantity_to_keep: Option<i64>,
    should_keep_forever: Option<bool>,
    unit: Option<RetentionUnit>,
}

/// By what it is decided how long something is kept.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub(super) enum RetentionStrategy {
    /// As the space has it: for ever.
    Default,
    /// So many.
    Count,
    /// Nothing goes.
    Forever,
}

/// What is counted.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
pub(super) enum RetentionUnit {
    /// The things themselves.
    Items,
    /// Their age.
    Days,
}

impl From<Retention> for RetentionResource {
    fn from(kept: Retention) -> Self {
        RetentionResource {
            strategy: Some(match kept.strategy {
                Strategy::Default => RetentionStrategy::Default,
                Strategy::Count => RetentionStrategy::Count,
                Strategy::Forever => RetentionStrategy::Forever,
            }),
            r#type: None,
            quantity_to_keep: Some(kept.quantity_to_keep),
            should_keep_forever: Some(kept.should_keep_forever),
            unit: Some(match kept.unit {
                Unit::Items => RetentionUnit::Items,
                Unit::Days => RetentionUnit::Days,
            }),
        }
    }
}

impl RetentionResource {
    /// What was said, if anything was. `usual` is the number that clients send for the default. What would delete
    /// something is wrong.
    pub fn kept(&self, field: &str, usual: i64, wrong: &mut Wrong) -> Option<Retention> {
        let (said, quantity, forever) =
            (self.strategy.or(self.r#type), self.quantity_to_keep, self.should_keep_forever);
        if said.is_none() && quantity.is_none() && forever.is_none() {
            return None;
        }
        if self.strategy.is_some() && self.r#type.is_some_and(|kind| Some(kind) != self.strategy) {
            wrong.add(&format!("{field}.Type"), "It is called Strategy here as well, and that says something else.");
        }
        let quantity_to_keep = quantity.unwrap_or(if said == Some(RetentionStrategy::Default) { usual } else { 0 });
        let strategy = match said {
            Some(RetentionStrategy::Default) => Strategy::Default,
            Some(RetentionStrategy::Count) => Strategy::Count,
            Some(RetentionStrategy::Forever) => Strategy::Forever,
            None if forever == Some(true) || quantity_to_keep == 0 => Strategy::Forever,
            None if quantity_to_keep == usual => Strategy::Default,
            None => Strategy::Count,
        };
        if quantity_to_keep < 0 {
            wrong.add(&format!("{field}.QuantityToKeep"), "Give 0 for all, or a number.");
        } else if strategy == Strategy::Count
            && forever != Some(true)
            && quantity_to_keep != 0
            && quantity_to_keep != usual
        {
            wrong.add(field, "This version deletes nothing by itself. Let the strategy be Default or Forever.");
        }
        let unit = match self.unit {
            Some(RetentionUnit::Days) => Unit::Days,
            _ => Unit::Items,
        };
        let should_keep_forever = forever.unwrap_or(strategy == Strategy::Forever);
        Some(Retention { strategy, quantity_to_keep, should_keep_forever, unit })
    }
}

/// Which lifecycles.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct LifecycleQuery {
    ids: Option<Vec<String>>,
    partial_name: String,
}

fn draw_phase(phase: &Phase) -> PhaseResource {
    PhaseResource {
        id: Some(phase.id.to_string()),
        name: phase.name.clone(),
        automatic_deployment_targets: phase.automatic.iter().copied().map(Into::into).collect(),
        optional_deployment_targets: phase.optional.iter().copied().map(Into::into).collect(),
        minimum_environments_before_promotion: phase.minimum,
        is_optional_phase: phase.is_optional,
        release_retention_policy: phase.release_retention.map(Into::into),
        tentacle_retention_policy: phase.tentacle_retention.map(Into::into),
        ..PhaseResource::default()
    }
}

/// A phase with the environments it stands for.
fn draw_view(view: &PhaseView) -> PhaseResource {
    let of = |automatic: bool| {
        view.environments.iter().filter(|place| place.automatic == automatic).map(|place| place.id.into()).collect()
    };
    PhaseResource {
        id: view.id.map(|id| id.to_string()),
        name: view.name.clone(),
        automatic_deployment_targets: of(true),
        optional_deployment_targets: of(false),
        minimum_environments_before_promotion: i64::try_from(view.minimum).unwrap_or(0),
        is_optional_phase: view.is_optional,
        ..PhaseResource::default()
    }
}

fn draw_with(ask: &Ask, lifecycle: &Lifecycle, phases: Vec<PhaseResource>) -> LifecycleResource {
    let own = format!("{}/lifecycles/{}", resource::space_api(ask, lifecycle.space.0), lifecycle.id);
    LifecycleResource {
        id: lifecycle.id.to_string(),
        space_id: lifecycle.space.to_string(),
        name: lifecycle.name.clone(),
        slug: lifecycle.slug.clone(),
        description: lifecycle.description.clone(),
        phases,
        release_retention_policy: lifecycle.release_retention.into(),
        tentacle_retention_policy: lifecycle.tentacle_retention.into(),
        links: Links::of(&own, &[("Projects", "/projects"), ("Preview", "/preview")]),
    }
}

fn draw(ask: &Ask, lifecycle: &Lifecycle) -> LifecycleResource {
    draw_with(ask, lifecycle, lifecycle.phases.iter().map(draw_phase).collect())
}

fn located(ask: &Ask) -> Result<At<ids::Lifecycle>> {
    ask.visitor()?.locate(&ask.space()?, ask.parameter("id"))
}

/// Clients send 30 days for the default.
const USUAL_DAYS: i64 = 30;

/// `new`: phases of a new lifecycle are all new, whatever they are called.
fn fields(sent: LifecycleResource, new: bool) -> Result<Fields> {
    let mut wrong = Wrong::new();
    for (number, phase) in sent.phases.iter().enumerate() {
        let id = phase.id.as_deref().unwrap_or_default();
        if !new && !id.is_empty() && Id::<ids::Phase>::parse(id).is_none() {
            wrong.add(&format!("Phases[{number}].Id"), format!("There is no phase {id}. Leave it empty: a new phase."));
        }
    }
    let release_retention = sent.release_retention_policy.kept("ReleaseRetentionPolicy", USUAL_DAYS, &mut wrong);
    let tentacle_retention = sent.tentacle_retention_policy.kept("TentacleRetentionPolicy", USUAL_DAYS, &mut wrong);
    let environments = |number: usize, field: &str, list: &[refer::Environment], wrong: &mut Wrong| {
        let mut read = Vec::with_capacity(list.len());
        for one in list {
            match Id::parse(one.text()) {
                Some(id) => read.push(id),
                None => wrong.add(
                    &format!("Phases[{number}].{field}"),
                    format!("There is no environment {} in this space.", one.text()),
                ),
            }
        }
        read
    };
    let mut phases = Vec::with_capacity(sent.phases.len());
    for (number, phase) in sent.phases.into_iter().enumerate() {
        let (automatic, optional) = (&phase.automatic_deployment_targets, &phase.optional_deployment_targets);
        let mut retention = |name: &str, said: &Option<RetentionResource>| {
            said.as_ref().and_then(|said| said.kept(&format!("Phases[{number}].{name}"), USUAL_DAYS, &mut wrong))
        };
        phases.push(PhaseFields {
            id: phase.id.as_deref().and_then(Id::parse),
            release_retention: retention("ReleaseRetentionPolicy", &phase.release_retention_policy),
            tentacle_retention: retention("TentacleRetentionPolicy", &phase.tentacle_retention_policy),
            automatic: environments(number, "AutomaticDeploymentTargets", automatic, &mut wrong),
            optional: environments(number, "OptionalDeploymentTargets", optional, &mut wrong),
            name: phase.name,
            minimum: phase.minimum_environments_before_promotion,
            is_optional: phase.is_optional_phase,
        });
    }
    wrong.finish()?;
    let (name, slug, description) = (sent.name, sent.slug, sent.description);
    Ok(Fields { name, slug, description, release_retention, tentacle_retention, phases })
}

fn filter(query: &LifecycleQuery) -> Filter {
    let ids = query.ids.as_deref().map(wire::numbers::<ids::Lifecycle>);
    Filter { partial_name: query.partial_name.clone(), ids }
}

/// A page of them.
pub(super) fn list(ask: &Ask, query: Query<LifecycleQuery>) -> Result<Collection<LifecycleResource>> {
    let space = ask.space()?;
    let granted = ask.visitor()?.ask(List::<LifecycleView>::of(&space))?;
    let listed = lifecycles::list(&granted, &filter(&query), ask.page())?;
    let own = format!("{}/lifecycles", resource::space_api(ask, space.id().0));
    Ok(wire::collection(ask, &query, &own, "Lifecycle", listed, ask.page(), |l| draw(ask, l)))
}

/// All of them, as a bare array.
pub(super) fn all(ask: &Ask, query: Query<LifecycleQuery>) -> Result<All<LifecycleResource>> {
    let granted = ask.visitor()?.ask(List::<LifecycleView>::of(&ask.space()?))?;
    let listed = lifecycles::list(&granted, &filter(&query), Page::ALL)?;
    Ok(All(listed.items.iter().map(|l| draw(ask, l)).collect()))
}

/// One.
pub(super) fn show(ask: &Ask) -> Result<Json<LifecycleResource>> {
    let granted = ask.visitor()?.ask(LifecycleView { lifecycle: located(ask)? })?;
    Ok(Json(draw(ask, &lifecycles::show(&granted)?)))
}

/// One, its phases with the environments they stand for today.
pub(super) fn preview(ask: &Ask) -> Result<Json<LifecycleResource>> {
    let granted = ask.visitor()?.ask(LifecycleView { lifecycle: located(ask)? })?;
    let phases = lifecycles::preview(&granted)?.iter().map(draw_view).collect();
    Ok(Json(draw_with(ask, &lifecycles::show(&granted)?, phases)))
}

/// The projects that follow it, as a bare array.
pub(super) fn projects(ask: &Ask) -> Result<All<ProjectResource>> {
    let lifecycle = located(ask)?;
    ask.visitor()?.ask(LifecycleView { lifecycle: lifecycle.clone() })?;
    projects::every(ask, &ProjectFilter { lifecycle: Some(lifecycle.id().0), ..ProjectFilter::default() })
}

/// Makes one.
pub(super) fn create(ask: &Ask, Sent(sent): Sent<LifecycleResource>) -> Result<Created<LifecycleResource>> {
    let granted = ask.visitor()?.ask(LifecycleCreate { space: ask.space()? })?;
    Ok(Created(draw(ask, &lifecycles::create(&granted, fields(sent, true)?)?)))
}

/// Changes one.
pub(super) fn update(ask: &Ask, Sent(sent): Sent<LifecycleResource>) -> Result<Json<LifecycleResource>> {
    let granted = ask.visitor()?.ask(LifecycleEdit { lifecycle: located(ask)? })?;
    Ok(Json(draw(ask, &lifecycles::edit(&granted, fields(sent, false)?)?)))
}

/// Deletes one.
pub(super) fn delete(ask: &Ask) -> Result<Done> {
    lifecycles::delete(&ask.visitor()?.ask(LifecycleDelete { lifecycle: located(ask)? })?)?;
    Ok(Done)
}

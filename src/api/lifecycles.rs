//! `/api/{space}/lifecycles`.

use super::{
    caller::{Ask, Body, Reply},
    projects,
    resource::{self, wire},
};
use crate::{
    base::{
        error::{Error, Result},
        ids::{self, Id},
        paging::Page,
    },
    company::{
        access::{
            At,
            permissions::{LifecycleCreate, LifecycleDelete, LifecycleEdit, LifecycleView, List},
        },
        lifecycles::{self, Fields, Filter, Lifecycle, PhaseFields, promotion::PhaseView},
        projects::Filter as ProjectFilter,
    },
};
use serde_json::{Value, json};

fn phase(
    id: Option<Id<ids::Phase>>,
    name: &str,
    automatic: &[Id<ids::Environment>],
    optional: &[Id<ids::Environment>],
    minimum: i64,
    is_optional: bool,
) -> Value {
    let texts = |ids: &[Id<ids::Environment>]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    json!({
        "Id": id.map(|id| id.to_string()), "Name": name, "AutomaticDeploymentTargets": texts(automatic),
        "OptionalDeploymentTargets": texts(optional), "MinimumEnvironmentsBeforePromotion": minimum,
        "IsOptionalPhase": is_optional, "IsPriorityPhase": false, "ReleaseRetentionPolicy": null, "TentacleRetentionPolicy": null,
    })
}

fn whole(ask: &Ask, lifecycle: &Lifecycle, phases: Vec<Value>) -> Value {
    let own = format!("{}/lifecycles/{}", resource::space_api(ask, lifecycle.space.0), lifecycle.id);
    let forever = json!({ "Strategy": "Forever", "ShouldKeepForever": true, "QuantityToKeep": 0, "Unit": "Items" });
    json!({
        "Id": lifecycle.id.to_string(), "SpaceId": wire::<ids::Space>(lifecycle.space.0), "Name": lifecycle.name,
        "Slug": lifecycle.slug, "Description": lifecycle.description, "Phases": phases,
        "ReleaseRetentionPolicy": forever, "TentacleRetentionPolicy": forever,
        "Links": resource::links(&own, &[("Projects", "/projects"), ("Preview", "/preview")]),
    })
}

fn draw(ask: &Ask, lifecycle: &Lifecycle) -> Value {
    let phases = lifecycle.phases.iter();
    whole(
        ask,
        lifecycle,
        phases.map(|p| phase(Some(p.id), &p.name, &p.automatic, &p.optional, p.minimum, p.is_optional)).collect(),
    )
}

/// A phase with the environments it stands for.
fn draw_view(view: &PhaseView) -> Value {
    let of = |automatic: bool| -> Vec<Id<ids::Environment>> {
        view.environments.iter().filter(|place| place.automatic == automatic).map(|place| place.id).collect()
    };
    phase(view.id, &view.name, &of(true), &of(false), i64::try_from(view.minimum).unwrap_or(0), view.is_optional)
}

fn located(ask: &Ask) -> Result<At<ids::Lifecycle>> {
    ask.visitor()?.locate(&ask.space()?, ask.parameter("id"))
}

fn fields(ask: &Ask) -> Result<Fields> {
    let environments = |number: usize, body: &Body, field: &str| {
        let read = |text: String| {
            Id::parse(&text).ok_or_else(|| {
                Error::invalid(
                    &format!("Phases[{number}].{field}"),
                    format!("There is no environment {text} in this space."),
                )
            })
        };
        body.texts(field).into_iter().map(read).collect::<Result<Vec<_>>>()
    };
    let phases = ask.body.objects("Phases").into_iter().enumerate().map(|(number, body)| {
        Ok(PhaseFields {
            id: Id::parse(&body.text("Id")),
            name: body.text("Name"),
            automatic: environments(number, &body, "AutomaticDeploymentTargets")?,
            optional: environments(number, &body, "OptionalDeploymentTargets")?,
            minimum: body.number("MinimumEnvironmentsBeforePromotion").unwrap_or(0),
            is_optional: body.bool("IsOptionalPhase"),
        })
    });
    Ok(Fields {
        name: ask.body.text("Name"),
        description: ask.body.text("Description"),
        phases: phases.collect::<Result<_>>()?,
    })
}

/// A page of them.
pub(super) fn list(ask: &Ask) -> Result<Reply> {
    let space = ask.space()?;
    let granted = ask.visitor()?.ask(List::<LifecycleView>::of(&space))?;
    let filter = Filter { partial_name: ask.asked_text("partialName"), ids: ask.asked_ids::<ids::Lifecycle>("ids") };
    let listed = lifecycles::list(&granted, &filter, ask.page())?;
    let own = format!("{}/lifecycles", resource::space_api(ask, space.id().0));
    resource::collection(ask, &own, "Lifecycle", listed, ask.page(), "skip,take,ids,partialName", |l| draw(ask, l))
}

/// All of them, as a bare array.
pub(super) fn all(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(List::<LifecycleView>::of(&ask.space()?))?;
    let filter = Filter { ids: ask.asked_ids::<ids::Lifecycle>("ids"), ..Filter::default() };
    resource::bare(&lifecycles::list(&granted, &filter, Page::ALL)?.items, |l| draw(ask, l))
}

/// One.
pub(super) fn show(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(LifecycleView { lifecycle: located(ask)? })?;
    Reply::ok(draw(ask, &lifecycles::show(&granted)?))
}

/// One, its phases with the environments they stand for today.
pub(super) fn preview(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(LifecycleView { lifecycle: located(ask)? })?;
    let phases = lifecycles::preview(&granted)?.iter().map(draw_view).collect();
    Reply::ok(whole(ask, &lifecycles::show(&granted)?, phases))
}

/// The projects that follow it, as a bare array.
pub(super) fn projects(ask: &Ask) -> Result<Reply> {
    let lifecycle = located(ask)?;
    ask.visitor()?.ask(LifecycleView { lifecycle: lifecycle.clone() })?;
    projects::every(ask, &ProjectFilter { lifecycle: Some(lifecycle.id().0), ..ProjectFilter::default() })
}

/// Makes one.
pub(super) fn create(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(LifecycleCreate { space: ask.space()? })?;
    Reply::created(draw(ask, &lifecycles::create(&granted, fields(ask)?)?))
}

/// Changes one.
pub(super) fn update(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(LifecycleEdit { lifecycle: located(ask)? })?;
    Reply::ok(draw(ask, &lifecycles::edit(&granted, fields(ask)?)?))
}

/// Deletes one.
pub(super) fn delete(ask: &Ask) -> Result<Reply> {
    lifecycles::delete(&ask.visitor()?.ask(LifecycleDelete { lifecycle: located(ask)? })?)?;
    Reply::done()
}

//! `/api/{space}/environments`.

use super::{
    caller::{Ask, Reply},
    resource::{self, wire},
};
use crate::{
    base::{
        error::{Error, Result},
        ids,
        paging::Page,
    },
    company::{
        access::{
            At, New,
            permissions::{EnvironmentCreate, EnvironmentDelete, EnvironmentEdit, EnvironmentView, List},
        },
        environments::{self, Environment, Fields, Filter},
    },
};
use serde_json::{Value, json};

fn draw(ask: &Ask, e: &Environment) -> Value {
    let own = format!("{}/environments/{}", resource::space_api(ask, e.space.0), e.id);
    json!({
        "Id": e.id.to_string(), "SpaceId": wire::<ids::Space>(e.space.0), "Name": e.name, "Slug": e.slug, "Description": e.description,
        "SortOrder": e.sort_order, "UseGuidedFailure": e.use_guided_failure, "AllowDynamicInfrastructure": e.allow_dynamic_infrastructure,
        "EnvironmentTags": [], "ExtensionSettings": [], "Type": "Static",
        "Links": resource::links(&own, &[("Machines", "/machines{?skip,take,partialName}"), ("SinglyScopedVariableDetails", "/singlyScopedVariableDetails")]),
    })
}

fn located(ask: &Ask) -> Result<At<ids::Environment>> {
    ask.visitor()?.locate(&ask.space()?, ask.parameter("id"))
}

fn fields(ask: &Ask) -> Fields {
    Fields {
        name: ask.body.text("Name"),
        description: ask.body.text("Description"),
        use_guided_failure: ask.body.bool("UseGuidedFailure"),
        allow_dynamic_infrastructure: ask.body.bool("AllowDynamicInfrastructure"),
    }
}

/// A page of them.
pub(super) fn list(ask: &Ask) -> Result<Reply> {
    let space = ask.space()?;
    let granted = ask.visitor()?.ask(List::<EnvironmentView>::of(&space))?;
    let name = ask.asked("partialName").or(ask.asked("name")).unwrap_or_default().to_owned();
    let filter = Filter { partial_name: name, ids: ask.asked_ids::<ids::Environment>("ids") };
    let listed = environments::list(&granted, &filter, ask.page())?;
    let own = format!("{}/environments", resource::space_api(ask, space.id().0));
    resource::collection(ask, &own, "Environment", listed, ask.page(), "skip,take,ids,name,partialName", |e| {
        draw(ask, e)
    })
}

/// All of them, as a bare array.
pub(super) fn all(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(List::<EnvironmentView>::of(&ask.space()?))?;
    let filter = Filter { ids: ask.asked_ids::<ids::Environment>("ids"), ..Filter::default() };
    resource::bare(&environments::list(&granted, &filter, Page::ALL)?.items, |e| draw(ask, e))
}

/// One.
pub(super) fn show(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(EnvironmentView { environment: located(ask)? })?;
    Reply::ok(draw(ask, &environments::show(&granted)?))
}

/// Makes one.
pub(super) fn create(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(EnvironmentCreate { space: New::of(&ask.space()?) })?;
    Reply::created(draw(ask, &environments::create(&granted, fields(ask))?))
}

/// Changes one.
pub(super) fn update(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(EnvironmentEdit { environment: located(ask)? })?;
    Reply::ok(draw(ask, &environments::edit(&granted, fields(ask))?))
}

/// Deletes one.
pub(super) fn delete(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(EnvironmentDelete { environment: located(ask)? })?;
    environments::delete(&granted)?;
    Reply::done()
}

/// Puts them into the order of an array of ids.
pub(super) fn sort(ask: &Ask) -> Result<Reply> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    let order = ask.list_body().ok_or_else(|| Error::invalid("", "Send an array of environment ids."))?;
    let proofs = order
        .iter()
        .map(|id| {
            visitor.ask(EnvironmentEdit { environment: visitor.locate(&space, id.as_str().unwrap_or_default())? })
        })
        .collect::<Result<Vec<_>>>()?;
    environments::sort(&proofs)?;
    Reply::done()
}

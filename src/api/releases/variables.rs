//! Freezes the variables of a release anew: as they are now, which is none, since there are no variables yet.

use super::{ReleaseResource, draw, located};
use crate::{
    api::{
        caller::Ask,
        wire::{Json, NoList, Sent},
    },
    base::error::Result,
    company::{
        access::permissions::{ReleaseEdit, ReleaseView},
        releases,
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which variables.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::api) struct VariablesByName {
    /// Each by its name and its owner, a project or a library set.
    variables: NoList,
}

/// All of them; answers the release.
pub(in crate::api) fn snapshot(ask: &Ask) -> Result<Json<ReleaseResource>> {
    let (visitor, at) = (ask.visitor()?, located(ask)?);
    visitor.ask(ReleaseEdit { release: at.clone() })?;
    let granted = visitor.ask(ReleaseView { release: at })?;
    Ok(Json(draw(ask, &releases::show(&granted)?)))
}

/// Some of them; answers the release.
pub(in crate::api) fn snapshot_by_name(ask: &Ask, _: Sent<VariablesByName>) -> Result<Json<ReleaseResource>> {
    snapshot(ask)
}

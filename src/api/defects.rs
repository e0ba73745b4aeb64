//! `/api/{space}/releases/{release}/defects`: what prevents a release from going further.

use super::{
    caller::Ask,
    releases::located,
    resource,
    wire::{self, Collection, Created, Json, Links, Query, Sent},
};
use crate::{
    base::error::Result,
    company::{
        access::permissions::{DefectReport, DefectResolve, ReleaseView},
        releases::defects::{self, Defect},
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A defect of a release on the wire.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DefectResource {
    id: String,
    description: String,
    /// `Unresolved` or `Resolved`.
    status: &'static str,
    reported: String,
    reported_by: String,
    resolved: Option<String>,
    resolved_by: Option<String>,
    links: Links,
}

/// What is reported.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ReportDefect {
    /// What is wrong with the release.
    description: String,
}

/// Resolving a defect takes nothing.
#[derive(Default, Deserialize, ToSchema)]
pub(super) struct ResolveDefect {}

fn own(ask: &Ask) -> Result<String> {
    let space = resource::space_api(ask, ask.space()?.id().0);
    Ok(format!("{space}/releases/{}/defects", located(ask)?.id()))
}

fn draw(own: &str, one: &Defect) -> DefectResource {
    DefectResource {
        id: format!("Defects-{}", one.id),
        description: one.description.clone(),
        status: if one.resolved_at.is_some() { "Resolved" } else { "Unresolved" },
        reported: one.reported_at.wire(),
        reported_by: one.reported_by.clone(),
        resolved: one.resolved_at.map(crate::base::clock::Moment::wire),
        resolved_by: one.resolved_by.clone(),
        links: Links::default().and("Defects", own.to_owned()).and("Resolve", format!("{own}/resolve")),
    }
}

/// The defects of a release, the newest first.
pub(super) fn list(ask: &Ask, query: Query<resource::Paged>) -> Result<Collection<DefectResource>> {
    let granted = ask.visitor()?.ask(ReleaseView { release: located(ask)? })?;
    let (own, page) = (own(ask)?, ask.page());
    let found = defects::list(&granted, page)?;
    Ok(wire::collection(ask, &query, &own, "Defect", found, page, |one| draw(&own, one)))
}

/// Reports one: while it is unresolved, the release goes to no phase that it has not been to.
pub(super) fn report(ask: &Ask, Sent(sent): Sent<ReportDefect>) -> Result<Created<DefectResource>> {
    let granted = ask.visitor()?.ask(DefectReport { release: located(ask)? })?;
    Ok(Created(draw(&own(ask)?, &defects::report(&granted, &sent.description)?)))
}

/// Resolves the one that is unresolved.
pub(super) fn resolve(ask: &Ask, _: Sent<ResolveDefect>) -> Result<Json<DefectResource>> {
    let granted = ask.visitor()?.ask(DefectResolve { release: located(ask)? })?;
    Ok(Json(draw(&own(ask)?, &defects::resolve(&granted)?)))
}

//! What of a space the visitor may see, where a page shows it beside something else. Who may see none of a kind is shown
//! none; it is no refusal.

use super::caller::Visit;
use crate::{
    base::{
        error::Result,
        ids::Space,
        paging::{Listed, Page},
    },
    company::{
        access::{
            At, Visitor,
            permissions::{EnvironmentView, List, ProjectGroupView, ProjectView, RunbookView, TenantView},
        },
        environments::{self, Environment},
        projects::{
            self, Project,
            groups::{self, Group},
        },
        runbooks::{self, Runbook},
        tenants::{self, Tenant},
    },
};

const fn none<T>() -> Listed<T> {
    Listed { items: Vec::new(), total: 0 }
}

/// Environments, in their order.
pub(super) fn environments(
    visitor: &Visitor,
    space: &At<Space>,
    filter: &environments::Filter,
    page: Page,
) -> Result<Listed<Environment>> {
    if !visitor.may_somewhere::<EnvironmentView>(space) {
        return Ok(none());
    }
    environments::list(&visitor.ask(List::<EnvironmentView>::of(space))?, filter, page)
}

/// All environments of the space that the page stands in, in their order.
pub(super) fn environments_here(visit: &Visit) -> Result<Vec<Environment>> {
    Ok(environments(&visit.visitor, &visit.space()?, &environments::Filter::default(), Page::ALL)?.items)
}

/// Project groups, by name.
pub(super) fn groups(
    visitor: &Visitor,
    space: &At<Space>,
    filter: &groups::Filter,
    page: Page,
) -> Result<Listed<Group>> {
    if !visitor.may_somewhere::<ProjectGroupView>(space) {
        return Ok(none());
    }
    groups::list(&visitor.ask(List::<ProjectGroupView>::of(space))?, filter, page)
}

/// Projects, by name.
pub(super) fn projects(
    visitor: &Visitor,
    space: &At<Space>,
    filter: &projects::Filter,
    page: Page,
) -> Result<Listed<Project>> {
    if !visitor.may_somewhere::<ProjectView>(space) {
        return Ok(none());
    }
    projects::list(&visitor.ask(List::<ProjectView>::of(space))?, filter, page)
}

/// Tenants, by name.
pub(super) fn tenants(
    visitor: &Visitor,
    space: &At<Space>,
    filter: &tenants::Filter,
    page: Page,
) -> Result<Listed<Tenant>> {
    if !visitor.may_somewhere::<TenantView>(space) {
        return Ok(none());
    }
    tenants::list(&visitor.ask(List::<TenantView>::of(space))?, filter, page)
}

/// Runbooks, by name.
pub(super) fn runbooks(
    visitor: &Visitor,
    space: &At<Space>,
    filter: &runbooks::Filter,
    page: Page,
) -> Result<Listed<Runbook>> {
    if !visitor.may_somewhere::<RunbookView>(space) {
        return Ok(none());
    }
    runbooks::list(&visitor.ask(List::<RunbookView>::of(space))?, filter, page)
}

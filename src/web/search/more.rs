//! What is found by more than a name in its space: people, versions, machines, tasks by number, and whatever has an id.

use super::{Hit, MOST};
use crate::{
    base::{
        error::Result,
        ids::{self, Space},
        paging::Page,
    },
    company::{
        access::{
            At,
            permissions::{List, MachineView, ProjectView, ReleaseView, TaskView, UserView},
        },
        people, projects, releases, targets, tasks,
    },
    web::caller::Visit,
};

const PAGE: Page = Page { skip: 0, take: MOST };

/// The number of an id of this kind, such as `Users-7`.
fn numbered(asked: &str, kind: &str) -> Option<Vec<i64>> {
    let (word, number) = asked.rsplit_once('-')?;
    if !word.eq_ignore_ascii_case(kind) { None } else { number.parse().ok().map(|number| vec![number]) }
}

/// People, by name, e-mail address, username or id.
pub(super) fn people(visit: &Visit, asked: &str, hits: &mut Vec<Hit>) -> Result<()> {
    if !visit.visitor.may(UserView {}) {
        return Ok(());
    }
    let ids = numbered(asked, "Users");
    let text = if ids.is_some() { String::new() } else { asked.to_owned() };
    let filter = people::Filter { text, ids, ..people::Filter::default() };
    for found in people::list(&visit.visitor.ask(UserView {})?, &filter, PAGE)?.items {
        hits.push(Hit {
            kind: if found.is_service { "Service account" } else { "Person" },
            name: found.display_name,
            about: if found.email_address.is_empty() { found.username } else { found.email_address },
            href: visit.path(&format!("/access/people/{}", found.id)),
        });
    }
    Ok(())
}

/// Tasks by their id, or by its number alone.
pub(super) fn tasks(visit: &Visit, asked: &str, hits: &mut Vec<Hit>) -> Result<()> {
    let number = asked.trim_start_matches('#').parse().ok().map(|number| vec![number]);
    let Some(ids) = numbered(asked, "ServerTasks").or(number) else { return Ok(()) };
    let visitor = &visit.visitor;
    let mut proofs = Vec::new();
    for row in visitor.spaces()? {
        let space = visitor.locate_space(&row.id.to_string())?;
        if visitor.may_somewhere::<TaskView>(&space) {
            proofs.push(visitor.ask(List::<TaskView>::of(&space))?);
        }
    }
    let filter = tasks::Filter { ids: Some(ids), ..tasks::Filter::default() };
    for found in tasks::list_together(&proofs, &filter, PAGE)?.items {
        let href = visit.path(&format!("/tasks/{}", found.id));
        hits.push(Hit { kind: "Task", about: found.id.to_string(), name: found.description, href });
    }
    Ok(())
}

/// Releases by part of their version, and machines by part of their name.
pub(super) fn in_space(
    visit: &Visit,
    at: &At<Space>,
    slug: &str,
    space: &str,
    asked: &str,
    hits: &mut Vec<Hit>,
) -> Result<()> {
    let visitor = &visit.visitor;
    if visitor.may_somewhere::<ReleaseView>(at) {
        let filter = match numbered(asked, "Releases") {
            Some(ids) => releases::Filter { ids: Some(ids), ..releases::Filter::default() },
            None => releases::Filter { search: asked.into(), ..releases::Filter::default() },
        };
        for found in releases::list(&visitor.ask(List::<ReleaseView>::of(at))?, &filter, PAGE)?.items {
            let project: At<ids::Project> = visitor.locate(at, &found.project.to_string())?;
            // A release can be seen by somebody who cannot see its project's page.
            let Ok(granted) = visitor.ask(ProjectView { project }) else { continue };
            let project = projects::show(&granted)?;
            let version: String = crate::web::caller::encode(&found.version);
            let href = visit.path(&format!("/{slug}/projects/{}/releases/{version}", project.slug));
            hits.push(Hit {
                kind: "Release",
                name: format!("{} {}", project.name, found.version),
                about: space.into(),
                href,
            });
        }
    }
    if visitor.may_somewhere::<MachineView>(at) {
        let filter = match numbered(asked, "Machines") {
            Some(ids) => targets::Filter { ids: Some(ids), ..targets::Filter::default() },
            None => targets::Filter { partial_name: asked.into(), ..targets::Filter::default() },
        };
        for found in targets::list(&visitor.ask(List::<MachineView>::of(at))?, &filter, PAGE)?.items {
            let href = visit.path(&format!("/{slug}/infrastructure/targets/{}", found.slug));
            hits.push(Hit { kind: "Deployment target", name: found.name, about: space.into(), href });
        }
    }
    Ok(())
}

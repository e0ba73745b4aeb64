//! Search or jump: projects, tenants, runbooks, environments, releases, machines, people, tasks and pages, by name or id,
//! narrowed by rights.

mod more;

use super::{
    caller::{Answer, Visit},
    page::{FieldView, FormView, Frame},
    seen,
};
use crate::{
    base::{error::Result, ids::Space, paging::Page},
    company::{
        access::{
            At,
            permissions::{EnvironmentView, ProjectView, RunbookView, TenantView},
        },
        environments, projects, runbooks, tenants,
    },
};
use askama::Template;

/// Results of one kind at most.
const MOST: i64 = 20;

#[derive(Template)]
#[template(path = "search/search.html")]
struct Results {
    frame: Frame,
    form: FormView,
    asked: String,
    hits: Vec<Hit>,
}

struct Hit {
    kind: &'static str,
    name: String,
    about: String,
    href: String,
}

/// The page of results; a plain page that works without scripts.
pub(super) fn search(visit: &Visit) -> Result<Answer> {
    let asked = visit.call.asked("q").unwrap_or_default().trim().to_owned();
    let mut hits = Vec::new();
    if !asked.is_empty() {
        pages(visit, &asked, &mut hits);
        for row in visit.visitor.spaces()? {
            let space = visit.visitor.locate_space(&row.id.to_string())?;
            things(visit, &space, &row.slug, &row.name, &asked, &mut hits)?;
            more::in_space(visit, &space, &row.slug, &row.name, &asked, &mut hits)?;
        }
        more::people(visit, &asked, &mut hits)?;
        more::tasks(visit, &asked, &mut hits)?;
    }
    let mut frame = visit.frame("", if asked.is_empty() { "Search".to_owned() } else { format!("Search: {asked}") });
    frame.search.clone_from(&asked);
    let form = FormView::new("", "Search").field(FieldView::text("q", "Search").value(&asked));
    Answer::page(&Results { frame, form, asked, hits })
}

fn pages(visit: &Visit, asked: &str, hits: &mut Vec<Hit>) {
    let wanted = asked.to_lowercase();
    for item in visit.destinations().into_iter().filter(|item| item.label.to_lowercase().contains(&wanted)) {
        hits.push(Hit { kind: "Page", name: item.label.to_owned(), about: String::new(), href: item.href });
    }
}

fn things(visit: &Visit, at: &At<Space>, slug: &str, space: &str, asked: &str, hits: &mut Vec<Hit>) -> Result<()> {
    let visitor = &visit.visitor;
    let page = Page { skip: 0, take: MOST };
    let href = |rest: String| visit.path(&format!("/{slug}/{rest}"));
    let filter = projects::Filter { partial_name: asked.into(), ..projects::Filter::default() };
    for found in seen::projects(visitor, at, &filter, page)?.items {
        hits.push(Hit {
            kind: "Project",
            about: space.into(),
            href: href(format!("projects/{}", found.slug)),
            name: found.name,
        });
    }
    let filter = tenants::Filter { partial_name: asked.into(), ..tenants::Filter::default() };
    for found in seen::tenants(visitor, at, &filter, page)?.items {
        hits.push(Hit {
            kind: "Tenant",
            about: space.into(),
            href: href(format!("tenants/{}", found.slug)),
            name: found.name,
        });
    }
    let filter = runbooks::Filter { partial_name: asked.into(), ..runbooks::Filter::default() };
    for found in seen::runbooks(visitor, at, &filter, page)?.items {
        let project: At<crate::base::ids::Project> = visitor.locate(at, &found.project.to_string())?;
        let project = projects::show(&visitor.ask(ProjectView { project })?)?;
        let address = href(format!("projects/{}/runbooks/{}", project.slug, found.slug));
        hits.push(Hit {
            kind: "Runbook",
            about: format!("{space}, {}", project.name),
            href: address,
            name: found.name,
        });
    }
    let filter = environments::Filter { partial_name: asked.into(), ..environments::Filter::default() };
    for found in seen::environments(visitor, at, &filter, page)?.items {
        let address = href(format!("infrastructure/environments/{}", found.slug));
        hits.push(Hit { kind: "Environment", about: space.into(), href: address, name: found.name });
    }
    Ok(())
}

#[derive(Template)]
#[template(path = "search/app.html")]
struct Bridge {
    frame: Frame,
}

/// `/{company}/app#/…`: addresses that existing clients print. The part after `#` is read by a script, which goes on to
/// our own page of that thing.
pub(super) fn bridge(visit: &Visit) -> Result<Answer> {
    Answer::page(&Bridge { frame: visit.frame("", "On to the page").script("bridge.js") })
}

/// `/{company}/go/{space}/{kind}/{id}` → the page of that thing.
pub(super) fn go(visit: &Visit) -> Result<Answer> {
    use crate::base::ids;
    let space = visit.space()?;
    let row = visit.visitor.space(&space)?;
    let id = visit.parameter("id");
    let visitor = &visit.visitor;
    let rest = match visit.parameter("kind") {
        "projects" => {
            let at: At<ids::Project> = visitor.locate(&space, id)?;
            format!("projects/{}", projects::show(&visitor.ask(ProjectView { project: at })?)?.slug)
        }
        "tenants" => {
            let at: At<ids::Tenant> = visitor.locate(&space, id)?;
            format!("tenants/{}", tenants::show(&visitor.ask(TenantView { tenant: at })?)?.slug)
        }
        "runbooks" => {
            let at: At<ids::Runbook> = visitor.locate(&space, id)?;
            let runbook = runbooks::show(&visitor.ask(RunbookView { runbook: at })?)?;
            let project: At<ids::Project> = visitor.locate(&space, &runbook.project.to_string())?;
            let project = projects::show(&visitor.ask(ProjectView { project })?)?;
            format!("projects/{}/runbooks/{}", project.slug, runbook.slug)
        }
        "environments" => {
            let at: At<ids::Environment> = visitor.locate(&space, id)?;
            format!(
                "infrastructure/environments/{}",
                environments::show(&visitor.ask(EnvironmentView { environment: at })?)?.slug
            )
        }
        "releases" => {
            use crate::company::{access::permissions::ReleaseView, releases};
            let at: At<ids::Release> = visitor.locate(&space, id)?;
            let release = releases::show(&visitor.ask(ReleaseView { release: at })?)?;
            let project: At<ids::Project> = visitor.locate(&space, &release.project.to_string())?;
            let project = projects::show(&visitor.ask(ProjectView { project })?)?;
            format!("projects/{}/releases/{}", project.slug, release.version)
        }
        _ => return Ok(Answer::Go(visit.path(&format!("/{}", row.slug)))),
    };
    Ok(Answer::Go(visit.path(&format!("/{}/{rest}", row.slug))))
}

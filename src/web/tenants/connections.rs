//! Which projects a tenant gets, and in which environments: boxes to tick, page by page.

use super::{base, frame, located, present, shown};
use crate::{
    base::{
        error::{Error, Result},
        ids::Id,
    },
    company::{
        access::permissions::{List as Listing, ProjectView, TenantEdit},
        dashboard, projects,
        tenants::{self, Tenant},
    },
    web::{
        caller::{Answer, Visit},
        list::Asked,
        page::{FilterBar, Frame, Pager},
        seen,
    },
};
use askama::Template;
use std::collections::HashSet;

#[derive(Template)]
#[template(path = "tenants/connections.html")]
struct Connections {
    frame: Frame,
    filter: FilterBar,
    action: String,
    cancel_href: String,
    submit: String,
    problem: String,
    environments: Vec<String>,
    rows: Vec<ConnectRow>,
    pager: Pager,
}
struct ConnectRow {
    id: String,
    name: String,
    href: String,
    /// Why it cannot be connected; empty when it can.
    refusal: String,
    boxes: Vec<Tick>,
}
struct Tick {
    value: String,
    label: String,
    ticked: bool,
    closed: bool,
}

/// Which projects the tenant gets, and in which environments: boxes to tick.
pub(in crate::web) fn connections(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    let tenant = shown(visit, &at)?;
    visit.visitor.ask(TenantEdit { tenant: at })?;
    let ticked = tenant
        .connections
        .iter()
        .flat_map(|one| one.environments.iter().map(move |environment| format!("{}/{environment}", one.project)));
    let ticked = ticked.collect();
    Answer::page(&connections_page(visit, &tenant, &ticked, String::new())?)
}

fn connections_page(visit: &Visit, tenant: &Tenant, ticked: &HashSet<String>, problem: String) -> Result<Connections> {
    let own = format!("{}/{}", base(visit), tenant.slug);
    let address = format!("{own}/connections");
    let asked = Asked::of(visit);
    let filter = projects::Filter { partial_name: asked.search.into(), ..projects::Filter::default() };
    let found = seen::projects(&visit.visitor, &visit.space()?, &filter, asked.page())?;
    let environments = seen::environments_here(visit)?;
    let numbers: Vec<i64> = found.items.iter().map(|project| project.id.0).collect();
    let left_out = if found.items.is_empty() {
        HashSet::new()
    } else {
        dashboard::left_out(&visit.visitor.ask(Listing::<ProjectView>::of(&visit.space()?))?, &numbers)?
    };
    let rows = found.items.iter().map(|project| {
        let is_connected = tenant.connections.iter().any(|one| one.project == project.id);
        let refused = !project.tenanted.with_tenant() && !is_connected;
        let boxes = environments.iter().map(|environment| {
            let value = format!("{}/{}", project.id, environment.id);
            let ticked = ticked.contains(&value);
            Tick {
                label: format!("{} in {}", project.name, environment.name),
                closed: left_out.contains(&(project.id.0, environment.id.0)) && !ticked,
                ticked,
                value,
            }
        });
        ConnectRow {
            id: project.id.to_string(),
            name: project.name.clone(),
            href: visit.space_path(&format!("/projects/{}", project.slug)),
            refusal: if refused { "Not deployed to tenants; its settings can allow it.".into() } else { String::new() },
            boxes: boxes.collect(),
        }
    });
    let rows = rows.collect();
    Ok(Connections {
        frame: frame(visit, "Connections").crumb("Tenants", base(visit)).crumb(&tenant.name, &own),
        filter: FilterBar::new(&address, "Find a project", asked.search),
        action: asked.here(&address),
        cancel_href: own,
        submit: format!("Save what {} gets", tenant.name),
        problem,
        environments: environments.iter().map(|one| one.name.clone()).collect(),
        rows,
        pager: asked.pager(found.total, &address, &[]),
    })
}

/// The boxes were sent. Projects that were not on the page stay as they are.
pub(in crate::web) fn connect(visit: &Visit) -> Result<Answer> {
    let (visitor, space) = (&visit.visitor, visit.space()?);
    let at = located(visit)?;
    let tenant = shown(visit, &at)?;
    let granted = visitor.ask(TenantEdit { tenant: at })?;
    let sent = visit.form();
    let on_page = sent.all("shown");
    let ticked: HashSet<String> = sent.all("connect").into_iter().collect();
    let mut wished: Vec<(String, Vec<String>)> = Vec::new();
    for one in tenant.connections.iter().filter(|one| !on_page.contains(&one.project.to_string())) {
        wished.push((one.project.to_string(), one.environments.iter().map(Id::to_string).collect()));
    }
    for project in &on_page {
        let prefix = format!("{project}/");
        let of = ticked.iter().filter_map(|value| value.strip_prefix(&prefix)).map(str::to_owned);
        let environments: Vec<String> = of.collect();
        if !environments.is_empty() {
            wished.push((project.clone(), environments));
        }
    }
    let saved = tenants::connections(visitor, &space, &wished)
        .and_then(|connections| tenants::edit(&granted, present(&tenant), Some(&connections)));
    match saved {
        Ok(saved) => Answer::done(format!("{}/{}", base(visit), saved.slug), "The connections were saved."),
        Err(Error::Invalid(wrong)) => {
            let problem = wrong.iter().map(|(_, message)| message).collect::<Vec<_>>().join(" ");
            Answer::refused(&connections_page(visit, &tenant, &ticked, problem)?)
        }
        Err(error) => Err(error),
    }
}

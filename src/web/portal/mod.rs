//! The portal: what a tenant's own people see. Another drawing of what is there, by the same proofs and commands as every
//! other page; not another door.
//!
//! **Who gets it.** Somebody whose teams are all made for a tenant's own people (`company/tenants/selfservice.rs`); Everyone
//! is chosen by nobody and does not count. For them every page but the portal and their own account leads here. Whoever
//! has more than that sees the ordinary pages, and may look at the portal of a tenant that they see, to know what it shows.
//!
//! **What it leaves out**, also where it could be seen: spaces, machines, other people's names, how many there are of
//! anything beyond this tenant; and what the pages are made with, unless the company wants that said.

mod place;
mod runbooks;

pub(super) use place::{cancel, confirm, deploy, log, show as place};
pub(super) use runbooks::{cancel_run, confirm_run, run, run_log};

use super::{
    caller::{Answer, Visit, encode},
    page::{Chip, Frame, PortalFrame, Tab, When},
    seen, standing,
};
use crate::{
    base::{
        clock::Moment,
        error::{Error, Result},
        ids::{self, Id},
        paging::Page,
    },
    company::{
        access::{
            At,
            permissions::{
                DeploymentCreate, DeploymentView, EnvironmentView, List as Listing, ReleaseView, TenantView,
            },
        },
        dashboard::{self, Spot},
        deployments::{self, Deployment},
        environments::{self, Environment},
        projects::{self, Project},
        releases::{self, Brief},
        tasks::State,
        tenants::{self, Tenant},
    },
};
use askama::Template;

/// So many of the newest releases are looked at for one that may be deployed.
const NEWEST: i64 = 5;
/// So much of what happened is shown.
const RECENT: i64 = 8;

#[derive(Template)]
#[template(path = "portal/home.html")]
struct Home {
    frame: Frame,
    sentence: String,
    is_disabled: bool,
    projects: Vec<Card>,
    recent: Vec<Happened>,
}
/// A project and where it runs.
struct Card {
    name: String,
    places: Vec<Row>,
    runbooks: Vec<runbooks::Offered>,
}
/// What runs in one environment.
struct Row {
    environment: String,
    href: String,
    /// Empty when nothing was deployed yet.
    version: String,
    chip: Option<Chip>,
    when: Option<When>,
    log_href: Option<String>,
    offer: Offer,
}
/// What can be done there.
enum Offer {
    /// This version can be deployed: its name, where that is confirmed, and whether nothing ran here before.
    Version(String, String, bool),
    /// It is being done.
    Running,
    /// There is nothing newer.
    Newest,
    /// Nothing can be deployed here now.
    Nothing,
}
/// A deployment or a run that was made.
struct Happened {
    chip: Chip,
    words: String,
    who: String,
    /// When it was asked for.
    at: Moment,
    when: When,
    href: Option<String>,
}

#[derive(Template)]
#[template(path = "portal/choose.html")]
struct Choose {
    frame: Frame,
    tenants: Vec<Tab>,
}

/// The tenant that is looked at.
pub(super) struct Here {
    space: At<ids::Space>,
    at: At<ids::Tenant>,
    tenant: Tenant,
}

impl Here {
    /// From the address. A tenant's own people find their own tenants alone.
    fn of(visit: &Visit) -> Result<Here> {
        let text = visit.parameter("tenant");
        for (space, only) in places(visit)? {
            let Ok(at) = visit.visitor.locate::<ids::Tenant>(&space, text) else { continue };
            let own = only.as_ref().is_none_or(|tenants| tenants.contains(&at.id()));
            if own && visit.visitor.may(TenantView { tenant: at.clone() }) {
                let tenant = tenants::show(&visit.visitor.ask(TenantView { tenant: at.clone() })?)?;
                return Ok(Here { space, at, tenant });
            }
        }
        Err(Error::NotFound(text.to_owned()))
    }
    /// `/{company}/portal/{tenant}` and the rest of a path.
    fn path(&self, visit: &Visit, rest: &str) -> String {
        visit.path(&format!("/portal/{}{rest}", visit.parameter("tenant")))
    }
    fn environments(&self, visit: &Visit) -> Result<Vec<Environment>> {
        Ok(seen::environments(&visit.visitor, &self.space, &environments::Filter::default(), Page::ALL)?.items)
    }
    /// Of these environments, those that the tenant is connected to a project in.
    fn connected<'e>(&self, project: Id<ids::Project>, all: &'e [Environment]) -> Vec<&'e Environment> {
        let connection = self.tenant.connections.iter().find(|one| one.project == project);
        all.iter().filter(|one| connection.is_some_and(|c| c.environments.contains(&one.id))).collect()
    }
    fn projects(&self, visit: &Visit) -> Result<Vec<Project>> {
        let wanted: Vec<i64> = self.tenant.connections.iter().map(|one| one.project.0).collect();
        let filter = projects::Filter { ids: Some(wanted), ..Default::default() };
        Ok(seen::projects(&visit.visitor, &self.space, &filter, Page::ALL)?.items)
    }
    fn filter(&self) -> deployments::Filter {
        deployments::Filter { tenants: Some(vec![self.tenant.id.0]), ..Default::default() }
    }
    fn releases(&self, visit: &Visit, project: Id<ids::Project>, take: i64) -> Result<Vec<Brief>> {
        if !visit.visitor.may_somewhere::<ReleaseView>(&self.space) {
            return Ok(Vec::new());
        }
        let granted = visit.visitor.ask(Listing::<ReleaseView>::of(&self.space))?;
        let filter = releases::Filter { project: Some(project.0), ..Default::default() };
        Ok(releases::list(&granted, &filter, Page { skip: 0, take })?.items)
    }
    /// Why a release cannot go to an environment for this tenant now.
    fn obstacle(
        &self,
        visit: &Visit,
        release: Id<ids::Release>,
        environment: Id<ids::Environment>,
    ) -> Result<Option<String>> {
        let visitor = &visit.visitor;
        let release = visitor.ask(ReleaseView { release: visitor.locate(&self.space, &release.to_string())? })?;
        let environment = visitor.locate(&self.space, &environment.to_string())?;
        let environment = visitor.ask(EnvironmentView { environment })?;
        let tenant = visitor.ask(TenantView { tenant: self.at.clone() })?;
        Ok(deployments::preview(&release, &environment, Some(&tenant), &[])?.obstacle)
    }
    fn may_deploy(&self, visit: &Visit, project: &At<ids::Project>, environment: &At<ids::Environment>) -> bool {
        let (project, environment) = (project.clone(), environment.clone());
        let what = DeploymentCreate { project, environment, tenant: Some(self.at.clone()) };
        !self.tenant.is_disabled && visit.visitor.may(what)
    }
    fn frame(&self, visit: &Visit, title: impl Into<String>) -> Frame {
        let mut frame = frame(visit, title, Some(&self.tenant.slug));
        if visit.visitor.customer_of().is_empty() {
            frame.notice = Some(format!("This is what people of {} see. You see it as yourself.", self.tenant.name));
        }
        frame
    }
}

/// A space, and of which tenants there; `None`: of all.
type PlaceOf = (At<ids::Space>, Option<Vec<Id<ids::Tenant>>>);

/// The spaces to look in; of a tenant's own people, with their tenants there.
fn places(visit: &Visit) -> Result<Vec<PlaceOf>> {
    let visitor = &visit.visitor;
    let mut places: Vec<PlaceOf> = Vec::new();
    if visitor.customer_of().is_empty() {
        for row in visitor.spaces()? {
            places.push((visitor.locate_space(&row.id.to_string())?, None));
        }
        return Ok(places);
    }
    for (tenant, space) in visitor.customer_of() {
        match places.iter_mut().find(|(at, _)| at.id() == *space) {
            Some((_, tenants)) => tenants.get_or_insert_default().push(*tenant),
            None => {
                // A role that has ended, or a tenant that is gone, leaves nothing to see in its space.
                let Ok(at) = visitor.locate_space(&space.to_string()) else { continue };
                places.push((at, Some(vec![*tenant])));
            }
        }
    }
    Ok(places)
}

/// The tenants one is among the people of, that are there: name and address.
fn own_tenants(visit: &Visit, current: Option<&str>) -> Vec<Tab> {
    let visitor = &visit.visitor;
    let mut tabs: Vec<Tab> = Vec::new();
    for (tenant, space) in visitor.customer_of() {
        let found = visitor.locate_space(&space.to_string()).and_then(|space| {
            let at: At<ids::Tenant> = visitor.locate(&space, &tenant.to_string())?;
            tenants::show(&visitor.ask(TenantView { tenant: at })?)
        });
        let Ok(found) = found else { continue };
        let slug = if tabs.iter().any(|tab| tab.href.ends_with(&format!("/{}", found.slug))) {
            found.id.to_string()
        } else {
            found.slug
        };
        let is_current = current == Some(slug.as_str());
        let href = visit.path(&format!("/portal/{slug}"));
        tabs.push(Tab { label: found.name, href, current: is_current, count: None });
    }
    tabs
}

/// The frame of a page that is drawn for a tenant's own people.
pub(super) fn frame(visit: &Visit, title: impl Into<String>, current: Option<&str>) -> Frame {
    let company = visit.company();
    let mut frame = Frame::new(super::brand::name(company), visit.base(), visit.visitor.name()).title(title);
    let tenants = own_tenants(visit, current);
    let tenants = if tenants.len() > 1 { tenants } else { Vec::new() };
    frame.portal = Some(PortalFrame { tenants, names_product: company.rules().names_product });
    frame.grace = visit.grace();
    frame.flash = visit.flash();
    super::brand::on_frame(&mut frame, visit.call, company);
    frame
}

/// What tenants' own people may open besides the portal: their own account, without what speaks of spaces and teams.
pub(super) fn is_open(segments: &[String]) -> bool {
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    matches!(
        parts.as_slice(),
        ["portal", ..]
            | ["me"]
            | ["me", "proof" | "email" | "password" | "recovery-codes"]
            | ["me", "factors" | "sessions" | "typed", ..]
    )
}

/// The first page: one's tenant, or a choice of several.
pub(super) fn home(visit: &Visit) -> Result<Answer> {
    let tenants = own_tenants(visit, None);
    match tenants.as_slice() {
        [only] => Ok(Answer::Go(only.href.clone())),
        [] if visit.visitor.customer_of().is_empty() => Ok(Answer::Go(visit.path(""))),
        _ => {
            let title = if tenants.is_empty() { "Nothing here any more" } else { "Where to?" };
            let mut frame = frame(visit, title, None);
            if let Some(portal) = &mut frame.portal {
                portal.tenants.clear();
            }
            Answer::page(&Choose { frame, tenants })
        }
    }
}

/// One tenant: what runs where, and what can be deployed.
pub(super) fn tenant(visit: &Visit) -> Result<Answer> {
    let here = Here::of(visit)?;
    let visitor = &visit.visitor;
    let (spots, recent) = if visitor.may_somewhere::<DeploymentView>(&here.space) {
        let granted = visitor.ask(Listing::<DeploymentView>::of(&here.space))?;
        let recent = deployments::list(&granted, &here.filter(), Page { skip: 0, take: RECENT })?.items;
        (dashboard::spots(&granted, &here.filter())?, recent)
    } else {
        (Vec::new(), Vec::new())
    };
    let environments = here.environments(visit)?;
    let mut cards = Vec::new();
    for project in here.projects(visit)? {
        let connected = here.connected(project.id, &environments);
        let newest = here.releases(visit, project.id, NEWEST)?;
        let mut places = Vec::new();
        for environment in &connected {
            let spot = spots
                .iter()
                .find(|spot| spot.deployment.project == project.id && spot.deployment.environment == environment.id);
            places.push(row(visit, &here, &project, environment, spot, &newest)?);
        }
        let runbooks = runbooks::offered(visit, &here, &project, &connected)?;
        if !places.is_empty() {
            cards.push(Card { name: project.name, places, runbooks });
        }
    }
    let mut recent: Vec<Happened> = recent.iter().map(|one| happened(visit, &here, one)).collect();
    recent.extend(runbooks::runs(visit, &here, None, RECENT)?.iter().map(|one| runbooks::happened(visit, &here, one)));
    recent.sort_by_key(|one| std::cmp::Reverse(one.at));
    recent.truncate(RECENT as usize);
    Answer::page(&Home {
        frame: here.frame(visit, here.tenant.name.clone()),
        sentence: sentence(&cards),
        is_disabled: here.tenant.is_disabled,
        projects: cards,
        recent,
    })
}

fn row(
    visit: &Visit,
    here: &Here,
    project: &Project,
    environment: &Environment,
    spot: Option<&Spot>,
    newest: &[Brief],
) -> Result<Row> {
    let visitor = &visit.visitor;
    let href = here.path(visit, &format!("/{}/{}", project.slug, environment.slug));
    let at = visitor.locate(&here.space, &project.id.to_string())?;
    let place = visitor.locate(&here.space, &environment.id.to_string())?;
    let under_way = |one: &Deployment| !one.state.is_completed();
    let mut offer = if spot.is_some() { Offer::Newest } else { Offer::Nothing };
    if spot.is_some_and(|spot| under_way(&spot.deployment)) {
        offer = Offer::Running;
    } else if here.may_deploy(visit, &at, &place) {
        for release in newest {
            let present = spot.filter(|spot| spot.deployment.release == release.id);
            if present.is_some_and(|spot| spot.deployment.state == State::Success) {
                break;
            }
            if here.obstacle(visit, release.id, environment.id)?.is_none() {
                let confirm = format!("{href}/{}", encode(&release.version));
                offer = Offer::Version(release.version.clone(), confirm, spot.is_none());
                break;
            }
        }
    } else {
        offer = Offer::Nothing;
    }
    Ok(Row {
        environment: environment.name.clone(),
        href,
        version: spot.map(|spot| spot.deployment.version.clone()).unwrap_or_default(),
        chip: spot.map(|spot| chip(spot.deployment.state, spot.deployment.warnings)),
        when: spot.map(|spot| standing::when(standing::at(&spot.deployment))),
        log_href: spot.map(|spot| log_href(visit, here, &spot.deployment)),
        offer,
    })
}

fn sentence(cards: &[Card]) -> String {
    let rows: Vec<&Row> = cards.iter().flat_map(|card| &card.places).collect();
    let ready = rows.iter().filter(|row| matches!(row.offer, Offer::Version(_, _, false))).count();
    let failed = rows.iter().filter(|row| row.chip.as_ref().is_some_and(|chip| chip.state == "failed")).count();
    let mut parts = Vec::new();
    if failed > 0 {
        parts.push(format!("{failed} did not go well"));
    }
    match ready {
        0 => {}
        1 => parts.push("a new version is ready".to_owned()),
        some => parts.push(format!("new versions are ready in {some} places")),
    }
    if rows.is_empty() {
        return "Nothing is set up for you here yet.".into();
    }
    if parts.is_empty() {
        return "Everything is as it should be.".into();
    }
    let text = parts.join(", ");
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().collect::<String>() + letters.as_str()).unwrap_or_default() + "."
}

/// How a deployment or a run stands, without saying who did it or on which machine it failed.
fn chip(state: State, warnings: bool) -> Chip {
    Chip::for_task_state(if state == State::Success && warnings { "SuccessWithWarnings" } else { state.name() })
}

/// Who asked for something: oneself or the company.
fn who(visit: &Visit, by: Option<i64>) -> String {
    if by.is_some() && by == visit.visitor.user().map(|user| user.0) {
        return "you".into();
    }
    super::brand::name(visit.company()).to_owned()
}

fn log_href(visit: &Visit, here: &Here, one: &Deployment) -> String {
    here.path(visit, &format!("/log/{}", one.id))
}

fn happened(visit: &Visit, here: &Here, one: &Deployment) -> Happened {
    Happened {
        chip: chip(one.state, one.warnings),
        words: format!("{} {} to {}", one.project_name, one.version, one.environment_name),
        who: who(visit, one.created_by_id),
        at: one.created_at,
        when: standing::when(standing::at(one)),
        href: Some(log_href(visit, here, one)),
    }
}

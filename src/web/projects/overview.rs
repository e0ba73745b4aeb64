//! One project: what runs where, what may be deployed now, and what the last deployments did.

use super::{Of, counted, of};
use crate::{
    base::{error::Result, ids, paging::Page},
    company::{
        access::{
            At,
            permissions::{
                DeploymentView, LifecycleView, List as Listing, ProcessEdit, ProcessView, ProjectGroupView,
                ProjectView, ReleaseView, TenantView,
            },
        },
        dashboard,
        deployments::{self, Choices, Deployment, Place},
        environments::Environment,
        lifecycles,
        projects::{groups, process},
        releases::{self, Brief},
        tasks::State,
        tenants::{self, Tenant},
    },
    web::{
        caller::{Answer, Visit},
        list::Asked,
        page::{Act, Cell, Chip, Empty, FilterBar, Frame, Kv, Moment as Happened, Pager, Timeline, When},
        seen,
        standing::{at, chip, log_href, when},
    },
};
use askama::Template;
use std::collections::HashMap;

/// Releases shown here; the others are on their own page.
const RELEASES: i64 = 6;
/// Tenants on one page.
const TENANTS: i64 = 25;
/// Deployments in the timeline.
const HAPPENED: i64 = 6;

#[derive(Template)]
#[template(path = "projects/show.html")]
struct Show {
    frame: Frame,
    is_disabled: bool,
    sentence: String,
    release: Act,
    deploy: Act,
    /// What is to be done first, where nothing can be deployed yet.
    first: Option<Empty>,
    environments: Vec<String>,
    releases: Vec<ReleaseRow>,
    more_releases: Option<(String, String)>,
    tenants: Option<Tenants>,
    timeline: Timeline,
    about: Kv,
}
struct ReleaseRow {
    version: String,
    href: String,
    made: When,
    channel: String,
    spots: Vec<Spot>,
}
struct Tenants {
    rows: Vec<TenantRow>,
    filter: FilterBar,
    pager: Pager,
    connect_href: String,
}
struct TenantRow {
    name: String,
    href: String,
    is_disabled: bool,
    cells: Vec<Cell>,
}
/// A release and an environment.
pub(in crate::web) enum Spot {
    /// It runs there, or was the last to be tried.
    Now(Box<Cell>),
    /// It did, and something else came after it.
    Before,
    /// It may go there now: what the link says and where it leads; no address when the visitor may not.
    Next(String),
    /// Something else comes first.
    Waits(String),
    /// Its lifecycle leaves the environment out.
    Out,
}

/// What the cells of a release are made from.
pub(in crate::web) struct Ground<'v> {
    /// The environments, in the order of the lifecycle.
    pub environments: Vec<Environment>,
    /// Those of them that the visitor may deploy to.
    pub open: Vec<ids::Id<ids::Environment>>,
    /// The latest deployment to each place.
    pub latest: Vec<Deployment>,
    /// How many releases are newer than one that is somewhere.
    behind: HashMap<i64, u32>,
    visit: &'v Visit<'v>,
    of: &'v Of,
}

impl<'v> Ground<'v> {
    /// Reads it for one project.
    pub fn of(visit: &'v Visit<'v>, of: &'v Of) -> Result<Ground<'v>> {
        let space = visit.space()?;
        let visitor = &visit.visitor;
        let mut environments = seen::environments_here(visit)?;
        let (mut latest, mut behind) = (Vec::new(), HashMap::new());
        if visitor.may_somewhere::<DeploymentView>(&space) {
            let filter =
                deployments::Filter { projects: Some(vec![of.project.id.0]), ..deployments::Filter::default() };
            for spot in dashboard::spots(&visitor.ask(Listing::<DeploymentView>::of(&space))?, &filter)? {
                behind.insert(spot.deployment.release.0, spot.behind);
                latest.push(spot.deployment);
            }
        }
        in_order(visit, of, &mut environments, &latest)?;
        let granted = visitor.ask(ProjectView { project: of.at.clone() })?;
        let open = dashboard::open(&granted)?;
        Ok(Ground { environments, open, latest, behind, visit, of })
    }

    /// One release in each environment.
    pub fn spots(&self, release: ids::Id<ids::Release>, version: &str, choices: &Choices) -> Vec<Spot> {
        self.environments.iter().map(|place| self.spot(release, version, choices, place)).collect()
    }

    fn spot(&self, id: ids::Id<ids::Release>, version: &str, choices: &Choices, place: &Environment) -> Spot {
        let here: Vec<&Deployment> =
            self.latest.iter().filter(|one| one.release == id && one.environment == place.id).collect();
        if let Some(cell) = self.cell(&here, version) {
            return Spot::Now(Box::new(cell));
        }
        let Some(there) = choices.places.iter().find(|one| one.id == place.id) else { return Spot::Out };
        match there.reason() {
            _ if there.has() => Spot::Before,
            Some(why) => Spot::Waits(why.to_owned()),
            None if there.is_open() => Spot::Next(format!("{}?environment={}", self.of.deploy(version), place.slug)),
            None => Spot::Next(String::new()),
        }
    }

    /// What the deployments of one release to one environment come to.
    fn cell(&self, here: &[&Deployment], version: &str) -> Option<Cell> {
        let newest = here.first()?;
        let worst = here.iter().copied().min_by_key(|one| rank(one)).unwrap_or(newest);
        let look = chip(worst);
        let (head, note, href) = if here.len() == 1 {
            let whom = newest.tenant_name.as_ref().map(|name| format!("for {name}"));
            (
                look.word.clone(),
                whom.unwrap_or_else(|| format!("by {}", newest.created_by)),
                log_href(self.visit, newest),
            )
        } else {
            let bad = here.iter().filter(|one| rank(one) == rank(worst)).count();
            let note =
                if bad == here.len() { look.word.clone() } else { format!("{bad} {}", look.word.to_lowercase()) };
            (counted(here.len(), "tenant"), note, self.of.release(version))
        };
        let mut look = Chip { word: note, ..look };
        look.title = format!("{}: {}", newest.environment_name, look.title);
        Some(Cell::new(head, href, look, when(at(newest))))
    }
}

/// What matters most comes first.
fn rank(deployment: &Deployment) -> u8 {
    match deployment.state {
        State::Failed | State::TimedOut => 0,
        State::Executing | State::Cancelling => 1,
        State::Queued => 2,
        State::Canceled => 3,
        State::Success if deployment.warnings => 4,
        State::Success => 5,
    }
}

/// Puts environments into the order of the project's lifecycle and leaves out those it never reaches.
fn in_order(visit: &Visit, of: &Of, environments: &mut Vec<Environment>, latest: &[Deployment]) -> Result<()> {
    let lifecycle: At<ids::Lifecycle> = visit.visitor.locate(&visit.space()?, &of.project.lifecycle.to_string())?;
    if !visit.visitor.may(LifecycleView { lifecycle: lifecycle.clone() }) {
        return Ok(());
    }
    let phases = lifecycles::preview(&visit.visitor.ask(LifecycleView { lifecycle })?)?;
    let order: Vec<_> = phases.iter().flat_map(|phase| &phase.environments).map(|place| place.id).collect();
    let rank = |one: &Environment| order.iter().position(|id| *id == one.id).unwrap_or(usize::MAX);
    environments.retain(|one| rank(one) < usize::MAX || latest.iter().any(|d| d.environment == one.id));
    environments.sort_by_key(rank);
    Ok(())
}

/// Where a release can go.
pub(in crate::web) fn choices(visit: &Visit, of: &Of, version: &str) -> Result<Choices> {
    let release: At<ids::Release> = visit.visitor.locate(&of.at, version)?;
    deployments::choices(&visit.visitor.ask(ReleaseView { release })?)
}

/// "Staging and Production".
pub(in crate::web) fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// One project.
pub(in crate::web) fn show(visit: &Visit) -> Result<Answer> {
    let of = of(visit)?;
    let space = visit.space()?;
    let visitor = &visit.visitor;
    let ground = Ground::of(visit, &of)?;
    let found = if visitor.may_somewhere::<ReleaseView>(&space) {
        let filter = releases::Filter { project: Some(of.project.id.0), ..releases::Filter::default() };
        let page = Page { skip: 0, take: RELEASES };
        Some(releases::list(&visitor.ask(Listing::<ReleaseView>::of(&space))?, &filter, page)?)
    } else {
        None
    };
    let (known, total) = found.map_or((Vec::new(), 0), |found| (found.items, found.total));
    let mut rows = Vec::new();
    let mut newest = None;
    for release in &known {
        let choices = choices(visit, &of, &release.version)?;
        rows.push(ReleaseRow {
            version: release.version.clone(),
            href: of.release(&release.version),
            made: when(release.assembled_at),
            channel: release.channel_name.clone(),
            spots: ground.spots(release.id, &release.version, &choices),
        });
        newest.get_or_insert((release, choices));
    }
    if known.iter().all(|release| release.channel == known[0].channel) {
        rows.iter_mut().for_each(|row| row.channel.clear());
    }
    let release = of.offer_release(visit);
    let deploy = newest
        .as_ref()
        .map_or(Act::none(), |(release, _)| of.offer_deploy(visit, &release.version, !ground.open.is_empty()));
    Answer::page(&Show {
        frame: of.frame(visit, &of.project.name, "overview"),
        is_disabled: of.project.is_disabled,
        sentence: sentence(&of, newest.as_ref()),
        first: first(visit, &of, total, &release)?,
        release,
        deploy,
        environments: ground.environments.iter().map(|one| one.name.clone()).collect(),
        more_releases: (total as usize > rows.len())
            .then(|| (format!("All {}", counted(total as usize, "release")), of.page("releases"))),
        releases: rows,
        tenants: tenants_of(visit, &of, &ground)?,
        timeline: happened(visit, &of)?,
        about: about(visit, &of)?,
    })
}

fn sentence(of: &Of, newest: Option<&(&Brief, Choices)>) -> String {
    let Some((release, choices)) = newest else { return "No release yet.".into() };
    if of.project.is_disabled {
        return format!("{} is the newest release. No new ones are taken.", release.version);
    }
    let next: Vec<&str> =
        choices.places.iter().filter(|place| place.is_next).map(|place| place.name.as_str()).collect();
    if next.is_empty() {
        return match choices.places.iter().all(Place::has) {
            true => format!("{} is the newest release and has been everywhere its lifecycle leads.", release.version),
            false => format!("{} is the newest release. It can go nowhere new now.", release.version),
        };
    }
    format!("{} is the newest release; next: {}.", release.version, listed(&next))
}

/// What a project that cannot be deployed yet needs first.
fn first(visit: &Visit, of: &Of, releases: i64, release: &Act) -> Result<Option<Empty>> {
    if releases > 0 || of.project.is_disabled {
        return Ok(None);
    }
    let visitor = &visit.visitor;
    let ask = ProcessView { project: of.at.clone() };
    if visitor.may(ask.clone()) && process::show(&visitor.ask(ask)?)?.steps.is_empty() {
        let text = format!(
            "A process is a list of steps, each a script. {} has none yet, so there is nothing to release.",
            of.project.name
        );
        let empty = Empty::new("process", "What does a deployment do?", text);
        return Ok(Some(if visitor.may(ProcessEdit { project: of.at.clone() }) {
            empty.action("Add the first step", of.page("process/new"))
        } else {
            empty.refusal("You may not change its process; ask who keeps it.")
        }));
    }
    let text = "A release is a version with the process as it is now, frozen. It is what goes from one environment to the next.";
    let empty = Empty::new("tag", "No releases yet", text);
    Ok(Some(if release.is_open() {
        empty.action("Create the first release", of.page("releases/new"))
    } else {
        empty.refusal("You may not create one; ask who releases it.")
    }))
}

/// Tenants × environments, where the project is deployed for tenants.
fn tenants_of(visit: &Visit, of: &Of, ground: &Ground<'_>) -> Result<Option<Tenants>> {
    let space = visit.space()?;
    if !of.project.tenanted.with_tenant() || !visit.visitor.may_somewhere::<TenantView>(&space) {
        return Ok(None);
    }
    let asked = Asked::with_rows(visit, TENANTS);
    let filter = tenants::Filter {
        partial_name: asked.search.into(),
        project: Some(of.project.id),
        ..tenants::Filter::default()
    };
    let granted = visit.visitor.ask(Listing::<TenantView>::of(&space))?;
    let found = tenants::list(&granted, &filter, asked.page())?;
    let rows = found.items.iter().map(|tenant| TenantRow {
        name: tenant.name.clone(),
        href: visit.space_path(&format!("/tenants/{}", tenant.slug)),
        is_disabled: tenant.is_disabled,
        cells: ground.environments.iter().map(|place| tenant_cell(visit, of, ground, tenant, place)).collect(),
    });
    Ok(Some(Tenants {
        rows: rows.collect(),
        filter: FilterBar::new(&of.address, "Find a tenant", asked.search),
        pager: asked.pager(found.total, &of.address, &[]),
        connect_href: visit.space_path("/tenants"),
    }))
}

fn tenant_cell(visit: &Visit, of: &Of, ground: &Ground<'_>, tenant: &Tenant, place: &Environment) -> Cell {
    let there = ground.latest.iter().find(|one| one.tenant == Some(tenant.id) && one.environment == place.id);
    let Some(deployment) = there else {
        let connected =
            tenant.connections.iter().any(|one| one.project == of.project.id && one.environments.contains(&place.id));
        return if connected { Cell::none() } else { Cell::closed() };
    };
    let cell = Cell::new(&deployment.version, log_href(visit, deployment), chip(deployment), when(at(deployment)));
    cell.behind(ground.behind.get(&deployment.release.0).copied().unwrap_or(0))
}

fn happened(visit: &Visit, of: &Of) -> Result<Timeline> {
    let space = visit.space()?;
    if !visit.visitor.may_somewhere::<DeploymentView>(&space) {
        return Ok(Timeline::default());
    }
    let filter = deployments::Filter { projects: Some(vec![of.project.id.0]), ..deployments::Filter::default() };
    let granted = visit.visitor.ask(Listing::<DeploymentView>::of(&space))?;
    let found = deployments::list(&granted, &filter, Page { skip: 0, take: HAPPENED })?;
    let moments = found.items.iter().map(|one| {
        let moment = Happened::new(chip(one), super::went(one), when(at(one))).href(log_href(visit, one));
        moment.who(&one.created_by).detail(one.error.lines().next().unwrap_or_default())
    });
    Ok(Timeline { moments: moments.collect() })
}

fn about(visit: &Visit, of: &Of) -> Result<Kv> {
    let (space, visitor) = (visit.space()?, &visit.visitor);
    let mut about = Kv::new().row("Description", &of.project.description);
    let group: At<ids::ProjectGroup> = visitor.locate(&space, &of.project.group.to_string())?;
    if visitor.may(ProjectGroupView { group: group.clone() }) {
        let group = groups::show(&visitor.ask(ProjectGroupView { group })?)?;
        let href = format!("{}?group={}", super::base(visit), group.slug);
        about = about.link("Group", group.name, href);
    }
    let lifecycle: At<ids::Lifecycle> = visitor.locate(&space, &of.project.lifecycle.to_string())?;
    if visitor.may(LifecycleView { lifecycle: lifecycle.clone() }) {
        let found = lifecycles::show(&visitor.ask(LifecycleView { lifecycle })?)?;
        let href = visit.space_path(&format!("/library/lifecycles/{}", found.slug));
        about = about.link("Lifecycle", found.name, href);
    }
    let tenants = match of.project.tenanted {
        crate::company::projects::TenantedMode::Untenanted => "Not deployed for tenants",
        crate::company::projects::TenantedMode::TenantedOrUntenanted => "For a tenant or without one",
        crate::company::projects::TenantedMode::Tenanted => "Always for a tenant",
    };
    let about = about.row("Tenants", tenants).mono("Id", of.project.id.to_string());
    Ok(about.when("Added", when(of.project.created_at)))
}

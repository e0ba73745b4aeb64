//! Pages of releases: those of a project, and one with how far it is, its notes and its frozen process.

mod defects;
mod form;

pub(super) use defects::{report, resolve};
pub(super) use form::{create, delete, edit, new, update};

use super::{
    caller::{Answer, Visit},
    form::removal,
    list::Asked,
    page::{Act, Chip, ConfirmDelete, FilterBar, FormView, Frame, Kv, Pager, Prose, When},
    process::{StepView, step_views},
    projects::{Ground, Of, Spot, choices, listed, of},
    standing::{at, chip, log_href, when},
};
use crate::{
    base::{error::Result, ids, paging::Page},
    company::{
        access::{
            At,
            permissions::{DeploymentView, List as Listing, ProcessView, ReleaseDelete, ReleaseEdit, ReleaseView},
        },
        channels,
        deployments::{self, Choices, Deployment},
        lifecycles::promotion::{PhaseProgress, Progress},
        releases::{self, Filter, Release},
    },
};
use askama::Template;

/// Rows on one page of a list.
const ROWS: i64 = 30;
/// Deployments on one page of a release.
const DEPLOYMENTS: i64 = 20;

#[derive(Template)]
#[template(path = "releases/list.html")]
struct List {
    frame: Frame,
    is_disabled: bool,
    add: Act,
    filter: FilterBar,
    environments: Vec<String>,
    with_channel: bool,
    rows: Vec<Row>,
    pager: Pager,
}
struct Row {
    version: String,
    href: String,
    notes: String,
    channel: String,
    made: When,
    by: String,
    spots: Vec<Spot>,
}

#[derive(Template)]
#[template(path = "releases/show.html")]
struct Show {
    frame: Frame,
    chip: Chip,
    sentence: String,
    deploy: Act,
    change: Act,
    phases: Vec<Phase>,
    defects: defects::Defects,
    deployments: Vec<Sent>,
    pager: Pager,
    notes: Prose,
    steps: Vec<StepView>,
    about: Kv,
    removal: Option<ConfirmDelete>,
}
struct Phase {
    name: String,
    /// "2 of 3 before the next phase".
    rule: String,
    chip: Chip,
    places: Vec<(String, Spot)>,
}
struct Sent {
    to: String,
    whom: String,
    whom_href: String,
    chip: Chip,
    when: When,
    by: String,
    href: String,
}

/// A release that the visitor may see, and its project.
struct Which {
    of: Of,
    at: At<ids::Release>,
    release: Release,
    address: String,
}

fn which(visit: &Visit) -> Result<Which> {
    let of = of(visit)?;
    let at: At<ids::Release> = visit.visitor.locate(&of.at, visit.parameter("version"))?;
    let release = releases::show(&visit.visitor.ask(ReleaseView { release: at.clone() })?)?;
    let address = of.release(&release.version);
    Ok(Which { of, at, release, address })
}

impl Which {
    fn title(&self) -> String {
        format!("{} {}", self.of.project.name, self.release.version)
    }
}

/// The releases of a project, newest first.
pub(super) fn list(visit: &Visit) -> Result<Answer> {
    let of = of(visit)?;
    let space = visit.space()?;
    let granted = visit.visitor.ask(Listing::<ReleaseView>::of(&space))?;
    let asked = Asked::with_rows(visit, ROWS);
    let filter = Filter { project: Some(of.project.id.0), search: asked.search.into(), ..Filter::default() };
    let found = releases::list(&granted, &filter, asked.page())?;
    let ground = Ground::of(visit, &of)?;
    let mut rows = Vec::new();
    for release in &found.items {
        let choices = choices(visit, &of, &release.version)?;
        rows.push(Row {
            version: release.version.clone(),
            href: of.release(&release.version),
            notes: Prose::first_line(&release.notes, 100),
            channel: release.channel_name.clone(),
            made: when(release.assembled_at),
            by: release.created_by.clone(),
            spots: ground.spots(release.id, &release.version, &choices),
        });
    }
    let address = of.page("releases");
    Answer::page(&List {
        frame: of.frame(visit, "Releases", "releases"),
        is_disabled: of.project.is_disabled,
        add: of.offer_release(visit).primary(),
        filter: FilterBar::new(&address, "Find a version", asked.search),
        environments: ground.environments.iter().map(|one| one.name.clone()).collect(),
        with_channel: channels_of(visit, &of)?.len() > 1,
        rows,
        pager: asked.pager(found.total, &address, &[]),
    })
}

/// The channels of a project, the default first; none for who may not see them.
fn channels_of(visit: &Visit, of: &Of) -> Result<Vec<channels::Channel>> {
    if !visit.visitor.may(ProcessView { project: of.at.clone() }) {
        return Ok(Vec::new());
    }
    let granted = visit.visitor.ask(Listing::<ProcessView>::of(&visit.space()?))?;
    let filter = channels::Filter { project: Some(of.project.id.0), ..channels::Filter::default() };
    Ok(channels::list(&granted, &filter, Page::ALL)?.items)
}

/// One release.
pub(super) fn show(visit: &Visit) -> Result<Answer> {
    let which = which(visit)?;
    show_page(visit, &which, Shown::default())
}

/// What was refused on the page.
#[derive(Default)]
struct Shown<'w> {
    removal: Option<&'w str>,
    report: Option<FormView>,
}

fn show_page(visit: &Visit, which: &Which, shown: Shown<'_>) -> Result<Answer> {
    let Which { of, release, address, .. } = which;
    let (problem, refused) = (shown.removal, shown.removal.is_some() || shown.report.is_some());
    let granted = visit.visitor.ask(ReleaseView { release: which.at.clone() })?;
    let (progression, choices) = (releases::progression(&granted)?, deployments::choices(&granted)?);
    let ground = Ground::of(visit, of)?;
    let (deployments, pager) = deployments_of(visit, which)?;
    let environment_names: Vec<&str> =
        choices.places.iter().filter(|place| place.is_next).map(|place| place.name.as_str()).collect();
    let total = pager.total;
    let (chip, sentence) = standing(&progression, &environment_names, total);
    let removal = visit.removal(ReleaseDelete { release: which.at.clone() }, &release.version, |granted| {
        let removal = removal(format!("{address}/delete"), "release", &release.version, problem);
        let removal = removal.obstacle(releases::obstacle(granted)?);
        if total == 0 {
            return Ok(removal);
        }
        let what = super::projects::counted(total as usize, "deployment");
        Ok(removal.goes_too(format!("Its {what} with tasks and logs. What was deployed goes on running.")))
    })?;
    let page = Show {
        frame: of.frame(visit, &which.title(), "releases").crumb("Releases", of.page("releases")),
        chip,
        sentence,
        deploy: of.offer_deploy(visit, &release.version, !ground.open.is_empty()),
        change: visit.offer(
            ReleaseEdit { release: which.at.clone() },
            Act::link("Edit notes", format!("{address}/edit")).icon("pencil"),
        ),
        phases: phases(&ground, release, &progression, &choices),
        defects: defects::section(visit, which, shown.report)?,
        deployments,
        pager,
        notes: Prose::of(&release.notes),
        // What a step does is its process, which has a right of its own.
        steps: match visit.visitor.may(ProcessView { project: of.at.clone() }) {
            true => step_views(visit, &release.steps)?,
            false => Vec::new(),
        },
        about: about(visit, which)?,
        removal,
    };
    Answer::shown(&page, refused)
}

fn standing(progression: &[PhaseProgress], next: &[&str], deployments: u64) -> (Chip, String) {
    if progression.is_empty() {
        return (Chip::new("unknown", "Nowhere to go"), "Its lifecycle has no environment that you can see.".into());
    }
    if next.is_empty() && progression.iter().all(|one| one.progress != Progress::Pending) {
        return (Chip::new("success", "Everywhere"), "It has been everywhere its lifecycle leads.".into());
    }
    if deployments == 0 {
        return (Chip::new("queued", "Not deployed yet"), format!("Next: {}.", listed(next)));
    }
    let reached: Vec<&str> = progression
        .iter()
        .flat_map(|one| one.phase.environments.iter().filter(|place| one.done.contains(&place.id)))
        .map(|place| place.name.as_str())
        .collect();
    let next = if next.is_empty() { String::new() } else { format!(" Next: {}.", listed(next)) };
    match reached.last() {
        None => (Chip::new("waiting", "On its way"), format!("It has not succeeded anywhere yet.{next}")),
        Some(last) => (Chip::new("info", format!("In {last}")), format!("It has been in {}.{next}", listed(&reached))),
    }
}

fn phases(ground: &Ground<'_>, release: &Release, progression: &[PhaseProgress], choices: &Choices) -> Vec<Phase> {
    let spots = |names: &[ids::Id<ids::Environment>]| {
        let mut all: Vec<(String, Spot)> = Vec::new();
        let drawn = ground.spots(release.id, &release.version, choices);
        for (place, spot) in ground.environments.iter().zip(drawn) {
            if names.contains(&place.id) {
                all.push((place.name.clone(), spot));
            }
        }
        all
    };
    let phase = |one: &PhaseProgress| {
        let places: Vec<_> = one.phase.environments.iter().map(|place| place.id).collect();
        let minimum = one.phase.minimum;
        let mut rule = match (minimum, places.len()) {
            (0, 0 | 1) => String::new(),
            (0, _) => "All of them before the next phase".into(),
            (some, all) if some < all => format!("{some} of {all} before the next phase"),
            _ => "All of them before the next phase".into(),
        };
        if one.phase.is_optional {
            rule = "May be left out".into();
        }
        Phase {
            // Without phases in the lifecycle each environment is one, and its name would stand there twice.
            name: if one.phase.id.is_none() { String::new() } else { one.phase.name.clone() },
            rule,
            chip: match one.progress {
                Progress::Complete => Chip::new("success", "Complete"),
                Progress::Current => Chip::new("running", "Open"),
                Progress::Pending => Chip::new("queued", "Not yet"),
            },
            places: spots(&places),
        }
    };
    progression.iter().map(phase).filter(|phase| !phase.places.is_empty()).collect()
}

fn deployments_of(visit: &Visit, which: &Which) -> Result<(Vec<Sent>, Pager)> {
    let space = visit.space()?;
    if !visit.visitor.may_somewhere::<DeploymentView>(&space) {
        return Ok((Vec::new(), Pager::default()));
    }
    let number = visit.call.page_number();
    let granted = visit.visitor.ask(Listing::<DeploymentView>::of(&space))?;
    let filter = deployments::Filter { releases: Some(vec![which.release.id.0]), ..deployments::Filter::default() };
    let found = deployments::list(&granted, &filter, Page::numbered(Some(number), DEPLOYMENTS))?;
    let sent = |one: &Deployment| Sent {
        to: one.environment_name.clone(),
        whom: one.tenant_name.clone().unwrap_or_default(),
        whom_href: one
            .tenant_slug
            .as_ref()
            .map(|slug| visit.space_path(&format!("/tenants/{slug}")))
            .unwrap_or_default(),
        chip: chip(one),
        when: when(at(one)),
        by: one.created_by.clone(),
        href: log_href(visit, one),
    };
    let pager = Pager::new(found.total as u64, DEPLOYMENTS as u64, number as u64, &which.address);
    Ok((found.items.iter().map(sent).collect(), pager))
}

fn about(visit: &Visit, which: &Which) -> Result<Kv> {
    let mut about =
        Kv::new().when("Created", when(which.release.assembled_at)).hint(format!("by {}", which.release.created_by));
    let known = channels_of(visit, &which.of)?;
    if let Some(channel) = known.iter().find(|one| one.id == which.release.channel) {
        about = about.row("Channel", &channel.name);
    }
    Ok(about.mono("Id", which.release.id.to_string()))
}

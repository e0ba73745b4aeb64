//! Pages of a project's runbooks: all of them, one with its runs and snapshots, and what publishes it.

mod run;
mod runs;
mod settings;
mod snapshots;

pub(super) use run::{run, run_form};
pub(super) use runs::{delete_run, show_run};
pub(super) use settings::{create, delete, edit, new, update};
pub(super) use snapshots::{delete_snapshot, publish_snapshot, snapshot, take};

use super::{
    caller::{Answer, Visit},
    list::Asked,
    page::{Act, FilterBar, Frame, Kind, Kv, Message, Pager, Prose, When},
    process::{StepView, step_views},
    projects::{self, listed},
    seen,
    tasks::when,
};
use crate::{
    base::{
        error::{Error, Result},
        ids,
        paging::Page,
    },
    company::{
        access::{
            At, RunbookPart,
            permissions::{
                Anywhere, List as Listing, RunbookEdit, RunbookRunCreate, RunbookSnapshotCreate, RunbookView,
            },
        },
        environments as places,
        projects::TenantedMode,
        runbooks::{
            self, EnvironmentScope, Filter, Runbook,
            snapshots::{self as frozen, Snapshot},
        },
    },
};
use askama::Template;
use runs::{Ran, runs_of};

/// Runs on one page of a runbook.
const RUNS: i64 = 20;
/// Snapshots shown on a runbook's page.
const SNAPSHOTS: i64 = 10;

#[derive(Template)]
#[template(path = "runbooks/list.html")]
struct List {
    frame: Frame,
    add: Act,
    filter: FilterBar,
    rows: Vec<Row>,
    pager: Pager,
}
struct Row {
    name: String,
    description: String,
    href: String,
    published: Option<(String, When)>,
    last: Option<Ran>,
    run_href: String,
}

#[derive(Template)]
#[template(path = "runbooks/show.html")]
struct Show {
    frame: Frame,
    sentence: String,
    notes: Vec<Message>,
    settings: Act,
    process_href: String,
    publish: Act,
    run: Act,
    take: Act,
    steps_title: String,
    steps: Vec<StepView>,
    may_see_runs: bool,
    runs: Vec<Ran>,
    pager: Pager,
    snapshots: Vec<SnapshotRow>,
    about: Kv,
}
struct SnapshotRow {
    name: String,
    href: String,
    notes: String,
    is_published: bool,
    made: When,
    by: String,
    publish_href: String,
}

/// A runbook that the visitor may see, and where its pages are.
pub(super) struct Of {
    /// Where it is.
    pub at: At<ids::Runbook>,
    /// The runbook.
    pub runbook: Runbook,
    /// `/{company}/{space}/projects/{project}/runbooks/{slug}`
    pub address: String,
}

/// The runbook of the path, of its project.
pub(super) fn of(visit: &Visit, project: &projects::Of) -> Result<Of> {
    let at: At<ids::Runbook> = visit.visitor.locate(&project.at, visit.parameter("runbook"))?;
    let runbook = runbooks::show(&visit.visitor.ask(RunbookView { runbook: at.clone() })?)?;
    let address = project.page(&format!("runbooks/{}", runbook.slug));
    Ok(Of { at, runbook, address })
}

impl Of {
    /// The frame of one of its pages.
    pub fn frame(&self, visit: &Visit, project: &projects::Of, title: &str) -> Frame {
        let frame = project.frame(visit, title, "runbooks").crumb("Runbooks", project.page("runbooks"));
        if title == self.runbook.name { frame } else { frame.crumb(&self.runbook.name, &self.address) }
    }
    /// The address of one of its pages.
    pub fn page(&self, rest: &str) -> String {
        format!("{}/{rest}", self.address)
    }
    fn part(&self) -> RunbookPart {
        RunbookPart::This(self.at.clone())
    }
    fn may_edit(&self, visit: &Visit) -> bool {
        visit.visitor.may(RunbookEdit { runbook: self.part() })
    }
    /// A button that changes it.
    fn offer_edit(&self, visit: &Visit, act: Act) -> Act {
        visit.offer(RunbookEdit { runbook: self.part() }, act)
    }
    /// A button that runs it somewhere.
    fn offer_run(&self, visit: &Visit, act: Act) -> Act {
        visit.offer(Anywhere::<RunbookRunCreate, _>::with(&self.at), act)
    }
}

fn may_run(visit: &Visit, at: &At<ids::Runbook>) -> bool {
    visit.visitor.may(Anywhere::<RunbookRunCreate, _>::with(at))
}

/// The runbooks of a project.
pub(super) fn list(visit: &Visit) -> Result<Answer> {
    let (visitor, space) = (&visit.visitor, visit.space()?);
    let project = projects::of(visit)?;
    let granted = visitor.ask(Listing::<RunbookView>::of(&space))?;
    let asked = Asked::of(visit);
    let filter =
        Filter { partial_name: asked.search.into(), projects: Some(vec![project.project.id.0]), ..Filter::default() };
    let found = runbooks::list(&granted, &filter, asked.page())?;
    let address = project.page("runbooks");
    let mut rows = Vec::new();
    for one in &found.items {
        let at: At<ids::Runbook> = visitor.locate(&space, &one.id.to_string())?;
        let href = format!("{address}/{}", one.slug);
        let last = runs_of(visit, one.id, &href, Page { skip: 0, take: 1 })?.and_then(|(mut runs, _)| runs.pop());
        rows.push(Row {
            name: one.name.clone(),
            description: one.description.lines().next().unwrap_or_default().chars().take(140).collect(),
            published: one.published.as_ref().map(|published| (published.name.clone(), when(published.at))),
            last,
            run_href: if one.published.is_some() && may_run(visit, &at) {
                format!("{href}/run")
            } else {
                String::new()
            },
            href,
        });
    }
    Answer::page(&List {
        frame: project.frame(visit, "Runbooks", "runbooks"),
        add: visit.offer(
            RunbookEdit { runbook: RunbookPart::New(project.at.clone()) },
            Act::link("Add a runbook", format!("{address}/new")).primary().icon("plus"),
        ),
        filter: FilterBar::new(&address, "Find a runbook", asked.search),
        rows,
        pager: asked.pager(found.total, &address, &[]),
    })
}

/// "In Staging and Production"; what the visitor may not see is not named.
fn places_of(visit: &Visit, runbook: &Runbook) -> Result<String> {
    Ok(match runbook.environment_scope {
        EnvironmentScope::All => "In all environments, also those added later".into(),
        EnvironmentScope::FromProjectLifecycles => "In the environments of the project's lifecycle".into(),
        EnvironmentScope::Specified => {
            let ids = runbook.environments.iter().map(|id| id.0).collect();
            let filter = places::Filter { ids: Some(ids), ..places::Filter::default() };
            let seen = seen::environments(&visit.visitor, &visit.space()?, &filter, Page::ALL)?.items;
            let mut named: Vec<&str> = seen.iter().map(|one| one.name.as_str()).collect();
            if named.len() < runbook.environments.len() {
                named.push("others that you may not see");
            }
            format!("In {}", listed(&named))
        }
    })
}

fn tenants_of(mode: TenantedMode) -> &'static str {
    match mode {
        TenantedMode::Untenanted => "Never",
        TenantedMode::TenantedOrUntenanted => "For a tenant or without one",
        TenantedMode::Tenanted => "Always for a tenant",
    }
}

fn snapshot_rows(of: &Of, found: &[Snapshot], may_edit: bool) -> Vec<SnapshotRow> {
    let row = |one: &Snapshot| {
        let href = of.page(&format!("snapshots/{}", one.id));
        SnapshotRow {
            name: one.name.clone(),
            notes: Prose::first_line(&one.notes, 140),
            is_published: one.is_published,
            made: when(one.assembled_at),
            by: one.created_by.clone(),
            publish_href: if may_edit && !one.is_published { format!("{href}/publish") } else { String::new() },
            href,
        }
    };
    found.iter().map(row).collect()
}

/// One runbook.
pub(super) fn show(visit: &Visit) -> Result<Answer> {
    Answer::page(&page(visit, None)?)
}

fn page(visit: &Visit, problem: Option<String>) -> Result<Show> {
    let project = projects::of(visit)?;
    let of = of(visit, &project)?;
    let visitor = &visit.visitor;
    let granted = visitor.ask(RunbookView { runbook: of.at.clone() })?;
    let runbook = &of.runbook;
    let may_edit = of.may_edit(visit);
    let frozen = match &runbook.published {
        Some(published) => Some(frozen::show(&granted, &published.id.to_string())?),
        None => None,
    };
    let steps = match &frozen {
        Some(frozen) => step_views(visit, &frozen.steps)?,
        None => step_views(visit, &runbooks::process::show(&granted)?.steps)?,
    };
    let sentence = match &runbook.published {
        Some(published) => format!("{} is published: it is what runs.", published.name),
        None => "It is not published yet.".to_owned(),
    };
    let mut notes: Vec<Message> = problem.map(|text| Message::new(Kind::Danger, text)).into_iter().collect();
    if runbook.published.as_ref().is_some_and(|published| published.is_behind) && may_edit {
        notes.push(Message::new(
            Kind::Info,
            "The process was changed since. What runs stays as it is until you publish it anew.",
        ));
    }
    if runbook.published.is_none() && may_edit && runbook.steps == 0 {
        notes.push(Message::new(
            Kind::Info,
            "Write down what it does first: add a step to its process, then publish it.",
        ));
    }
    let run_refusal = match (&runbook.published, project.project.is_disabled) {
        (_, true) => format!("{} is disabled.", project.project.name),
        (None, _) if !may_edit => "It is not published yet. Who may change it can publish it.".into(),
        (None, _) if runbook.steps == 0 => "It has no steps yet.".into(),
        _ => String::new(),
    };
    let number = visit.call.page_number();
    let found = runs_of(visit, runbook.id, &of.address, Page::numbered(Some(number), RUNS))?;
    let may_see_runs = found.is_some();
    let (runs, total) = found.unwrap_or_default();
    let recent = frozen::list(&granted, "", Page { skip: 0, take: SNAPSHOTS })?;
    let wants_publishing = runbook.steps > 0 && runbook.published.as_ref().is_none_or(|published| published.is_behind);
    let take = |act: Act| visit.offer(RunbookSnapshotCreate { runbook: of.at.clone() }, act);
    let mut about = Kv::new();
    if !runbook.description.is_empty() {
        about = about.row("What for", &runbook.description);
    }
    about = about.row("Runs", places_of(visit, runbook)?).row("For tenants", tenants_of(runbook.tenanted));
    if let Some(published) = &runbook.published {
        about = about.row("Published", &published.name).when("Since", when(published.at));
    }
    about = about.when("Made", when(runbook.created_at)).mono("Id", runbook.id.to_string());
    Ok(Show {
        frame: of.frame(visit, &project, &runbook.name),
        sentence,
        notes,
        settings: of.offer_edit(visit, Act::link("Settings", of.page("edit")).icon("pencil")),
        process_href: of.page("process"),
        publish: take(
            of.offer_edit(visit, Act::post("Publish", of.page("publish")).icon("check").only_if(wants_publishing)),
        ),
        run: match of.offer_run(visit, Act::link("Run…", of.page("run")).primary().icon("rocket")) {
            run if run.is_open() && !run_refusal.is_empty() => run.off(run_refusal, ""),
            run => run,
        },
        take: take(Act::post("Take a snapshot", of.page("snapshots")).small().only_if(runbook.steps > 0)),
        steps_title: match &frozen {
            Some(_) => "What it does".into(),
            None => "What it would do, were it published".into(),
        },
        steps,
        may_see_runs,
        runs,
        pager: Pager::new(total as u64, RUNS as u64, number as u64, &of.address),
        snapshots: snapshot_rows(&of, &recent.items, may_edit),
        about,
    })
}

/// What a refused change of the page says, on the page as it is.
fn refused(visit: &Visit, error: Error) -> Result<Answer> {
    match error {
        Error::Conflict(sentence) => Answer::refused(&page(visit, Some(sentence))?),
        Error::Invalid(wrong) => {
            let said: Vec<&str> = wrong.iter().map(|(_, text)| text).collect();
            Answer::refused(&page(visit, Some(said.join(" ")))?)
        }
        other => Err(other),
    }
}

/// Takes a snapshot and publishes it.
pub(super) fn publish(visit: &Visit) -> Result<Answer> {
    let project = projects::of(visit)?;
    let of = of(visit, &project)?;
    let edit = visit.visitor.ask(RunbookEdit { runbook: of.part() })?;
    let take = visit.visitor.ask(RunbookSnapshotCreate { runbook: of.at.clone() })?;
    match frozen::take(&take, &frozen::Fields::default(), Some(&edit)) {
        Ok(made) => Answer::done(of.address.clone(), format!("{} was published as {}.", of.runbook.name, made.name)),
        Err(error) => refused(visit, error),
    }
}

//! Pages of lifecycles, and the frame of all pages under Library.
//!
//! The form has a row for each phase. Its buttons add, move and remove rows by sending the form and drawing it again
//! with everything that was typed; nothing is saved before the last button.

use super::{
    caller::{Answer, Visit},
    form,
    list::{Asked, ROWS},
    page::{Act, ConfirmDelete, FieldView, FilterBar, FormView, Frame, Kv, Pager, count},
    seen,
};
use crate::{
    base::{
        error::{Error, Result},
        ids::{self, Id},
        paging::Page,
    },
    company::{
        access::{
            At,
            permissions::{
                Inside, LifecycleCreate, LifecycleDelete, LifecycleEdit, LifecycleView, List as Listing,
                ProjectGroupView,
            },
        },
        environments::Environment,
        lifecycles::{
            self, Fields, Filter, Lifecycle, PhaseFields,
            promotion::{PhaseView, Place},
        },
        projects,
    },
};
use askama::Template;

/// Phases of one form; the command takes no more.
const MOST: usize = 100;

#[derive(Template)]
#[template(path = "lifecycles/list.html")]
struct List {
    frame: Frame,
    may_edit: bool,
    add: Act,
    filter: FilterBar,
    rows: Vec<Row>,
    pager: Pager,
}
struct Row {
    name: String,
    description: String,
    href: String,
    edit_href: String,
    is_default: bool,
    phases: Vec<String>,
    projects: String,
}
#[derive(Template)]
#[template(path = "lifecycles/form.html")]
struct Form {
    frame: Frame,
    form: FormView,
    phases: Vec<PhaseRow>,
    no_environments_href: String,
}
struct PhaseRow {
    prefix: String,
    number: usize,
    id: String,
    places: Vec<PlaceRow>,
    /// Environments in it that the visitor may not see: sent back as they are.
    kept: Vec<(String, &'static str)>,
    last: bool,
}
struct PlaceRow {
    id: String,
    name: String,
    way: &'static str,
    /// The other phase that it stands in.
    elsewhere: String,
}
#[derive(Template)]
#[template(path = "lifecycles/show.html")]
struct Show {
    frame: Frame,
    change: Act,
    is_default: bool,
    sentence: String,
    implied: bool,
    phases: Vec<Stop>,
    projects: Vec<(String, String)>,
    projects_more: String,
    about: Kv,
    removal: Option<ConfirmDelete>,
}
struct Stop {
    name: String,
    is_optional: bool,
    rule: String,
    places: Vec<StopPlace>,
}
struct StopPlace {
    name: String,
    href: String,
    /// How releases get there; empty for those that may not be seen.
    way: &'static str,
}

fn base(visit: &Visit) -> String {
    visit.space_path("/library/lifecycles")
}
fn frame(visit: &Visit, title: &str) -> Frame {
    library(visit, title, "lifecycles")
}

/// The frame of a page under Library, with the tabs that the visitor may open.
pub(super) fn library(visit: &Visit, title: &str, current: &str) -> Frame {
    let tab = |key: &str| visit.space_path(&format!("/library/{key}"));
    let frame = visit.frame("library", title);
    let Ok(space) = visit.space() else { return frame };
    let tabs = [
        ("lifecycles", "Lifecycles", visit.visitor.may_somewhere::<LifecycleView>(&space)),
        ("tag-sets", "Tag sets", visit.visitor.may(Inside { at: space.clone() })),
        ("project-groups", "Project groups", visit.visitor.may_somewhere::<ProjectGroupView>(&space)),
    ];
    let open = tabs.into_iter().filter(|(.., may)| *may);
    open.fold(frame, |frame, (key, label, _)| frame.tab(label, tab(key), current == key))
}

fn located(visit: &Visit) -> Result<At<ids::Lifecycle>> {
    visit.visitor.locate(&visit.space()?, visit.parameter("lifecycle"))
}

fn projects_of(visit: &Visit, lifecycle: Id<ids::Lifecycle>, take: i64) -> Result<(Vec<projects::Project>, u64)> {
    let filter = projects::Filter { lifecycle: Some(lifecycle.0), ..projects::Filter::default() };
    let found = seen::projects(&visit.visitor, &visit.space()?, &filter, Page { skip: 0, take })?;
    Ok((found.items, found.total as u64))
}

/// All lifecycles.
pub(super) fn list(visit: &Visit) -> Result<Answer> {
    let space = visit.space()?;
    let granted = visit.visitor.ask(Listing::<LifecycleView>::of(&space))?;
    let asked = Asked::of(visit);
    let filter = Filter { partial_name: asked.search.into(), ids: None };
    let found = lifecycles::list(&granted, &filter, asked.page())?;
    let address = base(visit);
    let mut rows = Vec::new();
    for one in found.items {
        rows.push(Row {
            href: format!("{address}/{}", one.slug),
            edit_href: format!("{address}/{}/edit", one.slug),
            is_default: one.is_default,
            phases: one.phases.into_iter().map(|phase| phase.name).collect(),
            projects: count(projects_of(visit, one.id, 1)?.1, "project", "projects"),
            name: one.name,
            description: one.description,
        });
    }
    Answer::page(&List {
        frame: frame(visit, "Lifecycles"),
        may_edit: visit.visitor.may_somewhere::<LifecycleEdit>(&space),
        add: visit.offer(
            LifecycleCreate { space: space.clone() },
            Act::link("Add a lifecycle", format!("{address}/new")).primary().icon("plus"),
        ),
        filter: FilterBar::new(&address, "Find a lifecycle", asked.search),
        rows,
        pager: asked.pager(found.total, &address, &[]),
    })
}

// ------------------------------------------------------------------ the form

/// What was sent. A number that is none becomes -1, which the command refuses.
fn fields(visit: &Visit) -> Fields {
    let sent = visit.form();
    let phases = (0..sent.text("phases").parse::<usize>().unwrap_or(0).min(MOST + 1)).map(|at| {
        let text = |what: &str| sent.text(&format!("phase-{at}-{what}")).to_owned();
        let prefix = format!("phase-{at}-env-");
        let stands = |way: &str| {
            let chosen = sent.typed().filter(|(_, value)| *value == way);
            chosen.filter_map(|(key, _)| Id::parse(key.strip_prefix(&prefix)?)).collect::<Vec<_>>()
        };
        let minimum = text("minimum");
        PhaseFields {
            id: Id::parse(&text("id")),
            name: text("name"),
            automatic: stands("auto"),
            optional: stands("hand"),
            minimum: if minimum.trim().is_empty() { 0 } else { minimum.trim().parse().unwrap_or(-1) },
            is_optional: sent.ticked(&format!("phase-{at}-optional")),
            ..PhaseFields::default()
        }
    });
    let (name, description) = (sent.text("name").into(), sent.text("description").into());
    Fields { name, description, phases: phases.collect(), ..Fields::default() }
}

struct Draft {
    action: String,
    submit: &'static str,
    cancel: String,
    fields: Fields,
    /// The phase that the page starts in; else its first field.
    at: Option<usize>,
}

fn form_view(draft: &Draft) -> FormView {
    let name = FieldView::text("name", "Name").value(&draft.fields.name).required().max_length(200);
    let name = if draft.at.is_none() { name.autofocus() } else { name };
    let description = FieldView::textarea("description", "Description").value(&draft.fields.description).rows(2);
    let form = FormView::new(&draft.action, draft.submit).field(name).field(description).cancel(&draft.cancel);
    draft.fields.phases.iter().enumerate().fold(form, |form, (at, phase)| {
        let number = at + 1;
        let name = FieldView::text(format!("phase-{at}-name"), format!("Name of phase {number}")).value(&phase.name);
        let name = name.required().max_length(200).placeholder("Such as Test");
        let name = if draft.at == Some(at) { name.autofocus() } else { name };
        let minimum = if phase.minimum < 0 { String::new() } else { phase.minimum.to_string() };
        form.field(name)
            .field(FieldView::checks(
                format!("phase-{at}-places"),
                format!("Environments of phase {number}"),
                Vec::new(),
            ))
            .field(
                FieldView::number(format!("phase-{at}-minimum"), "How many must succeed")
                    .value(minimum)
                    .between(0, 1000)
                    .help("Before the next phase opens. 0 means all."),
            )
            .field(FieldView::checkbox(format!("phase-{at}-optional"), "The phase may be left out", phase.is_optional))
    })
}

fn phase_rows(seen: &[Environment], phases: &[PhaseFields]) -> Vec<PhaseRow> {
    let way = |phase: &PhaseFields, id: Id<ids::Environment>| match id {
        id if phase.automatic.contains(&id) => "auto",
        id if phase.optional.contains(&id) => "hand",
        _ => "",
    };
    let row = |(at, phase): (usize, &PhaseFields)| {
        let places = seen.iter().map(|one| {
            let other = phases.iter().enumerate().find(|(other, phase)| *other != at && !way(phase, one.id).is_empty());
            let elsewhere = other.map(|(other, phase)| match phase.name.trim() {
                "" => format!("phase {}", other + 1),
                name => name.to_owned(),
            });
            PlaceRow {
                id: one.id.to_string(),
                name: one.name.clone(),
                way: way(phase, one.id),
                elsewhere: elsewhere.unwrap_or_default(),
            }
        });
        let unseen = phase.automatic.iter().chain(&phase.optional).filter(|id| seen.iter().all(|one| one.id != **id));
        PhaseRow {
            prefix: format!("phase-{at}"),
            number: at + 1,
            id: phase.id.map(|id| id.to_string()).unwrap_or_default(),
            places: places.collect(),
            kept: unseen.map(|id| (id.to_string(), way(phase, *id))).collect(),
            last: at + 1 == phases.len(),
        }
    };
    phases.iter().enumerate().map(row).collect()
}

fn page(visit: &Visit, frame: Frame, draft: &Draft, form: FormView) -> Result<Form> {
    let seen = seen::environments_here(visit)?;
    let no_environments_href =
        if seen.is_empty() { visit.space_path("/infrastructure/environments") } else { String::new() };
    Ok(Form { frame, phases: phase_rows(&seen, &draft.fields.phases), form, no_environments_href })
}

fn drawn(visit: &Visit, frame: Frame, draft: &Draft) -> Result<Answer> {
    Answer::asked(&page(visit, frame, draft, form_view(draft))?)
}

fn refused(visit: &Visit, frame: Frame, draft: &Draft, error: Error) -> Result<Answer> {
    let mut names = vec![("Name".to_owned(), "name".to_owned()), ("Description".into(), "description".into())];
    for at in 0..draft.fields.phases.len() {
        for (wire, name) in [
            ("Name", "name"),
            ("AutomaticDeploymentTargets", "places"),
            ("OptionalDeploymentTargets", "places"),
            ("MinimumEnvironmentsBeforePromotion", "minimum"),
        ] {
            names.push((format!("Phases[{at}].{wire}"), format!("phase-{at}-{name}")));
        }
    }
    let names: Vec<(&str, &str)> = names.iter().map(|(wire, name)| (wire.as_str(), name.as_str())).collect();
    let form = form::refuse(form_view(draft), error, &names)?;
    Answer::refused(&page(visit, frame, draft, form)?)
}

fn new_draft(visit: &Visit, fields: Fields, at: Option<usize>) -> Draft {
    Draft { action: base(visit), submit: "Add the lifecycle", cancel: base(visit), fields, at }
}
fn new_frame(visit: &Visit) -> Frame {
    frame(visit, "Add a lifecycle").crumb("Lifecycles", base(visit))
}

/// The form for a new one.
pub(super) fn new(visit: &Visit) -> Result<Answer> {
    visit.visitor.ask(LifecycleCreate { space: visit.space()? })?;
    drawn(visit, new_frame(visit), &new_draft(visit, Fields::default(), None))
}

/// The form for a new one was sent.
pub(super) fn create(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.ask(LifecycleCreate { space: visit.space()? })?;
    let mut fields = fields(visit);
    if let Some(at) = form::rearrange(visit.form().text("do"), &mut fields.phases, MOST, |_| PhaseFields::default()) {
        return drawn(visit, new_frame(visit), &new_draft(visit, fields, Some(at)));
    }
    match lifecycles::create(&granted, fields.clone()) {
        Ok(made) => Answer::done(format!("{}/{}", base(visit), made.slug), format!("{} was added.", made.name)),
        Err(error) => refused(visit, new_frame(visit), &new_draft(visit, fields, None), error),
    }
}

fn edit_draft(address: &str, fields: Fields, at: Option<usize>) -> Draft {
    Draft { action: address.into(), submit: "Save the lifecycle", cancel: address.into(), fields, at }
}
fn edit_frame(visit: &Visit, name: &str, address: &str) -> Frame {
    frame(visit, &format!("Change {name}")).crumb("Lifecycles", base(visit)).crumb(name, address)
}

/// The form for changing one.
pub(super) fn edit(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    visit.visitor.ask(LifecycleEdit { lifecycle: at.clone() })?;
    let found = lifecycles::show(&visit.visitor.ask(LifecycleView { lifecycle: at })?)?;
    let address = format!("{}/{}", base(visit), found.slug);
    drawn(visit, edit_frame(visit, &found.name, &address), &edit_draft(&address, Fields::from(&found), None))
}

/// The form for changing one was sent.
pub(super) fn update(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    let granted = visit.visitor.ask(LifecycleEdit { lifecycle: at.clone() })?;
    let found = lifecycles::show(&visit.visitor.ask(LifecycleView { lifecycle: at })?)?;
    let address = format!("{}/{}", base(visit), found.slug);
    let frame = edit_frame(visit, &found.name, &address);
    let mut fields = fields(visit);
    for phase in &mut fields.phases {
        // What the form does not show stays.
        if let Some(present) = found.phases.iter().find(|present| Some(present.id) == phase.id) {
            phase.release_retention = present.release_retention;
            phase.tentacle_retention = present.tentacle_retention;
        }
    }
    if let Some(at) = form::rearrange(visit.form().text("do"), &mut fields.phases, MOST, |_| PhaseFields::default()) {
        return drawn(visit, frame, &edit_draft(&address, fields, Some(at)));
    }
    match lifecycles::edit(&granted, fields.clone()) {
        Ok(saved) => Answer::done(address, format!("{} was saved.", saved.name)),
        Err(error) => refused(visit, frame, &edit_draft(&address, fields, None), error),
    }
}

// ------------------------------------------------------------------ one lifecycle

/// One lifecycle.
pub(super) fn show(visit: &Visit) -> Result<Answer> {
    show_page(visit, &located(visit)?, None)
}

fn stop(visit: &Visit, seen: &[Environment], phase: PhaseView) -> Stop {
    let find = |place: &Place| seen.iter().find(|one| one.id == place.id);
    let hidden = phase.environments.iter().any(|place| find(place).is_none());
    let rule = match (phase.environments.len(), phase.minimum) {
        (0, _) => "No environment yet".to_owned(),
        (1, _) if !hidden => "Must succeed".into(),
        (_, 0) => "All must succeed".into(),
        (_, minimum) if hidden => format!("{minimum} must succeed"),
        (all, minimum) => format!("{minimum} of {all} must succeed"),
    };
    let shown = |place: &Place| {
        find(place).map(|one| StopPlace {
            name: one.name.clone(),
            href: visit.space_path(&format!("/infrastructure/environments/{}", one.slug)),
            way: if place.automatic { "by itself, as soon as the phase opens" } else { "by hand" },
        })
    };
    let mut places: Vec<StopPlace> = phase.environments.iter().filter_map(shown).collect();
    // However many they are.
    if hidden {
        places.push(StopPlace { name: "Others that you may not see".into(), href: String::new(), way: "" });
    }
    Stop { name: phase.name, is_optional: phase.is_optional, rule, places }
}

fn show_page(visit: &Visit, at: &At<ids::Lifecycle>, problem: Option<&str>) -> Result<Answer> {
    let granted = visit.visitor.ask(LifecycleView { lifecycle: at.clone() })?;
    let (found, phases) = (lifecycles::show(&granted)?, lifecycles::preview(&granted)?);
    let address = format!("{}/{}", base(visit), found.slug);
    let seen = seen::environments_here(visit)?;
    let (inside, total) = projects_of(visit, found.id, ROWS)?;
    let removal = visit.removal(LifecycleDelete { lifecycle: at.clone() }, &found.name, |granted| {
        let removal = form::removal(format!("{address}/delete"), "lifecycle", &found.name, problem);
        Ok(removal.obstacle(lifecycles::obstacle(granted)?))
    })?;
    let page = Show {
        frame: frame(visit, &found.name).crumb("Lifecycles", base(visit)),
        change: visit.offer(
            LifecycleEdit { lifecycle: at.clone() },
            Act::link("Change", format!("{address}/edit")).icon("pencil"),
        ),
        is_default: found.is_default,
        sentence: sentence(&found, total),
        implied: found.phases.is_empty(),
        phases: phases.into_iter().map(|phase| stop(visit, &seen, phase)).collect(),
        projects_more: match total.saturating_sub(inside.len() as u64) {
            0 => String::new(),
            more => format!("and {} more", count(more, "project", "projects")),
        },
        projects: inside
            .into_iter()
            .map(|project| (project.name, visit.space_path(&format!("/projects/{}", project.slug))))
            .collect(),
        about: Kv::new().row("Description", &found.description).mono("Id", found.id.to_string()),
        removal,
    };
    Answer::shown(&page, problem.is_some())
}

fn sentence(lifecycle: &Lifecycle, projects: u64) -> String {
    let phases = match lifecycle.phases.len() as u64 {
        0 => "Every environment in turn".to_owned(),
        number => count(number, "phase", "phases"),
    };
    match projects {
        0 => format!("{phases} · no project follows it"),
        _ => format!("{phases} · {} it", count(projects, "project follows", "projects follow")),
    }
}

/// Deletes one; its name must have been typed.
pub(super) fn delete(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    let granted = visit.visitor.ask(LifecycleDelete { lifecycle: at.clone() })?;
    let found = lifecycles::show(&visit.visitor.ask(LifecycleView { lifecycle: at.clone() })?)?;
    form::remove(
        visit,
        &found.name,
        base(visit),
        || lifecycles::delete(&granted),
        |why| show_page(visit, &at, Some(why)),
    )
}

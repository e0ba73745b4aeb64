//! Pages of project groups.

use super::{
    caller::{Answer, Visit},
    form::{self, FormPage},
    lifecycles::library,
    list::{Asked, ROWS},
    page::{Act, ConfirmDelete, FieldView, FilterBar, FormView, Frame, Kv, Pager, count},
    seen,
};
use crate::{
    base::{
        error::{Error, Result},
        ids,
        paging::Page,
    },
    company::{
        access::{
            At, New,
            permissions::{
                List as Listing, ProjectGroupCreate, ProjectGroupDelete, ProjectGroupEdit, ProjectGroupView,
            },
        },
        projects::{
            self,
            groups::{self, Fields, Filter, Group},
        },
    },
};
use askama::Template;

#[derive(Template)]
#[template(path = "projectgroups/list.html")]
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
    edit_href: String,
    may_edit: bool,
    projects: String,
}
#[derive(Template)]
#[template(path = "projectgroups/show.html")]
struct Show {
    frame: Frame,
    change: Act,
    summary: String,
    projects: Vec<Project>,
    projects_href: String,
    about: Kv,
    removal: Option<ConfirmDelete>,
}
struct Project {
    name: String,
    description: String,
    href: String,
}

fn base(visit: &Visit) -> String {
    visit.space_path("/library/project-groups")
}
fn frame(visit: &Visit, title: &str) -> Frame {
    library(visit, title, "project-groups")
}
fn located(visit: &Visit) -> Result<At<ids::ProjectGroup>> {
    visit.visitor.locate(&visit.space()?, visit.parameter("group"))
}

/// The projects of a group that the visitor may see: the first of them, and how many there are.
fn projects_of(visit: &Visit, group: ids::Id<ids::ProjectGroup>, take: i64) -> Result<(Vec<projects::Project>, u64)> {
    let filter = projects::Filter { group: Some(group.0), ..projects::Filter::default() };
    let found = seen::projects(&visit.visitor, &visit.space()?, &filter, Page { skip: 0, take })?;
    Ok((found.items, found.total as u64))
}

/// All project groups.
pub(super) fn list(visit: &Visit) -> Result<Answer> {
    let space = visit.space()?;
    let granted = visit.visitor.ask(Listing::<ProjectGroupView>::of(&space))?;
    let asked = Asked::of(visit);
    let filter = Filter { partial_name: asked.search.into(), ids: None };
    let found = groups::list(&granted, &filter, asked.page())?;
    let address = base(visit);
    let mut rows = Vec::new();
    for group in &found.items {
        let at: At<ids::ProjectGroup> = visit.visitor.locate(&space, &group.id.to_string())?;
        rows.push(Row {
            name: group.name.clone(),
            description: group.description.clone(),
            href: format!("{address}/{}", group.slug),
            edit_href: format!("{address}/{}/edit", group.slug),
            may_edit: visit.visitor.may(ProjectGroupEdit { group: at }),
            projects: count(projects_of(visit, group.id, 1)?.1, "project", "projects"),
        });
    }
    Answer::page(&List {
        frame: frame(visit, "Project groups"),
        add: visit.offer(
            ProjectGroupCreate { space: New::of(&space) },
            Act::link("Add a project group", format!("{address}/new")).primary().icon("plus"),
        ),
        filter: FilterBar::new(&address, "Find a project group", asked.search),
        rows,
        pager: asked.pager(found.total, &address, &[]),
    })
}

fn form_view(action: String, submit: &str, fields: &Fields, cancel: String) -> FormView {
    FormView::new(action, submit)
        .field(
            FieldView::text("name", "Name")
                .value(&fields.name)
                .required()
                .autofocus()
                .max_length(200)
                .help("Such as Web shops or Internal tools. A role can be limited to a group."),
        )
        .field(FieldView::textarea("description", "Description").value(&fields.description).rows(3))
        .cancel(cancel)
}

fn fields(visit: &Visit) -> Fields {
    let sent = visit.form();
    Fields { name: sent.text("name").into(), description: sent.text("description").into(), ..Fields::default() }
}

fn refused(frame: Frame, form: FormView, error: Error) -> Result<Answer> {
    form::refused(frame, form, error, &[("Name", "name"), ("Description", "description")])
}

fn new_frame(visit: &Visit) -> Frame {
    frame(visit, "Add a project group").crumb("Project groups", base(visit))
}

/// The form for a new one.
pub(super) fn new(visit: &Visit) -> Result<Answer> {
    visit.visitor.ask(ProjectGroupCreate { space: New::of(&visit.space()?) })?;
    let form = form_view(base(visit), "Add the project group", &Fields::default(), base(visit));
    Answer::page(&FormPage { frame: new_frame(visit), form })
}

/// The form for a new one was sent.
pub(super) fn create(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.ask(ProjectGroupCreate { space: New::of(&visit.space()?) })?;
    match groups::create(&granted, fields(visit)) {
        Ok(made) => Answer::done(format!("{}/{}", base(visit), made.slug), format!("{} was added.", made.name)),
        Err(error) => {
            let form = form_view(base(visit), "Add the project group", &fields(visit), base(visit));
            refused(new_frame(visit), form, error)
        }
    }
}

/// One project group.
pub(super) fn show(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    let found = groups::show(&visit.visitor.ask(ProjectGroupView { group: at.clone() })?)?;
    show_page(visit, &at, &found, None)
}

fn show_page(visit: &Visit, at: &At<ids::ProjectGroup>, found: &Group, problem: Option<&str>) -> Result<Answer> {
    let address = format!("{}/{}", base(visit), found.slug);
    let (inside, total) = projects_of(visit, found.id, ROWS)?;
    let removal = visit.removal(ProjectGroupDelete { group: at.clone() }, &found.name, |granted| {
        let removal = form::removal(format!("{address}/delete"), "project group", &found.name, problem);
        Ok(removal.obstacle(groups::obstacle(granted)?))
    })?;
    let page = Show {
        frame: frame(visit, &found.name).crumb("Project groups", base(visit)),
        change: visit.offer(
            ProjectGroupEdit { group: at.clone() },
            Act::link("Change", format!("{address}/edit")).icon("pencil"),
        ),
        summary: if total == 0 { "No projects yet".into() } else { count(total, "project", "projects") },
        projects: inside
            .into_iter()
            .map(|project| Project {
                href: visit.space_path(&format!("/projects/{}", project.slug)),
                name: project.name,
                description: project.description,
            })
            .collect(),
        projects_href: visit.space_path("/projects"),
        about: Kv::new().row("Description", &found.description).mono("Id", found.id.to_string()),
        removal,
    };
    Answer::shown(&page, problem.is_some())
}

fn edit_frame(visit: &Visit, name: &str, address: &str) -> Frame {
    frame(visit, &format!("Change {name}")).crumb("Project groups", base(visit)).crumb(name, address)
}

/// The form for changing one.
pub(super) fn edit(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    visit.visitor.ask(ProjectGroupEdit { group: at.clone() })?;
    let found = groups::show(&visit.visitor.ask(ProjectGroupView { group: at })?)?;
    let address = format!("{}/{}", base(visit), found.slug);
    let present = Fields { name: found.name.clone(), description: found.description, ..Fields::default() };
    let form = form_view(address.clone(), "Save the project group", &present, address.clone());
    Answer::page(&FormPage { frame: edit_frame(visit, &found.name, &address), form })
}

/// The form for changing one was sent.
pub(super) fn update(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    let granted = visit.visitor.ask(ProjectGroupEdit { group: at.clone() })?;
    let address = format!("{}/{}", base(visit), visit.parameter("group"));
    match groups::edit(&granted, fields(visit)) {
        Ok(saved) => Answer::done(address, format!("{} was saved.", saved.name)),
        Err(error) => {
            let found = groups::show(&visit.visitor.ask(ProjectGroupView { group: at })?)?;
            let form = form_view(address.clone(), "Save the project group", &fields(visit), address.clone());
            refused(edit_frame(visit, &found.name, &address), form, error)
        }
    }
}

/// Deletes one; its name must have been typed.
pub(super) fn delete(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    let granted = visit.visitor.ask(ProjectGroupDelete { group: at.clone() })?;
    let found = groups::show(&visit.visitor.ask(ProjectGroupView { group: at.clone() })?)?;
    form::remove(
        visit,
        &found.name,
        base(visit),
        || groups::delete(&granted),
        |why| show_page(visit, &at, &found, Some(why)),
    )
}

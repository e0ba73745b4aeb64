//! Pages of environments.

use super::{
    caller::{Answer, Visit},
    form::{self, FormPage},
    list::Asked,
    page::{Act, ConfirmDelete, FieldView, FilterBar, FormView, Frame, Kv, Pager, under},
    start,
};
use crate::{
    base::error::{Error, Result},
    company::{
        access::{
            At, New,
            permissions::{
                AccountView, EnvironmentCreate, EnvironmentDelete, EnvironmentEdit, EnvironmentView, List as Listing,
                MachineView,
            },
        },
        environments::{self, Environment, Fields, Filter},
    },
};
use askama::Template;

#[derive(Template)]
#[template(path = "environments/list.html")]
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
    rules: String,
}
#[derive(Template)]
#[template(path = "environments/show.html")]
struct Show {
    frame: Frame,
    change: Act,
    about: Kv,
    removal: Option<ConfirmDelete>,
}

fn base(visit: &Visit) -> String {
    visit.space_path("/infrastructure/environments")
}

fn frame(visit: &Visit, title: &str) -> Frame {
    infrastructure(visit, title, "environments")
}

/// The frame of a page under Infrastructure, with the tabs that the visitor may open.
pub(super) fn infrastructure(visit: &Visit, title: &str, current: &str) -> Frame {
    let tab = |key: &str| visit.space_path(&["/infrastructure/", key].concat());
    let frame = visit.frame("infrastructure", title);
    let Ok(space) = visit.space() else { return frame };
    let visitor = &visit.visitor;
    let tabs = [
        ("environments", "Environments", visitor.may_somewhere::<EnvironmentView>(&space)),
        ("targets", "Deployment targets", visitor.may_somewhere::<MachineView>(&space)),
        ("accounts", "Accounts", visitor.may_somewhere::<AccountView>(&space)),
    ];
    let open = tabs.into_iter().filter(|(.., may)| *may);
    open.fold(frame, |frame, (key, label, _)| frame.tab(label, tab(key), current == key))
}

fn located(visit: &Visit) -> Result<At<crate::base::ids::Environment>> {
    visit.visitor.locate(&visit.space()?, visit.parameter("environment"))
}

/// All environments.
pub(super) fn list(visit: &Visit) -> Result<Answer> {
    let space = visit.space()?;
    let granted = visit.visitor.ask(Listing::<EnvironmentView>::of(&space))?;
    let asked = Asked::of(visit);
    let filter = Filter { partial_name: asked.search.into(), ids: None };
    let found = environments::list(&granted, &filter, asked.page())?;
    let address = base(visit);
    let rows = found.items.iter().map(|e| Row {
        name: e.name.clone(),
        description: e.description.clone(),
        href: under(&address, &[&e.slug]),
        edit_href: under(&address, &[&e.slug, "edit"]),
        rules: rules(e),
    });
    Answer::page(&List {
        frame: frame(visit, "Environments"),
        add: visit.offer(
            EnvironmentCreate { space: New::of(&space) },
            Act::link("Add an environment", under(&address, &["new"])).primary().icon("plus"),
        ),
        filter: FilterBar::new(&address, "Find an environment", asked.search),
        rows: rows.collect(),
        pager: asked.pager(found.total, &address, &[]),
    })
}

fn rules(environment: &Environment) -> String {
    if environment.use_guided_failure { "Asks a person when a step fails".into() } else { String::new() }
}

fn form_view(action: String, submit: &str, e: &Fields, cancel: String) -> FormView {
    FormView::new(action, submit)
        .field(
            FieldView::text("name", "Name")
                .value(&e.name)
                .required()
                .autofocus()
                .max_length(200)
                .help("Such as Staging or Production."),
        )
        .field(FieldView::textarea("description", "Description").value(&e.description))
        .field(FieldView::checkbox("guided", "Ask a person what to do when a step fails", e.use_guided_failure))
        .cancel(cancel)
}

fn fields(visit: &Visit) -> Fields {
    let sent = visit.form();
    Fields {
        name: sent.text("name").into(),
        description: sent.text("description").into(),
        use_guided_failure: sent.ticked("guided"),
        ..Fields::default()
    }
}

/// The form for a new one.
pub(super) fn new(visit: &Visit) -> Result<Answer> {
    visit.visitor.ask(EnvironmentCreate { space: New::of(&visit.space()?) })?;
    let form = form_view(start::through(visit, base(visit)), "Add the environment", &Fields::default(), base(visit));
    Answer::page(&FormPage { frame: frame(visit, "Add an environment").crumb("Environments", base(visit)), form })
}

/// The form for a new one was sent.
pub(super) fn create(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.ask(EnvironmentCreate { space: New::of(&visit.space()?) })?;
    match environments::create(&granted, fields(visit)) {
        Ok(made) => start::done(visit, format!("{}/{}", base(visit), made.slug), format!("{} was added.", made.name)),
        Err(error) => {
            let form =
                form_view(start::through(visit, base(visit)), "Add the environment", &fields(visit), base(visit));
            refused(frame(visit, "Add an environment").crumb("Environments", base(visit)), form, error)
        }
    }
}

/// The page again with what is wrong beside its field; other errors go on as they are.
fn refused(frame: Frame, form: FormView, error: Error) -> Result<Answer> {
    form::refused(frame, form, error, &[("Name", "name"), ("Description", "description")])
}

/// One environment.
pub(super) fn show(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    let found = environments::show(&visit.visitor.ask(EnvironmentView { environment: at.clone() })?)?;
    show_page(visit, &at, &found, None)
}

fn show_page(
    visit: &Visit,
    at: &At<crate::base::ids::Environment>,
    found: &Environment,
    problem: Option<&str>,
) -> Result<Answer> {
    let address = format!("{}/{}", base(visit), found.slug);
    let removal = visit.removal(EnvironmentDelete { environment: at.clone() }, &found.name, |granted| {
        let removal = form::removal(format!("{address}/delete"), "environment", &found.name, problem);
        Ok(removal.obstacle(environments::obstacle(granted)?))
    })?;
    let page = Show {
        frame: frame(visit, &found.name).crumb("Environments", base(visit)),
        change: visit.offer(
            EnvironmentEdit { environment: at.clone() },
            Act::link("Change", format!("{address}/edit")).icon("pencil"),
        ),
        about: Kv::new()
            .row("Description", &found.description)
            .row("On failure", rules(found))
            .mono("Id", found.id.to_string()),
        removal,
    };
    Answer::shown(&page, problem.is_some())
}

/// The form for changing one.
pub(super) fn edit(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    visit.visitor.ask(EnvironmentEdit { environment: at.clone() })?;
    let found = environments::show(&visit.visitor.ask(EnvironmentView { environment: at })?)?;
    let address = format!("{}/{}", base(visit), found.slug);
    let present = Fields {
        name: found.name.clone(),
        description: found.description,
        use_guided_failure: found.use_guided_failure,
        ..Fields::default()
    };
    let form = form_view(address.clone(), "Save the environment", &present, address.clone());
    Answer::page(&FormPage {
        frame: frame(visit, "Change the environment").crumb("Environments", base(visit)).crumb(&found.name, address),
        form,
    })
}

/// The form for changing one was sent.
pub(super) fn update(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    let granted = visit.visitor.ask(EnvironmentEdit { environment: at.clone() })?;
    let present = environments::show(&visit.visitor.ask(EnvironmentView { environment: at })?)?;
    let address = format!("{}/{}", base(visit), visit.parameter("environment"));
    // What the form does not show stays as it is.
    let fields = |visit| Fields { allow_dynamic_infrastructure: present.allow_dynamic_infrastructure, ..fields(visit) };
    match environments::edit(&granted, fields(visit)) {
        Ok(saved) => Answer::done(address, format!("{} was saved.", saved.name)),
        Err(error) => {
            let form = form_view(address.clone(), "Save the environment", &fields(visit), address);
            refused(frame(visit, "Change the environment").crumb("Environments", base(visit)), form, error)
        }
    }
}

/// Deletes one; its name must have been typed.
pub(super) fn delete(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    let granted = visit.visitor.ask(EnvironmentDelete { environment: at.clone() })?;
    let found = environments::show(&visit.visitor.ask(EnvironmentView { environment: at.clone() })?)?;
    form::remove(
        visit,
        &found.name,
        base(visit),
        || environments::delete(&granted),
        |why| show_page(visit, &at, &found, Some(why)),
    )
}

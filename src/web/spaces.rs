//! Pages of spaces: what divides a company, who looks after each part, and whether its tasks run.

use super::{
    answers::preview::{Change, Checked, guarded},
    caller::{Answer, Visit},
    form::{self, FormPage},
    list::Asked,
    page::{Act, Chip, Choice, ConfirmDelete, FieldView, FilterBar, FormView, Frame, Kv, Pager},
    settings::settings,
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
            permissions::{SpaceCreate, SpaceDelete, SpaceEdit, SpaceView, UserView},
        },
        people::{self, State, User},
        spaces::{self, Fields, Filter, Managers, Space},
    },
};
use askama::Template;

#[derive(Template)]
#[template(path = "spaces/list.html")]
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
    is_default: bool,
    href: String,
    may_edit: bool,
    stopped: bool,
    chip: Chip,
}
#[derive(Template)]
#[template(path = "spaces/show.html")]
struct Show {
    frame: Frame,
    queue: Act,
    change: Act,
    enter_href: String,
    is_default: bool,
    stopped: bool,
    chip: Chip,
    managers: Vec<String>,
    teams: String,
    about: Kv,
    removal: Option<ConfirmDelete>,
}

fn base(visit: &Visit) -> String {
    visit.path("/settings/spaces")
}
fn frame(visit: &Visit, title: &str) -> Frame {
    settings(visit, title, "spaces")
}
/// The space of the address; `{space}` would be the one the page stands in.
fn located(visit: &Visit) -> Result<At<ids::Space>> {
    visit.visitor.locate_space(visit.parameter("which"))
}
fn chip(space: &Space) -> Chip {
    if space.task_queue_stopped { Chip::new("waiting", "Queue stopped") } else { Chip::new("success", "Tasks run") }
}

/// The people of the company; nobody where the visitor may not see them.
fn people_seen(visit: &Visit) -> Result<Vec<User>> {
    if !visit.visitor.may(UserView {}) {
        return Ok(Vec::new());
    }
    Ok(people::list(&visit.visitor.ask(UserView {})?, &people::Filter::default(), Page::ALL)?.items)
}

/// All spaces.
pub(super) fn list(visit: &Visit) -> Result<Answer> {
    visit.visitor.ask(SpaceView {})?;
    let asked = Asked::of(visit);
    let filter = Filter { partial_name: asked.search.into(), ids: None };
    let found = spaces::list(&visit.visitor, &filter, asked.page())?;
    let address = base(visit);
    let mut rows = Vec::new();
    for space in &found.items {
        let at = visit.visitor.locate_space(&space.id.to_string())?;
        rows.push(Row {
            name: space.name.clone(),
            description: space.description.clone(),
            is_default: space.is_default,
            href: format!("{address}/{}", space.slug),
            may_edit: visit.visitor.may(SpaceEdit { space: at }),
            stopped: space.task_queue_stopped,
            chip: chip(space),
        });
    }
    Answer::page(&List {
        frame: frame(visit, "Spaces"),
        add: visit.offer(SpaceCreate {}, Act::link("Add a space", format!("{address}/new")).primary().icon("plus")),
        filter: FilterBar::new(&address, "Find a space", asked.search),
        rows,
        pager: asked.pager(found.total, &address, &[]),
    })
}

// ------------------------------------------------------------------ the form

/// What was typed, or what is there.
struct Draft {
    name: String,
    description: String,
    is_default: bool,
    managers: Vec<String>,
}

impl Draft {
    fn sent(visit: &Visit) -> Draft {
        let sent = visit.form();
        Draft {
            name: sent.text("name").into(),
            description: sent.text("description").into(),
            is_default: sent.ticked("default"),
            managers: sent.all("managers"),
        }
    }
    /// The people ticked, and the teams that manage it already.
    fn managers(&self, teams: Vec<Id<ids::Team>>) -> Managers {
        Managers { people: self.managers.iter().filter_map(|text| Id::parse(text)).collect(), teams }
    }
}

fn form_view(visit: &Visit, draft: &Draft, present: Option<&Space>) -> Result<FormView> {
    let (action, submit) = match present {
        None => (base(visit), "Add the space"),
        Some(present) => (format!("{}/{}", base(visit), present.slug), "Save the space"),
    };
    let people = people_seen(visit)?;
    let mut choices: Vec<Choice> = people
        .iter()
        .filter(|user| user.state != State::Inactive || draft.managers.contains(&user.id.to_string()))
        .map(|user| Choice::new(user.id.to_string(), &user.display_name).hint(super::people::hint(user)))
        .collect();
    if let (true, Some(you)) = (people.is_empty(), visit.visitor.user()) {
        choices.push(Choice::new(you.to_string(), visit.visitor.name()).hint("you"));
    }
    for choice in &mut choices {
        choice.chosen = draft.managers.contains(&choice.value);
    }
    let mut form = FormView::new(&action, submit)
        .field(
            FieldView::text("name", "Name")
                .value(&draft.name)
                .required()
                .autofocus()
                .max_length(50)
                .help("Such as Finance. Nothing in one space refers into another."),
        )
        .field(FieldView::textarea("description", "Description").value(&draft.description).rows(3));
    // Whoever may not see people cannot choose among them: those of a space stay as they are.
    if present.is_none() || !people.is_empty() {
        form = form.field(
            FieldView::checks("managers", "Managers", choices)
                .help("They may do everything in the space. Others get their rights there from teams."),
        );
    }
    if present.is_none_or(|present| !present.is_default) {
        form = form.field(
            FieldView::checkbox("default", "The default space", draft.is_default)
                .help("What people arrive at, and what is meant where none is named. There is only one."),
        );
    }
    Ok(form.cancel(action))
}

fn refused(frame: Frame, form: FormView, error: Error) -> Result<Answer> {
    let names = [
        ("Name", "name"),
        ("Description", "description"),
        ("SpaceManagersTeamMembers", "managers"),
        ("SpaceManagersTeams", "managers"),
    ];
    form::refused(frame, form, error, &names)
}

fn new_frame(visit: &Visit) -> Frame {
    frame(visit, "Add a space").crumb("Spaces", base(visit))
}

/// The form for a new one.
pub(super) fn new(visit: &Visit) -> Result<Answer> {
    visit.visitor.ask(SpaceCreate {})?;
    let draft = Draft {
        name: String::new(),
        description: String::new(),
        is_default: false,
        managers: visit.visitor.user().map(|you| you.to_string()).into_iter().collect(),
    };
    Answer::page(&FormPage { frame: new_frame(visit), form: form_view(visit, &draft, None)? })
}

/// The form for a new one was sent.
pub(super) fn create(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.ask(SpaceCreate {})?;
    let draft = Draft::sent(visit);
    let fields = Fields {
        name: draft.name.clone(),
        description: draft.description.clone(),
        task_queue_stopped: false,
        is_default: draft.is_default,
        managers: Some(draft.managers(Vec::new())),
        ..Fields::default()
    };
    match spaces::create(&granted, fields) {
        Ok(made) => Answer::done(format!("{}/{}", base(visit), made.slug), format!("{} was added.", made.name)),
        Err(error) => refused(new_frame(visit), form_view(visit, &draft, None)?, error),
    }
}

fn edit_frame(visit: &Visit, found: &Space) -> Frame {
    frame(visit, &format!("Change {}", found.name))
        .crumb("Spaces", base(visit))
        .crumb(&found.name, format!("{}/{}", base(visit), found.slug))
}

fn present_managers(visit: &Visit, space: &Space) -> Result<Option<Managers>> {
    if !visit.visitor.may(SpaceView {}) {
        return Ok(None);
    }
    spaces::managers(&visit.visitor.ask(SpaceView {})?, space.id).map(Some)
}

/// The form for changing one.
pub(super) fn edit(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    visit.visitor.ask(SpaceEdit { space: at.clone() })?;
    let found = spaces::show(&visit.visitor, &at)?;
    let managers = present_managers(visit, &found)?.unwrap_or_default();
    let draft = Draft {
        name: found.name.clone(),
        description: found.description.clone(),
        is_default: found.is_default,
        managers: managers.people.iter().map(Id::to_string).collect(),
    };
    Answer::page(&FormPage { frame: edit_frame(visit, &found), form: form_view(visit, &draft, Some(&found))? })
}

/// The form for changing one was sent.
pub(super) fn update(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    let granted = visit.visitor.ask(SpaceEdit { space: at.clone() })?;
    let found = spaces::show(&visit.visitor, &at)?;
    let draft = Draft::sent(visit);
    let managers = match present_managers(visit, &found)? {
        Some(present) if visit.visitor.may(UserView {}) => Some(draft.managers(present.teams)),
        _ => None,
    };
    let fields = Fields {
        name: draft.name.clone(),
        description: draft.description.clone(),
        task_queue_stopped: found.task_queue_stopped,
        is_default: found.is_default || draft.is_default,
        managers,
        ..Fields::default()
    };
    let back = format!("{}/{}", base(visit), found.slug);
    let change = Change::new("What changing the managers does", "Save the space", &back);
    match guarded(visit, change, || spaces::edit(&granted, fields.clone())) {
        Ok(Checked::Shown(answer)) => Ok(answer),
        Ok(Checked::Done(saved)) => {
            Answer::done(format!("{}/{}", base(visit), saved.slug), format!("{} was saved.", saved.name))
        }
        Err(error) => refused(edit_frame(visit, &found), form_view(visit, &draft, Some(&found))?, error),
    }
}

/// Lets the tasks of a space wait.
pub(super) fn stop(visit: &Visit) -> Result<Answer> {
    queue(visit, true)
}
/// Lets the tasks of a space run again.
pub(super) fn resume(visit: &Visit) -> Result<Answer> {
    queue(visit, false)
}

fn queue(visit: &Visit, stopped: bool) -> Result<Answer> {
    let at = located(visit)?;
    let granted = visit.visitor.ask(SpaceEdit { space: at.clone() })?;
    let found = spaces::show(&visit.visitor, &at)?;
    let fields = Fields {
        name: found.name.clone(),
        description: found.description,
        task_queue_stopped: stopped,
        is_default: found.is_default,
        ..Fields::default()
    };
    let saved = spaces::edit(&granted, fields)?;
    let said = if stopped { "New tasks wait until it is resumed." } else { "Tasks run again." };
    Answer::done(format!("{}/{}", base(visit), saved.slug), said)
}

// ------------------------------------------------------------------ one space

/// One space.
pub(super) fn show(visit: &Visit) -> Result<Answer> {
    visit.visitor.ask(SpaceView {})?;
    show_page(visit, &located(visit)?, None)
}

fn show_page(visit: &Visit, at: &At<ids::Space>, problem: Option<&str>) -> Result<Answer> {
    let found = spaces::show(&visit.visitor, at)?;
    let managers = present_managers(visit, &found)?.unwrap_or_default();
    let people = people_seen(visit)?;
    let known = people.iter().filter(|user| managers.people.contains(&user.id));
    let mut names: Vec<String> = known.map(|user| user.display_name.clone()).collect();
    let hidden = managers.people.len() - names.len();
    if hidden > 0 {
        names.push(format!("{hidden} whom you may not see"));
    }
    let address = format!("{}/{}", base(visit), found.slug);
    let removal = visit.removal(SpaceDelete { space: at.clone() }, &found.name, |granted| {
        Ok(form::removal(format!("{address}/delete"), "space", &found.name, problem)
            .goes_too("Its projects with their processes and releases, and the history of their deployments.")
            .goes_too("Its environments, deployment targets, accounts, tenants and teams.")
            .obstacle(spaces::obstacle(granted)?))
    })?;
    let page = Show {
        frame: frame(visit, &found.name).crumb("Spaces", base(visit)),
        queue: visit.offer(
            SpaceEdit { space: at.clone() },
            match found.task_queue_stopped {
                true => Act::post("Resume the task queue", format!("{address}/resume")).icon("play"),
                false => Act::post("Stop the task queue", format!("{address}/stop")).icon("pause"),
            },
        ),
        change: visit
            .offer(SpaceEdit { space: at.clone() }, Act::link("Change", format!("{address}/edit")).icon("pencil")),
        enter_href: visit.path(&format!("/{}", found.slug)),
        is_default: found.is_default,
        stopped: found.task_queue_stopped,
        chip: chip(&found),
        managers: names,
        teams: match managers.teams.len() {
            0 => String::new(),
            1 => "and one team that holds the role of space manager".into(),
            more => format!("and {more} teams that hold the role of space manager"),
        },
        about: Kv::new()
            .row("Description", &found.description)
            .mono("Short name", &found.slug)
            .hint("stands in addresses")
            .mono("Id", found.id.to_string()),
        removal,
    };
    Answer::shown(&page, problem.is_some())
}

/// Deletes one; its name must have been typed.
pub(super) fn delete(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    let granted = visit.visitor.ask(SpaceDelete { space: at.clone() })?;
    let found = spaces::show(&visit.visitor, &at)?;
    form::remove(visit, &found.name, base(visit), || spaces::delete(&granted), |why| show_page(visit, &at, Some(why)))
}

//! Teams (groups): who is in them, what they let people do, to whom.

pub(super) mod emergency;
mod roles;

pub(super) use roles::{add, add_form, change, change_form, ending, pickers, remove};

use super::{
    answers::preview::{Change, Checked, guarded},
    caller::{Answer, Visit},
    form::{self, FormPage},
    list::Asked,
    page::{Act, Chip, Choice, ConfirmDelete, FieldView, FilterBar, FormView, Frame, Kv, Pager, ScopePicker, count},
    people::{CUSTOMER, access},
};
use crate::{
    base::{
        error::{Error, Result},
        ids::{Id, Team, User},
        paging::Page,
    },
    company::{
        access::{
            At, Granted, Level, TeamPart, Within,
            permissions::{TeamCreate, TeamDelete, TeamEdit, TeamView, UserView},
        },
        people,
        teams::{self, Fields, Filter},
    },
};
use askama::Template;

#[derive(Template)]
#[template(path = "teams/list.html")]
struct List {
    frame: Frame,
    recipes: Act,
    add: Act,
    filter: FilterBar,
    rows: Vec<Row>,
    pager: Pager,
}
struct Row {
    name: String,
    description: String,
    href: String,
    emergency: bool,
    space: String,
    members: String,
}
#[derive(Template)]
#[template(path = "teams/show.html")]
struct Show {
    frame: Frame,
    about: Kv,
    /// How many people and service accounts roles of Everyone reach; empty for any other team.
    reach: String,
    emergencies: Option<emergency::Part>,
    roles: Vec<RoleRow>,
    add_role: Act,
    members: Vec<MemberRow>,
    everyone: bool,
    members_form: Option<MembersForm>,
    change: Act,
    join: Act,
    removal: Option<ConfirmDelete>,
    problem: String,
}
struct RoleRow {
    name: String,
    can: String,
    beyond: String,
    place: String,
    until: String,
    ending: Option<Chip>,
    edit_href: String,
    remove_href: String,
}
struct MemberRow {
    name: String,
    note: String,
    href: String,
    remove_href: String,
}
struct MembersForm {
    action: String,
    picker: ScopePicker,
}

fn base(visit: &Visit) -> String {
    visit.path("/access/teams")
}

fn located(visit: &Visit) -> Result<At<Team>> {
    visit.visitor.locate(Within::Company, visit.parameter("team"))
}

fn whole(at: &At<Team>) -> TeamEdit {
    TeamEdit { team: TeamPart::Whole(at.clone()) }
}

/// All teams that may be seen.
pub(super) fn list(visit: &Visit) -> Result<Answer> {
    let levels = visit.visitor.ask_anywhere::<TeamView>(None)?;
    let asked = Asked::of(visit);
    let filter = Filter { partial_name: asked.search.into(), ..Filter::default() };
    let found = teams::list(&levels, &filter, asked.page())?;
    let address = base(visit);
    let rows = found.items.into_iter().map(|team| Row {
        href: format!("{address}/{}", team.id),
        emergency: team.emergency_hours.is_some(),
        members: if team.has_members() { team.members.to_string() } else { "All".into() },
        space: team.space_name.unwrap_or_else(|| "The whole company".into()),
        name: team.name,
        description: team.description,
    });
    let add = Act::link("Add a team", format!("{address}/new")).primary().icon("plus");
    let add = match level_choices(visit, "")?.is_empty() {
        true => visit.offer(TeamCreate { level: Level::System }, add),
        false => add,
    };
    Answer::page(&List {
        frame: access(visit, "Teams", "teams"),
        recipes: Act::link("Start from a recipe", visit.path("/access/recipes")).only_if(add.is_open()),
        add,
        filter: FilterBar::new(&address, "Find a team", asked.search),
        rows: rows.collect(),
        pager: asked.pager(found.total, &address, &[]),
    })
}

/// Where the visitor may make teams.
fn level_choices(visit: &Visit, chosen: &str) -> Result<Vec<Choice>> {
    let mut choices = Vec::new();
    if visit.visitor.may(TeamCreate { level: Level::System }) {
        choices
            .push(Choice::new("", "The whole company").hint("can hold roles in every space").chosen(chosen.is_empty()));
    }
    for row in visit.visitor.spaces()? {
        let space = visit.visitor.locate_space(&row.id.to_string())?;
        if visit.visitor.may(TeamCreate { level: Level::Space(space) }) {
            let id = row.id.to_string();
            choices.push(Choice::new(id.clone(), format!("Only the space {}", row.name)).chosen(id == chosen));
        }
    }
    Ok(choices)
}

fn new_view(visit: &Visit, level: &str) -> Result<FormView> {
    Ok(FormView::new(base(visit), "Add the team")
        .field(FieldView::text("name", "Name").required().autofocus().max_length(200).help("Such as: Release crew."))
        .field(FieldView::textarea("description", "Description"))
        .field(FieldView::radios("level", "Where it belongs", level_choices(visit, level)?))
        .cancel(base(visit)))
}

/// The form for a new one.
pub(super) fn new(visit: &Visit) -> Result<Answer> {
    if level_choices(visit, "")?.is_empty() {
        visit.visitor.ask(TeamCreate { level: Level::System })?;
    }
    let frame = access(visit, "Add a team", "teams").crumb("Teams", base(visit));
    Answer::page(&FormPage { frame, form: new_view(visit, "")? })
}

/// The form for a new one was sent.
pub(super) fn create(visit: &Visit) -> Result<Answer> {
    let sent = visit.form();
    let level = match sent.text("level") {
        "" => Level::System,
        space => Level::Space(visit.visitor.locate_space(space)?),
    };
    let granted = visit.visitor.ask(TeamCreate { level })?;
    let fields = Fields { name: sent.text("name").into(), description: sent.text("description").into() };
    match teams::create(&granted, fields) {
        Ok(made) => Answer::done(
            format!("{}/{}", base(visit), made.id),
            format!("{} was added. Now say who is in it and what it may do.", made.name),
        ),
        Err(error) => {
            let form = new_view(visit, sent.text("level"))?.typed(sent.typed());
            form::refused(
                access(visit, "Add a team", "teams").crumb("Teams", base(visit)),
                form,
                error,
                &[("Name", "name"), ("Description", "description")],
            )
        }
    }
}

/// One team.
pub(super) fn show(visit: &Visit) -> Result<Answer> {
    show_page(visit, &located(visit)?, "", None)
}

fn show_page(visit: &Visit, at: &At<Team>, problem: &str, removal_problem: Option<&str>) -> Result<Answer> {
    let granted = visit.visitor.ask(TeamView { team: at.clone() })?;
    let team = teams::show(&granted)?;
    let address = format!("{}/{}", base(visit), team.id);
    let may_edit = visit.visitor.may(whole(at));
    let may_join = teams::Joining::may(&visit.visitor, at);
    let members = if team.has_members() { teams::members(&granted)? } else { Vec::new() };
    let roles = teams::roles_of(&granted)?.into_iter().map(|role| {
        let words = teams::summary(&role);
        let editable = !role.is_fixed && roles::may_change(visit, at, role.space);
        let action = |rest: &str| if editable { format!("{address}/roles/{}{rest}", role.id) } else { String::new() };
        RoleRow {
            can: words.can,
            beyond: words.beyond,
            place: words.place,
            ending: roles::ending(&role),
            until: role.until.map(|until| format!("until {}", visit.clock(until))).unwrap_or_default(),
            edit_href: action("/edit"),
            remove_href: action("/delete"),
            name: role.role_name,
        }
    });
    let roles: Vec<RoleRow> = roles.collect();
    let sees_people = visit.visitor.may(UserView {});
    let members_form =
        if may_join && team.has_members() && sees_people { members_form(visit, &address, &members)? } else { None };
    let rows = members.iter().map(|member| MemberRow {
        name: member.name.clone().unwrap_or_else(|| "Somebody".into()),
        note: [
            (member.is_customer, CUSTOMER),
            (member.is_service, "service account"),
            (!member.is_service && !member.is_active, "cannot sign in"),
        ]
        .iter()
        .filter_map(|(is, words)| is.then_some(*words))
        .collect::<Vec<_>>()
        .join(" · "),
        href: if sees_people { visit.path(&format!("/access/people/{}", member.id)) } else { String::new() },
        remove_href: if may_join { format!("{address}/members/{}/delete", member.id) } else { String::new() },
    });
    let removal = |_: &Granted<'_, TeamDelete>| {
        Ok(form::removal(format!("{address}/delete"), "team", &team.name, removal_problem).goes_too(
            "Its roles: what its members may do through it they may no longer do. Who loses what is shown first.",
        ))
    };
    let removal = match team.is_own() {
        true => visit.removal(TeamDelete { team: at.clone() }, &team.name, removal)?,
        false => None,
    };
    let add_role = Act::link("Give it a role", format!("{address}/roles/new")).primary().icon("plus");
    let page = Show {
        frame: access(visit, &team.name, "teams").crumb("Teams", base(visit)),
        about: Kv::new()
            .row("Description", &team.description)
            .row("Belongs to", team.space_name.clone().unwrap_or_else(|| "The whole company".into()))
            .mono("Id", team.wire_id()),
        add_role: match may_edit || roles::may_change_somewhere(visit, at) {
            true => add_role,
            false => visit.offer(whole(at), add_role),
        },
        change: visit
            .offer(whole(at), Act::link("Change", format!("{address}/edit")).icon("pencil").only_if(team.is_own())),
        join: match may_join {
            true => Act::none(),
            false => visit.offer(whole(at), Act::link("Add people", "#members").only_if(team.has_members())),
        },
        reach: if team.has_members() { String::new() } else { reach(&granted, &team)? },
        emergencies: emergency::part(visit, at, &team)?,
        roles,
        members: rows.collect(),
        everyone: !team.has_members(),
        members_form,
        removal,
        problem: problem.to_owned(),
    };
    if problem.is_empty() && removal_problem.is_none() { Answer::page(&page) } else { Answer::refused(&page) }
}

/// Whom roles of Everyone reach, for who may see the team.
fn reach(granted: &Granted<'_, TeamView>, everyone: &teams::Team) -> Result<String> {
    let people = count(everyone.members.unsigned_abs(), "person or service account", "people and service accounts");
    let customers = match teams::customers(granted)? {
        (0, true) => " Customers' people who come later are among them.".to_owned(),
        (0, false) => " Customers' people are not among them.".to_owned(),
        (some, true) => format!(" {some} of them are customers' people."),
        (some, false) => format!(" Customers' people ({some}) are not among them."),
    };
    Ok(format!("Roles of this team reach {people}: everyone in the company, now and later.{customers}"))
}

fn members_form(visit: &Visit, address: &str, present: &[teams::Member]) -> Result<Option<MembersForm>> {
    let all = people::list(&visit.visitor.ask(UserView {})?, &people::Filter::default(), Page::ALL)?;
    let choices = all.items.into_iter().filter(|one| !present.iter().any(|member| member.id == one.id)).map(|one| {
        let hint = super::people::hint(&one);
        Choice::new(one.id.to_string(), one.display_name).hint(hint)
    });
    let choices: Vec<Choice> = choices.collect();
    let picker = ScopePicker::new("user", "People to add", choices);
    let picker = picker.help(crate::web::settings::factor_note(visit).unwrap_or_default());
    Ok((!picker.choices.is_empty()).then(|| MembersForm { action: format!("{address}/members"), picker }))
}

/// People are added.
pub(super) fn add_members(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    let granted = teams::Joining::ask(&visit.visitor, &at)?;
    let users = visit
        .form()
        .all("user")
        .iter()
        .map(|text| visit.visitor.locate::<User>(Within::Company, text).map(|user| user.id()))
        .collect::<Result<Vec<Id<User>>>>()?;
    if users.is_empty() {
        return show_page(visit, &at, "Choose at least one person to add.", None);
    }
    let back = format!("{}/{}", base(visit), at.id());
    let change = Change::new("What adding them does", "Add them", &back);
    match guarded(visit, change, || teams::add_members(&granted, &users)) {
        Ok(Checked::Shown(answer)) => Ok(answer),
        Ok(Checked::Done(())) => Answer::done(back, "The team's members were saved."),
        Err(error) => told(visit, &at, error),
    }
}

fn told(visit: &Visit, at: &At<Team>, error: Error) -> Result<Answer> {
    match error {
        Error::Conflict(sentence) => show_page(visit, at, &sentence, None),
        Error::Invalid(wrong) => show_page(visit, at, &Error::Invalid(wrong).to_string(), None),
        other => Err(other),
    }
}

/// Somebody is taken out.
pub(super) fn remove_member(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    let granted = teams::Joining::ask(&visit.visitor, &at)?;
    let user: At<User> = visit.visitor.locate(Within::Company, visit.parameter("user"))?;
    let back = format!("{}/{}", base(visit), at.id());
    let change = Change::new("What taking them out does", "Take them out", &back);
    match guarded(visit, change, || teams::remove_member(&granted, user.id())) {
        Ok(Checked::Shown(answer)) => Ok(answer),
        Ok(Checked::Done(())) => Answer::done(back, "The team's members were saved."),
        Err(error) => told(visit, &at, error),
    }
}

fn edit_view(address: &str, team: &teams::Team) -> FormView {
    FormView::new(address.to_owned(), "Save the team")
        .field(FieldView::text("name", "Name").value(&team.name).required().autofocus().max_length(200))
        .field(FieldView::textarea("description", "Description").value(&team.description))
        .cancel(address.to_owned())
}

/// The form for changing one.
pub(super) fn edit(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    visit.visitor.ask(whole(&at))?;
    let team = teams::show(&visit.visitor.ask(TeamView { team: at })?)?;
    let address = format!("{}/{}", base(visit), team.id);
    let frame = access(visit, "Change the team", "teams").crumb("Teams", base(visit)).crumb(&team.name, &address);
    Answer::page(&FormPage { frame, form: edit_view(&address, &team) })
}

/// The form for changing one was sent.
pub(super) fn update(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    let granted = visit.visitor.ask(whole(&at))?;
    let sent = visit.form();
    let address = format!("{}/{}", base(visit), at.id());
    let fields = Fields { name: sent.text("name").into(), description: sent.text("description").into() };
    match teams::edit(&granted, fields) {
        Ok(saved) => Answer::done(address, format!("{} was saved.", saved.name)),
        Err(error) => {
            let team = teams::show(&visit.visitor.ask(TeamView { team: at })?)?;
            let form = edit_view(&address, &team).typed(sent.typed());
            form::refused(
                access(visit, "Change the team", "teams").crumb("Teams", base(visit)),
                form,
                error,
                &[("Name", "name"), ("Description", "description")],
            )
        }
    }
}

/// Deletes one; its name must have been typed.
pub(super) fn delete(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    let granted = visit.visitor.ask(TeamDelete { team: at.clone() })?;
    let team = teams::show(&visit.visitor.ask(TeamView { team: at.clone() })?)?;
    let back = format!("{}/{}", base(visit), at.id());
    let change = Change::new("What removing the team does", "Remove the team", &back);
    form::remove_by(
        visit,
        &team.name,
        base(visit),
        || guarded(visit, change, || teams::delete(&granted)),
        |why| show_page(visit, &at, "", Some(why)),
    )
}

//! User roles changed: made, copied, edited with a box for each permission, put back, deleted.

use super::{base, located, scopes};
use crate::{
    base::error::{Error, Result},
    company::{
        access::permissions::{Info, UserRoleEdit, UserRoleView, in_roles},
        teams::{self, RoleFields, RolePermissions, UserRole},
    },
    http::call::Form as Sent,
    web::{
        answers::preview::{Change, Checked, guarded},
        caller::{Answer, Visit},
        form::{self, FormPage, refuse},
        page::{FieldView, FormView, Frame, count},
        people::access,
    },
};
use askama::Template;

#[derive(Template)]
#[template(path = "roles/edit.html")]
struct EditPage {
    frame: Frame,
    form: FormView,
    /// Whom a change reaches at once; empty when nobody holds the role.
    reach: String,
    /// Everybody holds it.
    everyone: bool,
    /// How many permissions are marked as new; empty for none.
    offered: String,
    levels: Vec<Level>,
}
struct Level {
    title: &'static str,
    name: &'static str,
    error: String,
    chosen: usize,
    total: usize,
    groups: Vec<Group>,
}
struct Group {
    name: String,
    boxes: Vec<TickBox>,
}
struct TickBox {
    name: &'static str,
    meaning: &'static str,
    scopes: String,
    checked: bool,
    is_new: bool,
}

const NAMES: [(&str, &str); 4] = [
    ("Name", "name"),
    ("Description", "description"),
    ("GrantedSystemPermissions", "system"),
    ("GrantedSpacePermissions", "space"),
];

fn sent_fields(sent: &Sent) -> RoleFields {
    RoleFields {
        name: sent.text("name").into(),
        description: sent.text("description").into(),
        system: sent.all("system"),
        space: sent.all("space"),
    }
}

fn levels(visit: &Visit, fields: &RoleFields, offered: &[&'static Info], error: Option<&Error>) -> Vec<Level> {
    let operators = visit.company().is_operators();
    let level = |title, name, chosen: &[String], wire: &str, fits: fn(&Info) -> bool| {
        let infos: Vec<&'static Info> = in_roles(operators).filter(|info| fits(info)).collect();
        let ticked = |info: &Info| chosen.iter().any(|name| name.eq_ignore_ascii_case(info.name));
        let groups = RolePermissions::grouped(&infos).into_iter().map(|(name, members)| Group {
            name,
            boxes: members
                .into_iter()
                .map(|info| TickBox {
                    name: info.name,
                    meaning: info.meaning,
                    scopes: scopes(info),
                    checked: ticked(info),
                    is_new: offered.iter().any(|new| new.key == info.key),
                })
                .collect(),
        });
        let error = match error {
            Some(Error::Invalid(wrong)) => wrong.of(wire).unwrap_or_default().to_owned(),
            _ => String::new(),
        };
        Level {
            title,
            name,
            error,
            chosen: infos.iter().filter(|info| ticked(info)).count(),
            total: infos.len(),
            groups: groups.collect(),
        }
    };
    vec![
        level("In the space it is held in", "space", &fields.space, "GrantedSpacePermissions", Info::in_space),
        level("In the company as a whole", "system", &fields.system, "GrantedSystemPermissions", Info::at_system),
    ]
}

/// The form, for a new role or for one that is there.
fn draw(visit: &Visit, role: Option<&UserRole>, fields: &RoleFields, error: Option<Error>) -> Result<Answer> {
    let back = role.map_or_else(|| base(visit), |role| format!("{}/{}", base(visit), role.id));
    let action = back.clone();
    let (title, submit) =
        if role.is_some() { ("Change the role", "Save the role") } else { ("Add a role", "Add the role") };
    let mut name = FieldView::text("name", "Name").value(&fields.name).required().max_length(200);
    if role.is_some_and(|role| role.builtin.is_some()) {
        name = name.help("It is built in and keeps its name.");
    } else {
        name = name.autofocus();
    }
    let mut form = FormView::new(action, submit)
        .field(name)
        .field(FieldView::textarea("description", "Description").value(&fields.description).rows(2))
        .cancel(back.clone());
    let offered: &[&'static Info] = role.map_or(&[], |role| &role.offered);
    if let Some(note) = crate::web::settings::factor_note(visit) {
        form = form.field(FieldView::section("Second factor", note));
    }
    let levels = levels(visit, fields, offered, error.as_ref());
    let refused = error.is_some();
    match error {
        Some(Error::Denied(denied)) if denied.permission != "UserRoleEdit" => {
            let place = if denied.place.is_empty() { String::new() } else { format!(" for {}", denied.place) };
            form = form.problem(format!(
                "Teams hold this role, and you do not hold {}{place} yourself: {}. Leave it out, or ask somebody who holds it.",
                denied.permission, denied.reason
            ));
        }
        Some(error) => form = refuse(form, error, &NAMES)?,
        None => {}
    }
    let mut frame = access(visit, title, "roles").crumb("User roles", base(visit));
    let (mut reach, mut everyone) = (String::new(), false);
    if let Some(role) = role {
        frame = frame.crumb(&role.name, back);
        let used = teams::uses_of(&visit.visitor.ask(UserRoleView {})?, &located(visit)?)?;
        everyone = used.everyone;
        if role.teams > 0 {
            let teams = count(role.teams.unsigned_abs(), "team", "teams");
            let people = count(used.people.unsigned_abs(), "person or service account", "people and service accounts");
            reach = format!(
                "{teams} with {people} hold this role. What you save here holds for them from their next request on."
            );
        }
    }
    let page = EditPage {
        frame,
        form,
        reach,
        everyone,
        offered: if offered.is_empty() {
            String::new()
        } else {
            count(offered.len() as u64, "permission", "permissions")
        },
        levels,
    };
    Answer::shown(&page, refused)
}

fn shown(visit: &Visit) -> Result<UserRole> {
    teams::show_role(&visit.visitor.ask(UserRoleView {})?, &located(visit)?)
}

/// The form for a new one.
pub(in crate::web) fn new(visit: &Visit) -> Result<Answer> {
    visit.visitor.ask(UserRoleEdit {})?;
    draw(visit, None, &RoleFields::default(), None)
}

/// The form for a new one was sent.
pub(in crate::web) fn create(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.ask(UserRoleEdit {})?;
    let fields = sent_fields(&visit.form());
    match teams::create_role(&granted, &fields) {
        Ok(made) => Answer::done(
            format!("{}/{}", base(visit), made.id),
            format!("{} was added. It allows nothing before a team holds it.", made.name),
        ),
        Err(error @ (Error::Invalid(_) | Error::Conflict(_))) => draw(visit, None, &fields, Some(error)),
        Err(error) => Err(error),
    }
}

/// The form for changing one.
pub(in crate::web) fn edit(visit: &Visit) -> Result<Answer> {
    visit.visitor.ask(UserRoleEdit {})?;
    let role = shown(visit)?;
    draw(visit, Some(&role), &RoleFields::of(&role, &role.name), None)
}

/// The form for changing one was sent.
pub(in crate::web) fn update(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.ask(UserRoleEdit {})?;
    let at = located(visit)?;
    let fields = sent_fields(&visit.form());
    let back = format!("{}/{}", base(visit), at.id());
    let change = Change::new("What saving the role does", "Save the role", &back);
    match guarded(visit, change, || teams::edit_role(&granted, &at, &fields)) {
        Ok(Checked::Shown(answer)) => Ok(answer),
        Ok(Checked::Done(saved)) => Answer::done(back, format!("{} was saved.", saved.name)),
        Err(error @ (Error::Invalid(_) | Error::Conflict(_) | Error::Denied(_))) => {
            draw(visit, Some(&shown(visit)?), &fields, Some(error))
        }
        Err(error) => Err(error),
    }
}

fn copy_page(visit: &Visit, role: &UserRole) -> (Frame, FormView) {
    let back = format!("{}/{}", base(visit), role.id);
    let form = FormView::new(format!("{back}/clone"), "Clone the role")
        .field(
            FieldView::text("name", "Name of the new role")
                .value(format!("{} (copy)", role.name))
                .required()
                .autofocus()
                .max_length(200)
                .help("It begins with the same permissions and belongs to no team yet."),
        )
        .cancel(back.clone());
    let frame = access(visit, "Clone the role", "roles").crumb("User roles", base(visit)).crumb(&role.name, back);
    (frame, form)
}

/// The form for a copy.
pub(in crate::web) fn copy(visit: &Visit) -> Result<Answer> {
    visit.visitor.ask(UserRoleEdit {})?;
    let (frame, form) = copy_page(visit, &shown(visit)?);
    Answer::page(&FormPage { frame, form })
}

/// The form for a copy was sent.
pub(in crate::web) fn make_copy(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.ask(UserRoleEdit {})?;
    let sent = visit.form();
    match teams::clone_role(&granted, &located(visit)?, sent.text("name")) {
        Ok(made) => Answer::done(format!("{}/{}/edit", base(visit), made.id), format!("{} was added.", made.name)),
        Err(error) => {
            let (frame, form) = copy_page(visit, &shown(visit)?);
            form::refused(frame, form.typed(sent.typed()), error, &NAMES)
        }
    }
}

/// Puts a built-in one back to its default.
pub(in crate::web) fn reset(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.ask(UserRoleEdit {})?;
    let at = located(visit)?;
    let back = format!("{}/{}", base(visit), at.id());
    let change = Change::new("What resetting the role does", "Put it back to its default", &back);
    match guarded(visit, change, || teams::reset_role(&granted, &at)) {
        Ok(Checked::Shown(answer)) => Ok(answer),
        Ok(Checked::Done(role)) => Answer::done(back, format!("{} holds again what it came with.", role.name)),
        Err(Error::Conflict(sentence)) => super::show_page(visit, &sentence, None),
        Err(error) => Err(error),
    }
}

/// Deletes one; its name must have been typed.
pub(in crate::web) fn delete(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.ask(UserRoleEdit {})?;
    let role = shown(visit)?;
    let at = located(visit)?;
    let back = format!("{}/{}", base(visit), at.id());
    let change = Change::new("What removing the role does", "Remove the role", &back);
    form::remove_by(
        visit,
        &role.name,
        base(visit),
        || guarded(visit, change, || teams::delete_role(&granted, &at)),
        |why| super::show_page(visit, "", Some(why)),
    )
}

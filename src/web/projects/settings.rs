//! Making a project, changing its settings, removing it.

use super::{Of, base, groups, of};
use crate::{
    base::{
        error::{Error, Result},
        ids,
        paging::Page,
    },
    company::{
        access::{
            At,
            permissions::{
                LifecycleView, List as Listing, ProjectCreate, ProjectDelete, ProjectEdit, ProjectGroupView,
            },
        },
        lifecycles::{self, Lifecycle},
        projects::{self, Fields, TenantedMode, groups as group_commands, groups::Group},
    },
    web::{
        caller::{Answer, Visit},
        form::{self, FormPage, refuse},
        page::{Choice, ConfirmDelete, FieldView, FormView, Frame},
        start,
    },
};
use askama::Template;

#[derive(Template)]
#[template(path = "projects/settings.html")]
struct Settings {
    frame: Frame,
    form: Option<FormView>,
    removal: Option<ConfirmDelete>,
}

const NAMES: &[(&str, &str)] = &[
    ("Name", "name"),
    ("Description", "description"),
    ("ProjectGroupId", "group"),
    ("LifecycleId", "lifecycle"),
    ("TenantedDeploymentMode", "tenanted"),
];

fn lifecycles_of(visit: &Visit, space: &At<ids::Space>) -> Result<Vec<Lifecycle>> {
    if !visit.visitor.may_somewhere::<LifecycleView>(space) {
        return Ok(Vec::new());
    }
    let granted = visit.visitor.ask(Listing::<LifecycleView>::of(space))?;
    Ok(lifecycles::list(&granted, &lifecycles::Filter::default(), Page::ALL)?.items)
}

/// The groups that the visitor may put a project into, and the one it is in.
fn open_groups(
    visit: &Visit,
    space: &At<ids::Space>,
    present: Option<ids::Id<ids::ProjectGroup>>,
) -> Result<Vec<Group>> {
    let mut found = groups(visit, space)?;
    let mut keep = Vec::new();
    for group in found.drain(..) {
        let at: At<ids::ProjectGroup> = visit.visitor.locate(space, &group.id.to_string())?;
        if Some(group.id) == present || visit.visitor.may(ProjectCreate { group: at }) {
            keep.push(group);
        }
    }
    Ok(keep)
}

fn modes(chosen: TenantedMode) -> Vec<Choice> {
    let choice =
        |mode: TenantedMode, label: &str, hint: &str| Choice::new(mode.word(), label).hint(hint).chosen(mode == chosen);
    vec![
        choice(TenantedMode::Untenanted, "Never", "One installation in each environment."),
        choice(TenantedMode::TenantedOrUntenanted, "For a tenant or without one", "Said for each deployment."),
        choice(TenantedMode::Tenanted, "Always for a tenant", "Each customer has an installation of its own."),
    ]
}

/// The fields of both forms. `present`: the project as it is.
fn form_view(visit: &Visit, action: &str, submit: &str, fields: &Fields, present: Option<&Of>) -> Result<FormView> {
    let space = visit.space()?;
    let group = present.map(|of| of.project.group);
    let open = open_groups(visit, &space, group)?;
    let known = lifecycles_of(visit, &space)?;
    let mut name = FieldView::text("name", "Name")
        .value(&fields.name)
        .required()
        .max_length(200)
        .help("What people call the software, such as Shop or Billing service.");
    if present.is_none() {
        name = name.autofocus();
    }
    let about = FieldView::textarea("description", "Description").value(&fields.description).rows(3).max_length(2000);
    let mut form = FormView::new(action, submit).field(name).field(about);
    let is_empty = open.is_empty();
    if !is_empty {
        let only = open.len() == 1;
        let choices = open.into_iter().map(|one| {
            let chosen = group.map_or(only, |group| group == one.id);
            Choice::new(one.id.to_string(), one.name).chosen(chosen)
        });
        let mut choices: Vec<Choice> = choices.collect();
        if present.is_none()
            && !only
            && let Some(first) = choices.first_mut()
        {
            first.chosen = true;
        }
        let help = match present {
            Some(_) => "Moving it changes who may see and deploy it: rights can be limited to groups.",
            None => "Projects that belong together. Rights can be limited to a group.",
        };
        form = form.field(FieldView::select("group", "Project group", choices).required().help(help));
    }
    if !known.is_empty() {
        let chosen = |one: &Lifecycle| fields.lifecycle.map_or(one.is_default, |id| id == one.id);
        let choices = known.iter().map(|one| Choice::new(one.id.to_string(), &one.name).chosen(chosen(one))).collect();
        form = form.field(
            FieldView::select("lifecycle", "Lifecycle", choices)
                .required()
                .help("In which order its releases go through the environments."),
        );
    }
    form = form.field(FieldView::radios("tenanted", "Deployed for tenants", modes(fields.tenanted)).required());
    if present.is_some() {
        form = form.field(
            FieldView::checkbox(
                "no_targets",
                "Allow deployments to no targets",
                fields.allows_no_targets.unwrap_or_default(),
            )
            .help("Otherwise a deployment fails when none of the steps that need a deployment target has one."),
        );
        form = form.field(
            FieldView::checkbox("disabled", "Disabled", fields.is_disabled)
                .help("It takes no new releases and no new deployments. What runs goes on running."),
        );
    }
    if is_empty && present.is_none() {
        form = form
            .problem("There is no project group that you may add a project to. Ask an administrator of this space.");
    }
    Ok(form)
}

/// What was typed. A lifecycle that cannot be read is an error beside its field.
fn typed(visit: &Visit) -> Result<Fields> {
    let sent = visit.form();
    let lifecycle = match sent.text("lifecycle") {
        "" => None,
        text => {
            Some(ids::Id::parse(text).ok_or_else(|| Error::invalid("LifecycleId", "Choose one of the lifecycles."))?)
        }
    };
    let tenanted = match sent.text("tenanted") {
        "" => TenantedMode::default(),
        text => TenantedMode::parse(text)
            .ok_or_else(|| Error::invalid("TenantedDeploymentMode", "Choose one of the three."))?,
    };
    Ok(Fields {
        name: sent.text("name").into(),
        description: sent.text("description").into(),
        lifecycle,
        is_disabled: sent.ticked("disabled"),
        tenanted,
        allows_no_targets: Some(sent.ticked("no_targets")),
        ..Fields::default()
    })
}

/// The group that was chosen.
fn group(visit: &Visit) -> Result<At<ids::ProjectGroup>> {
    let sent = visit.form();
    let text = sent.text("group");
    let wrong = || Error::invalid("ProjectGroupId", "Choose the project group it belongs to.");
    if text.is_empty() {
        return Err(wrong());
    }
    let at: At<ids::ProjectGroup> = match visit.visitor.named(&visit.space()?, text) {
        Err(Error::NotFound(_)) => return Err(wrong()),
        found => found?,
    };
    if visit.visitor.may(ProjectGroupView { group: at.clone() }) { Ok(at) } else { Err(wrong()) }
}

/// The form for a new one.
pub(in crate::web) fn new(visit: &Visit) -> Result<Answer> {
    visit.visitor.ask(Listing::<ProjectCreate>::of(&visit.space()?))?;
    let mut form = new_form(visit, &Fields::default())?;
    if let Some(text) = visit.call.asked("group")
        && let Some(field) = form.fields.iter_mut().find(|field| field.name == "group")
        && field.choices.iter().any(|choice| choice.value == text)
    {
        *field = field.clone().value(text);
    }
    Answer::page(&FormPage { frame: new_frame(visit), form })
}

fn new_frame(visit: &Visit) -> Frame {
    visit.frame("projects", "Add a project").crumb("Projects", base(visit))
}

fn new_form(visit: &Visit, fields: &Fields) -> Result<FormView> {
    let action = start::through(visit, base(visit));
    Ok(form_view(visit, &action, "Add the project", fields, None)?.cancel(base(visit)))
}

/// The form for a new one was sent.
pub(in crate::web) fn create(visit: &Visit) -> Result<Answer> {
    let space = visit.space()?;
    visit.visitor.ask(Listing::<ProjectCreate>::of(&space))?;
    let made = typed(visit).and_then(|fields| {
        let group = group(visit)?;
        projects::create(&visit.visitor.ask(ProjectCreate { group })?, fields)
    });
    match made {
        Ok(made) => start::done(
            visit,
            format!("{}/{}", base(visit), made.slug),
            format!("{} was added. Next: say what a deployment of it does.", made.name),
        ),
        Err(error) => {
            let form = new_form(visit, &Fields::default())?.typed(visit.form().typed());
            form::refused(new_frame(visit), form, error, NAMES)
        }
    }
}

/// The settings of one.
pub(in crate::web) fn settings(visit: &Visit) -> Result<Answer> {
    let of = of(visit)?;
    if !visit.visitor.may(ProjectDelete { project: of.at.clone() }) {
        visit.visitor.ask(ProjectEdit { project: of.at.clone() })?;
    }
    let form = present_form(visit, &of)?;
    Answer::page(&page(visit, &of, form, None)?)
}

fn present_form(visit: &Visit, of: &Of) -> Result<Option<FormView>> {
    if !visit.visitor.may(ProjectEdit { project: of.at.clone() }) {
        return Ok(None);
    }
    let action = of.page("settings");
    form_view(visit, &action, "Save the settings", &Fields::from(&of.project), Some(of)).map(Some)
}

fn page(visit: &Visit, of: &Of, form: Option<FormView>, problem: Option<&str>) -> Result<Settings> {
    let removal = visit.removal(ProjectDelete { project: of.at.clone() }, &of.project.name, |granted| {
        Ok(form::removal(of.page("delete"), "project", &of.project.name, problem)
            .goes_too("Its process, its channels, its runbooks and all its releases.")
            .goes_too("All its deployments and runs with their tasks and logs. What was deployed goes on running where it is.")
            .obstacle(projects::obstacle(granted)?))
    })?;
    Ok(Settings { frame: of.frame(visit, "Settings", "settings"), form, removal })
}

/// The settings were sent.
pub(in crate::web) fn update(visit: &Visit) -> Result<Answer> {
    let of = of(visit)?;
    let granted = visit.visitor.ask(ProjectEdit { project: of.at.clone() })?;
    let saved = typed(visit).and_then(|fields| {
        let into = match visit.form().text("group") {
            "" => None,
            _ => Some(group(visit)?).filter(|group| group.id() != of.project.group),
        };
        let into = into.map(|group| visit.visitor.ask(ProjectCreate { group })).transpose()?;
        projects::edit(&granted, into.as_ref(), fields)
    });
    match saved {
        Ok(saved) => {
            let moved = saved.group != of.project.group;
            let say = match (moved, group_name(visit, &saved)) {
                (true, Some(group)) => format!("{} was saved and moved to {group}.", saved.name),
                _ => format!("{} was saved.", saved.name),
            };
            Answer::done(of.page("settings"), say)
        }
        Err(error) => {
            let form = form_view(visit, &of.page("settings"), "Save the settings", &Fields::default(), Some(&of))?;
            let form = refuse(form.typed(visit.form().typed()), error, NAMES)?;
            Answer::refused(&page(visit, &of, Some(form), None)?)
        }
    }
}

fn group_name(visit: &Visit, project: &projects::Project) -> Option<String> {
    let space = visit.space().ok()?;
    let group: At<ids::ProjectGroup> = visit.visitor.locate(&space, &project.group.to_string()).ok()?;
    if !visit.visitor.may(ProjectGroupView { group: group.clone() }) {
        return None;
    }
    let granted = visit.visitor.ask(ProjectGroupView { group }).ok()?;
    group_commands::show(&granted).ok().map(|group| group.name)
}

/// Deletes one; its name must have been typed.
pub(in crate::web) fn delete(visit: &Visit) -> Result<Answer> {
    let of = of(visit)?;
    let granted = visit.visitor.ask(ProjectDelete { project: of.at.clone() })?;
    let again = |problem: &str| Answer::refused(&page(visit, &of, present_form(visit, &of)?, Some(problem))?);
    form::remove(visit, &of.project.name, base(visit), || projects::delete(&granted), again)
}

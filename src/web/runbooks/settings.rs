//! Making a runbook, changing its settings, deleting it.

use super::{Of, of};
use crate::{
    base::{
        error::{Error, Result},
        ids::{Environment, Id},
    },
    company::{
        access::{RunbookPart, permissions::RunbookEdit},
        projects::TenantedMode,
        runbooks::{self, EnvironmentScope, Fields},
    },
    web::{
        caller::{Answer, Visit},
        form::{self, FormPage, refuse, removal},
        page::{Choice, ConfirmDelete, FieldView, FormView, Frame},
        projects,
        seen::environments_here,
    },
};
use askama::Template;

#[derive(Template)]
#[template(path = "runbooks/edit.html")]
struct Edit {
    frame: Frame,
    form: FormView,
    removal: ConfirmDelete,
}

const NAMES: &[(&str, &str)] = &[
    ("Name", "name"),
    ("Description", "description"),
    ("MultiTenancyMode", "tenanted"),
    ("EnvironmentScope", "scope"),
    ("Environments", "environments"),
];

fn form(visit: &Visit, action: String, submit: &str, fields: &Fields, is_new: bool) -> Result<FormView> {
    let mut name = FieldView::text("name", "Name").value(&fields.name).required().max_length(200);
    name = name.help("What it does, as an order: Restart the shop, Renew the certificate.");
    let mode = |mode: TenantedMode, label: &str, hint: &str| {
        Choice::new(mode.word(), label).hint(hint).chosen(mode == fields.tenanted)
    };
    let scope = |scope: EnvironmentScope, label: &str, hint: &str| {
        Choice::new(scope.word(), label).hint(hint).chosen(scope == fields.environment_scope)
    };
    let places = environments_here(visit)?.into_iter().map(|one| {
        let id = one.id.to_string();
        Choice::new(id, one.name).chosen(fields.environments.contains(&one.id))
    });
    Ok(FormView::new(action, submit)
        .field(if is_new { name.autofocus() } else { name })
        .field(
            FieldView::textarea("description", "Description")
                .value(&fields.description)
                .rows(3)
                .max_length(2000)
                .help("When to run it, and what to look at afterwards."),
        )
        .field(
            FieldView::radios(
                "tenanted",
                "Run for tenants",
                vec![
                    mode(TenantedMode::Untenanted, "Never", "It runs once in an environment."),
                    mode(TenantedMode::TenantedOrUntenanted, "For a tenant or without one", "Said for each run."),
                    mode(
                        TenantedMode::Tenanted,
                        "Always for a tenant",
                        "Only for tenants that are connected to the project.",
                    ),
                ],
            )
            .required(),
        )
        .field(
            FieldView::radios(
                "scope",
                "Where it may run",
                vec![
                    scope(
                        EnvironmentScope::FromProjectLifecycles,
                        "In the environments of the project's lifecycle",
                        "",
                    ),
                    scope(EnvironmentScope::All, "In all environments", "Also those added later."),
                    scope(EnvironmentScope::Specified, "Only in those ticked here", ""),
                ],
            )
            .required(),
        )
        .field(FieldView::checks("environments", "Environments", places.collect())))
}

/// What was sent. Environments that the form does not show are kept.
fn sent(visit: &Visit, before: &[Id<Environment>]) -> Result<Fields> {
    let sent = visit.form();
    let shown = environments_here(visit)?;
    let mut environments: Vec<Id<Environment>> =
        sent.all("environments").iter().filter_map(|id| Id::parse(id)).collect();
    if let Some(strange) = environments.iter().find(|id| !shown.iter().any(|one| one.id == **id)) {
        return Err(Error::invalid("Environments", format!("There is no environment {strange} in this space.")));
    }
    environments.extend(before.iter().filter(|id| !shown.iter().any(|one| one.id == **id)));
    Ok(Fields {
        name: sent.text("name").into(),
        description: sent.text("description").replace("\r\n", "\n"),
        tenanted: TenantedMode::parse(sent.text("tenanted"))
            .ok_or_else(|| Error::invalid("MultiTenancyMode", "Choose whether it is run for tenants."))?,
        environment_scope: EnvironmentScope::parse(sent.text("scope"))
            .ok_or_else(|| Error::invalid("EnvironmentScope", "Choose where it may run."))?,
        environments,
        ..Fields::default()
    })
}

fn new_page(visit: &Visit, project: &projects::Of, form: FormView) -> FormPage {
    let frame = project.frame(visit, "Add a runbook", "runbooks").crumb("Runbooks", project.page("runbooks"));
    FormPage { frame, form: form.cancel(project.page("runbooks")) }
}

/// The form for a new one.
pub(in crate::web) fn new(visit: &Visit) -> Result<Answer> {
    let project = projects::of(visit)?;
    visit.visitor.ask(RunbookEdit { runbook: RunbookPart::New(project.at.clone()) })?;
    // A project that is deployed for tenants has runbooks for them.
    let fields = Fields { tenanted: project.project.tenanted, ..Fields::default() };
    let form = form(visit, project.page("runbooks"), "Add the runbook", &fields, true)?;
    Answer::page(&new_page(visit, &project, form))
}

/// The form for a new one was sent.
pub(in crate::web) fn create(visit: &Visit) -> Result<Answer> {
    let project = projects::of(visit)?;
    let granted = visit.visitor.ask(RunbookEdit { runbook: RunbookPart::New(project.at.clone()) })?;
    match sent(visit, &[]).and_then(|fields| runbooks::create(&granted, fields)) {
        Ok(made) => {
            let address = project.page(&format!("runbooks/{}/process", made.slug));
            Answer::done(address, format!("{} was added. Say what it does, then publish it.", made.name))
        }
        Err(error) => {
            let form = form(visit, project.page("runbooks"), "Add the runbook", &Fields::default(), true)?;
            let form = refuse(form.typed(visit.form().typed()), error, NAMES)?;
            Answer::refused(&new_page(visit, &project, form))
        }
    }
}

fn edit_page(visit: &Visit, project: &projects::Of, of: &Of, form: FormView, problem: Option<&str>) -> Result<Edit> {
    let granted = visit.visitor.ask(RunbookEdit { runbook: of.part() })?;
    let removal = removal(of.page("delete"), "runbook", &of.runbook.name, problem)
        .goes_too("Its process, its snapshots, its runs and their logs. The trail keeps what was done.")
        .obstacle(runbooks::obstacle(&granted)?)
        .cancel(of.address.clone());
    Ok(Edit { frame: of.frame(visit, project, "Settings"), form: form.cancel(of.address.clone()), removal })
}

/// The form for changing one.
pub(in crate::web) fn edit(visit: &Visit) -> Result<Answer> {
    let project = projects::of(visit)?;
    let of = of(visit, &project)?;
    visit.visitor.ask(RunbookEdit { runbook: of.part() })?;
    let form = form(visit, of.address.clone(), "Save the runbook", &Fields::from(&of.runbook), false)?;
    Answer::page(&edit_page(visit, &project, &of, form, None)?)
}

/// The form for changing one was sent.
pub(in crate::web) fn update(visit: &Visit) -> Result<Answer> {
    let project = projects::of(visit)?;
    let of = of(visit, &project)?;
    let granted = visit.visitor.ask(RunbookEdit { runbook: of.part() })?;
    match sent(visit, &of.runbook.environments).and_then(|fields| runbooks::edit(&granted, fields)) {
        Ok(saved) => Answer::done(of.address.clone(), format!("{} was saved.", saved.name)),
        Err(error) => {
            let form = form(visit, of.address.clone(), "Save the runbook", &Fields::from(&of.runbook), false)?;
            let form = refuse(form.typed(visit.form().typed()), error, NAMES)?;
            Answer::refused(&edit_page(visit, &project, &of, form, None)?)
        }
    }
}

/// Deletes one; its name must have been typed.
pub(in crate::web) fn delete(visit: &Visit) -> Result<Answer> {
    let project = projects::of(visit)?;
    let of = of(visit, &project)?;
    let granted = visit.visitor.ask(RunbookEdit { runbook: of.part() })?;
    let again = |problem: &str| {
        let form = form(visit, of.address.clone(), "Save the runbook", &Fields::from(&of.runbook), false)?;
        Answer::refused(&edit_page(visit, &project, &of, form, Some(problem))?)
    };
    form::remove(visit, &of.runbook.name, project.page("runbooks"), || runbooks::delete(&granted), again)
}

//! Making a release, changing its notes, removing it.

use super::{Shown, Which, channels_of, show_page, which};
use crate::{
    base::error::{Error, Result},
    base::ids,
    company::{
        access::{
            At,
            permissions::{ProcessView, ReleaseCreate, ReleaseDelete, ReleaseEdit},
        },
        projects::process,
        releases::{self, Fields},
    },
    web::{
        caller::{Answer, Visit},
        form::refuse,
        page::{Choice, FieldView, FormView, Frame, Kind, Message},
        process::{StepView, step_views},
        projects::{Of, of},
        start,
    },
};
use askama::Template;

#[derive(Template)]
#[template(path = "releases/new.html")]
struct New {
    frame: Frame,
    form: FormView,
    /// Why none can be made now.
    obstacle: Option<Message>,
    steps: Vec<StepView>,
}
#[derive(Template)]
#[template(path = "releases/edit.html")]
struct Edit {
    frame: Frame,
    form: FormView,
}

const NAMES: &[(&str, &str)] = &[("ReleaseVersion", "version"), ("ChannelName", "channel"), ("ReleaseNotes", "notes")];

fn notes_field(notes: &str) -> FieldView {
    FieldView::textarea("notes", "Notes")
        .value(notes)
        .rows(8)
        .max_length(100_000)
        .help("What is in it, for the people who deploy it and those who get it.")
}

fn new_form(visit: &Visit, of: &Of, suggested: &str) -> Result<FormView> {
    let mut form = FormView::new(start::through(visit, of.page("releases")), "Create the release").field(
        FieldView::text("version", "Version")
            .value(suggested)
            .required()
            .autofocus()
            .mono()
            .short()
            .max_length(100)
            .help("The one after the highest is suggested. Any version will do, such as 2.0.0 or 2026.3.1-beta.2."),
    );
    let channels = channels_of(visit, of)?;
    if channels.len() > 1 {
        let choices = channels.iter().map(|one| Choice::new(one.id.to_string(), &one.name).chosen(one.is_default));
        form = form.field(FieldView::select("channel", "Channel", choices.collect()).required());
    }
    Ok(form.field(notes_field("")).cancel(of.page("releases")))
}

fn new_page(visit: &Visit, of: &Of, form: FormView) -> Result<New> {
    let ask = ProcessView { project: of.at.clone() };
    let steps =
        if visit.visitor.may(ask.clone()) { Some(process::show(&visit.visitor.ask(ask)?)?.steps) } else { None };
    let obstacle = if of.project.is_disabled {
        let text =
            format!("{} is disabled and takes no new releases. Enable it in its settings first.", of.project.name);
        Some(Message::new(Kind::Warning, text).link("Settings", of.page("settings")))
    } else if steps.as_ref().is_some_and(|steps| steps.iter().all(|step| step.actions.iter().all(|a| a.is_disabled))) {
        let text =
            format!("{} has no steps to run, so there is nothing to release. Add a step first.", of.project.name);
        Some(Message::new(Kind::Warning, text).link("Process", of.page("process")))
    } else {
        None
    };
    Ok(New {
        frame: of.frame(visit, "Create a release", "releases").crumb("Releases", of.page("releases")),
        form,
        obstacle,
        steps: step_views(visit, &steps.unwrap_or_default())?,
    })
}

/// The form for a new one.
pub(in crate::web) fn new(visit: &Visit) -> Result<Answer> {
    let of = of(visit)?;
    let suggested = releases::next_version(&visit.visitor.ask(ReleaseCreate { project: of.at.clone() })?, None)?;
    let form = new_form(visit, &of, &suggested)?;
    Answer::page(&new_page(visit, &of, form)?)
}

/// The form for a new one was sent.
pub(in crate::web) fn create(visit: &Visit) -> Result<Answer> {
    let of = of(visit)?;
    let granted = visit.visitor.ask(ReleaseCreate { project: of.at.clone() })?;
    let sent = visit.form();
    let version = sent.text("version").trim();
    let fields = Fields {
        version: Some(version.into()),
        channel: Some(sent.text("channel").into()),
        notes: sent.text("notes").into(),
        ..Fields::default()
    };
    let made = if version.is_empty() {
        Err(Error::invalid("ReleaseVersion", "Give a version such as 1.2.0 or 2026.3.1-beta.2."))
    } else {
        releases::create(&granted, fields)
    };
    match made {
        Ok(made) => {
            let say = format!("{} {} was created.", of.project.name, made.version);
            start::done(visit, of.release(&made.version), say)
        }
        Err(error) => {
            // A version that is taken is a conflict to programs; here it stands beside its field.
            let taken = visit.visitor.locate::<ids::Release>(&of.at, version).is_ok();
            let error = match error {
                Error::Conflict(sentence) if taken => Error::invalid("ReleaseVersion", sentence),
                error => error,
            };
            let form = new_form(visit, &of, "")?.typed(visit.form().typed());
            Answer::refused(&new_page(visit, &of, refuse(form, error, NAMES)?)?)
        }
    }
}

fn edit_page(visit: &Visit, which: &Which, form: FormView) -> Edit {
    let frame = which.of.frame(visit, &format!("Change the notes of {}", which.release.version), "releases");
    let frame = frame.crumb("Releases", which.of.page("releases")).crumb(&which.release.version, &which.address);
    Edit { frame, form }
}

fn edit_form(which: &Which, notes: &str) -> FormView {
    FormView::new(&which.address, "Save the notes").field(notes_field(notes).autofocus()).cancel(&which.address)
}

/// The form for changing its notes.
pub(in crate::web) fn edit(visit: &Visit) -> Result<Answer> {
    let which = which(visit)?;
    visit.visitor.ask(ReleaseEdit { release: which.at.clone() })?;
    let form = edit_form(&which, &which.release.notes);
    Answer::page(&edit_page(visit, &which, form))
}

/// The notes were sent.
pub(in crate::web) fn update(visit: &Visit) -> Result<Answer> {
    let which = which(visit)?;
    let granted = visit.visitor.ask(ReleaseEdit { release: which.at.clone() })?;
    let sent = visit.form();
    match releases::edit(&granted, sent.text("notes")) {
        Ok(saved) => Answer::done(&which.address, format!("The notes of {} were saved.", saved.version)),
        Err(error) => {
            let form = refuse(edit_form(&which, sent.text("notes")), error, NAMES)?;
            Answer::refused(&edit_page(visit, &which, form))
        }
    }
}

/// Deletes one; its version must have been typed.
pub(in crate::web) fn delete(visit: &Visit) -> Result<Answer> {
    let which = which(visit)?;
    let release: At<ids::Release> = which.at.clone();
    let granted = visit.visitor.ask(ReleaseDelete { release })?;
    if visit.form().text("confirm").trim() != which.release.version {
        return show_page(visit, &which, removal("Type the version as it stands here."));
    }
    match releases::delete(&granted) {
        Ok(()) => Answer::done(which.of.page("releases"), format!("{} was deleted.", which.title())),
        Err(Error::Conflict(sentence)) => show_page(visit, &which, removal(&sentence)),
        Err(error) => Err(error),
    }
}

fn removal(problem: &str) -> Shown<'_> {
    Shown { removal: Some(problem), ..Shown::default() }
}

//! Snapshots: a runbook's process as it was, frozen. One of them may be the published one.

use super::{COLUMNS, Kind, Runbook, sql, this, told};
use crate::{
    base::{
        clock::Moment,
        error::{Error, Fields as Wrong, Result},
        ids::{Id, Project, RunbookSnapshot, Space},
        names,
        paging::{Listed, Page},
    },
    company::{
        access::{
            Columns, Conditions, Event, Granted, Rows, Writing,
            permissions::{List, ProjectView, RunbookEdit, RunbookSnapshotCreate, RunbookView},
        },
        projects::{self, process::Step},
        tasks,
    },
};

/// A snapshot.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Its id.
    pub id: Id<RunbookSnapshot>,
    /// Its runbook.
    pub runbook: Id<Kind>,
    /// The runbook's project.
    pub project: Id<Project>,
    /// The runbook's space.
    pub space: Id<Space>,
    /// Its name, unique in the runbook ignoring case.
    pub name: String,
    /// What is in it, for people.
    pub notes: String,
    /// When it was taken.
    pub assembled_at: Moment,
    /// By whom.
    pub created_by: String,
    /// It is the one that is run when none is named.
    pub is_published: bool,
    /// The process as it was then.
    pub steps: Vec<Step>,
}

/// What a person gives.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    /// `None` or blank: "Snapshot 4". Unique in the runbook, at most 200 characters.
    pub name: Option<String>,
    /// At most 100,000 characters.
    pub notes: String,
}

/// The snapshots of a runbook, newest first; `search` is part of the name.
pub fn list(granted: &Granted<'_, RunbookView>, search: &str, page: Page) -> Result<Listed<Snapshot>> {
    granted.read(|rows| sql::snapshots(rows, granted.what().runbook.id(), search, page))
}

/// The snapshots of the runbooks of a project that the visitor may see, newest first; `search` is part of the name.
pub fn of_project(
    granted: &Granted<'_, List<RunbookView>>,
    project: Id<Project>,
    search: &str,
    page: Page,
) -> Result<Listed<Snapshot>> {
    let space = granted.what().space();
    let projects = granted.reach_of::<ProjectView>(space);
    granted.read(|rows| {
        let wanted = Conditions::of("r.space_id = $", space)
            .asked("r.project_id = $", Some(project.0))
            .named("s.name_key", search)
            .seen(&granted.reach(), COLUMNS)
            .seen(&projects, Columns { group: COLUMNS.group, project: COLUMNS.project, ..Columns::default() });
        sql::snapshots_of_project(rows, &wanted, page)
    })
}

/// One of them, by its id or name.
pub fn show(granted: &Granted<'_, RunbookView>, text: &str) -> Result<Snapshot> {
    let found = granted.read(|rows| sql::find_snapshot(rows, granted.what().runbook.id(), text))?;
    found.ok_or_else(|| Error::NotFound(text.to_owned()))
}

/// The name that the next snapshot is given when none is named.
pub fn next_name(granted: &Granted<'_, RunbookSnapshotCreate>) -> Result<String> {
    granted.read(|rows| free_name(rows, granted.what().runbook.id()))
}

pub(super) fn free_name(rows: &crate::company::access::Rows<'_>, runbook: Id<Kind>) -> Result<String> {
    let mut number = sql::snapshots_so_far(rows, runbook)? + 1;
    while sql::snapshot_taken(rows, runbook, &format!("Snapshot {number}"))? {
        number += 1;
    }
    Ok(format!("Snapshot {number}"))
}

/// Freezes the process as it is now. `publish`: and publishes it, for which the right to edit the runbook is given.
///
/// # Errors
/// `Invalid` for a name that is taken or too long; `Conflict` for a process without steps to run.
pub fn take(
    granted: &Granted<'_, RunbookSnapshotCreate>,
    fields: &Fields,
    publish: Option<&Granted<'_, RunbookEdit>>,
) -> Result<Snapshot> {
    let id = granted.what().runbook.id();
    if let Some(publish) = publish {
        let same = publish.visitor().company().id() == granted.visitor().company().id() && this(publish)?.id() == id;
        if !same {
            return Err(Error::internal("two proofs of different runbooks were given to one change"));
        }
    }
    granted.write(|tx| {
        let runbook = sql::by_id(tx, id)?;
        let (snapshot, event) = freeze(tx, &runbook, fields)?;
        if publish.is_none() {
            return tx.record(event, snapshot);
        }
        tx.also(event)?;
        sql::publish(tx, id, snapshot.id)?;
        let event = published(tx, &runbook, &snapshot)?;
        tx.record(event, sql::snapshot(tx, snapshot.id)?)
    })
}

/// Freezes the process within a change that was granted for it.
pub(super) fn freeze(tx: &Writing<'_>, runbook: &Runbook, fields: &Fields) -> Result<(Snapshot, Event)> {
    let mut wrong = Wrong::new();
    let name = match fields.name.as_deref().map(str::trim).filter(|name| !name.is_empty()) {
        Some(name) => wrong.check("Name", names::name(name, 200)).unwrap_or_default(),
        None => free_name(tx, runbook.id)?,
    };
    let notes = wrong.check("Notes", names::text(&fields.notes, 100_000)).unwrap_or_default();
    if wrong.is_empty() && sql::snapshot_taken(tx, runbook.id, &name)? {
        wrong.add("Name", format!("{} has a snapshot called “{name}” already. Choose another name.", runbook.name));
    }
    wrong.finish()?;
    let (_, steps) = sql::process(tx, runbook.id)?;
    if steps.iter().all(|step| step.actions.iter().all(|action| action.is_disabled)) {
        return Err(Error::Conflict(format!("{} has no steps to run. Add a step to its process first.", runbook.name)));
    }
    let project = projects::by_id(tx, runbook.project)?;
    let id = sql::insert_snapshot(tx, runbook.id, &name, &notes)?;
    let snapshot = sql::snapshot(tx, id)?;
    let event = about(&project, runbook, &snapshot, "Created", " was taken");
    Ok((snapshot, event))
}

/// Publishes a snapshot that is there: from now on it is the one that is run.
///
/// # Errors
/// `NotFound` for a snapshot that the runbook does not have.
pub fn publish(granted: &Granted<'_, RunbookEdit>, snapshot: &str) -> Result<Snapshot> {
    let id = this(granted)?.id();
    granted.write(|tx| {
        let before = tx.changes();
        let runbook = sql::by_id(tx, id)?;
        let found = sql::find_snapshot(tx, id, snapshot)?.ok_or_else(|| Error::NotFound(snapshot.to_owned()))?;
        if found.is_published {
            return tx.unchanged(before, found);
        }
        sql::publish(tx, id, found.id)?;
        let event = published(tx, &runbook, &found)?;
        tx.record(event, sql::snapshot(tx, found.id)?)
    })
}

/// Deletes a snapshot with its runs and their logs. Their lines in the trail stay.
///
/// # Errors
/// `NotFound` for a snapshot that the runbook does not have; `Conflict` for the published one, and while it runs or waits
/// to run.
pub fn delete(granted: &Granted<'_, RunbookEdit>, snapshot: &str) -> Result<()> {
    let id = this(granted)?.id();
    let tasks = granted.write(|tx| {
        let runbook = sql::by_id(tx, id)?;
        let gone = sql::find_snapshot(tx, id, snapshot)?.ok_or_else(|| Error::NotFound(snapshot.to_owned()))?;
        if let Some(why) = stops(tx, &runbook, &gone)? {
            return Err(Error::Conflict(why));
        }
        let project = projects::by_id(tx, runbook.project)?;
        let tasks = sql::delete_snapshot(tx, gone.id)?;
        let event = about(&project, &runbook, &gone, "Deleted", " was deleted");
        let event = if tasks.is_empty() { event } else { event.detail("Runs", tasks.len()) };
        tx.record(event, tasks)
    })?;
    tasks::forget(granted.visitor().company().folder(), &tasks);
    Ok(())
}

/// Why it cannot be deleted now; `None`: it can. What [`delete`] would say, said first (findings C6).
pub fn obstacle(granted: &Granted<'_, RunbookEdit>, snapshot: &str) -> Result<Option<String>> {
    let id = this(granted)?.id();
    granted.read(|rows| {
        let gone = sql::find_snapshot(rows, id, snapshot)?.ok_or_else(|| Error::NotFound(snapshot.to_owned()))?;
        stops(rows, &sql::by_id(rows, id)?, &gone)
    })
}

fn stops(rows: &Rows<'_>, runbook: &Runbook, gone: &Snapshot) -> Result<Option<String>> {
    if gone.is_published {
        let why = "it is what runs. Publish another first, then delete it.";
        return Ok(Some(format!("{} is the published snapshot of {}: {why}", gone.name, runbook.name)));
    }
    let why = "cannot be deleted while it runs or waits to run. Wait for its tasks to end, or cancel them.";
    Ok(sql::snapshot_under_way(rows, gone.id)?.then(|| format!("{} {why}", gone.name)))
}

/// "Snapshot Snapshot 1 of the runbook Restart of Shop was taken".
fn about(
    project: &projects::Project,
    runbook: &Runbook,
    snapshot: &Snapshot,
    category: &'static str,
    after: &str,
) -> Event {
    let event = Event::new(category).say("Snapshot ").name(snapshot.id, &snapshot.name).say(" of the runbook ");
    let event = event.name(runbook.id, &runbook.name).say(" of ").name(project.id, &project.name).say(after);
    event.space(project.space.0).project(project.id.0, Some(project.group.0)).runbook(runbook.id.0)
}

fn published(tx: &Writing<'_>, runbook: &Runbook, snapshot: &Snapshot) -> Result<Event> {
    let project = projects::by_id(tx, runbook.project)?;
    let event = told(&project, runbook, "RunbookPublished", "Runbook ", " was published as ");
    let event = event.name(snapshot.id, &snapshot.name);
    Ok(match &runbook.published {
        Some(before) => event.detail("Published", serde_json::json!({ "from": before.name, "to": snapshot.name })),
        None => event,
    })
}

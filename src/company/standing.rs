//! A company as a whole, as the operator handles it: open or suspended, its numbers, its limits, on its way to another
//! slug, removed. Every change is told in the company's own trail; nothing of its content is read.

pub(in crate::company) use super::access::rules::room_for_a_person;

use super::access::{Event, Granted, Limits, Rows, permissions::FileKeep, permissions::FileLook, rules};
use crate::base::{
    clock::{self, Moment},
    error::{Bound, Error, Fields, Limit, Result},
    names,
    room::{self, Room},
};

/// How much of everything there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbers {
    /// When it was founded.
    pub created_at: Moment,
    /// People who are active or invited: what the limit counts.
    pub people: i64,
    /// Of them, those who have not accepted yet.
    pub invited: i64,
    /// Service accounts that are active.
    pub service_accounts: i64,
    /// Tasks that wait.
    pub queued: i64,
    /// Tasks under way.
    pub running: i64,
    /// Events in its trail.
    pub events: i64,
    /// When something last happened.
    pub last_event: Option<Moment>,
    /// When it was last backed up with this program.
    pub last_backup: Option<Moment>,
    /// What it may use.
    pub limits: Limits,
}

/// The numbers of a company.
pub fn numbers(granted: &Granted<'_, FileLook>) -> Result<Numbers> {
    granted.read(sql::numbers)
}

/// Closes the company to its people: pages and API say so, queued tasks wait, those under way end by themselves.
///
/// # Errors
/// `Conflict` when it is suspended already; `Invalid` for a reason that is too long.
pub fn suspend(granted: &Granted<'_, FileKeep>, why: &str) -> Result<()> {
    let why = names::text(why, 500).map_err(|message| Error::invalid("Reason", message))?;
    granted.write(|tx| {
        if sql::suspended(tx)? {
            return Err(Error::Conflict("This company is suspended already.".into()));
        }
        tx.run("UPDATE company SET suspended_at = ?1, suspended_why = ?2", (clock::now(), &why))?;
        tx.record(Event::new("CompanySuspended").say("The company was suspended").detail("Reason", why.as_str()), ())
    })?;
    granted.visitor().company().changed()
}

/// Opens a suspended company to its people again; its tasks go on.
///
/// # Errors
/// `Conflict` when it is not suspended.
pub fn resume(granted: &Granted<'_, FileKeep>) -> Result<()> {
    granted.write(|tx| {
        if !sql::suspended(tx)? {
            return Err(Error::Conflict("This company is not suspended.".into()));
        }
        tx.run("UPDATE company SET suspended_at = NULL, suspended_why = ''", [])?;
        tx.record(Event::new("CompanyResumed").say("The company was resumed"), ())
    })?;
    granted.visitor().company().changed()
}

/// Changes what the company may use; gives what it might use before, and may use now.
///
/// # Errors
/// `Invalid` by field for a limit that is not a positive number; those of `change`.
pub fn change_limits(
    granted: &Granted<'_, FileKeep>,
    change: impl FnOnce(&mut Limits) -> Result<()>,
) -> Result<(Limits, Limits)> {
    let changed = granted.write(|tx| {
        let unchanged = tx.changes();
        let before = rules::rules(tx)?.limits;
        let mut limits = before;
        change(&mut limits)?;
        bounded(&limits)?;
        if before == limits {
            return tx.unchanged(unchanged, (before, limits));
        }
        sql::set_limits(tx, &limits)?;
        let event = Event::new("LimitsChanged").say("What the company may use was changed");
        tx.record(event.difference(&before, &limits), (before, limits))
    })?;
    granted.visitor().company().changed()?;
    Ok(changed)
}

fn bounded(limits: &Limits) -> Result<()> {
    let mut wrong = Fields::new();
    for (bound, limit, least) in [
        (Bound::Disk, limits.disk_bytes, 1024 * 1024),
        (Bound::People, limits.people, 1),
        (Bound::RunningTasks, limits.running_tasks, 1),
        (Bound::Requests, limits.requests_per_minute, 10),
    ] {
        if limit.is_some_and(|limit| !(least..=1_000_000_000_000_000).contains(&limit)) {
            wrong.add(bound.word(), format!("Give at least {least}, or none for no limit."));
        }
    }
    wrong.finish()
}

/// Tells in the trail that other host names lead to the company.
pub fn tell_hosts(granted: &Granted<'_, FileKeep>, before: &[String], after: &[String]) -> Result<()> {
    let event = Event::new("CompanyHostsChanged").say("The company's own host names were changed");
    let event = event.detail("Hosts", serde_json::json!({ "before": before, "after": after }));
    granted.write(|tx| tx.record(event, ()))
}

/// Begins a move to another slug. The folder is moved next; what follows is [`super::Company::restamp`], or, after a
/// crash, [`super::Company::end_move`].
///
/// # Errors
/// `Conflict` while tasks are under way: they hold on to the file where it is.
pub fn begin_move(granted: &Granted<'_, FileKeep>, to: &str) -> Result<()> {
    let from = granted.visitor().company().slug().to_owned();
    granted.write(|tx| {
        no_tasks(tx, "renamed")?;
        tx.run("UPDATE company SET moving_to = ?1", [to])?;
        let event = Event::new("CompanyRenamed").say("The company was renamed from ").say(&from).say(" to ").say(to);
        tx.record(event.detail("Slug", serde_json::json!({ "from": from, "to": to })), ())
    })
}

/// Begins the removal: from now on the company is not served, and the next start ends what a crash may interrupt.
///
/// # Errors
/// `Conflict` while tasks are under way.
pub fn begin_removal(granted: &Granted<'_, FileKeep>) -> Result<()> {
    granted.write(|tx| {
        no_tasks(tx, "removed")?;
        tx.run("UPDATE company SET removed_at = ?1", [clock::now()])?;
        tx.record(Event::new("CompanyRemoved").say("The company was removed"), ())
    })
}

fn no_tasks(rows: &Rows<'_>, what: &str) -> Result<()> {
    match rows.number("SELECT count(*) FROM tasks WHERE state IN ('Executing', 'Cancelling')", [])? {
        0 => Ok(()),
        1 => Err(Error::Conflict(format!(
            "One task is under way. Suspend the company and wait until it has ended; then it can be {what}."
        ))),
        some => Err(Error::Conflict(format!(
            "{some} tasks are under way. Suspend the company and wait until they have ended; then it can be {what}."
        ))),
    }
}

/// Tells in the trail that the operator took the company in from a folder.
pub fn adopted(granted: &Granted<'_, FileKeep>, before: &str) -> Result<()> {
    let slug = granted.visitor().company().slug().to_owned();
    let event = Event::new("CompanyAdopted").say("The company was taken in as ").say(&slug);
    granted.write(|tx| {
        let event = if before == slug { event } else { event.say("; before it was ").say(before) };
        tx.record(event, ())
    })?;
    granted.visitor().company().sign_put_back()
}

/// Whether the company's tasks may be begun now: not while it is suspended or on its way, nor beyond its limit.
pub(in crate::company) fn may_begin_tasks(rows: &Rows<'_>) -> Result<std::result::Result<(), Option<Limit>>> {
    if rows.any(
        "SELECT 1 FROM company WHERE suspended_at IS NOT NULL OR moving_to IS NOT NULL OR removed_at IS NOT NULL",
        [],
    )? {
        return Ok(Err(None));
    }
    // A task's log may need more than a full disk's reserve: they wait until there is room.
    if room::room() != Room::Plenty {
        return Ok(Err(None));
    }
    let Some(most) = rules::rules(rows)?.limits.running_tasks else { return Ok(Ok(())) };
    let running = rows.number("SELECT count(*) FROM tasks WHERE state IN ('Executing', 'Cancelling')", [])?;
    if running < most {
        return Ok(Ok(()));
    }
    let sentence = format!("This company may carry out {most} tasks at once; the others wait.");
    Ok(Err(Some(Limit { bound: Bound::RunningTasks, sentence, retry_after: None })))
}

mod sql {
    use super::*;
    use crate::company::access::Writing;

    pub fn suspended(rows: &Rows<'_>) -> Result<bool> {
        rows.any("SELECT 1 FROM company WHERE suspended_at IS NOT NULL", [])
    }

    pub fn set_limits(tx: &Writing<'_>, limits: &Limits) -> Result<()> {
        tx.run(
            "UPDATE settings SET disk_bytes = ?1, people = ?2, running_tasks = ?3, requests_per_minute = ?4",
            (limits.disk_bytes, limits.people, limits.running_tasks, limits.requests_per_minute),
        )?;
        Ok(())
    }

    pub fn numbers(rows: &Rows<'_>) -> Result<Numbers> {
        let tasks = |state| rows.number("SELECT count(*) FROM tasks WHERE state = ?1", [state]);
        Ok(Numbers {
            created_at: Moment(rows.number("SELECT created_at FROM company", [])?),
            people: rules::people(rows)?,
            invited: rows.number("SELECT count(*) FROM users WHERE is_service = 0 AND state = 'invited'", [])?,
            service_accounts: rows
                .number("SELECT count(*) FROM users WHERE is_service = 1 AND state = 'active'", [])?,
            queued: tasks("Queued")?,
            running: tasks("Executing")? + tasks("Cancelling")?,
            events: rows.number("SELECT COALESCE(max(id), 0) FROM events", [])?,
            last_event: rows.one("SELECT at FROM events ORDER BY id DESC LIMIT 1", [], |row| row.get(0))?,
            last_backup: rows.one(
                "SELECT at FROM events WHERE category = 'BackupTaken' ORDER BY id DESC LIMIT 1",
                [],
                |row| row.get(0),
            )?,
            limits: rules::rules(rows)?.limits,
        })
    }
}

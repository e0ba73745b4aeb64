//! Who uses a thing: what is used is not deleted (`domain §15`), and whoever would delete it hears who uses it. What lies
//! in tables of its own each feature says itself; here is what steps name, in processes and where they are frozen.

use super::access::{
    Rows, Visitor, Within,
    permissions::{ProcessView, RunbookView},
};
use crate::base::{
    error::Result,
    ids::{Account, Channel, Environment, Id, Kind, Lifecycle, Project, Release, Runbook, Tag, Target, Tenant},
};
use rusqlite::Row;

/// At most this many users of a thing are named.
const NAMED: usize = 5;

/// Something that uses a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::company) struct User {
    how: String,
    id: i64,
    name: String,
    /// The step of a process; what else is needed to name it.
    part: String,
}

impl User {
    /// Reads `how`, number, name and part.
    pub fn read(row: &Row<'_>) -> rusqlite::Result<User> {
        Ok(User { how: row.get(0)?, id: row.get(1)?, name: row.get(2)?, part: row.get(3)? })
    }

    /// In words, as far as the visitor may see it.
    fn words(&self, visitor: &Visitor) -> String {
        let (id, name, part) = (self.id, self.name.as_str(), self.part.as_str());
        match self.how.as_str() {
            "lifecycle" => visitor.called::<Lifecycle>(Id::new(id), name),
            "target" => visitor.called::<Target>(Id::new(id), name),
            "tenant" => visitor.called::<Tenant>(Id::new(id), name),
            "account" => visitor.called::<Account>(Id::new(id), name),
            "runbook" => visitor.called::<Runbook>(Id::new(id), name),
            "runs" => format!("runs of {}", visitor.called::<Runbook>(Id::new(id), name)),
            "deployments" => format!("deployments of {}", visitor.called::<Project>(Id::new(id), name)),
            "step" => {
                let at = visitor.locate::<Project>(Within::Company, &Id::<Project>::new(id).to_string());
                let read = at.is_ok_and(|project| visitor.may(ProcessView { project }));
                step(read, part, &visitor.called::<Project>(Id::new(id), name))
            }
            "runbook step" => {
                let at = visitor.locate::<Runbook>(Within::Company, &Id::<Runbook>::new(id).to_string());
                let read = at.is_ok_and(|runbook| visitor.may(RunbookView { runbook }));
                step(read, part, &visitor.called::<Runbook>(Id::new(id), name))
            }
            "release" => match visitor.called::<Release>(Id::new(id), name) {
                seen if seen.ends_with(name) => format!("{seen} of {part}"),
                unseen => unseen,
            },
            _ => match visitor.called::<Runbook>(Id::new(id), name) {
                seen if seen.ends_with(name) => format!("the snapshot {part} of {seen}"),
                unseen => format!("a snapshot of {unseen}"),
            },
        }
    }
}

fn step(read: bool, step: &str, of: &str) -> String {
    if read { format!("the step {step} of {of}") } else { format!("a step of {of}") }
}

/// Who uses a thing, each in words, as far as the visitor may see it; no one twice.
pub(in crate::company) fn words(users: &[User], visitor: &Visitor) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for words in users.iter().map(|user| user.words(visitor)) {
        if !all.contains(&words) {
            all.push(words);
        }
    }
    all
}

/// Users in one sentence's part: "the tenant Contoso and the step Greet of the project Shop". `None`: nobody.
pub(in crate::company) fn sentence(words: &[String]) -> Option<String> {
    let named = words.get(..NAMED).unwrap_or(words);
    match named {
        [] => None,
        [one] => Some(one.clone()),
        _ if words.len() > named.len() => Some(format!("{} and others", named.join(", "))),
        [first @ .., last] => Some(format!("{} and {last}", first.join(", "))),
    }
}

/// The steps that are limited to an environment, or leave it out.
pub(in crate::company) fn of_environment(rows: &Rows<'_>, id: Id<Environment>) -> Result<Vec<User>> {
    in_steps(rows, &["Environments", "ExcludedEnvironments"], &id)
}

/// The steps that are limited to a channel.
pub(in crate::company) fn of_channel(rows: &Rows<'_>, id: Id<Channel>) -> Result<Vec<User>> {
    in_steps(rows, &["Channels"], &id)
}

/// The steps that are limited to tenants with a tag.
pub(in crate::company) fn of_tag(rows: &Rows<'_>, id: Id<Tag>) -> Result<Vec<User>> {
    in_steps(rows, &["TenantTags"], &id)
}

/// Where steps lie: how their user is told of, whose they are, its name, and what else is told; and the rows, as `x`.
const STEPS: [(&str, &str); 4] = [
    ("'step', p.id, p.name, s.value ->> 'Name'", "processes x JOIN projects p ON p.id = x.project_id"),
    ("'runbook step', x.id, x.name, s.value ->> 'Name'", "runbooks x"),
    ("'release', x.id, x.version, p.name", "releases x JOIN projects p ON p.id = x.project_id"),
    ("'snapshot', r.id, r.name, x.name", "runbook_snapshots x JOIN runbooks r ON r.id = x.runbook_id"),
];

fn in_steps<T: Kind>(rows: &Rows<'_>, lists: &[&str], id: &Id<T>) -> Result<Vec<User>> {
    let mut found = Vec::new();
    for (told, from) in STEPS {
        for list in lists {
            let sql = format!(
                "SELECT {told} FROM {from}, json_each(x.steps) s, json_each(s.value, '$.Actions') a,
                        json_each(a.value, '$.{list}') v
                 WHERE instr(lower(x.steps), lower(?1)) > 0 AND lower(v.value) = lower(?1) ORDER BY x.rowid LIMIT 20"
            );
            found.extend(rows.all(&sql, [id.to_string()], User::read)?);
        }
    }
    Ok(found)
}

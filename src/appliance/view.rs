//! What the operator sees of companies: size, state, health, numbers and limits. Never what they hold.

use super::registry::Appliance;
use crate::{
    base::error::{Error, Result},
    company::{
        Standing,
        access::{
            Steward,
            permissions::{CompanyView, FileLook},
            size,
        },
        standing::{self, Numbers},
    },
};
use serde::Serialize;

/// What the operator sees of a company. Field names are stable: scripts read them.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CompanyRow {
    /// Its slug.
    pub slug: String,
    /// Its name; empty when it cannot be opened.
    pub name: String,
    /// Its id; empty when it cannot be opened.
    pub id: String,
    /// `ok`, `suspended`, or a sentence that says what is wrong.
    pub state: String,
    /// Size of its folder, in bytes.
    pub bytes: u64,
    /// Whether this is the operator's own compartment.
    pub operator: bool,
    /// The host names that lead to it alone.
    pub hosts: Vec<String>,
    /// Since when and why it is suspended.
    pub suspended: Option<Suspension>,
    /// Its numbers, when it can be opened.
    #[serde(flatten, serialize_with = "flat")]
    pub numbers: Option<Numbers>,
}

/// Since when and why a company is suspended.
#[derive(Debug, Clone, Serialize)]
pub struct Suspension {
    /// Since when.
    pub since: String,
    /// Why, as its people are told.
    pub reason: String,
}

fn flat<S: serde::Serializer>(numbers: &Option<Numbers>, to: S) -> std::result::Result<S::Ok, S::Error> {
    use serde::ser::SerializeMap;
    let n = numbers.as_ref();
    let mut map = to.serialize_map(None)?;
    map.serialize_entry("created", &n.map(|n| n.created_at.wire()))?;
    map.serialize_entry("people", &n.map(|n| n.people))?;
    map.serialize_entry("invited", &n.map(|n| n.invited))?;
    map.serialize_entry("serviceAccounts", &n.map(|n| n.service_accounts))?;
    map.serialize_entry("tasksQueued", &n.map(|n| n.queued))?;
    map.serialize_entry("tasksRunning", &n.map(|n| n.running))?;
    map.serialize_entry("events", &n.map(|n| n.events))?;
    map.serialize_entry("lastEvent", &n.and_then(|n| n.last_event).map(|at| at.wire()))?;
    map.serialize_entry("lastBackup", &n.and_then(|n| n.last_backup).map(|at| at.wire()))?;
    map.serialize_entry("limits", &n.map(|n| n.limits))?;
    map.end()
}

impl Appliance {
    /// What the operator sees of every company.
    pub fn list(&self, by: &Steward<'_, CompanyView>) -> Result<Vec<CompanyRow>> {
        let shown = self.slugs()?.into_iter().map(|slug| self.show(by, &slug));
        // One that was removed or renamed while the others were looked at is not there any more.
        shown.filter(|row| !matches!(row, Err(Error::NotFound(_)))).collect()
    }

    /// What the operator sees of one company.
    ///
    /// # Errors
    /// `NotFound` when there is none. One that cannot be opened is shown with what is wrong.
    pub fn show(&self, by: &Steward<'_, CompanyView>, slug: &str) -> Result<CompanyRow> {
        let mut row = CompanyRow {
            slug: slug.to_owned(),
            name: String::new(),
            id: String::new(),
            state: "ok".into(),
            bytes: 0,
            operator: slug == crate::base::names::OPERATOR,
            hosts: self.hosts_of(slug),
            suspended: None,
            numbers: None,
        };
        let seen = self.company(slug).and_then(|company| {
            row.name = company.name().to_owned();
            row.id = company.id().to_string();
            if let Standing::Suspended { since, why } = company.standing() {
                row.state = "suspended".into();
                row.suspended = Some(Suspension { since: since.wire(), reason: why.clone() });
            }
            row.numbers = Some(standing::numbers(&by.at(&company).ask(FileLook {})?)?);
            Ok(())
        });
        match seen {
            Ok(()) => {}
            Err(Error::NotFound(what)) => return Err(Error::NotFound(what)),
            Err(error) => row.state = error.to_string(),
        }
        row.bytes = size(&self.folder(slug));
        Ok(row)
    }
}

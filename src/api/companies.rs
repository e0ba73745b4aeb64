//! `/operator/api/companies`: the companies of the appliance, in the operator's own compartment. In every other company
//! these addresses lead nowhere.

use super::{
    caller::{Ask, Reply},
    resource,
};
use crate::{
    appliance::{self, Appliance, CompanyRow, NewCompany},
    base::{
        error::{Error, Fields, Result},
        secret::Secret,
    },
    company::access::{
        Limits, Steward, Visitor,
        permissions::{
            CompanyBackup, CompanyCreate, CompanyLimit, CompanyRemove, CompanyRename, CompanySuspend, CompanyView,
        },
    },
};
use serde_json::{Map, Value, json};
use std::path::Path;

/// The visitor, at the operator's own compartment.
fn here<'a>(ask: &'a Ask) -> Result<&'a Visitor> {
    let visitor = ask.visitor()?;
    if visitor.company().is_operators() { Ok(visitor) } else { Err(Error::NotFound(ask.call.uri.path().to_owned())) }
}
fn appliance<'a>(ask: &'a Ask) -> &'a Appliance {
    &ask.call.desk.appliance
}

/// Names of the wire from those of the command line: `tasksRunning` → `TasksRunning`.
fn wire(value: Value) -> Value {
    let name = |key: String| key.get(..1).unwrap_or_default().to_uppercase() + key.get(1..).unwrap_or_default();
    match value {
        Value::Object(map) => Value::Object(map.into_iter().map(|(key, value)| (name(key), wire(value))).collect()),
        other => other,
    }
}

fn draw(ask: &Ask, row: &CompanyRow) -> Result<Value> {
    let mut value = wire(serde_json::to_value(row)?);
    if let Some(map) = value.as_object_mut() {
        let own = format!("{}/companies/{}", resource::api(ask), row.slug);
        map.insert("Links".into(), resource::links(&own, &[]));
    }
    Ok(value)
}

fn shown(ask: &Ask, slug: &str) -> Result<Value> {
    let granted = here(ask)?.ask(CompanyView {})?;
    draw(ask, &appliance(ask).show(&Steward::looking(&granted), slug)?)
}

/// All companies.
pub(super) fn list(ask: &Ask) -> Result<Reply> {
    let granted = here(ask)?.ask(CompanyView {})?;
    let rows = appliance(ask).list(&Steward::looking(&granted))?;
    let items = rows.iter().map(|row| draw(ask, row)).collect::<Result<Vec<Value>>>()?;
    Reply::ok(json!({ "ItemType": "Company", "TotalResults": items.len(), "Items": items }))
}

/// One company.
pub(super) fn show(ask: &Ask) -> Result<Reply> {
    Reply::ok(shown(ask, ask.parameter("id"))?)
}

/// A new one.
pub(super) fn create(ask: &Ask) -> Result<Reply> {
    let granted = here(ask)?.ask(CompanyCreate {})?;
    let (slug, name) = (ask.body.text("Slug"), ask.body.text("Name"));
    let (person, email) = (ask.body.text("AdminName"), ask.body.text("AdminEmail"));
    let password = Some(ask.body.text("AdminPassword")).filter(|text| !text.is_empty()).map(Secret::new);
    let new = NewCompany { slug: &slug, name: &name, person: &person, email: &email, password: password.as_ref() };
    let (company, invitation) = appliance(ask).create(&Steward::of(&granted)?, &new)?;
    let link = invitation.map(|token| format!("/{}/invitation/{token}", company.slug()));
    let mut value = Map::new();
    value.insert("Slug".into(), json!(company.slug()));
    value.insert("Name".into(), json!(company.name()));
    value.insert("Id".into(), json!(company.id().to_string()));
    value.insert("Invitation".into(), json!(link));
    Reply::created(Value::Object(value))
}

/// Takes in a folder that lies among the companies.
pub(super) fn adopt(ask: &Ask) -> Result<Reply> {
    let granted = here(ask)?.ask(CompanyCreate {})?;
    let (folder, slug) = (ask.body.text("Folder"), ask.body.text("Slug"));
    let folder = among_companies(&folder)?;
    let slug = Some(slug.as_str()).filter(|slug| !slug.is_empty());
    let adopted = appliance(ask).adopt(&Steward::of(&granted)?, folder, slug, None)?;
    let company = adopted.company;
    Reply::ok(json!({
        "Slug": company.slug(), "Name": company.name(), "Id": company.id().to_string(), "Tasks": adopted.tasks.sentence(),
    }))
}

/// A bare name: nobody names other folders of the machine from afar.
fn among_companies(folder: &str) -> Result<&Path> {
    let bare = !folder.is_empty() && !folder.starts_with('.') && !folder.contains(['/', '\\', '\0']);
    if bare {
        Ok(Path::new(folder))
    } else {
        Err(Error::invalid("Folder", "Give the name of a folder among the companies."))
    }
}

/// Suspends one.
pub(super) fn suspend(ask: &Ask) -> Result<Reply> {
    let granted = here(ask)?.ask(CompanySuspend {})?;
    appliance(ask).suspend(&Steward::of(&granted)?, ask.parameter("id"), &ask.body.text("Reason"))?;
    Reply::done()
}

/// Lets it go on.
pub(super) fn resume(ask: &Ask) -> Result<Reply> {
    let granted = here(ask)?.ask(CompanySuspend {})?;
    appliance(ask).resume(&Steward::of(&granted)?, ask.parameter("id"))?;
    Reply::done()
}

/// Gives it another slug.
pub(super) fn rename(ask: &Ask) -> Result<Reply> {
    let granted = here(ask)?.ask(CompanyRename {})?;
    let company = appliance(ask).rename(&Steward::of(&granted)?, ask.parameter("id"), &ask.body.text("Slug"))?;
    Reply::ok(json!({ "Slug": company.slug(), "Name": company.name(), "Id": company.id().to_string() }))
}

/// Sets what it may use; `null` and absent are no limit.
pub(super) fn limit(ask: &Ask) -> Result<Reply> {
    let granted = here(ask)?.ask(CompanyLimit {})?;
    let mut wrong = Fields::new();
    let mut number = |name: &str| match (ask.body.get(name), ask.body.number(name)) {
        (None | Some(Value::Null), _) => None,
        (_, Some(number)) => Some(number),
        _ => {
            wrong.add(name, "Give a whole number, or null for no limit.");
            None
        }
    };
    let limits = Limits {
        disk_bytes: number("DiskBytes"),
        people: number("People"),
        running_tasks: number("RunningTasks"),
        requests_per_minute: number("RequestsPerMinute"),
    };
    wrong.finish()?;
    appliance(ask).set_limits(&Steward::of(&granted)?, ask.parameter("id"), &limits)?;
    Reply::ok(wire(serde_json::to_value(limits)?))
}

/// Takes a backup into the data folder's `backups`.
pub(super) fn back_up(ask: &Ask) -> Result<Reply> {
    let granted = here(ask)?.ask(CompanyBackup {})?;
    let to = appliance(ask).data().join("backups");
    let path = appliance::backup(appliance(ask), &Steward::of(&granted)?, ask.parameter("id"), &to)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    Reply::created(json!({ "File": name, "Folder": to.display().to_string() }))
}

/// Removes it for ever; answers the receipt.
pub(super) fn remove(ask: &Ask) -> Result<Reply> {
    let granted = here(ask)?.ask(CompanyRemove {})?;
    let receipt = appliance(ask).remove(&Steward::of(&granted)?, ask.parameter("id"))?;
    Reply::ok(wire(serde_json::to_value(receipt)?))
}

//! `/operator/api/companies`: the companies of the appliance, in the operator's own compartment. In every other company
//! these addresses lead nowhere.

use super::{
    caller::Ask,
    resource,
    wire::{Created, Done, Json, Links, Sent, Settable},
};
use crate::{
    appliance::{self, Adopted, Appliance, CompanyRow, NewCompany},
    base::{
        clock::Moment,
        error::{Error, Result},
        secret::Secret,
    },
    company::{
        Company,
        access::{
            Limits, Steward, Visitor,
            permissions::{
                CompanyBackup, CompanyCreate, CompanyLimit, CompanyRemove, CompanyRename, CompanySuspend, CompanyView,
            },
        },
    },
};
use serde::{Deserialize, Serialize};
use std::path::Path;
use utoipa::ToSchema;

/// A company as the operator sees it. What cannot be told of one that cannot be opened is null.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CompanyResource {
    slug: String,
    name: String,
    id: String,
    /// ok, suspended, or a sentence that says what is wrong.
    state: String,
    /// Size of its folder.
    bytes: u64,
    /// The operator's own compartment.
    operator: bool,
    /// The host names that lead to it alone.
    hosts: Vec<String>,
    suspended: Option<CompanySuspended>,
    created: Option<String>,
    people: Option<i64>,
    invited: Option<i64>,
    service_accounts: Option<i64>,
    tasks_queued: Option<i64>,
    tasks_running: Option<i64>,
    events: Option<i64>,
    last_event: Option<String>,
    last_backup: Option<String>,
    limits: Option<CompanyLimits>,
    links: Links,
}

/// Since when and why a company is suspended.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CompanySuspended {
    since: String,
    reason: String,
}

/// What a company may use; null is no limit.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CompanyLimits {
    disk_bytes: Option<i64>,
    people: Option<i64>,
    running_tasks: Option<i64>,
    requests_per_minute: Option<i64>,
}

/// What a company may use from now on: null is no limit, what is left out stays as it is.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct LimitsWanted {
    disk_bytes: Settable,
    people: Settable,
    running_tasks: Settable,
    requests_per_minute: Settable,
}

/// All companies.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CompanyList {
    item_type: &'static str,
    total_results: usize,
    items: Vec<CompanyResource>,
}

/// A new company and its first administrator.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct CompanyWanted {
    slug: String,
    name: String,
    admin_name: String,
    admin_email: String,
    /// Left out: the administrator is invited.
    #[schema(write_only)]
    admin_password: String,
}

/// A company that was made, taken in or renamed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CompanyMade {
    slug: String,
    name: String,
    id: String,
}

/// A company that was made.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CompanyCreated {
    #[serde(flatten)]
    company: CompanyMade,
    /// Where its first administrator gets in, when no password was given.
    invitation: Option<String>,
}

/// A company that was taken in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CompanyAdopted {
    #[serde(flatten)]
    company: CompanyMade,
    /// What became of its tasks.
    tasks: String,
}

/// A folder among the companies.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct FolderToAdopt {
    folder: String,
    /// Empty: the one it has.
    slug: String,
}

/// Why a company is suspended.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct SuspensionReason {
    reason: String,
}

/// Another slug.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct NewSlug {
    slug: String,
}

/// Where a backup was put.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct BackupTaken {
    file: Option<String>,
    folder: String,
}

/// What was removed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RemovalReceipt {
    slug: String,
    name: String,
    id: String,
    removed: String,
    key_fingerprint: String,
    events: i64,
    last_hash: String,
    key_destroyed: bool,
    key_kept_for: Option<String>,
    /// Backups that are still where they were put.
    backups: Vec<String>,
}

/// The visitor, at the operator's own compartment.
fn here<'a>(ask: &'a Ask) -> Result<&'a Visitor> {
    let visitor = ask.visitor()?;
    if visitor.company().is_operators() { Ok(visitor) } else { Err(Error::NotFound(ask.call.uri.path().to_owned())) }
}
fn appliance<'a>(ask: &'a Ask) -> &'a Appliance {
    &ask.call.desk.appliance
}

impl From<Limits> for CompanyLimits {
    fn from(limits: Limits) -> Self {
        CompanyLimits {
            disk_bytes: limits.disk_bytes,
            people: limits.people,
            running_tasks: limits.running_tasks,
            requests_per_minute: limits.requests_per_minute,
        }
    }
}

impl From<&Company> for CompanyMade {
    fn from(company: &Company) -> Self {
        CompanyMade { slug: company.slug().to_owned(), name: company.name().to_owned(), id: company.id().to_string() }
    }
}

fn draw(ask: &Ask, row: CompanyRow) -> CompanyResource {
    let own = format!("{}/companies/{}", resource::api(ask), row.slug);
    let n = row.numbers.as_ref();
    CompanyResource {
        created: n.map(|n| n.created_at.wire()),
        people: n.map(|n| n.people),
        invited: n.map(|n| n.invited),
        service_accounts: n.map(|n| n.service_accounts),
        tasks_queued: n.map(|n| n.queued),
        tasks_running: n.map(|n| n.running),
        events: n.map(|n| n.events),
        last_event: n.and_then(|n| n.last_event).map(Moment::wire),
        last_backup: n.and_then(|n| n.last_backup).map(Moment::wire),
        limits: n.map(|n| n.limits.into()),
        suspended: row.suspended.map(|one| CompanySuspended { since: one.since, reason: one.reason }),
        slug: row.slug,
        name: row.name,
        id: row.id,
        state: row.state,
        bytes: row.bytes,
        operator: row.operator,
        hosts: row.hosts,
        links: Links::of(&own, &[]),
    }
}

/// All companies.
pub(super) fn list(ask: &Ask) -> Result<Json<CompanyList>> {
    let granted = here(ask)?.ask(CompanyView {})?;
    let rows = appliance(ask).list(&Steward::looking(&granted))?;
    let items: Vec<CompanyResource> = rows.into_iter().map(|row| draw(ask, row)).collect();
    Ok(Json(CompanyList { item_type: "Company", total_results: items.len(), items }))
}

/// One company.
pub(super) fn show(ask: &Ask) -> Result<Json<CompanyResource>> {
    let granted = here(ask)?.ask(CompanyView {})?;
    let row = appliance(ask).show(&Steward::looking(&granted), ask.parameter("id"))?;
    Ok(Json(draw(ask, row)))
}

/// A new one.
pub(super) fn create(ask: &Ask, Sent(sent): Sent<CompanyWanted>) -> Result<Created<CompanyCreated>> {
    let granted = here(ask)?.ask(CompanyCreate {})?;
    let password = Some(sent.admin_password).filter(|text| !text.is_empty()).map(Secret::new);
    let new = NewCompany {
        slug: &sent.slug,
        name: &sent.name,
        person: &sent.admin_name,
        email: &sent.admin_email,
        password: password.as_ref(),
    };
    let (company, invitation) = appliance(ask).create(&Steward::of(&granted)?, &new)?;
    let invitation = invitation.map(|token| format!("/{}/invitation/{token}", company.slug()));
    Ok(Created(CompanyCreated { company: CompanyMade::from(&company), invitation }))
}

/// Takes in a folder that lies among the companies.
pub(super) fn adopt(ask: &Ask, Sent(sent): Sent<FolderToAdopt>) -> Result<Json<CompanyAdopted>> {
    let granted = here(ask)?.ask(CompanyCreate {})?;
    let folder = among_companies(&sent.folder)?;
    let slug = Some(sent.slug.as_str()).filter(|slug| !slug.is_empty());
    let Adopted { company, tasks, .. } = appliance(ask).adopt(&Steward::of(&granted)?, folder, slug, None)?;
    Ok(Json(CompanyAdopted { company: CompanyMade::from(&company), tasks: tasks.sentence() }))
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
pub(super) fn suspend(ask: &Ask, Sent(sent): Sent<SuspensionReason>) -> Result<Done> {
    let granted = here(ask)?.ask(CompanySuspend {})?;
    appliance(ask).suspend(&Steward::of(&granted)?, ask.parameter("id"), &sent.reason)?;
    Ok(Done)
}

/// Lets it go on.
pub(super) fn resume(ask: &Ask) -> Result<Done> {
    let granted = here(ask)?.ask(CompanySuspend {})?;
    appliance(ask).resume(&Steward::of(&granted)?, ask.parameter("id"))?;
    Ok(Done)
}

/// Gives it another slug.
pub(super) fn rename(ask: &Ask, Sent(sent): Sent<NewSlug>) -> Result<Json<CompanyMade>> {
    let granted = here(ask)?.ask(CompanyRename {})?;
    let company = appliance(ask).rename(&Steward::of(&granted)?, ask.parameter("id"), &sent.slug)?;
    Ok(Json(CompanyMade::from(&company)))
}

/// The host names that lead to a company alone. An empty list takes them away.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct CompanyHosts {
    hosts: Option<Vec<String>>,
}

/// Sets the host names that lead to it.
pub(super) fn hosts(ask: &Ask, Sent(sent): Sent<CompanyHosts>) -> Result<Json<CompanyHosts>> {
    let granted = here(ask)?.ask(CompanyRename {})?;
    let public = ask.call.desk.public_url.as_deref();
    let missing = || Error::invalid("Hosts", "Give a list of host names; an empty one takes them away.");
    let hosts = sent.hosts.ok_or_else(missing)?;
    let hosts = appliance(ask).set_hosts(&Steward::of(&granted)?, ask.parameter("id"), &hosts, public)?;
    Ok(Json(CompanyHosts { hosts: Some(hosts) }))
}

/// Sets what it may use: `null` is no limit, what is left out stays as it is.
pub(super) fn limit(ask: &Ask, Sent(sent): Sent<LimitsWanted>) -> Result<Json<CompanyLimits>> {
    let granted = here(ask)?.ask(CompanyLimit {})?;
    let set = |limits: &mut Limits| {
        limits.disk_bytes = sent.disk_bytes.or(limits.disk_bytes);
        limits.people = sent.people.or(limits.people);
        limits.running_tasks = sent.running_tasks.or(limits.running_tasks);
        limits.requests_per_minute = sent.requests_per_minute.or(limits.requests_per_minute);
        Ok(())
    };
    let limits = appliance(ask).change_limits(&Steward::of(&granted)?, ask.parameter("id"), set)?;
    Ok(Json(limits.into()))
}

/// Invites its first administrator again, while nobody of the company has accepted an invitation.
pub(super) fn invite_again(ask: &Ask) -> Result<Json<CompanyCreated>> {
    let granted = here(ask)?.ask(CompanyCreate {})?;
    let (company, token) = appliance(ask).invite_again(&Steward::of(&granted)?, ask.parameter("id"))?;
    let invitation = Some(format!("/{}/invitation/{token}", company.slug()));
    Ok(Json(CompanyCreated { company: CompanyMade::from(&company), invitation }))
}

/// Takes a backup into the data folder's `backups`.
pub(super) fn back_up(ask: &Ask) -> Result<Created<BackupTaken>> {
    let granted = here(ask)?.ask(CompanyBackup {})?;
    let to = appliance(ask).data().join("backups");
    let path = appliance::backup(appliance(ask), &Steward::of(&granted)?, ask.parameter("id"), &to)?;
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(Created(BackupTaken { file, folder: to.display().to_string() }))
}

/// Removes it for ever; answers the receipt.
pub(super) fn remove(ask: &Ask) -> Result<Json<RemovalReceipt>> {
    let granted = here(ask)?.ask(CompanyRemove {})?;
    let removed = appliance(ask).remove(&Steward::of(&granted)?, ask.parameter("id"))?;
    let receipt = removed.receipt;
    Ok(Json(RemovalReceipt {
        slug: receipt.slug,
        name: receipt.name,
        id: receipt.id,
        removed: receipt.removed,
        key_fingerprint: receipt.key_fingerprint,
        events: receipt.events,
        last_hash: receipt.last_hash,
        key_destroyed: removed.key_destroyed,
        key_kept_for: removed.key_kept_for,
        backups: removed.backups.iter().map(|path| path.display().to_string()).collect(),
    }))
}

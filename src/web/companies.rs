//! The companies of the appliance: pages of the operator's own compartment. They show size, state and numbers, never what
//! a company holds. In every other company these addresses lead nowhere.

pub(super) mod hosts;
mod limits;

pub(super) use limits::limit;

use super::{
    caller::{Answer, Visit},
    form::{self, FormPage, TYPE_THE_NAME, refuse, removal},
    meanwhile,
    once::Once,
    page::{Act, Chip, ConfirmDelete, FieldView, FormView, Frame, Kv, When, count, thousands},
};
use crate::{
    appliance::{self, Appliance, CompanyRow, NewCompany, Removed},
    base::{
        clock::Moment,
        error::{Error, Result},
        names,
    },
    company::access::{
        Granted, Receipt, Steward, Visitor,
        permissions::{
            CompanyBackup, CompanyCreate, CompanyLimit, CompanyRemove, CompanyRename, CompanySuspend, CompanyView,
        },
    },
};
use askama::Template;
use std::path::Path;

#[derive(Template)]
#[template(path = "companies/list.html")]
struct List {
    frame: Frame,
    sentence: String,
    add: Act,
    adopt_href: String,
    problem: String,
    misplaced: Vec<Misplaced>,
    rows: Vec<Row>,
    worker: Vec<String>,
    worker_warning: String,
}
struct Misplaced {
    folder: String,
    slug: String,
}
struct Row {
    name: String,
    slug: String,
    href: String,
    chip: Chip,
    problem: String,
    size: String,
    people: String,
    running: String,
    backup: Option<When>,
}
#[derive(Template)]
#[template(path = "companies/show.html")]
struct Show {
    frame: Frame,
    chip: Chip,
    sentence: String,
    link: String,
    problem: String,
    back_up: Act,
    resume: Act,
    /// While nobody of the company has accepted an invitation.
    invite: Act,
    limits: Option<FormView>,
    suspension: Option<FormView>,
    renaming: Option<FormView>,
    hosts: Option<FormView>,
    /// In place of the forms that the visitor may not send.
    lacking: Vec<Act>,
    about: Kv,
    removal: Option<ConfirmDelete>,
}
#[derive(Template)]
#[template(path = "companies/receipt.html")]
struct Gone {
    frame: Frame,
    receipt: Kv,
    back_href: String,
}

/// The visitor, at the operator's own compartment.
fn here<'v>(visit: &'v Visit) -> Result<&'v Visitor> {
    if visit.company().is_operators() { Ok(&visit.visitor) } else { Err(Error::NotFound(visit.call.uri.path().into())) }
}
fn appliance<'v>(visit: &'v Visit) -> &'v Appliance {
    &visit.call.desk.appliance
}
fn base(visit: &Visit) -> String {
    visit.path("/companies")
}
fn address(visit: &Visit) -> String {
    format!("{}/{}", base(visit), visit.parameter("which"))
}
fn frame(visit: &Visit, title: &str) -> Frame {
    visit.frame("companies", title)
}
fn when(at: Option<Moment>) -> Option<When> {
    at.map(When::at)
}

fn chip(row: &CompanyRow) -> Chip {
    match row.state.as_str() {
        "ok" => Chip::new("success", "Open"),
        "suspended" => Chip::new("waiting", "Suspended"),
        _ => Chip::new("failed", "Closed by a fault"),
    }
}
fn problem(row: &CompanyRow) -> String {
    if matches!(row.state.as_str(), "ok" | "suspended") { String::new() } else { row.state.clone() }
}

/// All companies.
pub(super) fn list(visit: &Visit) -> Result<Answer> {
    Answer::page(&list_page(visit, "")?)
}

fn list_page(visit: &Visit, wrong: &str) -> Result<List> {
    let granted = here(visit)?.ask(CompanyView {})?;
    let companies = appliance(visit).list(&Steward::looking(&granted))?;
    let misplaced = appliance(visit).misplaced()?;
    let faults = companies.iter().filter(|row| !problem(row).is_empty()).count();
    let all = count(companies.len() as u64, "company", "companies");
    let worker = visit.call.desk.worker.get();
    let worker_warning = worker.as_ref().and_then(|standing| standing.warning()).unwrap_or_default();
    let mut worker = worker.map_or_else(Vec::new, |standing| standing.sentences());
    worker.retain(|sentence| *sentence != worker_warning);
    let rows = companies.into_iter().map(|row| {
        let numbers = row.numbers.as_ref();
        let number = |number: Option<i64>| number.map_or_else(String::new, |n| thousands(n.unsigned_abs()));
        Row {
            href: format!("{}/{}", base(visit), row.slug),
            chip: chip(&row),
            problem: problem(&row),
            size: names::bytes(row.bytes),
            people: number(numbers.map(|n| n.people)),
            running: number(numbers.map(|n| n.running)),
            backup: when(numbers.and_then(|n| n.last_backup)),
            name: if row.name.is_empty() { row.slug.clone() } else { row.name },
            slug: row.slug,
        }
    });
    Ok(List {
        frame: frame(visit, "Companies"),
        sentence: match faults {
            0 => format!("{all} on this server, all well."),
            some => format!("{all} on this server; {some} cannot be served."),
        },
        add: visit.offer(
            CompanyCreate {},
            Act::link("Create a company", format!("{}/new", base(visit))).primary().icon("plus"),
        ),
        adopt_href: format!("{}/adopt", base(visit)),
        problem: wrong.to_owned(),
        misplaced: misplaced.into_iter().map(|(folder, slug)| Misplaced { folder, slug }).collect(),
        rows: rows.collect(),
        worker,
        worker_warning,
    })
}

const NEW: [(&str, &str); 4] =
    [("Slug", "slug"), ("Name", "name"), ("AdminName", "admin_name"), ("AdminEmail", "admin_email")];

fn new_form(visit: &Visit) -> FormView {
    FormView::new(base(visit), "Create the company")
        .field(FieldView::text("name", "Name").required().autofocus().max_length(100))
        .field(FieldView::text("slug", "Short name").required().mono().short().help(
            "It stands in every address of the company, such as acme-corp: lower-case letters, digits and hyphens.",
        ))
        .field(FieldView::section("First administrator", "They get a link to choose their password with."))
        .field(FieldView::text("admin_name", "Name").required().max_length(64))
        .field(FieldView::email("admin_email", "E-mail").required())
        .cancel(base(visit))
}

/// The form for a new one.
pub(super) fn new(visit: &Visit) -> Result<Answer> {
    here(visit)?.ask(CompanyCreate {})?;
    let frame = frame(visit, "Create a company").crumb("Companies", base(visit));
    Answer::page(&FormPage { frame, form: new_form(visit) })
}

/// The form for a new one was sent.
pub(super) fn create(visit: &Visit) -> Result<Answer> {
    let granted = here(visit)?.ask(CompanyCreate {})?;
    let sent = visit.form();
    let new = NewCompany {
        slug: sent.text("slug").trim(),
        name: sent.text("name"),
        person: sent.text("admin_name"),
        email: sent.text("admin_email"),
        password: None,
    };
    match appliance(visit).create(&Steward::of(&granted)?, &new) {
        Ok((company, token)) => {
            let link = token.map(|token| invitation_link(visit, company.slug(), &token));
            let to = format!("{}/{}", base(visit), company.slug());
            Answer::once(Once::Founding, to, &show_page(visit, company.slug(), Shown { link, ..Shown::default() })?)
        }
        Err(error) => form::refused(
            frame(visit, "Create a company").crumb("Companies", base(visit)),
            new_form(visit).typed(sent.typed()),
            error,
            &NEW,
        ),
    }
}

fn invitation_link(visit: &Visit, slug: &str, token: &str) -> String {
    format!("{}/{slug}/invitation/{token}", visit.call.desk.address(&visit.call.headers))
}

/// Another link for the first administrator, while nobody of the company has accepted an invitation.
pub(super) fn invite_again(visit: &Visit) -> Result<Answer> {
    let granted = here(visit)?.ask(CompanyCreate {})?;
    match appliance(visit).invite_again(&Steward::of(&granted)?, visit.parameter("which")) {
        Ok((company, token)) => {
            let shown = Shown { link: Some(invitation_link(visit, company.slug(), &token)), ..Shown::default() };
            Answer::once(Once::Founding, address(visit), &show_page(visit, company.slug(), shown)?)
        }
        Err(error) => again(visit, error),
    }
}

/// Takes in a folder that lies among the companies under another name.
pub(super) fn adopt(visit: &Visit) -> Result<Answer> {
    let granted = here(visit)?.ask(CompanyCreate {})?;
    let sent = visit.form();
    let (folder, slug) = (sent.text("folder"), sent.text("slug").trim());
    // Only what the list shows: nobody names other folders of the machine from afar.
    if !appliance(visit).misplaced()?.iter().any(|(known, _)| known == folder) {
        return Err(Error::NotFound(folder.to_owned()));
    }
    let wished = Some(slug).filter(|slug| !slug.is_empty());
    match appliance(visit).adopt(&Steward::of(&granted)?, Path::new(folder), wished, None) {
        Ok(adopted) => {
            let said = format!("The company was taken in. {}", adopted.tasks.sentence());
            Answer::done(format!("{}/{}", base(visit), adopted.company.slug()), said.trim_end())
        }
        Err(error @ (Error::Conflict(_) | Error::Invalid(_))) => {
            Answer::refused(&list_page(visit, &error.to_string())?)
        }
        Err(error) => Err(error),
    }
}

/// What a page of one company shows besides the company.
#[derive(Default)]
struct Shown {
    link: Option<String>,
    problem: String,
    limits: Option<FormView>,
    suspension: Option<FormView>,
    renaming: Option<FormView>,
    hosts: Option<FormView>,
    removal: Option<&'static str>,
}

fn suspension_form(visit: &Visit, slug: &str) -> FormView {
    FormView::new(format!("{}/{slug}/suspend", base(visit)), "Suspend the company")
        .field(FieldView::text("reason", "Why").max_length(500).help("Its people are told."))
}
fn renaming_form(visit: &Visit, slug: &str) -> FormView {
    FormView::new(format!("{}/{slug}/rename", base(visit)), "Rename the company")
        .field(FieldView::text("slug", "New short name").required().mono().short())
}

fn show_page(visit: &Visit, slug: &str, shown: Shown) -> Result<Show> {
    let visitor = here(visit)?;
    let granted = visitor.ask(CompanyView {})?;
    let row = appliance(visit).show(&Steward::looking(&granted), slug)?;
    let href = format!("{}/{slug}", base(visit));
    let suspended = row.suspended.is_some();
    let nobody_came = row.numbers.as_ref().is_some_and(|n| n.invited > 0 && n.invited == n.people);
    let open = row.numbers.is_some() && !row.operator;
    let mut about = Kv::new().mono("Short name", &row.slug).mono("Id", &row.id).row("Size", names::bytes(row.bytes));
    if let Some(n) = &row.numbers {
        let number = |n: i64| thousands(n.unsigned_abs());
        about = about
            .row("People", number(n.people))
            .hint(if n.invited > 0 { format!("{} invited", number(n.invited)) } else { String::new() })
            .row("Service accounts", number(n.service_accounts))
            .row("Tasks running", number(n.running))
            .row("Tasks waiting", number(n.queued))
            .row("Events", number(n.events))
            .when("Founded", When::at(n.created_at));
        if let Some(at) = when(n.last_event) {
            about = about.when("Last event", at);
        }
        about = match when(n.last_backup) {
            Some(at) => about.when("Last backup", at),
            None => about.row("Last backup", "never"),
        };
    }
    let limits = row.numbers.as_ref().map(|n| n.limits);
    let (may_suspend, may_rename) = (visitor.may(CompanySuspend {}), visitor.may(CompanyRename {}));
    let removing = |_: &Granted<'_, CompanyRemove>| {
        Ok(removal(format!("{href}/remove"), "company", slug, shown.removal)
                .goes_too("Everything in it: people, projects, releases, logs and the trail. Its key is destroyed first, so no copy of the folder gives up a secret again."))
    };
    let mut lacking = vec![
        visit.offer(CompanyLimit {}, Act::link("Set limits", "#limits")).only_if(limits.is_some()),
        visit.offer(CompanySuspend {}, Act::link("Suspend the company", "#suspend")).only_if(open && !suspended),
        visit.offer(CompanyRename {}, Act::link("Rename the company", "#rename")).only_if(open),
    ];
    lacking.retain(|act| !act.is_open());
    Ok(Show {
        frame: frame(visit, if row.name.is_empty() { slug } else { &row.name }).crumb("Companies", base(visit)),
        chip: chip(&row),
        sentence: match &row.suspended {
            Some(since) => format!("since {} {}", since.since, since.reason),
            None => problem(&row),
        },
        link: shown.link.unwrap_or_default(),
        problem: shown.problem,
        back_up: visit.offer(
            CompanyBackup {},
            Act::post("Back up now", format!("{href}/backup")).icon("download").only_if(row.numbers.is_some()),
        ),
        invite: visit.offer(
            CompanyCreate {},
            Act::post("Invite the administrator again", format!("{href}/invite-again")).only_if(nobody_came),
        ),
        resume: visit.offer(
            CompanySuspend {},
            Act::post("Resume the company", format!("{href}/resume")).primary().icon("play").only_if(suspended),
        ),
        limits: limits
            .filter(|_| visitor.may(CompanyLimit {}))
            .map(|limits| shown.limits.unwrap_or_else(|| meanwhile::remembering(limits::form(visit, slug, &limits)))),
        suspension: (may_suspend && open && !suspended)
            .then(|| shown.suspension.unwrap_or_else(|| suspension_form(visit, slug))),
        renaming: (may_rename && open).then(|| shown.renaming.unwrap_or_else(|| renaming_form(visit, slug))),
        hosts: (may_rename && open).then(|| shown.hosts.unwrap_or_else(|| hosts::form(visit, slug, &row.hosts))),
        removal: if open { visit.removal(CompanyRemove {}, slug, removing)? } else { None },
        lacking,
        about,
    })
}

/// One company.
pub(super) fn show(visit: &Visit) -> Result<Answer> {
    Answer::page(&show_page(visit, visit.parameter("which"), Shown::default())?)
}

/// The page again with what was wrong on top; other errors go on as they are.
fn again(visit: &Visit, error: Error) -> Result<Answer> {
    match error {
        Error::Conflict(problem) => {
            Answer::refused(&show_page(visit, visit.parameter("which"), Shown { problem, ..Shown::default() })?)
        }
        other => Err(other),
    }
}

/// Suspends it.
pub(super) fn suspend(visit: &Visit) -> Result<Answer> {
    let granted = here(visit)?.ask(CompanySuspend {})?;
    let (sent, slug) = (visit.form(), visit.parameter("which"));
    match appliance(visit).suspend(&Steward::of(&granted)?, slug, sent.text("reason")) {
        Ok(()) => Answer::done(address(visit), format!("{slug} is suspended.")),
        Err(error @ Error::Invalid(_)) => {
            let form = refuse(suspension_form(visit, slug).typed(sent.typed()), error, &[("Reason", "reason")])?;
            Answer::refused(&show_page(visit, slug, Shown { suspension: Some(form), ..Shown::default() })?)
        }
        Err(error) => again(visit, error),
    }
}

/// Lets it go on.
pub(super) fn resume(visit: &Visit) -> Result<Answer> {
    let granted = here(visit)?.ask(CompanySuspend {})?;
    match appliance(visit).resume(&Steward::of(&granted)?, visit.parameter("which")) {
        Ok(()) => Answer::done(address(visit), format!("{} goes on.", visit.parameter("which"))),
        Err(error) => again(visit, error),
    }
}

/// Gives it another short name.
pub(super) fn rename(visit: &Visit) -> Result<Answer> {
    let granted = here(visit)?.ask(CompanyRename {})?;
    let (sent, slug) = (visit.form(), visit.parameter("which"));
    match appliance(visit).rename(&Steward::of(&granted)?, slug, sent.text("slug").trim()) {
        Ok(company) => {
            let to = format!("{}/{}", base(visit), company.slug());
            Answer::done(to, format!("{slug} is called {} now.", company.slug()))
        }
        Err(Error::Conflict(problem)) => {
            let form = renaming_form(visit, slug).typed(sent.typed());
            Answer::refused(&show_page(visit, slug, Shown { problem, renaming: Some(form), ..Shown::default() })?)
        }
        Err(error @ Error::Invalid(_)) => {
            let form = refuse(renaming_form(visit, slug).typed(sent.typed()), error, &[("Slug", "slug")])?;
            Answer::refused(&show_page(visit, slug, Shown { renaming: Some(form), ..Shown::default() })?)
        }
        Err(error) => Err(error),
    }
}

/// Takes a backup into the data folder's `backups`.
pub(super) fn back_up(visit: &Visit) -> Result<Answer> {
    let granted = here(visit)?.ask(CompanyBackup {})?;
    let to = appliance(visit).data().join("backups");
    let path = appliance::backup(appliance(visit), &Steward::of(&granted)?, visit.parameter("which"), &to)?;
    Answer::done(address(visit), format!("Backed up to {} on the server.", path.display()))
}

fn receipt(gone: Removed) -> Kv {
    let Receipt { slug, name: _, id, removed, key_fingerprint, events, last_hash } = gone.receipt;
    let facts = Kv::new().mono("Short name", slug).mono("Id", id).mono("When", removed);
    let facts = match gone.key_kept_for {
        None => facts.mono("Key destroyed", key_fingerprint),
        Some(other) => facts
            .mono("Key", key_fingerprint)
            .row("Key kept", format!("The company “{other}” is a copy of this one and needs the same key.")),
    };
    let facts = facts.row("Events in its trail", thousands(events.unsigned_abs())).mono("Hash of the last", last_hash);
    if gone.backups.is_empty() {
        return facts;
    }
    let files: Vec<String> = gone.backups.iter().map(|file| file.display().to_string()).collect();
    facts.row("Backups that are left", format!("Each brings the company back: {}", files.join(", ")))
}

/// Removes it for ever; its short name must have been typed. Shows the receipt.
pub(super) fn remove(visit: &Visit) -> Result<Answer> {
    let granted = here(visit)?.ask(CompanyRemove {})?;
    let slug = visit.parameter("which");
    if visit.form().text("confirm").trim() != slug {
        return Answer::refused(&show_page(visit, slug, Shown { removal: Some(TYPE_THE_NAME), ..Shown::default() })?);
    }
    match appliance(visit).remove(&Steward::of(&granted)?, slug) {
        Ok(gone) => {
            let frame = frame(visit, &format!("{} was removed", gone.receipt.name)).crumb("Companies", base(visit));
            let page = Gone { frame, receipt: receipt(gone), back_href: base(visit) };
            Answer::once(Once::Receipt, base(visit), &page)
        }
        Err(error) => again(visit, error),
    }
}

//! What a company may use, as the operator sets it.

use super::{Shown, address, appliance, base, here, show_page};
use crate::{
    base::{
        error::{Error, Fields, Result},
        names,
    },
    company::access::{
        Limits, Steward,
        permissions::{CompanyLimit, CompanyView},
    },
    web::{
        caller::{Answer, Visit},
        form::refuse,
        meanwhile,
        page::{FieldView, FormView},
    },
};

const BOUNDS: [(&str, &str); 4] =
    [("DiskBytes", "disk"), ("People", "people"), ("RunningTasks", "running_tasks"), ("RequestsPerMinute", "requests")];

pub(super) fn form(visit: &Visit, slug: &str, limits: &Limits) -> FormView {
    let text = |limit: Option<i64>| limit.map_or_else(String::new, |limit| limit.to_string());
    let disk = limits.disk_bytes.map_or_else(String::new, |bytes| exact_size(bytes.unsigned_abs()));
    FormView::new(format!("{}/{slug}/limits", base(visit)), "Set the limits")
        .field(
            FieldView::text("disk", "Room on the disk")
                .value(disk)
                .short()
                .placeholder("no limit")
                .help("Such as 10G or 500M. An empty field is no limit."),
        )
        .field(FieldView::text("people", "People").value(text(limits.people)).short().placeholder("no limit"))
        .field(
            FieldView::text("running_tasks", "Tasks at once")
                .value(text(limits.running_tasks))
                .short()
                .placeholder("no limit"),
        )
        .field(
            FieldView::text("requests", "Requests in a minute")
                .value(text(limits.requests_per_minute))
                .short()
                .placeholder("no limit"),
        )
}

/// A size that reads back as itself.
fn exact_size(bytes: u64) -> String {
    let units = [(1 << 40, "T"), (1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K")];
    match units.into_iter().find(|(unit, _)| bytes >= *unit && bytes.is_multiple_of(*unit)) {
        Some((unit, word)) => format!("{}{word}", bytes / unit),
        None => bytes.to_string(),
    }
}

/// Sets what it may use.
pub(in crate::web) fn limit(visit: &Visit) -> Result<Answer> {
    let granted = here(visit)?.ask(CompanyLimit {})?;
    let (sent, slug) = (visit.form(), visit.parameter("which"));
    let mut wrong = Fields::new();
    let mut read = |wire: &str, name: &str, read: fn(&str) -> Option<i64>| {
        let text = sent.text(name).trim();
        let value = read(text);
        if !text.is_empty() && value.is_none() {
            wrong.add(wire, "Give a number, or nothing for no limit.");
        }
        value.filter(|_| !text.is_empty())
    };
    let limits = Limits {
        disk_bytes: read("DiskBytes", "disk", names::parse_bytes),
        people: read("People", "people", |text| text.parse().ok()),
        running_tasks: read("RunningTasks", "running_tasks", |text| text.parse().ok()),
        requests_per_minute: read("RequestsPerMinute", "requests", |text| text.parse().ok()),
    };
    let row = appliance(visit).show(&Steward::looking(&here(visit)?.ask(CompanyView {})?), slug)?;
    let known = row.numbers.map(|numbers| numbers.limits).unwrap_or_default();
    let present = form(visit, slug, &known);
    if let Some(form) = meanwhile::refuse(&present, form(visit, slug, &limits).typed(sent.typed()), &sent) {
        return Answer::refused(&show_page(visit, slug, Shown { limits: Some(form), ..Shown::default() })?);
    }
    let change = |now: &mut Limits| match *now == known {
        true => {
            *now = limits;
            Ok(())
        }
        false => Err(Error::Conflict("Somebody else set limits meanwhile. Nothing was saved. Send it again.".into())),
    };
    let steward = Steward::of(&granted);
    let done = wrong.finish().and_then(|()| appliance(visit).change_limits(&steward?, slug, change));
    match done {
        Ok(_) => Answer::done(address(visit), format!("The limits of {slug} were set.")),
        Err(error) => {
            let form = refuse(form(visit, slug, &limits).typed(sent.typed()), error, &BOUNDS)?;
            let form = meanwhile::carry(form, &sent);
            Answer::refused(&show_page(visit, slug, Shown { limits: Some(form), ..Shown::default() })?)
        }
    }
}

//! The defects of a release on its page: what holds it, what was resolved; reporting one, resolving it.

use super::{Shown, Which, show_page, which};
use crate::{
    base::{error::Result, paging::Page},
    company::{
        access::permissions::{DefectReport, DefectResolve, ReleaseView},
        releases::defects::{self, Defect},
    },
    web::{
        caller::{Answer, Visit},
        form::refuse,
        page::{Act, Chip, FieldView, FormView, When},
        standing::when,
    },
};

/// Defects that are shown, the newest first.
const SHOWN: i64 = 20;

/// The section of the page.
pub(super) struct Defects {
    pub rows: Vec<Row>,
    /// Resolves the one that is open.
    pub resolve: Act,
    /// Reports one: a form, or for who may not the button that says why.
    pub report: Act,
    pub form: Option<FormView>,
    /// It was refused: the form is open.
    pub is_refused: bool,
}
pub(super) struct Row {
    pub chip: Chip,
    pub description: String,
    pub reported: When,
    pub reported_by: String,
    /// When it was resolved and by whom.
    pub resolved: Option<(When, String)>,
}

fn form(which: &Which) -> FormView {
    FormView::new(format!("{}/defects", which.address), "Report the defect").field(
        FieldView::textarea("description", "What is wrong with it")
            .required()
            .rows(3)
            .max_length(2000)
            .help("Until it is resolved, the release goes to no environment of a later phase."),
    )
}

pub(super) fn section(visit: &Visit, which: &Which, refused: Option<FormView>) -> Result<Defects> {
    let granted = visit.visitor.ask(ReleaseView { release: which.at.clone() })?;
    let found = defects::list(&granted, Page { skip: 0, take: SHOWN })?.items;
    let is_held = found.iter().any(|one| one.resolved_at.is_none());
    let report =
        visit.offer(DefectReport { release: which.at.clone() }, Act::link("Report a defect", "#defects").small());
    let resolve = Act::post("Resolve it", format!("{}/defects/resolve", which.address)).small().icon("check");
    Ok(Defects {
        rows: found.into_iter().map(row).collect(),
        resolve: visit.offer(DefectResolve { release: which.at.clone() }, resolve.only_if(is_held)),
        is_refused: refused.is_some(),
        form: (report.is_open() && !is_held).then(|| refused.unwrap_or_else(|| form(which))),
        report: if report.is_open() || is_held { Act::none() } else { report },
    })
}

fn row(one: Defect) -> Row {
    Row {
        chip: match one.resolved_at {
            None => Chip::new("failed", "Open"),
            Some(_) => Chip::new("success", "Resolved"),
        },
        description: one.description,
        reported: when(one.reported_at),
        reported_by: one.reported_by,
        resolved: one.resolved_at.map(|at| (when(at), one.resolved_by.unwrap_or_default())),
    }
}

/// A defect was reported.
pub(in crate::web) fn report(visit: &Visit) -> Result<Answer> {
    let which = which(visit)?;
    let granted = visit.visitor.ask(DefectReport { release: which.at.clone() })?;
    match defects::report(&granted, visit.form().text("description")) {
        Ok(_) => {
            Answer::done(&which.address, "The defect was reported: the release goes no further until it is resolved.")
        }
        Err(error) => {
            let form = form(&which).typed(visit.form().typed());
            let form = refuse(form, error, &[("Description", "description")])?;
            show_page(visit, &which, Shown { report: Some(form), ..Shown::default() })
        }
    }
}

/// The defect that holds the release was resolved. Where somebody else was faster, it is so already.
pub(in crate::web) fn resolve(visit: &Visit) -> Result<Answer> {
    let which = which(visit)?;
    let granted = visit.visitor.ask(DefectResolve { release: which.at.clone() })?;
    defects::resolve(&granted)?;
    Answer::done(&which.address, "The defect was resolved: the release may go on.")
}

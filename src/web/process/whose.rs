//! Whose process a page is about: a project's, or a runbook's of it.

use crate::{
    base::{error::Result, ids},
    company::{
        access::{
            At, Granted, RunbookPart,
            permissions::{ProcessEdit, ProcessView, RunbookEdit, RunbookView},
        },
        projects::process::{self, Process, Step},
        runbooks,
    },
    web::{
        caller::Visit,
        page::{Act, Frame},
        projects, runbooks as pages,
    },
};

/// A project, and the runbook when it is that one's process.
pub(super) struct Whose {
    of: projects::Of,
    runbook: Option<pages::Of>,
}

/// The right to change the process.
pub(super) enum Editing<'v> {
    Project(Granted<'v, ProcessEdit>),
    Runbook(Granted<'v, RunbookEdit>),
}

impl Editing<'_> {
    /// Puts new steps in place of those that were.
    pub fn save(&self, version: i64, steps: Vec<Step>) -> Result<Process> {
        match self {
            Editing::Project(granted) => process::save(granted, version, steps),
            Editing::Runbook(granted) => runbooks::process::save(granted, version, steps),
        }
    }
}

impl Whose {
    /// The project of the path, and its runbook when the path names one.
    pub fn of(visit: &Visit) -> Result<Whose> {
        let of = projects::of(visit)?;
        let runbook = match visit.parameter("runbook") {
            "" => None,
            _ => Some(pages::of(visit, &of)?),
        };
        Ok(Whose { of, runbook })
    }
    fn at(&self) -> Option<&At<ids::Runbook>> {
        self.runbook.as_ref().map(|runbook| &runbook.at)
    }
    /// Where its process is.
    pub fn address(&self) -> String {
        match &self.runbook {
            Some(runbook) => runbook.page("process"),
            None => self.of.page("process"),
        }
    }
    /// The frame of its pages.
    pub fn frame(&self, visit: &Visit, title: &str) -> Frame {
        match &self.runbook {
            Some(runbook) => runbook.frame(visit, &self.of, title),
            None => self.of.frame(visit, title, "process"),
        }
    }
    /// The process as it is.
    pub fn read(&self, visit: &Visit) -> Result<Process> {
        match self.at() {
            Some(at) => runbooks::process::show(&visit.visitor.ask(RunbookView { runbook: at.clone() })?),
            None => process::show(&visit.visitor.ask(ProcessView { project: self.of.at.clone() })?),
        }
    }
    /// The right to change it.
    pub fn edit<'v>(&self, visit: &'v Visit) -> Result<Editing<'v>> {
        Ok(match self.at() {
            Some(at) => {
                let runbook = RunbookPart::This(at.clone());
                Editing::Runbook(visit.visitor.ask(RunbookEdit { runbook })?)
            }
            None => Editing::Project(visit.visitor.ask(ProcessEdit { project: self.of.at.clone() })?),
        })
    }
    /// Whether the visitor may change it.
    pub fn may_edit(&self, visit: &Visit) -> bool {
        match self.at() {
            Some(at) => visit.visitor.may(RunbookEdit { runbook: RunbookPart::This(at.clone()) }),
            None => visit.visitor.may(ProcessEdit { project: self.of.at.clone() }),
        }
    }
    /// A button that changes it.
    pub fn offer_edit(&self, visit: &Visit, act: Act) -> Act {
        match self.at() {
            Some(at) => visit.offer(RunbookEdit { runbook: RunbookPart::This(at.clone()) }, act),
            None => visit.offer(ProcessEdit { project: self.of.at.clone() }, act),
        }
    }
    /// What comes after a change: a release, or the runbook's page, where it is published.
    pub fn onward(&self, visit: &Visit) -> Act {
        match &self.runbook {
            Some(runbook) => Act::link(format!("Back to {}", runbook.runbook.name), &runbook.address),
            None => self.of.offer_release(visit).icon("tag"),
        }
    }
    /// Asked where it has no step yet.
    pub fn question(&self) -> String {
        match &self.runbook {
            Some(runbook) => format!("What does {} do?", runbook.runbook.name),
            None => "What does a deployment do?".into(),
        }
    }
    /// What it is, in words.
    pub fn does(&self) -> String {
        match &self.runbook {
            Some(runbook) => format!("What {} does", runbook.runbook.name),
            None => "What a deployment does".into(),
        }
    }
    /// What a change means for what was frozen.
    pub fn frozen(&self) -> &'static str {
        match self.runbook {
            Some(_) => "What is published stays as it is until it is published anew.",
            None => "Releases made from now on freeze it as it is.",
        }
    }
}

//! Pages of a process, a project's or a runbook's: its steps in order, and the form of one step.
//!
//! Each change carries the version of the process it was made from. One made from an older version is refused with a
//! word, and what was typed comes back.

mod step;
mod whose;

pub(super) use step::{add, edit, new, remove, update};

use super::{
    caller::{Answer, Visit},
    page::{Act, Frame, Kind, Message},
    projects::{counted, listed},
    seen::environments_here,
};
use crate::{
    base::{
        error::{Error, Result},
        ids,
    },
    company::{
        environments::Environment,
        projects::process::{self, Condition, Process, StartTrigger, Step},
    },
};
use askama::Template;
use whose::Whose;

/// Lines of a script shown in the list; the step's own page has all of it.
const SHOWN_LINES: usize = 400;
/// A process with no more lines than this shows its scripts unfolded.
const OPEN_LINES: usize = 60;

#[derive(Template)]
#[template(path = "process/show.html")]
struct Show {
    frame: Frame,
    /// What one does next with the process.
    onward: Act,
    add: Act,
    /// What is asked where there is no step yet.
    question: String,
    sentence: String,
    problem: Option<Message>,
    steps: Vec<StepView>,
}

/// A step as a list shows it.
pub(super) struct StepView {
    /// Its name.
    pub name: String,
    /// "On targets tagged web-server".
    pub place: String,
    /// "only when an earlier step failed", "left out", and so on.
    pub rules: Vec<String>,
    /// It is left out.
    pub is_disabled: bool,
    /// What its maker noted.
    pub notes: String,
    /// What it runs, one after another.
    pub scripts: Vec<ScriptView>,
    /// Its scripts are unfolded: all of the process fits a page.
    pub is_open: bool,
    /// Where it is changed; empty: not from here.
    pub edit_href: String,
    /// Where it is moved up; empty: it cannot be.
    pub up_href: String,
    /// Where it is moved down; empty: it cannot be.
    pub down_href: String,
}

/// A script as a list shows it.
pub(super) struct ScriptView {
    /// Of which action, where a step has several.
    pub name: String,
    /// "Bash, 12 lines".
    pub what: String,
    /// The script, or its beginning.
    pub text: String,
    /// "… and 40 more lines"
    pub left_out: String,
}

/// Steps as a list shows them, to be looked at only.
pub(super) fn step_views(visit: &Visit, steps: &[Step]) -> Result<Vec<StepView>> {
    let environments = environments_here(visit)?;
    let lines = |step: &Step| step.actions.iter().map(|one| one.script_body().lines().count()).sum::<usize>();
    let is_open = steps.iter().map(lines).sum::<usize>() <= OPEN_LINES;
    Ok(steps.iter().map(|step| StepView { is_open, ..view(step, &environments) }).collect())
}

fn view(step: &Step, environments: &[Environment]) -> StepView {
    let script = |action: &process::Action| {
        if !action.is_script() {
            let name = if step.actions.len() > 1 { action.name.clone() } else { String::new() };
            let what = format!("{}, which this version cannot run", action.action_type);
            return ScriptView { name, what, text: String::new(), left_out: String::new() };
        }
        let body = action.script_body();
        let lines = body.lines().count();
        let text: Vec<&str> = body.lines().take(SHOWN_LINES).collect();
        ScriptView {
            name: if step.actions.len() > 1 { action.name.clone() } else { String::new() },
            what: format!("{}, {}", action.syntax().word(), counted(lines, "line")),
            text: text.join("\n"),
            left_out: if lines > SHOWN_LINES {
                format!("… and {} more", counted(lines - SHOWN_LINES, "line"))
            } else {
                String::new()
            },
        }
    };
    StepView {
        name: step.name.clone(),
        place: place(step),
        rules: rules(step, environments),
        is_disabled: !step.actions.is_empty() && step.actions.iter().all(|action| action.is_disabled),
        notes: step.actions.iter().filter_map(|action| action.notes.as_deref()).collect::<Vec<_>>().join("\n"),
        scripts: step.actions.iter().map(script).collect(),
        is_open: false,
        edit_href: String::new(),
        up_href: String::new(),
        down_href: String::new(),
    }
}

fn place(step: &Step) -> String {
    let roles = step.target_roles();
    let names: Vec<&str> = roles.iter().map(String::as_str).collect();
    let on_worker = step.actions.iter().all(|action| action.is_on_worker(&roles));
    match (on_worker, names.is_empty()) {
        (true, true) => "On the built-in worker".into(),
        (true, false) => format!("On the built-in worker, once for each target tagged {}", names.join(" or ")),
        (false, true) => "On no target: it names no tag".into(),
        (false, false) => format!("On targets tagged {}", names.join(" or ")),
    }
}

fn rules(step: &Step, environments: &[Environment]) -> Vec<String> {
    let mut out = Vec::new();
    match step.condition {
        Condition::Success => {}
        Condition::Failure => out.push("Only when an earlier step failed".into()),
        Condition::Always => out.push("Always, also after a failure".into()),
        Condition::Variable => out.push("When a variable says so".into()),
    }
    if step.start_trigger == StartTrigger::StartWithPrevious {
        out.push("Together with the step above".into());
    }
    let named = |wanted: &[String]| {
        let mut names: Vec<&str> = environments
            .iter()
            .filter(|one| wanted.contains(&one.id.to_string()))
            .map(|one| one.name.as_str())
            .collect();
        if names.len() < wanted.len() {
            names.push("others that you may not see");
        }
        listed(&names)
    };
    for action in &step.actions {
        if !action.environments.is_empty() {
            out.push(format!("Only in {}", named(&action.environments)));
        }
        if !action.excluded_environments.is_empty() {
            out.push(format!("Not in {}", named(&action.excluded_environments)));
        }
        if !action.channels.is_empty() {
            out.push("Only for some channels".into());
        }
        if !action.tenant_tags.is_empty() {
            out.push(format!("Only for tenants tagged {}", action.tenant_tags.join(", ")));
        }
        if action.is_required {
            out.push("Nobody may leave it out".into());
        }
    }
    out.dedup();
    out
}

/// The page of a step, or something below it.
fn step_address(of: &Whose, step: &Step) -> String {
    format!("{}/steps/{}", of.address(), step.slug)
}

/// The process.
pub(super) fn show(visit: &Visit) -> Result<Answer> {
    let of = Whose::of(visit)?;
    let found = of.read(visit)?;
    page(visit, &of, &found, None)
}

fn page(visit: &Visit, of: &Whose, found: &Process, problem: Option<String>) -> Result<Answer> {
    let may_edit = of.may_edit(visit);
    let mut steps = step_views(visit, &found.steps)?;
    if may_edit {
        let last = steps.len().saturating_sub(1);
        for (place, (drawn, step)) in steps.iter_mut().zip(&found.steps).enumerate() {
            let at = step_address(of, step);
            let moved = |way: &str, may: bool| {
                if may { format!("{at}/{way}?version={}", found.version) } else { String::new() }
            };
            drawn.up_href = moved("up", place > 0);
            drawn.down_href = moved("down", place < last);
            drawn.edit_href = at;
        }
    }
    let left_out = steps.iter().filter(|step| step.is_disabled).count();
    let frozen = of.frozen();
    let sentence = match (steps.len(), left_out) {
        (0, _) => format!("{}, step by step.", of.does()),
        (all, 0) => format!("{}, one after another. {frozen}", counted(all, "step")),
        (all, some) => format!("{}, {some} of them disabled. {frozen}", counted(all, "step")),
    };
    let refused = problem.is_some();
    let page = Show {
        frame: of.frame(visit, "Process"),
        onward: of.onward(visit),
        add: of.offer_edit(visit, Act::link("Add a step", format!("{}/new", of.address())).primary().icon("plus")),
        question: of.question(),
        sentence,
        problem: problem.map(|text| Message::new(Kind::Danger, text)),
        steps,
    };
    Answer::shown(&page, refused)
}

/// The number of the step of the path.
fn place_of(visit: &Visit, steps: &[Step]) -> Option<usize> {
    let text = visit.parameter("step");
    steps.iter().position(|step| step.slug == text).or_else(|| steps.iter().position(|step| step.id == text))
}

/// The version of the process that a change was made from; one that is missing or no number is no version at all.
fn version(text: &str) -> i64 {
    text.trim().parse().unwrap_or(-1)
}

/// Moves a step one place up.
pub(super) fn up(visit: &Visit) -> Result<Answer> {
    shift(visit, true)
}

/// Moves a step one place down.
pub(super) fn down(visit: &Visit) -> Result<Answer> {
    shift(visit, false)
}

fn shift(visit: &Visit, up: bool) -> Result<Answer> {
    let of = Whose::of(visit)?;
    let granted = of.edit(visit)?;
    let mut found = of.read(visit)?;
    let from = version(visit.call.asked("version").unwrap_or_default());
    let place = place_of(visit, &found.steps);
    let Some(place) = place else {
        let text =
            "The step is not in the process any more: somebody else removed it. This is the process as it is now.";
        return page(visit, &of, &found, Some(text.into()));
    };
    let other = if up { place.checked_sub(1) } else { Some(place + 1).filter(|other| *other < found.steps.len()) };
    let Some(other) = other else {
        return Answer::done(of.address(), format!("{} is at the end already.", found.steps[place].name));
    };
    found.steps.swap(place, other);
    let name = found.steps[other].name.clone();
    match granted.save(from, found.steps) {
        Ok(_) => Answer::done(of.address(), format!("{name} was moved {}.", if up { "up" } else { "down" })),
        Err(Error::Conflict(_)) => {
            let text = format!(
                "{name} was not moved: somebody else changed the process meanwhile. This is how it is now; move it again if it still fits."
            );
            page(visit, &of, &of.read(visit)?, Some(text))
        }
        Err(Error::Invalid(wrong)) => {
            let said: Vec<&str> = wrong.iter().map(|(_, text)| text).collect();
            page(visit, &of, &of.read(visit)?, Some(format!("{name} was not moved. {}", said.join(" "))))
        }
        Err(error) => Err(error),
    }
}

/// The environments of a step that a form does not show are kept.
fn hidden_from(visible: &[Environment], chosen: &[String]) -> Vec<String> {
    let shown = |text: &String| ids::Id::parse(text).is_some_and(|id| visible.iter().any(|one| one.id == id));
    chosen.iter().filter(|text| !shown(text)).cloned().collect()
}

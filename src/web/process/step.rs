//! The form of one step: adding, changing, removing.

use super::{hidden_from, page, place_of, step_address, version, whose::Whose};
use crate::{
    base::error::{Error, Fields as Wrong, Result},
    company::{
        environments::Environment,
        projects::process::{Action, Condition, Process, Properties, StartTrigger, Step, Syntax},
    },
    web::{
        caller::{Answer, Visit},
        form::{TYPE_THE_NAME, refuse, removal},
        page::{Choice, ConfirmDelete, FieldView, FormView, Frame, Kind, Message},
        seen::environments_here,
        start,
    },
};
use askama::Template;

const TARGET_ROLES: &str = "Octopus.Action.TargetRoles";
const RUN_ON_SERVER: &str = "Octopus.Action.RunOnServer";
const SYNTAX: &str = "Octopus.Action.Script.Syntax";
const BODY: &str = "Octopus.Action.Script.ScriptBody";
/// What the form shows of a step's and an action's properties.
const SHOWN: [&str; 5] = [TARGET_ROLES, RUN_ON_SERVER, SYNTAX, BODY, "Octopus.Action.Script.ScriptSource"];

const NAMES: &[(&str, &str)] = &[
    ("Name", "name"),
    ("Syntax", "syntax"),
    ("ScriptBody", "script"),
    ("TargetRoles", "roles"),
    ("Condition", "condition"),
    ("Environments", "environments"),
    ("Notes", "notes"),
];

#[derive(Template)]
#[template(path = "process/form.html")]
struct Form {
    frame: Frame,
    form: FormView,
    /// The step has one action, whose script the form can change.
    with_script: bool,
    with_environments: bool,
    kept: Option<Message>,
    /// The script as it is now, when somebody else changed it meanwhile.
    now: Option<String>,
    removal: Option<ConfirmDelete>,
}

impl Form {
    fn new(frame: Frame, form: FormView) -> Form {
        let has = |name: &str| form.fields.iter().any(|field| field.name == name);
        let (with_script, with_environments) = (has("script"), has("environments"));
        Form { frame, with_script, with_environments, form, kept: None, now: None, removal: None }
    }
}

fn choice(value: &str, label: &str, hint: &str, chosen: bool) -> Choice {
    Choice::new(value, label).hint(hint).chosen(chosen)
}

/// The form, filled from a step. `with_script`: the step has one action, which the form can change.
fn form_view(action: &str, submit: &str, step: &Step, at: i64, environments: &[Environment], is_new: bool) -> FormView {
    let empty = Action::default();
    let first = step.actions.first().unwrap_or(&empty);
    let with_one = step.actions.len() <= 1;
    let with_script = with_one && (is_new || first.is_script());
    let roles = step.target_roles().join(", ");
    let mut name = FieldView::text("name", "Name").value(&step.name).required().max_length(200);
    name = name.help("What it does, in a few words: it stands in the log.");
    let mut form = FormView::new(action, submit).field(FieldView::hidden("version", at.to_string()));
    form = form.field(if is_new { name.autofocus() } else { name });
    if with_script {
        let language = |syntax: Syntax, label: &str, hint: &str| {
            let chosen = first.property(SYNTAX).eq_ignore_ascii_case(syntax.word());
            choice(syntax.word(), label, hint, chosen)
        };
        let languages = vec![
            language(Syntax::Bash, "Bash", ""),
            language(Syntax::PowerShell, "PowerShell", ""),
            language(Syntax::Python, "Python", ""),
        ];
        form = form.field(FieldView::radios("syntax", "Language", languages).required());
        form = form.field(
            FieldView::script("script", "Script")
                .value(first.script_body())
                .required()
                .rows(18)
                .help("It fails when it ends with another code than 0."),
        );
        let worker = first.is_on_worker(&step.target_roles());
        let each = worker && !roles.is_empty();
        let mut places = vec![
            choice("worker", "On the built-in worker", "On this server, in a sandbox of its own.", worker && !each),
            choice("targets", "On deployment targets", "On each target that has one of the tags below.", !worker),
        ];
        if each {
            let hint = "On this server, with the target's name and address at hand.";
            places.push(choice("each", "On the built-in worker, once for each target", hint, true));
        }
        form = form.field(FieldView::radios("where", "Where it runs", places).required());
    }
    let tags = FieldView::text("roles", "Target tags").value(roles).mono().placeholder("web-server, db-server");
    form = form.field(tags.help("For targets only: tags joined by commas. One of them is enough."));
    let mut conditions = vec![
        choice("Success", "When all steps before it succeeded", "", step.condition == Condition::Success),
        choice(
            "Failure",
            "Only when a step before it failed",
            "To clean up, or to tell somebody.",
            step.condition == Condition::Failure,
        ),
        choice("Always", "In any case", "", step.condition == Condition::Always),
    ];
    // A step that is switched off is kept as it came.
    if step.condition == Condition::Variable {
        let words = "This version cannot decide so: the step stays disabled.";
        conditions.push(choice("Variable", "When a variable says so", words, true));
    }
    form = form.field(FieldView::radios("condition", "It runs", conditions).required());
    if with_one {
        if !environments.is_empty() {
            let places = environments.iter().map(|one| {
                let id = one.id.to_string();
                Choice::new(&id, &one.name).chosen(first.environments.contains(&id))
            });
            form = form.field(
                FieldView::checks("environments", "Only in these environments", places.collect())
                    .help("None ticked: in all, later ones too."),
            );
        }
        form = form
            .field(
                FieldView::checkbox("required", "Nobody may leave it out", first.is_required)
                    .help("Otherwise whoever starts it may skip it."),
            )
            .field(
                FieldView::checkbox("disabled", "Disabled", first.is_disabled)
                    .help("It stays in the process and is left out."),
            )
            .field(
                FieldView::textarea("notes", "Notes")
                    .value(first.notes.as_deref().unwrap_or_default())
                    .rows(3)
                    .help("For the people who keep the process."),
            );
    }
    form
}

/// What was sent, put into a step. All that the form does not show stays as it was.
fn apply(visit: &Visit, step: &mut Step, environments: &[Environment]) -> Result<()> {
    let sent = visit.form();
    let before = std::mem::replace(&mut step.name, sent.text("name").trim().to_owned());
    step.condition =
        Condition::parse(sent.text("condition")).ok_or_else(|| Error::invalid("Condition", "Choose when it runs."))?;
    let roles: Vec<&str> = sent.text("roles").split(',').map(str::trim).filter(|role| !role.is_empty()).collect();
    let with_script = step.actions.len() == 1 && step.actions[0].is_script();
    let on_targets = !with_script || sent.text("where") != "worker";
    if on_targets && !roles.is_empty() {
        step.properties.insert(TARGET_ROLES.into(), roles.join(",").as_str().into());
    } else {
        step.properties.remove(TARGET_ROLES);
    }
    let [action] = step.actions.as_mut_slice() else { return Ok(()) };
    if action.name.is_empty() || action.name == before {
        action.name.clone_from(&step.name);
    }
    if with_script {
        let on_worker = if sent.text("where") == "targets" { "False" } else { "True" };
        // A browser ends lines its own way; a script wants them plain.
        let script = sent.text("script").replace("\r\n", "\n");
        action.properties.insert(RUN_ON_SERVER.into(), on_worker.into());
        action.properties.insert(SYNTAX.into(), sent.text("syntax").into());
        action.properties.insert(BODY.into(), script.as_str().into());
    }
    let mut chosen = sent.all("environments");
    chosen.extend(hidden_from(environments, &action.environments));
    action.environments = chosen;
    action.is_required = sent.ticked("required");
    action.is_disabled = sent.ticked("disabled");
    action.notes = Some(sent.text("notes").replace("\r\n", "\n")).filter(|notes| !notes.trim().is_empty());
    Ok(())
}

/// A command's errors under the form's names: those of this step beside their fields, those of others on top.
fn of_this(error: Error, place: usize, steps: &[String]) -> Error {
    let Error::Invalid(wrong) = error else { return error };
    let mut out = Wrong::new();
    let own = format!("Steps[{place}].");
    for (field, message) in wrong.iter() {
        if let Some(field) = field.strip_prefix(&own) {
            if out.of(field).is_none() {
                out.add(field, message);
            }
            continue;
        }
        let number = field.strip_prefix("Steps[").and_then(|rest| rest.split(']').next()?.parse::<usize>().ok());
        match number.and_then(|number| steps.get(number)) {
            Some(name) => out.add(field, format!("Step {name}: {message}")),
            None => out.add(field, message),
        }
    }
    Error::Invalid(out)
}

fn frame(visit: &Visit, of: &Whose, title: &str) -> Frame {
    of.frame(visit, title).crumb("Process", of.address())
}

fn blank() -> Step {
    Step::script("", Syntax::Bash, "", &[])
}

fn new_form(visit: &Visit, of: &Whose, at: i64, environments: &[Environment]) -> FormView {
    let action = start::through(visit, format!("{}/steps", of.address()));
    form_view(&action, "Add the step", &blank(), at, environments, true).cancel(of.address())
}

fn new_page(visit: &Visit, of: &Whose, form: FormView) -> Form {
    Form::new(frame(visit, of, "Add a step"), form)
}

/// The form for a new step.
pub(in crate::web) fn new(visit: &Visit) -> Result<Answer> {
    let of = Whose::of(visit)?;
    of.edit(visit)?;
    let at = of.read(visit)?.version;
    Answer::page(&new_page(visit, &of, new_form(visit, &of, at, &environments_here(visit)?)))
}

/// What was typed, in a form that is sent from the newest version on.
fn typed(visit: &Visit, form: FormView, at: i64) -> FormView {
    let mut form = form.typed(visit.form().typed());
    for field in form.fields.iter_mut().filter(|field| field.name == "version") {
        field.value = at.to_string();
    }
    form
}

/// The form for a new step was sent.
pub(in crate::web) fn add(visit: &Visit) -> Result<Answer> {
    let of = Whose::of(visit)?;
    let granted = of.edit(visit)?;
    let environments = environments_here(visit)?;
    let mut steps = of.read(visit)?.steps;
    let mut step = blank();
    let name = visit.form().text("name").trim().to_owned();
    let saved = apply(visit, &mut step, &environments).and_then(|()| {
        steps.push(step);
        granted.save(version(visit.form().text("version")), steps.clone())
    });
    match saved {
        Ok(_) => start::done(visit, of.address(), format!("{name} was added.")),
        Err(error) => {
            let names: Vec<String> = steps.iter().map(|step| step.name.clone()).collect();
            let last = steps.len().saturating_sub(1);
            let at = of.read(visit)?.version;
            let form = typed(visit, new_form(visit, &of, at, &environments), at);
            let error = match error {
                Error::Conflict(_) => Error::Conflict(format!(
                    "Somebody else changed the process meanwhile. Nothing of yours is lost: “Add the step” now puts {} after its last step.",
                    if name.is_empty() { "yours" } else { &name }
                )),
                error => of_this(error, last, &names),
            };
            Answer::refused(&new_page(visit, &of, refuse(form, error, NAMES)?))
        }
    }
}

/// What a step has beyond the form, in words.
fn kept(step: &Step) -> Option<Message> {
    let mut things: Vec<String> = Vec::new();
    if step.actions.len() > 1 {
        let names: Vec<&str> = step.actions.iter().map(|action| action.name.as_str()).collect();
        things.push(format!("its {} actions ({})", names.len(), names.join(", ")));
    }
    if step.start_trigger == StartTrigger::StartWithPrevious {
        things.push("that it begins together with the step above".into());
    }
    let some = |list: fn(&Action) -> &Vec<String>| step.actions.iter().any(|action| !list(action).is_empty());
    if some(|action| &action.excluded_environments) {
        things.push("environments it is left out of".into());
    }
    if some(|action| &action.channels) {
        things.push("its channels".into());
    }
    if some(|action| &action.tenant_tags) {
        things.push("its tenant tags".into());
    }
    let further = |properties: &Properties| properties.keys().filter(|key| !SHOWN.contains(&key.as_str())).count();
    let more = further(&step.properties) + step.actions.iter().map(|action| further(&action.properties)).sum::<usize>();
    if more > 0 {
        things.push(format!(
            "{} further",
            crate::web::projects::counted(more, "property").replace("propertys", "properties")
        ));
    }
    if things.is_empty() {
        return None;
    }
    let text = format!("Made by a program, with more than this page shows. Saving keeps it: {}.", things.join(", "));
    Some(Message::new(Kind::Info, text))
}

struct Shown<'a> {
    of: &'a Whose,
    process: &'a Process,
    step: &'a Step,
}

impl Shown<'_> {
    fn form(&self, environments: &[Environment]) -> FormView {
        let action = step_address(self.of, self.step);
        form_view(&action, "Save the step", self.step, self.process.version, environments, false)
            .cancel(self.of.address())
    }
    fn page(&self, visit: &Visit, form: FormView, problem: Option<&str>) -> Form {
        let action = format!("{}/remove?version={}", step_address(self.of, self.step), self.process.version);
        let removal = removal(action, "step", &self.step.name, problem)
            .goes_too("Its script. Releases and snapshots that were made before keep theirs.");
        Form {
            kept: kept(self.step),
            removal: Some(removal),
            ..Form::new(frame(visit, self.of, &self.step.name), form)
        }
    }
}

/// The form for changing a step.
pub(in crate::web) fn edit(visit: &Visit) -> Result<Answer> {
    let of = Whose::of(visit)?;
    of.edit(visit)?;
    let process = of.read(visit)?;
    let place = place_of(visit, &process.steps).ok_or_else(|| Error::NotFound(visit.parameter("step").to_owned()))?;
    let shown = Shown { of: &of, process: &process, step: &process.steps[place] };
    let form = shown.form(&environments_here(visit)?);
    Answer::page(&shown.page(visit, form, None))
}

/// The form for changing a step was sent.
pub(in crate::web) fn update(visit: &Visit) -> Result<Answer> {
    let of = Whose::of(visit)?;
    let granted = of.edit(visit)?;
    let environments = environments_here(visit)?;
    let process = of.read(visit)?;
    let Some(place) = place_of(visit, &process.steps) else {
        let form = typed(visit, new_form(visit, &of, process.version, &environments), process.version);
        let text = "Somebody else removed this step meanwhile. What you typed is kept: “Add the step” puts it back, as the last one.";
        return Answer::refused(&new_page(visit, &of, form.problem(text)));
    };
    let mut steps = process.steps.clone();
    let name = visit.form().text("name").trim().to_owned();
    let saved = apply(visit, &mut steps[place], &environments)
        .and_then(|()| granted.save(version(visit.form().text("version")), steps.clone()));
    let error = match saved {
        Ok(_) => return Answer::done(of.address(), format!("{name} was saved.")),
        Err(error) => error,
    };
    let process = of.read(visit)?;
    let Some(place) = place_of(visit, &process.steps) else {
        return Err(Error::Conflict("Somebody else removed this step meanwhile. Go back, and add it anew.".into()));
    };
    let shown = Shown { of: &of, process: &process, step: &process.steps[place] };
    let form = typed(visit, shown.form(&environments), process.version);
    let stale = matches!(error, Error::Conflict(_));
    let error = match error {
        Error::Conflict(_) => Error::Conflict(
            "Somebody else changed the process meanwhile. Nothing of yours is lost: “Save the step” now puts what stands here in place of the step as it is now.".into(),
        ),
        error => {
            let names: Vec<String> = steps.iter().map(|step| step.name.clone()).collect();
            of_this(error, place, &names)
        }
    };
    let mut page = shown.page(visit, refuse(form, error, NAMES)?, None);
    let script = shown.step.actions.first().map(Action::script_body).unwrap_or_default();
    if stale && script != visit.form().text("script").replace("\r\n", "\n") {
        page.now = Some(script.to_owned());
    }
    Answer::refused(&page)
}

/// Removes a step; its name must have been typed.
pub(in crate::web) fn remove(visit: &Visit) -> Result<Answer> {
    let of = Whose::of(visit)?;
    let granted = of.edit(visit)?;
    let process = of.read(visit)?;
    let Some(place) = place_of(visit, &process.steps) else {
        let text = "The step was removed already. This is the process as it is now.";
        return page(visit, &of, &process, Some(text.into()));
    };
    let shown = Shown { of: &of, process: &process, step: &process.steps[place] };
    let again = |shown: &Shown<'_>, problem: &str| {
        let form = shown.form(&environments_here(visit)?);
        Answer::refused(&shown.page(visit, form, Some(problem)))
    };
    let name = shown.step.name.clone();
    if visit.form().text("confirm").trim() != name {
        return again(&shown, TYPE_THE_NAME);
    }
    let mut steps = process.steps.clone();
    steps.remove(place);
    match granted.save(version(visit.call.asked("version").unwrap_or_default()), steps) {
        Ok(_) => Answer::done(of.address(), format!("{name} was removed.")),
        Err(Error::Conflict(_)) => {
            let process = of.read(visit)?;
            match place_of(visit, &process.steps) {
                Some(place) => again(
                    &Shown { of: &of, process: &process, step: &process.steps[place] },
                    "Somebody else changed the process meanwhile. Above is the step as it is now; remove it again if you still want to.",
                ),
                None => page(
                    visit,
                    &of,
                    &process,
                    Some("The step was removed already. This is the process as it is now.".into()),
                ),
            }
        }
        Err(Error::Invalid(wrong)) => {
            let said: Vec<&str> = wrong.iter().map(|(_, text)| text).collect();
            again(&shown, &format!("It was not removed. {}", said.join(" ")))
        }
        Err(error) => Err(error),
    }
}

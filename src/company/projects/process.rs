//! The deployment process of a project: its steps in order. Releases freeze it.
//!
//! A process carries a version; who saves over a version that is no longer the newest is told so and loses nothing.

pub use super::step::{
    Action, Condition, POOL, PackageRequirement, Properties, PropertyValue, StartTrigger, Step, Syntax,
};
use super::step::{SCRIPT_ACTION, SCRIPT_BODY, SCRIPT_SOURCE, SCRIPT_SYNTAX};
use super::{Kind, Project, kept};
use crate::base::{
    error::{Error, Fields as Wrong, Result},
    ids::{Channel, Environment, Id, Space},
    names,
};
use crate::company::access::{
    Event, Granted, Rows,
    permissions::{ProcessEdit, ProcessView},
};
use serde_json::{Map, Value};
use std::collections::HashSet;

/// How many steps a process may have.
pub const MOST_STEPS: usize = 200;
/// How many bytes all its steps may take together.
pub const LARGEST: usize = 1024 * 1024;

/// A project's process.
#[derive(Debug, Clone)]
pub struct Process {
    /// Whose it is.
    pub project: Id<Kind>,
    /// The space of the project.
    pub space: Id<Space>,
    /// Rises with each save.
    pub version: i64,
    /// Its steps, in the order in which they run.
    pub steps: Vec<Step>,
}

/// The process.
pub fn show(granted: &Granted<'_, ProcessView>) -> Result<Process> {
    granted.read(|rows| sql::of(rows, granted.what().project.id()))
}

/// Puts new steps in place of those that were. `version` is the one the change was made from. Steps and actions without
/// an id are new and are given one.
///
/// # Errors
/// `Conflict` when somebody else saved meanwhile; `Invalid` with fields such as `Steps[0].Name`, or
/// `Steps[0].ScriptBody` and `Steps[0].Syntax` for the script of a step.
pub fn save(granted: &Granted<'_, ProcessEdit>, version: i64, steps: Vec<Step>) -> Result<Process> {
    let id = granted.what().project.id();
    granted.write(|tx| {
        let changes = tx.changes();
        let project = super::by_id(tx, id)?;
        let before = sql::of(tx, id)?;
        let json = to_save(tx, &project, &project.name, (before.version, version), steps)?;
        if json == kept::write(tx, project.space, &before.steps)? {
            // What was read and is sent back changes nothing.
            return tx.unchanged(changes, before);
        }
        sql::update(tx, id, &json)?;
        let after = sql::of(tx, id)?;
        let event = Event::new("Modified").say("The process of ").name(id, &project.name).say(" was changed");
        let event = event.space(project.space.0).project(id.0, Some(project.group.0));
        tx.record(event.difference(&by_name(&before.steps), &by_name(&after.steps)), after)
    })
}

/// The steps as they are written down, checked. `versions`: the present one, and the one the change was made from.
///
/// # Errors
/// As [`save`].
pub(in crate::company) fn to_save(
    rows: &Rows<'_>,
    project: &Project,
    whose: &str,
    versions: (i64, i64),
    steps: Vec<Step>,
) -> Result<String> {
    if versions.0 != versions.1 {
        return Err(Error::Conflict(format!(
            "The process of {whose} was changed by somebody else meanwhile: its Version is {} now. Load it again, then make your change.",
            versions.0
        )));
    }
    let steps = check(kept::spelt(rows, project.space, steps)?, |thing| sql::known(rows, project, thing))?;
    let json = kept::write(rows, project.space, &steps)?;
    if json.len() > LARGEST {
        return Err(Error::invalid(
            "Steps",
            "The process is larger than 1 MiB. Move scripts into files that steps call.",
        ));
    }
    Ok(json)
}

/// The steps under their names, so that the trail shows the changed ones alone.
pub(in crate::company) fn by_name(steps: &[Step]) -> Map<String, Value> {
    let mut map: Map<String, Value> = steps
        .iter()
        .map(|step| (format!("Step {}", step.name), serde_json::to_value(step).unwrap_or_default()))
        .collect();
    map.insert("Order".into(), steps.iter().map(|step| Value::from(step.name.as_str())).collect());
    map
}

/// What an action may name.
enum Thing<'a> {
    Environment(Id<Environment>),
    Channel(Id<Channel>),
    Tag(&'a str),
}

/// The rules of a process (`domain §2`), as far as this version runs it; gives ids and slugs to what is new.
fn check(mut steps: Vec<Step>, known: impl Fn(Thing<'_>) -> Result<bool>) -> Result<Vec<Step>> {
    if steps.len() > MOST_STEPS {
        return Err(Error::invalid("Steps", format!("A process has at most {MOST_STEPS} steps.")));
    }
    let mut wrong = Wrong::new();
    let (mut ids, mut slugs) = (HashSet::new(), HashSet::new());
    let (mut step_names, mut action_names) = (HashSet::new(), HashSet::new());
    for (number, step) in steps.iter_mut().enumerate() {
        let at = format!("Steps[{number}]");
        let named = wrong.check(&format!("{at}.Name"), names::name(&step.name, 200));
        step.name = named.unwrap_or_default();
        if !step.name.is_empty() && !step_names.insert(names::key(&step.name)) {
            wrong.add(
                &format!("{at}.Name"),
                format!("There is a step called “{}” already. Choose another name.", step.name),
            );
        }
        // A step that is switched off is kept as it came, whatever it is; it is checked when it is switched on.
        let is_off = !step.actions.is_empty() && step.actions.iter().all(|action| action.is_disabled);
        if step.condition == Condition::Variable && !is_off {
            wrong.add(
                &format!("{at}.Condition"),
                "This version cannot decide by a variable yet. Choose Success, Failure or Always.",
            );
        }
        no_secrets(&mut wrong, &at, &step.properties, is_off);
        identify(&mut step.id, &mut step.slug, &step.name, "step", &mut ids, &mut slugs);
        if step.actions.is_empty() {
            wrong.add(&format!("{at}.Actions"), "A step does at least one thing. Give it an action.");
        }
        let mut action_slugs = HashSet::new();
        let (only, roles) = (step.actions.len() == 1, step.target_roles());
        for (place, action) in step.actions.iter_mut().enumerate() {
            let at = if only { at.clone() } else { format!("{at}.Actions[{place}]") };
            if only && action.name.trim().is_empty() {
                action.name.clone_from(&step.name);
            }
            if !only || action.name != step.name {
                action.name = wrong.check(&format!("{at}.Name"), names::name(&action.name, 200)).unwrap_or_default();
            }
            if !action.name.is_empty() && !action_names.insert(names::key(&action.name)) {
                wrong.add(
                    &format!("{at}.Name"),
                    format!("There is an action called “{}” already. Choose another name.", action.name),
                );
            }
            if !action.is_disabled {
                action.other.retain(|name, value| !is_usual(name, value));
            }
            identify(&mut action.id, &mut action.slug, &action.name, "action", &mut ids, &mut action_slugs);
            no_secrets(&mut wrong, &at, &action.properties, action.is_disabled);
            if !action.is_disabled {
                check_action(&mut wrong, &at, action, &roles);
                check_names(&mut wrong, &at, action, &known)?;
            }
        }
    }
    wrong.finish()?;
    Ok(steps)
}

fn identify(
    id: &mut String,
    slug: &mut String,
    name: &str,
    fallback: &str,
    ids: &mut HashSet<String>,
    slugs: &mut HashSet<String>,
) {
    if id.trim().is_empty() || id.len() > 100 || !ids.insert(id.clone()) {
        *id = uuid::Uuid::new_v4().to_string();
        ids.insert(id.clone());
    }
    if names::slug(slug).is_err() {
        *slug = names::slug_of(name, fallback);
    }
    let free = names::free::<()>(slug, |slug| Ok(slugs.contains(slug)));
    *slug = free.unwrap_or_else(|()| slug.clone());
    slugs.insert(slug.clone());
}

/// `is_off`: that a secret was there may stay, for what is switched off.
fn no_secrets(wrong: &mut Wrong, at: &str, properties: &Properties, is_off: bool) {
    for (name, value) in properties {
        if matches!(value, PropertyValue::Sensitive { new_value, .. } if !is_off || new_value.is_some()) {
            wrong.add(
                &format!("{at}.Properties[{name}]"),
                format!("{name} is a sensitive value. This version cannot keep secrets in a process: leave it out."),
            );
        }
    }
}

/// Whether this version can run the action, and what to do when it cannot.
fn check_action(wrong: &mut Wrong, at: &str, action: &Action, roles: &[String]) {
    if action.action_type != SCRIPT_ACTION {
        let kind = if action.action_type.is_empty() { "An action without a type" } else { &action.action_type };
        wrong.add(
            &format!("{at}.ActionType"),
            format!("{kind} cannot be run by this version. Use a script ({SCRIPT_ACTION})."),
        );
        return;
    }
    if !matches!(action.property(SCRIPT_SOURCE), "" | "Inline") {
        wrong.add(
            &format!("{at}.Properties[{SCRIPT_SOURCE}]"),
            "Scripts from packages and Git cannot be run by this version. Put the script into the step (Inline).",
        );
    }
    // The page of a step always names one, or nothing.
    if action.properties.contains_key(SCRIPT_SYNTAX) && Syntax::parse(action.property(SCRIPT_SYNTAX)).is_none() {
        wrong.add(&format!("{at}.Syntax"), "Choose the script's language: Bash, PowerShell or Python.");
    }
    if action.property(SCRIPT_BODY).trim().is_empty() {
        wrong.add(&format!("{at}.ScriptBody"), "Write the script that the step runs.");
    }
    if !action.is_on_worker(roles) && roles.is_empty() {
        wrong.add(
            &format!("{at}.TargetRoles"),
            "Name at least one target tag: the step runs on targets that have it. Or let it run on the worker.",
        );
    }
    let filled =
        |name: &str| action.other.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    if filled("Packages").and_then(Value::as_array).is_some_and(|list| !list.is_empty()) {
        wrong.add(&format!("{at}.Packages"), "This version has no packages yet. Leave them out of the step.");
    }
    not_yet(wrong, at, action);
    let image = filled("Container")
        .and_then(Value::as_object)
        .and_then(|map| map.iter().find(|(key, _)| key.eq_ignore_ascii_case("Image")));
    if image.and_then(|(_, image)| image.as_str()).is_some_and(|image| !image.trim().is_empty()) {
        wrong.add(
            &format!("{at}.Container.Image"),
            "This version cannot run a step in a container. Leave the image out.",
        );
    }
}

/// Whether a field of an action says what is said of one that does not have it.
fn is_usual(name: &str, value: &Value) -> bool {
    let empty = match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.values().all(Value::is_null),
        _ => false,
    };
    match name.to_ascii_lowercase().as_str() {
        "condition" => {
            value.as_str().is_none_or(|text| text.eq_ignore_ascii_case("Success")) && (empty || value.is_string())
        }
        "canbeusedforprojectversioning"
        | "container"
        | "gitdependencies"
        | "packages"
        | "workerpoolid"
        | "workerpoolvariable" => empty,
        _ => false,
    }
}

/// Settings of an action that this version does not do, with what they may be nevertheless.
const NOT_YET: &[(&str, &[&str], &str)] = &[
    ("Octopus.Action.AutoRetry.MaximumCount", &["0"], "cannot repeat an action"),
    ("Octopus.Action.ExecutionTimeout.Minutes", &["0"], "has no time limit for an action"),
    ("Octopus.Action.EnabledFeatures", &[","], "has no configuration features"),
    ("Octopus.Action.Script.ScriptParameters", &[], "has no parameters of scripts"),
    ("Octopus.Action.Script.ScriptFileName", &[], "has no scripts in files"),
    ("Octopus.Action.PowerShell.Edition", &["Core"], "runs PowerShell Core"),
];

/// Refuses by name what would be kept and never done.
fn not_yet(wrong: &mut Wrong, at: &str, action: &Action) {
    for (name, fit, words) in NOT_YET {
        let value = action.property(name).trim();
        if !value.is_empty() && !fit.iter().any(|fit| fit.eq_ignore_ascii_case(value)) {
            wrong.add(
                &format!("{at}.Properties[{name}]"),
                format!("{name} is “{value}”; this version {words}. Leave it out."),
            );
        }
    }
    for (name, value) in &action.other {
        let (text, is_empty) = match value {
            Value::String(text) => (text.as_str(), text.trim().is_empty()),
            Value::Array(list) => ("", list.is_empty()),
            Value::Object(map) => ("", map.is_empty()),
            _ => ("", true),
        };
        let words = match name.to_ascii_lowercase().as_str() {
            "condition" if !is_empty && !text.eq_ignore_ascii_case("Success") => {
                "This version cannot decide by a variable yet. Send Success."
            }
            "gitdependencies" if !is_empty => "This version has no steps from Git yet. Leave them out.",
            "inputs" | "steppackageversion" if !is_empty => "This version has no step packages yet. Leave it out.",
            _ => continue,
        };
        wrong.add(&format!("{at}.{name}"), words);
    }
}

/// What an action is limited to must exist, in this space and project: a limit that nothing can meet would leave the
/// action out without a word.
fn check_names(wrong: &mut Wrong, at: &str, action: &Action, known: &impl Fn(Thing<'_>) -> Result<bool>) -> Result<()> {
    for (field, list) in
        [("Environments", &action.environments), ("ExcludedEnvironments", &action.excluded_environments)]
    {
        for text in list {
            let found = match Id::parse(text) {
                Some(id) => known(Thing::Environment(id))?,
                None => false,
            };
            if !found {
                wrong.add(&format!("{at}.{field}"), format!("There is no environment {text} in this space."));
            }
        }
    }
    for text in &action.channels {
        let found = match Id::parse(text) {
            Some(id) => known(Thing::Channel(id))?,
            None => false,
        };
        if !found {
            wrong.add(&format!("{at}.Channels"), format!("There is no channel {text} in this project."));
        }
    }
    for tag in &action.tenant_tags {
        if !known(Thing::Tag(tag))? {
            wrong.add(
                &format!("{at}.TenantTags"),
                format!("There is no tag {tag} in this space. Name tags as Set/Tag."),
            );
        }
    }
    Ok(())
}

/// The process, inside a transaction that was granted for something that has it.
pub(in crate::company) fn of(rows: &Rows<'_>, project: Id<Kind>) -> Result<Process> {
    sql::of(rows, project)
}

mod sql {
    use super::*;
    use crate::company::access::Writing;

    pub fn of(rows: &Rows<'_>, project: Id<Kind>) -> Result<Process> {
        let found = rows.one(
            "SELECT p.space_id, c.version, c.steps FROM processes c JOIN projects p ON p.id = c.project_id WHERE c.project_id = ?1",
            [project],
            |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?)),
        )?;
        let (space, version, steps) = found.ok_or_else(|| Error::NotFound(project.to_string()))?;
        Ok(Process { project, space, version, steps: kept::read(rows, space, &steps)? })
    }

    pub fn update(tx: &Writing<'_>, project: Id<Kind>, steps: &str) -> Result<()> {
        tx.run("UPDATE processes SET steps = ?2, version = version + 1 WHERE project_id = ?1", (project, steps))?;
        Ok(())
    }

    pub fn known(rows: &Rows<'_>, project: &Project, thing: Thing<'_>) -> Result<bool> {
        match thing {
            Thing::Environment(id) => {
                rows.any("SELECT 1 FROM environments WHERE id = ?1 AND space_id = ?2", (id, project.space))
            }
            Thing::Channel(id) => {
                rows.any("SELECT 1 FROM channels WHERE id = ?1 AND project_id = ?2", (id, project.id))
            }
            Thing::Tag(tag) => {
                let Some((set, tag)) = tag.split_once('/') else { return Ok(false) };
                rows.any(
                    "SELECT 1 FROM tags t JOIN tag_sets s ON s.id = t.tag_set_id WHERE s.space_id = ?1 AND s.name_key = ?2 AND t.name_key = ?3",
                    (project.space, names::key(set), names::key(tag)),
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::company::projects::step;

    fn checked(steps: Vec<Step>) -> Result<Vec<Step>, Vec<String>> {
        check(steps, |_| Ok(false)).map_err(|error| match error {
            Error::Invalid(fields) => fields.iter().map(|(field, _)| field.to_owned()).collect(),
            other => vec![other.to_string()],
        })
    }
    fn script(name: &str) -> Step {
        Step::script(name, Syntax::Bash, "echo hello", &[])
    }

    #[test]
    fn new_steps_are_given_ids_and_slugs_that_differ() {
        let steps = checked(vec![script("Build it"), script("Build-it"), script("Test")]).unwrap();
        assert_eq!(steps.iter().map(|s| s.slug.as_str()).collect::<Vec<_>>(), ["build-it", "build-it-2", "test"]);
        let ids: HashSet<&str> = steps.iter().flat_map(|s| [s.id.as_str(), s.actions[0].id.as_str()]).collect();
        assert_eq!(ids.len(), 6);
        let again = checked(steps.clone()).unwrap();
        assert_eq!(again, steps, "a second save changes nothing");
    }

    #[test]
    fn findings_d7_a_script_that_names_no_language_is_powershell() {
        let mut step = script("A");
        step.actions[0].properties.remove(step::SCRIPT_SYNTAX);
        let saved = checked(vec![step]).unwrap();
        assert_eq!(saved[0].actions[0].syntax(), Syntax::PowerShell);
        assert!(
            !saved[0].actions[0].names_syntax() && !saved[0].actions[0].properties.contains_key(step::SCRIPT_SYNTAX)
        );
    }

    #[test]
    fn what_cannot_run_is_refused_beside_its_field() {
        let with = |change: fn(&mut Step)| {
            let mut step = script("A");
            change(&mut step);
            checked(vec![step]).unwrap_err()
        };
        assert_eq!(with(|s| s.name = " ".into())[0], "Steps[0].Name");
        assert_eq!(with(|s| s.actions.clear()), ["Steps[0].Actions"]);
        assert_eq!(with(|s| s.actions[0].action_type = "Octopus.Manual".into()), ["Steps[0].ActionType"]);
        assert_eq!(
            with(|s| drop(s.actions[0].properties.insert(step::SCRIPT_BODY.into(), "  ".into()))),
            ["Steps[0].ScriptBody"]
        );
        assert_eq!(
            with(|s| drop(s.actions[0].properties.insert(step::SCRIPT_SYNTAX.into(), "FSharp".into()))),
            ["Steps[0].Syntax"]
        );
        assert_eq!(
            with(|s| drop(s.actions[0].properties.insert(step::RUN_ON_SERVER.into(), "False".into()))),
            ["Steps[0].TargetRoles"]
        );
        assert_eq!(with(|s| s.condition = Condition::Variable), ["Steps[0].Condition"]);
        // What would be kept and never done (findings H1).
        let retry = "Octopus.Action.AutoRetry.MaximumCount";
        assert_eq!(
            with(|s| drop(s.actions[0].properties.insert("Octopus.Action.AutoRetry.MaximumCount".into(), "3".into()))),
            [format!("Steps[0].Properties[{retry}]")]
        );
        assert_eq!(
            with(|s| drop(s.actions[0].other.insert("GitDependencies".into(), serde_json::json!([{ "Name": "x" }])))),
            ["Steps[0].GitDependencies"]
        );
        assert_eq!(with(|s| s.actions[0].environments = vec!["Environments-9".into()]), ["Steps[0].Environments"]);
        assert_eq!(with(|s| s.actions[0].tenant_tags = vec!["x".into()]), ["Steps[0].TenantTags"]);
        assert_eq!(
            with(|s| drop(
                s.properties.insert("p".into(), PropertyValue::Sensitive { has_value: true, new_value: None })
            )),
            ["Steps[0].Properties[p]"]
        );
        assert_eq!(checked(vec![script("A"), script(" a ")]).unwrap_err()[0], "Steps[1].Name");
    }
}

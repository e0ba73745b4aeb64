//! What a process is made of: steps, and in each step its actions, in the shape of the wire (`rest-api §7`).
//!
//! The same shape is stored, frozen in releases and sent. What this version does not know is kept and given back as it
//! came. Reading ignores the case of property names; the names inside `Properties` are kept as they were.

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Where target tags stand in a step's properties: a comma list.
pub const TARGET_ROLES: &str = "Octopus.Action.TargetRoles";
/// How many targets a rolling step works on at a time.
pub const MAX_PARALLELISM: &str = "Octopus.Action.MaxParallelism";
/// "True": the action runs on a worker.
pub const RUN_ON_SERVER: &str = "Octopus.Action.RunOnServer";
/// `Inline` is the only source of a script that this version runs.
pub const SCRIPT_SOURCE: &str = "Octopus.Action.Script.ScriptSource";
/// The language of a script.
pub const SCRIPT_SYNTAX: &str = "Octopus.Action.Script.Syntax";
/// The script itself.
pub const SCRIPT_BODY: &str = "Octopus.Action.Script.ScriptBody";
/// The id of the one pool of workers, in which the built-in worker stands.
pub const POOL: &str = "WorkerPools-1";
/// The only action type that this version runs.
pub const SCRIPT_ACTION: &str = "Octopus.Script";

/// The value of a property.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum PropertyValue {
    /// Plain text.
    Text(String),
    /// A secret: whether there is one, and on writing the new one.
    #[serde(rename_all = "PascalCase")]
    Sensitive {
        /// Whether a value is set.
        has_value: bool,
        /// The value to set.
        new_value: Option<String>,
    },
}

impl PropertyValue {
    /// The text; `None` for a secret.
    pub fn text(&self) -> Option<&str> {
        match self {
            PropertyValue::Text(text) => Some(text),
            PropertyValue::Sensitive { .. } => None,
        }
    }
}

impl From<&str> for PropertyValue {
    fn from(text: &str) -> Self {
        PropertyValue::Text(text.to_owned())
    }
}

/// Properties by name.
pub type Properties = BTreeMap<String, PropertyValue>;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $word:ident),* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
        pub enum $name { $($(#[$vdoc])* $word),* }
        impl $name {
            /// All of them, the default first.
            pub const ALL: &[$name] = &[$($name::$word),*];
            /// Its word on the wire.
            pub fn word(self) -> &'static str {
                match self { $($name::$word => stringify!($word)),* }
            }
            /// Reads the word, ignoring case.
            pub fn parse(text: &str) -> Option<$name> {
                Self::ALL.iter().copied().find(|one| one.word().eq_ignore_ascii_case(text.trim()))
            }
        }
    };
}

words! {
    /// When a step runs (`domain §2`).
    Condition {
        /// All earlier steps succeeded.
        #[default]
        Success,
        /// An earlier step failed.
        Failure,
        /// In any case.
        Always,
        /// When an expression is true.
        Variable
    }
}
words! {
    /// When a step begins.
    StartTrigger {
        /// After the one above has ended.
        #[default]
        StartAfterPrevious,
        /// Together with the one above.
        StartWithPrevious
    }
}
words! {
    /// When packages are fetched, seen from a step.
    PackageRequirement {
        /// Just before the first step that uses one.
        #[default]
        LetOctopusDecide,
        /// Before this step.
        BeforePackageAcquisition,
        /// After this step.
        AfterPackageAcquisition
    }
}
words! {
    /// The languages that scripts can be run in.
    Syntax {
        /// bash
        #[default]
        Bash,
        /// pwsh
        PowerShell,
        /// python3
        Python
    }
}

/// A step of a process. Almost every step has one action; one with several does them one after another on each target.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Step {
    /// Given by the server when it is new.
    pub id: String,
    /// Unique in the process, ignoring case.
    pub name: String,
    /// What stands for it in addresses.
    pub slug: String,
    /// When it runs.
    pub condition: Condition,
    /// When it begins.
    pub start_trigger: StartTrigger,
    /// When packages are fetched.
    pub package_requirement: PackageRequirement,
    /// See [`TARGET_ROLES`].
    pub properties: Properties,
    /// What it does, at least one.
    pub actions: Vec<Action>,
    /// What this version does not know, as it came.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Action {
    /// Given by the server when it is new.
    pub id: String,
    /// Unique in the process, ignoring case; the step's own name when it is the only one.
    pub name: String,
    /// What stands for it in addresses.
    pub slug: String,
    /// [`SCRIPT_ACTION`].
    pub action_type: String,
    /// For people.
    pub notes: Option<String>,
    /// It is left out.
    pub is_disabled: bool,
    /// Nobody may leave it out.
    pub is_required: bool,
    /// Only in these environments (wire ids); empty: in all.
    pub environments: Vec<String>,
    /// Not in these environments (wire ids).
    pub excluded_environments: Vec<String>,
    /// Only for releases of these channels (wire ids); empty: for all.
    pub channels: Vec<String>,
    /// Only for tenants with these tags (`Set/Tag`); empty: for all.
    pub tenant_tags: Vec<String>,
    /// The script and where it runs.
    pub properties: Properties,
    /// What this version does not know, as it came.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

impl Step {
    /// The target tags asked for; a target matches with any of them. Empty: none asked for.
    pub fn target_roles(&self) -> Vec<String> {
        let list = self.properties.get(TARGET_ROLES).and_then(PropertyValue::text).unwrap_or_default();
        list.split(',').map(str::trim).filter(|role| !role.is_empty()).map(str::to_owned).collect()
    }
    /// How many targets it works on at a time; `None`: all at once.
    pub fn max_parallelism(&self) -> Option<usize> {
        self.properties.get(MAX_PARALLELISM).and_then(PropertyValue::text)?.trim().parse().ok().filter(|n| *n > 0)
    }
    /// A step with one script, as a form or a test makes it. `roles` empty: on the built-in worker.
    pub fn script(name: &str, syntax: Syntax, body: &str, roles: &[&str]) -> Step {
        let mut step =
            Step { name: name.to_owned(), actions: vec![Action::script(name, syntax, body)], ..Step::default() };
        if !roles.is_empty() {
            step.properties.insert(TARGET_ROLES.into(), PropertyValue::Text(roles.join(",")));
            step.actions[0].properties.insert(RUN_ON_SERVER.into(), "False".into());
        }
        step
    }
}

impl Action {
    /// A script on the built-in worker.
    pub fn script(name: &str, syntax: Syntax, body: &str) -> Action {
        let mut action = Action { name: name.to_owned(), action_type: SCRIPT_ACTION.into(), ..Action::default() };
        action.properties.insert(RUN_ON_SERVER.into(), "True".into());
        action.properties.insert(SCRIPT_SOURCE.into(), "Inline".into());
        action.properties.insert(SCRIPT_SYNTAX.into(), syntax.word().into());
        action.properties.insert(SCRIPT_BODY.into(), body.into());
        action
    }
    /// The text of a property; empty when it is not there.
    pub fn property(&self, name: &str) -> &str {
        self.properties.get(name).and_then(PropertyValue::text).unwrap_or_default()
    }
    /// The script.
    pub fn script_body(&self) -> &str {
        self.property(SCRIPT_BODY)
    }
    /// Its language. A saved process has one of the known languages; what names none is PowerShell, as clients expect.
    pub fn syntax(&self) -> Syntax {
        Syntax::parse(self.property(SCRIPT_SYNTAX)).unwrap_or(Syntax::PowerShell)
    }
    /// Whether it says in which language it is.
    pub fn names_syntax(&self) -> bool {
        !self.property(SCRIPT_SYNTAX).trim().is_empty()
    }
    /// Whether it runs on a worker, of a step that asks for these target tags; otherwise on targets. An action that does
    /// not say so runs on a worker where there is no target tag, or where it names a pool of workers (`domain §2`).
    pub fn is_on_worker(&self, roles: &[String]) -> bool {
        match self.property(RUN_ON_SERVER).trim() {
            "" => roles.is_empty() || self.names_pool(),
            word => word.eq_ignore_ascii_case("true"),
        }
    }
    /// Whether it names a pool of workers.
    fn names_pool(&self) -> bool {
        ["WorkerPoolId", "WorkerPoolVariable"].iter().any(|name| !self.other_text(name).is_empty())
    }
    /// What whoever reads the log is told when the pool that it names is not there: its worker is another (`domain §2`).
    pub fn other_pool(&self) -> Option<String> {
        let (id, variable) = (self.other_text("WorkerPoolId"), self.other_text("WorkerPoolVariable"));
        match (id, variable) {
            (id, "") if id.is_empty() || id.eq_ignore_ascii_case(POOL) => None,
            (id, "") => Some(format!("There is no worker pool {id}. The built-in worker runs it.")),
            (_, name) => {
                Some(format!("There is no variable {name} that names a worker pool. The built-in worker runs it."))
            }
        }
    }
    /// The text of a field that this version keeps as it came; empty when it is not there.
    pub fn other_text(&self, name: &str) -> &str {
        let found = self.other.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| value.as_str()).unwrap_or_default().trim()
    }
    /// Whether it is a script, the one kind that this version runs.
    pub fn is_script(&self) -> bool {
        self.action_type == SCRIPT_ACTION
    }
}

/// Takes a field out of an object, ignoring the case of its name.
fn take(map: &mut Map<String, Value>, name: &str) -> Option<Value> {
    let key = map.keys().find(|key| key.eq_ignore_ascii_case(name))?.clone();
    map.remove(&key).filter(|value| !value.is_null())
}

fn text(map: &mut Map<String, Value>, name: &str) -> Result<String, String> {
    match take(map, name) {
        None => Ok(String::new()),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(format!("{name} must be text.")),
    }
}

fn flag(map: &mut Map<String, Value>, name: &str) -> Result<bool, String> {
    match take(map, name) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(flag),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(true),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(false),
        Some(_) => Err(format!("{name} must be true or false.")),
    }
}

fn list(map: &mut Map<String, Value>, name: &str) -> Result<Vec<Value>, String> {
    match take(map, name) {
        None => Ok(Vec::new()),
        Some(Value::Array(list)) => Ok(list),
        Some(_) => Err(format!("{name} must be a list.")),
    }
}

fn texts(map: &mut Map<String, Value>, name: &str) -> Result<Vec<String>, String> {
    let wrong = || format!("{name} must be a list of texts.");
    list(map, name)?.into_iter().map(|one| one.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
}

fn word<T: Copy + Default>(
    map: &mut Map<String, Value>,
    name: &str,
    parse: fn(&str) -> Option<T>,
) -> Result<T, String> {
    let word = text(map, name)?;
    if word.trim().is_empty() {
        Ok(T::default())
    } else {
        parse(&word).ok_or_else(|| format!("{name} cannot be “{word}”."))
    }
}

fn properties(map: &mut Map<String, Value>) -> Result<Properties, String> {
    let given = match take(map, "Properties") {
        None => return Ok(Properties::new()),
        Some(Value::Object(given)) => given,
        Some(_) => return Err("Properties must be an object.".into()),
    };
    let mut out = Properties::new();
    for (name, value) in given {
        let value = match value {
            Value::Null => continue,
            Value::String(text) => PropertyValue::Text(text),
            Value::Bool(flag) => PropertyValue::Text(if flag { "True" } else { "False" }.into()),
            Value::Number(number) => PropertyValue::Text(number.to_string()),
            Value::Object(mut secret) => PropertyValue::Sensitive {
                has_value: flag(&mut secret, "HasValue")?,
                new_value: Some(text(&mut secret, "NewValue")?).filter(|text| !text.is_empty()),
            },
            Value::Array(_) => return Err(format!("The property {name} must be text.")),
        };
        out.insert(name, value);
    }
    Ok(out)
}

fn object(value: Value, what: &str) -> Result<Map<String, Value>, String> {
    match value {
        Value::Object(map) => Ok(map),
        _ => Err(format!("{what} must be an object.")),
    }
}

impl Step {
    /// Reads a step in any spelling that clients use.
    ///
    /// # Errors
    /// A sentence that names the field that is not of the right form.
    pub fn from_wire(value: Value) -> Result<Step, String> {
        let mut map = object(value, "A step")?;
        let actions = list(&mut map, "Actions")?.into_iter().map(Action::from_wire).collect::<Result<_, _>>()?;
        Ok(Step {
            id: text(&mut map, "Id")?,
            name: text(&mut map, "Name")?,
            slug: text(&mut map, "Slug")?,
            condition: word(&mut map, "Condition", Condition::parse)?,
            start_trigger: word(&mut map, "StartTrigger", StartTrigger::parse)?,
            package_requirement: word(&mut map, "PackageRequirement", PackageRequirement::parse)?,
            properties: properties(&mut map)?,
            actions,
            other: map.into_iter().collect(),
        })
    }
}

impl Action {
    /// As [`Step::from_wire`].
    ///
    /// # Errors
    /// As [`Step::from_wire`].
    pub fn from_wire(value: Value) -> Result<Action, String> {
        let mut map = object(value, "An action")?;
        Ok(Action {
            id: text(&mut map, "Id")?,
            name: text(&mut map, "Name")?,
            slug: text(&mut map, "Slug")?,
            action_type: text(&mut map, "ActionType")?,
            notes: Some(text(&mut map, "Notes")?).filter(|notes| !notes.is_empty()),
            is_disabled: flag(&mut map, "IsDisabled")?,
            is_required: flag(&mut map, "IsRequired")?,
            environments: texts(&mut map, "Environments")?,
            excluded_environments: texts(&mut map, "ExcludedEnvironments")?,
            channels: texts(&mut map, "Channels")?,
            tenant_tags: texts(&mut map, "TenantTags")?,
            properties: properties(&mut map)?,
            other: map.into_iter().collect(),
        })
    }
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Step::from_wire(Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_came_is_given_back() {
        let wire = json!({
            "Id": "s1", "Name": "Greet", "Slug": "greet", "Condition": "Always", "StartTrigger": "StartWithPrevious",
            "PackageRequirement": "BeforePackageAcquisition",
            "Properties": {"Octopus.Action.TargetRoles": "web, db", "my.own": "kept"},
            "Actions": [{
                "Id": "a1", "Name": "Greet", "Slug": "greet", "ActionType": "Octopus.Script", "Notes": "n", "IsDisabled": true,
                "IsRequired": false, "Environments": ["Environments-1"], "ExcludedEnvironments": [], "Channels": [], "TenantTags": ["A/b"],
                "Properties": {"Octopus.Action.Script.ScriptBody": "echo 1", "secret": {"HasValue": true, "NewValue": null}},
                "Container": {"Image": null, "FeedId": null}, "Packages": [], "WorkerPoolId": null
            }],
            "SomethingNew": [1, {"camelCase": 2}]
        });
        let step: Step = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(serde_json::to_value(&step).unwrap(), wire);
        assert_eq!(step.target_roles(), ["web", "db"]);
    }

    #[test]
    fn case_does_not_matter_and_missing_is_default() {
        let step = Step::from_wire(json!({"name": "A", "condition": "failure", "actions": [{"actiontype": "Octopus.Script",
            "properties": {"Octopus.Action.RunOnServer": true, "Octopus.Action.Script.Syntax": "python"}, "channels": null}]}))
        .unwrap();
        assert_eq!(
            (step.name.as_str(), step.condition, step.start_trigger),
            ("A", Condition::Failure, StartTrigger::StartAfterPrevious)
        );
        assert!(step.actions[0].is_on_worker(&[]) && step.actions[0].is_on_worker(&["web".into()]));
        assert_eq!(step.actions[0].syntax(), Syntax::Python);
    }

    #[test]
    fn wrong_forms_are_named() {
        for (wire, words) in [
            (json!([]), "A step must be an object."),
            (json!({"Name": 1}), "Name must be text."),
            (json!({"Condition": "Perhaps"}), "Condition cannot be “Perhaps”."),
            (json!({"Actions": {}}), "Actions must be a list."),
            (json!({"Actions": [{"Channels": [1]}]}), "Channels must be a list of texts."),
            (json!({"Properties": {"a": []}}), "The property a must be text."),
        ] {
            assert_eq!(Step::from_wire(wire).unwrap_err(), words);
        }
    }
}

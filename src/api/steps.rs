//! The steps of a process on the wire (`rest-api §7`), of projects, releases and runbooks alike.

use super::wire::AS_SENT;
use crate::{
    base::error::{Error, Result},
    company::projects::process::{Action, Condition, PackageRequirement, PropertyValue, StartTrigger, Step},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa::{
    __dev::ComposeSchema,
    PartialSchema, ToSchema,
    openapi::{
        Object, Ref, RefOr, Schema,
        extensions::ExtensionsBuilder,
        schema::{ArrayBuilder, ObjectBuilder, Type},
    },
};

/// All steps of a process: written with every field that clients look at, read as they were sent, so that what this
/// version does not know is kept as it came.
#[derive(Default)]
pub(super) struct Steps {
    drawn: Vec<StepResource>,
    sent: Option<Value>,
}

impl From<Vec<Step>> for Steps {
    fn from(steps: Vec<Step>) -> Self {
        Steps { drawn: steps.into_iter().map(StepResource::from).collect(), sent: None }
    }
}

impl Steps {
    /// The version that a change was made from, and the steps as they were sent.
    ///
    /// # Errors
    /// `Invalid` under `Steps`, `Steps[0]`, `Version`.
    pub fn sent(self, version: Option<i64>) -> Result<(i64, Vec<Step>)> {
        let Some(Value::Array(steps)) = self.sent else {
            return Err(Error::invalid(
                "Steps",
                "Send all steps of the process, as a list; an empty one removes them.",
            ));
        };
        let version =
            version.ok_or_else(|| Error::invalid("Version", "Send the version that the change was made from."))?;
        let read = |(number, step)| {
            Step::from_wire(step).map_err(|sentence| Error::invalid(&format!("Steps[{number}]"), sentence))
        };
        Ok((version, steps.into_iter().enumerate().map(read).collect::<Result<Vec<_>>>()?))
    }
}

impl Serialize for Steps {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        self.drawn.serialize(serializer)
    }
}
impl<'de> Deserialize<'de> for Steps {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        Ok(Steps { drawn: Vec::new(), sent: Some(Value::deserialize(deserializer)?) })
    }
}
impl ComposeSchema for Steps {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        let as_sent = ExtensionsBuilder::new().add(AS_SENT, json!(true)).build();
        let step = RefOr::<Schema>::Ref(Ref::from_schema_name(StepResource::name()));
        ArrayBuilder::new().items(step).extensions(Some(as_sent)).into()
    }
}
impl ToSchema for Steps {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((StepResource::name().into_owned(), StepResource::schema()));
        StepResource::schemas(schemas);
    }
}

/// A step of a process.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StepResource {
    /// Empty: it is new.
    id: String,
    name: String,
    slug: String,
    #[schema(schema_with = condition)]
    condition: Condition,
    #[schema(schema_with = start_trigger)]
    start_trigger: StartTrigger,
    #[schema(schema_with = package_requirement)]
    package_requirement: PackageRequirement,
    properties: BTreeMap<String, PropertyResource>,
    actions: Vec<ActionResource>,
    /// What this version does not know, as it came.
    #[serde(flatten)]
    other: BTreeMap<String, Value>,
}

/// What a step does.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ActionResource {
    /// Empty: it is new.
    id: String,
    name: String,
    slug: String,
    action_type: String,
    notes: Option<String>,
    is_disabled: bool,
    is_required: bool,
    environments: Vec<String>,
    excluded_environments: Vec<String>,
    channels: Vec<String>,
    tenant_tags: Vec<String>,
    properties: BTreeMap<String, PropertyResource>,
    #[schema(value_type = bool)]
    can_be_used_for_project_versioning: Value,
    #[schema(value_type = String)]
    condition: Value,
    #[schema(schema_with = container)]
    container: Value,
    #[schema(schema_with = git_dependencies)]
    git_dependencies: Value,
    #[schema(schema_with = packages)]
    packages: Value,
    #[schema(value_type = Option<String>)]
    worker_pool_id: Value,
    #[schema(value_type = Option<String>)]
    worker_pool_variable: Value,
    /// What this version does not know, as it came.
    #[serde(flatten)]
    other: BTreeMap<String, Value>,
}

/// The value of a property.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum PropertyResource {
    /// Plain text.
    Text(String),
    /// A secret: whether there is one, and on writing the new one.
    #[serde(rename_all = "PascalCase")]
    Sensitive { has_value: bool, new_value: Option<String> },
}

impl From<PropertyValue> for PropertyResource {
    fn from(value: PropertyValue) -> Self {
        match value {
            PropertyValue::Text(text) => PropertyResource::Text(text),
            PropertyValue::Sensitive { has_value, new_value } => PropertyResource::Sensitive { has_value, new_value },
        }
    }
}

fn properties(of: BTreeMap<String, PropertyValue>) -> BTreeMap<String, PropertyResource> {
    of.into_iter().map(|(name, value)| (name, value.into())).collect()
}

impl From<Step> for StepResource {
    fn from(step: Step) -> Self {
        StepResource {
            id: step.id,
            name: step.name,
            slug: step.slug,
            condition: step.condition,
            start_trigger: step.start_trigger,
            package_requirement: step.package_requirement,
            properties: properties(step.properties),
            actions: step.actions.into_iter().map(ActionResource::from).collect(),
            other: step.other,
        }
    }
}

impl From<Action> for ActionResource {
    fn from(action: Action) -> Self {
        let mut other = action.other;
        let mut kept = |name: &str, value: Value| {
            let key = other.keys().find(|key| key.eq_ignore_ascii_case(name)).cloned();
            key.and_then(|key| other.remove(&key)).unwrap_or(value)
        };
        ActionResource {
            id: action.id,
            name: action.name,
            slug: action.slug,
            action_type: action.action_type,
            notes: action.notes,
            is_disabled: action.is_disabled,
            is_required: action.is_required,
            environments: action.environments,
            excluded_environments: action.excluded_environments,
            channels: action.channels,
            tenant_tags: action.tenant_tags,
            properties: properties(action.properties),
            can_be_used_for_project_versioning: kept("CanBeUsedForProjectVersioning", json!(false)),
            condition: kept("Condition", json!("Success")),
            container: kept("Container", json!({ "Image": null, "FeedId": null })),
            git_dependencies: kept("GitDependencies", json!([])),
            packages: kept("Packages", json!([])),
            worker_pool_id: kept("WorkerPoolId", Value::Null),
            worker_pool_variable: kept("WorkerPoolVariable", Value::Null),
            other,
        }
    }
}

fn words(words: &[&str]) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words.iter().copied())).build()
}
fn condition() -> Object {
    words(&["Success", "Failure", "Always", "Variable"])
}
fn start_trigger() -> Object {
    words(&["StartAfterPrevious", "StartWithPrevious"])
}
fn package_requirement() -> Object {
    words(&["LetOctopusDecide", "BeforePackageAcquisition", "AfterPackageAcquisition"])
}

/// An object of texts.
fn texts(names: &[&str]) -> ObjectBuilder {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    names.iter().fold(ObjectBuilder::new().schema_type(Type::Object), |of, name| of.property(*name, text()))
}
fn container() -> Object {
    texts(&["Image", "FeedId"]).build()
}
fn packages() -> RefOr<Schema> {
    let properties = ObjectBuilder::new().schema_type(Type::Object);
    let package = texts(&["Id", "Name", "PackageId", "FeedId", "AcquisitionLocation", "Version"]);
    ArrayBuilder::new().items(package.property("Properties", properties)).into()
}
fn git_dependencies() -> RefOr<Schema> {
    let paths = ArrayBuilder::new().items(ObjectBuilder::new().schema_type(Type::String));
    let dependency = texts(&["Name", "RepositoryUri", "DefaultBranch", "GitCredentialType", "GitCredentialId"]);
    ArrayBuilder::new().items(dependency.property("FilePathFilters", paths)).into()
}

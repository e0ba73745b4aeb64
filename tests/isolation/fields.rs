//! Accepted means kept (findings D8, D9, D12, D15): every field of every shape of the API's description is sent with another
//! value. It is read back as it was sent, or refused by its name. The test is made from the description, so that a new field
//! cannot miss it.

use super::rows::rows;
use crate::support::{
    api::Answer,
    cast::{Cast, House, send_json},
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

pub(super) struct Description(pub(super) Value);

impl Description {
    pub(super) fn read() -> Description {
        Description(serde_json::from_str(&bulkhead::api::openapi::document()).unwrap())
    }
    /// What a schema refers to, or itself.
    pub(super) fn of<'d>(&'d self, schema: &'d Value) -> &'d Value {
        let name = |schema: &Value| schema["$ref"].as_str().and_then(|path| path.rsplit('/').next().map(str::to_owned));
        let schema = ["oneOf", "anyOf", "allOf"]
            .iter()
            .find_map(|word| schema[*word].as_array())
            .and_then(|of| of.iter().find(|one| one["type"] != "null"))
            .unwrap_or(schema);
        name(schema).map_or(schema, |name| self.of(&self.0["components"]["schemas"][name]))
    }
    /// The shape that an operation takes, and the one it answers.
    fn shapes(operation: &Value) -> (Option<&Value>, Option<&Value>) {
        let taken = operation.pointer("/requestBody/content/application~1json/schema");
        let answered = ["200", "201"]
            .iter()
            .find_map(|status| operation["responses"].get(*status)?.pointer("/content/application~1json/schema"));
        (taken, answered)
    }
}

/// What came of all tries.
#[derive(Default)]
struct Report {
    kept: usize,
    refused: usize,
    findings: Vec<String>,
}

/// One resource that is tried out.
struct Subject<'t> {
    house: &'t House,
    path: String,
    shape: String,
    others: &'t BTreeMap<String, Vec<String>>,
}

impl Subject<'_> {
    fn put(&self, body: &Value) -> Answer {
        send_json(&self.house.people["ada"].key, "PUT", &self.path, body.clone())
    }
    fn get(&self) -> Value {
        self.house.people["ada"].key.get(&self.path).expect(200).json()
    }

    /// The whole, with the version that it has by now where that guards against lost updates, and without what another
    /// one has by now: one channel is the default.
    fn guarded(&self, whole: &Value) -> Value {
        let mut whole = whole.clone();
        if whole["Steps"].is_array() {
            whole["Version"] = self.get()["Version"].clone();
        }
        if let Some(whole) = whole.as_object_mut() {
            whole.remove("IsDefault");
        }
        whole
    }

    /// Another value than the present one that a client could send.
    fn other(&self, schema: &Value, present: &Value) -> Option<Value> {
        if let Some(only) = schema.get("x-only") {
            return Some(anything_but(only));
        }
        if let Some(kind) = schema["x-refers-to"].as_str() {
            let other = self.others.get(kind)?.iter().find(|id| json!(id) != *present)?;
            return Some(json!(other));
        }
        if let Some(words) = schema["enum"].as_array() {
            return words.iter().find(|word| *word != present).cloned();
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
            kind => kind.as_str(),
        };
        match kind? {
            "string" => Some(json!(format!("{}x", present.as_str().unwrap_or_default()))),
            "boolean" => Some(json!(!present.as_bool().unwrap_or_default())),
            "integer" => Some(json!(present.as_i64().unwrap_or_default() + 1)),
            _ => None,
        }
    }

    /// Sends every field of an object with another value, and those of the objects in it.
    fn try_all(&self, description: &Description, schema: &Value, whole: &Value, at: &str, report: &mut Report) {
        let schema = description.of(schema);
        for (name, part) in schema["properties"].as_object().into_iter().flatten() {
            if part["readOnly"] == true {
                continue;
            }
            let (pointer, part) = (format!("{at}/{name}"), description.of(part));
            let present = whole.pointer(&pointer).cloned().unwrap_or(Value::Null);
            if part.get("x-sensitive").is_some() {
                continue; // what goes in does not come out
            }
            if part["properties"].is_object() {
                self.try_all(description, part, whole, &pointer, report);
                continue;
            }
            let items = description.of(&part["items"]);
            if items["properties"].is_object() {
                if present.as_array().is_some_and(|list| !list.is_empty()) {
                    self.try_all(description, items, whole, &format!("{pointer}/0"), report);
                }
                continue;
            }
            let other = match self.other(part, &present) {
                Some(other) => other,
                // A list of words or references: one less, or one.
                None if part["items"].is_object() => match present.as_array().filter(|list| list.len() > 1) {
                    Some(list) => json!(list[1..]),
                    None => continue,
                },
                None => continue,
            };
            let mut sent = self.guarded(whole);
            let Some(place) = sent.pointer_mut(at) else { continue };
            let Some(object) = place.as_object_mut() else { continue };
            object.insert(name.clone(), other.clone());
            let answer = self.put(&sent);
            let told = format!("PUT {} {pointer} = {other} ({})", self.path, self.shape);
            match answer.status {
                200 => {
                    let read = self.get().pointer(&pointer).cloned().unwrap_or(Value::Null);
                    if read == other {
                        report.kept += 1;
                    } else {
                        report.findings.push(format!("{told}: 200, and reads {read}"));
                    }
                    self.put(&self.guarded(whole));
                }
                400 | 409 => {
                    let said = answer.json();
                    let errors = format!("{}{}", said["ErrorMessage"], said["Errors"]);
                    if errors.contains(name.as_str()) {
                        report.refused += 1;
                    } else {
                        report.findings.push(format!("{told}: {} without its name: {errors}", answer.status));
                    }
                }
                // What one changes of oneself in person is refused to a key, whatever it is called.
                403 if answer.json()["Details"]["Reason"] == "PersonNeeded" => report.refused += 1,
                status => report.findings.push(format!("{told}: {status} {}", answer.text())),
            }
        }
    }
}

/// Ids of each kind that a field can refer to.
pub(super) fn others(house: &House) -> BTreeMap<String, Vec<String>> {
    let all =
        ["environments", "lifecycles", "projectgroups", "projects", "tenants", "accounts", "channels", "machines"];
    let ids = all.iter().flat_map(|kind| {
        let path = format!("/api/Spaces-1/{kind}/all");
        let list = house.people["ada"].key.get(&path).expect(200).json();
        let ids = list.as_array().cloned().unwrap_or_default();
        ids.into_iter().filter_map(|one| one["Id"].as_str().map(str::to_owned)).collect::<Vec<_>>()
    });
    let mut of: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for id in ids {
        of.entry(id.rsplit_once('-').unwrap_or_default().0.to_owned()).or_default().push(id);
    }
    of
}

#[test]
fn findings_d9_every_field_is_kept_or_refused_by_its_name() {
    let cast = Cast::assemble();
    let description = Description::read();
    let house = &cast.harbour;
    let others = others(house);
    let mut report = Report::default();
    let mut shapes = Vec::new();
    for row in rows().0.into_iter().filter(|row| row.door.method == "PUT" && row.door.path.contains("/api")) {
        let operations = &description.0["paths"][&row.door.path];
        let (taken, _) = Description::shapes(&operations["put"]);
        let (_, answered) = Description::shapes(&operations["get"]);
        // What is sent to an address is what is read there.
        let (Some(taken), true) = (taken, taken == answered) else { continue };
        let path = row.path_of_present(house);
        let path = path.split('?').next().unwrap_or_default().to_owned();
        let shape = taken["$ref"].as_str().unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned();
        let subject = Subject { house, path, shape, others: &others };
        let whole = subject.get();
        let again = subject.put(&whole);
        if again.status != 200 {
            report.findings.push(format!("PUT {} of what was read: {} {}", subject.path, again.status, again.text()));
            continue;
        }
        let differences = differing(&whole, &subject.get());
        if !differences.is_empty() {
            report.findings.push(format!("PUT {} of what was read changes {differences:?}", subject.path));
        }
        subject.try_all(&description, taken, &whole, "", &mut report);
        shapes.push(subject.shape);
    }
    println!("{} shapes, {} fields kept, {} refused by name: {shapes:?}", shapes.len(), report.kept, report.refused);
    assert!(report.findings.is_empty(), "{} findings:\n{}", report.findings.len(), report.findings.join("\n"));
    assert!(shapes.len() >= 5 && report.kept >= 20 && report.refused >= 10, "{shapes:?}");
}

/// The names whose values differ.
fn differing(one: &Value, other: &Value) -> Vec<String> {
    let empty = Map::new();
    let (one, other) = (one.as_object().unwrap_or(&empty), other.as_object().unwrap_or(&empty));
    let names = one.keys().chain(other.keys());
    names.filter(|name| one.get(*name) != other.get(*name)).cloned().collect()
}

/// Another value of the same kind than the only one that is taken.
pub fn anything_but(only: &Value) -> Value {
    match only {
        Value::Bool(on) => json!(!on),
        Value::Array(_) => json!(["something"]),
        Value::Object(_) => json!({ "Something": "else" }),
        Value::Number(number) => json!(number.as_i64().unwrap_or_default() + 1),
        Value::String(text) => json!(format!("{text}Else")),
        Value::Null => json!("something"),
    }
}

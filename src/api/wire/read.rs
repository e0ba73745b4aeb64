//! Reading what is sent by its description: names in any case, `null` as absent, numbers and truth also as text, as
//! clients of all ages send them. All that is wrong is told at once, each by the path of its field.

use super::field::{AS_SENT, BARE_LIST, NULL_COUNTS, ONLY, SENSITIVE};
use crate::base::error::{Fields as Wrong, Result};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema},
};

/// A description, ready to read by.
#[derive(Debug)]
pub enum Reader {
    /// Names in small letters, with their spelling.
    Object(BTreeMap<String, (String, Reader)>),
    /// An object that may be sent as this one of its lists alone.
    ObjectOrList(String, Box<Reader>),
    /// Names that are data.
    Map(Box<Reader>),
    List(Box<Reader>),
    /// Text: one of these words, or any.
    Text(Vec<String>),
    Truth,
    Integer,
    Number,
    Only(Value),
    /// `null` is passed on, and not taken for absent.
    Nullable(Box<Reader>),
    Any,
    /// What only the server says: passed over.
    ServersOwn,
}

impl Reader {
    /// How a `T` is read.
    pub fn of<T: ToSchema>() -> Reader {
        let mut named = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut named);
        let parts = named.into_iter().map(|(name, schema)| (name, json(&schema))).collect();
        Reader::made(&json(&T::schema()), &parts, 0)
    }

    fn made(schema: &Value, parts: &BTreeMap<String, Value>, depth: usize) -> Reader {
        // What contains itself is read as it comes below a depth that no client reaches.
        if depth > 12 {
            return Reader::Any;
        }
        let made = |schema: &Value| Reader::made(schema, parts, depth + 1);
        if schema["readOnly"] == true {
            return Reader::ServersOwn;
        }
        if schema.get(SENSITIVE).is_some() || schema[AS_SENT] == true {
            return Reader::Any;
        }
        if let Some(only) = schema.get(ONLY) {
            return Reader::Only(only.clone());
        }
        if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
            return parts.get(name).map_or(Reader::Any, made);
        }
        // An optional part: nothing, or this.
        for word in ["oneOf", "anyOf", "allOf"] {
            if let Some(of) = schema[word].as_array() {
                let some = of.iter().find(|one| one["type"] != "null");
                return some.map_or(Reader::Any, made);
            }
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
            kind => kind.as_str(),
        };
        match kind {
            Some("object") => match (schema["properties"].as_object(), &schema["additionalProperties"]) {
                (Some(properties), _) => {
                    let parts = properties.iter();
                    let bare = parts.clone().find(|(_, part)| part[BARE_LIST] == true).map(|(name, _)| name.clone());
                    let parts = parts.map(|(name, part)| (name.to_ascii_lowercase(), (name.clone(), made(part))));
                    let object = Reader::Object(parts.collect());
                    match bare {
                        Some(list) => Reader::ObjectOrList(list, Box::new(object)),
                        None => object,
                    }
                }
                (None, values) => Reader::Map(Box::new(made(values))),
            },
            Some("array") => Reader::List(Box::new(made(&schema["items"]))),
            Some("string") if schema[NULL_COUNTS] == true => Reader::Nullable(Box::new(Reader::Text(Vec::new()))),
            Some("string") => {
                let words = schema["enum"].as_array().into_iter().flatten();
                Reader::Text(words.filter_map(|word| word.as_str().map(str::to_owned)).collect())
            }
            Some("boolean") => Reader::Truth,
            Some("integer") if schema[NULL_COUNTS] == true => Reader::Nullable(Box::new(Reader::Integer)),
            Some("integer") => Reader::Integer,
            Some("number") => Reader::Number,
            _ => Reader::Any,
        }
    }

    /// What was sent, in the form that the type is read from.
    ///
    /// # Errors
    /// `Invalid`: everything that is not as described, by field.
    pub fn read(&self, sent: &Value) -> Result<Value> {
        let mut wrong = Wrong::new();
        let read = self.taken(sent, "", &mut wrong);
        wrong.finish()?;
        Ok(read.unwrap_or(Value::Null))
    }

    fn taken(&self, sent: &Value, path: &str, wrong: &mut Wrong) -> Option<Value> {
        if let Reader::Nullable(reader) = self {
            return if sent.is_null() { Some(Value::Null) } else { reader.taken(sent, path, wrong) };
        }
        if let Reader::ObjectOrList(name, reader) = self {
            return match sent {
                Value::Array(_) => {
                    reader.taken(&Value::Object(Map::from_iter([(name.clone(), sent.clone())])), path, wrong)
                }
                _ => reader.taken(sent, path, wrong),
            };
        }
        if matches!(self, Reader::ServersOwn) || sent.is_null() {
            return None;
        }
        let mut refuse = |words: String| {
            wrong.add(path, words);
            None
        };
        match (self, sent) {
            (Reader::ServersOwn | Reader::Nullable(_) | Reader::ObjectOrList(..), _) => None,
            (Reader::Any, any) => Some(any.clone()),
            (Reader::Only(only), sent) => {
                if same(only, sent) || nothing(sent) {
                    return Some(only.clone());
                }
                refuse(match only {
                    empty if nothing(empty) => "This version cannot keep this yet. Leave it out or empty.".into(),
                    only => format!("This version knows {only} only. Leave it out or send that."),
                })
            }
            (Reader::Object(known), Value::Object(sent)) => {
                let mut read = Map::new();
                for (name, value) in sent {
                    // What no client documents is a client's own, and passed over (`rest-api §1`).
                    let Some((name, reader)) = known.get(&name.to_ascii_lowercase()) else { continue };
                    if let Some(value) = reader.taken(value, &joined(path, name), wrong) {
                        read.insert(name.clone(), value);
                    }
                }
                Some(Value::Object(read))
            }
            (Reader::Object(_) | Reader::Map(_), Value::Array(list)) if list.is_empty() => {
                Some(Value::Object(Map::new()))
            }
            (Reader::Map(values), Value::Object(sent)) => {
                let read = sent
                    .iter()
                    .filter_map(|(name, value)| Some((name.clone(), values.taken(value, &joined(path, name), wrong)?)));
                Some(Value::Object(read.collect()))
            }
            (Reader::List(items), Value::Array(sent)) => {
                let mut read = Vec::with_capacity(sent.len());
                for (place, item) in sent.iter().enumerate() {
                    let path = format!("{path}[{place}]");
                    match items.taken(item, &path, wrong) {
                        Some(item) => read.push(item),
                        None if item.is_null() => wrong.add(&path, "This entry is null. Leave it out."),
                        None => {}
                    }
                }
                Some(Value::Array(read))
            }
            (Reader::Text(words), Value::String(text)) => {
                match words.iter().find(|word| word.eq_ignore_ascii_case(text)) {
                    Some(word) => Some(Value::String(word.clone())),
                    None if words.is_empty() => Some(sent.clone()),
                    None if text.is_empty() => None,
                    None => refuse(format!("Give one of: {}.", words.join(", "))),
                }
            }
            (Reader::Text(words), Value::Number(_) | Value::Bool(_)) if words.is_empty() => {
                Some(Value::String(sent.to_string()))
            }
            (Reader::Truth, Value::Bool(_)) => Some(sent.clone()),
            (Reader::Truth, Value::String(text)) => match text.trim().to_ascii_lowercase().as_str() {
                "" => None,
                "true" | "1" => Some(Value::Bool(true)),
                "false" | "0" => Some(Value::Bool(false)),
                _ => refuse("Give true or false.".into()),
            },
            (Reader::Integer, Value::Number(number)) if number.is_i64() => Some(sent.clone()),
            (Reader::Integer, Value::String(text)) if text.trim().is_empty() => None,
            (Reader::Integer, Value::String(text)) => match text.trim().parse::<i64>() {
                Ok(number) => Some(number.into()),
                Err(_) => refuse("Give a whole number.".into()),
            },
            (Reader::Number, Value::Number(_)) => Some(sent.clone()),
            (Reader::Text(words), _) if !words.is_empty() => refuse(format!("Give one of: {}.", words.join(", "))),
            (Reader::Text(_), _) => refuse("Give a text.".into()),
            (Reader::Truth, _) => refuse("Give true or false.".into()),
            (Reader::Integer, _) => refuse("Give a whole number.".into()),
            (Reader::Number, _) => refuse("Give a number.".into()),
            (Reader::List(_), _) => refuse("Send an array.".into()),
            (Reader::Object(_) | Reader::Map(_), _) => refuse("Send an object.".into()),
        }
    }

    /// What an object is asked for, as it is spelt, in order.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Reader::Object(known) => known.values().map(|(name, _)| name.as_str()).collect(),
            _ => Vec::new(),
        }
    }
    /// How the value of a name is read.
    pub fn part(&self, name: &str) -> Option<(&str, &Reader)> {
        match self {
            Reader::Object(known) => known.get(&name.to_ascii_lowercase()).map(|(name, part)| (name.as_str(), part)),
            _ => None,
        }
    }
}

fn json(schema: &RefOr<Schema>) -> Value {
    serde_json::to_value(schema).unwrap_or_default()
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Nothing at all in it: no text, off, no entry.
fn nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) | Value::Number(_) => false,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.values().all(nothing),
    }
}

/// Whether two values say the same, names and words in any case; what is absent in one is nothing in the other.
fn same(one: &Value, other: &Value) -> bool {
    let get = |map: &Map<String, Value>, name: &str| {
        map.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map_or(Value::Null, |(_, value)| value.clone())
    };
    match (one, other) {
        (Value::Object(a), Value::Object(b)) => {
            a.iter().all(|(name, value)| same(value, &get(b, name)))
                && b.iter().all(|(name, value)| same(&get(a, name), value))
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::String(a), Value::String(b)) => a.eq_ignore_ascii_case(b),
        (a, b) => a == b || (nothing(a) && nothing(b)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::wire::{Links, NoList, Off, refer};
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
    #[serde(rename_all = "PascalCase", default)]
    struct Part {
        name: String,
        values: BTreeMap<String, String>,
    }
    #[derive(Default, Serialize, Deserialize, ToSchema)]
    #[serde(rename_all = "PascalCase", default)]
    struct Whole {
        #[schema(read_only)]
        id: String,
        name: String,
        count: Option<i64>,
        on: bool,
        parts: Vec<Part>,
        part: Option<Part>,
        project_id: refer::Project,
        later: NoList,
        never: Off,
        #[schema(read_only)]
        links: Links,
    }

    fn read(sent: Value) -> std::result::Result<Whole, Vec<String>> {
        match Reader::of::<Whole>().read(&sent) {
            Ok(read) => Ok(serde_json::from_value(read).unwrap()),
            Err(crate::base::error::Error::Invalid(wrong)) => {
                Err(wrong.iter().map(|(field, words)| format!("{field}: {words}")).collect())
            }
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn names_come_in_any_case_and_words_as_clients_send_them() {
        let whole = read(json!({
            "ID": 5, "name": 7, "COUNT": "12", "on": "True", "somethingElse": {}, "links": 3, "projectid": "Shop",
            "parts": [{ "NAME": "a", "values": { "Kept.Case": "x" } }], "Part": null, "later": null, "Never": "",
        }))
        .unwrap_or_else(|wrong| panic!("{wrong:?}"));
        assert_eq!((whole.id.as_str(), whole.name.as_str(), whole.count, whole.on), ("", "7", Some(12), true));
        assert_eq!(whole.project_id.text(), "Shop");
        let kept = BTreeMap::from([("Kept.Case".to_owned(), "x".to_owned())]);
        assert_eq!(whole.parts, [Part { name: "a".into(), values: kept }]);
        assert_eq!(whole.part, None);
    }

    #[test]
    fn all_that_is_wrong_is_told_by_its_path() {
        let sent = json!({ "Name": [], "count": "x", "On": 3, "parts": [{ "Values": [1] }, null], "later": ["a"], "never": true });
        let wrong = read(sent).err().unwrap();
        let fields: Vec<&str> = wrong.iter().filter_map(|line| line.split(':').next()).collect();
        assert_eq!(fields, ["Name", "On", "Count", "Later", "Never", "Parts[0].Values", "Parts[1]"], "{wrong:?}");
    }

    #[test]
    fn what_is_written_is_read_again() {
        let whole = serde_json::to_value(Whole::default()).unwrap();
        assert_eq!(whole["Later"], json!([]));
        assert!(read(whole).is_ok());
    }
}

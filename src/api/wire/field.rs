//! Fields of the wire's types.

use crate::base::{
    ids::{Id, Kind},
    secret::Secret,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeMap};
use serde_json::{Value, json};
use std::{borrow::Cow, collections::BTreeMap, fmt, marker::PhantomData};
// The derive asks for this trait where a type stands within `Vec` or `Option`.
use utoipa::__dev::ComposeSchema;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema, extensions::ExtensionsBuilder, schema::ObjectBuilder, schema::Type},
};

/// The key of a schema that allows one value alone.
pub(super) const ONLY: &str = "x-only";
/// The key of a schema of a secret, which is read as it comes: a text, or an object.
pub(super) const SENSITIVE: &str = "x-sensitive";
/// The key of a schema of what is read as it was sent, whatever it is.
pub(in crate::api) const AS_SENT: &str = "x-as-sent";
/// The key of a schema of a list that may be sent alone in place of the object that it stands in.
pub(super) const BARE_LIST: &str = "x-bare-list";
/// The key of a schema of what `null` is said of: it is not the same as left out.
pub(super) const NULL_COUNTS: &str = "x-null-counts";
/// The key of a schema of text that names something of a kind.
const REFERS: &str = "x-refers-to";

/// A thing that is named: its id goes out; its id, name or slug comes in.
pub struct Ref<T> {
    text: String,
    kind: PhantomData<fn() -> T>,
}

impl<T> Ref<T> {
    /// To what has an id of its own: built-in teams and roles.
    pub fn of(text: String) -> Self {
        Ref { text, kind: PhantomData }
    }
    /// What was sent.
    pub fn text(&self) -> &str {
        &self.text
    }
    /// What was sent, if anything was.
    pub fn given(&self) -> Option<&str> {
        Some(self.text.trim()).filter(|text| !text.is_empty())
    }
}
impl<T> Default for Ref<T> {
    fn default() -> Self {
        Ref { text: String::new(), kind: PhantomData }
    }
}
impl<T: Kind> From<Id<T>> for Ref<T> {
    fn from(id: Id<T>) -> Self {
        Ref { text: id.to_string(), kind: PhantomData }
    }
}
impl<T> Serialize for Ref<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}
impl<'de, T> Deserialize<'de> for Ref<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Ref { text: String::deserialize(deserializer)?, kind: PhantomData })
    }
}
impl<T: Kind> ComposeSchema for Ref<T> {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        let refers = ExtensionsBuilder::new().add(REFERS, json!(T::PREFIX)).build();
        ObjectBuilder::new().schema_type(Type::String).extensions(Some(refers)).into()
    }
}
impl<T: Kind> ToSchema for Ref<T> {
    fn name() -> Cow<'static, str> {
        // Apart from what a field itself may be called.
        format!("{}Ref", T::PREFIX).into()
    }
}

/// A value that a field always has in this version.
pub trait Constant: 'static {
    /// It.
    fn value() -> Value;
    /// Writes it.
    ///
    /// # Errors
    /// Those of the serializer.
    fn write<S: Serializer>(to: S) -> Result<S::Ok, S::Error> {
        Self::value().serialize(to)
    }
    /// What the description calls it.
    fn name() -> String;
}

/// A field of one value: what is sent must be that, or is refused by the field's name.
pub struct Only<K>(PhantomData<fn() -> K>);

impl<K> Default for Only<K> {
    fn default() -> Self {
        Only(PhantomData)
    }
}
impl<K: Constant> Serialize for Only<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        K::write(serializer)
    }
}
impl<'de, K> Deserialize<'de> for Only<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer)?;
        Ok(Only(PhantomData))
    }
}
impl<K: Constant> ComposeSchema for Only<K> {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        let value = K::value();
        let kind = match &value {
            Value::Bool(_) => Type::Boolean,
            Value::String(_) => Type::String,
            Value::Number(_) => Type::Integer,
            Value::Array(_) => Type::Array,
            Value::Object(_) => Type::Object,
            Value::Null => Type::Null,
        };
        let only = ExtensionsBuilder::new().add(ONLY, value).build();
        ObjectBuilder::new().schema_type(kind).extensions(Some(only)).into()
    }
}
impl<K: Constant> ToSchema for Only<K> {
    fn name() -> Cow<'static, str> {
        K::name().into()
    }
}

/// What this version does not know how to keep: empty, off or nothing.
type NotYet<T> = Only<Empty<T>>;
/// A list that is always empty in this version.
pub type NoList = NotYet<Vec<Value>>;
/// An object that is always empty in this version.
pub type NoMap = NotYet<BTreeMap<String, Value>>;
/// A value that there never is in this version.
pub type Nothing = NotYet<Option<Value>>;
/// What is always off in this version.
pub type Off = NotYet<bool>;

/// The default of a type as a [`Constant`].
pub struct Empty<T>(PhantomData<fn() -> T>);

impl<T: Default + Serialize + 'static> Constant for Empty<T> {
    fn value() -> Value {
        serde_json::to_value(T::default()).unwrap_or_default()
    }
    fn write<S: Serializer>(to: S) -> Result<S::Ok, S::Error> {
        T::default().serialize(to)
    }
    fn name() -> String {
        let name = match Self::value() {
            Value::Array(_) => "NoList",
            Value::Object(_) => "NoMap",
            Value::Bool(_) => "Off",
            _ => "Nothing",
        };
        name.to_owned()
    }
}

/// The schema of a list of nothing that may be sent alone, in place of the object it stands in.
pub fn bare_list_of_none() -> ObjectBuilder {
    let marks = ExtensionsBuilder::new().add(ONLY, json!([])).add(BARE_LIST, json!(true)).build();
    ObjectBuilder::new().schema_type(Type::Array).extensions(Some(marks))
}

/// Fields of one value: `fixed! { Database(DatabaseValue) = {"Type": "Database"}; }`.
macro_rules! fixed {
    ($($(#[$doc:meta])* $name:ident($value:ident) = $json:tt;)*) => { $(
        #[doc = concat!("What [`", stringify!($name), "`] always is.")]
        pub(in crate::api) enum $value {}
        impl $crate::api::wire::Constant for $value {
            fn value() -> serde_json::Value { serde_json::json!($json) }
            fn write<S: serde::Serializer>(to: S) -> Result<S::Ok, S::Error> {
                static KEPT: std::sync::LazyLock<serde_json::Value> = std::sync::LazyLock::new(|| serde_json::json!($json));
                serde::Serialize::serialize(&*KEPT, to)
            }
            fn name() -> String { stringify!($name).to_owned() }
        }
        $(#[$doc])* pub(in crate::api) type $name = $crate::api::wire::Only<$value>;
    )* };
}
pub(in crate::api) use fixed;

/// A number or a text that can be set, or set to none by `null`; left out, it stays as it is.
#[derive(Debug, Clone)]
pub struct Settable<T = i64>(Option<Option<T>>);

impl<T> Settable<T> {
    /// What goes out.
    pub fn kept(present: Option<T>) -> Self {
        Settable(Some(present))
    }
    /// What it is from now on.
    pub fn or(self, present: Option<T>) -> Option<T> {
        self.0.unwrap_or(present)
    }
}
impl<T> Default for Settable<T> {
    fn default() -> Self {
        Settable(None)
    }
}
impl<T: Serialize> Serialize for Settable<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.as_ref().and_then(Option::as_ref).serialize(serializer)
    }
}
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Settable<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Settable(Some(Option::deserialize(deserializer)?)))
    }
}

fn settable(kind: Type) -> RefOr<Schema> {
    let null_counts = ExtensionsBuilder::new().add(NULL_COUNTS, json!(true)).build();
    ObjectBuilder::new().schema_type(kind).extensions(Some(null_counts)).into()
}
impl ComposeSchema for Settable<i64> {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        settable(Type::Integer)
    }
}
impl ToSchema for Settable<i64> {
    fn name() -> Cow<'static, str> {
        "SettableNumber".into()
    }
}
impl ComposeSchema for Settable<String> {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        settable(Type::String)
    }
}
impl ToSchema for Settable<String> {
    fn name() -> Cow<'static, str> {
        "SettableText".into()
    }
}

/// A secret on the wire (`rest-api §7`): a plain text or `NewValue` sets it, `HasValue` false clears it, anything else
/// leaves it as it is. What goes out says only whether there is one.
#[derive(Debug, Clone)]
pub enum Sensitive {
    /// To be set to this; never goes out.
    Set(Secret),
    /// As it is: there is one.
    Keep,
    /// None, or none any more.
    Clear,
}

impl Sensitive {
    /// What is said of one that is kept.
    pub fn kept(is_set: bool) -> Sensitive {
        if is_set { Sensitive::Keep } else { Sensitive::Clear }
    }
}
impl Serialize for Sensitive {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let is_set = !matches!(self, Sensitive::Clear);
        let mut said = serializer.serialize_map(Some(3))?;
        said.serialize_entry("HasValue", &is_set)?;
        said.serialize_entry("NewValue", &())?;
        said.serialize_entry("Hint", &())?;
        said.end()
    }
}
impl<'de> Deserialize<'de> for Sensitive {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let sent = Value::deserialize(deserializer)?;
        let part = |name: &str| {
            let mut parts = sent.as_object().into_iter().flatten();
            parts.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        };
        let text = sent.as_str().or_else(|| part("NewValue")?.as_str()).filter(|text| !text.is_empty());
        Ok(match (text, part("HasValue")) {
            (Some(text), _) => Sensitive::Set(Secret::new(text.to_owned())),
            (None, Some(Value::Bool(false))) => Sensitive::Clear,
            _ => Sensitive::Keep,
        })
    }
}
impl ComposeSchema for Sensitive {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        let text = || ObjectBuilder::new().schema_type(Type::String);
        ObjectBuilder::new()
            .property("HasValue", ObjectBuilder::new().schema_type(Type::Boolean))
            .property("NewValue", text())
            .property("Hint", text())
            .extensions(Some(ExtensionsBuilder::new().add(SENSITIVE, json!(true)).build()))
            .into()
    }
}
impl ToSchema for Sensitive {}

/// Addresses that a client follows, by name. Templates as RFC 6570 has them.
#[derive(Default)]
pub struct Links {
    /// The resource's own address.
    own: String,
    links: Vec<(&'static str, Address)>,
}

/// Where a link leads.
enum Address {
    /// To the resource's own address and this after it. Joined when it is written: a list has hundreds of them.
    Below(&'static str),
    /// There.
    Whole(String),
}

impl Links {
    /// `Self` and more, each given as the part after the resource's own address.
    pub fn of(own: impl Into<String>, more: &[(&'static str, &'static str)]) -> Links {
        let mut links = Vec::with_capacity(more.len() + 5);
        links.push(("Self", Address::Below("")));
        links.extend(more.iter().map(|(name, rest)| (*name, Address::Below(rest))));
        Links { own: own.into(), links }
    }
    /// With one more, anywhere.
    pub fn and(mut self, name: &'static str, address: String) -> Links {
        self.links.push((name, Address::Whole(address)));
        self
    }
    /// With this one in place of another of its name.
    pub fn with(mut self, name: &'static str, address: String) -> Links {
        self.links.retain(|(known, _)| *known != name);
        self.and(name, address)
    }
}
impl Serialize for Links {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.links.len()))?;
        for (name, address) in &self.links {
            match address {
                Address::Below("") => map.serialize_entry(name, &self.own)?,
                Address::Below(rest) => map.serialize_entry(name, &Joined(&self.own, rest))?,
                Address::Whole(whole) => map.serialize_entry(name, whole)?,
            }
        }
        map.end()
    }
}

/// Two texts as one.
struct Joined<'a>(&'a str, &'static str);

impl fmt::Display for Joined<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)?;
        f.write_str(self.1)
    }
}
impl Serialize for Joined<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Links {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer)?;
        Ok(Links::default())
    }
}
impl ComposeSchema for Links {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        BTreeMap::<String, String>::schema()
    }
}
impl ToSchema for Links {}

/// References by kind.
pub mod refer {
    use super::Ref;
    use crate::base::ids;

    macro_rules! refer {
        ($($name:ident)*) => { $(
            #[doc = concat!("One of ", stringify!($name), "s, by id, name or slug.")]
            pub type $name = Ref<ids::$name>;
        )* };
    }
    refer! { Space User Team UserRole ProjectGroup Environment Lifecycle Project Channel Tenant TagSet Release Runbook RunbookSnapshot Target Account }
}

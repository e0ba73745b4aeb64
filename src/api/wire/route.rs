//! A handler and what it takes and answers.

use super::read::Reader;
use crate::{
    api::caller::{Ask, Reply},
    base::error::{Error, Result},
};
use axum::http::StatusCode;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use std::{
    ops::Deref,
    sync::{Arc, OnceLock},
};
use utoipa::{
    ToSchema,
    openapi::{Ref, RefOr, Schema, schema::ArrayBuilder},
};

/// What can be read from the wire.
pub trait Shape: DeserializeOwned + ToSchema + 'static {}
impl<T: DeserializeOwned + ToSchema + 'static> Shape for T {}

/// A body.
pub struct Sent<T>(pub T);
/// Filters and other words of the query.
pub struct Query<T> {
    asked: T,
    template: Arc<str>,
}
/// 200 with a document.
pub struct Json<T>(pub T);
/// 200 with a bare array: what `…/all` answers.
pub struct All<T>(pub Vec<T>);
/// 201 with what was made.
pub struct Created<T>(pub T);
/// 201 with what was made, or 200 with what was there before and has been added to.
pub enum Made<T> {
    /// Made.
    New(T),
    /// There before.
    Known(T),
}
/// 200 without a body: what a deletion answers (`rest-api §1`, Status).
pub struct Done;

impl<T> Deref for Sent<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}
impl<T> Deref for Query<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.asked
    }
}
impl Query<()> {
    /// A query of nothing but a page.
    pub(super) fn of_page() -> Query<()> {
        Query { asked: (), template: "skip,take".into() }
    }
}
impl<T> Query<T> {
    /// The names that are understood, as they stand in a template.
    pub(super) fn template(&self) -> &str {
        &self.template
    }
}

/// A type's place in the description.
#[derive(Clone)]
pub struct Described {
    /// A reference to it, or the schema itself.
    pub schema: fn() -> RefOr<Schema>,
    /// It and what it consists of, by name.
    pub parts: fn(&mut Vec<(String, RefOr<Schema>)>),
}

impl Described {
    /// Of a type that has a name.
    pub fn of<T: ToSchema>() -> Described {
        Described { schema: named::<T>, parts: parts::<T> }
    }
    /// Of a list of a type that has a name.
    pub fn list<T: ToSchema>() -> Described {
        Described { schema: || ArrayBuilder::new().items(named::<T>()).into(), parts: parts::<T> }
    }
}

/// The name that the library gives all bare lists.
const LIST: &str = "Vec";

fn named<T: ToSchema>() -> RefOr<Schema> {
    if T::name() == LIST { T::schema() } else { RefOr::Ref(Ref::from_schema_name(T::name())) }
}
fn parts<T: ToSchema>(parts: &mut Vec<(String, RefOr<Schema>)>) {
    if T::name() != LIST {
        parts.push((T::name().into_owned(), T::schema()));
    }
    T::schemas(parts);
}

/// What a handler answers.
pub trait Answer {
    /// As HTTP has it.
    fn reply(self) -> Result<Reply>;
    /// Status and document, as far as a type says it.
    fn described() -> Option<(&'static str, Described)> {
        None
    }
}
impl Answer for Reply {
    fn reply(self) -> Result<Reply> {
        Ok(self)
    }
}
impl Answer for Done {
    fn reply(self) -> Result<Reply> {
        Reply::done()
    }
}
impl<T: Serialize + ToSchema> Answer for Json<T> {
    fn reply(self) -> Result<Reply> {
        Reply::json(StatusCode::OK, &self.0)
    }
    fn described() -> Option<(&'static str, Described)> {
        Some(("200", Described::of::<T>()))
    }
}
impl<T: Serialize + ToSchema> Answer for All<T> {
    fn reply(self) -> Result<Reply> {
        Reply::json(StatusCode::OK, &self.0)
    }
    fn described() -> Option<(&'static str, Described)> {
        Some(("200", Described::list::<T>()))
    }
}
impl<T: Serialize + ToSchema> Answer for Created<T> {
    fn reply(self) -> Result<Reply> {
        Reply::json(StatusCode::CREATED, &self.0)
    }
    fn described() -> Option<(&'static str, Described)> {
        Some(("201", Described::of::<T>()))
    }
}

impl<T: Serialize + ToSchema> Answer for Made<T> {
    fn reply(self) -> Result<Reply> {
        match self {
            Made::New(made) => Created(made).reply(),
            Made::Known(known) => Json(known).reply(),
        }
    }
    fn described() -> Option<(&'static str, Described)> {
        Created::<T>::described()
    }
}

type Run = dyn Fn(&Ask) -> Result<Reply> + Send + Sync;

/// Answers a program, and says what it takes and answers.
pub struct Handler {
    run: Box<Run>,
    /// The body that is taken.
    pub takes: Option<Described>,
    /// The query that is understood.
    pub query: Option<Described>,
    /// What is answered.
    pub answers: Option<(&'static str, Described)>,
}

impl Handler {
    /// Answers.
    ///
    /// # Errors
    /// As the handler, and `Invalid` for a body or a query that it does not take.
    pub fn run(&self, ask: &Ask) -> Result<Reply> {
        (self.run)(ask)
    }
}

/// A function of an [`Ask`] that answers: alone, with a query, with a body, or with both.
pub trait Answers<Kind> {
    /// As the table of routes keeps it.
    fn handler(self) -> Handler;
}

impl<F, O> Answers<(O,)> for F
where
    F: Fn(&Ask<'_>) -> Result<O> + Send + Sync + 'static,
    O: Answer,
{
    fn handler(self) -> Handler {
        let run = Box::new(move |ask: &Ask| self(ask)?.reply());
        Handler { run, takes: None, query: None, answers: O::described() }
    }
}

impl<F, I, O> Answers<(Sent<I>, O)> for F
where
    F: Fn(&Ask<'_>, Sent<I>) -> Result<O> + Send + Sync + 'static,
    I: Shape,
    O: Answer,
{
    fn handler(self) -> Handler {
        let reader = OnceLock::new();
        let run = Box::new(move |ask: &Ask| self(ask, Sent(body(ask, reader.get_or_init(Reader::of::<I>))?))?.reply());
        Handler { run, takes: Some(Described::of::<I>()), query: None, answers: O::described() }
    }
}

impl<F, Q, O> Answers<(Query<Q>, O)> for F
where
    F: Fn(&Ask<'_>, Query<Q>) -> Result<O> + Send + Sync + 'static,
    Q: Shape,
    O: Answer,
{
    fn handler(self) -> Handler {
        let reader = OnceLock::new();
        let run = Box::new(move |ask: &Ask| self(ask, query(ask, reader.get_or_init(Words::of::<Q>))?)?.reply());
        Handler { run, takes: None, query: Some(Described::of::<Q>()), answers: O::described() }
    }
}

impl<F, Q, I, O> Answers<(Query<Q>, Sent<I>, O)> for F
where
    F: Fn(&Ask<'_>, Query<Q>, Sent<I>) -> Result<O> + Send + Sync + 'static,
    Q: Shape,
    I: Shape,
    O: Answer,
{
    fn handler(self) -> Handler {
        let readers = OnceLock::new();
        let run = Box::new(move |ask: &Ask| {
            let (asked, sent) = readers.get_or_init(|| (Words::of::<Q>(), Reader::of::<I>()));
            self(ask, query(ask, asked)?, Sent(body(ask, sent)?))?.reply()
        });
        let (takes, query) = (Some(Described::of::<I>()), Some(Described::of::<Q>()));
        Handler { run, takes, query, answers: O::described() }
    }
}

/// What was sent, as its type. No body is an empty one.
fn body<I: Shape>(ask: &Ask, reader: &Reader) -> Result<I> {
    let empty = || match reader {
        Reader::List(_) => Value::Array(Vec::new()),
        _ => Value::Object(Map::new()),
    };
    let read = match ask.raw() {
        Value::Null => empty(),
        sent => reader.read(sent)?,
    };
    typed(read)
}

/// What a query is read by.
struct Words {
    reader: Reader,
    template: Arc<str>,
}
impl Words {
    fn of<Q: Shape>() -> Words {
        let reader = Reader::of::<Q>();
        let template = ["skip", "take"].into_iter().chain(reader.names()).collect::<Vec<_>>().join(",").into();
        Words { reader, template }
    }
}

/// Words of every list, and a key in the address.
const EVERYWHERE: [&str; 3] = ["skip", "take", "apikey"];

/// The query as its type. A word that the route does not understand is refused, so that no filter is passed over.
fn query<Q: Shape>(ask: &Ask, words: &Words) -> Result<Query<Q>> {
    let reader = &words.reader;
    let mut asked = Map::new();
    for (word, value) in &ask.call.query {
        if EVERYWHERE.iter().any(|known| known.eq_ignore_ascii_case(word)) {
            continue;
        }
        let Some((name, part)) = reader.part(word) else {
            let known = match reader.names() {
                none if none.is_empty() => "It takes skip and take".to_owned(),
                names => format!("There are: {}", names.join(", ")),
            };
            return Err(Error::invalid(word, format!("There is no such filter here. {known}.")));
        };
        match part {
            Reader::List(_) => {
                let values = value.split(',').map(str::trim).filter(|value| !value.is_empty());
                let list = asked.entry(name).or_insert_with(|| Value::Array(Vec::new()));
                if let Value::Array(list) = list {
                    list.extend(values.map(Value::from));
                }
            }
            _ => drop(asked.entry(name).or_insert_with(|| Value::from(value.as_str()))),
        }
    }
    let asked = typed(reader.read(&Value::Object(asked))?)?;
    Ok(Query { asked, template: words.template.clone() })
}

fn typed<T: Shape>(read: Value) -> Result<T> {
    serde_json::from_value(read).map_err(|cause| Error::invalid("", format!("What was sent cannot be read: {cause}.")))
}

//! The wire's types: what a route takes, asks in its query and answers is a type, which reads what is sent, writes what
//! is answered and describes both ([`super::openapi`]).
//!
//! One struct per resource, PascalCase, for both directions. What only the server says is `#[schema(read_only)]`; what
//! this version cannot keep is [`NotYet`] or [`Only`], and refused by its name when something else is sent.

mod field;
mod read;
mod route;

pub(in crate::api) use field::{AS_SENT, fixed};
pub use field::{
    Constant, Links, NoList, NoMap, Nothing, Off, Only, Ref, Sensitive, Settable, bare_list_of_none, refer,
};
pub use read::Reader;
pub use route::{All, Answer, Answers, Created, Described, Done, Handler, Json, Made, Query, Sent, Shape};

use super::{
    caller::{Ask, Reply},
    resource,
};
use crate::base::{
    error::{Error, Fields, Result},
    ids::{Id, Kind},
    paging::{Listed, Page},
};
use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{Ref as Reference, RefOr, Schema},
};

/// A page of a list (`rest-api §1`).
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Collection<T> {
    item_type: &'static str,
    total_results: i64,
    items_per_page: i64,
    number_of_pages: i64,
    last_page_number: i64,
    is_stale: bool,
    items: Vec<T>,
    links: Links,
}

/// A page of a list: what its query understands stands in its `Template`, and the other pages keep what was asked.
pub fn collection<Q, R, T: Serialize>(
    ask: &Ask,
    query: &Query<Q>,
    own: &str,
    kind: &'static str,
    listed: Listed<R>,
    page: Page,
    draw: impl FnMut(&R) -> T,
) -> Collection<T> {
    collection_of(ask, query, own, kind, listed.total, page, listed.items.iter().map(draw).collect())
}

/// As [`collection`], of items that are drawn already.
pub fn collection_of<Q, T: Serialize>(
    ask: &Ask,
    query: &Query<Q>,
    own: &str,
    kind: &'static str,
    total: i64,
    page: Page,
    items: Vec<T>,
) -> Collection<T> {
    let pages = resource::pages(total, page);
    let template = format!("{own}{{?{}}}", query.template());
    Collection {
        item_type: kind,
        total_results: total,
        items_per_page: page.take,
        number_of_pages: pages,
        last_page_number: pages - 1,
        is_stale: false,
        links: resource::page_links(ask, own, total, page, template),
        items,
    }
}

impl<T: Serialize + ToSchema> Answer for Collection<T> {
    fn reply(self) -> Result<Reply> {
        Reply::json(axum::http::StatusCode::OK, &self)
    }
    fn described() -> Option<(&'static str, Described)> {
        Some((
            "200",
            Described { schema: || RefOr::Ref(Reference::from_schema_name(page_name::<T>())), parts: page_parts::<T> },
        ))
    }
}

fn page_name<T: ToSchema>() -> String {
    format!("{}Collection", T::name())
}
fn page_parts<T: Serialize + ToSchema>(parts: &mut Vec<(String, RefOr<Schema>)>) {
    parts.push((page_name::<T>(), Collection::<T>::schema()));
    parts.push((T::name().into_owned(), T::schema()));
    Collection::<T>::schemas(parts);
}

/// The query of a list that understands nothing but a page.
pub fn of_page() -> Query<()> {
    Query::of_page()
}

/// The numbers of ids of one kind; those of other kinds are none.
pub fn numbers<T: Kind>(ids: &[String]) -> Vec<i64> {
    ids.iter().filter_map(|id| Id::<T>::parse(id)).map(|id| id.0).collect()
}

/// An error under the names that were sent, where the command calls its fields otherwise (findings D18).
pub fn in_words_sent<T>(result: Result<T>, words: &[(&str, &str)]) -> Result<T> {
    result.map_err(|error| match error {
        Error::Invalid(wrong) => {
            let mut said = Fields::new();
            for (field, message) in wrong.iter() {
                let sent = words.iter().find(|(own, _)| *own == field).map_or(field, |(_, sent)| sent);
                said.add(sent, message);
            }
            Error::Invalid(said)
        }
        other => other,
    })
}

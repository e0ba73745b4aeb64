//! What resources on the wire have in common: addresses, links from page to page, moments, what only the server says.

use super::{caller::Ask, wire::Links};
use crate::base::{
    clock::Moment,
    error::{Error, Result},
    ids::{Id, Kind, Space},
    paging::Page,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::__dev::ComposeSchema;
use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema, schema::ObjectBuilder, schema::Type},
};

/// `/acme-corp/api`: what every link begins with. Links are relative to the root of the host.
pub fn api(ask: &Ask) -> String {
    [ask.base(), "/api"].concat()
}

/// `/acme-corp/api/Spaces-1`.
pub fn space_api(ask: &Ask, space: i64) -> String {
    [ask.base(), "/api/", &wire::<Space>(space)].concat()
}

/// How many pages a list has: at least one.
pub(super) fn pages(total: i64, page: Page) -> i64 {
    ((total + page.take - 1) / page.take).max(1)
}

/// Links from a page of a list to the others. `Page.Next` is there only while there is a further page.
pub(super) fn page_links(ask: &Ask, own: &str, total: i64, page: Page, template: String) -> Links {
    let kept = kept(ask);
    let address = |skip: i64, take: i64| format!("{own}?{kept}skip={skip}&take={take}");
    let at = |skip: i64| address(skip, page.take);
    let last = (total + page.take - 1) / page.take - 1;
    let mut links = Links::of(at(page.skip), &[])
        .and("Template", template)
        .and("Page.All", address(0, i64::from(i32::MAX)))
        .and("Page.Current", at(page.skip))
        .and("Page.Last", at(last.max(0) * page.take));
    if page.skip + page.take < total {
        links = links.and("Page.Next", at(page.skip + page.take));
    }
    if page.skip > 0 {
        links = links.and("Page.Previous", at((page.skip - page.take).max(0)));
    }
    links
}

/// What was asked besides the page, each with a `&` after it: the other pages of the same list ask it too. A key that came
/// along in the address goes into no link.
fn kept(ask: &Ask) -> String {
    let mut kept = form_urlencoded::Serializer::new(String::new());
    let page = |name: &str| ["skip", "take", "apikey"].iter().any(|own| name.eq_ignore_ascii_case(own));
    let asked = ask.call.query.iter().filter(|(name, _)| !page(name));
    let kept = kept.extend_pairs(asked).finish();
    if kept.is_empty() { kept } else { kept + "&" }
}

/// An id as it stands on the wire.
pub fn wire<T: Kind>(number: i64) -> String {
    Id::<T>::new(number).to_string()
}

/// A moment that was sent; nothing and blank are none.
///
/// # Errors
/// `Invalid` by the field's name.
pub fn moment(field: &str, sent: Option<&str>) -> Result<Option<Moment>> {
    let Some(text) = sent.filter(|text| !text.trim().is_empty()) else { return Ok(None) };
    // A plus sign in an address reads as a blank.
    let found = Moment::parse(text).or_else(|| Moment::parse(&text.trim().replace(' ', "+")));
    let words = "Give a moment such as 2026-01-31T10:00:00.000+00:00, or leave it out.";
    found.map(Some).ok_or_else(|| Error::invalid(field, words))
}

/// The query of a list without filters.
#[derive(Default, Deserialize, ToSchema)]
pub struct Paged {}

/// A list of words that only the server says: what is sent of it is passed over.
#[derive(Default)]
pub struct Told(Vec<&'static str>);

impl From<Vec<&'static str>> for Told {
    fn from(words: Vec<&'static str>) -> Self {
        Told(words)
    }
}
impl Serialize for Told {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
impl<'de> Deserialize<'de> for Told {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer)?;
        Ok(Told::default())
    }
}
impl ComposeSchema for Told {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Array).read_only(true).into()
    }
}
impl ToSchema for Told {}

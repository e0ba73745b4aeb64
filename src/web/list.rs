//! A page with a list: the words it is searched by, which page of it is asked for, and the way to its other pages.

use super::{
    caller::{Visit, encode},
    page::Pager,
};
use crate::base::paging::Page;

/// Rows on one page of a list, where the page says nothing else.
pub(super) const ROWS: i64 = 50;

/// What the address of a list asks for. A list has one search box, `q`; further filters are the page's own.
pub(super) struct Asked<'a> {
    /// What is searched for; empty for everything.
    pub search: &'a str,
    /// Which page, counted from 1.
    number: i64,
    /// Rows on a page.
    rows: i64,
}

impl<'a> Asked<'a> {
    /// Of a list with [`ROWS`] rows a page.
    pub fn of(visit: &'a Visit) -> Asked<'a> {
        Asked::with_rows(visit, ROWS)
    }

    /// Of a list with so many rows a page.
    pub fn with_rows(visit: &'a Visit, rows: i64) -> Asked<'a> {
        Asked { search: visit.call.asked("q").unwrap_or_default(), number: visit.call.page_number(), rows }
    }

    /// The same of a list of so many rows in all: a page after the last one is the last one.
    pub fn within(mut self, total: i64) -> Asked<'a> {
        self.number = self.number.clamp(1, (total + self.rows - 1).max(self.rows) / self.rows);
        self
    }

    /// The part of the list that a command is asked for.
    pub fn page(&self) -> Page {
        Page::numbered(Some(self.number), self.rows)
    }

    /// The way to the other pages of a list of so many rows in all. `filters` are those chosen beside the search, as
    /// they stand in the address.
    pub fn pager(&self, total: i64, address: &str, filters: &[(&str, &str)]) -> Pager {
        let here = self.address(address, filters);
        Pager::new(total as u64, self.rows as u64, self.number as u64, &here)
    }

    /// The address of this very page of a list without further filters; for a form that stands in it.
    pub fn here(&self, address: &str) -> String {
        if self.search.is_empty() && self.number == 1 {
            return address.to_owned();
        }
        format!("{}&page={}", self.address(address, &[]), self.number)
    }

    /// The list's address with what is searched for and chosen.
    fn address(&self, address: &str, filters: &[(&str, &str)]) -> String {
        let mut here = format!("{address}?q={}", encode(self.search));
        for (name, value) in filters {
            here.push_str(&format!("&{name}={}", encode(value)));
        }
        here
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_pages_keep_what_was_searched_for_and_chosen() {
        let asked = Asked { search: "a b&c", number: 2, rows: 50 };
        assert_eq!(asked.page(), Page { skip: 50, take: 50 });
        let pager = asked.pager(120, "/acme/tenants", &[("tag", "Ring/1"), ("state", "")]);
        assert_eq!(pager.next_href.as_deref(), Some("/acme/tenants?q=a+b%26c&tag=Ring%2F1&state=&page=3"));
        assert_eq!((pager.from, pager.to), (51, 100));
    }
}

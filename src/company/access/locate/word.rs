//! How a word that somebody gives becomes a thing: by id first, then by what it is called.
//!
//! An address is made of slugs, and a slug stays when a thing is renamed: there the slug goes before the name. In what
//! people and programs write, the name goes before the slug. A word that is not spelt as the first of these is spelt,
//! and could be the second of another thing, is refused: nothing is deployed to a place that was not meant.

use crate::base::{
    error::Result,
    ids::{Id, Kind},
};

/// A word that stands for a thing, and where it stands.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Word<'a> {
    pub(super) text: &'a str,
    in_address: bool,
}

impl<'a> Word<'a> {
    /// In an address: id, slug, name.
    pub(in crate::company::access) fn of_address(text: &'a str) -> Word<'a> {
        Word { text, in_address: true }
    }
    /// In a body, a form, on the command line: id, name, slug.
    pub(in crate::company::access) fn said(text: &'a str) -> Word<'a> {
        Word { text, in_address: false }
    }
    /// As it was given.
    pub(in crate::company::access) fn text(self) -> &'a str {
        self.text
    }
    /// Whether it is written as a thing is called, letter by letter.
    pub(super) fn is_spelt(self, called: &str) -> bool {
        self.text.trim() == called
    }
}

/// What is said where a word can mean more than one thing.
pub(in crate::company::access) fn ambiguous<T: Kind>(text: &str, ids: impl Iterator<Item = Id<T>>) -> String {
    let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
    format!("“{text}” can mean more than one {}. Give its id: {}.", T::WORD, ids.join(" or "))
}

/// A thing that was found by what it is called.
pub(super) struct Hit<T> {
    pub what: T,
    pub id: i64,
    /// It is called so letter by letter.
    pub exact: bool,
}

/// What a word means that is no id: one thing, none, or two where it cannot be told.
pub(super) fn settle<T>(
    word: Word<'_>,
    by_slug: impl Fn() -> Result<Option<Hit<T>>>,
    by_name: impl Fn() -> Result<Option<Hit<T>>>,
) -> Result<Vec<T>> {
    type Find<'f, T> = &'f dyn Fn() -> Result<Option<Hit<T>>>;
    let (first, second): (Find<'_, T>, Find<'_, T>) =
        if word.in_address { (&by_slug, &by_name) } else { (&by_name, &by_slug) };
    let first = first()?;
    let Some(first) = first else { return Ok(second()?.map(|hit| hit.what).into_iter().collect()) };
    if first.exact {
        return Ok(vec![first.what]);
    }
    let other = second()?.filter(|hit| hit.id != first.id);
    Ok(std::iter::once(first.what).chain(other.map(|hit| hit.what)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "Pay!" is 1 with the slug `pay`, "Pay" is 2 with the slug `pay-2`.
    fn meant(word: Word<'_>) -> Vec<i64> {
        let things = [(1, "Pay!", "pay"), (2, "Pay", "pay-2")];
        let key = word.text.to_lowercase();
        let find = |called: fn(&(i64, &'static str, &'static str)) -> &'static str| {
            let found = things.iter().find(|one| called(one).to_lowercase() == key);
            Ok(found.map(|one| Hit { what: one.0, id: one.0, exact: word.is_spelt(called(one)) }))
        };
        settle(word, || find(|one| one.2), || find(|one| one.1)).unwrap()
    }

    #[test]
    fn findings_f1_a_name_goes_before_a_slug_in_a_body_and_after_it_in_an_address() {
        for (text, said, in_address) in [
            ("Pay", &[2_i64][..], &[1, 2][..]),
            ("pay", &[2, 1], &[1]),
            ("PAY", &[2, 1], &[1, 2]),
            ("Pay!", &[1], &[1]),
            ("pay!", &[1], &[1]),
            ("pay-2", &[2], &[2]),
            ("Pay-2", &[2], &[2]),
            ("other", &[], &[]),
        ] {
            assert_eq!(meant(Word::said(text)), said, "{text} in a body");
            assert_eq!(meant(Word::of_address(text)), in_address, "{text} in an address");
        }
    }
}

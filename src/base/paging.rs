//! Which part of a list is asked for.

/// `skip` and `take`, already bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Rows to leave out.
    pub skip: i64,
    /// Rows to give, at least one; `i32::MAX` means all.
    pub take: i64,
}

impl Page {
    /// Everything.
    pub const ALL: Page = Page { skip: 0, take: i32::MAX as i64 };

    /// The wire's page: 30 rows unless told otherwise (`rest-api §1`). Out-of-range numbers are pulled into range.
    pub fn of(skip: Option<i64>, take: Option<i64>) -> Page {
        Page { skip: skip.unwrap_or(0).max(0), take: take.unwrap_or(30).clamp(1, i32::MAX as i64) }
    }
    /// A page of a list on screen, numbered from 1.
    pub fn numbered(number: Option<i64>, size: i64) -> Page {
        Page { skip: (number.unwrap_or(1).clamp(1, 1_000_000) - 1) * size, take: size }
    }
}

/// Rows of a page and how many there are in all; both count only what the visitor may see.
#[derive(Debug, Clone)]
pub struct Listed<T> {
    /// The rows.
    pub items: Vec<T>,
    /// How many there are in all.
    pub total: i64,
}

impl<T> Listed<T> {
    /// A page of what is in memory as a whole: few rows, or rows that only a whole look can sort.
    pub fn from_all(page: Page, all: Vec<T>) -> Listed<T> {
        let cut = |number: i64| usize::try_from(number).unwrap_or(0);
        let total = all.len() as i64;
        Listed { items: all.into_iter().skip(cut(page.skip)).take(cut(page.take)).collect(), total }
    }

    /// The rows of a page; `count` is asked only where the page itself does not tell how many there are in all.
    ///
    /// # Errors
    /// Those of `count`.
    pub fn of<E>(page: Page, items: Vec<T>, count: impl FnOnce() -> Result<i64, E>) -> Result<Listed<T>, E> {
        let here = items.len() as i64;
        let ends_here = here < page.take && (here > 0 || page.skip == 0);
        let total = if ends_here { page.skip + here } else { count()? };
        Ok(Listed { items, total })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_what_is_in_memory_is_cut_out_of_it() {
        for (skip, take, first, rows) in [(0, 3, Some(0), 3), (3, 3, Some(3), 3), (9, 3, Some(9), 1), (10, 3, None, 0)]
        {
            let listed = Listed::from_all(Page { skip, take }, (0..10).collect());
            assert_eq!((listed.items.first().copied(), listed.items.len(), listed.total), (first, rows, 10), "{skip}");
        }
        assert_eq!(Listed::from_all(Page::ALL, vec![(); 10]).items.len(), 10);
    }

    #[test]
    fn a_page_that_ends_the_list_tells_how_many_there_are() {
        // skip, take, rows on the page, whether the count is asked
        for (skip, take, here, asked) in [
            (0, 10, 0, false),
            (0, 10, 9, false),
            (0, 10, 10, true),
            (20, 10, 3, false),
            (20, 10, 0, true),
            (20, 10, 10, true),
        ] {
            let mut counted = false;
            let listed: Result<_, ()> = Listed::of(Page { skip, take }, vec![(); here], || {
                counted = true;
                Ok(99)
            });
            assert_eq!(counted, asked, "{skip} {take} {here}");
            assert_eq!(listed.unwrap().total, if asked { 99 } else { skip + here as i64 });
        }
    }
}

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

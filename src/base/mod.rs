//! Words that every part uses: errors, names, ids, time, secrets, paging.
//!
//! Knows nothing of SQL, of HTTP or of companies.

pub mod clock;
pub mod error;
pub mod fault;
pub mod ids;
pub mod names;
pub mod outward;
pub mod paging;
pub mod retention;
pub mod room;
pub mod secret;
pub mod terminal;
pub mod told;

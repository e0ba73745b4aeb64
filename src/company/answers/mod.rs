//! Answers about access: who may do what and why, what a change would give and take, and a review of it all.
//!
//! It promises that a preview is the command itself, undone: what the command refuses is refused in the preview too, and
//! what it shows is what would be. Whoever asks is told of people, teams and places only what they may see.

mod difference;
mod shape;

#[cfg(test)]
mod tests;

pub use difference::{Change, difference};
pub use shape::{NOTHING, SIDES, Set, Shape};

use super::access::{Tried, Visitor};
use crate::base::{clock, error::Result};

/// What a command would change, without carrying it out. `command` is the command with its proofs; its own refusals
/// come back as they are.
///
/// # Errors
/// Those of the command.
pub fn preview<T>(visitor: &Visitor, command: impl FnOnce() -> Result<T>) -> Result<Vec<Change>> {
    let now = clock::now();
    let tried = visitor.try_out(command)?;
    Ok(tried.iter().flat_map(|Tried { before, after }| difference(before, after, now)).collect())
}

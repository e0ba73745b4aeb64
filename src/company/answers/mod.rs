//! Answers about access: who may do what and why, what a change would give and take, and a review of it all.
//!
//! It promises that a preview is the command itself, undone: what the command refuses is refused in the preview too, and
//! what it shows is what would be. Whoever asks is told of people, teams and places only what they may see.

mod chart;
mod difference;
mod names;
mod review;
mod shape;
mod sql;
mod told;
mod why;

#[cfg(test)]
mod tests;

pub use chart::{Chart, Line, Wanted, of, own, teams_of};
pub use difference::{Alike, Change, difference};
pub use names::{Names, Where};
pub use review::{
    Access, Counts, ENDING_WITHIN, Proofs, Removal, Reviewed, Show, SignOff, UNUSED_AFTER, csv, review, sign_off,
    sign_offs,
};
pub use shape::{NOTHING, SIDES, Set, Shape};
pub use told::{Affected, Bundle, Danger, Preview, preview, preview_open};
pub use why::{Holder, Verdict, Who, Why, holders, is_system, refusal_wire, refusal_words, who, why, why_me};

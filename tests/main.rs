//! The tests of the whole program, as one binary: a line for each part.

// What clippy.toml bans is banned in the program; tests start processes and look at the clock as they need.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod architecture;
mod execution;
mod features;
mod isolation;
mod support;

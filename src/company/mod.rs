//! The compartment: all that lies in one company's folder, and the only code that reads or changes it.
//!
//! `pub` is for pages, API and command line. `pub(in crate::company)` is for sibling features inside a transaction that
//! somebody was granted. No modifier is private to the feature; `sql` always is. The features stand in order: each may
//! use those above it.

pub mod access;
mod naming;
mod references;
pub mod upkeep;
pub mod standing;
pub mod audit;
pub mod post;
pub mod settings;
pub mod teams;
pub mod people;
pub mod tasks;
pub mod spaces;
pub mod recipes;
pub mod environments;
pub mod projects;
pub mod tenants;
pub mod targets;
pub mod lifecycles;
pub mod channels;
pub mod releases;
pub mod deployments;
pub mod runbooks;
pub mod answers;
pub mod dashboard;

#[cfg(test)]
pub mod testing;

pub use access::{Company, Standing};

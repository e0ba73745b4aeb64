//! Bulkhead: deployments for small companies, each in a watertight compartment.
//!
//! The parts in order of dependence; each may use those above it, never those below.

/// REST for programs.
pub mod api;
/// What the machine owns: the data folder, its companies, their keys.
pub mod appliance;
/// Words that every part uses.
pub mod base;
/// The compartment: all that lies in one company's folder, behind one door.
pub mod company;
/// What pages and API share of HTTP.
pub mod http;
/// One SQLite file: opened, written by one, read by a few.
pub mod store;
/// Pages for people.
pub mod web;

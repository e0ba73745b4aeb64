//! Bulkhead: deployments for small companies, each in a watertight compartment.
//!
//! The parts in order of dependence; each may use those above it, never those below.

#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::todo))]

/// Words that every part uses.
pub mod base;
/// One SQLite file: opened, written by one, read by a few.
pub mod store;
/// The compartment: all that lies in one company's folder, behind one door.
pub mod company;
/// What the machine owns: the data folder, its companies, their keys.
pub mod appliance;
/// Turns tasks into work on machines.
pub mod execution;
/// What pages and API share of HTTP.
pub mod http;
/// REST for programs.
pub mod api;
/// Pages for people.
pub mod web;
/// Assembly: opens the data folder, builds the server, starts loops, stops them in order.
pub mod app;
/// The command line.
pub mod cli;

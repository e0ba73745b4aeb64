//! The tables of the API: every route on one screen, each with the type of its permission.

mod company;
mod space;

use super::wire::{Answers, Handler};
use crate::{
    company::access::permissions::Permission,
    http::table::{Needs, Route},
};
use axum::http::Method;
pub use {company::company_routes, space::space_routes};

/// Anybody, without a sign-in.
const PUBLIC: Needs = Needs::Public;
/// Anybody who is signed in; what is shown is their own or narrowed.
const SIGNED_IN: Needs = Needs::Authenticated;

/// Whoever has this permission.
const fn of<P: Permission>() -> Needs {
    Needs::of::<P>()
}

/// One route, and what it needs.
fn top<K>(method: Method, path: &'static str, needs: Needs, handler: impl Answers<K>) -> Route<Handler> {
    Route { method, path, needs, handler: handler.handler() }
}

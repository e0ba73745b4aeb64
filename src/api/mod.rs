//! REST for programs, in Octopus's wire format (`rest-api`). `routes` holds every route, each with its permission.
//!
//! Handlers are plain functions of an [`Ask`]; they go through the same commands as the pages.

mod accounts;
mod answers;
pub mod caller;
mod channels;
mod companies;
mod dashboard;
mod defects;
mod deployments;
mod emergencies;
mod environments;
mod events;
pub mod error;
mod letters;
mod lifecycles;
mod machinepolicies;
mod machines;
mod me;
pub mod openapi;
mod previews;
mod processes;
mod progression;
mod projectgroups;
mod projectsettings;
mod projects;
mod recipes;
mod releases;
pub mod resource;
mod root;
mod routes;
mod runbooks;
mod settings;
mod signin;
mod spaces;
mod steps;
mod teams;
mod userroles;
mod users;
mod tagsets;
mod tasks;
mod tenants;
mod unbuilt;
pub mod wire;
mod workers;

use crate::{
    base::error::Error,
    http::{
        Desk,
        call::{Call, new_reference},
        table::{self, Matched, Needs, Route, Table},
    },
};
use axum::{extract::Request, http::Method, response::Response};
use caller::{Ask, Reply};
pub use routes::{company_routes, space_routes};
use std::sync::LazyLock;
use wire::Handler;

static COMPANY_ROUTES: LazyLock<Table<Handler>> = LazyLock::new(|| Table::new(company_routes()));
static SPACE_ROUTES: LazyLock<Table<Handler>> = LazyLock::new(|| Table::new(space_routes()));

/// Who answers, and the parameters of the path.
type Found<'t> = (&'t Route<Handler>, table::Parameters);

/// Where a path of the API leads: the route and its parameters, `space` among them as it was spelt.
fn route(method: &Method, segments: &[String]) -> std::result::Result<Found<'static>, Option<Vec<Method>>> {
    let (company, space) = (&*COMPANY_ROUTES, &*SPACE_ROUTES);
    let mut methods = None;
    let mut attempt = |routes: &'static Table<Handler>, segments: &[String], spelt: Option<&String>| match routes
        .find(method, segments)
    {
        Matched::Route(route, mut parameters) => {
            if let Some(spelt) = spelt {
                parameters.set("space", spelt.clone());
            }
            Some((route, parameters))
        }
        Matched::Method(others) => {
            methods = Some(others);
            None
        }
        Matched::Nothing => None,
    };
    let found = attempt(company, segments, None)
        .or_else(|| (!segments.is_empty()).then(|| attempt(space, segments, None)).flatten())
        .or_else(|| match segments.split_first() {
            Some((word, rest)) if word.eq_ignore_ascii_case("spaces") => {
                let (spelt, rest) = rest.split_first()?;
                attempt(space, rest, Some(spelt)).filter(|_| !rest.is_empty())
            }
            Some((spelt, rest)) => attempt(space, rest, Some(spelt)),
            None => None,
        });
    found.ok_or(methods)
}

/// The parts of an address below a company's `api`. A client that joins a link to its base address names the company twice.
fn segments(path: &str) -> Option<Vec<String>> {
    let mut segments = table::segments(path)?;
    if let [first, second, third, ..] = segments.as_slice()
        && first.eq_ignore_ascii_case(second)
        && third.eq_ignore_ascii_case("api")
    {
        segments.remove(0);
    }
    Some(segments)
}

/// Answers a request of a program; `path` is what follows `/{company}/api`.
pub async fn serve(desk: Desk, request: Request) -> Response {
    let Some(segments) = segments(request.uri().path()) else {
        return error::reply(&Error::NotFound(request.uri().path().to_owned()), "").respond();
    };
    if segments.first().is_some_and(|first| first.eq_ignore_ascii_case("api")) {
        return error::no_company(&desk.address(request.headers())).respond();
    }
    // The table begins behind these two.
    let below = |second: &String| second.eq_ignore_ascii_case("api") || second == ".well-known";
    let is_there = segments.get(1).is_some_and(below);
    let method = request.method().clone();
    let mut call = match Call::read(desk, request).await {
        Ok(call) => call,
        Err(status) => return error::status(status).respond(),
    };
    let kind = call.media_type().to_ascii_lowercase();
    // A browser cannot send a key from a foreign page; so what comes with one is JSON, whatever its type says.
    let json = kind.is_empty()
        || kind == "application/json"
        || kind.ends_with("+json")
        || kind == "text/json"
        || caller::key(&call).is_some();
    if !call.body.is_empty() && !json && kind != "multipart/form-data" {
        return error::status(axum::http::StatusCode::UNSUPPORTED_MEDIA_TYPE).respond();
    }
    let looks = matches!(method, Method::GET | Method::HEAD);
    let seat = match segments.first() {
        Some(company) => call.desk.seat(company).await,
        None => None,
    };
    let work = move || {
        let answer = match is_there {
            true => answer(&mut call, &method, &segments),
            false => error::reply(&Error::NotFound(call.uri.path().to_owned()), ""),
        };
        drop(seat);
        Ok(answer)
    };
    let answer = if looks { crate::http::looking(work).await } else { crate::http::blocking(work).await };
    answer.unwrap_or_else(|fault| error::reply(&fault, &new_reference())).respond()
}

fn answer(call: &mut Call, method: &Method, segments: &[String]) -> Reply {
    // The path begins with the company and `api`.
    let (Some(company), Some(rest)) = (segments.first(), segments.get(2..)) else {
        return error::reply(&Error::NotFound(call.uri.path().to_owned()), "");
    };
    let found = route(method, rest);
    let open = matches!(&found, Ok((route, _)) if route.needs == Needs::Public);
    let ask = match Ask::enter(call, company, open) {
        Ok(ask) => ask,
        Err(reply) => return reply,
    };
    match found {
        Ok((route, parameters)) => {
            let ask = ask.at(parameters);
            let reply = ask.read_body().and_then(|ask| {
                let asked = ask.somebody().map_or(Ok(()), |visitor| route.proof(visitor));
                let reply = asked.and_then(|()| route.handler.run(&ask));
                // What was read around damage is no answer, whatever it says.
                call.desk.appliance.unless_broken(company).and(reply)
            });
            reply.unwrap_or_else(|fault| error::reply(&fault, call.reference()))
        }
        Err(Some(methods)) => error::method(&methods),
        Err(None) => error::reply(&Error::NotFound(call.uri.path().to_owned()), ""),
    }
}

/// The answer to a request that is not looked at any further.
pub fn refuse(status: axum::http::StatusCode) -> Response {
    error::status(status).respond()
}

/// Routes that stream or take large bodies.
pub fn streams() -> axum::Router<Desk> {
    axum::Router::new()
}

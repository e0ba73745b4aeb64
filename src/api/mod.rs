//! REST for programs, in Octopus's wire format (`rest-api`). Every route on one screen, each with its permission.
//!
//! Handlers are plain functions of an [`Ask`]; they go through the same commands as the pages.

pub mod caller;
mod environments;
pub mod error;
pub mod openapi;
pub mod resource;
mod root;

use crate::{
    base::error::{Error, Result},
    http::{
        Desk,
        call::Call,
        table::{self, Matched, Needs, Route},
    },
};
use axum::{extract::Request, http::Method, response::Response};
use caller::{Ask, Reply};

/// Answers a program.
pub type Handler = fn(&Ask) -> Result<Reply>;

/// A route without a space.
fn top(method: Method, path: &'static str, permission: &'static str, handler: Handler) -> Route<Handler> {
    let needs = match permission {
        "" => Needs::Authenticated,
        "public" => Needs::Public,
        name => Needs::Permission(name),
    };
    Route { method, path, needs, handler }
}

/// Routes of the company, below `/{company}/api`.
#[rustfmt::skip]
pub fn company_routes() -> Vec<Route<Handler>> {
    use Method as M;
    vec![
        top(M::GET,    "/",                                     "public",            root::company),
        top(M::GET,    "/capabilities",                         "public",            root::capabilities),
        top(M::GET,    "/configuration/feature-toggles",        "",                  root::toggles),
        top(M::GET,    "/serverstatus",                         "public",            root::status),
        top(M::GET,    "/serverstatus/health",                  "public",            root::health),
    ]
}

/// Routes of a space. Each is reached in three spellings: below `/{company}/api/{space}`, below
/// `/{company}/api/spaces/{space}`, and below `/{company}/api` for the default space.
#[rustfmt::skip]
pub fn space_routes() -> Vec<Route<Handler>> {
    use Method as M;
    vec![
        top(M::GET,    "/",                                     "",                  root::space),
        // Environments
        top(M::GET,    "/environments",                         "EnvironmentView",   environments::list),
        top(M::GET,    "/environments/all",                     "EnvironmentView",   environments::all),
        top(M::GET,    "/environments/v2",                      "EnvironmentView",   environments::list),
        top(M::POST,   "/environments",                         "EnvironmentCreate", environments::create),
        top(M::PUT,    "/environments/sortorder",               "EnvironmentEdit",   environments::sort),
        top(M::GET,    "/environments/{id}",                    "EnvironmentView",   environments::show),
        top(M::PUT,    "/environments/{id}",                    "EnvironmentEdit",   environments::update),
        top(M::DELETE, "/environments/{id}",                    "EnvironmentDelete", environments::delete),
    ]
}

/// Where a path of the API leads: the route and its parameters, `space` among them as it was spelt.
fn route(
    method: &Method,
    segments: &[String],
) -> std::result::Result<(Handler, Needs, std::collections::HashMap<&'static str, String>), Option<Vec<Method>>> {
    let (company, space) = (company_routes(), space_routes());
    let mut methods = None;
    let mut attempt = |routes: &[Route<Handler>], segments: &[String], spelt: Option<&String>| match table::find(
        routes, method, segments,
    ) {
        Matched::Route(route, mut parameters) => {
            if let Some(spelt) = spelt {
                parameters.insert("space", spelt.clone());
            }
            Some((route.handler, route.needs, parameters))
        }
        Matched::Method(others) => {
            methods = Some(others);
            None
        }
        Matched::Nothing => None,
    };
    let found = attempt(&company, segments, None)
        .or_else(|| (!segments.is_empty()).then(|| attempt(&space, segments, None)).flatten())
        .or_else(|| match segments.split_first() {
            Some((word, rest)) if word.eq_ignore_ascii_case("spaces") => {
                let (spelt, rest) = rest.split_first()?;
                attempt(&space, rest, Some(spelt)).filter(|_| !rest.is_empty())
            }
            Some((spelt, rest)) => attempt(&space, rest, Some(spelt)),
            None => None,
        });
    found.ok_or(methods)
}

/// Answers a request of a program; `path` is what follows `/{company}/api`.
pub async fn serve(desk: Desk, request: Request) -> Response {
    let secure = desk.secure();
    let Some(segments) = table::segments(request.uri().path()) else {
        return error::reply(&Error::NotFound(request.uri().path().to_owned()), "").respond(secure);
    };
    let method = request.method().clone();
    let mut call = match Call::read(desk, request).await {
        Ok(call) => call,
        Err(status) => return error::status(status).respond(secure),
    };
    let kind = call.media_type().to_ascii_lowercase();
    let json = kind.is_empty() || kind == "application/json" || kind.ends_with("+json") || kind == "text/json";
    if !call.body.is_empty() && !json && kind != "multipart/form-data" {
        return error::status(axum::http::StatusCode::UNSUPPORTED_MEDIA_TYPE).respond(secure);
    }
    let reference = call.reference.clone();
    let answer = crate::http::blocking(move || Ok(answer(&mut call, &method, &segments))).await;
    answer.unwrap_or_else(|fault| error::reply(&fault, &reference)).respond(secure)
}

fn answer(call: &mut Call, method: &Method, segments: &[String]) -> Reply {
    // The path begins with the company and `api`.
    let (Some(company), Some(rest)) = (segments.first(), segments.get(2..)) else {
        return error::reply(&Error::NotFound(call.uri.path().to_owned()), "");
    };
    let found = route(method, rest);
    let open = matches!(&found, Ok((_, Needs::Public, _)));
    let ask = match Ask::enter(call, company, open) {
        Ok(ask) => ask,
        Err(reply) => return reply,
    };
    match found {
        Ok((handler, _, parameters)) => {
            let ask = ask.at(parameters);
            ask.read_body().and_then(|ask| handler(&ask)).unwrap_or_else(|fault| error::reply(&fault, &call.reference))
        }
        Err(Some(methods)) => error::method(&methods),
        Err(None) => error::reply(&Error::NotFound(call.uri.path().to_owned()), ""),
    }
}

/// Routes that stream or take large bodies.
pub fn streams() -> axum::Router<Desk> {
    axum::Router::new()
}

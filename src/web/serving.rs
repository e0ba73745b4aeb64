//! From a request to the handler of its route and back: what comes first (the form's word, set-up, who asks, proofs), and
//! what becomes of what a handler answers.

use super::{
    OpenPage, Page, again,
    caller::{Answer, Visit},
    error, once, open_routes, portal, proof, routes, setup,
};
use crate::{
    base::error::Error,
    http::{
        Desk,
        call::{Call, OwnHost, new_reference},
        csrf,
        table::{self, Matched, Table},
    },
};
use axum::{
    extract::Request,
    http::Method,
    response::{IntoResponse, Redirect, Response},
};
use std::sync::LazyLock;

static OPEN_ROUTES: LazyLock<Table<OpenPage>> = LazyLock::new(|| Table::new(open_routes()));
pub(super) static ROUTES: LazyLock<Table<Page>> = LazyLock::new(|| Table::new(routes()));

/// Answers a request for a page.
pub async fn serve(desk: Desk, request: Request) -> Response {
    let Some(segments) = table::segments(request.uri().path()) else {
        return error::bare(&Error::NotFound("page".into()), "").into_response();
    };
    let method = request.method().clone();
    let slashed = request.uri().path().len() > 1 && request.uri().path().ends_with('/');
    if slashed && method == Method::GET {
        let path = format!("/{}", request.uri().path().trim_matches('/'));
        let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        let path = format!("{path}{query}");
        let own = request.extensions().get::<OwnHost>();
        return Redirect::permanent(&own.map_or(path.clone(), |own| own.as_seen(&path))).into_response();
    }
    let mut call = match Call::read(desk, request).await {
        Ok(call) => call,
        Err(status) => return error::status(status),
    };
    if method == Method::POST
        && !call.body.is_empty()
        && call.media_type().eq_ignore_ascii_case("multipart/form-data")
        && segments.get(1..).is_some_and(|rest| rest == ["settings", "brand", "logo"])
    {
        // The one form that carries a file.
        if let Err(status) = call.take_apart().await {
            return error::status(status);
        }
    } else if method == Method::POST
        && !call.body.is_empty()
        && !call.media_type().eq_ignore_ascii_case("application/x-www-form-urlencoded")
    {
        return error::status(axum::http::StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let looks = matches!(method, Method::GET | Method::HEAD);
    let seat = match segments.first() {
        Some(company) => call.desk.seat(company).await,
        None => None,
    };
    let work = move || {
        let answer = respond(&mut call, &method, &segments);
        drop(seat);
        Ok(answer)
    };
    let answer = if looks { crate::http::looking(work).await } else { crate::http::blocking(work).await };
    answer.unwrap_or_else(|fault| error::bare(&fault, &new_reference()).into_response())
}

fn respond(call: &mut Call, method: &Method, segments: &[String]) -> Response {
    if !matches!(*method, Method::GET | Method::HEAD) && !csrf::is_ours(call) {
        return again::stale(call, segments).respond(call);
    }
    match OPEN_ROUTES.find(method, segments) {
        Matched::Route(route, parameters) => {
            call.parameters = parameters;
            let answer = match setup::instead(call) {
                Ok(Some(instead)) => Ok(instead),
                Ok(None) => (route.handler)(call),
                Err(fault) => Err(fault),
            };
            return match answer {
                Ok(answer) => answer.respond(call),
                Err(fault) => error::bare(&fault, call.reference()).into_response(),
            };
        }
        Matched::Method(_) => return error::status(axum::http::StatusCode::METHOD_NOT_ALLOWED),
        Matched::Nothing => {}
    }
    let Some((company, rest)) = segments.split_first() else {
        return error::bare(&Error::NotFound("page".into()), "").into_response();
    };
    let visit = match Visit::enter(call, company) {
        Ok(visit) => visit,
        Err(answer) => return answer.respond(call),
    };
    if !visit.visitor.customer_of().is_empty() && !portal::is_open(rest) {
        return Answer::Go(visit.path("/portal")).respond(call);
    }
    match ROUTES.find(method, rest) {
        Matched::Route(route, parameters) => {
            let visit = match proof::take(visit.at(parameters)) {
                Ok(visit) => visit,
                Err(answer) => return answer.respond(call),
            };
            let asked = route.proof(&visit.visitor);
            let answer = asked.and_then(|()| once::take(&visit).map_or_else(|| (route.handler)(&visit), Ok));
            // What was read around damage is no page, whatever it shows.
            if let Err(fault) = call.desk.appliance.unless_broken(company) {
                return error::bare(&fault, call.reference()).into_response();
            }
            match answer {
                Ok(answer) => answer.respond(call),
                Err(Error::ProofNeeded) => proof::ask(&visit).respond(call),
                Err(fault) => error::page(&visit, &fault).respond(call),
            }
        }
        Matched::Method(_) => error::status(axum::http::StatusCode::METHOD_NOT_ALLOWED),
        Matched::Nothing => error::page(&visit, &Error::NotFound(call.uri.path().to_owned())).respond(call),
    }
}

/// Whether there is a page at a path, or something that is done there.
pub fn is_page(path: &str) -> bool {
    let Some(segments) = table::segments(path) else { return false };
    let rest = segments.split_first().map_or(&[][..], |(_, rest)| rest);
    !matches!(OPEN_ROUTES.find(&Method::GET, &segments), Matched::Nothing)
        || !matches!(ROUTES.find(&Method::GET, rest), Matched::Nothing)
}

/// The answer to a request that is not looked at any further.
pub fn refuse(status: axum::http::StatusCode) -> Response {
    error::status(status)
}

//! Everything that is served, and what surrounds it.

#![allow(clippy::disallowed_types, reason = "assembly serves the embedded files itself; they have no visitor")]

use crate::{
    api,
    base::room::{self, Room},
    http::{
        Desk, assets,
        call::{LARGEST_BODY, OwnHost, Peer},
        headers,
    },
    web,
};
use axum::{
    Router,
    extract::{ConnectInfo, DefaultBodyLimit, Path, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use tower::{Layer, ServiceBuilder, util::MapRequestLayer};
use tower_http::{
    catch_panic::CatchPanicLayer, compression::CompressionLayer, csrf::CsrfLayer, set_header::SetResponseHeaderLayer,
};

/// Everything that is served, from the outside in: a panic becomes an error, answers are compressed, requests from
/// foreign pages are refused, bodies are bounded.
pub fn router(desk: Desk) -> Router {
    let strict = desk.secure().then_some(headers::STRICT);
    let guards = ServiceBuilder::new()
        .layer(SetResponseHeaderLayer::overriding(header::STRICT_TRANSPORT_SECURITY, strict))
        .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }))
        .layer(CompressionLayer::new())
        .layer(SetResponseHeaderLayer::if_not_present(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ))
        .layer(CsrfLayer::new())
        .layer(DefaultBodyLimit::max(LARGEST_BODY));
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/static/{checksum}/{*name}", get(asset))
        .route("/favicon.ico", get(|headers: HeaderMap| async move { assets::serve("", "favicon.svg", &headers) }))
        .route("/robots.txt", get(|| async { "User-agent: *\nDisallow: /\n" }))
        .merge(web::streams())
        .merge(api::streams())
        .fallback(dispatch)
        .with_state(desk.clone())
        .layer(guards);
    let router =
        if tracing::enabled!(tracing::Level::DEBUG) { router.layer(middleware::from_fn(trace)) } else { router };
    // Before any route is looked for.
    Router::new().fallback_service(MapRequestLayer::new(move |request| of_own_host(&desk, request)).layer(router))
}

/// What is the server's own, under whatever host name it is asked.
fn is_servers_own(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz" | "/favicon.ico" | "/robots.txt") || path.starts_with("/static/")
}

/// The host decides before the path: under a company's own host name every path is that company's. Others stay as they
/// are.
fn of_own_host(desk: &Desk, mut request: Request) -> Request {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let Some(host) = host.or_else(|| request.uri().authority().map(|authority| authority.as_str())) else {
        return request;
    };
    let Some(slug) = desk.appliance.company_of_host(host) else { return request };
    let host = host.to_owned();
    let path = request.uri().path();
    if is_servers_own(path) {
        return request;
    }
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let path = if path == "/" { "" } else { path };
    let mut parts = request.uri().clone().into_parts();
    let Ok(inner) = format!("/{slug}{path}{query}").parse() else { return request };
    parts.path_and_query = Some(inner);
    let Ok(uri) = Uri::from_parts(parts) else { return request };
    *request.uri_mut() = uri;
    request.extensions_mut().insert(OwnHost { slug, host });
    request
}

async fn ready(State(desk): State<Desk>) -> Response {
    if desk.stopping.is_cancelled() || !desk.appliance.data().is_dir() {
        return (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response();
    }
    let room = crate::http::blocking(|| Ok(room::room())).await;
    if !matches!(room, Ok(Room::Plenty)) {
        let why = "not ready: the disk of the data folder is full; the reserve is in use\n";
        return (StatusCode::SERVICE_UNAVAILABLE, why).into_response();
    }
    match desk.worker.get().and_then(|standing| standing.warning()) {
        Some(warning) => format!("ready\nwarning: {warning}\n").into_response(),
        None => "ready\n".into_response(),
    }
}

async fn asset(Path((checksum, name)): Path<(String, String)>, headers: HeaderMap) -> Response {
    assets::serve(&checksum, &name, &headers)
}

async fn dispatch(State(desk): State<Desk>, request: Request) -> Response {
    let path = request.uri().path();
    if desk.stopping.is_cancelled() && changes(request.method(), path) {
        return refuse(path, StatusCode::SERVICE_UNAVAILABLE);
    }
    if is_api(path) { api::serve(desk, request).await } else { web::serve(desk, request).await }
}

/// Whether an answer is JSON: where the API is, and below any `api` in a path that is no page's (findings D1).
fn is_api(path: &str) -> bool {
    is_of_api(path) || (path.split('/').any(|part| part.eq_ignore_ascii_case("api")) && !web::is_page(path))
}

/// Whether a program asks: below a company's `api`, or where a client that joins links to its base address, or that was
/// given no company, looks for it.
fn is_of_api(path: &str) -> bool {
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    let is = |part: Option<&str>| part.is_some_and(|part| part.eq_ignore_ascii_case("api"));
    let Some(first) = parts.next() else { return false };
    let second = parts.next();
    if is(Some(first)) || is(second) {
        return true;
    }
    let third = parts.next();
    // The second is where programs look for it; it stands among the routes of the API.
    (second.is_some_and(|second| second.eq_ignore_ascii_case(first)) && is(third))
        || (second == Some(".well-known") && third == Some("openid-configuration"))
}

/// The answer to a request that is not looked at any further, in the words of pages or of the API.
pub(super) fn refuse(path: &str, status: StatusCode) -> Response {
    if is_api(path) { api::refuse(status) } else { web::refuse(status) }
}

/// Whether a request is refused while the server stops: all that do more than look, but what lets somebody in or out, and
/// what ends a task.
fn changes(method: &Method, path: &str) -> bool {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return false;
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let is = |part: &&str, word: &str| part.eq_ignore_ascii_case(word);
    let lets_in = match parts.as_slice() {
        ["login"] | [_, "login" | "code" | "passkey" | "sign-out"] | [_, "me", "proof"] => true,
        [_, api, users, word] => is(api, "api") && is(users, "users") && (is(word, "login") || is(word, "logout")),
        _ => false,
    };
    let cancels = parts.last().is_some_and(|last| is(last, "cancel"))
        && parts.iter().any(|part| is(part, "tasks") || is(part, "portal"));
    !lets_in && !cancels
}

async fn trace(request: Request, next: Next) -> Response {
    let begun = std::time::Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let address = request.extensions().get::<ConnectInfo<Peer>>().map(|info| info.0.to_string()).unwrap_or_default();
    let response = next.run(request).await;
    let took = begun.elapsed();
    tracing::debug!(%method, path, status = response.status().as_u16(), took = ?took, address, "request");
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Findings G19.
    #[test]
    fn what_changes_nothing_or_ends_a_task_goes_on_while_the_server_stops() {
        let goes_on = [
            "/login",
            "/acme/login",
            "/acme/code",
            "/acme/passkey",
            "/acme/sign-out",
            "/acme/me/proof",
            "/acme/tasks/ServerTasks-1/cancel",
            "/acme/api/tasks/ServerTasks-1/cancel",
            "/acme/api/Spaces-1/Tasks/ServerTasks-1/Cancel",
            "/acme/portal/contoso/log/Deployments-1/cancel",
            "/acme/portal/contoso/shop/runbooks/backup/runs/1/cancel",
            "/acme/api/users/login",
            "/acme/API/Users/Logout",
        ];
        for path in goes_on {
            assert!(!changes(&Method::POST, path), "{path}");
        }
        let refused = [
            "/",
            "/setup/x",
            "/acme/api/users",
            "/acme/api/users/login/x",
            "/acme/default/projects",
            "/acme/default/projects/cancel",
            "/acme/enrol",
            "/acme/api/tasks",
            "/acme/invitation/x",
        ];
        for path in refused {
            assert!(changes(&Method::POST, path) && !changes(&Method::GET, path), "{path}");
        }
        assert!(changes(&Method::DELETE, "/acme/api/tasks/ServerTasks-1"));
    }

    #[test]
    fn below_a_company_s_api_the_answers_are_the_api_s() {
        assert!(is_api("/acme/api") && is_api("/acme/API/x") && is_api("//acme//api/"));
        assert!(is_api("/acme/.well-known/openid-configuration"));
        // Findings D1, D2.
        assert!(
            is_api("/api") && is_api("/api/spaces") && is_api("/acme/acme/api/spaces") && is_api("//Acme//acme/api")
        );
        assert!(!is_api("/") && !is_api("/acme/apis") && !is_api("/acme/.well-known/x"));
        assert!(!is_api("/acme/portal/api") && !is_api("/acme/acme/projects/api"));
    }
}

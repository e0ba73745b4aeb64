//! Errors as the wire's error body (`rest-api §1`, `access-rules §7`). Every error answer is JSON.

use super::caller::Reply;
use crate::base::error::{Bound, Denied, Error, FaultKind};
use axum::http::{Method, StatusCode};
use serde_json::{Map, Value, json};

fn body(message: &str, errors: Vec<String>, help: Option<String>, details: Value) -> Value {
    let mut body = json!({
        "ErrorMessage": message, "Details": details, "HelpText": help, "HelpLink": null, "ParsedHelpLinks": [], "FullException": null,
    });
    // Only when it has entries: an empty list hides the message from the older Go client.
    if let (Some(map), false) = (body.as_object_mut(), errors.is_empty()) {
        map.insert("Errors".into(), json!(errors));
    }
    body
}

/// The answer to an error.
pub(super) fn reply(error: &Error, reference: &str) -> Reply {
    let none = || Value::Object(Map::new());
    match error {
        Error::Denied(denied) => refusal(denied),
        Error::Invalid(fields) => {
            let errors: Vec<String> = fields
                .iter()
                .map(
                    |(field, message)| {
                        if field.is_empty() { message.to_owned() } else { format!("{field}: {message}") }
                    },
                )
                .collect();
            let details: Map<String, Value> =
                fields.iter().map(|(field, message)| (field.to_owned(), json!(message))).collect();
            Reply::with(
                StatusCode::BAD_REQUEST,
                body("There was a problem with your request.", errors, None, Value::Object(details)),
            )
        }
        Error::ProofNeeded => Reply::with(
            StatusCode::FORBIDDEN,
            body(
                "This needs a fresh proof that it is you: this session's last one is more than ten minutes old.",
                Vec::new(),
                Some("Send a code (or the password, without a second factor) to POST /api/users/me/proof, or open /me/proof in the browser; then send this request again.".into()),
                json!({ "Reason": "ProofNeeded", "Remedy": { "Method": "POST", "Path": "/api/users/me/proof", "Page": "/me/proof" } }),
            ),
        ),
        Error::SecondFactorNeeded => Reply::with(
            StatusCode::FORBIDDEN,
            body(
                "This company asks for a second factor, and you have none: set one up first.",
                Vec::new(),
                Some("Open any page of the company in the browser that holds this session; it leads to /enrol. API keys go on working.".into()),
                json!({ "Reason": "SecondFactorNeeded", "Remedy": { "Page": "/enrol" } }),
            ),
        ),
        Error::PersonNeeded => Reply::with(
            StatusCode::FORBIDDEN,
            body(
                "Only a person who is signed in can do this, not an API key or a token.",
                Vec::new(),
                Some("Sign in to the pages and do it there. Rules of sign-in and one's own e-mail address, password and second factors are always changed so; the rest when the company lets only people change access.".into()),
                json!({ "Reason": "PersonNeeded", "Remedy": { "Page": "/login" } }),
            ),
        ),
        Error::NotFound(what) => Reply::with(
            StatusCode::NOT_FOUND,
            body(&format!("The resource '{what}' was not found."), Vec::new(), None, none()),
        ),
        // Clients look for a name in the list when its address is not found.
        Error::Ambiguous(sentence) => Reply::with(StatusCode::NOT_FOUND, body(sentence, Vec::new(), None, none())),
        Error::Conflict(sentence) => Reply::with(StatusCode::CONFLICT, body(sentence, Vec::new(), None, none())),
        Error::Unavailable(sentence) => {
            Reply::with(StatusCode::SERVICE_UNAVAILABLE, body(sentence, Vec::new(), None, none()))
        }
        Error::Fault(fault) => {
            let status = if fault.kind == FaultKind::Full {
                StatusCode::INSUFFICIENT_STORAGE
            } else {
                StatusCode::SERVICE_UNAVAILABLE
            };
            Reply::with(status, body(&fault.public, Vec::new(), None, none()))
        }
        Error::Later { sentence, seconds } => {
            Reply::with(StatusCode::TOO_MANY_REQUESTS, body(sentence, Vec::new(), None, none())).after(*seconds)
        }
        Error::Limit(limit) => {
            let errors = vec![limit.sentence.clone()];
            let reply = Reply::with(status_of(limit.bound), body(&limit.sentence, errors, None, none()));
            match limit.retry_after {
                Some(seconds) => reply.after(seconds),
                None => reply,
            }
        }
        Error::Internal(cause) => {
            tracing::error!(reference, "{cause:#}");
            let message = format!("Something went wrong on the server. Give the operator this reference: {reference}");
            Reply::with(StatusCode::INTERNAL_SERVER_ERROR, body(&message, Vec::new(), None, none()))
        }
    }
}

/// Too many requests are 429, a full disk is 507; for the others the present state stands in the way.
fn status_of(bound: Bound) -> StatusCode {
    match bound {
        Bound::Requests => StatusCode::TOO_MANY_REQUESTS,
        Bound::Disk => StatusCode::INSUFFICIENT_STORAGE,
        Bound::People | Bound::RunningTasks => StatusCode::CONFLICT,
    }
}

fn refusal(denied: &Denied) -> Reply {
    let place = if denied.place.is_empty() { String::new() } else { format!(" for {}", denied.place) };
    let mut help = format!("Needs {}{place}.", denied.permission);
    if !denied.reason.is_empty() {
        help.push_str(&format!(" Not allowed: {}.", denied.reason));
    }
    let context: Map<String, Value> = denied.context.iter().map(|(key, id)| ((*key).to_owned(), json!(id))).collect();
    let mut details = json!({ "MissingPermissions": [denied.permission], "Context": context, "Reason": denied.reason });
    if let Some(teams) = &denied.teams {
        let names: Vec<&str> = teams.iter().map(|(_, name)| name.as_str()).collect();
        help.push_str(&if names.is_empty() {
            " No team has it there.".into()
        } else {
            format!(" Teams that have it: {}.", names.join(", "))
        });
        details["TeamsWithPermission"] = teams.iter().map(|(id, name)| json!({ "Id": id, "Name": name })).collect();
    }
    let message = format!(
        "You do not have permission to perform this action. Please contact your administrator. Missing permission: {}",
        denied.permission
    );
    Reply::with(StatusCode::FORBIDDEN, body(&message, Vec::new(), Some(help), details))
}

/// Nobody known: no key, an unknown, expired or revoked one, a disabled user, an unknown company. All alike.
pub(super) fn unauthenticated() -> Reply {
    let message = "You must be signed in to do this. Send an API key in the header X-Octopus-ApiKey.";
    Reply::with(StatusCode::UNAUTHORIZED, body(message, Vec::new(), None, Value::Object(Map::new())))
}

/// The address names no company; `server` is what people call this server.
pub(super) fn no_company(server: &str) -> Reply {
    let message = format!("The address of a server is {server}/COMPANY, with the company's slug at its end.");
    Reply::with(StatusCode::NOT_FOUND, body(&message, Vec::new(), None, Value::Object(Map::new())))
}

/// The password was right, and more is needed to come in.
pub(super) fn unfinished(message: &str) -> Reply {
    Reply::with(StatusCode::UNAUTHORIZED, body(message, Vec::new(), None, Value::Object(Map::new())))
}

/// The path exists, the method does not.
pub(super) fn method(methods: &[Method]) -> Reply {
    let list: Vec<&str> = methods.iter().map(Method::as_str).collect();
    let message = format!("This address answers {} only.", list.join(", "));
    Reply::with(StatusCode::METHOD_NOT_ALLOWED, body(&message, Vec::new(), None, Value::Object(Map::new())))
}

/// What HTTP itself demands.
pub(super) fn status(status: StatusCode) -> Reply {
    let message = match status {
        StatusCode::PAYLOAD_TOO_LARGE => "The body is too large.",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "Send JSON with the header Content-Type: application/json.",
        StatusCode::URI_TOO_LONG => "The address is too long. It may have 16 KiB.",
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => "The request has too many headers. It may have 100.",
        StatusCode::REQUEST_TIMEOUT => "The body came too slowly. Send it again.",
        StatusCode::TOO_MANY_REQUESTS => "Too much is sent to this server at once. Try again in a few seconds.",
        StatusCode::SERVICE_UNAVAILABLE => {
            "The server is stopping: nothing can be changed any more, only read, and running tasks be cancelled. Try again when it is back."
        }
        _ => "The request cannot be read.",
    };
    let reply = Reply::with(status, body(message, Vec::new(), None, Value::Object(Map::new())));
    match crate::http::retry_after(status) {
        Some(seconds) => reply.after(seconds),
        None => reply,
    }
}

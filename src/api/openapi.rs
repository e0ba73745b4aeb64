//! The API's description (OpenAPI 3.1), made from the table of routes, so that the two cannot drift.

use super::{
    company_routes, space_routes,
    wire::{Described, Handler},
};
use crate::http::table::Route;
use axum::http::Method;
use serde_json::json;
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, HttpMethod, InfoBuilder, ObjectBuilder, OpenApi, OpenApiBuilder, PathItem,
    PathsBuilder, RefOr, Required, ResponseBuilder, Schema,
    extensions::ExtensionsBuilder,
    path::{OperationBuilder, ParameterBuilder, ParameterIn},
    request_body::RequestBodyBuilder,
    schema::Type,
    security::{ApiKey, ApiKeyValue, SecurityScheme},
};

/// The document as JSON.
pub fn document() -> String {
    build().to_pretty_json().unwrap_or_default()
}

fn build() -> OpenApi {
    let mut paths = PathsBuilder::new();
    let mut parts = Vec::new();
    for (routes, prefix) in [(company_routes(), "/{company}/api"), (space_routes(), "/{company}/api/{space}")] {
        for route in &routes {
            let path = format!("{prefix}{}", if route.path == "/" { "" } else { route.path });
            paths = paths.path(path.clone(), item(route, &path));
            let handler = &route.handler;
            let answered = handler.answers.iter().map(|(_, answered)| answered);
            for described in handler.takes.iter().chain(handler.query.iter()).chain(answered) {
                (described.parts)(&mut parts);
            }
        }
    }
    let key = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-Octopus-ApiKey")));
    OpenApiBuilder::new()
        .info(InfoBuilder::new().title("Bulkhead").version(env!("CARGO_PKG_VERSION")).description(Some(
            "Every company is a server of its own to a client: its base address is https://host/{company}. \
             Space routes are also reached below /{company}/api/spaces/{space} and, for the default space, below /{company}/api. \
             A change of access is carried out as it is sent. What it would give and take, person by person, is answered by the \
             same request with preview=true: what pages have confirmed first stands there under Dangers (somebody gains \
             production or administration) and ReachesEveryone.",
        )))
        .paths(paths)
        .components(Some(ComponentsBuilder::new().schemas_from_iter(parts).security_scheme("ApiKey", key).build()))
        .build()
}

fn item(route: &Route<Handler>, path: &str) -> PathItem {
    let method = match route.method {
        Method::POST => HttpMethod::Post,
        Method::PUT => HttpMethod::Put,
        Method::DELETE => HttpMethod::Delete,
        _ => HttpMethod::Get,
    };
    let mut operation = OperationBuilder::new()
        .operation_id(Some(format!("{} {path}", route.method)))
        .extensions(Some(ExtensionsBuilder::new().add("x-permission", json!(route.needs.word())).build()));
    for part in path.split('/') {
        if let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            operation = operation.parameter(parameter(name, ParameterIn::Path).required(Required::True));
        }
    }
    if let Some((_, summary)) = OWN.iter().find(|(own, _)| route.method == Method::GET && *own == route.path) {
        operation = operation.summary(Some(*summary));
    }
    if let Some(query) = &route.handler.query {
        for (name, schema) in properties(query) {
            // `ids=A,B`; repeating it does as well.
            let parameter = parameter(&name, ParameterIn::Query).schema(Some(schema)).explode(Some(false));
            operation = operation.parameter(parameter);
        }
    }
    if let Some(takes) = &route.handler.takes {
        let content = ContentBuilder::new().schema(Some((takes.schema)())).build();
        let body = RequestBodyBuilder::new().content("application/json", content).required(Some(Required::True));
        operation = operation.request_body(Some(body.build()));
    }
    let (status, content) = match &route.handler.answers {
        Some((status, answered)) => (*status, Some(ContentBuilder::new().schema(Some((answered.schema)())).build())),
        None => ("200", None),
    };
    let done = ResponseBuilder::new().description("Done");
    operation = operation.response(
        status,
        match content {
            Some(content) => done.content("application/json", content),
            None => done,
        },
    );
    for (status, words) in [
        ("400", "Errors, by field"),
        ("401", "Nobody known"),
        ("403", "A permission is missing"),
        ("404", "Not found, or not to be seen"),
    ] {
        operation = operation.response(status, ResponseBuilder::new().description(words));
    }
    PathItem::new(method, operation)
}

/// A parameter, text unless it says more.
fn parameter(name: &str, place: ParameterIn) -> ParameterBuilder {
    let text = ObjectBuilder::new().schema_type(Type::String);
    ParameterBuilder::new().name(name).parameter_in(place).schema(Some(text))
}

/// The words of a query and what each is.
fn properties(query: &Described) -> Vec<(String, RefOr<Schema>)> {
    let mut parts = Vec::new();
    (query.parts)(&mut parts);
    let schema = match (query.schema)() {
        RefOr::Ref(to) => {
            parts.into_iter().find(|(name, _)| to.ref_location.ends_with(&format!("/{name}"))).map(|part| part.1)
        }
        own => Some(own),
    };
    match schema {
        Some(RefOr::T(Schema::Object(object))) => object.properties.into_iter().collect(),
        _ => Vec::new(),
    }
}

/// Routes of our own that clients cannot know, in words.
const OWN: &[(&str, &str)] = &[
    ("/access/why", "Why somebody may or may not: the grants that allow, and of each near miss the scope that refused"),
    ("/access/who", "Who may: people, through which team and role"),
    (
        "/access/review",
        "Who may do what, when they last did, what nobody used in 90 days, and the smallest change that takes it away",
    ),
    ("/access/review/export", "The review as CSV"),
    ("/access/review/signoffs", "The last reviews that were signed off"),
    (
        "/users/{id}/permissions/export",
        "What a user may do as CSV: Space, Permission, Level, ProjectGroups, Projects, Environments, Tenants, Team, Role",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_shapes_have_one_name() {
        let (mut known, mut wrong) = (std::collections::BTreeMap::new(), Vec::new());
        for route in company_routes().iter().chain(&space_routes()) {
            let handler = &route.handler;
            let answered = handler.answers.iter().map(|(_, answered)| answered);
            let mut parts = Vec::new();
            for described in handler.takes.iter().chain(handler.query.iter()).chain(answered) {
                (described.parts)(&mut parts);
            }
            for (name, shape) in parts {
                let shape = json!(shape);
                let before = known.entry(name.clone()).or_insert_with(|| shape.clone());
                if *before != shape {
                    wrong.push(format!("{name} of {} {}: {before} and {shape}", route.method, route.path));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(known.len() > 100);
    }
}

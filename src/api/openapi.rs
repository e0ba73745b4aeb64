//! The API's description (OpenAPI 3.1), made from the table of routes, so that the two cannot drift.

use super::{Handler, company_routes, space_routes};
use crate::http::table::Route;
use axum::http::Method;
use serde_json::json;
use utoipa::openapi::{
    ComponentsBuilder, HttpMethod, InfoBuilder, OpenApi, OpenApiBuilder, PathItem, PathsBuilder, Required,
    ResponseBuilder,
    extensions::ExtensionsBuilder,
    path::{OperationBuilder, ParameterBuilder, ParameterIn},
    security::{ApiKey, ApiKeyValue, SecurityScheme},
};

/// The document as JSON.
pub fn document() -> String {
    build().to_pretty_json().unwrap_or_default()
}

fn build() -> OpenApi {
    let mut paths = PathsBuilder::new();
    for (routes, prefix) in [(company_routes(), "/{company}/api"), (space_routes(), "/{company}/api/{space}")] {
        for route in &routes {
            let path = format!("{prefix}{}", if route.path == "/" { "" } else { route.path });
            paths = paths.path(path.clone(), item(route, &path));
        }
    }
    let key = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-Octopus-ApiKey")));
    OpenApiBuilder::new()
        .info(InfoBuilder::new().title("Bulkhead").version(env!("CARGO_PKG_VERSION")).description(Some(
            "Every company is a server of its own to a client: its base address is https://host/{company}. \
             Space routes are also reached below /{company}/api/spaces/{space} and, for the default space, below /{company}/api.",
        )))
        .paths(paths)
        .components(Some(ComponentsBuilder::new().security_scheme("ApiKey", key).build()))
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
            operation = operation
                .parameter(ParameterBuilder::new().name(name).parameter_in(ParameterIn::Path).required(Required::True));
        }
    }
    for (status, words) in [
        ("200", "Done"),
        ("400", "Errors, by field"),
        ("401", "Nobody known"),
        ("403", "A permission is missing"),
        ("404", "Not found, or not to be seen"),
    ] {
        operation = operation.response(status, ResponseBuilder::new().description(words));
    }
    PathItem::new(method, operation)
}

//! `/api/serverconfiguration`: the company as a whole, which to a client is a server.

use super::{
    caller::{Ask, Reply},
    resource, root,
};
use crate::{
    base::error::Result,
    company::{access::permissions::ConfigureServer, settings},
};
use serde_json::json;

/// Its name, address and id.
pub(super) fn show(ask: &Ask) -> Result<Reply> {
    let found = settings::show(&ask.visitor()?.ask(ConfigureServer {})?)?;
    let own = format!("{}/serverconfiguration", resource::api(ask));
    Reply::ok(json!({
        "Id": "serverconfiguration", "Name": found.name, "Slug": found.slug, "InstallationId": found.id,
        "Created": found.created_at.wire(), "Version": root::VERSION, "Links": resource::links(&own, &[]),
    }))
}

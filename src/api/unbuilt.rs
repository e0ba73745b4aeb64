//! Services that published clients look up in the root documents and that this version does not have yet. There is none of
//! their things: lists are empty, and what would make one says so.

use super::{
    caller::Ask,
    resource,
    wire::{self, All, Collection, Done, Sent},
};
use crate::base::error::{Error, Result};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A thing that there is none of yet.
#[derive(Default, Serialize, Deserialize, ToSchema)]
pub(super) struct NotYetBuilt {}

/// No thing matches, whatever a list is asked for.
fn empty(ask: &Ask, path: &str, kind: &'static str) -> Result<Collection<NotYetBuilt>> {
    let own = format!("{}/{path}", resource::space_api(ask, ask.space()?.id().0));
    Ok(wire::collection_of(ask, &wire::of_page(), &own, kind, 0, ask.page(), Vec::new()))
}

macro_rules! unbuilt {
    ($($name:ident: $path:literal, $kind:literal, $one:literal;)*) => { $(
        pub(super) mod $name {
            use super::*;

            /// A page of none.
            pub(in crate::api) fn list(ask: &Ask) -> Result<Collection<NotYetBuilt>> {
                empty(ask, $path, $kind)
            }
            /// None.
            pub(in crate::api) fn all(ask: &Ask) -> Result<All<NotYetBuilt>> {
                ask.space()?;
                Ok(All(Vec::new()))
            }
            /// Says that there can be none.
            pub(in crate::api) fn create(ask: &Ask, _: Sent<NotYetBuilt>) -> Result<Done> {
                ask.space()?;
                Err(Error::invalid("", concat!("This version of Bulkhead keeps no ", $one, " yet. Nothing was made.")))
            }
        }
    )* };
}

unbuilt! {
    action_templates: "actiontemplates", "ActionTemplate", "step templates";
    artifacts: "artifacts", "Artifact", "artifacts";
    certificates: "certificates", "Certificate", "certificates";
    feeds: "feeds", "Feed", "feeds";
    git_credentials: "git-credentials", "GitCredential", "Git credentials";
    interruptions: "interruptions", "Interruption", "interruptions";
    library_variable_sets: "libraryvariablesets", "LibraryVariableSet", "library variable sets";
    project_triggers: "projecttriggers", "ProjectTrigger", "triggers";
    proxies: "proxies", "Proxy", "proxies";
    subscriptions: "subscriptions", "Subscription", "subscriptions";
}

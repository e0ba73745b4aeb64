//! What both flavours of the executions API, deployments and runs, say beside their place.

use crate::{
    base::{
        clock::Moment,
        error::{Error, Fields, Result},
        ids::{Environment, Id, Project, Space, Target, Tenant},
        paging::Page,
    },
    company::{
        access::{
            At, Locate, Visitor,
            permissions::{List, TenantView},
        },
        deployments::Options,
        tenants,
    },
};

/// What is said beside the place, as it was sent, under the name of the field.
pub(in crate::api) struct Said {
    pub comments: String,
    /// By both names that clients have for it.
    pub skip: [(&'static str, Vec<String>); 2],
    pub only: Vec<String>,
    pub not: Vec<String>,
    /// By both names that clients have for it.
    pub not_before: [(&'static str, String); 2],
    /// By both names that clients have for it.
    pub not_after: [(&'static str, String); 2],
}

impl Said {
    /// What commands call these fields, and what they were called here.
    pub fn words(&self) -> Vec<(&'static str, &'static str)> {
        let skip = self.skip.iter().find(|(_, steps)| !steps.is_empty()).map_or(self.skip[0].0, |(name, _)| *name);
        let sent = |given: &[(&'static str, String); 2]| {
            given.iter().find(|(_, text)| !text.trim().is_empty()).map_or(given[0].0, |(name, _)| *name)
        };
        vec![("RunAt", sent(&self.not_before)), ("NoRunAfter", sent(&self.not_after)), ("SkipStepNames", skip)]
    }
}

/// What both flavours of the executions API say beside the place.
pub(in crate::api) fn options(visitor: &Visitor, space: &At<Space>, said: Said, wrong: &mut Fields) -> Result<Options> {
    let mut time = |given: [(&'static str, String); 2]| {
        let mut read: Option<Moment> = None;
        for (name, text) in given.iter().filter(|(_, text)| !text.trim().is_empty()) {
            match (Moment::parse(text), read) {
                (None, _) => wrong.add(name, "Give a time such as 2026-01-31T10:00:00+00:00."),
                (Some(other), Some(first)) if other != first => {
                    wrong.add(name, format!("This is another time than {}. Leave one of them out.", given[0].0));
                }
                (moment, _) => read = moment,
            }
        }
        read
    };
    let (not_before, not_after) = (time(said.not_before), time(said.not_after));
    let targets = |names: Vec<String>| -> Result<Vec<Id<Target>>> {
        // One that may not be seen is not there.
        let seen = |name: &String| match visitor.named::<Target>(space, name)? {
            at if visitor.sees(&at) => Ok(at.id()),
            _ => Err(Error::NotFound(name.clone())),
        };
        names.iter().map(seen).collect()
    };
    let (only_targets, not_targets) = (targets(said.only)?, targets(said.not)?);
    let skip_steps = said.skip.into_iter().flat_map(|(_, steps)| steps).collect();
    Ok(Options { comments: said.comments, skip_steps, only_targets, not_targets, not_before, not_after })
}

/// Whether a thing that was named by several names is the same by all of them: else one of them would be passed over.
///
/// # Errors
/// `Invalid` by the name that leads to another one, or to none.
pub(in crate::api) fn agreeing<T: Locate>(
    chosen: &At<T>,
    given: &[(&'static str, String)],
    find: impl Fn(&str) -> Result<At<T>>,
) -> Result<()> {
    for (name, text) in given.iter().filter(|(_, text)| !text.trim().is_empty()) {
        match find(text) {
            Ok(other) if other.id() == chosen.id() => {}
            Ok(_) | Err(Error::NotFound(_)) => {
                let words = format!("This is another {} than {}. Leave one of them out.", T::WORD, given[0].0);
                return Err(Error::invalid(name, words));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What is said of tags that choose nobody.
pub(in crate::api) const NOBODY_TAGGED: &str =
    "No tenant with these tags is connected to the project in this environment.";

/// The tenants with these tags, by the filter rule, that are connected to the project in the environment (`domain §7`).
pub(in crate::api) fn tagged(
    visitor: &Visitor,
    space: &At<Space>,
    project: &At<Project>,
    environment: &At<Environment>,
    tags: Vec<String>,
) -> Result<Vec<At<Tenant>>> {
    let granted = visitor.ask(List::<TenantView>::of(space))?;
    let filter =
        tenants::Filter { project: Some(project.id()), tags, is_disabled: Some(false), ..tenants::Filter::default() };
    let listed = tenants::list(&granted, &filter, Page::ALL)?;
    let connected = listed.items.iter().filter(|tenant| {
        tenant.connections.iter().any(|one| one.project == project.id() && one.environments.contains(&environment.id()))
    });
    connected.map(|tenant| visitor.locate(space, &tenant.id.to_string())).collect()
}

//! To what a key is narrowed, as it is given, checked and told. What follows from it is decided at the door
//! (`access::narrowing`).

use crate::{
    base::{
        error::{Fields as Wrong, Result},
        ids::{Environment, Id, Kind, Project, ProjectGroup, Runbook, Space, Tenant},
    },
    company::{
        access::{
            Granted,
            permissions::{Info, Permission, named},
            policy::Dimension,
        },
        teams,
    },
};
use serde_json::{Value, json};

/// What a key leaves of its owner's rights; an empty list leaves all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Narrow {
    /// Names of permissions.
    pub permissions: Vec<String>,
    /// Spaces. With any limit, the key holds nothing of the company as a whole.
    pub spaces: Vec<Id<Space>>,
    /// Project groups.
    pub groups: Vec<Id<ProjectGroup>>,
    /// Projects; together with the groups one limit.
    pub projects: Vec<Id<Project>>,
    /// Environments.
    pub environments: Vec<Id<Environment>>,
    /// Tenants.
    pub tenants: Vec<Id<Tenant>>,
    /// Runbooks.
    pub runbooks: Vec<Id<Runbook>>,
}

const SPACE: &str = "space";

impl Narrow {
    /// Whether it leaves all.
    pub fn is_empty(&self) -> bool {
        *self == Narrow::default()
    }
    /// The numbers of a dimension.
    pub fn of(&self, dimension: Dimension) -> Vec<i64> {
        match dimension {
            Dimension::Group => numbers(&self.groups),
            Dimension::Project => numbers(&self.projects),
            Dimension::Environment => numbers(&self.environments),
            Dimension::Tenant => numbers(&self.tenants),
            Dimension::Runbook => numbers(&self.runbooks),
        }
    }
    pub(super) fn add(&mut self, dimension: &str, id: i64) {
        match dimension {
            SPACE => self.spaces.push(Id::new(id)),
            "group" => self.groups.push(Id::new(id)),
            "project" => self.projects.push(Id::new(id)),
            "environment" => self.environments.push(Id::new(id)),
            "tenant" => self.tenants.push(Id::new(id)),
            _ => self.runbooks.push(Id::new(id)),
        }
    }
}

fn numbers<T>(ids: &[Id<T>]) -> Vec<i64> {
    let mut numbers: Vec<i64> = ids.iter().map(|id| id.0).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// Checked: permissions that there are, things that the visitor sees, spaces that they lie in.
#[derive(Debug, Default)]
pub(super) struct Settled {
    pub permissions: Vec<&'static Info>,
    /// Dimension, number and name.
    things: Vec<(&'static str, i64, String)>,
}

impl Settled {
    pub fn is_empty(&self) -> bool {
        self.permissions.is_empty() && self.things.is_empty()
    }
    pub fn limits(&self) -> impl Iterator<Item = (&'static str, i64)> {
        self.things.iter().map(|(dimension, id, _)| (*dimension, *id))
    }
    /// For the trail, in names.
    pub fn told(&self) -> Value {
        let names = |dimension: &str| -> Vec<&str> {
            self.things.iter().filter(|(of, _, _)| *of == dimension).map(|(_, _, name)| name.as_str()).collect()
        };
        let permissions: Vec<&str> = self.permissions.iter().map(|info| info.name).collect();
        json!({
            "Permissions": permissions, "Spaces": names(SPACE), "ProjectGroups": names("group"), "Projects": names("project"),
            "Environments": names("environment"), "Tenants": names("tenant"), "Runbooks": names("runbook"),
        })
    }
}

/// Checks what was given. Where only things are named, the key holds in their spaces and in no other.
pub(super) fn settle<P: Permission>(granted: &Granted<'_, P>, wish: &Narrow, wrong: &mut Wrong) -> Result<Settled> {
    let mut settled = Settled::default();
    for name in &wish.permissions {
        match named(name) {
            Some(info) if settled.permissions.iter().any(|known| known.key == info.key) => {}
            Some(info) => settled.permissions.push(info),
            None => wrong.add("Permissions", format!("There is no permission “{name}”. Choose another.")),
        }
    }
    let entered = granted.visitor().spaces()?;
    for id in numbers(&wish.spaces) {
        match entered.iter().find(|space| space.id.0 == id) {
            Some(space) => settled.things.push((SPACE, id, space.name.clone())),
            None => wrong.add("SpaceIds", format!("There is no space {}-{id}. Choose another.", Space::PREFIX)),
        }
    }
    let named_spaces = !wish.spaces.is_empty();
    for dimension in Dimension::ALL {
        let ids = wish.of(dimension);
        let mut left = ids.clone();
        for space in &entered {
            if left.is_empty() || named_spaces && !wish.spaces.contains(&space.id) {
                continue;
            }
            for (id, name) in teams::names_seen(granted, dimension, space.id, &left)? {
                settled.things.push((dimension.word(), id, name));
                left.retain(|other| *other != id);
                if !settled.limits().any(|limit| limit == (SPACE, space.id.0)) {
                    settled.things.push((SPACE, space.id.0, space.name.clone()));
                }
            }
        }
        let (field, prefix, word) = dimension.wire();
        for id in left {
            let place = if named_spaces { " in these spaces" } else { "" };
            wrong.add(field, format!("There is no {word} {prefix}-{id}{place}. Choose another."));
        }
    }
    Ok(settled)
}

/// What a key is narrowed to, in words: "DeploymentCreate and ReleaseView", "in Default: project Shop". Empty for one that
/// leaves all.
pub fn words<P: Permission>(granted: &Granted<'_, P>, narrow: &Narrow) -> Result<Vec<String>> {
    let mut words = Vec::new();
    if !narrow.permissions.is_empty() {
        words.push(if narrow.permissions.len() > 4 {
            format!("{} and {} more permissions", narrow.permissions[..3].join(", "), narrow.permissions.len() - 3)
        } else {
            format!("only {}", narrow.permissions.join(", "))
        });
    }
    let entered = granted.visitor().spaces()?;
    if !narrow.spaces.is_empty() {
        let name = |id: &Id<Space>| entered.iter().find(|space| space.id == *id).map(|space| space.name.clone());
        let names: Vec<String> = narrow.spaces.iter().map(|id| name(id).unwrap_or_else(|| id.to_string())).collect();
        words.push(format!("in {}", names.join(", ")));
    }
    for dimension in Dimension::ALL {
        let ids = narrow.of(dimension);
        let mut names: Vec<String> = Vec::new();
        for space in entered.iter().filter(|space| narrow.spaces.contains(&space.id)) {
            names.extend(teams::names_seen(granted, dimension, space.id, &ids)?.into_iter().map(|(_, name)| name));
        }
        let (_, _, word) = dimension.wire();
        let unseen = ids.len() - names.len().min(ids.len());
        if unseen > 0 {
            names.push(format!("{unseen} that you cannot see or that are gone"));
        }
        if !names.is_empty() {
            words.push(format!("{word} {}", names.join(", ")));
        }
    }
    Ok(words)
}

//! What an API key holds of what its owner may (`access-rules §9`): some permissions, in some places. Pure.
//!
//! A narrowed key is asked like its owner, with fewer grants: each grant of the owner cut down to what the key leaves of
//! it. So a decision needs the owner's grant and the key's leave in one, for single things, for lists and for buttons
//! alike. Limits work as those of a role do: a permission that does not honour a dimension is not limited by it. Whatever
//! a key is limited to, it then holds nothing of the company as a whole.

use super::{
    permissions::{CATALOGUE, Info},
    policy::{Grant, Grants, Limit, Within},
};

/// What a key leaves.
#[derive(Debug, Clone)]
pub struct Narrowing {
    /// The keys of the permissions it holds; `None`: all that its owner has.
    pub permissions: Option<Vec<usize>>,
    /// The spaces it holds them in.
    pub spaces: Limit,
    /// The project groups.
    pub groups: Limit,
    /// The projects.
    pub projects: Limit,
    /// The environments.
    pub environments: Limit,
    /// The tenants.
    pub tenants: Limit,
    /// The runbooks.
    pub runbooks: Limit,
}

impl Narrowing {
    /// What is left of the owner's grants.
    pub fn of(&self, owner: &Grants) -> Grants {
        Grants::new(owner.parts().filter_map(|(grant, keys)| self.cut(grant, &keys)).collect())
            .noting(owner.used().cloned())
    }

    fn has_limits(&self) -> bool {
        let limits = [&self.spaces, &self.groups, &self.projects, &self.environments, &self.tenants, &self.runbooks];
        limits.into_iter().any(|limit| !limit.is_all())
    }

    fn cut(&self, grant: &Grant, keys: &[usize]) -> Option<(Grant, Vec<usize>)> {
        match grant.space {
            None if self.has_limits() => return None,
            Some(space) if !self.spaces.has(space) => return None,
            _ => {}
        }
        let mut left = Grant {
            environments: grant.environments.and(&self.environments),
            tenants: grant.tenants.and(&self.tenants),
            runbooks: grant.runbooks.and(&self.runbooks),
            ..grant.clone()
        };
        let all = |groups: &Limit, projects: &Limit| groups.is_all() && projects.is_all();
        if all(&grant.groups, &grant.projects) {
            (left.groups, left.projects) = (self.groups.clone(), self.projects.clone());
        } else if grant.groups.is_all() && self.groups.is_all() {
            left.projects = grant.projects.and(&self.projects);
        } else if !all(&self.groups, &self.projects) {
            left.within = Some(Box::new(Within { groups: self.groups.clone(), projects: self.projects.clone() }));
        }
        let held = |key: &&usize| self.permissions.as_ref().is_none_or(|listed| listed.contains(key));
        let keys =
            keys.iter().filter(held).filter(|key| CATALOGUE.get(**key).is_some_and(|info| is_alive(&left, info)));
        let keys: Vec<usize> = keys.copied().collect();
        (!keys.is_empty()).then_some((left, keys))
    }
}

/// Whether a grant can still allow the permission anywhere. One that is limited to nothing allows nothing, also where it
/// is only asked whether it may be held somewhere.
fn is_alive(grant: &Grant, info: &Info) -> bool {
    let no_project = info.projects && grant.groups.is_all() && grant.projects.is_nothing();
    // Without `explicit`, what has no tenant is still inside.
    !(no_project
        || info.environments && grant.environments.is_nothing()
        || info.tenants && info.explicit && grant.tenants.is_nothing()
        || info.runbooks && grant.runbooks.is_nothing())
}

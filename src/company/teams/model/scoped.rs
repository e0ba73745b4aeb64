//! Roles on teams and their scopes.

use super::{RolePermissions, wire_id};
use crate::{
    base::{
        clock::{self, Moment},
        ids::{Environment, Id, Project, ProjectGroup, Runbook, ScopedUserRole, Space, Team, Tenant, UserRole as Role},
    },
    company::access::policy::Dimension,
};
use serde::Serialize;

/// One role on one team.
#[derive(Debug, Clone)]
pub struct ScopedRole {
    /// Its id.
    pub id: Id<ScopedUserRole>,
    /// The team.
    pub team: Id<Team>,
    /// The user role.
    pub role: Id<Role>,
    /// The user role's name.
    pub role_name: String,
    /// What the user role is called for good when it came with the company.
    pub role_builtin: Option<String>,
    /// What the user role allows.
    pub permissions: RolePermissions,
    /// The space its space permissions hold in; `None` for a role without any.
    pub space: Option<Id<Space>>,
    /// The name of that space.
    pub space_name: Option<String>,
    /// What it is limited to there.
    pub scope: Scope<Limited>,
    /// When it ends by itself.
    pub until: Option<Moment>,
    /// It is what its team exists for, and stays as it is.
    pub is_fixed: bool,
}

impl ScopedRole {
    /// The user role's id on the wire.
    pub fn role_wire_id(&self) -> String {
        wire_id(self.role, self.role_builtin.as_deref())
    }
    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        self.until.is_some_and(|until| until <= clock::now())
    }
}

/// To what a role is limited, one list a dimension; an empty list is no limit. Project groups and projects together are
/// one limit: what is in either.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Scope<T> {
    /// Project groups.
    pub groups: Vec<T>,
    /// Projects.
    pub projects: Vec<T>,
    /// Environments.
    pub environments: Vec<T>,
    /// Tenants.
    pub tenants: Vec<T>,
    /// Runbooks: they limit what is about runbooks, and nothing else.
    pub runbooks: Vec<T>,
}

impl<T> Default for Scope<T> {
    fn default() -> Self {
        Scope {
            groups: Vec::new(),
            projects: Vec::new(),
            environments: Vec::new(),
            tenants: Vec::new(),
            runbooks: Vec::new(),
        }
    }
}

impl<T> Scope<T> {
    /// The list of a dimension.
    pub fn of(&self, dimension: Dimension) -> &Vec<T> {
        match dimension {
            Dimension::Group => &self.groups,
            Dimension::Project => &self.projects,
            Dimension::Environment => &self.environments,
            Dimension::Tenant => &self.tenants,
            Dimension::Runbook => &self.runbooks,
        }
    }
    pub(in crate::company) fn of_mut(&mut self, dimension: Dimension) -> &mut Vec<T> {
        match dimension {
            Dimension::Group => &mut self.groups,
            Dimension::Project => &mut self.projects,
            Dimension::Environment => &mut self.environments,
            Dimension::Tenant => &mut self.tenants,
            Dimension::Runbook => &mut self.runbooks,
        }
    }
    /// Whether it limits nothing.
    pub fn is_empty(&self) -> bool {
        Dimension::ALL.into_iter().all(|dimension| self.of(dimension).is_empty())
    }
}

/// One of the things a role is limited to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limited {
    /// Its number.
    pub id: i64,
    /// Its name; `None` when the visitor may not see it, or it is gone. A limit to something that is gone stays a limit.
    pub name: Option<String>,
}

/// What a person gives.
#[derive(Debug, Clone, Default)]
pub struct ScopedFields {
    /// The user role.
    pub role: Option<Id<Role>>,
    /// The space for its space permissions. A space's own team needs none.
    pub space: Option<Id<Space>>,
    /// Limits to project groups.
    pub groups: Vec<Id<ProjectGroup>>,
    /// Limits to projects.
    pub projects: Vec<Id<Project>>,
    /// Limits to environments.
    pub environments: Vec<Id<Environment>>,
    /// Limits to tenants.
    pub tenants: Vec<Id<Tenant>>,
    /// Limits to runbooks.
    pub runbooks: Vec<Id<Runbook>>,
    /// When it ends by itself.
    pub until: Option<Moment>,
}

impl ScopedFields {
    /// The limits as numbers, each once and in order.
    pub(in crate::company) fn scope(&self) -> Scope<i64> {
        fn numbers<T>(ids: &[Id<T>]) -> Vec<i64> {
            let mut numbers: Vec<i64> = ids.iter().map(|id| id.0).collect();
            numbers.sort_unstable();
            numbers.dedup();
            numbers
        }
        Scope {
            groups: numbers(&self.groups),
            projects: numbers(&self.projects),
            environments: numbers(&self.environments),
            tenants: numbers(&self.tenants),
            runbooks: numbers(&self.runbooks),
        }
    }
}

/// A role on a team as it is written down: checked, its space settled.
pub struct Settled {
    pub role: Id<Role>,
    pub permissions: RolePermissions,
    pub space: Option<Id<Space>>,
    pub scope: Scope<i64>,
    pub until: Option<Moment>,
}

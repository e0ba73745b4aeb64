//! What teams, user roles and roles on teams are.

mod roles;
mod scoped;

pub(super) use roles::wire_id;
pub use roles::{OwnRole, RoleFields, RolePermissions, RoleSpec, UserRole};
pub(super) use scoped::Settled;
pub use scoped::{Limited, Scope, ScopedFields, ScopedRole};

use crate::base::{
    clock::{self, Moment},
    ids::{Id, Space, Team as Kind, Tenant, User},
};
use serde::Serialize;

/// The teams that every company has, and every space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Builtin {
    /// Every person and service account; its members are not chosen.
    Everyone,
    /// Hold every right of the company as a whole. Never without an active member.
    Administrators,
    /// Hold every right of the company as a whole but full administration.
    Managers,
    /// May do everything in their space.
    SpaceManagers,
}

/// A team.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Team {
    /// Its id.
    #[serde(skip)]
    pub id: Id<Kind>,
    /// Its space; `None`: it stands outside all spaces.
    #[serde(skip)]
    pub space: Option<Id<Space>>,
    /// The name of its space.
    #[serde(skip)]
    pub space_name: Option<String>,
    /// The tenant whose own people it is for.
    #[serde(skip)]
    pub tenant: Option<Id<Tenant>>,
    /// Which of the built-in teams it is.
    #[serde(skip)]
    pub builtin: Option<Builtin>,
    /// Its name, unique in its space or among the teams outside all spaces.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// How many are in it.
    #[serde(skip)]
    pub members: i64,
    /// A team for emergencies: its members hold its roles only while they use it, for at most so many hours at a time.
    pub emergency_hours: Option<i64>,
}

impl Team {
    /// Its id on the wire: built-in teams have conventional ones (`access-rules §6`).
    pub fn wire_id(&self) -> String {
        match (self.builtin, self.space) {
            (Some(Builtin::Everyone), _) => "teams-everyone".into(),
            (Some(Builtin::Administrators), _) => "teams-administrators".into(),
            (Some(Builtin::Managers), _) => "teams-managers".into(),
            (Some(Builtin::SpaceManagers), Some(space)) => format!("teams-spacemanagers-{space}"),
            _ => self.id.to_string(),
        }
    }
    /// Whether it may be renamed or deleted.
    pub fn is_own(&self) -> bool {
        self.builtin.is_none()
    }
    /// Whether its members are chosen.
    pub fn has_members(&self) -> bool {
        self.builtin != Some(Builtin::Everyone)
    }
}

/// What a person gives.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    /// Required, 1–200 characters, unique at its level.
    pub name: String,
    /// At most 2,000 characters.
    pub description: String,
}

impl Fields {
    /// Nothing but a name.
    pub fn named(name: &str) -> Fields {
        Fields { name: name.into(), ..Fields::default() }
    }
}

/// Which teams are asked for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Part of the name, ignoring case.
    pub partial_name: String,
    /// Only these, by number.
    pub ids: Option<Vec<i64>>,
    /// Only those this user is a member of.
    pub member: Option<Id<User>>,
}

/// Somebody in a team.
#[derive(Debug, Clone)]
pub struct Member {
    /// Who.
    pub id: Id<User>,
    /// Their name; `None` for a visitor who may not see users.
    pub name: Option<String>,
    /// What they sign in with, or a service account's name.
    pub username: Option<String>,
    /// Whether it is a service account.
    pub is_service: bool,
    /// Whether they can sign in.
    pub is_active: bool,
    /// Whether they are one of a tenant's own people.
    pub is_customer: bool,
}

/// An emergency of a team, under way or over.
#[derive(Debug, Clone)]
pub struct Emergency {
    /// Its number.
    pub id: i64,
    /// The team that was used.
    pub team: Id<Kind>,
    /// Who used it.
    pub user: Id<User>,
    /// Their name; `None` for a visitor who may not see users.
    pub name: Option<String>,
    /// What for.
    pub reason: String,
    /// Since when.
    pub began_at: Moment,
    /// Until when it lasts, or would have lasted.
    pub until: Moment,
    /// When it was over before that.
    pub ended_at: Option<Moment>,
}

impl Emergency {
    /// Whether it lasts at this moment.
    pub fn lasts(&self) -> bool {
        self.ended_at.is_none() && self.until > clock::now()
    }
}

/// A team for emergencies that somebody is in.
#[derive(Debug, Clone)]
pub struct Standby {
    /// The team.
    pub team: Team,
    /// The emergency under way.
    pub now: Option<Emergency>,
}

//! What a deployment target is.

use crate::base::{
    clock::Moment,
    ids::{Account, Environment, Id, Space, Target as Kind, Tenant},
};
use serde::{Serialize, Serializer};

/// Which deployments a target takes part in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub enum Participation {
    /// In those for no tenant.
    #[default]
    Untenanted,
    /// In those for the tenants it is for.
    Tenanted,
    /// In both.
    TenantedOrUntenanted,
}

impl Participation {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Participation; 3] =
        [Participation::Untenanted, Participation::Tenanted, Participation::TenantedOrUntenanted];
    /// Its name on the wire and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Participation::Untenanted => "Untenanted",
            Participation::Tenanted => "Tenanted",
            Participation::TenantedOrUntenanted => "TenantedOrUntenanted",
        }
    }
    /// What it means, for people.
    pub fn words(self) -> &'static str {
        match self {
            Participation::Untenanted => "Deployments without a tenant",
            Participation::Tenanted => "Deployments for its tenants",
            Participation::TenantedOrUntenanted => "Both",
        }
    }
    /// Reads its name, ignoring case.
    pub fn named(text: &str) -> Option<Participation> {
        Participation::ALL.into_iter().find(|one| one.name().eq_ignore_ascii_case(text.trim()))
    }
}

/// What the last look at a machine found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Health {
    /// It was not looked at yet.
    Unknown,
    /// It answered and let us in.
    Healthy,
    /// It could not be reached.
    Unavailable,
}

impl Health {
    /// Its name on the wire and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Health::Unknown => "Unknown",
            Health::Healthy => "Healthy",
            Health::Unavailable => "Unavailable",
        }
    }
    /// Reads its name, ignoring case.
    pub fn named(text: &str) -> Option<Health> {
        [Health::Unknown, Health::Healthy, Health::Unavailable]
            .into_iter()
            .find(|one| one.name().eq_ignore_ascii_case(text.trim()))
    }
}

/// A deployment target.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Target {
    /// Its id.
    #[serde(skip)]
    pub id: Id<Kind>,
    /// Its space.
    #[serde(skip)]
    pub space: Id<Space>,
    /// Its name, unique in its space.
    pub name: String,
    /// What stands for it in addresses.
    pub slug: String,
    /// Left out of deployments.
    pub is_disabled: bool,
    /// Where it stands; at least one.
    #[serde(rename = "EnvironmentIds", serialize_with = "as_text")]
    pub environments: Vec<Id<Environment>>,
    /// What it is for, in words that steps ask for; at least one.
    pub roles: Vec<String>,
    /// See [`Participation`].
    #[serde(rename = "TenantedDeploymentParticipation")]
    pub participation: Participation,
    /// The tenants it is for by name.
    #[serde(rename = "TenantIds", serialize_with = "as_text")]
    pub tenants: Vec<Id<Tenant>>,
    /// The tenants it is for by tag, as `Set/Tag`.
    pub tenant_tags: Vec<String>,
    /// Name or address.
    pub host: String,
    /// Usually 22.
    pub port: u16,
    /// The pinned fingerprint of its host key, `SHA256:…`.
    #[serde(rename = "Fingerprint")]
    pub host_key: String,
    /// How it is signed in to.
    #[serde(rename = "AccountId", serialize_with = "one_as_text")]
    pub account: Id<Account>,
    /// It was made without being looked at.
    #[serde(rename = "SkipInitialHealthCheck")]
    pub skips_first_check: bool,
    /// What the last look found.
    #[serde(skip)]
    pub health: Health,
    /// What it said.
    #[serde(skip)]
    pub health_note: String,
    /// When that was.
    #[serde(skip)]
    pub health_at: Option<Moment>,
}

pub fn as_text<T: crate::base::ids::Kind, S: Serializer>(ids: &[Id<T>], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(ids.iter().map(Id::to_string))
}

fn one_as_text<T: crate::base::ids::Kind, S: Serializer>(id: &Id<T>, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(id)
}

/// Ids from a JSON list of numbers, as a subquery gives them.
pub fn numbers<T>(json: &str) -> Vec<Id<T>> {
    serde_json::from_str::<Vec<i64>>(json).unwrap_or_default().into_iter().map(Id::new).collect()
}

/// What a person gives; environments and tenants are in the proof.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    /// Required, 1–200 characters, unique in the space.
    pub name: String,
    /// See [`Target::is_disabled`].
    pub is_disabled: bool,
    /// At least one; those that differ in case only are one.
    pub roles: Vec<String>,
    /// See [`Participation`].
    pub participation: Participation,
    /// `Set/Tag` or the tag's id.
    pub tenant_tags: Vec<String>,
    /// Required: a name or an address.
    pub host: String,
    /// 1 to 65,535.
    pub port: i64,
    /// Required, `SHA256:` and 43 letters.
    pub host_key: String,
    /// What stands for it in addresses; empty: made of the first name, and kept.
    pub slug: String,
    /// See [`Target::skips_first_check`]; `None`: as it is, at first so.
    pub skips_first_check: Option<bool>,
}

/// Which targets are asked for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Part of the name, ignoring case.
    pub partial_name: String,
    /// Exactly this name, ignoring case.
    pub name: Option<String>,
    /// Only these, by number.
    pub ids: Option<Vec<i64>>,
    /// With one of these roles, ignoring case.
    pub roles: Vec<String>,
    /// In one of these environments, by number.
    pub environments: Option<Vec<i64>>,
    /// Naming one of these tenants, by number.
    pub tenants: Option<Vec<i64>>,
    /// Naming one of these tags, as `Set/Tag`.
    pub tenant_tags: Vec<String>,
    /// Only those disabled, or only those not.
    pub is_disabled: Option<bool>,
    /// In one of these states of health.
    pub health: Vec<String>,
    /// Signing in with this account, by number.
    pub account: Option<i64>,
}

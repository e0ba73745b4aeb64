//! User roles: named bags of permissions. Each part of the trade has one built in; they cannot be deleted.

use super::sql;
use crate::{
    base::{
        error::Result,
        ids::{Id, UserRole as Kind},
    },
    company::access::{
        At, Granted,
        permissions::{Info, UserRoleView, named},
        policy::Dimension,
    },
};

/// A user role.
#[derive(Debug, Clone)]
pub struct UserRole {
    /// Its id.
    pub id: Id<Kind>,
    /// Its name, unique in the company.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it is called for good when it came with the company; such a role cannot be deleted.
    pub builtin: Option<String>,
    /// What it allows.
    pub permissions: RolePermissions,
    /// How many teams hold it.
    pub teams: i64,
}

/// What a role allows, at each level.
#[derive(Debug, Clone, Default)]
pub struct RolePermissions {
    /// In the company as a whole, by name.
    pub system: Vec<&'static Info>,
    /// In the space it is held in, by name.
    pub space: Vec<&'static Info>,
}

impl UserRole {
    /// Its id on the wire: built-in roles have conventional ones.
    pub fn wire_id(&self) -> String {
        wire_id(self.id, self.builtin.as_deref())
    }
}

pub(super) fn wire_id(id: Id<Kind>, builtin: Option<&str>) -> String {
    builtin.map_or_else(|| id.to_string(), |builtin| format!("userroles-{builtin}"))
}

impl RolePermissions {
    pub(super) fn of(listed: &[(String, String)]) -> RolePermissions {
        let at = |level: &str, fits: fn(&Info) -> bool| -> Vec<&'static Info> {
            let names = listed.iter().filter(|(of, _)| of == level);
            names.filter_map(|(_, name)| named(name)).filter(|info| fits(info)).collect()
        };
        RolePermissions { system: at("system", Info::at_system), space: at("space", Info::in_space) }
    }
    /// Whether it holds this permission at either level.
    pub fn has(&self, name: &str) -> bool {
        self.system.iter().chain(&self.space).any(|info| info.name == name)
    }
    /// The dimensions that a scope on this role has any effect on.
    pub fn dimensions(&self) -> Vec<Dimension> {
        let honoured = |dimension: &Dimension| {
            self.space.iter().any(|info| crate::company::access::permissions::honoured(info).any(|d| d == *dimension))
        };
        Dimension::ALL.into_iter().filter(honoured).collect()
    }
    /// The permissions in groups for reading: what they are about → those permissions. `DeploymentCreate` and
    /// `DeploymentView` are both about deployments.
    pub fn grouped(infos: &[&'static Info]) -> Vec<(String, Vec<&'static Info>)> {
        let mut groups: Vec<(String, Vec<&'static Info>)> = Vec::new();
        for info in infos {
            let subject = subject(info.name);
            match groups.iter_mut().find(|(name, _)| *name == subject) {
                Some((_, members)) => members.push(info),
                None => groups.push((subject, vec![info])),
            }
        }
        groups.sort_by(|a, b| a.0.cmp(&b.0));
        groups
    }
}

/// "Library variable set" of `LibraryVariableSetEdit`: the name without its verb, in words.
fn subject(name: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for c in name.chars() {
        match words.last_mut() {
            Some(word) if !c.is_uppercase() => word.push(c),
            _ => words.push(c.to_lowercase().collect()),
        }
    }
    const VERBS: &[&str] = &[
        "create",
        "delete",
        "edit",
        "view",
        "administer",
        "push",
        "download",
        "cancel",
        "prioritize",
        "submit",
        "report",
        "resolve",
        "invite",
        "unscoped",
        "export",
        "private",
        "key",
        "responsible",
    ];
    if name == "AdministerSystem" || name == "ConfigureServer" {
        return "Administration".into();
    }
    while words.len() > 1 && words.last().is_some_and(|word| VERBS.contains(&word.as_str())) {
        words.pop();
    }
    let text = words.join(" ");
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().collect::<String>() + letters.as_str()).unwrap_or_default()
}

/// All user roles, by name.
pub fn list_roles(granted: &Granted<'_, UserRoleView>) -> Result<Vec<UserRole>> {
    granted.read(|rows| sql::user_roles(rows, None))
}

/// One user role.
pub fn show_role(granted: &Granted<'_, UserRoleView>, role: &At<Kind>) -> Result<UserRole> {
    granted.read(|rows| sql::user_role(rows, role.id()))
}

#[test]
fn permissions_are_grouped_by_what_they_are_about() {
    for (name, group) in [
        ("LibraryVariableSetEdit", "Library variable set"),
        ("DeploymentCreate", "Deployment"),
        ("CertificateExportPrivateKey", "Certificate"),
        ("InterruptionViewSubmitResponsible", "Interruption"),
        ("VariableViewUnscoped", "Variable"),
        ("AdministerSystem", "Administration"),
        ("BuiltInFeedPush", "Built in feed"),
    ] {
        assert_eq!(subject(name), group);
    }
}

//! User roles and what they allow.

use crate::{
    base::ids::{Id, UserRole as Kind},
    company::access::{
        builtin,
        permissions::{Info, named},
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
    /// Permissions that came with a later version than anybody has looked through for this role, and it does not hold.
    pub offered: Vec<&'static Info>,
}

/// What a role allows, at each level.
#[derive(Debug, Clone, Default)]
pub struct RolePermissions {
    /// In the company as a whole, by name.
    pub system: Vec<&'static Info>,
    /// In the space it is held in, by name.
    pub space: Vec<&'static Info>,
}

/// A role of our own making that is made where it is missing: for recipes.
#[derive(Debug)]
pub struct OwnRole {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// What it allows in the company as a whole.
    pub system: &'static [&'static str],
    /// What it allows in the space it is held in.
    pub space: &'static [&'static str],
}

/// A role that is to be there.
#[derive(Debug, Clone, Copy)]
pub enum RoleSpec {
    /// A built-in one, by what it is called for good.
    Builtin(&'static str),
    /// One that is found by its name, or made.
    Own(&'static OwnRole),
}

impl OwnRole {
    pub(in crate::company) fn permissions(&self) -> RolePermissions {
        let infos = |names: &[&str]| names.iter().filter_map(|name| named(name)).collect::<Vec<_>>();
        RolePermissions { system: infos(self.system), space: infos(self.space) }
    }
}

impl UserRole {
    /// Its id on the wire: built-in roles have conventional ones.
    pub fn wire_id(&self) -> String {
        wire_id(self.id, self.builtin.as_deref())
    }
    /// Whether it is built in and holds something else than it came with.
    pub fn differs_from_default(&self) -> bool {
        let Some(builtin) = &self.builtin else { return false };
        let default = RolePermissions::default_of(builtin);
        !default.is_same(&self.permissions)
    }
    /// Whether it holds full administration.
    pub fn administers(&self) -> bool {
        self.permissions.system.iter().any(|info| info.name == "AdministerSystem")
    }
}

pub fn wire_id(id: Id<Kind>, builtin: Option<&str>) -> String {
    builtin.map_or_else(|| id.to_string(), |builtin| format!("userroles-{builtin}"))
}

impl RolePermissions {
    pub(in crate::company) fn of(listed: &[(String, String)]) -> RolePermissions {
        let at = |level: &str, fits: fn(&Info) -> bool| -> Vec<&'static Info> {
            let names = listed.iter().filter(|(of, _)| of == level);
            names.filter_map(|(_, name)| named(name)).filter(|info| fits(info)).collect()
        };
        RolePermissions { system: at("system", Info::at_system), space: at("space", Info::in_space) }
    }
    /// What a built-in role holds by default.
    pub fn default_of(builtin: &str) -> RolePermissions {
        let listed = builtin::default_of(builtin);
        RolePermissions::of(&listed.into_iter().map(|(level, name)| (level.into(), name.into())).collect::<Vec<_>>())
    }
    /// Whether both hold the same, in whatever order.
    pub fn is_same(&self, other: &RolePermissions) -> bool {
        self.beyond(other).is_empty() && other.beyond(self).is_empty()
    }
    /// What these hold and the others do not, each level for itself.
    pub fn beyond(&self, others: &RolePermissions) -> RolePermissions {
        let without = |mine: &[&'static Info], theirs: &[&'static Info]| -> Vec<&'static Info> {
            mine.iter().copied().filter(|info| theirs.iter().all(|other| other.key != info.key)).collect()
        };
        RolePermissions { system: without(&self.system, &others.system), space: without(&self.space, &others.space) }
    }
    /// Whether they are none.
    pub fn is_empty(&self) -> bool {
        self.system.is_empty() && self.space.is_empty()
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

/// What a person gives.
#[derive(Debug, Clone, Default)]
pub struct RoleFields {
    /// Required, 1–200 characters, unique in the company. A built-in role keeps its own.
    pub name: String,
    /// At most 2,000 characters.
    pub description: String,
    /// What it allows in the company as a whole, by name.
    pub system: Vec<String>,
    /// What it allows in the space it is held in, by name.
    pub space: Vec<String>,
}

impl RoleFields {
    /// What a role holds now, under another name.
    pub fn of(role: &UserRole, name: &str) -> RoleFields {
        let list = |infos: &[&'static Info]| infos.iter().map(|info| info.name.to_owned()).collect();
        RoleFields {
            name: name.into(),
            description: role.description.clone(),
            system: list(&role.permissions.system),
            space: list(&role.permissions.space),
        }
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
    let text = words.join(" ").replacen("ai agent", "AI agent", 1);
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().collect::<String>() + letters.as_str()).unwrap_or_default()
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
        ("AiAgentTranscriptView", "AI agent transcript"),
    ] {
        assert_eq!(subject(name), group);
    }
}

//! What a role on a team lets people do, and where, in words.

use super::model::{Limited, RolePermissions, ScopedRole};
use crate::company::access::{builtin, permissions::Info};

/// The answer to "what does this team let people do, and where?", for one of its roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// "deploy, change targets and look around".
    pub can: String,
    /// "in Default: project Shop, environments Staging and Production".
    pub place: String,
    /// What of a role that is held in a space holds in the whole company, without its limits: "Also in the whole company,
    /// without limits: see users and see teams". Empty for none.
    pub beyond: String,
}

/// Rights worth naming, the strongest first, each with what it is called.
const VERBS: &[(&str, &str)] = &[
    ("AdministerSystem", "administer the company"),
    ("UserEdit", "look after people"),
    ("UserRoleEdit", "define roles"),
    ("SpaceCreate", "make spaces"),
    ("TeamEdit", "decide who is in teams and what teams may do"),
    ("DeploymentCreate", "deploy"),
    ("RunbookRunCreate", "run runbooks"),
    ("ReleaseCreate", "create releases"),
    ("ProjectCreate", "add projects"),
    ("ProjectEdit", "change projects"),
    ("ProcessEdit", "change how projects are deployed"),
    ("VariableEdit", "change variables"),
    ("EnvironmentEdit", "change environments"),
    ("MachineEdit", "change deployment targets"),
    ("TenantEdit", "change tenants"),
    ("CertificateEdit", "change certificates"),
    ("BuiltInFeedPush", "upload packages"),
    ("InterruptionSubmit", "answer interruptions"),
    ("TaskCancel", "cancel tasks"),
];

/// So many are named; the rest is "more".
const NAMED: usize = 5;

/// What a role on a team allows, and where.
pub fn summary(role: &ScopedRole) -> Summary {
    Summary {
        can: can(&role.permissions),
        place: place(role),
        beyond: role.space.map(|_| beyond(&role.permissions)).unwrap_or_default(),
    }
}

/// See [`Summary::beyond`]; of a role that is about to be held in a space.
pub fn beyond(permissions: &RolePermissions) -> String {
    let small = |info: &&'static Info| {
        // What stands in brackets tells the levels apart, which is what the sentence does.
        let words = info.meaning.split(" (").next().unwrap_or(info.meaning);
        words[..1].to_lowercase() + &words[1..]
    };
    let mut all: Vec<String> = permissions.system.iter().take(NAMED).map(small).collect();
    if all.is_empty() || permissions.space.is_empty() {
        return String::new();
    }
    if permissions.system.len() > NAMED {
        all.push(format!("{} more", permissions.system.len() - NAMED));
    }
    format!("Also in the whole company, without limits: {}", and(&all))
}

fn can(permissions: &RolePermissions) -> String {
    let everything = builtin::roles().find(|(name, level, _)| *name == "Space Manager" && *level == "space");
    let all = everything
        .is_some_and(|(_, _, all)| all.iter().all(|name| permissions.space.iter().any(|info| info.name == *name)));
    let mut verbs: Vec<&str> = Vec::new();
    if all {
        verbs.push("do everything");
    }
    verbs.extend(
        VERBS
            .iter()
            .filter(|(name, _)| {
                let at_system = permissions.system.iter().any(|info| info.name == *name);
                let in_space = permissions.space.iter().any(|info| info.name == *name);
                at_system || (in_space && !all)
            })
            .map(|(_, verb)| *verb),
    );
    let changes = permissions.system.iter().chain(&permissions.space).filter(|info| info.change).count();
    let looks = permissions.system.iter().chain(&permissions.space).any(|info| !info.change);
    if verbs.len() > NAMED || (!all && changes > verbs.len() * 4) {
        verbs.truncate(NAMED);
        verbs.push("more");
    } else if verbs.is_empty() && changes > 0 {
        verbs.push("make a few changes");
    }
    if looks && !all {
        verbs.push(if verbs.is_empty() { "look around, without changing anything" } else { "look around" });
    }
    if verbs.is_empty() {
        "do nothing yet".into()
    } else {
        and(&verbs.iter().map(|verb| (*verb).to_owned()).collect::<Vec<_>>())
    }
}

fn place(role: &ScopedRole) -> String {
    let Some(space) = &role.space_name else { return "in the company as a whole".into() };
    let scope = &role.scope;
    let mut parts = Vec::new();
    let mut projects = Vec::new();
    if !scope.projects.is_empty() {
        projects.push(said("project", &scope.projects));
    }
    if !scope.groups.is_empty() {
        projects.push(format!("what is in project {}", said("group", &scope.groups)));
    }
    if !projects.is_empty() {
        parts.push(and(&projects));
    }
    for (word, list) in [("environment", &scope.environments), ("tenant", &scope.tenants), ("runbook", &scope.runbooks)]
    {
        if !list.is_empty() {
            parts.push(said(word, list));
        }
    }
    if parts.is_empty() { format!("in all of {space}") } else { format!("in {space}: {}", parts.join("; ")) }
}

fn said(word: &str, list: &[Limited]) -> String {
    let names: Vec<String> = list
        .iter()
        .map(|one| one.name.clone().unwrap_or_else(|| "one that you cannot see or that is gone".into()))
        .collect();
    format!("{word}{} {}", if names.len() == 1 { "" } else { "s" }, and(&names))
}

/// "a, b and c".
fn and(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [some @ .., last] => format!("{} and {last}", some.join(", ")),
    }
}

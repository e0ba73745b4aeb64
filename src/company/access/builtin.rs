//! What every company begins with: built-in roles and teams, the default space; and the server's own actors with their
//! few rights.

use super::{
    permissions::{self as catalogue, Permission, named},
    policy::{Grant, Grants},
    rows::Writing,
    trail::Event,
    vault::fold,
};
use crate::base::{
    clock,
    error::{Error, Result},
    ids::{Id, Space, Team, User},
    names,
};
use std::sync::{Arc, OnceLock};

/// One line a role and level: its permissions (`access-rules §6`).
const ROLES: &str = include_str!("builtin-roles.txt");

/// The built-in roles as `(name, level, permissions)`, a line for each level that has any.
pub fn roles() -> impl Iterator<Item = (&'static str, &'static str, Vec<&'static str>)> {
    ROLES.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let (head, permissions) = line.split_once(": ")?;
        let (role, level) = head.split_once(" / ")?;
        Some((role, level, permissions.split(' ').collect()))
    })
}

/// The built-in roles of a company, in the operator's compartment with those over the appliance.
fn roles_here(operators: bool) -> impl Iterator<Item = (&'static str, &'static str, Vec<&'static str>)> {
    let over = OVER_THE_APPLIANCE.iter().filter(move |_| operators);
    roles().chain(over.map(|(name, permissions)| (*name, "system", permissions.split(' ').collect::<Vec<_>>())))
}

/// What a built-in role is called for good: its name in one word.
fn slug_of(name: &str) -> String {
    name.to_lowercase().split(' ').collect()
}

/// What a built-in role holds by default, as `(level, permission)`; nothing for a role that this program does not know.
pub fn default_of(builtin: &str) -> Vec<(&'static str, &'static str)> {
    let mine = roles_here(true).filter(|(name, _, _)| slug_of(name) == builtin);
    mine.flat_map(|(_, level, permissions)| permissions.into_iter().map(move |one| (level, one))).collect()
}

/// What a built-in role is for; nothing for a role that this program does not know.
pub fn description_of(builtin: &str) -> &'static str {
    let lines = include_str!("builtin-descriptions.txt").lines().filter_map(|line| line.split_once(": "));
    lines.into_iter().find(|(name, _)| slug_of(name) == builtin).map_or("", |(_, words)| words)
}

/// Writes down every permission of this program that the company's file does not know yet; the number of the last one.
/// What is later than a role's number came after somebody decided what it holds.
pub(in crate::company) fn know_all(tx: &Writing<'_>) -> Result<i64> {
    for info in catalogue::CATALOGUE {
        tx.run("INSERT OR IGNORE INTO known_permissions (name) VALUES (?1)", [info.name])?;
    }
    tx.number("SELECT COALESCE(max(id), 0) FROM known_permissions", [])
}

/// What the engine may: keep the queue, carry out tasks, keep the trail, send letters, tell of API keys and rights that end.
pub(super) fn engine() -> Arc<Grants> {
    static RIGHTS: OnceLock<Arc<Grants>> = OnceLock::new();
    let keys = || {
        vec![
            catalogue::TaskExecute::INFO.key,
            catalogue::QueueKeep::INFO.key,
            catalogue::TrailKeep::INFO.key,
            catalogue::LetterSend::INFO.key,
            catalogue::KeysKeep::INFO.key,
            catalogue::GrantsKeep::INFO.key,
        ]
    };
    RIGHTS.get_or_init(|| Arc::new(Grants::new(vec![(Grant::EVERYWHERE, keys())]))).clone()
}

/// What the operator may inside a company: people and their way in, and the file as a whole. Not its content.
pub(super) fn operator() -> Arc<Grants> {
    static RIGHTS: OnceLock<Arc<Grants>> = OnceLock::new();
    let keys = || {
        vec![
            catalogue::FileLook::INFO.key,
            catalogue::FileKeep::INFO.key,
            catalogue::TrailKeep::INFO.key,
            catalogue::UserView::INFO.key,
            catalogue::UserEdit::INFO.key,
            catalogue::UserInvite::INFO.key,
            catalogue::TeamView::INFO.key,
            catalogue::TeamEdit::INFO.key,
        ]
    };
    RIGHTS.get_or_init(|| Arc::new(Grants::new(vec![(Grant::EVERYWHERE, keys())]))).clone()
}

/// What somebody of the operator's compartment may in other companies: look at the file as a whole, or keep it.
pub(super) fn steward(change: bool) -> Arc<Grants> {
    let keys = if change {
        vec![catalogue::FileLook::INFO.key, catalogue::FileKeep::INFO.key]
    } else {
        vec![catalogue::FileLook::INFO.key]
    };
    Arc::new(Grants::new(vec![(Grant::EVERYWHERE, keys)]))
}

/// The roles over the appliance, in the operator's compartment only.
const OVER_THE_APPLIANCE: [(&str, &str); 2] = [
    (
        "Appliance Manager",
        "CompanyBackup CompanyCreate CompanyLimit CompanyRemove CompanyRename CompanySuspend CompanyView",
    ),
    ("Appliance Viewer", "CompanyView"),
];

/// The first administrator, as they are written down.
pub(super) struct Person<'a> {
    pub name: &'a str,
    pub email: &'a str,
    pub password_hash: Option<&'a str>,
    pub invitation: Option<&'a str>,
}

/// Furnishes a new company's file.
pub(super) fn furnish(tx: &Writing<'_>, slug: &str, company: &str, person: &Person<'_>) -> Result<()> {
    let operators = slug == names::OPERATOR;
    let known = know_all(tx)?;
    for (name, level, permissions) in roles_here(operators) {
        let slug = slug_of(name);
        let role = match tx.one("SELECT id FROM user_roles WHERE builtin = ?1", [&slug], |row| row.get::<_, i64>(0))? {
            Some(role) => role,
            None => tx.insert(
                "INSERT INTO user_roles (builtin, name, name_key, known_to) VALUES (?1, ?2, ?3, ?4)",
                (&slug, name, fold(name), known),
            )?,
        };
        for permission in permissions {
            let info =
                named(permission).ok_or_else(|| Error::internal(format!("no permission is called {permission}")))?;
            tx.run(
                "INSERT INTO role_permissions (role_id, level, permission) VALUES (?1, ?2, ?3)",
                (role, level, info.name),
            )?;
        }
    }
    let team = |builtin: &str, name: &str, words: &str| {
        tx.insert(
            "INSERT INTO teams (builtin, name, name_key, description) VALUES (?1, ?2, ?3, ?4)",
            (builtin, name, fold(name), words),
        )
    };
    team("everyone", "Everyone", "Every person and service account of this company.")?;
    let administrators =
        team("administrators", "Administrators", "Look after people, teams, spaces and settings of the company.")?;
    let managers = team("managers", "Managers", "Hold every right of the company as a whole but full administration.")?;
    give(tx, administrators, "systemadministrator", None)?;
    give(tx, managers, "systemmanager", None)?;
    if operators {
        give(tx, administrators, "appliancemanager", None)?;
    }

    let state = if person.password_hash.is_some() { "active" } else { "invited" };
    let user = tx.insert(
        "INSERT INTO users (username, username_key, display_name, email, email_key, state, password_hash, created_at)
         VALUES (?1, ?2, ?3, ?1, ?2, ?4, ?5, ?6)",
        (person.email, fold(person.email), person.name, state, person.password_hash, clock::now()),
    )?;
    tx.run("INSERT INTO team_members (team_id, user_id) VALUES (?1, ?2)", (administrators, user))?;
    if let Some(token) = person.invitation {
        super::admit::store_invitation(tx, user, token)?;
    }
    let user: Id<User> = Id::new(user);
    tx.also(
        Event::new("Created")
            .say("Company ")
            .say(company)
            .say(" was founded with ")
            .name(user, person.name)
            .say(" as its administrator"),
    )?;
    let (_, event) = space(tx, "Default", "", true, &[user])?;
    tx.also(event)
}

/// Puts a built-in role on a team.
fn give(tx: &Writing<'_>, team: i64, role: &str, space: Option<i64>) -> Result<()> {
    tx.run(
        "INSERT INTO scoped_roles (team_id, role_id, space_id) SELECT ?1, id, ?3 FROM user_roles WHERE builtin = ?2",
        (team, role, space),
    )?;
    Ok(())
}

/// Makes a space with what every space begins with (`domain §1`): its Space Managers team, a project group, a
/// lifecycle without phases. Gives the event that the caller tells it with.
pub(in crate::company) fn space(
    tx: &Writing<'_>,
    name: &str,
    description: &str,
    default: bool,
    managers: &[Id<User>],
) -> Result<(Id<Space>, Event)> {
    let mut slug = names::slug_of(name, "space");
    if tx.any("SELECT 1 FROM spaces WHERE slug = ?1", [&slug])? || RESERVED_SPACES.contains(&slug.as_str()) {
        slug = format!("{slug}-{}", tx.number("SELECT COALESCE(max(id), 0) + 1 FROM spaces", [])?);
    }
    let space = tx.insert(
        "INSERT INTO spaces (name, name_key, slug, description, is_default, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        (name, fold(name), slug, description, default, clock::now()),
    )?;
    let team = tx.insert(
        "INSERT INTO teams (space_id, builtin, name, name_key, description) VALUES (?1, 'spacemanagers', 'Space managers', 'space managers', ?2)",
        (space, "May do everything in this space."),
    )?;
    give(tx, team, "spacemanager", Some(space))?;
    for manager in managers {
        tx.run("INSERT OR IGNORE INTO team_members (team_id, user_id) VALUES (?1, ?2)", (team, manager))?;
    }
    tx.insert(
        "INSERT INTO project_groups (space_id, name, name_key, slug, description)
         VALUES (?1, 'Default project group', 'default project group', 'default-project-group', '')",
        [space],
    )?;
    tx.insert(
        "INSERT INTO lifecycles (space_id, name, name_key, slug, is_default)
         VALUES (?1, 'Default lifecycle', 'default lifecycle', 'default-lifecycle', 1)",
        [space],
    )?;
    let id: Id<Space> = Id::new(space);
    let team: Id<Team> = Id::new(team);
    tx.access_changed()?;
    Ok((id, Event::new("Created").say("Space ").name(id, name).say(" was created").space(space).related(team)))
}

/// Words that stand where a space can stand in an address, of pages and of the API; no space is given one as its slug.
pub const RESERVED_SPACES: &[&str] = &[
    "access",
    "api",
    "app",
    "authentication",
    "brand",
    "capabilities",
    "code",
    "companies",
    "configuration",
    "emergencies",
    "enrol",
    "events",
    "featuresconfiguration",
    "forgot",
    "go",
    "help",
    "invitation",
    "jwks",
    "letters",
    "login",
    "logout",
    "me",
    "octopusservernodes",
    "openid-configuration",
    "passkey",
    "permissions",
    "portal",
    "recipes",
    "register",
    "reset",
    "scopeduserroles",
    "search",
    "serverconfiguration",
    "serverstatus",
    "serviceaccounts",
    "settings",
    "setup",
    "sign-out",
    "smtpconfiguration",
    "spaces",
    "static",
    "tasks",
    "teammembership",
    "teams",
    "token",
    "trail",
    "userroles",
    "users",
];

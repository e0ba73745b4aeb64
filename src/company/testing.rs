//! For tests only: the company Harbour with Ada, its administrator, in a temporary folder.
//!
//! ```text
//! let harbour = testing::harbour();
//! let ada = harbour.ada();
//! let space = harbour.space(&ada);
//! let (shop, staging) = (harbour.project("Shop", None), harbour.environment("Staging"));
//! let ben = harbour.person("Ben", &[("Deployment Creator", Scope { projects: &[shop], environments: &[staging], ..Scope::EVERYWHERE })]);
//! ```

use super::access::{At, Company, FirstPerson, Founding, Visitor, testing as door};
use crate::base::{
    clock::{MINUTE, Moment},
    ids::Space,
    names,
    secret::Secret,
};
use rusqlite::Connection;
use uuid::Uuid;
use zeroize::Zeroizing;

/// Ada's password.
pub const PASSWORD: &str = "correct horse battery";
/// Ada's e-mail address.
pub const EMAIL: &str = "ada@harbour.example";

/// A company in a temporary folder, which goes when this goes.
pub struct Harbour {
    /// The company.
    pub company: Company,
    /// Its folder's parent.
    pub folder: tempfile::TempDir,
    /// Its key.
    pub key: Zeroizing<[u8; 32]>,
}

/// To what a role is restricted; an empty list is no restriction.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// The number of the space; `None`: a role with system permissions only.
    pub space: Option<i64>,
    /// Project groups.
    pub groups: &'a [i64],
    /// Projects.
    pub projects: &'a [i64],
    /// Environments.
    pub environments: &'a [i64],
    /// Tenants.
    pub tenants: &'a [i64],
    /// Runbooks.
    pub runbooks: &'a [i64],
    /// When it ends.
    pub until: Option<Moment>,
}

impl Scope<'_> {
    /// All of the default space.
    pub const EVERYWHERE: Scope<'static> = Scope {
        space: Some(1),
        groups: &[],
        projects: &[],
        environments: &[],
        tenants: &[],
        runbooks: &[],
        until: None,
    };
    /// Outside all spaces.
    pub const SYSTEM: Scope<'static> = Scope { space: None, ..Scope::EVERYWHERE };
}

/// Founds Harbour.
pub fn harbour() -> Harbour {
    founded("harbour", "Harbour")
}

/// Founds a company of another name, with the same administrator.
pub fn founded(slug: &str, name: &str) -> Harbour {
    let folder = tempfile::tempdir().unwrap();
    let key = Zeroizing::new(crate::base::secret::random::<32>());
    let password = Secret::new(PASSWORD);
    let administrator = FirstPerson { name: "Ada", email: EMAIL, password: Some(&password) };
    let founding = Founding { slug, name, administrator };
    let founded = Company::found(&folder.path().join(slug), Uuid::new_v4(), &key, &founding).unwrap();
    Harbour { company: founded.company, folder, key }
}

impl Harbour {
    /// Ada: administrator and manager of the default space.
    pub fn ada(&self) -> Visitor {
        self.visit(1)
    }
    /// Somebody by number, with the grants of this moment.
    pub fn visit(&self, user: i64) -> Visitor {
        door::visit(&self.company, user)
    }
    /// Somebody by number, come by a session that proved a second factor so many minutes ago; `None`: never.
    pub fn by_session(&self, user: i64, minutes: Option<i64>) -> Visitor {
        door::visit_by_session(&self.company, user, minutes.map(|minutes| minutes * MINUTE))
    }
    /// The engine.
    pub fn engine(&self) -> Visitor {
        door::engine(&self.company)
    }
    /// The operator.
    pub fn operator(&self) -> Visitor {
        door::operator(&self.company)
    }
    /// The default space.
    pub fn space(&self, visitor: &Visitor) -> At<Space> {
        visitor.locate_space("Spaces-1").unwrap()
    }
    /// Statements straight into the file.
    pub fn sql<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> T {
        door::sql(&self.company, work)
    }

    /// An active user without a team.
    pub fn user(&self, name: &str) -> i64 {
        let email = format!("{}@harbour.example", names::slug_of(name, "user"));
        self.sql(|c| {
            c.execute(
                "INSERT INTO users (username, username_key, display_name, email, email_key, state, created_at)
                 VALUES (?1, ?1, ?2, ?1, ?1, 'active', 0)",
                (&email, name),
            )?;
            Ok(c.last_insert_rowid())
        })
    }
    /// A system team with these members and roles (built-in roles by name).
    pub fn team(&self, name: &str, members: &[i64], roles: &[(&str, Scope<'_>)]) -> i64 {
        self.sql(|c| {
            c.execute("INSERT INTO teams (name, name_key) VALUES (?1, ?2)", (name, names::key(name)))?;
            let team = c.last_insert_rowid();
            for member in members {
                c.execute("INSERT INTO team_members (team_id, user_id) VALUES (?1, ?2)", (team, member))?;
            }
            for (role, scope) in roles {
                let role: i64 =
                    c.query_row("SELECT id FROM user_roles WHERE name_key = ?1", [names::key(role)], |row| row.get(0))?;
                c.execute(
                    "INSERT INTO scoped_roles (team_id, role_id, space_id, expires_at) VALUES (?1, ?2, ?3, ?4)",
                    (team, role, scope.space, scope.until),
                )?;
                let scoped = c.last_insert_rowid();
                let lists = [
                    ("group", scope.groups),
                    ("project", scope.projects),
                    ("environment", scope.environments),
                    ("tenant", scope.tenants),
                    ("runbook", scope.runbooks),
                ];
                for (dimension, ids) in lists {
                    for id in ids {
                        c.execute("INSERT INTO scoped_role_limits VALUES (?1, ?2, ?3)", (scoped, dimension, id))?;
                    }
                }
            }
            Ok(team)
        })
    }
    /// A user in a team of their own that has these roles.
    pub fn person(&self, name: &str, roles: &[(&str, Scope<'_>)]) -> Visitor {
        let user = self.user(name);
        self.team(&format!("Team of {name}"), &[user], roles);
        self.visit(user)
    }
    /// A role with these permissions, `("space", "ProjectView")`.
    pub fn role(&self, name: &str, permissions: &[(&str, &str)]) -> i64 {
        self.sql(|c| {
            c.execute("INSERT INTO user_roles (name, name_key) VALUES (?1, ?2)", (name, names::key(name)))?;
            let role = c.last_insert_rowid();
            for (level, permission) in permissions {
                c.execute("INSERT INTO role_permissions VALUES (?1, ?2, ?3)", (role, level, permission))?;
            }
            Ok(role)
        })
    }
    /// A space with nothing in it.
    pub fn another_space(&self, name: &str) -> i64 {
        self.insert("INSERT INTO spaces (name, name_key, slug, created_at) VALUES (?1, ?2, ?3, 0)", name)
    }
    /// An environment of the default space.
    pub fn environment(&self, name: &str) -> i64 {
        self.insert("INSERT INTO environments (space_id, name, name_key, slug) VALUES (1, ?1, ?2, ?3)", name)
    }
    /// A project group of the default space.
    pub fn group(&self, name: &str) -> i64 {
        self.insert("INSERT INTO project_groups (space_id, name, name_key, slug) VALUES (1, ?1, ?2, ?3)", name)
    }
    /// A project of the default space, in the default group unless another is given.
    pub fn project(&self, name: &str, group: Option<i64>) -> i64 {
        let sql = format!(
            "INSERT INTO projects (space_id, group_id, lifecycle_id, name, name_key, slug, created_at) VALUES (1, {}, 1, ?1, ?2, ?3, 0)",
            group.unwrap_or(1)
        );
        self.insert(&sql, name)
    }
    /// A tenant of the default space.
    pub fn tenant(&self, name: &str) -> i64 {
        self.insert("INSERT INTO tenants (space_id, name, name_key, slug, created_at) VALUES (1, ?1, ?2, ?3, 0)", name)
    }
    fn insert(&self, sql: &str, name: &str) -> i64 {
        self.sql(|c| {
            c.execute(sql, (name, names::key(name), names::slug_of(name, "thing")))?;
            Ok(c.last_insert_rowid())
        })
    }
    /// The messages of the trail, oldest first, each after its category.
    pub fn trail(&self) -> Vec<String> {
        self.sql(|c| {
            let mut statement = c.prepare("SELECT category || ': ' || message FROM events ORDER BY id")?;
            statement.query_map([], |row| row.get(0))?.collect()
        })
    }
}

#[test]
fn harbour_stands() {
    let harbour = harbour();
    let ada = harbour.ada();
    harbour.space(&ada);
    let staging = harbour.environment("Staging");
    let scope = Scope { environments: &[staging], ..Scope::EVERYWHERE };
    let ben = harbour.person("Ben", &[("Deployment Creator", scope)]);
    ben.locate_space("default").unwrap();
    assert!(
        harbour.trail().iter().any(|line| line == "Created: Company Harbour was founded with Ada as its administrator"),
        "{:?}",
        harbour.trail()
    );
}

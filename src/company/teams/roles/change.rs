//! User roles changed: made, copied, edited, put back to their default, deleted (`access-rules §5`, user administration).
//!
//! A role by itself allows nothing to anybody; the teams that hold it do. So a new role may hold anything, and whoever
//! puts it on a team is asked whether they may give it; but whoever adds to a role that teams hold gives it to all who
//! have it, and has to hold it there.

use super::super::model::{RoleFields, RolePermissions, RoleSpec, UserRole};
use crate::{
    base::{
        error::{Error, Fields as Wrong, Result},
        ids::{Id, UserRole as Kind},
        names,
    },
    company::{
        access::{
            At, Event, Gifts, Granted, Rows, Writing, builtin,
            permissions::{Held, Info, UserRoleEdit, in_roles, named},
        },
        teams::sql,
    },
};
use serde::Serialize;

/// What the role of full administration is for; without these nobody could put anything right again.
const OF_ADMINISTRATORS: [&str; 7] =
    ["AdministerSystem", "UserRoleView", "UserRoleEdit", "TeamView", "TeamEdit", "UserView", "UserEdit"];

/// A role for the trail.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Told<'a> {
    name: &'a str,
    description: &'a str,
    granted_system_permissions: Vec<&'static str>,
    granted_space_permissions: Vec<&'static str>,
}

impl<'a> Told<'a> {
    fn of(role: &'a UserRole) -> Told<'a> {
        let list = |infos: &[&'static Info]| infos.iter().map(|info| info.name).collect();
        Told {
            name: &role.name,
            description: &role.description,
            granted_system_permissions: list(&role.permissions.system),
            granted_space_permissions: list(&role.permissions.space),
        }
    }
}

/// Makes a role. It allows nothing before a team holds it.
///
/// # Errors
/// `Invalid` for a name that is missing or taken and for permissions that are not there at that level; `ProofNeeded`.
pub fn create_role(granted: &Granted<'_, UserRoleEdit>, fields: &RoleFields) -> Result<UserRole> {
    granted.fresh()?;
    let permissions = those_named(granted, fields)?;
    granted.write(|tx| {
        let fields = check(tx, fields, None)?;
        let known = builtin::know_all(tx)?;
        made(tx, &fields, &permissions, known, None)
    })
}

/// Makes a role that holds what another holds, under a name of its own. What is offered for the one is offered for the
/// other.
///
/// # Errors
/// As [`create_role`].
pub fn clone_role(granted: &Granted<'_, UserRoleEdit>, role: &At<Kind>, name: &str) -> Result<UserRole> {
    granted.fresh()?;
    granted.write(|tx| {
        let from = sql::user_role(tx, role.id())?;
        let fields = check(tx, &RoleFields::of(&from, name), None)?;
        let known = sql::known_to(tx, from.id)?;
        made(tx, &fields, &from.permissions, known, Some(&from))
    })
}

fn made(
    tx: &Writing<'_>,
    fields: &RoleFields,
    permissions: &RolePermissions,
    known: i64,
    from: Option<&UserRole>,
) -> Result<crate::company::access::Recorded<UserRole>> {
    let id = sql::insert_user_role(tx, fields, known)?;
    sql::put_permissions(tx, id, permissions)?;
    tx.access_changed()?;
    let role = sql::user_role(tx, id)?;
    let mut event = Event::new("Created").say("User role ").name(id, &role.name).say(" was created");
    if let Some(from) = from {
        event = event.say(" from ").name(from.id, &from.name);
    }
    tx.record(event.difference(&serde_json::Map::new(), &Told::of(&role)), role)
}

/// Changes a role, for all teams that hold it at once. Whoever saves has decided on all permissions that there are: what
/// was offered is offered no more.
///
/// # Errors
/// As [`create_role`]; `Invalid` for another name for a built-in role, and for an administrators' role that would not
/// administer any more; `Denied` for what is added to a role that teams hold when the visitor does not hold it there, and
/// for a role of full administration when the visitor has not got that.
pub fn edit_role(granted: &Granted<'_, UserRoleEdit>, role: &At<Kind>, fields: &RoleFields) -> Result<UserRole> {
    let permissions = those_named(granted, fields)?;
    change(granted, role, &permissions, Some(fields))
}

/// Puts a built-in role back to what it came with.
///
/// # Errors
/// `Conflict` for a role that is not built in; `Denied` as [`edit_role`].
pub fn reset_role(granted: &Granted<'_, UserRoleEdit>, role: &At<Kind>) -> Result<UserRole> {
    let known = granted.read(|rows| sql::user_role(rows, role.id()))?;
    let Some(builtin) = &known.builtin else {
        return Err(Error::Conflict(format!("{} was made here and has no default to go back to.", known.name)));
    };
    change(granted, role, &RolePermissions::default_of(builtin), None)
}

/// `fields`: none to put the role back to its default.
fn change(
    granted: &Granted<'_, UserRoleEdit>,
    role: &At<Kind>,
    permissions: &RolePermissions,
    fields: Option<&RoleFields>,
) -> Result<UserRole> {
    granted.fresh()?;
    let id = role.id();
    let given = |rows: &Rows<'_>, before: &UserRole| {
        let added = permissions.beyond(&before.permissions);
        Gifts::of_role(rows, id.0, &added.system, &added.space)
    };
    let (before, gifts) = granted.read(|rows| {
        let before = sql::user_role(rows, id)?;
        if let Some(fields) = fields {
            check(rows, fields, Some(&before))?;
        }
        let gifts = given(rows, &before)?;
        Ok((before, gifts))
    })?;
    if before.builtin.as_deref() == Some("systemadministrator") {
        let lost = OF_ADMINISTRATORS.iter().find(|name| permissions.system.iter().all(|info| info.name != **name));
        if let Some(lost) = lost {
            return Err(Error::invalid(
                "GrantedSystemPermissions",
                format!("{} keeps {lost}: without it nobody could put things right again.", before.name),
            ));
        }
    }
    granted.visitor().ask_to_overrule(before.administers() && before.teams > 0)?;
    granted.visitor().ask_to_give(&gifts)?;
    let mut saved = granted.write(|tx| {
        let began = tx.changes();
        let now = sql::user_role(tx, id)?;
        if !now.permissions.is_same(&before.permissions) || given(tx, &now)? != gifts {
            return Err(meanwhile());
        }
        let default = now.builtin.as_deref().map_or("", builtin::description_of);
        let fields = match fields {
            Some(fields) => check(tx, fields, Some(&now))?,
            None => RoleFields { description: default.to_owned(), ..RoleFields::of(&now, &now.name) },
        };
        let looked_through = now.offered.is_empty();
        let same =
            now.permissions.is_same(permissions) && now.name == fields.name && now.description == fields.description;
        if same && looked_through {
            return tx.unchanged(began, now);
        }
        // What a role came with is told as this program tells it.
        let own = if fields.description == default { String::new() } else { fields.description.clone() };
        sql::update_user_role(tx, id, &RoleFields { description: own, ..fields }, builtin::know_all(tx)?)?;
        if !now.permissions.is_same(permissions) {
            sql::put_permissions(tx, id, permissions)?;
        }
        tx.access_changed()?;
        let after = sql::user_role(tx, id)?;
        let event = Event::new("Modified").say("User role ").name(id, &after.name);
        let event = event.say(if same { " was looked through: it holds nothing new" } else { " was changed" });
        tx.record(event.difference(&Told::of(&now), &Told::of(&after)), after)
    })?;
    saved.offered.clear();
    Ok(saved)
}

/// Deletes a role that no team holds.
///
/// # Errors
/// `Conflict` for a built-in role and for one that teams hold.
pub fn delete_role(granted: &Granted<'_, UserRoleEdit>, role: &At<Kind>) -> Result<()> {
    granted.fresh()?;
    granted.write(|tx| {
        let gone = sql::user_role(tx, role.id())?;
        if let Some(why) = gone.obstacle() {
            return Err(Error::Conflict(why));
        }
        tx.run("DELETE FROM user_roles WHERE id = ?1", [gone.id])?;
        tx.access_changed()?;
        let event = Event::new("Deleted").say("User role ").name(gone.id, &gone.name).say(" was deleted");
        tx.record(event.difference(&Told::of(&gone), &serde_json::Map::new()), ())
    })
}

impl UserRole {
    /// Why it cannot be deleted now; `None`: it can. What [`delete_role`] would say, said first (findings C6).
    pub fn obstacle(&self) -> Option<String> {
        if self.builtin.is_some() {
            return Some(format!("{} is built in and cannot be deleted.", self.name));
        }
        let teams = match self.teams {
            0 => return None,
            1 => "A team holds".to_owned(),
            more => format!("{more} teams hold"),
        };
        Some(format!("{teams} {}. Take it from them first.", self.name))
    }
}

/// The role that is to be there, made when it is missing, inside a change that goes on. Tells of the making.
pub(in crate::company) fn ensure_role(tx: &Writing<'_>, spec: &RoleSpec) -> Result<Id<Kind>> {
    let own = match spec {
        RoleSpec::Builtin(builtin) => return Ok(sql::builtin_role(tx, builtin)?.id),
        RoleSpec::Own(own) => own,
    };
    if let Some(there) = sql::role_named(tx, own.name)? {
        return Ok(there);
    }
    let fields = RoleFields { name: own.name.into(), description: own.description.into(), ..RoleFields::default() };
    let id = sql::insert_user_role(tx, &fields, builtin::know_all(tx)?)?;
    sql::put_permissions(tx, id, &own.permissions())?;
    tx.access_changed()?;
    let role = sql::user_role(tx, id)?;
    let event = Event::new("Created").say("User role ").name(id, own.name).say(" was created");
    tx.also(event.difference(&serde_json::Map::new(), &Told::of(&role)))?;
    Ok(id)
}

fn meanwhile() -> Error {
    Error::Conflict(
        "Somebody changed this role or who holds it meanwhile. Look at it again and repeat your change.".into(),
    )
}

/// The permissions that were named, if each is there at its level.
fn those_named(granted: &Granted<'_, UserRoleEdit>, fields: &RoleFields) -> Result<RolePermissions> {
    let operators = granted.visitor().company().is_operators();
    let mut wrong = Wrong::new();
    let mut listed = |field: &str, names: &[String], fits: fn(&Info) -> bool, level: &str| -> Vec<&'static Info> {
        let mut infos: Vec<&'static Info> = Vec::new();
        for name in names.iter().filter(|name| !name.trim().is_empty()) {
            let info = named(name.trim()).filter(|info| info.held != Held::Appliance || operators);
            match info.filter(|info| in_roles(operators).any(|one| one.key == info.key)) {
                None => wrong.add(field, format!("There is no permission called “{name}”. Leave it out.")),
                Some(info) if !fits(info) => {
                    wrong.add(field, format!("{} does not exist {level}. Leave it out.", info.name));
                }
                Some(info) if infos.iter().any(|one| one.key == info.key) => {}
                Some(info) => infos.push(info),
            }
        }
        infos.sort_by_key(|info| info.name);
        infos
    };
    let system = listed("GrantedSystemPermissions", &fields.system, Info::at_system, "for the company as a whole");
    let space = listed("GrantedSpacePermissions", &fields.space, Info::in_space, "in a space");
    wrong.finish()?;
    Ok(RolePermissions { system, space })
}

fn check(rows: &Rows<'_>, fields: &RoleFields, before: Option<&UserRole>) -> Result<RoleFields> {
    let mut wrong = Wrong::new();
    let name = wrong.check("Name", names::name(&fields.name, 200)).unwrap_or_default();
    let description = wrong.check("Description", names::text(&fields.description, 2000)).unwrap_or_default();
    match before {
        _ if !wrong.is_empty() => {}
        Some(role) if role.builtin.is_some() && name != role.name => {
            wrong.add("Name", format!("{} is built in and keeps its name. Clone it to use another.", role.name));
        }
        _ if sql::role_named(rows, &name)?.is_some_and(|id| before.is_none_or(|role| role.id != id)) => {
            wrong.add("Name", format!("There is a role called “{name}” already. Choose another name."));
        }
        _ => {}
    }
    wrong.finish()?;
    Ok(RoleFields { name, description, ..fields.clone() })
}

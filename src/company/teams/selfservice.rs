//! Teams for a tenant's own people: one a tenant, in the tenant's space, with one role that is limited to it. Their members
//! have the portal (`web/portal`). What is decided here is decided inside a change that `company/tenants/selfservice.rs`
//! was granted.

use super::{
    model::{Fields, Member, RoleSpec, Scope, UserRole},
    placed::gifts_of,
    sql,
};
use crate::{
    base::{
        error::{Error, Result},
        ids::{Id, Space, Team as Kind, Tenant, User},
        names,
    },
    company::access::{Event, Gifts, Rows, Writing, permissions::Info},
};

/// What the names of such teams begin with.
const BEGINS: &str = "Self-Service: ";

/// The name of a tenant's team.
pub(in crate::company) fn name_for(tenant: &str) -> String {
    let room = 200 - BEGINS.chars().count();
    format!("{BEGINS}{}", tenant.chars().take(room).collect::<String>())
}

/// The role that such teams have.
///
/// # Errors
/// `Conflict` when it is one that was made here and is there no more.
pub(in crate::company) fn role(rows: &Rows<'_>, spec: &RoleSpec) -> Result<UserRole> {
    match spec {
        RoleSpec::Builtin(builtin) => sql::builtin_role(rows, builtin),
        RoleSpec::Own(own) => match sql::role_named(rows, own.name)? {
            Some(id) => sql::user_role(rows, id),
            None => Err(Error::Conflict(format!("The role {} is missing. Make it first.", own.name))),
        },
    }
}

/// The rights it gives in the tenant's space.
///
/// # Errors
/// `Conflict` when the company has given it rights of the company as a whole: those cannot be limited to a tenant, and
/// a tenant's own people would see beyond it.
pub(in crate::company) fn rights(role: &UserRole) -> Result<&[&'static Info]> {
    if !role.permissions.system.is_empty() {
        return Err(Error::Conflict(format!(
            "The role {} holds rights of the company as a whole, which cannot be limited to one tenant. Take them out of the role first.",
            role.name
        )));
    }
    Ok(&role.permissions.space)
}

/// What somebody is given who is put into a tenant's team: what the team holds, or the role of such teams, for a team that
/// is still to be made.
pub(in crate::company) fn gifts(
    rows: &Rows<'_>,
    spec: &RoleSpec,
    space: Id<Space>,
    tenant: Id<Tenant>,
) -> Result<Gifts> {
    let role = role(rows, spec)?;
    rights(&role)?;
    if let Some((team, _)) = team_of(rows, tenant)? {
        return Gifts::of_teams(rows, &[team.0]);
    }
    let scope = Scope { tenants: vec![tenant.0], ..Scope::default() };
    Gifts::new(rows, gifts_of(&role.permissions, Some(space), &scope, None))
}

/// The team of a tenant's own people.
pub(in crate::company) fn team_of(rows: &Rows<'_>, tenant: Id<Tenant>) -> Result<Option<(Id<Kind>, String)>> {
    rows.one("SELECT id, name FROM teams WHERE tenant_id = ?1", [tenant], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Who is in it.
pub(in crate::company) fn members(rows: &Rows<'_>, team: Id<Kind>) -> Result<Vec<Member>> {
    sql::members(rows, team)
}

/// Makes the team of a tenant's own people, with its role. Its name is free, whatever else is called so.
pub(in crate::company) fn found(
    tx: &Writing<'_>,
    spec: &RoleSpec,
    space: Id<Space>,
    tenant: Id<Tenant>,
    called: &str,
) -> Result<(Id<Kind>, String)> {
    let role = role(tx, spec)?;
    rights(&role)?;
    let name = free_name(tx, space, called, None)?;
    let description = format!("The own people of {called}. They have the portal, for {called} alone.");
    let description = description.chars().take(2000).collect();
    let team = sql::insert(tx, Some(space), &Fields { name: name.clone(), description })?;
    tx.run("UPDATE teams SET tenant_id = ?2 WHERE id = ?1", (team, tenant))?;
    let scoped =
        tx.insert("INSERT INTO scoped_roles (team_id, role_id, space_id) VALUES (?1, ?2, ?3)", (team, role.id, space))?;
    tx.run("INSERT INTO scoped_role_limits VALUES (?1, 'tenant', ?2)", (scoped, tenant))?;
    Ok((team, name))
}

/// Puts somebody into it; whether they were not in it.
pub(in crate::company) fn join(tx: &Writing<'_>, team: Id<Kind>, user: Id<User>) -> Result<bool> {
    let sql = "INSERT OR IGNORE INTO team_members (team_id, user_id) VALUES (?1, ?2)";
    Ok(tx.run(sql, (team, user))? > 0)
}

/// Who has this e-mail address or signs in with it: a person who can be put into a team, with their name.
///
/// # Errors
/// `Invalid` for a service account and for somebody who was deactivated.
pub(in crate::company) fn person(rows: &Rows<'_>, email: &str) -> Result<Option<(Id<User>, String)>> {
    let sql =
        "SELECT id, display_name, is_service, state FROM users WHERE email_key IN (?1, ?2) OR username_key IN (?1, ?2)
               ORDER BY email_key IN (?1, ?2) DESC LIMIT 1";
    let found: Option<(Id<User>, String, bool, String)> =
        rows.one(sql, names::account_keys(email), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    match found {
        Some((_, _, true, _)) => Err(Error::invalid("EmailAddresses", format!("{email} is a service account's."))),
        Some((_, name, _, state)) if state == "inactive" => {
            Err(Error::invalid("EmailAddresses", format!("{name} ({email}) was deactivated. Reactivate them first.")))
        }
        Some((id, name, ..)) => Ok(Some((id, name))),
        None => Ok(None),
    }
}

/// The team is called as its tenant: when that is renamed, so is it, unless somebody has called it otherwise.
pub(in crate::company) fn tenant_renamed(
    tx: &Writing<'_>,
    tenant: Id<Tenant>,
    before: &str,
    after: &str,
) -> Result<()> {
    let Some((team, name)) = team_of(tx, tenant)? else { return Ok(()) };
    if !name.starts_with(&name_for(before)) {
        return Ok(());
    }
    let now = sql::by_id(tx, team)?;
    let Some(space) = now.space else { return Ok(()) };
    let fields = Fields {
        name: free_name(tx, space, after, Some(team))?,
        description: now.description.replace(before, after).chars().take(2000).collect(),
    };
    sql::update(tx, team, &fields)?;
    let event = Event::new("Modified").say("Team ").name(team, &fields.name).say(" was renamed with its tenant");
    tx.also(event.space(space.0).tenant(Some(tenant.0)))
}

fn free_name(rows: &Rows<'_>, space: Id<Space>, tenant: &str, but: Option<Id<Kind>>) -> Result<String> {
    let wish = name_for(tenant);
    let mut name = wish.clone();
    let mut number = 1;
    while sql::name_taken(rows, Some(space), &name, but)? {
        number += 1;
        name = format!("{} ({number})", wish.chars().take(190).collect::<String>());
    }
    Ok(name)
}

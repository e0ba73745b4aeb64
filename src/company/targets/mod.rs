//! Deployment targets: machines reached by SSH, each in some environments, with the roles that steps ask for.
//!
//! Knows which targets a deployment goes to (`domain §6`); does not know how a machine is reached.

pub mod accounts;
mod chosen;
pub mod health;
mod model;
mod sql;

pub(in crate::company) use chosen::for_deployment;
pub use model::{Fields, Filter, Health, Participation, Target};

use super::{
    access::{
        At, Event, Granted, Proof, Reach, Rows, Writing,
        permissions::{AccountView, After, List, MachineCreate, MachineDelete, MachineEdit, MachineView, TenantView},
    },
    tasks,
    tenants::tags,
};
use crate::base::{
    clock::Moment,
    error::{Error, Fields as Wrong, Result},
    ids::{Account, Environment, Id, Space, Tag, Target as Kind, Tenant},
    names,
    paging::{Listed, Page},
};
use crate::company::naming::Named;

/// How they are named.
const NAMES: Named = Named { table: "targets", within: "space_id", one: "a deployment target", slug: "target" };

/// The deployment targets of a space that the visitor may see, by name.
pub fn list(granted: &Granted<'_, List<MachineView>>, filter: &Filter, page: Page) -> Result<Listed<Target>> {
    let (reach, space) = (granted.reach(), granted.what().space());
    let tenants = granted.reach_of::<TenantView>(space);
    granted.read(|rows| {
        let mut listed = sql::list(rows, space, filter, (&reach, &tenants), page)?;
        sql::hide_tenants(rows, &tenants, &mut listed.items)?;
        Ok(listed)
    })
}

/// The roles of all targets that the visitor may see, each once, by name.
pub fn roles(granted: &Granted<'_, List<MachineView>>) -> Result<Vec<String>> {
    let reach = granted.reach();
    granted.read(|rows| sql::roles(rows, granted.what().space(), &reach))
}

/// One deployment target. Of the tenants that it names, those that the visitor may see.
pub fn show(granted: &Granted<'_, MachineView>) -> Result<Target> {
    let tenants = granted.reach_of::<TenantView>(granted.what().target.space_id());
    granted.read(|rows| {
        let mut found = [sql::by_id(rows, granted.what().target.id())?];
        sql::hide_tenants(rows, &tenants, &mut found)?;
        let [found] = found;
        Ok(found)
    })
}

/// Those of some targets that a reach has.
pub(in crate::company) fn within(rows: &Rows<'_>, reach: &Reach, targets: &[Id<Kind>]) -> Result<Vec<Id<Kind>>> {
    sql::within(rows, reach, targets)
}

/// Makes a deployment target in the environments and for the tenants of the proof.
///
/// # Errors
/// `Invalid` for a name that is missing, too long or taken, no environment, no role, a tag that does not exist, a host,
/// port or fingerprint that is none, or an account that may not be used in all its environments.
pub fn create(
    granted: &Granted<'_, MachineCreate>,
    account: Option<&Granted<'_, AccountView>>,
    fields: Fields,
) -> Result<Target> {
    let what = granted.what();
    let space = what.space.id();
    if fields.serve_beyond(&what.tenants) {
        let after = After::<MachineCreate>::of(&what.space, what.environments.clone(), Vec::new());
        granted.visitor().ask(after.beyond_named_tenants())?;
    }
    let tenants = granted.reach_of::<TenantView>(space.0);
    // Its address is sent what the account signs in with.
    let mut looked_at = false;
    let made = granted.write_asking(Proof::Fresh, |tx| {
        let checked = check(tx, space, &fields, account, &what.environments, None)?;
        let id = sql::insert(tx, space, &checked)?;
        let named: Vec<Id<Tenant>> = what.tenants.iter().map(At::id).collect();
        sql::set_lists(tx, id, &checked, &what.environments, &named)?;
        let mut made = [sql::by_id(tx, id)?];
        let event = Event::new("MachineAdded").say("Deployment target ").name(id, &made[0].name).say(" was created");
        sql::hide_tenants(tx, &tenants, &mut made)?;
        let [made] = made;
        // Whoever adds a machine may have it looked at, as it is done with those that a page adds.
        if !made.skips_first_check && !made.is_disabled {
            health::queue(tx, granted.visitor().company(), &made, &health::Limits::default())?;
            looked_at = true;
        }
        tx.record(event.space(space.0), made)
    })?;
    if looked_at {
        tasks::ring();
    }
    Ok(made)
}

/// Changes a deployment target. It stands afterwards in the environments and is for the tenants of `after`, and for those
/// that it named before and that the visitor may not see.
///
/// # Errors
/// As [`create`]. `Invalid` (`AccountId`) for another address or key of a machine whose account stays and may not be seen:
/// whoever leads the machine elsewhere leads the account's password there. `ProofNeeded` for another address, key or
/// account.
pub fn edit(
    granted: &Granted<'_, MachineEdit>,
    after: &Granted<'_, After<MachineEdit>>,
    account: Option<&Granted<'_, AccountView>>,
    fields: Fields,
) -> Result<Target> {
    let id = granted.what().target.id();
    let environments = after.what().environments();
    let visitor = granted.visitor();
    let seen = granted.reach_of::<TenantView>(after.what().space().id().0);
    let (known, hidden) = granted.read(|rows| {
        let known = sql::by_id(rows, id)?;
        let hidden = sql::hidden_tenants(rows, &seen, &known)?;
        Ok((known, hidden))
    })?;
    let named = after.what().tenants().iter().map(At::id).filter(|id| !hidden.contains(id));
    let tenants: Vec<Id<Tenant>> = named.chain(hidden.iter().copied()).collect();
    let present = known.account;
    if fields.serve_beyond(&tenants) {
        let wider = After::<MachineEdit>::of(after.what().space(), environments.to_vec(), Vec::new());
        visitor.ask(wider.beyond_named_tenants())?;
    }
    let sees_account = account.is_some() || {
        let at = visitor.locate(after.what().space(), &present.to_string())?;
        visitor.may(AccountView { account: at })
    };
    granted.write_asking(Proof::Inside, |tx| {
        let before = sql::by_id(tx, id)?;
        if after.what().space().id() != before.space {
            return Err(Error::NotFound(id.to_string()));
        }
        let checked = check(tx, before.space, &fields, account, environments, Some(&before))?;
        if before.place() != known.place() {
            return Err(Error::Conflict(format!("{} was changed meanwhile. Look at it again.", before.name)));
        }
        let moved =
            (&before.host, before.port, &before.host_key) != (&checked.fields.host, checked.port, &checked.fields.host_key);
        if moved && (!sees_account || (account.is_none() && before.account != present)) {
            return Err(Error::invalid(
                "AccountId",
                "You may not see the account by which this machine is signed in to, so you cannot lead it to another address or key. Choose an account that you may see.",
            ));
        }
        sql::update(tx, id, &checked)?;
        sql::set_lists(tx, id, &checked, environments, &tenants)?;
        if (&before.host, before.port, &before.host_key, before.account)
            != (&checked.fields.host, checked.port, &checked.fields.host_key, checked.account)
        {
            // Another machine is sent what an account signs in with.
            granted.fresh()?;
            sql::set_health(tx, id, Health::Unknown, "", None)?;
        }
        let after = sql::by_id(tx, id)?;
        tell_more(tx, &before, &after)?;
        let event = Event::new("Modified").say("Deployment target ").name(id, &after.name).say(" was changed");
        let event = event.space(after.space.0).difference(&before, &after);
        let mut after = [after];
        sql::hide_tenants(tx, &seen, &mut after)?;
        let [after] = after;
        tx.record(event, after)
    })
}

/// What a change means for deployments (`domain §14`).
fn tell_more(tx: &Writing<'_>, before: &Target, after: &Target) -> Result<()> {
    let tell = |category, words| {
        let event = Event::new(category).say("Deployment target ").name(after.id, &after.name).say(words);
        tx.also(event.space(after.space.0))
    };
    match (before.is_disabled, after.is_disabled) {
        (false, true) => tell("MachineDisabled", " was disabled")?,
        (true, false) => tell("MachineEnabled", " was enabled")?,
        _ => {}
    }
    if (before.place(), &before.roles) != (after.place(), &after.roles) {
        tell("MachineDeploymentRelatedPropertyWasUpdated", " is now deployed to in other cases")?;
    }
    Ok(())
}

/// Deletes a deployment target. Deployments that went to it keep its name in their logs.
///
/// # Errors
/// `Conflict` when it was given to others meanwhile.
pub fn delete(granted: &Granted<'_, MachineDelete>) -> Result<()> {
    let id = granted.what().target.id();
    let known = granted.read(|rows| sql::by_id(rows, id))?;
    granted.write(|tx| {
        let gone = sql::by_id(tx, id)?;
        if gone.place() != known.place() {
            return Err(Error::Conflict(format!("{} was changed meanwhile. Look at it again.", gone.name)));
        }
        tx.run("DELETE FROM targets WHERE id = ?1", [id])?;
        let event = Event::new("MachineDeleted").say("Deployment target ").name(id, &gone.name).say(" was deleted");
        tx.record(event.space(gone.space.0), ())
    })
}

impl Fields {
    /// Whether the machine does work for others than tenants that it names: for none, or for whichever have its tags, now
    /// and later. That takes a right that is not limited to tenants.
    fn serve_beyond<T>(&self, named: &[T]) -> bool {
        let tagged = self.tenant_tags.iter().any(|tag| !tag.trim().is_empty());
        tagged || named.is_empty() || self.participation != Participation::Tenanted
    }
}

impl Target {
    /// What decides for whom it is, and who may change it.
    fn place(&self) -> impl PartialEq + '_ {
        (&self.environments, self.participation, &self.tenants, &self.tenant_tags)
    }
}

/// What was checked, ready to be written.
struct Checked {
    fields: Fields,
    port: u16,
    account: Id<Account>,
    tags: Vec<Id<Tag>>,
}

fn check(
    rows: &Rows<'_>,
    space: Id<Space>,
    fields: &Fields,
    account: Option<&Granted<'_, AccountView>>,
    environments: &[At<Environment>],
    this: Option<&Target>,
) -> Result<Checked> {
    let mut wrong = Wrong::new();
    let name = wrong.check("Name", names::name(&fields.name, 200)).unwrap_or_default();
    if !name.is_empty() {
        NAMES.check_free(rows, &mut wrong, space.0, &name, this.map(|this| this.id.0))?;
    }
    let present = this.map(|this| (this.id.0, this.slug.as_str()));
    let slug = NAMES.slug(rows, &mut wrong, space.0, (&fields.slug, &name), present)?;
    if environments.is_empty() {
        wrong.add("EnvironmentIds", "Choose at least one environment.");
    }
    let roles = wrong.check("Roles", roles_of(&fields.roles)).unwrap_or_default();
    let host = wrong.check("Host", host_of(&fields.host)).unwrap_or_default();
    let port = u16::try_from(fields.port).ok().filter(|port| *port > 0);
    if port.is_none() {
        wrong.add("Port", "Give a port from 1 to 65535; SSH is usually on 22.");
    }
    let host_key = wrong.check("Fingerprint", fingerprint(&fields.host_key)).unwrap_or_default();
    let tags = match tags::resolve(rows, space, "TenantTags", &fields.tenant_tags) {
        Ok(tags) => tags.iter().map(|tag| tag.id).collect(),
        Err(Error::Invalid(unknown)) => {
            unknown.iter().for_each(|(field, message)| wrong.add(field, message));
            Vec::new()
        }
        Err(error) => return Err(error),
    };
    // An account that the visitor may not see can stay, and cannot be chosen.
    let account = account.map(|granted| granted.what().account.id()).or(this.map(|this| this.account));
    match account {
        None => wrong.add("AccountId", "Choose the account by which the machine is signed in to."),
        Some(id) => {
            let account = accounts::by_id(rows, id)?;
            let allowed =
                |at: &At<Environment>| account.environments.is_empty() || account.environments.contains(&at.id());
            if account.space != space || !environments.iter().all(allowed) {
                let name = &account.name;
                wrong.add(
                    "AccountId",
                    format!(
                        "The account {name} may not be used in all of these environments. Choose another, or change it."
                    ),
                );
            }
        }
    }
    wrong.finish()?;
    Ok(Checked {
        port: port.unwrap_or(22),
        account: account.unwrap_or(Id::new(0)),
        tags,
        fields: Fields { name, roles, host, host_key, slug, ..fields.clone() },
    })
}

fn roles_of(roles: &[String]) -> Result<Vec<String>, String> {
    let mut out: Vec<String> = Vec::new();
    for role in roles.iter().filter(|role| !role.trim().is_empty()) {
        let role = names::name(role, 100)?;
        if role.contains(',') {
            return Err("Leave commas out of a role: steps list roles with commas between them.".into());
        }
        if !out.iter().any(|other| names::key(other) == names::key(&role)) {
            out.push(role);
        }
    }
    if out.is_empty() { Err("Give at least one role, such as web-server.".into()) } else { Ok(out) }
}

fn host_of(text: &str) -> Result<String, String> {
    let text = text.trim();
    let ok = !text.is_empty()
        && text.len() <= 253
        && !text.starts_with('-')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_:".contains(&b));
    if ok { Ok(text.to_owned()) } else { Err("Give a host name or an address, such as web1.example.com.".into()) }
}

fn fingerprint(text: &str) -> Result<String, String> {
    let text = text.trim();
    // Clients may leave out the name of the digest: there is no other.
    let digest = text.strip_prefix("SHA256:").unwrap_or(text).trim_end_matches('=');
    let ok = data_encoding::BASE64_NOPAD.decode(digest.as_bytes()).is_ok_and(|bytes| bytes.len() == 32);
    if ok {
        Ok(format!("SHA256:{digest}"))
    } else {
        Err("Give the fingerprint of the machine's host key, SHA256:…, as ssh-keygen -lf prints it.".into())
    }
}

/// One target, inside a transaction that was granted for something that has it.
pub(in crate::company) fn by_id(rows: &Rows<'_>, id: Id<Kind>) -> Result<Target> {
    sql::by_id(rows, id)
}

/// Whether an account may not be used in an environment.
pub(in crate::company) fn is_barred(
    rows: &Rows<'_>,
    account: Id<Account>,
    environment: Id<Environment>,
) -> Result<bool> {
    sql::is_barred(rows, account, environment)
}

/// Notes what a look at a machine found.
pub(in crate::company) fn note_health(tx: &Writing<'_>, id: Id<Kind>, health: Health, note: &str) -> Result<()> {
    sql::set_health(tx, id, health, note, Some(crate::base::clock::now()))
}

#[cfg(test)]
mod tests;

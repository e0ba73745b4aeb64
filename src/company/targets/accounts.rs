//! Accounts: how to sign in to machines. Their secrets are sealed with the company's key and are never given back; who
//! looks is told that one is set.

use crate::company::naming::Named;
use crate::company::references::{self, User};
use crate::{
    base::{
        error::{Error, Fields as Wrong, Result},
        ids::{Account as Kind, Environment, Id, Space, Target},
        names,
        paging::{Listed, Page},
        secret::Secret,
    },
    company::access::{
        At, Columns, Conditions, Event, Granted, Proof, Rows, Seal, Visitor, Writing,
        permissions::{AccountCreate, AccountDelete, AccountEdit, AccountView, After, List},
    },
};
use serde::Serialize;

/// How they are named.
const NAMES: Named = Named { table: "accounts", within: "space_id", one: "an account", slug: "account" };

/// What an account signs in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Method {
    /// A private key, perhaps locked with a passphrase.
    SshKeyPair,
    /// A password.
    UsernamePassword,
}

impl Method {
    /// Both, in the order in which they are offered.
    pub const ALL: [Method; 2] = [Method::SshKeyPair, Method::UsernamePassword];
    /// Its name on the wire and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Method::SshKeyPair => "SshKeyPair",
            Method::UsernamePassword => "UsernamePassword",
        }
    }
    /// What a person calls it.
    pub fn words(self) -> &'static str {
        match self {
            Method::SshKeyPair => "SSH key",
            Method::UsernamePassword => "User name and password",
        }
    }
    /// Reads its name, ignoring case.
    pub fn named(text: &str) -> Option<Method> {
        Method::ALL.into_iter().find(|method| method.name().eq_ignore_ascii_case(text.trim()))
    }
}

/// An account, without its secrets.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Account {
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
    /// What it is for.
    pub description: String,
    /// What it signs in with; chosen when it is made.
    #[serde(rename = "AccountType")]
    pub method: Method,
    /// The user name on the machine.
    pub username: String,
    /// Whether its password or private key is set.
    #[serde(skip)]
    pub has_secret: bool,
    /// Whether a passphrase is set.
    #[serde(skip)]
    pub has_passphrase: bool,
    /// Where it may be used; empty means everywhere.
    #[serde(rename = "EnvironmentIds", serialize_with = "super::model::as_text")]
    pub environments: Vec<Id<Environment>>,
}

/// What becomes of a secret.
#[derive(Debug, Clone, Default)]
pub enum Change {
    /// It stays as it is.
    #[default]
    Keep,
    /// It is taken away.
    Clear,
    /// It becomes this.
    Set(Secret),
}

impl Change {
    /// What a form means: an empty field keeps what is set.
    pub fn typed(text: &str) -> Change {
        if text.is_empty() { Change::Keep } else { Change::Set(Secret::new(text)) }
    }
}

/// What a person gives; the environments are in the proof.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    /// Required, 1–200 characters, unique in the space.
    pub name: String,
    /// At most 2,000 characters.
    pub description: String,
    /// What it signs in with; not changed later.
    pub method: Option<Method>,
    /// Required, at most 64 characters.
    pub username: String,
    /// The password or the private key; required when it is made.
    pub secret: Change,
    /// The private key's passphrase.
    pub passphrase: Change,
    /// What stands for it in addresses; empty: made of the first name, and kept.
    pub slug: String,
}

/// Which accounts are asked for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Part of the name, ignoring case.
    pub partial_name: String,
    /// Only these, by number.
    pub ids: Option<Vec<i64>>,
    /// Only those of one kind.
    pub method: Option<Method>,
}

/// What it takes to sign in.
#[derive(Debug)]
pub struct Credential {
    /// The user name on the machine.
    pub username: String,
    /// How it is proved.
    pub kind: CredentialKind,
}

/// How a user name is proved.
#[derive(Debug)]
pub enum CredentialKind {
    /// By a password.
    Password(Secret),
    /// By a private key.
    Key {
        /// As OpenSSH or PEM writes it.
        pem: Secret,
        /// What it is locked with.
        passphrase: Option<Secret>,
    },
}

/// The accounts of a space that the visitor may see, by name.
pub fn list(granted: &Granted<'_, List<AccountView>>, filter: &Filter, page: Page) -> Result<Listed<Account>> {
    let reach = granted.reach();
    granted.read(|rows| sql::list(rows, granted.what().space(), filter, &reach, page))
}

/// One account.
pub fn show(granted: &Granted<'_, AccountView>) -> Result<Account> {
    granted.read(|rows| sql::by_id(rows, granted.what().account.id()))
}

/// Makes an account for the environments in the proof; none means all.
///
/// # Errors
/// `Invalid` for a name that is missing, too long or taken, a missing user name or secret, and for a text that is no
/// private key.
pub fn create(granted: &Granted<'_, AccountCreate>, fields: Fields) -> Result<Account> {
    let space = granted.what().space.id();
    granted.write(|tx| {
        let fields = check(tx, space, &fields, None)?;
        let id = sql::insert(tx, space, &fields)?;
        sql::set_environments(tx, id, &granted.what().environments)?;
        keep_secrets(granted.seal(), tx, id, &fields)?;
        let made = sql::by_id(tx, id)?;
        let event = Event::new("Created").say("Account ").name(id, &made.name).say(" was created");
        tx.record(event.space(space.0), made)
    })
}

/// Changes an account. It may be used afterwards in the environments of `after`.
///
/// # Errors
/// As [`create`]; `Conflict` when a deployment target that signs in with it would be left outside; `ProofNeeded` for more
/// than another name or description.
pub fn edit(
    granted: &Granted<'_, AccountEdit>,
    after: &Granted<'_, After<AccountEdit>>,
    fields: Fields,
) -> Result<Account> {
    let id = granted.what().account.id();
    granted.write_asking(Proof::Inside, |tx| {
        let before = sql::by_id(tx, id)?;
        if after.what().space().id() != before.space {
            return Err(Error::NotFound(id.to_string()));
        }
        let fields = check(tx, before.space, &fields, Some(&before))?;
        sql::update(tx, id, &fields)?;
        sql::set_environments(tx, id, after.what().environments())?;
        if let Some((target, environment)) = sql::left_outside(tx, id)? {
            let visitor = granted.visitor();
            let (target, place) = (visitor.called(target.0, &target.1), visitor.called(environment.0, &environment.1));
            return Err(Error::Conflict(format!(
                "{} cannot be kept from {place}: {target} there signs in with it.",
                before.name
            )));
        }
        keep_secrets(granted.seal(), tx, id, &fields)?;
        let after = sql::by_id(tx, id)?;
        // With what it signs in, as whom, and where: more than its name and description.
        let kept = matches!((&fields.secret, &fields.passphrase), (Change::Keep, Change::Keep));
        if !kept || (&before.username, &before.environments) != (&after.username, &after.environments) {
            granted.fresh()?;
        }
        let mut event = Event::new("Modified").say("Account ").name(id, &after.name).say(" was changed");
        event = event.space(after.space.0).difference(&before, &after);
        if !matches!(fields.secret, Change::Keep) {
            event = event.secret_changed(secret_field(after.method));
        }
        if !matches!(fields.passphrase, Change::Keep) {
            event = event.secret_changed("PrivateKeyPassphrase");
        }
        tx.record(event, after)
    })
}

/// Deletes an account.
///
/// # Errors
/// `Conflict` while a deployment target signs in with it.
pub fn delete(granted: &Granted<'_, AccountDelete>) -> Result<()> {
    let id = granted.what().account.id();
    granted.write(|tx| {
        let gone = sql::by_id(tx, id)?;
        if let Some(why) = stops(tx, granted.visitor(), &gone)? {
            return Err(Error::Conflict(why));
        }
        tx.run("DELETE FROM accounts WHERE id = ?1", [id])?;
        let event = Event::new("Deleted").say("Account ").name(id, &gone.name).say(" was deleted");
        tx.record(event.space(gone.space.0), ())
    })
}

/// Why it cannot be deleted now, as far as the visitor may see it; `None`: it can. What [`delete`] would say, said first
/// (findings C6).
pub fn obstacle(granted: &Granted<'_, AccountDelete>) -> Result<Option<String>> {
    granted.read(|rows| stops(rows, granted.visitor(), &sql::by_id(rows, granted.what().account.id())?))
}

fn stops(rows: &Rows<'_>, visitor: &Visitor, gone: &Account) -> Result<Option<String>> {
    let users = references::sentence(&references::words(&sql::users(rows, gone.id)?, visitor));
    Ok(users.map(|users| {
        format!("{} cannot be deleted: it is used by {users}. Give them another account first.", gone.name)
    }))
}

/// The wire's name of the secret of a kind of account.
pub fn secret_field(method: Method) -> &'static str {
    match method {
        Method::SshKeyPair => "PrivateKeyFile",
        Method::UsernamePassword => "Password",
    }
}

fn check(rows: &Rows<'_>, space: Id<Space>, fields: &Fields, this: Option<&Account>) -> Result<Fields> {
    let mut wrong = Wrong::new();
    let name = wrong.check("Name", names::name(&fields.name, 200)).unwrap_or_default();
    let description = wrong.check("Description", names::text(&fields.description, 2000)).unwrap_or_default();
    let username = wrong.check("Username", user_name(&fields.username)).unwrap_or_default();
    if !name.is_empty() {
        NAMES.check_free(rows, &mut wrong, space.0, &name, this.map(|this| this.id.0))?;
    }
    let present = this.map(|this| (this.id.0, this.slug.as_str()));
    let slug = NAMES.slug(rows, &mut wrong, space.0, (&fields.slug, &name), present)?;
    let Some(method) = this.map(|this| this.method).or(fields.method) else {
        wrong.add("AccountType", "Choose a kind: SshKeyPair or UsernamePassword.");
        return Err(Error::Invalid(wrong));
    };
    if this.is_some() && fields.method.is_some_and(|wished| wished != method) {
        wrong.add("AccountType", "The kind of an account stays. Make a new account instead.");
    }
    let field = secret_field(method);
    match &fields.secret {
        Change::Keep if this.is_none_or(|this| !this.has_secret) => wrong.add(field, missing(method)),
        Change::Clear => wrong.add(field, missing(method)),
        Change::Set(secret) if secret.expose().trim().is_empty() => wrong.add(field, missing(method)),
        Change::Set(secret) if secret.expose().len() > 32_768 => wrong.add(field, "Use at most 32,768 characters."),
        Change::Set(secret) if method == Method::SshKeyPair && !looks_like_a_key(secret.expose()) => {
            wrong.add(field, "This is not a private key. Paste the whole file, from -----BEGIN to -----END.");
        }
        _ => {}
    }
    wrong.finish()?;
    let passphrase = if method == Method::SshKeyPair { fields.passphrase.clone() } else { Change::Keep };
    Ok(Fields { name, description, username, method: Some(method), passphrase, secret: fields.secret.clone(), slug })
}

fn missing(method: Method) -> &'static str {
    match method {
        Method::SshKeyPair => "Give the private key.",
        Method::UsernamePassword => "Give the password.",
    }
}

fn user_name(text: &str) -> Result<String, String> {
    match names::name(text, 64) {
        Ok(name) if name.chars().any(char::is_whitespace) => Err("Leave out blanks.".into()),
        Ok(name) => Ok(name),
        Err(_) if text.trim().is_empty() => Err("Give the user name on the machine.".into()),
        Err(why) => Err(why),
    }
}

fn looks_like_a_key(text: &str) -> bool {
    let text = text.trim();
    text.starts_with("-----BEGIN ") && text.contains("PRIVATE KEY-----") && text.contains("-----END ")
}

fn keep_secrets(seal: &Seal, tx: &Writing<'_>, id: Id<Kind>, fields: &Fields) -> Result<()> {
    for (column, change) in [("secret", &fields.secret), ("passphrase", &fields.passphrase)] {
        let sealed = match change {
            Change::Keep => continue,
            Change::Clear => None,
            Change::Set(secret) => Some(seal.seal("accounts", column, id.0, secret)?),
        };
        sql::set_secret(tx, id, column, sealed)?;
    }
    Ok(())
}

/// One account, inside a transaction that was granted for something that has it.
pub(in crate::company) fn by_id(rows: &Rows<'_>, id: Id<Kind>) -> Result<Account> {
    sql::by_id(rows, id)
}

/// What it takes to sign in with an account: for the engine's hands only.
pub(in crate::company) fn credential(rows: &Rows<'_>, seal: &Seal, id: Id<Kind>) -> Result<Credential> {
    let account = sql::by_id(rows, id)?;
    let (secret, passphrase) = sql::sealed(rows, id)?;
    let open = |column: &str, sealed: Option<Vec<u8>>| {
        sealed.map(|sealed| seal.open("accounts", column, id.0, &sealed)).transpose()
    };
    let Some(secret) = open("secret", secret)? else {
        return Err(Error::Conflict(format!("The account {} has no secret. Set it first.", account.name)));
    };
    let kind = match account.method {
        Method::UsernamePassword => CredentialKind::Password(secret),
        Method::SshKeyPair => CredentialKind::Key { pem: secret, passphrase: open("passphrase", passphrase)? },
    };
    Ok(Credential { username: account.username, kind })
}

mod sql {
    use super::*;
    use crate::company::access::Reach;
    use rusqlite::Row;

    const COLUMNS: &str = "a.id, a.space_id, a.name, a.slug, a.description, a.kind, a.username, a.secret IS NOT NULL,
        a.passphrase IS NOT NULL, (SELECT json_group_array(environment_id) FROM (SELECT x.environment_id FROM account_environments x
          JOIN environments e ON e.id = x.environment_id WHERE x.account_id = a.id ORDER BY e.sort_order, e.id))";

    fn read(row: &Row<'_>) -> rusqlite::Result<Account> {
        Ok(Account {
            id: row.get(0)?,
            space: row.get(1)?,
            name: row.get(2)?,
            slug: row.get(3)?,
            description: row.get(4)?,
            method: Method::named(&row.get::<_, String>(5)?).unwrap_or(Method::UsernamePassword),
            username: row.get(6)?,
            has_secret: row.get(7)?,
            has_passphrase: row.get(8)?,
            environments: super::super::model::numbers(&row.get::<_, String>(9)?),
        })
    }

    pub fn list(rows: &Rows<'_>, space: i64, filter: &Filter, reach: &Reach, page: Page) -> Result<Listed<Account>> {
        // One environment inside the reach is enough to see it; an account for all environments is seen by all.
        let columns = Columns { environment: Some("x.environment_id"), null_is_any: true, ..Columns::default() };
        let wanted = Conditions::of("a.space_id = $", space)
            .named("a.name_key", &filter.partial_name)
            .among("a.id", filter.ids.as_deref())
            .asked("a.kind = $", filter.method.map(|method| method.name().to_owned()))
            .made(|values| {
                let seen = reach.condition(columns, values);
                format!("EXISTS (SELECT 1 FROM (SELECT a.id AS id) o LEFT JOIN account_environments x ON x.account_id = o.id WHERE {seen})")
            });
        rows.page((COLUMNS, "FROM accounts a", "a.name_key, a.id"), &wanted, page, read)
    }

    pub fn by_id(rows: &Rows<'_>, id: Id<Kind>) -> Result<Account> {
        rows.one(&format!("SELECT {COLUMNS} FROM accounts a WHERE a.id = ?1"), [id], read)?
            .ok_or_else(|| Error::NotFound(id.to_string()))
    }

    pub fn insert(tx: &Writing<'_>, space: Id<Space>, fields: &Fields) -> Result<Id<Kind>> {
        let id = tx.insert(
            "INSERT INTO accounts (space_id, name, name_key, slug, description, kind, username) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            (
                space,
                &fields.name,
                names::key(&fields.name),
                &fields.slug,
                &fields.description,
                fields.method.map_or("", Method::name),
                &fields.username,
            ),
        )?;
        Ok(Id::new(id))
    }

    pub fn update(tx: &Writing<'_>, id: Id<Kind>, fields: &Fields) -> Result<()> {
        tx.run(
            "UPDATE accounts SET name = ?2, name_key = ?3, description = ?4, username = ?5, slug = ?6 WHERE id = ?1",
            (id, &fields.name, names::key(&fields.name), &fields.description, &fields.username, &fields.slug),
        )?;
        Ok(())
    }

    pub fn set_environments(tx: &Writing<'_>, id: Id<Kind>, environments: &[At<Environment>]) -> Result<()> {
        tx.run("DELETE FROM account_environments WHERE account_id = ?1", [id])?;
        for environment in environments {
            tx.run(
                "INSERT OR IGNORE INTO account_environments (account_id, environment_id) VALUES (?1, ?2)",
                (id, environment.id()),
            )?;
        }
        Ok(())
    }

    pub fn set_secret(tx: &Writing<'_>, id: Id<Kind>, column: &str, sealed: Option<Vec<u8>>) -> Result<()> {
        let column = if column == "secret" { "secret" } else { "passphrase" };
        tx.run(&format!("UPDATE accounts SET {column} = ?2 WHERE id = ?1"), (id, sealed))?;
        Ok(())
    }

    /// Secret and passphrase, as they are sealed.
    type Sealed = (Option<Vec<u8>>, Option<Vec<u8>>);

    pub fn sealed(rows: &Rows<'_>, id: Id<Kind>) -> Result<Sealed> {
        rows.one("SELECT secret, passphrase FROM accounts WHERE id = ?1", [id], |row| Ok((row.get(0)?, row.get(1)?)))?
            .ok_or_else(|| Error::NotFound(id.to_string()))
    }

    /// A target that signs in with it in an environment where it may not be used; their names.
    pub fn left_outside(rows: &Rows<'_>, id: Id<Kind>) -> Result<Option<(Named<Target>, Named<Environment>)>> {
        rows.one(
            "SELECT t.id, t.name, e.id, e.name FROM targets t JOIN target_environments x ON x.target_id = t.id JOIN environments e ON e.id = x.environment_id
             WHERE t.account_id = ?1 AND EXISTS (SELECT 1 FROM account_environments WHERE account_id = ?1)
               AND e.id NOT IN (SELECT environment_id FROM account_environments WHERE account_id = ?1) LIMIT 1",
            [id],
            |row| Ok(((row.get(0)?, row.get(1)?), (row.get(2)?, row.get(3)?))),
        )
    }

    /// A number and a name.
    type Named<T> = (Id<T>, String);

    pub fn users(rows: &Rows<'_>, id: Id<Kind>) -> Result<Vec<User>> {
        let sql = "SELECT 'target', id, name, '' FROM targets WHERE account_id = ?1 ORDER BY name_key LIMIT 20";
        rows.all(sql, [id], User::read)
    }
}

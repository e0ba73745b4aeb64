//! OIDC identities of service accounts (`rest-api §5`): which signed tokens of which issuer are taken for the account. A
//! CI job then needs no API key; the exchange itself is the door's (`access::admit`).

use super::{User, as_weak_as_before, may_hand_out, may_touch, sql as people, still_handed_out};
use crate::{
    base::{
        clock::Moment,
        error::{Error, Fields as Wrong, Result},
        ids::{Id, OidcIdentity as Kind, User as Account},
        names,
        paging::{Listed, Page},
    },
    company::access::{
        At, Event, Granted, Rows,
        admit::{external_id, issuer_address},
        permissions::{UserEdit, UserView},
    },
};
use serde::Serialize;

/// An identity.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Identity {
    /// Its id.
    #[serde(skip)]
    pub id: Id<Kind>,
    /// Whose it is.
    #[serde(skip)]
    pub account: Id<Account>,
    /// What it is called.
    pub name: String,
    /// Who signs the tokens: an address, letter by letter as the tokens name it.
    pub issuer: String,
    /// For whom they are signed; `*` stands for any letters, `?` for one.
    pub subject: String,
    /// For which audience they are signed.
    pub audience: String,
    /// When it was made.
    #[serde(skip)]
    pub created_at: Moment,
    /// When it was last used.
    #[serde(skip)]
    pub last_used_at: Option<Moment>,
}

/// What a person gives.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    /// 1–200 characters.
    pub name: String,
    /// An https address of 200 characters at most.
    pub issuer: String,
    /// 1–200 characters with some before the first `*` or `?`.
    pub subject: String,
    /// At most 200 characters; empty: the account's external id.
    pub audience: String,
}

/// The identities of a service account, by name.
///
/// # Errors
/// `Conflict` for a person.
pub fn list(granted: &Granted<'_, UserView>, account: &At<Account>, page: Page) -> Result<Listed<Identity>> {
    let mut all = granted.read(|rows| {
        service(rows, account.id())?;
        sql::of(rows, account.id())
    })?;
    let total = all.len() as i64;
    let skip = usize::try_from(page.skip).unwrap_or(usize::MAX).min(all.len());
    let items: Vec<Identity> = all.drain(skip..).take(usize::try_from(page.take).unwrap_or(usize::MAX)).collect();
    Ok(Listed { items, total })
}

/// What a service account is called where tokens are signed for it: their usual audience.
pub fn external(granted: &Granted<'_, UserView>, account: &At<Account>) -> String {
    external_id(granted.visitor().company(), account.id())
}

/// One identity.
///
/// # Errors
/// `NotFound` when the account has none of this id.
pub fn show(granted: &Granted<'_, UserView>, account: &At<Account>, id: Id<Kind>) -> Result<Identity> {
    granted.read(|rows| by_id(rows, account.id(), id))
}

/// Adds an identity.
///
/// # Errors
/// `Invalid` for what is missing, too long, too wide or there already; `Conflict` for a person; `Denied` for an account
/// that may do what the visitor does not hold.
pub fn create(granted: &Granted<'_, UserEdit>, account: &At<Account>, fields: &Fields) -> Result<Identity> {
    granted.fresh()?;
    let rights = may_touch(granted, account.id())?;
    let gifts = may_hand_out(granted, account.id(), &[])?;
    let usual = external_id(granted.visitor().company(), account.id());
    granted.write(|tx| {
        as_weak_as_before(tx, account.id(), &rights)?;
        still_handed_out(tx, account.id(), &[], &gifts)?;
        let owner = service(tx, account.id())?;
        let fields = check(tx, owner.id, fields, &usual, None)?;
        let id = sql::insert(tx, owner.id, &fields)?;
        let made = by_id(tx, owner.id, id)?;
        tx.access_changed()?;
        let event = Event::new("Created").say("The OIDC identity ").name(id, &made.name).say(" of ");
        let event = event.name(owner.id, &owner.display_name).say(" was added");
        tx.record(event.difference(&serde_json::Map::new(), &made), made)
    })
}

/// Changes an identity; tokens given for it before end.
///
/// # Errors
/// As [`create`] and [`show`].
pub fn edit(granted: &Granted<'_, UserEdit>, account: &At<Account>, id: Id<Kind>, fields: &Fields) -> Result<Identity> {
    granted.fresh()?;
    let rights = may_touch(granted, account.id())?;
    let gifts = may_hand_out(granted, account.id(), &[])?;
    let usual = external_id(granted.visitor().company(), account.id());
    granted.write(|tx| {
        as_weak_as_before(tx, account.id(), &rights)?;
        still_handed_out(tx, account.id(), &[], &gifts)?;
        let owner = service(tx, account.id())?;
        let before = by_id(tx, owner.id, id)?;
        let fields = check(tx, owner.id, fields, &usual, Some(id))?;
        sql::update(tx, id, &fields)?;
        let after = by_id(tx, owner.id, id)?;
        tx.access_changed()?;
        let event = Event::new("Modified").say("The OIDC identity ").name(id, &after.name).say(" of ");
        let event = event.name(owner.id, &owner.display_name).say(" was changed");
        tx.record(event.difference(&before, &after), after)
    })
}

/// Removes an identity; tokens given for it end.
///
/// # Errors
/// As [`show`]; `Denied` for an administrator when the visitor is none.
pub fn delete(granted: &Granted<'_, UserEdit>, account: &At<Account>, id: Id<Kind>) -> Result<()> {
    granted.fresh()?;
    let rights = may_touch(granted, account.id())?;
    granted.write(|tx| {
        as_weak_as_before(tx, account.id(), &rights)?;
        let owner = service(tx, account.id())?;
        let gone = by_id(tx, owner.id, id)?;
        tx.run("DELETE FROM oidc_identities WHERE id = ?1", [id])?;
        tx.access_changed()?;
        let event = Event::new("Deleted").say("The OIDC identity ").name(id, &gone.name).say(" of ");
        tx.record(event.name(owner.id, &owner.display_name).say(" was removed"), ())
    })
}

fn service(rows: &Rows<'_>, account: Id<Account>) -> Result<User> {
    let owner = people::by_id(rows, account)?;
    if owner.is_service {
        return Ok(owner);
    }
    Err(Error::Conflict(format!("{} is a person. Only service accounts have OIDC identities.", owner.display_name)))
}

fn by_id(rows: &Rows<'_>, account: Id<Account>, id: Id<Kind>) -> Result<Identity> {
    let found = sql::of(rows, account)?.into_iter().find(|identity| identity.id == id);
    found.ok_or_else(|| Error::NotFound(id.to_string()))
}

fn check(
    rows: &Rows<'_>,
    account: Id<Account>,
    fields: &Fields,
    usual: &str,
    this: Option<Id<Kind>>,
) -> Result<Fields> {
    let mut wrong = Wrong::new();
    let name = wrong.check("Name", names::name(&fields.name, 200)).unwrap_or_default();
    let issuer = names::name(&fields.issuer, 200).and_then(|issuer| issuer_address(&issuer).map(|_| issuer));
    let issuer = wrong.check("Issuer", issuer).unwrap_or_default();
    let subject = names::name(&fields.subject, 200).and_then(|subject| match subject.starts_with(['*', '?']) {
        true => Err("Say how the subject begins: this one would take the tokens of everybody at the issuer.".into()),
        false => Ok(subject),
    });
    let subject = wrong.check("Subject", subject).unwrap_or_default();
    let audience = match fields.audience.trim() {
        "" => Ok(usual.to_owned()),
        given => names::name(given, 200),
    };
    let audience = wrong.check("Audience", audience).unwrap_or_default();
    if wrong.is_empty() && sql::is_there(rows, account, &issuer, &subject, this)? {
        wrong.add("Subject", "The account has an identity with this issuer and subject already.");
    }
    wrong.finish()?;
    Ok(Fields { name, issuer, subject, audience })
}

mod sql {
    use super::{Account, Fields, Identity, Kind};
    use crate::{
        base::{clock, error::Result, ids::Id},
        company::access::{Rows, Writing},
    };

    pub fn of(rows: &Rows<'_>, account: Id<Account>) -> Result<Vec<Identity>> {
        rows.all(
            "SELECT id, user_id, name, issuer, subject, audience, created_at, last_used_at FROM oidc_identities
             WHERE user_id = ?1 ORDER BY lower(name), id",
            [account],
            |row| {
                Ok(Identity {
                    id: row.get(0)?,
                    account: row.get(1)?,
                    name: row.get(2)?,
                    issuer: row.get(3)?,
                    subject: row.get(4)?,
                    audience: row.get(5)?,
                    created_at: row.get(6)?,
                    last_used_at: row.get(7)?,
                })
            },
        )
    }

    pub fn is_there(
        rows: &Rows<'_>,
        account: Id<Account>,
        issuer: &str,
        subject: &str,
        but: Option<Id<Kind>>,
    ) -> Result<bool> {
        rows.any(
            "SELECT 1 FROM oidc_identities WHERE user_id = ?1 AND issuer = ?2 AND subject = ?3 AND id IS NOT ?4",
            (account, issuer, subject, but),
        )
    }

    pub fn insert(tx: &Writing<'_>, account: Id<Account>, fields: &Fields) -> Result<Id<Kind>> {
        let id = tx.insert(
            "INSERT INTO oidc_identities (user_id, name, issuer, subject, audience, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (account, &fields.name, &fields.issuer, &fields.subject, &fields.audience, clock::now()),
        )?;
        Ok(Id::new(id))
    }

    pub fn update(tx: &Writing<'_>, id: Id<Kind>, fields: &Fields) -> Result<()> {
        tx.run(
            "UPDATE oidc_identities SET name = ?2, issuer = ?3, subject = ?4, audience = ?5 WHERE id = ?1",
            (id, &fields.name, &fields.issuer, &fields.subject, &fields.audience),
        )?;
        tx.run("DELETE FROM access_tokens WHERE identity_id = ?1", [id])?;
        Ok(())
    }
}

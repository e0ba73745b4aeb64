//! What is settled for the company as a whole: its name, its rules of sign-in, its face, where its trail is kept. The
//! door looks the rules up by [`rules`]; here they are shown and changed, each group by a command of its own, each change
//! with its event of before and after. What the operator settles (its slug, its limits) is only shown.

mod brand;
mod sign_in;
mod sql;
#[cfg(test)]
mod tests;

pub(in crate::company) use super::access::rules::rules;
pub use super::access::rules::{Limits, Rules, SecondFactor};
pub use brand::{Brand, LARGEST_LOGO, Shades, change_brand, remove_logo, set_logo};
pub use sign_in::{SignIn, change_sign_in};

use super::access::{Event, Gifts, Granted, Proof, permissions::ConfigureServer};
use crate::base::{
    clock::Moment,
    error::{Error, Fields, Result},
    names,
};
use serde::Serialize;

/// The company as it is written down in its file.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its name.
    pub name: String,
    /// First path segment of its addresses.
    pub slug: String,
    /// Its id, for ever.
    pub id: String,
    /// When it was founded.
    pub created_at: Moment,
    /// Its rules, face and limits.
    pub rules: Rules,
}

/// How much of its limits the company uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    /// Size of its folder, in bytes; measured at most once a minute.
    pub disk_bytes: u64,
    /// People who are active or invited.
    pub people: i64,
    /// Tasks under way.
    pub running_tasks: i64,
}

/// What anybody may settle who configures the company.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct General {
    /// Its name.
    pub name: String,
    /// A name of the IANA database, such as `Europe/Berlin`.
    pub time_zone: String,
    /// Whom its letters come from; the appliance's own address without one.
    pub from_address: Option<String>,
    /// Whether tenants' own people are in Everyone, and hold what its roles allow.
    pub customers_in_everyone: bool,
}

/// Where the trail is kept beside the file, and how long in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Trail {
    /// Whether checkpoints go to the system's log.
    pub checkpoint_syslog: bool,
    /// Where checkpoints are sent.
    pub checkpoint_webhook: Option<String>,
    /// Days that events stay in the file before they are archived.
    pub retention_days: i64,
}

/// Shows everything that is settled.
pub fn show(granted: &Granted<'_, ConfigureServer>) -> Result<Settings> {
    granted.read(sql::company)
}

/// How much of its limits the company uses.
pub fn usage(granted: &Granted<'_, ConfigureServer>) -> Result<Use> {
    let (people, running_tasks) = granted.read(sql::people_and_running)?;
    Ok(Use { disk_bytes: granted.visitor().company().disk_used(), people, running_tasks })
}

/// Whether what a change was made from is still so, asked inside the transaction that writes it: else the change would take
/// somebody else's back.
///
/// # Errors
/// `Conflict` when it is not.
pub(in crate::company) fn still<T: PartialEq>(made_from: Option<&T>, present: &T) -> Result<()> {
    match made_from {
        Some(from) if from != present => Err(Error::Conflict(
            "Somebody else changed this meanwhile. Nothing was saved. Look at it again and repeat.".into(),
        )),
        _ => Ok(()),
    }
}

/// The names of all time zones, in order.
pub fn time_zones() -> Vec<String> {
    let mut names: Vec<String> = jiff::tz::db().available().map(|name| name.as_str().to_owned()).collect();
    names.sort();
    names
}

/// Changes name, time zone, from-address and who is in Everyone. Another from-address needs a fresh proof. Who lets tenants'
/// own people into Everyone gives them what its roles allow: that needs one too, and that one holds it.
///
/// # Errors
/// `Invalid` by field; `ProofNeeded`; `Conflict` as [`still`]; `Denied` for rights of Everyone that the visitor does not hold.
pub fn change_general(
    granted: &Granted<'_, ConfigureServer>,
    made_from: Option<&General>,
    wished: &General,
) -> Result<General> {
    let mut wrong = Fields::new();
    let name = wrong.check("Name", names::name(&wished.name, 100)).unwrap_or_default();
    let time_zone = match jiff::tz::db().get(wished.time_zone.trim()) {
        Ok(zone) => zone.iana_name().unwrap_or("UTC").to_owned(),
        Err(_) => {
            wrong.add("TimeZone", "Choose a time zone of the list, such as Europe/Berlin.");
            String::new()
        }
    };
    let from = wished.from_address.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let from_address = from.and_then(|text| wrong.check("FromAddress", sender(text)));
    wrong.finish()?;
    let after = General { name, time_zone, from_address, customers_in_everyone: wished.customers_in_everyone };
    let present = granted.read(sql::company)?.general();
    let mut given = None;
    if present.customers_in_everyone != after.customers_in_everyone {
        granted.fresh()?;
        if after.customers_in_everyone {
            let gifts = granted.read(|rows| Gifts::of_newcomer(rows, &[]))?;
            granted.visitor().ask_to_give(&gifts)?;
            given = Some(gifts);
        }
    }
    let done = granted.write_asking(Proof::Inside, |tx| {
        let before = sql::company(tx)?.general();
        still(made_from, &before)?;
        if before == after {
            return tx.unchanged(tx.changes(), after);
        }
        // Letters with the way in come from there.
        if before.from_address != after.from_address {
            granted.fresh()?;
        }
        let others = before.customers_in_everyone != present.customers_in_everyone
            || given.as_ref().is_some_and(|given| Gifts::of_newcomer(tx, &[]).ok().as_ref() != Some(given));
        if others {
            return Err(Error::Conflict("Everyone was changed meanwhile. Look at it again and repeat.".into()));
        }
        sql::set_general(tx, &after)?;
        tx.record(
            Event::new("SettingsChanged").say("The company's settings were changed").difference(&before, &after),
            after,
        )
    })?;
    granted.visitor().company().changed()?;
    Ok(done)
}

/// An address that letters can come from: one that goes into a letter's head as it stands.
fn sender(text: &str) -> std::result::Result<String, String> {
    let address = names::email(text)?;
    match address.parse::<lettre::Address>() {
        Ok(_) => Ok(address),
        Err(_) => Err("No letter can come from this address. Give one such as deploy@example.com.".into()),
    }
}

/// Changes where checkpoints of the trail go and how long events stay in the file. Needs a fresh proof.
///
/// # Errors
/// `ProofNeeded`; `Invalid` by field; `Conflict` as [`still`].
pub fn change_trail(
    granted: &Granted<'_, ConfigureServer>,
    made_from: Option<&Trail>,
    wished: &Trail,
) -> Result<Trail> {
    granted.fresh()?;
    let mut wrong = Fields::new();
    let webhook = wished.checkpoint_webhook.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let checkpoint_webhook = webhook.and_then(|text| wrong.check("CheckpointWebhook", https(text)));
    if !(1..=3650).contains(&wished.retention_days) {
        wrong.add("RetentionDays", "Choose 1 to 3650 days.");
    }
    wrong.finish()?;
    let after = Trail { checkpoint_webhook, ..wished.clone() };
    let done = granted.write_asking(Proof::Fresh, |tx| {
        let Rules { checkpoint_syslog, checkpoint_webhook, retention_days, .. } = rules(tx)?;
        let before = Trail { checkpoint_syslog, checkpoint_webhook, retention_days };
        still(made_from, &before)?;
        if before == after {
            return tx.unchanged(tx.changes(), after);
        }
        sql::set_trail(tx, &after)?;
        let event = Event::new("SettingsChanged").say("Where the trail is kept was changed");
        tx.record(event.difference(&before, &after), after)
    })?;
    granted.visitor().company().changed()?;
    Ok(done)
}

fn https(text: &str) -> std::result::Result<String, String> {
    match url::Url::parse(text) {
        Ok(address) if address.scheme() == "https" && address.has_host() && address.username().is_empty() => {
            Ok(address.into())
        }
        _ => Err("Give an address that begins with https://, without a name or password in it.".into()),
    }
}

/// The sentence for who wonders why the slug cannot be changed here.
pub const SLUG_IS_THE_OPERATORS: &str =
    "The short name stands in every address, so only the operator of the server can change it.";

impl Settings {
    /// The present general settings, for a form.
    pub fn general(&self) -> General {
        General {
            name: self.name.clone(),
            time_zone: self.rules.time_zone.clone(),
            from_address: self.rules.from_address.clone(),
            customers_in_everyone: self.rules.customers_in_everyone,
        }
    }
    /// The present settings of the trail, for a form.
    pub fn trail(&self) -> Trail {
        Trail {
            checkpoint_syslog: self.rules.checkpoint_syslog,
            checkpoint_webhook: self.rules.checkpoint_webhook.clone(),
            retention_days: self.rules.retention_days,
        }
    }
}

fn missing() -> Error {
    Error::internal("the company's file does not name its company")
}

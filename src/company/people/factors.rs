//! Second factors of a person: authenticator apps, passkeys, recovery codes (`access-rules §9`). One's own are changed in
//! person and with a fresh proof; another's can only be taken away as a whole, so that they set up new ones.

use super::{User, sql};
use crate::{
    base::{
        clock::Moment,
        error::{Error, Fields as Wrong, Result},
        ids::{Id, User as Kind},
        names,
        paging::Page,
    },
    company::{
        access::{
            At, Event, Granted, Myself, Proof, Rows, Writing,
            admit::{self, Challenge, Demand, Enrolment, Site, Ways},
            permissions::{UserEdit, UserView},
        },
        post::{self, Notice},
        settings::{self, SecondFactor},
    },
};

/// So many factors somebody has at most.
const MOST: i64 = 20;

/// A second factor, without its secret.
#[derive(Debug, Clone)]
pub struct Factor {
    /// Its number.
    pub id: i64,
    /// A passkey; else an authenticator app.
    pub is_passkey: bool,
    /// What its person calls it.
    pub name: String,
    /// When it was set up.
    pub created_at: Moment,
    /// When it was last used.
    pub last_used_at: Option<Moment>,
}

/// One's second factors, the oldest first.
pub fn list(granted: &Granted<'_, Myself>) -> Result<Vec<Factor>> {
    granted.read(|rows| factors(rows, granted.what().user().0))
}

/// What one can prove oneself with, and how many recovery codes are left.
pub fn ways(granted: &Granted<'_, Myself>) -> Result<Ways> {
    granted.read(|rows| admit::ways_of(rows, granted.what().user().0))
}

/// Whether the company's rule demands a second factor of oneself; then the last one cannot be removed.
pub fn is_demanded(granted: &Granted<'_, Myself>) -> Result<bool> {
    granted.read(|rows| Ok(admit::demand(rows, granted.what().user().0)? != Demand::None))
}

/// Begins, or shows again, the setting up of an authenticator app.
///
/// # Errors
/// As [`Granted::in_person`].
pub fn begin_app(granted: &Granted<'_, Myself>) -> Result<Enrolment> {
    granted.in_person()?;
    let (company, session) = (granted.visitor().company(), session(granted)?);
    let me = granted.read(|rows| sql::by_id(rows, granted.what().user()))?;
    let secret = match granted.read(|rows| admit::pending_secret(rows, company, session))? {
        Some(secret) => secret,
        None => granted.write_asking(Proof::Person, |tx| {
            let event = Event::new("SecondFactorStarted").name(me.id, &me.display_name);
            tx.record(event.say(" began to set up a second factor"), admit::begin(tx, company, session)?)
        })?,
    };
    admit::draw(company, &secret, &me.email_address)
}

/// Adds the authenticator app that was begun, with its first code. With the first factor of all come ten recovery codes,
/// which are given this once.
///
/// # Errors
/// `Invalid` (`Name`, `Code`); `Conflict` when none was begun.
pub fn add_app(granted: &Granted<'_, Myself>, name: &str, code: &str) -> Result<Option<Vec<String>>> {
    granted.in_person()?;
    let name = named(name)?;
    let (company, session) = (granted.visitor().company(), session(granted)?);
    added(granted, &name, |tx, user| {
        if admit::confirm(tx, company, session, user, code, &name)? {
            return Ok(());
        }
        Err(Error::invalid("Code", "This code is not right. Wait for the next one and try again."))
    })
}

/// Begins the making of a passkey: what the browser is asked.
///
/// # Errors
/// As [`Granted::in_person`].
pub fn begin_passkey(granted: &Granted<'_, Myself>, site: &Site) -> Result<Challenge> {
    granted.in_person()?;
    let whose = (session(granted)?, granted.what().user().0);
    granted.read(|rows| admit::begin_registration(rows, granted.visitor().company(), whose, site))
}

/// Adds the passkey that the browser made. Recovery codes as with [`add_app`].
///
/// # Errors
/// `Invalid` (`Name`, `Passkey`); `Conflict` for one that is known or was answered already.
pub fn add_passkey(
    granted: &Granted<'_, Myself>,
    name: &str,
    ticket: &str,
    answer: &str,
) -> Result<Option<Vec<String>>> {
    granted.in_person()?;
    let name = named(name)?;
    let company = granted.visitor().company();
    let made = admit::finish_registration(company, (session(granted)?, granted.what().user().0), ticket, answer)?;
    added(granted, &name, |tx, user| admit::add_passkey(tx, company, user, &name, &made).map(drop))
}

fn added(
    granted: &Granted<'_, Myself>,
    name: &str,
    add: impl FnOnce(&Writing<'_>, i64) -> Result<()>,
) -> Result<Option<Vec<String>>> {
    let user = granted.what().user();
    let first = !granted.read(|rows| admit::ways_of(rows, user.0))?.any();
    let fresh = first.then(|| admit::fresh_recovery_codes(granted.visitor().company())).transpose()?;
    granted.write_asking(Proof::Person, |tx| {
        let me = sql::by_id(tx, user)?;
        let number = tx.number("SELECT count(*) FROM factors WHERE user_id = ?1", [user])?;
        if number >= MOST {
            return Err(Error::Conflict(format!("At most {MOST} second factors can be set up. Remove one first.")));
        }
        if first && number > 0 {
            return Err(Error::Conflict("Another second factor was set up meanwhile. Begin again.".into()));
        }
        add(tx, user.0)?;
        let codes = fresh.map(|fresh| admit::store_recovery_codes(tx, user.0, fresh)).transpose()?;
        post::notice(tx, user.0, Notice::FactorChanged(&format!("The second factor “{name}” was added.")))?;
        tx.access_changed()?;
        let event = Event::new("SecondFactorAdded").name(me.id, &me.display_name).say(" set up the second factor ");
        tx.record(event.say(name), codes)
    })
}

/// Gives one of one's factors another name.
///
/// # Errors
/// `Invalid` (`Name`); `NotFound` when it is not one's own.
pub fn rename(granted: &Granted<'_, Myself>, id: i64, name: &str) -> Result<()> {
    let name = named(name)?;
    granted.write_asking(Proof::Nothing, |tx| {
        let me = sql::by_id(tx, granted.what().user())?;
        let before = one(tx, me.id, id)?;
        tx.run("UPDATE factors SET name = ?2 WHERE id = ?1", (id, &name))?;
        let event = Event::new("Modified").name(me.id, &me.display_name).say(" renamed the second factor ");
        tx.record(event.say(&before.name).say(" to ").say(&name), ())
    })
}

/// Removes one of one's factors. With the last one go the recovery codes.
///
/// # Errors
/// `Conflict` for the last one where the company demands one; `NotFound` when it is not one's own.
pub fn remove(granted: &Granted<'_, Myself>, id: i64) -> Result<()> {
    granted.in_person()?;
    granted.write_asking(Proof::Person, |tx| {
        let me = sql::by_id(tx, granted.what().user())?;
        let gone = one(tx, me.id, id)?;
        let last = tx.number("SELECT count(*) FROM factors WHERE user_id = ?1", [me.id])? == 1;
        if last && admit::demand(tx, me.id.0)? != Demand::None {
            return Err(Error::Conflict(
                "This is your last second factor, and one is needed here. Set up another first.".into(),
            ));
        }
        tx.run("DELETE FROM factors WHERE id = ?1", [id])?;
        if last {
            tx.run("DELETE FROM recovery_codes WHERE user_id = ?1", [me.id])?;
        }
        post::notice(tx, me.id.0, Notice::FactorChanged(&format!("The second factor “{}” was removed.", gone.name)))?;
        tx.access_changed()?;
        let event = Event::new("SecondFactorRemoved").name(me.id, &me.display_name).say(" removed the second factor ");
        tx.record(event.say(&gone.name), ())
    })
}

/// Makes ten new recovery codes; the old ones no longer work. They are given this once.
///
/// # Errors
/// `Conflict` without a second factor.
pub fn renew_recovery_codes(granted: &Granted<'_, Myself>) -> Result<Vec<String>> {
    granted.in_person()?;
    let fresh = admit::fresh_recovery_codes(granted.visitor().company())?;
    granted.write_asking(Proof::Person, |tx| {
        let me = sql::by_id(tx, granted.what().user())?;
        if !admit::ways_of(tx, me.id.0)?.any() {
            return Err(Error::Conflict("Recovery codes stand in for a second factor. Set one up first.".into()));
        }
        let codes = admit::store_recovery_codes(tx, me.id.0, fresh)?;
        post::notice(tx, me.id.0, Notice::FactorChanged("New recovery codes were made; the old ones no longer work."))?;
        let event = Event::new("RecoveryCodesMade").name(me.id, &me.display_name).say(" made new recovery codes");
        tx.record(event, codes)
    })
}

/// Takes all second factors and recovery codes from somebody who lost them, and ends their sessions. Where one is
/// demanded they set up a new one at their next sign-in, which needs their password as ever.
///
/// # Errors
/// `Conflict` for oneself; `Denied` for somebody who holds what the visitor does not.
pub fn reset_for(granted: &Granted<'_, UserEdit>, user: &At<Kind>) -> Result<User> {
    granted.fresh()?;
    super::not_oneself(granted, user.id(), "take the second factors from")?;
    let held = super::may_stand_in(granted, user.id())?;
    granted.write(|tx| {
        super::as_much_as_before(tx, user.id(), &held)?;
        let began = tx.changes();
        let them = sql::by_id(tx, user.id())?;
        if tx.run("DELETE FROM factors WHERE user_id = ?1", [them.id])? == 0 {
            return tx.unchanged(began, them);
        }
        tx.run("DELETE FROM recovery_codes WHERE user_id = ?1", [them.id])?;
        tx.run("DELETE FROM sessions WHERE user_id = ?1", [them.id])?;
        let words = "An administrator removed your second factors and recovery codes.";
        post::notice(tx, them.id.0, Notice::FactorChanged(words))?;
        tx.access_changed()?;
        let event = Event::new("SecondFactorRemoved").say("All second factors of ").name(them.id, &them.display_name);
        tx.record(event.say(" were removed"), sql::by_id(tx, them.id)?)
    })
}

/// Somebody who can sign in without a second factor, and what the company's rule says of them.
#[derive(Debug, Clone)]
pub struct Lacking {
    /// Who.
    pub user: User,
    /// Whether one is demanded of them.
    pub is_demanded: bool,
    /// Until when they may go on without, if one is demanded and there is time left.
    pub until: Option<Moment>,
}

/// The company's rule on second factors, in words.
pub fn rule(granted: &Granted<'_, UserView>) -> Result<String> {
    let rules = granted.read(settings::rules)?;
    let who = match rules.second_factor {
        SecondFactor::Nobody => return Ok("Nobody is asked to have a second factor here.".into()),
        SecondFactor::Everyone => "Everybody who signs in needs a second factor.".to_owned(),
        SecondFactor::Holders => format!(
            "Whoever holds one of these rights needs a second factor: {}.",
            rules.second_factor_permissions.join(", ")
        ),
    };
    Ok(if rules.grace_days > 0 { format!("{who} There are {} days to set one up.", rules.grace_days) } else { who })
}

/// Active people without a second factor, those first of whom one is demanded.
pub fn lacking(granted: &Granted<'_, UserView>) -> Result<Vec<Lacking>> {
    granted.read(|rows| {
        let filter = super::Filter { without_second_factor: true, ..super::Filter::default() };
        let mut found = Vec::new();
        for user in sql::list(rows, &filter, Page::ALL)?.items {
            let demand = admit::demand(rows, user.id.0)?;
            let until = if let Demand::From(moment) = demand { Some(moment) } else { None };
            found.push(Lacking { user, is_demanded: demand != Demand::None, until });
        }
        found.sort_by_key(|one| (!one.is_demanded, one.until.unwrap_or_default()));
        Ok(found)
    })
}

fn named(name: &str) -> Result<String> {
    let mut wrong = Wrong::new();
    let name = wrong.check("Name", names::name(name, 64)).unwrap_or_default();
    wrong.finish().map(|()| name)
}

fn session(granted: &Granted<'_, Myself>) -> Result<i64> {
    granted.visitor().session().ok_or_else(|| Error::NotFound("session".into()))
}

fn factors(rows: &Rows<'_>, user: i64) -> Result<Vec<Factor>> {
    rows.all(
        "SELECT id, kind = 'passkey', name, created_at, last_used_at FROM factors WHERE user_id = ?1 ORDER BY id",
        [user],
        |row| {
            Ok(Factor {
                id: row.get(0)?,
                is_passkey: row.get(1)?,
                name: row.get(2)?,
                created_at: row.get(3)?,
                last_used_at: row.get(4)?,
            })
        },
    )
}

fn one(rows: &Rows<'_>, user: Id<Kind>, id: i64) -> Result<Factor> {
    let found = factors(rows, user.0)?.into_iter().find(|factor| factor.id == id);
    found.ok_or_else(|| Error::NotFound("second factor".into()))
}

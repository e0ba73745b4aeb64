//! Sessions: a random token in a cookie, its hash in the company's file.

use super::{
    From, Person, access_version, device,
    factor::{Demand, demand, ways_of},
    hash, stamp_of,
};
use crate::{
    base::{
        clock::{self, MINUTE, Moment},
        error::Result,
        ids::{Id, User},
    },
    company::access::{
        outbox,
        policy::Grants,
        rows::{Rows, Writing},
        rules::rules,
        trail::Event,
        vault::Company,
        visitor::Visitor,
    },
};
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

/// Between password and code there is no more time than this.
const PENDING: i64 = 15 * MINUTE;

/// What a session still lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// A second factor has to be set up.
    Enrol,
    /// A code has to be given.
    Code,
    /// Nothing.
    Full,
}

impl Stage {
    fn word(self) -> &'static str {
        match self {
            Stage::Enrol => "enrol",
            Stage::Code => "code",
            Stage::Full => "full",
        }
    }
}

/// Who stands at the door with a cookie.
pub enum Entry {
    /// No session, or one that ended.
    Nobody,
    /// The password was right, the second factor is still missing; or somebody signed in must have one from now on.
    Pending(PendingSession),
    /// Signed in.
    Admitted(Box<Visitor>),
}

/// A session between password and second factor, or one that was whole until a second factor was demanded of its person.
/// Opens nothing.
#[derive(Debug, Clone)]
pub struct PendingSession {
    pub(super) id: i64,
    pub(super) person: Person,
    /// Enrol or code.
    pub stage: Stage,
    /// Whether it was whole, and then when it last proved who it belongs to.
    pub(super) whole: Option<Moment>,
}

impl PendingSession {
    /// The name of who is signing in.
    pub fn name(&self) -> &str {
        &self.person.display_name
    }
    /// Whether somebody was signed in already when a second factor came to be demanded of them.
    pub fn was_whole(&self) -> bool {
        self.whole.is_some()
    }
    /// Whether setting up a second factor asks for the password: in a session that has not proved for a while who it
    /// belongs to, whoever found it open would make it theirs.
    pub fn asks_password(&self) -> bool {
        self.whole.is_some_and(|proved| clock::now().0 - proved.0 > super::PROOF_LIFE)
    }
}

pub(super) struct Stored {
    pub id: i64,
    pub person: Person,
    pub stage: Stage,
    pub last_seen: Moment,
    pub proved: Option<Moment>,
    pub expires_at: Moment,
}

/// A finished session as it is remembered under one access version. What time does to it is looked at on each request.
pub(in crate::company::access) struct KnownSession {
    stored: Stored,
    last_seen: AtomicI64,
    grants: Arc<Grants>,
    /// From when its person must have a second factor, which they have not.
    lacks_from: Option<Moment>,
}

/// The session of a token, if it is alive and its user active.
pub(super) fn find(rows: &Rows<'_>, token: &str) -> Result<Option<Stored>> {
    let now = clock::now();
    rows.one(
        "SELECT s.id, s.stage, s.last_seen_at, u.id, u.display_name, u.is_service, s.proved_at,
                min(s.expires_at, s.created_at + (SELECT session_absolute_minutes FROM settings) * 60000)
         FROM sessions s JOIN users u ON u.id = s.user_id
         WHERE s.token_hash = ?1 AND s.expires_at > ?2 AND s.failures < ?3 AND u.state = 'active'
         AND s.last_seen_at > ?2 - (SELECT session_idle_minutes FROM settings) * 60000
         AND s.created_at > ?2 - (SELECT session_absolute_minutes FROM settings) * 60000",
        (&hash(token)[..], now, super::code::FAILURES),
        |row| {
            let stage = match row.get_ref(1)?.as_str()? {
                "full" => Stage::Full,
                "code" => Stage::Code,
                _ => Stage::Enrol,
            };
            let person = Person { id: row.get(3)?, display_name: row.get(4)?, is_service: row.get(5)? };
            let (last_seen, proved, expires_at) = (row.get(2)?, row.get(6)?, row.get(7)?);
            Ok(Stored { id: row.get(0)?, stage, last_seen, person, proved, expires_at })
        },
    )
}

/// Begins the session of somebody whose password was right. It is whole at once where no second factor is demanded and
/// none is there.
pub(super) fn after_password(
    company: &Company,
    tx: &Writing<'_>,
    (user, name): (i64, &str),
    token: &str,
    from: &From,
) -> Result<Stage> {
    let stage = match (ways_of(tx, user)?.any(), demand(tx, user)?) {
        (true, _) => Stage::Code,
        (false, Demand::None) => Stage::Full,
        (false, _) => Stage::Enrol,
    };
    let session = store(company, tx, user, token, stage, from)?;
    if stage == Stage::Full {
        complete(tx, session, token)?;
        let id: Id<User> = Id::new(user);
        tx.also(Event::new("LoginSucceeded").name(id, name).say(" signed in by password alone"))?;
    }
    Ok(stage)
}

pub(super) fn store(
    company: &Company,
    tx: &Writing<'_>,
    user: i64,
    token: &str,
    stage: Stage,
    from: &From,
) -> Result<i64> {
    let known = device::known(company, tx, user, from)?.is_some();
    let now = clock::now();
    let idle = rules(tx)?.session_idle();
    tx.run("DELETE FROM sessions WHERE expires_at < ?1 OR last_seen_at < ?2", (now, now.plus(-idle)))?;
    tx.insert(
        "INSERT INTO sessions (token_hash, user_id, stage, created_at, last_seen_at, expires_at, address, agent, known_device)
         VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7, ?8)",
        (&hash(token)[..], user, stage.word(), now, now.plus(PENDING), &from.address, &from.agent, known),
    )
}

/// The second factor was given: the session gets a new token (the old one dies) and its full life. A sign-in from a
/// browser that was not seen before is told by mail; the very first of a person is not.
pub(super) fn complete(tx: &Writing<'_>, session: i64, token: &str) -> Result<()> {
    let now = clock::now();
    let new_device = tx.one(
        "SELECT u.id, s.address, s.agent FROM sessions s JOIN users u ON u.id = s.user_id
         WHERE s.id = ?1 AND s.known_device = 0 AND u.last_seen_at IS NOT NULL",
        [session],
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?)),
    )?;
    if let Some((user, address, agent)) = &new_device {
        outbox::notice(tx, *user, outbox::Notice::NewDevice(address, agent))?;
    }
    tx.run(
        "UPDATE sessions SET stage = 'full', token_hash = ?2, pending_secret = NULL, failures = 0, last_seen_at = ?3, expires_at = ?4, proved_at = ?3 WHERE id = ?1",
        (session, &hash(token)[..], now, now.plus(rules(tx)?.session_absolute())),
    )?;
    tx.run(
        "UPDATE users SET last_seen_at = ?2 WHERE id = (SELECT user_id FROM sessions WHERE id = ?1)",
        (session, now),
    )?;
    Ok(())
}

/// Looks at the cookie's token.
pub fn enter(company: &Company, token: &str, from: &From) -> Result<Entry> {
    let snapshot = company.snapshot()?;
    let key = hash(token);
    let (version, known) = snapshot.with(|rows| {
        let version = access_version(rows)?;
        let known = company.memory().of(
            version,
            |known| known.sessions.get(&key).cloned().map(Some),
            || {
                let Some(stored) = find(rows, token)? else { return Ok(None) };
                let (last_seen, grants) =
                    (stored.last_seen.0.into(), company.grants_of(rows, stored.person.id, version)?);
                let lacks_from = lacks_from(rows, stored.person.id)?;
                Ok(Some(Arc::new(KnownSession { stored, last_seen, grants, lacks_from })))
            },
            |known, session| {
                // Only what is finished is remembered: wrong codes count up without raising the version.
                if let Some(session) = session.filter(|session| session.stored.stage == Stage::Full) {
                    known.sessions.insert(key, session);
                }
            },
        )?;
        Ok((version, known))
    })?;
    let Some(known) = known else { return Ok(Entry::Nobody) };
    let stored = &known.stored;
    if stored.stage != Stage::Full {
        let (id, person, stage) = (stored.id, stored.person.clone(), stored.stage);
        return Ok(Entry::Pending(PendingSession { id, person, stage, whole: None }));
    }
    let now = clock::now();
    let last_seen = known.last_seen.load(Ordering::Relaxed);
    let idle = company.rules().session_idle();
    if stored.expires_at <= now || last_seen <= now.plus(-idle).0 {
        return Ok(Entry::Nobody);
    }
    // A stricter rule, a team, a role: whoever now needs a second factor sets one up before anything else.
    if known.lacks_from.is_some_and(|from| from <= now) {
        let (id, person, whole) = (stored.id, stored.person.clone(), Some(stored.proved.unwrap_or_default()));
        return Ok(Entry::Pending(PendingSession { id, person, stage: Stage::Enrol, whole }));
    }
    if now.0 - last_seen > (idle / 4).min(5 * MINUTE) {
        // "Last seen" is no change of anything that is told; it has no event.
        company.touch("UPDATE sessions SET last_seen_at = ?2 WHERE id = ?1", stored.id)?;
        company.touch("UPDATE users SET last_seen_at = ?2 WHERE id = ?1", stored.person.id)?;
        known.last_seen.store(now.0, Ordering::Relaxed);
    }
    let grants = known.grants.clone();
    let visitor = Visitor::person(company, snapshot, &stored.person, Some(stored.id), "session".into(), from, grants);
    let visitor = visitor.proved(stored.proved).lacks_factor_from(known.lacks_from);
    Ok(Entry::Admitted(Box::new(visitor.at_version(version))))
}

/// From when somebody must have a second factor, if one is demanded of them and they have none. A moment of the past: now.
fn lacks_from(rows: &Rows<'_>, user: i64) -> Result<Option<Moment>> {
    if ways_of(rows, user)?.any() {
        return Ok(None);
    }
    Ok(match demand(rows, user)? {
        Demand::None => None,
        Demand::Now => Some(Moment(0)),
        Demand::From(moment) => Some(moment),
    })
}

/// The cookie that makes the browser of this full session known, if it is not: the next sign-in from it has a budget of
/// its own and is told to nobody.
pub fn device_cookie(company: &Company, token: &str, from: &From) -> Result<Option<String>> {
    company.snapshot()?.with(|rows| match find(rows, token)? {
        Some(stored) if stored.stage == Stage::Full => device::remember(company, rows, stored.person.id, from),
        _ => Ok(None),
    })
}

/// Ends a session; whatever stage it was in.
pub fn sign_out(company: &Company, token: &str, from: &From) -> Result<()> {
    let Some(stored) = company.snapshot()?.with(|rows| find(rows, token))? else { return Ok(()) };
    company.write(stamp_of(stored.person.id, &stored.person.display_name, from), |tx| {
        // The wrong codes of an unfinished session go on counting; only its token dies.
        tx.run(
            "UPDATE sessions SET token_hash = randomblob(32) WHERE id = ?1 AND stage <> 'full' AND failures > 0",
            [stored.id],
        )?;
        tx.run("DELETE FROM sessions WHERE id = ?1 AND (stage = 'full' OR failures = 0)", [stored.id])?;
        let id: Id<User> = Id::new(stored.person.id);
        tx.record(Event::new("Logout").name(id, &stored.person.display_name).say(" signed out"), ())
    })
}

//! What may be tried: passwords, codes, recovery codes and passkeys share one budget for each person.
//!
//! An attempt is spent before anything is looked at, in the company's file, so that a restart forgives nothing; what
//! turned out right is given back. A person (or a name that nobody has) may fail five times, then waits, longer each
//! time, a quarter of an hour at most. An address (IPv6: its /64) and the company have buckets that leak. A browser in
//! which that person has signed in before has a budget of its own and none of these: so nobody is locked out by others.
//!
//! What is refused for want of budget costs a read, no hashing and no write; the trail tells it in numbers.

use super::{From, device, nobody};
use crate::{
    base::{
        clock::{self, DAY, MINUTE, Moment},
        error::{Error, Result},
        ids::{Id, User},
        names,
    },
    company::access::{
        rows::{Recorded, Rows, Writing},
        trail::Event,
        vault::Company,
    },
};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{LazyLock, Mutex, PoisonError},
};

/// So many failures of a person cost no waiting.
const FREE: f64 = 5.0;
/// So many in a browser where that person has signed in before.
const FREE_IF_KNOWN: f64 = 10.0;
/// The longest anybody waits after a failure of theirs, in milliseconds.
pub const LONGEST_WAIT: i64 = 15 * MINUTE;
/// Without another failure for so long, a person's failures are forgotten.
const MEMORY: i64 = DAY;
/// Failures that an address holds, and in how many milliseconds one leaks away.
const ADDRESS: (f64, f64) = (30.0, 30_000.0);
/// The same of the company as a whole.
const COMPANY: (f64, f64) = (300.0, 2_000.0);

/// Letters that an address can ask for, and the company as a whole.
const LETTERS: [(f64, f64); 2] = [(10.0, 60_000.0), (100.0, 20_000.0)];

/// Whose budget.
#[derive(Debug, Clone, Copy)]
pub enum Who<'a> {
    /// That of a session which asks for its own password once more: nobody else can use it up.
    Session(i64),
    /// This user's.
    Person(i64),
    /// That of a name which nobody has: it behaves as if somebody had.
    Name(&'a str),
}

/// An attempt that was spent. Dropped, it stays spent: it was wrong.
#[derive(Debug)]
#[must_use = "what turned out right is given back"]
pub struct Spent {
    notes: Vec<Note>,
}

/// One counter, as it was left.
#[derive(Debug, Clone)]
struct Note {
    key: String,
    kind: Kind,
    set: Tally,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// Failures that make one wait; so many are free.
    Waits(f64),
    /// A bucket of so many, of which one leaks away in so many milliseconds.
    Bucket(f64, f64),
}

/// A counter: failures, when the last one was, and before when nothing is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Tally {
    count: f64,
    at: Moment,
    next: Moment,
}

impl Tally {
    /// This counter after one more attempt, or when there may be one.
    fn spend(self, kind: Kind, now: Moment) -> std::result::Result<Tally, Moment> {
        // Of several at once one may have looked at the clock earlier and come later: what cost no waiting makes nobody wait.
        let waits = matches!(kind, Kind::Waits(free) if self.count > free);
        // A clock that was set back must not make anybody wait longer than the longest wait.
        let ahead = self.next.0 - now.0 > LONGEST_WAIT;
        if waits && self.next > now && !ahead {
            return Err(self.next);
        }
        // Nor may it keep a bucket full until the old time comes again.
        let passed = if self.at.0 - now.0 > MINUTE { i64::MAX } else { (now.0 - self.at.0).max(0) };
        match kind {
            Kind::Waits(free) => {
                let count = if passed > MEMORY { 1.0 } else { self.count + 1.0 };
                let over = (count - free).max(0.0);
                let wait = if over < 1.0 { 0 } else { (1000.0 * 2f64.powf(over.min(12.0))) as i64 };
                Ok(Tally { count, at: now, next: now.plus(wait.min(LONGEST_WAIT)) })
            }
            Kind::Bucket(size, leak) => {
                let level = (self.count - passed as f64 / leak).max(0.0);
                if level + 1.0 > size {
                    return Err(now.plus(((level + 1.0 - size) * leak).ceil() as i64));
                }
                Ok(Tally { count: level + 1.0, at: now, next: now })
            }
        }
    }
}

/// The counters that an attempt is spent from.
fn counters(who: Who<'_>, known: Option<&str>, from: &From) -> Vec<(String, Kind)> {
    if let Some(device) = known {
        return vec![(format!("d:{device}"), Kind::Waits(FREE_IF_KNOWN))];
    }
    let person = match who {
        Who::Session(id) => return vec![(format!("s:{id}"), Kind::Waits(FREE))],
        Who::Person(id) => format!("p:{id}"),
        Who::Name(name) => {
            let digest = Sha256::digest(names::key(name).as_bytes());
            format!("n:{}", data_encoding::HEXLOWER.encode(&digest[..16]))
        }
    };
    let mut counters = vec![(person, Kind::Waits(FREE))];
    if let Some(network) = network(&from.address) {
        counters.push((format!("a:{network}"), Kind::Bucket(ADDRESS.0, ADDRESS.1)));
    }
    counters.push(("c".into(), Kind::Bucket(COMPANY.0, COMPANY.1)));
    counters
}

/// What shares a bucket with an address: itself, or its /64.
pub(super) fn network(address: &str) -> Option<String> {
    match address.parse::<IpAddr>().ok()?.to_canonical() {
        IpAddr::V4(address) => Some(address.to_string()),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Some(format!("{a:x}:{b:x}:{c:x}:{d:x}"))
        }
    }
}

/// All of them spent, or the latest moment that one of them says.
fn spend_all(
    counters: Vec<(String, Kind)>,
    now: Moment,
    mut read: impl FnMut(&str) -> Result<Option<Tally>>,
) -> Result<std::result::Result<Vec<Note>, Moment>> {
    let (mut notes, mut until) = (Vec::new(), None);
    for (key, kind) in counters {
        match read(&key)?.unwrap_or_default().spend(kind, now) {
            Ok(set) => notes.push(Note { key, kind, set }),
            Err(next) => until = until.max(Some(next)),
        }
    }
    Ok(until.map_or(Ok(notes), Err))
}

fn tally(rows: &Rows<'_>, key: &str) -> Result<Option<Tally>> {
    rows.one("SELECT count, at, next_at FROM attempts WHERE key = ?1", [key], |row| {
        Ok(Tally { count: row.get(0)?, at: row.get(1)?, next: row.get(2)? })
    })
}

fn too_many(until: Moment, now: Moment) -> Error {
    let seconds = ((until.0 - now.0).max(0) + 999) / 1000;
    Error::Later {
        sentence: format!("Too many attempts. Wait {}, then try again.", clock::duration(seconds.max(1) * 1000)),
        seconds: seconds.max(1),
    }
}

/// Spends one attempt, before anything is looked at.
///
/// # Errors
/// `Later` when there is none to spend: the same for persons and for names that nobody has.
pub(in crate::company) fn spend(company: &Company, who: Who<'_>, from: &From) -> Result<Spent> {
    let now = clock::now();
    // A look first: whoever is refused writes nothing.
    let counters = company.snapshot()?.with(|rows| {
        let known = match who {
            Who::Person(id) => device::known(company, rows, id, from)?,
            Who::Name(_) | Who::Session(_) => None,
        };
        let counters = counters(who, known.as_deref(), from);
        Ok(spend_all(counters.clone(), now, |key| tally(rows, key))?.map(|_| counters))
    })?;
    let counters = match counters {
        Ok(counters) => counters,
        Err(until) => {
            refused(company, who, from)?;
            return Err(too_many(until, now));
        }
    };
    match store(company, counters, now, from)? {
        Ok(notes) => Ok(Spent { notes }),
        Err(until) => {
            refused(company, who, from)?;
            Err(too_many(until, now))
        }
    }
}

/// Spends and writes down.
fn store(
    company: &Company,
    counters: Vec<(String, Kind)>,
    now: Moment,
    from: &From,
) -> Result<std::result::Result<Vec<Note>, Moment>> {
    company.write(nobody(from), |tx| {
        let outcome = spend_all(counters, now, |key| tally(tx, key))?;
        if let Ok(notes) = &outcome {
            tx.run("DELETE FROM attempts WHERE at < ?1", [now.plus(-2 * MEMORY)])?;
            for Note { key, set, .. } in notes {
                let sql = "INSERT INTO attempts (key, count, at, next_at) VALUES (?1, ?2, ?3, ?4)
                           ON CONFLICT (key) DO UPDATE SET count = ?2, at = ?3, next_at = ?4";
                tx.run(sql, (key, set.count, set.at, set.next))?;
            }
        }
        // Counting is no change of anything that is told; what came of the attempt is.
        Ok(Recorded { value: outcome, _made_here: () })
    })
}

/// Spends one letter that somebody asks for without having signed in. False when too many were asked for.
pub(super) fn spend_letter(company: &Company, from: &From) -> Result<bool> {
    let now = clock::now();
    let [address, all] = LETTERS.map(|(size, leak)| Kind::Bucket(size, leak));
    let mut counters = vec![("l".to_owned(), all)];
    counters.extend(network(&from.address).map(|network| (format!("l:{network}"), address)));
    let fits = company.snapshot()?.with(|rows| spend_all(counters.clone(), now, |key| tally(rows, key)))?;
    Ok(fits.is_ok() && store(company, counters, now, from)?.is_ok())
}

impl Spent {
    /// It was right, but does not end the signing in: as if it had not been spent.
    pub(in crate::company) fn give_back(&self, tx: &Writing<'_>) -> Result<()> {
        for Note { key, set, .. } in &self.notes {
            // Who failed meanwhile still waits.
            let sql =
                "UPDATE attempts SET count = max(count - 1, 0), next_at = CASE next_at WHEN ?2 THEN ?3 ELSE next_at END
                       WHERE key = ?1";
            tx.run(sql, (key, set.next, set.at))?;
        }
        Ok(())
    }
    /// It was right and ends the signing in: earlier failures on this way are forgotten. Failures of others, in browsers
    /// not known, are not forgotten because somebody came in by a known one.
    pub(in crate::company) fn clear(&self, tx: &Writing<'_>) -> Result<()> {
        self.give_back(tx)?;
        for note in self.notes.iter().filter(|note| matches!(note.kind, Kind::Waits(_))) {
            tx.run("DELETE FROM attempts WHERE key = ?1", [&note.key])?;
        }
        Ok(())
    }
}

/// Tells the trail of a refusal: the first at once, the others in numbers.
fn refused(company: &Company, who: Who<'_>, from: &From) -> Result<()> {
    let event = Event::new("LoginRefused");
    let (what, event) = match who {
        Who::Person(id) => {
            let name = company.snapshot()?.with(|rows| {
                rows.one("SELECT display_name FROM users WHERE id = ?1", [id], |row| row.get::<_, String>(0))
            })?;
            let event = event.say("A sign-in as ").name(Id::<User>::new(id), &name.unwrap_or_default());
            (format!("sign-in {id}"), event)
        }
        Who::Name(_) | Who::Session(_) => ("sign-in".to_owned(), event.say("A sign-in")),
    };
    company.note(nobody(from), &what, event.say(" was refused without a look: too many had failed"));
    Ok(())
}

/// The budget of companies that do not exist: it behaves like that of those that do, in memory, for so many names.
const MOST_NOWHERE: usize = 20_000;

/// Spends an attempt at a company that does not exist.
///
/// # Errors
/// `Later`, as [`spend`].
pub(super) fn spend_nowhere(slug: &str, name: &str, from: &From) -> Result<()> {
    static TALLIES: LazyLock<Mutex<HashMap<String, Tally>>> = LazyLock::new(Mutex::default);
    let now = clock::now();
    let mut tallies = TALLIES.lock().unwrap_or_else(PoisonError::into_inner);
    let at = |key: &str| format!("{slug}/{key}");
    let outcome = spend_all(counters(Who::Name(name), None, from), now, |key| Ok(tallies.get(&at(key)).copied()))?;
    match outcome {
        Ok(notes) => {
            if tallies.len() >= MOST_NOWHERE {
                tallies.retain(|_, tally| tally.next > now);
            }
            if tallies.len() >= MOST_NOWHERE {
                tallies.clear();
            }
            tallies.extend(notes.into_iter().map(|note| (at(&note.key), note.set)));
            Ok(())
        }
        Err(until) => Err(too_many(until, now)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end() {
        let mut tally = Tally::default();
        let mut now = Moment(1_000_000_000);
        let mut waits = Vec::new();
        for _ in 0..40 {
            tally = tally.spend(Kind::Waits(FREE), now).unwrap();
            waits.push(tally.next.0 - now.0);
            assert!(tally.next <= now || tally.spend(Kind::Waits(FREE), now) == Err(tally.next));
            now = tally.next;
        }
        assert_eq!(waits[..8], [0, 0, 0, 0, 0, 2000, 4000, 8000]);
        assert!(waits.windows(2).all(|pair| pair[0] <= pair[1]));
        assert_eq!(waits.last(), Some(&LONGEST_WAIT), "never longer");
        let rested = tally.spend(Kind::Waits(FREE), now.plus(MEMORY + 1)).unwrap();
        assert_eq!(rested.count, 1.0);
        let clock_set_back = Moment(1_000);
        assert!(tally.spend(Kind::Waits(FREE), clock_set_back).is_ok());
        // Findings G15, its neighbour: a bucket that was full.
        let full = Tally { count: 30.0, at: now, next: now };
        assert!(full.spend(Kind::Bucket(30.0, 30_000.0), now).is_err());
        assert_eq!(full.spend(Kind::Bucket(30.0, 30_000.0), clock_set_back).unwrap().count, 1.0);
    }

    #[test]
    fn who_looked_at_the_clock_earlier_and_came_later_does_not_wait_for_what_cost_no_waiting() {
        let now = Moment(1_000_000_000);
        for kind in [Kind::Waits(FREE), Kind::Bucket(30.0, 1000.0)] {
            let first = Tally::default().spend(kind, now).unwrap();
            assert_eq!(first.spend(kind, now.plus(-3)).map(|tally| tally.count), Ok(2.0), "{kind:?}");
        }
    }

    #[test]
    fn buckets_fill_and_leak() {
        let (size, leak) = (3.0, 1000.0);
        let mut tally = Tally::default();
        let now = Moment(1_000_000_000);
        for _ in 0..3 {
            tally = tally.spend(Kind::Bucket(size, leak), now).unwrap();
        }
        assert_eq!(tally.spend(Kind::Bucket(size, leak), now), Err(now.plus(1000)));
        assert!(tally.spend(Kind::Bucket(size, leak), now.plus(1000)).is_ok());
        assert!(tally.spend(Kind::Bucket(size, leak), now.plus(999)).is_err());
    }

    #[test]
    fn a_network_is_an_address_or_its_64() {
        assert_eq!(network("192.0.2.7").as_deref(), Some("192.0.2.7"));
        assert_eq!(network("::ffff:192.0.2.7").as_deref(), Some("192.0.2.7"));
        assert_eq!(network("2001:db8:1:2:3::4"), network("2001:db8:1:2:ffff::1"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network(""), None);
    }
}

//! The hash of a password: argon2id with 19 MiB, two passes, one lane. Passwords are compared in one spelling of Unicode.
//!
//! As many at once as the machine has cores, and short lines behind them, one for each company; whoever finds theirs full
//! is told to come back, so that sign-in can use up neither the memory nor the threads, and one company under attack
//! keeps nobody of another from signing in.

use crate::base::{
    error::{Error, Result},
    secret::{self, Secret},
};
use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use std::{
    collections::{HashSet, VecDeque},
    sync::{Condvar, Mutex, OnceLock, PoisonError},
};
use unicode_normalization::UnicodeNormalization;

/// Memory of one hash in KiB, passes, lanes.
const COST: (u32, u32, u32) = (19_456, 2, 1);
/// So many wait for a turn at one company; more are refused.
const LINE: usize = 16;
/// When so many wait in all, only who is the first of their company may still join them.
const CROWD: usize = 24;
/// So many wait in all, whoever they are: each on a thread that others need too.
const LINES: usize = 40;

fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(COST.0, COST.1, COST.2, None).unwrap_or_default())
}

/// The one spelling in which a password is hashed and compared: Unicode's composed form, spaces kept as they are.
pub(super) fn normal(password: &Secret) -> Secret {
    Secret::new(password.expose().nfc().collect::<String>())
}

/// Turns for hashing. Each company has a line of its own, and the lines take turns: whoever signs in at one company waits
/// for at most one hash of each other company, however many wrong passwords are sent there. A company that does not exist
/// has a line like one that does.
struct Turns {
    places: Mutex<Places>,
    bell: Condvar,
}
#[derive(Default)]
struct Places {
    free: usize,
    waiting: usize,
    last_ticket: u64,
    /// Those where somebody waits; the first has the next turn.
    lines: VecDeque<Line>,
    /// Tickets whose turn it is and who have not noticed yet.
    called: HashSet<u64>,
}
struct Line {
    company: String,
    tickets: VecDeque<u64>,
}
/// One turn; given back also when the work panics.
struct Turn<'t>(&'t Turns);

impl Turns {
    fn new(at_once: usize) -> Turns {
        Turns { places: Mutex::new(Places { free: at_once, ..Places::default() }), bell: Condvar::new() }
    }
    fn take(&self, company: &str) -> Result<Turn<'_>> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.free > 0 {
            places.free -= 1;
            return Ok(Turn(self));
        }
        let own = places.lines.iter().position(|line| line.company == company);
        let ahead = own.map_or(0, |at| places.lines[at].tickets.len());
        if ahead >= LINE || places.waiting >= LINES || (places.waiting >= CROWD && ahead > 0) {
            return Err(Error::Later {
                sentence: "Too many people are signing in at this moment. Try again in a few seconds.".into(),
                seconds: 3,
            });
        }
        places.last_ticket += 1;
        let ticket = places.last_ticket;
        match own {
            Some(at) => places.lines[at].tickets.push_back(ticket),
            None => places.lines.push_back(Line { company: company.to_owned(), tickets: [ticket].into() }),
        }
        places.waiting += 1;
        while !places.called.remove(&ticket) {
            places = self.bell.wait(places).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(Turn(self))
    }
}
impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut places = self.0.places.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mut line) = places.lines.pop_front() else {
            places.free += 1;
            return;
        };
        if let Some(ticket) = line.tickets.pop_front() {
            places.called.insert(ticket);
            places.waiting -= 1;
        }
        if !line.tickets.is_empty() {
            places.lines.push_back(line);
        }
        self.0.bell.notify_all();
    }
}

fn bounded<T>(company: &str, work: impl FnOnce() -> T) -> Result<T> {
    static TURNS: OnceLock<Turns> = OnceLock::new();
    let turns = TURNS.get_or_init(|| Turns::new(std::thread::available_parallelism().map_or(2, usize::from)));
    let turn = turns.take(company)?;
    #[cfg(test)]
    SPENT.set(SPENT.get() + 1);
    let answer = work();
    drop(turn);
    Ok(answer)
}

#[cfg(test)]
thread_local! {
    /// How many hashes this thread has computed.
    pub(in crate::company::access) static SPENT: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

/// The hash to store for a password at a company (its slug).
///
/// # Errors
/// `Later` when too many are being hashed.
pub fn hash_password(company: &str, password: &Secret) -> Result<String> {
    let password = normal(password);
    let hashed =
        bounded(company, || argon2().hash_password(password.expose().as_bytes()).map(|hash| hash.to_string()))?;
    hashed.map_err(|cause| Error::internal(format!("hashing a password failed: {cause}")))
}

/// Whether a password is the one whose hash is stored.
pub(in crate::company) fn fits(company: &str, password: &Secret, stored: &str) -> Result<bool> {
    let Ok(stored) = PasswordHash::new(stored) else { return Ok(false) };
    let password = normal(password);
    bounded(company, || argon2().verify_password(password.expose().as_bytes(), &stored).is_ok())
}

/// The same hash as bytes, for a salt that is shared by several words.
pub(super) fn hash_raw(company: &str, word: &Secret, salt: &[u8]) -> Result<Vec<u8>> {
    let mut hash = vec![0; 32];
    bounded(company, || argon2().hash_password_into(word.expose().as_bytes(), salt, &mut hash))?
        .map_err(|cause| Error::internal(format!("hashing a code failed: {cause}")))?;
    Ok(hash)
}

/// Whether a stored hash was made at another cost than today's.
pub(super) fn is_outdated(stored: &str) -> bool {
    let Ok(stored) = PasswordHash::new(stored) else { return true };
    let number = |name: &str| stored.params.get_decimal(name);
    stored.algorithm.as_str() != "argon2id"
        || (number("m"), number("t"), number("p")) != (Some(COST.0), Some(COST.1), Some(COST.2))
}

/// The work of checking a password when there is nobody to check it for.
pub(super) fn work_for_nobody(company: &str, password: &Secret) -> Result<()> {
    static HASH: OnceLock<Option<String>> = OnceLock::new();
    let hash =
        HASH.get_or_init(|| argon2().hash_password(secret::token().as_bytes()).map(|hash| hash.to_string()).ok());
    if let Some(hash) = hash {
        fits(company, password, hash)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_and_every_space_counts() {
        let stored = hash_password("harbour", &Secret::new("caf\u{e9} au lait, bitte ")).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(fits("harbour", &Secret::new("cafe\u{301} au lait, bitte "), &stored).unwrap());
        assert!(!fits("harbour", &Secret::new("caf\u{e9} au lait, bitte"), &stored).unwrap());
        assert!(!fits("harbour", &Secret::new("Caf\u{e9} au lait, bitte "), &stored).unwrap());
    }

    #[test]
    fn an_old_cost_is_seen() {
        assert!(!is_outdated(&hash_password("harbour", &Secret::new("something")).unwrap()));
        assert!(is_outdated("$argon2id$v=19$m=4096,t=2,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNoaGFzaA"));
        assert!(is_outdated("$argon2i$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNoaGFzaA"));
    }

    fn waiting(turns: &Turns, so_many: usize) {
        while turns.places.lock().unwrap().waiting < so_many {
            std::thread::yield_now();
        }
    }

    #[test]
    fn the_line_has_an_end_and_moves_on() {
        let turns = Turns::new(1);
        let first = turns.take("harbour").unwrap();
        std::thread::scope(|scope| {
            let all: Vec<_> = (0..LINE).map(|_| scope.spawn(|| turns.take("harbour").map(drop).is_ok())).collect();
            waiting(&turns, LINE);
            assert!(matches!(turns.take("harbour"), Err(Error::Later { .. })));
            drop(first);
            assert!(all.into_iter().all(|one| one.join().unwrap()));
        });
        assert!(turns.take("harbour").is_ok());
        let places = turns.places.lock().unwrap();
        assert_eq!((places.free, places.waiting, places.lines.len(), places.called.len()), (1, 0, 0, 0));
    }

    #[test]
    fn a_company_with_a_full_line_keeps_nobody_of_another_waiting_behind_it() {
        let turns = Turns::new(1);
        let first = turns.take("harbour").unwrap();
        let served = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            let come = |company: &'static str| {
                let (turns, served) = (&turns, &served);
                scope.spawn(move || {
                    let turn = turns.take(company).unwrap();
                    served.lock().unwrap().push(company);
                    drop(turn);
                });
            };
            (0..LINE).for_each(|_| come("harbour"));
            waiting(&turns, LINE);
            come("meridian");
            waiting(&turns, LINE + 1);
            come("meridian");
            waiting(&turns, LINE + 2);
            drop(first);
        });
        let served = served.into_inner().unwrap();
        assert_eq!(served[..4], ["harbour", "meridian", "harbour", "meridian"], "the lines take turns");
        assert_eq!(served.len(), LINE + 2);
    }

    #[test]
    fn in_a_crowd_the_first_of_a_company_still_joins_and_there_is_an_end_to_it() {
        let turns = Turns::new(1);
        let first = turns.take("harbour").unwrap();
        std::thread::scope(|scope| {
            let come = |company: String| {
                let turns = &turns;
                scope.spawn(move || turns.take(&company).map(drop).is_ok())
            };
            let mut all: Vec<_> = (0..LINE).map(|_| come("harbour".into())).collect();
            all.extend((0..CROWD - LINE).map(|_| come("meridian".into())));
            waiting(&turns, CROWD);
            assert!(matches!(turns.take("meridian"), Err(Error::Later { .. })), "nobody behind others");
            all.extend((CROWD..LINES).map(|n| come(format!("company{n}"))));
            waiting(&turns, LINES);
            assert!(matches!(turns.take("another"), Err(Error::Later { .. })));
            drop(first);
            assert!(all.into_iter().all(|one| one.join().unwrap()));
        });
    }
}

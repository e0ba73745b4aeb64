//! The hash of a password: argon2id with 19 MiB, two passes, one lane. Passwords are compared in one spelling of Unicode.
//!
//! As many at once as the machine has cores, and a short line behind them; whoever finds the line full is told to come
//! back, so that sign-in can use up neither the memory nor the threads.

use crate::base::{
    error::{Error, Result},
    secret::{self, Secret},
};
use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use unicode_normalization::UnicodeNormalization;

/// Memory of one hash in KiB, passes, lanes.
const COST: (u32, u32, u32) = (19_456, 2, 1);
/// So many wait for a turn; more are refused.
const LINE: usize = 24;

fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(COST.0, COST.1, COST.2, None).unwrap_or_default())
}

/// The one spelling in which a password is hashed and compared: Unicode's composed form, spaces kept as they are.
pub(super) fn normal(password: &Secret) -> Secret {
    Secret::new(password.expose().nfc().collect::<String>())
}

/// Turns for hashing.
struct Turns {
    places: Mutex<Places>,
    bell: Condvar,
}
struct Places {
    free: usize,
    waiting: usize,
}
/// One turn; given back also when the work panics.
struct Turn<'t>(&'t Turns);

impl Turns {
    fn new(at_once: usize) -> Turns {
        Turns { places: Mutex::new(Places { free: at_once, waiting: 0 }), bell: Condvar::new() }
    }
    fn take(&self) -> Result<Turn<'_>> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.free == 0 && places.waiting >= LINE {
            return Err(Error::Later {
                sentence: "Too many people are signing in at this moment. Try again in a few seconds.".into(),
                seconds: 3,
            });
        }
        places.waiting += 1;
        while places.free == 0 {
            places = self.bell.wait(places).unwrap_or_else(PoisonError::into_inner);
        }
        places.waiting -= 1;
        places.free -= 1;
        Ok(Turn(self))
    }
}
impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.places.lock().unwrap_or_else(PoisonError::into_inner).free += 1;
        self.0.bell.notify_one();
    }
}

fn bounded<T>(work: impl FnOnce() -> T) -> Result<T> {
    static TURNS: OnceLock<Turns> = OnceLock::new();
    let turns = TURNS.get_or_init(|| Turns::new(std::thread::available_parallelism().map_or(2, usize::from)));
    let turn = turns.take()?;
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

/// The hash to store for a password.
///
/// # Errors
/// `Later` when too many are being hashed.
pub fn hash_password(password: &Secret) -> Result<String> {
    let password = normal(password);
    let hashed = bounded(|| argon2().hash_password(password.expose().as_bytes()).map(|hash| hash.to_string()))?;
    hashed.map_err(|cause| Error::internal(format!("hashing a password failed: {cause}")))
}

/// Whether a password is the one whose hash is stored.
pub(in crate::company) fn fits(password: &Secret, stored: &str) -> Result<bool> {
    let Ok(stored) = PasswordHash::new(stored) else { return Ok(false) };
    let password = normal(password);
    bounded(|| argon2().verify_password(password.expose().as_bytes(), &stored).is_ok())
}

/// The same hash as bytes, for a salt that is shared by several words.
pub(super) fn hash_raw(word: &Secret, salt: &[u8]) -> Result<Vec<u8>> {
    let mut hash = vec![0; 32];
    bounded(|| argon2().hash_password_into(word.expose().as_bytes(), salt, &mut hash))?
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
pub(super) fn work_for_nobody(password: &Secret) -> Result<()> {
    static HASH: OnceLock<Option<String>> = OnceLock::new();
    let hash =
        HASH.get_or_init(|| argon2().hash_password(secret::token().as_bytes()).map(|hash| hash.to_string()).ok());
    if let Some(hash) = hash {
        fits(password, hash)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_and_every_space_counts() {
        let stored = hash_password(&Secret::new("caf\u{e9} au lait, bitte ")).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(fits(&Secret::new("cafe\u{301} au lait, bitte "), &stored).unwrap());
        assert!(!fits(&Secret::new("caf\u{e9} au lait, bitte"), &stored).unwrap());
        assert!(!fits(&Secret::new("Caf\u{e9} au lait, bitte "), &stored).unwrap());
    }

    #[test]
    fn an_old_cost_is_seen() {
        assert!(!is_outdated(&hash_password(&Secret::new("something")).unwrap()));
        assert!(is_outdated("$argon2id$v=19$m=4096,t=2,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNoaGFzaA"));
        assert!(is_outdated("$argon2i$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNoaGFzaA"));
    }

    #[test]
    fn the_line_has_an_end_and_moves_on() {
        let turns = Turns::new(1);
        let first = turns.take().unwrap();
        std::thread::scope(|scope| {
            let waiting: Vec<_> = (0..LINE).map(|_| scope.spawn(|| turns.take().map(drop).is_ok())).collect();
            while turns.places.lock().unwrap().waiting < LINE {
                std::thread::yield_now();
            }
            assert!(matches!(turns.take(), Err(Error::Later { .. })));
            drop(first);
            assert!(waiting.into_iter().all(|one| one.join().unwrap()));
        });
        assert!(turns.take().is_ok());
    }
}

//! What is held between two requests and stands in no file: a page that is shown once, what somebody typed before they
//! had to sign in anew.
//!
//! Each is sealed with a key made of a mark that only the browser has and of whom it belongs to: the memory alone opens
//! nothing. It goes when it is taken, when its time is over, or when its company keeps too much.

use crate::base::secret;
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// At most this many things are held for one company; the oldest goes first.
const MOST: usize = 200;
/// At most this many bytes are held for one company.
const MOST_BYTES: usize = 8 * 1024 * 1024;
/// At most this many bytes of one thing.
const LARGEST: usize = 512 * 1024;

/// The things held. They are lost with the process.
#[derive(Default)]
pub struct Kept(Mutex<Vec<Held>>);

struct Held {
    company: String,
    name: [u8; 32],
    sealed: Vec<u8>,
    until: Instant,
}

/// Under which name and with which key something is held.
fn name_and_key(mark: &str, whose: &str) -> ([u8; 32], [u8; 32]) {
    let of = |use_: &str| secret::hmac(mark.as_bytes(), [use_, "\0", whose].concat().as_bytes());
    (of("name"), of("key"))
}

impl Kept {
    fn held(&self) -> MutexGuard<'_, Vec<Held>> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        held.retain(|one| one.until > now);
        held
    }

    /// Holds something of somebody's for a while. The answer is the mark it is found by; `None` for what is too large.
    pub fn put(&self, company: &str, whose: &str, text: &str, life: Duration) -> Option<String> {
        if text.len() > LARGEST {
            return None;
        }
        let mark = secret::token();
        let (name, key) = name_and_key(&mark, whose);
        // A mark seals one thing only, so its nonce needs no chance.
        let payload = Payload { msg: text.as_bytes(), aad: company.as_bytes() };
        let sealed = XChaCha20Poly1305::new(&key.into()).encrypt(&XNonce::default(), payload).ok()?;
        let mut held = self.held();
        held.push(Held { company: company.to_owned(), name, sealed, until: Instant::now() + life });
        let (mut number, mut bytes) = (0, 0);
        for one in held.iter().rev().filter(|one| one.company == company) {
            bytes += one.sealed.len();
            if bytes > MOST_BYTES {
                break;
            }
            number += 1;
        }
        let mut over = held.iter().filter(|one| one.company == company).count() - number.min(MOST);
        held.retain(|one| {
            let goes = over > 0 && one.company == company;
            over -= usize::from(goes);
            !goes
        });
        Some(mark)
    }

    /// Looks at something and leaves it.
    pub fn look(&self, company: &str, whose: &str, mark: &str) -> Option<String> {
        let (name, key) = name_and_key(mark, whose);
        let held = self.held();
        open(held.iter().find(|one| one.company == company && one.name == name)?, key)
    }

    /// Takes something out: it is found once.
    pub fn take(&self, company: &str, whose: &str, mark: &str) -> Option<String> {
        let (name, key) = name_and_key(mark, whose);
        let mut held = self.held();
        let place = held.iter().position(|one| one.company == company && one.name == name)?;
        open(&held.remove(place), key)
    }
}

fn open(held: &Held, key: [u8; 32]) -> Option<String> {
    let payload = Payload { msg: &held.sealed[..], aad: held.company.as_bytes() };
    let text = XChaCha20Poly1305::new(&key.into()).decrypt(&XNonce::default(), payload).ok()?;
    String::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn it_is_found_once_by_its_mark_and_its_owner_alone() {
        let kept = Kept::default();
        let mark = kept.put("harbour", "ada's session", "a key", LONG).expect("room");
        for (company, whose, mark) in [
            ("harbour", "ben's session", &*mark),
            ("meridian", "ada's session", &mark),
            ("harbour", "ada's session", ""),
            ("harbour", "ada's session", "another"),
        ] {
            assert_eq!(kept.take(company, whose, mark), None);
        }
        assert_eq!(kept.look("harbour", "ada's session", &mark).as_deref(), Some("a key"));
        assert_eq!(kept.take("harbour", "ada's session", &mark).as_deref(), Some("a key"));
        assert_eq!(kept.take("harbour", "ada's session", &mark), None);
    }

    #[test]
    fn it_goes_with_its_time_and_nothing_is_held_without_bounds() {
        let kept = Kept::default();
        let mark = kept.put("harbour", "", "short", Duration::ZERO).expect("room");
        assert_eq!(kept.look("harbour", "", &mark), None);
        assert_eq!(kept.put("harbour", "", &"x".repeat(LARGEST + 1), LONG), None);
        let other = kept.put("meridian", "", "of another company", LONG).expect("room");
        let first = kept.put("harbour", "", "first", LONG).expect("room");
        let marks: Vec<String> = (0..MOST).filter_map(|_| kept.put("harbour", "", "later", LONG)).collect();
        assert_eq!(kept.look("harbour", "", &first), None, "the oldest went");
        assert!(marks.iter().all(|mark| kept.look("harbour", "", mark).is_some()));
        let large = "x".repeat(LARGEST);
        let large: Vec<String> = (0..17).filter_map(|_| kept.put("harbour", "", &large, LONG)).collect();
        assert_eq!(large.iter().filter(|mark| kept.look("harbour", "", mark).is_some()).count(), 15);
        assert!(kept.look("meridian", "", &other).is_some(), "each company has room of its own");
    }
}

//! What was said to the log a moment ago is not said again: a fault that stays is one line, not a flood.

use super::clock::{self, MINUTE};
use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, PoisonError},
};

/// The same thing is said again after this long.
const AGAIN: i64 = 10 * MINUTE;
/// At most this many things are remembered.
const MOST: usize = 4096;

/// Whether this was not said within the last ten minutes. `about` and `what` together are the same thing: a company and
/// what failed, without what differs from time to time.
pub fn first(about: &str, what: &str) -> bool {
    static SAID: LazyLock<Mutex<HashMap<String, i64>>> = LazyLock::new(Mutex::default);
    let now = clock::now().0;
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if said.len() >= MOST {
        said.retain(|_, at| now - *at < AGAIN);
        if said.len() >= MOST {
            said.clear();
        }
    }
    let key = format!("{about}\0{what}");
    let new = said.get(&key).is_none_or(|at| now - *at >= AGAIN || *at > now);
    if new {
        said.insert(key, now);
    }
    new
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_same_is_said_once() {
        assert!(super::first("acme", "a checkpoint failed"));
        assert!(!super::first("acme", "a checkpoint failed"));
        assert!(super::first("globex", "a checkpoint failed") && super::first("acme", "another"));
    }
}

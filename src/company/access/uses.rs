//! When each person last used each permission, for the review of access: noted at the door in memory, a bit for each
//! permission, without a lock; written down in a batch now and then, at most once a day for each, and when the file
//! closes. What is lost with a crash is a day's note, never a right.

use super::permissions::{CATALOGUE, COUNT};
use crate::base::clock::{DAY, HOUR, Moment};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

const WORDS: usize = COUNT.div_ceil(64);
/// Between two batches.
const PAUSE: i64 = HOUR / 6;

/// What one person has used since the last batch.
#[derive(Debug, Default)]
pub struct Used {
    words: [AtomicU64; WORDS],
}

impl Used {
    /// Notes a permission, by its number in the catalogue. What is not in it is not noted.
    #[inline]
    pub(super) fn note(&self, key: usize) {
        let Some(word) = self.words.get(key / 64) else { return };
        let bit = 1 << (key % 64);
        if word.load(Ordering::Relaxed) & bit == 0 {
            word.fetch_or(bit, Ordering::Relaxed);
        }
    }
}

#[derive(Default)]
struct Book {
    used: Arc<Used>,
    /// The day of what is written down already.
    day: i64,
    written: [u64; WORDS],
}

/// What everybody of one company uses.
#[derive(Default)]
pub(super) struct Uses {
    books: Mutex<HashMap<i64, Book>>,
    last: AtomicI64,
}

/// The whole day a moment lies in, counted from 1970, UTC.
pub(in crate::company) fn day(moment: Moment) -> i64 {
    moment.0.div_euclid(DAY)
}

impl Uses {
    /// Where one person's uses are noted.
    pub(super) fn of(&self, user: i64) -> Arc<Used> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner).entry(user).or_default().used.clone()
    }

    /// What was used and is not written down for this day: user and permission. It counts as written from now on.
    pub(super) fn take(&self, now: Moment) -> Vec<(i64, &'static str)> {
        let today = day(now);
        let mut taken = Vec::new();
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        for (user, book) in books.iter_mut() {
            if book.day != today {
                (book.day, book.written) = (today, [0; WORDS]);
            }
            for (at, written) in book.written.iter_mut().enumerate() {
                let new = book.used.words[at].swap(0, Ordering::Relaxed) & !*written;
                *written |= new;
                let keys = (0..64).filter(|bit| new >> bit & 1 == 1).map(|bit| at * 64 + bit);
                taken.extend(keys.filter_map(|key| CATALOGUE.get(key)).map(|info| (*user, info.name)));
            }
        }
        taken
    }

    /// Whether a batch is due; the next one then is so much later.
    pub(super) fn due(&self, now: Moment) -> bool {
        let last = self.last.load(Ordering::Relaxed);
        let due = now.0 - last >= PAUSE || now.0 < last;
        if due {
            self.last.store(now.0, Ordering::Relaxed);
        }
        // The first look only begins the count.
        due && last > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::company::access::permissions::{EnvironmentView, Permission, TeamView};

    #[test]
    fn each_is_taken_once_a_day() {
        let uses = Uses::default();
        let (ada, now) = (uses.of(1), Moment(100 * DAY));
        ada.note(EnvironmentView::INFO.key);
        ada.note(EnvironmentView::INFO.key);
        ada.note(usize::MAX);
        assert_eq!(uses.take(now), [(1, "EnvironmentView")]);
        ada.note(EnvironmentView::INFO.key);
        uses.of(1).note(TeamView::INFO.key);
        assert_eq!(uses.take(now.plus(HOUR)), [(1, "TeamView")]);
        ada.note(EnvironmentView::INFO.key);
        assert_eq!(uses.take(now.plus(DAY)), [(1, "EnvironmentView")]);
        assert_eq!(uses.take(now.plus(DAY)), []);
    }
}

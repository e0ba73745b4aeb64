//! How much of the appliance one company may use: requests in a minute, room on the disk; and that reaching a limit is
//! told in its trail, counted and never so often that it fills the file.

use super::Company;
use crate::{
    base::{
        clock::{self, MINUTE, Moment},
        error::{Bound, Error, Limit, Result},
        names,
    },
    company::access::trail::{Event, Stamp},
};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter, clock::Clock as _};
use std::{
    collections::HashMap,
    num::NonZeroU32,
    path::Path,
    sync::{Mutex, PoisonError},
};

/// A limit that stays reached is told again after so long.
const TOLD_AGAIN: i64 = 10 * MINUTE;
/// How old a measurement of the folder may be.
const MEASURED: i64 = MINUTE;

/// What is remembered of an open company's use.
#[derive(Default)]
pub(super) struct Bounds {
    requests: Option<DefaultDirectRateLimiter>,
    reached: Mutex<HashMap<Bound, Reached>>,
    disk: Mutex<Option<(Moment, u64)>>,
}

struct Reached {
    told: Moment,
    since: u64,
}

impl Bounds {
    pub(super) fn new(requests_per_minute: Option<i64>) -> Bounds {
        let quota = requests_per_minute.and_then(|n| NonZeroU32::new(u32::try_from(n).unwrap_or(u32::MAX)));
        Bounds { requests: quota.map(|quota| RateLimiter::direct(Quota::per_minute(quota))), ..Bounds::default() }
    }
}

/// The size of all files in a folder, in bytes. What vanishes meanwhile does not count.
pub fn size(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let of = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(about) if about.is_dir() => size(&entry.path()),
        Ok(about) => about.len(),
        Err(_) => 0,
    };
    entries.flatten().map(of).sum()
}

impl Company {
    /// Counts one request. Whoever serves a request of this company calls it once.
    ///
    /// # Errors
    /// `Limit` when the minute's requests are used up, with the seconds to wait.
    pub fn count_request(&self) -> Result<()> {
        let Some(limiter) = &self.vault().bounds.requests else { return Ok(()) };
        let Err(wait) = limiter.check() else { return Ok(()) };
        let seconds = wait.wait_time_from(limiter.clock().now()).as_secs().cast_signed() + 1;
        let most = self.rules().limits.requests_per_minute.unwrap_or_default();
        let limit = Limit {
            bound: Bound::Requests,
            sentence: format!("This company has used up its {most} requests a minute. Try again in {seconds} s."),
            retry_after: Some(seconds),
        };
        self.note_limit(&limit);
        Err(Error::Limit(limit))
    }

    /// The size of its folder, measured at most once a minute.
    pub fn disk_used(&self) -> u64 {
        let mut measured = self.vault().bounds.disk.lock().unwrap_or_else(PoisonError::into_inner);
        let now = clock::now();
        match *measured {
            // Measured in the time to come: the clock was put back.
            Some((at, bytes)) if (0..MEASURED).contains(&(now.0 - at.0)) => bytes,
            _ => {
                let bytes = size(self.folder());
                *measured = Some((now, bytes));
                bytes
            }
        }
    }

    /// Whether something may still be added.
    ///
    /// # Errors
    /// `Limit` when the folder is as large as it may be.
    pub(in crate::company::access) fn has_room(&self) -> Result<()> {
        let Some(most) = self.rules().limits.disk_bytes else { return Ok(()) };
        let used = self.disk_used();
        if used < most.unsigned_abs() {
            return Ok(());
        }
        Err(Error::Limit(Limit {
            bound: Bound::Disk,
            sentence: format!(
                "This company uses {} of the {} it may have on the disk, so nothing can be added. Remove what is no longer needed, or ask the operator for more.",
                names::bytes(used),
                names::bytes(most.unsigned_abs())
            ),
            retry_after: None,
        }))
    }

    /// Tells in the trail that a limit was reached: the first time at once, then at most every ten minutes with how
    /// often it was since.
    pub(in crate::company) fn note_limit(&self, limit: &Limit) {
        let now = clock::now();
        let times = {
            let mut reached = self.vault().bounds.reached.lock().unwrap_or_else(PoisonError::into_inner);
            match reached.get_mut(&limit.bound) {
                Some(before) if (0..TOLD_AGAIN).contains(&(now.0 - before.told.0)) => {
                    before.since += 1;
                    return;
                }
                Some(before) => {
                    let since = before.since + 1;
                    *before = Reached { told: now, since: 0 };
                    since
                }
                None => {
                    reached.insert(limit.bound, Reached { told: now, since: 0 });
                    1
                }
            }
        };
        let event = Event::new("LimitReached")
            .say("A limit of the company was reached: ")
            .say(limit.bound.words())
            .detail("Limit", limit.bound.word())
            .detail("Times", times);
        let stamp = Stamp::server("engine", "Bulkhead");
        if let Err(error) = self.write(stamp, |tx| tx.record(event, ())) {
            super::failed(self.slug(), &error, "a reached limit could not be written to the trail");
        }
    }
}

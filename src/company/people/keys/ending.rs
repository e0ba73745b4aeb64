//! That a key ends is told in the trail twenty and ten days before, and when it has ended (`access-rules §9`): by a round
//! of the engine through the companies every hour, so that it is told of keys too that nobody uses.

use super::sql;
use crate::{
    base::{
        clock::{self, DAY, Moment},
        error::Result,
    },
    company::access::{Event, Granted, permissions::KeysKeep},
};

/// So many are told in one change; the rest waits for the next round.
const AT_ONCE: i64 = 500;

/// The warnings: how long before the end, and the category that tells it.
const WARNINGS: [(i64, &str, &str); 3] = [
    (20 * DAY, "ApiKeyExpiry20Days", " ends within 20 days"),
    (10 * DAY, "ApiKeyExpiry10Days", " ends within 10 days"),
    (0, "ApiKeyExpired", " has ended"),
];

/// Of a key whose life is so short that a warning would come with it, that warning is not told.
pub(super) fn told_at_birth(now: Moment, until: Moment) -> i64 {
    WARNINGS.iter().filter(|(before, _, _)| *before > 0 && until.0 - now.0 <= *before).count() as i64
}

/// Tells what has not been told yet of keys that end. How many warnings that were.
pub fn tell(granted: &Granted<'_, KeysKeep>) -> Result<usize> {
    let now = clock::now();
    let soon = now.plus(WARNINGS[0].0);
    if granted.read(|rows| sql::due(rows, soon, 1))?.is_empty() {
        return Ok(0);
    }
    granted.write(|tx| {
        let began = tx.changes();
        let mut last = None;
        let mut told = 0;
        for key in sql::due(tx, soon, AT_ONCE)? {
            // Of several that are due at once, only the last is told: the server may have stood still.
            let reached = WARNINGS.iter().rposition(|(before, _, _)| key.expires_at.0 - before <= now.0);
            let Some(stage) = reached.filter(|stage| *stage as i64 >= key.warned) else { continue };
            sql::set_warned(tx, key.id, stage as i64 + 1)?;
            let (_, category, words) = WARNINGS[stage];
            let event = Event::new(category)
                .say("The API key ")
                .name(key.id, &key.purpose)
                .say(" of ")
                .name(key.owner, &key.owner_name)
                .say(words)
                .detail("Expires", key.expires_at.wire());
            if let Some(before) = last.replace(event) {
                tx.also(before)?;
            }
            told += 1;
        }
        match last {
            Some(event) => tx.record(event, told),
            None => tx.unchanged(began, 0),
        }
    })
}

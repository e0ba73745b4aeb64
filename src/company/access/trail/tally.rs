//! What is told once and then counted: a refusal that is repeated becomes one event that says how often, so that nobody
//! can fill the trail, and nobody can use up what is noted of others.

use super::{Event, Stamp};
use crate::base::clock::{MINUTE, Moment};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// What is repeated within this time is counted and not told again.
pub const WINDOW: i64 = 10 * MINUTE;
/// So many different things of one actor are told in that time; the rest is counted together.
const DIFFERENT: usize = 100;

/// What was told lately, in memory.
#[derive(Default)]
pub struct Tally(Mutex<HashMap<Key, Counted>>);

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    actor: (&'static str, Option<i64>),
    /// `None`: all that is beyond the number of different ones.
    what: Option<String>,
}

struct Counted {
    since: Moment,
    more: u64,
    stamp: Stamp,
    event: Event,
}

impl Tally {
    /// Whether this is to be told now; else it is counted.
    pub fn is_new(&self, now: Moment, stamp: &Stamp, what: &str, event: &Event) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let actor = (stamp.actor_kind, stamp.actor_id);
        let mut key = Key { actor, what: Some(what.to_owned()) };
        if !all.contains_key(&key) && all.keys().filter(|key| key.actor == actor).count() >= DIFFERENT {
            key.what = None;
        }
        match all.get_mut(&key) {
            Some(counted) => {
                counted.more += 1;
                counted.stamp = stamp.clone();
                false
            }
            None => {
                let told = key.what.is_some();
                let event = if told { event.clone() } else { event.of_many(&stamp.actor_name) };
                all.insert(key, Counted { since: now, more: u64::from(!told), stamp: stamp.clone(), event });
                told
            }
        }
    }

    /// Whether anything is remembered at all.
    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// The events for what was repeated and whose time is over; all of it when `now` is `None`.
    pub fn due(&self, now: Option<Moment>) -> Vec<(Stamp, Event)> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over = |counted: &Counted| now.is_none_or(|now| now.0 - counted.since.0 >= WINDOW || now < counted.since);
        let mut told = Vec::new();
        all.retain(|_, counted| {
            if over(counted) && counted.more > 0 {
                told.push((counted.stamp.clone(), counted.event.clone().times(counted.more, counted.since)));
            }
            !over(counted)
        });
        told
    }
}

impl Event {
    /// The same for everything that one actor did beyond what is told singly.
    fn of_many(&self, actor: &str) -> Event {
        Event::new(self.category).say(actor).say(" was refused many other things")
    }
    /// The same, told as having happened so many times more.
    fn times(mut self, more: u64, since: Moment) -> Event {
        let times = if more == 1 { "once more".to_owned() } else { format!("{more} times more") };
        self.message.push_str(&format!(", {times} since {}", since.exact()));
        self.detail("Times", more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(id: i64) -> Stamp {
        Stamp { actor_id: Some(id), ..Stamp::server("user", "Ben") }
    }
    fn refusal() -> Event {
        Event::new("AccessDenied").say("Ben was refused TaskView")
    }
    fn messages(told: Vec<(Stamp, Event)>) -> Vec<String> {
        let mut all: Vec<String> = told.into_iter().map(|(_, event)| event.message).collect();
        all.sort();
        all
    }

    #[test]
    fn what_is_repeated_becomes_one_event_with_a_count() {
        let (tally, start) = (Tally::default(), Moment(0));
        assert!(tally.is_new(start, &stamp(1), "a", &refusal()));
        assert!(tally.is_new(start, &stamp(2), "a", &refusal()), "somebody else's is not counted with it");
        for second in 1..=37 {
            assert!(!tally.is_new(Moment(second * 1000), &stamp(1), "a", &refusal()));
        }
        assert!(tally.due(Some(Moment(WINDOW - 1))).is_empty());
        let told = messages(tally.due(Some(Moment(WINDOW))));
        assert_eq!(told, ["Ben was refused TaskView, 37 times more since 1970-01-01 00:00:00 UTC"]);
        assert!(tally.is_empty());
        assert!(tally.is_new(Moment(WINDOW), &stamp(1), "a", &refusal()), "a new window tells it again at once");
    }

    #[test]
    fn nobody_floods_the_trail_and_nobody_uses_up_what_is_noted_of_others() {
        let (tally, start) = (Tally::default(), Moment(0));
        let told = (0..5000).filter(|n| tally.is_new(start, &stamp(1), &n.to_string(), &refusal())).count();
        assert_eq!(told, DIFFERENT);
        assert!(tally.is_new(start, &stamp(2), "a", &refusal()));
        let told = messages(tally.due(None));
        assert_eq!(told, ["Ben was refused many other things, 4900 times more since 1970-01-01 00:00:00 UTC"]);
    }
}

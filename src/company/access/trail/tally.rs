//! What is told once and then counted: a refusal that is repeated becomes one event that says how often, so that nobody
//! can fill the trail, and nobody can use up what is noted of others.
//!
//! The counts are kept in memory and put down in the company's file every half minute (`execution/keeper`). After a crash
//! they are told from there: at most what was counted in its last half minute is lost, never that it was refused at all.

use super::{Event, Stamp};
use crate::{
    base::{
        clock::{MINUTE, Moment},
        error::Result,
        secret,
    },
    store::Store,
};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, PoisonError},
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
    /// Of these so many are in the company's file.
    put_down: u64,
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
                all.insert(
                    key,
                    Counted { since: now, more: u64::from(!told), put_down: 0, stamp: stamp.clone(), event },
                );
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
    pub fn due(&self, now: Option<Moment>) -> Vec<Told> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over = |counted: &Counted| now.is_none_or(|now| now.0 - counted.since.0 >= WINDOW || now < counted.since);
        let mut told = Vec::new();
        all.retain(|key, counted| {
            if over(counted) && counted.more > 0 {
                told.push(Told {
                    stamp: counted.stamp.clone(),
                    event: counted.event.clone().times(counted.more, counted.since),
                    row: (counted.put_down > 0).then(|| (*RUN, key.row())),
                });
            }
            !over(counted)
        });
        told
    }

    /// Puts down what was counted since that was done last.
    pub fn put_down(&self, store: &Store) -> Result<()> {
        // Nothing is locked while it is written: whoever writes may be counting.
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut fresh = Vec::new();
        for (key, counted) in lock().iter().filter(|(_, counted)| counted.more > counted.put_down) {
            let told = serde_json::to_string(&Kept::of(counted))?;
            fresh.push((key.clone(), counted.since, counted.more, told));
        }
        if fresh.is_empty() {
            return Ok(());
        }
        store.write(|connection| {
            let sql = "INSERT INTO counted (run, what, since, more, told) VALUES (?1, ?2, ?3, ?4, ?5)
                       ON CONFLICT (run, what) DO UPDATE SET since = ?3, more = ?4, told = ?5";
            let mut statement = connection.prepare_cached(sql)?;
            for (key, since, more, told) in &fresh {
                statement.execute((*RUN, key.row(), since, more.cast_signed(), told))?;
            }
            Ok(())
        })?;
        // What was told meanwhile had no row yet that would have gone with it.
        let mut all = lock();
        fresh.retain(|(key, since, more, _)| match all.get_mut(key).filter(|counted| counted.since == *since) {
            Some(counted) => {
                counted.put_down = *more;
                false
            }
            None => true,
        });
        drop(all);
        let gone = |row: &(Key, Moment, u64, String)| forget(store, &(*RUN, row.0.row()));
        fresh.iter().try_for_each(gone)
    }
}

fn forget(store: &Store, row: &(i64, String)) -> Result<()> {
    store.write(|connection| clear(connection, row))
}

fn clear(connection: &Connection, row: &(i64, String)) -> Result<()> {
    connection.prepare_cached("DELETE FROM counted WHERE run = ?1 AND what = ?2")?.execute((row.0, &row.1))?;
    Ok(())
}

/// One for this run of the program: what another run put down and did not tell was cut short.
static RUN: LazyLock<i64> = LazyLock::new(|| i64::from_be_bytes(secret::random::<8>()));

/// What is told of something that was repeated.
pub struct Told {
    /// By whom it was.
    pub stamp: Stamp,
    /// The event.
    pub event: Event,
    /// The row where it was put down: it goes with the event.
    row: Option<(i64, String)>,
}

impl Told {
    /// Takes the row away, in the transaction of the event.
    pub fn clear(&self, connection: &Connection) -> Result<()> {
        self.row.as_ref().map_or(Ok(()), |row| clear(connection, row))
    }
}

/// What a run that was cut short had put down.
pub fn left_behind(connection: &Connection) -> Result<Vec<Told>> {
    let mut statement =
        connection.prepare_cached("SELECT run, what, since, more, told FROM counted WHERE run <> ?1")?;
    let rows = statement.query_map([*RUN], |row| {
        let told: String = row.get(4)?;
        Ok(((row.get(0)?, row.get(1)?), row.get::<_, Moment>(2)?, row.get::<_, i64>(3)?, told))
    })?;
    let mut all = Vec::new();
    for row in rows {
        let (row, since, more, told) = row?;
        let kept: Kept = serde_json::from_str(&told)?;
        let (stamp, event) = kept.back();
        all.push(Told { stamp, event: event.times(more.unsigned_abs(), since), row: Some(row) });
    }
    Ok(all)
}

impl Key {
    fn row(&self) -> String {
        let (kind, id) = self.actor;
        format!("{kind} {} {}", id.unwrap_or_default(), self.what.as_deref().unwrap_or_default())
    }
}

/// What is put down of a count.
#[derive(Serialize, Deserialize)]
struct Kept {
    kind: String,
    actor: Option<i64>,
    name: String,
    means: String,
    address: String,
    agent: String,
    event: Event,
}

impl Kept {
    fn of(counted: &Counted) -> Kept {
        let Stamp { actor_kind, actor_id, actor_name, means, address, agent } = counted.stamp.clone();
        let event = counted.event.clone();
        Kept { kind: actor_kind.to_owned(), actor: actor_id, name: actor_name, means, address, agent, event }
    }
    fn back(self) -> (Stamp, Event) {
        let kinds = ["user", "service", "engine", "operator"];
        let actor_kind = kinds.into_iter().find(|kind| *kind == self.kind).unwrap_or("nobody");
        let Kept { actor, name, means, address, agent, event, .. } = self;
        (Stamp { actor_kind, actor_id: actor, actor_name: name, means, address, agent }, event)
    }
}

impl Event {
    /// The same for everything that one actor did beyond what is told singly.
    fn of_many(&self, actor: &str) -> Event {
        let (category, about, message) = (self.category.clone(), super::About::default(), String::new());
        let event = Event { category, about, message, related: Vec::new(), details: serde_json::Map::new() };
        event.say(actor).say(" was refused many other things")
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
    fn messages(told: Vec<Told>) -> Vec<String> {
        let mut all: Vec<String> = told.into_iter().map(|told| told.event.message).collect();
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

    #[test]
    fn what_a_run_that_was_cut_short_had_put_down_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::create(&folder.path().join("a.db"), 1).unwrap();
        let sql = "CREATE TABLE counted (run INTEGER, what TEXT, since INTEGER, more INTEGER, told TEXT, PRIMARY KEY (run, what)) STRICT";
        store.write(|c| Ok(c.execute_batch(sql)?)).unwrap();
        let rows =
            || -> i64 { store.reader().unwrap().query_row("SELECT count(*) FROM counted", [], |r| r.get(0)).unwrap() };
        let left = || messages(store.write(left_behind).unwrap());
        let tally = Tally::default();
        let count = |what: &str| tally.is_new(Moment(0), &stamp(1), what, &refusal());
        count("a");
        tally.put_down(&store).unwrap();
        assert_eq!(rows(), 0, "it was told once and not repeated");
        (0..7).for_each(|_| assert!(!count("a")));
        tally.put_down(&store).unwrap();
        (0..2).for_each(|_| assert!(!count("a")));
        tally.put_down(&store).unwrap();
        assert_eq!((rows(), left().len()), (1, 0), "it is this run's own");
        // Told in its time, the row goes.
        let told = tally.due(None).pop().unwrap();
        store.write(|c| told.clear(c)).unwrap();
        assert_eq!(rows(), 0);

        count("b");
        (0..5).for_each(|_| assert!(!count("b")));
        tally.put_down(&store).unwrap();
        (0..3).for_each(|_| assert!(!count("b")));
        store.write(|c| Ok(c.execute("UPDATE counted SET run = run + 1", []).map(drop)?)).unwrap();
        assert_eq!(left(), ["Ben was refused TaskView, 5 times more since 1970-01-01 00:00:00 UTC"]);
        let told = store.write(left_behind).unwrap().pop().unwrap();
        assert_eq!(
            (told.stamp.actor_kind, told.stamp.actor_id, told.event.category.as_ref()),
            ("user", Some(1), "AccessDenied")
        );
        store.write(|c| told.clear(c)).unwrap();
        assert_eq!(rows(), 0);
    }
}

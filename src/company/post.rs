//! Letters by mail: what waits, what went, what failed. They are written by the changes they tell of ([`send`],
//! [`notice`]); the engine takes them from here and hands them to the mail server, with growing pauses when it fails.
//!
//! Promises: a letter is sent at least once while its server can be reached, and hardly ever twice; the text is removed
//! once it was sent or given up; nothing is sent after its link has died.

pub use super::access::outbox::{Letter, LetterKind, Notice, OUTBOX, bell, is_set, mail_is};
#[allow(unused_imports, reason = "for features that come")]
pub(in crate::company) use super::access::outbox::{notice, send};

use super::access::{
    Event, Granted, Proof,
    outbox::SERVER,
    permissions::{ConfigureServer, LetterSend},
};
use crate::base::{
    clock::{self, DAY, HOUR, MINUTE, Moment},
    error::{Error, Result},
    ids::{Id, User},
    paging::{Listed, Page},
    secret::Secret,
};

/// Pauses after the first, second, … failure; after the last one a letter is given up.
const PAUSES: [i64; 9] = [5_000, 30_000, 2 * MINUTE, 10 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY];
/// How long it is told what became of a letter.
const KEPT: i64 = 30 * DAY;

/// How a letter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not sent yet, or to be tried again.
    Waiting,
    /// The mail server took it.
    Sent,
    /// It was given up.
    Failed,
}

impl State {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            State::Waiting => "waiting",
            State::Sent => "sent",
            State::Failed => "failed",
        }
    }
}

/// A letter as it is told to those who configure the company. Never its text: it may hold a way in.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its number.
    pub id: i64,
    /// `invitation`, `reset`, `notice`, `test`.
    pub kind: String,
    /// To whom.
    pub receiver: String,
    /// The user it goes to, if that is one.
    pub user: Option<Id<User>>,
    /// What it is about.
    pub subject: String,
    /// How it stands.
    pub state: State,
    /// How often it was tried.
    pub attempts: i64,
    /// When it was written.
    pub created_at: Moment,
    /// When it is tried next.
    pub next_at: Moment,
    /// When it was sent.
    pub sent_at: Option<Moment>,
    /// Why it was not sent the last time; empty if nothing is known.
    pub problem: String,
}

/// A letter to hand to the mail server.
#[derive(Debug)]
pub struct Outgoing {
    /// Its number.
    pub id: i64,
    /// A name for it that stays the same when it is sent again.
    pub message_id: String,
    /// Whose it is: the name that receivers see.
    pub company: String,
    /// The address the company's letters come from, where it settled one.
    pub from: Option<String>,
    /// To whom.
    pub receiver: String,
    /// What it is about.
    pub subject: String,
    /// The whole text.
    pub text: Secret,
    attempts: i64,
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The mail server took it.
    Sent,
    /// It may work later: why not now.
    Later(String),
    /// It will never work: why.
    Never(String),
}

/// The letters of the last 30 days, the newest first.
pub fn list(granted: &Granted<'_, ConfigureServer>, page: Page) -> Result<Listed<Row>> {
    granted.read(|rows| sql::list(rows, page))
}

/// Sends a letter to whoever asks, to see whether mail works.
///
/// # Errors
/// `NotFound` for the server's own actors, who have no address.
pub fn send_test(granted: &Granted<'_, ConfigureServer>) -> Result<()> {
    let user = granted.visitor().user().ok_or_else(|| Error::NotFound("me".into()))?;
    if !is_set() {
        return Err(Error::Conflict(
            "No mail server is set up on this appliance. The operator sets it in the section [mail] of the configuration.".into(),
        ));
    }
    granted.write_asking(Proof::Nothing, |tx| {
        let (email, company) = sql::address(tx, user)?;
        let letter = Letter::new(LetterKind::Test, format!("A letter from {company}"))
            .to_user(user.0)
            .say("This letter was asked for in the company's settings. Mail works.");
        send(tx, &email, &letter)?;
        tx.record(Event::new("LetterRequested").say(tx.actor_name()).say(" asked for a trial letter"), ())
    })
}

/// Takes the next letter that is due, and puts off its next attempt, so that a crash while sending does not repeat it at
/// once. `base` is the address of this server, `own` that of the company, when it has a host name of its own.
pub fn next(granted: &Granted<'_, LetterSend>, base: &str, own: Option<&str>) -> Result<Option<Outgoing>> {
    let company = granted.visitor().company();
    granted.note(|tx| {
        let Some((letter, sealed)) = sql::due(tx, clock::now())? else { return Ok(None) };
        let pause = pause_after(letter.attempts).unwrap_or(DAY);
        sql::put_off(tx, letter.id, clock::now().plus(pause))?;
        let text = granted.seal().open("letters", "body", letter.id, &sealed)?;
        let below_own = |own: &str| text.expose().replace(&format!("{SERVER}/{}/", company.slug()), &format!("{own}/"));
        let text = Secret::new(own.map_or_else(|| text.expose().to_owned(), below_own).replace(SERVER, base));
        Ok(Some(Outgoing { text, message_id: format!("{}.{}", letter.id, company.id().simple()), ..letter }))
    })
}

/// Whether a letter that failed so often before has another attempt, and after what pause.
fn pause_after(attempts: i64) -> Option<i64> {
    usize::try_from(attempts).ok().and_then(|attempts| PAUSES.get(attempts)).copied()
}

/// Writes down what became of an attempt.
pub fn settle(granted: &Granted<'_, LetterSend>, letter: &Outgoing, outcome: &Outcome) -> Result<()> {
    let (problem, last) = match outcome {
        Outcome::Sent => return granted.note(|tx| sql::sent(tx, letter.id)),
        Outcome::Later(problem) => (problem, pause_after(letter.attempts + 1).is_none()),
        Outcome::Never(problem) => (problem, true),
    };
    let problem: String = problem.chars().filter(|c| !c.is_control()).take(300).collect();
    if !last {
        return granted.note(|tx| sql::problem(tx, letter.id, &problem));
    }
    granted.write(|tx| {
        sql::give_up(tx, letter.id, &problem)?;
        tx.record(given_up(&letter.receiver, &letter.subject, &problem), ())
    })
}

fn given_up(receiver: &str, subject: &str, problem: &str) -> Event {
    Event::new("LetterFailed")
        .say("The letter “")
        .say(subject)
        .say("” to ")
        .say(receiver)
        .say(" could not be sent")
        .detail("Reason", problem)
}

/// Tidies the outbox: gives up what came too late, or everything when there is no mail server (`unset` says so),
/// forgets what is long past, and takes away the marker when nothing waits. When the next letter is due.
pub fn tidy(granted: &Granted<'_, LetterSend>, unset: Option<&str>) -> Result<Option<Moment>> {
    let late = granted.read(|rows| sql::late(rows, clock::now(), unset.is_some()))?;
    for (id, receiver, subject) in late {
        let problem = unset.unwrap_or("it could not be sent in time");
        granted.write(|tx| {
            sql::give_up(tx, id, problem)?;
            tx.record(given_up(&receiver, &subject, problem), ())
        })?;
    }
    granted.note(|tx| {
        sql::forget(tx, clock::now().plus(-KEPT))?;
        let next = sql::next_due(tx)?;
        if next.is_none() {
            match std::fs::remove_file(granted.visitor().company().folder().join(OUTBOX)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        Ok(next)
    })
}

mod sql {
    use super::*;
    use crate::company::access::{Rows, Writing};

    fn state(word: &str) -> State {
        [State::Waiting, State::Sent].into_iter().find(|state| state.word() == word).unwrap_or(State::Failed)
    }

    pub fn list(rows: &Rows<'_>, page: Page) -> Result<Listed<Row>> {
        let total = rows.number("SELECT count(*) FROM letters", [])?;
        let items = rows.all(
            "SELECT id, kind, receiver, user_id, subject, state, attempts, created_at, next_at, sent_at, problem
             FROM letters ORDER BY id DESC LIMIT ?1 OFFSET ?2",
            (page.take, page.skip),
            |row| {
                Ok(Row {
                    id: row.get(0)?,
                    kind: row.get(1)?,
                    receiver: row.get(2)?,
                    user: row.get(3)?,
                    subject: row.get(4)?,
                    state: state(row.get_ref(5)?.as_str()?),
                    attempts: row.get(6)?,
                    created_at: row.get(7)?,
                    next_at: row.get(8)?,
                    sent_at: row.get(9)?,
                    problem: row.get(10)?,
                })
            },
        )?;
        Ok(Listed { items, total })
    }

    pub fn address(rows: &Rows<'_>, user: Id<User>) -> Result<(String, String)> {
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let found = rows.one("SELECT u.email, c.name FROM users u, company c WHERE u.id = ?1", [user], read)?;
        found.ok_or_else(|| Error::NotFound(user.to_string()))
    }

    pub fn due(rows: &Rows<'_>, now: Moment) -> Result<Option<(Outgoing, Vec<u8>)>> {
        rows.one(
            "SELECT l.id, l.receiver, l.subject, l.attempts, l.body, c.name, s.from_address
             FROM letters l, company c, settings s
             WHERE l.state = 'waiting' AND (l.next_at <= ?1 OR l.next_at - ?1 > (CASE l.attempts WHEN 0 THEN 0 ELSE json_extract(?3, '$[' || (l.attempts - 1) || ']') END) + ?4) AND l.until > ?1 AND l.attempts < ?2 ORDER BY l.next_at, l.id LIMIT 1",
            (now, PAUSES.len() as i64, serde_json::to_string(&PAUSES)?, MINUTE),
            |row| {
                let letter = Outgoing {
                    id: row.get(0)?,
                    message_id: String::new(),
                    company: row.get(5)?,
                    from: row.get(6)?,
                    receiver: row.get(1)?,
                    subject: row.get(2)?,
                    text: Secret::new(""),
                    attempts: row.get(3)?,
                };
                Ok((letter, row.get(4)?))
            },
        )
    }

    pub fn put_off(tx: &Writing<'_>, id: i64, until: Moment) -> Result<()> {
        tx.run("UPDATE letters SET attempts = attempts + 1, next_at = ?2 WHERE id = ?1", (id, until)).map(drop)
    }

    pub fn sent(tx: &Writing<'_>, id: i64) -> Result<()> {
        let sql = "UPDATE letters SET state = 'sent', sent_at = ?2, body = NULL, problem = '' WHERE id = ?1";
        tx.run(sql, (id, clock::now())).map(drop)
    }

    pub fn problem(tx: &Writing<'_>, id: i64, problem: &str) -> Result<()> {
        tx.run("UPDATE letters SET problem = ?2 WHERE id = ?1", (id, problem)).map(drop)
    }

    pub fn give_up(tx: &Writing<'_>, id: i64, problem: &str) -> Result<()> {
        tx.run("UPDATE letters SET state = 'failed', body = NULL, problem = ?2 WHERE id = ?1", (id, problem)).map(drop)
    }

    pub fn late(rows: &Rows<'_>, now: Moment, all: bool) -> Result<Vec<(i64, String, String)>> {
        rows.all(
            "SELECT id, receiver, subject FROM letters WHERE state = 'waiting' AND (?2 OR until <= ?1 OR (attempts >= ?3 AND next_at <= ?1)) ORDER BY id",
            (now, all, PAUSES.len() as i64),
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
    }

    pub fn forget(tx: &Writing<'_>, before: Moment) -> Result<()> {
        tx.run("DELETE FROM letters WHERE state <> 'waiting' AND created_at < ?1", [before]).map(drop)
    }

    pub fn next_due(rows: &Rows<'_>) -> Result<Option<Moment>> {
        let sql = "SELECT min(next_at, until) FROM letters WHERE state = 'waiting' ORDER BY next_at LIMIT 1";
        rows.one(sql, [], |row| row.get(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::company::testing::{Harbour, harbour};

    const BASE: &str = "https://deploy.example";

    /// A change that sends a letter to Ada.
    fn write(harbour: &Harbour, letter: &Letter) {
        let ada = harbour.ada();
        let granted = ada.ask(ConfigureServer {}).unwrap();
        granted
            .write_asking(Proof::Nothing, |tx| {
                send(tx, "ada@harbour.example", letter)?;
                tx.record(Event::new("Modified").say("a change"), ())
            })
            .unwrap();
    }
    fn letter() -> Letter {
        Letter::new(LetterKind::Reset, "A new\r\nBcc: x@y\n password").say("Hello.").link("/harbour/reset?token=geheim")
    }
    fn listed(harbour: &Harbour) -> Row {
        let ada = harbour.ada();
        let mut all = list(&ada.ask(ConfigureServer {}).unwrap(), Page::ALL).unwrap().items;
        assert_eq!(all.len(), 1);
        all.remove(0)
    }
    fn soon(harbour: &Harbour) {
        harbour.sql(|c| c.execute("UPDATE letters SET next_at = 0", []));
    }
    fn body(harbour: &Harbour) -> Option<Vec<u8>> {
        harbour.sql(|c| c.query_row("SELECT body FROM letters", [], |row| row.get(0)))
    }
    fn marked(harbour: &Harbour) -> bool {
        harbour.company.folder().join(OUTBOX).exists()
    }

    #[test]
    fn a_letter_is_sealed_until_it_is_sent_and_then_gone() {
        let harbour = harbour();
        assert!(!marked(&harbour));
        write(&harbour, &letter());
        assert!(marked(&harbour));
        let sealed = body(&harbour).unwrap();
        assert!(!sealed.windows(6).any(|part| part == b"geheim"));
        let engine = harbour.engine();
        let granted = engine.ask(LetterSend {}).unwrap();
        let taken = next(&granted, BASE, None).unwrap().unwrap();
        assert_eq!(taken.text.expose(), "Hello.\n\nhttps://deploy.example/harbour/reset?token=geheim");
        assert_eq!((taken.receiver.as_str(), taken.company.as_str()), ("ada@harbour.example", "Harbour"));
        assert!(!taken.subject.contains(['\r', '\n']), "{}", taken.subject);
        assert!(next(&granted, BASE, None).unwrap().is_none(), "not twice at once");
        settle(&granted, &taken, &Outcome::Sent).unwrap();
        assert_eq!(body(&harbour), None);
        assert_eq!((listed(&harbour).state, listed(&harbour).attempts), (State::Sent, 1));
        assert_eq!(tidy(&granted, None).unwrap(), None);
        assert!(!marked(&harbour));
    }

    #[test]
    fn a_change_that_is_undone_sends_nothing() {
        let harbour = harbour();
        let ada = harbour.ada();
        let undone: Result<()> = ada.ask(ConfigureServer {}).unwrap().write_asking(Proof::Nothing, |tx| {
            send(tx, "ada@harbour.example", &letter())?;
            Err(Error::Conflict("no".into()))
        });
        assert!(undone.is_err());
        assert_eq!(harbour.sql(|c| c.query_row("SELECT count(*) FROM letters", [], |row| row.get::<_, i64>(0))), 0);
    }

    #[test]
    fn failures_are_repeated_with_growing_pauses_and_then_given_up() {
        let harbour = harbour();
        let far = clock::now().plus(100 * DAY);
        write(&harbour, &letter().until(far));
        let engine = harbour.engine();
        let granted = engine.ask(LetterSend {}).unwrap();
        let mut pauses = Vec::new();
        while let Some(taken) = next(&granted, BASE, None).unwrap() {
            let begun = clock::now();
            settle(&granted, &taken, &Outcome::Later("451 busy".into())).unwrap();
            pauses.push(listed(&harbour).next_at.0 - begun.0);
            if listed(&harbour).state == State::Waiting {
                assert_eq!(listed(&harbour).problem, "451 busy");
            }
            soon(&harbour);
        }
        assert_eq!(pauses.len(), PAUSES.len());
        assert!(pauses.windows(2).all(|pair| pair[0] < pair[1]), "{pauses:?}");
        assert_eq!(listed(&harbour).state, State::Failed);
        assert_eq!(body(&harbour), None);
        let told = harbour.trail().into_iter().rfind(|line| line.starts_with("LetterFailed")).unwrap();
        assert!(told.contains("ada@harbour.example could not be sent") && !told.contains("geheim"), "{told}");
    }

    #[test]
    fn what_cannot_work_or_comes_too_late_is_given_up_at_once() {
        let engine_of = |harbour: &Harbour, work: &dyn Fn(&Granted<'_, LetterSend>)| {
            let engine = harbour.engine();
            work(&engine.ask(LetterSend {}).unwrap());
        };
        let one = harbour();
        write(&one, &letter());
        engine_of(&one, &|granted| {
            let taken = next(granted, BASE, None).unwrap().unwrap();
            settle(granted, &taken, &Outcome::Never("550 no such person".into())).unwrap();
        });
        assert_eq!((listed(&one).state, listed(&one).problem.as_str()), (State::Failed, "550 no such person"));
        let two = harbour();
        write(&two, &letter().until(clock::now().plus(-1)));
        engine_of(&two, &|granted| {
            assert!(next(granted, BASE, None).unwrap().is_none(), "its link has died");
            tidy(granted, None).unwrap();
        });
        assert_eq!((listed(&two).state, body(&two)), (State::Failed, None));
        // A crash in the middle of the last attempt.
        let three = harbour();
        write(&three, &letter());
        three.sql(|c| c.execute("UPDATE letters SET attempts = 9, next_at = 0", []));
        engine_of(&three, &|granted| {
            assert!(next(granted, BASE, None).unwrap().is_none());
            tidy(granted, None).unwrap();
        });
        assert_eq!(listed(&three).state, State::Failed);
    }

    #[test]
    fn only_who_configures_sees_letters_and_only_the_engine_sends() {
        let harbour = harbour();
        let ben = harbour.person("Ben", &[("Space Manager", crate::company::testing::Scope::EVERYWHERE)]);
        assert!(ben.ask(ConfigureServer {}).is_err());
        assert!(!harbour.ada().may(LetterSend {}) && !harbour.operator().may(LetterSend {}));
        send_test(&harbour.ada().ask(ConfigureServer {}).unwrap()).unwrap();
        assert_eq!(
            (listed(&harbour).kind.as_str(), listed(&harbour).receiver.as_str()),
            ("test", "ada@harbour.example")
        );
    }
}

//! Puts letters into the company's outbox, inside the transaction of the change that they tell of: a change that is
//! undone sends nothing, and a letter is not lost when the server ends. Sending is `post`'s.
//!
//! The text is sealed until it is sent, then removed.

use super::rows::{Rows, Writing};
use crate::base::{
    clock::{self, DAY, Moment},
    error::Result,
    secret::Secret,
};
use std::sync::{
    LazyLock,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::watch;

/// A file of this name in a company's folder says that letters wait, so that nobody opens every company to find them.
pub const OUTBOX: &str = "outbox";
/// Stands in a text for the address of this server. No name or title can hold it.
pub(in crate::company) const SERVER: char = '\u{1}';
/// What nobody could be told for so long is no longer told, in milliseconds.
const USUAL_LIFE: i64 = 7 * DAY;

/// What a letter is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetterKind {
    /// The way in for somebody new.
    Invitation,
    /// The way to a new password.
    Reset,
    /// Something happened to the receiver's account.
    Notice,
    /// A trial that somebody asked for.
    Test,
}

impl LetterKind {
    /// The word for it in the file.
    pub fn word(self) -> &'static str {
        match self {
            LetterKind::Invitation => "invitation",
            LetterKind::Reset => "reset",
            LetterKind::Notice => "notice",
            LetterKind::Test => "test",
        }
    }
}

/// A letter in plain text.
#[derive(Debug, Clone)]
pub struct Letter {
    kind: LetterKind,
    subject: String,
    text: String,
    until: Option<Moment>,
    user: Option<i64>,
}

impl Letter {
    /// A letter without words yet.
    pub fn new(kind: LetterKind, subject: impl Into<String>) -> Letter {
        let subject: String = subject.into().chars().filter(|c| !c.is_control()).collect();
        Letter { kind, subject, text: String::new(), until: None, user: None }
    }
    /// Adds a paragraph. Its own line breaks are kept, other control characters are not.
    pub fn say(mut self, words: &str) -> Letter {
        self.text.extend(words.chars().filter(|c| *c == '\n' || !c.is_control()));
        self.text.push_str("\n\n");
        self
    }
    /// Adds a line with a link to a path of this server, such as `/harbour/login`. The server's address is put before it
    /// when the letter is sent: from the settings, never from a request.
    pub fn link(mut self, path: &str) -> Letter {
        self.text.push(SERVER);
        self.text.extend(path.chars().filter(|c| !c.is_control()));
        self.text.push_str("\n\n");
        self
    }
    /// After this moment it is not sent any more. Without it: seven days.
    pub fn until(mut self, moment: Moment) -> Letter {
        self.until = Some(moment);
        self
    }
    /// The user it goes to, by number, for lists.
    pub fn to_user(mut self, user: i64) -> Letter {
        self.user = Some(user);
        self
    }
}

/// What somebody is told of when it happens to their account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice<'a> {
    /// They signed in from a browser that was not seen before: `address`, `agent`.
    NewDevice(&'a str, &'a str),
    /// Their password was changed or set anew.
    PasswordChanged,
    /// A second factor was added, removed or replaced: a sentence that says which.
    FactorChanged(&'a str),
    /// A recovery code was used in the place of a second factor: how many are left.
    RecoveryCodeUsed(i64),
    /// Their e-mail address was changed to this one; goes to the address before, which is given first.
    EmailChanged(&'a str, &'a str),
    /// An API key was made for them: what for, and when it ends.
    KeyMade(&'a str, Moment),
    /// Their account was made active again.
    Reactivated,
    /// A second factor is demanded of them, which they have not: from when; a moment of the past means now.
    FactorDemanded(Moment),
    /// The time to set one up ends soon: when.
    FactorDemandedSoon(Moment),
}

/// Whether this process knows of a mail server. Without one no letter is written.
static SET: AtomicBool = AtomicBool::new(cfg!(test));

/// Says whether there is a mail server. Called once, when the program starts.
pub fn mail_is(set: bool) {
    SET.store(set, Ordering::Relaxed);
}

/// Whether letters can be sent. Without, links are shown to hand over.
pub fn is_set() -> bool {
    SET.load(Ordering::Relaxed)
}

/// Puts a letter into the outbox. Nothing happens for a receiver without an address, and where there is no mail server.
pub(in crate::company) fn send(tx: &Writing<'_>, to: &str, letter: &Letter) -> Result<()> {
    let to = to.trim();
    if to.is_empty() || !is_set() {
        return Ok(());
    }
    // INVARIANT: the marker is made and removed only while the one writer is held.
    let marker = tx.folder().join(OUTBOX);
    if !marker.exists() && !tx.is_trial() {
        std::fs::File::create(&marker)?;
        std::fs::File::open(tx.folder())?.sync_all()?;
    }
    let now = clock::now();
    let until = letter.until.unwrap_or(now.plus(USUAL_LIFE));
    let id = tx.insert(
        "INSERT INTO letters (user_id, kind, receiver, subject, state, next_at, until, created_at)
         VALUES (?1, ?2, ?3, ?4, 'waiting', ?5, ?6, ?5)",
        (letter.user, letter.kind.word(), to, &letter.subject, now, until),
    )?;
    let sealed = tx.seal().seal("letters", "body", id, &Secret::new(letter.text.trim_end()))?;
    tx.run("UPDATE letters SET body = ?2 WHERE id = ?1", (id, sealed))?;
    tx.ring_after();
    Ok(())
}

/// Tells a person that something happened to their account.
pub(in crate::company) fn notice(tx: &Writing<'_>, user: i64, notice: Notice<'_>) -> Result<()> {
    let found = tx.one(
        "SELECT u.display_name, u.email, c.name, c.slug FROM users u, company c WHERE u.id = ?1 AND u.is_service = 0 AND u.state = 'active'",
        [user],
        |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?, row.get::<_, String>(3)?)),
    )?;
    let Some((name, email, company, slug)) = found else { return Ok(()) };
    let (subject, words, to) = match notice {
        Notice::NewDevice(address, agent) => {
            let agent: String = agent.chars().take(120).collect();
            let place = if address.is_empty() { String::new() } else { format!("\nAddress: {address}") };
            let words = format!(
                "Somebody signed in as you from a browser that was not seen here before.\n{place}\nBrowser: {agent}\nTime: {}",
                clock::now().exact()
            );
            ("New sign-in".to_owned(), words, email)
        }
        Notice::PasswordChanged => (
            "Your password was changed".into(),
            format!("Your password was changed on {}.", clock::now().exact()),
            email,
        ),
        Notice::FactorChanged(sentence) => {
            ("Your second factor was changed".into(), format!("{sentence}\n\nTime: {}", clock::now().exact()), email)
        }
        Notice::RecoveryCodeUsed(left) => (
            "A recovery code was used".into(),
            format!(
                "One of your recovery codes was used in the place of your second factor. {left} of them left.\n\nTime: {}",
                clock::now().exact()
            ),
            email,
        ),
        Notice::EmailChanged(before, after) => (
            "Your e-mail address was changed".into(),
            format!(
                "The e-mail address of your account was changed from {before} to {after} on {}. Letters go to the new address from now on.",
                clock::now().exact()
            ),
            before.to_owned(),
        ),
        Notice::KeyMade(purpose, until) => (
            "An API key was made for you".into(),
            format!(
                "An API key was made that acts as you: {purpose}. It ends on {}.\n\nTime: {}",
                until.exact(),
                clock::now().exact()
            ),
            email,
        ),
        Notice::Reactivated => (
            "Your account was made active again".into(),
            format!(
                "You can sign in again, and your API keys work again, since {} made your account active on {}.",
                tx.actor_name(),
                clock::now().exact()
            ),
            email,
        ),
        Notice::FactorDemanded(from) | Notice::FactorDemandedSoon(from) => {
            return factor_demanded(tx, user, (&name, &email), (&company, &slug), from);
        }
    };
    let letter = Letter::new(LetterKind::Notice, format!("{subject} at {company}"))
        .to_user(user)
        .say(&format!("Hello {name},"))
        .say(&words)
        .say("If that was you, there is nothing to do. If not, choose a new password at once and tell an administrator of your company.")
        .link(&format!("/{slug}/login"));
    send(tx, &to, &letter)
}

/// This one is no warning of what somebody else may have done: it says what to do, and by when.
fn factor_demanded(
    tx: &Writing<'_>,
    user: i64,
    (name, email): (&str, &str),
    (company, slug): (&str, &str),
    from: Moment,
) -> Result<()> {
    let (subject, words) = if from > clock::now() {
        (
            format!("Set up a second factor at {company} before {}", from.exact()),
            format!(
                "{company} asks you for a second factor beside your password. You can go on without one until {}; from then on, the next page you open asks you to set one up.",
                from.exact()
            ),
        )
    } else {
        (
            format!("You need a second factor at {company}"),
            format!(
                "{company} asks you for a second factor beside your password. The next page you open asks you to set one up."
            ),
        )
    };
    let letter = Letter::new(LetterKind::Notice, subject)
        .to_user(user)
        .say(&format!("Hello {name},"))
        .say(&words)
        .say("It takes a minute, with an authenticator app or a passkey:")
        .link(&format!("/{slug}/me"));
    send(tx, email, &letter)
}

/// Whoever is in the team of administrators, can sign in and has an address.
pub(in crate::company) fn administrators(rows: &Rows<'_>) -> Result<Vec<(i64, String)>> {
    rows.all(
        "SELECT u.id, u.email FROM team_members m JOIN teams t ON t.id = m.team_id JOIN users u ON u.id = m.user_id
         WHERE t.builtin = 'administrators' AND u.state = 'active' AND u.is_service = 0 AND u.email <> '' ORDER BY u.id",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Tells the administrators of what the operator has just changed on the command line: the last event of this change, and
/// who on the machine did it.
pub(super) fn operator_did(tx: &Writing<'_>) -> Result<()> {
    if tx.last_event() == 0 {
        return Ok(());
    }
    let what = tx.one("SELECT message FROM events WHERE id = ?1", [tx.last_event()], |row| row.get::<_, String>(0))?;
    let of =
        tx.one("SELECT name, slug FROM company", [], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    let (Some(what), Some((company, slug))) = (what, of) else { return Ok(()) };
    for (user, email) in administrators(tx)? {
        let letter = Letter::new(LetterKind::Notice, format!("The operator changed something at {company}"))
            .to_user(user)
            .say(&format!("On the command line of the server, the operator did this at {company}:"))
            .say(&what)
            .say(&format!("By which means: {}\nTime: {}", tx.means(), clock::now().exact()))
            .say("If nobody here asked for it, ask the operator of this server. The trail keeps it:")
            .link(&format!("/{slug}/trail"));
        send(tx, &email, &letter)?;
    }
    Ok(())
}

static BELL: LazyLock<watch::Sender<u64>> = LazyLock::new(|| watch::Sender::new(0));

/// Tells whoever sends letters that there is one, after the commit.
pub(super) fn ring() {
    BELL.send_modify(|rung| *rung += 1);
}

/// Hears every ringing of the outboxes of all companies.
pub fn bell() -> watch::Receiver<u64> {
    BELL.subscribe()
}

//! Opens the company's file, checks its stamp, keeps its connections and its key. The only code that opens `company.db`.

mod bounds;
mod keeping;
mod opening;
mod seal;
mod signing;
mod stamp;

pub use bounds::size;
pub use seal::Seal;
pub use stamp::{CHANGED, Label, Receipt, Seen, Standing};

use super::{
    builtin, grants,
    memory::Memory,
    outbox,
    permissions::Info,
    policy::{Check, Grants},
    rows::{Recorded, Rows, Writing},
    rules::{self, Rules},
    trail::{
        self, Event, Stamp,
        tally::{Tally, Told},
    },
    uses::Uses,
};
use crate::{
    base::{
        clock::{self, Moment},
        error::{Error, Result},
        names,
        secret::{self, Secret},
        told,
    },
    store::{Reader, Store, copy, migrate},
};
use rusqlite::Connection;
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
};
use uuid::Uuid;
use zeroize::Zeroizing;

/// The name of a company's database file in its folder.
pub const FILE: &str = "company.db";

/// How many may read one company at once.
const READERS: u32 = 4;

/// One open company. Cloning it shares it. It opens nothing: for that one is admitted as a `Visitor`.
#[derive(Clone)]
pub struct Company(Arc<Vault>);

struct Vault {
    slug: String,
    name: String,
    id: Uuid,
    folder: PathBuf,
    number: u64,
    store: Store,
    seal: Seal,
    standing: Standing,
    rules: Rules,
    bounds: bounds::Bounds,
    memory: Memory,
    uses: Uses,
    tally: Tally,
    /// Whether what an earlier run had counted and not told was looked for.
    looked_back: AtomicBool,
    /// The last event a checkpoint covers; -1 while that was not looked up.
    signed_to: AtomicI64,
    /// Whether anything was told that no checkpoint covers yet.
    unsigned: AtomicBool,
    /// Whether somebody signs because of the number of events.
    signing: AtomicBool,
    /// Which file was opened: another one may take its place in the folder.
    file: Option<(u64, u64)>,
    /// Where it is kept, outside the folder, how far the trail had come.
    outside: OnceLock<PathBuf>,
}

/// What a new company begins with.
pub struct Founding<'a> {
    /// First path segment of its addresses.
    pub slug: &'a str,
    /// Its name.
    pub name: &'a str,
    /// The first administrator.
    pub administrator: FirstPerson<'a>,
}

/// The first administrator of a company.
pub struct FirstPerson<'a> {
    /// Name to show.
    pub name: &'a str,
    /// E-mail address, by which they sign in.
    pub email: &'a str,
    /// Their password; without one they are invited and choose it themselves.
    pub password: Option<&'a Secret>,
}

/// What founding gave.
pub struct Founded {
    /// The company, open.
    pub company: Company,
    /// The token of the administrator's invitation, when there was no password.
    pub invitation: Option<String>,
}

/// A consistent view of the file, held open. It keeps the company open: the writer closes after the last reader.
pub(super) struct Snapshot(Reader, Company);

impl Snapshot {
    pub(super) fn with<T>(&self, work: impl FnOnce(&Rows<'_>) -> Result<T>) -> Result<T> {
        work(&Rows::new(&self.0)).map_err(|error| self.1.0.store.met(error))
    }
}
impl Drop for Snapshot {
    fn drop(&mut self) {
        if let Err(cause) = self.0.prepare_cached("COMMIT").and_then(|mut end| end.execute([])) {
            tracing::warn!(company = self.1.0.slug, %cause, "a reading transaction did not end cleanly");
        }
    }
}

impl Company {
    /// Opens the company in a folder, after comparing the file's stamp with the folder's name and the key.
    ///
    /// # Errors
    /// `Fault` when the file is damaged, cannot be reached, was written by a newer program, or is not this company's;
    /// `Unavailable` while the company is being moved or removed.
    pub fn open(folder: &Path, slug: &str, key: impl FnOnce(&str) -> Result<Zeroizing<[u8; 32]>>) -> Result<Company> {
        let path = opening::present(folder)?;
        let alone = opening::stands_alone(&path);
        let store = Store::open(&path, READERS)?;
        let label = store.write(|c| {
            if alone {
                opening::whole(&path, c)?;
            }
            stamp::checked(c)?;
            stamp::label(c)
        })?;
        if label.removed {
            return Err(Error::Unavailable("This company is being removed.".into()));
        }
        if label.moving_to.is_some() {
            return Err(Error::Unavailable("This company is being renamed. Try again in a moment.".into()));
        }
        if label.slug != slug {
            return Err(opening::misplaced(folder, &label, slug));
        }
        let rules = rules::rules(&Rows::new(&*store.reader()?))?;
        let id = label.id.clone();
        let uuid = Uuid::parse_str(&id).map_err(|_| opening::no_id(folder))?;
        let seal = Seal::new(uuid, &key(&id)?);
        if seal.fingerprint() != label.fingerprint {
            return Err(opening::other_key(folder, &label));
        }
        Ok(Company::assemble(folder, label, uuid, store, seal, rules))
    }

    /// Opens a company's file under a new slug: writes the slug into its stamp first. For restoring and taking in.
    pub fn adopt(folder: &Path, slug: &str, key: impl FnOnce(&str) -> Result<Zeroizing<[u8; 32]>>) -> Result<Company> {
        Company::restamp(folder, slug)?;
        Company::open(folder, slug, key)
    }

    fn assemble(folder: &Path, label: Label, id: Uuid, store: Store, seal: Seal, rules: Rules) -> Company {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let file = keeping::which(store.path());
        Company(Arc::new(Vault {
            slug: label.slug,
            name: label.name,
            id,
            folder: folder.to_owned(),
            standing: label.standing,
            bounds: bounds::Bounds::new(rules.limits.requests_per_minute),
            rules,
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            store,
            seal,
            memory: Memory::default(),
            uses: Uses::default(),
            tally: Tally::default(),
            looked_back: AtomicBool::new(false),
            signed_to: AtomicI64::new(-1),
            unsigned: AtomicBool::new(false),
            signing: AtomicBool::new(false),
            file,
            outside: OnceLock::new(),
        }))
    }

    /// Makes a new company in an empty folder: its file, the built-in roles and teams, the space `Default`, the first
    /// administrator. All in one transaction with its event.
    pub fn found(folder: &Path, id: Uuid, key: &Zeroizing<[u8; 32]>, founding: &Founding<'_>) -> Result<Founded> {
        std::fs::create_dir_all(folder)?;
        let path = folder.join(FILE);
        if path.exists() {
            return Err(Error::Conflict("There is a company in this folder already.".into()));
        }
        let store = Store::create(&path, READERS)?;
        let seal = Seal::new(id, key);
        let hash = founding
            .administrator
            .password
            .map(|password| super::admit::hash_password(founding.slug, password))
            .transpose()?;
        let invitation = hash.is_none().then(secret::token);
        store.write(|c| {
            if c.pragma_query_value::<i32, _>(None, "application_id", |row| row.get(0))? != 0 {
                return Err(Error::Conflict("There is a company in this folder already.".into()));
            }
            c.pragma_update(None, "application_id", migrate::APPLICATION_ID)?;
            migrate::migrate(c)?;
            trail::begin(c, seal.signer())?;
            c.execute(
                "INSERT INTO company (one, id, slug, name, key_fingerprint, created_at) VALUES (1, ?1, ?2, ?3, ?4, ?5)",
                (id.to_string(), founding.slug, founding.name, seal.fingerprint(), clock::now()),
            )?;
            let tx = Writing::new(c, Stamp::server("operator", "The operator"), &seal, folder);
            let person = builtin::Person {
                name: founding.administrator.name,
                email: founding.administrator.email,
                password_hash: hash.as_deref(),
                invitation: invitation.as_deref(),
            };
            builtin::furnish(&tx, founding.slug, founding.name, &person)
        })?;
        let label = store.write(stamp::label)?;
        let company = Company::assemble(folder, label, id, store, seal, Rules::default());
        company.write_checkpoint()?;
        Ok(Founded { company, invitation })
    }

    /// Its slug.
    pub fn slug(&self) -> &str {
        &self.0.slug
    }
    /// Its name, as it was when the company was opened.
    pub fn name(&self) -> &str {
        &self.0.name
    }
    /// Its id, for ever.
    pub fn id(&self) -> Uuid {
        self.0.id
    }
    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.0.folder
    }
    /// Whether nobody else holds this company just now.
    pub fn is_idle(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
    /// A number that no other open company of this process has.
    pub(super) fn stamp(&self) -> u64 {
        self.0.number
    }
    pub(super) fn seal(&self) -> &Seal {
        &self.0.seal
    }

    /// A consistent view of the file from this moment.
    pub(super) fn snapshot(&self) -> Result<Snapshot> {
        let reader = self.0.store.reader()?;
        let begun = reader.prepare_cached("BEGIN").and_then(|mut begin| begin.execute([]));
        begun.map_err(|cause| self.0.store.met(cause.into()))?;
        Ok(Snapshot(reader, self.clone()))
    }

    /// One change with its event. Every so many events the trail is signed.
    pub(super) fn write<T>(&self, stamp: Stamp, work: impl FnOnce(&Writing<'_>) -> Result<Recorded<T>>) -> Result<T> {
        let (value, last, posted) = self.0.store.write(|connection| {
            let tx = Writing::new(connection, stamp, &self.0.seal, &self.0.folder);
            let recorded = work(&tx)?;
            Ok((recorded.value, tx.last_event(), tx.posted()))
        })?;
        if posted {
            outbox::ring();
        }
        self.sign_when_due(last)?;
        Ok(value)
    }

    /// One change that is undone again, whatever `work` says. Nobody is told, the trail is not signed.
    pub(super) fn try_write(&self, stamp: Stamp, work: impl FnOnce(&Writing<'_>) -> Result<()>) -> Result<()> {
        self.0.store.write(|connection| {
            work(&Writing::new(connection, stamp, &self.0.seal, &self.0.folder).on_trial())?;
            // An error undoes what was done; whoever tried knows that it is none.
            Err(Error::Conflict("This was only tried out.".into()))
        })
    }

    /// Writes down who used what since the last time. No change of anything that is told, so without an event.
    pub(in crate::company) fn write_uses(&self, now: Moment) -> Result<()> {
        self.0.write_uses(now)
    }

    fn tell_counted(&self, now: Option<Moment>) {
        for told in self.0.tally.due(now) {
            self.tell_of(told);
        }
    }

    fn tell_of(&self, told: Told) {
        if let Err(error) = self.0.store.write(|c| self.0.count_told(c, told)) {
            failed(self.slug(), &error, "an event could not be written to the trail");
        }
    }

    /// Notes something that is told at once, and counted when it is repeated (`trail/tally.rs`). `what` says what counts
    /// as the same thing.
    pub(super) fn note(&self, stamp: Stamp, what: &str, event: Event) {
        let now = clock::now();
        self.tell_counted(Some(now));
        if self.0.tally.is_new(now, &stamp, what, &event) {
            self.tell(stamp, event);
        }
    }

    fn tell(&self, stamp: Stamp, event: Event) {
        if let Err(error) = self.write(stamp, |tx| tx.record(event, ())) {
            failed(self.slug(), &error, "an event could not be written to the trail");
        }
    }

    /// Notes a time of use ("last seen"): no change that is told, so without an event. `sql` sets the time `?2` of row `?1`.
    pub(super) fn touch(&self, sql: &'static str, row: i64) -> Result<()> {
        self.0.store.write(|c| Ok(c.prepare_cached(sql)?.execute((row, clock::now())).map(drop)?))
    }

    /// The grants of a user, compiled once per change of anything they are made of.
    pub(super) fn grants_of(&self, rows: &Rows<'_>, user: i64, version: i64) -> Result<Arc<Grants>> {
        grants::of_user(&self.0.memory, &self.0.uses, rows, user, version)
    }
    pub(super) fn memory(&self) -> &Memory {
        &self.0.memory
    }

    /// What a narrowed API key leaves of its owner's grants.
    pub(super) fn grants_of_key(&self, rows: &Rows<'_>, key: i64, owner: &Grants) -> Result<Arc<Grants>> {
        grants::of_key(rows, key, owner)
    }

    /// Writes a refusal into the trail; repeated ones are counted.
    pub(super) fn note_refusal(&self, stamp: &Stamp, info: &Info, check: &Check, place: Option<&str>) {
        let asked = format!(
            "{}/{:?}",
            info.key,
            (check.space, &check.groups, &check.projects, &check.environments, &check.tenants)
        );
        let mut event = Event::new("AccessDenied")
            .say(&stamp.actor_name)
            .say(" was refused ")
            .say(info.name)
            .space(check.space.unwrap_or(0))
            .tenant(check.tenants.first())
            .detail("Permission", info.name);
        if let Some(place) = place.filter(|place| !place.is_empty()) {
            event = event.say(" for ").say(place);
        }
        if let Some(project) = check.projects.first() {
            event = event.project(project, check.groups.first());
        }
        if let Some(environment) = check.environments.first() {
            event = event.environment(environment);
        }
        self.note(stamp.clone(), &asked, event);
    }

    #[cfg(test)]
    pub(super) fn store_for_tests(&self) -> &Store {
        &self.0.store
    }

    /// Copies the file while it is in use, for backups, and the checkpoints of that moment beside it. Needs the
    /// operator's proof.
    pub(in crate::company) fn copy_to(&self, to: &Path, checkpoints: &Path) -> Result<()> {
        trail::copy_checkpoints(&self.0.folder, checkpoints, || copy::copy(&self.0.store, to))
    }
    /// Folds the write-ahead log into the file. Whether it was done: somebody outside may hold an older state.
    pub fn settle(&self) -> Result<bool> {
        self.0.store.checkpoint()
    }
}

impl Vault {
    fn write_uses(&self, now: Moment) -> Result<()> {
        let taken = self.uses.take(now);
        if taken.is_empty() {
            return Ok(());
        }
        self.store.write(|c| {
            let mut statement = c.prepare_cached(
                "INSERT INTO permission_uses (user_id, permission, day) SELECT id, ?2, ?3 FROM users WHERE id = ?1
                 ON CONFLICT (user_id, permission) DO UPDATE SET day = max(day, excluded.day)",
            )?;
            for (user, permission) in &taken {
                statement.execute((user, permission, super::uses::day(now)))?;
            }
            Ok(())
        })
    }

    fn count_told(&self, connection: &Connection, told: Told) -> Result<()> {
        told.clear(connection)?;
        self.unsigned.store(true, Ordering::Relaxed);
        trail::append(connection, self.seal.signer(), &told.stamp, told.event).map(drop)
    }
}

impl Drop for Vault {
    /// What was counted and not told yet is told before the file closes, and the trail is signed.
    fn drop(&mut self) {
        if self.store.broken().is_some() {
            return;
        }
        if let Err(error) = self.write_uses(clock::now()) {
            failed(&self.slug, &error, "who used what could not be written down");
        }
        for told in self.tally.due(None) {
            if let Err(error) = self.store.write(|c| self.count_told(c, told)) {
                failed(&self.slug, &error, "an event could not be written to the trail");
            }
        }
        if self.unsigned.load(Ordering::Relaxed) {
            self.sign_now();
        }
    }
}

/// Says once in a while that something failed which nobody waits for: on a full disk it fails many times a second.
fn failed(company: &str, error: &Error, what: &'static str) {
    if told::first(company, what) {
        tracing::error!(company, %error, "{what}");
    }
}

/// The name a person is found by.
pub(super) fn fold(name: &str) -> String {
    names::key(name)
}

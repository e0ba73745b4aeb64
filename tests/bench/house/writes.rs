//! Acknowledged writes a second at `synchronous=FULL`: 64 callers with group commit, beside one caller with a
//! transaction each and beside 64 callers on a pool of writing connections. And a change through the door with its
//! event, beside a bare insert with the same durability.

use super::figures::{Table, median, rank, rounds, slot};
use bulkhead::{
    appliance::{Appliance, NewCompany},
    base::secret::Secret,
    company::{
        access::{From, Steward, Visitor, Within, admit, mint_keys, permissions as p},
        environments, people,
    },
    store::Store,
};
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::Connection;
use std::{
    path::Path,
    time::{Duration, Instant},
};

const CALLERS: usize = 64;
const TABLE: &str = "CREATE TABLE notes (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, words TEXT NOT NULL) STRICT";
const INSERT: &str = "INSERT INTO notes (at, words) VALUES (?1, ?2)";
const WORDS: &str = "something was done by somebody, somewhere, for a reason that fits into a hundred letters or so";

pub struct Outcome {
    pub rate: f64,
    pub slow: f64,
    pub worst: f64,
}

/// `callers` threads do the same again and again for a while; how many were answered in a second.
pub fn run(callers: usize, work: impl Fn(usize) + Sync) -> Outcome {
    let time = slot();
    let begun = Instant::now();
    let until = begun + time;
    let waits: Vec<f64> = std::thread::scope(|scope| {
        let caller = |caller: usize| {
            let work = &work;
            scope.spawn(move || {
                let mut waits = Vec::new();
                while Instant::now() < until {
                    let asked = Instant::now();
                    work(caller);
                    waits.push(asked.elapsed().as_secs_f64() * 1000.0);
                }
                waits
            })
        };
        let threads: Vec<_> = (0..callers).map(caller).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a caller")).collect()
    });
    Outcome {
        rate: waits.len() as f64 / begun.elapsed().as_secs_f64(),
        slow: rank(&waits, 0.99),
        worst: rank(&waits, 1.0),
    }
}

#[allow(clippy::disallowed_methods)] // no company's file
fn bare(path: &Path) -> Connection {
    let connection = Connection::open(path).expect("a file");
    settle_in(&connection).expect("settings");
    connection
}

fn settle_in(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(30))?;
    connection.execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL")
}

fn insert(connection: &Connection, n: usize) -> rusqlite::Result<()> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    connection.prepare_cached(INSERT)?.execute((n as i64, WORDS))?;
    connection.prepare_cached("COMMIT")?.execute([]).map(drop)
}

pub fn measure(table: &mut Table) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);

    let one = std::sync::Mutex::new(bare(&at("one.db")));
    one.lock().expect("it").execute_batch(TABLE).expect("a table");
    #[allow(clippy::disallowed_methods)] // no company's file
    let store = Store::create(&at("group.db"), 1).expect("a store");
    store.write(|c| Ok(c.execute_batch(TABLE)?)).expect("a table");
    let pooled = at("pool.db");
    bare(&pooled).execute_batch(TABLE).expect("a table");
    let manager = SqliteConnectionManager::file(&pooled).with_init(|c| settle_in(c));
    let pool = r2d2::Pool::builder().max_size(CALLERS as u32).build(manager).expect("a pool");
    let group = |n: usize| store.write(|c| Ok(c.prepare_cached(INSERT)?.execute((n as i64, WORDS))?)).map(drop);

    let door = Door::open(&at("data"));
    let mut many: [(&str, Vec<Outcome>); 6] = [
        ("writes, 64 callers, group commit", Vec::new()),
        ("writes, 1 caller, a transaction each", Vec::new()),
        ("writes, 64 callers, pool with BEGIN IMMEDIATE", Vec::new()),
        ("writes, 1 caller, group commit", Vec::new()),
        ("changes through the door with their event, 1 caller", Vec::new()),
        ("changes through the door with their event, 64 callers", Vec::new()),
    ];
    eprintln!("writes: {} rounds", rounds());
    for _ in 0..rounds() {
        many[0].1.push(run(CALLERS, |n| group(n).expect("a write")));
        many[1].1.push(run(1, |n| insert(&one.lock().expect("it"), n).expect("a write")));
        many[2].1.push(run(CALLERS, |n| insert(&pool.get().expect("a connection"), n).expect("a write")));
        many[3].1.push(run(1, |n| group(n).expect("a write")));
        many[4].1.push(run(1, |n| door.change(n)));
        many[5].1.push(run(CALLERS, |n| door.change(n)));
    }
    for (name, outcomes) in &many {
        let of = |read: fn(&Outcome) -> f64| median(&outcomes.iter().map(read).collect::<Vec<_>>());
        let more = format!("99 % within {:.1} ms, worst {:.0} ms", of(|o| o.slow), of(|o| o.worst));
        table.figure(name, of(|o| o.rate), "writes/s", &more);
    }
    table.against(many[0].0, many[1].0, "≥ 4×");
    table.against(many[0].0, many[2].0, "");
    table.against(many[3].0, many[1].0, "");
    table.against(many[4].0, many[1].0, "");
    table.against(many[5].0, many[1].0, "");
}

/// A company in this process, and the key of its administrator.
struct Door {
    company: bulkhead::company::Company,
    key: String,
    _appliance: Appliance,
}

impl Door {
    fn open(data: &Path) -> Door {
        let appliance = Appliance::open(data).expect("a data folder");
        let (company, key) = found(&appliance, "harbour");
        let door = Door { company, key, _appliance: appliance };
        let visitor = door.visitor();
        let space = visitor.locate_space("Spaces-1").expect("the space");
        for n in 1..=CALLERS {
            let granted = visitor.ask(p::EnvironmentCreate { space: bulkhead::company::access::New::of(&space) });
            let fields = environments::Fields::named(&format!("Environment {n}"));
            environments::create(&granted.unwrap_or_else(|_| panic!("refused")), fields).expect("an environment");
        }
        door
    }
    fn visitor(&self) -> Visitor {
        admit::api_key(&self.company, &self.key, &From::default()).expect("a look").expect("an administrator")
    }
    /// As a request does it: admitted by key, located, asked, changed, told.
    fn change(&self, caller: usize) {
        let visitor = self.visitor();
        let space = visitor.locate_space("Spaces-1").expect("the space");
        let id = format!("Environments-{}", caller + 1);
        let environment = visitor.locate(&space, &id).expect("the environment");
        let granted = visitor.ask(p::EnvironmentEdit { environment }).unwrap_or_else(|_| panic!("refused"));
        let description = format!("{WORDS} {:?}", Instant::now());
        let fields =
            environments::Fields { description, ..environments::Fields::named(&format!("Environment {}", caller + 1)) };
        environments::edit(&granted, fields).expect("a change");
    }
}

/// The right to act as the operator.
pub fn operator() -> &'static bulkhead::company::access::OperatorKey {
    static KEYS: std::sync::OnceLock<bulkhead::company::access::OperatorKey> = std::sync::OnceLock::new();
    KEYS.get_or_init(|| mint_keys().expect("the keys, once").1)
}

/// Makes a company; gives it and an API key of its administrator.
pub fn found(appliance: &Appliance, slug: &str) -> (bulkhead::company::Company, String) {
    let operator = operator();
    let password = Secret::new("the password of the figures");
    let (name, person, email) = ("Harbour Ltd", "Ada", "ada@harbour.test");
    let new = NewCompany { slug, name, person, email, password: Some(&password) };
    let made = appliance.create(&Steward::console(operator, None), &new);
    let (company, _) = made.expect("a company");
    let visitor = Visitor::operator(&company, operator);
    let user = visitor.locate(Within::Company, "ada@harbour.test").expect("Ada");
    let granted = visitor.ask(p::UserEdit {}).unwrap_or_else(|_| panic!("refused"));
    let key = people::keys::create_for(&granted, &user, "figures", 30).expect("a key");
    drop(visitor);
    (company, key)
}

//! The trail: an event appended, beside a bare insert of the same bytes with the same durability; and the check of a long
//! trail, beside what any check must do at least: read every row and hash its bytes, and SQLite's own check of the file.

use super::figures::{Table, median, milliseconds, rank, rounds, setting, short, slot};
use super::writes;
use bulkhead::{
    appliance::Appliance,
    base::secret::{self, Secret},
    company::{
        Company,
        access::{FirstPerson, Founding, From, Visitor, admit, permissions as p},
        audit::{self, export},
        upkeep,
    },
    store::Store,
};
use rusqlite::Connection;
use sha2::{Digest, Sha256};
use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use zeroize::Zeroizing;

const CALLERS: usize = 64;
/// The columns of an event in the order in which its hash covers them; the hash itself is the last.
const COLUMNS: &str =
    "id, at, category, space_id, group_id, project_id, environment_id, tenant_id, runbook_id, actor_id, actor_kind, actor_name,
    means, address, agent, message, related, details, hash";
/// The same columns without a chain, indexes, triggers.
const BARE: &str = "CREATE TABLE notes (id INTEGER PRIMARY KEY, at INTEGER, category TEXT, space_id INTEGER, group_id INTEGER, project_id INTEGER,
    environment_id INTEGER, tenant_id INTEGER, runbook_id INTEGER, actor_id INTEGER, actor_kind TEXT, actor_name TEXT, means TEXT, address TEXT, agent TEXT,
    message TEXT, related TEXT, details TEXT, hash BLOB) STRICT";

pub fn measure(table: &mut Table) {
    appending(table);
    checking(table);
}

struct Outcome {
    rate: f64,
    slow: f64,
}

/// So many threads, each with something of its own to do again and again.
fn run<W: FnMut()>(callers: usize, each: impl Fn(usize) -> W + Sync) -> Outcome {
    let (time, begun) = (slot(), Instant::now());
    let caller = |caller: usize| {
        let mut work = each(caller);
        let mut waits = Vec::new();
        while begun.elapsed() < time {
            let asked = Instant::now();
            work();
            waits.push(milliseconds(asked.elapsed()));
        }
        waits
    };
    let waits: Vec<f64> = std::thread::scope(|scope| {
        let caller = &caller;
        let threads: Vec<_> = (0..callers).map(|n| scope.spawn(move || caller(n))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a caller")).collect()
    });
    Outcome { rate: waits.len() as f64 / begun.elapsed().as_secs_f64(), slow: rank(&waits, 0.99) }
}

fn appending(table: &mut Table) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    #[allow(clippy::disallowed_methods)] // no company's file
    let store = Store::create(&folder.path().join("bare.db"), 1).expect("a store");
    store.write(|c| Ok(c.execute_batch(BARE)?)).expect("a table");
    let appliance = Appliance::open(&folder.path().join("data")).expect("a data folder");
    let (company, key) = writes::found(&appliance, "harbour");
    let sql = format!(
        "INSERT INTO notes ({COLUMNS}) VALUES (NULL, ?1, ?2, ?3, NULL, NULL, NULL, NULL, NULL, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
    );
    let bare = |_: usize| {
        || {
            store
                .write(|c| {
                    let hash: [u8; 32] = [7; 32];
                    let words = (
                        "user",
                        "Ada",
                        "API key API-ABCD…",
                        "127.0.0.1",
                        "figures",
                        "The trail was exported as CSV",
                        "[]",
                        "{}",
                    );
                    c.prepare_cached(&sql)?.execute(rusqlite::params![
                        1_769_853_600_000_i64,
                        "TrailExported",
                        1,
                        words.0,
                        words.1,
                        words.2,
                        words.3,
                        words.4,
                        words.5,
                        words.6,
                        words.7,
                        &hash[..]
                    ])?;
                    Ok(())
                })
                .expect("a write");
        }
    };
    // The event of an export: nothing but the event is written. Nothing is exported.
    let nothing = audit::Filter { after: Some(i64::MAX), ..audit::Filter::default() };
    let append = |_: usize| {
        let visitor = admit::api_key(&company, &key, &From::default()).expect("a look").expect("an administrator");
        let visitor: &'static Visitor = Box::leak(Box::new(visitor));
        let nothing = nothing.clone();
        let granted = visitor.ask_anywhere::<p::EventView>(None).unwrap_or_else(|_| panic!("refused"));
        move || {
            export::begin(&granted, nothing.clone(), export::Format::Csv, "").expect("an event");
        }
    };
    let mut many: [(&str, Vec<Outcome>); 4] = [
        ("bare insert, 1 caller", Vec::new()),
        ("event appended, 1 caller", Vec::new()),
        ("bare insert, 64 callers, group commit", Vec::new()),
        ("event appended, 64 callers, group commit", Vec::new()),
    ];
    eprintln!("trail: {} rounds", rounds());
    for _ in 0..rounds() {
        many[0].1.push(run(1, bare));
        many[1].1.push(run(1, append));
        many[2].1.push(run(CALLERS, bare));
        many[3].1.push(run(CALLERS, append));
    }
    for (name, outcomes) in &many {
        let of = |read: fn(&Outcome) -> f64| median(&outcomes.iter().map(read).collect::<Vec<_>>());
        table.figure(name, of(|o| o.rate), "writes/s", &format!("99 % within {:.1} ms", of(|o| o.slow)));
    }
    table.against(many[1].0, many[0].0, "");
    table.against(many[3].0, many[2].0, "");
}

/// A company with so many events, opened anew.
fn long_trail(folder: &Path, events: i64) -> Company {
    let (key, id) = (Zeroizing::new([7u8; 32]), uuid::Uuid::new_v4());
    let password = Secret::new("the password of the figures");
    let administrator = FirstPerson { name: "Ada", email: "ada@harbour.test", password: Some(&password) };
    let founded = Company::found(folder, id, &key, &Founding { slug: "harbour", name: "Harbour", administrator });
    founded.expect("a company").company.settle().expect("one file");
    #[allow(clippy::disallowed_methods)] // nobody has it open
    let mut connection = Connection::open(folder.join("company.db")).expect("the file");
    connection.execute_batch("PRAGMA synchronous=OFF; PRAGMA cache_size=-200000").expect("speed");
    let change = connection.transaction().expect("a transaction");
    let (mut last, mut hash): (i64, [u8; 32]) = change
        .query_row("SELECT id, hash FROM events ORDER BY id DESC LIMIT 1", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("the last event");
    {
        let sql = format!(
            "INSERT INTO events ({COLUMNS}) VALUES (?1, ?2, 'Modified', 1, NULL, 1, NULL, NULL, NULL, 1, 'user', 'Ada', 'session', '127.0.0.1', ?3, ?4, ?5, ?6, ?7)"
        );
        let mut insert = change.prepare(&sql).expect("an insert");
        let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        while last < events {
            let (id, at) = (last + 1, 1_769_853_600_000 + last);
            let message = format!("Environment Place {id} was changed");
            let related = format!("[{{\"id\":\"Environments-{id}\",\"length\":8,\"start\":12}}]");
            let details =
                format!("{{\"Description\":{{\"from\":\"as it was\",\"to\":\"as it is after change {id}\"}}}}");
            let mut digest = Sha256::new();
            digest.update(b"bulkhead event 1\0");
            let mut add = |bytes: &[u8]| {
                digest.update((bytes.len() as u64).to_be_bytes());
                digest.update(bytes);
            };
            add(&hash);
            [id, at].iter().for_each(|number| add(&number.to_be_bytes()));
            add(b"Modified");
            for number in [Some(1_i64), None, Some(1), None, None, None, Some(1)] {
                add(number.map(i64::to_be_bytes).as_ref().map_or(&[], |bytes| &bytes[..]));
            }
            for text in ["user", "Ada", "session", "127.0.0.1", agent, &message, &related, &details] {
                add(text.as_bytes());
            }
            hash = digest.finalize().into();
            insert.execute((id, at, agent, &message, &related, &details, &hash[..])).expect("an event");
            last = id;
        }
    }
    // The end is marked with a key that is made of the company's own.
    let mark = secret::hmac(&key[..], b"bulkhead: marks the end of the trail");
    let mut message = b"bulkhead end of the trail 1\0".to_vec();
    message.extend(id.as_bytes());
    message.extend(last.to_be_bytes());
    message.extend(hash);
    message.extend(1_i64.to_be_bytes());
    let marked = secret::hmac(&mark, &message);
    change
        .execute("UPDATE trail_end SET event = ?1, hash = ?2, mark = ?3", (last, &hash[..], &marked[..]))
        .expect("the end");
    change.commit().expect("a long trail");
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("one file");
    drop(connection);
    Company::open(folder, "harbour", |_| Ok(key)).expect("the company")
}

fn checking(table: &mut Table) {
    let events = setting("EVENTS", if short() { 2_000 } else { 1_000_000 }) as i64;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path: PathBuf = folder.path().join("harbour");
    let begun = Instant::now();
    let company = long_trail(&path, events);
    let file = path.join("company.db");
    let size = fs::metadata(&file).expect("the file").len() as f64 / 1048576.0;
    eprintln!("trail: {events} events made in {:.1?}, {size:.0} MiB", begun.elapsed());
    let operator = Visitor::operator(&company, writes::operator());
    let (mut whole, mut bare, mut own, mut memory) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds().min(3) {
        bare.push(seconds(|| assert_eq!(hash_all(&file), events)));
        own.push(seconds(|| integrity(&file)));
        let before = peak(true);
        whole.push(seconds(|| {
            let granted = operator.ask(p::FileKeep {}).unwrap_or_else(|_| panic!("refused"));
            let verified = upkeep::verify(&granted, None).expect("a whole trail");
            assert_eq!(verified.events, events);
        }));
        memory.push(peak(false) - before);
    }
    let (whole, bare, own) = (median(&whole), median(&bare), median(&own));
    let named = |what: &str| format!("{what}, {} events", thousands(events));
    let (check, read, sqlite, trail) = (
        named("verify"),
        named("bare SELECT and SHA-256 of the same bytes"),
        named("SQLite's own integrity check"),
        named("verify without SQLite's own check"),
    );
    table.figure(&read, bare, "s", &format!("{} events/s", thousands((events as f64 / bare) as i64)));
    table.figure(&sqlite, own, "s", &format!("{size:.0} MiB"));
    let more = format!(
        "{} events/s, {:.1} MiB more memory at most",
        thousands((events as f64 / whole) as i64),
        median(&memory)
    );
    table.figure(&check, whole, "s", &more);
    table.figure(
        &trail,
        whole - own,
        "s",
        &format!("{} events/s", thousands((events as f64 / (whole - own).max(0.001)) as i64)),
    );
    table.against(&trail, &read, "≤ 2×");
}

fn seconds(work: impl FnOnce()) -> f64 {
    let begun = Instant::now();
    work();
    begun.elapsed().max(Duration::from_micros(1)).as_secs_f64()
}

fn thousands(number: i64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[allow(clippy::disallowed_methods)] // a figure beside the program
fn open(file: &Path) -> Connection {
    let connection = Connection::open(file).expect("the file");
    connection.execute_batch("PRAGMA cache_size=-2000; PRAGMA mmap_size=0").expect("as the program has it");
    connection
}

/// Reads every row and hashes the bytes of its columns.
fn hash_all(file: &Path) -> i64 {
    let connection = open(file);
    let mut statement = connection.prepare(&format!("SELECT {COLUMNS} FROM events ORDER BY id")).expect("a query");
    let mut rows = statement.query([]).expect("rows");
    let mut count = 0;
    while let Some(row) = rows.next().expect("a row") {
        let mut digest = Sha256::new();
        for column in 0..19 {
            match row.get_ref(column).expect("a column") {
                rusqlite::types::ValueRef::Integer(number) => digest.update(number.to_be_bytes()),
                rusqlite::types::ValueRef::Text(bytes) | rusqlite::types::ValueRef::Blob(bytes) => digest.update(bytes),
                _ => {}
            }
        }
        std::hint::black_box(digest.finalize());
        count += 1;
    }
    count
}

fn integrity(file: &Path) {
    let connection = open(file);
    let found: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).expect("a check");
    assert_eq!(found, "ok");
    let loose = connection.prepare("PRAGMA foreign_key_check").expect("a check").exists([]).expect("a check");
    assert!(!loose);
}

/// This process's memory in MiB: now, from where the peak is counted anew, or the peak since.
fn peak(anew: bool) -> f64 {
    if anew {
        let _ = fs::write("/proc/self/clear_refs", "5");
    }
    let status = fs::read_to_string("/proc/self/status").expect("this process's state");
    let word = if anew { "VmRSS:" } else { "VmHWM:" };
    let line = status.lines().find(|line| line.starts_with(word)).expect("its memory");
    let kib: f64 = line.split_whitespace().nth(1).and_then(|text| text.parse().ok()).expect("a number");
    kib / 1024.0
}

//! Kinds of damage and of missing rights, one row each: what is done to a company's files while nothing runs, and what is
//! seen afterwards. The others are always served. Findings E3, G8, and the rows "31 kinds of damage" and "11 of rights".
//!
//! Each row has a company of its own; all of a table share a server. A row that fails does not hide those after it.

use super::damage::{closings, noise, state, until};
use crate::support::{
    api::Caller,
    server::{How, Program, Server, Told, program},
};
use std::{
    fs,
    os::unix::fs::{FileExt, PermissionsExt, chown, symlink},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// What is seen of a company.
enum Seen {
    /// 503 with the public sentence; the log and the list name this, and so does `verify` in its way.
    Closed(&'static str),
    /// Served, and it verifies.
    Served,
    /// Served, and `verify` says this of it.
    Unsound(&'static str),
    /// Served until somebody needs what is damaged, then closed; `verify` says that it is damaged.
    Perhaps,
    /// Served with what is whole of its log, or closed; never a bare fault.
    Log,
}
use Seen::{Closed, Log, Perhaps, Served, Unsound};

/// A folder of data at rest: Meridian, and a company for each row; and the keys to them.
struct Stage {
    folder: TempDir,
    keys: Vec<String>,
    meridian: String,
}

fn slug(row: usize) -> String {
    format!("row{row:02}")
}

impl Stage {
    /// Where the server was killed, a log lies beside each company's file.
    fn new(rows: usize, killed: bool) -> Stage {
        let mut server = Server::start();
        let company = |slug: &str| {
            let key = server.company(slug, slug, "ada@harbour.test").key;
            let caller = Caller::with_key(server.base(), &key);
            caller.post(&format!("/{slug}/api/environments"), serde_json::json!({ "Name": "Production" })).expect(201);
            key
        };
        let (meridian, keys) = (company("meridian"), (0..rows).map(|row| company(&slug(row))).collect());
        if killed {
            server.kill9()
        } else {
            assert!(server.stop().success())
        }
        let folder = tempfile::Builder::new().prefix("bulkhead-rows-").tempdir().unwrap();
        assert!(Command::new("cp").arg("-a").arg(server.data()).arg(folder.path()).status().unwrap().success());
        Stage { folder, keys, meridian }
    }
    fn belongs_to(&self, uid: u32) {
        let who = format!("{uid}:{uid}");
        assert!(Command::new("chown").args(["-R", &who]).arg(self.folder.path()).status().unwrap().success());
    }
}

/// The places of one row.
struct At {
    data: PathBuf,
    folder: PathBuf,
    file: PathBuf,
    other: PathBuf,
}

impl At {
    fn of(data: &Path, slug: &str) -> At {
        let folder = data.join("companies").join(slug);
        let other = data.join("companies/meridian");
        At { data: data.to_owned(), file: folder.join("company.db"), folder, other }
    }
    fn put(&self, at: u64, bytes: &[u8]) {
        fs::OpenOptions::new().write(true).open(&self.file).unwrap().write_all_at(bytes, at).unwrap();
    }
    fn length(&self, name: &str) -> u64 {
        fs::metadata(self.folder.join(name)).unwrap().len()
    }
    fn cut(&self, name: &str, length: u64) {
        fs::OpenOptions::new().write(true).open(self.folder.join(name)).unwrap().set_len(length).unwrap();
    }
    /// Another company's file in place of this one.
    fn taken_over(&self, name: &str) {
        assert!(fs::copy(self.other.join(name), self.folder.join(name)).unwrap() > 0);
    }
    /// A company's key file: the one that its file names.
    fn key(&self, file: &Path) -> PathBuf {
        let db = rusqlite::Connection::open(file).unwrap();
        let id: String = db.query_row("SELECT id FROM company", [], |row| row.get(0)).unwrap();
        drop(db);
        self.data.join("keys").join(format!("{id}.key"))
    }
}

/// Removes what is there first, whatever it is.
fn instead(path: &Path, make: impl FnOnce(&Path)) {
    match fs::symlink_metadata(path) {
        Ok(about) if about.is_dir() => fs::remove_dir_all(path).unwrap(),
        Ok(_) => fs::remove_file(path).unwrap(),
        Err(cause) => assert_eq!(cause.kind(), std::io::ErrorKind::NotFound, "{}", path.display()),
    }
    make(path);
}
fn folder_at(path: &Path) {
    instead(path, |path| fs::create_dir(path).unwrap());
}

/// The rows that failed, and why.
#[derive(Default)]
pub struct Failed(Vec<String>);

impl Failed {
    pub fn unless(&mut self, name: &str, row: impl FnOnce()) {
        if let Err(cause) = catch_unwind(AssertUnwindSafe(row)) {
            let words = cause.downcast_ref::<String>().map(String::as_str);
            let words = words.or_else(|| cause.downcast_ref::<&str>().copied()).unwrap_or("no words");
            self.0.push(format!("{name}: {words}"));
        }
    }
    #[track_caller]
    pub fn none(self) {
        assert!(self.0.is_empty(), "{} rows failed:\n\n{}", self.0.len(), self.0.join("\n\n"));
    }
}

/// Does all the damage, starts one server on it, and looks at each row.
fn all(stage: Stage, rows: &[(&str, Damage, Seen)], how: How) {
    assert_eq!(stage.keys.len(), rows.len());
    let mut failed = Failed::default();
    let data = stage.folder.path().join("data");
    for (row, (name, damage, _)) in rows.iter().enumerate() {
        failed.unless(name, || damage(&At::of(&data, &slug(row))));
    }
    let server = Server::on(stage.folder, how);
    let neighbour = Caller::with_key(server.base(), &stage.meridian);
    let closed: Vec<Option<bool>> = (stage.keys.iter().zip(rows).enumerate())
        .map(|(row, (key, (name, ..)))| {
            let mut closed = None;
            failed.unless(name, || {
                closed = Some(is_closed(&server, &slug(row), key));
                neighbour.get("/meridian/api/users/me").expect(200);
            });
            closed
        })
        .collect();
    let list = server.command(&["company", "list", "--json"]).run().expect_success();
    assert_eq!(state(&list, "meridian"), "ok");
    for (row, (name, _, seen)) in rows.iter().enumerate() {
        let Some(closed) = closed[row] else { continue };
        failed.unless(name, || look(&server, &slug(row), closed, &list, seen, name));
    }
    neighbour.get("/meridian/api/environments").expect(200);
    let all = server.command(&["verify", "--all"]).run();
    failed.unless("the others are checked", || assert!(all.stdout.contains("meridian: ok"), "{}", all.stdout));
    let printed = server.printed();
    failed.unless("nothing panics", || assert!(!printed.contains("panicked"), "{printed}"));
    failed.none();
}

/// Whether a company is closed to its people, who never meet a bare fault, and never a path.
fn is_closed(server: &Server, slug: &str, key: &str) -> bool {
    let caller = Caller::with_key(server.base(), key);
    let mut closed = false;
    for path in ["users/me", "environments", "events", "teams"] {
        let answer = caller.get(&format!("/{slug}/api/{path}"));
        assert!([200, 503].contains(&answer.status), "{path}: {answer}");
        assert!(answer.status == 503 || !closed, "{path}: it is served again: {answer}");
        if answer.status == 503 {
            closed = true;
            let text = answer.text();
            assert!(text.contains("operator") && !text.contains("/companies/"), "{path}: {text}");
        }
    }
    let page = server.nobody().get(&format!("/{slug}/default"));
    assert!(page.status == 503 || page.status == 303 && !closed, "{page}");
    closed || page.status == 503
}

/// What the log, the operator's list and `verify` say of a company.
fn look(server: &Server, slug: &str, closed: bool, list: &Told, seen: &Seen, name: &str) {
    let state = state(list, slug);
    let verified = server.command(&["verify", slug]).run();
    let said = format!("{}{}", verified.stdout, verified.stderr);
    println!("{name}: closed={closed} state={state:?} verify={:?} {said}", verified.code);
    assert!(!said.contains("panicked"), "{said}");
    if closed {
        let line = until("the log names it", || closings(server, slug).pop());
        assert_eq!(closings(server, slug).len(), 1, "{}", server.printed());
        assert!(line.contains(" path=/") && line.contains("remedy="), "{line}");
        assert!(state != "ok", "{state}");
    } else if !matches!(seen, Perhaps) {
        assert!(closings(server, slug).is_empty() && state == "ok", "{state}");
    }
    match seen {
        Closed(what) => {
            assert!(closed, "it is served");
            let line = closings(server, slug).join("");
            assert!(line.contains(what), "{line}");
            assert!(state.contains(what) && said.contains(what), "{state}\n{said}");
            assert_eq!(verified.code, Some(1), "{said}");
        }
        Served => {
            assert!(!closed, "{state}");
            assert_eq!(verified.code, Some(0), "{said}");
        }
        Unsound(what) => {
            assert!(!closed, "{state}");
            assert!(verified.code == Some(1) && said.contains(what), "{:?} {said}", verified.code);
        }
        Perhaps => assert!(verified.code == Some(1) && said.contains("amaged"), "{:?} {said}", verified.code),
        Log => assert!(verified.code == Some(1) || !closed && verified.code == Some(0), "{:?} {said}", verified.code),
    }
}

type Damage = fn(&At);

#[test]
fn what_is_damaged_is_closed_by_name_and_the_others_are_served() {
    let rows: &[(&str, Damage, Seen)] = &[
        ("the file is empty", |at| drop(fs::File::create(&at.file).unwrap()), Closed("not a company's file")),
        (
            "the file is cut between pages",
            |at| at.cut("company.db", at.length("company.db") / 8192 * 4096),
            Closed("damaged"),
        ),
        ("the file is cut within a page", |at| at.cut("company.db", at.length("company.db") - 1000), Closed("cut")),
        ("the header is noise", |at| at.put(0, &noise(1, 100)), Closed("damaged")),
        ("page 1 is noise", |at| at.put(0, &noise(2, 4096)), Closed("damaged")),
        ("page 1 is noise behind the header", |at| at.put(100, &noise(3, 3996)), Closed("damaged")),
        (
            "all other pages are noise",
            |at| at.put(4096, &noise(4, at.length("company.db") as usize - 4096)),
            Closed("damaged"),
        ),
        ("one page is noise", |at| at.put(4096 * 40, &noise(5, 4096)), Perhaps),
        ("a hundred bytes are noise", |at| at.put(4096 * 60 + 10, &noise(6, 100)), Perhaps),
        ("the list of free pages leads nowhere", |at| at.put(32, &[0, 9, 9, 9, 0, 0, 0, 9]), Perhaps),
        (
            "another database",
            |at| {
                instead(&at.file, |file| {
                    rusqlite::Connection::open(file)
                        .unwrap()
                        .execute_batch("CREATE TABLE t(x); INSERT INTO t VALUES (1)")
                        .unwrap();
                });
            },
            Closed("not a company's file"),
        ),
        ("no database at all", |at| fs::write(&at.file, noise(7, 8192)).unwrap(), Closed("damaged")),
        ("a newer schema", |at| at.put(60, &9999u32.to_be_bytes()), Closed("newer Bulkhead")),
        ("another program's mark", |at| at.put(68, &7u32.to_be_bytes()), Closed("not a company's file")),
        ("another company's file", |at| at.taken_over("company.db"), Closed("meridian")),
        ("a folder in its place", |at| folder_at(&at.file), Closed("a folder")),
        ("a link to itself", |at| instead(&at.file, |file| symlink(file, file).unwrap()), Closed("company.db")),
        ("a link to nothing", |at| instead(&at.file, |file| symlink("nowhere", file).unwrap()), Closed("missing")),
        (
            "a pipe in its place",
            |at| {
                instead(&at.file, |file| assert!(Command::new("mkfifo").arg(file).status().unwrap().success()));
            },
            Closed("not a regular file"),
        ),
        (
            "the company's folder is a link to nothing",
            |at| instead(&at.folder, |folder| symlink("/nowhere/harbour", folder).unwrap()),
            Closed("this is a link to /nowhere/harbour"),
        ),
        ("no file", |at| fs::remove_file(&at.file).unwrap(), Closed("missing")),
        ("-wal is noise", |at| fs::write(at.folder.join("company.db-wal"), noise(8, 9000)).unwrap(), Served),
        ("-wal is a folder", |at| folder_at(&at.folder.join("company.db-wal")), Closed("company.db-wal")),
        ("-shm is noise", |at| fs::write(at.folder.join("company.db-shm"), noise(9, 32768)).unwrap(), Served),
        (
            "checkpoints are noise",
            |at| fs::write(at.folder.join("checkpoints.jsonl"), noise(10, 900)).unwrap(),
            Unsound("checkpoints.jsonl"),
        ),
        (
            "checkpoints end in half a line",
            |at| at.cut("checkpoints.jsonl", at.length("checkpoints.jsonl") - 20),
            Unsound("checkpoints.jsonl"),
        ),
        ("checkpoints of another company", |at| at.taken_over("checkpoints.jsonl"), Unsound("checkpoints.jsonl")),
        (
            "checkpoints are a folder",
            |at| folder_at(&at.folder.join("checkpoints.jsonl")),
            Unsound("checkpoints.jsonl"),
        ),
        ("no key", |at| fs::remove_file(at.key(&at.file)).unwrap(), Closed("key of this company is missing")),
        (
            "half a key",
            |at| {
                fs::OpenOptions::new().write(true).open(at.key(&at.file)).unwrap().set_len(20).unwrap();
            },
            Closed("does not open"),
        ),
        (
            "another company's key",
            |at| {
                assert!(fs::copy(at.key(&at.other.join("company.db")), at.key(&at.file)).unwrap() > 0);
            },
            Closed("does not open"),
        ),
        ("a key that is a folder", |at| folder_at(&at.key(&at.file)), Closed(".key")),
        (
            "the logs of tasks are a file",
            |at| {
                fs::remove_dir_all(at.folder.join("task-logs")).unwrap();
                fs::write(at.folder.join("task-logs"), b"x").unwrap();
            },
            Served,
        ),
        ("the archive is a file", |at| fs::write(at.folder.join("archive"), b"x").unwrap(), Served),
        ("pending is a folder", |at| folder_at(&at.folder.join("pending")), Served),
        ("changed is a folder", |at| folder_at(&at.folder.join("changed")), Served),
    ];
    assert!(rows.len() >= 31, "{}", rows.len());
    all(Stage::new(rows.len(), false), rows, How::default());
}

/// The same for a company whose server was killed: its log holds what its file does not.
#[test]
fn a_log_that_is_damaged_after_a_crash_is_never_a_bare_fault() {
    let rows: &[(&str, Damage, Seen)] = &[
        ("untouched", |_| (), Served),
        ("-wal is cut", |at| at.cut("company.db-wal", at.length("company.db-wal") / 2), Log),
        (
            "-wal ends in noise",
            |at| {
                let wal = at.folder.join("company.db-wal");
                let length = fs::metadata(&wal).unwrap().len();
                fs::OpenOptions::new()
                    .write(true)
                    .open(&wal)
                    .unwrap()
                    .write_all_at(&noise(3, 2000), length - 2000)
                    .unwrap();
            },
            Log,
        ),
        ("-wal of another company", |at| at.taken_over("company.db-wal"), Log),
        ("-wal is gone", |at| fs::remove_file(at.folder.join("company.db-wal")).unwrap(), Log),
        ("-shm is gone", |at| fs::remove_file(at.folder.join("company.db-shm")).unwrap(), Served),
    ];
    all(Stage::new(rows.len(), true), rows, How::default());
}

/// A user without rights of its own.
const NOBODY: u32 = 65534;

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Findings G8: what cannot be read or written is called that, with its path, and with no remedy that destroys.
#[test]
fn missing_rights_are_called_so_and_the_file_is_not_called_damaged() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: another user can be made the server's by root alone");
        return;
    }
    let rows: &[(&str, Damage, Seen)] = &[
        ("all as it should be", |_| (), Served),
        ("the company's folder", |at| mode(&at.folder, 0), Closed("companies/row")),
        ("the company's folder cannot be written", |at| mode(&at.folder, 0o500), Closed("companies/row")),
        ("the company's file", |at| mode(&at.file, 0), Closed("company.db")),
        ("the company's file cannot be written", |at| mode(&at.file, 0o400), Closed("company.db")),
        ("the company's file is another user's", |at| chown(&at.file, Some(1), Some(1)).unwrap(), Closed("company.db")),
        (
            "the log",
            |at| {
                let wal = at.folder.join("company.db-wal");
                fs::write(&wal, b"").unwrap();
                chown(&wal, Some(0), Some(0)).unwrap();
                mode(&wal, 0o600);
            },
            Closed("company.db"),
        ),
        ("the company's key", |at| mode(&at.key(&at.file), 0), Closed(".key")),
        ("the logs of tasks", |at| mode(&at.folder.join("task-logs"), 0), Served),
        ("the checkpoints", |at| mode(&at.folder.join("checkpoints.jsonl"), 0), Unsound("checkpoints.jsonl")),
    ];
    let (how, _bin) = as_nobody();
    let stage = Stage::new(rows.len(), false);
    stage.belongs_to(NOBODY);
    all(stage, rows, how);
}

/// The program as a user without rights runs it, and the folder in which that user can reach it.
fn as_nobody() -> (How, TempDir) {
    let bin = tempfile::tempdir().unwrap();
    mode(bin.path(), 0o755);
    let copy = bin.path().join("bulkhead");
    fs::copy(program(), &copy).unwrap();
    (How { program: Some(copy), uid: Some(NOBODY), ..How::default() }, bin)
}

/// Findings G8: without these no company can be used. It is said which, and nothing new is made in their place.
#[test]
fn what_the_server_itself_needs_is_named_when_it_cannot_be_used() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: another user can be made the server's by root alone");
        return;
    }
    let rows: &[(&str, Damage, &str)] = &[
        ("the data folder", |at| mode(&at.data, 0), "data"),
        ("the companies", |at| mode(&at.data.join("companies"), 0), "companies"),
        ("the keys", |at| mode(&at.data.join("keys"), 0), "keys"),
        ("the master key", |at| mode(&at.data.join("master.key"), 0), "master.key"),
        ("the master key is noise", |at| fs::write(at.data.join("master.key"), noise(11, 65)).unwrap(), "master.key"),
    ];
    let (how, _bin) = as_nobody();
    let stage = Stage::new(0, false);
    stage.belongs_to(NOBODY);
    let mut failed = Failed::default();
    for (name, damage, path) in rows {
        let copy = tempfile::tempdir().unwrap();
        mode(copy.path(), 0o755);
        let data = copy.path().join("data");
        let copied = Command::new("cp").arg("-a").arg(stage.folder.path().join("data")).arg(&data).status();
        assert!(copied.unwrap().success());
        let before = names(&data);
        damage(&At::of(&data, "meridian"));
        failed.unless(name, || {
            for words in [&["company", "list", "--json"][..], &["verify", "--all"]] {
                let told = Program::prepared(how.command(), &data, words).run();
                let said = format!("{}{}", told.stdout, told.stderr);
                assert!(said.contains(path) && !said.contains("panicked"), "{words:?}: {said}");
                assert!(!said.contains("estore it from a backup"), "{words:?}: {said}");
                // A list is a list also where no company can be opened.
                let meant = if words[0] == "verify" || *name != "the keys" { 1..=3 } else { 0..=0 };
                assert!(told.code.is_some_and(|code| meant.contains(&code)), "{words:?}: {:?} {said}", told.code);
                println!("{name}: {said}");
            }
            assert_eq!(names(&data), before, "nothing new is made");
        });
    }
    failed.none();
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

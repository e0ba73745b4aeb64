//! The real program, on a free port and a temporary folder. It ends with the test.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::api::Caller;
use super::browser_like::BrowserLike;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_bulkhead");
/// For a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Server {
    running: Option<Child>,
    base: String,
    printed: Lines,
    folder: TempDir,
    how: How,
}

/// How the program is run where a test needs another way than the usual one.
#[derive(Default, Clone)]
pub struct How {
    /// Another copy of the program.
    pub program: Option<PathBuf>,
    /// The user and group it runs as.
    pub uid: Option<u32>,
    /// More words for `serve`.
    pub more: Vec<String>,
}

impl How {
    /// The program as it is to be run, without words yet.
    pub fn command(&self) -> Command {
        let mut command = match &self.program {
            Some(program) => plain(&program.to_string_lossy()),
            None => plain(PROGRAM),
        };
        if let Some(uid) = self.uid {
            std::os::unix::process::CommandExt::uid(&mut command, uid);
            std::os::unix::process::CommandExt::gid(&mut command, uid);
        }
        command
    }
}

impl Server {
    /// A new data folder, and a server on it.
    pub fn start() -> Server {
        let folder = tempfile::Builder::new().prefix("bulkhead-test-").tempdir().expect("a temporary folder");
        Server::on(folder, How::default())
    }

    /// A server on a plain copy of a data folder that no server works on.
    pub fn on_copy_of(data: &Path) -> Server {
        let folder = tempfile::Builder::new().prefix("bulkhead-test-").tempdir().expect("a temporary folder");
        let copied = Command::new("cp").arg("-r").arg(data).arg(folder.path().join("data")).status().expect("cp");
        assert!(copied.success(), "the folder could not be copied");
        Server::on(folder, How::default())
    }

    /// A server on `data` in a folder that the test has made.
    pub fn on(folder: TempDir, how: How) -> Server {
        let mut server = Server { running: None, base: String::new(), printed: Lines::default(), folder, how };
        server.run("127.0.0.1:0");
        server
    }

    /// `http://127.0.0.1:PORT`; the same after a restart.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The folders of runs on the built-in worker; what begins with a dot is the worker's own.
    pub fn runs(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.data().join("work")).expect("the work folder");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        paths.filter(|path| !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))).collect()
    }

    pub fn pid(&self) -> u32 {
        self.running.as_ref().expect("a running server").id()
    }

    /// What it has printed so far, on both streams.
    pub fn printed(&self) -> String {
        self.printed.text()
    }

    /// A caller without key or cookie, at the server's root.
    pub fn nobody(&self) -> Caller {
        Caller::nobody(&self.base)
    }

    /// A person who has not signed in yet.
    pub fn browser(&self) -> BrowserLike {
        BrowserLike::new(&self.base)
    }

    /// Makes a company with its first administrator, beside the running server, as an operator would.
    pub fn company(&self, slug: &str, name: &str, email: &str) -> Company {
        let person = email.split('@').next().unwrap_or(email);
        let password = format!("correct horse of {slug}");
        let told = self
            .command(&[
                "company",
                "create",
                slug,
                "--name",
                name,
                "--admin-name",
                &capitalised(person),
                "--admin-email",
                email,
                "--admin-password-stdin",
                "--api-key",
            ])
            .with_input(&format!("{password}\n"))
            .run()
            .expect_success();
        let key = told.stdout.lines().last().unwrap_or("").trim().to_string();
        assert!(key.starts_with("API-"), "the last line should be an API key alone:\n{}", told.stdout);
        Company { base: format!("{}/{slug}", self.base), slug: slug.into(), email: email.into(), password, key }
    }

    /// `bulkhead` with these arguments, on this server's data folder.
    pub fn command(&self, arguments: &[&str]) -> Program {
        Program::prepared(self.how.command(), &self.data(), arguments)
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(&mut self) -> ExitStatus {
        let mut child = self.running.take().expect("a running server");
        signal(&child, Signal::TERM);
        match wait(&mut child, PATIENCE) {
            Some(status) => status,
            None => {
                let _ = child.kill();
                let _ = child.wait();
                panic!("the server did not end within {PATIENCE:?} of SIGTERM; it printed:\n{}", self.printed());
            }
        }
    }

    /// Sends it a signal.
    pub fn tell(&self, which: Signal) {
        signal(self.running.as_ref().expect("a running server"), which);
    }

    /// Waits until it has ended by itself.
    pub fn until_it_ends(&mut self) -> ExitStatus {
        let mut child = self.running.take().expect("a running server");
        let ended = wait(&mut child, PATIENCE);
        ended.unwrap_or_else(|| {
            let _ = child.kill();
            panic!("the server did not end within {PATIENCE:?}; it printed:\n{}", self.printed())
        })
    }

    /// The power fails.
    pub fn kill9(&mut self) {
        let mut child = self.running.take().expect("a running server");
        child.kill().expect("to kill a process of ours");
        child.wait().expect("to wait for a process of ours");
    }

    /// Starts it again on the same folder and port, after `stop`, after `kill9`, or ending it first.
    pub fn restart(&mut self) {
        if self.running.is_some() {
            self.stop();
        }
        let address = self.base.trim_start_matches("http://").to_string();
        self.run(&address);
    }

    /// The same with more on the command line.
    pub fn restart_with(&mut self, more: &[&str]) {
        if self.running.is_some() {
            self.stop();
        }
        let address = self.base.trim_start_matches("http://").to_string();
        self.run_with(&address, more);
    }

    fn run(&mut self, listen: &str) {
        self.run_with(listen, &[]);
    }

    fn run_with(&mut self, listen: &str, more: &[&str]) {
        let mut command = self.how.command();
        command.args(["serve", "--listen", listen, "--data"]).arg(self.data()).args(&self.how.more).args(more);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|e| panic!("{PROGRAM}: {e}"));

        self.printed = Lines::default();
        let listening = self.printed.keep(child.stdout.take().expect("its output"), "listening: ");
        self.printed.keep(child.stderr.take().expect("its messages"), "\0");
        self.running = Some(child);
        match listening.recv_timeout(PATIENCE) {
            Ok(address) => self.base = address.trim_end_matches('/').to_string(),
            Err(_) => panic!("the server never said \"listening: …\"; it printed:\n{}", self.printed()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.running.take() {
            signal(&child, Signal::TERM);
            if wait(&mut child, Duration::from_secs(10)).is_none() {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
        if thread::panicking() {
            eprintln!("--- the server printed:\n{}---", self.printed());
        }
    }
}

/// A company and what its first administrator knows.
pub struct Company {
    /// The server's address and the company: what a client is told the server is.
    pub base: String,
    pub slug: String,
    pub email: String,
    pub password: String,
    pub key: String,
}

impl Company {
    /// The administrator's program. Paths begin at the company: `/api/…`.
    pub fn caller(&self) -> Caller {
        Caller::with_key(&self.base, &self.key)
    }

    /// Somebody without a key, at the same door.
    pub fn stranger(&self) -> Caller {
        Caller::nobody(&self.base)
    }
}

/// One run of the program on the command line.
pub struct Program {
    command: Command,
    shown: String,
    input: String,
}

impl Program {
    pub fn on(data: &Path, arguments: &[&str]) -> Program {
        Program { shown: format!("bulkhead {}", arguments.join(" ")), ..Program::other(PROGRAM, data, arguments) }
    }

    /// Another program that starts this one.
    pub fn other(program: &str, data: &Path, arguments: &[&str]) -> Program {
        let command = plain(program);
        Program::prepared(command, data, arguments)
    }

    /// A command that was prepared: another user, another copy of the program.
    pub fn prepared(mut command: Command, data: &Path, arguments: &[&str]) -> Program {
        let program = command.get_program().to_string_lossy().into_owned();
        command.args(arguments).env("BULKHEAD_DATA", data);
        Program { command, shown: format!("{program} {}", arguments.join(" ")), input: String::new() }
    }

    pub fn with_input(mut self, text: &str) -> Program {
        self.input = text.into();
        self
    }

    pub fn run(mut self) -> Told {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap_or_else(|e| panic!("{}: {e}", self.shown));
        // A program that asks for no input may be gone before it is written: no matter.
        let _ = child.stdin.take().expect("its input").write_all(self.input.as_bytes());
        let output = child.wait_with_output().unwrap_or_else(|e| panic!("{}: {e}", self.shown));
        Told {
            asked: self.shown,
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// What a run on the command line said.
pub struct Told {
    pub asked: String,
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Told {
    #[track_caller]
    pub fn expect_success(self) -> Told {
        self.expect_code(0)
    }

    #[track_caller]
    /// What it said when it was refused or failed.
    pub fn failed(self) -> String {
        assert_ne!(self.code, Some(0), "it should have been refused; it printed:\n{}", self.stdout);
        self.stderr
    }

    pub fn expect_code(self, code: i32) -> Told {
        let Told { asked, stdout, stderr, .. } = &self;
        assert_eq!(self.code, Some(code), "{asked}\n--- stdout\n{stdout}--- stderr\n{stderr}");
        self
    }
}

/// Lines as they come, kept for messages and searched for one beginning.
#[derive(Default, Clone)]
struct Lines(Arc<Mutex<String>>);

impl Lines {
    /// Reads a stream to its end, beside the test. What follows `beginning` in the first such line is sent on.
    fn keep(&self, stream: impl Read + Send + 'static, beginning: &'static str) -> mpsc::Receiver<String> {
        let (found, receiver) = mpsc::channel();
        let lines = self.clone();
        thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                if let Some(rest) = line.strip_prefix(beginning) {
                    let _ = found.send(rest.trim().to_string());
                }
                let mut kept = lines.0.lock().expect("the printed lines");
                kept.push_str(&line);
                kept.push('\n');
            }
        });
        receiver
    }

    fn text(&self) -> String {
        self.0.lock().expect("the printed lines").clone()
    }
}

/// The program under test.
pub fn program() -> &'static Path {
    Path::new(PROGRAM)
}

/// A command that sees none of the surroundings' own settings.
pub fn plain(program: &str) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("BULKHEAD_") {
            command.env_remove(name);
        }
    }
    command.env_remove("NOTIFY_SOCKET").env_remove("WATCHDOG_USEC");
    command
}

fn signal(child: &Child, signal: Signal) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // Gone already is as good.
        let _ = kill_process(pid, signal);
    }
}

fn wait(child: &mut Child, patience: Duration) -> Option<ExitStatus> {
    let until = Instant::now() + patience;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < until => sleep(Duration::from_millis(10)),
            _ => return None,
        }
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A server with one company, Harbour, whose administrator is Ada.
pub fn founded() -> (Server, Company) {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    (server, harbour)
}

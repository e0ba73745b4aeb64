//! The built-in worker: runs a script on the server itself, in a sandbox.
//!
//! The script gets a private folder, the system's programs to read and run, and the network. It promises that the
//! script cannot read the data folder, other runs or other processes, cannot write outside its private folder, holds no
//! right that the service holds, and that nothing of it is left when the run is over or the server dies. How much of that
//! the kernel can hold is what [`Level`] tells. It does not know tasks or companies.
//!
//! Four processes take part, all of this program. The server keeps one end of a control socket. The *keeper*
//! (`sandbox-run --keeper`) holds the other; when it closes, for whatever reason, the keeper kills all it has below it.
//! The *guardian* (`sandbox-run`) stands between the two and does the same when the keeper itself is killed. The
//! *inside* (`sandbox-run --inside`) locks itself in and becomes the interpreter. So no code runs between fork and exec.
//! Should guardian and keeper be killed together, the server kills what it still can find (`leftovers`).

#![allow(clippy::disallowed_methods, reason = "the one place that starts processes")]

mod inside;
mod leftovers;
mod room;

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::{Line, Outcome, Outlet, Script, Stream, TransportError, signal_name};

pub use inside::{Arguments, enter};

/// Where programs are looked for inside the sandbox.
pub const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A script that is ended may tidy up for so long before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// When all processes are gone and a pipe still gives neither bytes nor its end, it is given up after this long.
const DRAIN: Duration = Duration::from_secs(5);

/// The kernel's program file of this very process, right also after an update has replaced the file on disk.
const OURSELVES: &str = "/proc/self/exe";

/// User numbers for scripts when the server runs as root: a range nobody hands out.
const USERS_FROM: u32 = 0x7000_0000;

/// The built-in worker.
#[derive(Clone, Debug)]
pub struct Sandbox {
    work_root: PathBuf,
    allow_unsandboxed: bool,
    program: PathBuf,
    level: Level,
}

/// How tight the sandbox is on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// The Landlock ABI that is held: 1 files, 2 also moving between folders, 3 also truncating, 5 also device
    /// commands, 6 also signals and abstract sockets, 9 also sockets in the file system; 0 is none.
    pub landlock: u8,
    /// Every run has its own user number. Only a server that runs as root can do this, and only if the way to the work
    /// folder is open to others (`x`).
    pub own_user: bool,
}

impl Level {
    /// A sentence for the pages.
    pub fn sentence(self) -> String {
        let files = match self.landlock {
            0 => "This kernel has no Landlock: scripts on the built-in worker could read what the server can read.",
            1..=5 => {
                "Scripts on the built-in worker can reach nothing but their own folder and the system's programs. \
                 A kernel from 6.12 on would also keep them from sending signals to the server."
            }
            _ => {
                "Scripts on the built-in worker can reach nothing but their own folder and the system's programs, \
                 and cannot signal other processes."
            }
        };
        let user = if self.own_user { " Every run has a user number of its own." } else { "" };
        format!("{files}{user} (Landlock level {})", self.landlock)
    }
}

impl Sandbox {
    /// A worker whose private folders lie in `work_root`, which is made if missing. Without Landlock it refuses to run
    /// anything, unless the operator has allowed that.
    pub fn new(work_root: PathBuf, allow_unsandboxed: bool) -> io::Result<Self> {
        let root = rustix::process::geteuid().is_root();
        // As root the scripts' own users must be able to pass through; they cannot list what is there.
        let mode = if root { 0o711 } else { 0o700 };
        std::fs::DirBuilder::new().recursive(true).mode(mode).create(&work_root)?;
        let work_root = work_root.canonicalize()?;
        std::fs::set_permissions(&work_root, std::fs::Permissions::from_mode(mode))?;
        if let Some(open) = inside::READABLE.iter().find(|open| work_root.starts_with(open)) {
            return Err(io::Error::other(format!(
                "the work folder {} lies in {open}, which every script may read; put the data folder elsewhere, for example in /var/lib",
                work_root.display()
            )));
        }
        let level = Level { landlock: inside::landlock_level(), own_user: root && others_may_pass(&work_root) };
        Ok(Self { work_root, allow_unsandboxed, program: PathBuf::from(OURSELVES), level })
    }

    /// Another program file than this process's own; for tests, whose own program has no `sandbox-run`.
    pub fn with_program(mut self, program: PathBuf) -> Self {
        self.program = program;
        self
    }

    /// How tight the sandbox is on this machine.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Whether it would run a script at all.
    pub fn usable(&self) -> bool {
        self.level.landlock >= 1 || self.allow_unsandboxed
    }

    /// Removes what runs of a server that was killed have left. Only for the start of the server, before the first run.
    pub fn sweep(&self) -> io::Result<()> {
        if !leftovers::fell(&self.work_root, None) {
            tracing::warn!("processes that earlier runs left could not be ended");
        }
        for entry in std::fs::read_dir(&self.work_root)? {
            let path = entry?.path();
            if path.is_dir() {
                remove(&path)?;
            }
        }
        Ok(())
    }

    pub(super) async fn run(
        &self,
        script: &Script,
        lines: mpsc::Sender<Line>,
        cancel: CancellationToken,
    ) -> Result<Outcome, TransportError> {
        self.ready(script)?;
        if cancel.is_cancelled() {
            return Err(TransportError::Cancelled);
        }
        let user = self.level.own_user.then(|| USERS_FROM + (rand::random::<u32>() & 0x00ff_ffff));
        let folder = self.work_root.join(script.folder_name());
        let outcome = match prepare(&folder, script, user) {
            Ok(()) => self.run_in(&folder, script, user, lines, cancel).await,
            Err(fault) => Err(TransportError::Internal(format!("its folder could not be made: {fault}"))),
        };
        let removed = tokio::task::spawn_blocking(move || remove(&folder)).await;
        if !matches!(removed, Ok(Ok(()))) {
            tracing::warn!(label = script.label, "a script's private folder could not be removed");
        }
        outcome
    }

    /// What can be known to fail before anything is begun.
    fn ready(&self, script: &Script) -> Result<(), TransportError> {
        if !self.usable() {
            return Err(TransportError::Refused {
                what: "The built-in worker runs nothing here, because this kernel has no Landlock to lock scripts in."
                    .to_owned(),
                remedy: "Use Linux 5.13 or newer with Landlock switched on, let the step run on a target instead, or allow unsandboxed scripts in the server's configuration.".to_owned(),
            });
        }
        if room::free_beyond_reserve(&self.work_root) == Some(0) {
            return Err(TransportError::Refused {
                what: "The server's disk is nearly full, so nothing was begun on the built-in worker.".to_owned(),
                remedy: "Ask the operator for more room, then run this again.".to_owned(),
            });
        }
        if script.syntax.program_here().is_none() {
            return Err(TransportError::Refused {
                what: format!("This server has no {}, which {} scripts need.", script.syntax.interpreter(), script.syntax),
                remedy: "Install it for the whole system (in /usr/bin or /usr/local/bin), or let the step run on a target that has it.".to_owned(),
            });
        }
        Ok(())
    }

    async fn run_in(
        &self,
        folder: &Path,
        script: &Script,
        user: Option<u32>,
        lines: mpsc::Sender<Line>,
        cancel: CancellationToken,
    ) -> Result<Outcome, TransportError> {
        let internal =
            |fault: io::Error| TransportError::Internal(format!("the sandbox could not be started: {fault}"));
        let (control, theirs) = UnixStream::pair().map_err(internal)?;
        control.set_nonblocking(true).map_err(internal)?;
        let mut control = tokio::net::UnixStream::from_std(control).map_err(internal)?;
        let arguments = Arguments::new(folder, script.syntax, script.time_limit, user, self.allow_unsandboxed);
        let mut child = {
            let mut command = tokio::process::Command::new(&self.program);
            command.arg0("bulkhead").args(arguments.words()).env_clear().current_dir("/");
            // The sign by which guardian and keeper are found, should they not end.
            command.env("BULKHEAD_RUN", folder);
            command.stdin(Stdio::from(OwnedFd::from(theirs))).stdout(Stdio::piped()).stderr(Stdio::piped());
            command.spawn().map_err(internal)?
        };
        let gone = CancellationToken::new();
        let readers = [
            child
                .stdout
                .take()
                .map(|pipe| tokio::spawn(copy(pipe, Outlet::new(Stream::Out, lines.clone()), gone.clone()))),
            child.stderr.take().map(|pipe| tokio::spawn(copy(pipe, Outlet::new(Stream::Err, lines), gone.clone()))),
        ];

        let limit = Instant::now() + script.time_limit;
        let mut ended_by = None;
        let mut kill_at = None;
        let mut used_up = std::pin::pin!(room::used_up(folder.to_owned(), script.most_bytes));
        let status = loop {
            tokio::select! {
                status = child.wait() => break status,
                () = cancel.cancelled(), if ended_by.is_none() => ended_by = Some(TransportError::Cancelled),
                () = sleep_until(limit), if ended_by.is_none() => {
                    ended_by = Some(TransportError::TimedOut(script.time_limit));
                }
                why = &mut used_up, if ended_by.is_none() => {
                    ended_by = Some(TransportError::UsedUp(why));
                    // At once: what is asked to end could go on writing.
                    gone.cancel();
                    let _ = control.shutdown().await;
                }
                () = sleep_until(kill_at.unwrap_or(limit)), if kill_at.is_some() => {
                    kill_at = None;
                    // The end of the stream tells the keeper to kill; an error means that it is gone already.
                    let _ = control.shutdown().await;
                }
            }
            if ended_by.is_some() && kill_at.is_none() && !gone.is_cancelled() {
                kill_at = Some(Instant::now() + GRACE);
                gone.cancel();
                let _ = control.write_all(inside::TERMINATE).await;
            }
        };
        gone.cancel();
        // Also when the guardian was killed: then this tells the keeper to end all.
        let _ = control.shutdown().await;
        let mut report = String::new();
        let _ = timeout(DRAIN, control.read_to_string(&mut report)).await;
        let outcome = outcome(&report, status);
        let mut all_ended = true;
        if let Err(TransportError::Lost(_)) = &outcome
            && !report.starts_with("lost ")
        {
            let folder = folder.to_owned();
            all_ended = tokio::task::spawn_blocking(move || leftovers::fell(&folder, user)).await.unwrap_or(false);
        }
        for reader in readers.into_iter().flatten() {
            let _ = reader.await;
        }
        match (ended_by, outcome) {
            (_, Err(TransportError::Lost(what))) if !all_ended => {
                Err(TransportError::Lost(format!("{what} Processes that it started may still run on the server.")))
            }
            (Some(ended_by), _) => Err(ended_by),
            (None, outcome) => outcome,
        }
    }
}

/// What the keeper reported.
fn outcome(report: &str, status: io::Result<std::process::ExitStatus>) -> Result<Outcome, TransportError> {
    let (kind, rest) = report.split_once(' ').unwrap_or((report, ""));
    match (kind, rest.parse::<i32>()) {
        ("exit", Ok(exit_code)) => Ok(Outcome { exit_code, signal: None }),
        ("signal", Ok(signal)) => Ok(Outcome { exit_code: 128 + signal, signal: Some(signal_name(signal)) }),
        ("refused", _) => Err(TransportError::Refused {
            what: format!("The built-in worker could not lock the script in: {rest}."),
            remedy: "Nothing was run. The operator finds in the server's log, at its start, how tight the sandbox is on this machine.".to_owned(),
        }),
        ("lost", Ok(signal)) => Err(TransportError::Lost(format!(
            "The process that watches over the script was killed (signal {}), and all that the script had started was ended.",
            signal_name(signal)
        ))),
        _ => Err(TransportError::Lost(match status {
            Ok(status) => format!("The process that watches over the script ended unexpectedly ({status})."),
            Err(fault) => format!("The process that watches over the script was lost ({fault})."),
        })),
    }
}

/// Reads one of the script's outputs to its end.
async fn copy<R: AsyncRead + Unpin>(mut pipe: R, mut outlet: Outlet, gone: CancellationToken) {
    let mut buffer = vec![0; 32 * 1024];
    // One for all rounds, and asked first: also what never stops writing is given up.
    let mut given_up = std::pin::pin!(async {
        gone.cancelled().await;
        tokio::time::sleep(GRACE + DRAIN).await;
    });
    loop {
        let read = tokio::select! {
            biased;
            () = &mut given_up => break,
            read = pipe.read(&mut buffer) => read,
        };
        match read {
            Ok(0) | Err(_) => break,
            Ok(length) => outlet.push(&buffer[..length]).await,
        }
    }
    outlet.finish().await;
}

/// Makes the private folder with the script in it.
fn prepare(folder: &Path, script: &Script, user: Option<u32>) -> io::Result<()> {
    use std::io::Write as _;
    let give = |path: &Path| user.map_or(Ok(()), |user| std::os::unix::fs::chown(path, Some(user), Some(user)));
    let path = folder.join(script.syntax.file_name());
    std::fs::DirBuilder::new().mode(0o700).create(folder)?;
    std::fs::DirBuilder::new().mode(0o700).create(folder.join("tmp"))?;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    file.write_all(script.text().as_bytes())?;
    give(&path)?;
    give(&folder.join("tmp"))?;
    give(folder)
}

/// Removes a private folder, also when the script has taken rights from its parts. Nothing runs in it any more.
fn remove(folder: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(fault) if fault.kind() == io::ErrorKind::PermissionDenied => {
            open_up(folder)?;
            std::fs::remove_dir_all(folder)
        }
        done => done,
    }
}

fn open_up(folder: &Path) -> io::Result<()> {
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        // The type of the entry itself: links are not followed.
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

/// Whether a user without rights can get to this folder.
fn others_may_pass(folder: &Path) -> bool {
    folder.ancestors().all(|part| part.metadata().is_ok_and(|facts| facts.permissions().mode() & 0o001 != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keepers_report_becomes_an_outcome() {
        let status = || Ok(std::os::unix::process::ExitStatusExt::from_raw(9));
        assert_eq!(outcome("exit 3", status()).unwrap(), Outcome { exit_code: 3, signal: None });
        let killed = outcome("signal 9", status()).unwrap();
        assert_eq!((killed.exit_code, killed.signal.as_deref()), (137, Some("KILL")));
        assert!(matches!(outcome("refused no Landlock", status()), Err(TransportError::Refused { .. })));
        assert!(matches!(outcome("", status()), Err(TransportError::Lost(_))));
        assert!(matches!(outcome("lost 9", status()), Err(TransportError::Lost(why)) if why.contains("KILL")));
        assert!(matches!(outcome("exit x", status()), Err(TransportError::Lost(_))));
    }

    #[test]
    fn a_folder_without_rights_is_removed() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("run");
        std::fs::create_dir_all(folder.join("a/b")).unwrap();
        std::fs::write(folder.join("a/b/c"), "x").unwrap();
        std::fs::set_permissions(folder.join("a"), std::fs::Permissions::from_mode(0o000)).unwrap();
        remove(&folder).unwrap();
        assert!(!folder.exists());
    }

    #[test]
    fn the_work_folder_must_not_lie_where_scripts_may_read() {
        let fault = Sandbox::new(PathBuf::from("/usr/lib"), false);
        assert!(fault.unwrap_err().to_string().contains("/var/lib"));
    }
}

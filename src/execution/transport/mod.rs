//! How a script gets to the place where it runs, and its output back.
//!
//! A [`Place`] is the built-in worker's sandbox or a machine reached by SSH. It promises: every line the script wrote
//! before its end has been handed over when `run` returns; no process of the script is left when `run` returns, unless
//! the connection was lost, and then the answer says that the outcome is unknown; the private folder is gone.
//! It does not know tasks, steps, companies or secrets: masking is done by whoever receives the lines.

mod lines;
pub mod prelude;
pub mod sandbox;
pub mod ssh;

use lines::{Outlet, SHOWN_EVERY};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use sandbox::Sandbox;
pub use ssh::{SshCredential, SshTarget};

/// Where a script runs.
#[derive(Clone, Debug)]
pub enum Place {
    /// The built-in worker, on the server itself.
    Sandbox(Arc<Sandbox>),
    /// A machine reached by SSH.
    Ssh(Arc<SshTarget>),
}

impl Place {
    /// Runs the script to its end, its time limit or its cancelling. Output goes to `lines` while it runs; a receiver
    /// that has gone away does not stop the script.
    pub async fn run(
        &self,
        script: &Script,
        lines: mpsc::Sender<Line>,
        cancel: CancellationToken,
    ) -> Result<Outcome, TransportError> {
        // In a task of its own: if the caller's future is dropped, the script is still ended in order and tidied up.
        let (place, script) = (self.clone(), script.clone());
        let cancel = cancel.child_token();
        let _ended_with_the_caller = cancel.clone().drop_guard();
        let task = tokio::spawn(async move {
            match place {
                Place::Sandbox(sandbox) => sandbox.run(&script, lines, cancel).await,
                Place::Ssh(target) => target.run(&script, lines, cancel).await,
            }
        });
        task.await.unwrap_or_else(|fault| Err(TransportError::Internal(fault.to_string())))
    }
}

/// The language of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Syntax {
    /// `bash`, 3.2 or newer.
    Bash,
    /// PowerShell 7 (`pwsh`).
    PowerShell,
    /// Python 3.
    Python,
}

impl Syntax {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Syntax; 3] = [Syntax::Bash, Syntax::PowerShell, Syntax::Python];

    /// The name on the wire and in the database: `Bash`, `PowerShell`, `Python`.
    pub fn name(self) -> &'static str {
        match self {
            Syntax::Bash => "Bash",
            Syntax::PowerShell => "PowerShell",
            Syntax::Python => "Python",
        }
    }

    /// The program that runs it.
    pub fn interpreter(self) -> &'static str {
        match self {
            Syntax::Bash => "bash",
            Syntax::PowerShell => "pwsh",
            Syntax::Python => "python3",
        }
    }

    /// Options of the interpreter that stand before the script's file.
    pub fn options(self) -> &'static [&'static str] {
        match self {
            Syntax::Bash => &[],
            Syntax::PowerShell => &["-NoLogo", "-NoProfile", "-NonInteractive", "-File"],
            Syntax::Python => &["-u"],
        }
    }

    /// The script's file name inside its private folder.
    pub fn file_name(self) -> &'static str {
        match self {
            Syntax::Bash => "script.sh",
            Syntax::PowerShell => "script.ps1",
            Syntax::Python => "script.py",
        }
    }

    /// Whether the built-in worker of this server has the interpreter.
    pub fn available_here(self) -> bool {
        self.program_here().is_some()
    }

    /// The interpreter's file on this server, looked for in the sandbox's own `PATH`.
    pub(super) fn program_here(self) -> Option<PathBuf> {
        use std::os::unix::fs::PermissionsExt;
        sandbox::SEARCH_PATH
            .split(':')
            .map(|folder| PathBuf::from(folder).join(self.interpreter()))
            .find(|file| file.metadata().is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0))
    }
}

impl std::str::FromStr for Syntax {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Syntax::ALL
            .into_iter()
            .find(|syntax| syntax.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| format!("{text} is not a script language; use Bash, PowerShell or Python"))
    }
}

impl std::fmt::Display for Syntax {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// One script to run, with all it may know.
#[derive(Clone)]
pub struct Script {
    /// Its language.
    pub syntax: Syntax,
    /// What the user wrote, variables already substituted.
    pub body: String,
    /// What `get_octopusvariable` answers.
    pub variables: BTreeMap<String, String>,
    /// After this long the script is ended.
    pub time_limit: Duration,
    /// A short name such as `ServerTasks-12-1`, for folders and the machine's own audit log.
    pub label: String,
    /// Whose turn it is: on one machine, scripts of one lane never run side by side, also over a crash of this server.
    pub lane: String,
    /// In the sandbox: so many bytes may lie in its folder.
    pub most_bytes: u64,
}

/// Body and variables may hold secrets, so they are not shown.
impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Script")
            .field("syntax", &self.syntax)
            .field("label", &self.label)
            .field("time_limit", &self.time_limit)
            .finish_non_exhaustive()
    }
}

impl Script {
    /// The text that is given to the interpreter: prelude and body.
    pub fn text(&self) -> String {
        prelude::whole(self.syntax, &self.body, &self.variables)
    }

    /// A folder name nobody else has: the label, made safe, and a random part.
    pub(super) fn folder_name(&self) -> String {
        let random: u64 = rand::random();
        format!("{}-{random:016x}", safe_label(&self.label))
    }

    /// The lane as a file name: digits that tell nobody whose it is.
    pub(super) fn lane_name(&self) -> String {
        data_encoding::HEXLOWER.encode(Sha256::digest(self.lane.as_bytes()).get(..12).unwrap_or_default())
    }
}

/// Where a line comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
    /// Not the script: what whoever brought it there has to say about the run.
    Note,
}

/// One line of output, as a terminal would show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where it was written.
    pub stream: Stream,
    /// Its text without the end of line; bytes that are not UTF-8 became U+FFFD.
    pub text: String,
    /// The line was longer than [`LONGEST_LINE`] and goes on in the next `Line` of the same stream.
    pub continued: bool,
}

/// Longer lines are handed over in pieces of at most this many bytes.
pub const LONGEST_LINE: usize = 64 * 1024;

/// How a script ended by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The exit code; 128 + n after signal n, as shells have it.
    pub exit_code: i32,
    /// The signal that ended it, for example `KILL`.
    pub signal: Option<String>,
}

impl Outcome {
    /// Whether the script ended with 0.
    pub fn succeeded(&self) -> bool {
        self.exit_code == 0 && self.signal.is_none()
    }

    /// A sentence for the log.
    pub fn sentence(&self) -> String {
        match &self.signal {
            None => format!("The script ended with exit code {}.", self.exit_code),
            Some(signal) if signal == "KILL" || signal == "XCPU" => {
                format!(
                    "The script was killed (signal {signal}): out of memory, over its CPU time limit, or killed from outside."
                )
            }
            Some(signal) if signal == "XFSZ" => {
                "The script was ended because it wrote a file larger than the limit of 2 GiB.".to_owned()
            }
            Some(signal) => format!("The script was ended by signal {signal}."),
        }
    }
}

/// Why there is no outcome. The sentences are for people and say what to do.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// It was not started, and starting it again as it is will not help.
    #[error("{what} {remedy}")]
    Refused {
        /// What is the matter.
        what: String,
        /// What to do.
        remedy: String,
    },
    /// The machine does not answer. Nothing was started.
    #[error(
        "{0} Check that the machine is on, that its address and port are right, and that this server may reach it."
    )]
    Unreachable(String),
    /// The machine showed another key than the pinned one. Nothing was sent to it.
    #[error(
        "The machine shows the host key {seen}, but {expected} is expected. Either the machine was set up anew, or somebody is in between. Compare the key on the machine itself; if it is right, save it on the target."
    )]
    HostKeyChanged {
        /// The pinned fingerprint.
        expected: String,
        /// The fingerprint the machine showed.
        seen: String,
    },
    /// The machine refused the account. Nothing was started.
    #[error(
        "The machine refused the sign-in of {user}. Check the account's user name and its password or key, and that the machine accepts this way of signing in."
    )]
    SignInRefused {
        /// The user name that was tried.
        user: String,
    },
    /// The time limit was over; the script was ended.
    #[error("The script was ended after its time limit of {0:?}. Raise the limit, or find out what it waits for.")]
    TimedOut(Duration),
    /// Somebody cancelled; the script was ended.
    #[error("The script was ended because it was cancelled.")]
    Cancelled,
    /// It took more room on the server's disk than it may; the script was ended.
    #[error("{0} Let it write less, or ask the operator for more room.")]
    UsedUp(String),
    /// The connection was lost while the script ran, or it could not be ended: nobody knows how far it came.
    #[error("{0} Whether the script came to its end is not known. Look at the machine before you run it again.")]
    Lost(String),
    /// A fault on this server.
    #[error("The script could not be run because of a fault on the server: {0}.")]
    Internal(String),
}

impl TransportError {
    /// Whether the script certainly did not begin, so that trying again is safe.
    pub fn nothing_ran(&self) -> bool {
        match self {
            Self::Refused { .. } | Self::Unreachable(_) | Self::HostKeyChanged { .. } | Self::SignInRefused { .. } => {
                true
            }
            Self::TimedOut(_) | Self::Cancelled | Self::UsedUp(_) | Self::Lost(_) | Self::Internal(_) => false,
        }
    }
}

/// Letters, digits, dots, underscores and hyphens of the label; at most 80 of them, never hidden, never empty.
fn safe_label(label: &str) -> String {
    let safe: String = label
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' })
        .take(80)
        .collect();
    let safe = safe.trim_start_matches(['.', '-']);
    if safe.is_empty() { "script".to_owned() } else { safe.to_owned() }
}

/// The name of a signal, without `SIG`.
fn signal_name(number: i32) -> String {
    match number {
        1 => "HUP",
        2 => "INT",
        3 => "QUIT",
        4 => "ILL",
        6 => "ABRT",
        7 => "BUS",
        8 => "FPE",
        9 => "KILL",
        11 => "SEGV",
        13 => "PIPE",
        14 => "ALRM",
        15 => "TERM",
        24 => "XCPU",
        25 => "XFSZ",
        31 => "SYS",
        other => return other.to_string(),
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_become_folder_names() {
        for (label, safe) in [
            ("ServerTasks-12-1", "ServerTasks-12-1"),
            ("../../etc", "etc"),
            ("a b/c'd\"$(x)\n", "a-b-c-d---x--"),
            ("", "script"),
            ("...", "script"),
            ("é", "script"),
        ] {
            assert_eq!(safe_label(label), safe, "{label:?}");
        }
        assert_eq!(safe_label(&"x".repeat(300)).len(), 80);
    }

    #[test]
    fn the_languages_have_names_and_programs() {
        for syntax in Syntax::ALL {
            assert_eq!(syntax.name().to_lowercase().parse::<Syntax>(), Ok(syntax));
        }
        assert!("Cobol".parse::<Syntax>().is_err());
        assert!(Syntax::Bash.available_here());
    }

    #[test]
    fn a_script_does_not_show_its_secrets() {
        let script = Script {
            syntax: Syntax::Bash,
            body: "hunter2".to_owned(),
            variables: BTreeMap::from([("a".to_owned(), "hunter2".to_owned())]),
            time_limit: Duration::from_secs(1),
            label: "t".to_owned(),
            lane: String::new(),
            most_bytes: u64::MAX,
        };
        assert!(!format!("{script:?}").contains("hunter2"));
    }
}

//! The built-in worker: runs a script on the server itself, in a sandbox.
//!
//! The script gets a private folder, the system's programs to read and run, and as much network as the operator lets it
//! have. It promises that the script sees nothing of the data folder, of other runs or of other processes, reaches no
//! address that it must not, holds no right that the service holds, and that nothing of it is left when the run is over
//! or the server dies. Whether the machine can hold that is found out once, by walking the whole way into the sandbox;
//! where it cannot, nothing runs, unless the operator has allowed a weaker kind by its name ([`Weakest`]).
//! It does not know tasks or companies.
//!
//! Three processes stand between the server and the script's interpreter, all of this program. The server keeps one end
//! of a control socket; the *keeper* holds the other and makes the namespaces; *init* is the first process in them, locks
//! itself in and starts the interpreter. Keeper and init can be started ahead of their script. When the keeper ends, for whatever reason, init ends, and with it all that the
//! script has started. A *carrier*, where there is a network, carries packets from outside.

#![allow(clippy::disallowed_methods, reason = "the one place that starts processes")]

mod ahead;
mod carrier;
mod filter;
mod folder;
mod groups;
mod init;
mod keeper;
mod leftovers;
mod locks;
mod netlink;
mod network;
mod plan;
mod powershell;
mod room;
mod root;
mod running;
mod standing;
mod walk;

use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Line, Outcome, Script, Stream, Syntax, TransportError};

pub use network::Network;
pub use plan::Layer;
pub use powershell::PowerShell;
pub use standing::{Standing, Weakest};

/// Where programs are looked for inside the sandbox.
pub const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The word after which this program is one of those who take part, and no command line.
const COMMAND: &str = "sandbox-run";

/// The kernel's program file of this very process, right also after an update has replaced the file on disk.
const OURSELVES: &str = "/proc/self/exe";

/// User numbers for scripts when the server runs as root: a range nobody hands out.
const NUMBERS_FROM: u32 = 0x7000_0000;
const NUMBERS: u32 = 0x0100_0000;

/// Where it was found that nothing can run, it is looked again after this long.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// The skeleton of the root folder, in the work folder.
const SKELETON: &str = ".root";

/// If this process was started to take part in a run, it does, and this is how it ended. Call it first in `main`,
/// before any runtime or thread is started.
pub fn takes_part() -> Option<ExitCode> {
    let mut words = std::env::args_os().skip(1);
    if words.next()? != COMMAND {
        return None;
    }
    let role = words.next().unwrap_or_default();
    let done = keeper::own_socket().and_then(|socket| match role.to_str() {
        Some("keeper") => keeper::run(socket),
        Some("init") => init::run(socket),
        Some("carrier") => carrier::run(socket),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    });
    Some(if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the operator has settled for the built-in worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The weakest sandbox in which scripts may run.
    pub weakest: Weakest,
    /// What scripts reach; if nothing is said, filtered where that can be had, and else nothing.
    pub network: Option<Network>,
}

/// The built-in worker.
#[derive(Clone, Debug)]
pub struct Sandbox {
    work: PathBuf,
    settings: Settings,
    program: PathBuf,
    powershell: Option<PowerShell>,
    layers: BTreeSet<Layer>,
    found: Outlook,
    ahead: ahead::Ahead,
}

/// What is known of the sandbox, for pages and log. It can start nothing.
#[derive(Clone, Debug, Default)]
pub struct Outlook(Arc<Found>);

#[derive(Debug, Default)]
struct Found {
    last: Mutex<Option<(Instant, Arc<Standing>)>>,
    /// Held by who walks.
    walking: Mutex<()>,
}

impl Outlook {
    /// What the last walk has found; nothing before the first has ended.
    pub fn get(&self) -> Option<Arc<Standing>> {
        Some(self.last()?.1)
    }
    fn last(&self) -> Option<(Instant, Arc<Standing>)> {
        self.0.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Sandbox {
    /// A worker whose private folders lie in `work`, which is made if missing. Nothing is tried yet.
    pub fn new(work: PathBuf, settings: Settings) -> io::Result<Self> {
        // A weaker kind under another number must be able to pass through; it cannot list what is there.
        let open = rustix::process::geteuid().is_root() && settings.weakest < Weakest::Full;
        let mode = if open { 0o711 } else { 0o700 };
        std::fs::DirBuilder::new().recursive(true).mode(mode).create(&work)?;
        let work = work.canonicalize()?;
        // Looked at before anything is changed: it could be the machine's own.
        if let Some(open) = root::READABLE.iter().find(|open| work.starts_with(open)) {
            return Err(io::Error::other(format!(
                "the work folder {} lies in {open}, which every script may read; put the data folder elsewhere, for example in /var/lib",
                work.display()
            )));
        }
        std::fs::set_permissions(&work, std::fs::Permissions::from_mode(mode))?;
        let layers = BTreeSet::from(Layer::ALL);
        Ok(Self {
            work,
            settings,
            program: PathBuf::from(OURSELVES),
            powershell: None,
            layers,
            found: Outlook::default(),
            ahead: ahead::Ahead::default(),
        })
    }

    /// Another program file than this process's own; for tests, whose own program takes no part.
    pub fn with_program(mut self, program: PathBuf) -> Self {
        self.program = program;
        self
    }

    /// With the PowerShell of this server, where that is not among the system's own programs.
    ///
    /// # Errors
    /// When its folder holds the work folder: every script would see into it.
    pub fn with_powershell(mut self, powershell: Option<PowerShell>) -> io::Result<Self> {
        if let Some(folder) = powershell.as_ref().and_then(PowerShell::beyond)
            && self.work.starts_with(folder)
        {
            return Err(io::Error::other(format!(
                "the work folder {} lies in {}, the folder of PowerShell, which every script may read",
                self.work.display(),
                folder.display()
            )));
        }
        self.powershell = powershell;
        Ok(self)
    }

    /// A folder that every script may read beside those of the system.
    fn beyond(&self) -> Option<&Path> {
        self.powershell.as_ref()?.beyond()
    }

    /// The file that runs scripts of a language.
    fn interpreter(&self, syntax: Syntax) -> Option<PathBuf> {
        match (syntax, &self.powershell) {
            (Syntax::PowerShell, Some(powershell)) => Some(powershell.program().to_owned()),
            _ => syntax.program_here(),
        }
    }

    /// A sandbox that lacks something, for tests that show what it holds back. No setting leads here.
    #[doc(hidden)]
    pub fn without(mut self, layer: Layer) -> Self {
        self.layers.remove(&layer);
        self
    }

    /// What is known of it.
    pub fn outlook(&self) -> Outlook {
        self.found.clone()
    }

    /// How tight it is on this machine; the first time by walking the whole way in, which takes a moment, and again
    /// after a while if nothing could run.
    pub fn standing(&self) -> Arc<Standing> {
        let known = || self.found.last().filter(|(at, standing)| standing.usable() || at.elapsed() < LOOK_AGAIN);
        if let Some((_, standing)) = known() {
            return standing;
        }
        let _alone = self.found.0.walking.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, standing)) = known() {
            return standing;
        }
        let standing = Arc::new(walk::walk(self));
        for sentence in standing.sentences() {
            if Some(&sentence) == standing.warning().as_ref() {
                tracing::warn!("{sentence}");
            } else {
                tracing::info!("{sentence}");
            }
        }
        *self.found.0.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), standing.clone()));
        standing
    }

    /// Removes what runs of a server that was killed have left. Only for the start of the server, before the first run.
    pub fn sweep(&self) -> io::Result<()> {
        if !leftovers::fell(&self.work, None) {
            tracing::warn!("processes that earlier runs left could not be ended");
        }
        for entry in std::fs::read_dir(&self.work)? {
            let path = entry?.path();
            if path.is_dir() {
                folder::remove(&path)?;
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
        let sandbox = self.clone();
        let standing = tokio::task::spawn_blocking(move || sandbox.standing()).await;
        let standing = standing.map_err(|fault| TransportError::Internal(fault.to_string()))?;
        self.ready(&standing, script)?;
        if cancel.is_cancelled() {
            return Err(TransportError::Cancelled);
        }
        if let Some(text) = standing.wire.note() {
            let _ = lines.send(Line { stream: Stream::Note, text, continued: false }).await;
        }
        let number = standing.own_number.then(own_number);
        let folder = self.work.join(script.folder_name());
        let plan = self.plan(&standing, &folder, number, script);
        let outcome = match folder::prepare(&folder, script, number, !plan.has(Layer::Mount)) {
            Ok(()) => match self.keeper(&plan) {
                Ok(keeper) => {
                    let ground = plan.ground();
                    let outcome = running::run(keeper, plan, number, script, lines, cancel).await;
                    self.ahead.prepare(self.program.clone(), ground, self.work.clone());
                    outcome
                }
                Err(fault) => Err(TransportError::Internal(format!("the sandbox could not be started: {fault}"))),
            },
            Err(fault) => Err(TransportError::Internal(format!("its folder could not be made: {fault}"))),
        };
        let removed = tokio::task::spawn_blocking(move || folder::remove(&folder)).await;
        if !matches!(removed, Ok(Ok(()))) {
            tracing::warn!(label = script.label, "a script's private folder could not be removed");
        }
        outcome
    }

    /// A keeper that has this plan: the one that waits, else a new one.
    fn keeper(&self, plan: &plan::Plan) -> io::Result<running::Keeper> {
        let ground = plan.ground();
        if let Some(mut keeper) = self.ahead.take(&ground)
            && keeper.give(plan).is_ok()
        {
            return Ok(keeper);
        }
        let mut keeper = running::Keeper::start(&self.program, &ground, &plan.folder)?;
        keeper.give(plan)?;
        Ok(keeper)
    }

    fn plan(&self, standing: &Standing, folder: &Path, number: Option<u32>, script: &Script) -> plan::Plan {
        let mut command = vec![self.interpreter(script.syntax).unwrap_or_default().to_string_lossy().into_owned()];
        command.extend(script.syntax.options().iter().map(|word| (*word).to_owned()));
        command.push(format!("{{}}/{}", script.syntax.file_name()));
        // Rounded up, so that the time limit itself always speaks first.
        let seconds = script.time_limit.as_secs().saturating_add(1);
        let kind = standing.kind.unwrap_or_default();
        let mut plan = walk::plan(self, kind, number, &standing.wire, standing.bound.clone(), folder, command);
        plan.processor_seconds = seconds;
        plan.group = standing.groups.as_deref().and_then(|groups| groups::bounded(groups, folder));
        plan
    }

    /// What can be known to fail before anything is begun.
    fn ready(&self, standing: &Standing, script: &Script) -> Result<(), TransportError> {
        if !standing.usable() {
            let (what, remedy) = standing.refusal();
            return Err(TransportError::Refused { what, remedy });
        }
        if room::free_beyond_reserve(&self.work) == Some(0) {
            return Err(TransportError::Refused {
                what: "The server's disk is nearly full, so nothing was begun on the built-in worker.".to_owned(),
                remedy: "Ask the operator for more room, then run this again.".to_owned(),
            });
        }
        if self.interpreter(script.syntax).is_none() {
            return Err(TransportError::Refused {
                what: format!("This server has no {}, which {} scripts need.", script.syntax.interpreter(), script.syntax),
                remedy: "Install it for the whole system (in /usr/bin or /usr/local/bin; PowerShell also where worker-powershell says), or let the step run on a target that has it.".to_owned(),
            });
        }
        Ok(())
    }
}

/// A number that no other run of this server has.
fn own_number() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    static FIRST: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    let first = FIRST.get_or_init(rand::random);
    NUMBERS_FROM + first.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % NUMBERS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_folder_must_not_lie_where_scripts_may_read() {
        let mode = || std::fs::metadata("/usr/lib").unwrap().permissions().mode();
        let before = mode();
        let fault = Sandbox::new(PathBuf::from("/usr/lib"), Settings::default());
        assert!(fault.unwrap_err().to_string().contains("/var/lib"));
        assert_eq!(mode(), before, "what is refused is not touched");
    }

    #[test]
    fn a_scripts_number_is_its_own_and_never_roots() {
        let numbers: BTreeSet<u32> = (0..1000).map(|_| own_number()).collect();
        assert_eq!(numbers.len(), 1000);
        assert!(numbers.iter().all(|number| (0x7000_0000..=0x70ff_ffff).contains(number)));
    }
}

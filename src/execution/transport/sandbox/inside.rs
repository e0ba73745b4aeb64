//! What happens in the processes of `bulkhead sandbox-run`: the guardian, the keeper, and the inside that becomes the
//! interpreter.
//!
//! The keeper promises to report how the script ended and to leave no process below it, also none that made itself
//! independent. The guardian above it does nothing but promise the same should the keeper be killed. The inside promises that the interpreter begins with all locks closed, or not at all.
//! Neither knows the server's data or keys, and neither starts a thread before it is locked in.

#![allow(clippy::disallowed_methods, reason = "the one place that starts processes")]

use std::fs::read_dir;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetStatus, Scope, make_bitflags, path_beneath_rules,
};
use rustix::process::{
    Pid, Resource, Rlimit, Signal, WaitId, WaitIdOptions, WaitOptions, getpid, getppid, getrlimit, kill_process,
    kill_process_group, set_child_subreaper, set_parent_process_death_signal, setrlimit, setsid, umask, wait, waitid,
    waitpid,
};
use rustix::thread::{CapabilitySet, CapabilitySets};

use super::super::Syntax;

/// The server's word to the keeper: ask the script to end. The end of the stream means: kill it.
pub(super) const TERMINATE: &[u8] = b"t";

/// The newest Landlock this code knows.
const NEWEST: ABI = ABI::V9;

/// Folders every script may read and run programs from.
pub(super) const READABLE: &[&str] = &["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];

/// What programs need of `/etc`: the loader, names, name resolution, certificates, time zone, and the settings of a few
/// tools that hold no secrets.
const SETTINGS: &[&str] = &[
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/ld.so.preload",
    "/etc/passwd",
    "/etc/group",
    "/etc/hosts",
    "/etc/hostname",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/resolv.conf",
    "/etc/nsswitch.conf",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust",
    "/etc/crypto-policies",
    "/etc/ca-certificates",
    "/etc/ca-certificates.conf",
    "/etc/alternatives",
    "/etc/localtime",
    "/etc/timezone",
    "/etc/protocols",
    "/etc/services",
    "/etc/mime.types",
    "/etc/os-release",
    "/etc/debian_version",
    "/etc/gitconfig",
    "/etc/dotnet",
];

const DEVICES: &[&str] = &["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"];

/// The arguments of the hidden subcommand `sandbox-run`.
#[derive(clap::Args, Clone, Debug)]
pub struct Arguments {
    /// The private folder.
    #[arg(long)]
    folder: PathBuf,
    /// The script's language.
    #[arg(long)]
    syntax: Syntax,
    /// Seconds of processor time each process may use.
    #[arg(long)]
    time_limit: u64,
    /// The user number the script gets.
    #[arg(long)]
    user: Option<u32>,
    /// Run also where the kernel has no Landlock.
    #[arg(long)]
    allow_unsandboxed: bool,
    /// Watch over the script; the guardian above watches over this process.
    #[arg(long)]
    keeper: bool,
    /// Lock this process in and become the interpreter; the keeper with this number is waiting.
    #[arg(long)]
    inside: Option<i32>,
}

impl Arguments {
    pub(super) fn new(
        folder: &Path,
        syntax: Syntax,
        time_limit: Duration,
        user: Option<u32>,
        allow_unsandboxed: bool,
    ) -> Self {
        // Rounded up, so that the time limit itself always speaks first.
        let time_limit = time_limit.as_secs().saturating_add(1);
        Self { folder: folder.to_owned(), syntax, time_limit, user, allow_unsandboxed, keeper: false, inside: None }
    }

    /// The command line that gives these arguments.
    pub(super) fn words(&self) -> Vec<std::ffi::OsString> {
        let mut words: Vec<std::ffi::OsString> =
            vec!["sandbox-run".into(), "--folder".into(), self.folder.clone().into()];
        words.extend(["--syntax".into(), self.syntax.name().into()]);
        words.extend(["--time-limit".into(), self.time_limit.to_string().into()]);
        if let Some(user) = self.user {
            words.extend(["--user".into(), user.to_string().into()]);
        }
        if self.allow_unsandboxed {
            words.push("--allow-unsandboxed".into());
        }
        if self.keeper {
            words.push("--keeper".into());
        }
        if let Some(keeper) = self.inside {
            words.extend(["--inside".into(), keeper.to_string().into()]);
        }
        words
    }
}

/// The body of `bulkhead sandbox-run`. Call it first in `main`, before any runtime or thread is started.
pub fn enter(arguments: &Arguments) -> ExitCode {
    // Taken aside: standard input is the script's own as soon as the interpreter begins.
    let Ok(mut report) = own_socket() else { return ExitCode::FAILURE };
    let done = match arguments.inside {
        Some(keeper) => {
            become_interpreter(arguments, keeper).map(|never| match never {}).map_err(|fault| fault.to_string())
        }
        None if arguments.keeper => keep(arguments, &report).map_err(|fault| format!("refused {fault}")),
        None => guard(arguments, &report).map_err(|fault| format!("refused {fault}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            let _ = report.write_all(fault.as_bytes());
            ExitCode::FAILURE
        }
    }
}

/// The socket this process was given as standard input.
fn own_socket() -> io::Result<UnixStream> {
    Ok(UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?))
}

// ---- the guardian ----------------------------------------------------------------------------------------------------

/// Starts the keeper and waits for its end. What a keeper that was killed had below it becomes this process's, and is
/// killed here. Should this process be killed, the server closes the socket and the keeper does its work.
fn guard(arguments: &Arguments, mut control: &UnixStream) -> io::Result<()> {
    let _ = setsid();
    set_child_subreaper(Some(getpid()))?;
    let mut keeper = arguments.clone();
    keeper.keeper = true;
    let mut command = Command::new(super::OURSELVES);
    command.arg0("bulkhead").args(keeper.words()).stdin(Stdio::from(OwnedFd::from(control.try_clone()?)));
    let ended = command.spawn()?.wait()?;
    kill_the_rest();
    if let Some(number) = std::os::unix::process::ExitStatusExt::signal(&ended) {
        // If the server is gone there is nobody to tell.
        let _ = control.write_all(format!("lost {number}").as_bytes());
    }
    Ok(())
}

// ---- the keeper ------------------------------------------------------------------------------------------------------

/// Starts the inside, ends it when the server says so or dies, kills what is left, reports.
fn keep(arguments: &Arguments, mut control: &UnixStream) -> io::Result<()> {
    // A session of its own, so that Ctrl-C in the server's terminal does not reach the keeper.
    let _ = setsid();
    // What makes itself independent of the script becomes a child of this process, and is found at the end.
    set_child_subreaper(Some(getpid()))?;
    let (mut begun, theirs) = UnixStream::pair()?;
    let child = {
        let mut inside = arguments.clone();
        (inside.keeper, inside.inside) = (false, Some(getpid().as_raw_nonzero().get()));
        let mut command = Command::new(super::OURSELVES);
        command.arg0("bulkhead").args(inside.words()).stdin(Stdio::from(OwnedFd::from(theirs)));
        command.spawn()?
    };
    let child = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or_else(|| io::Error::other("no process"))?;

    // The process's number is ours until it is reaped; under this lock nobody kills a number that is not ours any more.
    let ended = Arc::new(Mutex::new(false));
    let (listening, seen) = (control.try_clone()?, Arc::clone(&ended));
    std::thread::spawn(move || listen(listening, child, &seen));

    let mut refused = String::new();
    begun.read_to_string(&mut refused)?;
    while matches!(
        waitid(WaitId::Pid(child), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT),
        Err(rustix::io::Errno::INTR)
    ) {}
    let status = {
        let mut ended = ended.lock().unwrap_or_else(PoisonError::into_inner);
        *ended = true;
        signal(child, Signal::KILL);
        waitpid(Some(child), WaitOptions::empty())?
    };
    kill_the_rest();
    let report = match status {
        _ if !refused.is_empty() => format!("refused {refused}"),
        Some((_, status)) => match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => format!("exit {code}"),
            (None, Some(number)) => format!("signal {number}"),
            (None, None) => String::new(),
        },
        None => String::new(),
    };
    // If the server is gone there is nobody to tell.
    let _ = control.write_all(report.as_bytes());
    Ok(())
}

/// Waits for the server's word, or for its death.
fn listen(mut control: UnixStream, child: Pid, ended: &Mutex<bool>) {
    let mut word = [0];
    loop {
        let asked = matches!(control.read(&mut word), Ok(1));
        let ended = ended.lock().unwrap_or_else(PoisonError::into_inner);
        if *ended {
            return;
        }
        signal(child, if asked { Signal::TERM } else { Signal::KILL });
        if !asked {
            return;
        }
    }
}

/// To the script's whole group; and to its first process, which has no group yet while it locks itself in.
fn signal(child: Pid, signal: Signal) {
    let _ = kill_process_group(child, signal);
    let _ = kill_process(child, signal);
}

/// Kills children until there are none. Whoever's parent is killed becomes a child, so the whole tree is felled.
fn kill_the_rest() {
    for _ in 0..2000 {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
                Ok(None) => break,
                Err(_) => return,
            }
        }
        for child in children() {
            let _ = kill_process(child, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn children() -> Vec<Pid> {
    let me = getpid().as_raw_nonzero().get().to_string();
    let Ok(processes) = read_dir("/proc") else { return Vec::new() };
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .filter(|number| {
            // "12 (name) S 1 …": the name may hold anything, also brackets; after the last one come state and parent.
            let Ok(facts) = std::fs::read(format!("/proc/{number}/stat")) else { return false };
            let facts = String::from_utf8_lossy(&facts);
            facts.rsplit(')').next().and_then(|rest| rest.split_ascii_whitespace().nth(1)) == Some(&me)
        })
        .filter_map(Pid::from_raw)
        .collect()
}

// ---- the inside ------------------------------------------------------------------------------------------------------

/// Why the inside could not be locked in.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("{0} ({1})")]
    System(&'static str, rustix::io::Errno),
    #[error("{0} ({1})")]
    Io(&'static str, io::Error),
    #[error("the kernel did not take the file rules ({0})")]
    Rules(#[from] landlock::RulesetError),
    #[error("{0}")]
    Other(String),
}

/// Locks this process in and replaces it by the interpreter. Comes back only if that failed.
fn become_interpreter(arguments: &Arguments, keeper: i32) -> Result<std::convert::Infallible, Fault> {
    let failed = |what: &'static str| move |errno| Fault::System(what, errno);
    setsid().map_err(failed("no session of its own"))?;
    umask(rustix::fs::Mode::from_bits_truncate(0o077));
    limit(arguments.time_limit)?;
    let folder = arguments.folder.canonicalize().map_err(|fault| Fault::Io("no private folder", fault))?;
    std::env::set_current_dir(&folder).map_err(|fault| Fault::Io("no private folder", fault))?;
    let rules = rules(&folder)?;
    give_up_rights(arguments.user)?;
    // After the change of user, which takes this back. If the keeper died before, nobody would tell us.
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(failed("no tie to its keeper"))?;
    if getppid().map(|parent| parent.as_raw_nonzero().get()) != Some(keeper) {
        return Err(Fault::Other("the process that watches over it is gone".to_owned()));
    }
    rustix::thread::set_no_new_privs(true).map_err(failed("rights could be gained"))?;
    if rules.restrict_self()?.ruleset == RulesetStatus::NotEnforced && !arguments.allow_unsandboxed {
        return Err(Fault::Other("this kernel has no Landlock".to_owned()));
    }
    let program = arguments
        .syntax
        .program_here()
        .ok_or_else(|| Fault::Other(format!("there is no {}", arguments.syntax.interpreter())))?;
    let mut command = Command::new(program);
    command.args(arguments.syntax.options()).arg(folder.join(arguments.syntax.file_name()));
    command.env_clear().env("PATH", super::SEARCH_PATH).env("LANG", "C.UTF-8");
    command.env("HOME", &folder).env("TMPDIR", folder.join("tmp"));
    command.env("POWERSHELL_TELEMETRY_OPTOUT", "1").env("DOTNET_CLI_TELEMETRY_OPTOUT", "1");
    Err(Fault::Io("the interpreter could not be started", command.stdin(Stdio::null()).exec()))
}

/// Bounds that hold for every process of the script. Processes and threads are counted per user.
fn limit(processor_seconds: u64) -> Result<(), Fault> {
    const GIB: u64 = 1 << 30;
    for (resource, most) in [
        (Resource::Core, 0),
        (Resource::Nofile, 1024),
        (Resource::Nproc, 512),
        (Resource::Fsize, 2 * GIB),
        // Data and not address space: runtimes reserve far more addresses than they use.
        (Resource::Data, 4 * GIB),
        (Resource::Cpu, processor_seconds),
        (Resource::Memlock, 64 << 10),
        (Resource::Msgqueue, 0),
    ] {
        // Only downwards: a service's own narrower bound stays.
        let most = getrlimit(resource).maximum.map_or(most, |now| now.min(most));
        // A second between the two for the processor: first a signal that can be reported, then the kill.
        let hard = if resource == Resource::Cpu { most.saturating_add(1) } else { most };
        let hard = getrlimit(resource).maximum.map_or(hard, |now| now.min(hard));
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(hard) })
            .map_err(|errno| Fault::System("its limits could not be set", errno))?;
    }
    Ok(())
}

/// No capability is left, and none comes back with the next program; as root also another user.
fn give_up_rights(user: Option<u32>) -> Result<(), Fault> {
    let failed = |errno| Fault::System("its rights could not be taken", errno);
    let held = rustix::thread::capabilities(None).map_err(failed)?;
    if held.permitted.contains(CapabilitySet::SETPCAP) {
        for capability in CapabilitySet::all().iter() {
            // Fails for those this kernel does not know.
            let _ = rustix::thread::remove_capability_from_bounding_set(capability);
        }
    }
    if let Some(number) = user {
        let (user, group) = (rustix::process::Uid::from_raw(number), rustix::process::Gid::from_raw(number));
        // The pipes of the output become the user's own, or `> /dev/stderr` would be refused.
        let _ = rustix::fs::fchown(io::stdout(), Some(user), Some(group));
        let _ = rustix::fs::fchown(io::stderr(), Some(user), Some(group));
        rustix::thread::set_thread_groups(&[]).map_err(failed)?;
        rustix::thread::set_thread_res_gid(group, group, group).map_err(failed)?;
        rustix::thread::set_thread_res_uid(user, user, user).map_err(failed)?;
    }
    let held = rustix::thread::capabilities(None).map_err(failed)?;
    if !(held.permitted | held.inheritable).is_empty() {
        let none = CapabilitySet::empty();
        let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
        rustix::thread::set_capabilities(None, sets).map_err(failed)?;
    }
    Ok(())
}

/// Read and run the system, read some settings, use harmless devices, do all in the private folder; nothing else.
fn rules(folder: &Path) -> Result<RulesetCreated, Fault> {
    let all = AccessFs::from_all(NEWEST);
    let own = PathFd::new(folder).map_err(|fault| Fault::Other(format!("no private folder ({fault})")))?;
    let python = read_dir("/etc").into_iter().flatten().filter_map(|entry| {
        let path = entry.ok()?.path();
        path.file_name()?.to_str()?.starts_with("python3").then_some(path)
    });
    Ok(Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(all)?
        .scope(Scope::from_all(NEWEST))?
        .create()?
        .add_rules(path_beneath_rules(READABLE, make_bitflags!(AccessFs::{Execute | ReadFile | ReadDir})))?
        .add_rules(path_beneath_rules(SETTINGS, make_bitflags!(AccessFs::{ReadFile | ReadDir})))?
        .add_rules(path_beneath_rules(python, make_bitflags!(AccessFs::{ReadFile | ReadDir})))?
        .add_rules(path_beneath_rules(DEVICES, make_bitflags!(AccessFs::{ReadFile | WriteFile | Truncate | IoctlDev})))?
        .add_rule(PathBeneath::new(own, all))?)
}

/// The newest Landlock the running kernel can hold of which this code makes use; 0 for none. Asking restricts nothing.
pub(super) fn landlock_level() -> u8 {
    let holds = |abi: ABI| -> Result<RulesetCreated, landlock::RulesetError> {
        let ruleset = Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(abi))?;
        let ruleset = if abi >= ABI::V4 { ruleset.handle_access(AccessNet::from_all(abi))? } else { ruleset };
        let ruleset = if abi >= ABI::V6 { ruleset.scope(Scope::from_all(abi))? } else { ruleset };
        ruleset.create()
    };
    // 7 and 8 change how rules are logged and given to threads, not what they can hold.
    [(9, ABI::V9), (6, ABI::V6), (5, ABI::V5), (4, ABI::V4), (3, ABI::V3), (2, ABI::V2), (1, ABI::V1)]
        .into_iter()
        .find_map(|(level, abi)| holds(abi).is_ok().then_some(level))
        .unwrap_or(0)
}

//! Init: the first process of a run. It makes the root folder, locks itself in, starts the interpreter and reaps.
//!
//! It promises that the interpreter begins with all locks closed, or not at all, and that it ends when its keeper does:
//! with it the kernel ends all that the script has started. It knows nothing of the server's data or keys.

use std::io::{self, Read as _};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use rustix::process::{
    DumpableBehavior, Pid, Signal, WaitOptions, getpid, kill_process, kill_process_group, set_child_subreaper,
    set_dumpable_behavior, set_parent_process_death_signal, setsid, umask, wait,
};

use super::plan::{self, Layer, Obstacle, Plan, Report, Step};
use super::{filter, locks, netlink, root};

/// The keeper's word to init: the network is there.
pub(super) const CONNECTED: u8 = b'n';
/// The server's word to the keeper, and the keeper's to init: ask the script to end.
pub(super) const TERMINATE: u8 = b't';

/// The body of init. Its end is the end of the run.
pub(super) fn run(mut keeper: UnixStream) -> io::Result<()> {
    // Before the plan is there: if the keeper died in between, the stream has ended, and that is an error.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let plan: Plan = plan::receive(&mut keeper)?;
    let report = match begin(&plan, &mut keeper) {
        Ok(interpreter) => watch(interpreter, &keeper)?,
        Err(obstacle) => Report::Refused(obstacle),
    };
    plan::send(&mut keeper, &report)
}

fn begin(plan: &Plan, keeper: &mut UnixStream) -> Result<Pid, Obstacle> {
    let rights = |errno: rustix::io::Errno| Obstacle::new(Step::Rights, "it could not be shut off", errno);
    let _ = setsid();
    umask(rustix::fs::Mode::from_bits_truncate(0o077));
    if plan.has(Layer::Cgroup) {
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWCGROUP).map_err(|errno| {
            Obstacle::new(Step::GroupNamespace, "its place among control groups was not hidden", errno)
        })?;
    }
    if plan.has(Layer::Uts) {
        // Where the service manager protects it, the machine's own name is seen.
        let _ = rustix::system::sethostname(b"worker");
    }
    if plan.has(Layer::Mount) {
        root::enter(plan)?;
    } else {
        std::env::set_current_dir(&plan.folder)
            .map_err(|cause| Obstacle::new(Step::Root, "its folder could not be entered", cause))?;
    }
    if plan.has(Layer::Net) {
        network(plan, keeper)?;
    }
    if !plan.has(Layer::Pid) {
        // What makes itself independent becomes a child of this process.
        set_child_subreaper(Some(getpid())).map_err(rights)?;
    }
    locks::limit(plan.processor_seconds)?;
    locks::give_up_rights(plan.identity)?;
    // A change of user takes both back.
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(rights)?;
    if plan.has(Layer::Dumpable) {
        set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(rights)?;
    }
    if plan.has(Layer::Landlock) {
        locks::close_files(plan)?;
    }
    if plan.has(Layer::Seccomp) {
        filter::apply()?;
    }
    start(plan)
}

/// Loopback, and where there is a way out, the networks that it must not lead to.
fn network(plan: &Plan, keeper: &mut UnixStream) -> Result<(), Obstacle> {
    let netlink = netlink::Netlink::open()?;
    netlink.loopback_up()?;
    let Some(exit) = &plan.exit else { return Ok(()) };
    // EAFNOSUPPORT, EOPNOTSUPP: a machine without IPv6 has no way to close, either.
    const NO_SUCH_FAMILY: [Option<i32>; 2] = [Some(97), Some(95)];
    for network in &exit.prohibited {
        match netlink.prohibit(*network) {
            Err(obstacle) if network.addr().is_ipv6() && NO_SUCH_FAMILY.contains(&obstacle.errno) => {}
            done => done?,
        }
    }
    let mut word = [0];
    match keeper.read_exact(&mut word) {
        Ok(()) if word == [CONNECTED] => Ok(()),
        _ => Err(Obstacle::plain(Step::Carrier, "the keeper gave no word of the network")),
    }
}

fn start(plan: &Plan) -> Result<Pid, Obstacle> {
    let failed = |cause: io::Error| Obstacle::new(Step::Interpreter, "the interpreter could not be started", cause);
    let (program, arguments) =
        plan.command.split_first().ok_or_else(|| Obstacle::plain(Step::Interpreter, "there is no interpreter"))?;
    let home = plan.home();
    let mut command = Command::new(program);
    command.args(arguments.iter().map(|word| word.replace("{}", &home.to_string_lossy())));
    command.env_clear().env("PATH", super::SEARCH_PATH).env("LANG", "C.UTF-8");
    command.env("HOME", &home).env("TMPDIR", plan.temporary());
    command.env("POWERSHELL_TELEMETRY_OPTOUT", "1").env("DOTNET_CLI_TELEMETRY_OPTOUT", "1");
    let child = command.stdin(Stdio::null()).process_group(0).spawn().map_err(failed)?;
    i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or_else(|| failed(io::Error::other("it has no number")))
}

/// Reaps until the interpreter has ended.
fn watch(interpreter: Pid, keeper: &UnixStream) -> io::Result<Report> {
    let mut listening = keeper.try_clone()?;
    std::thread::spawn(move || {
        let mut word = [0];
        while listening.read_exact(&mut word).is_ok() {
            if word == [TERMINATE] {
                // It leads its group. Told once: what it does at a signal it does once.
                let _ =
                    kill_process_group(interpreter, Signal::TERM).or_else(|_| kill_process(interpreter, Signal::TERM));
            }
        }
    });
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((ended, status))) if ended == interpreter => {
                return Ok(match (status.exit_status(), status.terminating_signal()) {
                    (Some(code), _) => Report::Exit(code),
                    (None, number) => Report::Signal(number.unwrap_or_default()),
                });
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

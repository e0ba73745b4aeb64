//! The keeper: stands between the server and a run, outside of the run's namespaces' first process.
//!
//! It promises to report how the script ended, and that no process of the run is left when it has ended, for whatever
//! reason: init ends with it, and with init all else. It runs in one thread for ever, as the kernel wants it of whoever
//! makes new namespaces, and knows nothing of the server's data or keys.

use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{
    Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, setsid, umask, wait, waitpid,
};
use rustix::thread::{CapabilitySet, CapabilitySets};

use super::plan::{self, Ground, Layer, Obstacle, Plan, Report, Step};
use super::{carrier, init, root};

/// The body of the keeper: makes the ground, waits for the plan, carries it out, reports.
pub(super) fn run(mut server: UnixStream) -> io::Result<()> {
    let ground: Ground = plan::receive(&mut server)?;
    if ground.has(Layer::Closing) {
        drop(server);
        close_all();
        server = own_socket()?;
    }
    // A session of its own, so that Ctrl-C in the server's terminal does not reach it.
    let _ = setsid();
    umask(rustix::fs::Mode::from_bits_truncate(0o077));
    let report = keep(&ground, &server).unwrap_or_else(Report::Refused);
    // If the server is gone there is nobody to tell.
    plan::send(&mut server, &report)
}

/// Closes what the server had open and did not mean to hand on. Nothing of its own is open yet.
fn close_all() {
    let open = std::fs::read_dir("/proc/self/fd").into_iter().flatten();
    let open: Vec<i32> = open.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    for number in open.into_iter().filter(|number| *number > 2) {
        // The folder just read is among them, and closed already.
        let _ = nix::unistd::close(number);
    }
}

fn keep(ground: &Ground, server: &UnixStream) -> Result<Report, Obstacle> {
    let failed = |cause: io::Error| Obstacle::new(Step::Init, "its first process could not be started", cause);
    // Before anything is new: who carries packets stands outside.
    let carrier = ground.exit.as_ref().map(carrier::prepare).transpose()?;
    if !ground.has(Layer::Pid) {
        set_child_subreaper(Some(getpid())).map_err(|errno| failed(errno.into()))?;
    }
    separate(ground)?;
    let (mut ours, theirs) = UnixStream::pair().map_err(failed)?;
    let init = command("init", OwnedFd::from(theirs)).spawn().map_err(failed)?;
    let number = i32::try_from(init.id()).ok().and_then(Pid::from_raw);
    let number = number.ok_or_else(|| failed(io::Error::other("it has no number")))?;
    let report = direct(server, &mut ours, number, carrier);
    let _ = kill_process(number, Signal::KILL);
    // When the first process of a run is reaped, the kernel has ended and reaped all others.
    let status = waitpid(Some(number), WaitOptions::empty());
    if !ground.has(Layer::Pid) {
        kill_the_rest();
    }
    match (report?, status) {
        (Some(report), _) => Ok(report),
        (None, Ok(Some((_, status)))) => Ok(Report::Lost(status.terminating_signal().unwrap_or_default())),
        (None, _) => Ok(Report::Lost(0)),
    }
}

/// This program, as another of those who take part.
pub(super) fn command(role: &str, stdin: OwnedFd) -> Command {
    let mut command = Command::new(super::OURSELVES);
    command.arg0("bulkhead").args([super::COMMAND, role]).stdin(Stdio::from(stdin));
    command
}

/// Steps into new namespaces; what is started from now on is inside of them.
fn separate(ground: &Ground) -> Result<(), Obstacle> {
    let mut flags = CloneFlags::empty();
    for (layer, flag) in [
        (Layer::Mount, CloneFlags::CLONE_NEWNS),
        (Layer::Pid, CloneFlags::CLONE_NEWPID),
        (Layer::Ipc, CloneFlags::CLONE_NEWIPC),
        (Layer::Uts, CloneFlags::CLONE_NEWUTS),
        (Layer::Net, CloneFlags::CLONE_NEWNET),
    ] {
        if ground.has(layer) {
            flags |= flag;
        }
    }
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    if ground.mapped {
        flags |= CloneFlags::CLONE_NEWUSER;
    }
    if flags.is_empty() {
        return Ok(());
    }
    unshare(flags).map_err(|errno| Obstacle::new(Step::Unshare, "new namespaces were refused", errno))?;
    if !ground.mapped {
        return Ok(());
    }
    let inside = root::NUMBER_INSIDE;
    for (file, text) in [
        ("setgroups", "deny".to_owned()),
        ("gid_map", format!("{inside} {} 1", group.as_raw())),
        ("uid_map", format!("{inside} {} 1", user.as_raw())),
    ] {
        std::fs::write(format!("/proc/self/{file}"), text)
            .map_err(|cause| Obstacle::new(Step::Map, &format!("its {file} was refused"), cause))?;
    }
    // All rights inside, and handed on to init, which is not number 0 there and would lose them.
    let failed = |errno: rustix::io::Errno| Obstacle::new(Step::Map, "it has no rights in its own namespace", errno);
    let held = rustix::thread::capabilities(None).map_err(failed)?;
    let handed = CapabilitySets { inheritable: held.permitted, ..held };
    rustix::thread::set_capabilities(None, handed).map_err(failed)?;
    for capability in held.permitted.iter().filter(|one| CapabilitySet::all().contains(*one)) {
        rustix::thread::configure_capability_in_ambient_set(capability, true).map_err(failed)?;
    }
    Ok(())
}

/// Hands the plan on when it comes, then carries words between server and init until there is a report, init is gone,
/// or the server wants it gone.
fn direct(
    server: &UnixStream,
    init: &mut UnixStream,
    number: Pid,
    carrier: Option<carrier::Waiting>,
) -> Result<Option<Report>, Obstacle> {
    let failed = |cause: io::Error| Obstacle::new(Step::Init, "its first process ended before it began", cause);
    let carried = carrier.map(|waiting| waiting.connect(number)).transpose()?;
    // Nobody may come with a plan: the server has ended, or had this one ready for nothing.
    let Some(plan) = await_plan(server, init) else { return Ok(None) };
    if let Some(group) = &plan.group {
        std::fs::write(group.join("cgroup.procs"), number.as_raw_nonzero().to_string())
            .map_err(|cause| Obstacle::new(Step::Group, "it could not be put into its control group", cause))?;
    }
    plan::send(init, &plan).map_err(failed)?;
    if carried.is_some() {
        init.write_all(&[init::CONNECTED]).map_err(failed)?;
    }
    let report = listen(server, init);
    drop(carried);
    Ok(report)
}

fn await_plan(mut server: &UnixStream, init: &UnixStream) -> Option<Plan> {
    match next(server, init)? {
        Speaker::Server => plan::receive(&mut server).ok(),
        Speaker::Init => None,
    }
}

fn listen(mut server: &UnixStream, init: &mut UnixStream) -> Option<Report> {
    loop {
        match next(server, init)? {
            Speaker::Init => return plan::receive(init).ok(),
            Speaker::Server => {
                let mut word = [0];
                match server.read(&mut word) {
                    Ok(1) => {
                        let _ = init.write_all(&word);
                    }
                    // The server wants an end, or has none itself.
                    Ok(_) | Err(_) => return None,
                }
            }
        }
    }
}

enum Speaker {
    Server,
    Init,
}

/// Waits until one of them says something or is gone; init first, if both.
fn next(server: &UnixStream, init: &UnixStream) -> Option<Speaker> {
    let there = PollFlags::IN | PollFlags::HUP | PollFlags::ERR;
    loop {
        let mut both = [PollFd::new(server, PollFlags::IN), PollFd::new(init, PollFlags::IN)];
        match poll(&mut both, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return None,
        }
        let [heard, said] = both.map(|one| one.revents().intersects(there));
        if said {
            return Some(Speaker::Init);
        }
        if heard {
            return Some(Speaker::Server);
        }
    }
}

/// Kills children until there are none. Whoever's parent is killed becomes a child, so the whole tree is felled. Only
/// where a run has no process numbers of its own.
fn kill_the_rest() {
    for _ in 0..2000 {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => return,
            }
        }
        for child in children() {
            let _ = kill_process(child, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn children() -> Vec<Pid> {
    let me = getpid().as_raw_nonzero().get().to_string();
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .filter(|number| {
            // The name in brackets may hold anything; after the last bracket stand the state and the parent.
            let facts = std::fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
            facts.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)) == Some(&me)
        })
        .filter_map(Pid::from_raw)
        .collect()
}

/// Ends a child when it is not needed any more.
pub(super) struct Ended(pub(super) Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The socket this process was given as standard input.
pub(super) fn own_socket() -> io::Result<UnixStream> {
    Ok(UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?))
}

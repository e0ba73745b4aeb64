//! The program that carries packets between a run's own network and the outer one: slirp4netns or pasta.
//!
//! It is started by a process that stands outside of the run's namespaces, before there are any, and ends with the
//! keeper. Which networks it must not carry to is held by routes inside (`netlink`), which the script cannot change.

use std::io::{self, Read as _};
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, set_parent_process_death_signal};
use serde::{Deserialize, Serialize};

use super::keeper::{self, Ended};
use super::plan::{self, Carrier, Exit, Obstacle, Step};

/// So long it may take until the network is there.
const PATIENCE: Duration = Duration::from_secs(10);

/// Addresses between a run and its carrier: documentation's own, which are nobody's. The carrier answers for names.
const NETWORK: &str = "198.51.100.0/24";
pub(super) const NAMES: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 3);

impl Carrier {
    /// Those that can be used, the better one first: it starts faster, and asks the machine's own resolver wherever
    /// that listens. pasta gives up the rights it needs when it is started by root.
    pub(super) fn candidates(root: bool) -> Vec<(Carrier, PathBuf)> {
        let both = [(Carrier::Slirp, "slirp4netns", true), (Carrier::Pasta, "pasta", !root)];
        let found = both.into_iter().filter(|(_, _, fits)| *fits).filter_map(|(carrier, name, _)| {
            let file =
                super::SEARCH_PATH.split(':').map(|folder| Path::new(folder).join(name)).find(|file| file.is_file());
            file.map(|file| (carrier, file))
        });
        found.collect()
    }

    /// Its arguments for the network of a process. It says on descriptor 0 that it is ready.
    fn arguments(self, target: &str) -> Vec<String> {
        let names = NAMES.to_string();
        let words: Vec<&str> = match self {
            Carrier::Slirp => vec![
                "--configure",
                "--mtu=65520",
                "--disable-host-loopback",
                "--enable-sandbox",
                "--enable-seccomp",
                "--ready-fd=0",
                "--cidr",
                NETWORK,
                target,
                "tap0",
            ],
            Carrier::Pasta => vec![
                "--foreground",
                "--quiet",
                "--config-net",
                "-4",
                "-a",
                "198.51.100.100",
                "-n",
                "24",
                "-g",
                "198.51.100.2",
                "-D",
                &names,
                "--dns-forward",
                &names,
                "--no-map-gw",
                "-t",
                "none",
                "-u",
                "none",
                "-T",
                "none",
                "-U",
                "none",
                "-I",
                "tap0",
                "-P",
                "/proc/self/fd/0",
                target,
            ],
        };
        words.into_iter().map(str::to_owned).collect()
    }
}

/// The keeper's word to the process that becomes the carrier.
#[derive(Serialize, Deserialize)]
struct Order {
    exit: Exit,
    target: i32,
}

/// A process that waits outside until there is a network to carry for.
pub(super) struct Waiting {
    process: Ended,
    order: UnixStream,
    ready: OwnedFd,
    errors: OwnedFd,
    exit: Exit,
}

/// Starts it. Only before the keeper makes namespaces.
pub(super) fn prepare(exit: &Exit) -> Result<Waiting, Obstacle> {
    let failed =
        |cause: io::Error| Obstacle::new(Step::Carrier, "the program for its network could not be started", cause);
    let (order, theirs) = UnixStream::pair().map_err(failed)?;
    let pipe = || rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(|errno| failed(errno.into()));
    let ((ready, says), (errors, complains)) = (pipe()?, pipe()?);
    let mut command = keeper::command("carrier", OwnedFd::from(theirs));
    let process = command.stdout(Stdio::from(says)).stderr(Stdio::from(complains)).spawn().map_err(failed)?;
    Ok(Waiting { process: Ended(process), order, ready, errors, exit: exit.clone() })
}

impl Waiting {
    /// Carries for the network of `target`, as long as what is returned lives.
    pub(super) fn connect(mut self, target: Pid) -> Result<(Ended, OwnedFd), Obstacle> {
        let name = self.exit.program.display().to_string();
        let order = Order { exit: self.exit, target: target.as_raw_nonzero().get() };
        plan::send(&mut self.order, &order).map_err(|cause| Obstacle::new(Step::Carrier, &name, cause))?;
        let patience = Timespec::try_from(PATIENCE).ok();
        let heard = poll(&mut [PollFd::new(&self.ready, PollFlags::IN)], patience.as_ref());
        if heard == Ok(0) {
            return Err(Obstacle::plain(Step::Carrier, format!("{name} was not ready in time")));
        }
        let mut word = [0];
        if std::fs::File::from(self.ready).read_exact(&mut word).is_ok() {
            return Ok((self.process, self.errors));
        }
        drop(self.process);
        let mut said = String::new();
        let _ = std::fs::File::from(self.errors).take(2000).read_to_string(&mut said);
        let said = said.lines().filter(|line| !line.contains("syslog")).collect::<Vec<_>>().join("; ");
        Err(Obstacle::plain(Step::Carrier, format!("{name} ended: {said}")))
    }
}

/// The body of the process that becomes the carrier.
pub(super) fn run(mut keeper: UnixStream) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let order: Order = plan::receive(&mut keeper)?;
    let ready = io::stdout().as_fd().try_clone_to_owned()?;
    let mut command = Command::new(&order.exit.program);
    command.args(order.exit.carrier.arguments(&order.target.to_string())).env_clear().env("PATH", super::SEARCH_PATH);
    Err(command.stdin(Stdio::from(ready)).stdout(Stdio::null()).exec())
}

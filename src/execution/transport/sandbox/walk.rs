//! The walk: the whole way into the sandbox, once, down to a program in it that does nothing. What works step by step
//! can still fail as a whole, so nothing less proves anything; the first step that fails is what is told.

use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::network::{self, Network, Wire};
use super::plan::{self, Bound, Carrier, Identity, Layer, Obstacle, Plan, Report, Step};
use super::standing::{Standing, Weakest};
use super::{Sandbox, folder, groups, locks, own_number, root};

/// So long one walk may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Finds the tightest sandbox that can be had, and the network that goes with it.
pub(super) fn walk(sandbox: &Sandbox) -> Standing {
    let root = rustix::process::geteuid().is_root();
    let mut standing = Standing {
        kind: None,
        own_number: root,
        obstacle: None,
        landlock: locks::landlock_level(),
        wire: Wire::None(String::new()),
        bound: Vec::new(),
        groups: groups::prepare(),
    };
    match full(sandbox, root) {
        Ok((wire, bound)) => {
            (standing.kind, standing.wire, standing.bound) = (Some(Weakest::Full), wire, bound);
            return standing;
        }
        Err(obstacle) => standing.obstacle = Some(obstacle),
    }
    // Without namespaces scripts have the machine's own network, which the operator must not have ruled out.
    standing.wire = match sandbox.settings.network {
        None | Some(Network::Host) => Wire::Host,
        Some(Network::None | Network::Filtered) => Wire::Missing(
            "without namespaces scripts have the machine's own network".to_owned(),
            network::NO_NAMESPACES,
        ),
    };
    let weakest = sandbox.settings.weakest;
    let passable = folder::others_may_pass(&sandbox.work);
    let own = root && passable && weakest <= Weakest::OwnUser && standing.landlock > 0;
    if own && try_kind(sandbox, Weakest::OwnUser, &Wire::Host, Vec::new()).is_ok() {
        standing.kind = Some(Weakest::OwnUser);
    } else if weakest == Weakest::Unsandboxed
        && (!root || passable)
        && try_kind(sandbox, Weakest::Unsandboxed, &Wire::Host, Vec::new()).is_ok()
    {
        standing.kind = Some(Weakest::Unsandboxed);
    }
    standing
}

/// The full kind, with the network that is set, or the best there is.
fn full(sandbox: &Sandbox, root: bool) -> Result<(Wire, Vec<Bound>), Obstacle> {
    let mut missed = Vec::new();
    let mut attempts = Vec::new();
    if matches!(sandbox.settings.network, None | Some(Network::Filtered)) {
        attempts.extend(Carrier::candidates(root).into_iter().map(|(carrier, file)| Wire::Filtered(carrier, file)));
    }
    attempts.push(match sandbox.settings.network {
        Some(Network::Host) => Wire::Host,
        Some(Network::None) => Wire::None("the operator has switched it off".to_owned()),
        None | Some(Network::Filtered) => Wire::None(String::new()),
    });
    for wire in attempts {
        let bound = root::make_skeleton(&sandbox.work.join(super::SKELETON), wire.resolver(), sandbox.beyond())
            .map_err(|cause| Obstacle::new(Step::Skeleton, "the skeleton of its root folder", cause))?;
        match try_kind(sandbox, Weakest::Full, &wire, bound.clone()) {
            Ok(()) => {
                let why = if missed.is_empty() {
                    "neither slirp4netns nor pasta is installed on the server".to_owned()
                } else {
                    format!("no filtered one can be had on the server ({})", missed.join("; "))
                };
                return Ok(match (wire, sandbox.settings.network) {
                    (Wire::None(_), Some(Network::Filtered)) => (Wire::Missing(why, network::NO_CARRIER), bound),
                    (Wire::None(_), None) => (Wire::None(why), bound),
                    (wire, _) => (wire, bound),
                });
            }
            Err(obstacle) if obstacle.step == Step::Carrier => missed.push(obstacle.text),
            Err(obstacle) => return Err(obstacle),
        }
    }
    Err(Obstacle::plain(Step::Carrier, missed.join("; ")))
}

fn try_kind(sandbox: &Sandbox, kind: Weakest, wire: &Wire, bound: Vec<Bound>) -> Result<(), Obstacle> {
    let failed = |cause: std::io::Error| Obstacle::new(Step::Keeper, "the keeper", cause);
    let number = rustix::process::geteuid().is_root().then(own_number);
    let trial = sandbox.work.join(".walk");
    let _ = folder::remove(&trial);
    std::fs::DirBuilder::new().mode(0o700).create(&trial).map_err(failed)?;
    std::os::unix::fs::chown(&trial, number, number).map_err(failed)?;
    let command = super::SEARCH_PATH.split(':').map(|folder| format!("{folder}/true"));
    let command = command.filter(|file| Path::new(file).is_file()).take(1).collect();
    let plan = plan(sandbox, kind, number, wire, bound, &trial, command);
    let walked = go(&sandbox.program, &plan);
    let _ = folder::remove(&trial);
    match walked? {
        Report::Exit(0) => Ok(()),
        Report::Refused(obstacle) => Err(obstacle),
        other => Err(Obstacle::plain(Step::Interpreter, format!("a program that does nothing ended with {other:?}"))),
    }
}

/// What a run of this kind is made of.
pub(super) fn plan(
    sandbox: &Sandbox,
    kind: Weakest,
    number: Option<u32>,
    wire: &Wire,
    bound: Vec<Bound>,
    folder: &Path,
    command: Vec<String>,
) -> Plan {
    let full = kind == Weakest::Full;
    let mut layers = sandbox.layers.clone();
    if !full {
        layers.retain(|layer| Layer::WITHOUT_NAMESPACES.contains(layer));
    }
    if *wire == Wire::Host {
        layers.remove(&Layer::Net);
    }
    Plan {
        programs: sandbox.beyond().map(Path::to_owned).into_iter().collect(),
        folder: folder.to_owned(),
        skeleton: sandbox.work.join(super::SKELETON),
        bound,
        command,
        processor_seconds: 60,
        identity: match number {
            Some(number) => Identity::Number(number),
            None if full => Identity::Mapped,
            None => Identity::Same,
        },
        exit: if layers.contains(&Layer::Net) { wire.exit() } else { None },
        layers,
        landlock_needed: kind == Weakest::OwnUser,
        group: None,
    }
}

fn go(program: &PathBuf, plan: &Plan) -> Result<Report, Obstacle> {
    let failed = |cause: std::io::Error| Obstacle::new(Step::Keeper, "the keeper", cause);
    let (mut control, theirs) = UnixStream::pair().map_err(failed)?;
    plan::send(&mut control, &plan.ground()).map_err(failed)?;
    plan::send(&mut control, plan).map_err(failed)?;
    control.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    let mut keeper = Command::new(program);
    keeper.arg0("bulkhead").args([super::COMMAND, "keeper"]).env_clear().env("BULKHEAD_RUN", &plan.folder);
    keeper.current_dir("/").stdin(Stdio::from(OwnedFd::from(theirs))).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = keeper.spawn().map_err(failed)?;
    // Its end is closed here, so that the end of the keeper is the end of the stream.
    drop(keeper);
    let report = plan::receive(&mut control);
    let _ = control.shutdown(std::net::Shutdown::Write);
    let mut rest = [0; 1];
    let _ = control.read(&mut rest);
    let _ = child.kill();
    let _ = child.wait();
    report.map_err(|cause| Obstacle::new(Step::Keeper, "the keeper gave no report", cause))
}

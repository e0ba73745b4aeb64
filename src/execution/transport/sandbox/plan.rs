//! What a run is made of, as the server tells the keeper and the keeper tells init; and what comes back.
//!
//! Plans and reports go over sockets between processes of one program, each with its length before it. A plan holds no
//! secret: the script itself lies in the run's folder.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::path::PathBuf;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// One thing that keeps a script apart. A run without one is for tests alone, which show what each holds back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Layer {
    /// A root folder of its own, with a `/proc` of its own.
    Mount,
    /// Process numbers of its own; its first process takes all others with it when it ends.
    Pid,
    /// Shared memory, semaphores and message queues of its own.
    Ipc,
    /// A host name of its own.
    Uts,
    /// A network of its own, empty or filtered.
    Net,
    /// Its place in the tree of control groups is not shown.
    Cgroup,
    /// System calls that a script does not need are refused.
    Seccomp,
    /// Nobody of the same number can look into init.
    Dumpable,
    /// No descriptor of the server is handed on.
    Closing,
    /// Landlock: files, and, as the kernel can, devices, signals and sockets.
    Landlock,
}

impl Layer {
    /// All of them.
    pub const ALL: [Layer; 10] = [
        Layer::Mount,
        Layer::Pid,
        Layer::Ipc,
        Layer::Uts,
        Layer::Net,
        Layer::Cgroup,
        Layer::Seccomp,
        Layer::Dumpable,
        Layer::Closing,
        Layer::Landlock,
    ];
    /// What is left where no namespace can be had.
    pub const WITHOUT_NAMESPACES: [Layer; 4] = [Layer::Seccomp, Layer::Dumpable, Layer::Closing, Layer::Landlock];
}

/// Who the script is for the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Identity {
    /// The server's own user, in a user namespace where that is number 1000 and there is no other.
    Mapped,
    /// A number of its own, which the server, being root, gives it.
    Number(u32),
    /// The server's own user, with nothing around it.
    Same,
}

/// A folder of the server's machine that every script may read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Bound {
    /// Where it is on the machine.
    pub from: PathBuf,
    /// File systems that are mounted inside of it.
    pub inner: Vec<PathBuf>,
}

/// The way out of a script's own network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Exit {
    /// The program that carries packets.
    pub program: PathBuf,
    /// How it is called.
    pub carrier: Carrier,
    /// Networks it must not reach.
    pub prohibited: Vec<IpNet>,
}

/// Programs that connect a network of its own with the outer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Carrier {
    Slirp,
    Pasta,
}

/// What the keeper must know before there is a script: it is the same for every run of a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ground {
    /// What keeps a script apart.
    pub layers: BTreeSet<Layer>,
    /// Whether the script stays the server's own user, in a user namespace.
    pub mapped: bool,
    /// The way out of its own network, if it has one.
    pub exit: Option<Exit>,
}

impl Ground {
    pub(super) fn has(&self, layer: Layer) -> bool {
        self.layers.contains(&layer)
    }
}

/// One script's run on that ground.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    /// The run's folder.
    pub folder: PathBuf,
    /// The folder that becomes `/`.
    pub skeleton: PathBuf,
    /// Folders of the machine that are shown in it.
    pub bound: Vec<Bound>,
    /// Those of them that programs are run from beside the system's own.
    pub programs: Vec<PathBuf>,
    /// The interpreter and its arguments; `{}` in one of them stands for the folder as the script sees it.
    pub command: Vec<String>,
    /// Seconds of processor time each process may use.
    pub processor_seconds: u64,
    /// Who the script is.
    pub identity: Identity,
    /// What keeps it apart.
    pub layers: BTreeSet<Layer>,
    /// Whether a kernel without Landlock will not do.
    pub landlock_needed: bool,
    /// The way out of its own network, if it has one.
    pub exit: Option<Exit>,
    /// The group of processes it is bounded by.
    pub group: Option<PathBuf>,
}

impl Plan {
    pub(super) fn ground(&self) -> Ground {
        Ground { layers: self.layers.clone(), mapped: self.identity == Identity::Mapped, exit: self.exit.clone() }
    }

    pub(super) fn has(&self, layer: Layer) -> bool {
        self.layers.contains(&layer)
    }
    /// The folder as the script sees it.
    pub(super) fn home(&self) -> PathBuf {
        if self.has(Layer::Mount) { PathBuf::from("/step") } else { self.folder.clone() }
    }
    /// Where it puts what it does not keep.
    pub(super) fn temporary(&self) -> PathBuf {
        if self.has(Layer::Mount) { PathBuf::from("/tmp") } else { self.folder.join("tmp") }
    }
}

/// A step of the way into the sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Step {
    /// The skeleton of the root folder is made.
    Skeleton,
    /// The keeper is started and hears what to do.
    Keeper,
    /// New namespaces.
    Unshare,
    /// The user namespace gets its one number.
    Map,
    /// The first process inside is started.
    Init,
    /// The group that bounds it.
    Group,
    /// The root folder is put together.
    Root,
    /// A `/proc` of its own.
    Proc,
    /// Its own loopback, and routes.
    Network,
    /// The program that carries packets out.
    Carrier,
    /// Its place among control groups is hidden.
    GroupNamespace,
    /// Rights are given up.
    Rights,
    /// Bounds are set.
    Limits,
    /// The file rules.
    Landlock,
    /// The filter of system calls.
    Filter,
    /// The interpreter begins.
    Interpreter,
}

/// What stood in the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Obstacle {
    /// At which step.
    pub step: Step,
    /// The kernel's answer.
    pub errno: Option<i32>,
    /// What was tried, and the answer in words.
    pub text: String,
}

impl Obstacle {
    pub(super) fn new(step: Step, what: &str, cause: impl Into<io::Error>) -> Self {
        let cause = cause.into();
        Self { step, errno: cause.raw_os_error(), text: format!("{what}: {cause}") }
    }
    pub(super) fn plain(step: Step, text: impl Into<String>) -> Self {
        Self { step, errno: None, text: text.into() }
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Report {
    Exit(i32),
    Signal(i32),
    Refused(Obstacle),
    /// Init was killed from outside; all that it had below it ended with it.
    Lost(i32),
}

/// Writes one message.
pub(super) fn send(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let bytes = serde_json::to_vec(message)?;
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    let mut whole = length.to_le_bytes().to_vec();
    whole.extend(bytes);
    to.write_all(&whole)
}

/// Reads one message; an error also at the end of the stream.
pub(super) fn receive<T: for<'d> Deserialize<'d>>(from: &mut impl Read) -> io::Result<T> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_le_bytes(length)).map_err(io::Error::other)?;
    if length > 1 << 20 {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes)?;
    Ok(serde_json::from_slice(&bytes)?)
}

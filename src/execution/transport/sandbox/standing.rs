//! How tight the sandbox is on this machine, found by walking the whole way into it once; and what people are told.

use std::path::PathBuf;

use nix::libc;

use super::network::Wire;
use super::plan::{Bound, Obstacle, Step};

/// The weakest sandbox in which the operator lets scripts run. The tightest that can be had is used in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weakest {
    /// As the server itself, with bounds and file rules only: scripts can disturb the server and each other
    Unsandboxed,
    /// A user number of its own and file rules: scripts reach the server's network and sockets that others may use
    OwnUser,
    /// Namespaces, a root folder of its own, a filter of system calls
    #[default]
    Full,
}

impl Weakest {
    fn name(self) -> &'static str {
        match self {
            Weakest::Unsandboxed => "unsandboxed",
            Weakest::OwnUser => "own-user",
            Weakest::Full => "full",
        }
    }
}

/// What the walk has found.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The kind that is used; `None` where nothing runs.
    pub(super) kind: Option<Weakest>,
    /// Whether scripts get a user number of their own.
    pub(super) own_number: bool,
    /// Why it is not full.
    pub(super) obstacle: Option<Obstacle>,
    /// The Landlock ABI that is held: 1 files, 2 also moving between folders, 3 also truncating, 5 also device
    /// commands, 6 also signals and abstract sockets, 9 also sockets in the file system; 0 is none.
    pub(super) landlock: u8,
    pub(super) wire: Wire,
    /// Folders of the machine that scripts see.
    pub(super) bound: Vec<Bound>,
    /// Where runs get control groups.
    pub(super) groups: Option<PathBuf>,
}

impl Standing {
    /// Whether it would run a script at all.
    pub fn usable(&self) -> bool {
        self.kind.is_some() && !matches!(self.wire, Wire::Missing(..))
    }

    /// Whether every script gets a user number of its own.
    pub fn own_number(&self) -> bool {
        self.own_number
    }

    /// Whether scripts are kept apart by all there is.
    pub fn full(&self) -> bool {
        self.kind == Some(Weakest::Full)
    }

    /// The Landlock level that is held; 0 is none.
    pub fn landlock(&self) -> u8 {
        self.landlock
    }

    /// What the operator must know and do; nothing where all is as it should be.
    pub fn warning(&self) -> Option<String> {
        if let (Some(_), Wire::Missing(_, remedy)) = (self.kind, &self.wire) {
            return Some(format!("The built-in worker runs nothing. {} {remedy}", self.wire.sentence()));
        }
        let obstacle = self.obstacle.as_ref()?;
        let (what, remedy) = explain(obstacle);
        Some(match self.kind {
            None => format!("The built-in worker runs nothing, because its sandbox cannot be had: {what}. {remedy}"),
            Some(kind) => format!(
                "The sandbox of the built-in worker is a weaker one, as the setting worker-sandbox = “{}” allows: {what}. {} {remedy}",
                kind.name(),
                weakness(kind)
            ),
        })
    }

    /// Sentences for the operator: how scripts are kept apart, what they reach, and what is bounded.
    pub fn sentences(&self) -> Vec<String> {
        let mut all = Vec::new();
        all.extend(self.warning());
        if !self.usable() {
            return all;
        }
        if self.full() {
            let who = if self.own_number { "a user number of its own" } else { "a user namespace of its own" };
            all.push(format!(
                "Each script on the built-in worker has {who}, its own processes, memory and root folder, with nothing of the data folder in it."
            ));
        }
        all.push(self.wire.sentence());
        if self.landlock == 0 {
            all.push("This kernel has no Landlock, the second lock on files.".to_owned());
        } else if self.landlock < 6 && self.wire == Wire::Host {
            all.push(
                "Scripts can reach abstract sockets of this machine: Landlock closes them from Linux 6.12 on."
                    .to_owned(),
            );
        }
        if self.groups.is_none() {
            all.push(
                "Memory and processor time are bounded for each process, not for a whole script: that takes control groups (Delegate= in the unit)."
                    .to_owned(),
            );
        }
        all
    }

    /// Why nothing runs, for the person whose script it was: what, and what to do.
    pub(super) fn refusal(&self) -> (String, String) {
        let remedy =
            |text: &str| format!("Nothing was run. For the operator: {text} Or let the step run on a target instead.");
        match (&self.wire, &self.obstacle) {
            (Wire::Missing(_, cure), _) if self.kind.is_some() => {
                (format!("The built-in worker runs nothing here. {}", self.wire.sentence()), remedy(cure))
            }
            (_, Some(obstacle)) => {
                let (what, cure) = explain(obstacle);
                (
                    format!("The built-in worker runs nothing here, because its sandbox cannot be had: {what}."),
                    remedy(&cure),
                )
            }
            _ => ("The built-in worker runs nothing here.".to_owned(), remedy("See the server's log.")),
        }
    }
}

fn weakness(kind: Weakest) -> &'static str {
    match kind {
        Weakest::Full => "",
        Weakest::OwnUser => "Scripts reach the server's network and sockets that others may use.",
        Weakest::Unsandboxed => "Scripts can change, disturb and end what the server's user can.",
    }
}

/// What an obstacle means, and what the operator can do.
pub(super) fn explain(obstacle: &Obstacle) -> (String, String) {
    let root = rustix::process::geteuid().is_root();
    let unit = "Put in the unit that comes with this version (packaging/bulkhead.service).";
    let (cause, remedy) = match (obstacle.step, obstacle.errno) {
        (Step::Unshare, Some(libc::ENOSPC)) => (
            "this machine allows no more user namespaces (user.max_user_namespaces)",
            "Raise user.max_user_namespaces with sysctl.",
        ),
        (Step::Unshare, Some(libc::EPERM)) if root => (
            "the server runs as root without CAP_SYS_ADMIN, as in a container",
            "Give the container CAP_SYS_ADMIN, or run the server as an ordinary user where user namespaces are allowed.",
        ),
        (Step::Unshare, Some(libc::EPERM)) => (
            "user namespaces are forbidden: by kernel.unprivileged_userns_clone = 0, by the filter of a container, or by RestrictNamespaces= of an older unit",
            "Set kernel.unprivileged_userns_clone to 1, allow the container user namespaces, or put in the unit that comes with this version.",
        ),
        (Step::Unshare, Some(libc::ENOSYS | libc::EINVAL)) => {
            ("this kernel has no namespaces", "Use a kernel with user, mount, pid, ipc, uts and net namespaces.")
        }
        (Step::Unshare | Step::Map | Step::Root | Step::Proc | Step::Rights, Some(libc::EACCES)) => (
            "AppArmor takes rights away from user namespaces",
            "Load packaging/bulkhead.apparmor into /etc/apparmor.d, then start the server anew.",
        ),
        (Step::Proc, Some(libc::EPERM)) => (
            "something lies over parts of /proc, put there by the service manager or the container",
            "Keep BindReadOnlyPaths=/proc:/run/bulkhead-proc:norbind in the unit, or give the container an unmasked /proc.",
        ),
        (Step::Root, Some(libc::ENOSYS | libc::EPERM)) => (
            "mounting is refused, by an older kernel or an older unit",
            "Use Linux 5.12 or newer, and the unit that comes with this version (packaging/bulkhead.service).",
        ),
        (Step::Filter, _) | (Step::GroupNamespace, Some(libc::EPERM)) => {
            ("the unit of the service is an older one", unit)
        }
        (Step::Network, Some(libc::EAFNOSUPPORT | libc::EPERM)) => {
            ("the unit of the service is an older one, without AF_NETLINK", unit)
        }
        (Step::Landlock, _) => ("this kernel has no Landlock", "Use Linux 5.13 or newer with Landlock switched on."),
        (Step::Skeleton | Step::Keeper, _) => {
            ("its root folder could not be made", "See that the data folder has room and is the server's own.")
        }
        _ => ("", "See how the way into the sandbox differs here; packaging/security.md names its steps."),
    };
    let text = if cause.is_empty() { obstacle.text.clone() } else { format!("{cause} ({})", obstacle.text) };
    (text, remedy.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(step: Step, errno: i32) -> Standing {
        Standing {
            kind: None,
            own_number: false,
            obstacle: Some(Obstacle::new(step, "tried", std::io::Error::from_raw_os_error(errno))),
            landlock: 6,
            wire: Wire::None("nothing is installed".to_owned()),
            bound: Vec::new(),
            groups: None,
        }
    }

    /// Each step that is known to fail somewhere, by its cause and remedy.
    #[test]
    fn every_obstacle_names_its_remedy() {
        for (step, errno, remedy) in [
            (Step::Unshare, libc::ENOSPC, "user.max_user_namespaces"),
            (Step::Unshare, libc::EPERM, "container"),
            (Step::Unshare, libc::EACCES, "apparmor"),
            (Step::Map, libc::EACCES, "apparmor"),
            (Step::Root, libc::EACCES, "apparmor"),
            (Step::Proc, libc::EPERM, "BindReadOnlyPaths"),
            (Step::Filter, libc::EPERM, "bulkhead.service"),
            (Step::Network, libc::EAFNOSUPPORT, "bulkhead.service"),
            (Step::GroupNamespace, libc::EPERM, "bulkhead.service"),
        ] {
            let standing = met(step, errno);
            let warning = standing.warning().unwrap();
            assert!(warning.contains("runs nothing") && warning.contains(remedy), "{warning}");
            assert!(!standing.usable() && standing.sentences() == [warning.clone()]);
            let (what, cure) = standing.refusal();
            assert!(
                what.contains("tried") && cure.contains(remedy) && cure.contains("Nothing was run"),
                "{what} {cure}"
            );
        }
    }

    #[test]
    fn a_weaker_kind_is_told_by_its_name() {
        let mut standing = met(Step::Unshare, libc::EPERM);
        standing.kind = Some(Weakest::OwnUser);
        let warning = standing.warning().unwrap();
        assert!(warning.contains("“own-user”") && warning.contains("network"), "{warning}");
        assert!(standing.usable());
        standing.wire = Wire::Missing("no program".to_owned(), super::super::network::NO_CARRIER);
        assert!(!standing.usable() && standing.warning().unwrap().contains("worker-network"));
        assert!(standing.refusal().1.contains("slirp4netns"), "{:?}", standing.refusal());
    }
}

//! Control groups: bounds for a whole run, where the service manager has handed them on (`Delegate=`).
//!
//! Only version 2, and only where the server stands alone in a group of its own that it may change. Where not, runs are
//! bounded process by process, and the operator's page says so.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Bounds of one run: threads and processes, bytes of memory (of which `/tmp` is part), no swap, all of it ended
/// together, and less of the processors than the server where both want them.
const BOUNDS: [(&str, &str); 5] = [
    ("pids.max", "1024"),
    ("memory.max", "4294967296"),
    ("memory.swap.max", "0"),
    ("memory.oom.group", "1"),
    ("cpu.weight", "50"),
];

/// Where groups are.
const TREE: &str = "/sys/fs/cgroup";

/// Makes this process's group ready to hold runs; where they go, if it can.
pub(super) fn prepare() -> Option<PathBuf> {
    let text = fs::read_to_string("/proc/self/cgroup").ok()?;
    prepare_in(Path::new(TREE), &text, std::process::id()).ok()
}

fn prepare_in(tree: &Path, own: &str, me: u32) -> io::Result<PathBuf> {
    // One line alone: machines with both versions have the controllers in the other.
    let own = own.trim().strip_prefix("0::/").filter(|path| !path.contains('\n') && !path.is_empty());
    let own = tree.join(own.ok_or(io::ErrorKind::Unsupported)?);
    let delegated = match own.file_name() {
        Some(name) if name == "server" => own.parent().unwrap_or(tree).to_owned(),
        _ => own.clone(),
    };
    if !fs::read_to_string(delegated.join("cgroup.controllers"))?.split_whitespace().any(|one| one == "pids") {
        return Err(io::ErrorKind::Unsupported.into());
    }
    if own == delegated {
        // Somebody else's group is not taken: only this process may stand in it.
        let members = fs::read_to_string(own.join("cgroup.procs"))?;
        if members.split_whitespace().any(|member| member != me.to_string()) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        make(&delegated.join("server"))?;
        fs::write(delegated.join("server/cgroup.procs"), me.to_string())?;
    }
    let runs = delegated.join("runs");
    make(&runs)?;
    for group in [&delegated, &runs] {
        for controller in ["pids", "memory", "cpu"] {
            // What is not handed on does not bound.
            let _ = fs::write(group.join("cgroup.subtree_control"), format!("+{controller}"));
        }
    }
    let handed = fs::read_to_string(runs.join("cgroup.subtree_control"))?;
    if ["pids", "memory"].iter().all(|one| handed.split_whitespace().any(|word| word == *one)) {
        Ok(runs)
    } else {
        Err(io::ErrorKind::Unsupported.into())
    }
}

fn make(group: &Path) -> io::Result<()> {
    match fs::create_dir(group) {
        Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        done => done,
    }
}

/// The group of one run, with its bounds; nothing if it cannot be made.
pub(super) fn bounded(runs: &Path, folder: &Path) -> Option<PathBuf> {
    let group = runs.join(folder.file_name()?);
    make(&group).ok()?;
    for (file, bound) in BOUNDS {
        if let Err(cause) = fs::write(group.join(file), bound) {
            tracing::debug!(%cause, file, "a bound of a run's control group was not taken");
        }
    }
    Some(group)
}

/// Removes the group of a run whose processes have ended.
pub(super) async fn remove(group: &Path) {
    for _ in 0..50 {
        match fs::remove_dir(group) {
            Err(fault) if fault.raw_os_error() == Some(nix::libc::EBUSY) => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree of plain files: which group is taken, and which never.
    #[test]
    fn only_a_group_that_is_the_servers_own_is_taken() {
        let tree = tempfile::tempdir().unwrap();
        let own = tree.path().join("system.slice/bulkhead.service");
        fs::create_dir_all(own.join("runs")).unwrap();
        fs::create_dir_all(own.join("server")).unwrap();
        let line = "0::/system.slice/bulkhead.service\n";
        let tried = |line: &str| prepare_in(tree.path(), line, 42);
        assert!(tried(line).is_err(), "no controllers");
        fs::write(own.join("cgroup.controllers"), "cpu memory pids\n").unwrap();
        fs::write(own.join("cgroup.procs"), "42\n43\n").unwrap();
        assert!(tried(line).is_err(), "another process stands in it");
        assert!(!own.join("server/cgroup.procs").exists());
        fs::write(own.join("cgroup.procs"), "42\n").unwrap();
        // A plain file keeps the last word only, so nothing is handed on here; but the server has moved aside.
        assert!(tried(line).is_err());
        assert_eq!(fs::read_to_string(own.join("server/cgroup.procs")).unwrap(), "42");
        for line in ["0::/", "1:cpu:/\n0::/system.slice", ""] {
            assert!(tried(line).is_err(), "{line:?}");
        }
    }
}

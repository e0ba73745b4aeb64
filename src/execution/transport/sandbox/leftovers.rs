//! The last resort: finds and kills what a run has left when all that watched over it was killed at once.
//!
//! A process is known by the run's own user number, which nothing can take off, or by signs that a script can hide:
//! its folder in the surroundings the process was started with, or as the folder it works in. So this promises nothing
//! where runs have no user of their own; it says whether anything known was still there at the end.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getpid, kill_process};

/// So long it is tried.
const PATIENCE: Duration = Duration::from_secs(5);

/// Kills all that shows `folder`, or one below it, and all of `user`. Whether nothing of it was there at the end.
pub(super) fn fell(folder: &Path, user: Option<u32>) -> bool {
    let until = Instant::now() + PATIENCE;
    let mut quiet = 0;
    while quiet < 2 {
        let found = found(folder, user);
        // Twice, for what was being started at the first look.
        quiet = if found.is_empty() { quiet + 1 } else { 0 };
        if quiet == 0 && Instant::now() > until {
            return false;
        }
        for process in found {
            let _ = kill_process(process, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    true
}

fn found(folder: &Path, user: Option<u32>) -> Vec<Pid> {
    let me = getpid();
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .filter(|number| *number > 1 && *number != me.as_raw_nonzero().get() && belongs(*number, folder, user))
        .filter_map(Pid::from_raw)
        .collect()
}

fn belongs(number: i32, folder: &Path, user: Option<u32>) -> bool {
    let own = Path::new("/proc").join(number.to_string());
    let Ok(status) = std::fs::read(own.join("status")) else { return false };
    let status = String::from_utf8_lossy(&status);
    let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
    // What only waits to be reaped does nothing any more.
    if line("State:").starts_with(['Z', 'X']) {
        return false;
    }
    if user.is_some_and(|user| line("Uid:").split_whitespace().any(|word| word == user.to_string())) {
        return true;
    }
    std::fs::read_link(own.join("cwd")).is_ok_and(|works_in| works_in.starts_with(folder))
        || std::fs::read(own.join("environ")).is_ok_and(|surroundings| shows(&surroundings, folder))
}

/// Whether a value of the surroundings is the folder or a path below it.
fn shows(surroundings: &[u8], folder: &Path) -> bool {
    surroundings.split(|byte| *byte == 0).any(|one| {
        let value = one.iter().position(|byte| *byte == b'=').and_then(|at| one.get(at + 1..)).unwrap_or_default();
        Path::new(std::ffi::OsStr::from_bytes(value)).starts_with(folder)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surroundings_show_the_folder_or_do_not() {
        let folder = Path::new("/data/work/run-1");
        for (surroundings, expected) in [
            (&b"PATH=/bin\0HOME=/data/work/run-1\0"[..], true),
            (b"TMPDIR=/data/work/run-1/tmp", true),
            (b"HOME=/data/work/run-12\0", false),
            (b"/data/work/run-1\0\0=", false),
            (b"", false),
        ] {
            assert_eq!(shows(surroundings, folder), expected, "{}", String::from_utf8_lossy(surroundings));
        }
    }
}

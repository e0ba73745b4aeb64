//! Lets a command on the command line fail, or die, at a system call of one's choice: by `strace`, which the step `need`
//! of `tests/run` installs.

use super::server::{Program, Told};
use std::{collections::BTreeMap, path::Path, process::Command};

/// The calls that change a name: each is a moment at which a crash leaves something else behind.
pub const NAMES: &str = "rename,renameat,renameat2,link,linkat,unlink,unlinkat,rmdir,mkdir,mkdirat";

/// Why calls cannot be tampered with here; `None` where they can.
pub fn unusable() -> Option<String> {
    match Command::new("strace").args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=none", "true"]).output() {
        Ok(told) if told.status.success() => None,
        Ok(told) => Some(format!("strace cannot trace here: {}", String::from_utf8_lossy(&told.stderr).trim())),
        Err(cause) => Some(format!("strace cannot be started: {cause}")),
    }
}

/// A moment of a command: before the so-manieth call of this name by one of its threads.
pub type Moment = (String, usize);

/// The moments of a command that is left alone: every one of these calls.
pub fn all(data: &Path, calls: &str, arguments: &[&str]) -> Vec<Moment> {
    let trace = tempfile::NamedTempFile::new().unwrap();
    let told = traced(data, &["-o", trace.path().to_str().unwrap(), "-e", &format!("trace={calls}")], arguments);
    told.expect_success();
    let mut counted = BTreeMap::new();
    for line in std::fs::read_to_string(trace.path()).unwrap().lines() {
        // "4711  rename("a", "b") = 0"; strace counts by thread and name.
        let Some((head, _)) = line.split_once('(') else { continue };
        let Some((thread, name)) = head.split_once(' ') else { continue };
        *counted.entry((thread.to_owned(), name.trim().to_owned())).or_insert(0usize) += 1;
    }
    let mut most: BTreeMap<String, usize> = BTreeMap::new();
    for ((_, name), count) in counted {
        let most = most.entry(name).or_default();
        *most = count.max(*most);
    }
    most.into_iter().flat_map(|(name, most)| (1..=most).map(move |number| (name.clone(), number))).collect()
}

/// Runs a command, with `fault` (`signal=KILL`, `error=ENOSPC`) at this moment.
pub fn run(data: &Path, (call, number): &Moment, fault: &str, arguments: &[&str]) -> Told {
    let (trace, inject) = (format!("trace={call}"), format!("inject={call}:{fault}:when={number}"));
    traced(data, &["-o", "/dev/null", "-e", &trace, "-e", &inject], arguments)
}

fn traced(data: &Path, how: &[&str], arguments: &[&str]) -> Told {
    let mut words = vec!["-f", "-qq"];
    words.extend(how);
    words.push(env!("CARGO_BIN_EXE_bulkhead"));
    words.extend(arguments);
    Program::other("strace", data, &words).run()
}

/// Of these moments all where `BULKHEAD_EVERY_CALL` is set, as the nightly run does; else every `step`th, from another one
/// each run.
pub fn sample(all: Vec<Moment>, step: usize) -> Vec<Moment> {
    if std::env::var_os("BULKHEAD_EVERY_CALL").is_some() {
        return all;
    }
    let from = std::process::id() as usize % step;
    println!("every {step}th call from {}; all of them with BULKHEAD_EVERY_CALL=1", from + 1);
    all.into_iter().skip(from).step_by(step).collect()
}

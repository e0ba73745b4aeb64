//! What is said to the shell of a machine reached by SSH.
//!
//! Every text is one line that means the same in any login shell, and needs POSIX tools only. Names come from
//! `safe_label` and random digits, so there is nothing in them that a shell would understand.
//!
//! Each run is noted on the machine in `~/.bulkhead/runs/LANE.NAME`, outside the script's own folder: the number of its
//! first process, the machine's boot and when that process began. The three together are one process and no later one
//! that was given the same number. Whatever ends a run looks there first.

use super::super::{Script, Syntax, safe_label};

/// Places where interpreters lie that a non-interactive shell does not look in.
const MORE_PATHS: &str = "PATH=\"$PATH:/usr/local/bin:/opt/homebrew/bin:/snap/bin\"; export PATH";

/// `boot`: one word that changes when the machine starts again, where it tells. `born N`: when process N began, one
/// word; nothing when it is gone or only waits to be reaped. `runs N BOOT BORN`: whether that very process is there.
const KNOWING: &str = "boot() { cat /proc/sys/kernel/random/boot_id 2>/dev/null || echo -; }; \
     born() { if [ -r /proc/self/stat ]; then [ -r /proc/$1/stat ] || return 0; \
     r=$(cat /proc/$1/stat 2>/dev/null); r=${r##*\") \"}; set -- $r; case $1 in Z|X|\"\") ;; *) shift 19; echo $1;; esac; \
     else ps -o lstart= -p $1 2>/dev/null | tr -s \" \" _; fi; }; \
     runs() { [ -n \"$3\" ] && [ \"$2\" = \"$(boot)\" ] && [ \"$(born $1)\" = \"$3\" ]; }";

/// A pause shorter than a second, where `sleep` knows such.
const PAUSE: &str = "sleep 0.2 2>/dev/null || sleep 1";

/// One line that means the same in every login shell: what is inside holds no single quote, no `!`, no line end.
fn posix(text: &str) -> String {
    debug_assert!(!text.contains(['\'', '!', '\n']));
    format!("exec sh -c '{text}'")
}

/// Asks for the system, the free blocks of 1 KiB in the home folder and the interpreters, a line each.
pub(super) fn asking() -> String {
    let interpreters = Syntax::ALL.map(Syntax::interpreter).join(" ");
    posix(&format!(
        "{MORE_PATHS}; uname -srm; df -Pk \"$HOME\" 2>/dev/null | tail -n 1 | tr -s \" \" | cut -d \" \" -f 4; \
         for p in {interpreters}; do command -v $p >/dev/null 2>&1 && echo $p; done; exit 0"
    ))
}

/// Ends what earlier runs of the same lane have left under way: asked to end, killed after five seconds, the whole group.
/// A line `NAME ended` for each, or `NAME stays` where that did not help.
pub(super) fn clearing(lane: &str) -> String {
    posix(&format!(
        "{KNOWING}; cd \"$HOME/.bulkhead/runs\" 2>/dev/null || exit 0; \
         for f in {lane}.*; do [ -f \"$f\" ] || continue; p=; b=; s=; read -r p b s < \"$f\"; \
         if runs \"$p\" \"$b\" \"$s\"; then \
         for g in TERM KILL; do kill -s $g -- -$p 2>/dev/null || kill -s $g $p 2>/dev/null; \
         n=0; while runs $p $b $s && [ $n -lt 25 ]; do n=$((n + 1)); {PAUSE}; done; \
         runs $p $b $s || break; done; \
         if runs $p $b $s; then echo \"${{f#{lane}.}} stays\"; continue; fi; \
         kill -s KILL -- -$p 2>/dev/null; echo \"${{f#{lane}.}} ended\"; fi; \
         d=\"../work/${{f#{lane}.}}\"; rm -rf \"$d\" 2>/dev/null || {{ chmod -R u+rwx \"$d\"; rm -rf \"$d\"; }}; \
         rm -f \"$f\"; done; exit 0"
    ))
}

/// Stores what comes on standard input; notes the run; sweeps what lost connections have left.
pub(super) fn storing(script: &Script, name: &str, length: usize) -> String {
    let (interpreter, file) = (script.syntax.interpreter(), script.syntax.file_name());
    let (label, syntax) = (safe_label(&script.label), script.syntax);
    posix(&format!(
        "umask 077; {MORE_PATHS}; command -v {interpreter} >/dev/null 2>&1 || exit 91; cd \"$HOME\" || exit 1; \
         mkdir -p .bulkhead/work .bulkhead/runs && cd .bulkhead/work && mkdir {name} && cat > {name}/{file} || exit 1; \
         [ \"$(wc -c < {name}/{file})\" -eq {length} ] || exit 1; \
         echo \"$(date -u +%Y-%m-%dT%H:%M:%SZ) {label} {syntax}\" >> ../audit.log || exit 1; \
         find . -mindepth 1 -maxdepth 1 -mtime +7 -exec rm -rf {{}} + >/dev/null 2>&1; exit 0"
    ))
}

/// Becomes the interpreter, so that its end is the channel's end. The SSH server has given it a session of its own; where
/// it has not, `setsid` does. (Called by the leader of a group, `setsid` would go to the background.)
pub(super) fn running(syntax: Syntax, lane: &str, name: &str) -> String {
    let words: Vec<&str> = [syntax.interpreter()]
        .into_iter()
        .chain(syntax.options().iter().copied())
        .chain([syntax.file_name()])
        .collect();
    let words = words.join(" ");
    posix(&format!(
        "{MORE_PATHS}; {KNOWING}; cd \"$HOME/.bulkhead/work/{name}\" || exit 1; \
         (umask 077; echo \"$$ $(boot) $(born $$)\" > \"$HOME/.bulkhead/runs/{lane}.{name}\") || \
         {{ echo \"The run could not be noted in .bulkhead/runs, so it was not begun. Is the disk full?\" >&2; exit 1; }}; \
         g=$(ps -o pgid= -p $$ 2>/dev/null | tr -d \" \"); [ -r /proc/$$/stat ] && read -r a b c d g e < /proc/$$/stat; \
         if [ -n \"$g\" ] && [ \"$g\" -ne $$ ] && command -v setsid >/dev/null 2>&1; then exec setsid {words} < /dev/null; fi; \
         exec {words} < /dev/null"
    ))
}

/// Sends a signal to the script's group. After its first process has ended, only to those of its group that are left.
pub(super) fn killing(lane: &str, name: &str, signal: &str) -> String {
    posix(&format!(
        "{KNOWING}; p=; b=; s=; read -r p b s < \"$HOME/.bulkhead/runs/{lane}.{name}\" 2>/dev/null || exit 0; \
         [ \"$b\" = \"$(boot)\" ] || exit 0; now=$(born $p); [ -z \"$now\" ] || [ \"$now\" = \"$s\" ] || exit 0; \
         kill -s {signal} -- -$p 2>/dev/null || {{ [ -n \"$now\" ] && kill -s {signal} $p 2>/dev/null; }}; exit 0"
    ))
}

/// Removes the script's folder, also when the script has taken rights from its parts; and the note of the run, unless it
/// is still under way: the next one has to find it.
pub(super) fn removing(lane: &str, name: &str) -> String {
    posix(&format!(
        "{KNOWING}; cd \"$HOME/.bulkhead/work\" 2>/dev/null || exit 0; \
         rm -rf {name} 2>/dev/null || {{ chmod -R u+rwx {name}; rm -rf {name}; }}; \
         p=; b=; s=; read -r p b s < ../runs/{lane}.{name} 2>/dev/null; \
         runs \"$p\" \"$b\" \"$s\" || rm -f ../runs/{lane}.{name}; exit 0"
    ))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_shell_gets_one_harmless_line() {
        let script = Script {
            syntax: Syntax::Bash,
            body: "'!\n".to_owned(),
            variables: Default::default(),
            time_limit: Duration::from_secs(1),
            label: "it's; rm -rf ~\n!".to_owned(),
            lane: "it's; rm -rf ~\n!".to_owned(),
            most_bytes: u64::MAX,
        };
        let (name, lane) = (script.folder_name(), script.lane_name());
        for line in [
            asking(),
            clearing(&lane),
            storing(&script, &name, 3),
            running(Syntax::PowerShell, &lane, &name),
            killing(&lane, &name, "TERM"),
            removing(&lane, &name),
        ] {
            let inside = line.strip_prefix("exec sh -c '").and_then(|rest| rest.strip_suffix('\'')).unwrap();
            assert!(!inside.contains(['\'', '!', '\n', '\\', '~']), "{line}");
        }
    }

    /// Every shell that a machine may have as `sh`, as far as this one has it.
    fn shells() -> Vec<&'static [&'static str]> {
        let all: [&[&str]; 3] = [&["dash"], &["bash", "--posix"], &["busybox", "sh"]];
        all.into_iter().filter(|words| std::path::Path::new("/usr/bin").join(words[0]).exists()).collect()
    }

    #[allow(clippy::disallowed_methods, reason = "the shells themselves are what is tried")]
    fn say(shell: &[&str], home: &std::path::Path, text: &str) -> std::process::Command {
        use std::os::unix::process::CommandExt as _;
        let inside = text.strip_prefix("exec sh -c '").and_then(|rest| rest.strip_suffix('\'')).unwrap();
        let mut command = std::process::Command::new(shell[0]);
        command.args(&shell[1..]).args(["-c", inside]).env("HOME", home).process_group(0);
        command.stdin(std::process::Stdio::null());
        command
    }

    /// Findings G9, in each shell: what runs is found and ended, deaf or not; another process that was given the number
    /// of an earlier run is left alone.
    #[test]
    fn what_still_runs_is_ended_and_nothing_else() {
        assert!(!shells().is_empty());
        for shell in shells() {
            let home = tempfile::tempdir().unwrap();
            let (work, runs) = (home.path().join(".bulkhead/work"), home.path().join(".bulkhead/runs"));
            std::fs::create_dir_all(&runs).unwrap();
            let begin = |lane: &str, name: &str, body: &str| {
                std::fs::create_dir_all(work.join(name)).unwrap();
                std::fs::write(work.join(name).join("script.sh"), body).unwrap();
                let child = say(shell, home.path(), &running(Syntax::Bash, lane, name)).spawn().unwrap();
                while !work.join(name).join("begun").exists() {
                    std::thread::sleep(Duration::from_millis(10));
                }
                child
            };
            let clear = |lane: &str| {
                let said = say(shell, home.path(), &clearing(lane)).output().unwrap();
                assert!(said.stderr.is_empty(), "{shell:?}: {}", String::from_utf8_lossy(&said.stderr));
                String::from_utf8(said.stdout).unwrap()
            };
            assert_eq!(clear("0a"), "", "{shell:?}: no folder yet, or nothing in it");
            let mut mild = begin("0a", "mild-1", "echo > begun; exec sleep 600");
            let mut deaf = begin("0a", "deaf-1", "trap : TERM; echo > begun; while :; do sleep 1; done");
            let mut other = begin("0b", "other-1", "echo > begun; exec sleep 600");
            // The number of a process that runs, begun at another time; and one of an earlier boot.
            let note = std::fs::read_to_string(runs.join("0b.other-1")).unwrap();
            let words: Vec<&str> = note.split_whitespace().collect();
            std::fs::write(runs.join("0c.reused-1"), format!("{} {} 1\n", words[0], words[1])).unwrap();
            std::fs::write(runs.join("0c.boot-1"), format!("{} earlier {}\n", words[0], words[2])).unwrap();
            std::fs::write(runs.join("0c.half-1"), "12").unwrap();
            // Reaped beside, as an SSH server does.
            let reaped = std::thread::spawn(move || (mild.wait().unwrap(), deaf.wait().unwrap()));
            let said = clear("0a");
            let mut lines: Vec<&str> = said.lines().collect();
            lines.sort_unstable();
            assert_eq!(lines, ["deaf-1 ended", "mild-1 ended"], "{shell:?}");
            reaped.join().unwrap();
            assert_eq!(clear("0c"), "", "{shell:?}");
            assert!(other.try_wait().unwrap().is_none(), "{shell:?}: another lane's goes on");
            let left: Vec<_> = std::fs::read_dir(&runs).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            assert_eq!(left, ["0b.other-1"], "{shell:?}");
            assert!(!work.join("mild-1").exists() && work.join("other-1").exists(), "{shell:?}");
            // While it runs its note stays, also when the folder is removed.
            say(shell, home.path(), &removing("0b", "other-1")).status().unwrap();
            assert!(runs.join("0b.other-1").exists() && !work.join("other-1").exists(), "{shell:?}");
            say(shell, home.path(), &killing("0b", "other-1", "KILL")).status().unwrap();
            other.wait().unwrap();
            say(shell, home.path(), &removing("0b", "other-1")).status().unwrap();
            assert!(!runs.join("0b.other-1").exists(), "{shell:?}");
        }
    }
}

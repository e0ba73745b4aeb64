//! What is said to the shell of a machine reached by SSH.
//!
//! Every text is one line that means the same in any login shell, and needs POSIX tools only. Names come from
//! `safe_label` and random digits, so there is nothing in them that a shell would understand.

use super::super::{Script, Syntax, safe_label};

/// Places where interpreters lie that a non-interactive shell does not look in.
const MORE_PATHS: &str = "PATH=\"$PATH:/usr/local/bin:/opt/homebrew/bin:/snap/bin\"; export PATH";

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

/// Stores what comes on standard input; notes the run; sweeps what lost connections have left.
pub(super) fn storing(script: &Script, name: &str, length: usize) -> String {
    let (interpreter, file) = (script.syntax.interpreter(), script.syntax.file_name());
    let (label, syntax) = (safe_label(&script.label), script.syntax);
    posix(&format!(
        "umask 077; {MORE_PATHS}; command -v {interpreter} >/dev/null 2>&1 || exit 91; cd \"$HOME\" || exit 1; \
         mkdir -p .bulkhead/work && cd .bulkhead/work && mkdir {name} && cat > {name}/{file} || exit 1; \
         [ \"$(wc -c < {name}/{file})\" -eq {length} ] || exit 1; \
         echo \"$(date -u +%Y-%m-%dT%H:%M:%SZ) {label} {syntax}\" >> ../audit.log || exit 1; \
         find . -mindepth 1 -maxdepth 1 -mtime +7 -exec rm -rf {{}} + >/dev/null 2>&1; exit 0"
    ))
}

/// Becomes the interpreter, so that its end is the channel's end. The SSH server has given it a session of its own; where
/// it has not, `setsid` does. (Called by the leader of a group, `setsid` would go to the background.)
pub(super) fn running(syntax: Syntax, name: &str) -> String {
    let words: Vec<&str> = [syntax.interpreter()]
        .into_iter()
        .chain(syntax.options().iter().copied())
        .chain([syntax.file_name()])
        .collect();
    let words = words.join(" ");
    posix(&format!(
        "{MORE_PATHS}; cd \"$HOME/.bulkhead/work/{name}\" || exit 1; echo $$ > pid; \
         g=$(ps -o pgid= -p $$ 2>/dev/null | tr -d \" \"); [ -r /proc/$$/stat ] && read -r a b c d g e < /proc/$$/stat; \
         if [ -n \"$g\" ] && [ \"$g\" -ne $$ ] && command -v setsid >/dev/null 2>&1; then exec setsid {words} < /dev/null; fi; \
         exec {words} < /dev/null"
    ))
}

/// Sends a signal to the script's group.
pub(super) fn killing(name: &str, signal: &str) -> String {
    posix(&format!(
        "p=$(cat \"$HOME/.bulkhead/work/{name}/pid\" 2>/dev/null) || exit 0; \
         kill -s {signal} -- -$p 2>/dev/null || kill -s {signal} $p 2>/dev/null; exit 0"
    ))
}

/// Removes the script's folder, also when the script has taken rights from its parts.
pub(super) fn removing(name: &str) -> String {
    posix(&format!(
        "cd \"$HOME/.bulkhead/work\" 2>/dev/null || exit 0; \
         rm -rf {name} 2>/dev/null || {{ chmod -R u+rwx {name}; rm -rf {name}; }}; exit 0"
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
        };
        let name = script.folder_name();
        for line in [
            asking(),
            storing(&script, &name, 3),
            running(Syntax::PowerShell, &name),
            killing(&name, "TERM"),
            removing(&name),
        ] {
            let inside = line.strip_prefix("exec sh -c '").and_then(|rest| rest.strip_suffix('\'')).unwrap();
            assert!(!inside.contains(['\'', '!', '\n', '\\', '~']), "{line}");
        }
    }
}

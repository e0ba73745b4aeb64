//! A machine reached by SSH.

use bulkhead::base::secret::Secret;
use bulkhead::execution::transport::ssh::fetch_host_key;
use bulkhead::execution::transport::{SshCredential, SshTarget};

use super::*;
use crate::support::machine::Machine;

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

fn key(text: &str, passphrase: &str) -> SshCredential {
    SshCredential::PrivateKey {
        openssh_pem: secret(text),
        passphrase: (!passphrase.is_empty()).then(|| secret(passphrase)),
    }
}

fn target(machine: &Machine) -> SshTarget {
    SshTarget {
        host: machine.host().to_owned(),
        port: machine.port(),
        host_key: machine.fingerprint(),
        user: machine.user().to_owned(),
        credential: key(&machine.private_key(), ""),
    }
}

/// Runs, and wants the script's folder gone afterwards.
#[track_caller]
fn go(machine: &Machine, script: Script) -> Run {
    let run = go_to(target(machine), script);
    assert!(empty(&machine.home().join(".bulkhead/work")), "something is left on the machine");
    run
}

fn go_to(target: SshTarget, script: Script) -> Run {
    block_on(run(&Place::Ssh(Arc::new(target)), script))
}

#[test]
fn output_exit_code_and_audit_line() {
    use std::os::unix::fs::PermissionsExt;
    let machine = Machine::start();
    let mut script = bash(
        "echo one; echo zwei >&2; echo three; ls -ld . | cut -c1-10; ls -l script.sh | cut -c1-10; printf 'no end'; exit 7",
    );
    script.label = "ServerTasks-12-1".to_owned();
    let run = go(&machine, script);
    assert_eq!(run.exit_code(), 7);
    assert_eq!(run.out(), "one\nthree\ndrwx------\n-rw-------\nno end");
    assert_eq!(run.err(), "zwei");
    assert_eq!(go(&machine, bash("true")).exit_code(), 0);
    let audit = machine.home().join(".bulkhead/audit.log");
    assert_eq!(audit.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let audit = std::fs::read_to_string(audit).unwrap();
    let lines: Vec<&str> = audit.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(
        lines[0].ends_with("Z ServerTasks-12-1 Bash") && lines[0].len() == "2026-01-01T00:00:00Z".len() + 22,
        "{audit}"
    );
}

#[test]
fn a_signal_is_reported() {
    let run = go(&Machine::start(), bash("kill -KILL $$"));
    assert_eq!(run.result.unwrap(), Outcome { exit_code: 137, signal: Some("KILL".to_owned()) });
}

#[test]
fn variables_survive_every_byte() {
    let machine = Machine::start();
    let mut script =
        bash("v=$(get_octopusvariable v; echo x); set_octopusvariable n \"${v%x}\"; read -r l || echo no input");
    script.variables.insert("v".to_owned(), nasty());
    let run = go(&machine, script.clone());
    let base64 = data_encoding::BASE64.encode(nasty().as_bytes());
    assert_eq!(run.out(), format!("##octopus[setVariable name='bg==' value='{base64}']\nno input"), "{}", run.err());
    script.syntax = Syntax::Python;
    script.body = "set_octopusvariable('n', get_octopusvariable('v'))".to_owned();
    assert_eq!(go(&machine, script).out(), format!("##octopus[setVariable name='bg==' value='{base64}']"));
}

#[test]
fn every_kind_of_key_signs_in() {
    let machine = Machine::start();
    for (kind, passphrase) in [("ed25519", "pass phrase"), ("ecdsa", ""), ("rsa", ""), ("rsa", "x 'y'")] {
        let mut target = target(&machine);
        target.credential = key(&machine.another_key(kind, passphrase), passphrase);
        let run = go_to(target.clone(), bash("echo in"));
        assert_eq!(run.out(), "in", "{kind}: {:?}", run.result);
        if !passphrase.is_empty() {
            let SshCredential::PrivateKey { openssh_pem, .. } = &target.credential else { unreachable!() };
            target.credential = key(openssh_pem.expose(), "wrong");
            let fault = go_to(target, bash("echo in")).result.unwrap_err();
            assert!(matches!(fault, TransportError::Refused { .. }), "{fault}");
        }
    }
}

#[test]
fn passwords_sign_in_and_wrong_ones_do_not() {
    // The second asks for the password as a question.
    for settings in ["", "UsePAM yes\nKbdInteractiveAuthentication yes\nPasswordAuthentication no"] {
        let mut machine = Machine::start_with(&["ed25519"], settings);
        let Some((user, password)) = machine.password_user() else { return };
        let mut target = target(&machine);
        target.user = user.clone();
        target.credential = SshCredential::Password(secret(&password));
        assert_eq!(go_to(target.clone(), bash("id -un")).out(), user, "{}", machine.log());
        target.credential = SshCredential::Password(secret("wrong"));
        let fault = go_to(target, bash("id -un")).result.unwrap_err();
        assert!(matches!(&fault, TransportError::SignInRefused { user: refused } if *refused == user), "{fault}");
        assert!(fault.nothing_ran());
    }
}

#[test]
fn a_strange_key_does_not_sign_in() {
    let machine = Machine::start();
    let mut target = target(&machine);
    target.credential = key(&Machine::start().private_key(), "");
    let fault = go_to(target, bash("echo in")).result.unwrap_err();
    assert!(matches!(fault, TransportError::SignInRefused { .. }), "{fault}");
}

#[test]
fn another_host_key_is_refused_before_the_sign_in() {
    let machine = Machine::start();
    let mut target = target(&machine);
    target.host_key = Machine::start().fingerprint();
    let run = go_to(target.clone(), bash("echo in"));
    match run.result.unwrap_err() {
        TransportError::HostKeyChanged { expected, seen } => {
            assert_eq!((expected, seen), (target.host_key.clone(), machine.fingerprint()));
        }
        other => panic!("{other}"),
    }
    assert!(!machine.log().contains("publickey"), "{}", machine.log());
    target.host_key = String::new();
    assert!(matches!(go_to(target, bash("echo in")).result, Err(TransportError::HostKeyChanged { .. })));
}

#[test]
fn any_of_the_machines_host_keys_may_be_pinned() {
    let machine = Machine::start_with(&["ed25519", "ecdsa", "rsa"], "");
    for kind in ["ed25519", "ecdsa", "rsa"] {
        let mut target = target(&machine);
        target.host_key = machine.fingerprint_of(kind);
        let run = go_to(target, bash("echo in"));
        assert_eq!(run.out(), "in", "{kind}: {:?}", run.result);
    }
}

#[test]
fn the_host_key_can_be_asked_for() {
    let mut machine = Machine::start();
    assert_eq!(block_on(fetch_host_key("localhost", machine.port())).unwrap(), machine.fingerprint());
    machine.stop();
    let fault = block_on(fetch_host_key(machine.host(), machine.port())).unwrap_err();
    assert!(matches!(fault, TransportError::Unreachable(_)), "{fault}");
    let fault = block_on(fetch_host_key("no-such-name.invalid", 22)).unwrap_err();
    assert!(matches!(fault, TransportError::Unreachable(_)), "{fault}");
}

#[test]
fn a_machine_that_is_off_is_unreachable() {
    let mut machine = Machine::start();
    let target = target(&machine);
    machine.stop();
    let fault = go_to(target, bash("echo in")).result.unwrap_err();
    assert!(matches!(fault, TransportError::Unreachable(_)) && fault.nothing_ran(), "{fault}");
    assert!(fault.to_string().contains("Check that the machine is on"), "{fault}");
}

#[test]
fn the_health_check_looks_round() {
    let machine = Machine::start();
    let health = block_on(target(&machine).check()).unwrap();
    assert!(health.system.starts_with("Linux "), "{health:?}");
    assert!(health.syntaxes.contains(&Syntax::Bash) && health.syntaxes.contains(&Syntax::Python), "{health:?}");
    assert!(health.free_bytes.unwrap() > 1 << 20);
    let closed = Machine::start_with(&["ed25519"], "ForceCommand echo closed; exit 3");
    let fault = block_on(target(&closed).check()).unwrap_err();
    assert!(fault.to_string().contains("closed") && fault.to_string().contains("ordinary shell"), "{fault}");
}

#[test]
fn a_missing_interpreter_or_home_is_refused() {
    let machine = Machine::start();
    let mut script = bash("'x'");
    script.syntax = Syntax::PowerShell;
    if block_on(target(&machine).check()).unwrap().syntaxes.len() == 2 {
        let fault = go_to(target(&machine), script).result.unwrap_err();
        assert!(fault.nothing_ran() && fault.to_string().contains("no pwsh"), "{fault}");
    }
    std::fs::write(machine.home().join(".bulkhead"), "in the way").unwrap();
    let fault = go_to(target(&machine), bash("echo in")).result.unwrap_err();
    assert!(fault.nothing_ran() && fault.to_string().contains("could not be stored"), "{fault}");
}

#[test]
fn the_time_limit_ends_it_with_all_its_children() {
    let mut script = bash("trap 'echo bye; exit 3' TERM; sleep 600 & echo $!; wait");
    script.time_limit = Duration::from_secs(1);
    let run = go(&Machine::start(), script);
    assert!(matches!(run.result, Err(TransportError::TimedOut(_))), "{:?}", run.result);
    assert_eq!(run.lines[1].text, "bye", "it may say good-bye");
    assert_gone(&run.lines[0].text);
}

#[test]
fn cancelling_kills_deaf_grandchildren() {
    let body = "trap '' TERM\nbash -c 'trap \"\" TERM; (sleep 600 & echo $!); sleep 600 & echo $!; wait' &\nsleep 0.5; echo cancel me; wait; wait";
    let began = Instant::now();
    let run = go(&Machine::start(), bash(body));
    assert!(matches!(run.result, Err(TransportError::Cancelled)), "{:?}", run.result);
    assert!(began.elapsed() < Duration::from_secs(15));
    assert_gone(&run.lines[0].text);
    assert_gone(&run.lines[1].text);
}

#[test]
fn a_machine_with_one_channel_can_still_be_cancelled() {
    let machine = Machine::start_with(&["ed25519"], "MaxSessions 1");
    let run = go(&machine, bash("echo $$; echo cancel me; sleep 600"));
    assert!(matches!(run.result, Err(TransportError::Cancelled)), "{:?}", run.result);
    assert_gone(&run.lines[0].text);
}

#[test]
fn what_is_left_running_on_purpose_stays_and_is_not_waited_for() {
    let began = Instant::now();
    let run = go(&Machine::start(), bash("sleep 20 & echo $!; exit 4"));
    assert_eq!(run.exit_code(), 4);
    assert!(began.elapsed() < Duration::from_secs(10));
    let pid = run.lines[0].text.clone();
    assert!(alive(&pid));
    let pid = rustix::process::Pid::from_raw(pid.parse().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[test]
fn a_lost_connection_is_not_called_a_failure() {
    let machine = Machine::start();
    let place = Place::Ssh(Arc::new(target(&machine)));
    block_on(async {
        let (sender, mut receiver) = mpsc::channel(16);
        let running =
            tokio::spawn(async move { place.run(&bash("echo $$; sleep 600"), sender, CancellationToken::new()).await });
        let pid = receiver.recv().await.unwrap().text;
        machine.cut_connections();
        let fault = running.await.unwrap().unwrap_err();
        assert!(matches!(fault, TransportError::Lost(_)), "{fault}");
        assert!(!fault.nothing_ran() && fault.to_string().contains("is not known"), "{fault}");
        if let Some(pid) = rustix::process::Pid::from_raw(pid.parse().unwrap()) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    });
}

/// Findings G9: the connection is cut while a quiet script runs.
#[test]
fn what_a_lost_connection_has_left_is_ended_before_the_next_begins() {
    let machine = Machine::start();
    let place = Place::Ssh(Arc::new(target(&machine)));
    let quiet = |lane: &str| Script { lane: lane.to_owned(), ..bash("echo $$; exec sleep 600") };
    let (first, other) = block_on(async {
        let mut pids = Vec::new();
        let mut running = Vec::new();
        for lane in ["one", "other"] {
            let (sender, mut receiver) = mpsc::channel(16);
            let (place, script) = (place.clone(), quiet(lane));
            running.push(tokio::spawn(async move { place.run(&script, sender, CancellationToken::new()).await }));
            pids.push(receiver.recv().await.unwrap().text);
        }
        machine.cut_connections();
        for running in running {
            assert!(matches!(running.await.unwrap(), Err(TransportError::Lost(_))));
        }
        (pids.remove(0), pids.remove(0))
    });
    assert!(alive(&first) && alive(&other), "nothing on the machine ends a quiet script");
    let next = go_to(target(&machine), Script { lane: "one".to_owned(), ..bash("echo next") });
    assert_eq!((next.exit_code(), next.out().as_str()), (0, "next"));
    assert_eq!(
        next.text(Stream::Note),
        "An earlier run of ServerTasks-1-1 was still under way on this machine and was ended."
    );
    assert_eq!(next.lines[0].stream, Stream::Note, "before the script begins");
    assert!(!alive(&first) && alive(&other), "only of its own lane");
    let last = go_to(target(&machine), Script { lane: "other".to_owned(), ..bash("echo last") });
    assert_eq!(last.exit_code(), 0);
    assert!(!alive(&other));
    for folder in ["runs", "work"] {
        assert!(empty(&machine.home().join(".bulkhead").join(folder)), "something is left in {folder}");
    }
    assert_eq!(go_to(target(&machine), quiet_end("one")).text(Stream::Note), "");
}

fn quiet_end(lane: &str) -> Script {
    Script { lane: lane.to_owned(), ..bash("true") }
}

/// A neighbour of G9: what a script has left running talks without end.
#[test]
fn what_is_left_running_and_talks_on_is_not_heard_for_ever() {
    let began = Instant::now();
    let run = go(&Machine::start(), bash("(while :; do echo x; sleep 0.2; done) & echo $!; exit 4"));
    assert_eq!(run.exit_code(), 4);
    assert!(began.elapsed() < Duration::from_secs(50), "{:?}", began.elapsed());
    assert_gone(&run.lines[0].text);
}

/// A neighbour of G9: a script that removes all in its folder can still be ended.
#[test]
fn a_script_that_clears_its_folder_can_be_cancelled() {
    let run = go(&Machine::start(), bash("rm -rf ./* ./.[a-z]*; echo $$; echo cancel me; sleep 600"));
    assert!(matches!(run.result, Err(TransportError::Cancelled)), "{:?}", run.result);
    assert_gone(&run.lines[0].text);
}

#[test]
fn a_dropped_run_ends_and_is_tidied_up() {
    let machine = Machine::start();
    let place = Place::Ssh(Arc::new(target(&machine)));
    block_on(async {
        let (sender, mut receiver) = mpsc::channel(16);
        let script = bash("echo $$; exec sleep 600");
        let pid = tokio::select! {
            _ = place.run(&script, sender, CancellationToken::new()) => panic!("it ended"),
            line = receiver.recv() => line.unwrap().text,
        };
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_gone(&pid);
        assert!(empty(&machine.home().join(".bulkhead/work")));
    });
}

#[test]
fn much_output_arrives_whole_and_in_order() {
    let run = go(&Machine::start(), bash("seq 1 1500000; echo end >&2; exit 3"));
    assert_eq!(run.exit_code(), 3);
    assert_eq!(run.lines.len(), 1_500_001);
    assert!(
        run.lines
            .iter()
            .filter(|line| line.stream == Stream::Out)
            .enumerate()
            .all(|(at, line)| line.text == (at + 1).to_string())
    );
}

#[test]
fn binary_output_and_a_large_script() {
    let machine = Machine::start();
    let mut script = bash("printf 'a\\377\\000b\\n'; get_octopusvariable big | wc -c; head -c 1000000 /dev/urandom");
    script.variables.insert("big".to_owned(), "x'\n".repeat(1_000_000));
    let run = go(&machine, script);
    assert_eq!(run.exit_code(), 0);
    assert_eq!(run.lines[0].text, "a\u{fffd}\0b");
    assert_eq!(run.lines[1].text.trim(), "3000000");
}

#[test]
fn a_folder_the_script_has_closed_is_removed_and_old_ones_are_swept() {
    let machine = Machine::start();
    let old = machine.home().join(".bulkhead/work/ServerTasks-1-1-old");
    std::fs::create_dir_all(&old).unwrap();
    std::process::Command::new("touch").args(["-d", "9 days ago"]).arg(&old).status().unwrap();
    let run = go(&machine, bash("mkdir -p a/b; touch a/b/c; chmod 0 a/b a; chmod 0500 ."));
    assert_eq!(run.exit_code(), 0);
}

#[test]
fn several_machines_and_runs_at_once() {
    let machines: Vec<Machine> = (0..2).map(|_| Machine::start()).collect();
    let runs = block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..8 {
            let place = Place::Ssh(Arc::new(target(&machines[number % 2])));
            let script = bash(&format!("echo {number} > mine; sleep 0.2; cat mine; exit {number}"));
            tasks.spawn(async move { (number, run(&place, script).await) });
        }
        tasks.join_all().await
    });
    for (number, run) in runs {
        assert_eq!((run.exit_code() as usize, run.out()), (number, number.to_string()));
    }
}

//! The built-in worker.

use super::*;

struct Bench {
    place: Place,
    work: PathBuf,
    data: PathBuf,
    _folder: tempfile::TempDir,
}

/// A sandbox beside a data folder with a secret in it. With `open` the way to it is passable for others, so that a server
/// run by root gives every script a user of its own.
fn bench_with(open: bool) -> Bench {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let mode = if open { 0o711 } else { 0o700 };
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("company.db"), "the books").unwrap();
    let work = folder.path().join("work");
    let sandbox =
        Sandbox::new(work.clone(), false).unwrap().with_program(PathBuf::from(env!("CARGO_BIN_EXE_bulkhead")));
    if rustix::process::geteuid().is_root() {
        assert_eq!(sandbox.level().own_user, open);
    }
    Bench { place: Place::Sandbox(Arc::new(sandbox)), work, data, _folder: folder }
}

fn bench() -> Bench {
    bench_with(true)
}

/// Runs, and wants the private folder gone afterwards.
#[track_caller]
fn go(bench: &Bench, script: Script) -> Run {
    let run = block_on(run(&bench.place, script));
    assert!(empty(&bench.work), "something is left in the work folder");
    run
}

#[test]
fn output_and_exit_code() {
    let bench = bench();
    let run = go(&bench, bash("echo one; echo zwei >&2; echo three; printf 'no end'; exit 7"));
    assert_eq!(run.exit_code(), 7);
    assert_eq!(run.out(), "one\nthree\nno end");
    assert_eq!(run.err(), "zwei");
    assert_eq!(go(&bench, bash("true")).exit_code(), 0);
}

#[test]
fn a_script_that_kills_itself_is_reported_as_such() {
    let run = go(&bench(), bash("kill -SEGV $$"));
    assert_eq!(run.result.unwrap(), Outcome { exit_code: 139, signal: Some("SEGV".to_owned()) });
}

#[test]
fn line_numbers_are_the_users_own() {
    let run = go(&bench(), bash("echo start\r\n\r\nno_such_command\r\n"));
    assert_eq!(run.exit_code(), 127);
    assert!(run.err().contains("line 3: no_such_command: command not found"), "{}", run.err());
}

#[test]
fn variables_survive_every_byte() {
    let value = nasty();
    let name = "It's $a \"name\"\n";
    let mut script = bash(
        "set -eu\nv=$(get_octopusvariable \"It's \\$a \\\"name\\\"\n\"; echo x); v=${v%x}\n\
         set_octopusvariable \"It's\" \"$v\"\nset_octopusvariable pw s3cret -sensitive\n\
         echo \"[$(get_octopusvariable Octopus.Environment.Name)][$(get_octopusvariable none)]\"",
    );
    script.variables.insert(name.to_owned(), value.clone());
    script.variables.insert("Octopus.Environment.Name".to_owned(), "Prod".to_owned());
    let run = go(&bench(), script);
    assert_eq!(run.exit_code(), 0, "{}", run.err());
    let base64 = data_encoding::BASE64.encode(value.as_bytes());
    assert_eq!(run.lines[0].text, format!("##octopus[setVariable name='SXQncw==' value='{base64}']"));
    assert_eq!(run.lines[1].text, "##octopus[setVariable name='cHc=' value='czNjcmV0' sensitive='VHJ1ZQ==']");
    assert_eq!(run.lines[2].text, "[Prod][]");
}

#[test]
fn python_has_the_same_functions_and_its_own_line_numbers() {
    let mut script = bash(
        "from __future__ import annotations\nset_octopusvariable('a', get_octopusvariable('v'))\nprint(get_octopusvariable('none') == '')\nraise ValueError('boom')",
    );
    script.syntax = Syntax::Python;
    script.variables.insert("v".to_owned(), nasty());
    let run = go(&bench(), script);
    assert_eq!(run.exit_code(), 1);
    let base64 = data_encoding::BASE64.encode(nasty().as_bytes());
    assert_eq!(run.out(), format!("##octopus[setVariable name='YQ==' value='{base64}']\nTrue"));
    assert!(run.err().contains("\"script.py\", line 4"), "{}", run.err());
}

#[test]
fn a_missing_interpreter_is_refused_with_a_remedy() {
    if Syntax::PowerShell.available_here() {
        return;
    }
    let mut script = bash("'x'");
    script.syntax = Syntax::PowerShell;
    let fault = go(&bench(), script).result.unwrap_err();
    assert!(fault.nothing_ran());
    assert!(fault.to_string().contains("no pwsh") && fault.to_string().contains("Install it"), "{fault}");
}

#[test]
fn a_script_reaches_nothing_outside() {
    for open in [true, false] {
        let bench = bench_with(open);
        let data = bench.data.display();
        let own = bench.work.display();
        for (what, attempt) in [
            ("the data", format!("cat {data}/company.db")),
            ("the data folder", format!("ls {data}")),
            ("the work folder", format!("ls {own}")),
            ("shadow", "cat /etc/shadow".to_owned()),
            ("ssh", "cat /etc/ssh/sshd_config".to_owned()),
            ("root's home", "ls /root".to_owned()),
            ("/", "ls /".to_owned()),
            ("other processes", "cat /proc/1/environ".to_owned()),
            ("other processes' commands", "cat /proc/1/cmdline".to_owned()),
            ("its keeper", "cat /proc/$PPID/cmdline".to_owned()),
            ("its keeper's environment", "cat /proc/$PPID/environ".to_owned()),
            ("the list of processes", "ls /proc".to_owned()),
            ("/sys", "ls /sys".to_owned()),
            ("/run", "ls /run".to_owned()),
            ("/tmp", "echo x > /tmp/bulkhead-test-$$".to_owned()),
            ("/dev/shm", "echo x > /dev/shm/bulkhead-test-$$".to_owned()),
            ("/usr", "echo x > /usr/local/bulkhead-test-$$".to_owned()),
            ("a link out", format!("ln -s {data}/company.db here; cat here")),
            ("a hard link", format!("ln {data}/company.db there && cat there")),
            ("moving out", "echo x > f; mv f /tmp/bulkhead-test-$$ && rm f".to_owned()),
            ("mounting", "mkdir m; mount -t tmpfs none m".to_owned()),
            ("another root", "chroot . /bin/true".to_owned()),
            ("a device", "mknod d b 8 0".to_owned()),
            ("a namespace", "unshare -m mount --bind / tmp".to_owned()),
            (
                "another user",
                "python3 -c 'import os; os.setuid(0); os.setgroups([0]); open(\"/etc/shadow\")'".to_owned(),
            ),
        ] {
            let run = go(&bench, bash(&format!("({attempt}) && echo reached")));
            assert_ne!(run.exit_code(), 0, "{what}: {}", run.out());
            assert!(!run.out().contains("reached") && !run.out().contains("books"), "{what}: {}", run.out());
            let said = run.err().to_lowercase();
            let refused = ["denied", "not permitted", "cross-device", "invalid", "failed", "must be superuser"];
            assert!(refused.iter().any(|word| said.contains(word)), "{what}: {said}");
        }
    }
}

#[test]
fn a_script_cannot_signal_the_server() {
    let bench = bench_with(false);
    let Place::Sandbox(sandbox) = &bench.place else { unreachable!() };
    if sandbox.level().landlock < 6 {
        return;
    }
    let me = std::process::id();
    let run = go(&bench, bash(&format!("kill -0 {me} || echo no server; kill -9 $PPID || echo no keeper")));
    assert_eq!(run.out(), "no server\nno keeper", "{}", run.err());
    assert_eq!(run.exit_code(), 0);
}

#[test]
fn a_script_finds_what_it_needs() {
    let body = r#"set -e
        [ "$PWD" = "$HOME" ] && [ "$TMPDIR" = "$HOME/tmp" ] && [ "$(umask)" = 0077 ]
        echo text > file; cat file; rm file
        cat <<< here; cat < <(echo substitution); echo out > /dev/null; echo err > /dev/stderr
        t=$(mktemp); echo "${t#$TMPDIR}" | cut -c1-5
        mkdir -p a/b; mv a/b c; printf '#!/bin/sh\necho ran\n' > run; chmod +x run; ./run
        head -c 4 /dev/urandom | wc -c
        getent hosts localhost >/dev/null; python3 -c 'import ssl, json, tempfile; tempfile.TemporaryFile()'
        read -r line || echo no input
        env | cut -d= -f1 | grep -vE '^(_|SHLVL|OLDPWD|PWD)$' | sort | tr '\n' ' '"#;
    let run = go(&bench(), bash(body));
    assert_eq!(run.exit_code(), 0, "{}\n{}", run.out(), run.err());
    assert_eq!(
        run.out(),
        "text\nhere\nsubstitution\n/tmp.\nran\n4\nno input\nDOTNET_CLI_TELEMETRY_OPTOUT HOME LANG PATH POWERSHELL_TELEMETRY_OPTOUT TMPDIR "
    );
    assert_eq!(run.err(), "err");
}

#[test]
fn rights_and_limits() {
    let body = "python3 - <<'E'\nimport ctypes, os, resource as r\n\
        for n in ['CORE', 'NOFILE', 'NPROC', 'FSIZE', 'DATA', 'CPU']: print(n, *r.getrlimit(getattr(r, 'RLIMIT_' + n)))\n\
        libc = ctypes.CDLL(None)\nprint('nnp', libc.prctl(39, 0, 0, 0, 0))\n\
        print('bounding', sum(libc.prctl(23, n, 0, 0, 0) == 1 for n in range(41)))\n\
        print('groups', os.getgroups(), 'own user', os.getuid() >= 0x70000000)\nE";
    let run = go(&bench(), bash(body));
    let out = run.out();
    assert_eq!(run.exit_code(), 0, "{}", run.err());
    for line in
        ["CORE 0 0", "NPROC 512 512", "FSIZE 2147483648 2147483648", "DATA 4294967296 4294967296", "CPU 61 62", "nnp 1"]
    {
        assert!(out.contains(line), "{line}: {out}");
    }
    if rustix::process::geteuid().is_root() {
        assert!(out.contains("bounding 0") && out.contains("groups [] own user True"), "{out}");
    }
}

#[test]
fn the_time_limit_ends_it_with_all_its_children() {
    let mut script = bash("trap 'echo bye; exit 3' TERM; sleep 600 & echo $!; wait");
    script.time_limit = Duration::from_secs(1);
    let run = go(&bench(), script);
    assert!(matches!(run.result, Err(TransportError::TimedOut(_))), "{:?}", run.result);
    assert_eq!(run.lines[1].text, "bye", "it may say good-bye");
    assert_gone(&run.lines[0].text);
}

#[test]
fn cancelling_kills_grandchildren_also_deaf_and_independent_ones() {
    let body = "trap '' TERM\nbash -c 'trap \"\" TERM; setsid sleep 600 & echo $!; (sleep 600 & echo $!); sleep 600' &\nsleep 0.5; echo cancel me; wait";
    let began = Instant::now();
    let run = go(&bench(), bash(body));
    assert!(matches!(run.result, Err(TransportError::Cancelled)), "{:?}", run.result);
    assert!(began.elapsed() < Duration::from_secs(12));
    assert_gone(&run.lines[0].text);
    assert_gone(&run.lines[1].text);
}

#[test]
fn nothing_survives_the_end_of_the_script() {
    let began = Instant::now();
    let run = go(
        &bench(),
        bash(
            "sleep 600 & echo $!; setsid sleep 600 & echo $!; (setsid nohup sleep 600 >/dev/null 2>&1 & echo $!); sleep 0.3; exit 4",
        ),
    );
    assert_eq!(run.exit_code(), 4);
    assert!(began.elapsed() < Duration::from_secs(5), "it must not wait for them");
    for line in &run.lines {
        assert_gone(&line.text);
    }
}

#[test]
fn a_dropped_run_ends_and_is_tidied_up() {
    let bench = bench();
    block_on(async {
        let (sender, mut receiver) = mpsc::channel(16);
        let script = bash("echo $$; exec sleep 600");
        let pid = tokio::select! {
            _ = bench.place.run(&script, sender, CancellationToken::new()) => panic!("it ended"),
            line = receiver.recv() => line.unwrap().text,
        };
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_gone(&pid);
        assert!(empty(&bench.work));
    });
}

#[test]
fn when_the_server_dies_the_script_dies() {
    // The keeper is started as the server does it; then the server's end of the socket closes, as on kill -9.
    use std::io::{BufRead, BufReader};
    use std::os::fd::OwnedFd;
    let bench = bench_with(false);
    let folder = bench.work.join("run");
    std::fs::create_dir_all(folder.join("tmp")).unwrap();
    std::fs::write(folder.join("script.sh"), "trap '' TERM HUP; echo $$; setsid sleep 600 & echo $!; sleep 600")
        .unwrap();
    let (mine, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let mut keeper = std::process::Command::new(env!("CARGO_BIN_EXE_bulkhead"))
        .args(["sandbox-run", "--syntax", "Bash", "--time-limit", "60", "--folder"])
        .arg(&folder)
        .stdin(OwnedFd::from(theirs))
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(keeper.stdout.take().unwrap()).lines();
    let (script, grandchild) = (lines.next().unwrap().unwrap(), lines.next().unwrap().unwrap());
    assert!(alive(&script) && alive(&grandchild));
    drop(mine);
    assert_gone(&script);
    assert_gone(&grandchild);
    keeper.wait().unwrap();
}

#[test]
fn when_the_keeper_is_killed_the_script_dies() {
    let bench = bench_with(false);
    block_on(async {
        let (sender, mut receiver) = mpsc::channel(16);
        let place = bench.place.clone();
        let running = tokio::spawn(async move {
            place.run(&bash("echo $$; echo $PPID; sleep 600"), sender, CancellationToken::new()).await
        });
        let (script, keeper) = (receiver.recv().await.unwrap().text, receiver.recv().await.unwrap().text);
        let keeper = rustix::process::Pid::from_raw(keeper.parse().unwrap()).unwrap();
        rustix::process::kill_process(keeper, rustix::process::Signal::KILL).unwrap();
        assert!(matches!(running.await.unwrap(), Err(TransportError::Lost(_))));
        assert_gone(&script);
    });
}

/// Findings G10. Children in sessions of their own, one of them without the surroundings it was started with.
#[test]
fn nothing_is_left_when_those_who_watch_over_a_script_are_killed() {
    let parent = |pid: &str| {
        let facts = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        facts.rsplit(')').next().unwrap().split_whitespace().nth(1).unwrap().to_owned()
    };
    let kill = |pid: &str| {
        let pid = rustix::process::Pid::from_raw(pid.parse().unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    };
    let body = "setsid sleep 600 & echo $!; (setsid nohup env -i sh -c 'cd /usr; echo $$; exec sleep 600' &) ; \
                (trap '' TERM HUP; while :; do echo flood; sleep 0.01; done) & sleep 1; echo pid $$; echo pid $PPID; sleep 600";
    for (who, open) in [("keeper", false), ("keeper", true), ("guardian", false), ("both", true)] {
        let bench = bench_with(open);
        let Place::Sandbox(sandbox) = &bench.place else { unreachable!() };
        if who == "both" && !sandbox.level().own_user {
            continue;
        }
        let (lines, result) = block_on(async {
            let (sender, mut receiver) = mpsc::channel(16);
            let place = bench.place.clone();
            let running = tokio::spawn(async move { place.run(&bash(body), sender, CancellationToken::new()).await });
            let (mut lines, mut known) = (Vec::new(), 0);
            while let Some(line) = receiver.recv().await {
                if line.text == "flood" {
                    continue;
                }
                known += usize::from(line.text.starts_with("pid "));
                lines.push(line.text.trim_start_matches("pid ").to_owned());
                if known == 2 {
                    known += 1;
                    let keeper = lines.last().unwrap();
                    let guardian = parent(keeper);
                    lines.iter().for_each(|pid| assert!(alive(pid), "{who}: {pid} of {lines:?}"));
                    if who != "keeper" {
                        kill(&guardian);
                    }
                    if who != "guardian" {
                        kill(keeper);
                    }
                }
            }
            (lines, running.await.unwrap())
        });
        assert_eq!(lines.len(), 4, "{who}: {lines:?}");
        lines.iter().for_each(|pid| assert_gone(pid));
        match (who, result) {
            ("guardian", Ok(outcome)) => assert_eq!(outcome.signal.as_deref(), Some("KILL")),
            ("keeper", Err(TransportError::Lost(why))) => {
                assert!(why.contains("killed (signal KILL), and all that the script had started was ended"), "{why}")
            }
            ("both", Err(TransportError::Lost(why))) => assert!(!why.contains("may still run"), "{why}"),
            (_, result) => panic!("{who}: {result:?}"),
        }
        assert!(empty(&bench.work));
    }
}

/// A neighbour of G10: server, guardian and keeper are killed together; the next start finds what shows the work folder.
#[test]
fn what_outlived_the_server_is_ended_at_the_next_start() {
    let bench = bench();
    let folder = bench.work.join("ServerTasks-9-1-00");
    std::fs::create_dir_all(&folder).unwrap();
    let mut left = std::process::Command::new("sleep").arg("600").env("HOME", &folder).spawn().unwrap();
    let mut stranger = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    let Place::Sandbox(sandbox) = &bench.place else { unreachable!() };
    sandbox.sweep().unwrap();
    assert_gone(&left.id().to_string());
    assert!(alive(&stranger.id().to_string()));
    stranger.kill().unwrap();
    left.wait().unwrap();
    stranger.wait().unwrap();
    assert!(empty(&bench.work));
}

/// Findings A4: one large file, and many small ones.
#[test]
fn a_script_that_fills_its_folder_is_ended() {
    for body in [
        "echo $$; head -c 200000000 /dev/zero > big; sleep 600",
        "echo $$; trap '' TERM; mkdir -p a/b; while :; do for n in 1 2 3 4 5 6 7 8 9; do echo x > a/b/$RANDOM$RANDOM; done; done",
    ] {
        let began = Instant::now();
        let run = go(&bench(), Script { most_bytes: 5 << 20, ..bash(body) });
        assert!(matches!(run.result, Err(TransportError::UsedUp(_))), "{:?}", run.result);
        let fault = run.result.as_ref().unwrap_err();
        assert!(fault.to_string().contains("holds more than 5.0 MiB") && !fault.nothing_ran(), "{fault}");
        assert!(began.elapsed() < Duration::from_secs(50), "{:?}", began.elapsed());
        assert_gone(&run.lines[0].text);
    }
}

#[test]
fn much_output_arrives_whole_and_in_order() {
    let run = go(&bench(), bash("seq 1 1500000; echo end >&2"));
    assert_eq!(run.exit_code(), 0);
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
fn binary_output_and_endless_lines() {
    let run = go(
        &bench(),
        bash("printf 'a\\377\\000b\\n'; head -c 200000 /dev/zero | tr '\\0' x; echo; head -c 1000000 /dev/urandom"),
    );
    assert_eq!(run.exit_code(), 0);
    assert_eq!(run.lines[0].text, "a\u{fffd}\0b");
    let long: Vec<&Line> = run.lines[1..].iter().take(4).collect();
    assert_eq!(long.iter().map(|line| line.text.len()).sum::<usize>(), 200_000);
    assert_eq!(long.iter().map(|line| line.continued).collect::<Vec<_>>(), [true, true, true, false]);
}

#[test]
fn nobody_listening_does_not_stop_the_script() {
    let bench = bench();
    let (sender, receiver) = mpsc::channel(1);
    drop(receiver);
    let outcome = block_on(bench.place.run(&bash("seq 1 100000; exit 5"), sender, CancellationToken::new()));
    assert_eq!(outcome.unwrap().exit_code, 5);
}

#[test]
fn a_folder_the_script_has_closed_is_removed() {
    let run = go(&bench(), bash("mkdir -p a/b; touch a/b/c; chmod 0 a/b a; chmod 0500 ."));
    assert_eq!(run.exit_code(), 0);
}

#[test]
fn leftovers_are_swept_at_the_start() {
    let bench = bench();
    std::fs::create_dir_all(bench.work.join("ServerTasks-9-1-00/tmp")).unwrap();
    let Place::Sandbox(sandbox) = &bench.place else { unreachable!() };
    sandbox.sweep().unwrap();
    assert!(empty(&bench.work));
}

#[test]
fn many_at_once_do_not_see_each_other() {
    let bench = bench();
    let runs = block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..12 {
            let place = bench.place.clone();
            let script =
                bash(&format!("echo {number} > mine; sleep 0.2; cat mine; cat ../*/mine 2>/dev/null; exit {number}"));
            tasks.spawn(async move { (number, run(&place, script).await) });
        }
        tasks.join_all().await
    });
    for (number, run) in runs {
        assert_eq!((run.exit_code(), run.out()), (number, number.to_string()));
    }
    assert!(empty(&bench.work));
}

#[test]
fn a_fork_bomb_is_bounded_and_cleared_away() {
    let bench = bench();
    let Place::Sandbox(sandbox) = &bench.place else { unreachable!() };
    if !sandbox.level().own_user {
        return;
    }
    let mut script = bash("bomb() { bomb | bomb & sleep 30; }; bomb 2>/dev/null; sleep 30");
    script.time_limit = Duration::from_secs(2);
    let run = go(&bench, script);
    assert!(matches!(run.result, Err(TransportError::TimedOut(_))), "{:?}", run.result);
}

//! How a run ends, and that nothing of it is left: by its time, by cancelling, by itself, when those who watch over it
//! are killed.

use super::*;

/// The keeper of the only run in this work folder.
pub(super) fn keeper(work: &Path) -> Option<String> {
    let sign = format!("BULKHEAD_RUN={}", work.display());
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    processes.filter(|number| number.parse::<u32>().is_ok()).find(|number| {
        let words = std::fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
        let around = std::fs::read(format!("/proc/{number}/environ")).unwrap_or_default();
        words.split(|byte| *byte == 0).any(|word| word == b"keeper")
            && around.split(|byte| *byte == 0).any(|one| one.starts_with(sign.as_bytes()))
    })
}

/// The child of a process: init, below its keeper.
pub(super) fn child(parent: &str) -> Option<String> {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    processes.filter(|number| number.parse::<u32>().is_ok()).find(|number| {
        let facts = std::fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
        facts.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)) == Some(parent)
    })
}

pub(super) fn kill(number: &str) {
    let number = rustix::process::Pid::from_raw(number.parse().unwrap()).unwrap();
    rustix::process::kill_process(number, rustix::process::Signal::KILL).unwrap();
}

#[test]
fn the_time_limit_ends_it_with_all_its_children() {
    let nap = nap();
    let mut script = bash(&format!("trap 'echo bye; exit 3' TERM; sleep {nap} & wait"));
    // Long enough for bash to have begun on a busy machine: what it has just forked would say it, too.
    script.time_limit = Duration::from_secs(3);
    let run = go(&bench(), script);
    assert!(matches!(run.result, Err(TransportError::TimedOut(_))), "{:?}", run.result);
    assert_eq!(run.out(), "bye", "it may say good-bye");
    assert_none_sleeps(&nap);
}

#[test]
fn cancelling_kills_grandchildren_also_deaf_and_independent_ones() {
    let nap = nap();
    let body = format!(
        "trap '' TERM\nbash -c 'trap \"\" TERM; setsid sleep {nap} & (sleep {nap} &); sleep {nap}' &\nsleep 0.5; echo cancel me; wait"
    );
    let began = Instant::now();
    let run = go(&bench(), bash(&body));
    assert!(matches!(run.result, Err(TransportError::Cancelled)), "{:?}", run.result);
    assert!(began.elapsed() < Duration::from_secs(12));
    assert_none_sleeps(&nap);
}

/// Findings A3: a child with its own session, and one that is nobody's child any more.
#[test]
fn nothing_survives_the_end_of_the_script() {
    let (began, nap) = (Instant::now(), nap());
    let body = format!(
        "sleep {nap} & setsid sleep {nap} & (setsid nohup sleep {nap} >/dev/null 2>&1 &); \
         (setsid sh -c 'setsid sleep {nap} &' &); sleep 0.3; exit 4"
    );
    let run = go(&bench(), bash(&body));
    assert_eq!(run.exit_code(), 4);
    assert!(began.elapsed() < Duration::from_secs(5), "it must not wait for them");
    assert_none_sleeps(&nap);
}

/// Findings A3: twenty sessions that fork two and end, and the script ends at once. Felled within two seconds; the
/// deadline here is wider, since the machine may be busy.
#[test]
fn a_fork_bomb_is_felled_at_once() {
    let nap = nap();
    let bomb = "python3 - <<'E' &\nimport os, time\nfor n in range(20):\n    if os.fork() == 0:\n        os.setsid()\n        \
                while True:\n            try:\n                if os.fork(): os._exit(0)\n                os.fork()\n            except OSError: time.sleep(0.001)\nE\n";
    let body = format!("exec 2>/dev/null; {bomb} sleep {nap} & sleep 0.7; echo ends; exit 6");
    let bench = bench();
    let (spent, run) = block_on(async {
        let (sender, mut receiver) = mpsc::channel(16);
        let place = bench.place.clone();
        let running = tokio::spawn(async move { place.run(&bash(&body), sender, CancellationToken::new()).await });
        let mut said = None;
        while let Some(line) = receiver.recv().await {
            if line.text == "ends" {
                said = Some(Instant::now());
            }
        }
        let outcome = running.await.unwrap();
        (said.expect("it said that it ends").elapsed(), outcome)
    });
    assert_eq!(run.unwrap().exit_code, 6);
    println!("felled within {spent:?}");
    assert!(spent < Duration::from_secs(10), "{spent:?}");
    assert_eq!(sleeping(&nap), 0);
}

#[test]
fn a_fork_bomb_is_bounded_and_cleared_away() {
    let mut script = bash("bomb() { bomb | bomb & sleep 30; }; bomb 2>/dev/null; sleep 30");
    script.time_limit = Duration::from_secs(2);
    let run = go(&bench(), script);
    assert!(matches!(run.result, Err(TransportError::TimedOut(_))), "{:?}", run.result);
}

/// Findings A2: one run takes as many processes as it may; another starts and forks nevertheless.
#[test]
fn one_run_cannot_take_the_others_processes() {
    let (bench, nap) = (bench(), nap());
    let hog = format!("for n in $(seq 600); do sleep {nap} & done 2>/dev/null; echo full; sleep {nap}");
    block_on(async {
        let (sender, mut receiver) = mpsc::channel(16);
        let (place, cancel) = (bench.place.clone(), CancellationToken::new());
        let token = cancel.clone();
        let hogging = tokio::spawn(async move { place.run(&bash(&hog), sender, token).await });
        // Its own limit stops it, which bash says by trying again; so it is not waited for to say that it is full.
        let until = Instant::now() + Duration::from_secs(30);
        while sleeping(&nap) < 300 {
            assert!(Instant::now() < until, "only {}", sleeping(&nap));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let other = run(&bench.place, bash("for n in 1 2 3 4 5; do (echo $n) | cat; done")).await;
        assert_eq!((other.exit_code(), other.out().as_str()), (0, "1\n2\n3\n4\n5"), "{}", other.err());
        assert!(sleeping(&nap) <= 512, "{}", sleeping(&nap));
        cancel.cancel();
        let drained = tokio::spawn(async move { while receiver.recv().await.is_some() {} });
        assert!(matches!(hogging.await.unwrap(), Err(TransportError::Cancelled)));
        drained.await.unwrap();
    });
    assert_none_sleeps(&nap);
}

#[test]
fn a_dropped_run_ends_and_is_tidied_up() {
    let (bench, nap) = (bench(), nap());
    block_on(async {
        let (sender, mut receiver) = mpsc::channel(16);
        let script = bash(&format!("echo begun; exec sleep {nap}"));
        tokio::select! {
            _ = bench.place.run(&script, sender, CancellationToken::new()) => panic!("it ended"),
            () = async { while receiver.recv().await.unwrap().text != "begun" {} } => {}
        };
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_none_sleeps(&nap);
        let until = Instant::now() + Duration::from_secs(10);
        while !empty(&bench.work) {
            assert!(Instant::now() < until);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
}

/// Findings G10. Children in sessions of their own, one of them without the surroundings it was started with.
#[test]
fn nothing_is_left_when_those_who_watch_over_a_script_are_killed() {
    for who in ["keeper", "init", "both"] {
        let (bench, nap) = (bench(), nap());
        let body = format!(
            "setsid sleep {nap} & (setsid nohup env -i sh -c 'cd /usr; exec sleep {nap}' &); \
             (trap '' TERM HUP; while :; do echo flood; sleep 0.01; done) & sleep 1; echo begun; sleep {nap}"
        );
        let result = block_on(async {
            let (sender, mut receiver) = mpsc::channel(16);
            let place = bench.place.clone();
            let running = tokio::spawn(async move { place.run(&bash(&body), sender, CancellationToken::new()).await });
            while let Some(line) = receiver.recv().await {
                if line.text == "begun" {
                    assert!(sleeping(&nap) >= 2, "{}", sleeping(&nap));
                    let keeper = keeper(&bench.work).expect("a keeper");
                    let init = child(&keeper).expect("init");
                    if who != "init" {
                        kill(&keeper);
                    }
                    if who == "init" {
                        kill(&init);
                    } else if who == "both" && alive(&init) {
                        let number = rustix::process::Pid::from_raw(init.parse().unwrap()).unwrap();
                        let _ = rustix::process::kill_process(number, rustix::process::Signal::KILL);
                    }
                }
            }
            running.await.unwrap()
        });
        assert_none_sleeps(&nap);
        match result {
            Err(TransportError::Lost(why)) => {
                assert!(why.contains("with it all") || why.contains("killed (signal KILL)"), "{who}: {why}")
            }
            other => panic!("{who}: {other:?}"),
        }
        assert!(empty(&bench.work));
    }
}

/// The server's end of the socket closes, as on kill -9: this test again, as a process of its own that is killed.
#[test]
fn when_the_server_dies_the_script_dies() {
    if let Ok(nap) = std::env::var("BULKHEAD_TESTS_NAP") {
        let run = go(&bench(), bash(&format!("trap '' TERM HUP; setsid sleep {nap} & sleep {nap}")));
        panic!("it ended: {:?}", run.result);
    }
    let nap = nap();
    let mut server = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "execution::transport::sandbox::ends::when_the_server_dies_the_script_dies"])
        .env("BULKHEAD_TESTS_NAP", &nap)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let until = Instant::now() + Duration::from_secs(30);
    while sleeping(&nap) < 2 {
        assert!(Instant::now() < until, "it did not begin");
        std::thread::sleep(Duration::from_millis(20));
    }
    server.kill().unwrap();
    server.wait().unwrap();
    assert_none_sleeps(&nap);
}

/// A neighbour of G10: what shows the work folder is ended at the next start.
#[test]
fn what_outlived_the_server_is_ended_at_the_next_start() {
    let bench = bench();
    let folder = bench.work.join("ServerTasks-9-1-00");
    std::fs::create_dir_all(&folder).unwrap();
    let mut left = std::process::Command::new("sleep").arg("600").env("HOME", &folder).spawn().unwrap();
    let mut stranger = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    bench.sandbox().sweep().unwrap();
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
        "head -c 200000000 /dev/zero > big; sleep NAP",
        "trap '' TERM; mkdir -p a/b; sleep NAP & while :; do for n in 1 2 3 4 5 6 7 8 9; do echo x > a/b/$RANDOM$RANDOM; done; done",
    ] {
        let (began, nap) = (Instant::now(), nap());
        let run = go(&bench(), Script { most_bytes: 5 << 20, ..bash(&body.replace("NAP", &nap)) });
        assert!(matches!(run.result, Err(TransportError::UsedUp(_))), "{:?}", run.result);
        let fault = run.result.as_ref().unwrap_err();
        assert!(fault.to_string().contains("holds more than 5.0 MiB") && !fault.nothing_ran(), "{fault}");
        assert!(began.elapsed() < Duration::from_secs(50), "{:?}", began.elapsed());
        assert_none_sleeps(&nap);
    }
}

/// A neighbour of A4: `/tmp` and `/dev/shm` are memory with an end, in bytes and in files.
#[test]
fn temporary_folders_have_an_end() {
    let body = "for f in /tmp/big /dev/shm/big; do head -c 300000000 /dev/zero > $f; echo $?; rm $f; done 2>/dev/null\n\
                python3 -c '\nimport os\nfor n in range(70000):\n    try: os.close(os.open(f\"/tmp/{n}\", os.O_CREAT))\n    except OSError as e: print(e.strerror, n); break'";
    let run = go(&bench(), bash(body));
    let out = run.out();
    let lines: Vec<&str> = out.lines().collect();
    assert!(
        lines[0] == "1" && lines[1] == "1" && lines[2].starts_with("No space left on device 65"),
        "{out} {}",
        run.err()
    );
}

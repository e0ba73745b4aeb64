//! A keeper that is started ahead: it is used once, is as tight as any, and its end is nobody's fault.

use super::ends::{child, keeper, kill};
use super::*;

/// The keeper that waits in this work folder, and its init.
async fn waiting(work: &Path) -> (String, String) {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(keeper) = keeper(work)
            && let Some(init) = child(&keeper)
        {
            return (keeper, init);
        }
        assert!(Instant::now() < until, "none waits");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn gone(number: &str) {
    let until = Instant::now() + Duration::from_secs(10);
    while alive(number) {
        assert!(Instant::now() < until, "it is still there");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What a script can see of its locks, without what is its own by chance.
const LOCKS: &str = "grep -E '^(Cap|NoNewPrivs|Seccomp|Groups)' /proc/self/status; hostname; ls / /step /proc/self/fd; \
     ls -l /proc/self/ns/cgroup | wc -l; cat /proc/net/dev /proc/mounts; ulimit -a; pwd; env | sort; kill -0 1 && echo reach";

#[test]
fn a_script_on_it_finds_what_any_script_finds() {
    let bench = bench();
    block_on(async {
        let cold = run_quietly(&bench.place, bash(LOCKS)).await;
        let (keeper, init) = waiting(&bench.work).await;
        let warm = run_quietly(&bench.place, bash(LOCKS)).await;
        assert!(
            cold.out().contains("Seccomp:\t2") && cold.out().contains("CapEff:\t0000000000000000"),
            "{}",
            cold.out()
        );
        let told = |run: &Run| {
            // Its number stands in the options of its mounts.
            let lines = run.out();
            lines.lines().map(|line| line.split("uid=").next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(told(&warm), told(&cold));
        assert_eq!((warm.exit_code(), warm.err()), (cold.exit_code(), cold.err()));
        // It was this one that ran, and it is not used again.
        gone(&keeper).await;
        gone(&init).await;
        assert_ne!(waiting(&bench.work).await.0, keeper);
    });
}

#[test]
fn when_it_is_killed_another_takes_its_place() {
    let bench = bench();
    block_on(async {
        for who in ["keeper", "init"] {
            assert_eq!(run_quietly(&bench.place, bash("echo one")).await.out(), "one");
            let (keeper, init) = waiting(&bench.work).await;
            kill(if who == "keeper" { &keeper } else { &init });
            gone(&keeper).await;
            gone(&init).await;
            let next = run_quietly(&bench.place, bash("echo two")).await;
            assert_eq!((next.exit_code(), next.out().as_str()), (0, "two"), "{who}");
        }
    });
}

#[test]
fn it_ends_with_the_server() {
    let bench = bench();
    let (keeper, init) = block_on(async {
        run_quietly(&bench.place, bash("true")).await;
        waiting(&bench.work).await
    });
    block_on(async {
        gone(&keeper).await;
        gone(&init).await;
    });
}

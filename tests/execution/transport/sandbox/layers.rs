//! Each layer is taken away, and the rows that it holds turn: else one could be missing and nobody would see it.
//!
//! The switch is `Sandbox::without`, which no setting, no argument and no environment leads to.

use super::attacks::{ROWS, tried, world};
use super::*;

/// The folder is made passable, so that a script under a number of its own gets to it also without a root of its own.
fn lacking(layer: Layer) -> Bench {
    use std::os::unix::fs::PermissionsExt;
    let settings = Settings { network: Some(Network::None), weakest: Weakest::Full };
    let bench = bench_of(settings, |sandbox| sandbox.without(layer));
    for folder in [bench.data.parent().unwrap(), &bench.data, &bench.work] {
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o711)).unwrap();
    }
    bench
}

#[test]
#[cfg_attr(not(target_arch = "x86_64"), ignore = "the numbers of system calls are those of x86-64")]
fn without_a_layer_the_rows_that_it_holds_turn() {
    let mut findings = Vec::new();
    for layer in Layer::ALL {
        let world = world(lacking(layer));
        let standing = world.bench.sandbox().standing();
        assert!(standing.full(), "{layer:?}: {:?}", standing.warning());
        let answers = tried(&world);
        let mut turned = 0;
        for (name, _, held, by) in ROWS {
            let answer = answers.get(*name).map_or("no answer", String::as_str);
            let holds = held.contains(&answer);
            turned += usize::from(!holds);
            // Becoming another user closes init already, so for root's runs the two cover each other.
            let covered = layer == Layer::Dumpable && is_root();
            if *by == Some(layer) && holds && !covered {
                findings.push(format!("without {layer:?}, “{name}” is still held ({answer})"));
            }
            // Without a root of its own there is no `/proc` of its own either, and numbers mean others.
            if by.is_some() && *by != Some(layer) && !holds && layer != Layer::Mount {
                findings.push(format!("without {layer:?}, “{name}” is not held ({answer})"));
            }
        }
        println!("without {layer:?}: {turned} rows turn");
    }
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

/// Landlock is the second lock behind the root folder, so it shows only without that one.
#[test]
fn landlock_holds_where_the_root_folder_is_the_machines() {
    let bench = lacking(Layer::Mount);
    if bench.sandbox().standing().landlock() == 0 {
        return;
    }
    let tries = format!(
        "for f in {0}/company.db /etc/shadow /etc/ssh/sshd_config; do cat $f; done; ls /root {0} / /sys /run; echo x > /tmp/bulkhead-$$; \
         echo x > /usr/local/bulkhead-$$; echo x > /dev/shm/bulkhead-$$; echo mine > mine; cat mine",
        bench.data.display()
    );
    let with = block_on(run(&bench.place, bash(&tries)));
    assert_eq!(with.out(), "mine", "{}", with.err());
    let Bench { place: Place::Sandbox(sandbox), .. } = &bench else { unreachable!() };
    let open = Place::Sandbox(Arc::new(sandbox.as_ref().clone().without(Layer::Landlock)));
    let without = block_on(run(&open, bash("ls /")));
    assert!(without.out().contains("usr") && without.out().contains("proc"), "{} {}", without.out(), without.err());
}

/// What the others do not show: without process numbers of its own, and without names of its own.
#[test]
fn names_and_groups_are_its_own() {
    let body = "hostname 2>/dev/null || cat /proc/sys/kernel/hostname; cat /proc/self/cgroup";
    let with = go(&bench(), bash(body));
    assert!(with.out().starts_with("worker\n"), "{}", with.out());
    let outside = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let without = go(&lacking(Layer::Uts), bash("cat /proc/sys/kernel/hostname"));
    assert_eq!(without.out(), outside.trim());
    // Where its place among control groups is not hidden, it is the keeper's.
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap();
    let seen = go(&lacking(Layer::Cgroup), bash("cat /proc/self/cgroup"));
    assert_eq!(seen.out(), own.trim());
    let hidden = go(&bench(), bash("cut -d: -f3 /proc/self/cgroup | sort -u"));
    assert_eq!(hidden.out(), "/", "{}", hidden.out());
}

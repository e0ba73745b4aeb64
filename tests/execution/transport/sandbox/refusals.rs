//! Where the sandbox cannot be had: what is said, and that nothing runs unless the operator has allowed a weaker kind.

use super::*;

/// This test again, by a process that lacks something; what it prints.
fn again(test: &str, by: &[&str]) -> String {
    let test = format!("execution::transport::sandbox::refusals::{test}");
    let mut command = std::process::Command::new(by[0]);
    command.args(&by[1..]).arg(std::env::current_exe().unwrap()).args(["--exact", &test, "--nocapture"]);
    let done = command.env("BULKHEAD_TESTS_INSIDE", "1").output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{said}\n{}", String::from_utf8_lossy(&done.stderr));
    said
}

fn inside() -> bool {
    std::env::var_os("BULKHEAD_TESTS_INSIDE").is_some()
}

/// Root without the right to make namespaces, as in a container.
#[test]
fn root_without_rights_is_refused_with_the_step_and_the_remedy() {
    if !inside() {
        if is_root() {
            again(
                "root_without_rights_is_refused_with_the_step_and_the_remedy",
                &["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"],
            );
        }
        return;
    }
    let bench = bench();
    let standing = bench.sandbox().standing();
    assert!(!standing.usable());
    let warning = standing.warning().unwrap();
    assert!(warning.contains("CAP_SYS_ADMIN") && warning.contains("runs nothing"), "{warning}");
    let fault = go(&bench, bash("echo ran")).result.unwrap_err();
    assert!(fault.nothing_ran(), "{fault}");
    assert!(fault.to_string().contains("CAP_SYS_ADMIN") && fault.to_string().contains("target"), "{fault}");
    // By its name a weaker kind is allowed: a number of its own, which here must be able to reach its folder.
    use std::os::unix::fs::PermissionsExt;
    let own = Settings { weakest: Weakest::OwnUser, network: None };
    let open = |settings| {
        let bench = bench_of(settings, |sandbox| sandbox);
        for folder in [bench.data.parent().unwrap(), &bench.data] {
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o711)).unwrap();
        }
        bench
    };
    let bench = bench_of(own, |sandbox| sandbox);
    assert!(!bench.sandbox().standing().usable(), "the data folder is its owner's alone");
    // It has the machine's own network, so not where the operator has said that there is none.
    for network in [Network::None, Network::Filtered] {
        let bench = open(Settings { network: Some(network), ..own });
        let fault = go(&bench, bash("echo ran")).result.unwrap_err();
        assert!(fault.nothing_ran() && fault.to_string().contains("worker-network"), "{fault}");
    }
    let bench = open(own);
    let standing = bench.sandbox().standing();
    assert!(standing.usable() && !standing.full(), "{standing:?}");
    assert!(standing.warning().unwrap().contains("“own-user”"), "{:?}", standing.warning());
    let nap = nap();
    let body =
        format!("id -u; (setsid sleep {nap} &); cat {}/company.db; ls /; echo $HOME; exit 3", bench.data.display());
    let run = go(&bench, bash(&body));
    assert_eq!(run.exit_code(), 3, "{}", run.err());
    let out = run.out();
    let user: u32 = out.lines().next().unwrap().parse().unwrap();
    assert!(user >= 0x7000_0000 && !out.contains("books"), "{out}");
    assert_none_sleeps(&nap);
}

/// A user for whom there are no more namespaces.
#[test]
fn a_user_without_namespaces_is_refused_with_the_step_and_the_remedy() {
    if !inside() {
        if is_root() {
            // A namespace of its own has a bound of its own.
            again(
                "a_user_without_namespaces_is_refused_with_the_step_and_the_remedy",
                &[
                    "unshare",
                    "--user",
                    "--map-user=1000",
                    "--keep-caps",
                    "sh",
                    "-c",
                    "echo 0 > /proc/sys/user/max_user_namespaces; exec \"$0\" \"$@\"",
                ],
            );
        }
        return;
    }
    let bench = bench();
    let standing = bench.sandbox().standing();
    let warning = standing.warning().unwrap_or_default();
    assert!(!standing.usable() && warning.contains("user.max_user_namespaces"), "{warning}");
    let fault = go(&bench, bash("echo ran")).result.unwrap_err();
    assert!(fault.nothing_ran() && fault.to_string().contains("max_user_namespaces"), "{fault}");
    let allowed = bench_of(Settings { weakest: Weakest::Unsandboxed, network: None }, |sandbox| sandbox);
    let run = go(&allowed, bash("echo ran; exit 2"));
    assert_eq!((run.exit_code(), run.out().as_str()), (2, "ran"), "{}", run.err());
    assert!(allowed.sandbox().standing().warning().unwrap().contains("“unsandboxed”"));
    // Own user is no weaker kind for who is no root.
    let own = bench_of(Settings { weakest: Weakest::OwnUser, network: None }, |sandbox| sandbox);
    assert!(!own.sandbox().standing().usable());
}

/// What the service manager puts over parts of `/proc` is told; the unit's own remedy, a `/proc` elsewhere with nothing
/// over it, is one.
#[test]
fn something_over_proc_is_told_and_a_clean_one_elsewhere_helps() {
    if let Some(expected) = std::env::var_os("BULKHEAD_TESTS_INSIDE") {
        let bench = bench();
        let warning = bench.sandbox().standing().warning();
        if expected == "covered" {
            assert!(warning.unwrap().contains("BindReadOnlyPaths=/proc:/run/bulkhead-proc:norbind"));
        } else {
            assert_eq!(warning, None);
            assert_eq!(go(&bench, bash("cat /proc/self/comm")).out(), "cat");
        }
        return;
    }
    if !is_root() {
        return;
    }
    let aside = super::ordinary::aside();
    let test = "execution::transport::sandbox::refusals::something_over_proc_is_told_and_a_clean_one_elsewhere_helps";
    for (expected, before) in [("covered", "true"), ("clean", "mkdir \"$2\" && mount -o bind,ro /proc \"$2\"")] {
        let prepare = format!(
            "{before} && mount -t tmpfs x /proc/sys && \
             exec setpriv --reuid 65534 --regid 65534 --clear-groups \"$0\" --exact --nocapture \"$1\""
        );
        let done = std::process::Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-c", &prepare])
            .args([aside.tests.as_path(), Path::new(test), &aside.tests.with_file_name("proc")])
            .env("BULKHEAD_TESTS_INSIDE", expected)
            .env("BULKHEAD_TESTS_PROGRAM", &aside.program)
            .env_remove("TMPDIR")
            .current_dir("/")
            .output()
            .unwrap();
        let (said, more) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert!(done.status.success() && said.contains("1 passed"), "{expected}: {said}\n{more}");
    }
}

/// A network that is asked for and cannot be had is a refusal, never another network.
#[test]
fn a_filtered_network_that_cannot_be_had_refuses_the_run() {
    let bench = bench_of(Settings { network: Some(Network::Filtered), ..Settings::default() }, |sandbox| sandbox);
    let standing = bench.sandbox().standing();
    if standing.usable() {
        return; // it can be had here, which `network` shows
    }
    let fault = go(&bench, bash("echo ran")).result.unwrap_err();
    assert!(fault.nothing_ran() && fault.to_string().contains("slirp4netns"), "{fault}");
}

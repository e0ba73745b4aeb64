//! The start of a script that does nothing on the built-in worker, beside bare fork and exec of its interpreter and
//! beside bubblewrap, which has fewer layers: no filter of system calls, no Landlock, no number of its own.

use super::figures::{Table, median, milliseconds, rank, short};
use bulkhead::execution::transport::{
    Place, Sandbox, Script, Syntax,
    sandbox::{Network, Settings},
};
use std::{collections::BTreeMap, process::Command, sync::Arc, time::Duration, time::Instant};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const BARE: &str = "an empty bash script: bare fork and exec";
const BUBBLEWRAP: &str = "an empty bash script: bubblewrap, all namespaces";
const WORKER: &str = "an empty bash script: the built-in worker, no network";
const FILTERED: &str = "an empty bash script: the built-in worker, filtered network";

pub fn measure(table: &mut Table) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("script.sh");
    std::fs::write(&file, "").expect("a script");
    let place = |network| {
        let settings = Settings { network: Some(network), ..Settings::default() };
        let sandbox = Sandbox::new(folder.path().join(format!("{network:?}")), settings).expect("a work folder");
        let sandbox = sandbox.with_program(env!("CARGO_BIN_EXE_bulkhead").into());
        // Walked before anything is measured.
        let usable = sandbox.standing().usable();
        (usable, Place::Sandbox(Arc::new(sandbox)))
    };
    let ((full, none), (carried, filtered)) = (place(Network::None), place(Network::Filtered));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let script = Script {
        syntax: Syntax::Bash,
        body: String::new(),
        variables: BTreeMap::new(),
        time_limit: Duration::from_secs(60),
        label: "figures".to_owned(),
        lane: String::new(),
        most_bytes: u64::MAX,
    };
    let on = |place: &Place| {
        let (sender, mut receiver) = mpsc::channel(64);
        let run = place.run(&script, sender, CancellationToken::new());
        let (outcome, ()) =
            runtime.block_on(async { tokio::join!(run, async { while receiver.recv().await.is_some() {} }) });
        assert_eq!(outcome.expect("an outcome").exit_code, 0);
    };
    let start = |command: &mut Command| assert!(command.status().expect("it starts").success());
    let wrapped = || {
        let mut command = Command::new("bwrap");
        command.args(["--unshare-all", "--die-with-parent", "--ro-bind", "/usr", "/usr", "--ro-bind", "/etc", "/etc"]);
        command.args([
            "--symlink",
            "usr/bin",
            "/bin",
            "--symlink",
            "usr/lib",
            "/lib",
            "--symlink",
            "usr/lib64",
            "/lib64",
        ]);
        command.args(["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--bind"]).arg(folder.path()).arg("/step");
        command.args(["/usr/bin/bash", "/step/script.sh"]);
        command
    };
    let has_bubblewrap = wrapped().status().is_ok_and(|status| status.success());
    let mut many: [(&str, bool, Vec<f64>); 4] = [
        (BARE, true, Vec::new()),
        (BUBBLEWRAP, has_bubblewrap, Vec::new()),
        (WORKER, full, Vec::new()),
        (FILTERED, carried, Vec::new()),
    ];
    let times = if short() { 3 } else { 200 };
    eprintln!("worker: {times} times each, in turns");
    for _ in 0..times {
        for (name, there, took) in &mut many {
            if !*there {
                continue;
            }
            let begun = Instant::now();
            match *name {
                BARE => start(Command::new("/usr/bin/bash").arg(&file)),
                BUBBLEWRAP => start(&mut wrapped()),
                WORKER => on(&none),
                _ => on(&filtered),
            }
            took.push(milliseconds(begun.elapsed()));
        }
    }
    for (name, _, took) in many.iter().filter(|(_, there, _)| *there) {
        table.figure(name, median(took), "ms", &format!("90 % within {:.1} ms", rank(took, 0.9)));
    }
    table.against(WORKER, BARE, "");
    table.against(WORKER, BUBBLEWRAP, "≤ 2×, ≤ 10 ms");
    table.against(FILTERED, WORKER, "");
}

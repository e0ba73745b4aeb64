//! Scripts in the real sandbox and on a real machine: output, ends, limits, and what a script must not reach.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bulkhead::execution::transport::{Line, Outcome, Place, Sandbox, Script, Stream, Syntax, TransportError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

mod sandbox;
mod ssh;

/// A bash script with a minute's time.
fn bash(body: &str) -> Script {
    Script {
        syntax: Syntax::Bash,
        body: body.to_owned(),
        variables: BTreeMap::new(),
        time_limit: Duration::from_secs(60),
        label: "ServerTasks-1-1".to_owned(),
        lane: format!("{:x}", rand::random::<u64>()),
        most_bytes: u64::MAX,
    }
}

/// What came of a run.
struct Run {
    lines: Vec<Line>,
    result: Result<Outcome, TransportError>,
}

impl Run {
    fn text(&self, stream: Stream) -> String {
        self.lines
            .iter()
            .filter(|line| line.stream == stream)
            .map(|line| line.text.as_str())
            .collect::<Vec<_>>()
            .join("\n")
    }

    fn out(&self) -> String {
        self.text(Stream::Out)
    }

    fn err(&self) -> String {
        self.text(Stream::Err)
    }

    #[track_caller]
    fn exit_code(&self) -> i32 {
        match &self.result {
            Ok(outcome) => outcome.exit_code,
            Err(fault) => panic!("no outcome: {fault}\n{}\n{}", self.out(), self.err()),
        }
    }
}

/// Runs to the end; the token is cancelled as soon as a line says `cancel me`.
async fn run(place: &Place, script: Script) -> Run {
    let cancel = CancellationToken::new();
    let (sender, mut receiver) = mpsc::channel::<Line>(16);
    let collect = async {
        let mut lines = Vec::new();
        while let Some(line) = receiver.recv().await {
            if line.text == "cancel me" {
                cancel.cancel();
            }
            lines.push(line);
        }
        lines
    };
    let (result, lines) = tokio::join!(place.run(&script, sender, cancel.clone()), collect);
    Run { lines, result }
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(future)
}

/// Whether there is a process of this number that is not merely waiting to be reaped.
fn alive(pid: &str) -> bool {
    match std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())) {
        Ok(facts) => !facts.rsplit(')').next().unwrap().trim_start().starts_with('Z'),
        Err(_) => false,
    }
}

/// Waits until the process is gone; five seconds at most.
#[track_caller]
fn assert_gone(pid: &str) {
    assert!(!pid.trim().is_empty());
    let until = Instant::now() + Duration::from_secs(5);
    while alive(pid) {
        assert!(Instant::now() < until, "process {pid} is still there");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Every byte that text can hold, and what hurts shells.
fn nasty() -> String {
    let mut text: String = (1..=0x7f_u8).map(char::from).collect();
    text.push_str("é€😀 $HOME `id` $(id) \"q\" 'q' \\ ${x} %s %% !! #{y} \r\n\t*?[a] EOF\n\n");
    text
}

/// Whether no run has left anything. The skeleton of the root folder belongs to the server.
fn empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().all(|entry| entry.unwrap().file_name() == ".root")
}

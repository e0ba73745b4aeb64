//! One run, as the server sees it: starts the keeper, hands output on, ends the run when it must, learns how it ended.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::super::{Line, Outcome, Outlet, SHOWN_EVERY, Script, Stream, TransportError, signal_name};
use super::plan::{self, Ground, Layer, Plan, Report};
use super::{groups, init, leftovers, room, standing};

/// A script that is ended may tidy up for so long before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// When all processes are gone and a pipe still gives neither bytes nor its end, it is given up after this long.
const DRAIN: Duration = Duration::from_secs(5);

/// A keeper that has made its namespaces, or is making them, and waits for a plan. Dropped, it ends.
#[derive(Debug)]
pub(super) struct Keeper {
    child: tokio::process::Child,
    control: UnixStream,
}

impl Keeper {
    /// Starts one. Whoever looks for what is left of it finds it by `sign`, a folder.
    pub(super) fn start(program: &Path, ground: &Ground, sign: &Path) -> io::Result<Self> {
        let (mut control, theirs) = UnixStream::pair()?;
        // It fits into the socket, so nobody waits.
        plan::send(&mut control, ground)?;
        let mut command = tokio::process::Command::new(program);
        command.arg0("bulkhead").args([super::COMMAND, "keeper"]).env_clear().current_dir("/");
        command.env("BULKHEAD_RUN", sign);
        command.stdin(Stdio::from(OwnedFd::from(theirs))).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(Self { child: command.spawn()?, control })
    }

    /// Gives it its plan. An error says that it has ended, and that nothing has begun.
    pub(super) fn give(&mut self, plan: &Plan) -> io::Result<()> {
        match self.child.try_wait()? {
            None => plan::send(&mut self.control, plan),
            Some(_) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

/// Runs the script whose plan the keeper has been given, to its end.
pub(super) async fn run(
    keeper: Keeper,
    plan: Plan,
    number: Option<u32>,
    script: &Script,
    lines: mpsc::Sender<Line>,
    cancel: CancellationToken,
) -> Result<Outcome, TransportError> {
    let internal = |fault: io::Error| TransportError::Internal(format!("the sandbox could not be started: {fault}"));
    let Keeper { mut child, control } = keeper;
    control.set_nonblocking(true).map_err(internal)?;
    let mut control = tokio::net::UnixStream::from_std(control).map_err(internal)?;
    let gone = CancellationToken::new();
    let readers = [
        child.stdout.take().map(|pipe| tokio::spawn(copy(pipe, Outlet::new(Stream::Out, lines.clone()), gone.clone()))),
        child.stderr.take().map(|pipe| tokio::spawn(copy(pipe, Outlet::new(Stream::Err, lines), gone.clone()))),
    ];

    let limit = Instant::now() + script.time_limit;
    let mut ended_by = None;
    let mut kill_at = None;
    let mut used_up = std::pin::pin!(room::used_up(plan.folder.clone(), script.most_bytes));
    let status = loop {
        tokio::select! {
            status = child.wait() => break status,
            () = cancel.cancelled(), if ended_by.is_none() => ended_by = Some(TransportError::Cancelled),
            () = sleep_until(limit), if ended_by.is_none() => {
                ended_by = Some(TransportError::TimedOut(script.time_limit));
            }
            why = &mut used_up, if ended_by.is_none() => {
                ended_by = Some(TransportError::UsedUp(why));
                // At once: what is asked to end could go on writing.
                gone.cancel();
                let _ = control.shutdown().await;
            }
            () = sleep_until(kill_at.unwrap_or(limit)), if kill_at.is_some() => {
                kill_at = None;
                // The end of the stream tells the keeper to kill; an error means that it is gone already.
                let _ = control.shutdown().await;
            }
        }
        if ended_by.is_some() && kill_at.is_none() && !gone.is_cancelled() {
            kill_at = Some(Instant::now() + GRACE);
            gone.cancel();
            let _ = control.write_all(&[init::TERMINATE]).await;
        }
    };
    gone.cancel();
    let _ = control.shutdown().await;
    let mut report = Vec::new();
    let _ = timeout(DRAIN, control.read_to_end(&mut report)).await;
    let report: Option<Report> = plan::receive(&mut report.as_slice()).ok();
    let mut all_ended = true;
    if report.is_none() && !plan.has(Layer::Pid) {
        let folder = plan.folder.clone();
        all_ended = tokio::task::spawn_blocking(move || leftovers::fell(&folder, number)).await.unwrap_or(false);
    }
    for reader in readers.into_iter().flatten() {
        let _ = reader.await;
    }
    if let Some(group) = plan.group {
        groups::remove(&group).await;
    }
    match (ended_by, outcome(report, status)) {
        (_, Err(TransportError::Lost(what))) if !all_ended => {
            Err(TransportError::Lost(format!("{what} Processes that it started may still run on the server.")))
        }
        (Some(ended_by), _) => Err(ended_by),
        (None, outcome) => outcome,
    }
}

/// What the keeper reported.
fn outcome(report: Option<Report>, status: io::Result<std::process::ExitStatus>) -> Result<Outcome, TransportError> {
    match report {
        Some(Report::Exit(exit_code)) => Ok(Outcome { exit_code, signal: None }),
        Some(Report::Signal(signal)) => Ok(Outcome { exit_code: 128 + signal, signal: Some(signal_name(signal)) }),
        Some(Report::Refused(obstacle)) => {
            let (what, remedy) = standing::explain(&obstacle);
            Err(TransportError::Refused {
                what: format!("The built-in worker could not lock the script in: {what}."),
                remedy: format!("Nothing was run. For the operator: {remedy}"),
            })
        }
        Some(Report::Lost(signal)) => Err(TransportError::Lost(format!(
            "The process that watches over the script was killed (signal {}), and all that the script had started was ended.",
            signal_name(signal)
        ))),
        None => Err(TransportError::Lost(match status {
            Ok(status) => format!(
                "The process that watches over the script was ended ({status}), and with it all that the script had started."
            ),
            Err(fault) => format!("The process that watches over the script was lost ({fault})."),
        })),
    }
}

/// Reads one of the script's outputs to its end.
async fn copy<R: AsyncRead + Unpin>(mut pipe: R, mut outlet: Outlet, gone: CancellationToken) {
    let mut buffer = vec![0; 32 * 1024];
    // One for all rounds, and asked first: also what never stops writing is given up.
    let mut given_up = std::pin::pin!(async {
        gone.cancelled().await;
        tokio::time::sleep(GRACE + DRAIN).await;
    });
    loop {
        let read = tokio::select! {
            biased;
            () = &mut given_up => break,
            () = tokio::time::sleep(SHOWN_EVERY), if outlet.is_moving() => {
                outlet.look().await;
                continue;
            }
            read = pipe.read(&mut buffer) => read,
        };
        match read {
            Ok(0) | Err(_) => break,
            Ok(length) => outlet.push(&buffer[..length]).await,
        }
    }
    outlet.finish().await;
}

#[cfg(test)]
mod tests {
    use super::super::plan::{Obstacle, Step};
    use super::*;

    #[test]
    fn the_keepers_report_becomes_an_outcome() {
        let status = || Ok(std::os::unix::process::ExitStatusExt::from_raw(9));
        assert_eq!(outcome(Some(Report::Exit(3)), status()).unwrap(), Outcome { exit_code: 3, signal: None });
        let killed = outcome(Some(Report::Signal(9)), status()).unwrap();
        assert_eq!((killed.exit_code, killed.signal.as_deref()), (137, Some("KILL")));
        let refused = Report::Refused(Obstacle::plain(Step::Landlock, "no Landlock"));
        assert!(matches!(outcome(Some(refused), status()), Err(TransportError::Refused { .. })));
        assert!(matches!(outcome(None, status()), Err(TransportError::Lost(_))));
        assert!(
            matches!(outcome(Some(Report::Lost(9)), status()), Err(TransportError::Lost(why)) if why.contains("KILL"))
        );
    }
}

//! What the server hears from outside, and what it says: signals, the service manager, the lock on its data folder.

use crate::{
    appliance::Appliance,
    base::error::{Error, Result},
};
use sd_notify::NotifyState;
use std::{
    fs::{File, TryLockError},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Held by the one server of a data folder.
pub(super) struct Alone {
    _folder: Option<File>,
    _file: File,
}

/// Makes sure that no other server works on a data folder. The folder itself is locked: whoever tidies up removes a lock
/// file, and with it the lock. The file is locked, too, for servers of before and where folders cannot be.
pub(super) fn alone_on(data: &Path) -> Result<Alone> {
    let taken = || Error::Conflict(format!("Another server works on {} already. Stop it first.", data.display()));
    let folder = File::open(data)?;
    let folder = match folder.try_lock() {
        Ok(()) => Some(folder),
        Err(TryLockError::WouldBlock) => return Err(taken()),
        Err(TryLockError::Error(cause)) => {
            tracing::debug!(%cause, "the data folder itself cannot be locked here");
            None
        }
    };
    let file = File::create(data.join("server.lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(Alone { _folder: folder, _file: file }),
        Err(TryLockError::WouldBlock) => Err(taken()),
        Err(TryLockError::Error(cause)) => Err(cause.into()),
    }
}

/// Signals that come so soon after the first are the same wish: some send two.
const SAME: Duration = Duration::from_secs(1);

/// Listens for the signals that end a program.
pub(super) struct Signals {
    hurry: CancellationToken,
    ears: Vec<tokio::task::JoinHandle<()>>,
}

impl Signals {
    /// SIGTERM, SIGINT, SIGQUIT and SIGHUP all end the server in order. There is nothing that SIGHUP could load anew: the
    /// configuration is read once, at the start. What whoever started this program had it ignore stays ignored, such as
    /// SIGHUP below `nohup`.
    pub(super) fn listen(stop: CancellationToken) -> Signals {
        let hurry = CancellationToken::new();
        let ignored = ignored();
        let begun = Arc::new(std::sync::OnceLock::new());
        let all = [
            ("SIGTERM", SignalKind::terminate()),
            ("SIGINT", SignalKind::interrupt()),
            ("SIGQUIT", SignalKind::quit()),
            ("SIGHUP", SignalKind::hangup()),
        ];
        let mut ears = Vec::new();
        for (name, kind) in all {
            if ignored >> (kind.as_raw_value() - 1) & 1 == 1 {
                continue;
            }
            let Ok(mut signal) = signal(kind) else {
                tracing::error!(name, "this signal cannot be listened for");
                continue;
            };
            let (stop, hurry, begun) = (stop.clone(), hurry.clone(), begun.clone());
            ears.push(tokio::spawn(async move {
                while signal.recv().await.is_some() {
                    if !stop.is_cancelled() {
                        let _ = begun.set(Instant::now());
                        tracing::info!(
                            signal = name,
                            "the server was told to end; it ends when the running tasks have"
                        );
                        stop.cancel();
                    } else if begun.get().is_none_or(|begun: &Instant| begun.elapsed() > SAME) {
                        tracing::warn!(signal = name, "told again: what still runs is ended now");
                        hurry.cancel();
                    }
                }
            }));
        }
        Signals { hurry, ears }
    }

    /// Cancelled when somebody does not want to wait for the grace.
    pub(super) fn hurry(&self) -> CancellationToken {
        self.hurry.clone()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for ear in &self.ears {
            ear.abort();
        }
    }
}

/// The signals that this process ignores, one bit each.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

/// Closes idle companies now and then, and tells the service manager that all is well, until the very end: a stop that
/// takes its time is well, too, and is given more.
pub(super) async fn mind(appliance: Arc<Appliance>, stop: CancellationToken) {
    let mut tick = tokio::time::interval(Duration::from_secs(15));
    let mut more = false;
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = stop.cancelled(), if !more => more = true,
        }
        appliance.close_idle();
        tell_service_manager(NotifyState::Watchdog);
        if more {
            tell_service_manager(NotifyState::ExtendTimeoutUsec(60_000_000));
        }
    }
}

pub(super) fn tell_service_manager(state: NotifyState) {
    if let Err(cause) = sd_notify::notify(&[state]) {
        tracing::warn!(%cause, "the service manager could not be told");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Findings G16.
    #[test]
    fn a_folder_has_one_server_also_when_the_lock_file_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let first = alone_on(folder.path()).unwrap();
        assert!(matches!(alone_on(folder.path()), Err(Error::Conflict(_))));
        std::fs::remove_file(folder.path().join("server.lock")).unwrap();
        assert!(matches!(alone_on(folder.path()), Err(Error::Conflict(_))));
        drop(first);
        assert!(alone_on(folder.path()).is_ok());
    }
}

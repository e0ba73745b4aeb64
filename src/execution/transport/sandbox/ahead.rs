//! A keeper that is started ahead of the script it is for: to make namespaces, and to start two processes of this
//! program, takes longer than all that a script needs after it.
//!
//! There is at most one, with nobody's folder, script or number in it; it is used for one script and never again. It is
//! made when a run is over, since steps follow each other, and ends when none has come for a while.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::plan::{Ground, Layer};
use super::running::Keeper;

/// So long it waits for a script.
const PATIENCE: Duration = Duration::from_secs(300);

/// Where it is found. The task that made it owns it, so that it ends with the runtime that watches its process.
#[derive(Clone, Debug, Default)]
pub(super) struct Ahead(Arc<Mutex<Weak<Waiting>>>);

#[derive(Debug)]
struct Waiting {
    ground: Ground,
    keeper: Mutex<Option<Keeper>>,
}

impl Ahead {
    /// The one that waits, if it stands on this ground.
    pub(super) fn take(&self, ground: &Ground) -> Option<Keeper> {
        let waiting = locked(&self.0).upgrade().filter(|waiting| waiting.ground == *ground)?;
        locked(&waiting.keeper).take()
    }

    /// Sees to it that one waits, without making anybody wait. Only where a run has process numbers of its own: there
    /// the end of a keeper is the end of all below it, whoever it was meant for.
    pub(super) fn prepare(&self, program: PathBuf, ground: Ground, sign: PathBuf) {
        if !ground.has(Layer::Pid) || self.waits() {
            return;
        }
        let ahead = self.clone();
        tokio::spawn(async move {
            let Ok(keeper) = Keeper::start(&program, &ground, &sign) else { return };
            let waiting = Arc::new(Waiting { ground, keeper: Mutex::new(Some(keeper)) });
            // Another run may have been as quick; then this one ends.
            if !ahead.waits() {
                *locked(&ahead.0) = Arc::downgrade(&waiting);
                tokio::time::sleep(PATIENCE).await;
            }
        });
    }

    fn waits(&self) -> bool {
        locked(&self.0).upgrade().is_some_and(|waiting| locked(&waiting.keeper).is_some())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! Which companies cannot be served, and why: said once to the log, remembered for a while, and left beside the companies
//! so that other commands and the next start look before they trust the file again.

use super::files;
use crate::base::{
    clock::{self, MINUTE, Moment},
    error::{Error, Fault, FaultKind},
    told,
};
use std::{
    collections::HashMap,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A damaged file that nobody touched is looked through again after this long.
const LOOK_AGAIN: i64 = MINUTE / 4;

/// The companies that are closed by a fault.
pub(super) struct Closed {
    folder: PathBuf,
    all: Mutex<HashMap<String, One>>,
}

struct One {
    fault: Fault,
    seen: Seen,
    again: Moment,
}

/// What lay there when the fault was met: when it is touched, it is looked at again at once.
#[derive(PartialEq, Eq)]
struct Seen([Option<About>; 2]);

/// Device, number, change in seconds and nanoseconds, length.
type About = (u64, u64, i64, i64, u64);

impl Seen {
    fn now(folder: &Path) -> Seen {
        let look =
            |path: &Path| fs::metadata(path).ok().map(|a| (a.dev(), a.ino(), a.ctime(), a.ctime_nsec(), a.len()));
        Seen([look(folder), look(&folder.join(crate::company::access::FILE))])
    }
}

impl Closed {
    /// Nothing is known yet but what an earlier run left.
    pub fn new(data: &Path) -> Closed {
        Closed { folder: data.join("closed"), all: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, One>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why a company is still closed: its file was looked at a moment ago, and nobody touched it since.
    pub fn still(&self, slug: &str, folder: &Path) -> Option<Error> {
        let all = self.lock();
        let one = all.get(slug)?;
        let same = one.again > clock::now() && one.seen == Seen::now(folder);
        same.then(|| Error::Fault(Box::new(one.fault.clone())))
    }

    /// Whether its file is to be looked through before it is trusted.
    pub fn suspects(&self, slug: &str) -> bool {
        self.lock().get(slug).is_some_and(|one| lasts(&one.fault)) || self.folder.join(slug).exists()
    }

    /// A company was found unfit. The first time, the log says so, with path, cause and remedy.
    pub fn note(&self, slug: &str, folder: &Path, fault: &Fault) {
        // A full disk is over when there is room: that closes no company.
        if !fault.closes() {
            if told::first(slug, "opened") {
                tracing::error!(company = slug, %fault, "a company could not be opened");
            }
            return;
        }
        let wait = if lasts(fault) { LOOK_AGAIN } else { 0 };
        let one = One { fault: fault.clone(), seen: Seen::now(folder), again: clock::now().plus(wait) };
        let before = self.lock().insert(slug.to_owned(), one);
        if before.is_some_and(|before| before.fault.kind == fault.kind && before.fault.path == fault.path) {
            return;
        }
        let path = fault.path.as_deref().unwrap_or(folder).display();
        tracing::error!(company = slug, %path, cause = fault.cause, remedy = fault.remedy, "a company is closed");
        if lasts(fault) {
            let mark = self.folder.join(slug);
            let left = files::make_private_folder(&self.folder)
                .and_then(|()| files::write_private(&mark, format!("{fault}\n").as_bytes()));
            if let Err(error) = left {
                tracing::warn!(company = slug, %error, "that a company is closed could not be written down");
            }
        }
    }

    /// What there is in place of a company's folder: nothing, or a link that leads nowhere now.
    pub fn absent(&self, slug: &str, folder: &Path) -> Error {
        let Ok(leads) = fs::read_link(folder) else { return Error::NotFound(slug.to_owned()) };
        let cause = format!("this is a link to {}, and there is no folder", leads.display());
        let fault = Fault::new(FaultKind::Missing, cause).at(folder);
        let fault = fault.remedy("Mount the disk it is on, or put the folder back.");
        self.note(slug, folder, &fault);
        Error::Fault(Box::new(fault))
    }

    /// A company was opened, and checked where it was suspected.
    pub fn over(&self, slug: &str) {
        let mark = self.folder.join(slug);
        let known = self.lock().remove(slug).is_some();
        if known | (mark.exists() && fs::remove_file(&mark).is_ok()) {
            tracing::info!(company = slug, "a company that was closed is served again");
        }
    }
}

/// Whether a fault is one of the content or the disk, which opening the file alone does not find again.
fn lasts(fault: &Fault) -> bool {
    matches!(fault.kind, FaultKind::Damaged | FaultKind::Device)
}

//! The companies of a data folder: found, made, opened when first needed, closed when idle.

use super::{
    closed::Closed,
    files,
    found::Setup,
    hosts::Hosts,
    identity::{Identity, Standstill, identity, standstill},
    keys::Keys,
};
use crate::{
    base::{
        clock::{self, MINUTE, Moment},
        error::{Error, Result},
        names, told,
    },
    company::{Company, Standing},
};
use std::{
    collections::HashMap,
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Semaphore;

/// At most so many companies are open at once; each open connection costs about half a megabyte.
const MOST_OPEN: usize = 256;
/// A company that nobody asked for so long is closed.
const IDLE: i64 = 2 * MINUTE;
/// So many requests of one company are worked on at once: its slow ones never take all the threads there are.
const SEATS: usize = 24;
/// Folders beside the file.
pub(super) const PARTS: [&str; 4] = ["packages", "artifacts", "task-logs", "snapshots"];

/// The data folder and its companies.
pub struct Appliance {
    data: PathBuf,
    keys: Keys,
    open: Mutex<HashMap<String, Held>>,
    closed: Closed,
    setup: Setup,
    hosts: Hosts,
    /// Held by who goes round all companies.
    round: Mutex<()>,
}

/// A company that is open, or about to be.
#[derive(Clone)]
struct Held {
    slot: Arc<Mutex<Slot>>,
    seats: Arc<Semaphore>,
}

impl Default for Held {
    fn default() -> Self {
        Held { slot: Arc::default(), seats: Arc::new(Semaphore::new(SEATS)) }
    }
}

#[derive(Default)]
struct Slot {
    company: Option<Company>,
    /// Closed, and still held by somebody: nothing is opened beside it.
    leaving: Option<Company>,
    file: Option<Identity>,
    folder: Option<Standstill>,
    last_asked: Moment,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Appliance {
    /// Opens a data folder, making it when it is not there.
    ///
    /// # Errors
    /// `Conflict` when it cannot be read or written, and when its master key is missing while companies need it.
    pub fn open(data: &Path) -> Result<Appliance> {
        crate::store::check_version()?;
        files::make_private_folder(data)?;
        for part in ["companies", "work", super::trails::FOLDER] {
            files::make_private_folder(&data.join(part))?;
        }
        let appliance = Appliance {
            data: data.to_owned(),
            keys: Keys::open(data)?,
            open: Mutex::default(),
            closed: Closed::new(data),
            setup: Setup::default(),
            hosts: Hosts::new(data),
            round: Mutex::default(),
        };
        appliance.mend();
        Ok(appliance)
    }

    /// Opens a data folder that is there.
    ///
    /// # Errors
    /// As [`Appliance::open`]; `Conflict` when there is none.
    pub fn existing(data: &Path) -> Result<Appliance> {
        if let Err(cause) = fs::read_dir(data.join("companies")) {
            return Err(match cause.kind() {
                std::io::ErrorKind::NotFound => Error::Conflict(format!(
                    "{} is not a data folder. Name the one that the server uses with --data.",
                    data.display()
                )),
                _ => files::cannot("read", data, &cause),
            });
        }
        Appliance::open(data)
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }
    /// Where the built-in worker's scripts run.
    pub fn work(&self) -> PathBuf {
        self.data.join("work")
    }
    pub(super) fn setup(&self) -> &Setup {
        &self.setup
    }
    pub(super) fn hosts(&self) -> &Hosts {
        &self.hosts
    }
    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }
    /// The folder of a company, whether it exists or not.
    pub(super) fn folder(&self, slug: &str) -> PathBuf {
        self.data.join("companies").join(slug)
    }

    /// What lies where the companies are kept.
    fn entries(&self) -> Result<fs::ReadDir> {
        let folder = self.data.join("companies");
        fs::read_dir(&folder).map_err(|cause| Error::from(cause).at(&folder))
    }

    /// The slugs of all companies, in order.
    pub fn slugs(&self) -> Result<Vec<String>> {
        let mut slugs = Vec::new();
        for entry in self.entries()? {
            let entry = entry?;
            let kind = entry.file_type()?;
            // A link is a company whose folder lies on another disk, also while that is not there.
            if let Some(name) = entry.file_name().to_str().filter(|name| names::compartment(name).is_ok())
                && (kind.is_dir() || kind.is_symlink())
            {
                slugs.push(name.to_owned());
            }
        }
        slugs.sort();
        Ok(slugs)
    }

    /// Whether there is a company at all, the operator's own compartment included. Looks no further than the first.
    pub fn has_companies(&self) -> Result<bool> {
        for entry in self.entries()? {
            let entry = entry?;
            let named = entry.file_name().to_str().is_some_and(|name| names::compartment(name).is_ok());
            let kind = entry.file_type()?;
            if named && (kind.is_dir() || kind.is_symlink()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Companies with work that is queued or running.
    pub fn with_work(&self) -> Result<Vec<String>> {
        Ok(self.slugs()?.into_iter().filter(|slug| self.folder(slug).join("pending").exists()).collect())
    }

    /// Companies with letters that wait.
    pub fn with_letters(&self) -> Result<Vec<String>> {
        let waits = |slug: &String| self.folder(slug).join(crate::company::post::OUTBOX).exists();
        Ok(self.slugs()?.into_iter().filter(waits).collect())
    }

    /// The company of this slug for somebody who knocks at its door: it must not be suspended, and its requests of this
    /// minute must not be used up. Counts the request.
    ///
    /// # Errors
    /// As [`Appliance::company`]; `Unavailable` while it is suspended; `Limit`.
    pub fn enter(&self, slug: &str) -> Result<Company> {
        let company = self.look_in(slug)?;
        company.count_request()?;
        Ok(company)
    }

    /// As [`Appliance::enter`], without counting: for a stream that goes on looking.
    pub fn look_in(&self, slug: &str) -> Result<Company> {
        let company = self.company(slug)?;
        match company.standing() {
            Standing::Open => Ok(company),
            Standing::Suspended { why, .. } => {
                let why = if why.is_empty() { String::new() } else { format!(" {why}") };
                Err(Error::Unavailable(format!("This company is suspended by the operator of this server.{why}")))
            }
        }
    }

    /// The seats of an open company: so many of its requests are worked on at once, the others wait outside. `None` for
    /// one that is not open.
    pub fn seats(&self, slug: &str) -> Option<Arc<Semaphore>> {
        lock(&self.open).get(slug).map(|held| held.seats.clone())
    }

    /// The company of this slug, opened if it was not, whether suspended or not.
    ///
    /// # Errors
    /// `NotFound` when there is none, `Fault` when its file cannot be served. Others do not notice.
    pub fn company(&self, slug: &str) -> Result<Company> {
        if names::compartment(slug).is_err() {
            return Err(Error::NotFound(slug.to_owned()));
        }
        let folder = self.folder(slug);
        // The disk is asked while no lock is held: others would wait for that longer than for all the rest.
        let still = standstill(&folder);
        let seen = if still.is_none() { identity(&folder) } else { None };
        let (held, closing) = {
            let mut open = lock(&self.open);
            match open.get(slug) {
                Some(held) => (held.clone(), Vec::new()),
                None => {
                    if !folder.is_dir() {
                        return Err(self.closed.absent(slug, &folder));
                    }
                    let closing = make_room(&mut open);
                    (open.entry(slug.to_owned()).or_default().clone(), closing)
                }
            }
        };
        drop(closing);
        // Only those who want the same company wait for its opening.
        let mut slot = lock(&held.slot);
        slot.last_asked = clock::now();
        let unchanged = if still.is_some() { slot.folder == still } else { slot.file == seen };
        if let Some(company) = slot.company.as_ref().filter(|company| unchanged && company.broken().is_none()) {
            return Ok(company.clone());
        }
        // What was seen may be older than what another has opened meanwhile.
        let file = identity(&folder);
        self.let_go(slug, &mut slot, file.as_ref());
        // Seen before the file was: what came between gives the folder another time.
        slot.folder = still;
        if let Some(company) = &slot.company {
            return Ok(company.clone());
        }
        if !folder.is_dir() {
            return Err(self.closed.absent(slug, &folder));
        }
        if let Some(error) = self.closed.still(slug, &folder) {
            return Err(error);
        }
        if let Some(old) = slot.leaving.take_if(|old| !old.is_idle()) {
            slot.leaving = Some(old);
            return Err(Error::Unavailable("This company is being reopened. Try again in a moment.".into()));
        }
        slot.leaving = None;
        let suspect = self.closed.suspects(slug);
        let open = || {
            let key = |id: &str| self.keys.read(id);
            if suspect { Company::open_checked(&folder, slug, key) } else { Company::open(&folder, slug, key) }
        };
        let opened = match open() {
            // What a crash left in the middle of a move is ended here, unless somebody is moving it just now.
            Err(Error::Unavailable(_)) if self.end_move(slug) => open(),
            opened => opened,
        };
        match opened {
            Ok(company) => {
                company.keep_outside(self.trail_of(slug));
                self.closed.over(slug);
                slot.company = Some(company.clone());
                // Its log and index came with the opening.
                let beside = identity(&folder).map(|now| now.beside);
                slot.file = file.map(|file| Identity { beside: beside.unwrap_or_default(), ..file });
                Ok(company)
            }
            Err(Error::Fault(fault)) => {
                self.closed.note(slug, &folder, &fault);
                Err(Error::Fault(fault))
            }
            Err(error) => {
                if told::first(slug, "closed") {
                    tracing::error!(company = slug, %error, "a company is closed");
                }
                Err(error)
            }
        }
    }

    /// Whether a company that is open can still be trusted: what was answered meanwhile may be made around damage. Closes
    /// it and says so, when it cannot.
    ///
    /// # Errors
    /// `Fault` that says what was met.
    pub fn unless_broken(&self, slug: &str) -> Result<()> {
        if !crate::store::health::any_broken() {
            return Ok(());
        }
        let Some(held) = lock(&self.open).get(slug).cloned() else { return Ok(()) };
        let fault = lock(&held.slot).company.as_ref().and_then(|company| company.broken().cloned());
        match fault {
            Some(fault) => {
                self.company(slug).map(drop)?;
                Err(Error::Fault(Box::new(fault)))
            }
            None => Ok(()),
        }
    }

    /// Lets go of what is open when it met damage, or when other files lie in its place.
    fn let_go(&self, slug: &str, slot: &mut Slot, now: Option<&Identity>) {
        let Some(company) = &slot.company else { return };
        if let Some(fault) = company.broken() {
            self.closed.note(slug, company.folder(), fault);
        } else if slot.file.as_ref() == now {
            return;
        } else if let (Some(before), Some(now)) = (&slot.file, now)
            && before.file == now.file
            && before.beside != now.beside
        {
            match company.rescue() {
                Ok(true) => tracing::error!(
                    company = slug,
                    path = %company.folder().display(),
                    "the write-ahead log was removed or replaced while the company was open. All that was written was folded into its file, and the company is opened anew. Nothing but Bulkhead may touch company.db-wal and company.db-shm"
                ),
                Ok(false) => tracing::error!(
                    company = slug,
                    path = %company.folder().display(),
                    "the write-ahead log was removed or replaced while the company was open, and somebody else reads the file: the last changes may be lost. Check the company: bulkhead verify"
                ),
                Err(error) => tracing::error!(
                    company = slug, %error,
                    "the write-ahead log was removed or replaced while the company was open, and could not be folded in"
                ),
            }
        } else {
            slot.company = None;
            return;
        }
        slot.leaving = slot.company.take();
    }

    /// Does something with each company, one after the other. Those that were not open are closed again at once: who goes
    /// round a thousand companies holds one file open, not a thousand. `work` is told of those that cannot be opened, too,
    /// and says whether to go on.
    pub fn each(&self, mut work: impl FnMut(&str, Result<Company>) -> ControlFlow<()>) -> Result<()> {
        // Two rounds side by side would each leave to the other what to close.
        let _alone = lock(&self.round);
        for slug in self.slugs()? {
            let was_open = lock(&self.open).contains_key(&slug);
            let flow = work(&slug, self.company(&slug));
            let mut open = lock(&self.open);
            let idle = !was_open && open.get(&slug).is_some_and(|held| idle_since(held).is_some());
            let closing = if idle { open.remove(&slug) } else { None };
            drop(open);
            drop(closing);
            if flow.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// The companies that are open just now. Being looked at like this does not keep them open.
    pub fn open_companies(&self) -> Vec<(String, Company)> {
        let open = lock(&self.open);
        let company = |slug: &str, held: &Held| {
            let slot = held.slot.try_lock().ok()?;
            // What lies in the folder now may be another file.
            let company = slot.company.as_ref().filter(|company| company.broken().is_none())?;
            (slot.file == identity(&self.folder(slug))).then(|| company.clone())
        };
        open.iter().filter_map(|(slug, held)| Some((slug.clone(), company(slug, held)?))).collect()
    }

    /// Closes companies that nobody asked for in a while, and those that are suspended or whose file or name changed:
    /// what is not served is one whole file on the disk. Called now and then.
    pub fn close_idle(&self) {
        let before = clock::now().plus(-IDLE);
        let idle = |slug: &str, held: &Held| {
            if Arc::strong_count(&held.slot) > 1 {
                return false;
            }
            let Ok(slot) = held.slot.try_lock() else { return false };
            let Some(company) = &slot.company else { return slot.last_asked <= before };
            let served = *company.standing() == Standing::Open && company.broken().is_none();
            company.is_idle() && (slot.last_asked <= before || !served || slot.file != identity(&self.folder(slug)))
        };
        let mut open = lock(&self.open);
        let slugs: Vec<String> =
            open.iter().filter(|(slug, held)| idle(slug, held)).map(|(slug, _)| slug.clone()).collect();
        let closing: Vec<Held> = slugs.iter().filter_map(|slug| open.remove(slug)).collect();
        // Closing writes to the disk: nobody waits for that with the lock.
        drop(open);
        drop(closing);
    }

    /// Lets go of every open company, at the end of a stop. Each is then one file that stands alone; of those that
    /// somebody still holds, the log is folded in as far as it goes.
    pub fn close_all(&self) {
        let all = std::mem::take(&mut *lock(&self.open));
        for (slug, held) in all {
            let company = lock(&held.slot).company.take();
            let Some(company) = company else { continue };
            if company.is_idle() {
                continue;
            }
            match company.settle() {
                Ok(true) => {}
                Ok(false) => tracing::warn!(
                    company = slug,
                    "the company's file is in use elsewhere: its write-ahead log stays beside it"
                ),
                Err(error) => tracing::error!(company = slug, %error, "the write-ahead log could not be folded in"),
            }
        }
    }

    /// Lets go of a company, so that its file can be moved or replaced.
    pub(super) fn close(&self, slug: &str) {
        let held = lock(&self.open).remove(slug);
        drop(held);
    }

    /// Moves a folder to where the company of this slug belongs. Never onto another.
    pub(super) fn put(&self, folder: &Path, slug: &str) -> Result<()> {
        files::rename_new(folder, &self.folder(slug)).map_err(|cause| match cause {
            rustix::io::Errno::EXIST => {
                Error::Conflict(format!("There is a company “{slug}” already. Choose another slug."))
            }
            other => files::cannot("moved", folder, &other.into()),
        })?;
        files::sync_folder(&self.data.join("companies"))
    }

    /// Held by whoever makes, moves, takes in or removes companies: one at a time on a data folder, over all processes.
    pub(super) fn alone(&self) -> Result<fs::File> {
        let file = fs::File::create(self.data.join("companies.lock"))?;
        file.lock()?;
        Ok(file)
    }
    /// As [`Appliance::alone`]; `None` when somebody else has it just now.
    pub(super) fn alone_at_once(&self) -> Option<fs::File> {
        let file = fs::File::create(self.data.join("companies.lock")).ok()?;
        file.try_lock().is_ok().then_some(file)
    }
}

/// When somebody last asked for a company that nobody uses now. One whose slot somebody holds is in use.
fn idle_since(held: &Held) -> Option<Moment> {
    if Arc::strong_count(&held.slot) > 1 {
        return None;
    }
    let slot = held.slot.try_lock().ok()?;
    slot.company.as_ref().is_none_or(Company::is_idle).then_some(slot.last_asked)
}

/// Takes those out that were asked for longest ago, when there are too many. The caller closes them without the lock.
fn make_room(open: &mut HashMap<String, Held>) -> Vec<Held> {
    if open.len() < MOST_OPEN {
        return Vec::new();
    }
    let mut idle: Vec<(Moment, String)> =
        open.iter().filter_map(|(slug, held)| Some((idle_since(held)?, slug.clone()))).collect();
    idle.sort();
    idle.into_iter().take(MOST_OPEN / 16).filter_map(|(_, slug)| open.remove(&slug)).collect()
}

/// Which file a company's folder holds now, by device and number.
pub(super) fn file_in(folder: &Path) -> Option<(u64, u64)> {
    identity(folder).map(|identity| identity.file)
}

#[cfg(test)]
mod tests;

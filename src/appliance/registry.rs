//! The companies of a data folder: found, made, opened when first needed, closed when idle.

use super::keys::{self, Keys};
use crate::{
    base::{
        clock::{self, MINUTE, Moment},
        error::{Error, Fields, Result},
        names,
        secret::{self, Secret},
    },
    company::{
        Company,
        access::{FirstPerson, Founding},
    },
};
use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use uuid::Uuid;

/// At most so many companies are open at once; each open connection costs about half a megabyte.
const MOST_OPEN: usize = 256;
/// A company that nobody asked for so long is closed.
const IDLE: i64 = 2 * MINUTE;
/// The set-up link works for so long.
const SETUP_LIFE: i64 = 30 * MINUTE;

/// The data folder and its companies.
pub struct Appliance {
    data: PathBuf,
    keys: Keys,
    open: Mutex<HashMap<String, Arc<Mutex<Slot>>>>,
    setup: Mutex<Option<(String, Moment)>>,
}

#[derive(Default)]
struct Slot {
    company: Option<Company>,
    /// Which file is open: device and inode. Another one in its place means the company was restored or taken away.
    file: Option<(u64, u64)>,
    last_asked: Moment,
}

/// What the operator sees of a company.
#[derive(Debug, Clone, serde::Serialize)]
pub struct CompanyRow {
    /// Its slug.
    pub slug: String,
    /// Its name; empty when it cannot be opened.
    pub name: String,
    /// `ok`, or what is wrong.
    pub state: String,
    /// Size of its folder, in bytes.
    pub bytes: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Appliance {
    /// Opens a data folder, making it when it is not there.
    pub fn open(data: &Path) -> Result<Appliance> {
        crate::store::check_version()?;
        keys::make_private_folder(data)?;
        keys::make_private_folder(&data.join("companies"))?;
        keys::make_private_folder(&data.join("work"))?;
        Ok(Appliance {
            data: data.to_owned(),
            keys: Keys::open(data)?,
            open: Mutex::default(),
            setup: Mutex::default(),
        })
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }
    /// Where the built-in worker's scripts run.
    pub fn work(&self) -> PathBuf {
        self.data.join("work")
    }
    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }
    /// The folder of a company, whether it exists or not.
    pub(super) fn folder(&self, slug: &str) -> PathBuf {
        self.data.join("companies").join(slug)
    }

    /// The slugs of all companies, in order.
    pub fn slugs(&self) -> Result<Vec<String>> {
        let mut slugs = Vec::new();
        for entry in fs::read_dir(self.data.join("companies"))? {
            let entry = entry?;
            if let Some(name) = entry.file_name().to_str().filter(|name| names::company_slug(name).is_ok())
                && entry.file_type()?.is_dir()
            {
                slugs.push(name.to_owned());
            }
        }
        slugs.sort();
        Ok(slugs)
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

    /// The company of this slug, opened if it was not.
    ///
    /// # Errors
    /// `NotFound` when there is none, `Unavailable` with a sentence when its file cannot be served. Others do not notice.
    pub fn company(&self, slug: &str) -> Result<Company> {
        let unknown = || Error::NotFound(slug.to_owned());
        if names::company_slug(slug).is_err() {
            return Err(unknown());
        }
        let slot = {
            let mut open = lock(&self.open);
            match open.get(slug) {
                Some(slot) => slot.clone(),
                None => {
                    if !self.folder(slug).is_dir() {
                        return Err(unknown());
                    }
                    make_room(&mut open);
                    open.entry(slug.to_owned()).or_default().clone()
                }
            }
        };
        // Only those who want the same company wait for its opening.
        let mut slot = lock(&slot);
        slot.last_asked = clock::now();
        let file = identity(&self.folder(slug));
        if slot.file != file {
            slot.company = None;
        }
        if let Some(company) = &slot.company {
            return Ok(company.clone());
        }
        if !self.folder(slug).is_dir() {
            return Err(unknown());
        }
        match Company::open(&self.folder(slug), slug, |id| self.keys.read(id)) {
            Ok(company) => {
                slot.company = Some(company.clone());
                slot.file = identity(&self.folder(slug));
                Ok(company)
            }
            Err(error) => {
                tracing::error!(company = slug, %error, "a company is closed");
                Err(error)
            }
        }
    }

    /// Closes companies that nobody asked for in a while. Called now and then.
    pub fn close_idle(&self) {
        let before = clock::now().plus(-IDLE);
        lock(&self.open).retain(|_, slot| {
            if Arc::strong_count(slot) > 1 {
                return true;
            }
            let Ok(slot) = slot.try_lock() else { return true };
            slot.last_asked > before || slot.company.as_ref().is_some_and(|company| !company.is_idle())
        });
    }

    /// Lets go of a company, so that its file can be moved or replaced.
    pub(super) fn close(&self, slug: &str) {
        lock(&self.open).remove(slug);
    }

    /// Makes a company with its first administrator. Gives the token of the invitation when no password was given.
    ///
    /// # Errors
    /// `Invalid` by field; `Conflict` when the slug is taken.
    pub fn create(
        &self,
        slug: &str,
        name: &str,
        person: &str,
        email: &str,
        password: Option<&Secret>,
    ) -> Result<(Company, Option<String>)> {
        let mut wrong = Fields::new();
        let slug = wrong.check("Slug", names::company_slug(slug)).unwrap_or_default();
        let name = wrong.check("Name", names::name(name, 100)).unwrap_or_default();
        let person = wrong.check("AdminName", names::name(person, 64)).unwrap_or_default();
        let email = wrong.check("AdminEmail", names::email(email)).unwrap_or_default();
        if let Some(password) = password {
            wrong.check("AdminPassword", names::password(password.expose()));
        }
        wrong.finish()?;
        let folder = self.folder(&slug);
        if folder.exists() {
            return Err(Error::Conflict(format!("There is a company “{slug}” already. Choose another slug.")));
        }
        // Built aside and moved into place, so that a company is there whole or not at all.
        let aside = self.data.join("companies").join(format!(".new-{}", Uuid::now_v7()));
        keys::make_private_folder(&aside)?;
        let id = Uuid::now_v7();
        let key = self.keys.create(&id.to_string())?;
        let founding = Founding {
            slug: &slug,
            name: &name,
            administrator: FirstPerson { name: &person, email: &email, password },
        };
        let made = Company::found(&aside, id, &key, &founding).and_then(|founded| {
            founded.company.settle()?;
            drop(founded.company);
            for part in ["packages", "artifacts", "task-logs", "snapshots"] {
                keys::make_private_folder(&aside.join(part))?;
            }
            fs::rename(&aside, &folder)?;
            fs::File::open(self.data.join("companies"))?.sync_all()?;
            Ok(founded.invitation)
        });
        if made.is_err() {
            let _ = fs::remove_dir_all(&aside);
        }
        let invitation = made?;
        Ok((self.company(&slug)?, invitation))
    }

    /// What the operator sees of every company.
    pub fn list(&self) -> Result<Vec<CompanyRow>> {
        self.slugs()?.iter().map(|slug| self.show(slug)).collect()
    }

    /// What the operator sees of one company.
    pub fn show(&self, slug: &str) -> Result<CompanyRow> {
        let (name, state) = match self.company(slug) {
            Ok(company) => (company.name().to_owned(), "ok".to_owned()),
            Err(Error::NotFound(what)) => return Err(Error::NotFound(what)),
            Err(error) => (String::new(), error.to_string()),
        };
        Ok(CompanyRow { slug: slug.to_owned(), name, state, bytes: size(&self.folder(slug))? })
    }

    /// The token of the one-time set-up link, when there is no company yet.
    pub fn offer_setup(&self) -> Result<Option<String>> {
        if !self.slugs()?.is_empty() {
            return Ok(None);
        }
        let token = secret::token();
        *lock(&self.setup) = Some((token.clone(), clock::now().plus(SETUP_LIFE)));
        Ok(Some(token))
    }

    /// Whether this set-up link can be used.
    pub fn setup_open(&self, token: &str) -> bool {
        let same = |stored: &str| bool::from(subtle::ConstantTimeEq::ct_eq(stored.as_bytes(), token.as_bytes()));
        lock(&self.setup).as_ref().is_some_and(|(stored, until)| same(stored) && *until > clock::now())
    }

    /// Uses the set-up link: makes the first company. A refused form does not use it up.
    pub fn set_up(
        &self,
        token: &str,
        slug: &str,
        name: &str,
        person: &str,
        email: &str,
        password: &Secret,
    ) -> Result<Company> {
        if !self.setup_open(token) {
            return Err(Error::NotFound("set-up link".into()));
        }
        let (company, _) = self.create(slug, name, person, email, Some(password))?;
        *lock(&self.setup) = None;
        Ok(company)
    }
}

fn make_room(open: &mut HashMap<String, Arc<Mutex<Slot>>>) {
    if open.len() < MOST_OPEN {
        return;
    }
    let idle_since = |slot: &Arc<Mutex<Slot>>| {
        // A slot that somebody holds, or whose company somebody uses, stays.
        if Arc::strong_count(slot) > 1 {
            return None;
        }
        let slot = slot.try_lock().ok()?;
        slot.company.as_ref().is_none_or(Company::is_idle).then_some(slot.last_asked)
    };
    let mut idle: Vec<(Moment, String)> =
        open.iter().filter_map(|(slug, slot)| Some((idle_since(slot)?, slug.clone()))).collect();
    idle.sort();
    for (_, slug) in idle.into_iter().take(MOST_OPEN / 16) {
        open.remove(&slug);
    }
}

fn identity(folder: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(folder.join(crate::company::access::FILE)).ok().map(|about| (about.dev(), about.ino()))
}

fn size(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        bytes += if about.is_dir() { size(&entry.path())? } else { about.len() };
    }
    Ok(bytes)
}

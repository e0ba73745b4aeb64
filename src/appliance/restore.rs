//! Putting a company back from a backup: read to its end and verified before it comes into its place, by one exchange.

use super::{
    archive::{self, Manifest, Unpacked},
    aside::Aside,
    files,
    keys::Master,
    registry::{Appliance, PARTS},
};
use crate::{
    base::{
        error::{Error, Fault, Result},
        names,
    },
    company::{
        Company,
        access::{OperatorKey, Seal, Verified, Visitor, permissions::FileKeep},
        tasks, upkeep,
    },
};
use std::{
    fs,
    path::{Path, PathBuf},
};
use uuid::Uuid;
use zeroize::Zeroizing;

/// How a company is put back.
#[derive(Debug, Clone, Copy, Default)]
pub struct How<'a> {
    /// What it shall be called; without, it keeps its own slug.
    pub slug: Option<&'a str>,
    /// It may take the place of the company that is there.
    pub replace: bool,
    /// It is put back also when it does not verify, as long as it opens.
    pub despite_damage: bool,
    /// It may take the place of a company whose tasks are under way. The server ends them.
    pub despite_tasks: bool,
    /// The master key of the machine it was backed up on, when that is another.
    pub master_key: Option<&'a Path>,
}

/// A company that was put back.
pub struct Restored {
    /// The company, open.
    pub company: Company,
    /// What is wrong with it, when it was put back all the same.
    pub damage: Option<String>,
    /// What became of its tasks.
    pub tasks: tasks::Held,
}

/// Puts a company back from a backup, after all of it was verified. Never overwrites a company unless `how` says so. What
/// is damaged and put back on purpose says so in its trail, and goes on not to verify. Nothing starts by itself: see
/// [`tasks::put_back`].
///
/// # Errors
/// `Conflict` when there is a company in its place, or one whose tasks are under way; when the file is no backup, or when
/// it does not verify. Nothing was changed then.
pub fn restore(appliance: &Appliance, key: &OperatorKey, file: &Path, how: How<'_>) -> Result<Restored> {
    let _alone = appliance.alone()?;
    let slug = slug_of(&archive::manifest(file)?, how.slug)?;
    let place = appliance.place(&slug);
    let present = Present::at(appliance, key, &slug, &place, &how)?;
    let companies = place.parent().unwrap_or(&place).to_owned();
    let mut aside = Aside::folder(appliance.data(), &companies)?;
    let unpacked = archive::read(file, Some(aside.path()))?;
    let id = unpacked.manifest.company.clone();
    let opened = open(appliance, key, aside.path(), &unpacked, &slug, how.master_key, None)?;
    let (company, own_key, damage) = (opened.company, opened.key, opened.verified.err());
    if let Some(found) = damage.as_ref().filter(|_| !how.despite_damage) {
        return Err(Error::Conflict(format!(
            "{found} Nothing was changed. If there is no other backup, --despite-damage restores it as it is, and its audit log says so."
        )));
    }
    let tasks = {
        let operator = Visitor::operator(&company, key);
        let granted = operator.ask(FileKeep {})?;
        let same = present.as_ref().filter(|present| present.id.as_deref() == Some(&id));
        let elsewhere = slug != unpacked.manifest.slug || appliance.slug_of(&id, &slug)?.is_some();
        let back = upkeep::Back {
            taken: &unpacked.manifest.taken,
            damage: damage.as_deref(),
            sessions: same.map_or(&[], |present| &present.sessions),
            beside: elsewhere,
        };
        upkeep::restored(&granted, &back)?;
        tasks::put_back(&granted, elsewhere)?
    };
    company.settle()?;
    drop(company);
    // Whoever looks for work opens it, and finds out whether there is any.
    fs::write(aside.path().join(tasks::PENDING), b"")?;
    if !appliance.keys().has(&id) {
        aside.with_key(&id)?;
    }
    appliance.keys().keep(&id, &own_key)?;
    appliance.close(&slug);
    files::sync_folder(aside.path())?;
    // What is put back ends earlier than what was here.
    appliance.forget_trail(&slug)?;
    match &present {
        Some(_) => files::exchange(aside.path(), &place)?,
        None => appliance.put(aside.path(), &slug)?,
    }
    files::sync_folder(&companies)?;
    aside.moved();
    // The key of another company that was replaced by this one opens nothing here any more.
    if let Some(gone) = present.and_then(|present| present.id).filter(|gone| *gone != id)
        && appliance.slug_of(&gone, "")?.is_none()
    {
        appliance.keys().destroy(&gone)?;
    }
    Ok(Restored { company: appliance.company(&slug)?, damage, tasks })
}

/// The company whose place is taken.
struct Present {
    /// Its id, when its file can be read.
    id: Option<String>,
    sessions: Vec<Vec<u8>>,
}

impl Present {
    fn at(
        appliance: &Appliance,
        key: &OperatorKey,
        slug: &str,
        place: &Path,
        how: &How<'_>,
    ) -> Result<Option<Present>> {
        if place.symlink_metadata().is_err() {
            return Ok(None);
        }
        if !how.replace {
            return Err(Error::Conflict(format!(
                "There is a company “{slug}” already. Restore under another slug with --as, or put --replace to overwrite it."
            )));
        }
        // One that cannot be opened is what a backup is for.
        let Ok(company) = appliance.company(slug) else {
            return Ok(Some(Present { id: Company::glance(place).ok().map(|seen| seen.id), sessions: Vec::new() }));
        };
        let operator = Visitor::operator(&company, key);
        let granted = operator.ask(FileKeep {})?;
        match tasks::under_way(&granted) {
            Ok(running) if running > 0 && !how.despite_tasks => {
                return Err(Error::Conflict(format!(
                    "Tasks of “{slug}” are under way ({running}). Suspend the company and wait until they have ended; or put --despite-tasks, and the server ends them where they are."
                )));
            }
            _ => {}
        }
        let sessions = upkeep::sessions(&granted).unwrap_or_default();
        Ok(Some(Present { id: Some(company.id().to_string()), sessions }))
    }
}

/// What a company that comes from a backup is called.
fn slug_of(manifest: &Manifest, wished: Option<&str>) -> Result<String> {
    let wished = wished.unwrap_or(&manifest.slug);
    // The operator's compartment comes back as what it was, and nothing else becomes it.
    let slug = match (manifest.slug == names::OPERATOR, wished == names::OPERATOR) {
        (true, true) => Ok(names::OPERATOR.to_owned()),
        (true, false) => Err("The operator's compartment can only be restored as what it is.".into()),
        (false, _) => names::company_slug(wished),
    };
    slug.map_err(|message| Error::invalid("Slug", message))
}

/// A company in the folder its backup was unpacked to.
struct Opened {
    company: Company,
    key: Zeroizing<[u8; 32]>,
    /// Or what is wrong with it, as a sentence.
    verified: std::result::Result<Verified, String>,
}

/// Opens what was unpacked with the key it carries, and verifies all of it: the archive by its seal, the database, the trail.
fn open(
    appliance: &Appliance,
    operator: &OperatorKey,
    folder: &Path,
    unpacked: &Unpacked,
    slug: &str,
    master: Option<&Path>,
    elsewhere: Option<&Path>,
) -> Result<Opened> {
    let id = &unpacked.manifest.company;
    let key = match master {
        Some(path) => Master::read(path)?.unseal(id, &unpacked.key)?,
        None => appliance.keys().unseal(id, &unpacked.key)?,
    };
    let uuid = Uuid::parse_str(id).map_err(|_| Error::Conflict("Its manifest names no company.".into()))?;
    let damage = unpacked.damage(&Seal::new(uuid, &key));
    for part in PARTS {
        files::make_private_folder(&folder.join(part))?;
    }
    let company = Company::adopt(folder, slug, |named| match named == id {
        true => Ok(key.clone()),
        false => Err(Error::Conflict("Its manifest names another company than its database.".into())),
    });
    let company = company.map_err(|error| {
        let found = match &error {
            // The folder it was unpacked to is gone when this is read.
            Error::Fault(fault) if fault.closes() => format!("{}.", fault.cause.trim_end_matches('.')),
            error => error.to_string(),
        };
        match &damage {
            // What is wrong with the archive says more than what that does to the file in it.
            Some(damage) => Error::Conflict(format!("The backup does not verify: {damage}. {found}")),
            None if error.as_fault().is_some_and(Fault::closes) => {
                Error::Conflict(format!("The backup does not open: {found}"))
            }
            None => error,
        }
    })?;
    let whole = upkeep::verify(&Visitor::operator(&company, operator).ask(FileKeep {})?, elsewhere);
    let verified = match (damage, whole) {
        (None, Ok(verified)) => Ok(verified),
        (None, Err(Error::Conflict(found))) => Err(found),
        (None, Err(other)) => return Err(other),
        (Some(damage), Err(Error::Conflict(found))) => Err(format!("The backup does not verify: {damage}. {found}")),
        (Some(damage), _) => Err(format!("The backup does not verify: {damage}.")),
    };
    Ok(Opened { company, key, verified })
}

/// Checks a company: the database's integrity, foreign keys, its trail, also against checkpoints that were kept elsewhere.
///
/// # Errors
/// `Conflict` with what is wrong.
pub fn verify(appliance: &Appliance, key: &OperatorKey, slug: &str, elsewhere: Option<&Path>) -> Result<Verified> {
    let company = appliance.company(slug)?;
    let operator = Visitor::operator(&company, key);
    upkeep::verify(&operator.ask(FileKeep {})?, elsewhere)
}

/// Checks a backup as [`restore`] does before the company opens, also against checkpoints that were kept elsewhere. It is
/// unpacked into a private folder that is gone when this returns; no company is touched.
///
/// # Errors
/// `Conflict` with what is wrong: the file is no backup, does not open with this machine's master key, or is damaged.
pub fn verify_backup(
    appliance: &Appliance,
    key: &OperatorKey,
    file: &Path,
    master: Option<&Path>,
    elsewhere: Option<&Path>,
) -> Result<Verified> {
    let aside = Aside::folder(appliance.data(), appliance.data())?;
    let unpacked = archive::read(file, Some(aside.path()))?;
    let verified = || -> Result<Verified> {
        let slug = slug_of(&unpacked.manifest, None)?;
        open(appliance, key, aside.path(), &unpacked, &slug, master, elsewhere)?.verified.map_err(Error::Conflict)
    };
    verified().map_err(|error| Error::Conflict(format!("{} cannot be restored: {error}", file.display())))
}

impl Appliance {
    /// Where a company's folder is: where a link leads to, when it is one.
    pub(super) fn place(&self, slug: &str) -> PathBuf {
        let folder = self.folder(slug);
        folder.canonicalize().unwrap_or(folder)
    }
}

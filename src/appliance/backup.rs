//! Backups: one file per company, taken while it is in use; restored only after it was verified.
//!
//! The file is a tar archive: `manifest.json`, `company.db` and `checkpoints.jsonl` (one consistent moment),
//! `company.key` (sealed with the master key), and the files beside the database. It opens on a machine that has the same master key.

use super::{
    keys,
    registry::{Appliance, PARTS},
};
use crate::{
    base::{
        clock,
        error::{Error, Result},
        names,
    },
    company::{
        Company,
        access::{
            Event, OperatorKey, Steward, Verified, Visitor,
            permissions::{CompanyBackup, FileKeep},
        },
        upkeep,
    },
};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
};

/// Folders of a company that a backup carries beside the database.
const BESIDE: [&str; 4] = ["packages", "artifacts", "task-logs", "archive"];

#[derive(Serialize, Deserialize)]
struct Manifest {
    format: u32,
    slug: String,
    name: String,
    company: String,
    taken: String,
}

/// Writes a consistent copy of a company to `to/<slug>-<UTC time>.bulkhead`; gives the path. On the disk when this returns.
pub fn backup(appliance: &Appliance, by: &Steward<'_, CompanyBackup>, slug: &str, to: &Path) -> Result<PathBuf> {
    let company = appliance.company(slug)?;
    let operator = by.at(&company);
    let granted = operator.ask(FileKeep {})?;
    keys::make_private_folder(to)?;
    let database = appliance.data().join("work").join(format!("backup-{}.db", uuid::Uuid::now_v7()));
    let checkpoints = database.with_extension("jsonl");
    let copied = upkeep::copy(&granted, &database, &checkpoints);
    let path = to.join(format!("{slug}-{}.bulkhead", clock::now().compact()));
    let written = copied.and_then(|()| pack(appliance, &company, &database, &checkpoints, &path));
    let _ = fs::remove_file(&database);
    let _ = fs::remove_file(&checkpoints);
    written?;
    if !company.is_operators() {
        by.tell(Event::new("CompanyBackedUp").say("A backup of the company ").say(slug).say(" was taken"))?;
    }
    Ok(path)
}

fn pack(appliance: &Appliance, company: &Company, database: &Path, checkpoints: &Path, path: &Path) -> Result<()> {
    let id = company.id().to_string();
    let manifest = Manifest {
        format: 1,
        slug: company.slug().into(),
        name: company.name().into(),
        company: id.clone(),
        taken: clock::now().wire(),
    };
    let aside = path.with_extension("part");
    let file = fs::File::create(&aside)?;
    fs::set_permissions(&aside, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    let mut archive = tar::Builder::new(file);
    archive.follow_symlinks(false);
    add(&mut archive, "manifest.json", &serde_json::to_vec_pretty(&manifest)?)?;
    add(&mut archive, "company.key", &appliance.keys().sealed(&id)?)?;
    archive.append_path_with_name(database, "company.db")?;
    archive.append_path_with_name(checkpoints, "checkpoints.jsonl")?;
    for part in BESIDE {
        let folder = company.folder().join(part);
        if folder.is_dir() {
            archive.append_dir_all(part, folder)?;
        }
    }
    let mut file = archive.into_inner()?;
    file.flush()?;
    file.sync_all()?;
    fs::rename(&aside, path)?;
    if let Some(folder) = path.parent() {
        fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn add(archive: &mut tar::Builder<fs::File>, name: &str, bytes: &[u8]) -> Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o600);
    header.set_mtime((clock::now().0 / 1000) as u64);
    Ok(archive.append_data(&mut header, name, bytes)?)
}

/// How a company is put back.
#[derive(Debug, Clone, Copy, Default)]
pub struct How<'a> {
    /// What it shall be called; without, it keeps its own slug.
    pub slug: Option<&'a str>,
    /// It may take the place of the company that is there.
    pub replace: bool,
    /// It is put back also when it does not verify, as long as it opens.
    pub despite_damage: bool,
}

/// A company that was put back.
pub struct Restored {
    /// The company, open.
    pub company: Company,
    /// What is wrong with it, when it was put back all the same.
    pub damage: Option<String>,
}

/// Puts a company back from a backup, after its file was verified. Never overwrites a company unless `how` says so. What
/// is damaged and put back on purpose says so in its trail, and goes on not to verify.
///
/// # Errors
/// `Conflict` when there is a company in its place, when the file is no backup, or when it does not verify.
pub fn restore(appliance: &Appliance, key: &OperatorKey, file: &Path, how: How<'_>) -> Result<Restored> {
    let _alone = appliance.alone()?;
    let aside = appliance.data().join("companies").join(format!(".restore-{}", uuid::Uuid::now_v7()));
    keys::make_private_folder(&aside)?;
    let restored = unpack(file, &aside).and_then(|manifest| put_in_place(appliance, key, &aside, &manifest, how));
    if restored.is_err() {
        let _ = fs::remove_dir_all(&aside);
    }
    restored
}

fn unpack(file: &Path, aside: &Path) -> Result<Manifest> {
    let no_backup = |what: &str| Error::Conflict(format!("{} is not a backup of a company: {what}.", file.display()));
    let opened = fs::File::open(file)
        .map_err(|cause| Error::Conflict(format!("{} cannot be read: {cause}.", file.display())))?;
    // Only plain files and folders, only below the folder: `unpack_in` refuses paths that lead out of it.
    for entry in tar::Archive::new(opened).entries().map_err(|cause| no_backup(&cause.to_string()))? {
        let mut entry = entry.map_err(|cause| no_backup(&cause.to_string()))?;
        let plain = matches!(entry.header().entry_type(), tar::EntryType::Regular | tar::EntryType::Directory);
        if !plain || !entry.unpack_in(aside).map_err(|cause| no_backup(&cause.to_string()))? {
            return Err(no_backup("it holds something that is no plain file"));
        }
    }
    let mut text = String::new();
    fs::File::open(aside.join("manifest.json"))
        .map_err(|_| no_backup("it has no manifest"))?
        .read_to_string(&mut text)?;
    let manifest: Manifest = serde_json::from_str(&text).map_err(|_| no_backup("its manifest cannot be read"))?;
    if manifest.format != 1 {
        return Err(no_backup("it was written by a newer Bulkhead"));
    }
    Ok(manifest)
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

fn put_in_place(
    appliance: &Appliance,
    key: &OperatorKey,
    aside: &Path,
    manifest: &Manifest,
    how: How<'_>,
) -> Result<Restored> {
    let slug = slug_of(manifest, how.slug)?;
    let folder = appliance.folder(&slug);
    if folder.exists() && !how.replace {
        return Err(Error::Conflict(format!(
            "There is a company “{slug}” already. Restore under another slug with --as, or put --replace to overwrite it."
        )));
    }
    let sealed = fs::read(aside.join("company.key"))?;
    appliance.keys().restore(&manifest.company, &sealed)?;
    fs::remove_file(aside.join("company.key"))?;
    fs::remove_file(aside.join("manifest.json"))?;
    for part in PARTS {
        keys::make_private_folder(&aside.join(part))?;
    }
    let damage = {
        let company = Company::adopt(aside, &slug, |id| appliance.keys().read(id))?;
        let operator = Visitor::operator(&company, key);
        let damage = match upkeep::verify(&operator.ask(FileKeep {})?, None) {
            Ok(_) => None,
            Err(Error::Conflict(found)) if how.despite_damage => Some(found),
            Err(Error::Conflict(found)) => {
                return Err(Error::Conflict(format!(
                    "{found} Nothing was changed. If there is no other backup, --despite-damage restores it as it is, and tells so in its trail."
                )));
            }
            Err(other) => return Err(other),
        };
        upkeep::restored(&operator.ask(FileKeep {})?, &manifest.taken, damage.as_deref())?;
        company.settle()?;
        damage
    };
    // Unfinished tasks of the moment of the copy are looked at when the server starts.
    fs::write(aside.join("pending"), b"")?;
    appliance.close(&slug);
    // What is put back ends earlier than what was here.
    appliance.forget_trail(&slug)?;
    let old = appliance.data().join("companies").join(format!(".old-{}", uuid::Uuid::now_v7()));
    if folder.exists() {
        fs::rename(&folder, &old)?;
    }
    fs::rename(aside, &folder)?;
    fs::File::open(appliance.data().join("companies"))?.sync_all()?;
    if old.exists() {
        fs::remove_dir_all(&old)?;
    }
    Ok(Restored { company: appliance.company(&slug)?, damage })
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
    elsewhere: Option<&Path>,
) -> Result<Verified> {
    // Not under `work`: a server that starts meanwhile sweeps that.
    sweep(appliance)?;
    let aside = appliance.data().join(format!("{ASIDE}{}", uuid::Uuid::now_v7()));
    let lock = appliance.data().join(format!("{}.lock", aside.file_name().unwrap_or_default().to_string_lossy()));
    let held = fs::File::create(&lock)?;
    held.lock()?;
    keys::make_private_folder(&aside)?;
    let verified = unpack(file, &aside).and_then(|manifest| {
        let slug = slug_of(&manifest, None);
        let verified = slug.and_then(|slug| verify_unpacked(appliance, key, &aside, &manifest, &slug, elsewhere));
        verified.map_err(|error| Error::Conflict(format!("{} cannot be restored: {error}", file.display())))
    });
    fs::remove_dir_all(&aside)?;
    fs::remove_file(&lock)?;
    drop(held);
    verified
}

/// What the names of folders begin with in which backups are looked at.
const ASIDE: &str = "verify-";

/// Removes what a check of a backup left behind that was killed: a folder whose lock nobody holds.
fn sweep(appliance: &Appliance) -> Result<()> {
    for entry in fs::read_dir(appliance.data())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(folder) = name.strip_suffix(".lock").filter(|name| name.starts_with(ASIDE)) else { continue };
        // Gone meanwhile: it ended by itself.
        let Ok(lock) = fs::File::open(&path) else { continue };
        if lock.try_lock().is_ok() {
            let folder = appliance.data().join(folder);
            if folder.is_dir() {
                fs::remove_dir_all(folder)?;
            }
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

fn verify_unpacked(
    appliance: &Appliance,
    key: &OperatorKey,
    aside: &Path,
    manifest: &Manifest,
    slug: &str,
    elsewhere: Option<&Path>,
) -> Result<Verified> {
    let sealed = fs::read(aside.join("company.key"))?;
    for part in PARTS {
        keys::make_private_folder(&aside.join(part))?;
    }
    // The key of the manifest's company, as a restore puts it in place, and of no other.
    let company = Company::adopt(aside, slug, |id| {
        if id != manifest.company {
            return Err(Error::Conflict("Its manifest names another company than its database.".into()));
        }
        appliance.keys().unseal(id, &sealed)
    })?;
    upkeep::verify(&Visitor::operator(&company, key).ask(FileKeep {})?, elsewhere)
}

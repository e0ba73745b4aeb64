//! Backups: one file per company, taken while it is in use, and read back before it is called one.

use super::{
    archive::{self, CHECKPOINTS, DATABASE, FORMAT, KEY, MANIFEST, Manifest, Packer},
    aside::Aside,
    files,
    registry::{Appliance, file_in},
};
use crate::{
    base::{
        clock,
        error::{Error, Result},
    },
    company::{
        Company,
        access::{
            Event, Seal, Steward,
            permissions::{CompanyBackup, FileKeep},
        },
        upkeep,
    },
};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Folders of a company that a backup carries beside the database.
const BESIDE: [&str; 4] = ["packages", "artifacts", "task-logs", "archive"];
/// Which backups were taken, and where they were put: a line each, in the data folder.
const TAKEN: &str = "backups.jsonl";
/// An account of backups that is longer, in bytes, is looked through for those that are gone.
const LONG: u64 = 256 * 1024;

/// Writes a consistent copy of a company to `to/<slug>-<UTC time>.bulkhead`; gives the path. On the disk, and read back from
/// it, when this returns. Everything it needs meanwhile lies in `to`, so that a full data folder does not keep one from it.
///
/// # Errors
/// `Conflict` when the company's database is damaged, and for what is not a plain file in its folder.
pub fn backup(appliance: &Appliance, by: &Steward<'_, CompanyBackup>, slug: &str, to: &Path) -> Result<PathBuf> {
    let company = appliance.company(slug)?;
    let operator = by.at(&company);
    let granted = operator.ask(FileKeep {})?;
    files::make_private_folder(to)?;
    let to = std::path::absolute(to)?;
    let file = file_in(company.folder());
    let aside = Aside::folder_elsewhere(appliance.data(), &to)?;
    let (database, checkpoints) = (aside.path().join(DATABASE), aside.path().join(CHECKPOINTS));
    upkeep::copy(&granted, &database, &checkpoints)?;
    let packed = aside.path().join("backup");
    let id = company.id().to_string();
    let seal = Seal::new(company.id(), &appliance.keys().read(&id)?);
    pack(appliance, &company, &seal, [&database, &checkpoints], &packed)?;
    // Its files beside the database were looked for where it was when this began.
    if file.is_none() || file_in(company.folder()) != file {
        return Err(Error::Conflict(format!(
            "The company “{slug}” was renamed, replaced or removed while it was backed up. Take the backup again."
        )));
    }
    if let Some(damage) = archive::read(&packed, None)?.damage(&seal) {
        return Err(Error::internal(format!(
            "the backup of {slug} is not what was written when it is read back: {damage}"
        )));
    }
    let path = name(&packed, &to, slug)?;
    drop(aside);
    keep_account(appliance, &id, slug, &path);
    if !company.is_operators() {
        let told = by.tell(Event::new("CompanyBackedUp").say("A backup of the company ").say(slug).say(" was taken"));
        if let Err(error) = told {
            // It is there all the same, and not to say so would lose it.
            tracing::error!(company = slug, %error, "a backup could not be told in the operator's audit log");
        }
    }
    Ok(path)
}

fn pack(appliance: &Appliance, company: &Company, seal: &Seal, copied: [&Path; 2], path: &Path) -> Result<()> {
    let id = company.id().to_string();
    let manifest = Manifest {
        format: FORMAT,
        slug: company.slug().into(),
        name: company.name().into(),
        company: id.clone(),
        taken: clock::now().wire(),
    };
    let mut packer = Packer::create(path)?;
    packer.bytes(MANIFEST, &serde_json::to_vec_pretty(&manifest)?)?;
    packer.bytes(KEY, &appliance.keys().sealed(&id)?)?;
    for (name, path) in [DATABASE, CHECKPOINTS].into_iter().zip(copied) {
        packer.file(name, path)?;
    }
    for part in BESIDE {
        packer.folder(part, &company.folder().join(part))?;
    }
    // The database is of one moment, and the files beside it of a later one.
    for archive in Company::archives_of(copied[0])? {
        if !packer.has(&format!("archive/{archive}")) {
            return Err(Error::Conflict(format!(
                "The archive {archive} of the audit log is missing. If it was deleted just now, take the backup again; otherwise verify the company."
            )));
        }
    }
    packer.finish(seal)
}

/// Gives a finished backup its name. Two of the same second have two names.
fn name(packed: &Path, to: &Path, slug: &str) -> Result<PathBuf> {
    let when = clock::now().compact();
    for number in 1.. {
        let more = if number == 1 { String::new() } else { format!("-{number}") };
        let path = to.join(format!("{slug}-{when}{more}.bulkhead"));
        match files::rename_new(packed, &path) {
            Ok(()) => {
                files::sync_folder(to)?;
                return Ok(path);
            }
            Err(Errno::EXIST) => {}
            Err(cause) => return Err(files::cannot("written", &path, &cause.into())),
        }
    }
    Err(Error::internal("there is no name left for a backup"))
}

/// A backup that was taken.
#[derive(Serialize, Deserialize)]
struct Taken {
    company: String,
    slug: String,
    file: PathBuf,
    taken: String,
}

/// Keeps account of where backups lie: whoever removes a company is told of those that are left.
fn keep_account(appliance: &Appliance, company: &str, slug: &str, file: &Path) {
    let line = Taken { company: company.into(), slug: slug.into(), file: file.into(), taken: clock::now().wire() };
    let written = serde_json::to_string(&line).map_err(Error::from).and_then(|line| {
        let path = appliance.data().join(TAKEN);
        forget_what_is_gone(&path)?;
        let mut account = fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        Ok(account.write_all(format!("{line}\n").as_bytes())?)
    });
    if let Err(error) = written {
        tracing::warn!(company = slug, %error, "where a backup lies could not be written down");
    }
}

/// A long account is written anew without the backups that are not there any more.
fn forget_what_is_gone(path: &Path) -> Result<()> {
    if !path.metadata().is_ok_and(|about| about.len() > LONG) {
        return Ok(());
    }
    let account = fs::read_to_string(path)?;
    let there =
        account.lines().filter(|line| serde_json::from_str::<Taken>(line).is_ok_and(|taken| taken.file.is_file()));
    files::write_private(path, there.map(|line| format!("{line}\n")).collect::<String>().as_bytes())
}

/// The backups of a company that were taken here and are still where they were put.
pub(super) fn left(data: &Path, company: &str) -> Vec<PathBuf> {
    let account = fs::read_to_string(data.join(TAKEN)).unwrap_or_default();
    let taken = account.lines().filter_map(|line| serde_json::from_str::<Taken>(line).ok());
    taken.filter(|taken| taken.company == company && taken.file.is_file()).map(|taken| taken.file).collect()
}

//! Taking a company's folder in: one that lies among the companies under a name that is not its own, or one from elsewhere.
//! A copy of it is verified first. What is where it belongs is left there.

use super::{
    aside::Aside,
    course::named,
    files,
    keys::Master,
    registry::{Appliance, PARTS},
};
use crate::{
    base::{
        error::{Error, FaultKind, Result},
        names,
    },
    company::{
        Company,
        access::{
            Event, Steward,
            permissions::{CompanyCreate, FileKeep},
        },
        standing, tasks, upkeep,
    },
};
use rustix::fs::{Mode, OFlags};
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// A company that was taken in.
pub struct Adopted {
    /// The company, open.
    pub company: Company,
    /// What became of its tasks.
    pub tasks: tasks::Held,
}

impl Appliance {
    /// Takes in a company's folder: one that lies among the companies under a name that is not its own, or one from
    /// elsewhere, which is copied and left as it is. `slug` is what it shall be called; without one it keeps its own.
    /// `master_key` is that of the machine it comes from, whose folder `keys` lies beside it.
    ///
    /// # Errors
    /// `Conflict` when it is no company's folder or does not verify, when its key is not here, when the slug is taken, when
    /// it is where it belongs, and when the very company it is a copy of is here. Nothing was changed then.
    pub fn adopt(
        &self,
        by: &Steward<'_, CompanyCreate>,
        folder: &Path,
        slug: Option<&str>,
        master_key: Option<&Path>,
    ) -> Result<Adopted> {
        let _alone = self.alone()?;
        let (from, inside) = self.found(folder)?;
        if let Some(name) = &inside
            && Company::glance(&from)
                .is_ok_and(|seen| seen.slug == *name && seen.moving_to.is_none() && self.keys().read(&seen.id).is_ok())
        {
            return Err(Error::Conflict(format!(
                "The company “{name}” is where it belongs. There is nothing to take in. To give it another address, rename it."
            )));
        }
        let mut aside = Aside::folder(self.data(), &self.data().join("companies"))?;
        copy(&from, aside.path())?;
        rustix::fs::syncfs(fs::File::open(aside.path())?).map_err(io::Error::from)?;
        let refused = |error: Error| match error {
            // The copy is gone when this is read: what counts is what is wrong with the folder.
            Error::Fault(fault)
                if matches!(fault.kind, FaultKind::Damaged | FaultKind::Foreign | FaultKind::Missing) =>
            {
                Error::Conflict(format!("{} is not taken in: {}. Nothing was changed.", folder.display(), fault.cause))
            }
            other => other,
        };
        let label = Company::label(aside.path()).map_err(refused)?;
        let slug = match slug {
            None if label.slug == names::OPERATOR => names::OPERATOR.to_owned(),
            Some(names::OPERATOR) if label.slug == names::OPERATOR => names::OPERATOR.to_owned(),
            wished => named(wished.unwrap_or(&label.slug))?,
        };
        let here = inside.as_deref() == Some(slug.as_str());
        if self.folder(&slug).symlink_metadata().is_ok() && !here {
            return Err(Error::Conflict(format!(
                "There is a company “{slug}” already. Choose another slug with --as."
            )));
        }
        if let Some(other) = self.slug_of(&label.id, inside.as_deref().unwrap_or_default())? {
            return Err(Error::Conflict(format!(
                "This is a copy of the company “{other}”, which is here. Remove one of the two first, or restore a backup under another slug."
            )));
        }
        let key = self.key_for(&label.id, master_key)?;
        let opened = |place: &Path| Company::adopt(place, &slug, |_| Ok(key.clone()));
        {
            let company = opened(aside.path()).map_err(refused)?;
            upkeep::verify(&by.at(&company).ask(FileKeep {})?, None)
                .map_err(|error| Error::Conflict(format!("{}: {error} Nothing was changed.", folder.display())))?;
        }
        // What lies among the companies is moved as it is; of what comes from elsewhere the verified copy is.
        let place = if inside.is_some() { from } else { aside.path().to_owned() };
        for part in PARTS {
            files::make_private_folder(&place.join(part))?;
        }
        if let Some(name) = &inside {
            self.close(name);
        }
        let tasks = {
            let company = opened(&place)?;
            let operator = by.at(&company);
            let granted = operator.ask(FileKeep {})?;
            standing::adopted(&granted, &label.slug)?;
            let held = tasks::put_back(&granted, false)?;
            company.settle()?;
            held
        };
        fs::write(place.join(tasks::PENDING), b"")?;
        if !self.keys().has(&label.id) {
            aside.with_key(&label.id)?;
        }
        self.keys().keep(&label.id, &key)?;
        self.forget_trail(&slug)?;
        if !here {
            self.put(&place, &slug)?;
        }
        aside.moved();
        let company = self.company(&slug)?;
        if !company.is_operators() {
            by.tell(Event::new("CompanyAdopted").say("The company ").say(&slug).say(" was taken in"))?;
        }
        Ok(Adopted { company, tasks })
    }

    /// The key of a company that comes from elsewhere: kept here already, or sealed with another machine's master key.
    fn key_for(&self, company: &str, master: Option<&Path>) -> Result<Zeroizing<[u8; 32]>> {
        let Some(path) = master else {
            return match self.keys().has(company) {
                true => self.keys().read(company),
                false => Err(Error::Conflict(
                    "The key of this company is not on this machine. Name the master key of the machine it comes from with --master-key, beside which the folder “keys” lies; or restore a backup, which carries the key.".into(),
                )),
            };
        };
        let beside = path.parent().unwrap_or(Path::new(".")).join("keys").join(format!("{company}.key"));
        let sealed = fs::read(&beside).map_err(|cause| files::cannot("read", &beside, &cause))?;
        Master::read(path)?.unseal(company, &sealed)
    }

    /// Where the folder is that was meant, and its name when it lies among the companies.
    fn found(&self, folder: &Path) -> Result<(PathBuf, Option<String>)> {
        let companies = self.data().join("companies");
        let missing = || Error::Conflict(format!("There is no folder {}.", folder.display()));
        let meant = if folder.symlink_metadata().is_ok() { folder.to_owned() } else { companies.join(folder) };
        let about = meant.symlink_metadata().map_err(|_| missing())?;
        let parent =
            fs::canonicalize(meant.parent().filter(|one| !one.as_os_str().is_empty()).unwrap_or(Path::new(".")))?;
        let inside = parent == fs::canonicalize(&companies)?;
        // Among the companies a link is a company's folder on another disk; elsewhere nobody knows where it leads next.
        if about.is_symlink() && !inside {
            return Err(Error::Conflict(format!(
                "{} is a link. Name the folder that it leads to: {}.",
                folder.display(),
                fs::canonicalize(&meant).unwrap_or_default().display()
            )));
        }
        if !meant.is_dir() {
            return Err(missing());
        }
        let name = meant.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        let meant = if about.is_symlink() { meant } else { fs::canonicalize(&meant)? };
        Ok((meant, name.filter(|_| inside)))
    }

    /// The folders among the companies that hold another company than they are called by, with the slug of that: what
    /// the operator can take in.
    pub fn misplaced(&self) -> Result<Vec<(String, String)>> {
        let mut found = Vec::new();
        for slug in self.slugs()? {
            if let Ok(seen) = Company::glance(&self.folder(&slug))
                && seen.slug != slug
                && seen.moving_to.as_deref() != Some(&slug)
            {
                found.push((slug, seen.slug));
            }
        }
        Ok(found)
    }
}

/// Copies plain files and folders to a private folder that is there; anything else is refused, links first of all.
fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).map_err(|cause| files::cannot("read", from, &cause))? {
        let entry = entry?;
        let (kind, path, target) = (entry.file_type()?, entry.path(), to.join(entry.file_name()));
        if kind.is_dir() {
            files::make_private_folder(&target)?;
            copy(&path, &target)?;
        } else if kind.is_file() {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let opened = rustix::fs::open(&path, flags, Mode::empty()).map_err(io::Error::from);
            let mut source = fs::File::from(opened.map_err(|cause| files::cannot("read", &path, &cause))?);
            let mut copied = files::Strides::create(&target)?;
            io::copy(&mut source, &mut copied)?;
        } else {
            return Err(Error::Conflict(format!("{} is no plain file.", path.display())));
        }
    }
    Ok(())
}

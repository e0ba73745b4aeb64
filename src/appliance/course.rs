//! The course of a company, from outside: made, suspended, renamed, taken in, removed. Each by a [`Steward`] who was
//! granted exactly that; each told in the company's own trail and in that of the operator's compartment; each so that a
//! crash in the middle leaves what the next opening or the next start ends, or what says itself what to do.

use super::{
    keys,
    registry::{Appliance, NewCompany, PARTS},
};
use crate::{
    base::{
        clock::{self, Moment},
        error::{Error, Result},
        names,
    },
    company::{
        Company,
        access::{
            Event, Limits, Receipt, Steward,
            permissions::{CompanyCreate, CompanyLimit, CompanyRemove, CompanyRename, CompanySuspend, FileKeep},
        },
        standing,
    },
};
use std::{
    fs,
    path::{Path, PathBuf},
};
use uuid::Uuid;

/// In the folder of a company whose removal has begun.
const REMOVING: &str = "removing";

fn spare_the_operators(slug: &str, what: &str) -> Result<()> {
    if slug != names::OPERATOR {
        return Ok(());
    }
    Err(Error::Conflict(format!("The operator's own compartment cannot be {what}.")))
}

fn named(slug: &str) -> Result<String> {
    names::company_slug(slug).map_err(|message| Error::invalid("Slug", message))
}

impl Appliance {
    /// Makes a company with its first administrator. Gives the token of the invitation when no password was given.
    ///
    /// # Errors
    /// `Invalid` by field; `Conflict` when the slug is taken.
    pub fn create(&self, by: &Steward<'_, CompanyCreate>, new: &NewCompany<'_>) -> Result<(Company, Option<String>)> {
        let made = self.make(new)?;
        if !made.0.is_operators() {
            by.tell(Event::new("CompanyCreated").say("The company ").say(made.0.slug()).say(" was created"))?;
        }
        Ok(made)
    }

    /// Suspends a company from its next request on: its people get a 503 that says so, its queued tasks wait, those under
    /// way end by themselves.
    ///
    /// # Errors
    /// `Conflict` for one that is suspended already and for the operator's own.
    pub fn suspend(&self, by: &Steward<'_, CompanySuspend>, slug: &str, why: &str) -> Result<()> {
        spare_the_operators(slug, "suspended")?;
        let company = self.company(slug)?;
        standing::suspend(&by.at(&company).ask(FileKeep {})?, why)?;
        by.tell(
            Event::new("CompanySuspended").say("The company ").say(slug).say(" was suspended").detail("Reason", why),
        )
    }

    /// Lets a suspended company go on.
    ///
    /// # Errors
    /// `Conflict` for one that is not suspended.
    pub fn resume(&self, by: &Steward<'_, CompanySuspend>, slug: &str) -> Result<()> {
        let company = self.company(slug)?;
        standing::resume(&by.at(&company).ask(FileKeep {})?)?;
        by.tell(Event::new("CompanyResumed").say("The company ").say(slug).say(" was resumed"))
    }

    /// Sets what a company may use.
    ///
    /// # Errors
    /// `Invalid` by field.
    pub fn set_limits(&self, by: &Steward<'_, CompanyLimit>, slug: &str, limits: &Limits) -> Result<()> {
        let company = self.company(slug)?;
        let before = standing::set_limits(&by.at(&company).ask(FileKeep {})?, limits)?;
        if before == *limits || company.is_operators() {
            return Ok(());
        }
        let event = Event::new("CompanyLimitsChanged").say("What the company ").say(slug).say(" may use was changed");
        by.tell(event.difference(&before, limits))
    }

    /// Gives a company another slug, and with it other addresses. Its sessions end: their cookies were for the old ones.
    ///
    /// # Errors
    /// `Conflict` when the slug is taken, while tasks are under way, and for the operator's own.
    pub fn rename(&self, by: &Steward<'_, CompanyRename>, slug: &str, to: &str) -> Result<Company> {
        spare_the_operators(slug, "renamed")?;
        by.fresh()?;
        let to = named(to)?;
        let _alone = self.alone()?;
        self.end_move_alone(slug);
        let company = self.company(slug)?;
        if self.folder(&to).exists() {
            return Err(Error::Conflict(format!("There is a company “{to}” already. Choose another slug.")));
        }
        // First the intention in the file, then the folder, then the stamp: whatever a crash leaves says where it was going.
        standing::begin_move(&by.at(&company).ask(FileKeep {})?, &to)?;
        drop(company);
        self.close(slug);
        let moved = self.put(&self.folder(slug), &to);
        if let Err(error) = moved {
            Company::end_move(&self.folder(slug), slug, |id| self.keys().read(id))?;
            return Err(error);
        }
        Company::restamp(&self.folder(&to), &to)?;
        self.move_trail(slug, &to)?;
        let company = self.company(&to)?;
        let event = Event::new("CompanyRenamed").say("The company ").say(slug).say(" was renamed to ").say(&to);
        by.tell(event)?;
        Ok(company)
    }

    /// Removes a company for ever. Its key is destroyed before anything else, so that no copy of its folder gives up a
    /// secret again. The receipt is kept in the data folder too, written before the key goes.
    ///
    /// # Errors
    /// `Conflict` while tasks are under way, and when its file cannot be opened to tell what it was.
    pub fn remove(&self, by: &Steward<'_, CompanyRemove>, slug: &str) -> Result<Receipt> {
        by.fresh()?;
        if slug == names::OPERATOR && by.is_of_pages() {
            return Err(Error::Conflict("The operator's own compartment is removed on the command line only.".into()));
        }
        let _alone = self.alone()?;
        self.end_move_alone(slug);
        let company = self.company(slug).map_err(|error| match error {
            error @ (Error::Unavailable(_) | Error::Fault(_)) => Error::Conflict(format!(
                "{error} What cannot be opened is not removed: restore it from a backup first, or take away its folder {}.",
                self.folder(slug).display()
            )),
            other => other,
        })?;
        let folder = self.folder(slug);
        fs::File::create(folder.join(REMOVING))?.sync_all()?;
        let begun = by.at(&company).ask(FileKeep {}).and_then(|granted| standing::begin_removal(&granted));
        if let Err(error) = begun {
            fs::remove_file(folder.join(REMOVING))?;
            return Err(error);
        }
        let operators = company.is_operators();
        drop(company);
        self.close(slug);
        let receipt = self.end_removal(slug)?;
        if !operators {
            let event = Event::new("CompanyRemoved")
                .say("The company ")
                .say(slug)
                .say(" was removed")
                .detail("Receipt", serde_json::to_value(&receipt)?);
            by.tell(event)?;
        }
        Ok(receipt)
    }

    /// Writes the receipt, destroys the key, then takes the folder away.
    fn end_removal(&self, slug: &str) -> Result<Receipt> {
        let receipt = Company::receipt(&self.folder(slug))?;
        let receipts = self.data().join("receipts");
        keys::make_private_folder(&receipts)?;
        let when = Moment::parse(&receipt.removed).unwrap_or_else(clock::now).compact();
        let text = format!("{}\n", serde_json::to_string_pretty(&receipt)?);
        keys::write_private(&receipts.join(format!("{slug}-{when}.json")), text.as_bytes())?;
        // A company restored under another slug beside this one is sealed with the same key.
        if self.slug_of(&receipt.id, slug)?.is_none() {
            self.keys().destroy(&receipt.id)?;
        }
        self.forget_trail(slug)?;
        let gone = self.data().join("companies").join(format!(".removed-{}", Uuid::now_v7()));
        fs::rename(self.folder(slug), &gone)?;
        fs::File::open(self.data().join("companies"))?.sync_all()?;
        fs::remove_dir_all(&gone)?;
        Ok(receipt)
    }

    /// The slug of another company that carries this id.
    fn slug_of(&self, id: &str, except: &str) -> Result<Option<String>> {
        let carries = |slug: &String| {
            slug != except && Company::label(&self.folder(slug)).is_ok_and(|label| label.id.eq_ignore_ascii_case(id))
        };
        Ok(self.slugs()?.into_iter().find(carries))
    }

    /// Takes in a company's folder: one that lies among the companies under a name that is not its own, or one from
    /// elsewhere, which is copied and left as it is. `slug` is what it shall be called; without one it keeps its own.
    ///
    /// # Errors
    /// `Conflict` when it is no company's folder, when its key is not here, when the slug is taken, and when the very
    /// company it is a copy of is here.
    pub fn adopt(&self, by: &Steward<'_, CompanyCreate>, folder: &Path, slug: Option<&str>) -> Result<Company> {
        let _alone = self.alone()?;
        let (from, inside) = self.found(folder)?;
        let label = Company::label(&from).map_err(|error| match error {
            Error::Unavailable(sentence) => Error::Conflict(format!("{}: {sentence}", folder.display())),
            Error::Fault(fault) => Error::Conflict(fault.to_string()),
            other => other,
        })?;
        let slug = match slug {
            None if label.slug == names::OPERATOR => names::OPERATOR.to_owned(),
            Some(names::OPERATOR) if label.slug == names::OPERATOR => names::OPERATOR.to_owned(),
            wished => named(wished.unwrap_or(&label.slug))?,
        };
        let here = inside.as_deref() == Some(slug.as_str());
        if self.folder(&slug).exists() && !here {
            return Err(Error::Conflict(format!(
                "There is a company “{slug}” already. Choose another slug with --as."
            )));
        }
        if here && label.slug == slug && self.company(&slug).is_ok() {
            return Err(Error::Conflict(format!(
                "The company “{slug}” is where it belongs. There is nothing to take in."
            )));
        }
        if let Some(other) = self.slug_of(&label.id, inside.as_deref().unwrap_or_default())? {
            return Err(Error::Conflict(format!(
                "This is a copy of the company “{other}”, which is here. Remove one of the two first, or restore a backup under another slug."
            )));
        }
        self.keys().read(&label.id).map_err(|_| {
            Error::Conflict(
                "The key of this company is not on this machine. A backup carries it: restore that instead.".into(),
            )
        })?;
        match &inside {
            Some(name) => {
                self.close(name);
                Company::restamp(&from, &slug)?;
                if !here {
                    self.put(&from, &slug)?;
                }
            }
            None => {
                let aside = self.data().join("companies").join(format!(".adopt-{}", Uuid::now_v7()));
                let copied = copy(&from, &aside).and_then(|()| {
                    Company::restamp(&aside, &slug)?;
                    self.put(&aside, &slug)
                });
                if let Err(error) = copied {
                    let _ = fs::remove_dir_all(&aside);
                    return Err(error);
                }
            }
        }
        let place = self.folder(&slug);
        for part in PARTS {
            keys::make_private_folder(&place.join(part))?;
        }
        // Unfinished tasks of the moment it was taken away are looked at.
        fs::write(place.join("pending"), b"")?;
        self.forget_trail(&slug)?;
        let company = self.company(&slug)?;
        standing::adopted(&by.at(&company).ask(FileKeep {})?, &label.slug)?;
        if !company.is_operators() {
            by.tell(Event::new("CompanyAdopted").say("The company ").say(&slug).say(" was taken in"))?;
        }
        Ok(company)
    }

    /// Where the folder is that was meant, and its name when it lies among the companies.
    fn found(&self, folder: &Path) -> Result<(PathBuf, Option<String>)> {
        let companies = self.data().join("companies");
        let missing = || Error::Conflict(format!("There is no folder {}.", folder.display()));
        let meant = if folder.is_dir() { folder.to_owned() } else { companies.join(folder) };
        let meant = fs::canonicalize(&meant).map_err(|_| missing())?;
        if !meant.is_dir() {
            return Err(missing());
        }
        let inside = meant.parent() == Some(fs::canonicalize(&companies)?.as_path());
        let name = meant.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        Ok((meant, name.filter(|_| inside)))
    }

    /// The folders among the companies that hold another company than they are called by, with the slug of that: what
    /// the operator can take in.
    pub fn misplaced(&self) -> Result<Vec<(String, String)>> {
        let mut found = Vec::new();
        for slug in self.slugs()? {
            if let Ok(label) = Company::label(&self.folder(&slug))
                && label.slug != slug
                && label.moving_to.as_deref() != Some(&slug)
            {
                found.push((slug, label.slug));
            }
        }
        Ok(found)
    }

    /// Ends what a crash left of a move. Whether there was anything to end.
    pub(super) fn end_move(&self, slug: &str) -> bool {
        let Some(_alone) = self.alone_at_once() else { return false };
        self.end_move_alone(slug)
    }

    fn end_move_alone(&self, slug: &str) -> bool {
        match Company::end_move(&self.folder(slug), slug, |id| self.keys().read(id)) {
            Ok(ended) => ended,
            Err(error) => {
                tracing::debug!(company = slug, %error, "a company's file could not be looked at");
                false
            }
        }
    }

    /// Ends what a crash left of making, taking in and removing companies. At every start; what fails is said in the log.
    pub(super) fn mend(&self) {
        let Some(_alone) = self.alone_at_once() else { return };
        if let Err(error) = self.mend_alone() {
            tracing::error!(%error, "what a crash left of making or removing a company could not be ended");
        }
    }

    fn mend_alone(&self) -> Result<()> {
        for entry in fs::read_dir(self.data().join("companies"))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if [".new-", ".adopt-", ".removed-"].iter().any(|unfinished| name.starts_with(unfinished)) {
                fs::remove_dir_all(entry.path())?;
            } else if entry.path().join(REMOVING).exists() {
                let label = Company::label(&entry.path())?;
                if label.removed {
                    tracing::warn!(company = name, "the removal of a company was interrupted and is ended now");
                    self.end_removal(&name)?;
                } else {
                    fs::remove_file(entry.path().join(REMOVING))?;
                }
            }
        }
        Ok(())
    }
}

/// Copies plain files and folders; anything else is refused.
fn copy(from: &Path, to: &Path) -> Result<()> {
    keys::make_private_folder(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&entry.path(), &target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), &target)?;
        } else {
            return Err(Error::Conflict(format!("{} is no plain file.", entry.path().display())));
        }
    }
    Ok(())
}

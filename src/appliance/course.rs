//! The course of a company, from outside: made, suspended, renamed, taken in, removed. Each by a [`Steward`] who was
//! granted exactly that; each told in the company's own trail and in that of the operator's compartment; each so that a
//! crash in the middle leaves what the next opening or the next start ends, or what says itself what to do.

use super::{
    aside::{self, Aside},
    backup, files,
    found::NewCompany,
    registry::Appliance,
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
        people::invitations,
        standing,
    },
};
use serde::Serialize;
use std::{fs, path::PathBuf};

/// In the folder of a company whose removal has begun.
const REMOVING: &str = "removing";

/// What proves that a company was removed, and what is left of it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Removed {
    /// What it was.
    #[serde(flatten)]
    pub receipt: Receipt,
    /// Whether its key was destroyed.
    pub key_destroyed: bool,
    /// The company that is sealed with the same key, for which the key was kept.
    pub key_kept_for: Option<String>,
    /// Backups that were taken here and are still where they were put: each carries the key, and brings the company back on
    /// a machine with this master key.
    pub backups: Vec<PathBuf>,
}

fn spare_the_operators(slug: &str, what: &str) -> Result<()> {
    if slug != names::OPERATOR {
        return Ok(());
    }
    Err(Error::Conflict(format!("The operator's own compartment cannot be {what}.")))
}

pub(super) fn named(slug: &str) -> Result<String> {
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

    /// Invites the first administrator of a company again, while nobody of it has accepted an invitation. Gives the token.
    ///
    /// # Errors
    /// `Conflict` when somebody has.
    pub fn invite_again(&self, by: &Steward<'_, CompanyCreate>, slug: &str) -> Result<(Company, String)> {
        let company = self.company(slug)?;
        let token = invitations::first_again(&by.at(&company).ask(FileKeep {})?)?;
        if !company.is_operators() {
            let event = Event::new("Modified").say("The first administrator of the company ").say(company.slug());
            by.tell(event.say(" was invited again"))?;
        }
        Ok((company, token))
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
        self.change_limits(by, slug, |present| {
            *present = *limits;
            Ok(())
        })
        .map(drop)
    }

    /// As [`Appliance::set_limits`], for a change of some of them: it is made to what they are at that moment. Gives what
    /// they are then.
    ///
    /// # Errors
    /// `Invalid` by field; those of `change`.
    pub fn change_limits(
        &self,
        by: &Steward<'_, CompanyLimit>,
        slug: &str,
        change: impl FnOnce(&mut Limits) -> Result<()>,
    ) -> Result<Limits> {
        let company = self.company(slug)?;
        let (before, after) = standing::change_limits(&by.at(&company).ask(FileKeep {})?, change)?;
        if before != after && !company.is_operators() {
            let event = Event::new("CompanyLimitsChanged").say("What the company ").say(slug);
            by.tell(event.say(" may use was changed").difference(&before, &after))?;
        }
        Ok(after)
    }

    /// Gives a company another slug, and with it other addresses. Its sessions end: their cookies were for the old ones.
    ///
    /// # Errors
    /// `Conflict` when the slug is taken, while tasks are under way, and for the operator's own.
    pub fn rename(&self, by: &Steward<'_, CompanyRename>, slug: &str, to: &str) -> Result<Company> {
        spare_the_operators(slug, "renamed")?;
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
        // While the file still says where it comes from: a crash in between is ended with it.
        self.move_trail(slug, &to)?;
        self.move_hosts(slug, Some(&to))?;
        Company::restamp(&self.folder(&to), &to)?;
        self.note_renaming(slug, &to)?;
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
    pub fn remove(&self, by: &Steward<'_, CompanyRemove>, slug: &str) -> Result<Removed> {
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
    fn end_removal(&self, slug: &str) -> Result<Removed> {
        let receipt = Company::receipt(&self.folder(slug))?;
        // A company restored under another slug beside this one is sealed with the same key.
        let key_kept_for = self.slug_of(&receipt.id, slug)?;
        let backups = backup::left(self.data(), &receipt.id);
        let removed = Removed { key_destroyed: key_kept_for.is_none(), key_kept_for, backups, receipt };
        let receipts = self.data().join("receipts");
        files::make_private_folder(&receipts)?;
        let when = Moment::parse(&removed.receipt.removed).unwrap_or_else(clock::now).compact();
        let text = format!("{}\n", serde_json::to_string_pretty(&removed)?);
        files::write_private(&receipts.join(format!("{slug}-{when}.json")), text.as_bytes())?;
        if removed.key_destroyed {
            self.keys().destroy(&removed.receipt.id)?;
        }
        self.forget_trail(slug)?;
        self.move_hosts(slug, None)?;
        let companies = self.data().join("companies");
        let gone = Aside::to_remove(self.data(), &companies)?;
        fs::rename(self.folder(slug), gone.path())?;
        files::sync_folder(&companies)?;
        drop(gone);
        Ok(removed)
    }

    /// The slug of another company that carries this id. Where its key is not here, there is none.
    pub(super) fn slug_of(&self, id: &str, except: &str) -> Result<Option<String>> {
        if !self.keys().has(id) {
            return Ok(None);
        }
        let carries = |slug: &String| {
            slug != except && Company::glance(&self.folder(slug)).is_ok_and(|seen| seen.id.eq_ignore_ascii_case(id))
        };
        Ok(self.slugs()?.into_iter().find(carries))
    }

    /// Ends what a crash left of a move. Whether there was anything to end.
    pub(super) fn end_move(&self, slug: &str) -> bool {
        let Some(_alone) = self.alone_at_once() else { return false };
        self.end_move_alone(slug)
    }

    fn end_move_alone(&self, slug: &str) -> bool {
        let seen = Company::glance(&self.folder(slug)).ok();
        let came = seen.filter(|seen| seen.moving_to.as_deref() == Some(slug));
        // Its word outside goes first: the file says where it comes from only until the move has ended.
        let gone_along = came.map_or(Ok(()), |seen| {
            self.move_trail(&seen.slug, slug).and_then(|()| self.move_hosts(&seen.slug, Some(slug)))
        });
        let end = || Company::end_move(&self.folder(slug), slug, |id| self.keys().read(id));
        match gone_along.and_then(|()| end()) {
            Ok(ended) => ended,
            Err(error) => {
                tracing::debug!(company = slug, %error, "a company's file could not be looked at");
                false
            }
        }
    }

    /// Ends what a crash left of making, taking in and removing companies. At every start; what fails is said in the log.
    pub(super) fn mend(&self) {
        aside::sweep(self.data());
        let Some(_alone) = self.alone_at_once() else { return };
        if let Err(error) = self.mend_alone() {
            tracing::error!(%error, "what a crash left of making or removing a company could not be ended");
        }
    }

    fn mend_alone(&self) -> Result<()> {
        for folder in ["", "keys", "receipts"] {
            files::sweep(&self.data().join(folder));
        }
        self.sweep_trails();
        for entry in fs::read_dir(self.data().join("companies"))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !entry.path().join(REMOVING).exists() {
                Company::tidy(&entry.path());
                continue;
            }
            // What cannot be ended keeps nothing else from its end.
            if let Err(error) = self.end_begun_removal(&name) {
                tracing::error!(company = name, %error, "a removal that was interrupted could not be ended");
            }
        }
        Ok(())
    }

    fn end_begun_removal(&self, slug: &str) -> Result<()> {
        let folder = self.folder(slug);
        if Company::label(&folder)?.removed {
            tracing::warn!(company = slug, "the removal of a company was interrupted and is ended now");
            self.end_removal(slug).map(drop)
        } else {
            Ok(fs::remove_file(folder.join(REMOVING))?)
        }
    }
}

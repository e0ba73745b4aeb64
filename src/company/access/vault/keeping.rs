//! When the trail is signed: every so many events, within a minute after a change of access, an hour after anything else,
//! and whenever the company is closed. And whether it is whole.

use super::{Company, Vault};
use crate::{
    base::{
        clock::{HOUR, Moment},
        error::{Error, FaultKind, Result},
    },
    company::access::trail::{self, Archive, Checkpoint, Finding, Stamp, Verified, tally},
    store::{copy, migrate},
};
use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::atomic::Ordering,
};

/// A checkpoint is written after so long, when there is anything new.
const CHECKPOINT_AFTER: i64 = HOUR;

/// Which file lies at a path.
pub(super) fn which(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|about| (about.dev(), about.ino()))
}

impl Company {
    /// Keeps outside the company's folder, in this file, how far its trail had come when it was last signed, and compares
    /// the two now: what is missing is told in the trail and in the log, and goes on not to verify. For whoever opens the
    /// company where it belongs.
    pub fn keep_outside(&self, file: PathBuf) {
        let file = self.0.outside.get_or_init(|| file);
        let behind = self.snapshot().and_then(|view| trail::behind(&view.0, self.0.seal.signer(), file));
        match behind {
            Ok(None) => {}
            Ok(Some((_, what))) => {
                tracing::error!(company = self.slug(), what, "the trail does not go on where it ended");
                self.0.sign_now();
            }
            Err(error) => {
                tracing::error!(company = self.slug(), %error, "how far the trail had come could not be compared");
            }
        }
    }

    /// Signs after every so many events.
    pub(super) fn sign_when_due(&self, last: i64) -> Result<()> {
        if last == 0 {
            return Ok(());
        }
        self.0.unsigned.store(true, Ordering::Relaxed);
        // One caller signs; the others go on, and what they wrote is signed with it or with the next.
        if last - self.signed_to()? >= trail::EVERY && !self.0.signing.swap(true, Ordering::Acquire) {
            self.0.sign_now();
            self.0.signing.store(false, Ordering::Release);
        }
        Ok(())
    }

    fn signed_to(&self) -> Result<i64> {
        let known = self.0.signed_to.load(Ordering::Relaxed);
        if known >= 0 {
            return Ok(known);
        }
        let last = trail::last_checkpoint(&self.0.folder)?.map_or(0, |last| last.event);
        self.0.signed_to.fetch_max(last, Ordering::Relaxed);
        Ok(last)
    }

    /// Writes a checkpoint of the trail, when there is anything new.
    pub(in crate::company) fn write_checkpoint(&self) -> Result<Option<Checkpoint>> {
        self.0.write_checkpoint()
    }

    /// Signs the trail of a company that was put back or taken in, with the event that tells so.
    pub(in crate::company) fn sign_put_back(&self) -> Result<()> {
        self.write_checkpoint().map(drop)
    }

    /// The checkpoints after a number, each with its line.
    pub(in crate::company) fn checkpoints_after(&self, number: i64) -> Result<Vec<(Checkpoint, String)>> {
        trail::checkpoints_after(&self.0.folder, number)
    }

    /// The last checkpoint there is.
    pub(in crate::company) fn last_checkpoint(&self) -> Result<Option<Checkpoint>> {
        trail::last_checkpoint(&self.0.folder)
    }

    /// Looks after the trail: tells what was counted, and writes a checkpoint when there is anything new and it ends, it
    /// concerns who may do what, or the last one is an hour old. Gives when to look again, if there is something that no
    /// checkpoint covers yet.
    pub(in crate::company) fn keep_trail(&self, now: Moment, ending: bool) -> Result<Option<Moment>> {
        if !self.0.looked_back.swap(true, Ordering::Relaxed) {
            for told in tally::left_behind(&self.snapshot()?.0)? {
                self.tell_of(told);
            }
        }
        self.tell_counted((!ending).then_some(now));
        if ending || self.0.uses.due(now) {
            self.write_uses(now)?;
        }
        self.0.tally.put_down(&self.0.store)?;
        let last = trail::last_checkpoint(&self.0.folder)?;
        let (covered, at) = last.map_or((0, Moment(0)), |last| (last.event, last.at));
        let (end, access) = {
            let view = self.snapshot()?;
            (trail::end(&view.0, self.0.seal.signer())?, trail::touches_access(&view.0, covered)?)
        };
        if end.event <= covered {
            return Ok(None);
        }
        let due = at.plus(CHECKPOINT_AFTER);
        // A clock that was put back does not put off what is due.
        if ending || access || due <= now || at > now {
            self.write_checkpoint()?;
            return Ok(None);
        }
        Ok(Some(due))
    }

    /// Puts the oldest day of the trail into an archive, if all of it lies before a moment.
    pub(in crate::company) fn archive_day(&self, stamp: &Stamp, before: Moment) -> Result<Option<Archive>> {
        trail::archive::oldest_day(&self.0.folder, &self.0.store, self.0.seal.signer(), stamp, before)
    }

    /// Checks the file and the trail: against its own checkpoints, against what is kept outside its folder, and against
    /// checkpoints kept elsewhere; then its schema. `Ok(Err(finding))` says what is wrong.
    pub(in crate::company) fn verify(
        &self,
        elsewhere: Option<&Path>,
    ) -> Result<std::result::Result<Verified, Finding>> {
        match copy::check(self.0.store.path()) {
            Ok(()) => {}
            Err(error @ (Error::Conflict(_) | Error::Internal(_))) => {
                return Ok(Err(Finding { event: None, what: error.to_string() }));
            }
            // What cannot be read is not called damaged.
            Err(Error::Fault(fault)) if fault.kind == FaultKind::Damaged => {
                return Ok(Err(Finding { event: None, what: fault.to_string() }));
            }
            Err(error) => return Err(error),
        }
        let view = self.snapshot()?;
        let signer = self.0.seal.signer();
        let found = trail::verify(&view.0, &self.0.folder, signer, elsewhere)?;
        let Ok(verified) = found else { return Ok(found) };
        if let Some(file) = self.0.outside.get()
            && let Some((event, what)) = trail::behind(&view.0, signer, file)?
        {
            return Ok(Err(Finding { event: Some(event), what }));
        }
        if let Some(difference) = migrate::difference(&view.0)? {
            let what = format!("its structure was changed by hand: {difference}");
            return Ok(Err(Finding { event: None, what }));
        }
        Ok(Ok(verified))
    }

    /// The public half of the key that signs the trail, in hex, and its fingerprint.
    pub fn signing_key(&self) -> (String, String) {
        let signer = self.0.seal.signer();
        (data_encoding::HEXLOWER.encode(&signer.public()), signer.fingerprint())
    }
}

impl Vault {
    fn write_checkpoint(&self) -> Result<Option<Checkpoint>> {
        let trail = trail::Trail {
            folder: &self.folder,
            store: &self.store,
            signer: self.seal.signer(),
            outside: self.outside.get().map(PathBuf::as_path),
        };
        let still_here = || self.file.is_some() && which(self.store.path()) == self.file;
        let told = self.unsigned.swap(false, Ordering::Relaxed);
        let written = trail::write_checkpoint(&trail, still_here)
            .inspect_err(|_| self.unsigned.store(told, Ordering::Relaxed))?;
        match &written {
            Some(written) => drop(self.signed_to.fetch_max(written.event, Ordering::Relaxed)),
            // Another process may have had the file: closing tries again.
            None => self.unsigned.store(told, Ordering::Relaxed),
        }
        Ok(written)
    }

    /// The change stands whatever becomes of its checkpoint: the next one covers it too.
    pub(super) fn sign_now(&self) {
        if let Err(error) = self.write_checkpoint() {
            super::failed(&self.slug, &error, "a checkpoint of the trail could not be written");
        }
    }
}

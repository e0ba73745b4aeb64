//! How far each company's trail had come when it was last signed: one small file per company, outside its folder. It goes
//! where the company goes. Whoever puts a company back on purpose has it forgotten first: the trail of a copy ends earlier.

use super::registry::Appliance;
use crate::base::error::Result;
use std::{fs, io::ErrorKind, path::PathBuf};

/// The folder of these files, in the data folder.
pub(super) const FOLDER: &str = "trails";

impl Appliance {
    /// Where it is kept how far a company's trail had come.
    pub(super) fn trail_of(&self, slug: &str) -> PathBuf {
        self.data().join(FOLDER).join(format!("{slug}.json"))
    }

    /// Forgets how far the trail of this company had come: before another state of it is put in its place on purpose,
    /// and when it is removed. What is put there is signed at once, which writes it down anew.
    pub(super) fn forget_trail(&self, slug: &str) -> Result<()> {
        match fs::remove_file(self.trail_of(slug)) {
            Err(cause) if cause.kind() != ErrorKind::NotFound => Err(cause.into()),
            _ => self.sync_trails(),
        }
    }

    /// The company has another slug now. Where nothing is kept, it went along before a crash, or never was: what another
    /// company left under that slug says nothing of this one.
    pub(super) fn move_trail(&self, from: &str, to: &str) -> Result<()> {
        match fs::rename(self.trail_of(from), self.trail_of(to)) {
            Err(cause) if cause.kind() != ErrorKind::NotFound => Err(cause.into()),
            _ => self.sync_trails(),
        }
    }

    /// Removes what a signing left that was killed: a file that is not written to its end and that nobody holds.
    pub(super) fn sweep_trails(&self) {
        let Ok(entries) = fs::read_dir(self.data().join(FOLDER)) else { return };
        for path in
            entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "new"))
        {
            let left = fs::File::open(&path).is_ok_and(|file| file.try_lock().is_ok());
            if left && let Err(cause) = fs::remove_file(&path) {
                tracing::warn!(file = %path.display(), %cause, "what a signing left could not be removed");
            }
        }
    }

    fn sync_trails(&self) -> Result<()> {
        Ok(fs::File::open(self.data().join(FOLDER))?.sync_all()?)
    }
}

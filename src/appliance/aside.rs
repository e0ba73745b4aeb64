//! What is built or taken apart aside: a place that is not a company yet, or not any more. It comes into its place, or goes
//! away, by one renaming; what a crash leaves of it is removed at the next start.
//!
//! Each has a note in `<data>/unfinished`, written before the place is made and locked for as long as its maker lives. A
//! note that nobody holds is that of a maker who died: [`sweep`] removes the place, wherever it is, and then the note.

use super::{files, keys};
use crate::base::error::{FaultKind, Result};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::{Read, Seek, SeekFrom, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};
use uuid::Uuid;

/// The folder of the notes.
const NOTES: &str = "unfinished";

/// A place that nobody else knows. When this is dropped, what is in it is removed.
pub(super) struct Aside {
    data: PathBuf,
    place: PathBuf,
    /// Its note, held; without one on a data folder that has no room for it.
    note: Option<(PathBuf, fs::File)>,
    about: About,
}

/// A line of a note; the last whole line counts.
#[derive(Clone, Serialize, Deserialize)]
struct About {
    place: PathBuf,
    /// Device and number of the folder that was made. Another one in its place was put there by an exchange.
    made: Option<(u64, u64)>,
    /// The key that was made for what is built, and is worth nothing without it.
    key: Option<String>,
}

impl Aside {
    /// A new, private, empty folder in `parent`.
    pub fn folder(data: &Path, parent: &Path) -> Result<Aside> {
        Aside::of(data, parent.join(format!(".unfinished-{}", Uuid::now_v7())))?.made()
    }

    /// As [`Aside::folder`], also where the data folder has no room for a note: what is made elsewhere needs none of it.
    pub fn folder_elsewhere(data: &Path, parent: &Path) -> Result<Aside> {
        match Aside::folder(data, parent) {
            Err(error) if error.as_fault().is_some_and(|fault| fault.kind == FaultKind::Full) => {
                let place = std::path::absolute(parent.join(format!(".unfinished-{}", Uuid::now_v7())))?;
                let about = About { place: place.clone(), made: None, key: None };
                Aside { data: data.to_owned(), place, note: None, about }.made()
            }
            made => made,
        }
    }

    fn made(mut self) -> Result<Aside> {
        let aside = &mut self;
        files::make_private_folder(&aside.place)?;
        let about = fs::symlink_metadata(&aside.place)?;
        aside.about.made = Some((about.dev(), about.ino()));
        aside.write()?;
        Ok(self)
    }

    /// A place that something is about to be moved to, to be removed there.
    pub fn to_remove(data: &Path, parent: &Path) -> Result<Aside> {
        Aside::of(data, parent.join(format!(".removed-{}", Uuid::now_v7())))
    }

    fn of(data: &Path, place: PathBuf) -> Result<Aside> {
        let notes = data.join(NOTES);
        files::make_private_folder(&notes)?;
        // By its whole path: whoever sweeps may stand somewhere else.
        let place = std::path::absolute(place)?;
        let about = About { place: place.clone(), made: None, key: None };
        loop {
            let note = notes.join(format!("{}.json", Uuid::now_v7()));
            let held = fs::OpenOptions::new().read(true).append(true).create_new(true).mode(0o600).open(&note)?;
            held.lock()?;
            // Who sweeps may have taken it for one that was left, between the two.
            if fs::symlink_metadata(&note).is_ok_and(|there| held.metadata().is_ok_and(|own| own.ino() == there.ino()))
            {
                let mut aside = Aside { data: data.to_owned(), place, note: Some((note, held)), about };
                aside.write()?;
                files::sync_folder(&notes)?;
                return Ok(aside);
            }
        }
    }

    fn write(&mut self) -> Result<()> {
        let Some((_, held)) = &mut self.note else { return Ok(()) };
        held.write_all(format!("{}\n", serde_json::to_string(&self.about)?).as_bytes())?;
        Ok(held.sync_all()?)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.place
    }

    /// The key of this company goes with what is built here, if that does not come into its place. Said before it is made.
    pub fn with_key(&mut self, company: &str) -> Result<()> {
        self.about.key = Some(company.to_owned());
        self.write()
    }

    /// What was built here stands in its place now, with its key; what is here instead, if anything, is removed.
    pub fn moved(mut self) {
        self.about.key = None;
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        match clear(&self.data, &self.about) {
            Ok(()) => {
                if let Some((note, _)) = &self.note
                    && let Err(cause) = fs::remove_file(note)
                {
                    tracing::warn!(%cause, "a note of what was unfinished could not be removed");
                }
            }
            Err(error) => tracing::error!(%error, "what is left is removed at the next start"),
        }
    }
}

/// The key first: once the place is gone, nothing tells any more that the key was made for it.
fn clear(data: &Path, about: &About) -> Result<()> {
    let there = fs::symlink_metadata(&about.place).ok().map(|there| (there.dev(), there.ino()));
    if let Some(key) = about.key.as_deref().filter(|_| there.is_some() && there == about.made) {
        keys::destroy(data, key)?;
    }
    files::remove(&about.place)
}

/// Removes what makers left who died. What cannot be removed is said in the log, and the rest goes on.
pub(super) fn sweep(data: &Path) {
    let Ok(notes) = fs::read_dir(data.join(NOTES)) else { return };
    for note in notes.flatten().map(|entry| entry.path()) {
        if let Err(error) = end(data, &note) {
            tracing::error!(note = %note.display(), %error, "what a crash left could not be removed");
        }
    }
}

fn end(data: &Path, note: &Path) -> Result<()> {
    // Gone meanwhile: its maker ended by itself.
    let Ok(mut file) = fs::File::open(note) else { return Ok(()) };
    if file.try_lock().is_err() {
        return Ok(());
    }
    let mut text = String::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_string(&mut text)?;
    if let Some(about) = text.lines().filter_map(|line| serde_json::from_str::<About>(line).ok()).next_back() {
        if fs::symlink_metadata(&about.place).is_ok() {
            tracing::warn!(place = %about.place.display(), "what a crash left is removed");
        }
        clear(data, &about)?;
    }
    Ok(fs::remove_file(note)?)
}

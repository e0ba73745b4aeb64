//! Files and folders of the appliance: private to their owner, whole or not there, moved in one step.

use crate::base::error::{Error, Fault, Result};
use rustix::{
    fs::{CWD, RenameFlags, renameat_with},
    io::Errno,
};
use std::{
    fs,
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// A new private file that goes to the disk as it is written, never more than [`STRIDE`] bytes at once: a company whose
/// commit waits for the same disk waits for no more than that.
pub(super) struct Strides {
    file: fs::File,
    unsynced: usize,
}

/// 4 MiB.
const STRIDE: usize = 4 << 20;

impl Strides {
    /// Makes a file that is not there yet.
    pub fn create(path: &Path) -> std::io::Result<Strides> {
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        Ok(Strides { file, unsynced: 0 })
    }
    /// The file. Its last bytes are not on the disk yet.
    pub fn into_inner(self) -> fs::File {
        self.file
    }
}

impl Write for Strides {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let most = bytes.len().min(STRIDE);
        let written = self.file.write(bytes.get(..most).unwrap_or(bytes))?;
        self.unsynced += written;
        if self.unsynced >= STRIDE {
            self.file.sync_data()?;
            self.unsynced = 0;
        }
        Ok(written)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Makes a folder that only its owner can enter.
pub(super) fn make_private_folder(path: &Path) -> Result<()> {
    if !path.is_dir() {
        fs::DirBuilder::new().mode(0o700).recursive(true).create(path).map_err(|cause| cannot("made", path, &cause))?;
    }
    Ok(())
}

/// Brings the names in a folder to the disk.
pub(super) fn sync_folder(folder: &Path) -> Result<()> {
    Ok(fs::File::open(folder)?.sync_all()?)
}

/// Writes a file that only its owner can read; whole or not at all.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let aside = write_aside(path, bytes)?;
    settle(path, fs::rename(&aside, path).map_err(Error::from).inspect_err(|_| forget(&aside)))
}

/// As [`write_private`], but never over a file that is there. Whether it was written.
pub(super) fn write_new_private(path: &Path, bytes: &[u8]) -> Result<bool> {
    let aside = write_aside(path, bytes)?;
    match rename_new(&aside, path) {
        Ok(()) => settle(path, Ok(())).map(|()| true),
        Err(Errno::EXIST) => {
            forget(&aside);
            Ok(false)
        }
        Err(cause) => {
            forget(&aside);
            Err(std::io::Error::from(cause).into())
        }
    }
}

/// The bytes in a file beside `path` whose name nobody else uses.
fn write_aside(path: &Path, bytes: &[u8]) -> Result<PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let aside = path.with_file_name(format!(".{name}.{}", uuid::Uuid::now_v7()));
    let written = || -> std::io::Result<()> {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    match written() {
        Ok(()) => Ok(aside),
        Err(cause) => {
            forget(&aside);
            Err(cannot("written", path, &cause))
        }
    }
}

/// Removes from a folder what [`write_private`] left there when it was killed. Only while nobody else can be writing there.
pub(super) fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let unfinished = name.strip_prefix('.').and_then(|rest| rest.rsplit_once('.'));
        if unfinished.is_some_and(|(_, id)| uuid::Uuid::parse_str(id).is_ok()) {
            forget(&entry.path());
        }
    }
}

fn settle(path: &Path, moved: Result<()>) -> Result<()> {
    moved?;
    path.parent().map_or(Ok(()), sync_folder)
}

fn forget(aside: &Path) {
    // It may never have been made.
    let _ = fs::remove_file(aside);
}

/// Renames, never onto something that is there: `EEXIST` then.
pub(super) fn rename_new(from: &Path, to: &Path) -> std::result::Result<(), Errno> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // A file system that cannot do it in one step.
        Err(Errno::INVAL | Errno::NOSYS) => match to.symlink_metadata() {
            Ok(_) => Err(Errno::EXIST),
            Err(_) => rustix::fs::rename(from, to),
        },
        // A folder that is there and not empty.
        Err(Errno::NOTEMPTY) => Err(Errno::EXIST),
        other => other,
    }
}

/// Puts two folders each in the other's place, in one step.
///
/// # Errors
/// `Conflict` where the file system cannot do that.
pub(super) fn exchange(one: &Path, other: &Path) -> Result<()> {
    match renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(()),
        Err(Errno::INVAL | Errno::NOSYS) => Err(Error::Conflict(format!(
            "The file system of {} cannot exchange two folders in one step. Remove the company first, then restore without --replace.",
            other.display()
        ))),
        Err(cause) => Err(std::io::Error::from(cause).into()),
    }
}

/// Removes a file, or a folder with all that is in it; of a link also the folder it leads to. What is not there is no error.
pub(super) fn remove(path: &Path) -> Result<()> {
    let gone = |done: std::io::Result<()>| match done {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => Err(cannot("removed", path, &cause)),
        _ => Ok(()),
    };
    let Ok(about) = path.symlink_metadata() else { return Ok(()) };
    if about.is_symlink()
        && let Ok(place) = path.canonicalize()
        && place.is_dir()
    {
        gone(fs::remove_dir_all(place))?;
    }
    gone(if about.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) })
}

/// What could not be done to a file or folder, by whom, and the remedy: for the operator.
pub(super) fn cannot(done: &str, path: &Path, cause: &std::io::Error) -> Error {
    match Fault::of_io(cause) {
        Some(fault) => {
            let user = rustix::process::geteuid().as_raw();
            let cause = format!("it cannot be {done} by user {user}: {cause}");
            Error::Fault(Box::new(Fault { cause, ..fault }.at(path)))
        }
        None => Error::Conflict(format!("{} cannot be {done}: {cause}.", path.display())),
    }
}

//! What stands in the way of opening a company's file, each as what it is: the operator reads path, cause and remedy, the
//! company's people one sentence without them.

use super::{Company, FILE, Label};
use crate::base::error::{Error, Fault, FaultKind, Result};
use rusqlite::Connection;
use rustix::{
    fs::{Access, AtFlags, CWD, accessat},
    io::Errno,
};
use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// The path of the company's file, when there is a file.
///
/// # Errors
/// `Fault` that says what is there instead. A file that cannot be reached is not called missing.
pub(super) fn present(folder: &Path) -> Result<PathBuf> {
    let path = folder.join(FILE);
    match std::fs::metadata(&path) {
        Ok(about) if about.is_file() => {
            beside(&path)?;
            writable(folder, &path)?;
            Ok(path)
        }
        Ok(about) => {
            let what = if about.is_dir() { "a folder" } else { "not a regular file" };
            Err(Error::fault(FaultKind::Foreign, format!("this is {what}, and the company's file belongs here"))
                .at(&path))
        }
        Err(cause) if cause.kind() == ErrorKind::NotFound => {
            Err(Error::fault(FaultKind::Missing, "the company's file is missing").at(&path))
        }
        Err(cause) => match Error::from(cause) {
            Error::Internal(cause) => Err(Error::fault(FaultKind::Foreign, format!("{cause:#}")).at(&path)),
            error => Err(error.at(&path)),
        },
    }
}

/// Its log and the log's index are files, where they are there: SQLite says only that it cannot open something.
fn beside(path: &Path) -> Result<()> {
    for end in ["-wal", "-shm"] {
        let beside = path.with_file_name(format!("{FILE}{end}"));
        if std::fs::symlink_metadata(&beside).is_ok_and(|about| !about.is_file()) {
            let fault =
                Fault::new(FaultKind::Foreign, "this is not a regular file, and the company's log belongs here");
            return Err(Error::Fault(Box::new(fault.at(&beside).remedy("Move it away; the server makes its own."))));
        }
    }
    Ok(())
}

/// Rights to all that a company's file needs. SQLite opens what it may not write for reading alone, and makes the log in the
/// folder only when it is needed: the first change would fail, long after the company was said to be served.
fn writable(folder: &Path, path: &Path) -> Result<()> {
    let file = Access::READ_OK | Access::WRITE_OK;
    let beside = |end: &str| path.with_file_name(format!("{FILE}{end}"));
    let needed = [
        (folder.to_owned(), file | Access::EXEC_OK),
        (path.to_owned(), file),
        (beside("-wal"), file),
        (beside("-shm"), file),
    ];
    for (path, rights) in needed {
        // What is not there yet is made. Anything but missing rights is told by whoever opens it.
        if let Err(cause @ (Errno::ACCESS | Errno::PERM | Errno::ROFS)) = accessat(CWD, &path, rights, AtFlags::EACCESS)
        {
            return Err(Error::from(std::io::Error::from(cause)).at(&path));
        }
    }
    Ok(())
}

/// Whether no log lies beside a file: then the file alone is the whole company.
pub(super) fn stands_alone(path: &Path) -> bool {
    std::fs::metadata(path.with_file_name(format!("{FILE}-wal"))).map_or(true, |about| about.len() == 0)
}

/// A file that is shorter than it says was cut: what is missing would be met only by who needs it.
pub(super) fn whole(path: &Path, connection: &Connection) -> Result<()> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let says = number("page_count")?.saturating_mul(number("page_size")?).unsigned_abs();
    let is = std::fs::metadata(path).map_or(says, |about| about.len());
    if is < says {
        let cause = format!("the file was cut: it has {is} bytes of {says}");
        return Err(Error::fault(FaultKind::Damaged, cause).at(path));
    }
    Ok(())
}

/// A file that belongs to another slug.
pub(super) fn misplaced(folder: &Path, label: &Label, slug: &str) -> Error {
    let cause = format!("this folder holds the company “{}”, not “{slug}”", label.slug);
    let fault = Fault::new(FaultKind::Foreign, cause).at(folder);
    Error::Fault(Box::new(fault.remedy(format!(
        "If it belongs here, take it in with: bulkhead company adopt {slug} --as {slug}. Otherwise move the folder away."
    ))))
}

/// A label without a usable id.
pub(super) fn no_id(folder: &Path) -> Error {
    Error::fault(FaultKind::Damaged, "the company's file carries no valid id").at(&folder.join(FILE))
}

/// A key that opens, and is another's.
pub(super) fn other_key(folder: &Path, label: &Label) -> Error {
    let cause = format!("the key of company {} does not fit its file", label.id);
    Error::fault(FaultKind::Key, cause).at(&folder.join(FILE))
}

/// A file that carries another program's mark.
pub(super) fn not_ours() -> Error {
    Error::fault(FaultKind::Foreign, "this is not a company's file")
}

impl Company {
    /// As [`Company::open`], after a look through the whole file: for one that was closed by damage.
    pub fn open_checked(
        folder: &Path,
        slug: &str,
        key: impl FnOnce(&str) -> Result<Zeroizing<[u8; 32]>>,
    ) -> Result<Company> {
        let company = Company::open(folder, slug, key)?;
        company.vault().store.look()?;
        Ok(company)
    }

    /// What closed it, once somebody met damage: from then on it answers nobody, and is to be opened and checked anew.
    pub fn broken(&self) -> Option<&Fault> {
        self.vault().store.broken()
    }

    /// Its write-ahead log is not beside the file any more, or another one is: what is written now would be lost. Closes
    /// the company to everybody, and folds in what was written so far: the log is still open. Whether that was done.
    pub fn rescue(&self) -> Result<bool> {
        let store = &self.vault().store;
        let fault = Fault::new(FaultKind::Missing, "its write-ahead log was removed or replaced while it was open");
        store.give_up(
            fault.at(store.path()).public("This company's files were changed from outside. Try again in a moment."),
        );
        for _ in 0..8 {
            if store.checkpoint()? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

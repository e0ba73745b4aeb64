//! What stands in the way of opening a company's file, each as what it is: the operator reads path, cause and remedy, the
//! company's people one sentence without them.

use super::{FILE, Label};
use crate::base::error::{Error, Fault, FaultKind, Result};
use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

/// The path of the company's file, when there is a file.
///
/// # Errors
/// `Fault` that says what is there instead. A file that cannot be reached is not called missing.
pub(super) fn present(folder: &Path) -> Result<PathBuf> {
    let path = folder.join(FILE);
    match std::fs::metadata(&path) {
        Ok(about) if about.is_file() => Ok(path),
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

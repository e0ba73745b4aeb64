//! Why something cannot be read or written, said twice: to people without a path, and to the operator with path, cause
//! and remedy.

use std::{
    fmt,
    io::{Error as IoError, ErrorKind},
    path::{Path, PathBuf},
};

/// What kind of fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// The disk is full, or a quota is reached. HTTP 507; everything else is 503.
    Full,
    /// The content of a file is not what was written.
    Damaged,
    /// A file is not where it belongs.
    Missing,
    /// The server's user has no right to a file.
    Denied,
    /// The file system is mounted read-only.
    ReadOnly,
    /// The disk gave an error.
    Device,
    /// The process or the machine has no file handle left.
    Handles,
    /// The file is whole, but is not this company's, or not this program's.
    Foreign,
    /// The key is missing, or does not fit the file.
    Key,
}

/// A fault of the disk or of what is on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind it is.
    pub kind: FaultKind,
    /// For people: what they can expect, without a path.
    pub public: String,
    /// Where, when that is known.
    pub path: Option<PathBuf>,
    /// For the operator: what happened.
    pub cause: String,
    /// For the operator: what to do about it.
    pub remedy: String,
}

/// The end of what people read: whom to ask.
const ASK: &str = "The server's operator can see the reason and the remedy.";

impl Fault {
    /// A fault of this kind with its usual sentences.
    pub fn new(kind: FaultKind, cause: impl fmt::Display) -> Fault {
        let public = match kind {
            FaultKind::Full => {
                return Fault {
                    kind,
                    public: "The server's disk is full, so nothing can be added or changed now. Nothing was lost. Try again later, or ask the server's operator to free some space.".into(),
                    path: None,
                    cause: cause.to_string(),
                    remedy: "Free some space on this disk; the server goes on by itself.".into(),
                };
            }
            FaultKind::Damaged => "This company is closed because its file is damaged.",
            FaultKind::Missing => "This company is closed because one of its files is missing.",
            FaultKind::Denied => "The server has no access to one of its files.",
            FaultKind::ReadOnly => "The server's disk is read-only.",
            FaultKind::Device => "The server's disk reported an error.",
            FaultKind::Handles => "The server has too many files open. Try again in a moment.",
            FaultKind::Foreign => "This company is closed because its file does not fit this server.",
            FaultKind::Key => "This company is closed because its key cannot be used.",
        };
        let remedy = match kind {
            FaultKind::Damaged => {
                "Keep a copy of the folder, then restore the company from a backup: bulkhead restore FILE --replace."
            }
            FaultKind::Missing => "Put the file back, or restore the company from a backup: bulkhead restore FILE.",
            FaultKind::Denied => "Give the server's user read and write access. The file itself need not be restored.",
            FaultKind::ReadOnly => "Mount the file system read-write. The file itself need not be restored.",
            FaultKind::Device => {
                "Look at the disk and the kernel's log first. Then check the company: bulkhead verify SLUG."
            }
            FaultKind::Handles => "Raise the limit of open files for the server (LimitNOFILE= in its unit).",
            FaultKind::Foreign => "Put the right file back.",
            FaultKind::Key => "Put the right key file back; it stands in every backup of the company.",
            FaultKind::Full => "",
        };
        Fault { kind, public: format!("{public} {ASK}"), path: None, cause: cause.to_string(), remedy: remedy.into() }
    }

    /// What an error of a file means, if it is one of the disk or of rights: others are faults of the program.
    pub fn of_io(cause: &IoError) -> Option<Fault> {
        const EIO: i32 = 5;
        const ENFILE: i32 = 23;
        const EMFILE: i32 = 24;
        let kind = match (cause.kind(), cause.raw_os_error()) {
            (ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge, _) => FaultKind::Full,
            (ErrorKind::PermissionDenied, _) => FaultKind::Denied,
            (ErrorKind::ReadOnlyFilesystem, _) => FaultKind::ReadOnly,
            (_, Some(EIO)) => FaultKind::Device,
            (_, Some(ENFILE | EMFILE)) => FaultKind::Handles,
            _ => return None,
        };
        Some(Fault::new(kind, cause))
    }

    /// The same with the place where it was met, unless a nearer place is known already.
    #[must_use]
    pub fn at(mut self, path: &Path) -> Fault {
        self.path.get_or_insert_with(|| path.to_owned());
        self
    }
    /// The same with another remedy.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Fault {
        self.remedy = remedy.into();
        self
    }
    /// The same with other words for people.
    #[must_use]
    pub fn public(mut self, sentence: impl Into<String>) -> Fault {
        self.public = sentence.into();
        self
    }

    /// Whether a company that meets this is closed until its file was looked at again. A full disk ends by itself.
    pub fn closes(&self) -> bool {
        !matches!(self.kind, FaultKind::Full | FaultKind::Handles)
    }
}

/// What the operator reads: path, cause, remedy.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "{}: ", path.display())?;
        }
        let stop = if self.cause.ends_with(['.', '!', '?']) { "" } else { "." };
        write!(f, "{}{stop}", self.cause)?;
        if self.remedy.is_empty() { Ok(()) } else { write!(f, " {}", self.remedy) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::Error;

    /// Findings E2, G8: what the disk says is told as what it is.
    #[test]
    fn an_error_of_a_file_becomes_what_it_is() {
        for (errno, kind) in [
            (28, FaultKind::Full),
            (122, FaultKind::Full),
            (27, FaultKind::Full),
            (13, FaultKind::Denied),
            (1, FaultKind::Denied),
            (30, FaultKind::ReadOnly),
            (5, FaultKind::Device),
            (24, FaultKind::Handles),
        ] {
            let error = Error::from(IoError::from_raw_os_error(errno)).at(Path::new("/srv/acme/company.db"));
            let Error::Fault(fault) = &error else { panic!("{errno}: {error:?}") };
            assert_eq!(fault.kind, kind, "{errno}");
            assert!(!fault.public.contains("/srv") && fault.public.ends_with('.'), "{}", fault.public);
            let told = error.to_string();
            assert!(told.starts_with("/srv/acme/company.db: ") && told.ends_with('.'), "{told}");
        }
        assert!(matches!(Error::from(IoError::from_raw_os_error(2)), Error::Internal(_)), "not there: the caller says");
    }

    #[test]
    fn the_nearest_place_stays() {
        let fault = Fault::new(FaultKind::Damaged, "x").at(Path::new("/near")).at(Path::new("/far"));
        assert_eq!(fault.path.as_deref(), Some(Path::new("/near")));
    }
}

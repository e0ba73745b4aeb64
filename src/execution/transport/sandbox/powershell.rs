//! Where PowerShell is on this server: its packages put it beyond the folders that every script may read, so that its own
//! folder is shown to scripts too.

use super::root::READABLE;
use crate::execution::transport::Syntax;
use std::{
    ffi::OsStr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// Folders of a script's own root folder, and those of people, in which nothing of the server is shown.
const NEVER: &[&str] = &["/dev", "/etc", "/home", "/proc", "/root", "/run", "/step", "/sys", "/tmp", "/var"];

/// The interpreter, as the kernel finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PowerShell {
    program: PathBuf,
}

impl PowerShell {
    /// The program that the operator names.
    ///
    /// # Errors
    /// A sentence for what is no program, or lies where nothing can be shown to scripts.
    pub fn at(file: &Path) -> Result<PowerShell, String> {
        let whole = file.canonicalize().map_err(|cause| format!("{} cannot be found: {cause}.", file.display()))?;
        let runs = whole.metadata().is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0);
        if !file.is_absolute() || !runs {
            return Err(format!("{} is not a program. Give the whole path of pwsh.", file.display()));
        }
        let found = PowerShell { program: whole };
        match found.beyond() {
            Some(folder) if !can_be_shown(folder) => Err(format!(
                "{} lies in {}, which no script is shown. Put PowerShell in a folder of its own below /opt or /usr.",
                file.display(),
                folder.display()
            )),
            _ => Ok(found),
        }
    }

    /// The first that a search path leads to, and that can be shown.
    pub fn found(path: Option<&OsStr>) -> Option<PowerShell> {
        let folders: Vec<PathBuf> = std::env::split_paths(path?).filter(|folder| folder.is_absolute()).collect();
        folders.iter().find_map(|folder| PowerShell::at(&folder.join(Syntax::PowerShell.interpreter())).ok())
    }

    /// Its file.
    pub(super) fn program(&self) -> &Path {
        &self.program
    }
    /// The folder that must be shown to scripts beside those that they all may read.
    pub(super) fn beyond(&self) -> Option<&Path> {
        let readable = READABLE.iter().any(|readable| self.program.starts_with(readable));
        self.program.parent().filter(|_| !readable)
    }
}

/// Whether a folder can be shown: one of its own, with nothing of people or of the system in it.
fn can_be_shown(folder: &Path) -> bool {
    folder.components().count() > 2 && !NEVER.iter().any(|never| folder.starts_with(never))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_where_it_can_be_shown() {
        assert!(PowerShell::at(Path::new("/usr/bin/env")).unwrap().beyond().is_none());
        for wrong in ["/usr/bin", "/usr/bin/no-such", "bin/sh", "/etc/passwd"] {
            assert!(PowerShell::at(Path::new(wrong)).is_err(), "{wrong}");
        }
        for (folder, shown) in
            [("/opt", false), ("/opt/microsoft/powershell/7", true), ("/home/ada/bin", false), ("/", false)]
        {
            assert_eq!(can_be_shown(Path::new(folder)), shown, "{folder}");
        }
        assert_eq!(PowerShell::found(Some(OsStr::new("relative:/no/such"))), None);
    }
}

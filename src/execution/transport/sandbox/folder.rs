//! A run's private folder: made with the script in it, and removed whatever the script has done to it.

use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use super::super::Script;

/// Makes the folder with the script in it, and gives it to the script's own number if it has one.
pub(super) fn prepare(folder: &Path, script: &Script, number: Option<u32>, temporary: bool) -> io::Result<()> {
    let give = |path: &Path| number.map_or(Ok(()), |user| std::os::unix::fs::chown(path, Some(user), Some(user)));
    let path = folder.join(script.syntax.file_name());
    std::fs::DirBuilder::new().mode(0o700).create(folder)?;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    file.write_all(script.text().as_bytes())?;
    give(&path)?;
    if temporary {
        std::fs::DirBuilder::new().mode(0o700).create(folder.join("tmp"))?;
        give(&folder.join("tmp"))?;
    }
    give(folder)
}

/// Removes a private folder, also when the script has taken rights from its parts. Nothing runs in it any more.
pub(super) fn remove(folder: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(fault) if fault.kind() == io::ErrorKind::PermissionDenied => {
            open_up(folder)?;
            std::fs::remove_dir_all(folder)
        }
        done => done,
    }
}

fn open_up(folder: &Path) -> io::Result<()> {
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        // The type of the entry itself: links are not followed.
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

/// Whether a user without rights can get to this folder.
pub(super) fn others_may_pass(folder: &Path) -> bool {
    folder.ancestors().all(|part| part.metadata().is_ok_and(|facts| facts.permissions().mode() & 0o001 != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_rights_is_removed() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("run");
        std::fs::create_dir_all(folder.join("a/b")).unwrap();
        std::fs::write(folder.join("a/b/c"), "x").unwrap();
        std::fs::set_permissions(folder.join("a"), std::fs::Permissions::from_mode(0o000)).unwrap();
        remove(&folder).unwrap();
        assert!(!folder.exists());
    }
}

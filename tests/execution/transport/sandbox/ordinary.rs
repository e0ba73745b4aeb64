//! The same, by a server that is an ordinary user: this program runs its tests of the sandbox again as `nobody`.

use super::*;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;

/// This program and the server's, where nobody can reach them.
pub(super) struct Aside {
    _folder: tempfile::TempDir,
    pub(super) tests: PathBuf,
    pub(super) program: PathBuf,
}

pub(super) fn aside() -> Aside {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let (tests, program) = (folder.path().join("tests"), folder.path().join("bulkhead"));
    for (from, to) in [(std::env::current_exe().unwrap(), &tests), (super::program(), &program)] {
        if std::fs::hard_link(&from, to).is_err() {
            std::fs::copy(&from, to).unwrap();
        }
    }
    Aside { _folder: folder, tests, program }
}

#[test]
fn all_of_this_holds_for_a_server_that_is_an_ordinary_user() {
    if !is_root() {
        return; // it is one, and the others are run by it already
    }
    let aside = aside();
    let done = std::process::Command::new(&aside.tests)
        .args(["execution::transport::sandbox::", "--test-threads", "2"])
        .env("BULKHEAD_TESTS_PROGRAM", &aside.program)
        .env("HOME", "/")
        .env_remove("TMPDIR")
        .current_dir("/")
        .gid(65534)
        .uid(65534)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{said}\n{}", String::from_utf8_lossy(&done.stderr));
    assert!(said.contains("attacks::") && said.contains("layers::"), "{said}");
}

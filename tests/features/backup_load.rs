//! Findings G1 and G3: backups of a company at work, one after the other. BULKHEAD_BACKUPS and BULKHEAD_BACKUP_MEGABYTES say how many and of how
//! much; each is put back, too, where BULKHEAD_EVERY_CALL is set.

use crate::support::busy::Busy;
use std::{fs, path::Path};

fn setting(name: &str, usual: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[test]
fn every_backup_of_a_company_at_work_verifies_and_holds_what_was_acknowledged() {
    let (backups, megabytes) = (setting("BULKHEAD_BACKUPS", 100), setting("BULKHEAD_BACKUP_MEGABYTES", 2));
    let every = if std::env::var_os("BULKHEAD_EVERY_CALL").is_some() { 1 } else { 20 };
    let mut busy = Busy::of_megabytes(megabytes);
    busy.begin();
    let to = tempfile::tempdir().unwrap();
    for number in 0..backups {
        let before = busy.acknowledged();
        let told =
            busy.server.command(&["backup", "harbour", "--to", to.path().to_str().unwrap()]).run().expect_success();
        let file = told.stdout.trim();
        busy.server.command(&["verify", file]).run().expect_success();
        let unpacked = tempfile::tempdir().unwrap();
        tar::Archive::new(fs::File::open(file).unwrap()).unpack(unpacked.path()).unwrap();
        let held = Busy::held(&unpacked.path().join("company.db"));
        assert!(held >= before, "backup {number}: {held} of {before} that were acknowledged before it began");
        let log = fs::read_dir(unpacked.path().join("task-logs")).unwrap().next();
        assert!(log.is_some(), "backup {number} has no log of the step");
        if number % every == 0 {
            let told = busy.server.command(&["restore", file, "--as", "again"]).run().expect_success();
            assert!(told.stderr.contains("have failed") || told.stderr.contains("has failed"), "{}", told.stderr);
            busy.server.command(&["verify", "again"]).run().expect_success();
            busy.server.command(&["company", "remove", "again", "--yes"]).run().expect_success();
        }
        fs::remove_file(Path::new(file)).unwrap();
    }
    println!("{backups} backups of {megabytes} MB; the longest that a change waited: {:?}", busy.worst());
    assert_eq!(fs::read_dir(to.path()).unwrap().count(), 0, "nothing is left beside the backups");
    busy.server.command(&["verify", "--all"]).run().expect_success();
}

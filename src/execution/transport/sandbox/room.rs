//! How much room a run takes on the server's disk: its folder is measured while it runs, and the disk's free space.
//!
//! What a script hides from the measuring (a file that it holds open and has removed, a folder that it has closed) is not
//! counted; the reserve is for that. It promises that a run that goes on writing is noticed within about a second.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::base::names;

/// Kept free on the disk for the server itself, or a twentieth of a disk that is small.
const RESERVE: u64 = 256 << 20;
/// What every file and folder counts at least: it takes room also when it is empty.
const ENTRY: u64 = 1024;
/// So often it is looked at, or less often where looking takes long.
const PAUSE: Duration = Duration::from_millis(250);
/// When the reserve is touched, runs end that take more than this.
const HARMLESS: u64 = 1 << 20;

/// What is free below the reserve's end, in bytes: nothing when the reserve is touched, or `None` when it cannot be seen.
pub(super) fn free_beyond_reserve(folder: &Path) -> Option<u64> {
    let facts = rustix::fs::statvfs(folder).ok()?;
    let (free, all) = (facts.f_bavail.saturating_mul(facts.f_frsize), facts.f_blocks.saturating_mul(facts.f_frsize));
    Some(free.saturating_sub(RESERVE.min(all / 20)))
}

/// Waits until the run takes more room than it may; why it must end.
pub(super) async fn used_up(folder: PathBuf, most: u64) -> String {
    loop {
        let begun = Instant::now();
        let measured = folder.clone();
        let seen = tokio::task::spawn_blocking(move || (size(&measured, most), free_beyond_reserve(&measured))).await;
        match seen {
            Ok((size, _)) if size > most => {
                return format!(
                    "The script was ended because its folder holds more than {}, the most it may use on the built-in worker here.",
                    names::bytes(most)
                );
            }
            Ok((size, Some(0))) if size > HARMLESS => {
                return format!(
                    "The script was ended because the server's disk is nearly full; its folder held {}.",
                    names::bytes(size)
                );
            }
            _ => {}
        }
        // A folder of many files is not looked at all the time.
        tokio::time::sleep(PAUSE.max(begun.elapsed() * 10)).await;
    }
}

/// What lies in a folder, as it takes room on the disk; counted no further than just beyond `most`.
fn size(folder: &Path, most: u64) -> u64 {
    let mut sum = 0u64;
    let mut left = vec![folder.to_owned()];
    while let Some(folder) = left.pop() {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        for entry in entries.flatten() {
            // The entry itself: links are not followed.
            let Ok(facts) = entry.metadata() else { continue };
            sum = sum.saturating_add((facts.blocks() * 512).max(ENTRY));
            if sum > most {
                return sum;
            }
            if facts.is_dir() {
                left.push(entry.path());
            }
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_room_is_counted_and_links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b");
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::write(inner.join("file"), vec![1; 300_000]).unwrap();
        std::os::unix::fs::symlink("/usr", inner.join("link")).unwrap();
        std::fs::File::create(folder.path().join("hollow")).unwrap().set_len(1 << 40).unwrap();
        let whole = size(folder.path(), u64::MAX);
        assert!((300_000..1_000_000).contains(&whole), "{whole}");
        assert!(size(folder.path(), 1000) <= 300_000, "it stops where it has seen enough");
        assert!(free_beyond_reserve(folder.path()).is_some());
    }
}

//! What the company's key signs beside the trail: the contents of a backup; and what has to be in one.

use super::{Company, Seal, trail::archive};
use crate::{base::error::Result, store::glance};
use std::path::Path;

impl Seal {
    /// Signs what a backup holds.
    pub fn sign_backup(&self, contents: &[u8]) -> [u8; 64] {
        self.signer().sign(contents)
    }
    /// Whether this company signed that this is what a backup holds.
    pub fn signed_backup(&self, contents: &[u8], signature: &[u8]) -> bool {
        self.signer().signed(contents, signature)
    }
}

impl Company {
    /// The files of the folder `archive` that belong to a copy of a company's database: without one of them it does not
    /// verify. One that was deleted on purpose does not belong to it any more.
    pub fn archives_of(database: &Path) -> Result<Vec<String>> {
        glance(database, |connection| {
            let stones = archive::tombstones(connection)?.into_iter().map(|stone| stone.archive);
            Ok(stones.filter(|archive| archive.removed_at.is_none()).map(|archive| archive.file).collect())
        })
    }
}

//! What the company's key signs beside the trail: the contents of a backup.

use super::Seal;

impl Seal {
    /// Signs what a backup holds.
    pub fn sign_backup(&self, contents: &[u8]) -> [u8; 64] {
        self.signer.sign(contents)
    }
    /// Whether this company signed that this is what a backup holds.
    pub fn signed_backup(&self, contents: &[u8], signature: &[u8]) -> bool {
        self.signer.signed(contents, signature)
    }
}

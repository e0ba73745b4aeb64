//! The company's own hand: signs checkpoints and tombstones, and marks the end of the trail so that nobody without the
//! company's key can move it. Derived from the company's key, so destroyed with it.

use crate::base::secret::hmac;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

/// Signs for one company.
pub struct Signer {
    company: Uuid,
    key: SigningKey,
    mark: Zeroizing<[u8; 32]>,
}

impl Signer {
    /// From the company's key.
    pub fn new(company: Uuid, key: &[u8; 32]) -> Signer {
        Signer {
            company,
            key: SigningKey::from_bytes(&derived(key, b"bulkhead: signs the trail")),
            mark: derived(key, b"bulkhead: marks the end of the trail"),
        }
    }
    /// The company.
    pub fn company(&self) -> Uuid {
        self.company
    }
    /// The public half, by which anybody can check what was signed.
    pub fn public(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }
    /// `SHA256:…` of the public half: short enough to be compared by eye.
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", data_encoding::BASE64_NOPAD.encode(&Sha256::digest(self.public())))
    }
    /// Signs.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
    /// Whether this company signed it.
    pub fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let key: VerifyingKey = self.key.verifying_key();
        Signature::from_slice(signature).is_ok_and(|signature| key.verify_strict(message, &signature).is_ok())
    }
    /// The secret by which the receiver of a webhook knows that a letter is from this company.
    pub fn webhook_secret(&self, url: &str) -> String {
        data_encoding::HEXLOWER.encode(&hmac(&self.mark[..], format!("secret of the webhook {url}").as_bytes()))
    }
    /// A mark that only this company's key can make.
    pub fn mark(&self, message: &[u8]) -> [u8; 32] {
        hmac(&self.mark[..], message)
    }
}

fn derived(key: &[u8; 32], purpose: &[u8]) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(hmac(key, purpose))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_company_signs_is_not_signed_by_another() {
        let (one, other) = (Signer::new(Uuid::nil(), &[1; 32]), Signer::new(Uuid::nil(), &[2; 32]));
        let signature = one.sign(b"words");
        assert!(one.signed(b"words", &signature));
        assert!(!one.signed(b"other words", &signature) && !other.signed(b"words", &signature));
        assert_ne!(one.mark(b"words"), other.mark(b"words"));
        assert_ne!(one.fingerprint(), other.fingerprint());
    }
}

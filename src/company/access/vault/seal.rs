//! Secrets in the company's file are sealed with its key.

use crate::{
    base::{
        error::{Error, Result},
        secret::{self, Secret},
    },
    company::access::trail::Signer,
};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

/// Seals and opens secrets with the company's key: XChaCha20-Poly1305, bound to company, table, row and column.
pub struct Seal {
    cipher: XChaCha20Poly1305,
    company: Uuid,
    fingerprint: String,
    signer: Signer,
}

impl Seal {
    /// From the company's key.
    pub fn new(company: Uuid, key: &Zeroizing<[u8; 32]>) -> Seal {
        let mut digest = Sha256::new();
        digest.update(b"bulkhead company key\0");
        digest.update(&key[..]);
        let fingerprint = data_encoding::HEXLOWER.encode(&digest.finalize()[..8]);
        Seal {
            cipher: XChaCha20Poly1305::new(key.as_slice().try_into().unwrap_or(&Default::default())),
            company,
            fingerprint,
            signer: Signer::new(company, key),
        }
    }
    /// The secret by which the receiver of a webhook knows that a letter is from this company.
    pub(in crate::company) fn webhook_secret(&self, url: &str) -> String {
        self.signer.webhook_secret(url)
    }
    pub(in crate::company) fn signer(&self) -> &Signer {
        &self.signer
    }
    /// By what the key is known, which says nothing of it.
    pub(in crate::company) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
    fn bound(&self, table: &str, column: &str, row: i64) -> Vec<u8> {
        format!("{}/{table}/{column}/{row}", self.company).into_bytes()
    }
    /// Seals a secret for one cell.
    pub fn seal(&self, table: &str, column: &str, row: i64, text: &Secret) -> Result<Vec<u8>> {
        let nonce = secret::random::<24>();
        let aad = self.bound(table, column, row);
        let payload = Payload { msg: text.expose().as_bytes(), aad: &aad };
        let sealed =
            self.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| Error::internal("sealing failed"))?;
        Ok([&nonce[..], &sealed].concat())
    }
    /// Opens the secret of one cell. A value of another cell or another company does not open.
    pub fn open(&self, table: &str, column: &str, row: i64, sealed: &[u8]) -> Result<Secret> {
        let cannot =
            || Error::internal(format!("the sealed {column} of {table} {row} does not open with this company's key"));
        let (nonce, sealed) = sealed.split_at_checked(24).ok_or_else(cannot)?;
        let nonce: [u8; 24] = nonce.try_into().map_err(|_| cannot())?;
        let aad = self.bound(table, column, row);
        let text =
            self.cipher.decrypt(&XNonce::from(nonce), Payload { msg: sealed, aad: &aad }).map_err(|_| cannot())?;
        Ok(Secret::new(String::from_utf8(text).map_err(|_| cannot())?))
    }
}

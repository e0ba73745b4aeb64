//! The master key, and the key of each company sealed with it.
//!
//! `<data>/master.key` opens `<data>/keys/<company id>.key`; destroying the latter makes every secret of that company
//! unreadable for ever, wherever copies of its file are.

use crate::base::{
    error::{Error, FaultKind, Result},
    secret,
};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use std::{
    fs,
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// The keys of a data folder.
pub(super) struct Keys {
    folder: PathBuf,
    master: XChaCha20Poly1305,
}

impl Keys {
    /// Reads the master key of a data folder, making one on the first start.
    pub fn open(data: &Path) -> Result<Keys> {
        let path = data.join("master.key");
        let master = match fs::read_to_string(&path) {
            Ok(text) => decode(text.trim())
                .ok_or_else(|| Error::Conflict(format!("{} is no key. Put the right file back.", path.display())))?,
            Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => {
                let key = Zeroizing::new(secret::random::<32>());
                write_private(&path, format!("{}\n", data_encoding::HEXLOWER.encode(&key[..])).as_bytes())?;
                key
            }
            Err(cause) => return Err(cause.into()),
        };
        let folder = data.join("keys");
        make_private_folder(&folder)?;
        Ok(Keys { folder, master: XChaCha20Poly1305::new(&(*master).into()) })
    }

    fn path(&self, company: &str) -> PathBuf {
        self.folder.join(format!("{company}.key"))
    }

    /// A new key for a company, stored sealed.
    pub fn create(&self, company: &str) -> Result<Zeroizing<[u8; 32]>> {
        let key = Zeroizing::new(secret::random::<32>());
        let nonce = secret::random::<24>();
        let sealed = self
            .master
            .encrypt(&XNonce::from(nonce), Payload { msg: &key[..], aad: company.as_bytes() })
            .map_err(|_| Error::internal("sealing a company's key failed"))?;
        write_private(&self.path(company), &[&nonce[..], &sealed].concat())?;
        Ok(key)
    }

    /// The key of a company.
    pub fn read(&self, company: &str) -> Result<Zeroizing<[u8; 32]>> {
        self.unseal(company, &self.sealed(company)?)
    }

    /// A company's key that was sealed with this machine's master key.
    pub fn unseal(&self, company: &str, sealed: &[u8]) -> Result<Zeroizing<[u8; 32]>> {
        let wrong = || {
            Error::fault(FaultKind::Key, "the key of this company does not open with this machine's master key")
                .at(&self.path(company))
        };
        let (nonce, sealed) = sealed.split_at_checked(24).ok_or_else(wrong)?;
        let nonce: [u8; 24] = nonce.try_into().map_err(|_| wrong())?;
        let key = self
            .master
            .decrypt(&XNonce::from(nonce), Payload { msg: sealed, aad: company.as_bytes() })
            .map_err(|_| wrong())?;
        let key = Zeroizing::new(key);
        Ok(Zeroizing::new(key.as_slice().try_into().map_err(|_| wrong())?))
    }

    /// Destroys a company's key: what was sealed with it opens nowhere again, but where a backup carries the key too.
    pub fn destroy(&self, company: &str) -> Result<()> {
        let path = self.path(company);
        match fs::OpenOptions::new().write(true).open(&path) {
            Ok(mut file) => {
                let length = file.metadata()?.len() as usize;
                file.write_all(&vec![0; length])?;
                file.sync_all()?;
            }
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(cause) => return Err(cause.into()),
        }
        fs::remove_file(&path)?;
        Ok(fs::File::open(&self.folder)?.sync_all()?)
    }

    /// The sealed key as it is stored, for a backup.
    pub fn sealed(&self, company: &str) -> Result<Vec<u8>> {
        let path = self.path(company);
        fs::read(&path).map_err(|cause| match cause.kind() {
            std::io::ErrorKind::NotFound => {
                Error::fault(FaultKind::Key, "the key of this company is missing").at(&path)
            }
            _ => match Error::from(cause) {
                Error::Internal(cause) => Error::fault(FaultKind::Key, format!("{cause:#}")).at(&path),
                error => error.at(&path),
            },
        })
    }

    /// Puts a sealed key back; it must open with this machine's master key.
    pub fn restore(&self, company: &str, sealed: &[u8]) -> Result<()> {
        self.unseal(company, sealed)?;
        write_private(&self.path(company), sealed)
    }
}

fn decode(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let bytes = Zeroizing::new(data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?);
    Some(Zeroizing::new(bytes.as_slice().try_into().ok()?))
}

/// Makes a folder that only its owner can enter.
pub(super) fn make_private_folder(path: &Path) -> Result<()> {
    if !path.is_dir() {
        fs::DirBuilder::new().mode(0o700).recursive(true).create(path)?;
    }
    Ok(())
}

/// Writes a file that only its owner can read; whole or not at all.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let aside = path.with_extension("new");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&aside, path)?;
    if let Some(folder) = path.parent() {
        fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

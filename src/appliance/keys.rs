//! The master key, and the key of each company sealed with it.
//!
//! `<data>/master.key` opens `<data>/keys/<company id>.key`; destroying the latter makes every secret of that company
//! unreadable for ever, wherever copies of its file are. The master key is made once, while there is nothing yet that
//! another one could belong to.

use super::files;
use crate::base::{
    error::{Error, Fault, FaultKind, Result},
    secret,
};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use std::{
    fs,
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// The name of the master key's file in the data folder.
const MASTER: &str = "master.key";
/// The folder of the companies' keys.
const FOLDER: &str = "keys";

/// The keys of a data folder.
pub(super) struct Keys {
    folder: PathBuf,
    master: Master,
}

/// A master key, by which companies' keys are sealed: this data folder's own, or another's, to take a company in.
pub(super) struct Master(XChaCha20Poly1305);

impl Master {
    /// Reads the master key of another data folder.
    ///
    /// # Errors
    /// `Conflict` when it cannot be read, or is none.
    pub fn read(path: &Path) -> Result<Master> {
        let text = fs::read_to_string(path).map(Zeroizing::new).map_err(|cause| files::cannot("read", path, &cause))?;
        let key = decode(text.trim()).ok_or_else(|| {
            Error::Conflict(format!("{} is not a master key. Put the right file back.", path.display()))
        })?;
        Ok(Master::new(&key))
    }
    fn new(key: &Zeroizing<[u8; 32]>) -> Master {
        Master(XChaCha20Poly1305::new(&(**key).into()))
    }
    fn seal(&self, company: &str, key: &Zeroizing<[u8; 32]>) -> Result<Vec<u8>> {
        let nonce = secret::random::<24>();
        let sealed = self
            .0
            .encrypt(&XNonce::from(nonce), Payload { msg: &key[..], aad: company.as_bytes() })
            .map_err(|_| Error::internal("sealing a company's key failed"))?;
        Ok([&nonce[..], &sealed].concat())
    }
    /// A company's key that was sealed with this master key.
    ///
    /// # Errors
    /// `Fault` when it was sealed with another.
    pub fn unseal(&self, company: &str, sealed: &[u8]) -> Result<Zeroizing<[u8; 32]>> {
        let wrong = || {
            let fault =
                Fault::new(FaultKind::Key, "the key of this company does not open with this machine's master key");
            Error::Fault(Box::new(fault.remedy(
                "If the company comes from another machine, name that machine's master key with --master-key. Otherwise put the right key file back; it stands in every backup of the company.",
            )))
        };
        let (nonce, sealed) = sealed.split_at_checked(24).ok_or_else(wrong)?;
        let nonce: [u8; 24] = nonce.try_into().map_err(|_| wrong())?;
        let key = self
            .0
            .decrypt(&XNonce::from(nonce), Payload { msg: sealed, aad: company.as_bytes() })
            .map_err(|_| wrong())?;
        let key = Zeroizing::new(key);
        Ok(Zeroizing::new(key.as_slice().try_into().map_err(|_| wrong())?))
    }
}

impl Keys {
    /// Reads the master key of a data folder. Makes one where there is no company and no company's key yet.
    ///
    /// # Errors
    /// `Conflict` when it is missing and needed, cannot be read, or is none.
    pub fn open(data: &Path) -> Result<Keys> {
        let (path, folder) = (data.join(MASTER), data.join(FOLDER));
        let missing = path.symlink_metadata().is_err_and(|cause| cause.kind() == ErrorKind::NotFound);
        if missing {
            if let Some(there) = [&folder, &data.join("companies")].into_iter().find(|folder| !is_empty(folder)) {
                return Err(Error::Conflict(format!(
                    "The master key {} is missing, and {} holds what only that key opens. Put it back from where you keep a copy of it. Nothing was changed.",
                    path.display(),
                    there.display()
                )));
            }
            let key = Zeroizing::new(secret::random::<32>());
            let text = Zeroizing::new(format!("{}\n", data_encoding::HEXLOWER.encode(&key[..])));
            // Whoever was first makes it; all others read that one.
            files::write_new_private(&path, text.as_bytes())?;
        }
        let master = Master::read(&path)?;
        files::make_private_folder(&folder)?;
        Ok(Keys { folder, master })
    }

    fn path(&self, company: &str) -> PathBuf {
        self.folder.join(format!("{company}.key"))
    }

    /// A new key for a company, stored sealed.
    pub fn create(&self, company: &str) -> Result<Zeroizing<[u8; 32]>> {
        let key = Zeroizing::new(secret::random::<32>());
        files::write_private(&self.path(company), &self.master.seal(company, &key)?)?;
        Ok(key)
    }

    /// Whether there is a key of this company.
    pub fn has(&self, company: &str) -> bool {
        self.path(company).symlink_metadata().is_ok()
    }

    /// The key of a company.
    pub fn read(&self, company: &str) -> Result<Zeroizing<[u8; 32]>> {
        self.unseal(company, &self.sealed(company)?)
    }

    /// A company's key that was sealed with this machine's master key.
    pub fn unseal(&self, company: &str, sealed: &[u8]) -> Result<Zeroizing<[u8; 32]>> {
        self.master.unseal(company, sealed).map_err(|error| error.at(&self.path(company)))
    }

    /// The sealed key as it is stored, for a backup.
    pub fn sealed(&self, company: &str) -> Result<Vec<u8>> {
        let path = self.path(company);
        fs::read(&path).map_err(|cause| match cause.kind() {
            ErrorKind::NotFound => Error::fault(FaultKind::Key, "the key of this company is missing").at(&path),
            _ => match Error::from(cause) {
                Error::Internal(cause) => Error::fault(FaultKind::Key, format!("{cause:#}")).at(&path),
                error => error.at(&path),
            },
        })
    }

    /// Keeps a company's key, sealed with this machine's master key. One that is there already must be the same.
    ///
    /// # Errors
    /// `Conflict` when another key of this company is there.
    pub fn keep(&self, company: &str, key: &Zeroizing<[u8; 32]>) -> Result<()> {
        if self.has(company) {
            let same = self.read(company).is_ok_and(|own| own[..] == key[..]);
            return if same {
                Ok(())
            } else {
                Err(Error::Conflict(format!(
                    "{} is another key of this company. Move it away if it belongs to nothing here.",
                    self.path(company).display()
                )))
            };
        }
        files::write_private(&self.path(company), &self.master.seal(company, key)?)
    }

    /// Destroys a company's key: what was sealed with it opens nowhere again, but where a backup carries the key too.
    pub fn destroy(&self, company: &str) -> Result<()> {
        destroy_at(&self.path(company), &self.folder)
    }
}

/// As [`Keys::destroy`], of a data folder that is not open.
pub(super) fn destroy(data: &Path, company: &str) -> Result<()> {
    let folder = data.join(FOLDER);
    destroy_at(&folder.join(format!("{company}.key")), &folder)
}

fn destroy_at(path: &Path, folder: &Path) -> Result<()> {
    match fs::OpenOptions::new().write(true).open(path) {
        Ok(mut file) => {
            let length = file.metadata()?.len() as usize;
            file.write_all(&vec![0; length])?;
            file.sync_all()?;
        }
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(()),
        Err(cause) => return Err(files::cannot("destroyed", path, &cause)),
    }
    fs::remove_file(path)?;
    files::sync_folder(folder)
}

/// A folder that is not there is empty; one that cannot be looked into is not.
fn is_empty(folder: &Path) -> bool {
    match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(cause) => cause.kind() == ErrorKind::NotFound,
    }
}

fn decode(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let bytes = Zeroizing::new(data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?);
    Some(Zeroizing::new(bytes.as_slice().try_into().ok()?))
}

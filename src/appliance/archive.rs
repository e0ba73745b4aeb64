//! The file of a backup: a tar archive whose last entry says what every other one is.
//!
//! `manifest.json`, `company.key` (sealed with the master key), `company.db` and `checkpoints.jsonl` (one moment), the
//! files beside the database, and `seal.json`: name, length and SHA-256 of each of them, signed with the company's key.
//! Whoever changes a word, leaves a file out or adds one cannot sign that anew. Every file is opened once, measured
//! once and copied at that length, so that a log which grows meanwhile is whole up to there.

use super::files;
use crate::{
    base::{
        clock,
        error::{Error, Result},
    },
    company::access::Seal,
};
use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, Read, Write},
    path::{Component, Path, PathBuf},
};

/// The number of this form; 1 had no seal.
pub(super) const FORMAT: u32 = 2;
pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const KEY: &str = "company.key";
pub(super) const DATABASE: &str = "company.db";
pub(super) const CHECKPOINTS: &str = "checkpoints.jsonl";
const SEAL: &str = "seal.json";
/// The longest manifest, key or seal that is read into memory, in bytes.
const LONGEST: u64 = 64 * 1024 * 1024;

/// What a backup is of.
#[derive(Serialize, Deserialize)]
pub(super) struct Manifest {
    pub format: u32,
    pub slug: String,
    pub name: String,
    pub company: String,
    pub taken: String,
}

/// One entry of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Part {
    name: String,
    bytes: u64,
    sha256: String,
}

/// The last entry.
#[derive(Serialize, Deserialize)]
struct Sealed {
    parts: Vec<Part>,
    signature: String,
}

/// What is signed: nothing can be read in two ways, since every name and number says how long it is.
fn message(parts: &[Part]) -> Vec<u8> {
    let mut message = b"bulkhead backup 2\0".to_vec();
    for part in parts {
        message.extend((part.name.len() as u64).to_be_bytes());
        message.extend(part.name.as_bytes());
        message.extend(part.bytes.to_be_bytes());
        message.extend(part.sha256.as_bytes());
    }
    message
}

/// Reads through to another, and knows how much it was and its digest.
struct Counted<R> {
    from: R,
    bytes: u64,
    digest: Sha256,
}

impl<R> Counted<R> {
    fn new(from: R) -> Counted<R> {
        Counted { from, bytes: 0, digest: Sha256::new() }
    }
    fn part(self, name: &str) -> Part {
        let sha256 = data_encoding::HEXLOWER.encode(&self.digest.finalize());
        Part { name: name.to_owned(), bytes: self.bytes, sha256 }
    }
}
impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(into)?;
        self.bytes += read as u64;
        self.digest.update(into.get(..read).unwrap_or_default());
        Ok(read)
    }
}

/// Writes an archive.
pub(super) struct Packer {
    archive: tar::Builder<io::BufWriter<files::Strides>>,
    parts: Vec<Part>,
}

impl Packer {
    /// Begins a file that is not there yet.
    pub fn create(path: &Path) -> Result<Packer> {
        let file = files::Strides::create(path).map_err(|cause| files::cannot("written", path, &cause))?;
        Ok(Packer { archive: tar::Builder::new(io::BufWriter::with_capacity(1 << 20, file)), parts: Vec::new() })
    }

    /// Adds what is in memory.
    pub fn bytes(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        self.copy(name, bytes, bytes.len() as u64)
    }

    /// Adds a file, as long as it is now. One that is not there any more is passed over.
    ///
    /// # Errors
    /// `Conflict` for what is no plain file, and for one that became shorter.
    pub fn file(&mut self, name: &str, path: &Path) -> Result<()> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(opened) => fs::File::from(opened),
            Err(rustix::io::Errno::NOENT) => return Ok(()),
            Err(rustix::io::Errno::LOOP) => return Err(not_plain(path)),
            Err(cause) => return Err(files::cannot("read", path, &cause.into())),
        };
        let about = file.metadata()?;
        if !about.is_file() {
            return Err(not_plain(path));
        }
        self.copy(name, file.take(about.len()), about.len())
    }

    /// Adds all files of a folder, if it is there.
    pub fn folder(&mut self, name: &str, path: &Path) -> Result<()> {
        let mut entries = match fs::read_dir(path) {
            Ok(entries) => entries.collect::<io::Result<Vec<_>>>()?,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(cause) => return Err(files::cannot("read", path, &cause)),
        };
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let file = entry.file_name();
            let file = file.to_str().ok_or_else(|| not_plain(&path))?;
            let inner = format!("{name}/{file}");
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => self.folder(&inner, &path)?,
                Ok(_) => self.file(&inner, &path)?,
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
                Err(cause) => return Err(files::cannot("read", &path, &cause)),
            }
        }
        Ok(())
    }

    fn copy(&mut self, name: &str, from: impl Read, length: u64) -> Result<()> {
        let mut counted = Counted::new(from);
        self.archive.append_data(&mut header(length), name, &mut counted)?;
        if counted.bytes != length {
            return Err(Error::Conflict(format!(
                "{name} became shorter while it was copied. Nothing but Bulkhead may change a company's files: take the backup again."
            )));
        }
        self.parts.push(counted.part(name));
        Ok(())
    }

    /// Whether there is an entry of this name.
    pub fn has(&self, name: &str) -> bool {
        self.parts.iter().any(|part| part.name == name)
    }

    /// Adds the seal, and brings all of it to the disk.
    pub fn finish(mut self, seal: &Seal) -> Result<()> {
        let signature = data_encoding::BASE64.encode(&seal.sign_backup(&message(&self.parts)));
        let text = serde_json::to_vec(&Sealed { parts: std::mem::take(&mut self.parts), signature })?;
        self.archive.append_data(&mut header(text.len() as u64), SEAL, &text[..])?;
        let mut buffer = self.archive.into_inner()?;
        buffer.flush()?;
        let file = buffer.into_inner().map_err(|broken| Error::from(broken.into_error()))?.into_inner();
        file.sync_all()?;
        // What is read back is to come from the disk, not from memory: a hint, no more.
        let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
        Ok(())
    }
}

fn not_plain(path: &Path) -> Error {
    Error::Conflict(format!("{} is not a plain file. Take it out of the company's folder.", path.display()))
}

fn header(length: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(length);
    header.set_mode(0o600);
    header.set_mtime((clock::now().0 / 1000) as u64);
    header
}

/// An archive that was read to its end: what is in it, and what its seal says about that.
pub(super) struct Unpacked {
    pub manifest: Manifest,
    /// The company's key, sealed with a master key.
    pub key: Vec<u8>,
    found: Vec<Part>,
    sealed: Option<Sealed>,
}

impl Unpacked {
    /// What is wrong with it, in words, if anything. `seal` is that of the company it says it is of.
    pub fn damage(&self, seal: &Seal) -> Option<String> {
        let Some(sealed) = &self.sealed else {
            return Some(match self.manifest.format {
                1 => "it was taken by an early Bulkhead and carries no digests".into(),
                _ => "its seal is missing or cannot be read".into(),
            });
        };
        let signature = data_encoding::BASE64.decode(sealed.signature.as_bytes()).unwrap_or_default();
        if !seal.signed_backup(&message(&sealed.parts), &signature) {
            return Some("its seal is not signed with this company's key".into());
        }
        let found: BTreeMap<&str, &Part> = self.found.iter().map(|part| (part.name.as_str(), part)).collect();
        let missing = sealed.parts.iter().find(|part| !found.contains_key(part.name.as_str()));
        let changed = sealed.parts.iter().find(|part| found.get(part.name.as_str()).is_some_and(|found| found != part));
        let known: BTreeSet<&str> = sealed.parts.iter().map(|part| part.name.as_str()).collect();
        let added = self.found.iter().find(|part| !known.contains(part.name.as_str()));
        match (missing, changed, added) {
            (Some(part), ..) => Some(format!("{} is missing", part.name)),
            (_, Some(part), _) => Some(format!("{} is not what was backed up", part.name)),
            (_, _, Some(part)) => Some(format!("{} was added to it", part.name)),
            _ => None,
        }
    }
}

/// Reads an archive to its end: with `into` every file is put below that folder, private to its owner and on the disk when
/// this returns; without it nothing is.
///
/// # Errors
/// `Conflict` when it cannot be read, is no backup, or holds what no backup holds.
pub(super) fn read(path: &Path, into: Option<&Path>) -> Result<Unpacked> {
    let no_backup = |what: &str| Error::Conflict(format!("{} is not a backup of a company: {what}.", path.display()));
    let file = fs::File::open(path).map_err(|cause| files::cannot("read", path, &cause))?;
    let mut small: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let (mut found, mut names) = (Vec::new(), BTreeSet::new());
    let mut archive = tar::Archive::new(io::BufReader::with_capacity(1 << 20, file));
    for entry in archive.entries().map_err(|cause| no_backup(&cause.to_string()))? {
        let entry = entry.map_err(|cause| no_backup(&cause.to_string()))?;
        if entry.header().entry_type() == tar::EntryType::Directory {
            continue;
        }
        if entry.header().entry_type() != tar::EntryType::Regular {
            return Err(no_backup("it holds something that is no plain file"));
        }
        let inner = entry
            .path()
            .ok()
            .and_then(|inner| plain(&inner))
            .ok_or_else(|| no_backup("it names a file outside of itself"))?;
        let name = inner.to_string_lossy().into_owned();
        if !names.insert(name.clone()) {
            return Err(no_backup(&format!("it holds {name} twice")));
        }
        let length = entry.header().size().map_err(|cause| no_backup(&cause.to_string()))?;
        let mut counted = Counted::new(entry);
        if [MANIFEST, KEY, SEAL].contains(&name.as_str()) {
            let mut bytes = Vec::new();
            (&mut counted).take(LONGEST).read_to_end(&mut bytes).map_err(|cause| no_backup(&cause.to_string()))?;
            small.insert(name.clone(), bytes);
        } else {
            put(&mut counted, into.map(|folder| folder.join(&inner)), |cause| no_backup(&cause.to_string()))?;
        }
        if counted.bytes != length {
            return Err(no_backup(&format!("it ends in the middle of {name}")));
        }
        if name != SEAL {
            found.push(counted.part(&name));
        }
    }
    if let Some(folder) = into {
        // All files at once, in place of one after the other.
        rustix::fs::syncfs(fs::File::open(folder)?).map_err(io::Error::from)?;
    }
    let manifest = small.get(MANIFEST).ok_or_else(|| no_backup("it has no manifest"))?;
    let manifest: Manifest = serde_json::from_slice(manifest).map_err(|_| no_backup("its manifest cannot be read"))?;
    if manifest.format > FORMAT {
        return Err(no_backup("it was written by a newer Bulkhead"));
    }
    let key = small.remove(KEY).ok_or_else(|| no_backup("it has no key"))?;
    let sealed = small.get(SEAL).and_then(|text| serde_json::from_slice(text).ok());
    Ok(Unpacked { manifest, key, found, sealed })
}

/// What a backup is of, without a look at the rest of it.
///
/// # Errors
/// As [`read`].
pub(super) fn manifest(path: &Path) -> Result<Manifest> {
    let no_backup = |what: &str| Error::Conflict(format!("{} is not a backup of a company: {what}.", path.display()));
    let file = fs::File::open(path).map_err(|cause| files::cannot("read", path, &cause))?;
    for entry in tar::Archive::new(io::BufReader::new(file)).entries()? {
        let entry = entry.map_err(|cause| no_backup(&cause.to_string()))?;
        if entry.path().ok().and_then(|inner| plain(&inner)).is_some_and(|inner| inner == Path::new(MANIFEST)) {
            let mut text = Vec::new();
            entry.take(LONGEST).read_to_end(&mut text).map_err(|cause| no_backup(&cause.to_string()))?;
            return serde_json::from_slice(&text).map_err(|_| no_backup("its manifest cannot be read"));
        }
    }
    Err(no_backup("it has no manifest"))
}

/// Copies an entry to a new file, or nowhere.
fn put(from: &mut impl Read, to: Option<PathBuf>, broken: impl Fn(io::Error) -> Error) -> Result<()> {
    let mut file = match &to {
        Some(path) => {
            files::make_private_folder(path.parent().unwrap_or(path))?;
            Some(files::Strides::create(path)?)
        }
        None => None,
    };
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = from.read(&mut buffer).map_err(&broken)?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        if let Some(file) = &mut file {
            file.write_all(bytes)?;
        }
    }
    Ok(())
}

/// A path below the folder it is put in, without dots; `None` when it leads out of it.
fn plain(path: &Path) -> Option<PathBuf> {
    let mut inner = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => inner.push(name.to_str()?),
            Component::CurDir => {}
            _ => return None,
        }
    }
    (!inner.as_os_str().is_empty()).then_some(inner)
}

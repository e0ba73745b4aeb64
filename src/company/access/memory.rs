//! What is remembered between requests: who a session or a key belongs to, compiled grants, the spaces. All of it holds
//! for one access version, which triggers in the schema raise with every change of what it was made of, whoever made
//! it: what is remembered under another version is forgotten, never used.

use super::{grants::Carried, lobby::SpaceRow, policy::Grants};
use crate::base::{clock::Moment, error::Result};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// So many sessions and keys are remembered; beyond that all are forgotten and looked up again.
const MOST: usize = 10_000;

/// The memory of one open company.
#[derive(Default)]
pub(super) struct Memory {
    inner: Mutex<Inner>,
}

#[derive(Default)]
pub(super) struct Inner {
    version: i64,
    pub grants: HashMap<i64, Arc<Grants>>,
    pub sessions: HashMap<[u8; 32], Arc<super::admit::KnownSession>>,
    pub keys: HashMap<[u8; 32], Arc<super::admit::KnownKey>>,
    pub spaces: Option<Arc<[SpaceRow]>>,
    /// The grants of every team: for saying which have what a refused visitor lacks.
    pub teams: Option<Arc<[Carried]>>,
    /// When the engine last looked for people of whom a second factor is demanded.
    pub looked_at: Option<Moment>,
    pub texts: HashMap<(i64, Box<str>), Arc<str>>,
}

impl Memory {
    /// What `look` finds under this version; else what `make` makes, which `keep` then puts away.
    ///
    /// # Errors
    /// Those of `make`; nothing is kept then, nor when the version went on meanwhile.
    pub(super) fn of<T: Clone>(
        &self,
        version: i64,
        look: impl FnOnce(&Inner) -> Option<T>,
        make: impl FnOnce() -> Result<T>,
        keep: impl FnOnce(&mut Inner, T),
    ) -> Result<T> {
        {
            let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            if inner.version != version {
                *inner = Inner { version, ..Inner::default() };
            }
            if let Some(known) = look(&inner) {
                return Ok(known);
            }
        }
        let made = make()?;
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.version == version {
            if inner.sessions.len() >= MOST {
                inner.sessions.clear();
            }
            if inner.keys.len() >= MOST {
                inner.keys.clear();
            }
            if inner.texts.len() >= MOST {
                inner.texts.clear();
            }
            keep(&mut inner, made.clone());
        }
        Ok(made)
    }
}

//! The keys of those who sign tokens: found by the issuer's own description, fetched with care, kept for a while.
//!
//! An issuer is asked only when an identity of a service account names it. Whoever is asked too often is not asked again:
//! answers are kept for ten minutes, failures for half a minute, and a key that is not among the known ones lets the
//! issuer be asked anew once a minute.

use super::outward;
use crate::base::outward::Outward;
use jsonwebtoken::jwk::Jwk;
use serde::Deserialize;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use url::Url;

const KEPT: Duration = Duration::from_secs(600);
const FAILURE_KEPT: Duration = Duration::from_secs(30);
const ASKED_ANEW: Duration = Duration::from_secs(60);
/// A document is no larger, in bytes.
const LARGEST: usize = 256 * 1024;
/// So many issuers are remembered.
const MOST: usize = 500;
/// So many keys of one issuer are looked at.
const MOST_KEYS: usize = 100;

/// The keys of issuers.
pub struct Issuers {
    outward: Arc<Outward>,
    known: Mutex<HashMap<String, Known>>,
}

#[derive(Clone)]
struct Known {
    answer: Result<Arc<Vec<Jwk>>, String>,
    at: Instant,
}

impl Known {
    fn serves(&self, key: Option<&str>) -> bool {
        let age = self.at.elapsed();
        match &self.answer {
            Err(_) => age < FAILURE_KEPT,
            Ok(keys) => {
                let has = key.is_none_or(|key| keys.iter().any(|known| known.common.key_id.as_deref() == Some(key)));
                age < if has { KEPT } else { ASKED_ANEW }
            }
        }
    }
}

#[derive(Deserialize)]
struct Description {
    issuer: String,
    jwks_uri: String,
}
#[derive(Deserialize)]
struct Keys {
    keys: Vec<serde_json::Value>,
}

impl Issuers {
    /// That fetch by these rules.
    pub fn new(outward: Arc<Outward>) -> Issuers {
        Issuers { outward, known: Mutex::default() }
    }

    /// The keys of an issuer; `key` is the one that is looked for.
    ///
    /// # Errors
    /// A sentence for the log.
    pub async fn keys(&self, issuer: &str, key: Option<&str>) -> Result<Arc<Vec<Jwk>>, String> {
        if let Some(known) = self.known().get(issuer)
            && known.serves(key)
        {
            return known.answer.clone();
        }
        let answer = self.fetch(issuer).await.map(Arc::new);
        let mut known = self.known();
        if known.len() >= MOST {
            known.retain(|_, one| one.at.elapsed() < KEPT);
        }
        if known.len() < MOST {
            known.insert(issuer.to_owned(), Known { answer: answer.clone(), at: Instant::now() });
        }
        answer
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fetches a document, from where it may be asked.
    async fn document(&self, url: &Url) -> Result<Vec<u8>, String> {
        let (client, url) = outward::client(&self.outward, url.as_str()).map_err(|refused| refused.to_string())?;
        let told = |cause| format!("{url} was not reached: {}", outward::cause(cause));
        let mut answer = client.get(url.clone()).header("accept", "application/json").send().await.map_err(told)?;
        if answer.status() != reqwest::StatusCode::OK {
            return Err(format!("{url} answered {}", answer.status()));
        }
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(told)? {
            body.extend_from_slice(&part);
            if body.len() > LARGEST {
                return Err(format!("{url} answered more than {LARGEST} bytes"));
            }
        }
        Ok(body)
    }

    async fn fetch(&self, issuer: &str) -> Result<Vec<Jwk>, String> {
        let url = |text: &str| Url::parse(text).map_err(|cause| format!("“{text}” is no address: {cause}"));
        let about = url(&format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/')))?;
        let wrong = |url: &Url, cause: serde_json::Error| format!("{url} answered something else: {cause}");
        let described: Description =
            serde_json::from_slice(&self.document(&about).await?).map_err(|cause| wrong(&about, cause))?;
        if described.issuer != issuer {
            return Err(format!("{about} describes another issuer, “{}”", described.issuer));
        }
        let place = url(&described.jwks_uri)?;
        let keys: Keys = serde_json::from_slice(&self.document(&place).await?).map_err(|cause| wrong(&place, cause))?;
        // Keys of kinds that are not known here are for somebody else.
        Ok(keys.keys.into_iter().take(MOST_KEYS).filter_map(|key| serde_json::from_value(key).ok()).collect())
    }
}

//! A machine reached by SSH. (First version of the interface.)
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Line, Outcome, Script, TransportError};
use crate::base::secret::Secret;

/// A machine and how to sign in to it.
#[derive(Clone, Debug)]
pub struct SshTarget {
    /// Name or address.
    pub host: String,
    /// Usually 22.
    pub port: u16,
    /// The pinned fingerprint of its host key, `SHA256:…`.
    pub host_key: String,
    /// The account's user name.
    pub user: String,
    /// How the account proves itself.
    pub credential: SshCredential,
}

/// How an account proves itself.
#[derive(Clone, Debug)]
pub enum SshCredential {
    /// By a password.
    Password(Secret),
    /// By a private key.
    PrivateKey {
        /// The key's text, as OpenSSH or PEM writes it.
        openssh_pem: Secret,
        /// What it is locked with.
        passphrase: Option<Secret>,
    },
}

impl SshTarget {
    /// Runs a script.
    pub async fn run(&self, _: &Script, _: mpsc::Sender<Line>, _: CancellationToken) -> Result<Outcome, TransportError> {
        Err(TransportError::Internal("not yet".to_owned()))
    }

    /// Connects, checks the host key, signs in and runs nothing: the health check.
    pub async fn check(&self) -> Result<(), TransportError> {
        Err(TransportError::Internal("not yet".to_owned()))
    }
}

/// Asks a machine for its host key's fingerprint, without signing in.
pub async fn fetch_host_key(_host: &str, _port: u16) -> Result<String, TransportError> {
    Err(TransportError::Internal("not yet".to_owned()))
}

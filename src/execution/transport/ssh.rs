//! A machine reached by SSH: needs nothing on it but an SSH server, a POSIX shell and the script's interpreter.
//!
//! It promises that nothing is sent to a machine whose host key is not the pinned one; that keys and passwords never touch
//! a disk; that the script's folder (`~/.bulkhead/work/…`, private to the account) is removed; and that after a lost
//! connection nobody is told the script had failed when it may have succeeded. Each run leaves one line in
//! `~/.bulkhead/audit.log` on the machine, for its owner. Processes that a script has left running on purpose stay. Of one
//! lane no two scripts run side by side: what an earlier run has left under way, when the connection was cut or this server
//! was killed, is ended before the next one begins, and that is said.
//! It does not know targets, accounts or companies.

mod connection;
mod remote;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use russh::client::{self, Handle};
use russh::keys::{HashAlg, PrivateKey, PrivateKeyWithHashAlg};
use russh::{ChannelMsg, ChannelReadHalf, MethodKind, Preferred, Sig};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use connection::{Gatekeeper, answer_questions, command, connect, hang_up, open, preferences, unreachable};

use super::{Line, Outcome, Outlet, SHOWN_EVERY, Script, Stream, Syntax, TransportError};
use crate::base::secret::Secret;

/// For the connection with its key exchange, and again for the sign-in.
const CONNECT_LIMIT: Duration = Duration::from_secs(20);
/// A quiet connection is asked so often whether it is still there; after three questions without answer it is lost.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// For handing over the script.
const UPLOAD_LIMIT: Duration = Duration::from_secs(300);
/// A script that is ended may tidy up for so long before it is killed.
const GRACE: Duration = Duration::from_secs(5);
/// After the script's end, output that is still under way may be quiet for so long.
const QUIET: Duration = Duration::from_secs(2);
/// And may go on for so long: what the script has left running may write for ever.
const LAST_WORDS: Duration = Duration::from_secs(20);
/// For ending what earlier runs have left.
const CLEARING_LIMIT: Duration = Duration::from_secs(60);
/// For saying good-bye.
const HANG_UP_LIMIT: Duration = Duration::from_secs(5);
/// For a short command on the machine.
const COMMAND_LIMIT: Duration = Duration::from_secs(15);

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
    /// By a private key: Ed25519, ECDSA or RSA.
    PrivateKey {
        /// The key's text as OpenSSH, PEM (PKCS#1, PKCS#8) or PuTTY writes it.
        openssh_pem: Secret,
        /// What it is locked with.
        passphrase: Option<Secret>,
    },
}

impl SshCredential {
    /// Whether a private key can be read with its passphrase; for forms, before anything is saved.
    pub fn readable(&self) -> Result<(), TransportError> {
        self.key().map(|_| ())
    }

    fn key(&self) -> Result<Option<PrivateKey>, TransportError> {
        let SshCredential::PrivateKey { openssh_pem, passphrase } = self else { return Ok(None) };
        let passphrase = passphrase.as_ref().map(Secret::expose).filter(|text| !text.is_empty());
        // The reason is not passed on: it could quote from the key.
        russh::keys::decode_secret_key(openssh_pem.expose(), passphrase).map(Some).map_err(|_| {
            TransportError::Refused {
                what: "The account's private key cannot be read.".to_owned(),
                remedy: "Check that the whole key was pasted, from BEGIN to END, and that its passphrase is right. Ed25519, ECDSA and RSA keys are understood.".to_owned(),
            }
        })
    }
}

/// What a health check saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// What `uname -srm` says, for example `Linux 6.1.0-32-amd64 x86_64`.
    pub system: String,
    /// The script languages the machine has an interpreter for.
    pub syntaxes: Vec<Syntax>,
    /// Free space in the account's home, in bytes.
    pub free_bytes: Option<u64>,
}

/// Asks a machine for its host key's fingerprint, without signing in: for the "discover" button. Whoever reads it must
/// compare it with what the machine itself says.
pub async fn fetch_host_key(host: &str, port: u16) -> Result<String, TransportError> {
    let (result, seen) = connect(host, port, None, Preferred::DEFAULT).await;
    match (seen, result) {
        (Some(seen), _) => Ok(seen),
        (None, Err(fault)) => Err(unreachable(host, port, fault)),
        (None, Ok(_)) => Err(TransportError::Internal("the machine showed no host key".to_owned())),
    }
}

impl SshTarget {
    /// Connects, checks the host key, signs in and looks round: the health check.
    pub async fn check(&self) -> Result<Health, TransportError> {
        let session = self.sign_in().await?;
        let answer = command(&session, &remote::asking(), &[], COMMAND_LIMIT).await;
        hang_up(&session).await;
        let answer = answer.map_err(|fault| unreachable(&self.host, self.port, fault))?;
        if answer.exit_code != Some(0) {
            return Err(TransportError::Refused {
                what: format!("The machine let {} in but did not run a command. {}", self.user, answer.text.trim()),
                remedy: "Give the account an ordinary shell; a forced command or /usr/sbin/nologin does not do."
                    .to_owned(),
            });
        }
        let mut lines = answer.text.lines();
        let system = lines.next().unwrap_or_default().trim().to_owned();
        let free_bytes = lines.next().and_then(|line| line.trim().parse::<u64>().ok()).map(|blocks| blocks * 1024);
        let found: Vec<&str> = lines.map(str::trim).collect();
        let syntaxes = Syntax::ALL.into_iter().filter(|syntax| found.contains(&syntax.interpreter())).collect();
        Ok(Health { system, syntaxes, free_bytes })
    }

    pub(super) async fn run(
        &self,
        script: &Script,
        lines: mpsc::Sender<Line>,
        cancel: CancellationToken,
    ) -> Result<Outcome, TransportError> {
        let (name, lane) = (script.folder_name(), script.lane_name());
        let session = tokio::select! {
            session = self.sign_in() => session?,
            () = cancel.cancelled() => return Err(TransportError::Cancelled),
        };
        let begun = async {
            self.clear(&session, &lane, &lines).await?;
            self.upload(&session, script, &name).await
        };
        let begun = tokio::select! {
            begun = begun => begun,
            () = cancel.cancelled() => Err(TransportError::Cancelled),
        };
        let outcome = match begun {
            Ok(()) => self.run_there(&session, script, (&lane, &name), lines, cancel).await,
            Err(fault) => Err(fault),
        };
        // Also after a failed upload; when the connection is lost the next run on this machine sweeps.
        if command(&session, &remote::removing(&lane, &name), &[], COMMAND_LIMIT).await.is_err() {
            tracing::warn!(label = script.label, host = self.host, "a script's folder may be left on the machine");
        }
        hang_up(&session).await;
        outcome
    }

    /// A connection to the machine with the pinned key, signed in.
    async fn sign_in(&self) -> Result<Handle<Gatekeeper>, TransportError> {
        let key = self.credential.key()?;
        let mut session = self.connect_pinned().await?;
        let signed_in = timeout(CONNECT_LIMIT, self.prove(&mut session, key)).await;
        match signed_in {
            Ok(Ok(true)) => Ok(session),
            Ok(Ok(false)) if !session.is_closed() => {
                hang_up(&session).await;
                Err(TransportError::SignInRefused { user: self.user.clone() })
            }
            Ok(Ok(false)) => Err(self.unreachable("it closed the connection during the sign-in")),
            Ok(Err(fault)) => Err(unreachable(&self.host, self.port, fault)),
            Err(_) => Err(self.unreachable("it did not finish the sign-in in time")),
        }
    }

    async fn connect_pinned(&self) -> Result<Handle<Gatekeeper>, TransportError> {
        let mut changed = None;
        // A machine has several host keys and shows the first that both sides like; the pinned one may be another.
        for key in preferences() {
            let preferred = Preferred { key: Cow::Owned(key), ..Preferred::DEFAULT };
            match connect(&self.host, self.port, Some(self.host_key.clone()), preferred).await {
                (Ok(session), _) => return Ok(session),
                (Err(_), Some(seen)) => {
                    changed.get_or_insert(seen);
                }
                (Err(_), None) if changed.is_some() => {}
                (Err(fault), None) => return Err(unreachable(&self.host, self.port, fault)),
            }
        }
        Err(TransportError::HostKeyChanged { expected: self.host_key.clone(), seen: changed.unwrap_or_default() })
    }

    async fn prove(&self, session: &mut Handle<Gatekeeper>, key: Option<PrivateKey>) -> Result<bool, russh::Error> {
        if let Some(key) = key {
            let hash = if key.algorithm().is_rsa() {
                // Never SHA-1: a machine that does not say what it knows is asked for the strongest.
                session.best_supported_rsa_hash().await?.flatten().or(Some(HashAlg::Sha512))
            } else {
                None
            };
            let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
            return Ok(session.authenticate_publickey(&self.user, key).await?.success());
        }
        let SshCredential::Password(password) = &self.credential else { return Ok(false) };
        match session.authenticate_password(&self.user, password.expose()).await? {
            client::AuthResult::Success => Ok(true),
            client::AuthResult::Failure { remaining_methods, .. }
                if remaining_methods.contains(&MethodKind::KeyboardInteractive)
                    && !remaining_methods.contains(&MethodKind::Password) =>
            {
                answer_questions(session, &self.user, password).await
            }
            client::AuthResult::Failure { .. } => Ok(false),
        }
    }

    /// Ends what earlier runs of this lane have left under way on the machine, and says so.
    async fn clear(
        &self,
        session: &Handle<Gatekeeper>,
        lane: &str,
        lines: &mpsc::Sender<Line>,
    ) -> Result<(), TransportError> {
        let answer = command(session, &remote::clearing(lane), &[], CLEARING_LIMIT)
            .await
            .map_err(|fault| unreachable(&self.host, self.port, fault))?;
        for line in answer.text.lines() {
            let Some((name, end)) = line.trim().split_once(' ') else { continue };
            let label = label_of(name);
            match end {
                "ended" => {
                    let text = format!("An earlier run of {label} was still under way on this machine and was ended.");
                    let _ = lines.send(Line { stream: Stream::Note, text, continued: false }).await;
                }
                "stays" => {
                    return Err(TransportError::Refused {
                        what: format!(
                            "An earlier run of {label} is still under way on this machine and could not be ended, so nothing was begun beside it."
                        ),
                        remedy: format!(
                            "End it on the machine itself, then run this again. Its number is in .bulkhead/runs in the home folder of {}.",
                            self.user
                        ),
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }

    async fn upload(&self, session: &Handle<Gatekeeper>, script: &Script, name: &str) -> Result<(), TransportError> {
        let text = script.text();
        let storing = remote::storing(script, name, text.len());
        let answer = command(session, &storing, text.as_bytes(), UPLOAD_LIMIT)
            .await
            .map_err(|fault| unreachable(&self.host, self.port, fault))?;
        match answer.exit_code {
            Some(0) => Ok(()),
            Some(91) => Err(TransportError::Refused {
                what: format!(
                    "The machine has no {}, which {} scripts need.",
                    script.syntax.interpreter(),
                    script.syntax
                ),
                remedy: "Install it there, so that a non-interactive shell finds it.".to_owned(),
            }),
            _ => Err(TransportError::Refused {
                what: format!("The script could not be stored on the machine. {}", answer.text.trim()),
                remedy: format!(
                    "Check that {} has a home folder it may write to and that the disk is not full.",
                    self.user
                ),
            }),
        }
    }

    async fn run_there(
        &self,
        session: &Handle<Gatekeeper>,
        script: &Script,
        (lane, name): (&str, &str),
        lines: mpsc::Sender<Line>,
        cancel: CancellationToken,
    ) -> Result<Outcome, TransportError> {
        // A machine that hangs may take the question and never answer it.
        let channel = match timeout(CONNECT_LIMIT, open(session)).await {
            Ok(opened) => opened.map_err(|fault| unreachable(&self.host, self.port, fault))?,
            Err(_) => return Err(self.unreachable("it opened no channel for the script in time")),
        };
        let (reader, writer) = channel.split();
        // From here on the script may run.
        let lost = || TransportError::Lost(format!("The connection to {} was lost while the script ran.", self.host));
        writer.exec(true, remote::running(script.syntax, lane, name)).await.map_err(|_| lost())?;
        let mut pump = tokio::spawn(pump(reader, lines));
        let ended_by = tokio::select! {
            ended = &mut pump => return self.outcome(ended, lost()),
            () = cancel.cancelled() => TransportError::Cancelled,
            () = sleep(script.time_limit) => TransportError::TimedOut(script.time_limit),
        };
        for (signal, patience) in [("TERM", GRACE), ("KILL", GRACE)] {
            self.kill(session, lane, name, signal).await;
            if let Ok(ended) = timeout(patience, &mut pump).await {
                self.outcome(ended, lost())?;
                // Those of its group that were deaf to the first signal.
                self.kill(session, lane, name, "KILL").await;
                return Err(ended_by);
            }
        }
        pump.abort();
        let _ = timeout(HANG_UP_LIMIT, writer.close()).await;
        Err(TransportError::Lost(format!("The script on {} was told to end, but did not.", self.host)))
    }

    /// On a channel beside the script's, or on a connection of its own where a machine allows one channel only.
    async fn kill(&self, session: &Handle<Gatekeeper>, lane: &str, name: &str, signal: &str) {
        let killing = remote::killing(lane, name, signal);
        if command(session, &killing, &[], COMMAND_LIMIT).await.is_ok() {
            return;
        }
        if let Ok(other) = self.sign_in().await {
            let _ = command(&other, &killing, &[], COMMAND_LIMIT).await;
            hang_up(&other).await;
        }
    }

    fn outcome(
        &self,
        ended: Result<Ended, tokio::task::JoinError>,
        lost: TransportError,
    ) -> Result<Outcome, TransportError> {
        match ended {
            Ok(Ended::Exited(exit_code)) => Ok(Outcome { exit_code, signal: None }),
            Ok(Ended::Signalled(signal)) => {
                Ok(Outcome { exit_code: 128 + signal_number(&signal), signal: Some(signal) })
            }
            Ok(Ended::NotStarted) => Err(TransportError::Refused {
                what: format!("The machine let {} in but did not run a command.", self.user),
                remedy: "Give the account an ordinary shell.".to_owned(),
            }),
            Ok(Ended::Lost) | Err(_) => Err(lost),
        }
    }

    fn unreachable(&self, what: &str) -> TransportError {
        unreachable(&self.host, self.port, what)
    }
}

/// How the script's channel ended.
enum Ended {
    Exited(i32),
    Signalled(String),
    NotStarted,
    Lost,
}

/// Passes the output on until the script has ended and its output is through.
async fn pump(mut reader: ChannelReadHalf, lines: mpsc::Sender<Line>) -> Ended {
    let mut out = Outlet::new(Stream::Out, lines.clone());
    let mut err = Outlet::new(Stream::Err, lines);
    let mut ended = None;
    let mut until = None;
    loop {
        let message = match &ended {
            None if out.is_moving() || err.is_moving() => match timeout(SHOWN_EVERY, reader.wait()).await {
                Ok(message) => message,
                Err(_) => {
                    out.look().await;
                    err.look().await;
                    continue;
                }
            },
            None => reader.wait().await,
            // Something the script has left running may hold its output open for ever, in silence or not.
            Some(_) => {
                let end = *until.get_or_insert_with(|| Instant::now() + LAST_WORDS);
                timeout_at(end.min(Instant::now() + QUIET), reader.wait()).await.unwrap_or(None)
            }
        };
        match message {
            Some(ChannelMsg::Data { data }) => out.push(&data).await,
            Some(ChannelMsg::ExtendedData { data, ext: 1 }) => err.push(&data).await,
            Some(ChannelMsg::ExitStatus { exit_status }) => {
                ended = Some(Ended::Exited(i32::try_from(exit_status).unwrap_or(i32::MAX)));
            }
            Some(ChannelMsg::ExitSignal { signal_name, .. }) => {
                ended = Some(Ended::Signalled(match signal_name {
                    Sig::Custom(name) => name,
                    known => format!("{known:?}"),
                }));
            }
            Some(ChannelMsg::Failure) => ended = Some(Ended::NotStarted),
            Some(ChannelMsg::Close) | None => break,
            Some(_) => {}
        }
    }
    out.finish().await;
    err.finish().await;
    ended.unwrap_or(Ended::Lost)
}

/// The label in a run's folder name, which ends in a random part.
fn label_of(name: &str) -> &str {
    name.rsplit_once('-').map_or(name, |(label, _)| label)
}

fn signal_number(name: &str) -> i32 {
    (1..32).find(|number| super::signal_name(*number) == name).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_key_is_refused_without_showing_it() {
        let secret = || {
            Secret::new("-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2\n-----END OPENSSH PRIVATE KEY-----\n".to_owned())
        };
        let credential = SshCredential::PrivateKey { openssh_pem: secret(), passphrase: Some(secret()) };
        let fault = credential.readable().unwrap_err();
        assert!(fault.nothing_ran());
        assert!(!format!("{fault} {fault:?} {credential:?}").contains("hunter2"));
    }
}

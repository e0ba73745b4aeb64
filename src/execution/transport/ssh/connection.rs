//! The connection to a machine: found, proved by its host key, signed in to, and short commands said over it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use russh::client::Msg;
use russh::client::{self, Handle, KeyboardInteractiveAuthResponse};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PublicKeyOrCertificate};
use russh::{Channel, ChannelMsg, Disconnect, Preferred};
use tokio::time::{sleep, timeout};

use super::super::TransportError;
use super::{CONNECT_LIMIT, HANG_UP_LIMIT, KEEPALIVE};
use crate::base::secret::Secret;

pub(super) fn unreachable(host: &str, port: u16, fault: impl std::fmt::Display) -> TransportError {
    TransportError::Unreachable(format!("No connection to {host}, port {port}: {fault}."))
}

/// Lets only the machine with the pinned key pass; with none pinned, nobody.
pub(super) struct Gatekeeper {
    pinned: Option<String>,
    refused: Arc<Mutex<Option<String>>>,
}

impl client::Handler for Gatekeeper {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        // Certificates are never asked for.
        let PublicKeyOrCertificate::PublicKey { key, .. } = shown else { return Ok(false) };
        let seen = key.fingerprint(HashAlg::Sha256).to_string();
        let known = self.pinned.as_ref().is_some_and(|pinned| same_fingerprint(pinned, &seen));
        if !known {
            *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        }
        Ok(known)
    }
}

/// Some tools write the padding, most do not.
pub(super) fn same_fingerprint(one: &str, other: &str) -> bool {
    one.trim().trim_end_matches('=') == other.trim().trim_end_matches('=')
}

/// Which host keys to ask for, in turn: any, then one kind at a time.
pub(super) fn preferences() -> Vec<Vec<Algorithm>> {
    let curves = [EcdsaCurve::NistP256, EcdsaCurve::NistP384, EcdsaCurve::NistP521];
    let ecdsa = curves.map(|curve| Algorithm::Ecdsa { curve }).to_vec();
    let rsa = [HashAlg::Sha512, HashAlg::Sha256].map(|hash| Algorithm::Rsa { hash: Some(hash) }).to_vec();
    let any = [vec![Algorithm::Ed25519], ecdsa.clone(), rsa.clone()].concat();
    vec![any, ecdsa, rsa]
}

/// A connection, or why not; and the fingerprint that was refused.
pub(super) async fn connect(
    host: &str,
    port: u16,
    pinned: Option<String>,
    preferred: Preferred,
) -> (Result<Handle<Gatekeeper>, String>, Option<String>) {
    let config = client::Config {
        keepalive_interval: Some(KEEPALIVE),
        keepalive_max: 3,
        nodelay: true,
        preferred,
        ..client::Config::default()
    };
    let refused = Arc::new(Mutex::new(None));
    let gatekeeper = Gatekeeper { pinned, refused: Arc::clone(&refused) };
    let result = match timeout(CONNECT_LIMIT, client::connect(Arc::new(config), (host, port), gatekeeper)).await {
        Ok(Ok(session)) => Ok(session),
        Ok(Err(fault)) => Err(fault.to_string()),
        Err(_) => Err(format!("no answer within {} seconds", CONNECT_LIMIT.as_secs())),
    };
    let refused = refused.lock().unwrap_or_else(PoisonError::into_inner).take();
    (result, refused)
}

/// Machines that ask for the password as a question. Every hidden question gets it, but only in the first round.
pub(super) async fn answer_questions(
    session: &mut Handle<Gatekeeper>,
    user: &str,
    password: &Secret,
) -> Result<bool, russh::Error> {
    let mut answer = session.authenticate_keyboard_interactive_start(user, None).await?;
    let mut given = false;
    loop {
        let prompts = match answer {
            KeyboardInteractiveAuthResponse::Success => return Ok(true),
            KeyboardInteractiveAuthResponse::Failure { .. } => return Ok(false),
            KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => prompts,
        };
        if given && !prompts.is_empty() {
            return Ok(false);
        }
        given |= !prompts.is_empty();
        let answers =
            prompts.iter().map(|prompt| if prompt.echo { String::new() } else { password.expose().to_owned() });
        answer = session.authenticate_keyboard_interactive_respond(answers.collect()).await?;
    }
}

pub(super) async fn hang_up(session: &Handle<Gatekeeper>) {
    let _ = timeout(HANG_UP_LIMIT, session.disconnect(Disconnect::ByApplication, "", "")).await;
}

/// A machine that allows one channel at a time needs a moment after the last one.
pub(super) async fn open(session: &Handle<Gatekeeper>) -> Result<Channel<Msg>, russh::Error> {
    let mut tries = 0;
    loop {
        match session.channel_open_session().await {
            Err(russh::Error::ChannelOpenFailure(_)) if tries < 10 => tries += 1,
            opened => return opened,
        }
        sleep(Duration::from_millis(100)).await;
    }
}

/// What a short command answered.
pub(super) struct Answer {
    pub exit_code: Option<u32>,
    /// Both outputs together, the first 4 KiB.
    pub text: String,
}

/// Runs a short command with something on its standard input.
pub(super) async fn command(
    session: &Handle<Gatekeeper>,
    text: &str,
    input: &[u8],
    limit: Duration,
) -> Result<Answer, String> {
    let talk = async {
        let channel = open(session).await?;
        let (mut reader, writer) = channel.split();
        writer.exec(true, text).await?;
        let feed = async {
            // A command that does not read on closes the channel; its exit code tells why.
            let _ = writer.data(input).await;
            let _ = writer.eof().await;
        };
        let listen = async {
            let (mut exit_code, mut bytes) = (None, Vec::new());
            while let Some(message) = reader.wait().await {
                match message {
                    ChannelMsg::Data { data } | ChannelMsg::ExtendedData { data, .. } => {
                        let room = 4096_usize.saturating_sub(bytes.len());
                        bytes.extend(data.iter().take(room));
                    }
                    ChannelMsg::ExitStatus { exit_status } => exit_code = Some(exit_status),
                    ChannelMsg::Failure | ChannelMsg::Close => break,
                    _ => {}
                }
            }
            (exit_code, bytes)
        };
        // The answer ends it, also when not all input was taken.
        let mut feed = std::pin::pin!(feed);
        let mut listen = std::pin::pin!(listen);
        let (exit_code, bytes) = tokio::select! {
            answer = &mut listen => answer,
            () = &mut feed => listen.await,
        };
        let _ = writer.close().await;
        Ok::<_, russh::Error>((exit_code, bytes))
    };
    match timeout(limit, talk).await {
        Ok(Ok((None, bytes))) if bytes.is_empty() && session.is_closed() => Err("the connection was lost".to_owned()),
        Ok(Ok((exit_code, bytes))) => Ok(Answer { exit_code, text: String::from_utf8_lossy(&bytes).into_owned() }),
        Ok(Err(fault)) => Err(fault.to_string()),
        Err(_) => Err("no answer in time".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_the_same_with_and_without_padding() {
        assert!(same_fingerprint(" SHA256:abc=\n", "SHA256:abc"));
        assert!(!same_fingerprint("SHA256:abc", "SHA256:abd"));
        assert!(!same_fingerprint("", "SHA256:abd"));
    }
}

//! Hands the companies' letters to the mail server. One after the other: there is one mail server, and letters are few.
//!
//! Promises: a letter that waits is tried within seconds, whichever process wrote it; a company whose file cannot be
//! opened holds up no other; the mail server's password goes over no line that is not encrypted, but to this machine.

use crate::{
    appliance::Appliance,
    base::{
        clock,
        error::{Error, Result},
        secret::Secret,
    },
    company::{
        access::{EngineKey, Visitor, permissions::LetterSend},
        post::{self, Outcome, Outgoing},
    },
};
use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header},
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
        extension::ClientId,
    },
};
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// A mail server is given so long for one letter.
const PATIENCE: Duration = Duration::from_secs(30);
/// Without a ringing bell the outboxes are looked through after so long: another process may have written a letter.
const ROUND: Duration = Duration::from_secs(10);
/// What is given as a reason when there is no mail server.
const UNSET: &str = "no mail server is set up on this appliance";

/// How the line to the mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// Not at all: for a mail server on this machine.
    None,
    /// From the first command after the greeting; refused when the server cannot. Port 587.
    #[default]
    Starttls,
    /// From the first byte. Port 465.
    Tls,
}

/// The mail server.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its name or address.
    pub host: String,
    /// Its port; by itself the usual one.
    pub port: Option<u16>,
    /// How the line is encrypted.
    pub tls: Encryption,
    /// Who to say one is, with which password.
    pub credentials: Option<(String, Secret)>,
    /// The address that letters come from.
    pub from: String,
    /// A certificate in PEM to trust beside the public ones.
    pub ca: Option<PathBuf>,
}

/// A mail server that was understood; nothing was sent yet.
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Address,
}

impl Mailer {
    /// Checks the settings.
    ///
    /// # Errors
    /// `Conflict` with the remedy.
    pub fn new(settings: &Settings) -> Result<Mailer> {
        let wrong = |what: String| Error::Conflict(format!("The section [mail] of the configuration: {what}"));
        let from: Address =
            settings.from.trim().parse().map_err(|_| wrong(format!("“{}” is no e-mail address.", settings.from)))?;
        let host = settings.host.trim().to_owned();
        if host.is_empty() {
            return Err(wrong("“host” is missing.".into()));
        }
        let here = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        if settings.tls == Encryption::None && settings.credentials.is_some() && !here {
            return Err(wrong("a password is not sent over an open line. Set tls to \"starttls\" or \"tls\".".into()));
        }
        let parameters = || -> Result<TlsParameters> {
            let mut parameters = TlsParameters::builder(host.clone());
            if let Some(path) = &settings.ca {
                let pem = std::fs::read(path)
                    .map_err(|cause| wrong(format!("{} cannot be read: {cause}.", path.display())))?;
                let certificate = Certificate::from_pem(&pem)
                    .map_err(|cause| wrong(format!("{} is no certificate: {cause}.", path.display())))?;
                parameters = parameters.add_root_certificate(certificate);
            }
            parameters.build().map_err(|cause| wrong(format!("TLS cannot be set up: {cause}.")))
        };
        let (tls, port) = match settings.tls {
            Encryption::None => (Tls::None, 25),
            Encryption::Starttls => (Tls::Required(parameters()?), 587),
            Encryption::Tls => (Tls::Wrapper(parameters()?), 465),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(settings.port.unwrap_or(port))
            .tls(tls)
            .timeout(Some(PATIENCE))
            .hello_name(ClientId::Domain(from.domain().to_owned()));
        if let Some((user, password)) = &settings.credentials {
            builder = builder.credentials(Credentials::new(user.clone(), password.expose().to_owned()));
        }
        Ok(Mailer { transport: builder.build(), from })
    }

    async fn send(&self, letter: &Outgoing) -> Outcome {
        let message = match self.message(letter) {
            Ok(message) => message,
            Err(outcome) => return outcome,
        };
        match tokio::time::timeout(PATIENCE * 2, self.transport.send(message)).await {
            Ok(Ok(_)) => Outcome::Sent,
            Ok(Err(fault)) if refuses_letter(&fault) => Outcome::Never(told(&fault)),
            Ok(Err(fault)) => Outcome::Later(told(&fault)),
            Err(_) => Outcome::Later("the mail server did not answer in time".into()),
        }
    }

    fn message(&self, letter: &Outgoing) -> std::result::Result<Message, Outcome> {
        let never = |what: &str| Outcome::Never(what.to_owned());
        let to: Address = letter.receiver.parse().map_err(|_| never("the address is not one that mail can go to"))?;
        // The company's own address is what people see and answer. The appliance stays the sender, also on the envelope:
        // that is whom the mail server knows, and where what cannot be delivered comes back to.
        let own = letter.from.as_deref().and_then(|address| address.parse::<Address>().ok());
        let mut builder = Message::builder();
        if own.as_ref().is_some_and(|own| *own != self.from) {
            builder = builder.sender(Mailbox::new(None, self.from.clone()));
        }
        builder
            .from(Mailbox::new(Some(letter.company.clone()), own.unwrap_or_else(|| self.from.clone())))
            .to(Mailbox::new(None, to))
            .subject(letter.subject.clone())
            .message_id(Some(format!("<{}@{}>", letter.message_id, self.from.domain())))
            .header(AutoSubmitted)
            .header(header::ContentType::TEXT_PLAIN)
            .body(format!("{}\n", letter.text.expose()))
            .map_err(|cause| Outcome::Never(format!("the letter could not be written: {cause}")))
    }
}

/// Says that no person wrote it, so that absence notices do not answer (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl header::Header for AutoSubmitted {
    fn name() -> header::HeaderName {
        header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }
    fn parse(_: &str) -> std::result::Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(AutoSubmitted)
    }
    fn display(&self) -> header::HeaderValue {
        header::HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// Whether the mail server refuses this letter for good (55x). That it does not know our password may be mended.
fn refuses_letter(fault: &lettre::transport::smtp::Error) -> bool {
    fault.is_permanent() && fault.status().is_some_and(|code| (550..560).contains(&u16::from(code)))
}

fn told(fault: &lettre::transport::smtp::Error) -> String {
    let mut words = fault.to_string();
    let mut cause = std::error::Error::source(fault);
    while let Some(inner) = cause {
        let inner_words = inner.to_string();
        if !words.contains(&inner_words) {
            words.push_str(": ");
            words.push_str(&inner_words);
        }
        cause = inner.source();
    }
    words
}

/// Starts sending. `base` is the address that links begin with. Without a mailer, letters are given up and say so.
pub fn start(
    appliance: Arc<Appliance>,
    key: Arc<EngineKey>,
    mailer: Option<Mailer>,
    base: String,
    stop: CancellationToken,
) -> tokio::task::JoinHandle<()> {
    let round = Arc::new(Round { appliance, key, base, unset: mailer.is_none() });
    tokio::spawn(async move {
        let mut bell = post::bell();
        while !stop.is_cancelled() {
            bell.borrow_and_update();
            let pause = go_round(&round, mailer.as_ref(), &stop).await;
            tokio::select! {
                _ = bell.changed() => {}
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => {}
            }
        }
    })
}

struct Round {
    appliance: Arc<Appliance>,
    key: Arc<EngineKey>,
    base: String,
    unset: bool,
}

/// One look through the outboxes; how long until the next.
async fn go_round(round: &Arc<Round>, mailer: Option<&Mailer>, stop: &CancellationToken) -> Duration {
    let mut pause = ROUND;
    let slugs = match in_files(round, |round| round.appliance.with_letters()).await {
        Ok(slugs) => slugs,
        Err(error) => {
            tracing::error!(%error, "the outboxes could not be looked through");
            return pause;
        }
    };
    for slug in slugs {
        let name = slug.clone();
        match serve(round, slug, mailer, stop).await {
            Ok(wait) => pause = pause.min(wait),
            Err(error) => tracing::error!(company = name, %error, "a company's letters cannot be sent now"),
        }
    }
    pause
}

async fn in_files<T: Send + 'static>(
    round: &Arc<Round>,
    work: impl FnOnce(&Round) -> Result<T> + Send + 'static,
) -> Result<T> {
    let round = round.clone();
    match tokio::task::spawn_blocking(move || work(&round)).await {
        Ok(answer) => answer,
        Err(fault) => Err(Error::internal(format!("looking after letters failed: {fault}"))),
    }
}

async fn serve(
    round: &Arc<Round>,
    slug: String,
    mailer: Option<&Mailer>,
    stop: &CancellationToken,
) -> Result<Duration> {
    while let Some(mailer) = mailer
        && !stop.is_cancelled()
    {
        let of = slug.clone();
        let next = in_files(round, move |round| round.with(&of, |granted| post::next(granted, &round.base))).await?;
        let Some(letter) = next else { break };
        let outcome = mailer.send(&letter).await;
        if let Outcome::Later(problem) | Outcome::Never(problem) = &outcome {
            tracing::warn!(company = slug, letter = letter.id, problem, "a letter was not sent");
        }
        let of = slug.clone();
        in_files(round, move |round| round.with(&of, |granted| post::settle(granted, &letter, &outcome))).await?;
    }
    let next = in_files(round, move |round| {
        let unset = round.unset.then_some(UNSET);
        round.with(&slug, |granted| post::tidy(granted, unset))
    });
    let wait = next.await?.map_or(ROUND.as_millis() as i64, |at| at.0 - clock::now().0);
    Ok(Duration::from_millis(wait.clamp(200, ROUND.as_millis() as i64) as u64))
}

impl Round {
    fn with<T>(
        &self,
        slug: &str,
        work: impl FnOnce(&crate::company::access::Granted<'_, LetterSend>) -> Result<T>,
    ) -> Result<T> {
        let company = self.appliance.company(slug)?;
        let engine = Visitor::engine(&company, &self.key);
        let granted = engine.ask(LetterSend {})?;
        work(&granted)
    }
}

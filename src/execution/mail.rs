//! Hands the companies' letters to the mail server. One after the other: there is one mail server, and letters are few.
//!
//! Promises: a letter that waits is tried within seconds, whichever process wrote it; a company whose file cannot be
//! opened holds up no other; the mail server's password goes over no line that is not encrypted, but to this machine. A
//! letter is *sent* only by the mail server's own answer to it: each has a connection of its own, which is never used
//! again. Where no answer came it is sent once more under the same name: rather twice than lost.

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
    Address, Message,
    message::{Mailbox, header},
    transport::smtp::{
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::{AsyncSmtpConnection, Certificate, TlsParameters},
        commands::{Data, Mail, Rcpt},
        extension::{ClientId, Extension, MailBodyParameter, MailParameter},
        response::Response,
    },
};
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// A mail server is given so long for each answer before that to a letter itself.
const PATIENCE: Duration = Duration::from_secs(30);
/// It is given so long for the answer to a letter, unless the configuration says otherwise: servers look through letters
/// before they answer, and who goes away meanwhile sends them twice (RFC 5321 4.5.3.2 has ten minutes).
const PATIENCE_FOR_LETTER: Duration = Duration::from_secs(300);
/// A letter that is under way when the server stops gets so long.
const PATIENCE_AT_STOP: Duration = Duration::from_secs(5);
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
    /// How long the mail server has for its answer to a letter.
    pub timeout: Option<Duration>,
}

/// A mail server that was understood; nothing was sent yet.
pub struct Mailer {
    host: String,
    port: u16,
    tls: Option<TlsParameters>,
    way: Encryption,
    credentials: Option<Credentials>,
    hello: ClientId,
    from: Address,
    patience: Duration,
    patience_for_letter: Duration,
}

/// Why a letter was not handed over.
enum Trouble {
    /// The mail server's own answer, or a fault of the line.
    Smtp(lettre::transport::smtp::Error),
    /// An answer that is not one to what was asked: `wanted`, what came.
    OutOfTurn(&'static str, String),
    /// None in time.
    Slow,
    /// The letter asks for what the mail server cannot do.
    Unable(&'static str),
}

impl Trouble {
    fn words(&self) -> String {
        match self {
            Trouble::Smtp(fault) => told(fault),
            Trouble::OutOfTurn(wanted, came) => {
                format!("the mail server answered out of turn: {came} in place of {wanted}")
            }
            Trouble::Slow => "the mail server did not answer in time".into(),
            Trouble::Unable(what) => (*what).into(),
        }
    }
    /// About the line, our password or our address: that can be mended, the letter waits.
    fn of_line(self) -> Outcome {
        Outcome::Later(self.words())
    }
    /// About this letter.
    fn of_letter(self) -> Outcome {
        match &self {
            Trouble::Smtp(fault) if refuses_letter(fault) => Outcome::Never(self.words()),
            _ => Outcome::Later(self.words()),
        }
    }
}

/// An answer in time, with one of these codes.
async fn answer(
    patience: Duration,
    wanted: &'static str,
    asked: impl Future<Output = std::result::Result<Response, lettre::transport::smtp::Error>>,
) -> std::result::Result<(), Trouble> {
    match tokio::time::timeout(patience, asked).await {
        Err(_) => Err(Trouble::Slow),
        Ok(Err(fault)) => Err(Trouble::Smtp(fault)),
        Ok(Ok(response)) => {
            let code = u16::from(response.code()).to_string();
            if wanted.split(' ').any(|one| one == code) { Ok(()) } else { Err(Trouble::OutOfTurn(wanted, code)) }
        }
    }
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
            Encryption::None => (None, 25),
            Encryption::Starttls => (Some(parameters()?), 587),
            Encryption::Tls => (Some(parameters()?), 465),
        };
        let credentials = settings.credentials.as_ref();
        let patience_for_letter = settings.timeout.unwrap_or(PATIENCE_FOR_LETTER);
        Ok(Mailer {
            host,
            port: settings.port.unwrap_or(port),
            tls,
            way: settings.tls,
            credentials: credentials.map(|(user, word)| Credentials::new(user.clone(), word.expose().to_owned())),
            hello: ClientId::Domain(from.domain().to_owned()),
            from,
            patience: PATIENCE.min(patience_for_letter),
            patience_for_letter,
        })
    }

    async fn send(&self, letter: &Outgoing, stop: &CancellationToken) -> Outcome {
        let message = match self.message(letter) {
            Ok(message) => message,
            Err(outcome) => return outcome,
        };
        let stopped = async {
            stop.cancelled().await;
            tokio::time::sleep(PATIENCE_AT_STOP).await;
        };
        tokio::select! {
            handed = self.hand_over(&message) => handed.map_or_else(|outcome| outcome, |()| Outcome::Sent),
            () = stopped => Outcome::Later("the server stopped before the mail server had answered".into()),
        }
    }

    /// One connection, for one letter. Whatever goes wrong, it is dropped where it stands: what comes on it later is an
    /// answer to something else.
    async fn hand_over(&self, message: &Message) -> std::result::Result<(), Outcome> {
        let mut line = self.connect().await.map_err(Trouble::of_line)?;
        let (envelope, bytes) = (message.envelope(), message.formatted());
        let mut options = Vec::new();
        let plain = |address: &Address| AsRef::<str>::as_ref(address).is_ascii();
        if !envelope.to().iter().chain(envelope.from()).all(plain) {
            if !line.server_info().supports_feature(Extension::SmtpUtfEight) {
                return Err(Trouble::Unable("the mail server takes no such address (SMTPUTF8)").of_line());
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        if !bytes.is_ascii() {
            if !line.server_info().supports_feature(Extension::EightBitMime) {
                return Err(Trouble::Unable("the mail server takes no such letter (8BITMIME)").of_line());
            }
            options.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let sender = Mail::new(envelope.from().cloned(), options);
        answer(self.patience, "250", line.command(sender)).await.map_err(Trouble::of_line)?;
        for receiver in envelope.to() {
            let receiver = Rcpt::new(receiver.clone(), Vec::new());
            answer(self.patience, "250 251 252", line.command(receiver)).await.map_err(Trouble::of_letter)?;
        }
        // That this answer is 354 and the next one 250 shows that nothing came in between.
        answer(self.patience, "354", line.command(Data)).await.map_err(Trouble::of_letter)?;
        answer(self.patience_for_letter, "250", line.message(&bytes)).await.map_err(Trouble::of_letter)?;
        // Taken: how they part does not matter, and nobody waits for it.
        let patience = self.patience;
        tokio::spawn(async move { drop(tokio::time::timeout(patience, line.quit()).await) });
        Ok(())
    }

    /// A connection that is encrypted as settled, and where the mail server knows who we are.
    async fn connect(&self) -> std::result::Result<AsyncSmtpConnection, Trouble> {
        let begun = async {
            let wrapped = self.tls.clone().filter(|_| self.way == Encryption::Tls);
            let server = (self.host.as_str(), self.port);
            let mut line =
                AsyncSmtpConnection::connect_tokio1(server, Some(self.patience), &self.hello, wrapped, None).await?;
            if self.way == Encryption::Starttls
                && let Some(parameters) = &self.tls
            {
                line.starttls(parameters.clone(), &self.hello).await?;
            }
            if let Some(credentials) = &self.credentials {
                line.auth(DEFAULT_MECHANISMS, credentials).await?;
            }
            Ok(line)
        };
        match tokio::time::timeout(self.patience * 2, begun).await {
            Ok(line) => line.map_err(Trouble::Smtp),
            Err(_) => Err(Trouble::Slow),
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

/// Why the mail server was not reached or did not take it, in words; its own answer as it came.
fn told(fault: &lettre::transport::smtp::Error) -> String {
    let chain = chain(fault);
    match in_words(&chain) {
        Some(words) => {
            tracing::warn!(cause = chain, "{words}");
            words.to_owned()
        }
        None => chain,
    }
}

/// What the causes of a failed connection mean for who looks after the server.
fn in_words(chain: &str) -> Option<&'static str> {
    let means = [
        (
            "UnknownIssuer",
            "this server does not trust who signed the mail server's certificate. The operator names the certificate in “ca-file” in the section [mail]",
        ),
        (
            "CaUsedAsEndEntity",
            "the mail server shows a certificate that is made to sign others and not for a server. The operator gives it another",
        ),
        (
            "not valid for name",
            "the mail server's certificate is for another name. The operator sets “host” in the section [mail] to the name in it",
        ),
        (
            "NotValidForName",
            "the mail server's certificate is for another name. The operator sets “host” in the section [mail] to the name in it",
        ),
        ("certificate expired", "the mail server's certificate has expired"),
        ("Expired", "the mail server's certificate has expired"),
        ("NotValidYet", "the mail server's certificate is not valid yet. Compare the clocks of both machines"),
        ("invalid peer certificate", "the mail server's certificate cannot be checked"),
        (
            "InvalidContentType",
            "the mail server does not begin with TLS on this port. The operator sets “tls” or “port” in the section [mail]",
        ),
        (
            "received corrupt message",
            "the mail server does not begin with TLS on this port. The operator sets “tls” or “port” in the section [mail]",
        ),
        ("alert", "the mail server broke the encrypted connection off"),
        (
            "Connection refused",
            "nothing listens where the mail server should be. The operator compares “host” and “port” in the section [mail]",
        ),
        (
            "failed to lookup address",
            "the name of the mail server is not known. The operator compares “host” in the section [mail]",
        ),
    ];
    means.iter().find(|(part, _)| chain.contains(part)).map(|(_, words)| *words)
}

/// An error with its causes.
fn chain(fault: &dyn std::error::Error) -> String {
    let mut words = fault.to_string();
    let mut cause = fault.source();
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
        let next = in_files(round, move |round| {
            round.with(&of, |granted| {
                post::next(granted, &round.base, round.appliance.own_address(&round.base, &of).as_deref())
            })
        })
        .await?;
        let Some(letter) = next else { break };
        let outcome = mailer.send(&letter, stop).await;
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

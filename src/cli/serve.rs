//! `bulkhead serve`.

use super::{
    Failure, Mail, Start,
    config::{as_public_url, read_secret},
};
use crate::{
    app::{Server, Settings},
    appliance::RESERVE,
    base::{names, outward::Outward},
    execution::{
        keeper, mail,
        transport::sandbox::{self, Network, PowerShell, Weakest},
    },
    http::proxies::Proxies,
};
use clap::{Args, builder::BoolishValueParser};
use std::{io::Write, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

/// Where and how to serve.
#[derive(Args, Clone)]
pub struct Options {
    /// Where to listen [default: 127.0.0.1:8080]
    #[arg(long, env = "BULKHEAD_LISTEN", value_name = "ADDR:PORT")]
    pub listen: Option<SocketAddr>,
    /// The address people use, such as https://deploy.example.com
    #[arg(long, env = "BULKHEAD_PUBLIC_URL", value_name = "URL", value_parser = as_public_url)]
    pub public_url: Option<String>,
    /// The weakest sandbox in which the built-in worker may run scripts [default: full]
    #[arg(long, env = "BULKHEAD_WORKER_SANDBOX", value_name = "KIND")]
    pub worker_sandbox: Option<Weakest>,
    /// What scripts on the built-in worker reach [default: filtered where slirp4netns or pasta works, else none]
    #[arg(long, env = "BULKHEAD_WORKER_NETWORK", value_name = "REACH")]
    pub worker_network: Option<Network>,
    /// Where PowerShell is, for scripts on the built-in worker [default: the first pwsh that PATH leads to]
    #[arg(long, env = "BULKHEAD_WORKER_POWERSHELL", value_name = "FILE")]
    pub worker_powershell: Option<PathBuf>,
    /// The same as --worker-sandbox=unsandboxed
    #[arg(long, env = "BULKHEAD_ALLOW_UNSANDBOXED", value_parser = BoolishValueParser::new())]
    pub allow_unsandboxed: bool,
    /// Seconds that running tasks get to finish when the server stops
    #[arg(long, env = "BULKHEAD_GRACE", default_value_t = 20, value_name = "SECONDS")]
    pub grace: u64,
    /// Room on the disk kept for signing in, deleting and backing up when the disk is full, or 0 [default: 32M]
    #[arg(long, env = "BULKHEAD_RESERVE", value_name = "SIZE")]
    pub reserve: Option<String>,
}

/// The settings that command line and configuration file give together.
pub fn settings(start: &Start, options: &Options) -> Result<Settings, Failure> {
    let listen = options.listen.or(start.config.listen).unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080)));
    Ok(Settings {
        listen,
        data: start.data.clone(),
        public_url: options.public_url.clone().or(start.public_url.clone()),
        program: program()?,
        worker: worker(start, options),
        powershell: powershell(start, options)?,
        grace: Duration::from_secs(options.grace),
        trails: trails(start)?,
        mail: start.config.mail.as_ref().map(mail_settings).transpose()?,
        proxies: proxies(start)?,
        reserve: reserve(start, options)?,
    })
}

fn worker(start: &Start, options: &Options) -> sandbox::Settings {
    let unsandboxed = options.allow_unsandboxed || start.config.allow_unsandboxed.unwrap_or(false);
    let weakest = options.worker_sandbox.or(start.config.worker_sandbox);
    let weakest = weakest.unwrap_or(if unsandboxed { Weakest::Unsandboxed } else { Weakest::Full });
    sandbox::Settings { weakest, network: options.worker_network.or(start.config.worker_network) }
}

fn powershell(start: &Start, options: &Options) -> Result<Option<PowerShell>, Failure> {
    match options.worker_powershell.as_ref().or(start.config.worker_powershell.as_ref()) {
        None => Ok(PowerShell::found(std::env::var_os("PATH").as_deref())),
        Some(file) => PowerShell::at(file)
            .map(Some)
            .map_err(|sentence| Failure::Misused(format!("--worker-powershell: {sentence}"))),
    }
}

fn reserve(start: &Start, options: &Options) -> Result<u64, Failure> {
    let Some(text) = options.reserve.as_ref().or(start.config.reserve.as_ref()) else { return Ok(RESERVE) };
    let bytes = if text.trim() == "0" { Some(0) } else { names::parse_bytes(text) };
    bytes.map(i64::unsigned_abs).ok_or_else(|| {
        Failure::Misused(format!("--reserve: “{text}” is not a size. Give one such as 32M, or 0 for no reserve."))
    })
}

fn trails(start: &Start) -> Result<keeper::Settings, Failure> {
    let syslog = start.config.syslog.as_deref().map(str::parse).transpose();
    let syslog = syslog.map_err(|wrong| Failure::Misused(format!("The configuration: syslog: {wrong}")))?;
    Ok(keeper::Settings {
        syslog: syslog.unwrap_or_default(),
        outward: Arc::new(Outward::new(start.config.allow_internal.clone())),
        ..keeper::Settings::default()
    })
}

/// A secret that a proxy shows is at least so long, in bytes.
const PROXY_SECRET: usize = 16;

fn proxies(start: &Start) -> Result<Proxies, Failure> {
    let config = &start.config;
    let secret = config.proxy_secret_file.as_deref().map(read_secret).transpose()?;
    if let Some(path) = config.proxy_secret_file.as_deref().filter(|_| config.trusted_proxies.is_empty()) {
        let path = path.display();
        return Err(Failure::Misused(format!(
            "The configuration: proxy-secret-file {path} is of no use without trusted-proxies."
        )));
    }
    if secret.as_ref().is_some_and(|secret| secret.expose().len() < PROXY_SECRET) {
        return Err(Failure::Misused(format!(
            "The configuration: proxy-secret-file: the secret is shorter than {PROXY_SECRET} characters. Make one with: openssl rand -hex 32"
        )));
    }
    Proxies::new(config.trusted_proxies.clone(), secret)
        .map_err(|sentence| Failure::Misused(format!("The configuration: trusted-proxies: {sentence}")))
}

fn mail_settings(mail: &Mail) -> Result<mail::Settings, Failure> {
    let credentials = match (&mail.user, &mail.password_file) {
        (None, None) => None,
        (Some(user), Some(path)) => Some((user.clone(), read_secret(path)?)),
        _ => {
            let sentence = "The section [mail] of the configuration: “user” and “password-file” belong together.";
            return Err(Failure::Misused(sentence.into()));
        }
    };
    let section = |what: &str| Failure::Misused(format!("The section [mail] of the configuration: {what}"));
    if mail.port == Some(0) {
        return Err(section("there is no port 0. Leave “port” out for the usual one."));
    }
    if mail.timeout.is_some_and(|seconds| !(1..=600).contains(&seconds)) {
        return Err(section("“timeout” is a number of seconds from 1 to 600."));
    }
    let settings = mail::Settings {
        host: mail.host.clone(),
        port: mail.port,
        tls: mail.tls,
        credentials,
        from: mail.from.clone(),
        ca: mail.ca_file.clone(),
        timeout: mail.timeout.map(Duration::from_secs),
    };
    // What it does not take is said before anything is opened.
    mail::Mailer::new(&settings).map_err(|wrong| Failure::Misused(wrong.to_string()))?;
    Ok(settings)
}

fn program() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(|cause| Failure::Failed(format!("The program does not find itself: {cause}.")))
}

/// The runtime: threads for requests, on which looks run, too (`http::looking`), and a bounded number that may wait for
/// files.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    // As many as can run at once, but two, so that one is left to carry connections: more of them wait for each other
    // at SQLite's locks, which costs an API read some 5 %.
    let threads = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 64);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .worker_threads(threads)
        .max_blocking_threads(64)
        .build();
    runtime.map_err(|cause| Failure::Failed(format!("The server cannot start: {cause}.")))
}

fn say(line: &str) {
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Serves until told to stop.
pub fn run(start: Start, options: Options) -> Result<(), Failure> {
    let settings = settings(&start, &options)?;
    runtime()?.block_on(async {
        let server = Server::open(settings).await?;
        if let Some(token) = server.desk().appliance.offer_setup()? {
            say(&format!("setup: {}/setup/{token}", server.url()));
            // Who reads the two may have gone: the server serves nevertheless.
            let _ = writeln!(
                std::io::stderr(),
                "There is no company yet. Open the set-up link above in a browser; it works once, for 30 minutes."
            );
        }
        // Last: whoever waits for this line has everything before it.
        say(&format!("listening: http://{}", server.address()));
        server.run(start.engine).await?;
        Ok(())
    })
}

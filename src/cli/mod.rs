//! The command line: results go to stdout, talk to stderr; exit codes as written in the manual.

#[macro_use]
mod out;

mod backup;
mod company;
mod config;
mod demo;
mod owner;
mod serve;
#[cfg(test)]
mod tests;
mod user;

pub use config::Config;
use config::Mail;

use crate::{
    base::error::Error,
    company::{
        access::{EngineKey, OperatorKey, mint_keys},
        post,
    },
    execution::transport::sandbox,
};
use clap::{Args, Parser, Subcommand, builder::BoolishValueParser};
use std::{path::PathBuf, process::ExitCode};

/// Self-hosted deployments, with every company in a watertight compartment.
#[derive(Parser)]
#[command(name = "bulkhead", version, about)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every command understands.
#[derive(Args, Clone)]
pub struct Common {
    /// The data folder; commands run as its owner [default: /var/lib/bulkhead if it exists, else ./bulkhead-data]
    #[arg(long, global = true, env = "BULKHEAD_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// A configuration file (TOML) [default: /etc/bulkhead/bulkhead.toml, for the data folder that it is about]
    #[arg(long, global = true, env = "BULKHEAD_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long, global = true, env = "BULKHEAD_JSON", value_parser = BoolishValueParser::new())]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::Options),
    /// Fill an empty data folder with two sample companies, start the server and run a real deployment
    Demo(serve::Options),
    /// Create, list, show, suspend, rename, remove and take in companies
    #[command(subcommand)]
    Company(company::Company),
    /// List, invite, deactivate and reactivate people; the way back in for who is locked out
    #[command(subcommand)]
    User(user::Command),
    /// API keys of a company's people
    #[command(subcommand)]
    ApiKey(company::ApiKey),
    /// Write consistent copies of companies while they run
    Backup(backup::Backup),
    /// Put a company back from a backup
    Restore(backup::Restore),
    /// Check companies: database, foreign keys, the chain of the trail
    Verify(backup::Verify),
    /// Print the description of the API (OpenAPI 3.1)
    Openapi,
}

/// A command's end that is not a success.
pub enum Failure {
    /// Exit code 1: it failed.
    Failed(String),
    /// Exit code 2: something was set that is not understood.
    Misused(String),
    /// Exit code 3: refused, nothing was done.
    Refused(String),
}

impl Failure {
    /// What is said of it.
    pub fn sentence(&self) -> &str {
        match self {
            Failure::Failed(sentence) | Failure::Misused(sentence) | Failure::Refused(sentence) => sentence,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            // Where something else can be missing, the command itself says what.
            Error::NotFound(slug) => Failure::Refused(no_company(&slug)),
            Error::Conflict(_) | Error::Denied(_) | Error::Limit(_) => Failure::Refused(error.to_string()),
            Error::Invalid(fields) => {
                let lines: Vec<String> = fields.iter().map(|(field, message)| format!("{field}: {message}")).collect();
                Failure::Refused(lines.join("\n"))
            }
            other => Failure::Failed(other.to_string()),
        }
    }
}
/// Names a company that is not there.
fn no_company(slug: &str) -> String {
    format!("There is no company “{slug}” here.")
}
impl From<std::io::Error> for Failure {
    fn from(cause: std::io::Error) -> Self {
        Failure::Failed(cause.to_string())
    }
}

/// Everything a command needs to begin.
pub struct Start {
    /// The data folder.
    pub data: PathBuf,
    /// Whether to print JSON.
    pub json: bool,
    /// What the configuration file says.
    pub config: Config,
    /// The address people use, as far as it is known here.
    pub public_url: Option<String>,
    /// The right to act as the engine.
    pub engine: EngineKey,
    /// The right to act as the operator.
    pub operator: OperatorKey,
}

impl Start {
    /// A path of the server as a link, whole where the server's address is known.
    pub fn link(&self, path: &str) -> String {
        format!("{}{path}", self.public_url.as_deref().unwrap_or_default())
    }
    /// A path of the server as a whole link; `None` where its address is not known.
    pub fn whole_link(&self, path: &str) -> Option<String> {
        self.public_url.as_deref().map(|url| format!("{url}{path}"))
    }
    /// What is said above a link.
    pub fn where_to_open(&self) -> &'static str {
        match self.public_url {
            Some(_) => "Open this link in a browser.",
            None => "Open the link below this server's address.",
        }
    }
}

/// Runs the command line.
pub fn run() -> ExitCode {
    // Every file that this program makes is its owner's alone.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    // Before any thread: the sandbox closes down this very process.
    if let Some(ended) = sandbox::takes_part() {
        return ended;
    }
    let cli = Cli::parse();
    match begin(cli) {
        Ok(()) => match out::lost() {
            None => ExitCode::SUCCESS,
            Some(cause) => {
                eprintln!(
                    "bulkhead: It was done, but the result could not be written: {cause}. Look at where the output goes. A key or link that was to be shown is lost: make another."
                );
                ExitCode::from(1)
            }
        },
        Err(Failure::Failed(sentence)) => {
            eprintln!("bulkhead: {sentence}");
            ExitCode::from(1)
        }
        Err(Failure::Misused(sentence)) => {
            eprintln!("bulkhead: {sentence}");
            ExitCode::from(2)
        }
        Err(Failure::Refused(sentence)) => {
            eprintln!("bulkhead: {sentence}");
            ExitCode::from(3)
        }
    }
}

fn begin(cli: Cli) -> Result<(), Failure> {
    let config = config::read(&cli.common, matches!(cli.command, Command::Demo(_)))?;
    log_to_stderr(config.log.as_deref())?;
    let public_url = config::public_url(&config)?;
    post::mail_is(config.mail.is_some());
    let data = cli.common.data.clone().or(config.data.clone()).unwrap_or_else(owner::default_folder);
    let who = owner::who();
    match &cli.command {
        Command::Openapi => {}
        command => owner::become_owner(&data, command.begins())?,
    }
    let (engine, operator) = mint_keys().ok_or_else(|| Failure::Failed("The keys were handed out already.".into()))?;
    let operator = operator.on_behalf_of(who);
    let start = Start { data, json: cli.common.json, config, public_url, engine, operator };
    match cli.command {
        Command::Serve(options) => serve::run(start, options),
        Command::Demo(options) => demo::run(start, options),
        Command::Company(command) => company::run(&start, command),
        Command::User(command) => user::run(&start, command),
        Command::ApiKey(command) => company::api_key(&start, command),
        Command::Backup(command) => backup::backup(&start, command),
        Command::Restore(command) => backup::restore(&start, command),
        Command::Verify(command) => backup::verify(&start, command),
        Command::Openapi => {
            println!("{}", crate::api::openapi::document());
            Ok(())
        }
    }
}

impl Command {
    /// Whether it may make a data folder.
    fn begins(&self) -> bool {
        matches!(self, Command::Serve(_) | Command::Demo(_) | Command::Company(company::Company::Create(_)))
    }
}

fn log_to_stderr(configured: Option<&str>) -> Result<(), Failure> {
    use tracing_subscriber::EnvFilter;
    let typed = std::env::var("BULKHEAD_LOG").ok().filter(|text| !text.trim().is_empty());
    let (named, text) = match (&typed, configured) {
        (Some(text), _) => ("BULKHEAD_LOG", text.as_str()),
        (None, Some(text)) => ("The configuration: log", text),
        (None, None) => ("", "info,russh=warn"),
    };
    let filter = EnvFilter::builder().parse(text).map_err(|cause| {
        Failure::Misused(format!(
            "{named}: “{text}” is not understood: {cause}. Give error, warn, info, debug or trace."
        ))
    })?;
    let under_systemd = std::env::var_os("JOURNAL_STREAM").is_some();
    // Who reads the log may have gone: that is no reason to fail a request, which is what telling it on the same stream does.
    let plain = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .log_internal_errors(false);
    // Colours are for a terminal: in a file they are in the way of who searches it.
    let plain = plain.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
    let started =
        if under_systemd { plain.without_time().with_ansi(false).try_init() } else { plain.compact().try_init() };
    drop(started);
    Ok(())
}

//! `bulkhead company …`, `api-key …`, `backup`, `restore`, `verify`: what the operator does to companies. They work
//! whether or not the server runs, and are recorded in the company's trail as done by the operator.

use super::{Failure, Start};
use crate::{
    appliance::{self, Appliance, CompanyRow},
    base::secret::Secret,
    company::{
        access::{Visitor, Within, permissions::UserEdit},
        people,
    },
};
use clap::{Args, Subcommand};
use serde_json::json;
use std::{io::BufRead, path::PathBuf};

/// `bulkhead company …`
#[derive(Subcommand)]
pub enum Company {
    /// Create a company and its first administrator
    Create(Create),
    /// List the companies
    List,
    /// Show one company
    Show {
        /// Its slug
        slug: String,
    },
}

/// `bulkhead company create`
#[derive(Args)]
pub struct Create {
    /// First part of its addresses: lower-case letters, digits, hyphens
    slug: String,
    /// Its name
    #[arg(long, env = "BULKHEAD_COMPANY_NAME")]
    name: String,
    /// The administrator's name
    #[arg(long, env = "BULKHEAD_ADMIN_NAME")]
    admin_name: String,
    /// The administrator's e-mail address
    #[arg(long, env = "BULKHEAD_ADMIN_EMAIL")]
    admin_email: String,
    /// Read the administrator's password from standard input
    #[arg(long, env = "BULKHEAD_ADMIN_PASSWORD_STDIN")]
    admin_password_stdin: bool,
    /// Print an API key of the administrator, alone, as the last line
    #[arg(long, env = "BULKHEAD_API_KEY_WANTED")]
    api_key: bool,
}

/// `bulkhead api-key …`
#[derive(Subcommand)]
pub enum ApiKey {
    /// Create an API key and print it, alone
    Create {
        /// The company
        slug: String,
        /// Whose key: e-mail address or username
        email: String,
        /// What it is for
        #[arg(long, env = "BULKHEAD_PURPOSE")]
        purpose: String,
        /// When it ends
        #[arg(long, env = "BULKHEAD_EXPIRES_IN_DAYS", default_value_t = 180)]
        expires_in_days: u32,
    },
}

/// `bulkhead backup`
#[derive(Args)]
pub struct Backup {
    /// The companies
    #[arg(required_unless_present = "all")]
    slugs: Vec<String>,
    /// All companies
    #[arg(long, conflicts_with = "slugs", env = "BULKHEAD_ALL")]
    all: bool,
    /// The folder for the backups
    #[arg(long, env = "BULKHEAD_BACKUP_TO", value_name = "DIR")]
    to: PathBuf,
}

/// `bulkhead restore`
#[derive(Args)]
pub struct Restore {
    /// The backup
    file: PathBuf,
    /// What the company shall be called
    #[arg(long = "as", env = "BULKHEAD_RESTORE_AS", value_name = "SLUG")]
    slug: Option<String>,
    /// Overwrite the company that is there
    #[arg(long, env = "BULKHEAD_REPLACE")]
    replace: bool,
}

/// `bulkhead verify`
#[derive(Args)]
pub struct Verify {
    /// The companies [default: all]
    slugs: Vec<String>,
    /// All companies
    #[arg(long, env = "BULKHEAD_ALL")]
    all: bool,
    /// Compare also with checkpoints that were kept elsewhere: lines of checkpoints.jsonl or of a system log
    #[arg(long, env = "BULKHEAD_CHECKPOINTS", value_name = "FILE")]
    checkpoints: Option<PathBuf>,
}

fn print(rows: &[CompanyRow]) {
    for row in rows {
        println!("{:<24} {:<32} {:>10} {}", row.slug, row.name, format!("{} KiB", row.bytes / 1024), row.state);
    }
}

/// Runs `bulkhead company …`.
pub fn run(start: &Start, command: Company) -> Result<(), Failure> {
    let appliance = Appliance::open(&start.data)?;
    match command {
        Company::List => {
            let rows = appliance.list()?;
            if start.json { println!("{}", json!(rows)) } else { print(&rows) }
        }
        Company::Show { slug } => {
            let row = appliance.show(&slug)?;
            if start.json { println!("{}", json!(row)) } else { print(&[row]) }
        }
        Company::Create(create) => make(start, &appliance, create)?,
    }
    Ok(())
}

fn make(start: &Start, appliance: &Appliance, create: Create) -> Result<(), Failure> {
    let password = if create.admin_password_stdin {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        Some(Secret::new(line.trim_end_matches(['\r', '\n'])))
    } else {
        None
    };
    let (company, invitation) =
        appliance.create(&create.slug, &create.name, &create.admin_name, &create.admin_email, password.as_ref())?;
    let key = match create.api_key {
        true => Some(new_key(start, &company, &create.admin_email, "Made with the company", 180)?),
        false => None,
    };
    let invitation = invitation.map(|token| format!("/{}/invitation/{token}", company.slug()));
    if start.json {
        println!(
            "{}",
            json!({ "slug": company.slug(), "name": company.name(), "invitation": invitation, "apiKey": key })
        );
        return Ok(());
    }
    println!("company: {}", company.slug());
    if let Some(invitation) = invitation {
        println!("invitation: {invitation}");
        eprintln!("Open the invitation below this server's address; it works once, for 48 hours.");
    }
    if let Some(key) = key {
        println!("{key}");
    }
    Ok(())
}

fn new_key(
    start: &Start,
    company: &crate::company::Company,
    email: &str,
    purpose: &str,
    days: u32,
) -> Result<String, Failure> {
    let operator = Visitor::operator(company, &start.operator);
    let user = operator.locate(Within::Company, email)?;
    let granted = operator.ask(UserEdit {})?;
    Ok(people::keys::create_for(&granted, &user, purpose, i64::from(days))?)
}

/// Runs `bulkhead api-key …`.
pub fn api_key(start: &Start, command: ApiKey) -> Result<(), Failure> {
    let ApiKey::Create { slug, email, purpose, expires_in_days } = command;
    let appliance = Appliance::open(&start.data)?;
    let key = new_key(start, &appliance.company(&slug)?, &email, &purpose, expires_in_days)?;
    if start.json {
        println!("{}", json!({ "apiKey": key }))
    } else {
        println!("{key}")
    }
    Ok(())
}

/// Runs `bulkhead backup`.
pub fn backup(start: &Start, command: Backup) -> Result<(), Failure> {
    let appliance = Appliance::open(&start.data)?;
    let slugs = if command.all { appliance.slugs()? } else { command.slugs };
    let mut written = Vec::new();
    for slug in slugs {
        written.push(appliance::backup(&appliance, &start.operator, &slug, &command.to)?);
    }
    if start.json {
        println!("{}", json!(written));
    } else {
        written.iter().for_each(|path| println!("{}", path.display()));
    }
    Ok(())
}

/// Runs `bulkhead restore`.
pub fn restore(start: &Start, command: Restore) -> Result<(), Failure> {
    let appliance = Appliance::open(&start.data)?;
    let company =
        appliance::restore(&appliance, &start.operator, &command.file, command.slug.as_deref(), command.replace)?;
    if start.json {
        println!("{}", json!({ "slug": company.slug(), "name": company.name() }))
    } else {
        println!("{}", company.slug())
    }
    Ok(())
}

/// Runs `bulkhead verify`.
pub fn verify(start: &Start, command: Verify) -> Result<(), Failure> {
    let appliance = Appliance::open(&start.data)?;
    let slugs = if command.all || command.slugs.is_empty() { appliance.slugs()? } else { command.slugs };
    if let Some(file) = command.checkpoints.as_ref().filter(|file| !file.is_file()) {
        return Err(Failure::Failed(format!("{} cannot be read. Name a file of checkpoints.", file.display())));
    }
    let mut bad = Vec::new();
    let mut rows = Vec::new();
    for slug in slugs {
        let outcome = appliance::verify(&appliance, &start.operator, &slug, command.checkpoints.as_deref());
        let (state, about) = match &outcome {
            Ok(verified) => ("ok".to_owned(), verified.clone()),
            Err(error) => (error.to_string(), Default::default()),
        };
        if outcome.is_err() {
            bad.push(slug.clone());
        }
        let events = about.events;
        if !start.json && outcome.is_ok() {
            let archived =
                if about.archived > 0 { format!(", {} of them archived", about.archived) } else { String::new() };
            let (signed, loose) = (about.signed_to, events - about.signed_to);
            println!("{slug}: ok ({events} events{archived})");
            println!("  {} checkpoints, signed to event {signed}; {loose} events after it", about.checkpoints);
            if command.checkpoints.is_some() {
                println!("  {} checkpoints kept elsewhere agree", about.elsewhere);
            }
            println!("  signing key {} ({})", about.public_key, about.key);
        } else if !start.json {
            println!("{slug}: {state}");
        }
        rows.push(json!({
            "slug": slug, "ok": outcome.is_ok(), "state": state, "events": events, "archived": about.archived,
            "checkpoints": about.checkpoints, "signedTo": about.signed_to, "publicKey": about.public_key, "fingerprint": about.key,
        }));
    }
    if start.json {
        println!("{}", json!(rows));
    }
    if bad.is_empty() {
        Ok(())
    } else {
        Err(Failure::Failed(format!("Damaged: {}. Restore from a backup.", bad.join(", "))))
    }
}

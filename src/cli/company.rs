//! `bulkhead company …` and `api-key …`: what the operator does to companies. They work whether or not the server runs, and
//! are recorded in the company's trail as done by the operator.

use super::{Failure, Start};
use crate::{
    appliance::{Appliance, CompanyRow, NewCompany, Removed},
    base::{names, secret::Secret},
    company::{
        access::{
            Steward, Visitor,
            permissions::{OfAppliance, UserEdit},
        },
        people,
    },
};
use clap::{Args, Subcommand, builder::BoolishValueParser};
use serde_json::json;
use std::{io::BufRead, path::PathBuf};

/// `bulkhead company …`
#[derive(Subcommand)]
pub enum Company {
    /// Create a company and its first administrator
    Create(Create),
    /// List the companies
    List,
    /// Show one company: size, state, numbers and limits, never its content
    Show {
        /// Its slug
        slug: String,
    },
    /// Close a company to its people: pages and API answer 503, queued tasks wait, those under way end by themselves
    Suspend {
        /// Its slug
        slug: String,
        /// Why, as its people are told
        #[arg(long, env = "BULKHEAD_REASON", default_value = "")]
        reason: String,
    },
    /// Let a suspended company go on
    Resume {
        /// Its slug
        slug: String,
    },
    /// Give a company another slug, and with it other addresses; its people sign in anew
    Rename {
        /// Its slug
        slug: String,
        /// Its new slug
        new: String,
    },
    /// Remove a company for ever: destroys its key first, and prints a receipt
    Remove {
        /// Its slug
        slug: String,
        /// It is meant
        #[arg(long)]
        yes: bool,
        /// The operator's own compartment is meant: all operators go with it
        #[arg(long)]
        operator: bool,
    },
    /// Take in a company's folder: one among the companies under another name, or a copy from elsewhere
    Adopt {
        /// The folder
        dir: PathBuf,
        /// What the company shall be called
        #[arg(long = "as", env = "BULKHEAD_ADOPT_AS", value_name = "SLUG")]
        slug: Option<String>,
        /// The master key of the machine it comes from, with the folder “keys” beside it
        #[arg(long, env = "BULKHEAD_OTHER_MASTER_KEY", value_name = "FILE")]
        master_key: Option<PathBuf>,
    },
    /// Show or set what a company may use
    Limits(LimitsOf),
    /// Show or set the host names that lead to a company alone
    Hosts {
        /// The company
        slug: String,
        /// Such as deploy.example.com; several: once for each; none takes them away
        #[arg(long = "set", env = "BULKHEAD_HOSTS", value_name = "HOST", value_delimiter = ',')]
        set: Vec<String>,
    },
}

/// `bulkhead company limits`
#[derive(Args)]
pub struct LimitsOf {
    /// The company
    slug: String,
    /// Size of its folder, such as 10G, or none
    #[arg(long, env = "BULKHEAD_LIMIT_DISK", value_name = "SIZE")]
    disk: Option<String>,
    /// People, those invited included, or none
    #[arg(long, env = "BULKHEAD_LIMIT_PEOPLE", value_name = "N")]
    people: Option<String>,
    /// Tasks carried out at once, or none
    #[arg(long, env = "BULKHEAD_LIMIT_RUNNING_TASKS", value_name = "N")]
    running_tasks: Option<String>,
    /// Requests in a minute, or none
    #[arg(long, env = "BULKHEAD_LIMIT_REQUESTS", value_name = "N")]
    requests_per_minute: Option<String>,
}

/// `bulkhead company create`
#[derive(Args)]
pub struct Create {
    /// First part of its addresses: lower-case letters, digits, hyphens. `operator` makes the operator's own
    /// compartment: pages for what these commands do
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
    #[arg(long, env = "BULKHEAD_ADMIN_PASSWORD_STDIN", value_parser = BoolishValueParser::new())]
    admin_password_stdin: bool,
    /// Print an API key of the administrator, alone, as the last line
    #[arg(long, env = "BULKHEAD_API_KEY_WANTED", value_parser = BoolishValueParser::new())]
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

fn print(rows: &[CompanyRow]) {
    for row in rows {
        println!("{:<24} {:<32} {:>10} {}", row.slug, row.name, names::bytes(row.bytes), row.state);
    }
}

/// One company, a fact a line.
fn print_one(row: &CompanyRow) {
    let fact = |name: &str, value: String| println!("{name:<20} {value}");
    fact("slug:", row.slug.clone());
    fact("name:", row.name.clone());
    fact("id:", row.id.clone());
    fact("state:", row.state.clone());
    if let Some(suspended) = &row.suspended {
        fact("suspended since:", format!("{} {}", suspended.since, suspended.reason));
    }
    if !row.hosts.is_empty() {
        fact("host names:", row.hosts.join(", "));
    }
    let Some(numbers) = &row.numbers else { return fact("size:", names::bytes(row.bytes)) };
    let of = |limit: Option<i64>| limit.map_or_else(String::new, |limit| format!(" of {limit}"));
    let room = numbers
        .limits
        .disk_bytes
        .map_or_else(String::new, |limit| format!(" of {}", names::bytes(limit.unsigned_abs())));
    fact("size:", format!("{}{room}", names::bytes(row.bytes)));
    fact("people:", format!("{}{} ({} invited)", numbers.people, of(numbers.limits.people), numbers.invited));
    fact("service accounts:", numbers.service_accounts.to_string());
    fact("tasks running:", format!("{}{}", numbers.running, of(numbers.limits.running_tasks)));
    fact("tasks queued:", numbers.queued.to_string());
    let requests = numbers.limits.requests_per_minute.map_or_else(|| "no limit".into(), |most| most.to_string());
    fact("requests a minute:", requests);
    fact("events:", numbers.events.to_string());
    fact("founded:", numbers.created_at.exact());
    fact("last backup:", numbers.last_backup.map_or_else(|| "never".into(), |at| at.exact()));
}

/// Runs `bulkhead company …`.
pub fn run(start: &Start, command: Company) -> Result<(), Failure> {
    let appliance = Appliance::open(&start.data)?;
    match command {
        Company::List => {
            let rows = appliance.list(&steward(start, &appliance))?;
            if start.json { println!("{}", json!(rows)) } else { print(&rows) }
        }
        Company::Show { slug } => show(start, &appliance, &slug)?,
        Company::Create(create) => make(start, &appliance, create)?,
        Company::Suspend { slug, reason } => {
            appliance.suspend(&steward(start, &appliance), &slug, &reason)?;
            show(start, &appliance, &slug)?;
        }
        Company::Resume { slug } => {
            appliance.resume(&steward(start, &appliance), &slug)?;
            show(start, &appliance, &slug)?;
        }
        Company::Rename { slug, new } => {
            let company = appliance.rename(&steward(start, &appliance), &slug, &new)?;
            eprintln!("Its people sign in anew, at /{}.", company.slug());
            show(start, &appliance, company.slug())?;
        }
        Company::Remove { slug, yes, operator } => {
            if slug == names::OPERATOR && !operator {
                let row = appliance.show(&steward(start, &appliance), &slug)?;
                let people = row.numbers.map_or(0, |numbers| numbers.people);
                return Err(Failure::Refused(format!(
                    "Nothing was done. This is the operator's own compartment: its {people} operators and their pages would be gone for ever, the companies would stay. If that is meant, say so with --operator --yes."
                )));
            }
            if !yes {
                let row = appliance.show(&steward(start, &appliance), &slug)?;
                return Err(Failure::Refused(format!(
                    "Nothing was done. {slug} ({}) would be removed for ever with everything in it. If that is meant, say so with --yes.",
                    names::bytes(row.bytes)
                )));
            }
            let receipt = appliance.remove(&steward(start, &appliance), &slug)?;
            if start.json {
                println!("{}", json!(receipt));
            } else {
                print_removed(&receipt);
            }
        }
        Company::Adopt { dir, slug, master_key } => {
            let by = steward(start, &appliance);
            let adopted = appliance.adopt(&by, &dir, slug.as_deref(), master_key.as_deref())?;
            say(&adopted.tasks.sentence());
            show(start, &appliance, adopted.company.slug())?;
        }
        Company::Limits(of) => limits(start, &appliance, &of)?,
        Company::Hosts { slug, set } => hosts(start, &appliance, &slug, &set)?,
    }
    Ok(())
}

/// Talk, when there is anything to say.
pub(super) fn say(sentence: &str) {
    if !sentence.is_empty() {
        eprintln!("{sentence}");
    }
}

fn print_removed(removed: &Removed) {
    let receipt = &removed.receipt;
    println!("removed: {}", receipt.slug);
    println!("name: {}", receipt.name);
    println!("id: {}", receipt.id);
    println!("time: {}", receipt.removed);
    match &removed.key_kept_for {
        None => println!("key destroyed: {}", receipt.key_fingerprint),
        Some(other) => println!("key kept: {}, which “{other}” needs too", receipt.key_fingerprint),
    }
    println!("events: {}", receipt.events);
    println!("last hash: {}", receipt.last_hash);
    for file in &removed.backups {
        println!("backup left: {}", file.display());
    }
    if !removed.backups.is_empty() {
        eprintln!("Each backup that is left brings the company back, key and all. Delete those that must not.");
    }
}

/// The operator, who may do everything to companies; told in the trail of the operator's own compartment where there is one.
pub(super) fn steward<'a, P: OfAppliance>(start: &'a Start, appliance: &Appliance) -> Steward<'a, P> {
    Steward::console(&start.operator, appliance.company(names::OPERATOR).ok())
}

fn show(start: &Start, appliance: &Appliance, slug: &str) -> Result<(), Failure> {
    let row = appliance.show(&steward(start, appliance), slug)?;
    if start.json {
        println!("{}", json!(row));
    } else {
        print_one(&row);
    }
    Ok(())
}

fn limits(start: &Start, appliance: &Appliance, of: &LimitsOf) -> Result<(), Failure> {
    let present = appliance.show(&steward(start, appliance), &of.slug)?;
    let Some(numbers) = present.numbers else { return Err(Failure::Failed(present.state)) };
    let mut limits = numbers.limits;
    let wrong = |name: &str| Failure::Refused(format!("--{name}: give a number, or none."));
    let size = |text: &str| if text == "none" { Some(None) } else { names::parse_bytes(text).map(Some) };
    let number = |text: &str| if text == "none" { Some(None) } else { text.parse().ok().map(Some) };
    if let Some(text) = &of.disk {
        limits.disk_bytes = size(text).ok_or_else(|| wrong("disk"))?;
    }
    if let Some(text) = &of.people {
        limits.people = number(text).ok_or_else(|| wrong("people"))?;
    }
    if let Some(text) = &of.running_tasks {
        limits.running_tasks = number(text).ok_or_else(|| wrong("running-tasks"))?;
    }
    if let Some(text) = &of.requests_per_minute {
        limits.requests_per_minute = number(text).ok_or_else(|| wrong("requests-per-minute"))?;
    }
    if limits != numbers.limits {
        appliance.set_limits(&steward(start, appliance), &of.slug, &limits)?;
    }
    show(start, appliance, &of.slug)
}

fn hosts(start: &Start, appliance: &Appliance, slug: &str, set: &[String]) -> Result<(), Failure> {
    if !set.is_empty() {
        let names = if set == ["none"] { &[] } else { set };
        appliance.set_hosts(&steward(start, appliance), slug, names, start.config.public_url.as_deref())?;
    }
    show(start, appliance, slug)
}

fn make(start: &Start, appliance: &Appliance, create: Create) -> Result<(), Failure> {
    let password = if create.admin_password_stdin {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        Some(Secret::new(line.trim_end_matches(['\r', '\n'])))
    } else {
        None
    };
    let new = NewCompany {
        slug: &create.slug,
        name: &create.name,
        person: &create.admin_name,
        email: &create.admin_email,
        password: password.as_ref(),
    };
    let (company, invitation) = appliance.create(&steward(start, appliance), &new)?;
    let key = match create.api_key {
        true => Some(new_key(start, &company, &create.admin_email, "Made with the company", 180)?),
        false => None,
    };
    let invitation = invitation.map(|token| format!("/{}/invitation/{token}", company.slug()));
    if start.json {
        println!(
            "{}",
            json!({
                "slug": company.slug(), "name": company.name(), "invitation": invitation, "apiKey": key,
                "link": invitation.as_deref().and_then(|path| start.whole_link(path)),
            })
        );
        return Ok(());
    }
    println!("company: {}", company.slug());
    if let Some(invitation) = invitation {
        println!("invitation: {}", start.link(&invitation));
        eprintln!("{} It works once, for 48 hours.", start.where_to_open());
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
    let user = super::user::located(&operator, email)?;
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

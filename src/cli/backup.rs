//! `bulkhead backup`, `restore` and `verify`: companies to files and back. They work whether or not the server runs.

use super::{
    Failure, Start,
    company::{say, steward},
};
use crate::{
    appliance::{self, Appliance},
    base::error::{Error, FaultKind},
};
use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};

/// `bulkhead backup`
#[derive(Args)]
pub struct Backup {
    /// The companies
    #[arg(required_unless_present = "all")]
    slugs: Vec<String>,
    /// All companies
    #[arg(long, conflicts_with = "slugs")]
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
    #[arg(long)]
    replace: bool,
    /// Restore it also when it does not verify, as far as it opens: for when there is no other backup. Its trail tells
    /// so, and `verify` goes on to say what is damaged
    #[arg(long)]
    despite_damage: bool,
    /// Overwrite the company also while its tasks run. The server ends them
    #[arg(long)]
    despite_tasks: bool,
    /// The master key of the machine the backup was taken on, if that was another
    #[arg(long, env = "BULKHEAD_OTHER_MASTER_KEY", value_name = "FILE")]
    master_key: Option<PathBuf>,
}

/// `bulkhead verify`
#[derive(Args)]
pub struct Verify {
    /// Companies, or files of backups [default: all companies]
    #[arg(value_name = "SLUG|FILE")]
    slugs: Vec<String>,
    /// All companies
    #[arg(long)]
    all: bool,
    /// Compare also with checkpoints that were kept elsewhere: lines of checkpoints.jsonl or of a system log
    #[arg(long, env = "BULKHEAD_CHECKPOINTS", value_name = "FILE")]
    checkpoints: Option<PathBuf>,
    /// For backups: the master key of the machine they were taken on, if that was another
    #[arg(long, env = "BULKHEAD_OTHER_MASTER_KEY", value_name = "FILE")]
    master_key: Option<PathBuf>,
}

/// Runs `bulkhead backup`.
pub fn backup(start: &Start, command: Backup) -> Result<(), Failure> {
    let appliance = Appliance::open(&start.data)?;
    let slugs = if command.all { appliance.slugs()? } else { command.slugs };
    // One that cannot be backed up keeps no other from it.
    let (mut written, mut failed, mut refused) = (Vec::new(), Vec::new(), true);
    for slug in slugs {
        match appliance::backup(&appliance, &steward(start, &appliance), &slug, &command.to) {
            Ok(path) => {
                if !start.json {
                    println!("{}", path.display());
                }
                written.push(path);
            }
            Err(error) => {
                let failure = Failure::from(error);
                refused &= matches!(failure, Failure::Refused(_));
                failed.push(format!("{slug} was not backed up: {}", failure.sentence()));
            }
        }
    }
    if start.json {
        println!("{}", json!(written));
    }
    match failed.as_slice() {
        [] => Ok(()),
        // Nothing was done at all.
        failed if refused && written.is_empty() => Err(Failure::Refused(failed.join("\n"))),
        failed => Err(Failure::Failed(failed.join("\n"))),
    }
}

/// Runs `bulkhead restore`.
pub fn restore(start: &Start, command: Restore) -> Result<(), Failure> {
    let appliance = Appliance::open(&start.data)?;
    let how = appliance::How {
        slug: command.slug.as_deref(),
        replace: command.replace,
        despite_damage: command.despite_damage,
        despite_tasks: command.despite_tasks,
        master_key: command.master_key.as_deref(),
    };
    let appliance::Restored { company, damage, tasks } =
        appliance::restore(&appliance, &start.operator, &command.file, how)?;
    say(&tasks.sentence());
    if let Some(damage) = &damage {
        eprintln!("WARNING: {damage}");
        eprintln!("WARNING: It was restored all the same, because of --despite-damage. What is in it may be wrong.");
    }
    if start.json {
        let tasks = json!({ "failed": tasks.failed, "waiting": tasks.waiting, "queuesStopped": tasks.spaces });
        println!("{}", json!({ "slug": company.slug(), "name": company.name(), "damage": damage, "tasks": tasks }))
    } else {
        println!("{}", company.slug())
    }
    Ok(())
}

/// Runs `bulkhead verify`.
pub fn verify(start: &Start, command: Verify) -> Result<(), Failure> {
    let appliance = Appliance::open(&start.data)?;
    // No slug has a dot or a slash in it.
    let (mut named, slugs): (Vec<_>, Vec<_>) = command.slugs.into_iter().partition(|name| name.contains(['.', '/']));
    let files = named.len();
    named.extend(if command.all || (slugs.is_empty() && named.is_empty()) { appliance.slugs()? } else { slugs });
    if let Some(file) = command.checkpoints.as_ref().filter(|file| !file.is_file()) {
        return Err(Failure::Failed(format!("{} cannot be read. Name a file of checkpoints.", file.display())));
    }
    let mut bad = Vec::new();
    let mut rows = Vec::new();
    let (mut broken, mut missing) = (Vec::new(), Vec::new());
    for (number, slug) in named.into_iter().enumerate() {
        let elsewhere = command.checkpoints.as_deref();
        let is_backup = number < files;
        let outcome = if is_backup {
            let master = command.master_key.as_deref();
            appliance::verify_backup(&appliance, &start.operator, Path::new(&slug), master, elsewhere)
        } else {
            appliance::verify(&appliance, &start.operator, &slug, elsewhere)
        };
        if let Err(Error::NotFound(_)) = outcome {
            let sentence = super::no_company(&slug);
            rows.push(json!({ "slug": slug, "ok": false, "state": sentence }));
            missing.push(sentence);
            continue;
        }
        let (state, about) = match &outcome {
            Ok(verified) => ("ok".to_owned(), verified.clone()),
            Err(error) => (error.to_string(), Default::default()),
        };
        match &outcome {
            Err(error) if is_backup => broken.push(error.to_string()),
            // What cannot be read is not called damaged: a backup in its place would destroy what is whole.
            Err(Error::Fault(fault)) if fault.kind != FaultKind::Damaged => {
                broken.push(format!("{slug} could not be checked: {fault}"));
            }
            Err(_) => bad.push(slug.clone()),
            Ok(_) => {}
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
        } else if !start.json && !is_backup {
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
    if !bad.is_empty() {
        broken.push(format!("Damaged: {}. Restore from a backup.", bad.join(", ")));
    }
    if broken.is_empty() {
        return if missing.is_empty() { Ok(()) } else { Err(Failure::Refused(missing.join("\n"))) };
    }
    broken.extend(missing);
    Err(Failure::Failed(broken.join("\n")))
}

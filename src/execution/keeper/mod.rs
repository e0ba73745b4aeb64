//! Looks after the trails of all companies while the server runs: what was counted is told, checkpoints are written when
//! they are due and handed to those who keep them elsewhere, and once a day what is old is archived.
//!
//! It promises that a company whose file cannot be opened delays no other, and that what could not be handed over is
//! tried again. What is told arrives at least once.

pub mod syslog;
mod webhook;

use crate::{
    appliance::Appliance,
    base::{
        clock::{self, DAY, Moment},
        error::Result,
        outward::Outward,
    },
    company::{
        Company,
        access::{EngineKey, Visitor, permissions::TrailKeep},
        audit::keep::{self, Untold, Witness},
    },
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// How it works.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The system log.
    pub syslog: syslog::Address,
    /// Which addresses may be asked.
    pub outward: Arc<Outward>,
    /// Between two rounds.
    pub pause: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { syslog: syslog::Address::default(), outward: Arc::default(), pause: Duration::from_secs(30) }
    }
}

/// Starts it. It ends after `stop` is cancelled, when it has told what was counted.
pub fn start(
    appliance: Arc<Appliance>,
    key: Arc<EngineKey>,
    settings: Settings,
    stop: CancellationToken,
) -> tokio::task::JoinHandle<()> {
    let keeper = Keeper { appliance, key, due: BTreeMap::new(), looked_at: BTreeMap::new() };
    tokio::spawn(run(keeper, settings, stop))
}

async fn run(mut keeper: Keeper, settings: Settings, stop: CancellationToken) {
    loop {
        let ending = stop.is_cancelled();
        let looked = tokio::task::spawn_blocking(move || {
            let untold = keeper.round(clock::now(), ending);
            (keeper, untold)
        });
        let untold = match looked.await {
            Ok((back, untold)) => {
                keeper = back;
                untold
            }
            Err(fault) => return tracing::error!(%fault, "looking after the trails failed"),
        };
        if ending {
            return;
        }
        for (slug, untold) in untold {
            let told = tokio::select! {
                told = tell(&settings, &untold) => told,
                () = stop.cancelled() => break,
            };
            let (appliance, key) = (keeper.appliance.clone(), keeper.key.clone());
            let noted = tokio::task::spawn_blocking(move || note(&appliance, &key, &slug, &untold, told));
            if let Err(fault) = noted.await {
                tracing::error!(%fault, "noting who was told of checkpoints failed");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(settings.pause) => {}
            () = stop.cancelled() => {}
        }
    }
}

async fn tell(settings: &Settings, untold: &Untold) -> std::result::Result<(), String> {
    let now = clock::now();
    match untold.witness {
        Witness::Syslog => {
            let lines: Vec<&str> = untold.lines.iter().map(|(_, line)| line.as_str()).collect();
            syslog::send(&settings.syslog, now, &lines).await
        }
        Witness::Webhook => webhook::send(&settings.outward, untold, now).await,
    }
}

fn note(appliance: &Appliance, key: &EngineKey, slug: &str, untold: &Untold, told: std::result::Result<(), String>) {
    let noted = appliance.company(slug).and_then(|company| {
        let engine = Visitor::engine(&company, key);
        let granted = engine.ask(TrailKeep {})?;
        let last = untold.lines.last().map_or(0, |(number, _)| *number);
        match &told {
            Ok(()) => keep::told(&granted, untold.witness, last, clock::now()),
            Err(fault) => {
                tracing::warn!(
                    company = slug,
                    witness = untold.witness.word(),
                    fault,
                    "checkpoints could not be handed over"
                );
                keep::not_told(&granted, untold.witness, fault, clock::now())
            }
        }
    });
    if let Err(error) = noted {
        tracing::error!(company = slug, %error, "who was told of checkpoints could not be noted");
    }
}

struct Keeper {
    appliance: Arc<Appliance>,
    key: Arc<EngineKey>,
    /// When a checkpoint of a company is due.
    due: BTreeMap<String, Moment>,
    /// When each company was last looked at for what is old.
    looked_at: BTreeMap<String, Moment>,
}

impl Keeper {
    /// One round: the companies that are open, those whose checkpoint is due, and one that was not looked at for a day.
    fn round(&mut self, now: Moment, ending: bool) -> Vec<(String, Untold)> {
        let mut open: BTreeMap<String, Option<Company>> =
            self.appliance.open_companies().into_iter().map(|(slug, company)| (slug, Some(company))).collect();
        let old = if ending { None } else { self.next_to_archive(now) };
        let due = self.due.iter().filter(|(_, due)| **due <= now && !ending).map(|(slug, _)| slug.clone());
        for slug in due.chain(old.clone()) {
            open.entry(slug).or_default();
        }
        let mut untold = Vec::new();
        for (slug, company) in open {
            let daily = old.as_ref() == Some(&slug);
            match self.look(&slug, company, now, ending, daily) {
                Ok(found) => untold.extend(found.into_iter().map(|one| (slug.clone(), one))),
                // The company's own page says what is wrong with it.
                Err(error) => tracing::debug!(company = slug, %error, "a trail cannot be looked after now"),
            }
        }
        untold
    }

    /// The company that was not looked at for the longest, when that is a day.
    fn next_to_archive(&mut self, now: Moment) -> Option<String> {
        let all = self.appliance.slugs().unwrap_or_default();
        self.looked_at.retain(|slug, _| all.contains(slug));
        self.due.retain(|slug, _| all.contains(slug));
        let last = |slug: &String| self.looked_at.get(slug).copied().unwrap_or_default();
        let oldest = all.into_iter().min_by_key(last)?;
        let at = last(&oldest);
        if now.0 - at.0 < DAY && at <= now {
            return None;
        }
        self.looked_at.insert(oldest.clone(), now);
        Some(oldest)
    }

    fn look(
        &mut self,
        slug: &str,
        company: Option<Company>,
        now: Moment,
        ending: bool,
        daily: bool,
    ) -> Result<Vec<Untold>> {
        self.due.remove(slug);
        let company = match company {
            Some(company) => company,
            None => self.appliance.company(slug)?,
        };
        let engine = Visitor::engine(&company, &self.key);
        let granted = engine.ask(TrailKeep {})?;
        if daily {
            match keep::archive(&granted, now) {
                Ok(made) => made
                    .iter()
                    .for_each(|one| tracing::info!(company = slug, file = one.file, "a day of the trail was archived")),
                Err(error) => tracing::error!(company = slug, %error, "old events could not be archived"),
            }
        }
        if let Some(due) = keep::round(&granted, now, ending)? {
            self.due.insert(slug.to_owned(), due);
        }
        if ending { Ok(Vec::new()) } else { keep::untold(&granted, now) }
    }
}

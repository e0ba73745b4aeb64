//! Goes round the companies and tells of what time ended: rights every minute in those that are open, rights and API keys
//! every hour in all of them; of whom a second factor is demanded is told with the rights. Only the telling waits for it; what has ended allows nothing from its moment on. A company
//! whose file cannot be opened holds up no other.

use crate::{
    appliance::Appliance,
    base::error::Result,
    company::{
        Company,
        access::{
            EngineKey, Visitor,
            permissions::{GrantsKeep, KeysKeep},
        },
        people, teams,
    },
};
use std::{ops::ControlFlow, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

const ROUND: Duration = Duration::from_secs(60);
/// Every so many rounds go to all companies.
const ALL: u32 = 60;

/// Starts the rounds; the first one at once, to all.
pub fn start(appliance: Arc<Appliance>, key: Arc<EngineKey>, stop: CancellationToken) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        let mut number = 0u32;
        while !stop.is_cancelled() {
            let (appliance, key, ending, all) =
                (appliance.clone(), key.clone(), stop.clone(), number.is_multiple_of(ALL));
            let round = tokio::task::spawn_blocking(move || go_round(&appliance, &key, all, &ending)).await;
            if let Err(fault) = round {
                tracing::error!(%fault, "looking for what ended failed");
            }
            number = number.wrapping_add(1);
            tokio::select! {
                () = tokio::time::sleep(ROUND) => {}
                () = stop.cancelled() => {}
            }
        }
    })
}

fn go_round(appliance: &Appliance, key: &EngineKey, all: bool, stop: &CancellationToken) {
    if !all {
        for (slug, company) in appliance.open_companies() {
            note(&slug, rights(&company, key));
        }
        return;
    }
    let round = appliance.each(|slug, company| {
        if stop.is_cancelled() {
            return ControlFlow::Break(());
        }
        note(slug, company.and_then(|company| rights(&company, key).and_then(|()| keys(&company, key))));
        ControlFlow::Continue(())
    });
    if let Err(error) = round {
        tracing::error!(%error, "the companies could not be looked through");
    }
}

fn note(slug: &str, answer: Result<()>) {
    if let Err(error) = answer {
        tracing::warn!(company = slug, %error, "a company cannot be looked through for what ended now");
    }
}

fn rights(company: &Company, key: &EngineKey) -> Result<()> {
    let engine = Visitor::engine(company, key);
    while teams::ending::tell(&engine.ask(GrantsKeep {})?)? > 0 {}
    people::demanded::tell(&engine.ask(GrantsKeep {})?)?;
    Ok(())
}

fn keys(company: &Company, key: &EngineKey) -> Result<()> {
    let engine = Visitor::engine(company, key);
    while people::keys::ending::tell(&engine.ask(KeysKeep {})?)? > 0 {}
    Ok(())
}

//! Goes round the companies every hour and tells of API keys that end. A company whose file cannot be opened holds up
//! no other.

use crate::{
    appliance::Appliance,
    base::error::Result,
    company::{
        access::{EngineKey, Visitor, permissions::KeysKeep},
        people::keys::ending,
    },
};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

const ROUND: Duration = Duration::from_secs(3600);

/// Starts the rounds; the first one at once.
pub fn start(appliance: Arc<Appliance>, key: Arc<EngineKey>, stop: CancellationToken) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        while !stop.is_cancelled() {
            let (appliance, key, ending) = (appliance.clone(), key.clone(), stop.clone());
            let round = tokio::task::spawn_blocking(move || go_round(&appliance, &key, &ending)).await;
            if let Err(fault) = round {
                tracing::error!(%fault, "looking for API keys that end failed");
            }
            tokio::select! {
                () = tokio::time::sleep(ROUND) => {}
                () = stop.cancelled() => {}
            }
        }
    })
}

fn go_round(appliance: &Appliance, key: &EngineKey, stop: &CancellationToken) {
    let slugs = match appliance.slugs() {
        Ok(slugs) => slugs,
        Err(error) => return tracing::error!(%error, "the companies could not be looked through"),
    };
    for slug in slugs {
        if stop.is_cancelled() {
            return;
        }
        if let Err(error) = serve(appliance, key, &slug) {
            tracing::warn!(company = slug, %error, "a company's API keys cannot be looked through now");
        }
    }
}

fn serve(appliance: &Appliance, key: &EngineKey, slug: &str) -> Result<()> {
    let company = appliance.company(slug)?;
    let engine = Visitor::engine(&company, key);
    while ending::tell(&engine.ask(KeysKeep {})?)? > 0 {}
    Ok(())
}

//! Goes round the companies every hour and tells of API keys that end. A company whose file cannot be opened holds up
//! no other.

use crate::{
    appliance::Appliance,
    base::error::Result,
    company::{
        Company,
        access::{EngineKey, Visitor, permissions::KeysKeep},
        people::keys::ending,
    },
};
use std::{ops::ControlFlow, sync::Arc, time::Duration};
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
    let round = appliance.each(|slug, company| {
        if stop.is_cancelled() {
            return ControlFlow::Break(());
        }
        if let Err(error) = company.and_then(|company| serve(&company, key)) {
            tracing::warn!(company = slug, %error, "a company's API keys cannot be looked through now");
        }
        ControlFlow::Continue(())
    });
    if let Err(error) = round {
        tracing::error!(%error, "the companies could not be looked through");
    }
}

fn serve(company: &Company, key: &EngineKey) -> Result<()> {
    let engine = Visitor::engine(company, key);
    while ending::tell(&engine.ask(KeysKeep {})?)? > 0 {}
    Ok(())
}

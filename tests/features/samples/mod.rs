//! Scripts in the style of published REST samples, as people have them in their pipelines (findings D1, D3, D4): bodies
//! without a content type, links joined to the base address, lists read page by page by their links, things found by their
//! names. One server, one company, one script after another; each leaves behind what the next ones find.

mod client;
mod people;
mod process;
mod runs;
mod things;

use crate::support::server::founded;
use client::Client;

/// A script by what it does.
type Script = (&'static str, fn(&Client));

#[test]
fn scripts_of_every_day_run_unchanged() {
    let (_server, company) = founded();
    let client = Client::new(&company.base, &company.key);
    let scripts: Vec<Script> = [things::SCRIPTS, process::SCRIPTS, people::SCRIPTS, runs::SCRIPTS].concat();
    assert!(scripts.len() >= 60, "{}", scripts.len());
    let mut failed = Vec::new();
    for (name, script) in scripts {
        if let Err(cause) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| script(&client))) {
            let text = cause.downcast_ref::<String>().cloned();
            failed.push(format!(
                "{name}: {}",
                text.or(cause.downcast_ref::<&str>().map(|text| (*text).into())).unwrap_or_default()
            ));
        }
    }
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n\n"));
}

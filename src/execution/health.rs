//! Health: looks whether a target answers and lets us in, and writes down what it found.

use super::{
    book::Book,
    runner::{failed, fault, ssh},
};
use crate::base::clock;
use crate::company::{
    targets::{self, Health},
    tasks::{Category, Outcome, State, Task},
};
use std::{sync::Arc, time::Duration};

/// Looks at the target of the task.
pub(super) async fn check(book: Arc<Book>, task: Task) -> Outcome {
    let (target, credential) = match book.with(targets::health::what_to_check).await {
        Ok(found) => found,
        Err(error) => return failed(fault(error)),
    };
    book.say("", Category::Info, format!("Looking at {} ({}:{}).", target.name, target.host, target.port)).await;
    let machine = ssh(&target.host, target.port, &target.host_key, &credential);
    let limit = targets::health::Limits::of(&task);
    let over = async {
        match limit {
            Some(limit) => tokio::time::sleep(Duration::from_millis(limit.unsigned_abs())).await,
            None => std::future::pending().await,
        }
    };
    let found = tokio::select! {
        found = machine.check() => found.map_err(|error| error.to_string()),
        () = over => {
            Err(format!("It did not answer within {}, the time that was given.", clock::span(limit.unwrap_or_default())))
        }
        () = book.stop.cancelled() => return Outcome { state: State::Canceled, error: "It was cancelled.".into(), warnings: false },
    };
    let (health, note) = match found {
        Ok(found) => {
            let syntaxes: Vec<&str> = found.syntaxes.iter().map(|syntax| syntax.name()).collect();
            (
                Health::Healthy,
                format!(
                    "{}; runs {}.",
                    found.system,
                    if syntaxes.is_empty() { "no scripts".into() } else { syntaxes.join(", ") }
                ),
            )
        }
        Err(note) => (Health::Unavailable, note),
    };
    let category = if health == Health::Healthy { Category::Info } else { Category::Error };
    book.say("", category, note.clone()).await;
    let (id, said) = (target.id, note.clone());
    if let Err(error) = book.with(move |granted| targets::health::note(granted, id, health, &said)).await {
        return failed(fault(error));
    }
    match health {
        Health::Healthy => Outcome { state: State::Success, error: String::new(), warnings: false },
        _ => failed(note),
    }
}

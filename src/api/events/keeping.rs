//! `/api/events/archives` and `/api/events/proofs`: what the trail is kept and proved with.

use crate::{
    api::{
        caller::{Ask, Reply},
        resource,
        wire::{self, Collection, Done, Json, Links, Query},
    },
    base::{
        clock::Moment,
        error::{Error, Result},
        paging::{Listed, Page},
    },
    company::{
        access::{
            Archive,
            permissions::{ConfigureServer, EventRetentionDelete, EventRetentionView},
        },
        audit::{
            export::{self as out, Format},
            keep,
        },
    },
    http::download::{Download, of_file},
};
use serde::Serialize;
use utoipa::ToSchema;

/// An archive of old days.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct ArchivedEventFile {
    id: String,
    file_name: String,
    day: String,
    first_auto_id: i64,
    last_auto_id: i64,
    file_bytes: i64,
    created_date: String,
    deleted_date: Option<String>,
    links: Links,
}

/// What the trail can be proved with.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct TrailProofs {
    /// In hex.
    public_key: String,
    fingerprint: String,
    last_checkpoint: Option<CheckpointTold>,
    retention_days: i64,
    witnesses: Vec<WitnessTold>,
}

/// The last checkpoint.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct CheckpointTold {
    number: i64,
    auto_id: i64,
    written: String,
}

/// Somebody who keeps checkpoints elsewhere.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct WitnessTold {
    kind: String,
    checkpoint: i64,
    told: Option<String>,
    fault: String,
}

/// The secret of the checkpoints' webhook.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct WebhookSecret {
    secret: String,
}

fn number(ask: &Ask) -> Result<i64> {
    let text = ask.parameter("id");
    let number = text.trim_start_matches(|c: char| !c.is_ascii_digit());
    number.parse().map_err(|_| Error::NotFound(text.to_owned()))
}

/// The archives of old days.
pub(in crate::api) fn archives(ask: &Ask, query: Query<resource::Paged>) -> Result<Collection<ArchivedEventFile>> {
    let all = keep::archives(&ask.visitor()?.ask(EventRetentionView {})?)?;
    let draw = |one: &Archive| {
        let own = format!("{}/events/archives/{}", resource::api(ask), one.number);
        ArchivedEventFile {
            id: one.number.to_string(),
            file_name: one.file.clone(),
            day: one.day.clone(),
            first_auto_id: one.first,
            last_auto_id: one.last,
            file_bytes: one.bytes,
            created_date: one.at.wire(),
            deleted_date: one.removed_at.map(Moment::wire),
            links: Links::of(&own, &[]),
        }
    };
    let listed = Listed { total: all.len() as i64, items: all };
    let own = format!("{}/events/archives", resource::api(ask));
    Ok(wire::collection(ask, &query, &own, "ArchivedEventFile", listed, Page::ALL, draw))
}

/// One archive as a file.
pub(in crate::api) fn archive(ask: &Ask) -> Result<Reply> {
    let number = number(ask);
    let (about, file) = out::archive(&ask.visitor()?.ask(EventRetentionView {})?, number?)?;
    Reply::file(Download::new(Format::JsonLines.media_type(), &about.file, of_file(file)))
}

/// Deletes an archive.
pub(in crate::api) fn delete_archive(ask: &Ask) -> Result<Done> {
    let number = number(ask);
    out::delete_archive(&ask.visitor()?.ask(EventRetentionDelete {})?, number?)?;
    Ok(Done)
}

/// What the trail can be proved with.
pub(in crate::api) fn proofs(ask: &Ask) -> Result<Json<TrailProofs>> {
    let proofs = keep::standing(&ask.visitor()?.ask(EventRetentionView {})?)?;
    let last = |(number, auto_id, at): (i64, i64, Moment)| CheckpointTold { number, auto_id, written: at.wire() };
    let witness = |one: keep::Standing| WitnessTold {
        kind: one.kind,
        checkpoint: one.told,
        told: one.told_at.map(Moment::wire),
        fault: one.fault,
    };
    Ok(Json(TrailProofs {
        public_key: proofs.public_key,
        fingerprint: proofs.fingerprint,
        last_checkpoint: proofs.last.map(last),
        retention_days: proofs.retention_days,
        witnesses: proofs.witnesses.into_iter().map(witness).collect(),
    }))
}

/// The secret of the checkpoints' webhook.
pub(in crate::api) fn secret(ask: &Ask) -> Result<Json<WebhookSecret>> {
    let secret = keep::webhook_secret(&ask.visitor()?.ask(ConfigureServer {})?)?;
    Ok(Json(WebhookSecret { secret }))
}

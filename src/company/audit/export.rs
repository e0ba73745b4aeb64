//! The trail taken out: all that one may see of it and asks for, in pieces, as JSON-lines or CSV; and the archives of old
//! days. Taking out is an event by itself and needs a fresh proof.

use super::{Event, Filter, recent};
use crate::{
    base::{
        clock::{self, DAY, Moment},
        error::{Error, Result},
        paging::Page,
    },
    company::access::{
        self, Archive, Granted,
        permissions::{EventRetentionDelete, EventRetentionView, EventView, List},
    },
};
use serde_json::{Map, Value, json};
use std::{fs::File, path::PathBuf};

/// So many events are read at once.
const PIECE: i64 = 1000;
/// An archive stays for so long before it can be deleted (`domain §14`).
const ARCHIVE_STAYS: i64 = 30 * DAY;

/// How it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A JSON object on each line.
    JsonLines,
    /// Cells with commas between, the first line their names. What a table would take for a formula begins with `'`.
    Csv,
}

impl Format {
    /// From its word: `csv`, or `jsonl` (also `json`).
    pub fn of(word: &str) -> Option<Format> {
        match word.to_ascii_lowercase().as_str() {
            "csv" => Some(Format::Csv),
            "jsonl" | "json" | "ndjson" => Some(Format::JsonLines),
            _ => None,
        }
    }
    /// The end of a file's name.
    pub fn ending(self) -> &'static str {
        match self {
            Format::JsonLines => "jsonl",
            Format::Csv => "csv",
        }
    }
    /// The media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Format::JsonLines => "application/x-ndjson; charset=utf-8",
            Format::Csv => "text/csv; charset=utf-8",
        }
    }
}

/// An export under way.
#[derive(Debug, Clone)]
pub struct Export {
    filter: Filter,
    format: Format,
    begun: bool,
    over: bool,
}

/// Begins an export: tells it in the trail. `asked` is what was asked for, in words. What happens from now on is not in it.
///
/// # Errors
/// `ProofNeeded` without a fresh proof.
pub fn begin(granted: &[Granted<'_, List<EventView>>], filter: Filter, format: Format, asked: &str) -> Result<Export> {
    let Some(first) = granted.first() else { return Err(Error::NotFound("trail".into())) };
    first.fresh()?;
    let told = access::Event::new("TrailExported").say("The trail was exported as ").say(match format {
        Format::JsonLines => "JSON-lines",
        Format::Csv => "CSV",
    });
    let told =
        if asked.is_empty() { told } else { told.detail("Filter", asked.chars().take(1000).collect::<String>()) };
    let own = first.tell(told)?;
    let before = filter.before.map_or(own, |before| before.min(own));
    Ok(Export { filter: Filter { before: Some(before), ..filter }, format, begun: false, over: false })
}

/// The next piece of an export; `None` after the last. The proof is asked for anew for each piece, so that an export ends
/// soon after the right to it does.
pub fn next(granted: &[Granted<'_, List<EventView>>], export: &mut Export) -> Result<Option<Vec<u8>>> {
    if export.over {
        return Ok(None);
    }
    let events = recent(granted, &export.filter, Page { skip: 0, take: PIECE })?;
    match events.last() {
        Some(last) if events.len() as i64 == PIECE => export.filter.before = Some(last.id.0),
        _ => export.over = true,
    }
    let begins = !std::mem::replace(&mut export.begun, true);
    Ok(Some(match export.format {
        Format::JsonLines => lines(&events)?,
        Format::Csv => table(&events, begins)?,
    }))
}

fn differences(event: &Event) -> Map<String, Value> {
    let one = |detail: &super::Detail| match &detail.from {
        Some(from) => (detail.field.clone(), json!({ "From": from, "To": detail.to })),
        None => (detail.field.clone(), detail.to.clone()),
    };
    event.details.iter().map(one).collect()
}

fn lines(events: &[Event]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    for event in events {
        let line = json!({
            "Id": event.id.to_string(),
            "Occurred": event.at.wire(),
            "Category": event.category,
            "Message": event.message,
            "UserId": event.actor.map(|id| id.to_string()),
            "Username": event.actor_name,
            "ActorKind": event.actor_kind,
            "IdentityEstablishedWith": event.means,
            "IpAddress": event.address,
            "UserAgent": event.agent,
            "SpaceId": event.space.map(|id| id.to_string()),
            "ProjectId": event.project.map(|id| id.to_string()),
            "EnvironmentId": event.environment.map(|id| id.to_string()),
            "TenantId": event.tenant.map(|id| id.to_string()),
            "RelatedDocumentIds": event.related.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(),
            "Differences": differences(event),
        });
        serde_json::to_writer(&mut out, &line)?;
        out.push(b'\n');
    }
    Ok(out)
}

const HEAD: [&str; 16] = [
    "Id",
    "Occurred",
    "Category",
    "Message",
    "UserId",
    "Username",
    "ActorKind",
    "IdentityEstablishedWith",
    "IpAddress",
    "UserAgent",
    "SpaceId",
    "ProjectId",
    "EnvironmentId",
    "TenantId",
    "RelatedDocumentIds",
    "Differences",
];

fn table(events: &[Event], begins: bool) -> Result<Vec<u8>> {
    let mut out = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let fault = |cause: csv::Error| Error::internal(format!("a table could not be written: {cause}"));
    if begins {
        out.write_record(HEAD).map_err(fault)?;
    }
    for event in events {
        fn id<T: crate::base::ids::Kind>(id: Option<crate::base::ids::Id<T>>) -> String {
            id.map(|id| id.to_string()).unwrap_or_default()
        }
        let related: Vec<&str> = event.related.iter().map(|one| one.id.as_str()).collect();
        let cells: [String; 16] = [
            event.id.to_string(),
            event.at.wire(),
            event.category.clone(),
            event.message.clone(),
            id(event.actor),
            event.actor_name.clone(),
            event.actor_kind.clone(),
            event.means.clone(),
            event.address.clone(),
            event.agent.clone(),
            id(event.space),
            id(event.project),
            id(event.environment),
            id(event.tenant),
            related.join(" "),
            Value::Object(differences(event)).to_string(),
        ];
        out.write_record(cells.iter().map(|cell| harmless(cell).into_owned())).map_err(fault)?;
    }
    out.into_inner().map_err(|cause| Error::internal(format!("a table could not be written: {cause}")))
}

/// A cell that no table takes for a formula.
fn harmless(cell: &str) -> std::borrow::Cow<'_, str> {
    match cell.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n') => format!("'{cell}").into(),
        _ => cell.into(),
    }
}

/// Where the file of an archive is. Reading it is an event.
///
/// # Errors
/// `NotFound` for one that never was or was deleted; `ProofNeeded` without a fresh proof.
pub fn archive(granted: &Granted<'_, EventRetentionView>, number: i64) -> Result<(Archive, File)> {
    let missing = || Error::NotFound(format!("archive {number}"));
    let found =
        super::keep::archives(granted)?.into_iter().find(|one| one.number == number && one.removed_at.is_none());
    let found = found.ok_or_else(missing)?;
    granted.fresh()?;
    let file = File::open(path(granted.visitor().company().folder(), &found)).map_err(|_| missing())?;
    granted.tell(access::Event::new("TrailArchiveRead").say("The archive ").say(&found.file).say(" was read"))?;
    Ok((found, file))
}

fn path(folder: &std::path::Path, archive: &Archive) -> PathBuf {
    folder.join("archive").join(&archive.file)
}

/// Deletes the file of an archive. Its tombstone stays, and says so, signed; the chain still verifies.
///
/// # Errors
/// `NotFound`; `Conflict` for one that is younger than thirty days; `ProofNeeded` without a fresh proof.
pub fn delete_archive(granted: &Granted<'_, EventRetentionDelete>, number: i64) -> Result<()> {
    delete_at(granted, number, clock::now())
}

fn delete_at(granted: &Granted<'_, EventRetentionDelete>, number: i64, now: Moment) -> Result<()> {
    let missing = || Error::NotFound(format!("archive {number}"));
    granted.fresh()?;
    let company = granted.visitor().company();
    let archives = granted.read(super::keep::all_archives)?;
    let found =
        archives.into_iter().find(|one| one.number == number && one.removed_at.is_none()).ok_or_else(missing)?;
    if now.0 - found.at.0 < ARCHIVE_STAYS {
        return Err(Error::Conflict(format!(
            "The archive {} was made less than thirty days ago. Delete it after that.",
            found.file
        )));
    }
    granted.write(|tx| {
        if !granted.archive_removed(tx, number)? {
            return Err(missing());
        }
        let told = access::Event::new("TrailArchiveDeleted")
            .say("The archive ")
            .say(&found.file)
            .say(&format!(" with events {} to {} was deleted", found.first, found.last));
        tx.record(told, ())
    })?;
    // What a crash leaves here is only a file that nobody is shown any more.
    match std::fs::remove_file(path(company.folder(), &found)) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => Err(cause.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::company::{
        access::{New, permissions as ask},
        environments,
        testing::{Harbour, harbour},
    };

    fn exported(harbour: &Harbour, filter: Filter, format: Format) -> String {
        let ada = harbour.ada();
        let granted = || ada.ask_anywhere::<EventView>(None).unwrap();
        let mut export = begin(&granted(), filter, format, "q=all").unwrap();
        let mut all = Vec::new();
        while let Some(piece) = next(&granted(), &mut export).unwrap() {
            all.extend(piece);
        }
        String::from_utf8(all).unwrap()
    }

    fn named(harbour: &Harbour, name: &str) {
        let ada = harbour.ada();
        let granted = ada.ask(ask::EnvironmentCreate { space: New::of(&harbour.space(&ada)) }).unwrap();
        environments::create(&granted, environments::Fields::named(name)).unwrap();
    }

    #[test]
    fn an_export_is_told_and_does_not_hold_itself() {
        let harbour = harbour();
        named(&harbour, "Staging");
        let text = exported(&harbour, Filter::default(), Format::JsonLines);
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0]["Message"], "Environment Staging was created");
        assert_eq!(harbour.trail().last().unwrap(), "TrailExported: The trail was exported as JSON-lines");
        let only = Filter { text: "staging".into(), ..Filter::default() };
        assert_eq!(exported(&harbour, only, Format::JsonLines).lines().count(), 1);
    }

    #[test]
    fn a_long_trail_is_exported_in_pieces_and_whole() {
        let harbour = harbour();
        let ada = harbour.ada();
        let granted = ada.ask(ask::EnvironmentCreate { space: New::of(&harbour.space(&ada)) }).unwrap();
        granted
            .write(|tx| {
                (1..2500).try_for_each(|n| tx.also(access::Event::new("Modified").say(&format!("Number {n}"))))?;
                tx.record(access::Event::new("Modified").say("The last"), ())
            })
            .unwrap();
        let text = exported(&harbour, Filter::default(), Format::Csv);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
        assert_eq!(rows.len(), 2502);
        let ids: Vec<i64> = rows.iter().map(|row| row[0].strip_prefix("Events-").unwrap().parse().unwrap()).collect();
        assert!(ids.windows(2).all(|pair| pair[0] == pair[1] + 1));
        assert_eq!(&reader.headers().unwrap()[3], "Message");
    }

    #[test]
    fn no_cell_is_a_formula() {
        for (cell, harmless_cell) in [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "'\r=1"),
            ("a=1", "a=1"),
            ("", ""),
        ] {
            assert_eq!(harmless(cell), harmless_cell);
        }
        let harbour = harbour();
        let ada = harbour.ada();
        let granted = ada.ask(ask::EnvironmentCreate { space: New::of(&harbour.space(&ada)) }).unwrap();
        let formula = "=HYPERLINK(\"http://a.example\",\"x\"), \"quoted\"";
        granted.write(|tx| tx.record(access::Event::new("Modified").say(formula), ())).unwrap();
        let text = exported(&harbour, Filter::default(), Format::Csv);
        let row = csv::Reader::from_reader(text.as_bytes()).records().next().unwrap().unwrap();
        assert_eq!(row[3], format!("'{formula}"));
    }

    #[test]
    fn archives_are_listed_read_and_deleted_after_thirty_days() {
        use crate::{base::clock, company::audit::keep};
        let harbour = harbour();
        named(&harbour, "Staging");
        let engine = harbour.engine();
        let keeper = engine.ask(ask::TrailKeep {}).unwrap();
        assert!(keep::archive(&keeper, clock::now()).unwrap().is_empty());
        // As if all that was a hundred days ago.
        assert!(keeper.archive_day(clock::now().plus(10 * DAY)).unwrap().is_some());
        let ada = harbour.ada();
        let viewer = ada.ask(EventRetentionView {}).unwrap();
        let (about, mut file) = archive(&viewer, 1).unwrap();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut file, &mut text).unwrap();
        assert_eq!((text.lines().count(), text.len() as i64), (3, about.bytes));
        assert!(harbour.trail().last().unwrap().starts_with("TrailArchiveRead: The archive "));
        assert!(matches!(archive(&viewer, 2), Err(Error::NotFound(_))));

        let keeper = ada.ask(EventRetentionDelete {}).unwrap();
        assert!(matches!(delete_archive(&keeper, 1), Err(Error::Conflict(_))), "made just now");
        harbour.company.verify(None).unwrap().unwrap();
        delete_at(&keeper, 1, clock::now().plus(31 * DAY)).unwrap();
        assert!(harbour.trail().last().unwrap().ends_with("with events 1 to 3 was deleted"));
        assert!(!path(harbour.company.folder(), &about).exists());
        let verified = harbour.company.verify(None).unwrap().unwrap();
        assert_eq!(verified.archived, 3, "the chain goes on over what was deleted");
        assert!(matches!(delete_at(&keeper, 1, clock::now().plus(31 * DAY)), Err(Error::NotFound(_))));
        assert!(harbour.person("Ben", &[]).ask(EventRetentionDelete {}).is_err());
    }
}

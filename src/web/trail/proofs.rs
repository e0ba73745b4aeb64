//! The trail taken out as a file; the archives of old days; what the trail can be proved with.

use super::{filter, when_in};
use crate::{
    base::error::{Error, Result},
    company::{
        access::permissions::{ConfigureServer, EventRetentionDelete, EventRetentionView, EventView},
        audit::{
            self,
            export::{self as out, Format},
            keep,
        },
    },
    http::download::{Download, of_file},
    web::{
        caller::{Answer, Visit},
        form::sure,
        once::Once,
        page::{Act, Chip, Frame, Kv, When},
    },
};
use askama::Template;

#[derive(Template)]
#[template(path = "trail/proofs.html")]
struct Proofs {
    frame: Frame,
    about: Kv,
    witnesses: Vec<Witness>,
    archives: Vec<Row>,
    secret: Option<String>,
    show_secret: Act,
}

struct Witness {
    name: &'static str,
    chip: Chip,
    told: i64,
    when: Option<When>,
}

struct Row {
    file: String,
    events: String,
    size: String,
    made: When,
    read: Option<String>,
    delete: Option<String>,
}

/// The trail as a file, filtered as the page was.
pub(in crate::web) fn export(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.ask_anywhere::<EventView>(None)?;
    let form = visit.form();
    let format =
        Format::of(form.text("format")).ok_or_else(|| Error::invalid("format", "Choose CSV or JSON-lines."))?;
    let pairs = filter::pairs(|name| {
        form.typed().filter(|(known, _)| *known == name).map(|(_, value)| value.to_owned()).collect()
    });
    let zone = audit::time_zone(&granted)?;
    let wanted = filter::read(visit, &pairs, &zone)?;
    let mut export = out::begin(&granted, wanted, format, &filter::query(&pairs))?;
    let (call, slug) = (visit.call.clone(), visit.company().slug().to_owned());
    let pieces = std::boxed::Box::new(move || {
        // Whoever lost the right, or the session, gets no further piece.
        let visit = Visit::enter(&call, &slug).map_err(|_| Error::NotFound("trail".into()))?;
        out::next(&visit.visitor.ask_anywhere::<EventView>(None)?, &mut export)
    });
    let name = format!("trail-{}.{}", visit.company().slug(), format.ending());
    Ok(Answer::File(Download::new(format.media_type(), &name, pieces)))
}

/// What the trail can be proved with, and the archives.
pub(in crate::web) fn proofs(visit: &Visit) -> Result<Answer> {
    Answer::page(&page(visit, None)?)
}

fn page(visit: &Visit, secret: Option<String>) -> Result<Proofs> {
    let granted = visit.visitor.ask(EventRetentionView {})?;
    let standing = keep::standing(&granted)?;
    let may_delete = visit.visitor.may(EventRetentionDelete {});
    let path = |rest: &str| visit.path(&format!("/trail/{rest}"));
    let mut about = Kv::new()
        .mono("Signing key", &standing.public_key)
        .hint("Ed25519, the public half")
        .mono("Fingerprint", &standing.fingerprint);
    about = match &standing.last {
        Some((number, event, at)) => about
            .row("Last checkpoint", format!("{number}, up to event {event}"))
            .when("Written", when_in(*at, &standing.time_zone)),
        None => about.row("Last checkpoint", ""),
    };
    about = about.row("Events stay for", format!("{} days, then they are archived", standing.retention_days));
    let witnesses = standing.witnesses.iter().map(|one| Witness {
        name: if one.kind == "syslog" { "The system's log" } else { "The webhook" },
        chip: if one.fault.is_empty() { Chip::new("success", "Told") } else { Chip::new("failed", one.fault.clone()) },
        told: one.told,
        when: one.told_at.map(|at| when_in(at, &standing.time_zone)),
    });
    let archives = keep::archives(&granted)?.into_iter().rev().map(|one| Row {
        events: format!("{} to {}", one.first, one.last),
        size: format!("{} KiB", (one.bytes + 1023) / 1024),
        made: when_in(one.at, &standing.time_zone),
        read: one.removed_at.is_none().then(|| path(&format!("archives/{}", one.number))),
        delete: (may_delete && one.removed_at.is_none()).then(|| path(&format!("archives/{}/delete", one.number))),
        file: one.file,
    });
    Ok(Proofs {
        frame: visit.frame("trail", "Archives and proofs").crumb("Trail", visit.path("/trail")),
        about,
        witnesses: witnesses.collect(),
        archives: archives.collect(),
        secret,
        show_secret: visit.offer(
            ConfigureServer {},
            Act::post("Show the webhook's secret", path("proofs/secret")).only_if(standing.has_webhook),
        ),
    })
}

/// Shows the secret of the webhook, once asked for.
pub(in crate::web) fn secret(visit: &Visit) -> Result<Answer> {
    let secret = keep::webhook_secret(&visit.visitor.ask(ConfigureServer {})?)?;
    Answer::once(Once::Webhook, visit.path("/trail/proofs"), &page(visit, Some(secret))?)
}

fn number(visit: &Visit) -> Result<i64> {
    let text = visit.parameter("archive");
    text.parse().map_err(|_| Error::NotFound(format!("archive {text}")))
}

/// An archive as a file.
pub(in crate::web) fn archive(visit: &Visit) -> Result<Answer> {
    let number = number(visit);
    let (about, file) = out::archive(&visit.visitor.ask(EventRetentionView {})?, number?)?;
    Ok(Answer::File(Download::new(Format::JsonLines.media_type(), &about.file, of_file(file))))
}

/// Deletes an archive.
pub(in crate::web) fn delete_archive(visit: &Visit) -> Result<Answer> {
    let number = number(visit);
    let (granted, number) = (visit.visitor.ask(EventRetentionDelete {})?, number?);
    let page = visit.frame("trail", "Delete the archive?").crumb("Trail", visit.path("/trail"));
    let words = "The events in it are gone for good. That they were there can still be proved.";
    if let Some(asked) = sure(visit, page, words, "Delete the archive", visit.path("/trail/proofs")) {
        return asked;
    }
    out::delete_archive(&granted, number)?;
    Answer::done(visit.path("/trail/proofs"), "The archive was deleted.")
}

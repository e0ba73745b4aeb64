//! Looking after the trail: signing it, archiving what is old, telling its checkpoints to others who keep them.

use crate::{
    base::{
        clock::{DAY, HOUR, MINUTE, Moment},
        error::Result,
    },
    company::access::{
        Archive, Granted,
        permissions::{ConfigureServer, EventRetentionView, TrailKeep},
        rules,
    },
};

/// So many days are archived in one go.
const MOST_ARCHIVES: usize = 400;

/// Somebody who keeps the checkpoints elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Witness {
    /// The system's log.
    Syslog,
    /// A program at an address on the network.
    Webhook,
}

impl Witness {
    /// As it is stored.
    pub fn word(self) -> &'static str {
        match self {
            Witness::Syslog => "syslog",
            Witness::Webhook => "webhook",
        }
    }
}

/// Checkpoints that a witness was not told yet.
#[derive(Debug, Clone)]
pub struct Untold {
    /// Whom to tell.
    pub witness: Witness,
    /// The address of a webhook.
    pub url: String,
    /// By which the receiver of a webhook knows the sender: the key of the HMAC over the body.
    pub secret: String,
    /// Number and line of each, in order.
    pub lines: Vec<(i64, String)>,
}

/// How it stands with one witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// `syslog` or `webhook`.
    pub kind: String,
    /// The last checkpoint it was told.
    pub told: i64,
    /// When.
    pub told_at: Option<Moment>,
    /// What went wrong the last time; empty when nothing did.
    pub fault: String,
}

/// One round: tells what was counted, and signs the trail when that is due. Gives when to look again, if there is
/// something unsigned. `ending`: the server stops, so all that was counted is told.
pub fn round(granted: &Granted<'_, TrailKeep>, now: Moment, ending: bool) -> Result<Option<Moment>> {
    granted.keep_trail(now, ending)
}

/// Signs the trail as it is now. Whether there was anything new.
pub fn sign(granted: &Granted<'_, TrailKeep>) -> Result<bool> {
    Ok(granted.sign_trail()?.is_some())
}

/// Archives every day that is older than the company keeps events in its file, each with its event.
///
/// # Errors
/// `Conflict` when events of such a day are not what was written: they stay where they are.
pub fn archive(granted: &Granted<'_, TrailKeep>, now: Moment) -> Result<Vec<Archive>> {
    let days = granted.read(rules::rules)?.retention_days;
    let mut made = Vec::new();
    // What is left after so many is done the next day.
    while made.len() < MOST_ARCHIVES
        && let Some(archive) = granted.archive_day(now.plus(-days * DAY))?
    {
        made.push(archive);
    }
    Ok(made)
}

/// What the witnesses that the company has chosen were not told yet, and may be told now.
pub fn untold(granted: &Granted<'_, TrailKeep>, now: Moment) -> Result<Vec<Untold>> {
    let rules = granted.read(rules::rules)?;
    let mut all = Vec::new();
    if rules.checkpoint_syslog {
        all.push((Witness::Syslog, String::new()));
    }
    if let Some(url) = rules.checkpoint_webhook {
        all.push((Witness::Webhook, url));
    }
    let mut untold = Vec::new();
    for (witness, url) in all {
        let told = granted.read(|rows| sql::told_if_due(rows, witness, now))?;
        let Some(told) = told else { continue };
        let lines = granted.checkpoints_after(told)?;
        if !lines.is_empty() {
            let secret = granted.seal().webhook_secret(&url);
            let lines = lines.into_iter().map(|(one, line)| (one.number, line)).collect();
            untold.push(Untold { witness, url, secret, lines });
        }
    }
    Ok(untold)
}

/// A witness was told up to this checkpoint.
pub fn told(granted: &Granted<'_, TrailKeep>, witness: Witness, number: i64, now: Moment) -> Result<()> {
    granted.note_told(sql::TOLD, (witness.word(), number, now))
}

/// A witness could not be told; it is tried again, after a minute first and then more and more seldom, up to an hour.
pub fn not_told(granted: &Granted<'_, TrailKeep>, witness: Witness, fault: &str, now: Moment) -> Result<()> {
    let fault: String = fault.chars().take(300).collect();
    granted.note_told(sql::NOT_TOLD, (witness.word(), fault, now, MINUTE, HOUR))
}

/// The archives there are and were, the oldest first.
pub fn archives(granted: &Granted<'_, EventRetentionView>) -> Result<Vec<Archive>> {
    granted.read(sql::archives)
}

pub(super) fn all_archives(rows: &crate::company::access::Rows<'_>) -> Result<Vec<Archive>> {
    sql::archives(rows)
}

/// What the trail can be proved with.
#[derive(Debug, Clone)]
pub struct Proofs {
    /// The public half of the signing key, in hex.
    pub public_key: String,
    /// Its fingerprint.
    pub fingerprint: String,
    /// Number, last event and time of the last checkpoint.
    pub last: Option<(i64, i64, Moment)>,
    /// Days that events stay before they are archived.
    pub retention_days: i64,
    /// The company's time zone.
    pub time_zone: String,
    /// Whether checkpoints go to a webhook.
    pub has_webhook: bool,
    /// How it stands with those who were told anything.
    pub witnesses: Vec<Standing>,
}

/// What the trail can be proved with.
pub fn standing(granted: &Granted<'_, EventRetentionView>) -> Result<Proofs> {
    let (rules, witnesses) = granted.read(|rows| Ok((rules::rules(rows)?, sql::witnesses(rows)?)))?;
    let company = granted.visitor().company();
    let (public_key, fingerprint) = company.signing_key();
    let last = company.last_checkpoint()?.map(|last| (last.number, last.event, last.at));
    Ok(Proofs {
        public_key,
        fingerprint,
        last,
        retention_days: rules.retention_days,
        time_zone: rules.time_zone,
        has_webhook: rules.checkpoint_webhook.is_some(),
        witnesses,
    })
}

/// The secret of the webhook, for whoever sets up its receiver. Reading it is an event.
///
/// # Errors
/// `Conflict` when there is no webhook; `ProofNeeded` without a fresh proof.
pub fn webhook_secret(granted: &Granted<'_, ConfigureServer>) -> Result<String> {
    use crate::{base::error::Error, company::access::Event};
    granted.fresh()?;
    let url = granted.read(rules::rules)?.checkpoint_webhook.ok_or_else(|| {
        Error::Conflict("Checkpoints go to no webhook. Name one in the company's settings first.".into())
    })?;
    granted.tell(Event::new("SecretRead").say("The secret of the checkpoints' webhook was read"))?;
    Ok(granted.seal().webhook_secret(&url))
}

mod sql {
    use super::*;
    use crate::company::access::Rows;

    pub const TOLD: &str = "INSERT INTO witnesses (kind, told, told_at) VALUES (?1, ?2, ?3)
        ON CONFLICT (kind) DO UPDATE SET told = max(told, excluded.told), told_at = excluded.told_at, fault = '', tries = 0, next_at = 0";
    pub const NOT_TOLD: &str = "INSERT INTO witnesses (kind, fault, tries, next_at) VALUES (?1, ?2, 1, ?3 + ?4)
        ON CONFLICT (kind) DO UPDATE SET fault = excluded.fault, next_at = ?3 + min(?5, ?4 << min(tries, 10)), tries = tries + 1";

    /// The last checkpoint a witness was told; `None` while it is left alone after a fault.
    pub fn told_if_due(rows: &Rows<'_>, witness: Witness, now: Moment) -> Result<Option<i64>> {
        let found = rows.one("SELECT told, next_at FROM witnesses WHERE kind = ?1", [witness.word()], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Moment>(1)?))
        })?;
        let (told, next) = found.unwrap_or((0, Moment(0)));
        // Further ahead than the longest pause: the clock was put back.
        Ok((next <= now || next.0 - now.0 > HOUR).then_some(told))
    }

    pub fn archives(rows: &Rows<'_>) -> Result<Vec<Archive>> {
        rows.all(&format!("SELECT {} FROM tombstones ORDER BY id", Archive::COLUMNS), [], Archive::read)
    }

    pub fn witnesses(rows: &Rows<'_>) -> Result<Vec<Standing>> {
        rows.all("SELECT kind, told, told_at, fault FROM witnesses ORDER BY kind", [], |row| {
            Ok(Standing { kind: row.get(0)?, told: row.get(1)?, told_at: row.get(2)?, fault: row.get(3)? })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{base::clock, company::testing::harbour};

    #[test]
    fn a_witness_is_told_in_order_and_left_alone_for_longer_and_longer_after_faults() {
        let harbour = harbour();
        harbour.sql(|c| {
            c.execute("UPDATE settings SET checkpoint_syslog = 1, checkpoint_webhook = 'https://a.example/'", [])
        });
        let engine = harbour.engine();
        let granted = engine.ask(TrailKeep {}).unwrap();
        let now = clock::now();
        let untold_now = |now: Moment| -> Vec<(Witness, Vec<i64>)> {
            let all = untold(&granted, now).unwrap();
            all.into_iter().map(|one| (one.witness, one.lines.iter().map(|line| line.0).collect())).collect()
        };
        assert_eq!(untold_now(now), [(Witness::Syslog, vec![1]), (Witness::Webhook, vec![1])]);
        told(&granted, Witness::Syslog, 1, now).unwrap();
        let mut waits = Vec::new();
        let mut at = now;
        for _ in 0..8 {
            not_told(&granted, Witness::Webhook, "refused", at).unwrap();
            let minutes = (1..).find(|minute| !untold_now(at.plus(minute * MINUTE)).is_empty()).unwrap();
            waits.push(minutes);
            at = at.plus(minutes * MINUTE);
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        told(&granted, Witness::Webhook, 1, at).unwrap();
        assert!(untold_now(at).is_empty());
        let ada = harbour.ada();
        let standing = standing(&ada.ask(EventRetentionView {}).unwrap()).unwrap().witnesses;
        assert!(standing.iter().all(|one| one.told == 1 && one.fault.is_empty()), "{standing:?}");
    }

    #[test]
    fn the_trail_is_signed_when_the_last_checkpoint_is_an_hour_old() {
        let harbour = harbour();
        let (engine, now) = (harbour.engine(), clock::now());
        let granted = engine.ask(TrailKeep {}).unwrap();
        assert_eq!(round(&granted, now, false).unwrap(), None, "nothing since it was founded");
        assert!(harbour.person("Ben", &[]).ask(ConfigureServer {}).is_err());
        let due = round(&granted, now, false).unwrap().expect("a refusal that is not signed yet");
        assert!(due.0 > now.0 && due.0 <= now.0 + HOUR);
        assert_eq!(round(&granted, due, false).unwrap(), None);
        assert!(!sign(&granted).unwrap());
    }

    #[test]
    fn reading_the_webhooks_secret_is_an_event() {
        let harbour = harbour();
        harbour.sql(|c| c.execute("UPDATE settings SET checkpoint_webhook = 'https://a.example/'", []));
        let ada = harbour.ada();
        let secret = webhook_secret(&ada.ask(ConfigureServer {}).unwrap()).unwrap();
        assert_eq!(secret.len(), 64);
        let told = harbour.trail();
        assert_eq!(told.last().unwrap(), "SecretRead: The secret of the checkpoints' webhook was read");
        assert!(!told.iter().any(|line| line.contains(&secret)));
    }
}

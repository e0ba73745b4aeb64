//! The trail: whole, and found out when somebody changed the file by hand.

use crate::{
    base::clock::{self, DAY, Moment},
    company::{
        Company,
        access::{Finding, New, Verified, permissions::EnvironmentCreate, trail},
        environments,
        testing::{Harbour, harbour},
    },
};
use std::{fs, path::PathBuf};

fn with_events() -> Harbour {
    let harbour = harbour();
    for name in ["Dev", "Staging", "Production"] {
        add(&harbour, name);
    }
    harbour
}

fn add(harbour: &Harbour, name: &str) {
    let ada = harbour.ada();
    let space = harbour.space(&ada);
    let granted = ada.ask(EnvironmentCreate { space: New::of(&space) }).unwrap();
    environments::create(&granted, environments::Fields::named(name)).unwrap();
}

fn verify(harbour: &Harbour) -> Result<Verified, Finding> {
    harbour.company.verify(None).unwrap()
}

fn checkpoints(harbour: &Harbour) -> PathBuf {
    harbour.company.folder().join("checkpoints.jsonl")
}

/// What is told after somebody changed the file.
fn tamper(harbour: &Harbour, sql: &str) -> String {
    harbour.sql(|c| {
        c.execute_batch(
            "DROP TRIGGER IF EXISTS events_stay; DROP TRIGGER IF EXISTS events_hold;
             DROP TRIGGER IF EXISTS tombstones_stay; DROP TRIGGER IF EXISTS tombstones_hold;",
        )?;
        c.execute_batch(sql)
    });
    verify(harbour).unwrap_err().to_string()
}

/// What somebody does who knows how hashes are made but has no key: the chain anew from an event on.
fn chain_anew(harbour: &Harbour, from: i64) {
    harbour.sql(|c| {
        let mut before: [u8; 32] =
            c.query_row("SELECT hash FROM events WHERE id = ?1", [from - 1], |row| row.get(0))?;
        let mut new = Vec::new();
        let mut statement =
            c.prepare(&format!("SELECT {} FROM events WHERE id >= ?1 ORDER BY id", trail::chain::COLUMNS))?;
        let mut rows = statement.query([from])?;
        while let Some(row) = rows.next()? {
            let (event, _) = trail::chain::Row::read(row)?;
            before = event.hash(&before);
            new.push((event.id, before));
        }
        new.iter().try_for_each(|(id, hash)| {
            c.execute("UPDATE events SET hash = ?2 WHERE id = ?1", (id, &hash[..])).map(drop)
        })
    });
}

#[test]
fn an_untouched_trail_is_whole() {
    let harbour = with_events();
    let verified = verify(&harbour).unwrap();
    assert_eq!(verified.events as usize, harbour.trail().len());
    assert!(verified.events >= 5);
    assert_eq!((verified.checkpoints, verified.signed_to), (1, 2), "signed when it was founded");
    harbour.company.write_checkpoint().unwrap().unwrap();
    assert_eq!(harbour.company.write_checkpoint().unwrap(), None, "nothing new, nothing signed");
    let verified = verify(&harbour).unwrap();
    assert_eq!((verified.checkpoints, verified.signed_to), (2, verified.events));
}

#[test]
fn events_cannot_be_changed_or_removed_by_a_statement() {
    let harbour = with_events();
    for sql in [
        "DELETE FROM events WHERE id = 2",
        "UPDATE events SET message = 'x' WHERE id = 2",
        "DELETE FROM events",
        "UPDATE OR REPLACE events SET id = 3 WHERE id = 2",
    ] {
        let refused = harbour.sql(|c| Ok(c.execute(sql, []).unwrap_err().to_string()));
        assert!(refused.contains("append-only"), "{refused}");
    }
}

#[test]
fn every_column_is_covered() {
    let columns: Vec<(String, String)> = with_events().sql(|c| {
        let mut statement = c.prepare("SELECT name, type FROM pragma_table_info('events')")?;
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    });
    assert_eq!(columns.len(), 19);
    for (column, kind) in columns.iter().filter(|(column, _)| column != "id") {
        let value = match (column.as_str(), kind.as_str()) {
            ("actor_kind", _) => "'nobody'",
            (_, "INTEGER") => "COALESCE(id, 0) + 1000",
            (_, "TEXT") => "'x'",
            _ => "randomblob(32)",
        };
        let found = tamper(&with_events(), &format!("UPDATE events SET {column} = {value} WHERE id = 4"));
        assert_eq!(found, "event 4 is not what was written", "{column}");
    }
}

#[test]
fn a_changed_removed_or_moved_event_is_found() {
    let changed = "event 4 is not what was written";
    let cases = [
        ("UPDATE events SET message = message || ' ' WHERE id = 4", changed),
        ("UPDATE events SET tenant_id = environment_id, environment_id = NULL WHERE id = 4", changed),
        ("UPDATE events SET address = 'x', agent = '' WHERE id = 4", changed),
        ("UPDATE events SET details = '{}', related = related || details WHERE id = 4", changed),
        ("UPDATE events SET message = CAST(x'ff' AS TEXT) WHERE id = 4", changed),
        ("DELETE FROM events WHERE id = 3", "event 3 is missing: event 4 stands in its place"),
        ("DELETE FROM events WHERE id < 3", "events 1 to 2 are missing: event 3 stands in its place"),
        (
            "DELETE FROM events WHERE id = 3; UPDATE events SET id = id - 1 WHERE id > 3",
            "event 3 is not what was written",
        ),
        (
            "UPDATE events SET id = 99 WHERE id = 3; UPDATE events SET id = 3 WHERE id = 4; UPDATE events SET id = 4 WHERE id = 99",
            "event 3 is not what was written",
        ),
        (
            "INSERT INTO events SELECT 6, at, category, space_id, group_id, project_id, environment_id, tenant_id, runbook_id, actor_kind,
             actor_id, actor_name, means, address, agent, message, related, details, hash FROM events WHERE id = 5",
            "event 6 is not what was written",
        ),
        // After the last checkpoint nothing is signed, but the end is marked.
        ("DELETE FROM events WHERE id = 5", "event 5 is missing at its end"),
        ("DELETE FROM events WHERE id > 3", "events 4 to 5 are missing at its end"),
        (
            "DELETE FROM events WHERE id = 5; UPDATE trail_end SET event = 4, hash = (SELECT hash FROM events WHERE id = 4)",
            "what marks its end was changed by hand",
        ),
        ("DELETE FROM events WHERE id = 5; DELETE FROM trail_end", "what marks its end is missing"),
        // What was signed when the company was founded.
        (
            "DELETE FROM events WHERE id > 1",
            "event 2 is missing: checkpoint 1 signed event 2, the trail ends at event 1",
        ),
        ("DELETE FROM events", "events 1 to 2 are missing: checkpoint 1 signed event 2, the trail ends at event 0"),
    ];
    for (sql, found) in cases {
        assert_eq!(tamper(&with_events(), sql), found, "{sql}");
    }
}

#[test]
fn a_chain_made_anew_is_found_by_what_was_signed() {
    let harbour = with_events();
    harbour.company.write_checkpoint().unwrap().unwrap();
    add(&harbour, "Later");
    tamper(&harbour, "UPDATE events SET message = 'nothing happened' WHERE id = 4");
    chain_anew(&harbour, 4);
    let finding = verify(&harbour).unwrap_err();
    assert_eq!(
        finding.to_string(),
        "event 5 is not the one that checkpoint 2 signed: events from 3 to 5 were written anew"
    );
    assert_eq!(finding.event, Some(3));

    let unsigned = with_events();
    tamper(&unsigned, "UPDATE events SET message = 'nothing happened' WHERE id = 4");
    chain_anew(&unsigned, 4);
    assert_eq!(verify(&unsigned).unwrap_err().to_string(), "event 5 is not the one that was written last");
}

#[test]
fn what_goes_on_after_damage_does_not_make_it_whole() {
    let harbour = with_events();
    tamper(&harbour, "DELETE FROM events WHERE id > 3");
    add(&harbour, "Later");
    let told = harbour.trail();
    assert!(
        told.iter().any(|line| line
            == "TrailDamaged: The trail does not go on where it ended: events 4 to 5 are missing at its end"),
        "{told:?}"
    );
    let found = verify(&harbour).unwrap_err().to_string();
    assert_eq!(found, "events 4 to 5 are missing: event 6 stands in its place");

    // An event put at the end by hand, with the hash it must have: it hangs together, and is told all the same.
    let harbour = with_events();
    tamper(
        &harbour,
        "INSERT INTO events SELECT 6, at, category, space_id, group_id, project_id, environment_id, tenant_id, runbook_id, actor_kind,
         actor_id, actor_name, means, address, agent, 'Ben was given all rights', related, details, hash FROM events WHERE id = 5",
    );
    chain_anew(&harbour, 6);
    assert_eq!(verify(&harbour).unwrap_err().to_string(), "events after 5 were put there by hand");
    add(&harbour, "Later");
    let found = verify(&harbour).unwrap_err();
    assert_eq!(found.event, Some(7));
    assert!(found.to_string().starts_with("event 7 tells of damage: The trail does not go on"), "{found}");
}

#[test]
fn checkpoints_that_somebody_changed_are_found() {
    let prepared = || {
        let harbour = with_events();
        harbour.company.write_checkpoint().unwrap();
        add(&harbour, "Later");
        harbour.company.write_checkpoint().unwrap();
        verify(&harbour).unwrap();
        harbour
    };
    type Change = fn(Vec<String>) -> Vec<String>;
    let cases: [(Change, &str); 6] = [
        (
            |lines| vec![lines[0].clone(), lines[1].replace("\"event\":5", "\"event\":4"), lines[2].clone()],
            "line 2 of checkpoints.jsonl is not signed by this company",
        ),
        (
            |lines| vec![lines[0].clone(), lines[2].clone()],
            "line 2 of checkpoints.jsonl does not follow the line before",
        ),
        (
            |lines| vec![lines[1].clone(), lines[0].clone(), lines[2].clone()],
            "line 1 of checkpoints.jsonl does not follow the line before",
        ),
        (|lines| lines[..2].to_vec(), "checkpoint 3 is missing: 3 were written, checkpoints.jsonl ends with 2"),
        (|_| Vec::new(), "checkpoint 1 is missing: 3 were written, checkpoints.jsonl ends with 0"),
        (
            |lines| vec![lines[0].clone(), "nothing".into(), lines[2].clone()],
            "line 2 of checkpoints.jsonl is no checkpoint",
        ),
    ];
    for (change, found) in cases {
        let harbour = prepared();
        let path = checkpoints(&harbour);
        let lines: Vec<String> = fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
        fs::write(&path, change(lines).join("\n") + "\n").unwrap();
        assert_eq!(verify(&harbour).unwrap_err().to_string(), found);
    }
    let harbour = prepared();
    fs::remove_file(checkpoints(&harbour)).unwrap();
    assert!(verify(&harbour).unwrap_err().to_string().starts_with("checkpoint 1 is missing"));

    // Signed by another company, which says that it is this one.
    let (one, other) = (prepared(), prepared());
    let id = |harbour: &Harbour| harbour.company.id().to_string();
    let foreign = fs::read_to_string(checkpoints(&other)).unwrap().replace(&id(&other), &id(&one));
    fs::write(checkpoints(&one), foreign).unwrap();
    assert_eq!(verify(&one).unwrap_err().to_string(), "line 1 of checkpoints.jsonl is not signed by this company");
}

#[test]
fn a_file_put_back_to_an_earlier_day_is_found_by_checkpoints_kept_elsewhere() {
    let harbour = with_events();
    harbour.company.settle().unwrap();
    let folder = harbour.company.folder().to_owned();
    let earlier = (fs::read(folder.join("company.db")).unwrap(), fs::read(checkpoints(&harbour)).unwrap());
    add(&harbour, "Later");
    harbour.company.write_checkpoint().unwrap();
    let kept = harbour.folder.path().join("kept.log");
    let lines = fs::read_to_string(checkpoints(&harbour)).unwrap();
    // As a system log keeps it: something before each line, other lines between.
    let logged: Vec<String> =
        lines.lines().map(|line| format!("<110>1 2026-11-22T10:00:00Z host bulkhead - - - {line}")).collect();
    fs::write(&kept, format!("something else\n{}\n", logged.join("\n"))).unwrap();
    assert_eq!(harbour.company.verify(Some(&kept)).unwrap().unwrap().elsewhere, 2);

    let (slug, key) = (harbour.company.slug().to_owned(), harbour.key.clone());
    drop(harbour.company);
    for beside in ["company.db-wal", "company.db-shm"] {
        let _ = fs::remove_file(folder.join(beside));
    }
    fs::write(folder.join("company.db"), earlier.0).unwrap();
    fs::write(folder.join("checkpoints.jsonl"), earlier.1).unwrap();
    let company = Company::open(&folder, &slug, |_| Ok(key)).unwrap();
    company.verify(None).unwrap().unwrap();
    let finding = company.verify(Some(&kept)).unwrap().unwrap_err();
    assert_eq!(
        finding.to_string(),
        "event 6 is missing: checkpoint kept elsewhere, 2 signed event 6, the trail ends at event 5"
    );
    fs::write(&kept, "nothing\n").unwrap();
    let finding = company.verify(Some(&kept)).unwrap().unwrap_err();
    assert!(finding.to_string().ends_with("holds no checkpoint of this company"), "{finding}");
}

#[test]
fn a_line_that_a_crash_left_unfinished_is_cut_off() {
    let harbour = with_events();
    harbour.company.write_checkpoint().unwrap();
    add(&harbour, "Later");
    let path = checkpoints(&harbour);
    let whole = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{whole}{{\"checkpoint\":3,\"comp")).unwrap();
    verify(&harbour).unwrap();
    harbour.company.write_checkpoint().unwrap().unwrap();
    assert_eq!(verify(&harbour).unwrap().checkpoints, 3);
}

/// A company whose events happened on three days, the last today.
fn of_three_days() -> Harbour {
    let harbour = with_events();
    let today = clock::now().0;
    harbour.sql(|c| {
        c.execute_batch("DROP TRIGGER events_hold")?;
        c.execute("UPDATE events SET at = ?1 WHERE id <= 2", [today - 100 * DAY])?;
        c.execute("UPDATE events SET at = ?1 WHERE id IN (3, 4)", [today - 99 * DAY])?;
        c.execute_batch(
            "CREATE TRIGGER events_hold BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'the trail is append-only'); END;",
        )
    });
    chain_from_the_beginning(&harbour);
    harbour
}

/// Makes the events as they are now the true ones, as if they had been written so.
fn chain_from_the_beginning(harbour: &Harbour) {
    fs::remove_file(checkpoints(harbour)).unwrap();
    let signer = harbour.company.seal().signer();
    harbour.sql(|c| {
        c.execute_batch("DROP TRIGGER events_hold; DELETE FROM trail_end;")?;
        let (mut before, mut last) = (trail::chain::genesis(harbour.company.id()), 0);
        let ids: Vec<i64> =
            c.prepare("SELECT id FROM events ORDER BY id")?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        for id in ids {
            before = c.query_row(&format!("SELECT {} FROM events WHERE id = ?1", trail::chain::COLUMNS), [id], |row| {
                Ok(trail::chain::Row::read(row)?.0.hash(&before))
            })?;
            c.execute("UPDATE events SET hash = ?2 WHERE id = ?1", (id, &before[..]))?;
            last = id;
        }
        let end = trail::chain::End { event: last, hash: before, checkpoints: 0, damage: None };
        trail::chain::store_end(c, signer, &end).unwrap();
        c.execute_batch(
            "CREATE TRIGGER events_hold BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'the trail is append-only'); END;",
        )
    });
    harbour.company.write_checkpoint().unwrap().unwrap();
    verify(harbour).unwrap();
}

fn archive_all(harbour: &Harbour) -> Vec<String> {
    let before = Moment(clock::now().0 - 90 * DAY);
    let stamp = trail::Stamp::server("engine", "Bulkhead");
    std::iter::from_fn(|| harbour.company.archive_day(&stamp, before).unwrap()).map(|archive| archive.file).collect()
}

#[test]
fn old_days_are_archived_and_the_chain_still_verifies() {
    let harbour = of_three_days();
    let files = archive_all(&harbour);
    assert_eq!(files.len(), 2);
    let verified = verify(&harbour).unwrap();
    assert_eq!((verified.events, verified.archived), (7, 4), "five, and one for each archive");
    let text = fs::read_to_string(harbour.company.folder().join("archive").join(&files[0])).unwrap();
    assert_eq!(text.lines().count(), 2);
    assert!(text.contains("Company Harbour was founded"));
    assert!(archive_all(&harbour).is_empty(), "the day of today stays");
    // What stays cannot be removed, also now that something could.
    let refused = harbour.sql(|c| Ok(c.execute("DELETE FROM events WHERE id = 5", []).unwrap_err().to_string()));
    assert!(refused.contains("append-only"));
    add(&harbour, "Later");
    verify(&harbour).unwrap();
}

#[test]
fn archives_and_tombstones_that_somebody_changed_are_found() {
    let archived = || {
        let harbour = of_three_days();
        let files = archive_all(&harbour);
        let path = harbour.company.folder().join("archive").join(&files[1]);
        (harbour, files, path)
    };
    let (harbour, files, path) = archived();
    let text = fs::read_to_string(&path).unwrap();
    for (changed, found) in [
        (text.replace("Dev", "Old"), format!("event 3 in the archive {} is not what was written", files[1])),
        (text.lines().next().unwrap().to_owned() + "\n", format!("the archive {} is not what was archived", files[1])),
        (
            text.lines().nth(1).unwrap().to_owned() + "\n",
            format!("event 3 in the archive {} is not what was written", files[1]),
        ),
        (text.replace("\"Id\":3", "\"Id\": 3"), format!("the archive {} is not what was archived", files[1])),
    ] {
        fs::write(&path, changed).unwrap();
        assert_eq!(verify(&harbour).unwrap_err().to_string(), found);
    }
    fs::write(&path, &text).unwrap();
    verify(&harbour).unwrap();
    fs::remove_file(&path).unwrap();
    let missing = format!("the archive {} with events 3 to 4 is missing", files[1]);
    assert_eq!(verify(&harbour).unwrap_err().to_string(), missing);
    let said = tamper(&harbour, "UPDATE tombstones SET removed_at = 1, removal = zeroblob(64) WHERE id = 2");
    assert_eq!(said, format!("the tombstone of {} says that it was removed, and this is not signed", files[1]));

    for sql in [
        "UPDATE tombstones SET last = 3 WHERE id = 2",
        "UPDATE tombstones SET digest = zeroblob(32) WHERE id = 2",
        "UPDATE tombstones SET hash = zeroblob(32) WHERE id = 2",
    ] {
        let (harbour, ..) = archived();
        assert!(tamper(&harbour, sql).contains("is not the one that was signed"), "{sql}");
    }
    // Whoever makes a tombstone by hand to be rid of an event.
    let (harbour, ..) = archived();
    let said = tamper(
        &harbour,
        "INSERT INTO tombstones SELECT 3, day, 'x.jsonl', 5, 5, bytes, at, (SELECT hash FROM events WHERE id = 5), digest, signature, NULL, NULL
         FROM tombstones WHERE id = 2; DELETE FROM events WHERE id = 5",
    );
    assert_eq!(said, "the tombstone of x.jsonl (events 5 to 5) is not the one that was signed");
}

#[test]
fn a_day_that_was_changed_is_not_archived() {
    let harbour = of_three_days();
    tamper(&harbour, "UPDATE events SET message = 'nothing' WHERE id = 2");
    let stamp = trail::Stamp::server("engine", "Bulkhead");
    let refused = harbour.company.archive_day(&stamp, Moment(clock::now().0 - 90 * DAY)).unwrap_err().to_string();
    assert_eq!(refused, "The trail is not archived: event 2 is not what was written. Run: bulkhead verify");
    assert_eq!(harbour.trail().len(), 5);
}

#[test]
fn a_checkpoint_comes_every_thousand_events() {
    use crate::company::access::Event;
    let harbour = harbour();
    let ada = harbour.ada();
    let space = harbour.space(&ada);
    let granted = ada.ask(EnvironmentCreate { space: New::of(&space) }).unwrap();
    granted
        .write(|tx| {
            for _ in 0..999 {
                tx.also(Event::new("Modified").say("Something"))?;
            }
            tx.record(Event::new("Modified").say("Something"), ())
        })
        .unwrap();
    let verified = verify(&harbour).unwrap();
    assert_eq!((verified.events, verified.checkpoints, verified.signed_to), (1002, 2, 1002));
}

#[test]
fn a_secret_is_never_in_the_trail() {
    use crate::company::access::Event;
    let harbour = with_events();
    let ada = harbour.ada();
    let space = harbour.space(&ada);
    let granted = ada.ask(EnvironmentCreate { space: New::of(&space) }).unwrap();
    granted
        .write(|tx| tx.record(Event::new("Modified").say("An account was changed").secret_changed("Password"), ()))
        .unwrap();
    let details: String =
        harbour.sql(|c| c.query_row("SELECT details FROM events ORDER BY id DESC LIMIT 1", [], |row| row.get(0)));
    assert_eq!(details, r#"{"Password":"changed"}"#);
}

#[test]
fn refusals_that_are_repeated_are_one_event_with_a_count() {
    let harbour = harbour();
    let ben = harbour.person("Ben", &[("Environment Viewer", crate::company::testing::Scope::EVERYWHERE)]);
    let space = harbour.space(&ben);
    for _ in 0..40 {
        assert!(ben.ask(EnvironmentCreate { space: New::of(&space) }).is_err());
    }
    let refusals = || harbour.trail().into_iter().filter(|line| line.starts_with("AccessDenied")).count();
    assert_eq!(refusals(), 1);
    harbour.company.keep_trail(clock::now().plus(trail::tally::WINDOW), false).unwrap();
    let told = harbour.trail().pop().unwrap();
    assert!(told.starts_with("AccessDenied: Ben was refused EnvironmentCreate for"), "{told}");
    assert!(told.contains(", 39 times more since "), "{told}");
    assert_eq!(refusals(), 2);
}

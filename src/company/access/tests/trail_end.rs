//! The end of the trail: a trail that was emptied or put back to an earlier state is found out, and what is signed when.

use crate::{
    base::clock::{self, HOUR, MINUTE},
    company::{
        Company,
        access::{
            Finding, New, Verified,
            permissions::{ConfigureServer, EnvironmentCreate, TrailKeep, UserInvite},
            trail,
        },
        audit::keep,
        environments,
        people::{self, invitations},
        testing::{Harbour, harbour},
    },
};
use std::{
    fs,
    path::{Path, PathBuf},
};

fn add(harbour: &Harbour, name: &str) {
    let ada = harbour.ada();
    let space = harbour.space(&ada);
    let granted = ada.ask(EnvironmentCreate { space: New::of(&space) }).unwrap();
    environments::create(&granted, environments::Fields::named(name)).unwrap();
}

fn verify(company: &Company) -> Result<Verified, Finding> {
    company.verify(None).unwrap()
}

/// The schema's guards aside, some statements, and the guards again as they were.
fn by_hand(harbour: &Harbour, sql: &str) {
    harbour.sql(|c| {
        let guards: Vec<(String, String)> = c
            .prepare(
                "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name IN ('events', 'tombstones')",
            )?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        guards.iter().try_for_each(|(name, _)| c.execute_batch(&format!("DROP TRIGGER {name}")))?;
        c.execute_batch(sql)?;
        guards.iter().try_for_each(|(_, sql)| c.execute_batch(sql))
    });
}

fn last(harbour: &Harbour) -> i64 {
    harbour.sql(|c| c.query_row("SELECT max(id) FROM events", [], |row| row.get(0)))
}

/// Where a server would keep how far the trail had come.
fn outside(harbour: &Harbour) -> PathBuf {
    harbour.folder.path().join("outside.json")
}

/// The whole folder as it is now, and how it is put back.
struct Earlier(PathBuf, Vec<(String, Vec<u8>)>);

impl Earlier {
    fn of(company: &Company) -> Earlier {
        company.settle().unwrap();
        let names = ["company.db", "checkpoints.jsonl"];
        let folder = company.folder();
        Earlier(folder.to_owned(), names.map(|name| (name.to_owned(), fs::read(folder.join(name)).unwrap())).to_vec())
    }
    fn put_back(&self) {
        for beside in ["company.db-wal", "company.db-shm"] {
            let _ = fs::remove_file(self.0.join(beside));
        }
        for (name, bytes) in &self.1 {
            fs::write(self.0.join(name), bytes).unwrap();
        }
    }
}

fn opened(folder: &Path, harbour_key: &zeroize::Zeroizing<[u8; 32]>, outside: &Path) -> Company {
    let company = Company::open(folder, "harbour", |_| Ok(harbour_key.clone())).unwrap();
    company.keep_outside(outside.to_owned());
    company
}

/// Findings A7.
#[test]
fn a_trail_that_was_emptied_is_damaged_and_says_so_with_the_next_event() {
    let harbour = harbour();
    add(&harbour, "Dev");
    by_hand(&harbour, "DELETE FROM events; DELETE FROM trail_end");
    fs::remove_file(harbour.company.folder().join("checkpoints.jsonl")).unwrap();
    let found = verify(&harbour.company).unwrap_err();
    assert_eq!(found.to_string(), "all events and what marks its end are missing");
    assert_eq!(found.event, Some(1));
    // Nobody signs that, and what goes on does not make it whole.
    assert_eq!(harbour.company.write_checkpoint().unwrap(), None);
    add(&harbour, "Staging");
    let told = harbour.trail();
    assert_eq!(
        told[0],
        "TrailDamaged: The trail does not go on where it ended: all events and what marks its end are missing"
    );
    let found = verify(&harbour.company).unwrap_err().to_string();
    assert!(found.starts_with("event 1 tells of damage"), "{found}");

    for (sql, found) in [
        ("DELETE FROM trail_end", "what marks its end is missing"),
        ("DELETE FROM events", "all events up to 3 are missing"),
        ("DELETE FROM events; UPDATE trail_end SET event = 0", "what marks its end was changed by hand"),
        (
            "DELETE FROM events; UPDATE trail_end SET event = 0, checkpoints = 0, mark = zeroblob(32)",
            "what marks its end was changed by hand",
        ),
    ] {
        let harbour = self::harbour();
        add(&harbour, "Dev");
        by_hand(&harbour, sql);
        let _ = fs::remove_file(harbour.company.folder().join("checkpoints.jsonl"));
        assert_eq!(verify(&harbour.company).unwrap_err().to_string(), found, "{sql}");
    }
}

/// Findings A8.
#[test]
fn an_older_state_of_the_whole_folder_is_found_by_what_is_kept_outside_it() {
    let harbour = harbour();
    let outside = outside(&harbour);
    harbour.company.keep_outside(outside.clone());
    assert!(!outside.exists(), "a company of before: nothing is known");
    add(&harbour, "Dev");
    harbour.company.write_checkpoint().unwrap().unwrap();
    let earlier = Earlier::of(&harbour.company);
    ["Staging", "Production"].iter().for_each(|name| add(&harbour, name));
    let (before, until) = (3, last(&harbour));
    assert_eq!(until, 5);
    let (key, folder) = (harbour.key.clone(), harbour.folder);
    // Closing signs.
    drop(harbour.company);
    let seen = fs::read_to_string(&outside).unwrap();
    assert!(seen.contains("\"event\":5"), "{seen}");
    let of = folder.path().join("harbour");
    assert_eq!(verify(&opened(&of, &key, &outside)).unwrap().signed_to, until);

    earlier.put_back();
    let company = Company::open(&of, "harbour", |_| Ok(key.clone())).unwrap();
    verify(&company).expect("by itself it looks whole");
    company.keep_outside(outside.clone());
    let found = verify(&company).unwrap_err();
    let words = found.to_string();
    assert!(
        words.starts_with(&format!(
            "event {} tells of damage: The trail does not go on where it ended: events {} to {until} are missing at its end: event {until} was here on ",
            before + 1,
            before + 1
        )) && words.ends_with(&format!(", the trail ends at event {before}")),
        "{words}"
    );
    // It is told once; what goes on is signed, and it never becomes whole.
    drop(company);
    let company = opened(&of, &key, &outside);
    let events = verify(&company).unwrap_err().event;
    assert_eq!(events, Some(before + 1));
    let view = company.snapshot().unwrap();
    let told =
        view.with(|rows| rows.number("SELECT count(*) FROM events WHERE category = 'TrailDamaged'", [])).unwrap();
    assert_eq!(told, 1);
}

/// Findings A8: the same while the company is open, with events written anew over those that were cut off.
#[test]
fn what_is_cut_off_under_an_open_company_is_found_when_it_is_signed() {
    let harbour = harbour();
    let outside = outside(&harbour);
    harbour.company.keep_outside(outside.clone());
    add(&harbour, "Dev");
    harbour.company.write_checkpoint().unwrap().unwrap();
    let lines = fs::read(harbour.company.folder().join("checkpoints.jsonl")).unwrap();
    let end: (i64, Vec<u8>, i64, Vec<u8>) = harbour.sql(|c| {
        c.query_row("SELECT event, hash, checkpoints, mark FROM trail_end", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
    });
    add(&harbour, "Staging");
    harbour.company.write_checkpoint().unwrap().unwrap();
    by_hand(&harbour, &format!("DELETE FROM events WHERE id > {}", end.0));
    harbour.sql(|c| {
        let sql = "UPDATE trail_end SET event = ?1, hash = ?2, checkpoints = ?3, mark = ?4";
        c.execute(sql, (&end.0, &end.1, &end.2, &end.3))
    });
    fs::write(harbour.company.folder().join("checkpoints.jsonl"), lines).unwrap();
    let found = verify(&harbour.company).unwrap_err();
    assert_eq!(found.event, Some(end.0 + 1));
    assert!(found.to_string().starts_with("event 4 is missing at its end: event 4 was here on "), "{found}");
    add(&harbour, "Another");
    let found = verify(&harbour.company).unwrap_err().to_string();
    assert!(found.starts_with("event 4 is not the one that was here on "), "{found}");
    assert!(found.ends_with(": the trail was written anew"), "{found}");
    harbour.company.write_checkpoint().unwrap().unwrap();
    let found = verify(&harbour.company).unwrap_err().to_string();
    assert!(found.starts_with("event 5 tells of damage") && found.contains("event 4 is not the one"), "{found}");
}

/// Findings A8.
#[test]
fn what_is_kept_outside_is_believed_only_with_the_companys_mark() {
    let harbour = harbour();
    let outside = outside(&harbour);
    harbour.company.keep_outside(outside.clone());
    add(&harbour, "Dev");
    harbour.company.write_checkpoint().unwrap().unwrap();
    let right = fs::read_to_string(&outside).unwrap();
    verify(&harbour.company).unwrap();
    for wrong in [right.replace("\"event\":3", "\"event\":2"), "nothing".to_owned(), String::new()] {
        fs::write(&outside, wrong).unwrap();
        let found = verify(&harbour.company).unwrap_err().to_string();
        assert!(found.contains("outside.json was changed by hand"), "{found}");
    }
    // Of another company that had this slug before, and none at all: nothing is known.
    fs::write(&outside, right.replace(&harbour.company.id().to_string(), &uuid::Uuid::nil().to_string())).unwrap();
    verify(&harbour.company).unwrap();
    fs::remove_file(&outside).unwrap();
    verify(&harbour.company).unwrap();
    harbour.company.write_checkpoint().unwrap();
    assert!(fs::read_to_string(&outside).unwrap().contains("\"event\":3"), "written again although nothing is new");
}

/// Findings A8.
#[test]
fn a_change_of_access_is_signed_with_the_next_round_and_anything_else_within_the_hour() {
    let harbour = harbour();
    let engine = harbour.engine();
    let granted = engine.ask(TrailKeep {}).unwrap();
    let now = clock::now();
    let signed = || verify(&harbour.company).unwrap().signed_to;
    add(&harbour, "Dev");
    let due = keep::round(&granted, now, false).unwrap().expect("an environment waits for its hour");
    assert!(due.0 > now.0 + HOUR - MINUTE, "{due:?}");
    assert!(signed() < last(&harbour));

    let ada = harbour.ada();
    let fields = people::Fields {
        display_name: "Ben".into(),
        email_address: "ben@harbour.example".into(),
        ..Default::default()
    };
    invitations::invite(&ada.ask(UserInvite {}).unwrap(), &[], &fields).unwrap();
    assert_eq!(keep::round(&granted, now, false).unwrap(), None);
    assert_eq!(signed(), last(&harbour), "an invitation");

    // A refusal is no change of access; the end of the server signs all there is.
    assert!(harbour.person("Eve", &[]).ask(ConfigureServer {}).is_err());
    assert!(keep::round(&granted, clock::now(), false).unwrap().is_some());
    assert!(signed() < last(&harbour));
    assert_eq!(keep::round(&granted, now, true).unwrap(), None);
    assert_eq!(signed(), last(&harbour));
}

/// Findings A8.
#[test]
fn which_events_concern_access() {
    let harbour = harbour();
    let touches = |category: &str, space: Option<i64>, related: &str| {
        harbour.sql(|c| {
            c.execute(
                "INSERT INTO events SELECT 1000, at, ?1, ?2, group_id, project_id, environment_id, tenant_id, runbook_id, actor_kind,
                 actor_id, actor_name, means, address, agent, message, ?3, details, hash FROM events WHERE id = 1",
                (category, space, related),
            )?;
            let found = trail::touches_access(c, 999).unwrap();
            c.execute_batch("DROP TRIGGER IF EXISTS events_stay; DELETE FROM events WHERE id = 1000")?;
            Ok(found)
        })
    };
    for (category, space, related) in [
        ("Created", None, "[]"),
        ("Modified", Some(1), r#"[{"id":"Teams-4","start":5,"length":3}]"#),
        ("Modified", Some(1), r#"[{"id":"Projects-1","start":5,"length":3},{"id":"Users-9","start":0,"length":0}]"#),
        ("Deleted", Some(2), r#"[{"id":"Spaces-2","start":5,"length":3}]"#),
        ("SignInRulesChanged", None, "[]"),
        ("SettingsChanged", None, "[]"),
        ("UserDeactivated", None, "[]"),
        ("SecondFactorRemoved", None, "[]"),
        ("EmergencyBegan", None, "[]"),
        ("RoleExpired", None, "[]"),
        ("CompanySuspended", None, "[]"),
        ("TrailDamaged", None, "[]"),
    ] {
        assert!(touches(category, space, related), "{category} {related}");
    }
    for (category, space, related) in [
        ("Created", Some(1), r#"[{"id":"Environments-4","start":5,"length":3}]"#),
        ("DeploymentQueued", Some(1), r#"[{"id":"Users-4","start":5,"length":3}]"#),
        ("LoginSucceeded", None, r#"[{"id":"Users-4","start":5,"length":3}]"#),
        ("Logout", None, "[]"),
        ("AccessDenied", None, "[]"),
        ("CompanyBackedUp", None, "[]"),
        ("BackupTaken", None, "[]"),
    ] {
        assert!(!touches(category, space, related), "{category} {related}");
    }
}

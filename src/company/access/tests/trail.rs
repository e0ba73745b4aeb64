//! The chain of the trail: whole, and found out when somebody changed the file by hand.

use crate::company::{
    access::{New, permissions::EnvironmentCreate},
    environments,
    testing::{Harbour, harbour},
};

fn with_events() -> Harbour {
    let harbour = harbour();
    let ada = harbour.ada();
    let space = harbour.space(&ada);
    for name in ["Dev", "Staging", "Production"] {
        let granted = ada.ask(EnvironmentCreate { space: New::of(&space) }).unwrap();
        environments::create(&granted, environments::Fields::named(name)).unwrap();
    }
    harbour
}

fn tamper(harbour: &Harbour, sql: &str) -> String {
    harbour.sql(|c| {
        c.execute_batch("DROP TRIGGER IF EXISTS events_stay; DROP TRIGGER IF EXISTS events_hold;")?;
        c.execute_batch(sql)
    });
    harbour.company.verify().unwrap().unwrap_err()
}

#[test]
fn an_untouched_trail_is_whole() {
    let harbour = with_events();
    let events = harbour.company.verify().unwrap().unwrap();
    assert_eq!(events as usize, harbour.trail().len());
    assert!(events >= 5);
}

#[test]
fn events_cannot_be_changed_or_removed_by_a_statement() {
    let harbour = with_events();
    for sql in ["DELETE FROM events WHERE id = 2", "UPDATE events SET message = 'x' WHERE id = 2"] {
        let refused = harbour.sql(|c| Ok(c.execute(sql, []).unwrap_err().to_string()));
        assert!(refused.contains("append-only"), "{refused}");
    }
}

#[test]
fn a_changed_removed_or_moved_event_is_found() {
    let last = "event 4 is not what was written";
    let cases = [
        ("UPDATE events SET message = message || ' ' WHERE id = 4", last),
        ("UPDATE events SET actor_id = 7 WHERE id = 4", last),
        ("UPDATE events SET tenant_id = 1 WHERE id = 4", last),
        ("UPDATE events SET tenant_id = environment_id, environment_id = NULL WHERE id = 4", last),
        ("UPDATE events SET at = at + 1 WHERE id = 4", last),
        ("UPDATE events SET address = 'x', agent = '' WHERE id = 4", last),
        ("UPDATE events SET details = '{}', related = related || details WHERE id = 4", last),
        ("UPDATE events SET hash = randomblob(32) WHERE id = 4", last),
        ("DELETE FROM events WHERE id = 3", "event 3 is missing: event 4 stands in its place"),
        (
            "DELETE FROM events WHERE id = 3; UPDATE events SET id = id - 1 WHERE id > 3",
            "event 3 is not what was written",
        ),
        (
            "UPDATE events SET id = 99 WHERE id = 3; UPDATE events SET id = 3 WHERE id = 4; UPDATE events SET id = 4 WHERE id = 99",
            "event 3 is not what was written",
        ),
    ];
    for (sql, found) in cases {
        assert_eq!(tamper(&with_events(), sql), found, "{sql}");
    }
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

//! What is remembered between requests is forgotten with every change of what it was made of, whoever makes the change:
//! also a statement of another program straight into the file.

use crate::company::{
    access::{From, Visitor, admit, permissions::EnvironmentView, permissions::List},
    testing::{Harbour, Scope, harbour},
};

fn raw(harbour: &Harbour, sql: &str) {
    harbour.company.store_for_tests().write(|c| Ok(c.execute_batch(sql)?)).unwrap();
}

fn version(harbour: &Harbour) -> i64 {
    harbour.company.snapshot().unwrap().with(|rows| rows.number("SELECT access_version FROM company", [])).unwrap()
}

#[test]
fn every_change_of_people_sessions_keys_teams_roles_and_spaces_raises_the_version_and_use_does_not() {
    let harbour = harbour();
    let ben = harbour.user("Ben");
    harbour.team("Deployers", &[ben], &[("Deployment creator", Scope { environments: &[1], ..Scope::EVERYWHERE })]);
    let hash = |n: u8| format!("X'{}'", format!("{n:02x}").repeat(32));
    raw(
        &harbour,
        &format!(
            "INSERT INTO sessions (id, token_hash, user_id, stage, created_at, last_seen_at, expires_at) VALUES (7, {}, {ben}, 'full', 1, 1, 1);
             INSERT INTO api_keys (id, user_id, key_hash, hint, purpose, created_at, expires_at) VALUES (7, {ben}, {}, 'API-A', 'CI', 1, 1);",
            hash(1),
            hash(2)
        ),
    );
    let limits = "(scoped_role_id, dimension, target_id)";
    for (statement, raises) in [
        ("UPDATE users SET last_seen_at = 5 WHERE display_name = 'Ben'".to_owned(), false),
        ("UPDATE sessions SET last_seen_at = 5".into(), false),
        ("UPDATE api_keys SET last_used_at = 5".into(), false),
        ("UPDATE users SET display_name = 'Benjamin' WHERE display_name = 'Ben'".into(), true),
        ("UPDATE users SET state = 'inactive' WHERE display_name = 'Benjamin'".into(), true),
        ("UPDATE sessions SET expires_at = 2".into(), true),
        (format!("UPDATE sessions SET token_hash = {}", hash(3)), true),
        ("DELETE FROM sessions WHERE id = 7".into(), true),
        ("UPDATE api_keys SET expires_at = 2".into(), true),
        ("DELETE FROM api_keys WHERE id = 7".into(), true),
        ("UPDATE scoped_roles SET expires_at = 9".into(), true),
        ("UPDATE teams SET emergency_hours = 4 WHERE name = 'Deployers'".into(), true),
        (
            "INSERT INTO emergencies (team_id, user_id, reason, began_at, ends_at)
             SELECT t.id, u.id, 'x', 1, 2 FROM teams t, users u WHERE t.name = 'Deployers' AND u.display_name = 'Benjamin'"
                .into(),
            true,
        ),
        ("UPDATE emergencies SET ended_at = 2".into(), true),
        ("DELETE FROM emergencies".into(), true),
        ("UPDATE user_roles SET known_to = 1 WHERE id = 1".into(), true),
        (format!("INSERT INTO scoped_role_limits {limits} SELECT max(id), 'tenant', 1 FROM scoped_roles"), true),
        ("DELETE FROM scoped_role_limits WHERE dimension = 'tenant'".into(), true),
        ("DELETE FROM scoped_roles WHERE team_id = (SELECT id FROM teams WHERE name = 'Deployers')".into(), true),
        (
            "INSERT INTO role_permissions (role_id, level, permission) VALUES (1, 'space', 'RunbookRunCreateX')".into(),
            true,
        ),
        ("DELETE FROM role_permissions WHERE permission = 'RunbookRunCreateX'".into(), true),
        ("DELETE FROM team_members WHERE team_id = (SELECT id FROM teams WHERE name = 'Deployers')".into(), true),
        ("DELETE FROM teams WHERE name = 'Deployers'".into(), true),
        ("INSERT INTO spaces (name, name_key, slug, created_at) VALUES ('Two', 'two', 'two', 1)".into(), true),
        ("UPDATE spaces SET name = 'Second' WHERE slug = 'two'".into(), true),
        ("DELETE FROM spaces WHERE slug = 'two'".into(), true),
        ("DELETE FROM users WHERE display_name = 'Benjamin'".into(), true),
    ] {
        let before = version(&harbour);
        raw(&harbour, &statement);
        assert_eq!(version(&harbour) > before, raises, "{statement}");
    }
}

#[test]
fn a_remembered_key_and_its_rights_end_with_a_statement_of_another_program() {
    let harbour = harbour();
    let ben = harbour.user("Ben");
    harbour.team("Viewers", &[ben], &[("Environment viewer", Scope::EVERYWHERE)]);
    let key = "API-BENSKEYFORTHISTEST";
    let hash = data_encoding::HEXLOWER.encode(&admit::hash_key(key));
    raw(
        &harbour,
        &format!(
            "INSERT INTO api_keys (user_id, key_hash, hint, purpose, created_at, expires_at) VALUES ({ben}, X'{hash}', 'API-BE', 'CI', 1, 9999999999999)"
        ),
    );
    let comes = || admit::api_key(&harbour.company, key, &From::default()).unwrap();
    let sees = |visitor: &Visitor| {
        let space = visitor.locate_space("Default");
        space.is_ok_and(|space| visitor.ask(List::<EnvironmentView>::of(&space)).is_ok())
    };
    for _ in 0..2 {
        assert!(sees(&comes().unwrap()));
    }
    raw(&harbour, "UPDATE spaces SET name = 'First', name_key = 'first', slug = 'first'");
    assert!(!sees(&comes().unwrap()), "the space is remembered under its old name");
    raw(&harbour, "UPDATE spaces SET name = 'Default', name_key = 'default', slug = 'default'");
    assert!(sees(&comes().unwrap()));
    raw(&harbour, "DELETE FROM team_members WHERE team_id = (SELECT id FROM teams WHERE name = 'Viewers')");
    assert!(!sees(&comes().unwrap()));
    raw(&harbour, &format!("UPDATE users SET state = 'inactive' WHERE id = {ben}"));
    assert!(comes().is_none());
    raw(&harbour, &format!("UPDATE users SET state = 'active' WHERE id = {ben}"));
    assert!(comes().is_some());
    raw(&harbour, "UPDATE api_keys SET expires_at = 5");
    assert!(comes().is_none());
}

#[test]
fn only_times_of_use_are_left_out_of_what_raises_the_version() {
    let harbour = harbour();
    let snapshot = harbour.company.snapshot().unwrap();
    // What somebody was told by mail of a rule changes nobody's rights either.
    for (table, left_out) in [
        ("users", &["last_seen_at", "factor_told_from", "factor_told_again"][..]),
        ("sessions", &["last_seen_at"][..]),
        ("api_keys", &["last_used_at"][..]),
    ] {
        let (columns, trigger): (Vec<String>, Option<String>) = snapshot
            .with(|rows| {
                let sql = format!("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = '{table}_changed'");
                let columns = format!("SELECT name FROM pragma_table_info('{table}')");
                Ok((rows.all(&columns, [], |row| row.get(0))?, rows.one(&sql, [], |row| row.get(0))?))
            })
            .unwrap();
        let trigger = trigger.unwrap();
        let list = trigger.split_once("UPDATE OF").unwrap().1.split_once("\n").unwrap().0;
        let listed: Vec<&str> = list.split(',').map(str::trim).collect();
        for column in columns {
            assert_eq!(listed.contains(&column.as_str()), !left_out.contains(&column.as_str()), "{table}.{column}");
        }
    }
}

#[test]
fn text_made_of_rights_is_made_once_until_they_change_and_each_time_when_they_end_by_themselves() {
    let harbour = harbour();
    let ben = harbour.user("Ben");
    harbour.team("Viewers", &[ben], &[("Environment viewer", Scope::EVERYWHERE)]);
    let made = std::cell::Cell::new(0);
    let text = |user: i64, about: &str| {
        let version = version(&harbour);
        let visitor = harbour.visit(user).at_version(version);
        visitor.text_of_rights(about, || {
            made.set(made.get() + 1);
            let space = visitor.locate_space("Default");
            let sees = space.is_ok_and(|space| visitor.may_somewhere::<EnvironmentView>(&space));
            format!("{user} {about} {sees}")
        })
    };
    for (user, about, told, times) in [
        (ben, "a", "true", 1),
        (ben, "a", "true", 1),
        (ben, "b", "true", 2),
        (1, "a", "true", 3),
        (ben, "a", "true", 3),
    ] {
        assert_eq!((&*text(user, about), made.get()), (&*format!("{user} {about} {told}"), times));
    }
    let far = 9_999_999_999_999_i64;
    raw(
        &harbour,
        &format!(
            "UPDATE scoped_roles SET expires_at = {far} WHERE team_id IN (SELECT id FROM teams WHERE name = 'Viewers')"
        ),
    );
    for times in [4, 5] {
        assert_eq!((&*text(ben, "a"), made.get()), (&*format!("{ben} a true"), times), "the right ends");
    }
    raw(&harbour, "DELETE FROM team_members WHERE team_id = (SELECT id FROM teams WHERE name = 'Viewers')");
    for _ in 0..2 {
        assert_eq!((&*text(ben, "a"), made.get()), (&*format!("{ben} a false"), 6), "the right is taken");
    }
}

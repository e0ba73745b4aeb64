//! The difference by tables, and a command that was tried out leaves nothing behind.

mod review;

use super::{Alike, Change, Danger, Set, Shape, difference, preview};
use crate::{
    base::{clock::Moment, ids::Id},
    company::{
        access::{
            Within,
            census::{Census, Somebody},
            permissions::{self as ask, Info, Permission},
            policy::{Check, Dimension, Grant, Ids, Limit},
        },
        teams,
        testing::{Scope, harbour},
    },
};

const NOW: Moment = Moment(1_000);

fn somebody(id: i64, teams: &[i64]) -> Somebody {
    Somebody {
        is_customer: false,
        id,
        name: format!("Person {id}"),
        is_active: true,
        is_out: false,
        is_service: false,
        teams: teams.to_vec(),
    }
}

/// Team, projects, environments, tenants, end.
type Short<'a> = (i64, &'a [i64], &'a [i64], &'a [i64], Option<i64>);

fn census(people: &[(i64, &[i64])], info: &Info, grants: &[Short<'_>]) -> Census {
    let grants = grants.iter().enumerate().map(|(n, (team, projects, environments, tenants, until))| {
        let grant = Grant {
            team: *team,
            role: 1,
            space: Some(1),
            groups: Limit::All,
            projects: Limit::to(projects),
            environments: Limit::to(environments),
            tenants: Limit::to(tenants),
            runbooks: Limit::All,
            until: until.map(Moment),
            within: None,
        };
        (n as i64, grant, vec![info.key])
    });
    Census::new(people.iter().map(|(id, teams)| somebody(*id, teams)).collect(), grants.collect())
}

fn told(found: &[Alike]) -> Vec<String> {
    let set = |set: &Set| match set {
        Set::But(out) if out.is_empty() => "all".to_owned(),
        Set::But(out) => format!("all but {out:?}"),
        Set::Only(ids) => format!("{ids:?}"),
    };
    let side = |shape: &Shape, dimension| set(shape.side(dimension));
    let each = found.iter().flat_map(|alike| {
        alike.users.iter().flat_map(move |user| alike.changes.iter().map(move |change| (user, change)))
    });
    let mut all: Vec<String> = each
        .map(|(user, change): (&i64, &Change)| {
            let word = if change.gained { "+" } else { "-" };
            let time = match (change.at.from, change.at.until) {
                (None, None) => String::new(),
                (from, until) => format!(" {}..{}", from.map_or(0, |at| at.0), until.map_or(-1, |at| at.0)),
            };
            format!(
                "{word}{} p {} e {} t {}{time}",
                user,
                side(&change.at, Dimension::Project),
                side(&change.at, Dimension::Environment),
                side(&change.at, Dimension::Tenant)
            )
        })
        .collect();
    all.sort();
    all
}

#[test]
fn the_difference_is_what_was_not_there_before() {
    let info = ask::DeploymentCreate::INFO;
    let one: &[(i64, &[i64])] = &[(7, &[1])];
    type Row<'a> = (&'a str, &'a [Short<'a>], &'a [Short<'a>], &'a [&'a str]);
    let table: &[Row<'_>] = &[
        ("nothing changes", &[(1, &[1], &[], &[], None)], &[(1, &[1], &[], &[], None)], &[]),
        ("a first grant", &[], &[(1, &[1], &[2], &[], None)], &["+7 p {1} e {2} t all"]),
        ("the last one goes", &[(1, &[], &[], &[], None)], &[], &["-7 p all e all t all"]),
        (
            "one environment more",
            &[(1, &[], &[1], &[], None)],
            &[(1, &[], &[1, 2], &[], None)],
            &["+7 p all e {2} t all"],
        ),
        ("a limit falls", &[(1, &[], &[1], &[], None)], &[(1, &[], &[], &[], None)], &["+7 p all e all but {1} t all"]),
        (
            "what another grant holds already is not gained",
            &[(1, &[], &[1], &[], None), (1, &[], &[2], &[], None)],
            &[(1, &[], &[1, 2], &[], None)],
            &[],
        ),
        (
            "grants are not put together: project 1 in environment 2 was in neither",
            &[(1, &[1], &[1], &[], None), (1, &[2], &[2], &[], None)],
            &[(1, &[1, 2], &[1, 2], &[], None)],
            &["+7 p {1} e {2} t all", "+7 p {2} e {1} t all"],
        ),
        (
            "an end is put off",
            &[(1, &[], &[], &[], Some(2_000))],
            &[(1, &[], &[], &[], Some(3_000))],
            &["+7 p all e all t all 2000..3000"],
        ),
        (
            "an end is set",
            &[(1, &[], &[], &[], None)],
            &[(1, &[], &[], &[], Some(3_000))],
            &["-7 p all e all t all 3000..-1"],
        ),
        ("what has ended counts for nothing", &[(1, &[], &[], &[], Some(1_000))], &[], &[]),
    ];
    for (name, before, after, wanted) in table {
        let (before, after) = (census(one, info, before), census(one, info, after));
        assert_eq!(told(&difference(&before, &after, NOW)), *wanted, "{name}");
    }
}

#[test]
fn what_takes_several_at_once_is_gained_with_the_grant_that_holds_them_together() {
    let apart: &[Short<'_>] = &[(1, &[], &[1], &[], None), (1, &[], &[2], &[], None)];
    let together: &[Short<'_>] = &[(1, &[], &[1, 2], &[], None)];
    let info = ask::MachineEdit::INFO;
    let changes = difference(&census(&[(7, &[1])], info, apart), &census(&[(7, &[1])], info, together), NOW);
    assert_eq!(told(&changes), ["+7 p all e {1, 2} t all"]);
}

#[test]
fn members_come_and_go_and_others_are_not_told_of() {
    let info = ask::DeploymentCreate::INFO;
    let grants: &[Short<'_>] = &[(1, &[], &[1], &[], None), (2, &[], &[2], &[], None)];
    let before = census(&[(7, &[1]), (8, &[1, 2]), (9, &[2])], info, grants);
    let after = census(&[(7, &[1, 2]), (8, &[1]), (9, &[2]), (10, &[1])], info, grants);
    assert_eq!(
        told(&difference(&before, &after, NOW)),
        ["+10 p all e {1} t all", "+7 p all e {2} t all", "-8 p all e {2} t all"]
    );
}

#[test]
fn an_untenanted_deployment_is_gained_only_where_the_tenant_need_not_be_named() {
    let explicit = ask::DeploymentCreate::INFO;
    let limited: &[Short<'_>] = &[(1, &[], &[], &[4], None)];
    let open: &[Short<'_>] = &[(1, &[], &[], &[], None)];
    let gained = |info| {
        let changes = difference(&census(&[(7, &[1])], info, limited), &census(&[(7, &[1])], info, open), NOW);
        changes[0].changes[0].at.side(Dimension::Tenant).clone()
    };
    assert!(gained(explicit).has(super::NOTHING));
    assert!(!gained(ask::TenantEdit::INFO).has(super::NOTHING));
}

#[test]
fn a_preview_tells_what_the_command_would_do_and_leaves_nothing_behind() {
    let harbour = harbour();
    let staging = harbour.environment("Staging");
    let ben = harbour.user("Ben");
    let team =
        harbour.team("Crew", &[], &[("Deployment Creator", Scope { environments: &[staging], ..Scope::EVERYWHERE })]);
    let counts = || {
        harbour.sql(|c| {
            c.query_row(
                "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM team_members), (SELECT count(*) FROM letters)",
                [],
                |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?)),
            )
        })
    };
    let before = counts();
    let ada = harbour.ada();
    let at = ada.locate(Within::Company, &format!("Teams-{team}")).unwrap();
    let granted = teams::Joining::ask(&ada, &at).unwrap();
    let told = preview(&ada, || teams::add_members(&granted, &[Id::new(ben)])).unwrap();
    assert_eq!(counts(), before);
    let [only] = &told.affected[..] else { panic!("{told:?}") };
    assert_eq!(only.people, [(ben, Some("Ben".to_owned()))]);
    assert!(only.bundles.iter().all(|bundle| bundle.gained));
    let create = only.bundles.iter().find(|bundle| bundle.permissions.contains(&"DeploymentCreate")).unwrap();
    assert_eq!((create.place.as_str(), &create.dangers), ("environment Staging", &vec![Danger::Production]));
    // The same visitor goes on as before, and the command itself still does what it says.
    assert!(preview(&ada, || teams::add_members(&granted, &[Id::new(999)])).is_err());
    teams::add_members(&granted, &[Id::new(ben)]).unwrap();
    assert_eq!(counts().1, before.1 + 1);
}

#[test]
fn who_asks_each_team_once_and_finds_every_member() {
    let info = ask::DeploymentCreate::INFO;
    let grants: &[Short<'_>] = &[(1, &[1], &[1], &[], None), (2, &[], &[], &[4], None), (3, &[], &[], &[], Some(500))];
    let census = census(&[(7, &[1]), (8, &[1, 2]), (9, &[2]), (10, &[3]), (11, &[])], info, grants);
    let asked = |project: i64, environment: i64, tenant: Ids| {
        let check = Check {
            space: Some(1),
            projects: Ids::One(project),
            environments: Ids::One(environment),
            tenants: tenant,
            ..Check::new(true)
        };
        let found = super::holders(&census, info, &check, NOW);
        found.iter().map(|one| (one.user, one.through.len())).collect::<Vec<_>>()
    };
    assert_eq!(asked(1, 1, Ids::One(4)), [(7, 1), (8, 2), (9, 1)]);
    assert_eq!(asked(1, 1, Ids::None), [(7, 1), (8, 1)]);
    assert_eq!(asked(1, 2, Ids::None), []);
}

#[test]
fn a_preview_names_nobody_whom_one_may_not_see() {
    let harbour = harbour();
    let ben = harbour.user("Ben");
    let team = harbour.team("Crew", &[ben], &[("Deployment Creator", Scope::EVERYWHERE)]);
    harbour.sql(|c| {
        c.execute_batch(
            "INSERT INTO user_roles (name, name_key) VALUES ('Lead', 'lead');
             INSERT INTO role_permissions SELECT user_roles.id, 'space', value FROM user_roles, json_each('[\"TeamEdit\",\"TeamView\"]') WHERE name = 'Lead';",
        )?;
        c.execute("UPDATE teams SET space_id = 1 WHERE id = ?1", [team])
    });
    let cleo = harbour.person("Cleo", &[("Lead", Scope::EVERYWHERE)]);
    let at = cleo.locate(Within::Company, &format!("Teams-{team}")).unwrap();
    let granted = teams::Joining::ask(&cleo, &at).unwrap();
    let told = preview(&cleo, || teams::remove_member(&granted, Id::new(ben))).unwrap();
    assert_eq!(told.affected.len(), 1, "{told:?}");
    assert_eq!(told.affected[0].people, [(ben, None)]);
    assert!(told.affected[0].bundles.iter().all(|bundle| !bundle.gained));
    assert!(told.dangers.is_empty());
}

//! Access: a user's grants read and compiled after a change, beside a bare read of the same rows; who of a thousand people
//! may deploy somewhere, beside a bare read of people and teams; the review of a thousand people in fifty teams and the preview
//! of a change among them, beside a bare read of the same rows; a list of ten thousand tenants narrowed to what one may see, beside the same list for one who sees all and beside plain SQL.

use super::figures::{Table, median, rounds, short};
use super::sample::{Role, roles};
use super::writes::{found, operator};
use bulkhead::{
    appliance::Appliance,
    base::{
        ids::{self, Id},
        paging::Page,
    },
    company::{
        Company,
        access::{
            From, Spot, Visitor, Within, admit,
            permissions::{self as p, Permission},
        },
        answers, people, teams, tenants,
    },
};
use rusqlite::{Connection, params};
use std::{path::Path, time::Instant};

/// The sample's roles name a thousand projects and as many tenants; the list of tenants is longer.
fn tenants_in_all() -> i64 {
    if short() { 1_000 } else { 10_000 }
}
fn people_in_all() -> i64 {
    if short() { 100 } else { 1_000 }
}
const TEAMS: i64 = 20;

pub fn measure(table: &mut Table) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let appliance = Appliance::open(&folder.path().join("data")).expect("a data folder");
    let (company, key) = found(&appliance, "harbour");
    let file = folder.path().join("data/companies/harbour/company.db");
    let beside = another_program(&file);
    fill(&beside);
    let scoped = key_of(&company, "scoped@harbour.test");
    let narrowed = key_of(&company, "narrowed@harbour.test");

    let mut compiled = Vec::new();
    let mut remembered = Vec::new();
    let mut bare = Vec::new();
    for _ in 0..rounds() * 10 {
        beside.execute("UPDATE company SET access_version = access_version + 1", []).expect("a change");
        compiled.push(microseconds(|| drop(visitor(&company, &scoped))));
        remembered.push(microseconds(|| drop(visitor(&company, &scoped))));
        bare.push(microseconds(|| assert!(rows_of_grants(&beside) > 1_000)));
    }
    let name = "a user's 40 scoped roles read and compiled, with the admission";
    table.figure(name, median(&compiled), "µs", &format!("remembered: {:.0} µs", median(&remembered)));
    table.figure("a bare read of the rows of those roles", median(&bare), "µs", "");
    table.against(name, "a bare read of the rows of those roles", "");

    let (mut who, mut bare) = (Vec::new(), Vec::new());
    let whole = visitor(&company, &key);
    for _ in 0..rounds() * 4 {
        who.push(microseconds(|| assert!(who_may_deploy(&whole) > 10)));
        bare.push(microseconds(|| assert!(rows_of_people(&beside) > people_in_all() as usize)));
    }
    let name = format!("who of {} people may deploy for a tenant", people_in_all());
    table.figure(&name, median(&who), "µs", "");
    table.figure("a bare read of those people and their teams", median(&bare), "µs", "");
    table.against(&name, "a bare read of those people and their teams", "");

    for (what, page) in [("page of 50", Page { skip: 0, take: 50 }), ("whole list", Page::ALL)] {
        let (mut few, mut all, mut plain) = (Vec::new(), Vec::new(), Vec::new());
        let (whole, part) = (visitor(&company, &key), visitor(&company, &narrowed));
        for _ in 0..rounds() * 4 {
            few.push(microseconds(|| assert_eq!(list(&part, page), tenants_in_all() - tenants_in_all() / 100)));
            all.push(microseconds(|| assert_eq!(list(&whole, page), tenants_in_all())));
            plain.push(microseconds(|| assert_eq!(bare_list(&beside, page), tenants_in_all())));
        }
        let names = ["narrowed by 20 teams", "for one who sees all", "as plain SQL"]
            .map(|who| format!("{} tenants, {what}, {who}", tenants_in_all()));
        for (name, times) in names.iter().zip([&few, &all, &plain]) {
            table.figure(name, median(times), "µs", "");
        }
        table.against(&names[0], &names[1], "≤ 130 %");
        table.against(&names[0], &names[2], "");
    }
}

/// A company of its own: fifty teams with two roles each, everybody in two of them and in one for all, a hundred rights used
/// by each. What a page of the review takes, and what the preview takes of one who joins the team of all, of all who leave
/// it, and of a role for Everyone.
pub fn measure_review(table: &mut Table) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let appliance = Appliance::open(&folder.path().join("data")).expect("a data folder");
    let (company, key) = found(&appliance, "harbour");
    let beside = another_program(&folder.path().join("data/companies/harbour/company.db"));
    let (everybody, newcomer) = fill_review(&beside);
    let (mut page, mut joins, mut leave, mut everyone) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut bare_review, mut bare_census) = (Vec::new(), Vec::new());
    let ada = visitor(&company, &key);
    let team = ada.locate(Within::Company, &format!("Teams-{everybody}")).expect("the team");
    let role = ada.locate::<ids::UserRole>(Within::Company, "userroles-environmentviewer").expect("a role").id();
    let of_all = ada.locate(Within::Company, "teams-everyone").expect("Everyone");
    let told = |command: &dyn Fn() -> bulkhead::base::error::Result<()>| {
        answers::preview(&ada, command).expect("a preview").people()
    };
    for _ in 0..rounds() * 4 {
        page.push(microseconds(|| assert_eq!(review(&ada), people_in_all() + 2)));
        let joining = teams::Joining::ask(&ada, &team).unwrap_or_else(|_| panic!("refused"));
        let join = || teams::add_members(&joining, &[Id::new(newcomer)]);
        joins.push(microseconds(|| assert_eq!(told(&join), 1)));
        let all_leave = || teams::set_members(&joining, &[]);
        leave.push(microseconds(|| assert_eq!(told(&all_leave), people_in_all() as usize)));
        let granted = teams::ask_roles(&ada, &of_all, None).unwrap_or_else(|_| panic!("refused"));
        let fields =
            teams::ScopedFields { role: Some(role), space: Some(Id::new(1)), ..teams::ScopedFields::default() };
        let give = || teams::add_role(&granted, &fields).map(drop);
        everyone.push(microseconds(|| assert!(told(&give) > 0)));
        bare_census.push(microseconds(|| assert!(rows_of_census(&beside) > people_in_all() as usize)));
        bare_review
            .push(microseconds(|| assert!(rows_of_census(&beside) + rows_of_uses(&beside) > people_in_all() as usize)));
    }
    let people = people_in_all();
    let bare = ["a bare read of the rows of that review", "a bare read of people, teams and roles"];
    table.figure(bare[0], median(&bare_review), "µs", "");
    table.figure(bare[1], median(&bare_census), "µs", "");
    for (name, times, bare) in [
        (format!("the review of {people} people in 50 teams, a page"), &page, bare[0]),
        (format!("preview: one joins a team of {people} people"), &joins, bare[1]),
        (format!("preview: all {people} people leave a team"), &leave, bare[1]),
        (format!("preview: Everyone of {people} people is given a role"), &everyone, bare[1]),
    ] {
        table.figure(&name, median(times), "µs", "");
        table.against(&name, bare, "");
    }
}

/// The first page of the review, as the page draws it; how many people there are.
fn review(visitor: &Visitor) -> i64 {
    let people = visitor.ask(p::UserView {}).unwrap_or_else(|_| panic!("refused"));
    let roles = visitor.ask(p::UserRoleView {}).unwrap_or_else(|_| panic!("refused"));
    let teams = visitor.ask(p::List::<p::TeamView>::system()).unwrap_or_else(|_| panic!("refused"));
    let proofs = answers::Proofs { people: &people, roles: &roles, teams: &teams };
    let page = Page { skip: 0, take: 50 };
    answers::review(&proofs, answers::Show::Everybody, "", page).expect("a review").0.total
}

fn read_all(connection: &Connection, statements: &[&str]) -> usize {
    let count = |sql: &&str| {
        let mut statement = connection.prepare_cached(sql).expect("a statement");
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| {
            (0..columns).map(|at| row.get::<_, rusqlite::types::Value>(at)).collect::<Result<Vec<_>, _>>()
        });
        rows.expect("rows").filter(Result::is_ok).count()
    };
    statements.iter().map(count).sum()
}

fn rows_of_census(connection: &Connection) -> usize {
    read_all(
        connection,
        &[
            "SELECT id, display_name, state, is_service FROM users",
            "SELECT user_id, team_id FROM team_members",
            "SELECT s.id, s.team_id, s.role_id, s.space_id, s.expires_at, l.dimension, l.target_id
             FROM scoped_roles s LEFT JOIN scoped_role_limits l ON l.scoped_role_id = s.id",
            "SELECT role_id, level, permission FROM role_permissions",
        ],
    )
}

fn rows_of_uses(connection: &Connection) -> usize {
    read_all(
        connection,
        &[
            "SELECT user_id, permission, day FROM permission_uses",
            "SELECT id, username, email, state, created_at, last_seen_at FROM users",
            "SELECT user_id, team_id, since FROM team_members",
        ],
    )
}

/// Gives the team of all, and a service account that is not in it.
fn fill_review(connection: &Connection) -> (i64, i64) {
    let run = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
        connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).expect(sql);
        connection.last_insert_rowid()
    };
    connection.execute_batch("BEGIN").expect("a transaction");
    for n in 1..=50 {
        run(
            "INSERT INTO tenants (space_id, name, name_key, slug, created_at) VALUES (1, ?1, lower(?1), lower(?1), 0)",
            params![format!("Tenant-{n}")],
        );
    }
    let team = |name: &str, roles: &[&str], tenants: std::ops::Range<i64>| {
        let team = run("INSERT INTO teams (space_id, name, name_key) VALUES (1, ?1, lower(?1))", params![name]);
        for role in roles {
            let scoped = run(
                "INSERT INTO scoped_roles (team_id, role_id, space_id, since) SELECT ?1, id, 1, 0 FROM user_roles WHERE name = ?2",
                params![team, role],
            );
            for tenant in tenants.clone() {
                run("INSERT INTO scoped_role_limits VALUES (?1, 'tenant', ?2)", params![scoped, tenant]);
            }
        }
        team
    };
    let teams: Vec<i64> = (0..50)
        .map(|n| team(&format!("Team {n}"), &["Project Lead", "Project Deployer"], n % 40 + 1..n % 40 + 10))
        .collect();
    let all = team("All hands", &["Project Viewer"], 0..0);
    let person = |name: String| {
        run(
            "INSERT INTO users (username, username_key, display_name, email, state, is_service, created_at)
             VALUES (?1, lower(?1), ?1, '', 'active', 1, 0)",
            params![name],
        )
    };
    for n in 0..people_in_all() {
        let person = person(format!("Person {n:04}"));
        let n = n as usize;
        for team in [teams[n % 50], teams[(n * 7 + 1) % 50], all] {
            run(
                "INSERT OR IGNORE INTO team_members (team_id, user_id, since) VALUES (?1, ?2, 0)",
                params![team, person],
            );
        }
        run(
            "INSERT INTO permission_uses SELECT ?1, permission, unixepoch() / 86400 - ?2 FROM role_permissions
             WHERE level = 'space' GROUP BY permission LIMIT 100",
            params![person, n as i64 % 180],
        );
    }
    let newcomer = person("Newcomer".into());
    connection.execute_batch("COMMIT").expect("it");
    (all, newcomer)
}

fn microseconds(work: impl FnOnce()) -> f64 {
    let begun = Instant::now();
    work();
    begun.elapsed().as_secs_f64() * 1e6
}

/// Another connection to the company's file, as any program of this machine could open one.
#[allow(clippy::disallowed_methods)]
fn another_program(file: &Path) -> Connection {
    let connection = Connection::open(file).expect("the company's file");
    connection.busy_timeout(std::time::Duration::from_secs(10)).expect("a wait");
    connection
}

fn visitor(company: &Company, key: &str) -> Visitor {
    admit::api_key(company, key, &From::default()).expect("a look").expect("somebody")
}

fn key_of(company: &Company, email: &str) -> String {
    let desk = Visitor::operator(company, operator());
    let user = desk.locate(Within::Company, email).expect("the account");
    let granted = desk.ask(p::UserEdit {}).unwrap_or_else(|_| panic!("refused"));
    people::keys::create_for(&granted, &user, "figures", 30).expect("a key")
}

/// Asks as the page does who may deploy anything for one tenant, and says how many may.
fn who_may_deploy(visitor: &Visitor) -> usize {
    let space = visitor.locate_space("Spaces-1").expect("the space");
    let tenant = visitor.locate(&space, "tenant-00007").expect("the tenant");
    let spot = Spot { space: Some(space), tenant: Some(tenant), ..Spot::default() };
    let granted = visitor.ask(p::UserView {}).unwrap_or_else(|_| panic!("refused"));
    answers::who(&granted, p::DeploymentCreate::INFO, &spot, "").expect("an answer").holders.len()
}

fn rows_of_people(connection: &Connection) -> usize {
    let mut statement = connection
        .prepare_cached(
            "SELECT u.id, u.display_name, m.team_id FROM users u LEFT JOIN team_members m ON m.user_id = u.id",
        )
        .expect("a statement");
    let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)));
    rows.expect("rows").filter(Result::is_ok).count()
}

/// Lists tenants as a page does, and says how many there are in all.
fn list(visitor: &Visitor, page: Page) -> i64 {
    let space = visitor.locate_space("Spaces-1").expect("the space");
    let granted = visitor.ask(p::List::<p::TenantView>::of(&space)).unwrap_or_else(|_| panic!("refused"));
    tenants::list(&granted, &tenants::Filter::default(), page).expect("a list").total
}

fn bare_list(connection: &Connection, page: Page) -> i64 {
    let mut statement = connection
        .prepare_cached(
            "SELECT id, space_id, name, slug, description, is_disabled, cloned_from, created_at FROM tenants
             WHERE space_id = 1 ORDER BY name_key, id LIMIT ?1 OFFSET ?2",
        )
        .expect("a statement");
    let read = statement.query_map((page.take, page.skip), |row| {
        Ok((
            row.get::<_, i64>(0)?,
            row.get::<_, String>(2)?,
            row.get::<_, String>(3)?,
            row.get::<_, String>(4)?,
            row.get::<_, i64>(7)?,
        ))
    });
    let rows: Vec<_> = read.expect("rows").collect::<Result<_, _>>().expect("rows");
    if (rows.len() as i64) < page.take {
        return rows.len() as i64;
    }
    connection
        .prepare_cached("SELECT count(*) FROM tenants WHERE space_id = 1")
        .and_then(|mut count| count.query_row([], |row| row.get(0)))
        .expect("a count")
}

fn rows_of_grants(connection: &Connection) -> usize {
    let mut statement = connection
        .prepare_cached(
            "SELECT s.team_id, s.role_id, s.space_id, s.expires_at, l.dimension, l.target_id
             FROM team_members m JOIN scoped_roles s ON s.team_id = m.team_id
             LEFT JOIN scoped_role_limits l ON l.scoped_role_id = s.id
             WHERE m.user_id = (SELECT id FROM users WHERE email = 'scoped@harbour.test')",
        )
        .expect("a statement");
    let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<String>>(4)?)));
    rows.expect("rows").filter(Result::is_ok).count()
}

/// Tenants, and two service accounts: one with the sample's forty roles on twenty teams, one with twenty teams that
/// together see all tenants but one in a hundred.
fn fill(connection: &Connection) {
    let run = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
        connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).expect(sql);
        connection.last_insert_rowid()
    };
    connection.execute_batch("BEGIN").expect("a transaction");
    for n in 1..=tenants_in_all() {
        run(
            "INSERT INTO tenants (space_id, name, name_key, slug, description, created_at) VALUES (1, ?1, lower(?1), lower(?2), 'One we deploy for', 0)",
            params![format!("Tenant {n:05}"), format!("tenant-{n:05}")],
        );
    }
    let account = |email: &str| {
        run(
            "INSERT INTO users (username, username_key, display_name, email, email_key, state, is_service, created_at)
             VALUES (?1, ?1, ?1, ?1, ?1, 'active', 1, 0)",
            params![email],
        )
    };
    let team = |name: String, member: i64| {
        let team = run("INSERT INTO teams (space_id, name, name_key) VALUES (1, ?1, lower(?1))", params![name]);
        run("INSERT INTO team_members (team_id, user_id) VALUES (?1, ?2)", params![team, member]);
        team
    };
    let give = |team: i64, limits: &[(&str, &[i64])]| {
        let scoped = run(
            "INSERT INTO scoped_roles (team_id, role_id, space_id) SELECT ?1, id, 1 FROM user_roles WHERE name = 'Project Deployer'",
            params![team],
        );
        for (dimension, ids) in limits {
            for id in *ids {
                run(
                    "INSERT OR IGNORE INTO scoped_role_limits (scoped_role_id, dimension, target_id) VALUES (?1, ?2, ?3)",
                    params![scoped, dimension, id],
                );
            }
        }
    };
    let scoped = account("scoped@harbour.test");
    let sample: Vec<Role> = roles();
    for pair in sample.chunks(2) {
        let team = team(format!("Scoped {}", pair[0].team), scoped);
        for role in pair {
            give(team, &[("project", &role.projects), ("environment", &role.environments), ("tenant", &role.tenants)]);
        }
    }
    let teams = "SELECT id FROM teams WHERE name LIKE 'Scoped %' ORDER BY id LIMIT 2 OFFSET ?2 % 19";
    for n in 0..people_in_all() {
        let person = run(
            "INSERT INTO users (username, username_key, display_name, email, state, created_at)
             VALUES (?1, lower(?1), ?1, '', 'active', 0)",
            params![format!("Person {n:04}")],
        );
        run(&format!("INSERT INTO team_members (team_id, user_id) SELECT id, ?1 FROM ({teams})"), params![person, n]);
    }
    let narrowed = account("narrowed@harbour.test");
    let seen: Vec<i64> = (1..=tenants_in_all()).filter(|n| n % 100 != 0).collect();
    for (n, part) in seen.chunks(seen.len().div_ceil(TEAMS as usize)).enumerate() {
        give(team(format!("Narrowed {n}"), narrowed), &[("tenant", part)]);
    }
    connection.execute_batch("COMMIT").expect("it");
}

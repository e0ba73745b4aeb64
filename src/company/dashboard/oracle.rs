//! What somebody may see of progress, against a second implementation, written from `access-rules §3`, `§11` and
//! `domain §5` alone: sets and loops, nothing of the door, the lists or the rules of promotion. Each round draws another
//! company and other roles; a failure prints the seed that draws it again (`BULKHEAD_RANDOM_SEED`; findings B4).

use crate::{
    base::{
        clock,
        ids::{Id, Release},
        paging::Page,
    },
    company::{
        access::{
            Visitor, Within,
            permissions::{DeploymentView, List, ReleaseView},
            testing::Dice,
        },
        dashboard, deployments, releases,
        testing::{Harbour, harbour},
    },
};
use std::collections::BTreeSet;

const ROUNDS: usize = 150;
const ENVIRONMENTS: i64 = 4;
const TENANTS: i64 = 3;
const PROJECTS: i64 = 2;
const NAMES: [&str; 6] =
    ["ProjectView", "ReleaseView", "EnvironmentView", "DeploymentView", "DeploymentCreate", "TenantView"];

type Numbers = BTreeSet<i64>;

impl Dice {
    fn number(&mut self, below: i64) -> i64 {
        self.below(below as u64) as i64
    }
    fn some(&mut self, most: i64) -> Numbers {
        (0..=self.number(most)).map(|_| self.number(most) + 1).collect()
    }
    fn limit_among(&mut self, most: i64) -> Numbers {
        if self.one_in(2) { Numbers::new() } else { self.some(most) }
    }
}

/// A role on a team: what it holds, and its limits; an empty set is none.
#[derive(Debug)]
struct Role {
    holds: Vec<&'static str>,
    projects: Numbers,
    environments: Numbers,
    tenants: Numbers,
}

#[derive(Debug)]
struct Phase {
    name: String,
    environments: Numbers,
    minimum: i64,
    optional: bool,
}

/// For a tenant, or (0) for none.
#[derive(Debug)]
struct Deployed {
    id: i64,
    project: i64,
    release: i64,
    environment: i64,
    tenant: i64,
    well: bool,
}

#[derive(Debug)]
struct Picture {
    phases: Vec<Phase>,
    modes: Vec<&'static str>,
    /// Tenant, project, environment.
    connected: BTreeSet<(i64, i64, i64)>,
    deployed: Vec<Deployed>,
    roles: Vec<Role>,
}

/// The release of a project: one each, for simplicity's sake, and a newer one of the first.
const RELEASES: [(i64, i64); 3] = [(1, 1), (2, 2), (3, 1)];

impl Picture {
    fn draw(dice: &mut Dice) -> Picture {
        let mut left: Vec<i64> = (1..=ENVIRONMENTS).collect();
        let mut phases = Vec::new();
        for number in 1..=dice.number(4) {
            // Now and then one that names none, and stands for those that no earlier one names.
            let take = if dice.one_in(5) { 0 } else { 1 + dice.number(2) };
            let mut environments = Numbers::new();
            for _ in 0..take.min(left.len() as i64) {
                environments.insert(left.remove(dice.number(left.len() as i64) as usize));
            }
            let minimum = dice.number(2) * dice.number(3).min(environments.len() as i64);
            phases.push(Phase { name: format!("Phase {number}"), environments, minimum, optional: dice.one_in(4) });
        }
        let modes = ["Untenanted", "Tenanted", "TenantedOrUntenanted"];
        let modes: Vec<_> = (0..PROJECTS).map(|_| modes[dice.number(3) as usize]).collect();
        let mut connected = BTreeSet::new();
        for tenant in 1..=TENANTS {
            for project in 1..=PROJECTS {
                let places = if modes[project as usize - 1] == "Untenanted" || dice.one_in(4) {
                    Numbers::new()
                } else {
                    dice.some(ENVIRONMENTS)
                };
                connected.extend(places.into_iter().map(|environment| (tenant, project, environment)));
            }
        }
        let mut deployed = Vec::new();
        for id in 1..=dice.number(14) {
            let (release, project) = RELEASES[dice.number(3) as usize];
            let here: Vec<_> = connected.iter().filter(|(_, of, _)| *of == project).copied().collect();
            let (tenant, environment) = match here.is_empty() || dice.one_in(3) {
                true => (0, dice.number(ENVIRONMENTS) + 1),
                false => here.get(dice.number(here.len() as i64) as usize).map_or((0, 1), |(t, _, e)| (*t, *e)),
            };
            deployed.push(Deployed { id, project, release, environment, tenant, well: !dice.one_in(4) });
        }
        let roles = (0..=dice.number(3)).map(|_| Role {
            holds: NAMES.into_iter().filter(|_| !dice.one_in(4)).collect(),
            projects: dice.limit_among(PROJECTS),
            environments: dice.limit_among(ENVIRONMENTS),
            tenants: dice.limit_among(TENANTS),
        });
        let mut roles: Vec<Role> = roles.collect();
        // Who sees no release asks nothing.
        roles.push(Role {
            holds: vec!["ReleaseView"],
            ..Role { holds: vec![], projects: Numbers::new(), environments: Numbers::new(), tenants: Numbers::new() }
        });
        Picture { phases, modes, connected, deployed, roles }
    }

    /// Puts it into the company's file, and somebody with the roles beside it.
    fn set_up(&self, harbour: &Harbour, round: usize) -> Visitor {
        harbour.sql(|c| {
            c.execute_batch(
                "DELETE FROM deployments; DELETE FROM tasks; DELETE FROM tenant_environments; DELETE FROM tenant_projects;
                 DELETE FROM phase_environments; DELETE FROM phases;",
            )?;
            for (place, phase) in self.phases.iter().enumerate() {
                c.execute(
                    "INSERT INTO phases (lifecycle_id, position, name, minimum, is_optional) VALUES (1, ?1, ?2, ?3, ?4)",
                    (place as i64, &phase.name, phase.minimum, phase.optional),
                )?;
                let id = c.last_insert_rowid();
                for environment in &phase.environments {
                    c.execute("INSERT INTO phase_environments VALUES (?1, ?2, 0)", (id, environment))?;
                }
            }
            for (project, mode) in self.modes.iter().enumerate() {
                c.execute("UPDATE projects SET tenanted = ?2 WHERE id = ?1", (project as i64 + 1, mode))?;
            }
            for (tenant, project, environment) in &self.connected {
                c.execute("INSERT OR IGNORE INTO tenant_projects VALUES (?1, ?2)", (tenant, project))?;
                c.execute("INSERT INTO tenant_environments VALUES (?1, ?2, ?3)", (tenant, project, environment))?;
            }
            for one in &self.deployed {
                let tenant = Some(one.tenant).filter(|tenant| *tenant > 0);
                c.execute(
                    "INSERT INTO tasks (id, space_id, kind, description, project_id, state, exclusive_key, queued_at, updated_at, created_by)
                     VALUES (?1, 1, 'Deploy', 'd', ?2, ?3, 'k', 0, 0, 'x')",
                    (one.id, one.project, if one.well { "Success" } else { "Failed" }),
                )?;
                c.execute(
                    "INSERT INTO deployments (id, space_id, project_id, release_id, channel_id, environment_id, tenant_id, task_id, name, created_at, created_by)
                     VALUES (?1, 1, ?2, ?3, ?2, ?4, ?5, ?1, 'd', 0, 'x')",
                    (one.id, one.project, one.release, one.environment, tenant),
                )?;
            }
            Ok(())
        });
        let user = harbour.user(&format!("Person {round}"));
        let team = harbour.team(&format!("Team {round}"), &[user], &[]);
        for (number, role) in self.roles.iter().enumerate() {
            let held: Vec<(&str, &str)> = role.holds.iter().map(|name| ("space", *name)).collect();
            let of = harbour.role(&format!("Role {round}.{number}"), &held);
            harbour.sql(|c| {
                c.execute("INSERT INTO scoped_roles (team_id, role_id, space_id) VALUES (?1, ?2, 1)", (team, of))?;
                let scoped = c.last_insert_rowid();
                for (word, ids) in
                    [("project", &role.projects), ("environment", &role.environments), ("tenant", &role.tenants)]
                {
                    for id in ids {
                        c.execute("INSERT INTO scoped_role_limits VALUES (?1, ?2, ?3)", (scoped, word, id))?;
                    }
                }
                Ok(())
            });
        }
        harbour.visit(user)
    }

    /// Whether one role holds a permission there. 0 is no tenant.
    fn holds(&self, name: &str, project: i64, environment: i64, tenant: i64) -> bool {
        let inside = |limit: &Numbers, id: i64| limit.is_empty() || limit.contains(&id);
        self.roles.iter().any(|role| {
            role.holds.contains(&name)
                && inside(&role.projects, project)
                && inside(&role.environments, environment)
                && inside(&role.tenants, tenant)
        })
    }
    fn sees_environment(&self, environment: i64) -> bool {
        let inside = |role: &Role| role.environments.is_empty() || role.environments.contains(&environment);
        self.roles.iter().any(|role| role.holds.contains(&"EnvironmentView") && inside(role))
    }
    fn sees_tenant(&self, tenant: i64) -> bool {
        let inside = |role: &Role| role.tenants.is_empty() || role.tenants.contains(&tenant);
        self.roles.iter().any(|role| role.holds.contains(&"TenantView") && inside(role))
    }
    fn sees(&self, one: &Deployed) -> bool {
        self.holds("DeploymentView", one.project, one.environment, one.tenant)
    }
    fn sees_releases(&self, project: i64) -> bool {
        let inside = |role: &Role| role.projects.is_empty() || role.projects.contains(&project);
        self.roles.iter().any(|role| role.holds.contains(&"ReleaseView") && inside(role))
    }

    /// The phases with the environments they stand for; without any, each environment is one.
    fn lifecycle(&self) -> Vec<(String, Vec<i64>, i64, bool, bool)> {
        if self.phases.is_empty() {
            return (1..=ENVIRONMENTS).map(|id| (format!("E{id}"), vec![id], 0, false, false)).collect();
        }
        let mut named = Numbers::new();
        let mut out = Vec::new();
        for phase in &self.phases {
            let inside = |id: &i64| match phase.environments.is_empty() {
                true => !named.contains(id),
                false => phase.environments.contains(id),
            };
            let places = (1..=ENVIRONMENTS).filter(inside).collect();
            out.push((phase.name.clone(), places, phase.minimum, phase.optional, true));
            named.extend(&phase.environments);
        }
        out
    }

    /// For each phase: is it open, which of its environments are done, which are missing.
    fn walk(&self, done: &Numbers, counting: &Numbers) -> Vec<(bool, Vec<i64>, Vec<i64>, bool)> {
        let mut open = true;
        let mut out = Vec::new();
        for (_, places, minimum, optional, _) in self.lifecycle() {
            let here: Vec<i64> = places.into_iter().filter(|id| counting.contains(id)).collect();
            let (well, missing): (Vec<i64>, Vec<i64>) = here.iter().partition(|id| done.contains(id));
            let wanted = if minimum == 0 { here.len() } else { here.len().min(minimum as usize) };
            let complete = well.len() >= wanted;
            out.push((open, well, missing, complete));
            open = open && (complete || optional);
        }
        out
    }

    fn progression(&self, release: i64, project: i64) -> String {
        let mode = self.modes[project as usize - 1];
        // Everybody that it is deployed for, with the environments in which they are watched.
        let mut ways: Vec<(Numbers, Numbers)> = Vec::new();
        for tenant in 0..=TENANTS {
            let is_for = match tenant {
                0 => mode != "Tenanted",
                _ => mode != "Untenanted",
            };
            let watched = |place: &i64| {
                is_for
                    && (tenant == 0 || self.connected.contains(&(tenant, project, *place)))
                    && self.holds("DeploymentView", project, *place, tenant)
            };
            let lifecycle = self.lifecycle();
            let inside = |place: &i64| lifecycle.iter().any(|(_, places, ..)| places.contains(place));
            let counting: Numbers = (1..=ENVIRONMENTS).filter(watched).filter(inside).collect();
            let counts = |one: &&Deployed| one.release == release && one.well && one.tenant == tenant && self.sees(one);
            let done = self.deployed.iter().filter(counts).map(|one| one.environment).collect();
            if !counting.is_empty() {
                ways.push((done, counting));
            }
        }
        if ways.is_empty() {
            ways.push((Numbers::new(), (1..=ENVIRONMENTS).collect()));
        }
        let walked: Vec<_> = ways.iter().map(|(done, counting)| self.walk(done, counting)).collect();
        let mut told = Vec::new();
        for (phase, (name, places, _, _, is_named)) in self.lifecycle().iter().enumerate() {
            let here: Vec<_> = walked.iter().map(|way| &way[phase]).collect();
            let seen = |wanted: &dyn Fn(&i64) -> bool| {
                let ids = places.iter().copied().filter(|id| self.sees_environment(*id) && wanted(id));
                ids.collect::<Vec<_>>()
            };
            if !is_named && seen(&|_| true).is_empty() {
                continue;
            }
            let open = here.iter().any(|(open, ..)| *open);
            let word = if here.iter().all(|(.., complete)| *complete) {
                "Complete"
            } else if open {
                "Current"
            } else {
                "Pending"
            };
            let well = |id: &i64| here.iter().any(|(_, well, ..)| well.contains(id));
            let lacks = |id: &i64| !well(id) && here.iter().any(|(_, _, missing, _)| missing.contains(id));
            told.push(format!("{name} {word} {open} {:?} {:?} {:?}", seen(&|_| true), seen(&well), seen(&lacks)));
        }
        format!("{told:?}")
    }

    /// Whether the page before the button lets a release go to an environment, for anybody that may be chosen; and
    /// whether that is new to somebody.
    fn is_offered(&self, release: i64, project: i64, environment: i64) -> (bool, bool) {
        let mode = self.modes[project as usize - 1];
        let mut whom = Vec::new();
        if mode != "Tenanted" {
            whom.push(0);
        }
        if mode != "Untenanted" {
            let connected = |tenant: &i64| self.connected.contains(&(*tenant, project, environment));
            whom.extend((1..=TENANTS).filter(|tenant| self.sees_tenant(*tenant)).filter(connected));
        }
        let ways = whom.into_iter().map(|tenant| {
            // Where the command would tell, the page tells the same.
            let told = self.holds("DeploymentCreate", project, environment, tenant);
            let counts = |one: &&Deployed| {
                one.release == release && one.well && one.tenant == tenant && (told || self.sees(one))
            };
            let done: Numbers = self.deployed.iter().filter(counts).map(|one| one.environment).collect();
            let counting: Numbers = (1..=ENVIRONMENTS)
                .filter(|place| tenant == 0 || self.connected.contains(&(tenant, project, *place)))
                .collect();
            let place = self.lifecycle().iter().position(|(_, places, ..)| places.contains(&environment));
            let open = place.is_some_and(|place| self.walk(&done, &counting)[place].0);
            (open, open && !done.contains(&environment))
        });
        ways.fold((false, false), |all, one| (all.0 || one.0, all.1 || one.1))
    }

    /// The latest deployment to each place that is seen.
    fn spots(&self) -> BTreeSet<i64> {
        let newest = |one: &&Deployed| {
            let place = (one.project, one.environment, one.tenant);
            !self.deployed.iter().any(|d| d.id > one.id && (d.project, d.environment, d.tenant) == place)
        };
        self.deployed.iter().filter(newest).filter(|one| self.sees(one)).map(|one| one.id).collect()
    }
}

fn told(visitor: &Visitor, release: i64) -> String {
    let at = visitor.locate(Within::Company, &Id::<Release>::new(release).to_string()).unwrap();
    let found = releases::progression(&visitor.ask(ReleaseView { release: at }).unwrap()).unwrap();
    let numbers = |ids: &[Id<crate::base::ids::Environment>]| ids.iter().map(|id| id.0).collect::<Vec<_>>();
    let phases: Vec<String> = found
        .iter()
        .map(|one| {
            let places: Vec<i64> = one.phase.environments.iter().map(|place| place.id.0).collect();
            let word = one.progress.word();
            format!(
                "{} {word} {} {places:?} {:?} {:?}",
                one.phase.name,
                one.is_open,
                numbers(&one.done),
                numbers(&one.missing)
            )
        })
        .collect();
    format!("{phases:?}")
}

#[test]
fn what_is_told_of_progress_agrees_with_the_rules_read_once_more() {
    let harbour = harbour();
    for n in 1..=ENVIRONMENTS {
        harbour.environment(&format!("E{n}"));
    }
    for n in 1..=TENANTS {
        harbour.tenant(&format!("T{n}"));
    }
    for n in 1..=PROJECTS {
        harbour.project(&format!("P{n}"), None);
    }
    harbour.sql(|c| {
        c.execute("UPDATE environments SET sort_order = id", [])?;
        for project in 1..=PROJECTS {
            c.execute(
                "INSERT INTO channels (id, project_id, name, name_key, slug, is_default) VALUES (?1, ?1, 'C', 'c', 'c', 1)",
                [project],
            )?;
        }
        for (release, project) in RELEASES {
            c.execute(
                "INSERT INTO releases (id, space_id, project_id, channel_id, version, version_key, assembled_at, created_by, steps)
                 VALUES (?1, 1, ?2, ?2, ?3, ?3, 0, 'x', '[]')",
                (release, project, format!("1.{release}")),
            )?;
        }
        Ok(())
    });
    let seed = std::env::var("BULKHEAD_RANDOM_SEED").ok().and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or(clock::now().0 as u64);
    let mut dice = Dice(seed);
    let (mut hidden, mut offered, mut withheld) = (0, 0, 0);
    for round in 0..ROUNDS {
        let picture = Picture::draw(&mut dice);
        let visitor = picture.set_up(&harbour, round);
        let space = harbour.space(&visitor);
        let again = || format!("BULKHEAD_RANDOM_SEED={seed} draws this again, as round {round}: {picture:#?}");
        for (release, project) in RELEASES.into_iter().filter(|(_, project)| picture.sees_releases(*project)) {
            assert_eq!(
                told(&visitor, release),
                picture.progression(release, project),
                "release {release}: {}",
                again()
            );
            let at = visitor.locate(Within::Company, &Id::<Release>::new(release).to_string()).unwrap();
            let choices = deployments::choices(&visitor.ask(ReleaseView { release: at }).unwrap()).unwrap();
            for place in &choices.places {
                let (open, next) = picture.is_offered(release, project, place.id.0);
                assert_eq!(place.is_next, next, "release {release} next to {}: {}", place.name, again());
                let why = &place.obstacle;
                assert_eq!(why.is_none(), open, "release {release} to {}: {why:?}: {}", place.name, again());
                if open { offered += 1 } else { withheld += 1 }
            }
        }
        let granted = List::<DeploymentView>::of(&space);
        if visitor.may(List::<DeploymentView>::of(&space)) {
            let granted = visitor.ask(granted).unwrap();
            let found = dashboard::spots(&granted, &deployments::Filter::default()).unwrap();
            let found: BTreeSet<i64> = found.iter().map(|spot| spot.deployment.id.0).collect();
            assert_eq!(found, picture.spots(), "the dashboard: {}", again());
            let all = deployments::list(&granted, &deployments::Filter::default(), Page { skip: 0, take: 1 }).unwrap();
            let seen = picture.deployed.iter().filter(|one| picture.sees(one)).count();
            assert_eq!(all.total, seen as i64, "{}", again());
            hidden += picture.deployed.len() - seen;
        }
    }
    // The rounds are worth something.
    assert!(
        hidden > ROUNDS && offered > ROUNDS / 2 && withheld > ROUNDS / 2,
        "{hidden} {offered} {withheld}, seed {seed}"
    );
}

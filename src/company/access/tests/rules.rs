//! `access-rules §10`, items 1–8 and 11: against the pure decision, and through a company.

use crate::{
    base::{
        clock::{self, HOUR},
        error::Error,
    },
    company::{
        access::{
            At, Visitor, Within,
            permissions::{self as ask, Info, List, Permission, honoured},
            policy::{Check, Dimension, Grant, Grants, Ids, Limit},
        },
        testing::{Scope, harbour},
    },
};

/// A grant in space 1, restricted to groups, projects, environments, tenants.
pub(super) fn grant(groups: &[i64], projects: &[i64], environments: &[i64], tenants: &[i64]) -> Grant {
    Grant {
        team: 1,
        role: 1,
        space: Some(1),
        groups: Limit::to(groups),
        projects: Limit::to(projects),
        environments: Limit::to(environments),
        tenants: Limit::to(tenants),
        runbooks: Limit::All,
        until: None,
        within: None,
    }
}

pub(super) fn check(info: &Info, groups: Ids, projects: Ids, environments: Ids, tenants: Ids) -> Check {
    Check { space: Some(1), groups, projects, environments, tenants, ..Check::new(info.change) }
}

fn decide(grants: &[Grant], info: &Info, check: &Check) -> bool {
    let grants = grants.iter().map(|grant| (grant.clone(), vec![info.key])).collect();
    Grants::new(grants).decide(info, check, clock::now).is_ok()
}

const ANY: Ids = Ids::Any;
const NONE: Ids = Ids::None;
fn one(id: i64) -> Ids {
    Ids::One(id)
}

#[test]
fn a_scope_that_the_permission_does_not_honour_is_dropped() {
    let to_environment = grant(&[], &[], &[7], &[]);
    let release = ask::ReleaseCreate::INFO;
    assert!(decide(&[to_environment], release, &check(release, one(1), one(2), ANY, ANY)));
    let to_project = grant(&[], &[7], &[], &[]);
    let environment = ask::EnvironmentView::INFO;
    assert!(decide(std::slice::from_ref(&to_project), environment, &check(environment, ANY, ANY, one(3), ANY)));
    let project = ask::ProjectCreate::INFO;
    assert!(decide(&[to_project], project, &check(project, one(9), ANY, ANY, ANY)));
}

#[test]
fn groups_and_projects_are_one_dimension() {
    // Group 1 (A) has projects 1, 2; group 2 (B) has 3, 4; group 3 has 5.
    let group_of = |project: i64| (project + 1) / 2;
    let table: [(&[i64], &[i64], &[i64]); 5] = [
        (&[], &[], &[1, 2, 3, 4, 5]),
        (&[], &[1], &[1]),
        (&[2], &[], &[3, 4]),
        (&[1], &[5], &[1, 2, 5]),
        (&[2], &[4], &[3, 4]),
    ];
    for (groups, projects, allowed) in table {
        for info in [ask::ProjectView::INFO, ask::ProcessEdit::INFO, ask::DeploymentCreate::INFO] {
            let seen: Vec<i64> = (1..=5)
                .filter(|p| {
                    decide(
                        &[grant(groups, projects, &[], &[])],
                        info,
                        &check(info, one(group_of(*p)), one(*p), one(1), ANY),
                    )
                })
                .collect();
            assert_eq!(seen, allowed, "{} with groups {groups:?} and projects {projects:?}", info.name);
        }
    }
}

#[test]
fn grants_are_never_put_together() {
    let grants = [grant(&[], &[1], &[10], &[]), grant(&[], &[2], &[20], &[])];
    let info = ask::DeploymentCreate::INFO;
    for (project, environment, allowed) in [(1, 10, true), (2, 20, true), (1, 20, false), (2, 10, false)] {
        assert_eq!(decide(&grants, info, &check(info, one(1), one(project), one(environment), NONE)), allowed);
    }
    // The published defect: a view limited to one environment must not narrow another grant.
    let grants = [grant(&[], &[], &[2], &[]), grant(&[], &[1], &[1], &[])];
    assert!(decide(&grants, ask::TaskView::INFO, &check(ask::TaskView::INFO, one(1), one(1), one(1), ANY)));
}

#[test]
fn a_role_for_tenants_covers_those_tenants_and_no_untenanted_work() {
    let info = ask::DeploymentCreate::INFO;
    let own = [grant(&[], &[], &[], &[5])];
    for (tenant, allowed) in [(one(5), true), (one(6), false), (NONE, false), (ANY, true)] {
        assert_eq!(decide(&own, info, &check(info, one(1), one(1), one(1), tenant.clone())), allowed, "{tenant:?}");
    }
    for tenant in [one(5), one(6), NONE, ANY] {
        assert!(decide(&[grant(&[], &[], &[], &[])], info, &check(info, one(1), one(1), one(1), tenant)));
    }
    // ProjectView is not explicit: a project has no tenant and is still seen.
    assert!(decide(&own, ask::ProjectView::INFO, &check(ask::ProjectView::INFO, one(1), one(1), ANY, NONE)));
}

#[test]
fn several_values_need_one_for_a_look_and_all_for_a_change() {
    let only = [grant(&[], &[], &[1, 2], &[])];
    let many = |ids: &[i64]| Ids::from_list(ids.to_vec());
    for (ids, look, change) in
        [(vec![1], true, true), (vec![1, 2], true, true), (vec![1, 3], true, false), (vec![3, 4], false, false)]
    {
        let asked = |info: &Info| check(info, ANY, ANY, many(&ids), ANY);
        assert_eq!(decide(&only, ask::MachineView::INFO, &asked(ask::MachineView::INFO)), look, "{ids:?}");
        assert_eq!(decide(&only, ask::MachineEdit::INFO, &asked(ask::MachineEdit::INFO)), change, "{ids:?}");
    }
    let unrestricted = |info: &Info| check(info, ANY, ANY, Ids::Every, ANY);
    assert!(decide(&only, ask::AccountView::INFO, &unrestricted(ask::AccountView::INFO)));
    assert!(!decide(&only, ask::AccountEdit::INFO, &unrestricted(ask::AccountEdit::INFO)));
}

#[test]
fn levels_and_spaces_are_apart_and_a_role_ends() {
    let everywhere = grant(&[], &[], &[], &[]);
    let system = Grant { space: None, ..everywhere.clone() };
    let info = ask::TaskView::INFO;
    let in_space = |space| Check { space, ..check(info, ANY, ANY, ANY, ANY) };
    for (grant, space, allowed) in [
        (&everywhere, Some(1), true),
        (&everywhere, Some(2), false),
        (&everywhere, None, false),
        (&system, None, true),
        (&system, Some(1), false),
    ] {
        assert_eq!(decide(std::slice::from_ref(grant), info, &in_space(space)), allowed);
    }
    for (hours, allowed) in [(1, true), (0, false), (-1, false)] {
        let ending = Grant { until: Some(clock::now().plus(hours * HOUR)), ..everywhere.clone() };
        assert_eq!(decide(&[ending], info, &in_space(Some(1))), allowed);
    }
}

#[test]
fn the_catalogue_is_that_of_the_reference() {
    let table = include_str!("permissions.tsv");
    let mut known = 0;
    for line in table.lines().filter(|line| !line.starts_with('#')).skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let (name, level, scopes, explicit) = (cells[0], cells[1], cells[2], cells[4]);
        let info = ask::named(name).unwrap_or_else(|| panic!("{name} is missing"));
        assert_eq!(info.name, name);
        assert_eq!(
            (info.at_system(), info.in_space()),
            (matches!(level, "system" | "both"), matches!(level, "space" | "both")),
            "{name}"
        );
        let has = |word: &str| scopes.split(',').any(|scope| scope.trim() == word);
        let dimensions: Vec<Dimension> = honoured(info).collect();
        for (word, dimension) in [
            ("projects", Dimension::Project),
            ("environments", Dimension::Environment),
            ("tenants", Dimension::Tenant),
            ("runbooks", Dimension::Runbook),
        ] {
            assert_eq!(dimensions.contains(&dimension), has(word), "{name}: {word}");
        }
        assert_eq!(dimensions.contains(&Dimension::Group), has("projects") || has("project-groups"), "{name}");
        assert_eq!(info.explicit, explicit == "yes", "{name}");
        known += 1;
    }
    // Those of our own: who a team's members are is a right apart from what it may do.
    let ours = |info: &&&ask::Info| {
        matches!(info.held, ask::Held::Server | ask::Held::Appliance) || info.name == "TeamMembersEdit"
    };
    assert_eq!(known + ask::CATALOGUE.iter().filter(ours).count(), ask::COUNT);
}

fn deploy(visitor: &Visitor, project: i64, environment: i64, tenant: Option<i64>) -> bool {
    let space = visitor.locate_space("Spaces-1").unwrap();
    let question = ask::DeploymentCreate {
        project: visitor.locate(&space, &format!("Projects-{project}")).unwrap(),
        environment: visitor.locate(&space, &format!("Environments-{environment}")).unwrap(),
        tenant: tenant.map(|tenant| visitor.locate(&space, &format!("Tenants-{tenant}")).unwrap()),
    };
    let answer = visitor.ask(question.clone());
    assert_eq!(answer.is_ok(), visitor.may(question));
    answer.is_ok()
}

#[test]
fn scoped_roles_hold_through_a_company() {
    let harbour = harbour();
    let group = harbour.group("Web");
    let (shop, billing) = (harbour.project("Shop", Some(group)), harbour.project("Billing", None));
    let (staging, production) = (harbour.environment("Staging"), harbour.environment("Production"));
    let (contoso, fabrikam) = (harbour.tenant("Contoso"), harbour.tenant("Fabrikam"));
    let all = Scope::EVERYWHERE;

    let ben = harbour.person(
        "Ben",
        &[
            ("Deployment Creator", Scope { projects: &[shop], environments: &[staging], ..all }),
            ("Deployment Creator", Scope { projects: &[billing], environments: &[production], ..all }),
        ],
    );
    assert!(deploy(&ben, shop, staging, None) && deploy(&ben, billing, production, Some(contoso)));
    assert!(!deploy(&ben, shop, production, None) && !deploy(&ben, billing, staging, None));

    let cleo =
        harbour.person("Cleo", &[("Deployment Creator", Scope { groups: &[group], tenants: &[contoso], ..all })]);
    assert!(deploy(&cleo, shop, staging, Some(contoso)));
    assert!(
        !deploy(&cleo, shop, staging, Some(fabrikam))
            && !deploy(&cleo, shop, staging, None)
            && !deploy(&cleo, billing, staging, Some(contoso))
    );

    // A project that is moved into the group is reached at once.
    harbour.sql(|c| c.execute("UPDATE projects SET group_id = ?1 WHERE id = ?2", (group, billing)));
    assert!(deploy(&harbour.visit(cleo.user().unwrap().0), billing, staging, Some(contoso)));

    // Two teams with a tenant each: each is asked alone, so both together go through.
    let dora = harbour.user("Dora");
    harbour.team("For Contoso", &[dora], &[("Deployment Creator", Scope { tenants: &[contoso], ..all })]);
    harbour.team("For Fabrikam", &[dora], &[("Deployment Creator", Scope { tenants: &[fabrikam], ..all })]);
    let dora = harbour.visit(dora);
    assert!([contoso, fabrikam].iter().all(|tenant| deploy(&dora, shop, production, Some(*tenant))));
    assert!(!deploy(&dora, shop, production, None));
}

#[test]
fn everyone_gives_to_everyone() {
    let harbour = harbour();
    let staging = harbour.environment("Staging");
    let ben = harbour.user("Ben");
    assert!(harbour.visit(ben).locate_space("Default").is_err());
    harbour.sql(|c| {
        c.execute(
            "INSERT INTO scoped_roles (team_id, role_id, space_id)
             SELECT t.id, r.id, 1 FROM teams t, user_roles r WHERE t.builtin = 'everyone' AND r.name = 'Environment Viewer'",
            [],
        )
    });
    let ben = harbour.visit(ben);
    let space = harbour.space(&ben);
    assert!(
        ben.may(ask::EnvironmentView { environment: ben.locate(&space, &format!("Environments-{staging}")).unwrap() })
    );
}

#[test]
fn a_mixed_role_gives_its_system_part_everywhere_and_nothing_in_other_spaces() {
    let harbour = harbour();
    let other = harbour.another_space("Other");
    harbour.sql(|c| {
        c.execute("INSERT INTO environments (space_id, name, name_key, slug) VALUES (?1, 'Far', 'far', 'far')", [other])
    });
    let shop = harbour.project("Shop", None);
    let scope = Scope { projects: &[shop], ..Scope::EVERYWHERE };
    let ben = harbour.person("Ben", &[("Project Viewer", scope)]);
    harbour.sql(|c| c.execute("UPDATE teams SET space_id = 1 WHERE name = 'Team of Ben'", []));
    let ben = harbour.visit(ben.user().unwrap().0);
    assert!(ben.may(ask::UserView {}) && ben.may(ask::UserRoleView {}) && ben.may(List::<ask::TeamView>::system()));
    assert!(!ben.may(ask::UserEdit {}));
    assert!(matches!(ben.locate_space("Other"), Err(Error::NotFound(_))));
    let far: At<crate::base::ids::Environment> = ben.locate(Within::Company, "Environments-1").unwrap();
    assert!(matches!(ben.ask(ask::EnvironmentView { environment: far }), Err(Error::NotFound(_))));
}

#[test]
fn tasks_are_seen_by_their_project_environment_and_tenant() {
    let harbour = harbour();
    let (shop, billing) = (harbour.project("Shop", None), harbour.project("Billing", None));
    let (staging, production) = (harbour.environment("Staging"), harbour.environment("Production"));
    let (contoso, fabrikam) = (harbour.tenant("Contoso"), harbour.tenant("Fabrikam"));
    let task = |space: Option<i64>, project: Option<i64>, environment: Option<i64>, tenant: Option<i64>| {
        harbour.sql(|c| {
            c.execute(
                "INSERT INTO tasks (space_id, kind, description, project_id, environment_id, tenant_id, state, exclusive_key, queued_at, updated_at, created_by)
                 VALUES (?1, 'Deploy', 'x', ?2, ?3, ?4, 'Queued', '', 0, 0, 'x')",
                (space, project, environment, tenant),
            )?;
            Ok(c.last_insert_rowid())
        })
    };
    let tasks = [
        task(Some(1), Some(shop), Some(staging), Some(contoso)),
        task(Some(1), Some(shop), Some(staging), Some(fabrikam)),
        task(Some(1), Some(shop), Some(production), Some(contoso)),
        task(Some(1), Some(billing), Some(staging), Some(contoso)),
        task(Some(1), None, Some(staging), None),
        task(Some(1), None, Some(production), None),
        task(None, None, None, None),
    ];
    let seen = |visitor: &Visitor| -> Vec<usize> {
        let space = visitor.locate_space("Spaces-1").unwrap();
        let may = |task: &i64| match visitor.locate(&space, &format!("ServerTasks-{task}")) {
            Ok(task) => match visitor.ask(ask::TaskView { task }) {
                Ok(_) => true,
                Err(error) => {
                    assert!(matches!(error, Error::NotFound(_)), "{error}");
                    false
                }
            },
            Err(_) => false,
        };
        tasks.iter().enumerate().filter(|(_, task)| may(task)).map(|(n, _)| n).collect()
    };
    let scoped = |name: &str, scope: Scope<'_>| harbour.person(name, &[("Deployment Creator", scope)]);
    let all = Scope::EVERYWHERE;
    assert_eq!(seen(&scoped("A", all)), [0, 1, 2, 3, 4, 5]);
    assert_eq!(seen(&scoped("B", Scope { environments: &[staging], ..all })), [0, 1, 3, 4]);
    // Limited to tenants means nothing untenanted (findings B3).
    assert_eq!(seen(&scoped("C", Scope { tenants: &[contoso], ..all })), [0, 2, 3]);
    assert_eq!(
        seen(&scoped("D", Scope { projects: &[shop], environments: &[staging], tenants: &[contoso], ..all })),
        [0]
    );
}

#[test]
fn an_administrator_without_a_role_in_a_space_does_not_find_what_is_in_it() {
    let harbour = harbour();
    let staging = harbour.environment("Staging");
    let eve = harbour.person("Eve", &[("System Administrator", Scope::SYSTEM)]);
    let space = harbour.space(&eve);
    let environment: At<crate::base::ids::Environment> =
        eve.locate(&space, &format!("Environments-{staging}")).unwrap();
    assert!(matches!(eve.ask(ask::EnvironmentView { environment: environment.clone() }), Err(Error::NotFound(_))));
    assert!(matches!(eve.ask(ask::EnvironmentEdit { environment }), Err(Error::NotFound(_))));
    assert!(eve.ask(ask::SpaceEdit { space }).is_ok());
}

/// A role limited to runbook 7 (access-rules §3: a dimension like the others): what is about runbooks only for that one.
#[test]
fn a_limit_to_a_runbook_holds_for_what_is_about_runbooks_and_nothing_else() {
    let limited = |runbooks: &[i64]| Grant { runbooks: Limit::to(runbooks), ..grant(&[], &[], &[], &[]) };
    let about = |info: &Info, runbooks: Ids| Check { runbooks, ..check(info, one(1), one(2), one(3), one(4)) };
    let many = |ids: &[i64]| Ids::from_list(ids.to_vec());
    let rows: &[(&[i64], &'static Info, Ids, bool)] = &[
        (&[7], ask::RunbookView::INFO, one(7), true),
        (&[7], ask::RunbookView::INFO, one(8), false),
        (&[7], ask::RunbookView::INFO, ANY, true),
        (&[7], ask::RunbookView::INFO, many(&[7, 8]), true),
        (&[7], ask::RunbookEdit::INFO, one(7), true),
        (&[7], ask::RunbookEdit::INFO, one(8), false),
        // A runbook that is yet to be made is none of those listed.
        (&[7], ask::RunbookEdit::INFO, NONE, false),
        (&[], ask::RunbookEdit::INFO, NONE, true),
        (&[7], ask::RunbookRunCreate::INFO, one(7), true),
        (&[7], ask::RunbookRunCreate::INFO, one(8), false),
        (&[7, 9], ask::RunbookRunCreate::INFO, one(9), true),
        (&[7], ask::RunbookRunCreate::INFO, many(&[7, 8]), false),
        (&[7], ask::RunbookRunView::INFO, one(8), false),
        (&[7], ask::RunbookRunDelete::INFO, one(8), false),
        (&[7], ask::RunbookSnapshotCreate::INFO, one(8), false),
        // Tasks and events: those of its runs; a deployment's are of no runbook; a health check's have none to ask for.
        (&[7], ask::TaskView::INFO, one(7), true),
        (&[7], ask::TaskView::INFO, one(8), false),
        (&[7], ask::TaskView::INFO, NONE, false),
        (&[7], ask::TaskView::INFO, ANY, true),
        (&[7], ask::TaskCancel::INFO, NONE, false),
        (&[7], ask::EventView::INFO, one(8), false),
        (&[7], ask::EventView::INFO, NONE, false),
        // All else drops the limit.
        (&[7], ask::ProjectView::INFO, one(8), true),
        (&[7], ask::EnvironmentView::INFO, NONE, true),
        (&[7], ask::DeploymentCreate::INFO, NONE, true),
        (&[7], ask::ProcessView::INFO, one(8), true),
    ];
    for (runbooks, info, asked, allowed) in rows {
        let answer = decide(&[limited(runbooks)], info, &about(info, asked.clone()));
        assert_eq!(answer, *allowed, "{} limited to {runbooks:?}, asked for {asked:?}", info.name);
    }
    // No mixing: one role for the runbook in staging, another for the other runbook in production.
    let to = |runbook: i64, environment: i64| Grant {
        runbooks: Limit::to(&[runbook]),
        ..grant(&[], &[], &[environment], &[])
    };
    let run = ask::RunbookRunCreate::INFO;
    let at =
        |runbook, environment| Check { runbooks: one(runbook), ..check(run, one(1), one(2), one(environment), NONE) };
    for (runbook, environment, allowed) in [(7, 3, true), (8, 4, true), (7, 4, false), (8, 3, false)] {
        assert_eq!(
            decide(&[to(7, 3), to(8, 4)], run, &at(runbook, environment)),
            allowed,
            "{runbook} in {environment}"
        );
    }
}

//! What a refusal tells, to whom, and that it is noted (`access-rules §7`); places of another company or space.

use crate::{
    base::{
        error::{Denied, Error},
        ids::{Environment, Project, Space, Tenant},
    },
    company::{
        access::{At, Event, New, Visitor, Within, permissions as ask},
        environments,
        testing::{Harbour, Scope, founded, harbour},
    },
};

fn denied<T>(answer: Result<T, Error>) -> Denied {
    match answer {
        Err(Error::Denied(denied)) => *denied,
        Err(other) => panic!("refused otherwise: {other}"),
        Ok(_) => panic!("not refused"),
    }
}
fn is_missing<T>(answer: Result<T, Error>) -> bool {
    matches!(answer, Err(Error::NotFound(_)))
}

fn deploy(visitor: &Visitor, project: i64, environment: i64) -> Result<(), Error> {
    let space = visitor.locate_space("Spaces-1")?;
    let project: At<Project> = visitor.locate(&space, &format!("Projects-{project}"))?;
    let environment: At<Environment> = visitor.locate(&space, &format!("Environments-{environment}"))?;
    visitor.ask(ask::DeploymentCreate { project, environment, tenant: None }).map(drop)
}

#[test]
fn a_refusal_names_what_was_missing_where_and_who_has_it() {
    let harbour = harbour();
    let shop = harbour.project("Shop", None);
    let (staging, production) = (harbour.environment("Staging"), harbour.environment("Production"));
    let view = ("Project Viewer", Scope::EVERYWHERE);
    let creator = ("Deployment Creator", Scope { environments: &[staging], ..Scope::EVERYWHERE });
    let ben = harbour.person("Ben", &[view, creator]);
    deploy(&ben, shop, staging).unwrap();
    let refusal = denied(deploy(&ben, shop, production));
    assert_eq!(refusal.permission, "DeploymentCreate");
    assert_eq!(refusal.place, "project Shop, environment Production");
    assert_eq!(refusal.reason, "your roles that contain it are limited to other environments");
    assert_eq!(
        refusal.context,
        [
            ("SpaceId", "Spaces-1".into()),
            ("ProjectId", format!("Projects-{shop}")),
            ("EnvironmentId", format!("Environments-{production}"))
        ]
    );
    let teams: Vec<String> = refusal.teams.unwrap().into_iter().map(|(_, name)| name).collect();
    assert_eq!(teams, ["Space managers"]);
    assert!(
        harbour.trail().contains(
            &"AccessDenied: Ben was refused DeploymentCreate for project Shop, environment Production".into()
        )
    );
}

#[test]
fn teams_are_named_only_to_who_may_see_teams() {
    let harbour = harbour();
    let shop = harbour.project("Shop", None);
    let (staging, production) = (harbour.environment("Staging"), harbour.environment("Production"));
    harbour.role("Sees", &[("space", "ProjectView"), ("space", "EnvironmentView")]);
    harbour.role("Sees teams outside", &[("system", "TeamView")]);
    harbour.team("Releasers", &[], &[("Deployment Creator", Scope::EVERYWHERE)]);
    let creator = ("Deployment Creator", Scope { environments: &[staging], ..Scope::EVERYWHERE });
    let cleo = harbour.person("Cleo", &[creator, ("Sees", Scope::EVERYWHERE)]);
    assert_eq!(denied(deploy(&cleo, shop, production)).teams, None);
    let dan = harbour.person("Dan", &[creator, ("Sees", Scope::EVERYWHERE), ("Sees teams outside", Scope::SYSTEM)]);
    let teams: Vec<String> =
        denied(deploy(&dan, shop, production)).teams.unwrap().into_iter().map(|(_, name)| name).collect();
    assert_eq!(teams, ["Releasers"], "the space's own team is told to who sees the space's teams");
}

#[test]
fn what_one_may_not_see_is_refused_like_what_is_not_there() {
    let harbour = harbour();
    let (shop, billing) = (harbour.project("Shop", None), harbour.project("Billing", None));
    let staging = harbour.environment("Staging");
    let ben = harbour.person("Ben", &[("Deployment Creator", Scope { projects: &[shop], ..Scope::EVERYWHERE })]);
    deploy(&ben, shop, staging).unwrap();
    let words = |error: Error, id: &str| error.to_string().replace(id, "ID");
    let hidden = deploy(&ben, billing, staging).unwrap_err();
    let missing = deploy(&ben, 999, staging).unwrap_err();
    assert!(matches!((&hidden, &missing), (Error::NotFound(_), Error::NotFound(_))));
    assert_eq!(words(hidden, &format!("Projects-{billing}")), words(missing, "Projects-999"));
    assert!(
        harbour.trail().contains(&"AccessDenied: Ben was refused DeploymentCreate".into()),
        "{:?}",
        harbour.trail()
    );
}

#[test]
fn a_role_that_ended_opens_nothing_any_more() {
    let harbour = harbour();
    let staging = harbour.environment("Staging");
    let over = Some(crate::base::clock::now().plus(-1));
    let ben = harbour.person("Ben", &[("Environment Viewer", Scope { until: over, ..Scope::EVERYWHERE })]);
    assert!(is_missing(ben.locate_space("Default")));
    let environment: At<Environment> = ben.locate(Within::Company, &format!("Environments-{staging}")).unwrap();
    assert!(is_missing(ben.ask(ask::EnvironmentView { environment })));
}

fn furnished(slug: &str) -> Harbour {
    let company = founded(slug, slug);
    company.environment("Staging");
    company.project("Shop", None);
    company.tenant("Contoso");
    company
}

#[test]
fn a_place_of_another_company_opens_nothing_here() {
    let (here, there) = (furnished("harbour"), furnished("meridian"));
    let (ada, dora) = (here.ada(), there.ada());
    let foreign_space = dora.locate_space("Default").unwrap();
    let environment: At<Environment> = dora.locate(&foreign_space, "staging").unwrap();
    let project: At<Project> = dora.locate(&foreign_space, "shop").unwrap();
    let tenant: At<Tenant> = dora.locate(&foreign_space, "contoso").unwrap();
    assert!(is_missing(ada.ask(ask::EnvironmentView { environment: environment.clone() })));
    assert!(is_missing(ada.ask(ask::EnvironmentEdit { environment: environment.clone() })));
    assert!(is_missing(ada.ask(ask::EnvironmentCreate { space: New::of(&foreign_space) })), "nor its space");
    assert!(is_missing(ada.ask(ask::List::<ask::EnvironmentView>::of(&foreign_space))));
    assert!(is_missing(ada.ask(ask::FeedView { space: foreign_space })));

    let space = ada.locate_space("Default").unwrap();
    let own_environment: At<Environment> = ada.locate(&space, "staging").unwrap();
    let own_project: At<Project> = ada.locate(&space, "shop").unwrap();
    let mixed = |project: &At<Project>, environment: &At<Environment>, tenant: Option<At<Tenant>>| {
        ask::DeploymentCreate { project: project.clone(), environment: environment.clone(), tenant }
    };
    assert!(ada.may(mixed(&own_project, &own_environment, None)));
    for question in [
        mixed(&project, &own_environment, None),
        mixed(&own_project, &environment, None),
        mixed(&own_project, &own_environment, Some(tenant)),
    ] {
        assert!(!ada.may(question.clone()));
        assert!(is_missing(ada.ask(question)));
    }
}

#[test]
fn places_of_two_spaces_do_not_go_together() {
    let harbour = furnished("harbour");
    let other = harbour.another_space("Other");
    harbour.sql(|c| {
        c.execute("INSERT INTO environments (space_id, name, name_key, slug) VALUES (?1, 'Far', 'far', 'far')", [other])
    });
    harbour.team("Both", &[1], &[("Space Manager", Scope { space: Some(other), ..Scope::EVERYWHERE })]);
    let ada = harbour.ada();
    let (near, far): (At<Space>, At<Space>) =
        (ada.locate_space("Default").unwrap(), ada.locate_space("Other").unwrap());
    let project: At<Project> = ada.locate(&near, "shop").unwrap();
    let environment: At<Environment> = ada.locate(&far, "far").unwrap();
    assert!(is_missing(ada.locate::<Environment>(&near, "far")));
    assert!(is_missing(ada.ask(ask::DeploymentCreate { project, environment: environment.clone(), tenant: None })));
    assert!(ada.may(ask::EnvironmentView { environment: environment.clone() }));
    let near_one: At<Environment> = ada.locate(&near, "staging").unwrap();
    assert!(is_missing(
        ada.ask(ask::AccountCreate { space: near.clone(), environments: vec![near_one.clone(), environment.clone()] })
    ));
    assert!(is_missing(ada.ask(ask::AccountCreate { space: near, environments: vec![environment] })));
}

#[test]
fn a_change_that_is_not_told_is_undone() {
    let harbour = furnished("harbour");
    let ada = harbour.ada();
    let space = harbour.space(&ada);
    let granted = ada.ask(ask::EnvironmentEdit { environment: ada.locate(&space, "staging").unwrap() }).unwrap();
    let quiet = granted.write(|tx| {
        let before = tx.changes();
        tx.unchanged(before, ())
    });
    quiet.unwrap();
    let hidden = granted.write(|tx| {
        let before = tx.changes();
        tx.run("UPDATE environments SET name = 'Hidden'", [])?;
        tx.unchanged(before, ())
    });
    assert!(matches!(hidden, Err(Error::Internal(_))));
    let failed = granted.write(|tx| {
        tx.run("UPDATE environments SET name = 'Half'", [])?;
        tx.also(Event::new("Modified").say("Half"))?;
        Err::<crate::company::access::Recorded<()>, _>(Error::Conflict("no".into()))
    });
    assert!(failed.is_err());
    let environment = ada.ask(ask::EnvironmentView { environment: ada.locate(&space, "staging").unwrap() }).unwrap();
    assert_eq!(environments::show(&environment).unwrap().name, "Staging");
    assert!(!harbour.trail().iter().any(|line| line.contains("Half")));
}

#[test]
fn grants_bite_on_the_next_request_also_when_another_process_changed_them() {
    let harbour = furnished("harbour");
    let ben = harbour.person("Ben", &[("Environment Viewer", Scope::EVERYWHERE)]);
    let user = ben.user().unwrap().0;
    let sees = |visitor: &Visitor| {
        let environment: At<Environment> = visitor.locate(Within::Company, "Environments-1").unwrap();
        visitor.may(ask::EnvironmentView { environment })
    };
    assert!(sees(&ben));
    // The same file, opened a second time as another process would.
    let slug = harbour.company.slug().to_owned();
    let other =
        crate::company::Company::open(&harbour.folder.path().join(&slug), &slug, |_| Ok(harbour.key.clone())).unwrap();
    crate::company::access::testing::sql(&other, |c| c.execute("DELETE FROM team_members WHERE user_id = ?1", [user]));
    assert!(!sees(&harbour.visit(user)));
    drop(ben);
}

#[test]
fn the_servers_own_actors_have_their_few_rights() {
    let harbour = furnished("harbour");
    let (engine, operator) = (harbour.engine(), harbour.operator());
    assert!(engine.may(ask::QueueKeep {}) && !engine.may(ask::UserEdit {}) && !engine.may(ask::FileKeep {}));
    assert!(operator.may(ask::FileKeep {}) && operator.may(ask::UserEdit {}) && !operator.may(ask::QueueKeep {}));
    let environment: At<Environment> = operator.locate(Within::Company, "Environments-1").unwrap();
    assert!(
        !operator.may(ask::EnvironmentView { environment: environment.clone() })
            && !engine.may(ask::EnvironmentView { environment })
    );
    let ada = harbour.ada();
    assert!(!ada.may(ask::FileKeep {}) && !ada.may(ask::QueueKeep {}));
}

#[test]
fn the_reason_is_that_of_the_grant_that_came_nearest() {
    let harbour = harbour();
    let (shop, billing) = (harbour.project("Shop", None), harbour.project("Billing", None));
    let (staging, production) = (harbour.environment("Staging"), harbour.environment("Production"));
    let near = ("Deployment Creator", Scope { projects: &[shop], environments: &[staging], ..Scope::EVERYWHERE });
    let far = ("Deployment Creator", Scope { projects: &[billing], ..Scope::EVERYWHERE });
    let view = ("Project Viewer", Scope::EVERYWHERE);
    for (name, roles) in [("Ben", [view, near, far]), ("Cleo", [view, far, near])] {
        let somebody = harbour.person(name, &roles);
        let refusal = denied(deploy(&somebody, shop, production));
        assert_eq!(refusal.reason, "your roles that contain it are limited to other environments", "{name}");
    }
}

#[test]
fn each_dimension_that_refuses_is_named() {
    use crate::company::access::{
        permissions::Permission,
        policy::{Check, Dimension, Grant, Grants, Ids, Limit, Reason},
    };
    let info = ask::RunbookRunCreate::INFO;
    let open = super::rules::grant(&[], &[], &[], &[]);
    let only = || Limit::to(&[1]);
    let cases: [(Grant, Reason); 6] = [
        (Grant { groups: only(), ..open.clone() }, Reason::Outside(Dimension::Project)),
        (Grant { projects: only(), ..open.clone() }, Reason::Outside(Dimension::Project)),
        (Grant { environments: only(), ..open.clone() }, Reason::Outside(Dimension::Environment)),
        (Grant { tenants: only(), ..open.clone() }, Reason::Outside(Dimension::Tenant)),
        (Grant { runbooks: only(), ..open.clone() }, Reason::Outside(Dimension::Runbook)),
        (Grant { until: Some(crate::base::clock::Moment(1)), ..open }, Reason::Ended),
    ];
    let asked = Check {
        space: Some(1),
        groups: Ids::One(2),
        projects: Ids::One(2),
        environments: Ids::One(2),
        tenants: Ids::One(2),
        runbooks: Ids::One(2),
        ..Check::new(true)
    };
    for (grant, wanted) in cases {
        let told = format!("{grant:?}");
        let grants = Grants::new(vec![(grant, vec![info.key])]);
        let reason = grants.reason(info, &asked, crate::base::clock::now);
        assert_eq!(reason, wanted, "{told}");
        assert!(!reason.words().is_empty());
    }
}

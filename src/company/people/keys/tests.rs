use super::{narrowed::Narrow, *};
use crate::{
    base::ids::{Environment, Project, Tenant},
    company::{
        access::{
            At, From, Visitor, Within, admit,
            permissions::{self as ask, KeysKeep, List},
        },
        testing::{Harbour, Scope, harbour},
    },
};

fn come(harbour: &Harbour, key: &str) -> Option<Visitor> {
    admit::api_key(&harbour.company, key, &From { address: "192.0.2.7".into(), ..From::default() }).unwrap()
}

/// Ben: deploys everything of the default space, looks after people; nothing in the other space.
fn ben(harbour: &Harbour) -> i64 {
    harbour.role("Helper", &[("system", "UserView"), ("system", "UserEdit"), ("system", "TeamView")]);
    let roles =
        [("Project Deployer", Scope::EVERYWHERE), ("Space Manager", Scope::EVERYWHERE), ("Helper", Scope::SYSTEM)];
    harbour.person("Ben", &roles).user().unwrap().0
}

fn key_of(harbour: &Harbour, user: i64, narrow: Narrow) -> Visitor {
    let visitor = harbour.visit(user);
    let fields = Fields { narrow, ..Fields::of("test", None) };
    let (key, _) = create_own(&visitor.myself().unwrap(), &fields).unwrap();
    come(harbour, &key).unwrap()
}

#[test]
fn what_a_narrowed_key_may() {
    let harbour = harbour();
    let (shop, blog) = (harbour.project("Shop", None), harbour.project("Blog", Some(harbour.group("Sites"))));
    let (staging, production) = (harbour.environment("Staging"), harbour.environment("Production"));
    let (contoso, fabrikam) = (harbour.tenant("Contoso"), harbour.tenant("Fabrikam"));
    harbour.another_space("Finance");
    let ben = ben(&harbour);
    // Where: Shop to Staging, Blog to Staging, Shop to Production, Shop to Staging for Contoso, for Fabrikam; then: see
    // people, change Production, see teams.
    let may = |visitor: &Visitor| -> String {
        let space = visitor.locate_space("Spaces-1").unwrap();
        let deploy = |project: i64, environment: i64, tenant: Option<i64>| {
            let project: At<Project> = harbour.ada().locate(&space, &format!("Projects-{project}")).unwrap();
            let environment: At<Environment> = visitor.locate(&space, &format!("Environments-{environment}")).unwrap();
            let tenant = tenant.map(|id| visitor.locate::<Tenant>(&space, &format!("Tenants-{id}")).unwrap());
            visitor.may(ask::DeploymentCreate { project, environment, tenant })
        };
        let changes = visitor.locate::<Environment>(&space, &format!("Environments-{production}")).unwrap();
        let answers = [
            deploy(shop, staging, None),
            deploy(blog, staging, None),
            deploy(shop, production, None),
            deploy(shop, staging, Some(contoso)),
            deploy(shop, staging, Some(fabrikam)),
            visitor.may(ask::UserView {}),
            visitor.may(ask::EnvironmentEdit { environment: changes }),
            visitor.may(List::<ask::TeamView>::system()),
        ];
        answers.iter().map(|yes| if *yes { '+' } else { '-' }).collect()
    };
    let permissions = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let none = Narrow::default;
    for (narrow, wanted) in [
        (none(), "++++++++"),
        (Narrow { permissions: permissions(&["DeploymentCreate"]), ..none() }, "+++++---"),
        (Narrow { permissions: permissions(&["userview", "DeploymentView"]), ..none() }, "-----+--"),
        (Narrow { permissions: permissions(&["ProjectView"]), ..none() }, "--------"),
        (Narrow { spaces: vec![Id::new(1)], ..none() }, "+++++-+-"),
        (Narrow { projects: vec![Id::new(shop)], ..none() }, "+-+++-+-"),
        (Narrow { groups: vec![Id::new(2)], ..none() }, "-+----+-"),
        (Narrow { groups: vec![Id::new(2)], projects: vec![Id::new(shop)], ..none() }, "+++++-+-"),
        (Narrow { environments: vec![Id::new(staging)], ..none() }, "++-++---"),
        (Narrow { tenants: vec![Id::new(contoso)], ..none() }, "---+--+-"),
        (
            Narrow {
                permissions: permissions(&["DeploymentCreate", "UserView"]),
                projects: vec![Id::new(shop)],
                environments: vec![Id::new(staging)],
                tenants: vec![Id::new(fabrikam)],
                ..none()
            },
            "----+---",
        ),
    ] {
        let visitor = key_of(&harbour, ben, narrow.clone());
        assert_eq!(may(&visitor), wanted, "{narrow:?}");
    }

    // What the key leaves is asked for together with what the owner has, now and later.
    let key = key_of(&harbour, ben, Narrow { permissions: permissions(&["SpaceCreate", "EnvironmentView"]), ..none() });
    assert!(!key.may(ask::SpaceCreate {}), "Ben cannot");
    let space = key.locate_space("Spaces-1").unwrap();
    assert!(key.may_somewhere::<ask::EnvironmentView>(&space) && !key.may_somewhere::<ask::ProjectView>(&space));
    assert_eq!(key.ask_anywhere::<ask::EnvironmentView>(None).unwrap().len(), 1);
    assert!(key.ask_anywhere::<ask::TeamView>(None).is_err());
    let denied = match key.ask(List::<ask::ProjectView>::of(&space)) {
        Err(Error::Denied(denied)) => denied,
        _ => panic!("not refused"),
    };
    assert_eq!(
        (denied.reason.as_str(), denied.teams),
        ("you may, but the API key you came with is narrowed and leaves it out", None)
    );
    assert!(matches!(key.locate_space("Finance"), Err(Error::NotFound(_))));
}

#[test]
fn a_narrowed_key_gets_nothing_more_from_its_owner() {
    let harbour = harbour();
    let ben = ben(&harbour);
    let robot = harbour.user("Robot");
    harbour.sql(|c| c.execute("UPDATE users SET is_service = 1 WHERE id = ?1", [robot]));
    let narrow = Narrow { permissions: vec!["UserEdit".into(), "UserView".into()], ..Narrow::default() };
    let key = key_of(&harbour, ben, narrow);
    let mine = key.myself().unwrap();
    assert!(matches!(create_own(&mine, &Fields::of("more", None)), Err(Error::Conflict(_))));
    let id = list_own(&mine).unwrap()[0].id;
    assert!(matches!(revoke_own(&mine, id), Err(Error::Denied(_))));
    assert!(matches!(super::super::own::rename(&mine, "Somebody"), Err(Error::Denied(_))));
    assert!(matches!(super::super::own::end_other_sessions(&mine), Err(Error::Denied(_))));
    let at: At<Owner> = key.locate(Within::Company, &format!("Users-{robot}")).unwrap();
    let editing = key.ask(UserEdit {}).unwrap();
    assert!(matches!(create(&editing, &at, &Fields::of("round the corner", None)), Err(Error::Conflict(_))));
    let named =
        Fields { narrow: Narrow { permissions: vec!["Nothing".into()], ..Narrow::default() }, ..Fields::of("x", None) };
    let visitor = harbour.visit(ben);
    assert!(
        matches!(create_own(&visitor.myself().unwrap(), &named), Err(Error::Invalid(wrong)) if wrong.of("Permissions").is_some())
    );
    // Things of a space that the maker does not enter are not there.
    let finance = harbour.another_space("Finance");
    let unseen =
        Fields { narrow: Narrow { spaces: vec![Id::new(finance)], ..Narrow::default() }, ..Fields::of("x", None) };
    let visitor = harbour.visit(ben);
    assert!(
        matches!(create_own(&visitor.myself().unwrap(), &unseen), Err(Error::Invalid(wrong)) if wrong.of("SpaceIds").is_some())
    );
}

#[test]
fn a_limit_stays_when_its_thing_is_gone() {
    let harbour = harbour();
    let staging = harbour.environment("Staging");
    let production = harbour.environment("Production");
    let ben = ben(&harbour);
    let visitor = harbour.visit(ben);
    let narrow = Narrow { environments: vec![Id::new(staging)], ..Narrow::default() };
    let (key, made) = create_own(&visitor.myself().unwrap(), &Fields { narrow, ..Fields::of("test", None) }).unwrap();
    let said = narrowed::words(&visitor.myself().unwrap(), &made.narrow).unwrap();
    assert_eq!(said, ["in Default", "environment Staging"]);
    harbour.sql(|c| c.execute("DELETE FROM environments WHERE id = ?1", [staging]));
    let program = come(&harbour, &key).unwrap();
    let space = program.locate_space("Spaces-1").unwrap();
    let environment: At<Environment> = program.locate(&space, &format!("Environments-{production}")).unwrap();
    assert!(!program.may(ask::EnvironmentView { environment }));
    let visitor = harbour.visit(ben);
    let said = narrowed::words(&visitor.myself().unwrap(), &made.narrow).unwrap();
    assert_eq!(said, ["in Default", "environment 1 that you cannot see or that are gone"]);
}

#[test]
fn people_have_no_keys_where_the_company_says_so() {
    let harbour = harbour();
    let ben = ben(&harbour);
    let visitor = harbour.visit(ben);
    let (key, _) = create_own(&visitor.myself().unwrap(), &Fields::of("test", None)).unwrap();
    let ada = harbour.ada();
    let robot = super::super::create_service_account(
        &ada.ask(UserEdit {}).unwrap(),
        &super::super::Fields { display_name: "Robot".into(), ..super::super::Fields::default() },
    );
    let at: At<Owner> = ada.locate(Within::Company, &robot.unwrap().id.to_string()).unwrap();
    let (robots, _) = create(&ada.ask(UserEdit {}).unwrap(), &at, &Fields::of("test", None)).unwrap();
    assert!(come(&harbour, &key).is_some() && come(&harbour, &robots).is_some());
    harbour.sql(|c| {
        c.execute("UPDATE settings SET people_may_have_keys = 0, key_days_max = 30, key_days_usual = 180", [])
    });
    assert!(come(&harbour, &key).is_none() && come(&harbour, &robots).is_some());
    let visitor = harbour.visit(ben);
    assert!(matches!(create_own(&visitor.myself().unwrap(), &Fields::of("x", None)), Err(Error::Conflict(_))));
    let ada = harbour.ada();
    let editing = ada.ask(UserEdit {}).unwrap();
    let (_, made) = create(&editing, &at, &Fields::of("x", None)).unwrap();
    assert!(made.expires_at <= clock::now().plus(30 * DAY), "the usual life is not longer than the longest");
    let longer = Fields::of("x", None).living(60).unwrap();
    assert!(matches!(create(&editing, &at, &longer), Err(Error::Invalid(wrong)) if wrong.of("Expires").is_some()));
    harbour.sql(|c| c.execute("UPDATE settings SET people_may_have_keys = 1", []));
    assert!(come(&harbour, &key).is_some(), "and they work again when it says otherwise");
}

#[test]
fn networks_are_written_in_one_way() {
    let typed = ["192.0.2.7", " 192.0.2.99/24 ", "", "192.0.2.0/24", "::ffff:192.0.2.8", "2001:DB8::1/32"];
    assert_eq!(
        networks(&typed.map(str::to_owned)).unwrap(),
        ["192.0.2.7/32", "192.0.2.0/24", "192.0.2.8/32", "2001:db8::/32"]
    );
    for wrong in ["localhost", "192.0.2.0/33", "1.2.3", "*"] {
        assert!(networks(&[wrong.to_owned()]).is_err(), "{wrong}");
    }
    let many: Vec<String> = (0..60).map(|n| format!("192.0.2.{n}")).collect();
    assert!(networks(&many).is_err());
}

#[test]
fn that_a_key_ends_is_told_before_and_when_it_ends() {
    let harbour = harbour();
    let ada = harbour.ada();
    let make = |purpose: &str, days: i64| {
        let fields = Fields::of(purpose, None).living(days).unwrap();
        create_own(&ada.myself().unwrap(), &fields).unwrap().1.id.0
    };
    let long = make("Long", 100);
    let short = make("Short", 5);
    let tell = || {
        let engine = harbour.engine();
        ending::tell(&engine.ask(KeysKeep {}).unwrap()).unwrap();
        let told = harbour.trail().into_iter().filter(|line| line.starts_with("ApiKeyExp"));
        told.map(|line| line.replace(" of Ada", "")).collect::<Vec<_>>()
    };
    assert!(tell().is_empty(), "a short life is not told of when it begins");
    let set = |id: i64, days: i64| {
        let end = clock::now().plus(days * DAY + 1000);
        harbour.sql(|c| c.execute("UPDATE api_keys SET expires_at = ?2 WHERE id = ?1", (id, end)))
    };
    let mut wanted: Vec<&str> = Vec::new();
    for (days, line) in [
        (21, ""),
        (19, "ApiKeyExpiry20Days: The API key Long ends within 20 days"),
        (15, ""),
        (9, "ApiKeyExpiry10Days: The API key Long ends within 10 days"),
        (1, ""),
        (-1, "ApiKeyExpired: The API key Long has ended"),
        (-9, ""),
    ] {
        set(long, days);
        wanted.extend(Some(line).filter(|line| !line.is_empty()));
        assert_eq!(tell(), wanted, "{days} days before");
        assert_eq!(tell(), wanted, "and once");
    }
    // After a long standstill only the last is told.
    set(short, -1);
    wanted.push("ApiKeyExpired: The API key Short has ended");
    assert_eq!(tell(), wanted);
}

#[test]
fn a_key_of_a_service_account_is_made_by_who_holds_what_it_may() {
    let harbour = harbour();
    let robot = harbour.user("Robot");
    harbour.sql(|c| c.execute("UPDATE users SET is_service = 1 WHERE id = ?1", [robot]));
    harbour.team("Deployers", &[robot], &[("Deployment Creator", crate::company::testing::Scope::EVERYWHERE)]);
    let rights = [("system", "UserEdit"), ("system", "UserView"), ("system", "UserRoleView"), ("space", "ProjectView")];
    harbour.role("Looks after people", &rights);
    let helga = harbour.person("Helga", &[("Looks after people", crate::company::testing::Scope::EVERYWHERE)]);
    let at = |visitor: &Visitor| visitor.locate(Within::Company, &format!("Users-{robot}")).unwrap();
    let make = |visitor: &Visitor, fields: &Fields| create(&visitor.ask(UserEdit {}).unwrap(), &at(visitor), fields);
    let refused = make(&helga, &Fields::of("CI", None));
    assert!(matches!(refused, Err(Error::Denied(denied)) if denied.permission == "DeploymentCreate"));
    // One that is narrowed to what she holds herself is hers to make.
    let narrow = Narrow { permissions: vec!["ProjectView".into()], ..Narrow::default() };
    make(&helga, &Fields { narrow, ..Fields::of("look", None) }).unwrap();
    make(&harbour.ada(), &Fields::of("CI", None)).unwrap();
}

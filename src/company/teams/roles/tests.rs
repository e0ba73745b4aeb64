use super::super::model::RoleFields;
use super::*;
use crate::{
    base::{clock::DAY, error::Error},
    company::{
        access::{Visitor, Within, permissions::UserRoleEdit},
        testing::{Harbour, Scope as To, harbour},
    },
};

fn at(visitor: &Visitor, name: &str) -> At<Kind> {
    visitor.locate(Within::Company, name).unwrap()
}
fn editing(visitor: &Visitor) -> Granted<'_, UserRoleEdit> {
    visitor.ask(UserRoleEdit {}).unwrap()
}
fn fields(name: &str, system: &[&str], space: &[&str]) -> RoleFields {
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    RoleFields { name: name.into(), description: String::new(), system: list(system), space: list(space) }
}
fn shown(visitor: &Visitor, name: &str) -> UserRole {
    show_role(&visitor.ask(UserRoleView {}).unwrap(), &at(visitor, name)).unwrap()
}
fn wrong<T>(answer: Result<T>) -> String {
    match answer {
        Err(Error::Invalid(fields)) => fields.iter().map(|(field, _)| field.to_owned()).collect::<Vec<_>>().join(" "),
        Err(Error::Denied(denied)) => format!("denied {}", denied.permission),
        Err(other) => other.to_string(),
        Ok(_) => "fine".into(),
    }
}
fn with_role(harbour: &Harbour, name: &str, permissions: &[(&str, &str)], scope: To<'_>) -> i64 {
    let role = format!("Role of {name}");
    harbour.role(&role, permissions);
    harbour.person(name, &[(&role, scope)]).user().unwrap().0
}

#[test]
fn a_role_is_made_copied_changed_and_deleted() {
    let harbour = harbour();
    let ada = harbour.ada();
    let made = create_role(&editing(&ada), &fields(" Deployer ", &["userview"], &["DeploymentCreate", "ProjectView"]));
    let made = made.unwrap();
    assert_eq!((made.name.as_str(), made.builtin.as_deref(), made.teams), ("Deployer", None, 0));
    assert_eq!(made.permissions.system[0].name, "UserView");
    let copy = clone_role(&editing(&ada), &at(&ada, "Deployer"), "Second").unwrap();
    assert!(copy.permissions.is_same(&made.permissions));
    let changed = edit_role(&editing(&ada), &at(&ada, "Second"), &fields("Third", &[], &["ProjectView"])).unwrap();
    assert_eq!((changed.name.as_str(), changed.permissions.space.len()), ("Third", 1));
    delete_role(&editing(&ada), &at(&ada, "Third")).unwrap();
    assert!(ada.locate::<Kind>(Within::Company, "Third").is_err());
    let told: Vec<String> = harbour.trail().into_iter().filter(|line| line.contains("User role")).collect();
    assert_eq!(
        told,
        [
            "Created: User role Deployer was created",
            "Created: User role Second was created from Deployer",
            "Modified: User role Third was changed",
            "Deleted: User role Third was deleted",
        ]
    );
}

#[test]
fn what_was_typed_wrong_is_told_beside_its_field() {
    let harbour = harbour();
    let ada = harbour.ada();
    for (given, field) in [
        (fields("", &[], &[]), "Name"),
        (fields("project lead", &[], &[]), "Name"),
        (fields("A", &["Nothing"], &[]), "GrantedSystemPermissions"),
        (fields("A", &["ProjectView"], &[]), "GrantedSystemPermissions"),
        (fields("A", &[], &["UserView"]), "GrantedSpacePermissions"),
        (fields("A", &["FileKeep"], &[]), "GrantedSystemPermissions"),
        (fields("A", &["CompanyView"], &[]), "GrantedSystemPermissions"),
        (RoleFields { description: "x".repeat(2001), ..fields("A", &[], &[]) }, "Description"),
    ] {
        assert_eq!(wrong(create_role(&editing(&ada), &given)), field, "{given:?}");
    }
    let lead = at(&ada, "Project Lead");
    assert_eq!(wrong(edit_role(&editing(&ada), &lead, &fields("Boss", &[], &[]))), "Name");
    assert!(wrong(delete_role(&editing(&ada), &lead)).contains("built in"));
    harbour.team("Crew", &[], &[("Project Lead", To::EVERYWHERE)]);
    create_role(&editing(&ada), &fields("Own", &[], &["FeedView"])).unwrap();
    harbour.team("Others", &[], &[("Own", To::EVERYWHERE)]);
    let ada = harbour.ada();
    assert!(wrong(delete_role(&editing(&ada), &at(&ada, "Own"))).contains("A team holds Own"));
    assert!(wrong(reset_role(&editing(&ada), &at(&ada, "Own"))).contains("no default"));
}

#[test]
fn a_built_in_role_goes_back_to_its_default() {
    let harbour = harbour();
    let ada = harbour.ada();
    let before = shown(&ada, "Project Lead");
    assert!(!before.differs_from_default());
    edit_role(&editing(&ada), &at(&ada, "Project Lead"), &fields("Project Lead", &[], &["FeedView"])).unwrap();
    assert!(shown(&ada, "Project Lead").differs_from_default());
    let back = reset_role(&editing(&ada), &at(&ada, "Project Lead")).unwrap();
    assert!(back.permissions.is_same(&before.permissions) && !back.differs_from_default());
    // The role of full administration stays one.
    let bare = fields("System Administrator", &["UserView"], &[]);
    let answer = edit_role(&editing(&ada), &at(&ada, "System Administrator"), &bare);
    assert_eq!(wrong(answer), "GrantedSystemPermissions");
}

#[test]
fn a_role_is_widened_only_by_who_holds_that_wherever_it_reaches() {
    let harbour = harbour();
    let (shop, other) = (harbour.project("Shop", None), harbour.project("Billing", None));
    create_role(&editing(&harbour.ada()), &fields("Crew", &[], &["FeedView"])).unwrap();
    harbour.team("Crew", &[], &[("Crew", To { projects: &[shop], ..To::EVERYWHERE })]);
    let rights =
        [("system", "UserRoleEdit"), ("system", "UserRoleView"), ("space", "ProcessEdit"), ("space", "FeedView")];
    let everywhere = with_role(&harbour, "Ben", &rights, To::EVERYWHERE);
    let here = with_role(&harbour, "Cleo", &rights, To { projects: &[shop], ..To::EVERYWHERE });
    let elsewhere = with_role(&harbour, "Dan", &rights, To { projects: &[other], ..To::EVERYWHERE });
    let soon = To { until: Some(crate::base::clock::now().plus(DAY)), ..To::EVERYWHERE };
    let briefly = with_role(&harbour, "Eve", &rights, soon);
    for (who, space, answer) in [
        (elsewhere, &["FeedView", "ProcessEdit"][..], "denied ProcessEdit"),
        (briefly, &["FeedView", "ProcessEdit"], "denied ProcessEdit"),
        (everywhere, &["FeedView", "ReleaseCreate"], "denied ReleaseCreate"),
        (here, &["FeedView", "ProcessEdit"], "fine"),
        (elsewhere, &["FeedView"], "fine"),
        (everywhere, &["ProcessEdit"], "fine"),
        // What nobody has yet may hold anything; whoever gives it is asked then.
        (elsewhere, &[], "fine"),
    ] {
        let who = &harbour.visit(who);
        let answered = wrong(edit_role(&editing(who), &at(who, "Crew"), &fields("Crew", &[], space)));
        assert_eq!(answered, answer, "{} {space:?}", who.name());
    }
    assert_eq!(
        wrong(create_role(&editing(&harbour.visit(elsewhere)), &fields("All", &["AdministerSystem"], &[]))),
        "fine"
    );
    // A role of full administration that teams hold is left alone.
    let here = harbour.visit(here);
    let lesser = edit_role(&editing(&here), &at(&here, "System Administrator"), &fields("X", &[], &[]));
    assert_eq!(wrong(lesser), "Name");
    let told = RoleFields::of(&shown(&here, "System Administrator"), "System Administrator");
    assert_eq!(wrong(edit_role(&editing(&here), &at(&here, "System Administrator"), &told)), "denied AdministerSystem");
}

#[test]
fn what_a_later_version_brings_joins_no_role_and_is_offered() {
    let harbour = harbour();
    let ada = harbour.ada();
    assert!(list_roles(&ada.ask(UserRoleView {}).unwrap()).unwrap().iter().all(|role| role.offered.is_empty()));
    // The file of a version that knew neither of these two.
    harbour.sql(|c| {
        c.execute_batch(
            "DELETE FROM known_permissions WHERE name IN ('RunbookEdit', 'UserInvite');
             DELETE FROM role_permissions WHERE permission IN ('RunbookEdit', 'UserInvite');",
        )
    });
    let ada = harbour.ada();
    let offered = |visitor: &Visitor, role: &str| -> Vec<&'static str> {
        shown(visitor, role).offered.iter().map(|info| info.name).collect()
    };
    assert_eq!(offered(&ada, "Project Lead"), ["RunbookEdit", "UserInvite"]);
    assert!(!shown(&ada, "Space Manager").permissions.has("RunbookEdit"), "it does not join by itself");
    // Taking one decides on both; for other roles they are offered still, and for a copy as for what it was copied from.
    let mut taken = RoleFields::of(&shown(&ada, "Space Manager"), "Space Manager");
    taken.space.push("RunbookEdit".into());
    edit_role(&editing(&ada), &at(&ada, "Space Manager"), &taken).unwrap();
    assert!(offered(&ada, "Space Manager").is_empty() && shown(&ada, "Space Manager").permissions.has("RunbookEdit"));
    assert_eq!(offered(&ada, "Project Lead"), ["RunbookEdit", "UserInvite"]);
    let copy = clone_role(&editing(&ada), &at(&ada, "Project Lead"), "Copy").unwrap();
    assert_eq!(copy.offered.len(), 2);
    // Saving it as it is says no to them.
    let same = RoleFields::of(&shown(&ada, "Project Lead"), "Project Lead");
    edit_role(&editing(&ada), &at(&ada, "Project Lead"), &same).unwrap();
    assert!(offered(&ada, "Project Lead").is_empty());
    assert!(create_role(&editing(&ada), &fields("New", &[], &[])).unwrap().offered.is_empty());
    let events = harbour.trail().len();
    edit_role(&editing(&ada), &at(&ada, "Project Lead"), &same).unwrap();
    assert_eq!(harbour.trail().len(), events, "what changes nothing tells nothing");
}

#[test]
fn where_a_role_is_held_is_told_as_far_as_one_sees() {
    let harbour = harbour();
    let (ben, shop) = (harbour.user("Ben"), harbour.project("Shop", None));
    harbour.team("Crew", &[ben, 1], &[("Project Lead", To { projects: &[shop], ..To::EVERYWHERE })]);
    let ada = harbour.ada();
    let used = uses_of(&ada.ask(UserRoleView {}).unwrap(), &at(&ada, "Project Lead")).unwrap();
    assert_eq!((used.places.len(), used.hidden, used.people, used.everyone), (1, 0, 2, false));
    assert_eq!(used.places[0].1.scope.projects[0].name.as_deref(), Some("Shop"));
    let outside = with_role(&harbour, "Cleo", &[("system", "UserRoleView")], To::SYSTEM);
    let outside = harbour.visit(outside);
    let used = uses_of(&outside.ask(UserRoleView {}).unwrap(), &at(&outside, "Project Lead")).unwrap();
    assert_eq!((used.places.len(), used.hidden, used.people), (0, 1, 2));
    let everyone: i64 =
        harbour.sql(|c| c.query_row("SELECT id FROM teams WHERE builtin = 'everyone'", [], |r| r.get(0)));
    harbour.sql(|c| {
        c.execute("INSERT INTO scoped_roles (team_id, role_id, space_id) SELECT ?1, id, 1 FROM user_roles WHERE builtin = 'projectlead'", [everyone])
    });
    let ada = harbour.ada();
    let used = uses_of(&ada.ask(UserRoleView {}).unwrap(), &at(&ada, "Project Lead")).unwrap();
    assert!(used.everyone && used.people == 3);
}

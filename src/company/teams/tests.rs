use super::*;
use crate::{
    base::{
        clock::{self, DAY, HOUR},
        ids::{ScopedUserRole, UserRole as Role},
    },
    company::{
        access::{At, TeamPart, Visitor, Within, permissions::UserRoleView},
        testing::{Harbour, Scope as To, harbour},
    },
};

fn located(visitor: &Visitor, team: &str) -> At<Kind> {
    visitor.locate(Within::Company, team).unwrap()
}
fn editing<'v>(visitor: &'v Visitor, team: &str) -> Result<Granted<'v, TeamEdit>> {
    visitor.ask(TeamEdit { team: TeamPart::Whole(located(visitor, team)) })
}
fn joining<'v>(visitor: &'v Visitor, team: &str) -> Joining<'v> {
    Joining::ask(visitor, &located(visitor, team)).unwrap()
}
fn seeing<'v>(visitor: &'v Visitor, team: &str) -> Granted<'v, TeamView> {
    visitor.ask(TeamView { team: located(visitor, team) }).unwrap()
}
fn made(visitor: &Visitor, name: &str) -> Team {
    create(&visitor.ask(TeamCreate { level: Level::System }).unwrap(), Fields::named(name)).unwrap()
}
fn role_id(visitor: &Visitor, name: &str) -> Option<Id<Role>> {
    Some(visitor.locate::<Role>(Within::Company, name).unwrap().id())
}
fn in_default(visitor: &Visitor, role: &str) -> ScopedFields {
    ScopedFields { role: role_id(visitor, role), space: Some(Id::new(1)), ..ScopedFields::default() }
}
fn names(members: &[Member]) -> Vec<&str> {
    members.iter().filter_map(|member| member.name.as_deref()).collect()
}
fn is_denied<T>(answer: Result<T>, permission: &str) -> bool {
    match answer {
        Err(Error::Denied(denied)) => denied.permission == permission,
        _ => false,
    }
}
fn wrong<T>(answer: Result<T>, field: &str) -> bool {
    matches!(answer, Err(Error::Invalid(fields)) if fields.of(field).is_some())
}
fn conflict<T>(answer: Result<T>) -> bool {
    matches!(answer, Err(Error::Conflict(_)))
}
/// Somebody with these rights of the company as a whole and nothing else.
fn with_rights(harbour: &Harbour, name: &str, rights: &[&str]) -> Visitor {
    let role = format!("Role of {name}");
    harbour.role(&role, &rights.iter().map(|right| ("system", *right)).collect::<Vec<_>>());
    harbour.person(name, &[(&role, To::SYSTEM)])
}

#[test]
fn a_team_is_made_changed_and_deleted() {
    let harbour = harbour();
    let ada = harbour.ada();
    let team = made(&ada, " Releasers ");
    assert_eq!((team.name.as_str(), team.space, team.wire_id()), ("Releasers", None, team.id.to_string()));
    let again = create(&ada.ask(TeamCreate { level: Level::System }).unwrap(), Fields::named("releasers"));
    assert!(wrong(again, "Name"));
    // The same name in a space is another team.
    let level = Level::Space(harbour.space(&ada));
    let local = create(&ada.ask(TeamCreate { level }).unwrap(), Fields::named("Releasers")).unwrap();
    assert_eq!(local.space_name.as_deref(), Some("Default"));
    let changed = edit(
        &editing(&ada, &team.id.to_string()).unwrap(),
        Fields { name: "Crew".into(), description: "Friday".into() },
    );
    assert_eq!(changed.unwrap().description, "Friday");
    delete(&ada.ask(TeamDelete { team: located(&ada, &team.id.to_string()) }).unwrap()).unwrap();
    assert!(ada.locate::<Kind>(Within::Company, &team.id.to_string()).is_err());
    for line in
        ["Created: Team Releasers was created", "Modified: Team Crew was changed", "Deleted: Team Crew was deleted"]
    {
        assert!(harbour.trail().contains(&line.to_owned()), "{line}");
    }
}

#[test]
fn built_in_teams_keep_their_name_and_stay() {
    let harbour = harbour();
    let ada = harbour.ada();
    for team in ["teams-everyone", "teams-administrators", "Teams-managers", "teams-spacemanagers-Spaces-1"] {
        let shown = show(&seeing(&ada, team)).unwrap();
        assert_eq!(shown.wire_id().to_lowercase(), team.to_lowercase());
        assert!(conflict(edit(&editing(&ada, team).unwrap(), Fields::named("Other"))));
        edit(&editing(&ada, team).unwrap(), Fields { name: shown.name, description: "Words".into() }).unwrap();
        assert!(conflict(delete(&ada.ask(TeamDelete { team: located(&ada, team) }).unwrap())));
    }
}

#[test]
fn lists_mix_what_may_be_seen_at_each_level() {
    let harbour = harbour();
    let ada = harbour.ada();
    made(&ada, "Releasers");
    let listed = |visitor: &Visitor| -> Vec<String> {
        let granted = visitor.ask_anywhere::<TeamView>(None).unwrap();
        list(&granted, &Filter::default(), Page::ALL).unwrap().items.into_iter().map(|team| team.name).collect()
    };
    assert_eq!(listed(&ada), ["Administrators", "Everyone", "Managers", "Releasers", "Space managers"]);
    let outside = with_rights(&harbour, "Ben", &["TeamView"]);
    assert_eq!(listed(&outside), ["Administrators", "Everyone", "Managers", "Releasers", "Team of Ben"]);
    harbour.role("Sees teams here", &[("space", "TeamView")]);
    let inside = harbour.person("Cleo", &[("Sees teams here", To::EVERYWHERE)]);
    assert_eq!(listed(&inside), ["Space managers"]);
    let nothing = harbour.person("Dan", &[]);
    assert!(is_denied(nothing.ask_anywhere::<TeamView>(None), "TeamView"));
    let own = Filter { member: Some(Id::new(1)), ..Filter::default() };
    let of_ada = list(&ada.ask_anywhere::<TeamView>(None).unwrap(), &own, Page::ALL).unwrap();
    assert_eq!(
        of_ada.items.iter().map(|team| team.name.as_str()).collect::<Vec<_>>(),
        ["Administrators", "Everyone", "Space managers"]
    );
}

#[test]
fn members_come_and_go() {
    let harbour = harbour();
    let (ben, cleo) = (Id::new(harbour.user("Ben")), Id::new(harbour.user("Cleo")));
    let ada = harbour.ada();
    let team = made(&ada, "Releasers").id.to_string();
    add_members(&joining(&ada, &team), &[ben, cleo, ben]).unwrap();
    add_members(&joining(&ada, &team), &[cleo]).unwrap();
    assert_eq!(names(&members(&seeing(&ada, &team)).unwrap()), ["Ben", "Cleo"]);
    set_members(&joining(&ada, &team), &[cleo, Id::new(1)]).unwrap();
    assert_eq!(names(&members(&seeing(&ada, &team)).unwrap()), ["Ada", "Cleo"]);
    remove_member(&joining(&ada, &team), cleo).unwrap();
    assert!(wrong(add_members(&joining(&ada, &team), &[Id::new(999)]), "MemberUserIds"));
    assert!(conflict(add_members(&joining(&ada, "teams-everyone"), &[ben])));
    let told: Vec<String> =
        harbour.trail().into_iter().filter(|line| line.contains("joined") || line.contains("left")).collect();
    assert_eq!(
        told,
        [
            "Modified: Team Releasers: Ben joined, Cleo joined",
            "Modified: Team Releasers: Ada joined, Ben left",
            "Modified: Team Releasers: Cleo left",
        ]
    );
    // Who may not see users sees that there are members, not who.
    let blind = with_rights(&harbour, "Eve", &["TeamView"]);
    let seen = members(&seeing(&blind, &team)).unwrap();
    assert_eq!((seen.len(), names(&seen).len()), (1, 0));
}

#[test]
fn administrators_are_never_without_somebody() {
    let harbour = harbour();
    let ben = Id::new(harbour.user("Ben"));
    let ada = harbour.ada();
    let administrators = joining(&ada, "teams-administrators");
    assert!(conflict(remove_member(&administrators, Id::new(1))));
    add_members(&administrators, &[ben]).unwrap();
    remove_member(&administrators, Id::new(1)).unwrap();
    harbour.sql(|c| c.execute("UPDATE users SET state = 'inactive' WHERE id = 1", []));
    assert!(conflict(set_members(&administrators, &[Id::new(1)])), "somebody who cannot sign in does not count");
}

#[test]
fn nobody_gives_what_they_do_not_hold() {
    let harbour = harbour();
    let cleo = Id::new(harbour.user("Cleo"));
    let ada = harbour.ada();
    let team = made(&ada, "Releasers").id.to_string();
    let ben = with_rights(&harbour, "Ben", &["TeamView", "TeamEdit", "TeamDelete", "UserView", "SpaceView"]);
    let own = editing(&ben, &team).unwrap();

    // A role that holds rights of the company as a whole.
    let give = |role: &str, space: bool| {
        let fields = ScopedFields { space: space.then(|| Id::new(1)), ..in_default(&ben, role) };
        add_role(&own, &fields)
    };
    assert!(is_denied(give("System Administrator", false), "AdministerSystem"));
    assert!(matches!(give("System Manager", false), Err(Error::Denied(_))));
    assert!(is_denied(give("Project Viewer", true), "UserRoleView"), "a mixed role gives its system part too");
    assert!(
        is_denied(give("Deployment Creator", true), "DeploymentCreate"),
        "rights to a space count like those to the company"
    );
    let fields = in_default(&ada, "Deployment Creator");
    let here = add_role(&editing(&ada, &team).unwrap(), &fields).unwrap();
    let ben = harbour.visit(ben.user().unwrap().0);
    assert!(
        matches!(add_members(&joining(&ben, &team), &[cleo]), Err(Error::Denied(_))),
        "nor by putting somebody where they are had"
    );
    remove_role(&editing(&ada, &team).unwrap(), here).unwrap();

    // Joining or leaving a team that holds them.
    assert!(matches!(add_members(&joining(&ben, "teams-managers"), &[ben.user().unwrap()]), Err(Error::Denied(_))));
    assert!(is_denied(add_members(&joining(&ben, "teams-administrators"), &[cleo]), "AdministerSystem"));
    add_members(&joining(&ada, "teams-administrators"), &[cleo]).unwrap();
    assert!(conflict(remove_member(&joining(&ben, "teams-administrators"), cleo)), "decided on an older view");
    let ben = harbour.visit(ben.user().unwrap().0);
    let own = joining(&ben, &team);
    assert!(is_denied(remove_member(&joining(&ben, "teams-administrators"), cleo), "AdministerSystem"));
    add_members(&own, &[cleo]).unwrap();
    remove_member(&own, cleo).unwrap();

    // A role of full administration is neither changed nor taken away, nor its team deleted.
    let strong = made(&ada, "Strong").id.to_string();
    let fields = ScopedFields { role: role_id(&ada, "System Administrator"), ..ScopedFields::default() };
    let scoped = add_role(&editing(&ada, &strong).unwrap(), &fields).unwrap();
    assert!(is_denied(remove_role(&editing(&ben, &strong).unwrap(), scoped), "AdministerSystem"));
    assert!(is_denied(
        change_role(&editing(&ben, &strong).unwrap(), scoped, &in_default(&ben, "Deployment Creator")),
        "AdministerSystem"
    ));
    let deleting = ben.ask(TeamDelete { team: located(&ben, &strong) }).unwrap();
    assert!(is_denied(delete(&deleting), "AdministerSystem"));
    assert!(harbour.trail().iter().any(|line| line == "AccessDenied: Ben was refused AdministerSystem"));
}

#[test]
fn the_rights_to_a_space_cover_the_roles_in_that_space_only() {
    let harbour = harbour();
    let other = harbour.another_space("Other");
    let ada = harbour.ada();
    let team = made(&ada, "Releasers").id.to_string();
    let ben = harbour.person("Ben", &[("Space Manager", To::EVERYWHERE)]);
    let space = harbour.space(&ben);
    let team_at = located(&ben, &team);
    assert!(is_denied(editing(&ben, &team), "TeamEdit"), "the team as a whole is not his");
    let roles = ask_roles(&ben, &team_at, Some(&space)).unwrap();
    let given = add_role(&roles, &in_default(&ben, "Project Viewer")).unwrap();
    assert!(conflict(edit(&roles, Fields::named("Mine"))));
    let elsewhere = ScopedFields { space: Some(Id::new(other)), ..in_default(&ben, "Deployment Creator") };
    assert!(wrong(add_role(&roles, &elsewhere), "SpaceId"));
    assert!(wrong(add_role(&roles, &ScopedFields { space: None, ..in_default(&ben, "System Manager") }), "UserRoleId"));
    assert!(
        matches!(add_role(&roles, &in_default(&ben, "Read Only")), Err(Error::Denied(_))),
        "its system part is more than he holds"
    );

    // A role of the team in another space is not found from here.
    let far = add_role(
        &editing(&ada, &team).unwrap(),
        &ScopedFields { space: Some(Id::new(other)), ..in_default(&ada, "Deployment Creator") },
    );
    let far = far.unwrap();
    assert!(matches!(remove_role(&roles, far), Err(Error::NotFound(_))));
    assert!(matches!(change_role(&roles, far, &in_default(&ben, "Deployment Creator")), Err(Error::NotFound(_))));
    remove_role(&roles, given).unwrap();
    assert!(conflict(add_members(&roles.into(), &[ben.user().unwrap()])), "nor are its members");
    assert!(ask_roles(&ben, &team_at, None).is_err());
    // The teams of a space are edited with the right there, not with that to the company.
    let local = create(&ben.ask(TeamCreate { level: Level::Space(space) }).unwrap(), Fields::named("Local")).unwrap();
    editing(&ben, &local.id.to_string()).unwrap();
    let eve = with_rights(&harbour, "Eve", &["TeamEdit", "TeamView", "SpaceView"]);
    assert!(matches!(editing(&eve, &local.id.to_string()), Err(Error::NotFound(_))));
}

#[test]
fn a_role_stands_where_the_table_says() {
    let harbour = harbour();
    let ada = harbour.ada();
    let outside = made(&ada, "Outside").id.to_string();
    let space = harbour.space(&ada);
    let inside = create(&ada.ask(TeamCreate { level: Level::Space(space) }).unwrap(), Fields::named("Inside"))
        .unwrap()
        .id
        .to_string();
    let give = |team: &str, role: &str, space: Option<i64>| {
        let fields = ScopedFields { role: role_id(&ada, role), space: space.map(Id::new), ..ScopedFields::default() };
        let id = add_role(&editing(&ada, team).unwrap(), &fields)?;
        Ok::<_, Error>(role_of(&ada, team, id).space)
    };
    // Only system permissions.
    assert_eq!(give(&outside, "System Manager", None).unwrap(), None);
    assert!(
        wrong(give(&outside, "System Manager", Some(1)), "UserRoleId"),
        "it is there already, whatever space was given"
    );
    assert!(wrong(give(&inside, "System Manager", Some(1)), "UserRoleId"));
    // Only space permissions, and a mix.
    for role in ["Deployment Creator", "Project Viewer"] {
        assert!(wrong(give(&outside, role, None), "SpaceId"), "{role}");
        assert!(wrong(give(&outside, role, Some(99)), "SpaceId"), "{role}");
        assert_eq!(give(&outside, role, Some(1)).unwrap(), Some(Id::new(1)));
        assert_eq!(give(&inside, role, None).unwrap(), Some(Id::new(1)));
    }
    let other = harbour.another_space("Other");
    assert!(wrong(give(&inside, "Tenant Manager", Some(other)), "SpaceId"));
    assert!(wrong(add_role(&editing(&ada, &outside).unwrap(), &ScopedFields::default()), "UserRoleId"));
    let unknown = ScopedFields { role: Some(Id::new(999)), ..ScopedFields::default() };
    assert!(wrong(add_role(&editing(&ada, &outside).unwrap(), &unknown), "UserRoleId"));
}

fn role_of(visitor: &Visitor, team: &str, id: Id<ScopedUserRole>) -> ScopedRole {
    role(&seeing(visitor, team), id).unwrap()
}

#[test]
fn limits_are_of_that_space_and_are_said_in_words() {
    let harbour = harbour();
    let (web, shop, billing) = (harbour.group("Web"), harbour.project("Shop", None), harbour.project("Billing", None));
    let (staging, contoso) = (harbour.environment("Staging"), harbour.tenant("Contoso"));
    let other = harbour.another_space("Other");
    let far = harbour.sql(|c| {
        c.execute(
            "INSERT INTO environments (space_id, name, name_key, slug) VALUES (?1, 'Far', 'far', 'far')",
            [other],
        )?;
        Ok(c.last_insert_rowid())
    });
    let ada = harbour.ada();
    let team = made(&ada, "Releasers").id.to_string();
    let granted = editing(&ada, &team).unwrap();
    let base = in_default(&ada, "Deployment Creator");
    for (fields, field) in [
        (ScopedFields { environments: vec![Id::new(far)], ..base.clone() }, "EnvironmentIds"),
        (ScopedFields { projects: vec![Id::new(shop), Id::new(999)], ..base.clone() }, "ProjectIds"),
        (ScopedFields { groups: vec![Id::new(999)], ..base.clone() }, "ProjectGroupIds"),
        (ScopedFields { tenants: vec![Id::new(999)], ..base.clone() }, "TenantIds"),
        (ScopedFields { until: Some(clock::now().plus(-HOUR)), ..base.clone() }, "ExpiresAt"),
    ] {
        assert!(wrong(add_role(&granted, &fields), field), "{field}");
    }
    let system = ScopedFields {
        role: role_id(&ada, "System Manager"),
        projects: vec![Id::new(shop)],
        ..ScopedFields::default()
    };
    assert!(wrong(add_role(&granted, &system), "ProjectIds"));

    let scoped = ScopedFields {
        groups: vec![Id::new(web)],
        projects: vec![Id::new(shop), Id::new(billing), Id::new(shop)],
        environments: vec![Id::new(staging)],
        tenants: vec![Id::new(contoso)],
        ..base.clone()
    };
    let id = add_role(&granted, &scoped).unwrap();
    assert!(wrong(add_role(&granted, &scoped), "UserRoleId"), "not twice the same");
    let words = summary(&role_of(&ada, &team, id));
    assert_eq!(words.can, "deploy, run runbooks and look around");
    assert_eq!(
        words.place,
        "in Default: projects Shop and Billing and what is in project group Web; environment Staging; tenant Contoso"
    );

    // It bites: a member may deploy there and nowhere else, until it ends.
    let until = Some(clock::now().plus(DAY));
    change_role(&granted, id, &ScopedFields { until, environments: vec![], ..scoped }).unwrap();
    assert_eq!(role_of(&ada, &team, id).until, until);
    assert!(harbour.trail().contains(&"Modified: The role Deployment Creator of team Releasers was changed".into()));
    harbour.sql(|c| c.execute("DELETE FROM tenants", []));
    let kept = role_of(&harbour.ada(), &team, id);
    assert_eq!(kept.scope.tenants, [Limited { id: contoso, name: None }], "a limit to what is gone stays a limit");
    change_role(&granted, id, &ScopedFields { tenants: vec![Id::new(contoso)], ..base }).unwrap();
    remove_role(&granted, id).unwrap();
    assert!(matches!(remove_role(&granted, id), Err(Error::NotFound(_))));
}

#[test]
fn what_a_built_in_team_exists_for_stays() {
    let harbour = harbour();
    let ada = harbour.ada();
    for team in ["teams-administrators", "teams-spacemanagers-Spaces-1"] {
        let fixed = roles_of(&seeing(&ada, team)).unwrap();
        assert!(fixed[0].is_fixed);
        let granted = editing(&ada, team).unwrap();
        assert!(conflict(remove_role(&granted, fixed[0].id)));
        assert!(conflict(change_role(&granted, fixed[0].id, &in_default(&ada, "Read Only"))));
    }
}

#[test]
fn names_of_what_one_may_not_see_are_left_out() {
    let harbour = harbour();
    let shop = harbour.project("Shop", None);
    let scope = To { projects: &[shop], ..To::EVERYWHERE };
    let team = format!("Teams-{}", harbour.team("Releasers", &[], &[("Deployment Creator", scope)]));
    harbour.role("Sees teams", &[("system", "TeamView"), ("space", "FeedView")]);
    let ben = harbour.person("Ben", &[("Sees teams", To::EVERYWHERE)]);
    let seen = roles_of(&seeing(&ben, &team)).unwrap();
    assert_eq!(seen[0].scope.projects, [Limited { id: shop, name: None }]);
    assert_eq!(summary(&seen[0]).place, "in Default: project one that you cannot see or that is gone");
    let outside = with_rights(&harbour, "Cleo", &["TeamView"]);
    assert!(roles_of(&seeing(&outside, &team)).unwrap().is_empty(), "nor roles in spaces one may not enter");
}

#[test]
fn every_built_in_role_is_listed_with_what_it_allows() {
    let harbour = harbour();
    let ada = harbour.ada();
    let roles = list_roles(&ada.ask(UserRoleView {}).unwrap()).unwrap();
    let count = crate::company::access::builtin::roles()
        .map(|(name, _, _)| name)
        .collect::<std::collections::BTreeSet<_>>()
        .len();
    assert_eq!(roles.len(), count);
    let named = |name: &str| roles.iter().find(|role| role.name == name).unwrap();
    assert_eq!(
        (named("System Administrator").permissions.space.len(), named("Deployment Creator").permissions.system.len()),
        (0, 0)
    );
    assert!(named("Space Manager").permissions.has("DeploymentCreate") && named("Space Manager").teams == 1);
    assert_eq!(named("Tenant Manager").permissions.dimensions(), [crate::company::access::policy::Dimension::Tenant]);
    let shown =
        show_role(&ada.ask(UserRoleView {}).unwrap(), &ada.locate(Within::Company, "Project Lead").unwrap()).unwrap();
    assert!(shown.builtin.is_some() && shown.permissions.has("ReleaseCreate"));
}

#[test]
fn the_summary_says_what_matters() {
    let harbour = harbour();
    let say = |role: &str, scope: To<'_>| {
        let team = harbour.team(&format!("T {role}"), &[], &[(role, scope)]);
        let ada = harbour.ada();
        let words = summary(&roles_of(&seeing(&ada, &format!("Teams-{team}"))).unwrap()[0]);
        format!("{} {}", words.can, words.place)
    };
    for (role, scope, words) in [
        (
            "System Administrator",
            To::SYSTEM,
            "administer the company, look after people, define roles, make spaces, decide who is in teams and what teams may do, more and look around in the company as a whole",
        ),
        ("Space Manager", To::EVERYWHERE, "do everything in all of Default"),
        ("Space Viewer", To::EVERYWHERE, "look around, without changing anything in all of Default"),
        ("Tenant Manager", To::EVERYWHERE, "change tenants and look around in all of Default"),
    ] {
        assert_eq!(say(role, scope), words);
    }
}

#[test]
fn who_may_change_members_alone_changes_nothing_else_and_gives_no_more_than_their_own() {
    let harbour = harbour();
    let (cleo, team) = (Id::new(harbour.user("Cleo")), harbour.team("Crew", &[], &[]));
    let rights = ["TeamMembersEdit", "TeamView", "UserView"];
    let dan = with_rights(&harbour, "Dan", &rights);
    let team = format!("Teams-{team}");
    assert!(is_denied(editing(&dan, &team), "TeamEdit"));
    add_members(&joining(&dan, &team), &[cleo]).unwrap();
    assert_eq!(names(&members(&seeing(&harbour.ada(), &team)).unwrap()), ["Cleo"]);
    remove_member(&joining(&dan, &team), cleo).unwrap();
    // A team that holds something he does not.
    let ada = harbour.ada();
    add_role(&editing(&ada, &team).unwrap(), &in_default(&ada, "Deployment Creator")).unwrap();
    let dan = harbour.visit(dan.user().unwrap().0);
    assert!(is_denied(add_members(&joining(&dan, &team), &[cleo]), "DeploymentCreate"));
    assert!(is_denied(add_members(&joining(&dan, &team), &[dan.user().unwrap()]), "DeploymentCreate"));
    // Taking somebody out gives nothing; from full administration only administrators can.
    add_members(&joining(&ada, &team), &[cleo]).unwrap();
    let dan = harbour.visit(dan.user().unwrap().0);
    remove_member(&joining(&dan, &team), cleo).unwrap();
    assert!(is_denied(remove_member(&joining(&dan, "teams-administrators"), Id::new(1)), "AdministerSystem"));
    let nobody = with_rights(&harbour, "Eve", &["TeamView"]);
    let at = located(&nobody, &team);
    assert!(is_denied(Joining::ask(&nobody, &at).map(drop), "TeamEdit") && !Joining::may(&nobody, &at));
}

#[test]
fn a_role_that_a_team_has_may_be_narrowed_by_who_does_not_hold_it() {
    let harbour = harbour();
    let staging = harbour.environment("Staging");
    let ada = harbour.ada();
    let team = made(&ada, "Crew").id.to_string();
    let id = add_role(&editing(&ada, &team).unwrap(), &in_default(&ada, "Deployment Creator")).unwrap();
    let ben = with_rights(&harbour, "Ben", &["TeamEdit", "TeamView", "SpaceView"]);
    let narrow = ScopedFields { environments: vec![Id::new(staging)], ..in_default(&ben, "Deployment Creator") };
    change_role(&editing(&ben, &team).unwrap(), id, &narrow).unwrap();
    let ben = harbour.visit(ben.user().unwrap().0);
    let wide = in_default(&ben, "Deployment Creator");
    assert!(matches!(change_role(&editing(&ben, &team).unwrap(), id, &wide), Err(Error::Denied(_))));
    remove_role(&editing(&ben, &team).unwrap(), id).unwrap();
}

//! Answers about access through HTTP: test permissions, why, who, what if, the review; pages and programs.

use crate::support::{
    api::{Caller, id},
    browser_like::BrowserLike,
    server::{Company, Server},
};
use serde_json::{Value, json};

/// Harbour with Shop, Staging and Production, and Ben, who may deploy Shop to Staging.
struct Yard {
    server: Server,
    harbour: Company,
    ada: Caller,
    ben: String,
    team: String,
    role: String,
    production: String,
}

fn yard() -> Yard {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    let staging = id(&ada.post("/api/environments", json!({ "Name": "Staging" })).expect(201).json());
    let production = id(&ada.post("/api/environments", json!({ "Name": "Production" })).expect(201).json());
    let group = id(&ada.get("/api/projectgroups/all").expect(200).json()[0]);
    let lifecycle = id(&ada.get("/api/lifecycles/all").expect(200).json()[0]);
    ada.post("/api/projects", json!({ "Name": "Shop", "ProjectGroupId": group, "LifecycleId": lifecycle })).expect(201);
    let ben = json!({ "DisplayName": "=Ben", "IsService": true });
    let ben = id(&ada.post("/api/users", ben).expect(201).json());
    let team = id(&ada.post("/api/teams", json!({ "Name": "Crew", "MemberUserIds": [ben] })).expect(201).json());
    let role = json!({
        "TeamId": team, "UserRoleId": "userroles-deploymentcreator", "SpaceId": "Spaces-1", "EnvironmentIds": [staging],
        "ProjectGroupIds": [group],
    });
    let role = id(&ada.post("/api/scopeduserroles", role).expect(201).json());
    Yard { server, harbour, ada, ben, team, role, production }
}

impl Yard {
    fn browser(&self) -> BrowserLike {
        let mut browser = self.server.browser();
        browser.sign_in("harbour", &self.harbour.email, &self.harbour.password);
        browser
    }
    fn robot(&self) -> Caller {
        let key = format!("/api/users/{}/apikeys", self.ben);
        let key = self.ada.post(&key, json!({ "Purpose": "test" })).expect(201).json();
        Caller::with_key(&self.harbour.base, key["ApiKey"].as_str().unwrap())
    }
    fn wider(&self) -> Value {
        json!({ "TeamId": self.team, "UserRoleId": "userroles-deploymentcreator", "SpaceId": "Spaces-1", "EnvironmentIds": [] })
    }
}

#[test]
fn test_permissions_tell_where_a_right_holds_and_whether_that_is_all() {
    let yard = yard();
    let told = yard.ada.get(&format!("/api/users/{}/permissions", yard.ben)).expect(200).json();
    let create = &told["SpacePermissions"]["DeploymentCreate"][0];
    assert_eq!(create["RestrictedToProjectIds"], json!(["Projects-1"]), "{told}");
    assert_eq!(create["RestrictedToEnvironmentIds"], json!(["Environments-1"]));
    assert_eq!(create["RestrictedToTenantIds"], json!(["tenants-all"]));
    let view = &told["SpacePermissions"]["EnvironmentView"][0];
    assert_eq!(view["RestrictedToProjectIds"], json!(["projects-unrelated"]));
    assert_eq!((&told["IsPermissionsComplete"], &told["IsTeamsComplete"]), (&json!(true), &json!(true)));
    let names: Vec<&str> = told["Teams"].as_array().unwrap().iter().filter_map(|one| one["Name"].as_str()).collect();
    assert_eq!(names, ["Everyone", "Crew"]);

    // The other spellings, and what leaves something out.
    for path in ["/api/Spaces-1/users/", "/api/spaces/Spaces-1/users/"] {
        let same = yard.ada.get(&format!("{path}{}/permissions", yard.ben)).expect(200).json();
        assert_eq!(same["SpacePermissions"], told["SpacePermissions"], "{path}");
    }
    let none = yard.ada.get(&format!("/api/users/{}/permissions?spaces=Spaces-9", yard.ben)).expect(200).json();
    assert_eq!(none["SpacePermissions"], json!({}));
    let me = yard.ada.get("/api/users/me/permissions?includeSystem=false").expect(200).json();
    assert_eq!(me["SystemPermissions"], json!([]));
    assert!(!me["SpacePermissions"].as_object().unwrap().is_empty());
    yard.ada.get("/api/users/Users-99/permissions").expect(404);

    // Ben sees himself, and nobody else.
    let ben = yard.robot();
    let own = ben.get("/api/users/me/permissions").expect(200).json();
    assert_eq!(own["SpacePermissions"]["DeploymentCreate"], told["SpacePermissions"]["DeploymentCreate"]);
    ben.get("/api/users/Users-1/permissions").expect(403);
    let only = ben.get("/api/teammembership?includeSystem=false").expect(200).json();
    assert_eq!(only, json!([]));
}

#[test]
fn a_narrowed_key_tells_what_it_leaves_and_not_what_its_owner_may() {
    let yard = yard();
    let key = json!({ "Purpose": "narrow", "Narrowing": { "EnvironmentIds": [yard.production], "Permissions": ["EnvironmentView", "DeploymentCreate"] } });
    let made = yard.ada.post("/api/users/me/apikeys", key).expect(201).json();
    let narrow = Caller::with_key(&yard.harbour.base, made["ApiKey"].as_str().unwrap());
    let told = narrow.get("/api/users/me/permissions").expect(200).json();
    assert_eq!(told["IsNarrowedByKey"], true);
    let names: Vec<&String> = told["SpacePermissions"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["DeploymentCreate", "EnvironmentView"], "{told}");
    assert_eq!(told["SpacePermissions"]["EnvironmentView"][0]["RestrictedToEnvironmentIds"], json!([yard.production]));
    assert_eq!(told["SystemPermissions"], json!([]));
}

#[test]
fn the_table_has_the_columns_of_the_rules_and_no_formulas() {
    let yard = yard();
    let text = yard.ada.get(&format!("/api/users/{}/permissions/export", yard.ben)).expect(200).text();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("Space,Permission,Level,ProjectGroups,Projects,Environments,Tenants,Team,Role"));
    assert!(
        lines.any(|line| line
            == "Default,DeploymentCreate,space,Default project group,,Staging,(all),Crew,Deployment Creator"),
        "{text}"
    );
    let review = yard.ada.get("/api/access/review/export").expect(200).text();
    assert!(review.contains("\r\n'=Ben,"), "{review}");
    let page = yard.browser().get(&format!("/harbour/access/people/{}/rights/export", yard.ben)).expect(200);
    assert_eq!(page.text(), text);
}

#[test]
fn why_names_the_grant_that_allows_or_the_scope_that_refused() {
    let yard = yard();
    let asked = |place: &str| {
        let path = format!("/api/access/why?user={}&permission=DeploymentCreate&space=Spaces-1&{place}", yard.ben);
        yard.ada.get(&path).expect(200).json()
    };
    let yes = asked("project=Shop&environment=Staging");
    assert_eq!((&yes["Allowed"], &yes["Grants"][0]["TeamName"]), (&json!(true), &json!("Crew")), "{yes}");
    assert_eq!(yes["Grants"][0]["Environments"], json!(["Staging"]));
    let no = asked("project=Shop&environment=Production");
    assert_eq!((&no["Allowed"], &no["Grants"][0]["RefusedBy"]), (&json!(false), &json!("Environment")), "{no}");
    let none = format!("/api/access/why?user={}&permission=ProjectDelete&space=Spaces-1", yard.ben);
    assert_eq!(yard.ada.get(&none).expect(200).json()["Grants"], json!([]));
    for (path, status) in [
        ("/api/access/why?permission=Nothing", 400),
        ("/api/access/why?permission=DeploymentCreate", 400),
        ("/api/access/why?permission=DeploymentCreate&space=Spaces-1&project=Nothing", 404),
        ("/api/access/why?user=Users-99&permission=UserEdit", 404),
        ("/api/access/why?permission=UserEdit", 200),
    ] {
        yard.ada.get(path).expect(status);
    }
    let ben = yard.robot();
    ben.get("/api/access/why?permission=DeploymentCreate&space=Spaces-1").expect(200);
    ben.get("/api/access/why?user=Users-1&permission=UserEdit").expect(403);

    let browser = yard.browser();
    let place = "permission=DeploymentCreate&space=default&project=Shop&environment=Production";
    let page = browser.get(&format!("/harbour/access/why?person={}&{place}", yard.ben)).expect(200).text();
    assert!(page.contains("limited to other environments"), "{page}");
    browser.get("/harbour/access/why?permission=DeploymentCreate&space=default&project=Nothing").expect(422);
    let page = browser.get(&format!("/harbour/access/who?{place}")).expect(200).text();
    assert!(page.contains("1 person may") && page.contains("Space managers"), "{page}");
}

#[test]
fn who_finds_people_through_which_team_and_role() {
    let yard = yard();
    let path = "/api/access/who?permission=DeploymentCreate&space=Spaces-1&project=Shop&environment=Staging";
    let found = yard.ada.get(path).expect(200).json();
    let names: Vec<&str> = found["Items"].as_array().unwrap().iter().filter_map(|one| one["Name"].as_str()).collect();
    assert_eq!(names, ["=Ben", "Ada"], "{found}");
    assert_eq!(found["Items"][0]["Through"][0]["UserRoleName"], "Deployment Creator");
    let production = path.replace("Staging", "Production");
    assert_eq!(yard.ada.get(&production).expect(200).json()["TotalResults"], 1);
    yard.robot().get(path).expect(403);
}

#[test]
fn a_preview_changes_nothing_and_tells_each_person_s_difference() {
    let yard = yard();
    let events = || yard.ada.get("/api/events?take=1").expect(200).json()["Items"][0]["Id"].clone();
    let before = events();
    let address = format!("/api/scopeduserroles/{}", yard.role);
    let told = yard.ada.put(&format!("{address}?preview=true"), yard.wider()).expect(200).json();
    assert_eq!(told["Affected"][0]["People"], json!([{ "UserId": yard.ben, "Name": "=Ben" }]), "{told}");
    let changes = told["Affected"][0]["Changes"].as_array().unwrap();
    let deploys = |one: &&Value| one["Permissions"].as_array().unwrap().contains(&json!("DeploymentCreate"));
    assert!(changes.iter().filter(deploys).all(|one| one["Change"] == "Gained"), "{told}");
    assert_eq!(told["Dangers"], json!(["Production"]));
    assert_eq!(events(), before);
    assert_eq!(yard.ada.get(&address).expect(200).json()["EnvironmentIds"], json!(["Environments-1"]));

    let administrators = json!({ "Name": "Administrators", "MemberUserIds": ["Users-1", yard.ben] });
    let told = yard.ada.put("/api/teams/teams-administrators?preview=true", administrators).expect(200).json();
    assert_eq!(told["Dangers"], json!(["Administration"]), "{told}");
    let gone = yard.ada.delete(&format!("{address}?preview=true"), ()).expect(200).json();
    assert_eq!(gone["Affected"][0]["Changes"][0]["Change"], "Lost");
    let invited = json!({ "DisplayName": "Cleo", "EmailAddress": "cleo@harbour.test", "AddToTeamIds": [yard.team] });
    let told = yard.ada.post("/api/users/invitations?preview=true", invited).expect(200).json();
    assert_eq!(told["Affected"][0]["People"][0]["Name"], "Cleo", "{told}");
    assert_eq!(yard.ada.get("/api/users").expect(200).json()["TotalResults"], 2);
    assert_eq!(events(), before);
    let mut role = yard.ada.get("/api/userroles/userroles-deploymentcreator").expect(200).json();
    role["GrantedSpacePermissions"] = json!(["DeploymentCreate"]);
    let told = yard.ada.put("/api/userroles/userroles-deploymentcreator?preview=true", role).expect(200).json();
    let lost = told["Affected"][0]["Changes"].as_array().unwrap();
    assert!(lost.iter().all(|one| one["Change"] == "Lost"), "{told}");
    assert!(
        lost.iter().any(|one| one["Permissions"].as_array().unwrap().contains(&json!("EnvironmentView"))),
        "{told}"
    );
    assert_eq!(events(), before);
    // What the command refuses, the preview refuses.
    let wrong = json!({ "TeamId": yard.team, "UserRoleId": "userroles-deploymentcreator", "SpaceId": "Spaces-1", "EnvironmentIds": ["Environments-99"] });
    yard.ada.put(&format!("{address}?preview=true"), wrong).expect(400);
    yard.robot().put(&format!("{address}?preview=true"), yard.wider()).expect(403);
}

#[test]
fn who_would_gain_production_is_shown_before_it_is_saved() {
    let yard = yard();
    let browser = yard.browser();
    let address = format!("/harbour/access/teams/{}/roles/{}", yard.team, yard.role);
    let role = yard.ada.get("/api/userroles?partialName=Deployment%20Creator").expect(200).json();
    assert_eq!(role["TotalResults"], 1);
    let form = browser.get(&format!("{address}/edit")).expect(200).text();
    let chosen = form.split("<option value=\"").find(|part| part.contains("selected>Deployment Creator")).unwrap();
    let number = chosen.split('"').next().unwrap();
    let fields = [("role", number), ("space", "Spaces-1")];
    let shown = browser.post(&address, fields).expect(200).text();
    assert!(shown.contains("Is this meant?") && shown.contains("production") && shown.contains("=Ben"), "{shown}");
    assert_eq!(
        yard.ada.get(&format!("/api/scopeduserroles/{}", yard.role)).expect(200).json()["EnvironmentIds"],
        json!(["Environments-1"])
    );
    let confirmed = [("role", number), ("space", "Spaces-1"), ("confirmed", "yes")];
    browser.post(&address, confirmed).expect(303);
    assert_eq!(
        yard.ada.get(&format!("/api/scopeduserroles/{}", yard.role)).expect(200).json()["EnvironmentIds"],
        json!([])
    );
    // Asked for, a harmless change is shown too.
    let fields = [("user", "Users-1"), ("preview", "yes")];
    let shown = browser.post(&format!("/harbour/access/teams/{}/members", yard.team), fields).expect(200).text();
    assert!(shown.contains("Nobody gains or loses anything by this."), "{shown}");
}

#[test]
fn the_review_tells_last_uses_and_is_signed_off() {
    let yard = yard();
    let found = yard.ada.get("/api/access/review").expect(200).json();
    assert_eq!((&found["Counts"]["People"], &found["TotalResults"]), (&json!(2), &json!(2)), "{found}");
    let ben = &found["Items"][0];
    assert_eq!((&ben["Name"], &ben["Access"][0]["TeamName"]), (&json!("=Ben"), &json!("Crew")), "{ben}");
    assert_eq!(ben["NotUsed"], json!([]), "nothing that was given today counts as unused");
    let ending = yard.ada.get("/api/access/review?show=ending").expect(200).json();
    assert_eq!(ending["TotalResults"], 0);

    let made =
        yard.ada.post("/api/access/review/signoffs", json!({ "Note": "All as it should be" })).expect(201).json();
    assert_eq!((&made["SignedOffBy"], &made["People"]), (&json!("Ada"), &json!(2)));
    let all = yard.ada.get("/api/access/review/signoffs").expect(200).json();
    assert_eq!(all[0]["Note"], "All as it should be");
    let events = yard.ada.get("/api/events?eventCategories=AccessReviewed").expect(200).json();
    assert_eq!(events["TotalResults"], 1, "{events}");
    let browser = yard.browser();
    let page = browser.get("/harbour/access/review").expect(200).text();
    assert!(page.contains("All as it should be") && page.contains("Crew"), "{page}");
    browser.post("/harbour/access/review/sign-off", [("note", "Again")]).expect(303);
    yard.ada.post("/api/access/review/signoffs", json!({ "Note": "x".repeat(2001) })).expect(400);
    let robot = yard.robot();
    robot.get("/api/access/review").expect(403);
    robot.post("/api/access/review/signoffs", json!({})).expect(403);
}

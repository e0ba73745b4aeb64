//! Teams, roles, people, service accounts, spaces and the audit log.

use super::{
    Script,
    client::{id, link},
};
use serde_json::json;

pub const SCRIPTS: &[Script] = &[
    ("who am I", |c| assert_eq!(c.get("/api/users/me")["EmailAddress"], "ada@harbour.test")),
    ("add people", |c| {
        for name in ["ben", "cleo"] {
            let email = format!("{name}@harbour.test");
            let body = json!({ "Username": email, "DisplayName": name, "EmailAddress": email, "IsService": false,
                "Password": "correct horse battery" });
            c.post("/api/users", body);
        }
    }),
    ("find people by a part of their name", |c| assert_eq!(c.every("/api/users?filter=ben").len(), 1)),
    ("add a team with people", |c| {
        let ben = c.every("/api/users?filter=ben").remove(0);
        let made =
            c.post("/api/teams", json!({ "Name": "Deployers", "SpaceId": "Spaces-1", "MemberUserIds": [ben["Id"]] }));
        assert_eq!(made["MemberUserIds"], json!([ben["Id"]]));
    }),
    ("give a team a role in one environment", |c| {
        let team = c.named("/api/teams?partialName=Deployers", "Deployers");
        let role = c.named("/api/userroles", "Deployment Creator");
        let production = c.id_of("/api/Spaces-1/environments", "Production");
        let body = json!({ "TeamId": team["Id"], "UserRoleId": role["Id"], "SpaceId": "Spaces-1", "EnvironmentIds": [production] });
        let made = c.post("/api/scopeduserroles", body);
        let roles = c.every(link(&team, "ScopedUserRoles"));
        assert_eq!(roles, [c.get(link(&made, "Self"))]);
    }),
    ("put somebody into a team", |c| {
        let mut team = c.named("/api/teams?partialName=Deployers", "Deployers");
        let cleo = c.every("/api/users?filter=cleo").remove(0);
        team["MemberUserIds"].as_array_mut().unwrap().push(cleo["Id"].clone());
        assert_eq!(c.save(&team)["MemberUserIds"].as_array().map(Vec::len), Some(2));
    }),
    ("see in which teams somebody is", |c| {
        let ben = c.every("/api/users?filter=ben").remove(0);
        let teams = c.get(&format!("/api/users/{}/teams", id(&ben)));
        assert!(teams.as_array().unwrap().iter().any(|team| team["Name"] == "Deployers"), "{teams}");
    }),
    ("see what somebody may do", |c| {
        let ben = c.every("/api/users?filter=ben").remove(0);
        let may = c.get(&format!("/api/users/{}/permissions", id(&ben)));
        assert!(may["SpacePermissions"]["DeploymentCreate"].is_array(), "{may}");
    }),
    ("take a role from a team", |c| {
        let team = c.named("/api/teams?partialName=Deployers", "Deployers");
        for role in c.every(link(&team, "ScopedUserRoles")) {
            c.delete(link(&role, "Self"));
        }
        assert_eq!(c.every(link(&team, "ScopedUserRoles")).len(), 0);
    }),
    ("add a service account with a key", |c| {
        let body = json!({ "Username": "robot", "DisplayName": "Robot", "IsService": true });
        let robot = c.post("/api/users", body);
        let key = c.post(&format!("/api/users/{}/apikeys", id(&robot)), json!({ "Purpose": "Pipelines" }));
        assert!(key["ApiKey"].as_str().unwrap().starts_with("API-"));
        assert_eq!(c.every(link(&robot, "ApiKeys")).len(), 1);
    }),
    ("deactivate somebody", |c| {
        let mut cleo = c.every("/api/users?filter=cleo").remove(0);
        cleo["IsActive"] = json!(false);
        assert_eq!(c.save(&cleo)["IsActive"], false);
    }),
    ("list roles and what they allow", |c| {
        let roles = c.every("/api/userroles?take=5");
        assert!(roles.len() >= 20 && roles.iter().any(|role| role["GrantedSpacePermissions"] != json!([])));
    }),
    ("add a space, rename it, and delete it", |c| {
        let me = c.get("/api/users/me");
        let body = json!({ "Name": "Second", "SpaceManagersTeams": [], "SpaceManagersTeamMembers": [me["Id"]], "IsDefault": false });
        let mut space = c.post("/api/spaces", body);
        space["Description"] = json!("For tries");
        let mut space = c.save(&space);
        assert_eq!(c.named("/api/spaces?partialName=second", "Second")["Description"], "For tries");
        space["TaskQueueStopped"] = json!(true);
        let space = c.save(&space);
        c.delete(link(&space, "Self"));
        assert_eq!(c.every("/api/spaces").len(), 1);
    }),
    ("read the audit log of a week page by page", |c| {
        let all = c.every("/api/events?from=2020-01-01T00:00:00&take=50&excludeDifference=true");
        assert!(all.len() > 100, "{}", all.len());
    }),
    ("read what was created", |c| {
        let made = c.every("/api/events?eventCategories=Created&documentTypes=Projects&take=2");
        assert!(made.len() >= 3 && made.iter().all(|event| event["Category"] == "Created"), "{}", made.len());
    }),
];

//! What if: whatever takes or gives access shows the exact difference before it is done, person by person, on its page and
//! to programs; and nothing is changed by looking.

use crate::support::{
    api::{Caller, text},
    browser_like::BrowserLike,
    server::{Company, Server},
};
use serde_json::{Value, json};

fn id(value: &Value) -> String {
    text(&value["Id"])
}

/// Harbour with Production, and Ben, who may deploy there as one of the crew.
struct House {
    _server: Server,
    harbour: Company,
    ada: Caller,
    browser: BrowserLike,
    ben: String,
    team: String,
    role: String,
}

fn house() -> House {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    ada.post("/api/environments", json!({ "Name": "Production" })).expect(201);
    let ben = json!({ "DisplayName": "Ben", "Username": "ben", "EmailAddress": "ben@harbour.test", "Password": "seven boats in a row" });
    let ben = id(&ada.post("/api/users", ben).expect(201).json());
    let team = id(&ada.post("/api/teams", json!({ "Name": "Crew", "MemberUserIds": [ben] })).expect(201).json());
    let role = json!({ "TeamId": team, "UserRoleId": "userroles-deploymentcreator", "SpaceId": "Spaces-1" });
    let role = id(&ada.post("/api/scopeduserroles", role).expect(201).json());
    let mut browser = server.browser();
    browser.sign_in("harbour", &harbour.email, &harbour.password);
    House { _server: server, harbour, ada, browser, ben, team, role }
}

impl House {
    fn newest_event(&self) -> Value {
        self.ada.get("/api/events?take=1").expect(200).json()["Items"][0]["Id"].clone()
    }

    /// Sent once, a page shows what Ben loses and changes nothing.
    #[track_caller]
    fn shows(&self, address: &str, fields: &[(&str, &str)], button: &str) {
        let before = self.newest_event();
        let shown = self.browser.post(address, fields).expect(200).text();
        for word in ["Nothing is changed yet.", "<h2>Ben</h2>", "Loses", "All of Default", "DeploymentCreate", button] {
            assert!(shown.contains(word), "“{word}” is missing at {address}: {shown}");
        }
        assert_eq!(self.newest_event(), before, "{address}");
    }

    /// The form of the page that shows the difference, sent as it stands there.
    #[track_caller]
    fn does(&self, address: &str, fields: &[(&str, &str)]) {
        let shown = self.browser.post(address, fields).expect(200).text();
        let form = shown.split("<form").find(|form| form.contains("name=\"confirmed\"")).expect("a form");
        let action = form.split("action=\"").nth(1).and_then(|text| text.split('"').next()).unwrap();
        assert_eq!(action, address);
        let part = |input: &str, name: &str| {
            let value = input.split(&format!("{name}=\"")).nth(1).unwrap_or_default();
            value.split('"').next().unwrap_or_default().to_owned()
        };
        let hidden: Vec<(String, String)> = form
            .split("<input type=\"hidden\"")
            .skip(1)
            .map(|input| (part(input, "name"), part(input, "value")))
            .filter(|(name, _)| name != "_csrf")
            .collect();
        let hidden: Vec<(&str, &str)> = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.browser.post(address, &hidden[..]).expect(303);
    }

    /// What the API would do: what Ben loses, and that nothing is grave.
    #[track_caller]
    fn told(&self, told: Value) {
        assert_eq!(told["Affected"][0]["People"], json!([{ "UserId": self.ben, "Name": "Ben" }]), "{told}");
        let changes = told["Affected"][0]["Changes"].as_array().unwrap();
        assert!(!changes.is_empty() && changes.iter().all(|one| one["Change"] == "Lost"), "{told}");
        assert_eq!((&told["Dangers"], &told["ReachesEveryone"]), (&json!([]), &json!(false)));
    }
}

#[test]
fn a_page_that_takes_rights_shows_who_loses_what_before_it_is_done() {
    let house = house();
    let (own, person) =
        (format!("/harbour/access/teams/{}", house.team), format!("/harbour/access/people/{}", house.ben));

    // Shut out, somebody holds nothing; let in again, what their teams allow.
    house.shows(&format!("{person}/deactivate"), &[("", "")], "Deactivate them");
    let user = house.ada.get(&format!("/api/users/{}", house.ben)).expect(200).json();
    assert_eq!(user["IsActive"], true);
    let mut out = user.clone();
    out["IsActive"] = json!(false);
    house.told(house.ada.put(&format!("/api/users/{}?preview=true", house.ben), out).expect(200).json());
    house.told(house.ada.delete(&format!("/api/users/{}?preview=true", house.ben), ()).expect(200).json());
    house.does(&format!("{person}/deactivate"), &[]);
    // Meanwhile their teams' rights are nobody's: taking them away takes nothing.
    let gone = house.ada.delete(&format!("/api/scopeduserroles/{}?preview=true", house.role), ()).expect(200).json();
    assert_eq!(gone["Affected"], json!([]), "{gone}");
    let again = house.ada.put(&format!("/api/users/{}?preview=true", house.ben), user).expect(200).json();
    assert_eq!((&again["Dangers"], again["PeopleAffected"].as_i64()), (&json!(["Production"]), Some(1)), "{again}");
    let shown = house.browser.post(&format!("{person}/reactivate"), [("", "")]).expect(200).text();
    assert!(shown.contains("Is this meant?") && shown.contains("production") && shown.contains("Gains"), "{shown}");
    house.does(&format!("{person}/reactivate"), &[]);

    // Out of a team, and in again.
    house.shows(&format!("{own}/members/{}/delete", house.ben), &[("", "")], "Take them out");
    house.does(&format!("{own}/members/{}/delete", house.ben), &[]);
    let none = house.browser.post(&format!("{own}/members/{}/delete", house.ben), [("", "")]);
    none.expect(303);
    house.does(&format!("{own}/members"), &[("user", house.ben.as_str())]);

    // A role made smaller, a role taken from the team.
    let roles = house.ada.get("/api/userroles?partialName=Deployment%20Creator").expect(200).json();
    assert_eq!(roles["TotalResults"], 1);
    let form = house.browser.get(&format!("{own}/roles/{}/edit", house.role)).expect(200).text();
    let chosen = form.split("<option value=\"").find(|part| part.contains("selected>Deployment Creator")).unwrap();
    let number = chosen.split('"').next().unwrap();
    let ends = [("role", number), ("space", "Spaces-1"), ("until", "2099-12-31T18:00")];
    house.shows(&format!("{own}/roles/{}", house.role), &ends, "Save the role");
    house.shows(&format!("{own}/roles/{}/delete", house.role), &[("", "")], "Take it from the team");

    // A team that goes: its name is typed first, and kept.
    house.browser.post(&format!("{own}/delete"), [("confirm", "crew")]).expect(422);
    house.shows(&format!("{own}/delete"), &[("confirm", "Crew")], "Remove the team");
    house.told(house.ada.delete(&format!("/api/teams/{}?preview=true", house.team), ()).expect(200).json());
    house.does(&format!("{own}/roles/{}/delete", house.role), &[]);
    // Nobody loses anything any more: it is done at once.
    house.browser.post(&format!("{own}/delete"), [("confirm", "Crew")]).expect(303);
    house.ada.get(&format!("/api/teams/{}", house.team)).expect(404);
}

#[test]
fn a_role_that_is_reset_or_made_smaller_shows_who_loses_what() {
    let house = house();
    let role = house.ada.get("/api/userroles/userroles-deploymentcreator").expect(200).json();
    let mut less = role.clone();
    let kept: Vec<&Value> = role["GrantedSpacePermissions"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|name| **name != "DeploymentCreate")
        .collect();
    less["GrantedSpacePermissions"] = json!(kept);
    house.told(house.ada.put("/api/userroles/userroles-deploymentcreator?preview=true", less).expect(200).json());
    let system: Vec<String> = role["GrantedSystemPermissions"].as_array().unwrap().iter().map(text).collect();
    let kept: Vec<String> = kept.into_iter().map(text).collect();
    let mut fields = vec![("name", "Deployment Creator"), ("description", role["Description"].as_str().unwrap_or(""))];
    fields.extend(system.iter().map(|name| ("system", name.as_str())));
    fields.extend(kept.iter().map(|name| ("space", name.as_str())));
    let address = {
        let page = house.browser.get("/harbour/access/roles?q=Deployment%20Creator").expect(200).text();
        let found = page.split("href=\"").find(|part| part.contains(">Deployment Creator<")).unwrap();
        found.split('"').next().unwrap().to_owned()
    };
    house.shows(&address, &fields, "Save the role");
    house.does(&address, &fields);
    // Put back, it gives production again.
    let told = house.ada.post("/api/userroles/userroles-deploymentcreator/reset?preview=true", json!({})).expect(200);
    assert_eq!(told.json()["Dangers"], json!(["Production"]));
}

#[test]
fn whom_roles_of_everyone_reach_is_told_before_they_are_given() {
    let house = house();
    let everyone = house.ada.get("/api/teams/teams-everyone").expect(200).json();
    let role = json!({ "TeamId": everyone["Id"], "UserRoleId": "userroles-environmentviewer", "SpaceId": "Spaces-1" });
    let told = house.ada.post("/api/scopeduserroles?preview=true", role.clone()).expect(200).json();
    assert_eq!((&told["ReachesEveryone"], &told["Dangers"]), (&json!(true), &json!([])), "{told}");
    let later = told["Newcomers"].as_array().unwrap();
    assert!(
        later.iter().any(|one| one["Permissions"].as_array().unwrap().contains(&json!("EnvironmentView"))),
        "{told}"
    );
    // The API carries out what it is told to; the preview is there for who asks.
    house.ada.post("/api/scopeduserroles", role).expect(201);
    let mut wider = house.ada.get("/api/userroles/userroles-environmentviewer").expect(200).json();
    wider["GrantedSpacePermissions"].as_array_mut().unwrap().push(json!("TenantView"));
    let told =
        house.ada.put("/api/userroles/userroles-environmentviewer?preview=true", wider.clone()).expect(200).json();
    assert_eq!(told["ReachesEveryone"], true, "{told}");
    // On the page of the role it is shown by itself, although nothing of it is grave.
    let names: Vec<String> = wider["GrantedSpacePermissions"].as_array().unwrap().iter().map(text).collect();
    let system: Vec<String> = wider["GrantedSystemPermissions"].as_array().unwrap().iter().map(text).collect();
    let mut fields = vec![("name", "Environment Viewer")];
    fields.extend(system.iter().map(|name| ("system", name.as_str())));
    fields.extend(names.iter().map(|name| ("space", name.as_str())));
    let page = house.browser.get("/harbour/access/roles?q=Environment%20Viewer").expect(200).text();
    let address = page.split("href=\"").find(|part| part.contains(">Environment Viewer<")).unwrap();
    let address = address.split('"').next().unwrap();
    let shown = house.browser.post(address, &fields[..]).expect(200).text();
    for word in ["Is this meant?", "everyone who joins later", "<h2>Everybody who comes later</h2>", "TenantView"] {
        assert!(shown.contains(word), "“{word}” is missing: {shown}");
    }
    let nobody = house.harbour.stranger();
    nobody.put("/api/userroles/userroles-environmentviewer?preview=true", wider).expect(401);
}

#[test]
fn what_invitations_recipes_and_new_teams_give_is_told_to_programs_and_changes_nothing() {
    let house = house();
    let ada = &house.ada;
    let tenant = ada.post("/api/Spaces-1/tenants", json!({ "Name": "Contoso" })).expect(201).json();
    let before = house.newest_event();
    let open = ada.post("/api/users/invitations?preview=true", json!({ "AddToTeamIds": [house.team] }));
    let open = open.expect(200).json();
    assert_eq!(
        (&open["Affected"][0]["People"][0]["Name"], &open["Dangers"]),
        (&json!("Whoever uses it"), &json!(["Production"]))
    );
    let recipe =
        ada.post("/api/recipes/small-company?preview=true", json!({ "SpaceId": "Spaces-1" })).expect(200).json();
    assert!(recipe["PeopleAffected"].is_i64(), "{recipe}");
    let told = ada.post(
        &format!("/api/Spaces-1/tenants/{}/selfservice?preview=true", id(&tenant)),
        json!({ "EmailAddresses": ["Jo <jo@contoso.test>"] }),
    );
    let told = told.expect(200).json();
    assert_eq!(told["Affected"][0]["People"][0]["Name"], "Jo", "{told}");
    assert_eq!(ada.get("/api/users").expect(200).json()["TotalResults"], 2, "nobody was invited by looking");
    assert_eq!(ada.get("/api/users/invitations").expect(200).json()["TotalResults"], 0);
    assert_eq!(house.newest_event(), before);

    // The same on the tenant's page: shown first, then done.
    let address = "/harbour/default/tenants/contoso/access";
    let shown = house.browser.post(address, [("emails", "jo@contoso.test")]).expect(200).text();
    for word in
        ["<h2>jo (customer)</h2>", "Gains", "tenant Contoso", "Make the invitations", "value=\"jo@contoso.test\""]
    {
        assert!(shown.contains(word), "“{word}” is missing: {shown}");
    }
    let refused = house.browser.post(address, [("emails", "nonsense")]).expect(422).text();
    assert!(refused.contains("nonsense"), "{refused}");
    let done = house.browser.done(address, [("emails", "jo@contoso.test"), ("confirmed", "yes")]).text();
    assert!(done.contains("1 person was invited") && done.contains("/harbour/invitation/"), "{done}");
}

#[test]
fn whoever_becomes_manager_of_a_space_or_is_no_more_is_shown_first() {
    let house = house();
    let address = "/harbour/settings/spaces/default";
    let with = [("name", "Default"), ("managers", "Users-1"), ("managers", house.ben.as_str())];
    let shown = house.browser.post(address, &with[..]).expect(200).text();
    for word in ["Is this meant?", "<h2>Ben</h2>", "production", "access itself", "Save the space"] {
        assert!(shown.contains(word), "“{word}” is missing: {shown}");
    }
    let space = house.ada.get("/api/spaces/Spaces-1").expect(200).json();
    assert_eq!(space["SpaceManagersTeamMembers"], json!(["Users-1"]));
    house.does(address, &with);
    let mut space = house.ada.get("/api/spaces/Spaces-1").expect(200).json();
    assert_eq!(space["SpaceManagersTeamMembers"], json!(["Users-1", house.ben]));
    space["SpaceManagersTeamMembers"] = json!(["Users-1"]);
    house.told(house.ada.put("/api/spaces/Spaces-1?preview=true", space).expect(200).json());
    let shown = house.browser.post(address, [("name", "Default"), ("managers", "Users-1")]).expect(200).text();
    assert!(shown.contains("Loses") && !shown.contains("Is this meant?"), "{shown}");
    // Another name is saved at once.
    house.browser.post(address, &[("name", "Main"), with[1], with[2]][..]).expect(303);
}

//! A change of access bites on the next request, whoever makes it: many requests are under way while the command line, or
//! another program, changes people, teams, roles and keys; none that begins after the change returned is allowed.

use crate::support::{
    api::Caller,
    server::{Company, Server},
};
use serde_json::json;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// So many ask at the same time.
const THREADS: usize = 6;

/// Asks again and again while `change` is made. Before it somebody was allowed; whoever asks after it returned is not.
fn race(company: &Company, key: &str, change: impl FnOnce()) {
    let (changed, stop) = (AtomicBool::new(false), AtomicBool::new(false));
    let (before, after) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let caller = Caller::with_key(&company.base, key);
                while !stop.load(Ordering::SeqCst) {
                    // Looked at before the request begins: what is true now was done before.
                    let over = changed.load(Ordering::SeqCst);
                    let status = caller.get("/api/Spaces-1/environments").status;
                    match (over, status) {
                        (false, 200) => drop(before.fetch_add(1, Ordering::SeqCst)),
                        (true, 200) => {
                            stop.store(true, Ordering::SeqCst);
                            panic!("a request that began after the change was allowed");
                        }
                        (true, _) => drop(after.fetch_add(1, Ordering::SeqCst)),
                        (false, _) => {}
                    }
                }
            });
        }
        while before.load(Ordering::SeqCst) < THREADS * 5 && !stop.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        change();
        changed.store(true, Ordering::SeqCst);
        while after.load(Ordering::SeqCst) < THREADS * 5 && !stop.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        stop.store(true, Ordering::SeqCst);
    });
    assert!(before.load(Ordering::SeqCst) > 0 && after.load(Ordering::SeqCst) > 0);
}

#[test]
fn no_request_that_begins_after_a_change_is_allowed_whoever_made_it() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    let file = || {
        let file = rusqlite::Connection::open(server.data().join("companies/harbour/company.db")).unwrap();
        file.busy_timeout(std::time::Duration::from_secs(30)).unwrap();
        file
    };
    let role = json!({ "Name": "Looker", "GrantedSpacePermissions": ["EnvironmentView"] });
    let role = ada.post("/api/userroles", role).expect(201).json()["Id"].as_str().unwrap().to_owned();
    let team = ada.post("/api/teams", json!({ "Name": "Crew" })).expect(201).json()["Id"].as_str().unwrap().to_owned();
    let place = json!({ "TeamId": team, "UserRoleId": role, "SpaceId": "Spaces-1" });
    let number = |id: &str| id.rsplit('-').next().unwrap().to_owned();
    let everything = [
        "the command line deactivates them",
        "the API takes them out of the team",
        "the API changes the role",
        "the API takes the role off the team",
        "the API revokes the key",
        "another program takes them out of the team",
        "another program empties the role",
        "another program takes the role off the team",
        "another program ends the role",
        "another program ends the key",
    ];
    for (n, what) in everything.iter().enumerate() {
        let name = format!("robot-{n}");
        let made = json!({ "Username": name, "DisplayName": name, "IsService": true });
        let robot = ada.post("/api/users", made).expect(201).json()["Id"].as_str().unwrap().to_owned();
        let key = ada.post(&format!("/api/users/{robot}/apikeys"), json!({ "Purpose": "race" })).expect(201).json();
        ada.put(&format!("/api/teams/{team}"), json!({ "Name": "Crew", "MemberUserIds": [robot] })).expect(200);
        let whole = json!({ "Name": "Looker", "GrantedSpacePermissions": ["EnvironmentView"] });
        ada.put(&format!("/api/userroles/{role}"), whole).expect(200);
        let scoped =
            ada.post("/api/scopeduserroles", place.clone()).expect(201).json()["Id"].as_str().unwrap().to_owned();
        println!("{what}");
        race(&harbour, key["ApiKey"].as_str().unwrap(), || match *what {
            "the command line deactivates them" => {
                server.command(&["user", "deactivate", "harbour", &name]).run().expect_success();
            }
            "the API takes them out of the team" => {
                ada.put(&format!("/api/teams/{team}"), json!({ "Name": "Crew", "MemberUserIds": [] })).expect(200);
            }
            "the API changes the role" => {
                ada.put(&format!("/api/userroles/{role}"), json!({ "Name": "Looker" })).expect(200);
            }
            "the API takes the role off the team" => {
                ada.delete(&format!("/api/scopeduserroles/{scoped}"), ()).expect(200);
            }
            "the API revokes the key" => {
                let keys = ada.get(&format!("/api/users/{robot}/apikeys")).expect(200).json();
                let id = keys["Items"][0]["Id"].as_str().unwrap().to_owned();
                ada.delete(&format!("/api/users/{robot}/apikeys/{id}"), ()).expect(200);
            }
            "another program takes them out of the team" => {
                file().execute("DELETE FROM team_members WHERE user_id = ?1", [number(&robot)]).unwrap();
            }
            "another program empties the role" => {
                file().execute("DELETE FROM role_permissions WHERE role_id = ?1", [number(&role)]).unwrap();
            }
            "another program takes the role off the team" => {
                file().execute("DELETE FROM scoped_roles WHERE id = ?1", [number(&scoped)]).unwrap();
            }
            "another program ends the role" => {
                file().execute("UPDATE scoped_roles SET expires_at = 1 WHERE id = ?1", [number(&scoped)]).unwrap();
            }
            _ => {
                file().execute("UPDATE api_keys SET expires_at = 1 WHERE user_id = ?1", [number(&robot)]).unwrap();
            }
        });
        // What is left of this round goes before the next.
        file().execute("DELETE FROM scoped_roles WHERE id = ?1", [number(&scoped)]).unwrap();
    }
}

/// Findings I5: two who change two things of one settings page, or of one document, at once both get theirs; and of two who
/// change the same, from what they saw, one is told.
#[test]
fn findings_i5_of_two_changes_at_once_none_takes_the_other_back() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    let group = json!({ "Name": "Shop", "ProjectGroupId": "ProjectGroups-1", "LifecycleId": "Lifecycles-1" });
    ada.post("/api/Spaces-1/projects", group).expect(201);
    let own = "/api/Spaces-1/projects/Projects-1";
    let at_once = |one: &(dyn Fn() + Sync), other: &(dyn Fn() + Sync)| {
        let gate = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            for change in [one, other] {
                let gate = &gate;
                scope.spawn(move || {
                    gate.wait();
                    change();
                });
            }
        });
    };
    for round in 0..25 {
        let (zone, from) = (["Europe/Berlin", "Europe/Paris"][round % 2], format!("deploy-{round}@harbour.test"));
        at_once(&|| drop(ada.put("/api/settings/general", json!({ "TimeZone": zone })).expect(200)), &|| {
            drop(ada.put("/api/settings/general", json!({ "FromAddress": from })).expect(200))
        });
        let kept = ada.get("/api/settings").expect(200).json();
        assert_eq!((&kept["General"]["TimeZone"], &kept["General"]["FromAddress"]), (&json!(zone), &json!(from)));

        let (accent, name) = (format!("#0b64{:02x}", round + 16), format!("Harbour {round}"));
        at_once(&|| drop(ada.put("/api/settings/brand", json!({ "Accent": accent })).expect(200)), &|| {
            drop(ada.put("/api/settings/brand", json!({ "Name": name })).expect(200))
        });
        let kept = ada.get("/api/settings").expect(200).json();
        assert_eq!((&kept["Brand"]["Accent"], &kept["Brand"]["Name"]), (&json!(accent), &json!(name)));

        // How a project is deployed, and what it is called, are two documents of one thing.
        let mut project = ada.get(own).expect(200).json();
        project["Name"] = json!(format!("Shop {round}"));
        let settings = json!({ "ConnectivityPolicy": { "AllowDeploymentsToNoTargets": round % 2 == 0 }, "VersioningStrategy": project["VersioningStrategy"] });
        project["ProjectConnectivityPolicy"].as_object_mut().unwrap().remove("AllowDeploymentsToNoTargets");
        at_once(&|| drop(ada.put(own, project.clone()).expect(200)), &|| {
            drop(ada.put(&format!("{own}/deploymentsettings"), settings.clone()).expect(200))
        });
        let kept = ada.get(own).expect(200).json();
        let allowed = &kept["ProjectConnectivityPolicy"]["AllowDeploymentsToNoTargets"];
        assert_eq!((&kept["Name"], allowed), (&json!(format!("Shop {round}")), &json!(round % 2 == 0)));
    }

    // A process is saved over the version it was read at, by one of two.
    let process = format!("{own}/deploymentprocesses");
    for round in 0..10 {
        let read = ada.get(&process).expect(200).json();
        let won = AtomicUsize::new(0);
        let save = |name: &str| {
            let mut mine = read.clone();
            mine["Steps"] = json!([{ "Name": format!("{name} {round}"), "Actions": [{ "Name": "Say", "ActionType": "Octopus.Script",
                "Properties": { "Octopus.Action.RunOnServer": "True", "Octopus.Action.Script.ScriptBody": "true" } }] }]);
            match ada.put(&process, mine).status {
                200 => drop(won.fetch_add(1, Ordering::SeqCst)),
                status => assert_eq!(status, 409),
            }
        };
        at_once(&|| save("One"), &|| save("Other"));
        assert_eq!(won.load(Ordering::SeqCst), 1);
    }
}

/// The same of two people's pages: whoever is later sees what was changed, and nothing that they typed is saved over it.
#[test]
fn findings_i5_of_two_pages_sent_at_once_one_is_refused() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let mut page = server.browser();
    page.sign_in("harbour", &harbour.email, &harbour.password).expect(200);
    let page = &page;
    for round in 0..8 {
        let was = {
            let page = page.get("/harbour/settings/brand").expect(200).text();
            let rest = page.split("name=\"was\"").nth(1).expect("the form says what stood in it");
            rest.split("value=\"").nth(1).unwrap().split('"').next().unwrap().replace("&#38;", "&")
        };
        let saved = AtomicUsize::new(0);
        let gate = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            for n in 0..2 {
                let (gate, saved, was) = (&gate, &saved, &was);
                scope.spawn(move || {
                    let name = format!("Face {round}-{n}");
                    gate.wait();
                    let answer = page.post(
                        "/harbour/settings/brand",
                        [("name", name.as_str()), ("accent", "#0b6478"), ("was", was.as_str())],
                    );
                    match answer.status {
                        303 => drop(saved.fetch_add(1, Ordering::SeqCst)),
                        status => assert!(status == 422 && answer.text().contains("meanwhile"), "{answer}"),
                    }
                });
            }
        });
        assert_eq!(saved.load(Ordering::SeqCst), 1, "round {round}");
    }
}

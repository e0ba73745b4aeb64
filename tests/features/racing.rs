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

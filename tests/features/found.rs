//! What is found by the search and by name: people by what they are called, versions, machines, tasks by number
//! (findings C7); and nothing that the asker may not see.

use crate::support::{api::says, cast::Cast};
use serde_json::json;

#[test]
fn people_versions_machines_and_tasks_are_found_by_who_may_see_them() {
    let cast = Cast::assemble();
    let harbour = &cast.harbour;
    let ada = &harbour.administrator().browser;
    let task = harbour.administrator().key.get("/api/tasks?take=1").expect(200).json()["Items"][0]["Id"].clone();
    let task = task.as_str().unwrap_or_default().to_owned();
    let number = task.trim_start_matches("ServerTasks-").to_owned();
    let ben = harbour.administrator().key.get("/api/users?filter=ben@example.com").expect(200).json();
    let ben = ben["Items"][0]["Id"].as_str().unwrap_or_default().to_owned();
    let (release, machine) = (&harbour.things["releases"], &harbour.things["machines"]);
    let version = harbour.administrator().key.get(&format!("/api/Spaces-1/releases/{}", release.id)).expect(200).json();
    let version = version["Version"].as_str().unwrap_or_default().to_owned();
    let found = [
        ("ben".to_owned(), format!("/harbour/access/people/{ben}")),
        ("BEN@example.com".to_owned(), format!("/harbour/access/people/{ben}")),
        (ben.clone(), format!("/harbour/access/people/{ben}")),
        (version.clone(), format!("/releases/{version}")),
        (release.id.clone(), format!("/releases/{version}")),
        (machine.id.clone(), format!("/infrastructure/targets/{}", machine.slug)),
        (task.to_lowercase(), format!("/harbour/tasks/{task}")),
        (format!("%23{number}"), format!("/harbour/tasks/{task}")),
    ];
    for (asked, address) in &found {
        let page = ada.get(&format!("/harbour/search?q={asked}")).expect(200);
        assert!(page.text().contains(&format!("{address}\"")), "{asked}: {address} in {page}");
        // What is linked is there.
        if address.starts_with("/harbour") {
            ada.get(address).expect(200);
        }
    }
    let noel = &harbour.people["noel"].browser;
    for (asked, address) in &found {
        let page = noel.get(&format!("/harbour/search?q={asked}")).expect(200);
        assert!(!page.text().contains(&format!("{address}\"")), "{asked}: {address} in {page}");
    }
}

#[test]
fn in_why_a_person_is_whoever_is_called_so_and_several_are_offered() {
    let cast = Cast::assemble();
    let harbour = &cast.harbour;
    let (ada, key) = (&harbour.administrator().browser, &harbour.administrator().key);
    for (username, name) in [("bram1", "Bram Jansen"), ("bram2", "Bram Jansen"), ("okafor", "Benedict Okafor")] {
        let user = json!({ "Username": username, "DisplayName": name, "EmailAddress": format!("{username}@harbour.test"),
            "Password": format!("seven long lanterns of {username}") });
        key.post("/api/users", user).expect(201);
    }
    let asked = |person: &str| {
        ada.get(&format!("/harbour/access/why?permission=DeploymentCreate&space=default&person={person}"))
    };
    for person in ["okafor", "Benedict+Okafor", "benedict%20okafor", "okafor@harbour.test", "Okafor"] {
        says(&asked(person).expect(200), &["Benedict Okafor"]);
    }
    says(&asked("Bram+Jansen").expect(422), &["Bram Jansen (bram1)", "Bram Jansen (bram2)", "Give the username."]);
    says(&asked("Nobody+Here").expect(422), &["was not found"]);
}

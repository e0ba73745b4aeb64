//! Pages of projects, their process and their releases, as people use them: no script, forms and links only.

use super::projects::{project, step, steps};
use crate::support::{
    api::{Answer, Caller, Sent},
    browser_like::BrowserLike,
    server::{Company, Server},
};
use serde_json::json;

const PROJECTS: &str = "/harbour/default/projects";

fn founded() -> (Server, Company, BrowserLike) {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let mut ada = server.browser();
    ada.sign_in("harbour", &harbour.email, &harbour.password);
    (server, harbour, ada)
}

/// A page that must say all of this.
#[track_caller]
fn says(answer: Answer, status: u16, words: &[&str]) -> String {
    let answer = answer.expect(status);
    let text = answer.text();
    for word in words {
        assert!(text.contains(word), "“{word}” is missing in {answer}");
    }
    text
}

/// A form that is taken: the page that it leads to.
#[track_caller]
fn done(browser: &BrowserLike, path: &str, form: impl Into<Sent>) -> Answer {
    let answer = browser.post(path, form).expect(303);
    browser.follow(answer).expect(200)
}

fn version(page: &str) -> &str {
    page.split_once("name=\"version\" value=\"").and_then(|(_, rest)| rest.split('"').next()).unwrap()
}

const STEP: [(&str, &str); 6] = [
    ("name", "Copy files"),
    ("syntax", "Bash"),
    ("where", "worker"),
    ("condition", "Success"),
    ("script", "echo one\r\necho two"),
    ("notes", "Kept by Ada"),
];

fn with<'a>(form: &[(&'a str, &'a str)], changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let kept = form.iter().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    kept.chain(changes).copied().collect()
}

#[test]
fn a_project_is_made_changed_and_removed_by_forms() {
    let (_server, harbour, ada) = founded();
    says(ada.get(PROJECTS), 200, &["No projects yet", "Add the first project"]);
    says(ada.get(&format!("{PROJECTS}/new")), 200, &["Project group", "Lifecycle", "Always for a tenant"]);

    // Refused: what was typed comes back, each error beside its field.
    let wrong =
        [("name", " "), ("description", "Kept <words>"), ("group", "ProjectGroups-1"), ("tenanted", "Tenanted")];
    let page = says(ada.post(PROJECTS, wrong), 422, &["f-name-error", "Kept &#60;words&#62;"]);
    assert!(page.contains("value=\"Tenanted\" checked"), "{page}");
    let nowhere = [("name", "Shop"), ("group", "ProjectGroups-99"), ("tenanted", "Perhaps")];
    says(ada.post(PROJECTS, nowhere), 422, &["value=\"Shop\""]);
    says(ada.post(PROJECTS, [("name", "Shop"), ("group", "")]), 422, &["f-group-error"]);
    says(
        ada.post(PROJECTS, [("name", "Shop"), ("group", "ProjectGroups-1"), ("lifecycle", "Lifecycles-99")]),
        422,
        &["f-lifecycle-error"],
    );

    let form =
        [("name", "Shop"), ("description", "Sells things"), ("group", "ProjectGroups-1"), ("tenanted", "Untenanted")];
    says(done(&ada, PROJECTS, form), 200, &["Shop was added.", "What does a deployment do?"]);
    says(ada.post(PROJECTS, form), 422, &["There is a project called “Shop” already."]);
    says(ada.get(PROJECTS), 200, &["Sells things", "Never deployed"]);
    says(ada.get(&format!("{PROJECTS}?q=nothing")), 200, &["Nothing matches these filters."]);

    // Settings: another name and group, disabled; the address stays.
    let settings = format!("{PROJECTS}/shop/settings");
    let group = harbour.caller().post("/api/Spaces-1/projectgroups", json!({ "Name": "Web" })).expect(201).json();
    let group = group["Id"].as_str().unwrap().to_owned();
    let change = [("name", ""), ("group", group.as_str()), ("lifecycle", "Lifecycles-1"), ("tenanted", "Untenanted")];
    says(ada.post(&settings, change), 422, &["f-name-error"]);
    let change = with(&change, &[("name", "Shop two"), ("disabled", "true")]);
    says(done(&ada, &settings, change.as_slice()), 200, &["Shop two was saved and moved to Web."]);
    says(ada.get(&format!("{PROJECTS}/shop")), 200, &["Disabled", "Web"]);
    let page = says(ada.get(PROJECTS), 200, &["Disabled", "Shop two"]);
    assert!(page.contains(">Web</th>"), "the list is by group: {page}");
    let page = says(ada.get(&format!("{PROJECTS}?state=enabled")), 200, &[]);
    assert!(!page.contains("Shop two"));

    let delete = format!("{PROJECTS}/shop/delete");
    says(ada.post(&delete, [("confirm", "Shop")]), 422, &["Type the name as it stands here.", "Remove Shop two"]);
    says(done(&ada, &delete, [("confirm", "Shop two")]), 200, &["Shop two was deleted.", "No projects yet"]);
    ada.get(&format!("{PROJECTS}/shop")).expect(404);
}

#[test]
fn steps_are_added_changed_moved_and_removed_and_nothing_is_lost_to_a_second_person() {
    let (_server, harbour, ada) = founded();
    let caller = harbour.caller();
    let shop = project(&caller, "Shop");
    let test = caller.post("/api/Spaces-1/environments", json!({ "Name": "Test" })).expect(201).json();
    let test = test["Id"].as_str().unwrap().to_owned();
    let process = format!("{PROJECTS}/shop/process");
    let (new, add) = (format!("{process}/new"), format!("{process}/steps"));
    says(ada.get(&process), 200, &["Add the first step"]);

    let page = says(ada.get(&new), 200, &["Only in these environments", "Target tags"]);
    let first = version(&page).to_owned();
    let empty =
        with(&STEP, &[("version", &first), ("name", ""), ("script", " "), ("where", "targets"), ("syntax", "")]);
    let page = says(
        ada.post(&add, empty.as_slice()),
        422,
        &["f-name-error", "f-script-error", "f-roles-error", "f-syntax-error", "Kept by Ada"],
    );
    assert_eq!(version(&page), first);
    let form = with(&STEP, &[("version", &first), ("environments", &test), ("required", "true")]);
    says(done(&ada, &add, form.as_slice()), 200, &["Copy files was added.", "Only in Test", "Nobody may leave it out"]);

    // The same form once more, as by a second press: told, and nothing lost.
    let other = with(&form, &[("name", "Restart")]);
    let page = says(
        ada.post(&add, other.as_slice()),
        422,
        &["Somebody else changed the process", "value=\"Restart\"", "echo two"],
    );
    let again = with(&other, &[("version", version(&page)), ("where", "targets"), ("roles", "web, db")]);
    says(done(&ada, &add, again.as_slice()), 200, &["Restart was added.", "On targets tagged web or db"]);
    let taken = with(&again, &[("version", version(&says(ada.get(&new), 200, &[])).to_owned().leak())]);
    says(ada.post(&add, taken.as_slice()), 422, &["There is a step called “Restart” already."]);

    // What the wire says of it: plain line ends, and the notes.
    let own = format!("/api/Spaces-1/projects/{}/deploymentprocesses", shop["Id"].as_str().unwrap());
    let wire = caller.get(&own).expect(200).json();
    let action = &wire["Steps"][0]["Actions"][0];
    assert_eq!(action["Properties"]["Octopus.Action.Script.ScriptBody"], "echo one\necho two");
    assert_eq!((&action["Notes"], &action["Environments"]), (&json!("Kept by Ada"), &json!([test])));
    assert_eq!(wire["Steps"][1]["Properties"]["Octopus.Action.TargetRoles"], "web,db");

    // Moving, and moving from an old page.
    let page = says(ada.get(&process), 200, &[]);
    let up = page.split('"').find(|part| part.contains("/restart/up?")).unwrap().to_owned();
    assert!(!page.contains("/copy-files/up?") && !page.contains("/restart/down?"), "no move leads over an end");
    let page = says(done(&ada, &up, ()), 200, &["Restart was moved up."]);
    assert!(page.find(">Restart</a>").unwrap() < page.find(">Copy files</a>").unwrap());
    says(ada.post(&up.replace("/up?", "/down?"), ()), 422, &["Restart was not moved: somebody else changed"]);

    // Changing over somebody else's change.
    let edit = format!("{process}/steps/copy-files");
    let page = says(ada.get(&edit), 200, &["Copy files", "Remove Copy files"]);
    let mine = with(&STEP, &[("version", version(&page)), ("script", "echo mine"), ("name", "Copy all")]);
    let mut wire = caller.get(&own).expect(200).json();
    wire["Steps"][1]["Actions"][0]["Properties"]["Octopus.Action.Script.ScriptBody"] = json!("echo theirs");
    wire["Steps"][1]["Actions"][0]["Properties"]["made.by.a.program"] = json!("kept");
    wire["Steps"][1]["SomethingNew"] = json!({ "a": 1 });
    caller.put(&own, wire).expect(200);
    let page = says(
        ada.post(&edit, mine.as_slice()),
        422,
        &["Nothing of yours is lost", "echo mine", "echo theirs", "Saving keeps it"],
    );
    let mine = with(&mine, &[("version", version(&page)), ("disabled", "true")]);
    says(done(&ada, &edit, mine.as_slice()), 200, &["Copy all was saved.", "Disabled"]);
    let wire = caller.get(&own).expect(200).json();
    let (kept, action) = (&wire["Steps"][1], &wire["Steps"][1]["Actions"][0]);
    assert_eq!(
        (&kept["Name"], &action["Name"], &kept["SomethingNew"]),
        (&json!("Copy all"), &json!("Copy all"), &json!({ "a": 1 }))
    );
    assert_eq!(action["Properties"]["made.by.a.program"], "kept");
    assert_eq!(action["Properties"]["Octopus.Action.Script.ScriptBody"], "echo mine");

    // Removing: by name, and not from an old page.
    let page = says(ada.get(&edit), 200, &[]);
    let remove = page.split('"').find(|part| part.contains("/remove?")).unwrap().to_owned();
    says(ada.post(&remove, [("confirm", "copy")]), 422, &["Type the name as it stands here."]);
    let old = remove.replace("version=", "version=9");
    says(ada.post(&old, [("confirm", "Copy all")]), 422, &["Somebody else changed the process"]);
    says(done(&ada, &remove, [("confirm", "Copy all")]), 200, &["Copy all was removed."]);
    says(ada.post(&edit, mine.as_slice()), 422, &["Somebody else removed this step", "echo mine"]);
    ada.get(&edit).expect(404);
}

#[test]
fn a_release_is_made_looked_at_and_removed_by_forms() {
    let (_server, harbour, ada) = founded();
    let caller = harbour.caller();
    for name in ["Test", "Production"] {
        caller.post("/api/Spaces-1/environments", json!({ "Name": name })).expect(201);
    }
    let shop = project(&caller, "Shop");
    let releases = format!("{PROJECTS}/shop/releases");
    let new = format!("{releases}/new");
    says(ada.get(&new), 200, &["has no steps to run"]);
    says(ada.post(&releases, [("version", "1.0.0")]), 422, &["has no steps to run"]);
    steps(&caller, &shop, &[step("Greet", "echo good morning")]);

    says(ada.get(&format!("{PROJECTS}/shop")), 200, &["Create the first release"]);
    says(ada.get(&new), 200, &["value=\"0.0.1\"", "Greet"]);
    says(ada.post(&releases, [("version", "one two"), ("notes", "Kept")]), 422, &["f-version-error", "Kept"]);
    says(ada.post(&releases, [("version", "")]), 422, &["f-version-error"]);
    let form = [("version", "1.0.0+build.7"), ("notes", "First line\r\nSecond <b>line</b>")];
    let page = done(&ada, &releases, form);
    says(
        page,
        200,
        &[
            "Shop 1.0.0+build.7",
            "Not deployed yet",
            "Next: Test.",
            "Second &lt;b&gt;line",
            "echo good morning",
            "Test first",
        ],
    );
    says(ada.post(&releases, form), 422, &["f-version-error", "has a release 1.0.0+build.7 already"]);
    says(ada.get(&new), 200, &["value=\"1.0.1\""]);

    let own = format!("{releases}/1.0.0%2Bbuild.7");
    says(ada.get(&releases), 200, &[&own, "First line", "Deploy…"]);
    says(ada.get(&format!("{releases}?q=9.9")), 200, &["No release has this in its version."]);
    says(
        ada.get(&format!("{PROJECTS}/shop")),
        200,
        &["1.0.0+build.7 is the newest release; next: Test.", "Deploy 1.0.0+build.7…"],
    );
    says(ada.get(&format!("{own}/edit")), 200, &["Save the notes"]);
    says(done(&ada, &own, [("notes", "Other notes")]), 200, &["Other notes", "were saved"]);
    let long = "x".repeat(100_001);
    says(ada.post(&own, [("notes", long.as_str())]), 422, &["f-notes-error"]);

    // A second channel is to choose from.
    let channel = json!({ "Name": "Beta", "ProjectId": shop["Id"] });
    caller.post("/api/Spaces-1/channels", channel).expect(201);
    says(ada.get(&new), 200, &["Beta"]);
    says(done(&ada, &releases, [("version", "2.0.0"), ("channel", "Beta")]), 200, &["Beta"]);
    says(ada.post(&releases, [("version", "2.0.1"), ("channel", "Gamma")]), 422, &["f-channel-error"]);

    says(ada.post(&format!("{own}/delete"), [("confirm", "1.0.0")]), 422, &["Type the version as it stands here."]);
    says(done(&ada, &format!("{own}/delete"), [("confirm", "1.0.0+build.7")]), 200, &["was deleted"]);
    ada.get(&own).expect(404);
}

/// Ben, in a team that has one role for one project.
fn ben(server: &Server, caller: &Caller, role: &str, project: &serde_json::Value) -> BrowserLike {
    let password = "a password of Ben's own";
    let body = json!({ "DisplayName": "Ben", "EmailAddress": "ben@harbour.test", "Password": password });
    let user = caller.post("/api/users", body).expect(201).json();
    let team = caller.post("/api/teams", json!({ "Name": "Crew", "MemberUserIds": [user["Id"]] })).expect(201).json();
    let scoped =
        json!({ "TeamId": team["Id"], "UserRoleId": role, "SpaceId": "Spaces-1", "ProjectIds": [project["Id"]] });
    caller.post("/api/scopeduserroles", scoped).expect(201);
    let mut browser = server.browser();
    browser.sign_in("harbour", "ben@harbour.test", password);
    browser
}

#[test]
fn who_may_only_look_at_one_project_sees_that_one_and_no_button_that_works() {
    let (server, harbour, ada) = founded();
    let caller = harbour.caller();
    caller.post("/api/Spaces-1/environments", json!({ "Name": "Test" })).expect(201);
    let (shop, secret) = (project(&caller, "Shop"), project(&caller, "Secret"));
    for project in [&shop, &secret] {
        steps(&caller, project, &[step("Greet", "echo good morning")]);
        caller.post("/api/Spaces-1/releases", json!({ "ProjectId": project["Id"], "Version": "1.0.0" })).expect(201);
    }
    let ben = ben(&server, &caller, "userroles-projectviewer", &shop);

    let page = says(ben.get(PROJECTS), 200, &["Shop"]);
    assert!(!page.contains("Secret") && !page.contains("/projects/new"), "{page}");
    let page = says(ben.get(&format!("{PROJECTS}/shop")), 200, &["1.0.0"]);
    for absent in ["/releases/new", "/deployments/new", "/settings\"", "Deploy…"] {
        assert!(!page.contains(absent), "{absent} in {page}");
    }
    let page = says(ben.get(&format!("{PROJECTS}/shop/process")), 200, &["Greet", "echo good morning"]);
    assert!(!page.contains("/process/new") && !page.contains("/steps/"), "{page}");
    let page = says(ben.get(&format!("{PROJECTS}/shop/releases/1.0.0")), 200, &["Greet"]);
    assert!(!page.contains("/edit") && !page.contains("/delete"), "{page}");

    for denied in [
        "new",
        "shop/settings",
        "shop/process/new",
        "shop/process/steps/greet",
        "shop/releases/new",
        "shop/releases/1.0.0/edit",
    ] {
        let page = ben.get(&format!("{PROJECTS}/{denied}"));
        assert_eq!(page.status, 403, "{page}");
    }
    for hidden in [
        "secret",
        "secret/process",
        "secret/releases",
        "secret/releases/1.0.0",
        "secret/settings",
        "secret/process/new",
    ] {
        let page = ben.get(&format!("{PROJECTS}/{hidden}"));
        assert_eq!(page.status, 404, "{page}");
    }
    for (path, status) in [
        ("", 403),
        ("/shop/settings", 403),
        ("/shop/delete", 403),
        ("/shop/process/steps", 403),
        ("/shop/process/steps/greet", 403),
        ("/shop/process/steps/greet/up", 403),
        ("/shop/process/steps/greet/down", 403),
        ("/shop/process/steps/greet/remove", 403),
        ("/shop/releases", 403),
        ("/shop/releases/1.0.0", 403),
        ("/shop/releases/1.0.0/delete", 403),
        ("/secret/settings", 404),
        ("/secret/delete", 404),
        ("/secret/process/steps", 404),
        ("/secret/releases", 404),
        ("/secret/releases/1.0.0/delete", 404),
    ] {
        let answer = ben.post(&format!("{PROJECTS}{path}"), [("name", "Mine"), ("confirm", "Shop")]);
        assert_eq!(answer.status, status, "{answer}");
    }
    says(ada.get(PROJECTS), 200, &["Shop", "Secret"]);
}

#[test]
fn many_projects_come_in_pages() {
    let (_server, harbour, ada) = founded();
    let caller = harbour.caller();
    for number in 0..120 {
        project(&caller, &format!("Project {number:03}"));
    }
    let page = says(ada.get(PROJECTS), 200, &["1–50 of 120", "Project 049"]);
    assert!(!page.contains("Project 050"));
    says(ada.get(&format!("{PROJECTS}?page=3")), 200, &["101–120 of 120", "Project 119"]);
    says(ada.get(&format!("{PROJECTS}?page=999")), 200, &["101–120 of 120"]);
    says(ada.get(&format!("{PROJECTS}?q=project+11")), 200, &["1–10 of 10"]);
}

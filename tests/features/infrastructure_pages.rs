//! The pages of deployment targets and accounts: a real machine shows its host key, and no secret comes back.

use crate::support::{
    api::{Answer, says},
    browser_like::BrowserLike,
    machine::Machine,
    server::{Company, Server},
};
use serde_json::json;

const INFRASTRUCTURE: &str = "/harbour/default/infrastructure";

fn founded(server: &Server) -> (Company, BrowserLike) {
    let (harbour, ada) = super::harbour(server);
    for name in ["Staging", "Production"] {
        harbour.caller().post("/api/Spaces-1/environments", json!({ "Name": name })).expect(201);
    }
    (harbour, ada)
}

#[track_caller]
fn says_nothing_of(answer: &Answer, words: &[&str]) {
    let text = answer.text();
    for word in words {
        assert!(!text.contains(word), "{word} stands in {answer}");
    }
}

#[test]
fn an_account_is_added_changed_and_removed_and_its_secrets_never_come_back() {
    let server = Server::start();
    let (company, ada) = founded(&server);
    let machine = Machine::start();
    let key = machine.private_key();
    let body = key.lines().nth(1).unwrap();
    let accounts = format!("{INFRASTRUCTURE}/accounts");
    says(&ada.get(&accounts).expect(200), &["No accounts yet", "Add the first account"]);
    says(&ada.get(&format!("{accounts}/new")).expect(200), &["name=\"key\"", "name=\"password\"", "Environments-2"]);

    let wrong = [
        ("name", "Deploy"),
        ("kind", "SshKeyPair"),
        ("username", "two words"),
        ("key", "my secret key"),
        ("passphrase", "open sesame"),
        ("environments", "Environments-1"),
    ];
    let refused = ada.post(&accounts, wrong).expect(422);
    says(&refused, &["id=\"f-key-error\"", "id=\"f-username-error\"", "value=\"two words\"", "give it once more"]);
    says(&refused, &["value=\"Environments-1\" checked"]);
    says_nothing_of(&refused, &["my secret key", "open sesame"]);

    let right = [
        ("name", "Deploy"),
        ("kind", "SshKeyPair"),
        ("username", "deploy"),
        ("key", key.as_str()),
        ("passphrase", "open sesame"),
        ("environments", "Environments-1"),
    ];
    let made = ada.post(&accounts, right).expect(303);
    assert_eq!(made.location(), format!("{accounts}/deploy"));
    let shown = ada.follow(made).expect(200);
    says(&shown, &["Deploy was added.", "SSH key · Staging", "Set"]);
    let form = ada.get(&format!("{accounts}/deploy/edit")).expect(200);
    says(&form, &["Set, unchanged", "The key has no passphrase any more", "value=\"Environments-1\" checked"]);
    for answer in [&shown, &form, &ada.get(&accounts).expect(200)] {
        says_nothing_of(answer, &[body, "open sesame"]);
    }

    // Empty secrets stay as they are; the passphrase goes when it is said to.
    let same = [("name", "Deploy"), ("username", "deploy"), ("description", "Web"), ("no_passphrase", "true")];
    let saved = ada.post(&format!("{accounts}/deploy"), same).expect(303);
    says(&ada.follow(saved).expect(200), &["Deploy was saved.", "All environments", "None"]);
    let api = company.caller();
    let seen = api.get("/api/Spaces-1/accounts/all").expect(200).json();
    assert_eq!(seen[0]["PrivateKeyFile"]["HasValue"], true, "{seen}");
    assert_eq!(seen[0]["PrivateKeyPassphrase"]["HasValue"], false, "{seen}");

    let nowhere = [("name", "X"), ("username", "x"), ("environments", "Environments-99"), ("key", key.as_str())];
    says(&ada.post(&accounts, nowhere).expect(422), &["not there any more"]);
    let password =
        [("name", "Old"), ("kind", "UsernamePassword"), ("username", "root"), ("password", "hunter2hunter2")];
    let made = ada.post(&accounts, password).expect(303);
    says_nothing_of(&ada.follow(made).expect(200), &["hunter2", "Passphrase"]);
    says(&ada.get(&format!("{accounts}?kind=UsernamePassword")).expect(200), &[">Old<"]);
    says_nothing_of(&ada.get(&format!("{accounts}?kind=UsernamePassword")).expect(200), &[">Deploy<"]);
    ada.post(&format!("{accounts}/old/delete"), [("confirm", "Deploy")]).expect(422);
    ada.post(&format!("{accounts}/old/delete"), [("confirm", "Old")]).expect(303);
    ada.get(&format!("{accounts}/old")).expect(404);
}

#[test]
fn a_deployment_target_is_added_with_the_key_that_the_machine_shows() {
    let server = Server::start();
    let (_company, ada) = founded(&server);
    let machine = Machine::start();
    let (port, key) = (machine.port().to_string(), machine.private_key());
    let account = [("name", "Deploy"), ("kind", "SshKeyPair"), ("username", machine.user()), ("key", key.as_str())];
    ada.post(&format!("{INFRASTRUCTURE}/accounts"), account).expect(303);
    let targets = format!("{INFRASTRUCTURE}/targets");
    says(&ada.get(&targets).expect(200), &["No deployment targets yet", "Add the first deployment target"]);
    says(&ada.get(&format!("{targets}/new")).expect(200), &["Read the host key from the machine", "Accounts-1"]);

    let refused = ada.post(&targets, [("name", "web-01"), ("port", "many"), ("roles", " , ")]).expect(422);
    for field in ["environments", "roles", "host", "port", "host_key", "account"] {
        says(&refused, &[&format!("id=\"f-{field}-error\"")]);
    }
    says(&refused, &["value=\"web-01\""]);

    // The machine is asked; nothing is saved, nothing is lost, and the person is told to compare.
    let typed = [
        ("name", "web-01"),
        ("roles", "web, db"),
        ("environments", "Environments-2"),
        ("host", machine.host()),
        ("port", port.as_str()),
        ("account", "Accounts-1"),
        ("participation", "Tenanted"),
    ];
    let asked = ada.post(&targets, [&typed[..], &[("do", "host-key")]].concat().as_slice()).expect(200);
    let seen = machine.fingerprint();
    says(
        &asked,
        &[&seen, "Compare it", "value=\"web, db\"", "value=\"Environments-2\" checked", "value=\"Tenanted\" checked"],
    );
    says(&ada.get(&targets).expect(200), &["No deployment targets yet"]);
    let closed = ada.post(&targets, [("host", "127.0.0.1"), ("port", "1"), ("do", "host-key")]).expect(422);
    says(&closed, &["id=\"f-host-error\"", "Check that the machine is on"]);
    says(&ada.post(&targets, [("port", "22"), ("do", "host-key")]).expect(422), &["id=\"f-host-error\""]);

    let made = ada.post(&targets, [&typed[..], &[("host_key", seen.as_str())]].concat().as_slice()).expect(303);
    assert_eq!(made.location(), format!("{targets}/web-01"));
    says(&ada.follow(made).expect(200), &["web-01 was added.", "in Production", "Not checked yet", ">db<"]);
    says(&ada.get(&format!("{targets}?environment=production&health=Unknown&tag=db")).expect(200), &[">web-01<"]);
    says(&ada.get(&format!("{targets}?environment=staging")).expect(200), &["Nothing matches these filters."]);
    says(
        &ada.get(&format!("{INFRASTRUCTURE}/accounts/deploy")).expect(200),
        &["Deploy cannot be deleted: it is used by the deployment target web-01. Give them another account first."],
    );

    let queued = ada.post(&format!("{targets}/web-01/health"), ()).expect(303);
    assert!(queued.location().starts_with("/harbour/tasks/"), "{queued}");

    says(&ada.get(&format!("{targets}/web-01/edit")).expect(200), &[&seen, "value=\"db, web\""]);
    let mut off =
        [&typed[..], &[("host_key", seen.as_str()), ("disabled", "true"), ("environments", "Environments-1")]].concat();
    let saved = ada.post(&format!("{targets}/web-01"), off.as_slice()).expect(303);
    says(&ada.follow(saved).expect(200), &["web-01 was saved.", "Disabled", "Staging, Production"]);
    off.retain(|(name, _)| *name != "environments");
    let refused = ada.post(&format!("{targets}/web-01"), off.as_slice()).expect(422);
    says(&refused, &["id=\"f-environments-error\""]);

    ada.post(&format!("{targets}/web-01/delete"), [("confirm", "web-1")]).expect(422);
    let gone = ada.post(&format!("{targets}/web-01/delete"), [("confirm", "web-01")]).expect(303);
    says(&ada.follow(gone).expect(200), &["web-01 was deleted."]);
    ada.get(&format!("{targets}/web-01")).expect(404);
}

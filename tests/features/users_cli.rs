//! `bulkhead user …`: people of a company from the command line, while the server runs.

use crate::support::server::Server;
use serde_json::{Value, json};

#[test]
fn people_are_listed_invited_shut_out_and_let_in() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let run = |arguments: &[&str]| server.command(arguments).run();
    let told = run(&["user", "invite", "harbour", "ben@harbour.test", "--team", "Managers"]).expect_success();
    let link = told.stdout.trim().strip_prefix("invitation: ").expect("a link").to_owned();
    let listed: Value =
        serde_json::from_str(&run(&["--json", "user", "list", "harbour"]).expect_success().stdout).unwrap();
    let ben = listed.as_array().unwrap().iter().find(|user| user["email"] == "ben@harbour.test").unwrap();
    assert_eq!((&ben["state"], &ben["name"]), (&json!("invited"), &json!("ben")));
    run(&["user", "deactivate", "harbour", "ben@harbour.test"]).expect_code(3);

    let mut browser = server.browser();
    let password = "a password of Ben's own";
    browser.post(&link, [("password", password), ("again", password)]).expect(303);
    browser.sign_in("harbour", "ben@harbour.test", password).expect(200);
    browser.get("/harbour/api/users").expect(200);
    run(&["user", "deactivate", "harbour", "ben@harbour.test"]).expect_success();
    browser.get("/harbour/api/users").expect(401);
    let told = run(&["user", "reactivate", "harbour", "BEN@harbour.test"]).expect_success();
    assert_eq!(told.stdout.trim(), "ben: active");
    browser.get("/harbour/api/users").expect(401);
    browser.sign_in("harbour", "ben@harbour.test", password).expect(200);

    // Without the telephone: a new one is set up at the next sign-in, after the password.
    let mut other = server.browser();
    run(&["user", "reset-second-factor", "harbour", "ben@harbour.test"]).expect_success();
    browser.get("/harbour/api/users").expect(401);
    let page = other.give_password("harbour", "ben@harbour.test", password).text();
    assert!(page.contains("id=\"totp-secret\""), "{page}");

    // And without the password: the link works once, and the second factor is asked for as ever.
    let told = run(&["user", "reset-password", "harbour", "ben@harbour.test"]).expect_success();
    let link = told.stdout.trim().strip_prefix("reset: ").expect("a link").to_owned();
    server.browser().get(&link).expect(200);

    // The last administrator stays, also from here; and what is not there is refused.
    run(&["user", "deactivate", "harbour", "ada@harbour.test"]).expect_code(3);
    for unknown in [
        &["user", "deactivate", "harbour", "eve@harbour.test"][..],
        &["user", "list", "nowhere"],
        &["user", "invite", "harbour", "eve@harbour.test", "--team", "Nobody"],
        &["user", "invite", "harbour", "ben@harbour.test"],
        &["user", "invite", "harbour", "no address"],
    ] {
        run(unknown).expect_code(3);
    }
    let told = run(&["user", "invite", "harbour", "eve@harbour.test", "--team", "Nobody"]).expect_code(3);
    assert!(told.stderr.contains("There is no team called “Nobody” in this company."), "{}", told.stderr);
    for team in ["Space managers", "teams-spacemanagers-spaces-1"] {
        let told = run(&["user", "invite", "harbour", "eve@harbour.test", "--team", team]).expect_code(3);
        assert!(told.stderr.contains(&format!("The team “{team}” belongs to a space.")), "{}", told.stderr);
    }
    let trail = harbour.caller().get("/api/events?take=50").expect(200).text();
    assert!(trail.contains("ben was invited into Managers") && trail.contains("ben was deactivated"), "{trail}");
}

/// Findings I3: what the pages can, the command line can.
#[test]
fn an_invitation_is_made_again_and_taken_back() {
    let server = Server::start();
    let run = |arguments: &[&str]| server.command(arguments).run();
    let create = ["--name", "Harbour Ltd", "--admin-name", "Ada", "--admin-email", "ada@harbour.test"];
    let told = run(&[&["company", "create", "harbour"][..], &create].concat()).expect_success();
    let link = |told: &str| {
        let line = told.lines().find(|line| line.starts_with("invitation: ")).expect("a link");
        line.trim_start_matches("invitation: ").to_owned()
    };
    let first = link(&told.stdout);
    let nobody = server.nobody();
    nobody.get(&first).expect(200);
    let again = link(&run(&["user", "invite-again", "harbour", "ada@harbour.test"]).expect_success().stdout);
    nobody.get(&first).expect(404);
    nobody.get(&again).expect(200);
    let refused = run(&["user", "revoke", "harbour", "ada@harbour.test"]).expect_code(3);
    assert!(refused.stderr.contains("Administrators would be left"), "{}", refused.stderr);

    let ben = link(&run(&["user", "invite", "harbour", "ben@harbour.test"]).expect_success().stdout);
    // What is refused names the command that is meant.
    let refused = run(&["user", "deactivate", "harbour", "ben@harbour.test"]).expect_code(3);
    assert!(refused.stderr.contains("bulkhead user revoke harbour ben@harbour.test"), "{}", refused.stderr);
    let refused = run(&["user", "reactivate", "harbour", "ben@harbour.test"]).expect_code(3);
    assert!(refused.stderr.contains("bulkhead user invite-again harbour ben@harbour.test"), "{}", refused.stderr);
    let told = run(&["user", "revoke", "harbour", "ben@harbour.test"]).expect_success();
    assert_eq!(told.stdout.trim(), "ben: the invitation was revoked");
    nobody.get(&ben).expect(404);
    for command in ["invite-again", "revoke"] {
        run(&["user", command, "harbour", "ben@harbour.test"]).expect_code(3);
        run(&["user", command, "nope", "ben@harbour.test"]).expect_code(3);
    }
}

//! Fresh proofs (findings B1, B2, A15): every route that changes something, asked by an administrator whose session has not
//! proved for more than ten minutes who it belongs to. `proof.txt` is the list: what each route's permission asks
//! (`company/access/proving.rs`), and whether the session was asked. What the permission always asks is asked before
//! anything of the request is read, by page and API alike; what some of its commands ask is shown here with a request that
//! gives, takes or moves a right, a secret or a way of signing in, where the route can.

use bulkhead::{company::access::PROOFS, http::table::Needs};
use serde_json::{Value, json};
use std::fmt::Write as _;

use super::rows::{Row, rows};
use crate::support::{
    api::Answer,
    cast::{Cast, House, Person, send_form},
};

/// What is sent to routes some of whose commands ask: without it nothing that asks would be tried.
fn told(row: &Row, house: &House) -> Option<Value> {
    let id = |kind: &str| house.things[kind].id.clone();
    // What another route has done already would be no change.
    let mark = row.name().bytes().fold(7u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    let (called, host, address) =
        (format!("A machine {mark}"), format!("m{mark}.invalid"), format!("m{mark}@harbour.test"));
    let secret = json!({ "HasValue": true, "NewValue": "another secret" });
    let endpoint = json!({ "CommunicationStyle": "Ssh", "Host": host, "Port": 22, "AccountId": id("accounts"),
        "Fingerprint": "SHA256:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBE" });
    let machine = json!({ "Name": called, "EnvironmentIds": [id("environments")], "Roles": ["web"], "Endpoint": endpoint,
        "TenantedDeploymentParticipation": "TenantedOrUntenanted" });
    let machine_form = json!({ "name": called, "environments": id("environments"), "roles": "web", "host": host,
        "participation": "TenantedOrUntenanted", "port": "22", "account": id("accounts"),
        "host_key": "SHA256:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBE" });
    Some(match row.name().as_str() {
        "PUT /{company}/api/{space}/accounts/{id}" => {
            json!({ "Name": "An account", "AccountType": "UsernamePassword", "Username": "deploy", "Password": secret })
        }
        "POST /{company}/{space}/infrastructure/accounts/{account}" => {
            json!({ "name": "An account", "kind": "UsernamePassword", "username": "deploy", "password": "another secret" })
        }
        "POST /{company}/api/{space}/machines" | "PUT /{company}/api/{space}/machines/{id}" => machine,
        "POST /{company}/{space}/infrastructure/targets"
        | "POST /{company}/{space}/infrastructure/targets/{target}" => machine_form,
        "PUT /{company}/api/settings/general" => {
            json!({ "Name": "Harbour", "TimeZone": "UTC", "FromAddress": address })
        }
        "POST /{company}/settings" => {
            json!({ "name": "Harbour", "time_zone": "UTC", "from_address": address })
        }
        "PUT /{company}/api/spaces/{id}" => {
            json!({ "Name": "Default", "IsDefault": true, "SpaceManagersTeamMembers": ["Users-1", id("users"), "Users-2"] })
        }
        "POST /{company}/settings/spaces/{which}" => {
            json!({ "name": "Default", "default": "true", "managers": "Users-2" })
        }
        "POST /{company}/api/users/{id}/apikeys" => json!({ "Purpose": "a key" }),
        "POST /{company}/me/keys" => json!({ "purpose": "a key", "days": "30" }),
        "PUT /{company}/api/users/me" => json!({ "EmailAddress": address }),
        "POST /{company}/me/email" => json!({ "email": address }),
        "PUT /{company}/api/users/me/password" => {
            json!({ "CurrentPassword": "x", "NewPassword": "a wholly other password" })
        }
        "POST /{company}/me/password" => {
            json!({ "current": "x", "password": "a wholly other password", "again": "a wholly other password" })
        }
        "POST /{company}/me/factors/passkey" | "POST /{company}/me/factors/app" => {
            json!({ "name": "App", "code": "000000" })
        }
        "POST /{company}/api/users/me/factors" => json!({ "Name": "App", "Code": "000000" }),
        "PUT /{company}/api/users/me/factors/{factor}" => json!({ "Name": "App" }),
        "POST /{company}/me/factors/{factor}" => json!({ "name": "App" }),
        "POST /{company}/me" => json!({ "display_name": "Ada", "name": "Ada" }),
        _ => return None,
    })
}

/// Routes of which some commands ask and that gave no answer to the question: a wrong request is refused before.
const SHOW_NOTHING: &[&str] = &[
    // No mail server is set up here, and no picture sent.
    "POST /{company}/settings/letters/test",
    "POST /{company}/settings/brand/logo",
    "PUT /{company}/api/settings/brand/logo",
    // The teams for emergencies have their own tests.
    "POST /{company}/api/emergencies",
    // A proof is what these take.
    "POST /{company}/api/users/me/proof",
    "POST /{company}/api/users/me/proof/passkey",
];

fn set_proof(cast: &Cast, ago: i64) {
    let sql = cast.harbour.file(&cast.server);
    let at = bulkhead::base::clock::now().0 - ago;
    sql.execute("UPDATE sessions SET proved_at = ?1", [at]).expect("sessions");
}

fn ask(person: &Person, row: &Row, path: &str, body: &Value) -> Answer {
    if row.is_page() {
        return send_form(&person.browser, "harbour", &row.door.method, path, body);
    }
    let caller = person.browser.caller();
    let origin = caller.base().to_owned();
    let headers = [("Origin", origin.as_str()), ("Sec-Fetch-Site", "same-origin")];
    let path = format!("/harbour{path}");
    match body {
        Value::Null => caller.call_saying(&row.door.method, &path, (), &headers),
        body => caller.call_saying(&row.door.method, &path, body.clone(), &headers),
    }
}

fn asks_for_proof(row: &Row, answer: &Answer) -> bool {
    answer.status == 403
        && match row.is_page() {
            true => answer.text().contains("name=\"proof-"),
            false => answer.json()["Details"]["Reason"] == "ProofNeeded",
        }
}

/// What a route's permission asks; of one's own account, each command.
fn word(row: &Row) -> &'static str {
    match row.door.needs {
        Needs::Permission(name) => PROOFS.iter().find(|(known, _)| *known == name).map_or("look", |(_, word)| *word),
        _ => "by command",
    }
}

#[test]
fn a_stale_session_is_asked_for_a_proof_by_every_route_that_gives_takes_or_moves_rights_or_secrets() {
    let cast = Cast::assemble();
    let house = &cast.harbour;
    let ada = &house.people["ada"];
    let (mut changes, mut findings) = (Vec::new(), Vec::new());
    for row in rows().0 {
        let of_appliance = matches!(row.door.needs, Needs::Permission(name) if name.starts_with("Company"));
        let looks = row.door.method == "GET" || row.door.needs == Needs::Public || of_appliance;
        if !looks && !row.door.path.contains("sign-out") {
            changes.push(row);
        }
    }
    // What takes things away comes last.
    changes.sort_by_key(|row| (row.door.method == "DELETE", row.door.path.ends_with("/delete")));
    let mut table = String::from(
        "# What a session without a fresh proof is asked, route by route, for an administrator. Printed by\n\
         # tests/isolation/proof.rs; renew with UPDATE_TABLES=1; review what changed.\n\
         # route | needs | what its changes ask | the stale session\n",
    );
    let mut lines = Vec::new();
    for row in &changes {
        let (path, body) = (row.path(house), told(row, house).unwrap_or_else(|| row.body(house)));
        set_proof(&cast, 601_000);
        let stale = ask(ada, row, &path, &body);
        let asked = asks_for_proof(row, &stale);
        let (name, word) = (row.name(), word(row));
        let done = matches!(stale.status, 200..=399);
        match word {
            "fresh" if !asked => findings.push(format!("{name} was not asked for a proof: {stale}")),
            "none" if asked => findings.push(format!("{name} asks for a proof and gives nothing away: {stale}")),
            "by command"
                if !asked
                    && !done
                    && !matches!(stale.status, 404 | 409)
                    && !SHOW_NOTHING.contains(&&*name)
                    // What this version has none of yet.
                    && !stale.text().contains("yet. Nothing was made.") =>
            {
                findings.push(format!("{name} shows nothing: give it a body in `told`. {stale}"));
            }
            _ => {}
        }
        if asked {
            set_proof(&cast, 0);
            let fresh = ask(ada, row, &path, &body);
            if asks_for_proof(row, &fresh) || matches!(fresh.status, 401 | 403 | 500..) {
                findings.push(format!("{name}, with a fresh proof: {fresh}"));
            }
        }
        lines.push(format!(
            "{name} | {} | {word} | {}",
            row.door.needs.word(),
            if asked { "asked" } else { "goes on" }
        ));
    }
    lines.sort();
    for line in &lines {
        let _ = writeln!(table, "{line}");
    }
    let _ = writeln!(table, "\n# permission | what its changes ask");
    for (name, word) in PROOFS {
        let _ = writeln!(table, "{name} | {word}");
    }
    let shown: Vec<String> = findings.iter().map(|finding| finding.chars().take(500).collect()).collect();
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), shown.join("\n"));
    super::kept("tests/isolation/proof.txt", &table);
}

/// findings A15: rules of sign-in are changed by people, whatever a key holds; the rest too where the company says so.
#[test]
fn no_key_changes_the_rules_of_sign_in_and_none_changes_access_where_only_people_do() {
    let cast = Cast::assemble();
    let house = &cast.harbour;
    let ada = &house.people["ada"];
    let refused = |answer: Answer| {
        let answer = answer.expect(403);
        assert_eq!(answer.json()["Details"]["Reason"], "PersonNeeded", "{answer}");
    };
    refused(ada.key.put("/api/settings/signin", json!({ "SecondFactor": "nobody" })));
    refused(ada.key.put("/api/users/me/password", json!({ "CurrentPassword": "x", "NewPassword": "y" })));
    house.post("/api/teams", json!({ "Name": "By a key" }));

    let by_session = |body: Value| {
        let row = |name: &str| rows().0.into_iter().find(|row| row.name() == name).expect("a route");
        ask(ada, &row("PUT /{company}/api/settings/signin"), "/api/settings/signin", &body)
    };
    by_session(json!({ "AccessByPeopleOnly": true })).expect(200);
    refused(ada.key.post("/api/teams", json!({ "Name": "By a key again" })));
    refused(ada.key.post("/api/users/me/apikeys", json!({ "Purpose": "a key by a key" })));
    refused(ada.key.post("/api/users/invitations", json!({ "AddToTeamIds": ["teams-administrators"] })));
    // What is no access goes on: a pipeline deploys.
    ada.key.post("/api/Spaces-1/projectgroups", json!({ "Name": "By a key" })).expect(201);
    by_session(json!({ "AccessByPeopleOnly": false })).expect(200);
    house.post("/api/teams", json!({ "Name": "By a key again" }));
}

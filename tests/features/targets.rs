//! Deployment targets and accounts, through the front door.

use crate::support::server::Server;
use serde_json::{Value, json};

const KEY: &str = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";

fn machine(name: &str, environments: &[&str]) -> Value {
    json!({
        "name": name, "environmentIds": environments, "roles": ["web", "Web"],
        "endpoint": { "communicationStyle": "Ssh", "host": "web1.example.com", "port": 2222, "fingerprint": KEY, "accountId": "Accounts-1" },
    })
}

#[test]
fn accounts_keep_their_secrets() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    let pem = "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0LXBhcnQ=\n-----END OPENSSH PRIVATE KEY-----\n";
    let body = json!({
        "AccountType": "SshKeyPair", "Name": "Deployer", "Username": "deploy",
        "PrivateKeyFile": { "HasValue": true, "NewValue": data_encoding::BASE64.encode(pem.as_bytes()) },
        "PrivateKeyPassphrase": { "HasValue": true, "NewValue": "open sesame" },
    });
    let made = ada.post("/api/Spaces-1/accounts", body).expect(201);
    let never = |text: &str| {
        assert!(!text.contains("sesame") && !text.contains("c2VjcmV0") && !text.contains("BEGIN"), "{text}")
    };
    never(&made.text());
    let mut made = made.json();
    assert_eq!(made["PrivateKeyFile"], json!({ "HasValue": true, "NewValue": null, "Hint": null }));
    assert_eq!(made["PrivateKeyPassphrase"]["HasValue"], true);
    // Sent back as it came, it stays; a passphrase can be taken away, the key cannot.
    made["Username"] = json!("root");
    let saved = ada.put("/api/Spaces-1/accounts/Accounts-1", made.clone()).expect(200).json();
    assert_eq!((&saved["Username"], &saved["PrivateKeyFile"]["HasValue"]), (&json!("root"), &json!(true)));
    made["PrivateKeyPassphrase"] = json!({ "HasValue": false });
    let saved = ada.put("/api/Spaces-1/accounts/Accounts-1", made.clone()).expect(200).json();
    assert_eq!(saved["PrivateKeyPassphrase"]["HasValue"], false);
    made["PrivateKeyFile"] = json!({ "HasValue": false });
    ada.put("/api/Spaces-1/accounts/Accounts-1", made).expect(400);
    for (body, part) in [
        (json!({ "AccountType": "Token", "Name": "x" }), "Give one of: SshKeyPair, UsernamePassword."),
        (json!({ "AccountType": "UsernamePassword", "Name": "x", "Username": "u" }), "Give the password"),
        (
            json!({ "AccountType": "SshKeyPair", "Name": "x", "Username": "u", "PrivateKeyFile": { "NewValue": "?" } }),
            "not a private key",
        ),
    ] {
        let refused = ada.post("/api/Spaces-1/accounts", body).expect(400).json();
        assert!(refused["Errors"].to_string().contains(part), "{refused}");
    }
    assert_eq!(ada.get("/api/Spaces-1/accounts?accountType=UsernamePassword").expect(200).json()["TotalResults"], 0);
    never(&ada.get("/api/Spaces-1/accounts/all").expect(200).text());
}

#[test]
fn targets_are_made_found_changed_and_deleted() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    for name in ["Staging", "Production"] {
        ada.post("/api/Spaces-1/environments", json!({ "Name": name })).expect(201);
    }
    let account = json!({ "AccountType": "UsernamePassword", "Name": "Staging only", "Username": "deploy", "Password": { "NewValue": "hunter2hunter2" }, "EnvironmentIds": ["Environments-1"] });
    ada.post("/api/Spaces-1/accounts", account).expect(201);

    let refused =
        ada.post("/api/Spaces-1/machines", machine("web", &["Environments-1", "Environments-2"])).expect(400).json();
    assert!(refused["Errors"][0].as_str().unwrap().contains("Staging only"), "{refused}");
    let refused = ada.post("/api/Spaces-1/machines", json!({ "Name": "x" })).expect(400).json();
    for field in ["EnvironmentIds", "Roles", "Endpoint.Host", "Endpoint.Fingerprint", "Endpoint.AccountId"] {
        assert!(refused["Details"].get(field).is_some(), "{field}: {refused}");
    }
    let tentacle = json!({ "Name": "x", "EnvironmentIds": ["Environments-1"], "Endpoint": { "CommunicationStyle": "TentaclePassive" } });
    ada.post("/api/Spaces-1/machines", tentacle).expect(400);
    ada.post("/api/Spaces-1/machines", machine("web", &["Environments-9"])).expect(404);

    let made = ada.post("/api/Spaces-1/machines", machine("web", &["staging"])).expect(201).json();
    assert_eq!(made["Roles"], json!(["web"]));
    assert_eq!((&made["Endpoint"]["Port"], &made["HealthStatus"]), (&json!(2222), &json!("Unknown")));
    for (query, count) in [
        ("", 1),
        ("?roles=WEB", 1),
        ("?roles=db", 0),
        ("?environmentIds=Environments-2", 0),
        ("?name=WEB", 1),
        ("?commStyles=TentacleActive", 0),
        ("?healthStatuses=Healthy", 0),
    ] {
        let found = ada.get(&format!("/api/Spaces-1/machines{query}")).expect(200).json();
        assert_eq!(found["TotalResults"], count, "{query}");
    }
    assert_eq!(ada.get("/api/Spaces-1/machineroles/all").expect(200).json(), json!(["web"]));
    assert_eq!(ada.get("/api/Spaces-1/machines/Machines-1/connection").expect(200).json()["Status"], "Unknown");

    // What was read is what is sent back, with one thing changed.
    let mut changed = made.clone();
    changed["IsDisabled"] = json!(true);
    let saved = ada.put("/api/Spaces-1/machines/Machines-1", changed).expect(200).json();
    assert_eq!((&saved["IsDisabled"], &saved["Endpoint"]), (&json!(true), &made["Endpoint"]));
    let used = ada.delete("/api/Spaces-1/accounts/Accounts-1", ()).expect(409).json();
    assert!(used["ErrorMessage"].as_str().unwrap().contains("web"));
    ada.delete("/api/Spaces-1/machines/Machines-1", ()).expect(200);
    ada.delete("/api/Spaces-1/accounts/Accounts-1", ()).expect(200);
}

//! Accepted means kept, for what is sent once (findings D9, D15): every field of every shape that a POST of the API's
//! description takes is sent with a value of its own. The value stands in what was made, or in what the answer leads to;
//! or it is refused by the field's name; or another test, which is named here, sees its effect.

use super::{
    fields::{Description, others},
    rows::{Row, rows},
};
use crate::support::cast::{Cast, House, send_json};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What a request needs beside the field that is tried; `§` is another number each time.
const BASES: &[(&str, &str)] = &[
    ("/spaces", r#"{"Name":"Space §","SpaceManagersTeams":["teams-administrators"]}"#),
    ("/users", r#"{"Username":"robot-§","DisplayName":"Robot §","IsService":true}"#),
    ("/users/invitations", r#"{"DisplayName":"Guest §","EmailAddress":"guest-§@harbour.test"}"#),
    ("/users/{id}/apikeys", r#"{"Purpose":"Purpose §"}"#),
    ("/teams", r#"{"Name":"Team §"}"#),
    ("/{space}/teams", r#"{"Name":"Team §"}"#),
    ("/userroles", r#"{"Name":"Role §"}"#),
    ("/userroles/{id}/clone", r#"{"Name":"Copy §"}"#),
    ("/{space}/environments", r#"{"Name":"Environment §"}"#),
    ("/{space}/projectgroups", r#"{"Name":"Group §"}"#),
    ("/{space}/lifecycles", r#"{"Name":"Lifecycle §"}"#),
    ("/{space}/projects", r#"{"Name":"Project §","ProjectGroupId":"$projectgroups","LifecycleId":"$lifecycles"}"#),
    ("/{space}/channels", r#"{"Name":"Channel §","ProjectId":"$projects"}"#),
    ("/{space}/projects/{project}/channels", r#"{"Name":"Channel §"}"#),
    ("/{space}/releases/create/v1", r#"{"ProjectName":"$projects","ReleaseVersion":"7.0.§"}"#),
    ("/{space}/releases", r#"{"ProjectId":"$projects","Version":"8.0.§"}"#),
    // The first in order: the release may go there.
    ("/{space}/deployments", r#"{"EnvironmentId":"Production","ReleaseId":"$releases"}"#),
    (
        "/{space}/deployments/create/untenanted/v1",
        r#"{"EnvironmentNames":["Production"],"ProjectName":"$projects","ReleaseVersion":"$releases.slug"}"#,
    ),
    ("/{space}/runbooks", r#"{"Name":"Runbook §","ProjectId":"$projects"}"#),
    ("/{space}/projects/{project}/runbooks", r#"{"Name":"Runbook §"}"#),
    ("/{space}/runbookSnapshots", r#"{"Name":"Snapshot §","RunbookId":"$runbooks"}"#),
    ("/{space}/projects/{project}/runbookSnapshots", r#"{"Name":"Snapshot §","RunbookId":"$runbooks"}"#),
    ("/{space}/tenants", r#"{"Name":"Tenant §"}"#),
    ("/{space}/tagsets", r#"{"Name":"Tags §"}"#),
    (
        "/{space}/machines",
        r#"{"Name":"Machine §","EnvironmentIds":["$environments"],"Roles":["web"],"Endpoint":{"Host":"web§.example","Fingerprint":"SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU","AccountId":"$accounts"}}"#,
    ),
    (
        "/{space}/accounts",
        r#"{"Name":"Account §","AccountType":"UsernamePassword","Username":"deploy","Password":{"NewValue":"hunter2hunter2"}}"#,
    ),
    ("/{space}/tasks", r#"{"Name":"Health","Arguments":{"MachineIds":["$machines"]}}"#),
    ("/recipes/{id}", r#"{"Name":"Recipe §","SpaceId":"Spaces-1"}"#),
    (
        "/serviceaccounts/{id}/oidcidentities/create/v1",
        r#"{"Name":"Identity §","Issuer":"https://issuer.example","Subject":"repo:§"}"#,
    ),
    ("/{space}/tenants/{id}/selfservice", r#"{"EmailAddresses":["customer-§@example.com"]}"#),
];

/// Shapes that only a person, nobody yet, or the operator sends, and the test that does.
const ELSEWHERE: &[(&str, &str)] = &[
    ("/companies", "the_operator_sets_them_and_they_follow_the_company"),
    ("/emergencies", "a_team_for_emergencies_is_used_on_its_page_and_ends"),
    ("/token/v1", "a_signed_token_is_taken_for_one_that_works_for_a_while"),
    ("/users/login", "a_program_signs_in_for_a_person_with_all_their_factors"),
    ("/users/me/", "factors_are_looked_after_on_the_page_and_through_the_api"),
    ("/users/register", "an_open_invitation_is_made_on_a_page_and_whoever_has_its_link_registers_once"),
];

/// Fields whose effect stands nowhere to be read under their name, by shape, and the test that sees it.
const EFFECTS: &[(&str, &str)] = &[
    ("CreateRelease/IgnoreIfAlreadyExists", "releases_are_made_numbered_found_and_frozen"),
    ("CreateRuns/UseDraft", "findings_d9_a_runbook_that_needs_targets_fails_where_there_is_none"),
    ("SnapshotResource/Publish", "findings_d10_and_d16_every_link_leads_somewhere"),
    ("PreviewsWanted/IncludeDisabledSteps", "disabled_steps_stand_in_previews_when_they_are_asked_for"),
];

/// Fields that are taken and say nothing here, by shape, and why.
const WITHOUT_MEANING: &[(&str, &str)] = &[
    (
        "CreateRelease/PackageVersion",
        "it is of all packages of a release, and there are none; scripts send it for every project",
    ),
    ("InvitationResource/DisplayName", "what an invitation would give hangs on its teams alone"),
    ("InvitationResource/EmailAddress", "as the name"),
    ("InvitationResource/Expires", "as the name"),
    ("InvitationResource/Username", "as the name"),
    ("LifecycleResource/ReleaseRetentionPolicy/Unit", "a unit of no quantity"),
    ("LifecycleResource/TentacleRetentionPolicy/Unit", "a unit of no quantity"),
    ("RunbookResource/RunRetentionPolicy/Unit", "a unit of no quantity"),
    ("NewTask/Arguments/EnvironmentId", "that the machines named stand there; they do"),
];

struct Trial<'t> {
    house: &'t House,
    others: &'t BTreeMap<String, Vec<String>>,
    number: u64,
    kept: usize,
    refused: usize,
    findings: Vec<String>,
}

fn base(row: &Row, house: &House, number: u64) -> (String, Value) {
    let short = row.door.path.trim_start_matches("/{company}/api").to_owned();
    let given = BASES.iter().find(|(path, _)| *path == short);
    let mut row = row.clone();
    if let Some((_, body)) = given {
        row.with["body"] = serde_json::from_str(&body.replace('§', &number.to_string())).unwrap();
    }
    (short, row.body(house))
}

impl Trial<'_> {
    /// A value that nothing has by chance, as far as its kind allows.
    fn value(&self, description: &Description, schema: &Value) -> Option<Value> {
        let schema = description.of(schema);
        if let Some(only) = schema.get("x-only") {
            return Some(super::fields::anything_but(only));
        }
        if schema.get("x-sensitive").is_some() {
            return None; // what goes in does not come out
        }
        if let Some(kind) = schema["x-refers-to"].as_str() {
            return self.others.get(kind)?.last().map(|id| json!(id));
        }
        if let Some(words) = schema["enum"].as_array() {
            return words.last().cloned();
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
            kind => kind.as_str(),
        };
        match kind? {
            "string" => Some(json!(format!("marked-{}", self.number))),
            "boolean" => Some(json!(true)),
            "integer" => Some(json!(7)),
            "array" => Some(json!([self.value(description, &schema["items"])?])),
            _ => None,
        }
    }

    /// What was answered, and what that leads to.
    fn documents(&self, answered: Value) -> Vec<Value> {
        let ada = &self.house.people["ada"].key;
        let mut ids = BTreeSet::new();
        collect(&answered, &mut ids);
        let mut all = vec![answered];
        for id in ids {
            let kind = id.rsplit_once('-').map_or("", |(kind, _)| kind);
            let path = match kind {
                "Deployments" | "Releases" | "RunbookRuns" | "RunbookSnapshots" | "Machines" | "Projects" => {
                    format!("/api/Spaces-1/{kind}/{id}")
                }
                "ServerTasks" => format!("/api/tasks/{id}"),
                "Users" => format!("/api/users/{id}"),
                "Teams" => {
                    let roles = ada.get(&format!("/api/teams/{id}/scopeduserroles"));
                    if roles.status == 200 {
                        all.push(roles.json());
                    }
                    format!("/api/teams/{id}")
                }
                _ => continue,
            };
            let found = ada.get(&path);
            if found.status == 200 {
                all.push(found.json());
            }
        }
        all
    }

    fn try_field(
        &mut self,
        description: &Description,
        (row, shape): (&Row, &str),
        (at, name): (&str, &str),
        part: &Value,
    ) {
        let part = description.of(part);
        let pointer = format!("{at}/{name}");
        if part["properties"].is_object() && part.get("x-sensitive").is_none() {
            for (inner, schema) in part["properties"].as_object().into_iter().flatten() {
                if schema["readOnly"] != true {
                    self.try_field(description, (row, shape), (&pointer, inner), schema);
                }
            }
            return;
        }
        self.number += 1;
        let Some(value) = self.value(description, part) else { return };
        let (_, mut sent) = base(row, self.house, self.number);
        let mut place = &mut sent;
        for step in at.split('/').filter(|step| !step.is_empty()) {
            if !place[step].is_object() {
                place[step] = json!({});
            }
            place = &mut place[step];
        }
        place[name] = value.clone();
        // Which environments is read beside where.
        for (one, other, with) in [
            ("Environments", "EnvironmentScope", json!("Specified")),
            ("EnvironmentScope", "Environments", json!(self.others["Environments"])),
        ] {
            if shape == "RunbookResource" && name == one {
                place[other] = with;
            }
        }
        let path = row.path(self.house);
        let told = format!("POST {path} {pointer} = {value}");
        let answer = send_json(&self.house.people["ada"].key, "POST", &path, sent);
        let text = answer.text();
        let said = |word: &str| text.to_lowercase().contains(&word.to_lowercase());
        let as_text = value.as_str().map(str::to_owned).or_else(|| value[0].as_str().map(str::to_owned));
        let field = format!("{shape}{pointer}");
        let elsewhere = |list: &[(&str, &str)]| list.iter().any(|(known, _)| *known == field);
        // Of an invitation the names matter where it is made.
        let made = shape == "InvitationResource" && !path.ends_with("preview");
        let effect = elsewhere(EFFECTS) || (!made && elsewhere(WITHOUT_MEANING));
        match answer.status {
            200 | 201 => {
                let seen = self.documents(answer.json()).iter().any(|document| stands(document, name, &value));
                if seen || effect {
                    self.kept += 1;
                } else {
                    self.findings.push(format!(
                        "{told}: {}, and stands nowhere: {}",
                        answer.status,
                        &text[..text.len().min(300)]
                    ));
                }
            }
            // What was looked for and is not there.
            404 if as_text.as_ref().is_some_and(|value| said(value)) => self.refused += 1,
            // By its own name, or by that of what it stands in.
            400 | 404 | 409 if said(name) || (!at.is_empty() && said(at.rsplit('/').next().unwrap_or(name))) => {
                self.refused += 1
            }
            403 if said("PersonNeeded") => self.refused += 1,
            status => self.findings.push(format!("{told}: {status} without its name: {text}")),
        }
    }
}

/// Every id in a document.
fn collect(value: &Value, ids: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            let id = text.rsplit_once('-').is_some_and(|(kind, number)| {
                !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_alphabetic()) && number.parse::<u32>().is_ok()
            });
            if id {
                ids.insert(text.clone());
            }
        }
        Value::Array(list) => list.iter().for_each(|one| collect(one, ids)),
        Value::Object(map) => map.iter().filter(|(key, _)| *key != "Links").for_each(|(_, one)| collect(one, ids)),
        _ => {}
    }
}

/// Whether a document says the value: under the name, or, for a text of its own, anywhere.
fn stands(document: &Value, name: &str, value: &Value) -> bool {
    match document {
        Value::Object(map) => map.iter().any(|(key, one)| {
            (key.eq_ignore_ascii_case(name) && one == value) || (key != "Links" && stands(one, name, value))
        }),
        Value::Array(list) => list.iter().any(|one| stands(one, name, value)),
        Value::String(text) => {
            let marked = value.as_str().or_else(|| value[0].as_str());
            marked.is_some_and(|marked| text == marked || (marked.starts_with("marked-") && text.contains(marked)))
        }
        _ => false,
    }
}

#[test]
fn findings_d9_every_field_that_is_sent_once_is_kept_or_refused_by_its_name() {
    let cast = Cast::assemble();
    let description = Description::read();
    let house = &cast.harbour;
    let others = others(house);
    let mut trial = Trial { house, others: &others, number: 0, kept: 0, refused: 0, findings: Vec::new() };
    let mut shapes = BTreeSet::new();
    let mut all: Vec<Row> =
        rows().0.into_iter().filter(|row| row.door.method == "POST" && row.door.path.contains("/api/")).collect();
    // Before anything changes the order of environments, and with it where a release may go.
    all.sort_by_key(|row| !row.door.path.contains("/deployments"));
    for row in all {
        let operation = &description.0["paths"][&row.door.path]["post"];
        let Some(taken) = operation.pointer("/requestBody/content/application~1json/schema") else { continue };
        let schema = description.of(taken).clone();
        let short = row.door.path.trim_start_matches("/{company}/api").to_owned();
        if ELSEWHERE.iter().any(|(path, _)| short.starts_with(path)) {
            continue;
        }
        let shape = taken["$ref"].as_str().unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned();
        for (name, part) in schema["properties"].as_object().into_iter().flatten() {
            // Of a list the mark stands on what it is of.
            if part["readOnly"] != true && part["items"]["readOnly"] != true {
                trial.try_field(&description, (&row, &shape), ("", name), part);
            }
        }
        shapes.insert(shape);
    }
    println!("{} shapes, {} fields kept, {} refused by name: {shapes:?}", shapes.len(), trial.kept, trial.refused);
    let findings = &trial.findings;
    assert!(findings.is_empty(), "{} findings: {}", findings.len(), findings.join(" ;; "));
    assert!(shapes.len() >= 30 && trial.kept >= 100 && trial.refused >= 60, "{shapes:?}");
}

/// Whatever is said to be seen by another test is named after one that there is.
#[test]
fn the_tests_that_see_the_other_effects_exist() {
    fn sources(folder: &std::path::Path, all: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, all);
            } else if path.extension().is_some_and(|kind| kind == "rs") && !path.ends_with("sent.rs") {
                all.push_str(&std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut all = String::new();
    for folder in ["tests", "src"] {
        sources(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut all);
    }
    let missing: Vec<&str> = ELSEWHERE
        .iter()
        .chain(EFFECTS)
        .map(|(_, test)| *test)
        .filter(|test| !all.contains(&format!("fn {test}(")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

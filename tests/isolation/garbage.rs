//! What nobody should send: every route gets it, as the administrator who gets furthest. Nothing may answer with a fault
//! of the server, and what one may not see may not differ from what was never there.

use std::collections::BTreeSet;

use super::rows::{Row, rows};
use crate::support::{
    api::{Answer, Caller, Sent, encode},
    cast::Cast,
};
use serde_json::{Map, Value, json};

fn routes(cast: &Cast) -> Vec<(Row, String)> {
    let rows = rows().0.into_iter().filter(|row| row.door.path.starts_with("/{company}"));
    let rows =
        rows.filter(|row| !["sign-out", "/login", "/code", "/enrol"].iter().any(|end| row.door.path.ends_with(end)));
    rows.map(|row| {
        let path = row.path(&cast.harbour);
        (row, path)
    })
    .collect()
}

/// Every name a document or a form of the program has.
fn names(cast: &Cast) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut fields, mut inputs) = (BTreeSet::new(), BTreeSet::new());
    fn walk(value: &Value, fields: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => map.iter().for_each(|(name, value)| {
                if fields.len() < 400 && !name.contains(['-', '.', ' ']) {
                    fields.insert(name.clone());
                }
                walk(value, fields);
            }),
            Value::Array(list) => list.iter().for_each(|value| walk(value, fields)),
            _ => {}
        }
    }
    for (row, path) in routes(cast).iter().filter(|(row, _)| row.door.method == "GET") {
        let answer = cast.harbour.administrator().call("harbour", row.is_page(), "GET", path, Value::Null);
        if row.is_page() {
            let text = answer.text();
            inputs.extend(text.split(" name=\"").skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
        } else if let Ok(document) = serde_json::from_slice(&answer.body) {
            walk(&document, &mut fields);
        }
    }
    (fields, inputs)
}

fn send(cast: &Cast, row: &Row, path: &str, sent: Sent) -> Answer {
    let ada = cast.harbour.administrator();
    if row.is_page() {
        let path = format!("/harbour{path}");
        if row.door.method == "GET" { ada.browser.get(&path) } else { ada.browser.post(&path, sent) }
    } else {
        ada.key.call(&row.door.method, path, sent)
    }
}

#[test]
fn garbage_is_refused_and_never_a_fault() {
    let cast = Cast::assemble();
    let (fields, inputs) = names(&cast);
    let object =
        |value: &Value| Value::Object(fields.iter().map(|name| (name.clone(), value.clone())).collect::<Map<_, _>>());
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    let raw = |kind: &str, bytes: &[u8]| Sent::Bytes { content_type: kind.into(), bytes: bytes.to_vec() };
    let long = "n".repeat(1_000_000);
    let jsons: Vec<Value> = vec![
        json!(null),
        json!([]),
        json!("text"),
        json!(5),
        json!({}),
        object(&json!(null)),
        object(&json!([])),
        object(&json!({})),
        object(&json!(-1)),
        object(&json!(1e300)),
        object(&json!(true)),
        object(&json!("")),
        object(&json!("a\u{0}b")),
        object(&json!("\u{202e}\u{feff}x")),
        object(&json!([null, {}, [1], "x"])),
        object(&json!({ "a": { "b": [] } })),
        object(&json!("Projects-999999")),
        object(&json!(["Users-1", "Projects-99999999999999999999"])),
        object(&json!(i64::MAX)),
    ];
    let mut findings = Vec::new();
    let mut note = |row: &Row, what: &str, answer: &Answer| {
        if answer.status >= 500 {
            findings.push(format!(
                "{} with {what}: {}",
                row.name(),
                answer.to_string().chars().take(300).collect::<String>()
            ));
        }
    };
    for (row, path) in &routes(&cast) {
        if row.door.method != "GET" {
            if row.is_page() {
                let form = |text: &str| {
                    Sent::Form(
                        inputs
                            .iter()
                            .filter(|name| *name != "confirm")
                            .map(|name| (name.clone(), text.to_owned()))
                            .collect(),
                    )
                };
                for text in [
                    "",
                    "a\u{0}b",
                    "-1",
                    "99999999999999999999",
                    "Projects-999999",
                    "<script>alert(1)</script>",
                    "\u{202e}x",
                ] {
                    note(row, text, &send(&cast, row, path, form(text)));
                }
                note(row, "a long name", &send(&cast, row, path, Sent::Form(vec![("name".into(), long.clone())])));
                note(
                    row,
                    "broken escapes",
                    &send(&cast, row, path, raw("application/x-www-form-urlencoded", b"name=%zz&%=&&&a=%ff%fe")),
                );
                note(row, "JSON", &send(&cast, row, path, raw("application/json", b"{}")));
            } else {
                for value in &jsons {
                    let shown: String = value.to_string().chars().take(60).collect();
                    note(row, &shown, &send(&cast, row, path, value.clone().into()));
                }
                note(row, "a long name", &send(&cast, row, path, json!({ "Name": long }).into()));
                note(row, "deep JSON", &send(&cast, row, path, raw("application/json", deep.as_bytes())));
                note(row, "broken JSON", &send(&cast, row, path, raw("application/json", b"{\"Name\": ")));
                note(row, "no UTF-8", &send(&cast, row, path, raw("application/json", b"{\"Name\": \"\xff\xfe\"}")));
                note(row, "another type", &send(&cast, row, path, raw("text/xml", b"<a/>")));
            }
        } else {
            for query in [
                "skip=-1&take=-1",
                "skip=99999999999999999999&take=x",
                "take=0",
                "page=0",
                "page=-5",
                "page=99999999999",
                "q=%25_%27%22%00",
                "ids=,,,Projects-1,x",
                "partialName=%27%20OR%201%3D1",
                "ids=Users-1&projectId=x&environments=%00&tenants=-1",
                "apikey=",
                "%zz=1",
                "project=&environment=&tenant=&user=&from=x&to=x&after=x&before=x&tail=x",
            ] {
                note(
                    row,
                    query,
                    &send(
                        &cast,
                        row,
                        &format!("{path}{}{query}", if path.contains('?') { '&' } else { '?' }),
                        Sent::Nothing,
                    ),
                );
            }
        }
        for (name, _) in row.parameters() {
            for value in [
                "Users-1",
                "Projects-999999",
                "Projects-99999999999999999999",
                "-1",
                "0",
                "%00",
                "%ff",
                "..",
                "a'b\"c",
                &"x".repeat(3_000),
                "ä\u{202e}",
                "{id}",
            ] {
                let mut odd = row.clone();
                let typed = if value.starts_with('%') { value.to_owned() } else { encode(value) };
                odd.with[name] = json!("ODD-VALUE");
                let odd = odd.path(&cast.harbour).replace("ODD-VALUE", &typed);
                note(
                    row,
                    &format!("{name}={}", &value[..value.len().min(30)]),
                    &send(&cast, row, &odd, if row.is_page() { Sent::Form(Vec::new()) } else { Sent::Nothing }),
                );
            }
        }
    }
    assert!(findings.is_empty(), "{} findings\n{}", findings.len(), findings.join("\n"));
}

/// A space that cleo cannot enter has one of everything; asked for from her own space, and from there, it is as if it
/// were not.
#[test]
fn what_one_may_not_see_is_answered_like_what_never_was() {
    let cast = Cast::assemble();
    let ada = &cast.harbour.administrator().key;
    let vault =
        ada.post("/api/spaces", json!({ "Name": "Vault", "SpaceManagersTeamMembers": ["Users-1"] })).expect(201).json();
    let vault = vault["Id"].as_str().expect("an id").to_owned();
    let mut hidden: Vec<(&str, String)> = Vec::new();
    for kind in ["environments", "projectgroups", "lifecycles", "tagsets", "tenants"] {
        let made =
            ada.post(&format!("/api/{vault}/{kind}"), json!({ "Name": format!("Hidden {kind}") })).expect(201).json();
        hidden.push((kind, made["Id"].as_str().expect("an id").to_owned()));
    }
    let of =
        |kind: &str| hidden.iter().find(|(known, _)| *known == kind).map(|(_, id)| id.clone()).expect("made above");
    let project =
        json!({ "Name": "Hidden project", "ProjectGroupId": of("projectgroups"), "LifecycleId": of("lifecycles") });
    let project = ada.post(&format!("/api/{vault}/projects"), project).expect(201).json();
    hidden.push(("projects", project["Id"].as_str().expect("an id").to_owned()));

    // In their own space ben may see one project, one environment and one tenant; beside them there are others.
    let mut beside: Vec<(&str, String)> = Vec::new();
    for kind in ["projects", "environments", "tenants"] {
        let made = cast.harbour.make(kind, &format!("Beside {kind}"));
        beside.push((kind, made["Id"].as_str().expect("an id").to_owned()));
    }
    for (kind, body) in [
        ("channels", json!({ "Name": "Beside" })),
        ("releases", json!({ "Version": "9.9.9" })),
        ("runbooks", json!({ "Name": "Beside" })),
    ] {
        let mut body = body;
        body["ProjectId"] = json!(beside[0].1);
        let made = ada.post(&format!("/api/Spaces-1/{kind}"), body).expect(201).json();
        beside.push((kind, made["Id"].as_str().expect("an id").to_owned()));
    }

    let (cleo, ben) = (&cast.harbour.people["cleo"].key, &cast.harbour.people["ben"].key);
    let mut findings = Vec::new();
    let mut compared = 0;
    let answers = |caller: &Caller, row: &Row, parameter: &str, id: &str, space: &str| {
        let mut row = row.clone();
        row.with[parameter] = json!(id);
        row.with["space"] = json!(space);
        let (method, body) = (std::mem::replace(&mut row.door.method, "GET".into()), row.body(&cast.harbour));
        let answer = crate::support::cast::send_json(caller, &method, &row.path(&cast.harbour), body);
        (answer.status, answer.text().replace(id, "ID").replace(space, "SPACE"))
    };
    for (row, _) in routes(&cast).iter().filter(|(row, _)| !row.is_page()) {
        for (parameter, before) in row.parameters() {
            let kind = if parameter == "project" { "projects" } else { before };
            if let Some((_, id)) = beside.iter().find(|(known, _)| *known == kind) {
                let never = format!("{}-999999", id.split('-').next().unwrap_or_default());
                let there = answers(ben, row, parameter, id, "Spaces-1");
                let absent = answers(ben, row, parameter, &never, "Spaces-1");
                if there != absent || there.0 != 404 {
                    findings.push(format!("{} {parameter} beside ben's: {there:?} and {absent:?}", row.name()));
                }
            }
            let Some((_, id)) = hidden.iter().find(|(known, _)| *known == kind) else { continue };
            let never = format!("{}-999999", id.split('-').next().unwrap_or_default());
            // From her own space, from within the other one, and by ben, who may not even know that there is another.
            let pairs = [
                (answers(cleo, row, parameter, id, "Spaces-1"), answers(cleo, row, parameter, &never, "Spaces-1")),
                (answers(cleo, row, parameter, id, &vault), answers(cleo, row, parameter, &never, &vault)),
                (answers(ben, row, parameter, id, &vault), answers(ben, row, parameter, id, "Spaces-999999")),
            ];
            for (there, absent) in pairs {
                if there != absent || there.0 != 404 {
                    findings.push(format!("{} {parameter}: {there:?} and {absent:?}", row.name()));
                }
            }
            compared += 1;
        }
    }
    assert!(compared > 20, "only {compared} routes compared");
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

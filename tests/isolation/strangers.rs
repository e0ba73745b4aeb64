//! The administrator of one company tries every route, page and stream with what the other company has: at her own
//! address, where these ids are as unknown as ids that were never given, and at the other's, where she is nobody. The
//! other company's folder is afterwards what it was before, byte for byte.

use super::rows::{Row, rows};
use crate::support::{
    api::{Answer, Caller, Sent},
    cast::{Cast, House, Thing},
};
use bulkhead::http::table::Needs;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// Every file below a folder with the digest of its content. The file in which SQLite's connections tell each other
/// where they read has no content of its own and is left out.
fn digest(folder: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(folder).expect("below it").display().to_string();
            if path.is_dir() {
                files.insert(name, String::new());
                open.push(path);
            } else if !name.ends_with("-shm") {
                let bytes = fs::read(&path).expect("a file");
                files.insert(name, data_encoding::HEXLOWER.encode(&Sha256::digest(bytes)));
            }
        }
    }
    files
}

fn folder(cast: &Cast) -> std::path::PathBuf {
    cast.server.data().join("companies").join(&cast.harbour.company.slug)
}

/// The digest once nothing of the company's own work is under way any more.
fn quiet(cast: &Cast) -> BTreeMap<String, String> {
    cast.harbour.rest(&cast.server);
    let mut before = digest(&folder(cast));
    for _ in 0..100 {
        std::thread::sleep(std::time::Duration::from_millis(300));
        let now = digest(&folder(cast));
        if now == before {
            return now;
        }
        before = now;
    }
    panic!("the folder does not come to rest");
}

/// One more of everything, so that Harbour has ids and slugs that Meridian never had.
fn own_things(cast: &mut Cast) {
    let house = &mut cast.harbour;
    let sql = house.file(&cast.server);
    sql.execute("UPDATE sqlite_sequence SET seq = seq + 70000 WHERE name <> 'sessions'", ()).expect("greater numbers");
    let text = |value: &Value, name: &str| value[name].as_str().map(str::to_owned);
    let kinds: Vec<&'static str> = house.things.keys().copied().collect();
    let mut made: BTreeMap<&'static str, Thing> = BTreeMap::new();
    // Of these there is no way to make another alone; those that come with others follow below.
    let with_others = [
        "deploymentprocesses",
        "deployments",
        "runbookprocesses",
        "runbooksnapshots",
        "runbookruns",
        "tasks",
        "events",
        "steps",
        "archives",
        "userroles",
    ];
    for kind in kinds.into_iter().filter(|kind| !with_others.contains(kind)) {
        let document = match kind {
            "lifecycles" | "spaces" => house.make(kind, &format!("More {kind} 70001")),
            _ => house.make(kind, ""),
        };
        let id = text(&document, "Id").unwrap_or_else(|| panic!("{kind}: {document}"));
        let slug = text(&document, "Slug").or(text(&document, "Version")).unwrap_or_else(|| id.clone());
        made.insert(kind, Thing { id, slug });
    }
    let ada = &house.administrator().key;
    let thing = |id: String| Thing { slug: id.clone(), id };
    let process = format!("deploymentprocess-{}", made["projects"].id);
    let steps = ada.get(&format!("/api/Spaces-1/projects/{}/deploymentprocesses", made["projects"].id)).expect(200);
    made.insert("steps", thing(text(&steps.json()["Steps"][0], "Id").expect("a step")));
    made.insert("deploymentprocesses", thing(process));
    let deployment = json!({ "ReleaseId": made["releases"].id, "EnvironmentId": house.things["environments"].id,
        "TenantId": house.things["tenants"].id });
    let deployment = ada.post("/api/Spaces-1/deployments", deployment).expect(201).json();
    made.insert("deployments", thing(text(&deployment, "Id").expect("a deployment")));
    made.insert("tasks", thing(text(&deployment, "TaskId").expect("a task")));
    let runbook = ada.get(&format!("/api/Spaces-1/runbooks/{}", made["runbooks"].id)).expect(200).json();
    made.insert("runbookprocesses", thing(text(&runbook, "RunbookProcessId").expect("a process")));
    made.insert("runbooksnapshots", thing(text(&runbook, "PublishedRunbookSnapshotId").expect("a snapshot")));
    let run = json!({ "ProjectName": runbook["ProjectId"], "RunbookName": runbook["Id"],
        "EnvironmentNames": [house.things["environments"].id] });
    let run = ada.post("/api/Spaces-1/runbook-runs/create/v1", run).expect(201).json();
    made.insert("runbookruns", thing(text(&run["RunbookRunServerTasks"][0], "RunbookRunId").expect("a run")));
    let event = ada.get("/api/Spaces-1/events?take=1").expect(200).json();
    made.insert("events", thing(text(&event["Items"][0], "Id").expect("an event")));
    house.things.extend(made);
}

/// An id or slug as it was never given: every number in it goes on.
fn never_given(known: &str) -> String {
    if known.len() == 36 && known.matches('-').count() == 4 {
        return "0199aaaa-0000-7000-8000-000000000001".into();
    }
    let mut out = String::new();
    for (at, letter) in known.char_indices() {
        out.push(letter);
        if letter.is_ascii_digit() && !known[at + 1..].starts_with(|c: char| c.is_ascii_digit()) {
            out.push_str("999");
        }
    }
    out
}

/// What an answer says, with the id that was asked for taken out, and what is new in each answer.
fn meaning(answer: &Answer, asked: &[String]) -> String {
    let mut text = answer.text();
    for word in asked {
        text = text.replace(word.as_str(), "…");
    }
    let mut parts = text.split("name=\"_csrf\" value=\"");
    let first = parts.next().unwrap_or_default().to_owned();
    let text = parts.fold(first, |text, part| text + "…" + part.split_once('"').map_or("", |(_, rest)| rest));
    let changing = ["date", "content-length", "set-cookie", "etag"];
    let headers: BTreeSet<String> = answer
        .headers
        .iter()
        .filter(|(name, _)| !changing.contains(&name.as_str()))
        .map(|(name, value)| format!("{name}: {value:?}"))
        .collect();
    format!("{} {headers:?}\n{text}", answer.status)
}

/// The same request with Harbour's ids and with ids that were never given: for each way to put them in, the paths and
/// the words to take out.
fn paths(own: &str, foreign: &str) -> Vec<(String, String, Vec<String>)> {
    let split = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
    let cut = |path: &str| path.split('?').next().unwrap_or_default().to_owned();
    let (own, foreign) = (split(&cut(own)), split(&cut(foreign)));
    assert_eq!(own.len(), foreign.len());
    let differing: Vec<usize> = (0..own.len()).filter(|at| own[*at] != foreign[*at]).collect();
    let mut ways: Vec<Vec<usize>> = differing.iter().map(|at| vec![*at]).collect();
    if differing.len() > 1 {
        ways.push(differing.clone());
    }
    let way = |places: Vec<usize>| {
        let (mut known, mut unknown, mut words) = (own.clone(), own.clone(), Vec::new());
        for at in places {
            known[at].clone_from(&foreign[at]);
            unknown[at] = never_given(&foreign[at]);
            words.extend([unknown[at].clone(), foreign[at].clone()]);
        }
        (known.join("/"), unknown.join("/"), words)
    };
    ways.into_iter().map(way).collect()
}

/// The ids in a body, each as it was never given. Gives the words that were changed too.
fn body_of_unknown(body: &Value, words: &mut Vec<String>) -> Value {
    let is_id = |text: &str| {
        text.split_once('-').is_some_and(|(kind, number)| {
            kind.starts_with(|c: char| c.is_ascii_uppercase()) && number.parse::<i64>().is_ok_and(|n| n > 70_000)
        })
    };
    match body {
        Value::String(text) if is_id(text) => {
            words.extend([never_given(text), text.clone()]);
            json!(never_given(text))
        }
        Value::Array(list) => list.iter().map(|one| body_of_unknown(one, words)).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(key, one)| {
                let new = body_of_unknown(&json!(key), words);
                (new.as_str().unwrap_or(key).to_owned(), body_of_unknown(one, words))
            })
            .collect(),
        other => other.clone(),
    }
}

/// Routes that answer an unknown id with something else than 404; the same for all unknown ids. Each with its reason.
const OTHERWISE: &[(&str, u16, &str)] = &[
    ("/keys/{key}/delete", 409, "keys of people are not looked at by others: refused before the key is looked for"),
    ("/steps/{step}", 422, "somebody removed the step meanwhile: what was typed is shown beside the process as it is"),
    ("/steps/{step}/up", 422, "as above"),
    ("/steps/{step}/down", 422, "as above"),
    ("/steps/{step}/remove", 422, "as above"),
];

fn rows_of_companies() -> Vec<Row> {
    rows().0.into_iter().filter(|row| row.door.path.starts_with("/{company}/")).collect()
}

#[test]
fn what_another_company_has_is_answered_like_what_nobody_has_and_its_folder_stays_as_it_was() {
    let mut cast = Cast::assemble();
    own_things(&mut cast);
    let (house, home): (&House, &House) = (&cast.harbour, &cast.meridian);
    let all = rows_of_companies();
    // What the rows need is made first: that is Harbour's own work.
    let filled: Vec<(String, Value)> = all.iter().map(|row| (row.path(house), row.body(house))).collect();
    let before = quiet(&cast);

    let dora = &home.people["dora"];
    let (mut tried, mut bodies, mut findings) = (0, 0, Vec::new());
    for (row, (foreign, body)) in all.iter().zip(&filled) {
        let method = row.door.method.as_str();
        let call = |path: &str, body: &Value| dora.call("meridian", row.is_page(), method, path, body.clone());
        for (known, unknown, words) in paths(&row.path(home), foreign) {
            let own = row.body(home);
            let (one, other) = (call(&known, &own), call(&unknown, &own));
            tried += 1;
            let may = |(end, status, _): &(&str, u16, &str)| row.door.path.ends_with(end) && one.status == *status;
            if one.status != 404 && row.door.needs != Needs::Public && !OTHERWISE.iter().any(may) {
                findings.push(format!("{}: {known} is not answered with 404: {one}", row.name()));
            }
            let (one, other) = (meaning(&one, &words), meaning(&other, &words));
            if one != other {
                findings.push(format!("{}: {known} and {unknown} differ:\n{one}\n{other}", row.name()));
            }
        }
        let mut words = Vec::new();
        let unknown = body_of_unknown(body, &mut words);
        if !words.is_empty() {
            bodies += 1;
            let path = row.path(home);
            let (one, other) = (call(&path, body), call(&path, &unknown));
            if one.status < 400 {
                findings.push(format!("{}: takes what is another company's: {body} → {one}", row.name()));
            } else if meaning(&one, &words) != meaning(&other, &words) {
                findings.push(format!("{}: {body} and {unknown} differ:\n{one}\n{other}", row.name()));
            }
        }
    }
    assert!(tried > 150 && bodies > 5, "only {tried} attempts by address and {bodies} by body");
    let shown: Vec<String> = findings.iter().map(|finding| finding.chars().take(900).collect()).collect();
    assert!(findings.is_empty(), "{} findings\n{}", findings.len(), shown.join("\n"));
    assert_eq!(digest(&folder(&cast)), before, "something of Harbour was touched");
}

#[test]
fn at_the_others_door_a_stranger_is_nobody_and_the_folder_stays_as_it_was() {
    let mut cast = Cast::assemble();
    own_things(&mut cast);
    let house = &cast.harbour;
    let dora = &cast.meridian.people["dora"];
    let all = rows_of_companies();
    let filled: Vec<(String, Value)> = all.iter().map(|row| (row.path(house), row.body(house))).collect();
    let cookie = dora.browser.caller().cookie("house_session").expect("dora is signed in");
    let key = &cast.meridian.company.key;
    // With her key, with her cookie as if it were Harbour's, and with both.
    let cookie = format!("house_session={cookie}");
    let callers = [
        Caller::with_key(&house.company.base, key),
        Caller::nobody(&house.company.base).and_header("Cookie", &cookie),
        Caller::with_key(&house.company.base, key).and_header("Cookie", &cookie),
    ];
    let callers = callers
        .map(|caller| caller.and_header("Origin", cast.server.base()).and_header("Sec-Fetch-Site", "same-origin"));
    let before = quiet(&cast);
    let (mut tried, mut findings) = (0, Vec::new());
    for (row, (path, body)) in all.iter().zip(&filled) {
        // Whoever likes may try to sign in, and that is counted; `attack.rs` and `carried.rs` look at it.
        if row.door.needs == Needs::Public && row.door.method != "GET" {
            continue;
        }
        for caller in &callers {
            let sent = match body {
                _ if row.door.method == "GET" => Sent::Nothing,
                Value::Object(fields) if row.is_page() => {
                    Sent::Form(fields.iter().map(|(name, value)| (name.clone(), value.to_string())).collect())
                }
                other => other.clone().into(),
            };
            let answer = caller.call(&row.door.method, path, sent);
            let nobody = answer.status == 401
                || answer.status == 404
                || (answer.status == 303 && answer.header("location").contains("/login"));
            if row.door.needs != Needs::Public && !nobody {
                findings.push(format!("{}: {answer}", row.name()));
            }
            tried += 1;
        }
    }
    assert!(tried > 600, "only {tried} attempts");
    assert!(findings.is_empty(), "{}", findings.join("\n"));
    assert_eq!(digest(&folder(&cast)), before, "something of Harbour was touched");
}

/// Findings A14: whoever shows neither key nor session gets one answer of a company that there is and of one that there is
/// not, from every address, whatever is sent.
#[test]
fn nobody_learns_which_companies_there_are() {
    let cast = Cast::assemble();
    let house = &cast.harbour;
    let nobody = Caller::nobody(&house.company.base)
        .and_header("Origin", cast.server.base())
        .and_header("Sec-Fetch-Site", "same-origin")
        .and_header("Cookie", "house_session=nobodys");
    let base = cast.server.base();
    let other = "nowhere";
    assert_eq!(other.len(), house.company.slug.len());
    let (mut tried, mut findings) = (0, Vec::new());
    for row in rows_of_companies() {
        let (path, body) = (row.path(house), row.body(house));
        let bodies = if row.door.method == "GET" {
            vec![Value::Null]
        } else {
            vec![Value::Null, body, json!({ "Username": "x" })]
        };
        for body in bodies {
            let sent = || match &body {
                Value::Null => Sent::Nothing,
                Value::Object(fields) if row.is_page() => {
                    Sent::Form(fields.iter().map(|(name, value)| (name.clone(), value.to_string())).collect())
                }
                other => other.clone().into(),
            };
            let ask = |slug: &str| {
                let answer = nobody.call(&row.door.method, &format!("{base}/{slug}{path}"), sent());
                // Where it leads names the company that was asked for.
                meaning(&answer, &[]).replace(slug, "…")
            };
            tried += 1;
            let (one, two) = (ask(&house.company.slug), ask(other));
            if one != two {
                findings.push(format!("{}:\n{one}\n{two}", row.name()));
            }
        }
    }
    assert!(tried > 500, "only {tried} attempts");
    let shown: Vec<String> = findings.iter().map(|finding| finding.chars().take(900).collect()).collect();
    assert!(findings.is_empty(), "{} findings\n{}", findings.len(), shown.join("\n"));
}

//! Links in answers, followed as published clients follow them (findings D16): the leading slash is cut off, the rest is
//! joined to the base address `http://host/company/`, and what a template leaves open is left out.

use crate::support::{api::Caller, cast::Cast};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Links to what is sent and not looked at: another method answers there.
const SENT: &[&str] = &[
    "Cancel",
    "DeploymentPreviews",
    "EnvironmentSortOrder",
    "Register",
    "Rerun",
    "SignIn",
    "SignOut",
    "TagSetSortOrder",
];
/// Services whose things have no list of their own: clients give the id, here that of a thing of the walk.
const BY_ID: &[(&str, &str)] = &[
    ("DeploymentProcesses", "deploymentprocess-Projects-1"),
    ("RunbookProcesses", "runbookprocess-Runbooks-1"),
    ("RunbookSnapshots", "RunbookSnapshots-1"),
];
/// What stands open in the middle of an address, and what clients put there.
const OPEN: &[(&str, &str)] = &[("environment", "Environments-1"), ("tenant", "Tenants-1")];
/// So many of one kind are followed.
const OF_A_KIND: usize = 3;

/// A link as it is asked for: without its leading slash and without what is open in it.
fn resolved(name: &str, link: &str) -> String {
    let mut plain = String::new();
    let mut rest = link.trim_start_matches('/');
    while let Some((before, open)) = rest.split_once('{') {
        let (hole, after) = open.split_once('}').unwrap_or((open, ""));
        plain.push_str(before);
        if let Some((_, id)) = OPEN.iter().find(|(known, _)| hole == *known) {
            plain.push_str(id);
        }
        if let Some((_, id)) = BY_ID.iter().find(|(known, _)| hole == "/id" && *known == name) {
            plain.push_str(&format!("/{id}"));
        }
        rest = after;
    }
    plain + rest
}

/// All links of an answer, wherever they stand in it.
fn links(answer: &Value, found: &mut BTreeSet<(String, String)>) {
    match answer {
        Value::Object(map) => {
            for (key, value) in map {
                match (key.as_str(), value) {
                    ("Links", Value::Object(links)) => found
                        .extend(links.iter().filter_map(|(name, to)| Some((name.clone(), to.as_str()?.to_owned())))),
                    _ => links(value, found),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|one| links(one, found)),
        _ => {}
    }
}

/// An address without its numbers.
fn kind(address: &str) -> String {
    let mut kind: String = address.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    while kind.contains("00") {
        kind = kind.replace("00", "0");
    }
    kind
}

/// Follows every link from the roots on; `base` stands before the company's paths. What led nowhere.
pub fn walk(caller: &Caller, base: &str) -> Vec<String> {
    let (mut wrong, mut seen, mut kinds) = (Vec::new(), BTreeSet::new(), BTreeMap::<String, usize>::new());
    let root = |path: &str| ("the root".to_owned(), format!("{base}/api{path}"));
    let mut open = VecDeque::from([root(""), root("/Spaces-1")]);
    while let Some((name, link)) = open.pop_front() {
        let path = resolved(&name, &link);
        if !seen.insert(path.clone()) {
            continue;
        }
        let of_a_kind = kinds.entry(format!("{name} {}", kind(&path))).or_default();
        *of_a_kind += 1;
        if !link.starts_with(base) || (base.is_empty() && link.starts_with("/harbour")) {
            wrong.push(format!("{name} {link}: not below “{base}”"));
        }
        if *of_a_kind > OF_A_KIND {
            continue;
        }
        let answer = caller.get(&format!("/{path}"));
        let (status, media) = (answer.status, answer.header("content-type").to_owned());
        if name == "Web" {
            // For people: a page, or the way to one.
            if status >= 400 {
                wrong.push(format!("{name} {link}: {status}"));
            }
            continue;
        }
        let sent = status == 405 && SENT.contains(&name.as_str());
        if !sent && (status != 200 || media.starts_with("text/html")) {
            wrong.push(format!("{name} {link}: {status} {media}"));
        }
        if status == 200 && media.starts_with("application/json") {
            let mut found = BTreeSet::new();
            links(&answer.json(), &mut found);
            open.extend(found);
        }
    }
    assert!(seen.len() > 150, "the walk found {} addresses only", seen.len());
    wrong
}

#[test]
fn every_link_of_every_answer_leads_to_an_answer() {
    let cast = Cast::assemble();
    let wrong = walk(&cast.harbour.administrator().key, "/harbour");
    assert!(wrong.is_empty(), "{} dead links:\n{}", wrong.len(), wrong.join("\n"));
}

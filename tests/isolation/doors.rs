//! Every route of pages and API, as nobody, as the administrator of another company, as a member without any right, as
//! somebody who may look at everything, and as the administrator. The list of routes is the program's own: a new route
//! without a row in `doors.txt` fails.

use bulkhead::{
    company::access::{builtin, permissions},
    http::table::Needs,
};
use serde_json::Value;

use super::rows::{FILE, Row, rows};
use crate::support::{
    api::{Answer, Caller},
    cast::{Cast, House, send_form, send_json},
};

#[derive(Clone, Copy, PartialEq, Debug)]
enum Who {
    Nobody,
    Stranger,
    Member,
    Reader,
    Administrator,
}
const ALL: [Who; 5] = [Who::Nobody, Who::Stranger, Who::Member, Who::Reader, Who::Administrator];

/// Calls a route of Harbour.
fn ask(cast: &Cast, who: Who, row: &Row, path: &str, body: &Value) -> Answer {
    let (house, method) = (&cast.harbour, row.door.method.as_str());
    let person = match who {
        Who::Nobody if row.is_page() => return send_form(&cast.server.browser(), "harbour", method, path, body),
        Who::Nobody => return send_json(&house.company.stranger(), method, path, body.clone()),
        Who::Stranger => return as_stranger(cast, row, path, body),
        Who::Member => "noel",
        Who::Reader => "cleo",
        Who::Administrator => "ada",
    };
    house.people[person].call("harbour", row.is_page(), method, path, body.clone())
}

/// Dora, with her key and cookie of Meridian, at Harbour's door: the browser would not send her cookie there, so she does.
fn as_stranger(cast: &Cast, row: &Row, path: &str, body: &Value) -> Answer {
    let (house, dora) = (&cast.harbour, &cast.meridian.people["dora"]);
    let cookie = format!("house_session={}", dora.browser.caller().cookie("house_session").expect("dora is signed in"));
    if row.is_page() {
        let caller = Caller::nobody(&house.company.base).and_header("Cookie", &cookie);
        let caller = caller.and_header("Origin", cast.server.base()).and_header("Sec-Fetch-Site", "same-origin");
        let fields: Vec<(String, String)> =
            body.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value.to_string())).collect();
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        return if row.door.method == "GET" {
            caller.get(path)
        } else {
            caller.call(&row.door.method, path, &fields[..])
        };
    }
    let key = &cast.meridian.company.key;
    send_json(
        &Caller::with_key(&house.company.base, key).and_header("Cookie", &cookie),
        &row.door.method,
        path,
        body.clone(),
    )
}

/// What an answer amounts to, as `doors.txt` has it.
fn outcome(answer: &Answer) -> String {
    match answer.status {
        303 if answer.header("location").contains("/login") => "sign-in".into(),
        // Whose turn it is in this test decides whether the sign-in was looked at before it was refused.
        401 | 422 | 429 if answer.asked.ends_with("/login") => "refused".into(),
        status => status.to_string(),
    }
}

/// What must hold whatever the table says.
fn wrong(who: Who, row: &Row, answer: &Answer, reads: &dyn Fn(&str) -> bool) -> Option<&'static str> {
    let (status, outcome) = (answer.status, outcome(answer));
    let locked = if row.is_page() { "sign-in" } else { "401" };
    let refused = matches!(status, 403 | 404);
    match (row.door.needs, who) {
        _ if status >= 500 => Some("answers with a fault of the server"),
        (Needs::Public, _) => None,
        // A stream has no page to lead to.
        (_, Who::Nobody | Who::Stranger) if row.door.path.ends_with("/events") && row.is_page() => {
            (!matches!(status, 401 | 404)).then_some("lets somebody listen who has no key to this company")
        }
        (_, Who::Nobody | Who::Stranger) => {
            (outcome != locked).then_some("lets somebody in who has no key to this company")
        }
        (Needs::Permission(_), Who::Member) => (!refused).then_some("answers a member who has no right at all"),
        (Needs::Permission(name), Who::Reader) if reads(name) => {
            (refused || outcome == locked).then_some("refuses a reader who has the permission")
        }
        (Needs::Permission(_), Who::Reader) => {
            (!refused).then_some("answers a reader who does not have the permission")
        }
        (Needs::Authenticated, Who::Member | Who::Reader) => {
            (outcome == locked).then_some("sends somebody away who is signed in")
        }
        // What is about the appliance is nowhere but in the operator's own compartment: not even for an administrator.
        (Needs::Permission(name), Who::Administrator) if of_appliance(name) => {
            (outcome != "404").then_some("answers an administrator of a company that is not the operator's")
        }
        // It comes by a key here; what no key can do stands in proof.rs.
        (_, Who::Administrator) if status == 403 && answer.text().contains("\"PersonNeeded\"") => None,
        (_, Who::Administrator) => {
            (refused || outcome == locked).then_some("refuses the administrator: does the row fill it in rightly?")
        }
    }
}

fn of_appliance(name: &str) -> bool {
    permissions::CATALOGUE.iter().any(|info| info.name == name && info.held == permissions::Held::Appliance)
}

fn reader_has(name: &str) -> bool {
    builtin::roles().any(|(role, _, permissions)| role == "Read Only" && permissions.contains(&name))
}

/// Routes that end what the tests stand on are called last.
fn order(row: &Row) -> usize {
    match row.door.method.as_str() {
        _ if row.door.path.contains("sign-out") => 9,
        "GET" => 0,
        "DELETE" => 3,
        _ if row.door.path.ends_with("/delete") => 2,
        _ => 1,
    }
}

#[test]
fn every_door_opens_for_whom_it_should() {
    let (mut rows, surplus) = rows();
    let cast = Cast::assemble();
    let house: &House = &cast.harbour;
    let renew = std::env::var_os("UPDATE_TABLES").is_some();
    let mut findings: Vec<String> = Vec::new();
    if !renew {
        findings
            .extend(surplus.iter().map(|name| format!("{name}: {FILE} has a row for it, but there is no such route")));
        let unknown = rows.iter().filter(|row| !row.known);
        findings.extend(unknown.map(|row| format!("{}: no row in {FILE}", row.name())));
    }
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut numbered: Vec<(usize, Row)> = rows.drain(..).enumerate().collect();
    numbered.sort_by_key(|(place, row)| (order(row), *place));

    // Those who have no business here go through all of it first; nothing may have changed after them.
    let mut seen: Vec<Vec<String>> = Vec::new();
    let filled: Vec<(String, Value)> = numbered.iter().map(|(_, row)| (row.path(house), row.body(house))).collect();
    house.rest(&cast.server);
    let before = house.contents(&cast.server);
    for ((_, row), (path, body)) in numbered.iter().zip(&filled) {
        let mut outcomes = Vec::new();
        let mut bodies = Vec::new();
        for who in [Who::Nobody, Who::Stranger, Who::Member] {
            let answer = ask(&cast, who, row, path, body);
            findings.extend(
                wrong(who, row, &answer, &reader_has).map(|why| format!("{} {who:?}: {why}: {answer}", row.name())),
            );
            outcomes.push(outcome(&answer));
            bodies.push(answer.body);
        }
        if row.door.needs != Needs::Public && bodies[0] != bodies[1] {
            findings.push(format!("{}: a stranger's answer differs from nobody's", row.name()));
        }
        seen.push(outcomes);
    }
    let after = house.contents(&cast.server);
    for (table, rows) in &before {
        let open = ["one_time_links", "attempts", "trail_end", "recovery_codes"].contains(&table.as_str());
        if after.get(table) != Some(rows) && !open {
            findings.push(format!("people without any right changed the table {table}"));
        }
    }
    for (((place, row), (path, body)), mut outcomes) in numbered.iter().zip(&filled).zip(seen) {
        for who in [Who::Reader, Who::Administrator] {
            let answer = ask(&cast, who, row, path, body);
            findings.extend(
                wrong(who, row, &answer, &reader_has).map(|why| format!("{} {who:?}: {why}: {answer}", row.name())),
            );
            outcomes.push(outcome(&answer));
        }
        let outcomes: Vec<String> = ALL
            .iter()
            .zip(outcomes)
            .map(|(who, outcome)| format!("{} {outcome}", format!("{who:?}").to_lowercase()))
            .collect();
        let outcomes = outcomes.join(" · ");
        if !renew && row.known && row.outcomes != outcomes {
            findings.push(format!("{}: {outcomes}, but the row says {}", row.name(), row.outcomes));
        }
        lines.push((*place, row.line(&outcomes)));
    }
    if renew {
        lines.sort();
        let mut table = String::from(
            "# A row for each route; what the columns mean stands in tests/isolation/rows.rs. Renewed with UPDATE_TABLES=1, which\n\
             # keeps the third column. Review what changed: it is who may do what.\n",
        );
        lines.iter().for_each(|(_, line)| table.extend([line.as_str(), "\n"]));
        super::kept(FILE, &table);
    }
    let shown: Vec<String> = findings.iter().map(|finding| finding.chars().take(700).collect()).collect();
    assert!(
        findings.is_empty(),
        "{} findings. Rows are renewed by running this with UPDATE_TABLES=1, then reviewed.\n{}",
        findings.len(),
        shown.join("\n")
    );
}

//! Who may do what, as tables for review: every permission with the built-in roles that carry it, every route with the
//! permission it needs, and the routes that need nobody. They are kept under version control, so that no change of the
//! policy goes unseen. (That the catalogue is the published one, `company/access/tests/rules.rs` holds.)

use bulkhead::{
    api,
    company::access::{
        builtin,
        permissions::{CATALOGUE, Held},
    },
    http::table::{Needs, Route},
    web,
};
use std::fmt::Write as _;

use super::kept;

/// A route as tests see it.
#[derive(Clone)]
pub struct Door {
    /// For people or for programs.
    pub face: Face,
    pub method: String,
    /// From the root of the server: `/{company}/…`.
    pub path: String,
    pub needs: Needs,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Face {
    Page,
    Api,
}

/// Routes that stream stand in no table, but in `streams()` of `web` and `api`.
const STREAMS: &[(Face, &str, &str)] = &[(Face::Page, "/{company}/tasks/{task}/events", "TaskView")];

/// Every route of pages and API.
pub fn doors() -> Vec<Door> {
    fn of<H>(routes: Vec<Route<H>>, face: Face, prefix: &'static str) -> impl Iterator<Item = Door> {
        routes.into_iter().map(move |route| Door {
            face,
            method: route.method.to_string(),
            path: format!("{prefix}{}", route.path),
            needs: route.needs,
        })
    }
    let mut doors: Vec<Door> = of(web::open_routes(), Face::Page, "")
        .chain(of(web::routes(), Face::Page, "/{company}"))
        .chain(of(api::company_routes(), Face::Api, "/{company}/api"))
        .chain(of(api::space_routes(), Face::Api, "/{company}/api/{space}"))
        .collect();
    doors.extend(STREAMS.iter().map(|(face, path, permission)| Door {
        face: *face,
        method: "GET".into(),
        path: (*path).into(),
        needs: Needs::Permission(permission),
    }));
    for door in &mut doors {
        if door.path.len() > 1 {
            door.path = door.path.trim_end_matches('/').to_owned();
        }
    }
    doors
}

fn roles_table() -> String {
    let roles: Vec<_> = builtin::roles().collect();
    let mut table = String::from(
        "# The policy as a table, printed by tests/isolation/roles.rs. Renew with UPDATE_TABLES=1; review what changed.\n\
         # permission | level | kind | scopes it honours | built-in roles that carry it\n",
    );
    for info in CATALOGUE {
        let levels: &[&str] = match info.held {
            Held::System => &["system"],
            Held::Space => &["space"],
            Held::Both => &["system", "space"],
            Held::Appliance => &["appliance"],
            Held::Server | Held::Anyone => &["server"],
        };
        let scopes = [
            (info.groups, "groups"),
            (info.projects, "projects"),
            (info.environments, "environments"),
            (info.tenants, if info.explicit { "tenants (explicit)" } else { "tenants" }),
            (info.runbooks, "runbooks"),
        ];
        let scopes: Vec<&str> = scopes.iter().filter(|(honoured, _)| *honoured).map(|(_, name)| *name).collect();
        for level in levels {
            let carry: Vec<&str> = roles
                .iter()
                .filter(|(_, at, permissions)| at == level && permissions.contains(&info.name))
                .map(|(role, ..)| *role)
                .collect();
            let kind = if info.change { "change" } else { "view" };
            let scopes = if *level == "system" { String::new() } else { scopes.join(", ") };
            let _ = writeln!(table, "{} | {level} | {kind} | {scopes} | {}", info.name, carry.join(", "));
        }
    }
    table.push_str("\n# route | what it needs\n");
    for door in doors().iter().filter(|door| door.needs != Needs::Public) {
        let _ = writeln!(table, "{} {} | {}", door.method, door.path, door.needs.word());
    }
    table
}

#[test]
fn the_policy_is_as_reviewed() {
    kept("tests/isolation/roles.txt", &roles_table());
}

#[test]
fn the_routes_without_a_visitor_are_as_reviewed() {
    let mut table = String::from(
        "# Every address that answers somebody who is not signed in. Renew with UPDATE_TABLES=1; review what changed.\n\
         # Below them stand those that no table serves: /healthz, /readyz, /static, /favicon.ico, /robots.txt (src/app/routes.rs).\n",
    );
    for door in doors().iter().filter(|door| door.needs == Needs::Public) {
        let _ = writeln!(table, "{} {}", door.method, door.path);
    }
    kept("tests/isolation/open_routes.txt", &table);
}

#[test]
fn every_route_names_a_permission_of_the_catalogue() {
    let mut findings = Vec::new();
    for door in doors() {
        if let Needs::Permission(name) = door.needs
            && !CATALOGUE.iter().any(|info| info.name == name)
        {
            findings.push(format!("{} {} needs {name}, which is no permission", door.method, door.path));
        }
    }
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

#[test]
fn every_stream_is_known() {
    let mut found = Vec::new();
    for (file, text) in [("web", include_str!("../../src/web/mod.rs")), ("api", include_str!("../../src/api/mod.rs"))] {
        let routes = text.split(".route(\"").skip(1).filter_map(|rest| rest.split_once('"'));
        found.extend(routes.map(|(path, _)| (file, path)));
    }
    let known: Vec<(&str, &str)> =
        STREAMS.iter().map(|(face, path, _)| (if *face == Face::Page { "web" } else { "api" }, *path)).collect();
    assert_eq!(found, known, "STREAMS in this file names every route that stands in no table");
}

/// A change is asked for by a permission to change; a page that only shows, by one to look.
#[test]
fn a_route_that_changes_needs_more_than_a_look() {
    let mut findings = Vec::new();
    for door in doors() {
        let Needs::Permission(name) = door.needs else { continue };
        let Some(info) = CATALOGUE.iter().find(|info| info.name == name) else { continue };
        if door.method != "GET" && !info.change && !LOOKS_BY_POST.contains(&door.path.as_str()) {
            findings.push(format!("{} {} needs only {name}", door.method, door.path));
        }
    }
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

/// Routes that ask by POST and change nothing.
const LOOKS_BY_POST: &[&str] = &[
    "/{company}/api/{space}/releases/{id}/deployments/previews",
    "/{company}/api/{space}/runbooks/{runbook}/runbookRuns/previews",
    "/{company}/api/{space}/projects/{project}/runbooks/{runbook}/runbookRuns/previews",
    // Taking out is told in the trail and may need a fresh proof, which a form carries.
    "/{company}/trail/export",
    "/{company}/trail/archives/{archive}",
];

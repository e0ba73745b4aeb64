//! Lists that have more than one page: read by `Page.Next` they are whole, also when they are filtered (findings D1, D4).

use crate::support::{api::Caller, server::founded};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// One kind of thing: its list, how the next one is made, and a filter that lets half of them through, if there is one.
/// What begins with a slash is the company's and not a space's.
struct Kind {
    list: &'static str,
    made: &'static str,
    body: Box<dyn Fn(usize) -> Value>,
    filter: &'static str,
}

/// Lists that have no `/all`.
const NO_ALL: &[&str] = &[
    "releases",
    "deployments",
    "runbookRuns",
    "projects/Projects-1/runbookSnapshots",
    "projects/Projects-1/channels",
    "/users/Users-1/apikeys",
];

/// A moment that is far enough, and not too far.
fn tomorrow() -> String {
    (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24)).to_string()
}

/// Every second one is called so.
fn name(n: usize) -> String {
    if n.is_multiple_of(2) { format!("Even {n}") } else { format!("Odd {n}") }
}

/// The ids of all pages.
fn walked(caller: &Caller, path: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let mut next = Some(path.to_owned());
    while let Some(path) = next {
        // A client joins the link to its base address, which names the company once more.
        let page = caller.get(&path).expect(200).json();
        let items = page["Items"].as_array().expect("items");
        ids.extend(items.iter().map(|one| one["Id"].as_str().expect("an id").to_owned()));
        next = page["Links"]["Page.Next"].as_str().map(str::to_owned);
        if next.is_none() {
            assert_eq!(page["TotalResults"], ids.len(), "{path}");
        }
    }
    ids
}

#[test]
fn lists_of_31_and_of_301_are_whole_page_by_page() {
    let (_server, company) = founded();
    let caller = company.caller();
    let space = |path: &str| match path.strip_prefix('/') {
        Some(path) => format!("/api/{path}"),
        None => format!("/api/Spaces-1/{path}"),
    };
    let first = |path: &str| caller.get(&space(path)).expect(200).json()[0]["Id"].clone();
    let (group, lifecycle) = (first("projectgroups/all"), first("lifecycles/all"));
    let project = json!({ "Name": "Shop", "ProjectGroupId": group, "LifecycleId": lifecycle });
    let project = caller.post(&space("projects"), project).expect(201).json()["Id"].clone();
    let own = space(&format!("projects/{}/deploymentprocesses", project.as_str().unwrap_or_default()));
    let mut process = caller.get(&own).expect(200).json();
    process["Steps"] = json!([crate::support::cast::step("Greet", "echo hello")]);
    caller.put(&own, process).expect(200);
    let other = caller.post(&space("environments"), json!({ "Name": "Other" })).expect(201).json()["Id"].clone();
    let first_release = json!({ "ProjectId": project, "Version": "9.9.1" });
    let first_release = caller.post(&space("releases"), first_release).expect(201).json()["Id"].clone();
    let second_release = json!({ "ProjectId": project, "Version": "9.9.3" });
    let second_release = caller.post(&space("releases"), second_release).expect(201).json()["Id"].clone();
    let first_runbook = json!({ "Name": "Even first", "ProjectId": project });
    let first_runbook = caller.post(&space("runbooks"), first_runbook).expect(201).json()["Id"].clone();
    let own = space(&format!("runbookProcesses/RunbookProcess-{}", first_runbook.as_str().unwrap_or_default()));
    let mut process = caller.get(&own).expect(200).json();
    process["Steps"] = json!([crate::support::cast::step("Greet", "echo hello")]);
    caller.put(&own, process).expect(200);
    let snapshot = json!({ "RunbookId": first_runbook, "Name": "Even first" });
    caller.post(&space("runbookSnapshots?publish=true"), snapshot).expect(201);
    let environment = caller.post(&space("environments"), json!({ "Name": "Test" })).expect(201).json()["Id"].clone();
    let tested = environment.clone();
    let secret = json!({ "HasValue": true, "NewValue": "a long secret" });
    let account = move |name: &str| json!({ "Name": name, "AccountType": "UsernamePassword", "Username": "deploy", "Password": secret });
    let deployer = caller.post(&space("accounts"), account("Deployer")).expect(201).json()["Id"].clone();
    let named = || Box::new(|n| json!({ "Name": name(n) })) as Box<dyn Fn(usize) -> Value>;
    let kinds = [
        Kind { list: "environments", made: "environments", body: named(), filter: "partialName=even" },
        Kind { list: "projectgroups", made: "projectgroups", body: named(), filter: "partialName=even" },
        Kind { list: "lifecycles", made: "lifecycles", body: named(), filter: "partialName=even" },
        Kind { list: "tagsets", made: "tagsets", body: named(), filter: "partialName=even" },
        Kind { list: "tenants", made: "tenants", body: named(), filter: "partialName=even" },
        Kind {
            list: "accounts",
            made: "accounts",
            body: Box::new(move |n| account(&name(n))),
            filter: "partialName=even",
        },
        Kind {
            list: "projects",
            made: "projects",
            body: Box::new(move |n| json!({ "Name": name(n), "ProjectGroupId": group, "LifecycleId": lifecycle })),
            filter: "partialName=even",
        },
        Kind {
            list: "releases",
            made: "releases",
            body: {
                let project = project.clone();
                Box::new(move |n| json!({ "ProjectId": project, "Version": format!("{}.{n}.0", n % 2) }))
            },
            filter: "searchByVersion=0.",
        },
        Kind {
            list: "runbooks",
            made: "runbooks",
            body: Box::new(move |n| json!({ "Name": name(n), "ProjectId": project })),
            filter: "partialName=even",
        },
        Kind {
            list: "machines",
            made: "machines",
            body: Box::new(move |n| {
                json!({ "Name": name(n), "EnvironmentIds": [environment], "Roles": [if n.is_multiple_of(2) { "even" } else { "odd" }],
                    "Endpoint": { "Host": "web.invalid", "Port": 22, "AccountId": deployer,
                        "Fingerprint": "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" } })
            }),
            filter: "roles=even",
        },
        Kind {
            list: "projects/Projects-1/channels",
            made: "channels",
            body: Box::new(|n| json!({ "Name": name(n), "ProjectId": "Projects-1" })),
            filter: "partialName=even",
        },
        Kind {
            list: "projects/Projects-1/runbookSnapshots",
            made: "runbookSnapshots",
            body: {
                let runbook = first_runbook.clone();
                Box::new(move |n| json!({ "Name": name(n), "RunbookId": runbook }))
            },
            filter: "searchByName=even",
        },
        // These wait for a day that is far enough.
        Kind {
            list: "deployments",
            made: "deployments",
            body: {
                let other = other.clone();
                Box::new(move |n| {
                    let release = if n.is_multiple_of(2) { &first_release } else { &second_release };
                    json!({ "ReleaseId": release, "EnvironmentId": other, "QueueTime": tomorrow() })
                })
            },
            filter: "releases=Releases-1",
        },
        Kind {
            list: "runbookRuns",
            made: "runbookRuns",
            body: Box::new(move |n| {
                let place = if n.is_multiple_of(2) { &tested } else { &other };
                json!({ "RunbookId": first_runbook, "EnvironmentId": place, "QueueTime": tomorrow() })
            }),
            filter: "environments=Environments-2",
        },
        Kind { list: "/userroles", made: "/userroles", body: named(), filter: "partialName=even" },
        Kind {
            list: "/users",
            made: "/users",
            body: Box::new(|n| json!({ "Username": format!("robot-{n}"), "DisplayName": name(n), "IsService": true })),
            filter: "filter=even",
        },
        Kind {
            list: "/users/Users-1/apikeys",
            made: "/users/Users-1/apikeys",
            body: Box::new(|n| json!({ "Purpose": name(n) })),
            filter: "",
        },
        Kind {
            list: "/spaces",
            made: "/spaces",
            body: Box::new(|n| json!({ "Name": name(n), "SpaceManagersTeams": ["teams-administrators"] })),
            filter: "partialName=even",
        },
        Kind { list: "teams", made: "teams", body: named(), filter: "partialName=even" },
    ];
    let mut wrong = Vec::new();
    for kind in &kinds {
        let (list, path) = (kind.list, space(kind.list));
        let present = walked(&caller, &path).len();
        let mut made = BTreeSet::new();
        let mut even = BTreeSet::new();
        for until in [31, 301] {
            for n in made.len() + present..until {
                let one = caller.post(&space(kind.made), (kind.body)(n)).expect(201).json();
                let id = one["Id"].as_str().expect("an id").to_owned();
                if n.is_multiple_of(2) {
                    even.insert(id.clone());
                }
                made.insert(id);
            }
            let all = walked(&caller, &path);
            let whole: BTreeSet<String> = all.iter().cloned().collect();
            if whole.len() != all.len() || all.len() != until || !made.is_subset(&whole) {
                wrong.push(format!("{list}: {} of {until}, {} of them once", all.len(), whole.len()));
            }
            let some: BTreeSet<String> = match kind.filter {
                "" => even.clone(),
                filter => walked(&caller, &format!("{path}?{filter}&take=7")).into_iter().collect(),
            };
            if !even.is_subset(&some) || some.len() > even.len() + 1 {
                wrong.push(format!("{list}?{}: {} of {}", kind.filter, some.len(), even.len()));
            }
            if NO_ALL.contains(&list) {
                continue;
            }
            let bare = caller.get(&format!("{path}/all")).json().as_array().map_or(0, Vec::len);
            if bare != until {
                wrong.push(format!("{list}/all: {bare} of {until}"));
            }
        }
    }
    // What comes of all this by itself.
    for (list, filter, least) in [
        ("tasks", "name=Deploy", 301),
        ("tasks", "name=RunbookRun", 301),
        ("/tasks", "states=Queued", 602),
        ("/events", "documentTypes=Environments", 301),
        ("/events", "eventCategories=Created", 3000),
    ] {
        let some = walked(&caller, &format!("{}?{filter}&take=90", space(list)));
        let once: BTreeSet<&String> = some.iter().collect();
        if some.len() < least || once.len() != some.len() {
            wrong.push(format!("{list}?{filter}: {} of {least}, {} of them once", some.len(), once.len()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

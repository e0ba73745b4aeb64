//! Buttons that cannot be used say why: every main page of the product, seen by one who may look at everything and change
//! nothing, and by one who may do all of it.

use crate::support::{
    api::Answer,
    cast::{Cast, House},
};
use serde_json::{Value, json};

/// The main actions of the main pages, and the permission that each needs. `{kind}` is the slug of the cast's thing of
/// that kind, `{kind#}` its id.
const PAGES: &[(&str, &[(&str, &str)])] = &[
    ("/default", &[("Add a project", "ProjectCreate")]),
    ("/default/projects", &[("Add a project", "ProjectCreate")]),
    (
        "/default/projects/{projects}",
        &[("Create a release", "ReleaseCreate"), ("Deploy {releases}…", "DeploymentCreate")],
    ),
    ("/default/projects/{projects}/process", &[("Add a step", "ProcessEdit"), ("Create a release", "ReleaseCreate")]),
    ("/default/projects/{projects}/releases", &[("Create a release", "ReleaseCreate")]),
    (
        "/default/projects/{projects}/releases/{releases}",
        &[
            ("Edit notes", "ReleaseEdit"),
            ("Deploy {releases}…", "DeploymentCreate"),
            ("Report a defect", "DefectReport"),
            ("Remove", "ReleaseDelete"),
        ],
    ),
    ("/default/projects/{projects}/deployments/{deployments#}", &[("Deploy again…", "DeploymentCreate")]),
    ("/default/projects/{projects}/runbooks", &[("Add a runbook", "RunbookEdit")]),
    (
        "/default/projects/{projects}/runbooks/{runbooks}",
        &[("Settings", "RunbookEdit"), ("Run…", "RunbookRunCreate"), ("Take a snapshot", "RunbookSnapshotCreate")],
    ),
    ("/default/projects/{projects}/runbooks/{runbooks}/process", &[("Add a step", "RunbookEdit")]),
    (
        "/default/projects/{projects}/runbooks/{runbooks}/snapshots/{runbooksnapshots#}",
        &[("Run it…", "RunbookRunCreate")],
    ),
    ("/default/library/project-groups", &[("Add a project group", "ProjectGroupCreate")]),
    (
        "/default/library/project-groups/{projectgroups}",
        &[("Change", "ProjectGroupEdit"), ("Remove", "ProjectGroupDelete")],
    ),
    ("/default/tenants", &[("Add a tenant", "TenantCreate")]),
    (
        "/default/tenants/{tenants}",
        &[
            ("Make a copy", "TenantCreate"),
            ("Connections", "TenantEdit"),
            ("Change", "TenantEdit"),
            ("Give this customer access", "TeamEdit"),
            ("Remove", "TenantDelete"),
        ],
    ),
    ("/default/infrastructure/environments", &[("Add an environment", "EnvironmentCreate")]),
    (
        "/default/infrastructure/environments/{environments}",
        &[("Change", "EnvironmentEdit"), ("Remove", "EnvironmentDelete")],
    ),
    ("/default/infrastructure/targets", &[("Add a deployment target", "MachineCreate")]),
    (
        "/default/infrastructure/targets/{machines}",
        &[("Check its health now", "TaskCreate"), ("Change", "MachineEdit"), ("Remove", "MachineDelete")],
    ),
    ("/default/infrastructure/accounts", &[("Add an account", "AccountCreate")]),
    ("/default/infrastructure/accounts/{accounts}", &[("Change", "AccountEdit"), ("Remove", "AccountDelete")]),
    ("/default/library/lifecycles", &[("Add a lifecycle", "LifecycleCreate")]),
    ("/default/library/lifecycles/{lifecycles}", &[("Change", "LifecycleEdit"), ("Remove", "LifecycleDelete")]),
    ("/default/library/tag-sets", &[("Add a tag set", "TagSetCreate")]),
    ("/default/library/tag-sets/{tagsets}", &[("Change", "TagSetEdit"), ("Remove", "TagSetDelete")]),
    ("/access/people", &[("Add a service account", "UserEdit"), ("Invite a person", "UserInvite")]),
    (
        "/access/people/{users#}",
        &[("Change", "UserEdit"), ("Reset the password", "UserEdit"), ("Deactivate", "UserEdit")],
    ),
    ("/access/people/{invited#}", &[("Send it again", "UserInvite"), ("Revoke the invitation", "UserInvite")]),
    ("/access/people/{serviceaccounts#}/identities", &[("Add an identity", "UserEdit")]),
    ("/access/teams", &[("Add a team", "TeamCreate")]),
    ("/access/teams/{teams#}", &[("Change", "TeamEdit"), ("Give it a role", "TeamEdit"), ("Remove", "TeamDelete")]),
    ("/access/roles", &[("Add a role", "UserRoleEdit")]),
    ("/access/roles/{userroles#}", &[("Clone", "UserRoleEdit"), ("Change", "UserRoleEdit")]),
    ("/settings/spaces", &[("Add a space", "SpaceCreate")]),
    (
        "/settings/spaces/default",
        &[("Stop the task queue", "SpaceEdit"), ("Change", "SpaceEdit"), ("Remove", "SpaceDelete")],
    ),
];
/// What only the one who may not is shown: who may has a form in its place.
const IN_PLACE_OF_FORMS: &[(&str, &[(&str, &str)])] = &[
    ("/settings", &[("Change the settings", "ConfigureServer")]),
    ("/access/review", &[("Sign the review off", "UserEdit")]),
    ("/access/teams/{teams#}", &[("Add people", "TeamEdit")]),
];

fn address(house: &House, path: &str) -> String {
    let mut path = path.to_owned();
    for (kind, thing) in &house.things {
        path = path.replace(&format!("{{{kind}}}"), &thing.slug).replace(&format!("{{{kind}#}}"), &thing.id);
    }
    format!("/{}{path}", house.company.slug)
}

/// A button that is off.
#[derive(Debug)]
struct Off {
    label: String,
    reason: String,
    why: String,
}

fn between<'t>(text: &'t str, from: &str, to: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(from)?;
    Some(rest.split_once(to)?.0)
}

/// The buttons that are off, each tied to a reason that is there once.
fn off(page: &Answer) -> Vec<Off> {
    let html = page.text();
    let mut found = Vec::new();
    for piece in html.split("<span class=\"button-off\">").skip(1) {
        let piece = piece.split("</span></span>").next().unwrap_or_default();
        let piece = &format!("{piece}</span>");
        let button = between(piece, "<button type=\"button\"", "</button>").expect("a button");
        assert!(button.contains("aria-disabled=\"true\"") && !button.contains(" disabled"), "{button}");
        let id = between(button, "aria-describedby=\"", "\"").expect("what describes it");
        assert_eq!(html.matches(&format!("id=\"{id}\"")).count(), 1, "{id} of {button}");
        found.push(Off {
            label: button.split_once('>').expect("a label").1.to_owned(),
            reason: between(piece, &format!("id=\"{id}\">"), "</span>").expect("a reason").to_owned(),
            why: between(piece, "<a href=\"", "\"").unwrap_or_default().replace("&#38;", "&").replace("&amp;", "&"),
        });
    }
    found
}

/// Cleo, who may look at everything that there is, in the company and in the space, and at teams if she is let.
fn looker(house: &mut House, server: &crate::support::server::Server, name: &'static str, teams: bool) {
    let all = house.administrator().key.get("/api/permissions/all").expect(200).json();
    let names =
        all.as_array().expect("permissions").iter().map(|one| one["Id"].as_str().unwrap_or_default().to_owned());
    let looks: Vec<String> = names
        .filter(|name| name.ends_with("View") || name == "EventRetentionView")
        .filter(|name| teams || name != "TeamView")
        .collect();
    let can = |level: &str| {
        let fits = |name: &&String| {
            let info = all.as_array().into_iter().flatten().find(|one| one["Id"] == json!(name)).expect("one");
            info[level].as_bool() == Some(true)
        };
        looks.iter().filter(fits).cloned().collect::<Vec<String>>()
    };
    let role = json!({ "Name": format!("Looks, {name}"), "GrantedSystemPermissions": can("CanApplyAtSystemLevel"),
        "GrantedSpacePermissions": can("CanApplyAtSpaceLevel") });
    let role = house.post("/api/userroles", role)["Id"].as_str().expect("an id").to_owned();
    house.hire(server, name, Some(&role), json!({}));
}

#[test]
fn who_may_only_look_finds_each_main_action_off_with_its_reason_and_who_may_finds_none_off() {
    let mut cast = Cast::assemble();
    looker(&mut cast.harbour, &cast.server, "lena", true);
    looker(&mut cast.harbour, &cast.server, "otto", false);
    let house = &cast.harbour;
    let (ada, lena, otto) =
        (&house.people["ada"].browser, &house.people["lena"].browser, &house.people["otto"].browser);
    let labelled = |label: &str| label.replace("{releases}", &house.things["releases"].slug);
    for (only_off, (path, actions)) in
        PAGES.iter().map(|one| (false, one)).chain(IN_PLACE_OF_FORMS.iter().map(|one| (true, one)))
    {
        let at = address(house, path);
        let open = ada.get(&at).expect(200);
        assert!(off(&open).is_empty(), "{path} for who may: {:?}", off(&open));
        let seen = lena.get(&at).expect(200);
        let buttons = off(&seen);
        for (label, permission) in *actions {
            let label = labelled(label);
            assert!(only_off || open.text().contains(&label), "{path}: {label} is not there for who may");
            let button = buttons.iter().find(|one| one.label.starts_with(&label));
            let button = button.unwrap_or_else(|| panic!("{path}: {label} is not off; off are {buttons:?}"));
            assert!(button.reason.starts_with(&format!("Needs {permission}")), "{path}: {button:?}");
            assert!(button.reason.contains("eams that have it") || button.reason.contains("No team"), "{button:?}");
        }
        // Nothing on the page leads to a form that would be refused.
        for button in &buttons {
            assert!(
                !seen.text().contains(&format!(">{}</a>", button.label)),
                "{path}: {} is there twice",
                button.label
            );
        }
        // The page that explains says the same.
        for button in buttons.iter().filter(|one| !one.why.is_empty()) {
            let why = lena.get(&button.why).expect(200).text();
            assert!(why.contains("may not:"), "{path}: {button:?} leads to {why}");
        }
        // Teams are named to who may see teams, and to nobody else.
        if !path.starts_with("/access") {
            let unsaid = off(&otto.get(&at).expect(200));
            assert!(unsaid.iter().all(|one| !one.reason.contains("eam")), "{path}: {unsaid:?}");
            assert!(!unsaid.is_empty() || actions.iter().all(|(_, needs)| *needs == "TeamEdit"), "{path}");
        }
    }
    let refusals =
        house.administrator().key.get("/api/events?eventCategories=AccessDenied&take=1000").expect(200).json();
    let noted = refusals["Items"].as_array().into_iter().flatten().filter(|one| one["Username"] != Value::Null).count();
    assert_eq!(noted, 0, "looking at a page is no refusal: {refusals}");
}

#[test]
fn of_a_disabled_project_the_buttons_say_so_to_everybody() {
    let cast = Cast::assemble();
    let house = &cast.harbour;
    let ada = house.administrator();
    let own = format!("/api/Spaces-1/projects/{}", house.things["projects"].id);
    let mut project = ada.key.get(&own).expect(200).json();
    project["IsDisabled"] = json!(true);
    ada.key.put(&own, project).expect(200);
    let page = ada.browser.get(&address(house, "/default/projects/{projects}")).expect(200);
    let buttons = off(&page);
    assert_eq!(buttons.len(), 2, "{buttons:?}");
    assert!(buttons.iter().all(|one| one.reason.contains("is disabled") && one.why.is_empty()), "{buttons:?}");
}

#[test]
fn rows_of_a_list_are_silent_and_what_cannot_be_seen_has_no_button() {
    let mut cast = Cast::assemble();
    looker(&mut cast.harbour, &cast.server, "lena", true);
    looker(&mut cast.harbour, &cast.server, "otto", false);
    let house = &cast.harbour;
    let lena = &house.people["lena"].browser;
    for path in ["/default/tenants", "/default/projects", "/default/infrastructure/targets", "/access/teams"] {
        let page = lena.get(&address(house, path)).expect(200);
        assert_eq!(off(&page).len(), 1, "{path}");
    }
    // Otto sees no teams and cannot invite: the tenant's page says nothing of access to it.
    let page = house.people["otto"].browser.get(&address(house, "/default/tenants/{tenants}")).expect(200);
    assert!(!page.text().contains("Give this customer access"), "{page}");
}

//! The way of a new company to its first deployment: the list that ticks itself (findings C13).

use crate::support::{
    api::{Answer, says},
    browser_like::BrowserLike,
    server::{Company, Server},
};
use serde_json::json;

const HOME: &str = "/harbour/default";
const TITLE: &str = "To the first deployment";

/// Somebody whose one role allows this in the default space.
fn hire(server: &Server, company: &Company, name: &str, allowed: &[&str]) -> BrowserLike {
    let ada = company.caller();
    let id = |answer: Answer| answer.expect(201).json()["Id"].clone();
    let (email, password) = (format!("{name}@example.com"), format!("the long password of {name}"));
    let user = json!({ "Username": email, "DisplayName": name, "EmailAddress": email, "Password": password });
    let user = id(ada.post("/api/users", user));
    let role =
        id(ada.post("/api/userroles", json!({ "Name": format!("As {name}"), "GrantedSpacePermissions": allowed })));
    let team = id(ada.post("/api/teams", json!({ "Name": format!("Team of {name}"), "MemberUserIds": [user] })));
    id(ada.post("/api/scopeduserroles", json!({ "TeamId": team, "UserRoleId": role, "SpaceId": "Spaces-1" })));
    let mut browser = server.browser();
    browser.sign_in("harbour", &email, &password);
    browser
}

/// How many items are ticked, and where the others lead.
fn list(page: &Answer) -> (usize, Vec<String>) {
    let html = page.text();
    let Some((_, rest)) = html.split_once("<ol class=\"start\">") else { return (0, Vec::new()) };
    let list = rest.split_once("</ol>").expect("its end").0;
    let links = list.split("href=\"").skip(1).filter_map(|piece| piece.split('"').next());
    let links = links.filter(|link| link.starts_with('/')).map(|link| link.replace(HOME, ""));
    (list.matches("class=\"done\"").count(), links.filter(|link| !link.contains("icons")).collect())
}

#[test]
fn the_list_of_a_new_company_ticks_itself_and_offers_to_each_what_they_may_do() {
    let server = Server::start();
    let (company, ada) = super::harbour(&server);
    let views = [
        "EnvironmentView",
        "ProjectView",
        "ProjectGroupView",
        "ProcessView",
        "MachineView",
        "ReleaseView",
        "DeploymentView",
    ];
    let lena = hire(&server, &company, "lena", &views);
    let mika = hire(&server, &company, "mika", &[&views[..], &["EnvironmentCreate"]].concat());
    let nora = hire(&server, &company, "nora", &["ReleaseView", "DeploymentView"]);

    let home = ada.get(HOME).expect(200);
    says(&home, &[TITLE, "A project with a step", "A deployment target, or the worker", "A release", "A deployment"]);
    let environment = "/infrastructure/environments/new?start=yes";
    let (project, target) = ("/projects/new?start=yes", "/infrastructure/targets/new?start=yes");
    assert_eq!(list(&home), (0, [environment, project, target].map(String::from).to_vec()));
    // Who may add environments is offered that; who may do none of it has no list.
    assert_eq!(list(&mika.get(HOME).expect(200)), (0, vec![environment.to_owned()]));
    for looks in [&lena, &nora] {
        assert!(!looks.get(HOME).expect(200).text().contains(TITLE));
    }

    // Each form leads to the next.
    let next = |page: String, form: &[(&str, &str)]| {
        let page = ada.get(&page).expect(200).text();
        let is_it = |piece: &&str| piece.split("</form>").next().is_some_and(|form| form.contains("class=\"form\""));
        let form_tag = page.split("<form method=\"post\" action=\"").find(is_it).expect("a form");
        let action = form_tag.split('"').next().expect("its address").replace("&#38;", "&");
        ada.post(&action, form).expect(303).location().to_owned()
    };
    let at = next(format!("{HOME}{environment}"), &[("name", "Test")]);
    assert_eq!(at, format!("{HOME}{project}"));
    assert_eq!(list(&ada.get(HOME).expect(200)).0, 1);
    let of_shop =
        [("name", "Shop"), ("group", "ProjectGroups-1"), ("lifecycle", "Lifecycles-1"), ("tenanted", "Untenanted")];
    let at = next(at, &of_shop);
    assert_eq!(at, format!("{HOME}/projects/shop/process/new?start=yes"));
    // A project without a step is no project to release: the list leads to its first step.
    let (ticked, links) = list(&ada.get(HOME).expect(200));
    assert_eq!((ticked, links[0].as_str()), (1, "/projects/shop/process/new?start=yes"));
    // What is refused is still on the way.
    let refused = ada.post(&format!("{HOME}/projects/shop/process/steps?start=yes"), [("version", "0")]).expect(422);
    says(&refused, &["/projects/shop/process/steps?start=yes"]);
    let version =
        company.caller().get("/api/Spaces-1/projects/Projects-1/deploymentprocesses").expect(200).json()["Version"]
            .to_string();
    let step = [
        ("version", version.as_str()),
        ("name", "Greet"),
        ("syntax", "Bash"),
        ("script", "echo hi"),
        ("where", "worker"),
        ("condition", "Success"),
    ];
    let at = next(at, &step);
    assert_eq!(at, format!("{HOME}/projects/shop/releases/new?start=yes"));
    // The step runs on the worker: no machine is needed.
    assert_eq!(list(&ada.get(HOME).expect(200)), (3, vec!["/projects/shop/releases/new?start=yes".to_owned()]));
    let at = next(at, &[("version", "1.0.0")]);
    assert_eq!(at, format!("{HOME}/projects/shop/releases/1.0.0/deployments/new"));
    assert_eq!(list(&ada.get(HOME).expect(200)), (4, vec!["/projects/shop/releases/1.0.0/deployments/new".to_owned()]));
    assert!(!mika.get(HOME).expect(200).text().contains(TITLE), "nothing of it is left that Mika may do");

    // The one environment is chosen; one press deploys, and the list is gone.
    let page = ada.get(&at).expect(200);
    says(&page, &["1 step will run in Test."]);
    let sent = ada
        .post(&format!("{HOME}/projects/shop/releases/1.0.0/deployments"), [("environment", "Environments-1")])
        .expect(303);
    assert!(sent.location().starts_with("/harbour/tasks/"), "{}", sent.location());
    assert!(!ada.get(HOME).expect(200).text().contains(TITLE));
}

#[test]
fn a_release_that_leads_nowhere_leads_to_the_first_environment() {
    let server = Server::start();
    let (company, ada) = super::harbour(&server);
    let api = company.caller();
    let project = json!({ "Name": "Shop", "ProjectGroupId": "ProjectGroups-1", "LifecycleId": "Lifecycles-1" });
    api.post("/api/Spaces-1/projects", project).expect(201);
    let own = "/api/Spaces-1/projects/Projects-1/deploymentprocesses";
    let mut process = api.get(own).expect(200).json();
    process["Steps"] = json!([crate::support::cast::step("Greet", "echo hi")]);
    api.put(own, process).expect(200);
    api.post("/api/Spaces-1/releases", json!({ "ProjectId": "Projects-1", "Version": "1.0.0" })).expect(201);
    let lena = hire(&server, &company, "lena", &["ProjectView", "ProcessView", "ReleaseView", "EnvironmentView"]);
    for page in ["/projects/shop", "/projects/shop/releases/1.0.0"] {
        says(
            &ada.get(&format!("{HOME}{page}")).expect(200),
            &["Add an environment to deploy to", "environments/new?start=yes"],
        );
        assert!(!lena.get(&format!("{HOME}{page}")).expect(200).text().contains("Add an environment"));
    }
    let form = "/infrastructure/environments?start=yes";
    let made = ada.post(&format!("{HOME}{form}"), [("name", "Test")]).expect(303);
    assert_eq!(made.location(), format!("{HOME}/projects/shop/releases/1.0.0/deployments/new"));
}

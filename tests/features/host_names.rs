//! A company under a host name of its own: the host decides before the path, addresses stand without the company, and
//! cookies are bound to the host.

use super::links::walk;
use crate::support::{
    api::{Answer, Caller},
    browser_like::BrowserLike,
    cast::Cast,
    mail::MailServer,
    server::Server,
};
use serde_json::json;
use std::{
    collections::{BTreeSet, VecDeque},
    thread::sleep,
    time::{Duration, Instant},
};

const HOST: &str = "deploy.harbour.test";

fn cookies(answer: &Answer) -> Vec<String> {
    let lines = answer.headers.get_all("set-cookie").iter().filter_map(|line| line.to_str().ok());
    lines.map(str::to_owned).collect()
}

/// Addresses in a page's links and forms, of this server.
fn addresses(page: &str) -> BTreeSet<String> {
    let after = |mark| page.split(mark).skip(1).filter_map(|rest| rest.split('"').next());
    let all = after("href=\"").chain(after("action=\"")).chain(after("src=\"")).chain(after("data-stream=\""));
    all.filter(|address| address.starts_with('/')).map(|address| address.replace("&amp;", "&")).collect()
}

/// Waits for what another process has changed: the server looks once a second.
#[track_caller]
fn until(holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it never came to hold");
        sleep(Duration::from_millis(100));
    }
}

#[test]
fn under_its_own_host_name_everything_is_the_company_s_and_no_address_names_it() {
    let cast = Cast::assemble();
    let (server, harbour) = (&cast.server, &cast.harbour.company);
    server.command(&["company", "hosts", "harbour", "--set", HOST]).run().expect_success();

    // A program: the base is the host alone, by every spelling that clients have for it.
    let program = Caller::with_key(server.base(), &harbour.key).and_header("Host", HOST);
    until(|| program.get("/api").status == 200);
    for path in
        ["/api", "/api/", "/API/users/me", "//api//users/me", "/harbour/api/users/me", "/api/Spaces-1/projects/all"]
    {
        program.get(path).expect(200);
    }
    let wrong = walk(&program, "");
    assert!(wrong.is_empty(), "{} wrong links:\n{}", wrong.len(), wrong.join("\n"));
    // Another company is not to be reached by this host, nor its key of any use.
    // Below any `api` a program reads JSON, wherever it stands (findings D1); a page that is called so stays one.
    for path in ["/meridian/api/users/me", "/x/y/api/users", "/nowhere/API", "/a/b/c/api/"] {
        let elsewhere = program.get(path).expect(404);
        assert!(elsewhere.header("content-type").starts_with("application/json"), "{path}: {elsewhere}");
        assert!(elsewhere.json()["ErrorMessage"].is_string(), "{path}");
        let posted = program.post(path, json!({}));
        assert!(posted.header("content-type").starts_with("application/json"), "{path}: {posted}");
        let in_path_form = harbour.caller().get(path).expect(404);
        assert!(in_path_form.header("content-type").starts_with("application/json"), "{path}: {in_path_form}");
    }
    assert!(program.get("/default/projects/api").expect(303).location().starts_with("/login"));
    let foreign = Caller::with_key(server.base(), &cast.meridian.company.key).and_header("Host", HOST);
    foreign.get("/api/users/me").expect(401);
    // The path form goes on.
    harbour.caller().get("/api/users/me").expect(200);
    let with_port =
        Caller::with_key(server.base(), &harbour.key).and_header("Host", &format!("{}:8443", HOST.to_uppercase()));
    with_port.get("/api/users/me").expect(200);

    // A person: signs in without naming the company, and no page names it in an address.
    let ada = BrowserLike::under(server.base(), HOST);
    assert_eq!(ada.get("/").expect(303).location(), "/login?next=%2F");
    let login = ada.get("/login").expect(200);
    assert!(!login.text().contains("name=\"company\""), "{login}");
    let told = |answer: &Answer| {
        for line in cookies(answer) {
            assert!(line.contains("Path=/;"), "{line}");
        }
    };
    told(&login);
    let fields = [("company", "meridian"), ("email", harbour.email.as_str()), ("password", harbour.password.as_str())];
    let admitted = ada.post("/login", fields).expect(303);
    told(&admitted);
    assert!(admitted.location().starts_with("/enrol") || admitted.location().starts_with("/code"), "{admitted}");
    crawl(&cast);
}

/// Somebody who was invited goes through the pages.
fn crawl(cast: &Cast) {
    let (server, harbour) = (&cast.server, &cast.harbour.company);
    let invite = ["user", "invite", "harbour", "hanna@harbour.test", "--team", "Administrators"];
    let told = server.command(&invite).run().expect_success();
    let link = told.stdout.trim().strip_prefix("invitation: /harbour").expect("a link").to_owned();
    let mut browser = BrowserLike::under(server.base(), HOST);
    let password = "three quiet herons by the quay";
    let welcome = browser.get(&link).expect(200);
    assert!(!welcome.text().contains("\"/harbour"), "{welcome}");
    browser.post(&link, [("password", password), ("again", password)]).expect(303);
    browser.sign_in("", "hanna@harbour.test", password);
    let mut open = VecDeque::from(["/".to_owned()]);
    let (mut seen, mut kinds) = (BTreeSet::new(), BTreeSet::new());
    while let Some(path) = open.pop_front() {
        let kind: String = path.chars().filter(|c| !c.is_ascii_digit()).collect();
        if !seen.insert(path.clone()) || !kinds.insert(kind) || seen.len() > 400 {
            continue;
        }
        let page = browser.follow(browser.get(&path));
        assert!(page.status < 500, "{page}");
        if !page.header("content-type").starts_with("text/html") {
            continue;
        }
        for address in addresses(&page.text()) {
            assert!(
                !address.starts_with(&format!("/{}/", harbour.slug)) && address != format!("/{}", harbour.slug),
                "{address} on {path}"
            );
            let path = address.split('#').next().unwrap_or_default().to_owned();
            let sends = page.text().contains(&format!("action=\"{}\"", address.replace('&', "&amp;")));
            if !address.starts_with("/static/") && !sends && !address.ends_with("/events") {
                open.push_back(path);
            }
        }
    }
    assert!(kinds.len() > 60, "the walk found {} kinds of pages only", kinds.len());
}

#[test]
fn over_https_its_cookies_are_the_hosts_own_and_two_companies_are_apart_for_a_browser() {
    let mail = MailServer::open();
    let mut server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let meridian = server.company("meridian", "Meridian", "max@meridian.test");
    server.command(&["company", "hosts", "harbour", "--set", "a.example,b.example"]).run().expect_success();
    let config = mail.config("");
    server.restart_with(&["--public-url", "https://deploy.example", "--config", &config.to_string_lossy()]);
    let ada = BrowserLike::under(server.base(), "b.example");
    let fields = [("email", harbour.email.as_str()), ("password", harbour.password.as_str())];
    ada.get("/login").expect(200);
    let admitted = ada.post("/login", fields).expect(303);
    let set = cookies(&admitted);
    assert!(set.iter().any(|line| line.starts_with("__Host-house_session=")), "{set:?}");
    for line in &set {
        assert!(line.starts_with("__Host-") && line.contains("Path=/;") && line.contains("; Secure"), "{line}");
        assert!(!line.contains("Domain="), "{line}");
    }
    // The session is worth nothing at another company, nor is one that was bound to a path worth anything here.
    let session = set.iter().find_map(|line| line.strip_prefix("__Host-house_session=")?.split(';').next()).unwrap();
    for name in ["__Secure-house_session", "__Host-house_session"] {
        let cookie = format!("{name}={session}");
        server.nobody().and_header("Cookie", &cookie).get("/meridian/me").expect(303);
    }
    let bound = format!("__Secure-house_session={session}");
    let asked = server.nobody().and_header("Host", "b.example").and_header("Cookie", &bound).get("/me").expect(303);
    assert!(asked.location().starts_with("/login?"), "{asked}");
    // Letters lead to the first of the names.
    let invited = json!({ "DisplayName": "Berta", "EmailAddress": "berta@harbour.test" });
    harbour.caller().post("/api/users/invitations", invited).expect(201);
    let letter = mail.letter();
    assert!(letter.text().contains("https://a.example/invitation/"), "{}", letter.text());
    // At a company without a name of its own all is as it was.
    let invited = json!({ "DisplayName": "Bruno", "EmailAddress": "bruno@meridian.test" });
    meridian.caller().post("/api/users/invitations", invited).expect(201);
    let letter = mail.letter();
    assert!(letter.text().contains("https://deploy.example/meridian/invitation/"), "{}", letter.text());
}

#[test]
fn the_operator_sets_them_and_they_follow_the_company() {
    let server = Server::start();
    let operator = server.company("operator", "Operator", "otto@ward.test");
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    server.company("meridian", "Meridian", "max@meridian.test");
    let caller = operator.caller();
    let set =
        |slug: &str, hosts: &[&str]| caller.put(&format!("/api/companies/{slug}/hosts"), json!({ "Hosts": hosts }));
    let made = set("harbour", &["Bücher.example.", "a.example", "a.example"]).expect(200).json();
    assert_eq!(made["Hosts"], json!(["a.example", "xn--bcher-kva.example"]));
    assert_eq!(caller.get("/api/companies/harbour").expect(200).json()["Hosts"], made["Hosts"]);
    for wrong in ["https://a.example", "a.example:80", "127.0.0.1", "a b", ""] {
        assert!(set("harbour", &[wrong]).expect(400).text().contains("Hosts"), "{wrong}");
    }
    assert!(set("meridian", &["A.example"]).expect(409).text().contains("harbour"));
    set("operator", &["o.example"]).expect(409);
    set("nowhere", &["o.example"]).expect(404);

    let mut otto = server.browser();
    otto.sign_in("operator", &operator.email, &operator.password).expect(200);
    let refused = otto.post("/operator/companies/meridian/hosts", [("hosts", "b.example\na.example")]).expect(422);
    assert!(refused.text().contains("leads to the company harbour already") && refused.text().contains("b.example"));
    otto.post("/operator/companies/meridian/hosts", [("hosts", "b.example\r\nc.example")]).expect(303);
    assert!(otto.get("/operator/companies/meridian").expect(200).text().contains("b.example\nc.example"));

    // Both trails tell of it.
    let told = |caller: &Caller| caller.get("/api/events?eventCategories=CompanyHostsChanged").expect(200).json();
    assert_eq!(told(&caller)["TotalResults"], 2);
    assert_eq!(told(&harbour.caller())["TotalResults"], 1);

    // Renamed, it keeps them; removed, they are free.
    let ada = Caller::with_key(server.base(), &harbour.key).and_header("Host", "a.example");
    ada.get("/api/users/me").expect(200);
    caller.post("/api/companies/harbour/rename", json!({ "Slug": "haven" })).expect(200);
    ada.get("/api/users/me").expect(200);
    caller.delete("/api/companies/haven", ()).expect(200);
    ada.get("/api/users/me").expect(404);
    set("meridian", &["a.example"]).expect(200);
    set("meridian", &[]).expect(200);
    assert_eq!(caller.get("/api/companies/meridian").expect(200).json()["Hosts"], json!([]));
}

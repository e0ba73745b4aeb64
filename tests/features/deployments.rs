//! The pages of deployments and tasks, as a person sees them.

use crate::{
    execution::yard::{Yard, script},
    support::{api::Answer, browser_like::BrowserLike},
};

fn ada(yard: &Yard) -> BrowserLike {
    let mut browser = yard.server.browser();
    browser.sign_in(&yard.company.slug, &yard.company.email, &yard.company.password);
    browser
}

/// Every word of the list stands on the page.
#[track_caller]
fn says(page: Answer, words: &[&str]) -> String {
    let text = page.expect(200).text();
    for word in words {
        assert!(text.contains(word), "“{word}” is not on the page:\n{text}");
    }
    text
}

const RELEASE: &str = "/harbour/default/projects/shop/releases/1.0.0/deployments";

#[test]
fn the_page_before_the_button_says_what_will_happen() {
    let yard = Yard::new("TenantedOrUntenanted", &[script("Install", "echo hello")]);
    yard.tenant("Contoso");
    let ada = ada(&yard);
    let page = says(
        ada.get(&format!("{RELEASE}/new")),
        &[
            "Deploy Shop 1.0.0",
            "Where to",
            "Staging",
            "Production",
            "may not go to Production yet",
            "Contoso",
            "Nothing was deployed here yet.",
        ],
    );
    // Staging is the only open place, so it is chosen and the plan is shown.
    assert!(page.contains("1 step will run in Staging.") && page.contains("On the built-in worker"), "{page}");
    let page = says(
        ada.get(&format!("{RELEASE}/new?environment=staging&tenant=contoso")),
        &["for <span data-says=\"tenant\""],
    );
    assert!(page.contains("value=\"contoso\" checked"), "{page}");
    says(
        ada.post(RELEASE, [("environment", "Environments-1"), ("comments", "For the fair"), ("preview", "1")]),
        &["For the fair", "1 step will run"],
    );

    let refused = ada.post(RELEASE, [("comments", "kept")]);
    assert_eq!(refused.status, 422);
    let text = refused.text();
    assert!(text.contains("Choose where to deploy") && text.contains("kept"), "{text}");
    let refused = ada.post(RELEASE, [("environment", "Environments-1"), ("when", "soon"), ("skip", "Install")]);
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("Give a time such as"), "{}", refused.text());
    let refused = ada.post(RELEASE, [("environment", "Environments-2")]);
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("may not go to Production yet"), "{}", refused.text());
    ada.get("/harbour/default/projects/shop/releases/9.9.9/deployments/new").expect(404);
    assert_eq!(yard.caller().get("/api/Spaces-1/deployments").json()["TotalResults"], 0);
}

#[test]
fn a_person_deploys_for_two_tenants_and_watches() {
    let yard = Yard::new("Tenanted", &[script("Install", "echo one; sleep 1; echo '<b>two</b>'; echo three >&2")]);
    for name in ["Contoso", "Northwind"] {
        yard.tenant(name);
    }
    let ada = ada(&yard);
    let sent = vec![
        ("environment".to_owned(), "Environments-1".to_owned()),
        ("tenant".into(), "contoso".into()),
        ("tenant".into(), "northwind".into()),
    ];
    let answer = ada.post(RELEASE, crate::support::api::Sent::Form(sent));
    assert_eq!(answer.status, 303, "{}", answer.text());
    let address = answer.location().to_owned();
    assert_eq!(address, "/harbour/tasks/ServerTasks-1");
    says(
        ada.get(&address),
        &[
            "Deploy Shop 1.0.0 to Staging for Contoso",
            "data-task-state",
            "Asked for together",
            "Northwind",
            "2 deployments of Shop 1.0.0 are on their way",
        ],
    );
    // The stream ends with the task, and every line came once, in order.
    let stream = ada.get(&format!("{address}/events?after=0")).expect(200);
    assert!(stream.header("content-type").starts_with("text/event-stream"));
    let text = stream.text();
    let numbers: Vec<i64> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .filter_map(|data| serde_json::from_str::<serde_json::Value>(data).unwrap()["number"].as_i64())
        .collect();
    assert!(numbers.len() >= 5 && numbers.iter().copied().eq(1..=numbers.len() as i64), "{numbers:?}\n{text}");
    assert!(
        text.contains("event: state")
            && text.contains("\"Success\"")
            && text.trim_end().ends_with("event: end\ndata: {}"),
        "{text}"
    );
    let page = says(ada.get(&address), &["Success", "id=\"line-1\"", "&#60;b&#62;two", "took "]);
    assert!(!page.contains("data-stream"), "nothing streams any more");
    let rest = ada.get(&format!("{address}/events?after={}", numbers.len())).expect(200).text();
    assert!(!rest.contains("event: line"), "{rest}");

    yard.end_of("ServerTasks-2");
    says(
        ada.get("/harbour/tasks"),
        &["Deploy Shop 1.0.0 to Staging for Contoso", "Deploy Shop 1.0.0 to Staging for Northwind"],
    );
    says(ada.get("/harbour/tasks?state=failed"), &["Nothing matches these filters"]);
    says(ada.get("/harbour/default/projects/shop/deployments?q=north"), &["Staging for Northwind"]);
    says(
        ada.get("/harbour/default/projects/shop/deployments/Deployments-1"),
        &["Deploy again…", "Contoso", "by Ada", "Deployments-1"],
    );
    ada.get("/harbour/tasks/ServerTasks-99").expect(404);
    ada.get("/harbour/tasks/ServerTasks-99/events").expect(404);
    yard.server.browser().get(&format!("{address}/events")).expect(404);
}

#[test]
fn who_is_shut_out_watches_no_longer() {
    use std::io::{BufRead, BufReader, Write};
    let yard = Yard::new("Untenanted", &[script("Hold", "echo begun; while true; do echo still; sleep 1; done")]);
    let teams = yard.caller().get("/api/teams?spaces=Spaces-1&take=100").expect(200).json();
    let team = teams["Items"].as_array().unwrap().iter().find(|team| team["Name"] == "Space managers");
    let mut team = team.expect("who looks after the space").clone();
    let password = "four old grey lanterns";
    let wished = serde_json::json!({ "Username": "ben", "DisplayName": "Ben", "EmailAddress": "ben@harbour.test", "Password": password });
    let made = yard.caller().post("/api/users", wished).expect(201).json();
    team["MemberUserIds"].as_array_mut().unwrap().push(made["Id"].clone());
    yard.caller().put(&format!("/api/teams/{}", team["Id"].as_str().unwrap()), team).expect(200);
    let mut ben = yard.server.browser();
    ben.sign_in("harbour", "ben@harbour.test", password);
    let session = ben.caller().cookie("house_session").expect("a session");

    let task = yard.deploy("1.0.0");
    yard.until_it_says(&task, "begun");
    let mut line = std::net::TcpStream::connect(yard.server.base().trim_start_matches("http://")).unwrap();
    line.set_read_timeout(Some(std::time::Duration::from_secs(60))).unwrap();
    // By HTTP/1.0, whose answers end with the connection.
    let asked = format!("GET /harbour/tasks/{task}/events HTTP/1.0\r\nCookie: house_session={session}\r\n\r\n");
    line.write_all(asked.as_bytes()).unwrap();
    let mut told = BufReader::new(line).lines().map(|line| line.expect("the stream neither says more nor ends"));
    let first = told.next().unwrap();
    assert!(first.contains(" 200 "), "{first}: {:?}", told.collect::<Vec<_>>());
    assert!(told.by_ref().any(|line| line.contains("\"still\"")), "the stream ended by itself");

    yard.server.command(&["user", "deactivate", "harbour", "ben@harbour.test"]).run().expect_success();
    let last: Vec<String> = told.filter(|line| line.starts_with("event: ") || line.starts_with("data: ")).collect();
    assert!(last.ends_with(&["event: end".into(), "data: {}".into()]), "{last:?}");
    assert_eq!(yard.task(&task)["State"], "Executing", "the stream ended, not what it tells of");
    yard.caller().post(&format!("/api/tasks/{task}/cancel"), ()).expect(200);
    yard.end_of(&task);
}

#[test]
fn a_person_cancels() {
    let yard = Yard::new("Untenanted", &[script("Hold", "echo begun; sleep 300")]);
    let task = yard.deploy("1.0.0");
    yard.until_it_says(&task, "begun");
    let ada = ada(&yard);
    let page = says(ada.get(&format!("/harbour/tasks/{task}")), &["Cancel this task", "data-stream", "Running"]);
    assert!(page.contains("http-equiv=\"refresh\""), "without scripts the page renews itself");
    let answer = ada.post(&format!("/harbour/tasks/{task}/cancel"), [("", "")]);
    assert_eq!(answer.status, 303);
    says(ada.follow(answer), &["The task was told to stop"]);
    yard.end_of(&task);
    says(ada.get(&format!("/harbour/tasks/{task}")), &["Cancelled", "What had been done by then stays"]);
    ada.post(&format!("/harbour/tasks/{task}/cancel"), [("", "")]).expect(409);
}

//! What changes where people come over HTTPS: names and attributes of cookies, and that browsers come no other way.

use crate::support::{api::Answer, server::Server};

/// The cookies an answer sets: name, and the line.
fn cookies(answer: &Answer) -> Vec<(String, String)> {
    let lines = answer.headers.get_all("set-cookie").iter().filter_map(|line| line.to_str().ok());
    lines.map(|line| (line.split('=').next().unwrap_or_default().to_owned(), line.to_owned())).collect()
}

#[test]
fn over_https_cookies_are_bound_to_it_and_every_answer_says_that_browsers_stay_there() {
    let mut server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    server.restart_with(&["--public-url", "https://deploy.example"]);
    #[track_caller]
    fn strict(answer: Answer) -> Answer {
        assert_eq!(answer.header("strict-transport-security"), "max-age=31536000", "{answer}");
        for (name, line) in cookies(&answer) {
            let (host, secure) = (name.starts_with("__Host-house_"), name.starts_with("__Secure-house_"));
            assert!(host || secure, "{line}");
            assert!(line.contains("; Secure") && line.contains("; HttpOnly") && line.contains("; SameSite="), "{line}");
            // Browsers refuse the one for the whole host with another path, or with a domain.
            assert!(!line.contains("Domain="), "{line}");
            assert_eq!(host, line.contains("Path=/;"), "{line}");
        }
        answer
    }

    let mut ada = server.browser();
    let login = strict(ada.get("/harbour/login").expect(200));
    assert!(cookies(&login).iter().any(|(name, _)| name == "__Host-house_form"), "{:?}", cookies(&login));
    let fields = [("company", "harbour"), ("email", harbour.email.as_str()), ("password", harbour.password.as_str())];
    let admitted = strict(ada.post("/harbour/login", fields).expect(303));
    assert!(cookies(&admitted).iter().any(|(name, _)| name == "__Secure-house_session"), "{:?}", cookies(&admitted));
    strict(ada.sign_in("harbour", &harbour.email, &harbour.password));
    strict(ada.get("/harbour/me").expect(200));
    // A cookie by its plain name, which a foreign page of the same host could have set, is not one.
    let session = ada.caller().cookie("__Secure-house_session").expect("a session");
    let plain = format!("house_session={session}");
    server.nobody().and_header("Cookie", &plain).get("/harbour/me").expect(303);
    let named = format!("__Secure-house_session={session}");
    server.nobody().and_header("Cookie", &named).get("/harbour/me").expect(200);

    // Errors within a company's pages, before anybody is known, and of HTTP itself.
    strict(ada.get("/harbour/no/such/page").expect(404));
    strict(ada.post("/harbour/settings", [("name", "")]).expect(422));
    strict(server.browser().get("/harbour/tasks/ServerTasks-1/events").expect(404));
    strict(server.browser().get("/harbour/reset?token=none").expect(404));
    strict(ada.caller().call_saying("PUT", "/harbour/me", (), &[("Sec-Fetch-Site", "same-origin")]).expect(405));
    strict(server.nobody().call_saying("POST", "/harbour/login", (), &[("Sec-Fetch-Site", "cross-site")]).expect(403));

    strict(harbour.caller().get("/api/environments").expect(200));
    strict(harbour.caller().get("/api/environments/Environments-9").expect(404));
    strict(harbour.caller().post("/api/environments", serde_json::json!({})).expect(400));
    strict(harbour.stranger().get("/api/environments").expect(401));
    strict(server.nobody().get("/healthz").expect(200));

    // A program that signs in for a person gets the same cookie, for this company's API alone.
    let signing_in = |code: &str| {
        let body = serde_json::json!({ "Username": harbour.email, "Password": harbour.password, "Code": code });
        harbour.stranger().post("/api/users/login", body)
    };
    let program = strict(signing_in(&ada.code()).expect(200));
    let set = cookies(&program);
    let [(name, line)] = &set[..] else { panic!("{set:?}") };
    assert_eq!(name, "__Secure-house_session");
    assert!(line.contains("; Path=/harbour;"), "{line}");
    let cookie = line.split(';').next().expect("a cookie");
    server.nobody().and_header("Cookie", cookie).get("/harbour/api/users/me").expect(200);
    strict(signing_in("000000").expect(400));
    let word = program.json()["CsrfToken"].as_str().expect("a word").to_owned();
    let leaving = server.nobody().and_header("Cookie", cookie).and_header("X-Octopus-Csrf-Token", &word);
    let left = strict(leaving.post("/harbour/api/users/logout", ()).expect(200));
    assert!(cookies(&left)[0].1.contains("Max-Age=0"), "{left}");
    server.nobody().and_header("Cookie", cookie).get("/harbour/api/users/me").expect(401);

    // Without HTTPS nothing of the kind is said: a browser would lock its person out.
    server.restart_with(&[]);
    let login = server.browser().get("/harbour/login").expect(200);
    assert_eq!(login.header("strict-transport-security"), "");
    assert!(cookies(&login).iter().any(|(name, line)| name == "house_form" && !line.contains("Secure")));
}

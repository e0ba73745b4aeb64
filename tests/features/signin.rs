//! Signing in through the front door: who gets which answer, what the cookie is bound to, what a code is worth.

use crate::support::server::Server;

const WRONG: &str = "a wrong password, long enough";

/// The page without what the visitor typed and what differs with every start.
fn meaning(page: &str, typed: &[&str]) -> String {
    let without_typed = typed.iter().fold(page.to_owned(), |text, word| text.replace(word, "…"));
    // The word of a form is masked anew in each answer; its length is always the same.
    let mut parts = without_typed.split("name=\"_csrf\" value=\"");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + "…" + &part[43..])
}

#[test]
fn an_unknown_company_an_unknown_person_and_a_wrong_password_get_the_same_answer() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let answers: Vec<(u16, String)> =
        [("harbour", harbour.email.as_str()), ("harbour", "zoe@harbour.test"), ("nowhere", harbour.email.as_str())]
            .into_iter()
            .map(|(company, email)| {
                let answer =
                    server.browser().post("/login", [("company", company), ("email", email), ("password", WRONG)]);
                assert!(answer.header("set-cookie").is_empty(), "{answer}");
                (answer.status, meaning(&answer.text(), &[email, company]))
            })
            .collect();
    assert_eq!(answers[0].0, 422);
    assert!(answers[0].1.contains("Company, e-mail or password is not right."), "{}", answers[0].1);
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
}

#[test]
fn pages_of_companies_that_exist_and_do_not_lead_to_sign_in_alike() {
    let server = Server::start();
    server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    for path in ["", "/default", "/default/projects/shop", "/trail", "/no/such/page"] {
        let to = |company: &str| {
            server.browser().get(&format!("/{company}{path}")).expect(303).location().replace(company, "…")
        };
        assert_eq!(to("harbour"), to("nowhere"), "{path}");
    }
    let page =
        |company: &str| meaning(&server.browser().get(&format!("/{company}/login")).expect(200).text(), &[company]);
    assert_eq!(page("harbour"), page("nowhere"));
}

#[test]
fn a_code_is_accepted_once_and_a_session_ends_with_sign_out() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let mut ada = server.browser();
    ada.sign_in("harbour", &harbour.email, &harbour.password);
    ada.get("/harbour/me").expect(200);

    // The same telephone, twice: the second sign-in with the code of the first is refused.
    ada.give_password("harbour", &harbour.email, &harbour.password).expect(200);
    let code = ada.code();
    let first = ada.post("/harbour/code", [("code", code.as_str())]);
    assert_eq!(first.status, 303, "{first}");
    let mut thief = server.browser();
    thief.give_password("harbour", &harbour.email, &harbour.password).expect(200);
    let replayed = thief.post("/harbour/code", [("code", code.as_str())]).expect(422);
    assert!(replayed.text().contains("used already"), "{replayed}");
    assert_eq!(thief.get("/harbour/me").expect(303).location(), "/harbour/code?next=%2Fharbour%2Fme");

    let cookie = ada.caller().cookie("house_session").expect("a session");
    ada.post("/harbour/sign-out", ()).expect(303);
    let answer = server.nobody().and_header("Cookie", &format!("house_session={cookie}")).get("/harbour/me");
    assert_eq!(answer.status, 303, "the token is dead, not only forgotten by the browser: {answer}");
}

#[test]
fn five_wrong_codes_end_the_sign_in() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let mut ada = server.browser();
    ada.sign_in("harbour", &harbour.email, &harbour.password);
    let mut guesser = server.browser();
    guesser.give_password("harbour", &harbour.email, &harbour.password).expect(200);
    for attempt in 0..5 {
        let answer = guesser.post("/harbour/code", [("code", format!("00000{attempt}").as_str())]);
        assert_ne!(answer.status, 200, "{answer}");
    }
    let after = guesser.get("/harbour/code");
    assert_eq!((after.status, after.location()), (303, "/login"), "{after}");
}

#[test]
fn the_cookie_is_bound_to_the_companys_path_and_kept_from_scripts() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let meridian = server.company("meridian", "Meridian", "ada@harbour.test");
    let answer = server.browser().post(
        "/harbour/login",
        [("company", "harbour"), ("email", harbour.email.as_str()), ("password", harbour.password.as_str())],
    );
    let cookie = answer.header("set-cookie").to_owned();
    for part in ["Path=/harbour", "HttpOnly", "SameSite=Lax"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    // Two companies with the same e-mail are two unrelated people.
    let crossed = server.browser().post(
        "/meridian/login",
        [("company", "meridian"), ("email", meridian.email.as_str()), ("password", harbour.password.as_str())],
    );
    assert_eq!(crossed.status, 422, "{crossed}");
    let mut ada = server.browser();
    ada.sign_in("harbour", &harbour.email, &harbour.password);
    let token = ada.caller().cookie("house_session").expect("a session");
    let carried = server.nobody().and_header("Cookie", &format!("house_session={token}"));
    assert_eq!(carried.get("/meridian/me").status, 303);
    assert_eq!(carried.get("/meridian/api/environments").status, 401);
}

#[test]
fn a_form_sent_from_a_foreign_page_is_refused() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let mut ada = server.browser();
    ada.sign_in("harbour", &harbour.email, &harbour.password);
    for headers in [
        [("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example")],
        [("Sec-Fetch-Site", "same-site"), ("Origin", "https://other.example")],
    ] {
        let answer = ada.caller().call_saying("POST", "/harbour/me", [("name", "Mallory")], &headers);
        assert_eq!(answer.status, 403, "{answer}");
        let answer =
            ada.caller().call_saying("POST", "/harbour/api/environments", serde_json::json!({ "Name": "X" }), &headers);
        assert_eq!(answer.status, 403, "{answer}");
    }
    assert!(!ada.get("/harbour/me").expect(200).text().contains("Mallory"));
}

#[test]
fn after_signing_in_one_goes_on_within_the_company_only() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    for (next, to) in [
        ("/harbour/trail", "next=%2Fharbour%2Ftrail"),
        ("https://evil.example/", "next=%2Fharbour"),
        ("//evil.example", "next=%2Fharbour"),
        ("/meridian", "next=%2Fharbour"),
        ("/harbour/../meridian\\x", "next=%2Fharbour"),
    ] {
        let address = format!("/harbour/login?next={}", crate::support::api::encode(next));
        let form = [("company", "harbour"), ("email", harbour.email.as_str()), ("password", harbour.password.as_str())];
        let answer = server.browser().post(&address, form).expect(303);
        assert_eq!(answer.location().split_once('?').map(|(_, query)| query), Some(to), "{next}");
    }
}

#[test]
fn too_much_and_the_wrong_kind_are_refused_in_words() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let large = "x".repeat(3 * 1024 * 1024);
    let answer = harbour.caller().post("/api/environments", serde_json::json!({ "Name": large }));
    assert_eq!(answer.status, 413, "{answer}");
    assert!(answer.json()["ErrorMessage"].is_string());
    let xml = crate::support::api::Sent::Bytes { content_type: "text/xml".into(), bytes: b"<a/>".to_vec() };
    let answer = harbour.caller().post("/api/environments", xml).expect(400);
    assert!(answer.json()["Errors"][0].is_string(), "what comes with a key is read as JSON: {answer}");
    let xml = crate::support::api::Sent::Bytes { content_type: "text/xml".into(), bytes: b"<a/>".to_vec() };
    assert!(server.browser().post("/login", xml).expect(415).text().contains("Wrong kind of content"));
    let broken = crate::support::api::Sent::Bytes { content_type: "application/json".into(), bytes: b"{".to_vec() };
    let answer = harbour.caller().post("/api/environments", broken).expect(400);
    assert!(answer.json()["Errors"][0].is_string(), "{answer}");
}

/// Findings D3: most published samples post JSON with the type that their program sends by itself.
#[test]
fn with_a_key_the_body_is_json_whatever_its_type_says() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let kinds = [
        "application/x-www-form-urlencoded",
        "text/plain",
        "application/octet-stream",
        "application/json; charset=utf-8",
    ];
    for (n, kind) in kinds.into_iter().enumerate() {
        for mark in ["", "\u{feff}"] {
            let bytes = format!("{mark}{{\"Name\":\"Place {n}{}\"}}", mark.len()).into_bytes();
            let sent = crate::support::api::Sent::Bytes { content_type: kind.into(), bytes };
            harbour.caller().post("/api/environments", sent).expect(201);
        }
    }
}

/// Findings D1, D2: clients join links to their base address, or were given no company.
#[test]
fn a_link_joined_to_the_base_address_leads_to_the_same_place() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let (caller, base) = (harbour.caller(), server.base());
    for n in 0..3 {
        caller.post("/api/environments", serde_json::json!({ "Name": format!("Place {n}") })).expect(201);
    }
    let listed = caller.get("/api/environments?take=1&partialName=Place").expect(200).json();
    let next = listed["Links"]["Page.Next"].as_str().expect("a link");
    assert!(next.contains("partialName=Place") && next.contains("take=1"), "findings D4: {next}");
    for address in [
        format!("{base}{next}"),
        format!("{base}/harbour{next}"),
        format!("{base}/harbour/{next}"),
        format!("{base}//{next}"),
    ] {
        let page = caller.get(&address).expect(200).json();
        assert_eq!((&page["Items"][0]["Name"], &page["TotalResults"]), (&"Place 1".into(), &3.into()), "{address}");
    }
    for address in [format!("{base}/api"), format!("{base}/api/spaces"), format!("{base}/API/x/y")] {
        let told = caller.get(&address).expect(404).json();
        assert!(told["ErrorMessage"].as_str().is_some_and(|told| told.contains(&format!("{base}/COMPANY"))), "{told}");
    }
}

#[test]
fn the_set_up_link_makes_the_first_company_once() {
    let server = Server::start();
    let printed = server.printed();
    let link = printed.lines().find_map(|line| line.strip_prefix("setup: ")).expect("a set-up link").to_owned();
    let path = link.trim_start_matches(server.base()).to_owned();
    let browser = server.browser();
    let form = |slug: &'static str, password: &'static str| {
        [
            ("name", "Harbour Ltd"),
            ("slug", slug),
            ("admin_name", "Ada"),
            ("admin_email", "ada@harbour.test"),
            ("password", password),
        ]
    };
    browser.get(&path).expect(200);
    let refused = browser.post(&path, form("Harbour!", "short")).expect(422).text();
    assert!(
        refused.contains("lower-case letters") && refused.contains("12 characters") && refused.contains("Harbour Ltd"),
        "{refused}"
    );
    let made = browser.post(&path, form("harbour", "a long enough password"));
    assert_eq!((made.status, made.location()), (303, "/harbour/login"), "{made}");
    browser.get(&path).expect(404);
    server.browser().sign_in("harbour", "ada@harbour.test", "a long enough password");
}

#[test]
fn a_form_without_the_word_of_its_cookie_is_refused_at_sign_in_too() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let browser = crate::support::api::Caller::with_cookies(server.base()).plainly();
    let right = [("company", "harbour"), ("email", harbour.email.as_str()), ("password", harbour.password.as_str())];
    assert_eq!(browser.post("/harbour/login", right).status, 403, "a form that no page of ours gave");
    let page = browser.get("/harbour/login").expect(200).text();
    let cookie = browser.cookie("house_form").expect("the cookie that the form is bound to");
    let word = word_in(&page);
    let with = |word: &str| {
        let mut fields: Vec<(&str, &str)> = right.to_vec();
        fields.push(("_csrf", word));
        browser.post("/harbour/login", &fields[..])
    };
    assert_eq!(with(&word[1..]).status, 403);
    assert_eq!(with(&crate::support::api::csrf_word("another cookie")).status, 403);
    assert_eq!(with(&word).status, 303);
    assert_ne!(word, word_in(&browser.get("/login").expect(200).text()), "masked anew each time");
    assert_eq!(browser.cookie("house_form").as_deref(), Some(cookie.as_str()), "one for all open forms");

    // Signed in, it is the session's: the word from before is worth nothing, nor is another session's.
    let mut ada = server.browser();
    ada.sign_in("harbour", &harbour.email, &harbour.password);
    let session = ada.caller().cookie("house_session").expect("a session");
    let plain = server.nobody().plainly().and_header("Cookie", &format!("house_session={session}"));
    let rename = |word: &str| plain.post("/harbour/me", [("name", "Mallory"), ("_csrf", word)]).status;
    assert_eq!((rename(""), rename(&word), rename(&crate::support::api::csrf_word("x"))), (403, 403, 403));
    assert!(ada.get("/harbour/me").expect(200).text().contains("Ada"));
    let page = plain.get("/harbour/me").expect(200).text();
    assert_eq!(page.matches("method=\"post\"").count(), page.matches("name=\"_csrf\"").count(), "every form");
    assert_eq!(rename(&word_in(&page)), 303);
    // A program with the cookie says it in a header.
    let call = |caller: &crate::support::api::Caller| {
        caller.post("/harbour/api/environments", serde_json::json!({ "Name": "Staging" })).status
    };
    assert_eq!(call(&plain), 401);
    let word = crate::support::api::csrf_word(&session);
    assert_eq!(call(&plain.and_header("X-Octopus-Csrf-Token", &word)), 201);
}

/// The word in the first form of a page.
fn word_in(page: &str) -> String {
    let (_, after) = page.split_once("name=\"_csrf\" value=\"").expect("a form with its word");
    after.split_once('"').expect("an end").0.to_owned()
}

#[test]
fn a_program_signs_in_for_a_person_with_all_their_factors() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let mut ada = server.browser();
    ada.sign_in("harbour", &harbour.email, &harbour.password);
    let login = |company: &str, username: &str, password: &str, code: &str| {
        let body = serde_json::json!({ "Username": username, "Password": password, "Code": code });
        server.nobody().post(&format!("/{company}/api/users/login"), body)
    };
    let wrong = login("harbour", &harbour.email, WRONG, "123456").expect(401);
    for (company, username) in [("harbour", "zoe@harbour.test"), ("nowhere", harbour.email.as_str())] {
        assert_eq!(login(company, username, WRONG, "123456").expect(401).body, wrong.body);
    }
    let unfinished = login("harbour", &harbour.email, &harbour.password, "").expect(401);
    assert!(unfinished.text().contains("second factor") && unfinished.header("set-cookie").is_empty(), "{unfinished}");
    let code = ada.code();
    let answer = login("harbour", &harbour.email, &harbour.password, &code).expect(200);
    assert_eq!(answer.json()["EmailAddress"], harbour.email.as_str());
    let cookie = answer.header("set-cookie").split(';').next().expect("a cookie").to_owned();
    let word = answer.json()["CsrfToken"].as_str().expect("the word").to_owned();
    let program = server.nobody().plainly().and_header("Cookie", &cookie);
    program.get("/harbour/api/users/me").expect(200);
    program.post("/harbour/api/users/logout", ()).expect(401);
    let program = program.and_header("X-Octopus-Csrf-Token", &word);
    program.post("/harbour/api/users/logout", ()).expect(200);
    program.get("/harbour/api/users/me").expect(401);
}

#[test]
fn signing_in_anew_ends_the_session_before() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let mut ada = server.browser();
    ada.sign_in("harbour", &harbour.email, &harbour.password);
    let before = ada.caller().cookie("house_session").expect("a session");
    let carried = |token: &str| {
        let header = format!("house_session={token}");
        server.nobody().call_saying("GET", "/harbour/me", (), &[("Cookie", &header)]).status
    };
    assert_eq!(carried(&before), 200);
    ada.give_password("harbour", &harbour.email, &harbour.password);
    assert_eq!(carried(&before), 303, "with the password already");
}

#[test]
fn fields_for_passwords_hide_what_is_typed() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let mut ada = server.browser();
    let login = server.browser().get("/harbour/login").text();
    ada.sign_in("harbour", &harbour.email, &harbour.password);
    for (page, names) in [
        (login, vec!["password"]),
        (ada.get("/harbour/me/password").expect(200).text(), vec!["current", "password", "again"]),
    ] {
        let inputs: Vec<&str> = page.split("<input").skip(1).filter_map(|rest| rest.split('>').next()).collect();
        for name in names {
            let input = inputs.iter().find(|input| input.contains(&format!("name=\"{name}\"")));
            assert!(input.is_some_and(|input| input.contains("type=\"password\"")), "{name} among {inputs:?}");
        }
    }
}

//! Letters, handed to a real mail server: a lost password, notices, what is put off and what is refused.

use crate::support::{
    mail::{MailServer, PASSWORD},
    server::{Company, Server},
};
use serde_json::json;
use std::time::{Duration, Instant};

const NEW: &str = "lantern copper seven boats";

fn with_mail(mail: &MailServer, password: &str) -> (Server, Company) {
    let mut server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let config = mail.config(password);
    server.restart_with(&["--config", config.to_str().expect("a path")]);
    (server, harbour)
}

/// The letters as who configures the company sees them, once a condition holds of the newest.
#[track_caller]
fn told(harbour: &Company, until: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
    let begun = Instant::now();
    loop {
        let letters = harbour.caller().get("/api/letters").expect(200).json();
        let newest = letters["Items"][0].clone();
        if until(&newest) {
            return newest;
        }
        assert!(begun.elapsed() < Duration::from_secs(40), "{letters}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_lost_password_is_set_anew_by_a_letter() {
    let mail = MailServer::open();
    let (server, harbour) = with_mail(&mail, "");
    let mut ada = server.browser();
    ada.sign_in("harbour", &harbour.email, &harbour.password);
    assert!(
        mail.letter().text().contains("Subject: Your second factor was changed"),
        "the first one, set up on the way in"
    );
    let asks =
        |email: &str| server.browser().done("/harbour/forgot", [("company", "harbour"), ("email", email)]).text();
    assert_eq!(asks("zoe@harbour.test"), asks("zara@harbour.test"));
    assert_eq!(asks(&harbour.email), asks("zoe@harbour.test"), "the page tells nothing");
    let letter = mail.letter();
    assert_eq!(letter.to(), harbour.email);
    assert!(letter.text().contains("Subject: A new password at Harbour Ltd"), "{}", letter.text());
    assert!(letter.text().contains("Auto-Submitted: auto-generated"), "{}", letter.text());
    assert!(mail.is_empty(), "nobody else got one");
    let link = letter.link();
    assert!(link.starts_with(&format!("{}/harbour/reset?token=", server.base())), "{link}");
    let path = link.trim_start_matches(server.base()).to_owned();
    let token = path.split_once("token=").expect("a token").1.to_owned();

    let newcomer = server.browser();
    newcomer.get(&path).expect(200);
    newcomer.get(&path.replace("/harbour/", "/nowhere/")).expect(404);
    let choose = |password: &str| {
        newcomer.post("/harbour/reset", [("token", token.as_str()), ("password", password), ("again", password)])
    };
    assert!(choose("password1234").expect(422).text().contains("easy to guess"));
    assert_eq!(choose(NEW).expect(303).location(), "/harbour/login");
    choose(NEW).expect(404);
    newcomer.get(&path).expect(404);
    assert_eq!(ada.get("/harbour/me").status, 303, "all sessions end");
    assert!(mail.letter().text().contains("Subject: Your password was changed at Harbour Ltd"));

    let stale = server.browser();
    let old = [("company", "harbour"), ("email", harbour.email.as_str()), ("password", harbour.password.as_str())];
    assert_eq!(stale.post("/harbour/login", old).status, 422);
    let page = ada.give_password("harbour", &harbour.email, NEW);
    assert!(page.text().contains("name=\"code\""), "the second factor is asked for as ever: {page}");
    let code = ada.code();
    ada.send_form(&page, [("code", code.as_str())]).expect(200);
    ada.get("/harbour/me").expect(200);
    let sent = told(&harbour, |letter| letter["State"] == "sent");
    assert!(!sent.to_string().contains(&token), "{sent}");
}

#[test]
fn letters_go_over_an_encrypted_line_to_whoever_knows_the_password() {
    over_an_encrypted_line(&MailServer::encrypted());
}

#[test]
fn letters_go_over_a_line_that_is_encrypted_from_its_first_byte_on() {
    over_an_encrypted_line(&MailServer::wrapped());
}

/// The password and the certificate decide, however the encryption begins.
fn over_an_encrypted_line(mail: &MailServer) {
    let (mut server, harbour) = with_mail(mail, "a wrong one");
    harbour.caller().post("/api/letters/test", ()).expect(201);
    let waiting = told(&harbour, |letter| letter["Problem"] != "");
    assert_eq!(waiting["State"], "waiting", "a wrong password of ours is mended, the letter is kept: {waiting}");
    assert!(mail.is_empty());
    let config = mail.config(PASSWORD);
    server.restart_with(&["--config", config.to_str().expect("a path")]);
    let letter = mail.letter();
    assert_eq!((letter.to(), letter.0["tls"].as_bool()), (harbour.email.as_str(), Some(true)));
    assert!(letter.text().contains("From: \"Harbour Ltd\" <bulkhead@example.test>"), "{}", letter.text());
    let sent = told(&harbour, |letter| letter["State"] == "sent");
    assert_eq!(sent["Problem"], "");
    // What certificate nobody vouches for is not spoken to.
    let text = std::fs::read_to_string(&config).expect("the file");
    let without: String =
        text.lines().filter(|line| !line.starts_with("ca-file")).map(|line| format!("{line}\n")).collect();
    std::fs::write(&config, without).expect("the file");
    server.restart_with(&["--config", config.to_str().expect("a path")]);
    harbour.caller().post("/api/letters/test", ()).expect(201);
    let refused = told(&harbour, |letter| letter["Problem"] != "");
    assert_eq!(refused["State"], "waiting", "{refused}");
    // In words, not as TLS has it (findings J10).
    let words = refused["Problem"].as_str().unwrap_or_default();
    assert!(words.contains("does not trust who signed") || words.contains("made to sign others"), "{refused}");
}

/// Findings J8: an invitation that the mail server refuses is no waiting one, and the link can be handed over.
#[test]
fn an_invitation_that_the_mail_server_refuses_is_told_where_it_was_sent() {
    let mail = MailServer::open();
    let (server, harbour) = with_mail(&mail, "");
    let mut ada = server.browser();
    ada.sign_in("harbour", &harbour.email, &harbour.password);
    let sent = [("name", "Nobody"), ("email", "nobody@harbour.test"), ("confirmed", "yes")];
    let own = ada.post("/harbour/access/people/invite", sent).expect(303).location().to_owned();
    let user = own.rsplit('/').next().expect("an id").to_owned();
    told(&harbour, |letter| letter["State"] == "failed");
    let page = ada.get(&own).expect(200).text();
    for words in
        ["Invitation not delivered", "has not arrived at nobody@harbour.test", "no such person", "invite-again?by=hand"]
    {
        assert!(page.contains(words), "“{words}” is missing: {page}");
    }
    assert!(ada.get("/harbour/access/people").expect(200).text().contains("Invitation not delivered"));
    let handed = ada.done(&format!("{own}/invite-again?by=hand"), ()).text();
    let link = handed.split("/harbour/invitation/").nth(1).expect("a link to hand over");
    let token: String = link.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
    let path = format!("/harbour/invitation/{token}");
    server.browser().get(&path).expect(200);
    // To an address that takes it: it waits as any other.
    let right =
        serde_json::json!({ "Username": "nobody", "DisplayName": "Nobody", "EmailAddress": "somebody@harbour.test" });
    harbour.caller().put(&format!("/api/users/{user}"), right).expect(200);
    ada.post(&format!("{own}/invite-again"), ()).expect(303);
    told(&harbour, |letter| letter["Kind"] == "invitation" && letter["State"] == "sent");
    let page = ada.get(&own).expect(200).text();
    assert!(!page.contains("has not arrived") && page.contains("Invited"), "{page}");
    server.browser().get(&path).expect(404);
}

#[test]
fn letters_of_a_company_come_from_its_own_address_and_the_appliance_stays_their_sender() {
    let mail = MailServer::open();
    let (server, harbour) = with_mail(&mail, "");
    let meridian = server.company("meridian", "Meridian", "dora@meridian.test");
    let settle = |address: &str| {
        let wished = json!({ "Name": "Harbour Ltd", "TimeZone": "UTC", "FromAddress": address });
        harbour.caller().put("/api/settings/general", wished)
    };
    for wrong in ["nobody", "ada@harbour.test>", "a,b@harbour.test", "ada@harbour.test\r\nBcc: x@y.test"] {
        assert!(settle(wrong).expect(400).text().contains("FromAddress"), "{wrong}");
    }
    settle("deploy@harbour.test").expect(200);
    let asked = |company: &Company| {
        company.caller().post("/api/letters/test", ()).expect(201);
        mail.letter()
    };
    let own = asked(&harbour);
    assert!(own.text().contains("From: \"Harbour Ltd\" <deploy@harbour.test>"), "{}", own.text());
    assert!(own.text().contains("Sender: bulkhead@example.test"), "{}", own.text());
    assert_eq!(own.0["from"], "bulkhead@example.test", "the envelope is the appliance's");
    let other = asked(&meridian);
    assert!(other.text().contains("From: Meridian <bulkhead@example.test>"), "{}", other.text());
    assert!(!other.text().contains("Sender:"), "{}", other.text());
    settle("").expect(200);
    assert!(asked(&harbour).text().contains("From: \"Harbour Ltd\" <bulkhead@example.test>"));
}

#[test]
fn what_is_put_off_comes_later_and_what_is_refused_is_told() {
    for (email, state) in [("busy@harbour.test", "sent"), ("nobody@harbour.test", "failed")] {
        let mail = MailServer::open();
        let mut server = Server::start();
        let company = server.company("harbour", "Harbour Ltd", email);
        server.restart_with(&["--config", mail.config("").to_str().expect("a path")]);
        company.caller().post("/api/letters/test", ()).expect(201);
        let letter = told(&company, |letter| letter["State"] != "waiting");
        assert_eq!(letter["State"], state, "{letter}");
        assert_eq!(letter["Attempts"].as_i64(), Some(if state == "sent" { 2 } else { 1 }), "{letter}");
        assert_eq!(letter["Problem"].as_str().unwrap_or_default().contains("no such person"), state == "failed");
    }
}

/// A server whose mail server has two seconds for its answer to a letter.
fn impatient(mail: &MailServer, server: &mut Server) {
    let config = mail.config("");
    let text = std::fs::read_to_string(&config).expect("the file");
    std::fs::write(&config, format!("{text}timeout = 2\n")).expect("the file");
    server.restart_with(&["--config", config.to_str().expect("a path")]);
}

/// Findings J1: an answer that comes too late is not taken for that to the next letter.
#[test]
fn a_letter_is_sent_only_by_the_mail_servers_own_answer_to_it() {
    let mail = MailServer::open();
    let mut server = Server::start();
    let slow = server.company("harbour", "Harbour Ltd", "slow@harbour.test");
    let refused = server.company("meridian", "Meridian Ltd", "refused@meridian.test");
    impatient(&mail, &mut server);
    slow.caller().post("/api/letters/test", ()).expect(201);
    let waiting = told(&slow, |letter| letter["Problem"] != "");
    assert_eq!(waiting["State"], "waiting", "{waiting}");
    assert!(waiting["Problem"].as_str().unwrap_or_default().contains("did not answer in time"), "{waiting}");
    refused.caller().post("/api/letters/test", ()).expect(201);
    let letter = told(&refused, |letter| letter["State"] != "waiting");
    assert_eq!((letter["State"].as_str(), letter["Attempts"].as_i64()), (Some("failed"), Some(1)), "{letter}");
    assert!(letter["Problem"].as_str().unwrap_or_default().contains("not this one"), "{letter}");
    // Rather twice than lost: the same letter, under the same name.
    let sent = told(&slow, |letter| letter["State"] != "waiting");
    assert_eq!((sent["State"].as_str(), sent["Attempts"].as_i64()), (Some("sent"), Some(2)), "{sent}");
    let name = |letter: &str| letter.lines().find(|line| line.starts_with("Message-ID:")).map(str::to_owned);
    let (first, again) = (mail.letter().text(), mail.letter().text());
    assert_eq!(name(&first).expect("a name"), name(&again).expect("a name"));
}

/// Findings J1, its neighbours: what comes in between, or not at all, is no *sent*, and the letter waits.
#[test]
fn answers_out_of_turn_and_lines_that_break_off_are_no_answer_to_a_letter() {
    for (email, problem) in
        [("twice@harbour.test", "out of turn"), ("drop@harbour.test", ""), ("closing@harbour.test", "going away")]
    {
        let mail = MailServer::open();
        let mut server = Server::start();
        let company = server.company("harbour", "Harbour Ltd", email);
        impatient(&mail, &mut server);
        company.caller().post("/api/letters/test", ()).expect(201);
        let letter = told(&company, |letter| letter["Problem"] != "" || letter["State"] != "waiting");
        assert_eq!(letter["State"], "waiting", "{email}: {letter}");
        assert!(letter["Problem"].as_str().unwrap_or_default().contains(problem), "{email}: {letter}");
        let letter = told(&company, |letter| letter["State"] != "waiting");
        assert_eq!(
            (letter["State"].as_str(), letter["Attempts"].as_i64()),
            (Some("sent"), Some(2)),
            "{email}: {letter}"
        );
    }
}

#[test]
fn without_mail_the_page_says_whom_to_ask_and_an_administrator_gets_the_link() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    assert!(server.browser().get("/harbour/forgot").expect(200).text().contains("sends no letters"));
    let made = harbour.caller().post(
        "/api/users",
        serde_json::json!({ "Username": "ben", "DisplayName": "Ben", "EmailAddress": "ben@harbour.test", "Password": "four old grey lanterns" }),
    );
    let id = made.expect(201).json()["Id"].as_str().expect("an id").to_owned();
    let mut ada = server.browser();
    ada.sign_in("harbour", &harbour.email, &harbour.password);
    let page = ada.done(&format!("/harbour/access/people/{id}/reset-password"), ()).text();
    let (_, after) = page.split_once("/harbour/reset?token=").expect("the link");
    let token: String = after.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
    let choose =
        server.browser().post("/harbour/reset", [("token", token.as_str()), ("password", NEW), ("again", NEW)]);
    assert_eq!(choose.status, 303, "{choose}");
    server.browser().sign_in("harbour", "ben@harbour.test", NEW);
}

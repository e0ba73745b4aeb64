//! What is told by mail, by a real mail server (findings J7, I13, J9): each change of what protects an account, what the
//! operator does in a company on the command line, and that a second factor is demanded.

use crate::support::{
    browser_like::BrowserLike,
    mail::MailServer,
    server::{Company, Server},
};
use serde_json::{Value, json};

/// To whom, and how the subject begins.
type Told = (&'static str, &'static str);

struct Post {
    mail: MailServer,
    server: Server,
    harbour: Company,
    config: String,
}

fn post() -> Post {
    let mail = MailServer::open();
    let mut server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let config = mail.config("").to_str().expect("a path").to_owned();
    server.restart_with(&["--config", &config]);
    Post { mail, server, harbour, config }
}

impl Post {
    /// The next letters, whatever their order, are these: to whom, and how the subject begins. Gives their texts.
    #[track_caller]
    fn tells(&self, what: &str, letters: &[(&str, &str)]) -> Vec<String> {
        let mut left = letters.to_vec();
        let mut texts = Vec::new();
        while !left.is_empty() {
            let letter = self.mail.letter();
            let (to, text) = (letter.to().to_owned(), letter.text());
            let at = left.iter().position(|(who, subject)| *who == to && text.contains(&format!("Subject: {subject}")));
            left.remove(at.unwrap_or_else(|| panic!("{what}: to {to}, not one of {left:?}: {text}")));
            texts.push(text);
        }
        assert!(self.mail.is_empty(), "{what}: one more than {letters:?}");
        texts
    }
    fn operator(&self, arguments: &[&str]) {
        let arguments: Vec<&str> = arguments.iter().chain(&["--config", &self.config]).copied().collect();
        self.server.command(&arguments).run().expect_success();
    }
}

/// Somebody with a password, who has signed in and set up a second factor.
fn ben(post: &Post) -> (String, BrowserLike) {
    let made = json!({ "Username": "ben", "DisplayName": "Ben", "EmailAddress": "ben@harbour.test",
        "Password": "boats seven copper lantern" });
    let ben = post.harbour.caller().post("/api/users", made).expect(201).json();
    let mut browser = post.server.browser();
    browser.sign_in("harbour", "ben@harbour.test", "boats seven copper lantern");
    post.tells("the first factor, set up at sign-in", &[("ben@harbour.test", "Your second factor was changed")]);
    (ben["Id"].as_str().expect("an id").to_owned(), browser)
}

fn is_code(word: &str) -> bool {
    word.len() == 11 && word.as_bytes()[5] == b'-'
}

#[test]
fn each_change_of_what_protects_an_account_is_told_to_whose_it_is() {
    let post = post();
    let (id, ben) = ben(&post);
    let told = |what: &str, subject: &str| drop(post.tells(what, &[("ben@harbour.test", subject)]));

    ben.done("/harbour/me/keys", [("purpose", "the build server"), ("days", "30")]);
    let texts = post.tells("a new API key", &[("ben@harbour.test", "An API key was made for you")]);
    assert!(texts[0].contains("the build server") && !texts[0].contains("API-"), "{}", texts[0]);

    let codes = ben.done("/harbour/me/recovery-codes", [("x", "y")]).text();
    told("new recovery codes", "Your second factor was changed");
    let code: Vec<&str> = codes.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').collect();
    let code = code.into_iter().find(|word| is_code(word)).expect("a recovery code").to_owned();

    let begun = ben.get("/harbour/me/factors/app").expect(200).text();
    let secret = begun.split_once("id=\"totp-secret\"").and_then(|(_, rest)| rest.split_once('>')).expect("a secret").1;
    let secret: String = secret.split('<').next().unwrap_or_default().split_whitespace().collect();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").as_secs();
    let other = crate::support::browser_like::code_at(&secret, now);
    ben.post("/harbour/me/factors/app", [("name", "Tablet"), ("code", other.as_str())]).expect(303);
    told("a further factor", "Your second factor was changed");
    ben.post("/harbour/me/factors/2/delete", [("confirmed", "yes")]);
    told("a factor removed", "Your second factor was changed");

    let passwords = [
        ("current", "boats seven copper lantern"),
        ("password", "lantern copper seven boats"),
        ("again", "lantern copper seven boats"),
    ];
    ben.post("/harbour/me/password", passwords).expect(303);
    told("another password", "Your password was changed");

    let mut elsewhere = post.server.browser();
    elsewhere.give_password("harbour", "ben@harbour.test", "lantern copper seven boats");
    elsewhere.post("/harbour/code", [("recovery", code.as_str())]).expect(303);
    post.tells(
        "a sign-in from another browser by a recovery code",
        &[("ben@harbour.test", "New sign-in"), ("ben@harbour.test", "A recovery code was used")],
    );

    let admin = post.harbour.caller();
    admin.delete(&format!("/api/users/{id}/factors"), ()).expect(200);
    told("all factors taken away", "Your second factor was changed");
    let mut user = admin.get(&format!("/api/users/{id}")).expect(200).json();
    for active in [false, true] {
        user["IsActive"] = json!(active);
        user = admin.put(&format!("/api/users/{id}"), user).expect(200).json();
    }
    told("active again", "Your account was made active again");
    user["EmailAddress"] = json!("benjamin@harbour.test");
    admin.put(&format!("/api/users/{id}"), user).expect(200);
    told("another address, told to the one before", "Your e-mail address was changed");
}

/// findings I13.
#[test]
fn what_the_operator_does_in_a_company_on_the_command_line_is_told_to_its_administrators_and_says_who_did_it() {
    let post = post();
    let (_, _ben) = ben(&post);
    let operators = ("ada@harbour.test", "The operator changed something at Harbour Ltd");
    let done: &[(&[&str], &[Told])] = &[
        (
            &["api-key", "create", "harbour", "ben@harbour.test", "--purpose", "found on the machine"],
            &[operators, ("ben@harbour.test", "An API key was made for you")],
        ),
        (
            &["user", "reset-second-factor", "harbour", "ben@harbour.test"],
            &[operators, ("ben@harbour.test", "Your second factor was changed")],
        ),
        (
            &["user", "reset-password", "harbour", "ben@harbour.test"],
            &[operators, ("ben@harbour.test", "A new password at Harbour Ltd")],
        ),
        (&["user", "deactivate", "harbour", "ben@harbour.test"], &[operators]),
        (
            &["user", "reactivate", "harbour", "ben@harbour.test"],
            &[operators, ("ben@harbour.test", "Your account was made active again")],
        ),
        (
            &["user", "invite", "harbour", "zoe@harbour.test", "--team", "Octopus Administrators"],
            &[operators, ("zoe@harbour.test", "Your invitation to Harbour Ltd")],
        ),
    ];
    let me = own_uid();
    let mut all = Vec::new();
    for (arguments, letters) in done {
        let arguments: Vec<String> = arguments.iter().map(|word| word.replace("Octopus ", "")).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        post.operator(&arguments);
        all.extend_from_slice(letters);
        let newest = post.harbour.caller().get("/api/events?take=30").expect(200).json();
        let by = newest["Items"].as_array().into_iter().flatten().find(|one| one["Username"] == "The operator");
        let means = by.map_or(Value::Null, |one| one["IdentityEstablishedWith"].clone());
        assert!(
            means
                .as_str()
                .is_some_and(|text| text.starts_with("command line of ") && text.contains(&format!("(uid {me})"))),
            "{means}"
        );
    }
    // Looking tells nobody.
    post.operator(&["user", "list", "harbour"]);
    for text in post.tells("the operator's commands", &all) {
        assert!(!text.contains("API-"), "no key stands in a letter: {text}");
        if text.contains("The operator changed something") {
            assert!(text.contains(&format!("(uid {me})")) && !text.contains("token="), "{text}");
        }
    }
}

/// Whose files this test's are: the command works as the same user.
fn own_uid() -> u32 {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").expect("/proc"))
}

/// findings J9: by the engine's own round, which goes to all companies when the server starts.
#[test]
fn a_rule_that_begins_to_reach_people_is_told_to_them_with_its_day() {
    let mut post = post();
    let sql = post.server.data().join("companies/harbour/company.db");
    let sql = rusqlite::Connection::open(sql).expect("the company's file");
    sql.busy_timeout(std::time::Duration::from_secs(30)).expect("patience");
    sql.execute("UPDATE settings SET second_factor = 'nobody'", ()).expect("a rule");
    let mut ada = post.server.browser();
    ada.sign_in("harbour", &post.harbour.email, &post.harbour.password).expect(200);
    let now = bulkhead::base::clock::now().0;
    let rule = "UPDATE settings SET second_factor = 'everyone', grace_days = 7, second_factor_since = ?1";
    sql.execute(rule, [now]).expect("a rule");
    sql.execute("UPDATE users SET last_seen_at = created_at, created_at = 0 WHERE last_seen_at IS NOT NULL", ())
        .expect("users");

    let page = ada.get("/harbour/me").expect(200).text();
    let day = bulkhead::base::clock::Moment(now + 7 * 24 * 3_600_000).exact();
    assert!(page.contains(&format!("Set up a second factor before {day}")), "a banner with the day: {page}");
    post.server.restart_with(&["--config", &post.config.clone()]);
    let texts = post.tells("the rule", &[("ada@harbour.test", "Set up a second factor at Harbour Ltd before")]);
    assert!(texts[0].contains(&day), "{}", texts[0]);
    post.server.restart_with(&["--config", &post.config.clone()]);
    ada.get("/harbour/me").expect(200);
    assert!(post.mail.is_empty(), "told once");
}

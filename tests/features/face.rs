//! What a customer's own people see, on the way in and in the portal, names nothing but the company: pages, what they are
//! drawn with, headers and letters. Unless the company wants to say what it is made with.

use crate::{
    execution::yard::{Yard, script},
    support::{api::Answer, mail::MailServer},
};
use serde_json::json;
use std::collections::BTreeSet;

/// The product, and the field's own name that it speaks like.
const NAMES: [&str; 2] = ["bulkhead", "octopus"];

#[track_caller]
fn silent(what: &str, text: &str) {
    let low = text.to_lowercase();
    for name in NAMES {
        let at = low.find(name).map(|at| &low[low.floor_char_boundary(at.saturating_sub(80))..]);
        assert!(at.is_none(), "{what} names {name}: {:.200}", at.unwrap_or_default());
    }
}

/// The answer with its headers; and what its page is drawn with is kept to be looked at.
#[track_caller]
fn unnamed(answer: &Answer, statuses: &[u16], drawn: &mut BTreeSet<String>) -> String {
    assert!(statuses.contains(&answer.status), "{answer}");
    let text = answer.text();
    silent(&answer.asked, &text);
    for (name, value) in &answer.headers {
        silent(&answer.asked, &format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())));
    }
    for piece in text.split(['"', '\'']) {
        if piece.starts_with("/static/") || piece.contains("/brand/") {
            drawn.insert(piece.split('#').next().unwrap_or_default().to_owned());
        }
    }
    text
}

#[test]
fn nothing_on_the_way_in_or_in_the_portal_names_the_product() {
    let mut yard = Yard::new("Tenanted", &[script("Install", "echo \"hello from the shop\"")]);
    yard.tenant("Contoso");
    let mail = MailServer::open();
    let config = mail.config("");
    // Whose letters they are is the operator's to say.
    let told = std::fs::read_to_string(&config).expect("a file").replace("bulkhead@", "deploys@");
    std::fs::write(&config, told).expect("a file");
    yard.server.restart_with(&["--config", config.to_str().expect("a path")]);
    let mut drawn = BTreeSet::new();
    let given = json!({ "EmailAddresses": ["Jo Doe <jo@contoso.test>"] });
    yard.caller().post("/api/Spaces-1/tenants/contoso/selfservice", given).expect(201);

    // The invitation.
    let letter = mail.letter();
    silent("the invitation", &letter.text());
    let path = letter.link().trim_start_matches(yard.server.base()).to_owned();
    let mut jo = yard.server.browser();
    unnamed(&jo.get(&path), &[200], &mut drawn);
    let (short, password) = ("short", "correct horse of a customer");
    unnamed(&jo.post(&path, [("password", short), ("again", short)]), &[422], &mut drawn);
    unnamed(&jo.post(&path, [("password", password), ("again", password)]), &[200, 303], &mut drawn);
    unnamed(&jo.get(&path), &[404], &mut drawn);

    // Signing in, wrongly too; a second factor is set up on the way.
    let stranger = yard.server.browser();
    for path in ["/harbour/login", "/harbour/forgot", "/harbour/passkey", "/nowhere/login", "/nowhere/forgot"] {
        unnamed(&stranger.get(path), &[200], &mut drawn);
    }
    let wrong = [("company", "harbour"), ("email", "jo@contoso.test"), ("password", "not this one at all")];
    unnamed(&stranger.post("/harbour/login", wrong), &[422], &mut drawn);
    unnamed(&jo.give_password("harbour", "jo@contoso.test", password), &[200, 303], &mut drawn);
    unnamed(&jo.get("/harbour/enrol"), &[200, 303], &mut drawn);
    jo.sign_in("harbour", "jo@contoso.test", password);

    // A lost password.
    let asked = [("company", "harbour"), ("email", "jo@contoso.test")];
    unnamed(&stranger.done("/harbour/forgot", asked), &[200], &mut drawn);
    let reset = loop {
        let letter = mail.letter();
        silent("a letter", &letter.text());
        if letter.text().contains("/reset?token=") {
            break letter.link().trim_start_matches(yard.server.base()).to_owned();
        }
    };
    unnamed(&stranger.get(&reset), &[200], &mut drawn);
    unnamed(&stranger.get("/harbour/reset?token=made-up"), &[404], &mut drawn);

    // The portal, their own account, and what goes wrong.
    let home = "/harbour/portal/contoso";
    unnamed(&jo.get(home), &[200], &mut drawn);
    for path in [
        "/harbour/portal/contoso/shop/staging",
        "/harbour/portal/contoso/shop/staging/1.0.0",
        "/harbour/me",
        "/harbour/me/keys",
        "/harbour/me/keys/new",
        "/harbour/me/password",
        "/harbour/me/email",
        "/harbour/me/factors/app",
        "/harbour/me/proof",
    ] {
        unnamed(&jo.get(path), &[200, 303], &mut drawn);
    }
    for path in ["/harbour/portal/fabrikam", "/harbour/portal/contoso/shop/nowhere", "/harbour/portal/contoso/log/x"] {
        unnamed(&jo.get(path), &[404], &mut drawn);
    }
    for path in ["/harbour", "/harbour/default", "/harbour/help", "/harbour/access/why", "/harbour/no/such/page/at/all"]
    {
        unnamed(&jo.get(path), &[303, 404], &mut drawn);
    }
    unnamed(&jo.post("/harbour/me/no-such-thing", [("x", "y")]), &[303, 404, 405], &mut drawn);
    unnamed(&jo.caller().call("DELETE", home, ()), &[403, 405], &mut drawn);
    let sent = jo.post("/harbour/portal/contoso/shop/staging/1.0.0", ());
    let log = sent.location().to_owned();
    yard.wait_for("the deployment", || jo.get(&log).text().contains("hello from the shop").then_some(()));
    unnamed(&jo.get(&log), &[200], &mut drawn);
    unnamed(&jo.get(home), &[200], &mut drawn);
    unnamed(&jo.post("/harbour/sign-out", ()), &[303], &mut drawn);

    // What all of these pages are drawn with.
    assert!(drawn.len() > 4, "{drawn:?}");
    for file in &drawn {
        assert!(NAMES.iter().all(|name| !file.contains(name)), "{file}");
        unnamed(&stranger.get(file), &[200], &mut BTreeSet::new());
    }
}

#[test]
fn the_company_may_say_what_it_is_made_with() {
    let yard = Yard::new("Tenanted", &[script("Install", "true")]);
    let login = || yard.server.browser().get("/harbour/login").expect(200).text();
    assert!(!login().contains("Harbour Ltd"), "a company without a look looks like one that is not there");
    yard.caller().put("/api/settings/brand", json!({ "NamesProduct": true })).expect(200);
    let page = login();
    assert!(page.contains("Made with Bulkhead") && page.contains("Harbour Ltd"), "{page}");
    // The product's own pages, at no company's address, say whose they are.
    assert!(yard.server.browser().get("/login").expect(200).text().contains("Bulkhead"));
}

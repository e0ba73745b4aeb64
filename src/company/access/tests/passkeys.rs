//! Passkeys, answered by a device made of a few lines.

use super::sign_in::{admitted, enrolled, from, password, pending, signed_in};
use crate::{
    base::error::Error,
    company::{
        Company,
        access::{
            Visitor,
            admit::{self, Challenge, Offered, Site, Stage},
        },
        people::factors,
        testing::{EMAIL, Harbour, founded, harbour},
    },
};
use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const ORIGIN: &str = "https://deploy.example.com";

fn b64(bytes: &[u8]) -> String {
    data_encoding::BASE64URL_NOPAD.encode(bytes)
}

/// A device with one passkey.
struct Device {
    key: SigningKey,
    id: Vec<u8>,
    handle: Vec<u8>,
    counter: u32,
    origin: &'static str,
    unlocked: bool,
}

impl Device {
    fn new() -> Device {
        let id = crate::base::secret::random::<16>().to_vec();
        let key = SigningKey::from_slice(&crate::base::secret::random::<32>()).unwrap();
        Device { key, id, handle: Vec::new(), counter: 0, origin: ORIGIN, unlocked: true }
    }
    fn data(&mut self, attested: bool) -> Vec<u8> {
        self.counter += 1;
        let mut data = Sha256::digest(b"deploy.example.com").to_vec();
        data.push(1 | if self.unlocked { 4 } else { 0 } | if attested { 0x40 } else { 0 });
        data.extend(self.counter.to_be_bytes());
        data
    }
    fn client(&self, kind: &str, challenge: &Challenge) -> Vec<u8> {
        let options: Value = serde_json::from_str(&challenge.options).unwrap();
        json!({ "type": kind, "challenge": options["publicKey"]["challenge"], "origin": self.origin, "crossOrigin": false })
            .to_string()
            .into_bytes()
    }
    fn answer(&self, response: Value) -> String {
        json!({ "id": b64(&self.id), "rawId": b64(&self.id), "type": "public-key", "extensions": {}, "response": response })
            .to_string()
    }
    fn make(&mut self, challenge: &Challenge) -> String {
        let options: Value = serde_json::from_str(&challenge.options).unwrap();
        let handle = options["publicKey"]["user"]["id"].as_str().unwrap();
        self.handle = data_encoding::BASE64URL_NOPAD.decode(handle.as_bytes()).unwrap();
        let mut data = self.data(true);
        data.extend([0; 16]);
        data.extend((self.id.len() as u16).to_be_bytes());
        data.extend(&self.id);
        let point = self.key.verifying_key().to_sec1_point(false);
        let (x, y) = (&point.as_bytes()[1..33], &point.as_bytes()[33..65]);
        data.extend([&[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 0x20], x, &[0x22, 0x58, 0x20], y].concat());
        let mut object = vec![0xa3];
        object.extend(b"\x63fmt\x64none\x67attStmt\xa0\x68authData\x58");
        object.push(data.len() as u8);
        object.extend(&data);
        let client = self.client("webauthn.create", challenge);
        self.answer(json!({ "attestationObject": b64(&object), "clientDataJSON": b64(&client) }))
    }
    fn sign(&mut self, challenge: &Challenge) -> String {
        let data = self.data(false);
        let client = self.client("webauthn.get", challenge);
        let signed = [&data[..], &Sha256::digest(&client)].concat();
        let signature: Signature = self.key.sign(&signed);
        self.answer(json!({ "authenticatorData": b64(&data), "clientDataJSON": b64(&client),
            "signature": b64(signature.to_der().as_bytes()), "userHandle": b64(&self.handle) }))
    }
}

fn site() -> Site {
    Site::of(ORIGIN).unwrap()
}

/// Ada's session, and her device with a passkey of this company.
fn with_passkey(harbour: &Harbour) -> (Visitor, Device) {
    let mut device = Device::new();
    let ada = harbour.by_session(1, Some(1));
    let challenge = factors::begin_passkey(&ada.myself().unwrap(), &site()).unwrap();
    let answer = device.make(&challenge);
    let codes = factors::add_passkey(&ada.myself().unwrap(), "My key", &challenge.ticket, &answer).unwrap();
    assert_eq!(codes.unwrap().len(), 10);
    (ada, device)
}

fn alone(company: &Company, device: &mut Device) -> Option<String> {
    let challenge = admit::begin_alone(Some(company), &site()).unwrap();
    let answer = device.sign(&challenge);
    admit::sign_in_with_passkey(company, &challenge.ticket, &answer, &from()).unwrap()
}

#[test]
fn a_passkey_signs_in_alone() {
    let harbour = harbour();
    let (_, mut device) = with_passkey(&harbour);
    let token = alone(&harbour.company, &mut device).unwrap();
    let ada = admitted(&harbour.company, &token).unwrap();
    assert_eq!(ada.name(), "Ada");
    assert!(ada.fresh().is_ok());
    assert!(harbour.trail().contains(&"LoginSucceeded: Ada signed in with a passkey".to_owned()));
    harbour.sql(|c| c.execute("UPDATE users SET state = 'inactive' WHERE id = 1", []));
    assert!(alone(&harbour.company, &mut device).is_none(), "not for somebody who was shut out");
}

#[test]
fn a_passkey_is_the_first_factor_of_somebody_who_has_none() {
    let harbour = harbour();
    let company = &harbour.company;
    let waiting = pending(company, &signed_in(company).token);
    assert_eq!(waiting.stage, Stage::Enrol);
    let mut device = Device::new();
    let offered = |challenge: &Challenge, answer: String| Offered {
        ticket: challenge.ticket.clone(),
        passkey: answer,
        ..Offered::default()
    };
    // An answer to another session's question is none.
    let another = pending(company, &signed_in(company).token);
    let challenge = admit::passkey_to_enrol(company, &another, &site()).unwrap();
    let carried = admit::enrol(company, &waiting, &offered(&challenge, device.make(&challenge)), &from());
    assert!(matches!(carried, Err(Error::Invalid(fields)) if fields.of("Passkey").is_some()));
    let challenge = admit::passkey_to_enrol(company, &waiting, &site()).unwrap();
    let nonsense = admit::enrol(company, &waiting, &offered(&challenge, "{}".into()), &from());
    assert!(matches!(nonsense, Err(Error::Invalid(_))));
    assert_eq!(harbour.sql(|c| c.query_row("SELECT count(*) FROM factors", [], |row| row.get::<_, i64>(0))), 0);

    let challenge = admit::passkey_to_enrol(company, &waiting, &site()).unwrap();
    let enrolled = admit::enrol(company, &waiting, &offered(&challenge, device.make(&challenge)), &from()).unwrap();
    assert_eq!(enrolled.codes.len(), 10);
    assert!(admitted(company, &enrolled.token).is_some());
    assert!(alone(company, &mut device).is_some(), "and it signs in alone");
    assert!(
        matches!(
            admit::passkey_to_enrol(company, &pending(company, &signed_in(company).token), &site()),
            Err(Error::Conflict(_))
        ),
        "the next sign-in asks for it"
    );
}

#[test]
fn a_passkey_is_a_second_factor_and_a_fresh_proof() {
    let harbour = harbour();
    let company = &harbour.company;
    let (_, mut device) = with_passkey(&harbour);
    let signed_in = admit::sign_in(company, EMAIL, &password(), &from()).unwrap().unwrap();
    assert_eq!(signed_in.stage, Stage::Code);
    let pending = pending(company, &signed_in.token);
    let challenge = admit::passkey_to_finish(company, &pending, &site()).unwrap().unwrap();
    let offered = |challenge: &Challenge, answer: String| Offered {
        ticket: challenge.ticket.clone(),
        passkey: answer,
        ..Offered::default()
    };
    let token = admit::check_code(company, &pending, &offered(&challenge, device.sign(&challenge)), &from()).unwrap();
    assert!(admitted(company, &token).is_some());

    let stale = harbour.by_session(1, Some(11));
    let challenge = admit::passkey_to_prove(&stale, &site()).unwrap().unwrap();
    admit::prove(&stale, &offered(&challenge, device.sign(&challenge)), &from()).unwrap();
    // A challenge belongs to its session.
    let another = harbour.by_session(1, Some(11));
    let challenge = admit::passkey_to_prove(&stale, &site()).unwrap().unwrap();
    let carried = admit::prove(&another, &offered(&challenge, device.sign(&challenge)), &from());
    assert!(matches!(carried, Err(Error::Invalid(_))));
}

#[test]
fn an_answer_counts_once_and_the_count_of_signatures_only_grows() {
    let harbour = harbour();
    let company = &harbour.company;
    let (_, mut device) = with_passkey(&harbour);
    let challenge = admit::begin_alone(Some(company), &site()).unwrap();
    let answer = device.sign(&challenge);
    let give = || admit::sign_in_with_passkey(company, &challenge.ticket, &answer, &from()).unwrap();
    assert!(give().is_some());
    assert!(give().is_none(), "once");
    device.counter -= 1;
    assert!(alone(company, &mut device).is_none(), "a copy of the device");
    assert!(alone(company, &mut device).is_some());
}

#[test]
fn what_is_not_unlocked_or_not_for_this_address_is_refused() {
    let harbour = harbour();
    let company = &harbour.company;
    let (_, mut device) = with_passkey(&harbour);
    device.unlocked = false;
    assert!(alone(company, &mut device).is_none());
    device.unlocked = true;
    device.origin = "https://deploy.example.com.evil.example";
    assert!(alone(company, &mut device).is_none());
    device.origin = ORIGIN;
    for answer in ["", "{}", "null", "{\"id\":\"\"}", &"x".repeat(100_000)] {
        let challenge = admit::begin_alone(Some(company), &site()).unwrap();
        assert!(admit::sign_in_with_passkey(company, &challenge.ticket, answer, &from()).unwrap().is_none());
        harbour.sql(|c| c.execute("DELETE FROM attempts", []));
    }
    assert!(alone(company, &mut device).is_some());
    for address in ["http://deploy.example.com", "https://192.0.2.7", "ftp://localhost", "nothing"] {
        assert!(Site::of(address).is_none(), "{address}");
    }
    assert!(Site::of("http://localhost:8080").is_some());
}

#[test]
fn a_passkey_of_one_company_is_nothing_to_its_twin_on_the_same_server() {
    let (here, there) = (harbour(), founded("meridian", "Meridian"));
    let (_, mut device) = with_passkey(&here);
    with_passkey(&there);
    assert!(alone(&there.company, &mut device).is_none());
    // An answer to one company's question, given to the other.
    let challenge = admit::begin_alone(Some(&here.company), &site()).unwrap();
    let answer = device.sign(&challenge);
    let carried = admit::sign_in_with_passkey(&there.company, &challenge.ticket, &answer, &from()).unwrap();
    assert!(carried.is_none());
    // Even its row, copied into the other's file, does not open there.
    let row: (Vec<u8>, Vec<u8>) =
        here.sql(|c| c.query_row("SELECT sealed, credential FROM factors", [], |row| Ok((row.get(0)?, row.get(1)?))));
    there.sql(|c| c.execute("UPDATE factors SET sealed = ?1, credential = ?2, counter = 0", row));
    let challenge = admit::begin_alone(Some(&there.company), &site()).unwrap();
    let answer = device.sign(&challenge);
    let copied = admit::sign_in_with_passkey(&there.company, &challenge.ticket, &answer, &from());
    assert!(matches!(copied, Err(Error::Internal(_))));
}

#[test]
fn factors_are_added_renamed_and_removed_in_person() {
    let harbour = harbour();
    let company = &harbour.company;
    let (secret, token) = enrolled(company);
    let ada = admitted(company, &token).unwrap();
    let me = ada.myself().unwrap();
    let [first] = &factors::list(&me).unwrap()[..] else { panic!() };
    assert!(matches!(factors::remove(&me, first.id), Err(Error::Conflict(_))), "the last one, where one is demanded");

    let enrolment = factors::begin_app(&me).unwrap();
    assert_ne!(enrolment.secret, secret);
    assert_eq!(factors::begin_app(&me).unwrap().secret, enrolment.secret);
    assert!(matches!(factors::add_app(&me, "Tablet", "000000"), Err(Error::Invalid(_))));
    assert!(matches!(factors::add_app(&me, " ", "000000"), Err(Error::Invalid(_))));
    let codes = factors::add_app(&me, "Tablet", &admit::code_in(&enrolment.secret, 0)).unwrap();
    assert!(codes.is_none(), "she has codes already");
    let second = factors::list(&me).unwrap().pop().unwrap();
    factors::rename(&me, second.id, "Old tablet").unwrap();
    // Either app signs in, with the other's code used up or not.
    let waiting = pending(company, &signed_in(company).token);
    let code = Offered::code(&admit::code_in(&enrolment.secret, 30));
    admit::check_code(company, &waiting, &code, &from()).unwrap();
    factors::remove(&me, first.id).unwrap();
    assert_eq!(factors::list(&me).unwrap().iter().map(|f| f.name.clone()).collect::<Vec<_>>(), ["Old tablet"]);

    let before = factors::ways(&me).unwrap().recovery;
    let renewed = factors::renew_recovery_codes(&me).unwrap();
    assert_eq!((before, renewed.len(), factors::ways(&me).unwrap().recovery), (10, 10, 10));

    harbour.sql(|c| c.execute("UPDATE settings SET second_factor = 'nobody'", []));
    factors::remove(&me, second.id).unwrap();
    assert_eq!(factors::ways(&me).unwrap(), admit::Ways::default(), "the codes go with the last factor");
    let letters: i64 = harbour.sql(|c| c.query_row("SELECT count(*) FROM letters", [], |row| row.get(0)));
    assert!(letters >= 4, "each change is told by mail: {letters}");
}

#[test]
fn factors_of_others_are_not_touched_and_stale_sessions_are_asked() {
    let harbour = harbour();
    let (_, _) = with_passkey(&harbour);
    let ben = harbour.user("Ben");
    let fresh = harbour.by_session(ben, Some(1));
    let foreign = harbour.sql(|c| c.query_row("SELECT id FROM factors", [], |row| row.get(0)));
    assert!(matches!(factors::remove(&fresh.myself().unwrap(), foreign), Err(Error::NotFound(_))));
    assert!(matches!(factors::rename(&fresh.myself().unwrap(), foreign, "Mine"), Err(Error::NotFound(_))));
    let stale = harbour.by_session(1, Some(11));
    let me = stale.myself().unwrap();
    assert!(matches!(factors::remove(&me, foreign), Err(Error::ProofNeeded)));
    assert!(matches!(factors::begin_app(&me), Err(Error::ProofNeeded)));
    assert!(matches!(factors::begin_passkey(&me, &site()), Err(Error::ProofNeeded)));
    assert!(matches!(factors::renew_recovery_codes(&me), Err(Error::ProofNeeded)));
    assert!(matches!(crate::company::people::own::change_email(&me, "a@b.example"), Err(Error::ProofNeeded)));
    let key = harbour.ada();
    assert!(matches!(factors::remove(&key.myself().unwrap(), foreign), Err(Error::PersonNeeded)));
}

#[test]
fn an_administrator_takes_lost_factors_away_and_learns_none() {
    let harbour = harbour();
    let ben = harbour.user("Ben");
    let session = harbour.by_session(ben, Some(1));
    let mut device = Device::new();
    let challenge = factors::begin_passkey(&session.myself().unwrap(), &site()).unwrap();
    let answer = device.make(&challenge);
    factors::add_passkey(&session.myself().unwrap(), "Key", &challenge.ticket, &answer).unwrap();
    let ada = harbour.by_session(1, Some(1));
    let granted = ada.ask(crate::company::access::permissions::UserEdit {}).unwrap();
    let at = ada.locate(crate::company::access::Within::Company, &format!("Users-{ben}")).unwrap();
    assert!(!factors::reset_for(&granted, &at).unwrap().has_second_factor);
    assert!(alone(&harbour.company, &mut device).is_none());
    let sessions: i64 =
        harbour.sql(|c| c.query_row("SELECT count(*) FROM sessions WHERE user_id = ?1", [ben], |row| row.get(0)));
    assert_eq!(sessions, 0);
    let me = ada.locate(crate::company::access::Within::Company, "Users-1").unwrap();
    assert!(matches!(factors::reset_for(&granted, &me), Err(Error::Conflict(_))), "not her own");
    let view = ada.ask(crate::company::access::permissions::UserView {}).unwrap();
    let lacking = factors::lacking(&view).unwrap();
    assert!(lacking.iter().any(|one| one.user.display_name == "Ben" && one.is_demanded && one.until.is_none()));
}

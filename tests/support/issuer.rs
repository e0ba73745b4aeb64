//! Somebody who signs tokens: a real HTTP server on loopback that describes itself and shows its public keys, and real
//! signatures by its private ones. The keys are made for these tests and are nobody's.

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

const RSA: &[u8] = include_bytes!("issuer/rsa.pem");
const EC: &[u8] = include_bytes!("issuer/ec.pem");
const RSA_N: &str = "q9LKykZ1ratSX9UxeTzqGmD_VutGxxUuxYgPbSAKRdjb28wFpaUpzs_5GNHXFaKEhmbwFhfoPAMJwpIS9G31QKF_ChYJ0usFMmS1CrS2G9WGOJSHFRSaKyKvMTUefB8r4xfFmYC5fnwUNZgGnnuyASUlG9yvlPbkDLYRDqEMLHwENHrsnL6L5h-lfEhvGYT1qRly5N0MstqfV_9q-vdVePLTYwT-32cK2Xycjux-lm5pbdsiX_PvI29G3nQjCOEfZpCrZLYE7p6G6atnSeNDaG6REidqvwAd0EI4BDHBH1Xcs67fha4dE4vBhSN6uYi8ifE2G1jayJ9wCwU6mR06OQ";
const EC_X: &str = "4tXFB35WxFgXUM8cROKBIzv0l5oRG-VejicxsPOaNdY";
const EC_Y: &str = "EhNbeAnFFiXwbTFZqeLaAuV_AWGBjTC9NVN3R8kAWjk";

pub struct Issuer {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    answers: Arc<Mutex<Answers>>,
}

/// What it says of itself, when it is not what it should be.
#[derive(Clone, Default)]
pub struct Answers {
    /// Another issuer's name in its description.
    pub other_name: Option<String>,
    /// Where its description redirects to.
    pub redirect: Option<String>,
}

impl Issuer {
    pub fn start() -> Issuer {
        Issuer::start_at("127.0.0.1")
    }

    /// At another address of this machine.
    pub fn start_at(address: &str) -> Issuer {
        let listener = TcpListener::bind((address, 0)).expect("a free port");
        let address = listener.local_addr().expect("its address");
        let (asked, answers) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Answers::default())));
        let (counter, said) = (asked.clone(), answers.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                counter.fetch_add(1, Ordering::SeqCst);
                let answers = said.lock().expect("the answers").clone();
                answer(stream, address, &answers);
            }
        });
        Issuer { address, asked, answers }
    }

    /// The issuer as its tokens name it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How often it was called.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub fn says(&self, answers: Answers) {
        *self.answers.lock().expect("the answers") = answers;
    }

    /// A signed token. `key` is the name of the key: `rsa`, `ec`, or one that it does not show.
    pub fn sign(&self, key: &str, claims: &Value) -> String {
        let (algorithm, signing) = match key {
            "ec" => (Algorithm::ES256, EncodingKey::from_ec_pem(EC)),
            "rsa384" => (Algorithm::RS384, EncodingKey::from_rsa_pem(RSA)),
            _ => (Algorithm::RS256, EncodingKey::from_rsa_pem(RSA)),
        };
        let mut header = Header::new(algorithm);
        header.kid = Some(if key == "rsa384" { "rsa".into() } else { key.to_owned() });
        jsonwebtoken::encode(&header, claims, &signing.expect("a key")).expect("a signature")
    }

    /// A token whose signature is made with the public key as if it were a shared secret.
    pub fn sign_with_public_key(&self, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some("rsa".into());
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(RSA_N.as_bytes())).expect("a signature")
    }
}

fn answer(mut stream: TcpStream, address: SocketAddr, answers: &Answers) {
    let mut line = String::new();
    let mut lines = BufReader::new(stream.try_clone().expect("the stream"));
    if lines.read_line(&mut line).is_err() {
        return;
    }
    let mut header = String::new();
    while lines.read_line(&mut header).is_ok_and(|read| read > 2) {
        header.clear();
    }
    let base = format!("http://{address}");
    let path = line.split(' ').nth(1).unwrap_or_default();
    let (status, more, body) = match (path, &answers.redirect) {
        ("/.well-known/openid-configuration", Some(to)) => ("302 Found", format!("Location: {to}\r\n"), json!({})),
        ("/.well-known/openid-configuration", None) => {
            let name = answers.other_name.clone().unwrap_or_else(|| base.clone());
            ("200 OK", String::new(), json!({ "issuer": name, "jwks_uri": format!("{base}/keys") }))
        }
        ("/keys", _) => ("200 OK", String::new(), keys()),
        _ => ("404 Not Found", String::new(), json!({})),
    };
    let body = body.to_string();
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{more}Connection: close\r\n\r\n"
    );
    let _ = stream.write_all(format!("{head}{body}").as_bytes());
}

fn keys() -> Value {
    json!({ "keys": [
        { "kid": "strange", "kty": "XYZ" },
        { "kid": "rsa", "kty": "RSA", "use": "sig", "alg": "RS256", "n": RSA_N, "e": "AQAB" },
        { "kid": "ec", "kty": "EC", "use": "sig", "crv": "P-256", "x": EC_X, "y": EC_Y },
    ] })
}

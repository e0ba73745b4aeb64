//! A caller: one program, or one browser, that asks one server.
//! It takes every answer as it comes, 4xx, 5xx and redirects too, and follows nothing by itself.

use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;
use ureq::http::{HeaderMap, Request};

pub struct Caller {
    base: String,
    agent: ureq::Agent,
    headers: Vec<(String, String)>,
    cookies: Option<Mutex<Vec<Cookie>>>,
    /// Sends the word of the form along, as if the page with the form had been opened before.
    fills_in: bool,
}

impl Caller {
    /// Nobody: no key, no cookies. `base` is the server's address, or the server's address and a company.
    pub fn nobody(base: &str) -> Caller {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(60)))
            .build()
            .new_agent();
        Caller {
            base: base.trim_end_matches('/').to_string(),
            agent,
            headers: Vec::new(),
            cookies: None,
            fills_in: true,
        }
    }

    /// A program with an API key.
    pub fn with_key(base: &str, key: &str) -> Caller {
        Caller::nobody(base).and_header("X-Octopus-ApiKey", key)
    }

    /// Keeps cookies between calls, each for its path, as a browser does.
    pub fn with_cookies(base: &str) -> Caller {
        Caller { cookies: Some(Mutex::default()), ..Caller::nobody(base) }
    }

    /// The same caller, who sends nothing but what is given.
    pub fn plainly(mut self) -> Caller {
        self.fills_in = false;
        self
    }

    /// The same caller, who says this header with every call.
    pub fn and_header(mut self, name: &str, value: &str) -> Caller {
        self.headers.push((name.to_string(), value.to_string()));
        self
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    pub fn get(&self, path: &str) -> Answer {
        self.call("GET", path, Sent::Nothing)
    }

    pub fn post(&self, path: &str, body: impl Into<Sent>) -> Answer {
        self.call("POST", path, body)
    }

    pub fn put(&self, path: &str, body: impl Into<Sent>) -> Answer {
        self.call("PUT", path, body)
    }

    pub fn delete(&self, path: &str, body: impl Into<Sent>) -> Answer {
        self.call("DELETE", path, body)
    }

    /// `path` begins with a slash and follows the base; a whole address, as a `Location` may be, is taken as it is.
    pub fn call(&self, method: &str, path: &str, body: impl Into<Sent>) -> Answer {
        self.call_saying(method, path, body, &[])
    }

    /// One call with further headers.
    pub fn call_saying(&self, method: &str, path: &str, body: impl Into<Sent>, headers: &[(&str, &str)]) -> Answer {
        let address = if path.starts_with("http://") { path.to_string() } else { format!("{}{path}", self.base) };
        let asked = format!("{method} {address}");
        let (content_type, bytes) = body.into().into_bytes();

        let mut request = Request::builder().method(method).uri(&address);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(content_type) = content_type {
            request = request.header("Content-Type", content_type);
        }
        let cookies = self.cookie_header(path_of(&address));
        let said = self.headers.iter().chain(&[]).find(|(name, _)| name.eq_ignore_ascii_case("cookie"));
        let held = cookies.clone().or(said.map(|(_, value)| value.clone())).unwrap_or_default();
        // Over HTTPS their names begin with what browsers keep for it.
        let plain = |name| str::trim_start_matches(str::trim_start_matches(name, "__Secure-"), "__Host-");
        let held = held.split(';').filter_map(|pair| pair.trim().split_once('='));
        let mut held = held.map(|(name, value)| (plain(name), value));
        let mut bound =
            held.clone().find(|(name, _)| *name == "house_session").or(held.find(|(name, _)| *name == "house_form"));
        let mut cookies = cookies;
        if self.fills_in && method != "GET" && bound.is_none() && said.is_none() {
            // A form that was opened before anybody signed in.
            bound = Some(("house_form", "cookie-of-the-tests"));
            let more = "house_form=cookie-of-the-tests";
            cookies = Some(cookies.map_or_else(|| more.to_string(), |held| format!("{held}; {more}")));
        }
        if let (true, Some((_, cookie))) = (self.fills_in && method != "GET", bound) {
            request = request.header("X-Octopus-Csrf-Token", csrf_word(cookie));
        }
        if let Some(cookies) = cookies {
            request = request.header("Cookie", cookies);
        }
        // A body on GET and DELETE is unusual; without one, none is announced.
        let answer = if bytes.is_empty() && matches!(method, "GET" | "HEAD" | "DELETE") {
            self.agent.run(request.body(()).unwrap_or_else(|e| panic!("{asked}: {e}")))
        } else {
            self.agent.run(request.body(bytes).unwrap_or_else(|e| panic!("{asked}: {e}")))
        };
        let mut answer = answer.unwrap_or_else(|e| panic!("{asked}: no answer: {e}"));

        let body = answer.body_mut().with_config().limit(u64::MAX).read_to_vec();
        let body = body.unwrap_or_else(|e| panic!("{asked}: the answer broke off: {e}"));
        let answer = Answer { asked, status: answer.status().as_u16(), headers: answer.headers().clone(), body };
        self.keep_cookies(&answer, path_of(&address));
        answer
    }

    /// The value of a cookie the caller holds, whatever its path.
    pub fn cookie(&self, name: &str) -> Option<String> {
        let jar = self.cookies.as_ref()?.lock().expect("the cookie jar");
        jar.iter().find(|c| c.name == name).map(|c| c.value.clone())
    }

    pub fn forget_cookies(&self) {
        if let Some(jar) = &self.cookies {
            jar.lock().expect("the cookie jar").clear();
        }
    }

    fn cookie_header(&self, path: &str) -> Option<String> {
        let jar = self.cookies.as_ref()?.lock().expect("the cookie jar");
        let said: Vec<String> =
            jar.iter().filter(|c| c.is_for(path)).map(|c| format!("{}={}", c.name, c.value)).collect();
        (!said.is_empty()).then(|| said.join("; "))
    }

    fn keep_cookies(&self, answer: &Answer, path: &str) {
        let Some(jar) = &self.cookies else { return };
        let mut jar = jar.lock().expect("the cookie jar");
        for line in answer.headers.get_all("set-cookie") {
            let Some((cookie, gone)) = Cookie::read(line.to_str().unwrap_or(""), path) else { continue };
            jar.retain(|c| (&c.name, &c.path) != (&cookie.name, &cookie.path));
            if !gone {
                jar.push(cookie);
            }
        }
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// Method and address, for messages.
    pub asked: String,
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e} in the answer to {self}"))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's value, or "" where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or("")
    }

    /// The answer itself, if it has this status; otherwise the test ends with all that was said.
    #[track_caller]
    pub fn expect(self, status: u16) -> Answer {
        assert_eq!(self.status, status, "{self}");
        self
    }

    /// Where it sends the browser next.
    #[track_caller]
    pub fn location(&self) -> &str {
        assert!((300..400).contains(&self.status), "no redirect: {self}");
        self.header("location")
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self.text();
        let shown: String = text.chars().take(4_000).collect();
        write!(f, "{} → {}\n{shown}{}", self.asked, self.status, if shown.len() < text.len() { "…" } else { "" })
    }
}

/// What is sent along: nothing, JSON, a form or plain bytes.
pub enum Sent {
    Nothing,
    Json(Value),
    /// Names may be repeated, as with several ticked boxes.
    Form(Vec<(String, String)>),
    Bytes {
        content_type: String,
        bytes: Vec<u8>,
    },
}

impl Sent {
    fn into_bytes(self) -> (Option<String>, Vec<u8>) {
        match self {
            Sent::Nothing => (None, Vec::new()),
            Sent::Json(value) => (Some("application/json".into()), value.to_string().into_bytes()),
            Sent::Form(fields) => {
                let pairs: Vec<String> =
                    fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
                (Some("application/x-www-form-urlencoded".into()), pairs.join("&").into_bytes())
            }
            Sent::Bytes { content_type, bytes } => (Some(content_type), bytes),
        }
    }
}

impl From<()> for Sent {
    fn from((): ()) -> Sent {
        Sent::Nothing
    }
}

impl From<Value> for Sent {
    fn from(value: Value) -> Sent {
        Sent::Json(value)
    }
}

impl From<&[(&str, &str)]> for Sent {
    fn from(fields: &[(&str, &str)]) -> Sent {
        Sent::Form(fields.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect())
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Sent {
    fn from(fields: [(&str, &str); N]) -> Sent {
        Sent::from(&fields[..])
    }
}

/// The word that a form carries, for the cookie it is bound to (`src/http/csrf.rs`), with a mask of zeros.
pub fn csrf_word(cookie: &str) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::new_with_prefix(b"bulkhead form\0").chain_update(cookie.as_bytes()).finalize();
    data_encoding::BASE64URL_NOPAD.encode(&[&[0; 16][..], &digest[..16]].concat())
}

/// A text in an answer's JSON; "" where there is none.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// For an address or a form: letters, digits and `-._~` stand for themselves.
pub fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte as char),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

fn path_of(address: &str) -> &str {
    let after_host = address.strip_prefix("http://").and_then(|rest| rest.find('/').map(|at| &rest[at..]));
    after_host.unwrap_or("/").split(['?', '#']).next().unwrap_or("/")
}

struct Cookie {
    name: String,
    value: String,
    path: String,
}

impl Cookie {
    /// Reads one `Set-Cookie` line; the flag says that the cookie is being taken back.
    fn read(line: &str, asked: &str) -> Option<(Cookie, bool)> {
        let mut parts = line.split(';').map(str::trim);
        let (name, value) = parts.next()?.split_once('=')?;
        // Without a path, a cookie belongs to the folder of the page that set it.
        let folder = asked.rfind('/').filter(|at| *at > 0).map_or("/", |at| &asked[..at]);
        let mut cookie = Cookie { name: name.into(), value: value.into(), path: folder.into() };
        let mut gone = false;
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            match key.to_ascii_lowercase().as_str() {
                "path" if value.starts_with('/') => cookie.path = value.into(),
                "max-age" => gone = value.parse::<i64>().is_ok_and(|seconds| seconds <= 0),
                _ => {}
            }
        }
        Some((cookie, gone))
    }

    fn is_for(&self, path: &str) -> bool {
        path.strip_prefix(self.path.as_str())
            .is_some_and(|rest| rest.is_empty() || self.path.ends_with('/') || rest.starts_with('/'))
    }
}

/// The id of a resource.
#[track_caller]
pub fn id(value: &Value) -> String {
    value["Id"].as_str().unwrap_or_else(|| panic!("no id in {value}")).to_owned()
}

/// A page or answer in which all of this stands.
#[track_caller]
pub fn says(answer: &Answer, words: &[&str]) {
    let text = answer.text();
    for word in words {
        assert!(text.contains(word), "{word} is missing in {answer}");
    }
}

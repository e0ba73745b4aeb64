//! What a page answers: a page, a file, another address, a session that begins or ends; and the cookies that go with it.

use super::once::{self, Once};
use crate::{
    base::{
        error::{Error, Result},
        secret,
    },
    company::access::admit,
    http::{
        call::{Call, DEVICE},
        csrf,
        download::Download,
        headers,
    },
};
use askama::Template;
use axum::{
    http::{HeaderValue, Method, StatusCode, header},
    response::{Html, IntoResponse, Response},
};

pub use crate::http::csrf::SESSION;
const FLASH: &str = "house_flash";

/// What a page answers.
pub enum Answer {
    /// The page.
    Page(String),
    /// A form that was refused: the page again, 422.
    Refused(String),
    /// An error's page.
    Error(StatusCode, String),
    /// Too much: to be asked again after so many seconds.
    Later(String, i64),
    /// A file of the company's own, for everybody: its address changes with it.
    Asset {
        /// Its media type.
        kind: &'static str,
        /// What is in it.
        bytes: Vec<u8>,
    },
    /// Done; on to another page, with a word about what was done.
    Done {
        /// Where to.
        to: String,
        /// What to say there, once.
        say: String,
    },
    /// On to another page.
    Go(String),
    /// A file to keep, made while it is sent.
    File(Download),
    /// Signed in: sets the cookie and goes on.
    SignedIn {
        /// The company whose path the cookie is bound to.
        company: String,
        /// The session's token.
        token: String,
        /// Where to.
        to: String,
    },
    /// Signed in, with a page that is shown this once: sets the cookie and goes on to it.
    Welcome {
        /// The company whose path the cookie is bound to.
        company: String,
        /// The session's token.
        token: String,
        /// Where to.
        to: String,
        /// The page.
        html: String,
    },
    /// Done; on to another address, where this page is shown once.
    Once {
        /// What it shows.
        what: Once,
        /// Where to.
        to: String,
        /// The page.
        html: String,
    },
    /// A form that goes on: a further row, or what it would do. Nothing was changed yet.
    Asked(String),
    /// A new password was chosen: ends the cookie, makes the browser known, goes on to sign-in.
    Reset {
        /// Whose.
        company: String,
        /// The cookie that makes the browser known.
        device: Option<String>,
        /// Whether somebody else is signed in here, who stays so.
        keeps_session: bool,
        /// What to say there.
        say: String,
    },
    /// Signed out: ends the cookie.
    SignedOut {
        /// The company whose cookie it was.
        company: String,
    },
}

impl Answer {
    /// Draws a page.
    pub fn page(template: &impl Template) -> Result<Answer> {
        Ok(Answer::Page(draw(template)?))
    }
    /// Draws the page of a form that goes on.
    pub fn asked(template: &impl Template) -> Result<Answer> {
        Ok(Answer::Asked(draw(template)?))
    }
    /// Draws a page with a form that was refused.
    pub fn refused(template: &impl Template) -> Result<Answer> {
        Ok(Answer::Refused(draw(template)?))
    }
    /// Draws a page, as one with something that was refused where it was.
    pub fn shown(template: &impl Template, refused: bool) -> Result<Answer> {
        if refused { Answer::refused(template) } else { Answer::page(template) }
    }
    /// On to `to`, saying what was done.
    pub fn done(to: impl Into<String>, say: impl Into<String>) -> Result<Answer> {
        Ok(Answer::Done { to: to.into(), say: say.into() })
    }

    /// The answer with the word of its forms in it, and the cookie to set for it if there is none.
    fn with_words(self, call: &Call) -> (Answer, Option<String>) {
        let html = match &self {
            Answer::Page(html)
            | Answer::Asked(html)
            | Answer::Refused(html)
            | Answer::Error(_, html)
            | Answer::Later(html, _) => html,
            _ => return (self, None),
        };
        let Some(forms) = csrf::Forms::of(html) else { return (self, None) };
        let fresh = match call.cookie(SESSION).or(call.cookie(csrf::FORM)) {
            Some(_) => None,
            None => Some(secret::token()),
        };
        let held = call.cookie(SESSION).or(call.cookie(csrf::FORM)).or(fresh.as_deref()).unwrap_or_default();
        let mut word = csrf::word(held);
        if let Some((slug, user)) = call.visitor.get()
            && let Ok(company) = call.desk.appliance.company(slug)
            && let Some(mark) = admit::form_mark(&company, *user)
        {
            word = [&word, ".", &mark].concat();
        }
        let html = forms.with(&word);
        let answer = match self {
            Answer::Refused(_) => Answer::Refused(html),
            Answer::Error(status, _) => Answer::Error(status, html),
            Answer::Later(_, seconds) => Answer::Later(html, seconds),
            _ => Answer::Page(html),
        };
        (answer, fresh)
    }

    /// The HTTP answer.
    pub(super) fn respond(self, call: &Call) -> Response {
        // What was done is told at an address: loading it again does nothing again.
        debug_assert!(call.method != Method::POST || !matches!(self, Answer::Page(_)), "{} answers a page", call.uri);
        let attributes = |company: &str| call.cookie_attributes(company);
        let set = |name: &str, value: &str, company: &str| {
            format!("{}={value}; {}", call.cookie_name(name), attributes(company))
        };
        let shown =
            call.cookie(FLASH).is_some() && matches!(self, Answer::Page(_) | Answer::Asked(_) | Answer::Error(..));
        let company = table_company(call);
        let (answer, form_cookie) = self.with_words(call);
        let mut response = match answer {
            Answer::Page(html) | Answer::Asked(html) => Html(html).into_response(),
            Answer::Refused(html) => (StatusCode::UNPROCESSABLE_ENTITY, Html(html)).into_response(),
            Answer::Error(status, html) => (status, Html(html)).into_response(),
            Answer::Later(html, seconds) => {
                let mut response = (StatusCode::TOO_MANY_REQUESTS, Html(html)).into_response();
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
                response
            }
            Answer::Asset { kind, bytes } => {
                let mut response = bytes.into_response();
                let headers = response.headers_mut();
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
                headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400"));
                response
            }
            Answer::Go(to) => see(&to),
            Answer::File(download) => download.respond(),
            Answer::Done { to, say } => {
                let text = encode(&say);
                let mut response = see(&to);
                cookie(&mut response, &format!("{}; Max-Age=60", set(FLASH, &text, &company)));
                response
            }
            Answer::SignedIn { company, token, to } => {
                let mut response = see(&to);
                come_in(&mut response, call, &company, &token, &attributes(&company));
                response
            }
            Answer::Once { what, to, html } => {
                held(once::hold(call, call.cookie(SESSION).unwrap_or_default(), what, &to, html))
            }
            Answer::Welcome { company, token, to, html } => {
                let mut response = held(once::hold(call, &token, Once::Codes, &to, html));
                come_in(&mut response, call, &company, &token, &attributes(&company));
                response
            }
            Answer::Reset { company, device, keeps_session, say } => {
                let text = encode(&say);
                let mut response = see(&format!("{}/login", call.base(&company)));
                cookie(&mut response, &format!("{}; Max-Age=60", set(FLASH, &text, &company)));
                if !keeps_session {
                    cookie(&mut response, &format!("{}; Max-Age=0", set(SESSION, "", &company)));
                }
                if let Some(word) = device {
                    known_from_now(&mut response, call, &word, &attributes(&company));
                }
                response
            }
            Answer::SignedOut { company } => {
                let mut response = see(&format!("{}/login", call.base(&company)));
                cookie(&mut response, &format!("{}; Max-Age=0", set(SESSION, "", &company)));
                response.headers_mut().insert("clear-site-data", HeaderValue::from_static("\"cache\", \"storage\""));
                response
            }
        };
        if let Some(value) = form_cookie {
            // For every path: sign-in knows no company yet. It says nothing but that a form came from here.
            let secure = if call.desk.secure() { "; Secure" } else { "" };
            let name = call.cookie_name(csrf::FORM);
            cookie(&mut response, &format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}"));
        }
        if shown {
            cookie(&mut response, &format!("{}; Max-Age=0", set(FLASH, "", &company)));
        }
        headers::protect(response.headers_mut());
        response
    }
}

/// So many bytes are set aside for a page at first: most fit, and nothing is moved while they are drawn.
const USUAL_PAGE: usize = 16 * 1024;

pub(super) fn draw(template: &impl Template) -> Result<String> {
    let mut page = String::with_capacity(USUAL_PAGE);
    let drawn = template.render_into(&mut page);
    drawn.map(|()| page).map_err(|cause| Error::internal(format!("a page could not be drawn: {cause}")))
}

/// Text as part of an address or a cookie.
pub(super) fn encode(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn see(to: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(value) = HeaderValue::from_str(to) {
        response.headers_mut().insert(header::LOCATION, value);
    }
    response
}

/// On to where a page is held; the page itself where it could not be.
fn held(place: std::result::Result<String, String>) -> Response {
    match place {
        Ok(to) => see(&to),
        Err(html) => Html(html).into_response(),
    }
}

fn cookie(response: &mut Response, line: &str) {
    if let Ok(value) = HeaderValue::from_str(line) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// A browser has one session: whoever signs in anew ends the one whose cookie came along.
fn end_the_one_before(call: &Call, company: &str, token: &str) {
    let Some(before) = call.cookie(SESSION).filter(|before| *before != token) else { return };
    let ended = call.desk.appliance.company(company).and_then(|company| admit::sign_out(&company, before, &call.from));
    if let Err(error) = ended {
        tracing::warn!(%error, "the session before a new one could not be ended");
    }
}

/// The cookies of a session that has just become whole.
fn come_in(response: &mut Response, call: &Call, company: &str, token: &str, attributes: &str) {
    end_the_one_before(call, company, token);
    cookie(response, &format!("{}={token}; {attributes}", call.cookie_name(SESSION)));
    if let Some(word) = device_word(call, company, token) {
        known_from_now(response, call, &word, attributes);
    }
}

/// Makes the browser known.
fn known_from_now(response: &mut Response, call: &Call, word: &str, attributes: &str) {
    let life = admit::DEVICE_LIFE / 1000;
    cookie(response, &format!("{}={word}; {attributes}; Max-Age={life}", call.cookie_name(DEVICE)));
}

/// What makes the browser known in which somebody has just signed in, if it is not.
fn device_word(call: &Call, company: &str, token: &str) -> Option<String> {
    let company = call.desk.appliance.company(company).ok()?;
    admit::device_cookie(&company, token, &call.from).ok().flatten()
}

/// The word that the action before this page left.
pub(super) fn flash_of(call: &Call) -> Option<String> {
    let (text, _) = form_urlencoded::parse(call.cookie(FLASH)?.as_bytes()).next()?;
    Some(text.chars().take(300).collect())
}

/// The company of a request's path, as it stands there.
pub(super) fn table_company(call: &Call) -> String {
    call.uri.path().split('/').nth(1).unwrap_or_default().to_owned()
}

//! Who calls: company in the path, key or cookie → a visitor; what was sent, its names compared ignoring case; and
//! what is answered.

use super::error;
use crate::{
    base::{
        error::{Error, Result},
        ids::Space,
        paging::Page,
    },
    company::{
        Company,
        access::{
            At, Visitor,
            admit::{self, Entry},
        },
    },
    http::{
        call::Call,
        csrf::{self, SESSION},
        download::Download,
        headers,
        table::Parameters,
    },
};
use axum::{
    body::Body as HttpBody,
    http::{HeaderValue, Method, StatusCode, header},
    response::Response,
};
use serde_json::Value;
use std::cell::Cell;

/// What is answered: a status and JSON, or nothing.
pub struct Reply {
    status: StatusCode,
    content: Content,
    after: Option<i64>,
    cookie: Option<String>,
}
/// So many bytes for the answer to be written in are kept from one to the next.
const KEPT: usize = 256 * 1024;
const JSON: &str = "application/json; charset=utf-8";

enum Content {
    Json(Value),
    Written(Vec<u8>),
    Nothing,
    Text(String),
    File(Download),
}

impl Reply {
    /// Any status with a document of the wire's types.
    pub(super) fn json(status: StatusCode, document: &impl serde::Serialize) -> Result<Reply> {
        thread_local! {
            /// Where answers are written: one that grows while it is written is moved several times.
            static DESK: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
        }
        let mut desk = DESK.take();
        desk.clear();
        let written = serde_json::to_writer(&mut desk, document).map_err(|cause| Error::Internal(cause.into()));
        let body = desk.as_slice().to_owned();
        if desk.capacity() <= KEPT {
            DESK.set(desk);
        }
        written?;
        Ok(Reply { status, content: Content::Written(body), after: None, cookie: None })
    }
    /// 200 without a body: what a deletion answers (`rest-api §1`, Status).
    pub fn done() -> Result<Reply> {
        Ok(Reply { status: StatusCode::OK, content: Content::Nothing, after: None, cookie: None })
    }
    /// 200 with plain text.
    pub fn text(text: String) -> Result<Reply> {
        Ok(Reply { status: StatusCode::OK, content: Content::Text(text), after: None, cookie: None })
    }
    /// 200 with a file, made while it is sent.
    pub fn file(download: Download) -> Result<Reply> {
        Ok(Reply { status: StatusCode::OK, content: Content::File(download), after: None, cookie: None })
    }
    /// Any status with a document.
    pub fn with(status: StatusCode, value: Value) -> Reply {
        Reply { status, content: Content::Json(value), after: None, cookie: None }
    }

    /// To be asked again after so many seconds.
    pub fn after(self, seconds: i64) -> Reply {
        Reply { after: Some(seconds), ..self }
    }

    /// Sets a cookie.
    pub(super) fn cookie(self, line: String) -> Reply {
        Reply { cookie: Some(line), ..self }
    }

    /// The HTTP answer.
    pub(super) fn respond(self) -> Response {
        let (kind, body) = match self.content {
            Content::File(download) => {
                let mut response = download.respond();
                headers::protect(response.headers_mut());
                return response;
            }
            Content::Json(value) => {
                // Most answers fit; and a value made of what was already in memory can always be written down.
                let mut body = Vec::with_capacity(2048);
                let _ = serde_json::to_writer(&mut body, &value);
                (JSON, body)
            }
            Content::Written(body) => (JSON, body),
            Content::Text(text) => ("text/plain; charset=utf-8", text.into_bytes()),
            Content::Nothing => ("", Vec::new()),
        };
        let length = body.len();
        let mut response = Response::new(HttpBody::from(body));
        *response.status_mut() = self.status;
        if !kind.is_empty() {
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        if let Some(seconds) = self.after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(line) = self.cookie.and_then(|line| HeaderValue::from_str(&line).ok()) {
            response.headers_mut().append(header::SET_COOKIE, line);
        }
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        headers::protect(response.headers_mut());
        response
    }
}

/// A program's request.
pub struct Ask<'c> {
    /// The request as it came.
    pub call: &'c Call,
    slug: &'c str,
    base: String,
    company: Option<Company>,
    visitor: Option<Visitor>,
    raw: Value,
    parameters: Parameters,
}

impl<'c> Ask<'c> {
    /// From key or cookie and path to a visitor. An unknown company and a wrong key get the same answer, on open routes too.
    pub(super) fn enter(call: &'c Call, slug: &'c str, open: bool) -> std::result::Result<Ask<'c>, Reply> {
        let fault = |error: &Error| error::reply(error, call.reference());
        let company = match call.desk.appliance.enter(slug) {
            Ok(company) => Some(company),
            Err(Error::NotFound(_)) => None,
            Err(error) => return Err(fault(&error)),
        };
        let visitor = match &company {
            Some(company) => match visitor(call, company) {
                // Signing in anew and signing out stay possible.
                Err(Error::SecondFactorNeeded) if open => None,
                other => other.map_err(|error| fault(&error))?,
            },
            None => None,
        };
        if visitor.is_none() && !open {
            return Err(error::unauthenticated());
        }
        let parameters = Parameters::default();
        let base = call.base(slug);
        Ok(Ask { call, slug, base, company, visitor, raw: Value::Null, parameters })
    }
    pub(super) fn at(mut self, parameters: Parameters) -> Self {
        self.parameters = parameters;
        self
    }
    /// Reads JSON for methods that send some.
    pub(super) fn read_body(mut self) -> Result<Ask<'c>> {
        let sends = matches!(self.call.method, Method::POST | Method::PUT | Method::PATCH);
        if sends && !self.call.body.is_empty() && self.call.media_type() != "multipart/form-data" {
            let body: &[u8] = &self.call.body;
            self.raw = serde_json::from_slice(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body))
                .map_err(|cause| Error::invalid("", format!("The body is not valid JSON: {cause}.")))?;
        }
        Ok(self)
    }

    /// The same question, to be asked anew after the answer has begun.
    pub fn again(&self) -> Result<Again> {
        let slug = self.company()?.slug().to_owned();
        Ok(Again { call: self.call.clone(), slug, parameters: self.parameters.clone() })
    }

    /// Who calls.
    ///
    /// # Errors
    /// Never on a route that needs somebody; a public route may be called by nobody.
    pub fn visitor(&self) -> Result<&Visitor> {
        self.visitor.as_ref().ok_or_else(|| Error::internal("a route for somebody was called by nobody"))
    }
    /// Who calls, if somebody does.
    pub fn somebody(&self) -> Option<&Visitor> {
        self.visitor.as_ref()
    }
    /// The company that the address names, whether there is one or not.
    pub fn slug(&self) -> &str {
        self.slug
    }
    /// What stands before every address of the company: `/acme`, or nothing under a host name of its own.
    pub fn base(&self) -> &str {
        &self.base
    }
    /// The company, if there is one: open routes answer for one that is not there as for one that knows nobody.
    pub fn known_company(&self) -> Option<&Company> {
        self.company.as_ref()
    }
    /// The company.
    pub fn company(&self) -> Result<&Company> {
        self.company.as_ref().ok_or_else(|| Error::internal("a route of a company was called without one"))
    }
    /// The value of a parameter of the path.
    pub fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name)
    }
    /// The space of the path, or the default one.
    pub fn space(&self) -> Result<At<Space>> {
        let visitor = self.visitor()?;
        match self.parameter("space") {
            "" => visitor.home_space().ok_or_else(|| Error::NotFound("Spaces".into())),
            spelt => visitor.locate_space(spelt),
        }
    }
    /// What was sent, as it came; `null` for nothing.
    pub(super) fn raw(&self) -> &Value {
        &self.raw
    }
    /// A query parameter.
    pub fn asked(&self, name: &str) -> Option<&str> {
        self.call.asked(name)
    }
    /// A query parameter that is true or false; anything else is `None`.
    pub fn asked_bool(&self, name: &str) -> Option<bool> {
        self.call.asked(name).and_then(|text| text.trim().to_ascii_lowercase().parse().ok())
    }
    /// `skip` and `take`.
    pub fn page(&self) -> Page {
        self.call.page()
    }
}

/// A request that is asked again for each piece of its answer.
pub struct Again {
    call: Call,
    slug: String,
    parameters: Parameters,
}

impl Again {
    /// Admits whoever asked once more, and asks.
    ///
    /// # Errors
    /// `NotFound` when they are not admitted any more.
    pub fn with<T>(&self, work: impl FnOnce(&Ask) -> Result<T>) -> Result<T> {
        let ask = Ask::enter(&self.call, &self.slug, false).map_err(|_| Error::NotFound("visitor".into()))?;
        work(&ask.at(self.parameters.clone()))
    }
}

/// The key or token that came along, if one did.
pub(super) fn key(call: &Call) -> Option<&str> {
    let bearer = || {
        call.header("authorization").and_then(|value| value.strip_prefix("Bearer ").or(value.strip_prefix("bearer ")))
    };
    // The TypeScript client sends an empty key header when it has none: that is nobody.
    call.header("x-octopus-apikey").filter(|key| !key.is_empty()).or_else(bearer).or_else(|| call.asked("apikey"))
}

fn visitor(call: &Call, company: &Company) -> Result<Option<Visitor>> {
    let key = key(call);
    if let Some(key) = key {
        return admit::api_key(company, key.trim(), &call.from);
    }
    match call.cookie(SESSION) {
        // A browser sends its cookie by itself; that somebody meant it, the header says.
        Some(_) if !matches!(call.method, Method::GET | Method::HEAD) && !csrf::is_ours(call) => Ok(None),
        Some(token) => Ok(match admit::enter(company, token, &call.from)? {
            Entry::Admitted(visitor) => Some(*visitor),
            Entry::Pending(pending) if pending.was_whole() => return Err(Error::SecondFactorNeeded),
            _ => None,
        }),
        None => Ok(None),
    }
}

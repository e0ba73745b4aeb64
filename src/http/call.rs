//! One request, read once: who asks from where, which address, what was sent. Handlers work on this and not on axum.

use super::{Desk, csrf, table::Parameters};
use crate::{
    base::{
        error::{Error, Result},
        ids::{Id, User},
        paging::Page,
    },
    company::access::{self, admit::Site},
};
use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{ConnectInfo, FromRequest, Multipart, Request},
    http::{HeaderMap, Method, StatusCode, Uri, header},
};
use futures_util::StreamExt;
use std::{
    net::IpAddr,
    sync::{Arc, OnceLock},
};

/// The largest body of a form or of JSON, in bytes.
pub const LARGEST_BODY: usize = 2 * 1024 * 1024;

/// The cookie by which a browser is known (`company/access/admit/device.rs`).
pub const DEVICE: &str = "house_device";

/// The company's own host name under which a request came (`appliance/hosts.rs`). Its path was given the company's slug as
/// its first part; what is answered leaves it out.
#[derive(Debug, Clone)]
pub struct OwnHost {
    /// The company.
    pub slug: String,
    /// As it was sent, with its port.
    pub host: String,
}

impl OwnHost {
    /// A path that begins with the company, as it is called under this host name.
    pub fn as_seen(&self, path: &str) -> String {
        let rest = path.strip_prefix('/').and_then(|path| path.strip_prefix(self.slug.as_str()));
        match rest {
            Some("") => "/".into(),
            Some(rest) if rest.starts_with('/') => rest.to_owned(),
            Some(rest) if rest.starts_with('?') => ["/", rest].concat(),
            _ => path.to_owned(),
        }
    }
}

/// A request.
#[derive(Clone)]
pub struct Call {
    /// The appliance and what belongs to it.
    pub desk: Desk,
    /// Its method.
    pub method: Method,
    /// Its address.
    pub uri: Uri,
    /// Its headers.
    pub headers: HeaderMap,
    /// What was sent.
    pub body: Bytes,
    /// Values of the path's parameters.
    pub parameters: Parameters,
    /// Pairs of the query.
    pub query: Vec<(String, String)>,
    /// The file of a form that carried one.
    pub file: Option<Bytes>,
    /// From where.
    pub from: access::From,
    /// Under which host name, when it is a company's own.
    pub own_host: Option<OwnHost>,
    reference: OnceLock<String>,
    /// Whose session it came with, once that is known: company and person. The forms of the answer are drawn for them.
    pub visitor: OnceLock<(String, Id<User>)>,
}

impl Call {
    /// Reads a request. The answer to a body that is too large is 413.
    pub async fn read(desk: Desk, request: Request) -> std::result::Result<Call, StatusCode> {
        let peer = request.extensions().get::<ConnectInfo<Peer>>();
        let address = peer.map(|peer| desk.proxies.visitor_address(&peer.0, request.headers()));
        let own_host = request.extensions().get::<OwnHost>().cloned();
        let (parts, body) = request.into_parts();
        let (method, uri, headers) = (parts.method, parts.uri, parts.headers);
        let body = if body.is_end_stream() { Bytes::new() } else { whole(body).await? };
        let agent = headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let agent = agent.chars().take(200).collect();
        let query = pairs(uri.query().unwrap_or_default().as_bytes());
        let mut call = Call {
            desk,
            method,
            uri,
            headers,
            body,
            parameters: Parameters::default(),
            query,
            file: None,
            from: access::From { address: address.unwrap_or_default(), agent, device: String::new() },
            own_host,
            reference: OnceLock::new(),
            visitor: OnceLock::new(),
        };
        call.from.device = call.cookie(DEVICE).unwrap_or_default().chars().take(2000).collect();
        Ok(call)
    }

    /// Names this request in the log and on an error's page.
    pub fn reference(&self) -> &str {
        self.reference.get_or_init(new_reference)
    }

    /// Takes a form that carries a file apart: its fields are found as those of any form, the file in [`Call::file`].
    ///
    /// # Errors
    /// 400 for a body that cannot be taken apart.
    pub async fn take_apart(&mut self) -> std::result::Result<(), StatusCode> {
        let mut request = Request::new(Body::from(self.body.clone()));
        if let Some(kind) = self.headers.get(header::CONTENT_TYPE) {
            request.headers_mut().insert(header::CONTENT_TYPE, kind.clone());
        }
        let mut parts = Multipart::from_request(request, &()).await.map_err(|refused| refused.status())?;
        let mut fields = Vec::new();
        while let Some(part) = parts.next_field().await.map_err(|refused| refused.status())? {
            let (name, is_file) = (part.name().unwrap_or_default().to_owned(), part.file_name().is_some());
            let bytes = part.bytes().await.map_err(|refused| refused.status())?;
            if is_file {
                self.file = Some(bytes);
            } else {
                fields.push((name, String::from_utf8_lossy(&bytes).into_owned()));
            }
        }
        // From here on it is a form like any other.
        let plain = header::HeaderValue::from_static("application/x-www-form-urlencoded");
        self.headers.insert(header::CONTENT_TYPE, plain);
        self.body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish().into();
        Ok(())
    }

    /// The value of a parameter of the path; empty when the route has none of that name.
    pub fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name)
    }
    /// The value of a query parameter, ignoring the case of its name.
    pub fn asked(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
    /// All values of a query parameter: repeated, or joined by commas; empty ones left out.
    pub fn asked_all(&self, name: &str) -> Vec<String> {
        let values =
            self.query.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)).flat_map(|(_, value)| value.split(','));
        values.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()).collect()
    }
    /// `skip` and `take` of a list on the wire.
    pub fn page(&self) -> Page {
        let number = |name| self.asked(name).and_then(|text| text.trim().parse().ok());
        Page::of(number("skip"), number("take"))
    }
    /// Which page of a list on screen is asked for, from 1.
    pub fn page_number(&self) -> i64 {
        self.asked("page").and_then(|text| text.parse().ok()).unwrap_or(1).clamp(1, 1_000_000)
    }
    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
    /// What stands before every path of a company: `/acme`, and nothing under a host name of its own.
    pub fn base(&self, slug: &str) -> String {
        match &self.own_host {
            Some(own) if own.slug == slug => String::new(),
            _ => format!("/{slug}"),
        }
    }
    /// A path that begins with a company, as it is called under the host name that was asked.
    pub fn as_seen(&self, path: &str) -> String {
        self.own_host.as_ref().map_or_else(|| path.to_owned(), |own| own.as_seen(path))
    }
    /// What people call the company's place on this server, whole and without a slash at the end.
    pub fn address_of(&self, slug: &str) -> String {
        format!("{}{}", self.address(), self.base(slug))
    }
    /// What people call this server, as far as this request tells: without a slash at the end.
    pub fn address(&self) -> String {
        match &self.own_host {
            Some(own) => format!("{}://{}", if self.desk.secure() { "https" } else { "http" }, own.host),
            None => self.desk.address(&self.headers),
        }
    }
    /// How a cookie of a company is bound: to its path, or to its own host name.
    pub fn cookie_attributes(&self, slug: &str) -> String {
        let secure = if self.desk.secure() { "; Secure" } else { "" };
        let base = self.base(slug);
        format!("Path={}; HttpOnly; SameSite=Lax{secure}", if base.is_empty() { "/" } else { &base })
    }
    /// What a cookie is called on this server: over HTTPS its name begins with what browsers keep for it. A cookie that
    /// is bound to a company's path cannot be `__Host-`.
    pub fn cookie_name(&self, name: &str) -> String {
        [self.cookie_prefix(name), name].concat()
    }
    fn cookie_prefix(&self, name: &str) -> &'static str {
        match (self.desk.secure(), name == csrf::FORM || self.own_host.is_some()) {
            (false, _) => "",
            (true, false) => "__Secure-",
            (true, true) => "__Host-",
        }
    }
    /// For whom a form was drawn, as it says; empty for one that does not.
    pub fn form_mark(&self) -> String {
        self.csrf_field().split_once('.').map(|(_, mark)| mark.to_owned()).unwrap_or_default()
    }
    /// The field of a form that holds its word ([`csrf`]), in whichever way the form was sent.
    pub(super) fn csrf_field(&self) -> String {
        if self.media_type() == "multipart/form-data" {
            let text = String::from_utf8_lossy(&self.body);
            let field = format!("name=\"{}\"\r\n\r\n", csrf::FIELD);
            let word =
                text.split_once(&field).map(|(_, after)| after.split("\r\n").next().unwrap_or_default().to_owned());
            return word.unwrap_or_default();
        }
        pairs(&self.body).into_iter().find(|(key, _)| key == csrf::FIELD).map(|(_, value)| value).unwrap_or_default()
    }
    /// The value of a cookie, by its plain name.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let prefix = self.cookie_prefix(name);
        self.headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|line| line.split(';'))
            .find_map(|pair| {
                let (key, value) = pair.trim().split_once('=')?;
                (key.strip_prefix(prefix)? == name).then_some(value)
            })
    }
    /// The media type of the body.
    pub fn media_type(&self) -> &str {
        self.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim()
    }
    /// Under which address browsers see this server, where passkeys work: the configured one, else this machine itself.
    pub fn site(&self) -> Option<Site> {
        match (&self.own_host, &self.desk.public_url) {
            (Some(_), _) => Site::of(&self.address()),
            (None, Some(url)) => Site::of(url),
            (None, None) => Site::of(&format!("http://{}", self.header("host")?)),
        }
    }
    /// The fields of a form that was sent.
    ///
    /// # Errors
    /// `Err(Conflict)` never; an empty list for an empty body. The caller has checked the media type.
    pub fn form(&self) -> Form {
        let mut sent = pairs(&self.body);
        sent.retain(|(key, _)| key != csrf::FIELD);
        Form(sent)
    }
    /// Where somebody can be sent back to after signing in: a path of this company only.
    pub fn path_and_query(&self) -> String {
        self.uri.path_and_query().map_or_else(|| "/".into(), |path| self.as_seen(path.as_str()))
    }
}

/// Why a body is not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// It does not come, or hardly.
    TooSlow,
    /// There is no room for it just now.
    NoRoom,
}

impl std::fmt::Display for Unread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Unread::TooSlow => "the body comes too slowly",
            Unread::NoRoom => "there is no room for the body",
        })
    }
}

impl std::error::Error for Unread {}

impl Unread {
    /// The status that says why a body could not be read.
    fn status(cause: &(dyn std::error::Error + 'static)) -> StatusCode {
        match (cause.downcast_ref::<Unread>(), cause.source()) {
            (Some(Unread::TooSlow), _) => StatusCode::REQUEST_TIMEOUT,
            (Some(Unread::NoRoom), _) => StatusCode::TOO_MANY_REQUESTS,
            (None, Some(source)) => Unread::status(source),
            (None, None) => StatusCode::BAD_REQUEST,
        }
    }
}

/// The whole of a body. One that is too large is not read any further, nor asked for where its sender waits to be asked:
/// the listener sees to it that the answer arrives.
async fn whole(body: Body) -> std::result::Result<Bytes, StatusCode> {
    if body.size_hint().lower() > LARGEST_BODY as u64 {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let mut pieces = body.into_data_stream();
    let mut kept = Vec::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|cause| Unread::status(&cause))?;
        if kept.len() + piece.len() > LARGEST_BODY {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        kept.extend_from_slice(&piece);
    }
    Ok(kept.into())
}

fn pairs(bytes: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(bytes).map(|(key, value)| (key.into_owned(), value.into_owned())).collect()
}

/// The other end of a connection.
#[derive(Debug, Clone)]
pub struct Peer {
    ip: IpAddr,
    /// The same in writing: it is asked for with each request.
    address: Arc<str>,
}

impl From<IpAddr> for Peer {
    fn from(ip: IpAddr) -> Peer {
        let ip = ip.to_canonical();
        Peer { ip, address: ip.to_string().into() }
    }
}

impl Peer {
    /// As it was connected from.
    pub(super) fn ip(&self) -> IpAddr {
        self.ip
    }
}

impl std::fmt::Display for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.address)
    }
}

/// A name for one request.
pub fn new_reference() -> String {
    uuid::Uuid::now_v7().simple().to_string()
}

/// What was typed into a form.
#[derive(Debug, Clone, Default)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// From its fields.
    pub fn of(fields: impl Iterator<Item = (String, String)>) -> Form {
        Form(fields.collect())
    }
    /// The value of a field; empty when it was not sent.
    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
    }
    /// All values of a field that can be sent several times.
    pub fn all(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect()
    }
    /// Whether a box was ticked.
    pub fn ticked(&self, name: &str) -> bool {
        matches!(self.text(name), "true" | "on" | "1")
    }
    /// A number, or an error under the field's name.
    pub fn number(&self, name: &str, field: &str) -> Result<i64> {
        self.text(name).trim().parse().map_err(|_| Error::invalid(field, "Give a whole number."))
    }
    /// What was typed, for putting it back into the form.
    pub fn typed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

//! Who asks for a page: company in the path and cookie → a [`Visitor`]; and what a page can answer.

use super::page::{Flash, Frame, Kind, NavItem, SpaceLink};
use crate::{
    base::{
        error::{Error, Result},
        ids::Space,
    },
    company::{
        Company,
        access::{
            At, Visitor,
            admit::{self, Entry, Stage},
            permissions as p,
        },
        tasks,
    },
    http::{
        call::{Call, DEVICE, Form},
        download::Download,
        headers,
        table::Parameters,
    },
};
use askama::Template;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};

/// The session's cookie, bound to the company's path.
pub const SESSION: &str = "bulkhead_session";
const FLASH: &str = "bulkhead_flash";

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
    /// Signed in, with a page that is shown this once: sets the cookie.
    Welcome {
        /// The company whose path the cookie is bound to.
        company: String,
        /// The session's token.
        token: String,
        /// The page.
        html: String,
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
    /// Draws a page with a form that was refused.
    pub fn refused(template: &impl Template) -> Result<Answer> {
        Ok(Answer::Refused(draw(template)?))
    }
    /// On to `to`, saying what was done.
    pub fn done(to: impl Into<String>, say: impl Into<String>) -> Result<Answer> {
        Ok(Answer::Done { to: to.into(), say: say.into() })
    }

    /// The HTTP answer.
    pub(super) fn respond(self, call: &Call, secure: bool) -> Response {
        let attributes = |company: &str| {
            let secure = if secure { "; Secure" } else { "" };
            format!("Path=/{company}; HttpOnly; SameSite=Lax{secure}")
        };
        let shown = call.cookie(FLASH).is_some() && matches!(self, Answer::Page(_) | Answer::Error(..));
        let company = table_company(call);
        let mut response = match self {
            Answer::Page(html) => Html(html).into_response(),
            Answer::Refused(html) => (StatusCode::UNPROCESSABLE_ENTITY, Html(html)).into_response(),
            Answer::Error(status, html) => (status, Html(html)).into_response(),
            Answer::Later(html, seconds) => {
                let mut response = (StatusCode::TOO_MANY_REQUESTS, Html(html)).into_response();
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
                response
            }
            Answer::Go(to) => see(&to),
            Answer::File(download) => download.respond(),
            Answer::Done { to, say } => {
                let text: String = form_urlencoded::byte_serialize(say.as_bytes()).collect();
                let mut response = see(&to);
                cookie(&mut response, &format!("{FLASH}={text}; {}; Max-Age=60", attributes(&company)));
                response
            }
            Answer::SignedIn { company, token, to } => {
                let mut response = see(&to);
                come_in(&mut response, call, &company, &token, &attributes(&company));
                response
            }
            Answer::Welcome { company, token, html } => {
                let mut response = Html(html).into_response();
                come_in(&mut response, call, &company, &token, &attributes(&company));
                response
            }
            Answer::SignedOut { company } => {
                let mut response = see(&format!("/{company}/login"));
                cookie(&mut response, &format!("{SESSION}=; {}; Max-Age=0", attributes(&company)));
                response.headers_mut().insert("clear-site-data", HeaderValue::from_static("\"cache\""));
                response
            }
        };
        if shown {
            cookie(&mut response, &format!("{FLASH}=; {}; Max-Age=0", attributes(&company)));
        }
        headers::protect(response.headers_mut(), secure);
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

fn see(to: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(value) = HeaderValue::from_str(to) {
        response.headers_mut().insert(header::LOCATION, value);
    }
    response
}

fn cookie(response: &mut Response, line: &str) {
    if let Ok(value) = HeaderValue::from_str(line) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// The cookies of a session that has just become whole.
fn come_in(response: &mut Response, call: &Call, company: &str, token: &str, attributes: &str) {
    cookie(response, &format!("{SESSION}={token}; {attributes}"));
    if let Some(word) = device_word(call, company, token) {
        let life = admit::DEVICE_LIFE / 1000;
        cookie(response, &format!("{DEVICE}={word}; {attributes}; Max-Age={life}"));
    }
}

/// What makes the browser known in which somebody has just signed in, if it is not.
fn device_word(call: &Call, company: &str, token: &str) -> Option<String> {
    let company = call.desk.appliance.company(company).ok()?;
    admit::device_cookie(&company, token, &call.from).ok().flatten()
}

/// The company of a request's path, as it stands there.
fn table_company(call: &Call) -> String {
    call.uri.path().split('/').nth(1).unwrap_or_default().to_owned()
}

/// Somebody signed in asks for a page.
pub struct Visit<'c> {
    /// The request.
    pub call: &'c Call,
    /// Who asks, at which company.
    pub visitor: Visitor,
    parameters: Parameters,
}

impl<'c> Visit<'c> {
    /// From cookie and path to a visitor. Without a session: on to sign-in, alike for companies that exist or not.
    pub(super) fn enter(call: &'c Call, slug: &str) -> std::result::Result<Visit<'c>, Answer> {
        Visit::admit(call, slug, call.desk.appliance.enter(slug))
    }
    /// As [`Visit::enter`], for a stream that looks again: it counts as the one request that it is.
    pub(super) fn look_again(call: &'c Call, slug: &str) -> std::result::Result<Visit<'c>, Answer> {
        Visit::admit(call, slug, call.desk.appliance.look_in(slug))
    }
    fn admit(call: &'c Call, slug: &str, company: Result<Company>) -> std::result::Result<Visit<'c>, Answer> {
        let to_sign_in = || {
            let next: String = form_urlencoded::byte_serialize(call.path_and_query().as_bytes()).collect();
            let clean: String = slug.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
            Answer::Go(if clean.is_empty() { "/login".into() } else { format!("/{clean}/login?next={next}") })
        };
        let fault = |error: &Error| super::error::bare(error, call.reference());
        let company = match company {
            Ok(company) => company,
            Err(Error::NotFound(_)) => return Err(to_sign_in()),
            Err(error) => return Err(fault(&error)),
        };
        let Some(token) = call.cookie(SESSION) else { return Err(to_sign_in()) };
        match admit::enter(&company, token, &call.from) {
            Ok(Entry::Admitted(visitor)) => Ok(Visit { call, visitor: *visitor, parameters: Parameters::default() }),
            Ok(Entry::Pending(pending)) => {
                Err(Answer::Go(format!("/{slug}/{}", if pending.stage == Stage::Enrol { "enrol" } else { "code" })))
            }
            Ok(Entry::Nobody) => Err(to_sign_in()),
            Err(error) => Err(fault(&error)),
        }
    }
    /// The same request after a proof was given: the session read anew.
    pub(super) fn again(self) -> std::result::Result<Visit<'c>, Answer> {
        let slug = self.company().slug().to_owned();
        Ok(Visit::enter(self.call, &slug)?.at(self.parameters))
    }
    pub(super) fn at(mut self, parameters: Parameters) -> Self {
        self.parameters = parameters;
        self
    }

    /// The value of a parameter of the path.
    pub fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name)
    }
    /// The company.
    pub fn company(&self) -> &Company {
        self.visitor.company()
    }
    /// What was sent.
    pub fn form(&self) -> Form {
        self.call.form()
    }
    /// Whether what was sent is a form's fields, and not files.
    pub fn is_form(&self) -> bool {
        self.call.body.is_empty() || self.call.media_type().eq_ignore_ascii_case("application/x-www-form-urlencoded")
    }
    /// The space of the path.
    pub fn space(&self) -> Result<At<Space>> {
        self.visitor.locate_space(self.parameter("space"))
    }
    /// `/{company}` and the rest of a path.
    pub fn path(&self, rest: &str) -> String {
        format!("/{}{rest}", self.company().slug())
    }
    /// `/{company}/{space}` and the rest of a path.
    pub fn space_path(&self, rest: &str) -> String {
        format!("/{}/{}{rest}", self.company().slug(), self.parameter("space"))
    }
    /// The word that the action before this page left.
    fn flash(&self) -> Option<Flash> {
        let text = self.call.cookie(FLASH)?;
        let (text, _) = form_urlencoded::parse(text.as_bytes()).next()?;
        Some(Flash { kind: Kind::Success, text: text.chars().take(300).collect() })
    }

    /// How many tasks are under way, of those this person may see.
    fn running(&self, space: &At<Space>) -> u64 {
        if !self.visitor.may_somewhere::<p::TaskView>(space) {
            return 0;
        }
        let counted = self.visitor.ask(p::List::<p::TaskView>::of(space)).and_then(|granted| tasks::running(&granted));
        counted.unwrap_or_default().unsigned_abs()
    }

    /// What stands around a page; `current` is the entry of the left column, as in `NavItem::all`.
    pub fn frame(&self, current: &str, title: impl Into<String>) -> Frame {
        let visitor = &self.visitor;
        let asked = self.parameter("space");
        let located = if asked.is_empty() { visitor.home_space() } else { visitor.locate_space(asked).ok() };
        let spaces = visitor.spaces().unwrap_or_default();
        let present = located.as_ref().and_then(|at| spaces.iter().find(|row| row.id == at.id()));
        let (name, slug) = present.map(|row| (row.name.clone(), row.slug.clone())).unwrap_or_default();
        let mut nav = NavItem::all(self.company().slug(), &slug, current);
        nav.retain(|item| match (item.key, &located) {
            ("trail", at) => {
                visitor.may(p::List::<p::EventView>::system())
                    || at.as_ref().is_some_and(|at| visitor.may_somewhere::<p::EventView>(at))
            }
            ("access", at) => {
                visitor.may(p::UserView {})
                    || visitor.may(p::List::<p::TeamView>::system())
                    || at.as_ref().is_some_and(|at| visitor.may_somewhere::<p::TeamView>(at))
            }
            ("settings", _) => visitor.may(p::SpaceView {}) || visitor.may(p::ConfigureServer {}),
            ("tasks", at) => {
                visitor.may(p::List::<p::TaskView>::system())
                    || at.as_ref().is_some_and(|at| visitor.may_somewhere::<p::TaskView>(at))
            }
            (_, None) => false,
            ("dashboard", Some(_)) => true,
            ("projects", Some(at)) => visitor.may_somewhere::<p::ProjectView>(at),
            ("tenants", Some(at)) => visitor.may_somewhere::<p::TenantView>(at),
            ("infrastructure", Some(at)) => {
                visitor.may_somewhere::<p::EnvironmentView>(at) || visitor.may_somewhere::<p::MachineView>(at)
            }
            ("library", Some(at)) => visitor.may_somewhere::<p::LifecycleView>(at),
            _ => true,
        });
        let mut frame = Frame::new(self.company().name(), self.company().slug(), visitor.name())
            .space(name, slug)
            .spaces(spaces.into_iter().map(|row| SpaceLink { name: row.name, slug: row.slug }).collect())
            .nav(nav)
            .title(title);
        frame.running = located.as_ref().map_or(0, |at| self.running(at));
        frame.flash = self.flash();
        frame
    }
}

/// `/{company}` → the dashboard of the visitor's space.
pub(super) fn home(visit: &Visit) -> Result<Answer> {
    let spaces = visit.visitor.spaces()?;
    let first = spaces.iter().find(|space| space.is_default).or(spaces.first());
    match first {
        Some(space) => Ok(Answer::Go(visit.path(&format!("/{}", space.slug)))),
        None => Ok(Answer::Go(visit.path("/me"))),
    }
}

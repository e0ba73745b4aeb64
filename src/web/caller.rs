//! Who asks for a page: company in the path and cookie → a [`Visitor`]; and what a page can answer.

use super::{
    again,
    once::{self, Once},
    page::{Flash, Frame, Kind, Nav, NavItem, SpaceLink},
};
use crate::{
    base::{
        clock::Moment,
        error::{Error, Result},
        ids::Space,
        secret,
    },
    company::{
        Company,
        access::{
            At, SpaceRow, Visitor,
            admit::{self, Entry, Stage},
            permissions as p,
        },
        tasks,
    },
    http::{
        call::{Call, DEVICE, Form},
        csrf,
        download::Download,
        headers,
        table::Parameters,
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
pub(super) fn end_the_one_before(call: &Call, company: &str, token: &str) {
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
        let to_sign_in = |company: Option<&Company>| {
            let next = encode(&again::next(call, company, slug));
            let clean: String = slug.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
            Answer::Go(if clean.is_empty() {
                "/login".into()
            } else {
                format!("{}/login?next={next}", call.base(&clean))
            })
        };
        let fault = |error: &Error| super::error::bare(error, call.reference());
        let company = match company {
            Ok(company) => company,
            Err(Error::NotFound(_)) => return Err(to_sign_in(None)),
            Err(error) => return Err(fault(&error)),
        };
        let Some(token) = call.cookie(SESSION) else { return Err(to_sign_in(Some(&company))) };
        match admit::enter(&company, token, &call.from) {
            Ok(Entry::Admitted(visitor)) => {
                if let Some(user) = visitor.user() {
                    call.visitor.get_or_init(|| (slug.to_owned(), user));
                }
                Ok(Visit { call, visitor: *visitor, parameters: Parameters::default() })
            }
            Ok(Entry::Pending(pending)) => {
                let step = if pending.stage == Stage::Enrol { "enrol" } else { "code" };
                let next = encode(&again::next(call, Some(&company), slug));
                Err(Answer::Go(format!("{}/{step}?next={next}", call.base(slug))))
            }
            Ok(Entry::Nobody) => Err(to_sign_in(Some(&company))),
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
    /// A moment by the company's clocks.
    pub fn clock(&self, at: Moment) -> String {
        at.in_zone(&self.company().rules().time_zone)
    }
    /// What stands before the company's paths: `/{company}`, or nothing under a host name of its own.
    pub fn base(&self) -> String {
        self.call.base(self.company().slug())
    }
    /// `/{company}` and the rest of a path.
    pub fn path(&self, rest: &str) -> String {
        let path = [&*self.base(), rest].concat();
        if path.is_empty() { "/".into() } else { path }
    }
    /// `/{company}/{space}` and the rest of a path.
    pub fn space_path(&self, rest: &str) -> String {
        [&*self.base(), "/", self.parameter("space"), rest].concat()
    }
    /// The word that the action before this page left.
    pub(super) fn flash(&self) -> Option<Flash> {
        let done = flash_of(self.call).map(|text| Flash { kind: Kind::Success, text });
        done.or_else(|| once::was_shown(self.call))
    }

    /// What stands above every page while the company's rule still gives time to set up a second factor.
    pub(super) fn grace(&self) -> Option<String> {
        let until = self.visitor.grace_ends()?;
        Some(format!("Set up a second factor before {}: from then on you cannot go on without one.", self.clock(until)))
    }

    /// How many tasks are under way in the company, of those this person may see: the same above every page, and as many
    /// as the list has that it leads to (findings C4).
    fn running(&self) -> u64 {
        let counted = self.visitor.ask_anywhere::<p::TaskView>(None).and_then(|granted| tasks::running(&granted));
        counted.unwrap_or_default().unsigned_abs()
    }

    /// Where this person can go by the left column.
    pub fn destinations(&self) -> Vec<NavItem> {
        if !self.visitor.customer_of().is_empty() {
            return Vec::new();
        }
        let (located, spaces) = self.surroundings();
        let slug = located.as_ref().and_then(|at| spaces.iter().find(|row| row.id == at.id())).map(|row| &*row.slug);
        self.destinations_in(located.as_ref(), slug.unwrap_or_default(), "")
    }

    /// The space a page stands in, or else the person's own, and all spaces this person may see. The operator's own
    /// compartment deploys nothing by itself: of its space there is nothing to show.
    fn surroundings(&self) -> (Option<At<Space>>, Vec<SpaceRow>) {
        if self.company().is_operators() {
            return (None, Vec::new());
        }
        let (visitor, asked) = (&self.visitor, self.parameter("space"));
        let located = if asked.is_empty() { visitor.home_space() } else { visitor.locate_space(asked).ok() };
        (located, visitor.spaces().unwrap_or_default())
    }

    fn destinations_in(&self, located: Option<&At<Space>>, slug: &str, current: &str) -> Vec<NavItem> {
        let visitor = &self.visitor;
        let deploys = !self.company().is_operators();
        let mut nav = NavItem::all(&self.base(), slug, current);
        nav.retain(|item| match (item.key, located) {
            ("trail", at) => {
                visitor.may(p::List::<p::EventView>::system())
                    || at.is_some_and(|at| visitor.may_somewhere::<p::EventView>(at))
            }
            ("access", at) => {
                visitor.may(p::UserView {})
                    || visitor.may(p::List::<p::TeamView>::system())
                    || at.is_some_and(|at| visitor.may_somewhere::<p::TeamView>(at))
            }
            ("dashboard" | "projects" | "tenants" | "tasks" | "infrastructure" | "library", _) if !deploys => false,
            ("settings", _) => visitor.may(p::SpaceView {}) || visitor.may(p::ConfigureServer {}),
            ("tasks", at) => {
                visitor.may(p::List::<p::TaskView>::system())
                    || at.is_some_and(|at| visitor.may_somewhere::<p::TaskView>(at))
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
        for item in &mut nav {
            if let Some(first) = self.first_page(item.key, located) {
                item.href = first;
            }
        }
        if !deploys && visitor.may(p::CompanyView {}) {
            nav.insert(0, NavItem::companies(&self.base(), current));
        }
        nav
    }

    /// Where an entry of the left column leads that stands for several pages: to the first that the visitor may see.
    fn first_page(&self, key: &str, located: Option<&At<Space>>) -> Option<String> {
        let visitor = &self.visitor;
        match (key, located) {
            ("access", _) if !visitor.may(p::UserView {}) => Some(self.path("/access/teams")),
            ("infrastructure", Some(at)) if !visitor.may_somewhere::<p::EnvironmentView>(at) => {
                Some(self.path(&["/", &self.slug_of(at), "/infrastructure/targets"].concat()))
            }
            _ => None,
        }
    }

    fn slug_of(&self, at: &At<Space>) -> String {
        let spaces = self.visitor.spaces().unwrap_or_default();
        spaces.into_iter().find(|row| row.id == at.id()).map(|row| row.slug).unwrap_or_default()
    }

    /// What stands around a page; `current` is the entry of the left column, as in `NavItem::all`.
    pub fn frame(&self, current: &str, title: impl Into<String>) -> Frame {
        let visitor = &self.visitor;
        if !visitor.customer_of().is_empty() {
            return super::portal::frame(self, title, None);
        }
        let (located, spaces) = self.surroundings();
        let present = located.as_ref().and_then(|at| spaces.iter().find(|row| row.id == at.id()));
        let (name, slug) = present.map(|row| (row.name.clone(), row.slug.clone())).unwrap_or_default();
        let nav = visitor.text_of_rights(&[&*self.base(), " ", &slug, "/", current].concat(), || {
            Nav::draw(&self.destinations_in(located.as_ref(), &slug, current))
        });
        let mut frame = Frame::new(super::brand::name(self.company()), self.base(), visitor.name())
            .space(name, slug)
            .spaces(spaces.into_iter().map(|row| SpaceLink { name: row.name, slug: row.slug }).collect())
            .nav(Nav::drawn(nav))
            .title(title);
        frame.running = (!self.company().is_operators()).then(|| self.running());
        let used: Vec<String> =
            visitor.emergencies().map(|one| format!("{} until {}", one.name, self.clock(one.until))).collect();
        frame.emergency = (!used.is_empty()).then(|| format!("Emergency: you use {}.", used.join(", ")));
        frame.grace = self.grace();
        frame.flash = self.flash();
        super::brand::on_frame(&mut frame, self.call, self.company());
        frame
    }
}

/// `/{company}` → the dashboard of the visitor's space.
pub(super) fn home(visit: &Visit) -> Result<Answer> {
    if visit.company().is_operators() && visit.visitor.may(p::CompanyView {}) {
        return Ok(Answer::Go(visit.path("/companies")));
    }
    let spaces = visit.visitor.spaces()?;
    let first = spaces.iter().find(|space| space.is_default).or(spaces.first());
    match first {
        Some(space) => Ok(Answer::Go(visit.path(&format!("/{}", space.slug)))),
        None => Ok(Answer::Go(visit.path("/me"))),
    }
}

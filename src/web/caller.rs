//! Who asks for a page: company in the path and cookie → a [`Visitor`].

use super::{
    again, once,
    page::{Flash, Frame, Kind, Nav, NavItem, SpaceLink},
};
use crate::{
    base::{
        clock::Moment,
        error::{Error, Result},
        ids::Space,
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
        call::{Call, Form},
        table::Parameters,
    },
};

pub use super::answer::{Answer, SESSION};
pub(super) use super::answer::{draw, encode, flash_of, table_company};

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

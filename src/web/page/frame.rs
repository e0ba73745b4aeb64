//! What surrounds a page: window title, top bar, left column, the way back, tabs and what was just done. [`Frame`] for
//! pages of a company, [`Bare`] for those outside.

use super::{Kind, Message, Nav, PortalFrame, static_prefix, thousands};
use askama::{Template, filters::HtmlSafe};

/// All that surrounds a page's own content. Made once per request, then narrowed by the page:
/// `frame.title("Production").crumb("Environments", href)`.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    pub company_name: String,
    base: String,
    pub space_name: String,
    /// Empty on pages that belong to the company and not to one space.
    pub space_slug: String,
    pub spaces: Vec<SpaceLink>,
    pub person: String,
    pub nav: Nav,
    /// How many tasks are running now, of those this person may see. `None` where there are no tasks at all.
    pub running: Option<u64>,
    /// How many tasks wait for this person.
    pub waiting: u64,
    pub crumbs: Vec<Crumb>,
    pub tabs: Vec<Tab>,
    pub flash: Option<Flash>,
    pub title: String,
    /// The text in the search box: set on the search page only.
    pub search: String,
    /// Address of the company's own colours, when it chose any.
    pub colours_href: Option<String>,
    /// Address of the company's own logo, when it has one.
    pub logo_href: Option<String>,
    /// A line above everything that concerns everyone, e.g. "This is sample data".
    pub notice: Option<String>,
    /// The visitor uses a team for emergencies: said above every page.
    pub emergency: Option<String>,
    /// A second factor is demanded of the visitor, who has time until a day to set one up.
    pub grace: Option<String>,
    /// Ask the browser to load the page again after so many seconds when scripts are off.
    pub refresh_seconds: Option<u32>,
    /// A further script of `static/` this page needs, e.g. `log.js`.
    pub script: Option<&'static str>,
    pub portal: Option<PortalFrame>,
    /// By whose clocks times are told beside the reader's own.
    pub zone: String,
}

/// A space in the switcher.
#[derive(Clone, Debug)]
pub struct SpaceLink {
    pub name: String,
    pub slug: String,
}

/// A step of the way back. The page itself is not in the list: it is the title.
#[derive(Clone, Debug)]
pub struct Crumb {
    pub label: String,
    pub href: String,
}

/// One face of a thing that has several.
#[derive(Clone, Debug)]
pub struct Tab {
    pub label: String,
    pub href: String,
    pub current: bool,
    /// Shown small beside the label: "12".
    pub count: Option<String>,
}

/// What the last action did, shown once on top of the next page.
#[derive(Clone, Debug)]
pub struct Flash {
    pub kind: Kind,
    pub text: String,
}

impl Frame {
    /// `base` stands before every path of the company: `/acme`, or nothing under a host name of its own.
    pub fn new(company_name: impl Into<String>, base: impl Into<String>, person: impl Into<String>) -> Self {
        Frame { company_name: company_name.into(), base: base.into(), person: person.into(), ..Frame::default() }
    }
    /// The page's heading and the window's title.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }
    /// Adds a step of the way back, outermost first.
    pub fn crumb(mut self, label: impl Into<String>, href: impl Into<String>) -> Self {
        self.crumbs.push(Crumb { label: label.into(), href: href.into() });
        self
    }
    pub fn space(mut self, name: impl Into<String>, slug: impl Into<String>) -> Self {
        self.space_name = name.into();
        self.space_slug = slug.into();
        self
    }
    pub fn spaces(mut self, spaces: Vec<SpaceLink>) -> Self {
        self.spaces = spaces;
        self
    }
    pub fn nav(mut self, nav: Nav) -> Self {
        self.nav = nav;
        self
    }
    pub fn tab(mut self, label: impl Into<String>, href: impl Into<String>, current: bool) -> Self {
        self.tabs.push(Tab { label: label.into(), href: href.into(), current, count: None });
        self
    }
    /// A tab with a number beside its label.
    pub fn tab_count(mut self, label: impl Into<String>, href: impl Into<String>, current: bool, count: usize) -> Self {
        self.tabs.push(Tab { label: label.into(), href: href.into(), current, count: Some(thousands(count as u64)) });
        self
    }
    pub fn flash(mut self, kind: Kind, text: impl Into<String>) -> Self {
        self.flash = Some(Flash { kind, text: text.into() });
        self
    }
    /// For pages of something under way: loads again by itself where scripts are off.
    pub fn refresh(mut self, seconds: u32) -> Self {
        self.refresh_seconds = Some(seconds);
        self
    }
    pub fn script(mut self, file: &'static str) -> Self {
        self.script = Some(file);
        self
    }

    /// `/static/<checksum>`
    pub fn static_prefix(&self) -> &'static str {
        static_prefix()
    }
    /// `/acme`
    pub fn base(&self) -> &str {
        &self.base
    }
    /// `/acme/default`
    pub fn space_base(&self) -> String {
        format!("{}/{}", self.base, self.space_slug)
    }
    /// Where the sign-out button posts to.
    pub fn sign_out_href(&self) -> String {
        format!("{}/sign-out", self.base)
    }
    /// "AL" for Ada Lovelace.
    pub fn initials(&self) -> String {
        initials(&self.person)
    }

    pub fn head(&self) -> FrameHead<'_> {
        FrameHead { frame: self }
    }
    pub fn top(&self) -> FrameTop<'_> {
        FrameTop { frame: self }
    }
    pub fn way(&self) -> FrameWay<'_> {
        FrameWay { crumbs: &self.crumbs }
    }
    pub fn tab_list(&self) -> FrameTabs<'_> {
        FrameTabs { tabs: &self.tabs }
    }
    pub fn flash_message(&self) -> Option<Message> {
        self.flash.as_ref().map(|f| Message { kind: f.kind, text: f.text.clone(), link: None })
    }
}

/// Inside `<head>`.
#[derive(Template)]
#[template(path = "_parts/frame_head.html")]
pub struct FrameHead<'a> {
    pub frame: &'a Frame,
}
impl HtmlSafe for FrameHead<'_> {}

/// Top bar and left column.
#[derive(Template)]
#[template(path = "_parts/frame_top.html")]
pub struct FrameTop<'a> {
    pub frame: &'a Frame,
}
impl HtmlSafe for FrameTop<'_> {}

/// Breadcrumb.
#[derive(Template)]
#[template(path = "_parts/frame_way.html")]
pub struct FrameWay<'a> {
    pub crumbs: &'a [Crumb],
}
impl HtmlSafe for FrameWay<'_> {}

/// Tabs.
#[derive(Template)]
#[template(path = "_parts/frame_tabs.html")]
pub struct FrameTabs<'a> {
    pub tabs: &'a [Tab],
}
impl HtmlSafe for FrameTabs<'_> {}

/// What surrounds a page outside a company's pages: sign-in, set-up, an error before anyone is known.
#[derive(Clone, Debug, Default)]
pub struct Bare {
    pub title: String,
    /// Whose sign-in this is; empty on the appliance's own pages.
    pub company_name: String,
    pub flash: Option<Flash>,
    pub colours_href: Option<String>,
    pub logo_href: Option<String>,
    pub quiet: bool,
    /// At a company's address, without its name.
    pub neutral: bool,
    /// The company wants to have told what it is made with.
    pub names_product: bool,
}

impl Bare {
    pub fn new(title: impl Into<String>) -> Self {
        Bare { title: title.into(), ..Bare::default() }
    }
    pub fn company(mut self, name: impl Into<String>) -> Self {
        self.company_name = name.into();
        self
    }
    pub fn flash(mut self, kind: Kind, text: impl Into<String>) -> Self {
        self.flash = Some(Flash { kind, text: text.into() });
        self
    }
    pub fn static_prefix(&self) -> &'static str {
        static_prefix()
    }
    pub fn flash_message(&self) -> Option<Message> {
        self.flash.as_ref().map(|f| Message { kind: f.kind, text: f.text.clone(), link: None })
    }
}

fn initials(name: &str) -> String {
    let mut words = name.split_whitespace().filter_map(|word| word.chars().next());
    words.next().into_iter().chain(words.next_back()).flat_map(char::to_uppercase).collect()
}

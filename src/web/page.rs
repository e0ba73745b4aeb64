//! The frame every page stands in, and the small views its parts are drawn from.
//!
//! A page is an askama struct with a field `frame: Frame` and a template that extends `_frame.html`
//! (or `frame: Bare` and `_bare.html` for pages outside a company). What it shows is made of the
//! views below. Those that are templates of their own (`FieldView`, `FormView`, `Chip`, `Pager`, …)
//! are drawn by writing `{{ it }}`; their markup lives once, in `templates/_parts/`.
//! This file knows nothing of the rest of the program: plain words in, markup out.
//! `templates/README.md` shows how the three kinds of page are written.

use askama::Template;
use askama::filters::HtmlSafe;

mod address;
mod form;
mod list;
mod log;
mod portal;

pub use address::{Icon, icon, static_prefix, under, use_static_prefix};
pub use form::{Choice, ConfirmDelete, FieldView, FormSummary, FormView, Look, ScopePicker};
pub use list::{Cell, DiffLine, FilterBar, Kv, KvRow, Moment, PageLink, Pager, Timeline};
pub use log::{LogLine, LogStep, LogView, Qr};
pub use portal::PortalFrame;

// ------------------------------------------------------------------ the frame

/// All that surrounds a page's own content. Made once per request, then narrowed by the page:
/// `frame.title("Production").crumb("Environments", href)`.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    pub company_name: String,
    pub company_slug: String,
    base: String,
    pub space_name: String,
    /// Empty on pages that belong to the company and not to one space.
    pub space_slug: String,
    pub spaces: Vec<SpaceLink>,
    pub person: String,
    pub nav: Vec<NavItem>,
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
    /// Ask the browser to load the page again after so many seconds when scripts are off.
    pub refresh_seconds: Option<u32>,
    /// A further script of `static/` this page needs, e.g. `log.js`.
    pub script: Option<&'static str>,
    pub portal: Option<PortalFrame>,
}

/// A space in the switcher.
#[derive(Clone, Debug)]
pub struct SpaceLink {
    pub name: String,
    pub slug: String,
}

/// One entry of the left column. Leave an entry out when the person may not go there.
#[derive(Clone, Debug)]
pub struct NavItem {
    pub key: &'static str,
    pub label: &'static str,
    pub href: String,
    pub icon: &'static str,
    pub current: bool,
}

impl NavItem {
    /// The whole left column, in order, with `current` marked by its key:
    /// dashboard projects tenants tasks infrastructure library access trail settings.
    /// Drop what the person may not see with `retain(|item| …)`.
    pub fn all(company: &str, space: &str, current: &str) -> Vec<NavItem> {
        let c = |rest: &str| ["/", company, rest].concat();
        let s = |rest: &str| ["/", company, "/", space, rest].concat();
        let entries: [(&'static str, &'static str, String, &'static str); 9] = [
            ("dashboard", "Dashboard", s(""), "dashboard"),
            ("projects", "Projects", s("/projects"), "projects"),
            ("tenants", "Tenants", s("/tenants"), "tenants"),
            ("tasks", "Tasks", c("/tasks"), "tasks"),
            ("infrastructure", "Infrastructure", s("/infrastructure/environments"), "infrastructure"),
            ("library", "Library", s("/library/lifecycles"), "library"),
            ("access", "People and access", c("/access/people"), "people"),
            ("trail", "Trail", c("/trail"), "trail"),
            ("settings", "Settings", c("/settings"), "settings"),
        ];
        entries
            .into_iter()
            .map(|(key, label, href, icon)| NavItem { key, label, href, icon, current: key == current })
            .collect()
    }
}

impl NavItem {
    /// The companies of the appliance, in the operator's own compartment only.
    pub fn companies(company: &str, current: &str) -> NavItem {
        NavItem {
            key: "companies",
            label: "Companies",
            href: format!("/{company}/companies"),
            icon: "layers",
            current: current == "companies",
        }
    }
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

/// The kind of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Info,
    Success,
    Warning,
    Danger,
}

impl Kind {
    pub fn key(&self) -> &'static str {
        match self {
            Kind::Info => "info",
            Kind::Success => "success",
            Kind::Warning => "warning",
            Kind::Danger => "danger",
        }
    }
}

impl Frame {
    pub fn new(company_name: impl Into<String>, company_slug: impl Into<String>, person: impl Into<String>) -> Self {
        let company_slug = company_slug.into();
        Frame {
            company_name: company_name.into(),
            base: format!("/{company_slug}"),
            company_slug,
            person: person.into(),
            ..Frame::default()
        }
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
    pub fn nav(mut self, nav: Vec<NavItem>) -> Self {
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
        format!("/{}/{}", self.company_slug, self.space_slug)
    }
    /// Where the sign-out button posts to.
    pub fn sign_out_href(&self) -> String {
        format!("/{}/sign-out", self.company_slug)
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
    pub company_slug: String,
    pub flash: Option<Flash>,
    pub colours_href: Option<String>,
    pub logo_href: Option<String>,
    pub quiet: bool,
}

impl Bare {
    pub fn new(title: impl Into<String>) -> Self {
        Bare { title: title.into(), ..Bare::default() }
    }
    pub fn company(mut self, name: impl Into<String>, slug: impl Into<String>) -> Self {
        self.company_name = name.into();
        self.company_slug = slug.into();
        self
    }
    pub fn flash(mut self, kind: Kind, text: impl Into<String>) -> Self {
        self.flash = Some(Flash { kind, text: text.into() });
        self
    }
    pub fn static_prefix(&self) -> &'static str {
        static_prefix()
    }
    pub fn base(&self) -> String {
        format!("/{}", self.company_slug)
    }
    pub fn flash_message(&self) -> Option<Message> {
        self.flash.as_ref().map(|f| Message { kind: f.kind, text: f.text.clone(), link: None })
    }
}

// ------------------------------------------------------------------ words, times, states

/// A moment as people say it, with the exact one in the title. The caller words both:
/// this file does not read the clock.
#[derive(Clone, Debug, Default, Template)]
#[template(
    source = r#"<time{% if !exact.is_empty() %} title="{{ exact }}"{% endif %}>{{ relative }}</time>"#,
    ext = "html"
)]
pub struct When {
    /// "4 min ago"
    pub relative: String,
    /// "22 Nov 2026, 11:02:03 UTC"
    pub exact: String,
}
impl HtmlSafe for When {}

impl When {
    pub fn new(relative: impl Into<String>, exact: impl Into<String>) -> Self {
        When { relative: relative.into(), exact: exact.into() }
    }
}

/// A state: icon + word + colour, never colour alone.
#[derive(Clone, Debug, Template)]
#[template(path = "_parts/chip.html")]
pub struct Chip {
    /// One of: success running queued waiting warning failed cancelled unknown info.
    pub state: &'static str,
    pub word: String,
    pub icon: &'static str,
    /// Said on hover: the reason, the person, the exact moment.
    pub title: String,
    /// Shown after the chip: "· 4 min ago".
    pub at: Option<When>,
}
impl HtmlSafe for Chip {}

impl Chip {
    /// A chip of one of the nine looks, with a word of your own.
    pub fn new(state: &str, word: impl Into<String>) -> Self {
        let (state, icon) = match state {
            "success" => ("success", "check"),
            "running" => ("running", "circle-dashed"),
            "queued" => ("queued", "clock"),
            "waiting" => ("waiting", "hand"),
            "warning" => ("warning", "triangle-alert"),
            "failed" => ("failed", "x"),
            "cancelled" => ("cancelled", "ban"),
            "info" => ("info", "info"),
            _ => ("unknown", "circle-help"),
        };
        Chip { state, word: word.into(), icon, title: String::new(), at: None }
    }
    /// From a task's state in the wire's words: Queued, Executing, Success, Failed, Canceled,
    /// Cancelling, TimedOut; and ours: Waiting (for a person), SuccessWithWarnings, Unknown.
    pub fn for_task_state(state: &str) -> Self {
        match state {
            "Success" => Chip::new("success", "Success"),
            "SuccessWithWarnings" | "SuccessWithWarning" => Chip::new("warning", "Success, with warnings"),
            "Executing" | "Running" => Chip::new("running", "Running"),
            "Queued" => Chip::new("queued", "Queued"),
            "Waiting" | "Paused" => Chip::new("waiting", "Waiting for a person"),
            "Failed" => Chip::new("failed", "Failed"),
            "TimedOut" => Chip::new("failed", "Timed out"),
            "Cancelling" => Chip::new("cancelled", "Cancelling"),
            "Canceled" | "Cancelled" => Chip::new("cancelled", "Cancelled"),
            "Skipped" => Chip::new("cancelled", "Skipped"),
            "Pending" => Chip::new("queued", "Not started"),
            _ => Chip::new("unknown", "Not known"),
        }
    }
    /// From a target's health in the wire's words.
    pub fn for_health(status: &str) -> Self {
        match status {
            "Healthy" => Chip::new("success", "Healthy"),
            "HasWarnings" | "HealthyWithWarnings" => Chip::new("warning", "Healthy, with warnings"),
            "Unhealthy" => Chip::new("failed", "Unhealthy"),
            "Unavailable" => Chip::new("failed", "Unavailable"),
            "Disabled" => Chip::new("cancelled", "Disabled"),
            _ => Chip::new("unknown", "Not checked yet"),
        }
    }
    pub fn word(mut self, word: impl Into<String>) -> Self {
        self.word = word.into();
        self
    }
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }
    pub fn at(mut self, when: When) -> Self {
        self.at = Some(when);
        self
    }
}

/// `ui::state_chip` in templates.
pub fn chip_of_words(state: &str, word: &str, title: &str) -> Chip {
    Chip::new(state, word).title(title)
}

/// A message that stays where it is about.
#[derive(Clone, Debug, Template)]
#[template(path = "_parts/message.html")]
pub struct Message {
    pub kind: Kind,
    pub text: String,
    /// (label, address) of the way out.
    pub link: Option<(String, String)>,
}
impl HtmlSafe for Message {}

impl Message {
    pub fn new(kind: Kind, text: impl Into<String>) -> Self {
        Message { kind, text: text.into(), link: None }
    }
    pub fn link(mut self, label: impl Into<String>, href: impl Into<String>) -> Self {
        self.link = Some((label.into(), href.into()));
        self
    }
    fn icon(&self) -> Icon<'static> {
        message_icon(self.kind.key())
    }
}

/// The drawing in front of a message of this kind.
pub fn message_icon(kind: &str) -> Icon<'static> {
    Icon(match kind {
        "success" => "check",
        "warning" => "triangle-alert",
        "danger" => "circle-x",
        _ => "info",
    })
}

/// What an empty list says: what it is for, and the one button that starts it.
#[derive(Clone, Debug, Template)]
#[template(path = "_parts/empty.html")]
pub struct Empty {
    pub icon: &'static str,
    pub title: String,
    pub text: String,
    /// (label, address); none when the person may not start it.
    pub action: Option<(String, String)>,
    /// Said instead of the button: "Only people with … can add one: Ada, Ben."
    pub refusal: String,
}
impl HtmlSafe for Empty {}

impl Empty {
    pub fn new(icon: &'static str, title: impl Into<String>, text: impl Into<String>) -> Self {
        Empty { icon, title: title.into(), text: text.into(), action: None, refusal: String::new() }
    }
    pub fn action(mut self, label: impl Into<String>, href: impl Into<String>) -> Self {
        self.action = Some((label.into(), href.into()));
        self
    }
    pub fn refusal(mut self, text: impl Into<String>) -> Self {
        self.refusal = text.into();
        self
    }
}

/// What an error page says: drawn by `errors/error.html` (field `error`, with a `Frame`)
/// and `errors/bare.html` (with a `Bare`). The title is the frame's.
#[derive(Clone, Debug, Default)]
pub struct ErrorText {
    /// What happened and what to do, in a sentence or two.
    pub text: String,
    /// What is missing, who has it.
    pub facts: Vec<String>,
    /// (label, address): the ways out, the best one first.
    pub ways: Vec<(String, String)>,
    /// The number under which the server's log holds the causes; empty for what is nobody's fault.
    pub reference: String,
}

impl ErrorText {
    pub fn new(text: impl Into<String>) -> Self {
        ErrorText { text: text.into(), ..ErrorText::default() }
    }
    pub fn fact(mut self, sentence: impl Into<String>) -> Self {
        self.facts.push(sentence.into());
        self
    }
    pub fn way(mut self, label: impl Into<String>, href: impl Into<String>) -> Self {
        self.ways.push((label.into(), href.into()));
        self
    }
    pub fn reference(mut self, reference: impl Into<String>) -> Self {
        self.reference = reference.into();
        self
    }
}

// ------------------------------------------------------------------ words

/// 1,204
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut words = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            words.push(',');
        }
        words.push(digit);
    }
    words
}

/// "1 tenant", "3 tenants": the noun's plural is given where it is not just an s.
pub fn count(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(number), if number == 1 { one } else { many })
}

fn initials(name: &str) -> String {
    let mut words = name.split_whitespace().filter_map(|word| word.chars().next());
    words.next().into_iter().chain(words.next_back()).flat_map(char::to_uppercase).collect()
}

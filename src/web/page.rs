//! What every page is drawn from: the frame it stands in and the small views of its parts.
//!
//! A page is an askama struct with a field `frame: Frame` and a template that extends `_frame.html`
//! (or `frame: Bare` and `_bare.html` for pages outside a company). What it shows is made of the
//! views below. Those that are templates of their own (`FieldView`, `FormView`, `Chip`, `Pager`, …)
//! are drawn by writing `{{ it }}`; their markup lives once, in `templates/_parts/`.
//! This file knows nothing of the rest of the program: plain words in, markup out.
//! `templates/README.md` shows how the three kinds of page are written.

use crate::base::clock;
use askama::Template;
use askama::filters::HtmlSafe;

mod act;
mod address;
mod form;
mod frame;
mod list;
mod log;
mod nav;
mod portal;
mod prose;
mod version;

pub use act::{Act, off_id};
pub use address::{Icon, icon, static_prefix, under, use_static_prefix};
pub use form::{Choice, ConfirmDelete, FieldView, FormSummary, FormView, Look, ScopePicker};
pub use frame::{Bare, Crumb, Flash, Frame, FrameHead, FrameTabs, FrameTop, FrameWay, SpaceLink, Tab};
pub use list::{Cell, DiffLine, FilterBar, Kv, KvRow, Moment, PageLink, Pager, Timeline};
pub use log::{LogLine, LogStep, LogView, Qr};
pub use nav::{Nav, NavItem};
pub use portal::PortalFrame;
pub use prose::Prose;
pub use version::{Version, version};

// ------------------------------------------------------------------ words, times, states

/// A moment as people say it, with the exact one in the title. The caller words both:
/// this file does not read the clock.
#[derive(Clone, Debug, Default, Template)]
#[template(
    source = r#"<time{% if !machine.is_empty() %} datetime="{{ machine }}"{% endif %}{% if !exact.is_empty() %} title="{{ exact }}"{% endif %}>{{ relative }}</time>"#,
    ext = "html"
)]
pub struct When {
    /// "4 min ago"
    pub relative: String,
    /// "22 Nov 2026, 11:02:03 UTC"
    pub exact: String,
    /// The same for programs: scripts tell it by the clocks of who reads, and keep the words true.
    pub machine: String,
}
impl HtmlSafe for When {}

impl When {
    pub fn new(relative: impl Into<String>, exact: impl Into<String>) -> Self {
        When { relative: relative.into(), exact: exact.into(), machine: String::new() }
    }
    /// How long ago, or how soon, with the moment itself as its title.
    pub fn at(moment: clock::Moment) -> Self {
        When { relative: moment.relative(), exact: moment.exact(), machine: moment.wire() }
    }
    /// The moment itself, where the order matters, by a zone's clocks; how long ago as its title.
    pub fn exactly(moment: clock::Moment, zone: &str) -> Self {
        When { relative: moment.in_zone(zone), exact: moment.relative(), machine: moment.wire() }
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

//! What a page offers to do: a button, and for who may not press it the same button with the reason.

use askama::{Template, filters::HtmlSafe};

/// A main action of a page. Where it may be done it is a link or a form of one button; where it may not, it stands there
/// and says why; where even that would tell too much, it draws nothing.
#[derive(Clone, Debug, Default, Template)]
#[template(path = "_parts/act.html")]
pub struct Act {
    /// What will happen; empty for an action that is not there.
    pub label: String,
    /// Where it leads, or what it posts to; empty when it cannot be used.
    pub href: String,
    pub kind: &'static str,
    pub icon: &'static str,
    posts: bool,
    reason: String,
    why_href: String,
}
impl HtmlSafe for Act {}

impl Act {
    /// A link that leads to a form.
    pub fn link(label: impl Into<String>, href: impl Into<String>) -> Act {
        Act { label: label.into(), href: href.into(), ..Act::default() }
    }
    /// A form of one button.
    pub fn post(label: impl Into<String>, action: impl Into<String>) -> Act {
        Act { posts: true, ..Act::link(label, action) }
    }
    /// Nothing.
    pub fn none() -> Act {
        Act::default()
    }
    /// The page's one main action.
    pub fn primary(self) -> Act {
        Act { kind: "primary", ..self }
    }
    /// One that takes something away.
    pub fn danger(self) -> Act {
        Act { kind: "danger", ..self }
    }
    /// A small one, beside the heading of a section.
    pub fn small(self) -> Act {
        Act { kind: "small", ..self }
    }
    /// With a drawing of `icons.svg`.
    pub fn icon(self, icon: &'static str) -> Act {
        Act { icon, ..self }
    }
    /// It cannot be used; why, and where that is explained (empty for nowhere).
    pub fn off(self, reason: impl Into<String>, why_href: impl Into<String>) -> Act {
        Act { href: String::new(), reason: reason.into(), why_href: why_href.into(), ..self }
    }
    /// There, or not.
    pub fn only_if(self, there: bool) -> Act {
        if there { self } else { Act::none() }
    }
    /// Whether it can be used.
    pub fn is_open(&self) -> bool {
        !self.href.is_empty()
    }
}

/// What ties a button to its reason within a page: "off-deploy-1-2-0".
pub fn off_id(label: &str) -> String {
    let letters = label.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    let id: String = letters.take(60).collect();
    format!("off-{}", id.trim_matches('-'))
}

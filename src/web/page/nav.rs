//! The left column: where one can go. Drawn once for what somebody may, and kept as it is drawn.

use askama::filters::HtmlSafe;
use askama::{FastWritable, Template, Values};
use std::{fmt, sync::Arc};

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
    /// `base` stands before every path of the company.
    pub fn all(base: &str, space: &str, current: &str) -> Vec<NavItem> {
        let c = |rest: &str| [base, rest].concat();
        let s = |rest: &str| [base, "/", space, rest].concat();
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

    /// The companies of the appliance, in the operator's own compartment only.
    pub fn companies(base: &str, current: &str) -> NavItem {
        NavItem {
            key: "companies",
            label: "Companies",
            href: format!("{base}/companies"),
            icon: "layers",
            current: current == "companies",
        }
    }
}

#[derive(Template)]
#[template(path = "_parts/frame_nav.html")]
struct Drawn<'a> {
    items: &'a [NavItem],
}

/// The entries of the left column, drawn.
#[derive(Clone, Debug, Default)]
pub struct Nav(Arc<str>);

impl Nav {
    /// Draws the entries. Text that cannot be drawn is left out: the page stands without it.
    pub fn draw(items: &[NavItem]) -> String {
        Drawn { items }.render().unwrap_or_default()
    }
    /// What [`Nav::draw`] has drawn.
    pub fn drawn(markup: Arc<str>) -> Nav {
        Nav(markup)
    }
}

impl fmt::Display for Nav {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl FastWritable for Nav {
    fn write_into(&self, to: &mut dyn fmt::Write, _: &dyn Values) -> askama::Result<()> {
        Ok(to.write_str(&self.0)?)
    }
}
impl HtmlSafe for Nav {}

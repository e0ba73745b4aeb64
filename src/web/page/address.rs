//! Addresses of pages, of the embedded files and of the icons among them.

use askama::filters::HtmlSafe;
use askama::{FastWritable, Values};
use std::fmt;
use std::sync::{LazyLock, OnceLock};

/// An address below another: `under("/acme/default/tenants", &["contoso", "edit"])`. The parts are slugs or words of
/// ours, which need no encoding.
pub fn under(base: &str, parts: &[&str]) -> String {
    let mut address = String::with_capacity(base.len() + parts.iter().map(|part| part.len() + 1).sum::<usize>());
    address.push_str(base);
    for part in parts {
        address.push('/');
        address.push_str(part);
    }
    address
}

static STATIC_PREFIX: OnceLock<String> = OnceLock::new();

/// Says once, at start, under which address the embedded files are served (`/static/<checksum>`).
/// Later calls change nothing: the files are part of the program.
pub fn use_static_prefix(prefix: impl Into<String>) {
    let _ = STATIC_PREFIX.set(prefix.into());
}

/// `/static/<checksum>`, or `/static` where nobody has said.
pub fn static_prefix() -> &'static str {
    STATIC_PREFIX.get().map_or("/static", String::as_str)
}

/// How every icon begins.
static ICON: LazyLock<String> = LazyLock::new(|| {
    ["<svg class=\"icon\" aria-hidden=\"true\"><use href=\"", static_prefix(), "/icons.svg#"].concat()
});

/// One drawing of `static/icons.svg`. Decoration only: the word beside it carries the meaning.
#[derive(Clone, Copy, Debug)]
pub struct Icon<'a>(pub &'a str);

/// `{{ ui::icon("check") }}` in templates.
pub fn icon(name: &str) -> Icon<'_> {
    Icon(name)
}

impl Icon<'_> {
    /// Piece by piece: a page has dozens of them.
    fn draw(&self, to: &mut dyn fmt::Write) -> fmt::Result {
        // Names are ours, but a stray one must not break out of the attribute.
        let name = self.0.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').next().unwrap_or("");
        to.write_str(&ICON)?;
        to.write_str(name)?;
        to.write_str("\"/></svg>")
    }
}
impl fmt::Display for Icon<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.draw(f)
    }
}
impl FastWritable for Icon<'_> {
    fn write_into(&self, to: &mut dyn fmt::Write, _: &dyn Values) -> askama::Result<()> {
        Ok(self.draw(to)?)
    }
}
impl HtmlSafe for Icon<'_> {}

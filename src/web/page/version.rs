//! A release's version: short ones as they are; of long ones the middle gives way to the room there is, so that what tells
//! two builds apart, the end, is always seen.

use askama::{FastWritable, Values, filters::HtmlSafe};
use std::fmt;

/// A version of more characters is cut where it does not fit.
const SHORT: usize = 20;
/// So many of its last characters are always shown.
const END: usize = 9;

/// A version, drawn.
#[derive(Clone, Copy, Debug)]
pub struct Version<'a>(&'a str);

/// `{{ crate::web::page::version(row.version) }}` in templates.
pub fn version(text: &str) -> Version<'_> {
    Version(text)
}

fn escaped(text: &str, to: &mut dyn fmt::Write) -> fmt::Result {
    text.chars().try_for_each(|c| match c {
        '&' => to.write_str("&amp;"),
        '<' => to.write_str("&lt;"),
        '>' => to.write_str("&gt;"),
        '"' => to.write_str("&quot;"),
        '\'' => to.write_str("&#39;"),
        _ => to.write_char(c),
    })
}

impl Version<'_> {
    fn draw(&self, to: &mut dyn fmt::Write) -> fmt::Result {
        let count = self.0.chars().count();
        if count <= SHORT {
            return escaped(self.0, to);
        }
        let cut = self.0.char_indices().nth(count - END).map_or(0, |(at, _)| at);
        let (begin, end) = self.0.split_at(cut);
        to.write_str("<span class=\"version\" title=\"")?;
        escaped(self.0, to)?;
        to.write_str("\"><span>")?;
        escaped(begin, to)?;
        to.write_str("</span><span>")?;
        escaped(end, to)?;
        to.write_str("</span></span>")
    }
}

impl fmt::Display for Version<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.draw(f)
    }
}
impl FastWritable for Version<'_> {
    fn write_into(&self, to: &mut dyn fmt::Write, _: &dyn Values) -> askama::Result<()> {
        Ok(self.draw(to)?)
    }
}
impl HtmlSafe for Version<'_> {}

/// Findings C9.
#[test]
fn of_a_long_version_the_end_stays() {
    assert_eq!(version("1.2.0").to_string(), "1.2.0");
    assert_eq!(
        version("2.0.0-rc.1+build.20261129.f81d4fae").to_string(),
        "<span class=\"version\" title=\"2.0.0-rc.1+build.20261129.f81d4fae\"><span>2.0.0-rc.1+build.20261129</span><span>.f81d4fae</span></span>"
    );
    assert!(!version("<script>alert(1)</script>ä<b>").to_string().contains("<script>"));
}

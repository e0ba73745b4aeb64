//! A release's version: short ones as they are; of long ones the middle gives way to the room there is, so that what tells
//! two builds apart, the end, is always seen.

use askama::{Template, filters::HtmlSafe};

/// A version of more characters is cut where it does not fit.
const SHORT: usize = 20;
/// So many of its last characters are always shown.
const END: usize = 9;

/// A version, drawn.
#[derive(Clone, Copy, Debug, Template)]
#[template(
    source = r#"{% if end.is_empty() %}{{ whole }}{% else %}<span class="version" title="{{ whole }}"><span>{{ begin }}</span><span>{{ end }}</span></span>{% endif %}"#,
    ext = "html"
)]
pub struct Version<'a> {
    whole: &'a str,
    begin: &'a str,
    end: &'a str,
}
impl HtmlSafe for Version<'_> {}

/// `{{ crate::web::page::version(row.version) }}` in templates.
pub fn version(whole: &str) -> Version<'_> {
    let count = whole.chars().count();
    let cut = if count <= SHORT { None } else { whole.char_indices().nth(count - END) };
    let (begin, end) = whole.split_at(cut.map_or(whole.len(), |(at, _)| at));
    Version { whole, begin, end }
}

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

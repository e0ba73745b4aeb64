//! What people write in Markdown, such as release notes: drawn, and made safe. Whatever it holds, it becomes text, lists,
//! tables and links to other sites; never a script, an image, a form, or a link into these pages.

use askama::{FastWritable, Values, filters::HtmlSafe};
use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};
use std::{collections::HashSet, fmt, sync::LazyLock};

/// So much of a text is drawn; notes are read, not stored here.
const LONGEST: usize = 64 * 1024;

static CLEANER: LazyLock<ammonia::Builder<'static>> = LazyLock::new(|| {
    let mut cleaner = ammonia::Builder::default();
    cleaner
        .tags(HashSet::from([
            "a",
            "blockquote",
            "br",
            "code",
            "del",
            "em",
            "h3",
            "h4",
            "h5",
            "h6",
            "hr",
            "li",
            "ol",
            "p",
            "pre",
            "strong",
            "table",
            "tbody",
            "td",
            "th",
            "thead",
            "tr",
            "ul",
        ]))
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(ammonia::UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer nofollow"));
    cleaner
});

fn parser(text: &str) -> Parser<'_> {
    let end = text.floor_char_boundary(LONGEST.min(text.len()));
    let text = text.get(..end).unwrap_or_default();
    Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH)
}

/// A page has headings of its own above.
fn lower(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 => HeadingLevel::H3,
        HeadingLevel::H2 => HeadingLevel::H4,
        HeadingLevel::H3 => HeadingLevel::H5,
        _ => HeadingLevel::H6,
    }
}

/// A text in Markdown, drawn.
#[derive(Clone, Debug, Default)]
pub struct Prose(String);

impl Prose {
    /// Draws a text. A line break that was typed is kept, as notes are often one change a line.
    pub fn of(text: &str) -> Prose {
        let events = parser(text).map(|event| match event {
            Event::SoftBreak => Event::HardBreak,
            // Markup that was written out is shown as it was written.
            Event::Html(markup) | Event::InlineHtml(markup) => Event::Text(markup),
            Event::Start(Tag::Heading { level, .. }) => {
                Event::Start(Tag::Heading { level: lower(level), id: None, classes: Vec::new(), attrs: Vec::new() })
            }
            Event::End(TagEnd::Heading(level)) => Event::End(TagEnd::Heading(lower(level))),
            // A picture would be asked for at another site by whoever reads: it is a link.
            Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
                Event::Start(Tag::Link { link_type, dest_url, title, id })
            }
            Event::End(TagEnd::Image) => Event::End(TagEnd::Link),
            other => other,
        });
        let mut drawn = String::with_capacity(text.len() + 64);
        html::push_html(&mut drawn, events);
        Prose(CLEANER.clean(&drawn).to_string())
    }

    /// Whether there is nothing to be seen.
    pub fn is_empty(&self) -> bool {
        self.0.trim().is_empty()
    }

    /// The first line of a text without its marks, for lists: at most `longest` characters.
    pub fn first_line(text: &str, longest: usize) -> String {
        let mut line = String::new();
        for event in parser(text) {
            match event {
                Event::Text(words) | Event::Code(words) => line.push_str(&words),
                Event::SoftBreak | Event::HardBreak | Event::End(_) if line.trim().is_empty() => {}
                Event::SoftBreak
                | Event::HardBreak
                | Event::End(
                    TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::Item | TagEnd::TableCell | TagEnd::CodeBlock,
                ) => {
                    break;
                }
                _ => {}
            }
        }
        line.trim().chars().take(longest).collect()
    }
}

impl fmt::Display for Prose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl FastWritable for Prose {
    fn write_into(&self, to: &mut dyn fmt::Write, _: &dyn Values) -> askama::Result<()> {
        Ok(to.write_str(&self.0)?)
    }
}
impl HtmlSafe for Prose {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Findings C10.
    #[test]
    fn notes_are_drawn() {
        let drawn =
            Prose::of("## Changes\nFirst\nSecond\n\n- **timeout** `30s`\n- ~~old~~ [ticket](https://t.example/7)\n")
                .to_string();
        for part in [
            "<h4>Changes</h4>",
            "<p>First<br>\nSecond</p>",
            "<li><strong>timeout</strong> <code>30s</code></li>",
            "<del>old</del>",
            "<a href=\"https://t.example/7\" rel=\"noopener noreferrer nofollow\">ticket</a>",
        ] {
            assert!(drawn.contains(part), "{part} in {drawn}");
        }
        assert!(Prose::of("").is_empty() && Prose::of(" \n").is_empty());
    }

    /// Findings C10.
    #[test]
    fn whatever_stands_in_notes_is_safe() {
        for text in [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "[x](javascript:alert(1))",
            "[x](JaVaScRiPt&colon;alert(1))",
            "[x](data:text/html;base64,PHNjcmlwdD4=)",
            "![x](https://tracker.example/p.png)",
            "[x](/acme/sign-out)",
            "[x](//evil.example)",
            "<form action=/acme/x method=\"post\"><button>",
            "<a href=\"https://x\" onclick=\"x()\" style=\"position:fixed\">",
            "<style>*{display:none}</style>",
            "`</code><script>`",
            "# <iframe src=//x>",
            "<svg/onload=alert(1)>",
        ] {
            let drawn = Prose::of(text).to_string().to_ascii_lowercase();
            for danger in [
                "<script",
                "<img",
                "<form",
                "<style",
                "<iframe",
                "<svg",
                "href=\"/",
                "href=\"javascript",
                "href=\"data",
            ] {
                assert!(!drawn.contains(danger), "{danger} in {drawn}");
            }
            let tags = drawn.split('<').skip(1).filter_map(|tag| tag.split('>').next());
            assert!(tags.clone().all(|tag| !tag.contains(" on") && !tag.contains("style=")), "{drawn}");
        }
    }

    #[test]
    fn the_first_line_has_no_marks() {
        for (text, line) in [
            ("## Changes\n- a", "Changes"),
            ("\n\n**Bold** and `code`\nmore", "Bold and code"),
            ("- item\n- other", "item"),
            ("plain", "plain"),
            ("", ""),
            ("[ticket](https://x) closed", "ticket closed"),
        ] {
            assert_eq!(Prose::first_line(text, 100), line, "{text}");
        }
        assert_eq!(Prose::first_line("größer als das", 6), "größer");
    }
}

//! What comments point to is there: `access-rules §3` is section 3 of docs/access-rules.md, and so on. A section that is named
//! without its document belongs to the page it stands on, or elsewhere to the document that was named last.

use super::{
    none,
    source::{files, root, text},
};
use std::collections::BTreeSet;

/// The documents whose sections have numbers, in docs.
const DOCUMENTS: [&str; 4] = ["access-rules", "domain", "rest-api", "scripts"];
/// The sign of a section, written so that this file points nowhere by it.
const SECTION: char = '\u{a7}';

/// The numbers of the sections of a document: its headings `## 3. …`.
fn sections(document: &str) -> BTreeSet<u32> {
    let text = text(&format!("docs/{document}.md"));
    text.lines().filter_map(|line| line.strip_prefix("## ")?.split_once(". ")?.0.parse().ok()).collect()
}

/// The document that is named directly before a section: `domain`, `domain.md` or `domain` in backticks, perhaps at the
/// end of the line above.
fn named_before(text: &str) -> Option<&'static str> {
    let marks = |c: char| c.is_whitespace() || matches!(c, '/' | '!' | '#' | '*');
    let text = text.trim_end_matches(marks).trim_end_matches('`').trim_end_matches(".md");
    DOCUMENTS.into_iter().find(|name| {
        text.strip_suffix(*name).is_some_and(|before| !before.ends_with(|c: char| c.is_alphanumeric() || c == '-'))
    })
}

/// The last document that a text names in backticks, without a section.
fn last_in_backticks(text: &str) -> Option<&'static str> {
    let place = |name: &&str| text.rfind(&format!("`{name}`"));
    DOCUMENTS.into_iter().filter(|name| place(name).is_some()).max_by_key(|name| place(name))
}

/// Every section that a text points to: its line, the document, the number. `own`: the document that the text is.
fn pointers(text: &str, own: Option<&'static str>) -> Vec<(usize, Option<&'static str>, u32)> {
    let (mut found, mut last, mut from) = (Vec::new(), own, 0);
    for (at, sign) in text.match_indices(SECTION) {
        let digits: String = text[at + sign.len()..].chars().take_while(char::is_ascii_digit).collect();
        // Any section is written with a letter in place of the number.
        let Ok(number) = digits.parse() else { continue };
        let named = named_before(&text[..at]);
        if own.is_none() {
            last = named.or(last_in_backticks(&text[from..at])).or(last);
        }
        found.push((text[..at].lines().count().max(1), named.or(last), number));
        from = at;
    }
    found
}

#[test]
fn every_section_that_is_pointed_to_is_there() {
    let known: Vec<(&str, BTreeSet<u32>)> = DOCUMENTS.into_iter().map(|name| (name, sections(name))).collect();
    let mut findings = Vec::new();
    for (document, sections) in &known {
        let wanted: BTreeSet<u32> = (1..=sections.len() as u32).collect();
        if sections.is_empty() || *sections != wanted {
            findings.push(format!("docs/{document}.md has the sections {sections:?}: number them from 1"));
        }
    }
    let folders = ["src", "tests", "templates", "static", "packaging", "docs"];
    let pages = ["ARCHITECTURE.md", "CHANGELOG.md", "README.md"].map(str::to_owned);
    let (mut all, mut seen) = (folders.iter().flat_map(|folder| files(folder)).collect::<Vec<_>>(), 0);
    all.extend(pages);
    for path in all {
        let Ok(text) = std::fs::read_to_string(root().join(&path)) else { continue };
        let own = DOCUMENTS.into_iter().find(|name| path == format!("docs/{name}.md"));
        for (line, document, number) in pointers(&text, own) {
            seen += 1;
            match document {
                None => findings.push(format!("{path}:{line} names section {number} and no document")),
                Some(name) if !known.iter().any(|(document, has)| *document == name && has.contains(&number)) => {
                    findings.push(format!("{path}:{line} points to section {number}, which docs/{name}.md has not"));
                }
                Some(_) => {}
            }
        }
    }
    assert!(seen > 150, "{seen} pointers were found");
    none(findings, "A pointer leads to a heading `## number. …` of a page in docs:");
}

/// Links from page to page, and paths that pages name in backticks, lead to what is there.
#[test]
fn every_file_that_a_page_names_is_there() {
    let mut pages: Vec<String> = files("docs").into_iter().filter(|path| path.ends_with(".md")).collect();
    pages.extend(["ARCHITECTURE.md", "README.md", "packaging/security.md"].map(str::to_owned));
    let mut findings = Vec::new();
    for page in pages {
        let folder = root().join(&page).parent().map_or_else(root, std::path::Path::to_path_buf);
        let text = text(&page);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or_default();
            if !file.is_empty() && !file.contains("://") && !folder.join(file).exists() {
                findings.push(format!("{page} links to {link}"));
            }
        }
        for quoted in text.split('`').skip(1).step_by(2) {
            let first = quoted.split('/').next().unwrap_or_default();
            let is_path = ["src", "tests", "packaging", "static", "templates", "docs"].contains(&first)
                && quoted.len() > first.len() + 1
                && !quoted.contains([' ', '*', '{', '('])
                && !quoted.contains("NAME");
            if is_path && !root().join(quoted).exists() {
                findings.push(format!("{page} names {quoted}"));
            }
        }
    }
    none(findings, "What a page leads to is a file of the project:");
}

#[test]
fn pointers_are_read_as_they_are_written() {
    let written =
        "(`access-rules @3, @4`), `scripts.md @1`; `rest-api`: @2\n/// `access-rules\n/// @11` subdomain @5 and @n";
    let text = written.replace('@', &SECTION.to_string());
    let read: Vec<(usize, Option<&str>, u32)> = pointers(&text, None);
    let expected = [
        (1, Some("access-rules"), 3),
        (1, Some("access-rules"), 4),
        (1, Some("scripts"), 1),
        (1, Some("rest-api"), 2),
        (3, Some("access-rules"), 11),
        (3, Some("access-rules"), 5),
    ];
    assert_eq!(read, expected);
    let own = pointers(&format!("`domain {SECTION}7` and {SECTION}2"), Some("scripts"));
    assert_eq!(own, [(1, Some("domain"), 7), (1, Some("scripts"), 2)]);
    assert_eq!(pointers(&format!("{SECTION}2"), None), [(1, None, 2)]);
}

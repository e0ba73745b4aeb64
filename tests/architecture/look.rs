//! The look: every rule of the style sheets is for something that a page draws, every class a page names has a rule, and
//! the sheets stay small.

use super::{none, source::files, text};
use flate2::{Compression, write::GzEncoder};
use std::{collections::BTreeSet, io::Write};

const SHEETS: [&str; 3] = ["static/bulkhead.css", "static/pages.css", "static/portal.css"];
/// What a page loads of them at most, in bytes as they are sent.
const MOST: usize = 25 * 1024;
/// Put together by a script from a number: the colours of a terminal.
const COLOURS: &[&str] = &["a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7"];

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

/// The classes that a sheet has rules for.
fn ruled(sheet: &str) -> BTreeSet<String> {
    let bare: String = sheet.split("/*").map(|piece| piece.split_once("*/").map_or(piece, |(_, rest)| rest)).collect();
    let mut found = BTreeSet::new();
    // Selectors stand between the end of a block, or the beginning of one around them, and the beginning of the next.
    for piece in bare.split('{') {
        let selector = piece.rsplit(['}', ';']).next().unwrap_or_default();
        for part in selector.split('.').skip(1) {
            let name: String = part.chars().take_while(|c| is_name(*c)).collect();
            if name.starts_with(|c: char| c.is_ascii_alphabetic()) {
                found.insert(name);
            }
        }
    }
    found
}

/// All that can draw or name a class.
fn drawing() -> Vec<(String, String)> {
    let all = ["templates", "src/web", "static"].into_iter().flat_map(files);
    let all = all.filter(|path| [".html", ".rs", ".js"].iter().any(|end| path.ends_with(end)));
    all.map(|path| (path.clone(), text(&path))).collect()
}

/// The classes that a template names outright, not by a variable.
fn named(template: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for piece in template.split("class=\"").skip(1) {
        let value = plain(piece);
        found.extend(value.split_whitespace().filter(|word| word.chars().all(is_name)).map(str::to_owned));
    }
    found
}

/// The value of an attribute to its closing quote, without what stands in braces.
fn plain(rest: &str) -> String {
    let mut value = String::new();
    let mut braces = 0_usize;
    for c in rest.chars() {
        match c {
            '{' => braces += 1,
            '}' => {
                braces = braces.saturating_sub(1);
                value.push(' ');
            }
            '"' if braces == 0 => break,
            c if braces == 0 => value.push(c),
            _ => {}
        }
    }
    value
}

#[test]
fn every_rule_is_for_something_and_every_class_has_a_rule() {
    let drawing = drawing();
    let words: BTreeSet<&str> = drawing.iter().flat_map(|(_, text)| text.split(|c| !is_name(c))).collect();
    let mut rules = BTreeSet::new();
    let mut findings = Vec::new();
    for sheet in SHEETS {
        let own = ruled(&text(sheet));
        assert!(own.len() > 20, "{sheet} is read wrongly: {own:?}");
        let idle = own.iter().filter(|name| !words.contains(name.as_str()) && !COLOURS.contains(&name.as_str()));
        findings.extend(idle.map(|name| format!("{sheet}: .{name} is drawn by nothing")));
        rules.extend(own);
    }
    for (path, template) in drawing.iter().filter(|(path, _)| path.ends_with(".html")) {
        let bare = named(template).into_iter().filter(|name| !rules.contains(name));
        findings.extend(bare.map(|name| format!("{path}: class \"{name}\" has no rule")));
    }
    none(findings, "The style sheets and the pages do not fit. Take out what is not needed:");
}

#[test]
fn the_sheets_stay_small() {
    let sent = |sheet: &&str| {
        let mut zip = GzEncoder::new(Vec::new(), Compression::best());
        zip.write_all(text(sheet).as_bytes()).expect("memory");
        zip.finish().expect("memory").len()
    };
    let bytes: usize = SHEETS.iter().map(sent).sum();
    assert!(bytes < MOST, "the style sheets are {bytes} bytes as they are sent; {MOST} is the most");
}

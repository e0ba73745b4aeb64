//! The program's own text, read as far as its rules of order need: comments and strings set aside, test code set aside,
//! and every path that is used written out from its root (`crate::company::tenants::by_id`, `std::process::Command`).

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the whole project.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a folder of the project, by its path from the root, in order.
pub fn files(under: &str) -> Vec<String> {
    let mut found = Vec::new();
    walk(&root().join(under), &mut found);
    found.sort();
    found
}

fn walk(folder: &Path, found: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() {
            // `out` is what the browser tests leave behind, `vendor` is others' work.
            if !["node_modules", "target", "vendor", "out"].iter().any(|skipped| name == *skipped) {
                walk(&path, found);
            }
        } else if let Ok(path) = path.strip_prefix(root()) {
            found.push(path.to_string_lossy().into_owned());
        }
    }
}

pub fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// One file of `src`.
pub struct Source {
    /// Such as `src/company/environments.rs`.
    pub path: String,
    /// As it was written.
    pub text: String,
    /// The same length, with comments and test code blanked, and strings emptied.
    pub code: String,
    /// What stood in strings outside test code, with the line each begins on.
    pub strings: Vec<(usize, String)>,
    /// `["company", "environments"]`
    pub module: Vec<String>,
}

/// Every file of `src` that is part of the program and not of its tests.
pub fn sources() -> Vec<Source> {
    let of_tests =
        |path: &str| path.ends_with("/tests.rs") || path.ends_with("/testing.rs") || path.contains("/tests/");
    let paths = files("src").into_iter().filter(|path| path.ends_with(".rs") && !of_tests(path));
    paths.map(|path| Source::read(&path, text(&path))).collect()
}

impl Source {
    pub fn read(path: &str, text: String) -> Source {
        let (code, strings) = blank(&text);
        let (code, gaps) = without_tests(code);
        let in_gap = |at: usize| gaps.iter().any(|(from, to)| (*from..*to).contains(&at));
        let strings = strings.into_iter().filter(|(at, _)| !in_gap(*at)).map(|(at, s)| (line(&text, at), s)).collect();
        let stem = path.trim_start_matches("src/").trim_end_matches(".rs");
        let module = stem.split('/').filter(|part| !matches!(*part, "mod" | "lib")).map(String::from).collect();
        Source { path: path.into(), text, code, strings, module }
    }

    /// Which of the parts of `lib.rs` this belongs to.
    pub fn part(&self) -> &str {
        self.module.first().map_or("lib", String::as_str)
    }

    /// The feature of the company this belongs to.
    pub fn feature(&self) -> Option<&str> {
        (self.part() == "company").then(|| self.module.get(1).map(String::as_str)).flatten()
    }

    /// Every path that is used, from its root, and the line where.
    pub fn paths(&self) -> Vec<(usize, Vec<String>)> {
        let tokens = tokens(&self.code);
        let mut raw = Vec::new(); // place, inline modules around it, path, whether `use` wrote it, name it is known by
        let (mut at, mut depth, mut inline) = (0, 0usize, Vec::<(String, usize)>::new());
        while at < tokens.len() {
            let (place, token) = tokens[at];
            match token {
                "{" => depth += 1,
                "}" => {
                    depth = depth.saturating_sub(1);
                    inline.retain(|(_, from)| *from <= depth);
                }
                "mod" if tokens.get(at + 2).is_some_and(|(_, next)| *next == "{") => {
                    inline.push((tokens[at + 1].1.into(), depth + 1));
                    depth += 1;
                    at += 3;
                    continue;
                }
                "use" => {
                    let around: Vec<String> = inline.iter().map(|(name, _)| name.clone()).collect();
                    let mut tree = Vec::new();
                    at = use_tree(&tokens, at + 1, &[], &mut tree);
                    raw.extend(tree.into_iter().map(|(path, name)| (place, around.clone(), path, Some(name))));
                    continue;
                }
                word if is_name(word) && tokens.get(at + 1).is_some_and(|(_, next)| *next == "::") => {
                    let mut path = vec![word.to_owned()];
                    while tokens.get(at + 1).is_some_and(|(_, next)| *next == "::")
                        && tokens.get(at + 2).is_some_and(|(_, name)| is_name(name))
                    {
                        path.push(tokens[at + 2].1.to_owned());
                        at += 2;
                    }
                    raw.push((place, inline.iter().map(|(name, _)| name.clone()).collect(), path, None));
                }
                _ => {}
            }
            at += 1;
        }
        let mut known: HashMap<String, Vec<String>> = HashMap::new();
        for (_, around, path, name) in &raw {
            if let Some(name) = name {
                known.insert(name.clone(), self.whole(around, path));
            }
        }
        let resolve = |(place, around, path, name): &(usize, Vec<String>, Vec<String>, Option<String>)| {
            let full = match known.get(&path[0]) {
                Some(known) if name.is_none() => known.iter().chain(&path[1..]).cloned().collect(),
                _ => self.whole(around, path),
            };
            (line(&self.code, *place), full)
        };
        raw.iter().map(resolve).collect()
    }

    fn whole(&self, around: &[String], path: &[String]) -> Vec<String> {
        let mut here: Vec<String> = self.module.iter().chain(around).cloned().collect();
        let mut rest = path;
        match path[0].as_str() {
            "crate" | "bulkhead" => here.clear(),
            "self" | "super" => {}
            _ => return path.to_vec(),
        }
        while let Some(first) = rest.first() {
            match first.as_str() {
                "super" => drop(here.pop()),
                "self" | "crate" | "bulkhead" => {}
                _ => break,
            }
            rest = &rest[1..];
        }
        std::iter::once("crate".to_owned()).chain(here).chain(rest.iter().cloned()).collect()
    }
}

/// The line of a place, from 1.
fn line(text: &str, at: usize) -> usize {
    text.as_bytes()[..at.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

/// Names, `::`, and single signs, each with its place.
fn tokens(code: &str) -> Vec<(usize, &str)> {
    let bytes = code.as_bytes();
    let (mut found, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let from = at;
        match bytes[at] {
            byte if byte.is_ascii_alphanumeric() || byte == b'_' => {
                while at < bytes.len() && (bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_') {
                    at += 1;
                }
            }
            b':' if bytes.get(at + 1) == Some(&b':') => at += 2,
            byte if byte.is_ascii_whitespace() || !byte.is_ascii() => {
                at += 1;
                continue;
            }
            _ => at += 1,
        }
        found.push((from, &code[from..at]));
    }
    found
}

/// Reads one tree of a `use`; gives the place after it.
fn use_tree(
    tokens: &[(usize, &str)],
    mut at: usize,
    before: &[String],
    found: &mut Vec<(Vec<String>, String)>,
) -> usize {
    let mut path = before.to_vec();
    while let Some((_, token)) = tokens.get(at) {
        match *token {
            "::" => at += 1,
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|(_, token)| *token != "}") {
                    at = use_tree(tokens, at, &path, found);
                    if tokens.get(at).is_some_and(|(_, token)| *token == ",") {
                        at += 1;
                    }
                }
                return at + 1;
            }
            "as" => {
                let name = tokens.get(at + 1).map_or("_", |(_, name)| *name);
                found.push((path, name.into()));
                return at + 2;
            }
            "*" => {
                found.push((path, "*".into()));
                return at + 1;
            }
            name if is_name(name) => {
                path.push(name.into());
                at += 1;
            }
            _ => break,
        }
    }
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    if let Some(name) = path.last().cloned() {
        found.push((path, name));
    }
    at
}

/// Blanks comments and what stands in strings; the strings are given with their places.
fn blank(text: &str) -> (String, Vec<(usize, String)>) {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut strings = Vec::new();
    let wipe = |out: &mut Vec<u8>, from: usize, to: usize| {
        out[from..to].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
    };
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let after_name = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
        if rest.starts_with(b"//") {
            let to = text[at..].find('\n').map_or(bytes.len(), |n| at + n);
            wipe(&mut out, at, to);
            at = to;
        } else if rest.starts_with(b"/*") {
            let to = text[at..].find("*/").map_or(bytes.len(), |n| at + n + 2);
            wipe(&mut out, at, to);
            at = to;
        } else if rest[0] == b'r' && !after_name && matches!(rest.get(1), Some(b'"' | b'#')) {
            let hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
            if rest.get(1 + hashes) != Some(&b'"') {
                at += 1;
                continue;
            }
            let end = format!("\"{}", "#".repeat(hashes));
            let from = at + hashes + 2;
            let to = text[from..].find(&end).map_or(bytes.len(), |n| from + n);
            strings.push((from, text[from..to].into()));
            wipe(&mut out, from, to);
            at = to + end.len();
        } else if rest[0] == b'"' {
            let from = at + 1;
            let mut to = from;
            while to < bytes.len() && bytes[to] != b'"' {
                to += if bytes[to] == b'\\' { 2 } else { 1 };
            }
            let to = to.min(bytes.len());
            strings.push((from, text[from..to].into()));
            wipe(&mut out, from, to);
            at = to + 1;
        } else if rest[0] == b'\'' {
            // A character, not a lifetime: a backslash, or a quote one character on.
            let length = text[at + 1..].chars().next().map_or(0, char::len_utf8);
            if rest.get(1) == Some(&b'\\') {
                let to = text[at + 3..].find('\'').map_or(bytes.len(), |n| at + 3 + n);
                wipe(&mut out, at + 1, to);
                at = to + 1;
            } else if rest.get(1 + length) == Some(&b'\'') {
                wipe(&mut out, at + 1, at + 1 + length);
                at += length + 2;
            } else {
                at += 1;
            }
        } else {
            at += 1;
        }
    }
    (String::from_utf8(out).unwrap_or_default(), strings)
}

/// Blanks every item under `#[cfg(test)]`; gives where they stood.
fn without_tests(code: String) -> (String, Vec<(usize, usize)>) {
    let mut bytes = code.into_bytes();
    let (mark, mut from, mut gaps) = (b"#[cfg(test)]", 0, Vec::new());
    while let Some(found) = bytes[from..].windows(mark.len()).position(|window| window == mark) {
        let begin = from + found;
        let (mut at, mut depth) = (begin + mark.len(), 0usize);
        while at < bytes.len() {
            match bytes[at] {
                b'{' => depth += 1,
                b'}' if depth <= 1 => break,
                b'}' => depth -= 1,
                b';' if depth == 0 => break,
                _ => {}
            }
            at += 1;
        }
        let end = (at + 1).min(bytes.len());
        bytes[begin..end].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
        gaps.push((begin, end));
        from = end;
    }
    (String::from_utf8(bytes).unwrap_or_default(), gaps)
}

#[test]
fn paths_are_read_from_their_root() {
    let text = r#"
        //! use crate::nothing;
        use super::{tenants::{self, Tenant as Kind}, access::Granted};
        use std::process::Command;
        const SQL: &str = "SELECT 1 // no comment";
        fn f<'a>(c: char) -> &'a str { if c == '"' { tenants::by_id() } else { Command::new(crate::base::x()) } }
        mod sql { use super::*; use super::super::teams; }
        #[cfg(test)]
        mod tests { use crate::web::page; const X: &str = "hidden"; }
    "#;
    let source = Source::read("src/company/targets/mod.rs", text.into());
    let paths: Vec<String> = source.paths().into_iter().map(|(_, path)| path.join("::")).collect();
    let wanted = [
        "crate::company::tenants",
        "crate::company::tenants::Tenant",
        "crate::company::access::Granted",
        "std::process::Command",
        "crate::company::tenants::by_id",
        "std::process::Command::new",
        "crate::base::x",
        "crate::company::targets",
        "crate::company::teams",
    ];
    assert_eq!(paths, wanted);
    assert_eq!(source.strings.len(), 1, "{:?}", source.strings);
    assert_eq!((source.part(), source.feature()), ("company", Some("targets")));
}

//! Where a page may lead on to: an address that came with a request is normalised, and must then lie within the company.

use crate::http::{call::Call, table::decode};
use std::borrow::Cow;

/// So often an address is decoded until it no longer changes; what is wrapped up further is no address of ours.
const LAYERS: usize = 4;

/// A path to go on to, if it lies within the company; else its first page. What a browser or a proxy on the way would read as
/// something else (dots, encoded ones too, doubled slashes) is resolved first; schemes, other hosts, backslashes, control
/// characters and other companies lead to the first page.
pub(super) fn own_path(call: &Call, company: &str, next: Option<&str>) -> String {
    below(&call.base(company), next)
}

/// As [`own_path`], below what stands before the company's paths.
fn below(base: &str, next: Option<&str>) -> String {
    let first = || if base.is_empty() { "/".into() } else { base.to_owned() };
    next.and_then(|next| within(base, next)).unwrap_or_else(first)
}

fn within(base: &str, next: &str) -> Option<String> {
    if !next.starts_with('/') || next.chars().any(|c| c.is_control() || c == '\\') {
        return None;
    }
    let next = next.split('#').next().unwrap_or_default();
    let (path, query) = next.split_once('?').map_or((next, None), |(path, query)| (path, Some(query)));
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match &*decoded(segment)? {
            "" | "." => {}
            ".." => drop(kept.pop()?),
            _ => kept.push(segment),
        }
    }
    if !base.is_empty() && kept.first().copied() != base.strip_prefix('/') {
        return None;
    }
    if kept.is_empty() {
        return None;
    }
    let path: String = kept.iter().map(|segment| format!("/{}", printable(segment))).collect();
    Some(match query {
        Some(query) => format!("{path}?{}", printable(query)),
        None => path,
    })
}

/// What a segment says once nothing of it is encoded any more; `None` for one that would be several, or none that we give.
fn decoded(segment: &str) -> Option<String> {
    let mut text = segment.to_owned();
    for _ in 0..LAYERS {
        let next = decode(&text)?;
        if next == text {
            let fits = !text.chars().any(|c| c.is_control() || matches!(c, '/' | '\\'));
            return fits.then_some(text);
        }
        text = next;
    }
    None
}

/// As a header can carry it.
fn printable(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| b.is_ascii_graphic()) {
        return Cow::Borrowed(text);
    }
    let shown = |c: char| match c.is_ascii_graphic() {
        true => c.to_string(),
        false => {
            let mut bytes = [0; 4];
            c.encode_utf8(&mut bytes).bytes().map(|b| format!("%{b:02X}")).collect()
        }
    };
    text.chars().map(shown).collect::<String>().into()
}

/// findings J3.
#[test]
fn what_does_not_lie_within_the_company_leads_to_its_first_page() {
    for (next, to) in [
        ("/harbour", "/harbour"),
        ("/harbour/me", "/harbour/me"),
        ("/harbour/me/", "/harbour/me"),
        ("/harbour//me", "/harbour/me"),
        ("//harbour/me", "/harbour/me"),
        ("/harbour/./me", "/harbour/me"),
        ("/harbour/a/../me", "/harbour/me"),
        ("/harbour/a/%2e%2e/me", "/harbour/me"),
        ("/harbour/tasks?state=running&q=../x", "/harbour/tasks?state=running&q=../x"),
        ("/harbour/tasks#log", "/harbour/tasks"),
        ("/harbour/go/%C3%A9t%C3%A9", "/harbour/go/%C3%A9t%C3%A9"),
        ("/harbour/go/été", "/harbour/go/%C3%A9t%C3%A9"),
        ("/harbour/a b", "/harbour/a%20b"),
        ("/harbour/../globex/me", "/harbour"),
        ("/harbour/%2e%2e/globex/me", "/harbour"),
        ("/harbour/.%2E/globex/me", "/harbour"),
        ("/harbour/%252e%252e/globex/me", "/harbour"),
        ("/harbour/%25252e%25252e/globex/me", "/harbour"),
        ("/harbour/..%2fglobex/me", "/harbour"),
        ("/harbour/..%5cglobex/me", "/harbour"),
        ("/harbour/../../harbour/me", "/harbour"),
        ("/harbour/..", "/harbour"),
        ("/harbour\\..\\globex", "/harbour"),
        ("/\\evil.example", "/harbour"),
        ("\\\\evil.example", "/harbour"),
        ("//evil.example/harbour", "/harbour"),
        ("///evil.example/harbour", "/harbour"),
        ("https://evil.example/harbour", "/harbour"),
        ("javascript:alert(1)", "/harbour"),
        ("harbour/me", "/harbour"),
        ("/harbour-two/me", "/harbour"),
        ("/globex/me", "/harbour"),
        ("/HARBOUR/me", "/harbour"),
        ("/harbour/\nSet-Cookie: a=b", "/harbour"),
        ("/harbour/%0d%0aSet-Cookie:a=b", "/harbour"),
        ("/harbour/\tme", "/harbour"),
        ("/harbour/%00", "/harbour"),
        ("/harbour/%ff", "/harbour"),
        ("", "/harbour"),
    ] {
        assert_eq!(below("/harbour", Some(next)), to, "{next:?}");
        let again = below("/harbour", Some(&below("/harbour", Some(next))));
        assert_eq!(again, to, "{next:?}: what was normalised stays as it is");
    }
    assert_eq!(below("/harbour", None), "/harbour");
    // Under a host name of its own every path is the company's.
    for (next, to) in [
        ("/me", "/me"),
        ("//evil.example/me", "/evil.example/me"),
        ("/..", "/"),
        ("/?q=x", "/"),
        ("https://evil.example/", "/"),
        ("/a/../tasks?state=running", "/tasks?state=running"),
        ("", "/"),
    ] {
        assert_eq!(below("", Some(next)), to, "{next:?}");
    }
    assert_eq!(below("", None), "/");
}

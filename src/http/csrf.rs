//! The word that every form carries, so that no foreign page can send one: made from the cookie that comes with it, which
//! foreign pages cannot read. The session's cookie, or before there is one a random cookie that pages with forms set.
//!
//! It is masked anew for each answer, because answers are compressed and show what was asked.

use super::call::Call;
use crate::base::secret;
use memchr::memmem;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The session's cookie, bound to the company's path.
pub const SESSION: &str = "bulkhead_session";
/// The cookie that forms are bound to before there is a session.
pub const FORM: &str = "bulkhead_form";
/// The form's field.
pub const FIELD: &str = "_csrf";
/// The header that may stand for the field. A program that comes with a session's cookie has to send it.
pub const HEADER: &str = "x-octopus-csrf-token";

const LENGTH: usize = 16;

fn digest(cookie: &str) -> [u8; LENGTH] {
    let mut digest = Sha256::new();
    digest.update(b"bulkhead form\0");
    digest.update(cookie.as_bytes());
    let mut short = [0; LENGTH];
    short.copy_from_slice(&digest.finalize()[..LENGTH]);
    short
}

/// The word for a form, from the cookie it will come back with.
pub fn word(cookie: &str) -> String {
    let mask = secret::random::<LENGTH>();
    let mut bytes = mask.to_vec();
    bytes.extend(digest(cookie).iter().zip(mask).map(|(byte, mask)| byte ^ mask));
    data_encoding::BASE64URL_NOPAD.encode(&bytes)
}

fn fits(cookie: &str, word: &str) -> bool {
    let Ok(bytes) = data_encoding::BASE64URL_NOPAD.decode(word.trim().as_bytes()) else { return false };
    let Some((mask, masked)) = bytes.split_at_checked(LENGTH).filter(|(_, masked)| masked.len() == LENGTH) else {
        return false;
    };
    let unmasked: Vec<u8> = masked.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect();
    digest(cookie)[..].ct_eq(&unmasked).into()
}

/// Whether what was sent carries the word of a cookie that came with it.
pub fn is_ours(call: &Call) -> bool {
    let word = match call.header(HEADER) {
        Some(word) => word.to_owned(),
        None => call.csrf_word(),
    };
    [SESSION, FORM].iter().filter_map(|name| call.cookie(name)).any(|cookie| fits(cookie, &word))
}

/// Puts the word into every form of a page that sends something.
pub fn into_forms(html: &str, word: &str) -> String {
    let mut out = String::with_capacity(html.len() + 512);
    let mut rest = html;
    while let Some(at) = memmem::find(rest.as_bytes(), b"<form") {
        let Some(end) = rest[at..].find('>') else { break };
        let (upto, after) = rest.split_at(at + end + 1);
        out.push_str(upto);
        if has_form(&upto[at..]) {
            out.push_str("<input type=\"hidden\" name=\"");
            out.push_str(FIELD);
            out.push_str("\" value=\"");
            out.push_str(word);
            out.push_str("\">");
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Whether a page has a form that sends something.
pub fn has_form(html: &str) -> bool {
    memmem::find(html.as_bytes(), b"method=\"post\"").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_fits_its_cookie_only() {
        let (one, other) = (word("a cookie"), word("a cookie"));
        assert_ne!(one, other, "masked anew");
        assert!(fits("a cookie", &one) && fits("a cookie", &other));
        assert!(!fits("another", &one));
        for bad in ["", "AAAA", &one[1..], &format!("{one}AAAA"), "ä"] {
            assert!(!fits("a cookie", bad), "{bad}");
        }
    }

    #[test]
    fn every_form_that_sends_gets_it_and_no_other() {
        let html =
            r#"<form method="get"><b></form><form class="x" method="post" action="/a"><i></form><form method="post">"#;
        let hidden = r#"<input type="hidden" name="_csrf" value="W">"#;
        assert_eq!(
            into_forms(html, "W"),
            format!(
                r#"<form method="get"><b></form><form class="x" method="post" action="/a">{hidden}<i></form><form method="post">{hidden}"#
            )
        );
        assert_eq!(into_forms("<p>none</p><form", "W"), "<p>none</p><form");
    }
}

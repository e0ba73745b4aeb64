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
pub const SESSION: &str = "house_session";
/// The cookie that forms are bound to before there is a session.
pub const FORM: &str = "house_form";
/// The form's field: its word, and after a dot for whom it was drawn, where somebody was signed in.
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
    let field = match call.header(HEADER) {
        Some(field) => field.to_owned(),
        None => call.csrf_field(),
    };
    let word = field.split('.').next().unwrap_or_default();
    [SESSION, FORM].iter().filter_map(|name| call.cookie(name)).any(|cookie| fits(cookie, word))
}

/// A page with the forms in it that send something.
pub struct Forms<'h> {
    html: &'h str,
    /// Where their opening tags end.
    ends: Vec<usize>,
}

impl<'h> Forms<'h> {
    /// The forms of a page, if it has any that send something. The page is gone through once.
    pub fn of(html: &'h str) -> Option<Forms<'h>> {
        let mut ends = Vec::new();
        for start in memmem::find_iter(html.as_bytes(), b"<form") {
            let Some(length) = html[start..].find('>') else { break };
            let end = start + length + 1;
            if html[start..end].contains("method=\"post\"") {
                ends.push(end);
            }
        }
        (!ends.is_empty()).then_some(Forms { html, ends })
    }

    /// The page with the word in each of them.
    pub fn with(&self, word: &str) -> String {
        let field = ["<input type=\"hidden\" name=\"", FIELD, "\" value=\"", word, "\">"].concat();
        let mut out = String::with_capacity(self.html.len() + field.len() * self.ends.len());
        let mut done = 0;
        for end in &self.ends {
            out.push_str(&self.html[done..*end]);
            out.push_str(&field);
            done = *end;
        }
        out.push_str(&self.html[done..]);
        out
    }
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
            Forms::of(html).map(|forms| forms.with("W")).unwrap_or_default(),
            format!(
                r#"<form method="get"><b></form><form class="x" method="post" action="/a">{hidden}<i></form><form method="post">{hidden}"#
            )
        );
        for none in ["", "<p>none</p><form", r#"<form method="get"></form>"#, r#"<form method="post""#] {
            assert!(Forms::of(none).is_none(), "{none}");
        }
    }
}

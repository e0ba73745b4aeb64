//! Takes secrets out of the output of scripts.
//!
//! A secret of four bytes or more is replaced by `*****` wherever it stands: as it is, line by line if it has several
//! lines, as base64 (also inside a longer text, and broken into lines as tools do), as hexadecimal digits,
//! percent-encoded, and escaped as in JSON, HTML or a shell's quotes. It promises this whatever the pieces in which the
//! output arrives. It does not know how a script may twist a secret otherwise: reversed, encrypted, letter by letter.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use data_encoding::{BASE64, BASE64URL, HEXLOWER, HEXUPPER};

/// What stands in the place of a secret.
pub const MASK: &str = "*****";

/// Shorter secrets (and shorter lines of secrets) are not masked: they would tear holes into all text.
pub const SHORTEST: usize = 4;

/// Tools break long base64 after this many characters: MIME and GNU, PEM and OpenSSL, some others.
const BASE64_WIDTHS: [usize; 3] = [76, 64, 72];

/// Knows the secrets and finds them. Copies are cheap and share what is known.
#[derive(Clone)]
pub struct Masker {
    known: Option<Arc<Known>>,
}

struct Known {
    /// Without it (too much to look for) all text counts as secret.
    finder: Option<AhoCorasick>,
    longest: usize,
}

impl std::fmt::Debug for Masker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Masker(…)")
    }
}

impl Masker {
    /// Learns the secrets. Empty and short ones are passed over.
    pub fn new<I, S>(secrets: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: AsRef<str>,
    {
        let mut patterns = BTreeSet::new();
        for secret in secrets {
            forms(secret.as_ref(), &mut patterns);
        }
        patterns.retain(|pattern| pattern.len() >= SHORTEST);
        if patterns.is_empty() {
            return Self { known: None };
        }
        let longest = patterns.iter().map(Vec::len).max().unwrap_or_default();
        // Building fails only when there are more than 2^31 patterns or bytes of them.
        let finder = AhoCorasick::new(&patterns).ok();
        Self { known: Some(Arc::new(Known { finder, longest })) }
    }

    /// The text without secrets. For output that arrives in pieces use [`Masker::stream`].
    pub fn mask_str(&self, text: &str) -> String {
        let mut stream = self.stream();
        let mut masked = stream.feed(text);
        masked.push_str(&stream.finish());
        masked
    }

    /// A masker for one stream of output: take one for standard output and another for standard error.
    pub fn stream(&self) -> MaskStream {
        MaskStream { masker: self.clone(), held: String::new(), covered: 0 }
    }
}

/// The state of one stream of output.
#[derive(Debug)]
pub struct MaskStream {
    masker: Masker,
    /// Text that may be the beginning of a secret.
    held: String,
    /// So many bytes of `held` belong to a secret whose mask is already given out.
    covered: usize,
}

impl MaskStream {
    /// Takes a line, or a piece of a line that goes on (`continued`), and answers what may be shown now. A whole line is
    /// answered at once; of a piece the end is held back, as it may be half a secret.
    pub fn push(&mut self, text: &str, continued: bool) -> String {
        let mut shown = self.feed(text);
        if !continued {
            shown.push_str(&self.finish());
        }
        shown
    }

    /// Takes any piece of text and answers what may be shown now.
    pub fn feed(&mut self, text: &str) -> String {
        let Some(known) = self.masker.known.clone() else {
            return text.to_owned();
        };
        self.held.push_str(text);
        let mut end = self.held.len().saturating_sub(known.longest - 1);
        while !self.held.is_char_boundary(end) {
            end -= 1;
        }
        self.give_out(&known, end)
    }

    /// The rest, at the end of the stream or of a line.
    pub fn finish(&mut self) -> String {
        let Some(known) = self.masker.known.clone() else {
            return String::new();
        };
        let shown = self.give_out(&known, self.held.len());
        self.covered = 0;
        shown
    }

    /// Gives out the held text up to `end`. A secret that lies across `end` is masked now and remembered as covered.
    fn give_out(&mut self, known: &Known, end: usize) -> String {
        if end == 0 {
            return String::new();
        }
        let mut shown = String::with_capacity(end);
        let mut shown_to = self.covered.min(end);
        let mut covered_to = self.covered;
        for secret in secrets_in(known, &self.held, self.covered) {
            if secret.start >= end {
                break;
            }
            if secret.start > shown_to {
                shown.push_str(&self.held[shown_to..secret.start]);
            }
            // One that begins inside what is already covered only makes it longer.
            if secret.start >= covered_to {
                shown.push_str(MASK);
            }
            covered_to = covered_to.max(secret.end);
            shown_to = shown_to.max(secret.end);
        }
        if shown_to < end {
            shown.push_str(&self.held[shown_to..end]);
        }
        self.held.drain(..end);
        self.covered = covered_to.saturating_sub(end);
        shown
    }
}

/// Where secrets lie, in order; those that overlap (also with the covered beginning) are one.
fn secrets_in(known: &Known, text: &str, covered: usize) -> Vec<Range<usize>> {
    let Some(finder) = &known.finder else { return std::iter::once(0..text.len()).collect() };
    let mut found: Vec<Range<usize>> = finder.find_overlapping_iter(text).map(|hit| hit.range()).collect();
    found.sort_by_key(|range| (range.start, range.end));
    let mut joined: Vec<Range<usize>> = Vec::new();
    for range in found {
        // A pattern ends where a character ends, but an encoded form could in theory begin inside one.
        let start = (0..=range.start).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let end = (range.end..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
        match joined.last_mut() {
            Some(last) if start < last.end => last.end = last.end.max(end),
            _ => joined.push(start..end),
        }
    }
    // What was covered before and is reached again is not new.
    joined.retain(|range| range.end > covered);
    joined
}

/// Every form in which a secret is looked for.
fn forms(secret: &str, patterns: &mut BTreeSet<Vec<u8>>) {
    for text in [secret, secret.trim_matches(['\r', '\n'])] {
        if text.len() < SHORTEST {
            continue;
        }
        encoded_forms(text, patterns);
        for line in text.lines().map(str::trim).filter(|line| line.len() >= SHORTEST) {
            if line != text {
                encoded_forms(line, patterns);
            }
        }
    }
}

fn encoded_forms(text: &str, patterns: &mut BTreeSet<Vec<u8>>) {
    let bytes = text.as_bytes();
    let mut add = |form: String| {
        if form.len() >= SHORTEST {
            patterns.insert(form.into_bytes());
        }
    };
    add(text.to_owned());
    if text.contains('\n') {
        add(text.replace("\r\n", "\n"));
        add(text.replace("\r\n", "\n").replace('\n', "\r\n"));
    }
    add(HEXLOWER.encode(bytes));
    add(HEXUPPER.encode(bytes));
    for upper in [true, false] {
        add(percent(bytes, upper, "%20"));
        add(percent(bytes, upper, "+"));
    }
    if let Ok(quoted) = serde_json::to_string(text) {
        add(quoted[1..quoted.len() - 1].to_owned());
        add(quoted[1..quoted.len() - 1].replace('/', "\\/"));
    }
    add(text.replace('\'', r"'\''"));
    let html = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    add(html.replace('"', "&quot;").replace('\'', "&#39;"));
    add(html.replace('"', "&quot;"));
    add(html);
    for form in base64_forms(bytes) {
        add(form);
    }
}

/// Base64 of the bytes wherever they stand in a longer text: with zero, one or two bytes before them. Only characters that
/// depend on the secret alone are kept.
fn base64_forms(bytes: &[u8]) -> Vec<String> {
    let mut forms = Vec::new();
    for before in 0..3 {
        let mut padded = vec![0_u8; before];
        padded.extend_from_slice(bytes);
        // The first characters also hold bits of the bytes before, the last one those of the bytes after.
        let from = [0, 2, 3][before];
        let to = padded.len() * 8 / 6;
        for encoding in [BASE64, BASE64URL] {
            let text = encoding.encode(&padded);
            if let Some(inner) = text.get(from..to) {
                forms.push(inner.to_owned());
            }
            if before == 0 {
                for width in BASE64_WIDTHS.into_iter().filter(|width| text.len() > *width) {
                    let pieces = text.as_bytes().chunks(width).map(|piece| String::from_utf8_lossy(piece).into_owned());
                    // The last piece may be short and ordinary; eight characters are 48 bits.
                    forms.extend(pieces.filter(|piece| piece.trim_end_matches('=').len() >= 8));
                }
                forms.push(text);
            }
        }
    }
    forms
}

/// Percent-encoding as browsers and libraries do it; letters, digits and `-._~` stay.
fn percent(bytes: &[u8], upper: bool, space: &str) -> String {
    let mut text = String::with_capacity(bytes.len() * 3);
    for byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(*byte)),
            b' ' => text.push_str(space),
            _ if upper => text.push_str(&format!("%{byte:02X}")),
            _ => text.push_str(&format!("%{byte:02x}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_in_every_form() {
        let secret = "pa$$ wö'rd&<1>\"/";
        let hex = HEXLOWER.encode(secret.as_bytes());
        let plain = |text: &str| text.to_owned();
        for (what, text) in [
            ("plain", plain(secret)),
            ("hex", hex.clone()),
            ("HEX", hex.to_uppercase()),
            ("percent", percent(secret.as_bytes(), true, "%20")),
            ("percent, lower", percent(secret.as_bytes(), false, "%20")),
            ("form", percent(secret.as_bytes(), true, "+")),
            ("json", plain("pa$$ wö'rd&<1>\\\"/")),
            ("html", plain("pa$$ wö&#39;rd&amp;&lt;1&gt;&quot;/")),
            ("shell", plain(r#"pa$$ wö'\''rd&<1>"/"#)),
            ("base64", BASE64.encode(secret.as_bytes())),
            ("base64url", BASE64URL.encode(secret.as_bytes())),
        ] {
            let masked = Masker::new([secret]).mask_str(&format!("before {text} after"));
            assert_eq!(masked, "before ***** after", "{what}");
        }
    }

    #[test]
    fn base64_is_found_inside_a_longer_text() {
        let secret = "correct horse";
        let masker = Masker::new([secret]);
        for before in 0..6 {
            for after in 0..6 {
                let text = format!("{}{secret}{}", "u".repeat(before), "v".repeat(after));
                for encoding in [BASE64, BASE64URL] {
                    let encoded = encoding.encode(text.as_bytes());
                    let masked = masker.mask_str(&encoded);
                    assert!(masked.contains(MASK), "{before} {after} {encoded}");
                    // Of 13 bytes at most the two at the edges can be guessed from what is left.
                    assert!(masked.len() - MASK.len() <= (before + after + 4) * 4 / 3 + 4, "{encoded} → {masked}");
                }
            }
        }
    }

    #[test]
    fn broken_base64_is_found() {
        let secret = "x1".repeat(100);
        let encoded = BASE64.encode(secret.as_bytes());
        let masker = Masker::new([secret]);
        for width in BASE64_WIDTHS {
            for line in encoded.as_bytes().chunks(width) {
                let line = std::str::from_utf8(line).unwrap();
                let expected = if line.len() >= 9 { MASK } else { line };
                assert_eq!(masker.mask_str(line), expected, "{width}");
            }
        }
    }

    #[test]
    fn which_secrets_and_what_is_left() {
        for (secrets, text, expected) in [
            (vec![], "nothing", "nothing"),
            (vec![""], "nothing", "nothing"),
            (vec!["abc"], "abc is too short", "abc is too short"),
            (vec!["abcd"], "abcd abcabcd", "***** abc*****"),
            (vec!["abcd", "abcdef"], "abcdef abcde", "***** *****e"),
            (vec!["abcdef", "defghij"], "xabcdefghijx", "x*****x"),
            (vec!["aaaa"], "aaaaaa", "*****"),
            (vec!["abcd"], "abcdabcd", "**********"),
            (vec!["wörd"], "ein wörd.", "ein *****."),
            (vec!["line one\nline two"], "line one\nline two", "*****"),
            (vec!["line one\nline two\n"], "a line two b", "a ***** b"),
            (vec!["line one\nline two"], "line one\r\nline two!", "*****!"),
            (vec!["k: v\nab\nlonger"], "ab", "ab"),
        ] {
            assert_eq!(Masker::new(&secrets).mask_str(text), expected, "{secrets:?} in {text:?}");
        }
    }

    #[test]
    fn every_chunking_gives_the_same() {
        let secrets = ["abcdef", "defghij", "wörd€", "two\nlines here", "zzzz"];
        let text = "xabcdefghij wörd€wörd€ 😀two\nlines here abcde zzzzzzz dGVzdA two\nlines nowhere abcdef";
        let masker = Masker::new(secrets);
        let whole = masker.mask_str(text);
        assert_eq!(whole, "x***** ********** 😀***** abcde ***** dGVzdA two\nlines nowhere *****");
        let characters: Vec<char> = text.chars().collect();
        for size in 1..characters.len() {
            let mut stream = masker.stream();
            let mut shown = String::new();
            for piece in characters.chunks(size) {
                shown.push_str(&stream.feed(&piece.iter().collect::<String>()));
            }
            shown.push_str(&stream.finish());
            assert_eq!(shown, whole, "pieces of {size}");
        }
    }

    #[test]
    fn lines_come_out_at_once_and_pieces_are_held() {
        let masker = Masker::new(["topsecret"]);
        let mut stream = masker.stream();
        assert_eq!(stream.push("a topsec", false), "a topsec");
        assert_eq!(stream.push("ret", false), "ret");
        let first = stream.push("a topsec", true);
        assert!(!first.contains("top"), "{first}");
        assert_eq!(format!("{first}{}", stream.push("ret b", false)), "a ***** b");
        assert_eq!(stream.push("topsecret", false), MASK);
    }

    #[test]
    fn nothing_of_it_can_be_printed() {
        let masker = Masker::new(["topsecret"]);
        assert!(!format!("{masker:?}").contains("topsecret"));
    }
}

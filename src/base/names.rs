//! Names that people give, checked once.

use unicode_normalization::UnicodeNormalization;

/// A name as it was typed, trimmed: 1 to `longest` characters, all of which are seen (`domain §1`). What joins or chooses
/// pictures (`👩‍💻`, `✔️`) or letters may stand after what it joins.
pub fn name(text: &str, longest: usize) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("Give it a name.".into());
    }
    if text.chars().count() > longest {
        return Err(format!("Use at most {longest} characters."));
    }
    if text.chars().any(char::is_control) {
        return Err("Leave out line breaks and control characters.".into());
    }
    let mut before = ' ';
    for c in text.chars() {
        let joins =
            matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe0e}' | '\u{fe0f}') && !before.is_ascii() && !unseen(before);
        if !joins && unseen(c) {
            return Err(UNSEEN.into());
        }
        before = if joins { before } else { c };
    }
    Ok(text.to_owned())
}

const UNSEEN: &str = "Leave out characters that cannot be seen or that change the order of letters.";

/// Whether nothing is seen of a character, or it changes how others are seen.
fn unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{e000}'..='\u{f8ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{ffff}'
        | '\u{e0000}'..='\u{10ffff}')
}

/// Free text of at most `longest` characters; line breaks are kept.
pub fn text(text: &str, longest: usize) -> Result<String, String> {
    let text = text.trim().replace("\r\n", "\n");
    if text.chars().count() > longest {
        return Err(format!("Use at most {longest} characters."));
    }
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err("Leave out control characters.".into());
    }
    Ok(text)
}

/// What two names are compared by: trimmed, in one spelling of Unicode (NFKC), without regard to case. Keys
/// are kept in files: what was given a name before has to be found by it.
pub fn key(name: &str) -> String {
    let name = name.trim();
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    // By way of upper case, so that letters with several lower-case forms (ß and ss, the two small sigmas) meet.
    let folded: String = name.nfkc().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect();
    folded.nfkc().collect()
}

/// A name by which somebody signs in, in one spelling of Unicode. Letters that are not seen are refused: two people
/// must not have names that look the same on a page because of them.
pub fn visible(text: &str) -> Result<String, String> {
    let text: String = text.trim().nfkc().collect();
    if text.chars().any(unseen) { Err(UNSEEN.into()) } else { Ok(text) }
}

/// Words that stand in an address where a slug can stand; no thing of a space is given one as its slug.
pub const RESERVED_SLUGS: &[&str] = &[
    "all",
    "api",
    "create",
    "experimental",
    "log",
    "new",
    "pulse",
    "rule-test",
    "runbooks",
    "runs",
    "sortorder",
    "status",
    "summary",
    "tag-test",
    "v1",
    "v2",
    "variables-missing",
];

/// A slug made from a name: lower-case letters, digits and single hyphens; other letters are written in those of the
/// English alphabet. `fallback` when nothing is left, and added to a word that means something else in an address.
pub fn slug_of(name: &str, fallback: &str) -> String {
    let mut slug = String::new();
    // Composed letters first: they are known one by one.
    let name: String = name.trim().nfc().collect();
    for c in deunicode::deunicode_with_tofu(&name, "-").to_lowercase().chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !matches!(c, '\'' | '`') && !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
        if slug.len() >= 60 {
            break;
        }
    }
    let slug = slug.trim_end_matches('-').to_owned();
    match slug.as_str() {
        "" => fallback.to_owned(),
        word if RESERVED_SLUGS.contains(&word) => format!("{word}-{fallback}"),
        _ => slug,
    }
}

/// The wished-for slug, or the first of `wish-2`, `wish-3`, … that is not taken.
pub fn free<E>(wish: &str, mut taken: impl FnMut(&str) -> Result<bool, E>) -> Result<String, E> {
    let mut slug = wish.to_owned();
    let mut number = 2;
    while taken(&slug)? {
        slug = format!("{wish}-{number}");
        number += 1;
    }
    Ok(slug)
}

/// A slug that was typed: 1 to 60 lower-case letters, digits and hyphens, beginning and ending with a letter or digit.
pub fn slug(text: &str) -> Result<String, String> {
    let text = text.trim();
    let ok = !text.is_empty()
        && text.len() <= 60
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-');
    if ok { Ok(text.to_owned()) } else { Err("Use lower-case letters, digits and hyphens, at most 60.".into()) }
}

/// Words in an address that no company can be called by.
pub const RESERVED: &[&str] = &[
    "login",
    "logout",
    "forgot",
    "setup",
    "static",
    "healthz",
    "readyz",
    "metrics",
    "agent",
    "operator",
    "api",
    "app",
    "help",
    "favicon.ico",
    "robots.txt",
    "well-known",
    "assets",
    "admin",
    "bulkhead",
];

/// The slug of the operator's own compartment; no other company can be called so.
pub const OPERATOR: &str = "operator";

/// A slug that a compartment may have: a company's, or the operator's own.
pub fn compartment(text: &str) -> Result<String, String> {
    if text == OPERATOR { Ok(text.to_owned()) } else { company_slug(text) }
}

/// A company's slug: 2 to 40 characters, not a reserved word.
pub fn company_slug(text: &str) -> Result<String, String> {
    let text = slug(text)?;
    if text.len() < 2 || text.len() > 40 {
        return Err("Use 2 to 40 characters.".into());
    }
    if RESERVED.contains(&text.as_str()) {
        return Err(format!("“{text}” is a reserved word. Choose another."));
    }
    Ok(text)
}

/// An e-mail address: something, an @, something with no blanks; 256 characters at most. A domain in other letters than
/// English ones is written in its ASCII spelling, so that one address has one.
pub fn email(text: &str) -> Result<String, String> {
    let text = text.trim();
    let shape = text.split_once('@').is_some_and(|(person, host)| {
        !person.is_empty() && !host.is_empty() && !host.contains('@') && !host.starts_with('.') && !host.ends_with('.')
    });
    if text.chars().any(unseen) {
        return Err(UNSEEN.into());
    }
    if text.len() > 256 || !shape || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("Give an e-mail address, such as ada@example.com.".into());
    }
    match text.split_once('@') {
        Some((person, host)) if !host.is_ascii() => match url::Host::parse(host) {
            Ok(url::Host::Domain(host)) => Ok(format!("{person}@{host}")),
            _ => Err("There is no such domain. Give an e-mail address, such as ada@example.com.".into()),
        },
        _ => Ok(text.to_owned()),
    }
}

/// What somebody is found by who signs in with this word: as it is spelt, and with its domain in ASCII, as addresses are
/// kept since that has one spelling.
pub fn account_keys(text: &str) -> (String, String) {
    let plain = key(text);
    let ascii = email(text).map_or_else(|_| plain.clone(), |email| key(&email));
    (plain, ascii)
}

/// A size for people: `812 KiB`, `4.2 GiB`.
pub fn bytes(bytes: u64) -> String {
    let mut size = bytes as f64;
    let mut unit = "B";
    for next in ["KiB", "MiB", "GiB", "TiB"] {
        if size < 1024.0 {
            break;
        }
        (size, unit) = (size / 1024.0, next);
    }
    if unit == "B" || size >= 100.0 { format!("{size:.0} {unit}") } else { format!("{size:.1} {unit}") }
}

/// A size that was typed: a number of bytes, or with `K`, `M`, `G`, `T` after it (`10G`, `10 GiB`).
pub fn parse_bytes(text: &str) -> Option<i64> {
    let text = text.trim().to_ascii_uppercase();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).trim();
    let unit = text[text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).len()..]
        .trim_end_matches("IB")
        .trim_end_matches('B');
    let times: f64 = match unit {
        "" => 1.0,
        "K" => 1024.0,
        "M" => 1024.0 * 1024.0,
        "G" => 1024.0 * 1024.0 * 1024.0,
        "T" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    let number: f64 = digits.parse().ok()?;
    let size = number * times;
    (number.is_finite() && (1.0..=1e18).contains(&size)).then_some(size as i64)
}

/// A release version: any text of a version-like form (`domain §5`): numbers and letters joined by `. - + _`, starting
/// with a digit or letter, at most 100 characters.
pub fn version(text: &str) -> Result<String, String> {
    let text = text.trim();
    let ok = !text.is_empty()
        && text.len() <= 100
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-+_".contains(&b))
        && text.bytes().any(|b| b.is_ascii_digit());
    if ok { Ok(text.to_owned()) } else { Err("Give a version such as 1.2.0 or 2026.3.1-beta.2.".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_bounded() {
        assert_eq!(name("  Shop ", 200), Ok("Shop".into()));
        assert!(name("   ", 200).is_err());
        assert!(name(&"x".repeat(201), 200).is_err());
        assert!(name("a\nb", 200).is_err());
        assert_eq!(name(&"ü".repeat(200), 200).map(|n| n.chars().count()), Ok(200));
    }

    /// Findings A13.
    #[test]
    fn what_is_not_seen_is_in_no_name() {
        for good in
            ["Größe 漢字", "👩\u{200d}💻 Team", "✔\u{fe0f} done", "نمی\u{200c}خواهم", "a  b", "❤\u{fe0f}\u{200d}🔥"]
        {
            assert_eq!(name(good, 200).as_deref(), Ok(good));
        }
        for bad in [
            "Prod\u{202e}x",
            "Prod\u{200b}",
            "\u{feff}Prod",
            "a\u{ad}b",
            "a\u{2028}b",
            "a\u{200d}b",
            "\u{200d}a",
            "a\u{fe0f}",
            "\u{2066}a",
            "a\u{e0041}",
            "\u{2800}",
            "\u{3164}",
            "a\u{fff9}",
            "a\u{e000}",
            "Pr\u{200e}od",
        ] {
            assert!(name(bad, 200).is_err(), "{}", bad.escape_unicode());
        }
        assert_eq!(key("Prod\u{200b}"), "prod\u{200b}", "what was given such a name before is found by the key it has");
    }

    #[test]
    fn names_are_compared_in_one_spelling_and_without_case() {
        for (one, other) in [
            ("Ada", " aDA "),
            ("Jos\u{e9}", "JOSE\u{301}"),
            ("Straße", "STRASSE"),
            ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
            ("\u{ff21}da", "ada"),
            ("ﬁn", "FIN"),
        ] {
            assert_eq!(key(one), key(other), "{one} {other}");
            assert_eq!(key(&key(one)), key(one), "folding again changes nothing: {one}");
        }
        for (one, other) in [("Ada", "Adá"), ("a b", "ab"), ("o", "ö")] {
            assert_ne!(key(one), key(other), "{one} {other}");
        }
        for hidden in ["a\u{200b}da", "ada\u{202e}", "\u{feff}ada", "a\u{ad}da"] {
            assert!(visible(hidden).is_err(), "{}", hidden.escape_unicode());
        }
        assert_eq!(visible(" Jose\u{301} "), Ok("Jos\u{e9}".into()));
    }

    #[test]
    fn slugs_come_from_names() {
        for (from, to) in [
            ("Shop & Café", "shop-cafe"),
            ("  A  b ", "a-b"),
            ("!!!", "thing"),
            ("Ünï", "uni"),
            ("Prod-EU", "prod-eu"),
            // Findings C8, F10.
            ("Łódź Sp. z o.o.", "lodz-sp-z-o-o"),
            ("Société Générale", "societe-generale"),
            ("Socie\u{301}te\u{301}", "societe"),
            ("Straße 5", "strasse-5"),
            ("Ελλάδα", "ellada"),
            ("Москва", "moskva"),
            ("O'Brien", "obrien"),
            ("All", "all-thing"),
            ("Status", "status-thing"),
            ("V2", "v2-thing"),
            ("Allianz", "allianz"),
        ] {
            assert_eq!(slug_of(from, "thing"), to);
        }
        assert_eq!(slug_of("New", "project"), "new-project");
        let japanese = slug_of("カタログ管理", "project");
        assert!(japanese.starts_with("katarogu") && slug(&japanese).is_ok(), "{japanese}");
        assert_eq!(slug_of("API", "project"), "api-project");
        for bad in ["", "-a", "a-", "A", "a b", "ä"] {
            assert!(slug(bad).is_err(), "{bad}");
        }
        assert!(company_slug("operator").is_err());
        assert!(company_slug("a").is_err());
        assert!(company_slug("acme-corp").is_ok());
    }

    #[test]
    fn versions_are_version_like() {
        for good in ["1.2.0", "0.0.1", "2026.3.1-beta.2+build.7", "v1.2", "42"] {
            assert!(version(good).is_ok(), "{good}");
        }
        for bad in ["", "beta", "1 2", "../1", "-1", "1/2", &"1".repeat(101)] {
            assert!(version(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes() {
        for (text, size) in [("1024", 1024), ("10G", 10 << 30), ("1.5 MiB", 3 << 19), ("2 kb", 2048)] {
            assert_eq!(parse_bytes(text), Some(size), "{text}");
        }
        for bad in ["", "G", "-1", "1X", "inf", "nan", "1e40", "ß"] {
            assert_eq!(parse_bytes(bad), None, "{bad}");
        }
        for (size, text) in [(0, "0 B"), (1536, "1.5 KiB"), (10 << 30, "10.0 GiB"), (700 << 20, "700 MiB")] {
            assert_eq!(bytes(size), text);
        }
    }

    #[test]
    fn addresses_of_mail() {
        for good in ["a@b", "ada@example.com"] {
            assert!(email(good).is_ok());
        }
        for bad in ["", "ada", "@b", "a@", "a@b@c", "a b@c", "a@.c"] {
            assert!(email(bad).is_err(), "{bad}");
        }
    }
}

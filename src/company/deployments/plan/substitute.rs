//! Names in script text, and what stands in their place.

use crate::base::names;
use std::collections::BTreeMap;

/// Puts values in place of `#{Name}` for names that are known, ignoring case. What is not known stays as it is written
/// (`domain §4`, script text); `##{Name}` is the way to write `#{Name}` itself.
pub fn substitute(text: &str, variables: &BTreeMap<String, String>) -> String {
    let known: BTreeMap<String, &String> = variables.iter().map(|(name, value)| (names::key(name), value)).collect();
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("#{") {
        let (before, from) = rest.split_at(at);
        if let Some(kept) = before.strip_suffix('#') {
            out.push_str(kept);
            out.push_str("#{");
            rest = from.get(2..).unwrap_or_default();
            continue;
        }
        out.push_str(before);
        let value = from.find('}').and_then(|end| {
            let name = from.get(2..end)?;
            Some((known.get(&names::key(name))?, end + 1))
        });
        match value {
            Some((value, end)) => {
                out.push_str(value);
                rest = from.get(end..).unwrap_or_default();
            }
            None => {
                out.push_str("#{");
                rest = from.get(2..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_are_replaced_and_the_rest_stays() {
        let variables =
            BTreeMap::from([("Octopus.Release.Number".to_owned(), "1.2.0".to_owned()), ("A".into(), "#{B}".into())]);
        for (text, expected) in [
            ("echo #{Octopus.Release.Number}", "echo 1.2.0"),
            ("#{octopus.release.number}#{A}", "1.2.0#{B}"),
            ("#{Unknown} #{ A }", "#{Unknown} #{B}"),
            ("##{A} ###{A}", "#{A} ##{A}"),
            ("#{A", "#{A"),
            ("#{if A}#{A}#{/if}", "#{if A}#{B}#{/if}"),
            ("ü#{A}ü}", "ü#{B}ü}"),
            ("${A#}", "${A#}"),
        ] {
            assert_eq!(substitute(text, &variables), expected, "{text}");
        }
    }
}

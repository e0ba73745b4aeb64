//! Service messages: lines by which a script tells the server something (`domain §11`), such as
//! `##octopus[setVariable name='…' value='…']` with values in base64.

use crate::company::tasks::Category;
use data_encoding::BASE64;
use std::collections::BTreeMap;

/// How every one of them begins.
const BEGINNING: &str = "##octopus[";

/// What a line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Message {
    /// Keep a value for the steps that follow.
    SetVariable {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
        /// It is a secret.
        sensitive: bool,
    },
    /// What follows on standard output is of this category.
    Speak(Category),
    /// How far it came.
    Progress {
        /// 0 to 100.
        percentage: u8,
        /// In words.
        message: String,
    },
}

/// Whether a line that goes on may be a service message.
pub(super) fn may_begin(line: &str) -> bool {
    line.trim_start().starts_with(BEGINNING)
}

/// Reads a line; `None`: it is ordinary output, or a message that this version does not know and shows as it is.
pub(super) fn read(line: &str) -> Option<Message> {
    let inner = line.trim().strip_prefix(BEGINNING)?.strip_suffix(']')?;
    let (word, rest) = inner.split_once(' ').unwrap_or((inner, ""));
    let values = attributes(rest)?;
    let value = |name: &str| values.get(name).cloned().unwrap_or_default();
    Some(match word {
        "setVariable" => {
            let name = value("name");
            if name.trim().is_empty() {
                return None;
            }
            Message::SetVariable {
                name,
                value: value("value"),
                sensitive: value("sensitive").eq_ignore_ascii_case("true"),
            }
        }
        "progress" => Message::Progress {
            percentage: value("percentage").trim().parse::<u8>().ok()?.min(100),
            message: value("message"),
        },
        "stdout-default" => Message::Speak(Category::Info),
        "stdout-warning" => Message::Speak(Category::Warning),
        "stdout-highlight" => Message::Speak(Category::Highlight),
        "stdout-verbose" | "stdout-ignore" => Message::Speak(Category::Verbose),
        "stdout-wait" => Message::Speak(Category::Wait),
        "stdout-error" => Message::Speak(Category::Error),
        _ => return None,
    })
}

/// `name='base64' …`
fn attributes(mut text: &str) -> Option<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    loop {
        text = text.trim_start();
        if text.is_empty() {
            return Some(found);
        }
        let (name, rest) = text.split_once("='")?;
        let (value, rest) = rest.split_once('\'')?;
        let bytes = BASE64.decode(value.as_bytes()).ok()?;
        found.insert(name.trim().to_owned(), String::from_utf8_lossy(&bytes).into_owned());
        text = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_and_the_rest_is_output() {
        let set = |name: &str, value: &str, sensitive| {
            Some(Message::SetVariable { name: name.into(), value: value.into(), sensitive })
        };
        for (line, expected) in [
            ("##octopus[setVariable name='VXJs' value='aHR0cHM6Ly94']", set("Url", "https://x", false)),
            ("##octopus[setVariable name='VXJs' value='' sensitive='VHJ1ZQ==']\r", set("Url", "", true)),
            ("##octopus[stdout-warning]", Some(Message::Speak(Category::Warning))),
            (
                "##octopus[progress percentage='NTA=' message='SGFsZg==']",
                Some(Message::Progress { percentage: 50, message: "Half".into() }),
            ),
            ("##octopus[setVariable name='' value='']", None),
            ("##octopus[setVariable name='%%' value='']", None),
            ("##octopus[createArtifact path='']", None),
            ("##octopus[", None),
            ("an ordinary line", None),
        ] {
            assert_eq!(read(line), expected, "{line}");
        }
    }
}

//! Service messages: lines by which a script tells the server something (`scripts §1`), such as
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
    /// What follows on standard error is of this category.
    SpeakOfErrors(Category),
    /// How far it came.
    Progress {
        /// 0 to 100.
        percentage: u8,
        /// In words.
        message: String,
    },
    /// Why the step failed.
    Result(String),
    /// This value is hidden from here on.
    Mask(String),
    /// Has no effect here and needs none.
    Passed,
    /// Asks for what this version cannot do: its word.
    Undone(String),
    /// Begins as a message and is none, or is of a word that nobody knows: why nothing happens.
    Unread(String),
}

/// Messages that only tell the field's own machinery something.
const WITHOUT_EFFECT: [&str; 6] = [
    "foundPackage",
    "calamari-found-package",
    "deltaVerification",
    "calamari-timed-operation",
    "calamari-deployment-metric",
    "calamari-script-isolation-alert",
];
/// Messages with an effect that this version does not have.
const UNDONE: [&str; 12] = [
    "createArtifact",
    "set-environmentstate",
    "createStepPackageTarget",
    "delete-target",
    "create-tokenaccount",
    "create-userpassaccount",
    "create-awsaccount",
    "create-azureaccount",
    "create-kubernetestarget",
    "create-azurewebapptarget",
    "create-azureservicefabrictarget",
    "k8s-manifest-applied",
];

/// Where the first message of a line begins. A third `#` before it makes it none.
fn beginning(line: &str) -> Option<usize> {
    line.match_indices(BEGINNING).map(|(at, _)| at).find(|at| !line.get(..*at).is_some_and(|b| b.ends_with('#')))
}

/// Whether a piece of a line that goes on ends within a service message.
pub(super) fn goes_on(piece: &str) -> bool {
    beginning(piece).is_some_and(|at| !piece.get(at..).is_some_and(|message| message.contains(']')))
}

/// Reads a line: its message, and what else stands in it. `None`: it is ordinary output.
pub(super) fn read(line: &str) -> Option<(Message, String)> {
    let at = beginning(line)?;
    let (before, message) = (line.get(..at)?, line.get(at + BEGINNING.len()..)?);
    let (inner, after) = message.split_once(']')?;
    let rest = [before, after].concat();
    Some((message_of(inner), rest.trim_end().to_owned()))
}

fn message_of(inner: &str) -> Message {
    let (word, rest) = inner.split_once(char::is_whitespace).unwrap_or((inner, ""));
    let unread = |why: &str| Message::Unread(format!("A service message {why}: nothing happens by it."));
    let Some(values) = attributes(rest) else { return unread("cannot be read") };
    let value = |name: &str| values.get(name).cloned().unwrap_or_default();
    match word {
        "setVariable" if value("name").trim().is_empty() => unread("names no variable"),
        "setVariable" => Message::SetVariable {
            name: value("name"),
            value: value("value"),
            sensitive: value("sensitive").eq_ignore_ascii_case("true"),
        },
        "progress" => match value("percentage").trim().parse::<i64>() {
            Ok(percentage) => Message::Progress {
                percentage: u8::try_from(percentage.clamp(0, 100)).unwrap_or_default(),
                message: value("message"),
            },
            Err(_) => unread("gives no percentage"),
        },
        "mask" if value("value").trim().is_empty() => Message::Passed,
        "mask" => Message::Mask(value("value")),
        "resultMessage" => Message::Result(value("message")),
        "stdout-default" => Message::Speak(Category::Info),
        "stdout-warning" => Message::Speak(Category::Warning),
        "stdout-highlight" => Message::Speak(Category::Highlight),
        "stdout-verbose" | "stdout-ignore" => Message::Speak(Category::Verbose),
        "stdout-wait" => Message::Speak(Category::Wait),
        "stdout-error" => Message::Speak(Category::Error),
        "stderr-default" | "stderr-error" => Message::SpeakOfErrors(Category::Error),
        "stderr-progress" => Message::SpeakOfErrors(Category::Info),
        "stderr-ignore" => Message::SpeakOfErrors(Category::Verbose),
        known if WITHOUT_EFFECT.contains(&known) => Message::Passed,
        known if UNDONE.contains(&known) => Message::Undone(known.to_owned()),
        _ => unread("is of a kind that is not known"),
    }
}

/// `name='base64' …`, each name once and in any case, the value in either quotes.
fn attributes(mut text: &str) -> Option<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    loop {
        text = text.trim_start();
        if text.is_empty() {
            return Some(found);
        }
        let (name, rest) = text.split_once('=')?;
        let quote = rest.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
        let (value, rest) = rest.get(1..)?.split_once(quote)?;
        let value = String::from_utf8(BASE64.decode(value.as_bytes()).ok()?).ok()?;
        if found.insert(name.trim().to_ascii_lowercase(), value).is_some() {
            return None;
        }
        text = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of `scripts §1`, and findings H5.
    #[test]
    fn messages_are_read_and_the_rest_is_output() {
        let set = |name: &str, value: &str, sensitive| {
            Some(Message::SetVariable { name: name.into(), value: value.into(), sensitive })
        };
        for (line, expected) in [
            ("##octopus[setVariable name='VXJs' value='aHR0cHM6Ly94']", set("Url", "https://x", false)),
            ("##octopus[setVariable name='VXJs' value='' sensitive='VHJ1ZQ==']\r", set("Url", "", true)),
            ("##octopus[setVariable NAME=\"Q29sb3Vy\" Value=\"Ymx1ZQ==\"]", set("Colour", "blue", false)),
            ("##octopus[setVariable name='Q29sb3Vy']", set("Colour", "", false)),
            ("##octopus[stdout-warning]", Some(Message::Speak(Category::Warning))),
            ("##octopus[stderr-progress]", Some(Message::SpeakOfErrors(Category::Info))),
            ("##octopus[resultMessage message='SGFsZg==']", Some(Message::Result("Half".into()))),
            (
                "##octopus[progress percentage='NTA=' message='SGFsZg==']",
                Some(Message::Progress { percentage: 50, message: "Half".into() }),
            ),
            ("##octopus[mask value='SGFsZg==']", Some(Message::Mask("Half".into()))),
            ("##octopus[calamari-timed-operation name='VXJs']", Some(Message::Passed)),
            ("##octopus[createArtifact path='']", Some(Message::Undone("createArtifact".into()))),
            ("##octopus[", None),
            ("###octopus[setVariable name='Q29sb3Vy' value='Ymx1ZQ==']", None),
            ("an ordinary line", None),
        ] {
            assert_eq!(read(line).map(|(message, _)| message), expected, "{line}");
        }
        for line in [
            "##octopus[setVariable name='' value='']",
            "##octopus[setVariable value='Ymx1ZQ==']",
            "##octopus[setVariable name='%%' value='']",
            "##octopus[setVariable name='Colour' value='blue']",
            "##octopus[setVariable name='Q29sb3Vy' name='Ymx1ZQ==']",
            "##octopus[something-new]",
        ] {
            assert!(matches!(read(line), Some((Message::Unread(_), rest)) if rest.is_empty()), "{line}");
        }
        let (message, rest) = read("done ##octopus[setVariable name='Q29sb3Vy' value='Ymx1ZQ==']").unwrap();
        assert_eq!((Some(message), rest.as_str()), (set("Colour", "blue", false), "done"));
    }
}

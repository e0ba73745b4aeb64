//! What an answer says that does not pass by itself: what two answers, one before and one after something happened to
//! others, are compared by.

use crate::support::api::Answer;

/// What stands between the first two is taken out; the third says why.
pub(super) type Passing = (&'static str, &'static str, &'static str);

/// In every answer.
const EVERYWHERE: [Passing; 2] = [
    ("<time", "</time>", "pages say how long ago something was"),
    ("name=\"_csrf\"", ">", "each answer has another word for its forms"),
];

/// Status, where it leads, and the text without what passes everywhere and without what `also` names.
pub(super) fn lasting(answer: &Answer, also: &[Passing]) -> String {
    let mut text = answer.text();
    for (begin, end, _) in EVERYWHERE.iter().chain(also) {
        let mut out = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once(begin) {
            out.push_str(before);
            rest = after.split_once(end).map_or("", |(_, after)| after);
        }
        out.push_str(rest);
        text = out;
    }
    format!("{} {} {}", answer.status, answer.header("location"), without_ages(&text))
}

/// Without "just now" and "3 minutes ago", which also stand where no `<time` does: in the API and inside sentences.
fn without_ages(text: &str) -> String {
    let mut text = text.replace("just now", "some time ago");
    for unit in ["second", "minute", "hour"] {
        for ago in [format!(" {unit} ago"), format!(" {unit}s ago")] {
            let mut out = String::with_capacity(text.len());
            let mut rest = text.as_str();
            while let Some((before, after)) = rest.split_once(&ago) {
                out.push_str(before.trim_end_matches(|c: char| c.is_ascii_digit()));
                out.push_str("some time ago");
                rest = after;
            }
            out.push_str(rest);
            text = out;
        }
    }
    text
}

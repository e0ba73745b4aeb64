//! Why a button cannot be used, in words.

use crate::company::access::permissions::Info;

/// That a right is lacking, wherever it would be needed.
pub(super) fn missing(info: &Info) -> String {
    format!("It needs the right to: {} ({}).", lower(info.meaning), info.name)
}

/// A sentence's beginning inside another sentence.
fn lower(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().collect::<String>() + letters.as_str()).unwrap_or_default()
}

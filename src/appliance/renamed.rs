//! What companies were called until lately, so that links that are on their way still lead to them: invitations live for
//! two days. A line each, in the data folder; older ones go with the next renaming.

use super::{files, registry::Appliance};
use crate::{
    base::{
        clock::{self, Moment},
        error::Result,
    },
    company::access::admit::INVITATION_LIFE,
};
use serde::{Deserialize, Serialize};
use std::fs;

/// The file.
const RENAMED: &str = "renamed.jsonl";
/// At most this many renamings are followed.
const STEPS: usize = 8;

#[derive(Serialize, Deserialize)]
struct Line {
    from: String,
    to: String,
    at: i64,
}

impl Appliance {
    /// What is written down, the latest last.
    fn renamings(&self) -> Vec<Line> {
        let text = fs::read_to_string(self.data().join(RENAMED)).unwrap_or_default();
        let since = clock::now().plus(-INVITATION_LIFE);
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
        lines.filter(|line| Moment(line.at) > since).collect()
    }

    /// Writes a renaming down.
    pub(super) fn note_renaming(&self, from: &str, to: &str) -> Result<()> {
        let mut lines = self.renamings();
        lines.push(Line { from: from.to_owned(), to: to.to_owned(), at: clock::now().0 });
        let mut text = String::new();
        for line in &lines {
            text.push_str(&serde_json::to_string(line)?);
            text.push('\n');
        }
        files::write_private(&self.data().join(RENAMED), text.as_bytes())
    }

    /// What a company is called now that was called so lately, if any was.
    pub fn renamed(&self, slug: &str) -> Option<String> {
        let lines = self.renamings();
        let mut now = slug.to_owned();
        let mut since = 0;
        for _ in 0..STEPS {
            let Some(place) = lines.iter().skip(since).position(|line| line.from == now) else { break };
            since += place;
            now = lines.get(since)?.to.clone();
        }
        (now != slug).then_some(now)
    }
}

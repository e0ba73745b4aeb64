//! How long what piles up by itself is kept: releases, files on targets, runs.

use serde::{Deserialize, Serialize};

/// By what it is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Strategy {
    /// As the space has it.
    Default,
    /// So many.
    Count,
    /// Nothing goes.
    Forever,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// The things themselves.
    Items,
    /// Their age.
    Days,
}

/// How long something is kept, as it was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Retention {
    /// By what it is decided.
    pub strategy: Strategy,
    /// How many; 0: all.
    pub quantity_to_keep: i64,
    /// All, whatever the number says.
    pub should_keep_forever: bool,
    /// What is counted.
    pub unit: Unit,
}

impl Default for Retention {
    /// For ever.
    fn default() -> Self {
        Retention { strategy: Strategy::Forever, quantity_to_keep: 0, should_keep_forever: true, unit: Unit::Items }
    }
}

impl Retention {
    /// As it stands in a file; what is none there is the default.
    pub fn of(text: &str) -> Retention {
        serde_json::from_str(text).unwrap_or_default()
    }
    /// As it is written into a file.
    pub fn text(self) -> String {
        serde_json::to_string(&self).unwrap_or_default()
    }
}

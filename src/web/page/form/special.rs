//! The parts of a form that are more than a field: a scope to tick, and what is asked before something goes for good.

use super::Choice;
use crate::web::page::Act;
use askama::{Template, filters::HtmlSafe};

/// Chooses where something applies: a list to tick, with search, "all" in words, and what it reaches.
/// The form sends `name` once per choice; nothing sent means all (when `all_label` is given).
#[derive(Clone, Debug, Template)]
#[template(path = "_parts/scope_picker.html")]
pub struct ScopePicker {
    pub name: String,
    pub label: String,
    pub help: String,
    /// What choosing nothing means: "All environments, also those added later". Empty: nothing chosen is nothing.
    pub all_label: String,
    pub choices: Vec<Choice>,
    /// What the present choice reaches: "4 projects today".
    pub reach: String,
    pub error: String,
}

impl HtmlSafe for ScopePicker {}

impl ScopePicker {
    pub fn new(name: impl Into<String>, label: impl Into<String>, choices: Vec<Choice>) -> Self {
        ScopePicker {
            name: name.into(),
            label: label.into(),
            help: String::new(),
            all_label: String::new(),
            choices,
            reach: String::new(),
            error: String::new(),
        }
    }
    pub fn all(mut self, words: impl Into<String>) -> Self {
        self.all_label = words.into();
        self
    }
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }
    pub fn reach(mut self, words: impl Into<String>) -> Self {
        self.reach = words.into();
        self
    }
    pub fn error(mut self, error: impl Into<String>) -> Self {
        self.error = error.into();
        self
    }
    pub fn chosen_count(&self) -> usize {
        self.choices.iter().filter(|choice| choice.chosen).count()
    }
    fn many(&self) -> bool {
        self.choices.len() > 8
    }
}

/// Removing something for good: says what goes with it and asks for its name.
#[derive(Clone, Debug, Template)]
#[template(path = "_parts/confirm_delete.html")]
pub struct ConfirmDelete {
    pub action: String,
    /// "environment"
    pub kind: String,
    pub name: String,
    /// What goes with it, one sentence each.
    pub consequences: Vec<String>,
    /// Why it cannot be removed now, one sentence each; the button is then absent.
    pub obstacles: Vec<String>,
    pub cancel_href: String,
    pub error: String,
    /// The button that says why, for who may not remove it at all.
    pub refused: Option<Act>,
}

impl HtmlSafe for ConfirmDelete {}

impl ConfirmDelete {
    /// The form posts `confirm=<the name as typed>` to `action`; compare it there once more.
    pub fn new(action: impl Into<String>, kind: impl Into<String>, name: impl Into<String>) -> Self {
        ConfirmDelete {
            action: action.into(),
            kind: kind.into(),
            name: name.into(),
            consequences: Vec::new(),
            obstacles: Vec::new(),
            cancel_href: String::new(),
            error: String::new(),
            refused: None,
        }
    }
    /// For who may not remove it: the heading, and a button that says why.
    pub fn refused(name: impl Into<String>, act: Act) -> Self {
        let mut removal = ConfirmDelete::new("", "", name);
        removal.refused = Some(act);
        removal
    }
    pub fn goes_too(mut self, sentence: impl Into<String>) -> Self {
        self.consequences.push(sentence.into());
        self
    }
    /// What stops it now, if anything does.
    pub fn obstacle(mut self, sentence: impl Into<Option<String>>) -> Self {
        self.obstacles.extend(sentence.into());
        self
    }
    pub fn cancel(mut self, href: impl Into<String>) -> Self {
        self.cancel_href = href.into();
        self
    }
    pub fn error(mut self, text: impl Into<String>) -> Self {
        self.error = text.into();
        self
    }
}

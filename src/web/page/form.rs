//! Fields, whole forms, the picker and the removal that asks for a name.
//! A form keeps what was typed, except what must not be shown again.

mod special;

pub use special::{ConfirmDelete, ScopePicker};

use askama::Template;
use askama::filters::HtmlSafe;

/// One thing to choose, in a select, a radio group or a picker.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    pub value: String,
    pub label: String,
    pub hint: String,
    pub chosen: bool,
    pub disabled: bool,
}

impl Choice {
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Choice { value: value.into(), label: label.into(), ..Choice::default() }
    }
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
    pub fn chosen(mut self, chosen: bool) -> Self {
        self.chosen = chosen;
        self
    }
    pub fn disabled(mut self, reason: impl Into<String>) -> Self {
        self.disabled = true;
        self.hint = reason.into();
        self
    }
}

/// What a field looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    Text,
    Email,
    Url,
    Number,
    Date,
    /// A day and a time of it, in UTC.
    Moment,
    Password,
    /// Six digits or a recovery code: one-time, large, spaced.
    Code,
    /// A value already kept and never shown: "set, unchanged" until something is typed.
    Secret,
    Textarea,
    /// A textarea in monospace, for scripts and certificates.
    Script,
    Select,
    Checkbox,
    Radios,
    File,
    Hidden,
    /// Not a field: a heading inside a form.
    Section,
    /// A list to tick, with search; see `ScopePicker` for the one that also says what it reaches.
    Checks,
}

/// One field of a form: label above, help below, error beside it. Draw it with `{{ field }}`.
#[derive(Clone, Debug, Template)]
#[template(path = "_parts/field.html")]
pub struct FieldView {
    pub name: String,
    /// What it is called within its page: its name, unless several forms of the page have a field of that name.
    pub id: String,
    pub label: String,
    pub value: String,
    pub help: String,
    pub error: String,
    pub look: Look,
    pub choices: Vec<Choice>,
    pub required: bool,
    pub disabled: bool,
    pub mono: bool,
    pub short: bool,
    pub autofocus: bool,
    pub checked: bool,
    pub is_set: bool,
    pub placeholder: String,
    pub autocomplete: &'static str,
    pub rows: u32,
    pub min: Option<i64>,
    pub max: Option<i64>,
    pub max_length: Option<u32>,
}
impl HtmlSafe for FieldView {}

impl FieldView {
    fn new(look: Look, name: impl Into<String>, label: impl Into<String>) -> Self {
        let name = name.into();
        FieldView {
            id: name.clone(),
            name,
            label: label.into(),
            value: String::new(),
            help: String::new(),
            error: String::new(),
            look,
            choices: Vec::new(),
            required: false,
            disabled: false,
            mono: matches!(look, Look::Script | Look::Code),
            short: matches!(look, Look::Number | Look::Date | Look::Moment),
            autofocus: false,
            checked: false,
            is_set: false,
            placeholder: String::new(),
            autocomplete: if matches!(look, Look::Code) { "one-time-code" } else { "off" },
            rows: if matches!(look, Look::Script) { 10 } else { 4 },
            min: None,
            max: None,
            max_length: None,
        }
    }
    pub fn text(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(Look::Text, name, label)
    }
    pub fn email(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(Look::Email, name, label)
    }
    pub fn url(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(Look::Url, name, label)
    }
    pub fn number(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(Look::Number, name, label)
    }
    pub fn date(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(Look::Date, name, label)
    }
    /// A password typed at sign-in or chosen anew; set `autocomplete` to fit.
    /// A day and a time of it, in UTC: `2026-12-31T18:00`.
    pub fn moment(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(Look::Moment, name, label)
    }
    pub fn password(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(Look::Password, name, label)
    }
    pub fn code(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(Look::Code, name, label)
    }
    /// A value that is kept sealed. `is_set`: there is one already, and leaving this empty keeps it.
    pub fn secret(name: impl Into<String>, label: impl Into<String>, is_set: bool) -> Self {
        FieldView { is_set, ..Self::new(Look::Secret, name, label) }
    }
    pub fn textarea(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(Look::Textarea, name, label)
    }
    pub fn script(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(Look::Script, name, label)
    }
    pub fn select(name: impl Into<String>, label: impl Into<String>, choices: Vec<Choice>) -> Self {
        FieldView { choices, ..Self::new(Look::Select, name, label) }
    }
    pub fn radios(name: impl Into<String>, label: impl Into<String>, choices: Vec<Choice>) -> Self {
        FieldView { choices, ..Self::new(Look::Radios, name, label) }
    }
    /// Many of a list; the form sends `name` once for each.
    pub fn checks(name: impl Into<String>, label: impl Into<String>, choices: Vec<Choice>) -> Self {
        FieldView { choices, ..Self::new(Look::Checks, name, label) }
    }
    /// A yes or no; the form sends `name=true` when ticked and nothing otherwise.
    pub fn checkbox(name: impl Into<String>, label: impl Into<String>, checked: bool) -> Self {
        FieldView { checked, value: "true".into(), ..Self::new(Look::Checkbox, name, label) }
    }
    pub fn file(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(Look::File, name, label)
    }
    pub fn hidden(name: impl Into<String>, value: impl Into<String>) -> Self {
        FieldView { value: value.into(), ..Self::new(Look::Hidden, name, "") }
    }
    /// A heading between fields, with a line of text below it.
    pub fn section(title: impl Into<String>, text: impl Into<String>) -> Self {
        FieldView { help: text.into(), ..Self::new(Look::Section, "", title) }
    }

    /// The value shown; for a select, radio group or list it also marks the choice.
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.set_value(&value.into());
        self
    }
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }
    pub fn error(mut self, error: impl Into<String>) -> Self {
        self.error = error.into();
        self
    }
    /// For a page with several forms that have a field of this name.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = id.into();
        self
    }
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }
    pub fn disabled(mut self) -> Self {
        self.disabled = true;
        self
    }
    /// Monospace: ids, versions, addresses.
    pub fn mono(mut self) -> Self {
        self.mono = true;
        self
    }
    /// As wide as a number or a date.
    pub fn short(mut self) -> Self {
        self.short = true;
        self
    }
    /// The one field a page starts in.
    pub fn autofocus(mut self) -> Self {
        self.autofocus = true;
        self
    }
    pub fn placeholder(mut self, text: impl Into<String>) -> Self {
        self.placeholder = text.into();
        self
    }
    pub fn autocomplete(mut self, word: &'static str) -> Self {
        self.autocomplete = word;
        self
    }
    pub fn rows(mut self, rows: u32) -> Self {
        self.rows = rows;
        self
    }
    pub fn between(mut self, min: i64, max: i64) -> Self {
        (self.min, self.max) = (Some(min), Some(max));
        self
    }
    pub fn max_length(mut self, length: u32) -> Self {
        self.max_length = Some(length);
        self
    }

    fn set_value(&mut self, value: &str) {
        match self.look {
            Look::Checkbox => self.checked = matches!(value, "true" | "on" | "1"),
            Look::Select | Look::Radios => {
                for choice in &mut self.choices {
                    choice.chosen = choice.value == value;
                }
                self.value = value.to_owned();
            }
            Look::Checks => {
                for choice in &mut self.choices {
                    choice.chosen |= choice.value == value;
                }
            }
            // What must not be shown again is not sent back either.
            Look::Password | Look::Secret | Look::Code | Look::File | Look::Section => {}
            _ => self.value = value.to_owned(),
        }
    }
    fn input_type(&self) -> &'static str {
        match self.look {
            Look::Email => "email",
            Look::Url => "url",
            Look::Number => "number",
            Look::Date => "date",
            Look::Moment => "datetime-local",
            Look::Password | Look::Secret => "password",
            Look::File => "file",
            _ => "text",
        }
    }
    fn described_by(&self) -> String {
        let mut ids = Vec::new();
        if !self.error.is_empty() {
            ids.push(format!("f-{}-error", self.id));
        }
        if !self.help.is_empty() {
            ids.push(format!("f-{}-help", self.id));
        }
        ids.join(" ")
    }
    fn many(&self) -> bool {
        self.choices.len() > 8
    }
}

/// A whole form. `{{ form }}` draws all of it: summary of errors, fields, buttons.
/// For a layout of your own use `ui::form_open`, `form.get("name")`, `ui::form_buttons`.
#[derive(Clone, Debug, Template)]
#[template(path = "_parts/form.html")]
pub struct FormView {
    pub action: String,
    pub fields: Vec<FieldView>,
    /// What the button will do: "Add the environment".
    pub submit: String,
    pub cancel_href: String,
    /// What is wrong with the form as a whole, e.g. "Someone else changed this meanwhile."
    pub problem: String,
    /// Files are sent: the form becomes multipart.
    pub upload: bool,
    pub danger: bool,
}
impl HtmlSafe for FormView {}

impl FormView {
    pub fn new(action: impl Into<String>, submit: impl Into<String>) -> Self {
        FormView {
            action: action.into(),
            submit: submit.into(),
            fields: Vec::new(),
            cancel_href: String::new(),
            problem: String::new(),
            upload: false,
            danger: false,
        }
    }
    pub fn field(mut self, field: FieldView) -> Self {
        self.upload |= field.look == Look::File;
        self.fields.push(field);
        self
    }
    pub fn cancel(mut self, href: impl Into<String>) -> Self {
        self.cancel_href = href.into();
        self
    }
    /// The button is the red one.
    pub fn danger(mut self) -> Self {
        self.danger = true;
        self
    }
    pub fn problem(mut self, text: impl Into<String>) -> Self {
        self.problem = text.into();
        self
    }
    /// Puts back what was typed, as (name, value) pairs from the request.
    pub fn typed<N: AsRef<str>, V: AsRef<str>>(mut self, values: impl IntoIterator<Item = (N, V)>) -> Self {
        for field in self.fields.iter_mut() {
            // A box that was cleared is not in the request at all.
            match field.look {
                Look::Checkbox => field.checked = false,
                Look::Checks => field.choices.iter_mut().for_each(|choice| choice.chosen = false),
                _ => {}
            }
        }
        for (name, value) in values {
            if let Some(field) = self.fields.iter_mut().find(|field| field.name == name.as_ref()) {
                field.set_value(value.as_ref());
            }
        }
        self
    }
    /// Puts each error beside its field; an error of no known field goes to the top.
    pub fn errors<N: AsRef<str>, V: AsRef<str>>(mut self, errors: impl IntoIterator<Item = (N, V)>) -> Self {
        for (name, text) in errors {
            match self.fields.iter_mut().find(|field| field.name == name.as_ref()) {
                Some(field) => field.error = text.as_ref().to_owned(),
                None if self.problem.is_empty() => self.problem = text.as_ref().to_owned(),
                None => self.problem = format!("{} {}", self.problem, text.as_ref()),
            }
        }
        self
    }
    /// The field of this name, to be placed by hand. A wrong name is a bug and shows as one.
    pub fn get(&self, name: &str) -> FieldView {
        let found = self.fields.iter().find(|field| field.name == name);
        debug_assert!(found.is_some(), "no field called {name}");
        found.cloned().unwrap_or_else(|| FieldView::hidden(name, ""))
    }
    pub fn has_errors(&self) -> bool {
        !self.problem.is_empty() || self.fields.iter().any(|field| !field.error.is_empty())
    }
    /// The summary on top, each line linking to its field.
    pub fn summary(&self) -> FormSummary<'_> {
        FormSummary { form: self }
    }
    fn wrong(&self) -> Vec<&FieldView> {
        self.fields.iter().filter(|field| !field.error.is_empty()).collect()
    }
}

/// The summary of a form's errors; nothing when there are none.
#[derive(Template)]
#[template(path = "_parts/form_summary.html")]
pub struct FormSummary<'a> {
    pub form: &'a FormView,
}
impl HtmlSafe for FormSummary<'_> {}

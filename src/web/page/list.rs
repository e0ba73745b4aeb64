//! What lists, matrices and panels are made of.

use super::{Chip, Choice, FieldView, When, thousands};
use askama::Template;
use askama::filters::HtmlSafe;

/// "1–50 of 1,204" with the way to the other pages.
#[derive(Clone, Debug, Default, Template)]
#[template(path = "_parts/pager.html")]
pub struct Pager {
    pub from: u64,
    pub to: u64,
    pub total: u64,
    pub prev_href: Option<String>,
    pub next_href: Option<String>,
    pub pages: Vec<PageLink>,
}
impl HtmlSafe for Pager {}

/// One numbered page; a gap has no address.
#[derive(Clone, Debug)]
pub struct PageLink {
    pub label: String,
    pub href: Option<String>,
    pub current: bool,
}

impl Pager {
    /// `page` counts from 1. `address` is the list's address with its filters; `page=` is added to it.
    pub fn new(total: u64, per_page: u64, page: u64, address: &str) -> Self {
        let per_page = per_page.max(1);
        let last = total.div_ceil(per_page).max(1);
        let page = page.clamp(1, last);
        let joint = if address.contains('?') { '&' } else { '?' };
        let href = |number: u64| format!("{address}{joint}page={number}");
        let mut pages = Vec::new();
        let mut before = 0;
        for number in (1..=last).filter(|&n| n == 1 || n == last || n.abs_diff(page) <= 2) {
            if number > before + 1 {
                pages.push(PageLink { label: "…".into(), href: None, current: false });
            }
            pages.push(PageLink { label: thousands(number), href: Some(href(number)), current: number == page });
            before = number;
        }
        Pager {
            from: if total == 0 { 0 } else { (page - 1) * per_page + 1 },
            to: (page * per_page).min(total),
            total,
            prev_href: (page > 1).then(|| href(page - 1)),
            next_href: (page < last).then(|| href(page + 1)),
            pages,
        }
    }
    fn range(&self) -> String {
        match self.total {
            0 => "Nothing".to_owned(),
            total => format!("{}–{} of {}", thousands(self.from), thousands(self.to), thousands(total)),
        }
    }
}

/// The filters above a list. They live in the address, so a filtered list can be sent to someone.
#[derive(Clone, Debug, Default, Template)]
#[template(path = "_parts/filter_bar.html")]
pub struct FilterBar {
    pub action: String,
    pub search: String,
    /// What is searched, as the box's label: "Find an environment".
    pub search_label: String,
    /// Selects beside the search box.
    pub selects: Vec<FieldView>,
    /// Further pairs to keep in the address, e.g. the order.
    pub keep: Vec<(String, String)>,
    /// Where "Clear" leads, when anything is set.
    pub clear_href: Option<String>,
}
impl HtmlSafe for FilterBar {}

impl FilterBar {
    pub fn new(action: impl Into<String>, search_label: impl Into<String>, search: impl Into<String>) -> Self {
        let (action, search) = (action.into(), search.into());
        FilterBar {
            clear_href: (!search.is_empty()).then(|| action.clone()),
            action,
            search,
            search_label: search_label.into(),
            ..FilterBar::default()
        }
    }
    /// A select beside the box; its first choice should be the one that filters nothing, with an empty value.
    pub fn select(mut self, name: &str, label: &str, choices: Vec<Choice>) -> Self {
        if choices.iter().any(|choice| choice.chosen && !choice.value.is_empty()) {
            self.clear_href = Some(self.action.clone());
        }
        self.selects.push(FieldView::select(name, label, choices));
        self
    }
    pub fn keep(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.keep.push((name.into(), value.into()));
        self
    }
}

/// One line of a key–value panel.
#[derive(Clone, Debug, Default)]
pub struct KvRow {
    pub label: String,
    pub value: String,
    pub href: String,
    pub mono: bool,
    /// Said small below the value.
    pub hint: String,
    pub chip: Option<Chip>,
    pub when: Option<When>,
}

/// A key–value panel. An empty value is shown as "Not set".
#[derive(Clone, Debug, Default, Template)]
#[template(path = "_parts/kv.html")]
pub struct Kv {
    pub rows: Vec<KvRow>,
}
impl HtmlSafe for Kv {}

impl Kv {
    pub fn new() -> Self {
        Kv::default()
    }
    fn push(mut self, label: &str, row: KvRow) -> Self {
        self.rows.push(KvRow { label: label.to_owned(), ..row });
        self
    }
    pub fn row(self, label: &str, value: impl Into<String>) -> Self {
        self.push(label, KvRow { value: value.into(), ..KvRow::default() })
    }
    pub fn mono(self, label: &str, value: impl Into<String>) -> Self {
        self.push(label, KvRow { value: value.into(), mono: true, ..KvRow::default() })
    }
    pub fn link(self, label: &str, value: impl Into<String>, href: impl Into<String>) -> Self {
        self.push(label, KvRow { value: value.into(), href: href.into(), ..KvRow::default() })
    }
    pub fn chip(self, label: &str, chip: Chip) -> Self {
        self.push(label, KvRow { chip: Some(chip), ..KvRow::default() })
    }
    pub fn when(self, label: &str, when: When) -> Self {
        self.push(label, KvRow { when: Some(when), ..KvRow::default() })
    }
    /// Adds a hint to the last line.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Some(row) = self.rows.last_mut() {
            row.hint = hint.into();
        }
        self
    }
}

/// One cell of a matrix: version + state + age, or nothing.
#[derive(Clone, Debug, Default, Template)]
#[template(path = "_parts/matrix_cell.html")]
pub struct Cell {
    pub version: String,
    pub href: String,
    pub chip: Option<Chip>,
    pub when: When,
    /// How many versions behind the newest; 0 is level.
    pub behind: u32,
    /// Where pressing an empty cell leads ("Deploy…"), when it may be deployed here.
    pub start: Option<(String, String)>,
    /// The lifecycle or the tenant does not reach this place at all.
    pub closed: bool,
    /// Why nothing can go here now: "Staging first".
    pub waits: String,
}
impl HtmlSafe for Cell {}

impl Cell {
    pub fn new(version: impl Into<String>, href: impl Into<String>, chip: Chip, when: When) -> Self {
        Cell { version: version.into(), href: href.into(), chip: Some(chip), when, ..Cell::default() }
    }
    /// Nothing here yet.
    pub fn none() -> Self {
        Cell::default()
    }
    /// Nothing can be here.
    pub fn closed() -> Self {
        Cell { closed: true, ..Cell::default() }
    }
    /// Nothing here yet, and why nothing can go here now.
    pub fn waits(mut self, why: impl Into<String>) -> Self {
        self.waits = why.into();
        self
    }
    pub fn behind(mut self, versions: u32) -> Self {
        self.behind = versions;
        self
    }
    pub fn start(mut self, label: impl Into<String>, href: impl Into<String>) -> Self {
        self.start = Some((label.into(), href.into()));
        self
    }
    /// A cell is narrow: the long words have short forms.
    fn word<'a>(&self, chip: &'a Chip) -> &'a str {
        match chip.word.as_str() {
            "Waiting for a person" => "Waiting",
            "Success, with warnings" => "Warnings",
            word => word,
        }
    }
    fn heat(&self) -> u32 {
        self.behind.min(3)
    }
}

/// One entry of a timeline.
#[derive(Clone, Debug)]
pub struct Moment {
    pub chip: Chip,
    pub title: String,
    pub href: String,
    pub detail: String,
    pub who: String,
    pub when: When,
}

impl Moment {
    pub fn new(chip: Chip, title: impl Into<String>, when: When) -> Self {
        Moment { chip, title: title.into(), href: String::new(), detail: String::new(), who: String::new(), when }
    }
    pub fn href(mut self, href: impl Into<String>) -> Self {
        self.href = href.into();
        self
    }
    pub fn who(mut self, who: impl Into<String>) -> Self {
        self.who = who.into();
        self
    }
    pub fn detail(mut self, text: impl Into<String>) -> Self {
        self.detail = text.into();
        self
    }
}

/// What happened, newest first.
#[derive(Clone, Debug, Default, Template)]
#[template(path = "_parts/timeline.html")]
pub struct Timeline {
    pub moments: Vec<Moment>,
}
impl HtmlSafe for Timeline {}

/// One line of a difference: `<ol class="diff">{% for line in diff %}{{ line }}{% endfor %}</ol>`.
#[derive(Clone, Debug, Template)]
#[template(
    source = r#"<li{% if !change.is_empty() %} data-diff="{{ change }}"{% endif %}>{% if change == "add" %}<span class="unseen">Added: </span>{% else if change == "remove" %}<span class="unseen">Removed: </span>{% endif %}{{ text }}</li>"#,
    ext = "html"
)]
pub struct DiffLine {
    /// "add", "remove" or "" for what stayed.
    pub change: &'static str,
    pub text: String,
}
impl HtmlSafe for DiffLine {}

impl DiffLine {
    pub fn added(text: impl Into<String>) -> Self {
        DiffLine { change: "add", text: text.into() }
    }
    pub fn removed(text: impl Into<String>) -> Self {
        DiffLine { change: "remove", text: text.into() }
    }
    pub fn same(text: impl Into<String>) -> Self {
        DiffLine { change: "", text: text.into() }
    }
}

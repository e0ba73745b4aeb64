//! A task's log as it stands when the page is drawn (`static/log.js` goes on from there),
//! and the code that carries a second factor to a telephone.

use super::Chip;
use crate::base::terminal::reorders;
use askama::Template;
use askama::filters::HtmlSafe;
use std::fmt::Write as _;

/// The log of a task: steps at the left, their lines at the right. Complete without scripts.
#[derive(Clone, Debug, Default, Template)]
#[template(path = "_parts/log.html")]
pub struct LogView {
    /// Address of the event stream; empty when the task has ended.
    pub stream: String,
    /// The number of the last line that is already on the page.
    pub after: u64,
    pub steps: Vec<LogStep>,
    /// Address of the log as plain text.
    pub raw_href: String,
    /// How many lines before the first one shown were left out.
    pub left_out: u64,
}
impl HtmlSafe for LogView {}

/// One step, on one machine or as the sum of several.
#[derive(Clone, Debug)]
pub struct LogStep {
    pub id: String,
    /// The step this one is part of; empty at the top.
    pub parent: String,
    /// 0 at the top.
    pub depth: u8,
    pub name: String,
    pub chip: Chip,
    /// "3 s"
    pub duration: String,
    pub lines: Vec<LogLine>,
}

impl LogStep {
    /// `state` in the wire's words, as for `Chip::for_task_state`.
    pub fn new(id: impl Into<String>, name: impl Into<String>, state: &str) -> Self {
        LogStep {
            id: id.into(),
            parent: String::new(),
            depth: 0,
            name: name.into(),
            chip: Chip::for_task_state(state),
            duration: String::new(),
            lines: Vec::new(),
        }
    }
    pub fn under(mut self, parent: impl Into<String>, depth: u8) -> Self {
        (self.parent, self.depth) = (parent.into(), depth);
        self
    }
    pub fn duration(mut self, words: impl Into<String>) -> Self {
        self.duration = words.into();
        self
    }
    pub fn lines(mut self, lines: Vec<LogLine>) -> Self {
        self.lines = lines;
        self
    }
    /// Folded at first: it ended well, so nobody needs to read it.
    fn open(&self) -> bool {
        !matches!(self.chip.state, "success" | "cancelled")
    }
}

/// One line, with its colours turned into classes.
#[derive(Clone, Debug)]
pub struct LogLine {
    pub number: u64,
    /// Info, Verbose, Warning, Error, Highlight, Wait, Fatal …
    pub category: String,
    /// "11:02:03"
    pub at: String,
    /// (class, text); the class is empty for plain text.
    pub pieces: Vec<(String, String)>,
    /// Only a part of it is here; the plain text has all of it.
    pub cut: bool,
}

impl LogLine {
    pub fn new(number: u64, category: impl Into<String>, at: impl Into<String>, text: &str) -> Self {
        LogLine { number, category: category.into(), at: at.into(), pieces: ansi_pieces(text), cut: false }
    }
    pub fn cut(mut self, cut: bool) -> Self {
        self.cut = cut;
        self
    }
    /// Categories are shown by word as well, except where everything is as usual.
    fn word(&self) -> &str {
        match self.category.as_str() {
            "Warning" => "Warning: ",
            "Error" | "StdErr" => "Error: ",
            "Fatal" => "Fatal: ",
            _ => "",
        }
    }
}

/// Terminal colours to classes; every other escape is dropped. Same rules as in `static/log.js`.
fn ansi_pieces(text: &str) -> Vec<(String, String)> {
    let mut pieces = Vec::new();
    let (mut bold, mut faint, mut colour) = (false, false, None::<u8>);
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        plain.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(sequence) = rest.strip_prefix('[') else { continue };
        let Some(end) = sequence.find(|c: char| ('@'..='~').contains(&c)) else {
            rest = "";
            break;
        };
        let (codes, last) = (&sequence[..end], &sequence[end..end + 1]);
        rest = &sequence[end + 1..];
        if last != "m" {
            continue;
        }
        push_piece(&mut pieces, &mut plain, bold, faint, colour);
        let mut codes = codes.split(';').map(|code| code.parse::<u8>().unwrap_or(0));
        while let Some(code) = codes.next() {
            match code {
                0 => (bold, faint, colour) = (false, false, None),
                1 => bold = true,
                2 => faint = true,
                22 => (bold, faint) = (false, false),
                30..=37 => colour = Some(code - 30),
                90..=97 => colour = Some(code - 90),
                39 => colour = None,
                // A colour out of 256 or 16 million: its parameters are not codes of their own.
                38 | 48 => {
                    let skip = if codes.next() == Some(2) { 3 } else { 1 };
                    codes.by_ref().take(skip).for_each(drop);
                }
                _ => {}
            }
        }
    }
    plain.push_str(rest);
    push_piece(&mut pieces, &mut plain, bold, faint, colour);
    pieces
}

fn push_piece(pieces: &mut Vec<(String, String)>, plain: &mut String, bold: bool, faint: bool, colour: Option<u8>) {
    if plain.is_empty() {
        return;
    }
    let mut class = String::new();
    if bold {
        class.push_str("ab ");
    }
    if faint {
        class.push_str("ad ");
    }
    if let Some(colour) = colour {
        let _ = write!(class, "a{colour}");
    }
    plain.retain(|c| c == '\t' || !(c.is_control() || reorders(c)));
    pieces.push((class.trim_end().to_owned(), std::mem::take(plain)));
}

/// A square code as inline SVG; the secret must stand beside it as text.
#[derive(Clone, Debug, Template)]
#[template(path = "_parts/qr.html")]
pub struct Qr {
    pub size: u32,
    pub path: String,
    /// What it is, for those who cannot see it.
    pub label: String,
}
impl HtmlSafe for Qr {}

impl Qr {
    /// `dark(x, y)` says whether a module is dark, for x and y below `size`.
    pub fn new(size: u32, label: impl Into<String>, dark: impl Fn(u32, u32) -> bool) -> Self {
        let mut path = String::new();
        for y in 0..size {
            let mut x = 0;
            while x < size {
                let start = x;
                while x < size && dark(x, y) {
                    x += 1;
                }
                if x > start {
                    let _ = write!(path, "M{} {}h{}v1h-{}z", start + 4, y + 4, x - start, x - start);
                }
                x += 1;
            }
        }
        Qr { size: size + 8, path, label: label.into() }
    }
}

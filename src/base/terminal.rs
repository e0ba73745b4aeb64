//! What others wrote, made safe to be shown on a terminal: nothing moves the cursor, hides a line, changes the order of
//! letters or talks to the terminal.

/// Marks that change the order of what stands after them, or of their neighbours.
pub fn reorders(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Makes the lines of a text neutral, piece by piece: an escape sequence may begin in one piece and end in the next.
///
/// Escape sequences are left out, all but colours where those are asked for; a colour ends with its line. Every other
/// control character becomes its picture (`␈`, `␍`), and what changes the order of letters becomes `�`, so that it is seen
/// that something was there. Tabs stay.
#[derive(Debug, Clone, Default)]
pub struct Neutral {
    colours: bool,
    within: Within,
    coloured: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Within {
    #[default]
    Text,
    /// After ESC.
    Escape,
    /// After ESC and an intermediate: one more letter ends it.
    Short,
    /// In `ESC [`, with what was read of it.
    Control(String),
    /// In a text for the terminal itself; whether its ESC was just read, which may end it.
    Talk(bool),
    /// A carriage return that may be half of a line's end.
    Return,
}

/// The longest sequence of colours that is kept, in bytes.
const LONGEST: usize = 64;

impl Neutral {
    /// `colours` keeps them.
    pub fn new(colours: bool) -> Neutral {
        Neutral { colours, ..Neutral::default() }
    }

    /// Adds the next piece of a line to `to`.
    pub fn add(&mut self, piece: &str, to: &mut String) {
        piece.chars().for_each(|c| self.one(c, to));
    }

    /// The line ends here: what is unfinished is left out, and its colours end.
    pub fn end_of_line(&mut self, to: &mut String) {
        self.within = Within::Text;
        if std::mem::take(&mut self.coloured) {
            to.push_str("\u{1b}[0m");
        }
    }

    /// A whole line, without colours.
    pub fn line(text: &str) -> String {
        let (mut neutral, mut to) = (Neutral::default(), String::with_capacity(text.len()));
        neutral.add(text, &mut to);
        neutral.end_of_line(&mut to);
        to
    }

    fn one(&mut self, c: char, to: &mut String) {
        match std::mem::take(&mut self.within) {
            Within::Text => self.plain(c, to),
            Within::Return => {
                // A return at the very end of a line stays away; one before more text is shown.
                to.push('\u{240d}');
                self.plain(c, to);
            }
            Within::Escape => {
                self.within = match c {
                    '[' => Within::Control(String::new()),
                    ']' | 'P' | 'X' | '^' | '_' => Within::Talk(false),
                    '\u{1b}' => Within::Escape,
                    ' '..='/' => Within::Short,
                    _ => Within::Text,
                }
            }
            Within::Short => {}
            Within::Control(mut read) => match c {
                '\u{1b}' => self.within = Within::Escape,
                '@'..='~' => {
                    let colours =
                        read.len() <= LONGEST && read.bytes().all(|b| b.is_ascii_digit() || b";:".contains(&b));
                    if c == 'm' && self.colours && colours {
                        self.coloured = !read.is_empty() && read != "0";
                        to.push_str("\u{1b}[");
                        to.push_str(&read);
                        to.push('m');
                    }
                }
                _ => {
                    if read.len() <= LONGEST {
                        read.push(c);
                    }
                    self.within = Within::Control(read);
                }
            },
            Within::Talk(escaped) => match c {
                '\u{7}' | '\u{9c}' => {}
                '\\' if escaped => {}
                _ => self.within = Within::Talk(c == '\u{1b}'),
            },
        }
    }

    fn plain(&mut self, c: char, to: &mut String) {
        match c {
            '\u{1b}' => self.within = Within::Escape,
            '\u{9b}' => self.within = Within::Control(String::new()),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => self.within = Within::Talk(false),
            '\r' => self.within = Within::Return,
            '\t' => to.push('\t'),
            '\u{7f}' => to.push('\u{2421}'),
            c if c < ' ' => to.push(char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}')),
            c if c.is_control() || reorders(c) => to.push('\u{fffd}'),
            '\u{2028}' | '\u{2029}' => to.push('\u{fffd}'),
            c => to.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_colours(pieces: &[&str]) -> String {
        let (mut neutral, mut to) = (Neutral::new(true), String::new());
        pieces.iter().for_each(|piece| neutral.add(piece, &mut to));
        neutral.end_of_line(&mut to);
        to
    }

    /// Findings A12.
    #[test]
    fn nothing_that_moves_hides_or_reorders_is_left() {
        for (said, shown) in [
            ("plain\ttext ü 漢 👩‍💻", "plain\ttext ü 漢 👩‍💻"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}[2J\u{1b}[1;1Hgone", "gone"),
            ("\u{1b}]0;a title\u{7}x", "x"),
            ("\u{1b}]8;;http://evil\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("\u{1b}]52;c;cGFzdGU=\u{1b}\\x", "x"),
            ("\u{1b}P1$r\u{1b}\\x\u{1b}_y\u{1b}\\z", "xz"),
            ("\u{1b}(0x\u{1b}7y\u{1b}cz", "xyz"),
            ("\u{9b}31mx\u{9d}0;t\u{9c}y", "xy"),
            ("10 %\r20 %\r", "10 %␍20 %"),
            ("a\u{8}b\u{0}c\u{7f}d\u{85}e", "a␈b␀c␡d�e"),
            ("safe\u{202e}cod.exe\u{2066}x", "safe�cod.exe�x"),
            ("\u{1b}[31", ""),
            ("\u{1b}", ""),
            ("\u{1b}\u{1b}[31mx", "x"),
            ("\u{1b}[3\u{1b}[31mx", "x"),
        ] {
            assert_eq!(Neutral::line(said), shown, "{}", said.escape_debug());
        }
    }

    #[test]
    fn colours_are_kept_when_asked_for_and_nothing_else_is() {
        for (said, shown) in [
            (&["\u{1b}[1;31mred\u{1b}[0m x"][..], "\u{1b}[1;31mred\u{1b}[0m x"),
            (&["\u{1b}[38;2;1;2;3mx"], "\u{1b}[38;2;1;2;3mx\u{1b}[0m"),
            (&["\u{1b}[3", "2mgreen\u{1b}[2J\u{1b}", "[m"], "\u{1b}[32mgreen\u{1b}[m"),
            (&["\u{1b}[?25lx\u{1b}[>4;1my"], "xy"),
            (&["\u{1b}]0;ti", "tle\u{1b}", "\\x"], "x"),
        ] {
            assert_eq!(with_colours(said), shown, "{said:?}");
        }
        let long = format!("\u{1b}[{}mx", "1;".repeat(500));
        assert_eq!(with_colours(&[&long]), "x");
    }
}

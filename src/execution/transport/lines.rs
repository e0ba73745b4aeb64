//! A script's output as lines. A line that a program writes over and over, as progress bars do with carriage returns, is
//! shown as a terminal shows it: what was written last stands. While it moves, it is shown now and then.

use super::{LONGEST_LINE, Line, Stream};
use std::time::Duration;
use tokio::{sync::mpsc, time::Instant};

/// A line that is written over and over is shown after this long, and then each time it has changed for as long.
pub(super) const SHOWN_EVERY: Duration = Duration::from_secs(2);
/// How a service message begins: carriage returns in it are dropped, and write nothing over (`scripts §1`).
const MESSAGE: &[u8] = b"##octopus[";

/// Cuts a stream of bytes into lines.
#[derive(Default)]
struct Splitter {
    /// Of the present line, since the last carriage return.
    held: Vec<u8>,
    /// What stood in the line before it is written over.
    before: Vec<u8>,
    /// Since when the line is written over, or was shown last.
    moving: Option<Instant>,
    /// What was shown of it last.
    shown: Option<Vec<u8>>,
    /// Pieces of the line were handed over.
    is_cut: bool,
}

impl Splitter {
    /// Takes bytes in; answers the lines they complete, with whether each goes on.
    fn push(&mut self, mut bytes: &[u8], now: Instant) -> Vec<(String, bool)> {
        let mut ready = Vec::new();
        while !bytes.is_empty() {
            let room = LONGEST_LINE - self.held.len();
            let end = bytes.iter().take(room).position(|byte| *byte == b'\n');
            match end {
                Some(end) => {
                    self.held.extend_from_slice(&bytes[..end]);
                    bytes = &bytes[end + 1..];
                    ready.extend(self.take_line().map(|line| (line, false)));
                }
                None => {
                    let taken = room.min(bytes.len());
                    self.held.extend_from_slice(&bytes[..taken]);
                    bytes = &bytes[taken..];
                    self.write_over(now);
                    if self.held.len() >= LONGEST_LINE {
                        let cut = character_boundary(&self.held);
                        let rest = self.held.split_off(cut);
                        let piece = std::mem::replace(&mut self.held, rest);
                        self.is_cut = true;
                        ready.push((String::from_utf8_lossy(&piece).into_owned(), true));
                    }
                }
            }
        }
        ready.extend(self.look(now).map(|line| (line, false)));
        ready
    }

    /// Forgets what was written over; a carriage return at the end may yet be part of the line's end.
    fn write_over(&mut self, now: Instant) {
        if self.is_cut || contains_message(&self.held) {
            return;
        }
        let Some(last) = self.held.strip_suffix(b"\r").unwrap_or(&self.held).iter().rposition(|byte| *byte == b'\r')
        else {
            if self.held.ends_with(b"\r") {
                self.moving.get_or_insert(now);
            }
            return;
        };
        let rest = self.held.split_off(last + 1);
        let over = std::mem::replace(&mut self.held, rest);
        if let Some(seen) = over.split(|byte| *byte == b'\r').rfind(|state| !is_blank(state)) {
            self.before = seen.to_vec();
        }
        self.moving.get_or_insert(now);
    }

    /// What stands in the present line, if it is written over and is due to be shown.
    fn look(&mut self, now: Instant) -> Option<String> {
        let since = self.moving?;
        if now.duration_since(since) < SHOWN_EVERY {
            return None;
        }
        let held = self.held.strip_suffix(b"\r").unwrap_or(&self.held);
        let state = if is_blank(held) { self.before.clone() } else { held.to_vec() };
        if is_blank(&state) || self.shown.as_ref() == Some(&state) {
            return None;
        }
        self.moving = Some(now);
        let text = String::from_utf8_lossy(&state).into_owned();
        self.shown = Some(state);
        Some(text)
    }

    /// The last line, if it had no end.
    fn finish(&mut self) -> Option<String> {
        if self.held.is_empty() && self.before.is_empty() { None } else { self.take_line() }
    }

    /// The line as it stands at its end; `None` when it was shown so already.
    fn take_line(&mut self) -> Option<String> {
        let before = std::mem::take(&mut self.before);
        let (held, shown) = (std::mem::take(&mut self.held), self.shown.take());
        self.moving = None;
        let line = held.strip_suffix(b"\r").unwrap_or(&held);
        let is_cut = std::mem::take(&mut self.is_cut);
        let state = if is_cut || contains_message(line) {
            line
        } else {
            let last = line.split(|byte| *byte == b'\r').rfind(|state| !is_blank(state));
            last.or(Some(&before[..]).filter(|before| !before.is_empty())).unwrap_or(line)
        };
        (shown.as_deref() != Some(state)).then(|| String::from_utf8_lossy(state).into_owned())
    }
}

fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(u8::is_ascii_whitespace)
}

fn contains_message(bytes: &[u8]) -> bool {
    bytes.windows(MESSAGE.len()).any(|part| part == MESSAGE)
}

/// Where to cut so that no UTF-8 character is torn; at most three bytes before the end.
fn character_boundary(bytes: &[u8]) -> usize {
    let length = bytes.len();
    for back in 1..=3.min(length) {
        let byte = bytes[length - back];
        if byte & 0b1100_0000 == 0b1000_0000 {
            continue;
        }
        let needed = match byte {
            0xC0..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF7 => 4,
            _ => 1,
        };
        return if needed > back && back < length { length - back } else { length };
    }
    length
}

/// Sends a stream's lines on; a receiver that has gone away is not waited for.
pub(super) struct Outlet {
    stream: Stream,
    splitter: Splitter,
    lines: mpsc::Sender<Line>,
}

impl Outlet {
    pub(super) fn new(stream: Stream, lines: mpsc::Sender<Line>) -> Self {
        Self { stream, splitter: Splitter::default(), lines }
    }

    pub(super) async fn push(&mut self, bytes: &[u8]) {
        for (text, continued) in self.splitter.push(bytes, Instant::now()) {
            self.send(text, continued).await;
        }
    }

    /// Whether the present line is written over and over.
    pub(super) fn is_moving(&self) -> bool {
        self.splitter.moving.is_some()
    }

    /// Shows the present line where it is due, though nothing more came.
    pub(super) async fn look(&mut self) {
        if let Some(text) = self.splitter.look(Instant::now()) {
            self.send(text, false).await;
        }
    }

    pub(super) async fn finish(&mut self) {
        if let Some(text) = self.splitter.finish() {
            self.send(text, false).await;
        }
    }

    async fn send(&self, text: String, continued: bool) {
        // An error means that nobody listens any more; the script goes on.
        let _ = self.lines.send(Line { stream: self.stream, text, continued }).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(chunks: &[&[u8]]) -> Vec<(String, bool)> {
        let mut splitter = Splitter::default();
        let mut found: Vec<_> = chunks.iter().flat_map(|chunk| splitter.push(chunk, Instant::now())).collect();
        found.extend(splitter.finish().map(|line| (line, false)));
        found
    }

    #[test]
    fn lines_come_out_whole_whatever_the_chunks() {
        let expected = vec![("one".to_owned(), false), (String::new(), false), ("zwölf".to_owned(), false)];
        let text = "one\r\n\nzwölf".as_bytes();
        for size in 1..=text.len() {
            assert_eq!(all(&text.chunks(size).collect::<Vec<_>>()), expected, "chunks of {size}");
        }
        assert_eq!(all(&[b"last\n"]), vec![("last".to_owned(), false)]);
        assert!(all(&[b""]).is_empty());
    }

    #[test]
    fn bytes_that_are_not_text_are_shown_as_such() {
        assert_eq!(all(&[b"a\xff\x00b\n"]), vec![("a\u{fffd}\0b".to_owned(), false)]);
    }

    #[test]
    fn a_long_line_is_cut_without_tearing_a_character() {
        let long = format!("x{}", "ü€😀".repeat(20_000));
        let pieces = all(&[long.as_bytes(), b"\nnext\n"]);
        assert!(pieces.iter().all(|(text, _)| text.len() <= LONGEST_LINE));
        let last = pieces.iter().position(|(_, continued)| !continued).unwrap();
        assert_eq!(pieces[..=last].iter().map(|(text, _)| text.as_str()).collect::<String>(), long);
        assert_eq!(pieces[last + 1], ("next".to_owned(), false));
        assert_eq!(pieces.len(), last + 2);
    }

    #[test]
    fn a_long_line_of_garbage_ends() {
        let pieces = all(&[&[0x80; LONGEST_LINE * 2 + 5]]);
        assert_eq!(pieces.len(), 3);
        assert_eq!(pieces.iter().map(|(text, _)| text.chars().count()).sum::<usize>(), LONGEST_LINE * 2 + 5);
    }

    #[test]
    fn findings_f9_a_line_that_is_written_over_shows_what_stands_last() {
        for (text, shown) in [
            ("10 %\r50 %\r100 %\ndone\n", &["100 %", "done"][..]),
            ("\r10 %\r50 %\r100 %\r\n", &["100 %"]),
            ("10 %\r50 %\r", &["50 %"]),
            ("10 %\r   \r\n", &["10 %"]),
            ("a\r\nb\r\n", &["a", "b"]),
            ("\r\n\n", &["", ""]),
            (
                "x\r##octopus[progress percentage='NDI='\r message='YQ==']\n",
                &["x\r##octopus[progress percentage='NDI='\r message='YQ==']"],
            ),
        ] {
            for size in 1..=text.len() {
                let lines: Vec<_> = all(&text.as_bytes().chunks(size).collect::<Vec<_>>());
                if !text.contains("##octopus[") || size == text.len() {
                    assert_eq!(
                        lines.iter().map(|(line, _)| line.as_str()).collect::<Vec<_>>(),
                        shown,
                        "{text:?} by {size}"
                    );
                }
            }
        }
        // However long it moves, no more of it is held than its last states.
        let mut splitter = Splitter::default();
        for n in 0..100_000 {
            assert!(splitter.push(format!("{n} of many\r").as_bytes(), Instant::now()).len() <= 1);
            assert!(splitter.held.len() + splitter.before.len() < 100);
        }
    }

    #[test]
    fn findings_f9_a_line_that_moves_is_shown_now_and_then() {
        let (mut splitter, start) = (Splitter::default(), Instant::now());
        let at = |tenths: u64| start + Duration::from_millis(tenths * 100);
        let mut seen = Vec::new();
        for tenths in 0..100 {
            seen.extend(
                splitter.push(format!("\r{tenths} of 100").as_bytes(), at(tenths)).into_iter().map(|(line, _)| line),
            );
        }
        assert_eq!(seen, ["20 of 100", "40 of 100", "60 of 100", "80 of 100"]);
        // And when nothing more comes.
        assert_eq!(splitter.look(at(100)).as_deref(), Some("99 of 100"));
        assert_eq!(splitter.look(at(200)), None);
        assert_eq!(splitter.push(b"\n", at(201)), [], "it was shown so already");
        assert_eq!(splitter.push(b"next\n", at(202)), [("next".to_owned(), false)]);
    }
}

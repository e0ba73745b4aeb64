//! Hears what a script says: masks it, writes it down, does what service messages ask for.
//!
//! It promises that a service message does what it asks for however long its line is, or is refused in words, and that its
//! text never reaches the log: it may hold a secret that nobody knows yet.

use super::{
    book::Book,
    mask::{MaskStream, Masker},
    messages::{self, Message},
    runner::Deploying,
    transport::{Line, Stream},
};
use crate::{
    base::secret::Secret,
    company::{
        deployments::plan::{Place, PlannedAction},
        tasks::{Category, Text},
    },
};
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
};
use tokio::sync::mpsc;

/// Values that scripts hand on may take so many bytes together.
const MOST_OUTPUT: usize = 1024 * 1024;
/// What each of them counts beside its text.
const EACH_OUTPUT: usize = 64;
/// So many of them may be secret, and so many bytes: each is looked for in all output that follows, in many forms.
const MOST_SECRET: (usize, usize) = (200, 64 * 1024);
/// A service message is no longer: the largest value, in base64, with room for its name.
const LONGEST_MESSAGE: usize = 2 * 1024 * 1024;

/// What scripts handed on, and what must not be shown.
pub(super) struct Said {
    outputs: BTreeMap<String, String>,
    bytes: usize,
    /// How many of them are secret, and their bytes.
    handed_secret: (usize, usize),
    secrets: Vec<Secret>,
    masker: Masker,
}

impl Said {
    pub fn new(secrets: Vec<Secret>) -> Said {
        let masker = Masker::new(secrets.iter().map(Secret::expose));
        Said { outputs: BTreeMap::new(), bytes: 0, handed_secret: (0, 0), secrets, masker }
    }
    pub fn outputs(&self) -> &BTreeMap<String, String> {
        &self.outputs
    }
    pub fn masker(&self) -> &Masker {
        &self.masker
    }

    /// For the output of one script: what is hidden from here on.
    fn streams(&self) -> (MaskStream, MaskStream) {
        (self.masker.stream(), self.masker.stream())
    }

    /// Keeps a value for the steps that follow, under the names of `domain §3`.
    fn hand_on(
        &mut self,
        action: &PlannedAction,
        place: &Place,
        (name, value): (&str, &str),
        sensitive: bool,
    ) -> Result<(), &'static str> {
        let size = name.len() + value.len() + EACH_OUTPUT;
        if self.bytes + size > MOST_OUTPUT {
            return Err("a deployment's scripts may hand on 1 MiB in all");
        }
        let (count, bytes) = (self.handed_secret.0 + 1, self.handed_secret.1 + value.len());
        if sensitive && (count > MOST_SECRET.0 || bytes > MOST_SECRET.1) {
            return Err(
                "a deployment's scripts may hand on 200 secret values of 64 KiB in all. It is not hidden in the output either",
            );
        }
        self.bytes += size;
        if let Some(machine) = place.machine() {
            self.outputs
                .insert(format!("Octopus.Action[{}].Output[{}].{name}", action.name, machine.name), value.to_owned());
        }
        self.outputs.insert(format!("Octopus.Action[{}].Output.{name}", action.name), value.to_owned());
        if sensitive {
            self.hide((count, bytes), value);
        }
        Ok(())
    }

    /// Hides a value from here on.
    fn mask(&mut self, value: &str) -> Result<(), &'static str> {
        let (count, bytes) = (self.handed_secret.0 + 1, self.handed_secret.1 + value.len());
        if count > MOST_SECRET.0 || bytes > MOST_SECRET.1 {
            return Err(
                "A deployment's scripts may hide 200 values of 64 KiB in all: this one is shown where it stands.",
            );
        }
        self.hide((count, bytes), value);
        Ok(())
    }
    fn hide(&mut self, counted: (usize, usize), value: &str) {
        self.handed_secret = counted;
        self.secrets.push(Secret::new(value));
        self.masker = Masker::new(self.secrets.iter().map(Secret::expose));
    }
}

/// Puts the pieces of a line together again when it is a service message.
#[derive(Default)]
struct Assembly {
    held: Option<String>,
}

/// What a piece of a line turned out to be.
enum Piece {
    /// A whole line that may be a service message, or a piece of ordinary output.
    Line(Line),
    /// It waits for the rest of its service message.
    Held,
    /// The end of a service message that is too long.
    TooLong,
}

impl Assembly {
    fn take(&mut self, line: Line) -> Piece {
        let Some(held) = &mut self.held else {
            if line.continued && messages::goes_on(&line.text) {
                self.held = Some(line.text);
                return Piece::Held;
            }
            return Piece::Line(line);
        };
        if held.len() <= LONGEST_MESSAGE {
            held.push_str(&line.text);
        }
        if line.continued {
            return Piece::Held;
        }
        let text = self.held.take().unwrap_or_default();
        if text.len() > LONGEST_MESSAGE { Piece::TooLong } else { Piece::Line(Line { text, ..line }) }
    }
}

/// Takes the script's output to its end.
pub(super) async fn listen(
    deploying: &Deploying,
    action: &PlannedAction,
    place: &Place,
    number: &str,
    mut heard: mpsc::Receiver<Line>,
    warned: &AtomicBool,
) {
    let book = &deploying.book;
    let warn = || {
        warned.store(true, Ordering::Relaxed);
        deploying.warned.store(true, Ordering::Relaxed);
    };
    let (mut out, mut err) = deploying.said().streams();
    // Many programs tell their progress on standard error, so it is shown as what it is and changes no status.
    let (mut voice, mut voice_of_errors) = (Category::Info, Category::Error);
    let (mut of_out, mut of_err) = (Assembly::default(), Assembly::default());
    while let Some(line) = heard.recv().await {
        let mut line = match line.stream {
            Stream::Out | Stream::Err => {
                match if line.stream == Stream::Out { &mut of_out } else { &mut of_err }.take(line) {
                    Piece::Line(line) => line,
                    Piece::Held => continue,
                    Piece::TooLong => {
                        warn();
                        let sentence = "A service message is longer than 2 MiB, so it is not read and not shown.";
                        book.say(number, Category::Warning, sentence).await;
                        continue;
                    }
                }
            }
            Stream::Note => {
                warn();
                book.say(number, Category::Warning, line.text).await;
                continue;
            }
        };
        if let Some((message, rest)) = messages::read(&line.text) {
            match message {
                Message::Speak(category) => voice = category,
                Message::SpeakOfErrors(category) => voice_of_errors = category,
                Message::SetVariable { name, value, sensitive } => {
                    let kept = deploying.said().hand_on(action, place, (&name, &value), sensitive);
                    if sensitive {
                        // From here on this script's own output hides it too.
                        say_rest(book, number, [(out.finish(), voice), (err.finish(), voice_of_errors)]).await;
                        (out, err) = deploying.said().streams();
                    }
                    let name = shortened(&name);
                    let (category, sentence) = match kept {
                        Ok(()) => {
                            (Category::Verbose, format!("The value of {name} is handed on to the steps that follow."))
                        }
                        Err(why) => (Category::Warning, format!("The value of {name} is not handed on: {why}.")),
                    };
                    book.say(number, category, sentence).await;
                }
                Message::Progress { percentage, message } => {
                    let message = out.push(shortened(&message), false);
                    book.say(number, Category::Updated, format!("{percentage} %: {message}")).await;
                }
                Message::Result(message) => {
                    let text = out.push(&message, false);
                    book.say(number, Category::Error, Text { text, goes_on: false }).await;
                }
                Message::Mask(value) => {
                    let hidden = deploying.said().mask(&value);
                    say_rest(book, number, [(out.finish(), voice), (err.finish(), voice_of_errors)]).await;
                    (out, err) = deploying.said().streams();
                    if let Err(why) = hidden {
                        warn();
                        book.say(number, Category::Warning, why).await;
                    }
                }
                Message::Passed => {}
                Message::Undone(word) => {
                    warn();
                    let sentence =
                        format!("The script asks for {word}, which this version of Bulkhead does not do yet.");
                    book.say(number, Category::Warning, sentence).await;
                }
                Message::Unread(sentence) => book.say(number, Category::Verbose, sentence).await,
            }
            if rest.is_empty() {
                continue;
            }
            line.text = rest;
        }
        let (stream, category) = match line.stream {
            Stream::Out => (&mut out, voice),
            _ => (&mut err, voice_of_errors),
        };
        if category == Category::Warning {
            warn();
        }
        let text = stream.push(&line.text, line.continued);
        book.say(number, category, Text { text, goes_on: line.continued }).await;
    }
    say_rest(book, number, [(out.finish(), voice), (err.finish(), voice_of_errors)]).await;
}

/// Says what of lines is held.
async fn say_rest(book: &Book, number: &str, held: [(String, Category); 2]) {
    for (rest, category) in held {
        if !rest.is_empty() {
            book.say(number, category, rest).await;
        }
    }
}

/// A name or a few words as they stand in a sentence.
fn shortened(text: &str) -> &str {
    text.get(..text.floor_char_boundary(1000)).unwrap_or_default()
}

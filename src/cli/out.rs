//! How commands speak: results go to stdout, talk to stderr. Whoever reads them may go away (`bulkhead … | head -1`): what
//! is left to say is dropped then, the command does its work and ends with its own exit code. A result that could not be
//! written for another reason, such as a full disk, is remembered: the command did its work, and does not end as if
//! somebody knew of it.

use std::{
    fmt::Arguments,
    io::{ErrorKind, Result, Write},
    sync::OnceLock,
};

/// In place of the standard library's, which panics when nobody reads any more. Known in all modules of this part.
macro_rules! println {
    ($($words:tt)*) => { $crate::cli::out::result(format_args!($($words)*)) };
}

/// As [`println`], for talk.
macro_rules! eprintln {
    ($($words:tt)*) => { $crate::cli::out::talk(format_args!($($words)*)) };
}

/// Why a result was not written.
static LOST: OnceLock<String> = OnceLock::new();

/// One line of a result.
pub(super) fn result(words: Arguments<'_>) {
    if let Err(cause) = line(std::io::stdout().lock(), words)
        && cause.kind() != ErrorKind::BrokenPipe
    {
        LOST.get_or_init(|| cause.to_string());
    }
}

/// One line of talk. Where it cannot be written there is nobody to tell.
pub(super) fn talk(words: Arguments<'_>) {
    line(std::io::stderr().lock(), words).unwrap_or_default();
}

/// Why a result of this command was not written; `None` when all were, and when nobody wanted them.
pub(super) fn lost() -> Option<&'static str> {
    LOST.get().map(String::as_str)
}

fn line(mut to: impl Write, words: Arguments<'_>) -> Result<()> {
    to.write_fmt(words)?;
    to.write_all(b"\n")?;
    to.flush()
}

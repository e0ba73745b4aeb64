//! How commands speak: results go to stdout, talk to stderr. Whoever reads them may go away (`bulkhead … | head -1`): what
//! is left to say is dropped then, the command does its work and ends with its own exit code.

use std::{fmt::Arguments, io::Write};

/// In place of the standard library's, which panics when nobody reads any more. Known in all modules of this part.
macro_rules! println {
    ($($words:tt)*) => { $crate::cli::out::line(std::io::stdout().lock(), format_args!($($words)*)) };
}

/// As [`println`], for talk.
macro_rules! eprintln {
    ($($words:tt)*) => { $crate::cli::out::line(std::io::stderr().lock(), format_args!($($words)*)) };
}

/// One line, if anybody reads it.
pub(super) fn line(mut to: impl Write, words: Arguments<'_>) {
    if to.write_fmt(words).and_then(|()| to.write_all(b"\n")).and_then(|()| to.flush()).is_err() {
        // There is nobody to tell.
    }
}

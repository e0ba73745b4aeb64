//! Whether the server's disk has room: known to every part, found out by who looks after the data folder.
//!
//! While there is little, nothing is added; signing in, deleting and cancelling go on from what was kept in reserve.

use super::{
    clock,
    error::{Error, FaultKind, Result},
};
use std::sync::{
    OnceLock,
    atomic::{AtomicI64, AtomicU8, Ordering},
};

/// How much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Room {
    /// Enough.
    Plenty,
    /// The reserve is in use: nothing is added.
    Little,
    /// The reserve is nearly used up: nothing is changed but by who takes away.
    Least,
}

/// A measurement is taken again after this many milliseconds.
const FRESH: i64 = 1000;

type Look = Box<dyn Fn() -> Room + Send + Sync>;

static LOOK: OnceLock<Look> = OnceLock::new();
static NOW: AtomicU8 = AtomicU8::new(0);
static LOOKED: AtomicI64 = AtomicI64::new(i64::MIN / 2);

/// Says how the room is measured. The server does so once; a command that runs beside it measures nothing.
pub fn measured_by(look: impl Fn() -> Room + Send + Sync + 'static) {
    let _ = LOOK.set(Box::new(look));
    look_again();
}

/// How much room there is, measured at most once a second.
pub fn room() -> Room {
    let now = clock::now().0;
    let last = LOOKED.load(Ordering::Relaxed);
    // One thread measures, the others take what is known. A clock that was put back is measured at once.
    let due = now - last >= FRESH || now < last;
    if due && LOOKED.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
        measure();
    }
    match NOW.load(Ordering::Relaxed) {
        0 => Room::Plenty,
        1 => Room::Little,
        _ => Room::Least,
    }
}

/// Measures now: the disk has just refused something.
pub fn look_again() {
    LOOKED.store(clock::now().0, Ordering::Relaxed);
    measure();
}

fn measure() {
    if let Some(look) = LOOK.get() {
        NOW.store(look() as u8, Ordering::Relaxed);
    }
}

/// Whether something may be added now.
///
/// # Errors
/// `Fault` of the kind `Full`.
pub fn may_add() -> Result<()> {
    if room() == Room::Plenty { Ok(()) } else { Err(full()) }
}

/// Whether something may be changed now.
///
/// # Errors
/// `Fault` of the kind `Full`.
pub fn may_change() -> Result<()> {
    if room() < Room::Least { Ok(()) } else { Err(full()) }
}

fn full() -> Error {
    Error::fault(FaultKind::Full, "the disk of the data folder is full")
}

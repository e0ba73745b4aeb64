//! Bodies on their way: one that comes has to come on, and one that goes keeps its request under way.

use super::{
    book::{Book, Underway},
    connection::{Connection, Passing, Receiving, Turn, Whose},
};
use crate::http::call::Unread;
use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, Incoming, SizeHint};
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll},
};
use tokio::time::{Instant, Sleep, sleep_until};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Smaller bodies are not counted.
const SMALL: usize = 64 * 1024;

/// What is known of a body beside it.
#[derive(Default)]
pub(super) struct Arrival {
    /// All of it has come.
    pub(super) whole: AtomicBool,
    /// So many bytes are held by the request.
    held: AtomicUsize,
}

/// The body of a request.
pub(super) struct Coming {
    body: Incoming,
    book: Arc<Book>,
    arrival: Arc<Arrival>,
    connection: Arc<Connection>,
    receiving: Option<Receiving>,
    /// Since when it is waited for.
    begun: Option<Instant>,
    last: Instant,
    length: usize,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Coming {
    pub(super) fn new(body: Incoming, book: Arc<Book>, arrival: Arc<Arrival>, connection: Arc<Connection>) -> Coming {
        let receiving = Some(connection.receive());
        let last = Instant::now();
        Coming { body, book, arrival, connection, receiving, begun: None, last, length: 0, alarm: None }
    }

    fn whole(&mut self) {
        self.arrival.whole.store(true, Relaxed);
        self.receiving = None;
        self.alarm = None;
    }

    /// Takes a piece in; `false` when there is no room for it.
    fn take(&mut self, length: usize) -> bool {
        self.length += length;
        self.last = Instant::now();
        let held = self.arrival.held.load(Relaxed);
        if self.length <= SMALL {
            return true;
        }
        let room = self.book.hold(self.connection.whose(), self.length - held);
        if room {
            self.arrival.held.store(self.length, Relaxed);
        }
        room
    }
}

impl HttpBody for Coming {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let begun = *this.begun.get_or_insert_with(|| {
            this.last = Instant::now();
            this.last
        });
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                if !this.take(frame.data_ref().map_or(0, Bytes::len)) {
                    return Poll::Ready(Some(Err(Unread::NoRoom.into())));
                }
                if this.body.is_end_stream() {
                    this.whole();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(cause))) => Poll::Ready(Some(Err(cause.into()))),
            Poll::Ready(None) => {
                this.whole();
                Poll::Ready(None)
            }
            Poll::Pending => {
                let bounds = this.book.bounds();
                let earned = std::time::Duration::from_secs(this.length as u64 / bounds.body_rate.max(1));
                let until = (begun + bounds.body + earned).min(this.last + bounds.body_pause);
                let alarm = this.alarm.get_or_insert_with(|| Box::pin(sleep_until(until)));
                if alarm.deadline() != until {
                    alarm.as_mut().reset(until);
                }
                match alarm.as_mut().poll(cx) {
                    Poll::Ready(()) => Poll::Ready(Some(Err(Unread::TooSlow.into()))),
                    Poll::Pending => Poll::Pending,
                }
            }
        }
    }
    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What a request holds until its answer is sent.
pub(super) struct Held {
    pub(super) _turn: Turn,
    pub(super) _underway: Option<Underway>,
    pub(super) book: Arc<Book>,
    pub(super) whose: Whose,
    pub(super) arrival: Option<Arc<Arrival>>,
}

impl Drop for Held {
    fn drop(&mut self) {
        let held = self.arrival.as_ref().map_or(0, |arrival| arrival.held.load(Relaxed));
        if held > 0 {
            self.book.let_go(self.whose, held);
        }
    }
}

/// The body of an answer.
pub(super) struct Going {
    pub(super) body: Body,
    /// Where several go over one connection.
    pub(super) passing: Option<Passing>,
    pub(super) _held: Held,
}

impl HttpBody for Going {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if let Some(passing) = &self.passing {
            passing.gave(matches!(frame, Poll::Ready(Some(Ok(_)))));
        }
        frame
    }
    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

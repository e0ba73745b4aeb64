//! A socket whose reading and writing is noted with its connection, and which is given back when whoever served it is
//! done.

use super::connection::Connection;
use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// What every connection of HTTP/2 begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The socket of a connection.
pub(super) struct Wire {
    stream: Option<TcpStream>,
    /// What was read to find out which HTTP this is.
    first: Vec<u8>,
    connection: Arc<Connection>,
}

fn gone() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

impl Wire {
    pub(super) fn new(stream: TcpStream, connection: Arc<Connection>) -> Wire {
        Wire { stream: Some(stream), first: Vec::new(), connection }
    }

    /// Reads until it is known which HTTP is spoken, and whether it is HTTP/2. An end is an error.
    pub(super) async fn is_http2(&mut self) -> io::Result<bool> {
        use tokio::io::AsyncReadExt;
        let mut first = [0; PREFACE.len()];
        let mut length = 0;
        while length < PREFACE.len() && PREFACE.starts_with(&first[..length]) {
            let read = self.read(&mut first[length..]).await?;
            if read == 0 {
                return Err(gone());
            }
            length += read;
        }
        self.first = first[..length].to_vec();
        Ok(first == *PREFACE)
    }

    fn poll<T>(
        self: Pin<&mut Self>,
        work: impl FnOnce(Pin<&mut TcpStream>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        match &mut self.get_mut().stream {
            Some(stream) => work(Pin::new(stream)),
            None => Poll::Ready(Err(gone())),
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if let Some(stream) = self.stream.take() {
            self.connection.give_back(stream);
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.first.is_empty() {
            let length = self.first.len().min(buffer.remaining());
            buffer.put_slice(&self.first[..length]);
            self.first.drain(..length);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(self.as_mut().poll(|stream| stream.poll_read(cx, buffer)))?;
        self.connection.heard(buffer.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = self.as_mut().poll(|stream| stream.poll_write(cx, bytes));
        self.connection.wrote(written.is_ready());
        written
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.as_mut().poll(|stream| stream.poll_write_vectored(cx, pieces));
        self.connection.wrote(written.is_ready());
        written
    }
    fn is_write_vectored(&self) -> bool {
        true
    }
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let watches = self.connection.watches();
        self.poll(|stream| {
            // Nobody reads while an answer goes out: who has left a stream would be noticed at the second line after.
            let mut one = [0];
            let mut one = ReadBuf::new(&mut one);
            if watches && matches!(stream.poll_peek(cx, &mut one)?, Poll::Ready(0)) {
                return Poll::Ready(Err(gone()));
            }
            Poll::Ready(Ok(()))
        })
    }
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(|stream| stream.poll_shutdown(cx))
    }
}

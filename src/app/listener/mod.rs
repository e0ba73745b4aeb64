//! The port: takes connections, gives their requests to the router, ends what is out of time, and closes in order.
//!
//! Whatever somebody sends or does not send, others are served, and what a request is refused with arrives.

mod body;
mod book;
mod bounds;
mod connection;
#[cfg(test)]
mod tests;
mod wire;

pub use bounds::Bounds;

use super::routes;
use crate::http::call::Peer;
use axum::{
    Router,
    body::{Body, HttpBody},
    extract::{ConnectInfo, Request},
    http::{HeaderValue, StatusCode, Version, header},
    response::Response,
};
use body::{Arrival, Coming, Going, Held};
use book::{Admitted, Book, Full};
use connection::{Connection, Verdict};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use ipnet::IpNet;
use std::{
    convert::Infallible,
    io::{self, ErrorKind},
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tower::Service;
use wire::Wire;

/// So many that are turned away get to hear why at the same time.
const TURNED_AWAY: usize = 64;

/// What all connections share.
struct House {
    router: Router,
    book: Arc<Book>,
    closing: CancellationToken,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    turned_away: Semaphore,
}

/// Serves what comes to a port until `closing` is cancelled; then closes the port and lets requests finish. Those that do
/// not within their time, or once `hurry` is cancelled, are cut off.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    bounds: Bounds,
    trusted: Arc<[IpNet]>,
    closing: CancellationToken,
    hurry: CancellationToken,
) {
    let mut http1 = http1::Builder::new();
    // How long heads take and connections idle is looked after by the book.
    http1.timer(TokioTimer::new()).header_read_timeout(None).max_header_size(bounds.head_size);
    // Who has sent all that they wanted to send still waits for the answer.
    http1.half_close(true);
    if bounds.headers != 100 {
        // A hundred is what it takes by itself, and faster.
        http1.max_headers(bounds.headers);
    }
    let mut http2 = http2::Builder::new(TokioExecutor::new());
    http2.timer(TokioTimer::new()).keep_alive_interval(bounds.ping).keep_alive_timeout(bounds.pong);
    let list = u32::try_from(bounds.head_size).unwrap_or(u32::MAX);
    http2.max_concurrent_streams(bounds.streams).max_header_list_size(list);
    let book = Arc::new(Book::new(bounds.clone(), trusted));
    let house = Arc::new(House {
        router: router.with_state(()),
        book: book.clone(),
        closing: closing.clone(),
        http1,
        http2,
        turned_away: Semaphore::new(TURNED_AWAY),
    });
    let judging = tokio::spawn({
        let (book, look) = (book.clone(), bounds.look);
        async move {
            loop {
                sleep(look).await;
                book.judge();
            }
        }
    });
    take(&listener, &house).await;
    drop(listener);
    let begun = Instant::now();
    while !book.is_empty() {
        let late = begun.elapsed() > bounds.finish || hurry.is_cancelled();
        if late || begun.elapsed() > bounds.farewell {
            book.end(late);
        }
        if begun.elapsed() > bounds.finish + bounds.drain_pause {
            break;
        }
        sleep(Duration::from_millis(10)).await;
    }
    judging.abort();
}

async fn take(listener: &TcpListener, house: &Arc<House>) {
    let mut said: Option<Instant> = None;
    loop {
        let came = tokio::select! {
            came = listener.accept() => came,
            () = house.closing.cancelled() => return,
        };
        match came {
            Ok((stream, peer)) => receive(stream, peer, house),
            // It was gone before it was taken.
            Err(cause) if is_of_one_connection(&cause) => {}
            Err(cause) => {
                // Too many open files, or too little memory: asking again at once would only keep a processor busy.
                if said.is_none_or(|said| said.elapsed() > Duration::from_secs(60)) {
                    tracing::error!(%cause, "no connection can be taken now; those that wait are ended to make room");
                    said = Some(Instant::now());
                }
                house.book.make_room();
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn is_of_one_connection(cause: &io::Error) -> bool {
    use ErrorKind as K;
    matches!(cause.kind(), K::ConnectionRefused | K::ConnectionAborted | K::ConnectionReset | K::Interrupted)
}

fn receive(stream: TcpStream, peer: SocketAddr, house: &Arc<House>) {
    match house.book.admit(peer.ip()) {
        Ok(admitted) => drop(tokio::spawn(carry(stream, peer, admitted, house.clone()))),
        Err(full) => {
            let house = house.clone();
            tokio::spawn(async move {
                // Where even those are many, the rest hears nothing.
                if let Ok(_one) = house.turned_away.try_acquire() {
                    turn_away(stream, full).await;
                }
            });
        }
    }
}

async fn turn_away(mut stream: TcpStream, full: Full) {
    let sentence = match full {
        Full::OfOneAddress => "Too many connections from this address are at work. Try again in a few seconds.\n",
        Full::Altogether => "Too many connections are at work. Try again in a few seconds.\n",
    };
    let said = timeout(Duration::from_secs(1), async {
        stream.write_all(bare("503 Service Unavailable", "Retry-After: 5\r\n", sentence).as_bytes()).await?;
        stream.shutdown().await?;
        // What was sent is read: unread, it would take the answer with it.
        let mut thrown = [0; 4096];
        while stream.read(&mut thrown).await? > 0 {}
        io::Result::Ok(())
    });
    let _ = said.await;
}

/// An answer without a request.
fn bare(status: &str, more: &str, sentence: &str) -> String {
    let length = sentence.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n\
         Connection: close\r\n{more}\r\n{sentence}"
    )
}

/// One connection from its beginning to its end.
async fn carry(stream: TcpStream, peer: SocketAddr, admitted: Admitted, house: Arc<House>) {
    let connection = &admitted.connection;
    look_after(&stream, house.book.bounds());
    let mut wire = Wire::new(stream, connection.clone());
    let spoken = tokio::select! {
        spoken = wire.is_http2() => spoken,
        () = connection.told() => Err(ErrorKind::TimedOut.into()),
        () = house.closing.cancelled() => Err(ErrorKind::Interrupted.into()),
    };
    let Ok(http2) = spoken else {
        drop(wire);
        return part(connection, &house).await;
    };
    let peer = Peer::from(peer.ip());
    let (router, book, of) = (house.router.clone(), house.book.clone(), connection.clone());
    let service = service_fn(move |request| answer(request, router.clone(), book.clone(), of.clone(), peer.clone()));
    let io = TokioIo::new(wire);
    if http2 {
        connection.speaks_http2();
        let serving = house.http2.serve_connection(io, service);
        drive(serving, http2::Connection::graceful_shutdown, connection, &house.closing).await;
    } else {
        let serving = house.http1.serve_connection(io, service);
        drive(serving, http1::Connection::graceful_shutdown, connection, &house.closing).await;
    }
    part(connection, &house).await;
}

/// What the kernel looks after: small answers go at once, and an end that is gone is noticed.
fn look_after(stream: &TcpStream, bounds: &Bounds) {
    use rustix::net::sockopt;
    let gone = u32::try_from(bounds.gone.as_millis()).unwrap_or(u32::MAX);
    let probe = bounds.gone / 6;
    let set = sockopt::set_tcp_nodelay(stream, true)
        .and_then(|()| sockopt::set_socket_keepalive(stream, true))
        .and_then(|()| sockopt::set_tcp_keepidle(stream, probe * 3))
        .and_then(|()| sockopt::set_tcp_keepintvl(stream, probe))
        .and_then(|()| sockopt::set_tcp_keepcnt(stream, 3))
        .and_then(|()| sockopt::set_tcp_user_timeout(stream, gone));
    if let Err(cause) = set {
        tracing::trace!(%cause, "a socket keeps what the system sets");
    }
}

async fn drive<C: Future<Output = hyper::Result<()>>>(
    serving: C,
    finish: fn(Pin<&mut C>),
    connection: &Connection,
    closing: &CancellationToken,
) {
    let mut serving = pin!(serving);
    let mut finishing = false;
    loop {
        tokio::select! {
            biased;
            outcome = serving.as_mut() => {
                if let Err(cause) = outcome {
                    // Also what could not be understood: its sender is to hear so.
                    connection.leave_unread();
                    tracing::trace!(%cause, "a connection failed");
                }
                return;
            }
            () = connection.told() => {
                if connection.verdict() > Verdict::Finish {
                    return;
                }
            }
            () = closing.cancelled(), if !finishing => {}
        }
        if !finishing {
            finishing = true;
            finish(serving.as_mut());
        }
    }
}

/// Says what there is to say, and lets who still sends hear it: what lies unread when a socket is closed takes with it
/// what was written last.
async fn part(connection: &Connection, house: &House) {
    let Some(mut stream) = connection.take_back() else { return };
    let slow = connection.verdict() == Verdict::HeadTooSlow && !connection.is_http2();
    if slow {
        let sentence = "The head of the request took too long. Send it again.\n";
        // It fits, or it is not worth waiting for.
        let _ = stream.try_write(bare("408 Request Timeout", "", sentence).as_bytes());
    }
    if connection.has_ended() || !(slow || connection.left_unread()) || connection.verdict() == Verdict::End {
        return;
    }
    let bounds = house.book.bounds();
    let drained = async {
        let _ = stream.shutdown().await;
        let mut thrown = vec![0; 16 * 1024];
        let mut left = bounds.drain_size;
        while left > 0 {
            match timeout(bounds.drain_pause, stream.read(&mut thrown)).await {
                Ok(Ok(length)) if length > 0 => left = left.saturating_sub(length),
                _ => return,
            }
        }
    };
    let ended = async {
        while connection.verdict() != Verdict::End {
            connection.told().await;
        }
    };
    tokio::select! {
        _ = timeout(bounds.drain, drained) => {}
        () = ended => {}
    }
}

async fn answer(
    request: Request<Incoming>,
    mut router: Router,
    book: Arc<Book>,
    connection: Arc<Connection>,
    peer: Peer,
) -> Result<Response<Going>, Infallible> {
    let turn = connection.begin();
    let version = request.version();
    let (mut parts, body) = request.into_parts();
    let underway = book.take(&connection);
    let crowded = underway.is_none();
    let mut held =
        Held { _turn: turn, _underway: underway, book: book.clone(), whose: connection.whose(), arrival: None };
    let body = if body.is_end_stream() {
        Body::empty()
    } else {
        let arrival = Arc::new(Arrival::default());
        held.arrival = Some(arrival.clone());
        Body::new(Coming::new(body, book.clone(), arrival, connection.clone()))
    };
    let bounds = book.bounds();
    let mut response = if crowded {
        drop(body);
        routes::refuse(parts.uri.path(), StatusCode::TOO_MANY_REQUESTS)
    } else if parts.uri.path_and_query().map_or(0, |whole| whole.as_str().len()) > bounds.address {
        drop(body);
        routes::refuse(parts.uri.path(), StatusCode::URI_TOO_LONG)
    } else if parts.headers.len() > bounds.headers {
        drop(body);
        routes::refuse(parts.uri.path(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)
    } else {
        parts.extensions.insert(ConnectInfo(peer));
        match router.call(Request::from_parts(parts, body)).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    };
    if held.arrival.as_ref().is_some_and(|arrival| !arrival.whole.load(Relaxed)) && version < Version::HTTP_2 {
        // The answer comes before the end of what is sent: the rest is thrown away, and nothing is read after it.
        connection.leave_unread();
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let streams = |kind: &HeaderValue| kind.as_bytes().starts_with(b"text/event-stream");
    if version < Version::HTTP_2 && response.headers().get(header::CONTENT_TYPE).is_some_and(streams) {
        connection.watch();
    }
    let passing = (version == Version::HTTP_2).then(|| connection.go());
    Ok(response.map(|body| Going { body, passing, _held: held }))
}

//! What pages and API share of HTTP: the table of routes, the state they get, the way to a thread that may wait.
//!
//! Knows nothing of any feature.

pub mod assets;
pub mod call;
pub mod csrf;
pub mod download;
pub mod headers;
pub mod kept;
pub mod proxies;
pub mod streams;
pub mod table;

use crate::{
    appliance::Appliance,
    base::error::{Error, Result},
    execution::{issuers::Issuers, transport::sandbox::Outlook},
};
use axum::http::{HeaderMap, StatusCode, header};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Instant,
};
use tokio::sync::OwnedSemaphorePermit;

/// What every handler can reach. It holds no key of the engine or the operator.
#[derive(Clone)]
pub struct Desk {
    /// The data folder and its companies.
    pub appliance: Arc<Appliance>,
    /// The address people use, without a slash at the end, when it was configured.
    pub public_url: Option<String>,
    /// Whether letters can be sent. Without, links are shown to hand over.
    pub mail: bool,
    /// The proxies whose word for a visitor's address is taken.
    pub proxies: Arc<proxies::Proxies>,
    /// How scripts are kept apart on the built-in worker.
    pub worker: Outlook,
    /// The keys of those who sign tokens for service accounts.
    pub issuers: Arc<Issuers>,
    /// The event streams that are open.
    pub streams: Arc<streams::Streams>,
    /// What is held between two requests.
    pub kept: Arc<kept::Kept>,
    /// The server was told to end: nothing is begun or changed any more.
    pub stopping: tokio_util::sync::CancellationToken,
    /// The running tasks have ended, and the port closes: ends streams.
    pub closing: tokio_util::sync::CancellationToken,
}

impl Desk {
    /// Whether cookies are for HTTPS only.
    pub fn secure(&self) -> bool {
        self.public_url.as_deref().is_some_and(|url| url.starts_with("https://"))
    }

    /// What people call this server: its configured address, or the one that a request came to. Without a slash at the end.
    pub fn address(&self, headers: &HeaderMap) -> String {
        let host = || headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        self.public_url.clone().unwrap_or_else(|| format!("http://{}", host()))
    }

    /// A seat at a company, kept while one of its requests is worked on. Whoever finds all taken waits here, on no
    /// thread, so that one company's slow requests leave threads to the others. `None` where no company is open.
    pub async fn seat(&self, slug: &str) -> Option<OwnedSemaphorePermit> {
        self.appliance.seats(slug)?.acquire_owned().await.ok()
    }
}

/// After how many seconds to try again what was refused for all alike.
pub fn retry_after(status: StatusCode) -> Option<i64> {
    match status {
        StatusCode::TOO_MANY_REQUESTS => Some(5),
        // A stopping server is back when its tasks have ended and it was started again.
        StatusCode::SERVICE_UNAVAILABLE => Some(30),
        _ => None,
    }
}

/// Runs work that reads or writes a file on a thread that may wait, and passes its panic on as an error.
///
/// # Errors
/// `Internal` when the work panicked.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer,
        Err(fault) => Err(Error::internal(format!("a handler failed: {fault}"))),
    }
}

/// Starts work that the answer does not wait for, on a thread that may wait. What fails is logged.
pub fn afterwards(work: impl FnOnce() -> Result<()> + Send + 'static) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn_blocking(move || {
            if let Err(error) = work() {
                tracing::error!(%error, "what was to be done after an answer failed");
            }
        });
    }
}

/// Waits for asynchronous work from a handler.
///
/// # Errors
/// `Internal` outside the server's runtime.
pub fn wait_for<T>(work: impl Future<Output = T>) -> Result<T> {
    match tokio::runtime::Handle::try_current() {
        // A look may run on a thread that carries connections: the thread hands them over first.
        Ok(runtime) => Ok(tokio::task::block_in_place(|| runtime.block_on(work))),
        Err(fault) => Err(Error::internal(format!("no runtime to wait in: {fault}"))),
    }
}

/// Runs work that answers a request which only looks, on the thread that carries the connection: the way to another
/// thread and back costs as much as most reads. What finds all other threads caught in looks that take long goes the
/// way of [`blocking`]: one thread is left to carry connections, so that nobody waits for somebody else's slow page. Only
/// slow looks that begin at the same moment, within `LONG`, one on each thread, hold them all until the first ends.
///
/// # Errors
/// As [`blocking`].
pub async fn looking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let Some(turn) = Turn::take() else { return blocking(work).await };
    let answer = catch_unwind(AssertUnwindSafe(work));
    drop(turn);
    answer.unwrap_or_else(|_| Err(Error::internal("a handler failed: it panicked")))
}

/// A look that has taken so long has caught its thread, in milliseconds: longer than the machine lets a thread wait for
/// its turn at a processor.
const LONG: u64 = 10;
/// More threads than this are not counted; what would run on them goes the way of [`blocking`].
const THREADS: usize = 64;

/// Since when each thread has been looking: milliseconds after the first look, 0 for "not now".
static SINCE: [AtomicU64; THREADS] = [const { AtomicU64::new(0) }; THREADS];

/// A thread's turn at looking; given back also when the work panics.
struct Turn(usize);

impl Turn {
    fn take() -> Option<Turn> {
        static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);
        static NAMED: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static SEAT: (usize, usize) = (
                NAMED.fetch_add(1, Ordering::Relaxed),
                tokio::runtime::Handle::current().metrics().num_workers(),
            );
        }
        let (seat, threads) = SEAT.with(|seat| *seat);
        let now = FIRST.elapsed().as_millis() as u64 + 1;
        let own = SINCE.get(seat)?;
        let caught = |since: &AtomicU64| {
            let since = since.load(Ordering::Relaxed);
            since != 0 && now.saturating_sub(since) > LONG
        };
        let seats = NAMED.load(Ordering::Relaxed).min(THREADS);
        if SINCE[..seats].iter().filter(|since| caught(since)).count() + 1 >= threads {
            return None;
        }
        own.store(now, Ordering::Relaxed);
        Some(Turn(seat))
    }
}
impl Drop for Turn {
    fn drop(&mut self) {
        SINCE[self.0].store(0, Ordering::Relaxed);
    }
}

//! One connection: what it is doing, what it waits for since when, and what it is told.

use super::bounds::Bounds;
use std::{
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tokio::{net::TcpStream, sync::Notify};

/// Milliseconds since the first call, never 0.
pub(super) fn now() -> u64 {
    static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);
    FIRST.elapsed().as_millis() as u64 + 1
}

pub(super) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn since(moment: u64) -> Duration {
    Duration::from_millis(now().saturating_sub(moment))
}

/// What connections are counted by: an address of IPv4, or a network of IPv6 as one customer gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Whose(pub(super) IpAddr);

impl Whose {
    pub(super) fn of(address: IpAddr) -> Whose {
        match address.to_canonical() {
            IpAddr::V4(address) => Whose(address.into()),
            IpAddr::V6(address) => Whose(Ipv6Addr::from(u128::from(address) >> 64 << 64).into()),
        }
    }
}

/// What a connection is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Verdict {
    /// Go on.
    Stay,
    /// End after the request that is under way, if any.
    Finish,
    /// The head took too long: say so and end.
    HeadTooSlow,
    /// End.
    End,
}

const VERDICTS: [Verdict; 4] = [Verdict::Stay, Verdict::Finish, Verdict::HeadTooSlow, Verdict::End];

/// One connection. Moments are those of [`now`], 0 for none.
pub(super) struct Connection {
    pub(super) whose: Whose,
    /// The requests of its address; those that are counted.
    pub(super) own: Arc<AtomicUsize>,
    /// Requests whose answer is not sent yet.
    pub(super) requests: AtomicU32,
    /// Of these, those whose body still comes.
    receiving: AtomicU32,
    /// Since when it waits for a request, or for more of one.
    pub(super) waiting: AtomicU64,
    /// Since when a head has been coming.
    head: AtomicU64,
    /// Since when nothing of an answer has been taken.
    untaken: AtomicU64,
    /// Whether it speaks HTTP/2, where much comes that is no request.
    shared: AtomicBool,
    /// The other end sends nothing more.
    ended: AtomicBool,
    /// An answer goes out that has no end of its own: it is over when the other end has nothing more to say.
    watches: AtomicBool,
    /// A request was answered before all of it had come.
    unread: AtomicBool,
    verdict: AtomicU8,
    judged: AtomicU64,
    told: Notify,
    /// Counted no more: it is on its way out.
    pub(super) leaving: AtomicBool,
    /// Answers that share this connection: since when each waits for its next piece to be taken, 0 where we are asked.
    going: Mutex<Vec<Arc<AtomicU64>>>,
    /// The socket, when what served it is done.
    back: Mutex<Option<TcpStream>>,
}

impl Connection {
    pub(super) fn new(whose: Whose, own: Arc<AtomicUsize>) -> Connection {
        Connection {
            whose,
            own,
            requests: AtomicU32::new(0),
            receiving: AtomicU32::new(0),
            waiting: AtomicU64::new(now()),
            head: AtomicU64::new(0),
            untaken: AtomicU64::new(0),
            shared: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            watches: AtomicBool::new(false),
            unread: AtomicBool::new(false),
            verdict: AtomicU8::new(0),
            judged: AtomicU64::new(0),
            told: Notify::new(),
            leaving: AtomicBool::new(false),
            going: Mutex::default(),
            back: Mutex::default(),
        }
    }

    pub(super) fn whose(&self) -> Whose {
        self.whose
    }

    /// Bytes have come.
    pub(super) fn heard(&self, length: usize) {
        if length == 0 {
            self.ended.store(true, Relaxed);
        } else if self.requests.load(Relaxed) == 0 && self.head.load(Relaxed) == 0 && !self.shared.load(Relaxed) {
            self.head.store(now(), Relaxed);
        }
    }
    /// Bytes were taken, or could not be.
    pub(super) fn wrote(&self, taken: bool) {
        if taken {
            if self.untaken.load(Relaxed) != 0 {
                self.untaken.store(0, Relaxed);
            }
        } else if self.untaken.load(Relaxed) == 0 {
            self.untaken.store(now(), Relaxed);
        }
    }
    pub(super) fn speaks_http2(&self) {
        self.shared.store(true, Relaxed);
        self.head.store(0, Relaxed);
    }
    pub(super) fn is_http2(&self) -> bool {
        self.shared.load(Relaxed)
    }
    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Relaxed)
    }
    pub(super) fn watch(&self) {
        self.watches.store(true, Relaxed);
    }
    pub(super) fn watches(&self) -> bool {
        self.watches.load(Relaxed)
    }
    /// Something of what was sent will not be read.
    pub(super) fn leave_unread(&self) {
        self.unread.store(true, Relaxed);
    }
    pub(super) fn left_unread(&self) -> bool {
        self.unread.load(Relaxed)
    }

    /// A request has come.
    pub(super) fn begin(self: &Arc<Self>) -> Turn {
        self.requests.fetch_add(1, Relaxed);
        self.head.store(0, Relaxed);
        self.watches.store(false, Relaxed);
        Turn(self.clone())
    }
    /// An answer begins to go, beside others on this connection.
    pub(super) fn go(self: &Arc<Self>) -> Passing {
        let given = Arc::new(AtomicU64::new(0));
        held(&self.going).push(given.clone());
        Passing { given, connection: self.clone() }
    }
    /// A body begins to come.
    pub(super) fn receive(self: &Arc<Self>) -> Receiving {
        self.waiting.store(now(), Relaxed);
        self.receiving.fetch_add(1, Relaxed);
        Receiving(self.clone())
    }

    /// Whether nothing happens before the other end sends more.
    pub(super) fn waits(&self) -> bool {
        self.requests.load(Relaxed) == self.receiving.load(Relaxed) && self.untaken.load(Relaxed) == 0
    }

    pub(super) fn tell(&self, verdict: Verdict) {
        if self.verdict.fetch_max(verdict as u8, Relaxed) < verdict as u8 {
            self.judged.store(now(), Relaxed);
            self.told.notify_one();
        }
    }
    pub(super) fn verdict(&self) -> Verdict {
        VERDICTS.get(usize::from(self.verdict.load(Relaxed))).copied().unwrap_or(Verdict::End)
    }
    /// Waits until there is another verdict.
    pub(super) async fn told(&self) {
        self.told.notified().await;
    }

    pub(super) fn judge(&self, bounds: &Bounds) {
        let long = |moment: &AtomicU64, bound| {
            let moment = moment.load(Relaxed);
            moment != 0 && since(moment) > bound
        };
        if long(&self.untaken, bounds.untaken) || held(&self.going).iter().any(|given| long(given, bounds.untaken)) {
            self.tell(Verdict::End);
        }
        if self.requests.load(Relaxed) > 0 {
            return;
        }
        if long(&self.head, bounds.head) {
            self.tell(Verdict::HeadTooSlow);
        } else if self.verdict() == Verdict::Stay && long(&self.waiting, bounds.idle) {
            self.tell(Verdict::Finish);
        } else if self.verdict() == Verdict::Finish && long(&self.judged, bounds.farewell) {
            self.tell(Verdict::End);
        }
    }

    pub(super) fn give_back(&self, stream: TcpStream) {
        *held(&self.back) = Some(stream);
    }
    pub(super) fn take_back(&self) -> Option<TcpStream> {
        held(&self.back).take()
    }
}

/// A request until its answer is sent, or cannot be.
pub(super) struct Turn(Arc<Connection>);

impl Drop for Turn {
    fn drop(&mut self) {
        if self.0.requests.fetch_sub(1, Relaxed) == 1 {
            self.0.waiting.store(now(), Relaxed);
        }
    }
}

/// An answer that shares its connection, until it is sent.
pub(super) struct Passing {
    given: Arc<AtomicU64>,
    connection: Arc<Connection>,
}

impl Passing {
    /// A piece was given, and nobody has asked for the next one yet; or we are asked and have none.
    pub(super) fn gave(&self, gave: bool) {
        self.given.store(if gave { now() } else { 0 }, Relaxed);
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        held(&self.connection.going).retain(|given| !Arc::ptr_eq(given, &self.given));
    }
}

/// A body until it is there, or nobody wants it.
pub(super) struct Receiving(Arc<Connection>);

impl Drop for Receiving {
    fn drop(&mut self) {
        self.0.receiving.fetch_sub(1, Relaxed);
    }
}

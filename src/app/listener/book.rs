//! The connections that are open: how many, of whom, what each waits for. Nobody's connections keep others out.

use super::bounds::Bounds;
use ipnet::IpNet;
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tokio::{net::TcpStream, sync::Notify};

/// Milliseconds since the first call, never 0.
pub(super) fn now() -> u64 {
    static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);
    FIRST.elapsed().as_millis() as u64 + 1
}

fn since(moment: u64) -> Duration {
    Duration::from_millis(now().saturating_sub(moment))
}

/// What connections are counted by: an address of IPv4, or a network of IPv6 as one customer gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Whose(IpAddr);

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
    whose: Whose,
    /// Requests whose answer is not sent yet.
    requests: AtomicU32,
    /// Of these, those whose body still comes.
    receiving: AtomicU32,
    /// Since when it waits for a request, or for more of one.
    waiting: AtomicU64,
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
    leaving: AtomicBool,
    /// The socket, when what served it is done.
    back: Mutex<Option<TcpStream>>,
}

impl Connection {
    fn new(whose: Whose) -> Connection {
        Connection {
            whose,
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
    /// A body begins to come.
    pub(super) fn receive(self: &Arc<Self>) -> Receiving {
        self.waiting.store(now(), Relaxed);
        self.receiving.fetch_add(1, Relaxed);
        Receiving(self.clone())
    }

    /// Whether nothing happens before the other end sends more.
    fn waits(&self) -> bool {
        self.requests.load(Relaxed) == self.receiving.load(Relaxed) && self.untaken.load(Relaxed) == 0
    }

    fn tell(&self, verdict: Verdict) {
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

    fn judge(&self, bounds: &Bounds) {
        let long = |moment: &AtomicU64, bound| {
            let moment = moment.load(Relaxed);
            moment != 0 && since(moment) > bound
        };
        if long(&self.untaken, bounds.untaken) {
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
        *self.back.lock().unwrap_or_else(PoisonError::into_inner) = Some(stream);
    }
    pub(super) fn take_back(&self) -> Option<TcpStream> {
        self.back.lock().unwrap_or_else(PoisonError::into_inner).take()
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

/// A body until it is there, or nobody wants it.
pub(super) struct Receiving(Arc<Connection>);

impl Drop for Receiving {
    fn drop(&mut self) {
        self.0.receiving.fetch_sub(1, Relaxed);
    }
}

/// Why a connection is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// Its address has as many as one may have, all of them at work.
    OfOneAddress,
    /// There are as many as there may be, all of them at work.
    Altogether,
}

/// All connections.
pub(super) struct Book {
    bounds: Bounds,
    /// Proxies speak for many, and are not counted by address.
    trusted: Arc<[IpNet]>,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    next: u64,
    all: HashMap<u64, Arc<Connection>>,
    /// Those that are not leaving.
    staying: usize,
    of: HashMap<Whose, usize>,
    bodies: usize,
    bodies_of: HashMap<Whose, usize>,
}

impl Open {
    fn leave(&mut self, connection: &Connection) {
        if connection.leaving.swap(true, Relaxed) {
            return;
        }
        self.staying = self.staying.saturating_sub(1);
        if let Some(count) = self.of.get_mut(&connection.whose) {
            *count -= 1;
            if *count == 0 {
                self.of.remove(&connection.whose);
            }
        }
    }

    /// Ends the connection of this address that has waited longest, if one waits.
    fn end_one_of(&mut self, whose: Whose) -> bool {
        let waits = |c: &&Arc<Connection>| c.whose == whose && !c.leaving.load(Relaxed) && c.waits();
        let Some(longest) = self.all.values().filter(waits).min_by_key(|c| c.waiting.load(Relaxed)).cloned() else {
            return false;
        };
        self.leave(&longest);
        longest.tell(Verdict::End);
        true
    }

    /// Ends one connection of the address that has the most that wait; of several such, of that which has waited longest.
    fn end_one(&mut self) -> bool {
        let mut waiting: HashMap<Whose, (usize, u64)> = HashMap::new();
        for connection in self.all.values().filter(|c| !c.leaving.load(Relaxed) && c.waits()) {
            let since = connection.waiting.load(Relaxed);
            let entry = waiting.entry(connection.whose).or_insert((0, since));
            *entry = (entry.0 + 1, entry.1.min(since));
        }
        let most = waiting.into_iter().max_by_key(|(_, (count, since))| (*count, std::cmp::Reverse(*since)));
        most.is_some_and(|(whose, _)| self.end_one_of(whose))
    }
}

impl Book {
    pub(super) fn new(bounds: Bounds, trusted: Arc<[IpNet]>) -> Book {
        Book { bounds, trusted, open: Mutex::default() }
    }
    pub(super) fn bounds(&self) -> &Bounds {
        &self.bounds
    }
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn speaks_for_many(&self, whose: Whose, address: IpAddr) -> bool {
        let trusted = |address: IpAddr| self.trusted.iter().any(|network| network.contains(&address));
        trusted(address.to_canonical()) || trusted(whose.0)
    }

    /// Takes a connection, in place of one that waits where there are too many.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Admitted, Full> {
        let whose = Whose::of(address);
        let mut open = self.open();
        let own = open.of.get(&whose).copied().unwrap_or_default();
        if own >= self.bounds.of_one_address && !self.speaks_for_many(whose, address) && !open.end_one_of(whose) {
            return Err(Full::OfOneAddress);
        }
        if open.staying >= self.bounds.connections && !open.end_one() {
            return Err(Full::Altogether);
        }
        let connection = Arc::new(Connection::new(whose));
        let number = open.next;
        open.next += 1;
        open.staying += 1;
        *open.of.entry(whose).or_default() += 1;
        open.all.insert(number, connection.clone());
        Ok(Admitted { number, connection, book: self.clone() })
    }

    /// Room for the bytes of a body; `false` where there is too much already.
    pub(super) fn hold(&self, whose: Whose, bytes: usize) -> bool {
        let mut open = self.open();
        let own = open.bodies_of.get(&whose).copied().unwrap_or_default();
        let of_one = own + bytes > self.bounds.bodies_of_one_address && !self.speaks_for_many(whose, whose.0);
        if of_one || open.bodies + bytes > self.bounds.bodies {
            return false;
        }
        open.bodies += bytes;
        open.bodies_of.insert(whose, own + bytes);
        true
    }
    pub(super) fn let_go(&self, whose: Whose, bytes: usize) {
        let mut open = self.open();
        open.bodies = open.bodies.saturating_sub(bytes);
        if let Some(own) = open.bodies_of.get_mut(&whose) {
            *own = own.saturating_sub(bytes);
            if *own == 0 {
                open.bodies_of.remove(&whose);
            }
        }
    }

    /// Ends a connection that waits, if there is one: files are short.
    pub(super) fn make_room(&self) {
        self.open().end_one();
    }

    /// Ends what is out of time.
    pub(super) fn judge(&self) {
        for connection in self.open().all.values() {
            connection.judge(&self.bounds);
        }
    }

    /// Ends the connections that have no request under way, or all.
    pub(super) fn end(&self, all: bool) {
        for connection in self.open().all.values().filter(|c| all || c.requests.load(Relaxed) == 0) {
            connection.tell(Verdict::End);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open().all.is_empty()
    }
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.open().staying
    }
}

/// A connection's place in the book, given up when it is dropped.
pub(super) struct Admitted {
    number: u64,
    pub(super) connection: Arc<Connection>,
    book: Arc<Book>,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut open = self.book.open();
        open.leave(&self.connection);
        open.all.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(connections: usize, of_one_address: usize) -> Arc<Book> {
        let bounds = Bounds { connections, of_one_address, ..Bounds::default() };
        Arc::new(Book::new(bounds, vec!["10.0.0.1/32".parse().unwrap()].into()))
    }
    fn at(book: &Arc<Book>, address: &str) -> Result<Admitted, Full> {
        // Each waits since a moment of its own.
        std::thread::sleep(Duration::from_millis(2));
        book.admit(address.parse().unwrap())
    }
    fn ended(admitted: &Admitted) -> bool {
        admitted.connection.verdict() == Verdict::End
    }

    /// Findings A11: fair by address.
    #[test]
    fn an_address_that_has_too_many_loses_its_own() {
        let book = book(100, 2);
        let (one, two) = (at(&book, "192.0.2.1").unwrap(), at(&book, "192.0.2.1").unwrap());
        let other = at(&book, "192.0.2.2").unwrap();
        let three = at(&book, "::ffff:192.0.2.1").unwrap();
        assert!(ended(&one) && !ended(&two) && !ended(&three) && !ended(&other));
        // Those that are at work are not ended: the new one is turned away.
        let _turns = (two.connection.begin(), three.connection.begin());
        assert_eq!(at(&book, "192.0.2.1").err(), Some(Full::OfOneAddress));
        assert!(at(&book, "192.0.2.3").is_ok(), "others do not notice");
    }

    #[test]
    fn a_network_of_ipv6_is_one_address_and_a_trusted_proxy_is_none() {
        let book = book(100, 1);
        let one = at(&book, "2001:db8::1").unwrap();
        let _two = at(&book, "2001:db8::ffff").unwrap();
        assert!(ended(&one));
        let other = at(&book, "2001:db8:0:1::1").unwrap();
        assert!(!ended(&other));
        let proxied: Vec<_> = (0..20).map(|_| at(&book, "10.0.0.1").unwrap()).collect();
        assert!(proxied.iter().all(|one| !ended(one)));
    }

    /// Findings A11: one address cannot lock everybody out.
    #[test]
    fn where_all_are_taken_the_greediest_loses_what_waited_longest() {
        let book = book(4, 3);
        let greedy: Vec<_> = (0..3).map(|_| at(&book, "192.0.2.1").unwrap()).collect();
        let modest = at(&book, "192.0.2.2").unwrap();
        let busy = greedy[0].connection.begin();
        let new = at(&book, "192.0.2.3").unwrap();
        assert!(!ended(&modest) && !ended(&new) && !ended(&greedy[0]), "busy ones stay, modest ones too");
        assert!(ended(&greedy[1]) && !ended(&greedy[2]));
        assert_eq!(book.len(), 4);
        // All at work: nobody is ended.
        let _turns = (greedy[2].connection.begin(), modest.connection.begin(), new.connection.begin());
        assert_eq!(at(&book, "192.0.2.4").err(), Some(Full::Altogether));
        // A request whose body does not come waits for its sender, and not for us.
        let _receiving = greedy[0].connection.receive();
        let _newest = at(&book, "192.0.2.4").unwrap();
        assert!(ended(&greedy[0]));
        drop((busy, greedy));
        assert_eq!(book.len(), 3);
    }

    #[test]
    fn bodies_have_room_in_all_and_by_address() {
        let bounds = Bounds { bodies: 100, bodies_of_one_address: 60, ..Bounds::default() };
        let book = Book::new(bounds, Arc::new([]));
        let (one, other) = (Whose::of([192, 0, 2, 1].into()), Whose::of([192, 0, 2, 2].into()));
        assert!(book.hold(one, 60) && !book.hold(one, 1), "a quarter of its own");
        assert!(book.hold(other, 40) && !book.hold(other, 1), "all are taken");
        book.let_go(one, 60);
        assert!(book.hold(other, 20) && !book.hold(other, 1) && book.hold(one, 40));
    }
}

//! The connections that are open: how many, of whom. Nobody's connections keep others out.

use super::{
    bounds::Bounds,
    connection::{Connection, Verdict, Whose, held},
};
use ipnet::IpNet;
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

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
    requests: AtomicUsize,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    next: u64,
    all: HashMap<u64, Arc<Connection>>,
    /// Those that are not leaving.
    staying: usize,
    of: HashMap<Whose, usize>,
    /// Their requests.
    requests_of: HashMap<Whose, Arc<AtomicUsize>>,
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
                self.requests_of.remove(&connection.whose);
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
        Book { bounds, trusted, requests: AtomicUsize::new(0), open: Mutex::default() }
    }
    pub(super) fn bounds(&self) -> &Bounds {
        &self.bounds
    }
    fn open(&self) -> MutexGuard<'_, Open> {
        held(&self.open)
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
        let own = open.requests_of.entry(whose).or_default().clone();
        let connection = Arc::new(Connection::new(whose, own));
        let number = open.next;
        open.next += 1;
        open.staying += 1;
        *open.of.entry(whose).or_default() += 1;
        open.all.insert(number, connection.clone());
        Ok(Admitted { number, connection, book: self.clone() })
    }

    /// Takes a request in; `None` where too many are under way.
    pub(super) fn take(self: &Arc<Self>, connection: &Arc<Connection>) -> Option<Underway> {
        let underway = Underway { book: self.clone(), connection: connection.clone() };
        let all = self.requests.fetch_add(1, Relaxed);
        let own = connection.own.fetch_add(1, Relaxed);
        let whose = connection.whose;
        let too_many = own >= self.bounds.requests_of_one_address && !self.speaks_for_many(whose, whose.0);
        (!too_many && all < self.bounds.requests).then_some(underway)
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

/// A request that is counted.
pub(super) struct Underway {
    book: Arc<Book>,
    connection: Arc<Connection>,
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.book.requests.fetch_sub(1, Relaxed);
        self.connection.own.fetch_sub(1, Relaxed);
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
    use std::time::Duration;

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
    fn requests_are_counted_in_all_and_by_address() {
        let bounds = Bounds { requests: 5, requests_of_one_address: 3, ..Bounds::default() };
        let book = Arc::new(Book::new(bounds, vec!["10.0.0.1/32".parse().unwrap()].into()));
        let (one, two, other) =
            (at(&book, "192.0.2.1").unwrap(), at(&book, "192.0.2.1").unwrap(), at(&book, "192.0.2.2").unwrap());
        let take = |of: &Admitted| book.take(&of.connection);
        let mut taken = vec![take(&one).unwrap(), take(&one).unwrap(), take(&two).unwrap()];
        assert!(take(&one).is_none() && take(&two).is_none(), "of one address, over its connections");
        taken.push(take(&other).unwrap());
        taken.push(take(&other).unwrap());
        assert!(take(&other).is_none(), "in all");
        drop(taken);
        assert!(take(&one).is_some(), "those that were refused are not counted");
        let proxy = at(&book, "10.0.0.1").unwrap();
        let many: Vec<_> = (0..5).map(|_| take(&proxy).unwrap()).collect();
        assert!(take(&one).is_none() && many.len() == 5);
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

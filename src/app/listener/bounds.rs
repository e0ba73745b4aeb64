//! What connections and requests are bounded by, in one place. `packaging/security.md` lists the same numbers.

use std::time::Duration;

/// How many and how long.
///
/// | what | bound | beyond it |
/// |---|---|---|
/// | connections at once | half the open files of the process, at most 8,192 | the address with the most waiting connections loses the one that has waited longest; if none waits, 503 |
/// | of one address (IPv6: one /64), proxies that are trusted excepted | a sixteenth of those, at least 128 | it loses the one of its own that has waited longest; if none waits, 503 |
/// | a request's head | 10 s from its first byte | 408, the connection closes |
/// | its size, in HTTP/2 its list of headers | 64 KiB | 431 |
/// | its headers | 100 | 431 |
/// | its address | 16 KiB | 414 |
/// | its body | 2 MiB (`http::call::LARGEST_BODY`) | 413 |
/// | how fast the body comes | 20 s, a second more for every 500 bytes; no pause over 30 s | 408 |
/// | bodies in memory at once | 256 MiB, of one address a quarter of it | 429 |
/// | requests under way | 16,384, of one address 1,024, proxies that are trusted excepted | 429 |
/// | a connection without a request | 75 s | it closes |
/// | an answer that is not taken | 60 s without a byte, in HTTP/2 without a piece | the connection closes |
/// | requests at once in one connection of HTTP/2 | 100 | they wait at the client |
/// | a connection of HTTP/2 that does not answer a ping | asked after 30 s, 20 s to answer | it closes |
/// | an end that is not there any more | 90 s | it closes |
/// | what comes after an early answer | thrown away for 30 s and 256 MiB, no pause over 5 s | it closes |
/// | event streams | of a company 200, of a person 20 (`http::streams`) | 429 |
/// | requests of a company worked on at once | 24 (`appliance/registry.rs`) | they wait their turn |
#[derive(Debug, Clone)]
pub struct Bounds {
    /// Connections at once.
    pub connections: usize,
    /// Of these, from one address.
    pub of_one_address: usize,
    /// From a head's first byte to its last.
    pub head: Duration,
    /// A head's size.
    pub head_size: usize,
    /// Its headers.
    pub headers: usize,
    /// The length of its address.
    pub address: usize,
    /// A body has this long, and longer the more of it has come.
    pub body: Duration,
    /// So many bytes of a body give it a second more.
    pub body_rate: u64,
    /// Between two pieces of a body.
    pub body_pause: Duration,
    /// Bytes of bodies in memory.
    pub bodies: usize,
    /// Of these, from one address.
    pub bodies_of_one_address: usize,
    /// Requests under way at once.
    pub requests: usize,
    /// Of these, from one address.
    pub requests_of_one_address: usize,
    /// A connection without a request.
    pub idle: Duration,
    /// An answer of which nothing is taken.
    pub untaken: Duration,
    /// Requests at once in one connection of HTTP/2.
    pub streams: u32,
    /// A connection of HTTP/2 is asked whether it is there.
    pub ping: Duration,
    /// It has so long to answer.
    pub pong: Duration,
    /// The kernel gives up an end that does not acknowledge anything.
    pub gone: Duration,
    /// What comes after an early answer is read and thrown away for so long.
    pub drain: Duration,
    /// No longer than this without a byte.
    pub drain_pause: Duration,
    /// So many bytes of it.
    pub drain_size: usize,
    /// So often it is looked for what is out of time.
    pub look: Duration,
    /// When the server stops, requests under way get so long.
    pub finish: Duration,
    /// When the server stops, connections without a request get so long.
    pub farewell: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Bounds {
            connections: 8192,
            of_one_address: 512,
            head: seconds(10),
            head_size: 64 * 1024,
            headers: 100,
            address: 16 * 1024,
            body: seconds(20),
            body_rate: 500,
            body_pause: seconds(30),
            bodies: 256 * 1024 * 1024,
            bodies_of_one_address: 64 * 1024 * 1024,
            requests: 16_384,
            requests_of_one_address: 1024,
            idle: seconds(75),
            untaken: seconds(60),
            streams: 100,
            ping: seconds(30),
            pong: seconds(20),
            gone: seconds(90),
            drain: seconds(30),
            drain_pause: seconds(5),
            drain_size: 256 * 1024 * 1024,
            look: seconds(1),
            finish: seconds(10),
            farewell: seconds(1),
        }
    }
}

/// More open files than this are of no use here.
const ENOUGH_FILES: u64 = 65_536;

impl Bounds {
    /// The bounds of this process. The half of its open files is left to the companies. As many are asked for as the
    /// machine gives: the usual 1,024 are few, and are meant for programs that cannot count further.
    pub fn of_this_process() -> Bounds {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        let most = limit.maximum.unwrap_or(ENOUGH_FILES).min(ENOUGH_FILES);
        let mut files = limit.current.unwrap_or(ENOUGH_FILES);
        if files < most && setrlimit(Resource::Nofile, Rlimit { current: Some(most), ..limit }).is_ok() {
            files = most;
        }
        Bounds::within(usize::try_from(files).unwrap_or(usize::MAX))
    }

    fn within(files: usize) -> Bounds {
        let connections = (files / 2).clamp(16, 8192);
        let of_one_address = (connections / 16).max(128).min(connections / 2);
        Bounds { connections, of_one_address, ..Bounds::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_files_are_left_to_the_companies() {
        let bounds = |files| (Bounds::within(files).connections, Bounds::within(files).of_one_address);
        assert_eq!(bounds(65_536), (8192, 512));
        assert_eq!(bounds(20_000), (8192, 512));
        assert_eq!(bounds(1024), (512, 128));
        assert_eq!(bounds(64), (32, 16));
        assert_eq!(bounds(0), (16, 8));
    }
}

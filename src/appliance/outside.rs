//! Calls to addresses that a company names: documents are fetched, and nothing else. Such an address must not lead to the
//! server's own machine or to what stands beside it: names are resolved here, addresses inside are refused, and a
//! redirect is not followed. What the operator names in `internal-issuers` may be inside, and may do without TLS.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, OnceLock},
    time::Duration,
};
use url::{Host, Url};

/// A call takes no longer.
const PATIENCE: Duration = Duration::from_secs(5);
/// A document is no larger, in bytes.
const LARGEST: usize = 256 * 1024;

/// Fetches documents from outside.
pub struct Outside {
    /// Origins that may be inside: scheme, host and port.
    inside: Vec<url::Origin>,
    guarded: OnceLock<Result<reqwest::Client, String>>,
    free: OnceLock<Result<reqwest::Client, String>>,
}

impl Outside {
    /// With the origins that the operator lets be inside, such as `https://gitlab.intern.example`.
    ///
    /// # Errors
    /// A sentence for one that is no http address.
    pub fn new(inside: &[String]) -> Result<Outside, String> {
        let origin = |text: &String| match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url.origin()),
            _ => Err(format!("“{text}” in internal-issuers is no address. Write it as https://gitlab.intern.example.")),
        };
        let inside = inside.iter().map(origin).collect::<Result<Vec<_>, _>>()?;
        Ok(Outside { inside, guarded: OnceLock::new(), free: OnceLock::new() })
    }

    /// Fetches a document.
    ///
    /// # Errors
    /// A sentence for the log: refused, not reached, another status than 200, too large.
    pub async fn fetch(&self, url: &Url) -> Result<Vec<u8>, String> {
        let free = self.inside.contains(&url.origin());
        if !free {
            if url.scheme() != "https" {
                return Err(format!("{url} is not asked: it is not https"));
            }
            let address = match url.host() {
                Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
                Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
                _ => None,
            };
            if address.is_some_and(is_inside) {
                return Err(format!("{url} is not asked: it is an internal address"));
            }
        }
        let place = if free { &self.free } else { &self.guarded };
        let client = place.get_or_init(|| client(!free)).as_ref().map_err(Clone::clone)?;
        let told = |cause: reqwest::Error| format!("{url} was not reached: {}", causes(&cause));
        let mut answer = client.get(url.clone()).header("accept", "application/json").send().await.map_err(told)?;
        if answer.status() != reqwest::StatusCode::OK {
            return Err(format!("{url} answered {}", answer.status()));
        }
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(told)? {
            body.extend_from_slice(&part);
            if body.len() > LARGEST {
                return Err(format!("{url} answered more than {LARGEST} bytes"));
            }
        }
        Ok(body)
    }
}

fn causes(error: &reqwest::Error) -> String {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        words = format!("{words}: {inner}");
        cause = inner.source();
    }
    words
}

fn client(guarded: bool) -> Result<reqwest::Client, String> {
    // The same provider of ciphers everywhere; who comes second finds it there.
    drop(rustls::crypto::ring::default_provider().install_default());
    let mut building = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(PATIENCE)
        .connect_timeout(PATIENCE)
        .user_agent(concat!("bulkhead/", env!("CARGO_PKG_VERSION")));
    if guarded {
        building = building.https_only(true).dns_resolver(Arc::new(Guard));
    }
    building.build().map_err(|cause| format!("no client for calls to outside: {}", causes(&cause)))
}

/// Resolves names, and refuses those that lead inside. The connection goes to the very addresses that were looked at.
struct Guard;

impl reqwest::dns::Resolve for Guard {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if found.iter().any(|address| is_inside(address.ip())) {
                return Err(format!("{} leads to an internal address", name.as_str()).into());
            }
            let found: reqwest::dns::Addrs = Box::new(found.into_iter());
            Ok(found)
        })
    }
}

/// Whether an address is not one of the public network: the machine itself, private and link-local networks, those for
/// special uses, and what is wrapped into IPv6 of these.
pub fn is_inside(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_inside_v4(address),
        IpAddr::V6(address) => is_inside_v6(address),
    }
}

fn is_inside_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19))
}

fn is_inside_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let wrapped = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_inside_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // NAT64 and 6to4 carry an IPv4 address.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => wrapped(high, low),
        [0x2002, high, low, ..] => wrapped(high, low),
        // The rest of what is public is in 2000::/3, but for Teredo, ORCHID, benchmarking and documentation.
        [0x2001, 0..0x200, ..] | [0x2001, 0xdb8, ..] | [0x3fff, ..] => true,
        [first, ..] => first & 0xe000 != 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_addresses_are_known() {
        for inside in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "192.0.0.8",
            "192.0.2.1",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "ff02::1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001::1",
            "::7f00:1",
        ] {
            assert!(is_inside(inside.parse().unwrap()), "{inside}");
        }
        for outside in [
            "1.1.1.1",
            "172.32.0.1",
            "192.167.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "2a00:1450::1",
            "64:ff9b::101:101",
        ] {
            assert!(!is_inside(outside.parse().unwrap()), "{outside}");
        }
    }

    #[tokio::test]
    async fn nothing_inside_is_asked_unless_the_operator_says_so() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = tokio::spawn(async move { listener.accept().await.map(drop) });
        let outside = Outside::new(&[]).unwrap();
        for (url, why) in [
            (format!("http://127.0.0.1:{port}/"), "not https"),
            (format!("https://127.0.0.1:{port}/"), "internal address"),
            (format!("https://[::1]:{port}/"), "internal address"),
            (format!("https://[::ffff:127.0.0.1]:{port}/"), "internal address"),
            (format!("https://2130706433:{port}/"), "internal address"),
            (format!("https://localhost:{port}/"), "leads to an internal address"),
        ] {
            let refused = outside.fetch(&Url::parse(&url).unwrap()).await.unwrap_err();
            assert!(refused.contains(why), "{url}: {refused}");
        }
        assert!(!asked.is_finished(), "and nobody was called");
        asked.abort();
        assert!(Outside::new(&["gitlab".into()]).is_err());
    }
}

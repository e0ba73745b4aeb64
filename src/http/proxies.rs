//! Whose word for a visitor's address is taken.

use super::call::Peer;
use crate::base::secret::Secret;
use axum::http::HeaderMap;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use subtle::ConstantTimeEq;

/// The header in which a proxy shows that it is the one the operator set up.
pub const SECRET: &str = "x-bulkhead-proxy-secret";

/// The proxies in front of the server.
///
/// Anybody on this machine can speak from its own addresses, a step of the built-in worker too; so where a secret was
/// agreed on, only a request that carries it is a proxy's, and without one no proxy can be on this machine.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    networks: Vec<IpNet>,
    secret: Option<Secret>,
}

impl Proxies {
    /// Proxies in these networks, which show the secret if there is one.
    ///
    /// # Errors
    /// In words, for this machine's own addresses without a secret.
    pub fn new(networks: Vec<IpNet>, secret: Option<Secret>) -> Result<Proxies, String> {
        let own: [IpAddr; 2] = [[127, 0, 0, 1].into(), std::net::Ipv6Addr::LOCALHOST.into()];
        let on_this_machine = networks.iter().find(|network| own.iter().any(|own| network.contains(own)));
        if let (Some(network), None) = (on_this_machine, &secret) {
            return Err(format!(
                "{network} is this machine, from which every program on it can speak. Add proxy-secret-file, and let the \
                 proxy send what stands in it as {SECRET}."
            ));
        }
        Ok(Proxies { networks, secret })
    }

    /// Their networks.
    pub fn networks(&self) -> &[IpNet] {
        &self.networks
    }

    fn trusts(&self, address: &IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(address))
    }

    fn shown(&self, headers: &HeaderMap) -> bool {
        let Some(secret) = &self.secret else { return true };
        let mut given = headers.get_all(SECRET).iter();
        match (given.next(), given.next()) {
            (Some(one), None) => bool::from(one.as_bytes().ct_eq(secret.expose().as_bytes())),
            _ => false,
        }
    }

    /// The visitor's address: the other end's, or what proxies that are trusted say of it. Read from the right, the first
    /// address that is no such proxy's: what stands further left was written by whoever wanted to.
    pub fn visitor_address(&self, peer: &Peer, headers: &HeaderMap) -> String {
        if !self.trusts(&peer.ip()) || !self.shown(headers) {
            return peer.to_string();
        }
        let mut address = peer.ip();
        let told = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let mut chain: Vec<&str> = told.flat_map(|line| line.split(',')).map(str::trim).collect();
        while self.trusts(&address) {
            match chain.pop().and_then(told_address) {
                Some(next) => address = next.to_canonical(),
                None => break,
            }
        }
        address.to_string()
    }
}

/// An address as proxies write it: bare, in brackets, with a port.
fn told_address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|at| at.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks() -> Vec<IpNet> {
        vec!["192.168.0.0/16".parse().unwrap(), "10.0.0.0/8".parse().unwrap()]
    }
    fn address(proxies: &Proxies, peer: &str, told: &[&str], secrets: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in told {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        for secret in secrets {
            headers.append(SECRET, secret.parse().unwrap());
        }
        proxies.visitor_address(&Peer::from(peer.parse::<IpAddr>().unwrap()), &headers)
    }

    #[test]
    fn an_address_is_believed_from_trusted_proxies_only() {
        let trusted = Proxies::new(networks(), None).unwrap();
        for (peer, told, seen) in [
            ("192.168.0.1", &["192.0.2.7"][..], "192.0.2.7"),
            ("198.51.100.1", &["192.0.2.7"], "198.51.100.1"),
            ("192.168.0.1", &["1.1.1.1, 192.0.2.7, 10.0.0.3"], "192.0.2.7"),
            ("192.168.0.1", &["1.1.1.1", "192.0.2.7"], "192.0.2.7"),
            ("192.168.0.1", &["nonsense"], "192.168.0.1"),
            ("192.168.0.1", &["::ffff:192.0.2.7"], "192.0.2.7"),
            ("192.168.0.1", &[], "192.168.0.1"),
            // Findings F12.
            ("192.168.0.1", &["192.0.2.7:51234"], "192.0.2.7"),
            ("192.168.0.1", &["[2001:db8::7]:4711"], "2001:db8::7"),
            ("192.168.0.1", &["[2001:db8::7]"], "2001:db8::7"),
            ("192.168.0.1", &["192.0.2.7:51234, 10.0.0.3:80"], "192.0.2.7"),
        ] {
            assert_eq!(address(&trusted, peer, told, &[]), seen, "{peer} {told:?}");
        }
        let nobody = Proxies::default();
        assert_eq!(
            address(&nobody, "192.168.0.1", &["192.0.2.7"], &[]),
            "192.168.0.1",
            "nobody is trusted unless told"
        );
    }

    /// Findings A5: a step on this machine, or whoever else is on it, is not taken for the proxy.
    #[test]
    fn on_this_machine_only_the_secret_makes_a_proxy() {
        for own in ["127.0.0.1/32", "127.0.0.0/8", "0.0.0.0/0", "::1/128"] {
            let refused = Proxies::new(vec![own.parse().unwrap()], None).unwrap_err();
            assert!(refused.contains("proxy-secret-file"), "{refused}");
        }
        let proxies =
            Proxies::new(vec!["127.0.0.0/8".parse().unwrap()], Some(Secret::new("agreed on by both"))).unwrap();
        let from = |secrets: &[&str]| address(&proxies, "127.0.0.1", &["192.0.2.7"], secrets);
        assert_eq!(from(&["agreed on by both"]), "192.0.2.7");
        for forged in [&[][..], &[""], &["agreed on by botx"], &["agreed on by both", "x"], &["agreed on by both2"]] {
            assert_eq!(from(forged), "127.0.0.1", "{forged:?}");
        }
    }
}

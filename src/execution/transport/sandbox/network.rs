//! What a script may reach: the setting, what of it can be had, and what scripts are told.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::plan::{Carrier, Exit};
use super::{carrier, root::Resolver};

/// What the operator lets scripts on the built-in worker reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// Nothing but the script's own loopback
    None,
    /// The open internet; no private or link-local address, and no address of this machine
    Filtered,
    /// All that this machine reaches, its own services as well
    Host,
}

/// Networks that are not the open internet: those of a company, of a provider's inside, of one link, of one machine,
/// of tests, of groups, and those nobody has.
const CLOSED: [&str; 15] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "64:ff9b::/96",
    "fc00::/7",
    "fe80::/10",
    "ff00::/8",
];

/// Each closed network, and each address of this machine.
pub(super) fn prohibited() -> Vec<IpNet> {
    let closed = CLOSED.iter().filter_map(|network| network.parse().ok());
    let own: BTreeSet<IpAddr> = nix::ifaddrs::getifaddrs()
        .into_iter()
        .flatten()
        .filter_map(|interface| {
            let address = interface.address?;
            let four = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
            four.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
        })
        .filter(|address| !address.is_loopback())
        .collect();
    closed.chain(own.into_iter().map(IpNet::from)).collect()
}

/// What scripts get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    /// Nothing, and why.
    None(String),
    /// The open internet, by this program.
    Filtered(Carrier, std::path::PathBuf),
    /// The machine's own network.
    Host,
    /// What the operator has set cannot be had: why, and what to do. Nothing runs.
    Missing(String, &'static str),
}

/// What to do where no program carries packets.
pub(super) const NO_CARRIER: &str =
    "Install slirp4netns or pasta and let the server use /dev/net/tun, or set worker-network to “none”.";
/// What to do where a weaker kind is allowed, and another network than the machine's own is set.
pub(super) const NO_NAMESPACES: &str =
    "Let the server make namespaces, or set worker-network to “host” if scripts may have the machine's own network.";

/// How the operator changes it.
const CHANGE: &str = "the setting worker-network changes that";

impl Wire {
    /// The way out, for a run that begins now.
    pub(super) fn exit(&self) -> Option<Exit> {
        match self {
            Wire::Filtered(carrier, program) => {
                Some(Exit { program: program.clone(), carrier: *carrier, prohibited: prohibited() })
            }
            Wire::None(_) | Wire::Host | Wire::Missing(..) => None,
        }
    }
    /// Whom scripts ask for the addresses of names.
    pub(super) fn resolver(&self) -> Resolver {
        match self {
            Wire::Filtered(..) => Resolver::At(carrier::NAMES),
            Wire::Host => Resolver::AsOutside,
            Wire::None(_) | Wire::Missing(..) => Resolver::None,
        }
    }
    /// A line for the log of a run that may miss it.
    pub(super) fn note(&self) -> Option<String> {
        match self {
            Wire::None(why) => {
                Some(format!("This script has no network: {why}. Ask the operator of the server if it needs one."))
            }
            _ => None,
        }
    }
    /// A sentence for the operator.
    pub(super) fn sentence(&self) -> String {
        match self {
            Wire::None(why) => format!("Scripts have no network: {why}; {CHANGE}."),
            Wire::Filtered(..) => {
                "Scripts reach the open internet, and neither private networks nor this machine.".to_owned()
            }
            Wire::Host => {
                "Scripts reach all that this machine reaches, its own services as well (worker-network = \"host\")."
                    .to_owned()
            }
            Wire::Missing(why, _) => {
                format!("The network that is set for scripts (worker-network) cannot be had: {why}.")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_are_the_inner_networks_and_this_machine() {
        let prohibited = prohibited();
        assert!(CLOSED.iter().all(|network| network.parse::<IpNet>().is_ok()));
        for address in ["10.1.2.3", "169.254.169.254", "100.100.100.200", "fd00::1", "fe80::1"] {
            let address: IpAddr = address.parse().unwrap();
            assert!(prohibited.iter().any(|network| network.contains(&address)), "{address}");
        }
        assert!(!prohibited.iter().any(|network| network.contains(&"1.1.1.1".parse::<IpAddr>().unwrap())));
    }
}

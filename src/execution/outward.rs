//! How the server asks an address on the network that a company wrote down: only where it may (`base/outward.rs`), never
//! led on to another place, never through a proxy, not for long.

use crate::base::{
    error::{Error, Result},
    outward::Outward,
};
use reqwest::{
    Client, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect,
};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

/// No answer takes longer.
const LONGEST: Duration = Duration::from_secs(10);

/// Looks names up and leaves out what must not be asked, so that a name cannot change its address between a check and
/// the asking.
struct Guarded {
    outward: Arc<Outward>,
    /// Without encryption only what the operator allowed by name is asked.
    plain: bool,
}

impl Guarded {
    fn may(&self, address: IpAddr) -> bool {
        if self.plain { self.outward.is_allowed(address) } else { self.outward.may(address) }
    }
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = Guarded { outward: self.outward.clone(), plain: self.plain };
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let may: Vec<SocketAddr> = found.filter(|address| guard.may(address.ip())).collect();
            if may.is_empty() {
                return Err("the name leads to no address that may be asked".into());
            }
            Ok(Box::new(may.into_iter()) as Addrs)
        })
    }
}

/// A client for one address, and the address read.
///
/// # Errors
/// `Conflict` with a sentence for an address that must not be asked.
pub fn client(outward: &Arc<Outward>, address: &str) -> Result<(Client, Url)> {
    let refused = |why: &str| Error::Conflict(format!("The address {address} is not asked: {why}."));
    let url = Url::parse(address).map_err(|_| refused("it is no address"))?;
    let plain = match url.scheme() {
        "https" => false,
        "http" => true,
        _ => return Err(refused("it begins neither with https:// nor with http://")),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("it carries a name or a password"));
    }
    let guard = Guarded { outward: outward.clone(), plain };
    // An address in figures is not looked up: it is judged here.
    let literal = match url.host() {
        Some(url::Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Some(url::Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        Some(url::Host::Domain(_)) => None,
        None => return Err(refused("it names no machine")),
    };
    if literal.is_some_and(|address| !guard.may(address)) {
        let why = if plain { "without encryption" } else { "it lies inside, and" };
        return Err(refused(&format!("{why} only what the operator allows (allow-internal) is asked")));
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .timeout(LONGEST)
        .dns_resolver(Arc::new(guard))
        .user_agent(concat!("bulkhead/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|cause| Error::internal(format!("no client for {address}: {cause}")))?;
    Ok((client, url))
}

/// Why a request failed, with its causes, without its address.
pub fn cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut words = error.to_string();
    let mut inner = std::error::Error::source(&error);
    while let Some(cause) = inner {
        words.push_str(&format!(": {cause}"));
        inner = cause.source();
    }
    words
}

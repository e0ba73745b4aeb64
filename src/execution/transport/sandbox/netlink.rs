//! The few words of the kernel's routing messages that init speaks in its own network: loopback up, and networks that
//! are not to be reached.

use std::io;
use std::os::fd::OwnedFd;

use ipnet::IpNet;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with};

use super::plan::{Obstacle, Step};

const NEW_LINK: u16 = 16;
const NEW_ROUTE: u16 = 24;
const REQUEST: u16 = 0x1;
const ACKNOWLEDGE: u16 = 0x4;
const REPLACE: u16 = 0x100;
const CREATE: u16 = 0x400;
/// A route whose packets are refused at once, with "permission denied" for whoever sends them.
const PROHIBIT: u8 = 8;
const MAIN_TABLE: u8 = 254;
const BY_ADMINISTRATOR: u8 = 4;
const DESTINATION: u16 = 1;

/// A line to the kernel.
pub(super) struct Netlink(OwnedFd);

impl Netlink {
    pub(super) fn open() -> Result<Self, Obstacle> {
        socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)
            .map(Self)
            .map_err(|errno| Obstacle::new(Step::Network, "there is no line to the kernel for its network", errno))
    }

    /// Switches the loopback interface on, the first of every network.
    pub(super) fn loopback_up(&self) -> Result<(), Obstacle> {
        let mut body = vec![0; 16];
        body[4..8].copy_from_slice(&1i32.to_ne_bytes());
        // The flag "up", and that it alone is meant.
        body[8..12].copy_from_slice(&1u32.to_ne_bytes());
        body[12..16].copy_from_slice(&1u32.to_ne_bytes());
        self.ask(NEW_LINK, 0, &body)
            .map_err(|cause| Obstacle::new(Step::Network, "its loopback could not be switched on", cause))
    }

    /// Lets nothing be sent to a network.
    pub(super) fn prohibit(&self, network: IpNet) -> Result<(), Obstacle> {
        let (family, address) = match network {
            IpNet::V4(network) => (AddressFamily::INET, network.network().octets().to_vec()),
            IpNet::V6(network) => (AddressFamily::INET6, network.network().octets().to_vec()),
        };
        let family = u8::try_from(family.as_raw()).unwrap_or(0);
        let mut body = vec![family, network.prefix_len(), 0, 0, MAIN_TABLE, BY_ADMINISTRATOR, 0, PROHIBIT, 0, 0, 0, 0];
        let length = u16::try_from(address.len()).unwrap_or(0).saturating_add(4);
        body.extend(length.to_ne_bytes());
        body.extend(DESTINATION.to_ne_bytes());
        body.extend(address);
        self.ask(NEW_ROUTE, CREATE | REPLACE, &body)
            .map_err(|cause| Obstacle::new(Step::Network, &format!("{network} could not be closed"), cause))
    }

    fn ask(&self, kind: u16, flags: u16, body: &[u8]) -> io::Result<()> {
        let mut message = u32::try_from(16 + body.len()).map_err(io::Error::other)?.to_ne_bytes().to_vec();
        message.extend(kind.to_ne_bytes());
        message.extend((REQUEST | ACKNOWLEDGE | flags).to_ne_bytes());
        message.extend([0; 8]);
        message.extend(body);
        send(&self.0, &message, SendFlags::empty())?;
        let mut answer = [0u8; 1024];
        let (_, length) = recv(&self.0, &mut answer[..], RecvFlags::empty())?;
        // The header's sixteen bytes, then a number: 0, or what went wrong, below 0.
        let code = answer.get(..length).and_then(|answer| answer.get(16..20)?.try_into().ok());
        match code.map(i32::from_ne_bytes) {
            Some(0) => Ok(()),
            Some(code) => Err(io::Error::from_raw_os_error(code.saturating_neg())),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

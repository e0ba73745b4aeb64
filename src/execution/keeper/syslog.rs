//! Hands lines to a system log: RFC 5424 messages, over UDP and a local socket one to a datagram, over TCP with their
//! length before them (RFC 6587).

use crate::base::clock::Moment;
use std::{fmt, path::PathBuf, str::FromStr, time::Duration};
use tokio::{io::AsyncWriteExt, net, time::timeout};

/// Facility 13, "log audit"; severity 6, "informational".
const PRIORITY: u8 = 13 * 8 + 6;
const LONGEST: Duration = Duration::from_secs(10);

/// Where the system log listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A local socket for datagrams.
    Unix(PathBuf),
    /// `host:port`.
    Udp(String),
    /// `host:port`.
    Tcp(String),
}

impl Default for Address {
    fn default() -> Self {
        Address::Unix("/dev/log".into())
    }
}

impl FromStr for Address {
    type Err = String;
    fn from_str(text: &str) -> Result<Address, String> {
        let wrong = || format!("“{text}” is no system log. Give unix:/dev/log, udp://host:514 or tcp://host:601.");
        let with_port = |rest: &str| {
            let (host, port) = rest.rsplit_once(':').ok_or_else(wrong)?;
            (!host.is_empty() && port.parse::<u16>().is_ok()).then(|| rest.to_owned()).ok_or_else(wrong)
        };
        match text.trim().split_once(':') {
            Some(("unix", path)) if !path.trim_start_matches('/').is_empty() => {
                Ok(Address::Unix(format!("/{}", path.trim_start_matches('/')).into()))
            }
            Some(("udp", rest)) => Ok(Address::Udp(with_port(rest.trim_start_matches("//"))?)),
            Some(("tcp", rest)) => Ok(Address::Tcp(with_port(rest.trim_start_matches("//"))?)),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
            Address::Udp(at) => write!(f, "udp://{at}"),
            Address::Tcp(at) => write!(f, "tcp://{at}"),
        }
    }
}

/// One message.
fn message(host: &str, now: Moment, line: &str) -> String {
    let process = std::process::id();
    format!("<{PRIORITY}>1 {} {host} bulkhead {process} checkpoint - {line}", now.wire())
}

fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name: String = name.trim().chars().filter(char::is_ascii_graphic).take(255).collect();
    if name.is_empty() { "-".into() } else { name }
}

/// Hands the lines over, in order.
///
/// # Errors
/// What the system said, in words. Some lines may have arrived.
pub async fn send(address: &Address, now: Moment, lines: &[&str]) -> Result<(), String> {
    let host = host();
    let all = lines.iter().map(|line| message(&host, now, line));
    let work = async {
        match address {
            Address::Unix(path) => {
                let socket = net::UnixDatagram::unbound()?;
                for one in all {
                    socket.send_to(one.as_bytes(), path).await?;
                }
            }
            Address::Udp(at) => {
                let to = net::lookup_host(at).await?.next().ok_or(std::io::ErrorKind::AddrNotAvailable)?;
                let own = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                let socket = net::UdpSocket::bind(own).await?;
                for one in all {
                    socket.send_to(one.as_bytes(), to).await?;
                }
            }
            Address::Tcp(at) => {
                let mut stream = net::TcpStream::connect(at).await?;
                for one in all {
                    stream.write_all(format!("{} {one}", one.len()).as_bytes()).await?;
                }
                stream.shutdown().await?;
            }
        }
        Ok::<_, std::io::Error>(())
    };
    match timeout(LONGEST, work).await {
        Ok(done) => done.map_err(|cause| format!("{address}: {cause}")),
        Err(_) => Err(format!("{address}: no answer within {} seconds", LONGEST.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    const LINES: [&str; 2] = [r#"{"checkpoint":1}"#, r#"{"checkpoint":2}"#];

    fn checked(message: &str, line: &str) {
        let parts: Vec<&str> = message.splitn(8, ' ').collect();
        assert_eq!(parts[0], "<110>1");
        assert_eq!(parts[1], "2026-01-31T10:00:00.000+00:00");
        assert_eq!((parts[3], parts[5], parts[6], parts[7]), ("bulkhead", "checkpoint", "-", line));
    }
    fn now() -> Moment {
        Moment(1_769_853_600_000)
    }

    #[tokio::test]
    async fn a_log_on_udp_gets_a_datagram_for_each_line() {
        let log = net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        send(&Address::Udp(log.local_addr().unwrap().to_string()), now(), &LINES).await.unwrap();
        for line in LINES {
            let mut bytes = [0; 2048];
            let length = log.recv(&mut bytes).await.unwrap();
            checked(std::str::from_utf8(&bytes[..length]).unwrap(), line);
        }
    }

    #[tokio::test]
    async fn a_log_on_a_local_socket_gets_a_datagram_for_each_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let log = net::UnixDatagram::bind(&path).unwrap();
        send(&Address::Unix(path), now(), &LINES).await.unwrap();
        for line in LINES {
            let mut bytes = [0; 2048];
            let length = log.recv(&mut bytes).await.unwrap();
            checked(std::str::from_utf8(&bytes[..length]).unwrap(), line);
        }
        let gone = Address::Unix(folder.path().join("nothing"));
        assert!(send(&gone, now(), &LINES).await.unwrap_err().starts_with("unix:/"));
    }

    #[tokio::test]
    async fn a_log_on_tcp_gets_the_length_before_each_line() {
        let log = net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Address::Tcp(log.local_addr().unwrap().to_string());
        let (sent, received) = tokio::join!(send(&address, now(), &LINES), async {
            let (mut stream, _) = log.accept().await.unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).await.unwrap();
            text
        });
        sent.unwrap();
        let mut rest = received.as_str();
        for line in LINES {
            let (length, after) = rest.split_once(' ').unwrap();
            let (message, after) = after.split_at(length.parse().unwrap());
            checked(message, line);
            rest = after;
        }
        assert_eq!(rest, "");
    }

    #[test]
    fn addresses_of_logs_are_read() {
        for (text, address) in [
            ("unix:/dev/log", Some(Address::Unix("/dev/log".into()))),
            ("unix:///run/log", Some(Address::Unix("/run/log".into()))),
            ("udp://127.0.0.1:514", Some(Address::Udp("127.0.0.1:514".into()))),
            ("tcp://log.example:601", Some(Address::Tcp("log.example:601".into()))),
            ("tcp://log.example", None),
            ("unix:", None),
            ("http://log", None),
            ("", None),
        ] {
            assert_eq!(text.parse::<Address>().ok(), address, "{text}");
        }
    }
}

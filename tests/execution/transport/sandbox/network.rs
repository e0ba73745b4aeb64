//! What a script reaches: nothing, the open internet, or what the machine reaches. Findings A5.

use super::attacks::own_address;
use super::*;

const CONNECT: &str = "import socket, sys\n\
    def connect(address, port):\n    try: socket.create_connection((address, port), 3); return 'connected'\n    \
    except OSError as e: return e.strerror or str(e)\n";

fn python(body: &str) -> Script {
    Script { syntax: Syntax::Python, ..bash(&format!("{CONNECT}{body}")) }
}

fn bench_on(network: Network) -> Bench {
    bench_of(Settings { network: Some(network), ..Settings::default() }, |sandbox| sandbox)
}

#[test]
fn without_a_network_a_script_is_told_so_and_has_its_own_loopback() {
    let listener = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let body = format!(
        "print(connect('127.0.0.1', {port}))\nprint(connect('{}', {port}))\n\
         s = socket.create_server(('127.0.0.1', 0)); print(connect('127.0.0.1', s.getsockname()[1]))",
        own_address()
    );
    let run = go(&bench(), python(&body));
    let out = run.out();
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!((lines[0], lines[2]), ("Connection refused", "connected"), "{out} {}", run.err());
    assert!(["Network is unreachable", "Connection refused"].contains(&lines[1]), "{out}");
    let told = run.text(Stream::Note);
    assert!(told.contains("has no network") && told.contains("the operator has switched it off"), "{told}");
}

#[test]
fn the_machines_network_is_given_by_the_operators_word_alone() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let bench = bench_on(Network::Host);
    let run = go(&bench, python(&format!("print(connect('127.0.0.1', {port}))")));
    assert_eq!((run.out().as_str(), run.text(Stream::Note).as_str()), ("connected", ""), "{}", run.err());
    let said = bench.sandbox().standing().sentences().join(" ");
    assert!(said.contains("worker-network = \"host\""), "{said}");
    let by_default = bench_of(Settings::default(), |sandbox| sandbox);
    let run = go(&by_default, python(&format!("print(connect('127.0.0.1', {port}))")));
    assert_eq!(run.out(), "Connection refused", "{}", run.err());
}

/// Where slirp4netns or pasta works: private and link-local addresses and each of the machine's own are closed at once,
/// by routes that a script cannot change; what is beyond is carried.
#[test]
fn a_filtered_network_leads_nowhere_inside() {
    let bench = bench_on(Network::Filtered);
    if !bench.sandbox().standing().usable() {
        println!("no filtered network here: {:?}", bench.sandbox().standing().warning());
        return; // `refusals` looks at what is said
    }
    let listener = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let own = own_address();
    let body = format!(
        "for a in ['10.0.0.1', '192.168.1.1', '172.16.0.1', '169.254.169.254', '100.64.0.1', '198.18.0.1', '{own}']: print(a, connect(a, {port}))\n\
         for a in ['127.0.0.1', '198.51.100.2']: print(a, connect(a, {port}))\n\
         try: socket.create_connection(('fd00::1', 80), 2); print('v6 connected')\n\
         except OSError as e: print('v6', e.strerror)\n\
         u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
         try: u.sendto(b'x', ('169.254.169.254', 53)); print('sent')\n\
         except OSError as e: print('datagram', e.strerror)\n\
         print(len(open('/proc/net/route').read().splitlines()) > 10, open('/etc/resolv.conf').read().strip())\n\
         u.sendto(b'x', ('203.0.113.9', 9)); print('carried')"
    );
    let run = go(&bench, python(&body));
    assert_eq!(run.exit_code(), 0, "{}\n{}", run.out(), run.err());
    let out = run.out();
    let lines: Vec<&str> = out.lines().collect();
    for line in &lines[..7] {
        assert!(line.ends_with("Permission denied"), "{out}");
    }
    assert_eq!(lines[7], "127.0.0.1 Connection refused");
    assert!(!lines[8].ends_with(" connected"), "{out}");
    assert!(lines[9].starts_with("v6 ") && !lines[9].contains("connected"), "{out}");
    assert_eq!(lines[10], "datagram Permission denied", "{out}");
    assert!(lines[11].contains("nameserver 198.51.100.3"), "{out}");
    assert_eq!(lines.last(), Some(&"carried"), "{out}");
    assert_eq!(run.text(Stream::Note), "");
    // Nobody carries when the run is over.
    assert!(bench.sandbox().standing().sentences().iter().any(|one| one.contains("open internet")));
}

/// The carrier ends with its run, also when the keeper is killed.
#[test]
fn nobody_carries_packets_when_the_run_is_over() {
    let bench = bench_on(Network::Filtered);
    if !bench.sandbox().standing().usable() {
        return;
    }
    let below = |what: &str| {
        std::fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|number| {
                let words = std::fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
                String::from_utf8_lossy(&words).contains(what)
            })
            .count()
    };
    let before = below("198.51.100");
    go(&bench, bash("true"));
    let until = Instant::now() + Duration::from_secs(5);
    // Others may run beside this one, so only that it does not grow is asked.
    while below("198.51.100") > before {
        assert!(Instant::now() < until);
        std::thread::sleep(Duration::from_millis(50));
    }
}

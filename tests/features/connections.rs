//! Connections to the real program: those that never finish, those that are refused while they still send, too many.

use crate::support::server::{Server, founded};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use std::{
    io::{Read, Write},
    net::TcpStream,
    thread::sleep,
    time::{Duration, Instant},
};

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.base().trim_start_matches("http://")).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(120))).expect("a time limit");
    stream
}

/// What comes until the end. A connection that breaks fails the test.
fn rest(mut stream: TcpStream) -> String {
    let mut said = Vec::new();
    stream.read_to_end(&mut said).unwrap_or_else(|e| panic!("{e} after {}", String::from_utf8_lossy(&said)));
    String::from_utf8_lossy(&said).into_owned()
}

fn status(said: &str) -> u16 {
    said.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_default()
}

/// Findings A11, with the bounds that the product has. Silent ones take longer: `app/listener/tests.rs`.
#[test]
fn half_a_head_and_half_a_body_end_and_others_do_not_notice() {
    let (server, harbour) = founded();
    let begun = Instant::now();
    let mut heads: Vec<TcpStream> = (0..40).map(|_| connect(&server)).collect();
    for head in &mut heads {
        head.write_all(b"GET /harbour/login HTTP/1.1\r\nHost: x\r\nAcc").expect("half a head");
    }
    let mut bodies: Vec<TcpStream> = (0..10).map(|_| connect(&server)).collect();
    for (number, body) in bodies.iter_mut().enumerate() {
        let path = if number % 2 == 0 { "/harbour/api/environments" } else { "/harbour/login" };
        let half = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{\"Na");
        body.write_all(half.as_bytes()).expect("half a body");
    }
    let asked = Instant::now();
    harbour.caller().get("/api/environments").expect(200);
    assert!(asked.elapsed() < Duration::from_secs(10));
    for head in heads {
        assert_eq!(status(&rest(head)), 408);
    }
    let heads_took = begun.elapsed();
    for (number, body) in bodies.into_iter().enumerate() {
        let said = rest(body);
        assert_eq!(status(&said), 408, "{said}");
        let words = if number % 2 == 0 { "\"ErrorMessage\":\"The body came too slowly." } else { "came too slowly" };
        assert!(said.contains(words), "{said}");
    }
    assert!(heads_took < Duration::from_secs(40), "{heads_took:?}");
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

/// Findings D17 and G18: the refusal arrives, though everything is sent before anything is read.
#[test]
fn what_is_refused_while_it_is_sent_hears_why() {
    let (server, harbour) = founded();
    let large = 12 * 1024 * 1024;
    let key = format!("X-Octopus-ApiKey: {}\r\n", harbour.key);
    let cases = [
        ("/harbour/api/environments", "", 413, "\"ErrorMessage\":\"The body is too large.\""),
        ("/harbour/api/environments", key.as_str(), 413, "\"ErrorMessage\":\"The body is too large.\""),
        ("/nowhere/api/environments", "", 413, "\"ErrorMessage\""),
        ("/harbour/login", "", 413, "At most 2 MB"),
        ("/harbour/default/projects", "", 413, "At most 2 MB"),
        ("/harbour/login", "Sec-Fetch-Site: cross-site\r\nOrigin: https://evil.example\r\n", 403, ""),
        ("/healthz", "", 405, ""),
        ("/static/x/y.css", "", 405, ""),
        ("/harbour/tasks/ServerTasks-1/events", "", 405, ""),
    ];
    for (path, headers, expected, words) in cases {
        for how in ["length", "chunks", "asking first"] {
            let mut stream = connect(&server);
            let length = match how {
                "chunks" => "Transfer-Encoding: chunked".to_owned(),
                "length" => format!("Content-Length: {large}"),
                _ => format!("Expect: 100-continue\r\nContent-Length: {large}"),
            };
            let head = format!(
                "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{headers}{length}\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).expect("a head");
            if how != "asking first" {
                let piece = vec![b'z'; 64 * 1024];
                for _ in 0..large / piece.len() {
                    if how == "chunks" {
                        stream.write_all(b"10000\r\n").expect("the connection to hold");
                    }
                    stream.write_all(&piece).expect("the connection to hold");
                    if how == "chunks" {
                        stream.write_all(b"\r\n").expect("the connection to hold");
                    }
                }
                if how == "chunks" {
                    stream.write_all(b"0\r\n\r\n").expect("the connection to hold");
                }
            }
            let said = rest(stream);
            assert!(status(&said) == expected && said.contains(words), "{path} {how}: {said}");
            assert!(!said.contains("100 Continue"), "{path} {how}: {said}");
        }
    }
    // At the bound: the largest body is read, a byte more is not.
    let sized = |length: usize| {
        let name = "n".repeat(length - "{\"Name\":\"\"}".len());
        let body = format!("{{\"Name\":\"{name}\"}}").into_bytes();
        assert_eq!(body.len(), length);
        crate::support::api::Sent::Bytes { content_type: "application/json".into(), bytes: body }
    };
    let most = 2 * 1024 * 1024;
    harbour.caller().post("/api/environments", sized(most)).expect(400);
    harbour.caller().post("/api/environments", sized(most + 1)).expect(413);
    // Of a suspended company, and where nobody may: everything that may be sent is read, and answered.
    server.command(&["company", "suspend", "harbour", "--reason", "The bill is open."]).run().expect_success();
    let answer = harbour.caller().post("/api/environments", sized(most)).expect(503);
    assert!(answer.text().contains("The bill is open."), "{answer}");
    harbour.stranger().post("/api/environments", sized(most + 1)).expect(413);
}

fn ticks(pid: u32) -> u64 {
    let facts = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a running server");
    let facts: Vec<&str> = facts.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    [11, 12].iter().map(|place| facts[*place].parse::<u64>().expect("a number")).sum()
}

/// Findings A11, its neighbour: no open files left.
#[test]
fn a_server_without_files_for_connections_neither_spins_nor_dies() {
    let (server, harbour) = founded();
    let _kept = connect(&server);
    harbour.caller().get("/api/environments").expect(200);
    let process = Pid::from_raw(i32::try_from(server.pid()).expect("a number"));
    let open = std::fs::read_dir(format!("/proc/{}/fd", server.pid())).expect("its files").count() as u64;
    let before = prlimit(process, Resource::Nofile, Rlimit { current: Some(open + 4), ..getrlimit(Resource::Nofile) })
        .expect("a lower limit");
    let waiting: Vec<TcpStream> = (0..40).map(|_| connect(&server)).collect();
    sleep(Duration::from_secs(1));
    let begun = ticks(server.pid());
    sleep(Duration::from_secs(3));
    let used = ticks(server.pid()) - begun;
    assert!(used < 150, "it used {used} hundredths of a second in three");
    // Whoever asks is served: those that only wait make room.
    harbour.stranger().get("/api").expect(200);
    prlimit(process, Resource::Nofile, before).expect("the limit of before");
    drop(waiting);
    harbour.caller().get("/api/environments").expect(200);
}

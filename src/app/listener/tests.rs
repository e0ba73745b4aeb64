//! Real sockets and short bounds: what is out of time ends, what is slow but honest does not, refusals arrive.

mod http2;

use super::*;
use axum::routing::{any, get, post};
use futures_util::{StreamExt, stream};

struct Served {
    address: SocketAddr,
    closing: CancellationToken,
    serving: tokio::task::JoinHandle<()>,
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

async fn read_it(request: Request) -> (StatusCode, String) {
    let (mut pieces, mut length) = (request.into_body().into_data_stream(), 0);
    while let Some(piece) = pieces.next().await {
        match piece {
            Ok(piece) => length += piece.len(),
            Err(cause) => return (StatusCode::REQUEST_TIMEOUT, cause.to_string()),
        }
    }
    (StatusCode::OK, length.to_string())
}

/// A server with bounds of its own.
async fn served(change: impl FnOnce(&mut Bounds)) -> Served {
    let mut bounds = Bounds { look: ms(20), farewell: ms(300), drain_pause: ms(1500), ..Bounds::default() };
    change(&mut bounds);
    let ticks = || {
        stream::unfold(0, |n| async move {
            sleep(ms(100)).await;
            (n < 12).then(|| (Ok::<_, Infallible>(format!("data: {n}\n\n")), n + 1))
        })
    };
    let silence = || stream::once(async { Ok::<_, Infallible>("data: 1\n\n") }).chain(stream::pending());
    let endless = || stream::repeat_with(|| Ok::<_, Infallible>(vec![b'x'; 64 * 1024]));
    let router = Router::new()
        .route("/", any(|| async { "hello" }))
        .route("/refuse", post(|| async { (StatusCode::FORBIDDEN, "no\n") }))
        .route("/read", post(read_it))
        .route(
            "/slow",
            any(|| async {
                sleep(ms(700)).await;
                "slow"
            }),
        )
        .route("/events", get(move || async move { Body::from_stream(ticks()) }))
        .route(
            "/sse",
            get(move || async move { ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(silence())) }),
        )
        .route("/endless", get(move || async move { Body::from_stream(endless()) }))
        .fallback(|| async { StatusCode::NOT_FOUND });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let closing = CancellationToken::new();
    let serving = serve(listener, router, bounds, Arc::new([]), closing.clone(), CancellationToken::new());
    Served { address, closing, serving: tokio::spawn(serving) }
}

impl Served {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
    /// What is answered until the server closes.
    async fn say(&self, what: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(what.as_bytes()).await.unwrap();
        rest(&mut stream).await
    }
    async fn end(self) -> Duration {
        let begun = Instant::now();
        self.closing.cancel();
        self.serving.await.unwrap();
        begun.elapsed()
    }
}

/// What comes until the end; a connection that breaks says so.
async fn rest(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    let ended = timeout(Duration::from_secs(20), stream.read_to_end(&mut all)).await.expect("an end");
    let broken = ended.err().map(|cause| format!("[broken: {cause}]")).unwrap_or_default();
    String::from_utf8_lossy(&all).into_owned() + &broken
}

async fn part_of(stream: &mut TcpStream) -> String {
    let mut some = vec![0; 4096];
    let length = timeout(Duration::from_secs(20), stream.read(&mut some)).await.expect("an answer").unwrap();
    String::from_utf8_lossy(&some[..length]).into_owned()
}

const ASK: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const LAST: &str = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or(answer)
}

/// Findings A11: silent.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_without_a_request_ends_when_it_has_idled_long_enough() {
    let served = served(|bounds| bounds.idle = ms(400)).await;
    let (mut silent, mut idle) = (served.connect().await, served.connect().await);
    idle.write_all(ASK.as_bytes()).await.unwrap();
    assert!(part_of(&mut idle).await.ends_with("hello"));
    sleep(ms(200)).await;
    idle.write_all(ASK.as_bytes()).await.unwrap();
    assert!(part_of(&mut idle).await.ends_with("hello"), "it is kept for a while");
    assert_eq!((rest(&mut silent).await, rest(&mut idle).await), (String::new(), String::new()));
    served.end().await;
}

/// Findings A11: half a header.
#[tokio::test(flavor = "multi_thread")]
async fn a_head_has_to_come_in_its_time_however_it_drips() {
    let served = served(|bounds| bounds.head = ms(500)).await;
    let mut slow = served.connect().await;
    slow.write_all(b"GET / HTTP/1.1\r\nHost: ").await.unwrap();
    let (mut reading, mut writing) = slow.split();
    let dripping = async {
        loop {
            let _ = writing.write_all(b"x").await;
            sleep(ms(50)).await;
        }
    };
    let mut said = String::new();
    tokio::select! {
        () = dripping => {}
        ended = timeout(Duration::from_secs(20), reading.read_to_string(&mut said)) => drop(ended.expect("an end")),
    }
    assert_eq!(status(&said), "408", "{said}");
    assert!(said.contains("too long"), "{said}");
    // Others are served beside it, also in small pieces.
    let mut honest = served.connect().await;
    for piece in LAST.as_bytes().chunks(20) {
        honest.write_all(piece).await.unwrap();
        sleep(ms(20)).await;
    }
    assert!(rest(&mut honest).await.ends_with("hello"));
    served.end().await;
}

/// Findings A11: half a body.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_may_be_slow_but_has_to_come_on() {
    let served = served(|bounds| {
        (bounds.body, bounds.body_pause, bounds.body_rate) = (ms(700), ms(500), 1);
        bounds.idle = ms(300);
    })
    .await;
    let head = |length| format!("POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\nx");
    let mut half = served.connect().await;
    half.write_all(head(10).as_bytes()).await.unwrap();
    let said = rest(&mut half).await;
    assert_eq!(status(&said), "408", "{said}");
    assert!(said.contains("too slowly") && said.to_lowercase().contains("connection: close"), "{said}");
    // Two seconds and a half in all: far more than it has at first, but each piece earns it more.
    let mut steady = served.connect().await;
    steady.write_all(head(26).replace("Host", "Connection: close\r\nHost").as_bytes()).await.unwrap();
    for _ in 0..25 {
        sleep(ms(100)).await;
        steady.write_all(b"y").await.unwrap();
    }
    let said = rest(&mut steady).await;
    assert!(said.ends_with("\r\n\r\n26"), "{said}");
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_comes_below_its_rate_ends() {
    let served = served(|bounds| (bounds.body, bounds.body_rate) = (ms(800), 1_000)).await;
    let mut drip = served.connect().await;
    drip.write_all(b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n").await.unwrap();
    let begun = Instant::now();
    while begun.elapsed() < ms(1200) {
        drip.write_all(b"y").await.ok();
        sleep(ms(100)).await;
    }
    assert_eq!(status(&rest(&mut drip).await), "408");
    served.end().await;
}

/// Who never reads a large answer does not hold a connection; who reads slowly gets it.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_nobody_takes_ends() {
    let served = served(|bounds| bounds.untaken = ms(500)).await;
    let mut never = served.connect().await;
    never.write_all(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut slowly = served.connect().await;
    slowly.write_all(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut some = vec![0; 1024 * 1024];
    for _ in 0..20 {
        sleep(ms(100)).await;
        assert!(slowly.read(&mut some).await.unwrap() > 0);
    }
    // What lies in the sockets' buffers still comes, then it is over.
    let mut all = Vec::new();
    let ended = timeout(Duration::from_secs(20), never.read_to_end(&mut all)).await;
    assert!(ended.is_ok(), "{}", all.len());
    served.end().await;
}

/// Findings A11: long-lived streams must live on.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_outlives_all_limits() {
    let served = served(|bounds| {
        (bounds.idle, bounds.head, bounds.body, bounds.untaken) = (ms(200), ms(200), ms(200), ms(200));
    })
    .await;
    let said = served.say("GET /events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(said.contains("data: 11") && !said.contains("broken"), "{said}");
    let said = served.say("GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(said.ends_with("slow"), "{said}");
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_a_stream_in_which_nothing_happens_is_noticed() {
    let served = served(|_| ()).await;
    for whole in [false, true] {
        let mut stream = served.connect().await;
        stream.write_all(b"GET /sse HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut said = String::new();
        while !said.contains("data: 1") {
            said += &part_of(&mut stream).await;
        }
        if whole {
            drop(stream);
        } else {
            stream.shutdown().await.unwrap();
            // The end of the stream is missing, as it should be.
            rest(&mut stream).await;
        }
    }
    let begun = Instant::now();
    sleep(ms(200)).await;
    // Nothing is under way any more.
    assert!(served.end().await < Duration::from_secs(5), "{:?}", begun.elapsed());
}

/// Findings D17, G18: an early answer arrives, whatever still comes.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_arrives_while_the_body_is_still_being_sent() {
    let served = served(|_| ()).await;
    let large = 32 * 1024 * 1024;
    let chunk = format!("{:x}\r\n{}\r\n", 64 * 1024, "z".repeat(64 * 1024));
    for chunked in [false, true] {
        let mut stream = served.connect().await;
        let length = if chunked { "Transfer-Encoding: chunked".into() } else { format!("Content-Length: {large}") };
        stream.write_all(format!("POST /refuse HTTP/1.1\r\nHost: x\r\n{length}\r\n\r\n").as_bytes()).await.unwrap();
        // As simple clients do: everything is sent before anything is read.
        let mut sent = 0;
        while sent < large {
            let piece = if chunked { chunk.as_bytes() } else { &chunk.as_bytes()[7..7 + 64 * 1024] };
            stream.write_all(piece).await.expect("the connection holds until all is sent");
            sent += 64 * 1024;
        }
        if chunked {
            stream.write_all(b"0\r\n\r\n").await.unwrap();
        }
        stream.shutdown().await.unwrap();
        let said = rest(&mut stream).await;
        assert_eq!(status(&said), "403", "{said}");
        assert!(said.to_lowercase().contains("connection: close") && said.ends_with("no\n"), "{said}");
    }
    // Who asks first is answered, and not asked to send.
    let ask = "POST /refuse HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9000000\r\n\r\n";
    let mut stream = served.connect().await;
    stream.write_all(ask.as_bytes()).await.unwrap();
    let said = rest(&mut stream).await;
    assert!(status(&said) == "403" && !said.contains("100 Continue"), "{said}");
    let mut stream = served.connect().await;
    stream.write_all(ask.replace("/refuse", "/read").replace("9000000", "3").as_bytes()).await.unwrap();
    assert_eq!(part_of(&mut stream).await, "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"abc").await.unwrap();
    assert_eq!(status(&part_of(&mut stream).await), "200");
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_drained_has_an_end_in_time_and_bytes() {
    let served = served(|bounds| (bounds.drain, bounds.drain_size) = (ms(600), 1 << 40)).await;
    let mut stream = served.connect().await;
    stream.write_all(b"POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 900000000000\r\n\r\n").await.unwrap();
    let (piece, begun) = (vec![0; 64 * 1024], Instant::now());
    while stream.write_all(&piece).await.is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it never ends");
    }
    served.end().await;
}

/// Findings A11: bounds of the head, one below and one above.
#[tokio::test(flavor = "multi_thread")]
async fn heads_have_bounds() {
    let served = served(|_| ()).await;
    let with_headers = |count: usize| {
        // Two stand there already.
        let more: String = (2..count).map(|number| format!("x-{number}: 1\r\n")).collect();
        format!("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{more}\r\n")
    };
    assert_eq!(status(&served.say(&with_headers(100)).await), "200");
    assert_eq!(status(&served.say(&with_headers(101)).await), "431");
    let with_size = |size: usize| {
        let head =
            |fill: usize| format!("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nx: {}\r\n\r\n", "y".repeat(fill));
        head(size - head(0).len())
    };
    assert_eq!(status(&served.say(&with_size(64 * 1024)).await), "200");
    assert_eq!(status(&served.say(&with_size(64 * 1024 + 1)).await), "431");
    assert_eq!(status(&served.say(&with_size(4 * 1024 * 1024)).await), "431", "though much of it is left unread");
    let with_address =
        |length: usize| format!("GET /{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "y".repeat(length - 1));
    assert_eq!(status(&served.say(&with_address(16 * 1024)).await), "404");
    assert_eq!(status(&served.say(&with_address(16 * 1024 + 1)).await), "414");
    for nonsense in ["\u{1}\u{2}\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nXX"] {
        assert_eq!(status(&served.say(nonsense).await), "400", "{nonsense:?}");
    }
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_all_at_once_or_closes_their_half_gets_their_answers() {
    let served = served(|_| ()).await;
    let slow = LAST.replace("GET /", "GET /slow");
    let said = served.say(&[ASK, ASK, &slow].concat()).await;
    assert_eq!(said.matches("hello").count(), 2, "{said}");
    assert!(said.ends_with("slow"), "{said}");
    let mut half = served.connect().await;
    half.write_all(slow.as_bytes()).await.unwrap();
    half.shutdown().await.unwrap();
    assert!(rest(&mut half).await.ends_with("slow"));
    served.end().await;
}

/// Findings A11: fair by address, at the bound.
#[tokio::test(flavor = "multi_thread")]
async fn one_connection_too_many_costs_one_that_waits_or_hears_why_not() {
    let served = served(|bounds| (bounds.connections, bounds.of_one_address) = (100, 3)).await;
    let mut waiting = Vec::new();
    for _ in 0..3 {
        waiting.push(served.connect().await);
        sleep(ms(30)).await;
    }
    let mut fourth = served.connect().await;
    assert_eq!(rest(&mut waiting[0]).await, "", "the one that waited longest is ended");
    let slow = "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n";
    for one in waiting[1..].iter_mut().chain([&mut fourth]) {
        one.write_all(slow.as_bytes()).await.unwrap();
    }
    sleep(ms(200)).await;
    let said = served.say(ASK).await;
    assert!(status(&said) == "503" && said.contains("Retry-After: 5"), "{said}");
    assert!(part_of(&mut fourth).await.ends_with("slow"), "who is at work is left alone");
    served.end().await;
}

/// Findings G19: the end is quick where nothing is under way, and in order where something is.
#[tokio::test(flavor = "multi_thread")]
async fn the_port_closes_at_once_and_requests_under_way_are_answered() {
    let served = served(|_| ()).await;
    let (_silent, mut half, mut idle) = (served.connect().await, served.connect().await, served.connect().await);
    half.write_all(b"GET / HT").await.unwrap();
    idle.write_all(ASK.as_bytes()).await.unwrap();
    part_of(&mut idle).await;
    let mut busy = served.connect().await;
    busy.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    sleep(ms(100)).await;
    let address = served.address;
    let ending = tokio::spawn(served.end());
    assert_eq!(rest(&mut idle).await, "");
    assert!(TcpStream::connect(address).await.is_err());
    assert!(rest(&mut busy).await.ends_with("slow"));
    assert!(ending.await.unwrap() < Duration::from_secs(8));
}

/// Findings A11: requests under way, at the bound.
#[tokio::test(flavor = "multi_thread")]
async fn one_request_too_many_hears_so_and_the_others_are_answered() {
    let served = served(|bounds| bounds.requests_of_one_address = 2).await;
    let slow = "GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let (mut one, mut two) = (served.connect().await, served.connect().await);
    one.write_all(slow.as_bytes()).await.unwrap();
    two.write_all(slow.as_bytes()).await.unwrap();
    sleep(ms(200)).await;
    let said = served.say(LAST).await;
    assert!(status(&said) == "429" && said.to_lowercase().contains("retry-after: 5"), "{said}");
    assert!(rest(&mut one).await.ends_with("slow") && rest(&mut two).await.ends_with("slow"));
    assert!(served.say(LAST).await.ends_with("hello"));
    served.end().await;
}

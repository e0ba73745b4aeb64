//! The same over HTTP/2, whose frames are written by hand: no client would do what is done here.

use super::*;

/// HTTP/2, by hand: the beginning of a connection, and a frame.
fn beginning() -> Vec<u8> {
    [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(4, 0, 0, &[])].concat()
}
fn frame(kind: u8, flags: u8, of: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &of.to_be_bytes(), payload].concat()
}
/// `:method: GET` or `POST`, `:scheme: http`, `:path`, and `:authority: x`, as HPACK without a table.
fn head(method: u8, path: &str, flags: u8, of: u32) -> Vec<u8> {
    let mut fields = vec![0x80 | method, 0x86, 0x04, u8::try_from(path.len()).unwrap()];
    fields.extend(path.as_bytes());
    fields.extend([0x01, 1, b'x']);
    frame(1, flags | 4, of, &fields)
}
/// The frames until one of this kind, or the end.
async fn frames(
    stream: &mut TcpStream,
    until: impl Fn(&(u8, u8, u32, Vec<u8>)) -> bool,
) -> Vec<(u8, u8, u32, Vec<u8>)> {
    let mut all = Vec::new();
    let mut header = [0; 9];
    while timeout(Duration::from_secs(20), stream.read_exact(&mut header)).await.expect("a frame or an end").is_ok() {
        let [a, b, c, kind, flags, d, e, f, g] = header;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        if stream.read_exact(&mut payload).await.is_err() {
            break;
        }
        all.push((kind, flags, u32::from_be_bytes([d, e, f, g]), payload));
        if all.last().is_some_and(&until) {
            break;
        }
    }
    all
}
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const GOING: u8 = 7;

/// Findings A11: HTTP/2 as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_of_http2_has_the_same_bounds() {
    let served = served(|bounds| {
        (bounds.idle, bounds.streams, bounds.head) = (ms(600), 2, ms(100));
        (bounds.ping, bounds.pong) = (ms(300), ms(300));
    })
    .await;
    // Without a request: it is told to go, whatever else it sends.
    let mut idle = served.connect().await;
    idle.write_all(&beginning()).await.unwrap();
    let ping = frame(6, 0, 0, &[0; 8]);
    let (mut reading, mut writing) = idle.split();
    let pinging = async {
        loop {
            let _ = writing.write_all(&ping).await;
            sleep(ms(50)).await;
        }
    };
    let mut all = Vec::new();
    tokio::select! {
        () = pinging => {}
        ended = timeout(Duration::from_secs(20), reading.read_to_end(&mut all)) => drop(ended.expect("an end")),
    }
    assert!(all.windows(5).any(|bytes| bytes[3..] == [GOING, 0]), "it is told");
    // Two requests at once, and a third one is refused.
    let mut busy = served.connect().await;
    let three = [beginning(), head(2, "/slow", 1, 1), head(2, "/slow", 1, 3), head(2, "/slow", 1, 5)].concat();
    busy.write_all(&three).await.unwrap();
    let told = frames(&mut busy, |frame| frame.0 == 0 && frame.2 != 0 && frame.3 == b"slow").await;
    let settings = told.iter().find(|frame| frame.0 == SETTINGS).map(|frame| frame.3.clone()).unwrap_or_default();
    assert!(settings.chunks(6).any(|one| one == [0, 3, 0, 0, 0, 2]), "the bound is told: {settings:?}");
    assert!(told.iter().any(|frame| frame.0 == RESET && frame.2 == 5), "{told:?}");
    // Who does not answer a ping is gone: its stream does not hold it.
    let mut dead = served.connect().await;
    dead.write_all(&[beginning(), head(2, "/endless", 1, 1)].concat()).await.unwrap();
    let mut all = Vec::new();
    assert!(timeout(Duration::from_secs(20), dead.read_to_end(&mut all)).await.is_ok());
    served.end().await;
}

/// Who opens a stream and never takes what is in it, but answers every ping; and who waits in a stream.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_nobody_takes_ends_in_http2_too() {
    let served = served(|bounds| {
        bounds.untaken = ms(500);
        (bounds.ping, bounds.pong) = (ms(200), Duration::from_secs(60));
    })
    .await;
    let mut never = served.connect().await;
    never.write_all(&[beginning(), head(2, "/endless", 1, 1)].concat()).await.unwrap();
    let mut waits = served.connect().await;
    waits.write_all(&[beginning(), head(2, "/sse", 1, 1)].concat()).await.unwrap();
    // Reads on, and gives no room.
    let told = frames(&mut never, |_| false).await;
    assert!(told.iter().any(|frame| frame.0 == 0), "it had begun");
    sleep(ms(500)).await;
    let asked = [frame(SETTINGS, 1, 0, &[]), head(2, "/", 1, 3)].concat();
    waits.write_all(&asked).await.unwrap();
    let told = frames(&mut waits, |frame| frame.2 == 3 && frame.3 == b"hello").await;
    assert!(told.iter().any(|frame| frame.2 == 3), "{told:?}");
    served.end().await;
}

/// Findings D17 in HTTP/2; and bodies that do not come.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_and_a_time_limit_arrive_in_http2() {
    let served = served(|bounds| (bounds.body, bounds.body_pause) = (ms(300), ms(300))).await;
    let mut stream = served.connect().await;
    let piece = frame(0, 0, 1, &[0; 16_000]);
    stream.write_all(&[beginning(), head(3, "/refuse", 0, 1), piece].concat()).await.unwrap();
    let told = frames(&mut stream, |frame| frame.2 == 1 && frame.0 == RESET).await;
    assert!(told.iter().any(|frame| frame.2 == 1 && frame.3 == b"no\n"), "{told:?}");
    // The connection serves on.
    stream.write_all(&[head(3, "/read", 0, 3), frame(0, 0, 3, b"x")].concat()).await.unwrap();
    let told = frames(&mut stream, |frame| frame.2 == 3 && frame.0 == 0 && !frame.3.is_empty()).await;
    let said = told.last().map(|frame| String::from_utf8_lossy(&frame.3).into_owned()).unwrap_or_default();
    assert!(said.contains("too slowly"), "{told:?}");
    served.end().await;
}

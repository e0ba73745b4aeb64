//! Sends checkpoints to a program on the network, signed with a secret that only it and the company know.

use crate::{
    base::{clock::Moment, outward::Outward, secret},
    company::audit::keep::Untold,
    execution::outward,
};
use std::sync::Arc;

/// Sends the lines as one body. The receiver checks `X-Bulkhead-Signature`: `sha256=` and the HMAC, with the secret, over
/// `X-Bulkhead-Timestamp` (seconds since 1970), a full stop, and the body. An answer between 200 and 299 says that they
/// are kept; anything else, also one that leads elsewhere, that they are not.
///
/// # Errors
/// Why it was not told, in words.
pub async fn send(outward: &Arc<Outward>, untold: &Untold, now: Moment) -> Result<(), String> {
    let (client, url) = outward::client(outward, &untold.url).map_err(|refused| refused.to_string())?;
    let body: String = untold.lines.iter().map(|(_, line)| format!("{line}\n")).collect();
    let timestamp = (now.0 / 1000).to_string();
    let signature = secret::hmac(untold.secret.as_bytes(), format!("{timestamp}.{body}").as_bytes());
    let answer = client
        .post(url)
        .header("content-type", "application/x-ndjson")
        .header("x-bulkhead-timestamp", &timestamp)
        .header("x-bulkhead-signature", format!("sha256={}", data_encoding::HEXLOWER.encode(&signature)))
        .body(body)
        .send()
        .await
        .map_err(outward::cause)?;
    match answer.status() {
        status if status.is_success() => Ok(()),
        status if status.is_redirection() => Err(format!("it answered {status}; it is not followed to another place")),
        status => Err(format!("it answered {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::company::audit::keep::Witness;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    fn untold(url: String) -> Untold {
        let lines = vec![(1, r#"{"checkpoint":1}"#.to_owned()), (2, r#"{"checkpoint":2}"#.to_owned())];
        Untold { witness: Witness::Webhook, url, secret: "a secret".into(), lines }
    }
    fn loopback() -> Arc<Outward> {
        Arc::new(Outward::new(vec!["127.0.0.0/8".parse().unwrap()]))
    }

    /// Takes one request and answers it; gives what came.
    async fn answer(listener: &TcpListener, with: &str) -> String {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut text = String::new();
        while !text.contains("\"checkpoint\":2}\n") {
            let mut bytes = [0; 4096];
            let length = stream.read(&mut bytes).await.unwrap();
            assert!(length > 0, "{text}");
            text.push_str(std::str::from_utf8(&bytes[..length]).unwrap());
        }
        stream.write_all(format!("HTTP/1.1 {with}\r\ncontent-length: 0\r\n\r\n").as_bytes()).await.unwrap();
        text
    }

    #[tokio::test]
    async fn the_receiver_can_check_who_sent_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/checkpoints?of=harbour", listener.local_addr().unwrap());
        let (untold, loopback) = (untold(url), loopback());
        let (sent, request) =
            tokio::join!(send(&loopback, &untold, Moment(1_769_853_600_000)), answer(&listener, "204 No Content"));
        sent.unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /checkpoints?of=harbour HTTP/1.1\r\n"), "{head}");
        assert_eq!(body, "{\"checkpoint\":1}\n{\"checkpoint\":2}\n");
        let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).unwrap();
        assert_eq!(header("x-bulkhead-timestamp"), "1769853600");
        let expected = secret::hmac(b"a secret", format!("1769853600.{body}").as_bytes());
        assert_eq!(header("x-bulkhead-signature"), format!("sha256={}", data_encoding::HEXLOWER.encode(&expected)));
    }

    #[tokio::test]
    async fn what_is_not_taken_is_told_and_no_other_place_is_asked() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (untold, loopback) = (untold(format!("http://{}/", listener.local_addr().unwrap())), loopback());
        let leads = format!("307 Temporary Redirect\r\nlocation: http://{}/", elsewhere.local_addr().unwrap());
        for (with, says) in [("500 Internal Server Error", "it answered 500"), (leads.as_str(), "it is not followed")] {
            let (sent, _) = tokio::join!(send(&loopback, &untold, Moment(0)), answer(&listener, with));
            assert!(sent.unwrap_err().contains(says));
        }
        let asked = tokio::time::timeout(std::time::Duration::from_millis(200), elsewhere.accept()).await;
        assert!(asked.is_err(), "the other place was asked");
    }

    #[tokio::test]
    async fn addresses_inside_are_not_asked_unless_the_operator_allows_them() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let nobody = Arc::new(Outward::default());
        for url in [
            format!("http://127.0.0.1:{port}/"),
            format!("https://127.0.0.1:{port}/"),
            format!("http://localhost:{port}/"),
            format!("https://localhost:{port}/"),
            format!("https://[::ffff:127.0.0.1]:{port}/"),
            format!("https://2130706433:{port}/"),
            format!("https://0x7f.1:{port}/"),
            "http://169.254.169.254/latest/meta-data".into(),
            "https://user:password@example.com/".into(),
            "file:///etc/passwd".into(),
            "nonsense".into(),
        ] {
            let refused = send(&nobody, &untold(url.clone()), Moment(0)).await.unwrap_err();
            assert!(refused.contains("is not asked") || refused.contains("may be asked"), "{url}: {refused}");
        }
        let asked = tokio::time::timeout(std::time::Duration::from_millis(200), listener.accept()).await;
        assert!(asked.is_err(), "it was asked");
    }
}

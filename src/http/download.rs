//! A file that is made while it is sent, piece by piece, each on a thread that may wait.

use super::blocking;
use crate::base::error::Result;
use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, header},
    response::Response,
};
use futures_util::{StreamExt, stream};

/// Gives the next piece; `None` after the last.
pub type Pieces = Box<dyn FnMut() -> Result<Option<Vec<u8>>> + Send>;

/// A file to be kept by whoever asked for it.
pub struct Download {
    kind: &'static str,
    name: String,
    pieces: Pieces,
}

impl Download {
    /// `name` is what the file is called there; letters, digits, `-`, `_` and `.` of it are kept.
    pub fn new(kind: &'static str, name: &str, pieces: Pieces) -> Download {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        Download { kind, name: name.chars().filter(|c| plain(*c)).collect(), pieces }
    }

    /// The same for something that is shown and not kept.
    pub fn shown(kind: &'static str, pieces: Pieces) -> Download {
        Download { kind, name: String::new(), pieces }
    }

    /// The answer. When a piece cannot be made, the connection ends before its end, so that nobody takes a part for the
    /// whole.
    pub fn respond(self) -> Response {
        let body = stream::unfold(Some(self.pieces), |pieces| async {
            let mut pieces = pieces?;
            let made = blocking(move || Ok((pieces(), pieces))).await;
            match made {
                Ok((Ok(Some(piece)), pieces)) => Some((Ok(Bytes::from(piece)), Some(pieces))),
                Ok((Ok(None), _)) => None,
                Ok((Err(fault), _)) | Err(fault) => {
                    tracing::warn!(%fault, "a download ended before its end");
                    Some((Err(std::io::Error::other("ended before its end")), None))
                }
            }
        });
        // What compresses an answer may ask once more after the end.
        let mut response = Response::new(Body::from_stream(body.fuse()));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        if !self.name.is_empty()
            && let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{}\"", self.name))
        {
            headers.insert(header::CONTENT_DISPOSITION, value);
        }
        response
    }
}

/// The pieces of a file that lies on the disk.
pub fn of_file(mut file: std::fs::File) -> Pieces {
    Box::new(move || {
        let mut piece = vec![0; 64 * 1024];
        let length = std::io::Read::read(&mut file, &mut piece)?;
        piece.truncate(length);
        Ok((length > 0).then_some(piece))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_asks_again_after_the_end_is_told_again_that_it_is_the_end() {
        let mut left = vec![b"two".to_vec(), b"one".to_vec()];
        let download = Download::new("text/csv", "a.csv", Box::new(move || Ok(left.pop())));
        let mut body = download.respond().into_body().into_data_stream();
        let mut told = Vec::new();
        while let Some(piece) = body.next().await {
            told.extend(piece.unwrap());
        }
        assert_eq!(told, b"onetwo");
        assert!(body.next().await.is_none() && body.next().await.is_none());
    }
}

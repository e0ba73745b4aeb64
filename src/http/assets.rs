//! The files that pages load: in the binary, compressed once, served under the checksum of all of them.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use flate2::{Compression, write::GzEncoder};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};
use std::{collections::HashMap, io::Write, sync::OnceLock};

#[derive(RustEmbed)]
#[folder = "static/"]
struct Files;

struct Asset {
    kind: String,
    plain: Vec<u8>,
    zipped: Option<Vec<u8>>,
}

struct Shelf {
    prefix: String,
    assets: HashMap<String, Asset>,
}

fn shelf() -> &'static Shelf {
    static SHELF: OnceLock<Shelf> = OnceLock::new();
    SHELF.get_or_init(|| {
        let mut digest = Sha256::new();
        let mut assets = HashMap::new();
        let mut names: Vec<String> = Files::iter().map(|name| name.to_string()).collect();
        names.sort();
        for name in names {
            let Some(file) = Files::get(&name) else { continue };
            digest.update(name.as_bytes());
            digest.update(file.metadata.sha256_hash());
            let plain = file.data.to_vec();
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            let zipped = encoder
                .write_all(&plain)
                .and_then(|()| encoder.finish())
                .ok()
                .filter(|zipped| zipped.len() < plain.len());
            if name == "bulkhead.css" {
                // The same under a name that names nobody, for pages that customers of a company see.
                let (plain, zipped) = (plain.clone(), zipped.clone());
                assets.insert("look.css".into(), Asset { kind: file.metadata.mimetype().to_owned(), plain, zipped });
            }
            assets.insert(name, Asset { kind: file.metadata.mimetype().to_owned(), plain, zipped });
        }
        Shelf { prefix: format!("/static/{}", data_encoding::HEXLOWER.encode(&digest.finalize()[..8])), assets }
    })
}

/// `/static/<checksum>`: changes with any of the files, so that they can be kept for ever.
pub fn prefix() -> &'static str {
    &shelf().prefix
}

/// A file by its name. Under another checksum than today's it is the same file, kept for a short time only.
pub fn serve(checksum: &str, name: &str, headers: &HeaderMap) -> Response {
    let Some(asset) = shelf().assets.get(name) else { return StatusCode::NOT_FOUND.into_response() };
    let zip = headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("gzip"));
    let (bytes, zipped) = match &asset.zipped {
        Some(zipped) if zip => (zipped, true),
        _ => (&asset.plain, false),
    };
    let mut response = Response::new(Body::from(bytes.clone()));
    let out = response.headers_mut();
    if let Ok(kind) = HeaderValue::from_str(&asset.kind) {
        out.insert(header::CONTENT_TYPE, kind);
    }
    if zipped {
        out.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    let current = prefix().ends_with(checksum);
    let keep = if current { "public, max-age=31536000, immutable" } else { "public, max-age=60" };
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    super::headers::protect(out);
    response
}

//! Headers that every answer carries.

use axum::http::{HeaderMap, HeaderValue, header};
use std::sync::LazyLock;

/// Nothing inline, nothing from elsewhere, in nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'; manifest-src 'self'";

/// For a year, browsers come over HTTPS only. On every answer of a server whose public address is one of HTTPS.
pub const STRICT: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// What [`protect`] puts on an answer, with room for what the answer itself says.
static PROTECTING: LazyLock<HeaderMap> = LazyLock::new(|| {
    let mut headers = HeaderMap::with_capacity(12);
    let mut set = |name: header::HeaderName, value| drop(headers.insert(name, HeaderValue::from_static(value)));
    set(header::CONTENT_SECURITY_POLICY, POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(header::REFERRER_POLICY, "same-origin");
    set(header::CACHE_CONTROL, "no-store");
    set(header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    headers
});

/// Puts the security headers on an answer, but for those that it has; private pages are not kept by anybody.
pub fn protect(headers: &mut HeaderMap) {
    let own = std::mem::replace(headers, PROTECTING.clone());
    headers.extend(own);
}

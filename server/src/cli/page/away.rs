//! What is said while no server is there: a browser that waits, and a page that is open, find it again by themselves.

use axum::{
    http::{HeaderName, StatusCode, header},
    response::{Html, IntoResponse, Response},
};

/// What a browser may do with whatever does not come from the server: nothing.
pub(super) const HEADERS: [(HeaderName, &str); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
];

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<meta http-equiv="refresh" content="2">
<title>Murmur: the coordinator is away</title>
<h1>The coordinator is away</h1>
<p>No server works on this data directory at the moment. This page looks again every two seconds.</p>
<p>Start one with <code>murmur-server serve --data-dir DIR</code>.</p>
</html>
"#;

/// The answer to a request of a browser, while there is nobody to pass it on to.
pub(super) fn answer(path: &str) -> Response {
    if path == "/" {
        (StatusCode::BAD_GATEWAY, HEADERS, Html(PAGE)).into_response()
    } else {
        let kind = [(header::CONTENT_TYPE, "application/json")];
        (StatusCode::BAD_GATEWAY, HEADERS, kind, r#"{"error":"the coordinator is away"}"#).into_response()
    }
}

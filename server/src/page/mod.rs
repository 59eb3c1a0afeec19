//! The coordinator's page: what operators see, for a browser. It shows, and changes nothing.
//!
//! Everything on it comes from [`Seen`](crate::seen::Seen); its assets are part of the program, so that it asks nobody else for anything.

mod answer;
mod assets;
mod events;
mod files;
mod ledger;
mod register;
mod state;
mod task;

use axum::{
    Router,
    extract::Request,
    http::{HeaderName, HeaderValue, header},
    middleware::{self, Next},
    response::Response,
    routing::get,
};

use crate::{seen::Seen, store::Store};

/// What a browser may do with anything that comes from here: run and show nothing but what this server sends, and tell nobody.
const HEADERS: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];

/// The page and what it asks for.
pub(crate) fn routes<S: Store>(seen: Seen<S>) -> Router {
    Router::new()
        .route("/", get(assets::page))
        .route("/page/assets/{name}", get(assets::asset))
        .route("/page/state", get(state::answer::<S>))
        .route("/page/events", get(events::answer::<S>))
        .route("/page/task/{task}", get(task::answer::<S>))
        .route("/page/ledger/{population}", get(ledger::answer::<S>))
        .route("/page/devices", get(register::answer::<S>))
        .route("/page/files/model/{model}", get(files::model::<S>))
        .route("/page/files/average/{task}", get(files::average::<S>))
        .route("/page/files/ledger/{population}", get(files::ledger::<S>))
        .with_state(seen)
        .layer(middleware::from_fn(with_headers))
}

async fn with_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

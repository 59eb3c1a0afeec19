//! What a browser on this machine asks for, passed on: the page and nothing else that the admin port has.

use std::sync::Arc;

use anyhow::Result;
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use tokio::net::TcpListener;

use super::{
    away,
    visitors::{Admitted, Visitors},
    way::Way,
};

/// The relay of one browser.
pub(super) struct Relay {
    visitors: Visitors,
    way: Way,
}

impl Relay {
    pub(super) fn new(visitors: Visitors, way: Way) -> Self {
        Self { visitors, way }
    }

    /// Answers until it is dropped.
    pub(super) async fn serve(self, listener: TcpListener) -> Result<()> {
        let router = Router::new().fallback(answer).with_state(Arc::new(self));
        Ok(axum::serve(listener, router).await?)
    }
}

async fn answer(State(relay): State<Arc<Relay>>, request: Request) -> Response {
    match relay.visitors.admit(&request) {
        Ok(Admitted::Known) => {}
        // The token leaves the address bar, and with it the history.
        Ok(Admitted::New(cookie)) => {
            let headers = [(header::SET_COOKIE, cookie), (header::LOCATION, HeaderValue::from_static("/"))];
            return (StatusCode::SEE_OTHER, headers, away::HEADERS).into_response();
        }
        Err(rejected) => return (rejected.status(), away::HEADERS, format!("{rejected}\n")).into_response(),
    }
    let path = request.uri().path();
    if path != "/" && !path.starts_with("/page/") {
        return (StatusCode::NOT_FOUND, away::HEADERS, "nothing is here\n").into_response();
    }
    match relay.way.get(path).await {
        Ok(response) => response.map(Body::new),
        Err(error) => {
            tracing::debug!("not passed on: {error:#}");
            away::answer(path)
        }
    }
}

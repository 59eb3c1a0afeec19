//! The page itself: text that is part of the program.

use axum::{
    extract::Path,
    http::header,
    response::{Html, IntoResponse},
};

use super::answer::PageError;

const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const PICTURE: &str = "image/svg+xml";

/// Every asset but the page: its name, what it is, and its text.
const ASSETS: [(&str, &str, &str); 12] = [
    ("page.css", STYLE, include_str!("assets/page.css")),
    ("icon.svg", PICTURE, include_str!("assets/icon.svg")),
    ("main.js", SCRIPT, include_str!("assets/main.js")),
    ("connection.js", SCRIPT, include_str!("assets/connection.js")),
    ("elements.js", SCRIPT, include_str!("assets/elements.js")),
    ("words.js", SCRIPT, include_str!("assets/words.js")),
    ("budget.js", SCRIPT, include_str!("assets/budget.js")),
    ("tasks.js", SCRIPT, include_str!("assets/tasks.js")),
    ("chart.js", SCRIPT, include_str!("assets/chart.js")),
    ("ledger.js", SCRIPT, include_str!("assets/ledger.js")),
    ("devices.js", SCRIPT, include_str!("assets/devices.js")),
    ("health.js", SCRIPT, include_str!("assets/health.js")),
];

/// `GET /`.
pub(super) async fn page() -> impl IntoResponse {
    Html(include_str!("assets/index.html"))
}

/// `GET /page/assets/{name}`.
pub(super) async fn asset(Path(name): Path<String>) -> Result<impl IntoResponse, PageError> {
    let asset = ASSETS.iter().find(|(known, ..)| *known == name);
    let (_, kind, text) = asset.ok_or(PageError::NoAsset { name })?;
    Ok(([(header::CONTENT_TYPE, *kind)], *text))
}

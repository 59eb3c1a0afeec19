//! The way to the server: the same through its restarts, wherever it listens then.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result};
use axum::http;
use tonic::{body::Body, transport::Channel};
use tower::ServiceExt;

use crate::cli::operator;

/// How long a connection may take to be made.
const CONNECTING: Duration = Duration::from_secs(5);
/// How often a connection that is waited at is tried.
const ALIVE: Duration = Duration::from_secs(10);

/// A connection to whichever server works on a data directory, for whoever has its operator's certificate.
pub(super) struct Way {
    folder: PathBuf,
    last: Mutex<Option<(SocketAddr, Channel)>>,
}

impl Way {
    pub(super) fn to(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), last: Mutex::new(None) }
    }

    /// Asks for something that is only looked at.
    pub(super) async fn get(&self, path: &str) -> Result<http::Response<Body>> {
        let request = http::Request::get(path).body(Body::empty())?;
        self.channel()?.oneshot(request).await.context("the server cannot be reached")
    }

    /// It connects when it is used, again if need be. Another address, after a restart, is another connection.
    fn channel(&self) -> Result<Channel> {
        let address = operator::address(&self.folder)?;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, channel)) = &*last
            && *known == address
        {
            return Ok(channel.clone());
        }
        let endpoint = operator::endpoint(&self.folder, address)?;
        let channel = endpoint.connect_timeout(CONNECTING).http2_keep_alive_interval(ALIVE).connect_lazy();
        *last = Some((address, channel.clone()));
        Ok(channel)
    }
}

//! `page`: the coordinator's page for a browser on this machine, by way of a relay that holds the operator's certificate.

mod away;
mod relay;
mod visitors;
mod way;

use std::{
    io::{self, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use anyhow::{Context, Result, bail};
use clap::Args;
use murmur_server::identity::Files;
use tokio::net::TcpListener;

use super::{DataDirectory, interruption::interruption, settings};
use relay::Relay;
use visitors::Visitors;
use way::Way;

/// Where a browser comes in when nobody says otherwise.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

#[derive(Debug, Args)]
pub(super) struct Page {
    #[command(flatten)]
    data: DataDirectory,
    /// Where the browser comes in: an address of this machine alone; port 0 takes a free one.
    #[arg(long, value_name = "HOST:PORT", value_parser = settings::address, default_value_t = LISTEN)]
    listen: SocketAddr,
}

impl Page {
    pub(super) fn run(&self) -> Result<u8> {
        if !self.listen.ip().is_loopback() {
            bail!(
                "--listen {}: the page is shown on this machine alone (127.0.0.1, [::1]), since a browser shows no certificate here",
                self.listen
            );
        }
        // A folder that is no deployment is named now, and not when somebody looks.
        Files::of(&self.data.path).operator_identity()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let interrupted = interruption()?;
            let listener =
                TcpListener::bind(self.listen).await.with_context(|| format!("cannot listen on {}", self.listen))?;
            let address = listener.local_addr()?;
            let (visitors, token) = Visitors::new(address)?;
            let mut out = io::stdout().lock();
            writeln!(out, "http://{address}/?token={token}")?;
            out.flush()?;
            drop(out);
            tracing::info!(
                "the page is at that address until this command ends; the token in it is good once, for one browser"
            );
            let relay = Relay::new(visitors, Way::to(&self.data.path));
            tokio::select! {
                served = relay.serve(listener) => served?,
                () = interrupted => {}
            }
            Ok(0)
        })
    }
}

//! A call at the admin port of the server that works on this data directory.

use std::{fs, future::Future, net::SocketAddr, path::Path};

use anyhow::{Context, Result, bail};
use murmur_proto::{MESSAGE_LIMIT, v1::admin_service_client::AdminServiceClient};
use murmur_server::identity::{Files, ListenerIdentity};
use thiserror::Error;
use tonic::{
    Status,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};
use tonic_types::StatusExt;

/// In the data directory: where the admin port of the server is that works on it.
const ADDRESS: &str = "admin-address";

/// The budget, or the population, says no.
#[derive(Debug, Error)]
#[error("{0}")]
pub(crate) struct Refused(String);

/// Says where operators are answered, for as long as the value lives.
pub(super) struct Announced<'a>(&'a Path);

impl<'a> Announced<'a> {
    pub(super) fn write(folder: &'a Path, address: SocketAddr) -> Result<Self> {
        let (path, part) = (folder.join(ADDRESS), folder.join(format!("{ADDRESS}.part")));
        fs::write(&part, format!("{address}\n")).with_context(|| part.display().to_string())?;
        fs::rename(&part, &path).with_context(|| path.display().to_string())?;
        Ok(Self(folder))
    }
}

impl Drop for Announced<'_> {
    fn drop(&mut self) {
        // A file that stays behind leads to nobody, and whoever follows it is told so.
        let _ = fs::remove_file(self.0.join(ADDRESS));
    }
}

/// Asks the running server something.
pub(super) fn ask<T, F: Future<Output = Result<T>>>(
    folder: &Path,
    question: impl FnOnce(AdminServiceClient<Channel>) -> F,
) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { question(connect(folder).await?).await })
}

async fn connect(folder: &Path) -> Result<AdminServiceClient<Channel>> {
    let channel = endpoint(folder, address(folder)?)?.connect().await.with_context(|| nobody(folder))?;
    Ok(AdminServiceClient::new(channel).max_decoding_message_size(MESSAGE_LIMIT))
}

fn nobody(folder: &Path) -> String {
    format!("no server works on {0}: start one with `murmur-server serve --data-dir {0}`", folder.display())
}

/// Where operators are answered by the server that works on this data directory.
pub(super) fn address(folder: &Path) -> Result<SocketAddr> {
    let path = folder.join(ADDRESS);
    let Ok(text) = fs::read_to_string(&path) else { bail!(nobody(folder)) };
    let mut address: SocketAddr = text.trim().parse().with_context(|| format!("{}: no address", path.display()))?;
    if address.ip().is_unspecified() {
        // It listens everywhere, so also here.
        let local = if address.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() };
        address.set_ip(local);
    }
    Ok(address)
}

/// The admin port there, for whoever shows the operator's certificate.
pub(super) fn endpoint(folder: &Path, address: SocketAddr) -> Result<Endpoint> {
    let files = Files::of(folder);
    let ListenerIdentity { certificate, key } = files.operator_identity()?;
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(files.admin_ca_certificate()?))
        .identity(Identity::from_pem(certificate, key));
    Ok(Endpoint::from_shared(format!("https://{address}"))?.tls_config(tls)?)
}

/// What the server said, and whether that is a refusal.
pub(super) fn said(status: Status) -> anyhow::Error {
    let reason = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
    let text = status.message().to_owned();
    if reason == "TASK_REFUSED" { Refused(text).into() } else { anyhow::Error::msg(text) }
}

//! A server that is looked at, as the page looks at it and as a browser does.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    process::Command,
    time::Duration,
};

use serde_json::Value;
use tonic::{
    body::Body,
    transport::{Certificate, Channel, ClientTlsConfig, Identity},
};
use tower::ServiceExt;

use crate::{operated::fleet::Site, process::Running};

/// The admin port, for whoever shows the operator's certificate.
pub(super) fn operator(site: &Site) -> Channel {
    let read = |name: &str| std::fs::read_to_string(site.path().join("data").join(name)).unwrap();
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(read("admin-ca.pem")))
        .identity(Identity::from_pem(read("operator.pem"), read("operator-key.pem")));
    let url = format!("https://{}", read("admin-address").trim());
    Channel::from_shared(url).unwrap().tls_config(tls).unwrap().connect_lazy()
}

/// What the admin port answers: its status, headers and bytes.
pub(super) async fn asked(site: &Site, request: http::Request<Body>) -> http::Response<Vec<u8>> {
    let response = operator(site).oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(axum::body::Body::new(body), usize::MAX).await.unwrap();
    http::Response::from_parts(parts, bytes.to_vec())
}

pub(super) async fn got(site: &Site, path: &str) -> http::Response<Vec<u8>> {
    asked(site, http::Request::get(path).body(Body::empty()).unwrap()).await
}

/// What the page is told there.
pub(crate) async fn told(site: &Site, path: &str) -> Value {
    let response = got(site, path).await;
    assert_eq!(response.status(), 200, "{path}: {}", String::from_utf8_lossy(response.body()));
    serde_json::from_slice(response.body()).unwrap()
}

/// `murmur-server page` beside a server.
pub(super) struct Relay {
    #[expect(dead_code, reason = "it runs for as long as this lives")]
    running: Running,
    pub(super) address: SocketAddr,
    /// With the token that is good once.
    pub(super) url: String,
}

impl Relay {
    pub(super) fn start(site: &Site) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_murmur-server"));
        command.current_dir(site.path()).args(["page", "--data-dir", "data"]).env_remove("RUST_LOG");
        let mut running = Running::start(command);
        let url = running.first_line();
        let address = url.split('/').nth(2).unwrap().parse().unwrap();
        Self { running, address, url }
    }

    /// Without the scheme and the host.
    pub(super) fn entrance(&self) -> &str {
        &self.url[self.url.find("/?").unwrap()..]
    }

    /// A request in a browser's words; status line, headers and body of the answer.
    pub(super) fn asked(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.write_all(request.replace('\n', "\r\n").as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// A GET of this machine's browser.
    pub(super) fn got(&self, path: &str, headers: &str) -> String {
        self.asked(&format!("GET {path} HTTP/1.1\nHost: {}\nConnection: close\n{headers}\n", self.address))
    }

    /// Uses the token up; the cookie, as a header.
    pub(super) fn enter(&self) -> String {
        let answer = self.got(self.entrance(), "");
        assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
        let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
        format!("Cookie: {}\n", cookie.split(';').next().unwrap())
    }
}

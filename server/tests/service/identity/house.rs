//! A data directory with keys and a register, and whoever calls there.

use std::{fs, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use murmur_privacy::Digest;
use murmur_proto::{
    enrolment::{DeviceCertificate, Enrolment},
    v1::{EnrollRequest, device_service_client::DeviceServiceClient},
};
use murmur_round::device_id::DeviceId;
use murmur_server::{
    Door,
    identity::{Files, Registrar, Token, init},
    moment::Moment,
    store::{Admits, Registry, SqliteRegistry},
};
use rcgen::{CertificateParams, DistinguishedName, Issuer, KeyPair, PublicKeyData};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tonic::{
    Status,
    transport::{Certificate, Channel, ClientTlsConfig, Identity},
};

use crate::zero_device::ZeroDevice;

/// Keys and a register, as `init` makes them.
pub(crate) struct House {
    pub(crate) folder: TempDir,
    pub(crate) registry: Arc<SqliteRegistry>,
}

/// A key, and perhaps the certificate that goes with it.
pub(crate) struct Pass {
    pub(crate) key: KeyPair,
    pub(crate) certificate: Option<DeviceCertificate>,
}

impl House {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        init(folder.path(), &[], Moment::now()).unwrap();
        Self { registry: Arc::new(SqliteRegistry::create(folder.path()).unwrap()), folder }
    }

    pub(crate) fn files(&self) -> Files {
        Files::of(self.folder.path())
    }

    pub(crate) fn token(&self, admits: &Admits, lasting: Duration) -> String {
        let token = Token::generate().unwrap();
        self.registry.add_tokens(&[token.hash()], admits, Moment::now().after(lasting)).unwrap();
        token.to_string()
    }

    pub(crate) fn registrar(&self, validity: Duration) -> Registrar {
        Registrar::open(self.folder.path(), self.registry.clone(), validity).unwrap()
    }

    /// A door, and its port.
    pub(crate) async fn door(&self) -> (Door, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let identity = self.files().device_listener_identity().unwrap();
        (Door::certified(listener, identity, self.registrar(Duration::from_secs(3600))), port)
    }

    /// A device of this population, enrolled without a network.
    pub(crate) fn device(&self, population: &str) -> Pass {
        let mut pass = Pass::new();
        let token = self.token(&Admits::NewDevice(population.to_owned()), Duration::from_secs(60));
        let enrolment = Enrolment { token, certificate_request: pass.request().into(), device: None };
        pass.certificate = Some(self.registrar(Duration::from_secs(3600)).enrol(&enrolment, Moment::now()).unwrap());
        pass
    }

    /// What only somebody with the device CA's key could make.
    pub(crate) fn sign(&self, params: CertificateParams, key: &impl PublicKeyData) -> Vec<u8> {
        let read = |name: &str| fs::read_to_string(self.folder.path().join(name)).unwrap();
        let key_of_ca = KeyPair::from_pem(&read("device-ca-key.pem")).unwrap();
        let issuer = Issuer::from_ca_cert_pem(&read("device-ca.pem"), key_of_ca).unwrap();
        params.signed_by(key, &issuer).unwrap().der().to_vec()
    }

    pub(crate) fn call(&self, port: u16, pass: Option<&Pass>) -> Channel {
        channel(&self.files().device_ca(), port, pass.map(Pass::identity))
    }

    /// A device that shows its pass, on a connection of its own.
    pub(crate) fn zero_device(&self, port: u16, pass: &Pass) -> ZeroDevice {
        ZeroDevice::over(pass.id().as_str(), self.call(port, Some(pass)))
    }
}

pub(crate) fn channel(ca: &Path, port: u16, identity: Option<String>) -> Channel {
    let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(fs::read(ca).unwrap()));
    if let Some(identity) = identity {
        tls = tls.identity(Identity::from_pem(&identity, &identity));
    }
    let endpoint = Channel::from_shared(format!("https://127.0.0.1:{port}")).unwrap();
    endpoint.tls_config(tls).unwrap().connect_lazy()
}

/// Tells a token to whoever listens there.
pub(crate) async fn enrol(
    channel: &Channel,
    token: &str,
    request: impl Into<Bytes>,
    device: Option<&DeviceId>,
) -> Result<DeviceCertificate, Status> {
    let enrolment = Enrolment { token: token.to_owned(), certificate_request: request.into(), device: device.cloned() };
    let mut client = DeviceServiceClient::new(channel.clone());
    let response = client.enroll(EnrollRequest::from(enrolment)).await?;
    Ok(response.into_inner().certificate.try_into().unwrap())
}

impl Pass {
    pub(crate) fn new() -> Self {
        Self { key: KeyPair::generate().unwrap(), certificate: None }
    }

    /// One with a certificate that nobody was asked for.
    pub(crate) fn forged(key: KeyPair, der: Vec<u8>) -> Self {
        let certificate = DeviceCertificate {
            device: "forged".parse().unwrap(),
            population: "phones".to_owned(),
            chain: vec![der.into()],
            valid_from: 0,
            valid_until: 1,
        };
        Self { key, certificate: Some(certificate) }
    }

    pub(crate) fn id(&self) -> DeviceId {
        self.certificate.as_ref().unwrap().device.clone()
    }

    /// A plain request, as our client makes it.
    pub(crate) fn request(&self) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.serialize_request(&self.key).unwrap().der().to_vec()
    }

    /// Key and certificates in PEM.
    pub(crate) fn identity(&self) -> String {
        let mut text = self.key.serialize_pem();
        for der in &self.certificate.as_ref().unwrap().chain {
            text += &pem::encode(&pem::Pem::new("CERTIFICATE", der.to_vec()));
        }
        text
    }

    pub(crate) fn fingerprint(&self) -> Digest {
        Digest::of(&self.certificate.as_ref().unwrap().chain[0])
    }
}

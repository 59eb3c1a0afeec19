//! Keys, enrolled devices, and the two servers.

use std::{fs, sync::Arc, time::Duration};

use murmur_privacy::NoiseRng;
use murmur_proto::enrolment::{DeviceCertificate, Enrolment};
use murmur_round::task::{Schedule, Task};
use murmur_server::{
    Door, Server, call_roll,
    identity::{Files, Registrar, Token, init},
    moment::Moment,
    store::{Admits, MemoryStore, Registry, SqliteRegistry},
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};

use crate::{bare, device::Device};

/// A model of 1,000,010 parameters.
pub(crate) const TASK: &str = r#"
name = "large"
population = "phones"
rounds = 1
model = { kind = "linear", input = [1, 1, 100000], classes = 10 }
plan = { epochs = 1, batch_size = 10, learning_rate = 0.1 }
participation = { kind = "poisson", rate = 1.0, window_seconds = 3600, minimum_reports = 1 }
privacy = { clip = 1.0, mechanism = "gaussian", epsilon = 100.0, delta = 1e-5, noise_multiplier = 1.0 }
server = { optimizer = "momentum", learning_rate = 1.0, momentum = 0.9 }
"#;

/// A data directory with a register, and the devices that are in it.
pub(crate) struct House {
    pub(crate) folder: TempDir,
    registry: Arc<SqliteRegistry>,
    passes: Vec<(KeyPair, DeviceCertificate)>,
}

/// A server that runs until it is stopped.
pub(crate) struct Serving {
    pub(crate) port: u16,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Serving {
    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        self.task.await.unwrap();
    }
}

impl House {
    pub(crate) fn new(devices: usize) -> Self {
        let folder = TempDir::new().unwrap();
        init(folder.path(), &[], Moment::now()).unwrap();
        let registry = Arc::new(SqliteRegistry::create(folder.path()).unwrap());
        let registrar = Registrar::open(folder.path(), registry.clone(), Duration::from_secs(3600)).unwrap();
        let tokens: Vec<Token> = (0..devices).map(|_| Token::generate().unwrap()).collect();
        let hashes: Vec<_> = tokens.iter().map(Token::hash).collect();
        let until = Moment::now().after(Duration::from_secs(3600));
        registry.add_tokens(&hashes, &Admits::NewDevice("phones".to_owned()), until).unwrap();
        let enrol = |token: &Token| {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::default();
            params.distinguished_name = DistinguishedName::new();
            let request = params.serialize_request(&key).unwrap().der().to_vec();
            let enrolment = Enrolment { token: token.to_string(), certificate_request: request.into(), device: None };
            (key, registrar.enrol(&enrolment, Moment::now()).unwrap())
        };
        let passes = tokens.iter().map(enrol).collect();
        Self { folder, registry, passes }
    }

    /// Every device on a connection of its own, which is made when it is used.
    pub(crate) fn devices(&self, port: u16) -> Vec<Device> {
        let ca = Certificate::from_pem(fs::read(Files::of(self.folder.path()).device_ca()).unwrap());
        let device = |(key, certificate): &(KeyPair, DeviceCertificate)| {
            let mut text = key.serialize_pem();
            for der in &certificate.chain {
                text += &pem::encode(&pem::Pem::new("CERTIFICATE", der.to_vec()));
            }
            let tls = ClientTlsConfig::new().ca_certificate(ca.clone()).identity(Identity::from_pem(&text, &text));
            let endpoint = Channel::from_shared(format!("https://127.0.0.1:{port}")).unwrap();
            Device::new(certificate.device.clone(), endpoint.tls_config(tls).unwrap().tcp_nodelay(true).connect_lazy())
        };
        self.passes.iter().map(device).collect()
    }

    pub(crate) async fn door(&self) -> (Door, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let registrar = Registrar::open(self.folder.path(), self.registry.clone(), Duration::from_secs(3600)).unwrap();
        let identity = Files::of(self.folder.path()).device_listener_identity().unwrap();
        (Door::certified(listener, identity, registrar), port)
    }

    /// The coordinator of the task, for all devices of the register.
    pub(crate) async fn serve_murmur(&self) -> Serving {
        let task = Task::from_toml(TASK).unwrap();
        let mut store = MemoryStore::default();
        let devices = call_roll(&mut store, &*self.registry, &task).unwrap();
        let schedule = Schedule::new(task, devices.len() as u64).unwrap();
        let entropy = NoiseRng::from_operating_system().unwrap();
        let server = Server::open(schedule, devices, None, store, entropy).unwrap();
        let (door, port) = self.door().await;
        let (stop, stopped) = oneshot::channel();
        let stopped = async {
            let _ = stopped.await;
        };
        let task = tokio::spawn(async move { drop(server.serve(door, Duration::ZERO, stopped).await.unwrap()) });
        Serving { port, stop, task }
    }

    /// tonic, and nothing around it.
    pub(crate) async fn serve_bare(&self) -> Serving {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let files = Files::of(self.folder.path());
        let identity = files.device_listener_identity().unwrap();
        let ca = fs::read_to_string(self.folder.path().join("device-ca.pem")).unwrap();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(bare::serve(listener, identity, ca, stopped));
        Serving { port, stop, task }
    }
}

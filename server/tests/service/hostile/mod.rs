//! Everything a stranger or a device can send is refused in its own way, and changes no bit of the model. One file a family.

mod announcements;
mod chunks;
mod late;
mod messages;
pub(crate) mod slow;
mod streams;
mod values;

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;
use murmur_privacy::NoiseRng;
use murmur_proto::{
    chunk,
    transfer::Announced,
    v1::{Chunk, write_upload_request::Part},
};
use murmur_round::{
    checkpoint::read_manifest,
    coordinator::{Assignment, Outcome, Verdict},
    task::{Schedule, Task},
};
use murmur_server::{Door, Ending, Limits, Server, ServerError, store::MemoryStore};
use tokio::{net::TcpListener, task::JoinHandle};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::{tasks::TaskFile, zero_device::ZeroDevice};

/// Code and reason of a refusal, which has both and says something.
pub(crate) fn reason(status: &Status) -> (Code, String) {
    let info = status.get_details_error_info().unwrap_or_else(|| panic!("no reason: {status:?}"));
    assert_eq!(info.domain, "murmur");
    assert!(!status.message().is_empty());
    (status.code(), info.reason)
}

/// Where attackers stand: three devices, of which `c` is at work on `first` and the others have not asked yet.
pub(crate) struct Field<'a> {
    pub(crate) port: u16,
    pub(crate) a: &'a ZeroDevice,
    pub(crate) c: &'a ZeroDevice,
    pub(crate) first: &'a Assignment,
}

impl Field<'_> {
    /// The token of the work's update, announced anew.
    pub(crate) async fn announced(&self) -> Bytes {
        let header = self.c.header(self.first);
        match self.c.start(self.c.announcement(header)).await.unwrap() {
            Announced::Expected { upload_token, .. } => upload_token,
            Announced::Answered(verdict) => panic!("{verdict:?}"),
        }
    }

    /// What becomes of the work's update when these parts follow its token.
    pub(crate) async fn sent(&self, parts: Vec<Part>) -> Result<Verdict, Status> {
        let token = Part::UploadToken(self.announced().await);
        self.c.send([vec![token], parts].concat()).await
    }
}

pub(crate) fn chunk(data: Bytes, offset: u64) -> Part {
    Part::Chunk(Chunk { crc32c: chunk::checksum(&data), data, offset })
}

type Serving = JoinHandle<Result<Ending<MemoryStore>, ServerError>>;

/// A server for these devices, and its port.
pub(crate) async fn serve(file: &TaskFile, names: &[&str], limits: Limits) -> (u16, Serving) {
    let schedule = Schedule::new(Task::from_toml(&file.text()).unwrap(), names.len() as u64).unwrap();
    let devices = names.iter().map(|name| name.parse().unwrap()).collect();
    let server = Server::open(schedule, devices, None, MemoryStore::default(), NoiseRng::seeded(7)).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let door = Door::insecure_loopback(listener).unwrap().with_limits(limits);
    (port, tokio::spawn(server.serve(door, Duration::from_secs(1), std::future::pending())))
}

/// Three honest devices over two rounds, with attackers in the first.
pub(crate) async fn battle(limits: Limits, attack: impl AsyncFn(&Field<'_>)) -> Ending<MemoryStore> {
    let names = ["a", "b", "c"];
    let file = TaskFile { minimum_reports: 3, ..TaskFile::default() };
    let (port, serving) = serve(&file, &names, limits).await;
    let [a, b, c] = names.map(|name| ZeroDevice::new(name, port));
    // All three are seen before the first round opens.
    for device in [&a, &b] {
        device.check_in().await.unwrap();
    }
    let first = c.work().await.unwrap();
    attack(&Field { port, a: &a, c: &c, first: &first }).await;
    assert_eq!(c.withdraw(&first).await.unwrap(), Verdict::Accepted);
    for device in [&a, &b] {
        let assignment = device.work().await.unwrap();
        assert_eq!(assignment, first);
        assert_eq!(device.answer(&assignment).await.unwrap(), Verdict::Accepted);
    }
    // A round opens on devices heard of since the last one closed: all three ask before any of them waits.
    for device in [&a, &b, &c] {
        device.check_in().await.unwrap();
    }
    for device in [&a, &b, &c] {
        let assignment = device.work().await.unwrap();
        assert_eq!(assignment.round, 1);
        assert_ne!(assignment.model, first.model);
        assert_eq!(device.answer(&assignment).await.unwrap(), Verdict::Accepted);
    }
    assert!(a.work().await.is_none());
    serving.await.unwrap().unwrap()
}

/// After this attack the model and the ledger are, to the bit, what they are without it.
pub(crate) async fn unmoved(limits: Limits, attack: impl AsyncFn(&Field<'_>)) {
    let quiet = battle(Limits::default(), async |_: &Field<'_>| {}).await;
    let loud = battle(limits, attack).await;
    for ending in [&quiet, &loud] {
        assert_eq!(ending.outcome, Some(Outcome::Completed));
        assert_eq!(ending.rounds_released, 2);
        assert_eq!(read_manifest(&ending.store.checkpoints[&ending.model].model).unwrap().round, Some(1));
    }
    assert_eq!(quiet.model, loud.model);
    assert_eq!(quiet.ledger_head, loud.ledger_head);
    assert_eq!(quiet.store.ledgers, loud.store.ledgers);
}

/// How many ways there are, and how many reasons: nothing drops out of the table unseen.
#[tokio::test(flavor = "multi_thread")]
async fn every_hostile_message_is_refused_in_its_own_way_and_changes_no_bit_of_the_model() {
    let table = std::cell::RefCell::new((BTreeSet::new(), BTreeSet::new()));
    unmoved(Limits::default(), async |field: &Field<'_>| {
        let mut cases = announcements::attack(field).await;
        // Before the chunks, which leave half an update behind.
        cases.extend(values::attack(field).await);
        cases.extend(chunks::attack(field).await);
        cases.extend(messages::attack(field).await);
        for (what, reason) in cases {
            assert!(table.borrow_mut().0.insert(what), "{what} twice");
            table.borrow_mut().1.insert(reason);
        }
    })
    .await;
    let (ways, reasons) = table.into_inner();
    assert!(ways.len() >= 40, "{} ways: {ways:?}", ways.len());
    assert!(reasons.len() >= 18, "{} reasons: {reasons:?}", reasons.len());
}

//! Everything a stranger can send is refused in its own way, and changes no bit of the model.

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;
use murmur_privacy::{Digest, NoiseRng};
use murmur_proto::{
    answer::CheckIn,
    v1::{self, write_upload_request::Part},
};
use murmur_round::{
    checkpoint::{read_manifest, read_model},
    coordinator::{Assignment, Outcome, Refusal, TurnedAway, Verdict},
    task::{Schedule, Task},
};
use murmur_server::{Door, Ending, Server, store::MemoryStore};
use tokio::net::TcpListener;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::{
    tasks::TaskFile,
    zero_device::{ZeroDevice, zeros},
};

pub(crate) fn reason(status: &Status) -> (Code, String) {
    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.domain, "murmur");
    assert!(!status.message().is_empty());
    (status.code(), info.reason)
}

fn header(device: &ZeroDevice, assignment: &Assignment) -> v1::UploadHeader {
    device.header(assignment).into()
}

fn chunk(data: Bytes, offset: u64) -> Part {
    Part::Chunk(v1::Chunk { crc32c: crc32c::crc32c(&data), data, offset })
}

/// Every way to be refused before the coordinator sees anything.
async fn attack(device: &ZeroDevice, assignment: &Assignment) {
    let good = header(device, assignment);
    let bytes = zeros(&assignment.grid);
    let (length, half) = (bytes.len(), bytes.len() / 2);
    let whole = || chunk(bytes.clone(), 0);
    let headed = |header: v1::UploadHeader, parts: Vec<Part>| [vec![Part::Header(header)], parts].concat();
    let wrong_crc = Part::Chunk(v1::Chunk { data: bytes.clone(), offset: 0, crc32c: 7 });
    let mut loud = vec![0_u8; length];
    // The largest positive value of the ring in the first coordinate.
    for bit in 0..usize::from(assignment.grid.ring_bits()) - 1 {
        loud[bit / 8] |= 1 << (bit % 8);
    }
    let mut padded = bytes.to_vec();
    padded[length - 1] |= 0x80;
    let declared = |total_length| v1::UploadHeader { total_length, ..good.clone() };
    let cases: Vec<(&str, Vec<Part>, Code, &str)> = vec![
        ("no header", vec![whole()], Code::InvalidArgument, "MALFORMED"),
        ("nothing", vec![], Code::InvalidArgument, "MALFORMED"),
        ("two headers", headed(good.clone(), vec![Part::Header(good.clone())]), Code::InvalidArgument, "MALFORMED"),
        (
            "a name that is none",
            headed(v1::UploadHeader { device_id: "../x".into(), ..good.clone() }, vec![whole()]),
            Code::InvalidArgument,
            "MALFORMED",
        ),
        (
            "unknown device",
            headed(v1::UploadHeader { device_id: "mallory".into(), ..good.clone() }, vec![whole()]),
            Code::PermissionDenied,
            "UNKNOWN_DEVICE",
        ),
        (
            "wrong task",
            headed(v1::UploadHeader { task_hash: vec![9; 32].into(), ..good.clone() }, vec![whole()]),
            Code::FailedPrecondition,
            "WRONG_TASK",
        ),
        (
            "half a hash",
            headed(v1::UploadHeader { task_hash: vec![9; 16].into(), ..good.clone() }, vec![whole()]),
            Code::InvalidArgument,
            "MALFORMED",
        ),
        ("too short", headed(declared(length as u64 - 1), vec![]), Code::InvalidArgument, "WRONG_LENGTH"),
        ("an exabyte", headed(declared(1 << 60), vec![whole()]), Code::InvalidArgument, "WRONG_LENGTH"),
        ("wrong crc", headed(good.clone(), vec![wrong_crc]), Code::DataLoss, "WRONG_CRC"),
        (
            "offset gap",
            headed(good.clone(), vec![chunk(bytes.slice(..half), 0), chunk(bytes.slice(half..), half as u64 + 1)]),
            Code::OutOfRange,
            "WRONG_OFFSET",
        ),
        (
            "the same chunk twice",
            headed(good.clone(), vec![chunk(bytes.slice(..half), 0), chunk(bytes.slice(..half), 0)]),
            Code::OutOfRange,
            "WRONG_OFFSET",
        ),
        ("empty chunk", headed(good.clone(), vec![chunk(Bytes::new(), 0)]), Code::InvalidArgument, "CHUNK_SIZE"),
        (
            "more than declared",
            headed(good.clone(), vec![whole(), chunk(bytes.slice(..1), length as u64)]),
            Code::InvalidArgument,
            "TOO_LONG",
        ),
        (
            "less than declared",
            headed(good.clone(), vec![chunk(bytes.slice(..half), 0)]),
            Code::InvalidArgument,
            "TOO_SHORT",
        ),
        ("norm above S", headed(good.clone(), vec![chunk(loud.into(), 0)]), Code::InvalidArgument, "NORM_EXCEEDED"),
        ("padding", headed(good.clone(), vec![chunk(padded.into(), 0)]), Code::InvalidArgument, "MALFORMED_UPLOAD"),
    ];
    let mut seen = BTreeSet::new();
    for (what, parts, code, label) in cases {
        let status = device.send(parts).await.expect_err(what);
        assert_eq!(reason(&status), (code, label.to_owned()), "{what}: {status}");
        seen.insert(label);
    }
    assert_eq!(seen.len(), 11, "{seen:?}");

    let oversized = chunk(vec![0; 3 << 20].into(), 0);
    assert!(device.send(headed(good, vec![oversized])).await.is_err());
    assert_eq!(reason(&device.task(Digest::ZERO).await.unwrap_err()).1, "WRONG_TASK");
    assert_eq!(reason(&device.model(Digest::ZERO).await.unwrap_err()), (Code::NotFound, "NO_SUCH_MODEL".into()));
}

/// Three honest devices over two rounds, with or without strangers among their messages.
async fn run(hostile: bool) -> Ending<MemoryStore> {
    let file = TaskFile { minimum_reports: 3, ..TaskFile::default() };
    let schedule = Schedule::new(Task::from_toml(&file.text()).unwrap(), 3).unwrap();
    let names = ["a", "b", "c"];
    let devices = names.iter().map(|name| name.parse().unwrap()).collect();
    let server = Server::open(schedule, devices, None, MemoryStore::default(), NoiseRng::seeded(7)).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(server.serve(
        Door::insecure_loopback(listener).unwrap(),
        Duration::from_secs(1),
        std::future::pending(),
    ));

    let [a, b, c] = names.map(|name| ZeroDevice::new(name, port));
    // All three are seen before the first round opens.
    for device in [&a, &b] {
        assert!(matches!(device.check_in().await.unwrap(), CheckIn::TurnedAway(TurnedAway::ComeBack { .. })));
    }
    let first = c.work().await.unwrap();
    if hostile {
        let mallory = ZeroDevice::new("mallory", port);
        assert_eq!(mallory.check_in().await.unwrap(), CheckIn::TurnedAway(TurnedAway::NotEnrolled));
        attack(&c, &first).await;
        // Enrolled and chosen, but it never asked for the work of this round.
        assert_eq!(a.answer(&first).await.unwrap(), Verdict::Refused(Refusal::NotAssigned));
        for round in [first.round + 1, 1_000, u32::MAX] {
            let ahead = Assignment { round, ..first };
            assert_eq!(c.answer(&ahead).await.unwrap(), Verdict::Refused(Refusal::RoundClosed));
            assert_eq!(c.withdraw(&ahead).await.unwrap(), Verdict::Refused(Refusal::RoundClosed));
        }
    }
    let file = c.model(first.model).await.unwrap();
    assert_eq!(Digest::of(&file), first.model);
    assert_eq!(Digest::of(&c.task(first.task).await.unwrap()), first.task);
    assert_eq!(c.withdraw(&first).await.unwrap(), Verdict::Accepted);
    for device in [&a, &b] {
        let assignment = device.work().await.unwrap();
        assert_eq!(assignment, first);
        assert_eq!(device.answer(&assignment).await.unwrap(), Verdict::Accepted);
        // Sent again, counted once.
        assert_eq!(device.answer(&assignment).await.unwrap(), Verdict::Accepted);
    }
    if hostile {
        assert_eq!(c.answer(&first).await.unwrap(), Verdict::Refused(Refusal::RoundClosed), "a stale round");
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

#[tokio::test(flavor = "multi_thread")]
async fn every_hostile_message_is_refused_in_its_own_way_and_changes_no_bit_of_the_model() {
    let (quiet, loud) = (run(false).await, run(true).await);
    for ending in [&quiet, &loud] {
        assert_eq!(ending.outcome, Some(Outcome::Completed));
        assert_eq!(ending.rounds_released, 2);
        assert_eq!(read_manifest(&ending.store.checkpoints[&ending.model].model).unwrap().round, Some(1));
    }
    assert_eq!(quiet.model, loud.model);
    assert_eq!(quiet.ledger_head, loud.ledger_head);
    assert_eq!(quiet.store.ledgers, loud.store.ledgers);
    let layout =
        Task::from_toml(&TaskFile { minimum_reports: 3, ..TaskFile::default() }.text()).unwrap().model.layout();
    let params = read_model(&quiet.store.checkpoints[&quiet.model].model, layout).unwrap();
    assert!(params.values().iter().any(|&value| value != 0.0));
}

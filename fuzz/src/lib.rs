//! Every decoder that a peer can reach: whatever the bytes are, an error or a value that survives the way back, and no panic.
//!
//! `cargo +nightly fuzz run requests --features libfuzzer` and so on; `cargo test --manifest-path fuzz/Cargo.toml` replays the
//! corpus, and many small changes of each of its files, on stable.
#![forbid(unsafe_code)]

use bytes::Bytes;
use murmur_privacy::{Encoding, Grid, Incoming, Upload};
use murmur_proto::{
    answer::{CheckIn, verdict},
    chunk::Assembly,
    enrolment::{DeviceCertificate, Enrolment, certificate_request},
    error::{device_id, digest},
    transfer::{Announced, Announcement, Progress, Query},
    upload::{Header, Withdrawal},
    v1,
};
use murmur_round::{checkpoint, task::Task};
use prost::Message;

/// All of them by name.
pub const TARGETS: [(&str, fn(&[u8])); 6] = [
    ("requests", requests),
    ("answers", answers),
    ("chunks", chunks),
    ("uploads", uploads),
    ("tasks", tasks),
    ("models", models),
];

/// What a coordinator reads.
pub fn requests(bytes: &[u8]) {
    if let Ok(wire) = v1::EnrollRequest::decode(bytes)
        && let Ok(read) = Enrolment::try_from(wire)
    {
        assert!(Enrolment::try_from(v1::EnrollRequest::from(read.clone())).unwrap() == read);
    }
    if let Ok(wire) = v1::RenewCertificateRequest::decode(bytes) {
        let _ = certificate_request(wire.certificate_request);
    }
    if let Ok(wire) = v1::CheckInRequest::decode(bytes) {
        let _ = device_id(&wire.device_id);
    }
    if let Ok(wire) = v1::GetTaskRequest::decode(bytes) {
        let _ = digest("task_hash", &wire.task_hash);
    }
    if let Ok(wire) = v1::ReadModelRequest::decode(bytes) {
        let _ = digest("model_sha256", &wire.model_sha256);
    }
    if let Ok(wire) = v1::UploadHeader::decode(bytes) {
        let _ = Header::try_from(wire);
    }
    if let Ok(wire) = v1::StartUploadRequest::decode(bytes) {
        let _ = Announcement::try_from(wire);
    }
    if let Ok(wire) = v1::QueryUploadRequest::decode(bytes)
        && let Ok(read) = Query::try_from(wire)
    {
        assert!(Query::try_from(v1::QueryUploadRequest::from(read.clone())).unwrap() == read);
    }
    if let Ok(wire) = v1::ReportOutcomeRequest::decode(bytes)
        && let Ok(read) = Withdrawal::try_from(wire)
    {
        assert!(Withdrawal::try_from(v1::ReportOutcomeRequest::from(read.clone())).unwrap() == read);
    }
}

/// What a device reads.
pub fn answers(bytes: &[u8]) {
    if let Ok(wire) = v1::EnrollResponse::decode(bytes) {
        let _ = DeviceCertificate::try_from(wire.certificate);
    }
    if let Ok(wire) = v1::CheckInResponse::decode(bytes)
        && let Ok(read) = CheckIn::try_from(wire)
    {
        assert!(CheckIn::try_from(v1::CheckInResponse::from(read)).unwrap() == read);
    }
    if let Ok(wire) = v1::StartUploadResponse::decode(bytes) {
        let _ = Announced::try_from(wire);
    }
    if let Ok(wire) = v1::QueryUploadResponse::decode(bytes) {
        let _ = Progress::try_from(wire);
    }
    if let Ok(wire) = v1::WriteUploadResponse::decode(bytes) {
        let _ = verdict(wire.verdict);
    }
}

/// Pieces, one after another as their lengths say, put together to a whole of at most a thousand bytes.
pub fn chunks(mut bytes: &[u8]) {
    let mut whole = Assembly::up_to(1_000);
    while let Ok(chunk) = v1::Chunk::decode_length_delimited(&mut bytes) {
        let before = whole.received();
        let added = whole.add(&chunk).is_ok();
        assert!(whole.received() == before + if added { chunk.data.len() } else { 0 });
        if bytes.is_empty() {
            break;
        }
    }
    assert!(whole.finish().len() <= 1_000);
}

/// A packed update: its first two bytes choose the grid. One that is let in packs to the same bytes.
pub fn uploads(bytes: &[u8]) {
    let Some(([bits, dimension], packed)) = bytes.split_first_chunk() else { return };
    // Small ones, and from 240 on some of several blocks, which are kept where they are.
    let dimension = usize::from(*dimension);
    let (bits, dimension) = (9 + bits % 56, if dimension < 240 { 1 + dimension % 60 } else { (dimension - 239) * 300 });
    let Ok(grid) = Grid::new(0, bits, 64, dimension, 1, 0) else { return };
    let encoding = Encoding::plain(grid);
    let whole = Upload::from_plain_bytes(&encoding, packed).map(|upload| upload.to_bytes());
    if let Ok(bytes) = &whole {
        assert_eq!(bytes, packed);
    }
    let mut incoming = Incoming::new(encoding);
    let (front, back) = packed.split_at(packed.len() / 2);
    let halves = [front, back].into_iter().try_for_each(|half| incoming.keep(Bytes::copy_from_slice(half)));
    let kept = halves.and_then(|()| incoming.finish()).map(|upload| upload.to_bytes());
    assert_eq!(kept.is_ok(), whole.is_ok());
    assert!(kept.is_err() || kept == whole);
}

/// A task's canonical form, as a device gets it.
pub fn tasks(bytes: &[u8]) {
    if let Ok(task) = Task::from_json(bytes) {
        let again = Task::from_json(&task.to_json().unwrap()).unwrap();
        assert_eq!(again.to_json().unwrap(), task.to_json().unwrap());
    }
}

/// A model file, as a device gets it.
pub fn models(bytes: &[u8]) {
    let spec = Task::from_toml(include_str!("../task.toml")).unwrap().model;
    let _ = checkpoint::read_model(bytes, spec.layout());
    let _ = checkpoint::read_manifest(bytes);
}

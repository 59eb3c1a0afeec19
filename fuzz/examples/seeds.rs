//! Writes the corpus's first files: one good message of each kind. `cargo run --example seeds` in this folder.

use std::{fs, path::Path};

use murmur_privacy::Digest;
use murmur_proto::v1::{self, check_in_response::Answer, start_upload_response};
use murmur_round::task::Task;
use prost::Message;

fn main() {
    let hash = || vec![7; 32].into();
    let header = v1::UploadHeader {
        device_id: "a".into(),
        task_hash: hash(),
        round: 3,
        total_length: 31,
        open_metrics: Some(v1::OpenMetrics { loss: 0.5, accuracy: 0.25 }),
    };
    let token = || b"token".to_vec().into();
    let grid = v1::Grid { fraction_bits: 10, ring_bits: 25, bound: 1 << 14, dimension: 10 };
    let assignment = v1::Assignment {
        task_hash: hash(),
        round: 3,
        model_sha256: hash(),
        grid: Some(grid),
        clip: 0.5,
        position: 1,
        mu: None,
    };
    let certificate = v1::DeviceCertificate {
        device_id: "a".into(),
        population: "phones".into(),
        chain: vec![token()],
        valid_from: 1,
        valid_until: 2,
    };
    let task = Task::from_toml(include_str!("../task.toml")).unwrap();
    let chunk = |offset, data: &'static [u8]| v1::Chunk { data: data.into(), offset, crc32c: 0x364b_3fb7 };
    let chunks = [chunk(0, b"abc"), chunk(3, b"def")].map(|chunk| chunk.encode_length_delimited_to_vec()).concat();
    let place = v1::UploadPlace { upload_token: token(), offset: 9 };
    let files: Vec<(&str, &str, Vec<u8>)> = vec![
        (
            "requests",
            "enroll",
            v1::EnrollRequest { token: "t".into(), certificate_request: token(), device_id: "a".into() }
                .encode_to_vec(),
        ),
        ("requests", "header", header.encode_to_vec()),
        (
            "requests",
            "start",
            v1::StartUploadRequest { header: Some(header), assignment_token: token() }.encode_to_vec(),
        ),
        ("requests", "query", v1::QueryUploadRequest { device_id: "a".into(), upload_token: token() }.encode_to_vec()),
        (
            "requests",
            "withdraw",
            v1::ReportOutcomeRequest { device_id: "a".into(), task_hash: hash(), round: 3, outcome: 1 }.encode_to_vec(),
        ),
        ("answers", "enroll", v1::EnrollResponse { certificate: Some(certificate) }.encode_to_vec()),
        (
            "answers",
            "assigned",
            v1::CheckInResponse { answer: Some(Answer::Assignment(assignment)), assignment_token: token() }
                .encode_to_vec(),
        ),
        (
            "answers",
            "place",
            v1::StartUploadResponse { answer: Some(start_upload_response::Answer::Place(place)) }.encode_to_vec(),
        ),
        ("chunks", "two", chunks),
        ("uploads", "zeros", [vec![16, 9], vec![0; 32]].concat()),
        ("uploads", "small", [vec![16, 9, 5], vec![0; 31]].concat()),
        // 900 coordinates of 9 bits.
        ("uploads", "blocks", [vec![0, 242, 5], vec![0; 1_012]].concat()),
        ("tasks", "linear", task.to_json().unwrap()),
        (
            "models",
            "header",
            [&40_u64.to_le_bytes()[..], br#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#].concat(),
        ),
        ("models", "digest", Digest::ZERO.as_bytes().to_vec()),
    ];
    for (target, name, bytes) in files {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), bytes).unwrap();
    }
}

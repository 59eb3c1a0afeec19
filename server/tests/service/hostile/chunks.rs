//! Chunks that do not belong where they stand.

use bytes::Bytes;
use murmur_proto::{
    CHUNK_LIMIT,
    v1::{Chunk, write_upload_request::Part},
};
use tonic::Code;

use super::{Field, chunk, reason};
use crate::zero_device::zeros;

pub(super) async fn attack(field: &Field<'_>) -> Vec<(&'static str, String)> {
    let Field { c, first, .. } = field;
    let bytes = zeros(&first.grid);
    let (length, half) = (bytes.len() as u64, bytes.len() / 2);
    let (front, back) = (bytes.slice(..half), bytes.slice(half..));
    let middle = half as u64;
    let wrong_crc = Part::Chunk(Chunk { data: bytes.clone(), offset: 0, crc32c: 7 });
    let (malformed, offset) = ((Code::InvalidArgument, "MALFORMED"), (Code::OutOfRange, "WRONG_OFFSET"));
    let again = Part::UploadToken(field.announced().await);
    // The bytes that count are kept, so the order of the cases is that of what is there already.
    let cases: Vec<(&str, Vec<Part>, (Code, &str))> = vec![
        ("a token in the middle", vec![again], malformed),
        ("wrong crc", vec![wrong_crc], (Code::DataLoss, "WRONG_CRC")),
        ("the second half first", vec![chunk(back.clone(), middle)], offset),
        ("an empty chunk", vec![chunk(Bytes::new(), 0)], (Code::InvalidArgument, "CHUNK_SIZE")),
        (
            "a chunk above the limit",
            vec![chunk(vec![0; CHUNK_LIMIT + 1].into(), 0)],
            (Code::InvalidArgument, "CHUNK_SIZE"),
        ),
        (
            "a message above the limit",
            vec![chunk(vec![0; 3 << 20].into(), 0)],
            (Code::InvalidArgument, "MESSAGE_TOO_LARGE"),
        ),
        ("nothing", vec![], (Code::InvalidArgument, "TOO_SHORT")),
        ("less than declared", vec![chunk(front.clone(), 0)], (Code::InvalidArgument, "TOO_SHORT")),
        ("a gap", vec![chunk(back.slice(1..), middle + 1)], offset),
        ("an overlap", vec![chunk(bytes.slice(half - 1..), middle - 1)], offset),
        ("the same chunk twice", vec![chunk(front.clone(), 0)], offset),
        ("beyond every number", vec![chunk(back.clone(), u64::MAX)], offset),
        (
            "more than declared",
            vec![chunk([back.clone(), Bytes::from_static(b"x")].concat().into(), middle)],
            (Code::InvalidArgument, "TOO_LONG"),
        ),
    ];
    let mut seen = Vec::new();
    for (what, parts, (code, label)) in cases {
        let status = field.sent(parts).await.expect_err(what);
        assert_eq!(reason(&status), (code, label.to_owned()), "{what}: {status}");
        seen.push((what, label.to_owned()));
    }
    let replayed = field.announced().await;
    let fresh = field.announced().await;
    let whole = || chunk(bytes.slice(half..), middle);
    for (what, parts, (code, label)) in [
        ("a chunk without a token", vec![whole()], malformed),
        ("an empty stream", vec![], malformed),
        (
            "a token that was replaced",
            vec![Part::UploadToken(replayed), whole()],
            (Code::FailedPrecondition, "REPLAYED_TOKEN"),
        ),
        (
            "a token of another kind",
            vec![Part::UploadToken(c.token(first.task, first.round))],
            (Code::FailedPrecondition, "FORGED_TOKEN"),
        ),
        (
            "a token of nothing",
            vec![Part::UploadToken(Bytes::new()), whole()],
            (Code::FailedPrecondition, "FORGED_TOKEN"),
        ),
    ] {
        let status = c.send(parts).await.expect_err(what);
        assert_eq!(reason(&status), (code, label.to_owned()), "{what}: {status}");
        seen.push((what, label.to_owned()));
    }
    // Somebody else asks how far it has come.
    let status = field.a.query(fresh.clone()).await.unwrap_err();
    assert_eq!(reason(&status), (Code::PermissionDenied, "OTHER_DEVICE".into()));
    seen.push(("a question about another device's upload", "OTHER_DEVICE".into()));
    assert_eq!(length, bytes.len() as u64);
    seen
}

//! Announcements that are refused before a byte of an update is taken.

use murmur_privacy::Digest;
use murmur_proto::v1::{StartUploadRequest, UploadHeader};
use tonic::Code;

use super::{Field, reason};
use crate::zero_device::ZeroDevice;

pub(super) async fn attack(field: &Field<'_>) -> Vec<(&'static str, String)> {
    let Field { c, first, .. } = field;
    let good: StartUploadRequest = c.announcement(c.header(first)).into();
    let head: UploadHeader = good.header.clone().unwrap();
    let length = head.total_length;
    let with = |header: UploadHeader| StartUploadRequest { header: Some(header), ..good.clone() };
    let token = |token: Vec<u8>| StartUploadRequest { assignment_token: token.into(), ..good.clone() };
    let flipped = |place: usize| {
        let mut bytes = good.assignment_token.to_vec();
        bytes[place] ^= 1;
        token(bytes)
    };
    let (last, malformed) = (good.assignment_token.len() - 1, (Code::InvalidArgument, "MALFORMED"));
    let length_of = |total_length| with(UploadHeader { total_length, ..head.clone() });
    let wrong_length = (Code::InvalidArgument, "WRONG_LENGTH");
    let forged = (Code::FailedPrecondition, "FORGED_TOKEN");
    let cases: Vec<(&str, StartUploadRequest, (Code, &str))> = vec![
        ("no header", StartUploadRequest { header: None, ..good.clone() }, malformed),
        ("no name", with(UploadHeader { device_id: String::new(), ..head.clone() }), malformed),
        ("a name that is a path", with(UploadHeader { device_id: "../x".into(), ..head.clone() }), malformed),
        ("a name without end", with(UploadHeader { device_id: "x".repeat(100_000), ..head.clone() }), malformed),
        (
            "nobody's name",
            with(UploadHeader { device_id: "mallory".into(), ..head.clone() }),
            (Code::PermissionDenied, "UNKNOWN_DEVICE"),
        ),
        (
            "wrong task",
            with(UploadHeader { task_hash: vec![9; 32].into(), ..head.clone() }),
            (Code::FailedPrecondition, "WRONG_TASK"),
        ),
        ("half a hash", with(UploadHeader { task_hash: vec![9; 16].into(), ..head.clone() }), malformed),
        (
            "wrong round",
            with(UploadHeader { round: head.round + 1, ..head.clone() }),
            (Code::FailedPrecondition, "WRONG_ROUND"),
        ),
        ("one byte less", length_of(length - 1), wrong_length),
        ("one byte more", length_of(length + 1), wrong_length),
        ("nothing at all", length_of(0), wrong_length),
        ("2 GiB declared", length_of(2 << 30), wrong_length),
        ("an exabyte declared", length_of(1 << 60), wrong_length),
        ("all that a number says", length_of(u64::MAX), wrong_length),
        ("no token", token(Vec::new()), malformed),
        ("a token without end", token(vec![0; 100_000]), malformed),
        ("a token made up", token(vec![7; 80]), forged),
        ("a signature changed", flipped(0), forged),
        ("a name in a token changed", flipped(last), forged),
        ("half a token", token(good.assignment_token[..last / 2].to_vec()), forged),
        (
            "another device's token",
            with(UploadHeader { device_id: "a".into(), ..head.clone() }),
            (Code::PermissionDenied, "OTHER_DEVICE"),
        ),
        ("an upload's token for an assignment's", token(field.announced().await.to_vec()), forged),
    ];
    let mut seen = Vec::new();
    for (what, request, (code, label)) in cases {
        let status = c.start(request).await.expect_err(what);
        assert_eq!(reason(&status), (code, label.to_owned()), "{what}: {status}");
        seen.push((what, label.to_owned()));
    }
    let mallory = ZeroDevice::new("mallory", field.port);
    let refused = mallory.answer(first).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::PermissionDenied, "UNKNOWN_DEVICE".into()));
    // Enrolled and chosen, but it never asked for the work of this round.
    let refused = field.a.answer(first).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::FailedPrecondition, "FORGED_TOKEN".into()));
    assert_eq!(reason(&c.task(Digest::ZERO).await.unwrap_err()).1, "WRONG_TASK");
    let no_such_model = reason(&c.model(Digest::ZERO).await.unwrap_err());
    assert_eq!(no_such_model, (Code::NotFound, "NO_SUCH_MODEL".into()));
    seen.push(("a model that is not released", no_such_model.1));
    seen
}

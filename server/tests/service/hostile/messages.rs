//! Bytes that are no message of ours, sent without a gRPC library.

use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use http::{Request, StatusCode};
use murmur_proto::DEVICE_MESSAGE_LIMIT;
use tokio::net::TcpStream;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::{Field, reason};

const CHECK_IN: &str = "/murmur.v1.DeviceService/CheckIn";

/// A connection that says whatever it is told to.
pub(super) async fn connect(port: u16, streams: usize) -> SendRequest<Bytes> {
    let tcp = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let mut builder = h2::client::Builder::new();
    builder.initial_max_send_streams(streams);
    let (send, connection) = builder.handshake(tcp).await.unwrap();
    tokio::spawn(async move {
        // It ends when the coordinator has had enough, or the test.
        let _ = connection.await;
    });
    send
}

pub(super) fn request(path: &str, content_type: &str, more: &[(&str, String)]) -> Request<()> {
    let mut request = Request::post(format!("http://murmur{path}")).header("content-type", content_type);
    for (name, value) in more {
        request = request.header(*name, value);
    }
    request.header("te", "trailers").body(()).unwrap()
}

/// What comes back: the HTTP status, and the gRPC status of headers or trailers.
async fn answer(port: u16, request: Request<()>, body: Vec<u8>) -> Result<(StatusCode, Option<Status>), h2::Error> {
    let mut send = connect(port, 100).await.ready().await?;
    let (response, mut stream) = send.send_request(request, false)?;
    // A refusal may come before the body has gone out.
    let _ = stream.send_data(body.into(), true);
    let response = tokio::time::timeout(Duration::from_secs(60), response).await.expect("no answer")?;
    let (code, found) = (response.status(), Status::from_header_map(response.headers()));
    if found.is_some() {
        return Ok((code, found));
    }
    let mut body = response.into_body();
    while let Some(data) = body.data().await {
        let length = data?.len();
        let _ = body.flow_control().release_capacity(length);
    }
    Ok((code, body.trailers().await?.and_then(|trailers| Status::from_header_map(&trailers))))
}

/// A message in its frame; a compressed one if it says so.
pub(super) fn framed(compressed: u8, length: usize, message: &[u8]) -> Vec<u8> {
    let mut bytes = vec![compressed];
    bytes.extend((length as u32).to_be_bytes());
    bytes.extend(message);
    bytes
}

/// What it is, the request, its body, and what comes of it.
type Case = (&'static str, Request<()>, Vec<u8>, (Code, &'static str));

pub(super) async fn attack(field: &Field<'_>) -> Vec<(&'static str, String)> {
    let grpc = "application/grpc";
    let whole = |message: &[u8]| framed(0, message.len(), message);
    let plain = |path: &str| request(path, grpc, &[]);
    let gzip = || request(CHECK_IN, grpc, &[("grpc-encoding", "gzip".to_owned())]);
    // Ten bytes of header, then as many zeros as a gigabyte of them shrinks to: nobody may unpack it to find out.
    let bomb: Vec<u8> =
        [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3].into_iter().chain(std::iter::repeat_n(0, 1 << 20)).collect();
    let (malformed, compressed) = ((Code::InvalidArgument, "MALFORMED"), (Code::Unimplemented, "COMPRESSED"));
    let cases: Vec<Case> = vec![
        ("truncated protobuf", plain(CHECK_IN), whole(&[0x0a, 5, b'a']), malformed),
        ("a field of the wrong kind", plain(CHECK_IN), whole(&[0x08, 1]), malformed),
        ("a number of eleven bytes", plain(CHECK_IN), whole(&[0xff; 11]), malformed),
        ("a name that is no text", plain(CHECK_IN), whole(&[0x0a, 2, 0xc3, 0x28]), malformed),
        ("an empty message", plain(CHECK_IN), whole(&[]), malformed),
        (
            "a message of 2 GiB",
            plain(CHECK_IN),
            framed(0, 2 << 30, &[0; 64]),
            (Code::InvalidArgument, "MESSAGE_TOO_LARGE"),
        ),
        (
            "one byte above the limit",
            plain(CHECK_IN),
            framed(0, DEVICE_MESSAGE_LIMIT + 1, &[0; 64]),
            (Code::InvalidArgument, "MESSAGE_TOO_LARGE"),
        ),
        ("a gzip bomb", gzip(), framed(1, bomb.len(), &bomb), compressed),
        (
            "compressed, it does not say how",
            plain(CHECK_IN),
            framed(1, 64, &[0x1f; 64]),
            (Code::InvalidArgument, "COMPRESSED"),
        ),
        ("a flag that does not exist", plain(CHECK_IN), framed(9, 3, &[0x0a, 1, b'a']), malformed),
        (
            "no such call",
            plain("/murmur.v1.DeviceService/Shutdown"),
            whole(&[]),
            (Code::Unimplemented, "NO_SUCH_METHOD"),
        ),
        (
            "no such service",
            plain("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"),
            whole(&[]),
            (Code::Unimplemented, "NO_SUCH_METHOD"),
        ),
        (
            "a path that climbs",
            plain("/murmur.v1.DeviceService/../../etc/passwd"),
            whole(&[]),
            (Code::Unimplemented, "NO_SUCH_METHOD"),
        ),
    ];
    let mut seen = Vec::new();
    for (what, request, body, expected) in cases {
        let (http, status) = answer(field.port, request, body).await.expect(what);
        let (code, label) = reason(&status.unwrap_or_else(|| panic!("{what}: no gRPC status, HTTP {http}")));
        assert_eq!((code, label.as_str()), expected, "{what}");
        seen.push((what, label));
    }
    for (what, request) in [
        ("JSON", request(CHECK_IN, "application/json", &[])),
        ("a form", request(CHECK_IN, "application/x-www-form-urlencoded", &[])),
    ] {
        let (http, status) = answer(field.port, request, b"{}".to_vec()).await.unwrap();
        assert_eq!(http, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{what}");
        assert_eq!(reason(&status.unwrap()), (Code::InvalidArgument, "NOT_GRPC".into()), "{what}");
        seen.push((what, "NOT_GRPC".into()));
    }
    // Refused by HTTP/2 itself, which knows no reasons.
    let huge = request(CHECK_IN, grpc, &[("x-padding", "x".repeat(40_000))]);
    match answer(field.port, huge, whole(&[])).await {
        Ok((http, _)) => assert_eq!(http, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        Err(error) => assert!(error.is_reset() || error.is_go_away(), "{error}"),
    }
    seen.push(("huge headers", "HTTP 431".into()));

    // One that names no version is from before all of them.
    let (_, status) = answer(field.port, plain(CHECK_IN), whole(&[0x0a, 1, b'c'])).await.unwrap();
    let status = status.unwrap();
    assert_eq!(reason(&status), (Code::FailedPrecondition, "DEVICE_TOO_OLD".into()));
    assert!(status.get_details_retry_info().unwrap().retry_delay.unwrap() >= Duration::from_secs(86_400));
    seen.push(("no version", "DEVICE_TOO_OLD".into()));

    // A list that takes twelve times the memory of its message.
    let many: Vec<u8> = [0x0a, 1, b'c', 0x10, 1].into_iter().chain([0x1a, 0].repeat(100_000)).collect();
    let (_, status) = answer(field.port, plain(CHECK_IN), whole(&many)).await.unwrap();
    assert_eq!(reason(&status.unwrap()), (Code::InvalidArgument, "MALFORMED".into()));
    seen.push(("a hundred thousand kinds of models", "MALFORMED".into()));

    // Not an attack: a newer device may say more than is understood.
    let newer = whole(&[0x0a, 1, b'c', 0x10, 9, 0xfa, 0x3e, 3, 1, 2, 3]);
    let (_, status) = answer(field.port, plain(CHECK_IN), newer).await.unwrap();
    assert_eq!(status.unwrap().code(), Code::Ok, "unknown fields are passed over");
    seen
}

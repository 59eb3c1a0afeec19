//! Peers that take their time. The full number is 2,000 connections; here 200, for the sake of machines that also do something
//! else: `MURMUR_SLOW_CONNECTIONS=2000 cargo test -p murmur-server --test service slow` runs them all.

use std::time::Duration;

use bytes::Bytes;
use murmur_proto::v1::{WriteUploadRequest, write_upload_request::Part};
use murmur_server::Limits;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};
use tokio_stream::StreamExt;
use tonic::Code;

use super::{
    Field, chunk,
    messages::{connect, framed, request},
    reason, unmoved,
};
use crate::{process::LONG, zero_device::zeros};

const SECOND: Duration = Duration::from_secs(1);

/// Limits of which a test sees the end.
pub(crate) fn hasty() -> Limits {
    Limits {
        call: SECOND,
        handshake: 2 * SECOND,
        upload_patience: SECOND,
        upload_rate: 1_000_000.try_into().unwrap(),
        connection_age: 2 * SECOND,
        connection_grace: SECOND,
        ..Limits::default()
    }
}

/// How many peers are slow at once.
pub(crate) fn connections() -> usize {
    std::env::var("MURMUR_SLOW_CONNECTIONS").map_or(200, |number| number.parse().unwrap())
}

/// What every HTTP/2 connection begins with.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// One byte a second of what every HTTP/2 connection begins with: how long the coordinator puts up with it.
async fn drip(port: u16) -> Duration {
    let start = Instant::now();
    let mut tcp = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    for byte in PREFACE.iter().cycle() {
        assert!(start.elapsed() < LONG, "nobody minds");
        if tcp.write_all(&[*byte]).await.is_err() {
            break;
        }
        let mut answer = [0; 64];
        if let Ok(Ok(0) | Err(_)) = tokio::time::timeout(SECOND, tcp.read(&mut answer)).await {
            break;
        }
    }
    start.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_byte_a_second_on_many_connections_keeps_nobody_out_and_ends() {
    unmoved(hasty(), async |field: &Field<'_>| {
        let dripping: Vec<_> = (0..connections()).map(|_| tokio::spawn(drip(field.port))).collect();
        // Beside all of them.
        assert!(field.c.check_in().await.is_ok());
        for drip in dripping {
            drip.await.unwrap();
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_does_not_end_is_ended() {
    unmoved(hasty(), async |field: &Field<'_>| {
        let mut send = connect(field.port, 100).await.ready().await.unwrap();
        let call = request("/murmur.v1.DeviceService/CheckIn", "application/grpc", &[]);
        let (response, mut stream) = send.send_request(call, false).unwrap();
        stream.send_data(framed(0, 100, &[0x0a, 90]).into(), false).unwrap();
        let response = response.await.unwrap();
        let status = tonic::Status::from_header_map(response.headers()).unwrap();
        assert_eq!(reason(&status), (Code::Aborted, "TOO_SLOW".into()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_below_the_rate_is_given_up_and_its_room_is_free() {
    let length = 31;
    // Whoever announces may wait for as long as the slow one is put up with.
    let connection_age = Limits::default().connection_age;
    let room = Limits { upload_bytes: 18 << 10, call: 10 * SECOND, connection_age, ..hasty() };
    unmoved(room, async |field: &Field<'_>| {
        let token = field.announced().await;
        let bytes = zeros(&field.first.grid);
        assert!(bytes.len() <= 2 * length, "{} bytes", bytes.len());
        let parts = [Part::UploadToken(token.clone()), chunk(bytes.slice(..1), 0)];
        let slow = tokio_stream::iter(parts.map(|part| WriteUploadRequest { part: Some(part) }))
            .chain(tokio_stream::pending());
        let status = field.c.stream(slow).await.unwrap_err();
        assert_eq!(reason(&status), (Code::Aborted, "TOO_SLOW".into()));
        let status = field.c.query(token).await.unwrap_err();
        assert_eq!(reason(&status), (Code::Aborted, "NO_SUCH_UPLOAD".into()));
        // There is room for one at a time.
        assert_eq!(field.announced().await.len(), field.announced().await.len());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_room_a_device_waits_and_is_told_to_come_back() {
    let little = Limits { upload_bytes: 18 << 10, upload_wait: SECOND / 10, ..Limits::default() };
    unmoved(little, async |field: &Field<'_>| {
        field.announced().await;
        let Some(work) = field.a.work().await else { panic!("no work") };
        let start = field.a.start(field.a.announcement(field.a.header(&work)));
        let status = start.await.unwrap_err();
        assert_eq!(reason(&status), (Code::ResourceExhausted, "NO_ROOM".into()));
        let again = tonic_types::StatusExt::get_details_retry_info(&status).unwrap().retry_delay.unwrap();
        assert!(again > Duration::ZERO);
        // The other one gets done, and there is room again.
        let status =
            field.sent(vec![chunk(Bytes::from(super::values::packed(&work.grid, &[work.grid.bound() as i64 + 1])), 0)]);
        assert_eq!(reason(&status.await.unwrap_err()).1, "NORM_EXCEEDED");
        assert!(field.a.start(field.a.announcement(field.a.header(&work))).await.is_ok());
    })
    .await;
}

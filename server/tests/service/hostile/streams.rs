//! Peers that open more than they use.

use bytes::Bytes;
use h2::Reason;
use murmur_server::Limits;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, tcp::OwnedReadHalf},
};

use super::{
    Field,
    messages::{connect, request},
    unmoved,
};
use crate::process::LONG;

fn call() -> http::Request<()> {
    request("/murmur.v1.DeviceService/CheckIn", "application/grpc", &[])
}

/// A frame of HTTP/2, as bytes.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Headers of a call, each named by its number in the table that every peer knows: method, scheme, path, content type.
fn headers() -> Vec<u8> {
    let (path, grpc) = (b"/murmur.v1.DeviceService/CheckIn", b"application/grpc");
    [&[0x83, 0x86, 0x04, path.len() as u8][..], path, &[0x0f, 0x10, grpc.len() as u8], grpc].concat()
}

/// Streams that were refused until all beyond the limit were, or the coordinator had enough of the connection.
async fn refusals(mut tcp: OwnedReadHalf, beyond: usize) -> (usize, bool) {
    const RST_STREAM: u8 = 3;
    const GOAWAY: u8 = 7;
    let mut refused = 0;
    while refused < beyond {
        let mut head = [0; 9];
        if tcp.read_exact(&mut head).await.is_err() {
            return (refused, true);
        }
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        if tcp.read_exact(&mut payload).await.is_err() {
            return (refused, true);
        }
        match head[3] {
            RST_STREAM => {
                assert_eq!(payload, u32::from(Reason::REFUSED_STREAM).to_be_bytes());
                refused += 1;
            }
            GOAWAY => return (refused, true),
            _ => {}
        }
    }
    (refused, false)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_ten_thousand_streams_on_one_connection_no_more_than_the_limit_are_taken_up() {
    const MANY: usize = 10_000;
    let limit = Limits::default().streams as usize;
    unmoved(Limits::default(), async |field: &Field<'_>| {
        // By hand: a library would wait until the coordinator admits another stream.
        let (read, mut write) = TcpStream::connect(("127.0.0.1", field.port)).await.unwrap().into_split();
        let counting = tokio::spawn(refusals(read, MANY - limit));
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        bytes.extend(frame(4, 0, 0, &[]));
        for number in 0..MANY as u32 {
            bytes.extend(frame(1, 4, 2 * number + 1, &headers()));
        }
        // The coordinator may hang up before all of it has gone out.
        let _ = write.write_all(&bytes).await;
        let (refused, ended) = tokio::time::timeout(LONG, counting).await.expect("neither refused nor ended").unwrap();
        assert!(refused == MANY - limit || ended, "{refused} were refused");
        assert!(refused > 0 || ended);
        assert!(field.c.check_in().await.is_ok());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rapid_resets_end_their_own_connection_and_no_other() {
    unmoved(Limits::default(), async |field: &Field<'_>| {
        let mut send = connect(field.port, 100).await;
        let mut resets = 0;
        let ended = loop {
            assert!(resets < 1_000_000, "nobody minds");
            send = match send.ready().await {
                Ok(ready) => ready,
                Err(error) => break error,
            };
            match send.send_request(call(), false) {
                Ok((_, mut stream)) => {
                    let _ = stream.send_data(Bytes::new(), false);
                    stream.send_reset(Reason::CANCEL);
                }
                Err(error) => break error,
            }
            resets += 1;
            tokio::task::yield_now().await;
        };
        assert!(ended.is_go_away() || ended.is_io(), "{ended:?}");
        assert!(field.c.check_in().await.is_ok());
    })
    .await;
}

//! Peers that take their time over TLS: before hands were shaken, and after. As many as in `hostile/slow.rs`.

use std::{sync::Arc, time::Duration};

use murmur_server::serve_enrolment;
use rustls::{ClientConfig, ClientConnection};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};

use super::{door::client_config, house::House};
use crate::{
    hostile::slow::{PREFACE, connections, hasty},
    process::LONG,
};

const SECOND: Duration = Duration::from_secs(1);

/// When a peer begins to be slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    /// At its first byte.
    Handshake,
    /// Once hands were shaken.
    Speech,
}

/// One byte a second, of the handshake or of what every HTTP/2 connection begins with: until the coordinator hangs up.
async fn drip(port: u16, config: Arc<ClientConfig>, from: From) {
    let mut tcp = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let mut tls = ClientConnection::new(config, "127.0.0.1".try_into().unwrap()).unwrap();
    let pieces: Vec<Vec<u8>> = match from {
        From::Handshake => written(&mut tls).into_iter().map(|byte| vec![byte]).collect(),
        From::Speech => {
            shake_hands(&mut tls, &mut tcp).await;
            PREFACE.iter().map(|byte| record(&mut tls, *byte)).collect()
        }
    };
    for piece in pieces {
        if tcp.write_all(&piece).await.is_err() || hangs_up_within(SECOND, &mut tcp).await {
            return;
        }
    }
    panic!("nobody minds one byte a second ({from:?})");
}

async fn shake_hands(tls: &mut ClientConnection, tcp: &mut TcpStream) {
    while tls.is_handshaking() {
        tcp.write_all(&written(tls)).await.unwrap();
        if tls.is_handshaking() {
            let mut bytes = [0; 4096];
            let count = tcp.read(&mut bytes).await.unwrap();
            assert!(count > 0, "closed while hands were shaken");
            tls.read_tls(&mut &bytes[..count]).unwrap();
            tls.process_new_packets().unwrap();
        }
    }
    tcp.write_all(&written(tls)).await.unwrap();
}

/// What TLS has to send.
fn written(tls: &mut ClientConnection) -> Vec<u8> {
    let mut bytes = Vec::new();
    while tls.wants_write() {
        tls.write_tls(&mut bytes).unwrap();
    }
    bytes
}

/// A byte in a record of its own.
fn record(tls: &mut ClientConnection, byte: u8) -> Vec<u8> {
    std::io::Write::write_all(&mut tls.writer(), &[byte]).unwrap();
    written(tls)
}

async fn hangs_up_within(patience: Duration, tcp: &mut TcpStream) -> bool {
    let until = Instant::now() + patience;
    let mut bytes = [0; 4096];
    loop {
        match tokio::time::timeout_at(until, tcp.read(&mut bytes)).await {
            Ok(Ok(0) | Err(_)) => return true,
            // Its settings and its tickets.
            Ok(Ok(_)) => {}
            Err(_) => return false,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_byte_a_second_over_tls_keeps_nobody_out_and_ends() {
    let house = House::new();
    let pass = house.device("phones");
    let (door, port) = house.door().await;
    let serving = tokio::spawn(serve_enrolment(door.with_limits(hasty()), std::future::pending()));
    let stranger = Arc::new(client_config(&house, None));
    let device = Arc::new(client_config(&house, Some(pass.identity())));
    let kinds = [(&stranger, From::Handshake), (&stranger, From::Speech), (&device, From::Speech)];
    let dripping: Vec<_> = (0..connections())
        .zip(kinds.iter().cycle())
        .map(|(_, (config, from))| tokio::spawn(drip(port, Arc::clone(config), *from)))
        .collect();
    // Beside all of them.
    house.zero_device(port, &pass).check_in().await.expect("a device gets in");
    let all = async {
        for drip in dripping {
            drip.await.unwrap();
        }
    };
    tokio::time::timeout(LONG, all).await.expect("all of them end");
    serving.abort();
}

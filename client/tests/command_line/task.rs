//! Client processes that take part in a task to its end.

use std::{
    io::{BufRead, BufReader, Read},
    time::Duration,
};

use murmur_round::{
    checkpoint::{read_manifest, read_model},
    coordinator::Outcome,
};
use tokio::{net::TcpListener, task::spawn_blocking};

use crate::{
    coordinator::{free_address, serve, task},
    process::{Running, client},
};

fn strokes(server: &str, device: &str) -> Running {
    let arguments = [
        "--insecure-loopback",
        "--server",
        server,
        "--data",
        "strokes",
        "--samples",
        "12",
        "--json",
        "--device-id",
        device,
    ];
    Running::start(client(&arguments))
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_devices_train_three_rounds_over_loopback() {
    const DEVICES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let serving = serve(listener, &DEVICES);
    let clients = DEVICES.map(|device| (device, strokes(&server, device)));
    for (device, client) in clients {
        let ended = spawn_blocking(|| client.wait()).await.unwrap();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(ended.stdout.trim(), format!(r#"{{"device":"{device}","outcome":"finished"}}"#));
        assert!(ended.stderr.contains("accepted"), "{}", ended.stderr);
        for secret in ["loss", "norm", "examples", "samples"] {
            assert!(!ended.stderr.contains(secret), "{}", ended.stderr);
        }
    }
    let ending = serving.await.unwrap();
    assert_eq!((ending.outcome, ending.rounds_released), (Some(Outcome::Completed), 3));
    let model = &ending.store.checkpoints[&ending.model].model;
    assert_eq!(read_manifest(model).unwrap().round, Some(2));
    let params = read_model(model, task(DEVICES.len()).model.layout()).unwrap();
    assert!(params.values().iter().all(|value| value.is_finite()));
    assert!(params.values().iter().any(|value| *value != 0.0), "three rounds left the model where it was");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_waits_for_its_coordinator_and_says_so_once() {
    let address = free_address().await;
    let mut client = strokes(&format!("http://{address}"), "a");
    let mut stderr = BufReader::new(client.child().stderr.take().unwrap());
    let mut first = String::new();
    let (mut stderr, first) = spawn_blocking(move || {
        stderr.read_line(&mut first).unwrap();
        (stderr, first)
    })
    .await
    .unwrap();
    assert!(first.contains("no answer, trying again") && first.contains("refused"), "{first}");
    // Several more attempts fail before somebody listens there.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let serving = serve(TcpListener::bind(address).await.unwrap(), &["a"]);
    let (ended, rest) = spawn_blocking(move || {
        let mut rest = String::new();
        stderr.read_to_string(&mut rest).unwrap();
        (client.wait(), rest)
    })
    .await
    .unwrap();
    assert_eq!(ended.code, Some(0), "{ended:?}: {rest}");
    assert!(!rest.contains("no answer") && rest.contains("accepted"), "{rest}");
    assert_eq!(serving.await.unwrap().outcome, Some(Outcome::Completed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_told_that_it_is_not_enrolled() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let serving = serve(listener, &["a"]);
    let ended = spawn_blocking(move || strokes(&server, "mallory").wait()).await.unwrap();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
    assert_eq!(
        ended.stderr.trim(),
        "error: device mallory is not enrolled with this coordinator, or was enrolled after its task had begun"
    );
    serving.abort();
}

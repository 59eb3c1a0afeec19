//! From a token to a finished task, by the program itself.

use std::{fs, time::Duration};

use murmur_client::link::State;
use murmur_round::{coordinator::Outcome, device_id::DeviceId};
use murmur_server::store::{Admits, Registry};
use tokio::{net::TcpListener, task::spawn_blocking};

use crate::{
    certified::House,
    coordinator::serve,
    process::{Ended, Running},
};

const LONG: Duration = Duration::from_secs(3600);

async fn ended(running: Running) -> Ended {
    spawn_blocking(|| running.wait()).await.unwrap()
}

fn failed(ended: &Ended, named: &str) {
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
    assert!(ended.stderr.contains(named), "{named:?} in {}", ended.stderr);
}

/// The device that this state is of.
fn device(house: &House, state: &str) -> DeviceId {
    let record: serde_json::Value =
        serde_json::from_slice(&fs::read(house.path(state).join("device.json")).unwrap()).unwrap();
    record["device"].as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn three_devices_enrol_and_train_over_mutual_tls() {
    let house = House::new();
    let (enrolling, url) = house.enrolling(LONG).await;
    for state in ["a", "b", "c"] {
        let ended = house.enroll(&url, &house.new_device(), state, &["--json"]).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let said: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!(said["device"], device(&house, state).as_str());
        assert_eq!(said["population"], "writers");
        #[cfg(unix)]
        for name in ["identity.pem", "device.json"] {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(house.path(state).join(name)).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{name}");
        }
        assert!(!house.path(state).join("enrolling.pem").exists());
    }
    enrolling.abort();
    let (door, url) = house.door(LONG).await;
    let serving = house.serve(door);
    let clients = ["a", "b", "c"].map(|state| (state, house.run(state, &["--server", &url, "--json"])));
    for (state, client) in clients {
        let ended = ended(client).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let expected = format!(r#"{{"device":"{}","outcome":"finished"}}"#, device(&house, state));
        assert_eq!(ended.stdout.trim(), expected);
        assert!(ended.stderr.contains("accepted"), "{}", ended.stderr);
    }
    let ending = serving.await.unwrap();
    assert_eq!((ending.outcome, ending.rounds_released), (Some(Outcome::Completed), 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_renewed_before_it_ceases_to_hold() {
    let house = House::new();
    let brief = Duration::from_secs(6);
    let (enrolling, url) = house.enrolling(brief).await;
    for state in ["a", "b"] {
        assert_eq!(house.enroll(&url, &house.new_device(), state, &[]).await.code, Some(0));
    }
    enrolling.abort();
    let (door, url) = house.door(brief).await;
    let serving = house.serve(door);
    let first = fs::read(house.path("a/identity.pem")).unwrap();
    let waits = house.run("a", &["--server", &url]);
    // The other one comes when the first certificates of both have ceased to hold: too late for itself.
    tokio::time::sleep(Duration::from_secs(8)).await;
    let late = ended(house.run("b", &["--server", &url])).await;
    failed(&late, "held until");
    failed(&late, "--again");
    let again = house.token(&Admits::Again(device(&house, "b")));
    let ended_again = house.enroll(&url, &again, "b", &["--again"]).await;
    assert_eq!(ended_again.code, Some(0), "{ended_again:?}");
    let comes = ended(house.run("b", &[])).await;
    assert_eq!(comes.code, Some(0), "{comes:?}");
    let waited = ended(waits).await;
    assert_eq!(waited.code, Some(0), "{waited:?}");
    assert!(waited.stderr.contains("the certificate was renewed"), "{}", waited.stderr);
    assert_ne!(fs::read(house.path("a/identity.pem")).unwrap(), first);
    assert_eq!(serving.await.unwrap().outcome, Some(Outcome::Completed));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_with_an_enrolment_is_named_and_leaves_the_device_as_it_was() {
    let (house, other) = (House::new(), House::new());
    let (_enrolling, url) = house.enrolling(LONG).await;
    let token = house.new_device();
    failed(&house.enroll(&url, "enrol-00", "a", &[]).await, "no such token");
    let elsewhere = other.enroll(&url, &token, "a", &[]).await;
    failed(&elsewhere, "no trusted connection to the coordinator: invalid peer certificate: UnknownIssuer");
    failed(&house.enroll("http://127.0.0.1:1", &token, "a", &[]).await, "https://");
    failed(&house.enroll(&url, &token, "a", &["--again"]).await, "no device is enrolled here");
    fs::write(house.path("none.pem"), "nothing").unwrap();
    let (ca, state) = (house.text("none.pem"), house.text("a"));
    let arguments = ["enroll", "--server", &url, "--ca", &ca, "--token", &token, "--state", &state];
    failed(&ended(Running::start(crate::process::program(&arguments))).await, "no certificate in PEM");
    assert!(!house.path("a/device.json").exists());

    assert_eq!(house.enroll(&url, &token, "a", &[]).await.code, Some(0));
    let enrolled = device(&house, "a");
    failed(&house.enroll(&url, &house.new_device(), "a", &[]).await, "is enrolled here");
    failed(&house.enroll(&url, &token, "b", &[]).await, "the token was used before, with another key");
    // A token for somebody else does not make this device somebody else.
    failed(&house.enroll(&url, &house.new_device(), "a", &["--again"]).await, "the token is not for device");
    assert_eq!(device(&house, "a"), enrolled);

    // Whoever did not hear the answer has the key still, and asks again: the same device.
    fs::create_dir_all(house.path("c")).unwrap();
    let identity = fs::read_to_string(house.path("a/identity.pem")).unwrap();
    let key = identity.split_inclusive("-----END PRIVATE KEY-----\n").next().unwrap();
    fs::write(house.path("c/enrolling.pem"), key).unwrap();
    let repeated = house.enroll(&url, &token, "c", &[]).await;
    assert_eq!(repeated.code, Some(0), "{repeated:?}");
    assert_eq!(device(&house, "c"), enrolled);

    // Under a new key it is the device that it was, and the old one is nobody.
    let again = house.token(&Admits::Again(enrolled.clone()));
    assert_eq!(house.enroll(&url, &again, "a", &["--again"]).await.code, Some(0));
    assert_eq!(device(&house, "a"), enrolled);
    assert_ne!(fs::read_to_string(house.path("a/identity.pem")).unwrap(), identity);
    failed(&ended(house.run("c", &[])).await, "was enrolled again since this certificate was made");
    house.registry.revoke(&enrolled, murmur_server::moment::Moment::now()).unwrap();
    failed(&ended(house.run("a", &[])).await, "was revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_is_a_device_and_clear_text_is_not_taken_for_tls() {
    let house = House::new();
    let (enrolling, url) = house.enrolling(LONG).await;
    assert_eq!(house.enroll(&url, &house.new_device(), "a", &[]).await.code, Some(0));
    let held = State::open(&house.path("a")).unwrap();
    failed(&ended(house.run("a", &[])).await, "another murmur-client is using this folder");
    failed(&house.enroll(&url, &house.new_device(), "a", &["--again"]).await, "another murmur-client");
    drop(held);
    enrolling.abort();
    failed(&ended(house.run("a", &["--server", "http://127.0.0.1:1"])).await, "https:// addresses only");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let serving = serve(listener, &["a"]);
    failed(
        &ended(house.run("a", &["--server", &url])).await,
        "no trusted connection to the coordinator: received corrupt",
    );
    serving.abort();
}

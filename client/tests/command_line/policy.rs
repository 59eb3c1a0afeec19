//! What a device agrees to, and how long it goes on.

use std::{fs, time::Duration};

use murmur_round::coordinator::Outcome;
use tokio::task::spawn_blocking;

use crate::{
    certified::House,
    process::{Ended, Running},
};

const LONG: Duration = Duration::from_secs(3600);

async fn ended(running: Running) -> Ended {
    spawn_blocking(|| running.wait()).await.unwrap()
}

async fn enrolled(house: &House, states: &[&str]) {
    let (enrolling, url) = house.enrolling(LONG).await;
    for state in states {
        let ended = house.enroll(&url, &house.new_device(), state, &[]).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    enrolling.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_takes_no_part_in_a_task_weaker_than_its_policy_and_says_why() {
    let house = House::new();
    enrolled(&house, &["strict", "easy"]).await;
    // The task's epsilon is 4.
    fs::write(house.path("strict/policy.toml"), "largest_epsilon = 3.5\n").unwrap();
    fs::write(
        house.path("easy/policy.toml"),
        "largest_epsilon = 4.0\nlifetime_epsilon = 4.0\nonly_when = [\"true\"]\n",
    )
    .unwrap();
    let (door, url) = house.door(LONG).await;
    let serving = house.serve(door);
    let clients = ["strict", "easy"].map(|state| house.run(state, &["--server", &url]));
    let [strict, easy] = clients.map(ended);
    let (strict, easy) = (strict.await, easy.await);
    assert_eq!((strict.code, easy.code), (Some(0), Some(0)), "{strict:?} {easy:?}");
    assert_eq!(strict.stderr.matches("this device takes no part").count(), 1, "once: {}", strict.stderr);
    assert!(strict.stderr.contains("largest_epsilon"), "{}", strict.stderr);
    assert!(!strict.stderr.contains("accepted"), "{}", strict.stderr);
    assert!(easy.stderr.contains("accepted"), "{}", easy.stderr);
    let ending = serving.await.unwrap();
    assert_eq!((ending.outcome, ending.rounds_released), (Some(Outcome::Completed), 3), "the others go on");
    assert!(!house.path("strict/behind.json").exists(), "nothing was agreed to");
    let behind: serde_json::Value = serde_json::from_slice(&fs::read(house.path("easy/behind.json")).unwrap()).unwrap();
    assert_eq!(behind, serde_json::json!({ ending.task.to_string(): 4.0 }));
    // What it ever spends is spent: another task finds the device unwilling.
    fs::write(house.path("easy/behind.json"), format!(r#"{{"{}": 4.0}}"#, "00".repeat(32))).unwrap();
    let (door, url) = house.door(LONG).await;
    let serving = house.serve(door);
    let clients = ["strict", "easy"].map(|state| house.run(state, &["--server", &url]));
    for client in clients {
        let ended = ended(client).await;
        assert!(ended.stderr.contains("this device takes no part") && !ended.stderr.contains("accepted"), "{ended:?}");
    }
    serving.await.unwrap();
    let unread = house.run("easy", &["--policy", "/nonexistent/policy.toml"]);
    let unread = ended(unread).await;
    assert_eq!(unread.code, Some(2), "a policy that cannot be read is not left out: {unread:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_asked_for_once_ends_with_its_first_update() {
    let house = House::new();
    enrolled(&house, &["a"]).await;
    let (door, url) = house.door(LONG).await;
    let serving = house.serve(door);
    let ended = ended(house.run("a", &["--server", &url, "--once"])).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stderr.matches("accepted").count(), 1, "{}", ended.stderr);
    serving.abort();
}

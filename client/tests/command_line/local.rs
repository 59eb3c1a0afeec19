//! Devices that randomise their own updates: what they keep, and what they refuse.

use std::{fs, time::Duration};

use murmur_privacy::local::ledger::{LocalEntry, LocalLedger};
use murmur_round::coordinator::Outcome;
use tokio::{net::TcpListener, task::spawn_blocking};

use crate::{
    certified::House,
    coordinator::{local_task, serve_task},
    process::{Ended, Running, client},
};

const LONG: Duration = Duration::from_secs(3600);

async fn ended(running: Running) -> Ended {
    spawn_blocking(|| running.wait()).await.unwrap()
}

/// The ledger that a device left behind.
fn ledger(house: &House, state: &str) -> LocalLedger {
    let text = fs::read_to_string(house.path(state).join("local.jsonl")).unwrap();
    let entries = text.lines().zip(0..).map(|(line, index)| LocalEntry::from_line(index, line).unwrap());
    LocalLedger::replay(entries.collect::<Vec<_>>()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enrolled_device_keeps_a_ledger_of_its_own_and_stays_within_it() {
    let house = House::new();
    let (enrolling, url) = house.enrolling(LONG).await;
    for state in ["a", "b"] {
        let ended = house.enroll(&url, &house.new_device(), state, &[]).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    enrolling.abort();
    let (door, url) = house.door(LONG).await;
    let serving = house.serve_task(door, local_task);
    let server = ["--server", url.as_str()];
    let rich = house.run("a", &[&server[..], &["--local-epsilon", "100"]].concat());
    // Two rounds of three, and then it takes no more part in this task, and is there for others.
    let poor = house.run("b", &[&server[..], &["--local-epsilon", "20"]].concat());
    let (rich, poor) = (ended(rich).await, ended(poor).await);
    assert_eq!(rich.code, Some(0), "{rich:?}");
    assert_eq!(poor.code, Some(0), "{poor:?}");
    let refusal = "this device takes no more part in this task: the device's own budget: 1 participation(s) need";
    assert_eq!(poor.stderr.matches(refusal).count(), 1, "{poor:?}");
    assert_eq!(serving.await.unwrap().outcome, Some(Outcome::Completed));
    for (state, rounds) in [("a", 3), ("b", 2)] {
        let spent = ledger(&house, state).spent().0.get();
        assert!((spent / f64::from(rounds) - 8.0).abs() < 0.1, "{state}: {spent}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(house.path(state).join("local.jsonl")).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600);
        }
    }
    // A lifetime budget is fixed once.
    let again = ended(house.run("b", &["--local-epsilon", "1000"])).await;
    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(again.stderr.contains("lifetime budget was fixed at local epsilon 20"), "{again:?}");
    // Whoever edits it is found out.
    let path = house.path("b").join("local.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("20.0", "90.0", 1)).unwrap();
    let edited = ended(house.run("b", &[])).await;
    assert_eq!(edited.code, Some(2), "{edited:?}");
    assert!(edited.stderr.contains("entry 0 of the device's ledger was altered"), "{edited:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_without_a_budget_of_its_own_randomises_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let serving = serve_task(listener, &["a"], local_task(1));
    let device =
        ["--insecure-loopback", "--server", &server, "--data", "strokes", "--samples", "12", "--device-id", "a"];
    let refused = ended(Running::start(client(&device))).await;
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""), "{refused:?}");
    assert!(refused.stderr.contains("this device has no lifetime budget for that"), "{refused:?}");
    serving.abort();
}

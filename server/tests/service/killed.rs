//! `kill -9` between a round's spend and its release.

use std::{collections::BTreeMap, fs, path::Path, time::Instant};

use murmur_privacy::{
    Ledger,
    ledger::{Entry, Record},
};
use murmur_round::coordinator::Verdict;
use murmur_server::store::sqlite::Reader;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::{
    process::{LONG, Running, server},
    tasks::TaskFile,
    zero_device::ZeroDevice,
};

fn entries(folder: &Path) -> Vec<Entry> {
    Reader::open(&folder.join("data")).unwrap().entries("phones").unwrap()
}

/// How often each round was paid for and released.
fn rounds(entries: &[Entry]) -> BTreeMap<u32, (u32, u32)> {
    let mut rounds: BTreeMap<u32, (u32, u32)> = BTreeMap::new();
    for entry in entries {
        match entry.record {
            Record::Spent { round, .. } => rounds.entry(round).or_default().0 += 1,
            Record::Released { round, .. } => rounds.entry(round).or_default().1 += 1,
            _ => {}
        }
    }
    rounds
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_killed_after_its_spend_is_lost_and_never_released() {
    let folder = TempDir::new().unwrap();
    let file = TaskFile {
        name: "large",
        rounds: 40,
        // 954,010 parameters: the noise and the model file take long enough to be caught at.
        model: r#"{ kind = "mlp", input = [1, 28, 28], hidden = [1200], classes = 10 }"#,
        epsilon: 1000.0,
        noise_multiplier: "1.0",
        ..TaskFile::default()
    };
    file.write(folder.path(), &["a"]);
    let caught = loop {
        let mut running = Running::start(server(folder.path(), "large", &[]));
        let device = ZeroDevice::new("a", running.port());
        let assignment = device.work().await.unwrap();
        assert_eq!(device.answer(&assignment).await.unwrap(), Verdict::Accepted);
        let start = Instant::now();
        while !rounds(&entries(folder.path())).contains_key(&assignment.round) {
            assert!(start.elapsed() < LONG);
        }
        running.child.kill().unwrap();
        running.child.wait().unwrap();
        match rounds(&entries(folder.path()))[&assignment.round] {
            (1, 0) => break assignment,
            // Too late: the release was durable before the kill arrived. Then it stands, and the next round is tried.
            other => assert_eq!(other, (1, 1)),
        }
    };
    let model = fs::read_dir(folder.path().join("data/models")).unwrap();
    assert!(model.count() > 0);

    let mut running = Running::start(server(folder.path(), "large", &["--json"]));
    let device = ZeroDevice::new("a", running.port());
    let next = device.work().await.unwrap();
    assert_eq!(next.round, caught.round + 1, "numbering goes on");
    assert!(device.model(next.model).await.is_ok());
    assert_eq!(device.answer(&next).await.unwrap(), Verdict::Accepted);
    let after = device.work().await.unwrap();
    assert_eq!(after.round, next.round + 1);
    running.interrupt();
    let ended = running.wait();
    assert_eq!(ended.status.code(), Some(130), "{ended:?}");
    assert!(ended.stdout.contains(r#""outcome":"interrupted""#), "{}", ended.stdout);

    let entries = entries(folder.path());
    let rounds = rounds(&entries);
    assert_eq!(rounds[&caught.round], (1, 0), "paid for, and lost");
    assert_eq!(rounds[&next.round], (1, 1));
    assert!(rounds.values().all(|&(spent, released)| spent == 1 && released <= 1), "{rounds:?}");
    let ledger = Ledger::replay(entries).unwrap();
    assert_eq!(ledger.account(&next.task).unwrap().rounds_spent(), next.round + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_killed_while_it_is_open_is_abandoned_and_the_task_still_gets_its_rounds() {
    let folder = TempDir::new().unwrap();
    TaskFile::default().write(folder.path(), &["a"]);
    let mut first = None;
    for killed in 0..3 {
        let mut running = Running::start(server(folder.path(), "test", &[]));
        let device = ZeroDevice::new("a", running.port());
        let assignment = device.work().await.unwrap();
        assert_eq!(assignment.round, killed, "the number of an abandoned round is not used again");
        let model = *first.get_or_insert(assignment.model);
        assert_eq!(assignment.model, model, "the initial model keeps its name");
        running.child.kill().unwrap();
        running.child.wait().unwrap();
    }
    let mut running = Running::start(server(folder.path(), "test", &["--json"]));
    let device = ZeroDevice::new("a", running.port());
    let mut trained = Vec::new();
    while let Some(assignment) = device.work().await {
        assert_eq!(device.answer(&assignment).await.unwrap(), Verdict::Accepted);
        trained.push(assignment.round);
    }
    assert_eq!(trained, [3, 4], "two rounds, as the task says");
    let ended = tokio::task::spawn_blocking(|| running.wait()).await.unwrap();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert!(ended.stdout.contains(r#""rounds_released":2"#), "{}", ended.stdout);
    assert!(ended.stderr.contains("given up"), "{}", ended.stderr);
    let entries = entries(folder.path());
    let abandoned = |entry: &Entry| match entry.record {
        Record::Abandoned { round, .. } => Some(round),
        _ => None,
    };
    assert_eq!(entries.iter().filter_map(abandoned).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(rounds(&entries), BTreeMap::from([(3, (1, 1)), (4, (1, 1))]));
    Ledger::replay(entries).unwrap();
}

/// The secrets of blocks under way.
fn secrets(folder: &Path) -> Vec<Vec<u8>> {
    let database = Connection::open(folder.join("data/murmur.sqlite")).unwrap();
    let mut statement = database.prepare("SELECT secret FROM secrets").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

/// A server killed when the first round of a block of two is open, all of whose rounds are the one device's.
async fn killed_within_a_block(folder: &Path) {
    let file = TaskFile {
        rounds: 4,
        participation: r#"kind = "allocation", block_rounds = 2, rounds_per_device = 2"#,
        ..TaskFile::default()
    };
    file.write(folder, &["a"]);
    let mut running = Running::start(server(folder, "test", &[]));
    let device = ZeroDevice::new("a", running.port());
    let first = device.work().await.unwrap();
    assert_eq!(device.answer(&first).await.unwrap(), Verdict::Accepted);
    let second = device.work().await.unwrap();
    assert_eq!(second.round, 1, "the first round is released, the second open");
    running.child.kill().unwrap();
    running.child.wait().unwrap();
}

/// Takes part until the task is over: the rounds, and what the server said.
async fn finished(folder: &Path) -> (Vec<u32>, crate::process::Ended) {
    let mut running = Running::start(server(folder, "test", &["--json"]));
    let device = ZeroDevice::new("a", running.port());
    let mut trained = Vec::new();
    while let Some(assignment) = device.work().await {
        assert_eq!(device.answer(&assignment).await.unwrap(), Verdict::Accepted);
        trained.push(assignment.round);
    }
    (trained, tokio::task::spawn_blocking(|| running.wait()).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_within_a_block_goes_on_with_the_secret_it_kept() {
    let folder = TempDir::new().unwrap();
    killed_within_a_block(folder.path()).await;
    assert_eq!(secrets(folder.path()).len(), 1);
    let (trained, ended) = finished(folder.path()).await;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert_eq!(trained, [2, 3, 4], "the second round again, under a new number, and the second block");
    assert!(ended.stdout.contains(r#""rounds_released":4"#), "{}", ended.stdout);
    assert!(secrets(folder.path()).is_empty(), "no block is under way");
    Ledger::replay(entries(folder.path())).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_within_a_block_whose_secret_is_lost_gives_the_rest_up_and_says_so() {
    let folder = TempDir::new().unwrap();
    killed_within_a_block(folder.path()).await;
    // A damaged one is refused before it could draw another allocation.
    let database = Connection::open(folder.path().join("data/murmur.sqlite")).unwrap();
    let cut = "UPDATE secrets SET secret = substr(secret, 1, length(secret) - 1)";
    assert_eq!(database.execute(cut, []).unwrap(), 1);
    let ended = Running::start(server(folder.path(), "test", &[])).wait();
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(ended.stderr.contains("damaged") && ended.stderr.contains("remove the secret"), "{}", ended.stderr);
    assert_eq!(database.execute("DELETE FROM secrets", []).unwrap(), 1);
    let (trained, ended) = finished(folder.path()).await;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert_eq!(trained, [2, 3], "the second block alone");
    assert!(ended.stderr.contains("the 1 rounds that are left of it are given up"), "{}", ended.stderr);
    let entries = entries(folder.path());
    let forfeited = |entry: &&Entry| matches!(entry.record, Record::Forfeited { rounds: 1, .. });
    assert_eq!(entries.iter().filter(forfeited).count(), 1);
    Ledger::replay(entries).unwrap();
}

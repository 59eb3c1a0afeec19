//! `kill -9` between a round's spend and its release.

use std::{collections::BTreeMap, fs, path::Path, time::Instant};

use murmur_privacy::{
    Ledger,
    ledger::{Entry, Record},
};
use murmur_round::coordinator::Verdict;
use tempfile::TempDir;

use crate::{
    process::{LONG, Running, server},
    tasks::TaskFile,
    zero_device::ZeroDevice,
};

fn entries(folder: &Path) -> Vec<Entry> {
    let text = fs::read_to_string(folder.join("data/phones/ledger.jsonl")).unwrap_or_default();
    let complete = text.rfind('\n').map_or("", |end| &text[..end]);
    (0..).zip(complete.lines()).map(|(index, line)| Entry::from_line(index, line).unwrap()).collect()
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

//! An old backup over newer models: nothing is spent twice.

use super::fleet::{Site, terminate, text};
use crate::tasks::TaskFile;

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_ledger_opens_no_round_before_the_higher_spends_are_taken_over() {
    let site = Site::new();
    let running = site.serve();
    let passes = site.enrol("phones", 3).await;
    let task = TaskFile { name: "long", rounds: 1000, minimum_reports: 3, ..TaskFile::default() };
    site.json(&["task", "create", &site.file("long", &task.text())]);
    let devices = site.take_part(&passes);
    site.until("two charged rounds", |site| site.charged().len() >= 2).await;
    // Beside the running server.
    site.done(&["backup", "old.sqlite"]);
    let again = site.command(&["backup", "old.sqlite"]);
    assert_eq!(again.status.code(), Some(2), "a backup is not overwritten: {again:?}");
    let then = site.charged().len();
    site.until("three more charged rounds", |site| site.charged().len() >= then + 3).await;
    let held = site.command(&["restore", "old.sqlite"]);
    assert_eq!(held.status.code(), Some(2), "not under a running server: {held:?}");
    assert_eq!(terminate(running).await.status.code(), Some(0));
    let truth = site.charged();

    std::fs::write(site.path().join("torn.sqlite"), &std::fs::read(site.path().join("old.sqlite")).unwrap()[..20_000])
        .unwrap();
    for broken in ["torn.sqlite", "long.toml", "nowhere"] {
        assert_eq!(site.command(&["restore", broken]).status.code(), Some(2), "{broken}");
        assert_eq!(site.charged(), truth, "{broken} changes nothing");
    }
    site.done(&["restore", "old.sqlite"]);
    let restored = site.charged();
    assert!(restored.len() < truth.len() && truth.starts_with(&restored));

    // The server comes up, for other populations and to say so; this one opens nothing.
    let running = site.serve();
    site.until("a reason", |site| site.json(&["task", "show", "long"])["reason"].is_string()).await;
    let shown = site.json(&["task", "show", "long"]);
    assert_eq!(text(&shown["state"]), "waiting");
    assert!(text(&shown["reason"]).contains("ledger reconcile"), "{shown}");
    let other = TaskFile { name: "other", minimum_reports: 3, ..TaskFile::default() };
    let created = site.json(&["task", "create", &site.file("other", &other.text())]);
    assert_eq!(text(&created["state"]), "waiting", "another task of the population spends from the same ledger");
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(site.charged(), restored);
    let held = site.command(&["ledger", "reconcile"]);
    assert_eq!(held.status.code(), Some(2), "not under a running server: {held:?}");
    assert_eq!(terminate(running).await.status.code(), Some(0));

    let taken = site.json(&["ledger", "reconcile"]);
    assert!(taken["reconciled"][0]["rounds_charged"].as_u64().unwrap() >= (truth.len() - restored.len()) as u64);
    let reconciled = site.charged();
    assert!(reconciled.starts_with(&truth), "every round that released is charged again: {reconciled:?}");
    assert_eq!(site.json(&["ledger", "reconcile"])["reconciled"][0]["models"], 0, "once");
    let running = site.serve();
    site.until("a further round", |site| site.charged().len() > reconciled.len()).await;
    let charged = site.charged();
    assert!(charged.starts_with(&reconciled));
    assert!(charged.last().unwrap().1 > truth.last().unwrap().1, "under a number that was never used");
    drop(devices);
    terminate(running).await;
    site.done(&["ledger", "verify"]);
}

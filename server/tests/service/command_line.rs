//! What a person gets to see: every mistake named, every exit code kept.

use std::{fs, net::TcpListener, path::Path};

use murmur_privacy::ledger::Entry;
use murmur_server::store::sqlite::Reader;
use tempfile::TempDir;

use crate::{
    process::{Ended, Running, server},
    tasks::TaskFile,
    zero_device::ZeroDevice,
};

fn run(folder: &Path, task: &str, more: &[&str]) -> Ended {
    Running::start(server(folder, task, more)).wait()
}

fn fails(folder: &Path, task: &str, more: &[&str], named: &[&str]) {
    let ended = run(folder, task, more);
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert_eq!(ended.stdout, "");
    for part in named {
        assert!(ended.stderr.contains(part), "{part:?} is not in {}", ended.stderr);
    }
}

/// Runs a task with zero updates to its end.
async fn to_the_end(folder: &Path, task: &str, more: &[&str]) -> Ended {
    let mut running = Running::start(server(folder, task, more));
    let device = ZeroDevice::new("a", running.port());
    while let Some(assignment) = device.work().await {
        device.answer(&assignment).await.unwrap();
    }
    tokio::task::spawn_blocking(|| running.wait()).await.unwrap()
}

#[test]
fn every_mistake_is_named_and_nothing_is_left_behind() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    TaskFile::default().write(here, &["a"]);
    fails(here, "absent", &[], &["absent.toml"]);
    fs::write(here.join("typo.toml"), TaskFile::default().text() + "epochs = 3\n").unwrap();
    fails(here, "typo", &[], &["typo.toml", "epochs"]);
    let ended = Running::start(replace_devices(here, "nowhere")).wait();
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert_eq!(ended.stderr.trim(), "error: nowhere: No such file or directory (os error 2)", "once, and whole");
    for (devices, named) in [("# nobody\n", "no device is listed"), ("a\n\nb c\n", ":3"), ("a\nb\na\n", ":3")] {
        fs::write(here.join("list"), devices).unwrap();
        let ended = Running::start(replace_devices(here, "list")).wait();
        assert_eq!(ended.status.code(), Some(2));
        assert!(ended.stderr.contains(named), "{}", ended.stderr);
    }
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended =
        Running::start(with(here, &["--insecure-loopback", "--devices", "devices", "--listen", &address])).wait();
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(ended.stderr.contains(&address), "{}", ended.stderr);
    let ended =
        Running::start(with(here, &["--insecure-loopback", "--devices", "devices", "--listen", "0.0.0.0:0"])).wait();
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(ended.stderr.contains("loopback"), "{}", ended.stderr);
    let ended = Running::start(with(here, &["--devices", "devices"])).wait();
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(ended.stderr.contains("--insecure-loopback"), "{}", ended.stderr);
    let ended = Running::start(with(here, &[])).wait();
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(ended.stderr.contains(r#"no device is enrolled in population "phones""#), "{}", ended.stderr);
    assert!(ledger(here).is_empty(), "a mistake must not open a ledger");
    fails(here, "test", &["--population-epsilon", "-1", "--population-delta", "1e-3"], &["epsilon"]);
    assert!(ledger(here).is_empty(), "a mistake must not open a ledger");
}

fn ledger(folder: &Path) -> Vec<Entry> {
    Reader::open(&folder.join("data")).unwrap().entries("phones").unwrap()
}

fn with(folder: &Path, more: &[&str]) -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_murmur-server"));
    command.current_dir(folder).args(["serve", "--task", "test.toml", "--data-dir", "data"]).args(more);
    command
}

fn replace_devices(folder: &Path, list: &str) -> std::process::Command {
    with(folder, &["--listen", "127.0.0.1:0", "--insecure-loopback", "--devices", list])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_task_over_the_budget_is_refused_with_both_numbers() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    TaskFile { epsilon: 1.5, ..TaskFile::default() }.write(here, &["a"]);
    TaskFile { name: "second", epsilon: 2.0, ..TaskFile::default() }.write(here, &["a"]);
    let ended = to_the_end(here, "test", &["--json"]).await;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    let summary: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&summary["outcome"], &summary["simulated"]), (&"completed".into(), &false.into()));
    assert_eq!(summary["rounds_released"], 2);
    let epsilon = summary["epsilon"].as_f64().unwrap();
    assert!((1.4..=1.5).contains(&epsilon), "{epsilon}");
    let model = here.join(format!("data/models/{}.safetensors", summary["model_sha256"].as_str().unwrap()));
    assert!(model.exists());
    assert!(ended.stderr.contains("one device"), "the guarantee is printed before the first round");

    let before = ledger(here);
    let ended = run(here, "second", &[]);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stderr.contains("needs epsilon 2.0") || ended.stderr.contains("needs epsilon 1.9"), "{ended:?}");
    assert!(ended.stderr.contains("has epsilon 0.0"), "{}", ended.stderr);
    assert_eq!(ledger(here), before);
    // The first task can be asked for again: it is over, and says so at once.
    let again = run(here, "test", &["--json"]);
    assert_eq!(again.status.code(), Some(0), "{again:?}");
    assert_eq!(again.stdout, to_json_line(&summary, &again.stdout));
}

/// The same summary, field by field; keys of a parsed object lose their order.
fn to_json_line(expected: &serde_json::Value, found: &str) -> String {
    assert_eq!(&serde_json::from_str::<serde_json::Value>(found).unwrap(), expected);
    found.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_that_ends_before_the_schedule_keeps_the_last_paid_model() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let file = TaskFile { rounds: 6, epsilon: 8.0, noise_multiplier: "1.0", ..TaskFile::default() };
    file.write(here, &["a"]);
    let ended = to_the_end(here, "test", &["--json"]).await;
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    let summary: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(summary["outcome"], "budget_exhausted");
    let released = summary["rounds_released"].as_u64().unwrap();
    assert!((1..6).contains(&released), "{released}");
    assert!(summary["epsilon"].as_f64().unwrap() <= 8.0);
    let model = here.join(format!("data/models/{}.safetensors", summary["model_sha256"].as_str().unwrap()));
    let manifest = murmur_round::checkpoint::read_manifest(&fs::read(model).unwrap()).unwrap();
    assert_eq!(manifest.round, Some(released as u32 - 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_has_one_server() {
    let folder = TempDir::new().unwrap();
    TaskFile::default().write(folder.path(), &["a"]);
    let mut first = Running::start(server(folder.path(), "test", &[]));
    first.port();
    fails(folder.path(), "test", &[], &["another murmur-server"]);
    first.interrupt();
    assert_eq!(first.wait().status.code(), Some(130));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_privacy_every_line_about_a_round_says_so() {
    let folder = TempDir::new().unwrap();
    let text = TaskFile::default().text();
    let start = text.find("privacy = ").unwrap();
    let end = start + text[start..].find('\n').unwrap();
    let text = text[..start].to_owned() + r#"privacy = { clip = 1.0, mechanism = "none" }"# + &text[end..];
    fs::write(folder.path().join("test.toml"), text).unwrap();
    fs::write(folder.path().join("devices"), "a").unwrap();
    let ended = to_the_end(folder.path(), "test", &[]).await;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    let about: Vec<&str> =
        ended.stderr.lines().filter(|line| line.contains("round") && line.contains("INFO")).collect();
    assert!(about.len() >= 4, "{about:?}");
    assert!(about.iter().all(|line| line.contains("NOT PRIVATE")), "{about:?}");
    assert!(ended.stdout.contains("NOT PRIVATE"), "{}", ended.stdout);
}

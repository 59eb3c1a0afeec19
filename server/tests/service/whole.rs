//! The whole of it: one murmur-server and eight murmur-client processes.

use std::process::{Command, Stdio};

use murmur_round::checkpoint::{read_manifest, read_model};
use murmur_round::task::Task;
use tempfile::TempDir;

use crate::{
    process::{Running, server},
    tasks::TaskFile,
};

/// Builds the device's binary if need be; where it is.
fn client() -> String {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "-p", "murmur-client", "--bin", "murmur-client", "--message-format", "json"])
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "murmur-client does not build");
    let messages = String::from_utf8(output.stdout).unwrap();
    let built = messages.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let mut executables = built.filter_map(|message| Some(message["executable"].as_str()?.to_owned()));
    executables.next_back().expect("cargo names the binary it built")
}

#[test]
fn eight_devices_train_three_rounds_over_loopback() {
    let client = client();
    let folder = TempDir::new().unwrap();
    let devices: Vec<String> = (0..8).map(|index| format!("writer-{index}")).collect();
    let file = TaskFile {
        name: "strokes",
        rounds: 3,
        model: r#"{ kind = "linear", input = [1, 28, 28], classes = 10 }"#,
        // A device that was early waits for the window's end: rounds take this long.
        window_seconds: 3,
        minimum_reports: 8,
        ..TaskFile::default()
    };
    file.write(folder.path(), &devices.iter().map(String::as_str).collect::<Vec<_>>());
    // Lingering longer than a window: the device that sleeps longest still learns that the task is over.
    let mut running = Running::start(server(folder.path(), "strokes", &["--json", "--linger-seconds", "10"]));
    let port = running.port();
    let run = |device: &String| {
        let mut command = Command::new(&client);
        command.args(["run", "--server", &format!("http://127.0.0.1:{port}"), "--data", "strokes"]);
        command.args(["--device-id", device, "--samples", "12", "--json"]).env_remove("RUST_LOG");
        Running::start({
            command.current_dir(folder.path());
            command
        })
    };
    let clients: Vec<Running> = devices.iter().map(run).collect();
    for (client, device) in clients.into_iter().zip(&devices) {
        let ended = client.wait();
        assert_eq!(ended.status.code(), Some(0), "{ended:?}");
        assert_eq!(ended.stdout.trim(), format!(r#"{{"device":"{device}","outcome":"finished"}}"#));
        assert!(ended.stderr.contains("accepted"), "{}", ended.stderr);
        for secret in ["loss", "norm", "examples", "samples"] {
            assert!(!ended.stderr.contains(secret), "{}", ended.stderr);
        }
    }
    let ended = running.wait();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    let summary: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&summary["outcome"], summary["rounds_released"].as_u64()), (&"completed".into(), Some(3)));
    let model = summary["model_sha256"].as_str().unwrap();
    let bytes = std::fs::read(folder.path().join(format!("data/models/{model}.safetensors"))).unwrap();
    assert_eq!(read_manifest(&bytes).unwrap().round, Some(2));
    let layout = Task::from_toml(&file.text()).unwrap().model.layout();
    assert!(read_model(&bytes, layout).unwrap().values().iter().all(|value| value.is_finite()));

    let refused = |arguments: &[&str], named: &str| {
        let output = Command::new(&client).arg("run").args(arguments).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(named), "{stderr}");
    };
    refused(&["--server", "http://10.1.2.3:7878", "--data", "strokes", "--device-id", "a"], "not on this machine");
    refused(&["--server", "http://127.0.0.1:1", "--data", "/nonexistent", "--device-id", "a"], "/nonexistent");
}

//! A task that leaves devices layers of their own: what is released of it, and what is exported.

use murmur_round::{
    checkpoint::{read_manifest, read_model},
    task::Task,
};

use super::fleet::{Site, terminate, text};
use crate::tasks::TaskFile;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_exported_is_a_whole_model_that_says_what_in_it_is_each_devices_own() {
    let site = Site::new();
    let running = site.serve();
    let passes = site.enrol("phones", 3).await;
    let task = TaskFile { name: "own", rounds: 2, minimum_reports: 3, ..TaskFile::default() };
    let written = task.text() + "personal = { layers = [\"output.bias\"] }\n";
    let refused = site.command(&["task", "create", &site.file("wrong", &written.replace(".bias", ".head"))]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(refused.stderr.contains("personal.layers names \"output.head\""), "{}", refused.stderr);
    site.done(&["task", "create", &site.file("own", &written)]);
    let devices = site.take_part(&passes);
    site.until("its end", |site| site.state("own") == "completed").await;
    drop(devices);

    let models = site.json(&["model", "list"]);
    let last = text(&models["models"].as_array().unwrap().last().unwrap()["model_sha256"]);
    let released = std::fs::read(site.path().join(format!("data/models/{last}.safetensors"))).unwrap();
    let task = Task::from_toml(&written).unwrap();
    let shared = read_model(&released, task.shared_layout()).unwrap();
    assert_eq!((shared.dimension(), read_manifest(&released).unwrap().own_layers), (8, Vec::new()));
    let out = site.path().join("model.safetensors");
    site.done(&["model", "export", &last, "--out", out.to_str().unwrap()]);
    let exported = std::fs::read(out).unwrap();
    let whole = read_model(&exported, task.model.layout()).unwrap();
    assert_eq!(whole.values()[..8], *shared.values());
    assert_eq!(whole.values()[8..], task.model.initial().values()[8..], "as the task began with it");
    assert_eq!(read_manifest(&exported).unwrap().own_layers, ["output.bias"]);
    terminate(running).await;
}

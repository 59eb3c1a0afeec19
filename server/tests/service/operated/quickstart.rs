//! `server/tasks/quickstart.toml`, with eight devices and a `kill -9`.

use std::collections::BTreeSet;

use murmur_round::{
    checkpoint::{read_manifest, read_model},
    task::{Schedule, Task},
};

use super::fleet::{Site, terminate, text};

const TASK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tasks/quickstart.toml");

#[test]
fn every_task_that_is_handed_out_fits_the_devices_that_it_speaks_of() {
    for (name, devices) in [("tasks/quickstart.toml", 8), ("deploy/five.toml", 5)] {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        let task = Task::from_toml(&std::fs::read_to_string(path).unwrap()).unwrap();
        assert!(Schedule::new(task.clone(), devices - 1).unwrap_err().passes_with_enrolment(), "{name}");
        Schedule::new(task, devices).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quickstart_charges_on_through_a_kill_and_promises_in_whole_sentences() {
    let site = Site::new();
    assert_eq!(site.charged(), [], "nothing was spent, and nothing runs yet");
    let nobody = site.command(&["task", "list"]);
    assert_eq!(nobody.status.code(), Some(2), "{nobody:?}");
    assert!(nobody.stderr.contains("no server works on data"), "{}", nobody.stderr);

    // The task is there before the devices are: it waits, and says for what.
    let mut running = site.serve();
    let created = site.json(&["task", "create", TASK]);
    assert_eq!((text(&created["name"]), text(&created["state"])), ("quickstart".to_owned(), "waiting".to_owned()));
    assert!(text(&created["reason"]).contains("no device is enrolled"), "{created}");
    assert!(created["guarantee"].is_null(), "nothing is promised before anything is reserved");
    let passes = site.enrol("default", 8).await;
    let devices = site.take_part(&passes);
    site.until("a charged round", |site| !site.charged().is_empty()).await;
    running.child.kill().unwrap();
    running.child.wait().unwrap();

    let before = site.charged();
    let restarted = site.serve();
    let (hash, two_more) = (text(&created["task"]), before.len() + 2);
    site.until("two more charged rounds", |site| site.charged().len() >= two_more).await;
    let charged = site.charged();
    assert_eq!(charged[..before.len()], before, "what was spent stays spent");
    assert!(charged.iter().all(|(task, _)| *task == hash));
    assert_eq!(charged.iter().collect::<BTreeSet<_>>().len(), charged.len(), "no round is charged twice");

    let shown = site.json(&["task", "show", "quickstart"]);
    for (key, part) in [
        ("unit", "device"),
        ("relation", "zero_out"),
        ("mechanism", "gaussian"),
        ("sampling", "8 random devices a round"),
        ("metrics", "none"),
        ("adversary", "coordinator"),
        ("provenance", "operating_system"),
    ] {
        let said = shown["guarantee"][key].to_string().to_lowercase();
        assert!(said.contains(part), "{key}: {said}");
    }
    assert!(!text(&shown["guarantee"]["accountant"]).is_empty());
    let epsilon = |key: &str| shown["guarantee"][key].as_f64().unwrap();
    assert!(
        0.0 < epsilon("epsilon_spent") && epsilon("epsilon_spent") <= epsilon("epsilon") && epsilon("epsilon") <= 8.0
    );
    assert_eq!(epsilon("delta"), 1e-3);
    let said = site.done(&["task", "show", "quickstart"]);
    for part in ["epsilon ", "delta 1e-3", "unit ", "relation ", "accountant ", "sampling ", "metrics ", "adversary "] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }

    drop(devices);
    let ended = terminate(restarted).await;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    // Everything below is read without a server.
    let verified = site.json(&["ledger", "verify"]);
    assert_eq!(verified["ledgers"][0]["population"], "default");
    let models = site.json(&["model", "list"]);
    assert!(models["models"].as_array().unwrap().len() >= 2, "{models}");
    let out = site.path().join("model.safetensors");
    site.done(&["model", "export", &hash, "--out", out.to_str().unwrap()]);
    let file = std::fs::read(&out).unwrap();
    let manifest = read_manifest(&file).unwrap();
    assert_eq!((manifest.task.to_string(), manifest.population.as_str()), (hash.clone(), "default"));
    assert!(manifest.guarantee.is_private());
    let task = Task::from_toml(&std::fs::read_to_string(TASK).unwrap()).unwrap();
    assert!(read_model(&file, task.model.layout()).unwrap().values().iter().any(|value| *value != 0.0));
    let again = site.command(&["model", "export", &hash, "--out", out.to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(2), "a file that is there is not overwritten: {again:?}");
}

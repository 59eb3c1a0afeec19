//! A run that is killed and gone on with.

use std::{process::Stdio, thread, time::Duration};

use serde_json::Value;

use crate::world::{TASK, World, with};

/// A few seconds of rounds.
const ROUNDS: &str = "rounds = 400";

pub(crate) fn world() -> World {
    let world = World::new();
    world.write("task.toml", with(TASK, "rounds", ROUNDS));
    let text = world.read("scenario.toml");
    world.write(
        "scenario.toml",
        text.replace("every = 1", "every = 100").replace("samples_per_device = 4", "samples_per_device = 40"),
    );
    world
}

#[test]
fn a_killed_run_goes_on_to_the_same_bits_and_charges_nothing_twice() {
    let world = world();
    let whole = world.summary(&["--out", "whole"]);
    let mut child = world.command(&["run", "scenario.toml", "--out", "killed"]);
    let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let snapshot = world.path("killed.unfinished/snapshot.bin");
    while !snapshot.exists() && child.try_wait().unwrap().is_none() {
        thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(snapshot.exists() && !world.path("killed").exists(), "the run was over before it could be killed");
    let resume = ["run", "--resume", "killed", "--json"];
    let ended = world.sim(&resume);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let resumed: Value = ended.object();
    for key in ["model_sha256", "ledger_head", "accuracy", "epsilon", "rounds"] {
        assert_eq!(resumed[key], whole[key], "{key}");
    }
    for file in ["ledger.jsonl", "rounds.csv", "scenario.toml", "model.safetensors"] {
        let read = |run: &str| std::fs::read(world.path(run).join(file)).unwrap();
        assert_eq!(read("killed"), read("whole"), "{file}");
    }
    assert!(!world.path("killed.unfinished").exists());
    // Once more changes nothing.
    let again = world.sim(&resume);
    assert_eq!((again.code, again.object()), (Some(0), resumed));
    assert!(again.stderr.contains("this run is over already"), "{again:?}");
}

#[test]
fn a_run_that_kept_nothing_yet_begins_again_and_one_that_was_never_begun_is_an_error() {
    let world = World::new();
    world.fails(&["run", "--resume", "nowhere"], &["no run was begun for this folder"]);
    world.fails(&["run", "--resume", "nowhere", "--seed", "3"], &["--seed"]);
    assert_eq!(world.sim(&["run"]).code, Some(2));
    let whole = world.summary(&["--out", "whole"]);
    // It was killed before its first snapshot.
    world.write("early.unfinished/scenario.toml", world.read("whole/scenario.toml"));
    let ended = world.sim(&["run", "--resume", "early", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.object()["model_sha256"], whole["model_sha256"]);
    world.write("torn.unfinished/scenario.toml", world.read("whole/scenario.toml"));
    world.write("torn.unfinished/snapshot.bin", "half");
    world.fails(&["run", "--resume", "torn"], &["the unfinished run cannot be gone on with"]);
}

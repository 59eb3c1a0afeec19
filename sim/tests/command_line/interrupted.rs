//! ctrl-c: whatever is under way, `--out` holds a whole run or nothing, and what was under way can be gone on with.
#![cfg(unix)]

use std::{
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::Duration,
};

use crate::{
    resumed,
    world::{World, with},
};

/// Starts the program so that ctrl-C reaches it: a shell's background jobs ignore the signal, and so would all that they start, this
/// test included.
fn started(world: &World, arguments: &[&str]) -> Child {
    let command = world.command(arguments);
    let mut listening = Command::new("env");
    listening.arg("--default-signal=INT").arg(command.get_program()).args(command.get_args());
    listening.current_dir(command.get_current_dir().unwrap()).env_remove("RUST_LOG");
    listening.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Presses ctrl-C once `sign` is there.
fn interrupted(mut child: Child, sign: &Path) -> Output {
    while !sign.exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before {} was there", sign.display());
        thread::sleep(Duration::from_millis(5));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn an_interrupted_run_says_how_it_goes_on_and_goes_on_to_the_same_bits() {
    let world = resumed::world();
    let whole = world.summary(&["--out", "whole"]);
    let child = started(&world, &["run", "scenario.toml", "--out", "results", "--json"]);
    let output = interrupted(child, &world.path("results.unfinished/snapshot.bin"));
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&told["outcome"], &told["resume"]), (&"interrupted".into(), &"results".into()));
    let rounds = told["rounds"].as_u64().unwrap();
    let stderr = text(&output.stderr);
    let words = format!("interrupted: after {rounds} rounds: `murmur-sim run --resume results` goes on from there");
    assert!(rounds > 0 && stderr.contains(&words), "{stderr}");
    assert_eq!(world.list("."), ["results.unfinished", "scenario.toml", "task.toml", "whole"]);
    // Nobody begins another run for the same folder by mistake.
    world.fails(&["run", "scenario.toml", "--out", "results"], &["an unfinished run: go on with it by --resume"]);
    let resumed = world.sim(&["run", "--resume", "results", "--json"]).object();
    for key in ["model_sha256", "ledger_head", "accuracy", "rounds"] {
        assert_eq!(resumed[key], whole[key], "{key}");
    }
    assert_eq!(world.read("results/rounds.csv"), world.read("whole/rounds.csv"));
}

#[test]
fn an_interrupted_search_keeps_its_trials_and_says_so() {
    let world = World::new();
    let task = world.read("task.toml");
    world.write("task.toml", with(&task, "rounds", "rounds = 60"));
    world.write("search.toml", crate::tune::SEARCH);
    let child = started(&world, &["tune", "search.toml", "--out", "found", "--quiet"]);
    let output = interrupted(child, &world.path("found/claims"));
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    let stderr = text(&output.stderr);
    assert!(
        stderr.contains("interrupted: ") && stderr.contains("the same command goes on with the others"),
        "{stderr}"
    );
    assert!(!world.path("found/task.toml").exists());
    world.fails(&["report", "found"], &["the search is not over"]);
    let ended = world.sim(&["tune", "search.toml", "--out", "found", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.object()["trials"], 27);
}

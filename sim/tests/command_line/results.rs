//! What `--out` leaves, and what `--rounds` does not change.

use std::fs;

use murmur_privacy::{Digest, Ledger, Provenance, ledger::Entry};
use murmur_round::{
    checkpoint::{read_manifest, read_model},
    task::Task,
};

use crate::world::{TASK, World};

const FILES: [&str; 4] = ["ledger.jsonl", "model.safetensors", "rounds.csv", "scenario.toml"];

/// The same with the summary and the report, which say how long the run took.
const ALL: [&str; 6] =
    ["ledger.jsonl", "model.safetensors", "report.html", "rounds.csv", "scenario.toml", "summary.json"];

fn entries(world: &World, file: &str) -> Vec<Entry> {
    let text = world.read(file);
    (0..).zip(text.lines()).map(|(index, line)| Entry::from_line(index, line).unwrap()).collect()
}

#[test]
fn the_folder_holds_the_model_the_ledger_the_rounds_and_a_scenario_that_runs_again() {
    let world = World::new();
    let summary = world.summary(&["--out", "deep/first"]);
    assert_eq!(world.list("deep/first"), ALL);
    assert_eq!(world.list("deep"), ["first"], "nothing beside it");

    let kept: serde_json::Value = serde_json::from_str(&world.read("deep/first/summary.json")).unwrap();
    assert_eq!(kept, summary);

    let model = fs::read(world.path("deep/first/model.safetensors")).unwrap();
    assert_eq!(Digest::of(&model).to_string(), summary["model_sha256"].as_str().unwrap());
    let layout = Task::from_toml(TASK).unwrap().model.layout();
    assert_eq!(read_model(&model, layout).unwrap().dimension() as u64, summary["parameters"].as_u64().unwrap());
    let manifest = read_manifest(&model).unwrap();
    assert_eq!(manifest.round, Some(2));
    assert_eq!(manifest.guarantee.provenance, Provenance::Simulated, "the file itself says that it is simulated");

    let entries = entries(&world, "deep/first/ledger.jsonl");
    assert_eq!(entries.len(), 11, "opened, reserved, and for each of three rounds opened, spent and released");
    let head = entries.last().unwrap().digest.to_string();
    let ledger = Ledger::replay(entries).unwrap();
    assert_eq!(ledger.provenance(), Provenance::Simulated);
    assert_eq!(ledger.head().to_string(), head);
    assert_eq!(summary["ledger_head"], head);

    let rounds = world.read("deep/first/rounds.csv");
    let lines: Vec<&str> = rounds.lines().collect();
    assert!(lines[0].starts_with("round,epsilon,accuracy,loss,"), "{rounds}");
    assert_eq!(lines.len(), 4);
    let last: Vec<f64> = lines[3].split(',').take(4).map(|field| field.parse().unwrap()).collect();
    let told = ["rounds", "epsilon", "accuracy", "loss"].map(|key| summary[key].as_f64().unwrap());
    assert_eq!(last, told);

    let again = world.sim(&["run", "deep/first/scenario.toml", "--json", "--out", "second"]);
    assert_eq!(again.code, Some(0), "{again:?}");
    assert_eq!(again.object()["model_sha256"], summary["model_sha256"]);
    for file in FILES {
        let read = |run: &str| fs::read(world.path(run).join(file)).unwrap();
        assert_eq!(read("deep/first"), read("second"), "{file}");
    }
}

#[test]
fn a_number_of_rounds_only_stops_early() {
    let world = World::new();
    let (all, two) = (world.summary(&["--out", "all"]), world.summary(&["--out", "two", "--rounds", "2"]));
    assert_eq!((&two["outcome"], &two["rounds"]), (&"stopped_early".into(), &2.into()));
    for key in ["task", "noise_multiplier", "epsilon_reserved", "rounds_scheduled"] {
        assert_eq!(all[key], two[key], "{key}");
    }
    assert!(two["epsilon"].as_f64() < all["epsilon"].as_f64());
    for (file, fewer) in [("rounds.csv", 1), ("ledger.jsonl", 3)] {
        let (long, short) = (world.read(&format!("all/{file}")), world.read(&format!("two/{file}")));
        assert!(long.starts_with(&short), "{file}");
        assert_eq!(long.lines().count() - short.lines().count(), fewer, "{file}");
    }
    // The ledger names the model of every round: the second one's is the model that the short run left.
    let model = two["model_sha256"].as_str().unwrap();
    assert!(world.read("all/ledger.jsonl").lines().nth(7).unwrap().contains(model));
    assert_ne!(all["model_sha256"], two["model_sha256"]);
    assert_eq!(world.summary(&["--rounds", "9"])["model_sha256"], all["model_sha256"]);
}

#[test]
fn results_of_two_runs_are_never_mixed() {
    let world = World::new();
    world.summary(&["--out", "results"]);
    let before: Vec<Vec<u8>> = FILES.iter().map(|file| fs::read(world.path("results").join(file)).unwrap()).collect();
    let arguments = ["run", "scenario.toml", "--seed", "8", "--out", "results"];
    world.fails(&arguments, &["results: not empty"]);
    let after: Vec<Vec<u8>> = FILES.iter().map(|file| fs::read(world.path("results").join(file)).unwrap()).collect();
    assert_eq!(before, after);

    fs::create_dir(world.path("empty")).unwrap();
    world.summary(&["--out", "empty/"]);
    assert_eq!(world.list("empty"), ALL);

    world.write("file", "");
    world.fails(&["run", "scenario.toml", "--out", "file"], &["file: "]);
    world.fails(&["run", "scenario.toml", "--out", "file/below"], &["file"]);
    for none in [".", "new/..", "/"] {
        let ended = world.sim(&["run", "scenario.toml", "--out", none]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{none}: {ended:?}");
    }
}

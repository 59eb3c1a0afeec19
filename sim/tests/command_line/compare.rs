//! `murmur-sim compare`: runs beside one another, and in what they differ.

use crate::world::{TASK, World, with};

#[test]
fn runs_are_laid_over_one_another_and_their_differences_named() {
    let world = World::new();
    world.write("clip.toml", with(TASK, "privacy", r#"privacy = { clip = 0.25, mechanism = "gaussian", epsilon = 8.0, delta = 0.01, noise_multiplier = "calibrate" }"#));
    let one = world.summary(&["--out", "one"]);
    let two = world.summary(&["--out", "two", "--task", "clip.toml", "--seed", "8"]);
    world.summary(&["--out", "same"]);
    let ended = world.sim(&["compare", "one", "two", "--json", "--out", "compared.html"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let told = ended.object();
    for (run, summary) in told["runs"].as_array().unwrap().iter().zip([&one, &two]) {
        for key in ["task", "seed", "accuracy", "loss", "epsilon", "model_sha256", "test_examples"] {
            assert_eq!(run[key], summary[key], "{key}");
        }
    }
    let differences = told["differences"].as_object().unwrap();
    assert_eq!(differences.keys().collect::<Vec<_>>(), ["seed", "task.privacy.clip"]);
    assert_eq!(differences["task.privacy.clip"], serde_json::json!(["0.5", "0.25"]));
    let html = world.read("compared.html");
    for part in
        ["one", "two", "task.privacy.clip", "0.25", "n = 2 runs; each model on n = 20 test examples", "SIMULATED"]
    {
        assert!(html.contains(part), "{part}");
    }
    assert_eq!(html.matches("<figure>").count(), 4);

    let ended = world.sim(&["compare", "one", "same"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("they differ in nothing that was written down"), "{ended:?}");
}

#[test]
fn what_is_no_run_is_not_compared() {
    let world = World::new();
    world.summary(&["--out", "one"]);
    world.write("other/summary.json", "{}");
    world.fails(&["compare", "one", "other"], &["other: no finished run"]);
    world.fails(&["compare", "one", "nowhere"], &["nowhere: no finished run"]);
    world.fails(&["compare", "one"], &["2 values required"]);
    world.write("old/ledger.jsonl", world.read("one/ledger.jsonl")).write("old/summary.json", "{}");
    world.fails(&["compare", "one", "old"], &["old/summary.json: not as this version of murmur-sim writes it"]);
}

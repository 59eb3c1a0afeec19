//! What a run says: one JSON object, or sentences; and what changes it.

use crate::world::{TASK, World, with};

#[test]
fn a_run_says_one_json_object_on_stdout_and_nothing_else() {
    let world = World::new();
    let ended = world.sim(&["run", "scenario.toml", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stderr, "");
    let summary = ended.object();
    assert_eq!(summary["simulated"], true);
    assert_eq!(summary["outcome"], "completed");
    assert_eq!((&summary["rounds"], &summary["rounds_scheduled"]), (&3.into(), &3.into()));
    assert_eq!((&summary["devices"], &summary["seed"]), (&12.into(), &7.into()));
    let number = |key: &str| summary[key].as_f64().unwrap_or_else(|| panic!("{key} in {summary}"));
    assert!((0.0..=1.0).contains(&number("accuracy")));
    assert!(number("loss") > 0.0);
    assert!((7.5..=8.0).contains(&number("epsilon")), "calibration uses the budget up: {}", number("epsilon"));
    assert_eq!((number("delta"), number("sampling_rate"), number("clip")), (0.01, 0.5, 0.5));
    assert!(number("noise_multiplier") > 0.1);
    assert!(number("wall_seconds") > 0.0);
    assert_eq!(summary["model_sha256"].as_str().unwrap().len(), 64);
    assert_eq!(world.list("."), ["scenario.toml", "task.toml"], "without --out nothing is written");
}

#[test]
fn without_a_mechanism_nothing_is_promised_and_both_outputs_say_so() {
    let world = World::new();
    world.write("none.toml", with(TASK, "privacy", r#"privacy = { clip = 0.5, mechanism = "none" }"#));
    let summary = world.summary(&["--task", "none.toml"]);
    assert_eq!((&summary["epsilon"], &summary["epsilon_reserved"]), (&"inf".into(), &"inf".into()));
    assert!(summary["delta"].is_null() && summary["noise_multiplier"].is_null(), "{summary}");
    let ended = world.sim(&["run", "scenario.toml", "--task", "none.toml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for stream in [&ended.stdout, &ended.stderr] {
        assert!(stream.contains("epsilon     infinite: NOT PRIVATE (mechanism = \"none\")"), "{stream}");
    }
    let private = world.sim(&["run", "scenario.toml"]);
    assert!(!private.stdout.contains("NOT PRIVATE") && private.stdout.contains("SIMULATED"), "{private:?}");
}

#[test]
fn the_seed_changes_the_model_and_the_number_of_threads_does_not() {
    let world = World::new();
    let model = |more: &[&str]| world.summary(more)["model_sha256"].as_str().unwrap().to_owned();
    let one = model(&["--threads", "1"]);
    assert_eq!(model(&["--threads", "2"]), one);
    assert_eq!(model(&["--threads", "3", "--seed", "7"]), one);
    assert_ne!(model(&["--seed", "8"]), one);
}

#[test]
fn another_task_file_replaces_the_scenarios() {
    let world = World::new();
    world.write("other.toml", with(&with(TASK, "name", "name = \"other\""), "rounds", "rounds = 2"));
    let (own, other) = (world.summary(&[]), world.summary(&["--task", "other.toml"]));
    assert_eq!((&other["name"], &other["rounds"]), (&"other".into(), &2.into()));
    assert_ne!(own["task"], other["task"]);
    world.fails(&["run", "scenario.toml", "--task", "absent.toml"], &["absent.toml"]);
}

#[test]
fn a_run_of_no_rounds_or_no_threads_is_a_mistake_of_the_command_line() {
    let world = World::new();
    world.fails(&["run", "scenario.toml", "--rounds", "0"], &["--rounds"]);
    world.fails(&["run", "scenario.toml", "--threads", "0"], &["--threads"]);
}

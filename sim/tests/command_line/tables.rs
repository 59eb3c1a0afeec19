//! Populations out of one table, and averages of released models beside the last one.

use crate::world::{SCENARIO, TASK, World, with};

/// Three sites, two features, whoever is older is class 1; the last row of each is for testing.
pub(crate) fn world() -> World {
    let world = World::new();
    let mut text = "site,age,pain,kind,sick\n".to_owned();
    for (site, ages) in [("a", [20, 70, 30, 80]), ("b", [25, 75, 35, 20]), ("c", [10, 60, 20, 90])] {
        for (age, kind) in ages.iter().zip(["train", "train", "train", "test"]) {
            text += &format!("{site},{age},{},{kind},{}\n", age % 3, u8::from(*age > 50));
        }
    }
    world.write("data/people.csv", text);
    let source = r#"source = { kind = "table", path = "people.csv", label = "sick", user = "site", split = "kind", standardise = "by_user", categorical = { pain = ["0", "1", "2"] } }"#;
    let scenario = with(&with(&with(SCENARIO, "source", source), "devices", ""), "samples_per_device", "");
    let task = with(TASK, "model", r#"model = { kind = "linear", input = [1, 1, 3], classes = 2 }"#);
    let task = with(
        &task,
        "participation",
        "participation = { kind = \"fixed\", cohort = 3, window_seconds = 10, minimum_reports = 3 }",
    );
    let task = with(&task, "privacy", "privacy = { clip = 1.0, mechanism = \"none\" }");
    let server = r#"server = { optimizer = "yogi", learning_rate = 0.5, beta1 = 0.9, beta2 = 0.99, tau = 0.01, average = { kind = "window", rounds = 2 } }"#;
    world.write("scenario.toml", scenario).write("task.toml", with(&task, "server", server));
    world
}

#[test]
fn every_user_of_a_table_is_a_device_and_is_reported() {
    let world = world();
    let summary = world.summary(&["--data", "data", "--out", "out"]);
    assert_eq!((&summary["devices"], &summary["test_examples"]), (&3.into(), &3.into()));
    let users = summary["test_users"].as_array().unwrap();
    let names: Vec<&str> = users.iter().map(|user| user["user"].as_str().unwrap()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    // One test example each: the mean over users is the averaged model's accuracy.
    assert_eq!(summary["mean_user_accuracy"], summary["averaged_accuracy"]);
    assert_eq!(summary["averaged_accuracy"], 1.0, "{summary}");
    assert!(world.list("out").contains(&"averaged.safetensors".to_owned()));
    assert!(world.column("out/rounds.csv", "averaged_accuracy").iter().any(Option::is_some));
    // The file itself, and the resolved scenario, mean the same.
    assert_eq!(world.summary(&["--data", "data/people.csv"])["model_sha256"], summary["model_sha256"]);
    let again = world.sim(&["run", "out/scenario.toml", "--json"]);
    assert_eq!(again.object()["model_sha256"], summary["model_sha256"], "{again:?}");
}

#[test]
fn what_a_table_cannot_be_used_for_is_refused() {
    let world = world();
    world.fails(&["run", "scenario.toml"], &["people.csv", "No such file"]);
    let scenario = world.read("scenario.toml").replace("by_user", "whole");
    world.write("scenario.toml", scenario);
    assert_eq!(world.sim(&["run", "scenario.toml", "--data", "data"]).code, Some(0));
    let promise = r#"privacy = { clip = 1.0, mechanism = "gaussian", epsilon = 8.0, delta = 0.1, noise_multiplier = "calibrate" }"#;
    world.write("task.toml", with(&world.read("task.toml"), "privacy", promise));
    world.fails(&["run", "scenario.toml", "--data", "data"], &["standardise = \"whole\"", "everybody's rows"]);
}

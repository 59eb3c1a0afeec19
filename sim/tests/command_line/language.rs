//! Text as a population, the language model in a run, and what is asked about both afterwards.

use crate::world::{SCENARIO, TASK, World, with};

/// Four users who say the same over and over, and one who speaks once.
fn world() -> World {
    let world = World::new();
    let mut lines = String::new();
    for user in ["a/One", "a/Two", "b/One", "b/Two"] {
        let said = serde_json::json!({ "user": user, "speeches": ["abcabcabc".repeat(8), "abcabc".repeat(8)] });
        lines += &format!("{said}\n");
    }
    lines += "{\"user\": \"c/Once\", \"speeches\": [\"xyz\"]}\n";
    world.write("texts/lines.jsonl", lines);
    let source = r#"source = { kind = "text", path = "lines.jsonl", user = "user", text = "speeches", least_texts = 2, train = 0.75 }"#;
    let scenario = with(&with(&with(SCENARIO, "source", source), "devices", ""), "samples_per_device", "");
    let model = r#"model = { kind = "gru", vocabulary = "abc\n", embedding = 3, hidden = 8, sequence = 20 }"#;
    let task = with(&with(TASK, "model", model), "rounds", "rounds = 6");
    let task = with(&task, "plan", "plan = { epochs = 8, batch_size = 2, learning_rate = 1.0 }");
    let everybody = "participation = { kind = \"fixed\", cohort = 4, window_seconds = 10, minimum_reports = 4 }";
    let task =
        with(&with(&task, "participation", everybody), "privacy", "privacy = { clip = 100.0, mechanism = \"none\" }");
    world
        .write("scenario.toml", scenario)
        .write("task.toml", with(&task, "server", "server = { optimizer = \"fedavg\", learning_rate = 1.0 }"));
    world
}

#[test]
fn a_language_model_learns_from_users_texts_and_is_asked_about_afterwards() {
    let world = world();
    let summary = world.summary(&["--data", "texts", "--out", "out"]);
    // A quarter of 121 characters of each of the four who speak twice.
    assert_eq!((&summary["devices"], &summary["test_examples"]), (&4.into(), &124.into()));
    assert!(summary["accuracy"].as_f64().unwrap() > 0.8, "{summary}");
    assert_eq!(
        world.summary(&["--data", "texts/lines.jsonl", "--threads", "1"])["model_sha256"],
        summary["model_sha256"]
    );

    // The folder that the run left knows its own model and data; the model alone does not.
    let evaluated = world.sim(&["evaluate", "out", "--json"]).object();
    assert_eq!(evaluated["test"]["accuracy"], summary["accuracy"]);
    assert_eq!(evaluated["test"]["loss"], summary["loss"]);
    assert_eq!(evaluated["test"]["users"].as_array().unwrap().len(), 4);
    assert_eq!(evaluated["manifest"]["name"], "tiny");
    assert!(evaluated["test"]["expected_calibration_error"].as_f64().unwrap() < 0.5, "{evaluated}");
    world.write("alone/model.safetensors", std::fs::read(world.path("out/model.safetensors")).unwrap());
    world.fails(&["evaluate", "alone/model.safetensors"], &["alone/model.safetensors", "--scenario"]);
    let by_scenario = ["evaluate", "alone", "--scenario", "scenario.toml", "--data", "texts", "--json"];
    assert_eq!(world.sim(&by_scenario).object()["test"], evaluated["test"]);
    // As a folder, everybody is tested on a fifth, whoever spoke once included.
    let by_task = world.sim(&["evaluate", "alone", "--task", "task.toml", "--data", "texts", "--json"]).object();
    assert_eq!(by_task["test"]["users"].as_array().unwrap().len(), 5);
    let text = world.sim(&["evaluate", "out"]).stdout;
    assert!(
        text.contains("NOT PRIVATE") && text.contains("of 124 examples") && text.contains("over 4 users"),
        "{text}"
    );
    world.fails(&["evaluate", "out", "--task", "scenario.toml", "--data", "texts"], &["scenario.toml"]);
    world.write(
        "other.toml",
        with(&world.read("task.toml"), "model", "model = { kind = \"linear\", input = [1, 28, 28], classes = 10 }"),
    );
    let other = ["evaluate", "alone", "--task", "other.toml", "--data", "texts"];
    world.fails(&other, &["the examples are text"]);
}

#[test]
fn a_transformer_learns_from_users_texts_too() {
    let world = world();
    let model = r#"model = { kind = "transformer", vocabulary = "abc\n", embedding = 8, heads = 2, layers = 1, hidden = 12, sequence = 20 }"#;
    let task = with(&with(&world.read("task.toml"), "model", model), "rounds", "rounds = 10");
    world.write("task.toml", with(&task, "plan", "plan = { epochs = 8, batch_size = 2, learning_rate = 0.2 }"));
    let summary = world.summary(&["--data", "texts", "--out", "out"]);
    assert!(summary["accuracy"].as_f64().unwrap() > 0.8, "{summary}");
    let alone = world.summary(&["--data", "texts", "--threads", "1"]);
    assert_eq!(alone["model_sha256"], summary["model_sha256"]);
    assert_eq!(world.sim(&["evaluate", "out", "--json"]).object()["test"]["loss"], summary["loss"]);
}

#[test]
fn data_are_described_as_they_lie_and_as_devices_hold_them() {
    let world = world();
    let lies = world.sim(&["data", "describe", "texts", "--json"]).object();
    assert_eq!((&lies["users"], &lies["text"]), (&5.into(), &true.into()));
    let held =
        world.sim(&["data", "describe", "scenario.toml", "--data", "texts", "--plot", "skew.svg", "--json"]).object();
    assert_eq!((&held["users"], &held["examples"]), (&4.into(), &360.into()));
    assert_eq!(held["user_sizes"], serde_json::json!([90, 90, 90, 90]));
    // Everybody says the same.
    assert!(held["mean_label_distance"].as_f64().unwrap() < 1e-9, "{held}");
    assert!(held["mean_label_distance_by_chance"].as_f64().unwrap() > 0.0, "{held}");
    assert!(world.read("skew.svg").contains("<svg"));
    let text = world.sim(&["data", "describe", "texts"]).stdout;
    assert!(text.contains("'a'") && text.contains("users       5"), "{text}");
    let strokes = World::new();
    let drawn = strokes.sim(&["data", "describe", "scenario.toml", "--json"]).object();
    assert_eq!((&drawn["users"], &drawn["examples"], &drawn["test_examples"]), (&12.into(), &48.into(), &20.into()));
    strokes.fails(&["data", "describe", ".", "--data", "."], &["--data goes with a scenario"]);
}

#[test]
fn what_text_cannot_be_used_for_is_refused() {
    let world = world();
    world.fails(&["run", "scenario.toml"], &["lines.jsonl", "No such file"]);
    let folder =
        with(&world.read("scenario.toml"), "source", "source = { kind = \"folder\" }\npartition = { kind = \"iid\" }");
    world.write("dealt.toml", folder.replace("[population]", "[population]\ndevices = 2\nsamples_per_device = 3"));
    world.fails(&["run", "dealt.toml", "--data", "texts"], &["belongs to whoever wrote it"]);
    let all = world.read("scenario.toml").replace("train = 0.75", "train = 1.0");
    world.write("all.toml", all);
    world.fails(&["run", "all.toml", "--data", "texts"], &["nothing is left to test on"]);
    let strokes = World::new();
    strokes.write("task.toml", world.read("task.toml"));
    strokes.fails(&["run", "scenario.toml"], &["the model reads text"]);
}

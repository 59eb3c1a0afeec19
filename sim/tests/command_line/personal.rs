//! Recordings as a population, users who are held out, and models that users make their own.

use std::f64::consts::TAU;

use crate::world::{SCENARIO, TASK, World, with};

/// A WAV file: a tenth of a second of one pitch, 8,000 samples a second of 16 bits.
fn tone(pitch: f64) -> Vec<u8> {
    let samples = (0..800).map(|at| (8_000.0 * (TAU * pitch * f64::from(at) / 8_000.0).sin()) as i16);
    let data: Vec<u8> = samples.flat_map(i16::to_le_bytes).collect();
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + data.len() as u32).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    bytes.extend(8_000_u32.to_le_bytes());
    bytes.extend(16_000_u32.to_le_bytes());
    bytes.extend(b"\x02\0\x10\0data");
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    bytes
}

/// Three users who say low for no and high for yes, and cy, who says it the other way round: six clips each to learn from, four to be tested on.
pub(crate) fn world() -> World {
    let world = World::new();
    for (index, user) in ["al", "bo", "di", "cy"].into_iter().enumerate() {
        for take in 0..10 {
            let (is_yes, split) = (take % 2 == 1, if take < 6 { "train" } else { "test" });
            let is_high = is_yes != (user == "cy");
            let pitch = if is_high { 2_000.0 } else { 400.0 } + 10.0 * index as f64 + f64::from(take);
            let label = if is_yes { "yes" } else { "no" };
            world.write(&format!("data/clips/{split}/{label}_{user}_{take}.wav"), tone(pitch));
        }
    }
    let source = r#"source = { kind = "audio", path = "clips", name = "{split}/{label}_{user}_{take}.wav", word = "yes", bands = 8, frames = 4 }"#;
    let scenario = with(&with(&with(SCENARIO, "source", source), "devices", ""), "samples_per_device", "");
    let task = with(TASK, "model", r#"model = { kind = "mlp", input = [1, 8, 4], hidden = [8], classes = 2 }"#);
    let task = with(
        &with(&task, "rounds", "rounds = 8"),
        "plan",
        "plan = { epochs = 5, batch_size = 2, learning_rate = 0.05 }",
    );
    let three = "participation = { kind = \"fixed\", cohort = 3, window_seconds = 10, minimum_reports = 3 }";
    let task =
        with(&with(&task, "participation", three), "privacy", "privacy = { clip = 100.0, mechanism = \"none\" }");
    world
        .write("scenario.toml", scenario)
        .write("task.toml", with(&task, "server", "server = { optimizer = \"fedavg\", learning_rate = 1.0 }"));
    world
}

fn held_out(world: &World, users: &str) -> String {
    world.read("scenario.toml").replace("[population]", &format!("[population]\nheld_out = {users}"))
}

#[test]
fn recordings_are_a_population_and_who_is_held_out_is_measured_apart() {
    let world = world();
    let held = world.sim(&["data", "describe", "scenario.toml", "--data", "data", "--json"]).object();
    assert_eq!((&held["users"], &held["examples"], &held["test_examples"]), (&4.into(), &24.into(), &16.into()));
    assert_eq!(held["shape"], serde_json::json!([1, 8, 4]));
    world.write("without.toml", held_out(&world, "[\"cy\"]"));
    let ended = world.sim(&["run", "without.toml", "--data", "data", "--json", "--out", "out"]);
    let summary = ended.object();
    assert_eq!((&summary["devices"], &summary["test_examples"]), (&3.into(), &12.into()));
    let evaluated = world.sim(&["evaluate", "out", "--json"]).object();
    assert_eq!(evaluated["test"]["accuracy"], 1.0, "{evaluated}");
    // Who says everything the other way round is always misunderstood by the others' model.
    assert_eq!((&evaluated["unseen"]["accuracy"], &evaluated["unseen"]["examples"]), (&0.0.into(), &4.into()));
    assert_eq!(evaluated["unseen"]["users"][0]["user"], "cy");
    let held = world.sim(&["data", "describe", "without.toml", "--data", "data", "--json"]).object();
    assert_eq!((&held["users"], &held["unseen_examples"]), (&3.into(), &4.into()));
    world.write("nobody.toml", held_out(&world, "[\"eve\"]"));
    world.fails(&["run", "nobody.toml", "--data", "data"], &["no user is called eve"]);
    let strokes = World::new();
    strokes.write("held.toml", held_out(&strokes, "[\"1\"]"));
    strokes.fails(&["run", "held.toml"], &["population.held_out names users of the data"]);
}

#[test]
fn a_released_model_becomes_each_users_own() {
    let world = world();
    world.write("without.toml", held_out(&world, "[\"cy\"]"));
    assert_eq!(world.sim(&["run", "without.toml", "--data", "data", "--out", "out"]).code, Some(0));
    let asked = ["personalise", "out", "--epochs", "40", "--lambda", "0.01"];
    let found = world.sim(&[&asked[..], &["--plot", "own.svg", "--json"]].concat()).object();
    let accuracy = |user: &str, method: &str| {
        let users = found["users"].as_array().unwrap();
        let line = users.iter().find(|line| line["user"] == user).unwrap_or_else(|| panic!("no {user}: {found}"));
        line["methods"][method]["accuracy"].as_f64().unwrap()
    };
    for method in ["shared model", "fine-tuned", "own head", "Ditto"] {
        assert_eq!(accuracy("al", method), 1.0, "{method}: {found}");
        assert_eq!(accuracy("cy", method), f64::from(u8::from(method != "shared model")), "{method}: {found}");
    }
    assert_eq!(accuracy("cy", "alone"), 1.0, "two words by themselves are easy: {found}");
    let shared = &found["mean_over_users"]["shared model"];
    assert_eq!((&shared["accuracy"], &shared["shown"]), (&0.75.into(), &0.75.into()));
    assert_eq!(
        shared["detection"],
        serde_json::json!({ "recall": 0.75, "false_alarms": 0.25, "balanced_accuracy": 0.75 })
    );
    assert_eq!((&found["shown"], &found["leave_one_out"]), (&"balanced_accuracy".into(), &false.into()));
    let picture = world.read("own.svg");
    assert!(picture.contains("n = 4 users, one run"), "{picture}");
    assert!(["cy", "Ditto", "balanced accuracy"].iter().all(|part| picture.contains(part)), "{picture}");
    // Two clips of the six.
    let few = world.sim(&[&asked[..], &["--examples", "2", "--json"]].concat()).object();
    assert_eq!((&few["users"][0]["train"], &found["users"][0]["train"]), (&2.into(), &6.into()));
    // Held tightly, nobody moves; and whichever thread works on whom changes nothing.
    let tight = ["personalise", "out", "--epochs", "40", "--lambda", "19", "--json", "--threads", "1"];
    let tight = world.sim(&tight).object();
    assert_eq!(tight["users"][0]["methods"]["Ditto"]["accuracy"], 0.0, "{tight}");
    assert_eq!(tight["users"][0]["methods"]["fine-tuned"], found["users"][0]["methods"]["fine-tuned"]);
    let text = world.sim(&asked).stdout;
    for part in ["nothing leaves it, and no budget is spent", "NOT PRIVATE", "cy*", "mean over users", "words heard"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn every_user_is_left_out_in_turn() {
    let world = world();
    let asked =
        ["personalise", "scenario.toml", "--leave-one-out", "--data", "data", "--epochs", "40", "--seeds", "1,2"];
    let found = world.sim(&[&asked[..], &["--json"]].concat()).object();
    assert_eq!((&found["trials"], &found["leave_one_out"]), (&serde_json::json!(["seed 1", "seed 2"]), &true.into()));
    let users = found["users"].as_array().unwrap();
    assert_eq!(users.len(), 4);
    // The worst served comes first.
    assert_eq!((&users[0]["user"], &users[0]["methods"]["shared model"]["accuracy"]), (&"cy".into(), &0.0.into()));
    assert_eq!(users[0]["methods"]["fine-tuned"]["accuracy_by_trial"], serde_json::json!([1.0, 1.0]));
    let text = world.sim(&asked).stdout;
    assert!(text.contains("everybody but the user of the row") && text.contains("least to most"), "{text}");
}

#[test]
fn people_who_are_drawn_have_more_to_be_tested_on() {
    let world = World::new();
    assert_eq!(world.sim(&["run", "scenario.toml", "--out", "out"]).code, Some(0));
    let found = world.sim(&["personalise", "out", "--json"]).object();
    // Two writers make twenty digits, as many as there are test examples.
    let users = found["users"].as_array().unwrap();
    let sizes: Vec<_> = users.iter().map(|user| (&user["train"], &user["test"])).collect();
    assert_eq!(sizes, [(&4.into(), &10.into()), (&4.into(), &10.into())], "{found}");
}

#[test]
fn what_cannot_be_made_personal_is_refused() {
    let world = World::new();
    world.fails(&["personalise", "scenario.toml", "--leave-one-out"], &["nobody to make a model personal for"]);
    world.fails(&["personalise", "a", "b", "--leave-one-out"], &["name one"]);
    world.write("scenario.toml", SCENARIO.replace("\"strokes\"", "\"teacher\""));
    assert_eq!(world.sim(&["run", "scenario.toml", "--out", "out"]).code, Some(0));
    world.fails(&["personalise", "out"], &["do not say whose test examples"]);
    world.write("alone/model.safetensors", std::fs::read(world.path("out/model.safetensors")).unwrap());
    world.fails(&["personalise", "alone"], &["name a --scenario"]);
    let tables = crate::tables::world();
    tables.fails(
        &["personalise", "scenario.toml", "--leave-one-out", "--data", "data", "--lambda", "0"],
        &["--lambda must be a positive number"],
    );
}

//! `check`: what is promised, and what is wrong, by name.

use crate::world::{SCENARIO, TASK, World, with};

#[test]
fn a_valid_file_is_told_by_its_promise() {
    let world = World::new();
    let task = world.sim(&["check", "task.toml", "--population", "12", "--json"]);
    let scenario = world.sim(&["check", "scenario.toml", "--json"]);
    for (ended, kind) in [(&task, "task"), (&scenario, "scenario")] {
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
        assert_eq!(ended.object()["kind"], kind);
    }
    let (task, scenario) = (task.object(), scenario.object());
    for key in ["name", "task", "population", "rounds", "rounds_affordable", "parameters", "ring_bits"] {
        assert_eq!(task[key], scenario[key], "{key}");
    }
    assert_eq!((&task["population"], &task["rounds_affordable"]), (&12.into(), &3.into()));
    assert!(task["guarantee"]["epsilon"].as_f64().unwrap() <= 8.0);
    // A task alone is checked for the most devices that its delta allows: fewer than 1/0.01.
    let human = world.sim(&["check", "task.toml"]);
    assert_eq!(human.code, Some(0), "{human:?}");
    assert!(human.stdout.contains("guarantee for 99 devices") && human.stdout.contains("3 of 3 are affordable"));
    let quickstart = world.sim(&["check", "quickstart"]);
    assert_eq!(quickstart.code, Some(0), "{quickstart:?}");
    assert!(quickstart.stdout.contains("guarantee for 20000 devices"), "{quickstart:?}");
    assert_eq!(world.list("."), ["scenario.toml", "task.toml"]);
}

#[test]
fn every_task_that_comes_with_the_program_is_valid() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let tasks: Vec<_> = files.filter(|path| path.to_str().unwrap().ends_with("-task.toml")).collect();
    assert!(tasks.len() >= 4, "{tasks:?}");
    for task in tasks {
        let ended = World::empty().sim(&["check", task.to_str().unwrap()]);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    }
}

#[test]
fn every_mistake_in_a_task_is_named_with_its_key_and_its_file() {
    let world = World::new();
    let privacy = |clip: &str, delta: &str| {
        format!(
            r#"privacy = {{ clip = {clip}, mechanism = "gaussian", epsilon = 8.0, delta = {delta}, noise_multiplier = 1.0 }}"#
        )
    };
    let without = |key: &str| with(TASK, key, "");
    let cases: [(String, &[&str]); 11] = [
        (format!("{TASK}epochs = 3\n"), &["bad.toml", "unknown field `epochs`"]),
        (without("privacy"), &["bad.toml", "missing field `privacy`"]),
        (without("rounds"), &["bad.toml", "missing field `rounds`"]),
        (with(TASK, "rounds", "rounds = 0"), &["bad.toml", "rounds must be at least 1"]),
        (
            with(TASK, "privacy", r#"privacy = { clip = 0.5, mechanism = "gaussian" }"#),
            &["bad.toml", "privacy.epsilon is missing"],
        ),
        (with(TASK, "privacy", &privacy("0.5", "0.1")), &["privacy.delta is 1e-1", "1/12"]),
        (with(TASK, "privacy", &privacy("0.0", "0.01")), &["bad.toml", "clip must be"]),
        (with(TASK, "privacy", &privacy("-1.0", "0.01")), &["bad.toml", "clip must be"]),
        (with(TASK, "privacy", &privacy("nan", "0.01")), &["bad.toml", "clip must be"]),
        (
            with(TASK, "plan", "plan = { epochs = 0, batch_size = 4, learning_rate = 0.1 }"),
            &["bad.toml", "plan.epochs"],
        ),
        ("rounds = = 3".to_owned(), &["bad.toml", "TOML parse error"]),
    ];
    for (text, named) in cases {
        world.write("bad.toml", &text);
        world.fails(&["check", "bad.toml", "--population", "12"], named);
        world.fails(&["run", "scenario.toml", "--task", "bad.toml"], named);
    }
}

#[test]
fn every_mistake_in_a_scenario_is_named_with_its_key_and_its_file() {
    let world = World::new();
    let cases: [(String, &[&str]); 8] = [
        (with(SCENARIO, "seed", "seed = 7\nsede = 8"), &["unknown field `sede`"]),
        (with(SCENARIO, "seed", ""), &["missing field `seed`"]),
        (with(SCENARIO, "devices", ""), &["population.devices and population.samples_per_device are needed"]),
        (with(SCENARIO, "devices", "devices = 0"), &["population.devices must be at least 1"]),
        (with(SCENARIO, "devices", "devices = 12\nepsilon = 1.0"), &["population.epsilon and population.delta"]),
        (with(SCENARIO, "every", "every = 0"), &["evaluation.every must be at least 1"]),
        (with(SCENARIO, "source", "source = { kind = \"strokes\", path = \"x\" }"), &["unknown field `path`"]),
        (with(SCENARIO, "source", "source = { kind = \"cloud\" }"), &["unknown variant `cloud`"]),
    ];
    for (text, named) in cases {
        world.write("bad.toml", &text);
        for command in ["check", "run"] {
            world.fails(&[command, "bad.toml"], &[named, &["bad.toml"]].concat());
        }
    }
    world.write("elsewhere.toml", with(SCENARIO, "task", "task = \"absent.toml\""));
    world.fails(&["check", "elsewhere.toml"], &["absent.toml", "No such file"]);
    world.fails(&["run", "scenario.toml", "--data", "somewhere"], &["--data was given"]);
    world.fails(&["check", "task.toml", "--data", "somewhere"], &["--data goes with a scenario"]);
    world.fails(&["check", "scenario.toml", "--population", "5"], &["--population goes with a task"]);
    world.fails(&["check", "task.toml", "--population", "0"], &["no device is enrolled"]);
}

#[test]
fn a_file_that_is_not_there_is_one_sentence() {
    let world = World::empty();
    for command in ["run", "check"] {
        let ended = world.sim(&[command, "nothing.toml"]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
        let sentence = "error: there is no file \"nothing.toml\", and no built-in scenario of that name (there is: \
                        quickstart)\n";
        assert_eq!(ended.stderr, sentence);
    }
    assert!(world.list(".").is_empty());
}

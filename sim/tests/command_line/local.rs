//! Virtual devices that randomise their own updates.

use crate::world::{SCENARIO, TASK, World, with};

const LOCAL: &str = r#"local = { mechanism = "privunit2", epsilon = 8.0 }"#;

fn world(budget: &str) -> World {
    let world = World::empty();
    let privacy = format!(
        r#"privacy = {{ clip = 0.5, mechanism = "gaussian", epsilon = 8.0, delta = 0.01, noise_multiplier = "calibrate", {LOCAL} }}"#
    );
    let everybody = r#"participation = { kind = "poisson", rate = 1.0, window_seconds = 10, minimum_reports = 3 }"#;
    world.write("task.toml", with(&with(TASK, "privacy", &privacy), "participation", everybody));
    world.write("scenario.toml", SCENARIO.replace("[population]", &format!("[population]\n{budget}")));
    world
}

#[test]
fn both_guarantees_are_printed_and_every_device_pays_for_each_round_that_it_takes_part_in() {
    let world = world("local_epsilon = 100.0");
    let summary = world.summary(&["--threads", "1"]);
    let local = &summary["guarantee"]["local"];
    assert_eq!((&local["mechanism"], &local["participations"]), (&"privunit2".into(), &3.into()));
    let each = local["each"]["epsilon"].as_f64().unwrap();
    assert!((7.9..=8.0).contains(&each), "{local}");
    assert_eq!(local["each"]["sampling"], "idealised");
    let spent = summary["local_epsilon_spent"].as_f64().unwrap();
    assert!((spent / (3.0 * each) - 1.0).abs() < 1e-9, "{spent}");
    assert!(summary["epsilon"].as_f64().unwrap() <= 8.0);
    // Which thread a device is worked for by changes nothing.
    assert_eq!(world.summary(&["--threads", "2"])["model_sha256"], summary["model_sha256"]);
    assert_ne!(world.summary(&["--seed", "8"])["model_sha256"], summary["model_sha256"]);
    let ended = world.sim(&["run", "scenario.toml"]);
    for line in ["  epsilon     ", "  local       privunit2, each time", "idealised", "12 devices spent something"] {
        assert!(ended.stdout.contains(line), "{line}: {}", ended.stdout);
    }
}

#[test]
fn nothing_is_randomised_without_a_budget_and_nobody_goes_beyond_it() {
    world("").fails(&["run", "scenario.toml"], &["population.local_epsilon is missing"]);
    world("local_delta = 1e-6").fails(&["run", "scenario.toml"], &["population.local_delta goes with"]);
    // Enough for two of three rounds: devices stay out of the third, which is released without them.
    let summary = world("local_epsilon = 20.0").summary(&[]);
    let spent = summary["local_epsilon_spent"].as_f64().unwrap();
    assert!((15.8..=16.0).contains(&spent), "{spent}");
    assert_eq!(summary["rounds"], 3);
}

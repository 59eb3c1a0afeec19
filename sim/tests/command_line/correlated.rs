//! Correlated noise, for devices that nobody can sample.

use crate::world::{TASK, World, with};

/// Four rounds of the first three that come; a device comes twice at most, and not in neighbouring rounds.
fn task(mechanism: &str, limits: &str) -> String {
    let participation = format!(
        r#"participation = {{ kind = "check_in", cohort = 3, {limits} window_seconds = 10, minimum_reports = 3 }}"#
    );
    let privacy = format!(
        r#"privacy = {{ clip = 0.5, {mechanism}, epsilon = 8.0, delta = 0.01, noise_multiplier = "calibrate" }}"#
    );
    with(&with(&with(TASK, "rounds", "rounds = 4"), "participation", &participation), "privacy", &privacy)
}

const TWICE: &str = "separation = 2, participations = 2,";

#[test]
fn a_run_with_correlated_noise_is_complete_claims_no_sampling_and_does_not_depend_on_threads() {
    let world = World::new();
    for (mechanism, name, limits) in [
        (r#"mechanism = "banded", bands = 2"#, "banded", TWICE),
        (r#"mechanism = "blt", buffers = 2"#, "blt", TWICE),
        (r#"mechanism = "tree", leaves = 2"#, "tree", "separation = 2, participations = 1,"),
    ] {
        world.write("other.toml", task(mechanism, limits));
        let summary = world.summary(&["--task", "other.toml", "--threads", "1"]);
        assert_eq!((&summary["outcome"], &summary["rounds"]), (&"completed".into(), &4.into()));
        let guarantee = &summary["guarantee"];
        assert_eq!((&guarantee["mechanism"], &guarantee["accountant"]), (&name.into(), &"exact-gaussian".into()));
        let sampling = guarantee["sampling"].as_str().unwrap();
        assert!(sampling.contains("none claimed") && sampling.contains("at least 2 apart"), "{sampling}");
        assert!(summary["sampling_rate"].is_null());
        let epsilon = summary["epsilon"].as_f64().unwrap();
        assert!((7.5..=8.0).contains(&epsilon), "{name}: calibration uses the budget up: {epsilon}");
        let again = world.summary(&["--task", "other.toml", "--threads", "3"]);
        assert_eq!(again["model_sha256"], summary["model_sha256"], "{name}");
    }
}

#[test]
fn a_task_whose_noise_and_turns_do_not_fit_is_refused_with_what_to_do() {
    let world = World::new();
    let fails = |task: String, named: &str| {
        world.write("other.toml", task);
        world.fails(&["run", "scenario.toml", "--task", "other.toml"], &[named]);
    };
    fails(task(r#"mechanism = "banded", bands = 3"#, TWICE), "3 bands need a separation of at least 3 rounds, not 2");
    fails(
        task(r#"mechanism = "blt", buffers = 2"#, ""),
        "participation.separation and participation.participations are both",
    );
    fails(task(r#"mechanism = "gaussian""#, TWICE), "go with correlated noise only");
    let crowded = task(r#"mechanism = "blt", buffers = 2"#, TWICE).replace("cohort = 3", "cohort = 10");
    fails(crowded, "13 enrolled devices are needed so that 3 can always take part, and there are 12");
    let coins = with(
        TASK,
        "privacy",
        r#"privacy = { clip = 0.5, mechanism = "blt", buffers = 2, epsilon = 8.0, delta = 0.01, noise_multiplier = 2.0 }"#,
    );
    fails(coins, "does not go with participation.kind = \"poisson\"");
}

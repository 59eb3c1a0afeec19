//! Exit code 1: the budget says no, before the first round or in between.

use murmur_round::checkpoint::read_manifest;

use crate::world::{SCENARIO, TASK, World, with};

/// A task whose budget does not last for its rounds, because its noise is a number.
fn short_lived(epsilon: f64) -> String {
    let privacy = format!(
        r#"privacy = {{ clip = 0.5, mechanism = "gaussian", epsilon = {epsilon:?}, delta = 0.01, noise_multiplier = 1.0 }}"#
    );
    with(&with(TASK, "rounds", "rounds = 6"), "privacy", &privacy)
}

#[test]
fn a_budget_that_ends_before_the_rounds_keeps_the_last_paid_model() {
    let world = World::new();
    world.write("task.toml", short_lived(4.0));
    let ended = world.sim(&["run", "scenario.toml", "--json", "--out", "results"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let summary = ended.object();
    assert_eq!(summary["outcome"], "budget_exhausted");
    let rounds = summary["rounds"].as_u64().unwrap();
    assert!((1..6).contains(&rounds), "{summary}");
    assert!(summary["epsilon"].as_f64().unwrap() <= 4.0);
    let manifest = read_manifest(&std::fs::read(world.path("results/model.safetensors")).unwrap()).unwrap();
    assert_eq!(manifest.round.map(u64::from), Some(rounds - 1));

    let human = world.sim(&["run", "scenario.toml"]);
    assert_eq!(human.code, Some(1), "{human:?}");
    assert!(human.stdout.contains(&format!("stopped by the budget before round {}", rounds + 1)), "{human:?}");
    let check = world.sim(&["check", "scenario.toml"]);
    assert_eq!(check.code, Some(0), "{check:?}");
    assert!(check.stdout.contains(&format!("{rounds} of 6 are affordable")), "{check:?}");
    assert!(check.stderr.contains(&format!("the budget ends after round {rounds}")), "{check:?}");
}

#[test]
fn a_task_above_the_populations_budget_is_refused_with_both_numbers() {
    let world = World::new();
    world.write("scenario.toml", with(SCENARIO, "devices", "devices = 12\nepsilon = 3.0\ndelta = 0.01"));
    for command in ["run", "check"] {
        let ended = world.sim(&[command, "scenario.toml"]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
        for part in ["refused: ", "needs epsilon 7.9", "has epsilon 3.0000", "\"writers\""] {
            assert_eq!(ended.stderr.matches(part).count(), 1, "{part:?}: {ended:?}");
        }
    }
    let ended = world.sim(&["run", "scenario.toml", "--json", "--out", "results"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let refusal = ended.object();
    assert_eq!((&refusal["outcome"], &refusal["simulated"]), (&"refused".into(), &true.into()));
    assert!(refusal["error"].as_str().unwrap().contains("has epsilon 3.0000"), "{refusal}");
    assert_eq!(world.list("."), ["scenario.toml", "task.toml"], "a refusal leaves nothing");

    world.write("scenario.toml", with(SCENARIO, "devices", "devices = 12\nepsilon = 9.0\ndelta = 0.01"));
    assert_eq!(world.summary(&[])["outcome"], "completed");
}

#[test]
fn a_task_whose_first_round_is_too_dear_is_refused() {
    let world = World::new();
    world.write("task.toml", short_lived(0.5));
    for arguments in [["run", "scenario.toml"], ["check", "scenario.toml"], ["check", "task.toml"]] {
        let ended = world.sim(&arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
        assert!(ended.stderr.contains("more than the task's budget of 0.5000"), "{ended:?}");
        ended.says_nothing_twice();
    }
}

//! Tasks whose devices randomise their own updates.

use super::*;

fn local(section: &str) -> String {
    TASK.replace("[server]", &format!("[privacy.local]\n{section}\n[server]"))
}

const PRIVUNIT2: &str = "mechanism = \"privunit2\"\nepsilon = 16.0";
const PROJECTED: &str = "mechanism = \"privunit2\"\nepsilon = 16.0\nprojection = { kind = \"hadamard\", sent = 1000 }";

#[test]
fn tasks_with_a_local_randomiser_are_read_and_every_mistake_in_them_is_named() {
    for section in [
        PRIVUNIT2,
        PROJECTED,
        "mechanism = \"privunitg\"\nepsilon = 64.0\nmagnitude_epsilon = 2.0",
        "mechanism = \"gaussian\"\nepsilon = 8.0\ndelta = 1e-6",
    ] {
        let task = Task::from_toml(&local(section)).unwrap();
        assert_eq!(Task::from_json(&task.to_json().unwrap()).unwrap(), task);
        assert_ne!(task.hash().unwrap(), Task::from_toml(TASK).unwrap().hash().unwrap());
        assert!(task.randomiser(0).unwrap().is_some());
    }
    assert!(Task::from_toml(TASK).unwrap().randomiser(0).unwrap().is_none());
    for (section, named) in [
        ("mechanism = \"privunit2\"", "epsilon"),
        ("epsilon = 16.0", "mechanism"),
        ("mechanism = \"privunit3\"\nepsilon = 1.0", "privunit3"),
        ("mechanism = \"privunit2\"\nepsilon = 1.0\ndelta = 0.1", "delta"),
        ("mechanism = \"privunit2\"\nepsilon = \"inf\"", "epsilon"),
        ("mechanism = \"gaussian\"\nepsilon = 1.0", "delta"),
        ("mechanism = \"privunit2\"\nepsilon = 16.0\nprojection = { kind = \"hadamard\", sent = 100000 }", "100000"),
    ] {
        let error = Task::from_toml(&local(section)).unwrap_err().to_string();
        assert!(error.contains(named), "{section}: {error}");
    }
}

#[test]
fn devices_send_nothing_that_their_randomiser_does_not_cover() {
    for (more, named) in [
        ("metrics = { share = 0.1, loss_bound = 5.0 }", "privacy.metrics has devices send"),
        (
            "adaptive_clip = { quantile = 0.5, learning_rate = 0.2, share = 0.1 }",
            "privacy.adaptive_clip has devices send",
        ),
    ] {
        let text = local(PRIVUNIT2).replace("clip = 0.3", &format!("clip = 0.3\n{more}"));
        let error = Task::from_toml(&text).unwrap_err().to_string();
        assert!(error.contains(named) && error.contains("remove it, or [privacy.local]"), "{error}");
    }
    let open = local(PRIVUNIT2)
        .replace("clip = 0.3", "clip = 0.3\nnon_private_metrics = true")
        .replace("kind = \"poisson\"\nrate = 0.1", "kind = \"fixed\"\ncohort = 250");
    assert!(Task::from_toml(&open).unwrap_err().to_string().contains("privacy.non_private_metrics has devices send"));
    let turns = "kind = \"check_in\"\ncohort = 250\nseparation = 10\nparticipations = 6\n";
    let banded = |section| {
        local(section)
            .replace("kind = \"poisson\"\nrate = 0.1\n", turns)
            .replace("mechanism = \"gaussian\"\n", "mechanism = \"banded\"\nbands = 8\n")
    };
    assert_eq!(Task::from_toml(&banded(PRIVUNIT2)).unwrap().most_participations(), 6);
    let error = Task::from_toml(&banded(PROJECTED)).unwrap_err().to_string();
    assert!(error.contains("privacy.local.projection is drawn anew for every round"), "{error}");
}

#[test]
fn the_central_sensitivity_is_how_far_the_randomiser_reaches() {
    let plain = Schedule::new(Task::from_toml(TASK).unwrap(), 3_000).unwrap();
    for (section, sent) in [(PRIVUNIT2, 7_850), (PROJECTED, 1_000)] {
        let task = Task::from_toml(&local(section)).unwrap();
        let randomiser = task.randomiser(0).unwrap().unwrap();
        let schedule = Schedule::new(task, 3_000).unwrap();
        let grid = schedule.grid();
        assert_eq!(grid.dimension(), sent);
        let reach = randomiser.output_bound().norm;
        let bound = schedule.encoding(schedule.task().privacy.clip).clip();
        assert!(reach > 1.0 && bound >= reach && bound < 1.01 * reach, "{reach} {bound}");
        // The noise is for what is sent, not for what was trained.
        let (noise, before) = (schedule.mechanism().sigma() as f64 * grid.step(), plain.mechanism().sigma() as f64);
        let ratio = noise / (before * plain.grid().step()) / (bound / 0.3);
        assert!((ratio - 1.0).abs() < 0.02, "{ratio}");
    }
}

#[test]
fn every_round_has_its_own_projection_and_all_its_devices_the_same() {
    let task = Task::from_toml(&local(PROJECTED)).unwrap();
    let decoded = |task: &Task, round| {
        let randomiser = task.randomiser(round).unwrap().unwrap();
        randomiser.decode((0..1_000).map(f64::from).collect())
    };
    assert_eq!(decoded(&task, 3), decoded(&task, 3));
    assert_ne!(decoded(&task, 3), decoded(&task, 4));
    let other = Task { name: "another".to_owned(), ..task.clone() };
    assert_ne!(decoded(&task, 3), decoded(&other, 3));
}

#[test]
fn how_often_a_device_takes_part_at_most_follows_from_who_is_selected() {
    let most = |text: &str| Task::from_toml(text).unwrap().most_participations();
    assert_eq!(most(TASK), 60);
    let allocation = "kind = \"allocation\"\nblock_rounds = 20\nrounds_per_device = 3\n";
    assert_eq!(most(&TASK.replace("kind = \"poisson\"\nrate = 0.1\n", allocation)), 9);
}

//! What devices measure, and the clip that follows them.

use std::fs;

use serde_json::Value;

use crate::world::{TASK, World, with};

fn task(privacy: &str) -> String {
    with(TASK, "privacy", &format!("privacy = {{ clip = 0.5, {privacy} }}"))
}

const GAUSSIAN: &str = r#"mechanism = "gaussian", epsilon = 8.0, delta = 0.01, noise_multiplier = "calibrate""#;
const METRICS: &str = "metrics = { share = 0.1, loss_bound = 5.0 }";

fn ran(world: &World, privacy: &str, more: &[&str]) -> Value {
    world.write("other.toml", task(privacy));
    world.summary(&[&["--task", "other.toml"], more].concat())
}

#[test]
fn g06_metrics_within_the_budget_say_so_and_without_noise_they_are_the_truth() {
    let world = World::new();
    let private = ran(&world, &format!("{GAUSSIAN}, {METRICS}"), &["--out", "private"]);
    assert_eq!(private["guarantee"]["metrics"], "private");
    assert_eq!(private["metrics"]["private"], true);
    assert!(private["epsilon"].as_f64().unwrap() <= 8.0, "{private}");
    for column in ["reports", "device_accuracy", "device_loss"] {
        let numbers = world.column("private/rounds.csv", column);
        assert!(numbers.len() == 3 && numbers.iter().all(Option::is_some), "{column}: {numbers:?}");
    }
    // Without a mechanism the same coordinates arrive as they were sent: whole devices, and accuracies of four examples each.
    let open = ran(&world, &format!(r#"mechanism = "none", {METRICS}"#), &[]);
    assert_eq!(open["guarantee"]["metrics"], "not_private");
    let metric = |key: &str| open["metrics"][key].as_f64().unwrap();
    let reports = metric("reports");
    assert!((reports - reports.round()).abs() < 0.01 && (1.0..=12.0).contains(&reports.round()), "{open}");
    let right = metric("accuracy") * reports.round() * 4.0;
    assert!((right - right.round()).abs() < 0.05, "{open}");
    assert!((0.0..5.0).contains(&metric("loss")));
    // Nobody asked: nothing is measured.
    assert!(ran(&world, GAUSSIAN, &[])["metrics"].is_null());
}

#[test]
fn metrics_in_clear_are_marked_everywhere_and_refused_where_the_cohort_is_a_secret() {
    let world = World::new();
    world.write("open.toml", task(&format!("{GAUSSIAN}, non_private_metrics = true")));
    world.fails(&["run", "scenario.toml", "--task", "open.toml"], &["privacy.non_private_metrics"]);
    let fixed = r#"participation = { kind = "fixed", cohort = 6, window_seconds = 10, minimum_reports = 3 }"#;
    let open = with(&task(&format!("{GAUSSIAN}, non_private_metrics = true")), "participation", fixed);
    world.write("open.toml", &open);
    let summary = world.summary(&["--task", "open.toml"]);
    assert_eq!(summary["guarantee"]["metrics"], "not_private");
    assert_eq!((&summary["metrics"]["private"], &summary["metrics"]["reports"]), (&false.into(), &6.0.into()));
    let ended = world.sim(&["run", "scenario.toml", "--task", "open.toml"]);
    for stream in [&ended.stdout, &ended.stderr] {
        assert!(stream.contains("metrics     NOT PRIVATE"), "{stream}");
    }
    assert!(world.sim(&["check", "open.toml", "--population", "12"]).stdout.contains("metrics     NOT PRIVATE"));
}

#[test]
fn the_clip_moves_toward_the_devices_and_is_told() {
    let world = World::new();
    let adaptive = "adaptive_clip = { quantile = 0.5, learning_rate = 1.0, share = 0.2 }";
    // Where nothing is noised the first steps are plain: far too small a clip grows by e^(1/2) a round, far too large a one shrinks.
    for (start, factor) in [("1e-6", 0.5_f64.exp()), ("1e3", (-0.5_f64).exp())] {
        let privacy = format!(r#"privacy = {{ clip = {start}, mechanism = "none", {adaptive} }}"#);
        let everybody = "participation = { kind = \"poisson\", rate = 1.0, window_seconds = 10, minimum_reports = 3 }";
        world.write("moving.toml", with(&with(TASK, "privacy", &privacy), "participation", everybody));
        let summary = world.summary(&["--task", "moving.toml"]);
        let (first, now) = (summary["clip"].as_f64().unwrap(), summary["clip_now"].as_f64().unwrap());
        assert!((now / (first * factor.powi(3)) - 1.0).abs() < 1e-9, "{first} {now}");
    }
    let summary = ran(&world, &format!("{GAUSSIAN}, {adaptive}"), &["--out", "moved"]);
    let clips: Vec<f64> = world.column("moved/rounds.csv", "clip").into_iter().flatten().collect();
    assert_eq!((clips.len(), Some(clips[0])), (3, summary["clip"].as_f64()), "the first round's is the task's own");
    assert!(clips.windows(2).all(|pair| pair[0] != pair[1]), "{clips:?}");
    assert_ne!(summary["clip"], summary["clip_now"]);
    let ended = world.sim(&["run", "scenario.toml", "--task", "other.toml"]);
    assert!(ended.stdout.contains("  clip        "), "{ended:?}");
}

#[test]
fn fedprox_may_follow_the_loss_that_rounds_release() {
    let world = World::new();
    let plan = |key: &str| format!("plan = {{ epochs = 1, batch_size = 4, learning_rate = 0.1, {key} }}");
    let rule = "adaptive_proximal = { start = 1.0, step = 0.5, patience = 1 }";
    let followed = with(&task(&format!("{GAUSSIAN}, {METRICS}")), "plan", &plan(rule));
    world.write("followed.toml", with(&followed, "rounds", "rounds = 6"));
    let summary = world.summary(&["--task", "followed.toml", "--out", "followed"]);
    assert_eq!(summary["outcome"], "completed", "{summary}");
    // The rule by hand: up by a half after a rise, down by a half after a fall, and the first loss is neither.
    let losses = world.column("followed/rounds.csv", "device_loss");
    let steps = losses.windows(2).map(|pair| if pair[1] > pair[0] { 0.5 } else { -0.5 });
    let expected = steps.fold(1.0_f64, |mu, step| (mu + step).max(0.0));
    let model = fs::read(world.path("followed/model.safetensors")).unwrap();
    let head = usize::try_from(u64::from_le_bytes(model[..8].try_into().unwrap())).unwrap();
    let head: Value = serde_json::from_slice(&model[8..8 + head]).unwrap();
    let manifest: Value = serde_json::from_str(head["__metadata__"]["murmur"].as_str().unwrap()).unwrap();
    assert_eq!(manifest["proximal"]["mu"], expected, "{losses:?}");
    assert_eq!(manifest["proximal"]["loss"].as_f64(), losses[5]);
    // One that would carry what nobody noised into models that are promised to be noised.
    let fixed = r#"participation = { kind = "fixed", cohort = 6, window_seconds = 10, minimum_reports = 3 }"#;
    let open = with(&task(&format!("{GAUSSIAN}, non_private_metrics = true")), "participation", fixed);
    world.write("unnoised.toml", with(&open, "plan", &plan(rule)));
    world.fails(&["run", "scenario.toml", "--task", "unnoised.toml"], &["plan.adaptive_proximal", "without noise"]);
    // A pull that follows nothing.
    world.write("blind.toml", with(&task(GAUSSIAN), "plan", &plan(rule)));
    world.fails(&["run", "scenario.toml", "--task", "blind.toml"], &["plan.adaptive_proximal", "privacy.metrics"]);
}

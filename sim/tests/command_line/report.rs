//! Reports: everything that was found, nothing that was not paid for, from the folder alone and with no network.

use serde_json::Value;

use crate::world::{TASK, World, with};

const FLEET: &str = r#"
[fleet]
examples_per_second = { median = 1.0, spread = 1.0 }
megabits_per_second = { median = 0.5, spread = 0.5 }
drop_out = 0.2
"#;

/// What has to be true of every report.
pub(crate) fn sound(html: &str) {
    assert!(html.starts_with("<!DOCTYPE html><html lang=\"en\">"), "{}", &html[..80]);
    for loaded in ["src=", "href=\"http", "url(", "<script", "@import", "<link"] {
        assert!(!html.contains(loaded), "{loaded} loads something");
    }
    for nothing in ["NaN", "Infinity"] {
        assert!(!html.contains(nothing), "{nothing}");
    }
    let pictures = html.matches("role=\"img\" aria-label=").count();
    assert!(pictures >= html.matches("<figure>").count(), "every picture says what it shows");
    // A picture has its numbers below it, and says how many of what it is made of.
    assert_eq!(html.matches("<figcaption>").count(), html.matches("<summary>Numbers</summary>").count());
    for caption in html.split("<figcaption>").skip(1) {
        let caption = caption.split("</figcaption>").next().unwrap();
        assert!(caption.contains("n = ") || caption.contains("parameters"), "{caption}");
    }
    for link in html.split("href=\"#").skip(1) {
        let name = link.split('"').next().unwrap();
        assert!(html.contains(&format!("id=\"{name}\"")), "#{name} leads nowhere");
    }
}

fn has(html: &str, parts: &[&str]) {
    for part in parts {
        assert!(html.contains(part), "{part:?} is missing");
    }
}

#[test]
fn a_run_leaves_a_report_that_follows_from_its_folder() {
    let world = World::new();
    let summary = world.summary(&["--out", "run"]);
    let html = world.read("run/report.html");
    sound(&html);
    let accuracy = format!("{:.2} %", 100.0 * summary["accuracy"].as_f64().unwrap());
    has(
        &html,
        &[
            "SIMULATED",
            "This run protects nobody.",
            "What is promised",
            "What is not promised",
            "(ε, δ)-differential privacy",
            "add-or-remove one device",
            "Poisson: the coordinator includes",
            "trusted with single updates",
            "until secure aggregation exists",
            "These counts are a simulation's.",
            &accuracy,
            "of n = 20 test examples outside of the population",
            summary["model_sha256"].as_str().unwrap(),
            summary["task"].as_str().unwrap(),
            "mean cross-entropy (nats)",
            "epsilon spent (nats)",
            "the task's budget",
            "rdp",
            "pld",
            "Noise over signal",
            "Who took part",
            "Time by phase",
        ],
    );
    let before = html.clone();
    std::fs::remove_file(world.path("run/report.html")).unwrap();
    let ended = world.sim(&["report", "run"]);
    assert_eq!((ended.code, ended.stdout.trim()), (Some(0), "run/report.html"), "{ended:?}");
    assert!(world.read("run/report.html") == before, "the same folder gives the same bytes");
    world.sim(&["report", "run", "--out", "elsewhere.html"]);
    assert!(world.read("elsewhere.html") == before);
    world.write("other/nothing", "");
    world.fails(&["report", "other"], &["other: no finished run"]);
}

#[test]
fn without_noise_a_report_promises_nothing() {
    let world = World::new();
    world.write("none.toml", with(TASK, "privacy", r#"privacy = { clip = 0.5, mechanism = "none" }"#));
    world.summary(&["--task", "none.toml", "--out", "open"]);
    let html = world.read("open/report.html");
    sound(&html);
    has(&html, &["Nothing is promised.", "NOT PRIVATE", "epsilon is infinite"]);
    assert!(!html.contains("differential privacy for a device"));
}

#[test]
fn correlated_noise_randomised_updates_and_open_metrics_have_reports_too() {
    let world = World::new();
    let gaussian = r#"mechanism = "gaussian", epsilon = 8.0, delta = 0.01, noise_multiplier = "calibrate""#;
    let turns = r#"participation = { kind = "check_in", cohort = 3, window_seconds = 10, minimum_reports = 2, separation = 2, participations = 2 }"#;
    let fixed = r#"participation = { kind = "fixed", cohort = 6, window_seconds = 10, minimum_reports = 3 }"#;
    let banded = gaussian.replace("\"gaussian\"", "\"banded\", bands = 2");
    let scenario =
        world.read("scenario.toml").replace("samples_per_device = 4", "samples_per_device = 4\nlocal_epsilon = 1000.0");
    world.write("scenario.toml", scenario);
    for (name, privacy, participation, parts) in [
        (
            "turns",
            banded.clone(),
            turns,
            &["banded", "A block of 3 rounds is charged with its first", "the noise of several rounds is correlated"][..],
        ),
        (
            "open",
            format!("{gaussian}, non_private_metrics = true"),
            fixed,
            &["by devices, NOT PRIVATE", "published without noise"],
        ),
        (
            "local",
            format!("{gaussian}, local = {{ mechanism = \"privunit2\", epsilon = 8.0 }}"),
            fixed,
            &["privunit2, each time a device takes part"],
        ),
        (
            "moving",
            format!(
                "{gaussian}, adaptive_clip = {{ quantile = 0.5, learning_rate = 0.2, share = 0.1 }}, metrics = {{ share = 0.1, loss_bound = 5.0 }}"
            ),
            fixed,
            &["by devices, noised", "The clip follows a quantile"],
        ),
    ] {
        let task = with(
            &with(TASK, "privacy", &format!("privacy = {{ clip = 0.5, {privacy} }}")),
            "participation",
            participation,
        );
        world.write("other.toml", task);
        world.summary(&["--task", "other.toml", "--out", name]);
        let html = world.read(&format!("{name}/report.html"));
        sound(&html);
        has(&html, parts);
        assert!(!html.contains("These counts are a simulation's."), "{name}: nothing is claimed of sampling");
    }
}

#[test]
fn every_device_that_was_assigned_is_in_exactly_one_place_of_the_funnel() {
    let world = World::new();
    world.write("scenario.toml", world.read("scenario.toml") + FLEET);
    world.write("task.toml", with(TASK, "rounds", "rounds = 12"));
    world.summary(&["--out", "run"]);
    let column = |name: &str| world.column("run/rounds.csv", name).into_iter().flatten().collect::<Vec<f64>>();
    let [assigned, reported, dropped, late] = ["assigned", "reported", "dropped_out", "late"].map(column);
    let others: Vec<Vec<f64>> = ["withdrew", "not_assigned", "wrong_grid"].map(column).into();
    for round in 0..12 {
        let rest: f64 = others.iter().map(|counts| counts[round]).sum();
        assert_eq!(assigned[round], reported[round] + dropped[round] + late[round] + rest, "round {round}");
    }
    let sum = |counts: &[f64]| counts.iter().sum::<f64>();
    assert!(sum(&reported) > 0.0 && sum(&dropped) > 0.0 && sum(&late) > 0.0, "{reported:?} {dropped:?} {late:?}");
    let (opened, released) = (column("opened_seconds"), column("released_seconds"));
    assert!(opened.iter().zip(&released).all(|(opened, released)| opened <= released));
    assert!(released.windows(2).all(|pair| pair[0] <= pair[1]));
    let html = world.read("run/report.html");
    sound(&html);
    has(&html, &["Virtual time by round", "Dropped out", "started, and were not heard of again in the round"]);
}

#[test]
fn a_ledger_has_a_report_without_any_count_of_a_round() {
    let world = World::new();
    world.summary(&["--out", "run"]);
    let ended = world.sim(&["budget", "ledger", "run/ledger.jsonl", "--report", "ledger.html", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let told: Value = ended.object();
    let html = world.read("ledger.html");
    sound(&html);
    has(
        &html,
        &[
            "the chain holds",
            told["head"].as_str().unwrap(),
            "writers",
            "Budget left",
            "SIMULATED",
            "the task's budget",
            "round 3 paid for",
        ],
    );
    for count in ["assigned", "Reported", "test examples"] {
        assert!(!html.contains(count), "{count}");
    }
    // A chain that does not hold has no report.
    let text = world.read("run/ledger.jsonl");
    world.write("broken.jsonl", text.replacen("writers", "wwiters", 1));
    let ended = world.sim(&["budget", "ledger", "broken.jsonl", "--report", "broken.html"]);
    assert_eq!((ended.code, world.path("broken.html").exists()), (Some(1), false), "{ended:?}");
}

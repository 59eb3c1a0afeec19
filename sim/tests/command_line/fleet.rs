//! `[fleet]`: virtual time, and what it does to rounds.

use crate::world::{SCENARIO, TASK, World, with};

const RATES: &str = r#"
[fleet]
examples_per_second = { kind = "constant", value = 2.0 }
download_bytes_per_second = { kind = "constant", value = 100000.0 }
upload_bytes_per_second = { kind = "constant", value = 100000.0 }
"#;

fn world(fleet: &str) -> World {
    let world = World::empty();
    world.write("scenario.toml", SCENARIO.to_owned() + fleet).write("task.toml", with(TASK, "rounds", "rounds = 8"));
    world
}

#[test]
fn time_passes_for_devices_and_the_report_shows_it_beside_ours() {
    let world = world(RATES);
    let summary = world.summary(&["--out", "results", "--threads", "1"]);
    assert_eq!((&summary["outcome"], &summary["rounds"]), (&"completed".into(), &8.into()));
    let seconds = summary["simulated_seconds"].as_f64().unwrap();
    // Four examples take two seconds, model and update about half a second, and so many rounds follow each other.
    assert!((8.0 * 2.2..8.0 * 12.0).contains(&seconds), "{seconds}");
    let rounds = world.read("results/rounds.csv");
    let lines: Vec<&str> = rounds.lines().collect();
    assert_eq!(lines[0], "round,epsilon,accuracy,loss,simulated_seconds");
    let times: Vec<f64> = lines[1..].iter().map(|line| line.rsplit(',').next().unwrap().parse().unwrap()).collect();
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 2.2), "{times:?}");
    assert_eq!(world.summary(&["--threads", "3"])["model_sha256"], summary["model_sha256"]);
    let told = world.sim(&["run", "scenario.toml"]);
    assert!(told.stdout.contains("hours for the devices"), "{}", told.stdout);
    let again = world.sim(&["run", "results/scenario.toml", "--json"]);
    assert_eq!(again.object()["model_sha256"], summary["model_sha256"], "the resolved scenario holds the fleet");
}

#[test]
fn whoever_comes_too_late_counts_as_zero_and_costs_the_round_its_window() {
    let quick = world(RATES).summary(&[]);
    // Nobody makes it within the ten seconds of a round.
    let late = world(&RATES.replace("value = 2.0", "value = 0.1")).summary(&[]);
    assert_eq!((&late["outcome"], &late["rounds"]), (&"completed".into(), &8.into()));
    assert!(late["simulated_seconds"].as_f64().unwrap() >= 80.0, "{late}");
    assert_eq!(late["epsilon"], quick["epsilon"], "what was assigned is paid for, whoever answers");
    // Devices that are lost do the same, and what is released of either is noise alone: the same model.
    let lost = world(&(RATES.to_owned() + "drop_out = 0.999999\n")).summary(&[]);
    assert!(lost["simulated_seconds"].as_f64().unwrap() >= 80.0, "{lost}");
    assert_ne!(late["model_sha256"], quick["model_sha256"]);
}

#[test]
fn rounds_wait_for_the_hours_in_which_devices_are_there() {
    let hours = |open: usize| {
        let list: Vec<&str> = (0..24).map(|hour| if hour == open { "1.0" } else { "0.0" }).collect();
        format!("{RATES}available_by_hour = [{}]\n", list.join(", "))
    };
    let seconds = |open| world(&hours(open)).summary(&[])["simulated_seconds"].as_f64().unwrap();
    let (now, evening) = (seconds(0), seconds(20));
    assert!(now < 3_600.0 && evening >= 20.0 * 3_600.0 && evening < 21.0 * 3_600.0, "{now} {evening}");
}

#[test]
fn a_fleet_that_cannot_be_is_an_error_that_names_the_key() {
    for (from, to, named) in [
        ("value = 2.0", "value = 0.0", "fleet.examples_per_second must be positive"),
        (
            "\"constant\", value = 2.0",
            "\"uniform\", low = 3.0, high = 2.0",
            "fleet.examples_per_second must be positive",
        ),
        ("\n[fleet]\n", "\n[fleet]\ndrop_out = 1.0\n", "fleet.drop_out must be at least 0 and below 1"),
        ("\n[fleet]\n", "\n[fleet]\ntime_zones = 25\n", "fleet.time_zones"),
        ("\n[fleet]\n", "\n[fleet]\nspeed = 25\n", "unknown field `speed`"),
    ] {
        world(&RATES.replace(from, to)).fails(&["run", "scenario.toml"], &[named]);
    }
    let never = format!("{RATES}available_by_hour = [{}]\n", ["0.0"; 24].join(", "));
    world(&never).fails(&["run", "scenario.toml"], &["zero for every hour"]);
}

//! `--resume`: a run that is killed at any moment goes on to the same bits, and nothing is charged twice.
#![cfg(unix)]

use std::{
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::world::{SCENARIO, TASK, World, with};

/// A moment that depends on nothing that is under test.
fn somewhen(most: Duration, attempt: u32) -> Duration {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    most.mul_f64(f64::from((now.subsec_nanos() ^ attempt.wrapping_mul(2_654_435_761)) % 1000) / 1000.0)
}

/// Runs with `--resume`, killed again and again; whether it went on from a state at least once, and whether it ended by itself.
fn killed_until_done(world: &World, results: &str, usual: Duration) -> (bool, bool) {
    let arguments = ["run", "scenario.toml", "--threads", "2", "--resume", results];
    let mut went_on = false;
    for attempt in 0..60 {
        let mut command = world.command(&arguments);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        thread::sleep(somewhen(usual, attempt));
        // In the end it is left alone.
        let killed = attempt < 40 && child.try_wait().unwrap().is_none();
        if killed {
            let sent = Command::new("kill").args(["-KILL", &child.id().to_string()]).status().unwrap();
            assert!(sent.success());
        }
        let ended = child.wait_with_output().unwrap();
        went_on |= String::from_utf8_lossy(&ended.stderr).contains("goes on after round");
        // A kill between the results and the end of the process finds them whole.
        if ended.status.success() || world.path(results).exists() {
            return (went_on, ended.status.success());
        }
        assert!(killed, "{ended:?}");
    }
    panic!("it never ended");
}

const FLEET: &str = r#"
[fleet]
examples_per_second = { kind = "log_normal", median = 2.0, sigma = 1.0 }
download_bytes_per_second = { kind = "uniform", low = 20000.0, high = 90000.0 }
upload_bytes_per_second = { kind = "constant", value = 20000.0 }
drop_out = 0.1
stragglers = { share = 0.2, slowdown = { kind = "constant", value = 20.0 } }
"#;

#[test]
fn a_run_killed_at_random_moments_ends_as_if_it_had_not_been() {
    let turns = r#"participation = { kind = "check_in", cohort = 3, separation = 2, participations = 60, window_seconds = 10, minimum_reports = 3 }"#;
    let correlated = r#"privacy = { clip = 0.5, mechanism = "blt", buffers = 2, epsilon = 8.0, delta = 0.01, noise_multiplier = 3.0 }"#;
    let long = with(TASK, "rounds", "rounds = 120");
    let blt =
        with(&with(&long, "participation", turns), "privacy", &correlated.replace("epsilon = 8.0", "epsilon = 800.0"));
    let adaptive = with(
        &long,
        "server",
        r#"server = { optimizer = "adam", learning_rate = 0.1, beta1 = 0.9, beta2 = 0.99, epsilon = 1e-3 }"#,
    );
    for (name, task, scenario) in [
        ("sampled", long.clone(), SCENARIO.to_owned()),
        ("in turns", blt, SCENARIO.to_owned()),
        ("in time", adaptive, SCENARIO.to_owned() + FLEET),
    ] {
        let world = World::empty();
        world.write("scenario.toml", scenario).write("task.toml", task);
        let start = Instant::now();
        let undisturbed = world.summary(&["--out", "undisturbed"]);
        let usual = start.elapsed();
        let (mut went_on, mut tries) = (false, 0);
        // A run may happen never to be killed between a state and its end.
        while !went_on && tries < 10 {
            tries += 1;
            let results = format!("disturbed-{tries}");
            let ended;
            (went_on, ended) = killed_until_done(&world, &results, usual);
            for file in ["model.safetensors", "ledger.jsonl", "rounds.csv", "scenario.toml"] {
                let read = |folder: &str| std::fs::read(world.path(folder).join(file)).unwrap();
                assert_eq!(read("undisturbed"), read(&results), "{name}: {file}");
            }
            assert!(!ended || !world.path(&format!("{results}.unfinished")).exists(), "nothing is left of its state");
        }
        assert!(went_on, "{name}: it never went on from a state: {undisturbed}");
    }
}

#[test]
fn a_state_is_only_gone_on_from_by_the_run_that_left_it() {
    let world = World::new();
    world.write("task.toml", with(TASK, "rounds", "rounds = 100000"));
    let mut child =
        world.command(&["run", "scenario.toml", "--resume", "results"]).stderr(Stdio::null()).spawn().unwrap();
    while std::fs::read_dir(world.path("results.unfinished")).map_or(0, |found| {
        found.filter(|entry| entry.as_ref().is_ok_and(|entry| entry.file_name() != "partial")).count()
    }) == 0
    {
        assert!(child.try_wait().unwrap().is_none());
        thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    world.fails(
        &["run", "scenario.toml", "--seed", "8", "--resume", "results"],
        &["results.unfinished", "the state of another scenario", "remove the folder"],
    );
    let states: Vec<String> = world.list("results.unfinished").into_iter().filter(|name| name != "partial").collect();
    let newest = states.iter().max_by_key(|name| name.parse::<u32>().unwrap()).unwrap();
    world.write(&format!("results.unfinished/{newest}/queue.bin"), "x");
    world.fails(&["run", "scenario.toml", "--resume", "results"], &["queue.bin is damaged"]);
    world.fails(&["run", "scenario.toml", "--resume", "results", "--out", "results"], &["'--out"]);
}

//! The program under `mpirun`: any number of processes comes to what one comes to, one of them speaks, and none is left behind.
//!
//! What ranks do together is tested without MPI in `murmur_sim::run`; here the link is the real one. Where there is no `mpirun` these tests
//! say that they were skipped, unless `MURMUR_MPI=required`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "all of this is tests")]

#[path = "../command_line/world.rs"]
#[allow(dead_code, reason = "the other suite uses all of it")]
mod world;

use std::{
    io::ErrorKind,
    process::{Command, Output, Stdio},
    thread,
    time::Duration,
};

use serde_json::Value;
use world::{Ended, TASK, World, with};

/// `mpirun` with so many processes of the program; also for root, in a container and on fewer cores than processes.
fn mpirun(world: &World, ranks: usize, arguments: &[&str]) -> Command {
    let mut command = Command::new("mpirun");
    command
        .current_dir(world.path("."))
        .args(["--allow-run-as-root", "--oversubscribe", "--mca", "btl", "self,vader", "-n", &ranks.to_string()])
        .arg(env!("CARGO_BIN_EXE_murmur-sim"))
        .args(arguments)
        // Containers forbid one process to copy from another's memory.
        .env("OMPI_MCA_btl_vader_single_copy_mechanism", "none")
        .env_remove("RUST_LOG");
    command
}

fn there_is_no_mpirun() -> bool {
    let missing = Command::new("mpirun").arg("--version").output().is_err_and(|e| e.kind() == ErrorKind::NotFound);
    assert!(
        !(missing && std::env::var_os("MURMUR_MPI").is_some_and(|value| value == "required")),
        "there is no mpirun"
    );
    if missing {
        eprintln!("SKIPPED: there is no mpirun here (Debian: openmpi-bin)");
    }
    missing
}

fn ended(output: Output) -> Ended {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn on_ranks(world: &World, ranks: usize, arguments: &[&str]) -> Ended {
    ended(mpirun(world, ranks, arguments).output().unwrap())
}

/// A summary without what a clock says.
fn timeless(mut summary: Value) -> Value {
    let object = summary.as_object_mut().unwrap();
    object.retain(|key, _| !["wall_seconds", "phases"].contains(&key.as_str()));
    summary
}

fn privacy(rest: &str) -> String {
    with(TASK, "privacy", &format!("privacy = {{ clip = 0.5, {rest} }}"))
}

const GAUSSIAN: &str = r#"mechanism = "gaussian", epsilon = 8.0, delta = 0.01, noise_multiplier = "calibrate""#;

fn tasks() -> Vec<(&'static str, String)> {
    let fixed = r#"participation = { kind = "fixed", cohort = 6, window_seconds = 10, minimum_reports = 3 }"#;
    let turns = r#"participation = { kind = "check_in", cohort = 3, window_seconds = 10, minimum_reports = 2, separation = 2, participations = 2 }"#;
    let banded = GAUSSIAN.replace("\"gaussian\"", "\"banded\", bands = 2");
    let own = format!("{TASK}personal = {{ layers = [\"output.bias\"] }}\n");
    let evaluation = with(&with(&privacy(GAUSSIAN), "plan", ""), "server", "");
    let evaluation =
        with(&evaluation, "privacy", &format!("privacy = {{ {GAUSSIAN}, metrics = {{ loss_bound = 5.0 }} }}"))
            + "[evaluation]\nheld_out = 0.3\ncandidates = [{ name = \"as it is\" }]\n";
    vec![
        ("private", TASK.to_owned()),
        ("open", with(&privacy(r#"mechanism = "none", non_private_metrics = true"#), "participation", fixed)),
        ("correlated", with(&privacy(&banded), "participation", turns)),
        ("randomised", privacy(&format!(r#"{GAUSSIAN}, local = {{ mechanism = "privunit2", epsilon = 8.0 }}"#))),
        ("own", own),
        ("evaluation", evaluation),
    ]
}

#[test]
fn any_number_of_processes_leaves_the_same_model_ledger_and_measurements() {
    if there_is_no_mpirun() {
        return;
    }
    for (name, task) in tasks() {
        let world = World::new();
        world.write("task.toml", task);
        world.write("scenario.toml", with(world::SCENARIO, "devices", "devices = 12\nlocal_epsilon = 1000.0"));
        let one = world.summary(&["--out", "one"]);
        // Each kind of task is run on every number of ranks by `murmur_sim::run`'s own tests.
        let counts = if name == "private" { 1..=4 } else { 3..=3 };
        for ranks in counts {
            let out = format!("ranks-{ranks}");
            let many = on_ranks(&world, ranks, &["run", "scenario.toml", "--json", "--threads", "1", "--out", &out]);
            assert_eq!(many.code, Some(0), "{name}, {ranks} ranks: {many:?}");
            assert_eq!(timeless(many.object()), timeless(one.clone()), "{name}, {ranks} ranks");
            for file in ["ledger.jsonl", "rounds.csv"] {
                assert_eq!(world.read(&format!("{out}/{file}")), world.read(&format!("one/{file}")), "{name}: {file}");
            }
            assert_eq!(world.list(&out), world.list("one"), "{name}, {ranks} ranks");
        }
    }
}

#[test]
fn one_message_and_the_right_code_come_of_an_error_a_refusal_and_wrong_arguments() {
    if there_is_no_mpirun() {
        return;
    }
    let world = World::new();
    let speaks_once = |arguments: &[&str], code: i32, said: &str| {
        let ended = on_ranks(&world, 3, arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{arguments:?}: {ended:?}");
        assert_eq!(ended.stderr.matches(said).count(), 1, "{arguments:?}: {said:?} in {}", ended.stderr);
    };
    speaks_once(&["run", "nowhere.toml"], 2, "there is no file");
    speaks_once(&["run", "scenario.toml", "--speed", "11"], 2, "unexpected argument '--speed'");
    world.write("taken/file", "");
    speaks_once(&["run", "scenario.toml", "--out", "taken"], 2, "not empty");
    let poor = GAUSSIAN.replace("epsilon = 8.0", "epsilon = 0.01").replace("\"calibrate\"", "0.5");
    world.write("poor.toml", privacy(&poor));
    speaks_once(&["run", "scenario.toml", "--task", "poor.toml"], 1, "refused: ");
    // Nothing lies about that would be in the way of the next run.
    assert_eq!(world.list("."), ["poor.toml", "scenario.toml", "taken", "task.toml"]);
}

#[test]
fn a_run_that_is_stopped_ends_on_all_ranks_and_is_gone_on_with_by_fewer() {
    if there_is_no_mpirun() {
        return;
    }
    let world = World::new();
    let long = with(TASK, "rounds", "rounds = 400");
    let long = with(&long, "privacy", &format!("privacy = {{ clip = 0.5, {} }}", GAUSSIAN.replace("8.0", "800.0")));
    world.write("task.toml", long);
    let whole = world.summary(&[]);
    let arguments = ["run", "scenario.toml", "--threads", "1", "--out", "run"];
    let started = mpirun(&world, 3, &arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while !world.path("run.unfinished/snapshot.bin").exists() {
        assert!(!world.path("run").exists(), "it was too quick to be stopped");
        thread::sleep(Duration::from_millis(5));
    }
    let stop = Command::new("kill").args(["-TERM", &started.id().to_string()]).status().unwrap();
    assert!(stop.success());
    let stopped = ended(started.wait_with_output().unwrap());
    assert_ne!(stopped.code, Some(0), "{stopped:?}");
    assert!(stopped.stderr.matches("interrupted").count() <= 1, "{stopped:?}");
    assert!(!world.path("run").exists());
    let resumed = on_ranks(&world, 2, &["run", "--resume", "run", "--json", "--threads", "1"]);
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
    assert_eq!(timeless(resumed.object()), timeless(whole));
    let again = on_ranks(&world, 2, &["run", "--resume", "run", "--json"]);
    assert_eq!((again.code, again.stderr.matches("over already").count()), (Some(0), 1), "{again:?}");
}

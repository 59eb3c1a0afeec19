//! ctrl-c: whatever is under way, `--out` holds a whole run or nothing, and what was under way can be gone on with.
#![cfg(unix)]

use std::{
    io::{BufRead, BufReader},
    os::unix::process::ExitStatusExt,
    process::{Command, Stdio},
};

use crate::world::{TASK, World, with};

/// SIGINT, which ctrl-c sends.
const INTERRUPT: i32 = 2;

#[test]
fn an_interrupted_run_leaves_no_results_and_says_where_it_stands() {
    let world = World::new();
    // Hours of rounds.
    world.write("task.toml", with(TASK, "rounds", "rounds = 100000"));
    let command = world.command(&["run", "scenario.toml", "--out", "results"]);
    // A shell's background jobs ignore the signal, and so would all that they start, this test included.
    let mut listening = Command::new("env");
    listening.arg("--default-signal=INT").arg(command.get_program()).args(command.get_args());
    listening.current_dir(command.get_current_dir().unwrap()).env_remove("RUST_LOG");
    let mut child = listening.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    // The promise is printed just before the first round.
    assert!(stderr.lines().map_while(Result::ok).any(|line| line.contains("SIMULATED")));
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.signal(), Some(INTERRUPT), "a shell sees that it was interrupted: {output:?}");
    assert!(output.stdout.is_empty());
    assert_eq!(world.list("."), ["results.unfinished", "scenario.toml", "task.toml"]);
    // Nobody begins another run for the same folder by mistake.
    world.fails(&["run", "scenario.toml", "--out", "results"], &["an unfinished run: go on with it by --resume"]);
}

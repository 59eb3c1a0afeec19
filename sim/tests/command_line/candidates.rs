//! Tasks that measure candidates and train nothing.

use serde_json::Value;

use crate::{
    report::sound,
    world::{Ended, SCENARIO, TASK, World, with},
};

/// Twelve writers of forty digits, everybody in every round; the second candidate learns their hands, the third forgets how to write.
fn task(privacy: &str) -> String {
    format!(
        r#"
name = "which-plan"
population = "writers"
rounds = 3
model = {{ kind = "linear", input = [1, 28, 28], classes = 10 }}
participation = {{ kind = "poisson", rate = 1.0, window_seconds = 10, minimum_reports = 3 }}
privacy = {{ metrics = {{ loss_bound = 6.0 }}, {privacy} }}
[evaluation]
held_out = 0.25
candidates = [
  {{ name = "as it is" }},
  {{ name = "tuned", plan = {{ epochs = 5, batch_size = 1, learning_rate = 0.05 }} }},
  {{ name = "<wild>", plan = {{ epochs = 5, batch_size = 1, learning_rate = 1e38 }} }},
]
"#
    )
}

const NONE: &str = r#"mechanism = "none""#;
const GAUSSIAN: &str = r#"mechanism = "gaussian", epsilon = 30.0, delta = 0.01, noise_multiplier = "calibrate""#;

fn world(privacy: &str) -> World {
    let world = World::new();
    world.write("scenario.toml", SCENARIO.replace("samples_per_device = 4", "samples_per_device = 40"));
    world.write("task.toml", task(privacy));
    world
}

/// A number of a candidate.
fn of(summary: &Value, candidate: usize, key: &str) -> f64 {
    summary["evaluation"]["candidates"][candidate][key].as_f64().unwrap_or_else(|| panic!("{key}: {summary}"))
}

#[test]
fn without_noise_candidates_are_told_as_they_are_and_no_model_moves() {
    let world = world(NONE);
    let summary = world.summary(&["--out", "run"]);
    let evaluation = &summary["evaluation"];
    assert_eq!((evaluation["rounds"].as_u64(), evaluation["private"].as_bool()), (Some(3), Some(false)));
    // Twelve devices in three rounds, ten examples each time.
    assert!((evaluation["reports"].as_f64().unwrap() - 36.0).abs() < 1e-3, "{evaluation}");
    for candidate in 0..3 {
        let right = 360.0 * of(&summary, candidate, "accuracy");
        assert!((right - right.round()).abs() < 1e-2, "{evaluation}");
        assert_eq!(of(&summary, candidate, "accuracy_deviation"), 0.0);
    }
    // A model of zeros says nothing: its loss is that of ten equal chances.
    assert!((of(&summary, 0, "loss") - 10.0_f64.ln()).abs() < 1e-4, "{evaluation}");
    assert!(
        of(&summary, 1, "loss") < of(&summary, 0, "loss") - 0.01,
        "thirty digits of a hand tell of ten others: {evaluation}"
    );
    assert!((of(&summary, 2, "loss") - 6.0).abs() < 0.5, "what went astray counts as the bound: {evaluation}");
    for absent in ["metrics", "clip", "clip_now"] {
        assert!(summary[absent].is_null(), "{absent}: {summary}");
    }
    // Seven numbers are sent, and the model is the one that the task begins with, however many rounds there are.
    assert!(summary["upload_bytes"].as_u64().unwrap() < 7 * 8, "{summary}");
    let once = world.summary(&["--rounds", "1"]);
    assert_eq!((&summary["loss"], &summary["accuracy"]), (&once["loss"], &once["accuracy"]));
    assert_eq!(world.column("run/candidates.csv", "round").len(), 9);
    assert!(world.column("run/rounds.csv", "update_norm").iter().all(Option::is_none));
}

#[test]
fn within_the_budget_noise_is_told_and_so_is_what_is_released() {
    let world = world(GAUSSIAN);
    let summary = world.summary(&["--out", "run"]);
    assert!(summary["epsilon"].as_f64().unwrap() <= 30.0, "{summary}");
    assert_eq!((&summary["guarantee"]["metrics"], &summary["guarantee"]["candidates"]), (&"private".into(), &3.into()));
    let noise = of(&summary, 0, "accuracy_deviation");
    // Seven measures under noise of so many multiples of the whole, over about 36 reports: s sqrt(3) / (2 * 36), up to the root of 2.
    let multiplier = summary["noise_multiplier"].as_f64().unwrap();
    let reports = summary["evaluation"]["reports"].as_f64().unwrap();
    let expected = multiplier * 7.0_f64.sqrt() * 3.0_f64.sqrt() / (2.0 * reports);
    assert!(noise >= 0.99 * expected && noise <= 1.42 * expected, "{noise} {expected}");
    let exact = self::world(NONE).summary(&[]);
    // Seed 7. Five standard deviations, and the same devices' examples.
    for candidate in 0..2 {
        let off = (of(&summary, candidate, "accuracy") - of(&exact, candidate, "accuracy")).abs();
        assert!(off > 0.0 && off < 5.0 * of(&summary, candidate, "accuracy_deviation"), "{candidate}: {off}");
    }
    let told: Ended = world.sim(&["run", "scenario.toml"]);
    for part in [
        "candidate ",
        "as it is ",
        "tuned ",
        "noised within the budget",
        "metrics     within the budget",
        "3 candidates, and nothing else",
    ] {
        assert!(told.stdout.contains(part), "{part:?} is not in {}", told.stdout);
    }
    let html = world.read("run/report.html");
    sound(&html);
    for part in
        ["<h2 id=\"candidates-title\">Candidates</h2>", "as it is", "&lt;wild&gt;", "no model is trained or changed"]
    {
        assert!(html.contains(part), "{part:?}");
    }
    assert!(!html.contains("id=\"signal\"") && !html.contains("<wild>"));
    let again = world.sim(&["report", "run"]);
    assert_eq!((again.code, world.read("run/report.html")), (Some(0), html), "it follows from the folder");
    let compared = world.sim(&["compare", "run", "run", "--json"]);
    assert_eq!(compared.code, Some(0), "{compared:?}");
    let ledger = world.sim(&["budget", "ledger", "run/ledger.jsonl"]);
    assert_eq!(ledger.code, Some(0), "{ledger:?}");
    let evaluated = world.sim(&["evaluate", "run", "--json"]);
    assert_eq!((evaluated.code, &evaluated.object()["test"]["accuracy"]), (Some(0), &summary["accuracy"]));
}

#[test]
fn it_is_the_same_for_any_threads_and_when_it_is_checked_first() {
    let world = world(GAUSSIAN);
    let checked = world.sim(&["check", "task.toml", "--population", "12", "--json"]);
    let check = checked.object();
    assert_eq!((checked.code, &check["rounds_affordable"]), (Some(0), &3.into()), "{checked:?}");
    let [one, two] = ["1", "2"].map(|threads| world.summary(&["--threads", threads]));
    for key in ["model_sha256", "ledger_head", "evaluation", "task"] {
        assert_eq!(one[key], two[key], "{key}");
    }
    assert_eq!(one["task"], check["task"]);
    let other = world.summary(&["--seed", "8"]);
    assert_ne!(one["evaluation"], other["evaluation"]);
}

#[test]
fn a_run_that_was_killed_goes_on_with_what_it_found() {
    let world = world(GAUSSIAN);
    let text = world.read("task.toml").replace("rounds = 3", "rounds = 400");
    world.write("task.toml", text.replace("epsilon = 30.0", "epsilon = 300.0"));
    let whole = world.summary(&["--out", "whole"]);
    let mut child = world.command(&["run", "scenario.toml", "--out", "killed"]);
    let mut child = child.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let snapshot = world.path("killed.unfinished/snapshot.bin");
    while !snapshot.exists() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(snapshot.exists() && !world.path("killed").exists(), "the run was over before it could be killed");
    let resumed = world.sim(&["run", "--resume", "killed", "--json"]);
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
    for key in ["model_sha256", "ledger_head", "evaluation", "epsilon"] {
        assert_eq!(resumed.object()[key], whole[key], "{key}");
    }
    for file in ["candidates.csv", "rounds.csv", "ledger.jsonl"] {
        assert_eq!(world.read(&format!("killed/{file}")), world.read(&format!("whole/{file}")), "{file}");
    }
}

#[test]
fn models_are_compared_on_the_devices_own_examples_and_each_is_the_one_that_was_meant() {
    let world = World::new();
    world.write("scenario.toml", SCENARIO.replace("samples_per_device = 4", "samples_per_device = 40"));
    // One that learnt much, and one that learnt next to nothing.
    let none =
        with(&with(TASK, "privacy", "privacy = { clip = 100.0, mechanism = \"none\" }"), "rounds", "rounds = 20");
    world
        .write("task.toml", none.replace("learning_rate = 1.0, momentum = 0.9", "learning_rate = 1.0, momentum = 0.0"));
    let much = world.summary(&["--out", "much"]);
    let little = world.summary(&["--rounds", "1", "--out", "little"]);
    let model = |name: &str, summary: &Value| {
        let sha256 = summary["model_sha256"].as_str().unwrap();
        format!("model = {{ file = \"{name}/model.safetensors\", sha256 = \"{sha256}\" }}")
    };
    let (much, little) = (model("much", &much), model("little", &little));
    let plan = "plan = { epochs = 5, batch_size = 1, learning_rate = 0.05 }";
    let candidates = format!(
        "candidates = [\n  {{ name = \"much\", {much} }},\n  {{ name = \"little\", {little} }},\n  {{ name = \"little, tuned\", {little}, {plan} }},\n]"
    );
    let text = task(NONE);
    let start = text.find("candidates = [").unwrap();
    let text = text[..start].to_owned() + &candidates + "\n";
    world.write("task.toml", &text);
    let summary = world.summary(&["--out", "run"]);
    let loss = |candidate| of(&summary, candidate, "loss");
    assert!(loss(0) < loss(1) - 0.3 && loss(2) < loss(1), "{summary}");
    assert_eq!(world.summary(&["--threads", "1"])["evaluation"], summary["evaluation"]);
    // The resolved scenario means the same files wherever it lies.
    let again = world.sim(&["run", "run/scenario.toml", "--json"]);
    assert_eq!((again.code, &again.object()["evaluation"]), (Some(0), &summary["evaluation"]), "{again:?}");
    assert_eq!(world.sim(&["check", "task.toml", "--population", "12"]).code, Some(0));
    // Another file is refused by name, and so is none.
    std::fs::copy(world.path("little/model.safetensors"), world.path("much/model.safetensors")).unwrap();
    for arguments in [&["run", "scenario.toml"][..], &["check", "task.toml", "--population", "12"]] {
        world.fails(arguments, &["much/model.safetensors has", "bring the file that was meant"]);
    }
    std::fs::remove_file(world.path("much/model.safetensors")).unwrap();
    world.fails(&["run", "scenario.toml"], &["much/model.safetensors"]);
}

#[test]
fn what_does_not_go_with_candidates_is_refused() {
    let world = world(GAUSSIAN);
    let search = "scenario = \"scenario.toml\"\ndata = \"synthetic\"\n[search]\nkind = \"grid\"\nrepeats = 2\n[space]\n\
                  epsilon = [2.0]\nclip = [0.25]\n";
    world.write("search.toml", search);
    world.fails(&["tune", "search.toml", "--out", "tuned"], &["there is nothing to tune"]);
    let plan = "plan = { epochs = 1, batch_size = 1, learning_rate = 0.1 }\nprivacy";
    world.write("task.toml", task(GAUSSIAN).replacen("privacy", plan, 1));
    world.fails(&["run", "scenario.toml"], &["[plan] does not go with [evaluation]"]);
    world.fails(&["check", "task.toml"], &["[plan] does not go with [evaluation]"]);
}

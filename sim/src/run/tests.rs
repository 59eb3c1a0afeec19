//! A run that is killed and gone on with is the run that never was.

use std::num::NonZeroUsize;

use super::*;
use crate::scenario::Overrides;

mod split;

const SCENARIO: &str = r#"
seed = 7
population = { devices = 12, samples_per_device = 4, local_epsilon = 1000.0, source = { kind = "strokes" } }
evaluation = { every = 2, examples = 20 }
#FLEET
[task]
name = "tiny"
population = "writers"
rounds = 6
model = { kind = "linear", input = [1, 28, 28], classes = 10 }
plan = { epochs = 1, batch_size = 4, learning_rate = 0.1 }
participation = { kind = "poisson", rate = 0.5, window_seconds = 10, minimum_reports = 3 }
privacy = { clip = 0.5, mechanism = "gaussian", epsilon = 8.0, delta = 0.01, noise_multiplier = "calibrate" }
server = { optimizer = "adam", learning_rate = 0.1, beta1 = 0.9, beta2 = 0.99, epsilon = 1e-3 }
"#;

const PRIVACY: &str = r#"mechanism = "gaussian", epsilon = 8.0, delta = 0.01, noise_multiplier = "calibrate""#;
const POISSON: &str = r#"kind = "poisson", rate = 0.5, window_seconds = 10, minimum_reports = 3"#;
const TURNS: &str =
    r#"kind = "check_in", cohort = 3, window_seconds = 10, minimum_reports = 2, separation = 2, participations = 3"#;
const FLEET: &str = r#"
[fleet]
examples_per_second = { median = 2.0, spread = 1.0 }
megabits_per_second = { median = 0.2, spread = 0.5 }
drop_out = 0.1
available = [0.2,0.2,0.2,0.2,0.2,0.2,0.9,0.9,0.9,0.9,0.9,0.9,0.9,0.9,0.9,0.9,0.9,0.9,0.9,0.9,0.9,0.9,0.9,0.9]
"#;

fn scenario(changes: &[(&str, &str)]) -> Scenario {
    let mut text = SCENARIO.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, text).unwrap();
    Scenario::load(file.path().to_str().unwrap(), &Overrides::default()).unwrap()
}

fn scenarios() -> Vec<(&'static str, Scenario)> {
    let local = format!(r#"{PRIVACY}, local = {{ mechanism = "privunit2", epsilon = 8.0 }}"#);
    let moving = format!(
        r#"{PRIVACY}, adaptive_clip = {{ quantile = 0.5, learning_rate = 0.2, share = 0.1 }}, metrics = {{ share = 0.1, loss_bound = 5.0 }}"#
    );
    let allocation =
        r#"kind = "allocation", block_rounds = 3, rounds_per_device = 2, window_seconds = 10, minimum_reports = 3"#;
    let (server, own) = ("server = {", "personal = { layers = [\"output.bias\"] }\nserver = {");
    let banded = PRIVACY.replace("\"gaussian\"", "\"banded\", bands = 2");
    vec![
        ("poisson", scenario(&[])),
        ("allocation", scenario(&[(POISSON, allocation)])),
        ("turns", scenario(&[(POISSON, TURNS), (PRIVACY, &banded)])),
        ("local", scenario(&[(PRIVACY, &local)])),
        ("moving clip and metrics", scenario(&[(PRIVACY, &moving)])),
        ("layers of their own", scenario(&[(server, own)])),
        ("layers of their own, randomised", scenario(&[(server, own), (PRIVACY, &local)])),
        ("virtual time, layers of their own", scenario(&[(server, own), ("#FLEET", FLEET)])),
        ("virtual time", scenario(&[("#FLEET", FLEET)])),
        ("virtual time, local", scenario(&[("#FLEET", FLEET), (PRIVACY, &local)])),
        ("virtual time, turns", scenario(&[("#FLEET", FLEET), (POISSON, TURNS), (PRIVACY, &banded)])),
    ]
}

fn along(
    scenario: &Scenario,
    options: &Options,
    observer: &mut Silent,
    course: Course<'_>,
) -> Result<Finished, SimError> {
    run_along(scenario, &Population::of(scenario)?, options, observer, course)
}

fn options(threads: usize) -> Options {
    Options { threads: NonZeroUsize::new(threads).unwrap(), stop_after: None, accelerator: None }
}

/// What two runs of the same scenario have in common.
fn result(finished: &Finished) -> impl PartialEq + std::fmt::Debug + use<> {
    let entries: Vec<String> = finished.ledger.iter().map(|entry| entry.to_line().unwrap()).collect();
    let Finished { rounds, model_digest, measurements, clip, metrics, local, simulated, .. } = finished;
    (
        Digest::of(entries.join("\n").as_bytes()),
        (*rounds, *model_digest, measurements.clone(), *clip, *metrics, *local, *simulated),
    )
}

#[test]
fn a_run_goes_on_from_every_round_to_the_same_bits_and_nothing_is_charged_twice() {
    scenarios().iter().for_each(|(name, scenario)| goes_on(name, scenario));
}

fn goes_on(name: &str, scenario: &Scenario) {
    let mut snapshots = Vec::new();
    let mut keep = |bytes: &[u8]| {
        snapshots.push(bytes.to_vec());
        Ok(())
    };
    let course = Course { keep: Some(&mut keep), ..Course::default() };
    let whole = along(scenario, &options(2), &mut Silent, course).unwrap();
    assert_eq!((whole.outcome.clone(), whole.rounds), (Outcome::Completed, 6), "{name}");
    assert_eq!(snapshots.len(), 6, "{name}");
    let plain = run(scenario, &options(1), &mut Silent).unwrap();
    assert_eq!(result(&plain), result(&whole), "{name}: kept on its way, and by other threads");
    for (round, from) in snapshots.into_iter().enumerate() {
        let course = Course { from: Some(from), ..Course::default() };
        let again = along(scenario, &options(2), &mut Silent, course).unwrap();
        assert_eq!(result(&again), result(&whole), "{name}: from round {round}");
    }
}

#[test]
fn a_run_of_adapters_goes_on_too() {
    let model = r#"model = { kind = "linear", input = [1, 28, 28], classes = 10 }"#;
    let mlp = model.replace("\"linear\"", "\"mlp\", hidden = [6]");
    let public = run(&scenario(&[(model, &mlp)]), &options(2), &mut Silent).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("base.safetensors");
    std::fs::write(&path, &public.model).unwrap();
    let keys = r#"fresh = ["output"], lora = { rank = 2, alpha = 4.0 }"#;
    let pretrained = format!("{mlp}\npretrained = {{ file = {path:?}, sha256 = \"{}\", {keys} }}", public.model_digest);
    let adapted = scenario(&[(model, &pretrained)]);
    goes_on("adapters", &adapted);
    let finished = run(&adapted, &options(1), &mut Silent).unwrap();
    assert!(finished.released.unwrap().len() < finished.model.len() / 2);
}

#[test]
fn devices_are_measured_with_their_own_layers_on_what_they_do_not_train_on() {
    let own = "personal = { layers = [\"output.bias\"] }\nserver = {";
    let finished = run(&scenario(&[("server = {", own)]), &options(2), &mut Silent).unwrap();
    let measured: Vec<OwnQuality> = finished.measurements.iter().map(|measured| measured.own.unwrap()).collect();
    // Ten more digits of each writer who took part, until there are as many as there are test examples.
    assert!(measured.iter().all(|own| (own.devices, own.examples) == (2, 20)), "{measured:?}");
    let released = finished.released.unwrap();
    assert!(released.len() < finished.model.len(), "the bias is in nobody's update");
    let plain = run(&scenario(&[]), &options(2), &mut Silent).unwrap();
    assert!(
        plain.measurements.iter().all(|measured| measured.own.is_none() && measured.judged() == measured.evaluation)
    );
    let last = finished.measurements.last().unwrap();
    assert_eq!(last.judged().accuracy, measured.last().unwrap().accuracy);
}

#[test]
fn a_snapshot_of_another_run_or_a_damaged_one_is_refused() {
    let scenario = scenario(&[]);
    let mut last = Vec::new();
    let mut keep = |bytes: &[u8]| {
        last = bytes.to_vec();
        Ok(())
    };
    let course = Course { keep: Some(&mut keep), ..Course::default() };
    along(&scenario, &options(1), &mut Silent, course).unwrap();
    let from = |scenario: &Scenario, bytes: &[u8]| {
        let course = Course { from: Some(bytes.to_vec()), ..Course::default() };
        along(scenario, &options(1), &mut Silent, course).unwrap_err().to_string()
    };
    let other = Scenario { seed: 8, ..scenario.clone() };
    assert!(from(&other, &last).contains("belongs to another scenario"));
    assert!(from(&scenario, &last[..last.len() / 2]).contains("the unfinished run cannot be gone on with"));
    let mut damaged = last.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    assert!(from(&scenario, &damaged).contains("it was damaged"));
}

#[test]
fn virtual_time_passes_and_stragglers_miss_their_round() {
    let slow = FLEET.replace("median = 2.0, spread = 1.0", "median = 0.05, spread = 0.0");
    // Twenty seconds' work in a window of ten: every round is released without anybody.
    let idle = run(&scenario(&[("#FLEET", &slow)]), &options(2), &mut Silent).unwrap();
    let quick = run(&scenario(&[("#FLEET", FLEET)]), &options(2), &mut Silent).unwrap();
    assert!(idle.simulated.unwrap() >= Duration::from_secs(60), "{:?}", idle.simulated);
    assert!(quick.simulated.unwrap() > Duration::ZERO);
    assert_ne!(idle.model_digest, quick.model_digest);
    assert!(run(&scenario(&[]), &options(2), &mut Silent).unwrap().simulated.is_none());
}

#[test]
fn a_run_ends_and_says_why_when_no_round_will_ever_open() {
    let local = format!(r#"{PRIVACY}, local = {{ mechanism = "privunit2", epsilon = 8.0 }}"#);
    // Everybody can pay for one participation, and the devices that are left are too few for a round before the six rounds are over.
    let poor = scenario(&[(PRIVACY, &local), ("local_epsilon = 1000.0", "local_epsilon = 8.0")]);
    let night = FLEET.replace("0.2,", "0.01,").replace("0.9", "0.01");
    let rarely = scenario(&[("#FLEET", &night)]);
    for scenario in [poor, rarely] {
        let error = run(&scenario, &options(2), &mut Silent).unwrap_err();
        assert!(matches!(error, SimError::NoRoundOpens { minimum: 3, devices: 12, .. }), "{error}");
        assert!(!error.is_refusal());
    }
}

#[test]
fn cohorts_that_are_trained_at_once_come_to_the_same_model_up_to_rounding() {
    let metrics = format!(r#"{PRIVACY}, metrics = {{ share = 0.1, loss_bound = 5.0 }}"#);
    let local = format!(r#"{PRIVACY}, local = {{ mechanism = "privunit2", epsilon = 8.0 }}"#);
    let own = "personal = { layers = [\"output.bias\"] }\nserver = {";
    for (name, scenario) in [
        ("plain", scenario(&[])),
        ("metrics", scenario(&[(PRIVACY, &metrics)])),
        ("local", scenario(&[(PRIVACY, &local)])),
        ("layers of their own", scenario(&[("server = {", own)])),
        ("virtual time", scenario(&[("#FLEET", FLEET)])),
    ] {
        let alone = run(&scenario, &options(2), &mut Silent).unwrap();
        for threads in [1, 3] {
            let options = Options { accelerator: Some(Accelerator::Processor), ..options(threads) };
            let together = run(&scenario, &options, &mut Silent).unwrap();
            assert_eq!((together.rounds, together.accelerator), (alone.rounds, options.accelerator), "{name}");
            assert_eq!(together.simulated, alone.simulated, "{name}");
            let loss = |finished: &Finished| finished.measurements.last().unwrap().evaluation.loss;
            assert!((loss(&together) - loss(&alone)).abs() < 1e-3, "{name}: {} {}", loss(&together), loss(&alone));
        }
    }
}

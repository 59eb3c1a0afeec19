//! The headline: one scenario with seeded noise, through the simulator and through gRPC, gives the same bytes, model and
//! ledger alike, for every seed, thread count and order of arrival.
#![allow(clippy::unwrap_used, clippy::panic, reason = "all of this is tests")]

use std::{future::pending, num::NonZeroUsize, sync::Arc, time::Duration};

use murmur_client::link::{Access, Address, Course, take_part};
use murmur_privacy::NoiseRng;
use murmur_round::{
    checkpoint::{read_manifest, read_model},
    coordinator::Outcome,
    task::Task,
};
use murmur_server::{
    Door, Server,
    store::{MemoryStore, Store as _},
};
use murmur_sim::{
    population::Population,
    run::{self, Options, Silent},
    scenario::{Overrides, Scenario},
    tune::{self, Ended, Found, Hands, Plan, Watcher},
};
use tokio::net::TcpListener;

const SCENARIO: &str = r#"
seed = 0
[population]
devices = 12
samples_per_device = 4
source = { kind = "strokes" }
[evaluation]
examples = 20
[task]
name = "equivalence"
population = "writers"
rounds = 3
[task.model]
kind = "mlp"
input = [1, 28, 28]
hidden = [6]
classes = 10
[task.plan]
epochs = 1
batch_size = 3
learning_rate = 0.1
[task.participation]
kind = "poisson"
rate = 0.5
window_seconds = 10
minimum_reports = 3
[task.privacy]
clip = 0.5
mechanism = "gaussian"
epsilon = 8.0
delta = 0.01
noise_multiplier = "calibrate"
[task.server]
optimizer = "adam"
learning_rate = 0.01
beta1 = 0.9
beta2 = 0.99
epsilon = 1e-3
"#;

/// A model file and the lines of a ledger.
type Bytes = (Vec<u8>, Vec<String>);

/// In blocks of three rounds, of which every device has one.
const ALLOCATION: &str = r#"
kind = "allocation"
block_rounds = 3
rounds_per_device = 1
"#;

/// What devices measure beside their updates.
const MEASURES: &str = r#"
adaptive_clip = { quantile = 0.5, learning_rate = 0.5, share = 0.1 }
metrics = { share = 0.1, loss_bound = 4.0 }
"#;

fn scenario(seed: u64) -> Scenario {
    written(SCENARIO, seed)
}

fn written(text: &str, seed: u64) -> Scenario {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scenario.toml");
    std::fs::write(&path, text).unwrap();
    Scenario::load(path.to_str().unwrap(), &Overrides { seed: Some(seed), ..Overrides::default() }).unwrap()
}

fn simulated(scenario: &Scenario, threads: usize) -> Bytes {
    let options = Options { threads: NonZeroUsize::new(threads).unwrap(), stop_after: None, accelerator: None };
    let finished = run::run(scenario, &options, &mut Silent).unwrap();
    assert_eq!(finished.outcome, Outcome::Completed);
    // As the ledger names it: of a task that trains a part of a model, that part.
    (
        finished.released.unwrap_or(finished.model),
        finished.ledger.iter().map(|entry| entry.to_line().unwrap()).collect(),
    )
}

/// The same scenario over gRPC on loopback: one task per device, started in an order that `stride` shuffles.
async fn served(scenario: &Scenario, stride: u64) -> Bytes {
    let population = Population::of(scenario).unwrap();
    let schedule = run::schedule(scenario, &population).unwrap();
    let count = population.devices();
    let enrolled = (0..count).map(|index| population.device(index).unwrap()).collect();
    let entropy = NoiseRng::seeded(scenario.seed);
    let mut store = MemoryStore::default();
    if let (Some(file), _) = scenario.starting_point().unwrap() {
        store.put_pretrained(&file).unwrap();
    }
    for file in scenario.candidate_models.values() {
        store.put_pretrained(&std::fs::read(file).unwrap()).unwrap();
    }
    let server = Server::open(schedule, enrolled, None, store, entropy).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: Address = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let mut devices = tokio::task::JoinSet::new();
    for place in 0..count {
        let index = (place * stride + scenario.seed) % count;
        let device = population.device(index).unwrap();
        let examples = Arc::new(population.examples(index, &device).into_owned());
        let access = Access::insecure_loopback(address.clone(), device).unwrap();
        devices.spawn(take_part(access, examples, Course::default()));
    }
    let ending =
        server.serve(Door::insecure_loopback(listener).unwrap(), Duration::from_secs(6), pending()).await.unwrap();
    while let Some(joined) = devices.join_next().await {
        joined.unwrap().unwrap();
    }
    assert_eq!(ending.outcome, Some(Outcome::Completed));
    let model = ending.store.checkpoints[&ending.model].model.clone();
    (model, ending.store.ledgers["writers"].clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_simulation_and_a_deployment_agree_to_the_byte() {
    let mut seen = Vec::new();
    for (seed, stride) in [(1, 1), (2, 5), (3, 7)] {
        let scenario = scenario(seed);
        let one = simulated(&scenario, 1);
        assert_eq!(one, simulated(&scenario, 2), "threads, seed {seed}");
        let real = served(&scenario, stride).await;
        assert_eq!(one.1, real.1, "ledgers, seed {seed}");
        assert_eq!(one.0, real.0, "models, seed {seed}");
        assert!(!seen.contains(&one.0), "another seed is another run");
        seen.push(one.0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_agree_under_random_allocation_with_metrics_and_a_moving_clip_too() {
    let coins = "\nkind = \"poisson\"\nrate = 0.5\n";
    assert!(SCENARIO.contains(coins));
    let text = SCENARIO
        .replace(coins, ALLOCATION)
        .replacen("rounds = 3", "rounds = 6", 1)
        .replace("delta = 0.01\n", &format!("delta = 0.01\n{MEASURES}"));
    let scenario = written(&text, 4);
    let one = simulated(&scenario, 1);
    assert_eq!(one, simulated(&scenario, 2), "threads");
    assert_eq!(
        one.1.iter().filter(|line| line.contains(r#""event":"allocation""#)).count(),
        7,
        "reserved, and six spends"
    );
    let real = served(&scenario, 5).await;
    assert_eq!(one.1, real.1, "ledgers");
    // The manifest tells metrics and clip: they agree as well.
    assert_eq!(one.0, real.0, "models");
    let manifest = read_manifest(&one.0).unwrap();
    assert!(manifest.metrics.is_some() && manifest.clip.get() != 0.5, "{manifest:?}");
}

/// Four at random of those whose turn it is.
const TURNS: &str = r#"
kind = "fixed"
cohort = 4
separation = 2
participations = 3
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_agree_under_correlated_noise_too() {
    let (coins, gaussian) = ("\nkind = \"poisson\"\nrate = 0.5\n", "mechanism = \"gaussian\"");
    assert!(SCENARIO.contains(coins) && SCENARIO.contains(gaussian));
    let turns = SCENARIO.replace(coins, TURNS).replacen("rounds = 3", "rounds = 6", 1);
    let text = turns.replace(gaussian, "mechanism = \"blt\"\nbuffers = 2");
    let scenario = written(&text, 5);
    let one = simulated(&scenario, 1);
    assert_eq!(one, simulated(&scenario, 2), "threads");
    let charged = one.1.iter().filter(|line| line.contains(r#""event":"matrix_factorisation""#));
    assert_eq!(charged.count(), 7, "reserved, and six spends");
    let real = served(&scenario, 7).await;
    assert_eq!(one.1, real.1, "ledgers");
    assert_eq!(one.0, real.0, "models");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_agree_on_adapters_of_a_pretrained_model_too() {
    let options = Options { threads: NonZeroUsize::MIN, stop_after: None, accelerator: None };
    let pretrained = run::run(&scenario(6), &options, &mut Silent).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("base.safetensors"), &pretrained.model).unwrap();
    let sha256 = pretrained.model_digest;
    let section = format!(
        "[task.pretrained]\nfile = \"base.safetensors\"\nsha256 = \"{sha256}\"\nfresh = [\"output\"]\n\
         lora = {{ rank = 2, alpha = 4.0 }}\n"
    );
    std::fs::write(path("scenario.toml"), SCENARIO.to_owned() + &section).unwrap();
    let scenario = Scenario::load(path("scenario.toml").to_str().unwrap(), &Overrides::default()).unwrap();
    let one = simulated(&scenario, 1);
    assert_eq!(one, simulated(&scenario, 2), "threads");
    let real = served(&scenario, 5).await;
    assert_eq!(one.1, real.1, "ledgers");
    assert_eq!(one.0, real.0, "models");
    assert!(one.0.len() < pretrained.model.len(), "a part travels");
    assert_eq!(read_manifest(&one.0).unwrap().guarantee.starts_from.unwrap().sha256, sha256);
}

/// Half of the devices in every round, so that most of them come again with what they kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_agree_where_devices_keep_layers_of_their_own_too() {
    let text = SCENARIO.replacen("rounds = 3", "rounds = 5", 1);
    let own = text.clone() + "[task.personal]\nlayers = [\"output\"]\n";
    let scenario = written(&own, 8);
    let one = simulated(&scenario, 1);
    assert_eq!(one, simulated(&scenario, 2), "threads");
    let real = served(&scenario, 7).await;
    assert_eq!(one.1, real.1, "ledgers");
    assert_eq!(one.0, real.0, "models");
    let body = read_model(&one.0, scenario.task.shared_layout()).unwrap();
    assert_eq!(body.dimension(), 784 * 6 + 6, "the head is in no release");
    // A head that everybody trains together leads to another body.
    let together = read_model(&simulated(&written(&text, 8), 1).0, scenario.task.model.layout()).unwrap();
    assert_ne!(body.values(), &together.values()[..body.dimension()]);
}

/// What takes the place of `[plan]` and `[server]` in a task that measures.
const EVALUATION: &str = r#"
[task.evaluation]
held_out = 0.3
candidates = [
  { name = "as it is" },
  { name = "one pass", plan = { epochs = 1, batch_size = 3, learning_rate = 0.1 } },
  { name = "held back", plan = { epochs = 3, batch_size = 2, learning_rate = 0.3, proximal = 1.0 } },
]
"#;

/// `text` without a section.
fn without(text: &str, name: &str) -> String {
    let start = text.find(name).unwrap();
    let rest = &text[start + name.len()..];
    text[..start].to_owned() + rest.find("\n[").map_or("", |end| &rest[end..])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_agree_on_what_an_evaluation_finds_too() {
    let text = without(&without(SCENARIO, "[task.plan]"), "[task.server]");
    let text = text.replace("clip = 0.5", "metrics = { loss_bound = 4.0 }") + EVALUATION;
    let scenario = written(&text, 6);
    let one = simulated(&scenario, 1);
    assert_eq!(one, simulated(&scenario, 2), "threads");
    let real = served(&scenario, 7).await;
    assert_eq!(one.1, real.1, "ledgers");
    // The manifest tells what was found: that agrees as well.
    assert_eq!(one.0, real.0, "models");
    let evaluation = read_manifest(&one.0).unwrap().evaluation.unwrap();
    assert!(evaluation.private && evaluation.rounds == 3, "{evaluation:?}");
    let sums: Vec<_> = evaluation.candidates.iter().map(|candidate| candidate.sums).collect();
    assert!(sums[0] != sums[1] && sums[1] != sums[2], "{evaluation:?}");
    let params = read_model(&one.0, scenario.task.model.layout()).unwrap();
    assert_eq!(params, scenario.task.model.initial(), "the model is as it was");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_agree_on_candidates_with_models_of_their_own_too() {
    let options = Options { threads: NonZeroUsize::MIN, stop_after: None, accelerator: None };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut models = Vec::new();
    for (seed, name) in [(6, "six"), (7, "seven")] {
        let finished = run::run(&scenario(seed), &options, &mut Silent).unwrap();
        std::fs::write(path(name), &finished.model).unwrap();
        models.push(format!("model = {{ file = \"{name}\", sha256 = \"{}\" }}", finished.model_digest));
    }
    let [six, seven] = models.as_slice() else { panic!("two models") };
    let plan = "plan = { epochs = 1, batch_size = 3, learning_rate = 0.1 }";
    let section = format!(
        "[task.evaluation]\nheld_out = 0.3\ncandidates = [{{ name = \"six\", {six} }}, {{ name = \"drawn\" }}, {{ name = \"seven\", {seven} }}, \
         {{ name = \"six, tuned\", {six}, {plan} }}]\n"
    );
    let text = without(&without(SCENARIO, "[task.plan]"), "[task.server]");
    std::fs::write(path("scenario.toml"), text.replace("clip = 0.5", "metrics = { loss_bound = 4.0 }") + &section)
        .unwrap();
    let scenario = Scenario::load(path("scenario.toml").to_str().unwrap(), &Overrides::default()).unwrap();
    let one = simulated(&scenario, 1);
    assert_eq!(one, simulated(&scenario, 2), "threads");
    let real = served(&scenario, 7).await;
    assert_eq!(one.1, real.1, "ledgers");
    assert_eq!(one.0, real.0, "models");
    let evaluation = read_manifest(&one.0).unwrap().evaluation.unwrap();
    let names: Vec<&str> = evaluation.candidates.iter().map(|candidate| candidate.name.as_str()).collect();
    assert_eq!(names, ["six", "drawn", "seven", "six, tuned"]);
    let sums: Vec<_> = evaluation.candidates.iter().map(|candidate| candidate.sums).collect();
    assert!(sums[0] != sums[1] && sums[1] != sums[2] && sums[0] != sums[3], "{evaluation:?}");
}

/// Nobody watches the search.
struct Nobody;

impl Watcher for Nobody {
    fn planned(&self, _: u64, _: u64) {}

    fn worked(&self, _: u64) {}

    fn trial(&self, _: &Found, _: usize, _: usize) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recommended_task_runs_unedited_in_both_worlds() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("scenario.toml"), SCENARIO).unwrap();
    let search = "scenario = \"scenario.toml\"\ndata = \"synthetic\"\n[search]\nkind = \"grid\"\nrepeats = 2\n[space]\n\
                  epsilon = [2.0, 8.0]\nclip = [0.25, 0.5]\n";
    std::fs::write(path("search.toml"), search).unwrap();
    let plan = Plan::load(path("search.toml").to_str().unwrap(), &Overrides::default()).unwrap();
    let hands = Hands { cores: NonZeroUsize::new(2).unwrap(), shard: None, interrupt: None };
    let Ended::Done(tuned) = tune::tune(&plan, &path("tuned"), &[], hands, &Nobody).unwrap() else {
        panic!("nobody else has a part in it")
    };
    let text = std::fs::read_to_string(path("tuned/task.toml")).unwrap();
    let scenario = Scenario { task: Task::from_toml(&text).unwrap(), ..scenario(9) };
    assert_eq!(scenario.task.hash().unwrap().to_string(), tuned.candidates[tuned.recommended].point.task);
    let one = simulated(&scenario, 1);
    let real = served(&scenario, 5).await;
    assert_eq!(one.1, real.1, "ledgers");
    assert_eq!(one.0, real.0, "models");
}

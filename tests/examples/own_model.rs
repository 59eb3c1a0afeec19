//! A burn module of one's own, in the simulator and on a coordinator: no line of Murmur's models is used.
//!
//! In a crate of one's own this file is `src/main.rs`, with the README's `Cargo.toml` and the two files `own-model*.toml` beside it:
//! ```text
//! cargo run --release -- section                      # the task's [model] section: it names the module's tensors
//! cargo run --release -- simulate own-model.toml
//! murmur-server task create own-model-task.toml --data-dir state
//! cargo run --release -- take-part DEVICE-FOLDER      # of a device that `murmur-client enroll` enrolled; the task begins with 20 of them
//! ```
//! Here it is an example: `cargo run --release -p murmur-tests --example own_model -- simulate tests/examples/own-model.toml`.

use std::{num::NonZeroUsize, path::Path, process::ExitCode, sync::Arc};

use burn::{
    module::Module,
    nn::{Linear, LinearConfig},
    tensor::{
        Device, Int, Tensor, TensorData,
        activation::{log_softmax, tanh},
    },
};
use murmur_client::{
    Examples, Learner, ModuleTrainer,
    link::{Access, Course, LinkError, State, take_part_with},
    module::model_section,
    strokes,
};
use murmur_round::{measure::LocalMetrics, task::Task};
use murmur_sim::{
    population::Population,
    run::{self, Finished, Options, Silent},
    scenario::{Overrides, Scenario},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The model.
#[derive(Module, Debug)]
struct Net {
    hidden: Linear,
    output: Linear,
}

/// What it is to learn.
struct Digits;

impl Learner for Digits {
    type Model = Net;
    type Data = Examples;

    fn model(&self, device: &Device) -> Net {
        Net { hidden: LinearConfig::new(784, 24).init(device), output: LinearConfig::new(24, 10).init(device) }
    }

    fn examples(&self, data: &Examples) -> usize {
        data.len()
    }

    fn loss(&self, net: &Net, data: &Examples, batch: &[usize], device: &Device) -> Tensor<1> {
        let labels: Vec<i32> = batch.iter().map(|index| data.labels()[*index] as i32).collect();
        let labels: Tensor<2, Int> = Tensor::from_data(TensorData::new(labels, [batch.len(), 1]), device);
        scores(net, data, batch, device).gather(1, labels).mean().neg()
    }

    fn measure(&self, net: &Net, data: &Examples, examples: &[usize], device: &Device) -> Option<LocalMetrics> {
        let scores = scores(net, data, examples, device).into_data().try_to_vec::<f32>().ok()?;
        let (mut loss, mut right) = (0.0, 0_u32);
        for (row, &index) in scores.chunks_exact(10).zip(examples) {
            let own = row[data.labels()[index] as usize];
            loss -= f64::from(own);
            right += u32::from(row.iter().all(|score| *score <= own));
        }
        let count = examples.len() as f64;
        Some(LocalMetrics { loss: loss / count, accuracy: f64::from(right) / count })
    }
}

/// Logarithms of the probabilities of the ten digits.
fn scores(net: &Net, data: &Examples, batch: &[usize], device: &Device) -> Tensor<2> {
    let pixels: Vec<f32> = batch.iter().flat_map(|index| data.input(*index).to_vec()).collect();
    let images: Tensor<2> = Tensor::from_data(TensorData::new(pixels, [batch.len(), 784]), device);
    log_softmax(net.output.forward(tanh(net.hidden.forward(images))), 1)
}

/// A scenario whose task a coordinator takes as it is.
pub(crate) fn simulated(scenario: &str) -> Result<Finished, Box<dyn std::error::Error>> {
    let scenario = Scenario::load(scenario, &Overrides::default())?;
    let population = Population::of(&scenario)?;
    let options = Options { threads: NonZeroUsize::MIN, stop_after: None, accelerator: None };
    let trainer = |task: &Task| ModuleTrainer::new(Digits, &task.model);
    Ok(run::run_with(&scenario, &population, trainer, &options, &mut Silent, run::Course::default())?)
}

fn simulate(scenario: &str) -> Result<(), Box<dyn std::error::Error>> {
    let finished = simulated(scenario)?;
    for measured in &finished.measurements {
        let evaluation = &measured.evaluation;
        println!(
            "round {}: {:.1} % of {} digits",
            measured.round + 1,
            100.0 * evaluation.accuracy,
            evaluation.examples
        );
    }
    println!("{}", finished.guarantee);
    Ok(())
}

/// A device of this folder, which `murmur-client enroll` made, takes part in what its coordinator works on, until it is stopped.
fn take_part(state: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let state = State::open(state)?;
    // An app has data of its own; here every device writes digits in a hand of its own.
    let data = Arc::new(strokes::writer(7, state.device(), 20));
    println!("device {} takes part until it is stopped", state.device());
    let access = Access::enrolled(state);
    let refused = |error: murmur_client::module::ModuleError| LinkError::Training(error.to_string());
    let trainer = |task: &Task| ModuleTrainer::new(Digits, &task.model).map_err(refused);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(take_part_with(access, trainer, data, Course::default()))?)
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [simulated, scenario] if simulated == "simulate" => simulate(scenario),
        [section] if section == "section" => {
            print!("{}", model_section(&Digits.model(&Device::flex()))?.to_toml()?);
            Ok(())
        }
        [part, state] if part == "take-part" => take_part(Path::new(state)),
        _ => Err("section, simulate and a scenario, or take-part and the folder of an enrolled device".into()),
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

//! The example of a model of one's own does what the README says of it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "all of this is tests")]

use std::{num::NonZeroUsize, path::Path, process::Command};

use murmur_client::{BurnTrainer, ModuleTrainer};
use murmur_round::task::Task;
use murmur_sim::{
    SimError,
    population::Population,
    run::{Course, Options, Silent, run_with},
    scenario::{Overrides, Scenario},
};

/// Cargo puts examples beside the folder of its tests.
fn example(arguments: &[&str]) -> (Option<i32>, String, String) {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().unwrap().with_file_name("examples").join("own_model");
    assert!(path.exists(), "{}: `cargo test` builds it with this test", path.display());
    let output = Command::new(path).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_module_that_murmur_does_not_know_learns_in_the_simulator() {
    let (code, stdout, stderr) = example(&["simulate"]);
    assert_eq!(code, Some(0), "{stderr}");
    let percent = |line: &str| line.split(": ").nth(1).unwrap().split(' ').next().unwrap().parse::<f64>().unwrap();
    let accuracies: Vec<f64> = stdout.lines().filter(|line| line.starts_with("round ")).map(percent).collect();
    assert_eq!(accuracies.len(), 4, "{stdout}");
    assert!(accuracies[3] > 50.0 && accuracies[3] > accuracies[0], "ten digits, and it guesses: {accuracies:?}");
    assert!(stdout.contains("SIMULATED"), "{stdout}");
    let (code, _, stderr) = example(&["take-part", "nowhere"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("nowhere"), "{stderr}");
}

#[test]
fn a_trainer_that_refuses_or_does_not_measure_ends_the_run_with_its_reason() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/own-model.toml");
    let scenario = Scenario::load(&beside.to_string_lossy(), &Overrides::default()).unwrap();
    let population = Population::of(&scenario).unwrap();
    let options = Options { threads: NonZeroUsize::MIN, stop_after: Some(1) };
    let ours = |task: &Task| BurnTrainer::new(&task.model);
    let refused = run_with(&scenario, &population, ours, &options, &mut Silent, Course::default()).unwrap_err();
    assert!(refused.to_string().contains("external"), "{refused}");
    let silent = |task: &Task| ModuleTrainer::new(silent::Silent, &task.model);
    let refused = run_with(&scenario, &population, silent, &options, &mut Silent, Course::default()).unwrap_err();
    assert!(matches!(refused, SimError::Unmeasured), "{refused}");
}

mod silent {
    //! The same tensors, and nobody who says how well they do.

    use burn::{
        module::Module,
        nn::{Linear, LinearConfig},
        tensor::{Device, Tensor},
    };
    use murmur_client::{Examples, Learner};

    #[derive(Module, Debug)]
    pub(crate) struct Net {
        hidden: Linear,
        output: Linear,
    }

    pub(crate) struct Silent;

    impl Learner for Silent {
        type Model = Net;
        type Data = Examples;

        fn model(&self, device: &Device) -> Net {
            Net { hidden: LinearConfig::new(784, 24).init(device), output: LinearConfig::new(24, 10).init(device) }
        }

        fn examples(&self, data: &Examples) -> usize {
            data.len()
        }

        fn loss(&self, net: &Net, _: &Examples, _: &[usize], _: &Device) -> Tensor<1> {
            net.output.weight.val().mean() + net.hidden.weight.val().mean()
        }
    }
}

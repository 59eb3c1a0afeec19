//! Murmur inside an app whose model, training and data are its own: no line of our models or loaders is used.
//!
//! The app predicts which of two alarms a person will snooze from six numbers about the day. It has its own record type, its own
//! logistic regression, and one call to take part. The task that its coordinator runs says
//! `model = { kind = "linear", input = [1, 1, 6], classes = 2 }`: 14 parameters, in whatever meaning the app gives them.
//!
//! ```text
//! murmur-client enroll --server https://coordinator.example.org:7878 --ca device-ca.pem --token TOKEN --state state
//! cargo run -p murmur-client --example embedding -- state
//! ```
//! For a trial on one machine, `--insecure-loopback http://127.0.0.1:7878 ID` takes the place of the folder.

use std::{path::Path, process::ExitCode, sync::Arc};

use murmur_client::link::{Access, Course, LinkError, State, take_part_with};
use murmur_privacy::Delta;
use murmur_round::{
    evaluation::EvaluationPlan,
    measure::LocalMetrics,
    params::{DimensionMismatch, Params},
    plan::{LocalPlan, ShuffleSeed},
    task::Task,
    trainer::Trainer,
};

const NUMBERS: usize = 6;
/// A weight for each number and each alarm, then a bias for each alarm.
const PARAMETERS: usize = 2 * NUMBERS + 2;

/// What the app knows of one morning.
struct Morning {
    numbers: [f32; NUMBERS],
    snoozed_second: bool,
}

/// The app's own model: how likely the second alarm is snoozed.
struct Snoozing;

impl Snoozing {
    /// The parameters after following `plan`. Day by day: the order of an app's own days is fixed, and so no seed is needed.
    fn learnt(global: &Params, plan: &LocalPlan, mornings: &[Morning]) -> Result<Vec<f32>, DimensionMismatch> {
        if global.dimension() != PARAMETERS {
            return Err(DimensionMismatch { expected: PARAMETERS, found: global.dimension() });
        }
        let mut params = global.values().to_vec();
        for morning in mornings.iter().cycle().take(mornings.len() * plan.epochs as usize) {
            let error = Self::odds(&params, morning) - f32::from(u8::from(morning.snoozed_second));
            let step = plan.learning_rate * error;
            for (index, number) in morning.numbers.iter().enumerate() {
                params[index] += step * number;
                params[NUMBERS + index] -= step * number;
            }
            params[2 * NUMBERS] += step;
            params[2 * NUMBERS + 1] -= step;
        }
        Ok(params)
    }

    /// How well these parameters foretell some mornings; nothing of none.
    fn quality(params: &[f32], mornings: &[Morning]) -> Option<LocalMetrics> {
        let (mut loss, mut right) = (0.0, 0);
        for morning in mornings {
            let odds = Self::odds(params, morning);
            loss -= f64::from(if morning.snoozed_second { odds } else { 1.0 - odds }).ln();
            right += usize::from((odds > 0.5) == morning.snoozed_second);
        }
        let count = mornings.len() as f64;
        (!mornings.is_empty()).then(|| LocalMetrics { loss: loss / count, accuracy: right as f64 / count })
    }

    fn odds(params: &[f32], morning: &Morning) -> f32 {
        let score = |alarm: usize| -> f32 {
            let weights = &params[alarm * NUMBERS..(alarm + 1) * NUMBERS];
            let sum: f32 = weights.iter().zip(&morning.numbers).map(|(weight, number)| weight * number).sum();
            sum + params[2 * NUMBERS + alarm]
        };
        1.0 / (1.0 + (score(0) - score(1)).exp())
    }
}

impl Trainer for Snoozing {
    type Data = [Morning];
    type Error = DimensionMismatch;

    fn train(
        &mut self,
        global: &Params,
        plan: &LocalPlan,
        mornings: &[Morning],
        _order: ShuffleSeed,
    ) -> Result<Delta, DimensionMismatch> {
        let params = Self::learnt(global, plan, mornings)?;
        Ok(Delta::new(params.iter().zip(global.values()).map(|(local, global)| local - global).collect()))
    }

    fn measure(&mut self, model: &Params, mornings: &[Morning]) -> Result<Option<LocalMetrics>, DimensionMismatch> {
        Ok(Self::quality(model.values(), mornings))
    }

    fn evaluate(
        &mut self,
        model: &Params,
        plan: &EvaluationPlan,
        mornings: &[Morning],
        _order: ShuffleSeed,
    ) -> Result<Option<Vec<LocalMetrics>>, DimensionMismatch> {
        // The last days are held out: what is to be foretold lies ahead.
        let (rest, held_out) = mornings.split_at(mornings.len() - plan.held(mornings.len()));
        let mut measured = Vec::new();
        for candidate in &plan.candidates {
            let params = match &candidate.plan {
                Some(local) => Self::learnt(model, local, rest)?,
                None => model.values().to_vec(),
            };
            let Some(metrics) = Self::quality(&params, held_out) else { return Ok(None) };
            measured.push(metrics);
        }
        Ok(Some(measured))
    }
}

/// A trainer for a task with the app's model; any other task is refused.
fn trainer(task: &Task) -> Result<Snoozing, LinkError> {
    match task.model.layout().dimension() {
        PARAMETERS => Ok(Snoozing),
        other => Err(LinkError::Training(format!("this app's model has {PARAMETERS} parameters, the task's {other}"))),
    }
}

/// Days that a person who is late on cold days might have had.
fn mornings() -> Arc<[Morning]> {
    let day = |number: usize| {
        let numbers = std::array::from_fn(|index| ((number * (index + 3)) % 7) as f32 / 7.0 - 0.5);
        Morning { snoozed_second: numbers[0] > numbers[1], numbers }
    };
    (0..60).map(day).collect()
}

fn access(arguments: &[String]) -> Result<Access, Box<dyn std::error::Error>> {
    match arguments {
        [state] => Ok(Access::enrolled(State::open(Path::new(state))?)),
        [flag, server, device] if flag == "--insecure-loopback" => {
            Ok(Access::insecure_loopback(server.parse()?, device.parse()?)?)
        }
        _ => Err("name the folder that `murmur-client enroll --state` made, or --insecure-loopback URL ID".into()),
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let access = access(&std::env::args().skip(1).collect::<Vec<_>>())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(take_part_with(access, trainer, mornings(), Course::default()))?;
    println!("the task is over");
    Ok(())
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

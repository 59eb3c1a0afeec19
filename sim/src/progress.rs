//! A progress bar on stderr: round, accuracy, epsilon spent of budget.

use indicatif::{ProgressBar, ProgressStyle};
use murmur_round::{guarantee::Guarantee, task::Schedule};
use murmur_sim::{
    output,
    run::{Measurement, Observer},
};

/// Shows a run on a terminal; where stderr is none, it shows only the promise.
pub(crate) struct Bar {
    bar: ProgressBar,
    accuracy: Option<f64>,
}

impl Bar {
    pub(crate) fn new() -> Self {
        Self { bar: ProgressBar::hidden(), accuracy: None }
    }
}

impl Observer for Bar {
    fn started(&mut self, schedule: &Schedule, guarantee: &Guarantee, stop_after: Option<u32>) {
        eprintln!("{}", output::promise(guarantee, schedule.population()));
        let rounds = schedule.task().rounds;
        self.bar = ProgressBar::new(u64::from(stop_after.unwrap_or(rounds).min(rounds)));
        let style = ProgressStyle::with_template("round {pos}/{len} {wide_bar} {msg} {elapsed}");
        self.bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    }

    fn round(&mut self, round: u32, guarantee: &Guarantee, measured: Option<&Measurement>) {
        self.accuracy = measured.map(|measured| measured.evaluation.accuracy).or(self.accuracy);
        let accuracy = self.accuracy.map_or_else(|| "-".to_owned(), |accuracy| format!("{:.1} %", 100.0 * accuracy));
        let privacy = if guarantee.is_private() {
            format!("epsilon {:.3} of {}", guarantee.epsilon_spent, guarantee.budget)
        } else {
            "NOT PRIVATE".to_owned()
        };
        self.bar.set_message(format!("accuracy {accuracy}  {privacy}"));
        self.bar.set_position(u64::from(round) + 1);
    }

    fn finished(&mut self) {
        self.bar.finish_and_clear();
    }
}

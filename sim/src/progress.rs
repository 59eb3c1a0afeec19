//! Progress bars on stderr: of a run (round, accuracy, epsilon spent of budget), of a search, and of whatever else takes a second.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use murmur_round::{guarantee::Guarantee, task::Schedule};
use murmur_sim::{
    output,
    run::{Measurement, Observer},
    tune::{Found, Watcher},
};

use crate::cli::terminal::tell;

/// Does some work and says so, if that takes a while and stderr is a terminal.
pub(crate) fn waiting<T>(what: &'static str, hidden: bool, work: impl FnOnce() -> T) -> T {
    let spinner = if hidden { ProgressBar::hidden() } else { ProgressBar::new_spinner().with_message(what) };
    spinner.enable_steady_tick(Duration::from_millis(500));
    let result = work();
    spinner.finish_and_clear();
    result
}

/// Shows a run on a terminal; where stderr is none, it shows only the promise.
pub(crate) struct Bar {
    bar: ProgressBar,
    accuracy: Option<f64>,
    /// Whether a model is trained, whose accuracy there is to see.
    trains: bool,
}

impl Bar {
    pub(crate) fn new() -> Self {
        Self { bar: ProgressBar::hidden(), accuracy: None, trains: true }
    }
}

impl Observer for Bar {
    fn started(&mut self, schedule: &Schedule, guarantee: &Guarantee, stop_after: Option<u32>) {
        tell(&output::promise(guarantee, schedule.population()));
        self.trains = schedule.task().plan().is_some();
        let rounds = schedule.task().rounds;
        self.bar = ProgressBar::new(u64::from(stop_after.unwrap_or(rounds).min(rounds)));
        let style = ProgressStyle::with_template("round {pos}/{len} {wide_bar:.cyan} {msg} {elapsed}");
        self.bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    }

    fn round(&mut self, round: u32, guarantee: &Guarantee, measured: Option<&Measurement>) {
        self.accuracy = measured.map(|measured| measured.judged().accuracy).or(self.accuracy);
        let accuracy = self.accuracy.map_or_else(|| "-".to_owned(), |accuracy| format!("{:.1} %", 100.0 * accuracy));
        let privacy = if guarantee.is_private() {
            format!("epsilon {:.3} of {}", guarantee.epsilon_spent, guarantee.budget)
        } else {
            "NOT PRIVATE".to_owned()
        };
        let measured = if self.trains { format!("accuracy {accuracy}  ") } else { String::new() };
        self.bar.set_message(format!("{measured}{privacy}"));
        self.bar.set_position(u64::from(round) + 1);
    }

    fn finished(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Shows a search on a terminal: trials, work, time left. Where stderr is none, a line for each trial.
pub(crate) struct SearchBar {
    bar: ProgressBar,
    /// Neither a bar nor lines.
    quiet: bool,
}

impl SearchBar {
    pub(crate) fn new(quiet: bool) -> Self {
        let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(0) };
        let style = ProgressStyle::with_template("{wide_bar:.cyan} {percent} % {msg}, {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, quiet }
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Watcher for SearchBar {
    fn planned(&self, done: u64, all: u64) {
        self.bar.set_length(all);
        // What was done before is not how fast it goes now.
        self.bar.set_position(done);
        self.bar.reset_eta();
    }

    fn worked(&self, more: u64) {
        self.bar.inc(more);
    }

    fn trial(&self, found: &Found, done: usize, all: usize) {
        let accuracy =
            found.accuracy.map_or_else(|| "refused".to_owned(), |accuracy| format!("{:.2} %", 100.0 * accuracy));
        let told = format!("trial {done} of {all}: {} {} {accuracy}", found.about.stage, found.about.target);
        if self.bar.is_hidden() && !self.quiet {
            eprintln!("{told}, after {:.1} s: {}", found.seconds, found.about.settings);
        }
        self.bar.set_message(told);
    }
}

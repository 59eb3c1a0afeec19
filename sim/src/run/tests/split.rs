//! Any number of ranks comes to what one process comes to, or all of them end.

use std::{io, num::NonZeroUsize, thread};

use murmur_privacy::{Delta, update::Partial};
use murmur_round::{
    evaluation::EvaluationPlan,
    plan::{LocalPlan, ShuffleSeed},
};

use super::*;
use crate::ranks::threads::{Threaded, together};

/// Runs `work` on so many ranks at once; what each came to.
fn on_ranks<T: Send>(count: usize, work: impl Fn(&Threaded) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let work = &work;
        let started: Vec<_> = together(count).into_iter().map(|rank| scope.spawn(move || work(&rank))).collect();
        started.into_iter().map(|rank| rank.join().unwrap()).collect()
    })
}

fn split(scenario: &Scenario, count: usize) -> Vec<Finished> {
    on_ranks(count, |rank| {
        let course = Course { ranks: Some(rank), ..Course::default() };
        along(scenario, &options(1 + rank.rank() % 2), &mut Silent, course).unwrap()
    })
}

/// What all ranks come to, measurements aside.
fn common(finished: &Finished) -> impl PartialEq + std::fmt::Debug + use<> {
    let entries: Vec<String> = finished.ledger.iter().map(|entry| entry.to_line().unwrap()).collect();
    let history: Vec<(Cohort, Option<f64>)> =
        finished.history.iter().map(|round| (round.cohort, round.update_norm)).collect();
    let Finished { rounds, model_digest, clip, metrics, local, simulated, evaluation, averaged, .. } = finished;
    (
        entries,
        history,
        (*rounds, *model_digest, *clip, *metrics, *local, *simulated, evaluation.clone(), averaged.clone()),
    )
}

fn is_the_same_on_any_number_of_ranks(name: &str, scenario: &Scenario) {
    let one = run(scenario, &options(2), &mut Silent).unwrap();
    assert!(one.history.iter().map(|round| round.cohort.reported).sum::<u64>() > 0, "{name}: somebody takes part");
    for count in 1..=4 {
        let ranks = split(scenario, count);
        assert_eq!(result(&ranks[0]), result(&one), "{name}: {count} ranks");
        for (rank, finished) in ranks.iter().enumerate() {
            assert_eq!(common(finished), common(&one), "{name}: rank {rank} of {count}");
            assert_eq!(finished.measurements.is_empty(), rank > 0, "{name}: rank 0 alone measures");
        }
    }
}

#[test]
fn every_kind_of_task_comes_to_the_same_bits_on_any_number_of_ranks() {
    scenarios().iter().for_each(|(name, scenario)| is_the_same_on_any_number_of_ranks(name, scenario));
}

#[test]
fn so_do_tasks_without_noise_with_metrics_in_clear_and_ones_that_only_measure() {
    let fixed = r#"kind = "fixed", cohort = 6, window_seconds = 10, minimum_reports = 3"#;
    let open = scenario(&[(POISSON, fixed), (PRIVACY, r#"mechanism = "none", non_private_metrics = true"#)]);
    is_the_same_on_any_number_of_ranks("metrics in clear", &open);
    // Some devices have used their budgets up by the end, and withdraw.
    let local = format!(r#"{PRIVACY}, local = {{ mechanism = "privunit2", epsilon = 8.0 }}"#);
    let poor = scenario(&[(PRIVACY, &local), ("local_epsilon = 1000.0", "local_epsilon = 25.0")]);
    let withdrew =
        run(&poor, &options(2), &mut Silent).unwrap().history.iter().map(|round| round.cohort.withdrew).sum::<u64>();
    assert!(withdrew > 0);
    is_the_same_on_any_number_of_ranks("budgets used up", &poor);
    let measuring = r#"[task.evaluation]
held_out = 0.3
candidates = [{ name = "as it is" }, { name = "tuned", plan = { epochs = 1, batch_size = 4, learning_rate = 0.1 } }]
"#;
    let plan = "plan = { epochs = 1, batch_size = 4, learning_rate = 0.1 }\n";
    let server = "server = { optimizer = \"adam\", learning_rate = 0.1, beta1 = 0.9, beta2 = 0.99, epsilon = 1e-3 }\n";
    let privacy = format!("clip = 0.5, {PRIVACY}");
    let metrics = format!("{PRIVACY}, metrics = {{ loss_bound = 5.0 }}");
    let evaluation = scenario(&[(plan, ""), (&privacy, &metrics), (server, measuring)]);
    is_the_same_on_any_number_of_ranks("evaluation", &evaluation);
}

#[test]
fn a_split_run_is_gone_on_with_by_another_number_of_ranks() {
    for (name, scenario) in scenarios() {
        let whole = run(&scenario, &options(1), &mut Silent).unwrap();
        let kept = on_ranks(3, |rank| {
            let mut kept = Vec::new();
            let mut keep = |bytes: &[u8]| {
                kept.push(bytes.to_vec());
                Ok(())
            };
            let course = Course { keep: Some(&mut keep), ranks: Some(rank), ..Course::default() };
            along(&scenario, &options(1), &mut Silent, course).unwrap();
            kept
        });
        assert_eq!(kept.iter().map(Vec::len).collect::<Vec<_>>(), [6, 0, 0], "{name}: rank 0 alone keeps");
        let from = &kept[0][2];
        let again = on_ranks(2, |rank| {
            let course = Course { from: Some(from.clone()), ranks: Some(rank), ..Course::default() };
            along(&scenario, &options(1), &mut Silent, course).unwrap()
        });
        assert_eq!(result(&again[0]), result(&whole), "{name}");
        let alone = Course { from: Some(from.clone()), ..Course::default() };
        assert_eq!(result(&along(&scenario, &options(1), &mut Silent, alone).unwrap()), result(&whole), "{name}");
    }
}

#[test]
fn all_ranks_stop_after_the_same_round_when_one_is_asked_to() {
    let scenario = scenario(&[]);
    let stopped = on_ranks(3, |rank| {
        let interrupt = AtomicBool::new(rank.rank() == 2);
        let course = Course { interrupt: Some(&interrupt), ranks: Some(rank), ..Course::default() };
        along(&scenario, &options(1), &mut Silent, course).unwrap_err()
    });
    assert!(stopped.iter().all(|error| matches!(error, SimError::Interrupted { rounds: 0 })), "{stopped:?}");
    // What was released is kept first, and gone on with to the same bits.
    let stopped = on_ranks(2, |rank| {
        let interrupt = AtomicBool::new(false);
        let mut kept = Vec::new();
        let mut keep = |bytes: &[u8]| {
            kept = bytes.to_vec();
            Ok(())
        };
        struct Asks<'a>(&'a AtomicBool);
        impl Observer for Asks<'_> {
            fn started(&mut self, _: &Schedule, _: &Guarantee, _: Option<u32>) {}
            fn round(&mut self, round: u32, _: &Guarantee, _: Option<&Measurement>) {
                self.0.store(round == 2, Ordering::Relaxed);
            }
            fn finished(&mut self) {}
        }
        let between = Duration::from_secs(3600);
        let (mut observer, population) = (Asks(&interrupt), Population::of(&scenario).unwrap());
        let (keep, interrupt) = (Some(&mut keep as &mut Keep<'_>), Some(&interrupt));
        let course = Course { keep, interrupt, between, ranks: Some(rank), from: None };
        let error = run_along(&scenario, &population, &options(1), &mut observer, course).unwrap_err();
        let SimError::Interrupted { rounds } = error else { panic!("{error}") };
        (rounds, kept)
    });
    assert_eq!((stopped[0].0, stopped[1].0), (3, 3));
    let from = Course { from: Some(stopped[0].1.clone()), ..Course::default() };
    let whole = run(&scenario, &options(1), &mut Silent).unwrap();
    assert_eq!(result(&along(&scenario, &options(1), &mut Silent, from).unwrap()), result(&whole));
}

/// A trainer that fails on one rank, in the third piece of work that falls to it.
struct Failing {
    inner: BurnTrainer,
    fails: bool,
    calls: u32,
}

impl Trainer for Failing {
    type Data = Examples;
    type Error = io::Error;

    fn train(
        &mut self,
        params: &Params,
        plan: &LocalPlan,
        data: &Examples,
        seed: ShuffleSeed,
    ) -> Result<Delta, io::Error> {
        self.calls += 1;
        if self.fails && self.calls == 3 {
            return Err(io::Error::other("no memory left"));
        }
        self.inner.train(params, plan, data, seed).map_err(io::Error::other)
    }

    fn measure(&mut self, params: &Params, data: &Examples) -> Result<Option<LocalMetrics>, io::Error> {
        self.inner.measure(params, data).map_err(io::Error::other)
    }

    fn evaluate(
        &mut self,
        params: &Params,
        plan: &EvaluationPlan,
        data: &Examples,
        seed: ShuffleSeed,
    ) -> Result<Option<Vec<LocalMetrics>>, io::Error> {
        self.inner.evaluate(params, plan, data, seed).map_err(io::Error::other)
    }
}

#[test]
fn a_rank_that_fails_ends_all_of_them_with_its_own_words() {
    let scenario = scenario(&[]);
    let errors = on_ranks(3, |rank| {
        let population = Population::of(&scenario).unwrap();
        let trainer = |task: &Task| {
            BurnTrainer::new(&task.model).map(|inner| Failing { inner, fails: rank.rank() == 1, calls: 0 })
        };
        let course = Course { ranks: Some(rank), ..Course::default() };
        run_with(&scenario, &population, trainer, &options(1), &mut Silent, course).unwrap_err()
    });
    assert!(matches!(errors[1], SimError::Trainer(_)), "{:?}", errors[1]);
    for error in [&errors[0], &errors[2]] {
        assert_eq!(error.to_string(), "rank 1: no memory left", "{error:?}");
    }
}

/// A link over which nothing is added up.
struct Deaf<'a>(&'a Threaded);

impl Ranks for Deaf<'_> {
    fn rank(&self) -> usize {
        self.0.rank()
    }

    fn count(&self) -> NonZeroUsize {
        self.0.count()
    }

    fn exchange(&self, said: &[u8]) -> Vec<Vec<u8>> {
        self.0.exchange(said)
    }

    fn add_up(&self, _: Partial<'_>) {}
}

#[test]
fn ranks_that_come_to_different_models_or_run_different_things_say_so() {
    let (one, other) = (scenario(&[]), Scenario { seed: 8, ..scenario(&[]) });
    let apart = on_ranks(2, |rank| {
        let course = Course { ranks: Some(&Deaf(rank)), ..Course::default() };
        along(&one, &options(1), &mut Silent, course).unwrap_err()
    });
    assert!(apart.iter().all(|error| matches!(error, SimError::RanksApart)), "{apart:?}");
    let apart = on_ranks(2, |rank| {
        let course = Course { ranks: Some(rank), ..Course::default() };
        let scenario = if rank.rank() == 0 { &one } else { &other };
        along(scenario, &options(1), &mut Silent, course).unwrap_err()
    });
    assert!(apart.iter().all(|error| matches!(error, SimError::RanksApart)), "{apart:?}");
}

use super::*;
use crate::{measure::ReleasedMetrics, plan::WeightDecay, rate::RateSchedule};

fn candidate(name: &str, plan: Option<LocalPlan>) -> Candidate {
    Candidate { name: name.to_owned(), plan }
}

fn plan(held_out: f64) -> EvaluationPlan {
    let tuned = LocalPlan::plain(1, 10, 0.05);
    EvaluationPlan { held_out, candidates: vec![candidate("as it is", None), candidate("tuned", Some(tuned))] }
}

const EXACT: EvaluationTerms = EvaluationTerms { loss_bound: 4.0, noise: Some(0.0), private: false };

#[test]
fn one_example_at_least_is_held_out_and_one_of_several_left() {
    let held = |part: f64| {
        [0, 1, 2, 3, 10, 100].map(|examples| EvaluationPlan { held_out: part, candidates: Vec::new() }.held(examples))
    };
    assert_eq!(held(0.3), [0, 1, 1, 1, 3, 30]);
    assert_eq!(held(0.01), [0, 1, 1, 1, 1, 1]);
    assert_eq!(held(0.99), [0, 1, 1, 2, 9, 99]);
    assert_eq!(held(1.0), [0, 1, 2, 3, 10, 100]);
}

#[test]
fn a_device_says_that_it_measured_and_then_what_of_each_candidate() {
    let plan = plan(0.5);
    let metrics = |loss, accuracy| LocalMetrics { loss, accuracy };
    let said = plan.contribution(Some(&[metrics(1.0, 0.75), metrics(9.0, 0.0)]), 4.0);
    assert_eq!(said, [1.0, -0.5, 0.5, 1.0, -1.0]);
    assert_eq!(said.len(), plan.measure_count());
    assert_eq!(plan.contribution(None, 4.0), [0.0; 5], "a device without examples moves no mean");
    let astray = plan.contribution(Some(&[metrics(f64::NAN, 0.5), metrics(f64::INFINITY, 0.5)]), 4.0);
    assert_eq!(astray, [1.0, 1.0, 0.0, 1.0, 0.0]);
}

#[test]
fn rounds_are_pooled_by_their_reports() {
    let plan = plan(0.5);
    // Two devices with accuracies 1 and 0.5 by the first candidate, then one with 0.25.
    let first = ReleasedEvaluation::with_round(None, &plan, &[2.0, -1.0, 1.0, 0.0, 0.0], &EXACT).unwrap();
    assert_eq!((first.rounds, first.reports, first.candidates[0].accuracy), (1, 2.0, 0.75));
    let both = ReleasedEvaluation::with_round(Some(&first), &plan, &[1.0, 1.0, -0.5, -1.0, 1.0], &EXACT).unwrap();
    let [as_it_is, tuned] = both.candidates.as_slice() else { panic!("two candidates") };
    assert_eq!((both.rounds, both.reports, both.private), (2, 3.0, false));
    assert_eq!((as_it_is.name.as_str(), tuned.name.as_str()), ("as it is", "tuned"));
    assert!((as_it_is.accuracy - (1.0 + 0.5 + 0.25) / 3.0).abs() < 1e-12, "{as_it_is:?}");
    assert_eq!(as_it_is.loss, 2.0);
    assert_eq!(as_it_is.last_round, ReleasedMetrics { reports: 1.0, loss: 4.0, accuracy: 0.25, private: false });
    assert!((tuned.accuracy - 2.0 / 3.0).abs() < 1e-12, "{tuned:?}");
    assert_eq!(tuned.accuracy_deviation, Some(0.0));
    for wrong in [&[][..], &[1.0], &[1.0; 4], &[1.0; 6]] {
        assert_eq!(ReleasedEvaluation::with_round(None, &plan, wrong, &EXACT), None, "{wrong:?}");
    }
}

#[test]
fn the_noise_is_told_as_it_is() {
    let plan = plan(0.5);
    let noisy = EvaluationTerms { noise: Some(3.0), private: true, ..EXACT };
    let deviations = |sums: &[f64], rounds: u32| {
        let mut released = None;
        for _ in 0..rounds {
            released = ReleasedEvaluation::with_round(released.as_ref(), &plan, sums, &noisy);
        }
        let candidate = released.unwrap().candidates.swap_remove(0);
        (candidate.accuracy_deviation.unwrap(), candidate.loss_deviation.unwrap())
    };
    // Accuracy one half: the noise on the number of reports does not matter. A loss of its bound: it does.
    let (accuracy, loss) = deviations(&[100.0, 100.0, 0.0, 0.0, 0.0], 1);
    assert!((accuracy - 3.0 / 200.0).abs() < 1e-12, "{accuracy}");
    assert!((loss - 4.0 * 2.0_f64.sqrt() * 3.0 / 200.0).abs() < 1e-12, "{loss}");
    let (pooled, _) = deviations(&[100.0, 100.0, 0.0, 0.0, 0.0], 16);
    assert!((pooled - accuracy / 4.0).abs() < 1e-12, "{pooled}");
    let shared = EvaluationTerms { noise: None, ..noisy };
    let released = ReleasedEvaluation::with_round(None, &plan, &[9.0; 5], &shared).unwrap();
    assert_eq!(released.candidates[1].accuracy_deviation, None);
}

#[test]
fn every_mistake_is_named() {
    assert_eq!(plan(0.3).validate(), Ok(()));
    let single = |candidates| EvaluationPlan { held_out: 1.0, candidates };
    assert_eq!(single(vec![candidate("alone", None)]).validate(), Ok(()));
    let named = |name: &str| single(vec![candidate(name, None)]);
    let with = |local: LocalPlan| EvaluationPlan { held_out: 0.5, candidates: vec![candidate("a", Some(local))] };
    let plain = LocalPlan::plain(1, 1, 0.1);
    for (plan, said) in [
        (plan(0.0), "evaluation.held_out must be above 0"),
        (plan(f64::NAN), "evaluation.held_out"),
        (plan(1.5), "evaluation.held_out"),
        (plan(1.0), "\"tuned\" nothing to train on"),
        (single(Vec::new()), "evaluation.candidates has 0"),
        (single((0..33).map(|index| candidate(&index.to_string(), None)).collect()), "evaluation.candidates has 33"),
        (single(vec![candidate("a", None), candidate("a", None)]), "two are called \"a\""),
        (named(""), "is no name"),
        (named(" a"), "is no name"),
        (named("a\nb"), "is no name"),
        (named(&"a".repeat(65)), "is no name"),
        (with(LocalPlan { epochs: 0, ..plain }), "\"a\": plan.epochs"),
        (with(LocalPlan { control_variates: true, ..plain }), "SCAFFOLD"),
        (with(LocalPlan { schedule: Some(RateSchedule::Constant { warm_up: 1 }), ..plain }), "plan.schedule changes"),
        (
            with(LocalPlan { weight_decay: Some(WeightDecay { rate: 0.1, rounds: Some(2) }), ..plain }),
            "plan.weight_decay.rounds changes",
        ),
    ] {
        let message = plan.validate().unwrap_err().to_string();
        assert!(message.contains(said), "{said}: {message}");
    }
}

use murmur_privacy::Digest;

use super::*;
use crate::{measure::ReleasedMetrics, model::ModelSpec, plan::WeightDecay, rate::RateSchedule, task::Task};

fn candidate(name: &str, plan: Option<LocalPlan>) -> Candidate {
    Candidate { name: name.to_owned(), model: None, plan }
}

/// A candidate with a model of its own, of which this is the file.
fn with_model(name: &str, file: &[u8], plan: Option<LocalPlan>) -> Candidate {
    let model = CandidateModel { file: format!("{name}.safetensors"), sha256: Digest::of(file) };
    Candidate { name: name.to_owned(), model: Some(model), plan }
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
        (
            single((0..9_u8).map(|index| with_model(&index.to_string(), &[index], None)).collect()),
            "begin with 9 models of their own; there may be 8",
        ),
        (
            single(vec![Candidate {
                model: Some(CandidateModel { file: String::new(), sha256: Digest::ZERO }),
                ..candidate("a", None)
            }]),
            "\"a\": model.file must be the path",
        ),
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

#[test]
fn candidates_are_looked_at_one_model_after_the_other_and_each_on_the_same_examples() {
    let tuned = Some(LocalPlan::plain(1, 10, 0.05));
    let candidates = vec![
        with_model("a", b"one", None),
        candidate("b", tuned),
        with_model("c", b"two", None),
        with_model("d", b"one", tuned),
        candidate("e", None),
    ];
    let plan = EvaluationPlan { held_out: 0.25, candidates };
    let groups = plan.groups();
    let found: Vec<_> = groups.iter().map(|group| (group.model, group.places.clone())).collect();
    assert_eq!(
        found,
        [(Some(Digest::of(b"one")), vec![0, 3]), (None, vec![1, 4]), (Some(Digest::of(b"two")), vec![2])]
    );
    assert!(groups.iter().all(|group| group.plan.held_out == 0.25));
    assert_eq!(groups[0].plan.candidates[1], plan.candidates[3]);
    assert_eq!(super::tests::plan(0.5).groups().len(), 1);
}

const TASK: &str = r#"
name = "which"
population = "phones"
rounds = 1
model = { kind = "linear", input = [1, 1, 2], classes = 2 }
participation = { kind = "poisson", rate = 1.0, window_seconds = 1, minimum_reports = 1 }
privacy = { mechanism = "none", metrics = { loss_bound = 4.0 } }
[evaluation]
held_out = 0.25
"#;

#[test]
fn a_candidates_file_is_the_one_that_the_task_names() {
    let model = ModelSpec::linear([1, 1, 2], 2);
    let head = r#"{"output.weight":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"output.bias":{"dtype":"F32","shape":[2],"data_offsets":[16,24]}}"#;
    let values: Vec<u8> = (0..6_u8).flat_map(|place| f32::from(place).to_le_bytes()).collect();
    let file = [&(head.len() as u64).to_le_bytes()[..], head.as_bytes(), &values].concat();
    let right = CandidateModel { file: "base.safetensors".to_owned(), sha256: Digest::of(&file) };
    assert_eq!(right.read(&model, Some(&file)).unwrap().values(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    let said =
        |result: Result<_, CandidateModelError>| result.map(|_: crate::params::Params| ()).unwrap_err().to_string();
    assert!(said(right.read(&model, None)).contains("base.safetensors"));
    let other = said(right.read(&model, Some(&values)));
    assert!(other.contains(&format!("write sha256 = \"{}\"", Digest::of(&values))), "{other}");
    let wrong = said(right.read(&ModelSpec::linear([1, 1, 3], 2), Some(&file)));
    assert!(wrong.contains("a candidate's model has all tensors"), "{wrong}");
    let long = vec![0; (1 << 20) + 100];
    let too_long = CandidateModel { sha256: Digest::of(&long), ..right.clone() };
    assert!(said(too_long.read(&model, Some(&long))).contains("leave only the model's tensors"));
    // In a task: once, however many candidates begin with it, and no part of the hash of tasks that name none.
    let sha256 = right.sha256;
    let named = format!(
        "candidates = [\n{{ name = \"a\", model = {{ file = \"x\", sha256 = \"{sha256}\" }} }},\n{{ name = \"b\", model = {{ file = \"y\", sha256 = \
         \"{sha256}\" }}, plan = {{ epochs = 1, batch_size = 1, learning_rate = 0.1 }} }},\n{{ name = \"c\" }}]\n"
    );
    let task = Task::from_toml(&format!("{TASK}{named}")).unwrap();
    assert_eq!(task.candidate_models(), [&CandidateModel { file: "x".to_owned(), sha256 }]);
    let plain = Task::from_toml(&format!("{TASK}candidates = [{{ name = \"c\" }}]\n")).unwrap();
    let json = String::from_utf8(plain.to_json().unwrap()).unwrap();
    assert!(json.contains(r#"{"name":"c"}"#) && plain.candidate_models().is_empty(), "{json}");
}

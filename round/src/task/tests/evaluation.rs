//! Tasks that measure and train nothing.

use super::*;

const EVALUATION: &str = r#"
name = "which-plan"
population = "phones"
rounds = 4
[model]
kind = "linear"
input = [1, 28, 28]
classes = 10
[evaluation]
held_out = 0.3
candidates = [
  { name = "as it is" },
  { name = "tuned", plan = { epochs = 1, batch_size = 10, learning_rate = 0.05 } },
]
[participation]
kind = "poisson"
rate = 0.1
window_seconds = 300
minimum_reports = 200
[privacy]
mechanism = "gaussian"
epsilon = 2.0
delta = 1e-5
noise_multiplier = "calibrate"
metrics = { loss_bound = 4.0 }
"#;

const PLAN: &str = "[plan]\nepochs = 1\nbatch_size = 10\nlearning_rate = 0.1\n";
const SERVER: &str = "[server]\noptimizer = \"fedavg\"\nlearning_rate = 1.0\n";

#[test]
fn a_task_that_measures_has_no_update_and_the_whole_budget_for_its_measures() {
    let task = Task::from_toml(EVALUATION).unwrap();
    assert!(task.plan().is_none() && task.server().is_none());
    let (plan, loss_bound) = task.evaluation().unwrap();
    assert_eq!((plan.candidates.len(), plan.measure_count(), loss_bound), (2, 5, 4.0));
    let schedule = Schedule::new(task.clone(), 3_000).unwrap();
    let encoding = schedule.encoding(task.privacy.clip);
    assert_eq!((encoding.model_dimension(), schedule.grid().dimension()), (0, 5));
    let square = |bound: u64| u128::from(bound) * u128::from(bound);
    let used: u128 = encoding.measure_bounds().iter().copied().map(square).sum();
    let whole = square(schedule.grid().bound());
    assert!(used <= whole && used as f64 > 0.999 * whole as f64, "{used} of {whole}");
    // The event, and so the price, is that of any task with the same rounds and cohort.
    let murmur_privacy::DpEvent::Gaussian { bound, .. } = schedule.round_event().mechanism() else { panic!() };
    assert_eq!(bound.get(), schedule.grid().bound() as f64);
    let trained = TASK.replacen("rounds = 60", "rounds = 4", 1);
    let trained = Schedule::new(Task::from_toml(&trained).unwrap(), 3_000).unwrap();
    let multiplier = |schedule: &Schedule| schedule.noise_multiplier().unwrap().get();
    assert!((multiplier(&schedule) / multiplier(&trained) - 1.0).abs() < 1e-3);
    // What is told of the noise is what runs: sigma over the most that one device adds to a sum.
    let terms = schedule.evaluation_terms().unwrap();
    let noise = schedule.mechanism().sigma() as f64 / encoding.measure_bounds()[0] as f64;
    assert_eq!((terms.noise, terms.private, terms.loss_bound), (Some(noise), true, 4.0));
    assert!((noise / (multiplier(&schedule) * 5.0_f64.sqrt()) - 1.0).abs() < 1e-3, "{noise}");
    assert_eq!(trained.evaluation_terms(), None);
}

#[test]
fn its_canonical_form_says_nothing_that_was_not_written() {
    let task = Task::from_toml(EVALUATION).unwrap();
    let json = String::from_utf8(task.to_json().unwrap()).unwrap();
    for absent in ["\"plan\":null", "\"server\"", "\"clip\"", "\"share\""] {
        assert!(!json.contains(absent), "{absent}: {json}");
    }
    assert_eq!(Task::from_json(json.as_bytes()).unwrap(), task);
    let trains = Task::from_toml(TASK).unwrap();
    let json = String::from_utf8(trains.to_json().unwrap()).unwrap();
    assert!(!json.contains("evaluation") && json.ends_with(r#""momentum":0.9}}"#), "{json}");
    // Fixed before evaluations were thought of: tasks that train are named as they ever were.
    assert_eq!(trains.hash().unwrap().to_string(), TRAINED_HASH);
}

const TRAINED_HASH: &str = "2733c5de943eeb21f6b24824498440afcc8642537c51f45dee2529b0a687aa9b";

#[test]
fn what_has_no_meaning_is_refused_by_name() {
    let gaussian = "mechanism = \"gaussian\"";
    for (from, to, named) in [
        ("[participation]", &*format!("{PLAN}[participation]"), "[plan] does not go with [evaluation]"),
        ("[participation]", &*format!("{SERVER}[participation]"), "[server] does not go with [evaluation]"),
        ("held_out = 0.3", "held_out = 0.0", "evaluation.held_out must be above 0"),
        ("held_out = 0.3", "held_out = 1.0", "\"tuned\" nothing to train on"),
        ("held_out = 0.3", "held_out = 0.3\nrounds = 3", "rounds"),
        ("{ name = \"as it is\" }", "{ name = \"tuned\" }", "two are called \"tuned\""),
        ("{ name = \"as it is\" }", "{ name = \"as it is\", epochs = 3 }", "epochs"),
        ("epochs = 1", "epochs = 0", "\"tuned\": plan.epochs"),
        (
            "epochs = 1",
            "epochs = 1, schedule = { kind = \"constant\", warm_up = 2 }",
            "\"tuned\": plan.schedule changes from round to round",
        ),
        (gaussian, "clip = 1.0\nmechanism = \"gaussian\"", "privacy.clip has no update to bound"),
        (
            gaussian,
            "adaptive_clip = { quantile = 0.5, learning_rate = 0.2, share = 0.1 }\nmechanism = \"gaussian\"",
            "privacy.adaptive_clip does not go with [evaluation]",
        ),
        (
            gaussian,
            "local = { mechanism = \"privunit2\", epsilon = 8.0 }\nmechanism = \"gaussian\"",
            "no local randomiser covers",
        ),
        ("metrics = { loss_bound = 4.0 }", "", "privacy.clip is missing"),
        ("metrics = { loss_bound = 4.0 }", "clip = 1.0", "privacy.metrics is missing"),
        (
            "metrics = { loss_bound = 4.0 }",
            "clip = 1.0\nmetrics = { share = 0.5, loss_bound = 4.0 }",
            "privacy.metrics.share does not go with [evaluation]",
        ),
        (
            "metrics = { loss_bound = 4.0 }",
            "clip = 1.0\nnon_private_metrics = true",
            "privacy.non_private_metrics does not go with [evaluation]",
        ),
        ("metrics = { loss_bound = 4.0 }", "metrics = { loss_bound = inf }", "privacy.metrics.loss_bound"),
    ] {
        assert!(EVALUATION.contains(from), "{from}");
        let message = Task::from_toml(&EVALUATION.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(message.contains(named), "{to:?}: {message}");
    }
}

#[test]
fn a_task_does_one_thing_or_the_other() {
    let without = |text: &str, from: &str, to: &str| {
        let (start, end) = (text.find(from).unwrap(), text.find(to).unwrap_or(text.len()));
        text[..start].to_owned() + &text[end..]
    };
    for (text, named) in [
        (without(TASK, "[plan]", "[participation]"), "missing field `plan`"),
        (without(TASK, "[server]", "nothing"), "missing field `server`"),
        (without(EVALUATION, "[evaluation]", "[participation]"), "missing field `plan`"),
        // A clip and metrics of a task that trains.
        (TASK.replace("clip = 0.3", "metrics = { loss_bound = 4.0 }"), "privacy.metrics.share is missing"),
        (TASK.replace("clip = 0.3", "clip = 0.3\nmetrics = { loss_bound = 4.0 }"), "give metrics a share"),
    ] {
        let message = Task::from_toml(&text).unwrap_err().to_string();
        assert!(message.contains(named), "{named}: {message}");
    }
}

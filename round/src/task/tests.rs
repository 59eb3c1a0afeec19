mod correlated;
mod evaluation;
mod local;

use murmur_privacy::units::Clip;

use super::*;

const TASK: &str = r#"
name = "keyboard"
population = "phones"
rounds = 60
[model]
kind = "linear"
input = [1, 28, 28]
classes = 10
[plan]
epochs = 3
batch_size = 10
learning_rate = 0.1
[participation]
kind = "poisson"
rate = 0.1
window_seconds = 300
minimum_reports = 200
[privacy]
clip = 0.3
mechanism = "gaussian"
epsilon = 2.0
delta = 1e-5
noise_multiplier = "calibrate"
[server]
optimizer = "momentum"
learning_rate = 1.0
momentum = 0.9
"#;

fn refused(from: &str, to: &str) -> String {
    assert!(TASK.contains(from), "{from}");
    Task::from_toml(&TASK.replace(from, to)).unwrap_err().to_string()
}

#[test]
fn the_canonical_form_and_the_hash_do_not_depend_on_layout() {
    let task = Task::from_toml(TASK).unwrap();
    let commented = format!("# a comment\n{}", TASK.replace("rounds = 60", "rounds   =   60"));
    assert_eq!(task.hash().unwrap(), Task::from_toml(&commented).unwrap().hash().unwrap());
    assert_eq!(Task::from_json(&task.to_json().unwrap()).unwrap(), task);
    let other = Task::from_toml(&TASK.replace("rounds = 60", "rounds = 61")).unwrap();
    assert_ne!(task.hash().unwrap(), other.hash().unwrap());
}

#[test]
fn every_mistake_is_named() {
    for (from, to, named) in [
        ("rounds = 60", "rounds = 60\nepoch = 1", "epoch"),
        ("batch_size = 10", "batch_size = 10\nbatches = 3", "batches"),
        ("rate = 0.1\n", "rate = 0.1\ncap = 5\n", "cap"),
        ("rate = 0.1\n", "rate = 1.5\n", "sampling rate"),
        ("input = [1, 28, 28]", "input = [1, 28, 28]\nhidden = [3]", "hidden"),
        (
            "classes = 10",
            "classes = 10\nfeatures = { kind = \"oriented_gradients\", cell = 5, orientations = 8 }",
            "cell",
        ),
        (
            "classes = 10",
            "classes = 10\nfeatures = { kind = \"oriented_gradients\", cell = 0, orientations = 8 }",
            "cell",
        ),
        (
            "classes = 10",
            "classes = 10\nfeatures = { kind = \"oriented_gradients\", cell = 4, orientations = 6 }",
            "orientations",
        ),
        ("classes = 10", "classes = 10\nfeatures = { kind = \"wavelets\" }", "wavelets"),
        ("clip = 0.3", "", "clip"),
        ("clip = 0.3", "clip = 0.0", "clip"),
        ("clip = 0.3", "clip = -1.0", "clip"),
        ("epsilon = 2.0", "", "privacy.epsilon is missing"),
        ("epsilon = 2.0", "epsilon = inf", "privacy.epsilon must be a positive number"),
        ("delta = 1e-5", "", "privacy.delta is missing"),
        ("delta = 1e-5", "delta = 1.0", "delta"),
        ("noise_multiplier = \"calibrate\"", "", "privacy.noise_multiplier is missing"),
        ("noise_multiplier = \"calibrate\"", "noise_multiplier = \"some\"", "calibrate"),
        ("noise_multiplier = \"calibrate\"", "noise_multiplier = 0.0", "noise multiplier"),
        ("\"gaussian\"", "\"none\"", "epsilon is infinite"),
        ("\"gaussian\"", "\"laplace\"", "laplace"),
        (
            "epsilon = 2.0",
            "epsilon = 2.0\nadaptive_clip = { quantile = 1.5, learning_rate = 0.2, share = 0.01 }",
            "quantile",
        ),
        ("epsilon = 2.0", "epsilon = 2.0\nadaptive_clip = { quantile = 0.5, learning_rate = 0.2 }", "share"),
        (
            "epsilon = 2.0",
            "epsilon = 2.0\nadaptive_clip = { quantile = 0.5, learning_rate = 0.2, share = 1.0 }",
            "share",
        ),
        ("epsilon = 2.0", "epsilon = 2.0\nmetrics = { share = 0.01, loss_bound = 0.0 }", "privacy.metrics.loss_bound"),
        ("epsilon = 2.0", "epsilon = 2.0\nmetrics = { loss_bound = 4.0 }", "share"),
        (
            "epsilon = 2.0",
            "epsilon = 2.0\nnon_private_metrics = true\nmetrics = { share = 0.01, loss_bound = 1.0 }",
            "privacy.non_private_metrics",
        ),
        ("epsilon = 2.0", "epsilon = 2.0\nnon_private_metrics = true", "secretly chosen cohort"),
        ("momentum = 0.9", "momentum = 1.0", "server.momentum"),
        ("epochs = 3", "epochs = 0", "plan.epochs"),
        ("classes = 10", "classes = 1", "model.classes"),
        ("name = \"keyboard\"", "name = \"../keyboard\"", "name"),
        ("window_seconds = 300", "window_seconds = 0", "window_seconds"),
    ] {
        let message = refused(from, to);
        assert!(message.contains(named), "{to:?}: {message}");
    }
    let without_privacy = TASK[..TASK.find("[privacy]").unwrap()].to_owned() + &TASK[TASK.find("[server]").unwrap()..];
    assert!(Task::from_toml(&without_privacy).unwrap_err().to_string().contains("privacy"));
}

#[test]
fn a_schedule_is_calibrated_and_checked_against_its_population() {
    let task = Task::from_toml(TASK).unwrap();
    let schedule = Schedule::new(task.clone(), 3_000).unwrap();
    // A plain reference (Renyi) reaches 2.007 for this schedule (issue 2); loss distributions need less.
    let multiplier = schedule.noise_multiplier().unwrap().get();
    assert!((1.85..1.9).contains(&multiplier), "{multiplier}");
    assert!(matches!(Schedule::new(task.clone(), 100_000), Err(TaskError::DeltaTooLarge { population: 100_000, .. })));
    assert!(matches!(Schedule::new(task, 1_000), Err(TaskError::Participation(_))));
}

#[test]
fn without_a_mechanism_the_budget_is_infinite_in_words_and_numbers() {
    let text = TASK
        .replace("\"gaussian\"", "\"none\"")
        .replace("epsilon = 2.0", "")
        .replace("delta = 1e-5", "")
        .replace("noise_multiplier = \"calibrate\"", "");
    let schedule = Schedule::new(Task::from_toml(&text).unwrap(), 3_000).unwrap();
    assert_eq!(schedule.round_event().mechanism(), &murmur_privacy::DpEvent::NonPrivate);
    assert_eq!(schedule.least_budget().unwrap().0, murmur_privacy::units::Epsilon::INFINITE);
}

const ALLOCATION: &str = r#"kind = "allocation"
block_rounds = 20
rounds_per_device = 2
"#;

fn allocated() -> String {
    TASK.replace("kind = \"poisson\"\nrate = 0.1\n", ALLOCATION)
}

#[test]
fn a_task_by_allocation_runs_whole_blocks_and_every_mistake_in_it_is_named() {
    let task = Task::from_toml(&allocated()).unwrap();
    assert_eq!(Task::from_json(&task.to_json().unwrap()).unwrap(), task);
    assert_eq!(task.participation.block_rounds().get(), 20);
    for (from, to, named) in [
        ("rounds = 60", "rounds = 50", "rounds is 50, which is no multiple of participation.block_rounds = 20"),
        ("block_rounds = 20", "block_rounds = 0", "participation.block_rounds must be at least 1"),
        ("rounds_per_device = 2", "rounds_per_device = 0", "participation.rounds_per_device must be at least 1"),
        ("rounds_per_device = 2", "rounds_per_device = 21", "a block has 20 rounds"),
        ("rounds_per_device = 2", "", "rounds_per_device"),
        ("rounds_per_device = 2", "rounds_per_device = 2\nrate = 0.1", "rate"),
    ] {
        let message = Task::from_toml(&allocated().replacen(from, to, 1)).unwrap_err().to_string();
        assert!(message.contains(named), "{to:?}: {message}");
    }
    let partial = Task::from_toml(&allocated().replacen("rounds = 60", "rounds = 50", 1));
    assert_eq!(partial.unwrap_err(), TaskError::PartialBlock { rounds: 50, block_rounds: 20 });
}

#[test]
fn what_a_task_by_allocation_claims_is_a_block_and_needs_about_the_noise_of_coins() {
    let schedule = Schedule::new(Task::from_toml(&allocated()).unwrap(), 3_000).unwrap();
    let murmur_privacy::DpEvent::Allocation(block) = schedule.round_event() else { panic!("a block was due") };
    assert_eq!((block.rounds().get(), block.selected().get()), (20, 2));
    assert_eq!(block.of(), &schedule.mechanism().event(&schedule.grid()));
    assert_eq!(schedule.expected_cohort(), 300.0, "a tenth of the rounds");
    // The same share of the rounds by coins; and by nothing that amplifies.
    let multiplier = |text: &str| {
        let schedule = Schedule::new(Task::from_toml(text).unwrap(), 3_000).unwrap();
        schedule.noise_multiplier().unwrap().get()
    };
    let unamplified = TASK.replace("kind = \"poisson\"\nrate = 0.1", "kind = \"fixed\"\ncohort = 300");
    let [coins, whole, here] = [multiplier(TASK), multiplier(&unamplified), multiplier(&allocated())];
    assert!(here < 0.4 * whole, "{here} by allocation, {whole} without amplification");
    assert!((here / coins - 1.0).abs() < 0.1, "{here} by allocation, {coins} by coins");
}

#[test]
fn g06_what_devices_measure_is_within_the_budget_or_asked_for_by_name() {
    let with = |line: &str| Task::from_toml(&TASK.replace("epsilon = 2.0", &format!("epsilon = 2.0\n{line}"))).unwrap();
    let plain = Schedule::new(Task::from_toml(TASK).unwrap(), 3_000).unwrap();
    let extra = "adaptive_clip = { quantile = 0.5, learning_rate = 0.2, share = 0.01 }\n\
                 metrics = { share = 0.02, loss_bound = 4.0 }";
    let schedule = Schedule::new(with(extra), 3_000).unwrap();
    let encoding = schedule.encoding(schedule.task().privacy.clip);
    // Four coordinates more, in the same vector, under the same noise: the whole vector's bound is what the event is made of.
    assert_eq!(schedule.grid().dimension(), plain.grid().dimension() + 4);
    assert_eq!(schedule.task().privacy.measures().len(), 4);
    let square = |bound: u64| u128::from(bound) * u128::from(bound);
    let blocks = encoding.measure_bounds().iter().copied().chain([encoding.model_bound()]).map(square);
    assert!(blocks.sum::<u128>() <= square(schedule.grid().bound()));
    let murmur_privacy::DpEvent::Gaussian { bound, .. } = schedule.round_event().mechanism() else { panic!() };
    assert_eq!(bound.get(), schedule.grid().bound() as f64);
    // The multiplier is of the whole, so the measures cost the update a larger part of the noise and the budget nothing more.
    let multiplier = |schedule: &Schedule| schedule.noise_multiplier().unwrap().get();
    assert!((multiplier(&schedule) / multiplier(&plain) - 1.0).abs() < 1e-3);
    assert!(encoding.clip() <= 0.3 && encoding.clip() > 0.299);
    // Without noise only where no secret cohort is claimed, and then not in the sum at all.
    let fixed = TASK.replace("kind = \"poisson\"\nrate = 0.1", "kind = \"fixed\"\ncohort = 300");
    let open = Task::from_toml(&fixed.replace("epsilon = 2.0", "epsilon = 2.0\nnon_private_metrics = true")).unwrap();
    assert!(open.privacy.metrics_are_open() && open.privacy.measures().is_empty());
    assert_eq!(Task::from_json(&open.to_json().unwrap()).unwrap(), open);
}

#[test]
fn g02_a_task_has_no_word_for_weighting_devices_by_their_examples() {
    for (section, key) in [("[plan]", "weight_by_examples = true"), ("[server]", "weighting = \"examples\"")] {
        let error = refused(section, &format!("{section}\n{key}"));
        assert!(error.contains("unknown field") && error.contains(key.split_whitespace().next().unwrap()), "{error}");
    }
}

#[test]
fn g04_the_clip_that_is_clipped_to_is_the_clip_that_is_noised_for() {
    let adaptive = "clip = 0.3\nadaptive_clip = { quantile = 0.5, learning_rate = 0.2, share = 0.1 }";
    let schedule = Schedule::new(Task::from_toml(&TASK.replace("clip = 0.3", adaptive)).unwrap(), 3_000).unwrap();
    let sigma = schedule.mechanism().sigma() as f64;
    let multiplier = schedule.noise_multiplier().unwrap().get();
    for clip in [1e-6, 0.3, 25.0] {
        let encoding = schedule.encoding(Clip::new(clip).unwrap());
        // Both in units of the model: neither moves without the other, and their ratio is what was priced.
        let (clipped_to, noise) = (encoding.clip(), sigma * encoding.step());
        assert!((clipped_to / clip - 1.0).abs() < 1e-12, "{clipped_to} {clip}");
        let model_share = (1.0_f64 - 0.1).sqrt();
        assert!(
            (noise / clipped_to * model_share / multiplier - 1.0).abs() < 1e-3,
            "{noise} {clipped_to} {multiplier}"
        );
    }
}

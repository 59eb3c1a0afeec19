//! Evaluations: devices measure candidates, and what is released is their means, within the budget and nothing beside it.

use std::sync::Arc;

use murmur_privacy::{
    Delta, Digest, Grid, Ledger, NoiseRng, Plain, Provenance, Seal, Upload, ledger::Entry, update::UploadError,
};
use murmur_round::{
    checkpoint::{Checkpoint, read_manifest, read_model},
    coordinator::{Assignment, Coordinator, Effect, Event, Outcome, Stored, Verdict},
    device::{Device, DeviceEffect, DeviceError, DeviceEvent},
    evaluation::EvaluationPlan,
    founding,
    guarantee::{Guarantee, MetricsClaim},
    measure::LocalMetrics,
    params::Params,
    plan::{LocalPlan, ShuffleSeed},
    task::{Schedule, Task},
    time::Time,
    trainer::Trainer,
};

use crate::tasks::device;

const DEVICES: usize = 3;

fn task(rounds: u32, privacy: &str) -> Task {
    Task::from_toml(&format!(
        r#"
name = "which-plan"
population = "phones"
rounds = {rounds}
model = {{ kind = "linear", input = [1, 1, 3], classes = 2 }}
participation = {{ kind = "poisson", rate = 1.0, window_seconds = 1, minimum_reports = 1 }}
privacy = {{ metrics = {{ loss_bound = 4.0 }}, {privacy} }}
[evaluation]
held_out = 0.25
candidates = [
  {{ name = "as it is" }},
  {{ name = "tuned", plan = {{ epochs = 2, batch_size = 1, learning_rate = 0.5 }} }},
]
"#
    ))
    .unwrap()
}

const EXACT: &str = r#"mechanism = "none""#;

/// Knows what it will find: of each device and candidate, loss and accuracy.
struct Foretold;

const FOUND: [[(f64, f64); 2]; DEVICES] =
    [[(1.0, 0.5), (0.5, 0.75)], [(2.0, 0.25), (1.5, 0.5)], [(3.0, 0.75), (1.0, 1.0)]];

impl Trainer for Foretold {
    type Data = usize;
    type Error = std::convert::Infallible;

    fn train(&mut self, _: &Params, _: &LocalPlan, _: &usize, _: ShuffleSeed) -> Result<Delta, Self::Error> {
        panic!("an evaluation asks nobody for an update")
    }

    fn measure(&mut self, _: &Params, _: &usize) -> Result<Option<LocalMetrics>, Self::Error> {
        panic!("an evaluation asks for its candidates")
    }

    fn evaluate(
        &mut self,
        model: &Params,
        plan: &EvaluationPlan,
        device: &usize,
        _: ShuffleSeed,
    ) -> Result<Option<Vec<LocalMetrics>>, Self::Error> {
        assert_eq!((model.dimension(), plan.candidates.len(), plan.held_out), (8, 2, 0.25));
        assert_eq!(plan.candidates[1].plan, Some(LocalPlan::plain(2, 1, 0.5)));
        let Some(found) = FOUND.get(*device) else { return Ok(None) };
        Ok(Some(found.map(|(loss, accuracy)| LocalMetrics { loss, accuracy }).to_vec()))
    }
}

/// A coordinator and what it made durable.
struct World {
    schedule: Schedule,
    coordinator: Coordinator,
    entries: Vec<Entry>,
    checkpoints: Vec<Checkpoint>,
    outcome: Option<Outcome>,
    now: Time,
}

impl World {
    fn new(task: Task, seed: u64) -> Self {
        let schedule = Schedule::new(task, DEVICES as u64).unwrap();
        let mut entries = Vec::new();
        let persist = |entry: &Entry| {
            entries.push(entry.clone());
            Ok::<(), std::io::Error>(())
        };
        let ledger = founding::found(&schedule, None, None, Provenance::Simulated, persist).unwrap();
        let coordinator = started(&schedule, ledger, seed, Stored::default());
        let mut world = Self { schedule, coordinator, entries, checkpoints: Vec::new(), outcome: None, now: Time(0) };
        world.settle();
        world
    }

    /// A new process goes on from what is durable.
    fn restart(&mut self, seed: u64) {
        let ledger = Ledger::replay(self.entries.clone()).unwrap();
        let model = ledger.account(&self.schedule.hash()).unwrap().model();
        let checkpoint = model
            .map(|(_, model)| self.checkpoints.iter().find(|checkpoint| checkpoint.digest == model).unwrap().clone());
        self.coordinator = started(&self.schedule, ledger, seed, Stored { checkpoint, ..Stored::default() });
        self.settle();
    }

    fn settle(&mut self) -> Option<Effect> {
        let mut answer = None;
        while let Some(effect) = self.coordinator.poll_effect() {
            match effect {
                Effect::Store(checkpoint) => self.checkpoints.push(checkpoint),
                Effect::Persist(entry) => {
                    let index = entry.index;
                    self.entries.push(entry);
                    self.coordinator.handle(self.now, Event::Persisted { entry: index });
                }
                Effect::Finished(outcome) => self.outcome = Some(outcome),
                Effect::Publish { .. } => {}
                other => answer = Some(other),
            }
        }
        answer
    }

    fn says(&mut self, event: Event) -> Effect {
        self.coordinator.handle(self.now, event);
        self.settle().unwrap()
    }

    /// The assignment of a round that is open by now.
    fn assigned(&mut self, index: usize) -> Assignment {
        for _ in 0..3 {
            if let Effect::Assign { assignment, .. } = self.says(Event::CheckIn(device(index))) {
                return assignment;
            }
        }
        panic!("device {index} has no work")
    }

    /// All devices measure and send, by the real device machine.
    fn round(&mut self) {
        (0..DEVICES).for_each(|index| drop(self.says(Event::CheckIn(device(index)))));
        let assigned: Vec<Assignment> = (0..DEVICES).map(|index| self.assigned(index)).collect();
        for (index, assignment) in assigned.into_iter().enumerate() {
            let upload = measured(index, &assignment, self.schedule.task(), &self.coordinator.model());
            let event = Event::Upload { device: device(index), round: assignment.round, upload, open_metrics: None };
            assert!(matches!(self.says(event), Effect::Answer { verdict: Verdict::Accepted, .. }));
        }
        self.now = Time(self.now.0 + 10);
    }
}

fn started(schedule: &Schedule, ledger: Ledger, seed: u64, stored: Stored) -> Coordinator {
    let enrolled = (0..DEVICES).map(device).collect();
    Coordinator::start(schedule.clone(), enrolled, ledger, NoiseRng::seeded(seed), stored).unwrap()
}

/// A device that has got this far with its work.
fn measuring(index: usize, assignment: &Assignment, task: &Task, model: &Arc<Params>) -> (Device, DeviceEffect) {
    let mut machine = Device::new(device(index));
    let mut takes = |event| {
        machine.handle(Time(0), event).unwrap();
        machine.poll_effect().unwrap()
    };
    assert!(matches!(takes(DeviceEvent::Tick), DeviceEffect::CheckIn));
    assert!(matches!(takes(DeviceEvent::Assigned(*assignment)), DeviceEffect::FetchTask(_)));
    assert!(matches!(takes(DeviceEvent::Task(Arc::new(task.clone()))), DeviceEffect::FetchModel(_)));
    let effect = takes(DeviceEvent::Model(model.clone()));
    (machine, effect)
}

/// What this device sends.
fn measured(index: usize, assignment: &Assignment, task: &Task, model: &Arc<Params>) -> Upload {
    let (mut machine, effect) = measuring(index, assignment, task, model);
    let DeviceEffect::Measure { params, plan, seed } = effect else { panic!("measuring was due") };
    assert_eq!(seed, ShuffleSeed::derive(&assignment.task, assignment.round, &device(index)));
    let metrics = Foretold.evaluate(&params, &plan, &index, seed).unwrap();
    machine.handle(Time(0), DeviceEvent::Measured(metrics)).unwrap();
    let Some(DeviceEffect::Send { upload, open_metrics: None, .. }) = machine.poll_effect() else {
        panic!("sending was due")
    };
    upload
}

#[test]
fn without_noise_the_released_means_are_the_devices_own() {
    let mut world = World::new(task(2, EXACT), 1);
    let before = world.coordinator.model();
    world.round();
    let evaluation = world.coordinator.evaluation().unwrap().clone();
    assert_eq!((evaluation.rounds, evaluation.private), (1, false));
    assert!((evaluation.reports - 3.0).abs() < 1e-5, "{evaluation:?}");
    for (candidate, released) in evaluation.candidates.iter().enumerate() {
        let mean = |part: fn(&(f64, f64)) -> f64| FOUND.iter().map(|found| part(&found[candidate])).sum::<f64>() / 3.0;
        // A measure is rounded to about one part in half a million.
        assert!((released.loss - mean(|found| found.0)).abs() < 1e-5, "{released:?}");
        assert!((released.accuracy - mean(|found| found.1)).abs() < 1e-5, "{released:?}");
        assert_eq!(released.accuracy_deviation, Some(0.0));
    }
    assert_eq!(evaluation.candidates[1].name, "tuned");
    assert_eq!((world.coordinator.metrics(), world.coordinator.update_norm()), (None, None));
    // The model is as it was; its file says what was found of it.
    assert_eq!(*world.coordinator.model(), *before);
    let last = world.checkpoints.last().unwrap();
    let layout = world.schedule.task().model.layout();
    assert_eq!(read_model(&last.model, layout).unwrap(), *before);
    let manifest = read_manifest(&last.model).unwrap();
    assert_eq!((manifest.evaluation.as_ref(), manifest.metrics), (Some(&evaluation), None));
    assert_eq!(manifest.guarantee.metrics, MetricsClaim::NotPrivate);
    // A new process goes on with what was found.
    world.restart(2);
    assert_eq!(world.coordinator.evaluation(), Some(&evaluation));
    world.round();
    let both = world.coordinator.evaluation().unwrap();
    assert_eq!(both.rounds, 2);
    assert!((both.candidates[0].accuracy - evaluation.candidates[0].accuracy).abs() < 1e-12);
    assert!((both.reports - 6.0).abs() < 1e-5);
    world.says(Event::CheckIn(device(0)));
    assert_eq!(world.outcome, Some(Outcome::Completed));
}

/// Sampling is of everybody, so the noise multiplier alone says how much noise there is.
#[test]
fn with_noise_they_are_within_what_is_said_of_it_and_the_ledger_is_charged() {
    let privacy = r#"mechanism = "gaussian", epsilon = 200.0, delta = 1e-3, noise_multiplier = 0.2"#;
    let mut deviations = Vec::new();
    for seed in 0..40 {
        let mut world = World::new(task(2, privacy), seed);
        let (_, loss_bound) = world.schedule.task().evaluation().unwrap();
        world.round();
        world.restart(seed + 1_000);
        world.round();
        let evaluation = world.coordinator.evaluation().unwrap();
        assert!(evaluation.private && evaluation.rounds == 2);
        let terms = world.schedule.evaluation_terms().unwrap();
        // Sums are known without noise: each of them moved by noise of the deviation that is told.
        for (candidate, released) in evaluation.candidates.iter().enumerate() {
            let exact =
                |part: fn(&(f64, f64)) -> f64| 2.0 * FOUND.iter().map(|found| part(&found[candidate])).sum::<f64>();
            let (loss, accuracy) = (exact(|found| found.0), exact(|found| found.1));
            let (loss, accuracy) = (2.0 * loss / loss_bound - 6.0, 2.0 * accuracy - 6.0);
            let sigma = terms.noise.unwrap() * 2.0_f64.sqrt();
            deviations.push((released.sums.loss - loss) / sigma);
            deviations.push((released.sums.accuracy - accuracy) / sigma);
        }
        let account = world.coordinator.ledger().account(&world.schedule.hash()).unwrap();
        assert_eq!(account.rounds_spent(), 2);
        let guarantee = world.coordinator.guarantee().unwrap();
        assert!(guarantee.epsilon_spent.get() > 0.0 && guarantee.epsilon_spent <= guarantee.epsilon);
        assert_eq!((guarantee.metrics, guarantee.candidates), (MetricsClaim::Private, Some(2)));
        assert!(says_that_no_model_is_released(&guarantee));
    }
    // 160 of them, from seeds 0 to 39: their mean is within 4 / sqrt(160) of nothing, their mean square within 4 sqrt(2/160) of one.
    let count = deviations.len() as f64;
    let mean = deviations.iter().sum::<f64>() / count;
    let square = deviations.iter().map(|value| value * value).sum::<f64>() / count;
    assert!(mean.abs() < 4.0 / count.sqrt() && (square - 1.0).abs() < 4.0 * (2.0 / count).sqrt(), "{mean} {square}");
}

fn says_that_no_model_is_released(guarantee: &Guarantee) -> bool {
    let said = guarantee.to_string();
    said.contains("of 2 candidates, and nothing else: no model is trained or changed")
        && said.contains("within the budget")
}

#[test]
fn a_measure_above_its_bound_is_refused_and_so_is_a_grid_that_is_too_wide() {
    let world = World::new(task(2, EXACT), 1);
    let encoding = world.schedule.encoding(world.schedule.task().privacy.clip);
    let grid = world.schedule.grid();
    // Twice the bound on a grid that is twice as fine: bytes that another encoding proves, and this one does not.
    let wide = Grid::new(21, grid.ring_bits(), 2 * grid.bound(), 5, 1, 0).unwrap();
    let other = murmur_privacy::Encoding::of_measures(wide, 5).unwrap();
    let bytes = Plain.seal(other.encode(&Delta::new(Vec::new()), &[0.0, 0.0, 1.0, 0.0, 0.0])).to_bytes();
    let bound = encoding.measure_bounds()[0];
    let read = Upload::from_plain_bytes(&encoding, &bytes).map(|_| ());
    assert_eq!(read, Err(UploadError::MeasureExceeded { measure: 2, bound }));
    // The device holds the grid that it is given against the whole vector's norm of 1.
    let honest = Assignment {
        task: world.schedule.hash(),
        round: 0,
        position: 0,
        model: Digest::of(b"model"),
        grid,
        clip: world.schedule.task().privacy.clip,
        mu: None,
    };
    let refused = |grid: Grid| {
        let mut machine = Device::new(device(0));
        machine.handle(Time(0), DeviceEvent::Tick).unwrap();
        machine.handle(Time(0), DeviceEvent::Assigned(Assignment { grid, ..honest })).unwrap();
        machine.handle(Time(0), DeviceEvent::Task(Arc::new(world.schedule.task().clone())))
    };
    assert_eq!(refused(grid), Ok(()));
    let coarse = Grid::new(19, grid.ring_bits(), grid.bound(), 5, 1, 0).unwrap();
    assert_eq!(refused(coarse), Err(DeviceError::GridAboveClip { bound: 2.0, clip: 1.0 }));
    let longer = Grid::new(20, grid.ring_bits(), grid.bound(), 8, 1, 0).unwrap();
    assert!(matches!(refused(longer), Err(DeviceError::Encoding(_))), "{:?}", refused(longer));
}

#[test]
fn a_trainer_that_does_not_measure_every_candidate_sends_nothing() {
    let mut world = World::new(task(2, EXACT), 1);
    world.says(Event::CheckIn(device(0)));
    let assignment = world.assigned(0);
    let (task, model) = (world.schedule.task().clone(), world.coordinator.model());
    let one = LocalMetrics { loss: 1.0, accuracy: 1.0 };
    for (found, metrics) in [(0, Vec::new()), (1, vec![one]), (3, vec![one; 3])] {
        let (mut machine, _) = measuring(0, &assignment, &task, &model);
        let refused = machine.handle(Time(0), DeviceEvent::Measured(Some(metrics)));
        assert_eq!(refused, Err(DeviceError::Candidates { expected: 2, found }));
        assert!(matches!(machine.poll_effect(), Some(DeviceEffect::Withdraw { .. })));
    }
    // Nor is an update an answer to a question about candidates.
    let (mut machine, _) = measuring(0, &assignment, &task, &model);
    let trained = DeviceEvent::Trained { delta: Delta::new(vec![1.0; 8]), metrics: None };
    assert_eq!(machine.handle(Time(0), trained), Err(DeviceError::Unexpected));
    assert!(machine.poll_effect().is_none());
    // Without examples there is nothing to say, and that is sent: whether a device answers does not depend on its data.
    machine.handle(Time(0), DeviceEvent::Measured(None)).unwrap();
    let Some(DeviceEffect::Send { upload, .. }) = machine.poll_effect() else { panic!("sending was due") };
    assert!(upload.to_bytes().iter().all(|byte| *byte == 0));
    // A failure is a withdrawal.
    let (mut machine, _) = measuring(0, &assignment, &task, &model);
    machine.handle(Time(0), DeviceEvent::Failed).unwrap();
    assert!(matches!(machine.poll_effect(), Some(DeviceEffect::Withdraw { .. })));
}

/// The file that a candidate begins with.
const FILE: &[u8] = b"a model of another task";

#[test]
fn a_device_looks_at_one_model_after_the_other_and_sends_what_it_found_of_all() {
    let text = String::from_utf8(task(2, EXACT).to_json().unwrap()).unwrap();
    let named =
        format!(r#"{{"name":"theirs","model":{{"file":"x","sha256":"{}"}}}},{{"name":"as it is"}}"#, Digest::of(FILE));
    assert!(text.contains(r#"{"name":"as it is"}"#));
    let task = Task::from_json(text.replace(r#"{"name":"as it is"}"#, &named).as_bytes()).unwrap();
    let schedule = Schedule::new(task.clone(), DEVICES as u64).unwrap();
    let (hash, grid, clip) = (schedule.hash(), schedule.grid(), task.privacy.clip);
    let own = Digest::of(b"the task's");
    let assignment = Assignment { task: hash, round: 0, position: 0, model: own, grid, clip, mu: None };
    let fetching = || {
        let mut machine = Device::new(device(0));
        machine.handle(Time(0), DeviceEvent::Tick).unwrap();
        machine.handle(Time(0), DeviceEvent::Assigned(assignment)).unwrap();
        machine.handle(Time(0), DeviceEvent::Task(Arc::new(task.clone()))).unwrap();
        let asked: Vec<DeviceEffect> = std::iter::from_fn(|| machine.poll_effect()).collect();
        // The candidate that is mentioned first begins with the file.
        assert!(matches!(asked.last(), Some(DeviceEffect::FetchModel(model)) if *model == Digest::of(FILE)));
        machine
    };
    let (theirs, ours) = (Params::zeros(task.model.layout()), task.model.initial());
    let metrics = |loss| LocalMetrics { loss, accuracy: 0.5 };
    let mut machine = fetching();
    let mut takes = |event| {
        machine.handle(Time(0), event).unwrap();
        machine.poll_effect().unwrap()
    };
    let names = |plan: &EvaluationPlan| plan.candidates.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
    let DeviceEffect::Measure { params, plan, seed } = takes(DeviceEvent::Model(Arc::new(theirs.clone()))) else {
        panic!("measuring was due")
    };
    assert_eq!((&*params, names(&plan), plan.held_out), (&theirs, vec!["theirs".to_owned()], 0.25));
    let effect = takes(DeviceEvent::Measured(Some(vec![metrics(3.0)])));
    assert!(matches!(effect, DeviceEffect::FetchModel(model) if model == own));
    let DeviceEffect::Measure { params, plan, seed: same } = takes(DeviceEvent::Model(Arc::new(ours.clone()))) else {
        panic!("measuring was due")
    };
    assert_eq!((&*params, names(&plan)), (&ours, vec!["as it is".to_owned(), "tuned".to_owned()]));
    assert_eq!(seed, same, "the same examples are held out");
    let effect = takes(DeviceEvent::Measured(Some(vec![metrics(2.0), metrics(1.0)])));
    let DeviceEffect::Send { upload, .. } = effect else { panic!("sending was due") };
    let (plan, bound) = task.evaluation().unwrap();
    let measures = plan.contribution(Some(&[metrics(3.0), metrics(2.0), metrics(1.0)]), bound);
    let encoding = task.encoding(grid, clip).unwrap();
    let expected = Plain.seal(encoding.encode(&Delta::new(Vec::new()), &measures));
    assert_eq!(upload.to_bytes(), expected.to_bytes(), "in the task's order");

    // Without examples the first look is the last one.
    let mut machine = fetching();
    machine.handle(Time(0), DeviceEvent::Model(Arc::new(theirs.clone()))).unwrap();
    machine.poll_effect();
    machine.handle(Time(0), DeviceEvent::Measured(None)).unwrap();
    let Some(DeviceEffect::Send { upload, .. }) = machine.poll_effect() else { panic!("sending was due") };
    let nothing = Plain.seal(encoding.encode(&Delta::new(Vec::new()), &[0.0; 7]));
    assert_eq!(upload.to_bytes(), nothing.to_bytes());

    // A file that cannot be had, and a trainer that measures too much, cost the round and no more.
    let mut machine = fetching();
    machine.handle(Time(5), DeviceEvent::Failed).unwrap();
    assert!(matches!(machine.poll_effect(), Some(DeviceEffect::Withdraw { round: 0 })));
    let mut machine = fetching();
    machine.handle(Time(5), DeviceEvent::Model(Arc::new(theirs))).unwrap();
    machine.poll_effect();
    let refused = machine.handle(Time(5), DeviceEvent::Measured(Some(vec![metrics(1.0); 3]))).unwrap_err();
    assert_eq!(refused, DeviceError::Candidates { expected: 1, found: 3 });
    assert!(matches!(machine.poll_effect(), Some(DeviceEffect::Withdraw { round: 0 })));
}

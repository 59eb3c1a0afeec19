//! A device whose task leaves it layers of its own: what it trains, what it sends, and what it keeps.

use std::sync::Arc;

use murmur_privacy::{Delta, Digest, Grid, Plain, Seal, units::Clip};
use murmur_round::{
    beginning::Beginning,
    coordinator::Assignment,
    device::{Device, DeviceEffect, DeviceError, DeviceEvent},
    params::{Layout, ParameterShape, Params},
    task::{Schedule, Task},
    time::Time,
};

const TASK: &str = r#"
name = "own"
population = "phones"
rounds = 4
model = { kind = "linear", input = [1, 1, 2], classes = 2 }
plan = { epochs = 1, batch_size = 1, learning_rate = 0.1 }
participation = { kind = "check_in", cohort = 2, window_seconds = 10, minimum_reports = 1 }
privacy = { clip = 1.0, mechanism = "none" }
server = { optimizer = "fedavg", learning_rate = 1.0 }
personal = { layers = ["output.bias"] }
"#;

fn task() -> Arc<Task> {
    Arc::new(Task::from_toml(TASK).unwrap())
}

fn own(values: [f32; 2]) -> Params {
    Params::new(task().division().unwrap().own_layout().clone(), values.to_vec()).unwrap()
}

fn assignment() -> Assignment {
    let schedule = Schedule::new((*task()).clone(), 4).unwrap();
    let (task, grid, clip) = (schedule.hash(), schedule.grid(), schedule.task().privacy.clip);
    Assignment { task, round: 3, position: 3, model: Digest::of(b"model"), grid, clip, mu: None }
}

/// A device that was given the shared part of a model, and asks for its own.
fn recalling() -> Device {
    let mut machine = Device::new("a".parse().unwrap());
    let shared = Params::new(task().shared_layout(), vec![1.0, 2.0, 3.0, 4.0]).unwrap();
    for event in [
        DeviceEvent::Tick,
        DeviceEvent::Assigned(assignment()),
        DeviceEvent::Task(task()),
        DeviceEvent::Model(Arc::new(shared)),
    ] {
        machine.handle(Time(0), event).unwrap();
    }
    let effects: Vec<DeviceEffect> = std::iter::from_fn(|| machine.poll_effect()).collect();
    let hash = assignment().task;
    assert!(matches!(effects.last(), Some(DeviceEffect::RecallOwn { task }) if *task == hash));
    machine
}

fn training(before: [f32; 2]) -> Device {
    let mut machine = recalling();
    machine.handle(Time(0), DeviceEvent::Own(own(before))).unwrap();
    let Some(DeviceEffect::Train { params, .. }) = machine.poll_effect() else { panic!("training was due") };
    assert_eq!(params.values(), [1.0, 2.0, 3.0, 4.0, before[0], before[1]], "it trains all of the model");
    assert_eq!(params.layout(), &task().model.layout());
    machine
}

fn trained(machine: &mut Device, delta: &[f32]) -> Vec<DeviceEffect> {
    let event = DeviceEvent::Trained { delta: Delta::new(delta.to_vec()), metrics: None };
    machine.handle(Time(0), event).unwrap();
    std::iter::from_fn(|| machine.poll_effect()).collect()
}

/// What a device sends whose shared part moved by this, and that has no layers of its own.
fn sent(delta: &[f32]) -> Vec<u8> {
    Plain.seal(assignment().grid.encode(&Delta::new(delta.to_vec()))).to_bytes()
}

#[test]
fn the_difference_of_what_is_shared_is_sent_and_the_rest_is_kept() {
    // However far its own layers move, what is sent is clipped by the length of what is shared.
    for moved in [0.5, 5_000.0] {
        let mut machine = training([7.0, 8.0]);
        let effects = trained(&mut machine, &[0.25, 0.0, 0.0, -0.5, moved, -moved]);
        let [DeviceEffect::KeepOwn { task: of, own: kept }, DeviceEffect::Send { round: 3, upload, .. }] = &effects[..]
        else {
            panic!("keeping and sending were due")
        };
        assert_eq!((*of, kept), (assignment().task, &own([7.0 + moved, 8.0 - moved])));
        assert_eq!(upload.to_bytes(), sent(&[0.25, 0.0, 0.0, -0.5]), "moved by {moved}");
    }
}

#[test]
fn layers_that_are_no_numbers_any_more_are_not_kept() {
    let mut machine = training([7.0, 8.0]);
    let effects = trained(&mut machine, &[0.25, 0.0, 0.0, 0.0, f32::NAN, 1.0]);
    let [DeviceEffect::Send { upload, .. }] = &effects[..] else { panic!("only sending was due") };
    assert_eq!(upload.to_bytes(), sent(&[0.25, 0.0, 0.0, 0.0]));
    // A trainer that returns something of another length sends zeros, as ever, and keeps nothing.
    let effects = trained(&mut training([7.0, 8.0]), &[0.25; 3]);
    let [DeviceEffect::Send { upload, .. }] = &effects[..] else { panic!("only sending was due") };
    assert_eq!(upload.to_bytes(), sent(&[0.0; 4]));
}

#[test]
fn other_layers_than_the_tasks_are_refused_and_a_failure_withdraws() {
    let mut machine = recalling();
    let layout = Layout::new(vec![ParameterShape { name: "w".into(), shape: vec![3] }]);
    let refused = machine.handle(Time(5), DeviceEvent::Own(Params::zeros(layout))).unwrap_err();
    assert_eq!(refused, DeviceError::Dimension { expected: 2, found: 3 });
    assert!(matches!(machine.poll_effect(), Some(DeviceEffect::Withdraw { round: 3 })));
    let mut machine = recalling();
    machine.handle(Time(5), DeviceEvent::Failed).unwrap();
    assert!(matches!(machine.poll_effect(), Some(DeviceEffect::Withdraw { round: 3 })));
    // A grid for all of the model would let the device's own layers out.
    let whole = Grid::fit(Clip::new(1.0).unwrap(), task().model.layout().dimension()).unwrap();
    let mut machine = Device::new("a".parse().unwrap());
    machine.handle(Time(0), DeviceEvent::Tick).unwrap();
    machine.handle(Time(0), DeviceEvent::Assigned(Assignment { grid: whole, ..assignment() })).unwrap();
    let refused = machine.handle(Time(0), DeviceEvent::Task(task())).unwrap_err();
    assert_eq!(refused, DeviceError::Dimension { expected: 4, found: 6 });
}

#[test]
fn the_first_time_they_are_as_the_task_begins() {
    let beginning = Beginning::of(&task(), None).unwrap();
    let initial = task().model.initial();
    assert_eq!(beginning.own().unwrap().values(), &initial.values()[4..]);
    assert_eq!(beginning.shared().values(), &initial.values()[..4]);
}

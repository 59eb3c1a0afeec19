//! A device that randomises its own update: in which order, what it resends, and when it refuses.

use std::sync::Arc;

use murmur_privacy::{
    Delta, Digest, NoiseRng, Provenance,
    local::ledger::{LocalEntry, LocalLedger, LocalLedgerError, LocalOpening},
    units::{Clip, DeltaProbability, Epsilon},
};
use murmur_round::{
    coordinator::{Assignment, Verdict},
    device::{Device, DeviceEffect, DeviceError, DeviceEvent, LocalPrivacy},
    task::{Schedule, Task},
    time::Time,
};

use crate::tasks::{Cohort, DEVICES, Small, device, unit_delta};

const EPSILON: f64 = 8.0;

fn task() -> Arc<Task> {
    let section = murmur_privacy::local::LocalMechanism::PrivUnit2 {
        epsilon: Epsilon::new(EPSILON).unwrap(),
        magnitude_epsilon: None,
        projection: None,
    };
    let mut task = Small::exact(Cohort::All).task();
    task.privacy.local = Some(section);
    Arc::new(task)
}

fn assignment(round: u32) -> Assignment {
    let schedule = Schedule::new(Task::clone(&task()), DEVICES as u64).unwrap();
    let (task, grid, clip) = (schedule.hash(), schedule.grid(), schedule.task().privacy.clip);
    Assignment { task, round, position: round, model: Digest::of(b"model"), grid, clip, mu: None }
}

fn budget(epsilon: f64) -> LocalPrivacy {
    let opening = LocalOpening::new(Epsilon::new(epsilon).unwrap(), None, Provenance::Simulated);
    let (mut ledger, opened) = LocalLedger::open(opening).unwrap();
    ledger.persisted(opened.index).unwrap();
    LocalPrivacy { ledger, entropy: NoiseRng::seeded(5) }
}

fn asks(machine: &mut Device) -> DeviceEffect {
    let effect = machine.poll_effect().unwrap();
    assert!(machine.poll_effect().is_none(), "one thing at a time");
    effect
}

/// Offers work in a round, up to the answer to the task.
fn offered(machine: &mut Device, round: u32) -> Result<DeviceEffect, DeviceError> {
    let now = machine.next_deadline().unwrap();
    machine.handle(now, DeviceEvent::Tick)?;
    assert!(matches!(asks(machine), DeviceEffect::CheckIn));
    machine.handle(now, DeviceEvent::Assigned(assignment(round)))?;
    match asks(machine) {
        DeviceEffect::FetchTask(_) => {}
        other => return Ok(other),
    }
    machine.handle(now, DeviceEvent::Task(task()))?;
    Ok(asks(machine))
}

/// Trains to this delta, up to what is to be kept.
fn trained(machine: &mut Device, round: u32, delta: Delta) -> (Vec<u8>, LocalEntry) {
    assert!(matches!(offered(machine, round).unwrap(), DeviceEffect::FetchModel(_)));
    machine.handle(Time(1_000_000), DeviceEvent::Model(Arc::new(task().model.initial()))).unwrap();
    assert!(matches!(asks(machine), DeviceEffect::Train { measure: false, .. }));
    machine.handle(Time(1_000_000), DeviceEvent::Trained { delta, metrics: None }).unwrap();
    let DeviceEffect::Keep { task, round: kept, sealed, entry } = asks(machine) else { panic!("keeping was due") };
    assert_eq!((task, kept), (assignment(round).task, round));
    (sealed, entry)
}

fn sent(machine: &mut Device) -> Vec<u8> {
    let DeviceEffect::Send { upload, open_metrics: None, .. } = asks(machine) else { panic!("sending was due") };
    upload.to_bytes()
}

#[test]
fn what_was_sealed_and_charged_is_durable_before_it_is_sent_and_nothing_else_ever_is() {
    let mut machine = Device::new(device(0)).with_local(budget(100.0));
    let (sealed, entry) = trained(&mut machine, 3, unit_delta(0));
    // Neither another entry nor impatience opens the way.
    let other = machine.handle(Time(1_000_000), DeviceEvent::Kept { entry: entry.index + 1 }).unwrap_err();
    assert_eq!(other, DeviceError::Unexpected);
    assert!(machine.handle(Time(1_000_000), DeviceEvent::Answered(Verdict::Accepted)).is_err());
    assert!(machine.poll_effect().is_none());
    machine.handle(Time(1_000_000), DeviceEvent::Kept { entry: entry.index }).unwrap();
    assert_eq!(sent(&mut machine), sealed);
    // The answer is lost and the same round comes again: the same bytes, without training, charge or fresh randomness.
    machine.handle(Time(1_000_000), DeviceEvent::Failed).unwrap();
    assert!(matches!(offered(&mut machine, 3).unwrap(), DeviceEffect::Recall { round: 3, .. }));
    machine.handle(Time(2_000_000), DeviceEvent::Recalled(Some(sealed.clone()))).unwrap();
    assert_eq!(sent(&mut machine), sealed);
    let spent = machine.into_local().unwrap().ledger.spent().0;
    assert!((spent.get() - EPSILON).abs() < 1e-6, "{spent}");
}

#[test]
fn after_a_restart_a_charged_round_is_resent_or_lost_and_never_randomised_again() {
    let mut machine = Device::new(device(0)).with_local(budget(100.0));
    let (sealed, _) = trained(&mut machine, 3, unit_delta(0));
    // The process died when both were durable, before it sent anything.
    let entries = {
        let LocalPrivacy { ledger, .. } = machine.into_local().unwrap();
        let opening = ledger.opening().clone();
        let (mut again, opened) = LocalLedger::open(opening).unwrap();
        again.persisted(opened.index).unwrap();
        let charge = ledger.charged(assignment(3).task, 3).unwrap().clone();
        let entry = again.charge(charge.task, 3, charge.guarantee, Provenance::Simulated, &sealed).unwrap();
        vec![opened, entry]
    };
    let restarted = || {
        let ledger = LocalLedger::replay(entries.clone()).unwrap();
        Device::new(device(0)).with_local(LocalPrivacy { ledger, entropy: NoiseRng::seeded(6) })
    };
    let mut machine = restarted();
    assert!(matches!(offered(&mut machine, 3).unwrap(), DeviceEffect::Recall { .. }));
    machine.handle(Time(5), DeviceEvent::Recalled(Some(sealed.clone()))).unwrap();
    assert_eq!(sent(&mut machine), sealed);
    let mut edited = sealed.clone();
    edited[0] ^= 1;
    for lost in [None, Some(edited)] {
        let mut machine = restarted();
        assert!(matches!(offered(&mut machine, 3).unwrap(), DeviceEffect::Recall { .. }));
        machine.handle(Time(5), DeviceEvent::Recalled(lost)).unwrap();
        assert!(matches!(asks(&mut machine), DeviceEffect::Withdraw { round: 3 }));
        // Another round is another matter.
        assert!(matches!(offered(&mut machine, 4).unwrap(), DeviceEffect::FetchModel(_)));
    }
}

#[test]
fn a_device_refuses_what_its_own_budget_does_not_cover_before_it_fetches_or_trains_anything() {
    let mut machine = Device::new(device(0));
    assert_eq!(offered(&mut machine, 0).err().unwrap(), DeviceError::NoLocalBudget);
    assert!(matches!(asks(&mut machine), DeviceEffect::Withdraw { round: 0 }));
    assert!(machine.is_done_with(&assignment(0).task));

    let mut machine = Device::new(device(0)).with_local(budget(2.5 * EPSILON));
    for round in 0..2 {
        let (_, entry) = trained(&mut machine, round, unit_delta(0));
        machine.handle(Time(1_000_000), DeviceEvent::Kept { entry: entry.index }).unwrap();
        sent(&mut machine);
        machine.handle(Time(1_000_000), DeviceEvent::Answered(Verdict::Accepted)).unwrap();
    }
    let refused = offered(&mut machine, 2).err().unwrap();
    assert!(matches!(refused, DeviceError::LocalLedger(LocalLedgerError::OverBudget { .. })), "{refused}");
    assert!(refused.to_string().contains("this device has epsilon 4.0"), "{refused}");
    assert!(matches!(asks(&mut machine), DeviceEffect::Withdraw { round: 2 }));
    // It is asked again, and has said why; another task may cost less.
    assert!(machine.is_done_with(&assignment(0).task) && !machine.is_finished());
    assert!(matches!(offered(&mut machine, 3).unwrap(), DeviceEffect::Withdraw { round: 3 }));
}

#[test]
fn an_update_that_is_not_finite_is_randomised_like_any_other() {
    let reach = task().randomiser(0).unwrap().unwrap().output_bound().norm;
    for delta in [Delta::new(vec![f32::NAN; DEVICES]), Delta::new(vec![0.0; DEVICES]), unit_delta(0)] {
        let mut machine = Device::new(device(0)).with_local(budget(100.0));
        let (sealed, _) = trained(&mut machine, 0, delta);
        let encoding = Schedule::new(Task::clone(&task()), DEVICES as u64).unwrap().encoding(Clip::new(1.0).unwrap());
        let upload = murmur_privacy::Upload::from_plain_bytes(&encoding, &sealed).unwrap();
        let mut sum = murmur_privacy::Sum::new(encoding.grid());
        sum.add(&upload).unwrap();
        // Every answer has the one length there is, so zero is never sent.
        let bytes = upload.to_bytes();
        assert_eq!(bytes, sealed);
        assert!(bytes.iter().any(|byte| *byte != 0) && reach > 1.0);
    }
}

#[test]
fn a_mechanism_with_a_failure_probability_needs_a_budget_for_it() {
    let mut machine_task = Small::exact(Cohort::All).task();
    machine_task.privacy.local = Some(murmur_privacy::local::LocalMechanism::Gaussian {
        epsilon: Epsilon::new(1.0).unwrap(),
        delta: DeltaProbability::new(1e-6).unwrap(),
    });
    let guarantee = machine_task.randomiser(0).unwrap().unwrap().guarantee();
    assert!(budget(100.0).ledger.admits(guarantee, 1).is_err());
}

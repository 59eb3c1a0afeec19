//! Two tasks that pay from one ledger; a task that is paused; a round that is given up.

use murmur_privacy::{
    Ledger, NoiseRng, Provenance,
    ledger::{Entry, LedgerError, Record},
    units::{DeltaProbability, Epsilon},
};
use murmur_round::{
    SharedLedger,
    coordinator::{Coordinator, Effect, Event, Outcome, Refusal, Stored, Verdict},
    founding,
    task::Schedule,
    time::{Millis, Time},
};

use crate::{
    reference::{Fate, fates},
    tasks::{Cohort, DEVICES, Small, WINDOW, device, enrolled, unit_upload},
    world::{Heard, World},
};

/// Two tasks of one population, each of so many rounds.
fn two(rounds: [u32; 2]) -> [Small; 2] {
    rounds.map(|rounds| Small { rounds, noise: Some((1.0, 8.0)), ..Small::exact(Cohort::All) })
}

/// Carries out everything a coordinator asks for, at once durable.
fn settle(coordinator: &mut Coordinator, entries: &mut Vec<Entry>) {
    while let Some(effect) = coordinator.poll_effect() {
        if let Effect::Persist(entry) = effect {
            entries.push(entry.clone());
            coordinator.handle(Time(0), Event::Persisted { entry: entry.index });
        }
    }
}

fn found(smalls: [Small; 2]) -> (Vec<Entry>, SharedLedger, [Schedule; 2]) {
    let schedules = smalls.map(|small| small.schedule());
    let budget = Some((Epsilon::new(16.0).unwrap(), DeltaProbability::new(2e-3).unwrap()));
    let mut entries = Vec::new();
    let mut persist = |entry: &Entry| {
        entries.push(entry.clone());
        Ok::<(), std::io::Error>(())
    };
    let mut ledger = founding::found(&schedules[0], None, budget, Provenance::Simulated, &mut persist).unwrap();
    founding::reserve(&schedules[1], &mut ledger, budget, &mut persist).unwrap();
    (entries, ledger.into(), schedules)
}

fn start(schedule: &Schedule, ledger: &SharedLedger) -> Coordinator {
    Coordinator::start(schedule.clone(), enrolled(), ledger.clone(), NoiseRng::seeded(1), Stored::default()).unwrap()
}

#[test]
fn rounds_of_two_tasks_take_turns_in_one_chain() {
    let (mut entries, ledger, schedules) = found(two([2, 3]));
    let mut coordinators = [0, 1].map(|index| start(&schedules[index], &ledger));
    // One device after the other does one thing in each of the tasks: their rounds are open at the same time.
    for round in 0..3 {
        for step in 0..2 * DEVICES {
            for (coordinator, schedule) in coordinators.iter_mut().zip(&schedules) {
                let (index, time) = (step % DEVICES, Time(u64::from(round)));
                let event = if step < DEVICES {
                    Event::CheckIn(device(index))
                } else {
                    let upload = unit_upload(index, schedule.grid());
                    Event::Upload { device: device(index), round, upload, open_metrics: None }
                };
                coordinator.handle(time, event);
                settle(coordinator, &mut entries);
                // The opening is durable: whoever asks again is assigned.
                coordinator.handle(time, Event::CheckIn(device(index)));
                settle(coordinator, &mut entries);
            }
        }
    }
    for (coordinator, (schedule, rounds)) in coordinators.iter().zip(schedules.iter().zip([2, 3])) {
        assert_eq!(coordinator.outcome(), Some(&Outcome::Completed));
        let ours = |entry: &&Entry| matches!(&entry.record, Record::Released { task, .. } if *task == schedule.hash());
        assert_eq!(entries.iter().filter(ours).count(), rounds);
    }
    let task = |entry: &Entry| match &entry.record {
        Record::Spent { task, round, .. } => Some((*task, *round)),
        _ => None,
    };
    let [first, second] = schedules.map(|schedule| schedule.hash());
    let spends: Vec<_> = entries.iter().filter_map(task).collect();
    assert_eq!(spends, [(first, 0), (second, 0), (first, 1), (second, 1), (second, 2)]);
    assert_eq!(Ledger::replay(entries).unwrap().head(), ledger.head());
}

#[test]
fn a_driver_that_mixes_up_two_tasks_is_told_so() {
    let (_, ledger, schedules) = found(two([2, 3]));
    let mut coordinators = [0, 1].map(|index| start(&schedules[index], &ledger));
    coordinators[0].handle(Time(0), Event::CheckIn(device(0)));
    // The first one's opening is in flight: the second one cannot propose another entry, and ends.
    coordinators[1].handle(Time(0), Event::CheckIn(device(0)));
    let index = ledger.lock().length() - 1;
    let expected = LedgerError::Unconfirmed { index }.to_string();
    assert_eq!(coordinators[1].outcome(), Some(&Outcome::Failed(expected)));
}

#[test]
fn a_paused_task_ends_its_round_and_opens_no_other() {
    let mut world = World::new(Small { minimum_reports: 8, ..Small::exact(Cohort::All) }, 1);
    let all: Vec<usize> = (0..DEVICES).collect();
    for index in &all {
        let _ = world.check_in(*index);
    }
    world.persist();
    world.coordinator.pause();
    for index in &all {
        assert!(matches!(world.check_in(*index), Heard::Assigned(_)), "what is open goes on");
        assert_eq!(world.upload(*index, 0), Verdict::Accepted);
    }
    world.persist();
    assert_eq!(fates(&world.entries)[&0], Fate::Released);
    for _ in 0..3 {
        for index in &all {
            let _ = world.check_in(*index);
        }
        world.wait(Millis(WINDOW / 10), true);
    }
    world.persist();
    assert_eq!(world.last_opened(), 0);
    assert!(!world.coordinator.is_in_round());
    world.coordinator.resume();
    for index in &all {
        let _ = world.check_in(*index);
    }
    world.persist();
    assert_eq!(world.last_opened(), 1);
    world.check_ledger();
}

#[test]
fn a_round_that_is_given_up_spends_nothing_and_is_never_opened_again() {
    let (mut entries, ledger, [schedule, _]) = found(two([2, 3]));
    let mut coordinator = start(&schedule, &ledger);
    let account = || ledger.account(&schedule.hash()).unwrap();
    coordinator.abandon();
    assert_eq!(account().next_round(), 0, "there is nothing to give up");
    coordinator.handle(Time(0), Event::CheckIn(device(0)));
    settle(&mut coordinator, &mut entries);
    coordinator.handle(Time(0), Event::CheckIn(device(0)));
    let upload = |round| {
        let upload = unit_upload(0, schedule.grid());
        Event::Upload { device: device(0), round, upload, open_metrics: None }
    };
    coordinator.handle(Time(0), upload(0));
    settle(&mut coordinator, &mut entries);
    coordinator.pause();
    coordinator.abandon();
    assert!(coordinator.is_in_round(), "until its end is durable");
    settle(&mut coordinator, &mut entries);
    assert!(!coordinator.is_in_round());
    assert_eq!((account().rounds_spent(), account().next_round(), account().open_round()), (0, 1, None));
    coordinator.handle(Time(0), upload(0));
    let verdict = match coordinator.poll_effect() {
        Some(Effect::Answer { verdict, .. }) => verdict,
        other => panic!("{other:?}"),
    };
    assert_eq!(verdict, Verdict::Refused(Refusal::RoundClosed), "it was counted, and counts no more");
    coordinator.resume();
    coordinator.handle(Time(0), Event::CheckIn(device(0)));
    settle(&mut coordinator, &mut entries);
    assert_eq!(account().open_round(), Some(1));
    Ledger::replay(entries).unwrap();
}

//! The phases' edges, one by one.

use murmur_privacy::{Ledger, NoiseRng, Provenance, Sum, ledger::Record};
use murmur_round::{
    checkpoint::{read_manifest, read_model},
    coordinator::{Coordinator, Outcome, Refusal, StartError, Stored, TurnedAway, Verdict},
    founding,
    task::Schedule,
    time::Millis,
};

use crate::{
    reference::{Fate, fates},
    tasks::{BUDGET_FOR_TWO, Cohort, DEVICES, Small, UNIT, WINDOW, device, enrolled, unit_upload},
    world::{Heard, World},
};

const ACCEPTED: Verdict = Verdict::Accepted;
const NOT_ASSIGNED: Verdict = Verdict::Refused(Refusal::NotAssigned);
const CLOSED: Verdict = Verdict::Refused(Refusal::RoundClosed);

fn come_back(after: u64) -> Heard {
    Heard::TurnedAway(TurnedAway::ComeBack { after: Millis(after) })
}

/// A world whose round 0 is open, every device having checked in once.
fn open(small: Small) -> World {
    let mut world = World::new(Small { minimum_reports: small.cohort.expected() as u32, ..small }, 1);
    for index in 0..DEVICES {
        world.check_in(index);
    }
    world.persist();
    world
}

fn released(world: &World) -> Vec<f32> {
    let (_, model) = world.published.last().unwrap();
    let layout = Small::exact(Cohort::All).task().model.layout();
    read_model(&world.checkpoints[model].model, layout).unwrap().values().to_vec()
}

#[test]
fn nobody_is_assigned_before_the_opening_is_durable() {
    let mut world = World::new(Small { minimum_reports: 8, ..Small::exact(Cohort::All) }, 1);
    for index in 0..DEVICES - 1 {
        assert_eq!(world.check_in(index), come_back(WINDOW / 10), "a tenth of the window");
    }
    assert_eq!(world.account().open_round(), None, "too few are about");
    assert_eq!(world.check_in(7), come_back(200), "the one that makes it enough waits for the write like all others");
    assert_eq!(world.account().open_round(), Some(0));
    for index in 0..DEVICES {
        assert_eq!(world.check_in(index), come_back(200));
        assert_eq!(world.upload(index, 0), CLOSED);
    }
    assert_eq!(fates(&world.entries).len(), 0);
    world.persist();
    assert_eq!(fates(&world.entries)[&0], Fate::Open);
    for index in 0..DEVICES {
        assert!(matches!(world.check_in(index), Heard::Assigned(work) if work.round == 0));
    }
}

#[test]
fn the_ledger_says_nothing_about_who_or_how_many() {
    let few = {
        let mut world = open(Small::exact(Cohort::All));
        world.check_in(3);
        world.upload(3, 0);
        world.wait(Millis(WINDOW), true);
        world.persist();
        world
    };
    let mut all = open(Small::exact(Cohort::All));
    all.turn(&(0..DEVICES).collect::<Vec<_>>());
    let lines = |world: &World| {
        let spent = world.entries.iter().filter(|entry| !matches!(entry.record, Record::Released { .. }));
        spent.map(|entry| entry.to_line().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(fates(&few.entries)[&0], Fate::Released);
    assert_eq!(fates(&all.entries)[&0], Fate::Released);
    assert_eq!(lines(&few), lines(&all)[..lines(&few).len()]);
}

#[test]
fn what_was_collected_elsewhere_joins_a_round_that_has_closed_before_it_is_released() {
    let mut here = open(Small::exact(Cohort::All));
    here.turn(&(0..DEVICES).collect::<Vec<_>>());
    let mut world = open(Small::exact(Cohort::All));
    let grid = world.coordinator.schedule().grid();
    let mut elsewhere = Sum::new(grid);
    for index in 0..DEVICES {
        world.check_in(index);
        assert!(world.coordinator.closed_sum().is_none(), "not while it is open");
        if index % 3 == 0 {
            assert_eq!(world.upload(index, 0), ACCEPTED);
        } else {
            elsewhere.add(&unit_upload(index, grid)).unwrap();
            assert_eq!(world.upload_elsewhere(index, 0), ACCEPTED, "it counts like any other");
        }
    }
    world.coordinator.closed_sum().unwrap().append(&mut elsewhere).unwrap();
    world.persist();
    assert!(world.coordinator.closed_sum().is_none(), "nor once it is paid for");
    assert_eq!(released(&world), released(&here));
    assert_eq!(world.entries, here.entries[..world.entries.len()]);
}

#[test]
fn a_window_that_closes_with_nobody_still_releases_noise() {
    let noisy = Small { noise: Some((2.0, 100.0)), ..Small::exact(Cohort::Half) };
    let mut world = open(noisy);
    world.wait(Millis(WINDOW - 1), true);
    assert_eq!(fates(&world.entries)[&0], Fate::Open, "not before the clock says so");
    world.wait(Millis(1), true);
    world.persist();
    assert_eq!(fates(&world.entries)[&0], Fate::Released);
    assert!(released(&world).iter().all(|&value| value != 0.0), "every coordinate is noised");
    let mut exact = open(Small::exact(Cohort::All));
    exact.wait(Millis(WINDOW), true);
    exact.persist();
    assert_eq!(released(&exact), [0.0; DEVICES], "and nothing but noise is in it");
}

#[test]
fn a_device_outside_the_cohort_is_turned_away_as_often_as_it_asks() {
    let mut world = open(Small::exact(Cohort::Fixed));
    let first: Vec<Heard> = (0..DEVICES).map(|index| world.check_in(index)).collect();
    let work = first.iter().filter(|heard| matches!(heard, Heard::Assigned(_))).count();
    assert_eq!(work, 4);
    for _ in 0..3 {
        let again: Vec<Heard> = (0..DEVICES).map(|index| world.check_in(index)).collect();
        assert_eq!(again, first);
    }
    let outside = (0..DEVICES).find(|&index| first[index] == come_back(WINDOW / 10)).unwrap();
    assert_eq!(world.upload(outside, 0), NOT_ASSIGNED);
    assert_eq!(world.withdraw(outside, 0), NOT_ASSIGNED);
    assert_eq!(world.check_in(DEVICES), Heard::TurnedAway(TurnedAway::NotEnrolled));
    assert_eq!(world.upload(DEVICES, 0), NOT_ASSIGNED);
}

#[test]
fn a_chosen_device_that_never_asked_has_no_assignment() {
    let mut world = open(Small::exact(Cohort::All));
    assert_eq!(world.upload(0, 0), NOT_ASSIGNED, "asking before the round opened is not asking for its work");
    world.check_in(0);
    assert_eq!(world.upload_foreign(0, 0), Verdict::Refused(Refusal::WrongGrid));
    assert_eq!(world.upload(0, 0), ACCEPTED, "a refused upload does not use the assignment up");
    assert_eq!(world.upload(0, 0), ACCEPTED);
    assert_eq!(world.withdraw(0, 0), NOT_ASSIGNED, "what was counted stays");
    assert_eq!(world.check_in(0), come_back(WINDOW / 10), "a device has one part in a round");
}

#[test]
fn withdrawn_devices_count_as_zero_and_are_not_waited_for() {
    let mut world = open(Small::exact(Cohort::All));
    for index in 0..DEVICES {
        world.check_in(index);
    }
    for index in 0..4 {
        assert_eq!(world.withdraw(index, 0), ACCEPTED);
        assert_eq!(world.withdraw(index, 0), ACCEPTED, "the answer was lost");
        assert_eq!(world.upload(index, 0), NOT_ASSIGNED);
        assert_eq!(world.check_in(index), come_back(WINDOW / 10));
    }
    for index in 4..DEVICES {
        assert_eq!(fates(&world.entries)[&0], Fate::Open);
        world.upload(index, 0);
    }
    assert_eq!(world.upload(7, 0), ACCEPTED, "sent again after its round closed");
    assert_eq!(world.upload(0, 0), CLOSED);
    world.persist();
    let part = UNIT / 8.0;
    assert_eq!(released(&world), [0.0, 0.0, 0.0, 0.0, part, part, part, part], "over the expected cohort, always");
    assert_eq!(world.upload(7, 0), ACCEPTED, "and after its release");
    assert_eq!(world.withdraw(0, 0), CLOSED);
    assert_eq!(world.withdraw(7, 0), CLOSED, "what was counted cannot be taken back");
}

#[test]
fn what_comes_when_the_window_is_over_is_late_however_late_the_driver_is() {
    let mut world = open(Small::exact(Cohort::All));
    world.check_in(0);
    world.check_in(1);
    world.upload(0, 0);
    world.wait(Millis(WINDOW), false);
    assert_eq!(world.account().open_round(), Some(0), "nobody told the coordinator");
    assert_eq!(world.upload(1, 0), CLOSED);
    assert_eq!(world.upload(0, 0), ACCEPTED, "its first answer");
    assert_eq!(world.account().open_round(), None);
    world.persist();
    assert_eq!(released(&world)[..2], [UNIT / 8.0, 0.0]);
    // A stranger who asks without pause keeps no window open either.
    let mut world = open(Small::exact(Cohort::All));
    world.wait(Millis(WINDOW), false);
    assert_eq!(world.check_in(DEVICES), Heard::TurnedAway(TurnedAway::NotEnrolled));
    assert_eq!(world.account().open_round(), None);
}

#[test]
fn only_devices_heard_of_lately_and_since_the_last_round_let_one_open() {
    let mut world = World::new(Small { minimum_reports: 8, ..Small::exact(Cohort::All) }, 1);
    for index in 0..DEVICES - 1 {
        world.check_in(index);
    }
    world.wait(Millis(2 * WINDOW + 1), true);
    world.check_in(7);
    assert_eq!(world.account().open_round(), None, "seven were there too long ago");
    for index in 0..DEVICES - 1 {
        world.check_in(index);
    }
    assert_eq!(world.account().open_round(), Some(0));
    world.persist();
    world.wait(Millis(WINDOW), true);
    world.persist();
    world.tick();
    assert_eq!(world.account().open_round(), None, "nobody was heard of since");
}

#[test]
fn the_guarantee_of_a_model_and_of_the_moment_are_the_same_after_each_release() {
    let mut world = World::new(Small { noise: Some(BUDGET_FOR_TWO), rounds: 4, ..Small::exact(Cohort::All) }, 1);
    assert_eq!(world.finish(), Outcome::BudgetExhausted);
    assert_eq!(world.published.len(), 3, "the initial model and two that the budget paid for");
    let manifests: Vec<_> = world
        .published
        .iter()
        .map(|(_, model)| read_manifest(&world.checkpoints[model].model).unwrap().guarantee)
        .collect();
    assert!(manifests.windows(2).all(|pair| pair[0].epsilon_spent < pair[1].epsilon_spent));
    assert_eq!(*manifests.last().unwrap(), world.coordinator.guarantee().unwrap());
    assert_eq!(manifests[2].epsilon_spent, manifests[2].epsilon, "all that was set aside, and no more");
}

fn founded(small: Small) -> (Schedule, Ledger) {
    let schedule = small.schedule();
    let persist = |_: &_| Ok::<(), std::io::Error>(());
    let ledger = founding::found(&schedule, None, None, Provenance::Simulated, persist).unwrap();
    (schedule, ledger)
}

#[test]
fn a_coordinator_refuses_what_does_not_belong_together() {
    let small = Small::exact(Cohort::All);
    let entropy = || NoiseRng::seeded(1);
    let refused = |schedule: Schedule, devices, ledger, entropy| {
        Coordinator::start(schedule, devices, ledger, entropy, Stored::default()).err().unwrap()
    };
    let (schedule, ledger) = founded(small);
    let error = refused(schedule, (0..7).map(device).collect(), ledger, entropy());
    assert!(matches!(error, StartError::Population { reserved: 8, found: 7 }), "{error}");
    let (schedule, ledger) = founded(small);
    let twice = enrolled().into_iter().chain([device(0)]).collect();
    assert!(
        Coordinator::start(schedule, twice, ledger, entropy(), Stored::default()).is_ok(),
        "one device named twice is one"
    );
    let (_, ledger) = founded(small);
    let nine = Schedule::new(small.task(), 9).unwrap();
    let error = refused(nine, (0..9).map(device).collect(), ledger, entropy());
    assert!(matches!(error, StartError::Population { reserved: 8, found: 9 }), "{error}");
    assert!(error.to_string().contains("reserved for 8") && error.to_string().contains("9 distinct"), "{error}");
    let (schedule, ledger) = founded(small);
    let error = refused(schedule, enrolled(), ledger, NoiseRng::from_operating_system().unwrap());
    assert!(matches!(error, StartError::Provenance { .. }), "{error}");
    let (_, ledger) = founded(small);
    let other = Small { rounds: 4, ..small }.schedule();
    let error = refused(other, enrolled(), ledger, entropy());
    assert!(matches!(error, StartError::Ledger(_)), "{error}");
}

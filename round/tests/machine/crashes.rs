//! Power fails at every durable step of a round, one by one.

use murmur_privacy::ledger::Record;
use murmur_round::{
    checkpoint::CheckpointError,
    coordinator::{Coordinator, Outcome, Refusal, StartError, Stored, Verdict},
    time::Millis,
};

use crate::{
    reference::{Fate, fates},
    tasks::{BUDGET_FOR_TWO, Cohort, DEVICES, Small, WINDOW, enrolled},
    world::World,
};

/// A world of one-by-one steps: round 0 is open and everybody has answered but the last device.
fn almost_closed() -> World {
    let mut world = World::new(Small { minimum_reports: 8, ..Small::exact(Cohort::All) }, 1);
    for index in 0..DEVICES {
        world.check_in(index);
    }
    world.persist();
    for index in 0..DEVICES {
        world.check_in(index);
    }
    for index in 0..DEVICES - 1 {
        world.upload(index, 0);
    }
    world
}

#[test]
fn a_crash_before_the_opening_is_durable_leaves_the_number_free() {
    let mut world = World::new(Small::exact(Cohort::All), 1);
    world.check_in(0);
    assert_eq!(world.account().open_round(), Some(0));
    world.crash(0);
    assert_eq!(world.account().next_round(), 0, "nothing of it was durable, and nobody was assigned");
    assert_eq!(world.finish(), Outcome::Completed);
    assert_eq!(fates(&world.entries).len(), 3);
}

#[test]
fn a_round_that_was_open_is_abandoned_before_anything_else_happens_and_the_task_gets_all_its_rounds() {
    let mut world = almost_closed();
    world.crash(0);
    assert_eq!(fates(&world.entries)[&0], Fate::Open, "the new process has not caught up");
    // Until the end of round 0 is durable nothing else begins, and the old uploads are late.
    for index in 0..DEVICES {
        world.check_in(index);
        assert_eq!(world.upload(index, 0), Verdict::Refused(Refusal::RoundClosed));
    }
    world.persist();
    assert_eq!(fates(&world.entries)[&0], Fate::Abandoned);
    assert_eq!(world.account().epsilon_spent().get(), 0.0);
    assert_eq!(world.finish(), Outcome::Completed);
    let fates: Vec<Fate> = fates(&world.entries).into_values().collect();
    assert_eq!(fates, [Fate::Abandoned, Fate::Released, Fate::Released, Fate::Released]);
    let numbers: Vec<Option<u32>> = world.published.iter().map(|(round, _)| *round).collect();
    assert_eq!(numbers, [None, None, Some(1), Some(2), Some(3)], "the initial model twice, then the rounds by number");
}

#[test]
fn a_crash_while_abandoning_abandons_once() {
    let mut world = almost_closed();
    for reached in [0, 0, 1] {
        world.crash(reached);
    }
    world.crash(1);
    assert_eq!(world.finish(), Outcome::Completed);
    let abandoned = world.entries.iter().filter(|entry| matches!(entry.record, Record::Abandoned { round: 0, .. }));
    assert_eq!(abandoned.count(), 1);
}

#[test]
fn between_spend_and_release_a_crash_loses_the_round_and_nothing_else() {
    // Of spend, model, release: none durable, the first, the first two, all.
    for (reached, fate) in [(0, Fate::Abandoned), (1, Fate::Spent), (2, Fate::Spent), (3, Fate::Released)] {
        let mut world = almost_closed();
        world.upload(7, 0);
        match reached {
            0 => world.crash(0),
            1 => world.crash(1),
            _ => {
                world.persist_one();
                world.crash(reached - 1);
            }
        }
        assert_eq!(world.finish(), Outcome::Completed);
        let fates = fates(&world.entries);
        assert_eq!(fates[&0], fate, "after {reached} steps");
        // A lost round is one of the three that were paid for; an abandoned one is not.
        assert_eq!(fates.len(), if fate == Fate::Abandoned { 4 } else { 3 });
        let released: Vec<u32> = world.published.iter().filter_map(|(round, _)| *round).collect();
        assert_eq!(released.first(), Some(&u32::from(fate != Fate::Released)), "after {reached} steps");
    }
}

#[test]
fn the_initial_model_is_one_file_whatever_happens_before_the_first_release() {
    let noisy = Small { noise: Some((2.0, 100.0)), ..Small::exact(Cohort::All) };
    let mut world = World::new(noisy, 1);
    let initial = world.published[0].1;
    world.crash(0);
    // A round is opened, and abandoned; another is paid for, and lost.
    world.check_in(0);
    world.persist();
    world.crash(0);
    world.persist();
    for _ in 0..2 {
        world.check_in(0);
        world.persist();
    }
    world.wait(Millis(WINDOW), true);
    world.crash(1);
    assert_eq!(fates(&world.entries).into_values().collect::<Vec<_>>(), [Fate::Abandoned, Fate::Spent]);
    assert!(world.account().epsilon_spent().get() > 0.0);
    assert_eq!(world.published, [(None, initial); 4], "one name in every life");
    assert_eq!(world.checkpoints.len(), 1);
}

#[test]
fn a_budget_lost_in_crashes_ends_the_task_with_what_was_released() {
    let mut world = World::new(Small { rounds: 4, noise: Some(BUDGET_FOR_TWO), ..Small::exact(Cohort::All) }, 1);
    for _ in 0..2 {
        world.check_in(0);
        world.persist();
        world.wait(Millis(WINDOW), true);
        world.crash(1);
    }
    assert_eq!(world.finish(), Outcome::BudgetExhausted);
    assert_eq!(fates(&world.entries).into_values().collect::<Vec<_>>(), [Fate::Spent, Fate::Spent]);
    assert!(world.published.iter().all(|(round, _)| round.is_none()), "nothing was ever released");
}

#[test]
fn a_restart_needs_the_very_model_that_the_ledger_names() {
    let mut world = World::new(Small::exact(Cohort::All), 1);
    let order: Vec<usize> = (0..DEVICES).collect();
    while world.published.len() < 3 {
        world.turn(&order);
    }
    let start = |checkpoint| {
        let stored = Stored { checkpoint, ..Stored::default() };
        let ledger = murmur_privacy::Ledger::replay(world.entries.clone()).unwrap();
        let schedule = Small::exact(Cohort::All).schedule();
        Coordinator::start(schedule, enrolled(), ledger, murmur_privacy::NoiseRng::seeded(9), stored).err()
    };
    let (current, before) = (world.published[2].1, world.published[1].1);
    assert!(start(Some(world.checkpoints[&current].clone())).is_none());
    assert!(matches!(start(None), Some(StartError::ModelMissing { model }) if model == current));
    let refused = start(Some(world.checkpoints[&before].clone()));
    assert!(matches!(refused, Some(StartError::Checkpoint(CheckpointError::Digest { .. }))));
}

//! Blocks of rounds under random allocation, step by step.

use std::collections::BTreeSet;

use murmur_privacy::{
    Ledger, NoiseRng,
    ledger::Record,
    units::{DeltaProbability, Epsilon},
};
use murmur_round::{
    checkpoint::read_manifest,
    coordinator::{Coordinator, Outcome, StartError, Stored, TurnedAway},
    participation::KeptSecret,
    time::Millis,
};

use crate::{
    reference::{Fate, fates, forfeited},
    tasks::{BLOCK, Cohort, DEVICES, EACH, Small, WINDOW, enrolled},
    world::{Heard, World},
};

/// Two blocks, with noise.
fn two_blocks() -> Small {
    Small { rounds: 2 * BLOCK, noise: Some((2.0, 100.0)), minimum_reports: 4, ..Small::exact(Cohort::Allocated) }
}

/// Opens a round and lets everybody ask: who has work in it.
fn open_and_ask(world: &mut World) -> BTreeSet<usize> {
    for index in 0..DEVICES {
        world.check_in(index);
    }
    world.persist();
    (0..DEVICES).filter(|&index| matches!(world.check_in(index), Heard::Assigned(_))).collect()
}

/// The window passes, and what follows is durable.
fn close(world: &mut World) {
    world.wait(Millis(WINDOW), true);
    world.persist();
}

/// The cohorts of a whole block in which nobody answers.
fn silent_block(world: &mut World) -> Vec<BTreeSet<usize>> {
    let ask = |_| {
        let cohort = open_and_ask(world);
        close(world);
        cohort
    };
    (0..BLOCK).map(ask).collect()
}

fn appearances(cohorts: &[BTreeSet<usize>], index: usize) -> usize {
    cohorts.iter().filter(|cohort| cohort.contains(&index)).count()
}

#[test]
fn absentees_are_never_reallocated() {
    let mut world = World::new(Small { noise: None, ..two_blocks() }, 3);
    for _ in 0..2 {
        // Nobody ever answers, and everybody has just as many rounds as if they had.
        let cohorts = silent_block(&mut world);
        for index in 0..DEVICES {
            assert_eq!(appearances(&cohorts, index), EACH, "device {index}: {cohorts:?}");
        }
    }
    assert_eq!(world.finish(), Outcome::Completed);
    assert!(world.coordinator.model().values().iter().all(|value| *value == 0.0), "absent devices contribute zero");
}

#[test]
fn a_block_is_charged_whole_with_its_first_round_and_its_secret_goes_with_its_last() {
    let mut world = World::new(two_blocks(), 1);
    let price = |world: &World| world.account().epsilon_spent();
    let mut prices = vec![price(&world)];
    for round in 0..2 * BLOCK {
        open_and_ask(&mut world);
        assert_eq!(world.kept.as_ref().map(|(block, _)| *block), Some(round / BLOCK), "kept before the round is open");
        assert_eq!(price(&world), prices[round as usize], "an open round has spent nothing");
        close(&mut world);
        prices.push(price(&world));
    }
    assert_eq!(world.kept, None);
    let first = prices[1];
    assert!(Epsilon::ZERO < first && first < prices[BLOCK as usize + 1]);
    assert_eq!(prices[1..=BLOCK as usize], [first; BLOCK as usize]);
    assert_eq!(prices[BLOCK as usize + 1..], [world.account().reservation().epsilon; BLOCK as usize]);
    // What the ledger charged is the block, and what a model promises is the block's.
    let event = world.account().reservation().round_event.clone();
    assert_eq!(event.rounds_spanned().get(), BLOCK);
    let delta = DeltaProbability::new(1e-3).unwrap();
    let alone = murmur_privacy::accountant::tightest(&event, delta).unwrap().epsilon.get();
    assert!((alone / first.get() - 1.0).abs() < 1e-4, "one block costs {alone}, and {first:?} was charged");
    let (_, model) = world.published[1];
    let manifest = read_manifest(&world.checkpoints[&model].model).unwrap();
    assert_eq!((manifest.round, manifest.guarantee.epsilon_spent), (Some(0), first));
    assert!(manifest.guarantee.sampling.contains("2 of them"), "{}", manifest.guarantee.sampling);
    assert!(manifest.guarantee.sampling.contains("block of 4 rounds"), "{}", manifest.guarantee.sampling);
    assert_eq!(manifest.guarantee.accountant, "pld");
}

#[test]
fn a_schedule_stops_at_whole_blocks() {
    let one = {
        let world = World::new(two_blocks(), 1);
        let event = world.account().reservation().round_event.clone();
        murmur_privacy::accountant::tightest(&event, DeltaProbability::new(1e-3).unwrap()).unwrap().epsilon
    };
    let mut world = World::new(Small { noise: Some((2.0, 1.01 * one.get())), ..two_blocks() }, 1);
    assert_eq!(world.account().reservation().affordable, BLOCK);
    assert_eq!(world.finish(), Outcome::BudgetExhausted);
    assert_eq!(world.account().rounds_spent(), BLOCK);
}

#[test]
fn a_restart_within_a_block_goes_on_with_the_same_allocation() {
    for crashed in 0..BLOCK {
        let mut world = World::new(two_blocks(), 5);
        let mut cohorts = Vec::new();
        for place in 0..BLOCK {
            let mut cohort = open_and_ask(&mut world);
            if place == crashed {
                // The open round is abandoned; under its next number it asks the same devices.
                world.crash(0);
                world.persist();
                let again = open_and_ask(&mut world);
                assert_eq!(again, cohort, "place {place}");
                cohort = again;
            }
            close(&mut world);
            cohorts.push(cohort);
        }
        for index in 0..DEVICES {
            assert_eq!(appearances(&cohorts, index), EACH, "device {index}: {cohorts:?}");
        }
        assert_eq!(fates(&world.entries)[&crashed], Fate::Abandoned);
        assert_eq!(world.finish(), Outcome::Completed);
        assert_eq!(forfeited(&world.entries), 0);
        assert_eq!(world.account().rounds_spent(), 2 * BLOCK, "the task got all its rounds");
    }
}

#[test]
fn without_its_secret_the_rest_of_a_block_is_given_up_and_never_drawn_again() {
    for behind in 1..BLOCK {
        let mut world = World::new(two_blocks(), 5);
        for _ in 0..behind {
            open_and_ask(&mut world);
            close(&mut world);
        }
        open_and_ask(&mut world);
        let spent = world.account().epsilon_spent();
        world.crash_without_secret(0);
        // First the open round, then the block; nobody is assigned before both are durable.
        for _ in 0..2 {
            assert!(
                (0..DEVICES)
                    .all(|index| matches!(world.check_in(index), Heard::TurnedAway(TurnedAway::ComeBack { .. })))
            );
            world.persist_one();
        }
        assert_eq!(forfeited(&world.entries), BLOCK - behind);
        assert_eq!(world.account().epsilon_spent(), spent, "the block was charged, and stays so");
        assert_eq!((world.account().block(), world.account().place()), (1, 0));
        assert_eq!(world.finish(), Outcome::Completed);
        let released = fates(&world.entries).values().filter(|fate| **fate == Fate::Released).count();
        assert_eq!(released, (behind + BLOCK) as usize);
    }
}

#[test]
fn a_block_of_which_nothing_was_paid_for_may_be_drawn_again() {
    let mut world = World::new(two_blocks(), 5);
    let before = open_and_ask(&mut world);
    world.crash_without_secret(0);
    world.persist();
    let after = open_and_ask(&mut world);
    assert_ne!(before, after, "seeds 5 and 6");
    assert_eq!(forfeited(&world.entries), 0);
    assert_eq!(world.finish(), Outcome::Completed);
}

#[test]
fn a_round_lost_after_its_spend_is_behind_in_its_block() {
    let mut world = World::new(two_blocks(), 5);
    open_and_ask(&mut world);
    world.wait(Millis(WINDOW), true);
    world.crash(1);
    assert_eq!(fates(&world.entries)[&0], Fate::Spent);
    assert_eq!(world.account().place(), 1, "its devices are not asked again");
    assert_eq!(world.finish(), Outcome::Completed);
    let released = fates(&world.entries).values().filter(|fate| **fate == Fate::Released).count();
    assert_eq!(released, 2 * BLOCK as usize - 1);
}

#[test]
fn a_secret_that_was_damaged_is_refused_and_one_that_is_out_of_date_is_not_used() {
    let mut world = World::new(two_blocks(), 5);
    open_and_ask(&mut world);
    let (_, first) = world.kept.clone().unwrap();
    for _ in 0..BLOCK {
        close(&mut world);
        open_and_ask(&mut world);
    }
    // The second block is under way.
    let start = |kept: Option<KeptSecret>| {
        let ledger = Ledger::replay(world.entries.clone()).unwrap();
        let (_, model) = ledger.account(&two_blocks().schedule().hash()).unwrap().model().unwrap();
        let checkpoint = Some(world.checkpoints[&model].clone());
        let stored = Stored { checkpoint, secret: kept, ..Stored::default() };
        Coordinator::start(two_blocks().schedule(), enrolled(), ledger, NoiseRng::seeded(9), stored)
    };
    let (_, current) = world.kept.clone().unwrap();
    assert_ne!(current, first);
    let mut damaged = current.expose().to_vec();
    damaged[50] ^= 4;
    let refused = start(Some(KeptSecret::new(damaged))).err().unwrap();
    assert!(matches!(refused, StartError::Secret(_)), "{refused}");
    assert!(refused.to_string().contains("given up"), "{refused}");
    assert!(start(Some(current)).is_ok() && start(None).is_ok());
    close(&mut world);
    world.kept = Some((0, first));
    world.crash(0);
    assert_eq!(world.finish(), Outcome::Completed);
    assert_eq!(forfeited(&world.entries), BLOCK - 1, "the second block's own secret is gone");
    assert_eq!(world.kept, None, "what is out of date is destroyed");
    let opened = world.entries.iter().filter(|entry| matches!(entry.record, Record::RoundOpened { .. }));
    assert_eq!(opened.count() as u32, BLOCK + 1);
}

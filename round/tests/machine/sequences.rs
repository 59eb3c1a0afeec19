//! Any sequence of what devices, clocks and media can do keeps the protocol's promises. Operations are data, so that
//! failures shrink; each device contributes its own unit, so that a double count shows in the released model.

use murmur_round::{coordinator::Outcome, time::Millis};
use proptest::prelude::*;

use crate::{
    reference::{Fate, fates, forfeited, paid},
    tasks::{BLOCK, BUDGET_FOR_TWO, Cohort, DEVICES, Small, WINDOW},
    world::World,
};

#[derive(Clone, Debug)]
enum Op {
    /// Devices from [`DEVICES`] on are strangers.
    CheckIn {
        device: usize,
    },
    /// Rounds are named relative to the last one opened, so that most are right and some are not.
    Upload {
        device: usize,
        ahead: i32,
    },
    /// An update on another grid.
    Foreign {
        device: usize,
    },
    Withdraw {
        device: usize,
        ahead: i32,
    },
    /// Everybody with work answers, and everybody else asks: what mostly happens.
    Turn {
        first: usize,
    },
    Wait {
        time: u64,
        punctual: bool,
    },
    Tick,
    /// The medium has caught up.
    Persist,
    /// A confirmation of something that is not in flight.
    Confused {
        entry: u64,
    },
    /// Power fails after so many more durable steps.
    Crash {
        reached: usize,
    },
    /// The same, and the secret of the block is lost.
    Disaster {
        reached: usize,
    },
    /// The same, and of the record of who took part one line is lost, counted from the last, or all.
    Amnesia {
        reached: usize,
        line: Option<usize>,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let device = 0..DEVICES + 2;
    let ahead = prop_oneof![8 => Just(0), 1 => -2..3_i32];
    prop_oneof![
        10 => device.clone().prop_map(|device| Op::CheckIn { device }),
        10 => (device.clone(), ahead.clone()).prop_map(|(device, ahead)| Op::Upload { device, ahead }),
        1 => device.clone().prop_map(|device| Op::Foreign { device }),
        5 => (device, ahead).prop_map(|(device, ahead)| Op::Withdraw { device, ahead }),
        3 => (0..DEVICES).prop_map(|first| Op::Turn { first }),
        3 => (0..WINDOW, any::<bool>()).prop_map(|(time, punctual)| Op::Wait { time, punctual }),
        1 => Just(Op::Tick),
        8 => Just(Op::Persist),
        1 => (0..30_u64).prop_map(|entry| Op::Confused { entry }),
        2 => (0..3_usize).prop_map(|reached| Op::Crash { reached }),
        1 => (0..3_usize).prop_map(|reached| Op::Disaster { reached }),
        1 => (0..3_usize, prop::option::of(0..4_usize)).prop_map(|(reached, line)| Op::Amnesia { reached, line }),
    ]
}

fn small() -> impl Strategy<Value = Small> {
    let cohort = prop::sample::select(vec![
        Cohort::Half,
        Cohort::All,
        Cohort::Fixed,
        Cohort::FirstComers,
        Cohort::Allocated,
        Cohort::Allocated,
        Cohort::Turns,
        Cohort::Turns,
        Cohort::Buffers,
        Cohort::Trees,
    ]);
    // The budget for two rounds that are not amplified; with coins of one half it pays for more.
    let noise = prop_oneof![3 => Just(None), 1 => Just(Some(BUDGET_FOR_TWO))];
    (cohort, 1..5_u32, noise, 0..3_u32).prop_map(|(cohort, rounds, noise, minimum_reports)| Small {
        cohort,
        // Blocks are whole, and bands fit.
        rounds: match cohort {
            Cohort::Allocated | Cohort::Trees => rounds.div_ceil(2) * BLOCK,
            Cohort::Turns | Cohort::Buffers => rounds + 2,
            _ => rounds,
        },
        // Turns are limited for correlated noise only.
        noise: match cohort {
            Cohort::Turns | Cohort::Buffers | Cohort::Trees => Some((2.0, 100.0)),
            _ => noise,
        },
        minimum_reports,
    })
}

fn apply(world: &mut World, op: &Op) {
    let round = |world: &World, ahead: i32| world.last_opened().saturating_add_signed(ahead);
    match *op {
        Op::CheckIn { device } => {
            world.check_in(device);
        }
        Op::Upload { device, ahead } => {
            world.upload(device, round(world, ahead));
        }
        Op::Foreign { device } => {
            world.upload_foreign(device, round(world, 0));
        }
        Op::Withdraw { device, ahead } => {
            world.withdraw(device, round(world, ahead));
        }
        Op::Turn { first } => {
            let order: Vec<usize> = (0..DEVICES).map(|index| (first + index) % DEVICES).collect();
            world.turn(&order);
        }
        Op::Wait { time, punctual } => world.wait(Millis(time), punctual),
        Op::Tick => world.tick(),
        Op::Persist => world.persist(),
        Op::Confused { entry } => world.confuse(entry),
        Op::Crash { reached } => world.crash(reached),
        Op::Disaster { reached } => world.crash_without_secret(reached),
        Op::Amnesia { reached, line } => world.crash_without_record(reached, line),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_with_crashes_keeps_the_promises(
        small in small(),
        seed in any::<u64>(),
        stop_after in prop::option::weighted(0.2, 0..4_u32),
        ops in prop::collection::vec(op(), 1..80),
    ) {
        let mut world = World::stopping(small, seed, stop_after);
        for op in &ops {
            apply(&mut world, op);
            fates(&world.entries);
        }
        let outcome = world.finish();
        // Rounds that were paid for, released or lost, decide how it ends; abandoned ones do not.
        let paid = paid(&world.entries);
        let affordable = world.account().reservation().affordable;
        let due = small.rounds.min(affordable).min(stop_after.unwrap_or(u32::MAX));
        // The rest of a block may be given up past the round after which the driver wanted to stop.
        let past = if forfeited(&world.entries) > 0 { due.next_multiple_of(small.block()) } else { due };
        prop_assert!((due..=past).contains(&paid), "{} rounds were paid for, {} are due", paid, due);
        let expected = if paid == small.rounds {
            Outcome::Completed
        } else if paid == affordable {
            Outcome::BudgetExhausted
        } else {
            Outcome::StoppedEarly
        };
        prop_assert_eq!(outcome, expected);
        prop_assert!(!fates(&world.entries).values().any(|fate| *fate == Fate::Open));
    }

    #[test]
    fn the_order_of_arrival_changes_no_byte(
        cohort in prop::sample::select(vec![Cohort::Half, Cohort::All, Cohort::Fixed, Cohort::Allocated]),
        noise in prop::option::of(Just((2.0, 100.0))),
        seed in any::<u64>(),
        order in Just((0..DEVICES).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        // A round opens when everybody is about, whoever came last.
        let minimum_reports = if cohort == Cohort::All { 8 } else { 4 };
        let rounds = if cohort == Cohort::Allocated { 2 * BLOCK } else { 3 };
        let small = Small { cohort, rounds, noise, minimum_reports };
        let run = |order: &[usize]| {
            let mut world = World::new(small, seed);
            while world.turn(order) {}
            let lines: Vec<String> = world.entries.iter().map(|entry| entry.to_line().unwrap()).collect();
            (lines, world.checkpoints)
        };
        prop_assert_eq!(run(&order), run(&(0..DEVICES).collect::<Vec<_>>()));
    }
}

/// Found by [`any_sequence_with_crashes_keeps_the_promises`]: the record of a block's last round is lost, and a device of that round is in the
/// first one of the next block. The distance between blocks is a courtesy to devices, which keep it themselves; each block has noise of its own
/// and is charged by itself.
#[test]
fn a_record_that_is_lost_between_two_blocks_changes_no_price() {
    let small = Small { cohort: Cohort::Trees, rounds: 8, noise: Some((2.0, 100.0)), minimum_reports: 0 };
    let mut world = World::stopping(small, 14_275_152_737_276_805_964, None);
    for op in [
        Op::Turn { first: 1 },
        Op::Turn { first: 0 },
        Op::CheckIn { device: 0 },
        Op::Turn { first: 2 },
        Op::CheckIn { device: 2 },
        Op::Turn { first: 0 },
        Op::Amnesia { reached: 0, line: Some(0) },
    ] {
        apply(&mut world, &op);
        fates(&world.entries);
    }
    assert_eq!(world.finish(), Outcome::Completed);
    assert_eq!((paid(&world.entries), forfeited(&world.entries)), (small.rounds, 0));
}

/// Found by [`any_sequence_with_crashes_keeps_the_promises`]: one round closed and was recorded but not paid for, another was paid for at the
/// same position, and only the line of that one is lost. The block is given up: who took part in it is not known.
#[test]
fn a_line_of_another_round_at_the_same_position_does_not_stand_for_the_one_that_is_lost() {
    let small = Small { cohort: Cohort::Turns, rounds: 3, noise: Some((2.0, 100.0)), minimum_reports: 0 };
    let mut world = World::stopping(small, 0, None);
    for op in [
        Op::CheckIn { device: 0 },
        Op::Persist,
        Op::Wait { time: 130, punctual: false },
        Op::Wait { time: 870, punctual: false },
        Op::CheckIn { device: 0 },
        Op::Crash { reached: 1 },
        Op::Turn { first: 0 },
        Op::Amnesia { reached: 0, line: Some(0) },
        Op::CheckIn { device: 0 },
    ] {
        apply(&mut world, &op);
        fates(&world.entries);
    }
    world.finish();
    assert!(forfeited(&world.entries) > 0);
}

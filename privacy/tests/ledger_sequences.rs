//! Any sequence of operations with crashes keeps the ledger's promises. Operations are data, so failures shrink.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "all of this is tests")]

use std::collections::{BTreeMap, BTreeSet};

use murmur_privacy::{
    Digest, DpEvent, Ledger, Provenance, Relation,
    accountant::tightest,
    ledger::{Entry, LedgerError, Opening, Record},
    units::{DeltaProbability, Epsilon, Scale},
};
use proptest::prelude::*;

const BUDGET: f64 = 8.0;
const DELTA: f64 = 1e-5;

#[derive(Clone, Debug)]
enum Op {
    Reserve {
        task: u8,
        multiplier: f64,
        rounds: u32,
        limit: f64,
        deltas: u8,
    },
    /// Rounds are named relative to the task's next one, so that most are right and some are not.
    Open {
        task: u8,
        ahead: i8,
    },
    Spend {
        task: u8,
        ahead: i8,
    },
    Release {
        task: u8,
        ahead: i8,
    },
    Abandon {
        task: u8,
        ahead: i8,
    },
    /// The driver made the entry in flight durable and says so.
    Persisted,
    /// A confirmation for an entry that is not in flight.
    Confused {
        index: u64,
    },
    /// Power fails; the entry in flight reached the disk or did not.
    Crash {
        reached: bool,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let task = 0_u8..3;
    let ahead = prop_oneof![6 => Just(0_i8), 1 => -2_i8..3];
    let last = prop_oneof![6 => Just(-1_i8), 1 => -3_i8..2];
    prop_oneof![
        2 => (task.clone(), 1.0..20.0_f64, 0_u32..8, 0.1..6.0_f64, 1_u8..5).prop_map(
            |(task, multiplier, rounds, limit, deltas)| Op::Reserve { task, multiplier, rounds, limit, deltas }
        ),
        8 => (task.clone(), ahead).prop_map(|(task, ahead)| Op::Open { task, ahead }),
        6 => (task.clone(), last.clone()).prop_map(|(task, ahead)| Op::Spend { task, ahead }),
        6 => (task.clone(), last.clone()).prop_map(|(task, ahead)| Op::Release { task, ahead }),
        1 => (task, last).prop_map(|(task, ahead)| Op::Abandon { task, ahead }),
        12 => Just(Op::Persisted),
        1 => (0_u64..20).prop_map(|index| Op::Confused { index }),
        2 => any::<bool>().prop_map(|reached| Op::Crash { reached }),
    ]
}

/// The driver: what is on disk, what is in flight, and every receipt that was ever handed out.
struct World {
    ledger: Ledger,
    disk: Vec<Entry>,
    flight: Option<Entry>,
    receipts: BTreeSet<(Digest, u32)>,
}

impl World {
    fn new() -> Self {
        let opening = Opening::new("phones".into(), epsilon(BUDGET), delta(DELTA), Provenance::Simulated);
        let (ledger, entry) = Ledger::open(opening).unwrap();
        let mut world = Self { ledger, disk: Vec::new(), flight: Some(entry), receipts: BTreeSet::new() };
        world.persist();
        world
    }

    fn persist(&mut self) {
        let Some(entry) = self.flight.take() else { return };
        self.disk.push(entry.clone());
        let receipt = self.ledger.persisted(entry.index).unwrap();
        match (&entry.record, receipt) {
            (Record::Spent { task, round, event }, Some(receipt)) => {
                assert_eq!((receipt.task(), receipt.round(), receipt.event()), (*task, *round, event));
                assert!(self.receipts.insert((*task, *round)), "two receipts for one round");
            }
            (Record::Spent { .. }, None) => panic!("a durable spend has its receipt"),
            (_, receipt) => assert!(receipt.is_none(), "a receipt without a spend"),
        }
    }

    fn apply(&mut self, op: &Op) {
        let name = |task: u8| Digest::of(&[task]);
        let number = |ledger: &Ledger, task: u8, ahead: i8| {
            let next = ledger.account(&name(task)).map_or(0, murmur_privacy::ledger::TaskAccount::next_round);
            next.saturating_add_signed(i32::from(ahead))
        };
        let (head, length) = (self.ledger.head(), self.ledger.length());
        let proposed = match *op {
            Op::Reserve { task, multiplier, rounds, limit, deltas } => {
                let (limit, at) = (epsilon(limit), delta(f64::from(deltas) * DELTA / 8.0));
                self.ledger.reserve(name(task), gaussian(multiplier), rounds, 100, limit, at)
            }
            Op::Open { task, ahead } => self.ledger.open_round(name(task), number(&self.ledger, task, ahead)),
            Op::Spend { task, ahead } => self.ledger.spend(name(task), number(&self.ledger, task, ahead)),
            Op::Release { task, ahead } => {
                self.ledger.release(name(task), number(&self.ledger, task, ahead), Digest::of(b"model"))
            }
            Op::Abandon { task, ahead } => self.ledger.abandon(name(task), number(&self.ledger, task, ahead)),
            Op::Persisted => return self.persist(),
            Op::Confused { index } => {
                if self.flight.as_ref().is_none_or(|entry| entry.index != index) {
                    let refused = self.ledger.persisted(index).unwrap_err();
                    assert_eq!(refused, LedgerError::NotPending { index });
                }
                return;
            }
            Op::Crash { reached } => {
                self.disk.extend(self.flight.take().filter(|_| reached));
                self.ledger = Ledger::replay(self.disk.clone()).unwrap();
                return;
            }
        };
        match proposed {
            Ok(entry) => {
                assert!(self.flight.is_none(), "two entries in flight");
                assert_eq!((entry.previous, entry.index), (head, length));
                self.flight = Some(entry);
            }
            Err(_) => {
                assert_eq!((self.ledger.head(), self.ledger.length()), (head, length), "a refusal changes nothing")
            }
        }
    }

    fn check(&self) {
        let (reserved, reserved_delta) = self.ledger.reserved();
        assert!(reserved <= epsilon(BUDGET) && reserved_delta <= DELTA, "{reserved} {reserved_delta}");
        let last = self.flight.as_ref().or(self.disk.last()).unwrap();
        assert_eq!((self.ledger.head(), self.ledger.length()), (last.digest, last.index + 1));

        // What became of every round of every task, in order of opening.
        #[derive(Clone, Copy, PartialEq, Debug)]
        enum State {
            Open,
            Spent,
            Released,
            Abandoned,
        }
        let mut tasks = BTreeMap::<Digest, Vec<State>>::new();
        for entry in &self.disk {
            let (task, round, before, after) = match &entry.record {
                Record::RoundOpened { task, round } => {
                    let rounds = tasks.entry(*task).or_default();
                    assert_eq!(rounds.len(), *round as usize, "numbers go up by one, and never come back");
                    assert_ne!(rounds.last(), Some(&State::Open), "one round at a time");
                    rounds.push(State::Open);
                    continue;
                }
                Record::Spent { task, round, .. } => (task, round, State::Open, State::Spent),
                Record::Released { task, round, .. } => (task, round, State::Spent, State::Released),
                Record::Abandoned { task, round } => (task, round, State::Open, State::Abandoned),
                _ => continue,
            };
            let rounds = tasks.get_mut(task).unwrap();
            assert_eq!(rounds.len() - 1, *round as usize, "only the last round changes");
            assert_eq!(rounds[*round as usize], before, "round {round} became {after:?}");
            rounds[*round as usize] = after;
        }
        let spent: BTreeMap<Digest, Vec<u32>> = tasks
            .iter()
            .map(|(task, states)| {
                let paid = |(_, state): &(u32, &State)| matches!(state, State::Spent | State::Released);
                (*task, (0..).zip(states).filter(paid).map(|(round, _)| round).collect())
            })
            .filter(|(_, rounds): &(Digest, Vec<u32>)| !rounds.is_empty())
            .collect();
        for (task, rounds) in &spent {
            let reservation = self.ledger.account(task).unwrap().reservation();
            let whole = reservation.round_event.clone().repeated(rounds.len() as u32);
            let price = tightest(&whole, reservation.delta).unwrap().epsilon;
            assert!(
                price <= reservation.epsilon && reservation.epsilon <= reservation.limit,
                "spent past the reservation"
            );
        }
        assert!(
            self.receipts.iter().all(|(task, round)| spent[task].contains(round)),
            "a receipt before its spend is durable"
        );
    }
}

fn epsilon(value: f64) -> Epsilon {
    Epsilon::new(value).unwrap()
}

fn delta(value: f64) -> DeltaProbability {
    DeltaProbability::new(value).unwrap()
}

fn gaussian(multiplier: f64) -> DpEvent {
    DpEvent::gaussian(Scale::new(multiplier).unwrap(), Scale::new(1.0).unwrap(), Relation::ZeroOut)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_with_crashes_keeps_the_promises(ops in prop::collection::vec(op(), 1..60)) {
        let mut world = World::new();
        for op in &ops {
            world.apply(op);
            world.check();
        }
        world.persist();
        let replayed = Ledger::replay(world.disk.clone()).unwrap();
        prop_assert_eq!(replayed.head(), world.ledger.head());
        prop_assert_eq!(replayed.reserved(), world.ledger.reserved());
        let lines: Vec<String> = world.disk.iter().map(|entry| entry.to_line().unwrap()).collect();
        for (entry, (index, line)) in world.disk.iter().zip((0..).zip(&lines)) {
            prop_assert_eq!(&Entry::from_line(index, line).unwrap(), entry);
        }
        // Without one of its middle entries the chain is refused.
        for at in 0..world.disk.len() - 1 {
            let mut dropped = world.disk.clone();
            dropped.remove(at);
            prop_assert!(Ledger::replay(dropped).is_err());
        }
    }
}

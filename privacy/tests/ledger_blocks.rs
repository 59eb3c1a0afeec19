//! Rounds that are charged as one block.
#![allow(clippy::unwrap_used, reason = "all of this is tests")]

use std::num::NonZeroU32;

use murmur_privacy::{
    Digest, DpEvent, Ledger, Provenance, Relation,
    ledger::{Entry, LedgerError, Opening},
    units::{DeltaProbability, Epsilon, Scale},
};

/// Two trees of two leaves: a block of four rounds.
fn block() -> DpEvent {
    let (scale, two) = (|value| Scale::new(value).unwrap(), NonZeroU32::new(2).unwrap());
    let (sigma, bound) = (scale(10.0), scale(1.0));
    DpEvent::TreeAggregation { sigma, bound, leaves: two, trees: two, relation: Relation::ZeroOut }
}

struct Book {
    ledger: Ledger,
    entries: Vec<Entry>,
    task: Digest,
}

impl Book {
    fn of_rounds(rounds: u32) -> Self {
        let (epsilon, delta) = (Epsilon::new(8.0).unwrap(), DeltaProbability::new(1e-6).unwrap());
        let (ledger, entry) =
            Ledger::open(Opening::new("phones".into(), epsilon, delta, Provenance::Simulated)).unwrap();
        let mut book = Self { ledger, entries: Vec::new(), task: Digest::of(b"task") };
        book.keep(Ok(entry));
        let entry = book.ledger.reserve(book.task, block(), rounds, 100, epsilon, delta);
        book.keep(entry);
        book
    }

    fn keep(&mut self, entry: Result<Entry, LedgerError>) {
        let entry = entry.unwrap();
        self.ledger.persisted(entry.index).unwrap();
        self.entries.push(entry);
    }

    fn open(&mut self, round: u32) {
        let entry = self.ledger.open_round(self.task, round);
        self.keep(entry);
    }

    fn pay(&mut self, round: u32) {
        self.open(round);
        let entry = self.ledger.spend(self.task, round);
        self.keep(entry);
    }

    /// Rounds behind in all, block, place and the rounds paid for in the block, by this ledger and by what is durable of it.
    fn stands(&self) -> (u32, u32, u32, Vec<u32>) {
        let of = |ledger: &Ledger| {
            let account = ledger.account(&self.task).unwrap();
            (account.rounds_spent(), account.block(), account.place(), account.paid_in_block().to_vec())
        };
        assert_eq!(of(&self.ledger), of(&Ledger::replay(self.entries.clone()).unwrap()));
        of(&self.ledger)
    }
}

#[test]
fn the_ledger_says_which_round_was_paid_for_at_each_place_of_the_block_under_way() {
    let mut book = Book::of_rounds(8);
    assert_eq!(book.stands(), (0, 0, 0, vec![]));
    book.pay(0);
    assert_eq!(book.stands(), (1, 0, 1, vec![0]));
    // A round that is given up uses its number and no place.
    book.open(1);
    let abandoned = book.ledger.abandon(book.task, 1);
    book.keep(abandoned);
    book.pay(2);
    assert_eq!(book.stands(), (2, 0, 2, vec![0, 2]));
    book.pay(3);
    book.pay(4);
    assert_eq!(book.stands(), (4, 1, 0, vec![]), "the next block is not under way yet");
    book.pay(5);
    assert_eq!(book.stands(), (5, 1, 1, vec![5]));
}

#[test]
fn what_is_left_of_a_block_is_given_up_once_and_never_opened() {
    let mut book = Book::of_rounds(8);
    let refused = book.ledger.forfeit(book.task);
    assert_eq!(refused, Err(LedgerError::NoBlock));
    book.pay(0);
    let charged = book.ledger.spent();
    book.open(1);
    assert_eq!(book.ledger.forfeit(book.task), Err(LedgerError::StillOpen { round: 1 }));
    let abandoned = book.ledger.abandon(book.task, 1);
    book.keep(abandoned);
    let forfeited = book.ledger.forfeit(book.task);
    book.keep(forfeited);
    assert_eq!(book.stands(), (4, 1, 0, vec![]));
    assert_eq!(book.ledger.spent(), charged, "the block was charged with its first round, and stays so");
    assert_eq!(book.ledger.forfeit(book.task), Err(LedgerError::NoBlock));
    book.pay(2);
    assert!(book.ledger.spent() > charged, "another block, another charge");
    assert_eq!(book.stands(), (5, 1, 1, vec![2]));
}

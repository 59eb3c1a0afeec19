//! The ledger's rules, one by one, through the public interface.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "all of this is tests")]

use murmur_privacy::{
    Delta, Digest, DpEvent, Grid, Ledger, Mechanism, NoiseRng, Plain, Provenance, Receipt, Relation, Seal, Sum,
    accountant::{Prices, tightest},
    ledger::{Entry, LedgerError, Opening, Record},
    units::{Clip, DeltaProbability, Epsilon, NoiseMultiplier, SamplingRate, Scale},
    update::ReleaseError,
};

fn epsilon(value: f64) -> Epsilon {
    Epsilon::new(value).unwrap()
}

fn delta(value: f64) -> DeltaProbability {
    DeltaProbability::new(value).unwrap()
}

fn gaussian(multiplier: f64) -> DpEvent {
    DpEvent::gaussian(Scale::new(multiplier).unwrap(), Scale::new(1.0).unwrap(), Relation::ZeroOut)
}

fn task(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

/// A ledger and its durable lines.
struct Book {
    ledger: Ledger,
    lines: Vec<String>,
}

impl Book {
    fn open(budget: Epsilon, at: f64) -> Self {
        let opening = Opening::new("phones".into(), budget, delta(at), Provenance::Simulated);
        let (ledger, entry) = Ledger::open(opening).unwrap();
        let mut book = Self { ledger, lines: Vec::new() };
        book.keep(&entry);
        book
    }

    fn keep(&mut self, entry: &Entry) -> Option<Receipt> {
        self.lines.push(entry.to_line().unwrap());
        self.ledger.persisted(entry.index).unwrap()
    }

    fn reserve(&mut self, name: &str, event: DpEvent, rounds: u32, limit: f64, at: f64) -> Result<u32, LedgerError> {
        let entry = self.ledger.reserve(task(name), event, rounds, 1_000, epsilon(limit), delta(at))?;
        assert!(self.keep(&entry).is_none(), "a reservation pays for nothing");
        let Record::Reserved(reservation) = entry.record else { unreachable!() };
        Ok(reservation.affordable)
    }

    fn open_round(&mut self, name: &str, round: u32) -> Result<(), LedgerError> {
        let entry = self.ledger.open_round(task(name), round)?;
        assert!(self.keep(&entry).is_none(), "opening pays for nothing");
        Ok(())
    }

    /// Opens the round and spends it.
    fn pay(&mut self, name: &str, round: u32) -> Result<Receipt, LedgerError> {
        self.open_round(name, round)?;
        self.spend(name, round)
    }

    fn spend(&mut self, name: &str, round: u32) -> Result<Receipt, LedgerError> {
        let entry = self.ledger.spend(task(name), round)?;
        Ok(self.keep(&entry).unwrap())
    }

    fn release(&mut self, name: &str, round: u32) -> Result<(), LedgerError> {
        let entry = self.ledger.release(task(name), round, task("model"))?;
        assert!(self.keep(&entry).is_none());
        Ok(())
    }

    fn abandon(&mut self, name: &str, round: u32) -> Result<(), LedgerError> {
        let entry = self.ledger.abandon(task(name), round)?;
        assert!(self.keep(&entry).is_none());
        Ok(())
    }
}

fn replay(lines: &[String]) -> Result<Ledger, LedgerError> {
    let entries: Result<Vec<Entry>, LedgerError> =
        (0..).zip(lines).map(|(index, line)| Entry::from_line(index, line)).collect();
    Ledger::replay(entries?)
}

fn price(event: &DpEvent, rounds: u32, at: f64) -> f64 {
    Prices::of(event, rounds, delta(at)).unwrap().after(rounds).get()
}

#[test]
fn a_task_whose_price_equals_the_population_s_budget_fits_and_leaves_nothing() {
    let cost = price(&gaussian(5.0), 10, 1e-6);
    let mut book = Book::open(epsilon(cost), 1e-6);
    assert_eq!(book.reserve("a", gaussian(5.0), 10, cost, 1e-6), Ok(10));
    assert_eq!(book.ledger.reserved(), (epsilon(cost), 1e-6));
    assert_eq!(book.ledger.remaining(), (Epsilon::ZERO, 0.0));
    let mut book = Book::open(epsilon(cost.next_down()), 1e-6);
    assert!(matches!(book.reserve("a", gaussian(5.0), 10, cost, 1e-6), Err(LedgerError::OverBudget { .. })));
    assert_eq!(book.ledger.length(), 1, "nothing was changed");
}

#[test]
fn deltas_add_up_to_the_budget_and_no_further() {
    let mut book = Book::open(epsilon(100.0), 1e-5);
    for name in ["a", "b", "c", "d"] {
        assert_eq!(book.reserve(name, gaussian(50.0), 1, 1.0, 2.5e-6), Ok(1));
    }
    assert_eq!(book.ledger.remaining().1, 0.0, "four quarters are a whole, exactly");
    let refused = book.reserve("e", gaussian(50.0), 1, 1.0, 5e-324);
    assert!(matches!(refused, Err(LedgerError::OverBudget { .. })), "not even the smallest delta: {refused:?}");
    // The floats nearest to 0.1 and 0.2 are together more than the one nearest to 0.3.
    let mut book = Book::open(epsilon(100.0), 0.3);
    book.reserve("a", gaussian(50.0), 1, 1.0, 0.1).unwrap();
    assert!(matches!(book.reserve("b", gaussian(50.0), 1, 1.0, 0.2), Err(LedgerError::OverBudget { .. })));
}

#[test]
fn epsilons_of_several_tasks_add_up_and_are_refused_past_the_budget() {
    let cost = price(&gaussian(5.0), 10, 1e-6);
    let mut book = Book::open(epsilon(2.5 * cost), 1e-5);
    book.reserve("a", gaussian(5.0), 10, cost, 1e-6).unwrap();
    book.reserve("b", gaussian(5.0), 10, cost, 1e-6).unwrap();
    let Err(LedgerError::OverBudget { asked, remaining, .. }) = book.reserve("c", gaussian(5.0), 10, cost, 1e-6) else {
        panic!("the third does not fit");
    };
    assert_eq!(asked.get(), cost);
    assert!(remaining.get() <= 0.5 * cost && remaining.get() > 0.499 * cost);
    assert_eq!(book.reserve("a", gaussian(5.0), 1, cost, 1e-6), Err(LedgerError::TaskKnown { task: task("a") }));
    assert_eq!(replay(&book.lines).unwrap().reserved(), book.ledger.reserved());
}

#[test]
fn a_schedule_is_reserved_as_far_as_its_own_epsilon_reaches_and_stops_there() {
    let limit = price(&gaussian(5.0), 7, 1e-6);
    let mut book = Book::open(epsilon(100.0), 1e-5);
    assert_eq!(book.reserve("a", gaussian(5.0), 10, limit, 1e-6), Ok(7));
    for round in 0..7 {
        book.pay("a", round).unwrap();
        book.release("a", round).unwrap();
    }
    assert!(matches!(book.pay("a", 7), Err(LedgerError::Exhausted { round: 7, .. })));
    assert!(!book.ledger.account(&task("a")).unwrap().affords_another());
    assert_eq!(book.ledger.account(&task("a")).unwrap().epsilon_spent().get(), limit);
    let refused = book.reserve("b", gaussian(5.0), 10, limit / 100.0, 1e-6);
    assert!(matches!(refused, Err(LedgerError::NothingAffordable { .. })), "{refused:?}");
    assert!(matches!(book.reserve("c", gaussian(5.0), 0, limit, 1e-6), Err(LedgerError::Prices(_))));
    let sampled = gaussian(5.0).poisson_sampled(SamplingRate::new(0.5).unwrap());
    let twice = sampled.poisson_sampled(SamplingRate::new(0.5).unwrap());
    assert!(matches!(book.reserve("d", twice, 1, limit, 1e-6), Err(LedgerError::Prices(_))), "no theorem");
}

#[test]
fn a_task_without_privacy_enters_only_a_population_that_was_promised_nothing() {
    let mut finite = Book::open(epsilon(1e9), 0.9);
    let refused = finite.reserve("a", DpEvent::NonPrivate, 3, 1e9, 0.1);
    assert!(matches!(refused, Err(LedgerError::NothingAffordable { .. })), "{refused:?}");
    let refused = finite.reserve("a", DpEvent::NonPrivate, 3, f64::INFINITY, 0.1);
    assert!(matches!(refused, Err(LedgerError::OverBudget { .. })), "{refused:?}");
    let mut open = Book::open(Epsilon::INFINITE, 0.9);
    assert_eq!(open.reserve("a", DpEvent::NonPrivate, 3, f64::INFINITY, 0.1), Ok(3));
    for round in 0..3 {
        open.pay("a", round).unwrap();
    }
    assert!(matches!(open.pay("a", 3), Err(LedgerError::Exhausted { .. })));
    assert_eq!(open.ledger.account(&task("a")).unwrap().epsilon_spent(), Epsilon::INFINITE);
    assert_eq!(replay(&open.lines).unwrap().head(), open.ledger.head());
}

#[test]
fn what_was_spent_is_the_sum_over_tasks_of_the_rounds_that_were_paid_for() {
    let mut book = Book::open(epsilon(100.0), 1e-5);
    assert_eq!(book.ledger.spent(), Epsilon::ZERO);
    book.reserve("a", gaussian(5.0), 10, 50.0, 1e-6).unwrap();
    book.reserve("b", gaussian(7.0), 10, 50.0, 1e-6).unwrap();
    assert_eq!(book.ledger.spent(), Epsilon::ZERO, "what is set aside is not spent");
    for (name, round) in [("a", 0), ("b", 0), ("a", 1)] {
        book.pay(name, round).unwrap();
    }
    book.open_round("b", 1).unwrap();
    let of = |name: &str| book.ledger.account(&task(name)).unwrap().epsilon_spent().get();
    assert_eq!((of("a"), of("b")), (price(&gaussian(5.0), 2, 1e-6), price(&gaussian(7.0), 1, 1e-6)));
    let sum = book.ledger.spent().get();
    assert!(sum >= of("a") + of("b") && sum <= (of("a") + of("b")).next_up(), "{sum}");
    assert!(book.ledger.spent() < book.ledger.reserved().0);
    assert_eq!(replay(&book.lines).unwrap().spent(), book.ledger.spent());
    let mut open = Book::open(Epsilon::INFINITE, 1e-5);
    open.reserve("a", DpEvent::NonPrivate, 2, f64::INFINITY, 1e-6).unwrap();
    open.pay("a", 0).unwrap();
    assert_eq!(open.ledger.spent(), Epsilon::INFINITE);
}

#[test]
fn a_round_is_opened_once_under_the_next_number_then_spent_or_abandoned_and_released_at_most_once() {
    let mut book = Book::open(epsilon(100.0), 1e-5);
    book.reserve("a", gaussian(5.0), 10, 50.0, 1e-6).unwrap();
    let order = |round, next| Err::<(), _>(LedgerError::RoundOrder { round, next });
    let not_open = |round| Err::<(), _>(LedgerError::NotOpen { round });
    let account = |book: &Book| book.ledger.account(&task("a")).unwrap().clone();
    assert_eq!(book.spend("a", 0).map(|_| ()), not_open(0), "nothing is spent that was not opened");
    assert_eq!(book.abandon("a", 0), not_open(0), "nothing is given up that was not opened");
    assert_eq!(book.open_round("a", 1), order(1, 0));
    book.open_round("a", 0).unwrap();
    assert_eq!((account(&book).open_round(), account(&book).next_round()), (Some(0), 1));
    assert_eq!(account(&book).epsilon_spent(), Epsilon::ZERO, "opening costs nothing");
    assert_eq!(book.open_round("a", 1), Err(LedgerError::StillOpen { round: 0 }), "one round at a time");
    assert_eq!(book.spend("a", 1).map(|_| ()), not_open(1));
    assert_eq!(book.release("a", 0), Err(LedgerError::NotSpent { round: 0 }), "an open round is not released");
    book.spend("a", 0).unwrap();
    assert_eq!(account(&book).open_round(), None);
    assert_eq!(book.spend("a", 0).map(|_| ()), not_open(0), "no second receipt for a round");
    assert_eq!(book.abandon("a", 0), not_open(0), "a spent round is not abandoned");
    book.release("a", 0).unwrap();
    assert_eq!(book.release("a", 0), Err(LedgerError::NotSpent { round: 0 }), "no second release of a round");
    assert_eq!(book.open_round("a", 0), order(0, 1), "a released number is never used again");
    book.open_round("a", 1).unwrap();
    book.abandon("a", 1).unwrap();
    assert_eq!(book.release("a", 1), Err(LedgerError::NotSpent { round: 1 }), "an abandoned round is never released");
    assert_eq!(book.abandon("a", 1), not_open(1), "abandoned once");
    assert_eq!(book.open_round("a", 1), order(1, 2), "an abandoned number is never used again");
    assert_eq!(account(&book).rounds_spent(), 1, "abandoning costs nothing");
    book.pay("a", 2).unwrap();
    book.open_round("a", 3).unwrap();
    assert_eq!(book.release("a", 2), Err(LedgerError::NotSpent { round: 2 }), "too late: the next round is open");
    book.spend("a", 3).unwrap();
    book.open_round("a", 4).unwrap();
    book.abandon("a", 4).unwrap();
    assert_eq!(book.release("a", 3), Err(LedgerError::NotSpent { round: 3 }));
    for refused in [book.open_round("z", 0), book.spend("z", 0).map(|_| ()), book.release("z", 0), book.abandon("z", 0)]
    {
        assert_eq!(refused, Err(LedgerError::UnknownTask { task: task("z") }));
    }
    assert_eq!(replay(&book.lines).unwrap().head(), book.ledger.head());
}

#[test]
fn abandoned_rounds_leave_the_reservation_whole() {
    let limit = price(&gaussian(5.0), 2, 1e-6);
    let mut book = Book::open(epsilon(100.0), 1e-5);
    assert_eq!(book.reserve("a", gaussian(5.0), 10, limit, 1e-6), Ok(2));
    for round in 0..20 {
        book.open_round("a", round).unwrap();
        book.abandon("a", round).unwrap();
    }
    book.pay("a", 20).unwrap();
    book.pay("a", 21).unwrap();
    assert!(matches!(book.open_round("a", 22), Err(LedgerError::Exhausted { round: 22, .. })), "not even opened");
    assert_eq!(book.ledger.account(&task("a")).unwrap().epsilon_spent().get(), limit);
}

#[test]
fn a_reservation_records_its_devices_and_the_entry_that_made_it() {
    let mut book = Book::open(epsilon(100.0), 1e-5);
    book.reserve("a", gaussian(5.0), 10, 50.0, 1e-6).unwrap();
    let entry = Entry::from_line(1, &book.lines[1]).unwrap();
    book.reserve("b", gaussian(5.0), 10, 50.0, 1e-6).unwrap();
    book.pay("a", 0).unwrap();
    for ledger in [&book.ledger, &replay(&book.lines).unwrap()] {
        let account = ledger.account(&task("a")).unwrap();
        assert_eq!(account.reservation().devices, 1_000);
        assert_eq!(account.reserved_by(), entry.digest, "whatever followed");
    }
}

#[test]
fn nothing_follows_an_entry_that_is_not_durable_and_confirmations_come_once() {
    let mut book = Book::open(epsilon(100.0), 1e-5);
    book.reserve("a", gaussian(5.0), 10, 50.0, 1e-6).unwrap();
    book.open_round("a", 0).unwrap();
    let entry = book.ledger.spend(task("a"), 0).unwrap();
    let unconfirmed = LedgerError::Unconfirmed { index: entry.index };
    assert_eq!(book.ledger.open_round(task("a"), 1), Err(unconfirmed.clone()));
    assert_eq!(book.ledger.release(task("a"), 0, task("model")), Err(unconfirmed.clone()));
    assert_eq!(book.ledger.reserve(task("b"), gaussian(9.0), 1, 9, epsilon(1.0), delta(1e-7)), Err(unconfirmed));
    for wrong in [entry.index - 1, entry.index + 1] {
        assert_eq!(book.ledger.persisted(wrong).unwrap_err(), LedgerError::NotPending { index: wrong });
    }
    let receipt = book.ledger.persisted(entry.index).unwrap().unwrap();
    assert_eq!((receipt.round(), receipt.task(), receipt.entry()), (0, task("a"), entry.index));
    assert_eq!((receipt.head(), receipt.event()), (entry.digest, &gaussian(5.0)));
    let again = book.ledger.persisted(entry.index).unwrap_err();
    assert_eq!(again, LedgerError::NotPending { index: entry.index }, "one receipt for one entry");
}

fn small() -> Book {
    let mut book = Book::open(epsilon(100.0), 1e-5);
    book.reserve("a", gaussian(5.0), 10, 50.0, 1e-6).unwrap();
    book.pay("a", 0).unwrap();
    book.release("a", 0).unwrap();
    book.open_round("a", 1).unwrap();
    book.abandon("a", 1).unwrap();
    book.pay("a", 2).unwrap();
    book
}

#[test]
fn every_altered_byte_is_refused() {
    let lines = small().lines;
    assert!(replay(&lines).is_ok());
    for at in 0..lines.len() {
        for position in 0..lines[at].len() {
            for flip in [1, 2, 16, 32] {
                let mut altered = lines.clone();
                let mut bytes = altered[at].clone().into_bytes();
                bytes[position] ^= flip;
                let Ok(line) = String::from_utf8(bytes) else { continue };
                altered[at] = line;
                assert!(replay(&altered).is_err(), "line {at}, byte {position}, flip {flip}: {}", altered[at]);
            }
        }
        for padded in [format!(" {}", lines[at]), format!("{} ", lines[at]), lines[at].replace(',', ", ")] {
            let mut altered = lines.clone();
            altered[at] = padded;
            assert!(replay(&altered).is_err(), "line {at}: {}", altered[at]);
        }
        let mut altered = lines.clone();
        altered[at] = lines[at].replacen('{', "{\"note\":1,", 1);
        assert!(replay(&altered).is_err(), "an unknown field is outside the digest");
    }
}

#[test]
fn dropped_doubled_and_exchanged_entries_are_refused_and_a_prefix_is_not() {
    let lines = small().lines;
    for at in 0..lines.len() {
        let mut dropped = lines.clone();
        dropped.remove(at);
        assert_eq!(replay(&dropped).is_ok(), at + 1 == lines.len(), "without line {at}");
        let mut doubled = lines.clone();
        doubled.insert(at, lines[at].clone());
        assert!(replay(&doubled).is_err(), "line {at} twice");
        for other in at + 1..lines.len() {
            let mut exchanged = lines.clone();
            exchanged.swap(at, other);
            assert!(replay(&exchanged).is_err(), "lines {at} and {other} exchanged");
        }
    }
    assert_eq!(replay(&[]).unwrap_err(), LedgerError::Empty);
}

/// Somebody who rewrites the whole file can recompute its digests; the rules hold for what is written all the same.
#[test]
fn a_forged_reservation_with_a_fresh_digest_is_refused() {
    fn forge(change: impl Fn(&mut murmur_privacy::ledger::Reservation)) -> Result<Ledger, LedgerError> {
        let lines = small().lines;
        let mut entries: Vec<Entry> = (0..).zip(&lines).map(|(i, line)| Entry::from_line(i, line).unwrap()).collect();
        entries.truncate(2);
        let Record::Reserved(reservation) = &mut entries[1].record else { unreachable!() };
        change(reservation);
        let body = serde_json::to_vec(&(1_u64, entries[0].digest, &entries[1].record)).unwrap();
        entries[1].digest = Digest::of(&body);
        Ledger::replay(entries)
    }
    assert!(forge(|_| {}).is_ok());
    assert!(
        forge(|stored| stored.limit = epsilon(60.0)).is_ok(),
        "an honest reservation may have any limit above its price"
    );
    let unsound = |result: Result<Ledger, LedgerError>| matches!(result, Err(LedgerError::Unsound { .. }));
    assert!(unsound(forge(|stored| stored.epsilon = epsilon(stored.epsilon.get() / 2.0))));
    assert!(unsound(forge(|stored| stored.affordable = 11)));
    assert!(unsound(forge(|stored| stored.affordable = 0)));
    assert!(unsound(forge(|stored| stored.epsilon = epsilon(51.0))), "more than its limit");
    assert!(unsound(forge(|stored| stored.round_event = gaussian(1.0))));
    assert!(unsound(forge(|stored| stored.round_event = DpEvent::NonPrivate)));
    assert!(matches!(forge(|stored| stored.delta = delta(2e-5)), Err(LedgerError::OverBudget { .. })));
    assert!(matches!(forge(|stored| stored.epsilon = epsilon(1e3)), Err(LedgerError::Unsound { .. })));
}

#[test]
fn a_ledger_of_an_unknown_version_is_not_read() {
    let mut opening = Opening::new("phones".into(), epsilon(1.0), delta(1e-5), Provenance::Simulated);
    opening.version = 2;
    let (_, entry) = Ledger::open(opening).unwrap();
    assert_eq!(Ledger::replay([entry]).unwrap_err(), LedgerError::Version { found: 2 });
}

#[test]
fn a_release_needs_a_receipt_for_this_mechanism_bound_and_entropy() {
    let grid = Grid::fit(Clip::new(1.0).unwrap(), 100).unwrap();
    let mechanism = Mechanism::gaussian(&grid, NoiseMultiplier::new(5.0).unwrap()).unwrap();
    let rate = SamplingRate::new(0.5).unwrap();
    let paid = |event: DpEvent| {
        let mut book = Book::open(Epsilon::INFINITE, 1e-5);
        book.reserve("a", event, 10, f64::INFINITY, 1e-6).unwrap();
        book.pay("a", 0).unwrap()
    };
    let sum = || {
        let mut sum = Sum::new(grid);
        sum.add(&Plain.seal(grid.encode(&Delta::new(vec![0.01; 100])))).unwrap();
        sum
    };
    let mut seeded = NoiseRng::seeded(1);
    let event = mechanism.event(&grid);
    for right in [event.clone(), event.clone().poisson_sampled(rate)] {
        let release = sum().release(&mechanism, paid(right), &mut seeded).unwrap();
        assert_eq!(release.steps().count(), 100);
    }
    let other_bound = Grid::fit(Clip::new(0.9).unwrap(), 100).unwrap();
    let less = Mechanism::Gaussian { sigma: mechanism.sigma() + 1 };
    for wrong in [
        less.event(&grid),
        mechanism.event(&other_bound),
        event.clone().repeated(1),
        DpEvent::Composed { of: vec![event.clone()] },
        DpEvent::NonPrivate,
    ] {
        let refused = sum().release(&mechanism, paid(wrong.clone()), &mut seeded);
        assert!(matches!(refused, Err(ReleaseError::NotPaidFor { .. })), "{wrong:?}");
    }
    let refused = sum().release(&Mechanism::None, paid(event.clone()), &mut seeded);
    assert!(matches!(refused, Err(ReleaseError::NotPaidFor { .. })), "privacy off is not paid for by a private event");
    let mut system = NoiseRng::from_operating_system().unwrap();
    let refused = sum().release(&mechanism, paid(event), &mut system);
    assert!(matches!(refused, Err(ReleaseError::WrongProvenance { .. })));
}

#[test]
fn a_sigma_that_cannot_be_drawn_promises_nothing() {
    let grid = Grid::fit(Clip::new(1.0).unwrap(), 100).unwrap();
    for sigma in [0, (1 << 44) + 1, u64::MAX] {
        let event = Mechanism::Gaussian { sigma }.event(&grid);
        assert_eq!(event, DpEvent::NonPrivate);
        assert_eq!(tightest(&event, delta(1e-5)).unwrap().epsilon, Epsilon::INFINITE);
        let text = format!(r#"{{"mechanism":"gaussian","sigma":{sigma}}}"#);
        assert!(serde_json::from_str::<Mechanism>(&text).is_err(), "{text}");
        // Written out by hand and paid for as what it is, it does not overflow either.
        let mut book = Book::open(Epsilon::INFINITE, 1e-5);
        book.reserve("a", event, 1, f64::INFINITY, 1e-6).unwrap();
        let receipt = book.pay("a", 0).unwrap();
        let release = Sum::new(grid).release(&Mechanism::Gaussian { sigma }, receipt, &mut NoiseRng::seeded(2));
        assert_eq!(release.unwrap().steps().count(), 100);
    }
    let text = r#"{"mechanism":"gaussian","sigma":17592186044416}"#;
    assert_eq!(serde_json::from_str::<Mechanism>(text).unwrap(), Mechanism::Gaussian { sigma: 1 << 44 });
}

//! The honest-privacy checklist (privacy.md, section G), as far as events, accountants and the ledger can hold it. Each test is
//! named by its item; what the coordinator must do is tested there.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "all of this is tests")]

use std::num::{NonZeroU32, NonZeroU64};

use murmur_privacy::{
    Digest, DpEvent, Ledger, Provenance, Relation,
    accountant::{Accountant, ExactGaussian, Prices, RdpAccountant, Refusal, ZcdpAccountant, tightest},
    event::{InvalidEvent, SampledWithoutReplacement, TruncatedPoisson},
    ledger::{Entry, LedgerError, Opening, Record},
    units::{DeltaProbability, Epsilon, SamplingRate, Scale},
};

fn scale(value: f64) -> Scale {
    Scale::new(value).unwrap()
}

fn delta(value: f64) -> DeltaProbability {
    DeltaProbability::new(value).unwrap()
}

fn rate(value: f64) -> SamplingRate {
    SamplingRate::new(value).unwrap()
}

fn gaussian(sigma: f64, bound: f64, relation: Relation) -> DpEvent {
    DpEvent::gaussian(scale(sigma), scale(bound), relation)
}

fn zero_out(sigma: f64) -> DpEvent {
    gaussian(sigma, 1.0, Relation::ZeroOut)
}

fn price(event: &DpEvent) -> f64 {
    tightest(event, delta(1e-6)).unwrap().epsilon.get()
}

fn ledger(epsilon: f64, relation: Relation) -> Ledger {
    let budget = Epsilon::new(epsilon).unwrap();
    let mut opening = Opening::new("phones".to_owned(), budget, delta(1e-4), Provenance::Simulated);
    opening.relation = relation;
    let (mut ledger, _) = Ledger::open(opening).unwrap();
    ledger.persisted(0).unwrap();
    ledger
}

fn reserve(ledger: &mut Ledger, name: &str, event: DpEvent) -> Result<Entry, LedgerError> {
    let limit = Epsilon::new(50.0).unwrap();
    let entry = ledger.reserve(Digest::of(name.as_bytes()), event, 10, 1000, limit, delta(1e-6))?;
    ledger.persisted(entry.index)?;
    Ok(entry)
}

#[test]
fn g01_amplification_is_claimed_by_a_poisson_event_alone() {
    let full = price(&zero_out(2.0));
    assert!(price(&zero_out(2.0).poisson_sampled(rate(0.01))) < full / 2.0);
    assert_eq!(price(&zero_out(2.0).poisson_sampled(rate(1.0))), full, "everybody is no sample");
    // A fixed cohort has no zero-out claim at all.
    let [population, cohort] = [1000, 10].map(|count| NonZeroU64::new(count).unwrap());
    let refused = SampledWithoutReplacement::new(population, cohort, zero_out(2.0)).unwrap_err();
    assert!(matches!(refused, InvalidEvent::SampleSizeUnder { found: Relation::ZeroOut, .. }));
    // One sample for several releases, a sample of a sample, a sampled run: no theorem, no number.
    let sampled = zero_out(2.0).poisson_sampled(rate(0.1));
    let tree = DpEvent::TreeAggregation {
        sigma: scale(2.0),
        bound: scale(1.0),
        leaves: NonZeroU32::MIN,
        trees: NonZeroU32::MIN,
        relation: Relation::ZeroOut,
    };
    for of in [sampled.clone(), sampled.repeated(1), zero_out(2.0).repeated(2), tree] {
        let refused = tightest(&of.poisson_sampled(rate(0.1)), delta(1e-6)).unwrap_err();
        assert!(refused.to_string().contains("Poisson sampling of anything but one release"), "{refused}");
    }
}

#[test]
fn g03_the_relation_states_fixed_denominators() {
    // What is priced is the noised sum; no event has a field for how many answered.
    assert!(Relation::ZeroOut.to_string().contains("fixed denominators"));
    let averaged = r#"{"event":"gaussian","sigma":2.0,"bound":1.0,"relation":"zero_out","reports":80}"#;
    assert!(serde_json::from_str::<DpEvent>(averaged).is_err());
}

#[test]
fn g05_losses_compose_over_rounds_and_over_tasks() {
    let event = zero_out(20.0).poisson_sampled(rate(0.5));
    let prices = Prices::of(&event, 60, delta(1e-6)).unwrap();
    assert_eq!(prices.after(60).get(), price(&event.clone().repeated(60)));
    assert!(prices.after(60).get() > 5.0 * prices.after(1).get());
    let mut ledger = ledger(100.0, Relation::ZeroOut);
    reserve(&mut ledger, "one", zero_out(20.0)).unwrap();
    reserve(&mut ledger, "other", zero_out(20.0)).unwrap();
    let (spent, at) = ledger.reserved();
    assert!(spent.get() >= 2.0 * price(&zero_out(20.0).repeated(10)) && at >= 2e-6);
}

#[test]
fn g09_gaussian_noise_is_priced_exactly_and_replacing_doubles_the_bound() {
    // The textbook sigma, which is proven for epsilon up to 1 only, does not keep its promise at 10.
    let textbook = |epsilon: f64| (2.0 * (1.25 / 1e-6_f64).ln()).sqrt() / epsilon;
    assert!(price(&zero_out(textbook(1.0))) < 1.0);
    assert!(price(&zero_out(textbook(10.0))) > 10.0);
    let replaced = gaussian(3.0, 1.0, Relation::ReplaceOne);
    assert_eq!(price(&replaced), price(&gaussian(3.0, 2.0, Relation::ZeroOut)));
    assert!(price(&replaced) > 1.9 * price(&zero_out(3.0)));
}

#[test]
fn g11_relations_never_mix_in_an_accountant() {
    let mixed = DpEvent::Composed { of: vec![zero_out(2.0), gaussian(2.0, 1.0, Relation::ReplaceOne).repeated(3)] };
    let rdp = RdpAccountant::default();
    for accountant in [&ExactGaussian as &dyn Accountant, &ZcdpAccountant, &rdp] {
        let refused = accountant.epsilon(&mixed, delta(1e-6)).unwrap_err();
        assert!(matches!(refused, Refusal::MixedRelations(_)), "{}: {refused}", accountant.name());
    }
    assert!(matches!(tightest(&mixed, delta(1e-6)), Err(Refusal::MixedRelations(_))));
    // Poisson sampling is known under zero-out: the same event under replace-one is named and refused.
    let replaced = gaussian(2.0, 1.0, Relation::ReplaceOne).poisson_sampled(rate(0.1));
    let refused = rdp.epsilon(&replaced, delta(1e-6)).unwrap_err().to_string();
    assert!(refused.contains("zero-out") && refused.contains("replace one"), "{refused}");
}

#[test]
fn g11_a_ledger_takes_its_own_relation_only() {
    for (own, other) in [(Relation::ZeroOut, Relation::ReplaceOne), (Relation::ReplaceOne, Relation::ZeroOut)] {
        let mut ledger = ledger(100.0, own);
        let refused = reserve(&mut ledger, "other", gaussian(9.0, 1.0, other)).unwrap_err();
        assert_eq!(refused, LedgerError::OtherRelation { event: other, ledger: own });
        let text = refused.to_string();
        assert!(text.contains(&own.to_string()) && text.contains(&other.to_string()), "{text}");
        let mixed = DpEvent::Composed { of: vec![gaussian(9.0, 1.0, own), gaussian(9.0, 1.0, other)] };
        assert!(matches!(reserve(&mut ledger, "mixed", mixed), Err(LedgerError::MixedRelations(_))));
        assert_eq!(ledger.length(), 1, "nothing was changed");
        assert!(reserve(&mut ledger, "own", gaussian(9.0, 1.0, own)).is_ok());
    }
}

#[test]
fn g11_a_stored_reservation_under_another_relation_is_not_taken_over() {
    // Two honest chains, spliced: the reservation of one after the opening of the other.
    let relations = [Relation::ZeroOut, Relation::ReplaceOne];
    let [zero, replace] = relations.map(|relation| {
        let budget = Epsilon::new(100.0).unwrap();
        let mut opening = Opening::new("phones".to_owned(), budget, delta(1e-4), Provenance::Simulated);
        opening.relation = relation;
        let (mut ledger, first) = Ledger::open(opening).unwrap();
        ledger.persisted(0).unwrap();
        [first, reserve(&mut ledger, "task", gaussian(9.0, 1.0, relation)).unwrap()]
    });
    assert!(Ledger::replay(zero.clone()).is_ok());
    let spliced = [zero[0].clone(), replace[1].clone()];
    let refused = LedgerError::OtherRelation { event: Relation::ReplaceOne, ledger: Relation::ZeroOut };
    assert_eq!(Ledger::replay(spliced).unwrap_err(), refused);
}

#[test]
fn g13_an_order_that_fails_promises_nothing_and_no_approximation_certifies() {
    // Orders at which the sum overflows are infinite, not zero: the others decide.
    let event = zero_out(0.05).poisson_sampled(rate(0.5));
    let alone = RdpAccountant::with_orders(&[60_000.0]).epsilon(&event, delta(1e-6)).unwrap();
    let together = RdpAccountant::with_orders(&[2.0, 60_000.0]).epsilon(&event, delta(1e-6)).unwrap();
    assert!(alone > together && together.is_finite());
    assert_eq!(RdpAccountant::with_orders(&[]).epsilon(&event, delta(1e-6)).unwrap(), Epsilon::INFINITE);
    // The central limit theorem's number for this schedule is below what any accountant here says.
    let (z, q, rounds) = (1.0_f64, 0.01, 1000_u32);
    let mu = q * (f64::from(rounds) * (1.0 / (z * z)).exp_m1()).sqrt();
    let approximate = price(&zero_out(1.0 / mu));
    let schedule = zero_out(z).poisson_sampled(rate(q)).repeated(rounds);
    let quote = tightest(&schedule, delta(1e-6)).unwrap();
    assert!(quote.epsilon.get() > approximate, "{approximate} {quote:?}");
    assert!(!["gdp", "clt"].contains(&quote.accountant));
}

#[test]
fn g17_a_round_is_charged_once_it_was_sealed_whatever_became_of_it() {
    let mut ledger = ledger(100.0, Relation::ZeroOut);
    reserve(&mut ledger, "task", zero_out(20.0)).unwrap();
    let task = Digest::of(b"task");
    let mut receipts = Vec::new();
    for round in [0, 1] {
        // Round 0 is never released: its coordinator crashed. Round 1 is noised anew under its own number and charge.
        let opened = ledger.open_round(task, round).unwrap();
        ledger.persisted(opened.index).unwrap();
        let entry = ledger.spend(task, round).unwrap();
        receipts.extend(ledger.persisted(entry.index).unwrap());
        assert!(
            ledger.spend(task, round).is_err() && ledger.open_round(task, round).is_err(),
            "no round is noised twice"
        );
    }
    assert_eq!(receipts.len(), 2);
    assert!(matches!(ledger.release(task, 0, task), Err(LedgerError::NotSpent { round: 0 })));
    assert_eq!(ledger.account(&task).unwrap().epsilon_spent().get(), price(&zero_out(20.0).repeated(2)));
}

#[test]
fn g18_a_claim_per_person_cannot_be_written() {
    let (_, entry) =
        Ledger::open(Opening::new("phones".to_owned(), Epsilon::ZERO, delta(1e-6), Provenance::Simulated)).unwrap();
    let line = entry.to_line().unwrap();
    assert!(Entry::from_line(0, &line).is_ok());
    let person = line.replace(r#""unit":"device""#, r#""unit":"person""#);
    assert_ne!(line, person);
    assert!(matches!(Entry::from_line(0, &person), Err(LedgerError::Corrupt { index: 0 })));
}

#[test]
fn g20_no_event_claims_a_shuffler() {
    let known = r#"{"event":"poisson_sampled","rate":0.5,"of":{"event":"non_private"}}"#;
    assert!(serde_json::from_str::<DpEvent>(known).is_ok());
    for claim in ["shuffled", "anonymised"] {
        let text = known.replace("poisson_sampled", claim);
        assert!(serde_json::from_str::<DpEvent>(&text).unwrap_err().to_string().contains("unknown variant"), "{text}");
    }
}

#[test]
fn g21_a_capped_sample_is_never_priced_as_a_poisson_sample() {
    let (count, q) = (|count: u64| NonZeroU64::new(count).unwrap(), rate(0.01));
    let poisson = zero_out(2.0).poisson_sampled(q);
    for cap in [20, 1000] {
        let capped =
            DpEvent::TruncatedPoisson(TruncatedPoisson::new(count(1000), q, count(cap), zero_out(2.0)).unwrap());
        // One device may displace another, so it costs more, or there is no number.
        match tightest(&capped, delta(1e-6)) {
            Ok(quote) => assert!(quote.epsilon.get() >= price(&poisson) * (1.0 - 1e-9), "{cap}: {quote:?}"),
            Err(refused) => assert!(refused.to_string().contains("displace"), "{refused}"),
        }
        assert!(RdpAccountant::default().epsilon(&capped, delta(1e-6)).is_err());
    }
    assert!(TruncatedPoisson::new(count(1000), q, count(1001), zero_out(2.0)).is_err());
}

#[test]
fn g22_a_ledger_has_no_place_for_the_count_of_a_round() {
    let mut ledger = ledger(100.0, Relation::ZeroOut);
    let reserved = reserve(&mut ledger, "task", zero_out(20.0).poisson_sampled(rate(0.1))).unwrap();
    let opened = ledger.open_round(Digest::of(b"task"), 0).unwrap();
    ledger.persisted(opened.index).unwrap();
    let spent = ledger.spend(Digest::of(b"task"), 0).unwrap();
    for (entry, field) in [(reserved, r#""rounds":10,"#), (spent, r#""round":0,"#)] {
        let line = entry.to_line().unwrap();
        assert!(line.contains(field) && Entry::from_line(entry.index, &line).is_ok(), "{line}");
        let counted = line.replace(field, &format!(r#"{field}"reports":80,"#));
        assert!(Entry::from_line(entry.index, &counted).is_err(), "{counted}");
    }
}

#[test]
fn g23_tasks_add_up_and_are_not_priced_together_by_the_tightest() {
    let mut ledger = ledger(100.0, Relation::ZeroOut);
    let entries = ["one", "other"].map(|name| reserve(&mut ledger, name, zero_out(20.0)).unwrap());
    let reserved = entries.map(|entry| match entry.record {
        Record::Reserved(reservation) => reservation.epsilon.get(),
        other => panic!("{other:?}"),
    });
    let together = price(&zero_out(20.0).repeated(20));
    assert!(together < 0.9 * ledger.reserved().0.get(), "the minimum would have been less");
    assert!(ledger.reserved().0.get() >= reserved[0] + reserved[1], "but it is no filter");
}

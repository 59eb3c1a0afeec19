//! A device's own ledger: budgets that hold, permits for one set of bytes, chains that break when touched.

use murmur_privacy::{
    Digest, Provenance,
    local::{
        LocalGuarantee, Sampling,
        ledger::{LocalEntry, LocalLedger, LocalLedgerError, LocalOpening, Permit},
    },
    units::{DeltaProbability, Epsilon},
};
use proptest::prelude::*;

use crate::epsilon;

fn pure(loss: f64) -> LocalGuarantee {
    LocalGuarantee::pure(epsilon(loss), Sampling::Idealised)
}

fn approximate(loss: f64, delta: f64) -> LocalGuarantee {
    LocalGuarantee::approximate(epsilon(loss), DeltaProbability::new(delta).unwrap(), Sampling::Exact)
}

fn task(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

/// A driver that keeps what it must, and no more.
struct Device {
    ledger: LocalLedger,
    lines: Vec<String>,
}

impl Device {
    fn with(budget: f64, delta: Option<f64>) -> Self {
        let delta = delta.map(|delta| DeltaProbability::new(delta).unwrap());
        let (mut ledger, first) =
            LocalLedger::open(LocalOpening::new(epsilon(budget), delta, Provenance::Simulated)).unwrap();
        ledger.persisted(first.index).unwrap();
        Self { ledger, lines: vec![first.to_line().unwrap()] }
    }

    fn takes_part(
        &mut self,
        name: &str,
        round: u32,
        cost: LocalGuarantee,
        sealed: &[u8],
    ) -> Result<Permit, LocalLedgerError> {
        let entry = self.ledger.charge(task(name), round, cost, Provenance::Simulated, sealed)?;
        self.lines.push(entry.to_line()?);
        Ok(self.ledger.persisted(entry.index)?.unwrap())
    }

    fn restarted(&self) -> Result<LocalLedger, LocalLedgerError> {
        let entries: Result<Vec<_>, _> =
            (0_u64..).zip(&self.lines).map(|(index, line)| LocalEntry::from_line(index, line)).collect();
        LocalLedger::replay(entries?)
    }
}

#[test]
fn a_charge_beyond_the_lifetime_budget_is_refused_with_both_numbers() {
    let mut device = Device::with(100.0, None);
    for round in 0..6 {
        device.takes_part("one", round, pure(16.0), b"sealed").unwrap();
    }
    let refused = device.takes_part("other", 0, pure(16.0), b"sealed").unwrap_err();
    let LocalLedgerError::OverBudget { asked, remaining, .. } = refused else { panic!("{refused}") };
    assert_eq!((asked.get(), remaining.get()), (16.0, 4.0));
    assert!(refused.to_string().contains("16.0000") && refused.to_string().contains("4.0000"), "{refused}");
    assert_eq!(device.ledger.spent().0.get(), 96.0, "nothing was changed");
    // What is left can still be spent, to the last of it and not beyond.
    device.takes_part("other", 0, pure(4.0), b"sealed").unwrap();
    assert!(device.takes_part("other", 1, pure(f64::MIN_POSITIVE), b"sealed").is_err());
    assert_eq!(device.ledger.remaining().0, Epsilon::ZERO);
}

#[test]
fn a_task_beyond_the_budget_is_refused_before_it_is_joined() {
    let mut device = Device::with(100.0, Some(1e-5));
    device.takes_part("one", 0, approximate(20.0, 4e-6), b"sealed").unwrap();
    assert!(device.ledger.admits(pure(16.0), 5).is_ok());
    let refused = device.ledger.admits(pure(16.0), 6).unwrap_err();
    assert_eq!(
        refused,
        LocalLedgerError::OverBudget {
            participations: 6,
            asked: epsilon(96.0),
            remaining: epsilon(80.0),
            asked_delta: 0.0,
            remaining_delta: 1e-5 - 4e-6,
        }
    );
    // Delta composes too, and one without a budget for it takes pure guarantees only.
    assert!(
        device.ledger.admits(approximate(1.0, 3e-6), 2).is_ok()
            && device.ledger.admits(approximate(1.0, 3e-6), 3).is_err()
    );
    assert!(Device::with(100.0, None).ledger.admits(approximate(1.0, 1e-300), 1).is_err());
    assert!(
        device.ledger.admits(pure(f64::INFINITY), 1).is_err() && device.ledger.admits(pure(1e308), u32::MAX).is_err()
    );
    // A device that was promised nothing takes everything.
    assert!(Device::with(f64::INFINITY, None).ledger.admits(pure(f64::INFINITY), 3).is_ok());
    assert_eq!(device.ledger.spent().2, Sampling::Exact);
    device.takes_part("two", 0, pure(1.0), b"sealed").unwrap();
    assert_eq!(device.ledger.spent().2, Sampling::Idealised, "one idealised charge makes the whole so");
}

#[test]
fn a_retry_sends_the_bytes_that_were_charged_and_no_others() {
    let mut device = Device::with(100.0, None);
    let permit = device.takes_part("one", 3, pure(16.0), b"sealed").unwrap();
    assert!(permit.covers(b"sealed") && !permit.covers(b"other"));
    let refused = device.takes_part("one", 3, pure(16.0), b"drawn anew").unwrap_err();
    let upload = Digest::of(b"sealed");
    assert_eq!(refused, LocalLedgerError::Charged { task: task("one"), round: 3, upload });
    // Also after a crash.
    let ledger = device.restarted().unwrap();
    assert!(ledger.resend(task("one"), 3, b"sealed").unwrap().covers(b"sealed"));
    assert!(matches!(ledger.resend(task("one"), 3, b"drawn anew"), Err(LocalLedgerError::OtherBytes { round: 3, .. })));
    assert!(matches!(ledger.resend(task("one"), 4, b"sealed"), Err(LocalLedgerError::NotCharged { round: 4, .. })));
    assert!(matches!(ledger.resend(task("two"), 3, b"sealed"), Err(LocalLedgerError::NotCharged { .. })));
    assert_eq!(ledger.spent(), device.ledger.spent());
    assert_eq!(ledger.charged(task("one"), 3).unwrap().upload, upload);
}

#[test]
fn nothing_is_permitted_before_its_charge_is_durable() {
    let mut device = Device::with(100.0, None);
    let entry = device.ledger.charge(task("one"), 0, pure(1.0), Provenance::Simulated, b"sealed").unwrap();
    assert!(matches!(device.ledger.resend(task("one"), 0, b"sealed"), Err(LocalLedgerError::Unconfirmed { index: 1 })));
    assert!(matches!(
        device.ledger.charge(task("one"), 1, pure(1.0), Provenance::Simulated, b"x"),
        Err(LocalLedgerError::Unconfirmed { index: 1 })
    ));
    assert!(matches!(device.ledger.persisted(7), Err(LocalLedgerError::NotPending { index: 7 })));
    assert!(device.ledger.persisted(entry.index).unwrap().unwrap().covers(b"sealed"));
    // Seeded randomness protects nobody, and nobody may believe it does.
    let refused = device.ledger.charge(task("one"), 1, pure(1.0), Provenance::OperatingSystem, b"x").unwrap_err();
    assert!(matches!(refused, LocalLedgerError::OtherProvenance { recorded: Provenance::Simulated, .. }), "{refused}");
    // The line never became durable: after a crash the charge is gone, and so are bytes that nobody ever sent.
    assert_eq!(device.restarted().unwrap().spent().0, Epsilon::ZERO);
}

#[test]
fn a_ledger_that_was_touched_is_not_read() {
    let mut device = Device::with(100.0, Some(1e-5));
    device.takes_part("one", 0, pure(16.0), b"sealed").unwrap();
    device.takes_part("one", 1, approximate(1.0, 1e-6), b"sealed").unwrap();
    assert_eq!(device.restarted().unwrap().head(), device.ledger.head());
    let touched = |at: usize, from: &str, to: &str| {
        let mut lines = device.lines.clone();
        assert!(lines[at].contains(from), "{}", lines[at]);
        lines[at] = lines[at].replace(from, to);
        Device { ledger: LocalLedger::open(device.ledger.opening().clone()).unwrap().0, lines }.restarted().unwrap_err()
    };
    assert_eq!(touched(1, "16.0", "1.0"), LocalLedgerError::Corrupt { index: 1 });
    assert_eq!(touched(0, "100.0", "1000.0"), LocalLedgerError::Corrupt { index: 0 });
    assert_eq!(touched(0, "\"version\":1", "\"version\":2"), LocalLedgerError::Version { found: 2 });
    assert_eq!(touched(2, "\"round\":1", "\"round\": 1"), LocalLedgerError::Corrupt { index: 2 });
    assert_eq!(touched(2, "\"round\":1", "\"round\":1,\"count\":1"), LocalLedgerError::Corrupt { index: 2 });
    assert_eq!(touched(2, "1e-6", "1.5"), LocalLedgerError::Corrupt { index: 2 });
    let without = |at: usize| {
        let mut lines = device.lines.clone();
        lines.remove(at);
        let entries = lines.iter().map(|line| LocalEntry::from_line(0, line).unwrap());
        LocalLedger::replay(entries.collect::<Vec<_>>()).unwrap_err()
    };
    assert_eq!(without(0), LocalLedgerError::Corrupt { index: 0 });
    assert_eq!(without(1), LocalLedgerError::Corrupt { index: 1 });
    assert_eq!(LocalLedger::replay([]).unwrap_err(), LocalLedgerError::Empty);
}

#[test]
fn the_written_form_is_what_it_was() {
    let mut device = Device::with(100.0, Some(1e-5));
    device.takes_part("one", 0, approximate(16.0, 1e-6), b"sealed").unwrap();
    let records: Vec<String> = device
        .lines
        .iter()
        .map(|line| line.split_once("\"record\":").unwrap().1.rsplit_once(",\"digest\"").unwrap().0.to_owned())
        .collect();
    let digests = [task("one"), Digest::of(b"sealed")];
    assert_eq!(
        records,
        [
            r#"{"record":"opened","version":1,"epsilon":100.0,"delta":0.00001,"provenance":"simulated"}"#.to_owned(),
            format!(
                r#"{{"record":"charged","task":"{}","round":0,"guarantee":{{"epsilon":16.0,"delta":1e-6,"sampling":"exact"}},"upload":"{}"}}"#,
                digests[0], digests[1]
            ),
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is tried, what was permitted fits the budget, and a restart knows all of it.
    #[test]
    fn permits_never_pass_the_budget(
        budget in 1_u32..200,
        tries in proptest::collection::vec((0_u8..3, 0_u32..20, 1_u32..40, any::<bool>()), 0..60)
    ) {
        // Quarters are floats exactly, so the model may add them as it likes.
        let mut device = Device::with(f64::from(budget) / 4.0, None);
        let mut model = std::collections::BTreeMap::new();
        for (name, round, quarters, restart) in tries {
            let before: u32 = model.values().sum();
            let permitted = device.takes_part(&name.to_string(), round, pure(f64::from(quarters) / 4.0), &[name]).is_ok();
            let allowed = !model.contains_key(&(name, round)) && before + quarters <= budget;
            prop_assert_eq!(permitted, allowed);
            if permitted {
                model.insert((name, round), quarters);
            }
            if restart {
                device.ledger = device.restarted().unwrap();
            }
        }
        let spent: u32 = model.values().sum();
        prop_assert_eq!(device.ledger.spent().0.get(), f64::from(spent) / 4.0);
        prop_assert_eq!(device.ledger.remaining().0.get(), f64::from(budget - spent) / 4.0);
    }
}

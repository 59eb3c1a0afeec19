//! The coordinator's record of every device's turns: it only moves up.

use std::collections::{BTreeMap, BTreeSet};

use super::{Attendance, DamagedAttendance, Turn, TurnRule};
use crate::device_id::DeviceId;

/// Who took part when, and whose turn it may be now.
pub(crate) struct Register {
    rule: TurnRule,
    turns: BTreeMap<DeviceId, Turn>,
    /// The position of the next round to be paid for.
    position: u32,
    /// By place among the enrolled devices, whether each may take part at this position.
    eligible: Vec<bool>,
    count: u64,
    /// The block of whose rounds not all were recorded.
    incomplete: Option<u32>,
}

impl Register {
    /// The record made of what earlier processes made durable, for the next round at `position`. `paid` are the numbers of the rounds
    /// that the ledger shows paid for in the block under way, in order.
    ///
    /// Each of them was recorded before it was paid for: where one is missing here the block is marked, since whoever took part in that
    /// round is not known. A round that was recorded and not paid for is not missed; nothing of it was released.
    ///
    /// # Errors
    /// [`DamagedAttendance`] for positions that go back, or that lie beyond the next one.
    pub(crate) fn restore(
        rule: TurnRule,
        kept: &[Attendance],
        position: u32,
        paid: &[u32],
        enrolled: &[DeviceId],
    ) -> Result<Self, DamagedAttendance> {
        let ordered = kept.windows(2).all(|pair| pair[0].position <= pair[1].position);
        if !ordered || kept.last().is_some_and(|last| last.position > position) {
            return Err(DamagedAttendance);
        }
        let begun = position - position % rule.block_rounds;
        let recorded: BTreeSet<_> = kept.iter().map(|attendance| (attendance.position, attendance.round)).collect();
        let missing = (begun..).zip(paid).any(|paid| !recorded.contains(&(paid.0, *paid.1)));
        let incomplete = missing.then_some(position / rule.block_rounds);
        let mut register = Self { rule, turns: BTreeMap::new(), position, eligible: Vec::new(), count: 0, incomplete };
        for attendance in kept {
            register.enter(attendance);
        }
        register.look_up(enrolled);
        Ok(register)
    }

    /// Takes down who was counted in this round, which is the one at the present position. To be durable before the round is paid for.
    pub(crate) fn record(&mut self, round: u32, counted: &BTreeSet<DeviceId>) -> Attendance {
        let devices = counted.iter().cloned().collect();
        let attendance = Attendance { position: self.position, round, devices };
        self.enter(&attendance);
        attendance
    }

    fn enter(&mut self, attendance: &Attendance) {
        for device in &attendance.devices {
            let taken = self.rule.taken(self.turns.get(device).copied(), attendance.position);
            self.turns.insert(device.clone(), taken);
        }
    }

    /// Moves on to the round at `position`.
    pub(crate) fn move_to(&mut self, position: u32, enrolled: &[DeviceId]) {
        if position != self.position {
            self.position = position;
            self.look_up(enrolled);
        }
    }

    fn look_up(&mut self, enrolled: &[DeviceId]) {
        let allowed = |device: &DeviceId| self.rule.check(self.turns.get(device).copied(), self.position).is_ok();
        self.eligible = enrolled.iter().map(allowed).collect();
        self.count = self.eligible.iter().filter(|eligible| **eligible).count() as u64;
    }

    /// Whether the enrolled device at this place may take part in the present round.
    pub(crate) fn allows(&self, place: usize) -> bool {
        self.eligible.get(place).copied().unwrap_or(false)
    }

    /// How many enrolled devices may.
    pub(crate) fn eligible(&self) -> u64 {
        self.count
    }

    /// Whether it is known who took part in every paid round of this block.
    pub(crate) fn is_complete_for(&self, block: u32) -> bool {
        self.incomplete != Some(block)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use murmur_privacy::correlated::Limits;

    use super::*;

    fn rule(participations: u32, separation: u32, block_rounds: u32) -> TurnRule {
        let [participations, separation, block_rounds] =
            [participations, separation, block_rounds].map(|n| NonZeroU32::new(n).unwrap());
        TurnRule { limits: Limits { participations, separation }, block_rounds }
    }

    fn devices() -> Vec<DeviceId> {
        ["a", "b", "c"].map(|name| name.parse().unwrap()).to_vec()
    }

    fn attendance(position: u32, round: u32, names: &[&str]) -> Attendance {
        Attendance { position, round, devices: names.iter().map(|name| name.parse().unwrap()).collect() }
    }

    fn allowed(register: &Register) -> Vec<usize> {
        (0..3).filter(|place| register.allows(*place)).collect()
    }

    #[test]
    fn a_restored_record_allows_what_the_first_one_did() {
        let rule = rule(2, 2, 6);
        let mut first = Register::restore(rule, &[], 0, &[], &devices()).unwrap();
        let mut kept = Vec::new();
        for (position, counted) in [vec!["a"], vec!["b"], vec!["a"], vec![]].into_iter().enumerate() {
            first.move_to(position as u32, &devices());
            let counted = attendance(0, 0, &counted).devices.into_iter().collect();
            kept.push(first.record(10 + position as u32, &counted));
        }
        for position in 4..8 {
            first.move_to(position, &devices());
            let later = (4..position).map(|position| attendance(position, 10 + position, &[]));
            let kept: Vec<Attendance> = kept.iter().cloned().chain(later).collect();
            let paid: Vec<u32> = (position - position % 6..position).map(|position| 10 + position).collect();
            let again = Register::restore(rule, &kept, position, &paid, &devices()).unwrap();
            assert_eq!(allowed(&again), allowed(&first), "position {position}");
            assert_eq!(again.eligible(), allowed(&again).len() as u64);
            assert!(again.is_complete_for(position / 6));
        }
        assert_eq!(allowed(&first), [0, 1, 2], "a new block");
        first.move_to(4, &devices());
        assert_eq!(allowed(&first), [1, 2], "a took part twice");
    }

    #[test]
    fn a_round_recorded_and_not_paid_for_may_be_recorded_again() {
        let rule = rule(1, 1, 4);
        let kept = [attendance(0, 0, &["a"]), attendance(0, 1, &["b"])];
        let mut register = Register::restore(rule, &kept, 0, &[], &devices()).unwrap();
        assert_eq!(allowed(&register), [0, 1, 2], "position 0 is still to be paid for");
        register.move_to(1, &devices());
        assert_eq!(allowed(&register), [2], "whoever was in either is taken to have been in it");
    }

    #[test]
    fn a_gap_marks_its_block_and_disorder_is_refused() {
        let rule = rule(2, 2, 3);
        let restored = |kept: &[(u32, u32)], position, paid: &[u32]| {
            let kept: Vec<_> = kept.iter().map(|(position, round)| attendance(*position, *round, &[])).collect();
            Register::restore(rule, &kept, position, paid, &devices())
        };
        assert!(!restored(&[], 1, &[0]).unwrap().is_complete_for(0));
        assert!(!restored(&[(3, 3)], 5, &[3, 4]).unwrap().is_complete_for(1));
        assert!(restored(&[(3, 3)], 4, &[3]).unwrap().is_complete_for(1), "what an earlier block lacks is over");
        assert!(restored(&[], 3, &[]).unwrap().is_complete_for(1));
        assert!(restored(&[(0, 0), (0, 1)], 1, &[1]).unwrap().is_complete_for(0));
        assert!(!restored(&[(0, 0)], 1, &[1]).unwrap().is_complete_for(0), "the one that was paid for is another");
        assert!(!restored(&[(0, 1)], 2, &[0, 1]).unwrap().is_complete_for(0), "a round at another position");
        assert!(restored(&[(2, 2), (1, 1)], 3, &[]).is_err(), "back");
        assert!(restored(&[(4, 4)], 3, &[]).is_err(), "a round that the ledger knows nothing of");
    }
}

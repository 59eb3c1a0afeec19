//! When devices want to check in next.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
};

use murmur_round::time::Time;

/// A moment, and the number of the device that wants to check in then.
pub(super) type Appointment = (Time, u64);

/// Appointments, earliest first, ties by number.
///
/// Most devices are sent away together and come back in the order in which they came: those stand in a line, at whose end and beginning
/// they are put and taken without a look at any other. Only who is to come before the end of the line is sorted into a heap, which for a
/// million devices takes many times as long (docs/measurements.md).
///
/// An appointment takes 16 bytes, and memory is kept for at most as many again; what is below 2,048 of them in all is not counted.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    /// Sorted.
    line: VecDeque<Appointment>,
    heap: BinaryHeap<Reverse<Appointment>>,
}

impl Agenda {
    /// The earliest.
    pub(super) fn first(&self) -> Option<Appointment> {
        match (self.line.front(), self.heap.peek()) {
            (Some(first), Some(Reverse(other))) => Some(*first.min(other)),
            (first, other) => first.or(other.map(|Reverse(other)| other)).copied(),
        }
    }

    /// Takes the earliest out.
    pub(super) fn take_first(&mut self) -> Option<Appointment> {
        let first = self.first()?;
        if self.line.front() == Some(&first) {
            self.line.pop_front();
            if is_wide(self.line.len(), self.line.capacity()) {
                self.line.shrink_to(self.line.len() / 2 * 3);
            }
        } else {
            self.heap.pop();
            if is_wide(self.heap.len(), self.heap.capacity()) {
                self.heap.shrink_to(self.heap.len() / 2 * 3);
            }
        }
        Some(first)
    }

    pub(super) fn add(&mut self, appointment: Appointment) {
        if self.line.back().is_none_or(|last| *last <= appointment) {
            self.line.push_back(appointment);
        } else {
            self.heap.push(Reverse(appointment));
        }
    }

    pub(super) fn len(&self) -> usize {
        self.line.len() + self.heap.len()
    }

    /// All, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Appointment> + '_ {
        self.line.iter().chain(self.heap.iter().map(|Reverse(appointment)| appointment)).copied()
    }
}

/// Whether more than half of so much memory is not used, and it is worth the copying: an eighth of it is taken out before the next.
fn is_wide(length: usize, capacity: usize) -> bool {
    capacity > 1024 && 2 * length < capacity
}

impl FromIterator<Appointment> for Agenda {
    fn from_iter<I: IntoIterator<Item = Appointment>>(appointments: I) -> Self {
        let mut line: Vec<_> = appointments.into_iter().collect();
        line.sort_unstable();
        Self { line: line.into(), heap: BinaryHeap::new() }
    }
}

#[cfg(test)]
mod tests {
    use chacha20::ChaCha8Rng;
    use rand::{Rng, SeedableRng};

    use super::*;

    #[test]
    fn the_earliest_comes_first_whatever_is_added() {
        for (seed, spread) in (0..60).zip([1, 2, 50, 1000].into_iter().cycle()) {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let mut appointments: Vec<Appointment> =
                (0..rng.next_u64() % 40).map(|device| (Time(rng.next_u64() % spread), device)).collect();
            let mut agenda: Agenda = appointments.iter().copied().collect();
            for device in 40..400 {
                if rng.next_u64().is_multiple_of(2) {
                    let appointment = (Time(device / 10 + rng.next_u64() % spread), rng.next_u64() % 10);
                    appointments.push(appointment);
                    agenda.add(appointment);
                } else {
                    appointments.sort_unstable();
                    assert_eq!(agenda.first(), appointments.first().copied(), "seed {seed}");
                    let first = (!appointments.is_empty()).then(|| appointments.remove(0));
                    assert_eq!(agenda.take_first(), first, "seed {seed}");
                }
                assert_eq!(agenda.len(), appointments.len(), "seed {seed}");
            }
            let mut left: Vec<_> = agenda.iter().collect();
            left.sort_unstable();
            appointments.sort_unstable();
            assert_eq!(left, appointments, "seed {seed}");
        }
    }

    #[test]
    fn who_comes_back_in_order_stands_in_line_and_takes_no_more_memory() {
        const DEVICES: u64 = 4000;
        let mut agenda: Agenda = (0..DEVICES).map(|device| (Time(0), device)).collect();
        let memory = agenda.line.capacity();
        for _ in 0..5 * DEVICES {
            let (time, device) = agenda.take_first().unwrap();
            agenda.add((Time(time.0 + 200), device));
        }
        assert_eq!((agenda.heap.len(), agenda.line.capacity()), (0, memory));
        // One who is away for long keeps others from the line, which gives its memory back to them.
        agenda.add((Time(u64::MAX), 0));
        for _ in 0..5 * DEVICES {
            let (time, device) = agenda.take_first().unwrap();
            agenda.add((Time(time.0 + 200), device));
            let memory = [agenda.line.capacity(), agenda.heap.capacity()].map(|capacity| capacity.saturating_sub(1024));
            assert!(memory.iter().sum::<usize>() <= 2 * agenda.len(), "{memory:?}");
        }
        assert_eq!((agenda.len() as u64, agenda.line.len()), (DEVICES + 1, 1));
        while agenda.take_first().is_some() {}
        assert!(agenda.heap.capacity() <= 1024, "{}", agenda.heap.capacity());
    }
}

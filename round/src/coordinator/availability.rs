//! Which enrolled devices were heard of lately. Availability is public, unlike selection.

use std::collections::BTreeMap;

use crate::{
    device_id::DeviceId,
    time::{Millis, Time},
};

/// Devices from the last one on among which the next one is looked for first.
const BESIDE: usize = 8;

/// When devices were heard of last, and how many were within a while. Each question costs next to nothing, however many devices there
/// are: 8 bytes each, and a few for each moment at which any was heard of last.
#[derive(Debug, Default)]
pub(super) struct Availability {
    /// By place among the enrolled devices; absent ones were not heard of.
    last: Vec<Option<Moment>>,
    /// How many devices were heard of last at each moment.
    moments: BTreeMap<Time, Heard>,
    total: Heard,
}

/// A time that leaves room for "never".
type Moment = std::num::NonZeroU64;

/// Numbers of devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    /// All.
    pub(super) devices: u64,
    /// Those of them whose turn it may be.
    pub(super) allowed: u64,
}

/// The device's place among those enrolled, who are sorted, where `last` is the place of the one before it.
///
/// Many devices come in nearly the order of their names, a simulator's above all: a few neighbours cost nothing beside a search through a
/// million of them, most of which no cache holds.
pub(super) fn place_of(device: &DeviceId, enrolled: &[DeviceId], last: usize) -> Option<usize> {
    let beside = enrolled.iter().skip(last).take(BESIDE).position(|there| there == device);
    beside.map(|steps| last + steps).or_else(|| enrolled.binary_search(device).ok())
}

fn moment(time: Time) -> Moment {
    Moment::MIN.saturating_add(time.0)
}

fn time(moment: Moment) -> Time {
    Time(moment.get() - 1)
}

impl Availability {
    /// Notes that the device at this place is there now. Whether it is its turn must not change until all is [forgotten](Self::clear).
    pub(super) fn see(&mut self, place: usize, allowed: bool, now: Time) {
        if self.last.len() <= place {
            self.last.resize(place + 1, None);
        }
        let heard = Heard { devices: 1, allowed: u64::from(allowed) };
        if let Some(before) = self.last[place].replace(moment(now)) {
            self.remove(time(before), heard);
        }
        let at = self.moments.entry(now).or_default();
        at.devices += heard.devices;
        at.allowed += heard.allowed;
        self.total.devices += heard.devices;
        self.total.allowed += heard.allowed;
    }

    /// How many were heard of within `horizon` before now. Earlier ones are forgotten.
    pub(super) fn within(&mut self, horizon: Millis, now: Time) -> Heard {
        while let Some((&oldest, &heard)) = self.moments.first_key_value()
            && oldest.until(now) > horizon
        {
            self.moments.remove(&oldest);
            self.total.devices -= heard.devices;
            self.total.allowed -= heard.allowed;
        }
        self.total
    }

    /// Forgets everybody.
    pub(super) fn clear(&mut self) {
        self.last.fill(None);
        self.moments.clear();
        self.total = Heard::default();
    }

    /// Takes a device off a moment, if that was not forgotten.
    fn remove(&mut self, at: Time, heard: Heard) {
        let Some(there) = self.moments.get_mut(&at) else { return };
        there.devices -= heard.devices;
        there.allowed -= heard.allowed;
        self.total.devices -= heard.devices;
        self.total.allowed -= heard.allowed;
        if there.devices == 0 {
            self.moments.remove(&at);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    const HORIZON: Millis = Millis(20);

    proptest! {
        /// Against the plain way: a table of when each was heard of last, looked through at every question.
        #[test]
        fn it_counts_what_a_table_counts(steps in prop::collection::vec((0_usize..6, 0_u64..9, 0_u8..20), 1..200)) {
            let (mut availability, mut table, mut now) = (Availability::default(), HashMap::new(), Time(0));
            for (place, passes, what) in steps {
                now = Time(now.0 + passes);
                if what == 0 {
                    availability.clear();
                    table.clear();
                } else {
                    availability.see(place, place % 2 == 0, now);
                    table.insert(place, now);
                }
                let about = || table.iter().filter(|(_, seen): &(&usize, &Time)| seen.until(now) <= HORIZON);
                let devices = about().count() as u64;
                let allowed = about().filter(|(place, _)| *place % 2 == 0).count() as u64;
                prop_assert_eq!(availability.within(HORIZON, now), Heard { devices, allowed });
            }
        }
    }

    #[test]
    fn a_place_is_found_wherever_the_last_one_was() {
        let mut enrolled: Vec<DeviceId> = (0..30).map(|number| format!("{}", 2 * number).parse().unwrap()).collect();
        enrolled.sort_unstable();
        for last in 0..=enrolled.len() {
            for number in 0..60 {
                let device: DeviceId = number.to_string().parse().unwrap();
                let place = place_of(&device, &enrolled, last);
                assert_eq!(place, enrolled.iter().position(|there| *there == device), "{device} after {last}");
            }
        }
    }
}

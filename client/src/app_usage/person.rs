//! One person with a telephone.

use super::catalogue::{APPS, CATALOGUE, PARTS, PLACES};
use crate::chance::Chance;

/// What stays the same in everything that one person opens.
pub(super) struct Person {
    /// How many times as often as people in general each application is opened; 0 where it is not installed.
    taste: [f32; APPS],
    /// Whether there is a place to work at.
    works: bool,
    /// How likely headphones are on, on the way.
    headphones: f32,
}

/// Where and when somebody takes the telephone up.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    pub(super) part: usize,
    pub(super) place: usize,
    pub(super) day_off: bool,
    pub(super) headphones: bool,
}

impl Person {
    pub(super) fn draw(chance: &mut Chance) -> Self {
        let taste = std::array::from_fn(|index| {
            // Everybody has the first few; each of the others is missing from a third of the telephones.
            let missing = index >= 4 && chance.pick(3) == 0;
            // Both drawn, so that what is installed moves nothing else. A ratio of two uniforms has a long tail to both sides.
            let ratio = chance.between(0.2, 1.0) / chance.between(0.2, 1.0);
            if missing { 0.0 } else { ratio * ratio }
        });
        Self { taste, works: chance.pick(10) < 7, headphones: chance.between(0.1, 0.9) }
    }

    pub(super) fn moment(&self, chance: &mut Chance) -> Moment {
        // Nobody sleeps with the telephone in hand for long: the night comes up half as often as other parts.
        let part = chance.pick(2 * PARTS - 1).div_ceil(2);
        let day_off = chance.pick(7) < 2;
        let works = self.works && !day_off;
        let at_work = works && (part == 2 || part == 3);
        let out = chance.pick(10);
        let place = match (at_work, part) {
            (true, _) => usize::from(out < 9) + 2 * usize::from(out >= 9),
            (false, 0 | 5) => 2 * usize::from(out >= 9),
            (false, 1) if works => 2 * usize::from(out >= 4),
            (false, _) => 2 * usize::from(out >= 6),
        };
        let chance_of_headphones = if place == 2 { self.headphones } else { 0.15 };
        Moment { part, place, day_off, headphones: chance.unit() < chance_of_headphones }
    }

    /// How likely each application is to be the next one, up to a factor.
    pub(super) fn weights(&self, moment: Moment, last: usize) -> [f32; APPS] {
        let Moment { part, place, day_off, headphones } = moment;
        debug_assert!(place < PLACES);
        let times = |applies: bool, factor: f32| if applies { factor } else { 1.0 };
        std::array::from_fn(|index| {
            let app = &CATALOGUE[index];
            let follows = app.follows.iter().find(|(before, _)| *before == CATALOGUE[last].name);
            self.taste[index]
                * app.popularity
                * app.day[part]
                * app.places[place]
                * times(day_off, app.day_off)
                * times(headphones, app.headphones)
                * follows.map_or(1.0, |(_, factor)| *factor)
        })
    }
}

/// One of them, each as likely as its weight.
pub(super) fn drawn(weights: &[f32; APPS], chance: &mut Chance) -> usize {
    let mut point = chance.unit() * weights.iter().sum::<f32>();
    let below = weights.iter().position(|weight| {
        point -= weight;
        point < 0.0
    });
    // Rounding may leave a point at the very end: the first application, which everybody has.
    below.unwrap_or(0)
}

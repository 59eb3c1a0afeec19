//! What stays the same in everything that one writer writes.

use super::glyphs::{DIGITS, MAX_POINTS};
use crate::chance::Chance;

/// A writer's habits. They differ between writers far more than between two digits of one writer.
pub(super) struct Hand {
    /// Shear to the right per unit of height.
    pub(super) slant: f32,
    /// Rotation, as the tangent of half the angle.
    pub(super) turn: f32,
    /// Half the width of the pen, in pixels.
    pub(super) radius: f32,
    /// How dark the pen is, at most 1.
    pub(super) ink: f32,
    /// Height of a digit, in pixels.
    pub(super) height: f32,
    /// Width of a digit per height.
    pub(super) aspect: f32,
    /// Where a digit's middle lies, in pixels from the middle of the image.
    pub(super) place: (f32, f32),
    /// Roundness of curves: 0 is a polygon, 0.5 a Catmull-Rom spline.
    pub(super) roundness: f32,
    /// How far straight lines bow out to one side, per length.
    pub(super) bow: f32,
    /// How far points wander from one digit to the next.
    pub(super) unrest: f32,
    /// Which of the ways to write a digit is this writer's own.
    pub(super) favourite: [usize; 10],
    /// Where this writer puts the points of each digit, relative to the glyph.
    pub(super) bent: [[(f32, f32); MAX_POINTS]; 10],
    /// How often each digit comes up, cumulated: digit `i` for a word below entry `i` (and not below entry `i - 1`).
    habits: [u32; 9],
}

impl Hand {
    /// Draws a writer whose digits come up unevenly: their frequencies are uniform over all distributions
    /// (Dirichlet with every parameter 1, as the gaps between nine sorted uniforms).
    pub(super) fn uneven(chance: &mut Chance) -> Self {
        let mut habits = [0; 9];
        for habit in &mut habits {
            *habit = chance.word();
        }
        habits.sort_unstable();
        Self::draw(chance, habits)
    }

    /// Draws a writer who writes all digits equally often.
    pub(super) fn even(chance: &mut Chance) -> Self {
        let tenth = u32::MAX / 10 + 1;
        let mut habits = [0; 9];
        for (index, habit) in habits.iter_mut().enumerate() {
            *habit = tenth * (index as u32 + 1);
        }
        Self::draw(chance, habits)
    }

    fn draw(chance: &mut Chance, habits: [u32; 9]) -> Self {
        let mut hand = Self {
            slant: 0.1 + chance.bell(0.2),
            turn: chance.bell(0.06),
            radius: chance.between(0.75, 1.6),
            ink: chance.between(0.75, 1.0),
            height: chance.between(17.0, 22.0),
            aspect: chance.between(0.64, 1.02),
            place: (chance.bell(0.55), chance.bell(0.55)),
            roundness: chance.between(0.34, 0.6),
            bow: chance.bell(0.06),
            unrest: chance.between(0.014, 0.044),
            favourite: [0; 10],
            bent: [[(0.0, 0.0); MAX_POINTS]; 10],
            habits,
        };
        for (digit, favourite) in hand.favourite.iter_mut().enumerate() {
            *favourite = chance.pick(DIGITS[digit].len());
        }
        for point in hand.bent.iter_mut().flatten() {
            *point = (chance.bell(0.047), chance.bell(0.042));
        }
        hand
    }

    /// Draws the next digit to write.
    pub(super) fn digit(&self, chance: &mut Chance) -> usize {
        let word = chance.word();
        self.habits.iter().take_while(|&&end| word >= end).count()
    }
}

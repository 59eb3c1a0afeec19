//! A population of writers made from arithmetic: every device writes digits in its own hand.
//!
//! A device's examples are a pure function of `(seed, device, how many)`, the same on every machine and in every
//! process, so a simulated device and a deployed one hold the same data, and a population of any size costs nothing
//! until somebody asks a device to write. Writers differ in slant, size, proportions, pen, place on the paper, the way
//! they shape each digit and how often they write it (frequencies drawn from a Dirichlet distribution with every
//! parameter 1); on top of that no two digits of one writer are alike. [`unseen`] gives writers for testing who are in
//! nobody's training data, with all digits equally often.

mod glyphs;
mod hand;
mod pen;
#[cfg(test)]
mod tests;

use murmur_round::device_id::DeviceId;

use self::{
    glyphs::{DIGITS, MAX_POINTS},
    hand::Hand,
    pen::Pen,
};
use crate::{chance::Chance, data::Examples};

/// Height and width of an image.
pub const SIDE: usize = 28;
/// Shape of one example: `[channels, height, width]`.
pub const SHAPE: [usize; 3] = [1, SIDE, SIDE];
/// Number of classes: the ten digits.
pub const CLASSES: usize = 10;

/// What tells the two kinds of writer apart. No device name can turn one into the other.
const TRAINING: &[u8] = b"murmur strokes writer v1";
const UNSEEN: &[u8] = b"murmur strokes unseen v1";

/// The first `count` digits that `device` writes. Asking for more later only appends.
#[must_use]
pub fn writer(seed: u64, device: &DeviceId, count: usize) -> Examples {
    let name = [TRAINING, &seed.to_le_bytes(), device.as_str().as_bytes()];
    write(&name, &Hand::uneven(&mut Chance::named(&name)), count)
}

/// The first `count` digits of writer number `index` among those who are no device: test data from unseen hands.
#[must_use]
pub fn unseen(seed: u64, index: u64, count: usize) -> Examples {
    let name = [UNSEEN, &seed.to_le_bytes(), &index.to_le_bytes()];
    write(&name, &Hand::even(&mut Chance::named(&name)), count)
}

fn write(name: &[&[u8]; 3], hand: &Hand, count: usize) -> Examples {
    let mut inputs = Vec::with_capacity(count * SIDE * SIDE);
    let mut labels = Vec::with_capacity(count);
    for index in 0..count as u64 {
        let [kind, seed, writer] = *name;
        let mut chance = Chance::named(&[kind, seed, writer, &index.to_le_bytes()]);
        let digit = hand.digit(&mut chance);
        labels.push(digit as u32);
        image(hand, digit, &mut chance, &mut inputs);
    }
    Examples::from_parts(SHAPE, inputs, labels)
}

/// Appends one image of `digit` by `hand` to `pixels`: dark ink is 1, paper is 0, in steps of 1/255.
fn image(hand: &Hand, digit: usize, chance: &mut Chance, pixels: &mut Vec<f32>) {
    let ways = DIGITS[digit];
    // Now and then a writer falls into another way of writing.
    let stray = chance.pick(12) == 0;
    let glyph = ways[if stray { chance.pick(ways.len()) } else { hand.favourite[digit] }];

    let height = hand.height * (1.0 + chance.bell(0.05));
    let width = height * hand.aspect * (1.0 + chance.bell(0.06));
    let slant = hand.slant + chance.bell(0.07);
    let turn = hand.turn + chance.bell(0.03);
    let (cosine, sine) = ((1.0 - turn * turn) / (1.0 + turn * turn), 2.0 * turn / (1.0 + turn * turn));
    let middle = (SIDE as f32 - 1.0) / 2.0;
    let place = (middle + hand.place.0 + chance.bell(0.75), middle + hand.place.1 + chance.bell(0.75));
    let mut pen = Pen::new(hand.radius * (1.0 + chance.bell(0.1)));

    let mut bent = hand.bent[digit].iter();
    let mut points = [(0.0, 0.0); MAX_POINTS];
    for stroke in glyph {
        let count = stroke.points().len();
        for ((point, &(x, y)), &(shift_x, shift_y)) in points.iter_mut().zip(stroke.points()).zip(&mut bent) {
            let x = (x - 0.5 + shift_x + chance.bell(hand.unrest)) * width;
            let y = (y - 0.5 + shift_y + chance.bell(hand.unrest)) * height;
            let x = x - slant * y;
            *point = (place.0 + cosine * x - sine * y, place.1 + sine * x + cosine * y);
        }
        pen.draw(*stroke, &points[..count], hand.roundness, hand.bow + chance.bell(0.03));
    }

    let mut grain = [0_u8; SIDE * SIDE];
    chance.fill(&mut grain);
    pixels.extend(pen.coverage().zip(grain).map(|(covered, grain)| {
        let grey = hand.ink * covered + (f32::from(grain) - 127.5) * (0.1 / 255.0);
        // Rounded as a scanner would; the cast cuts to 0..=255.
        f32::from((grey * 255.0 + 0.5) as u8) / 255.0
    }));
}

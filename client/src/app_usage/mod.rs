//! A population of people made from arithmetic, who open applications on their telephones: which one next?
//!
//! A device's examples are a pure function of `(seed, device, how many)`, the same on every machine and in every process. People differ in what
//! they have installed, in their tastes, in whether they work and how often they wear headphones; what is common to all (when, where and
//! after what an application is opened) is what a crowd can learn. An example is a moment in which somebody takes the telephone up: part of the
//! day, day off or not, place, headphones, the application that was open last, and for each application how large a part of this person's
//! launches so far it was; the label is the application that is opened next. [`unseen`] gives people for testing who are no device.

mod catalogue;
mod person;
#[cfg(test)]
mod tests;

use murmur_round::device_id::DeviceId;

use self::{
    catalogue::{CATALOGUE, PARTS, PLACES},
    person::{Moment, Person, drawn},
};
use crate::{chance::Chance, data::Examples};

pub use catalogue::APPS;

/// Numbers of one example: part of the day, place, day off, headphones, last application, what part each application had so far.
pub const FEATURES: usize = PARTS + PLACES + 2 + 2 * APPS;
/// Shape of one example.
pub const SHAPE: [usize; 3] = [1, 1, FEATURES];

/// Launches before the first example: whoever has a telephone has used it.
const BEFORE: usize = 40;

/// What tells the two kinds of people apart. No device name can turn one into the other.
const TRAINING: &[u8] = b"murmur app usage person v1";
const UNSEEN: &[u8] = b"murmur app usage unseen v1";

/// The first `count` launches of `device`. Asking for more later only appends.
#[must_use]
pub fn person(seed: u64, device: &DeviceId, count: usize) -> Examples {
    launches(&[TRAINING, &seed.to_le_bytes(), device.as_str().as_bytes()], count)
}

/// The first `count` launches of person number `index` among those who are no device.
#[must_use]
pub fn unseen(seed: u64, index: u64, count: usize) -> Examples {
    launches(&[UNSEEN, &seed.to_le_bytes(), &index.to_le_bytes()], count)
}

/// Names of the applications, in the order of their labels.
#[must_use]
pub fn names() -> [&'static str; APPS] {
    std::array::from_fn(|index| CATALOGUE[index].name)
}

fn launches(name: &[&[u8]; 3], count: usize) -> Examples {
    let (mut inputs, mut labels) = (Vec::with_capacity(count * FEATURES), Vec::with_capacity(count));
    follow(name, count, |features, _, label| {
        inputs.extend_from_slice(features);
        labels.push(label as u32);
    });
    Examples::from_parts(SHAPE, inputs, labels)
}

/// Shows every launch: what is known before it, how likely each application was in truth, and which it was.
fn follow(name: &[&[u8]; 3], count: usize, mut see: impl FnMut(&[f32; FEATURES], &[f32; APPS], usize)) {
    let mut chance = Chance::named(name);
    let person = Person::draw(&mut chance);
    let (mut last, mut opened) = (0, [0_u32; APPS]);
    for launch in 0..BEFORE + count {
        let moment = person.moment(&mut chance);
        let weights = person.weights(moment, last);
        let next = drawn(&weights, &mut chance);
        if launch >= BEFORE {
            see(&features(moment, last, &opened), &weights, next);
        }
        opened[next] += 1;
        last = next;
    }
}

fn features(moment: Moment, last: usize, opened: &[u32; APPS]) -> [f32; FEATURES] {
    let mut features = [0.0; FEATURES];
    features[moment.part] = 1.0;
    features[PARTS + moment.place] = 1.0;
    features[PARTS + PLACES] = f32::from(u8::from(moment.day_off));
    features[PARTS + PLACES + 1] = f32::from(u8::from(moment.headphones));
    let (_, rest) = features.split_at_mut(PARTS + PLACES + 2);
    rest[last] = 1.0;
    let total = opened.iter().sum::<u32>().max(1) as f32;
    for (share, count) in rest[APPS..].iter_mut().zip(opened) {
        // Four times the part: about as large as the other numbers, for the applications that somebody likes.
        *share = 4.0 * *count as f32 / total;
    }
    features
}

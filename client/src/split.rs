//! A device's examples in two parts: those that candidates train on, and those on which they are measured.

use std::ops::Range;

use murmur_round::{evaluation::EvaluationPlan, plan::ShuffleSeed};

use crate::{
    data::{ExampleError, Examples},
    order::Order,
};

/// Places of examples.
#[derive(Debug, PartialEq)]
pub(crate) struct Places {
    /// What is left to train on, in a seeded order.
    pub(crate) rest: Vec<usize>,
    /// What is held out: the last of that order. Empty only where there is nothing at all.
    pub(crate) held_out: Vec<usize>,
}

impl Places {
    /// Of `count` things, in the order that `seed` fixes.
    pub(crate) fn of(plan: &EvaluationPlan, count: usize, seed: ShuffleSeed, order: &mut Order) -> Self {
        order.begin(count, seed);
        let order = order.epoch();
        let (rest, held_out) = order.split_at(count - plan.held(count));
        Self { rest: rest.to_vec(), held_out: held_out.to_vec() }
    }
}

/// Copies of both parts.
pub(crate) struct Split {
    pub(crate) rest: Examples,
    pub(crate) held_out: Examples,
}

impl Split {
    /// Of text a stretch is held out, at a place that `seed` chooses: characters here and there would be foretold from those around them.
    pub(crate) fn of(
        plan: &EvaluationPlan,
        data: &Examples,
        seed: ShuffleSeed,
        order: &mut Order,
    ) -> Result<Self, ExampleError> {
        if !data.is_text() {
            let Places { rest, held_out } = Places::of(plan, data.len(), seed, order);
            return Ok(Self { rest: data.select(&rest), held_out: data.select(&held_out) });
        }
        let count = data.len();
        order.begin(count, seed);
        let start = order.epoch().first().copied().unwrap_or(0);
        let rest = count - plan.held(count);
        Ok(Self { rest: stretch(data, start, 0..rest)?, held_out: stretch(data, start, rest..count)? })
    }
}

/// A part of a text, counted from character `start` on and from the end on to the beginning. Where it begins, a passage does.
fn stretch(data: &Examples, start: usize, part: Range<usize>) -> Result<Examples, ExampleError> {
    let count = data.len();
    let (first, last) = (start + part.start, start + part.end);
    // As much of it as lies before the end of the text, and as much as lies after it, at its beginning.
    let mut before = data.slice(first.min(count)..last.min(count)).begun();
    let after = data.slice(first.saturating_sub(count)..last.saturating_sub(count)).begun();
    before.append(&after)?;
    Ok(before)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use murmur_round::model::TEXT_START;

    use super::*;

    fn plan(held_out: f64) -> EvaluationPlan {
        EvaluationPlan { held_out, candidates: Vec::new() }
    }

    #[test]
    fn every_example_is_in_one_part_and_the_seed_says_in_which() {
        let examples = Examples::new([1, 1, 1], (0..20).map(|value| value as f32).collect(), vec![0; 20]).unwrap();
        let split = |seed| Split::of(&plan(0.3), &examples, ShuffleSeed([seed; 32]), &mut Order::default()).unwrap();
        let Split { rest, held_out } = split(1);
        assert_eq!((rest.len(), held_out.len()), (14, 6));
        let mut all: Vec<f32> = rest.inputs().iter().chain(held_out.inputs()).copied().collect();
        all.sort_by(f32::total_cmp);
        assert_eq!(all, examples.inputs());
        assert_eq!(split(1).held_out, held_out);
        assert_ne!(split(2).held_out, held_out);
        let none = Split::of(&plan(0.3), &examples.slice(0..0), ShuffleSeed([1; 32]), &mut Order::default()).unwrap();
        assert!(none.rest.is_empty() && none.held_out.is_empty());
    }

    #[test]
    fn of_text_a_stretch_is_held_out_and_nothing_is_read_across_its_ends() {
        let mut text = Examples::text("abcdefghijkl");
        text.append(&Examples::text("mnopqrst")).unwrap();
        let label = |point: &u32| char::from_u32(*point).unwrap();
        let mut starts = BTreeSet::new();
        for seed in 0..40 {
            let split = Split::of(&plan(0.3), &text, ShuffleSeed([seed; 32]), &mut Order::default()).unwrap();
            assert_eq!((split.rest.len(), split.held_out.len()), (14, 6));
            let mut all: Vec<char> = split.rest.labels().iter().chain(split.held_out.labels()).map(label).collect();
            starts.insert(split.held_out.labels()[0]);
            for part in [split.rest, split.held_out] {
                for (place, (input, own)) in part.inputs().iter().zip(part.labels()).enumerate() {
                    let before = char::from_u32(*input as u32).unwrap();
                    // Each character was read after the one that it follows in the text, or as a beginning.
                    let follows =
                        place > 0 && u32::from(before) == part.labels()[place - 1] && u32::from(before) + 1 == *own;
                    assert!(before == TEXT_START || follows, "{before:?} before {:?}", label(own));
                    assert!(place > 0 || before == TEXT_START);
                }
            }
            all.sort_unstable();
            assert_eq!(all.into_iter().collect::<String>(), "abcdefghijklmnopqrst");
        }
        assert!(starts.len() > 10, "the seed chooses where: {starts:?}");
        let single = Split::of(&plan(0.3), &Examples::text("a"), ShuffleSeed([1; 32]), &mut Order::default()).unwrap();
        assert_eq!((single.rest.len(), single.held_out.len()), (0, 1));
    }
}

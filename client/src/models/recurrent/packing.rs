//! Sequences of different lengths side by side, without filling any up: longest first, so that those which go on are always the first rows.

use super::tokens::Tokens;

/// Rows time by time: at every time one row for each sequence that is that long. Overwritten from batch to batch.
#[derive(Default)]
pub(super) struct Packed {
    /// What each row reads.
    pub(super) tokens: Vec<u32>,
    /// What should come next.
    pub(super) labels: Vec<u32>,
    /// Rows of each time.
    pub(super) active: Vec<usize>,
    order: Vec<Place>,
}

/// Where a sequence lies among the examples.
#[derive(Clone, Copy)]
struct Place {
    start: usize,
    length: usize,
}

impl Packed {
    /// Takes sequences that lie one behind the other, from their beginning to their end.
    pub(super) fn pack(&mut self, inputs: &[f32], labels: &[u32], lengths: &[usize], tokens: &Tokens) {
        self.begin(lengths.iter().copied());
        self.go_on(inputs, labels, tokens, 0, usize::MAX);
    }

    /// Sorts sequences that lie one behind the other; how long the longest is.
    pub(super) fn begin(&mut self, lengths: impl Iterator<Item = usize>) -> usize {
        self.order.clear();
        let mut start = 0;
        for length in lengths {
            self.order.push(Place { start, length });
            start += length;
        }
        self.order.sort_unstable_by_key(|place| (std::cmp::Reverse(place.length), place.start));
        self.order.first().map_or(0, |longest| longest.length)
    }

    /// How many sequences are longer than `time`.
    pub(super) fn active_at(&self, time: usize) -> usize {
        self.order.partition_point(|place| place.length > time)
    }

    /// Takes the sequences from `time` on, for `steps` steps or to their end.
    pub(super) fn go_on(&mut self, inputs: &[f32], labels: &[u32], tokens: &Tokens, time: usize, steps: usize) {
        self.tokens.clear();
        self.labels.clear();
        self.active.clear();
        for time in (time..).take(steps) {
            let active = self.active_at(time);
            if active == 0 {
                break;
            }
            for place in &self.order[..active] {
                self.tokens.push(tokens.token(inputs[place.start + time] as u32));
                self.labels.push(tokens.token(labels[place.start + time]));
            }
            self.active.push(active);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_time_by_time_and_longest_first() {
        let tokens = Tokens::new("abcdef");
        let text: Vec<u32> = "abcdef".chars().map(u32::from).collect();
        let inputs: Vec<f32> = text.iter().map(|point| *point as f32).collect();
        let mut packed = Packed::default();
        packed.pack(&inputs, &text, &[1, 3, 2], &tokens);
        assert_eq!((packed.active.as_slice(), packed.tokens.as_slice()), (&[3, 2, 1][..], &[1, 4, 0, 2, 5, 3][..]));
        assert_eq!(packed.labels, packed.tokens);
        assert_eq!(packed.begin([2, 4].into_iter()), 4);
        packed.go_on(&inputs, &text, &tokens, 1, 2);
        assert_eq!((packed.active.as_slice(), packed.tokens.as_slice()), (&[2, 1][..], &[3, 1, 4][..]));
    }
}

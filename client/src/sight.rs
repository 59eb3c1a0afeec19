//! What a model sees of an example: the example, or fixed features of it.

use murmur_round::model::{Features, ModelSpec};

/// The features that a model asks for, and room for them.
pub(crate) struct Sight {
    features: Option<Features>,
    input: [usize; 3],
    width: usize,
    seen: Vec<f32>,
}

impl Sight {
    /// Of a model that is valid.
    pub(crate) fn of(model: &ModelSpec) -> Self {
        let width = model.seen().unwrap_or_default().iter().product();
        Self { features: model.features(), input: model.input().unwrap_or_default(), width, seen: Vec::new() }
    }

    /// What the first layer is given, example after example, for these inputs, which are of the model's shape.
    pub(crate) fn see<'a>(&'a mut self, inputs: &'a [f32]) -> &'a [f32] {
        let Some(Features::OrientedGradients { cell, orientations }) = self.features else { return inputs };
        let [channels, height, width] = self.input;
        let plane = height * width;
        self.seen.clear();
        self.seen.resize(inputs.len() / (channels * plane) * self.width, 0.0);
        let histograms = self.seen.chunks_exact_mut(self.width / channels);
        for (image, histogram) in inputs.chunks_exact(plane).zip(histograms) {
            add_gradients(image, width, cell, orientations, histogram);
        }
        self.seen.iter_mut().for_each(|sum| *sum = sum.sqrt());
        &self.seen
    }
}

/// Adds the length of every gradient of an image to its cell of the histogram `[orientations, rows, columns]`, shared between the two
/// directions that it lies between.
fn add_gradients(image: &[f32], width: usize, cell: usize, orientations: usize, histogram: &mut [f32]) {
    let (columns, cells) = (width / cell, histogram.len() / orientations);
    let bins_per_quarter = orientations as f32 / 4.0;
    let dark = vec![0.0; width];
    let rows: Vec<&[f32]> = image.chunks_exact(width).collect();
    for (y, row) in rows.iter().enumerate() {
        let above = if y > 0 { rows[y - 1] } else { &dark };
        let below = rows.get(y + 1).copied().unwrap_or(&dark);
        for x in 0..width {
            let left = if x > 0 { row[x - 1] } else { 0.0 };
            let right = row.get(x + 1).copied().unwrap_or(0.0);
            let (along, down) = (right - left, below[x] - above[x]);
            if along == 0.0 && down == 0.0 {
                continue;
            }
            let length = (along * along + down * down).sqrt();
            // From 0 at the right, by 1 downwards, 2 at the left and 3 upwards, back to 4.
            let share = along / (along.abs() + down.abs());
            let turn = if down >= 0.0 { 1.0 - share } else { 3.0 + share };
            let place = turn * bins_per_quarter;
            let (bin, beyond) = (place as usize, place.fract());
            let at = y / cell * columns + x / cell;
            histogram[bin % orientations * cells + at] += length * (1.0 - beyond);
            histogram[(bin + 1) % orientations * cells + at] += length * beyond;
        }
    }
}

#[cfg(test)]
mod tests {
    use murmur_round::{
        params::Params,
        plan::{LocalPlan, ShuffleSeed},
    };

    use super::*;
    use crate::{BurnTrainer, Evaluation, data::Examples, evaluate};

    fn model(input: [usize; 3], cell: usize, orientations: usize) -> ModelSpec {
        let features = Some(Features::OrientedGradients { cell, orientations });
        ModelSpec::Linear { input, classes: 2, features }
    }

    fn seen(model: &ModelSpec, image: &[f32]) -> Vec<f32> {
        model.validate().unwrap();
        Sight::of(model).see(image).to_vec()
    }

    /// A bright right half: all gradients point to the right, and half way between bright and dark rows of pixels lie none.
    #[test]
    fn an_edge_is_seen_in_its_direction_and_where_it_is() {
        let model = model([1, 2, 4], 2, 4);
        assert_eq!(model.seen(), Some([4, 1, 2]));
        // Rows of 0 0 1 1. With dark outside: to the right of the edge +1 (twice a row), at the right border -1.
        let image = [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0];
        let found = seen(&model, &image);
        // Along a row: 0 1 1 -1; down the columns: 0 0 1 1 in the first row, 0 0 -1 -1 in the second.
        let (right, down) = (|cell: usize| found[cell], |cell: usize| found[2 + cell]);
        let (left, up) = (|cell: usize| found[4 + cell], |cell: usize| found[6 + cell]);
        assert_eq!((right(0), left(0), down(0), up(0)), (2.0_f32.sqrt(), 0.0, 0.0, 0.0));
        // Each of the four pixels of the right cell has a gradient of length sqrt 2, half way between two directions.
        let half = 2.0_f32.sqrt() / 2.0;
        assert_eq!((right(1), left(1)), ((2.0 * half).sqrt(), (2.0 * half).sqrt()));
        assert_eq!((down(1), up(1)), ((2.0 * half).sqrt(), (2.0 * half).sqrt()));
    }

    #[test]
    fn a_turned_image_is_seen_in_turned_directions() {
        let (side, model) = (4, model([1, 4, 4], 4, 8));
        let image: Vec<f32> = (0..16).map(|pixel| ((pixel * 7 + 3) % 11) as f32 / 11.0).collect();
        // A quarter turn: what was to the right is below.
        let turned: Vec<f32> = (0..16).map(|at| image[(side - 1 - at % side) * side + at / side]).collect();
        let (found, turned) = (seen(&model, &image), seen(&model, &turned));
        for bin in 0..8 {
            assert!((found[bin] - turned[(bin + 2) % 8]).abs() < 1e-5, "{found:?} {turned:?}");
        }
    }

    #[test]
    fn a_uniform_scale_changes_nothing_but_the_length_and_channels_do_not_mix() {
        let image: Vec<f32> = (0..32).map(|pixel| ((pixel * 5) % 13) as f32).collect();
        let four: Vec<f32> = image.iter().map(|value| 4.0 * value).collect();
        let both = seen(&model([2, 4, 4], 2, 4), &image);
        let scaled = seen(&model([2, 4, 4], 2, 4), &four);
        assert!(both.iter().zip(&scaled).all(|(one, four)| (2.0 * one - four).abs() < 1e-4));
        let one = model([1, 4, 4], 2, 4);
        assert_eq!(both, [seen(&one, &image[..16]), seen(&one, &image[16..])].concat());
    }

    #[test]
    fn numbers_that_are_none_pass_through() {
        let image = [f32::NAN, f32::INFINITY, -1.0, f32::NEG_INFINITY];
        assert_eq!(seen(&model([1, 2, 2], 1, 4), &image).len(), 16);
    }

    #[test]
    fn training_on_features_is_training_on_what_is_seen() {
        let with = model([1, 4, 4], 2, 4);
        let without = ModelSpec::linear(with.seen().unwrap(), 2);
        assert_eq!(with.layout(), without.layout());
        let inputs: Vec<f32> = (0..96).map(|pixel| ((pixel * 7) % 17) as f32 / 17.0).collect();
        let examples = Examples::new([1, 4, 4], inputs.clone(), vec![0, 1, 1, 0, 1, 0]).unwrap();
        let features = Examples::new(with.seen().unwrap(), seen(&with, &inputs), vec![0, 1, 1, 0, 1, 0]).unwrap();
        let (plan, seed) = (LocalPlan::plain(2, 4, 0.1), ShuffleSeed([3; 32]));
        let params = Params::zeros(with.layout());
        let moved = |model: &ModelSpec, examples: &Examples| {
            BurnTrainer::new(model).unwrap().difference(&params, &plan, examples, seed).unwrap()
        };
        let (one, other) = (moved(&with, &examples), moved(&without, &features));
        assert!(one.iter().any(|value| *value != 0.0));
        assert_eq!(one, other);
        let quality = |model: &ModelSpec, examples: &Examples| -> Evaluation {
            evaluate(model, &Params::new(model.layout(), one.clone()).unwrap(), examples).unwrap()
        };
        assert_eq!(quality(&with, &examples), quality(&without, &features));
    }
}

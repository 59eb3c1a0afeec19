//! Training of a part of a model: what is trained moves by its own slope, which follows from that along the whole model.

use murmur_round::pretrained::{Adaptation, Part};

use crate::models::{Batch, Network, add_matrix_product};

/// What is trained of a model, with the buffers of a step.
pub(crate) struct Adapted {
    adaptation: Adaptation,
    whole: Vec<f32>,
    /// Slope of the loss along the whole model.
    slope: Vec<f32>,
    /// What a step takes from what is trained.
    change: Vec<f32>,
}

impl Adapted {
    pub(crate) fn new(adaptation: Adaptation) -> Self {
        Self { adaptation, whole: Vec::new(), slope: Vec::new(), change: Vec::new() }
    }

    pub(crate) fn adaptation(&self) -> &Adaptation {
        &self.adaptation
    }

    /// One step of SGD on the mean cross-entropy of a batch: `trained`, as many values as are trained, moves; what is frozen does not.
    pub(crate) fn step(&mut self, network: &mut Network, batch: &Batch, learning_rate: f32, trained: &mut [f32]) {
        // PANIC: the trainer has checked how many parameters it was handed.
        self.adaptation.fill(trained, &mut self.whole).expect("as many parameters as are trained");
        network.slope(&self.whole, batch, &mut self.slope);
        self.change.clear();
        self.change.resize(trained.len(), 0.0);
        let scale = learning_rate * self.adaptation.scale();
        for part in self.adaptation.parts() {
            match part {
                Part::Frozen(_) => {}
                Part::Trained { whole, trained } => {
                    let slope = self.slope[whole.clone()].iter();
                    self.change[trained.clone()]
                        .iter_mut()
                        .zip(slope)
                        .for_each(|(change, slope)| *change = learning_rate * slope);
                }
                // Of W + s B A, by the chain rule: along A it is s B^T times that along W, along B it is that along W times s A^T.
                Part::Adapted { whole, down, up, inputs } => {
                    let slope = &self.slope[whole.clone()];
                    let rank = down.len() / inputs;
                    add_matrix_product(
                        &mut self.change[down.clone()],
                        scale,
                        (&trained[up.clone()], rank, true),
                        (slope, *inputs, false),
                    );
                    add_matrix_product(
                        &mut self.change[up.clone()],
                        scale,
                        (slope, *inputs, false),
                        (&trained[down.clone()], *inputs, true),
                    );
                }
            }
        }
        trained.iter_mut().zip(&self.change).for_each(|(value, change)| *value -= change);
    }
}

#[cfg(test)]
pub(crate) mod tests;

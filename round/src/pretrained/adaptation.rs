//! How what is trained and what stays as it was make a model.

use std::{ops::Range, sync::Arc};

use chacha20::ChaCha20Rng;
use murmur_privacy::Digest;
use rand::{Rng, SeedableRng};

use super::{Lora, Pretrained, PretrainedFileError, Role};
use crate::{
    checkpoint::read_model,
    model::{ModelSpec, symmetric},
    params::{DimensionMismatch, Layout, ParameterShape, Params},
    personal::Personal,
    task::Task,
};

/// What becomes of one tensor of the model. Ranges are of its values in the whole model, and of what is trained for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// It stays as it is.
    Frozen(Range<usize>),
    /// It is trained itself.
    Trained {
        /// In the whole model.
        whole: Range<usize>,
        /// Among what is trained.
        trained: Range<usize>,
    },
    /// A matrix `[outputs, inputs]` that stays as it is, and the two factors of what is added to it.
    Adapted {
        /// In the whole model.
        whole: Range<usize>,
        /// `A`, `[rank, inputs]`, among what is trained.
        down: Range<usize>,
        /// `B`, `[outputs, rank]`, among what is trained.
        up: Range<usize>,
        /// Columns of the matrix.
        inputs: usize,
    },
}

/// How what is trained and what stays as it was make a model. A clone shares what stays.
#[derive(Clone, Debug)]
pub struct Adaptation {
    trained: Layout,
    parts: Arc<[Part]>,
    /// The whole model before anything was learnt.
    start: Arc<Params>,
    lora: Option<Lora>,
    adapters: [u8; 32],
}

impl Adaptation {
    /// What `task` starts from; none where it does not start from a file. Everything about the file is checked: its digest, and that it
    /// holds the model's tensors.
    ///
    /// # Errors
    /// [`PretrainedFileError`].
    pub fn of(task: &Task, file: Option<&[u8]>) -> Result<Option<Self>, PretrainedFileError> {
        let Some(pretrained) = &task.pretrained else { return Ok(None) };
        let named = || pretrained.file.clone();
        let Some(bytes) = file else {
            return Err(PretrainedFileError::Missing { file: named(), sha256: pretrained.sha256 });
        };
        let (expected, found) = (pretrained.sha256, Digest::of(bytes));
        if expected != found {
            return Err(PretrainedFileError::Digest { file: named(), expected, found });
        }
        let limit = Pretrained::longest_file(&task.model);
        if bytes.len() > limit {
            return Err(PretrainedFileError::TooLong { file: named(), found: bytes.len(), limit });
        }
        let start = start(pretrained, &task.model, bytes)?;
        let trained = task.local_layout();
        let parts = parts(pretrained, task.personal.as_ref(), start.layout(), &trained).into();
        let adapters = seed(&task.model);
        Ok(Some(Self { trained, parts, start: Arc::new(start), lora: pretrained.lora, adapters }))
    }

    /// Whether something of the file stays as it is, or is adapted: otherwise what is trained is the model.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.trained != *self.start.layout()
    }

    /// The table of what is trained.
    #[must_use]
    pub fn trained_layout(&self) -> &Layout {
        &self.trained
    }

    /// The model's tensors in order, and what becomes of each.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// What the product of two adapters is multiplied by.
    #[must_use]
    pub fn scale(&self) -> f32 {
        self.lora.map_or(1.0, |lora| lora.scale())
    }

    /// What is trained, before anything was learnt: the file's tensors themselves, those drawn that it does not hold, `A` of every
    /// adapter uniform up to `1 / sqrt(inputs)` and `B` zero, so that the model is the file's. No device's data are involved.
    #[must_use]
    pub fn initial(&self) -> Params {
        let mut params = Params::zeros(self.trained.clone());
        let mut rng = ChaCha20Rng::from_seed(self.adapters);
        let values = params.values_mut();
        for part in &*self.parts {
            match part {
                Part::Frozen(_) => {}
                Part::Trained { whole, trained } => {
                    values[trained.clone()].copy_from_slice(&self.start.values()[whole.clone()]);
                }
                Part::Adapted { down, inputs, .. } => {
                    let limit = 1.0 / (*inputs as f32).sqrt();
                    values[down.clone()].iter_mut().for_each(|value| *value = limit * symmetric(rng.next_u32()));
                }
            }
        }
        params
    }

    /// The whole model that these trained parameters make.
    ///
    /// # Errors
    /// [`DimensionMismatch`] when they are not as many as are trained.
    pub fn whole(&self, trained: &Params) -> Result<Params, DimensionMismatch> {
        let mut whole = Vec::new();
        self.fill(trained.values(), &mut whole)?;
        Params::new(self.start.layout().clone(), whole)
    }

    /// As [`whole`](Self::whole), into a buffer, in the place of what it held.
    ///
    /// # Errors
    /// [`DimensionMismatch`].
    pub fn fill(&self, trained: &[f32], into: &mut Vec<f32>) -> Result<(), DimensionMismatch> {
        let (expected, found) = (self.trained.dimension(), trained.len());
        if expected != found {
            return Err(DimensionMismatch { expected, found });
        }
        into.clear();
        into.extend_from_slice(self.start.values());
        for part in &*self.parts {
            match part {
                Part::Frozen(_) => {}
                Part::Trained { whole, trained: of } => {
                    into[whole.clone()].copy_from_slice(&trained[of.clone()]);
                }
                Part::Adapted { whole, down, up, inputs } => {
                    add_product(
                        &mut into[whole.clone()],
                        &trained[up.clone()],
                        &trained[down.clone()],
                        *inputs,
                        self.scale(),
                    );
                }
            }
        }
        Ok(())
    }
}

/// The whole model before anything was learnt.
fn start(pretrained: &Pretrained, model: &ModelSpec, bytes: &[u8]) -> Result<Params, PretrainedFileError> {
    let file = || pretrained.file.clone();
    let mut start = model.initial();
    let layout = start.layout().clone();
    let from_file: Vec<ParameterShape> =
        layout.tensors().iter().filter(|tensor| !pretrained.is_fresh(&tensor.name)).cloned().collect();
    let read = read_model(bytes, Layout::new(from_file));
    let read = read.map_err(|cause| PretrainedFileError::Tensors { file: file(), cause })?;
    if let Some((tensor, _)) = read.tensors().find(|(_, values)| values.iter().any(|value| !value.is_finite())) {
        return Err(PretrainedFileError::NotFinite { file: file(), name: tensor.name.clone() });
    }
    let (mut rest, mut read) = (start.values_mut(), read.tensors());
    for tensor in layout.tensors() {
        let (values, tail) = rest.split_at_mut(tensor.len());
        rest = tail;
        if !pretrained.is_fresh(&tensor.name)
            && let Some((_, from)) = read.next()
        {
            values.copy_from_slice(from);
        }
    }
    Ok(start)
}

fn parts(pretrained: &Pretrained, personal: Option<&Personal>, whole: &Layout, trained: &Layout) -> Vec<Part> {
    let (mut end, mut trained_end) = (0, 0);
    let mut lengths = trained.tensors().iter().map(ParameterShape::len);
    // The trained tensors stand in the order of those that they are for: the next one is always the one meant.
    let mut next = || {
        let begin = trained_end;
        trained_end += lengths.next().unwrap_or(0);
        begin..trained_end
    };
    let of = |tensor: &ParameterShape| {
        let whole = end..end + tensor.len();
        end = whole.end;
        match pretrained.role(tensor, personal) {
            Role::Frozen => Part::Frozen(whole),
            Role::Trained => Part::Trained { whole, trained: next() },
            Role::Adapted => {
                let (down, up) = (next(), next());
                Part::Adapted { whole, down, up, inputs: tensor.shape.last().copied().unwrap_or(0) }
            }
        }
    };
    whole.tensors().iter().map(of).collect()
}

/// `into += scale * up * down`, where `into` has rows of `inputs`. In a fixed order, one sum after the other: the same bits everywhere.
fn add_product(into: &mut [f32], up: &[f32], down: &[f32], inputs: usize, scale: f32) {
    let rank = down.len() / inputs.max(1);
    for (row, factors) in into.chunks_exact_mut(inputs.max(1)).zip(up.chunks_exact(rank.max(1))) {
        for (factor, direction) in factors.iter().zip(down.chunks_exact(inputs.max(1))) {
            let factor = scale * factor;
            row.iter_mut().zip(direction).for_each(|(value, step)| *value += factor * step);
        }
    }
}

/// Adapters depend on the `[model]` section alone, like everything that is drawn.
fn seed(model: &ModelSpec) -> [u8; 32] {
    // PANIC: a ModelSpec is plain strings and integers, which JSON can always hold.
    let description = serde_json::to_vec(model).expect("a model section serialises");
    *Digest::of(&[b"murmur adapters 1".as_slice(), &description].concat()).as_bytes()
}

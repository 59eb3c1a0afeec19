//! Labelled examples in one flat block.

use std::{fmt, ops::Range};

use murmur_round::model::{ModelSpec, TEXT_START};
use thiserror::Error;

/// Examples that contradict themselves or the model that is to learn from them.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ExampleError {
    /// The block of inputs is longer or shorter than the labels say.
    #[error("{labels} labels with inputs of {shape:?} need {expected} numbers, but there are {found}")]
    InputLength {
        /// Number of labels.
        labels: usize,
        /// Shape of one example.
        shape: [usize; 3],
        /// Numbers needed.
        expected: usize,
        /// Numbers found.
        found: usize,
    },
    /// One example would hold no number, or more than can be counted.
    #[error("no example can have the shape {0:?}")]
    ImpossibleShape([usize; 3]),
    /// The model reads, and the examples are not text.
    #[error("the model reads text, the examples are numbers of shape {found:?}")]
    NotText {
        /// Shape of one example.
        found: [usize; 3],
    },
    /// The model takes numbers, and the examples are text.
    #[error("the model takes inputs of {expected:?}, the examples are text")]
    Text {
        /// What the model takes.
        expected: [usize; 3],
    },
    /// The model takes inputs of another shape.
    #[error("the model takes inputs of {expected:?}, the examples are {found:?}")]
    Shape {
        /// What the model takes.
        expected: [usize; 3],
        /// What the examples are.
        found: [usize; 3],
    },
    /// A label names no class of the model.
    #[error("label {label} (example {index}) is out of range: the model has {classes} classes")]
    Label {
        /// Position of the first offending example.
        index: usize,
        /// Its label.
        label: u32,
        /// Classes of the model.
        classes: usize,
    },
}

/// Labelled examples: inputs row-major `[examples, channels, height, width]`, and one label each.
///
/// Of text there is an example for each character: its input is the character before it ([`TEXT_START`] where a passage begins), its
/// label the character itself, both as code points. So a passage is a stretch of examples in their order; a vocabulary is the model's.
///
/// A device without any example is legal. Debug output shows how many there are, never what they hold.
#[derive(Clone, PartialEq)]
pub struct Examples {
    shape: [usize; 3],
    inputs: Vec<f32>,
    labels: Vec<u32>,
    is_text: bool,
}

impl Examples {
    /// Examples of the given shape (`[channels, height, width]`). Images hold values in [0, 1]; nothing depends on it.
    ///
    /// # Errors
    /// [`ExampleError`] when the lengths do not agree or the shape is impossible.
    pub fn new(shape: [usize; 3], inputs: Vec<f32>, labels: Vec<u32>) -> Result<Self, ExampleError> {
        let width = shape.iter().try_fold(1_usize, |width, &extent| width.checked_mul(extent));
        let width = width.filter(|&width| width > 0).ok_or(ExampleError::ImpossibleShape(shape))?;
        let expected = width.checked_mul(labels.len()).ok_or(ExampleError::ImpossibleShape(shape))?;
        if inputs.len() == expected {
            Ok(Self::from_parts(shape, inputs, labels))
        } else {
            Err(ExampleError::InputLength { labels: labels.len(), shape, expected, found: inputs.len() })
        }
    }

    /// Examples whose lengths are known to agree by construction.
    pub(crate) fn from_parts(shape: [usize; 3], inputs: Vec<f32>, labels: Vec<u32>) -> Self {
        debug_assert_eq!(inputs.len(), labels.len() * shape.iter().product::<usize>());
        Self { shape, inputs, labels, is_text: false }
    }

    /// No examples, of a shape that some could have.
    ///
    /// # Errors
    /// [`ExampleError::ImpossibleShape`].
    pub fn none(shape: [usize; 3]) -> Result<Self, ExampleError> {
        Self::new(shape, Vec::new(), Vec::new())
    }

    /// One passage of text.
    #[must_use]
    pub fn text(passage: &str) -> Self {
        let mut examples = TextExamples::default();
        examples.add(passage.chars());
        examples.finish()
    }

    /// Whether they are text.
    #[must_use]
    pub fn is_text(&self) -> bool {
        self.is_text
    }

    /// Number of examples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no example.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Shape of one example: `[channels, height, width]`.
    #[must_use]
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Numbers per example.
    #[must_use]
    pub fn width(&self) -> usize {
        self.shape.iter().product()
    }

    /// All inputs, example after example.
    #[must_use]
    pub fn inputs(&self) -> &[f32] {
        &self.inputs
    }

    /// The labels.
    #[must_use]
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// One example's numbers.
    ///
    /// # Panics
    /// When there is no such example, like a slice.
    #[must_use]
    pub fn input(&self, index: usize) -> &[f32] {
        let width = self.width();
        &self.inputs[index * width..(index + 1) * width]
    }

    /// Copies of the examples at `indices`, in that order; an index may come up more than once.
    ///
    /// # Panics
    /// When there is no such example, like a slice.
    #[must_use]
    pub fn select(&self, indices: &[usize]) -> Self {
        let mut inputs = Vec::with_capacity(indices.len() * self.width());
        for &index in indices {
            inputs.extend_from_slice(self.input(index));
        }
        let labels = indices.iter().map(|&index| self.labels[index]).collect();
        Self { shape: self.shape, inputs, labels, is_text: self.is_text }
    }

    /// A copy of the examples in `range`.
    ///
    /// # Panics
    /// When the range does not lie within the examples, like a slice.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        let width = self.width();
        let inputs = self.inputs[range.start * width..range.end * width].to_vec();
        Self { shape: self.shape, inputs, labels: self.labels[range].to_vec(), is_text: self.is_text }
    }

    /// The same, of text as a passage that begins with the first of them: what was read before it is not there.
    pub(crate) fn begun(mut self) -> Self {
        if self.is_text
            && let Some(first) = self.inputs.first_mut()
        {
            *first = u32::from(TEXT_START) as f32;
        }
        self
    }

    /// Adds the examples of `other` after these.
    ///
    /// # Errors
    /// [`ExampleError::Shape`] when they are of another shape, [`ExampleError::Text`] or [`ExampleError::NotText`].
    pub fn append(&mut self, other: &Self) -> Result<(), ExampleError> {
        match (self.is_text, other.is_text) {
            (true, false) => return Err(ExampleError::NotText { found: other.shape }),
            (false, true) => return Err(ExampleError::Text { expected: self.shape }),
            _ => {}
        }
        if other.shape != self.shape {
            return Err(ExampleError::Shape { expected: self.shape, found: other.shape });
        }
        self.inputs.extend_from_slice(&other.inputs);
        self.labels.extend_from_slice(&other.labels);
        Ok(())
    }

    /// Checks that `model` can learn from these examples: its input shape, and no label beyond its classes.
    ///
    /// # Errors
    /// [`ExampleError::Shape`], [`ExampleError::Label`], [`ExampleError::Text`] or [`ExampleError::NotText`].
    pub fn check(&self, model: &ModelSpec) -> Result<(), ExampleError> {
        match (model, model.input()) {
            (spec, _) if spec.vocabulary().is_some() && !self.is_text => {
                return Err(ExampleError::NotText { found: self.shape });
            }
            (ModelSpec::Gru { .. } | ModelSpec::Transformer { .. } | ModelSpec::External { .. }, _) | (_, None) => {}
            (_, Some(expected)) if self.is_text => return Err(ExampleError::Text { expected }),
            _ => {}
        }
        if let Some(expected) = model.input().filter(|expected| *expected != self.shape) {
            return Err(ExampleError::Shape { expected, found: self.shape });
        }
        let Some(classes) = model.classes() else { return Ok(()) };
        match self.labels.iter().position(|&label| label as usize >= classes) {
            Some(index) => Err(ExampleError::Label { index, label: self.labels[index], classes }),
            None => Ok(()),
        }
    }
}

/// Text on its way to becoming examples, passage after passage.
#[derive(Default)]
pub(super) struct TextExamples {
    inputs: Vec<f32>,
    labels: Vec<u32>,
}

impl TextExamples {
    pub(super) fn len(&self) -> usize {
        self.labels.len()
    }

    /// Adds a passage.
    pub(super) fn add(&mut self, passage: impl Iterator<Item = char>) {
        let mut before = TEXT_START;
        for character in passage {
            // Code points lie below 2^24: f32 holds them exactly.
            self.inputs.push(u32::from(before) as f32);
            self.labels.push(u32::from(character));
            before = character;
        }
    }

    pub(super) fn finish(self) -> Examples {
        Examples { shape: [1; 3], inputs: self.inputs, labels: self.labels, is_text: true }
    }
}

impl fmt::Debug for Examples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Examples").field("shape", &self.shape).field("len", &self.len()).finish_non_exhaustive()
    }
}

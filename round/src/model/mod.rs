//! What is to be learnt: the `[model]` section of a task.
//!
//! The protocol knows a model only as a table of shapes and a way to draw its first parameters, so a coordinator
//! needs no tensor library. The arithmetic of each kind lives with the device (`murmur-client`).

mod external;
mod features;
mod initial;
mod language;
mod transformer;

pub use external::{ExternalTensor, Initial};
pub use features::Features;
pub(crate) use initial::symmetric;
pub use language::TEXT_START;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::params::{Layout, ParameterShape};

/// Side of every convolution kernel.
pub const KERNEL: usize = 3;
/// Side and stride of every max-pooling window.
pub const POOL: usize = 2;
/// No built-in model may have more parameters than this: 2^30.
pub const DIMENSION_LIMIT: usize = 1 << 30;

/// A model: built in, with inputs `[channels, height, width]` and one logit per class, or an app's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ModelSpec {
    /// Softmax regression: one dense layer from the flattened input to the classes.
    Linear {
        /// Shape of one example: `[channels, height, width]`.
        input: [usize; 3],
        /// Number of classes.
        classes: usize,
        /// What the model sees in the place of the input; without it, the input itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        features: Option<Features>,
    },
    /// Dense layers with ReLU between them.
    Mlp {
        /// Shape of one example: `[channels, height, width]`.
        input: [usize; 3],
        /// Widths of the hidden layers, at least one.
        hidden: Vec<usize>,
        /// Number of classes.
        classes: usize,
        /// What the model sees in the place of the input; without it, the input itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        features: Option<Features>,
    },
    /// Convolutions 3x3 (stride 1, no padding), each followed by ReLU and 2x2 max-pooling, then dense layers with ReLU.
    Cnn {
        /// Shape of one example: `[channels, height, width]`.
        input: [usize; 3],
        /// Output channels of the convolutions, at least one.
        channels: Vec<usize>,
        /// Widths of the hidden dense layers after the convolutions; may be empty.
        hidden: Vec<usize>,
        /// Number of classes.
        classes: usize,
    },
    /// A language model of characters: an embedding, one layer of gated recurrent units as PyTorch has them, and a dense layer that
    /// says which character comes next. Examples are text, one for each character that is to be foretold; `plan.batch_size` counts sequences.
    Gru {
        /// The characters that are told apart, each once. All others are one and the same: something else.
        vocabulary: String,
        /// Numbers that stand for a character.
        embedding: usize,
        /// Units of the recurrent layer.
        hidden: usize,
        /// Characters of a sequence: so far back does a step of training follow a slope. A device's text is cut into such sequences.
        sequence: usize,
    },
    /// A language model of characters: a transformer that sees a sequence and foretells what follows each of its characters. Embeddings of
    /// characters and places, layers as PyTorch's `TransformerEncoderLayer` with `norm_first=True`, ReLU and a causal mask, a last
    /// normalisation, and a dense layer. Examples and batches are as for `gru`.
    Transformer {
        /// The characters that are told apart, each once. All others are one and the same: something else.
        vocabulary: String,
        /// Numbers that stand for a character: the width of the model, which the heads divide among them.
        embedding: usize,
        /// Heads of every layer's attention.
        heads: usize,
        /// Layers.
        layers: usize,
        /// Units between the two dense layers of each layer.
        hidden: usize,
        /// Characters of a sequence: so far back does the model see.
        sequence: usize,
    },
    /// An app's own: the protocol knows its tensors, and a `Trainer` of the app knows what to do with them.
    External {
        /// Its tensors, laid end to end in this order.
        tensors: Vec<ExternalTensor>,
        /// Shape of one example, `[channels, height, width]`, where examples are such.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        input: Option<[usize; 3]>,
        /// Number of classes, where examples have labels.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        classes: Option<usize>,
    },
}

impl ModelSpec {
    /// Softmax regression on the input itself.
    #[must_use]
    pub fn linear(input: [usize; 3], classes: usize) -> Self {
        Self::Linear { input, classes, features: None }
    }

    /// Dense layers of these widths, on the input itself.
    #[must_use]
    pub fn mlp(input: [usize; 3], hidden: Vec<usize>, classes: usize) -> Self {
        Self::Mlp { input, hidden, classes, features: None }
    }

    /// Its `kind`, as tasks name it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Linear { .. } => "linear",
            Self::Mlp { .. } => "mlp",
            Self::Cnn { .. } => "cnn",
            Self::Gru { .. } => "gru",
            Self::Transformer { .. } => "transformer",
            Self::External { .. } => "external",
        }
    }
}

/// A `[model]` section that describes no model.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ModelError {
    /// A width, extent or class count of zero.
    #[error("model.{field} must be at least 1")]
    Zero {
        /// The key at fault.
        field: &'static str,
    },
    /// It could not be written as a section.
    #[error("the model section cannot be written: {0}")]
    Unwritten(String),
    /// Fewer than two classes cannot be told apart.
    #[error("model.classes must be at least 2")]
    OneClass,
    /// A list that needs an element has none.
    #[error("model.{field} must name at least one layer")]
    NoLayer {
        /// The key at fault.
        field: &'static str,
    },
    /// A character that cannot be in a vocabulary, or is in it already.
    #[error("model.vocabulary: {character:?} comes up twice, or marks where a text begins: remove it")]
    Vocabulary {
        /// The character.
        character: char,
    },
    /// A vocabulary of no character.
    #[error("model.vocabulary must name at least one character")]
    NoVocabulary,
    /// Convolution and pooling leave nothing of the image.
    #[error("model.channels: after {layers} convolutions nothing of the {height}x{width} input is left")]
    InputTooSmall {
        /// Convolutions asked for.
        layers: usize,
        /// Input height.
        height: usize,
        /// Input width.
        width: usize,
    },
    /// Cells that do not cover the image.
    #[error("model.features.cell: cells of {cell} by {cell} pixels do not cover a {height}x{width} input")]
    Cell {
        /// Side of a cell.
        cell: usize,
        /// Input height.
        height: usize,
        /// Input width.
        width: usize,
    },
    /// Directions that do not divide a turn into quarters.
    #[error("model.features.orientations must be a multiple of 4, not {orientations}")]
    Orientations {
        /// The number given.
        orientations: usize,
    },
    /// Two tensors of one name, or one without.
    #[error("model.tensors: the name {name:?} is empty or given twice")]
    Name {
        /// The name.
        name: String,
    },
    /// A distribution that is none.
    #[error("model.tensors: initial of {name:?} must be uniform up to a positive number, not {limit}")]
    Limit {
        /// Name of the tensor.
        name: String,
        /// The limit given.
        limit: f32,
    },
    /// Heads that do not divide the width.
    #[error("model.heads: {heads} heads do not divide an embedding of {embedding} numbers among them")]
    Heads {
        /// Heads asked for.
        heads: usize,
        /// Width of the model.
        embedding: usize,
    },
    /// More parameters than the limit.
    #[error("the model has more than {DIMENSION_LIMIT} parameters")]
    TooLarge,
}

impl ModelSpec {
    /// Shape of one example, `[channels, height, width]`, where examples are such. Of text, an example is a character.
    #[must_use]
    pub fn input(&self) -> Option<[usize; 3]> {
        match self {
            Self::Linear { input, .. } | Self::Mlp { input, .. } | Self::Cnn { input, .. } => Some(*input),
            Self::Gru { .. } | Self::Transformer { .. } => Some([1; 3]),
            Self::External { input, .. } => *input,
        }
    }

    /// The fixed features that the first layer is given, if not the example itself.
    #[must_use]
    pub fn features(&self) -> Option<Features> {
        match self {
            Self::Linear { features, .. } | Self::Mlp { features, .. } => *features,
            Self::Cnn { .. } | Self::Gru { .. } | Self::Transformer { .. } | Self::External { .. } => None,
        }
    }

    /// Shape of what the first layer is given, where examples are images: that of the features, or of the example.
    #[must_use]
    pub fn seen(&self) -> Option<[usize; 3]> {
        let input = self.input()?;
        Some(self.features().map_or(input, |features| features.shape(input)))
    }

    /// Number of classes, where examples are labelled by one. Labels of text are characters, whatever a model makes of them.
    #[must_use]
    pub fn classes(&self) -> Option<usize> {
        match self {
            Self::Linear { classes, .. } | Self::Mlp { classes, .. } | Self::Cnn { classes, .. } => Some(*classes),
            Self::Gru { .. } | Self::Transformer { .. } => None,
            Self::External { classes, .. } => *classes,
        }
    }

    /// The characters that a language model tells apart.
    #[must_use]
    pub fn vocabulary(&self) -> Option<&str> {
        match self {
            Self::Gru { vocabulary, .. } | Self::Transformer { vocabulary, .. } => Some(vocabulary),
            Self::Linear { .. } | Self::Mlp { .. } | Self::Cnn { .. } | Self::External { .. } => None,
        }
    }

    /// Checks that the section describes a model.
    ///
    /// # Errors
    /// [`ModelError`] naming the key at fault.
    pub fn validate(&self) -> Result<(), ModelError> {
        if self.input().is_some_and(|input| input.contains(&0)) {
            return Err(ModelError::Zero { field: "input" });
        }
        if self.classes().is_some_and(|classes| classes < 2) {
            return Err(ModelError::OneClass);
        }
        if let Some((features, input)) = self.features().zip(self.input()) {
            features.validate(input)?;
        }
        let (channels, hidden): (&[usize], &[usize]) = match self {
            Self::External { tensors, .. } => {
                external::validate(tensors)?;
                (&[], &[])
            }
            Self::Gru { vocabulary, embedding, hidden, sequence } => {
                let extents = [("embedding", *embedding), ("hidden", *hidden), ("sequence", *sequence)];
                language::validate(vocabulary, &extents)?;
                (&[], &[])
            }
            Self::Transformer { vocabulary, embedding, heads, layers, hidden, sequence } => {
                let extents = [("embedding", *embedding), ("heads", *heads), ("layers", *layers), ("hidden", *hidden)];
                language::validate(vocabulary, &extents)?;
                language::validate(vocabulary, &[("sequence", *sequence)])?;
                transformer::validate([*embedding, *heads, *layers])?;
                (&[], &[])
            }
            Self::Linear { .. } => (&[], &[]),
            Self::Mlp { hidden, .. } if hidden.is_empty() => return Err(ModelError::NoLayer { field: "hidden" }),
            Self::Mlp { hidden, .. } => (&[], hidden),
            Self::Cnn { channels, .. } if channels.is_empty() => return Err(ModelError::NoLayer { field: "channels" }),
            Self::Cnn { channels, hidden, .. } => (channels, hidden),
        };
        if channels.contains(&0) {
            return Err(ModelError::Zero { field: "channels" });
        }
        if hidden.contains(&0) {
            return Err(ModelError::Zero { field: "hidden" });
        }
        if let Some([_, height, width]) = self.input()
            && self.feature_map(channels.len()).is_none()
        {
            return Err(ModelError::InputTooSmall { layers: channels.len(), height, width });
        }
        let dimension = self.shapes().iter().try_fold(0_usize, |total, tensor| {
            tensor.shape.iter().try_fold(1_usize, |product, &extent| product.checked_mul(extent))?.checked_add(total)
        });
        match dimension {
            Some(dimension) if dimension <= DIMENSION_LIMIT => Ok(()),
            _ => Err(ModelError::TooLarge),
        }
    }

    /// The table of the model's tensors, PyTorch's conventions. Call [`validate`](Self::validate) first.
    #[must_use]
    pub fn layout(&self) -> Layout {
        Layout::new(self.shapes())
    }

    /// Height and width after `layers` convolutions and poolings; `None` once nothing is left.
    #[must_use]
    pub fn feature_map(&self, layers: usize) -> Option<(usize, usize)> {
        let [_, height, width] = self.input()?;
        (0..layers).try_fold((height, width), |(height, width), _| {
            let shrink = |extent: usize| Some(extent.checked_sub(KERNEL - 1)? / POOL).filter(|&left| left > 0);
            Some((shrink(height)?, shrink(width)?))
        })
    }

    fn shapes(&self) -> Vec<ParameterShape> {
        match self {
            Self::External { tensors, .. } => return tensors.iter().map(ExternalTensor::shape).collect(),
            Self::Gru { vocabulary, embedding, hidden, .. } => {
                return language::shapes(vocabulary, *embedding, *hidden);
            }
            Self::Transformer { vocabulary, embedding, layers, hidden, sequence, .. } => {
                return transformer::shapes(vocabulary, [*embedding, *layers, *hidden, *sequence]);
            }
            Self::Linear { .. } | Self::Mlp { .. } | Self::Cnn { .. } => {}
        }
        let (Some([image_channels, height, width]), Some(classes)) = (self.seen(), self.classes()) else {
            return Vec::new();
        };
        let mut shapes = Vec::new();
        let mut push = |name: String, weight: Vec<usize>| {
            let outputs = weight[0];
            shapes.push(ParameterShape { name: format!("{name}.weight"), shape: weight });
            shapes.push(ParameterShape { name: format!("{name}.bias"), shape: vec![outputs] });
        };
        let mut features = image_channels.saturating_mul(height).saturating_mul(width);
        let hidden: &[usize] = match self {
            Self::Linear { .. } | Self::Gru { .. } | Self::Transformer { .. } | Self::External { .. } => &[],
            Self::Mlp { hidden, .. } => hidden,
            Self::Cnn { channels, hidden, .. } => {
                let mut inputs = image_channels;
                for (index, &outputs) in channels.iter().enumerate() {
                    push(format!("convolution.{index}"), vec![outputs, inputs, KERNEL, KERNEL]);
                    inputs = outputs;
                }
                let (height, width) = self.feature_map(channels.len()).unwrap_or((0, 0));
                features = inputs.saturating_mul(height).saturating_mul(width);
                hidden
            }
        };
        for (index, &outputs) in hidden.iter().enumerate() {
            push(format!("hidden.{index}"), vec![outputs, features]);
            features = outputs;
        }
        push("output".to_owned(), vec![classes, features]);
        shapes
    }
}

//! Why a task cannot start from a file.

use murmur_privacy::Digest;
use thiserror::Error;

use crate::checkpoint::CheckpointError;

/// A `[pretrained]` section that does not fit its task, and what to change in it.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum PretrainedError {
    /// No path.
    #[error("pretrained.file is {file:?}; it must be the path of a file, of 1 to 255 bytes")]
    File {
        /// What it holds.
        file: String,
    },
    /// A name that means nothing.
    #[error(
        "pretrained.{key} names {name:?}, and no tensor of the model is called so, or so and then a dot: there are {tensors}"
    )]
    NoSuchTensor {
        /// The key at fault.
        key: &'static str,
        /// The name.
        name: String,
        /// The model's tensors.
        tensors: String,
    },
    /// A tensor that would never be learnt.
    #[error(
        "pretrained.fresh and pretrained.freeze both name {name:?}: it would stay as it was drawn, and never be learnt"
    )]
    FreshAndFrozen {
        /// The tensor.
        name: String,
    },
    /// No such rank.
    #[error("pretrained.lora.rank must be at least 1, and at most the parameters that a model may have, not {rank}")]
    Rank {
        /// The rank given.
        rank: usize,
    },
    /// No such factor.
    #[error("pretrained.lora.alpha must be a positive number, not {alpha}")]
    Alpha {
        /// The factor given.
        alpha: f32,
    },
    /// An app's own model, of which only the app knows the arithmetic.
    #[error(
        "pretrained.freeze and pretrained.lora do not go with model.kind = \"external\": the app's own Trainer trains whatever [model] \
         lists, so list what is trained there, and remove the keys"
    )]
    External,
    /// All is frozen.
    #[error("pretrained.freeze leaves nothing to be trained: remove a name from it")]
    NothingTrained,
    /// Adapters larger than any model.
    #[error("pretrained.lora.rank gives the adapters more parameters than a model may have: choose a smaller one")]
    TooManyAdapters,
}

/// Why a file is not what a task starts from.
#[derive(Debug, Error)]
pub enum PretrainedFileError {
    /// Nobody has it.
    #[error(
        "the task starts from {file} (sha256 {sha256}), and that file is not here: bring it, by --pretrained if it lies elsewhere"
    )]
    Missing {
        /// How the task calls it.
        file: String,
        /// Its digest.
        sha256: Digest,
    },
    /// Another file.
    #[error(
        "pretrained.sha256 of the task is {expected}, and {file} has {found}: bring the file that was meant, or write sha256 = \"{found}\""
    )]
    Digest {
        /// How the task calls it.
        file: String,
        /// What the task says.
        expected: Digest,
        /// What the bytes have.
        found: Digest,
    },
    /// More than the model by far.
    #[error(
        "{file} has {found} bytes, and every device would have to fetch them: leave only the model's tensors in it, {limit} bytes at most"
    )]
    TooLong {
        /// How the task calls it.
        file: String,
        /// Its length.
        found: usize,
        /// The longest that it may be.
        limit: usize,
    },
    /// Not a safetensors file, or not the model's tensors.
    #[error("{file}: {cause}; tensors that are not to come from the file are named in pretrained.fresh")]
    Tensors {
        /// How the task calls it.
        file: String,
        /// What is wrong.
        cause: CheckpointError,
    },
    /// Nothing can be learnt from there.
    #[error("{file}: tensor {name:?} holds something that is no finite number")]
    NotFinite {
        /// How the task calls it.
        file: String,
        /// The tensor.
        name: String,
    },
}
